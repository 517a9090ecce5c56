/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a page answers to a phone that asks about ranges, and that damage to the server's own books is found.
 */
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "db/rows.h"
#include "service/digest_page.h"
#include "service/mend.h"
#include "service/tombstone.h"

#include <string.h>

typedef struct asking_phone {
    stage here;
    satchel_id user;
    satchel_id customer;
    phone mine;
    satchel_arena arena;
    satchel_pulled_page page;
    uint32_t rows; /* frames of the last page */
    satchel_ranges_frame ranges;
    bool has_ranges;
} asking_phone;

static void set_up(asking_phone *all, uint32_t customers) {
    memset(all, 0, sizeof *all);
    stage_open(&all->here, NULL, 1);
    all->user = stage_user(&all->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    for (uint32_t i = 0; i < customers; i++) {
        all->customer = stage_customer(&all->here, "Shop", &all->user, NULL);
    }
    phone_enrol(&all->mine, &all->here, &all->user);
    phone_sync(&all->mine);
}

static void tear_down(asking_phone *all) {
    satchel_pulled_page_deinit(&all->page);
    satchel_arena_deinit(&all->arena);
    phone_close(&all->mine);
    stage_close(&all->here);
}

static void look_at_frames(asking_phone *all) {
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&all->page.frames));
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    all->rows = 0;
    all->has_ranges = false;
    while (frame.kind != SATCHEL_FRAME_NONE) {
        REQUIRE_OK(satchel_answer_read(&reader, &all->arena, &frame, NULL));
        all->rows += frame.kind == SATCHEL_FRAME_ROW ? 1 : 0;
        if (frame.kind == SATCHEL_FRAME_RANGES) {
            all->has_ranges = true;
            all->ranges = frame.as.ranges;
        }
    }
}

/* The page that the phone would get for these ranges. */
static void ask(asking_phone *all, satchel_bytes ranges) {
    satchel_person person;
    const satchel_pull_question question = {true, ranges, 0};
    satchel_pulled_page_deinit(&all->page);
    REQUIRE_OK(satchel_db_begin(all->here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_person_load(all->here.service, all->here.db, &all->user, stage_today(&all->here), &all->arena,
                                   &person, NULL));
    REQUIRE_OK(satchel_pull(all->here.service, all->here.db, &person,
                            satchel_bytes_of(all->mine.cursor, all->mine.cursor_bytes), 65536, &question, &all->arena,
                            &all->page, NULL));
    satchel_db_rollback(all->here.db);
    look_at_frames(all);
}

/* What the mirror holds, as one range or as ranges of `bits`. */
static void ask_with_mirror(asking_phone *all, uint8_t bits, uint64_t wrong) {
    satchel_buffer ranges = {NULL, 0, 0};
    for (uint64_t prefix = 0; prefix < UINT64_C(1) << bits; prefix++) {
        satchel_digest_range range = {.bits = bits, .prefix = prefix, .sum = prefix < wrong ? 1 : 0};
        for (uint32_t i = 0; i < all->mine.row_count; i++) {
            const mirror_row *row = all->mine.rows[i];
            const satchel_entity *of = satchel_schema_entity(satchel_service_schema(all->here.service), row->entity);
            const satchel_id root = of->root != 0 ? satchel_record_id(&row->record, of->root_field) : row->id;
            if (satchel_digest_range_has(&range, satchel_digest_place(&root))) {
                range.rows++;
                range.sum += satchel_row_digest_of(row->entity, &row->id, row->n).lanes[0];
            }
        }
        REQUIRE_OK(satchel_digest_range_write(&range, true, &ranges));
    }
    ask(all, satchel_buffer_view(&ranges));
    satchel_buffer_deinit(&ranges);
}

TEST(digest_pull, ranges_that_agree_are_not_named) {
    asking_phone all;
    set_up(&all, 20);
    for (uint8_t bits = 0; bits < 5; bits++) {
        ask_with_mirror(&all, bits, 0);
        CHECK(!all.has_ranges);
        CHECK_UINT(all.rows, 0);
        CHECK(all.page.has_digest && !all.page.books_differ);
    }
    tear_down(&all);
}

TEST(digest_pull, a_small_range_that_differs_comes_whole) {
    asking_phone all;
    set_up(&all, 20);
    ask_with_mirror(&all, 3, 1);
    CHECK(all.has_ranges && all.ranges.settled.bytes == 2 && all.ranges.split.bytes == 0);
    CHECK_UINT(all.ranges.elements.bytes, 8 * all.rows);
    CHECK(all.rows > 0 && all.rows < all.mine.row_count);
    tear_down(&all);
}

TEST(digest_pull, a_large_range_that_differs_is_split) {
    asking_phone all;
    set_up(&all, 60);
    ask_with_mirror(&all, 0, 1);
    CHECK(all.has_ranges && all.ranges.split.bytes == 2 && all.ranges.settled.bytes == 0);
    CHECK_UINT(all.rows, 0);
    ask_with_mirror(&all, 6, 64); /* many that differ */
    CHECK(all.ranges.split.bytes == 0 && all.ranges.settled.bytes > 0);
    CHECK_UINT(all.rows, all.mine.row_count);
    tear_down(&all);
}

TEST(digest_pull, ranges_that_are_none_do_not_hold_up_the_page) {
    asking_phone all;
    set_up(&all, 3);
    ask(&all, satchel_bytes_of("\xff\xff\xff", 3));
    CHECK(!all.has_ranges);
    CHECK_STATUS(all.page.status, SATCHEL_OK);
    CHECK(all.page.has_digest);
    tear_down(&all);
}

static void tidy_up(stage *here) {
    bool left = true;
    for (int i = 0; left && i < 9; i++) {
        stage_begin(here);
        REQUIRE_OK(satchel_service_tidy(here->service, here->db, &left, NULL));
        stage_commit(here);
    }
    CHECK(!left);
}

static void harm(stage *here, const char *sql, const satchel_id *root) {
    stage_begin(here);
    REQUIRE_OK(SATCHEL_DB_RUN(here->db, NULL, sql, satchel_value_id(root)));
    REQUIRE_OK(satchel_mend_ask(here->db, NULL));
    stage_commit(here);
}

TEST(digest_pull, damage_to_memberships_is_found_and_the_digests_follow) {
    asking_phone all;
    set_up(&all, 5);
    stage_begin(&all.here);
    REQUIRE_OK(
        SATCHEL_DB_RUN(all.here.db, NULL, "DELETE FROM membership WHERE root = ?1", satchel_value_id(&all.customer)));
    stage_commit(&all.here);
    ask_with_mirror(&all, 0, 0);
    CHECK(all.page.books_differ);
    stage_begin(&all.here);
    REQUIRE_OK(satchel_digest_note(all.here.service, all.here.db, &all.user, &all.mine.device, true, true, NULL));
    stage_commit(&all.here);
    CHECK_UINT(stage_counts(&all.here).digest_repairs, 1);
    CHECK_UINT(stage_counts(&all.here).digest_books, 1);
    tidy_up(&all.here);
    ask_with_mirror(&all, 0, 0);
    CHECK(!all.page.books_differ && all.page.has_digest);
    phone fresh;
    phone_enrol(&fresh, &all.here, &all.user);
    phone_sync(&fresh);
    CHECK(phone_find(&fresh, SATCHEL_ENTITY_CUSTOMER, &all.customer) != NULL);
    phone_close(&fresh);
    tear_down(&all);
}

TEST(digest_pull, lost_memberships_are_made_anew_from_facts) {
    asking_phone all;
    set_up(&all, 5);
    satchel_id visit = phone_check_in(&all.mine, &all.customer);
    phone_sync(&all.mine);
    const satchel_id roots[] = {all.customer, visit};
    for (size_t i = 0; i < 2; i++) {
        phone fresh;
        harm(&all.here, "DELETE FROM membership WHERE root = ?1", &roots[i]);
        tidy_up(&all.here);
        phone_enrol(&fresh, &all.here, &all.user);
        phone_sync(&fresh);
        CHECK(phone_find(&fresh, SATCHEL_ENTITY_CUSTOMER, &all.customer) != NULL);
        CHECK(phone_find(&fresh, SATCHEL_ENTITY_VISIT, &visit) != NULL);
        phone_close(&fresh);
    }
    ask_with_mirror(&all, 0, 0);
    CHECK(!all.page.books_differ && all.page.has_digest);
    tear_down(&all);
}

/* Owner, territory, sharing, assignment, the pool: for each the facts say where an aggregate is. */
TEST(digest_pull, every_kind_of_membership_is_made_anew_and_a_wrong_one_goes) {
    asking_phone all;
    set_up(&all, 1);
    stage *here = &all.here;
    satchel_id north = stage_territory(here, "North", NULL);
    satchel_id wang = stage_user(here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, &north);
    satchel_id zhao = stage_user(here, "zhao", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id customer = stage_customer(here, "Anna's", &all.user, &north);
    satchel_record shared = stage_record(here);
    satchel_bytes with = satchel_id_view(&wang);
    satchel_value users = satchel_value_set(&with, 1);
    REQUIRE_OK(satchel_record_set(&shared, SATCHEL_CUSTOMER_SHARED_WITH, &users));
    stage_edit(here, SATCHEL_ENTITY_CUSTOMER, &customer, &shared);
    stage_assign(here, &zhao, &customer, stage_today(here), stage_today(here));
    int64_t right = stage_number(here, "SELECT count(*) FROM membership WHERE present = 1");
    harm(here, "DELETE FROM membership WHERE root = ?1", &customer);
    harm(here, "UPDATE membership SET scope = scope + 1000000 WHERE root = ?1", &all.customer);
    CHECK(stage_number(here, "SELECT count(*) FROM membership WHERE present = 1") < right);
    tidy_up(here);
    CHECK_INT(stage_number(here, "SELECT count(*) FROM membership WHERE present = 1"), right);
    const satchel_id *who[] = {&all.user, &wang, &boss, &zhao};
    for (size_t i = 0; i < 4; i++) {
        phone fresh;
        phone_enrol(&fresh, here, who[i]);
        phone_sync(&fresh);
        CHECK(phone_find(&fresh, SATCHEL_ENTITY_CUSTOMER, &customer) != NULL);
        phone_close(&fresh);
    }
    tear_down(&all);
}

TEST(digest_pull, a_walk_over_what_is_right_moves_nothing_and_ends) {
    asking_phone all;
    set_up(&all, SATCHEL_MEND_STEP_MOST + 1);
    stage_begin(&all.here);
    REQUIRE_OK(satchel_mend_ask(all.here.db, NULL));
    stage_commit(&all.here);
    uint64_t n = stage_counts(&all.here).n;
    for (int i = 0; i < 3; i++) {
        bool walked = false;
        stage_begin(&all.here);
        REQUIRE_OK(satchel_mend_step(all.here.service, all.here.db, &walked, NULL));
        stage_commit(&all.here);
        CHECK(walked == (i < 2));
    }
    CHECK_UINT(stage_counts(&all.here).n, n);
    tear_down(&all);
}

TEST(digest_pull, a_damaged_sum_is_found) {
    asking_phone all;
    set_up(&all, 5);
    stage_begin(&all.here);
    REQUIRE_OK(SATCHEL_DB_RUN(all.here.db, NULL, "DELETE FROM digest WHERE kind <> ?1", satchel_db_count(9999)));
    stage_commit(&all.here);
    ask_with_mirror(&all, 2, 0);
    CHECK(all.page.books_differ && !all.has_ranges);
    tear_down(&all);
}
