/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One administration command: what its verb gets and gives. Internal to admin/.
 */
#ifndef SATCHEL_SERVER_ADMIN_COMMAND_H
#define SATCHEL_SERVER_ADMIN_COMMAND_H

#include "host/host.h"
#include "service/admin.h"

#include <jansson.h>
#include <popt.h>

/*
 * `arguments` holds what is left after the options: arguments[0] is the verb. A verb fills `result` with what is
 * printed as JSON or, for {"rows": […]}, as a table. It returns a status; INVALID_ARGUMENT with a detail is a usage
 * error.
 */
typedef struct satchel_command {
    satchel_host *host;
    const satchel_service *service;
    const satchel_schema *schema;
    satchel_arena *arena;
    const char **arguments;
    int argument_count;
    satchel_text input;
    json_t *result;
} satchel_command;

typedef satchel_status (*satchel_verb_run)(satchel_command *command, satchel_error *error);

/*
 * Reads the options of `table` (popt) out of the arguments. Options that may come several times use `satchel_options`.
 * Errors: INVALID_ARGUMENT (unknown option, missing value), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_command_options(satchel_command *command, struct poptOption *table,
                                                        satchel_error *error);

/*
 * Carries out the part of a verb that needs the database: in a read transaction, or on the lane and durable. On the
 * lane `work` may run again, so it makes its part of the result anew. Errors: what `work` returned, those of the
 * database.
 */
typedef satchel_status (*satchel_command_work)(satchel_command *command, void *context, satchel_db *db,
                                               satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_command_read(satchel_command *command, satchel_command_work work, void *context,
                                                     satchel_error *error);
/*
 * The same in a read transaction, and then an entry of the audit: the operator saw in clear what others see masked or
 * not at all, or took it out of the server. Without the entry nothing is shown. `row` is looked at when `work` is done;
 * NULL: of no row. Of an entity whose fields are all open nothing is entered unless `action` says it is an export.
 */
#define SATCHEL_AUDIT_SHOWN "shown in clear"
typedef struct satchel_command_reading {
    const char *action; /* of the audit */
    uint32_t entity;
    const satchel_id *row;
    bool always; /* an export, or a journal: whatever the entity's fields */
} satchel_command_reading;
SATCHEL_MUST_USE satchel_status satchel_command_read_clear(satchel_command *command, satchel_command_work work,
                                                           void *context, const satchel_command_reading *what,
                                                           satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_command_write(satchel_command *command, satchel_command_work work,
                                                      void *context, satchel_error *error);

/* INVALID_ARGUMENT with the verb's line of the table of verbs. */
SATCHEL_MUST_USE satchel_status satchel_command_usage(const satchel_command *command, satchel_error *error);

/* Is arguments[1] this word? */
bool satchel_command_is(const satchel_command *command, const char *word, int argument_count);

/*
 * A row by id, external id, login (users) or the exact content of its title field. An empty text gives none.
 * Errors: NOT_FOUND, AMBIGUOUS and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_command_find(const satchel_command *command, satchel_db *db, uint32_t entity,
                                                     const char *text, satchel_id *out, satchel_error *error);

/* Who acts: the user of that login with his rights; NULL: the operator. Errors: NOT_FOUND and those of the database. */
SATCHEL_MUST_USE satchel_status satchel_command_actor(const satchel_command *command, satchel_db *db, const char *login,
                                                      satchel_actor *out, satchel_error *error);

/* A record from "field=value" texts; references may be given as in find. Errors: UNKNOWN_FIELD, MALFORMED and as find.
 */
SATCHEL_MUST_USE satchel_status satchel_command_record(const satchel_command *command, satchel_db *db, uint32_t entity,
                                                       const char *const *assignments, satchel_record *out,
                                                       satchel_error *error);

/* One field of it. */
SATCHEL_MUST_USE satchel_status satchel_command_value(const satchel_command *command, satchel_db *db,
                                                      const satchel_entity *entity, const satchel_field *field,
                                                      const char *text, satchel_value *out, satchel_error *error);

/* A record as a JSON object by field name; NULL if memory is exhausted. */
json_t *satchel_command_json(const satchel_command *command, uint32_t entity, const satchel_record *record);

/* Appends every row of a query to result["rows"]. */
SATCHEL_MUST_USE satchel_status satchel_command_list(satchel_command *command, satchel_db *db,
                                                     const satchel_query *query, satchel_error *error);

/* Frees what popt's POPT_ARG_ARGV gave. NULL is fine. */
void satchel_options_free(char **list);

/* An id as text, null for none. */
json_t *satchel_json_id(const satchel_id *id);

/* The verbs; see verbs.h. */
satchel_status satchel_verb_user(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_territory(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_assign(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_realign(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_role(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_preset(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_enroll(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_device(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_recovery(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_policy(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_import(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_customer(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_show(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_edit(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_conflicts(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_parked(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_pool(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_transfer(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_merge(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_unmerge(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_submit(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_plan(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_approval(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_duplicate(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_status(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_day(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_backup(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_epoch(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_returned(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_unfence(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_erase(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_personal(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_bundle(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_why(satchel_command *command, satchel_error *error);
satchel_status satchel_verb_audit(satchel_command *command, satchel_error *error);

#endif
