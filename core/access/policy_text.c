/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules from and to text.
 */
#include "access/policy_text.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

static const char *const verb_names[] = {"read", "create", "edit", "delete", "assign", "export", "approve"};
static const char *const relation_names[] = {"own", "assigned", "shared", "team", "territory", "company", "any"};
static const char *const class_names[] = {"open", "personal", "commercial", "secret"};
static const char *const level_names[] = {"hidden", "masked", "read", "write"};

#define COUNT(names) (sizeof(names) / sizeof *(names))

/* --- reading --- */

/* The next word up to one of `ends`; moves `text` behind it. */
static satchel_text cut_word(satchel_text *text, const char *ends) {
    size_t bytes = 0;
    while (bytes < text->bytes && strchr(ends, text->data[bytes]) == NULL) {
        bytes++;
    }
    satchel_text word = {text->data, bytes};
    size_t over = bytes < text->bytes ? bytes + 1 : bytes;
    *text = (satchel_text){text->data + over, text->bytes - over};
    return word;
}

static satchel_text next_word(satchel_text *line) {
    satchel_text word = {NULL, 0};
    while (word.bytes == 0 && line->bytes > 0) {
        word = cut_word(line, " \t\r");
    }
    return word;
}

/* False: no such name. */
static bool find_name(satchel_text word, const char *const *names, size_t count, uint32_t *out) {
    for (size_t i = 0; i < count; i++) {
        if (satchel_text_is(word, names[i])) {
            *out = (uint32_t)i;
            return true;
        }
    }
    return false;
}

/* Names parted by commas as bits. False: one is unknown, or there is none. */
static bool read_bits(satchel_text words, const char *const *names, size_t count, uint8_t *out) {
    *out = 0;
    while (words.bytes > 0) {
        uint32_t bit = 0;
        if (!find_name(cut_word(&words, ","), names, count, &bit)) {
            return false;
        }
        *out |= (uint8_t)(1u << bit);
    }
    return *out != 0;
}

static bool read_entity(const satchel_schema *schema, satchel_text word, uint8_t *out) {
    *out = 0;
    for (uint32_t i = 0; i < schema->model->entity_count; i++) {
        if (satchel_text_is(word, schema->model->entities[i].name)) {
            *out = (uint8_t)schema->model->entities[i].number;
        }
    }
    return *out != 0 || satchel_text_is(word, "*");
}

typedef struct rules_reader {
    const satchel_schema *schema;
    uint8_t role;
    satchel_access_rule *rules;
    uint32_t rule_count;
    satchel_class_rule *class_rules;
    uint32_t class_rule_count;
} rules_reader;

/* "personal=masked". False: it is none. */
static bool read_class(satchel_text word, satchel_class_rule *out) {
    uint32_t sensitivity = 0;
    uint32_t level = 0;
    satchel_text name = cut_word(&word, "=");
    bool known = find_name(name, class_names, COUNT(class_names), &sensitivity) &&
                 find_name(word, level_names, COUNT(level_names), &level);
    out->sensitivity = (uint8_t)sensitivity;
    out->level = (uint8_t)level;
    return known;
}

/* False: the line makes no sense. */
static bool read_line(rules_reader *reader, satchel_text line) {
    uint8_t entity = 0;
    uint8_t relations = 0;
    satchel_text on = next_word(&line);
    satchel_text what = next_word(&line);
    satchel_text through = next_word(&line);
    if (on.bytes == 0 || on.data[0] == '#') {
        return true;
    }
    if (next_word(&line).bytes > 0 || !read_entity(reader->schema, on, &entity) ||
        !read_bits(through, relation_names, COUNT(relation_names), &relations)) {
        return false;
    }
    if (memchr(what.data, '=', what.bytes) != NULL) {
        satchel_class_rule *rule = &reader->class_rules[reader->class_rule_count];
        *rule = (satchel_class_rule){.role = reader->role, .entity = entity, .relations = relations};
        bool known = read_class(what, rule);
        reader->class_rule_count += known ? 1 : 0;
        return known;
    }
    satchel_access_rule *rule = &reader->rules[reader->rule_count];
    *rule = (satchel_access_rule){.role = reader->role, .entity = entity, .relations = relations};
    bool known = read_bits(what, verb_names, COUNT(verb_names), &rule->verbs);
    reader->rule_count += known ? 1 : 0;
    return known;
}

static uint32_t count_lines(satchel_text text) {
    uint32_t lines = 1;
    for (size_t i = 0; i < text.bytes; i++) {
        lines += text.data[i] == '\n' ? 1 : 0;
    }
    return lines;
}

satchel_status satchel_access_rules_read(const satchel_schema *schema, uint8_t role, satchel_text text,
                                         satchel_arena *arena, satchel_access_policy *out, uint32_t *bad_line,
                                         satchel_error *error) {
    rules_reader reader = {.schema = schema, .role = role};
    uint32_t lines = count_lines(text);
    *out = (satchel_access_policy){NULL, 0, NULL, 0};
    if (bad_line != NULL) {
        *bad_line = 0;
    }
    if (lines > SATCHEL_ROLE_LINES_MOST) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "a role has at most %u rules",
                            (unsigned)SATCHEL_ROLE_LINES_MOST);
    }
    reader.rules = satchel_arena_take_array(arena, lines, sizeof *reader.rules);
    reader.class_rules = satchel_arena_take_array(arena, lines, sizeof *reader.class_rules);
    if (reader.rules == NULL || reader.class_rules == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for rules");
    }
    for (uint32_t i = 1; i <= lines; i++) {
        if (read_line(&reader, cut_word(&text, "\n"))) {
            continue;
        }
        if (bad_line == NULL) {
            return satchel_fail(error, SATCHEL_MALFORMED, "line %u is no rule: ENTITY VERBS RELATIONS", (unsigned)i);
        }
        *bad_line = *bad_line == 0 ? i : *bad_line;
    }
    *out = (satchel_access_policy){reader.rules, reader.rule_count, reader.class_rules, reader.class_rule_count};
    return SATCHEL_OK;
}

/* --- writing --- */

static satchel_status write_bits(uint8_t bits, const char *const *names, size_t count, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    const char *before = " ";
    for (size_t i = 0; status == SATCHEL_OK && i < count; i++) {
        if ((bits >> i & 1) != 0) {
            status = satchel_buffer_append_format(out, "%s%s", before, names[i]);
            before = ",";
        }
    }
    return status;
}

static satchel_status write_entity(const satchel_schema *schema, uint8_t number, satchel_buffer *out) {
    const satchel_entity *entity = satchel_schema_entity(schema, number);
    return satchel_buffer_append_format(out, "%s", entity != NULL ? entity->name : "*");
}

static satchel_status end_line(uint8_t relations, satchel_buffer *out) {
    satchel_status status = write_bits(relations, relation_names, COUNT(relation_names), out);
    return status == SATCHEL_OK ? satchel_buffer_append_byte(out, '\n') : status;
}

satchel_status satchel_access_rules_write(const satchel_schema *schema, const satchel_access_policy *policy,
                                          uint8_t role, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < policy->rule_count; i++) {
        const satchel_access_rule *rule = &policy->rules[i];
        if (rule->role != role) {
            continue;
        }
        status = write_entity(schema, rule->entity, out);
        if (status == SATCHEL_OK) {
            status = write_bits(rule->verbs, verb_names, COUNT(verb_names), out);
        }
        if (status == SATCHEL_OK) {
            status = end_line(rule->relations, out);
        }
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < policy->class_rule_count; i++) {
        const satchel_class_rule *rule = &policy->class_rules[i];
        if (rule->role != role) {
            continue;
        }
        status = write_entity(schema, rule->entity, out);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_format(out, " %s=%s", class_names[rule->sensitivity & 3],
                                                  level_names[rule->level & 3]);
        }
        if (status == SATCHEL_OK) {
            status = end_line(rule->relations, out);
        }
    }
    return status;
}
