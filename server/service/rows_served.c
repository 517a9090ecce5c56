/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of every entity for those who work on the server: create, edit, delete, many at once.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "service/desk.h"

#include <satchel/model.h>
#include <string.h>

static satchel_status copy_given(const satchel_record *record, satchel_record *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < record->count; i++) {
        if (record->fields[i].value.type != SATCHEL_TYPE_NULL && record->fields[i].number != SATCHEL_FIELD_ID) {
            status = satchel_record_set(out, record->fields[i].number, &record->fields[i].value);
        }
    }
    return status;
}

static void fill_outcome(const satchel_desk *desk, const satchel_id *id, bool created, bool changed,
                         satchel_write_outcome *out) {
    *out = (satchel_write_outcome){
        .id = *id, .n = desk->change.n, .created = created, .changed = changed, .conflicts = desk->change.conflicts};
}

static satchel_status load(satchel_desk *desk, uint32_t entity, const satchel_id *id, satchel_stored_row *out) {
    return satchel_stored_row_load(desk->service->tables, desk->db, entity, id, desk->change.arena, out, desk->error);
}

static satchel_status create_in(satchel_desk *desk, uint32_t entity, const satchel_id *given,
                                const satchel_record *record, satchel_write_outcome *out) {
    satchel_op op;
    satchel_stored_row row;
    satchel_op_decision decision;
    satchel_id id = {{0}};
    satchel_status status = SATCHEL_OK;
    if (given != NULL && !satchel_id_is_none(given)) {
        id = *given;
    } else {
        status = satchel_service_make_id(desk->service, &id, desk->error);
    }
    if (status == SATCHEL_OK) {
        status = load(desk, entity, &id, &row);
    }
    if (status == SATCHEL_OK && row.merged.exists) {
        status = satchel_fail(desk->error, SATCHEL_ALREADY_EXISTS, "there is such a row already");
    }
    satchel_op_init(&op, SATCHEL_OP_CREATE, entity, &id, desk->change.arena);
    if (status == SATCHEL_OK) {
        status = copy_given(record, &op.set);
    }
    if (status == SATCHEL_OK) {
        status = satchel_desk_op(desk, &op, &decision);
    }
    fill_outcome(desk, &id, true, true, out);
    return status;
}

static satchel_status edit_in(satchel_desk *desk, uint32_t entity, const satchel_id *id, uint64_t base_n,
                              const satchel_record *record, const uint32_t *cleared, uint32_t cleared_count,
                              satchel_write_outcome *out) {
    satchel_op op;
    satchel_stored_row row;
    satchel_op_decision decision;
    bool any = false;
    satchel_status status = load(desk, entity, id, &row);
    if (status == SATCHEL_OK && (!row.merged.exists || row.merged.deleted)) {
        status = satchel_fail(desk->error, SATCHEL_OUT_OF_SCOPE, "there is no such row");
    }
    satchel_op_init(&op, SATCHEL_OP_EDIT, entity, id, desk->change.arena);
    op.base_n = base_n != 0 ? base_n : row.revision;
    if (status == SATCHEL_OK) {
        status = satchel_desk_difference(desk, &row, record, cleared, cleared_count, &op, &any);
    }
    if (status == SATCHEL_OK && !any) {
        status = satchel_desk_require_row(desk, &row, SATCHEL_VERB_EDIT, NULL);
    }
    if (status == SATCHEL_OK && any) {
        status = satchel_desk_op(desk, &op, &decision);
    }
    fill_outcome(desk, id, false, any, out);
    out->n = any ? out->n : row.revision;
    return status;
}

satchel_status satchel_served_row_create(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                         uint32_t entity, const satchel_id *id, const satchel_record *record,
                                         satchel_write_outcome *out, satchel_error *error) {
    satchel_desk desk;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, entity, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = create_in(&desk, entity, id, record, out);
    return satchel_desk_close(&desk, status, "create", entity, &out->id);
}

satchel_status satchel_served_row_edit(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                       uint32_t entity, const satchel_id *id, uint64_t base_n,
                                       const satchel_record *record, const uint32_t *cleared, uint32_t cleared_count,
                                       satchel_write_outcome *out, satchel_error *error) {
    satchel_desk desk;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, entity, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = edit_in(&desk, entity, id, base_n, record, cleared, cleared_count, out);
    return satchel_desk_close(&desk, status, "edit", entity, id);
}

/* --- deleting --- */

static satchel_status delete_one(satchel_desk *desk, uint32_t entity, const satchel_id *id, uint64_t base_n) {
    satchel_op op;
    satchel_op_decision decision;
    satchel_op_init(&op, SATCHEL_OP_DELETE, entity, id, desk->change.arena);
    op.base_n = base_n;
    return satchel_desk_op(desk, &op, &decision);
}

typedef struct child_rows {
    satchel_id *ids;
    uint64_t *revisions;
    uint32_t count;
} child_rows;

static satchel_status list_children(satchel_desk *desk, uint32_t entity, const satchel_id *root, child_rows *out) {
    const satchel_table *table = satchel_db_tables_get(desk->service->tables, entity);
    satchel_db_statement *statement = NULL;
    uint32_t capacity = 4096;
    *out = (child_rows){satchel_arena_take_array(desk->change.arena, capacity, sizeof *out->ids),
                        satchel_arena_take_array(desk->change.arena, capacity, sizeof *out->revisions), 0};
    if (out->ids == NULL || out->revisions == NULL) {
        return satchel_fail(desk->error, SATCHEL_NO_MEMORY, "no memory for a cascade");
    }
    satchel_status status =
        SATCHEL_DB_START(&statement, desk->db, desk->error, table->select_by_root, satchel_value_id(root));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        satchel_stored_row row;
        status = satchel_db_step(statement, &found, desk->error);
        if (status == SATCHEL_OK && found) {
            status = satchel_stored_row_read(desk->service->tables, statement, entity, desk->change.arena, &row,
                                             desk->error);
        }
        if (status == SATCHEL_OK && found && !row.merged.deleted) {
            if (out->count == capacity) {
                status = satchel_fail(desk->error, SATCHEL_LIMIT_EXCEEDED, "more rows hang on it than one act deletes");
                break;
            }
            out->ids[out->count] = row.id;
            out->revisions[out->count++] = row.revision;
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status delete_children(satchel_desk *desk, uint32_t entity, const satchel_id *id) {
    const satchel_model *model = desk->service->schema.model;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < model->entity_count; i++) {
        child_rows children;
        if (model->entities[i].root != entity) {
            continue;
        }
        status = list_children(desk, model->entities[i].number, id, &children);
        for (uint32_t c = 0; status == SATCHEL_OK && c < children.count; c++) {
            status = delete_one(desk, model->entities[i].number, &children.ids[c], children.revisions[c]);
        }
    }
    return status;
}

static satchel_status archive(satchel_desk *desk, uint32_t entity, const satchel_id *id, satchel_write_outcome *out) {
    satchel_record record;
    const satchel_field *field =
        satchel_schema_field_named(&desk->service->schema, entity, satchel_text_of("archived"));
    satchel_record_init(&record, desk->scratch);
    if (field == NULL) {
        return satchel_fail(desk->error, SATCHEL_FORBIDDEN, "rows of this kind are not deleted");
    }
    satchel_status status = satchel_record_set_bool(&record, field->number, true);
    return status == SATCHEL_OK ? edit_in(desk, entity, id, 0, &record, NULL, 0, out) : status;
}

static satchel_status delete_in(satchel_desk *desk, uint32_t entity, const satchel_id *id, satchel_write_outcome *out) {
    const satchel_entity *known = satchel_schema_entity(&desk->service->schema, entity);
    satchel_stored_row row;
    fill_outcome(desk, id, false, true, out);
    if (known == NULL) {
        return satchel_fail(desk->error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", (unsigned)entity);
    }
    satchel_status status = load(desk, entity, id, &row);
    if (status == SATCHEL_OK && (!row.merged.exists || row.merged.deleted)) {
        status = satchel_fail(desk->error, SATCHEL_OUT_OF_SCOPE, "there is no such row");
    }
    if (status == SATCHEL_OK && (known->flags & SATCHEL_ENTITY_ARCHIVE) != 0) {
        return archive(desk, entity, id, out);
    }
    if (status == SATCHEL_OK) {
        status = delete_children(desk, entity, id);
    }
    return status == SATCHEL_OK ? delete_one(desk, entity, id, row.revision) : status;
}

satchel_status satchel_served_row_delete(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                         uint32_t entity, const satchel_id *id, satchel_write_outcome *out,
                                         satchel_error *error) {
    satchel_desk desk;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, entity, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = delete_in(&desk, entity, id, out);
    return satchel_desk_close(&desk, status, "delete", entity, id);
}

/* --- by external number, and many at once --- */

/* Does the desk's actor read the row and the number that it is found by? */
static satchel_status sees_number(satchel_desk *desk, uint32_t entity, const satchel_id *id, const satchel_field *field,
                                  bool *out) {
    satchel_error *error = desk->error;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_stored_row row;
    uint32_t relations = 0;
    *out = desk->person.system;
    if (*out) {
        return SATCHEL_OK;
    }
    satchel_status status = load(desk, entity, id, &row);
    if (status != SATCHEL_OK) {
        return status;
    }
    desk->error = &why;
    status = satchel_desk_require_row(desk, &row, SATCHEL_VERB_READ, &relations);
    desk->error = error;
    if (status == SATCHEL_OUT_OF_SCOPE || status == SATCHEL_FORBIDDEN) {
        return SATCHEL_OK;
    }
    *out = satchel_access_level(desk->person.policy, &desk->person.access, entity, relations,
                                (satchel_sensitivity)field->sensitivity) >= SATCHEL_LEVEL_READ;
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "%s", why.detail);
}

/* The first live one with the number; `desk`: that its actor sees, NULL: of all. None is no failure. */
static satchel_status find_number(const satchel_service *service, satchel_db *db, satchel_desk *desk, uint32_t entity,
                                  const satchel_field *field, satchel_text number, satchel_id *out,
                                  satchel_error *error) {
    const satchel_table *table = satchel_db_tables_get(service->tables, entity);
    satchel_buffer sql;
    satchel_db_statement *statement = NULL;
    bool found = false;
    satchel_buffer_init(&sql);
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT \"id\" FROM %s WHERE \"external_id\" = ?1 AND \"deleted\" = 0 ORDER BY rowid", table->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, db, error, (const char *)sql.data, satchel_value_text(number));
    }
    while (status == SATCHEL_OK && satchel_id_is_none(out)) {
        bool is_meant = true;
        status = satchel_db_step(statement, &found, error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        satchel_id id = satchel_db_id(statement, 0);
        if (desk != NULL) {
            status = sees_number(desk, entity, &id, field, &is_meant);
        }
        *out = is_meant ? id : *out;
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

satchel_status satchel_served_row_by_external_id(const satchel_service *service, satchel_db *db, uint32_t entity,
                                                 satchel_text external_id, satchel_id *out, satchel_error *error) {
    const satchel_field *field = satchel_schema_field_named(&service->schema, entity, satchel_text_of("external_id"));
    *out = (satchel_id){{0}};
    if (satchel_db_tables_get(service->tables, entity) == NULL || field == NULL) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED, "rows of this kind have no external number");
    }
    satchel_status status = find_number(service, db, NULL, entity, field, external_id, out, error);
    return status == SATCHEL_OK && satchel_id_is_none(out)
               ? satchel_fail(error, SATCHEL_NOT_FOUND, "no row has this external number")
               : status;
}

struct satchel_bulk {
    satchel_desk desk;
    satchel_arena row_arena;
    satchel_id last; /* the id that was made last: new rows have ids one after another */
    uint64_t written;
};

satchel_status satchel_bulk_open(satchel_bulk **out, const satchel_service *service, satchel_db *db,
                                 const satchel_actor *actor, satchel_error *error) {
    *out = NULL;
    satchel_bulk *bulk = satchel_memory_take(sizeof *bulk);
    if (bulk == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for an import");
    }
    /* Any row of an import may move people. */
    satchel_status status = satchel_desk_open(&bulk->desk, service, db, actor, SATCHEL_ENTITY_USER, error);
    if (status != SATCHEL_OK) {
        satchel_memory_give(bulk);
        return status;
    }
    satchel_arena_init(&bulk->row_arena);
    bulk->desk.change.arena = &bulk->row_arena;
    bulk->desk.scratch = &bulk->row_arena;
    *out = bulk;
    return SATCHEL_OK;
}

/*
 * The row that is meant: by its external number, else by id. None: a new one. Numbers can be guessed, so that a row
 * which the actor does not see is not found by one: to him it is not there, as for the phone that makes such a row.
 */
static satchel_status find_meant(satchel_bulk *bulk, uint32_t entity, const satchel_id *id,
                                 const satchel_record *record, satchel_id *out) {
    satchel_desk *desk = &bulk->desk;
    const satchel_field *field =
        satchel_schema_field_named(&desk->service->schema, entity, satchel_text_of("external_id"));
    satchel_text number = field != NULL ? satchel_record_text(record, field->number) : (satchel_text){NULL, 0};
    *out = (satchel_id){{0}};
    if (number.bytes > 0) {
        return find_number(desk->service, desk->db, desk, entity, field, number, out, desk->error);
    }
    if (id != NULL && !satchel_id_is_none(id)) {
        satchel_stored_row row;
        satchel_status status = load(&bulk->desk, entity, id, &row);
        *out = status == SATCHEL_OK && row.merged.exists ? *id : (satchel_id){{0}};
        return status;
    }
    return SATCHEL_OK;
}

satchel_status satchel_bulk_put(satchel_bulk *bulk, uint32_t entity, const satchel_id *id, const satchel_record *record,
                                satchel_write_outcome *out, satchel_error *error) {
    satchel_desk *desk = &bulk->desk;
    satchel_id meant;
    satchel_arena_reset(&bulk->row_arena);
    desk->error = error;
    desk->change.conflicts = 0;
    satchel_status status = satchel_db_savepoint(desk->db, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = find_meant(bulk, entity, id, record, &meant);
    const bool is_new = satchel_id_is_none(&meant);
    const bool is_named = id != NULL && !satchel_id_is_none(id);
    const satchel_id next = satchel_id_after(&bulk->last);
    if (!is_named && !satchel_id_is_none(&bulk->last)) {
        id = &next;
    }
    if (status == SATCHEL_OK) {
        status =
            is_new ? create_in(desk, entity, id, record, out) : edit_in(desk, entity, &meant, 0, record, NULL, 0, out);
    }
    if (status != SATCHEL_OK) {
        satchel_db_back(desk->db);
        return status;
    }
    bulk->last = is_new && !is_named ? out->id : bulk->last;
    bulk->written += out->changed ? 1 : 0;
    return satchel_db_release(desk->db, error);
}

satchel_status satchel_bulk_close(satchel_bulk *bulk, satchel_error *error) {
    const satchel_id none = {{0}};
    if (bulk == NULL) {
        return SATCHEL_OK;
    }
    satchel_arena_reset(&bulk->row_arena);
    bulk->desk.error = error;
    satchel_status status = satchel_desk_close(&bulk->desk, SATCHEL_OK, "import", 0, &none);
    satchel_arena_deinit(&bulk->row_arena);
    satchel_memory_give(bulk);
    return status;
}
