/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phone's store over an open SQLite connection: rows as the user sees them, the server's values below dirty rows,
 * the op log, results, scopes and the sync state. Knows nothing of keys, threads, clocks or HTTP: the moment of each
 * commit is an input.
 *
 * Invariants. A row's table holds what the user sees. While own ops are not reflected by a stored page, the server's
 * value stands beside it in the row's overlay. Only pages advance a base; a dirty field keeps the base of the first
 * op that lies on it. An op is settled only in the transaction that stores its result, and comes off its row when the
 * row is stored from, or a last page is reached at, a position that reflects it, or when it was not accepted.
 */
#ifndef SATCHEL_STORE_STORE_H
#define SATCHEL_STORE_STORE_H

#include <satchel/command.h>
#include <satchel/explain.h>
#include <satchel/read.h>
#include <satchel/write.h>

#include "access/access.h"
#include "query/query.h"
#include "schema/op.h"
#include "sync/engine.h"

struct sqlite3;
typedef struct satchel_store satchel_store;

/*
 * Makes or migrates the tables and loads the custom fields. The connection stays the caller's and must outlive the
 * store.
 * `seal_context` keys the seal of each logged op (so that the op log can be salvaged op by op): NULL in tests
 * without a vault.
 * Errors: NEWER_FORMAT, DAMAGED, DISK_FULL, IO_ERROR, NO_MEMORY.
 */
typedef struct satchel_op_seal {
    void *context;
    /* Appends nonce, ciphertext and tag. */
    satchel_status (*seal)(void *context, satchel_bytes plain, satchel_bytes associated, satchel_buffer *out);
    satchel_status (*open)(void *context, satchel_bytes sealed, satchel_bytes associated, satchel_buffer *out);
} satchel_op_seal;
SATCHEL_MUST_USE satchel_status satchel_store_open(satchel_store **out, struct sqlite3 *database,
                                                   const satchel_op_seal *seal, satchel_error *error);
void satchel_store_close(satchel_store *store);

/*
 * Who watches the space on the disk. `admit` is asked before new work is stored; what it gives is the commit's answer.
 * `relieve` is called when a commit found the disk full; true: there is more space now, so it is tried once more.
 */
typedef struct satchel_store_space {
    void *context;
    satchel_status (*admit)(void *context, satchel_error *error);
    bool (*relieve)(void *context);
} satchel_store_space;
void satchel_store_watch_space(satchel_store *store, const satchel_store_space *space);

const satchel_schema *satchel_store_schema(const satchel_store *store);

/*
 * Small named values: identity, settings. Value NULL data removes. Errors: NOT_FOUND (get), IO_ERROR, DISK_FULL,
 * NO_MEMORY, TOO_LONG (64 KiB).
 */
SATCHEL_MUST_USE satchel_status satchel_store_get_value(satchel_store *store, const char *name, satchel_arena *arena,
                                                        satchel_bytes *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_store_put_value(satchel_store *store, const char *name, satchel_bytes value,
                                                        satchel_error *error);

/*
 * Carries out calls of this store that are transactions of their own as one: all of them last, or none. `work` must
 * give back every failure. Errors: those of `work`, and of a commit.
 */
SATCHEL_MUST_USE satchel_status satchel_store_together(satchel_store *store,
                                                       satchel_status (*work)(void *context, satchel_error *error),
                                                       void *context, satchel_error *error);

/*
 * The user as the access module knows him, from the rows that are here. His id is the value SATCHEL_STORE_USER_NAME,
 * 16 bytes, which the device puts at enrolment. The policy is that of the rows of `role`, without any of them the one
 * that ships; `*out_certain` false: a role of his is not here, or a rule of it is not understood. A local write is
 * refused (FORBIDDEN) only if it is certain that no role of his could do it to any row. Errors: NOT_FOUND (nobody is
 * enrolled, or his row is not here yet; nothing is refused then).
 */
#define SATCHEL_STORE_USER_NAME "user"
SATCHEL_MUST_USE satchel_status satchel_store_user(satchel_store *store, satchel_arena *arena, satchel_access_user *out,
                                                   satchel_access_policy *out_policy, bool *out_certain,
                                                   satchel_error *error);

/* --- local writes: a draft is filled, then committed as one unit --- */

typedef struct satchel_draft satchel_draft;

SATCHEL_MUST_USE satchel_status satchel_draft_open(satchel_draft **out, satchel_store *store);
void satchel_draft_close(satchel_draft *draft);

/* As the functions of <satchel/write.h>, over records. Reads see what the draft holds already. */
SATCHEL_MUST_USE satchel_status satchel_draft_create(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                                     const satchel_record *record, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_draft_edit(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                                   const satchel_record *record, const uint32_t *cleared,
                                                   uint32_t cleared_count, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_draft_add(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                                  uint32_t field, int64_t delta, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_draft_delete(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                                     satchel_error *error);
/* The row as the user would see it with the draft applied. Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_draft_read(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                                   satchel_arena *arena, satchel_record *out, satchel_error *error);
/* A command (satchel_command_kind) about a row, with its arguments. Errors: as satchel_draft_edit. */
SATCHEL_MUST_USE satchel_status satchel_draft_command(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                                      uint32_t command, const satchel_record *set,
                                                      satchel_error *error);
/* Commits and leaves the draft empty. On failure nothing is stored and the draft is unchanged. */
SATCHEL_MUST_USE satchel_status satchel_draft_commit(satchel_draft *draft, const satchel_moment *moment,
                                                     satchel_receipt *out, satchel_error *error);
/* Fills the draft with the inverse of an op. Errors: NOT_FOUND, IMMUTABLE. */
SATCHEL_MUST_USE satchel_status satchel_draft_invert(satchel_draft *draft, uint64_t sequence, satchel_error *error);

/*
 * --- reads ---
 *
 * A record holds the row's fields but the id. Rows that are hidden (out of reach) are never given; deleted ones are
 * given by satchel_store_read, marked. A row that was made here and refused stays, marked SATCHEL_ROW_REFUSED, until
 * its unit is dismissed; one whose CREATE was parked goes.
 */

/* `out` is initialised on `arena`. Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_store_read(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                   satchel_arena *arena, satchel_record *out, uint32_t *out_flags,
                                                   uint64_t *out_base_n, satchel_error *error);

/*
 * Called for each row; the record lives until the return. A status other than OK ends the walk and is returned. It
 * must not call the store: the statement stands on its row.
 */
typedef satchel_status (*satchel_row_visitor)(void *context, const satchel_id *id, const satchel_record *record,
                                              uint32_t flags, uint64_t base_n);
/* A search first indexes some of what pages brought; what a long queue still holds is not found yet (see purge). */
SATCHEL_MUST_USE satchel_status satchel_store_query(satchel_store *store, const satchel_query *query,
                                                    satchel_bytes keyset, uint32_t limit, satchel_row_visitor visit,
                                                    void *context, satchel_buffer *out_next, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_store_count(satchel_store *store, const satchel_query *query, uint64_t *out,
                                                    satchel_error *error);

/* Live rows of `entity` whose `field` holds `id`, at most `limit`. */
SATCHEL_MUST_USE satchel_status satchel_store_referring(satchel_store *store, uint32_t entity, uint32_t field,
                                                        const satchel_id *id, uint32_t limit, satchel_row_visitor visit,
                                                        void *context, satchel_error *error);

/* --- sync --- */

SATCHEL_MUST_USE satchel_status satchel_store_sync_state(satchel_store *store, satchel_sync_state *out,
                                                         satchel_error *error);
/*
 * What commits move anyway: ops and requests so far. Each commit of a draft and each stored page makes it larger;
 * values, purges and what only a person marked do not. It never gets smaller.
 */
uint64_t satchel_store_moves(const satchel_store *store);
/* Own ops: every one up to `*out_settled` has a decision, the newest is `*out_last`. */
void satchel_store_marks(const satchel_store *store, uint64_t *out_settled, uint64_t *out_last);
SATCHEL_MUST_USE satchel_status satchel_store_save_sync_state(satchel_store *store, const satchel_sync_state *state,
                                                              satchel_error *error);

/*
 * Encoded units that have no decision, from the first behind `after_sequence`, up to `limit_bytes` but at least one.
 */
typedef struct satchel_unit_batch {
    satchel_bytes *units; /* in the arena */
    uint32_t count;
    uint64_t last_sequence;
    bool more;
} satchel_unit_batch;
SATCHEL_MUST_USE satchel_status satchel_store_load_units(satchel_store *store, uint64_t after_sequence,
                                                         uint32_t limit_bytes, satchel_arena *arena,
                                                         satchel_unit_batch *out, satchel_error *error);

/* Marks units up to a sequence as sent (for explain only; not durable on its own). */
SATCHEL_MUST_USE satchel_status satchel_store_mark_sent(satchel_store *store, uint64_t through_sequence,
                                                        satchel_error *error);

/*
 * Stores a checked answer payload and the sync state in one transaction: results settle ops, rows are rebased,
 * removals hide rows at once. `out_changed` gets a bit per entity number (256 bits) that changed. A row that this
 * version cannot read, or a part of a row that is not here, is set aside and explained (SATCHEL_REASON_UNREAD), and
 * does not hold up the rest. A row names scope set 0 (none) or a set that was defined before it, and again after the
 * set died. Errors: MALFORMED (nothing stored), DISK_FULL, IO_ERROR, NO_MEMORY.
 */
typedef struct satchel_store_outcome {
    uint64_t settled_through;
    uint8_t changed[32];
    uint32_t rows_stored;
    uint32_t rows_removed; /* one by one; rows of a lost scope are not counted */
    uint32_t rows_set_aside;
    bool digests_due; /* the next request is to ask about ranges: the server says that other rows should be here */
} satchel_store_outcome;
SATCHEL_MUST_USE satchel_status satchel_store_page(satchel_store *store, satchel_bytes payload,
                                                   const satchel_sync_state *state, satchel_store_outcome *out,
                                                   satchel_error *error);

/*
 * The same in slices, so that the store is not held long: each stores about `budget_rows` rows (≥ 1) in a transaction
 * of its own. The rest of a page is kept in the store, with the state that follows it; cursor, token and number move
 * with the last slice only. A kill between two slices leaves a page to go on with, before the next request.
 * `*out_left`: go on. The outcome is that of the slice. Until it is done no other page is taken (MISUSE).
 * Errors: as satchel_store_page; whatever is MALFORMED shows in the first slice, which then stores nothing.
 */
SATCHEL_MUST_USE satchel_status satchel_store_page_begin(satchel_store *store, satchel_bytes payload,
                                                         const satchel_sync_state *state, uint32_t budget_rows,
                                                         satchel_store_outcome *out, bool *out_left,
                                                         satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_store_page_go_on(satchel_store *store, uint32_t budget_rows,
                                                         satchel_store_outcome *out, bool *out_left,
                                                         satchel_error *error);
/*
 * From now on slices behind the first, and those of satchel_store_purge, share a transaction of about this many rows
 * (0, as after opening: each has its own), whose commit is a slice of its own. Whatever else begins a transaction of
 * the store settles it; who uses the connection past the store must settle it himself. What was not settled when the
 * process ends, or the store is closed, is stored again.
 */
void satchel_store_share(satchel_store *store, uint32_t rows);
/* Commits what slices left open. After a failure it is undone, and done again by the slices that follow. */
SATCHEL_MUST_USE satchel_status satchel_store_settle(satchel_store *store, satchel_error *error);
/* A page that cannot be gone on with (MALFORMED) goes, and with it the cursor: everything comes again. */
SATCHEL_MUST_USE satchel_status satchel_store_page_abandon(satchel_store *store, satchel_error *error);
bool satchel_store_page_left(const satchel_store *store);

/*
 * Digests (wire/digest.h). What the next request asks: `ranges` with the sums of the rows that are here (in `arena`),
 * if the server's digest differs, counting anew did not help and asking has not failed too often; `wanted`: the digest
 * is to be told even if nothing moves. Goes through all rows if it differs, else costs nothing. Errors: of the store.
 */
typedef struct satchel_digest_question {
    satchel_bytes ranges;
    bool wanted;
} satchel_digest_question;
SATCHEL_MUST_USE satchel_status satchel_store_ask_digests(satchel_store *store, satchel_arena *arena,
                                                          satchel_digest_question *out, satchel_error *error);
/* Would it ask about ranges? */
bool satchel_store_digests_due(const satchel_store *store);
/* Has the background work (satchel_store_purge) count the sums anew from the rows; it does so by itself once a week. */
void satchel_store_count_digests(satchel_store *store);
/* Differences that were made good; none of them should ever have been. */
uint64_t satchel_store_repairs(const satchel_store *store);

/*
 * The background work, one small transaction: purges hidden rows and indexes what pages brought, together at most
 * about `budget_rows` (≥ 1; 200 take some 10 ms). `*out_left` tells whether there is more. To be called after pages
 * until nothing is left; without work it costs nothing. Errors: those of the store.
 */
SATCHEL_MUST_USE satchel_status satchel_store_purge(satchel_store *store, uint32_t budget_rows, bool *out_left,
                                                    satchel_error *error);

/*
 * Erasures that were carried out here and that the server was not told of, 16 bytes each in `arena`; and: it was told.
 * It tells again what it did not hear of.
 */
SATCHEL_MUST_USE satchel_status satchel_store_erased(satchel_store *store, satchel_arena *arena, satchel_bytes *out,
                                                     satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_store_erased_told(satchel_store *store, satchel_error *error);

/*
 * Adds the entities of rows that background work stored (what an earlier version could not read), a bit each as in the
 * outcome of a page, and forgets them. May name rows of a slice that was rolled back.
 */
void satchel_store_take_changed(satchel_store *store, uint8_t out[32]);

/* --- explanations and counts --- */

/* Reasons of one row (entity ≠ 0) or of one kind (kind ≠ 0), newest first; everything lives in `arena`. */
SATCHEL_MUST_USE satchel_status satchel_store_reasons(satchel_store *store, uint32_t entity, const satchel_id *row,
                                                      satchel_reason_kind kind, uint32_t limit, satchel_arena *arena,
                                                      satchel_reason **out, uint32_t *out_count, satchel_error *error);
/* The newest commands that are not dismissed; everything lives in `arena`. */
SATCHEL_MUST_USE satchel_status satchel_store_commands(satchel_store *store, uint32_t limit, satchel_arena *arena,
                                                       satchel_command_info **out, uint32_t *out_count,
                                                       satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_store_dismiss(satchel_store *store, uint64_t unit, satchel_error *error);

/* The newest `limit` ops as far as support may know them: no row, no content, no rule. A status but OK ends the walk.
 */
typedef struct satchel_state_view {
    uint64_t sequence;
    uint64_t unit;
    uint32_t entity;
    uint32_t state; /* as in satchel/repair.h */
    satchel_status status;
    uint64_t held_by;
} satchel_state_view;
typedef satchel_status (*satchel_state_visitor)(void *context, const satchel_state_view *op);
SATCHEL_MUST_USE satchel_status satchel_store_walk_states(satchel_store *store, uint32_t limit,
                                                          satchel_state_visitor visit, void *context,
                                                          satchel_error *error);

/* Units that wait to be sent; costs no look at the tables. */
SATCHEL_MUST_USE satchel_status satchel_store_count_unsent(satchel_store *store, uint64_t *out, satchel_error *error);

/* Fills the counting members of the info. The first time after opening it goes through all tables. */
SATCHEL_MUST_USE satchel_status satchel_store_count_info(satchel_store *store, satchel_device_info *out,
                                                         satchel_error *error);

#endif
