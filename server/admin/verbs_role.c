/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs for the company's policy: roles with their rules, and the presets that they begin with.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/text.h"
#include "service/policies.h"

#include <satchel/model.h>
#include <string.h>

/* What of the roles gives nothing: the name, and the first line that is no rule (0: the role as a whole). */
static satchel_status tell_troubles(satchel_command *command, const satchel_policy_book *book) {
    json_t *rows = json_array();
    bool whole = rows != NULL && json_object_set_new(command->result, "troubles", rows) == 0;
    for (uint32_t i = 0; whole && i < book->trouble_count && i < SATCHEL_ROLE_TROUBLES_MOST; i++) {
        const satchel_role_trouble *trouble = &book->troubles[i];
        whole = json_array_append_new(rows,
                                      json_pack("{s:s, s:i}", "name", trouble->name, "line", (int)trouble->line)) == 0;
    }
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status list_roles(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const satchel_policy_book *book = NULL;
    (void)context;
    satchel_status status = satchel_policy_now(command->service, db, &book, error);
    json_t *rows = json_array();
    bool whole = rows != NULL && json_object_set_new(command->result, "rows", rows) == 0;
    for (uint32_t role = 0; status == SATCHEL_OK && whole && role < SATCHEL_ROLES_MOST; role++) {
        uint32_t rules = 0;
        for (uint32_t i = 0; i < book->policy.rule_count; i++) {
            rules += book->policy.rules[i].role == role ? 1 : 0;
        }
        if (book->names[role][0] != '\0') {
            whole = json_array_append_new(rows, json_pack("{s:s, s:i, s:i}", "name", book->names[role], "number",
                                                          (int)role, "rules", (int)rules)) == 0;
        }
    }
    if (status == SATCHEL_OK && !whole) {
        return SATCHEL_NO_MEMORY;
    }
    return status == SATCHEL_OK ? tell_troubles(command, book) : status;
}

/* The rules that a role has now, as text; empty of one that is not there. */
static satchel_status rules_of(satchel_command *command, satchel_db *db, const char *name, satchel_buffer *out,
                               satchel_error *error) {
    const satchel_policy_book *book = NULL;
    uint32_t role = 0;
    satchel_status status = satchel_policy_now(command->service, db, &book, error);
    if (status != SATCHEL_OK || satchel_policy_role_named(book, satchel_text_of(name), &role) != SATCHEL_OK) {
        return status;
    }
    return satchel_access_rules_write(command->schema, &book->policy, (uint8_t)role, out);
}

static satchel_status tell_rules(satchel_command *command, const satchel_buffer *rules) {
    json_t *rows = json_array();
    size_t at = 0;
    bool whole = rows != NULL && json_object_set_new(command->result, "rules", rows) == 0;
    while (whole && at < rules->bytes) {
        const char *line = (const char *)rules->data + at;
        const char *end = memchr(line, '\n', rules->bytes - at);
        size_t bytes = end != NULL ? (size_t)(end - line) : rules->bytes - at;
        whole = json_array_append_new(rows, json_stringn(line, bytes)) == 0;
        at += bytes + 1;
    }
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status show_role(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    satchel_buffer rules;
    (void)context;
    satchel_buffer_init(&rules);
    satchel_status status = rules_of(command, db, command->arguments[2], &rules, error);
    if (status == SATCHEL_OK && rules.bytes == 0) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such role");
    }
    if (status == SATCHEL_OK) {
        status = tell_rules(command, &rules);
    }
    satchel_buffer_deinit(&rules);
    return status;
}

/* Appends the lines of `from` that are not among `without`. */
static satchel_status keep_lines(const satchel_buffer *from, char **without, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    size_t at = 0;
    while (status == SATCHEL_OK && at < from->bytes) {
        const char *line = (const char *)from->data + at;
        const char *end = memchr(line, '\n', from->bytes - at);
        size_t bytes = end != NULL ? (size_t)(end - line) : from->bytes - at;
        bool goes = false;
        for (char **item = without; item != NULL && *item != NULL; item++) {
            goes = goes || (strlen(*item) == bytes && memcmp(*item, line, bytes) == 0);
        }
        if (!goes) {
            status = satchel_buffer_append_format(out, "%.*s\n", (int)bytes, line);
        }
        at += bytes + 1;
    }
    return status;
}

typedef struct role_options {
    char **add;
    char **remove;
} role_options;

static satchel_status put_role(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    const role_options *options = context;
    satchel_buffer now;
    satchel_buffer wanted;
    satchel_buffer_init(&now);
    satchel_buffer_init(&wanted);
    satchel_status status = rules_of(command, db, command->arguments[2], &now, error);
    if (status == SATCHEL_OK) {
        status = keep_lines(&now, options->remove, &wanted);
    }
    for (char **item = options->add; status == SATCHEL_OK && item != NULL && *item != NULL; item++) {
        status = satchel_buffer_append_format(&wanted, "%s\n", *item);
    }
    if (status == SATCHEL_OK) {
        status = satchel_role_put(command->service, db, &system, satchel_text_of(command->arguments[2]),
                                  satchel_text_from(satchel_buffer_view(&wanted)), error);
    }
    if (status == SATCHEL_OK) {
        status = tell_rules(command, &wanted);
    }
    satchel_buffer_deinit(&now);
    satchel_buffer_deinit(&wanted);
    return status;
}

satchel_status satchel_verb_role(satchel_command *command, satchel_error *error) {
    role_options options = {NULL, NULL};
    struct poptOption table[] = {{"add", 0, POPT_ARG_ARGV, &options.add, 0, NULL, NULL},
                                 {"remove", 0, POPT_ARG_ARGV, &options.remove, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && satchel_command_is(command, "list", 2)) {
        status = satchel_command_read(command, list_roles, NULL, error);
    } else if (status == SATCHEL_OK && satchel_command_is(command, "show", 3)) {
        status = satchel_command_read(command, show_role, NULL, error);
    } else if (status == SATCHEL_OK && satchel_command_is(command, "rule", 3)) {
        status = satchel_command_write(command, put_role, &options, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_command_usage(command, error);
    }
    satchel_options_free(options.add);
    satchel_options_free(options.remove);
    return status;
}

static satchel_status apply_preset(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    const satchel_preset *preset = context;
    satchel_status status = satchel_preset_apply(command->service, db, &system, *preset, error);
    return status == SATCHEL_OK ? list_roles(command, NULL, db, error) : status;
}

satchel_status satchel_verb_preset(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    satchel_preset preset = SATCHEL_PRESET_SMALL;
    satchel_status status = satchel_command_options(command, table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    bool named = command->argument_count == 2 &&
                 satchel_preset_named(satchel_text_of(command->arguments[1]), &preset) == SATCHEL_OK;
    return named ? satchel_command_write(command, apply_preset, &preset, error) : satchel_command_usage(command, error);
}
