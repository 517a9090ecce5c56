/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one user's phone should hold: its digest from the sums of groups, and the answer to a phone whose rows are
 * others. The answer counts rows and memberships themselves, not the sums, so that it is right if they are not.
 *
 * How he stands to a row follows from the scopes that it is in, as facts and memberships say the same: one owner, one
 * territory, whether it is shared with him or assigned to him, or the company's.
 */
#include "service/digest.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>
#include <stdlib.h>
#include <string.h>

#define SPLITS_MOST 8    /* ranges that are split in one answer; if more differ all are settled, some at a time */
#define SETTLE_PLACES 16 /* a range of no more aggregates is settled */
#define ANCHORED_SHIFT 24
#define FACT_BUCKETS 256

/* --- how he stands --- */

typedef struct known_fact {
    satchel_scope_facts facts;
    struct known_fact *next;
} known_fact;

typedef struct viewing {
    satchel_gathering *gathering;
    satchel_arena *arena;
    known_fact *facts[FACT_BUCKETS];
} viewing;

static satchel_status facts_of(viewing *view, uint32_t scope, satchel_scope_facts *out) {
    known_fact **bucket = &view->facts[scope % FACT_BUCKETS];
    for (const known_fact *at = *bucket; at != NULL; at = at->next) {
        if (at->facts.number == scope) {
            *out = at->facts;
            return SATCHEL_OK;
        }
    }
    known_fact *fact = satchel_arena_take(view->arena, sizeof *fact);
    if (fact == NULL) {
        return satchel_fail(view->gathering->error, SATCHEL_NO_MEMORY, "no memory for scopes");
    }
    fact->facts.number = scope;
    fact->next = *bucket;
    *bucket = fact;
    satchel_status status =
        satchel_scope_get(view->gathering->db, scope, &fact->facts.kind, &fact->facts.subject, view->gathering->error);
    *out = fact->facts;
    return status;
}

uint32_t satchel_digest_relations(const satchel_person *person, const satchel_scope_facts *scopes, uint32_t count) {
    satchel_access_row row = {.company = false};
    for (uint32_t i = 0; i < count; i++) {
        const satchel_id *subject = &scopes[i].subject;
        bool his = satchel_id_equal(subject, &person->access.id);
        switch (scopes[i].kind) {
        case SATCHEL_SCOPE_POOL:
        case SATCHEL_SCOPE_COMPANY: row.company = true; break;
        case SATCHEL_SCOPE_OWNER:
            row.owner = *subject;
            row.assigned = row.assigned || satchel_id_list_has(&person->stands_in_for, subject);
            break;
        case SATCHEL_SCOPE_ASSIGNED: row.assigned = row.assigned || his; break;
        case SATCHEL_SCOPE_SHARED: row.shared = row.shared || his; break;
        case SATCHEL_SCOPE_TERRITORY:
            row.territory = *subject;
            row.assigned = row.assigned || satchel_id_list_has(&person->covered, subject);
            break;
        default: break;
        }
    }
    return satchel_access_relations(&person->access, &row);
}

static uint32_t classes_of(const satchel_gathering *gathering, uint32_t entity, uint32_t relations) {
    return satchel_access_visible_classes(gathering->person->policy, &gathering->person->access, entity, relations);
}

/* The classes that he sees of rows of a kind, 0: he may not read them. */
static uint32_t classes_of_kind(const satchel_gathering *gathering, uint32_t kind, uint32_t relations) {
    uint32_t entity = satchel_digest_entity(kind);
    uint32_t subject = kind >> 8 & 0xff;
    satchel_sensitivity of = (satchel_sensitivity)(kind >> 16 & 0xff);
    const satchel_access_policy *policy = gathering->person->policy;
    const satchel_entity *known = satchel_schema_entity(&gathering->service->schema, entity);
    bool anchored = kind >> ANCHORED_SHIFT != 0;
    if (known == NULL || !satchel_access_reads(policy, &gathering->person->access, entity, relations, anchored) ||
        (known->root != 0 &&
         !satchel_access_reads(policy, &gathering->person->access, known->root, relations, anchored))) {
        return 0;
    }
    uint32_t classes = classes_of(gathering, entity, relations);
    const satchel_access_user *user = &gathering->person->access;
    bool hidden = entity == SATCHEL_ENTITY_CONFLICT && /* as satchel_conflict_is_seen */
                  (satchel_access_level(policy, user, subject, relations, of) < SATCHEL_LEVEL_READ ||
                   satchel_access_level(policy, user, entity, relations, of) < SATCHEL_LEVEL_READ);
    return hidden ? 0 : classes;
}

/* --- a user's digest --- */

typedef struct group_view {
    uint32_t group;
    bool counts; /* here: its lowest scope among his is the one that is looked at */
    uint32_t relations;
} group_view;

static satchel_status look_at_group(viewing *view, uint32_t scope, uint32_t group, satchel_bytes set, group_view *out) {
    satchel_gathering *gathering = view->gathering;
    satchel_reader reader = satchel_reader_of(set);
    satchel_scope_facts scopes[16];
    satchel_scope_facts *facts = scopes;
    uint32_t number = 0;
    uint32_t count = 0;
    uint32_t lowest = 0;
    satchel_status status = SATCHEL_OK;
    *out = (group_view){.group = group};
    if (set.bytes > sizeof scopes / sizeof *scopes) {
        facts = satchel_arena_take_array(view->arena, set.bytes, sizeof *facts);
        status = facts != NULL ? SATCHEL_OK : satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for scopes");
    }
    while (status == SATCHEL_OK && satchel_reader_left(&reader) > 0) {
        uint64_t step = 0;
        status = satchel_reader_varint(&reader, &step);
        number += (uint32_t)step;
        if (status == SATCHEL_OK) {
            status = facts_of(view, number, &facts[count++]);
        }
        lowest = lowest == 0 && satchel_scope_list_has(gathering->scopes, number) ? number : lowest;
    }
    out->counts = lowest == scope;
    out->relations = status == SATCHEL_OK ? satchel_digest_relations(gathering->person, facts, count) : 0;
    return status;
}

/* The sum for a set of classes. */
static satchel_status add_sum(satchel_bytes sums, uint32_t classes, satchel_row_digest *out) {
    satchel_row_digest sum;
    const size_t at = (classes - 1) * SATCHEL_ROW_DIGEST_BYTES;
    if (sums.bytes != SATCHEL_DIGEST_SUMS * SATCHEL_ROW_DIGEST_BYTES) {
        return SATCHEL_DAMAGED;
    }
    satchel_status status = satchel_row_digest_read(satchel_bytes_of(sums.data + at, SATCHEL_ROW_DIGEST_BYTES), &sum);
    satchel_row_digest_add(out, &sum);
    return status;
}

static satchel_status add_scope(viewing *view, uint32_t scope, satchel_row_digest *out) {
    satchel_gathering *gathering = view->gathering;
    satchel_db_statement *statement = NULL;
    group_view group = {.group = 0};
    satchel_status status = SATCHEL_DB_START(
        &statement, gathering->db, gathering->error,
        "SELECT d.grp, s.scopes, d.kind, d.sums FROM digest_scope x JOIN scope_set s ON s.number = x.grp"
        " JOIN digest d ON d.grp = x.grp WHERE x.scope = ?1 ORDER BY d.grp, d.kind",
        satchel_db_count(scope));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, gathering->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        uint32_t number = (uint32_t)satchel_db_uint(statement, 0);
        if (number != group.group) {
            status = look_at_group(view, scope, number, satchel_db_bytes(statement, 1), &group);
        }
        uint32_t classes =
            group.counts ? classes_of_kind(gathering, (uint32_t)satchel_db_uint(statement, 2), group.relations) : 0;
        if (status == SATCHEL_OK && classes != 0) {
            status = add_sum(satchel_db_bytes(statement, 3), classes, out);
        }
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_digest_of_user(satchel_gathering *gathering, satchel_row_digest *out, bool *out_known) {
    viewing *view = satchel_arena_take(gathering->arena, sizeof *view);
    int64_t valid = 0;
    *out = (satchel_row_digest){{0, 0}};
    if (view == NULL) {
        return satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for a digest");
    }
    view->gathering = gathering;
    view->arena = gathering->arena;
    satchel_status status = satchel_db_number_values(
        gathering->db,
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM realigned_customer) THEN 0 ELSE valid END FROM digest_state", NULL, 0,
        0, &valid, gathering->error);
    *out_known = valid != 0;
    for (uint32_t i = 0; status == SATCHEL_OK && valid != 0 && i < gathering->scopes->count; i++) {
        status = add_scope(view, gathering->scopes->numbers[i], out);
    }
    return status;
}

/* --- ranges --- */

typedef enum range_fate { RANGE_AGREES = 0, RANGE_SETTLES, RANGE_SPLITS, RANGE_WAITS } range_fate;

typedef struct asked_range {
    satchel_digest_range asked;
    uint64_t rows;
    uint64_t sum;
    uint32_t places;
    range_fate fate;
} asked_range;

typedef struct place_in_range {
    satchel_place place;
    asked_range *range;
} place_in_range;

typedef struct asking {
    viewing view;
    satchel_arena scratch; /* of one aggregate */
    asked_range ranges[SATCHEL_LIMIT_DIGEST_RANGES];
    uint32_t count;
    /* of the aggregate in hand */
    asked_range *range;
    uint32_t relations;
    bool anchored;
    /* what is to be sent */
    place_in_range *places;
    uint32_t place_count;
    uint32_t place_capacity;
    satchel_digest_answer *out;
} asking;

static asked_range *range_of(asking *work, const satchel_id *root) {
    uint64_t place = satchel_digest_place(root);
    for (uint32_t i = 0; i < work->count; i++) {
        if (satchel_digest_range_has(&work->ranges[i].asked, place)) {
            return &work->ranges[i];
        }
    }
    return NULL;
}

static bool element_of(const asking *work, const satchel_digest_stored *row, satchel_row_digest *out) {
    uint32_t kind = row->kind | (work->anchored ? 1u << ANCHORED_SHIFT : 0);
    uint32_t classes = classes_of_kind(work->view.gathering, kind, work->relations);
    uint64_t n = 0;
    for (uint32_t c = 0; c < SATCHEL_SENSITIVITY_COUNT; c++) {
        n = (classes & (1u << c)) != 0 && row->revisions[c] > n ? row->revisions[c] : n;
    }
    if (n > 0) {
        *out = satchel_row_digest_of(satchel_digest_entity(row->kind), &row->row, n);
    }
    return n > 0;
}

static satchel_status count_row(void *context, const satchel_digest_stored *row) {
    asking *work = context;
    satchel_row_digest element;
    if (element_of(work, row, &element)) {
        work->range->rows++;
        work->range->sum += element.lanes[0];
        satchel_row_digest_add(&work->out->counted, &element);
    }
    return SATCHEL_OK;
}

static satchel_status name_row(void *context, const satchel_digest_stored *row) {
    asking *work = context;
    satchel_row_digest element;
    uint8_t lane[8];
    if (!element_of(work, row, &element)) {
        return SATCHEL_OK;
    }
    satchel_put_u64be(lane, element.lanes[0]);
    return satchel_buffer_append(&work->out->elements, satchel_bytes_of(lane, sizeof lane));
}

/* How he stands to the aggregate. `*out_here`: `scope` is the lowest of his that it is in. */
static satchel_status stand(asking *work, const satchel_place *place, uint32_t scope, satchel_member_list *members,
                            bool *out_here) {
    satchel_gathering *gathering = work->view.gathering;
    uint32_t lowest = 0;
    uint32_t count = 0;
    satchel_arena_reset(&work->scratch);
    satchel_status status = satchel_members_of(gathering->db, place, &work->scratch, members, gathering->error);
    satchel_scope_facts *facts = satchel_arena_take_array(&work->scratch, members->count, sizeof *facts);
    if (status == SATCHEL_OK && facts == NULL) {
        status = satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for scopes");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < members->count; i++) {
        uint32_t number = members->items[i].scope;
        if (!members->items[i].present) {
            continue;
        }
        status = facts_of(&work->view, number, &facts[count++]);
        lowest = lowest == 0 && satchel_scope_list_has(gathering->scopes, number) ? number : lowest;
    }
    *out_here = lowest == scope;
    work->relations = status == SATCHEL_OK ? satchel_digest_relations(gathering->person, facts, count) : 0;
    work->anchored = satchel_digest_is_anchored(place);
    return status;
}

static satchel_status keep_place(asking *work, const satchel_place *place) {
    if (work->place_count == work->place_capacity) {
        uint32_t capacity = work->place_capacity == 0 ? 64 : work->place_capacity * 2;
        place_in_range *places = satchel_arena_take_array(work->view.arena, capacity, sizeof *places);
        if (places == NULL) {
            return satchel_fail(work->view.gathering->error, SATCHEL_NO_MEMORY, "no memory for ranges");
        }
        if (work->place_count > 0) {
            memcpy(places, work->places, work->place_count * sizeof *places);
        }
        work->places = places;
        work->place_capacity = capacity;
    }
    work->places[work->place_count++] = (place_in_range){*place, work->range};
    return SATCHEL_OK;
}

static satchel_status see_place(asking *work, const satchel_place *place, uint32_t scope, bool counts) {
    satchel_gathering *gathering = work->view.gathering;
    satchel_member_list members;
    bool here = false;
    satchel_status status = stand(work, place, scope, &members, &here);
    if (status != SATCHEL_OK || !here) {
        return status;
    }
    if (!counts) {
        return keep_place(work, place);
    }
    work->range->places++;
    return satchel_digest_each(gathering->service, gathering->db, place, count_row, work, gathering->error);
}

/* Goes through the aggregates of the ranges: counts them, or keeps those of ranges that are settled. */
static satchel_status walk_scope(asking *work, uint32_t scope, bool counts) {
    satchel_gathering *gathering = work->view.gathering;
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(&statement, gathering->db, gathering->error,
                                             "SELECT anchor, rank, root FROM membership WHERE scope = ?1 AND present ="
                                             " 1 ORDER BY anchor, rank, root",
                                             satchel_db_count(scope));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, gathering->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        const satchel_place place = {satchel_db_id(statement, 0), (uint32_t)satchel_db_uint(statement, 1),
                                     satchel_db_id(statement, 2)};
        work->range = range_of(work, &place.root);
        if (work->range != NULL && (counts || work->range->fate == RANGE_SETTLES)) {
            status = see_place(work, &place, scope, counts);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status walk(asking *work, bool counts) {
    const satchel_scope_list *scopes = work->view.gathering->scopes;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < scopes->count; i++) {
        status = walk_scope(work, scopes->numbers[i], counts);
    }
    return status;
}

static bool differs(const asked_range *range) {
    return range->rows != range->asked.rows || range->sum != range->asked.sum;
}

/* A few that differ are looked at more closely; of many each comes whole, as the page takes them. */
static void decide(asking *work) {
    uint32_t differing = 0;
    uint32_t splits = 0;
    for (uint32_t i = 0; i < work->count; i++) {
        differing += differs(&work->ranges[i]) ? 1 : 0;
    }
    for (uint32_t i = 0; i < work->count; i++) {
        asked_range *range = &work->ranges[i];
        bool small = range->places <= SETTLE_PLACES || range->asked.bits == SATCHEL_RANGE_BITS_MOST;
        if (!differs(range)) {
            range->fate = RANGE_AGREES;
        } else if (small || differing > SPLITS_MOST) {
            range->fate = RANGE_SETTLES;
        } else {
            range->fate = splits++ < SPLITS_MOST ? RANGE_SPLITS : RANGE_WAITS;
        }
    }
}

static satchel_status settle_place(asking *work, const satchel_place *place) {
    satchel_gathering *gathering = work->view.gathering;
    satchel_member_list members;
    bool ignored = false;
    satchel_status status = stand(work, place, 0, &members, &ignored);
    if (status == SATCHEL_OK) {
        status = satchel_digest_each(gathering->service, gathering->db, place, name_row, work, gathering->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_gathering_send(gathering, place, &members, true, UINT64_MAX, &ignored);
    }
    work->out->aggregates++;
    return status;
}

/* Range after range while the page takes them; at least one, so that it leads on. */
static satchel_status settle(asking *work, uint32_t page_bytes) {
    satchel_gathering *gathering = work->view.gathering;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        asked_range *range = &work->ranges[i];
        bool full = satchel_gathering_bytes(gathering) >= page_bytes ||
                    work->out->elements.bytes / 8 + range->rows > SATCHEL_LIMIT_REMOVED_ROWS;
        if (range->fate == RANGE_SPLITS) {
            status = satchel_digest_range_write(&range->asked, false, &work->out->split);
        }
        if (range->fate != RANGE_SETTLES || (full && work->out->settled.bytes > 0)) {
            continue;
        }
        for (uint32_t p = 0; status == SATCHEL_OK && p < work->place_count; p++) {
            if (work->places[p].range == range) {
                status = settle_place(work, &work->places[p].place);
            }
        }
        if (status == SATCHEL_OK) {
            status = satchel_digest_range_write(&range->asked, false, &work->out->settled);
        }
    }
    return status;
}

static int compare_lanes(const void *a, const void *b) {
    return memcmp(a, b, 8);
}

/* Errors: MALFORMED. */
static satchel_status take_ranges(asking *work, satchel_bytes bytes) {
    satchel_digest_range *asked =
        satchel_arena_take_array(work->view.arena, SATCHEL_LIMIT_DIGEST_RANGES, sizeof *asked);
    satchel_digest_answer *out = work->out;
    double covered = 0;
    if (asked == NULL) {
        return satchel_fail(work->view.gathering->error, SATCHEL_NO_MEMORY, "no memory for ranges");
    }
    satchel_status status = satchel_digest_ranges_read(bytes, true, asked, SATCHEL_LIMIT_DIGEST_RANGES, &work->count);
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        work->ranges[i].asked = asked[i];
        covered += 1.0 / (double)(UINT64_C(1) << asked[i].bits);
    }
    out->whole = covered >= 1.0;
    return status == SATCHEL_OK ? status
                                : satchel_fail(work->view.gathering->error, SATCHEL_MALFORMED, "ranges that are none");
}

satchel_status satchel_digest_ask(satchel_gathering *gathering, satchel_bytes ranges, uint32_t page_bytes,
                                  satchel_digest_answer *out) {
    asking *work = satchel_arena_take(gathering->arena, sizeof *work);
    *out = (satchel_digest_answer){.whole = false};
    if (work == NULL) {
        return satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for ranges");
    }
    work->view.gathering = gathering;
    work->view.arena = gathering->arena;
    work->out = out;
    satchel_arena_init(&work->scratch);
    satchel_status status = take_ranges(work, ranges);
    if (status == SATCHEL_OK) {
        status = walk(work, true);
    }
    if (status == SATCHEL_OK) {
        decide(work);
        status = walk(work, false);
    }
    if (status == SATCHEL_OK) {
        status = settle(work, page_bytes);
    }
    if (out->elements.bytes > 0) {
        qsort(out->elements.data, out->elements.bytes / 8, 8, compare_lanes);
    }
    satchel_arena_deinit(&work->scratch);
    return status;
}

void satchel_digest_answer_deinit(satchel_digest_answer *answer) {
    satchel_buffer_deinit(&answer->settled);
    satchel_buffer_deinit(&answer->split);
    satchel_buffer_deinit(&answer->elements);
}
