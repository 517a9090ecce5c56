# SPDX-License-Identifier: Apache-2.0
"""Two satcheld on one PostgreSQL database, either killed at random while phones sync through both: nothing is lost,
nothing is there twice, the audit chain holds. The database syncs its commits and is itself killed."""

import collections
import os
import random
import subprocess
import sys
import threading
import unittest

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
sys.path[:0] = [SUPPORT, os.path.join(SUPPORT, "..", "e2e")]

import company
from postgres import Cluster
from processes import CommandFailed, Server, new_schema
from proxy import Proxy
from stage import Stage, program

SEED = int(os.environ.get("SATCHEL_SEED", "1"))
ROUNDS = 40
PHONES = 3


class TwoServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.random = random.Random(SEED)
        cls.killing = threading.Lock()
        cls.cluster = Cluster(durable=True)
        cls.addClassCleanup(cls.cluster.stop)
        os.environ["SATCHEL_TEST_POSTGRES"] = cls.cluster.address
        cls.addClassCleanup(os.environ.pop, "SATCHEL_TEST_POSTGRES")
        cls.stage = Stage(lambda server, folder: company.found(server, folder, 12))
        cls.addClassCleanup(cls.stage.close)
        first = cls.stage.server
        second = Server(first.program, cls.stage.path("second"), cls.stage.log)
        second.environment = first.environment
        second.start()
        cls.addClassCleanup(lambda: second.process.poll() is None and second.end())
        cls.servers = [first, second]
        cls.proxy = Proxy(first.port)
        cls.stage.proxies.append(cls.proxy)
        cls.phones = []
        for number in range(PHONES):
            phone = cls.stage.enroll("wang.fang", f"wang-{number}", port=cls.proxy.port)
            cls.phones.append(phone)
            phone.run(["sync"])

    def sync(self, phone, patient=False):
        """One try through a server of chance; `patient` tries until it succeeds."""
        for _ in range(20 if patient else 1):
            self.proxy.server_port = self.random.choice(self.servers).port
            try:
                phone.run(["sync"])
                return
            except CommandFailed as error:
                self.assertIn(error.status, ("NETWORK_ERROR", "SERVER_ERROR", "TIMED_OUT", "BUSY", "IO_ERROR"), error)
        self.assertFalse(patient, "a phone never got through")

    def kill(self, server):
        """From a thread of the proxy: one at a time, for it waits until the server is up again."""
        with self.killing:
            server.kill()

    def trouble(self):
        """A server is killed while the next request is on its way, or the database is."""
        victim = self.random.choice(self.servers)
        kind = self.random.random()
        if kind < 0.4:
            self.proxy.arm_call(lambda: self.kill(victim))
        elif kind < 0.5:
            self.proxy.arm_lose()
        elif kind < 0.55:
            self.cluster.kill()
            self.cluster.start()

    def test_either_may_be_killed_at_any_time(self):
        made = []
        for number in range(ROUNDS):
            phone = self.random.choice(self.phones)
            name = f"shop {number}"
            row = phone.run(["customer", "add", "--set", f"name={name}"])["id"]
            made.append((row, name))
            self.trouble()
            self.sync(phone)
            self.proxy.disarm()
        with self.killing:  # the last one is up again
            pass
        for phone in self.phones * 2:
            self.sync(phone, patient=True)
        kills = sum(server.kills for server in self.servers)
        self.assertGreater(kills, 3, f"seed {SEED} kills too few")
        held = [{line["id"]: line["record"]["name"] for line in phone.run(["dump", "customer"])["rows"]}
                for phone in self.phones]
        for row, name in made:
            self.assertEqual([rows.get(row) for rows in held], [name] * PHONES, f"seed {SEED}")
        names = collections.Counter(held[0].values())
        self.assertEqual([name for name, count in names.items() if count > 1], [])
        self.assertEqual(held[0], held[1])
        for phone in self.phones:
            self.assertEqual(phone.run(["status"])["units_unsent"], 0)
        for server in self.servers:
            self.assertEqual(server.admin("status")["units_applied"], ROUNDS)
            self.assertGreater(server.admin("audit", "verify")["entries"], ROUNDS)
        print(f"seed {SEED}: {kills} kills of servers")


class TwoLedgers(unittest.TestCase):
    """Each server has a ledger of its own, and each holds what the other wrote."""

    def setUp(self):
        self.cluster = Cluster(durable=False)
        self.addCleanup(self.cluster.stop)
        os.environ["SATCHEL_TEST_POSTGRES"] = self.cluster.address
        self.addCleanup(os.environ.pop, "SATCHEL_TEST_POSTGRES")
        self.stage = Stage(lambda server, folder: company.found(server, folder, 3))
        self.addCleanup(self.stage.close)
        self.first = self.stage.server
        self.second = Server(self.first.program, self.stage.path("second"), self.stage.log)
        self.second.environment = self.first.environment
        self.second.start()
        self.addCleanup(lambda: self.second.process.poll() is None and self.second.end())

    def test_after_a_restore_the_ledger_of_either_is_enough(self):
        key = self.stage.path("backup.key")
        path = self.stage.path("company.backup")
        self.first.admin("backup", "new-key", key)
        phone = self.stage.enroll("wang.fang", "old")
        phone.run(["sync"])
        self.first.admin("backup", path, "--key", key)
        device, = (row["id"] for row in self.first.admin("device", "list")["rows"])
        self.second.admin("device", "revoke", device)
        late = self.stage.enroll("wang.fang", "late")
        late.run(["sync"])
        for server in (self.first, self.second):
            server.kill()  # it fills its ledger up when it starts
        for number, server in enumerate((self.first, self.second)):
            ledger = os.path.join(server.folder, "ledger")
            server.end()
            server.folder = self.stage.path(f"again-{number}")
            server.environment = dict(server.environment, SATCHELD_DATABASE=new_schema())
            subprocess.run([program("satcheld"), "restore", path, "--key", key, "--data", server.folder, "--ledger",
                            ledger], check=True, stdout=subprocess.DEVNULL, stderr=self.stage.log,
                           env=server.environment)
            server.start()
            self.assertEqual((server.admin("epoch", "show")["epoch"], server.admin("epoch", "show")["fenced"]),
                             (2, False))
            revoked = {row["id"]: row["revoked"] for row in server.admin("device", "list")["rows"]}
            self.assertEqual((revoked[device], sorted(revoked.values())), (True, [False, True]))
        late.run(["sync"])


if __name__ == "__main__":
    unittest.main()
