/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visits: planned, checked in, checked out, cancelled.
 *
 * Check-in and check-out are groups that are written once for ever: time, position, accuracy, distance from the
 * customer's own position, and whether the platform calls the position simulated. Without a fix only the time and the
 * mark stand, and that absence is part of the fact.
 */
#include "sales/unit.h"

#include <satchel/model.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/times.h"
#include "rules/places.h"

#define DAYS_MOST INT64_C(2932896) /* 9999-12-31 */

/* Field numbers of the two groups, in one shape. */
typedef struct fix_fields {
    uint32_t at, latitude, longitude, accuracy, distance, mock;
} fix_fields;

static const fix_fields check_in_fields = {
    SATCHEL_VISIT_CHECK_IN_AT,         SATCHEL_VISIT_CHECK_IN_LATITUDE_E7, SATCHEL_VISIT_CHECK_IN_LONGITUDE_E7,
    SATCHEL_VISIT_CHECK_IN_ACCURACY_M, SATCHEL_VISIT_CHECK_IN_DISTANCE_M,  SATCHEL_VISIT_CHECK_IN_MOCK,
};
static const fix_fields check_out_fields = {
    SATCHEL_VISIT_CHECK_OUT_AT,         SATCHEL_VISIT_CHECK_OUT_LATITUDE_E7, SATCHEL_VISIT_CHECK_OUT_LONGITUDE_E7,
    SATCHEL_VISIT_CHECK_OUT_ACCURACY_M, SATCHEL_VISIT_CHECK_OUT_DISTANCE_M,  SATCHEL_VISIT_CHECK_OUT_MOCK,
};

static bool holds(const satchel_record *record, uint32_t field) {
    const satchel_value *value = satchel_record_get(record, field);
    return value != NULL && value->type != SATCHEL_TYPE_NULL;
}

/* Distance to the customer's position, if both are known. */
static satchel_status set_distance(const satchel_fix *fix, const satchel_record *customer, uint32_t field,
                                   satchel_record *out, satchel_error *error) {
    int64_t metres;
    if (!holds(customer, SATCHEL_CUSTOMER_LATITUDE_E7) || !holds(customer, SATCHEL_CUSTOMER_LONGITUDE_E7)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_distance_m(fix->latitude_e7, fix->longitude_e7,
                                               satchel_record_int(customer, SATCHEL_CUSTOMER_LATITUDE_E7, 0),
                                               satchel_record_int(customer, SATCHEL_CUSTOMER_LONGITUDE_E7, 0), &metres);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the position is not on this earth");
    }
    return satchel_record_set_int(out, field, metres);
}

static satchel_status set_fix(const sales_unit *unit, const satchel_fix *fix, const fix_fields *fields,
                              const satchel_record *customer, satchel_record *out) {
    satchel_status status = satchel_record_set_time(out, fields->at, unit->sales->now_ms);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_bool(out, fields->mock, fix->known && fix->mocked);
    }
    if (status != SATCHEL_OK || !fix->known) {
        return status;
    }
    status = satchel_record_set_int(out, fields->latitude, fix->latitude_e7);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(out, fields->longitude, fix->longitude_e7);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(out, fields->accuracy, fix->accuracy_m);
    }
    return status == SATCHEL_OK ? set_distance(fix, customer, fields->distance, out, unit->error) : status;
}

/* --- check in --- */

static satchel_status note_open(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                                uint64_t base_n) {
    (void)record;
    (void)flags;
    (void)base_n;
    *(satchel_id *)context = *id;
    return SATCHEL_OK;
}

/* The user's visit in progress, or none. */
static satchel_status find_open(sales_unit *unit, satchel_id *out) {
    satchel_query *query = NULL;
    satchel_buffer next = {0};
    *out = (satchel_id){{0}};
    satchel_status status = satchel_query_open(&query, SATCHEL_ENTITY_VISIT);
    if (status == SATCHEL_OK) {
        status = satchel_query_where_id(query, SATCHEL_VISIT_OWNER, SATCHEL_COMPARE_EQUAL, &unit->sales->user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_where_int(query, SATCHEL_VISIT_STATUS, SATCHEL_COMPARE_EQUAL,
                                         SATCHEL_VISIT_STATUS_IN_PROGRESS);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_query(unit->sales->store, query, (satchel_bytes){NULL, 0}, 1, note_open, out, &next,
                                     unit->error);
    }
    satchel_buffer_deinit(&next);
    satchel_query_close(query);
    return status;
}

/* A visit is open already: the wanted one (the call is repeated), the planned one, or another. */
static satchel_status refuse_open(sales_unit *unit, const satchel_id *open_visit, const satchel_id *planned,
                                  const satchel_id *wanted) {
    char text[SATCHEL_ID_TEXT_BYTES];
    if (satchel_id_equal(open_visit, wanted)) {
        return satchel_fail(unit->error, SATCHEL_ALREADY_EXISTS, "the visit has begun already");
    }
    if (satchel_sales_given(planned) && satchel_id_equal(open_visit, planned)) {
        return satchel_fail_field(unit->error, SATCHEL_ILLEGAL_STATE, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS,
                                  "the planned visit has begun already");
    }
    satchel_id_write(open_visit, text);
    return satchel_fail_field(unit->error, SATCHEL_REQUIRED_BEFORE, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS,
                              "visit %s is still open", text);
}

static satchel_status begin_planned(sales_unit *unit, const satchel_id *customer, const satchel_id *visit,
                                    satchel_record *fields) {
    satchel_record planned;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_VISIT, visit, &planned);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_id of = satchel_record_id(&planned, SATCHEL_VISIT_CUSTOMER);
    if (!satchel_id_equal(&of, customer)) {
        return satchel_fail_field(unit->error, SATCHEL_INVALID_ARGUMENT, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_CUSTOMER,
                                  "the visit is planned at another customer");
    }
    if (satchel_record_int(&planned, SATCHEL_VISIT_STATUS, 0) != SATCHEL_VISIT_STATUS_PLANNED) {
        return satchel_fail_field(unit->error, SATCHEL_ILLEGAL_STATE, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS,
                                  "the visit is not planned any more");
    }
    return satchel_draft_edit(unit->draft, SATCHEL_ENTITY_VISIT, visit, fields, NULL, 0, unit->error);
}

static satchel_status begin_new(sales_unit *unit, const satchel_id *customer, satchel_record *fields,
                                satchel_id *visit_id) {
    satchel_status status = satchel_record_set_id(fields, SATCHEL_VISIT_CUSTOMER, customer);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(fields, SATCHEL_VISIT_OWNER, &unit->sales->user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(fields, SATCHEL_VISIT_TYPE, SATCHEL_VISIT_TYPE_ROUTINE);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sales_new_id(unit, visit_id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_draft_create(unit->draft, SATCHEL_ENTITY_VISIT, visit_id, fields, unit->error);
    }
    return status;
}

static satchel_status fill_check_in(sales_unit *unit, const satchel_id *customer, const satchel_id *visit,
                                    const satchel_fix *fix, satchel_id *visit_id) {
    satchel_record at;
    satchel_record fields;
    satchel_id open_visit;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_CUSTOMER, customer, &at);
    if (status == SATCHEL_OK) {
        status = find_open(unit, &open_visit);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&open_visit)) {
        status = refuse_open(unit, &open_visit, visit, visit_id);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_record_init(&fields, &unit->arena);
    status = satchel_record_set_int(&fields, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_IN_PROGRESS);
    if (status == SATCHEL_OK) {
        status = set_fix(unit, fix, &check_in_fields, &at, &fields);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!satchel_sales_given(visit)) {
        return begin_new(unit, customer, &fields, visit_id);
    }
    *visit_id = *visit;
    return begin_planned(unit, customer, visit, &fields);
}

satchel_status satchel_sales_check_in(const satchel_sales *sales, const satchel_id *customer, const satchel_id *visit,
                                      const satchel_fix *fix, satchel_id *visit_id, satchel_error *error) {
    sales_unit unit;
    satchel_id id = satchel_sales_wanted(visit_id);
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_check_in(&unit, customer, visit, fix, &id));
    }
    if (status == SATCHEL_OK && visit_id != NULL) {
        *visit_id = id;
    }
    return status;
}

/* --- check out, cancel --- */

static satchel_status fill_check_out(sales_unit *unit, const satchel_id *visit, const satchel_fix *fix, int64_t outcome,
                                     satchel_text summary) {
    satchel_record before;
    satchel_record at;
    satchel_record fields;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_VISIT, visit, &before);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (satchel_record_int(&before, SATCHEL_VISIT_STATUS, 0) != SATCHEL_VISIT_STATUS_IN_PROGRESS) {
        return satchel_fail_field(unit->error, SATCHEL_ILLEGAL_STATE, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS,
                                  "the visit is not in progress");
    }
    const satchel_id customer = satchel_record_id(&before, SATCHEL_VISIT_CUSTOMER);
    status = satchel_sales_read(unit, SATCHEL_ENTITY_CUSTOMER, &customer, &at);
    if (status == SATCHEL_NOT_FOUND) {
        /* The customer left this user's reach while he was there; the visit is still his to end. */
        satchel_error_clear(unit->error);
        satchel_record_init(&at, &unit->arena);
        status = SATCHEL_OK;
    }
    satchel_record_init(&fields, &unit->arena);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_COMPLETED);
    }
    if (status == SATCHEL_OK) {
        status = set_fix(unit, fix, &check_out_fields, &at, &fields);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_VISIT_OUTCOME, outcome);
    }
    if (status == SATCHEL_OK && summary.bytes > 0) {
        status = satchel_record_set_text(&fields, SATCHEL_VISIT_SUMMARY, summary);
    }
    return status == SATCHEL_OK
               ? satchel_draft_edit(unit->draft, SATCHEL_ENTITY_VISIT, visit, &fields, NULL, 0, unit->error)
               : status;
}

satchel_status satchel_sales_check_out(const satchel_sales *sales, const satchel_id *visit, const satchel_fix *fix,
                                       int64_t outcome, satchel_text summary, satchel_error *error) {
    sales_unit unit;
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_check_out(&unit, visit, fix, outcome, summary));
    }
    return status;
}

static satchel_status fill_cancel(sales_unit *unit, const satchel_id *visit, satchel_text reason) {
    satchel_record before;
    satchel_record fields;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_VISIT, visit, &before);
    if (status != SATCHEL_OK) {
        return status;
    }
    int64_t state = satchel_record_int(&before, SATCHEL_VISIT_STATUS, 0);
    if (state != SATCHEL_VISIT_STATUS_PLANNED && state != SATCHEL_VISIT_STATUS_IN_PROGRESS) {
        return satchel_fail_field(unit->error, SATCHEL_ILLEGAL_STATE, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS,
                                  "the visit is over");
    }
    if (reason.bytes == 0) {
        return satchel_fail_field(unit->error, SATCHEL_REQUIRED_MISSING, SATCHEL_ENTITY_VISIT,
                                  SATCHEL_VISIT_CANCEL_NOTE, "a visit is cancelled with a reason");
    }
    satchel_record_init(&fields, &unit->arena);
    status = satchel_record_set_int(&fields, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_CANCELLED);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_VISIT_CANCEL_REASON, SATCHEL_VISIT_CANCEL_REASON_OTHER);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_text(&fields, SATCHEL_VISIT_CANCEL_NOTE, reason);
    }
    return status == SATCHEL_OK
               ? satchel_draft_edit(unit->draft, SATCHEL_ENTITY_VISIT, visit, &fields, NULL, 0, unit->error)
               : status;
}

satchel_status satchel_sales_cancel(const satchel_sales *sales, const satchel_id *visit, satchel_text reason,
                                    satchel_error *error) {
    sales_unit unit;
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_cancel(&unit, visit, reason));
    }
    return status;
}

/* --- plan --- */

static satchel_status fill_plan(sales_unit *unit, const satchel_id *customer, int64_t day, satchel_id *visit_id) {
    satchel_record at;
    satchel_record fields;
    if (day < 0 || day > DAYS_MOST) {
        return satchel_fail_field(unit->error, SATCHEL_OUT_OF_RANGE, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_PLANNED_START,
                                  "the day is outside 1970 to 9999");
    }
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_CUSTOMER, customer, &at);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_record_init(&fields, &unit->arena);
    status = satchel_record_set_id(&fields, SATCHEL_VISIT_CUSTOMER, customer);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&fields, SATCHEL_VISIT_OWNER, &unit->sales->user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_PLANNED);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_VISIT_TYPE, SATCHEL_VISIT_TYPE_ROUTINE);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(&fields, SATCHEL_VISIT_PLANNED_START, day * SATCHEL_MS_PER_DAY);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sales_new_id(unit, visit_id);
    }
    return status == SATCHEL_OK
               ? satchel_draft_create(unit->draft, SATCHEL_ENTITY_VISIT, visit_id, &fields, unit->error)
               : status;
}

satchel_status satchel_sales_plan(const satchel_sales *sales, const satchel_id *customer, int64_t day,
                                  satchel_id *visit_id, satchel_error *error) {
    sales_unit unit;
    satchel_id id = satchel_sales_wanted(visit_id);
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_plan(&unit, customer, day, &id));
    }
    if (status == SATCHEL_OK && visit_id != NULL) {
        *visit_id = id;
    }
    return status;
}
