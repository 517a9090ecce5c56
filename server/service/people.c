/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a person. Only what his roles can make use of is looked up: a rep costs one row, a manager two walks of
 * trees.
 */
#include "service/people.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/policies.h"

#include <satchel/model.h>
#include <stdlib.h>
#include <string.h>

/* Appends the first column of what a query with up to two parameters gives. */
static satchel_status collect(satchel_db *db, const char *sql, const satchel_value *values, uint32_t count,
                              satchel_arena *arena, satchel_id_list *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_db_start(&statement, db, sql, values, count, error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(out, arena, &id);
        }
    }
    satchel_db_end(statement);
    return status;
}

/* --- trees --- */

static const char territories_below[] =
    "WITH RECURSIVE below(id) AS (SELECT \"id\" FROM \"territory\" WHERE \"id\" = ?1 UNION SELECT t.\"id\" FROM "
    "\"territory\" t JOIN below b ON t.\"parent\" = b.id) SELECT id FROM below";

static const char users_below[] =
    "WITH RECURSIVE below(id) AS (SELECT \"id\" FROM \"user\" WHERE \"manager\" = ?1 UNION SELECT u.\"id\" FROM "
    "\"user\" u JOIN below b ON u.\"manager\" = b.id) SELECT id FROM below";

static const char users_led[] =
    "WITH RECURSIVE led(id) AS (SELECT \"id\" FROM \"team\" WHERE \"leader\" = ?1 UNION SELECT t.\"id\" FROM "
    "\"team\" t JOIN led l ON t.\"parent\" = l.id) SELECT u.\"id\" FROM \"user\" u JOIN led l ON u.\"team\" = l.id";

static satchel_status add_territory(satchel_db *db, const satchel_id *root, satchel_arena *arena, satchel_id_list *out,
                                    satchel_error *error) {
    return collect(db, territories_below, SATCHEL_DB_VALUES(satchel_value_id(root)), arena, out, error);
}

static satchel_status load_territories(satchel_db *db, const satchel_set *own, satchel_arena *arena,
                                       satchel_person *out, satchel_error *error) {
    satchel_id_list all = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < own->count; i++) {
        satchel_id id;
        status = satchel_id_from(own->elements[i], &id);
        if (status == SATCHEL_OK) {
            status = add_territory(db, &id, arena, &all, error);
        }
    }
    satchel_id_list_sort(&all);
    out->access.territories = all.items;
    out->access.territory_count = all.count;
    return status;
}

static const char territories_around[] =
    "WITH RECURSIVE below(id) AS (SELECT \"id\" FROM \"territory\" WHERE \"id\" = ?1 UNION SELECT t.\"id\" FROM "
    "\"territory\" t JOIN below b ON t.\"parent\" = b.id), above(id) AS (SELECT \"parent\" FROM \"territory\" WHERE "
    "\"id\" = ?1 UNION SELECT t.\"parent\" FROM \"territory\" t JOIN above a ON t.\"id\" = a.id) "
    "SELECT id FROM below UNION SELECT id FROM above WHERE id IS NOT NULL";

static satchel_status add_pools(satchel_db *db, const satchel_id *territory, satchel_arena *arena, satchel_person *out,
                                satchel_error *error) {
    return collect(db, territories_around, SATCHEL_DB_VALUES(satchel_value_id(territory)), arena, &out->pools, error);
}

/* Of his own territories, and of those that he covers today. */
static satchel_status load_pools(satchel_db *db, const satchel_set *own, satchel_arena *arena, satchel_person *out,
                                 satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < own->count; i++) {
        satchel_id id;
        status = satchel_id_from(own->elements[i], &id);
        if (status == SATCHEL_OK) {
            status = add_pools(db, &id, arena, out, error);
        }
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < out->covered.count; i++) {
        status = add_pools(db, &out->covered.items[i], arena, out, error);
    }
    satchel_id_list_sort(&out->pools);
    return status;
}

bool satchel_person_sees_pool(const satchel_person *person, const satchel_id *territory) {
    return person->all_pools || satchel_id_is_none(territory) || satchel_id_list_has(&person->pools, territory);
}

static satchel_status load_reports(satchel_db *db, satchel_arena *arena, satchel_person *out, satchel_error *error) {
    satchel_id_list all = {NULL, 0, 0};
    satchel_value user = satchel_value_id(&out->access.id);
    satchel_status status = collect(db, users_below, &user, 1, arena, &all, error);
    if (status == SATCHEL_OK) {
        status = collect(db, users_led, &user, 1, arena, &all, error);
    }
    satchel_id_list_sort(&all);
    /* Nobody reports to himself, even where the tree says so. */
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        if (!satchel_id_equal(&all.items[i], &out->access.id)) {
            all.items[kept++] = all.items[i];
        }
    }
    out->access.reports = all.items;
    out->access.report_count = kept;
    return status;
}

static const char covered_today[] =
    "SELECT \"territory\" FROM \"assignment\" WHERE \"user\" = ?1 AND \"territory\" IS NOT NULL AND \"deleted\" = 0"
    " AND \"from_day\" <= ?2 AND (\"to_day\" IS NULL OR \"to_day\" >= ?2)";
static const char stands_in_today[] =
    "SELECT \"stands_in_for\" FROM \"assignment\" WHERE \"user\" = ?1 AND \"stands_in_for\" IS NOT NULL AND \"deleted\""
    " = 0 AND \"from_day\" <= ?2 AND (\"to_day\" IS NULL OR \"to_day\" >= ?2)";

static satchel_status load_assignments(satchel_db *db, int64_t day, satchel_arena *arena, satchel_person *out,
                                       satchel_error *error) {
    const satchel_value values[] = {satchel_value_id(&out->access.id), satchel_value_int(day)};
    satchel_id_list given = {NULL, 0, 0};
    satchel_status status = collect(db, covered_today, values, 2, arena, &given, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < given.count; i++) {
        status = add_territory(db, &given.items[i], arena, &out->covered, error);
    }
    if (status == SATCHEL_OK) {
        status = collect(db, stands_in_today, values, 2, arena, &out->stands_in_for, error);
    }
    satchel_id_list_sort(&out->covered);
    satchel_id_list_sort(&out->stands_in_for);
    return status;
}

/* --- what the roles give --- */

#define RELATION_COUNT 7

/* What one relation alone shows of an entity: 3 bits a class, and whether its rows are read at all. */
static uint32_t seen_through(const satchel_person *person, uint32_t entity, uint32_t relation) {
    uint32_t seen = satchel_access_allows(person->policy, &person->access, entity, relation, SATCHEL_VERB_READ) ? 1 : 0;
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        satchel_level level =
            satchel_access_level(person->policy, &person->access, entity, relation, (satchel_sensitivity)c);
        /* Writing is no seeing. */
        uint32_t shown = level == SATCHEL_LEVEL_WRITE ? SATCHEL_LEVEL_READ : (uint32_t)level;
        seen |= shown << (1 + 3 * c);
    }
    return seen;
}

static bool shows_no_more(uint32_t seen, uint32_t than) {
    if ((seen & 1) > (than & 1)) {
        return false;
    }
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        if ((seen >> (1 + 3 * c) & 7) > (than >> (1 + 3 * c) & 7)) {
            return false;
        }
    }
    return true;
}

bool satchel_person_sees_more(const satchel_service *service, const satchel_person *person, uint32_t lost,
                              uint32_t kept) {
    const satchel_model *model = service->schema.model;
    for (uint32_t i = 0; i < model->entity_count; i++) {
        uint32_t entity = model->entities[i].number;
        for (uint32_t r = 0; r < RELATION_COUNT; r++) {
            if ((lost & (1u << r)) == 0) {
                continue;
            }
            uint32_t seen = seen_through(person, entity, 1u << r);
            for (uint32_t k = 0; k < RELATION_COUNT; k++) {
                if ((kept & (1u << k)) != 0 && !shows_no_more(seen, seen_through(person, entity, 1u << k))) {
                    return true;
                }
            }
        }
    }
    return false;
}

/*
 * Any change of his roles or of their rules is another view, even one that shows the same: it costs a snapshot, never a
 * leak. Rules of other roles are nothing to him.
 */
static void derive_view(satchel_person *person) {
    for (uint32_t i = 0; i < person->policy->rule_count; i++) {
        const satchel_access_rule *rule = &person->policy->rules[i];
        bool reads =
            rule->role < 64 && (person->access.roles >> rule->role & 1) != 0 && (rule->verbs & SATCHEL_VERB_READ) != 0;
        person->reach |= reads ? rule->relations : 0;
    }
    person->all_pools =
        (satchel_access_reach(person->policy, &person->access, SATCHEL_ENTITY_CUSTOMER, SATCHEL_VERB_READ) &
         SATCHEL_RELATION_ANY) != 0;
    satchel_hash hash;
    uint8_t bytes[SATCHEL_HASH_BYTES];
    satchel_hash_begin(&hash);
    for (uint32_t role = 0; role < SATCHEL_ROLES_MOST; role++) {
        uint8_t parts[9] = {(uint8_t)role};
        satchel_put_u64be(parts + 1, person->role_marks[role]);
        if ((person->access.roles >> role & 1) != 0) {
            satchel_hash_add(&hash, satchel_bytes_of(parts, sizeof parts));
        }
    }
    satchel_hash_end(&hash, bytes);
    person->view = satchel_get_u64be(bytes);
}

static void give_policy(const satchel_policy_book *book, satchel_person *out) {
    out->policy = &book->policy;
    out->role_marks = book->marks;
}

void satchel_person_system(const satchel_service *service, satchel_person *out) {
    *out = (satchel_person){.system = true};
    give_policy(satchel_policy_shipped(service), out);
    out->access.roles = UINT64_C(1) << SATCHEL_ROLE_ADMINISTRATOR;
    out->access.active = true;
    derive_view(out);
}

/* A set is written element by element: the newest of its versions. */
static uint64_t roles_written_at(const satchel_stored_row *user) {
    uint64_t newest = 0;
    for (uint32_t i = 0; i < user->merged.versions.count; i++) {
        const satchel_version *version = &user->merged.versions.items[i];
        newest = version->field == SATCHEL_USER_ROLES && version->n > newest ? version->n : newest;
    }
    return newest;
}

static satchel_set set_of(const satchel_record *record, uint32_t field) {
    const satchel_value *value = satchel_record_get(record, field);
    return value != NULL && value->type == SATCHEL_TYPE_SET ? value->as.set : (satchel_set){NULL, 0};
}

satchel_status satchel_person_load(const satchel_service *service, satchel_db *db, const satchel_id *user, int64_t day,
                                   satchel_arena *arena, satchel_person *out, satchel_error *error) {
    satchel_stored_row row;
    const satchel_policy_book *book = NULL;
    *out = (satchel_person){.access = {.id = *user}};
    satchel_status status = satchel_policy_now(service, db, &book, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    give_policy(book, out);
    status = satchel_stored_row_load(service->tables, db, SATCHEL_ENTITY_USER, user, arena, &row, error);
    if (status != SATCHEL_OK || !row.merged.exists || row.merged.deleted) {
        return status;
    }
    const satchel_value *active = satchel_record_get(&row.merged.value, SATCHEL_USER_ACTIVE);
    satchel_set roles = set_of(&row.merged.value, SATCHEL_USER_ROLES);
    satchel_set own = set_of(&row.merged.value, SATCHEL_USER_TERRITORIES);
    out->access.active = active == NULL || active->as.boolean;
    out->access.roles = satchel_policy_roles(book, &roles);
    out->rights_n = roles_written_at(&row);
    out->rights_n = book->moved_n > out->rights_n ? book->moved_n : out->rights_n;
    if (own.count > 0) {
        status = satchel_id_from(own.elements[0], &out->home_territory);
    }
    derive_view(out);
    if (status == SATCHEL_OK && (out->reach & SATCHEL_RELATION_TERRITORY) != 0) {
        status = load_territories(db, &own, arena, out, error);
    }
    if (status == SATCHEL_OK && (out->reach & SATCHEL_RELATION_TEAM) != 0) {
        status = load_reports(db, arena, out, error);
    }
    if (status == SATCHEL_OK && (out->reach & SATCHEL_RELATION_ASSIGNED) != 0) {
        status = load_assignments(db, day, arena, out, error);
    }
    bool some = (out->reach & SATCHEL_RELATION_COMPANY) != 0 && !out->all_pools;
    return status == SATCHEL_OK && some ? load_pools(db, &own, arena, out, error) : status;
}
