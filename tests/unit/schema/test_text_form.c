/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people write them: what is read, what is refused, and that what was written is read back.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "satchel/model.h"
#include "schema/schema.h"
#include "schema/text_form.h"
#include "support/random.h"
#include "support/test.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static const satchel_field *field_of(uint32_t entity, uint32_t number) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    return satchel_schema_field(&schema, entity, number);
}

/* Reads `text` and writes it again: `expected`, or a status if that is NULL. */
static void goes(const satchel_field *field, const char *text, const char *expected, satchel_status status) {
    satchel_arena arena = {0};
    satchel_buffer again = {0};
    satchel_value value;
    test_note("%s: \"%s\"", field->name, text);
    CHECK_STATUS(satchel_value_from_text(field, satchel_text_of(text), &arena, &value, NULL), status);
    REQUIRE_OK(satchel_value_to_text(field, &value, &again));
    CHECK_TEXT(satchel_text_from(satchel_buffer_view(&again)), expected != NULL ? expected : "");
    satchel_buffer_deinit(&again);
    satchel_arena_deinit(&arena);
}

static satchel_field field_like(satchel_type type) {
    satchel_field field = *field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NOTE);
    field.type = (uint8_t)type;
    return field;
}

TEST(text_form, every_type_is_read_and_written) {
    const satchel_field real = field_like(SATCHEL_TYPE_REAL), bytes = field_like(SATCHEL_TYPE_BYTES);
    const satchel_field *kind = field_of(SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS);
    goes(field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_MAIN), "1", "true", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_MAIN), "false", "false", SATCHEL_OK);
    goes(kind, "in_progress", "in_progress", SATCHEL_OK);
    goes(kind, "3", "completed", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR), "-1250", "-1250", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_BIRTHDAY), "1969-12-31", "1969-12-31", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_BIRTHDAY), "0", "1970-01-01", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_VISIT_EVERY_DAYS), "14", "14", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_QUANTITY_E3), "2.5", "2.500", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT), "2026-11-21T16:05:09+08:00", "2026-11-21T08:05:09.000Z",
         SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT), "1", "1970-01-01T00:00:00.001Z", SATCHEL_OK);
    goes(&real, "-1.5e3", "-1500", SATCHEL_OK);
    goes(&bytes, "00fF", "00ff", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CITY), "上海", "上海", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_CUSTOMER), "0190B4C8-0000-7000-8000-000000000001",
         "0190b4c8-0000-7000-8000-000000000001", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TAGS), " b; a;;a ", "a;b", SATCHEL_OK);
}

TEST(text_form, regress_what_no_calendar_shows_is_written_as_its_number) {
    const satchel_field *due = field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT);
    const satchel_field *birthday = field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_BIRTHDAY);
    goes(due, "253402300799999", "9999-12-31T23:59:59.999Z", SATCHEL_OK);
    goes(due, "253402300800000", "253402300800000", SATCHEL_OK);
    goes(due, "-9223372036854775808", "-9223372036854775808", SATCHEL_OK);
    goes(birthday, "2932896", "9999-12-31", SATCHEL_OK);
    goes(birthday, "2932897", "2932897", SATCHEL_OK);
    goes(birthday, "-719529", "-719529", SATCHEL_OK); /* the last day before year 0 */
    goes(birthday, "9223372036854775807", "9223372036854775807", SATCHEL_OK);
}

TEST(text_form, an_empty_text_is_null) {
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CITY), "", "", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TAGS), "", "", SATCHEL_OK);
    goes(field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT), "", "", SATCHEL_OK);
}

TEST(text_form, what_is_no_value_of_the_field_is_refused) {
    const satchel_field real = field_like(SATCHEL_TYPE_REAL), bytes = field_like(SATCHEL_TYPE_BYTES);
    goes(field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_MAIN), "yes", NULL, SATCHEL_MALFORMED);
    goes(field_of(SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS), "lost", NULL, SATCHEL_MALFORMED);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR), "12.5", NULL, SATCHEL_MALFORMED);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR), "9223372036854775808", NULL,
         SATCHEL_OUT_OF_RANGE);
    goes(field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_BIRTHDAY), "1999-02-29", NULL, SATCHEL_MALFORMED);
    goes(field_of(SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_QUANTITY_E3), "1.0005", NULL, SATCHEL_MALFORMED);
    goes(field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT), "tomorrow", NULL, SATCHEL_MALFORMED);
    goes(field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_CUSTOMER), "0190b4c8", NULL, SATCHEL_MALFORMED);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CITY), "\xFF", NULL, SATCHEL_BAD_TEXT);
    goes(field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_SHARED_WITH), "anna", NULL, SATCHEL_MALFORMED);
    goes(&bytes, "abc", NULL, SATCHEL_MALFORMED);
    goes(&real, "1.5x", NULL, SATCHEL_MALFORMED);
    goes(&real, "nan", NULL, SATCHEL_MALFORMED);
    goes(&real, "1e999", NULL, SATCHEL_MALFORMED);
    goes(&real, " 1", NULL, SATCHEL_MALFORMED);
    goes(&real, "0x10", NULL, SATCHEL_MALFORMED);
}

TEST(text_form, a_refusal_names_the_field_and_not_the_text) {
    satchel_arena arena = {0};
    satchel_value value;
    satchel_error error;
    const satchel_field *due = field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT);
    CHECK_STATUS(satchel_value_from_text(due, satchel_text_of("geheim"), &arena, &value, &error), SATCHEL_MALFORMED);
    CHECK_UINT(error.field, SATCHEL_TASK_DUE_AT);
    CHECK(strstr(error.detail, "due_at") != NULL && strstr(error.detail, "geheim") == NULL);
    CHECK_INT(value.type, SATCHEL_TYPE_NULL);
    satchel_arena_deinit(&arena);
}

TEST(text_form, a_decimal_point_is_a_point_in_every_locale) {
    static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ru_RU.UTF-8"};
    const satchel_field real = field_like(SATCHEL_TYPE_REAL);
    for (size_t i = 0; i < sizeof with_comma / sizeof with_comma[0]; i++) {
        if (setlocale(LC_NUMERIC, with_comma[i]) != NULL) {
            break; /* a machine without any of them checks the C locale again */
        }
    }
    goes(&real, "-0.5", "-0.5", SATCHEL_OK);
    goes(&real, "1.5e-300", "1.5000000000000001e-300", SATCHEL_OK);
    goes(&real, "0,5", NULL, SATCHEL_MALFORMED);
    goes(&real, "1.5.5", NULL, SATCHEL_MALFORMED);
    setlocale(LC_NUMERIC, "C");
}

TEST(text_form, a_set_is_read_up_to_the_limit) {
    static char text[(SATCHEL_LIMIT_SET_ELEMENTS + 1) * 5 + 1];
    const satchel_field *tags = field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TAGS);
    for (uint32_t i = 0; i <= SATCHEL_LIMIT_SET_ELEMENTS; i++) {
        snprintf(text + (size_t)i * 5, 6, "%04u;", i);
    }
    satchel_text all = {text, SATCHEL_LIMIT_SET_ELEMENTS * 5}, one_more = {text, sizeof text - 1};
    satchel_arena arena = {0};
    satchel_value value;
    CHECK_OK(satchel_value_from_text(tags, all, &arena, &value, NULL));
    CHECK_UINT(value.as.set.count, SATCHEL_LIMIT_SET_ELEMENTS);
    CHECK_STATUS(satchel_value_from_text(tags, one_more, &arena, &value, NULL), SATCHEL_LIMIT_EXCEEDED);
    satchel_arena_deinit(&arena);
}

static satchel_value random_value(test_random *random, const satchel_field *field) {
    int64_t integer = test_random_between(random, field->min, field->max);
    double real = (double)(int64_t)test_random_u64(random) / (double)(1 + test_random_below(random, 1000));
    switch ((satchel_type)field->type) {
    case SATCHEL_TYPE_INT: return satchel_value_int(integer);
    case SATCHEL_TYPE_TIME: return satchel_value_time(integer);
    default: return satchel_value_real(real);
    }
}

TEST(text_form, what_was_written_is_read_back) {
    satchel_field real = field_like(SATCHEL_TYPE_REAL);
    const satchel_field *fields[] = {
        field_of(SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_BIRTHDAY),
        field_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT),
        field_of(SATCHEL_ENTITY_STOCK, SATCHEL_STOCK_QUANTITY_E3),
        field_of(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_LOYALTY_POINTS),
        &real,
    };
    test_random random = test_random_of(23);
    satchel_arena arena = {0};
    satchel_buffer text = {0};
    for (int i = 0; i < 100000; i++) {
        const satchel_field *field = fields[i % 5];
        satchel_value value = random_value(&random, field), again;
        satchel_buffer_clear(&text);
        REQUIRE_OK(satchel_value_to_text(field, &value, &text));
        satchel_text written = satchel_text_from(satchel_buffer_view(&text));
        REQUIRE_OK(satchel_value_from_text(field, written, &arena, &again, NULL));
        REQUIRE(satchel_value_equal(&value, &again));
        satchel_arena_reset(&arena);
    }
    satchel_buffer_deinit(&text);
    satchel_arena_deinit(&arena);
}

TEST(text_form, without_memory_both_ways_say_so) {
    static const uint32_t numbers[] = {SATCHEL_CUSTOMER_CITY, SATCHEL_CUSTOMER_TAGS};
    for (int i = 0; i < 2; i++) {
        const satchel_field *field = field_of(SATCHEL_ENTITY_CUSTOMER, numbers[i]);
        satchel_arena arena = {0};
        satchel_buffer out = {0};
        satchel_value value;
        satchel_memory_fail_at(1, 1);
        satchel_status read = satchel_value_from_text(field, satchel_text_of("a;b"), &arena, &value, NULL);
        satchel_memory_fail_at(0, 0);
        CHECK_STATUS(read, SATCHEL_NO_MEMORY);
        REQUIRE_OK(satchel_value_from_text(field, satchel_text_of("a;b"), &arena, &value, NULL));
        satchel_memory_fail_at(1, 1);
        satchel_status written = satchel_value_to_text(field, &value, &out);
        satchel_memory_fail_at(0, 0);
        CHECK_STATUS(written, SATCHEL_NO_MEMORY);
        satchel_buffer_deinit(&out);
        satchel_arena_deinit(&arena);
    }
}
