#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A model that could follow today's, for tests alone: derive.py MODEL.proto OUT.proto

Customers gain a field, which is searched; a field of theirs is narrowed (`rules_since`); contacts gain one; there is a
new entity below customers. Every place that is changed must be there once, so that a change of the model shows here.
"""
import pathlib
import re
import sys

ENTITY = '''
// Agreements with a customer: an entity that the version before does not know.
message Agreement {
  option (entity) = {
    number: 29 plural: "agreements" en: "Agreement" zh: "协议" anchor: "customer" owner: "owner" title: "name"
  };
  optional bytes id = 1;
  optional string name = 2 [(field) = {en: "Name" zh: "名称" required: true max_len: 200 search: TEXT}];
  optional bytes customer = 3 [(field) = {en: "Customer" zh: "客户" merge: ONCE required: true ref: "customer"}];
  optional bytes owner = 4 [(field) = {en: "Owner" zh: "负责人" ref: "user"}];
  optional string external_id = 5
      [(field) = {en: "External number" zh: "外部编号" merge: ONCE max_len: 90 search: EXACT}];
  optional bytes contact = 6 [(field) = {en: "Contact" zh: "联系人" ref: "contact"}];
  repeated CustomValue custom = 900;
  optional int64 created_at = 901;
  optional bytes created_by = 902;
  optional bytes created_device = 903;
  optional int64 updated_at = 904;
  optional bytes updated_by = 905;
  optional bool deleted = 906;
  optional uint64 revision = 907;
}
'''


def once(text, old, new):
    if text.count(old) != 1:
        sys.exit(f"derive.py: {old!r} is there {text.count(old)} times")
    return text.replace(old, new)


def message(text, name):
    found = re.search(rf"^message {name} {{.*?^}}\n", text, re.MULTILINE | re.DOTALL)
    if found is None:
        sys.exit(f"derive.py: there is no message {name}")
    return found.group(0)


def derive(text):
    text = once(text, "option (schema) = {version: 1};", "option (schema) = {version: 2};")
    customer = message(text, "Customer")
    longer = once(customer, "  repeated CustomValue custom = 900;\n",
                  "  optional string delivery_window = 160\n"
                  '      [(field) = {en: "Delivery window" zh: "送货时段" max_len: 200 search: TEXT}];\n'
                  "  repeated CustomValue custom = 900;\n")
    short_name = r"(optional string short_name = \d+ \[\(field\) = \{[^}]*?max_len: )\d+"
    narrower = re.sub(short_name, r"\g<1>8 rules_since: 2", longer)
    if narrower == longer:
        sys.exit("derive.py: customers have no short name that could be narrowed")
    text = once(text, customer, narrower)
    contact = message(text, "Contact")
    text = once(text, contact, once(contact, "  repeated CustomValue custom = 900;\n",
                                    "  optional string nickname = 160 "
                                    '[(field) = {en: "Nickname" zh: "昵称" max_len: 60}];\n'
                                    "  repeated CustomValue custom = 900;\n"))
    return text + ENTITY


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(derive(source.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
