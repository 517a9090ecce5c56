/* SPDX-License-Identifier: Apache-2.0 */
/*
 * realign: what it would mean, and doing it. A start changes the facts and then works off the steps, each a write of
 * its own, so that phones are served in between; "go-on" does what a start that was cut off has left.
 *
 * The customers are named by owner, by territory (with all below), or by a list of external numbers or ids, one a line
 * or a CSV whose first column is read; a heading "external_id" or "id" is passed over.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/text.h"
#include "service/realign.h"

#include <satchel/model.h>

#include <stdlib.h>
#include <string.h>

#define STEP_CUSTOMERS 500

typedef struct realign_options {
    char *of_owner;
    char *of_territory;
    char *owner;
    char *territory;
} realign_options;

typedef struct realign_names {
    satchel_id of_owner, of_territory, owner, territory;
    satchel_id_list customers;
    satchel_realign_wish wish;
} realign_names;

/* --- what is meant --- */

static satchel_status find(satchel_command *command, satchel_db *db, uint32_t entity, const char *text, satchel_id *id,
                           const satchel_id **out, satchel_error *error) {
    *out = NULL;
    if (text == NULL) {
        return SATCHEL_OK;
    }
    *out = id;
    return strcmp(text, "none") == 0 ? SATCHEL_OK : satchel_command_find(command, db, entity, text, id, error);
}

static satchel_status read_list(satchel_command *command, satchel_db *db, satchel_id_list *out, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    size_t at = 0;
    while (status == SATCHEL_OK && at < command->input.bytes) {
        const char *line = command->input.data + at;
        size_t left = command->input.bytes - at;
        const char *newline = memchr(line, '\n', left);
        size_t bytes = newline != NULL ? (size_t)(newline - line) : left;
        at += bytes + (newline != NULL ? 1 : 0);
        size_t cell = 0;
        while (cell < bytes && line[cell] != ',' && line[cell] != '\r') {
            cell++;
        }
        satchel_text text = {line, cell};
        bool heading = satchel_text_is(text, "external_id") || satchel_text_is(text, "id");
        const char *name = satchel_arena_text(command->arena, text);
        satchel_id id;
        if (name == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (cell == 0 || heading) {
            continue;
        }
        status = satchel_command_find(command, db, SATCHEL_ENTITY_CUSTOMER, name, &id, error);
        if (status == SATCHEL_OK) {
            status = satchel_id_list_add(out, command->arena, &id);
        }
    }
    return status;
}

static satchel_status read_wish(satchel_command *command, const realign_options *options, satchel_db *db,
                                realign_names *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    satchel_realign_wish *wish = &out->wish;
    satchel_status status =
        find(command, db, SATCHEL_ENTITY_USER, options->of_owner, &out->of_owner, &wish->of_owner, error);
    if (status == SATCHEL_OK) {
        status = find(command, db, SATCHEL_ENTITY_TERRITORY, options->of_territory, &out->of_territory,
                      &wish->of_territory, error);
    }
    if (status == SATCHEL_OK) {
        status = find(command, db, SATCHEL_ENTITY_USER, options->owner, &out->owner, &wish->owner, error);
    }
    if (status == SATCHEL_OK) {
        status =
            find(command, db, SATCHEL_ENTITY_TERRITORY, options->territory, &out->territory, &wish->territory, error);
    }
    if (status == SATCHEL_OK && command->input.bytes > 0) {
        status = read_list(command, db, &out->customers, error);
        wish->customers = out->customers.count > 0 ? out->customers.items : &out->of_owner;
        wish->customer_count = out->customers.count;
    }
    return status;
}

/* --- preview --- */

static json_t *tell_user(const satchel_realign_user *user) {
    return json_pack("{s:o, s:I, s:I, s:i, s:I, s:I}", "user", satchel_json_id(&user->user), "gains",
                     (json_int_t)user->gains, "loses", (json_int_t)user->loses, "phones", (int)user->phones,
                     "heard_of_ms", (json_int_t)user->seen_ms, "answer_bytes", (json_int_t)user->answer_bytes);
}

static satchel_status preview(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    satchel_realign_impact impact;
    realign_names names;
    satchel_status status = read_wish(command, context, db, &names, error);
    if (status == SATCHEL_OK) {
        status = satchel_realign_preview(command->service, db, &system, &names.wish, command->arena, &impact, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    json_t *users = json_array();
    json_t *told =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "customers", (json_int_t)impact.customers, "children",
                  (json_int_t)impact.children, "open_tasks", (json_int_t)impact.open_tasks, "open_visits",
                  (json_int_t)impact.open_visits, "answer_bytes", (json_int_t)impact.answer_bytes, "users", users);
    bool whole = told != NULL;
    for (uint32_t i = 0; whole && i < impact.user_count; i++) {
        whole = json_array_append_new(users, tell_user(&impact.users[i])) == 0;
    }
    whole = whole && json_object_update(command->result, told) == 0;
    json_decref(told);
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

/* --- doing it --- */

typedef struct realign_run {
    const realign_options *options;
    satchel_realign_progress left;
} realign_run;

static satchel_status begin(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    const realign_run *run = context;
    realign_names names;
    uint64_t moved = 0;
    satchel_status status = read_wish(command, run->options, db, &names, error);
    if (status == SATCHEL_OK) {
        status = satchel_realign_begin(command->service, db, &system, &names.wish, &moved, error);
    }
    return status == SATCHEL_OK &&
                   json_object_set_new(command->result, "customers", json_integer((json_int_t)moved)) != 0
               ? SATCHEL_NO_MEMORY
               : status;
}

static satchel_status step(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    realign_run *run = context;
    return satchel_realign_step(command->service, db, STEP_CUSTOMERS, &run->left, error);
}

static satchel_status tell_left(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    realign_run *run = context;
    satchel_status status = satchel_realign_left(db, &run->left, error);
    bool whole =
        json_object_set_new(command->result, "to_remove", json_integer((json_int_t)run->left.to_remove)) == 0 &&
        json_object_set_new(command->result, "to_add", json_integer((json_int_t)run->left.to_add)) == 0;
    return status == SATCHEL_OK && !whole ? SATCHEL_NO_MEMORY : status;
}

static satchel_status work_off(satchel_command *command, realign_run *run, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    json_t *kept = json_deep_copy(command->result); /* each write makes the result anew */
    do {
        status = satchel_command_write(command, step, run, error);
    } while (status == SATCHEL_OK && (run->left.to_remove > 0 || run->left.to_add > 0));
    if (kept == NULL || json_object_update(command->result, kept) != 0) {
        status = status == SATCHEL_OK ? SATCHEL_NO_MEMORY : status;
    }
    json_decref(kept);
    return status;
}

static satchel_status run_word(satchel_command *command, const realign_options *options, satchel_error *error) {
    realign_run run = {options, {0, 0}};
    bool takes_list = command->argument_count == 3;
    const char *word = command->argument_count >= 2 ? command->arguments[1] : "";
    if (strcmp(word, "preview") == 0 && command->argument_count <= 3) {
        return satchel_command_read(command, preview, (void *)(uintptr_t)options, error);
    }
    if (strcmp(word, "status") == 0 && !takes_list) {
        return satchel_command_read(command, tell_left, &run, error);
    }
    bool starts = strcmp(word, "start") == 0 && command->argument_count <= 3;
    if (!starts && (strcmp(word, "go-on") != 0 || takes_list)) {
        return satchel_command_usage(command, error);
    }
    satchel_status status = starts ? satchel_command_write(command, begin, &run, error) : SATCHEL_OK;
    return status == SATCHEL_OK ? work_off(command, &run, error) : status;
}

satchel_status satchel_verb_realign(satchel_command *command, satchel_error *error) {
    realign_options options = {NULL, NULL, NULL, NULL};
    struct poptOption table[] = {{"of-owner", 0, POPT_ARG_STRING, &options.of_owner, 0, NULL, NULL},
                                 {"of-territory", 0, POPT_ARG_STRING, &options.of_territory, 0, NULL, NULL},
                                 {"owner", 0, POPT_ARG_STRING, &options.owner, 0, NULL, NULL},
                                 {"territory", 0, POPT_ARG_STRING, &options.territory, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK) {
        status = run_word(command, &options, error);
    }
    free(options.of_owner);
    free(options.of_territory);
    free(options.owner);
    free(options.territory);
    return status;
}
