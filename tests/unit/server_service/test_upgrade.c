/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of format 1, as its own version made it (tests/fixtures/server-v1), opened by this one.
 */
#include "base/text.h"
#include "service/backup.h"
#include "service/realign.h"
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
                                 satchel_db_blob("\0\0\0\x03", 4)));
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

/* A visit of user 05 at the fixture's customer, who is nobody's: by the rule of format 1 it is in that user's scope. */
static const char old_rule[] =
    "INSERT INTO scope VALUES(3, 2, X'05', 1, 1);"
    "INSERT INTO visit (id, customer, owner, deleted, revision) SELECT X'01A201C3582271668000000000000009', id,"
    " X'01A201C3582271668000000000000005', 0, 1 FROM customer;"
    "INSERT INTO membership SELECT id, 2, X'01A201C3582271668000000000000009', 2, 1, 1, 1 FROM customer;"
    "INSERT INTO membership SELECT id, 2, X'01A201C3582271668000000000000009', 3, 1, 1, 1 FROM customer;";

static int64_t count(satchel_db *db, const char *sql) {
    int64_t number = 0;
    REQUIRE_OK(satchel_db_number_values(db, sql, NULL, 0, 0, &number, NULL));
    return number;
}

TEST(upgrade, regress_memberships_of_the_old_rule_are_made_anew_in_steps) {
    satchel_db *db = NULL;
    satchel_service *service = NULL;
    satchel_realign_progress left = {1, 1};
    satchel_random_seeded seeded;
    const satchel_service_platform platform = {.now_ms = now, .random = satchel_random_from_seed(&seeded, 1)};
    REQUIRE_OK(satchel_db_open_sqlite(&db, ":memory:", SATCHEL_DB_WRITER, NULL));
    load_fixture(db);
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_exec(db, old_rule, NULL));
    REQUIRE_OK(satchel_db_commit(db, NULL));
    REQUIRE_OK(satchel_service_open(&service, &platform, db, NULL));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_realign_left(db, &left, NULL));
    CHECK_UINT(left.to_add, 1);
    CHECK_INT(count(db, "SELECT count(*) FROM membership WHERE rank = 2 AND present = 1"), 2);
    REQUIRE_OK(satchel_realign_step(service, db, 10, &left, NULL));
    CHECK_UINT(left.to_remove + left.to_add, 0);
    CHECK_INT(count(db, "SELECT count(*) FROM membership WHERE rank = 2 AND present = 1 AND scope = 2"), 1);
    CHECK_INT(count(db, "SELECT count(*) FROM membership WHERE rank = 2 AND present = 1"), 1);
    CHECK_INT(count(db, "SELECT count(*) FROM membership WHERE present = 1 AND entered_n > 1"), 0); /* nobody anew */
    REQUIRE_OK(satchel_db_commit(db, NULL));
    satchel_service_close(service);
    satchel_db_close(db);
}
