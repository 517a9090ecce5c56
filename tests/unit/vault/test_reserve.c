/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reserve: whole or absent, really on the disk, and given back at once.
 */
#include "vault/reserve.h"

#include "fixture.h"
#include "support/vault/disk.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *folder_of(const vault_fixture *fixture) {
    return fixture->config.folder;
}

TEST(reserve, is_made_once_and_holds_its_size_on_the_disk) {
    vault_fixture fixture;
    struct stat first;
    struct stat second;
    char path[512];
    const satchel_vault_files *files = satchel_vault_files_posix();
    fixture_init(&fixture);
    CHECK(!satchel_reserve_is_whole(files, folder_of(&fixture)));
    CHECK_OK(satchel_reserve_keep(files, folder_of(&fixture), satchel_random_system()));
    CHECK(satchel_reserve_is_whole(files, folder_of(&fixture)));
    (void)snprintf(path, sizeof path, "%s/%s", folder_of(&fixture), SATCHEL_RESERVE_NAME);
    CHECK_INT(stat(path, &first), 0);
    CHECK_INT((int64_t)first.st_size, (int64_t)SATCHEL_RESERVE_BYTES);
    CHECK((int64_t)first.st_blocks * 512 >= (int64_t)SATCHEL_RESERVE_BYTES);
    CHECK_OK(satchel_reserve_keep(files, folder_of(&fixture), satchel_random_system()));
    CHECK_INT(stat(path, &second), 0);
    CHECK_INT((int64_t)first.st_mtim.tv_nsec, (int64_t)second.st_mtim.tv_nsec);
    fixture_deinit(&fixture);
}

TEST(reserve, is_freed_once) {
    vault_fixture fixture;
    bool freed = false;
    const satchel_vault_files *files = satchel_vault_files_posix();
    fixture_init(&fixture);
    CHECK_OK(satchel_reserve_keep(files, folder_of(&fixture), satchel_random_system()));
    CHECK_OK(satchel_reserve_free(files, folder_of(&fixture), &freed));
    CHECK(freed);
    CHECK(!file_exists(&fixture, SATCHEL_RESERVE_NAME));
    CHECK_OK(satchel_reserve_free(files, folder_of(&fixture), &freed));
    CHECK(!freed);
    fixture_deinit(&fixture);
}

TEST(reserve, one_byte_less_or_more_is_not_whole_and_is_made_again) {
    vault_fixture fixture;
    const satchel_vault_files *files = satchel_vault_files_posix();
    fixture_init(&fixture);
    for (unsigned more = 0; more < 2; more++) {
        satchel_buffer bytes = {0};
        for (uint32_t i = 0; i < SATCHEL_RESERVE_BYTES - 1 + 2 * more; i++) {
            CHECK_OK(satchel_buffer_append_byte(&bytes, 1));
        }
        file_write(&fixture, SATCHEL_RESERVE_NAME, satchel_buffer_view(&bytes));
        satchel_buffer_deinit(&bytes);
        CHECK(!satchel_reserve_is_whole(files, folder_of(&fixture)));
        CHECK_OK(satchel_reserve_keep(files, folder_of(&fixture), satchel_random_system()));
        CHECK(satchel_reserve_is_whole(files, folder_of(&fixture)));
    }
    fixture_deinit(&fixture);
}

TEST(reserve, leaves_nothing_where_it_does_not_fit) {
    unsigned failures = 0;
    for (uint64_t at = 2;; at++) { /* the first operation asks for its size */
        uint64_t bytes = 0;
        test_disk *disk = test_disk_make();
        const satchel_vault_files *files = test_disk_files(disk);
        test_note("operation %llu", (unsigned long long)at);
        test_disk_fail_at(disk, at, false, TEST_FAULT_FULL);
        satchel_status status = satchel_reserve_keep(files, "/disk", satchel_random_system());
        test_disk_fail_at(disk, 0, false, TEST_FAULT_FULL);
        if (status == SATCHEL_OK) {
            CHECK(satchel_reserve_is_whole(files, "/disk"));
            test_disk_free(disk);
            break;
        }
        failures++;
        CHECK_STATUS(files->size(files->context, "/disk/" SATCHEL_RESERVE_NAME, &bytes), SATCHEL_NOT_FOUND);
        CHECK_OK(satchel_reserve_keep(files, "/disk", satchel_random_system()));
        test_disk_free(disk);
    }
    CHECK(failures >= 2);
}

TEST(reserve, tells_a_failed_random_source_and_writes_nothing) {
    vault_fixture fixture;
    satchel_random_seeded seeded;
    const satchel_vault_files *files = satchel_vault_files_posix();
    fixture_init(&fixture);
    satchel_random random = satchel_random_from_seed(&seeded, 1);
    seeded.limited = true;
    CHECK_STATUS(satchel_reserve_keep(files, folder_of(&fixture), random), SATCHEL_RANDOM_FAILED);
    CHECK(!file_exists(&fixture, SATCHEL_RESERVE_NAME));
    fixture_deinit(&fixture);
}
