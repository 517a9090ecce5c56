#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Freezes today's model as the version that it names: copies of the .proto files, and golden wire bytes.

    freeze.py            makes vN/; refuses if it is there, because what was released never changes
    freeze.py --again    makes it anew: only before release N has left the house

vN/records.json holds, for each entity, records with every field: values by name and the bytes of the message. The same
bytes are written as C for the test of the record codec.
"""
import json
import shutil
import sys

import released

C_FILE = released.PROTO.parent / "tests" / "unit" / "wire" / "frozen_v%d.inc"
C_HEAD = """/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden wire bytes of schema version %d: {entity, number of values, bytes in hexadecimal}.
 * Made by proto/frozen/freeze.py; never changed once the version is released.
 */
"""


def records_of(version):
    for entity in version.model.entities:
        for last in (False, True):
            values = {field.name: released.sample(field, last) for field in entity.fields}
            message = released.fill(version.message(entity.message), values)
            yield {"entity": entity.name, "message": entity.message, "number": entity.number,
                   "values": {name: released.as_json(value) for name, value in values.items()},
                   "hex": message.SerializeToString(deterministic=True).hex()}


def c_lines(records):
    for record in records:
        yield "{%d, %d," % (record["number"], len(record["values"]))
        text = record["hex"]
        lines = ['    "%s"' % text[i:i + 112] for i in range(0, len(text), 112)]
        yield "\n".join(lines) + "},"


def main(arguments):
    if arguments not in ([], ["--again"]):
        sys.exit("usage: freeze.py [--again]")
    version = released.Version(released.PROTO)
    number = version.model.version
    folder = released.folder_of(number)
    if folder.exists() and not arguments:
        sys.exit("%s is there: what was released never changes; raise the version in option (schema)" % folder.name)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "satchel").mkdir(parents=True)
    for name in ("options.proto", "model.proto"):
        shutil.copyfile(released.PROTO / "satchel" / name, folder / "satchel" / name)
    records = list(records_of(version))
    (folder / "records.json").write_text(json.dumps(records, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    c_text = C_HEAD % number + "\n".join(c_lines(records)) + "\n"
    target = str(C_FILE) % number
    with open(target, "w", encoding="utf-8") as out:
        out.write(c_text)


if __name__ == "__main__":
    main(sys.argv[1:])
