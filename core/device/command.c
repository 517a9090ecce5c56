/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands behind the public header: one draft each, committed at once. What they want is checked here as far as the
 * phone knows; the server decides.
 */
#include <satchel/command.h>

#include "device/device.h"

#include <satchel/model.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "rules/conflict_values.h"
#include "rules/orders.h"
#include "wire/record_codec.h"

typedef struct command_call {
    satchel_device *device;
    satchel_draft *draft;
    satchel_arena arena;
    satchel_record set;
    satchel_changed_set changed;
    satchel_error *error;
} command_call;

static satchel_status begin(command_call *call, satchel_device *device, satchel_error *error) {
    *call = (command_call){.device = device, .error = error};
    satchel_status status = satchel_device_enter_work(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!device->identity.enrolled) {
        satchel_device_leave(device);
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "the device is not enrolled: who commands?");
    }
    satchel_record_init(&call->set, &call->arena);
    status = satchel_draft_open(&call->draft, device->store);
    if (status != SATCHEL_OK) {
        satchel_device_leave(device);
        satchel_fail(error, status, "a command cannot begin");
    }
    return status;
}

static satchel_status put(command_call *call, satchel_command_kind kind, uint32_t entity, const satchel_id *row) {
    satchel_changed_add(&call->changed, entity);
    return satchel_draft_command(call->draft, entity, row, kind, &call->set, call->error);
}

/* Commits if all went well, and ends the call. */
static satchel_status end(command_call *call, satchel_status status, satchel_receipt *receipt) {
    satchel_receipt done = {0, 0};
    const satchel_moment moment = satchel_device_moment(call->device);
    if (status == SATCHEL_OK) {
        status = satchel_draft_commit(call->draft, &moment, &done, call->error);
    }
    satchel_draft_close(call->draft);
    satchel_arena_deinit(&call->arena);
    satchel_anchor_note(call->device);
    satchel_device_leave(call->device);
    if (status == SATCHEL_OK && receipt != NULL) {
        *receipt = done;
    }
    if (status == SATCHEL_OK && done.count > 0) {
        satchel_observers_tell(&call->device->observers, &call->changed);
    }
    return status;
}

/* --- customers --- */

static satchel_status command_customer(satchel_device *device, satchel_command_kind kind, const satchel_id *customer,
                                       uint32_t field, const satchel_id *argument, satchel_receipt *receipt,
                                       satchel_error *error) {
    command_call call;
    satchel_status status = begin(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (argument != NULL) {
        status = satchel_record_set_id(&call.set, field, argument);
    }
    if (status == SATCHEL_OK) {
        status = put(&call, kind, SATCHEL_ENTITY_CUSTOMER, customer);
    }
    return end(&call, status, receipt);
}

satchel_status satchel_customer_claim(satchel_device *device, const satchel_id *customer, satchel_receipt *receipt,
                                      satchel_error *error) {
    return command_customer(device, SATCHEL_COMMAND_CLAIM, customer, 0, NULL, receipt, error);
}

satchel_status satchel_customer_release(satchel_device *device, const satchel_id *customer, satchel_receipt *receipt,
                                        satchel_error *error) {
    return command_customer(device, SATCHEL_COMMAND_RELEASE, customer, 0, NULL, receipt, error);
}

satchel_status satchel_customer_transfer(satchel_device *device, const satchel_id *customer, const satchel_id *user,
                                         satchel_receipt *receipt, satchel_error *error) {
    if (satchel_id_is_none(user)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a transfer names who gets the customer");
    }
    return command_customer(device, SATCHEL_COMMAND_TRANSFER, customer, SATCHEL_CUSTOMER_OWNER, user, receipt, error);
}

satchel_status satchel_customer_merge(satchel_device *device, const satchel_id *gone, const satchel_id *survivor,
                                      satchel_receipt *receipt, satchel_error *error) {
    if (satchel_id_is_none(survivor) || satchel_id_equal(gone, survivor)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "two customers are merged");
    }
    return command_customer(device, SATCHEL_COMMAND_MERGE, gone, SATCHEL_CUSTOMER_MERGED_INTO, survivor, receipt,
                            error);
}

satchel_status satchel_customer_unmerge(satchel_device *device, const satchel_id *gone, satchel_receipt *receipt,
                                        satchel_error *error) {
    return command_customer(device, SATCHEL_COMMAND_UNMERGE, gone, 0, NULL, receipt, error);
}

/* --- approvals, orders, plans --- */

satchel_status satchel_approval_decide(satchel_device *device, const satchel_id *approval, int64_t decision,
                                       satchel_text comment, satchel_receipt *receipt, satchel_error *error) {
    command_call call;
    satchel_status status = begin(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (decision < SATCHEL_APPROVAL_DECISION_APPROVED || decision > SATCHEL_APPROVAL_DECISION_WITHDRAWN) {
        status = satchel_fail(error, SATCHEL_OUT_OF_RANGE, "approve, refuse or withdraw");
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&call.set, SATCHEL_APPROVAL_DECISION, decision);
    }
    if (status == SATCHEL_OK && comment.bytes > 0) {
        status = satchel_record_set_text(&call.set, SATCHEL_APPROVAL_COMMENT, comment);
    }
    if (status == SATCHEL_OK) {
        status = put(&call, SATCHEL_COMMAND_DECIDE, SATCHEL_ENTITY_APPROVAL, approval);
    }
    return end(&call, status, receipt);
}

/* What the user saw when he asked: the server checks it. */
static satchel_status put_totals(command_call *call, const satchel_id *order) {
    static const uint32_t totals[] = {SATCHEL_ORDER_TOTAL_MINOR, SATCHEL_ORDER_LINE_COUNT};
    satchel_record seen;
    satchel_record_init(&seen, &call->arena);
    satchel_status status =
        satchel_draft_read(call->draft, SATCHEL_ENTITY_ORDER, order, &call->arena, &seen, call->error);
    if (status == SATCHEL_OK && !satchel_order_is_open(&seen)) {
        status = satchel_fail_field(call->error, SATCHEL_LATE_FOR_PARENT, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_STATUS,
                                    "the order is no draft any more");
    }
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof totals / sizeof *totals; i++) {
        const satchel_value *value = satchel_record_get(&seen, totals[i]);
        status = value != NULL ? satchel_record_set(&call->set, totals[i], value) : SATCHEL_OK;
    }
    return status;
}

satchel_status satchel_order_request(satchel_device *device, const satchel_id *order, satchel_receipt *receipt,
                                     satchel_error *error) {
    command_call call;
    satchel_status status = begin(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = put_totals(&call, order);
    if (status == SATCHEL_OK) {
        status = put(&call, SATCHEL_COMMAND_SUBMIT_ORDER, SATCHEL_ENTITY_ORDER, order);
    }
    return end(&call, status, receipt);
}

static satchel_status read_fields(command_call *call, uint32_t entity, satchel_bytes record, satchel_record *out) {
    satchel_status status =
        satchel_record_decode(satchel_store_schema(call->device->store), entity, record, true, out, call->error);
    satchel_record_remove(out, SATCHEL_FIELD_ID);
    return status;
}

satchel_status satchel_plan_change(satchel_device *device, uint32_t entity, const satchel_id *row, satchel_bytes record,
                                   satchel_receipt *receipt, satchel_error *error) {
    command_call call;
    if (entity != SATCHEL_ENTITY_VISIT_PLAN && entity != SATCHEL_ENTITY_PLAN_STOP) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "it changes a visit plan or a stop of one");
    }
    satchel_status status = begin(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = read_fields(&call, entity, record, &call.set);
    if (status == SATCHEL_OK) {
        status = put(&call, SATCHEL_COMMAND_CHANGE_PLAN, entity, row);
    }
    return end(&call, status, receipt);
}

/* --- conflicts --- */

static satchel_status read_loser(command_call *call, uint32_t entity, const satchel_record *conflict,
                                 satchel_record *out) {
    satchel_bytes loser;
    bool found = false;
    satchel_status status =
        satchel_conflict_side_find(satchel_conflict_values(conflict), SATCHEL_SIDE_LOSER, &loser, &found);
    return status == SATCHEL_OK && found
               ? read_fields(call, entity, loser, out)
               : satchel_fail(call->error, SATCHEL_FORBIDDEN, "what lost is not shown to this user");
}

/* A loser that was empty is put back by clearing. */
static satchel_status write_back(command_call *call, uint32_t entity, const satchel_id *row,
                                 const satchel_record *wanted) {
    satchel_record set;
    uint32_t *cleared = satchel_arena_take_array(&call->arena, wanted->count + 1, sizeof *cleared);
    uint32_t count = 0;
    satchel_record_init(&set, &call->arena);
    satchel_status status = cleared != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    for (uint32_t i = 0; status == SATCHEL_OK && i < wanted->count; i++) {
        if (wanted->fields[i].value.type == SATCHEL_TYPE_NULL) {
            cleared[count++] = wanted->fields[i].number;
        } else {
            status = satchel_record_set(&set, wanted->fields[i].number, &wanted->fields[i].value);
        }
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(call->error, status, "no memory for a value");
    }
    satchel_changed_add(&call->changed, entity);
    return satchel_draft_edit(call->draft, entity, row, &set, cleared, count, call->error);
}

static satchel_status write_resolution(command_call *call, const satchel_record *conflict,
                                       satchel_resolution resolution, satchel_bytes record) {
    uint32_t entity = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    satchel_id row = satchel_record_id(conflict, SATCHEL_CONFLICT_SUBJECT_ROW);
    satchel_record wanted;
    satchel_record_init(&wanted, &call->arena);
    if (resolution == SATCHEL_RESOLVE_KEEP) {
        return SATCHEL_OK;
    }
    satchel_status status = resolution == SATCHEL_RESOLVE_RESTORE ? read_loser(call, entity, conflict, &wanted)
                                                                  : read_fields(call, entity, record, &wanted);
    return status == SATCHEL_OK ? write_back(call, entity, &row, &wanted) : status;
}

static satchel_status resolve(command_call *call, const satchel_id *id, satchel_resolution resolution,
                              satchel_bytes record) {
    static const int64_t states[] = {[SATCHEL_RESOLVE_KEEP] = SATCHEL_CONFLICT_STATUS_KEPT,
                                     [SATCHEL_RESOLVE_RESTORE] = SATCHEL_CONFLICT_STATUS_RESTORED,
                                     [SATCHEL_RESOLVE_EDIT] = SATCHEL_CONFLICT_STATUS_EDITED};
    satchel_record conflict;
    satchel_record_init(&conflict, &call->arena);
    satchel_status status =
        satchel_draft_read(call->draft, SATCHEL_ENTITY_CONFLICT, id, &call->arena, &conflict, call->error);
    if (status == SATCHEL_OK && satchel_record_get(&conflict, SATCHEL_CONFLICT_RESOLVED_AT) != NULL) {
        status = satchel_fail(call->error, SATCHEL_ILLEGAL_STATE, "the conflict was decided before");
    }
    if (status == SATCHEL_OK) {
        status = write_resolution(call, &conflict, resolution, record);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&call->set, SATCHEL_CONFLICT_STATUS, states[resolution]);
    }
    return status == SATCHEL_OK ? put(call, SATCHEL_COMMAND_RESOLVE, SATCHEL_ENTITY_CONFLICT, id) : status;
}

satchel_status satchel_conflict_resolve(satchel_device *device, const satchel_id *conflict,
                                        satchel_resolution resolution, satchel_bytes record, satchel_receipt *receipt,
                                        satchel_error *error) {
    command_call call;
    bool edits = resolution == SATCHEL_RESOLVE_EDIT;
    if (resolution < SATCHEL_RESOLVE_KEEP || resolution > SATCHEL_RESOLVE_EDIT || (edits && record.bytes == 0)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "keep, restore, or an edit that says what it wants");
    }
    satchel_status status = begin(&call, device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    return end(&call, resolve(&call, conflict, resolution, record), receipt);
}

/* --- what became of them --- */

struct satchel_commands {
    satchel_arena arena;
    satchel_command_info *items;
    uint32_t count;
};

satchel_status satchel_commands_list(satchel_commands **out, satchel_device *device, uint32_t limit,
                                     satchel_error *error) {
    *out = NULL;
    satchel_status status = satchel_device_enter_work(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_commands *commands = satchel_memory_take(sizeof *commands);
    if (commands == NULL) {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for commands");
        goto done;
    }
    status = satchel_store_commands(device->store, limit, &commands->arena, &commands->items, &commands->count, error);
    if (status == SATCHEL_OK) {
        *out = commands;
        commands = NULL;
    }
done:
    satchel_device_leave(device);
    satchel_commands_close(commands);
    return status;
}

void satchel_commands_close(satchel_commands *commands) {
    if (commands != NULL) {
        satchel_arena_deinit(&commands->arena);
        satchel_memory_give(commands);
    }
}

uint32_t satchel_commands_count(const satchel_commands *commands) {
    return commands->count;
}

satchel_status satchel_commands_at(const satchel_commands *commands, uint32_t index, satchel_command_info *out) {
    if (index >= commands->count) {
        return SATCHEL_OUT_OF_RANGE;
    }
    *out = commands->items[index];
    return SATCHEL_OK;
}
