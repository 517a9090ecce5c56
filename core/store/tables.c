/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the entities: what they have to be by the model, and what is missing of that. The store's own tables
 * begin with `store_` (migrate.c), the entities' are named as the entity. Layout and reasons: core/doc/store.md.
 */
#include "store/tables.h"

#include "base/text.h"
#include "query/ddl.h"

#include <inttypes.h>
#include <stdlib.h>

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

satchel_status satchel_tables_list(satchel_store *store) {
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

static satchel_status object_exists(satchel_store *store, const char *type, satchel_text name, bool *out,
                                    satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status =
        satchel_statement_of(store, "SELECT 1 FROM sqlite_master WHERE type = ? AND name = ?", &statement, error);
    if (status == SATCHEL_OK) {
        sqlite3_bind_text(statement, 1, type, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, name.data, (int)name.bytes, SQLITE_STATIC);
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

/* The columns of fields that the model did not have when the table was made: in SQLite a change of the schema alone. */
static satchel_status write_columns(satchel_store *store, const satchel_entity *entity, satchel_buffer *sql,
                                    satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < entity->field_count && status == SATCHEL_OK; i++) {
        const satchel_field *field = &entity->fields[i];
        bool exists = true;
        if (field->number != SATCHEL_FIELD_ID) {
            status = column_exists(store, entity->name, field->name, &exists, error);
        }
        if (status == SATCHEL_OK && !exists) {
            status = satchel_buffer_append_format(sql, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s;", entity->name,
                                                  field->name, affinity_of(field->type));
        }
    }
    return status;
}

satchel_status satchel_table_missing(satchel_store *store, const satchel_table *table, satchel_buffer *out_sql,
                                     satchel_error *error) {
    const satchel_entity *entity = table->entity;
    bool exists = false;
    satchel_status status = object_exists(store, "table", satchel_text_of(entity->name), &exists, error);
    if (status == SATCHEL_OK && exists) {
        status = write_columns(store, entity, out_sql, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_ddl_table(&store->schema, entity->number, SATCHEL_DIALECT_SQLITE,
                                   satchel_text_of(EXTRA_COLUMNS), out_sql);
        if (status == SATCHEL_OK) {
            status = satchel_ddl_indexes(&store->schema, entity->number, SATCHEL_DIALECT_SQLITE, out_sql);
        }
    }
    return status == SATCHEL_OK && out_sql->bytes > 0 ? satchel_buffer_append_byte(out_sql, 0) : status;
}

/* The statement that begins at `*at`, and the name of its index, which stands in the first quotes. */
static bool next_statement(satchel_text all, size_t *at, satchel_text *out, satchel_text *out_name) {
    size_t begin = *at;
    size_t quotes[2] = {0, 0};
    size_t found = 0;
    while (*at < all.bytes && all.data[*at] != '\n') {
        if (all.data[*at] == '"' && found < 2) {
            quotes[found++] = *at;
        }
        (*at)++;
    }
    *out = (satchel_text){all.data + begin, *at - begin};
    *out_name = (satchel_text){all.data + quotes[0] + 1, found == 2 ? quotes[1] - quotes[0] - 1 : 0};
    *at += *at < all.bytes ? 1 : 0;
    return found == 2;
}

satchel_status satchel_index_missing(satchel_store *store, const satchel_table *table, satchel_buffer *out_sql,
                                     satchel_error *error) {
    satchel_buffer wanted = {NULL, 0, 0};
    satchel_text statement;
    satchel_text name;
    bool exists = true;
    size_t at = 0;
    satchel_status status = satchel_ddl_indexes(&store->schema, table->entity->number, SATCHEL_DIALECT_SQLITE, &wanted);
    satchel_text all = satchel_text_from(satchel_buffer_view(&wanted));
    while (status == SATCHEL_OK && exists && next_statement(all, &at, &statement, &name)) {
        status = object_exists(store, "index", name, &exists, error);
        if (status == SATCHEL_OK && !exists) {
            status = satchel_buffer_append(out_sql, satchel_text_bytes(statement));
        }
    }
    if (status == SATCHEL_OK && out_sql->bytes > 0) {
        status = satchel_buffer_append_byte(out_sql, 0);
    }
    satchel_buffer_deinit(&wanted);
    return status;
}

/* FNV-1a over what a new store would run. */
satchel_status satchel_tables_fingerprint(satchel_store *store, uint64_t *out) {
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
    *out = hash;
    satchel_buffer_deinit(&sql);
    return status;
}
