/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new day in the pool: a walk through the customers that have an owner, in order of id and in steps, each a revision
 * of its own. Where it is stands in two rows of company_mark, so a server that is killed goes on from there.
 */
#include "service/pool.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/merge_customers.h"
#include "service/walk.h"

#include <satchel/model.h>

#define DAY_MS INT64_C(86400000)
#define MARK "pool.day"

satchel_status satchel_pool_due(const satchel_service *service, satchel_db *db, bool *out, satchel_error *error) {
    satchel_walk walk;
    int64_t days = 0;
    *out = false;
    satchel_status status = satchel_rule_get(db, SATCHEL_RULE_POOL_RECYCLE_DAYS, &days, error);
    if (status == SATCHEL_OK && days > 0) {
        status = satchel_walk_load(db, MARK, &walk, error);
        *out = status == SATCHEL_OK && (!walk.done || walk.at < satchel_service_today(service));
    }
    return status;
}

/* --- one customer --- */

typedef struct pool_step {
    satchel_change change;
    satchel_arena arena;
    int64_t recycle_before; /* untouched since before this moment: into the pool */
    int64_t warn_before;
    int64_t recycle_days;
    satchel_error *error;
} pool_step;

/* When somebody last did something about the customer. */
static int64_t last_touch(const satchel_stored_row *row) {
    static const uint32_t fields[] = {SATCHEL_CUSTOMER_LAST_VISIT_AT, SATCHEL_CUSTOMER_LAST_ORDER_AT,
                                      SATCHEL_CUSTOMER_LAST_ACTIVITY_AT, SATCHEL_CUSTOMER_POOL_SINCE};
    int64_t newest = row->created_at;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        int64_t at = satchel_record_int(&row->merged.value, fields[i], INT64_MIN);
        newest = at > newest ? at : newest;
    }
    return newest;
}

/* One task for each time that the owner is warned: the same warning makes the same row. */
static satchel_status make_task(pool_step *step, const satchel_stored_row *customer, int64_t touched) {
    uint8_t number[8];
    satchel_record record;
    satchel_put_u64be(number, (uint64_t)touched);
    const satchel_bytes parts[] = {satchel_id_view(&customer->id), satchel_bytes_of(number, sizeof number)};
    satchel_id id = satchel_id_derive("satchel pool warning", parts, 2);
    satchel_id owner = satchel_record_id(&customer->merged.value, SATCHEL_CUSTOMER_OWNER);
    satchel_stored_row there;
    satchel_record_init(&record, step->change.arena);
    satchel_status status = satchel_stored_row_load(step->change.service->tables, step->change.db, SATCHEL_ENTITY_TASK,
                                                    &id, step->change.arena, &there, step->error);
    if (status != SATCHEL_OK || there.merged.exists) {
        return status;
    }
    status = satchel_record_set_text(&record, SATCHEL_TASK_TITLE,
                                     satchel_text_of("即将回收至公海，请跟进 · Follow up "
                                                     "before it goes to the public pool"));
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(&record, SATCHEL_TASK_DUE_AT, touched + step->recycle_days * DAY_MS);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&record, SATCHEL_TASK_ASSIGNEE, &owner);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&record, SATCHEL_TASK_CUSTOMER, &customer->id);
    }
    return status == SATCHEL_OK
               ? satchel_change_insert(&step->change, SATCHEL_ENTITY_TASK, &id, &record, NULL, step->error)
               : status;
}

static satchel_status warn(pool_step *step, satchel_stored_row *customer, int64_t touched) {
    const uint32_t field = SATCHEL_CUSTOMER_POOL_STATE;
    const satchel_value warned = satchel_value_int(SATCHEL_POOL_STATE_WARNED);
    if (satchel_record_int(&customer->merged.value, field, 0) == SATCHEL_POOL_STATE_WARNED) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_change_put(&step->change, customer, field, &warned);
    if (status == SATCHEL_OK) {
        status = satchel_change_save(&step->change, customer, &field, 1, step->error);
    }
    return status == SATCHEL_OK ? make_task(step, customer, touched) : status;
}

static satchel_status recycle(pool_step *step, satchel_stored_row *customer) {
    satchel_op_decision decision = {.code = SATCHEL_RESULT_APPLIED};
    satchel_order_given given = {
        .change = &step->change, .decision = &decision, .row = *customer, .error = step->error};
    const satchel_audit_entry entry = {
        .action = "pool recycled", .subject_entity = SATCHEL_ENTITY_CUSTOMER, .subject_row = customer->id};
    satchel_status status = satchel_pool_put(&given);
    return status == SATCHEL_OK
               ? satchel_audit_add(step->change.db, step->change.counter, step->change.now_ms, &entry, step->error)
               : status;
}

static satchel_status look_at(pool_step *step, const satchel_id *id) {
    satchel_stored_row customer;
    satchel_status status =
        satchel_stored_row_load(step->change.service->tables, step->change.db, SATCHEL_ENTITY_CUSTOMER, id,
                                step->change.arena, &customer, step->error);
    if (status != SATCHEL_OK || !customer.merged.exists) {
        return status;
    }
    int64_t touched = last_touch(&customer);
    if (touched < step->recycle_before) {
        return recycle(step, &customer);
    }
    return touched < step->warn_before ? warn(step, &customer, touched) : SATCHEL_OK;
}

/* --- one step --- */

static satchel_status next_owned(satchel_db *db, const satchel_id *after, int64_t before, satchel_id *ids,
                                 uint32_t *out_count, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error,
        "SELECT \"id\" FROM \"customer\" WHERE \"id\" > ?1 AND \"owner\" IS NOT NULL AND \"deleted\" = 0"
        " AND \"merged_into\" IS NULL AND coalesce(\"archived\", 0) = 0 AND coalesce(\"last_visit_at\", 0) < ?2"
        " AND coalesce(\"last_order_at\", 0) < ?2 AND coalesce(\"last_activity_at\", 0) < ?2"
        " AND coalesce(\"pool_since\", 0) < ?2 AND coalesce(\"created_at\", 0) < ?2 ORDER BY \"id\" LIMIT ?3",
        satchel_value_id(after), satchel_value_time(before), satchel_value_int(SATCHEL_POOL_STEP_MOST));
    bool found = status == SATCHEL_OK;
    *out_count = 0;
    while (status == SATCHEL_OK && found && *out_count < SATCHEL_POOL_STEP_MOST) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            ids[(*out_count)++] = satchel_db_id(statement, 0);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status load_rules(pool_step *step, satchel_db *db, const satchel_service *service) {
    int64_t warn_days = 0;
    int64_t midnight = 0;
    satchel_status status = satchel_rule_get(db, SATCHEL_RULE_POOL_RECYCLE_DAYS, &step->recycle_days, step->error);
    if (status == SATCHEL_OK) {
        status = satchel_rule_get(db, SATCHEL_RULE_POOL_WARN_DAYS, &warn_days, step->error);
    }
    /* Days end at the company's midnight: who was followed up N days ago at noon has the whole day. */
    midnight = satchel_service_today(service) * DAY_MS - (int64_t)service->platform.zone_minutes * 60000;
    warn_days = warn_days < step->recycle_days ? warn_days : step->recycle_days;
    step->recycle_before = midnight - step->recycle_days * DAY_MS;
    step->warn_before = step->recycle_before + warn_days * DAY_MS;
    return status;
}

static satchel_status take_step(pool_step *step, satchel_walk *walk) {
    satchel_id ids[SATCHEL_POOL_STEP_MOST];
    uint32_t count = 0;
    satchel_status status = next_owned(step->change.db, &walk->after, step->warn_before, ids, &count, step->error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = look_at(step, &ids[i]);
        walk->after = ids[i];
    }
    walk->done = count < SATCHEL_POOL_STEP_MOST;
    return status == SATCHEL_OK ? satchel_walk_save(step->change.db, MARK, walk, step->error) : status;
}

satchel_status satchel_pool_step(const satchel_service *service, satchel_db *db, satchel_error *error) {
    const satchel_author author = {.incarnation = 0};
    const satchel_audit_entry entry = {.action = "pool day"};
    pool_step step = {.error = error};
    satchel_counter counter;
    satchel_person system;
    satchel_walk walk;
    bool due = false;
    satchel_status status = satchel_pool_due(service, db, &due, error);
    if (status != SATCHEL_OK || !due) {
        return status;
    }
    status = satchel_walk_load(db, MARK, &walk, error);
    if (status == SATCHEL_OK) {
        status = satchel_counter_read(db, &counter, error);
    }
    if (status == SATCHEL_OK) {
        status = load_rules(&step, db, service);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (walk.done) {
        walk = (satchel_walk){.at = satchel_service_today(service)};
    }
    satchel_arena_init(&step.arena);
    satchel_person_system(service, &system);
    satchel_change_begin(&step.change, service, db, &step.arena, &counter, &system, &author);
    step.change.trusted = true;
    status = take_step(&step, &walk);
    if (status == SATCHEL_OK) {
        status = satchel_change_finish(&step.change, step.change.moved ? &entry : NULL, error);
    }
    satchel_arena_deinit(&step.arena);
    return status;
}
