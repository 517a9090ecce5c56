/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entity rows as the server stores them: values, versions for merging, a revision per sensitivity class, who and when.
 */
#ifndef SATCHEL_SERVER_DB_ROWS_H
#define SATCHEL_SERVER_DB_ROWS_H

#include "db/tables.h"
#include "merge/merge.h"

typedef struct satchel_stored_row {
    uint32_t entity;
    satchel_id id;
    int64_t rowid;                                 /* 0: not in the table */
    bool was_deleted;                              /* as it is stored */
    satchel_merge_row merged;                      /* values without the common fields (901 …), which follow */
    uint64_t revisions[SATCHEL_SENSITIVITY_COUNT]; /* newest n per class; a deletion counts as OPEN */
    uint64_t revision;                             /* newest n of all */
    int64_t created_at;
    satchel_id created_by;
    satchel_id created_device;
    int64_t updated_at;
    satchel_id updated_by;
} satchel_stored_row;

/* An absent row of `entity`, everything in `arena`. */
void satchel_stored_row_init(satchel_stored_row *row, uint32_t entity, const satchel_id *id, satchel_arena *arena);

/* Loads by id; if there is none `out` is as after init (merged.exists false). Errors: UNKNOWN_ENTITY, those of the
 * database. */
SATCHEL_MUST_USE satchel_status satchel_stored_row_load(const satchel_tables *tables, satchel_db *db, uint32_t entity,
                                                        const satchel_id *id, satchel_arena *arena,
                                                        satchel_stored_row *out, satchel_error *error);

/* The present row of a statement that selects `columns` of the entity's table. Errors: NO_MEMORY, DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_stored_row_read(const satchel_tables *tables,
                                                        const satchel_db_statement *statement, uint32_t entity,
                                                        satchel_arena *arena, satchel_stored_row *out,
                                                        satchel_error *error);

/*
 * Recomputes the revisions from the versions and writes the row: whole if it is new, else only the columns of the
 * `changed` fields (ascending; custom numbers and 900 stand for the custom blob) with tail and the server's own.
 */
SATCHEL_MUST_USE satchel_status satchel_stored_row_save(const satchel_tables *tables, satchel_db *db,
                                                        satchel_stored_row *row, const uint32_t *changed,
                                                        uint32_t changed_count, satchel_error *error);

/* The common fields as record fields, put into `out`; none of them says more than the classes in `classes` (bits) show.
 */
typedef struct satchel_row_stamp {
    uint64_t n;
    int64_t updated_at;
    uint64_t updated_writer; /* incarnation number of the newest visible write */
} satchel_row_stamp;
/* Newest n of the row within the classes; its stamp and writer. All zero if nothing of it is visible. */
satchel_row_stamp satchel_stored_row_stamp(const satchel_schema *schema, const satchel_stored_row *row,
                                           uint32_t classes);

#endif
