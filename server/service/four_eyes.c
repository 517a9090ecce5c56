/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four eyes: who approved a step of a chain does not approve a later one of it, unless the company says that one person
 * may (approve.one_person).
 *
 * A step was made by the change that approved the step before it, so the two carry one revision; that is how a chain is
 * told from an older one about the same row. Where the step before cannot be told, every earlier approval of the row
 * counts: better one person too many than one too few.
 */
#include "service/command.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>

#define EARLIER_MOST 64 /* approvals of one step of one row that are looked at, newest first */

/* The revision at which a field of an approval got its value. */
static uint64_t written_at(const satchel_order_given *given, const satchel_stored_row *row, uint32_t number) {
    const satchel_schema *schema = &given->change->service->schema;
    const satchel_field *field = satchel_schema_field(schema, SATCHEL_ENTITY_APPROVAL, number);
    const satchel_version *version = satchel_versions_find(
        &row->merged.versions, satchel_versions_key(schema, SATCHEL_ENTITY_APPROVAL, field), (satchel_bytes){NULL, 0});
    return version != NULL ? version->n : 0;
}

typedef struct earlier {
    satchel_id ids[EARLIER_MOST];
    uint32_t count;
} earlier;

static satchel_status load_earlier(satchel_order_given *given, const satchel_id *row, int64_t step, earlier *out) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(
        &statement, given->change->db, given->error,
        "SELECT \"id\" FROM \"approval\" WHERE \"subject_row\" = ?1 AND \"step\" = ?2 AND \"decision\" = ?3"
        " AND \"deleted\" = 0 ORDER BY \"revision\" DESC LIMIT 64",
        satchel_value_id(row), satchel_value_int(step), satchel_value_int(SATCHEL_APPROVAL_DECISION_APPROVED));
    bool found = status == SATCHEL_OK;
    out->count = 0;
    while (status == SATCHEL_OK && found && out->count < EARLIER_MOST) {
        status = satchel_db_step(statement, &found, given->error);
        if (status == SATCHEL_OK && found) {
            out->ids[out->count++] = satchel_db_id(statement, 0);
        }
    }
    satchel_db_end(statement);
    return status;
}

/* The step before: the one whose approval made `later`. Not found: `*out` is as it was. */
static satchel_status step_before(satchel_order_given *given, const satchel_stored_row *later, const satchel_id *row,
                                  int64_t step, satchel_stored_row *out, bool *out_found) {
    uint64_t made = written_at(given, later, SATCHEL_APPROVAL_STEP);
    earlier all;
    *out_found = false;
    satchel_status status = load_earlier(given, row, step, &all);
    for (uint32_t i = 0; status == SATCHEL_OK && !*out_found && i < all.count; i++) {
        satchel_stored_row read;
        status = satchel_stored_row_load(given->change->service->tables, given->change->db, SATCHEL_ENTITY_APPROVAL,
                                         &all.ids[i], given->change->arena, &read, given->error);
        *out_found = status == SATCHEL_OK && written_at(given, &read, SATCHEL_APPROVAL_DECISION) == made;
        if (*out_found) {
            *out = read;
        }
    }
    return status;
}

static satchel_status approved_any(satchel_order_given *given, const satchel_id *row, int64_t below, bool *out) {
    int64_t count = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        given->change->db, given->error, &count, 0,
        "SELECT count(*) FROM \"approval\" WHERE \"subject_row\" = ?1 AND \"step\" < ?2 AND \"decision\" = ?3"
        " AND \"decided_by\" = ?4 AND \"deleted\" = 0",
        satchel_value_id(row), satchel_value_int(below), satchel_value_int(SATCHEL_APPROVAL_DECISION_APPROVED),
        satchel_value_id(&given->change->author->user));
    *out = count > 0;
    return status;
}

satchel_status satchel_approval_decided_before(satchel_order_given *given, bool *out) {
    const satchel_id *user = &given->change->author->user;
    satchel_id row = satchel_record_id(&given->row.merged.value, SATCHEL_APPROVAL_SUBJECT_ROW);
    int64_t step = satchel_record_int(&given->row.merged.value, SATCHEL_APPROVAL_STEP, 1);
    satchel_stored_row at = given->row;
    int64_t alone = 0;
    *out = false;
    if (satchel_id_is_none(user)) {
        return SATCHEL_OK; /* the operator */
    }
    satchel_status status = satchel_rule_get(given->change->db, SATCHEL_RULE_APPROVE_ALONE, &alone, given->error);
    for (int64_t s = step - 1; status == SATCHEL_OK && alone == 0 && !*out && s >= 1; s--) {
        bool found = false;
        status = step_before(given, &at, &row, s, &at, &found);
        if (status == SATCHEL_OK && !found) {
            return approved_any(given, &row, s + 1, out);
        }
        satchel_id by = satchel_record_id(&at.merged.value, SATCHEL_APPROVAL_DECIDED_BY);
        *out = status == SATCHEL_OK && satchel_id_equal(&by, user);
    }
    return status;
}
