/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a walk has come, under its name.
 */
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "service/walk.h"

TEST(walk, goes_on_from_where_it_was) {
    stage here = {0};
    satchel_walk got;
    satchel_walk other;
    const satchel_walk first = {.at = 7, .after = {{1, 2, 3}}};
    const satchel_walk second = {.at = 8, .done = true};
    stage_open(&here, NULL, 1);
    REQUIRE_OK(satchel_db_begin(here.db, SATCHEL_DB_WRITE, NULL));
    CHECK_OK(satchel_walk_load(here.db, "of a test", &got, NULL));
    CHECK(got.done && got.at == 0);
    CHECK_OK(satchel_walk_save(here.db, "of a test", &first, NULL));
    CHECK_OK(satchel_walk_load(here.db, "of a test", &got, NULL));
    CHECK(!got.done && got.at == 7 && satchel_id_equal(&got.after, &first.after));
    CHECK_OK(satchel_walk_save(here.db, "of a test", &second, NULL));
    CHECK_OK(satchel_walk_load(here.db, "of a test", &got, NULL));
    CHECK_OK(satchel_walk_load(here.db, "of another", &other, NULL));
    CHECK(got.done && got.at == 8 && satchel_id_is_none(&got.after) && other.at == 0);
    satchel_db_rollback(here.db);
    stage_close(&here);
}
