/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows that hang on a customer that is merged away: moved to the survivor, noted, and put back by an undo.
 */
#include "service/merge_customers.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>

#define BATCH 128

/* --- one row --- */

/* A row that was moved: which field of it named whom, and whom it names now. None for a deletion. */
typedef struct moved_row {
    uint32_t entity;
    satchel_id row;
    uint32_t field;
    satchel_id was;
    satchel_id became;
} moved_row;

static satchel_status note_moved(satchel_merging *work, const moved_row *moved) {
    if (work->moved == SATCHEL_MERGE_ROWS_MOST) {
        return satchel_given_refuse(work->given, SATCHEL_LIMIT_EXCEEDED, 0,
                                    "more rows hang on it than one merge moves");
    }
    work->moved++;
    return SATCHEL_DB_RUN(work->given->change->db, work->given->error,
                          "INSERT INTO customer_moved (gone, entity, row, field, was, became) VALUES (?1, ?2, ?3, ?4,"
                          " ?5, ?6) ON CONFLICT (gone, entity, row, field) DO NOTHING",
                          satchel_value_id(&work->gone), satchel_value_int(moved->entity),
                          satchel_value_id(&moved->row), satchel_value_int(moved->field), satchel_value_id(&moved->was),
                          satchel_value_id(&moved->became));
}

/* What one row takes is given back before the next: a customer may have thousands. */
static satchel_status put_field(satchel_merging *work, uint32_t entity, const satchel_id *id, uint32_t field,
                                const satchel_value *value) {
    satchel_change *change = work->given->change;
    satchel_arena *before = change->arena;
    satchel_stored_row row;
    satchel_arena_reset(&work->scratch);
    change->arena = &work->scratch;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, entity, id, change->arena,
                                                    &row, work->given->error);
    if (status == SATCHEL_OK && row.merged.exists) {
        status = satchel_change_put(change, &row, field, value);
        if (status == SATCHEL_OK) {
            status =
                satchel_change_save(change, &row, &field, field != SATCHEL_FIELD_DELETED ? 1 : 0, work->given->error);
        }
    }
    change->arena = before;
    return status;
}

static satchel_status move_row(satchel_merging *work, const moved_row *moved) {
    const satchel_value value =
        moved->field == SATCHEL_FIELD_DELETED ? satchel_value_bool(true) : satchel_value_id(&moved->became);
    satchel_status status = note_moved(work, moved);
    return status == SATCHEL_OK && !satchel_given_is_refused(work->given)
               ? put_field(work, moved->entity, &moved->row, moved->field, &value)
               : status;
}

/* --- many --- */

/* Ids behind `after` that a text finds; ?1 is whom they name, ?2 after which. */
static satchel_status next_ids(satchel_merging *work, const char *sql, const satchel_id *whom, const satchel_id *after,
                               satchel_id *ids, uint32_t *out_count) {
    satchel_db_statement *statement = NULL;
    satchel_error *error = work->given->error;
    satchel_status status = SATCHEL_DB_START(&statement, work->given->change->db, error, sql, satchel_value_id(whom),
                                             satchel_value_id(after), satchel_value_int(BATCH));
    bool found = status == SATCHEL_OK;
    *out_count = 0;
    while (status == SATCHEL_OK && found && *out_count < BATCH) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            ids[(*out_count)++] = satchel_db_id(statement, 0);
        }
    }
    satchel_db_end(statement);
    return status;
}

/* `like`: what all rows that the text finds have in common. */
static satchel_status move_all(satchel_merging *work, const char *sql, const moved_row *like) {
    satchel_id ids[BATCH];
    satchel_id after = {{0}};
    uint32_t count = BATCH;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && count == BATCH && !satchel_given_is_refused(work->given)) {
        status = next_ids(work, sql, &like->was, &after, ids, &count);
        for (uint32_t i = 0; status == SATCHEL_OK && i < count && !satchel_given_is_refused(work->given); i++) {
            moved_row moved = *like;
            moved.row = ids[i];
            status = move_row(work, &moved);
            after = ids[i];
        }
    }
    return status;
}

static satchel_status repoint_field(satchel_merging *work, const satchel_entity *entity, const satchel_field *field,
                                    const satchel_id *from, const satchel_id *to) {
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT \"id\" FROM \"%s\" WHERE \"%s\" = ?1 AND \"id\" > ?2 ORDER BY \"id\" LIMIT ?3", entity->name,
        field->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    const moved_row like = {.entity = entity->number, .field = field->number, .was = *from, .became = *to};
    status = status == SATCHEL_OK ? move_all(work, (const char *)sql.data, &like)
                                  : satchel_fail(work->given->error, status, "no memory for a text");
    satchel_buffer_deinit(&sql);
    return status;
}

/* Attachments name what they belong to by kind and id. */
static satchel_status repoint_attachments(satchel_merging *work, const satchel_id *from, const satchel_id *to) {
    const moved_row like = {
        .entity = SATCHEL_ENTITY_ATTACHMENT, .field = SATCHEL_ATTACHMENT_SUBJECT_ROW, .was = *from, .became = *to};
    return move_all(work,
                    "SELECT \"id\" FROM \"attachment\" WHERE \"subject_row\" = ?1 AND \"id\" > ?2 ORDER BY \"id\""
                    " LIMIT ?3",
                    &like);
}

satchel_status satchel_merging_repoint(satchel_merging *work, uint32_t entity, const satchel_id *from,
                                       const satchel_id *to) {
    const satchel_model *model = work->given->change->service->schema.model;
    satchel_status status = repoint_attachments(work, from, to);
    for (uint32_t e = 0; status == SATCHEL_OK && e < model->entity_count; e++) {
        const satchel_entity *of = &model->entities[e];
        for (uint32_t f = 0; status == SATCHEL_OK && f < of->field_count; f++) {
            const satchel_field *field = &of->fields[f];
            bool is_link = of->number == SATCHEL_ENTITY_CUSTOMER && field->number == SATCHEL_CUSTOMER_MERGED_INTO;
            if (field->ref == entity && field->type == SATCHEL_TYPE_ID && !is_link &&
                !satchel_given_is_refused(work->given)) {
                status = repoint_field(work, of, field, from, to);
            }
        }
    }
    return status;
}

/* --- plans --- */

typedef struct planned_pair {
    satchel_id gone;
    satchel_id stays;
    bool gone_has_facts;
    bool stays_has_facts;
} planned_pair;

#define PAIRS_MOST 1024

#define VISIT_FACTS(of)                                                                                                \
    "(CASE WHEN " of ".\"status\" > 1 OR " of                                                                          \
    ".\"check_in_at\" IS NOT NULL OR EXISTS (SELECT 1 FROM \"form_answer\" f"                                          \
    " WHERE f.\"visit\" = " of ".\"id\") THEN 1 ELSE 0 END)"

static const char same_visits[] = "SELECT g.\"id\", s.\"id\", " VISIT_FACTS("g") ", " VISIT_FACTS(
    "s") " FROM \"visit\" g JOIN \"visit\" s"
         " ON s.\"customer\" = ?2 AND s.\"plan\" = g.\"plan\" AND s.\"plan_day\" = g.\"plan_day\" AND s.\"deleted\" = 0"
         " WHERE g.\"customer\" = ?1 AND g.\"deleted\" = 0 ORDER BY g.\"id\" LIMIT ?3";
static const char same_stops[] =
    "SELECT g.\"id\", s.\"id\", 0, 1 FROM \"plan_stop\" g JOIN \"plan_stop\" s ON s.\"customer\" = ?2 AND s.\"plan\" ="
    " g.\"plan\" AND s.\"deleted\" = 0 WHERE g.\"customer\" = ?1 AND g.\"deleted\" = 0 ORDER BY g.\"id\" LIMIT ?3";

static satchel_status find_pairs(satchel_merging *work, const char *sql, planned_pair *pairs, uint32_t *out_count) {
    satchel_db_statement *statement = NULL;
    satchel_error *error = work->given->error;
    satchel_status status =
        SATCHEL_DB_START(&statement, work->given->change->db, error, sql, satchel_value_id(&work->gone),
                         satchel_value_id(&work->survivor), satchel_value_int(PAIRS_MOST));
    bool found = status == SATCHEL_OK;
    *out_count = 0;
    while (status == SATCHEL_OK && found && *out_count < PAIRS_MOST) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            pairs[(*out_count)++] =
                (planned_pair){satchel_db_id(statement, 0), satchel_db_id(statement, 1),
                               satchel_db_int(statement, 2) != 0, satchel_db_int(statement, 3) != 0};
        }
    }
    satchel_db_end(statement);
    return status;
}

/* Of two planned visits of one day the one with facts stays; with facts in both, both do. */
static satchel_status join(satchel_merging *work, uint32_t entity, const planned_pair *pair) {
    if (pair->gone_has_facts && pair->stays_has_facts) {
        return SATCHEL_OK;
    }
    const satchel_id *drop = pair->gone_has_facts ? &pair->stays : &pair->gone;
    const satchel_id *keep = pair->gone_has_facts ? &pair->gone : &pair->stays;
    const moved_row dropped = {.entity = entity, .row = *drop, .field = SATCHEL_FIELD_DELETED};
    satchel_status status = move_row(work, &dropped);
    return status == SATCHEL_OK && entity == SATCHEL_ENTITY_VISIT ? satchel_merging_repoint(work, entity, drop, keep)
                                                                  : status;
}

satchel_status satchel_merging_join_plans(satchel_merging *work) {
    static const struct {
        uint32_t entity;
        const char *sql;
    } kinds[] = {{SATCHEL_ENTITY_VISIT, same_visits}, {SATCHEL_ENTITY_PLAN_STOP, same_stops}};
    satchel_status status = SATCHEL_OK;
    planned_pair *pairs = satchel_arena_take_array(work->given->change->arena, PAIRS_MOST, sizeof *pairs);
    if (pairs == NULL) {
        return satchel_fail(work->given->error, SATCHEL_NO_MEMORY, "no memory for visits");
    }
    for (size_t k = 0; status == SATCHEL_OK && k < sizeof kinds / sizeof *kinds; k++) {
        uint32_t count = 0;
        status = find_pairs(work, kinds[k].sql, pairs, &count);
        for (uint32_t i = 0; status == SATCHEL_OK && i < count && !satchel_given_is_refused(work->given); i++) {
            status = join(work, kinds[k].entity, &pairs[i]);
        }
    }
    return status;
}

/* --- back --- */

static satchel_status next_moved(satchel_merging *work, const moved_row *after, moved_row *rows, uint32_t *out_count) {
    satchel_db_statement *statement = NULL;
    satchel_error *error = work->given->error;
    satchel_status status = SATCHEL_DB_START(
        &statement, work->given->change->db, error,
        "SELECT entity, row, field, was, became FROM customer_moved WHERE gone = ?1 AND (entity > ?2 OR (entity ="
        " ?2 AND (row > ?3 OR (row = ?3 AND field > ?4)))) ORDER BY entity, row, field LIMIT ?5",
        satchel_value_id(&work->gone), satchel_value_int(after->entity), satchel_value_id(&after->row),
        satchel_value_int(after->field), satchel_value_int(BATCH));
    bool found = status == SATCHEL_OK;
    *out_count = 0;
    while (status == SATCHEL_OK && found && *out_count < BATCH) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            rows[(*out_count)++] = (moved_row){(uint32_t)satchel_db_int(statement, 0), satchel_db_id(statement, 1),
                                               (uint32_t)satchel_db_int(statement, 2), satchel_db_id(statement, 3),
                                               satchel_db_id(statement, 4)};
        }
    }
    satchel_db_end(statement);
    return status;
}

/* Whoever gave the row to someone else since meant that. */
static satchel_status is_where_it_was_put(satchel_merging *work, const moved_row *moved, bool *out) {
    satchel_change *change = work->given->change;
    satchel_stored_row row;
    satchel_arena_reset(&work->scratch);
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, moved->entity, &moved->row,
                                                    &work->scratch, &row, work->given->error);
    satchel_id now = satchel_record_id(&row.merged.value, moved->field);
    *out = status == SATCHEL_OK && row.merged.exists &&
           (moved->field == SATCHEL_FIELD_DELETED ? row.merged.deleted : satchel_id_equal(&now, &moved->became));
    return status;
}

static satchel_status put_one_back(satchel_merging *work, const moved_row *moved) {
    const satchel_value back =
        moved->field == SATCHEL_FIELD_DELETED ? satchel_value_bool(false) : satchel_value_id(&moved->was);
    bool there = false;
    satchel_status status = is_where_it_was_put(work, moved, &there);
    return status == SATCHEL_OK && there ? put_field(work, moved->entity, &moved->row, moved->field, &back) : status;
}

satchel_status satchel_merging_put_back(satchel_merging *work) {
    moved_row rows[BATCH];
    moved_row after = {.entity = 0};
    uint32_t count = BATCH;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && count == BATCH) {
        status = next_moved(work, &after, rows, &count);
        for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
            status = put_one_back(work, &rows[i]);
            after = rows[i];
        }
    }
    return status;
}
