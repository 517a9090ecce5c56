/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs about persons: erasing one, exporting what is held about one.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/erase.h"
#include "service/personal.h"

#include <satchel/model.h>
#include <stdlib.h>
#include <string.h>

typedef struct person_request {
    uint32_t entity;
    const char *name;
    const char *reason;
    uint64_t rows;
    satchel_id found; /* whose data is exported */
} person_request;

/* contact, customer or user; 0: another word. */
static uint32_t person_entity(const char *word) {
    static const struct {
        const char *word;
        uint32_t entity;
    } words[] = {
        {"contact", SATCHEL_ENTITY_CONTACT}, {"customer", SATCHEL_ENTITY_CUSTOMER}, {"user", SATCHEL_ENTITY_USER}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i].word) == 0) {
            return words[i].entity;
        }
    }
    return 0;
}

static satchel_status erase(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    person_request *given = context;
    const satchel_actor system = satchel_actor_system();
    satchel_id row;
    satchel_id erasure;
    satchel_status status = satchel_command_find(command, db, given->entity, given->name, &row, error);
    if (status == SATCHEL_OK) {
        status = satchel_person_erase(command->service, db, &system, given->entity, &row,
                                      satchel_text_of(given->reason != NULL ? given->reason : ""), &erasure,
                                      &given->rows, error);
    }
    bool whole = status == SATCHEL_OK &&
                 json_object_set_new(command->result, "erasure", satchel_json_id(&erasure)) == 0 &&
                 json_object_set_new(command->result, "rows", json_integer((json_int_t)given->rows)) == 0;
    return status == SATCHEL_OK && !whole ? SATCHEL_NO_MEMORY : status;
}

/* --- who did not confirm --- */

static satchel_status put_phone(void *context, const satchel_id *device, satchel_status reason, int64_t at_ms) {
    json_t *rows = context;
    const char *state = reason == SATCHEL_OK ? "waited for" : satchel_status_name(reason);
    json_t *row = json_pack("{s:o, s:s}", "device", satchel_json_id(device), "state", state);
    bool whole = row != NULL && (reason == SATCHEL_OK || json_object_set_new(row, "at_ms", json_integer(at_ms)) == 0);
    return json_array_append_new(rows, row) == 0 && whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status list_phones(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    json_t *rows = json_array();
    satchel_status status = rows != NULL ? satchel_erase_phones(db, context, put_phone, rows, error)
                                         : satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a list");
    bool whole = json_object_set_new(command->result, "rows", rows) == 0;
    return status == SATCHEL_OK && !whole ? SATCHEL_NO_MEMORY : status;
}

satchel_status satchel_verb_erase(satchel_command *command, satchel_error *error) {
    char *reason = NULL;
    struct poptOption table[] = {{"reason", 0, POPT_ARG_STRING, &reason, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    person_request given = {.reason = reason};
    satchel_id erasure;
    bool phones = satchel_command_is(command, "phones", 3) && reason == NULL &&
                  satchel_id_read(satchel_text_of(command->arguments[2]), &erasure) == SATCHEL_OK;
    if (status == SATCHEL_OK && command->argument_count == 3) {
        given.entity = person_entity(command->arguments[1]);
        given.name = command->arguments[2];
    }
    if (status == SATCHEL_OK && phones) {
        status = satchel_command_read(command, list_phones, &erasure, error);
    } else if (status == SATCHEL_OK) {
        status = given.entity != 0 ? satchel_command_write(command, erase, &given, error)
                                   : satchel_command_usage(command, error);
    }
    free(reason);
    return status;
}

/* --- export --- */

static satchel_status put_section(void *context, const char *section, uint32_t entity, const satchel_id *id,
                                  const satchel_record *record) {
    satchel_command *command = context;
    const satchel_entity *found = satchel_schema_entity(command->schema, entity);
    json_t *list = json_object_get(command->result, section);
    if (list == NULL) {
        list = json_array();
        if (json_object_set_new(command->result, section, list) != 0) {
            return SATCHEL_NO_MEMORY;
        }
    }
    json_t *item = json_pack("{s:s, s:o, s:o}", "entity", found != NULL ? found->name : "", "id", satchel_json_id(id),
                             "values", satchel_command_json(command, entity, record));
    return item != NULL && json_array_append_new(list, item) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status export_person(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    person_request *given = context;
    const satchel_actor system = satchel_actor_system();
    satchel_status status = satchel_command_find(command, db, given->entity, given->name, &given->found, error);
    return status == SATCHEL_OK ? satchel_personal_walk(command->service, db, &system, given->entity, &given->found,
                                                        put_section, command, error)
                                : status;
}

satchel_status satchel_verb_personal(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    person_request given = {.entity = 0};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && command->argument_count == 3) {
        given.entity = person_entity(command->arguments[1]);
        given.name = command->arguments[2];
    }
    if (status == SATCHEL_OK && given.entity == 0) {
        return satchel_command_usage(command, error);
    }
    const satchel_command_reading what = {
        .action = "personal data exported", .entity = given.entity, .row = &given.found, .always = true};
    return status == SATCHEL_OK ? satchel_command_read_clear(command, export_person, &given, &what, error) : status;
}
