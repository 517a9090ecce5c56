/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks and follow-up records.
 */
#include "sales/unit.h"

#include <satchel/model.h>

#include "base/error.h"
#include "base/ids.h"

static satchel_status fill_task(sales_unit *unit, satchel_text title, const satchel_id *customer,
                                const satchel_id *assignee, int64_t due_ms, satchel_id *task_id) {
    satchel_record read;
    satchel_record fields;
    satchel_status status = SATCHEL_OK;
    const satchel_id *who = satchel_sales_given(assignee) ? assignee : &unit->sales->user;
    satchel_record_init(&fields, &unit->arena);
    if (satchel_sales_given(customer)) {
        status = satchel_sales_read(unit, SATCHEL_ENTITY_CUSTOMER, customer, &read);
        if (status == SATCHEL_OK) {
            status = satchel_record_set_id(&fields, SATCHEL_TASK_CUSTOMER, customer);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_text(&fields, SATCHEL_TASK_TITLE, title);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&fields, SATCHEL_TASK_ASSIGNEE, who);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&fields, SATCHEL_TASK_ASSIGNED_BY, &unit->sales->user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN);
    }
    if (status == SATCHEL_OK && due_ms != 0) {
        status = satchel_record_set_time(&fields, SATCHEL_TASK_DUE_AT, due_ms);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sales_new_id(unit, task_id);
    }
    return status == SATCHEL_OK ? satchel_draft_create(unit->draft, SATCHEL_ENTITY_TASK, task_id, &fields, unit->error)
                                : status;
}

satchel_status satchel_sales_task_add(const satchel_sales *sales, satchel_text title, const satchel_id *customer,
                                      const satchel_id *assignee, int64_t due_ms, satchel_id *task_id,
                                      satchel_error *error) {
    sales_unit unit;
    satchel_id id = satchel_sales_wanted(task_id);
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_task(&unit, title, customer, assignee, due_ms, &id));
    }
    if (status == SATCHEL_OK && task_id != NULL) {
        *task_id = id;
    }
    return status;
}

static satchel_status fill_task_end(sales_unit *unit, const satchel_id *task, int64_t end) {
    satchel_record before;
    satchel_record fields;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_TASK, task, &before);
    if (status != SATCHEL_OK) {
        return status;
    }
    int64_t state = satchel_record_int(&before, SATCHEL_TASK_STATUS, 0);
    if (state != SATCHEL_TASK_STATUS_OPEN && state != SATCHEL_TASK_STATUS_IN_PROGRESS) {
        return satchel_fail_field(unit->error, SATCHEL_ILLEGAL_STATE, SATCHEL_ENTITY_TASK, SATCHEL_TASK_STATUS,
                                  "the task is over already");
    }
    satchel_record_init(&fields, &unit->arena);
    status = satchel_record_set_int(&fields, SATCHEL_TASK_STATUS, end);
    if (status == SATCHEL_OK && end == SATCHEL_TASK_STATUS_COMPLETED) {
        status = satchel_record_set_time(&fields, SATCHEL_TASK_COMPLETED_AT, unit->sales->now_ms);
    }
    return status == SATCHEL_OK
               ? satchel_draft_edit(unit->draft, SATCHEL_ENTITY_TASK, task, &fields, NULL, 0, unit->error)
               : status;
}

satchel_status satchel_sales_task_end(const satchel_sales *sales, const satchel_id *task, int64_t end,
                                      satchel_error *error) {
    sales_unit unit;
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_task_end(&unit, task, end));
    }
    return status;
}

static satchel_status fill_note(sales_unit *unit, const satchel_id *customer, int64_t kind, satchel_text subject,
                                satchel_text body, satchel_id *activity_id) {
    satchel_record read;
    satchel_record fields;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_CUSTOMER, customer, &read);
    satchel_record_init(&fields, &unit->arena);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&fields, SATCHEL_ACTIVITY_CUSTOMER, customer);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_ACTIVITY_KIND, kind);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&fields, SATCHEL_ACTIVITY_OWNER, &unit->sales->user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(&fields, SATCHEL_ACTIVITY_AT, unit->sales->now_ms);
    }
    if (status == SATCHEL_OK && subject.bytes > 0) {
        status = satchel_record_set_text(&fields, SATCHEL_ACTIVITY_SUBJECT, subject);
    }
    if (status == SATCHEL_OK && body.bytes > 0) {
        status = satchel_record_set_text(&fields, SATCHEL_ACTIVITY_BODY, body);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sales_new_id(unit, activity_id);
    }
    return status == SATCHEL_OK
               ? satchel_draft_create(unit->draft, SATCHEL_ENTITY_ACTIVITY, activity_id, &fields, unit->error)
               : status;
}

satchel_status satchel_sales_note(const satchel_sales *sales, const satchel_id *customer, int64_t kind,
                                  satchel_text subject, satchel_text body, satchel_id *activity_id,
                                  satchel_error *error) {
    sales_unit unit;
    satchel_id id = satchel_sales_wanted(activity_id);
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_note(&unit, customer, kind, subject, body, &id));
    }
    if (status == SATCHEL_OK && activity_id != NULL) {
        *activity_id = id;
    }
    return status;
}
