/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tables of the entities have to be, and what is missing of that in the store that is open.
 */
#ifndef SATCHEL_STORE_TABLES_H
#define SATCHEL_STORE_TABLES_H

#include "store/store_state.h"

/* The tables by the model, in memory: store->tables. */
SATCHEL_MUST_USE satchel_status satchel_tables_list(satchel_store *store);
/* Differs whenever a new store would get other tables or indexes. */
SATCHEL_MUST_USE satchel_status satchel_tables_fingerprint(satchel_store *store, uint64_t *out);
/*
 * Appends what makes the table, with its indexes, or adds the columns that it lacks, ended by a zero byte; nothing if
 * it is whole. How many rows there are makes no difference to it.
 */
SATCHEL_MUST_USE satchel_status satchel_table_missing(satchel_store *store, const satchel_table *table,
                                                      satchel_buffer *out_sql, satchel_error *error);
/* The same for the first index that the table lacks. */
SATCHEL_MUST_USE satchel_status satchel_index_missing(satchel_store *store, const satchel_table *table,
                                                      satchel_buffer *out_sql, satchel_error *error);

#endif
