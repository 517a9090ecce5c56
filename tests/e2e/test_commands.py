# SPDX-License-Identifier: Apache-2.0
"""Commands with real programs: the public pool, transfers and approvals, merging, orders, plans, conflicts."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed
from stage import Stage

CUSTOMERS = 24  # odd numbers are Wang Fang's, even ones Li Na's


class Commands(unittest.TestCase):
    """One company, shared by the tests; each works on customers of its own."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        cls.addClassCleanup(cls.stage.close)
        cls.server = cls.stage.server
        cls.wang, cls.li, cls.boss = (cls.ready(login) for login in ("wang.fang", "li.na", "chen.wei"))

    @classmethod
    def ready(cls, login):
        phone = cls.stage.enroll(login)
        phone.run(["sync"])
        return phone

    def customer(self, number):
        return self.server.admin("customer", "show", f"C-{number:04d}")["id"]

    def owner(self, row):
        return self.server.admin("customer", "show", row).get("owner")

    def user(self, login):
        return self.server.admin("show", "user", login)["id"]

    @staticmethod
    def newest(phone):
        return phone.run(["commands", "--limit", "1"])["rows"][0]

    def refused(self, call, *argv):
        with self.assertRaises(CommandFailed) as caught:
            call(*argv)
        return str(caught.exception)

    def test_who_claims_first_has_it_and_the_second_is_told_who(self):
        row = self.customer(1)
        rules = self.server.admin("pool", "set", "pool.claims_a_day=5")["rows"]
        self.assertIn({"rule": "pool.claims_a_day", "value": 5, "least": 0, "most": 100000}, rules)
        self.assertEqual(self.server.admin("pool", "show")["rows"], rules)
        self.server.admin("pool", "release", row)
        self.li.run(["sync"])  # of another territory: this pool is not hers
        with self.assertRaises(CommandFailed):
            self.li.run(["claim", row])
        self.server.admin("customer", "edit", row, "--clear", "territory")
        for phone in (self.wang, self.li):
            phone.run(["sync"])
            phone.run(["claim", row])
            self.assertEqual(self.newest(phone)["state"], "waiting")
            self.assertEqual(phone.run(["why", "customer", row])["rows"][0]["kind"], "waiting")
        self.li.run(["sync"])
        self.wang.run(["sync"])
        self.assertEqual(self.owner(row), self.user("li.na"))
        self.assertEqual(self.newest(self.li)["state"], "accepted")
        told = self.newest(self.wang)
        self.assertEqual((told["state"], told["reason"]), ("refused", "OVERTAKEN"))
        self.assertIn("Li Na", told["winner"])
        self.li.run(["release", row])
        self.li.run(["sync"])
        self.server.admin("pool", "claim", row, "--as", "wang.fang")
        self.assertEqual(self.owner(row), self.user("wang.fang"))
        self.assertIn("OUT_OF_SCOPE", self.refused(self.server.admin, "pool", "claim", row, "--as", "li.na"))
        self.assertIn("Wang Fang", self.refused(self.server.admin, "pool", "claim", row, "--as", "chen.wei"))

    def test_a_transfer_goes_through_an_approval(self):
        row = self.customer(3)
        self.server.admin("pool", "set", "approve.transfer=1")
        try:
            self.wang.run(["transfer", row, "li.na"])
            self.wang.run(["sync"])
            self.assertEqual(self.newest(self.wang)["reason"], "APPROVAL_PENDING")
            self.boss.run(["sync"])
            waiting = self.boss.run(["approval", "list"])["rows"]
            self.assertEqual(len(waiting), 1)
            self.assertEqual(self.server.admin("approval", "list")["rows"][0]["id"], waiting[0]["id"])
            self.boss.run(["approval", "approve", waiting[0]["id"], "--comment", "可以"])
            self.boss.run(["sync"])
            self.assertEqual(self.owner(row), self.user("li.na"))
            self.li.run(["sync"])
            self.li.run(["transfer", row, "wang.fang"])
            self.li.run(["sync"])
            waiting = self.li.run(["approval", "list"])["rows"][0]["id"]
            self.li.run(["approval", "withdraw", waiting])
            self.li.run(["sync"])
            self.assertEqual(self.server.admin("approval", "list")["rows"], [])
            self.server.admin("transfer", row, "wang.fang", "--as", "li.na")
            waiting = self.server.admin("approval", "list")["rows"][0]["id"]
            self.boss.run(["sync"])
            self.boss.run(["approval", "reject", waiting])
            self.boss.run(["sync"])
            self.refused(self.server.admin, "approval", "approve", waiting)
            self.refused(self.server.admin, "approval", "reject", waiting)
            self.refused(self.server.admin, "approval", "withdraw", waiting)
            self.assertEqual(self.owner(row), self.user("li.na"))
        finally:
            self.server.admin("pool", "set", "approve.transfer=0")

    def test_two_customers_become_one_and_two_again(self):
        gone, survivor = self.customer(5), self.customer(7)
        self.wang.run(["contact", "add", gone, "--set", "name=Anna"])
        self.wang.run(["sync"])
        self.wang.run(["merge", gone, survivor])
        self.wang.run(["sync"])
        self.assertEqual(self.newest(self.wang)["state"], "accepted")
        self.assertEqual(self.server.admin("customer", "show", gone)["merged_into"], survivor)
        self.assertNotIn(gone, [row["id"] for row in self.wang.run(["customer", "list"])["rows"]])
        contacts = self.wang.run(["contact", "list", "--customer", survivor])["rows"]
        self.assertEqual([contact["name"] for contact in contacts], ["Anna"])
        self.wang.run(["unmerge", gone])
        self.wang.run(["sync"])
        self.assertIsNone(self.server.admin("customer", "show", gone).get("merged_into"))
        self.server.admin("merge", gone, survivor)
        self.server.admin("unmerge", gone)
        self.assertEqual(self.wang.run(["contact", "list", "--customer", survivor])["rows"], [])

    def test_an_order_with_too_large_a_discount_waits_by_whatever_way_it_is_submitted(self):
        rules = ("approve.discount=1", "discount.limit_bp=1000")
        customer = self.customer(1)
        orders = [self.wang.run(["order", "new", customer, "--currency", "CNY"])["id"] for _ in range(2)]
        for order in orders:
            self.wang.run(["order", "add", order, "P-100", "--quantity", "1", "--discount-bp", "2000"])
        self.assertFalse(self.wang.run(["order", "submit", orders[0]])["awaits_approval"])  # it does not know yet
        try:
            for rule in rules:
                self.server.admin("pool", "set", rule)
            self.wang.run(["sync"])
            self.assertTrue(self.wang.run(["order", "submit", orders[1]])["awaits_approval"])
            self.wang.run(["sync"])
            for order in orders:
                self.assertEqual(self.server.admin("show", "order", order)["status"], "draft")
                self.assertEqual(self.wang.run(["order", "show", order])["record"]["status"], "draft")
            for approval in self.server.admin("approval", "list")["rows"]:
                self.server.admin("approval", "approve", approval["id"])
            self.wang.run(["sync"])
            for order in orders:
                self.assertEqual(self.wang.run(["order", "show", order])["record"]["status"], "submitted")
        finally:
            self.server.admin("pool", "set", "approve.discount=0")

    def test_an_order_is_submitted_when_it_was_asked_for(self):
        row = self.customer(9)
        orders = []
        for _ in range(2):
            orders.append(self.wang.run(["order", "new", row, "--currency", "CNY"])["id"])
            self.wang.run(["order", "add", orders[-1], "P-100", "--quantity", "2"])
        self.wang.run(["request", orders[0]])
        self.wang.run(["sync"])
        self.server.admin("submit", orders[1])
        for order in orders:
            self.assertEqual(self.server.admin("show", "order", order)["status"], "submitted")

    def test_a_plan_is_proposed_and_changed(self):
        row = self.customer(11)
        plan = "0190b4c8-0000-7000-8000-0000000000aa"
        stop = "0190b4c8-0000-7000-8000-0000000000ab"
        path = company.write(self.stage.folder, "plans.csv", [
            {"id": plan, "name": "Mondays", "owner": "wang.fang", "rule": "every_days", "every_days": 7,
             "valid_from": "2026-01-01"}])
        self.server.admin("import", "visit_plan", path)
        plan = self.server.admin("show", "visit_plan", "Mondays")["id"]
        self.wang.run(["sync"])
        for argv in (["plan", "change", plan, "--set", "every_days=14"],
                     ["plan", "stop", stop, "--set", f"plan={plan}", "--set", f"customer={row}",
                      "--set", "position=1"]):
            self.wang.run(argv)
            self.wang.run(["sync"])
            self.assertEqual(self.newest(self.wang)["reason"], "APPROVAL_PENDING")
        for waiting in self.server.admin("approval", "list")["rows"]:
            self.server.admin("approval", "approve", waiting["id"])
        self.assertEqual(self.server.admin("show", "visit_plan", plan)["every_days"], 14)
        self.server.admin("plan", plan, "--set", "every_days=21")
        self.wang.run(["sync"])
        self.wang.run(["plan", "drop", stop])
        self.wang.run(["sync"])
        waiting = self.server.admin("approval", "list")["rows"]
        self.assertEqual(len(waiting), 1)
        self.server.admin("approval", "reject", waiting[0]["id"])

    def test_a_conflict_is_listed_and_decided_on_three_ways(self):
        for number, verb in ((13, "keep"), (15, "restore"), (17, "edit")):
            row = self.customer(number)
            self.wang.run(["sync"])
            self.wang.run(["customer", "edit", row, "--set", "name=Mine"])
            self.server.admin("customer", "edit", row, "--set", "name=Theirs")
            self.wang.run(["sync"])
            listed = self.wang.run(["conflicts", "--open", "--entity", "customer"])["rows"]
            conflict = next(line["conflict"] for line in listed if line["row"] == row)
            self.wang.run(["conflicts", verb, conflict, *(["--set", "name=Other"] if verb == "edit" else [])])
            self.wang.run(["sync"])
            name = {"keep": "Theirs", "restore": "Mine", "edit": "Other"}[verb]
            self.assertEqual(self.server.admin("customer", "show", row)["name"], name)
            self.assertEqual(self.server.admin("conflicts", "--customer", row, "--entity", "customer")["rows"], [])
        row = self.customer(19)
        self.wang.run(["customer", "edit", row, "--set", "name=Mine"])
        self.server.admin("customer", "edit", row, "--set", "name=Theirs")
        self.wang.run(["sync"])
        conflict = self.server.admin("conflicts", "--customer", row)["rows"][0]["id"]
        self.server.admin("conflicts", "edit", conflict, "--set", "name=Ours")
        self.assertEqual(self.server.admin("customer", "show", row)["name"], "Ours")

    def test_that_a_customer_exists_is_told_and_nothing_more(self):
        name = self.server.admin("customer", "show", "C-0002")["name"]
        ask = lambda login: self.server.admin("duplicate", "--name", name, "--as", login)["duplicate"]
        self.assertEqual(ask("li.na"), "exists")
        self.assertEqual(ask("wang.fang"), "exists, with someone else")
        self.assertEqual(self.server.admin("duplicate", "--phone", "123456")["duplicate"], "none")
        made = self.wang.run(["customer", "add", "--set", f"name={name}"])["id"]
        self.wang.run(["sync"])
        self.assertEqual(self.server.admin("customer", "show", made)["flags"], ["duplicate_elsewhere"])


if __name__ == "__main__":
    unittest.main()
