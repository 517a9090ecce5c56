# SPDX-License-Identifier: Apache-2.0
"""What a phone tells its user, with real programs: who has a parked edit, and how far a sync is."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed
from stage import Stage

CUSTOMERS = 8


class OnStage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        cls.addClassCleanup(cls.stage.close)
        cls.server = cls.stage.server

    def ready(self, login, name):
        phone = self.stage.enroll(login, name)
        phone.run(["sync"])
        return phone


class Stubs(OnStage):
    def test_a_parked_edit_names_who_has_it_and_holds_no_customer_data(self):
        phone = self.ready("wang.fang", "stubs")
        shop = phone.run(["customer", "list", "--limit", "1"])["rows"][0]
        phone.run(["customer", "edit", shop["id"], "--set", "note=Canary of the rep"])
        self.server.admin("assign", "--customer", shop["id"], "--owner", "li.na")
        phone.run(["sync"])
        stubs = phone.run(["reasons", "parked"])["rows"]
        self.assertEqual(len(stubs), 1)
        stub = stubs[0]
        self.assertEqual((stub["kind"], stub["change"], stub["of"], stub["reason"]),
                         ("parked", "edit", 1, "MOVED_AWAY"))
        self.assertEqual(stub["keeper"], "陈伟 Chen Wei")
        self.assertTrue(stub["at"])
        self.assertNotIn("Canary", str(stub))
        self.assertNotIn(shop["name"], str(stub))
        self.assertEqual(phone.run(["why", "customer", shop["id"]])["rows"], stubs)
        self.assertEqual(phone.run(["reasons"])["rows"], stubs)
        told = self.server.admin("why", "customer", shop["id"])["rows"]
        self.assertEqual([line["with"] for line in told if line["kind"] == "parked"],
                         [self.server.admin("show", "user", "chen.wei")["id"]])

    def test_reasons_of_every_kind_can_be_asked_for(self):
        phone = self.ready("wang.fang", "kinds")
        phone.run(["customer", "add", "--set", "name=waits"])
        for kind in ("sent", "conflict", "refused", "held", "parked", "gone", "unread"):
            self.assertEqual(phone.run(["reasons", kind])["rows"], [])
        waiting = phone.run(["reasons", "waiting"])["rows"]
        self.assertEqual([(line["kind"], line["change"], line["title"]) for line in waiting],
                         [("waiting", "create", "waits")])
        with self.assertRaises(CommandFailed) as caught:
            phone.run(["reasons", "unknown"])
        self.assertEqual(caught.exception.status, "INVALID_ARGUMENT")


class Journal(OnStage):
    def test_a_conflict_tells_base_and_both_sides_who_when_and_by_what_policy(self):
        phone = self.ready("li.na", "journal")
        shop = phone.run(["customer", "list", "--limit", "1"])["rows"][0]["id"]
        phone.run(["customer", "edit", shop, "--set", "name=before"])
        phone.run(["sync"])
        phone.run(["customer", "edit", shop, "--set", "name=mine"])
        self.server.admin("edit", "customer", shop, "--set", "name=theirs")
        phone.run(["sync"])
        told = [row for row in phone.run(["conflicts", "--entity", "customer"])["rows"] if row["row"] == shop]
        self.assertEqual(len(told), 1)
        self.assertEqual({side: told[0][side]["name"] for side in ("base", "mine", "theirs")},
                         {"base": "before", "mine": "mine", "theirs": "theirs"})
        self.assertTrue(told[0]["policy"] and told[0]["at"] and told[0]["other_at"])
        self.assertEqual(phone.run(["conflicts", "--entity", "contact"])["rows"], [])
        self.assertEqual([row["conflict"] for row in phone.run(["conflicts", "--open"])["rows"]],
                         [told[0]["conflict"]] if told[0]["open"] else [])
        listed = self.server.admin("conflicts", "--all", "--customer", shop)["rows"]
        self.assertEqual([row["id"] for row in listed], [told[0]["conflict"]])


class Progress(OnStage):
    def test_a_sync_tells_rows_changes_and_bytes_both_ways(self):
        phone = self.stage.enroll("wang.fang", "progress")
        first = phone.run(["sync"])
        self.assertGreater(first["rows_received"], CUSTOMERS // 2)
        self.assertEqual(first["rows_done"], first["rows_total"])
        self.assertEqual((first["changes_done"], first["changes_total"]), (0, 0))
        for number in range(3):
            phone.run(["customer", "add", "--set", f"name=new {number}"])
        second = phone.run(["sync"])
        self.assertEqual((second["changes_done"], second["changes_total"]), (3, 3))
        self.assertGreater(min(second["sent_bytes"], second["received_bytes"]), 0)


if __name__ == "__main__":
    unittest.main()
