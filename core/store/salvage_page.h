/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a b-tree page, read without the tree: SQLite's file format (sqlite.org/fileformat2.html, 1.6 and 2.1).
 */
#ifndef SATCHEL_STORE_SALVAGE_PAGE_H
#define SATCHEL_STORE_SALVAGE_PAGE_H

#include "base/bytes.h"
#include "vault/salvage.h"

#define SATCHEL_SALVAGE_COLUMNS_MOST 24

typedef enum satchel_salvage_type {
    SATCHEL_SALVAGE_NULL,
    SATCHEL_SALVAGE_INTEGER,
    SATCHEL_SALVAGE_REAL, /* no value is given */
    SATCHEL_SALVAGE_TEXT,
    SATCHEL_SALVAGE_BLOB
} satchel_salvage_type;

typedef struct satchel_salvage_column {
    satchel_salvage_type type;
    int64_t integer;
    satchel_bytes bytes; /* TEXT and BLOB */
} satchel_salvage_column;

typedef struct satchel_salvage_row {
    bool has_rowid; /* of a table; else of an index or a table WITHOUT ROWID */
    int64_t rowid;
    const satchel_salvage_column *columns;
    uint32_t column_count; /* those above SATCHEL_SALVAGE_COLUMNS_MOST are left out */
} satchel_salvage_row;

/* The row lives until the return. A status other than OK ends the walk and is returned. */
typedef satchel_status (*satchel_salvage_row_visitor)(void *context, const satchel_salvage_row *row);

/*
 * Visits the rows of the page that are whole, those with overflow pages too; a page that is none of a b-tree has no
 * rows. `room` is scratch. Errors: IO_ERROR, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_salvage_rows(satchel_salvage *pages, const satchel_salvage_page *page,
                                                     satchel_buffer *room, satchel_salvage_row_visitor visit,
                                                     void *context);

#endif
