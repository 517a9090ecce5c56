/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People and places: users, territories, dated assignments, and who owns a customer.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/policies.h"

#include <satchel/model.h>

/* --- small things --- */

static satchel_status set_ids(satchel_record *record, uint32_t field, const satchel_id *id) {
    satchel_bytes element = satchel_id_view(id);
    satchel_value value = satchel_value_set(&element, satchel_id_is_none(id) ? 0 : 1);
    return satchel_record_set(record, field, &value);
}

static satchel_status set_roles(satchel_desk *desk, satchel_record *record, uint64_t roles) {
    satchel_bytes names[SATCHEL_ROLES_MOST];
    satchel_value value = satchel_value_set(NULL, 0);
    const satchel_policy_book *book = NULL;
    uint32_t count = 0;
    satchel_status status = satchel_policy_now(desk->service, desk->db, &book, desk->error);
    for (uint32_t role = 0; status == SATCHEL_OK && role < SATCHEL_ROLES_MOST; role++) {
        if ((roles >> role & 1) != 0 && book->names[role][0] != '\0') {
            names[count++] = satchel_text_bytes(satchel_text_of(book->names[role]));
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_set_sort(record->arena, names, count, &value.as.set);
    }
    return status == SATCHEL_OK ? satchel_record_set(record, SATCHEL_USER_ROLES, &value) : status;
}

static satchel_status require_exists(satchel_desk *desk, uint32_t entity, uint32_t of_entity, uint32_t of_field,
                                     const satchel_id *id) {
    satchel_stored_row row;
    if (satchel_id_is_none(id)) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, entity, id, &desk->arena, &row, desk->error);
    if (status == SATCHEL_OK && (!row.merged.exists || row.merged.deleted)) {
        status = satchel_fail_field(desk->error, SATCHEL_REFERENCE_MISSING, of_entity, of_field,
                                    "it names a row that is not there");
    }
    return status;
}

static satchel_status create_row(satchel_desk *desk, uint32_t entity, const satchel_record *record, satchel_id *out) {
    satchel_op op;
    satchel_op_decision decision;
    satchel_status status = satchel_service_make_id(desk->service, out, desk->error);
    satchel_op_init(&op, SATCHEL_OP_CREATE, entity, out, &desk->arena);
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(record, &op.set);
    }
    return status == SATCHEL_OK ? satchel_desk_op(desk, &op, &decision) : status;
}

/* Makes the stored row be as wanted, where it differs. */
static satchel_status change_row(satchel_desk *desk, uint32_t entity, const satchel_id *id,
                                 const satchel_record *wanted) {
    satchel_op op;
    satchel_stored_row row;
    satchel_op_decision decision;
    bool any = false;
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, entity, id, &desk->arena, &row, desk->error);
    if (status == SATCHEL_OK && (!row.merged.exists || row.merged.deleted)) {
        status = satchel_fail(desk->error, SATCHEL_NOT_FOUND, "there is no such row");
    }
    satchel_op_init(&op, SATCHEL_OP_EDIT, entity, id, &desk->arena);
    op.base_n = row.revision;
    if (status == SATCHEL_OK) {
        status = satchel_desk_difference(desk, &row, wanted, NULL, 0, &op, &any);
    }
    return status == SATCHEL_OK && any ? satchel_desk_op(desk, &op, &decision) : status;
}

static satchel_status set_or_clear_id(satchel_record *record, uint32_t field, const satchel_id *id) {
    satchel_value null = satchel_value_null();
    return satchel_id_is_none(id) ? satchel_record_set(record, field, &null) : satchel_record_set_id(record, field, id);
}

/* --- users --- */

satchel_status satchel_user_named(const satchel_service *service, satchel_db *db, satchel_text login, satchel_id *out,
                                  satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    (void)service;
    *out = (satchel_id){{0}};
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error, "SELECT \"id\" FROM \"user\" WHERE \"login\" = ?1 AND \"deleted\" = 0",
                         satchel_value_text(login));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out = satchel_db_id(statement, 0);
    } else if (status == SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "no user has this login");
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status check_new_user(satchel_desk *desk, const satchel_new_user *user) {
    satchel_id taken;
    if (user->roles == 0) {
        return satchel_fail_field(desk->error, SATCHEL_INVALID_ARGUMENT, SATCHEL_ENTITY_USER, SATCHEL_USER_ROLES,
                                  "a user has a role");
    }
    satchel_status status = satchel_user_named(desk->service, desk->db, user->login, &taken, NULL);
    if (status == SATCHEL_OK) {
        return satchel_fail_field(desk->error, SATCHEL_ALREADY_EXISTS, SATCHEL_ENTITY_USER, SATCHEL_USER_LOGIN,
                                  "the login is taken");
    }
    if (status != SATCHEL_NOT_FOUND) {
        return satchel_fail(desk->error, status, "users cannot be read");
    }
    status = require_exists(desk, SATCHEL_ENTITY_USER, SATCHEL_ENTITY_USER, SATCHEL_USER_MANAGER, &user->manager);
    return status == SATCHEL_OK ? require_exists(desk, SATCHEL_ENTITY_TERRITORY, SATCHEL_ENTITY_USER,
                                                 SATCHEL_USER_TERRITORIES, &user->territory)
                                : status;
}

static satchel_status build_user(satchel_desk *desk, const satchel_new_user *user, satchel_record *out) {
    satchel_status status = satchel_record_set_text(out, SATCHEL_USER_LOGIN, user->login);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_text(out, SATCHEL_USER_NAME, user->name);
    }
    if (status == SATCHEL_OK) {
        status = set_roles(desk, out, user->roles);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&user->manager)) {
        status = satchel_record_set_id(out, SATCHEL_USER_MANAGER, &user->manager);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&user->territory)) {
        status = set_ids(out, SATCHEL_USER_TERRITORIES, &user->territory);
    }
    if (status == SATCHEL_OK && user->external_id.bytes > 0) {
        status = satchel_record_set_text(out, SATCHEL_USER_EXTERNAL_ID, user->external_id);
    }
    return status == SATCHEL_OK ? satchel_record_set_bool(out, SATCHEL_USER_ACTIVE, true) : status;
}

/* The scopes that are his own are there from the start, so that the list of his scopes does not change with his first
 * row. */
static satchel_status make_own_scopes(satchel_desk *desk, const satchel_id *user) {
    static const satchel_scope_kind kinds[] = {SATCHEL_SCOPE_OWNER, SATCHEL_SCOPE_ASSIGNED, SATCHEL_SCOPE_SHARED};
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof kinds / sizeof *kinds; i++) {
        uint32_t number = 0;
        status = satchel_scope_take(desk->db, kinds[i], user, &number, desk->error);
    }
    return status;
}

satchel_status satchel_user_add(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                const satchel_new_user *user, satchel_id *out, satchel_error *error) {
    satchel_desk desk;
    satchel_record record;
    *out = (satchel_id){{0}};
    satchel_status status = satchel_desk_open(&desk, service, db, actor, SATCHEL_ENTITY_USER, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_record_init(&record, &desk.arena);
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_USER, SATCHEL_VERB_CREATE);
    if (status == SATCHEL_OK) {
        status = check_new_user(&desk, user);
    }
    if (status == SATCHEL_OK) {
        status = build_user(&desk, user, &record);
    }
    if (status == SATCHEL_OK) {
        status = create_row(&desk, SATCHEL_ENTITY_USER, &record, out);
    }
    if (status == SATCHEL_OK) {
        status = make_own_scopes(&desk, out);
    }
    return satchel_desk_close(&desk, status, "user add", SATCHEL_ENTITY_USER, out);
}

/* Would `manager` come to report to himself? */
static satchel_status check_no_circle(satchel_desk *desk, const satchel_id *user, const satchel_id *manager) {
    int64_t found = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        desk->db, desk->error, &found, 0,
        "WITH RECURSIVE above(id) AS (SELECT \"id\" FROM \"user\" WHERE \"id\" = ?1 UNION SELECT u.\"manager\" FROM"
        " \"user\" u JOIN above a ON u.\"id\" = a.id) SELECT count(*) FROM above WHERE id = ?2",
        satchel_value_id(manager), satchel_value_id(user));
    if (status == SATCHEL_OK && found > 0) {
        status = satchel_fail_field(desk->error, SATCHEL_INVALID_ARGUMENT, SATCHEL_ENTITY_USER, SATCHEL_USER_MANAGER,
                                    "he would report to himself");
    }
    return status;
}

static satchel_status check_change(satchel_desk *desk, const satchel_id *user, const satchel_user_change *change) {
    satchel_status status = satchel_desk_require(desk, SATCHEL_ENTITY_USER, SATCHEL_VERB_EDIT);
    if (status == SATCHEL_OK && change->roles != NULL && *change->roles == 0) {
        status = satchel_fail_field(desk->error, SATCHEL_INVALID_ARGUMENT, SATCHEL_ENTITY_USER, SATCHEL_USER_ROLES,
                                    "a user has a role");
    }
    if (status == SATCHEL_OK && change->manager != NULL && !satchel_id_is_none(change->manager)) {
        status = require_exists(desk, SATCHEL_ENTITY_USER, SATCHEL_ENTITY_USER, SATCHEL_USER_MANAGER, change->manager);
        if (status == SATCHEL_OK) {
            status = check_no_circle(desk, user, change->manager);
        }
    }
    if (status == SATCHEL_OK && change->territory != NULL) {
        status = require_exists(desk, SATCHEL_ENTITY_TERRITORY, SATCHEL_ENTITY_USER, SATCHEL_USER_TERRITORIES,
                                change->territory);
    }
    return status;
}

static satchel_status build_change(satchel_desk *desk, const satchel_user_change *change, satchel_record *out) {
    satchel_status status = SATCHEL_OK;
    if (change->name != NULL) {
        status = satchel_record_set_text(out, SATCHEL_USER_NAME, *change->name);
    }
    if (status == SATCHEL_OK && change->roles != NULL) {
        status = set_roles(desk, out, *change->roles);
    }
    if (status == SATCHEL_OK && change->manager != NULL) {
        status = set_or_clear_id(out, SATCHEL_USER_MANAGER, change->manager);
    }
    if (status == SATCHEL_OK && change->territory != NULL) {
        status = set_ids(out, SATCHEL_USER_TERRITORIES, change->territory);
    }
    if (status == SATCHEL_OK && change->active != NULL) {
        status = satchel_record_set_bool(out, SATCHEL_USER_ACTIVE, *change->active);
    }
    return status;
}

satchel_status satchel_user_change_to(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                      const satchel_id *user, const satchel_user_change *change, satchel_error *error) {
    satchel_desk desk;
    satchel_record record;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, SATCHEL_ENTITY_USER, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_record_init(&record, &desk.arena);
    status = check_change(&desk, user, change);
    if (status == SATCHEL_OK) {
        status = build_change(&desk, change, &record);
    }
    if (status == SATCHEL_OK) {
        status = change_row(&desk, SATCHEL_ENTITY_USER, user, &record);
    }
    return satchel_desk_close(&desk, status, "user change", SATCHEL_ENTITY_USER, user);
}

/* --- territories --- */

static satchel_status write_territory(satchel_desk *desk, satchel_text name, const satchel_id *parent,
                                      satchel_text external_id, satchel_id *out) {
    satchel_record record;
    uint32_t scope = 0;
    satchel_status found = SATCHEL_NOT_FOUND;
    satchel_record_init(&record, &desk->arena);
    satchel_status status = satchel_record_set_text(&record, SATCHEL_TERRITORY_NAME, name);
    if (status == SATCHEL_OK) {
        status = set_or_clear_id(&record, SATCHEL_TERRITORY_PARENT, parent);
    }
    if (status == SATCHEL_OK && external_id.bytes > 0) {
        status = satchel_record_set_text(&record, SATCHEL_TERRITORY_EXTERNAL_ID, external_id);
        found = satchel_served_row_by_external_id(desk->service, desk->db, SATCHEL_ENTITY_TERRITORY, external_id, out,
                                                  NULL);
    }
    if (status == SATCHEL_OK && found == SATCHEL_OK) {
        return change_row(desk, SATCHEL_ENTITY_TERRITORY, out, &record);
    }
    if (found != SATCHEL_NOT_FOUND) {
        return satchel_fail(desk->error, found, "territories cannot be read");
    }
    if (satchel_id_is_none(parent)) {
        satchel_record_remove(&record, SATCHEL_TERRITORY_PARENT);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_bool(&record, SATCHEL_TERRITORY_ACTIVE, true);
    }
    if (status == SATCHEL_OK) {
        status = create_row(desk, SATCHEL_ENTITY_TERRITORY, &record, out);
    }
    return status == SATCHEL_OK ? satchel_scope_take(desk->db, SATCHEL_SCOPE_TERRITORY, out, &scope, desk->error)
                                : status;
}

satchel_status satchel_territory_add(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     satchel_text name, const satchel_id *parent, satchel_text external_id,
                                     satchel_id *out, satchel_error *error) {
    satchel_desk desk;
    *out = (satchel_id){{0}};
    satchel_status status = satchel_desk_open(&desk, service, db, actor, SATCHEL_ENTITY_TERRITORY, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_TERRITORY, SATCHEL_VERB_CREATE);
    if (status == SATCHEL_OK) {
        status =
            require_exists(&desk, SATCHEL_ENTITY_TERRITORY, SATCHEL_ENTITY_TERRITORY, SATCHEL_TERRITORY_PARENT, parent);
    }
    if (status == SATCHEL_OK) {
        status = write_territory(&desk, name, parent, external_id, out);
    }
    return satchel_desk_close(&desk, status, "territory add", SATCHEL_ENTITY_TERRITORY, out);
}

/* --- assignments --- */

static satchel_status check_assignment(satchel_desk *desk, const satchel_new_assignment *given) {
    bool both = !satchel_id_is_none(&given->customer) && !satchel_id_is_none(&given->territory);
    bool neither = satchel_id_is_none(&given->customer) && satchel_id_is_none(&given->territory);
    if (both || neither || satchel_id_is_none(&given->user)) {
        return satchel_fail(desk->error, SATCHEL_INVALID_ARGUMENT, "an assignment names a user and one thing");
    }
    if (given->last_day < given->first_day) {
        return satchel_fail_field(desk->error, SATCHEL_INVALID_ARGUMENT, SATCHEL_ENTITY_ASSIGNMENT,
                                  SATCHEL_ASSIGNMENT_TO_DAY, "it ends before it begins");
    }
    satchel_status status =
        require_exists(desk, SATCHEL_ENTITY_USER, SATCHEL_ENTITY_ASSIGNMENT, SATCHEL_ASSIGNMENT_USER, &given->user);
    if (status == SATCHEL_OK) {
        status = require_exists(desk, SATCHEL_ENTITY_CUSTOMER, SATCHEL_ENTITY_ASSIGNMENT, SATCHEL_ASSIGNMENT_CUSTOMER,
                                &given->customer);
    }
    return status == SATCHEL_OK ? require_exists(desk, SATCHEL_ENTITY_TERRITORY, SATCHEL_ENTITY_ASSIGNMENT,
                                                 SATCHEL_ASSIGNMENT_TERRITORY, &given->territory)
                                : status;
}

static satchel_status build_assignment(const satchel_new_assignment *given, satchel_record *out) {
    bool of_customer = !satchel_id_is_none(&given->customer);
    satchel_status status = satchel_record_set_id(out, SATCHEL_ASSIGNMENT_USER, &given->user);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(out, of_customer ? SATCHEL_ASSIGNMENT_CUSTOMER : SATCHEL_ASSIGNMENT_TERRITORY,
                                       of_customer ? &given->customer : &given->territory);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(out, SATCHEL_ASSIGNMENT_FROM_DAY, given->first_day);
    }
    if (status == SATCHEL_OK && given->last_day != SATCHEL_DAY_OPEN) {
        status = satchel_record_set_int(out, SATCHEL_ASSIGNMENT_TO_DAY, given->last_day);
    }
    return status == SATCHEL_OK ? satchel_record_set_int(out, SATCHEL_ASSIGNMENT_KIND, SATCHEL_ASSIGNMENT_KIND_PRIMARY)
                                : status;
}

satchel_status satchel_assignment_add(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                      const satchel_new_assignment *given, satchel_id *out, satchel_error *error) {
    satchel_desk desk;
    satchel_record record;
    *out = (satchel_id){{0}};
    /* A customer's assignment moves memberships; only that of a territory changes which scopes a user has. */
    uint32_t moves = satchel_id_is_none(&given->territory) ? 0 : SATCHEL_ENTITY_ASSIGNMENT;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, moves, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_record_init(&record, &desk.arena);
    status = check_assignment(&desk, given);
    if (status == SATCHEL_OK) {
        status = build_assignment(given, &record);
    }
    if (status == SATCHEL_OK) {
        status = create_row(&desk, SATCHEL_ENTITY_ASSIGNMENT, &record, out);
    }
    return satchel_desk_close(&desk, status, "assign", SATCHEL_ENTITY_ASSIGNMENT, out);
}

satchel_status satchel_assignment_end(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                      const satchel_id *assignment, int64_t last_day, satchel_error *error) {
    satchel_desk desk;
    satchel_stored_row row;
    satchel_record record;
    satchel_write_outcome outcome;
    satchel_status status = satchel_desk_enter(&desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status =
        satchel_stored_row_load(service->tables, db, SATCHEL_ENTITY_ASSIGNMENT, assignment, &desk.arena, &row, error);
    int64_t first_day = satchel_record_int(&row.merged.value, SATCHEL_ASSIGNMENT_FROM_DAY, INT64_MIN);
    satchel_value day = last_day == SATCHEL_DAY_OPEN ? satchel_value_null() : satchel_value_int(last_day);
    satchel_record_init(&record, &desk.arena);
    if (status == SATCHEL_OK) {
        status = satchel_record_set(&record, SATCHEL_ASSIGNMENT_TO_DAY, &day);
    }
    if (status == SATCHEL_OK && last_day < first_day) {
        status = satchel_served_row_delete(service, db, actor, SATCHEL_ENTITY_ASSIGNMENT, assignment, &outcome, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_served_row_edit(service, db, actor, SATCHEL_ENTITY_ASSIGNMENT, assignment, 0, &record, NULL, 0,
                                         &outcome, error);
    }
    satchel_desk_leave(&desk);
    return status;
}

/* --- owners --- */

satchel_status satchel_customer_reassign(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                         const satchel_id *customer, const satchel_id *owner,
                                         const satchel_id *territory, satchel_error *error) {
    satchel_desk desk;
    satchel_stored_row row;
    satchel_record record;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, SATCHEL_ENTITY_CUSTOMER, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_record_init(&record, &desk.arena);
    status = satchel_stored_row_load(service->tables, db, SATCHEL_ENTITY_CUSTOMER, customer, &desk.arena, &row, error);
    if (status == SATCHEL_OK) {
        status = satchel_desk_require_row(&desk, &row, SATCHEL_VERB_ASSIGN, NULL);
    }
    /* Who may assign may do so to anybody, also to someone who he himself does not lead. */
    desk.change.trusted = true;
    if (status == SATCHEL_OK && owner != NULL) {
        status = require_exists(&desk, SATCHEL_ENTITY_USER, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_OWNER, owner);
        if (status == SATCHEL_OK) {
            status = set_or_clear_id(&record, SATCHEL_CUSTOMER_OWNER, owner);
        }
    }
    if (status == SATCHEL_OK && territory != NULL) {
        status = require_exists(&desk, SATCHEL_ENTITY_TERRITORY, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TERRITORY,
                                territory);
        if (status == SATCHEL_OK) {
            status = set_or_clear_id(&record, SATCHEL_CUSTOMER_TERRITORY, territory);
        }
    }
    if (status == SATCHEL_OK) {
        status = change_row(&desk, SATCHEL_ENTITY_CUSTOMER, customer, &record);
    }
    return satchel_desk_close(&desk, status, "reassign", SATCHEL_ENTITY_CUSTOMER, customer);
}
