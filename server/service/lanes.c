/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both lanes merge what several scopes hold: each scope gives its next entries in order, a bounded batch at a time;
 * what lies up to the last entry of the shortest batch is complete and is sent, then the next batches are read.
 */
#include "service/lanes.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ENTRIES 256
#define SCANNED_MOST 16384

/* An entry of a scope: in the change lane with its revision, in a snapshot with n 0. */
typedef struct lane_entry {
    uint64_t n;
    satchel_place place;
} lane_entry;

typedef struct lane_batch {
    lane_entry *items;
    uint32_t count;
    uint32_t capacity;
    bool bounded; /* some scope has more behind `bound` */
    lane_entry bound;
} lane_batch;

static int compare_entries(const void *a, const void *b) {
    const lane_entry *left = a;
    const lane_entry *right = b;
    if (left->n != right->n) {
        return left->n < right->n ? -1 : 1;
    }
    return satchel_place_compare(&left->place, &right->place);
}

static satchel_status put_entry(pull_work *work, lane_batch *batch, const lane_entry *entry) {
    if (batch->count == batch->capacity) {
        uint32_t capacity = batch->capacity == 0 ? BATCH_ENTRIES : batch->capacity * 2;
        lane_entry *items = satchel_arena_take_array(work->arena, capacity, sizeof *items);
        if (items == NULL) {
            return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a page");
        }
        if (batch->count > 0) {
            memcpy(items, batch->items, batch->count * sizeof *items);
        }
        batch->items = items;
        batch->capacity = capacity;
    }
    batch->items[batch->count++] = *entry;
    return SATCHEL_OK;
}

/* Which entries of a scope count: all, or those whose aggregates show the user something of a class. */
typedef struct lane_filter {
    uint32_t scope;
    uint32_t sensitivity; /* SATCHEL_SENSITIVITY_OPEN: all */
} lane_filter;

static satchel_status passes(pull_work *work, const lane_filter *filter, const satchel_place *place, bool *out) {
    *out = true;
    return filter->sensitivity == SATCHEL_SENSITIVITY_OPEN
               ? SATCHEL_OK
               : satchel_gathering_shows_class(&work->gathering, filter->scope, satchel_place_entity(place),
                                               filter->sensitivity, out);
}

/* Takes up to BATCH_ENTRIES rows (n, anchor, rank, root) of a scope's statement. */
static satchel_status take_rows(pull_work *work, satchel_db_statement *statement, const lane_filter *filter,
                                lane_batch *batch) {
    lane_entry entry = {0};
    uint32_t taken = 0;
    bool found = true;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            entry.n = satchel_db_uint(statement, 0);
            entry.place = (satchel_place){satchel_db_id(statement, 1), (uint32_t)satchel_db_uint(statement, 2),
                                          satchel_db_id(statement, 3)};
            bool counts = false;
            status = passes(work, filter, &entry.place, &counts);
            if (status == SATCHEL_OK && counts) {
                status = put_entry(work, batch, &entry);
            }
            taken++;
        }
    }
    if (taken == BATCH_ENTRIES && (!batch->bounded || compare_entries(&entry, &batch->bound) < 0)) {
        batch->bounded = true;
        batch->bound = entry;
    }
    return status;
}

/* Order, without doubles, and nothing behind the bound. */
static void order_batch(lane_batch *batch) {
    uint32_t kept = 0;
    if (batch->count > 1) {
        qsort(batch->items, batch->count, sizeof *batch->items, compare_entries);
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        bool doubles = kept > 0 && compare_entries(&batch->items[i], &batch->items[kept - 1]) == 0;
        bool behind = batch->bounded && compare_entries(&batch->items[i], &batch->bound) > 0;
        if (!doubles && !behind) {
            batch->items[kept++] = batch->items[i];
        }
    }
    batch->count = kept;
}

/*
 * By bytes, which fit the link, or by rows, as many as the phone takes; an aggregate is never cut. A page also ends
 * when much was looked at and little of it is his to see.
 */
static bool page_is_full(const pull_work *work) {
    uint32_t taken = work->gathering.row_count + work->gathering.removal_count;
    return (work->page_rows > 0 && taken >= work->page_rows) ||
           satchel_gathering_bytes(&work->gathering) >= work->page_bytes || work->scanned >= SCANNED_MOST;
}

/* --- the change lane --- */

/* The unfinished snapshot that a scope belongs to, NULL if the phone has the scope. */
static const satchel_cursor_snapshot *snapshot_of(const pull_work *work, uint32_t scope) {
    for (uint32_t i = 0; i < work->cursor.snapshot_count; i++) {
        if (satchel_scope_list_has(&work->snapshot_scopes[i], scope)) {
            return &work->cursor.snapshots[i];
        }
    }
    return NULL;
}

/* Entries up to this revision say nothing to the phone: it has them, or it had not the scope yet. */
static uint64_t heard_of(const pull_work *work, uint32_t scope) {
    const satchel_cursor_snapshot *snapshot = snapshot_of(work, scope);
    bool later = snapshot != NULL && snapshot->start_n > work->cursor.full_n;
    return later ? snapshot->start_n : work->cursor.full_n;
}

static lane_entry lane_start(const pull_work *work) {
    lane_entry start = {.n = work->cursor.full_n};
    if (work->cursor.cut) {
        return (lane_entry){work->cursor.cut_n, work->cursor.cut_at};
    }
    memset(&start.place, 0xff, sizeof start.place);
    start.place.rank = SATCHEL_TABLE_COUNT;
    return start;
}

#define BEHIND " AND (last_n, anchor, rank, root) > (?2, ?3, ?4, ?5) ORDER BY last_n, anchor, rank, root LIMIT ?6"

/* What moved in a scope: entries of the memberships, and those of the class beside them. */
static satchel_status read_changes(pull_work *work, const lane_filter *filter, const lane_entry *start,
                                   lane_batch *batch) {
    satchel_db_statement *statement = NULL;
    bool open = filter->sensitivity == SATCHEL_SENSITIVITY_OPEN;
    const satchel_value values[] = {satchel_db_count(filter->scope),        satchel_db_count(start->n),
                                    satchel_value_id(&start->place.anchor), satchel_db_count(start->place.rank),
                                    satchel_value_id(&start->place.root),   satchel_db_count(BATCH_ENTRIES),
                                    satchel_db_count(filter->sensitivity)};
    satchel_status status = satchel_db_start(
        &statement, work->db,
        open ? "SELECT last_n, anchor, rank, root FROM membership WHERE scope = ?1" BEHIND
             : "SELECT last_n, anchor, rank, root FROM membership_class WHERE scope = ?1 AND class = ?7" BEHIND,
        values, open ? 6 : 7, work->error);
    if (status == SATCHEL_OK) {
        status = take_rows(work, statement, filter, batch);
    }
    satchel_db_end(statement);
    return status;
}

/* How a lane puts an aggregate into the page. */
typedef satchel_status (*lane_send)(pull_work *work, const satchel_place *place);

/* Is there anything behind `start` in the scope at all? */
static satchel_status has_moved(pull_work *work, uint32_t scope, const lane_entry *start, bool *out) {
    int64_t head = 0;
    satchel_status status = SATCHEL_DB_NUMBER(work->db, work->error, &head, 0,
                                              "SELECT head_n FROM scope WHERE number = ?1", satchel_db_count(scope));
    bool within = start->place.rank < SATCHEL_TABLE_COUNT;
    *out = (uint64_t)head > start->n || (within && (uint64_t)head == start->n);
    return status;
}

static satchel_status read_change_batch(pull_work *work, const lane_entry *start, lane_batch *batch) {
    satchel_status status = SATCHEL_OK;
    batch->count = 0;
    batch->bounded = false;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->scopes.count; i++) {
        bool moved = false;
        status = has_moved(work, work->scopes.numbers[i], start, &moved);
        for (uint32_t c = 0; status == SATCHEL_OK && moved && c < SATCHEL_SENSITIVITY_COUNT; c++) {
            const lane_filter filter = {work->scopes.numbers[i], c};
            status = read_changes(work, &filter, start, batch);
        }
    }
    order_batch(batch);
    return status;
}

/* How an aggregate stands to what the phone has. */
typedef struct change_view {
    bool is_mine; /* it is in a scope of the user */
    bool is_left; /* it left one since */
    bool is_new;  /* it came into one since */
    bool waits;   /* it is only in scopes whose snapshot has not reached it */
} change_view;

static change_view view_change(const pull_work *work, const satchel_place *place, const satchel_member_list *members) {
    change_view view = {.waits = true};
    for (uint32_t i = 0; i < members->count; i++) {
        const satchel_member *member = &members->items[i];
        if (!satchel_scope_list_has(&work->scopes, member->scope)) {
            continue;
        }
        uint64_t heard = heard_of(work, member->scope);
        if (!member->present) {
            view.is_left = view.is_left || member->last_n > heard;
            continue;
        }
        const satchel_cursor_snapshot *snapshot = snapshot_of(work, member->scope);
        bool reached = snapshot == NULL || satchel_cursor_has_reached(&work->cursor, snapshot, place);
        view.is_mine = true;
        view.is_new = view.is_new || (reached && member->entered_n > heard);
        view.waits = view.waits && !reached;
    }
    view.waits = view.waits && view.is_mine;
    return view;
}

/* Whatever hangs on a customer comes behind it: a customer that may be new to the phone goes first. */
static satchel_status send_anchor_first(pull_work *work, const satchel_place *place) {
    satchel_member_list members;
    bool visible = false;
    if (place->rank == 0 || satchel_id_is_none(&place->anchor)) {
        return SATCHEL_OK;
    }
    satchel_place anchor = satchel_place_of(SATCHEL_ENTITY_CUSTOMER, &place->anchor, &place->anchor);
    if (satchel_gathering_has_sent(&work->gathering, &anchor)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_members_of(work->db, &anchor, work->arena, &members, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    change_view view = view_change(work, &anchor, &members);
    if (!view.is_mine || (!view.is_new && !view.waits)) {
        return SATCHEL_OK;
    }
    return satchel_gathering_send(&work->gathering, &anchor, &members, true, 0, &visible);
}

static satchel_status send_change(pull_work *work, const satchel_place *place) {
    satchel_member_list members;
    bool visible = false;
    bool waits = false;
    if (satchel_gathering_has_sent(&work->gathering, place)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_members_of(work->db, place, work->arena, &members, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    change_view view = view_change(work, place, &members);
    if (view.is_mine && view.waits && !view.is_left) {
        return SATCHEL_OK;
    }
    if (view.is_mine) {
        /* The phone may have passed it over while the facts were others. */
        status = satchel_gathering_lags(&work->gathering, place, &waits);
        bool whole = view.is_new || view.is_left || waits;
        status = status == SATCHEL_OK ? send_anchor_first(work, place) : status;
        if (status == SATCHEL_OK) {
            status = satchel_gathering_send(&work->gathering, place, &members, whole, work->cursor.full_n, &visible);
        }
    }
    if (status == SATCHEL_OK && !visible && view.is_left) {
        status = satchel_gathering_remove(&work->gathering, place, &members);
    }
    return status;
}

/*
 * Would the entry put anything into the page? It is tried in a page of its own, which is thrown away. A full page ends
 * before what the user sees, never before what he does not: otherwise hidden rows would show as more to come.
 */
static satchel_status ends_before(pull_work *work, const satchel_place *place, lane_send send, bool *out) {
    satchel_gathering *page = satchel_arena_take(work->arena, sizeof *page);
    *out = true;
    if (work->scanned >= SCANNED_MOST) {
        return SATCHEL_OK;
    }
    if (page == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a page");
    }
    *page = work->gathering;
    satchel_gathering_init(&work->gathering, work->arena);
    work->gathering.service = page->service;
    work->gathering.db = page->db;
    work->gathering.person = page->person;
    work->gathering.scopes = page->scopes;
    work->gathering.generation = page->generation;
    work->gathering.error = page->error;
    memcpy(work->gathering.sent, page->sent, sizeof page->sent);
    satchel_status status = send(work, place);
    *out = work->gathering.row_count > 0 || work->gathering.removal_count > 0;
    satchel_gathering_deinit(&work->gathering);
    work->gathering = *page;
    return status;
}

static void cut_behind(pull_work *work, const lane_entry *entry) {
    work->cursor.cut = true;
    work->cursor.cut_n = entry->n;
    work->cursor.cut_at = entry->place;
}

satchel_status satchel_change_lane(pull_work *work, bool *out_exhausted) {
    lane_batch batch = {0};
    lane_entry at = lane_start(work);
    satchel_status status = SATCHEL_OK;
    bool more = true;
    *out_exhausted = false;
    while (status == SATCHEL_OK && more) {
        status = read_change_batch(work, &at, &batch);
        more = batch.bounded;
        for (uint32_t i = 0; status == SATCHEL_OK && i < batch.count; i++) {
            bool ends = false;
            if (page_is_full(work)) {
                status = ends_before(work, &batch.items[i].place, send_change, &ends);
            }
            if (status != SATCHEL_OK || ends) {
                /* full_n stays: what changed twice behind it may have had its first change before the cut. */
                cut_behind(work, &at);
                return status;
            }
            at = batch.items[i];
            work->scanned++;
            status = send_change(work, &at.place);
        }
    }
    if (status == SATCHEL_OK) {
        work->cursor.full_n = work->now_n;
        work->cursor.cut = false;
        *out_exhausted = true;
    }
    return status;
}

/* --- the snapshot lane --- */

static satchel_status read_members(pull_work *work, uint32_t scope, const satchel_cursor_snapshot *snapshot,
                                   lane_batch *batch) {
    satchel_db_statement *statement = NULL;
    satchel_place from = snapshot->at;
    if (!snapshot->begun) {
        from = (satchel_place){.rank = 0};
    }
    satchel_status status =
        SATCHEL_DB_START(&statement, work->db, work->error,
                         "SELECT 0, anchor, rank, root FROM membership WHERE scope = ?1 AND present = 1 AND"
                         " (anchor, rank, root) > (?2, ?3, ?4) ORDER BY anchor, rank, root LIMIT ?5",
                         satchel_db_count(scope), satchel_value_id(&from.anchor), satchel_db_count(from.rank),
                         satchel_value_id(&from.root), satchel_db_count(BATCH_ENTRIES));
    if (status == SATCHEL_OK) {
        const lane_filter all = {scope, SATCHEL_SENSITIVITY_OPEN};
        status = take_rows(work, statement, &all, batch);
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status read_snapshot_batch(pull_work *work, uint32_t index, lane_batch *batch) {
    const satchel_scope_list *scopes = &work->snapshot_scopes[index];
    satchel_status status = SATCHEL_OK;
    batch->count = 0;
    batch->bounded = false;
    for (uint32_t i = 0; status == SATCHEL_OK && i < scopes->count; i++) {
        if (satchel_scope_list_has(&work->scopes, scopes->numbers[i])) {
            status = read_members(work, scopes->numbers[i], &work->cursor.snapshots[index], batch);
        }
    }
    order_batch(batch);
    return status;
}

/* Entries of an aggregate that its snapshot counted. */
static satchel_status count_done(pull_work *work, const satchel_place *place, const satchel_member_list *members,
                                 const satchel_scope_list *scopes, uint64_t *count) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < members->count; i++) {
        const satchel_member *member = &members->items[i];
        bool shown = false;
        if (member->present && satchel_scope_list_has(scopes, member->scope)) {
            status = satchel_gathering_shows(&work->gathering, member->scope, satchel_place_entity(place), &shown);
        }
        *count += shown ? 1 : 0;
    }
    return status;
}

static satchel_status send_whole(pull_work *work, const satchel_place *place) {
    satchel_member_list members;
    bool visible = false;
    if (satchel_gathering_has_sent(&work->gathering, place)) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_members_of(work->db, place, work->arena, &members, work->error);
    return status == SATCHEL_OK ? satchel_gathering_send(&work->gathering, place, &members, true, UINT64_MAX, &visible)
                                : status;
}

static satchel_status send_member(pull_work *work, uint32_t index, const satchel_place *place) {
    satchel_cursor_snapshot *snapshot = &work->cursor.snapshots[index];
    satchel_member_list members;
    bool visible = false;
    satchel_status status = satchel_members_of(work->db, place, work->arena, &members, work->error);
    if (status == SATCHEL_OK) {
        status = count_done(work, place, &members, &work->snapshot_scopes[index], &snapshot->done);
    }
    if (status == SATCHEL_OK && !satchel_gathering_has_sent(&work->gathering, place)) {
        status = satchel_gathering_send(&work->gathering, place, &members, true, UINT64_MAX, &visible);
    }
    snapshot->begun = true;
    snapshot->at = *place;
    return status;
}

/* What hangs on the customer in hand, behind what was sent of it. */
static satchel_status read_route_batch(pull_work *work, lane_batch *batch) {
    const satchel_scope_list *scopes = &work->snapshot_scopes[0];
    const satchel_cursor_snapshot *snapshot = &work->cursor.snapshots[0];
    const satchel_place from = snapshot->begun ? snapshot->at : (satchel_place){.rank = 0};
    const satchel_id *customer = &work->cursor.route[work->cursor.route_at];
    satchel_status status = SATCHEL_OK;
    batch->count = 0;
    batch->bounded = false;
    for (uint32_t i = 0; status == SATCHEL_OK && i < scopes->count; i++) {
        const lane_filter all = {scopes->numbers[i], SATCHEL_SENSITIVITY_OPEN};
        satchel_db_statement *statement = NULL;
        if (!satchel_scope_list_has(&work->scopes, scopes->numbers[i])) {
            continue;
        }
        status = SATCHEL_DB_START(&statement, work->db, work->error,
                                  "SELECT 0, anchor, rank, root FROM membership WHERE scope = ?1 AND present = 1 AND"
                                  " anchor = ?2 AND (rank, root) > (?3, ?4) ORDER BY rank, root LIMIT ?5",
                                  satchel_db_count(scopes->numbers[i]), satchel_value_id(customer),
                                  satchel_db_count(from.rank), satchel_value_id(&from.root),
                                  satchel_db_count(BATCH_ENTRIES));
        if (status == SATCHEL_OK) {
            status = take_rows(work, statement, &all, batch);
        }
        satchel_db_end(statement);
    }
    order_batch(batch);
    return status;
}

/* The customers of the route, one after another with all that hangs on them. `*out_finished` false: the page is full.
 */
static satchel_status run_route(pull_work *work, bool *out_finished) {
    satchel_cursor *cursor = &work->cursor;
    lane_batch batch = {0};
    satchel_status status = SATCHEL_OK;
    *out_finished = false;
    while (status == SATCHEL_OK && cursor->route_at < cursor->route_count) {
        status = read_route_batch(work, &batch);
        for (uint32_t i = 0; status == SATCHEL_OK && i < batch.count; i++) {
            if (page_is_full(work)) {
                return SATCHEL_OK;
            }
            work->scanned++;
            status = send_member(work, 0, &batch.items[i].place);
        }
        if (status == SATCHEL_OK && !batch.bounded) {
            cursor->route_at++;
            cursor->snapshots[0].begun = false;
        }
    }
    *out_finished = status == SATCHEL_OK;
    return status;
}

/* All others in order of place. `*out_finished`: nothing of it is left. */
static satchel_status run_places(pull_work *work, uint32_t index, bool *out_finished) {
    satchel_cursor_snapshot *snapshot = &work->cursor.snapshots[index];
    lane_batch batch = {0};
    satchel_status status = SATCHEL_OK;
    bool more = true;
    *out_finished = false;
    while (status == SATCHEL_OK && more) {
        status = read_snapshot_batch(work, index, &batch);
        more = batch.bounded;
        for (uint32_t i = 0; status == SATCHEL_OK && i < batch.count; i++) {
            bool ends = false;
            if (page_is_full(work)) {
                status = ends_before(work, &batch.items[i].place, send_whole, &ends);
            }
            if (status != SATCHEL_OK || ends) {
                return status;
            }
            work->scanned++;
            if (index == 0 && satchel_cursor_is_on_route(&work->cursor, &batch.items[i].place)) {
                snapshot->begun = true; /* it came first */
                snapshot->at = batch.items[i].place;
                continue;
            }
            status = send_member(work, index, &batch.items[i].place);
        }
    }
    *out_finished = status == SATCHEL_OK;
    return status;
}

static satchel_status run_snapshot(pull_work *work, uint32_t index, bool *out_finished) {
    satchel_status status = SATCHEL_OK;
    *out_finished = true;
    if (index == 0) {
        status = run_route(work, out_finished);
    }
    return status == SATCHEL_OK && *out_finished ? run_places(work, index, out_finished) : status;
}

satchel_status satchel_snapshot_lane(pull_work *work) {
    satchel_cursor *cursor = &work->cursor;
    satchel_status status = SATCHEL_OK;
    bool finished = true;
    while (status == SATCHEL_OK && finished && cursor->snapshot_count > 0) {
        status = run_snapshot(work, 0, &finished);
        const satchel_cursor_snapshot *first = &cursor->snapshots[0];
        uint64_t total = first->total > first->done ? first->total : first->done;
        bool told = finished || first->total > 0; /* not counted yet: the first page is not to wait for that */
        work->progress_total = told ? total : 0;
        work->progress_done = finished ? total : told ? first->done : 0;
        if (status == SATCHEL_OK && finished) {
            cursor->snapshot_count--;
            cursor->route_count = 0; /* it was of this one */
            cursor->route_at = 0;
            memmove(&cursor->snapshots[0], &cursor->snapshots[1], cursor->snapshot_count * sizeof *cursor->snapshots);
            memmove(&work->snapshot_scopes[0], &work->snapshot_scopes[1],
                    cursor->snapshot_count * sizeof *work->snapshot_scopes);
        }
    }
    return status;
}
