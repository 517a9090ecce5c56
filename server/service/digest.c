/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping the sums of groups. What a change moves is gathered in memory and written once at its end, so that a change
 * of many rows costs one small row a group.
 */
#include "service/digest.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/journal.h"

#include <satchel/model.h>
#include <stdlib.h>
#include <string.h>

#define SUMS_BYTES (SATCHEL_DIGEST_SUMS * SATCHEL_ROW_DIGEST_BYTES)
#define CLASS_SHIFT 16
#define SUBJECT_SHIFT 8
#define ANCHORED_SHIFT 24

/* What a change moved in one group. */
typedef struct satchel_digest_delta {
    uint32_t group;
    uint32_t kind;
    satchel_row_digest sums[SATCHEL_DIGEST_SUMS];
    struct satchel_digest_delta *next;
} satchel_digest_delta;

/* Scopes whose set was looked up. */
typedef struct satchel_digest_group {
    const uint32_t *scopes; /* ascending */
    uint32_t count;
    uint32_t group;
    struct satchel_digest_group *next;
} satchel_digest_group;

#define KNOWN_GROUPS_MOST 64

/* --- rows --- */

static uint32_t kind_of(uint32_t entity, uint32_t subject, uint32_t of_class) {
    return entity == SATCHEL_ENTITY_CONFLICT ? entity | subject << SUBJECT_SHIFT | of_class << CLASS_SHIFT : entity;
}

static uint32_t kind_of_record(uint32_t entity, const satchel_record *record) {
    return entity != SATCHEL_ENTITY_CONFLICT
               ? entity
               : kind_of(entity, (uint32_t)satchel_record_int(record, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0),
                         (uint32_t)satchel_conflict_class(record));
}

satchel_status satchel_digest_look(const satchel_service *service, satchel_db *db, const satchel_stored_row *row,
                                   satchel_digest_before *out, satchel_error *error) {
    *out = (satchel_digest_before){.counts = row->rowid != 0 && !row->was_deleted,
                                   .kind = kind_of_record(row->entity, &row->merged.value)};
    memcpy(out->revisions, row->revisions, sizeof out->revisions);
    if (row->entity != SATCHEL_ENTITY_CONFLICT || row->rowid == 0) {
        return SATCHEL_OK;
    }
    satchel_arena arena;
    satchel_stored_row old;
    satchel_arena_init(&arena);
    satchel_status status = satchel_stored_row_load(service->tables, db, row->entity, &row->id, &arena, &old, error);
    if (status == SATCHEL_OK) {
        out->kind = kind_of_record(row->entity, &old.merged.value);
    }
    satchel_arena_deinit(&arena);
    return status;
}

uint32_t satchel_digest_entity(uint32_t kind) {
    return kind & 0xff;
}

bool satchel_digest_is_anchored(const satchel_place *place) {
    return place->rank != 0 && !satchel_id_is_none(&place->anchor);
}

void satchel_digest_saved(satchel_touched *touched, const satchel_stored_row *row,
                          const satchel_digest_before *before) {
    touched->saved = (satchel_digest_saved_row){.pending = true,
                                                .row = row->id,
                                                .entity = row->entity,
                                                .old_counts = before->counts,
                                                .new_counts = !row->merged.deleted,
                                                .old_kind = before->kind,
                                                .new_kind = kind_of_record(row->entity, &row->merged.value)};
    memcpy(touched->saved.old_revisions, before->revisions, sizeof before->revisions);
    memcpy(touched->saved.new_revisions, row->revisions, sizeof row->revisions);
}

/* --- sums in memory --- */

static satchel_status delta_of(satchel_touched *touched, uint32_t group, uint32_t kind, satchel_digest_delta **out) {
    uint32_t bucket = (group * 31 + kind) % SATCHEL_DIGEST_BUCKETS;
    for (satchel_digest_delta *at = touched->deltas[bucket]; at != NULL; at = at->next) {
        if (at->group == group && at->kind == kind) {
            *out = at;
            return SATCHEL_OK;
        }
    }
    satchel_digest_delta *delta = satchel_arena_take(touched->arena, sizeof *delta);
    if (delta == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    delta->group = group;
    delta->kind = kind;
    delta->next = touched->deltas[bucket];
    touched->deltas[bucket] = delta;
    touched->has_deltas = true;
    *out = delta;
    return SATCHEL_OK;
}

/* The row's element for each set of classes: at most four differ, since its n is one of four revisions, if not 0. */
static void elements_of(uint32_t entity, const satchel_id *row, const uint64_t *revisions, satchel_row_digest *out,
                        bool *has) {
    satchel_row_digest by_class[SATCHEL_SENSITIVITY_COUNT];
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        uint32_t same = 0;
        while (same < c && revisions[same] != revisions[c]) {
            same++;
        }
        if (same < c) {
            by_class[c] = by_class[same];
        } else if (revisions[c] > 0) {
            by_class[c] = satchel_row_digest_of(entity, row, revisions[c]);
        }
    }
    for (uint32_t classes = 1; classes <= SATCHEL_DIGEST_SUMS; classes++) {
        uint32_t newest = SATCHEL_SENSITIVITY_COUNT;
        for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
            bool seen = (classes & (1u << c)) != 0 && revisions[c] > 0;
            newest = seen && (newest == SATCHEL_SENSITIVITY_COUNT || revisions[c] > revisions[newest]) ? c : newest;
        }
        has[classes - 1] = newest < SATCHEL_SENSITIVITY_COUNT;
        if (has[classes - 1]) {
            out[classes - 1] = by_class[newest];
        }
    }
}

static satchel_status count_row(satchel_touched *touched, uint32_t group, uint32_t kind, const satchel_id *row,
                                const uint64_t *revisions, bool comes, satchel_error *error) {
    satchel_row_digest elements[SATCHEL_DIGEST_SUMS];
    bool has[SATCHEL_DIGEST_SUMS];
    satchel_digest_delta *delta = NULL;
    satchel_status status = delta_of(touched, group, kind, &delta);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "no memory for digests");
    }
    elements_of(satchel_digest_entity(kind), row, revisions, elements, has);
    for (uint32_t i = 0; i < SATCHEL_DIGEST_SUMS; i++) {
        if (has[i] && comes) {
            satchel_row_digest_add(&delta->sums[i], &elements[i]);
        } else if (has[i]) {
            satchel_row_digest_take(&delta->sums[i], &elements[i]);
        }
    }
    return SATCHEL_OK;
}

/* --- groups --- */

static int compare_numbers(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static satchel_status intern_group(satchel_touched *touched, satchel_db *db, const uint32_t *scopes, uint32_t count,
                                   uint32_t *out, satchel_error *error) {
    touched = touched->looked_up_in != NULL ? touched->looked_up_in : touched;
    for (const satchel_digest_group *at = touched->groups; at != NULL; at = at->next) {
        if (at->count == count && memcmp(at->scopes, scopes, count * sizeof *scopes) == 0) {
            *out = at->group;
            return SATCHEL_OK;
        }
    }
    satchel_status status = satchel_scope_set_intern(db, scopes, count, out, error);
    if (status != SATCHEL_OK || touched->group_count == KNOWN_GROUPS_MOST) {
        return status;
    }
    satchel_digest_group *known = satchel_arena_take(touched->arena, sizeof *known);
    uint32_t *copy = satchel_arena_take_array(touched->arena, count, sizeof *copy);
    if (known == NULL || copy == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for digests");
    }
    memcpy(copy, scopes, count * sizeof *copy);
    *known = (satchel_digest_group){copy, count, *out, touched->groups};
    touched->groups = known;
    touched->group_count++;
    return SATCHEL_OK;
}

/* 0: in no scope. `scopes` is put in order. */
static satchel_status group_of(satchel_touched *touched, satchel_db *db, uint32_t *scopes, uint32_t count,
                               uint32_t *out, satchel_error *error) {
    uint32_t kept = 0;
    *out = 0;
    if (count == 0) {
        return SATCHEL_OK;
    }
    qsort(scopes, count, sizeof *scopes, compare_numbers);
    for (uint32_t i = 0; i < count; i++) {
        if (kept == 0 || scopes[kept - 1] != scopes[i]) {
            scopes[kept++] = scopes[i];
        }
    }
    return intern_group(touched, db, scopes, kept, out, error);
}

static satchel_status group_of_members(satchel_touched *touched, satchel_db *db, const satchel_member_list *members,
                                       satchel_arena *scratch, uint32_t *out, satchel_error *error) {
    uint32_t count = 0;
    uint32_t *scopes = satchel_arena_take_array(scratch, members->count, sizeof *scopes);
    if (scopes == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for digests");
    }
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->items[i].present) {
            scopes[count++] = members->items[i].scope;
        }
    }
    return group_of(touched, db, scopes, count, out, error);
}

satchel_status satchel_digest_settle(satchel_touched *touched, satchel_db *db, const satchel_place *place,
                                     const satchel_member_list *members, satchel_error *error) {
    const satchel_digest_saved_row saved = touched->saved;
    satchel_arena scratch;
    uint32_t group = 0;
    uint32_t anchored = satchel_digest_is_anchored(place) ? 1u << ANCHORED_SHIFT : 0;
    if (!saved.pending || satchel_place_compare(place, &saved.place) != 0) {
        return SATCHEL_OK;
    }
    touched->saved.pending = false;
    satchel_arena_init(&scratch);
    satchel_status status = group_of_members(touched, db, members, &scratch, &group, error);
    if (status == SATCHEL_OK && group != 0 && saved.old_counts) {
        status = count_row(touched, group, saved.old_kind | anchored, &saved.row, saved.old_revisions, false, error);
    }
    if (status == SATCHEL_OK && group != 0 && saved.new_counts) {
        status = count_row(touched, group, saved.new_kind | anchored, &saved.row, saved.new_revisions, true, error);
    }
    satchel_arena_deinit(&scratch);
    return status;
}

/* --- aggregates that move --- */

#define ROW_COLUMNS "\"id\", \"rev_open\", \"rev_personal\", \"rev_commercial\", \"rev_secret\", \"deleted\""
#define CONFLICT_COLUMNS                                                                                               \
    ", \"subject_entity\", \"values_secret\" IS NOT NULL, \"values_commercial\" IS NOT NULL, \"values_personal\" IS "  \
    "NOT NULL"

static satchel_status select_rows(const satchel_service *service, uint32_t entity, uint32_t by_field,
                                  satchel_buffer *out) {
    const satchel_table *table = satchel_db_tables_get(service->tables, entity);
    const satchel_field *by = satchel_schema_field(&service->schema, entity, by_field);
    bool conflict = entity == SATCHEL_ENTITY_CONFLICT;
    satchel_status status =
        satchel_buffer_append_format(out, "SELECT " ROW_COLUMNS "%s FROM %s WHERE \"%s\" = ?1",
                                     conflict ? CONFLICT_COLUMNS : "", table->name, by != NULL ? by->name : "id");
    return status == SATCHEL_OK ? satchel_buffer_append_byte(out, 0) : status;
}

static void read_stored(const satchel_db_statement *statement, uint32_t entity, satchel_digest_stored *out) {
    out->row = satchel_db_id(statement, 0);
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        out->revisions[c] = satchel_db_uint(statement, 1 + c);
    }
    out->deleted = satchel_db_int(statement, 5) != 0;
    out->kind = entity;
    if (entity == SATCHEL_ENTITY_CONFLICT) {
        uint32_t of_class = SATCHEL_SENSITIVITY_COUNT - 1;
        while (of_class > 0 && satchel_db_int(statement, 7 + SATCHEL_SENSITIVITY_COUNT - 1 - of_class) == 0) {
            of_class--;
        }
        out->kind = kind_of(entity, (uint32_t)satchel_db_uint(statement, 6), of_class);
    }
}

satchel_status satchel_digest_each(const satchel_service *service, satchel_db *db, const satchel_place *place,
                                   satchel_digest_visitor visit, void *context, satchel_error *error) {
    const satchel_model *model = service->schema.model;
    uint32_t root = satchel_place_entity(place);
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < model->entity_count; i++) {
        const satchel_entity *entity = &model->entities[i];
        satchel_db_statement *statement = NULL;
        bool travels = (entity->flags & SATCHEL_ENTITY_SERVER_ONLY) == 0;
        if (!travels || (entity->number != root && entity->root != root)) {
            continue;
        }
        satchel_buffer_clear(&sql);
        status = select_rows(service, entity->number, entity->number == root ? 0 : entity->root_field, &sql);
        if (status == SATCHEL_OK) {
            status = SATCHEL_DB_START(&statement, db, error, (const char *)sql.data, satchel_value_id(&place->root));
        }
        bool found = status == SATCHEL_OK;
        while (status == SATCHEL_OK && found) {
            satchel_digest_stored row;
            status = satchel_db_step(statement, &found, error);
            if (status == SATCHEL_OK && found) {
                read_stored(statement, entity->number, &row);
                status = row.deleted ? SATCHEL_OK : visit(context, &row);
            }
        }
        satchel_db_end(statement);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

typedef struct mover {
    satchel_touched *touched;
    uint32_t from; /* groups, 0: none */
    uint32_t to;
    uint32_t anchored; /* bit of the kind */
    satchel_error *error;
} mover;

static satchel_status move_row(void *context, const satchel_digest_stored *row) {
    const mover *work = context;
    satchel_status status = SATCHEL_OK;
    if (work->from != 0) {
        status = count_row(work->touched, work->from, row->kind | work->anchored, &row->row, row->revisions, false,
                           work->error);
    }
    if (status == SATCHEL_OK && work->to != 0) {
        status = count_row(work->touched, work->to, row->kind | work->anchored, &row->row, row->revisions, true,
                           work->error);
    }
    return status;
}

satchel_status satchel_digest_moved(satchel_touched *touched, satchel_db *db, const satchel_place *place,
                                    const satchel_member_list *before, const uint32_t *scopes, uint32_t count,
                                    satchel_error *error) {
    mover work = {.touched = touched, .error = error};
    work.anchored = satchel_digest_is_anchored(place) ? 1u << ANCHORED_SHIFT : 0;
    satchel_arena scratch;
    if (touched->service == NULL) {
        return satchel_digest_invalidate(db, error);
    }
    satchel_arena_init(&scratch);
    uint32_t *copy = satchel_arena_take_array(&scratch, count, sizeof *copy);
    satchel_status status = copy != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    if (status == SATCHEL_OK) {
        if (count > 0) {
            memcpy(copy, scopes, count * sizeof *copy);
        }
        status = group_of_members(touched, db, before, &scratch, &work.from, error);
    }
    if (status == SATCHEL_OK) {
        status = group_of(touched, db, copy, count, &work.to, error);
    }
    if (status == SATCHEL_OK && work.from != work.to) {
        status = satchel_digest_each(touched->service, db, place, move_row, &work, error);
    }
    satchel_arena_deinit(&scratch);
    return status;
}

/* --- writing --- */

satchel_status satchel_digest_merge(satchel_touched *into, const satchel_touched *from) {
    satchel_status status = SATCHEL_OK;
    into->service = into->service != NULL ? into->service : from->service;
    for (uint32_t b = 0; from->has_deltas && b < SATCHEL_DIGEST_BUCKETS; b++) {
        for (const satchel_digest_delta *at = from->deltas[b]; status == SATCHEL_OK && at != NULL; at = at->next) {
            satchel_digest_delta *delta = NULL;
            status = delta_of(into, at->group, at->kind, &delta);
            for (uint32_t i = 0; status == SATCHEL_OK && i < SATCHEL_DIGEST_SUMS; i++) {
                satchel_row_digest_add(&delta->sums[i], &at->sums[i]);
            }
        }
    }
    return status;
}

static bool is_nothing(const satchel_digest_delta *delta) {
    bool nothing = true;
    for (uint32_t i = 0; i < SATCHEL_DIGEST_SUMS; i++) {
        nothing = nothing && satchel_row_digest_is_zero(&delta->sums[i]);
    }
    return nothing;
}

/* The stored sums; `*out_found` false: all are 0. */
static satchel_status load_sums(satchel_db *db, uint32_t group, uint32_t kind, satchel_row_digest *out, bool *out_found,
                                satchel_error *error) {
    satchel_db_statement *statement = NULL;
    memset(out, 0, SATCHEL_DIGEST_SUMS * sizeof *out);
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error, "SELECT sums FROM digest WHERE grp = ?1 AND kind = ?2",
                         satchel_db_count(group), satchel_db_count(kind));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, out_found, error);
    }
    if (status == SATCHEL_OK && *out_found) {
        satchel_bytes sums = satchel_db_bytes(statement, 0);
        for (uint32_t i = 0; i < SATCHEL_DIGEST_SUMS && sums.bytes == SUMS_BYTES; i++) {
            const satchel_bytes one = {sums.data + i * SATCHEL_ROW_DIGEST_BYTES, SATCHEL_ROW_DIGEST_BYTES};
            status = satchel_row_digest_read(one, &out[i]);
        }
    }
    satchel_db_end(statement);
    return status;
}

/* A group that was not there is found by its scopes from now on. */
static satchel_status add_group(satchel_db *db, uint32_t group, satchel_arena *arena, satchel_error *error) {
    satchel_scope_list scopes;
    satchel_status status = satchel_scope_set_get(db, group, arena, &scopes, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < scopes.count; i++) {
        status = SATCHEL_DB_RUN(db, error,
                                "INSERT INTO digest_scope (scope, grp) VALUES (?1, ?2) ON CONFLICT (scope, grp) DO "
                                "NOTHING",
                                satchel_db_count(scopes.numbers[i]), satchel_db_count(group));
    }
    return status;
}

static satchel_status write_delta(satchel_db *db, const satchel_digest_delta *delta, satchel_arena *arena,
                                  satchel_error *error) {
    satchel_row_digest sums[SATCHEL_DIGEST_SUMS];
    uint8_t bytes[SUMS_BYTES];
    bool found = false;
    if (is_nothing(delta)) {
        return SATCHEL_OK;
    }
    satchel_status status = load_sums(db, delta->group, delta->kind, sums, &found, error);
    for (uint32_t i = 0; i < SATCHEL_DIGEST_SUMS; i++) {
        satchel_row_digest_add(&sums[i], &delta->sums[i]);
        satchel_row_digest_write(&sums[i], bytes + i * SATCHEL_ROW_DIGEST_BYTES);
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error,
                                found ? "UPDATE digest SET sums = ?3 WHERE grp = ?1 AND kind = ?2"
                                      : "INSERT INTO digest (grp, kind, sums) VALUES (?1, ?2, ?3)",
                                satchel_db_count(delta->group), satchel_db_count(delta->kind),
                                satchel_db_blob(bytes, sizeof bytes));
    }
    return status == SATCHEL_OK && !found ? add_group(db, delta->group, arena, error) : status;
}

satchel_status satchel_digest_flush(satchel_touched *touched, satchel_db *db, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    satchel_arena scratch;
    if (!touched->has_deltas) {
        return SATCHEL_OK;
    }
    satchel_arena_init(&scratch);
    for (uint32_t b = 0; b < SATCHEL_DIGEST_BUCKETS; b++) {
        for (const satchel_digest_delta *at = touched->deltas[b]; status == SATCHEL_OK && at != NULL; at = at->next) {
            status = write_delta(db, at, &scratch, error);
        }
        touched->deltas[b] = NULL;
    }
    touched->has_deltas = false;
    satchel_arena_deinit(&scratch);
    return status;
}

satchel_status satchel_digest_invalidate(satchel_db *db, satchel_error *error) {
    return satchel_db_exec(db, "UPDATE digest_state SET valid = 0", error);
}

/* --- anew --- */

typedef struct rebuilding {
    const satchel_service *service;
    satchel_db *db;
    satchel_touched touched;
    satchel_error *error;
} rebuilding;

/* All places that are in any scope, one after another with their scopes. */
static satchel_status rebuild_places(rebuilding *work) {
    satchel_db_statement *statement = NULL;
    const satchel_member_list none = {NULL, 0};
    satchel_arena arena;
    satchel_place place = {.rank = 0};
    uint32_t scopes[SATCHEL_LIMIT_SCOPES];
    uint32_t count = 0;
    bool found = true;
    satchel_arena_init(&arena);
    satchel_status status = satchel_db_start(
        &statement, work->db,
        "SELECT anchor, rank, root, scope FROM membership WHERE present = 1 ORDER BY anchor, rank, root", NULL, 0,
        work->error);
    while (status == SATCHEL_OK && found) {
        satchel_place next = {.rank = 0};
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            next = (satchel_place){satchel_db_id(statement, 0), (uint32_t)satchel_db_uint(statement, 1),
                                   satchel_db_id(statement, 2)};
        }
        bool same = status == SATCHEL_OK && found && count > 0 && satchel_place_compare(&place, &next) == 0;
        if (status == SATCHEL_OK && !same && count > 0) {
            status = satchel_digest_moved(&work->touched, work->db, &place, &none, scopes, count, work->error);
            count = 0;
        }
        place = next;
        if (found && count < SATCHEL_LIMIT_SCOPES) {
            scopes[count++] = (uint32_t)satchel_db_uint(statement, 3);
        }
    }
    satchel_db_end(statement);
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_digest_rebuild(const satchel_service *service, satchel_db *db, bool *out_done,
                                      satchel_error *error) {
    rebuilding work = {.service = service, .db = db, .error = error};
    satchel_arena arena;
    int64_t valid = 1;
    *out_done = false;
    satchel_status status = satchel_db_number_values(db, "SELECT valid FROM digest_state", NULL, 0, 1, &valid, error);
    if (status != SATCHEL_OK || valid != 0) {
        return status;
    }
    satchel_arena_init(&arena);
    work.touched.arena = &arena;
    work.touched.service = service;
    status = satchel_db_exec(db, "DELETE FROM digest", error);
    if (status == SATCHEL_OK) {
        status = satchel_db_exec(db, "DELETE FROM digest_scope", error);
    }
    if (status == SATCHEL_OK) {
        status = rebuild_places(&work);
    }
    if (status == SATCHEL_OK) {
        status = satchel_digest_flush(&work.touched, db, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_exec(db, "UPDATE digest_state SET valid = 1", error);
    }
    *out_done = status == SATCHEL_OK;
    satchel_arena_deinit(&arena);
    return status;
}
