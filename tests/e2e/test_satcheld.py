# SPDX-License-Identifier: Apache-2.0
"""Every verb of satcheld, with a server running and without, and what each says to arguments that are no good."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed, Server, free_port

PROGRAM = os.path.join(os.environ["SATCHEL_BIN"], "satcheld")


def run(*argv, data=None, text=None):
    command = [PROGRAM, *argv] + (["--data", data] if data else [])
    environment = {name: value for name, value in os.environ.items() if name != "SATCHELD_DATA"}
    return subprocess.run(command, capture_output=True, text=True, input=text, check=False, env=environment)


class WithCompany(unittest.TestCase):
    """A company in a folder of its own, shared by the tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="satchel-e2e-")
        cls.log = open(os.path.join(cls.folder, "log"), "ab")
        cls.server = Server(PROGRAM, os.path.join(cls.folder, "server"), cls.log)
        cls.server.admin("init", "--company", "测试公司 Test")
        cls.server.start()
        company.found(cls.server, cls.folder, 8)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.log.close()
        shutil.rmtree(cls.folder)

    def refused(self, status, *argv):
        with self.assertRaises(CommandFailed) as caught:
            self.server.admin(*argv)
        self.assertEqual(caught.exception.status, status, caught.exception)


class Verbs(WithCompany):
    def test_people_and_territories_are_listed(self):
        users = self.server.admin("user", "list")["rows"]
        self.assertEqual({user["login"] for user in users}, {"chen.wei", "wang.fang", "li.na"})
        territories = self.server.admin("territory", "list")["rows"]
        self.assertEqual(len(territories), 3)

    def test_a_customer_is_added_edited_and_shown(self):
        made = self.server.admin("customer", "add", "--set", "name=新客户", "--set", "external_id=X-1")["id"]
        self.server.admin("customer", "edit", "X-1", "--set", "city=上海", "--set", "tags=vip;冷链")
        row = self.server.admin("customer", "show", made)
        self.assertEqual((row["city"], sorted(row["tags"])), ("上海", ["vip", "冷链"]))
        self.server.admin("customer", "edit", made, "--clear", "city")
        self.assertIsNone(self.server.admin("customer", "show", made).get("city"))
        self.server.admin("edit", "customer", made, "--set", "grade=a")
        self.assertEqual(self.server.admin("show", "customer", made)["grade"], "a")

    def test_a_base_that_is_behind_makes_a_conflict(self):
        row = self.server.admin("customer", "show", "C-0001")
        self.server.admin("customer", "edit", "C-0001", "--set", "name=一")
        outcome = self.server.admin("customer", "edit", "C-0001", "--set", "name=二", "--base", str(row["revision"]))
        self.assertEqual(outcome["conflicts"], 1)
        conflict = self.server.admin("conflicts")["rows"][0]
        self.assertEqual({conflict["winner"]["name"], conflict["loser"]["name"]}, {"一", "二"})
        self.server.admin("conflicts", "restore", conflict["id"])
        self.assertEqual(self.server.admin("customer", "show", "C-0001")["name"], "二")
        self.assertEqual(self.server.admin("conflicts")["rows"], [])
        self.assertEqual(len(self.server.admin("conflicts", "--all")["rows"]), 1)

    def test_a_customer_is_assigned_in_both_ways(self):
        self.server.admin("assign", "--customer", "C-0002", "--owner", "wang.fang", "--territory", "shanghai")
        owner = self.server.admin("customer", "show", "C-0002")["owner"]
        users = {user["login"]: user["id"] for user in self.server.admin("user", "list")["rows"]}
        self.assertEqual(owner, users["wang.fang"])
        self.server.admin("assign", "--customer", "C-0002", "--user", "li.na", "--from", "2026-01-01", "--to",
                          "2026-12-31")

    def test_roles_are_rows_and_presets_write_them(self):
        names = {row["name"] for row in self.server.admin("role", "list")["rows"]}
        self.assertLessEqual({"administrator", "manager", "rep"}, names)
        self.server.admin("preset", "large")
        self.server.admin("preset", "medium")
        with self.assertRaises(CommandFailed):  # somebody is a manager
            self.server.admin("preset", "small")
        rules = self.server.admin("role", "rule", "driver", "--add", "customer read any", "--add",
                                  "customer open=read any")["rules"]
        self.assertEqual(self.server.admin("role", "show", "driver")["rules"], rules)
        self.server.admin("user", "add", "driver.one", "--name", "Driver", "--role", "driver")
        left = self.server.admin("role", "rule", "driver", "--remove", "customer read any")["rules"]
        self.assertEqual(left, ["customer open=read any"])

    def test_customers_are_realigned_after_a_preview(self):
        self.server.admin("assign", "--customer", "C-0003", "--owner", "li.na")
        listed = os.path.join(self.server.folder, "realign.csv")
        with open(listed, "w", encoding="utf-8") as file:
            file.write("external_id,why\nC-0003,moved\n")
        impact = self.server.admin("realign", "preview", listed, "--owner", "wang.fang")
        self.assertEqual(impact["customers"], 1)
        self.assertEqual(sorted((user["gains"], user["loses"]) for user in impact["users"])[-1], (1, 0))
        self.assertEqual(self.server.admin("realign", "start", listed, "--owner", "wang.fang")["customers"], 1)
        self.assertEqual(self.server.admin("realign", "status"), {"to_remove": 0, "to_add": 0})
        users = {user["login"]: user["id"] for user in self.server.admin("user", "list")["rows"]}
        self.assertEqual(self.server.admin("customer", "show", "C-0003")["owner"], users["wang.fang"])
        self.server.admin("realign", "go-on")

    def test_a_code_is_shown_as_link_and_picture(self):
        code = self.server.admin("enroll", "li.na", "--server", "https://satchel.example")
        self.assertTrue(code["link"].startswith("satchel:enroll?"))
        self.assertIn("█", code["qr"])

    def test_status_day_device_and_audit(self):
        self.assertEqual(self.server.admin("status")["company"], "测试公司 Test")
        self.assertTrue(self.server.admin("day", "2030-01-02")["time"].startswith("2030-01-02"))
        self.assertFalse(self.server.admin("day", "real")["rehearsal"])
        self.assertEqual(self.server.admin("device", "list")["rows"], [])
        self.assertGreater(self.server.admin("audit", "verify")["entries"], 0)
        self.assertEqual(self.server.admin("parked")["rows"], [])

    def test_what_is_shown_in_clear_and_exported_is_in_the_audit(self):
        def counted(action, *argv):
            rows = self.server.admin("show", "audit_event")["rows"]
            before = sum(row["action"] == action for row in rows)
            told = self.server.admin(*argv)
            rows = self.server.admin("show", "audit_event")["rows"]
            return told, [row for row in rows if row["action"] == action][before:]

        shown, entries = counted("shown in clear", "customer", "show", "C-0001")
        self.assertEqual([entry["subject_row"] for entry in entries], [shown["id"]])
        for argv in (("customer", "list"), ("show", "contact"), ("user", "list"), ("conflicts",), ("parked",)):
            self.assertEqual(len(counted("shown in clear", *argv)[1]), 1, argv)
        self.assertEqual(counted("shown in clear", "territory", "list")[1], [])  # all its fields are open
        entries = counted("personal data exported", "personal", "customer", "C-0001")[1]
        self.assertEqual([entry["subject_row"] for entry in entries], [shown["id"]])
        self.assertGreater(self.server.admin("audit", "verify")["entries"], 0)

    def test_the_table_for_people_is_aligned(self):
        done = run("territory", "list", data=self.server.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("华东 East", done.stdout)


class BadArguments(WithCompany):
    CASES = [
        ("INVALID_ARGUMENT", ["user"]),
        ("INVALID_ARGUMENT", ["user", "add"]),
        ("INVALID_ARGUMENT", ["user", "add", "x", "--role", "king"]),
        ("INVALID_ARGUMENT", ["user", "add", "x"]),
        ("INVALID_ARGUMENT", ["user", "add", "x", "--nothing"]),
        ("ALREADY_EXISTS", ["user", "add", "li.na", "--role", "rep"]),
        ("NOT_FOUND", ["user", "add", "y", "--role", "rep", "--manager", "nobody"]),
        ("INVALID_ARGUMENT", ["territory", "remove", "east"]),
        ("NOT_FOUND", ["territory", "add", "x", "--parent", "nowhere"]),
        ("INVALID_ARGUMENT", ["assign"]),
        ("INVALID_ARGUMENT", ["assign", "--customer", "C-0001"]),
        ("INVALID_ARGUMENT", ["assign", "--customer", "C-0001", "--owner", "li.na", "--user", "li.na"]),
        ("NOT_FOUND", ["assign", "--customer", "C-9999", "--owner", "li.na"]),
        ("NOT_FOUND", ["assign", "--customer", "C-0001", "--owner", "nobody"]),
        ("INVALID_ARGUMENT", ["assign", "--customer", "C-0001", "--user", "li.na", "--from", "yesterday"]),
        ("INVALID_ARGUMENT", ["assign", "--customer", "C-0001", "--user", "li.na", "--from", "2026-02-01", "--to",
                              "2026-01-01"]),
        ("INVALID_ARGUMENT", ["enroll"]),
        ("INVALID_ARGUMENT", ["enroll", "li.na"]),
        ("NOT_FOUND", ["enroll", "nobody", "--server", "https://satchel.example"]),
        ("INVALID_ARGUMENT", ["device"]),
        ("NOT_FOUND", ["device", "revoke", "not-a-device"]),
        ("NOT_FOUND", ["device", "revoke", "0190b4c8-1234-7abc-8def-0123456789ab"]),
        ("INVALID_ARGUMENT", ["customer"]),
        ("INVALID_ARGUMENT", ["customer", "edit", "C-0001"]),
        ("INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--set", "name"]),
        ("UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--set", "colour=red"]),
        ("UNKNOWN_FIELD", ["customer", "edit", "C-0001", "--clear", "colour"]),
        ("REQUIRED_MISSING", ["customer", "edit", "C-0001", "--clear", "name"]),
        ("MALFORMED", ["customer", "edit", "C-0001", "--set", "grade=z"]),
        ("OUT_OF_RANGE", ["customer", "edit", "C-0001", "--set", "satisfaction=6"]),
        ("TOO_LONG", ["customer", "edit", "C-0001", "--set", "name=" + "x" * 301]),
        ("PATTERN_MISMATCH", ["customer", "edit", "C-0001", "--set", "emails=nobody"]),
        ("INVALID_ARGUMENT", ["customer", "edit", "C-0001", "--set", "name=x", "--base", "-1"]),
        ("NOT_FOUND", ["customer", "show", "'; DROP TABLE customer; --"]),
        ("REQUIRED_MISSING", ["customer", "add", "--set", "city=x"]),
        ("UNKNOWN_ENTITY", ["show", "unicorn"]),
        ("INVALID_ARGUMENT", ["show"]),
        ("UNKNOWN_ENTITY", ["edit", "unicorn", "x", "--set", "a=b"]),
        ("INVALID_ARGUMENT", ["edit", "customer", "C-0001"]),
        ("INVALID_ARGUMENT", ["conflicts", "keep", "x"]),
        ("NOT_FOUND", ["conflicts", "keep", "0190b4c8-1234-7abc-8def-0123456789ab"]),
        ("INVALID_ARGUMENT", ["parked", "nonsense"]),
        ("NOT_FOUND", ["parked", "discard", "0190b4c8-1234-7abc-8def-0123456789ab"]),
        ("INVALID_ARGUMENT", ["status", "more"]),
        ("INVALID_ARGUMENT", ["day", "tomorrow"]),
        ("OUT_OF_RANGE", ["day", "1960-01-01"]),
        ("INVALID_ARGUMENT", ["audit"]),
    ]

    def test_each_is_refused_by_name_and_changes_nothing(self):
        before = self.server.admin("customer", "list")["rows"]
        for status, argv in self.CASES:
            with self.subTest(argv=argv):
                self.refused(status, *argv)
        self.assertEqual(self.server.admin("customer", "list")["rows"], before)

    def test_what_never_reaches_the_server(self):
        for argv in (["nonsense"], ["serve", "--threads", "0"], ["serve", "--listen"], ["init"], ["status"]):
            with self.subTest(argv=argv):
                done = run(*argv, data=None if argv == ["status"] else self.server.folder)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("satcheld:", done.stderr)
        self.assertEqual(run("help").returncode, 0)

    def test_a_folder_has_one_server(self):
        done = run("serve", "--listen", f"127.0.0.1:{free_port()}", data=self.server.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("IN_USE", done.stderr)

    def test_beyond_localhost_only_behind_a_proxy(self):
        folder = os.path.join(self.folder, "other")
        self.assertEqual(run("init", "--company", "x", data=folder).returncode, 0)
        done = run("serve", "--listen", "0.0.0.0:0", data=folder)
        self.assertIn("FORBIDDEN", done.stderr)
        self.assertEqual(run("init", "--company", "x", data=folder).returncode, 1)


class Import(WithCompany):
    def imported(self, content, *options):
        path = os.path.join(self.folder, "input.csv")
        with open(path, "wb") as file:
            file.write(content)
        return self.server.admin("import", "customer", path, *options)

    def test_rows_are_made_then_updated_then_unchanged(self):
        content = "external_id,name,city\r\nI-1,第一,上海\r\nI-2,\"Second, \"\"Ltd\"\"\",\r\n".encode()
        self.assertEqual(self.imported(content)["created"], 2)
        self.assertEqual(self.imported(content)["unchanged"], 2)
        again = self.imported(b"external_id,city\nI-2,Berlin\n")
        self.assertEqual((again["created"], again["updated"]), (0, 1))
        self.assertEqual(self.server.admin("customer", "show", "I-2")["name"], 'Second, "Ltd"')

    def test_gb18030_and_a_byte_order_mark_are_read(self):
        self.imported("external_id,name\nG-1,广州茶楼\n".encode("gb18030"))
        self.assertEqual(self.server.admin("customer", "show", "G-1")["name"], "广州茶楼")
        self.imported(b"\xef\xbb\xbf" + "external_id,name\nG-2,深圳\n".encode())
        self.assertEqual(self.server.admin("customer", "show", "G-2")["name"], "深圳")

    def test_a_bad_line_is_told_and_holds_up_no_other(self):
        content = "external_id,name,satisfaction\nB-1,good,5\nB-2,bad,9\nB-3\nB-4,\"two\nlines\",\nB-5,,\n".encode()
        with self.assertRaises(CommandFailed) as caught:
            self.imported(content)
        problems = {problem["line"]: problem["status"] for problem in caught.exception.answer["problems"]}
        self.assertEqual(problems, {3: "OUT_OF_RANGE", 4: "MALFORMED", 7: "REQUIRED_MISSING"})
        self.assertEqual(caught.exception.answer["created"], 2)
        self.assertEqual(self.server.admin("customer", "show", "B-4")["name"], "two\nlines")

    def test_a_dry_run_keeps_nothing(self):
        self.assertEqual(self.imported(b"external_id,name\nD-1,x\n", "--dry-run")["created"], 1)
        self.refused("NOT_FOUND", "customer", "show", "D-1")

    def test_headings_and_files_that_are_no_good(self):
        for status, content in (("UNKNOWN_FIELD", b"external_id,colour\nX,red\n"), ("MALFORMED", b"name,name\nx,y\n"),
                                ("MALFORMED", b'external_id,name\nX,"open\n'), ("INVALID_ARGUMENT", b"")):
            with self.subTest(content=content), self.assertRaises(CommandFailed) as caught:
                self.imported(content)
            self.assertEqual(caught.exception.status, status)
        done = run("import", "customer", os.path.join(self.folder, "absent.csv"), data=self.server.folder)
        self.assertIn("NOT_FOUND", done.stderr)


class Endpoints(WithCompany):
    TYPE = "application/vnd.satchel.sync"

    def ask(self, path, body=None, headers=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.server.port}{path}", data=body,
                                         headers=headers or {}, method="POST" if body is not None else "GET")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def test_health_and_metrics(self):
        status, body = self.ask("/healthz")
        self.assertEqual((status, json.loads(body)["status"]), (200, "ok"))
        status, body = self.ask("/metrics")
        self.assertEqual(status, 200)
        self.assertIn(b"satchel_devices 0", body)

    def test_bodies_that_are_no_good_get_a_4xx(self):
        typed = {"Content-Type": self.TYPE}
        for path in ("/v1/sync", "/v1/enroll"):
            for body in (b"x", b"\x01\x00", b"\x01\x01garbage", b"\xff" * 4000, b"\x01\x00" + b"\x0a" * 100):
                with self.subTest(path=path, body=body[:8]):
                    status, _ = self.ask(path, body, typed)
                    self.assertTrue(400 <= status < 500, status)
            self.assertEqual(self.ask(path, b"x", {"Content-Type": "text/plain"})[0], 415)
            self.assertEqual(self.ask(path)[0], 405)
        self.assertEqual(self.ask("/v1/enroll", b"x" * 5000, typed)[0], 413)
        self.assertEqual(self.ask("/v1/nothing", b"x", typed)[0], 404)
        self.assertEqual(self.ask("/healthz")[0], 200)

    def test_signatures_that_are_no_good_get_a_4xx(self):
        good = {"Content-Type": self.TYPE, "Content-Digest": "sha-256=:" + "A" * 43 + "=:", "Satchel-Request": "1",
                "Signature-Input": 'satchel=("@method" "@path" "content-digest" "satchel-request");'
                                   'keyid="0190b4c8-1234-7abc-8def-0123456789ab";alg="ed25519"',
                "Signature": "satchel=:" + "A" * 86 + "==:"}
        for name in list(good)[1:] + [None]:
            headers = {key: value for key, value in good.items() if key != name}
            with self.subTest(missing=name):
                self.assertIn(self.ask("/v1/sync", b"\x01\x00", headers)[0], (400, 401, 403))
        for name in list(good)[1:]:
            with self.subTest(broken=name):
                self.assertIn(self.ask("/v1/sync", b"\x01\x00", {**good, name: "x" * 5000})[0], (400, 401, 403, 431))

    def test_a_client_that_breaks_off_harms_nobody(self):
        for part in (b"POST /v1/sync HT", b"POST /v1/sync HTTP/1.1\r\nContent-Length: 100\r\nContent-Type: "
                     + self.TYPE.encode() + b"\r\n\r\nabc"):
            with socket.create_connection(("127.0.0.1", self.server.port)) as client:
                client.sendall(part)
        self.assertEqual(self.ask("/healthz")[0], 200)


if __name__ == "__main__":
    unittest.main()
