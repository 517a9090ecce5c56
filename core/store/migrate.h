/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a store up to a release: its own tables (formats) and those of the entities (the model).
 *
 * What must be there before the store is used is done while it is opened: one transaction a table or format, each
 * found out anew, so that whatever ended the process, the next opening goes on. What takes longer with more rows is
 * left to satchel_store_purge, a bounded slice a call, its position stored with its work; until then rows are read as
 * if it were done. A store of a newer release is refused before anything is written. Logged ops are never touched.
 */
#ifndef SATCHEL_STORE_MIGRATE_H
#define SATCHEL_STORE_MIGRATE_H

#include "store/store_state.h"

/* What makes a store of one format out of one of the format before. Either may be NULL. */
typedef struct satchel_format_step {
    /* Before use, in a transaction with the new format's number: takes no longer with more rows. */
    satchel_status (*at_open)(satchel_store *store, satchel_error *error);
    /*
     * Behind that, in the background: at most `budget_rows` rows from `*position` on (0 at first), which it moves.
     * The store works before and after every slice.
     */
    satchel_status (*slice)(satchel_store *store, uint32_t budget_rows, int64_t *position, bool *out_done,
                            satchel_error *error);
} satchel_format_step;

#define SATCHEL_FORMAT_STEPS_MAX 255 /* one byte of the user version */

typedef struct satchel_store_release {
    const satchel_model *model;
    const satchel_format_step *steps; /* steps[i] makes format i + 1 */
    uint32_t step_count;              /* the format */
} satchel_store_release;

/* This version's. */
satchel_store_release satchel_store_release_current(void);

/* As satchel_store_open, for any release. Its model must outlive the store. Errors: INVALID_ARGUMENT (the release). */
SATCHEL_MUST_USE satchel_status satchel_store_open_release(satchel_store **out, struct sqlite3 *database,
                                                           const satchel_op_seal *seal,
                                                           const satchel_store_release *release, satchel_error *error);

/* How far an upgrade has come; the store can be used meanwhile. */
typedef struct satchel_store_progress {
    bool running;
    uint32_t permille; /* of the rows that are to be gone through; 1000 when it is not running */
} satchel_store_progress;
SATCHEL_MUST_USE satchel_status satchel_store_upgrade_progress(satchel_store *store, satchel_store_progress *out,
                                                               satchel_error *error);

/* --- inside --- */

/* The part before use; store->schema has the model already. Errors: NEWER_FORMAT (nothing is written), of the store. */
SATCHEL_MUST_USE satchel_status satchel_migrate_open(satchel_store *store, satchel_error *error);
/* Compares what is searched with what the index was made for, and has the index made anew if it differs. */
SATCHEL_MUST_USE satchel_status satchel_migrate_search(satchel_store *store, satchel_error *error);
/* In the running transaction: the custom fields changed, so rows' tails are to be looked through again. */
SATCHEL_MUST_USE satchel_status satchel_migrate_custom(satchel_store *store, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_migrate_reload(satchel_store *store, satchel_error *error);
bool satchel_migrate_is_due(const satchel_store *store);
/* A slice of the background part in the running transaction; `*budget_rows` is lessened by what was done. */
SATCHEL_MUST_USE satchel_status satchel_migrate_slice(satchel_store *store, uint32_t *budget_rows,
                                                      satchel_error *error);
/* satchel_store_end of a transaction with a slice: also the custom fields are as they were. */
SATCHEL_MUST_USE satchel_status satchel_migrate_end(satchel_store *store, satchel_status status, satchel_error *error);
/* Before a query: a slice in a transaction of its own, and of the search queue, so that a small store is done at once.
 */
SATCHEL_MUST_USE satchel_status satchel_migrate_catch_up(satchel_store *store, bool searches, satchel_error *error);

#endif
