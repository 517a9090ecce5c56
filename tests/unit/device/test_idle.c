/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Background work of a phone that stays offline: an upgrade, the purge, ops sealed anew after a change of keys.
 */
#include "device/device.h"
#include "device/idle.h"

#include "unit/device/fixture.h"
#include "unit/store/next_model.h"

#include <satchel/repair.h>

#include "store/store_state.h"
#include "wire/answer.h"
#include "wire/record_codec.h"

#include <sqlite3.h>

#include <stdlib.h>
#include <string.h>

#define ROWS 28u /* customers beside the stock */

static satchel_id customer_id(uint32_t number) {
    satchel_id id = fake_customer;
    id.bytes[14] = 0xee;
    id.bytes[15] = (uint8_t)number;
    return id;
}

/* A phone with customers whose rows are indexed, and one unit that was never sent. */
static void phone_with_rows(phone *p, uint64_t seed) {
    bool left = true;
    phone_ready(p, seed);
    for (uint32_t i = 1; i <= ROWS; i++) {
        const satchel_id id = customer_id(i);
        satchel_record *record = fake_server_add(&p->server, SATCHEL_ENTITY_CUSTOMER, &id);
        kit_put(record, SATCHEL_CUSTOMER_NAME, "Row of many");
    }
    REQUIRE_OK(phone_sync(p));
    phone_rename(p, "Offline");
    REQUIRE_OK(satchel_device_idle(p->device, 1000, &left, &p->error));
    REQUIRE(!left);
}

static satchel_status seal_op(void *context, satchel_bytes plain, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_seal(context, SATCHEL_VAULT_FOR_OPLOG, associated, plain, out);
}

static satchel_status open_op(void *context, satchel_bytes sealed, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_unseal(context, SATCHEL_VAULT_FOR_OPLOG, associated, sealed, out);
}

/* The application of the next release opens the store. */
static void upgrade(phone *p, next_model *next) {
    const satchel_store_release release = next_release(next);
    const satchel_op_seal seal = {p->device->vault, seal_op, open_op};
    sqlite3 *database = satchel_vault_database(p->device->vault);
    satchel_store_close(p->device->store);
    REQUIRE_OK(satchel_store_open_release(&p->device->store, database, &seal, &release, &p->error));
}

TEST(idle, a_phone_that_stays_offline_is_brought_up_all_the_same) {
    phone p;
    next_model *next = calloc(1, sizeof *next);
    bool left = true;
    uint32_t done = 0;
    int slices = 0;
    phone_with_rows(&p, 1);
    uint64_t requests = p.server.request_number;
    CHECK_UINT(phone_info(&p).upgrade_total, 0);
    upgrade(&p, next);
    for (; left && slices < 100; slices++) {
        satchel_device_info info = phone_info(&p);
        CHECK_UINT(info.upgrade_total, 1000);
        CHECK(info.upgrade_done >= done && info.upgrade_done < 1000);
        done = info.upgrade_done;
        p.device->idle.rows = SATCHEL_IDLE_ROWS_LEAST;
        REQUIRE_OK(satchel_device_idle(p.device, 0, &left, &p.error)); /* one slice */
    }
    CHECK(!left && slices > 5 && done > 0);
    CHECK_UINT(phone_info(&p).upgrade_total, 0);
    CHECK_UINT(phone_info(&p).upgrade_done, 0);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    CHECK_UINT(p.server.request_number, requests);
    phone_deinit(&p);
    free(next);
}

TEST(idle, an_upgrade_goes_on_after_each_unlocking) {
    phone p;
    next_model *next = calloc(1, sizeof *next);
    bool left = true;
    int rounds = 0;
    phone_with_rows(&p, 2);
    for (; left && rounds < 100; rounds++) {
        upgrade(&p, next);
        p.device->idle.rows = SATCHEL_IDLE_ROWS_LEAST;
        REQUIRE_OK(satchel_device_idle(p.device, 0, &left, &p.error));
    }
    CHECK(!left && rounds > 5);
    phone_deinit(&p);
    free(next);
}

/* Each look at the clock finds it 2 ms further on, so a slice takes 2 or 4 of them. */
static void hasty_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                      uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    phone *p = context;
    p->monotonic_ms += 2;
    *wall_ms = p->wall_ms;
    *monotonic_ms = p->monotonic_ms;
    memcpy(boot_tag, p->boot_tag, SATCHEL_BOOT_TAG_BYTES);
}

TEST(idle, ends_with_its_budget) {
    phone p;
    next_model *next = calloc(1, sizeof *next);
    bool left = false;
    phone_with_rows(&p, 3);
    upgrade(&p, next);
    p.device->config.platform.now = hasty_now;
    p.device->idle.rows = 1;
    int64_t began_ms = p.monotonic_ms;
    REQUIRE_OK(satchel_device_idle(p.device, 20, &left, &p.error));
    CHECK(left);
    CHECK(p.monotonic_ms - began_ms >= 20 && p.monotonic_ms - began_ms <= 20 + SATCHEL_IDLE_SLICE_MS);
    phone_deinit(&p);
    free(next);
}

TEST(idle, the_next_slice_is_as_long_as_the_last_one_was_quick) {
    CHECK_UINT(satchel_idle_rows_after(32, SATCHEL_IDLE_SLICE_MS), 16);
    CHECK_UINT(satchel_idle_rows_after(32, SATCHEL_IDLE_SLICE_MS / 2), 32);
    CHECK_UINT(satchel_idle_rows_after(16, 0), 32);
    CHECK_UINT(satchel_idle_rows_after(SATCHEL_IDLE_ROWS_MOST, 0), SATCHEL_IDLE_ROWS_MOST);
    CHECK_UINT(satchel_idle_rows_after(SATCHEL_IDLE_ROWS_MOST - 1, 0), SATCHEL_IDLE_ROWS_MOST);
    CHECK_UINT(satchel_idle_rows_after(SATCHEL_IDLE_ROWS_LEAST, 900), SATCHEL_IDLE_ROWS_LEAST);
    CHECK_UINT(satchel_idle_rows_after(SATCHEL_IDLE_ROWS_LEAST + 1, 900), SATCHEL_IDLE_ROWS_LEAST);
    CHECK_UINT(satchel_idle_page_credit(SATCHEL_STORING_ROWS_FIRST), 0);
    CHECK_UINT(satchel_idle_page_credit(SATCHEL_STORING_ROWS_FIRST - 1), 25200);
    CHECK_UINT(satchel_idle_page_credit(SATCHEL_IDLE_ROWS_LEAST), 3200);
    CHECK_UINT(satchel_idle_page_credit(0), SATCHEL_CREDIT_ROWS_LEAST);
    CHECK_UINT(satchel_page_rows_after(64, 0), 128);
    CHECK_UINT(satchel_page_rows_after(SATCHEL_STORING_ROWS_MOST - 1, 0), SATCHEL_STORING_ROWS_MOST);
    CHECK_UINT(satchel_page_rows_after(SATCHEL_STORING_ROWS_MOST, 0), SATCHEL_STORING_ROWS_MOST);
    CHECK_UINT(satchel_page_rows_after(SATCHEL_STORING_ROWS_MOST, 900), SATCHEL_STORING_ROWS_MOST / 2);
}

TEST(idle, without_work_nothing_is_written) {
    phone p;
    satchel_store_stats before, after;
    bool left = true;
    phone_with_rows(&p, 4);
    REQUIRE_OK(satchel_device_get_stats(p.device, &before, &p.error));
    CHECK_OK(satchel_device_idle(p.device, 1000, &left, &p.error));
    REQUIRE_OK(satchel_device_get_stats(p.device, &after, &p.error));
    CHECK(!left);
    CHECK_UINT(after.pages_sealed, before.pages_sealed);
    phone_deinit(&p);
}

TEST(idle, a_locked_or_sleeping_phone_does_nothing) {
    phone p;
    bool left = true;
    phone_with_rows(&p, 5);
    REQUIRE_OK(satchel_device_suspend(p.device, &p.error));
    CHECK_STATUS(satchel_device_idle(p.device, 10, &left, &p.error), SATCHEL_MISUSE);
    REQUIRE_OK(satchel_device_resume(p.device, &p.error));
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    CHECK_STATUS(satchel_device_idle(p.device, 10, &left, &p.error), SATCHEL_LOCKED);
    CHECK(!left);
    phone_deinit(&p);
}

/* Neither the background nor the next exchange sticks at it. */
TEST(idle, regress_a_page_that_cannot_be_gone_on_with_stops_nothing) {
    for (int offline = 0; offline < 2; offline++) {
        phone p;
        bool left = true;
        phone_with_rows(&p, 9);
        uint64_t rows = phone_info(&p).rows;
        REQUIRE_INT(sqlite3_exec(satchel_vault_database(p.device->vault),
                                 "INSERT INTO store_value (name, value) VALUES ('.paging', x'02'), ('.page', x'00')",
                                 NULL, NULL, NULL),
                    SQLITE_OK);
        phone_close(&p);
        phone_open(&p);
        CHECK(satchel_store_page_left(p.device->store));
        phone_rename(&p, "Is sent");
        if (offline == 1) {
            CHECK_OK(satchel_device_idle(p.device, 1000, &left, &p.error));
            CHECK(!left && p.device->store->sync.cursor_bytes == 0);
        }
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK(!satchel_store_page_left(p.device->store));
        CHECK_UINT(phone_info(&p).units_unsent, 0);
        CHECK_UINT(phone_info(&p).rows, rows);
        phone_deinit(&p);
    }
}

/* Rows left in an exchange that was cut off before its own purge. */
TEST(idle, rows_that_left_are_purged_offline) {
    phone p;
    bool left = true;
    int64_t there = -1;
    phone_with_rows(&p, 6);
    for (uint32_t i = 1; i <= ROWS; i++) {
        const satchel_id id = customer_id(i);
        fake_server_remove(&p.server, SATCHEL_ENTITY_CUSTOMER, &id);
    }
    unsigned steps = 1;
    while (phone_info(&p).rows > ROWS && phone_sync_until(&p, steps)) {
        steps++;
    }
    REQUIRE_OK(satchel_device_idle(p.device, 1000, &left, &p.error));
    CHECK(!left);
    sqlite3_stmt *statement = NULL;
    REQUIRE_INT(sqlite3_prepare_v2(satchel_vault_database(p.device->vault), "SELECT count(*) FROM customer", -1,
                                   &statement, NULL),
                SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    there = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    CHECK_INT(there, 1);
    phone_deinit(&p);
}

TEST(idle, logged_changes_get_the_new_key_and_are_sent_as_they_were) {
    phone p;
    bool left = true;
    int slices = 0;
    phone_with_rows(&p, 7);
    for (unsigned i = 0; i < 30; i++) {
        phone_rename(&p, i % 2 == 0 ? "One" : "Another");
    }
    phone_close(&p);
    REQUIRE_OK(satchel_device_rekey(&p.config, &p.error));
    phone_open(&p);
    CHECK_UINT(satchel_vault_stats_of(p.device->vault).old_message_keys, 1);
    for (; left && slices < 100; slices++) {
        p.device->idle.rows = SATCHEL_IDLE_ROWS_LEAST;
        REQUIRE_OK(satchel_device_idle(p.device, 0, &left, &p.error));
    }
    CHECK(!left && slices > 3);
    CHECK_UINT(satchel_vault_stats_of(p.device->vault).old_message_keys, 0);
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(satchel_vault_stats_of(p.device->vault).old_message_keys, 0);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, 31);
    phone_deinit(&p);
}

static void note_customer(void *context, uint32_t entity) {
    uint32_t *calls = context;
    *calls += entity == SATCHEL_ENTITY_CUSTOMER ? 1 : 0;
}

/* A row that the version before could not read, as it was set aside. */
static void set_aside(phone *p, const satchel_id *id) {
    static const char sql[] =
        "INSERT INTO store_aside (entity, row, local, n, status, frame) SELECT 1, ?1, scope_set, 900,"
        " 5, ?2 FROM customer LIMIT 1";
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    satchel_arena arena = {0};
    satchel_buffer encoded = {0};
    satchel_buffer payload = {0};
    satchel_record record;
    sqlite3_stmt *statement = NULL;
    satchel_record_init(&record, &arena);
    kit_put(&record, SATCHEL_CUSTOMER_NAME, "Read at last");
    REQUIRE_OK(satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, &encoded));
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    frame.as.row = (satchel_row_frame){.entity = SATCHEL_ENTITY_CUSTOMER, .row = *id, .n = 900, .whole = true};
    frame.as.row.record = satchel_buffer_view(&encoded);
    REQUIRE_OK(satchel_answer_write(&frame, &payload));
    REQUIRE(sqlite3_prepare_v2(satchel_vault_database(p->device->vault), sql, -1, &statement, NULL) == SQLITE_OK);
    sqlite3_bind_blob(statement, 1, id->bytes, SATCHEL_ID_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, payload.data, (int)payload.bytes, SQLITE_STATIC);
    CHECK_INT(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    satchel_buffer_deinit(&encoded);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(idle, observers_are_told_of_rows_that_an_upgrade_could_read) {
    phone p;
    satchel_observer *observer;
    char name[64];
    uint32_t calls = 0;
    bool left = true;
    next_model *next = calloc(1, sizeof *next);
    const satchel_id id = customer_id(77);
    phone_with_rows(&p, 9);
    REQUIRE_OK(satchel_observer_open(&observer, p.device, SATCHEL_ENTITY_CUSTOMER, note_customer, &calls));
    set_aside(&p, &id);
    upgrade(&p, next);
    CHECK_OK(satchel_device_idle(p.device, 1000, &left, &p.error));
    CHECK(!left && calls > 0);
    CHECK(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &id, SATCHEL_CUSTOMER_NAME, name, sizeof name));
    CHECK(strcmp(name, "Read at last") == 0);
    calls = 0;
    CHECK_OK(satchel_device_idle(p.device, 1000, &left, &p.error));
    CHECK_UINT(calls, 0);
    satchel_observer_close(observer);
    phone_deinit(&p);
    free(next);
}

/* Others' calls make transactions short: whoever commits waits for the one that is open. */
TEST(idle, few_rows_share_a_transaction_while_the_device_is_used) {
    phone p;
    uint64_t unused = 0;
    satchel_query *query = NULL;
    phone_ready(&p, 4);
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER));
    satchel_idle_begin(p.device);
    satchel_idle_share(p.device, 500);
    CHECK_UINT(p.device->store->held.most, SATCHEL_SHARED_ROWS);
    REQUIRE_OK(satchel_count(p.device, query, &unused, &p.error));
    satchel_idle_share(p.device, 1000);
    CHECK_UINT(p.device->store->held.most, SATCHEL_SHARED_ROWS_IN_USE);
    satchel_idle_share(p.device, 999 + SATCHEL_IN_USE_MS);
    CHECK_UINT(p.device->store->held.most, SATCHEL_SHARED_ROWS_IN_USE);
    satchel_idle_share(p.device, 1000 + SATCHEL_IN_USE_MS);
    CHECK_UINT(p.device->store->held.most, SATCHEL_SHARED_ROWS);
    satchel_query_close(query);
    phone_deinit(&p);
}
