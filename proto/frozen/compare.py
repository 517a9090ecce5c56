#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is a version of the model compatible with a frozen one? Prints a sentence for each thing that is not.

    compare.py            compares proto/satchel with every frozen version
    compare.py OLD NEW    compares two folders that hold satchel/model.proto

Phones of old releases stay in use: they send ops made by the old tables and read rows of the new ones. So numbers keep
their meaning for ever, limits widen but never narrow, and nothing becomes required. Labels and search may change.
"""
import sys

import released

FIELD_KEEPS = ("name", "type", "element", "encoding", "policy", "sensitivity", "ref", "unit", "group", "derived")
ENTITY_KEEPS = ("name", "plural", "root", "root_field", "anchor", "owner", "fact", "archive", "server_made", "company",
                "server_only")
WRITERS = {"ANY_EDITOR": 0, "OWNER": 1, "CREATOR": 2, "MANAGER": 3, "SERVER": 4}


def kept(place, old, new, names):
    for name in names:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield "%s: %s was %s and is %s" % (place, name, before or "nothing", after or "nothing")


def compare_choices(place, old, new):
    if (old.name if old else "") != (new.name if new else ""):
        yield "%s: its enum was %s and is %s" % (place, old.name if old else "none", new.name if new else "none")
    if not old or not new:
        return
    after = {item.number: item for item in new.items}
    for item in old.items:
        where = "%s.%s" % (old.name, item.full_name)
        now = after.get(item.number)
        if now is None:
            yield "%s: choice %d is gone" % (where, item.number)
            continue
        yield from kept(where, item, now, ("name", "rank", "initial", "rank_field"))
        for name in sorted(set(item.next) - set(now.next)):
            yield "%s: may no longer go to %s" % (where, name)
        if now.server_only and not item.server_only:
            yield "%s: phones may no longer set it" % where


def compare_field(place, old, new):
    yield from kept(place, old, new, FIELD_KEEPS)
    yield from compare_choices(place, old.choices, new.choices)
    if WRITERS[new.write] > WRITERS[old.write]:
        yield "%s: was written by %s and is by %s" % (place, old.write, new.write)
    if new.rules_since > old.rules_since:
        return  # what it takes was narrowed on purpose: ops of old releases are flagged, not refused
    if new.required and not old.required:
        yield "%s: became required" % place
    if new.max_bytes < old.max_bytes:
        yield "%s: max_len went from %d to %d" % (place, old.max_bytes, new.max_bytes)
    if new.min > old.min or new.max < old.max:
        yield "%s: its range narrowed" % place
    if new.pattern and new.pattern != old.pattern:
        yield "%s: got another pattern" % place


def compare_entity(old, new):
    yield from kept(old.name, old, new, ENTITY_KEEPS)
    groups = dict(new.groups)
    for number, name in old.groups:
        if groups.get(number) != name:
            yield "%s: group %d was %s and is %s" % (old.name, number, name, groups.get(number, "gone"))
    after = {field.number: field for field in new.fields}
    for field in old.fields:
        place = "%s.%s" % (old.name, field.name)
        if field.number in after:
            yield from compare_field(place, field, after[field.number])
        else:
            yield "%s: field %d is gone" % (place, field.number)
    old_groups = {name for _, name in old.groups}
    before = {field.number for field in old.fields}
    for field in new.fields:
        place = "%s.%s" % (new.name, field.name)
        if field.number not in before and field.required:
            yield "%s: a new field of an old entity is not required" % place
        if field.number not in before and field.group in old_groups:
            yield "%s: a new field does not join the old group %s" % (place, field.group)


def compare(old, new):
    """Sentences, empty if every phone of the old model gets on with the new one."""
    found = []
    if new.version < old.version:
        found.append("the version went from %d to %d" % (old.version, new.version))
    after = {entity.number: entity for entity in new.entities}
    for entity in old.entities:
        if entity.number in after:
            found += compare_entity(entity, after[entity.number])
        else:
            found.append("%s: entity %d is gone" % (entity.name, entity.number))
    return found


def shape(model):
    """All that a released version fixes: two models of one version have the same."""
    return sorted("%s %d %s %s" % (entity.name, field.number, field.name, field.choices and
                                   [(item.number, item.next, item.rank) for item in field.choices.items])
                  for entity in model.entities for field in entity.fields)


def compare_today():
    today = released.Version(released.PROTO).model
    found = []
    for number in released.versions():
        old = released.Version(released.folder_of(number)).model
        found += ["v%d: %s" % (number, sentence) for sentence in compare(old, today)]
        if old.version == today.version and shape(old) != shape(today):
            found.append("v%d: today's model says more under the same version: raise it in option (schema), and when "
                         "it is released, freeze it" % number)
    return found


def main(arguments):
    if len(arguments) == 2:
        found = compare(*(released.Version(folder).model for folder in arguments))
    elif arguments:
        sys.exit("usage: compare.py [OLD NEW]")
    else:
        found = compare_today()
    print("\n".join(found) if found else "compatible")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
