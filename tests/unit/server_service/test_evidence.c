/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Old copies that were put back unseen: what phones were told before gives them away, and nothing else does.
 */
#include "service/evidence.h"

#include "service/ledger.h"
#include "service/orders.h"
#include "service/returned.h"
#include "support/server_service/stage.h"

#include <string.h>

typedef struct place {
    stage here;
    phone mine;
    uint8_t kept[SATCHEL_CHECKPOINT_BLOCK_BYTES];
} place;

static satchel_fence fence_of(place *at) {
    satchel_fence fence = SATCHEL_FENCE_NONE;
    stage_begin(&at->here);
    REQUIRE_OK(satchel_epoch_fence_of(at->here.db, &fence, NULL));
    stage_commit(&at->here);
    return fence;
}

/* What a checkpoint says after so many entries of the ledger are in a file. */
static satchel_checkpoint told(place *at, uint64_t serial) {
    satchel_checkpoint checkpoint;
    satchel_company company;
    stage_begin(&at->here);
    REQUIRE_OK(satchel_ledger_know(at->here.db, serial, NULL));
    REQUIRE_OK(satchel_company_get(at->here.service, at->here.db, &company, NULL));
    stage_commit(&at->here);
    stage_pass(&at->here, SATCHEL_CHECKPOINT_STEP_MS);
    (void)phone_add_customer(&at->mine, "moves the chain");
    phone_sync(&at->mine);
    phone_sync(&at->mine); /* which finds that it moved */
    REQUIRE(at->mine.got_checkpoint_bytes > 0);
    memcpy(at->kept, at->mine.got_checkpoint, at->mine.got_checkpoint_bytes);
    REQUIRE_OK(satchel_checkpoint_read(satchel_bytes_of(at->kept, at->mine.got_checkpoint_bytes), company.public_key,
                                       &checkpoint, NULL));
    return checkpoint;
}

static void set_up(place *at) {
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 5);
    satchel_id mei = stage_user(&at->here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&at->mine, &at->here, &mei);
    phone_sync(&at->mine);
}

static void tear_down(place *at) {
    phone_close(&at->mine);
    stage_close(&at->here);
}

static bool held_against(place *at, const satchel_checkpoint *shown) {
    bool fenced = false;
    stage_begin(&at->here);
    REQUIRE_OK(satchel_evidence_of_checkpoint(at->here.service, at->here.db, shown, &fenced, NULL));
    satchel_db_rollback(at->here.db);
    return fenced;
}

static void begin_epoch(place *at, uint64_t serial) {
    satchel_ledger_marks marks = {1, 100000, serial};
    uint32_t epoch = 0;
    stage_begin(&at->here);
    REQUIRE_OK(satchel_epoch_begin(at->here.service, at->here.db, &marks, &epoch, NULL));
    stage_commit(&at->here);
}

TEST(evidence, a_checkpoint_tells_epoch_numbers_and_how_far_the_ledger_was) {
    place at;
    set_up(&at);
    satchel_checkpoint seen = told(&at, 1);
    CHECK_UINT(seen.epoch, 1);
    CHECK_UINT(seen.ledger, 1);
    CHECK_INT((int64_t)seen.n, stage_number(&at.here, "SELECT n FROM counter"));
    CHECK(!held_against(&at, &seen));
    tear_down(&at);
}

TEST(evidence, more_than_the_present_epoch_has_is_held_against_it_and_one_less_is_not) {
    place at;
    set_up(&at);
    const satchel_checkpoint seen = told(&at, 1);
    uint64_t head = (uint64_t)stage_number(&at.here, "SELECT max(serial) FROM ledger_outbox");
    satchel_checkpoint shown = seen;
    shown.ledger = head;
    CHECK(!held_against(&at, &shown));
    shown.ledger = head + 1;
    CHECK(held_against(&at, &shown));
    shown = seen;
    shown.n++;
    CHECK(held_against(&at, &shown));
    shown = seen;
    shown.epoch++;
    CHECK(held_against(&at, &shown));
    shown.epoch = 0; /* of a server that told none */
    CHECK(!held_against(&at, &shown));
    tear_down(&at);
}

TEST(evidence, an_epoch_that_began_with_an_old_ledger_is_given_away_by_what_was_told_before) {
    place at;
    set_up(&at);
    satchel_checkpoint shown = told(&at, 1);
    begin_epoch(&at, 7);
    shown.ledger = 7;
    shown.n += 5000; /* of the lost stretch: phones are ahead of every restored server */
    CHECK(!held_against(&at, &shown));
    shown.ledger = 8;
    CHECK(held_against(&at, &shown));
    stage_begin(&at.here);
    REQUIRE_OK(satchel_epoch_catch_up(at.here.db, 8, NULL)); /* the newest ledger was found */
    stage_commit(&at.here);
    CHECK(!held_against(&at, &shown));
    tear_down(&at);
}

TEST(evidence, a_phone_that_shows_it_is_turned_away_and_so_are_all_until_the_loss_is_accepted) {
    place at;
    uint32_t epoch = 0;
    set_up(&at);
    (void)told(&at, 1);
    begin_epoch(&at, 0);
    at.mine.says_witness = satchel_bytes_of(at.kept, at.mine.got_checkpoint_bytes);
    CHECK_STATUS(phone_exchange(&at.mine, PHONE_GOOD_LUCK), SATCHEL_BUSY);
    CHECK_INT(fence_of(&at), SATCHEL_FENCE_BEHIND);
    stage_begin(&at.here);
    uint64_t wanted = 0;
    REQUIRE_OK(satchel_ledger_know(at.here.db, 1000, NULL)); /* what goes on in the old copy counts for nothing */
    REQUIRE_OK(satchel_ledger_known(at.here.db, &wanted, NULL));
    CHECK_UINT(wanted, 1);
    stage_commit(&at.here);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM audit_event WHERE action = 'later state shown'"), 1);
    at.mine.says_witness = (satchel_bytes){NULL, 0};
    CHECK_STATUS(phone_exchange(&at.mine, PHONE_GOOD_LUCK), SATCHEL_BUSY);
    stage_begin(&at.here);
    REQUIRE_OK(satchel_epoch_accept_loss(at.here.service, at.here.db, &epoch, NULL));
    stage_commit(&at.here);
    CHECK(epoch > 1000); /* what was given out twice is never believed again */
    at.mine.says_witness = satchel_bytes_of(at.kept, at.mine.got_checkpoint_bytes);
    CHECK_STATUS(phone_exchange(&at.mine, PHONE_GOOD_LUCK), SATCHEL_STALE_CURSOR);
    CHECK_INT(fence_of(&at), SATCHEL_FENCE_NONE);
    tear_down(&at);
}

TEST(evidence, a_witness_that_the_company_did_not_sign_fences_nobody) {
    place at;
    set_up(&at);
    (void)told(&at, 1);
    begin_epoch(&at, 0);
    at.kept[70] ^= 1;
    at.mine.says_witness = satchel_bytes_of(at.kept, at.mine.got_checkpoint_bytes);
    CHECK_STATUS(phone_exchange(&at.mine, PHONE_GOOD_LUCK), SATCHEL_STALE_CURSOR);
    CHECK_INT(fence_of(&at), SATCHEL_FENCE_NONE);
    tear_down(&at);
}

/* --- receipts --- */

static bool units_tell(place *at, uint64_t n, bool forged) {
    uint8_t key[SATCHEL_KEY_BYTES];
    uint8_t receipt[SATCHEL_RECEIPT_BYTES];
    uint8_t commitment[SATCHEL_HASH_BYTES];
    bool fenced = false;
    const satchel_receipt_facts facts = {
        .device = at->mine.device, .stamp_ms = 9, .code = SATCHEL_RESULT_APPLIED, .epoch = 1, .n = n};
    stage_begin(&at->here);
    REQUIRE_OK(satchel_company_key(at->here.db, "receipts", key, NULL));
    satchel_receipt_make(key, &facts, receipt, commitment);
    receipt[20] = (uint8_t)(receipt[20] ^ (forged ? 1 : 0));
    satchel_arrived_unit units[2] = {{.bad_index = 0}, {.bad_index = 0}};
    units[1].shown = (satchel_unit_return){satchel_bytes_of(receipt, sizeof receipt), 9, SATCHEL_RESULT_APPLIED};
    REQUIRE_OK(satchel_evidence_of_units(at->here.service, at->here.db, &at->mine.device, units, 2, &fenced, NULL));
    satchel_db_rollback(at->here.db);
    return fenced;
}

TEST(evidence, a_receipt_with_a_number_that_was_given_out_again_gives_an_old_ledger_away) {
    place at;
    uint32_t epoch = 0;
    set_up(&at);
    begin_epoch(&at, 7);
    uint64_t begins = (uint64_t)stage_number(&at.here, "SELECT begins_n FROM epoch");
    CHECK(!units_tell(&at, begins - 1, false));
    CHECK(units_tell(&at, begins, false));
    CHECK(!units_tell(&at, begins, true));
    stage_begin(&at.here);
    REQUIRE_OK(satchel_epoch_accept_loss(at.here.service, at.here.db, &epoch, NULL));
    stage_commit(&at.here);
    CHECK(!units_tell(&at, begins, false));
    tear_down(&at);
}

/* Numbers that two epochs gave out: behind the restored point they were lost, whatever was made of them since. */
TEST(evidence, a_number_of_an_ended_epoch_is_capped_though_it_was_given_out_again) {
    place at;
    satchel_counter counter;
    uint64_t capped = 0;
    set_up(&at);
    int64_t restored = stage_number(&at.here, "SELECT n FROM counter");
    begin_epoch(&at, 7);
    uint64_t again = (uint64_t)stage_number(&at.here, "SELECT n FROM counter");
    stage_begin(&at.here);
    REQUIRE_OK(satchel_counter_read(at.here.db, &counter, NULL));
    CHECK_OK(satchel_epoch_cap_of(at.here.db, &counter, 1, again + 5, &capped, NULL));
    CHECK_INT((int64_t)capped, restored);
    CHECK_OK(satchel_epoch_cap_of(at.here.db, &counter, 2, again + 5, &capped, NULL));
    CHECK_UINT(capped, again + 5);
    CHECK_OK(satchel_epoch_cap_of(at.here.db, &counter, 1, (uint64_t)restored, &capped, NULL));
    CHECK_INT((int64_t)capped, restored);
    stage_commit(&at.here);
    tear_down(&at);
}

/* --- the list of the ledger --- */

static uint64_t adopt(place *at, uint64_t serial, uint8_t device, bool expect_new) {
    bool is_new = false;
    uint64_t head = 0;
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_REVOKED, .serial = serial, .id = {{device}}};
    stage_begin(&at->here);
    REQUIRE_OK(satchel_ledger_adopt(at->here.db, &entry, &is_new, NULL));
    REQUIRE_OK(satchel_ledger_head(at->here.db, &head, NULL));
    stage_commit(&at->here);
    CHECK(is_new == expect_new);
    return head;
}

/* A server that ran with an old copy has written other entries under the same serials. */
TEST(evidence, entries_of_a_newer_ledger_keep_their_place_and_others_go_behind) {
    place at;
    set_up(&at);
    uint64_t head = (uint64_t)stage_number(&at.here, "SELECT max(serial) FROM ledger_outbox");
    CHECK_UINT(adopt(&at, head, 9, true), head + 1);
    CHECK_INT(stage_number(&at.here, "SELECT count(DISTINCT serial) FROM ledger_outbox"), (int64_t)head + 1);
    CHECK_UINT(adopt(&at, head, 9, false), head + 1);
    CHECK_UINT(adopt(&at, 0, 9, false), head + 1); /* of a file of before the serials */
    CHECK_UINT(adopt(&at, 0, 8, true), head + 2);
    stage_begin(&at.here);
    REQUIRE_OK(satchel_db_exec(at.here.db, "UPDATE ledger_outbox SET serial = 0 WHERE serial > 1", NULL));
    REQUIRE_OK(satchel_ledger_number_all(at.here.db, NULL));
    stage_commit(&at.here);
    CHECK_INT(stage_number(&at.here, "SELECT max(serial) FROM ledger_outbox"), (int64_t)head + 2);
    tear_down(&at);
}
