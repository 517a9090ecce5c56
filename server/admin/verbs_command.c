/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs that give commands: the public pool and the company's rules, transfer, merging, approvals, orders, plans; and
 * whether a customer exists already. --as LOGIN acts as that user, with his rights; else it is the operator who acts.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/command_admin.h"

#include <satchel/model.h>

#include <stdlib.h>
#include <string.h>

typedef struct command_options {
    satchel_command_kind kind;
    uint32_t entity;
    const char *row;
    uint32_t field; /* of `argument`, 0: there is none */
    uint32_t argument_entity;
    const char *argument;
    char **set;
    int64_t decision; /* of an approval, 0: none */
    char *comment;
    char *as;
} command_options;

static satchel_status put_argument(const satchel_command *command, satchel_db *db, const command_options *options,
                                   satchel_record *set, satchel_error *error) {
    satchel_id id;
    satchel_status status = SATCHEL_OK;
    if (options->set != NULL) {
        status = satchel_command_record(command, db, options->entity, (const char *const *)options->set, set, error);
    }
    if (status == SATCHEL_OK && options->field != 0) {
        status = satchel_command_find(command, db, options->argument_entity, options->argument, &id, error);
        if (status == SATCHEL_OK) {
            status = satchel_record_set_id(set, options->field, &id);
        }
    }
    if (status == SATCHEL_OK && options->decision != 0) {
        status = satchel_record_set_int(set, SATCHEL_APPROVAL_DECISION, options->decision);
    }
    if (status == SATCHEL_OK && options->comment != NULL) {
        status = satchel_record_set_text(set, SATCHEL_APPROVAL_COMMENT, satchel_text_of(options->comment));
    }
    return status;
}

/* Who was first is named beside the refusal. */
static satchel_status name_winner(const satchel_command *command, satchel_db *db,
                                  const satchel_command_outcome *outcome, satchel_status refused,
                                  satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    satchel_record user;
    uint64_t n = 0;
    satchel_record_init(&user, command->arena);
    if (satchel_id_is_none(&outcome->winner) ||
        satchel_served_row_read(command->service, db, &system, SATCHEL_ENTITY_USER, &outcome->winner, &user, &n,
                                NULL) != SATCHEL_OK) {
        return refused;
    }
    satchel_text name = satchel_record_text(&user, SATCHEL_USER_NAME);
    return satchel_fail(error, refused, "%.*s was first", (int)(name.bytes < 100 ? name.bytes : 100), name.data);
}

static satchel_status give(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const command_options *options = context;
    satchel_command_outcome outcome;
    satchel_actor actor;
    satchel_record set;
    satchel_id row;
    satchel_record_init(&set, command->arena);
    satchel_status status = satchel_command_actor(command, db, options->as, &actor, error);
    if (status == SATCHEL_OK) {
        status = satchel_command_find(command, db, options->entity, options->row, &row, error);
    }
    if (status == SATCHEL_OK) {
        status = put_argument(command, db, options, &set, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_command_give(command->service, db, &actor, options->kind, options->entity, &row, &set, 0, &outcome,
                                  error);
    if (status != SATCHEL_OK) {
        return name_winner(command, db, &outcome, status, error);
    }
    bool waits = outcome.status == SATCHEL_APPROVAL_PENDING;
    bool whole = json_object_set_new(command->result, "id", satchel_json_id(&row)) == 0 &&
                 json_object_set_new(command->result, "done", json_boolean(!waits)) == 0 &&
                 (!waits || json_object_set_new(command->result, "waits", json_string("approval")) == 0);
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

/* Reads --as, --comment, --set; `words` counts what must be left. */
static satchel_status read_options(satchel_command *command, command_options *options, satchel_error *error) {
    struct poptOption table[] = {{"as", 0, POPT_ARG_STRING, &options->as, 0, NULL, NULL},
                                 {"comment", 0, POPT_ARG_STRING, &options->comment, 0, NULL, NULL},
                                 {"set", 0, POPT_ARG_ARGV, &options->set, 0, NULL, NULL},
                                 POPT_TABLEEND};
    return satchel_command_options(command, table, error);
}

static void free_options(command_options *options) {
    free(options->as);
    free(options->comment);
    satchel_options_free(options->set);
}

/* A verb whose words are rows: the subject, and what it goes to. */
static satchel_status run(satchel_command *command, command_options *options, int first, satchel_error *error) {
    int words = options->field != 0 ? 2 : 1;
    if (command->argument_count != first + words) {
        return satchel_command_usage(command, error);
    }
    options->row = command->arguments[first];
    options->argument = words == 2 ? command->arguments[first + 1] : NULL;
    return satchel_command_write(command, give, options, error);
}

static satchel_status run_verb(satchel_command *command, command_options options, satchel_error *error) {
    satchel_status status = read_options(command, &options, error);
    if (status == SATCHEL_OK) {
        status = run(command, &options, 1, error);
    }
    free_options(&options);
    return status;
}

satchel_status satchel_verb_transfer(satchel_command *command, satchel_error *error) {
    const command_options options = {.kind = SATCHEL_COMMAND_TRANSFER,
                                     .entity = SATCHEL_ENTITY_CUSTOMER,
                                     .field = SATCHEL_CUSTOMER_OWNER,
                                     .argument_entity = SATCHEL_ENTITY_USER};
    return run_verb(command, options, error);
}

satchel_status satchel_verb_merge(satchel_command *command, satchel_error *error) {
    const command_options options = {.kind = SATCHEL_COMMAND_MERGE,
                                     .entity = SATCHEL_ENTITY_CUSTOMER,
                                     .field = SATCHEL_CUSTOMER_MERGED_INTO,
                                     .argument_entity = SATCHEL_ENTITY_CUSTOMER};
    return run_verb(command, options, error);
}

satchel_status satchel_verb_unmerge(satchel_command *command, satchel_error *error) {
    const command_options options = {.kind = SATCHEL_COMMAND_UNMERGE, .entity = SATCHEL_ENTITY_CUSTOMER};
    return run_verb(command, options, error);
}

satchel_status satchel_verb_submit(satchel_command *command, satchel_error *error) {
    const command_options options = {.kind = SATCHEL_COMMAND_SUBMIT_ORDER, .entity = SATCHEL_ENTITY_ORDER};
    return run_verb(command, options, error);
}

satchel_status satchel_verb_plan(satchel_command *command, satchel_error *error) {
    const command_options options = {.kind = SATCHEL_COMMAND_CHANGE_PLAN, .entity = SATCHEL_ENTITY_VISIT_PLAN};
    return run_verb(command, options, error);
}

/* --- approvals --- */

static satchel_status list_waiting(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    satchel_query *query = NULL;
    (void)context;
    satchel_status status = satchel_query_open(&query, SATCHEL_ENTITY_APPROVAL);
    if (status == SATCHEL_OK) {
        status = satchel_query_where_null(query, SATCHEL_APPROVAL_DECISION, true);
    }
    if (status == SATCHEL_OK) {
        status = satchel_command_list(command, db, query, error);
    }
    satchel_query_close(query);
    return status;
}

satchel_status satchel_verb_approval(satchel_command *command, satchel_error *error) {
    static const struct {
        const char *word;
        int64_t decision;
    } words[] = {{"approve", SATCHEL_APPROVAL_DECISION_APPROVED},
                 {"reject", SATCHEL_APPROVAL_DECISION_REFUSED},
                 {"withdraw", SATCHEL_APPROVAL_DECISION_WITHDRAWN}};
    command_options options = {.kind = SATCHEL_COMMAND_DECIDE, .entity = SATCHEL_ENTITY_APPROVAL};
    satchel_status status = read_options(command, &options, error);
    if (status == SATCHEL_OK && satchel_command_is(command, "list", 2)) {
        status = satchel_command_read(command, list_waiting, NULL, error);
        free_options(&options);
        return status;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        options.decision = satchel_command_is(command, words[i].word, 3) ? words[i].decision : options.decision;
    }
    if (status == SATCHEL_OK) {
        status = options.decision != 0 ? run(command, &options, 2, error) : satchel_command_usage(command, error);
    }
    free_options(&options);
    return status;
}

/* --- the pool and the rules --- */

static satchel_status append_rule(void *context, const char *name, int64_t value, int64_t least, int64_t most) {
    json_t *rows = context;
    json_t *object = json_pack("{s:s, s:I, s:I, s:I}", "rule", name, "value", (json_int_t)value, "least",
                               (json_int_t)least, "most", (json_int_t)most);
    return object != NULL && json_array_append_new(rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status show_rules(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    json_t *rows = json_array();
    (void)context;
    if (rows == NULL || json_object_set_new(command->result, "rows", rows) != 0) {
        return SATCHEL_NO_MEMORY;
    }
    return satchel_rules_list(db, append_rule, rows, error);
}

/* NAME=NUMBER, any number of them, all or none. */
static satchel_status set_rules(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    satchel_status status = SATCHEL_OK;
    (void)context;
    for (int i = 2; status == SATCHEL_OK && i < command->argument_count; i++) {
        const char *equals = strchr(command->arguments[i], '=');
        char *end = NULL;
        if (equals == NULL || equals[1] == '\0') {
            return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a rule is set by NAME=NUMBER");
        }
        long long value = strtoll(equals + 1, &end, 10);
        if (*end != '\0') {
            return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a rule is set by NAME=NUMBER");
        }
        const satchel_text name = {command->arguments[i], (size_t)(equals - command->arguments[i])};
        status = satchel_rule_set(command->service, db, &system, name, value, error);
    }
    return status == SATCHEL_OK ? show_rules(command, NULL, db, error) : status;
}

satchel_status satchel_verb_pool(satchel_command *command, satchel_error *error) {
    command_options options = {.entity = SATCHEL_ENTITY_CUSTOMER};
    satchel_status status = read_options(command, &options, error);
    bool claims = status == SATCHEL_OK && satchel_command_is(command, "claim", 3);
    bool releases = status == SATCHEL_OK && satchel_command_is(command, "release", 3);
    if (claims || releases) {
        options.kind = claims ? SATCHEL_COMMAND_CLAIM : SATCHEL_COMMAND_RELEASE;
        status = run(command, &options, 2, error);
    } else if (status == SATCHEL_OK && satchel_command_is(command, "show", 2)) {
        status = satchel_command_read(command, show_rules, NULL, error);
    } else if (status == SATCHEL_OK && command->argument_count > 2 && strcmp(command->arguments[1], "set") == 0) {
        status = satchel_command_write(command, set_rules, NULL, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_command_usage(command, error);
    }
    free_options(&options);
    return status;
}

/* --- duplicates --- */

typedef struct duplicate_options {
    char *name;
    char **phones;
    char *external_id;
    char *as;
} duplicate_options;

static satchel_status put_phones(satchel_record *record, char **phones) {
    satchel_bytes elements[SATCHEL_LIMIT_SET_ELEMENTS];
    satchel_value value = satchel_value_set(NULL, 0);
    uint32_t count = 0;
    for (; phones != NULL && *phones != NULL && count < SATCHEL_LIMIT_SET_ELEMENTS; phones++) {
        elements[count++] = satchel_text_bytes(satchel_text_of(*phones));
    }
    satchel_status status = satchel_set_sort(record->arena, elements, count, &value.as.set);
    return status == SATCHEL_OK && count > 0 ? satchel_record_set(record, SATCHEL_CUSTOMER_PHONES, &value) : status;
}

static satchel_status ask(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    static const char *const answers[] = {"none", "exists", "exists, with someone else", "asked too often today"};
    const duplicate_options *options = context;
    satchel_duplicate answer = SATCHEL_DUPLICATE_NONE;
    satchel_actor actor;
    satchel_record record;
    satchel_record_init(&record, command->arena);
    satchel_status status = satchel_command_actor(command, db, options->as, &actor, error);
    if (status == SATCHEL_OK && options->name != NULL) {
        status = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(options->name));
    }
    if (status == SATCHEL_OK && options->external_id != NULL) {
        status = satchel_record_set_text(&record, SATCHEL_CUSTOMER_EXTERNAL_ID, satchel_text_of(options->external_id));
    }
    if (status == SATCHEL_OK) {
        status = put_phones(&record, options->phones);
    }
    if (status == SATCHEL_OK) {
        status = satchel_duplicate_ask(command->service, db, &actor, &record, &answer, error);
    }
    if (status == SATCHEL_OK && json_object_set_new(command->result, "duplicate", json_string(answers[answer])) != 0) {
        status = SATCHEL_NO_MEMORY;
    }
    return status;
}

satchel_status satchel_verb_duplicate(satchel_command *command, satchel_error *error) {
    duplicate_options options = {.name = NULL};
    struct poptOption table[] = {{"name", 0, POPT_ARG_STRING, &options.name, 0, NULL, NULL},
                                 {"phone", 0, POPT_ARG_ARGV, &options.phones, 0, NULL, NULL},
                                 {"external-id", 0, POPT_ARG_STRING, &options.external_id, 0, NULL, NULL},
                                 {"as", 0, POPT_ARG_STRING, &options.as, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    bool asks = options.name != NULL || options.phones != NULL || options.external_id != NULL;
    if (status == SATCHEL_OK) {
        status = asks && command->argument_count == 1 ? satchel_command_write(command, ask, &options, error)
                                                      : satchel_command_usage(command, error);
    }
    free(options.name);
    free(options.external_id);
    free(options.as);
    satchel_options_free(options.phones);
    return status;
}
