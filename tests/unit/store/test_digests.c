/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's digests against a small server of the test's own: the sums follow every row, and whatever happens to rows
 * behind the store's back is found and made good.
 */
#include "kit.h"
#include "support/random.h"
#include "wire/digest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS 60

/* What the server has, by number of the row. */
typedef struct mini_server {
    store_kit kit;
    uint64_t n[ROWS]; /* 0: none */
    uint64_t newest;
    uint32_t asked; /* requests with ranges */
} mini_server;

static satchel_row_digest element(const mini_server *it, uint32_t i) {
    const satchel_id id = kit_id(i + 1);
    return satchel_row_digest_of(SATCHEL_ENTITY_CUSTOMER, &id, it->n[i]);
}

static satchel_row_digest whole_digest(const mini_server *it) {
    satchel_row_digest sum = {{0, 0}};
    for (uint32_t i = 0; i < ROWS; i++) {
        const satchel_row_digest one = element(it, i);
        if (it->n[i] != 0) {
            satchel_row_digest_add(&sum, &one);
        }
    }
    return sum;
}

static void put_row(mini_server *it, kit_page *page, uint32_t i) {
    char name[32];
    snprintf(name, sizeof name, "shop %u at %" PRIu64, (unsigned)i, it->n[i]);
    satchel_record record = kit_record(&it->kit, SATCHEL_CUSTOMER_NAME, name);
    kit_page_row_in(&it->kit, page, SATCHEL_ENTITY_CUSTOMER, kit_id(i + 1), it->n[i], 1 + i % 3, &record);
}

static kit_page begin_page(void) {
    kit_page page = kit_page_begin(0);
    for (uint32_t set = 1; set <= 3; set++) {
        kit_page_scope_set(&page, set, set);
    }
    return page;
}

static satchel_status end_page(mini_server *it, kit_page *page) {
    satchel_row_digest digest = whole_digest(it);
    uint8_t bytes[SATCHEL_ROW_DIGEST_BYTES];
    satchel_answer_frame end = {.kind = SATCHEL_FRAME_END};
    satchel_row_digest_write(&digest, bytes);
    end.as.end.cursor = satchel_bytes_of("next", 4);
    end.as.end.position_n = it->newest;
    end.as.end.digest = satchel_bytes_of(bytes, sizeof bytes);
    kit_page_frame(page, &end);
    it->kit.state.position = (satchel_revision){1, it->newest};
    it->kit.state.cursor_bytes = 4;
    return kit_page_store_results(&it->kit, page);
}

static void add_rows(mini_server *it, uint32_t from, uint32_t to) {
    kit_page page = begin_page();
    for (uint32_t i = from; i < to; i++) {
        it->n[i] = ++it->newest;
        put_row(it, &page, i);
    }
    REQUIRE_OK(end_page(it, &page));
}

static mini_server server_open(void) {
    mini_server it = {.kit = kit_open(NULL)};
    return it;
}

/* --- the answer to ranges --- */

static int compare_lanes(const void *a, const void *b) {
    return memcmp(a, b, 8);
}

static bool in_range(const satchel_digest_range *range, uint32_t i) {
    const satchel_id id = kit_id(i + 1);
    return satchel_digest_range_has(range, satchel_digest_place(&id));
}

static bool range_differs(const mini_server *it, const satchel_digest_range *range) {
    uint64_t rows = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        if (it->n[i] != 0 && in_range(range, i)) {
            const satchel_row_digest one = element(it, i);
            sum += one.lanes[0];
            rows++;
        }
    }
    return rows != range->rows || sum != range->sum;
}

typedef struct mini_answer {
    kit_page page;
    satchel_buffer settled;
    satchel_buffer split;
    uint8_t elements[ROWS][8];
    size_t count;
} mini_answer;

static void settle_range(mini_server *it, mini_answer *out, const satchel_digest_range *range) {
    REQUIRE_OK(satchel_digest_range_write(range, false, &out->settled));
    for (uint32_t i = 0; i < ROWS; i++) {
        if (it->n[i] != 0 && in_range(range, i)) {
            const satchel_row_digest one = element(it, i);
            put_row(it, &out->page, i);
            satchel_put_u64be(out->elements[out->count++], one.lanes[0]);
        }
    }
}

/* Ranges of few bits are split once, so that both ways are gone. */
static void answer_ranges(mini_server *it, satchel_bytes asked) {
    satchel_digest_range ranges[SATCHEL_LIMIT_DIGEST_RANGES];
    mini_answer out = {.page = begin_page()};
    uint32_t count = 0;
    REQUIRE_OK(satchel_digest_ranges_read(asked, true, ranges, SATCHEL_LIMIT_DIGEST_RANGES, &count));
    for (uint32_t r = 0; r < count; r++) {
        if (!range_differs(it, &ranges[r])) {
            continue;
        }
        if (ranges[r].bits < 4) {
            REQUIRE_OK(satchel_digest_range_write(&ranges[r], false, &out.split));
        } else {
            settle_range(it, &out, &ranges[r]);
        }
    }
    qsort(out.elements, out.count, 8, compare_lanes);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RANGES};
    frame.as.ranges = (satchel_ranges_frame){satchel_buffer_view(&out.settled), satchel_buffer_view(&out.split),
                                             satchel_bytes_of(out.elements, out.count * 8)};
    if (out.settled.bytes + out.split.bytes > 0) {
        kit_page_frame(&out.page, &frame);
    }
    REQUIRE_OK(end_page(it, &out.page));
    satchel_buffer_deinit(&out.settled);
    satchel_buffer_deinit(&out.split);
}

/* Exchanges until the store asks no more; true: it asked at all. */
static bool exchange(mini_server *it) {
    bool asked = false;
    for (int round = 0; round < 10; round++) {
        satchel_digest_question question;
        REQUIRE_OK(satchel_store_ask_digests(it->kit.store, &it->kit.arena, &question, &it->kit.error));
        CHECK(satchel_store_digests_due(it->kit.store) == (question.ranges.bytes > 0));
        if (question.ranges.bytes == 0) {
            break;
        }
        asked = true;
        it->asked++;
        answer_ranges(it, question.ranges);
        kit_purge(&it->kit);
    }
    return asked;
}

/* Everything is as the server has it, counted row by row. */
static void check_same(mini_server *it) {
    for (uint32_t i = 0; i < ROWS; i++) {
        bool has = kit_has(&it->kit, SATCHEL_ENTITY_CUSTOMER, kit_id(i + 1));
        CHECK(has == (it->n[i] != 0));
        if (has) {
            char name[32];
            snprintf(name, sizeof name, "shop %u at %" PRIu64, (unsigned)i, it->n[i]);
            CHECK_TEXT(kit_text(&it->kit, kit_id(i + 1), SATCHEL_CUSTOMER_NAME), name);
        }
    }
    satchel_store_count_digests(it->kit.store);
    kit_purge(&it->kit);
    CHECK(!satchel_store_digests_due(it->kit.store));
}

static void execute(mini_server *it, const char *format, const satchel_id *id) {
    sqlite3_stmt *statement = NULL;
    REQUIRE_INT(sqlite3_prepare_v2(it->kit.database, format, -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_blob(statement, 1, id->bytes, SATCHEL_ID_BYTES, SQLITE_STATIC);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
}

/* --- tests --- */

TEST(digests, a_store_that_holds_what_the_server_says_never_asks) {
    mini_server it = server_open();
    add_rows(&it, 0, 20);
    CHECK(!it.kit.outcome.digests_due);
    add_rows(&it, 10, 30);
    kit_page page = begin_page();
    kit_page_removal(&page, SATCHEL_ENTITY_CUSTOMER, kit_id(5));
    it.n[4] = 0;
    REQUIRE_OK(end_page(&it, &page));
    kit_purge(&it.kit);
    CHECK(!satchel_store_digests_due(it.kit.store));
    page = begin_page();
    kit_page_scope_loss(&page, 2);
    for (uint32_t i = 1; i < ROWS; i += 3) {
        it.n[i] = 0;
    }
    REQUIRE_OK(end_page(&it, &page));
    CHECK(!satchel_store_digests_due(it.kit.store));
    check_same(&it);
    kit_reopen(&it.kit);
    check_same(&it);
    CHECK_UINT(satchel_store_repairs(it.kit.store), 0);
    kit_close(&it.kit);
}

TEST(digests, own_edits_do_not_change_what_the_store_holds_of_the_server) {
    mini_server it = server_open();
    add_rows(&it, 0, 10);
    kit_edit_text(&it.kit, kit_id(3), SATCHEL_CUSTOMER_NAME, "mine");
    kit_customer(&it.kit, kit_id(50), "new");
    add_rows(&it, 2, 3);
    CHECK(!satchel_store_digests_due(it.kit.store));
    satchel_store_count_digests(it.kit.store);
    kit_purge(&it.kit);
    CHECK(!satchel_store_digests_due(it.kit.store));
    kit_close(&it.kit);
}

TEST(digests, rows_that_were_deleted_do_not_count) {
    mini_server it = server_open();
    add_rows(&it, 0, 10);
    kit_page page = begin_page();
    it.n[6] = 0;
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    frame.as.row = (satchel_row_frame){
        .entity = SATCHEL_ENTITY_CUSTOMER, .row = kit_id(7), .n = ++it.newest, .scope_set = 1, .deleted = true};
    kit_page_frame(&page, &frame);
    REQUIRE_OK(end_page(&it, &page));
    CHECK(!satchel_store_digests_due(it.kit.store));
    satchel_store_count_digests(it.kit.store);
    kit_purge(&it.kit);
    CHECK(!satchel_store_digests_due(it.kit.store));
    kit_close(&it.kit);
}

/* The four ways in which a row may be wrong. */
static void damage(mini_server *it, test_random *random) {
    satchel_id id = kit_id(1 + (uint32_t)test_random_below(random, ROWS));
    switch (test_random_below(random, 4)) {
    case 0: execute(it, "DELETE FROM \"customer\" WHERE \"id\" = ?", &id); break;
    case 1: execute(it, "UPDATE \"customer\" SET \"revision\" = \"revision\" - 1 WHERE \"id\" = ?", &id); break;
    case 2: execute(it, "UPDATE \"customer\" SET \"id\" = randomblob(16) WHERE \"id\" = ?", &id); break;
    default:
        execute(it,
                "INSERT INTO \"customer\" (\"id\", \"revision\", \"name\", scope_set) SELECT randomblob(16), 7, 'x', "
                "scope_set FROM \"customer\" WHERE \"id\" = ?",
                &id);
        break;
    }
}

TEST(digests, whatever_happens_to_rows_behind_its_back_is_found_and_made_good) {
    for (uint64_t seed = 1; seed <= 40; seed++) {
        test_random random = test_random_of(seed);
        mini_server it = server_open();
        test_note("seed %" PRIu64, seed);
        add_rows(&it, 0, ROWS);
        for (uint64_t i = 1 + test_random_below(&random, seed % 2 == 0 ? 3 : 30); i > 0; i--) {
            damage(&it, &random);
        }
        satchel_store_count_digests(it.kit.store);
        kit_purge(&it.kit);
        bool damaged = satchel_store_digests_due(it.kit.store);
        CHECK(exchange(&it) == damaged);
        check_same(&it);
        CHECK_UINT(satchel_store_repairs(it.kit.store), damaged ? 1 : 0);
        kit_close(&it.kit);
    }
}

TEST(digests, a_row_that_the_server_forgot_to_send_is_asked_for) {
    mini_server it = server_open();
    add_rows(&it, 0, 30);
    it.n[40] = ++it.newest;
    it.n[3] = ++it.newest;
    kit_page page = begin_page();
    REQUIRE_OK(end_page(&it, &page));
    CHECK(!it.kit.outcome.digests_due); /* first the sums are looked at */
    kit_purge(&it.kit);
    CHECK(exchange(&it));
    check_same(&it);
    kit_close(&it.kit);
}

TEST(digests, a_part_of_a_row_that_is_not_here_makes_it_come_whole) {
    mini_server it = server_open();
    add_rows(&it, 0, 10);
    it.n[20] = ++it.newest;
    kit_page page = begin_page();
    satchel_record part = kit_record(&it.kit, SATCHEL_CUSTOMER_NAME, "part");
    kit_page_part(&it.kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(21), it.n[20], &part, NULL, 0);
    REQUIRE_OK(end_page(&it, &page));
    CHECK_UINT(it.kit.outcome.rows_set_aside, 1);
    kit_purge(&it.kit);
    CHECK(exchange(&it));
    check_same(&it);
    kit_close(&it.kit);
}

TEST(digests, a_row_of_an_entity_that_this_version_does_not_know_is_held_all_the_same) {
    mini_server it = server_open();
    add_rows(&it, 0, 10);
    const satchel_id id = kit_id(900);
    const satchel_row_digest unknown = satchel_row_digest_of(200, &id, 77);
    satchel_row_digest digest = whole_digest(&it);
    uint8_t bytes[SATCHEL_ROW_DIGEST_BYTES];
    kit_page page = begin_page();
    satchel_answer_frame frames[2] = {{.kind = SATCHEL_FRAME_ROW}, {.kind = SATCHEL_FRAME_END}};
    frames[0].as.row = (satchel_row_frame){.entity = 200, .row = id, .n = 77, .scope_set = 1, .whole = true};
    satchel_row_digest_add(&digest, &unknown);
    satchel_row_digest_write(&digest, bytes);
    frames[1].as.end.digest = satchel_bytes_of(bytes, sizeof bytes);
    kit_page_frame(&page, &frames[0]);
    kit_page_frame(&page, &frames[1]);
    REQUIRE_OK(kit_page_store_results(&it.kit, &page));
    kit_purge(&it.kit);
    CHECK_UINT(it.kit.outcome.rows_set_aside, 1);
    CHECK(!satchel_store_digests_due(it.kit.store));
    kit_close(&it.kit);
}

/* A server that never helps is asked SATCHEL_DIGEST_ROUNDS_MOST times, then once a day. */
TEST(digests, a_difference_that_stays_is_not_asked_about_for_ever) {
    mini_server it = server_open();
    uint32_t asked = 0;
    add_rows(&it, 0, 10);
    it.n[11] = ++it.newest;
    for (uint32_t i = 0; i < 40; i++) {
        satchel_digest_question question;
        kit_page page = begin_page();
        REQUIRE_OK(end_page(&it, &page));
        kit_purge(&it.kit);
        REQUIRE_OK(satchel_store_ask_digests(it.kit.store, &it.kit.arena, &question, NULL));
        asked += question.ranges.bytes > 0 ? 1 : 0;
    }
    CHECK_UINT(asked, 24);
    it.kit.state.seen_ms += 86400000;
    kit_page page = begin_page();
    REQUIRE_OK(end_page(&it, &page));
    CHECK(satchel_store_digests_due(it.kit.store));
    CHECK(exchange(&it));
    check_same(&it);
    kit_close(&it.kit);
}

TEST(digests, a_count_that_rows_overtake_ends_right) {
    mini_server it = server_open();
    bool left = true;
    add_rows(&it, 0, ROWS);
    kit_purge(&it.kit);
    for (uint32_t step = 0; step < 200; step++) {
        if (step % 40 == 0) {
            satchel_store_count_digests(it.kit.store);
        }
        REQUIRE_OK(satchel_store_purge(it.kit.store, 1, &left, &it.kit.error));
        add_rows(&it, step % ROWS, step % ROWS + 1);
        CHECK(!satchel_store_digests_due(it.kit.store));
    }
    check_same(&it);
    CHECK_UINT(satchel_store_repairs(it.kit.store), 0);
    kit_close(&it.kit);
}

TEST(digests, a_page_that_fails_leaves_the_sums_as_they_were) {
    mini_server it = server_open();
    add_rows(&it, 0, 10);
    kit_page page = begin_page();
    it.n[3] = ++it.newest;
    put_row(&it, &page, 3);
    satchel_record record = kit_record(&it.kit, SATCHEL_CUSTOMER_NAME, "of no set");
    kit_page_row_in(&it.kit, &page, SATCHEL_ENTITY_CUSTOMER, kit_id(30), 99, 77, &record);
    CHECK_STATUS(end_page(&it, &page), SATCHEL_MALFORMED);
    page = begin_page();
    put_row(&it, &page, 3);
    REQUIRE_OK(end_page(&it, &page));
    CHECK(!satchel_store_digests_due(it.kit.store));
    check_same(&it);
    kit_close(&it.kit);
}

TEST(digests, without_a_word_of_the_server_the_digest_is_wanted) {
    mini_server it = server_open();
    satchel_digest_question question;
    REQUIRE_OK(satchel_store_ask_digests(it.kit.store, &it.kit.arena, &question, NULL));
    CHECK(!question.wanted); /* nothing is here yet */
    add_rows(&it, 0, 10);
    REQUIRE_OK(satchel_store_ask_digests(it.kit.store, &it.kit.arena, &question, NULL));
    CHECK(!question.wanted);
    kit_page page = begin_page();
    REQUIRE_OK(kit_page_store(&it.kit, &page, false)); /* of a server that knows no digests */
    REQUIRE_OK(satchel_store_ask_digests(it.kit.store, &it.kit.arena, &question, NULL));
    CHECK(question.wanted && question.ranges.bytes == 0);
    kit_close(&it.kit);
}
