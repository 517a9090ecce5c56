/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large generated workload gives the same answers on a vault and on plain SQLite: code, rows and changes of every
 * statement. Schema changes, indexes, triggers, FTS5, R*Tree, blobs with overflow pages, savepoints, transactions that
 * spill the cache, incremental vacuum; between transactions the vault is closed, locked, suspended or loses its power.
 * Every cipher that this machine has takes its turn.
 */
#include "fault/support/workload.h"

#include "fault/support/fault.h"

#include "crypto/crypto.h"
#include "crypto/seal.h"
#include "support/temp.h"
#include "support/test.h"
#include "support/vault/disk.h"
#include "vault/page.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define STATEMENTS_SAMPLED 20200u
#define STATEMENTS_FULL 1040000u
#define STATEMENTS_A_RUN 1000u
#define DISTURBED_ONE_IN 60u

typedef struct workload_run {
    uint64_t seed;
    workload_source source;
    test_disk *disk;
    satchel_vault_config config;
    satchel_vault *vault;
    test_temp temp;
    sqlite3 *plain;
    unsigned asked;
    unsigned succeeded;
} workload_run;

static satchel_status secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 9, 32);
    return SATCHEL_OK;
}

/* --- one statement on both --- */

typedef struct answer {
    uint64_t hash;
    uint64_t rows;
    int code;
    int changes;
} answer;

static void take_row(sqlite3_stmt *statement, answer *out) {
    test_random mixer = {out->hash};
    for (int column = 0; column < sqlite3_column_count(statement); column++) {
        const uint8_t *bytes = sqlite3_column_blob(statement, column);
        int count = sqlite3_column_bytes(statement, column);
        mixer.state ^= (uint64_t)sqlite3_column_type(statement, column) << 32 ^ (uint64_t)count;
        for (int at = 0; at < count; at++) {
            mixer.state = (mixer.state ^ bytes[at]) * UINT64_C(0x100000001b3);
        }
        mixer.state = test_random_u64(&mixer);
    }
    out->hash = mixer.state;
    out->rows++;
}

/* All statements of `sql`, up to the first that fails. */
static answer ask(sqlite3 *database, const char *sql) {
    answer out = {1, 0, SQLITE_OK, 0};
    int before = sqlite3_total_changes(database);
    while (out.code == SQLITE_OK && sql[0] != '\0') {
        sqlite3_stmt *statement = NULL;
        out.code = sqlite3_prepare_v2(database, sql, -1, &statement, &sql);
        while (out.code == SQLITE_OK && statement != NULL && (out.code = sqlite3_step(statement)) == SQLITE_ROW) {
            take_row(statement, &out);
            out.code = SQLITE_OK;
        }
        out.code = out.code == SQLITE_DONE ? SQLITE_OK : out.code;
        (void)sqlite3_finalize(statement);
    }
    out.code = out.code == SQLITE_OK ? SQLITE_OK : sqlite3_extended_errcode(database);
    out.changes = sqlite3_total_changes(database) - before;
    return out;
}

static bool same(workload_run *run, const char *sql) {
    answer plain = ask(run->plain, sql);
    answer sealed = ask(satchel_vault_database(run->vault), sql);
    fault_count(FAULT_STATEMENTS, 1);
    run->asked++;
    run->succeeded += plain.code == SQLITE_OK ? 1 : 0;
    if (plain.code == sealed.code && plain.rows == sealed.rows && plain.hash == sealed.hash &&
        plain.changes == sealed.changes) {
        return true;
    }
    fault_wrong(FAULT_SILENT, "run %" PRIu64 ", cipher %u: code %d and %d, rows %" PRIu64 " and %" PRIu64 ": %.200s",
                run->seed, run->config.cipher, plain.code, sealed.code, plain.rows, sealed.rows, sql);
    return false;
}

/* --- what happens to a vault between transactions --- */

static void close_vault(workload_run *run) {
    fault_count(FAULT_REFUSED_OPENS, satchel_vault_stats_of(run->vault).refused_opens);
    satchel_vault_close(run->vault);
    run->vault = NULL;
}

static void use_disk(workload_run *run, test_disk *disk) {
    run->disk = disk;
    run->config.parent = test_disk_vfs(disk);
    run->config.files = test_disk_files(disk);
}

static void lose_power(workload_run *run, test_survival survival) {
    test_disk *left = test_disk_after_power_loss(run->disk, survival, run->seed);
    close_vault(run);
    test_disk_free(run->disk);
    use_disk(run, left);
    REQUIRE_OK(satchel_vault_open(&run->vault, &run->config, NULL));
}

static void disturb(workload_run *run) {
    switch (test_random_below(&run->source.random, 6)) {
    case 0:
        close_vault(run);
        REQUIRE_OK(satchel_vault_open(&run->vault, &run->config, NULL));
        break;
    case 1:
        REQUIRE_OK(satchel_vault_lock(run->vault, NULL));
        REQUIRE_OK(satchel_vault_unlock_again(run->vault, &run->config.unlock, NULL));
        break;
    case 2:
        REQUIRE_OK(satchel_vault_suspend(run->vault, NULL));
        REQUIRE_OK(satchel_vault_resume(run->vault, NULL));
        break;
    case 3: REQUIRE_OK(satchel_vault_checkpoint(run->vault, NULL)); break;
    default: lose_power(run, (test_survival)test_random_below(&run->source.random, TEST_SURVIVAL_COUNT)); break;
    }
}

/* --- runs --- */

/* SQLite's own VFS, set up as the vault does where a statement could see it: room in pages, what is freed and how. */
static void open_plain(workload_run *run) {
    char path[TEST_PATH_BYTES], sql[256];
    int reserve = (int)satchel_page_reserve_bytes((satchel_cipher)run->config.cipher);
    run->temp = test_temp_make();
    REQUIRE_INT(sqlite3_open(test_temp_path(&run->temp, "plain.db", path), &run->plain), SQLITE_OK);
    REQUIRE_INT(sqlite3_file_control(run->plain, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserve), SQLITE_OK);
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA locking_mode=EXCLUSIVE; PRAGMA "
                   "journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON; "
                   "PRAGMA cache_size=-%u",
                   (unsigned)run->config.cache_kib);
    REQUIRE_INT(sqlite3_exec(run->plain, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_db_config(run->plain, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
}

static void begin_run(workload_run *run, uint64_t seed, satchel_cipher cipher) {
    memset(run, 0, sizeof *run);
    run->seed = seed;
    workload_begin(&run->source, seed);
    satchel_vault_config_init(&run->config);
    use_disk(run, test_disk_make());
    run->config.folder = "/vault";
    run->config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    run->config.unlock.keystore.secret = secret;
    run->config.cipher = (uint32_t)cipher;
    run->config.cache_kib = 48 + (uint32_t)test_random_below(&run->source.random, 500);
    run->config.checkpoint_frames = 20 + (uint32_t)test_random_below(&run->source.random, 300);
    REQUIRE_OK(satchel_vault_create(&run->vault, &run->config, NULL));
    open_plain(run);
}

static void end_run(workload_run *run) {
    (void)same(run, "PRAGMA integrity_check");
    if (run->succeeded * 10 < run->asked * 7) {
        fault_wrong(FAULT_FAILURES, "run %" PRIu64 ": only %u of %u statements succeeded", run->seed, run->succeeded,
                    run->asked);
    }
    close_vault(run);
    REQUIRE_INT(sqlite3_close(run->plain), SQLITE_OK);
    test_temp_remove(&run->temp);
    test_disk_free(run->disk);
}

static void compare(uint64_t seed, satchel_cipher cipher) {
    workload_run run;
    bool equal = true;
    begin_run(&run, seed, cipher);
    for (unsigned number = 0; number < STATEMENTS_A_RUN && equal; number++) {
        char sql[WORKLOAD_SQL_BYTES];
        workload_next(&run.source, sql);
        equal = same(&run, sql);
        if (equal && sqlite3_get_autocommit(run.plain) != 0) {
            workload_settle(&run.source);
            if (test_random_below(&run.source.random, DISTURBED_ONE_IN) == 0) {
                disturb(&run);
            }
        }
    }
    end_run(&run);
}

static void compare_cipher(satchel_cipher cipher) {
    uint64_t available = 0;
    REQUIRE_OK(satchel_crypto_init());
    for (int other = SATCHEL_CIPHER_XCHACHA20_POLY1305; other <= SATCHEL_CIPHER_AEGIS256; other++) {
        available += satchel_cipher_available((satchel_cipher)other) ? 1 : 0;
    }
    if (!satchel_cipher_available(cipher)) {
        printf("cipher %d is not available here\n", (int)cipher);
        return;
    }
    uint64_t runs = (fault_full() ? STATEMENTS_FULL : STATEMENTS_SAMPLED) / available / STATEMENTS_A_RUN + 1;
    for (uint64_t number = 0; number < runs; number++) {
        compare(fault_seed() * 100000 + (uint64_t)cipher * 10000 + number, cipher);
    }
}

static void xchacha20_poly1305(void) {
    compare_cipher(SATCHEL_CIPHER_XCHACHA20_POLY1305);
}

static void aes256_gcm(void) {
    compare_cipher(SATCHEL_CIPHER_AES256_GCM);
}

static void aegis256(void) {
    compare_cipher(SATCHEL_CIPHER_AEGIS256);
}

const fault_case fault_cases[] = {
    {"xchacha20_poly1305", xchacha20_poly1305},
    {"aes256_gcm", aes256_gcm},
    {"aegis256", aegis256},
    {NULL, NULL},
};
