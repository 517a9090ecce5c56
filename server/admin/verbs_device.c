/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb about phones: which there are, how far each has heard of its orders, and how they end.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/times.h"
#include <satchel/model.h>

#include <string.h>

static satchel_status give(satchel_command *command, const char *name, json_t *value) {
    return value != NULL && json_object_set_new(command->result, name, value) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static json_t *json_time(int64_t ms) {
    char text[SATCHEL_TIME_TEXT_BYTES];
    if (ms == 0) {
        return json_null();
    }
    satchel_time_write(ms, text);
    return json_string(text);
}

/* What becomes of the phone, in a word. */
static const char *order_of(const satchel_device_row *row) {
    if (row->receipt_kind != 0) {
        return row->receipt_kind == SATCHEL_RECEIPT_RETIRED ? "retired" : "wiped";
    }
    switch (row->command) {
    case SATCHEL_ORDER_RETIRE: return "retiring";
    case SATCHEL_ORDER_WIPE: return "to be wiped";
    case SATCHEL_ORDER_NONE: break;
    }
    return row->revoked ? "revoked" : "active";
}

static bool put_orders(json_t *object, const satchel_device_row *row) {
    bool lost = row->receipt_kind != 0 && row->lost_counted;
    return json_object_set_new(object, "state", json_string(order_of(row))) == 0 &&
           json_object_set_new(object, "orders", json_string(row->orders_pending ? "pending" : "carried out")) == 0 &&
           json_object_set_new(object, "receipt", json_time(row->receipt_ms)) == 0 &&
           json_object_set_new(object, "lost", lost ? json_integer((json_int_t)row->lost) : json_null()) == 0 &&
           json_object_set_new(object, "witness", json_integer((json_int_t)row->witness_position)) == 0 &&
           json_object_set_new(object, "contradicts",
                               row->bad_position > 0 ? json_integer((json_int_t)row->bad_position) : json_null()) == 0;
}

static satchel_status append_device(void *context, const satchel_device_row *row) {
    json_t *rows = context;
    json_t *object = json_object();
    bool whole = object != NULL && json_object_set_new(object, "id", satchel_json_id(&row->id)) == 0 &&
                 json_object_set_new(object, "user", satchel_json_id(&row->user)) == 0 &&
                 json_object_set_new(object, "name", json_stringn(row->name.data, row->name.bytes)) == 0 &&
                 json_object_set_new(object, "enrolled", json_time(row->enrolled_ms)) == 0 &&
                 json_object_set_new(object, "seen", json_time(row->seen_ms)) == 0 &&
                 json_object_set_new(object, "applied_through", json_integer((json_int_t)row->applied_through)) == 0 &&
                 json_object_set_new(object, "revoked", json_boolean(row->revoked)) == 0 && put_orders(object, row);
    if (!whole) {
        json_decref(object);
        return SATCHEL_NO_MEMORY;
    }
    return json_array_append_new(rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status device_list(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    (void)context;
    const satchel_actor system = satchel_actor_system();
    json_t *rows = json_array();
    satchel_status status = give(command, "rows", rows);
    return status == SATCHEL_OK ? satchel_devices_list(command->service, db, &system, append_device, rows, error)
                                : status;
}

/* --- ending one --- */

typedef satchel_status (*device_act)(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_id *device, satchel_error *error);

typedef struct device_named {
    const char *name;
    satchel_id id;
    uint32_t count;
} device_named;

static satchel_status match_name(void *context, const satchel_device_row *row) {
    device_named *wanted = context;
    if (row->receipt_kind == 0 && satchel_text_equal(row->name, satchel_text_of(wanted->name))) {
        wanted->id = row->id;
        wanted->count++;
    }
    return SATCHEL_OK;
}

/* By its id, or by its name if only one phone that has not ended has it. */
static satchel_status find_device(satchel_command *command, satchel_db *db, satchel_id *out, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    device_named wanted = {command->arguments[2], {{0}}, 0};
    if (satchel_id_read(satchel_text_of(wanted.name), out) == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_devices_list(command->service, db, &system, match_name, &wanted, error);
    if (status == SATCHEL_OK && wanted.count != 1) {
        status = satchel_fail(error, wanted.count == 0 ? SATCHEL_NOT_FOUND : SATCHEL_AMBIGUOUS,
                              "%u devices have this name: give the id", (unsigned)wanted.count);
    }
    *out = wanted.id;
    return status;
}

static satchel_status act(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const device_act *chosen = context;
    const satchel_actor system = satchel_actor_system();
    satchel_id device;
    satchel_status status = find_device(command, db, &device, error);
    if (status == SATCHEL_OK) {
        status = (*chosen)(command->service, db, &system, &device, error);
    }
    return status == SATCHEL_OK ? give(command, "id", satchel_json_id(&device)) : status;
}

satchel_status satchel_verb_device(satchel_command *command, satchel_error *error) {
    static const struct {
        const char *word;
        device_act act;
    } acts[] = {{"retire", satchel_device_order_retirement},
                {"wipe", satchel_device_order_wipe},
                {"revoke", satchel_device_revoke}};
    struct poptOption table[] = {POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && satchel_command_is(command, "list", 2)) {
        return satchel_command_read(command, device_list, NULL, error);
    }
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof acts / sizeof *acts; i++) {
        if (satchel_command_is(command, acts[i].word, 3)) {
            device_act chosen = acts[i].act;
            return satchel_command_write(command, act, &chosen, error);
        }
    }
    return status == SATCHEL_OK ? satchel_command_usage(command, error) : status;
}
