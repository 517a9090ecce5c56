/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about work: submitting an order, changing a visit plan, deciding on a conflict.
 */
#include "service/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "rules/orders.h"
#include "schema/validate.h"
#include "service/discount.h"
#include "service/offer.h"

#include <satchel/model.h>

/* --- orders --- */

typedef struct order_look {
    satchel_record after; /* with derived figures as the lines are now */
    int64_t discount_bp;  /* the largest of the order and its lines */
    size_t line_count;
} order_look;

static satchel_status look_at_order(satchel_order_given *given, order_look *out) {
    satchel_record *lines = NULL;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_status status =
        satchel_change_order_lines(given->change, &given->row.id, &lines, &out->line_count, given->error);
    satchel_record_init(&out->after, given->change->arena);
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(&given->row.merged.value, &out->after);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_order_derive(&out->after, lines, out->line_count, &why);
    if (status == SATCHEL_OK) {
        status = satchel_order_check_submit(&out->after, out->line_count, &why);
    }
    out->discount_bp = satchel_order_discount(&out->after, lines, out->line_count);
    if (status != SATCHEL_OK && satchel_status_refuses(status)) {
        return satchel_given_refuse(given, status, why.field, why.detail);
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(given->error, status, "%s", why.detail);
}

static const uint32_t totals[] = {SATCHEL_ORDER_TOTAL_MINOR, SATCHEL_ORDER_LINE_COUNT};

/* The order is what its owner saw when he asked, on the phone and when somebody approved. */
static satchel_status check_totals(satchel_order_given *given, const order_look *look) {
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        const satchel_value *seen = satchel_record_get(&given->op->set, totals[i]);
        if (seen != NULL && seen->as.integer != satchel_record_int(&look->after, totals[i], 0)) {
            return satchel_given_refuse(given, SATCHEL_TOTALS_DIFFER, totals[i], "the order has other lines by now");
        }
    }
    return SATCHEL_OK;
}

/* Approved is what was asked for: an order whose body or lines were written since is asked about again. */
static satchel_status check_unchanged(satchel_order_given *given) {
    bool unchanged = true;
    if (!given->approved) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_order_unchanged(given->change, &given->row, given->op->base_n, &unchanged, given->error);
    return status == SATCHEL_OK && !unchanged
               ? satchel_given_refuse(given, SATCHEL_TOTALS_DIFFER, SATCHEL_ORDER_TOTAL_MINOR,
                                      "the order was changed since its approval was asked for")
               : status;
}

static satchel_status check_order(satchel_order_given *given) {
    const satchel_record *values = &given->row.merged.value;
    satchel_id winner;
    int64_t winner_ms = 0;
    bool behind = false;
    if (!given->approved && !satchel_given_may(given, SATCHEL_VERB_EDIT)) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "no rule lets the user submit this order");
    }
    if (satchel_order_is_open(values)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_given_is_behind(given, SATCHEL_ORDER_STATUS, &behind, &winner, &winner_ms);
    return status == SATCHEL_OK ? satchel_given_overtaken(given, SATCHEL_ORDER_STATUS, &winner, winner_ms,
                                                          "the order is no draft any more")
                                : status;
}

/* The phone's word of what it saw does not count: what waits is the order as the server has it now. */
static satchel_status ask_for_approval(satchel_order_given *given, const order_look *look, int64_t steps) {
    satchel_op op = *given->op;
    satchel_order_given asked = *given;
    satchel_record_init(&op.set, given->change->arena); /* nor does it count when it says that this was */
    asked.op = &op;
    asked.row.merged.value = look->after;
    return satchel_discount_ask(&asked, steps);
}

static satchel_status submit(satchel_order_given *given) {
    satchel_change *change = given->change;
    const satchel_value now = satchel_value_time(change->stamp_ms);
    /* When it was to be submitted counts, not when it was approved; nobody else's word of a time does. */
    const satchel_value *asked = satchel_record_get(&given->op->set, SATCHEL_ORDER_SUBMITTED_AT);
    satchel_value flags;
    if (satchel_discount_flags(change->arena, &given->row.merged.value, false, &flags) != SATCHEL_OK) {
        return satchel_fail(given->error, SATCHEL_NO_MEMORY, "no memory for flags");
    }
    const satchel_given_field fields[] = {{SATCHEL_ORDER_STATUS, satchel_value_int(SATCHEL_ORDER_STATUS_SUBMITTED)},
                                          {SATCHEL_ORDER_SUBMITTED_AT, given->approved && asked != NULL ? *asked : now},
                                          {SATCHEL_ORDER_FLAGS, flags}};
    uint32_t count = satchel_record_get(&given->row.merged.value, SATCHEL_ORDER_FLAGS) != NULL ? 3 : 2;
    satchel_status status = satchel_given_put(given, fields, count);
    if (status == SATCHEL_OK) {
        status = satchel_change_touch_order(change, &given->row.id, false, true);
    }
    if (status == SATCHEL_OK && given->approved) {
        satchel_discount_approved(change, &given->row.id);
    }
    return status;
}

satchel_status satchel_command_submit_order(satchel_order_given *given) {
    satchel_change *change = given->change;
    order_look look;
    int64_t steps = 0;
    satchel_status status = check_order(given);
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = check_unchanged(given);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = look_at_order(given, &look);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = check_totals(given, &look);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given) && !given->approved) {
        status = satchel_discount_steps(change->db, look.discount_bp,
                                        satchel_given_decides(given, SATCHEL_VERB_APPROVE), &steps, given->error);
    }
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    return steps > 0 ? ask_for_approval(given, &look, steps) : submit(given);
}

/* --- plans --- */

/* The fields of the plan that are to change, over what it holds. */
static satchel_status check_plan(satchel_order_given *given) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    const satchel_record *set = &given->op->set;
    satchel_record after;
    satchel_record_init(&after, given->change->arena);
    satchel_status status = satchel_record_copy(&given->row.merged.value, &after);
    for (uint32_t i = 0; status == SATCHEL_OK && i < set->count; i++) {
        status = satchel_record_set(&after, set->fields[i].number, &set->fields[i].value);
    }
    if (status == SATCHEL_OK) {
        status = satchel_validate_row(&given->change->service->schema, given->op->entity, &after, false, &why);
    }
    if (status != SATCHEL_OK && satchel_status_refuses(status)) {
        return satchel_given_refuse(given, status, why.field, why.detail);
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(given->error, status, "%s", why.detail);
}

/* Who may write one plan moves nothing into another that way: the stop goes, and is made anew there. */
static bool leaves_plan(const satchel_order_given *given) {
    satchel_id stands = satchel_record_id(&given->row.merged.value, SATCHEL_PLAN_STOP_PLAN);
    satchel_id wanted = satchel_record_id(&given->op->set, SATCHEL_PLAN_STOP_PLAN);
    return given->op->entity == SATCHEL_ENTITY_PLAN_STOP && given->row.merged.exists &&
           satchel_record_get(&given->op->set, SATCHEL_PLAN_STOP_PLAN) != NULL && !satchel_id_equal(&stands, &wanted);
}

static satchel_status check_stop_customer(satchel_order_given *given) {
    satchel_id customer = satchel_record_id(&given->op->set, SATCHEL_PLAN_STOP_CUSTOMER);
    satchel_standing standing = {.entity = SATCHEL_ENTITY_CUSTOMER};
    satchel_change *change = given->change;
    uint32_t relations = 0;
    if (given->op->entity != SATCHEL_ENTITY_PLAN_STOP || satchel_id_is_none(&customer)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_anchor_load(change->db, &customer, change->arena, &standing.anchor, given->error);
    standing.owner = standing.anchor.owner;
    standing.place = satchel_place_of(SATCHEL_ENTITY_CUSTOMER, &customer, &customer);
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(change->db, &standing, change->person, change->day, &relations, given->error);
    }
    bool readable = change->trusted || satchel_access_allows(change->person->policy, &change->person->access,
                                                             SATCHEL_ENTITY_CUSTOMER, relations, SATCHEL_VERB_READ);
    return status == SATCHEL_OK && (!standing.anchor.exists || !readable)
               ? satchel_given_refuse(given, SATCHEL_OUT_OF_SCOPE, SATCHEL_PLAN_STOP_CUSTOMER,
                                      "the customer is not within reach")
               : status;
}

static satchel_status write_plan(satchel_order_given *given) {
    const satchel_record *set = &given->op->set;
    satchel_change *change = given->change;
    if (!given->row.merged.exists) {
        return satchel_change_insert(change, given->op->entity, &given->op->row, set, NULL, given->error);
    }
    if (set->count == 0) {
        const satchel_given_field gone = {SATCHEL_FIELD_DELETED, satchel_value_bool(true)};
        return satchel_given_put(given, &gone, 1);
    }
    satchel_given_field *fields = satchel_arena_take_array(change->arena, set->count, sizeof *fields);
    for (uint32_t i = 0; fields != NULL && i < set->count; i++) {
        fields[i] = (satchel_given_field){set->fields[i].number, set->fields[i].value};
    }
    return fields != NULL ? satchel_given_put(given, fields, set->count)
                          : satchel_fail(given->error, SATCHEL_NO_MEMORY, "no memory for a plan");
}

/* Whoever may write plans changes one at once; everybody else who sees it proposes. */
satchel_status satchel_command_change_plan(satchel_order_given *given) {
    bool at_once = given->approved || satchel_given_decides(given, SATCHEL_VERB_EDIT);
    bool removes = given->op->set.count == 0;
    int64_t steps = 0;
    satchel_status status = SATCHEL_OK;
    if (removes && (given->op->entity != SATCHEL_ENTITY_PLAN_STOP || !given->row.merged.exists)) {
        return satchel_given_refuse(given, SATCHEL_INVALID_ARGUMENT, 0, "it changes nothing");
    }
    if (leaves_plan(given)) {
        return satchel_given_refuse(given, SATCHEL_IMMUTABLE, SATCHEL_PLAN_STOP_PLAN, "a stop stays in its plan");
    }
    if (!removes) {
        status = check_plan(given);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given) && !given->approved) {
        status = check_stop_customer(given);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given) && !at_once) {
        status = satchel_rule_get(given->change->db, SATCHEL_RULE_APPROVE_PLAN, &steps, given->error);
    }
    if (status != SATCHEL_OK || satchel_given_is_refused(given)) {
        return status;
    }
    return at_once ? write_plan(given) : satchel_approval_ask(given, steps);
}

/* --- conflicts --- */

/* A person decided. What he wrote instead stands in the same unit as an edit of its own. */
satchel_status satchel_command_resolve(satchel_order_given *given) {
    const satchel_record *values = &given->row.merged.value;
    const satchel_id *user = &given->change->author->user;
    int64_t decided = satchel_record_int(&given->op->set, SATCHEL_CONFLICT_STATUS, 0);
    if (decided != SATCHEL_CONFLICT_STATUS_KEPT && decided != SATCHEL_CONFLICT_STATUS_RESTORED &&
        decided != SATCHEL_CONFLICT_STATUS_EDITED) {
        return satchel_given_refuse(given, SATCHEL_OUT_OF_RANGE, SATCHEL_CONFLICT_STATUS, "decided how?");
    }
    if (satchel_record_get(values, SATCHEL_CONFLICT_RESOLVED_AT) != NULL) {
        satchel_id winner = satchel_record_id(values, SATCHEL_CONFLICT_RESOLVED_BY);
        int64_t at = satchel_record_int(values, SATCHEL_CONFLICT_RESOLVED_AT, 0);
        return satchel_given_overtaken(given, SATCHEL_CONFLICT_STATUS, &winner, at, "it was decided before");
    }
    bool may = false;
    satchel_status status = satchel_conflict_may_decide(given->change, &given->row, &may, given->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!may) {
        return satchel_given_refuse(given, SATCHEL_FORBIDDEN, 0, "no rule lets the user write what it is about");
    }
    const satchel_given_field fields[] = {
        {SATCHEL_CONFLICT_STATUS, satchel_value_int(decided)},
        {SATCHEL_CONFLICT_RESOLVED_BY, satchel_id_is_none(user) ? satchel_value_null() : satchel_value_id(user)},
        {SATCHEL_CONFLICT_RESOLVED_AT, satchel_value_time(given->change->stamp_ms)}};
    status = satchel_given_put(given, fields, 3);
    return status == SATCHEL_OK ? satchel_offer_decided(given->change, &given->row, given->error) : status;
}
