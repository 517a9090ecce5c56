/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of core/access, line by line, for the oracle beside this file. It reads from standard input
 *
 *   P RULES CLASS_RULES    then so many lines "role entity relations verbs" and "role entity relations class level"
 *   S                      the shipped policy instead; its rules are printed in the same form
 *   U ID ROLES ACTIVE T t1 … tT R r1 … rR     the user, with territories and reports
 *   R ENTITY OWNER ANCHOR_OWNER CREATOR TERRITORY ASSIGNED SHARED COMPANY ANCHORED
 *                          prints "relations verbs level level level level"
 *   O KIND SETS f1 … CLEARS g1 …              prints "STATUS field" for an op on that row
 *
 * Ids are small numbers, 0 is none; lists come sorted. Whatever it cannot read ends it with exit 2.
 */
#include "access/access.h"
#include "base/arena.h"
#include "base/text.h"

#include <satchel/model.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MOST 4096
#define IDS_MOST 4096
#define FIELDS_MOST 64

static struct {
    satchel_access_rule rules[RULES_MOST];
    satchel_class_rule class_rules[RULES_MOST];
    satchel_access_policy policy;
    satchel_id territories[IDS_MOST];
    satchel_id reports[IDS_MOST];
    satchel_access_user user;
    satchel_access_row row;
    satchel_schema schema;
    satchel_arena arena;
} here;

static _Noreturn void give_up(const char *what) {
    fprintf(stderr, "answers: %s\n", what);
    exit(2);
}

static uint64_t read_number(uint64_t most) {
    uint64_t number = 0;
    if (scanf("%" SCNu64, &number) != 1 || number > most) {
        give_up("a number is absent or too large");
    }
    return number;
}

static uint8_t read_byte(void) {
    return (uint8_t)read_number(255);
}

static satchel_id read_id(void) {
    uint64_t number = read_number(UINT32_MAX);
    satchel_id id = {{0}};
    for (size_t i = 0; i < 8; i++) {
        id.bytes[SATCHEL_ID_BYTES - 1 - i] = (uint8_t)(number >> 8 * i);
    }
    return id;
}

static void read_policy(void) {
    uint32_t rules = (uint32_t)read_number(RULES_MOST);
    uint32_t class_rules = (uint32_t)read_number(RULES_MOST);
    for (uint32_t i = 0; i < rules; i++) {
        satchel_access_rule *rule = &here.rules[i];
        rule->role = read_byte();
        rule->entity = read_byte();
        rule->relations = read_byte();
        rule->verbs = read_byte();
    }
    for (uint32_t i = 0; i < class_rules; i++) {
        satchel_class_rule *rule = &here.class_rules[i];
        rule->role = read_byte();
        rule->entity = read_byte();
        rule->relations = read_byte();
        rule->sensitivity = read_byte();
        rule->level = read_byte();
    }
    here.policy = (satchel_access_policy){here.rules, rules, here.class_rules, class_rules};
}

static void print_shipped(void) {
    here.policy = *satchel_access_shipped_policy();
    printf("%" PRIu32 " %" PRIu32 "\n", here.policy.rule_count, here.policy.class_rule_count);
    for (uint32_t i = 0; i < here.policy.rule_count; i++) {
        const satchel_access_rule *rule = &here.policy.rules[i];
        printf("%u %u %u %u\n", rule->role, rule->entity, rule->relations, rule->verbs);
    }
    for (uint32_t i = 0; i < here.policy.class_rule_count; i++) {
        const satchel_class_rule *rule = &here.policy.class_rules[i];
        printf("%u %u %u %u %u\n", rule->role, rule->entity, rule->relations, rule->sensitivity, rule->level);
    }
    (void)fflush(stdout);
}

static uint32_t read_ids(satchel_id *out) {
    uint32_t count = (uint32_t)read_number(IDS_MOST);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = read_id();
    }
    return count;
}

static void read_user(void) {
    here.user.id = read_id();
    here.user.roles = read_number(UINT64_MAX);
    here.user.active = read_number(1) == 1;
    here.user.territory_count = read_ids(here.territories);
    here.user.territories = here.territories;
    here.user.report_count = read_ids(here.reports);
    here.user.reports = here.reports;
}

static void read_row(void) {
    satchel_access_row *row = &here.row;
    row->entity = (uint32_t)read_number(255);
    row->owner = read_id();
    row->anchor_owner = read_id();
    row->creator = read_id();
    row->territory = read_id();
    row->assigned = read_number(1) == 1;
    row->shared = read_number(1) == 1;
    row->company = read_number(1) == 1;
    row->anchored = read_number(1) == 1;
    uint32_t relations = satchel_access_relations(&here.user, row);
    uint32_t verbs = 0;
    for (uint32_t verb = 1; verb < SATCHEL_VERB_ALL; verb *= 2) {
        bool may = satchel_access_allows(&here.policy, &here.user, row->entity, relations, (satchel_verb)verb);
        verbs |= may ? verb : 0;
    }
    if (!satchel_access_reads(&here.policy, &here.user, row->entity, relations, row->anchored)) {
        verbs &= ~(uint32_t)SATCHEL_VERB_READ;
    }
    printf("%" PRIu32 " %" PRIu32, relations, verbs);
    for (int class = 0; class < SATCHEL_SENSITIVITY_COUNT; class ++) {
        printf(" %d", (int)satchel_access_level(&here.policy, &here.user, row->entity, relations,
                                                (satchel_sensitivity) class));
    }
    printf("\n");
}

/* Some value of the field's type: access does not look at values. */
static satchel_value some_value(const satchel_field *field) {
    static const satchel_id id = {{1}};
    switch ((satchel_type)field->type) {
    case SATCHEL_TYPE_BOOL: return satchel_value_bool(true);
    case SATCHEL_TYPE_INT: return satchel_value_int(1);
    case SATCHEL_TYPE_TIME: return satchel_value_time(1);
    case SATCHEL_TYPE_REAL: return satchel_value_real(1);
    case SATCHEL_TYPE_TEXT: return satchel_value_text(satchel_text_of("x"));
    case SATCHEL_TYPE_BYTES: return satchel_value_bytes(satchel_bytes_of("x", 1));
    case SATCHEL_TYPE_ID: return satchel_value_id(&id);
    case SATCHEL_TYPE_SET: return satchel_value_set(NULL, 0);
    case SATCHEL_TYPE_NULL: break;
    }
    return satchel_value_null();
}

static void read_op(void) {
    satchel_op op;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    satchel_id row = {{2}};
    uint32_t cleared[FIELDS_MOST];
    satchel_op_kind kind = (satchel_op_kind)read_number(SATCHEL_OP_COMMAND);
    satchel_arena_reset(&here.arena);
    satchel_op_init(&op, kind, here.row.entity, &row, &here.arena);
    for (uint64_t left = read_number(FIELDS_MOST); left > 0; left--) {
        uint32_t number = (uint32_t)read_number(UINT32_MAX);
        const satchel_field *field = satchel_schema_field(&here.schema, here.row.entity, number);
        satchel_value value = field != NULL ? some_value(field) : satchel_value_null();
        if (field == NULL || satchel_record_set(&op.set, number, &value) != SATCHEL_OK) {
            give_up("an unknown field");
        }
    }
    op.cleared_count = (uint32_t)read_number(FIELDS_MOST);
    for (uint32_t i = 0; i < op.cleared_count; i++) {
        cleared[i] = (uint32_t)read_number(UINT32_MAX);
    }
    op.cleared = cleared;
    satchel_status status = satchel_access_check_op(&here.schema, &here.policy, &here.user, &here.row, &op, &error);
    printf("%s %" PRIu32 "\n", satchel_status_name(status), status == SATCHEL_OK ? 0 : error.field);
}

int main(void) {
    char letter[2];
    if (satchel_schema_init(&here.schema, &satchel_generated_model, NULL, 0, NULL) != SATCHEL_OK) {
        give_up("the schema");
    }
    satchel_arena_init(&here.arena);
    while (scanf("%1s", letter) == 1) {
        switch (letter[0]) {
        case 'P': read_policy(); break;
        case 'S': print_shipped(); break;
        case 'U': read_user(); break;
        case 'R': read_row(); break;
        case 'O': read_op(); break;
        default: give_up("an unknown line");
        }
    }
    satchel_arena_deinit(&here.arena);
    return 0;
}
