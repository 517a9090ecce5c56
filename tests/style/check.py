#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house rules that a machine can see: lengths, heads, include directions, purity, banned calls, tests for all.

Works on the tracked files of the repository (or on all files of a folder that is no repository). One check is one
function from a Tree to a list of violations; test_check.py plants a violation for each. Does not judge names or prose.

    check.py [FOLDER] [CHECK…]     prints violations, then "N passed, N failed" counted in checks
"""
import ast
import pathlib
import re
import subprocess
import sys

FUNCTION_LINES = 70
SOURCE_LINES = 1000
HEADER_LINES = 300
LINE_COLUMNS = 120
HEAD_LINES = 12  # of text in a file's head comment

# The law of include directions: module → modules that it stands on directly. What these stand on is allowed as well.
MODULES = {
    "base": [],
    "schema": ["base"],
    "query": ["schema"],
    "merge": ["schema"],
    "access": ["schema"],
    "rules": ["schema"],
    "crypto": ["base"],
    "wire": ["schema", "crypto"],
    "sync": ["wire"],
    "vault": ["crypto"],
    "lite": ["wire", "rules"],
    "store": ["vault", "lite", "query", "merge", "wire", "access", "rules", "sync"],
    "sales": ["store", "rules"],
    "device": ["store", "sync", "sales", "vault", "wire", "access", "rules", "merge", "query"],
}
PURE = ["base", "schema", "query", "merge", "access", "rules", "crypto", "wire", "sync"]
FOR_SERVER = ["base", "schema", "query", "merge", "wire", "access", "rules", "crypto", "lite"]
SERVER_PARTS = {
    "db": [], "service": ["db"], "host": ["service", "db"], "http": ["host", "service", "db"],
    "admin": ["host", "service", "db"], "": ["http", "admin", "host", "service", "db"],
}

# Public headers that are vocabulary, not the façade: every module and the server may use them.
VOCABULARY = {"status.h", "types.h", "fields.h", "record.h", "query.h", "model.h"}
FACADE_USERS = {"store", "sales", "device"}
ENVELOPE_USERS = {"wire"}

PURE_SYSTEM_HEADERS = {
    "assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h",
    "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h",
}
PURE_EXTRA_HEADERS = {
    "base": {"sanitizer/asan_interface.h"},
    "crypto": {"sodium.h", "sys/random.h"},
    "wire": {"pb.h", "pb_encode.h", "pb_decode.h", "pb_common.h", "zstd.h", "zstd_errors.h"},
    "sync": {"pb.h", "pb_encode.h", "pb_decode.h"},
}
IMPURE_WORDS = re.compile(
    r"\b(FILE|fopen|fdopen|freopen|printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|fwrite|fread|stdout|stderr|stdin|"
    r"getenv|setenv|time|clock|clock_gettime|gettimeofday|nanosleep|sleep|rand|srand|random|arc4random\w*|getrandom|"
    r"pthread_\w+|thrd_\w+|mtx_\w+|socket|open|close|read|write|unlink|rename|system|exit|abort)\s*(?=\()|\bFILE\b|"
    r"\b(stdout|stderr|stdin)\b")
RANDOM_WORDS = re.compile(r"\brandombytes\w*\s*\(")

BANNED = {
    "strcpy": "copy with a length", "strcat": "build in a satchel_buffer", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "gets": "read with a length", "strtok": "walk the text", "atoi": "satchel_text_to_int",
    "atol": "satchel_text_to_int", "atoll": "satchel_text_to_int", "atof": "satchel_text_to_fixed",
    "alloca": "an arena", "localtime": "base/times.h", "gmtime": "base/times.h", "ctime": "base/times.h",
    "asctime": "base/times.h",
}
HEAP = re.compile(r"\b(malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|vasprintf)\s*\(")
HEAP_OWNER = "core/base/memory.c"
STATE_OWNERS = {"core/base/memory.c"}  # thread-local counters of the tests' switch

TOP_LEVEL = {
    "core", "server", "mobile-shims", "proto", "tests", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md",
    "run",
}
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
WORKPLACE = re.compile(r"(?<![\w.])/(?:work|root|home)/[\w.-]|/tmp/(?!\$|\{|%|satchel|X)[a-z]+/")
COMPILED = [
    r"core/\w+/\w+\.c", r"server/\w+\.c", r"server/(db|service|host|http|admin)/\w+\.c", r"mobile-shims/cli/\w+\.c",
    r"mobile-shims/android/.*\.c", r"mobile-shims/ios/.*\.c",
    r"tests/support/\w+\.c", r"tests/support/\w+/\w+\.c", r"tests/unit/\w+/\w+\.c",
    r"tests/(integration|bench)/\w+\.c", r"tests/(integration|bench)/support/\w+\.c",
    r"tests/(access|sim|fault|fuzz)/.*\.c", r"tests/fixtures/\w+\.c",
]
VERB_TABLES = ["mobile-shims/cli/verbs.h", "server/verbs.h"]


class Tree:
    """Paths (with forward slashes) and their texts; binary files have no text."""

    def __init__(self, texts, paths=None):
        self.texts = texts
        self.paths = sorted(set(paths if paths is not None else []) | set(texts))

    def matching(self, pattern):
        compiled = re.compile(pattern)
        return [(path, self.texts[path]) for path in self.paths if path in self.texts and compiled.fullmatch(path)]

    def sources(self, *suffixes):
        return [(path, text) for path, text in self.texts.items() if path.endswith(suffixes)]


def load(folder):
    listing = subprocess.run(["git", "-C", str(folder), "ls-files", "-z"], capture_output=True, check=False)
    if listing.returncode == 0:
        paths = [path for path in listing.stdout.decode().split("\0") if path]
    else:
        paths = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    texts = {}
    for path in paths:
        try:
            texts[path] = (folder / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return Tree(texts, [path for path in paths if (folder / path).exists()])


# ---- reading C ----

TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def without_comments(text, keep_strings=False):
    """The same text with comments blanked and, unless kept, the insides of strings; lines stay where they are."""

    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token if keep_strings else token[0] + token[-1]

    return TOKEN.sub(blank, text)


def code_of(text):
    """Code without comments, strings, preprocessor lines and what is for C++ only."""
    text = without_comments(text)
    text = re.sub(r"^[ \t]*#[ \t]*ifdef[ \t]+__cplusplus.*?^[ \t]*#[ \t]*endif",
                  lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S | re.M)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def name_before_arguments(head):
    """The identifier in front of the parentheses that end a function's head."""
    depth, at = 0, len(head.rstrip()) - 1
    while at >= 0:
        depth += {")": 1, "(": -1}.get(head[at], 0)
        if depth == 0:
            break
        at -= 1
    name = re.search(r"(\w+)\s*$", head[:max(at, 0)])
    return name.group(1) if name else "?"


def functions_of(text):
    """(name, first line, lines) of each function body at file level; TEST bodies too."""
    code = code_of(text)
    found, depth, statement = [], 0, 0
    for match in re.finditer(r"[{};]", code):
        char, at = match.group(0), match.start()
        if char == "{":
            if depth == 0:
                head = code[statement:at]
                start = statement + len(head) - len(head.lstrip())
                is_function = head.rstrip().endswith(")") and "=" not in head
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                if is_function:
                    first = line_of(code, start)
                    found.append((name_before_arguments(head), first, line_of(code, at) - first + 1))
                statement = at + 1
        elif depth == 0:
            statement = at + 1
    return found


def includes_of(text):
    """(line, form, path): form is '<' or '"'."""
    code = without_comments(text, keep_strings=True)
    return [(line_of(code, m.start()), m.group(1), m.group(2))
            for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', code, re.M)]


def c_files(tree):
    return tree.sources(".c", ".h")


def own_c_files(tree, *folders):
    return [(path, text) for path, text in c_files(tree) if path.split("/")[0] in folders]


# ---- the checks ----

def check_heads(tree):
    """Every source begins with the licence line; a C file goes on with a comment of what it is."""
    bad = []
    for path, text in sorted(tree.texts.items()):
        name = path.rsplit("/", 1)[-1]
        if path.endswith((".c", ".h")):
            lines = text.split("\n")
            if lines[0] != "/* SPDX-License-Identifier: Apache-2.0 */":
                bad.append(f"{path}:1: the first line is not the licence line")
                continue
            head = re.match(r"[^\n]*\n/\*\n(.*?)\*/", text, re.S)
            count = head.group(1).count("\n") if head else 0
            if not 1 <= count <= HEAD_LINES:
                bad.append(f"{path}:2: a comment of 1 to {HEAD_LINES} lines must say what the file is")
        elif path.endswith((".py", ".proto", ".sh", ".java", ".m", ".swift", ".js", ".css")) or name in (
                "CMakeLists.txt", "run"):
            if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(text.split("\n")[:3]):
                bad.append(f"{path}:1: no licence line among the first three")
    return bad


def check_lengths(tree):
    bad = []
    for path, text in tree.sources(".c", ".h", ".py", ".proto", ".java", ".m", ".swift", ".js"):
        lines = text.split("\n")
        limit = HEADER_LINES if path.endswith(".h") else SOURCE_LINES
        if not path.endswith(".proto") and len(lines) - 1 > limit:
            bad.append(f"{path}: {len(lines) - 1} lines, at most {limit}")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS:
                bad.append(f"{path}:{number}: {len(line)} columns, at most {LINE_COLUMNS}")
    for path, text in c_files(tree):
        for name, line, count in functions_of(text):
            if count > FUNCTION_LINES:
                bad.append(f"{path}:{line}: {name} has {count} lines, at most {FUNCTION_LINES}")
    return bad + python_lengths(tree)


def python_lengths(tree):
    bad = []
    for path, text in tree.sources(".py"):
        try:
            module = ast.parse(text)
        except SyntaxError as error:
            bad.append(f"{path}:{error.lineno}: {error.msg}")
            continue
        for node in ast.walk(module):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                count = node.end_lineno - node.lineno + 1
                if count > FUNCTION_LINES:
                    bad.append(f"{path}:{node.lineno}: {node.name} has {count} lines, at most {FUNCTION_LINES}")
    return bad


def check_blanks(tree):
    """No tabs, no blanks at the end of a line, a line break at the end of a file."""
    bad = []
    for path, text in tree.sources(".c", ".h", ".py", ".proto", ".txt", ".json", ".java", ".m", ".swift", ".js"):
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                bad.append(f"{path}:{number}: blanks at the end of the line")
            elif "\t" in line:
                bad.append(f"{path}:{number}: a tab")
        if text and not text.endswith("\n"):
            bad.append(f"{path}: no line break at the end")
    return bad


def check_banned(tree):
    bad = []
    pattern = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(")
    for path, text in c_files(tree):
        code = without_comments(text)
        for match in pattern.finditer(code):
            name = match.group(1)
            bad.append(f"{path}:{line_of(code, match.start())}: {name} is banned: {BANNED[name]}")
    return bad


def check_heap(tree):
    """All memory of the core comes from base/memory.h, so that tests can make each allocation fail."""
    bad = []
    for path, text in own_c_files(tree, "core"):
        if path == HEAP_OWNER:
            continue
        code = without_comments(text)
        for match in HEAP.finditer(code):
            bad.append(f"{path}:{line_of(code, match.start())}: {match.group(1)}: use base/memory.h")
    return bad


def check_state(tree):
    """No static variable of the core can change."""
    bad = []
    for path, text in own_c_files(tree, "core"):
        if path in STATE_OWNERS:
            continue
        code = code_of(text)
        for match in re.finditer(r"(?:(?<=[;{}\n])|^)[ \t]*static\b([^;={(]*)([;={(])", code):
            words, end = match.groups()
            is_type = re.search(r"\b(struct|union|enum)\s+\w+\s*$", words)
            if end == "(" or re.match(r"\s*_Static_assert", words) or is_type:
                continue
            constant = "const" in (words.rsplit("*", 1)[1] if "*" in words else words)
            if not constant:
                at = match.start() + len(match.group(0)) - len(match.group(0).lstrip())
                bad.append(f"{path}:{line_of(code, at)}: a static variable that can change: {' '.join(words.split())}")
    return bad


def check_marks(tree):
    bad = []
    for path, text in sorted(tree.texts.items()):
        for number, line in enumerate(text.split("\n"), 1):
            if MARKS.search(line):
                bad.append(f"{path}:{number}: unfinished work is done or said in a document: {line.strip()[:60]}")
    return bad


def reachable(module):
    seen, todo = set(), list(MODULES[module])
    while todo:
        other = todo.pop()
        if other not in seen:
            seen.add(other)
            todo += MODULES[other]
    return seen


def core_include(module, form, target):
    """Why the module must not include the target, or None."""
    folder, _, name = target.partition("/")
    if form == "<" and folder == "satchel":
        if name.endswith(".pb.h"):
            return None if module in ENVELOPE_USERS else "envelopes are wire's own"
        return None if name in VOCABULARY or module in FACADE_USERS else "the façade's headers are for shells"
    if form == "<":
        return None if folder not in MODULES else "headers of modules stand in quotation marks"
    if folder == "satchel":
        return "write <satchel/header.h>"
    if folder not in MODULES or not name:
        return 'write "module/header.h"'
    if folder != module and folder not in reachable(module):
        return f"{module} does not stand on {folder}"
    return None


def server_include(part, form, target):
    folder, _, name = target.partition("/")
    if form == "<":
        return None if folder != "satchel" or name in VOCABULARY else "the façade's headers are for shells"
    if folder in MODULES and name:
        return None if folder in FOR_SERVER else f"the server does not stand on {folder}"
    if folder == "satchel":
        return "write <satchel/header.h>"
    if target == "verbs.h":
        return None
    if not name:
        return None if part == "" else 'write "part/header.h"'
    return None if folder == part or folder in SERVER_PARTS[part] else f"server/{part} does not stand on {folder}"


def shim_include(form, target):
    folder = target.split("/")[0]
    if form == '"' and (folder in MODULES or folder in tuple(SERVER_PARTS)):
        return "shells see <satchel/…> only"
    return None


def check_includes(tree):
    bad = []
    for path, text in own_c_files(tree, "core", "server", "mobile-shims"):
        parts = path.split("/")
        for line, form, target in includes_of(text):
            if parts[0] == "core" and parts[1] == "include":
                why = None if form == "<" else "public headers include <satchel/…>"
                if form == "<" and "/" in target and not target.startswith("satchel/"):
                    why = "public headers stand on the C library alone"
            elif parts[0] == "core":
                why = core_include(parts[1], form, target) if parts[1] in MODULES else "this folder is no module"
            elif parts[0] == "server":
                part = parts[1] if len(parts) > 2 else ""
                why = server_include(part, form, target) if part in SERVER_PARTS else "this folder is no part"
            else:
                why = shim_include(form, target)
            if why:
                bad.append(f"{path}:{line}: {target}: {why}")
    return bad


def check_purity(tree):
    """Pure modules know no database, socket, clock, thread, file or randomness."""
    bad = []
    for path, text in own_c_files(tree, "core"):
        module = path.split("/")[1]
        if module not in PURE:
            continue
        allowed = PURE_SYSTEM_HEADERS | PURE_EXTRA_HEADERS.get(module, set())
        for line, form, target in includes_of(text):
            if form == "<" and not target.startswith("satchel/") and target not in allowed:
                bad.append(f"{path}:{line}: <{target}> in a pure module")
        code = code_of(text)
        for match in IMPURE_WORDS.finditer(code):
            before = code[:match.start()].rstrip()[-2:]
            drawn = module == "crypto" and match.group(1) == "getrandom"
            if not before.endswith((".", "->")) and not drawn:
                bad.append(f"{path}:{line_of(code, match.start())}: {match.group(0).strip()} in a pure module")
        if module != "crypto" and (match := RANDOM_WORDS.search(code)):
            bad.append(f"{path}:{line_of(code, match.start())}: randomness is an input, only crypto draws it")
    return bad


def public_functions(tree):
    """name → path:line of each function that a public header declares."""
    found = {}
    for path, text in tree.matching(r"core/include/satchel/\w+\.h"):
        code = code_of(text)
        for match in re.finditer(r"\b(satchel_\w+)\s*\((?!\*)[^;{]*\)[^;{()]*(?:\([^;{]*\)\s*\)?)?\s*[;{]", code):
            line_start = code.rfind("\n", 0, match.start()) + 1
            before = code[line_start:match.start()]
            if re.match(r"\s*typedef\b", before) or "=" in before or re.search(r"[(,]\s*$", before):
                continue
            found.setdefault(match.group(1), f"{path}:{line_of(code, match.start())}")
    return found


def check_public(tree):
    """Every public function has a test that calls it."""
    tests = "\n".join(without_comments(text) for path, text in own_c_files(tree, "tests"))
    called = set(re.findall(r"\b(satchel_\w+)\s*\(", tests))
    return [f"{place}: no test calls {name}" for name, place in sorted(public_functions(tree).items())
            if name not in called]


def check_limits(tree):
    """Every named limit is named in a test."""
    tests = "\n".join(text for path, text in own_c_files(tree, "tests"))
    bad = []
    for path, text in tree.matching(r"core/base/limits\.h"):
        for match in re.finditer(r"^#define (SATCHEL_LIMIT_\w+)", text, re.M):
            if not re.search(rf"\b{match.group(1)}\b", tests):
                bad.append(f"{path}:{line_of(text, match.start())}: no test names {match.group(1)}")
    return bad


def verbs_of(text):
    """The commands of a table with entries X(verb, …, "arguments", "text"): ["user add", "user list", "serve", …].

    Alternatives of the arguments stand between " | "; one that begins with a plain word is a command of its own.
    """
    lines = without_comments(text, keep_strings=True)
    code = lines.replace("\\\n", "  ")  # as long as before, so that offsets stay
    found = []
    for match in re.finditer(r'\bX\(\s*(\w+)\s*,[^"()]*"((?:[^"\\]|\\.)*)"', code):
        verb, line = match.group(1).replace("_", " "), line_of(lines, match.start())
        flat = match.group(2)
        while re.search(r"\([^()]*\)|\[[^\[\]]*\]", flat):  # alternatives inside brackets are of options
            flat = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", flat)
        for alternative in flat.split(" | "):
            word = re.match(r"\s*([a-z][a-z-]*)(?![\w=])", alternative)
            found.append((line, f"{verb} {word.group(1)}" if word else verb))
    return found


def check_verbs(tree):
    """Every command of satchel and satcheld is used by a test."""
    tests = "\n".join(text for path, text in tree.texts.items() if path.startswith("tests/"))
    bad = []
    for path in VERB_TABLES:
        verbs = verbs_of(tree.texts.get(path, ""))
        if path in tree.texts and not verbs:
            bad.append(f"{path}: no verb is found; entries are X(verb, …, \"arguments\", \"text\")")
        for line, verb in verbs:
            words = r"""["',\s]+(?:--[\w-]+["',\s]+)*""".join(rf"{re.escape(word)}(?![\w-])" for word in verb.split())
            if not re.search(rf"""(?:["']|\bsatcheld?\s+(?:-\S+\s+)*){words}""", tests):
                bad.append(f"{path}:{line}: no test uses \"{verb}\"")
    return bad


def check_dead(tree):
    """Every header is included, every source is compiled."""
    included = set()
    for path, text in c_files(tree):
        folder = path.rsplit("/", 1)[0]
        for _, _, target in includes_of(text):
            included |= {target, f"{folder}/{target}"}
    bad = []
    for path, _ in c_files(tree):
        if path.endswith(".h"):
            tails = [path[i + 1:] for i, char in enumerate(path) if char == "/"]
            if not included & set(tails + [path]):
                bad.append(f"{path}: no file includes it")
        elif not any(re.fullmatch(pattern, path) for pattern in COMPILED):
            bad.append(f"{path}: lies where no source is compiled")
    return bad


def check_workplace(tree):
    """No tracked file tells where it was made."""
    bad = []
    for path, text in sorted(tree.texts.items()):
        for number, line in enumerate(text.split("\n"), 1):
            if not path.startswith("tests/style/") and WORKPLACE.search(line):
                bad.append(f"{path}:{number}: a path of one machine: {line.strip()[:80]}")
    return bad


def check_top(tree):
    bad = []
    for name in sorted({path.split("/")[0] for path in tree.paths}):
        if name not in TOP_LEVEL and not name.startswith("."):
            bad.append(f"{name}: does not belong at the top of the tree")
    return bad


def check_guards(tree):
    """Headers have a guard made of their path."""
    bad = []
    for path, text in tree.sources(".h"):
        match = re.search(r"^#ifndef (SATCHEL_\w+_H)\n#define \1$", text, re.M)
        stem = re.sub(r"\W", "_", path.rsplit("/", 1)[-1]).upper()
        if not match or not match.group(1).endswith(stem) or not text.rstrip().endswith("#endif"):
            bad.append(f"{path}: no guard SATCHEL_…_{stem} around all of it")
    return bad


CHECKS = {
    "heads": check_heads, "lengths": check_lengths, "blanks": check_blanks, "banned": check_banned,
    "heap": check_heap, "state": check_state, "marks": check_marks, "includes": check_includes,
    "purity": check_purity, "public": check_public, "limits": check_limits, "verbs": check_verbs,
    "dead": check_dead, "workplace": check_workplace, "top": check_top, "guards": check_guards,
}


def main(arguments):
    folder = pathlib.Path(__file__).resolve().parents[2]
    if arguments and pathlib.Path(arguments[0]).is_dir():
        folder = pathlib.Path(arguments.pop(0))
    unknown = [name for name in arguments if name not in CHECKS]
    if unknown:
        print(f"no such check: {' '.join(unknown)}; there are {' '.join(CHECKS)}", file=sys.stderr)
        return 2
    tree = load(folder)
    passed, failed = 0, 0
    for name in arguments or CHECKS:
        bad = CHECKS[name](tree)
        for violation in bad:
            print(f"{name}: {violation}")
        passed, failed = passed + (not bad), failed + bool(bad)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
