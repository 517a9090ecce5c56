# SPDX-License-Identifier: Apache-2.0
"""The buyers' own acceptance test with two phones, told step by step and checked while it is told.

usage: demo.py [--serve] [--json] [--customers N]
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed, Phone, Server


class Untrue(Exception):
    """Something that the story tells did not happen."""


class Demo:
    def __init__(self, programs, folder, quiet, customer_count):
        self.programs = programs
        self.folder = folder
        self.quiet = quiet
        self.customer_count = customer_count
        self.log = open(os.path.join(folder, "processes.log"), "ab")
        self.server = Server(os.path.join(programs, "satcheld"), os.path.join(folder, "server"), self.log)
        self.phones = {}
        self.facts = {}
        self.step = 0

    # ---- telling ----

    def chapter(self, text):
        self.step += 1
        self.say(f"\n{self.step}. {text}")

    def say(self, text):
        if not self.quiet:
            print(text, flush=True)

    def tell(self, name, value, text):
        """A fact of the story: kept for the test, and told."""
        self.facts[name] = value
        self.say(f"   {text}")

    def must(self, name, holds, text):
        self.tell(name, bool(holds), f"{'✓' if holds else '✗'} {text}")
        if not holds:
            raise Untrue(text)

    # ---- the cast ----

    def enroll(self, login):
        link = self.server.admin("enroll", login, "--server", f"http://127.0.0.1:{self.server.port}")["link"]
        phone = Phone(os.path.join(self.programs, "satchel"), login, os.path.join(self.folder, "phones", login),
                      os.path.join(self.folder, "keys", login), self.log)
        phone.start()
        phone.run(["enroll", link, "--name", f"phone of {login}"])
        phone.run(["sync", "--once"])
        self.phones[login] = phone
        return phone

    def customer_id(self, number):
        return self.server.admin("customer", "show", number)["id"]

    def on_phone(self, phone, customer):
        """The customer's fields as the phone shows them, None if it does not hold him."""
        try:
            return phone.run(["customer", "show", customer])["record"]
        except CommandFailed as failure:
            if failure.status == "NOT_FOUND":
                return None
            raise

    # ---- the story ----

    def set_up(self):
        self.chapter("A company is made on the server: a manager, two reps, "
                     f"{self.customer_count} customers in Shanghai and Hangzhou.")
        os.makedirs(os.path.join(self.folder, "phones"))
        os.makedirs(os.path.join(self.folder, "keys"))
        self.server.admin("init", "--company", "Satchel Demo 示例公司")
        self.server.start()
        company.found(self.server, self.folder, self.customer_count)
        wang, li = self.enroll("wang.fang"), self.enroll("li.na")
        counts = {name: len(phone.run(["customer", "list", "--limit", "1000"])["rows"])
                  for name, phone in (("wang", wang), ("li", li))}
        self.facts["first_sync"] = counts
        self.must("first_sync_exact", sum(counts.values()) == self.customer_count and all(counts.values()),
                  f"each phone holds its own customers only: Wang Fang {counts['wang']}, Li Na {counts['li']}")
        return wang, li

    def work_offline(self, wang):
        self.chapter("Airplane mode. Wang Fang works a day with no network at all.")
        shop = self.customer_id("C-0001")
        made = wang.run(["customer", "add", "--set", "name=上海新客户便利店 New Corner Shop", "--set", "kind=shop",
                         "--set", "phones=+86 139 0000 4729"])["id"]
        visit = wang.run(["visit", "in", shop, "--latitude", "31.2304", "--longitude", "121.4737"])["id"]
        wang.run(["note", shop, "店主想在十月前换新货架 The owner wants new shelves before October"])
        order = wang.run(["order", "new", shop, "--visit", visit, "--currency", "CNY"])["id"]
        for product, quantity in (("P-100", "12"), ("P-200", "2.5")):
            wang.run(["order", "add", order, self.product(product), "--quantity", quantity])
        wang.run(["order", "submit", order])
        task = wang.run(["task", "add", "送样品 Bring samples", "--customer", shop])["id"]
        wang.run(["task", "done", task])
        wang.run(["visit", "out", visit, "--outcome", "order", "--summary", "下了单 took an order"])
        wang.run(["customer", "edit", shop, "--set", "opening_hours=8:00–22:00",
                  "--set", "name=华宁超市（总店） Huaning Main"])
        found = wang.run(["find", "新客"])["rows"]
        self.must("found_offline", any(row["id"] == made for row in found),
                  "a customer made a moment ago is found by two Chinese characters")
        unsent = wang.run(["status"])["units_unsent"]
        self.must("unsent", unsent > 0, f"{unsent} units of work wait in the phone's encrypted store")
        return {"shop": shop, "made": made, "visit": visit, "order": order, "task": task}

    def product(self, code):
        rows = self.server.admin("show", "product")["rows"]
        return next(row["id"] for row in rows if row["code"] == code)

    def manage_meanwhile(self, shop):
        self.chapter("Meanwhile the manager edits the same customer on the server: other fields, and one same field.")
        self.server.admin("edit", "customer", shop, "--set", "grade=a", "--set", "website=https://huaning.example",
                          "--set", "name=华宁超市 Huaning Supermarket Ltd")
        self.say("   the office set class A, the web site, and another name")

    def merge(self, wang, work):
        self.chapter("The network is back. Wang Fang syncs.")
        wang.run(["sync", "--once"])
        merged = self.on_phone(wang, work["shop"])
        self.must("merged_fields", merged.get("opening_hours") == "8:00–22:00"
                  and merged.get("website") == "https://huaning.example",
                  "both sides' changes of different fields stand: opening hours by Wang Fang, web site by the office")
        conflicts = [c for c in self.server.admin("conflicts")["rows"] if c["row"] == work["shop"]]
        values = {conflicts[0]["winner"]["name"], conflicts[0]["loser"]["name"]} if conflicts else set()
        self.must("conflict_both_values", values == {"华宁超市（总店） Huaning Main", "华宁超市 Huaning Supermarket Ltd"},
                  "the name, which both changed, asks a person; both values are kept: " + " | ".join(sorted(values)))
        mine = wang.run(["conflicts"])["rows"]
        self.must("conflict_on_phone", any(row["row"] == work["shop"] for row in mine),
                  "the conflict is listed on the phone, too")
        order = self.server.admin("show", "order", work["order"])
        self.must("order_total", order["status"] == "submitted" and order["total_minor"] == 12 * 4800 + 6000,
                  f"the order arrived once, submitted: CNY {order['total_minor'] / 100:.2f}")
        visit = self.server.admin("show", "visit", work["visit"])
        self.must("visit_arrived", visit["status"] == "completed" and visit["check_in_at"] and visit["check_out_at"],
                  "the visit arrived with check-in and check-out")
        task = self.server.admin("show", "task", work["task"])
        self.must("task_done", task["status"] == "completed", "the task is done")
        made = self.server.admin("show", "customer", work["made"])
        self.must("customer_made", made["owner"] is not None, "the new customer is Wang Fang's")

    def refuse(self, wang):
        self.chapter("A refused write. The office cancels a draft order; Wang Fang, offline, goes on adding to it.")
        shop = self.customer_id("C-0003")
        order = wang.run(["order", "new", shop, "--currency", "CNY"])["id"]
        wang.run(["order", "add", order, self.product("P-300"), "--quantity", "1"])
        wang.run(["sync", "--once"])
        self.server.admin("edit", "order", order, "--set", "status=cancelled")
        late = wang.run(["order", "add", order, self.product("P-301"), "--quantity", "1"])["id"]
        wang.run(["note", shop, "谈了面粉 talked about flour"])
        wang.run(["sync", "--once"])
        reasons = wang.run(["why", "order_line", late])["rows"]
        refused = [reason for reason in reasons if reason["kind"] == "refused"]
        self.must("refused_with_reason", refused and refused[0]["reason"] == "LATE_FOR_PARENT",
                  "the late line is refused, and the phone says why: " + (refused[0]["text"] if refused else "?"))
        self.must("nothing_blocked", wang.run(["status"])["units_unsent"] == 0, "the note behind it went through")

    def reassign(self, wang, li):
        self.chapter("A customer moves to Li Na while Wang Fang is offline and visits him.")
        shop = self.customer_id("C-0005")
        visit = wang.run(["visit", "in", shop])["id"]
        wang.run(["visit", "out", visit, "--outcome", "interested", "--summary", "谈得不错 a good talk"])
        wang.run(["customer", "edit", shop, "--set", "street=世纪大道 88 号"])
        self.server.admin("assign", "--customer", shop, "--owner", "li.na", "--territory", "hangzhou")
        wang.run(["sync", "--once"])
        li.run(["sync", "--once"])
        arrived = self.server.admin("show", "visit", visit)
        self.must("visit_accepted", arrived["status"] == "completed",
                  "what he did there is a fact: the visit is accepted")
        parked = [row for row in self.server.admin("parked")["rows"] if row["row"] == shop]
        self.must("edit_parked", parked and parked[0]["set"].get("street") == "世纪大道 88 号",
                  "his edit is not lost and not applied: it is parked for the new owner's manager")
        self.must("customer_left", self.on_phone(wang, shop) is None, "the customer has left Wang Fang's phone")
        self.must("customer_came", self.on_phone(li, shop) is not None, "and is on Li Na's")

    def check_sealed(self):
        self.chapter("Nothing readable lies on the phones' disks.")
        needles = [text.encode() for text in ("华宁超市", "Huaning", "世纪大道", "+86 138")]
        hits = [name for phone in self.phones.values() for name, data in files_of(phone.folder)
                for needle in needles if needle in data]
        self.must("nothing_in_clear", not hits, "no customer's name, street or phone in any file of the phones")

    def run(self):
        wang, li = self.set_up()
        work = self.work_offline(wang)
        self.manage_meanwhile(work["shop"])
        self.merge(wang, work)
        self.refuse(wang)
        self.reassign(wang, li)
        self.check_sealed()
        return self.facts

    def go_on(self):
        server = f"{self.server.program} … --data {self.server.folder}"
        wang = self.phones["wang.fang"]
        self.say("\nGo on by hand:"
                 f"\n  export SATCHEL_STORE={wang.folder} SATCHEL_KEY_FILE={wang.environment['SATCHEL_KEY_FILE']}"
                 f"\n  {wang.program} customer list      {wang.program} conflicts      {wang.program} help"
                 f"\n  {server.replace('…', 'conflicts')}\n  {server.replace('…', 'help')}")

    def close(self, leave_server):
        for phone in self.phones.values():
            phone.stop()
        if not leave_server and self.server.process is not None:
            self.server.stop()
        self.log.close()


def files_of(folder):
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                yield name, file.read()


def main():
    parser = argparse.ArgumentParser(prog="run demo", description="Two phones, a manager, no network, and back.")
    parser.add_argument("--programs", default=os.environ.get("SATCHEL_BIN", "build/release/bin"))
    parser.add_argument("--serve", action="store_true", help="leave the server running until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print the story's facts as JSON only")
    parser.add_argument("--customers", type=int, default=24)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="satchel-demo-")
    demo = Demo(options.programs, folder, options.json, options.customers)
    code = 0
    try:
        facts = demo.run()
        if options.json:
            print(json.dumps(facts, ensure_ascii=False))
        demo.go_on()
    except (Untrue, CommandFailed) as error:
        print(f"demo: {error}", file=sys.stderr)
        code = 1
    finally:
        demo.close(leave_server=options.serve)
        if options.serve and code == 0:
            print(f"\nThe server runs on port {demo.server.port}; Ctrl-C stops it.", flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
            demo.server.stop()
        if options.json:
            shutil.rmtree(folder, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
