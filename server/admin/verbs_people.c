/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs about people, places and phones: user, territory, assign, enroll.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/times.h"
#include "service/policies.h"
#include <satchel/model.h>

#include <qrencode.h>
#include <string.h>

static satchel_status give(satchel_command *command, const char *name, json_t *value) {
    return value != NULL && json_object_set_new(command->result, name, value) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status list_entity(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const uint32_t *entity = context;
    satchel_query *query = NULL;
    satchel_status status = satchel_query_open(&query, *entity);
    if (status == SATCHEL_OK) {
        status = satchel_command_list(command, db, query, error);
    }
    satchel_query_close(query);
    return status;
}

static satchel_status list_clear(satchel_command *command, uint32_t entity, satchel_error *error) {
    const satchel_command_reading what = {.action = SATCHEL_AUDIT_SHOWN, .entity = entity};
    return satchel_command_read_clear(command, list_entity, &entity, &what, error);
}

/* --- user --- */

/* popt reads into char *, the rest is read-only. */
typedef struct user_options {
    char *name;
    char **roles;
    char *manager;
    char **territories;
    char *external_id;
} user_options;

static satchel_status read_roles(satchel_command *command, satchel_db *db, char **names, uint64_t *out,
                                 satchel_error *error) {
    const satchel_policy_book *book = NULL;
    satchel_status status = satchel_policy_now(command->service, db, &book, error);
    *out = 0;
    for (; status == SATCHEL_OK && names != NULL && *names != NULL; names++) {
        uint32_t role = 0;
        if (satchel_policy_role_named(book, satchel_text_of(*names), &role) != SATCHEL_OK) {
            return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "there is no role %.40s", *names);
        }
        *out |= UINT64_C(1) << role;
    }
    return status;
}

/* A user has one territory of his own at first; further ones cover him by assignments without an end. */
static satchel_status cover_territories(satchel_command *command, satchel_db *db, const satchel_id *user,
                                        char **territories, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    satchel_status status = SATCHEL_OK;
    for (; status == SATCHEL_OK && territories != NULL && *territories != NULL; territories++) {
        satchel_new_assignment given = {*user, {{0}}, {{0}}, 0, SATCHEL_DAY_OPEN};
        satchel_id made;
        given.first_day = satchel_day_of(satchel_service_now_ms(command->service), 0);
        status = satchel_command_find(command, db, SATCHEL_ENTITY_TERRITORY, *territories, &given.territory, error);
        if (status == SATCHEL_OK) {
            status = satchel_assignment_add(command->service, db, &system, &given, &made, error);
        }
    }
    return status;
}

static satchel_status user_add(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    user_options *options = context;
    const satchel_actor system = satchel_actor_system();
    satchel_new_user user = {.login = satchel_text_of(command->arguments[2]),
                             .name = satchel_text_of(options->name != NULL ? options->name : command->arguments[2]),
                             .external_id = satchel_text_of(options->external_id)};
    char **more = options->territories;
    satchel_id id;
    satchel_status status = read_roles(command, db, options->roles, &user.roles, error);
    if (status == SATCHEL_OK) {
        status = satchel_command_find(command, db, SATCHEL_ENTITY_USER, options->manager, &user.manager, error);
    }
    if (status == SATCHEL_OK && more != NULL && *more != NULL) {
        status = satchel_command_find(command, db, SATCHEL_ENTITY_TERRITORY, *more, &user.territory, error);
        more++;
    }
    if (status == SATCHEL_OK) {
        status = satchel_user_add(command->service, db, &system, &user, &id, error);
    }
    if (status == SATCHEL_OK) {
        status = cover_territories(command, db, &id, more, error);
    }
    return status == SATCHEL_OK ? give(command, "id", satchel_json_id(&id)) : status;
}

satchel_status satchel_verb_user(satchel_command *command, satchel_error *error) {
    user_options options = {NULL, NULL, NULL, NULL, NULL};
    struct poptOption table[] = {{"name", 0, POPT_ARG_STRING, &options.name, 0, NULL, NULL},
                                 {"role", 0, POPT_ARG_ARGV, &options.roles, 0, NULL, NULL},
                                 {"manager", 0, POPT_ARG_STRING, &options.manager, 0, NULL, NULL},
                                 {"territory", 0, POPT_ARG_ARGV, &options.territories, 0, NULL, NULL},
                                 {"external-id", 0, POPT_ARG_STRING, &options.external_id, 0, NULL, NULL},
                                 POPT_TABLEEND};
    uint32_t entity = SATCHEL_ENTITY_USER;
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && satchel_command_is(command, "list", 2)) {
        status = list_clear(command, entity, error);
    } else if (status == SATCHEL_OK && satchel_command_is(command, "add", 3)) {
        status = satchel_command_write(command, user_add, &options, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_command_usage(command, error);
    }
    free(options.name);
    free(options.manager);
    free(options.external_id);
    satchel_options_free(options.roles);
    satchel_options_free(options.territories);
    return status;
}

/* --- territory --- */

typedef struct territory_options {
    char *parent;
    char *external_id;
} territory_options;

static satchel_status territory_add(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const territory_options *options = context;
    const satchel_actor system = satchel_actor_system();
    satchel_id parent;
    satchel_id id;
    satchel_status status =
        satchel_command_find(command, db, SATCHEL_ENTITY_TERRITORY, options->parent, &parent, error);
    if (status == SATCHEL_OK) {
        status = satchel_territory_add(command->service, db, &system, satchel_text_of(command->arguments[2]), &parent,
                                       satchel_text_of(options->external_id), &id, error);
    }
    return status == SATCHEL_OK ? give(command, "id", satchel_json_id(&id)) : status;
}

satchel_status satchel_verb_territory(satchel_command *command, satchel_error *error) {
    territory_options options = {NULL, NULL};
    struct poptOption table[] = {{"parent", 0, POPT_ARG_STRING, &options.parent, 0, NULL, NULL},
                                 {"external-id", 0, POPT_ARG_STRING, &options.external_id, 0, NULL, NULL},
                                 POPT_TABLEEND};
    uint32_t entity = SATCHEL_ENTITY_TERRITORY;
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && satchel_command_is(command, "list", 2)) {
        status = list_clear(command, entity, error);
    } else if (status == SATCHEL_OK && satchel_command_is(command, "add", 3)) {
        status = satchel_command_write(command, territory_add, &options, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_command_usage(command, error);
    }
    free(options.parent);
    free(options.external_id);
    return status;
}

/* --- assign --- */

typedef struct assign_options {
    char *customer;
    char *owner;
    char *territory;
    char *user;
    char *from;
    char *to;
} assign_options;

static satchel_status read_day(const char *text, int64_t otherwise, int64_t *out, satchel_error *error) {
    *out = otherwise;
    if (text == NULL || satchel_day_read(satchel_text_of(text), out) == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a day is written YYYY-MM-DD");
}

static satchel_status cover(satchel_command *command, const assign_options *options, satchel_db *db,
                            const satchel_id *customer, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    satchel_new_assignment given = {{{0}}, *customer, {{0}}, 0, 0};
    satchel_id made;
    int64_t today = satchel_day_of(satchel_service_now_ms(command->service), 0);
    satchel_status status = satchel_command_find(command, db, SATCHEL_ENTITY_USER, options->user, &given.user, error);
    if (status == SATCHEL_OK) {
        status = read_day(options->from, today, &given.first_day, error);
    }
    if (status == SATCHEL_OK) {
        status = read_day(options->to, SATCHEL_DAY_OPEN, &given.last_day, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_assignment_add(command->service, db, &system, &given, &made, error);
    }
    return status == SATCHEL_OK ? give(command, "id", satchel_json_id(&made)) : status;
}

static satchel_status move(satchel_command *command, const assign_options *options, satchel_db *db,
                           const satchel_id *customer, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    satchel_id owner;
    satchel_id territory;
    satchel_status status = satchel_command_find(command, db, SATCHEL_ENTITY_USER, options->owner, &owner, error);
    if (status == SATCHEL_OK) {
        status = satchel_command_find(command, db, SATCHEL_ENTITY_TERRITORY, options->territory, &territory, error);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_customer_reassign(command->service, db, &system, customer, options->owner != NULL ? &owner : NULL,
                                      options->territory != NULL ? &territory : NULL, error);
    }
    return status == SATCHEL_OK ? give(command, "customer", satchel_json_id(customer)) : status;
}

static satchel_status assign(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const assign_options *options = context;
    satchel_id customer;
    satchel_status status =
        satchel_command_find(command, db, SATCHEL_ENTITY_CUSTOMER, options->customer, &customer, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    return options->user != NULL ? cover(command, options, db, &customer, error)
                                 : move(command, options, db, &customer, error);
}

satchel_status satchel_verb_assign(satchel_command *command, satchel_error *error) {
    assign_options options = {NULL, NULL, NULL, NULL, NULL, NULL};
    struct poptOption table[] = {{"customer", 0, POPT_ARG_STRING, &options.customer, 0, NULL, NULL},
                                 {"owner", 0, POPT_ARG_STRING, &options.owner, 0, NULL, NULL},
                                 {"territory", 0, POPT_ARG_STRING, &options.territory, 0, NULL, NULL},
                                 {"user", 0, POPT_ARG_STRING, &options.user, 0, NULL, NULL},
                                 {"from", 0, POPT_ARG_STRING, &options.from, 0, NULL, NULL},
                                 {"to", 0, POPT_ARG_STRING, &options.to, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    bool moves = options.owner != NULL || options.territory != NULL;
    bool dated = options.from != NULL || options.to != NULL;
    if (status == SATCHEL_OK && (options.customer == NULL || command->argument_count != 1 ||
                                 moves == (options.user != NULL) || (moves && dated))) {
        status = satchel_command_usage(command, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_command_write(command, assign, &options, error);
    }
    char *texts[] = {options.customer, options.owner, options.territory, options.user, options.from, options.to};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    return status;
}

/* --- enroll --- */

static satchel_status issue(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    satchel_issued_code *code = context;
    const satchel_actor system = satchel_actor_system();
    satchel_id user;
    satchel_status status = satchel_command_find(command, db, SATCHEL_ENTITY_USER, command->arguments[1], &user, error);
    return status == SATCHEL_OK ? satchel_code_issue(command->service, db, &system, &user, code, error) : status;
}

/* Two modules a character: rows of half blocks that a phone's camera reads from a terminal with a dark background. */
static json_t *draw_qr(const char *link) {
    QRcode *code = QRcode_encodeString8bit(link, 0, QR_ECLEVEL_M);
    satchel_buffer out;
    satchel_buffer_init(&out);
    static const char *const blocks[] = {"█", "▄", "▀", " "};
    satchel_status status = code != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    int edge = 2;
    for (int y = -edge; status == SATCHEL_OK && y < code->width + edge; y += 2) {
        for (int x = -edge; status == SATCHEL_OK && x < code->width + edge; x++) {
            int dark[2];
            for (int half = 0; half < 2; half++) {
                bool inside = x >= 0 && x < code->width && y + half >= 0 && y + half < code->width;
                dark[half] = inside && (code->data[(y + half) * code->width + x] & 1) != 0;
            }
            status = satchel_buffer_append_format(&out, "%s", blocks[dark[0] + 2 * dark[1]]);
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(&out, '\n');
        }
    }
    json_t *drawing = status == SATCHEL_OK ? json_stringn((const char *)out.data, out.bytes) : NULL;
    QRcode_free(code);
    satchel_buffer_deinit(&out);
    return drawing;
}

static satchel_status describe_code(satchel_command *command, const satchel_issued_code *code, const char *server,
                                    satchel_error *error) {
    char code_text[SATCHEL_CODE_TEXT_BYTES];
    char expires[SATCHEL_TIME_TEXT_BYTES];
    satchel_enroll_link parts = {.server = satchel_text_of(server)};
    memcpy(parts.code, code->code, sizeof parts.code);
    memcpy(parts.server_key, code->server_key, sizeof parts.server_key);
    satchel_buffer link;
    satchel_buffer_init(&link);
    satchel_status status = satchel_enroll_link_write(&parts, &link);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&link, '\0');
    }
    if (status != SATCHEL_OK) {
        status = satchel_fail(error, status, "the server's address is not usable in a link");
    }
    satchel_code_write(code->code, code_text);
    satchel_time_write(code->expires_ms, expires);
    if (status == SATCHEL_OK) {
        status = give(command, "link", json_string((const char *)link.data));
    }
    if (status == SATCHEL_OK) {
        status = give(command, "code", json_string(code_text));
    }
    if (status == SATCHEL_OK) {
        status = give(command, "expires", json_string(expires));
    }
    if (status == SATCHEL_OK) {
        status = give(command, "qr", draw_qr((const char *)link.data));
    }
    satchel_buffer_deinit(&link);
    return status;
}

satchel_status satchel_verb_enroll(satchel_command *command, satchel_error *error) {
    char *server = NULL;
    struct poptOption table[] = {{"server", 0, POPT_ARG_STRING, &server, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_issued_code code;
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && (server == NULL || command->argument_count != 2)) {
        status = satchel_command_usage(command, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_command_write(command, issue, &code, error);
    }
    if (status == SATCHEL_OK) {
        status = describe_code(command, &code, server, error);
    }
    free(server);
    return status;
}
