/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values: the order is total, equality is the order's, copies stand alone.
 */
#include "base/memory.h"
#include "base/text.h"
#include "schema/record.h"
#include "support/random.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

static satchel_bytes bytes_of(const char *text) {
    return satchel_bytes_of(text, strlen(text));
}

static satchel_value text_value(const char *text) {
    return satchel_value_text(satchel_text_of(text));
}

TEST(value, the_order_goes_by_type_and_then_by_content) {
    static const uint8_t low[SATCHEL_ID_BYTES] = {1}, high[SATCHEL_ID_BYTES] = {2};
    const satchel_bytes one[] = {{(const uint8_t *)"a", 1}}, two[] = {{(const uint8_t *)"a", 1}, {NULL, 0}};
    satchel_id id_low, id_high;
    memcpy(id_low.bytes, low, sizeof low);
    memcpy(id_high.bytes, high, sizeof high);
    const satchel_value ascending[] = {
        satchel_value_null(),
        satchel_value_bool(false),
        satchel_value_bool(true),
        satchel_value_int(INT64_MIN),
        satchel_value_int(-1),
        satchel_value_int(INT64_MAX),
        satchel_value_real(NAN),
        satchel_value_real(-INFINITY),
        satchel_value_real(-0.0),
        satchel_value_real(0.0),
        satchel_value_real(5e-324),
        satchel_value_real(INFINITY),
        text_value(""),
        text_value("a"),
        text_value("aa"),
        text_value("b"),
        satchel_value_bytes(one[0]),
        satchel_value_id(&id_low),
        satchel_value_id(&id_high),
        satchel_value_set(NULL, 0),
        satchel_value_set(one, 1),
        satchel_value_set(two, 2),
        satchel_value_time(INT64_MIN),
        satchel_value_time(0),
    };
    const int count = sizeof ascending / sizeof ascending[0];
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < count; k++) {
            test_note("%d against %d", i, k);
            CHECK_INT(satchel_value_compare(&ascending[i], &ascending[k]), (i > k) - (i < k));
            CHECK(satchel_value_equal(&ascending[i], &ascending[k]) == (i == k));
        }
    }
}

TEST(value, two_nan_are_equal_whatever_their_bits) {
    satchel_value a = satchel_value_real(nan("1")), b = satchel_value_real(-nan("2"));
    CHECK(satchel_value_equal(&a, &b));
    CHECK_INT(satchel_value_compare(&a, &b), 0);
}

/* A value of any type, from a small range so that equal ones occur. */
static satchel_value random_value(test_random *random, satchel_bytes *room) {
    static const char *const texts[] = {"", "a", "ab", "b", "客户"};
    satchel_id id = {{(uint8_t)test_random_below(random, 3)}};
    switch (test_random_below(random, 9)) {
    case 0: return satchel_value_null();
    case 1: return satchel_value_bool(test_random_chance(random, 50));
    case 2: return satchel_value_int(test_random_between(random, -2, 2));
    case 3: return satchel_value_real((double)test_random_between(random, -2, 2) / 2);
    case 4: return text_value(texts[test_random_below(random, 5)]);
    case 5: return satchel_value_bytes(bytes_of(texts[test_random_below(random, 5)]));
    case 6: return satchel_value_id(&id);
    case 7: return satchel_value_time(test_random_between(random, -2, 2));
    default: break;
    }
    room[0] = bytes_of("a");
    room[1] = bytes_of(test_random_chance(random, 50) ? "b" : "c");
    return satchel_value_set(room, (uint32_t)test_random_below(random, 3));
}

TEST(value, the_order_is_transitive_and_antisymmetric) {
    enum { CASES = 100000 };
    test_random random = test_random_of(7);
    for (int i = 0; i < CASES; i++) {
        satchel_bytes room[3][2];
        satchel_value v[3];
        for (int k = 0; k < 3; k++) {
            v[k] = random_value(&random, room[k]);
        }
        int ab = satchel_value_compare(&v[0], &v[1]), bc = satchel_value_compare(&v[1], &v[2]);
        REQUIRE(satchel_value_compare(&v[1], &v[0]) == -ab);
        REQUIRE(!(ab <= 0 && bc <= 0) || satchel_value_compare(&v[0], &v[2]) <= 0);
        REQUIRE(satchel_value_equal(&v[0], &v[1]) == (ab == 0));
    }
}

TEST(value, a_copy_does_not_need_its_source) {
    char text[] = "名称", element[] = "tag";
    satchel_bytes elements[] = {{(const uint8_t *)element, 3}};
    satchel_value from[] = {text_value(text), satchel_value_bytes(bytes_of(text)), satchel_value_set(elements, 1)};
    satchel_value copy[3];
    satchel_arena arena = {0};
    for (int i = 0; i < 3; i++) {
        REQUIRE_OK(satchel_value_copy(&arena, &from[i], &copy[i]));
        CHECK(satchel_value_equal(&from[i], &copy[i]));
    }
    memset(text, 'x', sizeof text - 1);
    element[0] = 'x';
    CHECK_BYTES(copy[0].as.bytes, bytes_of("名称"));
    CHECK_BYTES(copy[1].as.bytes, bytes_of("名称"));
    CHECK_BYTES(copy[2].as.set.elements[0], bytes_of("tag"));
    satchel_arena_deinit(&arena);
}

TEST(value, a_copy_without_memory_leaves_the_target) {
    satchel_bytes elements[] = {bytes_of("a"), bytes_of("b")};
    satchel_value from[] = {text_value("名称"), satchel_value_set(elements, 2)};
    for (int i = 0; i < 2; i++) {
        satchel_arena arena = {0};
        satchel_value copy = satchel_value_int(5);
        satchel_memory_fail_at(1, 1);
        CHECK_STATUS(satchel_value_copy(&arena, &from[i], &copy), SATCHEL_NO_MEMORY);
        satchel_memory_fail_at(0, 0);
        CHECK_INT(copy.as.integer, 5);
        satchel_arena_deinit(&arena);
    }
}
