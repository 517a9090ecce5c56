/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers of parked edits. What an edit would change is found by merging it into a copy of the row as if it were let in
 * now, so a value that could not win anyway (a second ONCE, a smaller MAX, a forbidden state) is offered to nobody.
 */
#include "service/offer.h"

#include "base/error.h"
#include "base/ids.h"
#include "schema/validate.h"
#include "service/command.h"
#include "service/rights.h"

#include <satchel/model.h>

typedef struct offer_work {
    satchel_change *change;
    const satchel_schema *schema;
    satchel_id parked;
    satchel_op op; /* on what the row is now */
    satchel_stored_row now;
    satchel_merge_outcome outcome;
    bool fits; /* the row is there and the op could be let in */
    satchel_error *error;
} offer_work;

static satchel_id offer_id(const satchel_id *parked, uint32_t field) {
    uint8_t number[8];
    satchel_put_u64be(number, field);
    const satchel_bytes parts[] = {satchel_id_view(parked), satchel_bytes_of(number, sizeof number)};
    return satchel_id_derive("satchel parked offer", parts, 2);
}

/* --- what the edit would change --- */

/* The subject as it is; of a merged-away customer the survivor. */
static satchel_status load_subject(offer_work *work) {
    satchel_change *change = work->change;
    satchel_status status = SATCHEL_OK;
    if (work->op.entity == SATCHEL_ENTITY_CUSTOMER) {
        status = satchel_customer_survivor(change->db, &work->op.row, &work->op.row, work->error);
    }
    return status == SATCHEL_OK ? satchel_stored_row_load(change->service->tables, change->db, work->op.entity,
                                                          &work->op.row, change->arena, &work->now, work->error)
                                : status;
}

/* On a copy of the row: only the outcome is of interest. */
static satchel_status try_op(offer_work *work) {
    satchel_change *change = work->change;
    const satchel_merge_context context = {.schema = work->schema,
                                           .n = change->n,
                                           .stamp_ms = change->stamp_ms,
                                           .writer = {change->author->incarnation, work->op.sequence},
                                           .base_cap = UINT64_MAX};
    satchel_stored_row copy;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_merge_outcome_init(&work->outcome, change->arena);
    satchel_status status = satchel_validate_op(work->schema, &work->op, true, &why);
    if (status == SATCHEL_OK) {
        status = satchel_stored_row_load(change->service->tables, change->db, work->op.entity, &work->op.row,
                                         change->arena, &copy, &why);
    }
    if (status == SATCHEL_OK) {
        status = satchel_merge_apply(&context, &copy.merged, &work->op, &work->outcome, &why);
    }
    work->fits = status == SATCHEL_OK;
    return status == SATCHEL_OK || satchel_status_refuses(status) ? SATCHEL_OK
                                                                  : satchel_fail(work->error, status, "%s", why.detail);
}

static satchel_status look(offer_work *work, satchel_change *change, const satchel_op *op, const satchel_id *parked,
                           satchel_error *error) {
    *work = (offer_work){
        .change = change, .schema = &change->service->schema, .parked = *parked, .op = *op, .error = error};
    satchel_status status = load_subject(work);
    if (status != SATCHEL_OK || op->kind != SATCHEL_OP_EDIT || !work->now.merged.exists || work->now.merged.deleted) {
        return status;
    }
    work->op.base_n = work->now.revision;
    work->op.exceptions = NULL;
    work->op.exception_count = 0;
    return try_op(work);
}

/* --- cells: a field, or the fields of a group under their lowest number --- */

static bool is_key(const satchel_schema *schema, uint32_t entity, const satchel_field *field) {
    return (field->flags & SATCHEL_FIELD_META) == 0 && satchel_versions_key(schema, entity, field) == field->number;
}

static bool cell_touched(const satchel_schema *schema, const satchel_op *op, const satchel_field *key) {
    const satchel_field *field = NULL;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, op->entity, i)) != NULL; i++) {
        if (satchel_versions_same_cell(field, key) && satchel_op_touches(op, field->number)) {
            return true;
        }
    }
    return false;
}

static bool cell_changes(const offer_work *work, const satchel_field *key) {
    for (uint32_t i = 0; work->fits && i < work->outcome.changed_count; i++) {
        const satchel_field *field = satchel_schema_field(work->schema, work->op.entity, work->outcome.changed[i]);
        if (field != NULL && satchel_versions_same_cell(field, key)) {
            return true;
        }
    }
    return false;
}

/* What is put back of a set is united with what stands: that takes no element out. */
static bool takes_elements_out(const satchel_op *op, const satchel_field *key) {
    return satchel_record_get(&op->removed, key->number) != NULL;
}

static satchel_status put_side(const satchel_record *from, uint32_t number, satchel_record *to) {
    const satchel_value none = satchel_value_null();
    const satchel_value *value = satchel_record_get(from, number);
    return satchel_record_set(to, number, value != NULL ? value : &none);
}

static satchel_status build_loss(const offer_work *work, const satchel_field *key, int64_t stamp_ms,
                                 satchel_loss *out) {
    const satchel_bytes none = {NULL, 0};
    const satchel_change *change = work->change;
    const satchel_version *version = satchel_versions_find(&work->now.merged.versions, key->number, none);
    const satchel_field *field = NULL;
    satchel_status status = SATCHEL_OK;
    *out = (satchel_loss){.field = key->number,
                          .policy = (satchel_policy)key->policy,
                          .kind = SATCHEL_LOSS_ASK,
                          .reason = SATCHEL_MOVED_AWAY,
                          .loser_version = {.field = key->number,
                                            .n = change->n,
                                            .stamp_ms = stamp_ms,
                                            .writer = {change->author->incarnation, work->op.sequence}}};
    if (version != NULL) {
        out->winner_version = *version;
    }
    satchel_record_init(&out->winner, change->arena);
    satchel_record_init(&out->loser, change->arena);
    for (uint32_t i = 0;
         status == SATCHEL_OK && (field = satchel_schema_field_at(work->schema, work->op.entity, i)) != NULL; i++) {
        if (satchel_versions_same_cell(field, key)) {
            status = put_side(&work->now.merged.value, field->number, &out->winner);
            if (status == SATCHEL_OK) {
                status = put_side(&work->op.set, field->number, &out->loser);
            }
        }
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "no memory for an offer");
}

/* --- offering --- */

static satchel_status offer_cell(offer_work *work, const satchel_standing *standing, const satchel_field_rights *rights,
                                 const satchel_field *key, int64_t stamp_ms) {
    satchel_loss loss;
    satchel_id id = offer_id(&work->parked, key->number);
    satchel_status status = build_loss(work, key, stamp_ms, &loss);
    if (status != SATCHEL_OK || satchel_rights_forbidden(rights, &loss.winner, &loss.loser) != 0) {
        return status;
    }
    return satchel_journal_offer(work->change, &work->now, standing, &loss, &id, work->error);
}

static satchel_status offer_to(offer_work *work, const satchel_standing *standing, int64_t stamp_ms) {
    satchel_change *change = work->change;
    satchel_person owner;
    satchel_field_rights rights;
    const satchel_field *field = NULL;
    satchel_status status = satchel_person_load(change->service, change->db, satchel_standing_owner(standing),
                                                change->day, change->arena, &owner, work->error);
    if (status == SATCHEL_OK) {
        status =
            satchel_rights_look(change->service, change->db, &owner, &work->now, change->arena, &rights, work->error);
    }
    if (status != SATCHEL_OK || !owner.access.active || !satchel_rights_may(&rights, SATCHEL_VERB_READ) ||
        !satchel_rights_may(&rights, SATCHEL_VERB_EDIT)) {
        return status;
    }
    for (uint32_t i = 0;
         status == SATCHEL_OK && (field = satchel_schema_field_at(work->schema, work->op.entity, i)) != NULL; i++) {
        if (is_key(work->schema, work->op.entity, field) && cell_changes(work, field) &&
            !takes_elements_out(&work->op, field)) {
            status = offer_cell(work, standing, &rights, field, stamp_ms);
        }
    }
    return status;
}

satchel_status satchel_offer_parked(satchel_change *change, const satchel_op *op, const satchel_id *parked,
                                    const satchel_place *place, int64_t stamp_ms, satchel_error *error) {
    offer_work work;
    satchel_standing standing;
    satchel_status status = look(&work, change, op, parked, error);
    if (status != SATCHEL_OK || !work.fits) {
        return status;
    }
    status = satchel_standing_of(change->service, change->db, work.now.entity, &work.now.id, &work.now.merged.value,
                                 change->arena, &standing, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    /* Of other rows in the same unit nobody asked whether he ever had them. */
    bool there = satchel_id_is_none(&place->anchor) ? satchel_place_compare(&standing.place, place) == 0
                                                    : satchel_id_equal(&standing.place.anchor, &place->anchor);
    const satchel_id *owner = satchel_standing_owner(&standing);
    bool elses = !satchel_id_is_none(owner) && !satchel_id_equal(owner, &change->author->user);
    return there && elses ? offer_to(&work, &standing, stamp_ms) : SATCHEL_OK;
}

/* --- deciding --- */

typedef enum offer_state { OFFER_NONE, OFFER_WAITS, OFFER_KEPT, OFFER_TAKEN } offer_state;

/* A conflict that stepped back was decided by nobody. */
static satchel_status load_offer(satchel_change *change, const satchel_id *parked, uint32_t field,
                                 satchel_stored_row *out, offer_state *out_state, satchel_error *error) {
    satchel_id id = offer_id(parked, field);
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_CONFLICT, &id,
                                                    change->arena, out, error);
    const satchel_record *values = &out->merged.value;
    *out_state = OFFER_NONE;
    if (status != SATCHEL_OK || !out->merged.exists) {
        return status;
    }
    int64_t state = satchel_record_int(values, SATCHEL_CONFLICT_STATUS, 0);
    bool decided = satchel_record_get(values, SATCHEL_CONFLICT_RESOLVED_AT) != NULL;
    bool open = state == SATCHEL_CONFLICT_STATUS_OPEN;
    *out_state = decided ? (state == SATCHEL_CONFLICT_STATUS_KEPT ? OFFER_KEPT : OFFER_TAKEN)
                         : (open ? OFFER_WAITS : OFFER_NONE);
    return SATCHEL_OK;
}

static satchel_status put_resolution(satchel_change *change, satchel_stored_row *row, const uint32_t fields[3],
                                     int64_t resolved, satchel_error *error) {
    const satchel_id *user = &change->author->user;
    const satchel_value values[] = {satchel_value_int(resolved),
                                    satchel_id_is_none(user) ? satchel_value_null() : satchel_value_id(user),
                                    satchel_value_time(change->now_ms)};
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < 3; i++) {
        status = satchel_change_put(change, row, fields[i], &values[i]);
    }
    return status == SATCHEL_OK ? satchel_change_save(change, row, fields, 3, error)
                                : satchel_fail(error, status, "no memory for a decision");
}

/* Is anything left of the edit that it would change and that nobody decided on? */
static satchel_status look_for_rest(const offer_work *work, bool *out_rest, bool *out_taken) {
    const satchel_field *field = NULL;
    satchel_status status = SATCHEL_OK;
    *out_rest = false;
    *out_taken = false;
    for (uint32_t i = 0;
         status == SATCHEL_OK && (field = satchel_schema_field_at(work->schema, work->op.entity, i)) != NULL; i++) {
        satchel_stored_row conflict;
        offer_state state = OFFER_NONE;
        if (!is_key(work->schema, work->op.entity, field) || !cell_touched(work->schema, &work->op, field)) {
            continue;
        }
        status = load_offer(work->change, &work->parked, field->number, &conflict, &state, work->error);
        bool decided = state == OFFER_KEPT || state == OFFER_TAKEN;
        *out_taken |= state == OFFER_TAKEN;
        *out_rest |= state == OFFER_WAITS || (!decided && cell_changes(work, field));
    }
    return status;
}

satchel_status satchel_offer_decided(satchel_change *change, const satchel_stored_row *conflict, satchel_error *error) {
    static const uint32_t fields[] = {SATCHEL_PARKED_EDIT_STATUS, SATCHEL_PARKED_EDIT_RESOLVED_BY,
                                      SATCHEL_PARKED_EDIT_RESOLVED_AT};
    const satchel_record *values = &conflict->merged.value;
    const satchel_id incarnation = satchel_record_id(values, SATCHEL_CONFLICT_LOSER_INCARNATION);
    satchel_id parked =
        satchel_parked_id(&incarnation, (uint64_t)satchel_record_int(values, SATCHEL_CONFLICT_LOSER_SEQUENCE, 0));
    satchel_id offer = offer_id(&parked, (uint32_t)satchel_record_int(values, SATCHEL_CONFLICT_SUBJECT_FIELD, 0));
    satchel_stored_row row;
    satchel_op op;
    offer_work work;
    bool rest = false;
    bool taken = false;
    if (!satchel_id_equal(&offer, &conflict->id)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_PARKED_EDIT,
                                                    &parked, change->arena, &row, error);
    int64_t state = status == SATCHEL_OK ? satchel_record_int(&row.merged.value, SATCHEL_PARKED_EDIT_STATUS, 0) : 0;
    if (status != SATCHEL_OK || !row.merged.exists || state != SATCHEL_PARKED_STATUS_WAITING) {
        return status;
    }
    status = satchel_journal_open_parked(change->service, change->db, &row, change->arena, &op, error);
    if (status == SATCHEL_OK) {
        status = look(&work, change, &op, &parked, error);
    }
    if (status == SATCHEL_OK) {
        status = look_for_rest(&work, &rest, &taken);
    }
    if (status != SATCHEL_OK || rest) {
        return status;
    }
    return put_resolution(change, &row, fields,
                          taken ? SATCHEL_PARKED_STATUS_ACCEPTED : SATCHEL_PARKED_STATUS_DISCARDED, error);
}

/* --- the edit as a whole --- */

static satchel_status without(const satchel_schema *schema, const satchel_field *key, satchel_arena *arena,
                              satchel_op *op) {
    uint32_t *cleared = satchel_arena_take_array(arena, op->cleared_count, sizeof *cleared);
    uint32_t count = 0;
    const satchel_field *field = NULL;
    if (cleared == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < op->cleared_count; i++) {
        field = satchel_schema_field(schema, op->entity, op->cleared[i]);
        if (field == NULL || !satchel_versions_same_cell(field, key)) {
            cleared[count++] = op->cleared[i];
        }
    }
    op->cleared = cleared;
    op->cleared_count = count;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, op->entity, i)) != NULL; i++) {
        if (satchel_versions_same_cell(field, key)) {
            satchel_record_remove(&op->set, field->number);
            satchel_record_remove(&op->removed, field->number);
            satchel_record_remove(&op->from, field->number);
        }
    }
    return SATCHEL_OK;
}

satchel_status satchel_offer_strip(satchel_change *change, const satchel_id *parked, satchel_op *op, bool *out_any,
                                   satchel_error *error) {
    const satchel_schema *schema = &change->service->schema;
    const satchel_field *field = NULL;
    satchel_status status = SATCHEL_OK;
    bool stripped = false;
    for (uint32_t i = 0; status == SATCHEL_OK && (field = satchel_schema_field_at(schema, op->entity, i)) != NULL;
         i++) {
        satchel_stored_row conflict;
        offer_state state = OFFER_NONE;
        if (!is_key(schema, op->entity, field) || !cell_touched(schema, op, field)) {
            continue;
        }
        status = load_offer(change, parked, field->number, &conflict, &state, error);
        if (status == SATCHEL_OK && (state == OFFER_KEPT || state == OFFER_TAKEN)) {
            stripped = true;
            status = without(schema, field, change->arena, op);
        }
    }
    *out_any = !stripped || op->set.count > 0 || op->removed.count > 0 || op->cleared_count > 0;
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "a parked edit in part");
}

satchel_status satchel_offer_close(satchel_change *change, const satchel_id *parked, const satchel_op *op,
                                   int64_t conflict_status, satchel_error *error) {
    static const uint32_t fields[] = {SATCHEL_CONFLICT_STATUS, SATCHEL_CONFLICT_RESOLVED_BY,
                                      SATCHEL_CONFLICT_RESOLVED_AT};
    const satchel_schema *schema = &change->service->schema;
    const satchel_field *field = NULL;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && (field = satchel_schema_field_at(schema, op->entity, i)) != NULL;
         i++) {
        satchel_stored_row conflict;
        offer_state state = OFFER_NONE;
        if (!is_key(schema, op->entity, field) || !cell_touched(schema, op, field)) {
            continue;
        }
        status = load_offer(change, parked, field->number, &conflict, &state, error);
        if (status == SATCHEL_OK && state == OFFER_WAITS) {
            status = put_resolution(change, &conflict, fields, conflict_status, error);
        }
    }
    return status;
}
