/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that was restored from a backup, and persons that were erased, as the store meets them. Internal to store/.
 *
 *   receipt column   [receipt 28][effective stamp zigzag][code of the unit varint]
 *   ".epoch"         number of the epoch for which all older scopes were left, 4 bytes big-endian
 *   ".erased"        erasures that were carried out and not confirmed yet, 16 bytes each
 */
#ifndef SATCHEL_STORE_EPOCH_H
#define SATCHEL_STORE_EPOCH_H

#include "store/log.h"
#include "wire/unit_codec.h"

/* --- epoch.c --- */

/* What is to be shown of a decided unit; empty if nothing was kept. Errors: NO_MEMORY, DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_return_read(satchel_bytes column, satchel_arena *arena,
                                                    satchel_unit_return *out);
/* Keeps a result's receipt with its unit; one of a restored server replaces the older. */
SATCHEL_MUST_USE satchel_status satchel_return_store(satchel_store *store, const satchel_unit_result *result,
                                                     satchel_error *error);
/* The revision that a receipt column names; 0: none. What is below store->verified_n need not be kept. */
uint64_t satchel_return_n(satchel_bytes column);

/* Ops behind `through` are to be shown again, as far as they were settled. */
void satchel_again_begin(satchel_store *store, uint64_t through);
/* The result of the unit that ends at `last` came. */
void satchel_again_pass(satchel_store *store, uint64_t last);

/* A head: an epoch that is not known yet begins the showing. `*out_epoch`: its first page is this one, else 0. */
SATCHEL_MUST_USE satchel_status satchel_epoch_meet(satchel_store *store, const satchel_answer_head *head,
                                                   uint32_t *out_epoch, satchel_error *error);
/* Everything that is here came from before the restore: it is hidden unless it comes again. Once an epoch. */
SATCHEL_MUST_USE satchel_status satchel_epoch_leave(satchel_store *store, uint32_t epoch,
                                                    satchel_store_outcome *outcome, satchel_error *error);

/* --- erased.c --- */

/* Values of these rows go from rows, op log, losses, what was set aside, and search. */
SATCHEL_MUST_USE satchel_status satchel_erased_store(satchel_store *store, const satchel_erased_frame *erased,
                                                     satchel_store_outcome *outcome, satchel_error *error);

#endif
