/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visits and stops of plans, merged by time. Only the nearest of each are looked at: the list is short.
 */
#include "service/route.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/times.h"
#include "service/state.h"

#include <satchel/model.h>
#include <stdlib.h>

#define MINUTE_MS INT64_C(60000)
#define PLANS_MOST 32
#define VISITS_MOST 256      /* several may be at one customer */
#define DUE_DAYS_AHEAD 366   /* every_weeks is at most 52 */
#define MONDAY_OF_DAY_0 (-3) /* 1970-01-01 was a Thursday */

typedef struct route_stop {
    int64_t at_ms;
    satchel_id customer;
} route_stop;

typedef struct route_plan {
    satchel_id id;
    int64_t start_ms; /* of the next time that it is followed */
} route_plan;

typedef struct route_work {
    const satchel_service *service;
    satchel_db *db;
    const satchel_id *user;
    int64_t today;
    route_plan plans[PLANS_MOST];
    uint32_t plan_count;
    route_stop stops[VISITS_MOST + PLANS_MOST * SATCHEL_CURSOR_ROUTE_MOST];
    uint32_t stop_count;
    satchel_error *error;
} route_work;

/* --- when a plan is due --- */

static int64_t positive(int64_t value) {
    return value > 0 ? value : 1;
}

static bool is_due(const satchel_plan_terms *plan, int64_t day) {
    int64_t since = day - plan->valid_from;
    switch (plan->rule) {
    case SATCHEL_PLAN_RULE_EVERY_DAYS: return since % positive(plan->every_days) == 0;
    case SATCHEL_PLAN_RULE_WEEKDAYS: {
        int64_t weekday = ((day - MONDAY_OF_DAY_0) % 7 + 7) % 7;
        int64_t first = ((plan->valid_from - MONDAY_OF_DAY_0) % 7 + 7) % 7;
        int64_t week = (since + first) / 7; /* counted from the Monday before it began */
        return (plan->weekdays >> weekday & 1) != 0 && week % positive(plan->every_weeks) == 0;
    }
    default: return true;
    }
}

bool satchel_plan_due(const satchel_plan_terms *plan, int64_t today, int64_t *out_day) {
    int64_t first = today > plan->valid_from ? today : plan->valid_from;
    for (int64_t day = first; day <= first + DUE_DAYS_AHEAD && day <= plan->valid_until; day++) {
        if (is_due(plan, day)) {
            *out_day = day;
            return true;
        }
    }
    return false;
}

/* --- what there is --- */

static int64_t start_of_day(const route_work *work, int64_t day) {
    return day * SATCHEL_MS_PER_DAY - (int64_t)work->service->platform.zone_minutes * MINUTE_MS;
}

static void put_stop(route_work *work, int64_t at_ms, const satchel_id *customer) {
    if (work->stop_count < sizeof work->stops / sizeof *work->stops && !satchel_id_is_none(customer)) {
        work->stops[work->stop_count++] = (route_stop){at_ms, *customer};
    }
}

static satchel_status read_visits(route_work *work) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(
        &statement, work->db, work->error,
        "SELECT \"customer\", \"planned_start\" FROM \"visit\" WHERE \"owner\" = ?1 AND \"deleted\" = 0 AND"
        " (\"status\" = ?2 OR (\"status\" = ?3 AND \"planned_start\" >= ?4)) ORDER BY \"planned_start\", \"id\""
        " LIMIT ?5",
        satchel_value_id(work->user), satchel_value_int(SATCHEL_VISIT_STATUS_IN_PROGRESS),
        satchel_value_int(SATCHEL_VISIT_STATUS_PLANNED), satchel_value_int(start_of_day(work, work->today)),
        satchel_value_int(VISITS_MOST));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            const satchel_id customer = satchel_db_id(statement, 0);
            put_stop(work, satchel_db_int(statement, 1), &customer);
        }
    }
    satchel_db_end(statement);
    return status;
}

static int compare_plans(const void *a, const void *b) {
    const route_plan *left = a;
    const route_plan *right = b;
    if (left->start_ms != right->start_ms) {
        return left->start_ms < right->start_ms ? -1 : 1;
    }
    return satchel_id_compare(&left->id, &right->id);
}

static void take_plan(route_work *work, satchel_db_statement *statement) {
    satchel_plan_terms rule = {.rule = satchel_db_int(statement, 1),
                               .every_days = satchel_db_int(statement, 2),
                               .weekdays = satchel_db_int(statement, 3),
                               .every_weeks = satchel_db_int(statement, 4),
                               .valid_from = satchel_db_int(statement, 5),
                               .valid_until = satchel_db_int(statement, 6)};
    int64_t day = 0;
    if (work->plan_count < PLANS_MOST && satchel_plan_due(&rule, work->today, &day)) {
        work->plans[work->plan_count++] = (route_plan){
            satchel_db_id(statement, 0), start_of_day(work, day) + satchel_db_int(statement, 7) * MINUTE_MS};
    }
}

static satchel_status read_plans(route_work *work) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(
        &statement, work->db, work->error,
        "SELECT \"id\", \"rule\", \"every_days\", \"weekdays\", \"every_weeks\", \"valid_from\","
        " coalesce(\"valid_until\", 9223372036854775807), coalesce(\"start_minute\", 0) FROM \"visit_plan\""
        " WHERE \"owner\" = ?1 AND \"deleted\" = 0 AND coalesce(\"active\", 1) = 1 AND"
        " (\"valid_until\" IS NULL OR \"valid_until\" >= ?2) ORDER BY \"id\" DESC LIMIT ?3",
        satchel_value_id(work->user), satchel_value_int(work->today), satchel_value_int(PLANS_MOST));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            take_plan(work, statement);
        }
    }
    satchel_db_end(statement);
    if (work->plan_count > 1) {
        qsort(work->plans, work->plan_count, sizeof *work->plans, compare_plans);
    }
    return status;
}

static satchel_status read_stops(route_work *work, const route_plan *plan) {
    satchel_db_statement *statement = NULL;
    int64_t place = 0;
    satchel_status status =
        SATCHEL_DB_START(&statement, work->db, work->error,
                         "SELECT \"customer\" FROM \"plan_stop\" WHERE \"plan\" = ?1 AND \"deleted\" = 0"
                         " ORDER BY \"position\", \"id\" LIMIT ?2",
                         satchel_value_id(&plan->id), satchel_value_int(SATCHEL_CURSOR_ROUTE_MOST));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            const satchel_id customer = satchel_db_id(statement, 0);
            put_stop(work, plan->start_ms + place++, &customer); /* in their order, within the minute */
        }
    }
    satchel_db_end(statement);
    return status;
}

/* --- the list --- */

static int compare_stops(const void *a, const void *b) {
    const route_stop *left = a;
    const route_stop *right = b;
    if (left->at_ms != right->at_ms) {
        return left->at_ms < right->at_ms ? -1 : 1;
    }
    return satchel_id_compare(&left->customer, &right->customer);
}

static bool holds(const satchel_id *ids, uint32_t count, const satchel_id *id) {
    for (uint32_t i = 0; i < count; i++) {
        if (satchel_id_equal(&ids[i], id)) {
            return true;
        }
    }
    return false;
}

satchel_status satchel_route_of(const satchel_service *service, satchel_db *db, const satchel_id *user,
                                satchel_id out[SATCHEL_CURSOR_ROUTE_MOST], uint32_t *out_count, satchel_error *error) {
    *out_count = 0;
    route_work *work = satchel_memory_take(sizeof *work);
    if (work == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a route");
    }
    work->service = service;
    work->db = db;
    work->user = user;
    work->today = satchel_service_today(service);
    work->error = error;
    satchel_status status = read_visits(work);
    if (status == SATCHEL_OK) {
        status = read_plans(work);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->plan_count; i++) {
        status = read_stops(work, &work->plans[i]);
    }
    if (status == SATCHEL_OK && work->stop_count > 1) {
        qsort(work->stops, work->stop_count, sizeof *work->stops, compare_stops);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->stop_count && *out_count < SATCHEL_CURSOR_ROUTE_MOST; i++) {
        if (!holds(out, *out_count, &work->stops[i].customer)) {
            out[(*out_count)++] = work->stops[i].customer;
        }
    }
    satchel_memory_give(work);
    return status;
}
