/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From values to facts, from facts to relations and scopes.
 *
 * Children follow their customer: what hangs on one is in the customer's scopes and no other, what hangs on none in
 * that of its owner. A row of the company's own (product, user) is in the company's scope alone; a row that nobody
 * owns, or whose customer nobody owns, is in the scope of the unowned, which those who read everything have.
 */
#include "service/realign.h"

#include "base/error.h"
#include "base/ids.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <string.h>

static satchel_set set_in(const satchel_record *record, uint32_t field) {
    const satchel_value *value = satchel_record_get(record, field);
    return value != NULL && value->type == SATCHEL_TYPE_SET ? value->as.set : (satchel_set){NULL, 0};
}

satchel_status satchel_anchor_load(satchel_db *db, const satchel_id *customer, satchel_arena *arena,
                                   satchel_anchor *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_anchor){.id = *customer};
    if (satchel_id_is_none(customer)) {
        return SATCHEL_OK;
    }
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error,
        "SELECT \"owner\", \"territory\", \"shared_with\", \"deleted\", \"pool_state\" FROM \"customer\" WHERE"
        " \"id\" = ?1",
        satchel_value_id(customer));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        out->exists = true;
        out->owner = satchel_db_id(statement, 0);
        out->territory = satchel_db_id(statement, 1);
        out->deleted = satchel_db_int(statement, 3) != 0;
        out->pooled = satchel_id_is_none(&out->owner) && satchel_db_int(statement, 4) == SATCHEL_POOL_STATE_POOL;
        satchel_bytes shared = satchel_db_bytes(statement, 2);
        satchel_bytes kept = {NULL, 0};
        if (shared.bytes > 0) {
            status = satchel_arena_copy(arena, shared, &kept);
        }
        if (status == SATCHEL_OK && shared.bytes > 0) {
            status = satchel_set_decode(kept, arena, &out->shared_with);
        }
    }
    satchel_db_end(statement);
    return status;
}

/* Owner and anchor of a root row that is stored. */
static satchel_status load_root(const satchel_service *service, satchel_db *db, uint32_t entity, const satchel_id *id,
                                satchel_standing *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    const satchel_table *table = satchel_db_tables_get(service->tables, entity);
    satchel_status status = SATCHEL_DB_START(&statement, db, error, table->select_facts, satchel_value_id(id));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        out->root_exists = true;
        out->owner = satchel_db_id(statement, 0);
        out->anchor.id = satchel_db_id(statement, 1);
    }
    satchel_db_end(statement);
    return status;
}

static void take_customer(const satchel_id *id, const satchel_record *record, satchel_standing *out) {
    out->anchor = (satchel_anchor){.id = *id, .exists = true};
    out->anchor.owner = satchel_record_id(record, SATCHEL_CUSTOMER_OWNER);
    out->anchor.territory = satchel_record_id(record, SATCHEL_CUSTOMER_TERRITORY);
    out->anchor.shared_with = set_in(record, SATCHEL_CUSTOMER_SHARED_WITH);
    out->owner = out->anchor.owner;
    out->anchor.pooled = satchel_id_is_none(&out->owner) &&
                         satchel_record_int(record, SATCHEL_CUSTOMER_POOL_STATE, 0) == SATCHEL_POOL_STATE_POOL;
    out->company = out->anchor.pooled;
}

satchel_status satchel_standing_of(const satchel_service *service, satchel_db *db, uint32_t entity,
                                   const satchel_id *id, const satchel_record *record, satchel_arena *arena,
                                   satchel_standing *out, satchel_error *error) {
    const satchel_entity *known = satchel_schema_entity(&service->schema, entity);
    *out = (satchel_standing){.entity = entity, .root_exists = true};
    if (known == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", (unsigned)entity);
    }
    satchel_status status = SATCHEL_OK;
    uint32_t root_entity = known->root != 0 ? known->root : entity;
    satchel_id root = known->root != 0 ? satchel_record_id(record, known->root_field) : *id;
    out->company = (known->flags & SATCHEL_ENTITY_COMPANY) != 0;
    if (entity == SATCHEL_ENTITY_CUSTOMER) {
        take_customer(id, record, out);
        out->place = satchel_place_of(entity, id, id);
        return SATCHEL_OK;
    }
    if (known->root != 0) {
        out->root_exists = false;
        status = load_root(service, db, known->root, &root, out, error);
    } else {
        out->owner = satchel_record_id(record, known->owner_field);
        out->anchor.id = satchel_record_id(record, known->anchor_field);
    }
    if (status == SATCHEL_OK && (known->root == SATCHEL_ENTITY_CUSTOMER || !satchel_id_is_none(&out->anchor.id))) {
        satchel_id customer = known->root == SATCHEL_ENTITY_CUSTOMER ? root : out->anchor.id;
        status = satchel_anchor_load(db, &customer, arena, &out->anchor, error);
    }
    out->place = satchel_place_of(root_entity, &root, &out->anchor.id);
    return status;
}

satchel_status satchel_is_assigned(satchel_db *db, const satchel_id *user, const satchel_id *customer, int64_t day,
                                   bool *out, satchel_error *error) {
    int64_t count = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(db, error, &count, 0,
                          "SELECT count(*) FROM \"assignment\" WHERE \"customer\" = ?2 AND \"user\""
                          " = ?1 AND \"deleted\" = 0 AND \"from_day\" <= ?3 AND (\"to_day\" IS NULL"
                          " OR \"to_day\" >= ?3)",
                          satchel_value_id(user), satchel_value_id(customer), satchel_value_int(day));
    *out = count > 0;
    return status;
}

bool satchel_standing_is_anchored(const satchel_standing *standing) {
    return standing->entity != SATCHEL_ENTITY_CUSTOMER && !satchel_id_is_none(&standing->anchor.id);
}

const satchel_id *satchel_standing_owner(const satchel_standing *standing) {
    return satchel_id_is_none(&standing->anchor.id) ? &standing->owner : &standing->anchor.owner;
}

/* It is a row of the company's to those who see the pool of its territory, and to nobody else. */
static bool is_pool_customer(const satchel_standing *standing) {
    return standing->entity == SATCHEL_ENTITY_CUSTOMER && standing->anchor.pooled;
}

void satchel_standing_facts(const satchel_standing *standing, const satchel_person *person, const satchel_id *creator,
                            satchel_access_row *out) {
    const satchel_anchor *anchor = &standing->anchor;
    *out = (satchel_access_row){.entity = standing->entity,
                                .owner = standing->owner,
                                .anchor_owner = anchor->owner,
                                .anchored = satchel_standing_is_anchored(standing),
                                .creator = *creator,
                                .territory = anchor->territory};
    out->company =
        standing->company && (!is_pool_customer(standing) || satchel_person_sees_pool(person, &anchor->territory));
    out->shared = satchel_set_has(&anchor->shared_with, satchel_id_view(&person->access.id));
    out->assigned = satchel_id_list_has(&person->covered, &anchor->territory) ||
                    satchel_id_list_has(&person->stands_in_for, satchel_standing_owner(standing));
}

satchel_status satchel_standing_for(satchel_db *db, const satchel_standing *standing, const satchel_person *person,
                                    const satchel_id *creator, int64_t day, satchel_access_row *out,
                                    satchel_error *error) {
    const satchel_id *customer = &standing->anchor.id;
    satchel_standing_facts(standing, person, creator, out);
    if (out->assigned || person->system || satchel_id_is_none(customer)) {
        return SATCHEL_OK;
    }
    return satchel_is_assigned(db, &person->access.id, customer, day, &out->assigned, error);
}

satchel_status satchel_relations_of(satchel_db *db, const satchel_standing *standing, const satchel_person *person,
                                    int64_t day, uint32_t *out, satchel_error *error) {
    satchel_access_row row;
    const satchel_id none = {{0}};
    satchel_status status = satchel_standing_for(db, standing, person, &none, day, &row, error);
    *out = status == SATCHEL_OK ? satchel_access_relations(&person->access, &row) : 0;
    return status;
}

/* Facts say that he lost the customer, its memberships do not know yet: then his phone has not heard of it either. */
static satchel_status waits_to_leave(satchel_db *db, const satchel_place *customer, const satchel_scope_list *scopes,
                                     uint64_t n, satchel_arena *arena, bool *out, satchel_error *error) {
    satchel_member_list members = {NULL, 0};
    bool waits = false;
    satchel_status status = satchel_realign_waits(db, &customer->root, &waits, error);
    if (status == SATCHEL_OK && waits) {
        status = satchel_members_of(db, customer, arena, &members, error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < members.count; i++) {
        const satchel_member *member = &members.items[i];
        *out = *out || (member->present && member->entered_n <= n && satchel_scope_list_has(scopes, member->scope));
    }
    return status;
}

satchel_status satchel_standing_had(satchel_db *db, const satchel_standing *standing, const satchel_id *user,
                                    const satchel_scope_list *scopes, uint64_t n, satchel_arena *arena, bool *out,
                                    satchel_error *error) {
    const satchel_id *customer = &standing->anchor.id;
    satchel_status status = satchel_members_left_since(db, &standing->place, user, scopes, n, arena, out, error);
    if (status == SATCHEL_OK && !*out && !satchel_id_is_none(customer)) {
        const satchel_place place = satchel_place_of(SATCHEL_ENTITY_CUSTOMER, customer, customer);
        status = satchel_members_left_since(db, &place, user, scopes, n, arena, out, error);
        if (status == SATCHEL_OK && !*out) {
            status = waits_to_leave(db, &place, scopes, n, arena, out, error);
        }
    }
    return status;
}

/* --- scopes --- */

typedef struct scope_writer {
    satchel_db *db;
    satchel_arena *arena;
    uint32_t *numbers;
    uint32_t count;
    uint32_t capacity;
    satchel_error *error;
    satchel_status status; /* sticky */
} scope_writer;

static void put_scope(scope_writer *writer, satchel_scope_kind kind, const satchel_id *subject) {
    uint32_t number = 0;
    if (writer->status == SATCHEL_OK && writer->count == writer->capacity) {
        uint32_t capacity = writer->capacity == 0 ? 8 : writer->capacity * 2;
        uint32_t *numbers = satchel_arena_take_array(writer->arena, capacity, sizeof *numbers);
        if (numbers == NULL) {
            writer->status = SATCHEL_NO_MEMORY;
            return;
        }
        if (writer->count > 0) {
            memcpy(numbers, writer->numbers, writer->count * sizeof *numbers);
        }
        writer->numbers = numbers;
        writer->capacity = capacity;
    }
    if (writer->status == SATCHEL_OK) {
        writer->status = satchel_scope_take(writer->db, kind, subject, &number, writer->error);
    }
    if (writer->status == SATCHEL_OK) {
        writer->numbers[writer->count++] = number;
    }
}

static satchel_status load_assigned(satchel_db *db, const satchel_id *customer, int64_t day, satchel_arena *arena,
                                    satchel_id_list *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(&statement, db, error,
                                             "SELECT \"user\" FROM \"assignment\" WHERE \"customer\" = ?1 AND"
                                             " \"deleted\" = 0 AND \"from_day\" <= ?2 AND (\"to_day\" IS NULL OR"
                                             " \"to_day\" >= ?2)",
                                             satchel_value_id(customer), satchel_value_int(day));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id user = satchel_db_id(statement, 0);
            status = satchel_id_list_add(out, arena, &user);
        }
    }
    satchel_db_end(statement);
    return status;
}

static void put_anchor_scopes(scope_writer *writer, const satchel_anchor *anchor, int64_t day) {
    satchel_id_list assigned = {NULL, 0, 0};
    if (!satchel_id_is_none(&anchor->territory)) {
        put_scope(writer, SATCHEL_SCOPE_TERRITORY, &anchor->territory);
    }
    for (uint32_t i = 0; i < anchor->shared_with.count; i++) {
        satchel_id user;
        if (satchel_id_from(anchor->shared_with.elements[i], &user) == SATCHEL_OK) {
            put_scope(writer, SATCHEL_SCOPE_SHARED, &user);
        }
    }
    if (writer->status == SATCHEL_OK) {
        writer->status = load_assigned(writer->db, &anchor->id, day, writer->arena, &assigned, writer->error);
    }
    for (uint32_t i = 0; i < assigned.count; i++) {
        put_scope(writer, SATCHEL_SCOPE_ASSIGNED, &assigned.items[i]);
    }
}

satchel_status satchel_standing_scopes(satchel_db *db, const satchel_standing *standing, int64_t day,
                                       satchel_arena *arena, uint32_t **out, uint32_t *out_count,
                                       satchel_error *error) {
    const satchel_id none = {{0}};
    scope_writer writer = {.db = db, .arena = arena, .error = error, .status = SATCHEL_OK};
    if (is_pool_customer(standing)) {
        put_scope(&writer, SATCHEL_SCOPE_POOL, &standing->anchor.territory);
    } else if (standing->company) {
        put_scope(&writer, SATCHEL_SCOPE_COMPANY, &none);
    } else {
        if (!satchel_id_is_none(&standing->anchor.id)) {
            put_anchor_scopes(&writer, &standing->anchor, day);
        }
        const satchel_id *owner = satchel_standing_owner(standing);
        put_scope(&writer, satchel_id_is_none(owner) ? SATCHEL_SCOPE_UNOWNED : SATCHEL_SCOPE_OWNER, owner);
    }
    *out = writer.numbers;
    *out_count = writer.count;
    return writer.status;
}
