/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs about what needs a person: conflicts with both values, parked edits with what they meant. --as LOGIN sees and
 * decides as that user, with his rights.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "rules/conflict_values.h"
#include "service/command_admin.h"
#include "wire/record_codec.h"
#include "wire/unit_codec.h"
#include <satchel/model.h>

#include <stdlib.h>
#include <string.h>

/* Without that side an empty record. */
static json_t *json_side(const satchel_command *command, uint32_t entity, const satchel_record *conflict,
                         satchel_conflict_side side) {
    satchel_record record;
    satchel_bytes bytes;
    bool found = false;
    satchel_record_init(&record, command->arena);
    if (satchel_conflict_side_find(satchel_conflict_values(conflict), side, &bytes, &found) != SATCHEL_OK ||
        satchel_record_decode(command->schema, entity, bytes, false, &record, NULL) != SATCHEL_OK) {
        return json_null();
    }
    return satchel_command_json(command, entity, &record);
}

typedef struct journal_list {
    satchel_command *command;
    satchel_db *db;
    json_t *rows;
    satchel_actor actor;
} journal_list;

static json_t *json_time(const satchel_record *record, uint32_t field) {
    const satchel_value *value = satchel_record_get(record, field);
    return value != NULL && value->type == SATCHEL_TYPE_TIME ? json_integer(value->as.integer) : json_null();
}

static const char *choice_name(const satchel_command *command, uint32_t entity, const satchel_record *record,
                               uint32_t number) {
    const satchel_field *field = satchel_schema_field(command->schema, entity, number);
    const satchel_choice *choice =
        field != NULL ? satchel_field_choice(field, satchel_record_int(record, number, 0)) : NULL;
    return choice != NULL ? choice->name : "";
}

static json_t *json_record_id(const satchel_record *record, uint32_t field) {
    satchel_id id = satchel_record_id(record, field);
    return satchel_json_id(&id);
}

static satchel_status append_conflict(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    (void)n;
    journal_list *list = context;
    const satchel_command *command = list->command;
    uint32_t subject = (uint32_t)satchel_record_int(record, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    uint32_t number = (uint32_t)satchel_record_int(record, SATCHEL_CONFLICT_SUBJECT_FIELD, 0);
    const satchel_entity *entity = satchel_schema_entity(command->schema, subject);
    const satchel_field *field = satchel_schema_field(command->schema, subject, number);
    json_t *object = json_pack(
        "{s:o, s:s, s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", satchel_json_id(id), "entity",
        entity != NULL ? entity->name : "", "row", json_record_id(record, SATCHEL_CONFLICT_SUBJECT_ROW), "field",
        field != NULL ? field->name : "", "status",
        choice_name(command, SATCHEL_ENTITY_CONFLICT, record, SATCHEL_CONFLICT_STATUS), "kind",
        choice_name(command, SATCHEL_ENTITY_CONFLICT, record, SATCHEL_CONFLICT_KIND), "reason",
        satchel_status_name((satchel_status)satchel_record_int(record, SATCHEL_CONFLICT_REASON, 0)), "winner",
        json_side(command, subject, record, SATCHEL_SIDE_WINNER), "loser",
        json_side(command, subject, record, SATCHEL_SIDE_LOSER), "winner_user",
        json_record_id(record, SATCHEL_CONFLICT_WINNER_USER), "loser_user",
        json_record_id(record, SATCHEL_CONFLICT_LOSER_USER), "winner_at", json_time(record, SATCHEL_CONFLICT_WINNER_AT),
        "loser_at", json_time(record, SATCHEL_CONFLICT_LOSER_AT));
    return object != NULL && json_array_append_new(list->rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

/* What the parked edit would have set; its op is opened by the service, because it is sealed at rest. */
static satchel_status add_meaning(journal_list *list, const satchel_id *id, json_t *object) {
    satchel_command *command = list->command;
    satchel_op op;
    satchel_error error;
    satchel_status status =
        satchel_parked_op(command->service, list->db, &list->actor, id, command->arena, &op, &error);
    if (status != SATCHEL_OK) {
        return status;
    }
    json_t *cleared = json_array();
    for (uint32_t i = 0; cleared != NULL && i < op.cleared_count; i++) {
        const satchel_field *field = satchel_schema_field(command->schema, op.entity, op.cleared[i]);
        (void)json_array_append_new(cleared, json_string(field != NULL ? field->name : ""));
    }
    bool whole = json_object_set_new(object, "set", satchel_command_json(command, op.entity, &op.set)) == 0 &&
                 json_object_set_new(object, "removed", satchel_command_json(command, op.entity, &op.removed)) == 0 &&
                 json_object_set_new(object, "cleared", cleared) == 0;
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status append_parked(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    (void)n;
    journal_list *list = context;
    const satchel_command *command = list->command;
    const satchel_entity *entity = satchel_schema_entity(
        command->schema, (uint32_t)satchel_record_int(record, SATCHEL_PARKED_EDIT_SUBJECT_ENTITY, 0));
    json_t *object =
        json_pack("{s:o, s:s, s:o, s:o, s:s, s:s, s:o}", "id", satchel_json_id(id), "entity",
                  entity != NULL ? entity->name : "", "row", json_record_id(record, SATCHEL_PARKED_EDIT_SUBJECT_ROW),
                  "user", json_record_id(record, SATCHEL_PARKED_EDIT_USER), "status",
                  choice_name(command, SATCHEL_ENTITY_PARKED_EDIT, record, SATCHEL_PARKED_EDIT_STATUS), "reason",
                  satchel_status_name((satchel_status)satchel_record_int(record, SATCHEL_PARKED_EDIT_REASON, 0)), "at",
                  json_time(record, SATCHEL_PARKED_EDIT_AT));
    satchel_status status = object != NULL ? add_meaning(list, id, object) : SATCHEL_NO_MEMORY;
    if (status != SATCHEL_OK || json_array_append(list->rows, object) != 0) {
        status = status != SATCHEL_OK ? status : SATCHEL_NO_MEMORY;
    }
    json_decref(object);
    return status;
}

typedef struct journal_kind {
    uint32_t entity;
    uint32_t status_field;
    int64_t open_status;
    satchel_served_row_visitor append;
    satchel_status (*decide)(const satchel_service *, satchel_db *, const satchel_actor *, const satchel_id *,
                             satchel_decision, satchel_error *);
    const char *keep_word;
    bool all;
    /* filters, NULL: none */
    uint32_t entity_field;
    uint32_t customer_field;
    char *of_entity;
    char *customer;
    char **set; /* of an edit */
    char *as;   /* login of who looks, or decides; NULL: the operator */
} journal_kind;

/* Only of this kind of row, only at this customer. */
static satchel_status put_filters(satchel_command *command, const journal_kind *kind, satchel_db *db,
                                  satchel_query *query, satchel_error *error) {
    satchel_id customer;
    satchel_status status = SATCHEL_OK;
    if (kind->of_entity != NULL) {
        const satchel_entity *entity = satchel_schema_entity_named(command->schema, satchel_text_of(kind->of_entity));
        if (entity == NULL) {
            return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %.60s", kind->of_entity);
        }
        status = satchel_query_where_int(query, kind->entity_field, SATCHEL_COMPARE_EQUAL, entity->number);
    }
    if (status == SATCHEL_OK && kind->customer != NULL) {
        status = satchel_command_find(command, db, SATCHEL_ENTITY_CUSTOMER, kind->customer, &customer, error);
        if (status == SATCHEL_OK) {
            status = satchel_query_where_id(query, kind->customer_field, SATCHEL_COMPARE_EQUAL, &customer);
        }
    }
    return status;
}

static satchel_status list_journal(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const journal_kind *kind = context;
    journal_list list = {command, db, json_array(), satchel_actor_system()};
    satchel_buffer keyset;
    satchel_buffer next;
    satchel_query *query = NULL;
    satchel_buffer_init(&keyset);
    satchel_buffer_init(&next);
    satchel_status status =
        json_object_set_new(command->result, "rows", list.rows) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    if (status == SATCHEL_OK) {
        status = satchel_command_actor(command, db, kind->as, &list.actor, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_open(&query, kind->entity);
    }
    if (status == SATCHEL_OK && !kind->all) {
        status = satchel_query_where_int(query, kind->status_field, SATCHEL_COMPARE_EQUAL, kind->open_status);
    }
    if (status == SATCHEL_OK) {
        status = put_filters(command, kind, db, query, error);
    }
    do {
        satchel_buffer_clear(&next);
        if (status == SATCHEL_OK) {
            status = satchel_rows_list(command->service, db, &list.actor, query, satchel_buffer_view(&keyset),
                                       SATCHEL_LIMIT_PAGE_ROWS, kind->append, &list, &next, error);
        }
        satchel_buffer swap = keyset;
        keyset = next;
        next = swap;
    } while (status == SATCHEL_OK && keyset.bytes > 0);
    satchel_query_close(query);
    satchel_buffer_deinit(&keyset);
    satchel_buffer_deinit(&next);
    return status;
}

typedef struct journal_decision {
    const journal_kind *kind;
    satchel_id id;
    satchel_decision decision;
} journal_decision;

static satchel_status decide(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const journal_decision *given = context;
    satchel_actor actor;
    satchel_status status = satchel_command_actor(command, db, given->kind->as, &actor, error);
    return status == SATCHEL_OK ? given->kind->decide(command->service, db, &actor, &given->id, given->decision, error)
                                : status;
}

/* A value of the operator's own instead of both. */
static satchel_status edit_conflict(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const journal_decision *given = context;
    satchel_actor actor;
    satchel_record conflict;
    satchel_record wanted;
    uint64_t n = 0;
    satchel_record_init(&conflict, command->arena);
    satchel_record_init(&wanted, command->arena);
    satchel_status status = satchel_command_actor(command, db, given->kind->as, &actor, error);
    if (status == SATCHEL_OK) {
        status = satchel_served_row_read(command->service, db, &actor, SATCHEL_ENTITY_CONFLICT, &given->id, &conflict,
                                         &n, error);
    }
    if (status == SATCHEL_OK) {
        uint32_t entity = (uint32_t)satchel_record_int(&conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
        status = satchel_command_record(command, db, entity, (const char *const *)given->kind->set, &wanted, error);
    }
    return status == SATCHEL_OK
               ? satchel_conflict_edit(command->service, db, &actor, &given->id, &wanted, NULL, 0, error)
               : status;
}

static satchel_status decide_one(satchel_command *command, journal_kind *kind, satchel_error *error) {
    bool edit = kind->entity == SATCHEL_ENTITY_CONFLICT && satchel_command_is(command, "edit", 3) && kind->set != NULL;
    bool keep = satchel_command_is(command, kind->keep_word, 3);
    if ((!keep && !edit && !satchel_command_is(command, "restore", 3)) || kind->all) {
        return satchel_command_usage(command, error);
    }
    journal_decision given = {kind, {{0}}, keep ? SATCHEL_DECISION_KEEP : SATCHEL_DECISION_RESTORE};
    if (satchel_id_read(satchel_text_of(command->arguments[2]), &given.id) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "it is named by its id");
    }
    return satchel_command_write(command, edit ? edit_conflict : decide, &given, error);
}

/* A journal holds values of all classes; a user is shown his own of them. */
static satchel_status list_clear(satchel_command *command, journal_kind *kind, satchel_error *error) {
    const satchel_command_reading what = {.action = SATCHEL_AUDIT_SHOWN, .entity = kind->entity, .always = true};
    return kind->as != NULL ? satchel_command_read(command, list_journal, kind, error)
                            : satchel_command_read_clear(command, list_journal, kind, &what, error);
}

static satchel_status run_journal(satchel_command *command, journal_kind *kind, satchel_error *error) {
    int all = 0;
    struct poptOption table[] = {{"all", 0, POPT_ARG_NONE, &all, 0, NULL, NULL},
                                 {"entity", 0, POPT_ARG_STRING, &kind->of_entity, 0, NULL, NULL},
                                 {"customer", 0, POPT_ARG_STRING, &kind->customer, 0, NULL, NULL},
                                 {"set", 0, POPT_ARG_ARGV, &kind->set, 0, NULL, NULL},
                                 {"as", 0, POPT_ARG_STRING, &kind->as, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    kind->all = all != 0;
    if (status == SATCHEL_OK) {
        status = command->argument_count == 1 ? list_clear(command, kind, error) : decide_one(command, kind, error);
    }
    free(kind->of_entity);
    free(kind->customer);
    free(kind->as);
    satchel_options_free(kind->set);
    return status;
}

satchel_status satchel_verb_conflicts(satchel_command *command, satchel_error *error) {
    journal_kind kind = {SATCHEL_ENTITY_CONFLICT,
                         SATCHEL_CONFLICT_STATUS,
                         SATCHEL_CONFLICT_STATUS_OPEN,
                         append_conflict,
                         satchel_conflict_decide,
                         "keep",
                         false,
                         SATCHEL_CONFLICT_SUBJECT_ENTITY,
                         SATCHEL_CONFLICT_CUSTOMER,
                         NULL,
                         NULL,
                         NULL,
                         NULL};
    return run_journal(command, &kind, error);
}

satchel_status satchel_verb_parked(satchel_command *command, satchel_error *error) {
    journal_kind kind = {SATCHEL_ENTITY_PARKED_EDIT,
                         SATCHEL_PARKED_EDIT_STATUS,
                         SATCHEL_PARKED_STATUS_WAITING,
                         append_parked,
                         satchel_parked_decide,
                         "discard",
                         false,
                         SATCHEL_PARKED_EDIT_SUBJECT_ENTITY,
                         SATCHEL_PARKED_EDIT_CUSTOMER,
                         NULL,
                         NULL,
                         NULL,
                         NULL};
    return run_journal(command, &kind, error);
}
