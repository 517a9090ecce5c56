/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the op log keeps what is acknowledged.
 */
#ifndef SATCHEL_STORE_LOG_PRUNE_H
#define SATCHEL_STORE_LOG_PRUNE_H

#include "store/log.h"

#define SATCHEL_LOG_KEPT_OPS 256    /* the newest stay in any case, to be undone and explained */
#define SATCHEL_LOG_DAYS_MOST 400   /* older ones go, */
#define SATCHEL_LOG_OPS_MOST 100000 /* … and those beyond so many, though no backup is known to hold them */

bool satchel_log_prune_is_due(const satchel_store *store);
/*
 * A part of the background work, in the running transaction: looks at units from the oldest on. What the server said
 * of its backups is store->verified_n. Errors: of the store.
 */
SATCHEL_MUST_USE satchel_status satchel_log_prune(satchel_store *store, uint32_t *budget_rows, satchel_error *error);
/* After a transaction that failed: it begins again. */
void satchel_log_prune_reset(satchel_store *store);

#endif
