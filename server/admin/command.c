/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs share: options, finding rows by what people call them, records from and to text and JSON.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "schema/text_form.h"
#include "service/audit.h"
#include "verbs.h"
#include <satchel/model.h>

#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 500

static const char *usage_of(const char *verb) {
#define USAGE(name, function, arguments, text)                                                                         \
    if (strcmp(verb, #name) == 0) {                                                                                    \
        return #name " " arguments;                                                                                    \
    }
    SATCHELD_ADMIN_VERBS(USAGE)
#undef USAGE
    return verb;
}

satchel_status satchel_command_usage(const satchel_command *command, satchel_error *error) {
    return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "usage: satcheld %s", usage_of(command->arguments[0]));
}

bool satchel_command_is(const satchel_command *command, const char *word, int argument_count) {
    return command->argument_count == argument_count && strcmp(command->arguments[1], word) == 0;
}

satchel_status satchel_command_options(satchel_command *command, struct poptOption *table, satchel_error *error) {
    poptContext context = poptGetContext(NULL, command->argument_count, command->arguments, table, 0);
    if (context == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status = SATCHEL_OK;
    int code = poptGetNextOpt(context);
    if (code < -1) {
        status =
            satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "%.100s: %s", poptBadOption(context, 0), poptStrerror(code));
    }
    /* What is left lives in popt's context: copied before that goes. The verb itself is popt's program name. */
    const char **left = poptGetArgs(context);
    int count = 1;
    for (int i = 0; status == SATCHEL_OK && left != NULL && left[i] != NULL; i++) {
        const char *copy = satchel_arena_text(command->arena, satchel_text_of(left[i]));
        status = copy != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
        command->arguments[count] = copy;
        count += status == SATCHEL_OK;
    }
    command->argument_count = count;
    poptFreeContext(context);
    return status;
}

void satchel_options_free(char **list) {
    for (char **item = list; item != NULL && *item != NULL; item++) {
        free(*item);
    }
    free(list);
}

typedef struct command_work {
    satchel_command *command;
    satchel_command_work work;
    void *context;
} command_work;

static satchel_status run_work(void *context, satchel_db *db, satchel_error *error) {
    command_work *work = context;
    if (json_object_clear(work->command->result) != 0) {
        return SATCHEL_INTERNAL;
    }
    return work->work(work->command, work->context, db, error);
}

satchel_status satchel_command_read(satchel_command *command, satchel_command_work work, void *context,
                                    satchel_error *error) {
    return satchel_host_read(command->host, run_work, &(command_work){command, work, context}, error);
}

/* Has it fields that some role does not read in clear? */
static bool has_closed_fields(const satchel_schema *schema, uint32_t entity) {
    const satchel_field *field = NULL;
    for (uint32_t i = 0; (field = satchel_schema_field_at(schema, entity, i)) != NULL; i++) {
        if ((field->flags & SATCHEL_FIELD_META) == 0 && field->sensitivity != SATCHEL_SENSITIVITY_OPEN) {
            return true;
        }
    }
    return false;
}

typedef struct reading_note {
    const satchel_service *service;
    const satchel_command_reading *what;
} reading_note;

static satchel_status note_reading(void *context, satchel_db *db, satchel_error *error) {
    const reading_note *note = context;
    const satchel_audit_entry entry = {.action = note->what->action,
                                       .subject_entity = note->what->entity,
                                       .subject_row = note->what->row != NULL ? *note->what->row : (satchel_id){{0}}};
    return satchel_audit_note(note->service, db, &entry, error);
}

satchel_status satchel_command_read_clear(satchel_command *command, satchel_command_work work, void *context,
                                          const satchel_command_reading *what, satchel_error *error) {
    satchel_status status = satchel_command_read(command, work, context, error);
    if (status != SATCHEL_OK || (!what->always && !has_closed_fields(command->schema, what->entity))) {
        return status;
    }
    reading_note note = {command->service, what};
    return satchel_host_write(command->host, note_reading, &note, error);
}

satchel_status satchel_command_write(satchel_command *command, satchel_command_work work, void *context,
                                     satchel_error *error) {
    return satchel_host_write(command->host, run_work, &(command_work){command, work, context}, error);
}

typedef struct first_row {
    satchel_id id;
    uint32_t count;
} first_row;

static satchel_status note_first(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    (void)record;
    (void)n;
    first_row *found = context;
    found->id = *id;
    found->count++;
    return SATCHEL_OK;
}

/* The row whose title field is exactly this. */
static satchel_status find_by_title(const satchel_command *command, satchel_db *db, const satchel_entity *entity,
                                    const char *text, satchel_id *out, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    first_row found = {{{0}}, 0};
    satchel_query *query = NULL;
    satchel_buffer next;
    satchel_buffer_init(&next);
    satchel_status status = satchel_query_open(&query, entity->number);
    if (status == SATCHEL_OK) {
        status = satchel_query_where_text(query, entity->title_field, SATCHEL_COMPARE_EQUAL, satchel_text_of(text));
    }
    if (status == SATCHEL_OK) {
        status = satchel_rows_list(command->service, db, &system, query, (satchel_bytes){NULL, 0}, 2, note_first,
                                   &found, &next, error);
    }
    if (status == SATCHEL_OK && found.count != 1) {
        status =
            satchel_fail(error, found.count == 0 ? SATCHEL_NOT_FOUND : SATCHEL_AMBIGUOUS,
                         found.count == 0 ? "there is no such %s" : "more than one %s fits: use its id", entity->name);
    }
    *out = found.id;
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    return status;
}

satchel_status satchel_command_find(const satchel_command *command, satchel_db *db, uint32_t entity_number,
                                    const char *text, satchel_id *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    const satchel_entity *entity = satchel_schema_entity(command->schema, entity_number);
    if (text == NULL || text[0] == '\0' || entity == NULL) {
        return SATCHEL_OK;
    }
    if (satchel_id_read(satchel_text_of(text), out) == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    satchel_status status = SATCHEL_NOT_FOUND;
    if (entity_number == SATCHEL_ENTITY_USER) {
        status = satchel_user_named(command->service, db, satchel_text_of(text), out, error);
    }
    if (status == SATCHEL_NOT_FOUND) {
        status =
            satchel_served_row_by_external_id(command->service, db, entity_number, satchel_text_of(text), out, error);
    }
    if ((status == SATCHEL_NOT_FOUND || status == SATCHEL_UNSUPPORTED) && entity->title_field != 0) {
        status = find_by_title(command, db, entity, text, out, error);
    }
    if (status == SATCHEL_NOT_FOUND) {
        return satchel_fail(error, status, "there is no such %s", entity->name);
    }
    return status;
}

satchel_status satchel_command_value(const satchel_command *command, satchel_db *db, const satchel_entity *entity,
                                     const satchel_field *field, const char *text, satchel_value *out,
                                     satchel_error *error) {
    if (field->type == SATCHEL_TYPE_ID && field->ref != 0 && text[0] != '\0') {
        satchel_id id;
        satchel_status status = satchel_command_find(command, db, field->ref, text, &id, error);
        *out = satchel_value_id(&id);
        return status;
    }
    satchel_status status = satchel_value_from_text(field, satchel_text_of(text), command->arena, out, error);
    if (status != SATCHEL_OK && error != NULL) {
        error->entity = entity->number;
    }
    return status;
}

satchel_status satchel_command_record(const satchel_command *command, satchel_db *db, uint32_t entity_number,
                                      const char *const *assignments, satchel_record *out, satchel_error *error) {
    const satchel_entity *entity = satchel_schema_entity(command->schema, entity_number);
    for (; assignments != NULL && *assignments != NULL; assignments++) {
        const char *equals = strchr(*assignments, '=');
        if (equals == NULL) {
            return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "--set takes field=value");
        }
        satchel_text name = {*assignments, (size_t)(equals - *assignments)};
        const satchel_field *field = satchel_schema_field_named(command->schema, entity_number, name);
        if (field == NULL) {
            return satchel_fail(error, SATCHEL_UNKNOWN_FIELD, "%s has no field %.60s", entity->name, *assignments);
        }
        satchel_value value;
        satchel_status status = satchel_command_value(command, db, entity, field, equals + 1, &value, error);
        if (status == SATCHEL_OK) {
            status = satchel_record_set(out, field->number, &value);
        }
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

json_t *satchel_json_id(const satchel_id *id) {
    char text[SATCHEL_ID_TEXT_BYTES];
    if (satchel_id_is_none(id)) {
        return json_null();
    }
    satchel_id_write(id, text);
    return json_string(text);
}

/* A field without its unit's or type's own form, for a set's element. */
static json_t *json_element(const satchel_field *field, satchel_bytes element) {
    satchel_id id;
    if (field->element == SATCHEL_TYPE_ID && satchel_id_from(element, &id) == SATCHEL_OK) {
        return satchel_json_id(&id);
    }
    return json_stringn((const char *)element.data, element.bytes);
}

static json_t *json_set(const satchel_field *field, const satchel_set *set) {
    json_t *array = json_array();
    for (uint32_t i = 0; array != NULL && i < set->count; i++) {
        if (json_array_append_new(array, json_element(field, set->elements[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* Numbers and truth values stay what they are; the rest has the form that command lines and CSV have. */
static json_t *json_value(const satchel_field *field, const satchel_value *value) {
    if (value->type == SATCHEL_TYPE_NULL) {
        return json_null();
    }
    if (value->type == SATCHEL_TYPE_BOOL) {
        return json_boolean(value->as.boolean);
    }
    if (value->type == SATCHEL_TYPE_SET) {
        return json_set(field, &value->as.set);
    }
    if (value->type == SATCHEL_TYPE_REAL) {
        return json_real(value->as.real);
    }
    if (value->type == SATCHEL_TYPE_INT && field->choices == NULL && field->unit != SATCHEL_UNIT_DAYS) {
        return json_integer(value->as.integer);
    }
    satchel_buffer text;
    satchel_buffer_init(&text);
    json_t *json = NULL;
    if (satchel_value_to_text(field, value, &text) == SATCHEL_OK) {
        json = json_stringn(text.data != NULL ? (const char *)text.data : "", text.bytes);
    }
    satchel_buffer_deinit(&text);
    return json;
}

json_t *satchel_command_json(const satchel_command *command, uint32_t entity, const satchel_record *record) {
    json_t *object = json_object();
    for (uint32_t i = 0; object != NULL && i < record->count; i++) {
        const satchel_field *field = satchel_schema_field(command->schema, entity, record->fields[i].number);
        if (field == NULL) {
            continue;
        }
        if (json_object_set_new(object, field->name, json_value(field, &record->fields[i].value)) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

typedef struct listing {
    const satchel_command *command;
    uint32_t entity;
    json_t *rows;
} listing;

static satchel_status append_row(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    listing *list = context;
    json_t *object = satchel_command_json(list->command, list->entity, record);
    if (object == NULL || json_object_set_new(object, "id", satchel_json_id(id)) != 0 ||
        json_object_set_new(object, "revision", json_integer((json_int_t)n)) != 0) {
        json_decref(object);
        return SATCHEL_NO_MEMORY;
    }
    return json_array_append_new(list->rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

satchel_status satchel_command_list(satchel_command *command, satchel_db *db, const satchel_query *query,
                                    satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    listing list = {command, satchel_query_entity(query), json_array()};
    satchel_buffer keyset;
    satchel_buffer next;
    satchel_buffer_init(&keyset);
    satchel_buffer_init(&next);
    satchel_status status = list.rows != NULL && json_object_set_new(command->result, "rows", list.rows) == 0
                                ? SATCHEL_OK
                                : SATCHEL_NO_MEMORY;
    do {
        satchel_buffer_clear(&next);
        if (status == SATCHEL_OK) {
            status = satchel_rows_list(command->service, db, &system, query, satchel_buffer_view(&keyset), PAGE_ROWS,
                                       append_row, &list, &next, error);
        }
        satchel_buffer swap = keyset;
        keyset = next;
        next = swap;
    } while (status == SATCHEL_OK && keyset.bytes > 0);
    satchel_buffer_deinit(&keyset);
    satchel_buffer_deinit(&next);
    return status;
}

satchel_status satchel_command_actor(const satchel_command *command, satchel_db *db, const char *login,
                                     satchel_actor *out, satchel_error *error) {
    satchel_id user;
    *out = satchel_actor_system();
    if (login == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_user_named(command->service, db, satchel_text_of(login), &user, error);
    if (status == SATCHEL_OK) {
        *out = satchel_actor_user(&user);
    }
    return status;
}
