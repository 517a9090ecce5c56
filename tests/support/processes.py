# SPDX-License-Identifier: Apache-2.0
"""The real processes of a replay: the server, its administration commands, and phones that obey a script."""

import json
import os
import secrets
import signal
import socket
import subprocess
import threading


class CommandFailed(Exception):
    """A command was answered with an error; `answer` is what it said."""

    def __init__(self, argv, answer):
        super().__init__(f"{' '.join(argv)}: {answer}")
        self.answer = answer

    @property
    def status(self):
        return self.answer.get("status", "")


class Died(Exception):
    """The process ended before it answered."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def new_schema():
    """The address of an empty schema in the database of SATCHEL_TEST_POSTGRES."""
    address = os.environ["SATCHEL_TEST_POSTGRES"]
    name = "s" + secrets.token_hex(8)
    subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", address, "-c", f"CREATE SCHEMA {name}"], check=True)
    return f"{address}{'&' if '?' in address else '?'}options=-csearch_path%3D{name}"


class Server:
    """satcheld on a data folder; administration goes through its own commands."""

    def __init__(self, program, folder, log):
        self.program = program
        self.folder = folder
        self.log = log
        self.port = free_port()
        self.process = None
        self.kills = 0
        self.options = []  # more of them for serve
        self.environment = dict(os.environ)
        if "SATCHEL_TEST_POSTGRES" in os.environ:
            self.environment["SATCHELD_DATABASE"] = new_schema()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}", "--ready-fd", "1",
             *self.options],
            stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL, env=self.environment)
        if not self.process.stdout.readline():
            raise Died(f"the server did not start, exit {self.process.wait()}")

    def kill(self):
        """SIGKILL, then opens the same data again."""
        self.end()
        self.kills += 1
        self.start()

    def end(self):
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        if code != 0:
            raise Died(f"the server stopped with exit {code}")

    def admin(self, *argv):
        """One administration command; gives its JSON."""
        command = [self.program, *argv, "--data", self.folder, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.environment)
        try:
            answer = json.loads(done.stdout) if done.stdout.strip() else {}
        except json.JSONDecodeError:
            answer = {"status": "INTERNAL", "message": done.stdout + done.stderr}
        if done.returncode != 0:
            raise CommandFailed(command, answer or {"status": "", "message": done.stderr.strip()})
        return answer


class Phone:
    """`satchel batch` on a sealed store: one command a line, one answer a line. May be killed at any moment."""

    def __init__(self, program, name, folder, key_file, log):
        self.program = program
        self.name = name
        self.folder = folder
        self.log = log
        self.kills = 0
        self.environment = dict(os.environ, SATCHEL_STORE=folder, SATCHEL_KEY_FILE=key_file)
        self.process = None

    def start(self):
        self.process = subprocess.Popen([self.program, "batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, env=self.environment, text=True)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()

    def send(self, argv):
        try:
            self.process.stdin.write(json.dumps(argv) + "\n")
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            raise Died(self.name) from None

    def receive(self, argv):
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            raise Died(self.name)
        answer = json.loads(line)
        if answer.get("status") != "OK":
            raise CommandFailed(argv, answer)
        return answer

    def run(self, argv):
        self.send(argv)
        return self.receive(argv)

    def kill(self):
        """SIGKILL at once, without waiting for an answer that may be on its way."""
        self.process.kill()

    def reopen(self):
        """After a kill: what had been answered is drained, the store is opened again."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        self.process.stdout.close()
        self.process.wait()
        self.kills += 1
        self.start()

    def run_and_kill(self, argv, after_seconds):
        """Sends a command and kills the process a moment later: before, within or after its work."""
        timer = threading.Timer(after_seconds, self.kill)
        self.send(argv)
        timer.start()
        try:
            answer = self.receive(argv)
            return answer
        except (Died, CommandFailed):
            return None
        finally:
            timer.join()
            self.reopen()

    def once(self, *argv):
        """A command of its own process; the batch must not run, because a store has one user at a time."""
        return subprocess.run([self.program, *argv], env=self.environment, capture_output=True, check=False)
