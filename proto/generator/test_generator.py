#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The generator: its output for a small model is as kept in golden/, and every broken description is refused.

    test_generator.py            runs the tests
    test_generator.py --write    writes golden/ anew, to be read before it is committed
"""
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent
GOLDEN = HERE / "golden"
MADE = {"satchel/model.h": "small_model.h.txt", "satchel_model_table.c": "small_table.c.txt"}


def generate(text):
    """Runs protoc with the plugin over a model. Gives exit code, messages and the files made by name."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "in")
        target = pathlib.Path(folder, "out")
        source.mkdir()
        target.mkdir()
        (source / "small.proto").write_text(text, encoding="utf-8")
        run = subprocess.run(
            ["protoc", "-I", str(PROTO), "-I", str(source), "--satchel_out=%s" % target,
             "--plugin=protoc-gen-satchel=%s" % (HERE / "protoc-gen-satchel"), "small.proto"],
            capture_output=True, text=True, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"), check=False)
        files = {name: (target / name).read_text(encoding="utf-8") for name in MADE if (target / name).exists()}
        return run.returncode, run.stderr, files


def load_plugin():
    loader = SourceFileLoader("protoc_gen_satchel", str(HERE / "protoc-gen-satchel"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def judge(plugin, text):
    """What protoc or, within this process, the plugin says of a model; "" if both take it."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "small.proto").write_text(text, encoding="utf-8")
        run = subprocess.run(
            ["protoc", "-I", str(PROTO), "-I", folder, "--include_imports", "--descriptor_set_out=/dev/stdout",
             "small.proto"], capture_output=True, check=False)
    if run.returncode != 0:
        return run.stderr.decode("utf-8")
    files = descriptor_pb2.FileDescriptorSet.FromString(run.stdout).file
    answer = plugin.answer(plugin_pb2.CodeGeneratorRequest(file_to_generate=["small.proto"], proto_file=files))
    return answer.error


def small():
    return (GOLDEN / "small.proto").read_text(encoding="utf-8")


# What is done to the small model (old text, new text) and the sentence that must come back.
BREACHES = [
    # protoc's own
    ("owner = 3", "owner = 2", 'Field number 2 has already been used in "small.Customer"'),
    ("PHASE_RUNNING = 2", "PHASE_RUNNING = 1", "uses the same enum value"),
    # the model and its entities
    ("option (satchel.schema) = {version: 3};", "", "the file: option (schema) with a version is missing"),
    ("number: 30 plural", "number: 2 plural", "user: big_order has the same number (2)"),
    ("number: 31 plural", "number: 256 plural", "device: an entity's number must be 1 … 255, not 256"),
    ('plural: "users"', 'plural: "devices"', "device: user has the same plural (devices)"),
    ('plural: "users" ', "", "user: a plural in lower snake case is missing"),
    ('plural: "users"', 'plural: "Users"', "user: a plural in lower snake case is missing"),
    ('en: "User" zh: "用户" title', 'en: "User" title', "user: a label is missing (en, zh)"),
    ("fact: true", "fact: true archive: true", "order_note: a fact is neither archived nor deleted"),

        ("message OrderNote {\n  option (satchel.entity) = {\n    number: 3 plural: \"order_notes\" en: \"Note\" "
     "zh: \"备注\" root: \"big_order\" root_field: \"order\" fact: true\n  };", "message OrderNote {",
     "OrderNote.order: a field with options in a message without (entity)"),
    # common fields
    ("optional bytes created_by = 902;", "", "customer: the common field created_by = 902 is missing or different"),
    ("optional uint64 revision = 907;", "optional uint32 revision = 907;",
     "customer: the common field revision = 907 is missing or different"),
    ("optional bool deleted = 906;", "bool deleted = 906;",
     "customer: the common field deleted = 906 is missing or different"),
    ("repeated CustomValue custom = 900;", "optional CustomValue custom = 900;",
     "customer: the common field custom = 900 is missing or different"),
    ("optional bool gone = 13", "optional bool gone = 908", "customer.gone: numbers 900 … 999 are for common fields"),
    ("optional bool gone = 13", "optional bool gone = 1000", "customer.gone: numbers above 999 are for custom fields"),
    # names, labels, types
    ("optional bool gone", "optional bool Gone", "customer.Gone: a field's name is lower snake case"),
    ('{en: "Gone" zh: "离开" write: CREATOR}', '{en: "Gone" zh: "离开" write: CREATOR rules_since: 4}',
     "customer.gone: rules_since is a release to come"),
    ('{en: "Gone" zh: "离开" write: CREATOR}', '{en: "Gone" write: CREATOR}',
     "customer.gone: a label is missing (en, zh)"),
    ('optional bool gone = 13 [(satchel.field) = {en: "Gone" zh: "离开" write: CREATOR}];', "optional bool gone = 13;",
     "customer.gone: a label is missing (en, zh)"),
    ("optional bool gone", "bool gone", "customer.gone: scalars are optional, so that absent is not zero"),
    ("optional bool gone", "optional float gone", "customer.gone: this wire type has no meaning here"),
    ("optional bool gone", "optional fixed32 gone", "customer.gone: this wire type has no meaning here"),
    ("optional bool gone", "repeated bool gone", "customer.gone: this wire type has no meaning here"),
    ("optional bool gone", "optional User gone", "customer.gone: this wire type has no meaning here"),
    ("optional int64 seen_at", "optional uint64 seen_at", "customer.seen_at: a time is an int64"),
    ('zh: "离开" write: CREATOR', 'zh: "离开" meaning: ID', "customer.gone: an id is bytes"),
    # limits
    ("merge: ASK required: true max_len: 300", "merge: ASK required: true",
     "customer.name: max_len must be given, 1 … 65536"),
    ("max_len: 300", "max_len: 65537", "customer.name: max_len must be given, 1 … 65536"),
    ("max_len: 40", "max_len: 257", "customer.phones: max_len must be given, 1 … 256"),
    ('zh: "数据" max_len: 65536', 'zh: "数据"', "customer.blob: max_len must be given, 1 … 65536"),
    ('zh: "离开"', 'zh: "离开" max_len: 3', "customer.gone: max_len is for text and bytes"),
    ('zh: "离开"', 'zh: "离开" min: 0', "customer.gone: min and max are for integers and times"),
    ('zh: "心情"', 'zh: "心情" max: 1', "customer.mood: min and max are for integers and times"),
    ("min: -900000000 max: 900000000", "min: 1 max: 0", "customer.latitude_e7: min is above max"),
    ("max: 900000000", "max: 2147483648", "customer.latitude_e7: min or max lies outside the wire type"),
    ('pattern: "phone"', 'pattern: "fax"', 'customer.phones: unknown pattern "fax"'),
    ('zh: "离开"', 'zh: "离开" pattern: "url"', "customer.gone: a pattern is for text"),
    ('zh: "离开"', 'zh: "离开" search: EXACT', "customer.gone: search is for text"),
    ("write: MANAGER ref", "search: TEXT ref", "customer.friends: search is for text"),
    # units
    ('zh: "名称"', 'zh: "名称" unit: METRES', "customer.name: a unit is for integers"),
    ('zh: "见过" merge: MAX meaning: TIME', 'zh: "见过" unit: DAYS', "customer.seen_at: a calendar day is a sint32"),
    ("optional sint64 fee_minor", "optional sint64 fee", "order_note.fee: a field of unit MONEY ends with _minor"),
    ('zh: "积分"', 'zh: "积分" unit: METRES', "customer.points: a field of unit METRES ends with _m"),
    ("optional string currency", "optional string currency_code",
     "order_note.fee_minor: money needs a text field currency in its entity or in the root"),
    # policies
    ("zh: \"电话\"", "zh: \"电话\" merge: LATER",
     "customer.phones: a repeated field merges by SET, SERVER or ONCE, not LATER"),
    ('zh: "离开"', 'zh: "离开" merge: SET', "customer.gone: SET is for repeated fields"),
    ("merge: STRICT", "merge: STATE", "customer.mood: STATE needs an enum whose choices have next"),
    ('zh: "离开"', 'zh: "离开" merge: STRICT', "customer.gone: STRICT needs an enum"),
    ("optional sint64 points", "optional int64 points", "customer.points: SUM needs sint32 or sint64"),
    ("merge: ASK required", "merge: SUM required", "customer.name: SUM needs sint32 or sint64"),
    ("merge: ASK required", "merge: MAX required", "customer.name: MAX needs a number or a time"),
    ("merge: STRICT", "merge: MIN", "customer.mood: MIN needs a number or a time"),
    ("merge: SERVER ref", "merge: SERVER write: OWNER ref",
     "customer.owner: a SERVER field is written by the server only"),
    ('zh: "费用"', 'zh: "费用" merge: LATER',
     "order_note.fee_minor: a fact is never edited, so its fields are ONCE or SERVER"),
    ("derived: true", "merge: ASK derived: true", "big_order.total_minor: a derived field has no policy of its own"),
    ("derived: true", "required: true derived: true", "big_order.total_minor: a derived field is not required"),
    # references and links
    ('write: MANAGER ref: "user"', 'write: MANAGER ref: "usr"', 'customer.friends: refers to the unknown entity "usr"'),
    ('zh: "离开"', 'zh: "离开" ref: "user"', "customer.gone: a reference is bytes"),
    ('owner: "owner"', 'owner: "name"', 'customer: owner must name an id field that refers to user, not "name"'),
    ('anchor: "customer"', 'anchor: "client"',
     'big_order: anchor must name an id field that refers to customer, not "client"'),
    ('title: "name" archive', 'title: "mood" archive', 'customer: title must name a text field, not "mood"'),
    ('root: "big_order" root_field: "order"', 'root: "big_order"', "order_note: root and root_field come together"),
    ('root: "big_order"', 'root: "order"', 'order_note: unknown root "order"'),
    ('root_field: "order"', 'root_field: "fee_minor"',
     "order_note: root_field must name an id field that refers to big_order"),
    ('zh: "用户" title: "name"', 'zh: "用户" title: "name" root: "order_note" root_field: "id"',
     "user: its root order_note has a root itself"),
    ("number: 3 plural", "number: 200 plural", None),
    ("number: 2 plural", "number: 4 plural", "order_note: its number must be above that of its root big_order"),
    ("fact: true", "fact: true company: true", "order_note: company and server_only must be as in its root big_order"),
    # groups
    ('ONCE_THEN_ASK group: "place"\n', 'LATER group: "place"\n',
     "customer, group place: mixed policies (LATER, ONCE_THEN_ASK)"),
    ('group: "place" unit', 'group: "place" sensitivity: PERSONAL unit',
     "customer, group place: mixed classes (OPEN, PERSONAL)"),
    ('group: "place" unit', 'group: "place" write: MANAGER unit',
     "customer, group place: mixed writers (ANY_EDITOR, MANAGER)"),
    ('group: "place" unit', "unit", "customer, group place: a group has two members or more"),
    ('write: CREATOR', 'group: "spot"', 'customer.gone: unknown group "spot"'),
    ('merge: SUM', 'merge: SUM group: "place"', "customer.points: a SUM field cannot be in a group"),
    ("{number: 7 name: \"place\"}", "{number: 256 name: \"place\"}",
     "customer, group place: the number must be 1 … 255"),
    ('{number: 7 name: "place"}', '{number: 7 name: "place"}, {number: 7 name: "x"}',
     "customer: two groups have one number or name"),
    # choices
    ('MOOD_GOOD = 1 [(satchel.choice) = {en: "Good \\"quoted\\"" zh: "好"}]', "MOOD_GOOD = 1",
     "Mood.MOOD_GOOD: a label is missing (en, zh)"),
    ("MOOD_BAD = 63", "MOOD_BAD = 64", "Mood.MOOD_BAD: a choice must be 1 … 63, not 64"),
    ("MOOD_BAD = 63", "MOOD_BAD = -1", "Mood.MOOD_BAD: a choice must be 1 … 63, not -1"),
    ("MOOD_BAD", "BAD_MOOD", "Mood.BAD_MOOD: the name must begin with MOOD_"),
    ("MOOD_UNSET", "MOOD_NONE", "Mood: value 0 must be MOOD_UNSET, without options"),
    ('zh: "好"', 'zh: "好" rank: 1', "Mood.MOOD_GOOD: next, rank, rank_field and initial are for enums of STATE fields"),
    ('next: ["running", "done"]', 'next: ["runing", "done"]',
     'Phase.PHASE_OPEN: next names the unknown state "runing"'),
    ("initial: true", "", "Phase: a state enum has exactly one initial state, not 0"),
    ('next: ["open", "done", "dropped"]', 'next: ["open", "done", "dropped"] initial: true',
     "Phase: a state enum has exactly one initial state, not 2"),
    ('next: ["open", "done", "dropped"]', 'next: ["open"]', "Phase: dropped cannot be reached from the initial state"),
    ('next: ["open", "done", "dropped"]', 'next: ["open", "running", "dropped"]',
     "Phase.PHASE_RUNNING: a state does not follow itself"),
    ('next: ["open", "done", "dropped"]', "", "Phase.PHASE_RUNNING: a state without next needs a rank"),
    ("rank: 1 server_only", 'rank: 1 next: "open" server_only',
     "Phase.PHASE_DROPPED: a terminal state (rank > 0) has no next"),
    ("rank: 1 server_only", "rank: -1 server_only", "Phase.PHASE_DROPPED: a rank is not negative"),
    ('initial: true', 'initial: true rank_field: "proof_at"', "Phase.PHASE_OPEN: rank_field without a rank"),
    ('rank_field: "proof_at"', 'rank_field: "proof"', 'Phase.PHASE_DONE: rank_field names the unknown field "proof"'),
    # constants
    ('optional int64 proof_at = 6 [(satchel.field) = {en: "Proof" zh: "凭证" meaning: TIME}];',
     'optional int64 proof_at = 6 [(satchel.field) = {en: "Proof" zh: "凭证" meaning: TIME}];'
     'optional bool group_place = 7 [(satchel.field) = {en: "a" zh: "b"}];', None),
    ("optional bool gone", "optional bool group_place",
     "SATCHEL_CUSTOMER_GROUP_PLACE: the constant would be made twice"),
]


class Golden(unittest.TestCase):
    maxDiff = None

    def test_output_for_the_small_model_is_as_kept(self):
        code, messages, files = generate(small())
        self.assertEqual((code, messages), (0, ""))
        for name, kept in MADE.items():
            self.assertEqual(files[name], (GOLDEN / kept).read_text(encoding="utf-8"), kept)

    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_kept_table_is_a_table(self):
        core = PROTO.parent / "core"
        run = subprocess.run(
            ["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-fsyntax-only",
             "-I", str(core), "-I", str(core / "include"), "-include", str(GOLDEN / "small_model.h.txt"), "-x", "c",
             str(GOLDEN / "small_table.c.txt")],
            capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_the_same_description_gives_the_same_bytes(self):
        self.assertEqual(generate(small()), generate(small()))


class Breaches(unittest.TestCase):
    def test_every_breach_is_refused_with_its_sentence(self):
        plugin = load_plugin()
        for old, new, sentence in BREACHES:
            with self.subTest(new=new, sentence=sentence):
                self.assertIn(old, small())
                said = judge(plugin, small().replace(old, new, 1))
                if sentence is None:
                    self.assertEqual(said, "")
                else:
                    self.assertIn(sentence, said)

    def test_a_breach_ends_protoc_and_makes_nothing(self):
        text = small().replace("max_len: 300", "").replace('zh: "离开"', "")
        code, messages, files = generate(text)
        self.assertNotEqual(code, 0)
        self.assertEqual(files, {})
        self.assertIn("customer.name: max_len", messages)  # all are told at once
        self.assertIn("customer.gone: a label", messages)


def write():
    code, messages, files = generate(small())
    if code != 0:
        sys.exit(messages)
    for name, kept in MADE.items():
        (GOLDEN / kept).write_text(files[name], encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        unittest.main()
