/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps an erasure: ops that come late lose what must not be written again, phones are told until they confirm.
 */
#include "service/erase.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/audit.h"
#include "wire/answer.h"

#include <satchel/model.h>
#include <string.h>

/* Rows of one frame; a customer with more takes several. */
#define FRAME_ROWS 512
/* Erasures that one answer tells of. */
#define ERASURES_OF_ANSWER 16

/* --- late ops --- */

static satchel_status was_erased(satchel_change *change, uint32_t entity, const satchel_id *row, satchel_id *out_by,
                                 bool *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    *out = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, error, "SELECT erasure FROM erased_row WHERE entity = ?1 AND row = ?2",
                         satchel_db_count(entity), satchel_value_id(row));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, out, error);
    }
    if (status == SATCHEL_OK && *out) {
        *out_by = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

/* Does a value of the op name an erased contact or customer? */
static satchel_status names_erased(satchel_change *change, const satchel_op *op, satchel_id *out_by, bool *out,
                                   satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    *out = false;
    for (uint32_t i = 0; status == SATCHEL_OK && !*out && i < op->set.count; i++) {
        const satchel_field *field =
            satchel_schema_field(&change->service->schema, op->entity, op->set.fields[i].number);
        const satchel_value *value = &op->set.fields[i].value;
        if (field == NULL || (field->ref != SATCHEL_ENTITY_CONTACT && field->ref != SATCHEL_ENTITY_CUSTOMER)) {
            continue;
        }
        if (value->type == SATCHEL_TYPE_ID) {
            status = was_erased(change, field->ref, &value->as.id, out_by, out, error);
        }
        for (uint32_t e = 0;
             value->type == SATCHEL_TYPE_SET && status == SATCHEL_OK && !*out && e < value->as.set.count; e++) {
            satchel_id id;
            if (satchel_id_from(value->as.set.elements[e], &id) == SATCHEL_OK) {
                status = was_erased(change, field->ref, &id, out_by, out, error);
            }
        }
    }
    return status;
}

/* What hangs on a row of any kind (a photo) says on which by two fields. */
static satchel_status hangs_on_erased(satchel_change *change, const satchel_op *op, satchel_id *out_by, bool *out,
                                      satchel_error *error) {
    uint64_t entity = 0;
    const satchel_id *row = NULL;
    *out = false;
    for (uint32_t i = 0; i < op->set.count; i++) {
        const satchel_field_value *given = &op->set.fields[i];
        const satchel_field *field = satchel_schema_field(&change->service->schema, op->entity, given->number);
        if (field != NULL && strcmp(field->name, "subject_entity") == 0) {
            entity = (uint64_t)satchel_record_int(&op->set, given->number, 0);
        }
        if (field != NULL && strcmp(field->name, "subject_row") == 0 && given->value.type == SATCHEL_TYPE_ID) {
            row = &given->value.as.id;
        }
    }
    return entity > 0 && entity < SATCHEL_TABLE_COUNT && row != NULL
               ? was_erased(change, (uint32_t)entity, row, out_by, out, error)
               : SATCHEL_OK;
}

/* Into an array of its own: the op may be decided on once more. */
static satchel_status strip_cleared(const satchel_change *change, satchel_op *op) {
    uint32_t *cleared = satchel_arena_take_array(change->arena, op->cleared_count, sizeof *cleared);
    uint32_t kept = 0;
    if (cleared == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < op->cleared_count; i++) {
        const satchel_field *field = satchel_schema_field(&change->service->schema, op->entity, op->cleared[i]);
        if (field != NULL && !satchel_erase_takes(op->entity, field)) {
            cleared[kept++] = op->cleared[i];
        }
    }
    op->cleared = cleared;
    op->cleared_count = kept;
    return SATCHEL_OK;
}

/* Erasable values go; what a new row must have becomes the sign of an erased text. */
static satchel_status strip(satchel_change *change, satchel_op *op) {
    const satchel_schema *schema = &change->service->schema;
    bool is_new = op->kind == SATCHEL_OP_CREATE;
    satchel_status status = satchel_erase_record(schema, op->entity, &op->set);
    for (uint32_t i = op->set.count; !is_new && i > 0; i--) {
        const satchel_field *field = satchel_schema_field(schema, op->entity, op->set.fields[i - 1].number);
        if (field != NULL && satchel_erase_takes(op->entity, field)) {
            satchel_record_remove(&op->set, field->number);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_erase_record(schema, op->entity, &op->removed);
    }
    return status == SATCHEL_OK ? strip_cleared(change, op) : status;
}

static satchel_status remember(satchel_change *change, const satchel_op *op, const satchel_id *by,
                               satchel_error *error) {
    return SATCHEL_DB_RUN(change->db, error,
                          "INSERT INTO erased_row (entity, row, erasure) VALUES (?1, ?2, ?3)"
                          " ON CONFLICT (entity, row) DO NOTHING",
                          satchel_db_count(op->entity), satchel_value_id(&op->row), satchel_value_id(by));
}

satchel_status satchel_erase_strip(satchel_change *change, satchel_op *op, bool *out_empty, satchel_error *error) {
    satchel_id by = {{0}};
    bool erased = false;
    *out_empty = false;
    if (change->counter->erasures == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = was_erased(change, op->entity, &op->row, &by, &erased, error);
    if (status == SATCHEL_OK && erased && satchel_erase_is_person(op->entity)) {
        *out_empty = true;
        return SATCHEL_OK;
    }
    if (status == SATCHEL_OK && !erased) {
        status = names_erased(change, op, &by, &erased, error);
        if (status == SATCHEL_OK && !erased) {
            status = hangs_on_erased(change, op, &by, &erased, error);
        }
        if (status == SATCHEL_OK && erased && op->kind == SATCHEL_OP_CREATE) {
            status = remember(change, op, &by, error);
        }
    }
    return status == SATCHEL_OK && erased ? strip(change, op) : status;
}

satchel_status satchel_erase_concerns(satchel_change *change, const satchel_op *op, bool *out, satchel_error *error) {
    satchel_id by;
    *out = false;
    if (change->counter->erasures == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = was_erased(change, op->entity, &op->row, &by, out, error);
    if (status == SATCHEL_OK && !*out) {
        status = names_erased(change, op, &by, out, error);
    }
    return status == SATCHEL_OK && !*out ? hangs_on_erased(change, op, &by, out, error) : status;
}

/* --- phones --- */

satchel_status satchel_erase_due(satchel_db *db, const satchel_id *device, bool *out, satchel_error *error) {
    int64_t due = 0;
    satchel_status status = SATCHEL_DB_NUMBER(db, error, &due, 0, "SELECT count(*) FROM erasure_due WHERE device = ?1",
                                              satchel_value_id(device));
    *out = due > 0;
    return status;
}

static satchel_status write_frame(const satchel_id *erasure, uint32_t entity, satchel_buffer *rows,
                                  satchel_buffer *out) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ERASED};
    if (rows->bytes == 0) {
        return SATCHEL_OK;
    }
    frame.as.erased = (satchel_erased_frame){*erasure, entity, satchel_buffer_view(rows)};
    satchel_status status = satchel_answer_write(&frame, out);
    satchel_buffer_clear(rows);
    return status;
}

static satchel_status write_erasure(satchel_db *db, const satchel_id *erasure, satchel_buffer *out,
                                    satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_buffer rows;
    uint32_t entity = 0;
    satchel_buffer_init(&rows);
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error, "SELECT entity, row FROM erased_row WHERE erasure = ?1 ORDER BY entity, row",
        satchel_value_id(erasure));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        uint32_t next = (uint32_t)satchel_db_uint(statement, 0);
        if (next != entity || rows.bytes >= (size_t)FRAME_ROWS * SATCHEL_ID_BYTES) {
            status = write_frame(erasure, entity, &rows, out);
        }
        entity = next;
        if (status == SATCHEL_OK) {
            satchel_id id = satchel_db_id(statement, 1);
            status = satchel_buffer_append(&rows, satchel_id_view(&id));
        }
    }
    if (status == SATCHEL_OK) {
        status = write_frame(erasure, entity, &rows, out);
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&rows);
    return status;
}

satchel_status satchel_erase_frames(satchel_db *db, const satchel_id *device, satchel_arena *arena, satchel_buffer *out,
                                    satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_id_list due = {NULL, 0, 0};
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error, "SELECT erasure FROM erasure_due WHERE device = ?1 ORDER BY erasure LIMIT ?2",
        satchel_value_id(device), satchel_value_int(ERASURES_OF_ANSWER));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(&due, arena, &id);
        }
    }
    satchel_db_end(statement);
    for (uint32_t i = 0; status == SATCHEL_OK && i < due.count; i++) {
        status = write_erasure(db, &due.items[i], out, error);
    }
    return status;
}

/* One more phone did it; the last one ends the erasure. */
static satchel_status count_receipt(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                    const satchel_id *erasure, satchel_error *error) {
    uint64_t gone = 0;
    const satchel_value values[] = {satchel_value_id(device), satchel_value_id(erasure)};
    satchel_status status = satchel_db_run_values(db, "DELETE FROM erasure_due WHERE device = ?1 AND erasure = ?2",
                                                  values, 2, &gone, error);
    if (status != SATCHEL_OK || gone == 0) {
        return status;
    }
    status = SATCHEL_DB_RUN(db, error,
                            "UPDATE \"erasure\" SET \"receipts\" = coalesce(\"receipts\", 0) + 1,"
                            " \"status\" = CASE WHEN coalesce(\"receipts\", 0) + 1 >= \"receipts_due\" THEN ?2"
                            " ELSE \"status\" END WHERE \"id\" = ?1",
                            satchel_value_id(erasure), satchel_value_int(SATCHEL_ERASURE_STATUS_DONE));
    const satchel_audit_entry entry = {.action = "erasure confirmed",
                                       .device = *device,
                                       .subject_entity = SATCHEL_ENTITY_ERASURE,
                                       .subject_row = *erasure};
    return status == SATCHEL_OK ? satchel_audit_note(service, db, &entry, error) : status;
}

satchel_status satchel_erase_confirmed(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                       satchel_bytes erasures, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (size_t at = 0; status == SATCHEL_OK && at + SATCHEL_ID_BYTES <= erasures.bytes; at += SATCHEL_ID_BYTES) {
        satchel_id erasure;
        memcpy(erasure.bytes, erasures.data + at, SATCHEL_ID_BYTES);
        status = count_receipt(service, db, device, &erasure, error);
    }
    return status;
}
