# SPDX-License-Identifier: Apache-2.0
"""Phones and servers of different versions, with real programs: *_next know the model of tests/next_model."""

import csv
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed
from stage import Stage, program

CUSTOMERS = 6
SHOP = "C-0001"  # Wang Fang's
WINDOW = "delivery_window"


class Skewed(unittest.TestCase):
    """A company on a server of either version; phones of either version."""

    server_program = "satcheld"

    def setUp(self):
        self.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        self.addCleanup(self.stage.close)
        self.server = self.stage.server
        self.shop = self.server.admin("customer", "show", SHOP)["id"]
        if self.server_program != "satcheld":
            self.bring_up_server()

    def bring_up_server(self):
        """The new server over the data of the old one."""
        self.server.stop()
        self.server.program = program("satcheld_next")
        self.server.start()

    def phone(self, which, login="wang.fang", name="phone"):
        phone = self.stage.phone(name)
        phone.program = program(which)
        phone.start()
        phone.run(["enroll", self.stage.link(login)])
        phone.run(["sync"])
        return phone

    def bring_up(self, phone, which="satchel_next"):
        """The app is replaced, the store stays."""
        phone.stop()
        phone.program = program(which)
        phone.start()

    def refused(self, call, status, *argv):
        with self.assertRaises(CommandFailed) as caught:
            call(*argv)
        self.assertEqual(caught.exception.status, status, caught.exception)

    @staticmethod
    def held(phone, row, entity="customer"):
        return phone.run(["row", "show", entity, row])["record"]

    def on_server(self, row=None):
        return self.server.admin("customer", "show", row or self.shop)

    def kept_apart(self, phone):
        return [row["kind"] for row in phone.run(["reasons", "unread"])["rows"]]

    def add_agreement(self, number):
        """A row of the new entity, at Wang Fang's shop."""
        path = self.stage.path(f"agreements-{number}.csv")
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([["external_id", "name", "customer"], [number, f"Agreement {number}", SHOP]])
        self.server.admin("import", "agreement", path)


class OldPhone(Skewed):
    """Old phones, new server."""

    server_program = "satcheld_next"

    def test_fields_that_a_phone_does_not_know_pass_through_it(self):
        self.server.admin("customer", "edit", SHOP, "--set", f"{WINDOW}=before noon")
        phone = self.phone("satchel")
        self.refused(lambda *argv: phone.run(list(argv)), "UNKNOWN_FIELD",
                     "customer", "edit", self.shop, "--set", f"{WINDOW}=x")
        phone.run(["customer", "edit", self.shop, "--set", "note=from an old phone"])
        phone.run(["sync"])
        row = self.on_server()
        self.assertEqual((row[WINDOW], row["note"]), ("before noon", "from an old phone"))
        self.server.admin("customer", "edit", SHOP, "--set", f"{WINDOW}=after noon")
        phone.run(["sync"])
        self.bring_up(phone)
        phone.run(["store", "check"])
        self.assertEqual(self.held(phone, self.shop)[WINDOW], "after noon")
        self.assertEqual(self.server.admin("conflicts", "--all")["rows"], [])

    def test_rows_of_an_entity_that_a_phone_does_not_know_wait_for_the_app(self):
        self.add_agreement("A-1")
        phone = self.phone("satchel")
        self.assertEqual(self.kept_apart(phone), ["unread"])
        self.bring_up(phone)
        phone.run(["sync"])
        self.assertEqual(self.kept_apart(phone), [])
        self.assertEqual([row["record"]["name"] for row in phone.run(["dump", "agreement"])["rows"]],
                         ["Agreement A-1"])
        self.assertEqual(self.server.admin("status").get("digest_repairs", 0), 0)

    def test_an_old_phone_pushes_always_and_is_told_to_be_renewed_for_what_comes_down(self):
        phone = self.phone("satchel")
        self.server.admin("policy", "--minimum-schema", "2")
        self.server.admin("customer", "edit", SHOP, "--set", "city=Ningbo")
        phone.run(["customer", "edit", self.shop, "--set", "note=still sent"])
        self.refused(phone.run, "UPGRADE_REQUIRED", ["sync"])
        self.assertEqual(self.on_server()["note"], "still sent")
        self.assertEqual(phone.run(["status"])["units_unsent"], 0)
        self.assertNotEqual(self.held(phone, self.shop)["city"], "Ningbo")
        self.bring_up(phone)
        phone.run(["sync"])
        self.assertEqual(self.held(phone, self.shop)["city"], "Ningbo")

    def test_a_rule_that_is_newer_than_an_op_flags_it_and_refuses_nothing(self):
        phone = self.phone("satchel")
        phone.run(["customer", "edit", self.shop, "--set", "short_name=longer than eight"])
        self.bring_up(phone)  # whatever app sends it: it was made under the old rules
        phone.run(["sync"])
        self.assertEqual(self.on_server()["short_name"], "longer than eight")
        self.assertEqual(phone.run(["reasons"])["rows"], [])
        self.refused(phone.run, "TOO_LONG", ["customer", "edit", self.shop, "--set", "short_name=long as well"])

    def test_an_upgrade_of_the_app_drops_no_op_and_salvage_finds_those_of_before(self):
        for damaged in (False, True):
            with self.subTest(damaged=damaged):
                phone = self.phone("satchel", name=f"upgraded {damaged}")
                made = [phone.run(["customer", "add", "--set", f"name=offline {damaged} {i}"])["id"] for i in range(5)]
                phone.run(["customer", "edit", self.shop, "--set", f"note=offline {damaged}"])
                self.bring_up(phone)
                if damaged:
                    self.damage(phone)
                    self.refused(phone.run, "DAMAGED", ["status"])
                    phone.run(["store", "repair"])
                self.assertEqual(phone.run(["status"])["units_unsent"], 6)
                phone.run(["sync"])
                phone.run(["sync"])
                self.assertEqual([self.on_server(row)["name"] for row in made],
                                 [f"offline {damaged} {i}" for i in range(5)])
                self.assertEqual(self.on_server()["note"], f"offline {damaged}")
                self.assertEqual(phone.run(["status"])["units_unsent"], 0)

    def damage(self, phone):
        """The first page of the store; the op log lies in other pages and in the log."""
        phone.stop()
        with open(os.path.join(phone.folder, "store.db"), "r+b") as file:
            file.seek(100)
            file.write(os.urandom(400))
        phone.start()


class NewPhone(Skewed):
    """New phones, old server."""

    def test_fields_that_the_server_does_not_know_are_kept_for_the_next_one(self):
        phone = self.phone("satchel_next")
        phone.run(["customer", "edit", self.shop, "--set", f"{WINDOW}=before noon", "--set", "note=from a new phone"])
        phone.run(["sync"])
        self.assertEqual(phone.run(["reasons"])["rows"], [])
        self.assertNotIn(WINDOW, self.held(phone, self.shop))  # shown to nobody: who may see it is not known
        row = self.on_server()
        self.assertEqual((row.get(WINDOW), row["note"]), (None, "from a new phone"))
        self.server.admin("customer", "edit", SHOP, "--set", "city=Ningbo")
        phone.run(["sync"])
        self.assertEqual(self.held(phone, self.shop)["city"], "Ningbo")
        self.bring_up_server()
        row = self.on_server()
        self.assertEqual((row[WINDOW], row["city"], row["note"]), ("before noon", "Ningbo", "from a new phone"))
        phone.run(["sync"])
        self.assertEqual(self.held(phone, self.shop)[WINDOW], "before noon")
        other = self.phone("satchel_next", name="other")
        self.assertEqual(self.held(other, self.shop)[WINDOW], "before noon")

    def test_a_unit_of_an_entity_that_the_server_does_not_know_is_refused_and_kept(self):
        phone = self.phone("satchel_next", login="chen.wei")
        made = phone.run(["row", "add", "agreement", "--set", "name=Frame contract", "--set", f"customer={SHOP}"])["id"]
        self.assertEqual(self.held(phone, made, "agreement")["name"], "Frame contract")
        phone.run(["row", "edit", "customer", SHOP, "--set", "note=behind it"])
        phone.run(["sync"])
        refused = phone.run(["reasons"])["rows"]
        self.assertEqual([(row["kind"], row["reason"]) for row in refused], [("refused", "UNKNOWN_ENTITY")])
        self.assertEqual(self.on_server()["note"], "behind it")
        self.assertEqual(phone.run(["status"])["units_unsent"], 0)
        self.assertEqual(phone.run(["row", "show", "agreement", made])["state"], ["refused"])

    def test_neither_program_opens_what_a_newer_one_wrote(self):
        phone = self.phone("satchel_next")
        self.bring_up(phone, "satchel")
        self.refused(phone.run, "NEWER_FORMAT", ["status"])
        self.bring_up(phone)
        self.assertEqual(phone.run(["status"])["enrolled"], True)
        self.bring_up_server()
        self.server.stop()
        self.server.program = program("satcheld")
        with self.assertRaises(CommandFailed) as caught:
            self.server.admin("customer", "list")
        self.assertIn("NEWER_FORMAT", str(caught.exception))
        self.server.program = program("satcheld_next")
        self.server.start()


if __name__ == "__main__":
    unittest.main()
