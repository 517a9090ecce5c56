/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb why: how a row stands, whether a phone reaches it, and what became of ops on it.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/times.h"

static const char *kind_name(satchel_fate_kind kind) {
    static const char *const names[] = {"there",   "deleted", "absent",   "in reach", "out of reach",
                                        "refused", "parked",  "conflict", "held"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "";
}

static json_t *time_json(int64_t ms) {
    char text[SATCHEL_TIME_TEXT_BYTES];
    satchel_time_write(ms, text);
    return ms != 0 ? json_string(text) : json_null();
}

static satchel_status append_fate(void *context, const satchel_row_fate *fate) {
    json_t *rows = context;
    bool plain = fate->status == SATCHEL_OK;
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s%, s:o, s:o, s:o, s:I, s:o, s:b}", "kind", kind_name(fate->kind), "text",
        satchel_fate_text(fate->kind, "en"), "text_zh", satchel_fate_text(fate->kind, "zh"), "reason",
        plain ? "" : satchel_status_name(fate->status), "because", plain ? "" : satchel_status_text(fate->status, "en"),
        "because_zh", plain ? "" : satchel_status_text(fate->status, "zh"), "rule",
        fate->rule.bytes > 0 ? fate->rule.data : "", fate->rule.bytes, "user", satchel_json_id(&fate->user), "device",
        satchel_json_id(&fate->device), "with", satchel_json_id(&fate->keeper), "sequence", (json_int_t)fate->sequence,
        "at", time_json(fate->at_ms), "open", fate->open ? 1 : 0);
    return object != NULL && json_array_append_new(rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status look(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const char *const *device_text = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_entity *entity = satchel_schema_entity_named(command->schema, satchel_text_of(command->arguments[1]));
    satchel_id id;
    satchel_id device = {{0}};
    json_t *rows = json_array();
    if (json_object_set_new(command->result, "rows", rows) != 0) {
        return SATCHEL_NO_MEMORY;
    }
    if (entity == NULL || satchel_id_read(satchel_text_of(command->arguments[2]), &id) != SATCHEL_OK ||
        (*device_text != NULL && satchel_id_read(satchel_text_of(*device_text), &device) != SATCHEL_OK)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "an entity by its name, a row and a device by their ids");
    }
    return satchel_row_why(command->service, db, &system, entity->number, &id, &device, append_fate, rows, error);
}

satchel_status satchel_verb_why(satchel_command *command, satchel_error *error) {
    char *device = NULL;
    struct poptOption table[] = {{"device", 0, POPT_ARG_STRING, &device, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && command->argument_count != 3) {
        status = satchel_command_usage(command, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_command_read(command, look, &device, error);
    }
    free(device);
    return status;
}
