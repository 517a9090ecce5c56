/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement, when all troubles have ended and everybody has synced:
 *
 * - every phone shows exactly the rows and fields that the server lets its user see;
 * - whatever a user was told is stored has become what stands, or was followed by what somebody wrote who had seen it,
 *   or is listed as a loser, refused, held or parked: nothing is gone without a trace;
 * - points are counted once;
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_ROWS 500
#define ROWS_MOST 4096
#define REASONS_MOST 1000
#define META_FIRST 901u /* created, updated, revision: told by each side for itself */

/* All texts in which a value may be listed: conflicts, parked edits, reasons of phones. */
typedef struct case_file {
    sim *here;
    satchel_buffer listed;
    int64_t refused_points[SIM_PHONES_MOST];
} case_file;

static bool begin_read(sim *here) {
    return satchel_db_begin(here->db, SATCHEL_DB_READ, NULL) == SATCHEL_OK;
}

/* --- what each side shows --- */

typedef struct shown_row {
    satchel_id id;
    satchel_record record;
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
    (void)flags;
    (void)base_n;
    return keep_row(context, id, record);
}

static int by_id(const void *a, const void *b) {
    const shown_row *left = a;
    const shown_row *right = b;
    return memcmp(left->id.bytes, right->id.bytes, SATCHEL_ID_BYTES);
}

static bool list_served(sim *here, const satchel_id *user, uint32_t entity, shown *out) {
    satchel_actor actor = satchel_actor_user(user);
    satchel_query *query = NULL;
    satchel_buffer next = {NULL, 0, 0};
    satchel_buffer after = {NULL, 0, 0};
    satchel_status status = satchel_query_open(&query, entity);
    bool more = true;
    while (status == SATCHEL_OK && more) {
        satchel_buffer_clear(&next);
        status = satchel_rows_list(here->service, here->db, &actor, query, satchel_buffer_view(&after), LIST_ROWS,
                                   keep_served, out, &next, NULL);
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

static bool list_held(sim_phone *phone, uint32_t entity, shown *out) {
    satchel_query *query = NULL;
    satchel_buffer next = {NULL, 0, 0};
    satchel_buffer after = {NULL, 0, 0};
    satchel_status status = satchel_query_open(&query, entity);
    bool more = true;
    while (status == SATCHEL_OK && more) {
        satchel_buffer_clear(&next);
        status = satchel_store_query(phone->device->store, query, satchel_buffer_view(&after), LIST_ROWS, keep_held,
                                     out, &next, NULL);
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

static void compare(sim_phone *phone, const shown *served, const shown *held, uint32_t entity) {
    sim *here = phone->sim;
    uint32_t at = 0;
    for (uint32_t i = 0; i < served->count; i++) {
        while (at < held->count && by_id(&held->rows[at], &served->rows[i]) < 0) {
            sim_violation(here, "phone %u holds a row of entity %u that its user may not see", (unsigned)phone->index,
                          (unsigned)entity);
            at++;
        }
        if (at == held->count || by_id(&held->rows[at], &served->rows[i]) != 0) {
            sim_violation(here, "phone %u lacks a row of entity %u", (unsigned)phone->index, (unsigned)entity);
            continue;
        }
        uint32_t field = difference(&served->rows[i].record, &held->rows[at].record);
        if (field != 0) {
            satchel_text theirs = satchel_record_text(&served->rows[i].record, field);
            satchel_text mine = satchel_record_text(&held->rows[at].record, field);
            sim_violation(here, "phone %u shows another value in entity %u, field %u: %.*s, the server %.*s",
                          (unsigned)phone->index, (unsigned)entity, (unsigned)field, (int)mine.bytes, mine.data,
                          (int)theirs.bytes, theirs.data);
        }
        at++;
    }
    for (; at < held->count; at++) {
        sim_violation(here, "phone %u holds a row of entity %u too many", (unsigned)phone->index, (unsigned)entity);
    }
}

static void judge_phone(sim_phone *phone, uint32_t entity) {
    static shown_row served_rows[ROWS_MOST];
    static shown_row held_rows[ROWS_MOST];
    shown served = {.rows = served_rows};
    shown held = {.rows = held_rows};
    if (!begin_read(phone->sim) || !list_served(phone->sim, &phone->user, entity, &served) ||
        !list_held(phone, entity, &held)) {
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

/* --- what is listed --- */

static void list_bytes(case_file *file, satchel_bytes bytes) {
    if (satchel_buffer_append(&file->listed, bytes) != SATCHEL_OK ||
        satchel_buffer_append_byte(&file->listed, 0) != SATCHEL_OK) {
        sim_violation(file->here, "no memory for the judge");
    }
}

static bool is_listed(const case_file *file, const char *value) {
    size_t bytes = strlen(value);
    for (size_t at = 0; at + bytes <= file->listed.bytes; at++) {
        if (file->listed.data[at] == (uint8_t)value[0] && memcmp(file->listed.data + at, value, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* The conflicts of the company and the units that were not applied, as they are stored. */
static void list_stored(case_file *file) {
    static const char *const selects[] = {
        "SELECT \"values_open\" FROM \"conflict\"", "SELECT \"values_personal\" FROM \"conflict\"",
        "SELECT \"values_commercial\" FROM \"conflict\"", "SELECT \"values_secret\" FROM \"conflict\"",
        "SELECT unit FROM kept_unit"};
    sim *here = file->here;
    for (size_t i = 0; i < sizeof selects / sizeof *selects; i++) {
        satchel_db_statement *statement = NULL;
        bool row = false;
        satchel_status status = satchel_db_start(&statement, here->db, selects[i], NULL, 0, NULL);
        row = status == SATCHEL_OK;
        while (status == SATCHEL_OK && row) {
            status = satchel_db_step(statement, &row, NULL);
            if (status == SATCHEL_OK && row) {
                list_bytes(file, satchel_db_bytes(statement, 0));
                here->counters[SIM_CONFLICTS] += i == 0 ? 1 : 0;
            }
        }
        satchel_db_end(statement);
        if (status != SATCHEL_OK) {
            sim_violation(here, "the journal cannot be read");
        }
    }
}

static satchel_status list_parked(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    case_file *file = context;
    satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    satchel_op op;
    (void)record;
    (void)n;
    satchel_status status = satchel_parked_op(file->here->service, file->here->db, &system, id, &arena, &op, NULL);
    for (uint32_t i = 0; status == SATCHEL_OK && i < op.set.count; i++) {
        list_bytes(file, satchel_text_bytes(satchel_record_text(&op.set, op.set.fields[i].number)));
    }
    sim_count(file->here, SIM_PARKED);
    satchel_arena_deinit(&arena);
    return status;
}

static void list_all_parked(case_file *file) {
    sim *here = file->here;
    satchel_actor system = satchel_actor_system();
    satchel_query *query = NULL;
    satchel_buffer next = {NULL, 0, 0};
    satchel_status status = satchel_query_open(&query, SATCHEL_ENTITY_PARKED_EDIT);
    if (status == SATCHEL_OK) {
        status = satchel_rows_list(here->service, here->db, &system, query, (satchel_bytes){NULL, 0}, LIST_ROWS,
                                   list_parked, file, &next, NULL);
    }
    if (status != SATCHEL_OK) {
        sim_violation(here, "the parked edits cannot be read: %s", satchel_status_name(status));
    }
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
}

static void list_reasons(case_file *file, sim_phone *phone) {
    static const satchel_reason_kind kinds[] = {SATCHEL_REASON_CONFLICT, SATCHEL_REASON_REFUSED, SATCHEL_REASON_HELD,
                                                SATCHEL_REASON_PARKED};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        satchel_reasons *reasons = NULL;
        if (satchel_reasons_list(&reasons, phone->device, kinds[k], REASONS_MOST, NULL) != SATCHEL_OK) {
            sim_violation(phone->sim, "phone %u cannot list its reasons", (unsigned)phone->index);
            continue;
        }
        for (uint32_t i = 0; i < satchel_reasons_count(reasons); i++) {
            satchel_reason reason;
            if (satchel_reasons_at(reasons, i, &reason) == SATCHEL_OK) {
                list_bytes(file, reason.mine);
                list_bytes(file, reason.theirs);
                sim_count(phone->sim, SIM_REFUSED);
            }
        }
        satchel_reasons_close(reasons);
    }
}

/* --- the ledger --- */

static bool stands(sim *here, const sim_edit *edit) {
    satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    uint64_t n = 0;
    satchel_record record;
    satchel_record_init(&record, &arena);
    satchel_status status =
        satchel_served_row_read(here->service, here->db, &system, edit->entity, &edit->row, &record, &n, NULL);
    bool same = status == SATCHEL_OK && satchel_text_is(satchel_record_text(&record, edit->field), edit->value);
    satchel_arena_deinit(&arena);
    return same;
}

/* Did somebody who saw the value write another one there that is accounted for? */
static bool accounted(const bool *fine, const sim *here, uint32_t number) {
    for (uint32_t i = number + 1; i < here->edit_count; i++) {
        if (here->edits[i].previous == (int32_t)number && fine[i]) {
            return true;
        }
    }
    return false;
}

static void judge_ledger(case_file *file) {
    static bool fine[SIM_EDITS_MOST];
    sim *here = file->here;
    for (uint32_t i = here->edit_count; i > 0; i--) {
        const sim_edit *edit = &here->edits[i - 1];
        bool is_sum = edit->value[0] == '\0';
        fine[i - 1] = is_sum || stands(here, edit) || is_listed(file, edit->value) || accounted(fine, here, i - 1);
        if (!fine[i - 1] && !edit->may_be_gone) {
            sim_violation(here, "%s, written into field %u, is gone without a trace", edit->value,
                          (unsigned)edit->field);
        }
    }
}

/* Points: what is there is a sum that the ledger can explain. */
static void judge_points(sim *here, const satchel_id *customer) {
    satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    satchel_record record;
    int64_t most = 0;
    uint64_t n = 0;
    bool unsure = false;
    satchel_record_init(&record, &arena);
    for (uint32_t i = 0; i < here->edit_count; i++) {
        const sim_edit *edit = &here->edits[i];
        if (edit->delta != 0 && satchel_id_equal(&edit->row, customer)) {
            most += edit->delta;
            unsure = unsure || edit->may_be_gone;
        }
    }
    satchel_status status =
        satchel_served_row_read(here->service, here->db, &system, SATCHEL_ENTITY_CUSTOMER, customer, &record, &n, NULL);
    int64_t points = satchel_record_int(&record, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0);
    bool refused = here->counters[SIM_PARKED] + here->counters[SIM_REFUSED] > 0;
    if (status != SATCHEL_OK || points > most || (points < most && !unsure && !refused)) {
        sim_violation(here, "a customer has %lld points of %lld", (long long)points, (long long)most);
    }
    satchel_arena_deinit(&arena);
}

static void judge_books(sim *here) {
    uint64_t bad = 0;
    uint64_t count = 0;
    satchel_service_counts counts;
    if (satchel_audit_verify(here->db, &bad, &count, NULL) != SATCHEL_OK || bad != 0) {
        sim_violation(here, "the audit chain breaks at entry %llu", (unsigned long long)bad);
    }
    if (satchel_service_count(here->service, here->db, &counts, NULL) != SATCHEL_OK || counts.units_quarantined != 0) {
        sim_violation(here, "units are in quarantine");
    }
}

void sim_judge(sim *here) {
    static const uint32_t entities[] = {SATCHEL_ENTITY_CUSTOMER, SATCHEL_ENTITY_TASK, SATCHEL_ENTITY_CONTACT,
                                        SATCHEL_ENTITY_USER};
    case_file file = {.here = here};
    for (uint32_t i = 0; i < here->phone_count; i++) {
        for (size_t e = 0; here->phones[i].device != NULL && e < sizeof entities / sizeof *entities; e++) {
            judge_phone(&here->phones[i], entities[e]);
        }
        if (here->phones[i].device != NULL) {
            list_reasons(&file, &here->phones[i]);
        }
    }
    if (!begin_read(here)) {
        sim_violation(here, "the server's database cannot be read");
        return;
    }
    list_stored(&file);
    list_all_parked(&file);
    judge_ledger(&file);
    for (uint32_t i = 0; i < here->customer_count; i++) {
        judge_points(here, &here->customers[i]);
    }
    judge_books(here);
    satchel_db_rollback(here->db);
    satchel_buffer_deinit(&file.listed);
}
