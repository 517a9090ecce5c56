/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That the functions are there, on any connection. What they answer is tested with the store's queries (unit/store) and
 * against PostgreSQL's (unit/server_db).
 */
#include "lite/functions.h"

#include "support/test.h"

static int64_t answer_of(sqlite3 *connection, const char *sql) {
    sqlite3_stmt *statement = NULL;
    int64_t answer = -1;
    REQUIRE(sqlite3_prepare_v2(connection, sql, -1, &statement, NULL) == SQLITE_OK);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
        answer = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return answer;
}

TEST(lite_functions, a_connection_has_them_all_once_they_were_added) {
    static const struct {
        const char *sql;
        int64_t answer; /* -1: NULL */
    } asked[] = {
        {"SELECT satchel_set_has(x'01026869', x'6869')", 1},
        {"SELECT satchel_set_has(x'01026869', x'68')", 0},
        {"SELECT satchel_set_has(NULL, x'68')", -1},
        {"SELECT satchel_custom_int(x'a2380508e707180a', 999)", 5},
        {"SELECT satchel_custom_int(NULL, 999)", -1},
        {"SELECT satchel_custom_real(x'a2380508e707180a', 999)", -1},
        {"SELECT satchel_custom_text(x'', 999)", -1},
        {"SELECT satchel_custom_blob(x'ff', 999)", -1},
        {"SELECT length(satchel_custom_blob(x'a2380508e7074a00', 999))", 0}, /* empty, which is not NULL */
        {"SELECT satchel_distance_m(0, 0, 0, 90000)", 1001},
        {"SELECT satchel_distance_m(0, NULL, 0, 90000)", -1},
    };
    sqlite3 *connection = NULL;
    REQUIRE(sqlite3_open(":memory:", &connection) == SQLITE_OK);
    REQUIRE(satchel_lite_functions_add(connection) == SQLITE_OK);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        test_note("%s", asked[i].sql);
        CHECK_INT(answer_of(connection, asked[i].sql), asked[i].answer);
    }
    sqlite3_close(connection);
}
