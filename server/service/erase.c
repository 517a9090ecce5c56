/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasing a person: the subject's rows, rows that name it, and everything that was kept of them.
 */
#include "service/erase_work.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/merge_customers.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>
#include <stdio.h>
#include <string.h>

static bool is_among(const satchel_person_row *rows, uint32_t count, uint32_t entity, const satchel_id *id) {
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].entity == entity && satchel_id_equal(&rows[i].id, id)) {
            return true;
        }
    }
    return false;
}

static bool has_row(const erase_work *work, uint32_t entity, const satchel_id *id) {
    return is_among(work->rows, work->count, entity, id);
}

static bool names_one(const satchel_person_row *rows, uint32_t count, uint32_t entity, const satchel_value *value) {
    bool found = value->type == SATCHEL_TYPE_ID && is_among(rows, count, entity, &value->as.id);
    for (uint32_t i = 0; value->type == SATCHEL_TYPE_SET && !found && i < value->as.set.count; i++) {
        satchel_id id;
        found = satchel_id_from(value->as.set.elements[i], &id) == SATCHEL_OK && is_among(rows, count, entity, &id);
    }
    return found;
}

bool satchel_person_is_in(const satchel_schema *schema, const satchel_person_row *rows, uint32_t count,
                          const satchel_op *op) {
    bool found = is_among(rows, count, op->entity, &op->row);
    for (uint32_t i = 0; !found && i < op->set.count; i++) {
        const satchel_field *field = satchel_schema_field(schema, op->entity, op->set.fields[i].number);
        found = field != NULL && satchel_erase_is_person(field->ref) &&
                names_one(rows, count, field->ref, &op->set.fields[i].value);
    }
    return found;
}

static satchel_status add_row(erase_work *work, uint32_t entity, const satchel_id *id) {
    if (has_row(work, entity, id)) {
        return SATCHEL_OK;
    }
    if (work->count == work->capacity) {
        uint32_t capacity = work->capacity == 0 ? 64 : work->capacity * 2;
        satchel_person_row *rows = satchel_arena_take_array(work->arena, capacity, sizeof *rows);
        if (rows == NULL) {
            return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for rows to erase");
        }
        if (work->count > 0) {
            memcpy(rows, work->rows, work->count * sizeof *rows);
        }
        work->rows = rows;
        work->capacity = capacity;
    }
    work->rows[work->count++] = (satchel_person_row){entity, *id};
    return SATCHEL_OK;
}

/* --- which rows --- */

/* Rows whose field holds the id; of a set of ids all rows are looked at that hold any. */
static satchel_status add_naming(erase_work *work, const satchel_entity *entity, const satchel_field *field,
                                 const satchel_id *id) {
    satchel_db_statement *statement = NULL;
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    bool set = field->type == SATCHEL_TYPE_SET;
    satchel_status status = satchel_buffer_append_format(
        &sql,
        set ? "SELECT \"id\", \"%s\" FROM \"%s\" WHERE \"%s\" IS NOT NULL AND length(?1) = 16"
            : "SELECT \"id\", \"%s\" FROM \"%s\" WHERE \"%s\" = ?1",
        field->name, entity->name, field->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, work->db, work->error, (const char *)sql.data, satchel_value_id(id));
    }
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        satchel_bytes held = satchel_db_bytes(statement, 1);
        bool names = !set || memmem(held.data, held.bytes, id->bytes, SATCHEL_ID_BYTES) != NULL;
        satchel_id row = satchel_db_id(statement, 0);
        status = names ? add_row(work, entity->number, &row) : SATCHEL_OK;
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

/* The journals are emptied by themselves, and what tells who may see what stays. */
static bool is_journal(uint32_t entity) {
    return entity == SATCHEL_ENTITY_CONFLICT || entity == SATCHEL_ENTITY_REFUSAL ||
           entity == SATCHEL_ENTITY_PARKED_EDIT || entity == SATCHEL_ENTITY_AUDIT_EVENT ||
           entity == SATCHEL_ENTITY_ERASURE;
}

/* Rows that name the subject; `subject_row` names a row of any kind. */
static satchel_status add_all_naming(erase_work *work, uint32_t kind, const satchel_id *id) {
    const satchel_model *model = work->service->schema.model;
    satchel_status status = SATCHEL_OK;
    for (uint32_t e = 0; status == SATCHEL_OK && e < model->entity_count; e++) {
        const satchel_entity *entity = &model->entities[e];
        for (uint32_t f = 0; status == SATCHEL_OK && !is_journal(entity->number) && f < entity->field_count; f++) {
            const satchel_field *field = &entity->fields[f];
            bool meta = (field->flags & SATCHEL_FIELD_META) != 0;
            bool any_kind = field->ref == 0 && strcmp(field->name, "subject_row") == 0;
            if (!meta && ((field->ref == kind && kind != 0) || any_kind)) {
                status = add_naming(work, entity, field, id);
            }
        }
    }
    return status;
}

/* Customers that were merged are one: the row that goes on holds what the others had, so all of them are meant. */
static satchel_status add_merged(erase_work *work, const satchel_id *row) {
    satchel_db_statement *statement = NULL;
    satchel_id survivor;
    satchel_status status = satchel_customer_survivor(work->db, row, &survivor, work->error);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, work->db, work->error,
                                  "WITH RECURSIVE part(id) AS (SELECT ?1 UNION SELECT m.gone FROM customer_merge m"
                                  " JOIN part p ON m.survivor = p.id) SELECT id FROM part",
                                  satchel_value_id(&survivor));
    }
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            satchel_id part = satchel_db_id(statement, 0);
            status = add_row(work, SATCHEL_ENTITY_CUSTOMER, &part);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status gather(erase_work *work, uint32_t entity, const satchel_id *row) {
    satchel_status status = add_row(work, entity, row);
    if (status == SATCHEL_OK && entity == SATCHEL_ENTITY_CUSTOMER) {
        status = add_merged(work, row);
    }
    uint32_t subjects = work->count;
    for (uint32_t i = 0; status == SATCHEL_OK && entity != SATCHEL_ENTITY_USER && i < subjects; i++) {
        const satchel_id subject = work->rows[i].id;
        status = add_all_naming(work, entity, &subject);
    }
    /* With a customer go its contacts, and with what names it (a visit) what hangs on that (its photo). */
    for (uint32_t i = 1; status == SATCHEL_OK && i < work->count; i++) {
        const satchel_person_row *at = &work->rows[i];
        bool contact = at->entity == SATCHEL_ENTITY_CONTACT;
        if (at->entity != SATCHEL_ENTITY_CUSTOMER && at->entity != SATCHEL_ENTITY_USER) {
            status = add_all_naming(work, contact ? at->entity : 0, &at->id);
        }
    }
    return status;
}

/* --- values --- */

static satchel_status drop_elements(satchel_stored_row *row, uint32_t number) {
    satchel_versions *versions = &row->merged.versions;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < versions->count; i++) {
        if (versions->items[i].field != number || versions->items[i].element.bytes == 0) {
            versions->items[kept++] = versions->items[i];
        }
    }
    versions->count = kept;
    return SATCHEL_OK;
}

/* The fields that go, ascending, in `out`; its length is returned. */
static uint32_t fields_to_wipe(const erase_work *work, const satchel_stored_row *row, uint32_t *out) {
    uint32_t count = 0;
    const satchel_record *values = &row->merged.value;
    for (uint32_t i = 0; i < values->count; i++) {
        const satchel_field *field =
            satchel_schema_field(&work->service->schema, row->entity, values->fields[i].number);
        if (field == NULL || satchel_erase_takes(row->entity, field)) {
            out[count++] = values->fields[i].number;
        }
    }
    return count;
}

/* Puts a number in its place among ascending ones, once. Returns how many there are then. */
static uint32_t insert_number(uint32_t *numbers, uint32_t count, uint32_t number) {
    uint32_t at = 0;
    while (at < count && numbers[at] < number) {
        at++;
    }
    if (at < count && numbers[at] == number) {
        return count;
    }
    memmove(numbers + at + 1, numbers + at, (count - at) * sizeof *numbers);
    numbers[at] = number;
    return count + 1;
}

static satchel_status wipe_row(erase_work *work, const satchel_person_row *at) {
    satchel_desk *desk = work->desk;
    satchel_stored_row row;
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, at->entity, &at->id, &desk->arena, &row, work->error);
    if (status != SATCHEL_OK || !row.merged.exists) {
        return status;
    }
    uint32_t *numbers = satchel_arena_take_array(&desk->arena, row.merged.value.count + 2u, sizeof *numbers);
    if (numbers == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a row");
    }
    uint32_t count = fields_to_wipe(work, &row, numbers);
    bool has_tail = row.merged.value.tail.bytes > 0;
    row.merged.value.tail = (satchel_bytes){NULL, 0};
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        const satchel_field *field = satchel_schema_field(&desk->service->schema, at->entity, numbers[i]);
        bool required = field != NULL && (field->flags & SATCHEL_FIELD_REQUIRED) != 0;
        satchel_value value =
            required ? satchel_value_text(satchel_text_of(SATCHEL_ERASED_TEXT)) : satchel_value_null();
        status = drop_elements(&row, numbers[i]);
        if (status == SATCHEL_OK) {
            status = satchel_change_put(work->change, &row, numbers[i], &value);
        }
    }
    if (status == SATCHEL_OK && at->entity == SATCHEL_ENTITY_USER) {
        satchel_value no = satchel_value_bool(false);
        status = satchel_change_put(work->change, &row, SATCHEL_USER_ACTIVE, &no);
        count = insert_number(numbers, count, SATCHEL_USER_ACTIVE);
    }
    work->wiped += count > 0 || has_tail ? 1 : 0;
    return status == SATCHEL_OK && (count > 0 || has_tail)
               ? satchel_change_save(work->change, &row, numbers, count, work->error)
               : status;
}

static satchel_status remember(erase_work *work, const satchel_person_row *at) {
    return SATCHEL_DB_RUN(work->db, work->error,
                          "INSERT INTO erased_row (entity, row, erasure) VALUES (?1, ?2, ?3)"
                          " ON CONFLICT (entity, row) DO UPDATE SET erasure = excluded.erasure",
                          satchel_db_count(at->entity), satchel_value_id(&at->id), satchel_value_id(&work->erasure));
}

/* --- in order --- */

static satchel_status put_erasure(erase_work *work, uint32_t entity, const satchel_id *row, satchel_text reason,
                                  uint64_t due) {
    satchel_record record;
    const satchel_id *user = &work->desk->author.user;
    int64_t now_ms = work->change->now_ms;
    satchel_record_init(&record, work->arena);
    satchel_status status = satchel_record_set_int(&record, SATCHEL_ERASURE_SUBJECT_ENTITY, entity);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&record, SATCHEL_ERASURE_SUBJECT_ROW, row);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(user)) {
        status = satchel_record_set_id(&record, SATCHEL_ERASURE_REQUESTED_BY, user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(&record, SATCHEL_ERASURE_REQUESTED_AT, now_ms);
    }
    if (status == SATCHEL_OK && reason.bytes > 0) {
        status = satchel_record_set_text(&record, SATCHEL_ERASURE_REASON, reason);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_ERASURE_STATUS,
                                        due > 0 ? SATCHEL_ERASURE_STATUS_RUNNING : SATCHEL_ERASURE_STATUS_DONE);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_ERASURE_RECEIPTS_DUE, (int64_t)due);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_ERASURE_RECEIPTS, 0);
    }
    return status == SATCHEL_OK
               ? satchel_change_insert(work->change, SATCHEL_ENTITY_ERASURE, &work->erasure, &record, NULL, work->error)
               : satchel_fail(work->error, status, "the record of an erasure");
}

/* Any phone may hold something of the person: each that still speaks is told, and asked to confirm. */
static satchel_status tell_phones(erase_work *work, uint64_t *out_due) {
    uint64_t told = 0;
    const satchel_value id = satchel_value_id(&work->erasure);
    satchel_status status = satchel_db_run_values(work->db,
                                                  "INSERT INTO erasure_due (device, erasure)"
                                                  " SELECT device, ?1 FROM device_state WHERE revoked = 0",
                                                  &id, 1, &told, work->error);
    *out_due = told;
    return status;
}

static satchel_status erase_rows(erase_work *work) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        status = wipe_row(work, &work->rows[i]);
        if (status == SATCHEL_OK) {
            status = satchel_erase_journals(work, &work->rows[i]);
        }
        if (status == SATCHEL_OK) {
            status = satchel_erase_returned(work, &work->rows[i]);
        }
        if (status == SATCHEL_OK) {
            status = satchel_erase_commands(work, &work->rows[i]);
        }
        if (status == SATCHEL_OK) {
            status = remember(work, &work->rows[i]);
        }
    }
    return status == SATCHEL_OK ? satchel_erase_kept_units(work) : status;
}

static satchel_status erase_person(erase_work *work, uint32_t entity, const satchel_id *row, satchel_text reason) {
    uint64_t due = 0;
    satchel_status status = gather(work, entity, row);
    if (status == SATCHEL_OK) {
        status = erase_rows(work);
    }
    if (status == SATCHEL_OK) {
        status = tell_phones(work, &due);
    }
    if (status == SATCHEL_OK) {
        status = put_erasure(work, entity, row, reason, due);
    }
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_ERASED,
                                        .id = work->erasure,
                                        .entity = entity,
                                        .row = *row,
                                        .at_ms = work->change->now_ms};
    work->change->counter->erasures++;
    return status == SATCHEL_OK ? satchel_ledger_put(work->db, &entry, work->error) : status;
}

static satchel_status check_subject(const satchel_desk *desk, uint32_t entity, const satchel_id *row) {
    satchel_stored_row stored;
    satchel_arena arena;
    if (!satchel_erase_is_person(entity)) {
        return satchel_fail(desk->error, SATCHEL_UNSUPPORTED, "only contacts, customers and users are erased");
    }
    if (!desk->person.system) {
        return satchel_fail(desk->error, SATCHEL_FORBIDDEN, "only the operator erases");
    }
    satchel_arena_init(&arena);
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, entity, row, &arena, &stored, desk->error);
    if (status == SATCHEL_OK && !stored.merged.exists) {
        status = satchel_fail(desk->error, SATCHEL_NOT_FOUND, "there is no such row");
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status run(const satchel_service *service, satchel_db *db, const satchel_actor *actor, uint32_t entity,
                          const satchel_id *row, satchel_text reason, bool known, satchel_id *id, uint64_t *out_rows,
                          satchel_error *error) {
    satchel_desk desk;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, entity, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    erase_work work = {.service = service,
                       .db = db,
                       .arena = &desk.arena,
                       .desk = &desk,
                       .change = &desk.change,
                       .erasure = *id,
                       .error = error};
    status = known ? SATCHEL_OK : check_subject(&desk, entity, row);
    if (status == SATCHEL_OK) {
        status = erase_person(&work, entity, row, reason);
    }
    *out_rows = work.wiped;
    return satchel_desk_close(&desk, status, "erased", entity, row);
}

/* A user who is no more signs in nowhere. */
static satchel_status revoke_devices(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_id *user, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_arena arena;
    satchel_id_list devices = {NULL, 0, 0};
    satchel_arena_init(&arena);
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error, "SELECT device FROM device_state WHERE owner = ?1 AND revoked = 0",
                         satchel_value_id(user));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id device = satchel_db_id(statement, 0);
            status = satchel_id_list_add(&devices, &arena, &device);
        }
    }
    satchel_db_end(statement);
    for (uint32_t i = 0; status == SATCHEL_OK && i < devices.count; i++) {
        status = satchel_device_revoke(service, db, actor, &devices.items[i], error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_person_erase(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                    uint32_t entity, const satchel_id *row, satchel_text reason, satchel_id *out_id,
                                    uint64_t *out_rows, satchel_error *error) {
    *out_rows = 0;
    satchel_status status = satchel_service_make_id(service, out_id, error);
    if (status == SATCHEL_OK) {
        status = run(service, db, actor, entity, row, reason, false, out_id, out_rows, error);
    }
    return status == SATCHEL_OK && entity == SATCHEL_ENTITY_USER ? revoke_devices(service, db, actor, row, error)
                                                                 : status;
}

satchel_status satchel_erase_again(const satchel_service *service, satchel_db *db, const satchel_ledger_entry *entry,
                                   bool *out_done, satchel_error *error) {
    int64_t there = 0;
    uint64_t rows = 0;
    satchel_id id = entry->id;
    const satchel_actor system = satchel_actor_system();
    satchel_status status = SATCHEL_DB_NUMBER(
        db, error, &there, 0, "SELECT count(*) FROM \"erasure\" WHERE \"id\" = ?1", satchel_value_id(&id));
    if (status != SATCHEL_OK || there != 0) {
        return status;
    }
    *out_done = true;
    return run(service, db, &system, entry->entity, &entry->row, satchel_text_of(""), true, &id, &rows, error);
}

satchel_status satchel_person_rows(const satchel_service *service, satchel_db *db, satchel_arena *arena,
                                   uint32_t entity, const satchel_id *row, satchel_person_row **out,
                                   uint32_t *out_count, satchel_error *error) {
    erase_work work = {.service = service, .db = db, .arena = arena, .error = error};
    satchel_status status = gather(&work, entity, row);
    *out = work.rows;
    *out_count = work.count;
    return status;
}
