# SPDX-License-Identifier: Apache-2.0
"""A stage for tests with the real programs: a server, phones with sealed stores, and what clears all of it away."""

import os
import shutil
import tempfile

from processes import Phone, Server

PIN = "492817"


def program(name):
    return os.path.join(os.environ["SATCHEL_BIN"], name)


def end(process):
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except BrokenPipeError:  # what was still to be written has no reader any more
            pass


class Stage:
    """A folder with one company's server and its phones. Phones write to `phones`, `keys`, `temporary`."""

    def __init__(self, found):
        """`found(server, folder)` makes the company on the running server."""
        self.folder = tempfile.mkdtemp(prefix="satchel-e2e-")
        self.temporary = self.path("temporary")
        for name in ("phones", "keys", "temporary"):
            os.makedirs(self.path(name))
        self.log = open(self.path("server.log"), "ab")
        self.phone_log = open(self.path("phones", "processes.log"), "ab")
        self.server = Server(program("satcheld"), self.path("server"), self.log)
        self.phones = []
        self.proxies = []
        try:
            self.server.admin("init", "--company", "测试公司 Test Company")
            self.server.start()
            found(self.server, self.folder)
        except BaseException:
            self.close()
            raise

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def link(self, login, port=None):
        return self.server.admin("enroll", login, "--server", f"http://127.0.0.1:{port or self.server.port}")["link"]

    def phone(self, name, pin=None):
        """A phone without a store yet; with `pin` it has no keystore but this PIN."""
        phone = Phone(program("satchel"), name, self.path("phones", name), self.path("keys", name), self.phone_log)
        phone.environment["TMPDIR"] = self.temporary
        phone.environment["HOME"] = self.temporary
        phone.environment.pop("SATCHEL_PIN", None)
        if pin is not None:
            del phone.environment["SATCHEL_KEY_FILE"]
            phone.environment["SATCHEL_PIN"] = pin
        self.phones.append(phone)
        return phone

    def enroll(self, login, name=None, pin=None, port=None):
        """A phone that is enrolled and runs, but has not synced."""
        phone = self.phone(name or login, pin)
        phone.start()
        phone.run(["enroll", self.link(login, port), "--name", f"phone of {login}"])
        return phone

    def close(self):
        for phone in self.phones:
            if phone.process is not None:
                end(phone.process)
        for proxy in self.proxies:
            proxy.close()
        if self.server.process is not None:
            end(self.server.process)
        self.log.close()
        self.phone_log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
