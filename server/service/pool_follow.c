/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows for a customer from facts that were stored: when he was last visited, last ordered, last spoken to. The
 * rule of the pool is judged by these. A clock that runs ahead never makes one later than now.
 */
#include "service/command.h"

#include "base/ids.h"

#include <satchel/model.h>

typedef struct followed {
    uint32_t later;   /* field of the customer that takes the maximum, 0: none */
    uint32_t earlier; /* … the minimum */
    int64_t at_ms;
} followed;

static followed of_visit(const satchel_record *visit) {
    int64_t at = satchel_record_int(visit, SATCHEL_VISIT_CHECK_IN_AT, 0);
    return at != 0 ? (followed){SATCHEL_CUSTOMER_LAST_VISIT_AT, SATCHEL_CUSTOMER_FIRST_VISIT_AT, at}
                   : (followed){0, 0, 0};
}

/* An order counts from the day on which it was submitted; a cancelled one was no deal. */
static followed of_order(const satchel_record *order, int64_t now_ms) {
    int64_t state = satchel_record_int(order, SATCHEL_ORDER_STATUS, 0);
    bool counts = state == SATCHEL_ORDER_STATUS_SUBMITTED || state == SATCHEL_ORDER_STATUS_CONFIRMED;
    int64_t ordered = satchel_record_int(order, SATCHEL_ORDER_ORDERED_AT, now_ms);
    return counts ? (followed){SATCHEL_CUSTOMER_LAST_ORDER_AT, 0,
                               satchel_record_int(order, SATCHEL_ORDER_SUBMITTED_AT, ordered)}
                  : (followed){0, 0, 0};
}

static followed look(const satchel_stored_row *row, int64_t now_ms) {
    const satchel_record *values = &row->merged.value;
    switch (row->entity) {
    case SATCHEL_ENTITY_VISIT: return of_visit(values);
    case SATCHEL_ENTITY_ORDER: return of_order(values, now_ms);
    case SATCHEL_ENTITY_ACTIVITY:
        return (followed){SATCHEL_CUSTOMER_LAST_ACTIVITY_AT, 0, satchel_record_int(values, SATCHEL_ACTIVITY_AT, 0)};
    case SATCHEL_ENTITY_STAGE_CHANGE:
        return (followed){SATCHEL_CUSTOMER_LAST_ACTIVITY_AT, 0, satchel_record_int(values, SATCHEL_STAGE_CHANGE_AT, 0)};
    default: return (followed){0, 0, 0};
    }
}

static bool is_later(const satchel_record *values, uint32_t field, int64_t at_ms) {
    return field != 0 && at_ms > satchel_record_int(values, field, INT64_MIN);
}

static bool is_earlier(const satchel_record *values, uint32_t field, int64_t at_ms) {
    return field != 0 && at_ms < satchel_record_int(values, field, INT64_MAX);
}

static satchel_status put(satchel_change *change, satchel_stored_row *customer, uint32_t field,
                          const satchel_value *value, uint32_t *changed, uint32_t *count) {
    changed[(*count)++] = field;
    return satchel_change_put(change, customer, field, value);
}

/* Fields ascend by number: last visit 15, pool state 30, last order 46, last follow-up 47, first visit 48. */
static satchel_status write(satchel_change *change, satchel_stored_row *customer, const followed *what,
                            satchel_error *error) {
    const satchel_record *values = &customer->merged.value;
    const satchel_value at = satchel_value_time(what->at_ms);
    const satchel_value owned = satchel_value_int(SATCHEL_POOL_STATE_OWNED);
    bool later = is_later(values, what->later, what->at_ms);
    bool earlier = is_earlier(values, what->earlier, what->at_ms);
    bool warned = satchel_record_int(values, SATCHEL_CUSTOMER_POOL_STATE, 0) == SATCHEL_POOL_STATE_WARNED;
    uint32_t changed[3];
    uint32_t count = 0;
    satchel_status status = SATCHEL_OK;
    if (later && what->later < SATCHEL_CUSTOMER_POOL_STATE) {
        status = put(change, customer, what->later, &at, changed, &count);
    }
    if (status == SATCHEL_OK && later && warned) {
        status = put(change, customer, SATCHEL_CUSTOMER_POOL_STATE, &owned, changed, &count);
    }
    if (status == SATCHEL_OK && later && what->later > SATCHEL_CUSTOMER_POOL_STATE) {
        status = put(change, customer, what->later, &at, changed, &count);
    }
    if (status == SATCHEL_OK && earlier) {
        status = put(change, customer, what->earlier, &at, changed, &count);
    }
    return status == SATCHEL_OK && count > 0 ? satchel_change_save(change, customer, changed, count, error) : status;
}

static satchel_status follow_contact(satchel_change *change, const satchel_stored_row *activity, int64_t at_ms,
                                     satchel_error *error) {
    satchel_id id = satchel_record_id(&activity->merged.value, SATCHEL_ACTIVITY_CONTACT);
    const uint32_t field = SATCHEL_CONTACT_LAST_CONTACT_AT;
    satchel_stored_row contact;
    if (activity->entity != SATCHEL_ENTITY_ACTIVITY || satchel_id_is_none(&id)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_CONTACT, &id,
                                                    change->arena, &contact, error);
    if (status != SATCHEL_OK || !contact.merged.exists || !is_later(&contact.merged.value, field, at_ms)) {
        return status;
    }
    const satchel_value at = satchel_value_time(at_ms);
    status = satchel_change_put(change, &contact, field, &at);
    return status == SATCHEL_OK ? satchel_change_save(change, &contact, &field, 1, error) : status;
}

satchel_status satchel_pool_follow(satchel_change *change, const satchel_stored_row *row, const satchel_id *anchor,
                                   satchel_error *error) {
    followed what = look(row, change->now_ms);
    satchel_stored_row customer;
    if (what.later == 0 || satchel_id_is_none(anchor)) {
        return SATCHEL_OK;
    }
    what.at_ms = what.at_ms < change->now_ms ? what.at_ms : change->now_ms;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_CUSTOMER,
                                                    anchor, change->arena, &customer, error);
    if (status == SATCHEL_OK && customer.merged.exists && !customer.merged.deleted) {
        status = write(change, &customer, &what, error);
    }
    return status == SATCHEL_OK ? follow_contact(change, row, what.at_ms, error) : status;
}
