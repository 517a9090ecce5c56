/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server's first word makes of the gaps in a salvaged op log.
 */
#include "store/salvage.h"

#include "kit.h"
#include "store/store_state.h"

#define OPS 10
#define RESTORE_NOTE "\x01" /* format 1 */

/* Ten units of one op; 4 and 7 are lost. */
static store_kit kit_with_gaps(void) {
    store_kit kit = kit_open(":memory:");
    for (uint32_t i = 1; i <= OPS; i++) {
        CHECK_UINT(kit_customer(&kit, kit_id(i), "Huaning"), i);
    }
    REQUIRE(sqlite3_exec(kit.database, "DELETE FROM store_op WHERE sequence IN (4, 7)", NULL, NULL, NULL) == SQLITE_OK);
    REQUIRE_OK(satchel_store_begin(kit.store, &kit.error));
    REQUIRE_OK(satchel_store_end(
        kit.store, satchel_store_write_value(kit.store, ".restore", satchel_bytes_of(RESTORE_NOTE, 1), &kit.error),
        &kit.error));
    return kit;
}

static void learn(store_kit *kit, uint64_t applied_through, bool forked) {
    const satchel_moment moment = {1, 2, 3, 0};
    bool restoring = false;
    REQUIRE_OK(satchel_store_restoring(kit->store, &restoring, &kit->error));
    CHECK(restoring);
    REQUIRE_OK(satchel_store_learn(kit->store, applied_through, forked, &moment, &kit->error));
    REQUIRE_OK(satchel_store_restoring(kit->store, &restoring, &kit->error));
    CHECK(!restoring);
    CHECK_STATUS(satchel_store_learn(kit->store, applied_through, forked, &moment, &kit->error), SATCHEL_NOT_FOUND);
}

/* Units of the batch behind `after`, and the sequence of its last op. */
static uint32_t load(store_kit *kit, uint64_t after, uint64_t *out_last) {
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(kit->store, after, 1 << 20, &kit->arena, &batch, &kit->error));
    *out_last = batch.last_sequence;
    return batch.count;
}

static int64_t number(store_kit *kit, const char *sql) {
    int64_t out = -1;
    REQUIRE_OK(satchel_store_number(kit->store, sql, -1, &out, &kit->error));
    return out;
}

TEST(salvage, a_gap_that_the_server_decided_on_only_parts_two_requests) {
    store_kit kit = kit_with_gaps();
    uint64_t last = 0;
    learn(&kit, 5, false);
    CHECK_UINT(load(&kit, 0, &last), 3);
    CHECK_UINT(last, 3);
    CHECK_UINT(load(&kit, last, &last), 6); /* 5, 6, an empty one in place of 7, 8, 9, 10 */
    CHECK_UINT(last, OPS);
    CHECK_INT(number(&kit, "SELECT count(*) FROM store_op WHERE entity = 0"), 1);
    CHECK_INT(number(&kit, "SELECT sequence FROM store_op WHERE entity = 0 AND state = 0 AND head IS NOT NULL"), 7);
    kit_close(&kit);
}

TEST(salvage, a_forked_store_with_gaps_goes_on_where_the_server_is) {
    store_kit kit = kit_with_gaps();
    uint64_t last = 0;
    learn(&kit, 5, true);
    CHECK_UINT(load(&kit, 0, &last), 5); /* 6, an empty one, 8, 9, 10 */
    CHECK_UINT(last, OPS);
    satchel_sync_state state;
    REQUIRE_OK(satchel_store_sync_state(kit.store, &state, &kit.error));
    CHECK_UINT(state.settled_through, 5);
    kit_close(&kit);
}

TEST(salvage, sequences_that_the_server_knows_are_never_given_again) {
    store_kit kit = kit_with_gaps();
    uint64_t last = 0;
    learn(&kit, 25, false);
    CHECK_INT(number(&kit, "SELECT count(*) FROM store_op WHERE entity = 0 AND state = 0"), 0);
    CHECK_UINT(kit_customer(&kit, kit_id(77), "After the repair"), 26);
    CHECK_UINT(load(&kit, 10, &last), 1);
    CHECK_UINT(last, 26);
    kit_close(&kit);
}

TEST(salvage, an_empty_op_that_was_refused_is_listed_nowhere) {
    store_kit kit = kit_with_gaps();
    satchel_device_info info = {0};
    learn(&kit, 0, false);
    kit_page page = kit_page_begin(OPS);
    for (uint32_t i = 1; i <= OPS; i++) {
        kit_page_result(&page, i, 1, i == 4 || i == 7 ? SATCHEL_RESULT_REFUSED : SATCHEL_RESULT_APPLIED);
    }
    CHECK_OK(kit_page_store(&kit, &page, false));
    REQUIRE_OK(satchel_store_count_info(kit.store, &info, &kit.error));
    CHECK_UINT(info.units_unsent, 0);
    CHECK_UINT(info.ops_refused, 0);
    kit_close(&kit);
}

TEST(salvage, a_restore_wants_an_empty_store_and_a_bounded_tail) {
    satchel_restored restored;
    store_kit kit = kit_open(":memory:");
    CHECK_STATUS(satchel_store_restore(kit.store, NULL, SATCHEL_SALVAGE_TAIL_MOST + 1, &restored, &kit.error),
                 SATCHEL_LIMIT_EXCEEDED);
    kit_customer(&kit, kit_id(1), "Huaning");
    CHECK_STATUS(satchel_store_restore(kit.store, NULL, SATCHEL_SALVAGE_TAIL_MOST, &restored, &kit.error),
                 SATCHEL_MISUSE);
    kit_close(&kit);
}
