/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deciding on one op: validate, decide access now, look at the state of its root, merge, store.
 *
 * What a phone may no longer do because the row went to someone else after it last synced is not refused: facts are
 * applied, edits are parked. Everything else that does not fit is refused with the status that says why.
 */
#include "service/change_work.h"
#include "service/sight.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "rules/orders.h"
#include "schema/validate.h"
#include "service/erase.h"
#include "service/family.h"
#include "service/merge_customers.h"
#include "service/prune.h"
#include "service/rule_flags.h"

#include <satchel/model.h>
#include <string.h>

/* --- decisions --- */

satchel_status satchel_op_refuse(satchel_op_work *work, satchel_status status, uint32_t field, const char *rule) {
    char *copy = satchel_arena_text(work->change->arena, satchel_text_of(rule));
    work->decision->code = SATCHEL_RESULT_REFUSED;
    work->decision->status = status;
    work->decision->field = field;
    work->decision->rule = copy;
    return copy != NULL ? SATCHEL_OK : satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a refusal");
}

satchel_status satchel_op_park(satchel_op_work *work, satchel_status status, const char *rule) {
    satchel_status refused = satchel_op_refuse(work, status, 0, rule);
    work->decision->code = SATCHEL_RESULT_PARKED;
    return refused;
}

bool satchel_op_is_decided(const satchel_op_work *work) {
    return work->decision->code != SATCHEL_RESULT_APPLIED;
}

/* Turns what a pure function said into a decision, or passes a failure of the server on. */
satchel_status satchel_op_settle(satchel_op_work *work, satchel_status status, const satchel_error *why) {
    if (status == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    if (satchel_status_refuses(status)) {
        return satchel_op_refuse(work, status, why->field, why->detail);
    }
    return satchel_fail(work->error, status, "%s", why->detail);
}

/* --- what the op is about --- */

static satchel_status build_future(satchel_op_work *work) {
    satchel_record_init(&work->future, work->change->arena);
    satchel_status status = satchel_record_copy(&work->op->set, &work->future);
    bool fills_in = work->change->by_phone && (work->entity->flags & SATCHEL_ENTITY_SERVER_MADE) == 0;
    uint32_t owner = work->entity->owner_field;
    if (status == SATCHEL_OK && fills_in && owner != 0 && satchel_record_get(&work->future, owner) == NULL) {
        status = satchel_record_set_id(&work->future, owner, &work->change->author->user);
    }
    const satchel_id *home = &work->change->person->home_territory;
    if (status == SATCHEL_OK && fills_in && work->op->entity == SATCHEL_ENTITY_CUSTOMER && !satchel_id_is_none(home)) {
        status = satchel_record_set_id(&work->future, SATCHEL_CUSTOMER_TERRITORY, home);
    }
    return status;
}

satchel_status satchel_op_look_up(satchel_op_work *work) {
    satchel_change *change = work->change;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, work->op->entity,
                                                    &work->op->row, change->arena, &work->row, work->error);
    if (status == SATCHEL_OK) {
        status = build_future(work);
    }
    if (status == SATCHEL_OK) {
        const satchel_record *values = work->row.merged.exists ? &work->row.merged.value : &work->future;
        status = satchel_standing_of(change->service, change->db, work->op->entity, &work->op->row, values,
                                     change->arena, &work->standing, work->error);
    }
    work->decision->place = work->standing.place;
    return status;
}

/* The id of a row that was deleted and went for good makes no row again. */
static satchel_status check_gone(satchel_op_work *work) {
    bool gone = false;
    if (work->row.merged.exists || work->op->kind != SATCHEL_OP_CREATE) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_prune_has_gone(work->change->db, work->op->entity, &work->op->row, &gone, work->error);
    return status == SATCHEL_OK && gone
               ? satchel_op_refuse(work, SATCHEL_NOT_FOUND, 0, "the row was deleted long ago and is gone")
               : status;
}

/* --- applying --- */

static void drop_derived(satchel_op_work *work) {
    for (uint32_t i = 0; i < work->entity->field_count; i++) {
        if ((work->entity->fields[i].flags & SATCHEL_FIELD_DERIVED) != 0) {
            satchel_record_remove(&work->op->set, work->entity->fields[i].number);
        }
    }
}

/* The latest of something is in the past: a maximum of years ahead could never be taken back. */
static void cap_times(satchel_op_work *work) {
    for (uint32_t i = 0; i < work->op->set.count; i++) {
        satchel_field_value *given = &work->op->set.fields[i];
        const satchel_field *field =
            satchel_schema_field(&work->change->service->schema, work->op->entity, given->number);
        bool latest = field != NULL && field->policy == SATCHEL_POLICY_MAX && field->type == SATCHEL_TYPE_TIME;
        if (latest && given->value.type == SATCHEL_TYPE_TIME && given->value.as.integer > work->change->now_ms) {
            given->value.as.integer = work->change->now_ms;
        }
    }
}

static satchel_status merge(satchel_op_work *work, satchel_merge_outcome *outcome) {
    satchel_change *change = work->change;
    satchel_writer known[1 + sizeof change->author->ancestors / sizeof *change->author->ancestors];
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    uint32_t count = 0;
    if (change->by_phone) {
        known[count++] = (satchel_writer){change->author->incarnation, change->sequence - 1};
        for (uint32_t i = 0; i < change->author->ancestor_count; i++) {
            known[count++] = change->author->ancestors[i];
        }
    }
    satchel_merge_context context = {.schema = &change->service->schema,
                                     .n = change->n,
                                     .stamp_ms = change->stamp_ms,
                                     .writer = {change->author->incarnation, change->sequence},
                                     .ancestry = {known, count},
                                     .base_cap = change->base_cap};
    satchel_status status = satchel_sight_narrow(change, &work->standing, work->op, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_merge_outcome_init(outcome, change->arena);
    return satchel_op_settle(work, satchel_merge_apply(&context, &work->row.merged, work->op, outcome, &why), &why);
}

typedef struct changed_fields {
    uint32_t *numbers;
    uint32_t count;
    uint32_t capacity;
} changed_fields;

static void note_changed(changed_fields *changed, uint32_t number) {
    for (uint32_t i = 0; i < changed->count; i++) {
        if (changed->numbers[i] == number) {
            return;
        }
    }
    if (changed->count < changed->capacity) {
        changed->numbers[changed->count++] = number;
    }
}

static satchel_status fill_in(satchel_op_work *work, uint32_t field, changed_fields *changed) {
    const satchel_value *value = field != 0 ? satchel_record_get(&work->future, field) : NULL;
    if (value == NULL || satchel_record_get(&work->row.merged.value, field) != NULL) {
        return SATCHEL_OK;
    }
    note_changed(changed, field);
    return satchel_change_put(work->change, &work->row, field, value);
}

static satchel_status derive_line(satchel_op_work *work, changed_fields *changed) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_record after;
    satchel_record_init(&after, work->change->arena);
    satchel_status status = satchel_record_copy(&work->row.merged.value, &after);
    if (status == SATCHEL_OK) {
        status = satchel_op_settle(work, satchel_order_line_derive(&after, &why), &why);
    }
    if (status != SATCHEL_OK || satchel_op_is_decided(work)) {
        return status;
    }
    const satchel_value *total = satchel_record_get(&after, SATCHEL_ORDER_LINE_TOTAL_MINOR);
    const satchel_value *before = satchel_record_get(&work->row.merged.value, SATCHEL_ORDER_LINE_TOTAL_MINOR);
    if (total == NULL || (before != NULL && satchel_value_equal(before, total))) {
        return SATCHEL_OK;
    }
    note_changed(changed, SATCHEL_ORDER_LINE_TOTAL_MINOR);
    return satchel_change_put(work->change, &work->row, SATCHEL_ORDER_LINE_TOTAL_MINOR, total);
}

static bool became_submitted(const satchel_op_work *work, const satchel_merge_outcome *outcome) {
    int64_t state = satchel_record_int(&work->row.merged.value, SATCHEL_ORDER_STATUS, 0);
    bool moved = outcome->created;
    for (uint32_t i = 0; i < outcome->changed_count; i++) {
        moved = moved || outcome->changed[i] == SATCHEL_ORDER_STATUS;
    }
    return moved && (state == SATCHEL_ORDER_STATUS_SUBMITTED || state == SATCHEL_ORDER_STATUS_CONFIRMED);
}

/* Values that follow from the op: defaults of a new row, the total of a line, orders to be summed up. */
static satchel_status derive(satchel_op_work *work, const satchel_merge_outcome *outcome, changed_fields *changed) {
    satchel_status status = SATCHEL_OK;
    if (outcome->created) {
        status = fill_in(work, work->entity->owner_field, changed);
        if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_CUSTOMER) {
            status = fill_in(work, SATCHEL_CUSTOMER_TERRITORY, changed);
        }
    }
    if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_ORDER) {
        status =
            satchel_change_touch_order(work->change, &work->op->row, outcome->created, became_submitted(work, outcome));
    }
    if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_ORDER_LINE) {
        satchel_id order = satchel_record_id(&work->row.merged.value, SATCHEL_ORDER_LINE_ORDER);
        status = satchel_change_touch_order(work->change, &order, false, false);
        if (status == SATCHEL_OK) {
            status = derive_line(work, changed);
        }
    }
    return status;
}

static satchel_status record_losses(satchel_op_work *work, const satchel_merge_outcome *outcome) {
    satchel_op_decision *decision = work->decision;
    satchel_status status = SATCHEL_OK;
    uint32_t count = outcome->loss_count + work->asked_count;
    decision->losses = satchel_arena_take_array(work->change->arena, count, sizeof *decision->losses);
    if (decision->losses == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for losses");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        const satchel_loss *loss =
            i < outcome->loss_count ? &outcome->losses[i] : &work->asked[i - outcome->loss_count];
        satchel_result_loss *result = &decision->losses[decision->loss_count++];
        *result = (satchel_result_loss){
            .field = loss->field, .policy = loss->policy, .kind = loss->kind, .status = loss->reason};
        status =
            satchel_journal_conflict(work->change, &work->row, &work->standing, loss, &result->conflict, work->error);
        if (loss->kind != SATCHEL_LOSS_OF_CURRENT) {
            decision->code = SATCHEL_RESULT_MERGED;
        }
    }
    return status;
}

/* What the row means for its customer, and for finding a customer twice. */
static satchel_status follow(satchel_op_work *work, const satchel_merge_outcome *outcome) {
    if (work->op->entity == SATCHEL_ENTITY_CUSTOMER) {
        return satchel_duplicate_note(work->change, &work->row, outcome->created, work->op, work->error);
    }
    if (work->op->entity == SATCHEL_ENTITY_ORDER) {
        return SATCHEL_OK; /* when the change ends: it may have to wait for an approval */
    }
    return satchel_pool_follow(work->change, &work->row, &work->standing.anchor.id, work->error);
}

static satchel_status store(satchel_op_work *work, const satchel_merge_outcome *outcome) {
    changed_fields changed = {.capacity = outcome->changed_count + 8};
    changed.numbers = satchel_arena_take_array(work->change->arena, changed.capacity, sizeof *changed.numbers);
    if (changed.numbers == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for changed fields");
    }
    if (outcome->changed_count > 0) {
        memcpy(changed.numbers, outcome->changed, outcome->changed_count * sizeof *changed.numbers);
        changed.count = outcome->changed_count;
    }
    satchel_status status = derive(work, outcome, &changed);
    if (status == SATCHEL_OK && !satchel_op_is_decided(work) &&
        (outcome->moved || changed.count > 0 || outcome->created || outcome->deleted || outcome->restored)) {
        status = satchel_change_save(work->change, &work->row, changed.numbers, changed.count, work->error);
    }
    if (status == SATCHEL_OK && !satchel_op_is_decided(work) && outcome->loss_count + work->asked_count > 0) {
        status = record_losses(work, outcome);
    }
    if (status == SATCHEL_OK && !satchel_op_is_decided(work)) {
        status = follow(work, outcome);
    }
    if (status == SATCHEL_OK && !satchel_op_is_decided(work) && work->flagged != 0) {
        status = satchel_rule_flag(work->change, work->op->entity, &work->row, work->error);
    }
    work->decision->created = outcome->created;
    return status;
}

/* --- in order --- */

static satchel_status check_kind(satchel_op_work *work) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_status status = satchel_op_settle(
        work,
        satchel_validate_old_op(&work->change->service->schema, work->op, work->change->by_phone, &work->flagged, &why),
        &why);
    bool archives = (work->entity->flags & SATCHEL_ENTITY_ARCHIVE) != 0 && work->op->kind == SATCHEL_OP_DELETE;
    if (status == SATCHEL_OK && !satchel_op_is_decided(work) && archives) {
        status = satchel_op_refuse(work, SATCHEL_FORBIDDEN, 0, "a row of this kind is archived, not deleted");
    }
    return status;
}

static satchel_status decide(satchel_op_work *work) {
    if (work->op->kind == SATCHEL_OP_VOID) {
        return satchel_op_take_back(work);
    }
    satchel_status (*const steps[])(satchel_op_work *) = {check_kind,
                                                          satchel_op_look_up,
                                                          check_gone,
                                                          satchel_op_check_access,
                                                          satchel_op_check_name,
                                                          satchel_op_check_anchor,
                                                          satchel_op_check_root,
                                                          satchel_op_check_order_body,
                                                          satchel_op_check_role};
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && !satchel_op_is_decided(work) && i < sizeof steps / sizeof *steps; i++) {
        if (steps[i] != satchel_op_check_root || work->entity->root != 0) {
            status = steps[i](work);
        }
    }
    return status;
}

static satchel_status park_all(satchel_op_work *work) {
    satchel_status status = satchel_op_look_up(work);
    return status == SATCHEL_OK ? satchel_op_park(work, SATCHEL_RETIRED, "the phone is being retired") : status;
}

/* An edit of a customer that was merged away: what differs from the survivor is for a person to decide. */
static satchel_status ask_for_survivor(satchel_op_work *work) {
    if (work->op->entity != SATCHEL_ENTITY_CUSTOMER || satchel_id_is_none(&work->gone)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_survivor_asks(work->change, work->op, &work->row, &work->asked, &work->asked_count);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "an edit of a merged customer");
}

/* What is deleted below a root, or comes back with it, goes with what becomes of the root. */
static satchel_status apply(satchel_op_work *work) {
    satchel_merge_outcome outcome;
    uint64_t deleted_n = satchel_family_deleted_n(&work->row);
    bool stays = false;
    satchel_status status = satchel_family_stays(work->change, work->op, &work->row, &outcome, &stays, work->error);
    if (status == SATCHEL_OK && !stays) {
        status = merge(work, &outcome);
    }
    if (status != SATCHEL_OK || satchel_op_is_decided(work)) {
        return status;
    }
    if (work->op->entity == SATCHEL_ENTITY_CUSTOMER && !satchel_id_is_none(&work->gone)) {
        satchel_survivor_marks(work->change, work->op, &work->row.merged.versions);
    }
    status = store(work, &outcome);
    bool stands = work->decision->code == SATCHEL_RESULT_APPLIED || work->decision->code == SATCHEL_RESULT_MERGED;
    return status == SATCHEL_OK && stands && outcome.restored
               ? satchel_family_returns(work->change, work->op, deleted_n, work->error)
               : status;
}

satchel_status satchel_family_bring_back(satchel_change *change, satchel_op *op, satchel_error *error) {
    satchel_op_decision decision = {.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_OK};
    satchel_op_work work = {.change = change, .op = op, .decision = &decision, .error = error};
    satchel_merge_outcome outcome;
    work.entity = satchel_schema_entity(&change->service->schema, op->entity);
    satchel_status status = satchel_op_look_up(&work);
    if (status == SATCHEL_OK) {
        status = merge(&work, &outcome);
    }
    return status == SATCHEL_OK && !satchel_op_is_decided(&work) ? store(&work, &outcome) : status;
}

/* Deciding changes the op, and a unit may be decided twice: the phone's own stays as it came. */
static satchel_status take_copy(satchel_change *change, const satchel_op *op, satchel_op *out, satchel_error *error) {
    satchel_record_init(&out->set, change->arena);
    satchel_record_init(&out->from, change->arena);
    satchel_status status = satchel_record_copy(&op->set, &out->set);
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(&op->from, &out->from);
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "no memory for an op");
}

satchel_status satchel_change_op(satchel_change *change, satchel_op *op, satchel_op_decision *out,
                                 satchel_error *error) {
    satchel_op own = *op;
    satchel_op_work work = {.change = change, .op = &own, .decision = out, .error = error};
    *out = (satchel_op_decision){.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_OK};
    change->sequence = op->sequence;
    work.entity = satchel_schema_entity(&change->service->schema, op->entity);
    if (work.entity == NULL) {
        return satchel_op_refuse(&work, SATCHEL_UNKNOWN_ENTITY, 0, "the server does not know this entity");
    }
    bool erased = false;
    satchel_status status = take_copy(change, op, &own, error);
    if (status == SATCHEL_OK) {
        status = satchel_erase_strip(change, &own, &erased, error);
    }
    if (status != SATCHEL_OK || erased) {
        return status; /* nothing is left of it: erasing beats everything */
    }
    if (op->kind == SATCHEL_OP_COMMAND && !change->parks) {
        return satchel_command_decide(change, &own, out, error);
    }
    status = satchel_op_to_survivor(change, &own, &work.gone, error);
    if (status == SATCHEL_OK) {
        status = change->parks ? park_all(&work) : decide(&work);
    }
    if (status == SATCHEL_OK && !satchel_op_is_decided(&work)) {
        status = ask_for_survivor(&work);
    }
    if (status != SATCHEL_OK || satchel_op_is_decided(&work)) {
        return status;
    }
    drop_derived(&work);
    cap_times(&work);
    return apply(&work);
}
