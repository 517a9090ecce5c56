/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement, when all troubles have ended and everybody has synced:
 *
 * - every phone shows exactly the rows and fields that the server lets its user see;
 * - what users wrote has become of what the server told them (ledger.c);
 * - nothing lies in a phone's store that its user never could read (canary.c);
 * - the audit chain holds, nothing is in quarantine.
 */
#include "base/ids.h"
#include "base/text.h"
#include "sim/sim.h"
#include "wire/record_codec.h"

#include <satchel/explain.h>
#include <satchel/model.h>
#include <satchel/query.h>
#include <satchel/read.h>
#include <satchel/write.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ROWS 500
#define ROWS_MOST 4096
#define META_FIRST 901u /* created, updated, revision: told by each side for itself */

static bool begin_read(sim *here) {
    return satchel_db_begin(here->db, SATCHEL_DB_READ, NULL) == SATCHEL_OK;
}

/* --- what each side shows --- */

typedef struct shown_row {
    satchel_id id;
    satchel_record record;
    bool refused; /* made here and not accepted: it stays, marked, until the user puts it away */
} shown_row;

typedef struct shown {
    satchel_arena arena;
    shown_row *rows;
    uint32_t count;
} shown;

static satchel_status keep_row(shown *into, const satchel_id *id, const satchel_record *record) {
    if (into->count == ROWS_MOST) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    shown_row *row = &into->rows[into->count++];
    row->id = *id;
    row->refused = false;
    satchel_record_init(&row->record, &into->arena);
    satchel_status status = satchel_record_copy(record, &row->record);
    for (uint32_t number = META_FIRST; number <= SATCHEL_FIELD_REVISION; number++) {
        satchel_record_remove(&row->record, number);
    }
    return status;
}

static satchel_status keep_served(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    (void)n;
    return keep_row(context, id, record);
}

static satchel_status keep_held(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                                uint64_t base_n) {
    shown *into = context;
    (void)base_n;
    satchel_status status = keep_row(into, id, record);
    if (status == SATCHEL_OK) {
        into->rows[into->count - 1].refused = (flags & SATCHEL_ROW_REFUSED) != 0;
    }
    return status;
}

static int by_id(const void *a, const void *b) {
    const shown_row *left = a;
    const shown_row *right = b;
    return memcmp(left->id.bytes, right->id.bytes, SATCHEL_ID_BYTES);
}

/* One page of a list: into `next` goes where to go on. */
typedef satchel_status (*list_page)(void *context, const satchel_query *query, satchel_bytes after,
                                    satchel_buffer *next);

/* All pages of an entity. */
static bool list_all(uint32_t entity, list_page page, void *context) {
    satchel_query *query = NULL;
    satchel_buffer next = {NULL, 0, 0};
    satchel_buffer after = {NULL, 0, 0};
    satchel_status status = satchel_query_open(&query, entity);
    bool more = true;
    while (status == SATCHEL_OK && more) {
        satchel_buffer_clear(&next);
        status = page(context, query, satchel_buffer_view(&after), &next);
        satchel_buffer_clear(&after);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&after, satchel_buffer_view(&next));
        }
        more = next.bytes > 0;
    }
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    satchel_buffer_deinit(&after);
    return status == SATCHEL_OK;
}

/* Whose rows are listed, and where they go. */
typedef struct listing {
    sim_phone *phone;
    shown *into;
} listing;

static satchel_status page_served(void *context, const satchel_query *query, satchel_bytes after,
                                  satchel_buffer *next) {
    const listing *list = context;
    const sim *here = list->phone->sim;
    satchel_actor actor = satchel_actor_user(&list->phone->user);
    return satchel_rows_list(here->service, here->db, &actor, query, after, LIST_ROWS, keep_served, list->into, next,
                             NULL);
}

static satchel_status page_held(void *context, const satchel_query *query, satchel_bytes after, satchel_buffer *next) {
    const listing *list = context;
    return satchel_store_query(list->phone->device->store, query, after, LIST_ROWS, keep_held, list->into, next, NULL);
}

/* The first field in which two records differ; 0: none. */
static uint32_t difference(const satchel_record *a, const satchel_record *b) {
    for (uint32_t side = 0; side < 2; side++) {
        const satchel_record *one = side == 0 ? a : b;
        const satchel_record *other = side == 0 ? b : a;
        for (uint32_t i = 0; i < one->count; i++) {
            const satchel_value *there = satchel_record_get(other, one->fields[i].number);
            bool absent = there == NULL || there->type == SATCHEL_TYPE_NULL;
            bool is_null = one->fields[i].value.type == SATCHEL_TYPE_NULL;
            if (absent != is_null || (!absent && !satchel_value_equal(&one->fields[i].value, there))) {
                return one->fields[i].number;
            }
        }
    }
    return 0;
}

static void judge_alone(sim_phone *phone, const shown_row *row, uint32_t entity) {
    if (!row->refused) {
        sim_violation(phone->sim, "phone %u holds a row of entity %u that its user may not see", (unsigned)phone->index,
                      (unsigned)entity);
    }
}

static void compare(sim_phone *phone, const shown *served, const shown *held, uint32_t entity) {
    sim *here = phone->sim;
    uint32_t at = 0;
    for (uint32_t i = 0; i < served->count; i++) {
        while (at < held->count && by_id(&held->rows[at], &served->rows[i]) < 0) {
            judge_alone(phone, &held->rows[at++], entity);
        }
        if (at == held->count || by_id(&held->rows[at], &served->rows[i]) != 0) {
            sim_violation(here, "phone %u lacks a row of entity %u", (unsigned)phone->index, (unsigned)entity);
            continue;
        }
        uint32_t field = difference(&served->rows[i].record, &held->rows[at].record);
        if (field != 0) {
            satchel_text theirs = satchel_record_text(&served->rows[i].record, field);
            satchel_text mine = satchel_record_text(&held->rows[at].record, field);
            sim_violation(here,
                          "phone %u shows another value in entity %u, field %u: %.*s (%lld), the server %.*s (%lld)",
                          (unsigned)phone->index, (unsigned)entity, (unsigned)field, (int)mine.bytes, mine.data,
                          (long long)satchel_record_int(&held->rows[at].record, field, 0), (int)theirs.bytes,
                          theirs.data, (long long)satchel_record_int(&served->rows[i].record, field, 0));
        }
        at++;
    }
    for (; at < held->count; at++) {
        judge_alone(phone, &held->rows[at], entity);
    }
}

static void judge_phone(sim_phone *phone, uint32_t entity) {
    static shown_row served_rows[ROWS_MOST];
    static shown_row held_rows[ROWS_MOST];
    shown served = {.rows = served_rows};
    shown held = {.rows = held_rows};
    listing serves = {phone, &served};
    listing holds = {phone, &held};
    if (!begin_read(phone->sim) || !list_all(entity, page_served, &serves) || !list_all(entity, page_held, &holds)) {
        sim_violation(phone->sim, "phone %u or the server cannot list entity %u", (unsigned)phone->index,
                      (unsigned)entity);
    } else {
        qsort(served.rows, served.count, sizeof *served.rows, by_id);
        qsort(held.rows, held.count, sizeof *held.rows, by_id);
        compare(phone, &served, &held, entity);
    }
    satchel_db_rollback(phone->sim->db);
    satchel_arena_deinit(&served.arena);
    satchel_arena_deinit(&held.arena);
}

static void judge_books(sim *here) {
    uint64_t bad = 0;
    uint64_t count = 0;
    satchel_service_counts counts;
    if (satchel_audit_verify(here->db, &bad, &count, NULL) != SATCHEL_OK || bad != 0) {
        sim_violation(here, "the audit chain breaks at entry %llu", (unsigned long long)bad);
    }
    if (satchel_service_count(here->service, here->db, &counts, NULL) != SATCHEL_OK ||
        counts.units_quarantined > here->counters[SIM_POISONED]) {
        sim_violation(here, "units are in quarantine");
    }
    here->counters[SIM_QUARANTINED] += counts.units_quarantined;
    if (counts.digest_repairs != 0 || counts.digest_books != 0) {
        sim_violation(here, "%llu requests asked for a repair, digests were made anew %llu times",
                      (unsigned long long)counts.digest_repairs, (unsigned long long)counts.digest_books);
    }
}

/* Nothing of the troubles is left on a phone: no op unsent, and it takes new work. */
static void judge_state(sim_phone *phone) {
    satchel_device_info info;
    satchel_write *write = NULL;
    satchel_status status = satchel_device_get_info(phone->device, &info, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, phone->device, NULL);
    }
    satchel_write_abandon(write);
    if (status != SATCHEL_OK || info.units_unsent > 0) {
        sim_violation(phone->sim, "phone %u has %llu units unsent: %s", (unsigned)phone->index,
                      (unsigned long long)info.units_unsent, satchel_status_name(status));
    }
}

void sim_judge(sim *here) {
    static const uint32_t entities[] = {SATCHEL_ENTITY_CUSTOMER, SATCHEL_ENTITY_TASK,       SATCHEL_ENTITY_CONTACT,
                                        SATCHEL_ENTITY_ORDER,    SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ENTITY_PRODUCT,
                                        SATCHEL_ENTITY_USER,     SATCHEL_ENTITY_VISIT};
    for (uint32_t i = 0; i < here->phone_count; i++) {
        for (size_t e = 0; here->phones[i].device != NULL && e < sizeof entities / sizeof *entities; e++) {
            judge_phone(&here->phones[i], entities[e]);
        }
        if (here->phones[i].device != NULL) {
            judge_state(&here->phones[i]);
            sim_judge_store(&here->phones[i]);
        }
    }
    if (!begin_read(here)) {
        sim_violation(here, "the server's database cannot be read");
        return;
    }
    sim_judge_ledger(here);
    judge_books(here);
    satchel_db_rollback(here->db);
}
