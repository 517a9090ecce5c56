/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for a difference: which ranges the next request asks about, and what becomes of the answer. Both go through
 * all rows, since nobody should ever have to: in a store that is as the server thinks nothing here runs.
 */
#include "store/digest_state.h"
#include "store/page.h"

#include <stdlib.h>

typedef satchel_status (*row_visitor)(void *context, const satchel_digest_row *row);

/* Rows that count, of one table. */
static satchel_status visit_table(satchel_store *store, const satchel_table *table, row_visitor visit, void *context,
                                  satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    satchel_arena arena = {0};
    sqlite3_stmt *statement = NULL;
    bool has_row = true;
    satchel_status status = satchel_digest_columns(store, table, &sql);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    while (status == SATCHEL_OK && has_row) {
        satchel_digest_row row = {.counts = false};
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status == SATCHEL_OK && has_row) {
            status = satchel_digest_row_read(store, table, statement, &arena, &row, error);
        }
        if (status == SATCHEL_OK && row.counts) {
            status = visit(context, &row);
        }
    }
    satchel_statement_end(statement);
    satchel_buffer_deinit(&sql);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status visit_rows(satchel_store *store, row_visitor visit, void *context, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        status = visit_table(store, &store->tables[i], visit, context, error);
    }
    return status;
}

/* --- asking --- */

/* Ascending and apart from each other. */
typedef struct range_list {
    satchel_digest_range items[SATCHEL_LIMIT_DIGEST_RANGES];
    uint32_t count;
} range_list;

static uint64_t first_place(const satchel_digest_range *range) {
    return range->bits == 0 ? 0 : range->prefix << (64 - range->bits);
}

static satchel_digest_range *range_at(range_list *list, uint64_t place) {
    uint32_t low = 0;
    uint32_t high = list->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (first_place(&list->items[middle]) <= place) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool has = low > 0 && satchel_digest_range_has(&list->items[low - 1], place);
    return has ? &list->items[low - 1] : NULL;
}

static satchel_status add_to_range(void *context, const satchel_digest_row *row) {
    satchel_digest_range *range = range_at(context, satchel_digest_place(&row->root));
    if (range != NULL) {
        range->rows++;
        range->sum += row->digest.lanes[0];
    }
    return SATCHEL_OK;
}

static void put_finer(range_list *list, const satchel_digest_range *coarse, uint8_t bits) {
    uint8_t more = (uint8_t)(bits - coarse->bits);
    for (uint64_t i = 0; i < UINT64_C(1) << more && list->count < SATCHEL_LIMIT_DIGEST_RANGES; i++) {
        list->items[list->count++] = (satchel_digest_range){.bits = bits, .prefix = coarse->prefix << more | i};
    }
}

static int compare_ranges(const void *a, const void *b) {
    const uint64_t left = first_place(a);
    const uint64_t right = first_place(b);
    return left < right ? -1 : left > right;
}

/* Those that the server wants finer; else all, as fine as the rows are many. */
static satchel_status choose_ranges(satchel_store *store, range_list *out, satchel_error *error) {
    satchel_digests *digests = store->digests;
    satchel_device_info info = {0};
    uint8_t bits = 0;
    for (uint32_t i = 0; i < digests->split_count; i++) {
        const satchel_digest_range *split = &digests->splits[i];
        uint8_t finer = (uint8_t)(split->bits + SATCHEL_DIGEST_SPLIT_BITS);
        put_finer(out, split, finer < SATCHEL_RANGE_BITS_MOST ? finer : SATCHEL_RANGE_BITS_MOST);
    }
    digests->split_count = 0;
    if (out->count > 0) {
        qsort(out->items, out->count, sizeof *out->items, compare_ranges);
        return SATCHEL_OK;
    }
    satchel_status status = satchel_store_count_info(store, &info, error);
    while (bits < SATCHEL_DIGEST_FIRST_BITS && info.rows >> bits > SATCHEL_DIGEST_RANGE_ROWS) {
        bits++;
    }
    put_finer(out, &(satchel_digest_range){.bits = 0}, bits);
    return status;
}

static bool may_ask(const satchel_store *store) {
    const satchel_digests *digests = store->digests;
    bool soon = digests->rounds < SATCHEL_DIGEST_ROUNDS_MOST ||
                store->sync.seen_ms - digests->asked_ms >= SATCHEL_DIGEST_DAY_MS;
    return digests->differs && digests->known && digests->counted && !digests->counting && !digests->recount && soon;
}

static satchel_status write_ranges(const range_list *list, satchel_arena *arena, satchel_bytes *out) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < list->count && status == SATCHEL_OK; i++) {
        status = satchel_digest_range_write(&list->items[i], true, &bytes);
        if (status == SATCHEL_OK && bytes.bytes > SATCHEL_LIMIT_DIGEST_BYTES) {
            break; /* the rest is asked about next time */
        }
        if (status == SATCHEL_OK) {
            status = satchel_arena_copy(arena, satchel_buffer_view(&bytes), out);
        }
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

bool satchel_store_digests_due(const satchel_store *store) {
    return store->digests != NULL && may_ask(store);
}

uint64_t satchel_store_repairs(const satchel_store *store) {
    return store->digests != NULL ? store->digests->repairs : 0;
}

satchel_status satchel_store_ask_digests(satchel_store *store, satchel_arena *arena, satchel_digest_question *out,
                                         satchel_error *error) {
    *out = (satchel_digest_question){.ranges = {NULL, 0}};
    if (store->digests == NULL) {
        return SATCHEL_OK;
    }
    /* Without one, as after an upgrade, nothing can be compared: it is asked for once. */
    out->wanted = !store->digests->known && store->sync.cursor_bytes > 0;
    if (!may_ask(store)) {
        return SATCHEL_OK;
    }
    range_list *list = satchel_arena_take(arena, sizeof *list);
    if (list == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for ranges");
    }
    satchel_status status = choose_ranges(store, list, error);
    if (status == SATCHEL_OK) {
        status = visit_rows(store, add_to_range, list, error);
    }
    if (status == SATCHEL_OK) {
        status = write_ranges(list, arena, &out->ranges);
    }
    out->wanted = out->wanted || out->ranges.bytes > 0;
    if (store->digests->rounds >= SATCHEL_DIGEST_ROUNDS_MOST) { /* a day is over */
        store->digests->rounds = SATCHEL_DIGEST_ROUNDS_MOST - SATCHEL_DIGEST_ROUNDS_AGAIN;
    }
    store->digests->rounds++;
    store->digests->asked_ms = store->sync.seen_ms;
    store->digests->changed = true;
    return status;
}

/* --- settling --- */

typedef struct gone_row {
    const satchel_table *table;
    satchel_id id;
} gone_row;

typedef struct settling {
    range_list ranges;
    satchel_bytes elements; /* first lanes of the rows that are there, 8 bytes each, ascending */
    satchel_arena arena;
    gone_row *gone;
    uint32_t count;
    uint32_t capacity;
} settling;

static bool is_named(const settling *work, uint64_t lane) {
    size_t low = 0;
    size_t high = work->elements.bytes / 8;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t at = satchel_get_u64be(work->elements.data + 8 * middle);
        if (at == lane) {
            return true;
        }
        if (at < lane) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static satchel_status note_gone(void *context, const satchel_digest_row *row) {
    settling *work = context;
    if (range_at(&work->ranges, satchel_digest_place(&row->root)) == NULL || is_named(work, row->digest.lanes[0])) {
        return SATCHEL_OK;
    }
    if (work->count == work->capacity) {
        uint32_t capacity = work->capacity == 0 ? 64 : work->capacity * 2;
        gone_row *gone = satchel_arena_take_array(&work->arena, capacity, sizeof *gone);
        if (gone == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (work->count > 0) {
            memcpy(gone, work->gone, work->count * sizeof *gone);
        }
        work->gone = gone;
        work->capacity = capacity;
    }
    work->gone[work->count++] = (gone_row){row->table, row->id};
    return SATCHEL_OK;
}

static satchel_status settle(satchel_store *store, settling *work, satchel_store_outcome *outcome,
                             satchel_error *error) {
    satchel_status status = visit_rows(store, note_gone, work, error);
    for (uint32_t i = 0; i < work->count && status == SATCHEL_OK; i++) {
        satchel_table *table = satchel_table_of(store, work->gone[i].table->entity->number);
        status = satchel_row_hide_alone(store, table, &work->gone[i].id, outcome, error);
        satchel_outcome_changed(outcome, table->entity->number);
    }
    return status;
}

satchel_status satchel_digests_settle(satchel_store *store, const satchel_ranges_frame *ranges,
                                      satchel_store_outcome *outcome, satchel_error *error) {
    satchel_digests *digests = store->digests;
    settling *work = satchel_memory_take(sizeof *work);
    if (work == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for ranges");
    }
    work->elements = ranges->elements;
    satchel_status status = satchel_digest_ranges_read(ranges->split, false, digests->splits,
                                                       SATCHEL_LIMIT_DIGEST_RANGES, &digests->split_count);
    if (status == SATCHEL_OK) {
        status = satchel_digest_ranges_read(ranges->settled, false, work->ranges.items, SATCHEL_LIMIT_DIGEST_RANGES,
                                            &work->ranges.count);
    }
    if (status != SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_MALFORMED, "ranges that are none");
    }
    if (status == SATCHEL_OK && work->ranges.count > 0) {
        qsort(work->ranges.items, work->ranges.count, sizeof *work->ranges.items, compare_ranges);
        status = settle(store, work, outcome, error);
    }
    satchel_arena_deinit(&work->arena);
    satchel_memory_give(work);
    return status;
}
