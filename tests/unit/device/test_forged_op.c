/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops that stand in whole pages under a wrong seal: a repair takes them for lost, whatever they look like.
 */
#include "device/device.h"

#include "unit/device/fixture.h"

#include <satchel/repair.h>

#include <sqlite3.h>

#define WORK 6u

/* Work of which one op has the body of another: authentic, but sealed for another sequence. */
static void phone_with_forged_op(phone *p, uint64_t seed) {
    phone_ready(p, seed);
    for (unsigned i = 0; i < WORK; i++) {
        phone_rename(p, i % 2 == 0 ? "One" : "Another");
    }
    sqlite3 *database = satchel_vault_database(p->device->vault);
    REQUIRE_INT(sqlite3_exec(database,
                             "UPDATE store_op SET body = (SELECT body FROM store_op ORDER BY sequence LIMIT 1) "
                             "WHERE sequence = (SELECT sequence FROM store_op ORDER BY sequence LIMIT 1 OFFSET 2)",
                             NULL, NULL, NULL),
                SQLITE_OK);
    REQUIRE_INT(sqlite3_changes(database), 1);
    phone_close(p);
}

TEST(repair_seal, an_op_whose_seal_does_not_hold_is_lost_and_not_taken) {
    phone p;
    satchel_repair_report report;
    satchel_device_health health;
    phone_with_forged_op(&p, 1);
    REQUIRE_OK(satchel_device_check(&p.config, &health, &p.error));
    CHECK_UINT(health.ops, WORK - 1);
    CHECK_UINT(health.ops_lost, 1);
    REQUIRE_OK(satchel_device_repair(&p.config, true, &report, &p.error));
    CHECK_UINT(report.ops_salvaged, WORK - 1);
    CHECK_UINT(report.ops_lost, 1);
    CHECK_UINT(report.lost_count, 1);
    CHECK_UINT(report.lost[0].first, 3);
    CHECK_UINT(report.lost[0].last, 3);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).units_unsent, WORK - 1);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}
