# SPDX-License-Identifier: Apache-2.0
"""The Java layer on the host's JVM with -Xcheck:jni against a real server; any word of the checker is a failure.

The Java programs of mobile-shims/android/test hold the assertions; they ask this script for what happens elsewhere.
"""

import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

import company
from stage import Stage

CUSTOMERS = 40
JAVA = os.path.join(os.environ["SATCHEL_BUILD"], "java")
LIBRARY = os.path.join(JAVA, "libsatchel_jni.so")
CHECKER = re.compile(r"^(WARNING|FATAL ERROR|SUMMARY: \w*Sanitizer|==\d+==|\S+: runtime error:)", re.M)


def sanitizers():
    """What a JVM that is not built with them must load first, if the library is."""
    needed = subprocess.run(["ldd", LIBRARY], capture_output=True, text=True, check=True).stdout
    return re.findall(r"=> (\S*/lib(?:asan|ubsan)\.so\S*)", needed)


def java(*arguments):
    environment = dict(os.environ, LC_ALL="C.UTF-8")
    preload = sanitizers()
    if preload:
        environment["LD_PRELOAD"] = " ".join(preload)
        # The JVM has uses of its own for SIGSEGV, and keeps its memory; what is freed is not to look like a leak.
        environment["ASAN_OPTIONS"] = "handle_segv=0:allow_user_segv_handler=1:detect_leaks=0:quarantine_size_mb=4"
    return subprocess.Popen(
        ["java", "-Xcheck:jni", "-Xmx128m", "-XX:+UseSerialGC", f"-Djava.library.path={JAVA}", "-cp",
         os.path.join(JAVA, "satchel.jar") + ":" + os.path.join(JAVA, "satchel-tests.jar"), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        env=environment)


class OnTheJvm(unittest.TestCase):
    def run_java(self, program, scenario, *arguments, answer=None):
        """Runs a scenario; `answer` gives what a question of its is answered with."""
        process = java(f"satcheltest.{program}", scenario, *arguments)
        lines = []
        with process:
            for line in process.stdout:
                lines.append(line)
                if line.startswith("ASK "):
                    process.stdin.write((answer(*line.split()[1:]) or "") + "\n")
                    process.stdin.flush()
        output = "".join(lines)
        self.assertEqual(process.returncode, 0, output)
        self.assertEqual(lines[-1], "PASSED\n", output)
        self.assertNotRegex(output, CHECKER)


class WithAServer(OnTheJvm):
    @classmethod
    def setUpClass(cls):
        cls.stage = Stage(lambda server, folder: company.found(server, folder, CUSTOMERS))
        cls.addClassCleanup(cls.stage.close)
        cls.server = cls.stage.server

    def on_a_phone(self, scenario, answer=None):
        self.run_java("EndToEnd", scenario, self.stage.path("phones", scenario), self.stage.link("wang.fang"),
                      answer=answer)

    def name_of(self, row):
        return self.server.admin("show", "customer", row)["name"]

    def test_a_day_from_enrolment_to_the_servers_rows(self):
        self.on_a_phone("day", lambda question, row: self.name_of(row))

    def test_a_conflict_shows_both_values(self):
        other = self.stage.enroll("chen.wei", "other")
        other.run(["sync"])

        def edit(question, row, *street):
            other.run(["customer", "edit", row, "--set", "street=" + " ".join(street)])
            other.run(["sync"])

        self.on_a_phone("conflict", edit)

    def test_commands_are_given_and_what_became_of_them_is_told(self):
        self.on_a_phone("commands")

    def test_the_stub_of_a_parked_edit_names_who_has_it(self):
        def answer(question, row=None):
            if question == "boss":
                return self.server.admin("show", "user", "chen.wei")["id"]
            self.server.admin("assign", "--customer", row, "--owner", "li.na")
            return ""

        self.on_a_phone("parked", answer)

    def test_refusals_are_typed_and_name_what_they_concern(self):
        self.on_a_phone("refused")

    def test_without_a_server_nothing_is_lost(self):
        def answer(question, row=None):
            return self.name_of(row) if row else getattr(self.server, question)()

        self.on_a_phone("undecided", answer)


class Alone(OnTheJvm):
    def alone(self, scenario):
        stage = Stage(lambda server, folder: None)
        self.addCleanup(stage.close)
        self.run_java("Lifetimes", scenario, stage.path("phones", scenario))

    def test_pins(self):
        self.alone("pin")

    def test_callbacks_that_throw(self):
        self.alone("callbacks")

    def test_use_after_close(self):
        self.alone("closing")

    def test_a_thousand_openings_leave_nothing(self):
        self.alone("loops")

    def test_threads(self):
        self.alone("threads")

    def test_the_library_shows_nothing_but_its_entry_points(self):
        shown = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], capture_output=True, text=True, check=True)
        names = {line.split()[-1] for line in shown.stdout.splitlines()}
        self.assertEqual({name for name in names if not name.startswith("__")}, {"JNI_OnLoad", "JNI_OnUnload"})


if __name__ == "__main__":
    unittest.main()
