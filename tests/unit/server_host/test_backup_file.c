/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups as files: they never touch what another backup is writing.
 */
#include "base/text.h"
#include "host/backup_file.h"
#include "host/small_file.h"
#include "support/server_service/stage.h"

#include <stdio.h>
#include <string.h>

static void put_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL && fputs(text, file) != EOF && fclose(file) == 0);
}

static void check_file(const char *path, const char *text) {
    char found[64] = "";
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL);
    size_t bytes = fread(found, 1, sizeof found - 1, file);
    (void)fclose(file);
    found[bytes] = '\0';
    CHECK_TEXT(satchel_text_of(found), text);
}

static satchel_host *open_company(const test_temp *temp) {
    char path[TEST_PATH_BYTES];
    stage here;
    satchel_host *host = NULL;
    const satchel_host_config config = {.folder = temp->path, .create = true};
    REQUIRE_OK(satchel_host_open(&host, &config, NULL));
    satchel_host_close(host);
    (void)test_temp_path(temp, "satchel.db", path);
    stage_open(&here, path, 5);
    stage_close(&here);
    REQUIRE_OK(satchel_host_open(&host, &config, NULL));
    return host;
}

TEST(backup_file, regress_a_backup_leaves_the_file_of_another_alone) {
    test_temp temp = test_temp_make();
    char paths[3][TEST_PATH_BYTES];
    uint8_t digest[SATCHEL_HASH_BYTES];
    const uint8_t key[SATCHEL_KEY_BYTES] = {3};
    satchel_backup_facts facts;
    satchel_backup_facts read;
    uint64_t bytes = 0;
    satchel_host *host = open_company(&temp);
    put_file(test_temp_path(&temp, ".satchel.partial", paths[0]), "being written");
    put_file(test_temp_path(&temp, "b.partial", paths[1]), "being written");
    REQUIRE_OK(satchel_backup_make(host, temp.path, key, &facts, &bytes, NULL));
    REQUIRE_OK(satchel_backup_make(host, test_temp_path(&temp, "b", paths[2]), key, &facts, &bytes, NULL));
    REQUIRE_OK(satchel_backup_read(paths[2], key, NULL, &read, digest, NULL));
    CHECK_UINT(read.rows, facts.rows);
    check_file(paths[0], "being written");
    check_file(paths[1], "being written");
    CHECK_STATUS(satchel_backup_make(host, paths[2], key, &facts, &bytes, NULL), SATCHEL_ALREADY_EXISTS);
    satchel_host_close(host);
    test_temp_remove(&temp);
}

TEST(backup_file, a_name_is_durable_only_in_a_folder_that_is_there) {
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    CHECK_OK(satchel_file_name_sync(test_temp_path(&temp, "file", path), NULL));
    CHECK_OK(satchel_file_name_sync("file", NULL));
    CHECK_STATUS(satchel_file_name_sync(test_temp_path(&temp, "no/file", path), NULL), SATCHEL_IO_ERROR);
    test_temp_remove(&temp);
}
