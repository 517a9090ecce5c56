/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One verb, one unit.
 */
#include "sales/unit.h"

#include "base/error.h"
#include "base/ids.h"

#include <string.h>

satchel_status satchel_sales_unit_open(sales_unit *unit, const satchel_sales *sales, satchel_error *error) {
    memset(unit, 0, sizeof *unit);
    unit->sales = sales;
    unit->error = error;
    satchel_status status = satchel_draft_open(&unit->draft, sales->store);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "a unit cannot begin");
}

satchel_status satchel_sales_unit_end(sales_unit *unit, satchel_status status) {
    if (status == SATCHEL_OK) {
        satchel_receipt receipt;
        status = satchel_draft_commit(unit->draft, &unit->sales->moment, &receipt, unit->error);
    }
    satchel_draft_close(unit->draft);
    satchel_arena_deinit(&unit->arena);
    return status;
}

satchel_status satchel_sales_read(sales_unit *unit, uint32_t entity, const satchel_id *id, satchel_record *out) {
    uint32_t flags = 0;
    uint64_t base_n = 0;
    satchel_status status =
        satchel_store_read(unit->sales->store, entity, id, &unit->arena, out, &flags, &base_n, unit->error);
    if (status == SATCHEL_OK && (flags & SATCHEL_ROW_DELETED) != 0) {
        status = satchel_fail(unit->error, SATCHEL_NOT_FOUND, "the row is deleted");
    }
    return status;
}

satchel_status satchel_sales_new_id(sales_unit *unit, satchel_id *id) {
    if (!satchel_id_is_none(id)) {
        return SATCHEL_OK;
    }
    uint8_t random[SATCHEL_ID_RANDOM_BYTES];
    satchel_status status = satchel_random_fill(unit->sales->random, random, sizeof random);
    if (status != SATCHEL_OK) {
        return satchel_fail(unit->error, status, "the random source failed");
    }
    *id = satchel_id_make(unit->sales->now_ms, random);
    return SATCHEL_OK;
}

bool satchel_sales_given(const satchel_id *id) {
    return id != NULL && !satchel_id_is_none(id);
}

satchel_id satchel_sales_wanted(const satchel_id *id) {
    static const satchel_id none = {{0}};
    return id != NULL ? *id : none;
}
