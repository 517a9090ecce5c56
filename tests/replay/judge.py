# SPDX-License-Identifier: Apache-2.0
"""Judges a replay, knowing nothing of how it was run: from the CSV (decimals), the server's database, the dumps of the
reopened phones and the journal of acknowledged writes.

usage: judge.py CSV_FOLDER REPLAY_FOLDER --counters JSON [--orders N] [--json]
Exit 0 if everything agrees, else 1; every disagreement is a line on standard error.
"""

import argparse
import collections
import glob
import json
import os
import sqlite3
import sys
import uuid

import northwind

BARS = {"cuts": 60, "phone_kills": 9, "server_kills": 2, "lost_replies": 10, "conflicts": 30, "parked": 5,
        "removals": 50}
# Flags of a dumped row whose change the server has not accepted.
UNSETTLED = {"pending", "refused"}
# Bookkeeping of the phone and fields whose value differs by design: the view's revision.
NOT_COMPARED = {"id", "revision", "custom", "tail"}


class Findings:
    """What does not agree; the first of each kind are told."""

    MOST_TOLD = 5

    def __init__(self):
        self.counts = collections.Counter()

    def tell(self, kind, text):
        self.counts[kind] += 1
        if self.counts[kind] <= self.MOST_TOLD:
            print(f"judge: {kind}: {text}", file=sys.stderr)

    def __bool__(self):
        return bool(self.counts)


def text_id(blob):
    return str(uuid.UUID(bytes=bytes(blob))) if blob is not None else None


def read_varint(blob, at):
    value = shift = 0
    while True:
        byte = blob[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def set_elements(blob):
    """The elements of a set column: varint count, then varint length and bytes of each."""
    count, at = read_varint(blob, 0)
    elements = []
    for _ in range(count):
        size, at = read_varint(blob, at)
        elements.append(bytes(blob[at:at + size]))
        at += size
    return elements


def connect(folder):
    """The server's database: its file as it lies on the disk, or what the folder says about PostgreSQL."""
    try:
        with open(os.path.join(folder, "database"), encoding="utf-8") as file:
            address = file.read().strip()
    except FileNotFoundError:
        return sqlite3.connect(f"file:{os.path.join(folder, 'satchel.db')}?mode=ro", uri=True)
    import psycopg2  # only where the company is on PostgreSQL

    return psycopg2.connect(address)


def unviewed(value):
    """Bytes as bytes: one of the two libraries gives views."""
    return bytes(value) if isinstance(value, memoryview) else value


class Server:
    """The server's database."""

    def __init__(self, folder):
        self.database = connect(folder)

    def rows(self, table):
        cursor = self.database.cursor()
        cursor.execute(f'SELECT * FROM "{table}"')
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, map(unviewed, row))) for row in cursor.fetchall()]
        return [row for row in rows if not row["deleted"]]


def expect_equal(findings, kind, name, expected, found):
    if expected != found:
        findings.tell(kind, f"{name}: expected {expected!r}, found {found!r}")


def check_orders(company, server, findings, verdict):
    """Every order once, every line once, every amount exact."""
    orders = server.rows("order")
    lines = collections.defaultdict(list)
    for line in server.rows("order_line"):
        lines[bytes(line["order"])].append(line)
    products = {bytes(p["id"]): p["external_id"] for p in server.rows("product")}
    users = {bytes(u["id"]): u["external_id"] for u in server.rows("user")}
    customers = {bytes(c["id"]): c["external_id"] for c in server.rows("customer")}
    by_number = collections.defaultdict(list)
    for order in orders:
        by_number[order["external_id"]].append(order)
    verdict["by_employee"] = dict.fromkeys(sorted(company.employees, key=lambda key: (len(key), key)), 0)
    for expected in company.orders:
        found = by_number.pop(expected.key, [])
        if not found:
            verdict["lost"] += 1
            findings.tell("lost order", expected.key)
            continue
        verdict["duplicates"] += len(found) - 1
        order = found[0]
        verdict["orders"] += 1
        name = f"order {expected.key}"
        expect_equal(findings, "order", f"{name} customer", expected.customer, customers.get(bytes(order["customer"])))
        expect_equal(findings, "order", f"{name} author", expected.employee, users.get(bytes(order["created_by"])))
        expect_equal(findings, "order", f"{name} total", expected.total_minor, order["total_minor"])
        check_lines(expected, lines.pop(bytes(order["id"]), []), products, findings, verdict)
        author = users.get(bytes(order["created_by"]))
        verdict["by_employee"][author] = verdict["by_employee"].get(author, 0) + order["total_minor"]
    for number in by_number:
        findings.tell("unknown order", str(number))
    for orphan in lines.values():
        findings.tell("orphan lines", str(len(orphan)))


def check_lines(order, found, products, findings, verdict):
    by_product = collections.defaultdict(list)
    for line in found:
        by_product[products.get(bytes(line["product"]))].append(line)
    for expected in order.lines:
        same = by_product.pop(expected.product, [])
        name = f"order {order.key} product {expected.product}"
        if not same:
            verdict["lost"] += 1
            findings.tell("lost line", name)
            continue
        verdict["duplicates"] += len(same) - 1
        line = same[0]
        verdict["lines"] += 1
        verdict["total_minor"] += line["total_minor"]
        expect_equal(findings, "line", name,
                     (expected.quantity * 1000, expected.price_minor, expected.discount_bp, expected.total_minor),
                     (line["quantity_e3"], line["unit_price_minor"], line["discount_bp"] or 0, line["total_minor"]))
    for product in by_product:
        findings.tell("unknown line", f"order {order.key} product {product}")


def check_visits(company, server, findings, verdict):
    """Each order's visit once, begun and ended."""
    orders = {order["external_id"]: order for order in server.rows("order")}
    visits = {bytes(visit["id"]): visit for visit in server.rows("visit")}
    for expected in company.orders:
        order = orders.get(expected.key)
        visit = visits.pop(bytes(order["visit"]), None) if order and order["visit"] else None
        if visit is None:
            verdict["lost"] += 1
            findings.tell("lost visit", expected.key)
        elif not visit["check_in_at"] or not visit["check_out_at"]:
            verdict["lost"] += 1
            findings.tell("visit without check-in or check-out", expected.key)
    verdict["duplicates"] += len(visits)
    for visit in visits.values():
        findings.tell("visit without an order", text_id(visit["id"]))


def expected_reach(company):
    """Which customers each employee must hold in the end: owner of the latest order, or covered on the last day."""
    last_day = company.orders[-1].day
    owner, spans = {}, {}
    for order in company.orders:
        owner[order.customer] = order.employee
        first, _ = spans.get((order.employee, order.customer), (order.day, None))
        spans[(order.employee, order.customer)] = (first, order.day)
    reach = {key: set() for key in company.employees}
    for customer, employee in owner.items():
        reach[employee].add(customer)
    for (employee, customer), (first, last) in spans.items():
        if first <= last_day <= last:
            reach[employee].add(customer)
    return reach


def plain(value, shown):
    """A value of the server's database in the form in which the dump shows it."""
    if not isinstance(value, bytes):
        return value
    if isinstance(shown, list):
        return sorted(text_or_id(element) for element in set_elements(value))
    if isinstance(shown, str) and len(shown) == 36 and len(value) == 16:
        return text_id(value)
    return value.hex()


def text_or_id(element):
    return str(uuid.UUID(bytes=element)) if len(element) == 16 else element.decode("utf-8")


def same_value(ours, theirs):
    if isinstance(theirs, list):
        return ours == sorted(theirs)
    if isinstance(theirs, bool):
        return bool(ours) == theirs
    return ours == theirs


def check_phone(company, server, employee, rows, reach, findings):
    """The dump of one phone: exactly its customers, and every row equal to the server's."""
    tables = {}
    held = set()
    for row in rows:
        entity = row["entity"]
        if entity not in tables:
            tables[entity] = {text_id(r["id"]): r for r in server.rows(entity)}
        record, original = row["record"], tables[entity].get(row["id"])
        name = f"phone {employee} {entity} {row['id']}"
        if original is None:
            findings.tell("row that the server does not have", name)
            continue
        if entity == "customer":
            held.add(original["external_id"])
        if UNSETTLED & set(row["flags"]):
            findings.tell("row that is not settled", f"{name}: {row['flags']}")
        for field, value in record.items():
            kept = plain(original.get(field), value)
            if field not in NOT_COMPARED and not same_value(kept, value):
                findings.tell("value", f"{name}.{field}: phone {value!r}, server {kept!r}")
        for field in original.keys() & COMPLETE.get(entity, set()):
            if original[field] is not None and field not in record:
                findings.tell("value missing on the phone", f"{name}.{field}")
    for customer in reach - held:
        findings.tell("customer missing on the phone", f"{employee}: {customer}")
    for customer in held - reach:
        findings.tell("customer left on the phone", f"{employee}: {customer}")
    check_children(server, employee, rows, reach, findings)


def check_children(server, employee, rows, reach, findings):
    """What hangs on a customer goes where the customer goes: all of it is there, and nothing else."""
    within = {bytes(row["id"]) for row in server.rows("customer") if row["external_id"] in reach}
    for entity in FOLLOWING:
        wanted = {text_id(row["id"]) for row in server.rows(entity)
                  if row["customer"] and bytes(row["customer"]) in within and not row["deleted"]}
        there = {row["id"] for row in rows if row["entity"] == entity and row["record"].get("customer")}
        for row in wanted - there:
            findings.tell("row missing on the phone", f"{employee}: {entity} {row}")
        for row in there - wanted:
            findings.tell("row left on the phone", f"{employee}: {entity} {row}")


# Entities that hang on a customer and that a rep reads.
FOLLOWING = ("order", "visit", "activity", "task", "contact", "opportunity")


# Fields that a rep sees of his rows, so that a phone that lacks one is wrong.
COMPLETE = {
    "customer": {"name", "short_name", "street", "city", "industry", "opening_hours", "website", "note", "district",
                 "loyalty_points", "owner", "external_id"},
    "order": {"customer", "status", "total_minor", "external_id", "visit", "currency"},
    "order_line": {"order", "product", "quantity_e3", "unit_price_minor", "total_minor"},
    "visit": {"customer", "status", "check_in_at", "check_out_at"},
    "activity": {"customer", "kind", "body"},
}


def check_phones(company, server, folder, findings):
    reach = expected_reach(company)
    dumps = sorted(glob.glob(os.path.join(folder, "dumps", "*.jsonl")))
    for path in dumps:
        employee = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file if line.strip()]
        check_phone(company, server, employee, rows, reach[employee], findings)
    if len(dumps) != len(company.employees):
        findings.tell("dumps", f"{len(dumps)} of {len(company.employees)}")
    return len(dumps)


class Fates:
    """What became of values that did not stay: listed losers of conflicts, and parked edits."""

    def __init__(self, folder):
        self.losers = collections.defaultdict(set)
        self.parked = collections.defaultdict(list)
        for conflict in self.load(folder, "conflicts.json"):
            for side in ("winner", "loser"):
                for field, value in (conflict.get(side) or {}).items():
                    self.losers[(conflict["row"], field)].add(value if isinstance(value, str) else json.dumps(value))
        for parked in self.load(folder, "parked.json"):
            for field, value in (parked.get("set") or {}).items():
                self.parked[(parked["row"], field)].append(value)

    @staticmethod
    def load(folder, name):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return json.load(file)["rows"]


def read_journal(folder):
    with open(os.path.join(folder, "journal.jsonl"), encoding="utf-8") as file:
        return [dict(json.loads(line), place=place) for place, line in enumerate(file)]


def could_have_seen(journal_syncs, later, earlier):
    """May the author of `later` have known of `earlier`? Then it replaced it on purpose."""
    if later["author"] == earlier["author"]:
        return True
    reached = earlier["place"]
    if earlier["author"] != "office":
        reached = next((place for place in journal_syncs[earlier["author"]] if place > earlier["place"]), None)
    if reached is None:
        return False
    if later["author"] == "office":
        return reached < later["place"]
    return any(reached < place < later["place"] for place in journal_syncs[later["author"]])


def check_journal(server, folder, findings, verdict):
    """Each acknowledged write is current, or replaced knowingly, or listed as a loser, or parked."""
    journal, fates = read_journal(folder), Fates(folder)
    syncs = collections.defaultdict(list)
    for entry in journal:
        if entry["kind"] == "sync":
            syncs[entry["author"]].append(entry["place"])
    customers = {row["external_id"]: row for row in server.rows("customer")}
    edits = collections.defaultdict(list)
    for entry in journal:
        if entry["kind"] == "edit":
            edits[(entry["customer"], entry["field"])].append(entry)
    for (customer, field), writes in edits.items():
        row = customers[customer]
        key = (text_id(row["id"]), field)
        for write in writes:
            value = write["value"]
            kept = (row[field] == value or value in fates.losers[key] or value in fates.parked[key]
                    or any(w["place"] > write["place"] and could_have_seen(syncs, w, write) for w in writes))
            if not kept:
                verdict["lost"] += 1
                findings.tell("lost edit", f"{customer}.{field} by {write['author']}: {value!r}")
    check_sums(journal, customers, fates, findings, verdict)
    check_notes(journal, server, findings, verdict)


def check_sums(journal, customers, fates, findings, verdict):
    sums = collections.Counter()
    for entry in journal:
        if entry["kind"] == "add":
            sums[(entry["customer"], entry["field"])] += entry["delta"]
    for (customer, field), total in sums.items():
        row = customers[customer]
        parked = sum(fates.parked[(text_id(row["id"]), field)])
        if (row[field] or 0) != total - parked:
            verdict["lost"] += 1
            findings.tell("sum", f"{customer}.{field}: added {total}, parked {parked}, found {row[field]}")


def check_notes(journal, server, findings, verdict):
    activities = collections.Counter(text_id(row["id"]) for row in server.rows("activity"))
    notes = {entry["row"] for entry in journal if entry["kind"] == "note"}
    for row in notes - activities.keys():
        verdict["lost"] += 1
        findings.tell("lost note", row)
    verdict["duplicates"] += sum(activities.values()) - len(activities)
    for row in activities.keys() - notes:
        findings.tell("unknown note", row)


def judge(company, folder, counters, findings, bars):
    verdict = {"orders": 0, "lines": 0, "total_minor": 0, "by_employee": {}, "devices": counters["devices"],
               "agree": False, "cuts": counters["cuts"],
               "kills": counters["phone_kills"] + counters["server_kills"],
               "phone_kills": counters["phone_kills"], "server_kills": counters["server_kills"],
               "lost_replies": counters["lost_replies"], "conflicts": 0, "parked": 0,
               "removals": counters["removals"], "duplicates": 0, "lost": 0}
    server = Server(os.path.join(folder, "server"))
    check_orders(company, server, findings, verdict)
    check_visits(company, server, findings, verdict)
    verdict["devices"] = check_phones(company, server, folder, findings)
    check_journal(server, folder, findings, verdict)
    verdict["conflicts"] = len(server.rows("conflict"))
    verdict["parked"] = len(server.rows("parked_edit"))
    expect_equal(findings, "total", "sum of all lines", sum(order.total_minor for order in company.orders),
                 verdict["total_minor"])
    for name, least in (BARS if bars else {}).items():
        if verdict[name] < least:
            findings.tell("too tame", f"{name} {verdict[name]}, at least {least} are wanted")
    verdict["agree"] = not findings and verdict["lost"] == 0 and verdict["duplicates"] == 0
    return verdict


def main():
    parser = argparse.ArgumentParser(description="Judges a replay.")
    parser.add_argument("csv_folder")
    parser.add_argument("replay_folder")
    parser.add_argument("--counters", required=True)
    parser.add_argument("--orders", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    company = northwind.read(options.csv_folder)
    if options.orders:
        company.orders = company.orders[:options.orders]
    findings = Findings()
    verdict = judge(company, options.replay_folder, json.loads(options.counters), findings, bars=not options.orders)
    for kind, count in findings.counts.items():
        print(f"judge: {count} × {kind}", file=sys.stderr)
    if options.json:
        print(json.dumps(verdict))
    else:
        for name, value in verdict.items():
            print(f"{name:13} {value}")
        print("the judge says", "yes" if verdict["agree"] else "no")
    return 0 if verdict["agree"] else 1


if __name__ == "__main__":
    sys.exit(main())
