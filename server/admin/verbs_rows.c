/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs about rows: customer, show. Writes merge like any other writer's, so a base that is behind makes a conflict.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include <satchel/model.h>

#include <string.h>

typedef struct row_options {
    uint32_t entity;
    const char *row;
    char **set;
    char **cleared;
    long long base_n;
    satchel_id shown; /* the row that was found */
} row_options;

static satchel_status list_rows(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const row_options *options = context;
    satchel_query *query = NULL;
    satchel_status status = satchel_query_open(&query, options->entity);
    if (status == SATCHEL_OK) {
        status = satchel_command_list(command, db, query, error);
    }
    satchel_query_close(query);
    return status;
}

static satchel_status show_row(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    row_options *options = context;
    const satchel_actor system = satchel_actor_system();
    satchel_record record;
    satchel_id id;
    uint64_t n = 0;
    satchel_record_init(&record, command->arena);
    satchel_status status = satchel_command_find(command, db, options->entity, options->row, &id, error);
    if (status == SATCHEL_OK) {
        status = satchel_served_row_read(command->service, db, &system, options->entity, &id, &record, &n, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    options->shown = id;
    json_t *object = satchel_command_json(command, options->entity, &record);
    bool whole = object != NULL && json_object_set_new(object, "id", satchel_json_id(&id)) == 0 &&
                 json_object_set_new(object, "revision", json_integer((json_int_t)n)) == 0 &&
                 json_object_update(command->result, object) == 0;
    json_decref(object);
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status show_clear(satchel_command *command, satchel_command_work work, row_options *options,
                                 satchel_error *error) {
    const satchel_command_reading what = {
        .action = SATCHEL_AUDIT_SHOWN, .entity = options->entity, .row = &options->shown};
    return satchel_command_read_clear(command, work, options, &what, error);
}

static satchel_status tell_outcome(satchel_command *command, const satchel_write_outcome *outcome) {
    bool whole = json_object_set_new(command->result, "id", satchel_json_id(&outcome->id)) == 0 &&
                 json_object_set_new(command->result, "revision", json_integer((json_int_t)outcome->n)) == 0 &&
                 json_object_set_new(command->result, "changed", json_boolean(outcome->changed)) == 0 &&
                 json_object_set_new(command->result, "conflicts", json_integer((json_int_t)outcome->conflicts)) == 0;
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status add_row(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const row_options *options = context;
    const satchel_actor system = satchel_actor_system();
    satchel_write_outcome outcome;
    satchel_record record;
    satchel_id none = {{0}};
    satchel_record_init(&record, command->arena);
    satchel_status status =
        satchel_command_record(command, db, options->entity, (const char *const *)options->set, &record, error);
    if (status == SATCHEL_OK) {
        status =
            satchel_served_row_create(command->service, db, &system, options->entity, &none, &record, &outcome, error);
    }
    return status == SATCHEL_OK ? tell_outcome(command, &outcome) : status;
}

static satchel_status read_cleared(const satchel_command *command, const row_options *options,
                                   uint32_t out[SATCHEL_LIMIT_FIELDS_PER_RECORD], uint32_t *out_count,
                                   satchel_error *error) {
    *out_count = 0;
    for (char **name = options->cleared; name != NULL && *name != NULL; name++) {
        const satchel_field *field =
            satchel_schema_field_named(command->schema, options->entity, satchel_text_of(*name));
        if (field == NULL) {
            return satchel_fail(error, SATCHEL_UNKNOWN_FIELD, "there is no field %.60s", *name);
        }
        if (*out_count == SATCHEL_LIMIT_FIELDS_PER_RECORD) {
            return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "too many fields to clear");
        }
        out[(*out_count)++] = field->number;
    }
    return SATCHEL_OK;
}

static satchel_status edit_row(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const row_options *options = context;
    const satchel_actor system = satchel_actor_system();
    satchel_write_outcome outcome;
    satchel_record record;
    satchel_id id;
    uint32_t cleared[SATCHEL_LIMIT_FIELDS_PER_RECORD];
    uint32_t cleared_count = 0;
    satchel_record_init(&record, command->arena);
    satchel_status status = satchel_command_find(command, db, options->entity, options->row, &id, error);
    if (status == SATCHEL_OK) {
        status =
            satchel_command_record(command, db, options->entity, (const char *const *)options->set, &record, error);
    }
    if (status == SATCHEL_OK) {
        status = read_cleared(command, options, cleared, &cleared_count, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_served_row_edit(command->service, db, &system, options->entity, &id, (uint64_t)options->base_n,
                                         &record, cleared, cleared_count, &outcome, error);
    }
    return status == SATCHEL_OK ? tell_outcome(command, &outcome) : status;
}

/* Reads the options that writes take; what is not usable is told. */
static satchel_status read_row_options(satchel_command *command, row_options *options, satchel_error *error) {
    struct poptOption table[] = {{"set", 0, POPT_ARG_ARGV, &options->set, 0, NULL, NULL},
                                 {"clear", 0, POPT_ARG_ARGV, &options->cleared, 0, NULL, NULL},
                                 {"base", 0, POPT_ARG_LONGLONG, &options->base_n, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && options->base_n < 0) {
        status = satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "--base takes a revision");
    }
    options->row = command->argument_count > 2 ? command->arguments[2] : NULL;
    return status;
}

static void free_row_options(row_options *options) {
    satchel_options_free(options->set);
    satchel_options_free(options->cleared);
}

satchel_status satchel_verb_customer(satchel_command *command, satchel_error *error) {
    row_options options = {.entity = SATCHEL_ENTITY_CUSTOMER};
    satchel_status status = read_row_options(command, &options, error);
    bool changes = options.set != NULL || options.cleared != NULL;
    if (status != SATCHEL_OK) {
        /* told already */
    } else if (satchel_command_is(command, "list", 2) && !changes) {
        status = show_clear(command, list_rows, &options, error);
    } else if (satchel_command_is(command, "show", 3) && !changes) {
        status = show_clear(command, show_row, &options, error);
    } else if (satchel_command_is(command, "add", 2) && options.set != NULL && options.cleared == NULL) {
        status = satchel_command_write(command, add_row, &options, error);
    } else if (satchel_command_is(command, "edit", 3) && changes) {
        status = satchel_command_write(command, edit_row, &options, error);
    } else {
        status = satchel_command_usage(command, error);
    }
    free_row_options(&options);
    return status;
}

static satchel_status named_entity(const satchel_command *command, uint32_t *out, satchel_error *error) {
    const satchel_entity *entity = satchel_schema_entity_named(command->schema, satchel_text_of(command->arguments[1]));
    if (entity == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %.60s", command->arguments[1]);
    }
    *out = entity->number;
    return SATCHEL_OK;
}

satchel_status satchel_verb_show(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    row_options options = {.entity = 0};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && command->argument_count != 2 && command->argument_count != 3) {
        status = satchel_command_usage(command, error);
    }
    if (status == SATCHEL_OK) {
        status = named_entity(command, &options.entity, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    options.row = command->argument_count == 3 ? command->arguments[2] : NULL;
    return show_clear(command, options.row != NULL ? show_row : list_rows, &options, error);
}

satchel_status satchel_verb_edit(satchel_command *command, satchel_error *error) {
    row_options options = {.entity = 0};
    satchel_status status = read_row_options(command, &options, error);
    if (status == SATCHEL_OK && (command->argument_count != 3 || (options.set == NULL && options.cleared == NULL))) {
        status = satchel_command_usage(command, error);
    }
    if (status == SATCHEL_OK) {
        status = named_entity(command, &options.entity, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_command_write(command, edit_row, &options, error);
    }
    free_row_options(&options);
    return status;
}
