/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes of persons and interned sets of scopes. A set is stored as varints of the differences of its ascending
 * numbers.
 */
#include "service/scopes.h"

#include "base/error.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

/* A scope may be gathered for two reasons; the limit counts it once. */
#define GATHERED_MOST (2 * SATCHEL_LIMIT_SCOPES)
/* Pools of one person that are looked up one by one, about as dear as reading ten times as many in order. */
#define POOLS_LOOKED_UP_MOST 64

static int compare_numbers(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static const uint32_t *find_number(const satchel_scope_list *list, uint32_t number) {
    return list->count > 0 ? bsearch(&number, list->numbers, list->count, sizeof number, compare_numbers) : NULL;
}

bool satchel_scope_list_has(const satchel_scope_list *list, uint32_t number) {
    return find_number(list, number) != NULL;
}

uint8_t satchel_scope_list_kind(const satchel_scope_list *list, uint32_t number) {
    const uint32_t *found = find_number(list, number);
    return found != NULL && list->kinds != NULL ? list->kinds[found - list->numbers] : 0;
}

satchel_status satchel_scope_find(satchel_db *db, satchel_scope_kind kind, const satchel_id *subject, uint32_t *out,
                                  satchel_error *error) {
    int64_t number = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(db, error, &number, 0, "SELECT number FROM scope WHERE kind = ?1 AND subject = ?2",
                          satchel_value_int(kind), satchel_value_id(subject));
    *out = (uint32_t)number;
    return status;
}

satchel_status satchel_scope_take(satchel_db *db, satchel_scope_kind kind, const satchel_id *subject, uint32_t *out,
                                  satchel_error *error) {
    satchel_status status = satchel_scope_find(db, kind, subject, out, error);
    if (status != SATCHEL_OK || *out != 0) {
        return status;
    }
    int64_t number = 0;
    status = SATCHEL_DB_NUMBER(db, error, &number, 0,
                               "INSERT INTO scope (number, kind, subject, head_n, members) VALUES"
                               " ((SELECT coalesce(max(number), 0) + 1 FROM scope), ?1, ?2, 0, 0) RETURNING number",
                               satchel_value_int(kind), satchel_value_id(subject));
    *out = (uint32_t)number;
    return status;
}

satchel_status satchel_scope_get(satchel_db *db, uint32_t scope, uint8_t *out_kind, satchel_id *out_subject,
                                 satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out_kind = 0;
    *out_subject = (satchel_id){{0}};
    satchel_status status = SATCHEL_DB_START(&statement, db, error, "SELECT kind, subject FROM scope WHERE number = ?1",
                                             satchel_db_count(scope));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out_kind = (uint8_t)satchel_db_int(statement, 0);
        *out_subject = satchel_db_id(statement, 1);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_scope_relations_of(satchel_db *db, const satchel_person *person, uint32_t scope,
                                          uint32_t *relations, satchel_error *error) {
    satchel_access_row row = {.company = false};
    satchel_id subject;
    uint8_t kind = 0;
    satchel_status status = satchel_scope_get(db, scope, &kind, &subject, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    switch (kind) {
    case SATCHEL_SCOPE_POOL:
    case SATCHEL_SCOPE_COMPANY: row.company = true; break;
    case SATCHEL_SCOPE_OWNER:
        row.owner = subject;
        row.assigned = satchel_id_list_has(&person->stands_in_for, &subject);
        break;
    case SATCHEL_SCOPE_ASSIGNED: row.assigned = true; break;
    case SATCHEL_SCOPE_SHARED: row.shared = true; break;
    case SATCHEL_SCOPE_TERRITORY:
        row.territory = subject;
        row.assigned = satchel_id_list_has(&person->covered, &subject);
        break;
    default: break;
    }
    *relations |= satchel_access_relations(&person->access, &row);
    return SATCHEL_OK;
}

uint32_t satchel_scope_relations(uint8_t kind) {
    switch (kind) {
    case SATCHEL_SCOPE_POOL:
    case SATCHEL_SCOPE_COMPANY: return SATCHEL_RELATION_COMPANY;
    case SATCHEL_SCOPE_OWNER: return SATCHEL_RELATION_OWN | SATCHEL_RELATION_TEAM | SATCHEL_RELATION_ASSIGNED;
    case SATCHEL_SCOPE_ASSIGNED: return SATCHEL_RELATION_ASSIGNED;
    case SATCHEL_SCOPE_SHARED: return SATCHEL_RELATION_SHARED;
    case SATCHEL_SCOPE_TERRITORY: return SATCHEL_RELATION_TERRITORY | SATCHEL_RELATION_ASSIGNED;
    default: return SATCHEL_RELATION_ANY;
    }
}

/* --- of a person --- */

typedef struct scope_item {
    uint32_t number;
    uint8_t kind;
} scope_item;

typedef struct scope_gatherer {
    satchel_db *db;
    satchel_arena *arena;
    satchel_error *error;
    scope_item *items;
    uint32_t count;
    uint32_t capacity;
    satchel_status status; /* sticky */
} scope_gatherer;

static void make_room(scope_gatherer *gatherer) {
    uint32_t capacity = gatherer->capacity == 0 ? 32 : gatherer->capacity * 2;
    scope_item *items = satchel_arena_take_array(gatherer->arena, capacity, sizeof *items);
    if (items == NULL) {
        gatherer->status = satchel_fail(gatherer->error, SATCHEL_NO_MEMORY, "no memory for scopes");
        return;
    }
    if (gatherer->count > 0) {
        memcpy(items, gatherer->items, gatherer->count * sizeof *items);
    }
    gatherer->items = items;
    gatherer->capacity = capacity;
}

static void put(scope_gatherer *gatherer, uint32_t number, uint8_t kind) {
    if (gatherer->status != SATCHEL_OK || number == 0) {
        return;
    }
    if (gatherer->count == GATHERED_MOST) {
        gatherer->status = satchel_fail(gatherer->error, SATCHEL_LIMIT_EXCEEDED, "the user has too many scopes");
        return;
    }
    if (gatherer->count == gatherer->capacity) {
        make_room(gatherer);
    }
    if (gatherer->status == SATCHEL_OK) {
        gatherer->items[gatherer->count++] = (scope_item){number, kind};
    }
}

static void gather(scope_gatherer *gatherer, satchel_scope_kind kind, const satchel_id *subject) {
    uint32_t number = 0;
    if (gatherer->status == SATCHEL_OK) {
        gatherer->status = satchel_scope_find(gatherer->db, kind, subject, &number, gatherer->error);
    }
    put(gatherer, number, (uint8_t)kind);
}

static void gather_each(scope_gatherer *gatherer, satchel_scope_kind kind, const satchel_id *subjects, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        gather(gatherer, kind, &subjects[i]);
    }
}

static void gather_all_of(scope_gatherer *gatherer, satchel_scope_kind kind) {
    satchel_db_statement *statement = NULL;
    if (gatherer->status != SATCHEL_OK) {
        return;
    }
    gatherer->status = SATCHEL_DB_START(&statement, gatherer->db, gatherer->error,
                                        "SELECT number FROM scope WHERE kind = ?1", satchel_value_int(kind));
    bool found = gatherer->status == SATCHEL_OK;
    while (gatherer->status == SATCHEL_OK && found) {
        gatherer->status = satchel_db_step(statement, &found, gatherer->error);
        if (gatherer->status == SATCHEL_OK && found) {
            put(gatherer, (uint32_t)satchel_db_uint(statement, 0), (uint8_t)kind);
        }
    }
    satchel_db_end(statement);
}

/* Most people see few: each is looked up. Who sees many has all read, and his kept. */
static void gather_pools(scope_gatherer *gatherer, const satchel_person *person) {
    const satchel_id none = {{0}};
    satchel_db_statement *statement = NULL;
    if (!person->all_pools && person->pools.count <= POOLS_LOOKED_UP_MOST) {
        gather(gatherer, SATCHEL_SCOPE_POOL, &none);
        gather_each(gatherer, SATCHEL_SCOPE_POOL, person->pools.items, person->pools.count);
        return;
    }
    if (gatherer->status != SATCHEL_OK) {
        return;
    }
    gatherer->status =
        SATCHEL_DB_START(&statement, gatherer->db, gatherer->error, "SELECT number, subject FROM scope WHERE kind = ?1",
                         satchel_value_int(SATCHEL_SCOPE_POOL));
    bool found = gatherer->status == SATCHEL_OK;
    while (gatherer->status == SATCHEL_OK && found) {
        gatherer->status = satchel_db_step(statement, &found, gatherer->error);
        if (gatherer->status == SATCHEL_OK && found) {
            satchel_id territory = satchel_db_id(statement, 1);
            uint32_t number = (uint32_t)satchel_db_uint(statement, 0);
            put(gatherer, satchel_person_sees_pool(person, &territory) ? number : 0, SATCHEL_SCOPE_POOL);
        }
    }
    satchel_db_end(statement);
}

static int compare_items(const void *a, const void *b) {
    const scope_item *left = a;
    const scope_item *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

static satchel_status order_items(scope_gatherer *gatherer, satchel_scope_list *out) {
    if (gatherer->count > 1) {
        qsort(gatherer->items, gatherer->count, sizeof *gatherer->items, compare_items);
    }
    out->numbers = satchel_arena_take_array(gatherer->arena, gatherer->count, sizeof *out->numbers);
    out->kinds = satchel_arena_take_array(gatherer->arena, gatherer->count, sizeof *out->kinds);
    if (out->numbers == NULL || out->kinds == NULL) {
        return satchel_fail(gatherer->error, SATCHEL_NO_MEMORY, "no memory for scopes");
    }
    for (uint32_t i = 0; i < gatherer->count; i++) {
        if (out->count == 0 || out->numbers[out->count - 1] != gatherer->items[i].number) {
            out->numbers[out->count] = gatherer->items[i].number;
            out->kinds[out->count++] = gatherer->items[i].kind;
        }
    }
    if (out->count > SATCHEL_LIMIT_SCOPES) {
        return satchel_fail(gatherer->error, SATCHEL_LIMIT_EXCEEDED, "the user has too many scopes");
    }
    return SATCHEL_OK;
}

satchel_status satchel_scopes_of(satchel_db *db, const satchel_person *person, satchel_arena *arena,
                                 satchel_scope_list *out, satchel_error *error) {
    const satchel_id none = {{0}};
    const satchel_access_user *user = &person->access;
    scope_gatherer gatherer = {.db = db, .arena = arena, .error = error, .status = SATCHEL_OK};
    *out = (satchel_scope_list){NULL, NULL, 0};
    if (!user->active) {
        return SATCHEL_OK;
    }
    gather(&gatherer, SATCHEL_SCOPE_COMPANY, &none);
    gather(&gatherer, SATCHEL_SCOPE_OWNER, &user->id);
    gather(&gatherer, SATCHEL_SCOPE_ASSIGNED, &user->id);
    gather(&gatherer, SATCHEL_SCOPE_SHARED, &user->id);
    gather_each(&gatherer, SATCHEL_SCOPE_TERRITORY, user->territories, user->territory_count);
    gather_each(&gatherer, SATCHEL_SCOPE_TERRITORY, person->covered.items, person->covered.count);
    gather_each(&gatherer, SATCHEL_SCOPE_OWNER, user->reports, user->report_count);
    gather_each(&gatherer, SATCHEL_SCOPE_OWNER, person->stands_in_for.items, person->stands_in_for.count);
    gather_pools(&gatherer, person);
    if ((person->reach & SATCHEL_RELATION_ANY) != 0) {
        gather_all_of(&gatherer, SATCHEL_SCOPE_OWNER);
        gather(&gatherer, SATCHEL_SCOPE_UNOWNED, &none);
    }
    return gatherer.status == SATCHEL_OK ? order_items(&gatherer, out) : gatherer.status;
}

/* --- sets --- */

static satchel_status encode_set(const uint32_t *numbers, uint32_t count, satchel_buffer *out) {
    uint32_t before = 0;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = satchel_buffer_append_varint(out, numbers[i] - before);
        before = numbers[i];
    }
    return status;
}

static satchel_status look_up_set(satchel_db *db, satchel_bytes set, uint32_t *out, satchel_error *error) {
    int64_t number = 0;
    satchel_status status = SATCHEL_DB_NUMBER(db, error, &number, 0, "SELECT number FROM scope_set WHERE scopes = ?1",
                                              satchel_value_bytes(set));
    *out = (uint32_t)number;
    return status;
}

satchel_status satchel_scope_set_find(satchel_db *db, const uint32_t *numbers, uint32_t count, uint32_t *out,
                                      satchel_error *error) {
    satchel_buffer set;
    satchel_buffer_init(&set);
    satchel_status status = encode_set(numbers, count, &set);
    if (status == SATCHEL_OK) {
        status = look_up_set(db, satchel_buffer_view(&set), out, error);
    }
    satchel_buffer_deinit(&set);
    return status;
}

satchel_status satchel_scope_set_intern(satchel_db *db, const uint32_t *numbers, uint32_t count, uint32_t *out,
                                        satchel_error *error) {
    satchel_buffer set;
    satchel_buffer_init(&set);
    int64_t number = 0;
    satchel_status status = encode_set(numbers, count, &set);
    if (status == SATCHEL_OK) {
        status = look_up_set(db, satchel_buffer_view(&set), out, error);
    }
    if (status == SATCHEL_OK && *out == 0) {
        status = SATCHEL_DB_NUMBER(db, error, &number, 0,
                                   "INSERT INTO scope_set (number, scopes) VALUES"
                                   " ((SELECT coalesce(max(number), 0) + 1 FROM scope_set), ?1) RETURNING number",
                                   satchel_value_bytes(satchel_buffer_view(&set)));
        *out = (uint32_t)number;
    }
    satchel_buffer_deinit(&set);
    return status;
}

static satchel_status decode_set(satchel_bytes set, satchel_arena *arena, satchel_scope_list *out) {
    satchel_reader reader = satchel_reader_of(set);
    uint64_t number = 0;
    *out = (satchel_scope_list){satchel_arena_take_array(arena, set.bytes + 1, sizeof *out->numbers), NULL, 0};
    if (out->numbers == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    while (satchel_reader_left(&reader) > 0) {
        uint64_t step = 0;
        satchel_status status = satchel_reader_varint(&reader, &step);
        number += step;
        if (status != SATCHEL_OK || step > UINT32_MAX || number > UINT32_MAX) {
            return SATCHEL_DAMAGED;
        }
        out->numbers[out->count++] = (uint32_t)number;
    }
    return SATCHEL_OK;
}

satchel_status satchel_scope_set_get(satchel_db *db, uint32_t set, satchel_arena *arena, satchel_scope_list *out,
                                     satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_scope_list){NULL, NULL, 0};
    satchel_status status = SATCHEL_DB_START(&statement, db, error, "SELECT scopes FROM scope_set WHERE number = ?1",
                                             satchel_db_count(set));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK) {
        status = found ? decode_set(satchel_db_bytes(statement, 0), arena, out)
                       : satchel_fail(error, SATCHEL_NOT_FOUND, "there is no scope set %u", (unsigned)set);
    }
    satchel_db_end(statement);
    return status;
}
