/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger against what became of it.
 *
 * The server names each unit that it decided on by the digest of its bytes. So of every edit it is known whether it was
 * decided, and how often: once, but for an edit that only an ended life of a restored phone had, which may have stayed
 * unsent. What was decided on stands, or was followed by what somebody wrote who had seen it, or is listed: what took
 * effect as the loser of a conflict about its own row and field, what took none in the unit that is kept. Points are
 * exactly the sum of those that were applied.
 *
 * After a restore of the server two things are different. What came back to a row that did not has no effect, and is
 * among what administrators are shown to wait. And what a phone wrote over a value may come before that value comes
 * back: then it is that value which is listed, and the one that it had beaten once was followed by its own author.
 */
#include "base/ids.h"
#include "base/text.h"
#include "service/returned_list.h"
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
#define REASONS_MOST 1000
#define DECIDED_MOST (SIM_EDITS_MOST * 2)

typedef struct decided_unit {
    uint8_t digest[SATCHEL_DIGEST_BYTES];
    bool applied;
    bool named; /* by an edit of the ledger */
} decided_unit;

typedef struct case_file {
    sim *here;
    satchel_buffer listed; /* the bytes of all units that were kept because they did not take effect */
    decided_unit *decided; /* in the order of their digests */
    uint32_t decided_count;
    bool *counts;  /* of each edit: it was decided on */
    bool *applied; /* … and took effect */
    bool *lost;    /* what it wrote into its own row and field is a loser in the journal */
    bool *waits;   /* it came back after a restore, and administrators are shown that it waits for its row */
    bool *fine;
} case_file;

/* --- what was decided --- */

static int by_digest(const void *a, const void *b) {
    return memcmp(((const decided_unit *)a)->digest, ((const decided_unit *)b)->digest, SATCHEL_DIGEST_BYTES);
}

static void list_decided(case_file *file) {
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_db_start(
        &statement, file->here->db,
        "SELECT r.digest, k.code FROM unit_result r LEFT JOIN kept_unit k ON k.incarnation = r.incarnation"
        " AND k.first_sequence = r.first_sequence",
        NULL, 0, NULL);
    bool row = status == SATCHEL_OK;
    while (status == SATCHEL_OK && row) {
        status = satchel_db_step(statement, &row, NULL);
        satchel_bytes digest = row ? satchel_db_bytes(statement, 0) : (satchel_bytes){NULL, 0};
        if (status == SATCHEL_OK && row && file->decided_count < DECIDED_MOST && digest.bytes == SATCHEL_DIGEST_BYTES) {
            decided_unit *unit = &file->decided[file->decided_count++];
            memcpy(unit->digest, digest.data, digest.bytes);
            unit->applied = satchel_db_is_null(statement, 1);
            unit->named = false;
        } else if (row) {
            status = SATCHEL_LIMIT_EXCEEDED;
        }
    }
    satchel_db_end(statement);
    if (status != SATCHEL_OK) {
        sim_violation(file->here, "the decisions cannot be read: %s", satchel_status_name(status));
    }
    qsort(file->decided, file->decided_count, sizeof *file->decided, by_digest);
}

/* How often the unit was decided on; `*applied`: it took effect. */
static uint32_t decided_times(case_file *file, const sim_edit *edit, bool *applied) {
    decided_unit key = {.applied = false};
    memcpy(key.digest, edit->unit, sizeof key.digest);
    decided_unit *found = bsearch(&key, file->decided, file->decided_count, sizeof *file->decided, by_digest);
    uint32_t times = 0;
    *applied = found != NULL && found->applied;
    if (found != NULL) {
        const decided_unit *end = file->decided + file->decided_count;
        while (found > file->decided && by_digest(found - 1, &key) == 0) {
            found--;
        }
        for (; found < end && by_digest(found, &key) == 0; found++) {
            found->named = true;
            times++;
        }
    }
    return times;
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
static const satchel_schema *schema_of(const sim *here) {
    return satchel_store_schema(here->phones[0].device->store);
}

static bool holds_element(const satchel_record *record, uint32_t field, const char *element) {
    const satchel_value *value = satchel_record_get(record, field);
    for (uint32_t i = 0; value != NULL && value->type == SATCHEL_TYPE_SET && i < value->as.set.count; i++) {
        if (satchel_text_is(satchel_text_from(value->as.set.elements[i]), element)) {
            return true;
        }
    }
    return false;
}

/* Units that took no effect are kept whole; what was held and what came too late is counted. */
static void list_kept(case_file *file) {
    sim *here = file->here;
    satchel_db_statement *statement = NULL;
    satchel_status status =
        satchel_db_start(&statement, here->db, "SELECT unit, code, reason FROM kept_unit", NULL, 0, NULL);
    bool row = status == SATCHEL_OK;
    while (status == SATCHEL_OK && row) {
        status = satchel_db_step(statement, &row, NULL);
        if (status == SATCHEL_OK && row) {
            list_bytes(file, satchel_db_bytes(statement, 0));
            here->counters[SIM_HELD] += satchel_db_int(statement, 1) == SATCHEL_RESULT_HELD ? 1 : 0;
            here->counters[SIM_TOO_LATE] += satchel_db_int(statement, 2) == SATCHEL_LATE_FOR_PARENT ? 1 : 0;
        }
    }
    satchel_db_end(statement);
    if (status != SATCHEL_OK) {
        sim_violation(here, "the units that were kept cannot be read");
    }
}

/* Did this edit write what the conflict lists as its loser? */
static bool is_loser(const sim *here, const sim_edit *edit, const satchel_id *row, uint32_t field,
                     const satchel_record *loser) {
    if (!sim_may_stand_for(here, row, &edit->row)) {
        return false;
    }
    switch (edit->kind) {
    case SIM_TEXT:
        return edit->value[0] != '\0' && satchel_text_is(satchel_record_text(loser, edit->field), edit->value);
    case SIM_TAG: return holds_element(loser, edit->field, edit->value);
    case SIM_DELETE: return field == SATCHEL_FIELD_DELETED;
    case SIM_SUBMIT: return field == SATCHEL_ORDER_STATUS;
    case SIM_SUM:
    case SIM_UNTAG:
    case SIM_MERGE:
    case SIM_STEP:
    case SIM_LINE: break;
    }
    return false;
}

/* The losing side of a conflict: member 2 of the ConflictValues that one of four fields holds. */
static satchel_status read_loser(const sim *here, const satchel_record *conflict, satchel_record *out) {
    static const uint32_t fields[] = {SATCHEL_CONFLICT_VALUES_OPEN, SATCHEL_CONFLICT_VALUES_PERSONAL,
                                      SATCHEL_CONFLICT_VALUES_COMMERCIAL, SATCHEL_CONFLICT_VALUES_SECRET};
    uint32_t entity = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const satchel_value *value = satchel_record_get(conflict, fields[i]);
        satchel_reader reader = satchel_reader_of(value != NULL ? value->as.bytes : (satchel_bytes){NULL, 0});
        while (status == SATCHEL_OK && satchel_reader_left(&reader) > 0) {
            uint8_t tag = 0;
            uint64_t bytes = 0;
            satchel_bytes side = {NULL, 0};
            status = satchel_reader_byte(&reader, &tag);
            if (status == SATCHEL_OK) {
                status = satchel_reader_varint(&reader, &bytes);
            }
            if (status == SATCHEL_OK) {
                status = satchel_reader_take(&reader, (size_t)bytes, &side);
            }
            if (status == SATCHEL_OK && tag >> 3 == 2) {
                status = satchel_record_decode(schema_of(here), entity, side, false, out, NULL);
            }
        }
    }
    return status;
}

static satchel_status note_loser(void *context, const satchel_id *id, const satchel_record *conflict, uint64_t n) {
    case_file *file = context;
    sim *here = file->here;
    satchel_arena arena = {0};
    satchel_record loser;
    const satchel_id row = satchel_record_id(conflict, SATCHEL_CONFLICT_SUBJECT_ROW);
    uint32_t field = (uint32_t)satchel_record_int(conflict, SATCHEL_CONFLICT_SUBJECT_FIELD, 0);
    (void)id;
    (void)n;
    satchel_record_init(&loser, &arena);
    satchel_status status = read_loser(here, conflict, &loser);
    for (uint32_t i = 0; status == SATCHEL_OK && i < here->edit_count; i++) {
        file->lost[i] = file->lost[i] || is_loser(here, &here->edits[i], &row, field, &loser);
    }
    sim_count(here, SIM_CONFLICTS);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status note_parked(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    case_file *file = context;
    (void)id;
    (void)record;
    (void)n;
    sim_count(file->here, SIM_PARKED);
    return SATCHEL_OK;
}

/* All rows of one of the server's own books. */
static void list_book(case_file *file, uint32_t entity, satchel_served_row_visitor visit) {
    sim *here = file->here;
    satchel_actor system = satchel_actor_system();
    satchel_query *query = NULL;
    satchel_buffer next = {NULL, 0, 0};
    satchel_buffer after = {NULL, 0, 0};
    bool more = true;
    satchel_status status = satchel_query_open(&query, entity);
    while (status == SATCHEL_OK && more) {
        satchel_buffer_clear(&next);
        status = satchel_rows_list(here->service, here->db, &system, query, satchel_buffer_view(&after), LIST_ROWS,
                                   visit, file, &next, NULL);
        satchel_buffer_clear(&after);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&after, satchel_buffer_view(&next));
        }
        more = next.bytes > 0;
    }
    if (status != SATCHEL_OK) {
        sim_violation(here, "entity %u cannot be listed: %s", (unsigned)entity, satchel_status_name(status));
    }
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    satchel_buffer_deinit(&after);
}

/* Reasons are counted, and every kind of them can be listed. */
static void count_reasons(sim_phone *phone) {
    static const satchel_reason_kind kinds[] = {SATCHEL_REASON_CONFLICT, SATCHEL_REASON_REFUSED, SATCHEL_REASON_HELD,
                                                SATCHEL_REASON_PARKED};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        satchel_reasons *reasons = NULL;
        if (satchel_reasons_list(&reasons, phone->device, kinds[k], REASONS_MOST, NULL) == SATCHEL_OK) {
            phone->sim->counters[SIM_REFUSED] += satchel_reasons_count(reasons);
        } else {
            sim_violation(phone->sim, "phone %u cannot list its reasons", (unsigned)phone->index);
        }
        satchel_reasons_close(reasons);
    }
}

/* The edits of a unit of which some life of a store sent the op. */
static void note_waiting_unit(case_file *file, const uint8_t digest[SATCHEL_DIGEST_BYTES], const satchel_id *row) {
    for (uint32_t i = 0; i < file->here->edit_count; i++) {
        const sim_edit *edit = &file->here->edits[i];
        if (!edit->unsure && satchel_id_equal(&edit->row, row) &&
            memcmp(edit->unit, digest, SATCHEL_DIGEST_BYTES) == 0) {
            file->waits[i] = true;
            sim_count(file->here, SIM_RETURNED_WAITING);
        }
    }
}

static satchel_status note_waiting(void *context, const satchel_returned_waiting *waiting) {
    case_file *file = context;
    satchel_db_statement *statement = NULL;
    satchel_status status =
        SATCHEL_DB_START(&statement, file->here->db, NULL,
                         "SELECT r.digest FROM unit_result r JOIN incarnation i ON i.number = r.incarnation"
                         " WHERE i.device = ?1 AND r.first_sequence <= ?2 AND r.first_sequence + r.count > ?2",
                         satchel_value_id(&waiting->device), satchel_db_count(waiting->op.sequence));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, NULL);
        if (status == SATCHEL_OK && found && satchel_db_bytes(statement, 0).bytes == SATCHEL_DIGEST_BYTES) {
            note_waiting_unit(file, satchel_db_bytes(statement, 0).data, &waiting->op.row);
        }
    }
    satchel_db_end(statement);
    return status;
}

static void list_waiting(case_file *file) {
    satchel_status status = satchel_returned_list(file->here->service, file->here->db, note_waiting, file, NULL);
    if (status != SATCHEL_OK) {
        sim_violation(file->here, "what came back and waits cannot be listed: %s", satchel_status_name(status));
    }
}

/* --- the ledger --- */

/* The row as the server has it; false: it has none (with a root that it does not have either), or it is deleted. */
static bool read_row(sim *here, uint32_t entity, const satchel_id *row, satchel_record *out) {
    satchel_actor system = satchel_actor_system();
    uint64_t n = 0;
    satchel_status status = satchel_served_row_read(here->service, here->db, &system, entity, row, out, &n, NULL);
    if (status != SATCHEL_OK && status != SATCHEL_NOT_FOUND && status != SATCHEL_OUT_OF_SCOPE) {
        sim_violation(here, "the server cannot read a row of entity %u: %s", (unsigned)entity,
                      satchel_status_name(status));
    }
    const satchel_value *deleted = satchel_record_get(out, SATCHEL_FIELD_DELETED);
    return status == SATCHEL_OK && !(deleted != NULL && deleted->as.boolean);
}

/* Is what was done what this row of the server shows? */
static bool stands_in(sim *here, const sim_edit *edit, const satchel_id *row) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    bool there = read_row(here, edit->entity, row, &record);
    bool stands = there;
    switch (edit->kind) {
    case SIM_TEXT: stands = there && satchel_text_is(satchel_record_text(&record, edit->field), edit->value); break;
    case SIM_TAG: stands = there && holds_element(&record, edit->field, edit->value); break;
    case SIM_UNTAG:
        stands = edit->previous < 0 || !holds_element(&record, edit->field, here->edits[edit->previous].value);
        break;
    case SIM_DELETE: stands = !there; break;
    case SIM_SUBMIT:
        stands = there && satchel_record_int(&record, SATCHEL_ORDER_STATUS, 0) != SATCHEL_ORDER_STATUS_DRAFT;
        break;
    case SIM_MERGE: {
        const satchel_id into = satchel_record_id(&record, SATCHEL_CUSTOMER_MERGED_INTO);
        stands = there && !satchel_id_is_none(&into);
        break;
    }
    case SIM_LINE:
    case SIM_STEP:
    case SIM_SUM: break;
    }
    satchel_arena_deinit(&arena);
    return stands;
}

/* … or the one that stands for it, if it was merged; a set is only there what it is. */
static bool stands(const case_file *file, const sim_edit *edit) {
    sim *here = file->here;
    const satchel_id survivor = sim_survivor_on_server(here, &edit->row);
    bool same = satchel_id_equal(&survivor, &edit->row);
    bool is_set = edit->kind == SIM_TAG || edit->kind == SIM_UNTAG;
    return ((same || !is_set) && stands_in(here, edit, &edit->row)) ||
           (!same && edit->kind != SIM_MERGE && stands_in(here, edit, &survivor));
}

/* Did somebody who saw the value write another one there that is accounted for? */
static bool accounted(const case_file *file, uint32_t number) {
    const sim *here = file->here;
    for (uint32_t i = number + 1; i < here->edit_count; i++) {
        const sim_edit *later = &here->edits[i];
        bool seen = later->previous == (int32_t)number || later->previous_other == (int32_t)number;
        bool with_order = later->kind == SIM_DELETE && later->phone >= 0 &&
                          (here->edits[number].deleters >> later->phone & 1) != 0 &&
                          satchel_id_equal(&later->row, &here->edits[number].parent);
        if ((seen || with_order) && file->fine[i]) {
            return true;
        }
    }
    return false;
}

/*
 * Did the phone that wrote the value write over the one that had beaten it, and did that one come back behind, or not
 * at all? Then it is that one which lost, or is gone, and nobody but its own author went over the value.
 */
static bool followed_by_own(const case_file *file, uint32_t number) {
    const sim *here = file->here;
    const sim_edit *edit = &here->edits[number];
    if (here->counters[SIM_SERVERS_PUT_BACK] == 0 || edit->kind != SIM_TEXT || edit->phone < 0 || edit->may_be_gone) {
        return false;
    }
    for (uint32_t i = number + 1; i < here->edit_count; i++) {
        const sim_edit *later = &here->edits[i];
        if (file->fine[i] && later->kind == SIM_TEXT && later->phone == edit->phone && later->previous >= 0 &&
            later->field == edit->field && satchel_id_equal(&later->row, &edit->row) &&
            (file->lost[later->previous] || !file->counts[later->previous])) {
            return true;
        }
    }
    return false;
}

/* An element of another's that came back after it had been taken out, by who knew it in the stretch that was lost: to
 * the restored server he did not, and adds that were not seen survive. */
static bool came_in_again(const case_file *file, const sim_edit *edit) {
    const sim *here = file->here;
    return edit->kind == SIM_UNTAG && here->counters[SIM_SERVERS_PUT_BACK] > 0 && edit->previous >= 0 &&
           here->edits[edit->previous].phone != edit->phone;
}

/* Whoever is not told of it by a phone must be told of a decision: what counts is what reached the server. */
static void judge_decisions(case_file *file) {
    sim *here = file->here;
    for (uint32_t i = 0; i < here->edit_count; i++) {
        const sim_edit *edit = &here->edits[i];
        bool applied = true;
        if (edit->unsure) {
            continue; /* it was not made: see judge_unmade */
        }
        uint32_t times = edit->phone < 0 ? !edit->may_be_gone : decided_times(file, edit, &applied);
        file->counts[i] = times > 0;
        file->applied[i] = applied && times > 0 && !file->waits[i];
        /* What a restored server has under an older life it notes under the new one, too: see judge_sums for effects.
         */
        if (times > 1 && here->counters[SIM_SERVERS_PUT_BACK] == 0) {
            sim_violation(here, "an edit of phone %d (%s) was decided on %u times", (int)edit->phone, edit->value,
                          (unsigned)times);
        }
        if (times == 0 && !edit->may_be_gone) {
            sim_violation(here, "an edit of phone %d (%s) never reached the server", (int)edit->phone, edit->value);
        }
        here->counters[SIM_LOST_WITH_A_LIFE] += times == 0 ? 1 : 0;
    }
    /* Stories write past the ledger. */
    for (uint32_t i = 0; here->edit_count > 0 && i < file->decided_count; i++) {
        if (!file->decided[i].named) {
            sim_violation(here, "the server decided on a unit that nobody committed");
        }
    }
}

/* A commit that failed, and that no opening of the store found again, is nowhere. */
static void judge_unmade(case_file *file) {
    sim *here = file->here;
    for (uint32_t i = 0; i < here->edit_count; i++) {
        const sim_edit *edit = &here->edits[i];
        if (edit->unsure && edit->value[0] != '\0' &&
            (file->lost[i] || is_listed(file, edit->value) || stands(file, edit))) {
            sim_violation(here, "%s of phone %d is there, though its commit failed", edit->value, (int)edit->phone);
        }
    }
}

static void judge_texts(case_file *file) {
    sim *here = file->here;
    for (uint32_t i = here->edit_count; i > 0; i--) {
        const sim_edit *edit = &here->edits[i - 1];
        if (edit->kind == SIM_SUM) {
            continue;
        }
        if (!file->counts[i - 1]) { /* gone with a store or the server: who had seen it wrote behind it all the same */
            file->fine[i - 1] = accounted(file, i - 1);
            continue;
        }
        /* Its bytes are kept, or what it wrote is a loser of the journal, by row and field. */
        bool listed = file->applied[i - 1] ? file->lost[i - 1] : edit->value[0] == '\0' || is_listed(file, edit->value);
        file->fine[i - 1] = stands(file, edit) || listed || file->waits[i - 1] || accounted(file, i - 1) ||
                            followed_by_own(file, i - 1) || came_in_again(file, edit);
        if (!file->fine[i - 1]) {
            sim_violation(here, "%s of phone %d, kind %d, entity %u, field %u, is gone without a trace", edit->value,
                          (int)edit->phone, (int)edit->kind, (unsigned)edit->entity, (unsigned)edit->field);
        }
    }
}

/* What the ledger says of a row: the sum of its points, or of its lines. */
typedef struct sums {
    int64_t sum;
    int64_t count;
} sums;

static sums sums_of(const case_file *file, sim_kind kind, const satchel_id *row) {
    const sim *here = file->here;
    sums out = {.sum = 0};
    for (uint32_t i = 0; i < here->edit_count; i++) {
        const sim_edit *edit = &here->edits[i];
        const satchel_id *of = kind == SIM_LINE ? &edit->parent : &edit->row;
        if (edit->kind != kind || !file->applied[i]) {
            continue;
        }
        const satchel_id survivor = sim_survivor_on_server(file->here, of);
        if (satchel_id_equal(&survivor, row)) {
            out.sum += edit->amount;
            out.count++;
        }
    }
    return out;
}

/* Each op's effect is there once: points of a customer, lines of an order and their worth. */
static void judge_sums(case_file *file, const sim_edit *edit) {
    sim *here = file->here;
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    const satchel_id row = sim_survivor_on_server(here, &edit->row);
    bool there = read_row(here, edit->entity, &row, &record);
    if (edit->kind == SIM_SUM) {
        const sums all = sums_of(file, SIM_SUM, &row);
        int64_t points = satchel_record_int(&record, edit->field, 0);
        if (points != all.sum) {
            sim_violation(here, "a customer has %lld points of %lld", (long long)points, (long long)all.sum);
        }
    } else if (there) {
        const sums all = sums_of(file, SIM_LINE, &edit->row);
        int64_t worth = satchel_record_int(&record, SATCHEL_ORDER_TOTAL_MINOR, 0);
        int64_t lines = satchel_record_int(&record, SATCHEL_ORDER_LINE_COUNT, 0);
        if (worth != all.sum || lines != all.count) {
            sim_violation(here, "order %s has %lld lines worth %lld of %lld worth %lld", edit->value, (long long)lines,
                          (long long)worth, (long long)all.count, (long long)all.sum);
        }
    }
    satchel_arena_deinit(&arena);
}

/* What of the ledger was a hazard: what lost, and counters that several phones moved. */
static void count_hazards(const case_file *file) {
    sim *here = file->here;
    for (uint32_t i = 0; i < here->edit_count; i++) {
        const sim_edit *edit = &here->edits[i];
        here->counters[SIM_LOST_UPDATES] += edit->kind == SIM_TEXT && file->lost[i] ? 1 : 0;
        here->counters[SIM_CASCADES_LOST] +=
            edit->kind == SIM_DELETE && edit->entity == SATCHEL_ENTITY_ORDER && file->lost[i] ? 1 : 0;
        here->counters[SIM_MERGES] += edit->kind == SIM_MERGE && file->applied[i] ? 1 : 0;
        here->counters[SIM_DELETES_LOST] += edit->kind == SIM_DELETE && file->lost[i] ? 1 : 0;
        for (uint32_t j = 0; j < i && edit->kind == SIM_SUM && edit->phone >= 0; j++) {
            const sim_edit *other = &here->edits[j];
            if (other->kind == SIM_SUM && other->phone != edit->phone && satchel_id_equal(&other->row, &edit->row)) {
                sim_count(here, SIM_COUNTERS_SHARED);
                break;
            }
        }
    }
}

void sim_judge_ledger(sim *here) {
    static decided_unit decided[DECIDED_MOST];
    static bool counts[SIM_EDITS_MOST];
    static bool applied[SIM_EDITS_MOST];
    static bool lost[SIM_EDITS_MOST];
    static bool waits[SIM_EDITS_MOST];
    static bool fine[SIM_EDITS_MOST];
    case_file file = {.here = here,
                      .decided = decided,
                      .counts = counts,
                      .applied = applied,
                      .lost = lost,
                      .waits = waits,
                      .fine = fine};
    memset(counts, 0, sizeof counts);
    memset(applied, 0, sizeof applied);
    memset(fine, 0, sizeof fine);
    memset(lost, 0, sizeof lost);
    memset(waits, 0, sizeof waits);
    for (uint32_t i = 0; i < here->phone_count; i++) {
        if (here->phones[i].device != NULL) {
            count_reasons(&here->phones[i]);
        }
    }
    if (here->phones[0].device == NULL) {
        return; /* it does not open: that is a violation already */
    }
    list_kept(&file);
    list_book(&file, SATCHEL_ENTITY_CONFLICT, note_loser);
    list_book(&file, SATCHEL_ENTITY_PARKED_EDIT, note_parked);
    list_decided(&file);
    list_waiting(&file);
    judge_decisions(&file);
    judge_unmade(&file);
    judge_texts(&file);
    count_hazards(&file);
    for (uint32_t i = 0; i < here->edit_count; i++) {
        const sim_edit *edit = &here->edits[i];
        if (edit->kind == SIM_SUM || (edit->kind == SIM_TEXT && edit->entity == SATCHEL_ENTITY_ORDER)) {
            judge_sums(&file, edit);
        }
    }
    satchel_buffer_deinit(&file.listed);
}
