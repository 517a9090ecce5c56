# SPDX-License-Identifier: Apache-2.0
"""The straight line with real programs: two phones work offline, sync, merge, conflict; then all that goes wrong."""

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import CommandFailed, Died
from proxy import Proxy
from stage import PIN, Stage, program

CUSTOMERS = 24  # odd numbers are Wang Fang's, even ones Li Na's
ACCESS, FAILED = 3, 1


class OnStage(unittest.TestCase):
    """One company, shared by the tests of a class; each works on customers of its own."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        cls.addClassCleanup(cls.stage.close)
        cls.server = cls.stage.server
        cls.wang = cls.ready("wang.fang")

    @classmethod
    def ready(cls, login, name=None, **options):
        phone = cls.stage.enroll(login, name, **options)
        phone.run(["sync"])
        return phone

    @classmethod
    def proxy(cls):
        proxy = Proxy(cls.server.port)
        cls.stage.proxies.append(proxy)
        return proxy

    def customer(self, number):
        return self.server.admin("customer", "show", f"C-{number:04d}")["id"]

    def on_server(self, row, entity="customer"):
        return self.server.admin("show", entity, row)

    @staticmethod
    def on_phone(phone, row, entity="customer"):
        """The row's fields as stored, None if the phone does not hold it."""
        held = {line["id"]: line["record"] for line in phone.run(["dump", entity])["rows"]}
        return held.get(row)

    def refused(self, phone, status, *argv):
        with self.assertRaises(CommandFailed) as caught:
            phone.run(list(argv))
        self.assertEqual(caught.exception.status, status, caught.exception)
        return caught.exception.answer

    def refused_at_office(self, status, *argv):
        with self.assertRaises(CommandFailed) as caught:
            self.server.admin(*argv)
        self.assertIn(status, str(caught.exception))

    def why(self, phone, entity, row):
        return phone.run(["why", entity, row])["rows"]

    def kinds(self, phone, entity, row):
        return {reason["kind"] for reason in self.why(phone, entity, row)}

    def settled(self, phone):
        state = phone.run(["status"])
        self.assertEqual((state["units_unsent"], state["refused_opens"]), (0, 0), state)


class Merge(OnStage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number in (1, 3):
            cls.server.admin("assign", "--customer", f"C-{number:04d}", "--user", "li.na", "--from", "2020-01-01")
        cls.li = cls.ready("li.na")

    def both_sync(self):
        for phone in (self.wang, self.li, self.wang):
            phone.run(["sync"])

    def agreed(self, row):
        """The row as both phones hold it, which must be alike."""
        wang, li = (self.on_phone(phone, row) for phone in (self.wang, self.li))
        self.assertEqual(wang, li)
        return wang

    def test_different_fields_of_one_customer_all_stand(self):
        shop = self.customer(1)
        self.wang.run(["customer", "edit", shop, "--set", "opening_hours=8:00–22:00", "--add", "tags=冷链",
                       "--increase", "loyalty_points=3"])
        self.li.run(["customer", "edit", shop, "--set", "website=https://huaning.example", "--add", "tags=vip",
                     "--increase", "loyalty_points=4"])
        self.both_sync()
        merged = self.agreed(shop)
        self.assertEqual(merged["opening_hours"], "8:00–22:00")
        self.assertEqual(merged["website"], "https://huaning.example")
        self.assertEqual(sorted(merged["tags"]), ["vip", "冷链"])
        self.assertEqual(merged["loyalty_points"], 7)
        row = self.on_server(shop)
        self.assertEqual((row["opening_hours"], row["loyalty_points"]), ("8:00–22:00", 7))
        self.assertEqual([c for c in self.server.admin("conflicts", "--all")["rows"] if c["row"] == shop], [])

    def test_a_name_that_both_changed_asks_a_person_with_both_values(self):
        shop = self.customer(3)
        self.wang.run(["customer", "edit", shop, "--set", "name=王芳起的名字 by Wang"])
        self.li.run(["customer", "edit", shop, "--set", "name=李娜起的名字 by Li"])
        self.both_sync()
        self.assertEqual(self.agreed(shop)["name"], "王芳起的名字 by Wang")
        conflict, = (c for c in self.server.admin("conflicts")["rows"] if c["row"] == shop)
        self.assertEqual(conflict["winner"], {"name": "王芳起的名字 by Wang"})
        self.assertEqual(conflict["loser"], {"name": "李娜起的名字 by Li"})
        mine, = (c for c in self.li.run(["conflicts"])["rows"] if c["row"] == shop)
        self.assertEqual((mine["mine"]["name"], mine["theirs"]["name"]), ("李娜起的名字 by Li", "王芳起的名字 by Wang"))
        self.assertEqual((mine["field"], mine["policy"]), ("name", "ask"))
        self.assertEqual((mine["open"], mine["mine_stands"]), (True, False))
        self.assertIn("conflict", self.kinds(self.wang, "customer", shop))
        self.assertGreaterEqual(self.li.run(["status"])["conflicts_open"], 1)
        self.server.admin("conflicts", "restore", conflict["id"])
        self.both_sync()
        self.assertEqual(self.agreed(shop)["name"], "李娜起的名字 by Li")
        self.assertFalse(any(c["row"] == shop and c["open"] for c in self.li.run(["conflicts"])["rows"]))

    def test_a_second_phone_of_the_same_user_gets_his_work(self):
        shop = self.customer(7)
        self.wang.run(["customer", "edit", shop, "--set", "note=写在第一部手机上"])
        made = self.wang.run(["customer", "add", "--set", "name=两部手机的客户"])["id"]
        self.wang.run(["sync"])
        second = self.ready("wang.fang", "second")
        self.assertEqual(self.on_phone(second, shop), self.on_phone(self.wang, shop))
        self.assertEqual(self.on_phone(second, made)["name"], "两部手机的客户")
        second.run(["customer", "edit", made, "--set", "city=上海"])
        second.run(["sync"])
        self.wang.run(["sync"])
        self.assertEqual(self.on_phone(self.wang, made)["city"], "上海")
        second.stop()

    def test_a_visit_with_an_order_arrives_whole(self):
        shop = self.customer(9)
        visit = self.wang.run(["visit", "in", shop, "--latitude", "31.2304", "--longitude", "121.4737"])["id"]
        order = self.wang.run(["order", "new", shop, "--visit", visit, "--currency", "CNY"])["id"]
        for code, quantity, discount in (("P-100", "12", "0"), ("P-200", "2.5", "1000")):
            self.wang.run(["order", "add", order, code, "--quantity", quantity, "--discount-bp", discount])
        self.wang.run(["order", "submit", order])
        self.wang.run(["visit", "out", "--outcome", "order", "--summary", "下了单"])
        before = self.on_phone(self.wang, order, "order")
        self.wang.run(["sync"])
        self.settled(self.wang)
        arrived = self.on_server(order, "order")
        self.assertEqual((arrived["status"], arrived["total_minor"]), ("submitted", 12 * 4800 + 5400))
        self.assertEqual(before["total_minor"], arrived["total_minor"])
        lines = [row for row in self.server.admin("show", "order_line")["rows"] if row["order"] == order]
        self.assertEqual(sorted(line["total_minor"] for line in lines), [5400, 57600])
        done = self.on_server(visit, "visit")
        self.assertEqual((done["status"], done["outcome"], done["summary"]), ("completed", "order", "下了单"))


class Clocks(OnStage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.admin("assign", "--customer", "C-0005", "--user", "li.na", "--from", "2020-01-01")
        cls.li = cls.ready("li.na")

    def edit_on(self, phone, day, shop, street):
        """Both phones have the machine's clock; each knows how far the server's is from it since its last sync."""
        self.server.admin("day", day)
        phone.run(["sync"])
        phone.run(["customer", "edit", shop, "--set", f"street={street}"])

    def test_a_street_that_both_changed_keeps_the_later_and_lists_the_other(self):
        shop = self.customer(5)
        self.edit_on(self.wang, "2031-03-01", shop, "先写的街道 1")
        self.edit_on(self.li, "2031-03-02", shop, "后写的街道 2")
        for phone in (self.li, self.wang, self.li):
            phone.run(["sync"])
            self.assertEqual(self.on_phone(phone, shop)["street"], "后写的街道 2")
        lost, = (c for c in self.server.admin("conflicts", "--all")["rows"] if c["row"] == shop)
        self.assertEqual((lost["winner"]["street"], lost["loser"]["street"]), ("后写的街道 2", "先写的街道 1"))
        self.assertEqual([c for c in self.server.admin("conflicts")["rows"] if c["row"] == shop], [])
        self.assertTrue(any(c["row"] == shop and not c["open"] for c in self.wang.run(["conflicts"])["rows"]))


class Refusals(OnStage):
    def test_a_late_line_is_refused_with_its_reason_and_blocks_nothing(self):
        shop = self.customer(1)
        order = self.wang.run(["order", "new", shop])["id"]
        self.wang.run(["order", "add", order, "P-300"])
        self.wang.run(["sync"])
        self.server.admin("edit", "order", order, "--set", "status=cancelled")
        late = self.wang.run(["order", "add", order, "P-301"])["id"]
        note = self.wang.run(["note", shop, "谈了面粉"])["id"]
        self.wang.run(["sync"])
        reason, = (r for r in self.why(self.wang, "order_line", late) if r["kind"] == "refused")
        self.assertEqual(reason["reason"], "LATE_FOR_PARENT")
        self.assertTrue(reason["text"])
        self.assertEqual(self.on_server(note, "activity")["body"], "谈了面粉")
        self.settled(self.wang)
        self.assertGreaterEqual(self.wang.run(["status"])["ops_refused"], 1)
        self.wang.run(["dismiss", str(reason["unit"])])
        self.assertEqual(self.wang.run(["status"])["ops_refused"], 0)
        self.assertIsNone(self.on_phone(self.wang, late, "order_line"))

    def test_what_hangs_on_a_refused_change_is_held(self):
        shop = self.customer(3)
        order = self.wang.run(["order", "new", shop])["id"]
        self.wang.run(["order", "add", order, "P-300"])
        self.wang.run(["sync"])
        self.server.admin("edit", "order", order, "--set", "status=cancelled")
        late = self.wang.run(["order", "add", order, "P-301"])["id"]
        self.wang.run(["order", "remove", late])
        self.wang.run(["sync"])
        self.assertEqual(self.kinds(self.wang, "order_line", late) & {"refused", "held"}, {"refused", "held"})
        self.settled(self.wang)

    def test_a_phone_does_not_let_a_rep_write_what_is_not_his(self):
        shop = self.customer(5)
        for field in ("credit_limit_minor=5", "risk_note=x"):
            with self.subTest(field=field):
                self.refused(self.wang, "FORBIDDEN", "customer", "edit", shop, "--set", field)
        self.refused(self.wang, "READ_ONLY_FIELD", "customer", "edit", shop, "--set", "archived=true")
        self.assertEqual(self.wang.run(["status"])["units_unsent"], 0)

    def test_undo_takes_back_what_was_not_sent_and_what_was(self):
        shop = self.customer(7)
        before = self.on_phone(self.wang, shop).get("district")
        made = self.wang.run(["customer", "edit", shop, "--set", "district=静安"])
        self.wang.run(["undo", str(made["sequence"])])
        self.assertEqual(self.on_phone(self.wang, shop).get("district"), before)
        made = self.wang.run(["customer", "edit", shop, "--set", "district=黄浦"])
        self.wang.run(["sync"])
        self.wang.run(["undo", str(made["sequence"])])
        self.wang.run(["sync"])
        self.assertEqual(self.on_server(shop).get("district"), before)


class Copies(OnStage):
    def test_a_copied_store_is_found_out_and_keeps_its_work(self):
        phone = self.ready("wang.fang", "original")
        shop = self.customer(1)
        phone.stop()
        copy = self.stage.phone("copy")
        copy.environment["SATCHEL_KEY_FILE"] = phone.environment["SATCHEL_KEY_FILE"]
        shutil.copytree(phone.folder, copy.folder)
        for each, field in ((phone, "district"), (copy, "street")):
            each.start()
            each.run(["customer", "edit", shop, "--set", f"{field}={each.name}"])
        phone.run(["sync"])
        copy.run(["sync"])
        self.assertTrue(copy.run(["status"])["warnings"])
        phone.run(["customer", "edit", shop, "--set", "source=original"])
        phone.run(["sync"])
        for each in (copy, phone):
            self.settled(each)
        row = self.on_server(shop)
        self.assertEqual((row["district"], row["street"], row["source"]), ("original", "copy", "original"))
        for each in (phone, copy):
            each.stop()


class Moves(OnStage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.li = cls.ready("li.na")

    def test_a_customer_reassigned_while_the_rep_is_offline(self):
        shop = self.customer(1)
        visit = self.wang.run(["visit", "in", shop])["id"]
        self.wang.run(["visit", "out", visit, "--outcome", "interested", "--summary", "谈得不错"])
        self.wang.run(["customer", "edit", shop, "--set", "street=世纪大道 88 号"])
        self.server.admin("assign", "--customer", shop, "--owner", "li.na", "--territory", "hangzhou")
        self.wang.run(["sync"])
        self.li.run(["sync"])
        self.assertEqual(self.on_server(visit, "visit")["status"], "completed")
        parked, = (row for row in self.server.admin("parked")["rows"] if row["row"] == shop)
        self.assertEqual(parked["set"], {"street": "世纪大道 88 号"})
        self.assertNotEqual(self.on_server(shop)["street"], "世纪大道 88 号")
        self.assertIsNone(self.on_phone(self.wang, shop))
        self.assertIsNone(self.on_phone(self.wang, visit, "visit"))
        self.assertEqual(self.on_phone(self.li, shop)["name"], self.on_server(shop)["name"])
        self.assertEqual(self.on_phone(self.li, visit, "visit")["summary"], "谈得不错")
        self.assertEqual(self.wang.run(["status"])["ops_parked"], 1)
        self.server.admin("parked", "restore", parked["id"])
        self.li.run(["sync"])
        self.assertEqual(self.on_phone(self.li, shop)["street"], "世纪大道 88 号")
        self.assertFalse([row for row in self.server.admin("parked")["rows"] if row["row"] == shop])

    def test_a_parked_edit_that_is_discarded_changes_nothing_and_stays_listed(self):
        shop = self.customer(3)
        self.wang.run(["customer", "edit", shop, "--set", "city=苏州"])
        self.server.admin("assign", "--customer", shop, "--owner", "li.na", "--territory", "hangzhou")
        self.wang.run(["sync"])
        parked, = (row for row in self.server.admin("parked")["rows"] if row["row"] == shop)
        city = self.on_server(shop)["city"]
        self.refused_at_office("FORBIDDEN", "parked", "discard", parked["id"], "--as", "li.na")
        self.refused_at_office("NOT_FOUND", "parked", "discard", parked["id"], "--as", "nobody")
        seen = [row["id"] for row in self.server.admin("parked", "--as", "chen.wei")["rows"]]
        self.assertIn(parked["id"], seen)
        self.server.admin("parked", "discard", parked["id"], "--as", "chen.wei")
        self.li.run(["sync"])
        self.assertEqual(self.on_phone(self.li, shop)["city"], city)
        listed, = (row for row in self.server.admin("parked", "--all")["rows"] if row["row"] == shop)
        self.assertNotEqual(listed["status"], parked["status"])

    def test_the_new_owner_decides_on_what_was_parked(self):
        shop = self.customer(7)
        self.wang.run(["customer", "edit", shop, "--set", "note=只收现金", "--set", "city=苏州"])
        self.server.admin("assign", "--customer", shop, "--owner", "li.na", "--territory", "hangzhou")
        self.wang.run(["sync"])
        self.li.run(["sync"])
        offers = {row["field"]: row for row in self.server.admin("conflicts", "--as", "li.na")["rows"]
                  if row["row"] == shop}
        self.assertEqual({field: row["reason"] for field, row in offers.items()},
                         {"note": "MOVED_AWAY", "city": "MOVED_AWAY"})
        self.assertIn(offers["note"]["id"], [row["id"] for row in self.li.run(["dump", "conflict"])["rows"]])
        self.refused_at_office("OUT_OF_SCOPE", "conflicts", "keep", offers["note"]["id"], "--as", "wang.fang")
        self.server.admin("conflicts", "restore", offers["note"]["id"], "--as", "li.na")
        self.server.admin("conflicts", "keep", offers["city"]["id"], "--as", "li.na")
        self.li.run(["sync"])
        self.assertEqual(self.on_phone(self.li, shop)["note"], "只收现金")
        self.assertNotEqual(self.on_phone(self.li, shop).get("city"), "苏州")
        self.assertFalse([row for row in self.server.admin("parked")["rows"] if row["row"] == shop])

    def test_a_customer_that_comes_back_is_whole_again(self):
        shop = self.customer(5)
        task = self.wang.run(["task", "add", "送样品", "--customer", shop])["id"]
        self.wang.run(["sync"])
        before = self.on_phone(self.wang, shop)
        for login, territory, holder in (("li.na", "hangzhou", self.li), ("wang.fang", "shanghai", self.wang)):
            self.server.admin("assign", "--customer", shop, "--owner", login, "--territory", territory)
            for phone in (self.wang, self.li):
                phone.run(["sync"])
                self.assertEqual(self.on_phone(phone, shop) is not None, phone is holder)
        after = self.on_phone(self.wang, shop)
        for field in ("name", "street", "phones", "external_id"):
            self.assertEqual(after[field], before[field])
        self.assertEqual(self.on_phone(self.wang, task, "task")["title"], "送样品")


class Liar(Proxy):
    """Gives what is in `lie` for the server's answers, and ends the connection."""

    lie = None

    def pump(self, source, target, is_request):
        if is_request:
            super().pump(source, target, is_request)
            return
        try:
            while data := source.recv(65536):
                target.sendall(data if self.lie is None else self.lie)
                if self.lie is not None:
                    break
            for sock in (source, target):
                sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the phone has heard enough
        for sock in (source, target):
            sock.close()


class Faults(OnStage):
    def test_what_was_answered_survives_a_kill(self):
        shop = self.customer(1)
        self.wang.run(["customer", "edit", shop, "--set", "district=徐汇"])
        self.wang.kill()
        self.wang.reopen()
        self.assertEqual(self.on_phone(self.wang, shop)["district"], "徐汇")
        self.assertGreaterEqual(self.wang.run(["status"])["units_unsent"], 1)
        self.wang.run(["sync"])
        self.assertEqual(self.on_server(shop)["district"], "徐汇")

    def test_kills_within_a_sync_lose_nothing_and_double_nothing(self):
        shop = self.customer(3)
        notes = []
        for step in range(6):
            notes.append(self.wang.run(["note", shop, f"第 {step} 次"])["id"])
            self.wang.run(["customer", "edit", shop, "--increase", "loyalty_points=1"])
            self.wang.run_and_kill(["sync"], step * 0.004)
        self.wang.run(["sync"])
        self.assertEqual(self.on_server(shop)["loyalty_points"], 6)
        arrived = [row["id"] for row in self.server.admin("show", "activity")["rows"] if row["customer"] == shop]
        self.assertEqual(sorted(arrived), sorted(notes))
        self.settled(self.wang)

    def test_a_lost_answer_counts_nothing_twice(self):
        proxy = self.proxy()
        phone = self.ready("wang.fang", "behind-proxy", port=proxy.port)
        shop = self.customer(5)
        phone.run(["customer", "edit", shop, "--increase", "loyalty_points=5", "--set", "source=展会"])
        note = phone.run(["note", shop, "只记一次"])["id"]
        proxy.arm_lose()
        try:
            phone.run(["sync", "--once"])
        except CommandFailed as failure:
            self.assertEqual(failure.answer["class"], "RETRY")
        phone.run(["sync"])
        self.assertEqual(proxy.lost_replies, 1)
        self.assertEqual(self.on_server(shop)["loyalty_points"], 5)
        arrived = [row["id"] for row in self.server.admin("show", "activity")["rows"] if row["customer"] == shop]
        self.assertEqual(arrived, [note])
        self.assertGreaterEqual(self.server.admin("status")["stored_answers"], 1)
        self.settled(phone)
        phone.stop()

    def test_the_server_is_killed_between(self):
        shop = self.customer(7)
        self.wang.run(["customer", "edit", shop, "--set", "district=闵行"])
        self.wang.run(["sync"])
        self.server.end()
        self.wang.run(["customer", "edit", shop, "--set", "district=浦东"])
        answer = self.refused(self.wang, "NETWORK_ERROR", "sync", "--once")
        self.assertEqual(answer["exit"], 4)
        self.server.start()
        self.assertEqual(self.on_server(shop)["district"], "闵行")
        self.wang.run(["sync"])
        self.assertEqual(self.on_server(shop)["district"], "浦东")

    def test_a_disk_that_takes_no_more_loses_nothing(self):
        phone = self.ready("li.na", "full-disk")
        shop = self.customer(4)
        before = phone.run(["dump"])["rows"]
        phone.stop()
        told = set()
        for most_bytes in (0, 4096, 8192, 12288):
            done = subprocess.run(
                [program("satchel"), "--json", "customer", "edit", shop, "--set", "district=余杭"], check=False,
                capture_output=True, env=phone.environment, restore_signals=False,  # SIGXFSZ stays ignored
                preexec_fn=lambda most=most_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
            told.add(json.loads(done.stdout).get("status", "OK"))
            phone.start()
            rows = phone.run(["dump"])["rows"]
            self.assertEqual(rows != before, done.returncode == 0)
            before = rows
            phone.stop()
        self.assertTrue(told & {"IO_ERROR", "DISK_FULL"}, told)
        phone.start()
        phone.run(["customer", "edit", shop, "--set", "district=萧山"])
        phone.run(["sync"])
        self.assertEqual(self.on_server(shop)["district"], "萧山")
        phone.stop()

    def test_answers_that_are_none_change_nothing(self):
        proxy = Liar(self.server.port)
        self.stage.proxies.append(proxy)
        phone = self.ready("li.na", "lied-to", port=proxy.port)
        shop = self.customer(6)
        phone.run(["customer", "edit", shop, "--set", "district=拱墅"])
        before = phone.run(["dump"])["rows"]
        body = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.satchel.sync\r\nContent-Length: "
        for lie in (b"", b"no HTTP at all\r\n\r\n", body + b"0\r\n\r\n", body + b"2\r\n\r\n\x01\x00",
                    body + b"9\r\n\r\n\x01\x00garbage", body + b"500\r\n\r\ncut short", body + b"-1\r\n\r\n",
                    body + b"2000\r\n\r\n" + b"\xff" * 2000, body + b"99999999999\r\n\r\n" + b"x" * 100_000,
                    body + b"9000000\r\n\r\n" + bytes(9_000_000),
                    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
                    b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
                    b"HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\n<html"):
            proxy.lie = lie
            with self.subTest(lie=lie[:120]):
                with self.assertRaises(CommandFailed) as caught:
                    phone.run(["sync", "--once"])
                self.assertIn(caught.exception.answer["class"], ("RETRY", "ACCESS"))
                self.assertEqual(phone.run(["dump"])["rows"], before)
        proxy.lie = None
        phone.run(["sync"])
        self.assertEqual(self.on_server(shop)["district"], "拱墅")
        self.settled(phone)
        phone.stop()

    def test_a_revoked_phone_keeps_its_work_and_is_told(self):
        phone = self.ready("li.na")
        shop = self.customer(2)
        phone.run(["customer", "edit", shop, "--set", "district=西湖"])
        device = phone.run(["status"])["device"]
        self.server.admin("device", "revoke", device)
        answer = self.refused(phone, "REVOKED", "sync")
        self.assertEqual((answer["class"], answer["exit"]), ("ACCESS", ACCESS))
        self.assertEqual(phone.run(["status"])["units_unsent"], 1)
        self.assertEqual(self.on_phone(phone, shop)["district"], "西湖")
        self.assertNotEqual(self.on_server(shop).get("district"), "西湖")
        phone.stop()


class Enrolment(OnStage):
    def devices(self, login):
        users = {user["login"]: user["id"] for user in self.server.admin("user", "list")["rows"]}
        return [d for d in self.server.admin("device", "list")["rows"] if d["user"] == users[login]]

    def test_a_lost_answer_is_given_again(self):
        proxy = self.proxy()
        phone = self.stage.phone("lost-answer")
        phone.start()
        before = len(self.devices("li.na"))
        proxy.arm_lose()
        link = self.stage.link("li.na", proxy.port)
        try:
            phone.run(["enroll", link])
        except CommandFailed as failure:
            self.assertEqual(failure.answer["class"], "RETRY")
            phone.run(["enroll", link])
        self.assertEqual(proxy.lost_replies, 1)
        self.assertEqual(len(self.devices("li.na")), before + 1)
        phone.run(["sync"])
        phone.stop()

    def test_a_phone_killed_before_the_answer_redeems_the_same_link_again(self):
        proxy = self.proxy()
        phone = self.stage.phone("killed")
        phone.start()
        before = len(self.devices("li.na"))
        link = self.stage.link("li.na", proxy.port)
        proxy.arm_call(lambda: (proxy.arm_lose(), phone.kill()))
        with self.assertRaises(Died):
            phone.run(["enroll", link])
        phone.reopen()
        self.refused(phone, "UNAUTHENTICATED", "sync")
        device = phone.run(["enroll", link])["device"]
        self.assertIn(device, [d["id"] for d in self.devices("li.na")])
        self.assertLessEqual(len(self.devices("li.na")), before + 1)
        phone.run(["sync"])
        self.refused(phone, "ALREADY_EXISTS", "enroll", link)
        phone.stop()

    def test_work_from_before_the_enrolment_arrives(self):
        phone = self.stage.phone("early")
        phone.start()
        self.refused(phone, "MALFORMED", "enroll", "no link")
        made = phone.run(["customer", "add", "--set", "name=注册之前的客户"])["id"]
        self.refused(phone, "UNAUTHENTICATED", "sync")
        phone.run(["enroll", self.stage.link("wang.fang")])
        phone.run(["sync"])
        self.settled(phone)
        self.assertEqual(self.on_server(made)["name"], "注册之前的客户")
        phone.stop()

    def test_a_link_is_for_one_phone(self):
        link = self.stage.link("wang.fang")
        first, second = self.stage.phone("first"), self.stage.phone("other")
        for phone in (first, second):
            phone.start()
        first.run(["enroll", link])
        answer = self.refused(second, "CODE_EXPIRED", "enroll", link)
        self.assertEqual(answer["exit"], ACCESS)
        self.assertFalse(second.run(["status"])["enrolled"])
        second.run(["enroll", self.stage.link("wang.fang")])
        for phone in (first, second):
            phone.stop()


class Keys(OnStage):
    def ran(self, phone, *argv, **environment):
        """A command of its own process: exit code and what it said on stderr."""
        before = dict(phone.environment)
        phone.environment.update(environment)
        try:
            done = phone.once(*argv)
        finally:
            phone.environment.clear()
            phone.environment.update(before)
        return done.returncode, done.stderr.decode()

    def test_a_wrong_pin_opens_nothing_and_the_right_one_does(self):
        phone = self.ready("wang.fang", "with-pin", pin=PIN)
        phone.stop()
        code, said = self.ran(phone, "status", SATCHEL_PIN="000000")
        self.assertEqual((code, "WRONG_PIN" in said), (ACCESS, True), said)
        self.assertNotIn("000000", said)
        self.assertEqual(self.ran(phone, "status")[0], 0)

    def test_after_many_wrong_pins_even_the_right_one_waits(self):
        phone = self.stage.phone("guessed", pin=PIN)
        phone.start()
        phone.run(["enroll", self.stage.link("wang.fang")])
        phone.stop()
        said = [self.ran(phone, "status", SATCHEL_PIN=f"00000{guess}")[1] for guess in range(3)]
        self.assertTrue(all("WRONG_PIN" in line for line in said), said)
        code, line = self.ran(phone, "status")
        self.assertEqual((code, "PIN_DELAYED" in line), (ACCESS, True), line)

    def test_a_changed_pin_replaces_the_old_one_and_keeps_the_work(self):
        phone = self.ready("wang.fang", "changed", pin=PIN)
        shop = self.customer(1)
        phone.run(["customer", "edit", shop, "--set", "note=写于换密码之前"])
        phone.stop()
        new_pin = self.stage.path("keys", "new-pin")
        with open(new_pin, "w", encoding="utf-8") as file:
            file.write("775533\n")
        self.assertEqual(self.ran(phone, "pin", "--new-pin-file", new_pin), (0, ""))
        self.assertIn("WRONG_PIN", self.ran(phone, "status")[1])
        phone.environment["SATCHEL_PIN"] = "775533"
        phone.start()
        self.assertEqual(self.on_phone(phone, shop)["note"], "写于换密码之前")
        phone.run(["sync"])
        self.assertEqual(self.on_server(shop)["note"], "写于换密码之前")
        phone.stop()

    def test_a_key_that_is_gone_or_another_opens_nothing_until_it_is_back(self):
        phone = self.ready("wang.fang", "keyless")
        phone.stop()
        key = phone.environment["SATCHEL_KEY_FILE"]
        with open(key, "rb") as file:
            secret = file.read()
        os.remove(key)
        code, said = self.ran(phone, "status")
        self.assertEqual((code, "KEY_GONE" in said), (ACCESS, True), said)
        self.assertFalse(os.path.exists(key))
        with open(key, "wb") as file:
            file.write(bytes(32))
        code, said = self.ran(phone, "status")
        self.assertEqual(code, ACCESS, said)
        with open(key, "wb") as file:
            file.write(secret)
        self.assertEqual(self.ran(phone, "status")[0], 0)

    def test_a_store_is_open_once(self):
        before = self.wang.run(["status"])
        code, said = self.ran(self.wang, "status")
        self.assertEqual((code, "IN_USE" in said), (FAILED, True), said)
        self.assertEqual(self.wang.run(["status"]), before)

    def test_a_store_moved_to_another_folder_opens_with_its_key(self):
        phone = self.ready("wang.fang", "moved")
        rows = phone.run(["dump"])["rows"]
        phone.stop()
        elsewhere = phone.folder + "-elsewhere"
        shutil.move(phone.folder, elsewhere)
        self.assertIn("NOT_FOUND", self.ran(phone, "status")[1])
        phone.environment["SATCHEL_STORE"] = elsewhere
        phone.start()
        self.assertEqual(phone.run(["dump"])["rows"], rows)
        phone.stop()


if __name__ == "__main__":
    unittest.main()
