/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices that were enrolled, forked or cloned in the lost stretch: the restored server does not know these lives, and
 * nothing that they did is lost.
 */
#include "epoch_stage.h"

#include "base/memory.h"

#include <string.h>

typedef struct stretch {
    stage here;
    tape backup;
    satchel_ledger_entry ledger[32]; /* what its file would hold */
    uint32_t entries;
    satchel_id mei;
    keeper *mine;
} stretch;

static keeper *enrol(stretch *at) {
    keeper *made = satchel_memory_take(sizeof *made);
    REQUIRE(made != NULL);
    phone_enrol(&made->phone, &at->here, &at->mei);
    keeper_sync(made);
    return made;
}

static void set_up(stretch *at) {
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 23);
    at->mei = stage_user(&at->here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    at->mine = enrol(at);
}

static void tear_down(stretch *at) {
    keeper_close(at->mine);
    satchel_memory_give(at->mine);
    tape_erase(&at->backup);
    stage_close(&at->here);
}

static satchel_status keep_entry(void *context, uint64_t serial, satchel_bytes bytes) {
    stretch *at = context;
    REQUIRE(at->entries < 32);
    REQUIRE_OK(satchel_ledger_decode(bytes, &at->ledger[at->entries]));
    at->ledger[at->entries++].serial = serial;
    return SATCHEL_OK;
}

/* With a ledger, as a host does it. */
static void put_back(stretch *at) {
    at->entries = 0;
    REQUIRE_OK(satchel_db_begin(at->here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_ledger_list(at->here.db, 0, keep_entry, at, NULL));
    satchel_db_rollback(at->here.db);
    stage_pass(&at->here, 3600000);
    (void)tape_put_back(&at->here, &at->backup, true);
    stage_begin(&at->here);
    for (uint32_t i = 0; i < at->entries; i++) {
        bool done = false;
        REQUIRE_OK(satchel_ledger_carry_out(at->here.service, at->here.db, &at->ledger[i], &done, NULL));
    }
    stage_commit(&at->here);
}

/* As a real store does: it asks, is told what to do, does it, until nothing is left. */
static void come_back(keeper *mine) {
    keeper_note(mine);
    for (int i = 0; i < 4; i++) {
        uint64_t told = 0;
        satchel_status status = keeper_exchange(mine, &told);
        if (status == SATCHEL_FORKED) {
            phone_begin_life(&mine->phone);
            mine->phone.parent_count = 1; /* a name that was accepted once stands alone */
        }
        if (status != SATCHEL_FORKED && status != SATCHEL_STALE_CURSOR) {
            break;
        }
        keeper_show_again(mine, told);
    }
    keeper_sync(mine);
}

static uint32_t customers(stretch *at) {
    satchel_id ids[32];
    return stage_list(&at->here, SATCHEL_ENTITY_CUSTOMER, ids, 32);
}

static void add(keeper *mine, const char *name) {
    (void)phone_add_customer(&mine->phone, name);
    keeper_sync(mine);
    CHECK_INT(phone_last(&mine->phone).code, SATCHEL_RESULT_APPLIED);
}

TEST(lost_lives, a_phone_that_was_enrolled_in_the_lost_stretch_goes_on) {
    stretch at;
    set_up(&at);
    tape_record(&at.here, &at.backup);
    keeper *late = enrol(&at);
    add(late, "Acknowledged");
    (void)phone_add_customer(&late->phone, "Not sent");
    put_back(&at);
    CHECK_UINT(customers(&at), 0);
    come_back(late);
    CHECK_UINT(customers(&at), 2);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM device_state"), 2);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM returned_op"), 1);
    keeper_close(late);
    satchel_memory_give(late);
    tear_down(&at);
}

TEST(lost_lives, whose_user_went_with_the_stretch_has_to_enrol_again) {
    stretch at;
    bool due = true;
    set_up(&at);
    tape_record(&at.here, &at.backup);
    at.mei = stage_user(&at.here, "tom", SATCHEL_ROLE_REP, NULL, NULL);
    keeper *late = enrol(&at);
    put_back(&at);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM device_state"), 1);
    CHECK_STATUS(phone_exchange(&late->phone, PHONE_GOOD_LUCK), SATCHEL_UNAUTHENTICATED);
    REQUIRE_OK(satchel_db_begin(at.here.db, SATCHEL_DB_READ, NULL));
    CHECK_OK(satchel_ledger_is_due(at.here.db, &at.ledger[at.entries - 1], &due, NULL));
    satchel_db_rollback(at.here.db);
    CHECK(!due);
    keeper_close(late);
    satchel_memory_give(late);
    tear_down(&at);
}

/* Its store was put back, too: it goes on under a new name before it hears of the restore. */
TEST(lost_lives, regress_a_life_that_begins_behind_the_restore_shows_all_that_it_keeps) {
    for (int known = 0; known < 2; known++) {
        stretch at;
        set_up(&at);
        add(at.mine, "Before");
        tape_record(&at.here, &at.backup);
        if (known == 0) {
            phone_begin_life(&at.mine->phone);
        }
        add(at.mine, "Acknowledged");
        (void)phone_add_customer(&at.mine->phone, "Not sent");
        put_back(&at);
        phone_begin_life(&at.mine->phone);
        come_back(at.mine);
        CHECK_UINT(customers(&at), 3);
        tear_down(&at);
    }
}

TEST(lost_lives, a_life_that_began_in_the_lost_stretch_shows_all_that_it_did) {
    stretch at;
    set_up(&at);
    add(at.mine, "Before");
    tape_record(&at.here, &at.backup);
    phone_begin_life(&at.mine->phone);
    add(at.mine, "As another life");
    (void)phone_add_customer(&at.mine->phone, "Not sent");
    put_back(&at);
    come_back(at.mine);
    CHECK_UINT(customers(&at), 3);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM returned_op"), 1);
    add(at.mine, "After");
    CHECK_UINT(customers(&at), 4);
    tear_down(&at);
}

/* The copy parted from the store before the backup: what the server knows under these numbers is the other's. */
TEST(lost_lives, regress_a_copy_that_forked_in_the_lost_stretch_loses_nothing_under_the_same_numbers) {
    stretch at;
    set_up(&at);
    add(at.mine, "Shared");
    keeper *copy = keeper_copy(at.mine);
    add(at.mine, "Of the first, in the backup");
    add(at.mine, "Also in the backup");
    tape_record(&at.here, &at.backup);
    phone_begin_life(&copy->phone);
    add(copy, "Of the copy, under the same number");
    add(copy, "And another");
    put_back(&at);
    come_back(copy);
    CHECK_UINT(customers(&at), 5);
    at.mine->phone.request_number += 200000;
    come_back(at.mine);
    CHECK_UINT(customers(&at), 5);
    CHECK_INT(stage_number(&at.here, "SELECT count(DISTINCT name) FROM customer"), 5);
    keeper_close(copy);
    satchel_memory_give(copy);
    tear_down(&at);
}

/* An older backup than the newest verified one: what the phone has forgotten is lost, but it goes on. */
TEST(lost_lives, regress_a_phone_that_has_forgotten_its_receipts_is_not_stuck) {
    for (int forked = 0; forked < 2; forked++) {
        stretch at;
        uint64_t told = 0;
        set_up(&at);
        tape_record(&at.here, &at.backup);
        add(at.mine, "Forgotten");
        if (forked != 0) {
            phone_begin_life(&at.mine->phone);
            keeper_sync(at.mine);
        }
        put_back(&at);
        (void)phone_add_customer(&at.mine->phone, "New");
        CHECK_STATUS(keeper_exchange(at.mine, &told), forked != 0 ? SATCHEL_FORKED : SATCHEL_STALE_CURSOR);
        CHECK_UINT(told, 0);
        keeper_note(at.mine);
        satchel_buffer_deinit(&at.mine->units[0].bytes);
        at.mine->units[0] = at.mine->units[1]; /* the first is pruned */
        at.mine->count = 1;
        if (forked != 0) {
            phone_begin_life(&at.mine->phone);
        }
        keeper_show_again(at.mine, told);
        at.mine->phone.says_epoch = 2;
        keeper_sync(at.mine);
        CHECK_UINT(customers(&at), 1);
        tear_down(&at);
    }
}

/* The same, if the phone does not know yet: it has to be told first. */
TEST(lost_lives, who_was_not_told_of_the_restore_is_told_before_a_gap_is_believed) {
    stretch at;
    uint64_t told = 7;
    set_up(&at);
    tape_record(&at.here, &at.backup);
    add(at.mine, "Acknowledged");
    put_back(&at);
    (void)phone_add_customer(&at.mine->phone, "New");
    at.mine->phone.cursor_bytes = 0;
    CHECK_STATUS(keeper_exchange(at.mine, &told), SATCHEL_STALE_CURSOR);
    CHECK_UINT(told, 0);
    keeper_show_again(at.mine, told);
    keeper_sync(at.mine);
    CHECK_UINT(customers(&at), 2);
    tear_down(&at);
}

/* --- random lives --- */

/* Three phones live on; then one of them is another life, one is enrolled late, and all come back in some order. */
static void run_story(uint64_t seed) {
    stretch at;
    keeper *phones = satchel_memory_take(3 * sizeof *phones);
    satchel_buffer before = {NULL, 0, 0};
    satchel_buffer after = {NULL, 0, 0};
    test_random random = test_random_of(seed);
    satchel_id customers_made[16];
    uint32_t count = 0;
    REQUIRE(phones != NULL);
    set_up(&at);
    phone_enrol(&phones[0].phone, &at.here, &at.mei);
    phone_enrol(&phones[1].phone, &at.here, &at.mei);
    if (seed % 2 == 0) {
        phone_enrol(&phones[2].phone, &at.here, &at.mei);
        stretch_live(&at.here, phones, &random, customers_made, &count, 10);
    }
    tape_record(&at.here, &at.backup);
    if (seed % 2 != 0) {
        phone_enrol(&phones[2].phone, &at.here, &at.mei);
    }
    for (int part = 0; part < 3; part++) {
        stretch_live(&at.here, phones, &random, customers_made, &count, 6);
        phone_begin_life(&phones[test_random_below(&random, 3)].phone);
    }
    stretch_live(&at.here, phones, &random, customers_made, &count, 4);
    stretch_picture(&at.here, &before);
    put_back(&at);
    for (uint64_t i = 0; i < 3; i++) {
        come_back(&phones[(seed + i * (1 + seed % 2)) % 3]);
    }
    stretch_picture(&at.here, &after);
    if (!satchel_bytes_equal(satchel_buffer_view(&before), satchel_buffer_view(&after))) {
        test_note("seed %llu", (unsigned long long)seed);
    }
    CHECK_BYTES(satchel_buffer_view(&after), satchel_buffer_view(&before));
    satchel_buffer_deinit(&before);
    satchel_buffer_deinit(&after);
    for (int i = 0; i < 3; i++) {
        keeper_close(&phones[i]);
    }
    satchel_memory_give(phones);
    tear_down(&at);
}

TEST(lost_lives, what_was_accepted_is_there_again_whatever_lives_began_meanwhile) {
    for (uint64_t seed = 1; seed <= 16; seed++) {
        run_story(seed);
    }
}
