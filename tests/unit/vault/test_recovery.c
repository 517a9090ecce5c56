/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery after a kill: nothing committed is lost, nothing bricks, nothing is hidden.
 *
 * A kill is a copy of the files while the store is open: what the system's cache holds survives a killed process.
 */
#include "fixture.h"

#include "vault/wal.h"

#include <string.h>

#define SLOT SATCHEL_WAL_SLOT_BYTES

static void begin(vault_fixture *fixture, int rows) {
    fixture_init(fixture);
    fixture_create(fixture);
    fill_rows(fixture->vault, rows);
}

static void end(vault_fixture *live, vault_fixture *copy) {
    fixture_deinit(copy);
    fixture_deinit(live);
}

static int64_t rows_of(const vault_fixture *fixture) {
    return number_of(fixture->vault, "SELECT count(*) FROM t");
}

static bool sound(const vault_fixture *fixture) {
    return number_of(fixture->vault, "SELECT integrity_check='ok' FROM pragma_integrity_check") == 1;
}

TEST(recovery, finds_every_commit_after_a_kill) {
    vault_fixture live, copy;
    begin(&live, 20);
    for (int rows = 20; rows < 60; rows += 7) {
        fixture_copy(&copy, &live);
        fixture_open(&copy);
        CHECK_INT(rows_of(&copy), rows);
        CHECK(sound(&copy));
        CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_CLEAN);
        fixture_deinit(&copy);
        fill_rows(live.vault, 7);
    }
    fixture_deinit(&live);
}

TEST(recovery, works_again_after_a_recovery_and_a_second_kill) {
    vault_fixture live, copy, again;
    begin(&live, 20);
    fixture_copy(&copy, &live);
    fixture_open(&copy);
    fill_rows(copy.vault, 5);
    fixture_copy(&again, &copy);
    fixture_open(&again);
    CHECK_INT(rows_of(&again), 25);
    CHECK(sound(&again));
    fixture_deinit(&again);
    end(&live, &copy);
}

TEST(recovery, drops_a_transaction_that_was_not_committed) {
    vault_fixture live, copy;
    fixture_init(&live);
    live.config.cache_kib = 40; /* so that an open transaction spills into the WAL */
    fixture_create(&live);
    fill_rows(live.vault, 10);
    must_run(live.vault, "BEGIN; INSERT INTO t(body) SELECT hex(randomblob(2000)) FROM t, t AS u");
    fixture_copy(&copy, &live);
    fixture_open(&copy);
    CHECK_INT(rows_of(&copy), 10);
    CHECK(sound(&copy));
    CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_CLEAN);
    end(&live, &copy);
}

TEST(recovery, is_not_confused_by_a_rolled_back_spill_or_an_old_generation) {
    vault_fixture live, copy;
    fixture_init(&live);
    live.config.cache_kib = 40;
    fixture_create(&live);
    fill_rows(live.vault, 10);
    must_run(live.vault, "BEGIN; INSERT INTO t(body) SELECT hex(randomblob(2000)) FROM t, t AS u; ROLLBACK");
    fill_rows(live.vault, 3);
    fixture_copy(&copy, &live);
    fixture_open(&copy);
    CHECK_INT(rows_of(&copy), 13);
    CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_CLEAN);
    fixture_deinit(&copy);
    REQUIRE_OK(satchel_vault_checkpoint(live.vault, NULL));
    fill_rows(live.vault, 1);
    fixture_copy(&copy, &live);
    fixture_open(&copy);
    CHECK_INT(rows_of(&copy), 14);
    CHECK(sound(&copy));
    CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_CLEAN);
    end(&live, &copy);
}

/* Overwrites `bytes` of a file's copy from `at` on: with zeros, or with every bit flipped. */
static void spoil(const vault_fixture *fixture, const char *name, size_t at, size_t bytes, bool zeros) {
    satchel_buffer content = file_bytes(fixture, name);
    REQUIRE(at + bytes <= content.bytes);
    for (size_t i = at; i < at + bytes; i++) {
        content.data[i] = zeros ? 0 : (uint8_t)~content.data[i];
    }
    file_write(fixture, name, satchel_buffer_view(&content));
    satchel_buffer_deinit(&content);
}

static size_t slots_of(const vault_fixture *fixture) {
    satchel_buffer wal = file_bytes(fixture, "store.db-wal");
    size_t slots = (wal.bytes - SATCHEL_WAL_PROLOGUE_BYTES) / SLOT;
    satchel_buffer_deinit(&wal);
    return slots;
}

static size_t slot_at(size_t slot) {
    return (size_t)satchel_wal_slot_at(slot);
}

TEST(tail, damage_to_the_last_commit_is_reported) {
    for (int zeros = 0; zeros < 2; zeros++) {
        vault_fixture live, copy;
        begin(&live, 20);
        fixture_copy(&copy, &live);
        spoil(&copy, "store.db-wal", slot_at(slots_of(&copy)) + 100, 1, zeros == 1);
        fixture_open(&copy);
        CHECK_INT(rows_of(&copy), 19);
        CHECK(sound(&copy));
        CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_UNFINISHED);
        end(&live, &copy);
    }
}

TEST(tail, a_hole_in_the_last_transaction_opens_and_is_reported) {
    vault_fixture live, copy;
    begin(&live, 20);
    size_t before = slots_of(&live);
    must_run(live.vault, "INSERT INTO t(body) VALUES(hex(randomblob(9000)))");
    REQUIRE(slots_of(&live) > before + 3);
    fixture_copy(&copy, &live);
    spoil(&copy, "store.db-wal", slot_at(before + 2), SLOT, true); /* a write that the power cut lost */
    fixture_open(&copy);
    CHECK_INT(rows_of(&copy), 20);
    CHECK(sound(&copy));
    CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_BROKEN);
    fill_rows(copy.vault, 2); /* and work goes on */
    CHECK_INT(rows_of(&copy), 22);
    end(&live, &copy);
}

/* Frames of a rolled-back transaction lie behind the commit: of this generation, but no sign of a later transaction. */
TEST(tail, a_hole_before_the_rest_of_a_rolled_back_spill_is_no_damage) {
    vault_fixture live, copy;
    fixture_init(&live);
    live.config.cache_kib = 40;
    fixture_create(&live);
    fill_rows(live.vault, 10);
    size_t before = slots_of(&live);
    must_run(live.vault, "BEGIN; INSERT INTO t(body) SELECT hex(randomblob(2000)) FROM t, t AS u; ROLLBACK");
    must_run(live.vault, "INSERT INTO t(body) VALUES(hex(randomblob(9000)))");
    REQUIRE(slots_of(&live) > before + 20);
    fixture_copy(&copy, &live);
    spoil(&copy, "store.db-wal", slot_at(before + 1), SLOT, true);
    fixture_open(&copy);
    CHECK_INT(rows_of(&copy), 10);
    CHECK(sound(&copy));
    CHECK_INT(satchel_vault_stats_of(copy.vault).tail, SATCHEL_VAULT_TAIL_BROKEN);
    end(&live, &copy);
}

TEST(tail, damage_before_a_later_transaction_is_damage) {
    vault_fixture live, copy;
    begin(&live, 20);
    size_t slots = slots_of(&live);
    for (size_t slot = 1; slot + 2 <= slots; slot++) {
        fixture_copy(&copy, &live);
        spoil(&copy, "store.db-wal", slot_at(slot) + 30, 1, false);
        test_note("slot %zu of %zu", slot, slots);
        CHECK_STATUS(fixture_try_open(&copy), SATCHEL_DAMAGED);
        fixture_deinit(&copy);
    }
    fixture_deinit(&live);
}

TEST(tail, a_cut_wal_ends_where_it_was_cut) {
    vault_fixture live, copy;
    begin(&live, 20);
    size_t slots = slots_of(&live);
    satchel_buffer wal = file_bytes(&live, "store.db-wal");
    static const size_t off[] = {1, 100, SLOT - 1};
    for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
        fixture_copy(&copy, &live);
        file_write(&copy, "store.db-wal", satchel_bytes_of(wal.data, slot_at(slots) + SLOT - off[i]));
        fixture_open(&copy);
        CHECK_INT(rows_of(&copy), 19);
        CHECK(sound(&copy));
        fixture_deinit(&copy);
    }
    satchel_buffer_deinit(&wal);
    fixture_deinit(&live);
}

TEST(tail, a_damaged_prologue_is_not_hidden) {
    vault_fixture live, copy;
    begin(&live, 20);
    for (size_t at = 0; at < SATCHEL_WAL_PROLOGUE_BYTES; at++) {
        fixture_copy(&copy, &live);
        spoil(&copy, "store.db-wal", at, 1, false);
        CHECK_STATUS(fixture_try_open(&copy), SATCHEL_DAMAGED);
        fixture_deinit(&copy);
    }
    fixture_deinit(&live);
}

TEST(tail, another_stores_wal_is_not_taken) {
    vault_fixture live, other, copy;
    begin(&live, 20);
    begin(&other, 20);
    fixture_copy(&copy, &live);
    satchel_buffer wal = file_bytes(&other, "store.db-wal");
    file_write(&copy, "store.db-wal", satchel_buffer_view(&wal));
    CHECK_STATUS(fixture_try_open(&copy), SATCHEL_DAMAGED);
    satchel_buffer_deinit(&wal);
    fixture_deinit(&other);
    end(&live, &copy);
}

TEST(recovery, takes_page_1_from_the_wal_if_a_checkpoint_was_cut_off_in_it) {
    vault_fixture live, copy;
    begin(&live, 20); /* CREATE TABLE put page 1 into the WAL */
    fixture_copy(&copy, &live);
    spoil(&copy, "store.db", SATCHEL_PAGE_CLEAR_BYTES, SATCHEL_PAGE_BYTES - SATCHEL_PAGE_CLEAR_BYTES, true);
    fixture_open(&copy);
    CHECK_INT(rows_of(&copy), 20);
    CHECK(sound(&copy));
    fixture_close(&copy);
    fixture_open(&copy); /* the checkpoint at close repaired it */
    CHECK_INT(rows_of(&copy), 20);
    end(&live, &copy);
}

TEST(recovery, does_not_invent_page_1) {
    vault_fixture fixture;
    begin(&fixture, 20);
    fixture_close(&fixture);
    spoil(&fixture, "store.db", 2000, 1, false);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_DAMAGED);
    fixture_deinit(&fixture);
}

TEST(recovery, a_shortened_database_is_damage) {
    static const size_t pages_left[] = {0, 1, 2, 5};
    vault_fixture live, copy;
    begin(&live, 100);
    REQUIRE_OK(satchel_vault_checkpoint(live.vault, NULL));
    fill_rows(live.vault, 1);
    satchel_buffer store = file_bytes(&live, "store.db");
    REQUIRE(store.bytes > 8 * SATCHEL_PAGE_BYTES);
    for (size_t i = 0; i < sizeof pages_left / sizeof pages_left[0]; i++) {
        for (int with_wal = 0; with_wal < 2; with_wal++) {
            fixture_copy(&copy, &live);
            file_write(&copy, "store.db", satchel_bytes_of(store.data, pages_left[i] * SATCHEL_PAGE_BYTES));
            if (!with_wal) {
                file_remove(&copy, "store.db-wal");
            }
            CHECK_STATUS(fixture_try_open(&copy), SATCHEL_DAMAGED);
            fixture_deinit(&copy);
        }
    }
    satchel_buffer_deinit(&store);
    fixture_deinit(&live);
}

TEST(recovery, a_database_that_shrank_before_the_kill_is_whole) {
    vault_fixture live, copy;
    begin(&live, 100);
    must_run(live.vault, "PRAGMA wal_checkpoint(TRUNCATE)");
    must_run(live.vault, "DELETE FROM t WHERE id > 10");
    must_run(live.vault, "PRAGMA incremental_vacuum");
    must_run(live.vault, "PRAGMA wal_checkpoint(FULL)"); /* truncates the database, keeps the WAL */
    fixture_copy(&copy, &live);
    fixture_open(&copy);
    CHECK_INT(rows_of(&copy), 10);
    CHECK(sound(&copy));
    end(&live, &copy);
}

TEST(recovery, empty_pages_of_a_cut_off_checkpoint_are_sealed_again) {
    vault_fixture live, copy;
    begin(&live, 20);
    fixture_copy(&copy, &live);
    satchel_buffer store = file_bytes(&copy, "store.db");
    size_t before = store.bytes;
    static const uint8_t zeros[3 * SATCHEL_PAGE_BYTES];
    REQUIRE_OK(satchel_buffer_append(&store, satchel_bytes_of(zeros, sizeof zeros)));
    file_write(&copy, "store.db", satchel_buffer_view(&store)); /* the file grew, its pages never came */
    satchel_buffer_deinit(&store);
    fixture_open(&copy);
    CHECK_UINT(satchel_vault_stats_of(copy.vault).healed_pages, 3);
    store = file_bytes(&copy, "store.db");
    for (size_t at = before; at < store.bytes; at += SATCHEL_PAGE_BYTES) {
        CHECK(memcmp(store.data + at, zeros, SATCHEL_PAGE_BYTES) != 0);
    }
    CHECK_INT(rows_of(&copy), 20);
    CHECK(sound(&copy));
    satchel_buffer_deinit(&store);
    end(&live, &copy);
}

TEST(recovery, no_page_of_the_file_is_ever_left_unsealed) {
    static const uint8_t zeros[SATCHEL_PAGE_BYTES];
    vault_fixture fixture;
    begin(&fixture, 1);
    must_run(fixture.vault,
             "BEGIN; CREATE TABLE big(b); CREATE TABLE small(b); INSERT INTO big VALUES(zeroblob(400000));"
             "INSERT INTO small VALUES(zeroblob(9000)); DELETE FROM big; COMMIT");
    REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
    satchel_buffer store = file_bytes(&fixture, "store.db");
    REQUIRE(store.bytes > 90 * SATCHEL_PAGE_BYTES);
    for (size_t at = 0; at < store.bytes; at += SATCHEL_PAGE_BYTES) {
        CHECK(memcmp(store.data + at, zeros, SATCHEL_PAGE_BYTES) != 0);
    }
    satchel_buffer_deinit(&store);
    must_run(fixture.vault, "INSERT INTO big VALUES(randomblob(300000))"); /* the holes are used again */
    CHECK(sound(&fixture));
    fixture_deinit(&fixture);
}
