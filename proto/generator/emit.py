# SPDX-License-Identifier: Apache-2.0
"""Writes the C of a checked model: the header of constants and the table of core/schema/schema.h."""

HEAD = """/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {purpose}
 * Made from proto/satchel/model.proto by proto/generator: change that instead.
 */
"""


def quoted(text):
    """A C string; bytes beyond ASCII as octal escapes, which end by themselves."""
    out = []
    for byte in text.encode("utf-8"):
        if byte in (0x22, 0x5C):
            out.append("\\" + chr(byte))
        elif 0x20 <= byte < 0x7F:
            out.append(chr(byte))
        else:
            out.append("\\%03o" % byte)
    return '"' + "".join(out).replace("??", "?\\?") + '"'


def number(value):
    """An int64 constant; the smallest one cannot be written plainly."""
    return "INT64_MIN" if value == -(2**63) else "INT64_C(%d)" % value


def constants(model):
    """(name, text) of every macro, in order."""
    for entity in model.entities:
        yield "SATCHEL_ENTITY_" + entity.name.upper(), "%du" % entity.number
    for entity in model.entities:
        for field in entity.fields:
            if not field.meta:
                yield "SATCHEL_%s_%s" % (entity.name.upper(), field.name.upper()), "%du" % field.number
        for group, name in sorted(entity.groups):
            yield "SATCHEL_%s_GROUP_%s" % (entity.name.upper(), name.upper()), "%du" % group


def header(model):
    lines = [HEAD.format(purpose="Numbers of entities, fields, groups and choices."),
             "#ifndef SATCHEL_MODEL_H\n#define SATCHEL_MODEL_H\n",
             "#define SATCHEL_MODEL_VERSION %du\n" % model.version]
    section = ""
    for name, text in constants(model):
        start = name.split("_")[1]
        if start != section and section:
            lines.append("")
        section = start
        lines.append("#define %s %s" % (name, text))
    for enum in model.enums:
        lines.append("\ntypedef enum satchel_%s {" % enum.snake)
        body = ["    SATCHEL_%s = %d" % (item.full_name, item.number) for item in enum.items]
        lines.append(",\n".join(body))
        lines.append("} satchel_%s;" % enum.snake)
    lines.append("\n#endif\n")
    return "\n".join(lines)


def next_bits(enum, item):
    by_name = {other.name: other.number for other in enum.items}
    return sum(1 << by_name[name] for name in set(item.next))


def rank_fields(model):
    """name of a state enum → field names and numbers of the entity whose state it is."""
    return {field.choices.name: {other.name: other.number for other in entity.fields}
            for entity in model.entities for field in entity.fields if field.policy == "STATE"}


def choices_table(enum, fields):
    lines = ["static const satchel_choice %s_items[] = {" % enum.snake]
    told = [item for item in sorted(enum.items, key=lambda i: i.number) if item.number]
    for item in told:
        lines.append("    {%d, %s, {%s, %s}, UINT64_C(0x%x), %d, %s, %du}," % (
            item.number, quoted(item.name), quoted(item.en), quoted(item.zh), next_bits(enum, item), item.rank,
            "true" if item.server_only else "false", fields.get(item.rank_field, 0)))
    initial = next((item.number for item in told if item.initial), 0)
    lines.append("};\nstatic const satchel_choices %s_choices = {%s, %d, %s_items, %d};\n" % (
        enum.snake, quoted(enum.name), len(told), enum.snake, initial))
    return "\n".join(lines)


def field_flags(field):
    told = (("REQUIRED", field.required), ("META", field.meta), ("DERIVED", field.derived))
    flags = [name for name, on in told if on]
    return " | ".join("SATCHEL_FIELD_" + name for name in flags) or "0"


def field_row(field, groups, entities):
    unit = "NONE" if field.unit == "PLAIN" else field.unit
    return ("    {%d, %s, {%s, %s}, SATCHEL_TYPE_%s, SATCHEL_TYPE_%s, SATCHEL_ENCODING_%s, SATCHEL_POLICY_%s, %d,\n"
            "     SATCHEL_WRITE_%s, SATCHEL_SENSITIVITY_%s, SATCHEL_SEARCH_%s, SATCHEL_UNIT_%s, %s,\n"
            "     %du, %s, %s, %s, %du, %s, %du},") % (
        field.number, quoted(field.name), quoted(field.en), quoted(field.zh), field.type, field.element,
        field.encoding, field.policy, groups.get(field.group, 0), field.write, field.sensitivity, field.search, unit,
        field_flags(field), field.max_bytes, number(field.min), number(field.max),
        quoted(field.pattern) if field.pattern else "NULL", entities.get(field.ref, 0),
        "&%s_choices" % field.choices.snake if field.choices else "NULL", field.rules_since)


def fields_table(entity, entities):
    groups = {name: group for group, name in entity.groups}
    rows = [field_row(field, groups, entities) for field in entity.fields]
    return "static const satchel_field %s_fields[] = {\n%s\n};\n" % (entity.name, "\n".join(rows))


def entity_row(entity, entities):
    by_name = {field.name: field.number for field in entity.fields}
    flags = [name.upper() for name in ("fact", "archive", "server_made", "company", "server_only")
             if getattr(entity, name)]
    return "    {%d, %s, %s, {%s, %s}, %s,\n     %du, %du, %du, %du, %du, %d, %s_fields}," % (
        entity.number, quoted(entity.name), quoted(entity.plural), quoted(entity.en), quoted(entity.zh),
        " | ".join("SATCHEL_ENTITY_" + flag for flag in flags) or "0", entities.get(entity.root, 0),
        by_name.get(entity.root_field, 0), by_name.get(entity.anchor, 0), by_name.get(entity.owner, 0),
        by_name.get(entity.title, 0), len(entity.fields), entity.name)


def table(model):
    entities = {entity.name: entity.number for entity in model.entities}
    used = {field.choices.snake for entity in model.entities for field in entity.fields if field.choices}
    parts = [HEAD.format(purpose="The entity table, see core/schema/schema.h."),
             '#include "schema/schema.h"\n']
    evidence = rank_fields(model)
    parts += [choices_table(enum, evidence.get(enum.name, {})) for enum in model.enums if enum.snake in used]
    parts += [fields_table(entity, entities) for entity in model.entities]
    parts.append("static const satchel_entity entities[] = {")
    parts += [entity_row(entity, entities) for entity in model.entities]
    parts.append("};\n\nconst satchel_model satchel_generated_model = {%d, %d, entities};\n" % (
        model.version, len(model.entities)))
    return "\n".join(parts)
