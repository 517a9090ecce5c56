# SPDX-License-Identifier: Apache-2.0
"""Reads file descriptors with Satchel's options into plain objects. Judges nothing but what it cannot read."""
import re
from types import SimpleNamespace

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as F

COMMON_FIRST, COMMON_LAST = 900, 999

# Fields that every entity has: number, name, wire type, repeated, meaning, labels, what it refers to.
COMMON = (
    (1, "id", F.TYPE_BYTES, "ID", "Id", "标识", ""),
    (901, "created_at", F.TYPE_INT64, "TIME", "Created", "创建时间", ""),
    (902, "created_by", F.TYPE_BYTES, "ID", "Created by", "创建人", "user"),
    (903, "created_device", F.TYPE_BYTES, "ID", "Created on", "创建设备", "device"),
    (904, "updated_at", F.TYPE_INT64, "TIME", "Changed", "更新时间", ""),
    (905, "updated_by", F.TYPE_BYTES, "ID", "Changed by", "更新人", "user"),
    (906, "deleted", F.TYPE_BOOL, "", "Deleted", "已删除", ""),
    (907, "revision", F.TYPE_UINT64, "", "Revision", "版本", ""),
)
CUSTOM_NUMBER = 900

INTEGERS = {
    F.TYPE_INT32: (-(2**31), 2**31 - 1), F.TYPE_SINT32: (-(2**31), 2**31 - 1), F.TYPE_UINT32: (0, 2**32 - 1),
    F.TYPE_INT64: (-(2**63), 2**63 - 1), F.TYPE_SINT64: (-(2**63), 2**63 - 1), F.TYPE_UINT64: (0, 2**63 - 1),
}
ZIGZAG = (F.TYPE_SINT32, F.TYPE_SINT64)

# Ranges that a unit gives to a field without min and max; see proto/README.md.
UNIT_RANGES = {
    "MONEY": (-(10**15), 10**15), "METRES": (0, 40_100_000), "SECONDS": (0, 2**31 - 1), "DAYS": (-719162, 2932896),
    "DEGREES_E7": (-1_800_000_000, 1_800_000_000), "QUANTITY_E3": (-(10**12), 10**12), "BASIS_POINTS": (0, 10_000),
    "PERCENT": (0, 100), "BYTES": (0, 2**40),
}
TIME_RANGE = (-62_135_596_800_000, 253_402_300_799_999)  # 0001-01-01 … 9999-12-31 UTC
ID_BYTES = 16


def snake(camel):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", camel).lower()


class Options:
    """Parses custom options, which plain descriptors keep as unknown bytes."""

    def __init__(self, files):
        self.pool = descriptor_pool.DescriptorPool()
        for proto in files:
            self.pool.AddSerializedFile(proto.SerializeToString())
        self.factory = message_factory.MessageFactory(self.pool)
        self.extensions = {}
        for name in ("schema", "entity", "field", "choice"):
            extension = self.pool.FindExtensionByName("satchel." + name)
            self.extensions[name] = extension
            holder = self.factory.GetPrototype(extension.containing_type)
            if extension.containing_type.extensions_by_name.get(name) is None and hasattr(holder, "RegisterExtension"):
                holder.RegisterExtension(extension)

    def read(self, name, options):
        """The option of a descriptor, or None."""
        extension = self.extensions[name]
        parsed = self.factory.GetPrototype(extension.containing_type).FromString(options.SerializeToString())
        return parsed.Extensions[extension] if parsed.HasExtension(extension) else None


def enum_name(message, field, number):
    return message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[number].name


def read_choices(options, enum):
    items = []
    for value in enum.value:
        told = options.read("choice", value.options)
        items.append(SimpleNamespace(
            number=value.number, full_name=value.name, name=value.name.lower(), told=told is not None,
            en=told.en if told else "", zh=told.zh if told else "", next=list(told.next) if told else [],
            rank=told.rank if told else 0, initial=bool(told and told.initial),
            server_only=bool(told and told.server_only), rank_field=told.rank_field if told else ""))
        prefix = snake(enum.name).upper() + "_"
        items[-1].prefixed = value.name.startswith(prefix)
        items[-1].name = value.name[len(prefix):].lower() if items[-1].prefixed else value.name.lower()
    return SimpleNamespace(name=enum.name, snake=snake(enum.name), items=items, line=0)


def default_policy(entity, repeated):
    if entity.server_made:
        return "SERVER"
    if entity.fact:
        return "ONCE"
    return "SET" if repeated else "LATER"


def value_type(field, meaning, ref, enums):
    """Name of the satchel_type, and of the element type of a set."""
    if field.label == F.LABEL_REPEATED:
        element = {F.TYPE_STRING: "TEXT", F.TYPE_BYTES: "ID"}.get(field.type, "")
        return "SET", element
    if field.type == F.TYPE_BYTES:
        return ("ID" if meaning == "ID" or ref else "BYTES"), "NULL"
    if field.type == F.TYPE_INT64 and meaning == "TIME":
        return "TIME", "NULL"
    if field.type in INTEGERS or field.type == F.TYPE_ENUM and enums.get(field.type_name):
        return "INT", "NULL"
    return {F.TYPE_BOOL: "BOOL", F.TYPE_DOUBLE: "REAL", F.TYPE_STRING: "TEXT"}.get(field.type, ""), "NULL"


def value_range(field, kind, unit, told, choices):
    low, high = 0, 0
    if choices:
        low, high = 1, max([item.number for item in choices.items] + [1])
    elif kind == "TIME":
        low, high = TIME_RANGE
    elif kind == "INT":
        low, high = INTEGERS[field.type]
        if unit in UNIT_RANGES:
            low, high = max(low, UNIT_RANGES[unit][0]), min(high, UNIT_RANGES[unit][1])
    if told is not None and told.HasField("min"):
        low = told.min
    if told is not None and told.HasField("max"):
        high = told.max
    return low, high


def encoding(field):
    if field.type in ZIGZAG:
        return "ZIGZAG"
    if field.type == F.TYPE_DOUBLE:
        return "FIXED64"
    return "BYTES" if field.type in (F.TYPE_STRING, F.TYPE_BYTES) else "VARINT"


def longest(kind, element, told):
    if kind == "ID" or element == "ID":
        return ID_BYTES
    return told.max_len if told is not None else 0


def read_field(options, entity, field, enums):
    told = options.read("field", field.options)
    meaning = enum_name(told, "meaning", told.meaning) if told else ""
    ref = told.ref if told else ""
    kind, element = value_type(field, meaning, ref, enums)
    repeated = field.label == F.LABEL_REPEATED
    choices = enums.get(field.type_name) if field.type == F.TYPE_ENUM else None
    policy = default_policy(entity, repeated)
    if told and told.HasField("merge"):
        policy = enum_name(told, "merge", told.merge)
    write = enum_name(told, "write", told.write) if told else "ANY_EDITOR"
    unit = enum_name(told, "unit", told.unit) if told else "PLAIN"
    low, high = value_range(field, kind, unit, told, choices)
    return SimpleNamespace(
        number=field.number, name=field.name, wire=field.type, told=told is not None, repeated=repeated,
        optional=field.proto3_optional, type=kind, element=element, encoding=encoding(field), policy=policy,
        write="SERVER" if policy == "SERVER" or entity.server_made or write == "SERVER_ONLY" else write,
        write_told=write, choices=choices, enum=field.type_name if field.type == F.TYPE_ENUM else "",
        meaning=meaning, ref=ref, unit=unit, min=low, max=high, max_bytes=longest(kind, element, told),
        range_told=bool(told and (told.HasField("min") or told.HasField("max"))),
        max_len_told=told.max_len if told else 0,
        sensitivity=enum_name(told, "sensitivity", told.sensitivity) if told else "OPEN",
        search=enum_name(told, "search", told.search) if told else "NONE",
        en=told.en if told else "", zh=told.zh if told else "", group=told.group if told else "",
        required=bool(told and told.required), derived=bool(told and told.derived),
        pattern=told.pattern if told else "", rules_since=getattr(told, "rules_since", 0) if told else 0, meta=False)


def common_field(row):
    number, name, wire, meaning, en, zh, ref = row
    kind = {"ID": "ID", "TIME": "TIME"}.get(meaning) or {F.TYPE_BOOL: "BOOL", F.TYPE_UINT64: "INT"}[wire]
    low, high = {"TIME": TIME_RANGE, "INT": (0, 2**63 - 1)}.get(kind, (0, 0))
    return SimpleNamespace(
        number=number, name=name, wire=wire, told=False, repeated=False, optional=True, type=kind, element="NULL",
        encoding="BYTES" if wire == F.TYPE_BYTES else "VARINT", policy="SERVER", write="SERVER", write_told="",
        choices=None, enum="", meaning=meaning, ref=ref, unit="PLAIN", min=low, max=high,
        max_bytes=ID_BYTES if kind == "ID" else 0, range_told=False, max_len_told=0, sensitivity="OPEN", search="NONE",
        en=en, zh=zh, group="", required=False, derived=False, pattern="", rules_since=0,
        meta=True)


def read_entity(options, message, enums):
    told = options.read("entity", message.options)
    if told is None:
        return None
    entity = SimpleNamespace(
        message=message.name, name=snake(message.name), number=told.number, plural=told.plural, en=told.en, zh=told.zh,
        root=told.root, root_field=told.root_field, anchor=told.anchor, owner=told.owner, title=told.title,
        fact=told.fact, archive=told.archive, server_made=told.server_made, company=told.company,
        server_only=told.server_only, groups=[(group.number, group.name) for group in told.groups])
    common = {row[0]: row for row in COMMON}
    entity.wire_fields = list(message.field)
    entity.fields = []
    for field in sorted(message.field, key=lambda f: f.number):
        if field.number in common:
            entity.fields.append(common_field(common[field.number]))
        elif not COMMON_FIRST <= field.number <= COMMON_LAST:
            entity.fields.append(read_field(options, entity, field, enums))
    return entity


def read_model(files, name):
    options = Options(files)
    proto = next(f for f in files if f.name == name)
    told = options.read("schema", proto.options)
    enums = {"." + ".".join(filter(None, (proto.package, enum.name))): read_choices(options, enum)
             for enum in proto.enum_type}
    entities, plain = [], []
    for message in proto.message_type:
        entity = read_entity(options, message, enums)
        if entity:
            entities.append(entity)
        else:
            stray = [f.name for f in message.field if options.read("field", f.options) is not None]
            plain.append(SimpleNamespace(message=message.name, stray=stray))
    entities.sort(key=lambda e: e.number)
    return SimpleNamespace(version=told.version if told else 0, entities=entities, plain=plain,
                           enums=list(enums.values()))
