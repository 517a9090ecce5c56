# SPDX-License-Identifier: Apache-2.0
"""Nothing readable lies on a phone's disk: every text of the plain rows, in four encodings, at five moments."""

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from processes import Died
from proxy import Proxy
from sealed import CERTAIN_BYTES, ENCODINGS, Scanner, files_under, open_files_of
from stage import PIN, Stage

CUSTOMERS = 1000  # so many that a first sync takes more than one page
# What a phone grows by when it stores the first page of a first sync, at least.
PAGE_GROWTH_BYTES = 16 * 1024
TYPED = ["在手机上新建的客户 Made on the phone", "老板想换新货架 The owner wants new shelves",
         "营业时间 8:00–22:00", "送样品 Bring the samples", "谈得很好 It went well", "断电之前 Right before the cut"]
SECRETS = [PIN]


def texts_in(value):
    """Every text of a JSON value; keys are names of fields, not values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)


def texts_of_database(path):
    """Every text value of every table."""
    with contextlib.closing(sqlite3.connect(f"file:{urllib.parse.quote(path)}?mode=ro", uri=True)) as database:
        tables = [name for name, in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                yield from (value for value in row if isinstance(value, str))


def modes_under(folder):
    """Path → permission bits of everything below."""
    return {os.path.join(path, name): stat.S_IMODE(os.lstat(os.path.join(path, name)).st_mode)
            for path, folders, names in os.walk(folder) for name in folders + names}


class Story:
    """A day of two phones on one stage; keeps what their files held at each moment."""

    def __init__(self):
        self.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        self.moments = {}  # moment → [(file, content)]
        self.texts = set()
        self.modes = {}

    def capture(self, moment, *running):
        folders = [self.stage.path(name) for name in ("phones", "keys", "temporary")]
        held = list(files_under(*folders))
        for phone in running:
            held += open_files_of(phone.process.pid)
        self.moments[moment] = held
        stores = [phone.folder for phone in self.stage.phones]
        for folder in (*stores, self.stage.path("keys"), self.stage.server.folder):
            self.modes.update(modes_under(folder))

    def play(self):
        proxy = Proxy(self.stage.server.port)
        self.stage.proxies.append(proxy)
        wang = self.stage.enroll("wang.fang", port=proxy.port)
        li = self.stage.enroll("li.na", pin=PIN)
        self.capture("after enrolment", wang, li)
        self.kill_in_first_sync(wang, proxy)
        wang.run(["sync"])
        li.run(["sync"])
        self.work(wang)
        self.work(li)
        self.capture("with unsent work", wang, li)
        shop = wang.run(["customer", "list", "--limit", "1"])["rows"][0]["id"]
        wang.send(["note", shop, TYPED[5]])
        wang.kill()
        wang.process.wait()
        self.capture("after SIGKILL", li)
        wang.reopen()
        for phone in (wang, li):
            phone.run(["sync"])
            self.texts.update(texts_in(phone.run(["dump"])["rows"]))
            phone.stop()
        self.stage.server.stop()
        self.capture("after sync and close")
        self.texts.update(self.server_texts())
        self.texts.update(TYPED + SECRETS)

    def kill_in_first_sync(self, phone, proxy):
        """Stops the phone when it has stored a part of the first sync and asks for more, and kills it there."""
        before = self.store_bytes(phone)
        done = threading.Event()

        def look():
            if self.store_bytes(phone) < before + PAGE_GROWTH_BYTES:
                proxy.arm_call(look)
                return
            phone.process.send_signal(signal.SIGSTOP)
            self.capture("within the first sync", phone)
            phone.kill()
            done.set()

        proxy.arm_call(look)
        try:
            phone.run(["sync"])
        except Died:
            pass
        if not done.is_set():
            raise AssertionError("the first sync was over before a second page was asked for")
        phone.reopen()
        if phone.run(["status"])["first_sync_done"]:
            raise AssertionError("the first sync was done when the phone was killed")

    @staticmethod
    def store_bytes(phone):
        return sum(len(content) for _, content in files_under(phone.folder))

    def work(self, phone):
        shop = phone.run(["customer", "list", "--limit", "1"])["rows"][0]["id"]
        phone.run(["customer", "add", "--set", f"name={TYPED[0]}", "--add", "phones=+86 139 0000 4729"])
        phone.run(["visit", "in", shop])
        phone.run(["note", shop, TYPED[1]])
        phone.run(["visit", "out", "--outcome", "interested", "--summary", TYPED[4]])
        phone.run(["customer", "edit", shop, "--set", f"opening_hours={TYPED[2]}"])
        phone.run(["task", "add", TYPED[3], "--customer", shop])
        phone.run(["find", "货架"])

    def databases(self):
        return [path for path, content in files_under(self.stage.server.folder)
                if content.startswith(b"SQLite format 3")]

    def server_texts(self):
        return {text for path in self.databases() for text in texts_of_database(path)}

    def close(self):
        self.stage.close()


def hits_of(story):
    """(moment, file, needle) of everything readable."""
    scanner = Scanner(story.texts)
    root = story.stage.folder
    return {(moment, name.replace(root, ""), needle) for moment, files in story.moments.items()
            for name, content in files for needle in scanner.scan(content)}


class Sealed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.story = Story()
        cls.addClassCleanup(cls.story.close)
        cls.story.play()

    def describe(self, hits):
        scanner = Scanner(self.story.texts)
        return "\n".join(f"{moment}: {name}: {scanner.describe(needle)}" for moment, name, needle in sorted(hits)[:20])

    def test_no_text_of_any_row_is_readable_at_any_moment(self):
        hits = hits_of(self.story)
        sure = {hit for hit in hits if len(hit[2]) >= CERTAIN_BYTES}
        self.assertEqual(sure, set(), self.describe(sure))
        if hits:
            self.confirm(hits)

    def confirm(self, hits):
        """A needle of a few bytes turns up in random bytes now and then, but not twice under other keys."""
        again = Story()
        self.addCleanup(again.close)
        again.play()
        repeated = {needle for _, _, needle in hits} & {needle for _, _, needle in hits_of(again)}
        self.assertEqual(repeated, set(), self.describe(hits))

    def test_five_moments_of_two_stores_were_seen(self):
        self.assertEqual(len(self.story.moments), 5)
        for moment, files in self.story.moments.items():
            stores = {name.split("/phones/")[1].split("/")[0] for name, content in files
                      if "/phones/" in name and not name.startswith("/proc") and len(content) >= 4096}
            self.assertLessEqual({"wang.fang", "li.na"}, stores, moment)

    def test_files_of_stores_keys_and_server_belong_to_their_owner_alone(self):
        self.assertGreater(len(self.story.modes), 10)
        self.assertEqual({path for path, mode in self.story.modes.items() if mode & 0o077}, set())

    def test_the_same_scan_of_the_plain_database_finds_a_thousand_texts(self):
        scanner = Scanner(self.story.texts)
        found = set()
        for path in self.story.databases():
            with open(path, "rb") as file:
                found |= {scanner.needles[needle][0] for needle in scanner.scan(file.read())}
        self.assertGreater(len(found), 1000)
        self.assertLessEqual(set(TYPED[:4]), self.story.server_texts())

    def test_the_texts_of_phones_are_among_those_looked_for(self):
        for text in (*TYPED, PIN, "+86 139 0000 4729", "wang.fang", company.PRODUCTS[0][1]):
            self.assertIn(text, self.story.texts)


class Scan(unittest.TestCase):
    """The scan itself: what it would find if it were there."""

    TEXT = "上海华宁超市 Huaning"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.scanner = Scanner([self.TEXT, "华宁", "abc", "Zoë Müller"])

    def test_each_encoding_is_found_at_any_place(self):
        for encoding in ENCODINGS:
            for before in range(9):
                with self.subTest(encoding=encoding, before=before):
                    data = os.urandom(before) + self.TEXT.encode(encoding) + os.urandom(3)
                    self.assertIn(self.TEXT.encode(encoding), self.scanner.scan(data))

    def test_short_data_and_texts_below_four_bytes_are_no_trouble(self):
        for data in (b"", b"a", b"abc", b"abcd", "华宁".encode("gb18030")):
            self.assertEqual(self.scanner.scan(data), {data} if data[:1] > b"\x7f" else set())

    def test_a_planted_file_is_found_in_any_folder(self):
        os.makedirs(os.path.join(self.folder, "a", "b"))
        with open(os.path.join(self.folder, "a", "b", "left-over.tmp"), "wb") as file:
            file.write(os.urandom(100_001) + "Zoë Müller".encode("utf-16-be") + os.urandom(100_000))
        files = list(files_under(self.folder))
        self.assertEqual(len(files), 1)
        self.assertEqual({self.scanner.needles[n] for n in self.scanner.scan(files[0][1])},
                         {("Zoë Müller", "utf-16-be")})

    def test_a_deleted_file_that_a_process_holds_open_is_found(self):
        program = ("import sys, tempfile\nfile = tempfile.TemporaryFile(dir=sys.argv[1])\n"
                   "file.write(sys.argv[2].encode('utf-16-le'))\nfile.flush()\nprint(flush=True)\nsys.stdin.read()\n")
        with subprocess.Popen([sys.executable, "-c", program, self.folder, self.TEXT], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            self.assertEqual(list(files_under(self.folder)), [])
            found = [needle for _, content in open_files_of(child.pid) for needle in self.scanner.scan(content)]
            child.stdin.close()
        self.assertEqual([self.scanner.needles[n] for n in found if len(n) > CERTAIN_BYTES], [(self.TEXT, "utf-16-le")])


if __name__ == "__main__":
    unittest.main()
