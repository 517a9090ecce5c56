/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: a map by number that owns what it holds; failures leave it as it was.
 */
#include "base/ids.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "schema/record.h"
#include "support/random.h"
#include "support/test.h"

#include <string.h>

TEST(record, holds_what_was_set_in_order_of_number) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set_int(&record, 9, 90));
    REQUIRE_OK(satchel_record_set_int(&record, 3, 30));
    REQUIRE_OK(satchel_record_set_int(&record, 5, 50));
    REQUIRE_OK(satchel_record_set_int(&record, 3, 31));
    REQUIRE_UINT(record.count, 3);
    CHECK_UINT(record.fields[0].number, 3);
    CHECK_UINT(record.fields[1].number, 5);
    CHECK_UINT(record.fields[2].number, 9);
    CHECK_INT(satchel_record_int(&record, 3, 0), 31);
    satchel_record_remove(&record, 5);
    satchel_record_remove(&record, 6);
    CHECK_UINT(record.count, 2);
    CHECK(satchel_record_get(&record, 5) == NULL);
    CHECK_INT(satchel_record_int(&record, 9, 0), 90);
    satchel_arena_deinit(&arena);
}

TEST(record, shorthands_give_back_what_they_took) {
    const satchel_id id = {{7, 7}};
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set_text(&record, 1, satchel_text_of("华宁")));
    REQUIRE_OK(satchel_record_set_id(&record, 2, &id));
    REQUIRE_OK(satchel_record_set_time(&record, 3, -5));
    REQUIRE_OK(satchel_record_set_bool(&record, 4, true));
    satchel_id got = satchel_record_id(&record, 2);
    CHECK_TEXT(satchel_record_text(&record, 1), "华宁");
    CHECK_ID(&got, &id);
    CHECK_INT(satchel_record_int(&record, 3, 0), -5);
    CHECK_INT(satchel_record_int(&record, 4, 0), 1);
    CHECK_INT(satchel_record_get(&record, 4)->type, SATCHEL_TYPE_BOOL);
    satchel_arena_deinit(&arena);
}

TEST(record, absent_null_and_other_types_give_the_default) {
    const satchel_value nothing = satchel_value_null();
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set(&record, 1, &nothing));
    REQUIRE_OK(satchel_record_set_text(&record, 2, satchel_text_of("5")));
    CHECK_INT(satchel_record_get(&record, 1)->type, SATCHEL_TYPE_NULL);
    for (uint32_t number = 1; number <= 3; number++) {
        satchel_id id = satchel_record_id(&record, number);
        CHECK_INT(satchel_record_int(&record, number, -1), -1);
        CHECK(satchel_id_is_none(&id));
    }
    CHECK_UINT(satchel_record_text(&record, 1).bytes, 0);
    CHECK_UINT(satchel_record_text(&record, 3).bytes, 0);
    satchel_arena_deinit(&arena);
}

TEST(record, is_a_map_whatever_is_done_to_it) {
    enum { STEPS = 100000, NUMBERS = 40 };
    test_random random = test_random_of(5);
    int64_t model[NUMBERS] = {0}; /* 0 = absent */
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    for (int step = 0; step < STEPS; step++) {
        uint32_t number = (uint32_t)test_random_below(&random, NUMBERS);
        if (test_random_chance(&random, 60)) {
            model[number] = test_random_between(&random, 1, 1000);
            REQUIRE_OK(satchel_record_set_int(&record, number, model[number]));
        } else {
            model[number] = 0;
            satchel_record_remove(&record, number);
        }
        uint32_t asked = (uint32_t)test_random_below(&random, NUMBERS);
        REQUIRE_INT(satchel_record_int(&record, asked, 0), model[asked]);
        REQUIRE(record.count < 2 || record.fields[0].number < record.fields[1].number);
    }
    satchel_arena_deinit(&arena);
}

TEST(record, holds_the_limit_of_fields_and_not_one_more) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    for (uint32_t number = 1; number <= SATCHEL_LIMIT_FIELDS_PER_RECORD; number++) {
        REQUIRE_OK(satchel_record_set_int(&record, number, number));
    }
    CHECK_STATUS(satchel_record_set_int(&record, SATCHEL_LIMIT_FIELDS_PER_RECORD + 1, 1), SATCHEL_LIMIT_EXCEEDED);
    CHECK_UINT(record.count, SATCHEL_LIMIT_FIELDS_PER_RECORD);
    CHECK_OK(satchel_record_set_int(&record, SATCHEL_LIMIT_FIELDS_PER_RECORD, 5)); /* a replacement is no addition */
    satchel_arena_deinit(&arena);
}

TEST(record, a_value_may_come_from_the_record_itself) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    REQUIRE_OK(satchel_record_set_text(&record, 5, satchel_text_of("five")));
    for (uint32_t number = 4; number > 0; number--) {
        REQUIRE_OK(satchel_record_set(&record, number, &record.fields[0].value));
    }
    CHECK_TEXT(satchel_record_text(&record, 1), "five");
    CHECK_TEXT(satchel_record_text(&record, 5), "five");
    satchel_arena_deinit(&arena);
}

TEST(record, a_copy_is_equal_and_stands_alone) {
    satchel_arena source = {0}, target = {0};
    satchel_record record, copy;
    satchel_record_init(&record, &source);
    satchel_record_init(&copy, &target);
    REQUIRE_OK(satchel_record_set_text(&record, 2, satchel_text_of("名称")));
    REQUIRE_OK(satchel_record_set_int(&record, 4, 4));
    record.tail = satchel_bytes_of("\x98\x06\x01", 3);
    REQUIRE_OK(satchel_record_set_int(&copy, 99, 1)); /* what it held before goes */
    REQUIRE_OK(satchel_record_copy(&record, &copy));
    CHECK(satchel_record_equal(&record, &copy));
    REQUIRE_OK(satchel_record_copy(&copy, &copy));
    satchel_arena_deinit(&source);
    CHECK_UINT(copy.count, 2);
    CHECK_TEXT(satchel_record_text(&copy, 2), "名称");
    CHECK_UINT(copy.tail.bytes, 3);
    satchel_arena_deinit(&target);
}

TEST(record, equality_sees_numbers_values_and_tail) {
    satchel_arena arena = {0};
    satchel_record a, b;
    satchel_record_init(&a, &arena);
    satchel_record_init(&b, &arena);
    CHECK(satchel_record_equal(&a, &b));
    REQUIRE_OK(satchel_record_set_int(&a, 1, 1));
    CHECK(!satchel_record_equal(&a, &b));
    REQUIRE_OK(satchel_record_set_int(&b, 2, 1));
    CHECK(!satchel_record_equal(&a, &b));
    b.fields[0].number = 1;
    CHECK(satchel_record_equal(&a, &b));
    b.fields[0].value.as.integer = 2;
    CHECK(!satchel_record_equal(&a, &b));
    b.fields[0].value.as.integer = 1;
    b.tail = satchel_bytes_of("\x08\x01", 2);
    CHECK(!satchel_record_equal(&a, &b));
    satchel_arena_deinit(&arena);
}

/* Fills and copies a record; the arenas are fresh, so that every allocation is met. */
static satchel_status fill_and_copy(satchel_arena *arena, satchel_record *out) {
    static char large[5000];
    satchel_record record;
    satchel_record_init(&record, arena);
    satchel_status status = SATCHEL_OK;
    memset(large, 'x', sizeof large);
    for (uint32_t number = 1; number <= 20 && status == SATCHEL_OK; number++) {
        satchel_text text = {large, sizeof large};
        status = satchel_record_set_text(&record, number, text);
    }
    return status == SATCHEL_OK ? satchel_record_copy(&record, out) : status;
}

TEST(record, every_failing_allocation_is_told_and_leaves_the_target) {
    satchel_status status = SATCHEL_NO_MEMORY;
    unsigned long failures = 0;
    for (unsigned long at = 1; status != SATCHEL_OK; at++) {
        satchel_arena arena = {0}, target = {0};
        satchel_record copy;
        satchel_record_init(&copy, &target);
        REQUIRE_OK(satchel_record_set_int(&copy, 7, 7));
        satchel_memory_fail_at(at, 0);
        status = fill_and_copy(&arena, &copy);
        satchel_memory_fail_at(0, 0);
        if (status != SATCHEL_OK) {
            failures++;
            REQUIRE_STATUS(status, SATCHEL_NO_MEMORY);
            REQUIRE_INT(satchel_record_int(&copy, 7, 0), 7);
        }
        satchel_arena_deinit(&arena);
        satchel_arena_deinit(&target);
    }
    CHECK(failures >= 10);
}
