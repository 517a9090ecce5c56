/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Op bodies under a new message key: the data key of a store can be changed any number of times.
 */
#include "base/bytes.h"
#include "kit.h"
#include "store/reseal.h"
#include "support/temp.h"

#include <string.h>

/* More rows than two steps take. */
#define ROWS (2 * SATCHEL_RESEAL_STEP_ROWS + 7)

static satchel_status secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 9, 32);
    return SATCHEL_OK;
}

static void execute(satchel_vault *vault, const char *sql) {
    REQUIRE_INT(sqlite3_exec(satchel_vault_database(vault), sql, NULL, NULL, NULL), SQLITE_OK);
}

/* A vault with the two tables that hold sealed bodies, as the store makes them. */
static satchel_vault *vault_in(const test_temp *temp, satchel_vault_config *config) {
    satchel_vault *vault = NULL;
    satchel_store *store = NULL;
    satchel_vault_config_init(config);
    config->folder = temp->path;
    config->unlock = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = {secret, NULL}};
    REQUIRE_OK(satchel_vault_create(&vault, config, NULL));
    REQUIRE_OK(satchel_store_open(&store, satchel_vault_database(vault), NULL, NULL));
    satchel_store_close(store);
    return vault;
}

static void put_bodies(satchel_vault *vault, const char *sql, int rows) {
    sqlite3_stmt *statement = NULL;
    REQUIRE_INT(sqlite3_prepare_v2(satchel_vault_database(vault), sql, -1, &statement, NULL), SQLITE_OK);
    for (int64_t sequence = 1; sequence <= rows; sequence++) {
        satchel_buffer sealed = {0};
        uint8_t bound[8];
        satchel_put_u64be(bound, (uint64_t)sequence);
        satchel_bytes both = satchel_bytes_of(bound, sizeof bound); /* the text is what it is bound to */
        REQUIRE_OK(satchel_vault_seal(vault, SATCHEL_VAULT_FOR_OPLOG, both, both, &sealed));
        (void)sqlite3_bind_int64(statement, 1, sequence);
        (void)sqlite3_bind_blob64(statement, 2, sealed.data, sealed.bytes, SQLITE_TRANSIENT);
        REQUIRE_INT(sqlite3_step(statement), SQLITE_DONE);
        (void)sqlite3_reset(statement);
        satchel_buffer_deinit(&sealed);
    }
    (void)sqlite3_finalize(statement);
}

static void fill(satchel_vault *vault) {
    execute(vault, "BEGIN");
    put_bodies(vault, "INSERT INTO store_op (sequence, unit, entity, row, state, body) VALUES (?, 1, 1, x'01', 0, ?)",
               ROWS);
    put_bodies(vault, "INSERT INTO store_loss (entity, row, sequence, conflict, body) VALUES (1, x'01', ?, x'02', ?)",
               3);
    execute(vault, "COMMIT");
}

static int bodies_that_open(satchel_vault *vault) {
    sqlite3_stmt *statement = NULL;
    int count = 0;
    REQUIRE_INT(
        sqlite3_prepare_v2(satchel_vault_database(vault),
                           "SELECT sequence, body FROM store_op UNION ALL SELECT sequence, body FROM store_loss", -1,
                           &statement, NULL),
        SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        satchel_buffer plain = {0};
        uint8_t bound[8];
        satchel_put_u64be(bound, (uint64_t)sqlite3_column_int64(statement, 0));
        satchel_bytes both = satchel_bytes_of(bound, sizeof bound);
        satchel_bytes body =
            satchel_bytes_of(sqlite3_column_blob(statement, 1), (size_t)sqlite3_column_bytes(statement, 1));
        count += satchel_vault_unseal(vault, SATCHEL_VAULT_FOR_OPLOG, both, body, &plain) == SATCHEL_OK &&
                         satchel_bytes_equal(satchel_buffer_view(&plain), both)
                     ? 1
                     : 0;
        satchel_buffer_deinit(&plain);
    }
    (void)sqlite3_finalize(statement);
    return count;
}

TEST(reseal, the_data_key_can_be_changed_more_often_than_old_keys_are_kept) {
    test_temp temp = test_temp_make();
    satchel_vault_config config;
    satchel_vault *vault = vault_in(&temp, &config);
    fill(vault);
    for (int change = 0; change < 2 * SATCHEL_VAULT_OLD_MESSAGE_KEYS_MOST; change++) {
        REQUIRE_OK(satchel_store_reseal(vault, NULL));
        CHECK_UINT(satchel_vault_stats_of(vault).old_message_keys, 0);
        REQUIRE_OK(satchel_vault_rekey(vault, &config.unlock, 1, NULL));
        CHECK_INT(bodies_that_open(vault), ROWS + 3);
    }
    satchel_vault_close(vault);
    test_temp_remove(&temp);
}

TEST(reseal, a_body_that_does_not_open_stops_it_and_no_key_is_forgotten) {
    test_temp temp = test_temp_make();
    satchel_vault_config config;
    satchel_error error;
    satchel_vault *vault = vault_in(&temp, &config);
    fill(vault);
    REQUIRE_OK(satchel_vault_rekey(vault, &config.unlock, 1, NULL));
    execute(vault, "UPDATE store_op SET body = zeroblob(60) WHERE sequence = 300");
    CHECK_STATUS(satchel_store_reseal(vault, &error), SATCHEL_DAMAGED);
    CHECK_TEXT(error.detail, "op 300 cannot be sealed anew");
    CHECK_UINT(satchel_vault_stats_of(vault).old_message_keys, 1);
    CHECK_INT(bodies_that_open(vault), ROWS + 2);
    execute(vault, "DELETE FROM store_op WHERE sequence = 300");
    CHECK_OK(satchel_store_reseal(vault, &error));
    CHECK_INT(bodies_that_open(vault), ROWS + 2);
    REQUIRE_OK(satchel_vault_lock(vault, NULL));
    CHECK_STATUS(satchel_store_reseal(vault, &error), SATCHEL_LOCKED);
    satchel_vault_close(vault);
    test_temp_remove(&temp);
}

TEST(reseal, slices_go_through_everything_and_then_forget_the_old_keys) {
    test_temp temp = test_temp_make();
    satchel_vault_config config;
    satchel_reseal_position position = {0};
    satchel_vault *vault = vault_in(&temp, &config);
    bool left = true;
    int slices = 0;
    fill(vault);
    CHECK_OK(satchel_store_reseal_slice(vault, &position, 1, &left, NULL));
    CHECK(!left); /* there are no old keys */
    REQUIRE_OK(satchel_vault_rekey(vault, &config.unlock, 1, NULL));
    CHECK_STATUS(satchel_store_reseal_slice(vault, &position, 0, &left, NULL), SATCHEL_INVALID_ARGUMENT);
    for (left = true; left; slices++) {
        CHECK_UINT(satchel_vault_stats_of(vault).old_message_keys, 1);
        REQUIRE_OK(satchel_store_reseal_slice(vault, &position, 100, &left, NULL));
    }
    CHECK_INT(slices, ROWS / 100 + 2);
    CHECK_UINT(satchel_vault_stats_of(vault).old_message_keys, 0);
    CHECK_INT(bodies_that_open(vault), ROWS + 3);
    satchel_vault_close(vault);
    test_temp_remove(&temp);
}
