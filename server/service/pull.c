/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a phone gets next: scopes first, then the two lanes.
 */
#include "service/pull.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "service/digest_page.h"
#include "service/lanes.h"
#include "service/route.h"
#include "service/tombstone.h"
#include "service/wire_scopes.h"

#include <satchel/model.h>
#include <string.h>

#define MS_PER_HOUR INT64_C(3600000)

/* --- scopes lost and gained --- */

static bool is_in(const uint32_t *numbers, uint32_t count, uint32_t number) {
    const satchel_scope_list list = {(uint32_t *)(uintptr_t)numbers, NULL, count};
    return satchel_scope_list_has(&list, number);
}

/* What `a` holds and `b` does not. */
static satchel_status minus(satchel_arena *arena, const satchel_scope_list *a, const satchel_scope_list *b,
                            satchel_scope_list *out) {
    *out = (satchel_scope_list){satchel_arena_take_array(arena, a->count, sizeof *out->numbers), NULL, 0};
    if (out->numbers == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!is_in(b->numbers, b->count, a->numbers[i])) {
            out->numbers[out->count++] = a->numbers[i];
        }
    }
    return SATCHEL_OK;
}

static satchel_status kind_of_scope(satchel_db *db, uint32_t scope, uint8_t *out, satchel_error *error) {
    int64_t kind = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(db, error, &kind, 0, "SELECT kind FROM scope WHERE number = ?1", satchel_db_count(scope));
    *out = (uint8_t)kind;
    return status;
}

/*
 * Rows that stay through another scope would keep what only the lost relation showed: then everything comes anew. With
 * the shipped roles that happens to those who lose a direct relation but keep a shared one.
 */
static satchel_status must_renew(pull_work *work, const satchel_scope_list *lost, bool *out) {
    uint32_t lost_relations = 0;
    uint32_t kept_relations = 0;
    satchel_status status = SATCHEL_OK;
    *out = false;
    for (uint32_t i = 0; status == SATCHEL_OK && i < lost->count; i++) {
        uint8_t kind = 0;
        status = kind_of_scope(work->db, lost->numbers[i], &kind, work->error);
        lost_relations |= kind == SATCHEL_SCOPE_POOL ? 0 : satchel_scope_relations(kind);
    }
    for (uint32_t i = 0; i < work->scopes.count; i++) {
        /* Rows of the company's own and of a pool are in no other scope. */
        bool is_company = work->scopes.kinds[i] == SATCHEL_SCOPE_COMPANY || work->scopes.kinds[i] == SATCHEL_SCOPE_POOL;
        kept_relations |= is_company ? 0 : satchel_scope_relations(work->scopes.kinds[i]);
    }
    if (status == SATCHEL_OK && lost->count > 0 && work->scopes.count > 0) {
        *out = satchel_person_sees_more(work->service, work->person, lost_relations, kept_relations);
    }
    return status;
}

/* Names on the wire of the scopes that the user has now. */
static satchel_status name_present(pull_work *work, uint8_t generation, uint32_t **out) {
    *out = satchel_arena_take_array(work->arena, work->scopes.count, sizeof **out);
    return *out == NULL ? satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for scopes")
                        : satchel_wire_scopes(work->db, &work->person->access.id, work->scopes.numbers,
                                              work->scopes.count, generation, *out, work->error);
}

static satchel_status put_lost(pull_work *work, const satchel_scope_list *lost, uint8_t generation) {
    work->lost = satchel_arena_take_array(work->arena, lost->count, sizeof *work->lost);
    work->lost_count = lost->count;
    return work->lost == NULL ? satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for lost scopes")
                              : satchel_wire_scopes(work->db, &work->person->access.id, lost->numbers, lost->count,
                                                    generation, work->lost, work->error);
}

/* By chance two scopes of a user have one name. Then losing the one would take the rows of the other away. */
static satchel_status lost_hits_present(pull_work *work, uint8_t generation, bool *out) {
    uint32_t *present = NULL;
    *out = false;
    if (work->lost_count == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = name_present(work, generation, &present);
    *out = status == SATCHEL_OK && satchel_wire_scopes_meet(work->lost, work->lost_count, present, work->scopes.count);
    return status;
}

/*
 * Entries of a scope, but for kinds of rows of which he sees none: what is hidden does not count. One pass over the
 * index without grouping: a scope may have very many.
 */
static satchel_status count_scope(pull_work *work, uint32_t scope, uint64_t *count) {
    const satchel_model *model = work->service->schema.model;
    satchel_buffer sql;
    int64_t found = 0;
    satchel_buffer_init(&sql);
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT count(*) FROM membership WHERE scope = ?1 AND present = 1 AND rank NOT IN (-1");
    for (uint32_t i = 0; status == SATCHEL_OK && i < model->entity_count; i++) {
        uint32_t entity = model->entities[i].number;
        bool shown = false;
        status = satchel_gathering_shows(&work->gathering, scope, entity, &shown);
        if (status == SATCHEL_OK && !shown) {
            status =
                satchel_buffer_append_format(&sql, ", %u", entity == SATCHEL_ENTITY_CUSTOMER ? 0u : (unsigned)entity);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&sql, satchel_bytes_of(")", sizeof ")"));
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_NUMBER(work->db, work->error, &found, 0, (const char *)sql.data, satchel_db_count(scope));
    }
    satchel_buffer_deinit(&sql);
    *count += (uint64_t)found;
    return status;
}

static satchel_status count_members(pull_work *work, const satchel_scope_list *scopes, uint64_t *out) {
    satchel_status status = SATCHEL_OK;
    *out = 0;
    for (uint32_t i = 0; status == SATCHEL_OK && i < scopes->count; i++) {
        status = count_scope(work, scopes->numbers[i], out);
    }
    return status;
}

/* Only customers in scopes of his: the cursor, which he holds, must name none that he never had. */
static satchel_status freeze_route(pull_work *work) {
    satchel_cursor *cursor = &work->cursor;
    uint32_t count = 0;
    cursor->route_count = 0;
    cursor->route_at = 0;
    satchel_status status =
        satchel_route_of(work->service, work->db, &work->person->access.id, cursor->route, &count, work->error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        const satchel_id *customer = &cursor->route[i];
        const satchel_place place = satchel_place_of(SATCHEL_ENTITY_CUSTOMER, customer, customer);
        satchel_member_list members;
        bool is_his = false;
        status = satchel_members_of(work->db, &place, work->arena, &members, work->error);
        for (uint32_t k = 0; status == SATCHEL_OK && k < members.count; k++) {
            is_his =
                is_his || (members.items[k].present && satchel_scope_list_has(&work->scopes, members.items[k].scope));
        }
        if (is_his) {
            cursor->route[cursor->route_count++] = *customer;
        }
    }
    return status;
}

/*
 * More snapshots wait than a cursor names: to this pull it is as if the scopes were not gained yet. They are with the
 * one behind that which ends a snapshot. (Joining one that waits, they would have its point: what left them before the
 * user had them would be told.)
 */
static satchel_status put_off(pull_work *work, const satchel_scope_list *gained) {
    satchel_scope_list *scopes = &work->scopes;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < scopes->count; i++) {
        if (!satchel_scope_list_has(gained, scopes->numbers[i])) {
            scopes->numbers[kept] = scopes->numbers[i];
            scopes->kinds[kept++] = scopes->kinds[i];
        }
    }
    scopes->count = kept;
    return satchel_gathering_set(&work->gathering, scopes->numbers, scopes->count, &work->set);
}

/* Begins a snapshot of scopes that the phone does not have. What is in them is counted with its second page. */
static satchel_status add_snapshot(pull_work *work, const satchel_scope_list *gained) {
    satchel_cursor *cursor = &work->cursor;
    if (gained->count == 0) {
        return SATCHEL_OK;
    }
    if (cursor->snapshot_count == SATCHEL_CURSOR_SNAPSHOTS_MOST) {
        return put_off(work, gained);
    }
    satchel_cursor_snapshot *snapshot = &cursor->snapshots[cursor->snapshot_count];
    *snapshot = (satchel_cursor_snapshot){.start_n = work->now_n};
    satchel_status status = SATCHEL_OK;
    if (cursor->snapshot_count == 0) {
        status = freeze_route(work);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_gathering_set(&work->gathering, gained->numbers, gained->count, &snapshot->set);
    work->snapshot_scopes[cursor->snapshot_count++] = *gained;
    return status;
}

static satchel_status load_snapshots(pull_work *work) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->cursor.snapshot_count; i++) {
        satchel_cursor_snapshot *snapshot = &work->cursor.snapshots[i];
        status = satchel_scope_set_get(work->db, snapshot->set, work->arena, &work->snapshot_scopes[i], work->error);
        if (status == SATCHEL_OK && snapshot->total == 0) {
            status = count_members(work, &work->snapshot_scopes[i], &snapshot->total);
        }
    }
    return status;
}

static satchel_status begin_anew(pull_work *work) {
    work->cursor.snapshot_count = 0;
    work->cursor.full_n = work->now_n;
    work->cursor.cut = false;
    return add_snapshot(work, &work->scopes);
}

/* Everything that he holds goes, everything comes anew under other names, none of them among those that go. */
static satchel_status renew_all(pull_work *work) {
    satchel_cursor *cursor = &work->cursor;
    satchel_status status = SATCHEL_OK;
    bool meets = true;
    for (int tries = 0; status == SATCHEL_OK && meets && tries < UINT8_MAX; tries++) {
        cursor->generation = (uint8_t)(cursor->generation + 1);
        status = lost_hits_present(work, cursor->generation, &meets);
    }
    cursor->view = work->person->view;
    work->gathering.generation = cursor->generation;
    return status == SATCHEL_OK ? begin_anew(work) : status;
}

static satchel_status settle_scopes(pull_work *work, bool fresh) {
    satchel_cursor *cursor = &work->cursor;
    satchel_scope_list had = {NULL, NULL, 0};
    satchel_scope_list lost;
    satchel_scope_list gained;
    bool renew = false;
    satchel_status status =
        satchel_gathering_set(&work->gathering, work->scopes.numbers, work->scopes.count, &work->set);
    if (status == SATCHEL_OK && fresh) {
        cursor->view = work->person->view;
        return begin_anew(work);
    }
    if (status == SATCHEL_OK && cursor->set == work->set && cursor->view == work->person->view) {
        return load_snapshots(work);
    }
    if (status == SATCHEL_OK) {
        status = satchel_scope_set_get(work->db, cursor->set, work->arena, &had, work->error);
    }
    if (status == SATCHEL_OK) {
        status = minus(work->arena, &had, &work->scopes, &lost);
    }
    if (status == SATCHEL_OK) {
        status = minus(work->arena, &work->scopes, &had, &gained);
    }
    if (status == SATCHEL_OK) {
        status = must_renew(work, &lost, &renew);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    bool renews = renew || cursor->view != work->person->view;
    status = put_lost(work, renews ? &had : &lost, cursor->generation);
    if (status == SATCHEL_OK && !renews) {
        status = lost_hits_present(work, cursor->generation, &renews);
        if (status == SATCHEL_OK && renews) {
            status = put_lost(work, &had, cursor->generation);
        }
    }
    if (status == SATCHEL_OK && renews) {
        return renew_all(work);
    }
    if (status == SATCHEL_OK) {
        status = load_snapshots(work);
    }
    return status == SATCHEL_OK ? add_snapshot(work, &gained) : status;
}

/* --- the page --- */

static satchel_status run_lanes(pull_work *work) {
    bool exhausted = false;
    satchel_status status = satchel_change_lane(work, &exhausted);
    if (status == SATCHEL_OK && exhausted) {
        status = satchel_snapshot_lane(work);
    }
    return status;
}

/*
 * Does the user see anything of what moved? What he does not see must not show even in this, that a cursor comes: the
 * phone goes on with the one that it holds, and what was looked at in vain is looked at once more. So that this does
 * not pile up a phone gets a new cursor every hour, whatever has happened.
 */
static bool is_quiet(const pull_work *work, const satchel_cursor *before, uint64_t hour) {
    const satchel_cursor *cursor = &work->cursor;
    return work->gathering.row_count == 0 && work->gathering.removal_count == 0 && work->lost_count == 0 &&
           cursor->set == before->set && cursor->view == before->view && before->snapshot_count == 0 &&
           cursor->snapshot_count == 0 && !before->cut && !cursor->cut && hour <= before->hour;
}

/* In a last page: the digest, if it may be another than the last one, and what the phone asked of ranges. */
static satchel_status put_digest(pull_work *work, const satchel_pull_question *question, bool stands,
                                 satchel_digest_page *page, satchel_pulled_page *out) {
    bool wanted = !stands || (question != NULL && question->digest_wanted);
    satchel_status status = satchel_buffer_append(&out->frames, satchel_buffer_view(&page->frame));
    if (status != SATCHEL_OK || out->more || !wanted) {
        return status;
    }
    status = satchel_digest_page_tell(&work->gathering, page, &out->books_differ);
    out->has_digest = page->known;
    memcpy(out->digest, page->digest, sizeof out->digest);
    return status;
}

static satchel_status finish_page(pull_work *work, const satchel_cursor *before, bool fresh,
                                  const satchel_pull_question *question, satchel_pulled_page *out) {
    satchel_digest_page digest = {.known = false};
    satchel_cursor *cursor = &work->cursor;
    uint64_t hour = (uint64_t)(satchel_service_now_ms(work->service) / MS_PER_HOUR);
    bool stands = !fresh && is_quiet(work, before, hour);
    cursor->hour = hour;
    satchel_status status = SATCHEL_OK;
    out->more = cursor->cut || cursor->snapshot_count > 0;
    if (!out->more) {
        status = satchel_digest_page_ask(&work->gathering, question, work->page_bytes, &digest);
    }
    if (status == SATCHEL_OK) {
        status = satchel_gathering_write(&work->gathering, work->lost, work->lost_count, &out->frames);
    }
    if (status == SATCHEL_OK) {
        status = put_digest(work, question, stands, &digest, out);
    }
    satchel_digest_page_deinit(&digest);
    if (status == SATCHEL_OK && !stands) {
        status = satchel_cursor_write(cursor, &out->cursor);
    }
    out->position_n = stands ? before->full_n : cursor->full_n;
    out->rows_done = work->progress_done;
    out->rows_total = work->progress_total;
    out->rows = work->gathering.row_count;
    out->removals = work->gathering.removal_count;
    out->wanted_sets = work->gathering.wanted_sets;
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "a page cannot be written");
}

/* Takes the cursor in; `*out_fresh`: the phone has nothing. STALE_CURSOR if it leads nowhere. */
static satchel_status take_cursor(pull_work *work, satchel_bytes bytes, bool *out_fresh) {
    satchel_counter counter;
    satchel_scope_list had;
    satchel_error why;
    bool passed = false;
    satchel_status status = satchel_counter_read(work->db, &counter, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    work->now_n = counter.n;
    *out_fresh = bytes.bytes == 0;
    if (*out_fresh) {
        work->cursor = (satchel_cursor){.epoch = counter.epoch};
        return SATCHEL_OK;
    }
    status = satchel_cursor_read(bytes, &work->cursor, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (work->cursor.epoch != counter.epoch || work->cursor.full_n > counter.n) {
        return satchel_fail(work->error, SATCHEL_STALE_CURSOR, "the cursor is of another life of the database");
    }
    status = satchel_horizon_has_passed(work->db, work->cursor.full_n, &passed, work->error);
    if (status != SATCHEL_OK || passed) {
        return status == SATCHEL_OK ? satchel_fail(work->error, SATCHEL_STALE_CURSOR, "what left since is forgotten")
                                    : status;
    }
    status = satchel_scope_set_get(work->db, work->cursor.set, work->arena, &had, &why);
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->cursor.snapshot_count; i++) {
        status = satchel_scope_set_get(work->db, work->cursor.snapshots[i].set, work->arena, &had, &why);
    }
    work->gathering.generation = work->cursor.generation;
    if (status == SATCHEL_NOT_FOUND) {
        return satchel_fail(work->error, SATCHEL_STALE_CURSOR, "the cursor names sets that are not there");
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "%s", why.detail);
}

satchel_status satchel_pull(const satchel_service *service, satchel_db *db, const satchel_person *person,
                            satchel_bytes cursor, uint32_t page_bytes, const satchel_pull_question *question,
                            satchel_arena *arena, satchel_pulled_page *out, satchel_error *error) {
    *out = (satchel_pulled_page){.status = SATCHEL_OK};
    bool fresh = false;
    pull_work *work = satchel_arena_take(arena, sizeof *work);
    if (work == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a page");
    }
    work->service = service;
    work->db = db;
    work->person = person;
    work->arena = arena;
    work->page_bytes = page_bytes < SATCHEL_LIMIT_PAGE_BYTES ? page_bytes : SATCHEL_LIMIT_PAGE_BYTES;
    work->page_rows = question != NULL ? question->page_rows : 0;
    work->error = error;
    satchel_gathering_init(&work->gathering, arena);
    work->gathering.service = service;
    work->gathering.db = db;
    work->gathering.person = person;
    work->gathering.scopes = &work->scopes;
    work->gathering.error = error;
    satchel_status status = satchel_scopes_of(db, person, arena, &work->scopes, error);
    if (status == SATCHEL_OK) {
        status = take_cursor(work, cursor, &fresh);
    }
    satchel_cursor before = work->cursor;
    if (status == SATCHEL_OK) {
        status = settle_scopes(work, fresh);
    }
    if (status == SATCHEL_OK) {
        work->cursor.set = work->set;
        status = run_lanes(work);
    }
    if (status == SATCHEL_OK) {
        status = finish_page(work, &before, fresh, question, out);
    }
    if (status == SATCHEL_STALE_CURSOR || status == SATCHEL_LIMIT_EXCEEDED) {
        out->status = status;
        status = SATCHEL_OK;
    }
    satchel_gathering_deinit(&work->gathering);
    return status;
}

void satchel_pulled_page_deinit(satchel_pulled_page *page) {
    satchel_buffer_deinit(&page->frames);
    satchel_buffer_deinit(&page->cursor);
}
