/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is there is found out by looking, so it does not matter how far back the database is. A database of before the
 * version was written down is one of version 1.
 */
#include "db/model.h"

#include "base/error.h"
#include "base/text.h"
#include "query/ddl.h"

#define VERSION_NAME "model"
#define LIFT_NAME "model_lift"

static satchel_status read_version(satchel_db *db, uint32_t *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = 1;
    satchel_status status =
        satchel_db_start(&statement, db, "SELECT value FROM meta WHERE name = '" VERSION_NAME "'", NULL, 0, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        satchel_bytes value = satchel_db_bytes(statement, 0);
        *out = value.bytes == 4 ? satchel_get_u32be(value.data) : 0;
    }
    satchel_db_end(statement);
    return status == SATCHEL_OK && *out == 0
               ? satchel_fail(error, SATCHEL_DAMAGED, "the database does not tell the version of its model")
               : status;
}

static satchel_status put_meta(satchel_db *db, const char *name, uint32_t number, satchel_error *error) {
    uint8_t value[4];
    satchel_put_u32be(value, number);
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value ="
                          " excluded.value",
                          satchel_value_text(satchel_text_of(name)), satchel_db_blob(value, sizeof value));
}

satchel_status satchel_db_model_check(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    uint32_t version = 0;
    satchel_status status = read_version(db, &version, error);
    return status == SATCHEL_OK && version > tables->schema->model->version
               ? satchel_fail(error, SATCHEL_NEWER_FORMAT, "the database was made for version %u of the model",
                              (unsigned)version)
               : status;
}

static satchel_status is_there(const satchel_tables *tables, satchel_db *db, const char *table, const char *column,
                               bool *out, satchel_error *error) {
    bool postgres = tables->dialect == SATCHEL_DIALECT_POSTGRES;
    int64_t count = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(db, error, &count, 0,
                          postgres ? "SELECT count(*) FROM information_schema.columns WHERE table_schema ="
                                     " current_schema() AND table_name = ?1 AND column_name = ?2"
                                   : "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2",
                          satchel_value_text(satchel_text_of(table)), satchel_value_text(satchel_text_of(column)));
    *out = count > 0;
    return status;
}

/* The columns of new fields; the indexes of those that are looked up are made if they are absent. */
static satchel_status put_columns(const satchel_tables *tables, satchel_db *db, const satchel_entity *entity,
                                  satchel_buffer *sql, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < entity->field_count && status == SATCHEL_OK; i++) {
        bool there = true;
        status = is_there(tables, db, entity->name, entity->fields[i].name, &there, error);
        if (status == SATCHEL_OK && !there) {
            status = satchel_ddl_add_column(entity, &entity->fields[i], tables->dialect, sql);
        }
    }
    return status == SATCHEL_OK ? satchel_ddl_indexes(tables->schema, entity->number, tables->dialect, sql) : status;
}

static satchel_status add_what_is_absent(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < tables->schema->model->entity_count && status == SATCHEL_OK; i++) {
        const satchel_entity *entity = &tables->schema->model->entities[i];
        bool there = false;
        status = is_there(tables, db, entity->name, "id", &there, error);
        if (status == SATCHEL_OK) {
            status = there ? put_columns(tables, db, entity, &sql, error)
                           : satchel_db_tables_put_entity(tables, entity, &sql);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_exec(db, (const char *)sql.data, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

satchel_status satchel_db_model_bring_up(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    uint32_t known = tables->schema->model->version;
    uint32_t version = 0;
    satchel_status status = read_version(db, &version, error);
    if (status != SATCHEL_OK || version >= known) {
        return status;
    }
    status = add_what_is_absent(tables, db, error);
    if (status == SATCHEL_OK) {
        status = put_meta(db, VERSION_NAME, known, error);
    }
    return status == SATCHEL_OK ? put_meta(db, LIFT_NAME, version, error) : status;
}

satchel_status satchel_db_model_note(const satchel_tables *tables, satchel_db *db, satchel_error *error) {
    return put_meta(db, VERSION_NAME, tables->schema->model->version, error);
}

satchel_status satchel_db_lift_is_due(satchel_db *db, bool *out, satchel_error *error) {
    int64_t count = 0;
    satchel_status status = SATCHEL_DB_NUMBER(db, error, &count, 0, "SELECT count(*) FROM meta WHERE name = ?1",
                                              satchel_value_text(satchel_text_of(LIFT_NAME)));
    *out = count > 0;
    return status;
}

satchel_status satchel_db_lift_done(satchel_db *db, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "DELETE FROM meta WHERE name = ?1",
                          satchel_value_text(satchel_text_of(LIFT_NAME)));
}
