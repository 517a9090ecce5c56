/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables: made when the store is new, brought up to the model of this version when it is older. The store's own
 * tables begin with `store_`, the entities' are named as the entity. Layout and reasons: core/doc/store.md.
 */
#include "store/store_state.h"

#include "base/text.h"
#include "query/ddl.h"

#include <inttypes.h>
#include <stdlib.h>

#define APPLICATION_ID 1396786243 /* "SATC" */
#define FINGERPRINT_NAME ".tables"
#define FINGERPRINT_BYTES 8

static const char OWN_TABLES[] =
    "CREATE TABLE store_value (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE store_op (sequence INTEGER PRIMARY KEY, unit INTEGER NOT NULL, entity INTEGER NOT NULL,"
    " row BLOB NOT NULL, state INTEGER NOT NULL, previous INTEGER, body BLOB NOT NULL, head BLOB, receipt BLOB,"
    " result BLOB, undone INTEGER);"
    "CREATE INDEX store_op_troubled ON store_op (entity, row) WHERE state > 4;"
    "CREATE INDEX store_op_undone ON store_op (undone) WHERE undone IS NOT NULL;"
    "CREATE TABLE store_loss (number INTEGER PRIMARY KEY, entity INTEGER NOT NULL, row BLOB NOT NULL,"
    " sequence INTEGER NOT NULL, conflict BLOB NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX store_loss_by_row ON store_loss (entity, row);"
    "CREATE TABLE store_scope_set (local INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, scopes BLOB NOT NULL);"
    "CREATE TABLE store_dead_set (local INTEGER PRIMARY KEY, entity INTEGER NOT NULL, position INTEGER NOT NULL);"
    "CREATE TABLE store_hidden (entity INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (entity, position))"
    " WITHOUT ROWID;"
    "CREATE TABLE store_orphan (entity INTEGER NOT NULL, row BLOB NOT NULL, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, PRIMARY KEY (entity, row)) WITHOUT ROWID;"
    "CREATE TABLE store_aside (entity INTEGER NOT NULL, row BLOB NOT NULL, n INTEGER NOT NULL,"
    " local INTEGER NOT NULL, status INTEGER NOT NULL, frame BLOB NOT NULL, PRIMARY KEY (entity, row)) WITHOUT ROWID;"
    "CREATE TABLE store_unindexed (target INTEGER PRIMARY KEY);"
    "CREATE VIRTUAL TABLE store_search USING fts5(words, content='', detail='none', columnsize=0, tokenize='ascii');";

/* Bookkeeping columns of every entity's table; the base is the model's own field `revision`. */
#define EXTRA_COLUMNS ", scope_set INTEGER, overlay BLOB"

static satchel_status text_of(satchel_store *store, const satchel_buffer *from, const char **out) {
    *out = satchel_arena_text(&store->arena, satchel_text_from(satchel_buffer_view(from)));
    return *out != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status fill_table(satchel_store *store, const satchel_entity *entity, satchel_table *out) {
    satchel_buffer columns = {NULL, 0, 0};
    *out = (satchel_table){.entity = entity};
    satchel_status status = satchel_ddl_columns(&store->schema, entity->number, satchel_text_of(""), &columns);
    if (status == SATCHEL_OK) {
        status = text_of(store, &columns, &out->columns);
    }
    satchel_buffer_deinit(&columns);
    return status;
}

static satchel_status list_tables(satchel_store *store) {
    const satchel_model *model = store->schema.model;
    store->tables = satchel_arena_take_array(&store->arena, model->entity_count, sizeof *store->tables);
    if (store->tables == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < model->entity_count; i++) {
        const satchel_entity *entity = &model->entities[i];
        if ((entity->flags & SATCHEL_ENTITY_SERVER_ONLY) != 0 || entity->number > 255) {
            continue;
        }
        satchel_status status = fill_table(store, entity, &store->tables[store->table_count]);
        if (status != SATCHEL_OK) {
            return status;
        }
        store->table_of[entity->number] = (uint8_t)++store->table_count;
    }
    return SATCHEL_OK;
}

satchel_table *satchel_table_of(satchel_store *store, uint32_t entity) {
    uint32_t place = entity < 256 ? store->table_of[entity] : 0;
    return place == 0 ? NULL : &store->tables[place - 1];
}

satchel_status satchel_table_need(satchel_store *store, uint32_t entity, satchel_table **out, satchel_error *error) {
    *out = satchel_table_of(store, entity);
    return *out != NULL ? SATCHEL_OK
                        : satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "no table of entity %" PRIu32, entity);
}

static satchel_status table_exists(satchel_store *store, const char *name, bool *out, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", &statement, error);
    if (status == SATCHEL_OK) {
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
        status = satchel_statement_step(store, statement, out, error);
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status column_exists(satchel_store *store, const char *table, const char *column, bool *out,
                                    satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", &statement, error);
    if (status == SATCHEL_OK) {
        sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC);
        status = satchel_statement_step(store, statement, out, error);
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status execute_buffer(satchel_store *store, satchel_buffer *sql, satchel_error *error) {
    satchel_status status = satchel_buffer_append_byte(sql, 0);
    return status == SATCHEL_OK ? satchel_store_execute(store, (const char *)sql->data, error) : status;
}

static const char *affinity_of(uint8_t type) {
    switch ((satchel_type)type) {
    case SATCHEL_TYPE_BOOL:
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: return "INTEGER";
    case SATCHEL_TYPE_REAL: return "REAL";
    case SATCHEL_TYPE_TEXT: return "TEXT";
    case SATCHEL_TYPE_BYTES:
    case SATCHEL_TYPE_ID:
    case SATCHEL_TYPE_SET:
    case SATCHEL_TYPE_NULL: break;
    }
    return "BLOB";
}

/* The columns of fields that the model did not have when the table was made. */
static satchel_status add_columns(satchel_store *store, const satchel_entity *entity, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < entity->field_count && status == SATCHEL_OK; i++) {
        const satchel_field *field = &entity->fields[i];
        satchel_buffer sql = {NULL, 0, 0};
        bool exists = false;
        if (field->number == SATCHEL_FIELD_ID) {
            continue;
        }
        status = column_exists(store, entity->name, field->name, &exists, error);
        if (status == SATCHEL_OK && !exists) {
            status = satchel_buffer_append_format(&sql, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s", entity->name,
                                                  field->name, affinity_of(field->type));
            if (status == SATCHEL_OK) {
                status = execute_buffer(store, &sql, error);
            }
        }
        satchel_buffer_deinit(&sql);
    }
    return status;
}

static satchel_status bring_up_table(satchel_store *store, const satchel_entity *entity, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    bool exists = false;
    satchel_status status = table_exists(store, entity->name, &exists, error);
    if (status == SATCHEL_OK && exists) {
        status = add_columns(store, entity, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_ddl_table(&store->schema, entity->number, SATCHEL_DIALECT_SQLITE,
                                   satchel_text_of(EXTRA_COLUMNS), &sql);
    }
    if (status == SATCHEL_OK) {
        status = satchel_ddl_indexes(&store->schema, entity->number, SATCHEL_DIALECT_SQLITE, &sql);
    }
    if (status == SATCHEL_OK && sql.bytes > 0) {
        status = execute_buffer(store, &sql, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

/* FNV-1a over what bring_up_table would run on an empty database. */
static satchel_status fingerprint(satchel_store *store, uint8_t out[FINGERPRINT_BYTES]) {
    satchel_buffer sql = {NULL, 0, 0};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        uint32_t entity = store->tables[i].entity->number;
        status =
            satchel_ddl_table(&store->schema, entity, SATCHEL_DIALECT_SQLITE, satchel_text_of(EXTRA_COLUMNS), &sql);
        if (status == SATCHEL_OK) {
            status = satchel_ddl_indexes(&store->schema, entity, SATCHEL_DIALECT_SQLITE, &sql);
        }
    }
    for (size_t i = 0; i < sql.bytes; i++) {
        hash = (hash ^ sql.data[i]) * UINT64_C(0x100000001b3);
    }
    satchel_put_u64be(out, hash);
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status is_up_to_date(satchel_store *store, const uint8_t wanted[FINGERPRINT_BYTES], bool *out,
                                    satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes found = {NULL, 0};
    satchel_status status = satchel_store_get_value(store, FINGERPRINT_NAME, &arena, &found, error);
    *out = status == SATCHEL_OK && satchel_bytes_equal(found, satchel_bytes_of(wanted, FINGERPRINT_BYTES));
    satchel_arena_deinit(&arena);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        return SATCHEL_OK;
    }
    return status;
}

static satchel_status bring_up(satchel_store *store, bool is_new, const uint8_t wanted[FINGERPRINT_BYTES],
                               satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    if (is_new) {
        satchel_buffer sql = {NULL, 0, 0};
        status = satchel_buffer_append_format(&sql, "%s PRAGMA user_version = %d; PRAGMA application_id = %d",
                                              OWN_TABLES, SATCHEL_STORE_FORMAT, APPLICATION_ID);
        if (status == SATCHEL_OK) {
            status = execute_buffer(store, &sql, error);
        }
        satchel_buffer_deinit(&sql);
    }
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        status = bring_up_table(store, store->tables[i].entity, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, FINGERPRINT_NAME, satchel_bytes_of(wanted, FINGERPRINT_BYTES), error);
    }
    return status;
}

satchel_status satchel_tables_open(satchel_store *store, bool *out_migrated, satchel_error *error) {
    uint8_t wanted[FINGERPRINT_BYTES];
    int64_t format = 0;
    bool current = false;
    *out_migrated = false;
    satchel_status status = list_tables(store);
    if (status == SATCHEL_OK) {
        status = fingerprint(store, wanted);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, "PRAGMA user_version", 0, &format, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (format > SATCHEL_STORE_FORMAT || format < 0) {
        return satchel_fail(error, SATCHEL_NEWER_FORMAT, "the store has format %" PRId64 ", this version knows %d",
                            format, SATCHEL_STORE_FORMAT);
    }
    if (format != 0) {
        status = is_up_to_date(store, wanted, &current, error);
    }
    if (status != SATCHEL_OK || current) {
        return status;
    }
    int code = sqlite3_exec(store->database, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        return satchel_store_fail(store, code, error);
    }
    store->in_transaction = true;
    status = bring_up(store, format == 0, wanted, error);
    code = sqlite3_exec(store->database, status == SATCHEL_OK ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    store->in_transaction = false;
    if (status == SATCHEL_OK && code != SQLITE_OK) {
        status = satchel_store_fail(store, code, error);
        sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    }
    *out_migrated = status == SATCHEL_OK && format != 0;
    return status;
}
