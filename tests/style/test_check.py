#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The style test can fail: for every check a clean tree that passes and planted violations that do not."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import check  # noqa: E402

HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/*\n * What it is.\n */\n"


def c_file(body):
    return HEAD + body + "\n"


def header(guard, body=""):
    return HEAD + f"#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


# A tree in which every check finds nothing.
CLEAN = {
    "CMakeLists.txt": "# SPDX-License-Identifier: Apache-2.0\n",
    "run": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n",
    "core/include/satchel/status.h": header("SATCHEL_STATUS_H", "#include <stdint.h>"),
    "core/include/satchel/device.h": header(
        "SATCHEL_DEVICE_H", "#include <satchel/status.h>\n/* satchel_old(1); */\ntypedef void (*satchel_call)(int x);\n"
        "int satchel_device_open(const char *folder,\n    int more);"),
    "core/base/limits.h": header("SATCHEL_BASE_LIMITS_H", "#define SATCHEL_LIMIT_ROWS 8 /* rows */"),
    "core/base/memory.c": c_file('#include "base/limits.h"\n#include <stdlib.h>\nstatic _Thread_local int taken;\n'
                                 "void *take(void) {\n    return calloc(1, 1);\n}"),
    "core/schema/schema.c": c_file(
        '#include "base/limits.h"\n#include <satchel/status.h>\n#include <string.h>\n'
        "static const char *const names[] = {\"strcpy(\", \"malloc(\"};\nstatic int helper(int x);\n"
        "static const struct row {\n    int x;\n} rows[] = {{1}};\n"
        "static int helper(int x) {\n    static const int table[] = {1};\n    return x + table[0];\n}"),
    "core/crypto/random.c": c_file("#include <sodium.h>\nvoid draw(void) {\n    randombytes_buf(0, 0);\n}"),
    "core/store/store.c": c_file('#include "schema/schema.c"\n#include <sqlite3.h>\n#include <satchel/device.h>'),
    "server/main.c": c_file('#include "db/db.h"\n#include "verbs.h"\n#include "base/limits.h"'),
    "server/db/db.h": header("SATCHEL_SERVER_DB_H"),
    "server/verbs.h": header("SATCHEL_SERVER_VERBS_H", '#define VERBS(X) \\\n    X(init, "--company N", "t") \\\n'
                             '    X(user, call, "add LOGIN", "t")'),
    "mobile-shims/cli/main.c": c_file("#include <satchel/device.h>\n#include <stdio.h>"),
    "tests/unit/device/test_device.c": c_file(
        "int t = SATCHEL_LIMIT_ROWS;\nvoid f(void) {\n    satchel_device_open(0, 0);\n}"),
    "tests/e2e/test_verbs.py": '# SPDX-License-Identifier: Apache-2.0\nrun(["init"])\nrun(["user", "add", "x"])\n',
}


class Planted(unittest.TestCase):
    def with_file(self, path, text):
        return check.Tree({**CLEAN, path: text})

    def finds(self, name, path, text, words=""):
        found = check.CHECKS[name](self.with_file(path, text))
        self.assertTrue(found, f"{name} finds nothing wrong in {path}: {text[-200:]!r}")
        self.assertTrue(any(words in line for line in found), f"{words!r} is not in {found}")

    def allows(self, name, path, text):
        self.assertEqual([], check.CHECKS[name](self.with_file(path, text)))

    def test_clean_tree_passes_every_check(self):
        for name, function in check.CHECKS.items():
            with self.subTest(check=name):
                self.assertEqual([], function(check.Tree(CLEAN)))

    def test_every_check_has_a_planted_violation(self):
        planted = {name[len("test_plant_"):] for name in dir(self) if name.startswith("test_plant_")}
        self.assertEqual(set(check.CHECKS), planted)

    def test_plant_heads(self):
        self.finds("heads", "core/base/a.c", "int x;\n", "first line")
        self.finds("heads", "core/base/a.c", "/* SPDX-License-Identifier: Apache-2.0 */\nint x;\n", "comment")
        spdx = "/* SPDX-License-Identifier: Apache-2.0 */\n"
        self.finds("heads", "core/base/a.c", spdx + "/*\n" + " * x\n" * 13 + " */\n")
        self.finds("heads", "proto/a.py", "x = 1\n", "licence")
        self.finds("heads", "proto/a.proto", 'syntax = "proto3";\n', "licence")

    def test_plant_lengths(self):
        self.finds("lengths", "core/base/a.c", c_file("int x;" + " " * 120 + "int y;"), "columns")
        self.finds("lengths", "core/base/a.c", c_file("\n" * 1000), "lines, at most 1000")
        self.finds("lengths", "core/base/a.h", header("SATCHEL_A_H", "\n" * 300), "at most 300")
        self.finds("lengths", "core/base/a.c", c_file("int f(void)\n{" + "\n" * 69 + "}"), "f has 71 lines")
        self.allows("lengths", "core/base/a.c", c_file("int f(void) {" + "\n" * 69 + "}"))
        self.finds("lengths", "core/base/a.c", c_file("TEST(a, b) {\n    if (x) {\n" + "\n" * 70 + "}}"), "TEST")
        self.finds("lengths", "tests/a.py", "def f():\n" + "    x = 1\n" * 70, "f has 71 lines")
        self.finds("lengths", "tests/a.py", "def f(:\n", "tests/a.py:1")

    def test_functions_are_found_behind_what_looks_like_one(self):
        text = c_file('#ifdef __cplusplus\nextern "C" {\n#endif\nstruct s {\n    int a;\n};\nint t[] = {1, 2};\n'
                      "/* int no(void) { */\nchar c = '{';\n__attribute__((used)) static int\nyes(int x) {\n"
                      '    char *s = "}";\n    return x;\n}\n')
        self.assertEqual([("yes", 14, 5)], check.functions_of(text))

    def test_plant_blanks(self):
        self.finds("blanks", "core/base/a.c", c_file("int x; "), "blanks")
        self.finds("blanks", "core/base/a.c", c_file("\tint x;"), "tab")
        self.finds("blanks", "core/base/a.c", HEAD + "int x;", "line break")

    def test_plant_banned(self):
        for name in check.BANNED:
            self.finds("banned", "server/db/a.c", c_file(f"void f(void) {{\n    {name} (a, b);\n}}"), name)
        self.allows("banned", "server/db/a.c", c_file("void f(void) {\n    my_strcpy(a); /* gets(x) */\n}"))

    def test_plant_heap(self):
        for name in ("malloc", "calloc", "realloc", "free", "strdup"):
            self.finds("heap", "core/store/a.c", c_file(f"void f(void) {{\n    {name}(x);\n}}"), name)
        self.allows("heap", "server/db/a.c", c_file("void f(void) {\n    free(x);\n}"))
        self.allows("heap", "core/store/a.c", c_file("void f(void) {\n    x_free(x);\n}"))

    def test_plant_state(self):
        for text in ("static int x;", "static int x = 1;", "static const char *x;", "static char x[3] = {1};",
                     "static struct s x = {0};", "void f(void) {\n    static int x;\n}",
                     "static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;", "static _Atomic int x;"):
            self.finds("state", "core/store/a.c", c_file(text), "can change")
        for text in ("static const int x = 1;", "static const char *const x = 0;", "static int f(void);",
                     "static inline int f(void) {\n    return 1;\n}", "static char *f(char *x) {\n    return x;\n}"):
            self.allows("state", "core/store/a.c", c_file(text))

    def test_plant_marks(self):
        for mark in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"):
            self.finds("marks", "core/base/a.c", c_file(f"/* {mark}: later */"))
            self.finds("marks", "README.md", f"{mark} later\n")
        self.allows("marks", "tests/a.c", c_file('char *t = "tmp-XXXX' + 'XX";'))

    def test_plant_includes(self):
        for path, line, words in (
                ("core/base/a.c", '#include "schema/schema.h"', "does not stand on"),
                ("core/merge/a.c", '#include "wire/x.h"', "does not stand on"),
                ("core/sync/a.c", '#include "store/store.h"', "does not stand on"),
                ("core/vault/a.c", '#include "schema/schema.h"', "does not stand on"),
                ("core/base/a.c", '#include "limits.h"', "module/header.h"),
                ("core/base/a.c", '#include "db/db.h"', "module/header.h"),
                ("core/base/a.c", "#include <base/limits.h>", "quotation marks"),
                ("core/merge/a.c", "#include <satchel/device.h>", "for shells"),
                ("core/store/a.c", "#include <satchel/envelope.pb.h>", "wire's own"),
                ("core/odd/a.c", "#include <stdint.h>", "no module"),
                ("core/include/satchel/x.h", '#include "base/limits.h"', "public headers"),
                ("core/include/satchel/x.h", "#include <sys/types.h>", "C library"),
                ("server/db/a.c", '#include "service/x.h"', "does not stand on"),
                ("server/http/a.c", '#include "admin/x.h"', "does not stand on"),
                ("server/odd/a.c", "#include <stdint.h>", "no part"),
                ("server/db/a.c", "#include <satchel/device.h>", "for shells"),
                ("mobile-shims/cli/a.c", '#include "base/limits.h"', "<satchel"),
                ("mobile-shims/cli/a.c", '#include "db/db.h"', "<satchel")):
            self.finds("includes", path, c_file(line), words)
        for module in ("store", "vault", "sync", "sales", "device"):
            self.finds("includes", "server/service/a.c", c_file(f'#include "{module}/x.h"'), "server does not")
        self.allows("includes", "core/device/a.c", c_file('#include "crypto/seal.h"\n#include <satchel/device.h>'))
        self.allows("includes", "core/base/a.c", c_file('/* #include "store/store.h" */'))

    def test_the_table_of_directions_has_no_cycle(self):
        for module in check.MODULES:
            self.assertNotIn(module, check.reachable(module))

    def test_pure_modules_stand_on_pure_ones(self):
        for module in check.PURE:
            self.assertLessEqual(check.reachable(module), set(check.PURE))

    def test_plant_purity(self):
        for line in ("#include <sqlite3.h>", "#include <pthread.h>", "#include <time.h>", "#include <sys/socket.h>",
                     "#include <unistd.h>", "#include <fcntl.h>", "#include <sodium.h>", "#include <threads.h>"):
            self.finds("purity", "core/merge/a.c", c_file(line), "pure module")
        for code in ("FILE *f = 0;", "int x = time(0);", 'int x = printf("a");', "int x = rand();",
                     'char *x = getenv("A");', "void *x = stdout;", "int x = getrandom(0, 0, 0);"):
            self.finds("purity", "core/wire/a.c", c_file("void f(void) {\n    " + code + "\n}"), "pure module")
        self.finds("purity", "core/rules/a.c", c_file("void f(void) {\n    randombytes_buf(0, 0);\n}"), "randomness")
        self.allows("purity", "core/wire/a.c", c_file("#include <stdio.h>\nvoid f(void) {\n    vsnprintf(0, 0, 0);\n"
                                                      "    x->read(0);\n    satchel_time(1);\n}"))
        self.allows("purity", "core/vault/a.c", c_file("#include <pthread.h>"))

    def test_plant_public(self):
        for text in ("int satchel_thing(void);", "SATCHEL_MUST_USE int\nsatchel_thing(int a,\n    int b);",
                     "int satchel_thing(int a) __attribute__((format(printf, 1, 2)));",
                     "static inline int satchel_thing(void) {\n    return 1;\n}",
                     "const char *satchel_thing(void (*call)(int), void *context);"):
            self.finds("public", "core/include/satchel/x.h", header("SATCHEL_X_H", text), "satchel_thing")
        self.allows("public", "core/include/satchel/x.h",
                    header("SATCHEL_X_H", "typedef int (*satchel_thing)(void);\n#define satchel_macro(x) (x)\n"
                                          "struct s {\n    int (*satchel_member)(int);\n};"))

    def test_a_call_in_a_comment_of_a_test_is_no_call(self):
        tree = {**CLEAN, "tests/unit/device/test_device.c": c_file("/* satchel_device_open(0) */")}
        self.assertTrue(check.check_public(check.Tree(tree)))

    def test_plant_limits(self):
        self.finds("limits", "core/base/limits.h", header("SATCHEL_BASE_LIMITS_H", "#define SATCHEL_LIMIT_ROW 8"))

    def test_plant_verbs(self):
        for entry, words in (('X(visit, call, "in C | out", "t")', '"visit in"'),
                             ('X(visit, call, "in C | out", "t")', '"visit out"'),
                             ('X(init, "[--a | --b] | (x | y) | keep ID", "t")', '"init keep"'),
                             ('X(ini, "", "t")', '"ini"'), ('X(user_remove, "ID", "t")', '"user remove"')):
            self.finds("verbs", "mobile-shims/cli/verbs.h", header("V", entry), words)
        self.allows("verbs", "mobile-shims/cli/verbs.h", header("V", 'X(user, f, \\\n "add X [--y|--z]", "t")'))
        self.finds("verbs", "server/verbs.h", header("V", "int x;"), "no verb is found")

    def test_plant_dead(self):
        self.finds("dead", "core/base/unused.h", header("SATCHEL_BASE_UNUSED_H"), "no file includes")
        self.finds("dead", "core/base/deep/a.c", c_file("int x;"), "no source is compiled")
        self.finds("dead", "tests/a.c", c_file("int x;"), "no source is compiled")

    def test_plant_workplace(self):
        self.finds("workplace", "README.md", "see " + "/wo" + "rk/main\n")
        self.finds("workplace", "tests/a.py", "open('" + "/ro" + "ot/x')\n")
        self.finds("workplace", "tests/a.py", "open('/tmp" + "/team/x')\n")
        self.allows("workplace", "tests/a.py", "# SPDX-License-Identifier: Apache-2.0\nopen('/tmp/satchel-test/x')\n")

    def test_plant_top(self):
        self.finds("top", "notes.txt", "x\n", "notes.txt")
        self.finds("top", "src/a.c", c_file("int x;"), "src")

    def test_plant_guards(self):
        self.finds("guards", "core/base/a.h", HEAD + "int x;\n", "guard")
        self.finds("guards", "core/base/a.h", header("SATCHEL_BASE_B_H"), "guard")
        self.finds("guards", "core/base/a.h", header("SATCHEL_BASE_A_H") + "int x;\n", "guard")


class Program(unittest.TestCase):
    def test_a_folder_with_a_violation_ends_with_one(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "core", "base", "a.c")
            path.parent.mkdir(parents=True)
            path.write_text(c_file("int x;"), encoding="utf-8")
            self.assertEqual(0, check.main([folder, "heads", "banned"]))
            path.write_text("int x;\n", encoding="utf-8")
            self.assertEqual(1, check.main([folder, "heads", "banned"]))

    def test_an_unknown_check_is_told(self):
        self.assertEqual(2, check.main(["nonsense"]))


if __name__ == "__main__":
    unittest.main()
