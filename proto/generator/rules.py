# SPDX-License-Identifier: Apache-2.0
"""The rules of a description. Each check yields sentences that begin with the place: "customer.name: …"."""
import re

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F

from description import COMMON, COMMON_FIRST, COMMON_LAST, CUSTOM_NUMBER, INTEGERS

LONGEST_TEXT, LONGEST_ELEMENT = 65536, 256
LAST_NUMBER = 999
PATTERNS = ("phone", "email", "currency", "url")
SUFFIXES = {"MONEY": "_minor", "QUANTITY_E3": "_e3", "DEGREES_E7": "_e7", "BASIS_POINTS": "_bp", "PERCENT": "_percent",
            "METRES": "_m", "SECONDS": "_s"}
SNAKE = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")


def check_enum(enum, state):
    zero = [item for item in enum.items if item.number == 0]
    if not zero or zero[0].name != "unset" or zero[0].told:
        yield "%s: value 0 must be %s_UNSET, without options" % (enum.name, enum.snake.upper())
    told = [item for item in enum.items if item.number]
    names = {item.name for item in told}
    if not told:
        yield "%s: has no choices" % enum.name
    for item in told:
        place = "%s.%s" % (enum.name, item.full_name)
        if not item.prefixed:
            yield "%s: the name must begin with %s_" % (place, enum.snake.upper())
        if not 1 <= item.number <= 63:
            yield "%s: a choice must be 1 … 63, not %d" % (place, item.number)
        if not item.en or not item.zh:
            yield "%s: a label is missing (en, zh)" % place
        if not state and (item.next or item.rank or item.initial or item.rank_field):
            yield "%s: next, rank, rank_field and initial are for enums of STATE fields" % place
        for name in item.next:
            if name not in names:
                yield '%s: next names the unknown state "%s"' % (place, name)
    if state and told:
        yield from check_state(enum, told)


def check_state(enum, told):
    initial = [item for item in told if item.initial]
    if len(initial) != 1:
        yield "%s: a state enum has exactly one initial state, not %d" % (enum.name, len(initial))
        return
    by_name = {item.name: item for item in told}
    for item in told:
        place = "%s.%s" % (enum.name, item.full_name)
        if item.rank < 0:
            yield "%s: a rank is not negative" % place
        if item.rank_field and item.rank <= 0:
            yield "%s: rank_field without a rank" % place
        if item.rank > 0 and item.next:
            yield "%s: a terminal state (rank > 0) has no next" % place
        if item.rank == 0 and not item.next:
            yield "%s: a state without next needs a rank" % place
        if item.name in item.next:
            yield "%s: a state does not follow itself" % place
    reached, waiting = set(), [initial[0].name]
    while waiting:
        name = waiting.pop()
        if name not in reached and name in by_name:
            reached.add(name)
            waiting += by_name[name].next
    for name in sorted(set(by_name) - reached):
        yield "%s: %s cannot be reached from the initial state" % (enum.name, name)


def check_common(entity):
    wire = {field.number: field for field in entity.wire_fields}
    for number, name, kind, _, _, _, _ in COMMON:
        field = wire.get(number)
        if not field or field.name != name or field.type != kind or not field.proto3_optional:
            yield "%s: the common field %s = %d is missing or different" % (entity.name, name, number)
    custom = wire.get(CUSTOM_NUMBER)
    if not custom or custom.name != "custom" or not custom.type_name.endswith(".CustomValue") \
            or custom.label != F.LABEL_REPEATED:
        yield "%s: the common field custom = %d is missing or different" % (entity.name, CUSTOM_NUMBER)
    known = {row[0] for row in COMMON} | {CUSTOM_NUMBER}
    for field in entity.wire_fields:
        if COMMON_FIRST <= field.number <= COMMON_LAST and field.number not in known:
            yield "%s.%s: numbers %d … %d are for common fields" % (entity.name, field.name, COMMON_FIRST, COMMON_LAST)
        if field.number > LAST_NUMBER:
            yield "%s.%s: numbers above %d are for custom fields" % (entity.name, field.name, LAST_NUMBER)


def check_type(place, field):
    if not SNAKE.match(field.name):
        yield "%s: a field's name is lower snake case" % place
    if field.enum and not field.choices:
        yield "%s: its enum must be one of the model's own" % place
    elif not field.type or (field.type == "SET" and not field.element):
        yield "%s: this wire type has no meaning here" % place
    if not field.repeated and not field.optional:
        yield "%s: scalars are optional, so that absent is not zero" % place
    if field.meaning == "TIME" and field.type != "TIME":
        yield "%s: a time is an int64" % place
    if field.meaning == "ID" and field.wire != F.TYPE_BYTES:
        yield "%s: an id is bytes" % place
    if not field.told or not field.en or not field.zh:
        yield "%s: a label is missing (en, zh)" % place


def check_limits(place, field):
    sized = field.type in ("TEXT", "BYTES") or (field.type == "SET" and field.element == "TEXT")
    most = LONGEST_ELEMENT if field.type == "SET" else LONGEST_TEXT
    if sized and not 1 <= field.max_len_told <= most:
        yield "%s: max_len must be given, 1 … %d" % (place, most)
    if not sized and field.max_len_told:
        yield "%s: max_len is for text and bytes" % place
    if field.range_told and field.type not in ("INT", "TIME") or field.range_told and field.choices:
        yield "%s: min and max are for integers and times" % place
    elif field.min > field.max:
        yield "%s: min is above max" % place
    elif field.type == "INT" and not field.choices and field.wire in INTEGERS:
        low, high = INTEGERS[field.wire]
        if field.min < low or field.max > high:
            yield "%s: min or max lies outside the wire type" % place
    if field.pattern and field.pattern not in PATTERNS:
        yield '%s: unknown pattern "%s"' % (place, field.pattern)
    if field.pattern and not (field.type == "TEXT" or sized and field.type == "SET"):
        yield "%s: a pattern is for text" % place
    if field.search != "NONE" and not (field.type == "TEXT" or field.type == "SET" and field.element == "TEXT"):
        yield "%s: search is for text" % place


def check_unit(place, field, entity, by_entity):
    if field.unit != "PLAIN" and (field.type != "INT" or field.choices):
        yield "%s: a unit is for integers" % place
    if field.unit == "DAYS" and field.encoding != "ZIGZAG":
        yield "%s: a calendar day is a sint32, because it may lie before 1970" % place
    suffix = SUFFIXES.get(field.unit)
    if suffix and not field.name.endswith(suffix):
        yield "%s: a field of unit %s ends with %s" % (place, field.unit, suffix)
    if field.unit == "MONEY":
        holders = [entity] + ([by_entity[entity.root]] if entity.root in by_entity else [])
        if not any(other.name == "currency" and other.type == "TEXT" for e in holders for other in e.fields):
            yield "%s: money needs a text field currency in its entity or in the root" % place


def check_policy(place, field, entity):
    policy, kind = field.policy, field.type
    if field.repeated and policy not in ("SET", "SERVER", "ONCE"):
        yield "%s: a repeated field merges by SET, SERVER or ONCE, not %s" % (place, policy)
    if policy == "SET" and not field.repeated:
        yield "%s: SET is for repeated fields" % place
    if policy == "STATE" and not (field.choices and any(item.next for item in field.choices.items)):
        yield "%s: STATE needs an enum whose choices have next" % place
    if policy == "STRICT" and not field.choices:
        yield "%s: STRICT needs an enum, the larger value being the more restrictive" % place
    if policy == "SUM" and (kind != "INT" or field.choices or field.encoding != "ZIGZAG"):
        yield "%s: SUM needs sint32 or sint64, because deltas have a sign" % place
    if policy in ("MAX", "MIN") and (kind not in ("INT", "TIME", "REAL") or field.choices):
        yield "%s: %s needs a number or a time" % (place, policy)
    if policy == "SERVER" and field.write_told not in ("ANY_EDITOR", "SERVER_ONLY", ""):
        yield "%s: a SERVER field is written by the server only" % place
    if entity.fact and policy not in ("ONCE", "SERVER"):
        yield "%s: a fact is never edited, so its fields are ONCE or SERVER" % place
    if field.derived and policy != "LATER":
        yield "%s: a derived field has no policy of its own" % place
    if field.required and field.derived:
        yield "%s: a derived field is not required" % place


def check_ref(place, field, by_entity):
    if field.ref and field.ref not in by_entity:
        yield '%s: refers to the unknown entity "%s"' % (place, field.ref)
    if field.ref and field.wire != F.TYPE_BYTES:
        yield "%s: a reference is bytes" % place


def check_groups(entity):
    numbers = [number for number, _ in entity.groups]
    names = [name for _, name in entity.groups]
    if len(set(numbers)) < len(numbers) or len(set(names)) < len(names):
        yield "%s: two groups have one number or name" % entity.name
    for number, name in entity.groups:
        members = [field for field in entity.fields if field.group == name]
        place = "%s, group %s" % (entity.name, name)
        if not 1 <= number <= 255:
            yield "%s: the number must be 1 … 255" % place
        if len(members) < 2:
            yield "%s: a group has two members or more" % place
        for what, values in (("policies", {m.policy for m in members}), ("classes", {m.sensitivity for m in members}),
                             ("writers", {m.write for m in members})):
            if len(values) > 1:
                yield "%s: mixed %s (%s)" % (place, what, ", ".join(sorted(values)))
        for member in members:
            if member.policy in ("SET", "SUM", "MAX", "MIN", "STATE", "STRICT") or member.derived:
                yield "%s.%s: %s cannot be in a group" % (
                    entity.name, member.name, "a derived field" if member.derived else "a %s field" % member.policy)
    for field in entity.fields:
        if field.group and field.group not in names:
            yield '%s.%s: unknown group "%s"' % (entity.name, field.name, field.group)


def check_links(entity, by_entity):
    by_name = {field.name: field for field in entity.fields}
    links = (("root_field", entity.root_field, entity.root), ("anchor", entity.anchor, "customer"),
             ("owner", entity.owner, "user"))
    for what, name, ref in links:
        if name and (name not in by_name or by_name[name].type != "ID" or by_name[name].ref != ref):
            yield '%s: %s must name an id field that refers to %s, not "%s"' % (
                entity.name, what, ref or "the root", name)
    if entity.title and (entity.title not in by_name or by_name[entity.title].type != "TEXT"):
        yield '%s: title must name a text field, not "%s"' % (entity.name, entity.title)
    if bool(entity.root) != bool(entity.root_field):
        yield "%s: root and root_field come together" % entity.name
    if entity.root and entity.root not in by_entity:
        yield '%s: unknown root "%s"' % (entity.name, entity.root)
    elif entity.root:
        root = by_entity[entity.root]
        if root.root:
            yield "%s: its root %s has a root itself" % (entity.name, root.name)
        if root.number >= entity.number:
            yield "%s: its number must be above that of its root %s" % (entity.name, root.name)
        if root.company != entity.company or root.server_only != entity.server_only:
            yield "%s: company and server_only must be as in its root %s" % (entity.name, root.name)


def check_entity(entity, by_entity):
    if not 1 <= entity.number <= 255:
        yield "%s: an entity's number must be 1 … 255, not %d" % (entity.name, entity.number)
    if not entity.en or not entity.zh:
        yield "%s: a label is missing (en, zh)" % entity.name
    if not SNAKE.match(entity.plural):
        yield "%s: a plural in lower snake case is missing" % entity.name
    if entity.fact and entity.archive:
        yield "%s: a fact is neither archived nor deleted" % entity.name
    yield from check_common(entity)
    for field in entity.fields:
        if field.meta:
            continue
        place = "%s.%s" % (entity.name, field.name)
        for judge in (check_type(place, field), check_limits(place, field), check_policy(place, field, entity),
                      check_ref(place, field, by_entity), check_unit(place, field, entity, by_entity)):
            yield from judge
    yield from check_groups(entity)
    yield from check_links(entity, by_entity)


def check_evidence(model):
    """A rank_field is a field of the one entity whose state the enum is."""
    holders = {}
    for entity in model.entities:
        for field in entity.fields:
            if field.choices and field.policy == "STATE":
                holders.setdefault(field.choices.name, []).append(entity)
    for enum in model.enums:
        for item in enum.items:
            if not item.rank_field or enum.name not in holders:
                continue
            place = "%s.%s" % (enum.name, item.full_name)
            if len(holders[enum.name]) > 1:
                yield "%s: rank_field in an enum that is the state of several fields" % place
            elif item.rank_field not in {field.name for field in holders[enum.name][0].fields}:
                yield '%s: rank_field names the unknown field "%s"' % (place, item.rank_field)


def check_unique(model):
    for what in ("number", "name", "plural"):
        seen = {}
        for entity in model.entities:
            value = getattr(entity, what)
            if value in seen:
                yield "%s: %s has the same %s (%s)" % (entity.name, seen[value], what, value)
            seen[value] = entity.name
    taken = {}
    from emit import constants
    names = [(name, "a number") for name, _ in constants(model)]
    names += [("SATCHEL_" + item.full_name, "a choice of " + enum.name) for enum in model.enums for item in enum.items]
    for name, what in names:
        if name in taken:
            yield "%s: the constant would be made twice" % name
        taken[name] = what


def check(model):
    """All breaches, empty if the model is good."""
    breaches = []
    if model.version < 1:
        breaches.append("the file: option (schema) with a version is missing")
    breaches += ["%s.%s: rules_since is a release to come" % (entity.name, field.name)
                 for entity in model.entities for field in entity.fields if field.rules_since > max(model.version, 1)]
    by_entity = {entity.name: entity for entity in model.entities}
    state = {field.choices.name for e in model.entities for field in e.fields
             if field.choices and field.policy == "STATE"}
    for enum in model.enums:
        breaches += check_enum(enum, enum.name in state)
    for plain in model.plain:
        breaches += ["%s.%s: a field with options in a message without (entity)" % (plain.message, name)
                     for name in plain.stray]
    for entity in model.entities:
        breaches += check_entity(entity, by_entity)
    breaches += check_evidence(model)
    breaches += check_unique(model)
    return breaches
