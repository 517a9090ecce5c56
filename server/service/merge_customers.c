/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two customers are one: the commands, and ops that still name the one that went.
 *
 * The row that goes stays in the table, archived and with `merged_into`; customer_merge holds what the survivor gained,
 * customer_moved which rows were moved. Chains are followed from the end, so a merge can be undone only while its
 * survivor is nobody's part.
 */
#include "service/merge_customers.h"

#include "base/error.h"
#include "base/ids.h"
#include "wire/record_codec.h"

#include <satchel/model.h>

/* --- chains --- */

static satchel_status next_of(satchel_db *db, const satchel_id *customer, bool *out_found, satchel_id *out,
                              satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error, "SELECT survivor FROM customer_merge WHERE gone = ?1", satchel_value_id(customer));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, out_found, error);
    }
    if (status == SATCHEL_OK && *out_found) {
        *out = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_customer_survivor(satchel_db *db, const satchel_id *customer, satchel_id *out,
                                         satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    bool found = !satchel_id_is_none(customer);
    *out = *customer;
    for (uint32_t i = 0; status == SATCHEL_OK && found; i++) {
        if (i == SATCHEL_MERGE_CHAIN_MOST) {
            return satchel_fail(error, SATCHEL_DAMAGED, "customers that were merged form a circle");
        }
        status = next_of(db, out, &found, out, error);
    }
    return status;
}

/* --- ops that name the one that went --- */

static satchel_status redirect_value(satchel_change *change, satchel_field_value *given, satchel_id *out_gone,
                                     satchel_error *error) {
    satchel_id survivor;
    if (given->value.type != SATCHEL_TYPE_ID) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_customer_survivor(change->db, &given->value.as.id, &survivor, error);
    if (status == SATCHEL_OK && !satchel_id_equal(&survivor, &given->value.as.id)) {
        *out_gone = given->value.as.id;
        given->value.as.id = survivor;
    }
    return status;
}

/* Was any customer ever merged? Changes of a batch ask once. */
static satchel_status look_for_merges(satchel_change *change, bool *out, satchel_error *error) {
    satchel_change_batch *batch = change->batch;
    int64_t found = 0;
    *out = batch == NULL || batch->merges;
    if (batch == NULL || batch->merges_known) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_db_number_values(change->db, "SELECT 1 FROM customer_merge LIMIT 1", NULL, 0, 0, &found, error);
    batch->merges_known = status == SATCHEL_OK;
    batch->merges = found != 0;
    *out = batch->merges;
    return status;
}

satchel_status satchel_op_to_survivor(satchel_change *change, satchel_op *op, satchel_id *out_gone,
                                      satchel_error *error) {
    const satchel_schema *schema = &change->service->schema;
    const satchel_entity *entity = satchel_schema_entity(schema, op->entity);
    satchel_id ignored = {{0}};
    bool merges = false;
    *out_gone = ignored;
    satchel_status status = look_for_merges(change, &merges, error);
    if (status != SATCHEL_OK || !merges) {
        return status;
    }
    if (op->kind == SATCHEL_OP_EDIT && op->entity == SATCHEL_ENTITY_CUSTOMER) {
        satchel_id survivor;
        status = satchel_customer_survivor(change->db, &op->row, &survivor, error);
        if (status == SATCHEL_OK && !satchel_id_equal(&survivor, &op->row)) {
            *out_gone = op->row;
            op->row = survivor;
        }
    }
    for (uint32_t i = 0; status == SATCHEL_OK && entity != NULL && i < op->set.count; i++) {
        const satchel_field *field = satchel_schema_field(schema, op->entity, op->set.fields[i].number);
        if (field != NULL && field->ref == SATCHEL_ENTITY_CUSTOMER && field->number != SATCHEL_CUSTOMER_MERGED_INTO) {
            bool anchors = field->number == entity->anchor_field;
            status = redirect_value(change, &op->set.fields[i], anchors ? out_gone : &ignored, error);
        }
    }
    return status;
}

satchel_status satchel_gone_is_his(satchel_change *change, const satchel_id *gone, bool *out, satchel_error *error) {
    satchel_standing standing = {.entity = SATCHEL_ENTITY_CUSTOMER};
    uint32_t relations = 0;
    *out = false;
    satchel_status status = satchel_anchor_load(change->db, gone, change->arena, &standing.anchor, error);
    standing.owner = standing.anchor.owner;
    standing.place = satchel_place_of(SATCHEL_ENTITY_CUSTOMER, gone, gone);
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(change->db, &standing, change->person, change->day, &relations, error);
    }
    if (status == SATCHEL_OK) {
        *out = satchel_access_allows(change->person->policy, &change->person->access, SATCHEL_ENTITY_CUSTOMER,
                                     relations, SATCHEL_VERB_READ);
    }
    if (status != SATCHEL_OK || *out || change->seen.epoch != change->counter->epoch) {
        return status;
    }
    return satchel_members_left_since(change->db, &standing.place, &change->author->user, change->scopes,
                                      change->seen.n, change->arena, out, error);
}

/* --- merging --- */

static satchel_status refuse_other(satchel_order_given *given, satchel_status why, const char *rule) {
    return satchel_given_refuse(given, why, SATCHEL_CUSTOMER_MERGED_INTO, rule);
}

/* What he may do to the other customer, as bits of verbs. Absent and forbidden are the same. */
static satchel_status look_at_rights(satchel_order_given *given, const satchel_stored_row *row, uint32_t *out) {
    static const satchel_verb verbs[] = {SATCHEL_VERB_READ, SATCHEL_VERB_EDIT, SATCHEL_VERB_ASSIGN};
    const satchel_change *change = given->change;
    satchel_standing standing;
    uint32_t relations = 0;
    *out = 0;
    satchel_status status = satchel_standing_of(change->service, change->db, SATCHEL_ENTITY_CUSTOMER, &row->id,
                                                &row->merged.value, change->arena, &standing, given->error);
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(change->db, &standing, change->person, change->day, &relations, given->error);
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        bool may = change->trusted || satchel_access_allows(change->person->policy, &change->person->access,
                                                            SATCHEL_ENTITY_CUSTOMER, relations, verbs[i]);
        *out |= may ? (uint32_t)verbs[i] : 0;
    }
    return status;
}

/*
 * The other customer is there, and the person may edit it. What hangs on one goes to the owner of the other, so between
 * two owners he must be one who may give customers to others.
 */
static satchel_status load_survivor(satchel_merging *work, satchel_stored_row *out) {
    satchel_order_given *given = work->given;
    satchel_change *change = given->change;
    uint32_t may = 0;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_CUSTOMER,
                                                    &work->survivor, change->arena, out, given->error);
    if (status == SATCHEL_OK) {
        status = look_at_rights(given, out, &may);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!out->merged.exists || out->merged.deleted || (may & SATCHEL_VERB_READ) == 0) {
        return refuse_other(given, change->trusted ? SATCHEL_NOT_FOUND : SATCHEL_OUT_OF_SCOPE,
                            "no such row is within reach");
    }
    if ((may & SATCHEL_VERB_EDIT) == 0) {
        return refuse_other(given, SATCHEL_FORBIDDEN, "both customers must be his to edit");
    }
    satchel_id goes = satchel_record_id(&given->row.merged.value, SATCHEL_CUSTOMER_OWNER);
    satchel_id stays = satchel_record_id(&out->merged.value, SATCHEL_CUSTOMER_OWNER);
    bool assigns = (may & SATCHEL_VERB_ASSIGN) != 0 && satchel_given_may(given, SATCHEL_VERB_ASSIGN);
    return satchel_id_equal(&goes, &stays) || assigns
               ? SATCHEL_OK
               : refuse_other(given, SATCHEL_FORBIDDEN, "customers of two owners are merged by who may assign both");
}

static satchel_status keep_merge(satchel_merging *work, const satchel_record *gained) {
    satchel_change *change = work->given->change;
    satchel_buffer bytes;
    int64_t archived = satchel_record_int(&work->given->row.merged.value, SATCHEL_CUSTOMER_ARCHIVED, 0);
    satchel_buffer_init(&bytes);
    if (change->batch != NULL) {
        change->batch->merges_known = true;
        change->batch->merges = true;
    }
    satchel_status status = satchel_record_encode(&change->service->schema, SATCHEL_ENTITY_CUSTOMER, gained, &bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(change->db, work->given->error,
                                "INSERT INTO customer_merge (gone, survivor, at_ms, owner, archived, gained)"
                                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                                satchel_value_id(&work->gone), satchel_value_id(&work->survivor),
                                satchel_value_time(change->stamp_ms), satchel_value_id(&change->author->user),
                                satchel_value_int(archived), satchel_value_bytes(satchel_buffer_view(&bytes)));
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status carry_out(satchel_merging *work, satchel_stored_row *survivor) {
    satchel_order_given *given = work->given;
    satchel_record gained;
    satchel_record_init(&gained, given->change->arena);
    satchel_status status = satchel_merging_unite(work, survivor, &given->row, &gained);
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = keep_merge(work, &gained);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = satchel_merging_join_plans(work);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = satchel_merging_repoint(work, SATCHEL_ENTITY_CUSTOMER, &work->gone, &work->survivor);
    }
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    /* From the pool it would go on being everybody's. */
    bool pooled = satchel_pool_holds(&given->row.merged.value);
    const satchel_given_field fields[] = {{SATCHEL_CUSTOMER_POOL_STATE, satchel_value_null()},
                                          {SATCHEL_CUSTOMER_MERGED_INTO, satchel_value_id(&work->survivor)},
                                          {SATCHEL_CUSTOMER_ARCHIVED, satchel_value_bool(true)}};
    status = satchel_given_put(given, fields + (pooled ? 0 : 1), pooled ? 3 : 2);
    if (status == SATCHEL_OK) {
        status = satchel_duplicate_forget(given->change->db, &work->gone, given->error);
    }
    return status == SATCHEL_OK ? satchel_duplicate_keys(given->change->db, survivor, given->error) : status;
}

/* Who merged it, and when: another decision came first. */
static satchel_status answer_merged(satchel_order_given *given) {
    satchel_change *change = given->change;
    satchel_db_statement *statement = NULL;
    satchel_id winner = {{0}};
    int64_t at = 0;
    bool found = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, given->error,
                         "SELECT owner, at_ms FROM customer_merge WHERE gone = ?1", satchel_value_id(&given->row.id));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, given->error);
    }
    if (status == SATCHEL_OK && found) {
        winner = satchel_db_id(statement, 0);
        at = satchel_db_int(statement, 1);
    }
    satchel_db_end(statement);
    return status == SATCHEL_OK
               ? satchel_given_overtaken(given, SATCHEL_CUSTOMER_MERGED_INTO, &winner, at, "it was merged before")
               : status;
}

satchel_status satchel_command_merge(satchel_order_given *given) {
    satchel_merging work = {.given = given, .gone = given->row.id};
    satchel_id wanted = satchel_record_id(&given->op->set, SATCHEL_CUSTOMER_MERGED_INTO);
    satchel_stored_row survivor;
    if (satchel_id_is_none(&wanted)) {
        return satchel_given_refuse(given, SATCHEL_REQUIRED_MISSING, SATCHEL_CUSTOMER_MERGED_INTO, "into which?");
    }
    if (satchel_record_get(&given->row.merged.value, SATCHEL_CUSTOMER_MERGED_INTO) != NULL) {
        return answer_merged(given);
    }
    if (!satchel_given_may(given, SATCHEL_VERB_EDIT)) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "both customers must be his to edit");
    }
    satchel_status status = satchel_customer_survivor(given->change->db, &wanted, &work.survivor, given->error);
    if (status == SATCHEL_OK && satchel_id_equal(&work.survivor, &work.gone)) {
        return satchel_given_refuse(given, SATCHEL_INVALID_ARGUMENT, SATCHEL_CUSTOMER_MERGED_INTO,
                                    "a customer is not merged into itself");
    }
    if (status == SATCHEL_OK) {
        status = load_survivor(&work, &survivor);
    }
    satchel_arena_init(&work.scratch);
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = carry_out(&work, &survivor);
    }
    satchel_arena_deinit(&work.scratch);
    return status;
}

/* --- undoing --- */

typedef struct kept_merge {
    satchel_id survivor;
    int64_t archived;
    satchel_record gained;
} kept_merge;

static satchel_status load_merge(satchel_order_given *given, kept_merge *out) {
    satchel_change *change = given->change;
    satchel_db_statement *statement = NULL;
    bool found = false;
    satchel_record_init(&out->gained, change->arena);
    satchel_status status = SATCHEL_DB_START(&statement, change->db, given->error,
                                             "SELECT survivor, archived, gained FROM customer_merge WHERE gone = ?1",
                                             satchel_value_id(&given->row.id));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, given->error);
    }
    if (status == SATCHEL_OK && found) {
        out->survivor = satchel_db_id(statement, 0);
        out->archived = satchel_db_int(statement, 1);
        status = satchel_record_decode(&change->service->schema, SATCHEL_ENTITY_CUSTOMER,
                                       satchel_db_bytes(statement, 2), false, &out->gained, given->error);
    }
    satchel_db_end(statement);
    return status == SATCHEL_OK && !found
               ? satchel_given_refuse(given, SATCHEL_ILLEGAL_STATE, SATCHEL_CUSTOMER_MERGED_INTO,
                                      "the customer was not merged into another")
               : status;
}

static satchel_status forget_merge(satchel_merging *work) {
    satchel_status status = SATCHEL_DB_RUN(work->given->change->db, work->given->error,
                                           "DELETE FROM customer_merge WHERE gone = ?1", satchel_value_id(&work->gone));
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(work->given->change->db, work->given->error,
                                "DELETE FROM customer_moved WHERE gone = ?1", satchel_value_id(&work->gone))
               : status;
}

static satchel_status take_apart(satchel_merging *work, satchel_stored_row *survivor, const kept_merge *merge) {
    satchel_order_given *given = work->given;
    satchel_db *db = given->change->db;
    satchel_status status = satchel_merging_put_back(work);
    if (status == SATCHEL_OK) {
        status = satchel_merging_divide(work, survivor, &merge->gained);
    }
    if (status == SATCHEL_OK) {
        status = forget_merge(work);
    }
    const satchel_given_field fields[] = {
        {SATCHEL_CUSTOMER_MERGED_INTO, satchel_value_null()},
        {SATCHEL_CUSTOMER_ARCHIVED, merge->archived != 0 ? satchel_value_bool(true) : satchel_value_null()}};
    if (status == SATCHEL_OK) {
        status = satchel_given_put(given, fields, 2);
    }
    if (status == SATCHEL_OK) {
        status = satchel_duplicate_keys(db, &given->row, given->error);
    }
    return status == SATCHEL_OK ? satchel_duplicate_keys(db, survivor, given->error) : status;
}

satchel_status satchel_command_unmerge(satchel_order_given *given) {
    satchel_merging work = {.given = given, .gone = given->row.id};
    kept_merge merge;
    satchel_stored_row survivor;
    if (!satchel_given_may(given, SATCHEL_VERB_EDIT)) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "both customers must be his to edit");
    }
    satchel_status status = load_merge(given, &merge);
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        work.survivor = merge.survivor;
        status = load_survivor(&work, &survivor);
    }
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    if (satchel_record_get(&survivor.merged.value, SATCHEL_CUSTOMER_MERGED_INTO) != NULL) {
        return satchel_given_refuse(given, SATCHEL_REQUIRED_BEFORE, SATCHEL_CUSTOMER_MERGED_INTO,
                                    "its survivor was merged on: that is undone first");
    }
    satchel_arena_init(&work.scratch);
    status = take_apart(&work, &survivor, &merge);
    satchel_arena_deinit(&work.scratch);
    return status;
}
