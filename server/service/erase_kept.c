/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was kept of erased rows: journals, ops that came back, what commands remember, bytes of units.
 */
#include "service/erase_work.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/merge_customers.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>
#include <stdio.h>
#include <string.h>

/* Fields of journals that hold values of other rows. */
static const struct {
    uint32_t entity;
    const char *table;
    uint32_t fields[4];
} journals[] = {
    {SATCHEL_ENTITY_CONFLICT,
     "conflict",
     {SATCHEL_CONFLICT_VALUES_OPEN, SATCHEL_CONFLICT_VALUES_PERSONAL, SATCHEL_CONFLICT_VALUES_COMMERCIAL,
      SATCHEL_CONFLICT_VALUES_SECRET}},
    {SATCHEL_ENTITY_REFUSAL, "refusal", {SATCHEL_REFUSAL_OP, 0, 0, 0}},
    {SATCHEL_ENTITY_PARKED_EDIT, "parked_edit", {SATCHEL_PARKED_EDIT_SEALED_OP, 0, 0, 0}},
};

/* Without its values there is nothing to decide on. */
static bool is_open_conflict(const satchel_stored_row *row) {
    return row->entity == SATCHEL_ENTITY_CONFLICT &&
           satchel_record_int(&row->merged.value, SATCHEL_CONFLICT_STATUS, 0) == SATCHEL_CONFLICT_STATUS_OPEN;
}

static satchel_status empty_journal_row(erase_work *work, size_t kind, const satchel_id *id) {
    satchel_stored_row row;
    uint32_t changed[6];
    uint32_t count = 0;
    satchel_value none = satchel_value_null();
    satchel_desk *desk = work->desk;
    satchel_status status = satchel_stored_row_load(desk->service->tables, desk->db, journals[kind].entity, id,
                                                    &desk->arena, &row, work->error);
    for (size_t i = 0; status == SATCHEL_OK && i < 4; i++) {
        uint32_t number = journals[kind].fields[i];
        if (number != 0 && satchel_record_get(&row.merged.value, number) != NULL) {
            status = satchel_change_put(work->change, &row, number, &none);
            changed[count++] = number;
        }
    }
    if (status == SATCHEL_OK && journals[kind].entity == SATCHEL_ENTITY_PARKED_EDIT) {
        satchel_value discarded = satchel_value_int(SATCHEL_PARKED_STATUS_DISCARDED);
        status = satchel_change_put(work->change, &row, SATCHEL_PARKED_EDIT_STATUS, &discarded);
        changed[count++] = SATCHEL_PARKED_EDIT_STATUS;
    }
    if (status == SATCHEL_OK && is_open_conflict(&row)) {
        satchel_value kept = satchel_value_int(SATCHEL_CONFLICT_STATUS_KEPT);
        satchel_value now = satchel_value_time(work->change->now_ms);
        status = satchel_change_put(work->change, &row, SATCHEL_CONFLICT_STATUS, &kept);
        changed[count++] = SATCHEL_CONFLICT_STATUS;
        if (status == SATCHEL_OK) {
            status = satchel_change_put(work->change, &row, SATCHEL_CONFLICT_RESOLVED_AT, &now);
            changed[count++] = SATCHEL_CONFLICT_RESOLVED_AT;
        }
    }
    return status == SATCHEL_OK && count > 0 ? satchel_change_save(work->change, &row, changed, count, work->error)
                                             : status;
}

/* Ends the statement, whose rows are ids of the journal. */
static satchel_status empty_listed(erase_work *work, size_t kind, satchel_db_statement *statement) {
    satchel_id_list ids = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    bool found = true;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(&ids, work->arena, &id);
        }
    }
    satchel_db_end(statement);
    for (uint32_t i = 0; status == SATCHEL_OK && i < ids.count; i++) {
        status = empty_journal_row(work, kind, &ids.items[i]);
    }
    return status;
}

satchel_status satchel_erase_journals(erase_work *work, const satchel_person_row *at) {
    satchel_status status = SATCHEL_OK;
    for (size_t kind = 0; status == SATCHEL_OK && kind < sizeof journals / sizeof *journals; kind++) {
        satchel_db_statement *statement = NULL;
        char sql[128];
        (void)snprintf(sql, sizeof sql, "SELECT \"id\" FROM \"%s\" WHERE \"subject_row\" = ?1", journals[kind].table);
        status = SATCHEL_DB_START(&statement, work->db, work->error, sql, satchel_value_id(&at->id));
        if (status == SATCHEL_OK) {
            status = empty_listed(work, kind, statement);
        }
    }
    return status;
}

satchel_status satchel_erase_returned(erase_work *work, const satchel_person_row *at) {
    satchel_status status =
        SATCHEL_DB_RUN(work->db, work->error, "DELETE FROM returned_op WHERE entity = ?1 AND row = ?2",
                       satchel_db_count(at->entity), satchel_value_id(&at->id));
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(work->db, work->error, "DELETE FROM restored_row WHERE entity = ?1 AND row = ?2",
                                satchel_db_count(at->entity), satchel_value_id(&at->id))
               : status;
}

/* What commands keep beside the rows: keys of names and numbers, what a merge gave, what waits for an approval. */
satchel_status satchel_erase_commands(erase_work *work, const satchel_person_row *at) {
    const satchel_value id = satchel_value_id(&at->id);
    satchel_status status = SATCHEL_DB_RUN(
        work->db, work->error,
        "DELETE FROM proposal WHERE approval IN (SELECT \"id\" FROM \"approval\" WHERE \"subject_row\" = ?1)", id);
    if (status == SATCHEL_OK && at->entity == SATCHEL_ENTITY_CUSTOMER) {
        status = satchel_duplicate_forget(work->db, &at->id, work->error);
    }
    if (status == SATCHEL_OK && at->entity == SATCHEL_ENTITY_CUSTOMER) {
        status = SATCHEL_DB_RUN(work->db, work->error,
                                "UPDATE customer_merge SET gained = ?2 WHERE gone = ?1 OR survivor = ?1", id,
                                satchel_db_blob(NULL, 0));
    }
    return status;
}

/* Does a kept unit speak of an erased row? One that cannot be read goes as well: nobody can say. */
static bool unit_concerns(const erase_work *work, satchel_bytes bytes, satchel_arena *arena, uint64_t *out_ops) {
    satchel_unit_ops head;
    satchel_bytes *ops = NULL;
    *out_ops = 0;
    if (satchel_unit_decode(bytes, arena, &head, &ops, NULL) != SATCHEL_OK) {
        return true;
    }
    *out_ops = head.count;
    for (uint32_t i = 0; i < head.count; i++) {
        satchel_op op;
        if (satchel_op_decode(&work->service->schema, ops[i], head.first_sequence + i, arena, &op, NULL) !=
                SATCHEL_OK ||
            satchel_person_is_in(&work->service->schema, work->rows, work->count, &op)) {
            return true;
        }
    }
    return false;
}

typedef struct kept_place {
    uint64_t incarnation;
    uint64_t sequence;
    uint64_t ops;
} kept_place;

/* Rows that never came to be are in no table that could be searched: their refusals go with the unit. */
static satchel_status empty_journals_of_unit(erase_work *work, const kept_place *place) {
    satchel_status status = SATCHEL_OK;
    for (size_t kind = 0; status == SATCHEL_OK && kind < sizeof journals / sizeof *journals; kind++) {
        satchel_db_statement *statement = NULL;
        char sql[256];
        if (journals[kind].entity == SATCHEL_ENTITY_CONFLICT) {
            continue;
        }
        (void)snprintf(sql, sizeof sql,
                       "SELECT j.\"id\" FROM \"%s\" j JOIN incarnation i ON i.id = j.\"incarnation\""
                       " WHERE i.number = ?1 AND j.\"sequence\" >= ?2 AND j.\"sequence\" < ?3",
                       journals[kind].table);
        status = SATCHEL_DB_START(&statement, work->db, work->error, sql, satchel_db_count(place->incarnation),
                                  satchel_db_count(place->sequence), satchel_db_count(place->sequence + place->ops));
        if (status == SATCHEL_OK) {
            status = empty_listed(work, kind, statement);
        }
    }
    return status;
}

/* Bytes of kept units go one by one; that there was a unit stays. */
satchel_status satchel_erase_kept_units(erase_work *work) {
    satchel_db_statement *statement = NULL;
    satchel_arena arena;
    satchel_buffer places;
    satchel_arena_init(&arena);
    satchel_buffer_init(&places);
    satchel_status status = satchel_db_start(
        &statement, work->db, "SELECT incarnation, first_sequence, unit FROM kept_unit WHERE length(unit) > 0", NULL, 0,
        work->error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        uint64_t ops = 0;
        satchel_arena_reset(&arena);
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found && unit_concerns(work, satchel_db_bytes(statement, 2), &arena, &ops)) {
            const kept_place place = {satchel_db_uint(statement, 0), satchel_db_uint(statement, 1), ops};
            status = satchel_buffer_append(&places, satchel_bytes_of(&place, sizeof place));
        }
    }
    satchel_db_end(statement);
    for (size_t at = 0; status == SATCHEL_OK && at + sizeof(kept_place) <= places.bytes; at += sizeof(kept_place)) {
        kept_place place;
        memcpy(&place, places.data + at, sizeof place);
        status = SATCHEL_DB_RUN(
            work->db, work->error, "UPDATE kept_unit SET unit = ?3 WHERE incarnation = ?1 AND first_sequence = ?2",
            satchel_db_count(place.incarnation), satchel_db_count(place.sequence), satchel_db_blob(NULL, 0));
        if (status == SATCHEL_OK) {
            status = empty_journals_of_unit(work, &place);
        }
    }
    satchel_buffer_deinit(&places);
    satchel_arena_deinit(&arena);
    return status;
}
