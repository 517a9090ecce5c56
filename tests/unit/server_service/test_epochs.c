/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that is put back to a backup, and phones that are ahead of it: what they were told to be accepted is there
 * again, in whatever order they come.
 */
#include "epoch_stage.h"

#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "wire/record_codec.h"

#include <stdlib.h>
#include <string.h>

/* --- random lives --- */

/* A random life, a backup in it, the end of the server, and phones that come in a random order. */
static void run_story(uint64_t seed) {
    stage here;
    tape backup;
    keeper *phones = satchel_memory_take(3 * sizeof *phones);
    satchel_buffer before = {NULL, 0, 0};
    satchel_buffer after = {NULL, 0, 0};
    test_random random = test_random_of(seed);
    satchel_id customers[16];
    uint32_t count = 0;
    REQUIRE(phones != NULL);
    stage_open(&here, NULL, seed);
    satchel_id mei = stage_user(&here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        phone_enrol(&phones[i].phone, &here, &mei);
    }
    stretch_live(&here, phones, &random, customers, &count, 12);
    tape_record(&here, &backup);
    stretch_live(&here, phones, &random, customers, &count, 16);
    stretch_picture(&here, &before);
    int64_t conflicts = stage_number(&here, "SELECT count(*) FROM conflict WHERE status = 1");
    stage_pass(&here, 3600000);
    CHECK_UINT(tape_put_back(&here, &backup, true), 2);
    uint64_t first = test_random_below(&random, 3);
    for (uint64_t i = 0; i < 3; i++) {
        keeper *mine = &phones[(first + i * (1 + seed % 2)) % 3];
        keeper_show_again(mine, keeper_applied(&here, mine));
        keeper_sync(mine);
    }
    stretch_picture(&here, &after);
    if (!satchel_bytes_equal(satchel_buffer_view(&before), satchel_buffer_view(&after))) {
        test_note("seed %llu", (unsigned long long)seed);
    }
    CHECK_BYTES(satchel_buffer_view(&after), satchel_buffer_view(&before));
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM conflict WHERE status = 1"), conflicts);
    CHECK_TEXT(phones[0].phone.complaint, "");
    for (uint32_t i = 0; i < 3; i++) {
        keeper_sync(&phones[i]);
        for (uint32_t k = 0; k < count; k++) {
            CHECK(stretch_shows(&here, &phones[i], &customers[k]));
        }
    }
    satchel_buffer_deinit(&before);
    satchel_buffer_deinit(&after);
    tape_erase(&backup);
    for (int i = 0; i < 3; i++) {
        keeper_close(&phones[i]);
    }
    satchel_memory_give(phones);
    stage_close(&here);
}

TEST(epochs, what_was_accepted_is_there_again_whoever_comes_first) {
    for (uint64_t seed = 1; seed <= 24; seed++) {
        run_story(seed);
    }
}

/* Points of an older op come back behind those of a younger one: the sum moves, though the last writer does not. */
TEST(epochs, regress_what_comes_back_below_another_reaches_phones_that_came_before) {
    stage here;
    tape backup;
    keeper *phones = satchel_memory_take(2 * sizeof *phones);
    REQUIRE(phones != NULL);
    stage_open(&here, NULL, 5);
    satchel_id mei = stage_user(&here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&phones[0].phone, &here, &mei);
    phone_enrol(&phones[1].phone, &here, &mei);
    satchel_id shop = phone_add_customer(&phones[0].phone, "Baker");
    keeper_sync(&phones[0]);
    keeper_sync(&phones[1]);
    tape_record(&here, &backup);
    for (int i = 1; i >= 0; i--) {
        stage_pass(&here, 60000);
        phone_add_points(&phones[i].phone, &shop, i == 0 ? 83 : 511);
        keeper_sync(&phones[i]);
    }
    stage_pass(&here, 3600000);
    CHECK_UINT(tape_put_back(&here, &backup, true), 2);
    for (int i = 0; i < 2; i++) {
        keeper_show_again(&phones[i], keeper_applied(&here, &phones[i]));
        keeper_sync(&phones[i]);
    }
    keeper_sync(&phones[0]);
    CHECK(stretch_shows(&here, &phones[0], &shop));
    CHECK(stretch_shows(&here, &phones[1], &shop));
    satchel_record stands = stage_read(&here, SATCHEL_ENTITY_CUSTOMER, &shop, NULL);
    CHECK_INT(satchel_record_int(&stands, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0), 594);
    tape_erase(&backup);
    keeper_close(&phones[0]);
    keeper_close(&phones[1]);
    satchel_memory_give(phones);
    stage_close(&here);
}

/* --- one by one --- */

typedef struct simple {
    stage here;
    keeper *mine;
    satchel_id shop;
} simple;

static void set_up(simple *at) {
    memset(at, 0, sizeof *at);
    at->mine = satchel_memory_take(sizeof *at->mine);
    REQUIRE(at->mine != NULL);
    stage_open(&at->here, NULL, 7);
    satchel_id mei = stage_user(&at->here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&at->mine->phone, &at->here, &mei);
    at->shop = phone_add_customer(&at->mine->phone, "Baker");
    keeper_sync(at->mine);
}

static void tear_down(simple *at) {
    keeper_close(at->mine);
    satchel_memory_give(at->mine);
    stage_close(&at->here);
}

TEST(epochs, a_phone_that_is_ahead_is_told_from_where_to_show_its_receipts) {
    simple at;
    tape backup;
    set_up(&at);
    tape_record(&at.here, &backup);
    uint64_t had = keeper_applied(&at.here, at.mine);
    phone_edit_text(&at.mine->phone, SATCHEL_ENTITY_CUSTOMER, &at.shop, SATCHEL_CUSTOMER_NOTE, "told");
    keeper_sync(at.mine);
    tape_put_back(&at.here, &backup, true);
    phone_edit_text(&at.mine->phone, SATCHEL_ENTITY_CUSTOMER, &at.shop, SATCHEL_CUSTOMER_OPENING_HOURS, "new");
    keeper_note(at.mine);
    CHECK_STATUS(phone_exchange(&at.mine->phone, PHONE_GOOD_LUCK), SATCHEL_STALE_CURSOR);
    CHECK_UINT(keeper_applied(&at.here, at.mine), had);
    keeper_show_again(at.mine, had);
    keeper_sync(at.mine);
    CHECK_TEXT(phone_text(&at.mine->phone, SATCHEL_ENTITY_CUSTOMER, &at.shop, SATCHEL_CUSTOMER_NOTE), "told");
    CHECK_TEXT(phone_text(&at.mine->phone, SATCHEL_ENTITY_CUSTOMER, &at.shop, SATCHEL_CUSTOMER_OPENING_HOURS), "new");
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, a_receipt_that_was_not_given_makes_no_fact) {
    simple at;
    tape backup;
    set_up(&at);
    tape_record(&at.here, &backup);
    uint64_t had = keeper_applied(&at.here, at.mine);
    phone_edit_text(&at.mine->phone, SATCHEL_ENTITY_CUSTOMER, &at.shop, SATCHEL_CUSTOMER_NOTE, "told");
    keeper_sync(at.mine);
    int64_t stamp = at.mine->units[1].shown.stamp_ms;
    stage_pass(&at.here, 5000);
    tape_put_back(&at.here, &backup, true);
    at.mine->units[1].receipt[20] ^= 1;
    at.mine->units[1].shown.stamp_ms = stamp - 1000000;
    keeper_show_again(at.mine, had);
    keeper_sync(at.mine);
    CHECK(phone_last(&at.mine->phone).stamp_ms >= stamp - 1); /* decided like a new one: not with the forged stamp */
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM returned_op"), 0);
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, a_fenced_server_is_busy_until_the_loss_is_accepted) {
    simple at;
    tape backup;
    bool fenced = false;
    set_up(&at);
    tape_record(&at.here, &backup);
    CHECK(tape_put_back(&at.here, &backup, false) > 1000000);
    CHECK_STATUS(phone_exchange(&at.mine->phone, PHONE_GOOD_LUCK), SATCHEL_BUSY);
    stage_begin(&at.here);
    REQUIRE_OK(satchel_epoch_is_fenced(at.here.db, &fenced, NULL));
    CHECK(fenced);
    REQUIRE_OK(satchel_epoch_fence(at.here.service, at.here.db, false, NULL));
    stage_commit(&at.here);
    CHECK_STATUS(phone_exchange(&at.mine->phone, PHONE_GOOD_LUCK), SATCHEL_STALE_CURSOR);
    CHECK(stage_number(&at.here, "SELECT n FROM counter") > (int64_t)SATCHEL_EPOCH_GAP);
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, numbers_of_a_lost_stretch_count_as_the_point_that_was_restored) {
    simple at;
    tape backup;
    satchel_counter counter;
    uint64_t capped = 0;
    set_up(&at);
    tape_record(&at.here, &backup);
    tape_put_back(&at.here, &backup, true);
    stage_begin(&at.here);
    REQUIRE_OK(satchel_counter_read(at.here.db, &counter, NULL));
    const uint64_t restored = backup.facts.n;
    const uint64_t numbers[][2] = {{restored - 1, restored - 1},
                                   {restored, restored},
                                   {restored + 1, restored},
                                   {counter.n, restored},
                                   {counter.n + 1, counter.n + 1}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        REQUIRE_OK(satchel_epoch_cap(at.here.db, &counter, numbers[i][0], &capped, NULL));
        CHECK_UINT(capped, numbers[i][1]);
    }
    const satchel_base_exception exception = {SATCHEL_CUSTOMER_NOTE, restored + 1};
    satchel_op op = {.base_n = restored + 2, .exceptions = &exception, .exception_count = 1};
    REQUIRE_OK(satchel_epoch_cap_op(at.here.db, &counter, &at.here.arena, &op, NULL));
    CHECK(op.base_n == restored && op.exceptions[0].base_n == restored);
    stage_commit(&at.here);
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, a_backup_that_was_read_back_is_told_to_phones) {
    simple at;
    tape backup;
    const uint8_t digest[SATCHEL_HASH_BYTES] = {1};
    satchel_answer_survey survey;
    satchel_arena arena = {0};
    set_up(&at);
    tape_record(&at.here, &backup);
    stage_begin(&at.here);
    REQUIRE_OK(satchel_backup_note(at.here.service, at.here.db, &backup.facts, 100, digest, NULL));
    stage_commit(&at.here);
    satchel_buffer_clear(&at.mine->phone.wire);
    CHECK_OK(phone_exchange(&at.mine->phone, PHONE_GOOD_LUCK));
    REQUIRE_OK(satchel_answer_look(satchel_buffer_view(&at.mine->phone.wire), &arena, &survey, NULL));
    CHECK_UINT(survey.head.verified_n, backup.facts.n);
    satchel_arena_deinit(&arena);
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, a_ledger_entry_comes_back_as_it_was) {
    const satchel_ledger_entry entries[] = {
        {.kind = SATCHEL_LEDGER_NUMBERS, .epoch = 3, .n = 70000},
        {.kind = SATCHEL_LEDGER_EPOCH, .epoch = UINT32_MAX},
        {.kind = SATCHEL_LEDGER_REVOKED, .id = {{7}}},
        {.kind = SATCHEL_LEDGER_ERASED, .id = {{1}}, .entity = 255, .row = {{2}}, .at_ms = -STAGE_START_MS}};
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        satchel_buffer bytes = {NULL, 0, 0};
        satchel_ledger_entry read;
        REQUIRE_OK(satchel_ledger_encode(&entries[i], &bytes));
        CHECK(bytes.bytes <= SATCHEL_LEDGER_ENTRY_MOST);
        REQUIRE_OK(satchel_ledger_decode(satchel_buffer_view(&bytes), &read));
        CHECK(read.kind == entries[i].kind && read.epoch == entries[i].epoch && read.n == entries[i].n);
        CHECK(satchel_id_equal(&read.id, &entries[i].id) && satchel_id_equal(&read.row, &entries[i].row));
        CHECK(read.at_ms == entries[i].at_ms && read.entity == entries[i].entity);
        CHECK_STATUS(satchel_ledger_decode(satchel_bytes_of(bytes.data, bytes.bytes - 1), &read), SATCHEL_MALFORMED);
        satchel_buffer_deinit(&bytes);
    }
}

TEST(epochs, a_revoked_device_is_revoked_after_the_restore) {
    simple at;
    tape backup;
    bool done = false;
    set_up(&at);
    tape_record(&at.here, &backup);
    stage_begin(&at.here);
    REQUIRE_OK(satchel_device_revoke(at.here.service, at.here.db, &at.here.system, &at.mine->phone.device, NULL));
    uint64_t waiting = 0;
    REQUIRE_OK(satchel_ledger_waiting(at.here.db, &waiting, NULL));
    CHECK(waiting >= 1);
    stage_commit(&at.here);
    tape_put_back(&at.here, &backup, true);
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_REVOKED, .id = at.mine->phone.device};
    stage_begin(&at.here);
    REQUIRE_OK(satchel_ledger_is_due(at.here.db, &entry, &done, NULL));
    CHECK(done);
    REQUIRE_OK(satchel_ledger_carry_out(at.here.service, at.here.db, &entry, &done, NULL));
    CHECK(done);
    REQUIRE_OK(satchel_ledger_carry_out(at.here.service, at.here.db, &entry, &done, NULL));
    CHECK(!done);
    stage_commit(&at.here);
    CHECK_STATUS(phone_exchange(&at.mine->phone, PHONE_GOOD_LUCK), SATCHEL_REVOKED);
    tape_erase(&backup);
    tear_down(&at);
}

static satchel_status load_bytes(const char *bytes, size_t count) {
    satchel_backup_loader *loader = NULL;
    satchel_backup_facts facts;
    REQUIRE_OK(satchel_backup_load_open(&loader, NULL));
    satchel_status status = satchel_backup_load(loader, satchel_bytes_of(bytes, count), NULL);
    if (status == SATCHEL_OK) {
        status = satchel_backup_load_end(loader, &facts, NULL);
    }
    satchel_backup_load_close(loader);
    return status;
}

TEST(epochs, a_stream_that_is_no_backup_is_told) {
    /* format 1, tables' format, epoch 1, n 0, position 0, hash; then a table, a row, the end */
    char good[] = "\x01\x01\x02\x01\0\0"
                  "________________________________"
                  "\x02\x01t\x01\x01"
                  "c\x03\x01\x02\x04\x01";
    const size_t bytes = sizeof good - 1;
    CHECK_OK(load_bytes(good, bytes));
    for (size_t cut = 0; cut < bytes; cut++) {
        CHECK_STATUS(load_bytes(good, cut), SATCHEL_MALFORMED);
    }
    good[bytes - 1] = 2; /* rows that are not there */
    CHECK_STATUS(load_bytes(good, bytes), SATCHEL_MALFORMED);
    good[bytes - 1] = 1;
    good[40] = '"'; /* a name that ends its quotes */
    CHECK_STATUS(load_bytes(good, bytes), SATCHEL_MALFORMED);
    good[40] = 't';
    good[2] = SATCHEL_TABLES_FORMAT;
    CHECK_OK(load_bytes(good, bytes));
    good[2] = SATCHEL_TABLES_FORMAT + 1;
    CHECK_STATUS(load_bytes(good, bytes), SATCHEL_NEWER_FORMAT);
}

/* --- attacks, and restores of restores --- */

/* Loss of the ledger is accepted. */
static void unfence(stage *here) {
    stage_begin(here);
    REQUIRE_OK(satchel_epoch_fence(here->service, here->db, false, NULL));
    stage_commit(here);
}

static void edit_and_sync(simple *at, uint32_t field, const char *text) {
    phone_edit_text(&at->mine->phone, SATCHEL_ENTITY_CUSTOMER, &at->shop, field, text);
    keeper_sync(at->mine);
}

static void show_what_is_missing(simple *at) {
    keeper_show_again(at->mine, keeper_applied(&at->here, at->mine));
    keeper_sync(at->mine);
}

TEST(epochs, regress_a_second_restore_keeps_what_was_written_in_between) {
    simple at;
    tape backup;
    tape second;
    set_up(&at);
    tape_record(&at.here, &backup);
    edit_and_sync(&at, SATCHEL_CUSTOMER_NOTE, "lost once");
    tape_put_back(&at.here, &backup, true);
    show_what_is_missing(&at);
    edit_and_sync(&at, SATCHEL_CUSTOMER_OPENING_HOURS, "in the second backup");
    tape_record(&at.here, &second);
    edit_and_sync(&at, SATCHEL_CUSTOMER_NAME, "lost again");
    tape_put_back(&at.here, &second, true);
    show_what_is_missing(&at);
    satchel_record shop = stage_read(&at.here, SATCHEL_ENTITY_CUSTOMER, &at.shop, NULL);
    CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_NOTE), "lost once");
    CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_OPENING_HOURS), "in the second backup");
    CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_NAME), "lost again");
    tape_erase(&backup);
    tape_erase(&second);
    tear_down(&at);
}

TEST(epochs, regress_a_backup_restored_twice_without_ledger_gets_both_stretches) {
    simple at;
    tape backup;
    set_up(&at);
    tape_record(&at.here, &backup);
    for (int i = 0; i < 2; i++) {
        stage_pass(&at.here, 3600000);
        tape_put_back(&at.here, &backup, false);
        unfence(&at.here);
        show_what_is_missing(&at);
        edit_and_sync(&at, i == 0 ? SATCHEL_CUSTOMER_NOTE : SATCHEL_CUSTOMER_OPENING_HOURS, "said");
    }
    satchel_record shop = stage_read(&at.here, SATCHEL_ENTITY_CUSTOMER, &at.shop, NULL);
    CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_NOTE), "said");
    CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_OPENING_HOURS), "said");
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, regress_a_receipt_holds_for_the_device_that_got_it) {
    simple at;
    tape backup;
    keeper *thief = satchel_memory_take(sizeof *thief);
    REQUIRE(thief != NULL);
    memset(&at, 0, sizeof at);
    at.mine = satchel_memory_take(sizeof *at.mine);
    REQUIRE(at.mine != NULL);
    stage_open(&at.here, NULL, 9);
    satchel_id mei = stage_user(&at.here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id tom = stage_user(&at.here, "tom", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&at.mine->phone, &at.here, &mei);
    phone_enrol(&thief->phone, &at.here, &tom);
    tape_record(&at.here, &backup);
    at.shop = phone_add_customer(&at.mine->phone, "Baker");
    keeper_sync(at.mine);
    tape_put_back(&at.here, &backup, true);
    thief->count = 1;
    thief->units[0] = at.mine->units[0];
    keeper_show_again(thief, 0);
    (void)phone_exchange(&thief->phone, PHONE_GOOD_LUCK);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM returned_op"), 0);
    thief->count = 0; /* the unit is the other's to free */
    keeper_close(thief);
    satchel_memory_give(thief);
    tape_erase(&backup);
    tear_down(&at);
}

/* A life that begins before what came back, and says something else first. */
TEST(epochs, regress_a_fact_comes_back_once_whatever_life_shows_it) {
    simple at;
    tape backup;
    set_up(&at);
    tape_record(&at.here, &backup);
    edit_and_sync(&at, SATCHEL_CUSTOMER_NOTE, "one");
    edit_and_sync(&at, SATCHEL_CUSTOMER_OPENING_HOURS, "two");
    told_unit last = at.mine->units[2]; /* with its first receipt */
    tape_put_back(&at.here, &backup, true);
    show_what_is_missing(&at);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM returned_op"), 2);
    phone *of = &at.mine->phone;
    satchel_buffer_deinit(&at.mine->units[1].bytes);
    at.mine->count = 1;
    of->next_sequence = 2;
    (void)phone_add_customer(of, "another");
    phone_begin_life(of);
    keeper_note(at.mine);
    at.mine->units[at.mine->count++] = last;
    keeper_show_again(at.mine, 1);
    keeper_sync(at.mine);
    CHECK_INT(phone_last(of).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM returned_op"), 2);
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, regress_a_fenced_server_says_nothing_of_forks) {
    simple at;
    tape backup;
    set_up(&at);
    tape_record(&at.here, &backup);
    tape_put_back(&at.here, &backup, false);
    at.mine->phone.incarnation.bytes[0] ^= 1; /* a life that began in the lost stretch */
    CHECK_STATUS(phone_exchange(&at.mine->phone, PHONE_GOOD_LUCK), SATCHEL_BUSY);
    tape_erase(&backup);
    tear_down(&at);
}

/* --- what was not applied then is not applied now --- */

static satchel_id add_contact(keeper *mine, const satchel_id *customer) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&mine->phone, &unit, SATCHEL_ENTITY_CONTACT, &id);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NAME, satchel_text_of("Anna")));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_CONTACT_CUSTOMER, customer));
    phone_commit(&mine->phone, &unit);
    return id;
}

TEST(epochs, a_refused_unit_comes_back_as_kept_and_is_not_done) {
    simple at;
    tape backup;
    set_up(&at);
    tape_record(&at.here, &backup);
    satchel_id nowhere = {{1}};
    satchel_id anna = add_contact(at.mine, &nowhere);
    keeper_sync(at.mine);
    CHECK_INT(at.mine->units[1].shown.code, SATCHEL_RESULT_HELD); /* as a refusal travels */
    tape_put_back(&at.here, &backup, true);
    show_what_is_missing(&at);
    CHECK_INT(phone_last(&at.mine->phone).code, SATCHEL_RESULT_HELD);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM kept_unit WHERE length(unit) > 0"), 1);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM contact"), 0);
    phone_unit unit = {.count = 0}; /* what needs it waits */
    satchel_op *op = phone_edit(&at.mine->phone, &unit, SATCHEL_ENTITY_CONTACT, &anna);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NOTE, satchel_text_of("later")));
    phone_commit(&at.mine->phone, &unit);
    keeper_sync(at.mine);
    CHECK_STATUS(phone_last(&at.mine->phone).status, SATCHEL_HELD_BY_UNIT);
    tape_erase(&backup);
    tear_down(&at);
}

TEST(epochs, regress_a_parked_edit_comes_back_to_the_row_s_supervisors) {
    simple at;
    tape backup;
    set_up(&at);
    satchel_id anna = add_contact(at.mine, &at.shop);
    keeper_sync(at.mine);
    phone_edit_text(&at.mine->phone, SATCHEL_ENTITY_CONTACT, &anna, SATCHEL_CONTACT_NOTE, "likes tea");
    satchel_id wang = stage_user(&at.here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    stage_reassign(&at.here, &at.shop, &wang);
    tape_record(&at.here, &backup);
    keeper_sync(at.mine);
    CHECK_INT(phone_last(&at.mine->phone).code, SATCHEL_RESULT_PARKED);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM parked_edit WHERE customer IS NOT NULL"), 1);
    tape_put_back(&at.here, &backup, true);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM parked_edit"), 0);
    show_what_is_missing(&at);
    CHECK_INT(phone_last(&at.mine->phone).code, SATCHEL_RESULT_PARKED);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM parked_edit WHERE customer IS NOT NULL"), 1);
    satchel_record contact = stage_read(&at.here, SATCHEL_ENTITY_CONTACT, &anna, NULL);
    CHECK(satchel_record_get(&contact, SATCHEL_CONTACT_NOTE) == NULL);
    tape_erase(&backup);
    tear_down(&at);
}
