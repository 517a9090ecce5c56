/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs of field sales behind the public header: device held, moment and user filled in, observers told.
 */
#include <satchel/sales.h>

#include "device/device.h"

#include <satchel/model.h>

#include "base/error.h"

typedef struct verb_call {
    satchel_device *device;
    satchel_sales sales;
} verb_call;

static satchel_status begin_verb(verb_call *call, satchel_device *device, satchel_error *error) {
    call->device = device;
    satchel_status status = satchel_device_enter_work(device, error);
    if (status == SATCHEL_OK && !device->identity.enrolled) {
        satchel_device_leave(device);
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "the device is not enrolled: whose work is it?");
    }
    if (status == SATCHEL_OK) {
        call->sales = (satchel_sales){
            .store = device->store,
            .moment = satchel_device_moment(device),
            .now_ms = satchel_device_now_ms(device),
            .user = device->identity.user,
            .random = satchel_device_random(device),
            .discount_limit_bp = device->book.orders.discount_limit_bp,
            .discount_steps = device->book.orders.discount_steps,
        };
    }
    return status;
}

static satchel_status end_verb(verb_call *call, satchel_status status, uint32_t entity, uint32_t other_entity) {
    satchel_anchor_note(call->device);
    satchel_device_leave(call->device);
    if (status == SATCHEL_OK) {
        satchel_changed_set changed = {{0}};
        satchel_changed_add(&changed, entity);
        satchel_changed_add(&changed, other_entity);
        satchel_observers_tell(&call->device->observers, &changed);
    }
    return status;
}

satchel_status satchel_visit_check_in(satchel_device *device, const satchel_id *customer, const satchel_id *visit,
                                      const satchel_fix *fix, satchel_id *visit_id, satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_check_in(&call.sales, customer, visit, fix, visit_id, error);
    return end_verb(&call, status, SATCHEL_ENTITY_VISIT, SATCHEL_ENTITY_VISIT);
}

satchel_status satchel_visit_check_out(satchel_device *device, const satchel_id *visit, const satchel_fix *fix,
                                       int64_t outcome, satchel_text summary, satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_check_out(&call.sales, visit, fix, outcome, summary, error);
    return end_verb(&call, status, SATCHEL_ENTITY_VISIT, SATCHEL_ENTITY_VISIT);
}

satchel_status satchel_visit_cancel(satchel_device *device, const satchel_id *visit, satchel_text reason,
                                    satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_cancel(&call.sales, visit, reason, error);
    return end_verb(&call, status, SATCHEL_ENTITY_VISIT, SATCHEL_ENTITY_VISIT);
}

satchel_status satchel_visit_plan(satchel_device *device, const satchel_id *customer, int64_t day, satchel_id *visit_id,
                                  satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_plan(&call.sales, customer, day, visit_id, error);
    return end_verb(&call, status, SATCHEL_ENTITY_VISIT, SATCHEL_ENTITY_VISIT);
}

satchel_status satchel_order_new(satchel_device *device, const satchel_id *customer, const satchel_id *visit,
                                 satchel_text currency, satchel_text external_id, satchel_id *order_id,
                                 satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_order_new(&call.sales, customer, visit, currency, external_id, order_id, error);
    return end_verb(&call, status, SATCHEL_ENTITY_ORDER, SATCHEL_ENTITY_ORDER);
}

satchel_status satchel_order_add(satchel_device *device, const satchel_id *order, const satchel_id *product,
                                 int64_t quantity_e3, int64_t unit_price_minor, int64_t discount_bp,
                                 satchel_id *line_id, satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_sales_line line = {*product, quantity_e3, unit_price_minor, discount_bp};
    status = satchel_sales_order_add(&call.sales, order, &line, line_id, error);
    return end_verb(&call, status, SATCHEL_ENTITY_ORDER, SATCHEL_ENTITY_ORDER_LINE);
}

satchel_status satchel_order_remove(satchel_device *device, const satchel_id *line, satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_order_remove(&call.sales, line, error);
    return end_verb(&call, status, SATCHEL_ENTITY_ORDER, SATCHEL_ENTITY_ORDER_LINE);
}

satchel_status satchel_order_submit(satchel_device *device, const satchel_id *order, satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_order_submit(&call.sales, order, error);
    return end_verb(&call, status, SATCHEL_ENTITY_ORDER, SATCHEL_ENTITY_ORDER);
}

satchel_status satchel_order_waits(satchel_device *device, const satchel_id *order, bool *out, satchel_error *error) {
    verb_call call;
    *out = false;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_order_waits(&call.sales, order, out, error);
    satchel_device_leave(device);
    return status;
}

satchel_status satchel_task_add(satchel_device *device, satchel_text title, const satchel_id *customer,
                                const satchel_id *assignee, int64_t due_ms, satchel_id *task_id, satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_task_add(&call.sales, title, customer, assignee, due_ms, task_id, error);
    return end_verb(&call, status, SATCHEL_ENTITY_TASK, SATCHEL_ENTITY_TASK);
}

static satchel_status end_task(satchel_device *device, const satchel_id *task, satchel_task_status end,
                               satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_task_end(&call.sales, task, end, error);
    return end_verb(&call, status, SATCHEL_ENTITY_TASK, SATCHEL_ENTITY_TASK);
}

satchel_status satchel_task_finish(satchel_device *device, const satchel_id *task, satchel_error *error) {
    return end_task(device, task, SATCHEL_TASK_STATUS_COMPLETED, error);
}

satchel_status satchel_task_cancel(satchel_device *device, const satchel_id *task, satchel_error *error) {
    return end_task(device, task, SATCHEL_TASK_STATUS_CANCELLED, error);
}

satchel_status satchel_note_add(satchel_device *device, const satchel_id *customer, int64_t kind, satchel_text subject,
                                satchel_text body, satchel_id *activity_id, satchel_error *error) {
    verb_call call;
    satchel_status status = begin_verb(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_sales_note(&call.sales, customer, kind, subject, body, activity_id, error);
    return end_verb(&call, status, SATCHEL_ENTITY_ACTIVITY, SATCHEL_ENTITY_ACTIVITY);
}
