/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conflict rows: what won, what lost, whose it was; the values in the one blob of their class.
 */
#include "service/journal.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <string.h>

satchel_status satchel_writer_look_up(satchel_db *db, uint64_t incarnation, satchel_writer_identity *out,
                                      satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_writer_identity){.user = {{0}}};
    if (incarnation == 0 || incarnation == SATCHEL_WRITER_SEVERAL) {
        return SATCHEL_OK;
    }
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error, "SELECT owner, device, id FROM incarnation WHERE number = ?1",
                         satchel_db_count(incarnation));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out = (satchel_writer_identity){satchel_db_id(statement, 0), satchel_db_id(statement, 1),
                                         satchel_db_id(statement, 2)};
    }
    satchel_db_end(statement);
    return status;
}

/* --- values --- */

static satchel_status put_side(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                               satchel_conflict_side which, satchel_buffer *out) {
    satchel_buffer side;
    satchel_buffer_init(&side);
    satchel_status status = satchel_record_encode(schema, entity, record, &side);
    if (status == SATCHEL_OK) {
        status = satchel_conflict_side_put(which, satchel_buffer_view(&side), out);
    }
    satchel_buffer_deinit(&side);
    return status;
}

static satchel_sensitivity class_of(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                                    satchel_sensitivity least) {
    satchel_sensitivity found = least;
    for (uint32_t i = 0; i < record->count; i++) {
        const satchel_field *field = satchel_schema_field(schema, entity, record->fields[i].number);
        satchel_sensitivity of = field != NULL ? (satchel_sensitivity)field->sensitivity : SATCHEL_SENSITIVITY_SECRET;
        bool is_deletion = record->fields[i].number == SATCHEL_FIELD_DELETED;
        found = !is_deletion && of > found ? of : found;
    }
    return found;
}

static satchel_status put_values(satchel_change *change, uint32_t entity, const satchel_loss *loss,
                                 satchel_record *out) {
    const satchel_schema *schema = &change->service->schema;
    satchel_sensitivity of = class_of(schema, entity, &loss->winner, SATCHEL_SENSITIVITY_OPEN);
    of = class_of(schema, entity, &loss->loser, of);
    satchel_buffer blob;
    satchel_buffer_init(&blob);
    satchel_status status = put_side(schema, entity, &loss->winner, SATCHEL_SIDE_WINNER, &blob);
    if (status == SATCHEL_OK) {
        status = put_side(schema, entity, &loss->loser, SATCHEL_SIDE_LOSER, &blob);
    }
    /* Two of the longest texts do not fit: the winner stands in the row itself, the loser only here. */
    if (status == SATCHEL_OK && blob.bytes > SATCHEL_LIMIT_TEXT_BYTES) {
        satchel_buffer_clear(&blob);
        status = put_side(schema, entity, &loss->loser, SATCHEL_SIDE_LOSER, &blob);
    }
    if (status == SATCHEL_OK) {
        satchel_value value = satchel_value_bytes(satchel_buffer_view(&blob));
        status = satchel_record_set(out, satchel_conflict_value_field(of), &value);
    }
    satchel_buffer_deinit(&blob);
    return status;
}

static satchel_status read_side(const satchel_schema *schema, uint32_t entity, satchel_bytes values,
                                satchel_conflict_side which, satchel_record *out) {
    satchel_bytes side;
    bool found = false;
    satchel_status status = satchel_conflict_side_find(values, which, &side, &found);
    return status == SATCHEL_OK && found ? satchel_record_decode(schema, entity, side, false, out, NULL) : status;
}

satchel_status satchel_journal_values(const satchel_schema *schema, const satchel_record *conflict,
                                      satchel_arena *arena, satchel_record *out_winner, satchel_record *out_loser,
                                      satchel_error *error) {
    uint32_t entity = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    satchel_bytes values = satchel_conflict_values(conflict);
    satchel_record_init(out_winner, arena);
    satchel_record_init(out_loser, arena);
    satchel_status status = read_side(schema, entity, values, SATCHEL_SIDE_WINNER, out_winner);
    if (status == SATCHEL_OK) {
        status = read_side(schema, entity, values, SATCHEL_SIDE_LOSER, out_loser);
    }
    if (status != SATCHEL_OK && status != SATCHEL_NO_MEMORY) {
        status = SATCHEL_DAMAGED;
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "the values of a conflict");
}

/* --- conflicts --- */

static int64_t kind_of(const satchel_loss *loss) {
    if (loss->field == SATCHEL_FIELD_DELETED) {
        return SATCHEL_CONFLICT_KIND_DELETED;
    }
    if (loss->kind == SATCHEL_LOSS_ASK) {
        return SATCHEL_CONFLICT_KIND_ASK;
    }
    switch (loss->reason) {
    case SATCHEL_AMBIGUOUS: return SATCHEL_CONFLICT_KIND_DUPLICATE;
    case SATCHEL_ILLEGAL_STATE: return SATCHEL_CONFLICT_KIND_STATE;
    case SATCHEL_ALREADY_EXISTS: return SATCHEL_CONFLICT_KIND_ONCE;
    default: return SATCHEL_CONFLICT_KIND_OVERWRITTEN;
    }
}

static satchel_status set_id_unless_none(satchel_record *record, uint32_t field, const satchel_id *id) {
    return satchel_id_is_none(id) ? SATCHEL_OK : satchel_record_set_id(record, field, id);
}

typedef struct number_field {
    uint32_t field;
    int64_t value;
} number_field;

static satchel_status put_numbers(const number_field *numbers, size_t count, satchel_record *out) {
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = satchel_record_set_int(out, numbers[i].field, numbers[i].value);
    }
    return status;
}

static satchel_status put_people(satchel_change *change, const satchel_loss *loss, satchel_record *out,
                                 satchel_error *error) {
    satchel_writer_identity winner;
    satchel_writer_identity loser;
    satchel_status status = satchel_writer_look_up(change->db, loss->winner_version.writer.incarnation, &winner, error);
    if (status == SATCHEL_OK) {
        status = satchel_writer_look_up(change->db, loss->loser_version.writer.incarnation, &loser, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    const struct {
        uint32_t field;
        const satchel_id *id;
    } ids[] = {{SATCHEL_CONFLICT_WINNER_USER, &winner.user},
               {SATCHEL_CONFLICT_WINNER_DEVICE, &winner.device},
               {SATCHEL_CONFLICT_LOSER_USER, &loser.user},
               {SATCHEL_CONFLICT_LOSER_DEVICE, &loser.device},
               {SATCHEL_CONFLICT_LOSER_INCARNATION, &loser.incarnation}};
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof ids / sizeof *ids; i++) {
        status = set_id_unless_none(out, ids[i].field, ids[i].id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(out, SATCHEL_CONFLICT_WINNER_AT, loss->winner_version.stamp_ms);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(out, SATCHEL_CONFLICT_LOSER_AT, loss->loser_version.stamp_ms);
    }
    return status;
}

static satchel_status build_conflict(satchel_change *change, const satchel_stored_row *row,
                                     const satchel_standing *standing, const satchel_loss *loss, bool open,
                                     satchel_record *out, satchel_error *error) {
    const number_field numbers[] = {
        {SATCHEL_CONFLICT_SUBJECT_ENTITY, row->entity},
        {SATCHEL_CONFLICT_SUBJECT_FIELD, loss->field},
        {SATCHEL_CONFLICT_KIND, kind_of(loss)},
        {SATCHEL_CONFLICT_STATUS, open ? SATCHEL_CONFLICT_STATUS_OPEN : SATCHEL_CONFLICT_STATUS_KEPT},
        {SATCHEL_CONFLICT_POLICY, loss->policy},
        {SATCHEL_CONFLICT_LOSER_SEQUENCE, (int64_t)loss->loser_version.writer.sequence},
        {SATCHEL_CONFLICT_DECIDED_N, (int64_t)change->n},
        {SATCHEL_CONFLICT_REASON, loss->reason}};
    satchel_status status = put_numbers(numbers, sizeof numbers / sizeof *numbers, out);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(out, SATCHEL_CONFLICT_SUBJECT_ROW, &row->id);
    }
    if (status == SATCHEL_OK) {
        status = set_id_unless_none(out, SATCHEL_CONFLICT_CUSTOMER, &standing->anchor.id);
    }
    if (status == SATCHEL_OK) {
        status = put_values(change, row->entity, loss, out);
    }
    return status == SATCHEL_OK ? put_people(change, loss, out, error) : status;
}

static satchel_id conflict_id(const satchel_change *change, const satchel_stored_row *row, const satchel_loss *loss) {
    uint8_t numbers[32];
    satchel_put_u64be(numbers, change->fact_n != 0 ? change->fact_n : change->n); /* a fact has the row that it had */
    satchel_put_u64be(numbers + 8, change->sequence);
    satchel_put_u64be(numbers + 16, loss->field);
    satchel_put_u64be(numbers + 24, change->journalled);
    const satchel_bytes parts[] = {satchel_id_view(&change->author->incarnation_id), satchel_id_view(&row->id),
                                   satchel_bytes_of(numbers, sizeof numbers)};
    return satchel_id_derive("satchel conflict", parts, 3);
}

/* An open conflict of the same field steps back: the newest loser is the one to be decided on. */
static satchel_status supersede(satchel_change *change, const satchel_stored_row *row, uint32_t field,
                                satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_id older = {{0}};
    bool found = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, error,
                         "SELECT \"id\" FROM \"conflict\" WHERE \"subject_row\" = ?1 AND \"subject_field\" = ?2"
                         " AND \"status\" = 1",
                         satchel_value_id(&row->id), satchel_db_count(field));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        older = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    if (status != SATCHEL_OK || !found) {
        return status;
    }
    satchel_stored_row conflict;
    const uint32_t changed = SATCHEL_CONFLICT_STATUS;
    satchel_value kept = satchel_value_int(SATCHEL_CONFLICT_STATUS_KEPT);
    status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_CONFLICT, &older,
                                     change->arena, &conflict, error);
    if (status == SATCHEL_OK) {
        status = satchel_change_put(change, &conflict, changed, &kept);
    }
    return status == SATCHEL_OK ? satchel_change_save(change, &conflict, &changed, 1, error) : status;
}

static satchel_status add_conflict(satchel_change *change, const satchel_stored_row *row,
                                   const satchel_standing *standing, const satchel_loss *loss, bool open,
                                   const satchel_id *id, satchel_error *error) {
    satchel_record record;
    satchel_record_init(&record, change->arena);
    satchel_status status = open ? supersede(change, row, loss->field, error) : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = build_conflict(change, row, standing, loss, open, &record, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_change_insert(change, SATCHEL_ENTITY_CONFLICT, id, &record, NULL, error);
    }
    change->conflicts += status == SATCHEL_OK ? 1 : 0;
    return status;
}

satchel_status satchel_journal_conflict(satchel_change *change, const satchel_stored_row *row,
                                        const satchel_standing *standing, const satchel_loss *loss, satchel_id *out_id,
                                        satchel_error *error) {
    bool open = loss->kind == SATCHEL_LOSS_ASK || loss->field == SATCHEL_FIELD_DELETED;
    *out_id = conflict_id(change, row, loss);
    change->journalled++;
    return add_conflict(change, row, standing, loss, open, out_id, error);
}

satchel_status satchel_journal_offer(satchel_change *change, const satchel_stored_row *row,
                                     const satchel_standing *standing, const satchel_loss *loss, const satchel_id *id,
                                     satchel_error *error) {
    return add_conflict(change, row, standing, loss, true, id, error);
}
