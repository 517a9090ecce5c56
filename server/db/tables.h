/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's tables: one for each entity, made from the schema table, and those of its own books, explained in
 * core/doc/server-store.md. Holds the SQL texts that read and write whole rows, so that they are built once.
 */
#ifndef SATCHEL_SERVER_DB_TABLES_H
#define SATCHEL_SERVER_DB_TABLES_H

#include "db/db.h"

/* Stored in meta; counts up with every change of the tables. An older database is brought up when it is opened. */
#define SATCHEL_TABLES_FORMAT 3

/* Texts of one entity, zero-terminated; NULL name: the number is not used. */
typedef struct satchel_table {
    const satchel_entity *entity;
    const char *name;    /* quoted */
    const char *columns; /* what satchel_stored_row_read expects */
    const char *select_by_id;
    const char *select_by_root; /* rows of a child entity by the id of their root, NULL for a root */
    const char *select_facts;   /* owner, anchor, root, deleted by id; NULL where the entity has no such field */
    const char *insert;
} satchel_table;

#define SATCHEL_TABLE_COUNT 256

typedef struct satchel_tables {
    const satchel_schema *schema;
    satchel_dialect dialect;
    satchel_arena arena;
    satchel_table items[SATCHEL_TABLE_COUNT]; /* by entity number */
} satchel_tables;

/* Builds the texts. `schema` is borrowed. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_db_tables_open(satchel_tables **out, const satchel_schema *schema,
                                                       satchel_dialect dialect);
void satchel_db_tables_close(satchel_tables *tables);

/* NULL if there is no such entity. */
const satchel_table *satchel_db_tables_get(const satchel_tables *tables, uint32_t entity);

/*
 * Makes what is absent, inside a write transaction, and brings an older format up.
 * Errors: NEWER_FORMAT (made by a later version), and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_db_tables_create(const satchel_tables *tables, satchel_db *db,
                                                         satchel_error *error);

/* Appends the texts that make the table of an entity and its indexes. */
SATCHEL_MUST_USE satchel_status satchel_db_tables_put_entity(const satchel_tables *tables, const satchel_entity *entity,
                                                             satchel_buffer *out);

#endif
