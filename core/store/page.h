/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of which storing a page consists: results, scopes, rows that go.
 */
#ifndef SATCHEL_STORE_PAGE_H
#define SATCHEL_STORE_PAGE_H

#include "store/log.h"

SATCHEL_MUST_USE satchel_status satchel_results_store(satchel_store *store, const satchel_unit_result *result,
                                                      satchel_arena *arena, satchel_store_outcome *outcome,
                                                      satchel_error *error);
/* Moves settled_through on over the ops that have decisions. */
SATCHEL_MUST_USE satchel_status satchel_results_advance(satchel_store *store, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_scopes_define(satchel_store *store, const satchel_scope_set *set,
                                                      satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_scopes_lose(satchel_store *store, const satchel_scope_set *lost,
                                                    satchel_store_outcome *outcome, satchel_error *error);
/* The phone's own number of a set. Errors: MALFORMED (never defined). */
SATCHEL_MUST_USE satchel_status satchel_scopes_number(satchel_store *store, uint32_t number, int64_t *out,
                                                      satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_scopes_reload(satchel_store *store, satchel_error *error);
/* Hides this row only. */
SATCHEL_MUST_USE satchel_status satchel_row_hide_alone(satchel_store *store, satchel_table *table, const satchel_id *id,
                                                       satchel_store_outcome *outcome, satchel_error *error);
/* Hides rows and those that travel with them. */
SATCHEL_MUST_USE satchel_status satchel_rows_hide(satchel_store *store, satchel_table *table, const satchel_id *ids,
                                                  uint32_t count, satchel_store_outcome *outcome, satchel_error *error);
/* Nothing of the row is set aside any more. */
SATCHEL_MUST_USE satchel_status satchel_aside_forget(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                     satchel_error *error);
/*
 * Tries again what was set aside behind (`*entity`, `*row`), which move on, in the running transaction. `*out_custom`:
 * definitions of custom fields were among it.
 */
SATCHEL_MUST_USE satchel_status satchel_aside_retry(satchel_store *store, uint32_t *budget_rows, uint32_t *entity,
                                                    satchel_id *row, bool *out_done, bool *out_custom,
                                                    satchel_error *error);
void satchel_outcome_changed(satchel_store_outcome *outcome, uint32_t entity);

#endif
