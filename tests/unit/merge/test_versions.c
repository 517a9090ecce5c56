/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of versions and its bytes.
 */
#include "unit/merge/synthetic.h"

#include "base/bytes.h"
#include "base/limits.h"

#include <string.h>

static const satchel_bytes whole = {NULL, 0};

static satchel_bytes element(const char *text) {
    return satchel_bytes_of(text, strlen(text));
}

static void put(satchel_versions *versions, uint32_t field, const char *text, uint64_t n) {
    satchel_version version = {field, element(text), n, (int64_t)n * 10, {n % 3, n}};
    REQUIRE_OK(satchel_versions_put(versions, &version));
}

TEST(merge_versions, entries_stay_sorted_and_are_found) {
    satchel_arena arena = {0};
    satchel_versions versions;
    satchel_versions_init(&versions, &arena);
    for (uint32_t i = 0; i < 40; i++) {
        put(&versions, 100 - i, "", i + 1);
        put(&versions, 100 - i, i % 2 ? "b" : "a", i + 1);
    }
    CHECK_UINT(versions.count, 80);
    for (uint32_t i = 1; i < versions.count; i++) {
        CHECK(versions.items[i - 1].field <= versions.items[i].field);
    }
    CHECK_UINT(satchel_versions_find(&versions, 61, whole)->n, 40);
    CHECK_UINT(satchel_versions_find(&versions, 100, element("a"))->n, 1);
    CHECK(satchel_versions_find(&versions, 100, element("b")) == NULL);
    CHECK(satchel_versions_find(&versions, 60, whole) == NULL);
    CHECK_UINT(satchel_versions_newest(&versions), 40);
    satchel_arena_deinit(&arena);
}

TEST(merge_versions, put_replaces_all_of_an_element_and_drop_removes_them) {
    satchel_arena arena = {0};
    satchel_versions versions;
    satchel_versions_init(&versions, &arena);
    put(&versions, 6, "a", 5);
    satchel_version beside = {6, element("a"), 3, 0, {1, 1}};
    REQUIRE_OK(satchel_versions_add(&versions, &beside));
    REQUIRE_OK(satchel_versions_add(&versions, &beside));
    CHECK_UINT(versions.count, 2);
    CHECK_UINT(satchel_versions_find(&versions, 6, element("a"))->n, 3);
    put(&versions, 6, "a", 9);
    CHECK_UINT(versions.count, 1);
    CHECK_UINT(versions.items[0].n, 9);
    satchel_versions_drop(&versions, 6, element("b"));
    CHECK_UINT(versions.count, 1);
    satchel_versions_drop(&versions, 6, element("a"));
    CHECK_UINT(versions.count, 0);
    satchel_arena_deinit(&arena);
}

TEST(merge_versions, the_key_of_a_group_is_its_lowest_member) {
    static const uint32_t cases[][2] = {{T_LATER, T_LATER},     {T_GROUP_A, T_GROUP_A},
                                        {T_GROUP_C, T_GROUP_A}, {T_LATER_INT, T_LATER_INT},
                                        {T_FIRST_B, T_FIRST_A}, {T_CUSTOM_SET, T_CUSTOM_SET}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const satchel_field *field = satchel_schema_field(&synthetic_schema, THING, cases[i][0]);
        REQUIRE(field != NULL);
        CHECK_UINT(satchel_versions_key(&synthetic_schema, THING, field), cases[i][1]);
    }
}

TEST(merge_versions, each_class_has_its_own_newest_revision) {
    satchel_arena arena = {0};
    satchel_versions versions;
    satchel_versions_init(&versions, &arena);
    put(&versions, T_LATER, "", 4);
    put(&versions, T_PERSONAL, "", 7);
    put(&versions, T_GROUP_A, "", 6); /* the group has a commercial member */
    put(&versions, 850, "", 9);       /* unknown */
    put(&versions, SATCHEL_FIELD_DELETED, "", 5);
    static const uint64_t expected[SATCHEL_SENSITIVITY_COUNT] = {6, 7, 6, 9};
    uint64_t newest[SATCHEL_SENSITIVITY_COUNT];
    satchel_versions_newest_each(&synthetic_schema, THING, &versions, newest);
    for (int i = 0; i < SATCHEL_SENSITIVITY_COUNT; i++) {
        CHECK_UINT(newest[i], expected[i]);
    }
    satchel_arena_deinit(&arena);
}

TEST(merge_versions, the_deletion_shows_to_all_who_read_anything) {
    satchel_arena arena = {0};
    satchel_versions versions;
    satchel_versions_init(&versions, &arena);
    put(&versions, SATCHEL_FIELD_DELETED, "", 5);
    uint64_t newest[SATCHEL_SENSITIVITY_COUNT];
    satchel_versions_newest_each(&synthetic_schema, THING, &versions, newest);
    CHECK_UINT(newest[SATCHEL_SENSITIVITY_OPEN], 5);
    CHECK_UINT(newest[SATCHEL_SENSITIVITY_SECRET], 0);
    satchel_arena_deinit(&arena);
}

TEST(merge_versions, an_ancestry_knows_its_earlier_ops_only) {
    static const satchel_writer known[] = {{4, 10}, {7, 3}, {0, 9}, {SATCHEL_WRITER_SEVERAL, 9}};
    satchel_ancestry ancestry = {known, 4};
    static const struct {
        satchel_writer writer;
        bool has;
    } cases[] = {{{4, 10}, true},
                 {{4, 11}, false},
                 {{7, 1}, true},
                 {{7, 4}, false},
                 {{5, 1}, false},
                 {{0, 0}, false},
                 {{SATCHEL_WRITER_SEVERAL, 0}, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_INT(satchel_ancestry_has(&ancestry, &cases[i].writer), cases[i].has);
    }
}

TEST(merge_versions, the_bytes_are_those_that_are_documented) {
    static const uint8_t expected[] = {
        0x01,                               /* format */
        0x02,                               /* two writes */
        0x05, 0xD0, 0x0F, 0x02, 0x09,       /* n 5, stamp 1000, incarnation 1, sequence 9 */
        0x03, 0x13, 0x00, 0x00,             /* n 8, stamp 990, several */
        0x04, 0x00,                         /* field 2: write 0 */
        0x08, 0x01,                         /* field 6: write 1 */
        0x01, 0x03, 'v',  'i',  'p',  0x01, /* field 6, element: write 1 */
    };
    satchel_arena arena = {0};
    satchel_versions versions;
    satchel_buffer out;
    satchel_buffer_init(&out);
    satchel_versions_init(&versions, &arena);
    satchel_version first = {2, whole, 5, 1000, {1, 9}};
    satchel_version second = {6, whole, 8, 990, {SATCHEL_WRITER_SEVERAL, 0}};
    REQUIRE_OK(satchel_versions_put(&versions, &first));
    REQUIRE_OK(satchel_versions_put(&versions, &second));
    second.element = element("vip");
    REQUIRE_OK(satchel_versions_put(&versions, &second));
    REQUIRE_OK(satchel_versions_encode(&versions, &out));
    CHECK_BYTES(satchel_buffer_view(&out), satchel_bytes_of(expected, sizeof expected));
    satchel_buffer_deinit(&out);
    satchel_arena_deinit(&arena);
}

static uint64_t any_u64(test_random *random) {
    return test_random_u64(random) >> test_random_below(random, 64);
}

static void random_versions(satchel_versions *versions, test_random *random) {
    uint64_t count = test_random_below(random, 30);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t bytes[SATCHEL_LIMIT_SET_ELEMENT_BYTES];
        test_random_bytes(random, bytes, sizeof bytes);
        size_t length = test_random_chance(random, 50) ? 0 : (size_t)test_random_between(random, 1, sizeof bytes);
        satchel_version version = {(uint32_t)test_random_between(random, 1, 1200),
                                   satchel_bytes_of(bytes, length),
                                   any_u64(random),
                                   (int64_t)any_u64(random),
                                   {any_u64(random), any_u64(random)}};
        REQUIRE_OK(length > 0 && test_random_chance(random, 20) ? satchel_versions_add(versions, &version)
                                                                : satchel_versions_put(versions, &version));
    }
}

static bool same_versions(const satchel_versions *a, const satchel_versions *b) {
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++) {
        const satchel_version *x = &a->items[i];
        const satchel_version *y = &b->items[i];
        same = x->field == y->field && satchel_bytes_equal(x->element, y->element) && x->n == y->n &&
               x->stamp_ms == y->stamp_ms && x->writer.incarnation == y->writer.incarnation &&
               x->writer.sequence == y->writer.sequence;
    }
    return same;
}

TEST(merge_versions, bytes_give_back_what_was_put_in) {
    test_random random = test_random_of(201);
    satchel_arena arena = {0};
    satchel_buffer out;
    satchel_buffer_init(&out);
    for (unsigned i = 0; i < 20000; i++) {
        satchel_versions versions;
        satchel_versions back;
        satchel_arena_reset(&arena);
        satchel_versions_init(&versions, &arena);
        satchel_versions_init(&back, &arena);
        random_versions(&versions, &random);
        satchel_buffer_clear(&out);
        REQUIRE_OK(satchel_versions_encode(&versions, &out));
        REQUIRE_OK(satchel_versions_decode(satchel_buffer_view(&out), &back));
        REQUIRE(same_versions(&versions, &back));
    }
    satchel_buffer_deinit(&out);
    satchel_arena_deinit(&arena);
}

TEST(merge_versions, damaged_bytes_never_pass_unseen_as_a_longer_list) {
    test_random random = test_random_of(202);
    satchel_arena arena = {0};
    satchel_buffer out;
    satchel_buffer_init(&out);
    unsigned refused = 0;
    for (unsigned i = 0; i < 100000; i++) {
        satchel_versions versions;
        satchel_arena_reset(&arena);
        satchel_versions_init(&versions, &arena);
        uint64_t length = 1 + test_random_below(&random, 40);
        satchel_buffer_clear(&out);
        REQUIRE_OK(satchel_buffer_append_byte(&out, 1));
        for (uint64_t k = 0; k < length; k++) {
            REQUIRE_OK(satchel_buffer_append_byte(&out, (uint8_t)test_random_below(&random, k < 6 ? 6 : 256)));
        }
        satchel_status status = satchel_versions_decode(satchel_buffer_view(&out), &versions);
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
        REQUIRE(versions.count <= length / 2);
        refused += status != SATCHEL_OK;
    }
    CHECK(refused > 1000 && refused < 100000);
    satchel_buffer_deinit(&out);
    satchel_arena_deinit(&arena);
}

TEST(merge_versions, bad_bytes_are_refused) {
    static const struct {
        uint8_t bytes[12];
        size_t count;
        satchel_status status;
    } cases[] = {
        {{0}, 0, SATCHEL_OK},
        {{1, 0}, 2, SATCHEL_OK},
        {{0, 0}, 2, SATCHEL_MALFORMED},
        {{2, 0}, 2, SATCHEL_NEWER_FORMAT},
        {{1}, 1, SATCHEL_MALFORMED},
        {{1, 1}, 2, SATCHEL_MALFORMED},                            /* a write is missing */
        {{1, 0xff, 0xff, 0xff, 0xff, 0x0f}, 6, SATCHEL_MALFORMED}, /* more writes than bytes */
        {{1, 1, 5, 0, 2, 1, 4, 0}, 8, SATCHEL_OK},
        {{1, 1, 5, 0, 2, 1, 4, 1}, 8, SATCHEL_MALFORMED},        /* no such write */
        {{1, 1, 5, 0, 2, 1, 0, 0}, 8, SATCHEL_MALFORMED},        /* field 0 */
        {{1, 1, 5, 0, 2, 1, 4, 0, 0, 0}, 10, SATCHEL_MALFORMED}, /* field 2 twice */
        {{1, 1, 5, 0, 2, 1, 5, 0, 0}, 9, SATCHEL_MALFORMED},     /* an empty element */
        {{1, 1, 5, 0, 2, 1, 5, 1, 'a', 0}, 10, SATCHEL_OK},
        {{1, 1, 5, 0, 2, 1, 5, 9, 'a', 0}, 10, SATCHEL_MALFORMED},                    /* the element ends early */
        {{1, 2, 5, 0, 2, 1, 0, 0, 2, 1}, 10, SATCHEL_MALFORMED},                      /* the same write twice */
        {{1, 1, 0, 0, 2, 1, 0x84, 0x80, 0x80, 0x80, 0x20, 0}, 12, SATCHEL_MALFORMED}, /* field 2^32 + 2 */
        {{1, 1, 5, 0, 2, 1, 4}, 7, SATCHEL_MALFORMED},
    };
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_versions versions;
        satchel_versions_init(&versions, &arena);
        test_note("case %zu", i);
        satchel_status status = satchel_versions_decode(satchel_bytes_of(cases[i].bytes, cases[i].count), &versions);
        CHECK_STATUS(status, cases[i].status);
    }
    satchel_arena_deinit(&arena);
}

TEST(merge_versions, an_element_has_a_limit) {
    satchel_arena arena = {0};
    satchel_versions versions;
    uint8_t bytes[300] = {1, 1, 5, 0, 2, 1, 5, 0x80, 0x02}; /* length 256 */
    satchel_versions_init(&versions, &arena);
    CHECK_OK(satchel_versions_decode(satchel_bytes_of(bytes, 9 + 256 + 1), &versions));
    CHECK_UINT(versions.count, 1);
    bytes[7] = 0x81;
    CHECK_STATUS(satchel_versions_decode(satchel_bytes_of(bytes, 9 + 257 + 1), &versions), SATCHEL_MALFORMED);
    CHECK_UINT(versions.count, 0);
    satchel_arena_deinit(&arena);
}
