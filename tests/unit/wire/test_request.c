/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request payloads: head first, then units one by one.
 */
#include "base/limits.h"
#include "support/wire/samples.h"
#include "wire/fields.h"
#include "wire/unit_codec.h"

#include <string.h>

static satchel_request_head small_head(void) {
    satchel_request_head head = {.protocol = SATCHEL_PROTOCOL_VERSION, .schema = 1, .page_bytes = 65536};
    head.incarnation = (satchel_id){{1, 2, 3}};
    memset(head.token_current, 0x11, sizeof head.token_current);
    memset(head.token_next, 0x22, sizeof head.token_next);
    head.now = (satchel_moment){3, 400000000, 1770000000000, 0};
    return head;
}

static bool heads_equal(const satchel_request_head *a, const satchel_request_head *b) {
    return a->protocol == b->protocol && a->schema == b->schema &&
           memcmp(&a->incarnation, &b->incarnation, sizeof a->incarnation) == 0 &&
           memcmp(a->token_current, b->token_current, sizeof a->token_current) == 0 &&
           memcmp(a->token_next, b->token_next, sizeof a->token_next) == 0 && a->now.boot == b->now.boot &&
           a->now.monotonic_ms == b->now.monotonic_ms && a->now.wall_ms == b->now.wall_ms &&
           a->now.offset_ms == b->now.offset_ms && satchel_bytes_equal(a->cursor, b->cursor) &&
           a->page_bytes == b->page_bytes && a->page_rows == b->page_rows && a->settled_through == b->settled_through;
}

TEST(request, any_request_comes_back_and_has_one_form) {
    satchel_schema schema = sample_schema();
    test_random random = test_random_of(131);
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    satchel_buffer again = {0};
    for (int i = 0; i < 20000; i++) {
        satchel_request_head head;
        satchel_request_head head_again;
        satchel_bytes unit;
        bool found = true;
        sample_request(&random, &schema, &arena, &payload);
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
        satchel_buffer_clear(&again);
        REQUIRE_OK(satchel_request_read_head(&reader, &head, NULL));
        REQUIRE_OK(satchel_request_write_head(&head, &again));
        satchel_reader second = satchel_reader_of(satchel_buffer_view(&again));
        REQUIRE_OK(satchel_request_read_head(&second, &head_again, NULL));
        REQUIRE(heads_equal(&head, &head_again));
        while (found) {
            REQUIRE_OK(satchel_request_next_unit(&reader, &unit, &found, NULL));
            REQUIRE_OK(found ? satchel_request_write_unit(unit, &again) : SATCHEL_OK);
        }
        REQUIRE(satchel_bytes_equal(satchel_buffer_view(&payload), satchel_buffer_view(&again)));
        satchel_arena_reset(&arena);
    }
    satchel_buffer_deinit(&again);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(request, a_poll_with_nothing_new_is_small) {
    satchel_buffer payload = {0};
    satchel_request_head head = small_head();
    head.incarnation = (satchel_id){{0}};
    head.cursor = satchel_bytes_of("0123456789abcdef", 16);
    REQUIRE_OK(satchel_request_write_head(&head, &payload));
    CHECK(payload.bytes <= 62); /* two more in the body */
    satchel_buffer_deinit(&payload);
}

TEST(request, the_page_size_travels_in_kib_rounded_up) {
    static const uint32_t cases[][2] = {{0, 0}, {1, 1024}, {1024, 1024}, {1025, 2048}, {1048576, 1048576}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_buffer payload = {0};
        satchel_request_head head = small_head();
        satchel_request_head read;
        head.page_bytes = cases[i][0];
        REQUIRE_OK(satchel_request_write_head(&head, &payload));
        satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
        REQUIRE_OK(satchel_request_read_head(&reader, &read, NULL));
        CHECK_UINT(read.page_bytes, cases[i][1]);
        satchel_buffer_deinit(&payload);
    }
}

TEST(request, parents_are_whole_ids_up_to_their_limit_and_need_a_name) {
    static const uint8_t ids[(SATCHEL_LIMIT_PARENTS + 1) * SATCHEL_ID_BYTES] = {1};
    static const struct {
        size_t bytes;
        bool named;
        satchel_status written;
        satchel_status checked;
    } cases[] = {{sizeof ids - SATCHEL_ID_BYTES, true, SATCHEL_OK, SATCHEL_OK},
                 {sizeof ids, true, SATCHEL_LIMIT_EXCEEDED, SATCHEL_OK},
                 {SATCHEL_ID_BYTES + 1, true, SATCHEL_OK, SATCHEL_MALFORMED},
                 {SATCHEL_ID_BYTES, false, SATCHEL_OK, SATCHEL_MALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_buffer payload = {0};
        satchel_request_head head = small_head();
        uint32_t units = 0;
        head.incarnation = (satchel_id){{cases[i].named}};
        head.parents = satchel_bytes_of(ids, cases[i].bytes);
        head.parent_sequence = 77;
        CHECK_STATUS(satchel_request_write_head(&head, &payload), cases[i].written);
        if (cases[i].written == SATCHEL_OK) {
            CHECK_STATUS(satchel_request_check(satchel_buffer_view(&payload), &head, &units, NULL), cases[i].checked);
            CHECK_UINT(head.parent_sequence, 77);
        }
        satchel_buffer_deinit(&payload);
    }
}

TEST(request, the_cursor_stops_at_its_limit) {
    static uint8_t cursor[SATCHEL_LIMIT_CURSOR_BYTES + 1];
    satchel_buffer payload = {0};
    satchel_buffer longer = {0};
    satchel_request_head head = small_head();
    satchel_request_head read;
    size_t mark = 0;
    head.cursor = satchel_bytes_of(cursor, SATCHEL_LIMIT_CURSOR_BYTES);
    REQUIRE_OK(satchel_request_write_head(&head, &payload));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
    CHECK_OK(satchel_request_read_head(&reader, &read, NULL));
    head.cursor.bytes++;
    CHECK_STATUS(satchel_request_write_head(&head, &payload), SATCHEL_LIMIT_EXCEEDED);
    REQUIRE_OK(satchel_wire_begin(&longer, 1, &mark));
    REQUIRE_OK(satchel_wire_put_bytes(&longer, 7, satchel_bytes_of(cursor, sizeof cursor)));
    REQUIRE_OK(satchel_wire_end(&longer, mark));
    reader = satchel_reader_of(satchel_buffer_view(&longer));
    CHECK_STATUS(satchel_request_read_head(&reader, &read, NULL), SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_deinit(&longer);
    satchel_buffer_deinit(&payload);
}

static satchel_status check_with_units(uint32_t count, size_t bytes, bool named) {
    static uint8_t unit[SATCHEL_LIMIT_UNIT_BYTES + SATCHEL_UNIT_RETURN_BYTES_MOST + 1];
    satchel_buffer payload = {0};
    satchel_request_head head = small_head();
    uint32_t counted = 0;
    if (!named) {
        head.incarnation = (satchel_id){{0}};
    }
    REQUIRE_OK(satchel_request_write_head(&head, &payload));
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = satchel_request_write_unit(satchel_bytes_of(unit, bytes), &payload);
    }
    if (status == SATCHEL_OK) {
        status = satchel_request_check(satchel_buffer_view(&payload), &head, &counted, NULL);
        CHECK(status != SATCHEL_OK || counted == count);
    }
    satchel_buffer_deinit(&payload);
    return status;
}

TEST(request, units_keep_their_limits) {
    CHECK_OK(check_with_units(0, 0, false));
    CHECK_OK(check_with_units(SATCHEL_LIMIT_UNITS_PER_REQUEST, 1, true));
    CHECK_STATUS(check_with_units(SATCHEL_LIMIT_UNITS_PER_REQUEST + 1, 1, true), SATCHEL_LIMIT_EXCEEDED);
    CHECK_OK(check_with_units(1, SATCHEL_LIMIT_UNIT_BYTES + SATCHEL_UNIT_RETURN_BYTES_MOST, true));
    CHECK_STATUS(check_with_units(1, SATCHEL_LIMIT_UNIT_BYTES + SATCHEL_UNIT_RETURN_BYTES_MOST + 1, true),
                 SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(check_with_units(1, 1, false), SATCHEL_MALFORMED);
}

TEST(request, a_unit_past_its_limit_is_not_read_either) {
    static uint8_t unit[SATCHEL_LIMIT_UNIT_BYTES + SATCHEL_UNIT_RETURN_BYTES_MOST + 1];
    satchel_buffer payload = {0};
    satchel_request_head head = small_head();
    uint32_t count = 0;
    REQUIRE_OK(satchel_request_write_head(&head, &payload));
    REQUIRE_OK(satchel_wire_put_bytes(&payload, 2, satchel_bytes_of(unit, sizeof unit)));
    CHECK_STATUS(satchel_request_check(satchel_buffer_view(&payload), &head, &count, NULL), SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_deinit(&payload);
}

TEST(request, other_orders_and_forms_are_malformed) {
    static const struct {
        const char *what;
        const char *bytes;
        size_t count;
    } cases[] = {
        {"nothing", "", 0},
        {"a unit first", "\x12\x01z\x0a\x00", 5},
        {"two heads", "\x0a\x00\x0a\x00", 4},
        {"a head that is a number", "\x08\x01", 2},
        {"a unit that is a number", "\x0a\x00\x10\x01", 4},
        {"a token of 3 bytes",
         "\x0a\x05\x22\x03"
         "abc",
         7},
        {"a schema past 32 bits", "\x0a\x06\x10\xff\xff\xff\xff\x7f", 8},
        {"cut in the head", "\x0a\x05\x10", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_request_head head;
        uint32_t count = 0;
        test_note("%s", cases[i].what);
        CHECK_STATUS(satchel_request_check(satchel_bytes_of(cases[i].bytes, cases[i].count), &head, &count, NULL),
                     SATCHEL_MALFORMED);
    }
}

TEST(request, unknown_members_are_passed_over) {
    satchel_request_head head;
    uint32_t count = 0;
    CHECK_OK(satchel_request_check(satchel_bytes_of("\x0a\x05\x10\x02\xf8\x01\x07\x1a\x01z", 10), &head, &count, NULL));
    CHECK_UINT(head.schema, 2);
    CHECK_UINT(head.protocol, 1);
    CHECK_UINT(count, 0);
}
