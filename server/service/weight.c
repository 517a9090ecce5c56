/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An aggregate travels in one page, so its children together must fit one: who adds more is refused, lest nobody who
 * sees the root can ever sync again. Weighed once a root and change, when all its ops are in.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "service/change.h"

static size_t weight_of_value(const satchel_value *value) {
    size_t bytes = sizeof(int64_t);
    if (value->type == SATCHEL_TYPE_TEXT || value->type == SATCHEL_TYPE_BYTES) {
        bytes += value->as.bytes.bytes;
    }
    for (uint32_t i = 0; value->type == SATCHEL_TYPE_SET && i < value->as.set.count; i++) {
        bytes += value->as.set.elements[i].bytes;
    }
    return bytes;
}

static size_t weight_of(const satchel_record *record) {
    size_t bytes = SATCHEL_ID_BYTES + record->tail.bytes;
    for (uint32_t i = 0; i < record->count; i++) {
        bytes += weight_of_value(&record->fields[i].value);
    }
    return bytes;
}

/* Adds the weight of the children of one entity. */
static satchel_status weigh(satchel_change *change, uint32_t entity, const satchel_id *root, size_t *bytes,
                            satchel_error *error) {
    const satchel_tables *tables = change->service->tables;
    satchel_db_statement *statement = NULL;
    satchel_arena arena;
    satchel_arena_init(&arena);
    satchel_status status = SATCHEL_DB_START(
        &statement, change->db, error, satchel_db_tables_get(tables, entity)->select_by_root, satchel_value_id(root));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && *bytes <= SATCHEL_LIMIT_AGGREGATE_BYTES) {
        satchel_stored_row row;
        satchel_arena_reset(&arena);
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            status = satchel_stored_row_read(tables, statement, entity, &arena, &row, error);
        }
        *bytes += status == SATCHEL_OK && found && !row.merged.deleted ? weight_of(&row.merged.value) : 0;
    }
    satchel_db_end(statement);
    satchel_arena_deinit(&arena);
    return status;
}

static bool was_weighed(const satchel_change *change, const satchel_id *root) {
    for (uint32_t i = 0; i < change->weighed.count; i++) {
        if (satchel_id_equal(&change->weighed.items[i], root)) {
            return true;
        }
    }
    return false;
}

static satchel_status root_of(satchel_change *change, const satchel_op *op, uint32_t field, satchel_id *out,
                              satchel_error *error) {
    satchel_stored_row row;
    *out = satchel_record_id(&op->set, field);
    if (!satchel_id_is_none(out)) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_stored_row_load(change->service->tables, change->db, op->entity, &op->row, change->arena, &row, error);
    *out = status == SATCHEL_OK ? satchel_record_id(&row.merged.value, field) : *out;
    return status;
}

satchel_status satchel_change_check_weight(satchel_change *change, const satchel_op *op, satchel_error *error) {
    const satchel_schema *schema = &change->service->schema;
    const satchel_entity *child = satchel_schema_entity(schema, op->entity);
    satchel_id root;
    size_t bytes = 0;
    if (child == NULL || child->root == 0 || op->kind == SATCHEL_OP_DELETE) {
        return SATCHEL_OK;
    }
    satchel_status status = root_of(change, op, child->root_field, &root, error);
    if (status != SATCHEL_OK || was_weighed(change, &root)) {
        return status;
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < schema->model->entity_count; i++) {
        const satchel_entity *entity = &schema->model->entities[i];
        if (entity->root == child->root) {
            status = weigh(change, entity->number, &root, &bytes, error);
        }
    }
    if (status == SATCHEL_OK && bytes > SATCHEL_LIMIT_AGGREGATE_BYTES) {
        status = satchel_fail_field(error, SATCHEL_LIMIT_EXCEEDED, op->entity, child->root_field,
                                    "what hangs on the row would not fit one page");
    }
    return status == SATCHEL_OK ? satchel_id_list_add(&change->weighed, change->arena, &root) : status;
}
