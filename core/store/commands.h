/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands in the op log: which ops are commands, so that they can be listed without opening the log, and how many
 * values that lost are kept here.
 */
#ifndef SATCHEL_STORE_COMMANDS_H
#define SATCHEL_STORE_COMMANDS_H

#include "store/log.h"

/* The table of format 2. */
SATCHEL_MUST_USE satchel_status satchel_commands_make(satchel_store *store, satchel_error *error);

/* Notes a logged op that is a command, in the transaction that logs it. */
SATCHEL_MUST_USE satchel_status satchel_command_note(satchel_store *store, uint64_t sequence, uint32_t command,
                                                     satchel_error *error);

/* Who was first with what the op wanted, as its result told; none if it told nothing. */
SATCHEL_MUST_USE satchel_status satchel_command_winner(satchel_store *store, uint32_t entity, const satchel_id *row,
                                                       uint64_t sequence, satchel_id *out, int64_t *out_ms,
                                                       satchel_error *error);

/* Losses that are kept on the phone; older ones stand as conflicts on the server. */
#define SATCHEL_LOSSES_MOST 1000

/* Lets go of the oldest beyond that and counts them. In the transaction that stored one. */
SATCHEL_MUST_USE satchel_status satchel_losses_bound(satchel_store *store, satchel_error *error);
/* How many were let go of so far. */
SATCHEL_MUST_USE satchel_status satchel_losses_gone(satchel_store *store, uint64_t *out, satchel_error *error);

#endif
