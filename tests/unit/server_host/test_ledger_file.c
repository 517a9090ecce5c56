/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's file: what was synced is there again, a torn end is cut off, anything else that is wrong is told.
 */
#include "base/ids.h"
#include "host/ledger_file.h"
#include "support/temp.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct ledger_place {
    test_temp temp;
    char path[TEST_PATH_BYTES];
    uint8_t key[SATCHEL_KEY_BYTES];
    uint8_t company[SATCHEL_SIGN_PUBLIC_BYTES];
    uint64_t numbers[16]; /* of the entries that were read */
    uint32_t count;
} ledger_place;

static satchel_status take(void *context, const satchel_ledger_entry *entry, satchel_error *error) {
    ledger_place *at = context;
    (void)error;
    REQUIRE(at->count < 16);
    at->numbers[at->count++] = entry->n;
    return SATCHEL_OK;
}

static void set_up(ledger_place *at) {
    memset(at, 0, sizeof *at);
    REQUIRE_OK(satchel_crypto_init());
    at->temp = test_temp_make();
    (void)test_temp_path(&at->temp, "ledger", at->path);
    memset(at->key, 7, sizeof at->key);
    memset(at->company, 9, sizeof at->company);
}

static satchel_status open_ledger(ledger_place *at, bool create, satchel_ledger_file **out) {
    at->count = 0;
    return satchel_ledger_file_open(out, at->path, create, at->key, at->company, take, at, NULL);
}

static void append(satchel_ledger_file *file, uint64_t n) {
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_NUMBERS, .epoch = 1, .n = n};
    satchel_buffer bytes = {NULL, 0, 0};
    REQUIRE_OK(satchel_ledger_encode(&entry, &bytes));
    REQUIRE_OK(satchel_ledger_file_append(file, satchel_buffer_view(&bytes), NULL));
    REQUIRE_OK(satchel_ledger_file_sync(file, NULL));
    satchel_buffer_deinit(&bytes);
}

/* Two entries, 5 and 6. */
static void fill(ledger_place *at) {
    satchel_ledger_file *file = NULL;
    REQUIRE_OK(open_ledger(at, true, &file));
    append(file, 5);
    append(file, 6);
    satchel_ledger_file_close(file);
}

TEST(ledger_file, entries_come_back_in_order_and_more_may_follow) {
    ledger_place at;
    satchel_ledger_file *file = NULL;
    set_up(&at);
    CHECK_STATUS(open_ledger(&at, false, &file), SATCHEL_NOT_FOUND);
    fill(&at);
    REQUIRE_OK(open_ledger(&at, false, &file));
    CHECK(at.count == 2 && at.numbers[0] == 5 && at.numbers[1] == 6);
    append(file, 7);
    satchel_ledger_file_close(file);
    REQUIRE_OK(open_ledger(&at, false, &file));
    CHECK(at.count == 3 && at.numbers[2] == 7);
    satchel_ledger_file_close(file);
    test_temp_remove(&at.temp);
}

TEST(ledger_file, a_torn_end_is_cut_off) {
    ledger_place at;
    struct stat info;
    set_up(&at);
    fill(&at);
    REQUIRE(stat(at.path, &info) == 0);
    for (off_t less = 1; less < 40; less += 13) {
        satchel_ledger_file *file = NULL;
        REQUIRE(truncate(at.path, info.st_size - less) == 0);
        REQUIRE_OK(open_ledger(&at, true, &file));
        CHECK(at.count == 1 && at.numbers[0] == 5);
        append(file, 6);
        satchel_ledger_file_close(file);
    }
    satchel_ledger_file *file = NULL;
    REQUIRE_OK(open_ledger(&at, false, &file));
    CHECK(at.count == 2 && at.numbers[1] == 6);
    satchel_ledger_file_close(file);
    test_temp_remove(&at.temp);
}

/* Zeros from here to there, as a disk leaves a sector that it never wrote. */
static void write_zeros(const ledger_place *at, long from, long end) {
    FILE *raw = fopen(at->path, "r+b");
    REQUIRE(raw != NULL && fseek(raw, from, SEEK_SET) == 0);
    for (long i = from; i < end; i++) {
        REQUIRE(fputc(0, raw) == 0);
    }
    REQUIRE(fclose(raw) == 0);
}

/* After a power cut the file may have its length, but not all its sectors. */
TEST(ledger_file, regress_a_record_of_which_a_sector_was_never_written_is_cut_off) {
    for (int second = 0; second < 2; second++) {
        ledger_place at;
        struct stat info;
        satchel_ledger_file *file = NULL;
        set_up(&at);
        fill(&at);
        REQUIRE_OK(open_ledger(&at, false, &file));
        for (uint64_t n = 7; n < 17; n++) {
            append(file, n); /* so many that they cross a sector's border */
        }
        satchel_ledger_file_close(file);
        REQUIRE(stat(at.path, &info) == 0 && info.st_size > 512 && info.st_size < 1024);
        write_zeros(&at, second != 0 ? 512 : 49, second != 0 ? (long)info.st_size : 512);
        REQUIRE_OK(open_ledger(&at, false, &file));
        uint32_t left = at.count;
        CHECK(second != 0 ? left > 5 && left < 12 : left == 0);
        append(file, 99);
        satchel_ledger_file_close(file);
        REQUIRE_OK(open_ledger(&at, false, &file));
        CHECK(at.count == left + 1 && at.numbers[left] == 99);
        satchel_ledger_file_close(file);
        test_temp_remove(&at.temp);
    }
}

/* An erasure is longer than numbers are: what is left of it must not stand behind them. */
TEST(ledger_file, regress_nothing_of_a_torn_record_stands_behind_a_shorter_one) {
    ledger_place at;
    struct stat info;
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_ledger_file *file = NULL;
    const satchel_ledger_entry erased = {.kind = SATCHEL_LEDGER_ERASED, .entity = 5, .at_ms = 1};
    set_up(&at);
    fill(&at);
    REQUIRE_OK(open_ledger(&at, false, &file));
    REQUIRE_OK(satchel_ledger_encode(&erased, &bytes));
    REQUIRE_OK(satchel_ledger_file_append(file, satchel_buffer_view(&bytes), NULL));
    satchel_ledger_file_close(file);
    REQUIRE(stat(at.path, &info) == 0 && truncate(at.path, info.st_size - 1) == 0);
    REQUIRE_OK(open_ledger(&at, false, &file));
    CHECK_UINT(at.count, 2);
    append(file, 7);
    satchel_ledger_file_close(file);
    REQUIRE_OK(open_ledger(&at, false, &file));
    CHECK(at.count == 3 && at.numbers[2] == 7);
    satchel_ledger_file_close(file);
    satchel_buffer_deinit(&bytes);
    test_temp_remove(&at.temp);
}

/* Killed while it was made: nothing was ever in it. A short file of somebody else is not overwritten. */
TEST(ledger_file, regress_a_file_without_its_whole_head_is_no_ledger_yet) {
    ledger_place at;
    satchel_ledger_file *file = NULL;
    set_up(&at);
    fill(&at);
    for (off_t bytes = 0; bytes < 49; bytes += 16) {
        REQUIRE(truncate(at.path, bytes) == 0);
        CHECK_STATUS(open_ledger(&at, false, &file), SATCHEL_NOT_FOUND);
        REQUIRE_OK(open_ledger(&at, true, &file));
        CHECK_UINT(at.count, 0);
        satchel_ledger_file_close(file);
        REQUIRE_OK(open_ledger(&at, false, &file));
        satchel_ledger_file_close(file);
    }
    FILE *raw = fopen(at.path, "wb");
    REQUIRE(raw != NULL && fputs("my diary", raw) != EOF && fclose(raw) == 0);
    CHECK_STATUS(open_ledger(&at, true, &file), SATCHEL_FOREIGN_FILE);
    test_temp_remove(&at.temp);
}

TEST(ledger_file, damage_and_strangers_are_told) {
    ledger_place at;
    satchel_ledger_file *file = NULL;
    set_up(&at);
    fill(&at);
    at.company[0] ^= 1;
    CHECK_STATUS(open_ledger(&at, false, &file), SATCHEL_FOREIGN_FILE);
    at.company[0] ^= 1;
    at.key[0] ^= 1;
    CHECK_STATUS(open_ledger(&at, false, &file), SATCHEL_DAMAGED);
    at.key[0] ^= 1;
    FILE *raw = fopen(at.path, "r+b");
    REQUIRE(raw != NULL && fseek(raw, 80, SEEK_SET) == 0);
    int byte = fgetc(raw);
    REQUIRE(fseek(raw, 80, SEEK_SET) == 0 && fputc(byte ^ 1, raw) != EOF && fclose(raw) == 0);
    CHECK_STATUS(open_ledger(&at, true, &file), SATCHEL_DAMAGED);
    test_temp_remove(&at.temp);
}

TEST(ledger_file, serials_rise_or_the_file_was_put_together_by_hand) {
    ledger_place at;
    satchel_ledger_file *file = NULL;
    satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_NUMBERS, .epoch = 1, .n = 5};
    const uint64_t serials[] = {3, 4, 4};
    set_up(&at);
    REQUIRE_OK(open_ledger(&at, true, &file));
    for (size_t i = 0; i < 3; i++) {
        satchel_buffer bytes = {NULL, 0, 0};
        entry.serial = serials[i];
        REQUIRE_OK(satchel_ledger_encode(&entry, &bytes));
        CHECK_UINT(satchel_ledger_serial_of(satchel_buffer_view(&bytes)), serials[i]);
        REQUIRE_OK(satchel_ledger_file_append(file, satchel_buffer_view(&bytes), NULL));
        CHECK_UINT(satchel_ledger_file_serial(file), serials[i]);
        satchel_buffer_deinit(&bytes);
        satchel_ledger_file_close(file);
        CHECK_STATUS(open_ledger(&at, false, &file), i < 2 ? SATCHEL_OK : SATCHEL_DAMAGED);
    }
    test_temp_remove(&at.temp);
}

TEST(ledger_file, an_entry_has_its_limit) {
    ledger_place at;
    const uint8_t bytes[SATCHEL_LEDGER_ENTRY_MOST + 1] = {99}; /* of a later version: kept, not read */
    satchel_ledger_file *file = NULL;
    set_up(&at);
    REQUIRE_OK(open_ledger(&at, true, &file));
    CHECK_OK(satchel_ledger_file_append(file, satchel_bytes_of(bytes, SATCHEL_LEDGER_ENTRY_MOST), NULL));
    CHECK_STATUS(satchel_ledger_file_append(file, satchel_bytes_of(bytes, sizeof bytes), NULL), SATCHEL_TOO_LONG);
    satchel_ledger_file_close(file);
    REQUIRE_OK(open_ledger(&at, false, &file));
    CHECK_UINT(at.count, 0);
    satchel_ledger_file_close(file);
    test_temp_remove(&at.temp);
}
