#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Java from the C headers: statuses, exception classes, enumerations, limits and the numbers of the model.

So each of them is said once, in C. Reads satchel/*.h and the generated satchel/model.h; what it does not understand is
an error, not a gap.

    generate.py HEADERS MODEL_H OUT     writes OUT/*.java and their list for javac, OUT/sources
"""
import pathlib
import re
import sys

# C enumeration → Java name; the values' common prefix is dropped.
ENUMS = {
    "satchel_compare": "Compare", "satchel_reason_kind": "ReasonKind", "satchel_step_kind": "StepKind",
    "satchel_store_cipher": "StoreCipher", "satchel_device_warning": "Warning", "satchel_field_type": "FieldType",
    "satchel_audit_finding": "AuditFinding", "satchel_change_kind": "ChangeKind",
    "satchel_command_kind": "CommandKind", "satchel_command_state": "CommandState",
    "satchel_resolution": "Resolution",
}
CONSTANT_PREFIX = "SATCHEL_"
HEAD = """// SPDX-License-Identifier: Apache-2.0
// Made from {source} by generate.py: change that instead.
package satchel;

"""


def fail(message):
    sys.exit(f"generate.py: {message}")


def capital(name):
    return "".join(word.capitalize() for word in name.split("_"))


def comment_text(text):
    return " ".join(text.split())


def status_classes(text):
    """[(name, number, comment)] of satchel_status_class."""
    found = re.findall(r"SATCHEL_CLASS_(\w+) = (\d+),?\s*/\*(.*?)\*/", text, re.S)
    return [(name, int(number), comment_text(comment)) for name, number, comment in found] or fail("no status class")


def status_table(text):
    found = re.findall(r'X\((\w+), (\d+), (\w+), ("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")\)', text)
    return [(name, int(number), kind, en, zh) for name, number, kind, en, zh in found] or fail("no status")


def write_statuses(out, text):
    rows = status_table(text)
    lines = [f"    {name}({number}, StatusClass.{kind}, {en}, {zh})," for name, number, kind, en, zh in rows]
    body = "\n".join(lines)
    out("Status", "satchel/status.h", f'''/** Everything that can go wrong or be refused. */
public enum Status {{
{body}
    /** A number that this version does not know. */
    UNKNOWN(-1, StatusClass.FATAL, "unknown failure", "未知错误");

    private final int number;
    private final StatusClass statusClass;
    private final String english;
    private final String chinese;

    Status(int number, StatusClass statusClass, String english, String chinese) {{
        this.number = number;
        this.statusClass = statusClass;
        this.english = english;
        this.chinese = chinese;
    }}

    public int number() {{
        return number;
    }}

    public StatusClass statusClass() {{
        return statusClass;
    }}

    /** A plain sentence for a user; a language that begins with "zh" gives Chinese, everything else English. */
    public String text(String language) {{
        return language != null && language.startsWith("zh") ? chinese : english;
    }}

    public static Status of(int number) {{
        for (Status status : values()) {{
            if (status.number == number) {{
                return status;
            }}
        }}
        return UNKNOWN;
    }}

    /** An exception of the class that belongs to this status. */
    public SatchelException exception(String detail) {{
        return statusClass.exception(this, number, 0, 0, detail);
    }}
}}
''')


def write_classes(out, text):
    classes = status_classes(text)
    constants, cases = [], []
    for name, number, comment in classes:
        constants.append(f"    /** {comment}. */\n    {name}({number})")
        if name == "OK":
            continue
        kind = capital(name) + "Exception"
        cases.append(f"            case {name}:\n"
                     f"                return new {kind}(status, number, entity, field, detail);")
        out(kind, "satchel/status.h", f'''/** What a caller can do: {comment}. */
public class {kind} extends SatchelException {{
    private static final long serialVersionUID = 1L;

    {kind}(Status status, int number, int entity, int field, String detail) {{
        super(status, number, entity, field, detail);
    }}
}}
''')
    constant_text, case_text = ",\n".join(constants), "\n".join(cases)
    out("StatusClass", "satchel/status.h", f'''/** What a caller can do about a status. */
public enum StatusClass {{
{constant_text};

    private final int number;

    StatusClass(int number) {{
        this.number = number;
    }}

    public int number() {{
        return number;
    }}

    SatchelException exception(Status status, int number, int entity, int field, String detail) {{
        switch (this) {{
{case_text}
            default:
                throw new IllegalArgumentException("no failure: " + status);
        }}
    }}
}}
''')


def write_enum(out, headers, c_name, java_name):
    for source, text in headers.items():
        match = re.search(rf"typedef enum {c_name} \{{(.*?)\}} {c_name};", text, re.S)
        if match:
            break
    else:
        fail(f"no enumeration {c_name}")
    values = re.findall(r"(SATCHEL_\w+) = (\d+),?\s*(?:/\*(.*?)\*/)?", match.group(1), re.S)
    first = [name.split("_") for name, _, _ in values]
    common = 0
    while all(len(words) > common + 1 and words[common] == first[0][common] for words in first):
        common += 1
    lines = []
    for name, number, comment in values:
        if comment:
            lines.append(f"    /** {comment_text(comment)} */")
        lines.append(f"    {'_'.join(name.split('_')[common:])}({number}),")
    body = "\n".join(lines)[:-1]
    out(java_name, f"satchel/{source}", f'''/** As {c_name}. */
public enum {java_name} {{
{body};

    private final int number;

    {java_name}(int number) {{
        this.number = number;
    }}

    public int number() {{
        return number;
    }}

    static {java_name} of(int number) {{
        for ({java_name} value : values()) {{
            if (value.number == number) {{
                return value;
            }}
        }}
        throw new IllegalArgumentException("{java_name} " + number);
    }}
}}
''')


def write_constants(out, java_name, what, source, text):
    found = re.findall(rf"^#define {CONSTANT_PREFIX}(\w+) (\d+)u?(?:\s|$)", text, re.M)
    if not found:
        fail(f"no numbers in {source}")
    lines = "\n".join(f"    public static final int {name} = {number};" for name, number in found)
    out(java_name, source, f'''/** {what} */
public final class {java_name} {{
{lines}

    private {java_name}() {{
    }}
}}
''')


def main(headers_folder, model, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    headers = {path.name: path.read_text(encoding="utf-8")
               for path in sorted(pathlib.Path(headers_folder).glob("*.h")) if path.name != "model.h"}

    written = []

    def out(name, source, text):
        path = folder / f"{name}.java"
        path.write_text(HEAD.format(source=source) + text, encoding="utf-8")
        written.append(str(path))

    write_statuses(out, headers["status.h"])
    write_classes(out, headers["status.h"])
    for c_name, java_name in ENUMS.items():
        write_enum(out, headers, c_name, java_name)
    write_constants(out, "Limits", "Named limits and bits of the public headers.", "satchel/*.h",
                    "\n".join(headers.values()))
    write_constants(out, "Model", "Numbers of entities, fields, groups and choices.", "proto/satchel/model.proto",
                    pathlib.Path(model).read_text(encoding="utf-8"))
    (folder / "sources").write_text("\n".join(f'"{path}"' for path in written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        fail("HEADERS MODEL_H OUT")
    main(*sys.argv[1:])
