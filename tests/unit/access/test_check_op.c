/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this op be applied? Stories on the shipped policy and the real model, then random ops against an oracle.
 */
#include "access/access.h"
#include "base/ids.h"
#include "base/text.h"
#include "support/random.h"

#include <satchel/model.h>

#include <string.h>

static const satchel_schema real_schema = {.model = &satchel_generated_model};

#define REP UINT64_C(1) << SATCHEL_ROLE_REP
#define MANAGER UINT64_C(1) << SATCHEL_ROLE_MANAGER
#define SERVICE UINT64_C(1) << SATCHEL_ROLE_SERVICE
#define MARKETING UINT64_C(1) << SATCHEL_ROLE_MARKETING
#define AUDITOR UINT64_C(1) << SATCHEL_ROLE_AUDITOR
#define ADMINISTRATOR UINT64_C(1) << SATCHEL_ROLE_ADMINISTRATOR

/* How the row stands to the user; O owns it, A is assigned, S shared, T his territory, X none of these. */
typedef struct story {
    uint64_t roles;
    char stands;
    satchel_op_kind kind;
    uint32_t entity;
    uint32_t field; /* 0: the op touches none */
    satchel_status status;
} story;

static const story stories[] = {
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OK},
    {REP, 'A', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OK},
    {REP, 'S', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OK},
    {REP, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OUT_OF_SCOPE},
    {REP, 'T', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OUT_OF_SCOPE},
    {REP, 'O', SATCHEL_OP_DELETE, SATCHEL_ENTITY_CUSTOMER, 0, SATCHEL_FORBIDDEN},
    {REP, 'O', SATCHEL_OP_DELETE, SATCHEL_ENTITY_TASK, 0, SATCHEL_OK},
    {REP, 'X', SATCHEL_OP_DELETE, SATCHEL_ENTITY_TASK, 0, SATCHEL_OUT_OF_SCOPE},
    {REP, 'O', SATCHEL_OP_CREATE, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OK},
    {REP, 'X', SATCHEL_OP_CREATE, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OUT_OF_SCOPE},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_OWNER, SATCHEL_READ_ONLY_FIELD},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_FIELD_CREATED_AT, SATCHEL_READ_ONLY_FIELD},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, SATCHEL_FORBIDDEN},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CONTRACT_UNTIL, SATCHEL_OK},
    {REP, 'S', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CONTRACT_UNTIL, SATCHEL_FORBIDDEN},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_RISK_NOTE, SATCHEL_FORBIDDEN},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_NOTE, SATCHEL_OK},
    {REP, 'A', SATCHEL_OP_EDIT, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_NOTE, SATCHEL_FORBIDDEN}, /* not its owner */
    {REP, 'A', SATCHEL_OP_EDIT, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_TOTAL_MINOR, SATCHEL_OK}, /* derived */
    {REP, 'S', SATCHEL_OP_EDIT, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_NOTE, SATCHEL_FORBIDDEN},
    {REP, 'O', SATCHEL_OP_CREATE, SATCHEL_ENTITY_ACTIVITY, SATCHEL_ACTIVITY_BODY, SATCHEL_OK},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_ACTIVITY, SATCHEL_ACTIVITY_BODY, SATCHEL_FORBIDDEN},
    {REP, 'O', SATCHEL_OP_VOID, SATCHEL_ENTITY_TASK, 0, SATCHEL_OK},
    {REP, 'X', SATCHEL_OP_VOID, SATCHEL_ENTITY_TASK, 0, SATCHEL_OUT_OF_SCOPE},
    {REP, 'O', SATCHEL_OP_VOID, SATCHEL_ENTITY_ACTIVITY, 0, SATCHEL_OK}, /* made, never edited */
    {AUDITOR, 'X', SATCHEL_OP_VOID, SATCHEL_ENTITY_TASK, 0, SATCHEL_FORBIDDEN},
    {REP, 'O', SATCHEL_OP_COMMAND, SATCHEL_ENTITY_ORDER, 0, SATCHEL_OK},
    {REP, 'X', SATCHEL_OP_COMMAND, SATCHEL_ENTITY_ORDER, 0, SATCHEL_OUT_OF_SCOPE},
    {REP, 'O', SATCHEL_OP_EDIT, 250, 0, SATCHEL_UNKNOWN_ENTITY},
    {REP, 'O', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, 899, SATCHEL_UNKNOWN_FIELD},
    {REP, 'O', (satchel_op_kind)9, SATCHEL_ENTITY_CUSTOMER, 0, SATCHEL_INVALID_ARGUMENT},
    {MANAGER, 'T', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, SATCHEL_OK},
    {MANAGER, 'T', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_RISK_NOTE, SATCHEL_FORBIDDEN},
    {MANAGER, 'T', SATCHEL_OP_EDIT, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_NOTE, SATCHEL_OK},
    {MANAGER, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_OUT_OF_SCOPE},
    {SERVICE, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_FORBIDDEN},
    {SERVICE, 'X', SATCHEL_OP_CREATE, SATCHEL_ENTITY_CASE, SATCHEL_CASE_SUBJECT, SATCHEL_OK},
    {SERVICE, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_SUMMARY, SATCHEL_OUT_OF_SCOPE},
    {MARKETING, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_PHONES, SATCHEL_FORBIDDEN},
    {AUDITOR, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, SATCHEL_FORBIDDEN},
    {ADMINISTRATOR, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_RISK_NOTE, SATCHEL_OK},
    {ADMINISTRATOR, 'X', SATCHEL_OP_EDIT, SATCHEL_ENTITY_AUDIT_EVENT, SATCHEL_AUDIT_EVENT_ACTION,
     SATCHEL_READ_ONLY_FIELD},
};

static satchel_access_row row_standing(char stands, uint32_t entity) {
    satchel_access_row row = {.entity = entity, .owner = {{2}}};
    row.owner.bytes[0] = stands == 'O' ? 1 : 2;
    row.assigned = stands == 'A';
    row.shared = stands == 'S';
    row.territory.bytes[0] = stands == 'T' ? 40 : 41;
    return row;
}

TEST(access_check_op, stories_of_the_shipped_policy) {
    static const satchel_id territories[] = {{{40}}};
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        const story *s = &stories[i];
        satchel_arena arena = {0};
        satchel_op op;
        satchel_error error = {0};
        satchel_access_user user = {
            .id = {{1}}, .roles = s->roles, .territories = territories, .territory_count = 1, .active = true};
        satchel_access_row row = row_standing(s->stands, s->entity);
        test_note("story %zu", i);
        satchel_op_init(&op, s->kind, s->entity, &user.id, &arena);
        if (s->field != 0) {
            REQUIRE_OK(satchel_record_set_int(&op.set, s->field, 1));
        }
        CHECK_STATUS(satchel_access_check_op(&real_schema, satchel_access_shipped_policy(), &user, &row, &op, &error),
                     s->status);
        bool names_field =
            s->field != 0 && (s->status == SATCHEL_READ_ONLY_FIELD || s->status == SATCHEL_UNKNOWN_FIELD);
        CHECK(!names_field || error.field == s->field);
        CHECK(s->status == SATCHEL_OK || error.detail[0] != '\0');
        satchel_arena_deinit(&arena);
    }
}

TEST(access_check_op, an_inactive_user_is_told_nothing) {
    satchel_arena arena = {0};
    satchel_op op;
    satchel_access_user user = {.id = {{1}}, .roles = UINT64_MAX, .active = false};
    satchel_access_row row = row_standing('O', SATCHEL_ENTITY_CUSTOMER);
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &user.id, &arena);
    CHECK_STATUS(satchel_access_check_op(&real_schema, satchel_access_shipped_policy(), &user, &row, &op, NULL),
                 SATCHEL_OUT_OF_SCOPE);
    satchel_arena_deinit(&arena);
}

/* ---- writer kinds and classes on a schema of their own ---- */

#define OWNERS 2u
#define CREATORS 3u
#define MANAGERS 4u
#define SERVERS 5u
#define PERSONAL 6u
#define ARCHIVED 7u
#define FREE 8u

#define WRITER(number_, kind, class_, flags_)                                                                          \
    {                                                                                                                  \
        .number = (number_), .name = #number_, .type = SATCHEL_TYPE_TEXT, .writer = SATCHEL_WRITE_##kind,              \
        .sensitivity = SATCHEL_SENSITIVITY_##class_, .flags = (flags_), .max_bytes = 10                                \
    }
static const satchel_field fields[] = {
    WRITER(OWNERS, OWNER, OPEN, 0),
    WRITER(CREATORS, CREATOR, OPEN, 0),
    WRITER(MANAGERS, MANAGER, OPEN, 0),
    WRITER(SERVERS, SERVER, OPEN, 0),
    WRITER(PERSONAL, ANY_EDITOR, PERSONAL, 0),
    WRITER(ARCHIVED, SERVER, SECRET, SATCHEL_FIELD_ARCHIVED),
    WRITER(FREE, ANY_EDITOR, OPEN, 0),
};
static const satchel_entity entity = {.number = 1, .name = "thing", .field_count = 7, .fields = fields};
static const satchel_model model = {1, 1, &entity};
static const satchel_schema schema = {.model = &model};

typedef struct decision {
    bool edits, assigns;
    satchel_level level; /* of PERSONAL */
    bool owns, anchors, created;
    satchel_op_kind kind;
    uint32_t field;
} decision;

static satchel_status decide(const decision *d, satchel_error *error) {
    satchel_access_rule rules[] = {{1, 0, SATCHEL_RELATION_ANY, SATCHEL_VERB_READ},
                                   {1, 1, SATCHEL_RELATION_ANY, d->edits ? SATCHEL_VERB_EDIT | SATCHEL_VERB_CREATE : 0},
                                   {1, 1, SATCHEL_RELATION_ANY, d->assigns ? SATCHEL_VERB_ASSIGN : 0}};
    satchel_class_rule class_rules[] = {{1, 0, SATCHEL_RELATION_ANY, 0, SATCHEL_LEVEL_WRITE},
                                        {1, 0, SATCHEL_RELATION_ANY, 1, (uint8_t)d->level}};
    satchel_access_policy policy = {rules, 3, class_rules, 2};
    satchel_access_user user = {.id = {{1}}, .roles = 2, .active = true};
    satchel_access_row row = {.entity = 1};
    row.owner.bytes[0] = d->owns ? 1 : d->anchors ? 0 : 2;
    row.anchor_owner.bytes[0] = d->anchors ? 1 : 2;
    row.creator.bytes[0] = d->created ? 1 : 2;
    satchel_arena arena = {0};
    satchel_op op;
    satchel_op_init(&op, d->kind, 1, &user.id, &arena);
    uint32_t cleared[] = {d->field};
    switch (d->field % 3) {
    case 0: REQUIRE_OK(satchel_record_set_text(&op.set, d->field, test_text_of("x"))); break;
    case 1: REQUIRE_OK(satchel_record_set_text(&op.removed, d->field, test_text_of("x"))); break;
    default: op.cleared = cleared; op.cleared_count = 1;
    }
    satchel_status status = satchel_access_check_op(&schema, &policy, &user, &row, &op, error);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status oracle(const decision *d) {
    if (!d->edits) {
        return SATCHEL_FORBIDDEN;
    }
    switch (d->field) {
    case OWNERS: return d->owns || d->anchors || d->assigns ? SATCHEL_OK : SATCHEL_FORBIDDEN;
    case CREATORS: return d->created || d->kind == SATCHEL_OP_CREATE ? SATCHEL_OK : SATCHEL_FORBIDDEN;
    case MANAGERS: return d->assigns ? SATCHEL_OK : SATCHEL_FORBIDDEN;
    case SERVERS: return SATCHEL_READ_ONLY_FIELD;
    case PERSONAL:
        return d->level == SATCHEL_LEVEL_WRITE    ? SATCHEL_OK
               : d->level == SATCHEL_LEVEL_MASKED ? SATCHEL_READ_ONLY_FIELD
                                                  : SATCHEL_FORBIDDEN;
    default: return SATCHEL_OK;
    }
}

TEST(access_check_op, writer_kinds_and_classes_agree_with_the_oracle) {
    test_random random = test_random_of(701);
    for (unsigned i = 0; i < 100000; i++) {
        decision d = {.edits = test_random_chance(&random, 80),
                      .assigns = test_random_chance(&random, 30),
                      .level = (satchel_level)test_random_below(&random, 4),
                      .owns = test_random_chance(&random, 30),
                      .anchors = test_random_chance(&random, 20),
                      .created = test_random_chance(&random, 30),
                      .kind = test_random_chance(&random, 50) ? SATCHEL_OP_EDIT : SATCHEL_OP_CREATE,
                      .field = (uint32_t)test_random_between(&random, OWNERS, FREE)};
        satchel_error error = {0};
        REQUIRE_STATUS(decide(&d, &error), oracle(&d));
        REQUIRE(!d.edits || error.status == SATCHEL_OK || error.field == d.field);
    }
}

TEST(access_check_op, the_owner_of_the_customer_does_not_stand_in_for_another_owner) {
    decision d = {.edits = true, .kind = SATCHEL_OP_EDIT, .field = OWNERS};
    CHECK_STATUS(decide(&d, NULL), SATCHEL_FORBIDDEN);
    d.anchors = true; /* the row has no owner of its own, its customer is his */
    CHECK_STATUS(decide(&d, NULL), SATCHEL_OK);
}

TEST(access_check_op, who_may_edit_but_not_read_is_told_nothing) {
    static const satchel_access_rule rules[] = {{1, 0, SATCHEL_RELATION_ANY, SATCHEL_VERB_ALL - SATCHEL_VERB_READ}};
    const satchel_access_policy policy = {rules, 1, NULL, 0};
    satchel_access_user user = {.id = {{1}}, .roles = 2, .active = true};
    satchel_access_row row = {.entity = 1, .owner = {{1}}};
    satchel_arena arena = {0};
    satchel_op op;
    satchel_op_init(&op, SATCHEL_OP_EDIT, 1, &user.id, &arena);
    CHECK_STATUS(satchel_access_check_op(&schema, &policy, &user, &row, &op, NULL), SATCHEL_OUT_OF_SCOPE);
    op.kind = SATCHEL_OP_DELETE;
    CHECK_STATUS(satchel_access_check_op(&schema, &policy, &user, &row, &op, NULL), SATCHEL_OUT_OF_SCOPE);
    op.kind = SATCHEL_OP_CREATE;
    CHECK_OK(satchel_access_check_op(&schema, &policy, &user, &row, &op, NULL));
    satchel_arena_deinit(&arena);
}
