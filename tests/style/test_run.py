#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The script `run`: when it asks for packages, how it counts, and that a failing or slow ring fails the whole."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ROOT / "run"


class Packages(unittest.TestCase):
    """`run fmt --check` on a PATH that holds all tools of this machine but those that the test takes away."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="satchel-test-")
        self.addCleanup(self.folder.cleanup)
        self.bin = pathlib.Path(self.folder.name, "bin")
        self.bin.mkdir()
        for folder in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"):
            for program in pathlib.Path(folder).glob("*"):
                link = self.bin / program.name
                if not link.exists() and not link.is_symlink():
                    link.symlink_to(program)
        self.without("sudo", "apt-get", "id", "clang-format")
        self.stub("apt-get", f'echo "$@" >>{self.folder.name}/calls\n'
                             f'[ "$1" != install ] || ln -s {shutil.which("true")} {self.bin}/clang-format')
        self.tree = pathlib.Path(self.folder.name, "tree")
        self.tree.mkdir()
        shutil.copy(RUN, self.tree / "run")
        subprocess.run(["git", "init", "-q", str(self.tree)], check=True)

    def without(self, *names):
        for name in names:
            (self.bin / name).unlink(missing_ok=True)

    def stub(self, name, body):
        self.without(name)
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{body}\n", encoding="utf-8")
        path.chmod(0o755)

    def run_fmt(self, user):
        self.stub("id", f"echo {user}")
        return subprocess.run([str(self.tree / "run"), "fmt", "--check"], capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": str(self.bin)})

    def calls(self):
        path = pathlib.Path(self.folder.name, "calls")
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def test_no_call_when_all_is_there(self):
        self.stub("clang-format", "true")
        self.assertEqual(0, self.run_fmt(0).returncode)
        self.assertEqual([], self.calls())

    def test_root_installs_what_is_missing_and_nothing_else(self):
        done = self.run_fmt(0)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["update", "install -y --no-install-recommends clang-format"], self.calls())

    def test_another_user_installs_with_sudo(self):
        self.stub("sudo", '[ "${1#*=}" = "$1" ] || shift\n"$@"')
        done = self.run_fmt(1000)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(["update", "install -y --no-install-recommends clang-format"], self.calls())

    def test_without_sudo_the_exact_line_is_told(self):
        done = self.run_fmt(1000)
        self.assertEqual(3, done.returncode)
        self.assertIn("apt-get update && apt-get install -y --no-install-recommends clang-format\n", done.stderr)
        self.assertEqual([], self.calls())

    def test_another_system_is_told_the_names(self):
        self.without("apt-get")
        done = self.run_fmt(0)
        self.assertEqual(3, done.returncode)
        self.assertIn("clang-format", done.stderr)

    def test_an_installation_that_fails_ends_with_three(self):
        self.stub("apt-get", "exit 100")
        self.assertEqual(3, self.run_fmt(0).returncode)


class Completeness(unittest.TestCase):
    def test_all_that_cmake_demands_is_asked_for(self):
        script = RUN.read_text(encoding="utf-8")
        files = subprocess.run(["git", "-C", str(ROOT), "ls-files", "*CMakeLists.txt"], capture_output=True, text=True,
                               check=True).stdout.split()
        for path in files:
            text = (ROOT / path).read_text(encoding="utf-8")
            for name in re.findall(r"pkg_check_modules\([^)]*?([\w.+-]+)\)", text):
                self.assertIn(f"pkg-config --exists {name}\n", script, f"{path} demands {name}")
            for name in re.findall(r"find_program\(\w+ ([\w.-]+) REQUIRED\)", text):
                self.assertIn(f"command -v {name}\n", script, f"{path} demands {name}")


def bash(script):
    return subprocess.run(["bash", "-c", f"source {RUN}\n{script}"], capture_output=True, text=True, check=False)


class Counting(unittest.TestCase):
    def counted(self, text, code):
        with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
            log.write(text)
            log.flush()
            return bash(f"count_log {log.name} {code}").stdout.split()

    def test_words_of_each_kind_of_program(self):
        for text, code, expected in (
                ("x\n7 passed, 2 failed\n", 1, ["7", "2"]),
                ("7 passed, 0 failed\n", 0, ["7", "0"]),
                ("[====] Synthesis: Tested: 9 | Passing: 6 | Failing: 2 | Crashing: 1 \n", 1, ["6", "3"]),
                ("\033[0;34m====\033[0m] Synthesis: Tested: \033[1m5\033[0m | Passing: \033[1m5\033[0m | "
                 "Failing: \033[1m0\033[0m | Crashing: \033[1m0\033[0m \n", 0, ["5", "0"]),
                ("Ran 24 tests in 0.1s\n\nOK\n", 0, ["24", "0"]),
                ("Ran 24 tests in 0.1s\n\nFAILED (failures=2, errors=1)\n", 1, ["21", "3"]),
                ("anything\n", 0, ["1", "0"]),
                ("anything\n", 1, ["0", "1"])):
            with self.subTest(text=text):
                self.assertEqual(expected, self.counted(text, code))

    def test_an_exit_code_is_never_overlooked(self):
        for text in ("7 passed, 0 failed\n", "Ran 3 tests in 0.1s\n\nOK\n",
                     "[====] Synthesis: Tested: 5 | Passing: 5 | Failing: 0 | Crashing: 0 \n"):
            self.assertEqual("1", self.counted(text, 1)[1], text)


class Rings(unittest.TestCase):
    """Functions of `run` with a ring of the test's own, in a folder of its own."""

    def ring(self, lines, budget=100, after=""):
        with tempfile.TemporaryDirectory(prefix="satchel-test-") as folder:
            return bash(f"cd {folder}; preset_of() {{ echo none; }}; need() {{ :; }}\n"
                        f"budget_of() {{ echo {budget}; }}\n"
                        f"ring_unit() {{ run_programs unit 2 < <({lines}); }}\n{after}\ncommand_test unit")

    def test_a_passing_ring_passes(self):
        done = self.ring("echo one true; echo two true")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertTrue(done.stdout.endswith("2 passed, 0 failed\n"), done.stdout)

    def test_a_failing_program_fails_the_whole_and_is_shown(self):
        done = self.ring("echo one true; echo two false")
        self.assertEqual(1, done.returncode)
        self.assertTrue(done.stdout.endswith("1 passed, 1 failed\n"), done.stdout)
        self.assertIn("unit: two (exit 1)", done.stderr)

    def test_a_ring_over_its_budget_fails(self):
        done = self.ring("echo one sleep 2", budget=1)
        self.assertEqual(1, done.returncode)
        self.assertIn("OVER ITS BUDGET", done.stdout)

    def test_no_more_run_at_a_time_than_there_are_jobs(self):
        """Five programs look nine times each how many of them there are."""
        program = "touch running/$1; for i in 1 2 3 4 5 6 7 8 9; do [ $(ls running | wc -l) -le 2 ] || exit 1; done"
        done = self.ring(f"mkdir running; echo '{program}; rm running/$1' >program;"
                         " for i in a b c d e; do echo $i bash program $i; done")
        self.assertIn("5 passed, 0 failed\n", done.stdout, done.stderr)

    def test_nothing_run_is_no_success(self):
        self.assertEqual(1, self.ring("true").returncode)

    def test_a_program_that_hangs_is_ended(self):
        done = self.ring("echo one sleep 60", after="export SATCHEL_PROGRAM_SECONDS=1")
        self.assertEqual(1, done.returncode)
        self.assertIn("exit 124", done.stderr)

    def test_words_that_are_no_command_or_ring(self):
        for words in (["nonsense"], ["test", "nonsense"]):
            done = subprocess.run([str(RUN), *words], capture_output=True, text=True, check=False)
            self.assertEqual(2, done.returncode)
            self.assertIn("./run help", done.stderr)


if __name__ == "__main__":
    unittest.main()
