/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One transaction for several slices of background work. A slice is short, so that nobody waits long for the store; a
 * commit costs the same whatever is in it, and each writes the pages of the indexes again: so the slices of a long
 * page, and of the work that follows it, may share one. What others write never comes into it: whoever begins settles
 * it first. Whoever only looks sees it. What a kill or a failure takes back is done again: how far the work is
 * stands in the same transaction.
 */
#include "store/digest.h"
#include "store/migrate.h"
#include "store/page.h"

void satchel_store_share(satchel_store *store, uint32_t rows) {
    store->held.most = rows;
}

/* Whoever looked meanwhile may have met a fault that made SQLite take everything back. */
static bool was_undone(const satchel_store *store) {
    return store->held.open && sqlite3_get_autocommit(store->database) != 0;
}

satchel_status satchel_held_begin(satchel_store *store, satchel_error *error) {
    if (was_undone(store)) {
        satchel_status settled = satchel_store_settle(store, NULL);
        (void)settled; /* it failed, and what it held is done again from here */
    }
    if (!store->held.open) {
        store->held.rows = 0;
        store->held.holds_pages = false;
        return satchel_store_begin(store, error);
    }
    store->held.open = false;
    store->in_transaction = true;
    return SATCHEL_OK;
}

/* In the running transaction, which ends. */
static satchel_status commit(satchel_store *store, satchel_status status, satchel_error *error) {
    if (status == SATCHEL_OK && store->held.holds_pages) {
        status = satchel_results_advance(store, error);
        if (status == SATCHEL_OK) {
            status = satchel_log_save_marks(store, error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_paging_move(store, error);
        }
    }
    store->held.holds_pages = false;
    store->held.rows = 0;
    return satchel_migrate_end(store, status, error);
}

satchel_status satchel_held_end(satchel_store *store, satchel_status status, uint32_t rows, bool last,
                                satchel_error *error) {
    if (status != SATCHEL_OK || last || store->held.most == 0) {
        return commit(store, status, error);
    }
    store->held.rows = rows < UINT32_MAX - store->held.rows ? store->held.rows + rows : UINT32_MAX;
    store->held.open = true;
    store->in_transaction = false;
    store->generation++;
    return SATCHEL_OK;
}

bool satchel_held_is_full(const satchel_store *store) {
    return store->held.open && store->held.rows >= store->held.most;
}

satchel_status satchel_store_settle(satchel_store *store, satchel_error *error) {
    if (!store->held.open) {
        return SATCHEL_OK;
    }
    satchel_status status =
        was_undone(store) ? satchel_fail(error, SATCHEL_IO_ERROR, "what was open of a page was undone") : SATCHEL_OK;
    store->held.open = false;
    store->in_transaction = true;
    return commit(store, status, error);
}
