/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lift. Who wrote a value of a tail, and when, is not known any more: it counts as old as the last change of its
 * row, so whatever is written now stands before it. A field that was written since has a version and is left alone.
 */
#include "service/lift.h"

#include "base/error.h"
#include "base/ids.h"
#include "db/model.h"
#include "service/change.h"
#include "service/journal.h"
#include "wire/record_codec.h"

#include <satchel/model.h>

#define BATCH 64

typedef struct lift_work {
    satchel_change change;
    satchel_arena scratch;
    satchel_error *error;
} lift_work;

static satchel_status next_rows(lift_work *work, const satchel_table *table, const satchel_id *after, satchel_id *ids,
                                uint32_t *out_count) {
    satchel_buffer sql;
    satchel_db_statement *statement = NULL;
    bool found = true;
    satchel_buffer_init(&sql);
    *out_count = 0;
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT \"id\" FROM %s WHERE \"tail\" IS NOT NULL AND \"id\" > ?1 ORDER BY \"id\" LIMIT ?2", table->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    status = status == SATCHEL_OK ? SATCHEL_DB_START(&statement, work->change.db, work->error, (const char *)sql.data,
                                                     satchel_value_id(after), satchel_value_int(BATCH))
                                  : satchel_fail(work->error, status, "no memory for a query");
    while (status == SATCHEL_OK && found && *out_count < BATCH) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            ids[(*out_count)++] = satchel_db_id(statement, 0);
        }
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

static bool was_written(const satchel_change *change, const satchel_stored_row *row, uint32_t number) {
    const satchel_schema *schema = &change->service->schema;
    const satchel_field *field = satchel_schema_field(schema, row->entity, number);
    uint32_t key = field != NULL ? satchel_versions_key(schema, row->entity, field) : number;
    for (uint32_t i = 0; i < row->merged.versions.count; i++) {
        if (row->merged.versions.items[i].field == key || row->merged.versions.items[i].field == number) {
            return true;
        }
    }
    return false;
}

/* Elements of sets have versions of their own. */
static satchel_status put_value(satchel_change *change, satchel_stored_row *row, const satchel_field_value *given) {
    const satchel_value *value = &given->value;
    satchel_status status = satchel_change_put(change, row, given->number, value);
    for (uint32_t i = 0; status == SATCHEL_OK && value->type == SATCHEL_TYPE_SET && i < value->as.set.count; i++) {
        satchel_version version = {.field = given->number,
                                   .element = value->as.set.elements[i],
                                   .n = change->n,
                                   .stamp_ms = change->stamp_ms,
                                   .writer = {change->author->incarnation, change->sequence}};
        status = satchel_versions_put(&row->merged.versions, &version);
    }
    return status;
}

static satchel_status lift_row(lift_work *work, uint32_t entity, const satchel_id *id) {
    satchel_change *change = &work->change;
    satchel_stored_row row;
    satchel_record known;
    uint32_t changed[SATCHEL_LIMIT_FIELDS_PER_RECORD];
    uint32_t count = 0;
    satchel_status status =
        satchel_stored_row_load(change->service->tables, change->db, entity, id, &work->scratch, &row, work->error);
    satchel_record_init(&known, &work->scratch);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_record_decode(&change->service->schema, entity, row.merged.value.tail, false, &known, NULL);
    if (status != SATCHEL_OK || known.count == 0) {
        return status == SATCHEL_NO_MEMORY ? status : SATCHEL_OK; /* what cannot be read stays as it came */
    }
    change->stamp_ms = row.updated_at;
    for (uint32_t i = 0; status == SATCHEL_OK && i < known.count; i++) {
        if (!was_written(change, &row, known.fields[i].number)) {
            changed[count++] = known.fields[i].number;
            status = put_value(change, &row, &known.fields[i]);
        }
    }
    row.merged.value.tail = known.tail;
    change->moved = true;
    return status == SATCHEL_OK ? satchel_change_save(change, &row, changed, count, work->error)
                                : satchel_fail(work->error, status, "a field cannot be moved to its column");
}

static satchel_status lift_table(lift_work *work, const satchel_table *table) {
    satchel_id ids[BATCH];
    satchel_id after = {{0}};
    uint32_t count = BATCH;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && count == BATCH) {
        status = next_rows(work, table, &after, ids, &count);
        for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
            satchel_arena_reset(&work->scratch);
            status = lift_row(work, table->entity->number, &ids[i]);
            after = ids[i];
        }
    }
    return status;
}

static satchel_status lift_all(const satchel_service *service, satchel_db *db, satchel_error *error) {
    const satchel_author author = {.incarnation = 0};
    const satchel_audit_entry entry = {.action = "fields known"};
    lift_work work = {.error = error};
    satchel_arena arena;
    satchel_counter counter;
    satchel_person system;
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_arena_init(&arena);
    satchel_arena_init(&work.scratch);
    satchel_person_system(service, &system);
    satchel_change_begin(&work.change, service, db, &arena, &counter, &system, &author);
    work.change.trusted = true;
    for (uint32_t i = 0; status == SATCHEL_OK && i < SATCHEL_TABLE_COUNT; i++) {
        const satchel_table *table = satchel_db_tables_get(service->tables, i);
        if (table != NULL && i != SATCHEL_ENTITY_AUDIT_EVENT) {
            status = lift_table(&work, table);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_change_finish(&work.change, work.change.moved ? &entry : NULL, error);
    }
    satchel_arena_deinit(&work.scratch);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status is_due(satchel_db *db, bool *out, satchel_error *error) {
    satchel_status status = satchel_db_begin(db, SATCHEL_DB_READ, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_lift_is_due(db, out, error);
        satchel_db_rollback(db);
    }
    return status;
}

satchel_status satchel_service_lift(const satchel_service *service, satchel_db *db, satchel_error *error) {
    bool due = false;
    satchel_status status = is_due(db, &due, error);
    if (status != SATCHEL_OK || !due) {
        return status;
    }
    status = satchel_db_begin(db, SATCHEL_DB_WRITE, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_db_lift_is_due(db, &due, error); /* another server may have been first */
    if (status == SATCHEL_OK && due) {
        status = lift_all(service, db, error);
    }
    if (status == SATCHEL_OK && due) {
        status = satchel_db_lift_done(db, error);
    }
    if (status == SATCHEL_OK) {
        return satchel_db_commit(db, error);
    }
    satchel_db_rollback(db);
    return status;
}
