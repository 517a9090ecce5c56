# SPDX-License-Identifier: Apache-2.0
"""Backup and restore with real programs: phones ahead, a lost ledger, revoked and erased, a kill on the way."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed, new_schema
from stage import Stage, program

CANARY = "canary-7f3a-鸟"


class Restored(unittest.TestCase):
    """Each test has a company of its own, a key, and a folder for backups."""

    def setUp(self):
        self.stage = Stage(lambda server, folder: company.found(server, folder, 6))
        self.addCleanup(self.stage.close)
        self.server = self.stage.server
        self.backups = self.stage.path("backups")
        self.key = self.stage.path("backup.key")
        os.makedirs(self.backups)
        self.server.admin("backup", "new-key", self.key)
        self.wang = self.stage.enroll("wang.fang")
        self.wang.run(["sync"])
        self.shop = self.server.admin("customer", "show", "C-0001")["id"]

    def backup(self):
        made = self.server.admin("backup", self.backups, "--key", self.key)
        return os.path.join(self.backups, f"satchel-{made['epoch']}-{made['revision']}.backup")

    def put_back(self, path, with_ledger=True, ledger=None):
        """The server's folder is lost but for its ledger; another one takes its place."""
        self.server.end()
        lost = self.server.folder
        self.server.folder = lost + "-again"
        command = [program("satcheld"), "restore", path, "--key", self.key, "--data", self.server.folder]
        if "SATCHEL_TEST_POSTGRES" in os.environ:
            self.server.environment["SATCHELD_DATABASE"] = new_schema()
        if with_ledger:
            command += ["--ledger", ledger or os.path.join(lost, "ledger")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=self.stage.log,
                       env=self.server.environment)
        self.server.start()

    def note(self, phone, text):
        phone.run(["customer", "edit", self.shop, "--set", f"note={text}"])

    def on_server(self):
        return self.server.admin("show", "customer", self.shop)

    def on_phone(self, phone):
        held = {line["id"]: line["record"] for line in phone.run(["dump", "customer"])["rows"]}
        return held.get(self.shop)

    def files(self, *folders):
        for folder in folders:
            for place, _, names in os.walk(folder):
                for name in names:
                    with open(os.path.join(place, name), "rb") as file:
                        yield os.path.join(place, name), file.read()

    def assert_nowhere(self, text, *folders):
        for path, content in self.files(*folders):
            self.assertNotIn(text.encode(), content, path)


class Epochs(Restored):
    def test_what_a_phone_was_told_comes_back_with_it(self):
        path = self.backup()
        self.note(self.wang, "after the backup")
        made = self.wang.run(["customer", "add", "--set", "name=新店 New shop"])["id"]
        self.wang.run(["sync"])
        self.note(self.wang, "not sent yet")
        before = self.server.admin("show", "customer", made)
        self.put_back(path)
        self.assertEqual(self.server.admin("epoch", "show")["epoch"], 2)
        self.assertNotEqual(self.on_server().get("note"), "after the backup")
        self.wang.run(["sync"])
        self.assertEqual(self.on_server()["note"], "not sent yet")
        after = self.server.admin("show", "customer", made)
        self.assertEqual((after["name"], after["owner"], after["created_at"]),
                         (before["name"], before["owner"], before["created_at"]))
        state = self.wang.run(["status"])
        self.assertEqual((state["units_unsent"], state["units_troubled"] if "units_troubled" in state else 0), (0, 0))
        self.assertEqual(self.on_phone(self.wang)["note"], "not sent yet")
        self.server.admin("audit", "verify")
        self.wang.run(["sync"])
        self.assertEqual(self.server.admin("conflicts", "--all")["rows"], [])

    def test_a_row_that_only_the_lost_server_had_leaves_the_phone(self):
        path = self.backup()
        lost = self.server.admin("customer", "add", "--set", "name=Lost", "--set", "owner=wang.fang")["id"]
        self.wang.run(["sync"])
        self.put_back(path)
        self.wang.run(["sync"])
        held = {line["id"] for line in self.wang.run(["dump", "customer"])["rows"]}
        self.assertNotIn(lost, held)
        self.assertIn(self.shop, held)

    def test_an_edit_of_a_row_that_nobody_has_any_more_is_shown_to_administrators(self):
        path = self.backup()
        lost = self.server.admin("customer", "add", "--set", "name=Lost", "--set", "owner=wang.fang")["id"]
        self.wang.run(["sync"])
        self.wang.run(["customer", "edit", lost, "--set", "note=closed on Mondays"])
        self.wang.run(["sync"])
        self.put_back(path)
        self.assertEqual(self.server.admin("status")["returned_waiting"], 0)
        self.wang.run(["sync"])
        waiting, = self.server.admin("returned")["rows"]
        self.assertEqual((waiting["entity"], waiting["row"], waiting["kind"]), ("customer", lost, "edit"))
        self.assertEqual(waiting["set"], {"note": "closed on Mondays"})
        self.assertIn("did not come back", waiting["why"])
        self.assertEqual(self.server.admin("status")["returned_waiting"], 1)
        self.server.admin("returned", "discard", "customer", lost)
        self.assertEqual(self.server.admin("returned")["rows"], [])
        self.server.admin("audit", "verify")

    def test_without_the_ledger_phones_wait_until_the_loss_is_accepted(self):
        path = self.backup()
        self.put_back(path, with_ledger=False)
        self.assertTrue(self.server.admin("epoch", "show")["fenced"])
        with self.assertRaises(CommandFailed) as caught:
            self.wang.run(["sync", "--budget-ms", "1500"])
        self.assertIn(caught.exception.status, ("BUSY", "TIMED_OUT"))
        self.assertFalse(self.server.admin("unfence", "--accept-loss")["fenced"])
        self.note(self.wang, "on")
        self.wang.run(["sync"])
        self.assertEqual(self.on_server()["note"], "on")

    def test_a_revoked_phone_is_revoked_after_the_restore(self):
        path = self.backup()
        device, = (d["id"] for d in self.server.admin("device", "list")["rows"])
        self.server.admin("device", "revoke", device)
        self.put_back(path)
        with self.assertRaises(CommandFailed) as caught:
            self.wang.run(["sync"])
        self.assertEqual(caught.exception.status, "REVOKED")

    @unittest.skipIf("SATCHEL_TEST_POSTGRES" in os.environ, "a file is copied")
    def test_a_database_that_is_older_than_its_ledger_begins_an_epoch_by_itself(self):
        self.server.stop()
        database = os.path.join(self.server.folder, "satchel.db")
        with open(database, "rb") as file:
            old = file.read()
        self.server.start()
        device, = (d["id"] for d in self.server.admin("device", "list")["rows"])
        self.server.admin("device", "revoke", device)
        self.server.stop()
        with open(database, "wb") as file:
            file.write(old)
        self.server.start()
        self.assertEqual(self.server.admin("epoch", "show")["epoch"], 2)
        self.assertTrue(all(d["revoked"] for d in self.server.admin("device", "list")["rows"]))
        self.assertEqual(self.server.admin("epoch", "new")["epoch"], 3)


class LostLives(Restored):
    """Phones whose present life the backup does not know."""

    def test_a_phone_that_was_enrolled_after_the_backup_goes_on(self):
        path = self.backup()
        late = self.stage.enroll("wang.fang", name="late")
        late.run(["sync"])
        made = late.run(["customer", "add", "--set", "name=Late shop"])["id"]
        late.run(["sync"])
        late.run(["customer", "edit", made, "--set", "note=not sent"])
        self.put_back(path)
        late.run(["sync"])
        self.assertEqual(self.server.admin("show", "customer", made)["note"], "not sent")

    def test_a_phone_that_was_put_back_after_the_backup_loses_nothing(self):
        first = self.wang.run(["customer", "add", "--set", "name=Shared"])["id"]
        self.wang.run(["sync"])
        copy = self.wang.folder + "-copy"
        self.wang.stop()
        shutil.copytree(self.wang.folder, copy)
        self.wang.start()
        made = [first, self.wang.run(["customer", "add", "--set", "name=Of the first life"])["id"]]
        self.wang.run(["sync"])
        path = self.backup()
        self.wang.stop()
        shutil.rmtree(self.wang.folder)
        os.rename(copy, self.wang.folder)
        self.wang.start()
        for name in ("Of the second life", "And another"):
            made.append(self.wang.run(["customer", "add", "--set", f"name={name}"])["id"])
            self.wang.run(["sync"])
        self.put_back(path)
        self.wang.run(["sync"])
        for row in made:
            self.assertTrue(self.server.admin("show", "customer", row)["name"])
        self.assertEqual(self.wang.run(["status"])["units_unsent"], 0)


class OldLedgers(Restored):
    """A copy of the ledger that somebody made is not the ledger."""

    def setUp(self):
        super().setUp()
        self.lost = self.stage.enroll("wang.fang", name="lost")
        self.lost.run(["sync"])
        self.old = self.stage.path("old-ledger")
        shutil.copy(os.path.join(self.server.folder, "ledger"), self.old)

    def revoke(self):
        device = max(self.server.admin("device", "list")["rows"], key=lambda row: row["id"])["id"]
        self.server.admin("device", "revoke", device)

    def refused(self, phone, *statuses):
        with self.assertRaises(CommandFailed) as caught:
            phone.run(["sync", "--budget-ms", "1500"])
        self.assertIn(caught.exception.status, statuses)

    def test_a_backup_that_knows_of_a_later_one_fences(self):
        self.revoke()
        path = self.backup()
        newest = os.path.join(self.server.folder, "ledger")
        self.put_back(path, ledger=self.old)
        told = self.server.admin("epoch", "show")
        self.assertTrue(told["fenced"])
        self.assertIn("old copy", told["fence"])
        self.refused(self.wang, "BUSY", "TIMED_OUT")
        self.start_with(newest)
        self.assertFalse(self.server.admin("epoch", "show")["fenced"])
        self.wang.run(["sync"])
        self.refused(self.lost, "REVOKED")

    def test_a_phone_that_heard_of_a_later_one_fences(self):
        path = self.backup()
        self.revoke()
        self.wang.run(["sync"])
        self.wang.run(["sync"])
        newest = os.path.join(self.server.folder, "ledger")
        self.put_back(path, ledger=self.old)
        self.assertFalse(self.server.admin("epoch", "show")["fenced"])  # nothing here tells
        self.refused(self.wang, "BUSY", "TIMED_OUT")
        self.assertIn("later state", self.server.admin("epoch", "show")["fence"])
        self.refused(self.lost, "BUSY", "TIMED_OUT")
        self.start_with(self.old)
        self.assertTrue(self.server.admin("epoch", "show")["fenced"])
        self.start_with(newest)
        self.wang.run(["sync"])
        self.refused(self.lost, "REVOKED")

    def start_with(self, ledger):
        self.server.stop()
        with open(os.path.join(self.server.folder, "ledger_at"), "w") as file:
            file.write(ledger)
        self.server.start()


class Planned(Restored):
    """serve --backup-dir: nobody has to think of it."""

    def serve(self, *options):
        self.server.stop()
        self.server.options = ["--backup-dir", self.backups, "--key", self.key, *options]
        self.server.start()

    def until(self, holds):
        end = time.monotonic() + 30
        while not holds() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(holds())

    def test_one_is_made_at_the_start_and_copied_and_old_ones_go(self):
        second = self.stage.path("second")
        os.makedirs(second)
        self.assertEqual(self.server.admin("status")["backups"], 0)
        for count in (1, 2, 3):
            self.note(self.wang, f"change {count}")
            if self.server.process.poll() is None:
                self.wang.run(["sync"])
            self.serve("--backup-second", second, "--backup-every", "1s", "--backup-keep", "2")
            self.until(lambda: len(os.listdir(self.backups)) == min(count, 2) and
                       sorted(os.listdir(self.backups)) == sorted(os.listdir(second)))
            self.wang.run(["sync"])
        state = self.server.admin("status")
        self.assertGreaterEqual(state["backups"], 3)
        self.assertLess(state["backup_age_s"], 60)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/metrics") as answer:
            self.assertIn("satchel_backup_age_seconds", answer.read().decode())
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.port}/healthz") as answer:
            health = json.loads(answer.read())
        self.assertFalse(health["fenced"])
        self.assertGreaterEqual(health["backups"], 3)
        path = max((os.path.join(second, name) for name in os.listdir(second)), key=os.path.getmtime)
        self.server.options = []
        self.put_back(path)
        self.wang.run(["sync"])
        self.assertEqual(self.on_server()["note"], "change 3")
        # what was restored was read whole: phones need not keep its receipts
        self.assertEqual(self.server.admin("epoch", "show")["verified"], int(path.split("-")[-1].split(".")[0]))

    def test_a_plan_that_makes_no_sense_ends_the_server_at_once(self):
        for options in (["--backup-every", "1d"], ["--backup-dir", "/nowhere", "--key", self.key],
                        ["--backup-dir", self.backups], ["--backup-dir", self.backups, "--key", self.key,
                                                         "--backup-every", "often"]):
            command = [program("satcheld"), "serve", "--data", self.stage.path("other"), *options]
            done = subprocess.run(command, stderr=subprocess.PIPE, env=self.server.environment)
            self.assertEqual(done.returncode, 2, done.stderr)


class Files(Restored):
    def test_a_backup_is_sealed_checked_and_refused_where_it_does_not_belong(self):
        self.note(self.wang, CANARY)
        self.wang.run(["sync"])
        path = self.backup()
        self.assert_nowhere(CANARY, self.backups)
        self.assertGreater(self.server.admin("backup", "check", path, "--key", self.key)["rows"], 10)
        self.assertEqual(self.server.admin("epoch", "show")["verified"], int(path.split("-")[-1].split(".")[0]))
        other = self.stage.path("other.key")
        self.server.admin("backup", "new-key", other)
        with open(path, "rb") as file:
            content = bytearray(file.read())
        damaged = self.stage.path("damaged.backup")
        for place, name in ((len(content) // 2, "flipped"), (None, "cut")):
            with open(damaged, "wb") as file:
                broken = bytearray(content)
                if place is not None:
                    broken[place] ^= 1
                file.write(broken if place is not None else content[:-100])
            self.refused("DAMAGED", "backup", "check", damaged, "--key", self.key)
        self.refused("DAMAGED", "backup", "check", path, "--key", other)
        self.refused("ALREADY_EXISTS", "backup", path, "--key", self.key)
        self.refused("ALREADY_EXISTS", "backup", "new-key", self.key)
        self.refused("FOREIGN_FILE", "backup", "check", self.key, "--key", self.key)

    def refused(self, status, *argv):
        with self.assertRaises(CommandFailed) as caught:
            self.server.admin(*argv)
        self.assertEqual(caught.exception.status, status, caught.exception)

    def test_a_kill_on_the_way_leaves_what_was_there_and_no_half_backup(self):
        first = self.backup()
        for pause in (0.0, 0.005, 0.02, 0.05):
            self.note(self.wang, f"pause {pause}")
            self.wang.run(["sync"])

            def ask():
                try:
                    self.server.admin("backup", self.backups, "--key", self.key)
                except (CommandFailed, OSError, ValueError):
                    pass

            asking = threading.Thread(target=ask)
            asking.start()
            time.sleep(pause)
            self.server.end()
            asking.join()
            self.server.start()
            for name in os.listdir(self.backups):
                if name.endswith(".backup"):
                    self.server.admin("backup", "check", os.path.join(self.backups, name), "--key", self.key)
        self.assertTrue(os.path.exists(first))
        self.server.admin("audit", "verify")
        self.note(self.wang, "the last")
        self.wang.run(["sync"])
        self.backup()


class Erased(Restored):
    def setUp(self):
        super().setUp()
        self.note(self.wang, CANARY)
        self.wang.run(["sync"])

    def test_what_is_held_about_a_person_is_told(self):
        told = self.server.admin("personal", "customer", "C-0001")
        self.assertIn(CANARY, str(told["rows"]))
        self.assertTrue(any(row["entity"] == "customer" for row in told["rows"]))

    def test_a_contact_goes_without_its_customer(self):
        self.server.admin("import", "contact", company.write(self.stage.folder, "contacts.csv", [
            {"external_id": "K-1", "name": "Vogel " + CANARY, "customer": "C-0001"}]))
        self.wang.run(["sync"])
        self.assertIn(CANARY, str(self.server.admin("personal", "contact", "K-1")["rows"]))
        self.server.admin("erase", "contact", "K-1")
        self.wang.run(["sync"])
        self.assertNotIn(CANARY, str(self.wang.run(["dump", "contact"])["rows"]))
        self.assertEqual([row["name"] for row in self.server.admin("show", "contact")["rows"]], ["-"])
        self.assertEqual(self.on_server()["note"], CANARY)

    def test_a_user_who_is_erased_has_no_phone_any_more(self):
        self.server.admin("erase", "user", "wang.fang")
        with self.assertRaises(CommandFailed) as caught:
            self.wang.run(["sync"])
        self.assertEqual(caught.exception.status, "REVOKED")

    def test_an_erased_value_is_nowhere_not_after_a_restore_either(self):
        path = self.backup()
        self.note(self.wang, CANARY + " again")  # offline: it has not heard of it
        self.server.admin("erase", "customer", "C-0001", "--reason", "asked")
        self.wang.run(["sync"])
        self.assertEqual(self.on_server()["name"], "-")
        self.assertNotIn("note", self.on_server())
        self.wang.run(["sync"])
        self.assertNotIn(CANARY, str(self.wang.run(["dump", "customer"])["rows"]))
        erasure, = self.server.admin("show", "erasure")["rows"]
        row = self.server.admin("show", "erasure", erasure["id"])
        self.assertEqual((row["receipts"], row["status"]), (1, "done"))
        self.assertEqual(self.server.admin("erase", "phones", erasure["id"])["rows"], [])
        self.server.stop()
        self.assert_nowhere(CANARY, self.server.folder)
        self.server.start()
        self.put_back(path)
        self.wang.run(["sync"])
        self.assertEqual(self.on_server()["name"], "-")
        self.assertNotIn(CANARY, str(self.server.admin("personal", "customer", self.shop)))
        self.server.stop()
        self.assert_nowhere(CANARY, self.server.folder)
        self.server.start()


if __name__ == "__main__":
    unittest.main()
