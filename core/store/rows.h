/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the store: reading, writing, what own ops lie on them, and the search index that follows them.
 */
#ifndef SATCHEL_STORE_ROWS_H
#define SATCHEL_STORE_ROWS_H

#include "store/store_state.h"

/* --- rows.c --- */

/* What is kept of a row that own ops lie on. */
typedef enum satchel_overlay_kind {
    SATCHEL_OVERLAY_NONE = 0,  /* the table holds the server's row */
    SATCHEL_OVERLAY_OWN = 1,   /* the server does not have the row, as far as this phone knows */
    SATCHEL_OVERLAY_SERVER = 2 /* `server` is the server's row */
} satchel_overlay_kind;

typedef struct satchel_overlay {
    satchel_overlay_kind kind;
    uint64_t first; /* sequences of the first and last op that lie on the row */
    uint64_t last;
} satchel_overlay;

typedef struct satchel_stored_row {
    satchel_table *table;
    satchel_id id;
    int64_t rowid;
    bool found;
    int64_t scope_set;
    satchel_overlay overlay;
    bool lifted;            /* `visible` has fields that the table still holds in the tail: an update writes all */
    satchel_record visible; /* as the user sees it */
    satchel_record server;  /* overlay SERVER: what the server has */
} satchel_stored_row;

/* `out->found` tells whether it is there, hidden rows too. Records live in `arena`. */
SATCHEL_MUST_USE satchel_status satchel_row_load(satchel_store *store, satchel_table *table, const satchel_id *id,
                                                 satchel_arena *arena, satchel_stored_row *out, satchel_error *error);
/* Fields of the tail that are known by now move into the record. */
SATCHEL_MUST_USE satchel_status satchel_record_lift(satchel_store *store, uint32_t entity, satchel_record *record,
                                                    bool *out_moved);
/* Columns of a table's `columns` from index `first` into a record on `arena`. Errors: DAMAGED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_row_read(satchel_store *store, const satchel_table *table,
                                                 sqlite3_stmt *statement, int first, satchel_arena *arena,
                                                 satchel_record *out, satchel_error *error);
/* `*out_inserted` false: a row with the id is there, nothing happened. Sets `row->rowid`. */
SATCHEL_MUST_USE satchel_status satchel_row_insert(satchel_store *store, satchel_stored_row *row, satchel_arena *arena,
                                                   bool *out_inserted, satchel_error *error);
/* Writes what differs between `before` and row->visible, and scope set and overlay. */
SATCHEL_MUST_USE satchel_status satchel_row_update(satchel_store *store, const satchel_record *before,
                                                   const satchel_stored_row *row, satchel_arena *arena,
                                                   satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_row_delete(satchel_store *store, const satchel_stored_row *row,
                                                   satchel_arena *arena, satchel_error *error);
bool satchel_row_is_hidden(satchel_store *store, int64_t scope_set);
bool satchel_record_is_deleted(const satchel_record *record);
uint64_t satchel_record_base(const satchel_record *record);
/* Bits SATCHEL_ROW_…. */
SATCHEL_MUST_USE satchel_status satchel_row_flags(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                  const satchel_record *visible, satchel_overlay overlay,
                                                  uint32_t *out_flags, satchel_error *error);
/* Only the head of an overlay column. Errors: DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_overlay_read(satchel_bytes column, satchel_overlay *out,
                                                     satchel_bytes *out_record);

/* --- overlay.c --- */

/*
 * Makes the row what it has to be: `server` (NULL: the server's row did not change) below, the ops of its overlay
 * behind `through` on top; `more` ops that are not logged yet follow. Writes the row, or removes it if nothing is
 * left of it.
 */
typedef struct satchel_rebase {
    const satchel_record *server; /* NULL: what the row says */
    int64_t scope_set;
    uint64_t through;
    const satchel_op *more;
    uint32_t more_count;
    const satchel_record *visible; /* what `more` make of a row that no op lay on, if that is known; else NULL */
    bool index_later;              /* the search index may wait: one of many rows */
} satchel_rebase;
SATCHEL_MUST_USE satchel_status satchel_row_rebase(satchel_store *store, satchel_stored_row *row,
                                                   const satchel_rebase *how, satchel_arena *arena,
                                                   satchel_error *error);
/* The visible record alone. `*out_shown` false: there is nothing to show. */
SATCHEL_MUST_USE satchel_status satchel_overlay_show(satchel_store *store, const satchel_record *server,
                                                     const satchel_op *ops, uint32_t op_count, satchel_record *out,
                                                     bool *out_shown, satchel_error *error);
/* Loads the row and rebases it behind `through`. A row that is not there is fine. */
SATCHEL_MUST_USE satchel_status satchel_overlay_refresh(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                        uint64_t through, satchel_error *error);
/* Ops of rows that left: remembered so that they lie on the row again if it comes back. */
SATCHEL_MUST_USE satchel_status satchel_orphan_put(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                   satchel_overlay overlay, satchel_error *error);
/* The newest of them, 0 if there is none: the next op on the row follows it. */
SATCHEL_MUST_USE satchel_status satchel_orphan_last(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                    uint64_t *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_orphan_take(satchel_store *store, uint32_t entity, const satchel_id *id,
                                                    satchel_overlay *out, satchel_error *error);

/* --- search_words.c --- */

bool satchel_field_is_searched(const satchel_field *field);
/* All tokens of a record, in the order of its fields, with a space between two. */
SATCHEL_MUST_USE satchel_status satchel_search_tokens(const satchel_schema *schema, const satchel_table *table,
                                                      const satchel_record *record, satchel_buffer *out);
/* The MATCH expression for the words of a query, in `arena`. `*out_none`: there is no word in them, nothing fits. */
SATCHEL_MUST_USE satchel_status satchel_search_match(satchel_text words, satchel_arena *arena, satchel_text *out,
                                                     bool *out_none);

/* --- search.c --- */

/*
 * The row is new, changes from `before` to `after`, or goes; a NULL record is none. `at_once`: not through the queue.
 */
SATCHEL_MUST_USE satchel_status satchel_search_update(satchel_store *store, const satchel_table *table, int64_t rowid,
                                                      const satchel_record *before, const satchel_record *after,
                                                      bool at_once, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_search_enqueue(satchel_store *store, const satchel_table *table, int64_t rowid,
                                                       satchel_error *error);
/* Indexes up to `budget_rows` of the queue, in the running transaction. */
SATCHEL_MUST_USE satchel_status satchel_search_drain(satchel_store *store, uint32_t budget_rows, bool *out_left,
                                                     satchel_error *error);
/*
 * Looks for rows of the table. `*out_many`: so many that a page of `limit` by id is had quicker by going through the
 * table and asking SATCHEL_FOUND_FUNCTION(rowid) of each row: found.c.
 */
#define SATCHEL_FOUND_FUNCTION "satchel_found"
SATCHEL_MUST_USE satchel_status satchel_found_look(satchel_store *store, const satchel_table *table, satchel_text match,
                                                   uint32_t limit, bool *out_many, satchel_error *error);
/* With the store. */
SATCHEL_MUST_USE satchel_status satchel_found_open(satchel_store *store, satchel_error *error);
void satchel_found_close(satchel_store *store);
/* Where a row stands in the index; rowid 0 is before, INT64_MAX behind all rows of the table. */
int64_t satchel_search_target(const satchel_table *table, int64_t rowid);
/* Empties the index, which satchel_search_walk then fills: after the searchable fields changed. */
SATCHEL_MUST_USE satchel_status satchel_search_rebuild(satchel_store *store, satchel_error *error);
/* Goes on filling it, at most `*budget_rows` rows, in the running transaction. */
SATCHEL_MUST_USE satchel_status satchel_search_walk(satchel_store *store, uint32_t *budget_rows, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_search_reload(satchel_store *store, satchel_error *error);
/* Has the index been made, or begun, for what is searched now? */
SATCHEL_MUST_USE satchel_status satchel_search_fits(satchel_store *store, bool *out, bool *out_unknown,
                                                    satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_search_note(satchel_store *store, satchel_error *error);
bool satchel_entity_is_searchable(const satchel_schema *schema, const satchel_entity *entity);

#endif
