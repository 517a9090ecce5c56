# SPDX-License-Identifier: Apache-2.0
"""`satchel store` on real programs: stores destroyed page by page, repaired, and the server has their work."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from stage import PIN, Stage

PAGE, SLOT, PROLOGUE = 4096, 4160, 80
NOTES = 20
CUSTOMERS = 40
KILLS = 10


def spoil(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x40]))


def units(path, before, size):
    return max(0, os.path.getsize(path) - before) // size if os.path.exists(path) else 0


class StoreTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.stage.close()

    def phone_with_work(self, pin=None, kill=False, login="wang.fang"):
        """A phone that synced and has NOTES units that were not sent; gives it stopped, with the ids of its notes."""
        type(self).number += 1
        phone = self.stage.enroll(login, name=f"phone-{self.number}", pin=pin)
        phone.run(["sync"])
        shop = phone.run(["customer", "list", "--limit", "1"])["rows"][0]["id"]
        notes = [phone.run(["note", shop, f"note {self.number}-{i}"])["id"] for i in range(NOTES)]
        if kill:
            phone.kill()
            phone.process.wait()
            phone.process.stdout.close()
            try:
                phone.process.stdin.close()
            except OSError:
                pass
        else:
            phone.stop()
        phone.process = None
        return phone, notes

    def ask(self, phone, *argv, code=0):
        done = phone.once(*argv, "--json")
        self.assertEqual(done.returncode, code, (argv, done.stdout, done.stderr))
        return json.loads(done.stdout)

    def on_server(self, notes):
        """How many of the ids the server has, and that none is there twice."""
        path = os.path.join(self.stage.server.folder, "satchel.db")
        if not os.path.exists(path):
            path = next(os.path.join(self.stage.server.folder, name) for name in os.listdir(self.stage.server.folder)
                        if name.endswith(".db"))
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            ids = [bytes.fromhex(note.replace("-", "")) for note in notes]
            marks = ",".join("?" * len(ids))
            rows = database.execute(f"SELECT id FROM activity WHERE id IN ({marks})", ids).fetchall()
        finally:
            database.close()
        self.assertEqual(len(rows), len(set(rows)))
        return len(rows)

    def sync(self, phone):
        done = phone.once("sync", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)

    def repair_and_sync(self, phone, notes):
        report = self.ask(phone, "store", "repair")
        self.assertTrue(report["repaired"])
        lost = report["ops_lost"]
        self.assertEqual(lost, sum(last - first + 1 for first, last in report["lost"]))
        if report["enrolment_needed"]:
            exported = phone.once("store", "export", "--quarantine", str(report["quarantine"]))
            self.assertEqual(exported.returncode, 0, exported.stderr)
            self.assertEqual(len(exported.stdout.splitlines()), report["ops_salvaged"])
            return report
        self.sync(phone)
        self.assertEqual(self.on_server(notes), report["ops_waiting"])
        after = self.ask(phone, "store", "check")
        self.assertTrue(after["healthy"])
        self.assertEqual(after["ops_waiting"], 0)
        status = json.loads(phone.once("status", "--json").stdout)
        self.assertEqual(status["units_unsent"], 0)
        customers = json.loads(phone.once("customer", "list", "--json", "--limit", "100").stdout)
        self.assertEqual(len(customers["rows"]), CUSTOMERS // 2)
        return report

    def test_pages_destroyed_at_random(self):
        for seed in range(1, 6):
            with self.subTest(seed=seed):
                phone, notes = self.phone_with_work()
                path = os.path.join(phone.folder, "store.db")
                draw = random.Random(seed)
                count = units(path, 0, PAGE)
                for page in {0} | {draw.randrange(count) for _ in range(count // 12)}:
                    spoil(path, page * PAGE + draw.randrange(40, 4000))
                opened = phone.once("status")
                self.assertNotEqual(opened.returncode, 0)
                self.assertIn(b"satchel store repair", opened.stderr)
                self.assertFalse(self.ask(phone, "store", "check", code=1)["healthy"])
                self.repair_and_sync(phone, notes)
                self.assertTrue(os.path.exists(os.path.join(phone.folder, "quarantine-1.db")))

    def test_frames_destroyed_at_random(self):
        for seed in range(1, 4):
            with self.subTest(seed=seed):
                phone, notes = self.phone_with_work(kill=True)
                path = os.path.join(phone.folder, "store.db-wal")
                draw = random.Random(seed)
                count = units(path, PROLOGUE, SLOT)
                self.assertGreater(count, NOTES)
                for slot in {draw.randrange(count - NOTES) for _ in range(4)}:
                    spoil(path, PROLOGUE + slot * SLOT + draw.randrange(SLOT))
                self.repair_and_sync(phone, notes)

    def test_work_that_the_server_had_already_is_not_done_twice(self):
        """The answer was stored, and then the newest state of sync is lost with the log: the server knows better."""
        phone, notes = self.phone_with_work()
        older = os.path.join(self.stage.folder, "older")
        shutil.copytree(phone.folder, older)
        self.sync(phone)
        self.assertEqual(self.on_server(notes), NOTES)
        shutil.rmtree(phone.folder)
        shutil.copytree(older, phone.folder)
        path = os.path.join(phone.folder, "store.db")
        spoil(path, 300)
        report = self.ask(phone, "store", "repair")
        self.assertEqual(report["ops_waiting"], NOTES)
        self.sync(phone)
        self.assertEqual(self.on_server(notes), NOTES)
        status = json.loads(phone.once("status", "--json").stdout)
        self.assertEqual(status["units_unsent"], 0)

    def test_new_work_where_the_server_knows_lost_ops_is_sent_all_the_same(self):
        """More was lost than a repair leaves free, the server has it, and new work took its numbers before a sync."""
        phone, notes = self.phone_with_work(login="li.na")
        older = self.stage.path("older-behind")
        shutil.copytree(phone.folder, older)
        shop = json.loads(phone.once("customer", "list", "--limit", "1", "--json").stdout)["rows"][0]["id"]
        phone.start()
        notes += [phone.run(["note", shop, f"lost {i}"])["id"] for i in range(3 * NOTES)]
        phone.run(["sync"])
        phone.stop()
        phone.process = None
        shutil.rmtree(phone.folder)
        shutil.copytree(older, phone.folder)
        spoil(os.path.join(phone.folder, "store.db"), 300)
        self.assertEqual(self.ask(phone, "store", "repair")["ops_waiting"], NOTES)
        made = self.ask(phone, "customer", "add", "--set", "name=New Shop", "--set", "kind=shop")["id"]
        news = [self.ask(phone, "note", made, f"new {i}")["id"] for i in range(3)]
        for _ in range(2):
            self.sync(phone)
        self.assertEqual(self.on_server(notes), len(notes))
        self.assertEqual(self.on_server(news), len(news))
        status = json.loads(phone.once("status", "--json").stdout)
        self.assertEqual((status["units_unsent"], status["ops_refused"]), (0, 0))
        self.assertEqual(self.ask(phone, "store", "check")["ops_lost"], 0)

    def test_nothing_is_sent_as_new_that_the_server_decided(self):
        """An older copy of a killed store, with holes in its log, of which the server has every op."""
        lost = 0
        for seed in range(1, 4):
            with self.subTest(seed=seed):
                phone, notes = self.phone_with_work(kill=True)
                older = self.stage.path(f"older-{seed}")
                shutil.copytree(phone.folder, older)
                self.sync(phone)
                shutil.rmtree(phone.folder)
                shutil.copytree(older, phone.folder)
                path = os.path.join(phone.folder, "store.db-wal")
                count = units(path, PROLOGUE, SLOT)
                draw = random.Random(seed)
                for slot in draw.sample(range(count - 4 * NOTES, count), 3 * NOTES):
                    spoil(path, PROLOGUE + slot * SLOT + draw.randrange(SLOT))
                report = self.ask(phone, "store", "repair")
                self.assertFalse(report["enrolment_needed"])
                lost += NOTES - report["ops_waiting"]
                self.sync(phone)
                self.assertEqual(self.on_server(notes), NOTES)
                status = json.loads(phone.once("status", "--json").stdout)
                self.assertEqual((status["units_unsent"], status["ops_refused"]), (0, 0))
                shop = json.loads(phone.once("customer", "list", "--limit", "1", "--json").stdout)["rows"][0]["id"]
                more = json.loads(phone.once("note", shop, "after the repair", "--json").stdout)["id"]
                self.sync(phone)
                self.assertEqual(self.on_server([more]), 1)
        self.assertGreater(lost, 0)

    def test_healthy_store(self):
        phone, notes = self.phone_with_work(pin=PIN)
        health = self.ask(phone, "store", "check")
        self.assertTrue(health["healthy"] and health["identity"] and health["key_file_whole"])
        self.assertEqual((health["ops_waiting"], health["ops_lost"]), (NOTES, 0))
        self.assertFalse(self.ask(phone, "store", "repair")["repaired"])
        lines = phone.once("store", "export").stdout.splitlines()
        self.assertEqual(len(lines), NOTES)
        first = json.loads(lines[0])
        self.assertEqual((first["kind"], first["state"], first["row"]), ("create", "waiting", notes[0]))
        stats = self.ask(phone, "store", "stats")
        self.assertEqual(stats["refused_opens"], 0)
        self.assertTrue(stats["pin_alone"])
        self.assertTrue(self.ask(phone, "store", "rekey")["rekeyed"])
        self.assertTrue(self.ask(phone, "store", "compact")["compacted"])
        self.assertTrue(self.ask(phone, "store", "repair", "--force")["repaired"])
        self.sync(phone)
        self.assertEqual(self.on_server(notes), NOTES)

    def kill_in(self, phone, draw, longest, *argv):
        """Runs a command of its own process and kills it within `longest` seconds; whether it was cut off."""
        process = subprocess.Popen([phone.program, *argv], env=phone.environment, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=draw.uniform(0, longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode < 0

    def test_repair_and_rekey_killed_at_random(self):
        """Whatever was cut off where, the next call goes on, and no op is missing."""
        for verb, seed in (("repair", 11), ("rekey", 12)):
            with self.subTest(verb=verb, seed=seed):
                phone, notes = self.phone_with_work()
                path = os.path.join(phone.folder, "store.db")
                draw = random.Random(seed)
                begun = time.monotonic()
                self.ask(phone, "store", verb, *(["--force"] if verb == "repair" else []))
                longest = time.monotonic() - begun
                cut = 0
                for kill in range(KILLS):
                    if verb == "repair":
                        spoil(path, 700)
                    cut += self.kill_in(phone, draw, longest, "store", verb)
                    self.ask(phone, "store", verb)
                    health = self.ask(phone, "store", "check")
                    self.assertTrue(health["healthy"], (kill, health))
                    self.assertEqual((health["ops_waiting"], health["ops_lost"]), (NOTES, 0), kill)
                    for name in os.listdir(phone.folder):
                        if name.startswith("quarantine-"):
                            os.remove(os.path.join(phone.folder, name))
                self.assertGreater(cut, 0)
                self.sync(phone)
                self.assertEqual(self.on_server(notes), NOTES)

    def test_pin_change(self):
        phone, _ = self.phone_with_work(pin=PIN)
        file = self.stage.path("new-pin")
        with open(file, "w", encoding="ascii") as out:
            out.write("864213\n")
        self.ask(phone, "store", "pin", "--new-pin-file", file)
        self.assertNotEqual(phone.once("store", "check").returncode, 0)
        phone.environment["SATCHEL_PIN"] = "864213"
        self.assertTrue(self.ask(phone, "store", "check")["healthy"])

    def test_recovery_with_the_companys_secret(self):
        secret, public = self.stage.path("recovery.secret"), self.stage.path("recovery.public")
        server = self.stage.server
        made = subprocess.run([server.program, "recovery", "new", "--secret-file", secret, "--data", server.folder],
                              capture_output=True, check=False, env=server.environment)
        self.assertEqual(made.returncode, 0, made.stderr)
        shown = server.admin("recovery", "show")
        self.assertIn("next sync", shown["reaches"])
        text = next(value for value in shown.values() if isinstance(value, str) and len(value) == 43)
        with open(public, "w", encoding="ascii") as out:
            out.write(f"satchel-recovery-public-1 {text}\n")
        phone, notes = self.phone_with_work(pin=PIN)
        sealed = self.stage.path("export.sealed")
        self.assertEqual(self.ask(phone, "store", "export", "--seal-to", public, "--out", sealed)["ops"], NOTES)
        with open(sealed, "rb") as file:
            self.assertNotIn(notes[0].encode(), file.read())
        read = phone.once("store", "export", "--read", sealed, "--key", secret)
        self.assertEqual(len(read.stdout.splitlines()), NOTES, read.stderr)
        phone.environment["SATCHEL_PIN"] = "000000"
        self.assertEqual(phone.once("status").returncode, 3)
        taken = phone.once("store", "recover", "--key", secret, "--export", "-")
        self.assertEqual(len(taken.stdout.splitlines()), NOTES, taken.stderr)
        phone.environment["SATCHEL_NEW_PIN"] = "135790"
        self.assertTrue(self.ask(phone, "store", "recover", "--key", secret)["recovered"])
        phone.environment["SATCHEL_PIN"] = "135790"
        self.sync(phone)
        self.assertEqual(self.on_server(notes), NOTES)
        self.refuse_wrong_secrets(phone, secret, sealed)

    def refuse_wrong_secrets(self, phone, secret, sealed):
        other = self.stage.path("other.secret")
        with open(other, "w", encoding="ascii") as out:
            out.write("satchel-recovery-secret-1 " + "A" * 42 + "E\n")
        self.assertNotEqual(phone.once("store", "recover", "--key", other).returncode, 0)
        self.assertNotEqual(phone.once("store", "export", "--read", sealed, "--key", other).returncode, 0)
        for line in ("", "satchel-recovery-secret-1 short\n", "A" * 43 + "\n",
                     "satchel-recovery-secret-1 " + "A" * 42 + "B\n", "satchel-recovery-secret-1 " + "A" * 44 + "\n"):
            with open(other, "w", encoding="ascii") as out:
                out.write(line)
            self.assertEqual(phone.once("store", "recover", "--key", other).returncode, 1, line)
        spoil(sealed, 100)
        self.assertNotEqual(phone.once("store", "export", "--read", sealed, "--key", secret).returncode, 0)

    def test_bad_command_lines(self):
        phone, _ = self.phone_with_work()
        for argv in ((), ("mend",), ("check", "now"), ("repair", "--hard"), ("export", "--quarantine", "9"),
                     ("export", "--quarantine", "0"), ("export", "--seal-to", "x"), ("export", "--read", "x"),
                     ("recover",), ("rekey", "twice")):
            self.assertEqual(phone.once("store", *argv).returncode, 2, argv)
        self.assertEqual(phone.once("store", "export", "--quarantine", "8").returncode, 1)
        empty = self.stage.phone("nobody")
        for verb in ("check", "repair", "rekey", "compact", "stats", "export"):
            done = empty.once("store", verb)
            self.assertEqual(done.returncode, 1, (verb, done.stderr))


if __name__ == "__main__":
    unittest.main()
