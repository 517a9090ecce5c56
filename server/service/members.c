/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entering, leaving and moving on. Whoever left a scope keeps an entry that says when, until the horizon of tombstones.
 */
#include "service/digest.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>
#include <string.h>

/* --- places --- */

satchel_place satchel_place_of(uint32_t root_entity, const satchel_id *root, const satchel_id *anchor) {
    satchel_place place = {*anchor, root_entity, *root};
    if (root_entity == SATCHEL_ENTITY_CUSTOMER) {
        place.anchor = *root;
        place.rank = 0;
    }
    return place;
}

uint32_t satchel_place_entity(const satchel_place *place) {
    return place->rank == 0 ? SATCHEL_ENTITY_CUSTOMER : place->rank;
}

int satchel_place_compare(const satchel_place *a, const satchel_place *b) {
    int order = satchel_id_compare(&a->anchor, &b->anchor);
    if (order != 0) {
        return order;
    }
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    return satchel_id_compare(&a->root, &b->root);
}

/* --- touched scopes --- */

static satchel_status touch(satchel_touched *touched, uint32_t scope, int64_t members) {
    for (uint32_t i = 0; i < touched->count; i++) {
        if (touched->scopes[i] == scope) {
            touched->members[i] += members;
            return SATCHEL_OK;
        }
    }
    if (touched->count == touched->capacity) {
        uint32_t capacity = touched->capacity == 0 ? 16 : touched->capacity * 2;
        uint32_t *scopes = satchel_arena_take_array(touched->arena, capacity, sizeof *scopes);
        int64_t *counts = satchel_arena_take_array(touched->arena, capacity, sizeof *counts);
        if (scopes == NULL || counts == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (touched->count > 0) {
            memcpy(scopes, touched->scopes, touched->count * sizeof *scopes);
            memcpy(counts, touched->members, touched->count * sizeof *counts);
        }
        touched->scopes = scopes;
        touched->members = counts;
        touched->capacity = capacity;
    }
    touched->scopes[touched->count] = scope;
    touched->members[touched->count++] = members;
    return SATCHEL_OK;
}

satchel_status satchel_touched_merge(satchel_touched *into, const satchel_touched *from) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < from->count; i++) {
        status = touch(into, from->scopes[i], from->members[i]);
    }
    return status == SATCHEL_OK ? satchel_digest_merge(into, from) : status;
}

satchel_status satchel_touched_flush(satchel_touched *touched, satchel_db *db, uint64_t n, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < touched->count; i++) {
        status = SATCHEL_DB_RUN(db, error, "UPDATE scope SET head_n = ?1, members = members + ?2 WHERE number = ?3",
                                satchel_db_count(n), satchel_value_int(touched->members[i]),
                                satchel_db_count(touched->scopes[i]));
    }
    touched->count = 0;
    return status == SATCHEL_OK ? satchel_digest_flush(touched, db, error) : status;
}

/* --- entries --- */

#define PLACE_IS "anchor = ?1 AND rank = ?2 AND root = ?3"
#define PLACE_VALUES(place)                                                                                            \
    satchel_value_id(&(place)->anchor), satchel_db_count((place)->rank), satchel_value_id(&(place)->root)

static satchel_status grow_members(satchel_arena *arena, satchel_member_list *list, uint32_t *capacity) {
    if (list->count < *capacity) {
        return SATCHEL_OK;
    }
    uint32_t more = *capacity == 0 ? 8 : *capacity * 2;
    satchel_member *items = satchel_arena_take_array(arena, more, sizeof *items);
    if (items == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (list->count > 0) {
        memcpy(items, list->items, list->count * sizeof *items);
    }
    list->items = items;
    *capacity = more;
    return SATCHEL_OK;
}

satchel_status satchel_members_of(satchel_db *db, const satchel_place *place, satchel_arena *arena,
                                  satchel_member_list *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    uint32_t capacity = 0;
    *out = (satchel_member_list){NULL, 0};
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error,
                         "SELECT scope, entered_n, last_n, present FROM membership WHERE " PLACE_IS " ORDER BY scope",
                         PLACE_VALUES(place));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            status = grow_members(arena, out, &capacity);
        }
        if (status == SATCHEL_OK && found) {
            out->items[out->count++] =
                (satchel_member){(uint32_t)satchel_db_uint(statement, 0), satchel_db_uint(statement, 1),
                                 satchel_db_uint(statement, 2), satchel_db_int(statement, 3) != 0};
        }
    }
    satchel_db_end(statement);
    return status;
}

/*
 * One entry by its whole key: an update that may meet several rows makes SQLite keep a journal of the statement, whose
 * end walks over all that the savepoint outside has kept so far.
 */
static satchel_status bump(satchel_db *db, const satchel_place *place, uint32_t scope, uint64_t n,
                           satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "UPDATE membership SET last_n = ?5 WHERE " PLACE_IS " AND scope = ?4",
                          PLACE_VALUES(place), satchel_db_count(scope), satchel_db_count(n));
}

static satchel_status bump_open(satchel_db *db, const satchel_place *place, const satchel_member_list *members,
                                uint64_t n, satchel_touched *touched, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < members->count; i++) {
        const satchel_member *member = &members->items[i];
        if (!member->present || member->last_n >= n) {
            continue;
        }
        status = touch(touched, member->scope, 0);
        if (status == SATCHEL_OK) {
            status = bump(db, place, member->scope, n, error);
        }
    }
    return status;
}

/* One entry a class: the aggregate's fields of it moved at n. */
static satchel_status bump_class(satchel_db *db, const satchel_place *place, uint32_t scope, uint32_t sensitivity,
                                 uint64_t n, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO membership_class (anchor, rank, root, scope, class, last_n)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (anchor, rank, root, scope, class)"
                          " DO UPDATE SET last_n = excluded.last_n",
                          PLACE_VALUES(place), satchel_db_count(scope), satchel_db_count(sensitivity),
                          satchel_db_count(n));
}

static satchel_status bump_classes(satchel_db *db, const satchel_place *place, const satchel_member_list *members,
                                   uint32_t classes, uint64_t n, satchel_touched *touched, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < members->count; i++) {
        const satchel_member *member = &members->items[i];
        for (uint32_t c = 1; status == SATCHEL_OK && member->present && c < SATCHEL_SENSITIVITY_COUNT; c++) {
            status = (classes >> c & 1) != 0 ? bump_class(db, place, member->scope, c, n, error) : SATCHEL_OK;
        }
        if (status == SATCHEL_OK && member->present) {
            status = touch(touched, member->scope, 0);
        }
    }
    return status;
}

satchel_status satchel_members_bump(satchel_db *db, const satchel_place *place, uint32_t classes, uint64_t n,
                                    satchel_touched *touched, satchel_error *error) {
    satchel_arena arena;
    satchel_member_list members;
    satchel_arena_init(&arena);
    satchel_status status = satchel_members_of(db, place, &arena, &members, error);
    if (status == SATCHEL_OK) {
        status = satchel_digest_settle(touched, db, place, &members, error);
    }
    if (status == SATCHEL_OK) {
        status = (classes & 1u << SATCHEL_SENSITIVITY_OPEN) != 0
                     ? bump_open(db, place, &members, n, touched, error)
                     : bump_classes(db, place, &members, classes, n, touched, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status enter(satchel_db *db, const satchel_place *place, uint32_t scope, uint64_t n,
                            satchel_touched *touched, satchel_error *error) {
    satchel_status status =
        SATCHEL_DB_RUN(db, error,
                       "INSERT INTO membership (anchor, rank, root, scope, entered_n, last_n, present)"
                       " VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1) ON CONFLICT (anchor, rank, root, scope)"
                       " DO UPDATE SET entered_n = excluded.entered_n, last_n = excluded.last_n, present = 1",
                       PLACE_VALUES(place), satchel_db_count(scope), satchel_db_count(n));
    return status == SATCHEL_OK ? touch(touched, scope, 1) : status;
}

static satchel_status leave(satchel_db *db, const satchel_place *place, uint32_t scope, uint64_t n,
                            satchel_touched *touched, satchel_error *error) {
    satchel_status status =
        SATCHEL_DB_RUN(db, error, "UPDATE membership SET last_n = ?5, present = 0 WHERE " PLACE_IS " AND scope = ?4",
                       PLACE_VALUES(place), satchel_db_count(scope), satchel_db_count(n));
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error, "DELETE FROM membership_class WHERE " PLACE_IS " AND scope = ?4",
                                PLACE_VALUES(place), satchel_db_count(scope));
    }
    return status == SATCHEL_OK ? touch(touched, scope, -1) : status;
}

static bool holds(const uint32_t *scopes, uint32_t count, uint32_t scope) {
    for (uint32_t i = 0; i < count; i++) {
        if (scopes[i] == scope) {
            return true;
        }
    }
    return false;
}

static bool is_present(const satchel_member_list *members, uint32_t scope) {
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->items[i].scope == scope) {
            return members->items[i].present;
        }
    }
    return false;
}

satchel_status satchel_members_set(satchel_db *db, const satchel_place *place, const uint32_t *scopes, uint32_t count,
                                   bool changed, uint64_t n, satchel_touched *touched, satchel_error *error) {
    satchel_arena arena;
    satchel_member_list members;
    satchel_arena_init(&arena);
    satchel_status status = satchel_members_of(db, place, &arena, &members, error);
    bool moves = false;
    if (status == SATCHEL_OK) {
        status = satchel_digest_settle(touched, db, place, &members, error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < members.count; i++) {
        const satchel_member *member = &members.items[i];
        if (member->present && !holds(scopes, count, member->scope)) {
            moves = true;
            status = leave(db, place, member->scope, n, touched, error);
        } else if (member->present && changed) {
            status = touch(touched, member->scope, 0);
            if (status == SATCHEL_OK) {
                status = bump(db, place, member->scope, n, error);
            }
        }
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        if (!is_present(&members, scopes[i]) && !holds(scopes, i, scopes[i])) {
            moves = true;
            status = enter(db, place, scopes[i], n, touched, error);
        }
    }
    if (status == SATCHEL_OK && moves) {
        status = satchel_digest_moved(touched, db, place, &members, scopes, count, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_members_reenter(satchel_db *db, const satchel_place *place, uint64_t n, satchel_touched *touched,
                                       satchel_error *error) {
    satchel_arena arena;
    satchel_member_list members;
    satchel_arena_init(&arena);
    satchel_status status = satchel_members_of(db, place, &arena, &members, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < members.count; i++) {
        if (members.items[i].present) {
            status = touch(touched, members.items[i].scope, 0);
        }
    }
    satchel_arena_deinit(&arena);
    return status == SATCHEL_OK
               ? SATCHEL_DB_RUN(db, error,
                                "UPDATE membership SET entered_n = ?4, last_n = ?4 WHERE " PLACE_IS " AND present = 1",
                                PLACE_VALUES(place), satchel_db_count(n))
               : status;
}

satchel_status satchel_places_at(satchel_db *db, const satchel_id *anchor, satchel_arena *arena,
                                 satchel_place_list *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    uint32_t capacity = 0;
    *out = (satchel_place_list){NULL, 0};
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error, "SELECT DISTINCT rank, root FROM membership WHERE anchor = ?1 ORDER BY rank, root",
        satchel_value_id(anchor));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found && out->count == capacity) {
            uint32_t more = capacity == 0 ? 32 : capacity * 2;
            satchel_place *items = satchel_arena_take_array(arena, more, sizeof *items);
            if (items == NULL) {
                status = SATCHEL_NO_MEMORY;
                break;
            }
            if (out->count > 0) {
                memcpy(items, out->items, out->count * sizeof *items);
            }
            out->items = items;
            capacity = more;
        }
        if (status == SATCHEL_OK && found) {
            out->items[out->count++] =
                (satchel_place){*anchor, (uint32_t)satchel_db_uint(statement, 0), satchel_db_id(statement, 1)};
        }
    }
    satchel_db_end(statement);
    return status;
}

/* --- what was there before --- */

static satchel_status lost_after(satchel_db *db, const satchel_id *user, uint32_t scope, uint64_t n, bool *out,
                                 satchel_error *error) {
    int64_t lost_n = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(db, error, &lost_n, 0, "SELECT lost_n FROM scope_loss WHERE owner = ?1 AND scope = ?2",
                          satchel_value_id(user), satchel_db_count(scope));
    *out = lost_n > 0 && (uint64_t)lost_n > n;
    return status;
}

satchel_status satchel_members_left_since(satchel_db *db, const satchel_place *place, const satchel_id *user,
                                          const satchel_scope_list *scopes, uint64_t n, satchel_arena *arena, bool *out,
                                          satchel_error *error) {
    satchel_member_list members;
    *out = false;
    satchel_status status = satchel_members_of(db, place, arena, &members, error);
    for (uint32_t i = 0; status == SATCHEL_OK && !*out && i < members.count; i++) {
        const satchel_member *member = &members.items[i];
        bool there_then = member->entered_n <= n && (member->present || member->last_n > n);
        bool his_now = satchel_scope_list_has(scopes, member->scope);
        if (!there_then) {
            continue;
        }
        if (his_now) {
            *out = !member->present;
        } else {
            status = lost_after(db, user, member->scope, n, out, error);
        }
    }
    return status;
}
