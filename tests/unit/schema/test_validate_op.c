/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops: what a phone may say and in which form, one rule a test.
 */
#include "base/limits.h"
#include "base/text.h"
#include "satchel/model.h"
#include "schema/validate.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const satchel_id row = {{1, 2, 3}};

typedef struct bench {
    satchel_arena arena;
    satchel_schema schema;
    satchel_op op;
    uint32_t cleared[300];
} bench;

static bench *bench_of(bench *b, satchel_op_kind kind, uint32_t entity) {
    memset(b, 0, sizeof *b);
    REQUIRE_OK(satchel_schema_init(&b->schema, &satchel_generated_model, NULL, 0, NULL));
    satchel_op_init(&b->op, kind, entity, &row, &b->arena);
    b->op.cleared = b->cleared;
    return b;
}

static void put_int(bench *b, uint32_t field, int64_t integer) {
    REQUIRE_OK(satchel_record_set_int(&b->op.set, field, integer));
}

static void put_text(bench *b, uint32_t field, const char *text) {
    REQUIRE_OK(satchel_record_set_text(&b->op.set, field, satchel_text_of(text)));
}

static void put_id(bench *b, uint32_t field) {
    REQUIRE_OK(satchel_record_set_id(&b->op.set, field, &row));
}

static void put_set(satchel_record *record, uint32_t field, const char *element) {
    satchel_bytes bytes = satchel_bytes_of(element, strlen(element));
    satchel_value value = satchel_value_set(&bytes, 1);
    REQUIRE_OK(satchel_record_set(record, field, &value));
}

static void clear(bench *b, uint32_t field) {
    b->cleared[b->op.cleared_count++] = field;
}

/* Judges, frees, and gives the answer. */
static satchel_status answer_by(bench *b, bool by_phone) {
    satchel_error error;
    memset(&error, 0, sizeof error);
    satchel_status status = satchel_validate_op(&b->schema, &b->op, by_phone, &error);
    CHECK_STATUS(error.status, status);
    CHECK((error.detail[0] != '\0') == (status != SATCHEL_OK));
    satchel_arena_deinit(&b->arena);
    return status;
}

static satchel_status answer(bench *b) {
    return answer_by(b, true);
}

TEST(validate_op, takes_a_customer_and_an_edit_of_it) {
    bench b;
    bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_CUSTOMER);
    put_text(&b, SATCHEL_CUSTOMER_NAME, "华宁商贸有限公司");
    put_int(&b, SATCHEL_CUSTOMER_LIFECYCLE, SATCHEL_CUSTOMER_LIFECYCLE_PROSPECT);
    put_set(&b.op.set, SATCHEL_CUSTOMER_PHONES, "13812344729");
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_set(&b.op.set, SATCHEL_CUSTOMER_TAGS, "vip");
    put_set(&b.op.removed, SATCHEL_CUSTOMER_TAGS, "cold");
    clear(&b, SATCHEL_CUSTOMER_CITY);
    CHECK_OK(answer(&b));
}

TEST(validate_op, knows_entity_kind_field_and_row) {
    bench b;
    bench_of(&b, SATCHEL_OP_DELETE, 17);
    CHECK_STATUS(answer(&b), SATCHEL_UNKNOWN_ENTITY);
    bench_of(&b, (satchel_op_kind)6, SATCHEL_ENTITY_TASK);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, (satchel_op_kind)0, SATCHEL_ENTITY_TASK);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
    put_int(&b, 899, 1);
    CHECK_STATUS(answer(&b), SATCHEL_UNKNOWN_FIELD);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
    clear(&b, 1000);
    CHECK_STATUS(answer(&b), SATCHEL_UNKNOWN_FIELD);
    bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_TASK);
    memset(&b.op.row, 0, sizeof b.op.row);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

TEST(validate_op, an_edit_says_something) {
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
    b.op.set.tail = satchel_bytes_of("\x98\x06\x01", 3); /* fields of a newer version pass */
    CHECK_OK(answer(&b));
}

TEST(validate_op, required_fields_are_there_in_a_create_and_stay) {
    bench b;
    bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_ORDER_LINE);
    put_id(&b, SATCHEL_ORDER_LINE_ORDER);
    put_id(&b, SATCHEL_ORDER_LINE_PRODUCT);
    put_int(&b, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000);
    CHECK_STATUS(answer(&b), SATCHEL_REQUIRED_MISSING);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    clear(&b, SATCHEL_CUSTOMER_NAME);
    CHECK_STATUS(answer(&b), SATCHEL_REQUIRED_MISSING);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_text(&b, SATCHEL_CUSTOMER_NAME, " ");
    CHECK_STATUS(answer(&b), SATCHEL_REQUIRED_MISSING);
}

TEST(validate_op, a_phone_never_writes_fields_of_the_server) {
    bench b;
    for (int by_phone = 0; by_phone < 2; by_phone++) {
        satchel_status expected = by_phone ? SATCHEL_READ_ONLY_FIELD : SATCHEL_OK;
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        put_id(&b, SATCHEL_CUSTOMER_OWNER);
        CHECK_STATUS(answer_by(&b, by_phone != 0), expected);
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        clear(&b, SATCHEL_CUSTOMER_OWNER);
        CHECK_STATUS(answer_by(&b, by_phone != 0), expected);
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_PRODUCT);
        put_text(&b, SATCHEL_PRODUCT_NAME, "Chai");
        CHECK_STATUS(answer_by(&b, by_phone != 0), expected);
        bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_PRODUCT);
        CHECK_STATUS(answer_by(&b, by_phone != 0), expected);
    }
}

TEST(validate_op, meta_fields_are_never_set_by_anyone) {
    static const uint32_t meta[] = {SATCHEL_FIELD_ID, SATCHEL_FIELD_CREATED_BY, SATCHEL_FIELD_CREATED_DEVICE,
                                    SATCHEL_FIELD_UPDATED_BY};
    bench b;
    for (int i = 0; i < 4; i++) {
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
        put_id(&b, meta[i]);
        CHECK_STATUS(answer_by(&b, false), SATCHEL_READ_ONLY_FIELD);
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
        clear(&b, meta[i]);
        CHECK_STATUS(answer_by(&b, false), SATCHEL_READ_ONLY_FIELD);
    }
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
    REQUIRE_OK(satchel_record_set_bool(&b.op.set, SATCHEL_FIELD_DELETED, true));
    CHECK_STATUS(answer_by(&b, false), SATCHEL_READ_ONLY_FIELD);
}

TEST(validate_op, facts_are_created_and_nothing_else) {
    bench b;
    bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_ACTIVITY);
    put_int(&b, SATCHEL_ACTIVITY_KIND, SATCHEL_ACTIVITY_KIND_CALL);
    put_id(&b, SATCHEL_ACTIVITY_CUSTOMER);
    REQUIRE_OK(satchel_record_set_time(&b.op.set, SATCHEL_ACTIVITY_AT, 1));
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_ACTIVITY);
    put_text(&b, SATCHEL_ACTIVITY_BODY, "later thought");
    CHECK_STATUS(answer(&b), SATCHEL_IMMUTABLE);
    bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_ACTIVITY);
    CHECK_STATUS(answer(&b), SATCHEL_IMMUTABLE);
    bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_ACTIVITY);
    CHECK_OK(answer_by(&b, false)); /* erasure for privacy */
}

/* An edit of a visit's status, with `from` if it is not 0. */
static satchel_status visit_goes(int64_t from, int64_t to) {
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_VISIT);
    put_int(&b, SATCHEL_VISIT_STATUS, to);
    if (from != 0) {
        REQUIRE_OK(satchel_record_set_int(&b.op.from, SATCHEL_VISIT_STATUS, from));
    }
    return answer(&b);
}

TEST(validate_op, a_state_says_where_it_comes_from_and_goes_a_legal_way) {
    CHECK_OK(visit_goes(SATCHEL_VISIT_STATUS_PLANNED, SATCHEL_VISIT_STATUS_IN_PROGRESS));
    CHECK_OK(visit_goes(SATCHEL_VISIT_STATUS_PLANNED, SATCHEL_VISIT_STATUS_COMPLETED)); /* in two steps */
    CHECK_STATUS(visit_goes(SATCHEL_VISIT_STATUS_COMPLETED, SATCHEL_VISIT_STATUS_PLANNED), SATCHEL_ILLEGAL_STATE);
    CHECK_STATUS(visit_goes(SATCHEL_VISIT_STATUS_CANCELLED, SATCHEL_VISIT_STATUS_COMPLETED), SATCHEL_ILLEGAL_STATE);
    CHECK_STATUS(visit_goes(0, SATCHEL_VISIT_STATUS_PLANNED), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(visit_goes(9, SATCHEL_VISIT_STATUS_PLANNED), SATCHEL_ILLEGAL_STATE);
    CHECK_STATUS(visit_goes(SATCHEL_VISIT_STATUS_PLANNED, 9), SATCHEL_OUT_OF_RANGE);
}

TEST(validate_op, a_state_that_may_be_absent_starts_at_the_initial_one) {
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_int(&b, SATCHEL_CUSTOMER_LIFECYCLE, SATCHEL_CUSTOMER_LIFECYCLE_EXISTING);
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_int(&b, SATCHEL_CUSTOMER_LIFECYCLE, SATCHEL_CUSTOMER_LIFECYCLE_EXISTING);
    REQUIRE_OK(satchel_record_set_bool(&b.op.from, SATCHEL_CUSTOMER_LIFECYCLE, true));
    CHECK_STATUS(answer(&b), SATCHEL_WRONG_TYPE);
}

static satchel_status order_goes(int64_t from, int64_t to, bool by_phone) {
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_ORDER);
    put_int(&b, SATCHEL_ORDER_STATUS, to);
    REQUIRE_OK(satchel_record_set_int(&b.op.from, SATCHEL_ORDER_STATUS, from));
    return answer_by(&b, by_phone);
}

TEST(validate_op, a_phone_never_confirms_or_rejects_an_order) {
    CHECK_OK(order_goes(SATCHEL_ORDER_STATUS_DRAFT, SATCHEL_ORDER_STATUS_SUBMITTED, true));
    CHECK_OK(order_goes(SATCHEL_ORDER_STATUS_SUBMITTED, SATCHEL_ORDER_STATUS_CANCELLED, true));
    CHECK_STATUS(order_goes(SATCHEL_ORDER_STATUS_SUBMITTED, SATCHEL_ORDER_STATUS_CONFIRMED, true),
                 SATCHEL_READ_ONLY_FIELD);
    CHECK_STATUS(order_goes(SATCHEL_ORDER_STATUS_SUBMITTED, SATCHEL_ORDER_STATUS_REJECTED, true),
                 SATCHEL_READ_ONLY_FIELD);
    CHECK_OK(order_goes(SATCHEL_ORDER_STATUS_SUBMITTED, SATCHEL_ORDER_STATUS_CONFIRMED, false));
}

TEST(validate_op, a_create_starts_in_a_state_that_can_be_reached) {
    bench b;
    for (int64_t state = 1; state <= 5; state++) {
        bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_TASK);
        put_text(&b, SATCHEL_TASK_TITLE, "call back");
        put_int(&b, SATCHEL_TASK_STATUS, state);
        CHECK_STATUS(answer(&b), state <= 4 ? SATCHEL_OK : SATCHEL_OUT_OF_RANGE);
    }
}

TEST(validate_op, from_is_for_states_that_are_set) {
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_VISIT);
    put_text(&b, SATCHEL_VISIT_SUMMARY, "fine");
    REQUIRE_OK(satchel_record_set_int(&b.op.from, SATCHEL_VISIT_STATUS, 1));
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_VISIT);
    put_text(&b, SATCHEL_VISIT_SUMMARY, "fine");
    REQUIRE_OK(satchel_record_set_int(&b.op.from, SATCHEL_VISIT_SUMMARY, 1));
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

TEST(validate_op, an_edit_of_a_group_says_something_of_each_member) {
    bench b;
    for (int members = 1; members <= 3; members++) {
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        put_int(&b, SATCHEL_CUSTOMER_LATITUDE_E7, 1);
        if (members > 1) {
            put_int(&b, SATCHEL_CUSTOMER_LONGITUDE_E7, 1);
        }
        if (members > 2) {
            clear(&b, SATCHEL_CUSTOMER_POSITION_ACCURACY_M);
        }
        CHECK_STATUS(answer(&b), members == 3 ? SATCHEL_OK : SATCHEL_INVALID_ARGUMENT);
    }
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    clear(&b, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_CUSTOMER);
    put_text(&b, SATCHEL_CUSTOMER_NAME, "new");
    put_int(&b, SATCHEL_CUSTOMER_LATITUDE_E7, 1);
    put_int(&b, SATCHEL_CUSTOMER_LONGITUDE_E7, 1);
    CHECK_OK(answer(&b)); /* in a new row the absent are null */
}

TEST(validate_op, cleared_fields_ascend_and_are_not_set_as_well) {
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    clear(&b, SATCHEL_CUSTOMER_CITY);
    clear(&b, SATCHEL_CUSTOMER_STREET);
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    clear(&b, SATCHEL_CUSTOMER_STREET);
    clear(&b, SATCHEL_CUSTOMER_CITY);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_text(&b, SATCHEL_CUSTOMER_CITY, "Wuhan");
    clear(&b, SATCHEL_CUSTOMER_CITY);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

TEST(validate_op, policies_that_only_grow_are_never_cleared) {
    static const uint32_t fields[] = {SATCHEL_CUSTOMER_LIFECYCLE, SATCHEL_CUSTOMER_TAGS, SATCHEL_CUSTOMER_LAST_VISIT_AT,
                                      SATCHEL_CUSTOMER_FIRST_VISIT_AT, SATCHEL_CUSTOMER_LOYALTY_POINTS};
    bench b;
    for (int i = 0; i < 5; i++) {
        test_note("field %u", fields[i]);
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        clear(&b, fields[i]);
        CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    }
}

TEST(validate_op, removed_holds_canonical_elements_of_sets_only) {
    char room[SATCHEL_LIMIT_SET_ELEMENT_BYTES + 2];
    memset(room, 'a', sizeof room);
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_set(&b.op.removed, SATCHEL_CUSTOMER_CITY, "Wuhan");
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_set(&b.op.removed, SATCHEL_CUSTOMER_PHONES, "no phone"); /* an old value that today's pattern would refuse */
    CHECK_OK(answer(&b));
    for (size_t bytes = SATCHEL_LIMIT_SET_ELEMENT_BYTES; bytes <= SATCHEL_LIMIT_SET_ELEMENT_BYTES + 1; bytes++) {
        room[bytes] = '\0';
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        put_set(&b.op.removed, SATCHEL_CUSTOMER_TAGS, room);
        CHECK_STATUS(answer(&b), bytes == SATCHEL_LIMIT_SET_ELEMENT_BYTES ? SATCHEL_OK : SATCHEL_TOO_LONG);
        room[bytes] = 'a';
    }
}

TEST(validate_op, as_many_elements_are_removed_as_a_set_holds) {
    static char names[SATCHEL_LIMIT_SET_ELEMENTS + 1][8];
    static satchel_bytes elements[SATCHEL_LIMIT_SET_ELEMENTS + 1];
    bench b;
    for (uint32_t i = 0; i <= SATCHEL_LIMIT_SET_ELEMENTS; i++) {
        snprintf(names[i], sizeof names[i], "%04u", i);
        elements[i] = satchel_bytes_of(names[i], 4);
    }
    for (uint32_t more = 0; more < 2; more++) {
        satchel_value value = satchel_value_set(elements, SATCHEL_LIMIT_SET_ELEMENTS + more);
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        REQUIRE_OK(satchel_record_set(&b.op.removed, SATCHEL_CUSTOMER_TAGS, &value));
        CHECK_STATUS(answer(&b), more == 0 ? SATCHEL_OK : SATCHEL_LIMIT_EXCEEDED);
    }
    satchel_bytes disordered[] = {elements[1], elements[0]};
    satchel_value value = satchel_value_set(disordered, 2);
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    REQUIRE_OK(satchel_record_set(&b.op.removed, SATCHEL_CUSTOMER_TAGS, &value));
    CHECK_STATUS(answer(&b), SATCHEL_WRONG_TYPE);
}

TEST(validate_op, no_element_is_both_added_and_removed) {
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_set(&b.op.set, SATCHEL_CUSTOMER_TAGS, "vip");
    put_set(&b.op.removed, SATCHEL_CUSTOMER_TAGS, "vip");
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

TEST(validate_op, a_create_removes_nothing_and_comes_from_nowhere) {
    bench b;
    bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_CUSTOMER);
    put_text(&b, SATCHEL_CUSTOMER_NAME, "new");
    put_set(&b.op.removed, SATCHEL_CUSTOMER_TAGS, "vip");
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_CUSTOMER);
    put_text(&b, SATCHEL_CUSTOMER_NAME, "new");
    REQUIRE_OK(satchel_record_set_int(&b.op.from, SATCHEL_CUSTOMER_LIFECYCLE, 1));
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

TEST(validate_op, a_sum_takes_deltas_of_either_sign_up_to_the_limit) {
    static const int64_t good[] = {1, -1, SATCHEL_LARGEST_DELTA, -SATCHEL_LARGEST_DELTA};
    static const int64_t bad[] = {SATCHEL_LARGEST_DELTA + 1, -SATCHEL_LARGEST_DELTA - 1, INT64_MIN, INT64_MAX};
    bench b;
    for (int i = 0; i < 4; i++) {
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        put_int(&b, SATCHEL_CUSTOMER_LOYALTY_POINTS, good[i]);
        CHECK_OK(answer(&b));
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
        put_int(&b, SATCHEL_CUSTOMER_LOYALTY_POINTS, bad[i]);
        CHECK_STATUS(answer(&b), SATCHEL_OUT_OF_RANGE);
    }
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    put_text(&b, SATCHEL_CUSTOMER_LOYALTY_POINTS, "5");
    CHECK_STATUS(answer(&b), SATCHEL_WRONG_TYPE);
}

TEST(validate_op, nothing_is_set_to_null) {
    const satchel_value nothing = satchel_value_null();
    bench b;
    bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER);
    REQUIRE_OK(satchel_record_set(&b.op.set, SATCHEL_CUSTOMER_CITY, &nothing));
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

TEST(validate_op, delete_and_void_say_nothing_else) {
    bench b;
    bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_TASK);
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_TASK);
    put_text(&b, SATCHEL_TASK_DETAIL, "x");
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_VOID, SATCHEL_ENTITY_TASK);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
    bench_of(&b, SATCHEL_OP_VOID, SATCHEL_ENTITY_TASK);
    b.op.target = 1;
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_VOID, SATCHEL_ENTITY_TASK);
    b.op.target = 1;
    put_text(&b, SATCHEL_TASK_DETAIL, "x");
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

TEST(validate_op, a_command_may_name_what_phones_cannot_write) {
    bench b;
    bench_of(&b, SATCHEL_OP_COMMAND, SATCHEL_ENTITY_CUSTOMER);
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT); /* which one? */
    bench_of(&b, SATCHEL_OP_COMMAND, SATCHEL_ENTITY_CUSTOMER);
    b.op.command = 1;
    put_id(&b, SATCHEL_CUSTOMER_OWNER);
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_COMMAND, SATCHEL_ENTITY_CONFLICT);
    b.op.command = 1;
    put_int(&b, SATCHEL_CONFLICT_STATUS, SATCHEL_CONFLICT_STATUS_RESTORED);
    CHECK_OK(answer(&b));
    bench_of(&b, SATCHEL_OP_COMMAND, SATCHEL_ENTITY_CUSTOMER);
    b.op.command = 1;
    put_int(&b, SATCHEL_CUSTOMER_OWNER, 5);
    CHECK_STATUS(answer(&b), SATCHEL_WRONG_TYPE);
}

TEST(validate_op, exceptions_and_tails_have_limits) {
    static satchel_base_exception exceptions[SATCHEL_LIMIT_BASE_EXCEPTIONS + 1];
    static uint8_t tail[SATCHEL_LIMIT_TAIL_BYTES + 1];
    bench b;
    for (uint32_t i = 0; i <= SATCHEL_LIMIT_BASE_EXCEPTIONS; i++) {
        exceptions[i].field = i + 1;
    }
    for (uint32_t more = 0; more < 2; more++) {
        satchel_status expected = more == 0 ? SATCHEL_OK : SATCHEL_LIMIT_EXCEEDED;
        bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_TASK);
        b.op.exceptions = exceptions;
        b.op.exception_count = SATCHEL_LIMIT_BASE_EXCEPTIONS + more;
        CHECK_STATUS(answer(&b), expected);
        bench_of(&b, SATCHEL_OP_EDIT, SATCHEL_ENTITY_TASK);
        b.op.set.tail = satchel_bytes_of(tail, SATCHEL_LIMIT_TAIL_BYTES + more);
        CHECK_STATUS(answer(&b), expected);
    }
    exceptions[1].field = 1;
    bench_of(&b, SATCHEL_OP_DELETE, SATCHEL_ENTITY_TASK);
    b.op.exceptions = exceptions;
    b.op.exception_count = 2;
    CHECK_STATUS(answer(&b), SATCHEL_INVALID_ARGUMENT);
}

/* A required custom text of customers, archived or not. */
static satchel_custom_field required_text(uint8_t more_flags) {
    satchel_custom_field custom;
    memset(&custom, 0, sizeof custom);
    custom.entity = SATCHEL_ENTITY_CUSTOMER;
    custom.field.number = 1000;
    custom.field.name = "shelf";
    custom.field.type = SATCHEL_TYPE_TEXT;
    custom.field.max_bytes = 3;
    custom.field.flags = (uint8_t)(SATCHEL_FIELD_CUSTOM | SATCHEL_FIELD_REQUIRED | more_flags);
    return custom;
}

TEST(validate_op, custom_fields_are_validated_but_never_missed) {
    const satchel_custom_field custom = required_text(0);
    bench b;
    for (int length = 0; length <= 4; length++) {
        bench_of(&b, SATCHEL_OP_CREATE, SATCHEL_ENTITY_CUSTOMER);
        REQUIRE_OK(satchel_schema_init(&b.schema, &satchel_generated_model, &custom, 1, NULL));
        put_text(&b, SATCHEL_CUSTOMER_NAME, "new");
        if (length > 0) {
            REQUIRE_OK(satchel_record_set_text(&b.op.set, 1000, (satchel_text){"abcd", (size_t)length}));
        }
        CHECK_STATUS(answer(&b), length <= 3 ? SATCHEL_OK : SATCHEL_TOO_LONG);
    }
}

TEST(validate_row, misses_required_custom_fields_unless_archived) {
    const satchel_custom_field live = required_text(0), archived = required_text(SATCHEL_FIELD_ARCHIVED);
    satchel_arena arena = {0};
    satchel_schema schema;
    satchel_record record;
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("x")));
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, &live, 1, NULL));
    CHECK_STATUS(satchel_validate_row(&schema, 1, &record, true, NULL), SATCHEL_REQUIRED_MISSING);
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, &archived, 1, NULL));
    CHECK_OK(satchel_validate_row(&schema, 1, &record, true, NULL));
    REQUIRE_OK(satchel_record_set_int(&record, 899, 1));
    CHECK_STATUS(satchel_validate_row(&schema, 1, &record, true, NULL), SATCHEL_UNKNOWN_FIELD);
    CHECK_STATUS(satchel_validate_row(&schema, 17, &record, true, NULL), SATCHEL_UNKNOWN_ENTITY);
    satchel_arena_deinit(&arena);
}

TEST(validate_row, fields_of_the_server_may_be_absent_on_a_phone) {
    satchel_arena arena = {0};
    satchel_schema schema;
    satchel_record product;
    satchel_record_init(&product, &arena);
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Chai")));
    CHECK_OK(satchel_validate_row(&schema, SATCHEL_ENTITY_PRODUCT, &product, true, NULL));
    CHECK_STATUS(satchel_validate_row(&schema, SATCHEL_ENTITY_PRODUCT, &product, false, NULL),
                 SATCHEL_REQUIRED_MISSING);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("1")));
    CHECK_OK(satchel_validate_row(&schema, SATCHEL_ENTITY_PRODUCT, &product, false, NULL));
    satchel_arena_deinit(&arena);
}

/* --- rules that are newer than an op --- */

#define RULED_TITLE 2u
#define RULED_CODE 3u

/* An entity of release 2 that asks for a title since then, and narrowed a code of two letters. */
static satchel_status judge_by_newer(uint32_t made_by, satchel_op_kind kind, const char *code, bool clears,
                                     uint32_t *flagged) {
    static const satchel_field fields[] = {
        {.number = RULED_TITLE,
         .name = "title",
         .type = SATCHEL_TYPE_TEXT,
         .flags = SATCHEL_FIELD_REQUIRED,
         .max_bytes = 10,
         .rules_since = 2},
        {.number = RULED_CODE, .name = "code", .type = SATCHEL_TYPE_TEXT, .max_bytes = 2, .rules_since = 2}};
    static const satchel_entity ruled = {.number = 1, .name = "ruled", .field_count = 2, .fields = fields};
    static const satchel_model model = {2, 1, &ruled};
    const uint32_t title[] = {RULED_TITLE};
    bench b;
    bench_of(&b, kind, 1);
    b.schema.model = &model;
    b.op.schema = made_by;
    put_text(&b, RULED_CODE, code);
    b.op.cleared = title;
    b.op.cleared_count = clears ? 1 : 0;
    satchel_status status = satchel_validate_old_op(&b.schema, &b.op, true, flagged, NULL);
    satchel_arena_deinit(&b.arena);
    return status;
}

TEST(validate_op, a_rule_newer_than_the_op_flags_and_does_not_refuse) {
    uint32_t flagged = 9;
    CHECK_OK(judge_by_newer(1, SATCHEL_OP_EDIT, "ab", false, &flagged));
    CHECK_UINT(flagged, 0);
    CHECK_OK(judge_by_newer(1, SATCHEL_OP_EDIT, "abc", false, &flagged));
    CHECK_UINT(flagged, RULED_CODE);
    CHECK_OK(judge_by_newer(1, SATCHEL_OP_CREATE, "ab", false, &flagged));
    CHECK_UINT(flagged, RULED_TITLE);
    CHECK_OK(judge_by_newer(1, SATCHEL_OP_EDIT, "ab", true, &flagged));
    CHECK_UINT(flagged, RULED_TITLE);
}

TEST(validate_op, a_rule_that_the_op_could_know_refuses) {
    uint32_t flagged = 9;
    for (uint32_t made_by = 0; made_by <= 3; made_by += made_by == 0 ? 2 : 1) {
        CHECK_STATUS(judge_by_newer(made_by, SATCHEL_OP_EDIT, "abc", false, &flagged), SATCHEL_TOO_LONG);
        CHECK_STATUS(judge_by_newer(made_by, SATCHEL_OP_CREATE, "ab", false, &flagged), SATCHEL_REQUIRED_MISSING);
        CHECK_STATUS(judge_by_newer(made_by, SATCHEL_OP_EDIT, "ab", true, &flagged), SATCHEL_REQUIRED_MISSING);
        CHECK_UINT(flagged, 0);
    }
    CHECK_STATUS(judge_by_newer(1, SATCHEL_OP_EDIT, "abc", false, NULL), SATCHEL_TOO_LONG);
    CHECK_STATUS(judge_by_newer(1, SATCHEL_OP_EDIT, "\xff", false, &flagged), SATCHEL_BAD_TEXT); /* no rule: no text */
}
