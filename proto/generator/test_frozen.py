#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Released versions of the model: today's is compatible with each, each golden record still decodes, and the comparison
finds every kind of incompatible change."""
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "frozen"))
import compare  # noqa: E402
import freeze  # noqa: E402
import released  # noqa: E402

# What is done to version 1 (old text, new text) and what the comparison must say; None: nothing.
CHANGES = [
    ('en: "Short name"', 'en: "Nickname"', None),
    ("max_len: 120 search: PINYIN}", "max_len: 240 search: TEXT}", None),
    ("optional string short_name = 3", "optional string nick_name = 3",
     "customer.short_name: name was short_name and is nick_name"),
    ("optional string industry = 5", "optional bytes industry = 5", "type was TEXT and is BYTES"),
    ("optional sint32 contract_until = 27", "optional int32 contract_until = 27",
     "customer.contract_until: encoding was ZIGZAG and is VARINT"),
    ("optional string industry = 5", "optional string industry = 56", "customer.industry: field 5 is gone"),
    ('en: "Industry" zh: "行业"', 'en: "Industry" zh: "行业" merge: ASK', "customer.industry: policy was LATER and is ASK"),
    ('en: "Industry" zh: "行业"', 'en: "Industry" zh: "行业" sensitivity: SECRET',
     "customer.industry: sensitivity was OPEN and is SECRET"),
    ('en: "Industry" zh: "行业"', 'en: "Industry" zh: "行业" required: true', "customer.industry: became required"),
    ('en: "Industry" zh: "行业"', 'en: "Industry" zh: "行业" write: OWNER',
     "customer.industry: was written by ANY_EDITOR and is by OWNER"),
    ('en: "Industry" zh: "行业"', 'en: "Industry" zh: "行业" pattern: "url"', "customer.industry: got another pattern"),
    ('zh: "行业" max_len: 120', 'zh: "行业" max_len: 119', "customer.industry: max_len went from 120 to 119"),
    ("min: 1 max: 730", "min: 2 max: 730", "customer.visit_every_days: its range narrowed"),
    ("min: 1 max: 730", "min: 1 max: 729", "customer.visit_every_days: its range narrowed"),
    ("min: 1 max: 730", "min: 0 max: 9999", None),
    ('zh: "上级客户" ref: "customer"', 'zh: "上级客户" ref: "user"', "customer.parent: ref was customer and is user"),
    ("optional CustomerKind kind = 4", "optional CustomerGrade kind = 4",
     "customer.kind: its enum was CustomerKind and is CustomerGrade"),
    ('CUSTOMER_GRADE_C = 3 [(choice) = {en: "C" zh: "C类"}];', "", "CustomerGrade.CUSTOMER_GRADE_C: choice 3 is gone"),
    ("CUSTOMER_GRADE_C = 3", "CUSTOMER_GRADE_D = 3", "CustomerGrade.CUSTOMER_GRADE_C: name was c and is d"),
    ('CUSTOMER_GRADE_C = 3 [', 'CUSTOMER_GRADE_D = 4 [(choice) = {en: "D" zh: "D"}];  CUSTOMER_GRADE_C = 3 [', None),
    ('next: ["submitted", "cancelled"]', 'next: ["submitted"]',
     "OrderStatus.ORDER_STATUS_DRAFT: may no longer go to cancelled"),
    ('zh: "已取消" rank: 1}];\n}\n\nenum OrderKind', 'zh: "已取消" rank: 1 server_only: true}];\n}\n\nenum OrderKind',
     "OrderStatus.ORDER_STATUS_CANCELLED: phones may no longer set it"),
    ('zh: "已确认" rank: 3', 'zh: "已确认" rank: 4', "OrderStatus.ORDER_STATUS_CONFIRMED: rank was 3 and is 4"),
    ('{number: 2 name: "credit"}', '{number: 3 name: "credit"}', "customer: group 2 was credit and is gone"),
    ("number: 11 plural", "number: 17 plural", "activity: entity 11 is gone"),
    ('plural: "contacts"', 'plural: "people"', "contact: plural was contacts and is people"),
    ('zh: "客户"\n    owner: "owner" title: "name" archive: true', 'zh: "客户"\n    owner: "owner" title: "name"',
     "customer: archive was True and is nothing"),
    ("repeated string faxes = 55",
     'optional bool vip = 60 [(field) = {en: "V" zh: "贵宾"}];\n  repeated string faxes = 55', None),
    ("repeated string faxes = 55",
     'optional bool vip = 60 [(field) = {en: "V" zh: "贵宾" required: true}];\n  repeated string faxes = 55',
     "customer.vip: a new field of an old entity is not required"),
    ("repeated string faxes = 55",
     'optional bool vip = 60 [(field) = {en: "V" zh: "贵宾" merge: ASK group: "credit" write: MANAGER '
     'sensitivity: COMMERCIAL}];\n  repeated string faxes = 55',
     "customer.vip: a new field does not join the old group credit"),
]


def changed(old, new):
    """The frozen version 1 with one change, as a Version."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(released.folder_of(1) / "satchel", pathlib.Path(folder, "satchel"))
        path = pathlib.Path(folder, released.NAME)
        text = path.read_text(encoding="utf-8")
        assert old in text, old
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return released.Version(folder)


class Comparison(unittest.TestCase):
    def test_today_is_compatible_with_every_release(self):
        self.assertIn(1, released.versions())
        self.assertEqual(compare.compare_today(), [])

    def test_every_incompatible_change_is_found(self):
        frozen = released.Version(released.folder_of(1)).model
        for old, new, sentence in CHANGES:
            with self.subTest(new=new, sentence=sentence):
                found = compare.compare(frozen, changed(old, new).model)
                if sentence is None:
                    self.assertEqual(found, [])
                else:
                    self.assertIn(sentence, "\n".join(found))

    def test_a_field_may_take_less_if_it_says_since_when(self):
        frozen = released.Version(released.folder_of(1)).model
        less = changed('zh: "行业" max_len: 120', 'zh: "行业" max_len: 119').model
        for entity in less.entities:
            for field in entity.fields:
                field.rules_since = 2 if (entity.name, field.name) == ("customer", "industry") else field.rules_since
        self.assertEqual(compare.compare(frozen, less), [])

    def test_an_older_version_is_no_successor(self):
        old = changed("version: 1", "version: 2").model
        frozen = released.Version(released.folder_of(1)).model
        self.assertEqual(compare.compare(old, frozen), ["the version went from 2 to 1"])

    def test_more_under_the_same_version_is_seen(self):
        more = changed("repeated string faxes = 55",
                       'optional bool vip = 60 [(field) = {en: "V" zh: "贵宾"}];\n  repeated string faxes = 55').model
        self.assertNotEqual(compare.shape(released.Version(released.folder_of(1)).model), compare.shape(more))


class Records(unittest.TestCase):
    def check(self, version, record):
        data = bytes.fromhex(record["hex"])
        message = version.message(record["message"])
        message.ParseFromString(data)
        for name, value in record["values"].items():
            expected = released.from_json(value)
            got = getattr(message, name)
            self.assertEqual(list(got) if isinstance(expected, list) else got, expected, name)
        self.assertEqual(message.SerializeToString(deterministic=True), data)
        self.assertEqual(version.entity(record["entity"]).number, record["number"])

    def test_golden_bytes_decode_by_their_own_version_and_by_today(self):
        today = released.Version(released.PROTO)
        for number in released.versions():
            frozen = released.Version(released.folder_of(number))
            records = json.loads((released.folder_of(number) / "records.json").read_text(encoding="utf-8"))
            self.assertEqual({r["entity"] for r in records}, {e.name for e in frozen.model.entities})
            for record in records:
                with self.subTest(version=number, entity=record["entity"]):
                    self.check(frozen, record)
                    self.check(today, record)

    def test_a_changed_number_does_not_decode(self):
        records = json.loads((released.folder_of(1) / "records.json").read_text(encoding="utf-8"))
        record = next(r for r in records if r["entity"] == "customer")
        with self.assertRaises(AssertionError):
            self.check(changed("optional string industry = 5", "optional string industry = 56"), record)

    def test_the_bytes_in_c_are_the_same(self):
        for number in released.versions():
            records = json.loads((released.folder_of(number) / "records.json").read_text(encoding="utf-8"))
            kept = pathlib.Path(str(freeze.C_FILE) % number).read_text(encoding="utf-8")
            self.assertEqual(kept, freeze.C_HEAD % number + "\n".join(freeze.c_lines(records)) + "\n")


if __name__ == "__main__":
    unittest.main()
