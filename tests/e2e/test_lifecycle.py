# SPDX-License-Identifier: Apache-2.0
"""The life of a store with real programs: put back, signed out, wiped, escrowed; judged by the server's rows."""

import json
import os
import shutil
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed
from stage import Stage, program

CUSTOMERS = 8
WORK = 12


class OnStage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        cls.addClassCleanup(cls.stage.close)
        cls.server = cls.stage.server

    def ready(self, name):
        phone = self.stage.enroll("wang.fang", name)
        phone.run(["sync"])
        return phone

    def refused(self, run, status, *argv):
        with self.assertRaises(CommandFailed) as caught:
            run(list(argv))
        self.assertEqual(caught.exception.status, status, caught.exception)

    def names_on_server(self):
        return sorted(row["name"] for row in self.server.admin("show", "customer")["rows"])

    def satcheld(self, *argv):
        return subprocess.run([program("satcheld"), *argv, "--data", self.server.folder], capture_output=True,
                              text=True, check=False)


class PutBack(OnStage):
    def add(self, phone, name):
        phone.run(["customer", "add", "--set", f"name={name}"])

    def put_back(self, phone, copy):
        phone.stop()
        shutil.rmtree(phone.folder)
        shutil.copytree(copy, phone.folder)
        phone.start()

    def test_the_server_has_everything_once(self):
        phone = self.ready("restored")
        before = self.names_on_server()
        copy = self.stage.path("copy")
        for number in range(WORK):
            self.add(phone, f"made before {number:02}")
        phone.stop()
        shutil.copytree(phone.folder, copy)
        phone.start()
        self.add(phone, "made after the copy, and sent")
        phone.run(["sync"])
        self.add(phone, "made after the copy, and lost")
        self.put_back(phone, copy)
        self.assertEqual(phone.run(["status"])["warnings"], ["rolled_back"])
        self.assertEqual(phone.run(["status"])["units_unsent"], WORK)
        self.add(phone, "made on the copy")
        phone.run(["sync"])
        wanted = before + [f"made before {number:02}" for number in range(WORK)]
        wanted += ["made after the copy, and sent", "made on the copy"]
        self.assertEqual(self.names_on_server(), sorted(wanted))
        held = sorted(line["record"]["name"] for line in phone.run(["dump", "customer"])["rows"])
        self.assertIn("made after the copy, and sent", held)
        self.assertEqual(len(held), len(set(held)))
        self.assertEqual(phone.run(["status"])["units_unsent"], 0)
        self.assertEqual(phone.run(["status", "--acknowledge"])["warnings"], [])
        self.put_back(phone, copy)
        self.assertEqual(phone.run(["status"])["warnings"], ["rolled_back"])
        phone.run(["sync"])
        self.assertEqual(self.names_on_server(), sorted(wanted))
        self.assertEqual(self.server.admin("audit", "verify")["entries"] > 0, True)

    def test_a_keystore_that_was_reset_is_told_and_harmless(self):
        phone = self.ready("reset")
        phone.stop()
        os.remove(phone.environment["SATCHEL_KEY_FILE"] + ".anchor")
        phone.start()
        self.assertEqual(phone.run(["status"])["warnings"], ["anchor_lost"])
        phone.run(["sync"])


class Ordered(OnStage):
    """What the company orders reaches phones that were enrolled before, and is told back."""

    def ready(self, name):
        phone = super().ready(name)
        self.ids[name] = phone.run(["status"])["device"]
        return phone

    def setUp(self):
        self.ids = {}

    def device(self, name):
        rows = [row for row in self.server.admin("device", "list")["rows"] if row["id"] == self.ids[name]]
        self.assertEqual(len(rows), 1)
        return rows[0]

    def test_a_policy_reaches_phones_that_were_enrolled_before(self):
        phone = self.ready("governed")
        self.server.admin("policy", "--lease-days", "30")
        phone.run(["sync"])
        self.assertIn(phone.run(["status"])["lease_left_hours"], (719, 720))
        self.assertEqual(self.device("governed")["orders"], "pending")
        phone.run(["sync"])
        self.assertEqual(self.device("governed")["orders"], "carried out")
        self.assertEqual(self.server.admin("policy", "--lease-days", "0", "--minimum-app", "any")["lease_days"], 0)

    def test_a_phone_is_retired_with_its_work_parked(self):
        phone = self.ready("retiring")
        phone.run(["customer", "add", "--set", "name=last work of a leaver"])
        self.server.admin("device", "retire", self.ids["retiring"])
        self.assertEqual(self.device("retiring")["state"], "retiring")
        self.refused(phone.run, "RETIRED", "sync")
        row = self.device("retiring")
        self.assertEqual((row["state"], row["lost"]), ("retired", 0))
        parked = [line for line in self.server.admin("parked")["rows"] if line["reason"] == "RETIRED"]
        self.assertEqual(len(parked), 1)
        told = self.server.admin("why", "customer", parked[0]["row"], "--device", self.ids["retiring"])["rows"]
        self.assertEqual([line["kind"] for line in told], ["absent", "parked", "held"])
        self.assertTrue(all(line["text"] and line["text_zh"] for line in told))
        self.assertEqual(set(os.listdir(phone.folder)) - {"store.lock"}, set())
        self.refused(phone.run, "NOT_FOUND", "status")

    def test_a_phone_is_wiped_at_once_and_says_so_when_it_can(self):
        phone = self.ready("stolen")
        phone.run(["customer", "add", "--set", "name=never sent"])
        self.server.admin("device", "wipe", self.ids["stolen"])
        self.refused(phone.run, "WIPED", "sync")
        row = self.device("stolen")
        self.assertEqual((row["state"], row["lost"], row["revoked"]), ("wiped", 1, True))
        self.refused(phone.run, "NOT_FOUND", "sync")
        self.assertEqual(set(os.listdir(phone.folder)) - {"store.lock"}, set())

    def test_bundles_for_support_hold_no_customer_and_no_name(self):
        phone = self.ready("helped")
        phone.run(["customer", "add", "--set", "name=Canary Shop"])
        phone.run(["sync"])
        path = self.stage.path("bundle.txt")
        phone.run(["bundle", path])
        with open(path, encoding="utf-8") as file:
            texts = file.read() + json.dumps(self.server.admin("bundle"), ensure_ascii=False)
        self.assertIn("check healthy", texts)
        told = phone.run(["status"])
        names = self.names_on_server() + [told["company"], told["login"], told["server"], told["user"]]
        self.assertEqual([name for name in names if name in texts], [])

    def test_phones_witness_the_audit(self):
        phone = self.ready("witness")
        phone.run(["sync"])
        answer = self.server.admin("audit", "verify")
        self.assertGreater(answer["witnesses"], 0)
        status = phone.run(["status"])
        self.assertGreater(status["audit_position"], 0)
        self.assertEqual(status["audit_finding"], "none")


class Ends(OnStage):
    def test_signing_out_keeps_what_cannot_be_sent(self):
        phone = self.ready("leaving")
        shop = phone.run(["customer", "add", "--set", "name=last work"])["id"]
        self.server.stop()
        answer = phone.run(["signout"])
        self.assertEqual((answer["wiped"], answer["units_unsent"]), (False, 1))
        self.assertTrue(os.path.exists(os.path.join(phone.folder, "store.db")))
        self.server.start()
        answer = phone.run(["signout"])
        self.assertEqual((answer["wiped"], answer["units_unsent"], answer["sync"]), (True, 0, "OK"))
        self.assertEqual(self.server.admin("show", "customer", shop)["name"], "last work")
        self.assertEqual(set(os.listdir(phone.folder)) - {"store.lock"}, set())
        self.refused(phone.run, "NOT_FOUND", "status")

    def test_a_wipe_wants_a_word_and_counts_what_is_lost(self):
        phone = self.ready("wiped")
        phone.run(["customer", "add", "--set", "name=never sent"])
        self.refused(phone.run, "INVALID_ARGUMENT", "wipe")
        answer = phone.run(["wipe", "--yes"])
        self.assertEqual((answer["wiped"], answer["counted"], answer["units_unsent"]), (True, True, 1))
        self.assertFalse(os.path.exists(os.path.join(phone.folder, "store.db")))

    def test_a_store_whose_key_is_gone_is_wiped_uncounted(self):
        phone = self.ready("keyless")
        phone.stop()
        os.remove(phone.environment["SATCHEL_KEY_FILE"])
        phone.start()
        answer = phone.run(["wipe", "--yes"])
        self.assertEqual((answer["wiped"], answer["counted"]), (True, False))


class Asked(OnStage):
    def test_a_recovery_key_is_made_here_and_escrows_stores_from_then_on(self):
        self.assertFalse(self.ready("before").run(["status"])["escrowed"])
        secret = self.stage.path("recovery.secret")
        made = self.satcheld("recovery", "new", "--secret-file", secret)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(stat.S_IMODE(os.stat(secret).st_mode), 0o600)
        with open(secret, encoding="ascii") as file:
            line = file.read()
        self.assertRegex(line, r"\Asatchel-recovery-secret-1 [A-Za-z0-9_-]{43}\n\Z")
        for folder, _, names in os.walk(self.server.folder):
            for path in (os.path.join(folder, name) for name in names):
                if stat.S_ISSOCK(os.stat(path).st_mode):
                    continue
                with open(path, "rb") as file:
                    self.assertNotIn(line.split()[1].encode(), file.read())
        self.assertRegex(self.server.admin("recovery", "show")["recovery_key"], r"\A[A-Za-z0-9_-]{43}\Z")
        self.assertTrue(self.ready("after").run(["status"])["escrowed"])
        again = self.satcheld("recovery", "new", "--secret-file", secret)
        self.assertIn("ALREADY_EXISTS", again.stderr)
        other = self.satcheld("recovery", "new", "--json", "--secret-file", self.stage.path("other.secret"))
        self.assertRegex(json.loads(other.stdout)["recovery_key"], r"\A[A-Za-z0-9_-]{43}\Z", other.stderr)
        self.assertEqual(self.satcheld("recovery", "new", "--json").returncode, 2)
        self.assertIsNone(self.server.admin("recovery", "off")["recovery_key"])
        self.assertFalse(self.ready("later").run(["status"])["escrowed"])
        self.refused(lambda argv: self.server.admin(*argv), "INVALID_ARGUMENT", "recovery", "set", "short")

    def test_a_company_may_require_a_pin(self):
        self.server.admin("policy", "--pin", "required")
        phone = self.stage.enroll("wang.fang", "unpinned")
        self.refused(phone.run, "REQUIRED_BEFORE", "sync")
        self.assertTrue(phone.run(["status"])["pin_required"])
        self.assertEqual(self.server.admin("policy", "--pin", "optional")["pin"], "optional")
        self.refused(lambda argv: self.server.admin(*argv), "INVALID_ARGUMENT", "policy", "--pin", "perhaps")
        self.assertEqual(self.server.admin("policy", "--minimum-schema", "1")["minimum_schema"], 1)
        self.refused(lambda argv: self.server.admin(*argv), "OUT_OF_RANGE", "policy", "--minimum-schema", "99")


if __name__ == "__main__":
    unittest.main()
