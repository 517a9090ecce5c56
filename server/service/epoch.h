/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs: lives of the database between restored backups. A restored database begins a new one: its numbers go on above
 * all that may have been given out, so the numbers in between belong to the lost stretch (restored_n, begins_n] and are
 * known as such wherever they turn up: as base of an op, as what a phone had seen, in a receipt.
 */
#ifndef SATCHEL_SERVER_SERVICE_EPOCH_H
#define SATCHEL_SERVER_SERVICE_EPOCH_H

#include "schema/op.h"
#include "service/ledger.h"

/* How far apart the numbers of two epochs are if no ledger tells what was given out; they begin at so many times the
 * epoch's own number, so no two such epochs share any, and none is above 2^53 before the year 2034. */
#define SATCHEL_EPOCH_GAP (UINT64_C(1) << 28)

/*
 * Writes: the database was restored. `marks` NULL: there is no ledger; the server is fenced then, and the epoch gets a
 * number that no other can have had (minutes since 1970). Tokens of all devices are taken anew from their next request.
 * What the ledger tells is carried out after it: rows that it changes get numbers of the new epoch.
 */
SATCHEL_MUST_USE satchel_status satchel_epoch_begin(const satchel_service *service, satchel_db *db,
                                                    const satchel_ledger_marks *marks, uint32_t *out_epoch,
                                                    satchel_error *error);

/* A number of the lost stretch counts as the point that was restored; every other as itself. Nothing in epoch 1. */
SATCHEL_MUST_USE satchel_status satchel_epoch_cap(satchel_db *db, const satchel_counter *counter, uint64_t n,
                                                  uint64_t *out, satchel_error *error);
/* The same for the bases of an op, in place; exceptions are copied into `arena` where they change. */
SATCHEL_MUST_USE satchel_status satchel_epoch_cap_op(satchel_db *db, const satchel_counter *counter,
                                                     satchel_arena *arena, satchel_op *op, satchel_error *error);

/*
 * The same for a number of an epoch: behind the point to which any later epoch was put back it was lost, even if a
 * ledger that was too old let it be given out again.
 */
SATCHEL_MUST_USE satchel_status satchel_epoch_cap_of(satchel_db *db, const satchel_counter *counter, uint32_t epoch,
                                                     uint64_t n, uint64_t *out, satchel_error *error);

/* Fenced: phones are answered BUSY, because what the ledger would say is not known. */
SATCHEL_MUST_USE satchel_status satchel_epoch_is_fenced(satchel_db *db, bool *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_epoch_fence_of(satchel_db *db, satchel_fence *out, satchel_error *error);
/* What an operator is told of it: one sentence. */
const char *satchel_fence_text(satchel_fence fence);
/*
 * Writes: puts the fence up, or takes it down, because the ledger was replayed, or because an operator accepts that
 * erasures and revocations since the backup may be undone. As it is already: nothing happens.
 */
SATCHEL_MUST_USE satchel_status satchel_epoch_fence(const satchel_service *service, satchel_db *db, satchel_fence fence,
                                                    satchel_error *error);
/* Writes: what earlier epochs lacked of the ledger was brought since, up to this serial. */
SATCHEL_MUST_USE satchel_status satchel_epoch_catch_up(satchel_db *db, uint64_t serial, satchel_error *error);
/*
 * Writes: what the present ledger does not say is given up, so nothing that a phone shows of it counts any more. After
 * BEHIND a new epoch begins, for numbers may have been given out twice. `*out_epoch`: the present one.
 */
SATCHEL_MUST_USE satchel_status satchel_epoch_accept_loss(const satchel_service *service, satchel_db *db,
                                                          uint32_t *out_epoch, satchel_error *error);

#endif
