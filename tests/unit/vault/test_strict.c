/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That it is the seal which speaks: a changed page is a page that does not authenticate, long before SQLite could find
 * its content odd; and an old generation of the WAL is not taken for the present one.
 */
#include "fixture.h"

#include "support/random.h"
#include "vault/page.h"
#include "vault/wal.h"

#include <string.h>

#define PAGE SATCHEL_PAGE_BYTES
#define SLOT SATCHEL_WAL_SLOT_BYTES
#define READ_ALL "SELECT sum(length(body) + id) FROM t"

/* What reading everything gives: SQLITE_OK, or the extended code of the failure. */
static int read_all(vault_fixture *fixture) {
    satchel_vault *vault = NULL;
    satchel_status status = satchel_vault_open(&vault, &fixture->config, NULL);
    if (status != SATCHEL_OK) {
        CHECK(status == SATCHEL_DAMAGED || status == SATCHEL_FOREIGN_FILE);
        return SQLITE_IOERR_DATA;
    }
    int code = run_sql(vault, READ_ALL);
    code = code == SQLITE_OK ? code : sqlite3_extended_errcode(satchel_vault_database(vault));
    satchel_vault_close(vault);
    return code;
}

static void make_store(vault_fixture *fixture) {
    fixture_init(fixture);
    fixture_create(fixture);
    fill_rows(fixture->vault, 120);
}

/* Writes the changed store; counts what was seen by its seal. All else must not have been read at all. */
static void judge(vault_fixture *fixture, const satchel_buffer *changed, int *seen) {
    file_write(fixture, "store.db", satchel_buffer_view(changed));
    int code = read_all(fixture);
    CHECK(code == SQLITE_OK || code == SQLITE_IOERR_DATA);
    *seen += code == SQLITE_IOERR_DATA ? 1 : 0;
}

TEST(strict, a_changed_page_is_one_that_does_not_authenticate) {
    vault_fixture fixture;
    int seen = 0;
    make_store(&fixture);
    fixture_close(&fixture);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    test_random random = test_random_of(17);
    for (size_t page = 1; page < store.bytes / PAGE; page++) {
        uint8_t *at = store.data + page * PAGE + test_random_below(&random, PAGE);
        *at ^= 1;
        judge(&fixture, &store, &seen);
        *at ^= 1;
    }
    CHECK(seen > 5);
    satchel_buffer_deinit(&store);
    fixture_deinit(&fixture);
}

TEST(strict, an_exchanged_page_is_one_that_does_not_authenticate) {
    vault_fixture fixture;
    uint8_t kept[PAGE];
    int seen = 0;
    make_store(&fixture);
    fixture_close(&fixture);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    for (size_t page = 1; page + 1 < store.bytes / PAGE; page++) {
        uint8_t *at = store.data + page * PAGE;
        memcpy(kept, at, PAGE);
        memcpy(at, at + PAGE, PAGE); /* the next page of the same table, most of the time */
        judge(&fixture, &store, &seen);
        memcpy(at, kept, PAGE);
    }
    CHECK(seen > 5);
    satchel_buffer_deinit(&store);
    fixture_deinit(&fixture);
}

static size_t slots_of(const satchel_buffer *wal) {
    return (wal->bytes - SATCHEL_WAL_PROLOGUE_BYTES) / SLOT;
}

static uint8_t *slot_of(const satchel_buffer *wal, size_t index) {
    return wal->data + SATCHEL_WAL_PROLOGUE_BYTES + index * SLOT;
}

/* SQLite would follow its chain of checksums only; the seal says that the slot was never at this place. */
TEST(strict, a_frame_opens_at_its_own_place_only) {
    vault_fixture live, copy;
    make_store(&live);
    satchel_buffer wal = file_bytes(&live, "store.db-wal");
    REQUIRE(slots_of(&wal) > 8);
    for (size_t index = 2; index < 6; index++) {
        uint8_t kept[SLOT];
        fixture_copy(&copy, &live);
        memcpy(kept, slot_of(&wal, index), SLOT);
        memcpy(slot_of(&wal, index), slot_of(&wal, index + 1), SLOT);
        file_write(&copy, "store.db-wal", satchel_buffer_view(&wal));
        memcpy(slot_of(&wal, index), kept, SLOT);
        CHECK_STATUS(fixture_try_open(&copy), SATCHEL_DAMAGED);
        fixture_deinit(&copy);
    }
    satchel_buffer_deinit(&wal);
    fixture_deinit(&live);
}

/* Slots of `next` that are not those of `before`. */
static size_t slots_written(const satchel_buffer *before, const satchel_buffer *next) {
    size_t written = 0;
    while (written < slots_of(next) && memcmp(slot_of(before, written), slot_of(next, written), SLOT) != 0) {
        written++;
    }
    return written;
}

TEST(strict, frames_of_an_old_generation_are_no_sign_of_a_broken_one) {
    vault_fixture live, copy;
    make_store(&live);
    satchel_buffer before = file_bytes(&live, "store.db-wal");
    must_run(live.vault, "PRAGMA wal_checkpoint(RESTART)");
    must_run(live.vault, "UPDATE t SET body = 'changed' WHERE id = 1");
    must_run(live.vault, "UPDATE t SET body = 'changed again' WHERE id = 1");
    satchel_buffer wal = file_bytes(&live, "store.db-wal");
    size_t written = slots_written(&before, &wal);
    REQUIRE(written > 0 && written + 8 < slots_of(&wal)); /* the old generation lies behind the new one */
    slot_of(&wal, written - 1)[100] ^= 1;
    fixture_copy(&copy, &live);
    file_write(&copy, "store.db-wal", satchel_buffer_view(&wal));
    fixture_open(&copy);
    CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_UNFINISHED);
    CHECK_INT(number_of(copy.vault, "SELECT count(*) FROM t WHERE body = 'changed'"), 1);
    satchel_buffer_deinit(&before);
    satchel_buffer_deinit(&wal);
    fixture_deinit(&copy);
    fixture_deinit(&live);
}

/* SQLite is shown a header that was made up only until it has recovered the WAL. */
TEST(strict, a_damaged_page_1_is_named) {
    vault_fixture fixture;
    make_store(&fixture);
    fixture_close(&fixture);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    store.data[PAGE / 2] ^= 1;
    file_write(&fixture, "store.db", satchel_buffer_view(&store));
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_DAMAGED);
    CHECK(strstr(fixture.error.detail, "page 1 does not open") != NULL);
    satchel_buffer_deinit(&store);
    fixture_deinit(&fixture);
}
