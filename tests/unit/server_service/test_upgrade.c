/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of format 1, as its own version made it (tests/fixtures/server-v1), opened by this one.
 */
#include "base/text.h"
#include "service/backup.h"
#include "support/server_service/stage.h"

#include <stdio.h>
#include <string.h>

/* Runs the texts of the fixture, which lies beside the tests. */
static void load_fixture(satchel_db *db) {
    char path[4096];
    satchel_buffer text = {NULL, 0, 0};
    char piece[4096];
    size_t bytes = 0;
    const char *here = strstr(__FILE__, "unit/server_service");
    REQUIRE(here != NULL);
    (void)snprintf(path, sizeof path, "%.*sfixtures/server-v1/satchel.sql", (int)(here - __FILE__), __FILE__);
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL);
    while ((bytes = fread(piece, 1, sizeof piece, file)) > 0) {
        REQUIRE_OK(satchel_buffer_append(&text, satchel_bytes_of(piece, bytes)));
    }
    (void)fclose(file);
    REQUIRE_OK(satchel_buffer_append_byte(&text, 0));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_exec(db, (const char *)text.data, NULL));
    REQUIRE_OK(satchel_db_commit(db, NULL));
    satchel_buffer_deinit(&text);
}

static int64_t now(void *context) {
    (void)context;
    return STAGE_START_MS;
}

TEST(upgrade, a_database_of_format_1_is_brought_up_when_it_is_opened) {
    satchel_db *db = NULL;
    satchel_service *service = NULL;
    satchel_company company;
    satchel_random_seeded seeded;
    int64_t number = 0;
    uint64_t verified = 7;
    const satchel_service_platform platform = {.now_ms = now, .random = satchel_random_from_seed(&seeded, 1)};
    REQUIRE_OK(satchel_db_open_sqlite(&db, ":memory:", SATCHEL_DB_WRITER, NULL));
    load_fixture(db);
    REQUIRE_OK(satchel_service_open(&service, &platform, db, NULL));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_company_get(service, db, &company, NULL));
    CHECK_TEXT(company.name, "Shop");
    REQUIRE_OK(SATCHEL_DB_NUMBER(db, NULL, &number, 0, "SELECT count(*) FROM meta WHERE name = 'format' AND value = ?1",
                                 satchel_db_blob("\0\0\0\x02", 4)));
    CHECK_INT(number, 1);
    CHECK_OK(satchel_backup_verified(db, &verified, NULL));
    CHECK_UINT(verified, 0);
    const satchel_actor system = satchel_actor_system();
    satchel_id territory;
    const satchel_id none = {{0}};
    CHECK_OK(satchel_territory_add(service, db, &system, satchel_text_of("North"), &none, satchel_text_of(""),
                                   &territory, NULL));
    REQUIRE_OK(satchel_db_commit(db, NULL));
    satchel_service_close(service);
    REQUIRE_OK(satchel_service_open(&service, &platform, db, NULL)); /* once is enough */
    satchel_service_close(service);
    satchel_db_close(db);
}
