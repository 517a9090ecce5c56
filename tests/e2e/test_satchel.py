# SPDX-License-Identifier: Apache-2.0
"""Every verb of the terminal shell; what each says to arguments that are no good; batch; tables; PIN and progress."""

import glob
import json
import os
import pty
import re
import select
import subprocess
import sys
import unicodedata
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from stage import PIN, Stage, program

CUSTOMERS = 12  # odd numbers are Wang Fang's
ABSENT = "0190b4c8-1234-7abc-8def-0123456789ab"
FAILED, USAGE, ACCESS, NETWORK = 1, 2, 3, 4
# Linux passes no single argument of more than 128 KiB to a program.
LONG = "长" * 40_000
LINE = re.compile(r"\Asatchel: ([A-Z_]+): [^\n]+\n\Z")
# C0 but line feed, C1, and what turns the direction of text.
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
DEEP = b"[" * 100_000


class WithPhone(unittest.TestCase):
    """One synced phone whose commands each run in a process of their own."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        cls.addClassCleanup(cls.stage.close)
        cls.server = cls.stage.server
        cls.phone = cls.stage.phone("wang.fang")
        cls.environment = dict(cls.phone.environment, LC_ALL="C.UTF-8")
        cls.made = cls.give("enroll", cls.stage.link("wang.fang"), "--name", "电话 1")
        cls.give("sync")
        cls.shop = cls.server.admin("customer", "show", "C-0001")["id"]

    @classmethod
    def ran(cls, *argv, **environment):
        words = [word if isinstance(word, bytes) else word.encode() for word in argv]
        return subprocess.run([program("satchel"), *words], capture_output=True, check=False, stdin=subprocess.DEVNULL,
                              env={**cls.environment, **environment}, timeout=60)

    @classmethod
    def give(cls, *argv):
        """The JSON that a command gives, which must succeed."""
        done = cls.ran("--json", *argv)
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"{argv}: exit {done.returncode}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    @classmethod
    def dump(cls):
        done = cls.ran("dump")
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        return sorted(done.stdout.splitlines())

    def record(self, entity, row):
        lines = [json.loads(line) for line in self.dump()]
        return next(line["record"] for line in lines if (line["entity"], line["id"]) == (entity, row))

    def told(self, done, status, code):
        """One line on stderr that names the status, and the exit code."""
        said = done.stderr.decode()
        self.assertEqual((LINE.match(said) or [None, said])[1], status, said[:500])
        self.assertIsNone(STEERING.search(said.rstrip("\n")), said[:500])
        self.assertEqual(done.returncode, code, said[:500])


class Verbs(WithPhone):
    def test_enroll_and_status_tell_who_this_is(self):
        state = self.give("status")
        self.assertEqual(self.made["company"], "测试公司 Test Company")
        self.assertEqual({name: state[name] for name in ("login", "device", "user", "server")},
                         {name: self.made[name] for name in ("login", "device", "user", "server")})
        self.assertTrue(state["enrolled"] and state["first_sync_done"])
        self.assertEqual((state["login"], state["last_sync_status"], state["refused_opens"]), ("wang.fang", "OK", 0))
        self.assertEqual((state["upgrade_done"], state["upgrade_total"], state["repairs"]), (0, 0, 0))
        people = self.ran("status").stdout.decode()
        self.assertRegex(people, r"(?m)^rows +[1-9]")

    def test_sync_tells_what_it_cost(self):
        self.give("customer", "edit", self.shop, "--set", "note=同步一次")
        cost = self.give("sync", "--budget-ms", "20000")
        self.assertGreater(min(cost["requests"], cost["sent_bytes"], cost["received_bytes"]), 0)
        self.assertEqual((cost["units_unsent"], cost["more"]), (0, False))

    def test_customers(self):
        made = self.give("customer", "add", "--id", ABSENT, "--set", "name=红星小卖部 Red Star", "--set", "grade=a",
                         "--add", "tags=冷链", "--add", "tags=vip")
        self.assertEqual(made["id"], ABSENT)
        self.give("customer", "edit", ABSENT, "--set", "grade=b", "--clear", "grade", "--remove", "tags=vip",
                  "--increase", "loyalty_points=7", "--set", "city=上海")
        record = self.record("customer", ABSENT)
        self.assertEqual((record["tags"], record["loyalty_points"], record["city"]), (["冷链"], 7, "上海"))
        self.assertNotIn("grade", {name for name, value in record.items() if value is not None})
        for named in (ABSENT, "红星小卖部 Red Star", ABSENT[-8:], "红星"):
            with self.subTest(named=named):
                self.assertEqual(self.give("customer", "show", named)["id"], ABSENT)
        self.assertEqual([row["id"] for row in self.give("customer", "list", "小卖")["rows"]], [ABSENT])
        short = self.give("customer", "list", "--limit", "2")
        self.assertEqual((len(short["rows"]), short["more"]), (2, True))

    def test_contacts(self):
        made = self.give("contact", "add", self.shop, "--set", "name=赵敏", "--add", "phones=+86 138 1111 2222")["id"]
        self.give("contact", "edit", made, "--set", "title=采购经理")
        self.assertEqual(self.record("contact", made)["title"], "采购经理")
        rows = self.give("contact", "list", "--customer", self.shop)["rows"]
        self.assertEqual([row["id"] for row in rows], [made])
        self.assertEqual(self.give("contact", "show", "赵敏")["id"], made)

    def test_visits(self):
        planned = self.give("visit", "plan", self.shop, "2030-05-06")["id"]
        self.give("visit", "cancel", planned, "客户不在")
        visit = self.give("visit", "in", "C-0001", "--latitude", "31.2304", "--longitude", "121.4737", "--accuracy",
                          "8", "--mock")["id"]
        self.assertIn(visit, [row["id"] for row in self.give("visit", "list", "--customer", self.shop)["rows"]])
        self.give("visit", "out", "--outcome", "interested", "--summary", "谈得不错")
        record = self.record("visit", visit)
        self.assertEqual((record["check_in_latitude_e7"], record["check_in_mock"], record["summary"]),
                         (312304000, True, "谈得不错"))
        self.assertEqual(self.give("visit", "show", visit)["id"], visit)
        self.assertEqual(self.record("visit", planned)["cancel_note"], "客户不在")

    def test_tasks(self):
        task = self.give("task", "add", "送样品", "--customer", self.shop, "--due", "2030-05-06T08:00:00+08:00")["id"]
        other = self.give("task", "add", "收款")["id"]
        self.assertLessEqual({task, other}, {row["id"] for row in self.give("task", "list")["rows"]})
        self.give("task", "done", task)
        self.give("task", "cancel", "收款")
        self.assertEqual({task, other} & {row["id"] for row in self.give("task", "list")["rows"]}, set())
        self.assertLessEqual({task, other}, {row["id"] for row in self.give("task", "list", "--all")["rows"]})
        self.assertEqual(self.give("task", "show", task)["id"], task)

    def test_orders(self):
        order = self.give("order", "new", self.shop, "--currency", "CNY", "--external-id", "E-1")["id"]
        self.give("order", "add", order, "P-100", "--quantity", "2.5", "--price-minor", "4001", "--discount-bp", "250")
        gone = self.give("order", "add", order, "P-101")["id"]
        self.give("order", "remove", gone)
        self.give("order", "submit", order)
        shown = self.give("order", "show", order)
        self.assertEqual([line["total_minor"] for line in shown["rows"]], [9752])  # 9752.4375
        self.assertEqual(self.record("order", order)["total_minor"], 9752)
        self.assertIn(order, [row["id"] for row in self.give("order", "list", "--customer", self.shop)["rows"]])

    def test_notes_products_and_finding(self):
        note = self.give("note", self.shop, "店主想换新货架 wants new shelves", "--kind", "call", "--subject", "货架")["id"]
        self.assertEqual(self.record("activity", note)["body"], "店主想换新货架 wants new shelves")
        hits = self.give("find", "货架")["rows"]
        self.assertIn((note, "activity"), [(hit["id"], hit["entity"]) for hit in hits])
        for words in (["shelves"], ["SHELV"], ["新货", "shelves"]):
            with self.subTest(words=words):
                self.assertIn(note, [hit["id"] for hit in self.give("find", *words)["rows"]])
        self.assertEqual(self.give("find", "没有这样的词")["rows"], [])
        product = self.give("product", "list", "绿茶 tea")
        self.assertEqual(self.give("product", "show", "P-100")["id"],
                         next(row["id"] for row in self.give("product", "list")["rows"] if row["code"] == "P-100"))
        self.assertFalse(product["more"])

    def test_reasons_undo_and_dismiss(self):
        made = self.give("customer", "edit", "C-0003", "--set", "note=会撤销")
        reasons = self.give("why", "customer", "C-0003")["rows"]
        self.assertIn((made["sequence"], "waiting"), [(row["sequence"], row["kind"]) for row in reasons])
        self.give("undo", str(made["sequence"]))
        row = self.server.admin("customer", "show", "C-0003")["id"]
        self.assertNotEqual(self.record("customer", row).get("note"), "会撤销")
        self.assertEqual(self.give("conflicts")["rows"], [])
        self.told(self.ran("dismiss", "999999"), "NOT_FOUND", FAILED)

    def test_a_show_tells_the_state_of_the_row_in_a_batch_too(self):
        task = self.give("task", "add", "状态")["id"]
        done = subprocess.run([program("satchel"), "batch"], input=json.dumps(["task", "show", task]) + "\n",
                              capture_output=True, text=True, check=False, env=self.environment)
        answer = json.loads(done.stdout)
        self.assertEqual((answer["status"], answer["record"]["status"]), ("OK", "open"))

    def test_dump_gives_rows_of_the_named_entities(self):
        lines = [json.loads(line) for line in self.ran("dump", "product", "users").stdout.splitlines()]
        self.assertEqual({line["entity"] for line in lines}, {"product", "user"})
        self.assertEqual({line["record"]["code"] for line in lines if line["entity"] == "product"},
                         {code for code, _, _ in company.PRODUCTS})

    def test_pin_help_completion_and_version(self):
        new_pin = self.stage.path("keys", "pin")
        with open(new_pin, "w", encoding="utf-8") as file:
            file.write(PIN)
        phone = dict(SATCHEL_STORE=self.stage.path("phones", "pin"), SATCHEL_KEY_FILE="", SATCHEL_PIN="135790")
        self.assertEqual(self.ran("enroll", self.stage.link("li.na"), **phone).returncode, 0)
        self.assertEqual(self.ran("pin", "--new-pin-file", new_pin, **phone).returncode, 0)
        self.assertEqual(self.ran("--pin-file", new_pin, "status", **{**phone, "SATCHEL_PIN": "0"}).returncode, 0)
        script = self.ran("completion", "bash").stdout
        self.assertEqual(subprocess.run(["bash", "-n"], input=script, check=False).returncode, 0)
        self.assertRegex(self.ran("--version").stdout.decode(), r"\Asatchel \d+\.\d+\.\d+\n\Z")
        self.assertEqual(self.ran("--help").stdout, self.ran("help").stdout)

    def test_each_verb_of_the_table_is_called_in_this_folder(self):
        source = ""
        for path in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "test_*.py")):
            with open(path, encoding="utf-8") as file:
                source += file.read()
        verbs = [row["verb"] for row in self.give("help")["rows"]]
        self.assertGreater(len(verbs), 15)
        for verb in verbs:
            self.assertTrue(f'"{verb}"' in source, verb)

    def test_results_in_chinese_too(self):
        done = self.ran("--language", "zh", "customer", "list")
        self.assertIn("名称", done.stdout.decode().splitlines()[0])
        done = self.ran("--language", "zh", "customer", "edit", "C-0001", "--set", "x=1")
        self.assertIn("没有这个字段", done.stderr.decode())


class BadArguments(WithPhone):
    """Every case is one line of a table: what is expected, then the command."""

    CASES = [
        (USAGE, "INVALID_ARGUMENT", ["nonsense"]),
        (USAGE, "INVALID_ARGUMENT", [""]),
        (USAGE, "INVALID_ARGUMENT", ["--nonsense"]),
        (USAGE, "INVALID_ARGUMENT", ["--store"]),
        (USAGE, "INVALID_ARGUMENT", ["help", "nonsense"]),
        (USAGE, "INVALID_ARGUMENT", ["completion"]),
        (USAGE, "INVALID_ARGUMENT", ["completion", "fish"]),
        (USAGE, "INVALID_ARGUMENT", ["enroll"]),
        (USAGE, "INVALID_ARGUMENT", ["enroll", "a", "b"]),
        (FAILED, "ALREADY_EXISTS", ["enroll", "satchel:enroll?nonsense"]),
        (USAGE, "INVALID_ARGUMENT", ["sync", "now"]),
        (USAGE, "INVALID_ARGUMENT", ["sync", "--budget-ms", "-1"]),
        (USAGE, "INVALID_ARGUMENT", ["sync", "--budget-ms", "soon"]),
        (USAGE, "INVALID_ARGUMENT", ["sync", "--budget-ms", "99999999999999999999"]),
        (USAGE, "INVALID_ARGUMENT", ["status", "x"]),
        (USAGE, "INVALID_ARGUMENT", ["customer"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "remove", "C-0001"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "list", "--limit", "-1"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "list", "--limit", "99999999999999999999"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "list", "--limit", "1; DROP TABLE customer"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "list", "--colour", "red"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "show"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "show", ""]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "show", "a", "b"]),
        (FAILED, "NOT_FOUND", ["customer", "show", "nobody-of-this-name"]),
        (FAILED, "NOT_FOUND", ["customer", "show", ABSENT]),
        (FAILED, "NOT_FOUND", ["customer", "show", "'; DROP TABLE customer; --"]),
        (FAILED, "NOT_FOUND", ["customer", "show", '" OR 1=1 --']),
        (FAILED, "NOT_FOUND", ["customer", "show", "../../../../etc/passwd"]),
        (FAILED, "NOT_FOUND", ["customer", "show", "%s%n%d"]),
        (FAILED, "NOT_FOUND", ["customer", "show", "C-0002"]),  # Li Na's
        (FAILED, "AMBIGUOUS", ["customer", "show", "上海"]),
        (FAILED, "BAD_TEXT", ["customer", "show", b"\xff\xfe\x80"]),
        (FAILED, "TOO_LONG", ["customer", "list", LONG]),
        (FAILED, "REQUIRED_MISSING", ["customer", "add"]),
        (FAILED, "REQUIRED_MISSING", ["customer", "add", "--set", "city=x"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "add", "name", "--set", "name=x"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "add", "--id", "1", "--set", "name=x"]),
        (FAILED, "ALREADY_EXISTS", ["customer", "add", "--id", "{shop}", "--set", "name=x"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--set", "name"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--set", "name="]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--set", ""]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--set", "a" + "名" * 60]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--set", "colour=red"]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--set", "name = 'x' --=1"]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--set", "a" + "名" * 60 + "=1"]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--set", b"\xff\xfe=1"]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--set", "\x1b[2J=1"]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--clear", "colour"]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--clear", LONG]),
        (FAILED, "UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--increase", "colour=1"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--increase", "loyalty_points=many"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--increase", "loyalty_points=1.5"]),
        (USAGE, "INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--increase", "loyalty_points=9223372036854775808"]),
        (FAILED, "WRONG_TYPE", ["customer", "edit", "C-0001", "--increase", "name=1"]),
        (FAILED, "WRONG_TYPE", ["customer", "edit", "C-0001", "--add", "name=x"]),
        (FAILED, "WRONG_TYPE", ["customer", "edit", "C-0001", "--remove", "city=x"]),
        (FAILED, "MALFORMED", ["customer", "edit", "C-0001", "--set", "grade=z"]),
        (FAILED, "MALFORMED", ["customer", "edit", "C-0001", "--set", "satisfaction=good"]),
        (FAILED, "MALFORMED", ["customer", "edit", "C-0001", "--set", "licence_until=2030-02-30"]),
        (FAILED, "OUT_OF_RANGE", ["customer", "edit", "C-0001", "--set", "satisfaction=6"]),
        (FAILED, "OUT_OF_RANGE", ["customer", "edit", "C-0001", "--set", "satisfaction=-1"]),
        (FAILED, "OUT_OF_RANGE", ["customer", "edit", "C-0001", "--set", "visit_every_days=4294967297"]),
        (FAILED, "TOO_LONG", ["customer", "edit", "C-0001", "--set", "name=" + "x" * 301]),
        (FAILED, "LIMIT_EXCEEDED", ["customer", "edit", "C-0001", "--set", "name=" + LONG]),
        (FAILED, "LIMIT_EXCEEDED", ["customer", "edit", "C-0001", "--add", "tags=" + LONG]),
        (FAILED, "PATTERN_MISMATCH", ["customer", "edit", "C-0001", "--set", "website=javascript:alert(1)"]),
        (FAILED, "PATTERN_MISMATCH", ["customer", "edit", "C-0001", "--add", "emails=nobody"]),
        (FAILED, "PATTERN_MISMATCH", ["customer", "edit", "C-0001", "--add", "phones=call me"]),
        (FAILED, "BAD_TEXT", ["customer", "edit", "C-0001", "--set", b"name=\xff\xfe"]),
        (FAILED, "BAD_TEXT", ["customer", "edit", "C-0001", "--set", b"name=\xc0\x80"]),
        (FAILED, "BAD_TEXT", ["customer", "edit", "C-0001", "--set", b"name=\xed\xa0\x80"]),
        (FAILED, "BAD_TEXT", ["customer", "edit", "C-0001", "--add", b"tags=\xff"]),
        (FAILED, "REQUIRED_MISSING", ["customer", "edit", "C-0001", "--clear", "name"]),
        (FAILED, "READ_ONLY_FIELD", ["customer", "edit", "C-0001", "--set", "pool_state=pool"]),
        (FAILED, "READ_ONLY_FIELD", ["customer", "edit", "C-0001", "--set", "revision=1"]),
        (FAILED, "READ_ONLY_FIELD", ["customer", "edit", "C-0001", "--set", "created_at=2026-01-01T00:00:00Z"]),
        (ACCESS, "FORBIDDEN", ["customer", "edit", "C-0001", "--set", "credit_limit_minor=1"]),
        (FAILED, "NOT_FOUND", ["customer", "edit", "C-0001", "--set", "parent=nobody-of-this-name"]),
        (USAGE, "INVALID_ARGUMENT", ["contact"]),
        (USAGE, "INVALID_ARGUMENT", ["contact", "add", "--set", "name=x"]),
        (FAILED, "REQUIRED_MISSING", ["contact", "add", "C-0001"]),
        (FAILED, "NOT_FOUND", ["contact", "add", "C-9999", "--set", "name=x"]),
        (FAILED, "NOT_FOUND", ["contact", "list", "--customer", "C-9999"]),
        (FAILED, "NOT_FOUND", ["contact", "edit", ABSENT, "--set", "name=x"]),
        (USAGE, "INVALID_ARGUMENT", ["visit"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "in"]),
        (FAILED, "NOT_FOUND", ["visit", "in", "C-9999"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "in", "C-0001", "--latitude", "31"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "in", "C-0001", "--latitude", "north", "--longitude", "1"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "in", "C-0001", "--latitude", "nan", "--longitude", "inf"]),
        (FAILED, "OUT_OF_RANGE", ["visit", "in", "C-0001", "--latitude", "91", "--longitude", "1"]),
        (FAILED, "OUT_OF_RANGE", ["visit", "in", "C-0001", "--latitude", "1", "--longitude", "-181"]),
        (FAILED, "OUT_OF_RANGE", ["visit", "in", "C-0001", "--latitude", "1", "--longitude", "1", "--accuracy", "-5"]),
        (FAILED, "NOT_FOUND", ["visit", "in", "C-0001", "--planned", ABSENT]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "out"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "out", "--outcome", "great"]),
        (FAILED, "ILLEGAL_STATE", ["visit", "out", "--outcome", "order"]),
        (FAILED, "NOT_FOUND", ["visit", "out", ABSENT, "--outcome", "order"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "list", "--limit", "-2"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "plan", "C-0001"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "plan", "C-0001", "tomorrow"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "plan", "C-0001", "2030-13-01"]),
        (USAGE, "INVALID_ARGUMENT", ["visit", "plan", "C-0001", "99999999999999999999"]),
        (FAILED, "NOT_FOUND", ["visit", "cancel", ABSENT, "x"]),
        (USAGE, "INVALID_ARGUMENT", ["task"]),
        (USAGE, "INVALID_ARGUMENT", ["task", "add"]),
        (FAILED, "REQUIRED_MISSING", ["task", "add", ""]),
        (FAILED, "TOO_LONG", ["task", "add", LONG]),
        (USAGE, "INVALID_ARGUMENT", ["task", "add", "x", "--due", "soon"]),
        (FAILED, "NOT_FOUND", ["task", "add", "x", "--assignee", "nobody-of-this-name"]),
        (FAILED, "NOT_FOUND", ["task", "done", ABSENT]),
        (FAILED, "ILLEGAL_STATE", ["task", "done", "{done}"]),
        (FAILED, "ILLEGAL_STATE", ["task", "cancel", "{done}"]),
        (USAGE, "INVALID_ARGUMENT", ["order"]),
        (USAGE, "INVALID_ARGUMENT", ["order", "new"]),
        (FAILED, "PATTERN_MISMATCH", ["order", "new", "C-0001", "--currency", "cny"]),
        (FAILED, "NOT_FOUND", ["order", "new", "C-0001", "--visit", ABSENT]),
        (FAILED, "TOO_LONG", ["order", "new", "C-0001", "--external-id", LONG]),
        (USAGE, "INVALID_ARGUMENT", ["order", "add", "{draft}"]),
        (FAILED, "NOT_FOUND", ["order", "add", "{draft}", "P-999"]),
        (FAILED, "NOT_FOUND", ["order", "add", ABSENT, "P-100"]),
        (USAGE, "INVALID_ARGUMENT", ["order", "add", "{draft}", "P-100", "--quantity", "two"]),
        (USAGE, "INVALID_ARGUMENT", ["order", "add", "{draft}", "P-100", "--quantity", "1.0001"]),
        (USAGE, "INVALID_ARGUMENT", ["order", "add", "{draft}", "P-100", "--quantity", "9" * 40]),
        (FAILED, "OUT_OF_RANGE", ["order", "add", "{draft}", "P-100", "--quantity", "0"]),
        (FAILED, "OUT_OF_RANGE", ["order", "add", "{draft}", "P-100", "--quantity", "-1"]),
        (FAILED, "OUT_OF_RANGE", ["order", "add", "{draft}", "P-100", "--quantity", "9223372036854775.807"]),
        (USAGE, "INVALID_ARGUMENT", ["order", "add", "{draft}", "P-100", "--price-minor", "-5"]),
        (FAILED, "OUT_OF_RANGE", ["order", "add", "{draft}", "P-100", "--price-minor", "9223372036854775807"]),
        (FAILED, "OUT_OF_RANGE", ["order", "add", "{draft}", "P-100", "--discount-bp", "10001"]),
        (FAILED, "OUT_OF_RANGE", ["order", "add", "{draft}", "P-100", "--discount-bp", "-1"]),
        (FAILED, "REQUIRED_MISSING", ["order", "submit", "{draft}"]),
        (FAILED, "ILLEGAL_STATE", ["order", "submit", "{submitted}"]),
        (FAILED, "LATE_FOR_PARENT", ["order", "add", "{submitted}", "P-100"]),
        (FAILED, "NOT_FOUND", ["order", "remove", ABSENT]),
        (USAGE, "INVALID_ARGUMENT", ["note", "C-0001"]),
        (USAGE, "INVALID_ARGUMENT", ["note", "C-0001", "x", "--kind", "song"]),
        (FAILED, "BAD_TEXT", ["note", "C-0001", b"\xff"]),
        (FAILED, "TOO_LONG", ["note", "C-0001", LONG]),
        (FAILED, "NOT_FOUND", ["note", "C-9999", "x"]),
        (USAGE, "INVALID_ARGUMENT", ["product", "add", "x"]),
        (FAILED, "NOT_FOUND", ["product", "show", "P-999"]),
        (USAGE, "INVALID_ARGUMENT", ["find"]),
        (FAILED, "BAD_TEXT", ["find", b"\xff\xfe"]),
        (FAILED, "TOO_LONG", ["find", LONG]),
        (USAGE, "INVALID_ARGUMENT", ["conflicts", "x"]),
        (USAGE, "INVALID_ARGUMENT", ["why", "customer"]),
        (FAILED, "UNKNOWN_ENTITY", ["why", "unicorn", "x"]),
        (FAILED, "NOT_FOUND", ["why", "customer", "nobody-of-this-name"]),
        (FAILED, "UNKNOWN_ENTITY", ["dump", "unicorn"]),
        (FAILED, "UNKNOWN_ENTITY", ["dump", "customer; DROP TABLE customer"]),
        (USAGE, "INVALID_ARGUMENT", ["undo"]),
        (USAGE, "INVALID_ARGUMENT", ["undo", "0"]),
        (USAGE, "INVALID_ARGUMENT", ["undo", "-1"]),
        (USAGE, "INVALID_ARGUMENT", ["undo", "one"]),
        (USAGE, "INVALID_ARGUMENT", ["undo", "99999999999999999999"]),
        (FAILED, "NOT_FOUND", ["undo", "9223372036854775807"]),
        (USAGE, "INVALID_ARGUMENT", ["dismiss", "x"]),
        (FAILED, "NOT_FOUND", ["dismiss", "9223372036854775807"]),
        (USAGE, "INVALID_ARGUMENT", ["pin", "now"]),
        (ACCESS, "KEY_UNAVAILABLE", ["pin", "--new-pin-file", "/nonexistent/pin"]),
        (USAGE, "INVALID_ARGUMENT", ["batch", "x"]),
    ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.names = {"shop": cls.shop}
        cls.names["draft"] = cls.give("order", "new", cls.shop)["id"]
        cls.names["submitted"] = cls.give("order", "new", cls.shop)["id"]
        cls.give("order", "add", cls.names["submitted"], "P-100")
        cls.give("order", "submit", cls.names["submitted"])
        cls.names["done"] = cls.give("task", "add", "已完成")["id"]
        cls.give("task", "done", cls.names["done"])

    def words(self, argv):
        return [word.format(**self.names) if isinstance(word, str) and word.startswith("{") else word for word in argv]

    def test_each_is_refused_by_name_and_changes_nothing(self):
        before = self.dump()
        unsent = self.give("status")["units_unsent"]
        for code, status, argv in self.CASES:
            with self.subTest(argv=[word[:60] for word in argv]):
                done = self.ran("--json", *self.words(argv))
                self.told(done, status, code)
                failure = json.loads(done.stdout)
                self.assertEqual((failure["status"], failure["exit"]), (status, code))
                self.assertTrue(failure["message"])
        self.assertEqual(self.dump(), before)
        self.assertEqual(self.give("status")["units_unsent"], unsent)

    def test_people_are_told_the_same_and_nothing_on_stdout(self):
        for code, status, argv in self.CASES[::20]:
            with self.subTest(argv=[word[:60] for word in argv]):
                done = self.ran(*self.words(argv))
                self.told(done, status, code)
                self.assertEqual(done.stdout, b"")

    def test_no_arguments_at_all_show_the_verbs(self):
        done = self.ran()
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("satchel customer list", done.stdout.decode())

    def test_options_given_twice_take_the_last_and_leak_nothing(self):
        for argv in (["--language", "en", "--language", "zh", "status"],
                     ["note", "C-9999", "x", "--subject", "a", "--subject", "b"],
                     ["--store", "/nonexistent", "--store", self.phone.folder, "status"]):
            with self.subTest(argv=argv):
                said = self.ran(*argv).stderr.decode()
                self.assertNotIn("Sanitizer", said)

    def test_one_open_visit_at_a_time(self):
        visit = self.give("visit", "in", self.shop)["id"]
        before = self.dump()
        self.told(self.ran("visit", "in", self.shop), "REQUIRED_BEFORE", FAILED)
        self.assertEqual(self.dump(), before)
        self.give("visit", "out", visit, "--outcome", "not_met")
        self.told(self.ran("visit", "out", visit, "--outcome", "order"), "ILLEGAL_STATE", FAILED)
        self.told(self.ran("visit", "cancel", visit, "x"), "ILLEGAL_STATE", FAILED)

    def test_a_server_that_is_not_there(self):
        phone = dict(SATCHEL_STORE=self.stage.path("phones", "nowhere"),
                     SATCHEL_KEY_FILE=self.stage.path("keys", "nowhere"))
        self.told(self.ran("sync", **phone), "NOT_FOUND", FAILED)
        link = self.stage.link("li.na", port=9)  # nobody listens on the discard port
        self.told(self.ran("enroll", link, **phone), "NETWORK_ERROR", NETWORK)
        self.told(self.ran("sync", "--once", **phone), "UNAUTHENTICATED", ACCESS)
        good = self.stage.link("li.na")
        for link in ("garbage", "satchel:enroll?", good[:-3], good + "x" * 5000, b"satchel:enroll?\xff", LONG,
                     good.replace("127.0.0.1", "example.com")):
            with self.subTest(link=link[:40]):
                done = self.ran("enroll", link, **phone)
                self.assertIn(done.returncode, (FAILED, ACCESS), done.stderr)
                self.assertRegex(done.stderr.decode(), LINE)
        self.assertEqual(self.ran("enroll", good, **phone).returncode, 0)

    def test_folders_that_are_no_stores_are_left_as_they_are(self):
        plain = self.stage.path("temporary", "plain")
        os.makedirs(plain)
        with open(os.path.join(plain, "store.db"), "wb") as file:
            file.write(b"SQLite format 3\0" + bytes(8000))
        names = [plain, plain + "/../../../../../etc", plain + "/absent/../..", "/etc/passwd", "/dev/null",
                 "/proc/self", "relative/../..", "x" * 4095, "/" + "x" * 300, "a\x1bb", "'; DROP TABLE", b"\xff\xfe"]
        before = [sorted(os.listdir(folder)) for folder in (self.stage.folder, plain, "/etc")]
        for name in names:
            with self.subTest(store=name[:60]):
                done = self.ran("--store", name, "customer", "list")
                self.assertIn(done.returncode, (FAILED, USAGE, ACCESS), done.stderr)
                self.assertRegex(done.stderr.decode(), LINE)
        self.assertEqual([sorted(os.listdir(folder)) for folder in (self.stage.folder, plain, "/etc")], before)

    def test_key_and_pin_files_that_are_no_good(self):
        short = self.stage.path("keys", "short")
        empty = self.stage.path("keys", "empty")
        open(empty, "wb").close()
        with open(short, "wb") as file:
            file.write(b"x" * 31)
        for argv in (["--key-file", short], ["--key-file", empty], ["--key-file", "/nonexistent"], ["--key-file", "/"],
                     ["--pin-file", "/nonexistent"], ["--pin-file", empty], ["--pin-file", "/"]):
            with self.subTest(argv=argv):
                done = self.ran(*argv, "status")
                self.assertEqual(done.returncode, ACCESS, done.stderr)
                self.assertRegex(done.stderr.decode(), LINE)
        self.assertEqual(self.ran("status").returncode, 0)


class Batch(WithPhone):
    def batch(self, *lines):
        """The answers to the lines, and the exit code."""
        done = subprocess.run([program("satchel"), "batch"], input=b"\n".join(lines) + b"\n", capture_output=True,
                              check=False, env=self.environment, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr[-500:])
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_garbage_lines_get_an_answer_each_and_harm_nothing(self):
        before = self.dump()
        garbage = [b"garbage", b"{}", b"[]", b"null", b"[1,2]", b'["status"', b'[["status"]]', b'["status",null]',
                   b"\xff\xfe", b'["customer","show","\\u0000"]', b'["customer","show","\\ud800"]', b'"status"',
                   b'["nonsense"]',
                   b'["batch"]', b'["completion","bash"]', b'{"a":1,"a":2}', DEEP, b'["' + b"x" * 1_100_000 + b'"]',
                   json.dumps(["x"] * 600).encode(), b'["customer","edit"]', b'[""]']
        answers = self.batch(*garbage, b'["status"]')
        self.assertEqual(len(answers), len(garbage) + 1)
        for line, answer in zip(garbage, answers):
            with self.subTest(line=line[:40]):
                self.assertEqual(answer["status"], "INVALID_ARGUMENT")
                self.assertEqual(answer["exit"], USAGE)
        self.assertEqual(answers[-1]["status"], "OK")
        self.assertEqual(self.dump(), before)

    def test_arguments_of_a_megabyte_are_refused(self):
        before = self.dump()
        huge = "长" * 330_000
        commands = [["customer", "edit", self.shop, "--set", f"name={huge}"], ["note", self.shop, huge], ["find", huge],
                    ["customer", "show", huge], ["task", "add", huge], ["customer", "edit", self.shop, "--set", huge],
                    ["enroll", huge], [huge], ["why", huge, huge[:10]],
                    ["customer", "add", "--id", huge, "--set", "name=x"]]
        answers = self.batch(*(json.dumps(words, ensure_ascii=False).encode() for words in commands), b'["status"]')
        self.assertEqual(len(answers), len(commands) + 1)
        for words, answer in zip(commands, answers):
            with self.subTest(words=[word[:20] for word in words]):
                self.assertIn(answer["status"], ("TOO_LONG", "LIMIT_EXCEEDED", "INVALID_ARGUMENT", "NOT_FOUND",
                                                 "ALREADY_EXISTS", "UNKNOWN_ENTITY"))
                self.assertLess(len(json.dumps(answer)), 2000)
        self.assertEqual(answers[-1]["status"], "OK")
        self.assertEqual(self.dump(), before)

    def test_what_was_answered_is_kept_when_the_input_ends_within_a_line(self):
        done = subprocess.run([program("satchel"), "batch"], capture_output=True, check=False, env=self.environment,
                              input=json.dumps(["task", "add", "算数"]).encode() + b'\n["task","add","')
        first, second = (json.loads(line) for line in done.stdout.splitlines())
        self.assertEqual(second["status"], "INVALID_ARGUMENT")
        self.assertEqual(self.record("task", first["id"])["title"], "算数")

    def test_empty_lines_are_passed_over(self):
        self.assertEqual([a["status"] for a in self.batch(b"", b"\r", b'["status"]\r', b"")], ["OK"])

    def test_json_of_each_verb_parses(self):
        commands = [["status"], ["customer", "list"], ["customer", "show", self.shop], ["contact", "list"],
                    ["visit", "list"], ["task", "list"], ["order", "list"], ["product", "list"],
                    ["find", "上海"], ["conflicts"], ["why", "customer", self.shop], ["help"], ["sync"]]
        for words, answer in zip(commands, self.batch(*(json.dumps(words).encode() for words in commands))):
            with self.subTest(words=words):
                self.assertEqual(answer.pop("status"), "OK")
                alone = self.give(*words)
                self.assertEqual(set(alone), set(answer))
                self.assertNotEqual(answer, {})


def width_of(text):
    """Cells of a terminal."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(line, first, last):
    """What stands in the cells from `first` up to `last`; None if a character lies across the border."""
    at, inside = 0, ""
    for character in line:
        cells = width_of(character)
        if at < first < at + cells or (last is not None and at < last < at + cells):
            return None
        if at >= first and (last is None or at < last):
            inside += character
        at += cells
    return inside


class Tables(WithPhone):
    NAMES = ["短 a", "混合 mixed 文字 ½ café", "全角ＡＢＣ（括号）", "한국어 가게", "e\u0301 combining", "半角ｶﾅ"]

    def test_columns_stay_straight_whatever_the_script(self):
        rows = {self.give("customer", "add", "--set", f"name={name}", "--set", "city=上海 X")["id"]: name
                for name in self.NAMES}
        for language in ("en", "zh"):
            lines = self.ran("--language", language, "customer", "list").stdout.decode().splitlines()
            starts = [width_of(lines[0][:found.start()]) for found in re.finditer(r"(?<![^ ])(?<! \S)\S", lines[0])
                      if found.start() == 0 or lines[0][found.start() - 2:found.start()] == "  "]
            self.assertGreaterEqual(len(starts), 5, lines[0])
            for line in lines[1:]:
                cells = [cut(line, first, last) for first, last in zip(starts, starts[1:] + [None])]
                with self.subTest(language=language, line=line):
                    self.assertNotIn(None, cells)
                    self.assertTrue(all(cell.endswith("  ") for cell in cells[:-1]), cells)
                    if cells[0].strip() in rows:
                        self.assertEqual(cells[1].strip(), rows.pop(cells[0].strip()))
            rows = rows or {row["id"]: row["name"] for row in self.give("customer", "list")["rows"]
                            if row["name"] in self.NAMES}

    def test_a_long_name_is_cut_and_the_columns_behind_stay(self):
        made = self.give("customer", "add", "--set", "name=" + "很长的名字" * 20, "--set", "city=上海 Z")["id"]
        lines = self.ran("customer", "list").stdout.decode().splitlines()
        line = next(line for line in lines if line.startswith(made))
        self.assertIn("…", line)
        city = width_of(lines[0][:lines[0].index("City")])
        self.assertTrue(cut(line, city, None).startswith("上海 Z"), line)

    def test_a_row_with_a_long_name_is_called_by_its_beginning(self):
        name = "很长的名字" * 12 + "！"
        made = self.give("customer", "add", "--set", f"name={name}")["id"]
        task = self.give("task", "add", "长名", "--customer", made)["id"]
        line = next(line for line in self.ran("task", "list").stdout.decode().splitlines() if line.startswith(task))
        self.assertIn("很长的名字", line)

    def test_no_text_of_a_row_steers_the_terminal(self):
        for text in ("红\x1b[31m色", "a\u202eb", "tab\tand\nbreak", "bell\x07", "csi\x9b2J"):
            with self.subTest(text=text):
                done = self.ran("customer", "add", "--set", f"name={text}")
                self.assertIsNone(STEERING.search(done.stderr.decode().rstrip("\n")))
        for argv in (["customer", "list"], ["customer", "show", self.shop], ["find", "红"], ["status"]):
            said = self.ran(*argv).stdout.decode()
            self.assertIsNone(STEERING.search(said), said)


class Terminal(WithPhone):
    """What only shows on a terminal."""

    def on_terminal(self, argv, typed, **environment):
        """Runs with a controlling terminal; `typed`: (what to wait for, what to type). Gives output and exit code."""
        child, terminal = pty.fork()
        if child == 0:
            os.execve(program("satchel"), ["satchel", *argv], {**self.environment, **environment})
        shown = b""
        waiting = list(typed)
        while True:
            if not select.select([terminal], [], [], 30)[0]:
                self.fail(f"silent after {shown!r}")
            try:
                read = os.read(terminal, 65536)
            except OSError:  # the child has closed it
                break
            if not read:
                break
            shown += read
            if waiting and waiting[0][0] in shown:
                os.write(terminal, waiting.pop(0)[1])
        os.close(terminal)
        return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_the_pin_is_asked_for_and_not_shown_and_the_first_sync_has_a_bar(self):
        phone = dict(SATCHEL_STORE=self.stage.path("phones", "asked"), SATCHEL_KEY_FILE="")
        ask = [(b"PIN: ", PIN.encode() + b"\n")]
        shown, code = self.on_terminal(["enroll", self.stage.link("wang.fang")], ask, **phone)
        self.assertEqual((code, PIN in shown), (0, False), shown)
        shown, code = self.on_terminal(["sync"], ask, **phone)
        self.assertEqual(code, 0, shown)
        self.assertRegex(shown, r"\r\[#{30}\] (\d+) / \1  \d+ KiB up, \d+ KiB down \r?\n")
        shown, code = self.on_terminal(["status"], [(b"PIN: ", b"111111\n")], **phone)
        self.assertEqual((code, "WRONG_PIN" in shown), (ACCESS, True), shown)

    def test_without_a_terminal_a_pin_is_not_waited_for(self):
        done = subprocess.run([program("satchel"), "status"], capture_output=True, check=False, timeout=30,
                              stdin=subprocess.DEVNULL, env={**self.environment, "SATCHEL_KEY_FILE": ""},
                              start_new_session=True)
        self.told(done, "KEY_UNAVAILABLE", ACCESS)


if __name__ == "__main__":
    unittest.main()
