/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value against one field: every type, every limit at it and one past it.
 */
#include "base/limits.h"
#include "base/text.h"
#include "satchel/model.h"
#include "schema/validate.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static satchel_status judge_field(uint32_t entity, const satchel_field *field, satchel_value value) {
    satchel_schema schema;
    satchel_error error;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    memset(&error, 0, sizeof error);
    satchel_status status = satchel_validate_value(satchel_schema_entity(&schema, entity), field, &value, &error);
    CHECK_STATUS(error.status, status);
    CHECK_UINT(error.field, status == SATCHEL_OK ? 0 : field->number);
    return status;
}

static satchel_status judge(uint32_t entity, uint32_t field, satchel_value value) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    return judge_field(entity, satchel_schema_field(&schema, entity, field), value);
}

static satchel_status judge_text(uint32_t entity, uint32_t field, const char *text) {
    return judge(entity, field, satchel_value_text(satchel_text_of(text)));
}

static satchel_status judge_int(uint32_t entity, uint32_t field, int64_t integer) {
    return judge(entity, field, satchel_value_int(integer));
}

static satchel_status judge_customer_int(uint32_t field, int64_t integer) {
    return judge_int(SATCHEL_ENTITY_CUSTOMER, field, integer);
}

TEST(validate_value, a_value_has_the_type_of_its_field) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    const satchel_id id = {{1}};
    const satchel_value values[] = {
        satchel_value_bool(true),
        satchel_value_int(1),
        satchel_value_real(1),
        satchel_value_text(satchel_text_of("CNY")),
        satchel_value_bytes(satchel_bytes_of("x", 1)),
        satchel_value_id(&id),
        satchel_value_set(NULL, 0),
        satchel_value_time(1),
    };
    for (uint32_t i = 0; i < 8; i++) {
        satchel_value wrong = values[(i + 1) % 8];
        satchel_field field = *satchel_schema_field(&schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NOTE);
        field.type = (uint8_t)values[i].type;
        field.max = 10;
        CHECK_OK(judge_field(SATCHEL_ENTITY_CUSTOMER, &field, values[i]));
        CHECK_STATUS(judge_field(SATCHEL_ENTITY_CUSTOMER, &field, wrong), SATCHEL_WRONG_TYPE);
    }
}

TEST(validate_value, integers_and_times_keep_to_their_range) {
    static const struct {
        uint32_t field;
        int64_t first, last;
    } ranges[] = {
        {SATCHEL_CUSTOMER_LATITUDE_E7, -900000000, 900000000},
        {SATCHEL_CUSTOMER_LONGITUDE_E7, -1800000000, 1800000000},
        {SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, 0, INT64_C(1000000000000000)},
        {SATCHEL_CUSTOMER_VISIT_EVERY_DAYS, 1, 730},
        {SATCHEL_CUSTOMER_SATISFACTION, 1, 5},
        {SATCHEL_CUSTOMER_CONTRACT_UNTIL, -719162, 2932896},
        {SATCHEL_CUSTOMER_EMPLOYEE_COUNT, 0, UINT32_MAX},
        {SATCHEL_CUSTOMER_POSITION_ACCURACY_M, 0, 40100000},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        test_note("field %u", ranges[i].field);
        CHECK_OK(judge_customer_int(ranges[i].field, ranges[i].first));
        CHECK_OK(judge_customer_int(ranges[i].field, ranges[i].last));
        CHECK_STATUS(judge_customer_int(ranges[i].field, ranges[i].first - 1), SATCHEL_OUT_OF_RANGE);
        CHECK_STATUS(judge_customer_int(ranges[i].field, ranges[i].last + 1), SATCHEL_OUT_OF_RANGE);
    }
    const int64_t last = INT64_C(253402300799999); /* 9999-12-31T23:59:59.999Z */
    CHECK_OK(judge(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT, satchel_value_time(last)));
    CHECK_STATUS(judge(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT, satchel_value_time(last + 1)), SATCHEL_OUT_OF_RANGE);
}

TEST(validate_value, an_enum_takes_its_choices_only) {
    CHECK_OK(judge_customer_int(SATCHEL_CUSTOMER_KIND, SATCHEL_CUSTOMER_KIND_OTHER));
    CHECK_STATUS(judge_customer_int(SATCHEL_CUSTOMER_KIND, 0), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(judge_customer_int(SATCHEL_CUSTOMER_KIND, 11), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(judge_customer_int(SATCHEL_CUSTOMER_KIND, 64), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(judge_customer_int(SATCHEL_CUSTOMER_KIND, -1), SATCHEL_OUT_OF_RANGE);
}

TEST(validate_value, texts_are_short_enough_and_utf8) {
    char room[302];
    memset(room, 'a', sizeof room);
    satchel_text at_limit = {room, 300}, past_it = {room, 301};
    CHECK_OK(judge(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, satchel_value_text(at_limit)));
    CHECK_STATUS(judge(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, satchel_value_text(past_it)), SATCHEL_TOO_LONG);
    CHECK_STATUS(judge_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, "\xC3\x28"), SATCHEL_BAD_TEXT);
    satchel_text with_zero = {"a\0b", 3};
    CHECK_STATUS(judge(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, satchel_value_text(with_zero)),
                 SATCHEL_BAD_TEXT);
    CHECK_OK(judge_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_SHORT_NAME, ""));
}

TEST(validate_value, the_longest_text_and_bytes_of_all_are_the_limit) {
    static char room[SATCHEL_LIMIT_TEXT_BYTES + 1];
    memset(room, 'a', sizeof room);
    satchel_text text = {room, SATCHEL_LIMIT_TEXT_BYTES};
    satchel_bytes bytes = satchel_bytes_of(room, SATCHEL_LIMIT_TEXT_BYTES);
    CHECK_OK(judge(SATCHEL_ENTITY_FORM_TEMPLATE, SATCHEL_FORM_TEMPLATE_QUESTIONS, satchel_value_text(text)));
    CHECK_OK(judge(SATCHEL_ENTITY_CONFLICT, SATCHEL_CONFLICT_VALUES_OPEN, satchel_value_bytes(bytes)));
    text.bytes++;
    bytes.bytes++;
    CHECK_STATUS(judge(SATCHEL_ENTITY_FORM_TEMPLATE, SATCHEL_FORM_TEMPLATE_QUESTIONS, satchel_value_text(text)),
                 SATCHEL_TOO_LONG);
    CHECK_STATUS(judge(SATCHEL_ENTITY_CONFLICT, SATCHEL_CONFLICT_VALUES_OPEN, satchel_value_bytes(bytes)),
                 SATCHEL_TOO_LONG);
}

TEST(validate_value, patterns_are_checked) {
    CHECK_OK(judge_text(SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_CURRENCY, "CNY"));
    CHECK_STATUS(judge_text(SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_CURRENCY, "cny"), SATCHEL_PATTERN_MISMATCH);
    CHECK_OK(judge_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_WEBSITE, ""));
    CHECK_STATUS(judge_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_WEBSITE, "x"), SATCHEL_PATTERN_MISMATCH);
}

TEST(validate_value, what_is_required_is_not_empty) {
    const satchel_value nothing = satchel_value_null();
    CHECK_STATUS(judge(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, nothing), SATCHEL_REQUIRED_MISSING);
    CHECK_STATUS(judge_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, ""), SATCHEL_REQUIRED_MISSING);
    CHECK_STATUS(judge_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, " \t　"), SATCHEL_REQUIRED_MISSING);
    CHECK_OK(judge_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, " a"));
    CHECK_OK(judge(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_SHORT_NAME, nothing));
    CHECK_OK(judge_int(SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_QUANTITY_E3, 0)); /* zero is a value */
}

TEST(validate_value, an_id_names_something) {
    const satchel_id none = {{0}}, some = {{0, 1}};
    CHECK_OK(judge(SATCHEL_ENTITY_TASK, SATCHEL_TASK_CUSTOMER, satchel_value_id(&some)));
    CHECK_STATUS(judge(SATCHEL_ENTITY_TASK, SATCHEL_TASK_CUSTOMER, satchel_value_id(&none)), SATCHEL_OUT_OF_RANGE);
}

TEST(validate_value, a_real_number_is_finite) {
    satchel_custom_field custom = {SATCHEL_ENTITY_CUSTOMER, {.number = 1000, .name = "share"}};
    custom.field.type = SATCHEL_TYPE_REAL;
    CHECK_OK(judge_field(1, &custom.field, satchel_value_real(-1e300)));
    CHECK_STATUS(judge_field(1, &custom.field, satchel_value_real(NAN)), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(judge_field(1, &custom.field, satchel_value_real(INFINITY)), SATCHEL_OUT_OF_RANGE);
}

static satchel_status judge_set(uint32_t field, const satchel_bytes *elements, uint32_t count) {
    return judge(SATCHEL_ENTITY_CUSTOMER, field, satchel_value_set(elements, count));
}

TEST(validate_value, sets_are_canonical_and_their_elements_valid) {
    const satchel_bytes a = satchel_bytes_of("a", 1), b = satchel_bytes_of("b", 1), empty = {NULL, 0};
    const satchel_bytes phone = satchel_bytes_of("13812344729", 11), bad = satchel_bytes_of("\xFF", 1);
    const satchel_bytes good[] = {a, b}, disordered[] = {b, a}, twice[] = {a, a};
    CHECK_OK(judge_set(SATCHEL_CUSTOMER_TAGS, good, 2));
    CHECK_OK(judge_set(SATCHEL_CUSTOMER_TAGS, NULL, 0));
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_TAGS, disordered, 2), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_TAGS, twice, 2), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_TAGS, &empty, 1), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_TAGS, &bad, 1), SATCHEL_BAD_TEXT);
    CHECK_OK(judge_set(SATCHEL_CUSTOMER_PHONES, &phone, 1));
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_PHONES, &a, 1), SATCHEL_PATTERN_MISMATCH);
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_SHARED_WITH, &a, 1), SATCHEL_WRONG_TYPE);
}

TEST(validate_value, sets_and_elements_have_limits) {
    static char names[SATCHEL_LIMIT_SET_ELEMENTS + 1][8];
    static satchel_bytes elements[SATCHEL_LIMIT_SET_ELEMENTS + 1];
    static const uint8_t none[SATCHEL_ID_BYTES];
    char room[91];
    for (uint32_t i = 0; i <= SATCHEL_LIMIT_SET_ELEMENTS; i++) {
        snprintf(names[i], sizeof names[i], "%04u", i);
        elements[i] = satchel_bytes_of(names[i], 4);
    }
    CHECK_OK(judge_set(SATCHEL_CUSTOMER_TAGS, elements, SATCHEL_LIMIT_SET_ELEMENTS));
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_TAGS, elements, SATCHEL_LIMIT_SET_ELEMENTS + 1), SATCHEL_LIMIT_EXCEEDED);
    memset(room, 'a', sizeof room);
    satchel_bytes longest = satchel_bytes_of(room, 90), too_long = satchel_bytes_of(room, 91);
    CHECK_OK(judge_set(SATCHEL_CUSTOMER_TAGS, &longest, 1));
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_TAGS, &too_long, 1), SATCHEL_TOO_LONG);
    satchel_bytes id = satchel_bytes_of(names, SATCHEL_ID_BYTES), nobody = satchel_bytes_of(none, SATCHEL_ID_BYTES);
    CHECK_OK(judge_set(SATCHEL_CUSTOMER_SHARED_WITH, &id, 1));
    CHECK_STATUS(judge_set(SATCHEL_CUSTOMER_SHARED_WITH, &nobody, 1), SATCHEL_OUT_OF_RANGE);
}

TEST(validate_value, a_refusal_never_holds_the_value) {
    satchel_schema schema;
    satchel_error error;
    satchel_value value = satchel_value_text(satchel_text_of("geheim-4729"));
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    CHECK_STATUS(satchel_validate_value(satchel_schema_entity(&schema, SATCHEL_ENTITY_ORDER),
                                        satchel_schema_field(&schema, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_CURRENCY),
                                        &value, &error),
                 SATCHEL_TOO_LONG);
    CHECK_TEXT(error.detail, "order.currency is too long");
    CHECK_UINT(error.entity, SATCHEL_ENTITY_ORDER);
    CHECK_UINT(error.field, SATCHEL_ORDER_CURRENCY);
}
