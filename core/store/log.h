/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op log of the store, and the forms in which results and losses are kept.
 */
#ifndef SATCHEL_STORE_LOG_H
#define SATCHEL_STORE_LOG_H

#include "store/rows.h"

/* --- log.c --- */

typedef struct satchel_logged_op {
    uint64_t sequence;
    uint64_t unit;
    uint32_t entity;
    satchel_id row;
    satchel_op_state state;
    uint64_t previous; /* the op before it on the same row, 0 = none */
    satchel_op op;
    satchel_record before; /* EDIT: its fields as the user saw them */
} satchel_logged_op;

typedef struct satchel_unit_head {
    uint32_t count;
    satchel_moment moment;
    satchel_revision seen;
    satchel_id incarnation;
} satchel_unit_head;

/* An op ready to be logged: encoded, not sealed. */
typedef struct satchel_op_entry {
    uint64_t sequence;
    uint64_t unit;
    uint32_t entity;
    satchel_id row;
    uint64_t previous; /* the op before it on the same row that lay there when it was committed, 0 = none */
    satchel_bytes op;
    satchel_bytes before;
} satchel_op_entry;
SATCHEL_MUST_USE satchel_status satchel_log_append(satchel_store *store, const satchel_op_entry *entry,
                                                   const satchel_unit_head *head, satchel_error *error);
/* Errors: NOT_FOUND, DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_log_read(satchel_store *store, uint64_t sequence, satchel_arena *arena,
                                                 satchel_logged_op *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_log_head(satchel_store *store, uint64_t unit, satchel_unit_head *out,
                                                 satchel_error *error);
/* Splits a body into the op's bytes and those of what was before; `opened` holds them. Errors: DAMAGED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_log_open_body(satchel_store *store, uint64_t sequence, satchel_bytes body,
                                                      satchel_buffer *opened, satchel_bytes *out_op,
                                                      satchel_bytes *out_before, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_log_reload(satchel_store *store, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_log_save_marks(satchel_store *store, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_head_encode(const satchel_unit_head *head, satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_head_decode(satchel_bytes bytes, satchel_unit_head *out);

/* Seals what belongs to an op with its sequence, as bodies are; unseal is the reverse. Both append. */
SATCHEL_MUST_USE satchel_status satchel_log_seal(satchel_store *store, uint64_t sequence, satchel_bytes plain,
                                                 satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_log_unseal(satchel_store *store, uint64_t sequence, satchel_bytes sealed,
                                                   satchel_buffer *out);

/* The ops of a row's overlay behind `through`, oldest first, in `arena`; states of all kinds. */
SATCHEL_MUST_USE satchel_status satchel_log_overlay(satchel_store *store, satchel_overlay overlay, uint64_t through,
                                                    satchel_arena *arena, satchel_logged_op **out, uint32_t *out_count,
                                                    satchel_error *error);

/* Does the op lie on its row (overlay.c)? `server_has`: the server is known to have the row. */
bool satchel_op_shows(const satchel_logged_op *op, bool server_has);

/* --- results.c: forms --- */

/* What the server said of an op; all zero if it said nothing but its code. */
typedef struct satchel_stored_result {
    satchel_status status;
    uint32_t field;
    uint64_t held_by;
    satchel_text rule;
    satchel_id keeper; /* parked: who decides on it, if that was told */
} satchel_stored_result;
/* Errors: DAMAGED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_result_read(satchel_bytes column, satchel_arena *arena,
                                                    satchel_stored_result *out);
/* The same of the op `sequence`; of an op that is not in the log it is all zero. */
SATCHEL_MUST_USE satchel_status satchel_result_of(satchel_store *store, uint64_t sequence, satchel_arena *arena,
                                                  satchel_stored_result *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_loss_read(satchel_bytes body, satchel_arena *arena, satchel_result_loss *out);

#endif
