# SPDX-License-Identifier: Apache-2.0
"""One replay: sets up the company, lets nine phones live through its orders under harm, and dumps what is left."""

import csv
import datetime
import json
import os
import threading

from journal import Journal
import paths  # noqa: F401, makes tests/support importable
from processes import CommandFailed, Died, Phone, Server
from proxy import Proxy
from story import Story

SYNC_TRIES = 40
MANAGER = "office"


def day_text(day):
    return day.isoformat()


class Rep:
    """A phone, its proxy, and what the replay knows about both."""

    def __init__(self, employee, phone, proxy):
        self.employee = employee
        self.phone = phone
        self.proxy = proxy
        self.synced_day = None
        self.held = set()  # customers that were within reach at the last sync
        self.rows = set()  # customers that the phone showed after it
        self.removals = 0


class Replay:
    def __init__(self, company, seed, programs, folder, quiet=False):
        self.company = company
        self.story = Story(company, seed)
        self.random = self.story.random
        self.programs = programs
        self.folder = folder
        self.quiet = quiet
        self.log = open(os.path.join(folder, "processes.log"), "ab")
        self.server = Server(os.path.join(programs, "satcheld"), os.path.join(folder, "server"), self.log)
        self.journal = Journal(os.path.join(folder, "journal.jsonl"))
        self.reps = {}
        self.customers = {}  # external number → row id
        self.products = {}
        self.owner = {}      # customer → employee, as told to the server
        self.days = self.spans()
        self.today = None

    def say(self, text):
        if not self.quiet:
            print(text, flush=True)

    def spans(self):
        """First and last day of each employee with each customer."""
        spans = {}
        for order in self.company.orders:
            first, _ = spans.get((order.employee, order.customer), (order.day, order.day))
            spans[(order.employee, order.customer)] = (first, order.day)
        return spans

    # ---- the company ----

    def write_csv(self, name, rows):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def found(self):
        """Users with their manager tree, territories, customers, products, assignments: by the server's commands."""
        server = self.server
        server_folder = server.folder
        os.makedirs(server_folder, exist_ok=True)
        server.admin("init", "--company", "Northwind Traders")
        server.start()
        self.import_territories()
        self.add_users()
        self.import_goods()
        rows = [{"customer": customer, "user": self.company.employees[employee].login, "from_day": day_text(first),
                 "to_day": day_text(last), "kind": "support"}
                for (employee, customer), (first, last) in sorted(self.days.items())]
        server.admin("import", "assignment", self.write_csv("assignments.csv", rows))
        listing = server.admin("customer", "list")["rows"]
        self.customers = {row["external_id"]: row["id"] for row in listing}
        self.products = {row["external_id"]: row["id"] for row in server.admin("show", "product")["rows"]}

    def import_territories(self):
        for key, name in self.company.regions.items():
            self.server.admin("territory", "add", name, "--external-id", f"region-{key}")
        rows = [{"external_id": key, "name": name, "parent": f"region-{region}"}
                for key, name, region in self.company.territories]
        self.server.admin("import", "territory", self.write_csv("territories.csv", rows))

    def add_users(self):
        waiting = list(self.company.employees.values())
        known = set()
        while waiting:
            employee = next(e for e in waiting if not e.reports_to or e.reports_to in known)
            waiting.remove(employee)
            known.add(employee.key)
            command = ["user", "add", employee.login, "--name", employee.name, "--role", "rep",
                       "--external-id", employee.key]
            if employee.reports_to:
                command += ["--manager", self.company.employees[employee.reports_to].login]
            for territory in self.company.employee_territories[employee.key]:
                command += ["--territory", territory]
            self.server.admin(*command)

    def import_goods(self):
        self.server.admin("import", "product", self.write_csv("products.csv", [
            {"external_id": p.key, "code": f"NW{p.key}", "name": p.name, "price_minor": p.price_minor,
             "currency": "USD"} for p in self.company.products.values()]))
        self.server.admin("import", "customer", self.write_csv("customers.csv", [
            {"external_id": c.key, "name": c.name, "street": c.address, "city": c.city, "province": c.region,
             "postal_code": c.postal_code, "country": c.country, "phones": c.phone}
            for c in self.company.customers.values()]))

    def enroll_phones(self):
        for employee in self.company.employees.values():
            proxy = Proxy(self.server.port)
            link = self.server.admin("enroll", employee.login, "--server", f"http://127.0.0.1:{proxy.port}")["link"]
            phone = Phone(os.path.join(self.programs, "satchel"), employee.login,
                          os.path.join(self.folder, "phones", employee.key),
                          os.path.join(self.folder, "keys", employee.key), self.log)
            os.makedirs(os.path.dirname(phone.folder), exist_ok=True)
            os.makedirs(os.path.join(self.folder, "keys"), exist_ok=True)
            phone.start()
            phone.run(["enroll", link, "--name", f"phone of {employee.login}"])
            self.reps[employee.key] = Rep(employee, phone, proxy)

    # ---- time and reach ----

    def in_reach(self, employee, customer, day):
        first, last = self.days.get((employee, customer), (None, None))
        return self.owner.get(customer) == employee or (first is not None and first <= day <= last)

    def reach(self, employee):
        return {c for c in self.company.customers if self.in_reach(employee, c, self.today)}

    def move_to(self, day):
        if day != self.today:
            self.today = day
            self.server.admin("day", day_text(day))

    # ---- phones under harm ----

    def sync(self, rep, stop=None):
        """Tries until it succeeds: the harm of this stop strikes the first tries."""
        if stop is not None and stop.harm == "cut":
            rep.proxy.arm_cut(stop.cut_after)
        elif stop is not None and stop.harm == "lose":
            rep.proxy.arm_lose()
        if stop is not None and stop.kill_server:
            killer = threading.Timer(stop.kill_delay / 4, self.server.process.kill)
            rep.proxy.arm_call(killer.start)
        if stop is not None and stop.kill_phone == "sync":
            self.journal.sync(rep.employee.key)
            rep.phone.run_and_kill(["sync", "--once"], stop.kill_delay)
        for _ in range(SYNC_TRIES):
            self.journal.sync(rep.employee.key)
            try:
                rep.phone.run(["sync", "--once"])
                break
            except CommandFailed as failure:
                if failure.answer.get("class") not in ("RETRY", None) and failure.status != "CANCELLED":
                    raise
                self.revive_server()
        else:
            raise CommandFailed(["sync"], {"status": "STUCK", "message": f"{rep.employee.login} cannot sync"})
        if stop is not None and stop.kill_server:
            killer.join()
            self.revive_server()
        rows = {row["id"] for row in rep.phone.run(["customer", "list", "--limit", "1000"])["rows"]}
        rep.removals += len(rep.rows - rows)
        rep.synced_day, rep.held, rep.rows = self.today, self.reach(rep.employee.key), rows

    def revive_server(self):
        """The proxy's call killed it, perhaps a moment from now: open it again when it is gone."""
        try:
            self.server.process.wait(timeout=0.05)
        except Exception:  # still alive: nothing to revive
            return
        self.server.kills += 1
        self.server.start()

    def say_again(self, rep, argv):
        """A command that may have been carried out already, because the phone was killed before it answered."""
        try:
            return rep.phone.run(argv)
        except CommandFailed as failure:
            if failure.status in ("ALREADY_EXISTS", "ILLEGAL_STATE", "LATE_FOR_PARENT"):
                return failure.answer
            raise

    # ---- a rep's work ----

    def commands_of(self, order, stop):
        """What the rep does at the customer, each with an id of its own."""
        identity = self.story.identity
        customer, visit, row = (self.customers[order.customer], identity("visit", order.key),
                                identity("order", order.key))
        commands = [["visit", "in", customer, "--id", visit, "--latitude", "31.2304", "--longitude", "121.4737"]]
        commands.append(["order", "new", customer, "--id", row, "--visit", visit, "--currency", "USD",
                         "--external-id", order.key])
        for number, line in enumerate(order.lines):
            commands.append(["order", "add", row, self.products[line.product], "--id",
                             identity("line", order.key, str(number)), "--quantity", str(line.quantity),
                             "--price-minor", str(line.price_minor), "--discount-bp", str(line.discount_bp)])
        commands.append(["order", "submit", row])
        commands.append(["visit", "out", visit, "--outcome", "order", "--summary", f"order {order.key}"])
        return commands

    def visit(self, rep, order, stop):
        commands = self.commands_of(order, stop)
        kill_at = self.random.randrange(len(commands)) if stop.kill_phone == "command" else -1
        for place, command in enumerate(commands):
            if place == kill_at:
                rep.phone.run_and_kill(command, stop.kill_delay / 4)
                self.say_again(rep, command)
            else:
                rep.phone.run(command)
        if stop.note:
            self.note(rep, order.customer, f"visited for order {order.key}", order.key)
        if stop.points:
            rep.phone.run(["customer", "edit", self.customers[order.customer], "--increase",
                           f"loyalty_points={stop.points}"])
            self.journal.add(rep.employee.key, order.customer, "loyalty_points", stop.points)

    def note(self, rep, customer, text, key):
        row = self.story.identity("note", rep.employee.key, key)
        rep.phone.run(["note", self.customers[customer], text, "--id", row])
        self.journal.note(rep.employee.key, customer, row)

    def edit_on_phone(self, rep, customer, field, value):
        rep.phone.run(["customer", "edit", self.customers[customer], "--set", f"{field}={value}"])
        self.journal.edit(rep.employee.key, customer, field, value)

    def edit_in_office(self, customer, field, value):
        self.server.admin("customer", "edit", self.customers[customer], "--set", f"{field}={value}")
        self.journal.edit(MANAGER, customer, field, value)

    def collide(self, rep, order, stop):
        """Rep and office set one field to different values, neither knowing of the other; the office another too."""
        field, customer = stop.collide, order.customer
        base = self.company.customers[customer].name
        self.edit_on_phone(rep, customer, field, f"{base} · {field} by {rep.employee.first_name} {order.key}")
        self.edit_in_office(customer, field, f"{base} · {field} by the office {order.key}")
        self.edit_in_office(customer, stop.beside, f"https://example.com/{order.key}" if stop.beside == "website"
                            else f"{stop.beside} by the office {order.key}")

    def follow_up(self, rep, order):
        """Before he syncs, the rep works on customers that have moved to someone else without his knowing."""
        gone = sorted(c for c in rep.held if not self.in_reach(rep.employee.key, c, self.today))
        for customer in gone[:2]:
            self.note(rep, customer, "called again", f"{order.key}-{customer}")
            self.edit_on_phone(rep, customer, "opening_hours", f"asked by {rep.employee.first_name} {order.key}")

    def work_off(self, index, order):
        stop = self.story.stops[index]
        rep = self.reps[order.employee]
        self.move_to(order.day)
        first, _ = self.days[(order.employee, order.customer)]
        if rep.synced_day is None or (rep.synced_day < first and order.customer not in rep.held):
            if stop.follow_up:
                self.follow_up(rep, order)
            self.sync(rep)
        self.visit(rep, order, stop)
        if stop.collide:
            self.collide(rep, order, stop)
        if self.owner.get(order.customer) != order.employee:
            self.server.admin("assign", "--customer", self.customers[order.customer], "--owner", rep.employee.login)
            self.owner[order.customer] = order.employee
        if not stop.stay_offline or stop.kill_phone == "sync":
            if stop.follow_up:
                self.follow_up(rep, order)
            self.sync(rep, stop)

    # ---- the whole ----

    def finish(self):
        """All phones sync at once, then once more so that each has seen what the others brought."""
        for _ in range(2):
            threads = [threading.Thread(target=self.sync, args=(rep,)) for rep in self.reps.values()]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def dump(self):
        """The phones are closed, opened again and dumped; the server is stopped so that its database stands still."""
        folder = os.path.join(self.folder, "dumps")
        os.makedirs(folder, exist_ok=True)
        for rep in self.reps.values():
            rep.phone.stop()
            with open(os.path.join(folder, f"{rep.employee.key}.jsonl"), "wb") as file:
                done = rep.phone.once("dump", "--json")
                if done.returncode != 0:
                    raise Died(f"dump of {rep.employee.login}: {done.stderr.decode(errors='replace')}")
                file.write(done.stdout)
        status = self.server.admin("status")
        with open(os.path.join(self.folder, "parked.json"), "w", encoding="utf-8") as file:
            json.dump(self.server.admin("parked", "--all"), file)
        with open(os.path.join(self.folder, "conflicts.json"), "w", encoding="utf-8") as file:
            json.dump(self.server.admin("conflicts", "--all"), file)
        self.server.stop()
        return status

    def run(self):
        """Gives the counters as a JSON text."""
        self.say("founding the company")
        self.found()
        self.move_to(self.company.orders[0].day - datetime.timedelta(days=1))
        self.enroll_phones()
        for index, order in enumerate(self.company.orders):
            self.work_off(index, order)
            if index % 100 == 99:
                self.say(f"{index + 1} of {len(self.company.orders)} orders, {day_text(order.day)}")
        self.finish()
        status = self.dump()
        for rep in self.reps.values():
            rep.proxy.close()
        self.journal.close()
        self.log.close()
        return json.dumps({
            "devices": len(self.reps),
            "cuts": sum(rep.proxy.cuts for rep in self.reps.values()),
            "phone_kills": sum(rep.phone.kills for rep in self.reps.values()),
            "server_kills": self.server.kills,
            "lost_replies": status["stored_answers"],
            "removals": sum(rep.removals for rep in self.reps.values()),
        })
