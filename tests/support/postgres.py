#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL cluster on a unix socket in a temporary folder.

    postgres.py [--durable] [--] COMMAND…   runs COMMAND with its address in SATCHEL_TEST_POSTGRES, then removes it

Without --durable the cluster does not sync: only for tests that never crash it. initdb refuses root, so it then runs as
`nobody`.
"""

import glob
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile


def tools():
    """The folder of the newest initdb, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    by_version = sorted(found, key=lambda path: int(path.split("/")[4]))
    if by_version:
        return os.path.dirname(by_version[-1])
    there = shutil.which("initdb")
    return os.path.dirname(there) if there else None


class Cluster:
    """`address` is what a client connects to. Use as a context, or call stop()."""

    def __init__(self, durable=False):
        self.tools = tools()
        if self.tools is None:
            raise SystemExit("PostgreSQL's initdb is not installed")
        self.folder = tempfile.mkdtemp(prefix="satchel-pg-")
        self.data = self.folder + "/data"
        self.user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        self.running = False
        try:
            self.run("initdb", "-D", self.data, "-U", "satchel", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
            settings = [f"unix_socket_directories = '{self.folder}'", "listen_addresses = ''", "max_connections = 200",
                        "shared_buffers = '64MB'", "max_wal_size = '256MB'",
                        "fsync = on" if durable else "fsync = off",
                        "full_page_writes = on" if durable else "full_page_writes = off"]
            with open(self.data + "/postgresql.conf", "a", encoding="utf-8") as file:
                file.write("\n".join(settings) + "\n")
            self.start()
        except BaseException:
            self.stop()
            raise
        self.address = f"postgres://satchel@/postgres?host={self.folder}"

    def run(self, tool, *arguments):
        options = {"user": self.user, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run([f"{self.tools}/{tool}", *arguments], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False, **options)
        if done.returncode != 0:
            raise RuntimeError(f"{tool}: {done.stdout.decode(errors='replace')}")

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.folder + "/log", "start")
        self.running = True

    def kill(self):
        """As a power cut of the process: nothing is tidied up."""
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")
        self.running = False

    def stop(self):
        if self.running:
            try:
                self.kill()
            except RuntimeError as error:
                print(error, file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()


def main(words):
    durable = words[:1] == ["--durable"]
    words = words[1:] if durable else words
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        print(__doc__, file=sys.stderr)
        return 2
    command = shutil.which(words[0]) or str(pathlib.Path(words[0]).resolve())
    with Cluster(durable) as cluster:
        environment = dict(os.environ, SATCHEL_TEST_POSTGRES=cluster.address)
        return subprocess.run([command, *words[1:]], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
