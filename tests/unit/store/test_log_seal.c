/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seal of logged ops, as the store asks for it: a fake seal that keeps what it was bound to.
 */
#include "kit.h"

#include <string.h>

#define BOUND_BYTES 8

/* [associated 8][each byte of the plain text inverted] */
static satchel_status fake_seal(void *context, satchel_bytes plain, satchel_bytes associated, satchel_buffer *out) {
    (void)context;
    REQUIRE_UINT(associated.bytes, BOUND_BYTES);
    satchel_status status = satchel_buffer_append(out, associated);
    for (size_t i = 0; i < plain.bytes && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_byte(out, (uint8_t)~plain.data[i]);
    }
    return status;
}

static satchel_status fake_open(void *context, satchel_bytes sealed, satchel_bytes associated, satchel_buffer *out) {
    (void)context;
    satchel_status status = SATCHEL_OK;
    if (sealed.bytes < BOUND_BYTES || memcmp(sealed.data, associated.data, BOUND_BYTES) != 0) {
        status = SATCHEL_DAMAGED;
    }
    for (size_t i = BOUND_BYTES; i < sealed.bytes; i++) {
        if (satchel_buffer_append_byte(out, (uint8_t)~sealed.data[i]) != SATCHEL_OK) {
            return SATCHEL_NO_MEMORY;
        }
    }
    return status; /* the bytes are there even if it does not open: nobody may use them */
}

static store_kit open_sealed(void) {
    const satchel_op_seal seal = {NULL, fake_seal, fake_open};
    store_kit kit = {.now_ms = INT64_C(1700000000000)};
    REQUIRE_INT(sqlite3_open(":memory:", &kit.database), SQLITE_OK);
    REQUIRE_OK(satchel_store_open(&kit.store, kit.database, &seal, &kit.error));
    return kit;
}

static satchel_status load(store_kit *kit, uint32_t *out_count) {
    satchel_unit_batch batch = {NULL, 0, 0, false};
    satchel_status status = satchel_store_load_units(kit->store, 0, 1 << 20, &kit->arena, &batch, &kit->error);
    *out_count = batch.count;
    return status;
}

static void execute(store_kit *kit, const char *sql) {
    REQUIRE_INT(sqlite3_exec(kit->database, sql, NULL, NULL, NULL), SQLITE_OK);
}

TEST(log_seal, an_op_opens_in_its_own_place_only) {
    store_kit kit = open_sealed();
    uint32_t count = 0;
    kit_customer(&kit, kit_id(1), "Huaning");
    kit_customer(&kit, kit_id(2), "Nordwind");
    REQUIRE_OK(load(&kit, &count));
    CHECK_UINT(count, 2);
    execute(&kit, "UPDATE store_op SET body = (SELECT body FROM store_op WHERE sequence = 1) WHERE sequence = 2");
    CHECK_STATUS(load(&kit, &count), SATCHEL_DAMAGED);
    kit_close(&kit);
}

TEST(log_seal, no_op_lies_in_the_log_in_clear) {
    store_kit kit = open_sealed();
    sqlite3_stmt *statement;
    kit_customer(&kit, kit_id(1), "Huaning");
    REQUIRE_INT(sqlite3_prepare_v2(kit.database,
                                   "SELECT count(*) FROM store_op WHERE instr(body, CAST('Huaning' AS BLOB)) > 0", -1,
                                   &statement, NULL),
                SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    CHECK_INT(sqlite3_column_int64(statement, 0), 0);
    sqlite3_finalize(statement);
    kit_close(&kit);
}
