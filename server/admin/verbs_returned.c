/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb returned: what phones brought back after a restore and found no place, with what it says and why it waits.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/returned_list.h"

typedef struct returned_rows {
    const satchel_command *command;
    json_t *rows;
} returned_rows;

static const char *why(const satchel_returned_waiting *waiting) {
    if (!waiting->row_is_there) {
        return "its row is not there: what made it, or brought it back, did not come back";
    }
    return waiting->op.kind == SATCHEL_OP_COMMAND ? "it cannot be carried out: the audit says why"
                                                  : "its row did not take it";
}

static const char *kind_name(satchel_op_kind kind) {
    static const char *const names[] = {"", "create", "edit", "delete", "void", "command"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "";
}

static json_t *json_cleared(const satchel_command *command, const satchel_op *op) {
    json_t *cleared = json_array();
    for (uint32_t i = 0; cleared != NULL && i < op->cleared_count; i++) {
        const satchel_field *field = satchel_schema_field(command->schema, op->entity, op->cleared[i]);
        (void)json_array_append_new(cleared, json_string(field != NULL ? field->name : ""));
    }
    return cleared;
}

static satchel_status append_waiting(void *context, const satchel_returned_waiting *waiting) {
    returned_rows *list = context;
    const satchel_op *op = &waiting->op;
    const satchel_entity *entity = satchel_schema_entity(list->command->schema, op->entity);
    json_t *object =
        json_pack("{s:s, s:o, s:s, s:i, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:s}", "entity", entity->name, "row",
                  satchel_json_id(&op->row), "kind", kind_name(op->kind), "command", (int)op->command, "user",
                  satchel_json_id(&waiting->user), "device", satchel_json_id(&waiting->device), "revision",
                  (json_int_t)waiting->n, "at", (json_int_t)waiting->at_ms, "set",
                  satchel_command_json(list->command, op->entity, &op->set), "removed",
                  satchel_command_json(list->command, op->entity, &op->removed), "cleared",
                  json_cleared(list->command, op), "why", why(waiting));
    return object != NULL && json_array_append_new(list->rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status list_returned(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    (void)context;
    returned_rows list = {command, json_array()};
    if (json_object_set_new(command->result, "rows", list.rows) != 0) {
        return SATCHEL_NO_MEMORY;
    }
    return satchel_returned_list(command->service, db, append_waiting, &list, error);
}

typedef struct returned_row {
    uint32_t entity;
    satchel_id id;
} returned_row;

static satchel_status discard(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const returned_row *row = context;
    return satchel_returned_discard(command->service, db, row->entity, &row->id, error);
}

static satchel_status discard_row(satchel_command *command, satchel_error *error) {
    returned_row row;
    const satchel_entity *entity = satchel_schema_entity_named(command->schema, satchel_text_of(command->arguments[2]));
    if (entity == NULL || satchel_id_read(satchel_text_of(command->arguments[3]), &row.id) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "an entity by its name and a row by its id");
    }
    row.entity = entity->number;
    return satchel_command_write(command, discard, &row, error);
}

satchel_status satchel_verb_returned(satchel_command *command, satchel_error *error) {
    const satchel_command_reading what = {.action = SATCHEL_AUDIT_SHOWN, .always = true};
    struct poptOption table[] = {POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && satchel_command_is(command, "discard", 4)) {
        return discard_row(command, error);
    }
    if (status == SATCHEL_OK && command->argument_count != 1) {
        return satchel_command_usage(command, error);
    }
    return status == SATCHEL_OK ? satchel_command_read_clear(command, list_returned, NULL, &what, error) : status;
}
