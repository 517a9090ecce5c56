/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that came back: carried out once more as decided facts, in their old order, each in the name of who gave it.
 */
#include "service/returned_work.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/audit.h"

#include <satchel/model.h>
#include <stdio.h>

typedef struct waiting_command {
    uint64_t n;
    satchel_writer writer;
    satchel_id user;
    int64_t stamp_ms;
    satchel_bytes bytes;
    satchel_op op;
} waiting_command;

/* Behind a command, in the old order of all. */
typedef struct waiting_place {
    uint64_t n;
    satchel_writer writer;
} waiting_place;

enum { WINDOW = 64 };                         /* read at once */
static const char PLACE[] = "returned_place"; /* in meta */

typedef struct command_work {
    satchel_change *change;
    waiting_command *waiting;
    uint32_t count;
    uint32_t tried;
    satchel_error *error;
} command_work;

static satchel_status read_waiting(command_work *work, const satchel_db_statement *statement) {
    waiting_command *out = &work->waiting[work->count];
    *out = (waiting_command){.n = satchel_db_uint(statement, 0),
                             .writer = {satchel_db_uint(statement, 2), satchel_db_uint(statement, 1)},
                             .user = satchel_db_id(statement, 3),
                             .stamp_ms = satchel_db_int(statement, 4)};
    return satchel_arena_copy(work->change->arena, satchel_db_bytes(statement, 5), &out->bytes);
}

/* The next of them behind this place, in their old order. */
static satchel_status list_waiting(command_work *work, const waiting_place *after) {
    satchel_change *change = work->change;
    satchel_db_statement *statement = NULL;
    work->count = 0;
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, work->error,
                         "SELECT n, sequence, incarnation, owner, stamp_ms, op FROM returned_op WHERE command = 1"
                         " AND (n > ?1 OR (n = ?1 AND (sequence > ?2 OR (sequence = ?2 AND incarnation > ?3))))"
                         " ORDER BY n, sequence, incarnation LIMIT ?4",
                         satchel_db_count(after->n), satchel_db_count(after->writer.sequence),
                         satchel_db_count(after->writer.incarnation), satchel_value_int(WINDOW));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && work->count < WINDOW) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            status = read_waiting(work, statement);
            work->count += status == SATCHEL_OK ? 1 : 0;
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status mark_done(const command_work *work, const waiting_command *given, satchel_returned_state how) {
    return SATCHEL_DB_RUN(work->change->db, work->error,
                          "UPDATE returned_op SET command = ?4 WHERE command = 1 AND n = ?1 AND sequence = ?2"
                          " AND incarnation = ?3",
                          satchel_db_count(given->n), satchel_db_count(given->writer.sequence),
                          satchel_db_count(given->writer.incarnation), satchel_value_int(how));
}

/* Fields of a plan that a later change set stay as that left them. */
static void drop_overtaken(const satchel_op *later, satchel_op *op) {
    for (uint32_t i = 0; i < later->set.count; i++) {
        satchel_record_remove(&op->set, later->set.fields[i].number);
    }
}

/* Who has a customer, and what it is merged into, are two matters; every other entity has one. */
static bool is_same_matter(const satchel_op *a, const satchel_op *b) {
    bool a_merges = a->command == SATCHEL_COMMAND_MERGE || a->command == SATCHEL_COMMAND_UNMERGE;
    bool b_merges = b->command == SATCHEL_COMMAND_MERGE || b->command == SATCHEL_COMMAND_UNMERGE;
    return a_merges == b_merges;
}

/*
 * Was a later command about the same of the row carried out before this one came? A change of a plan keeps what the
 * later left.
 */
static satchel_status look_for_later(const command_work *work, waiting_command *given, bool *out_overtaken) {
    satchel_change *change = work->change;
    satchel_db_statement *statement = NULL;
    bool had = given->op.set.count > 0;
    satchel_status status = SATCHEL_DB_START(
        &statement, change->db, work->error,
        "SELECT op, sequence FROM returned_op WHERE entity = ?1 AND row = ?2 AND command = 2"
        " AND n > ?3 ORDER BY n",
        satchel_db_count(given->op.entity), satchel_value_id(&given->op.row), satchel_db_count(given->n));
    bool found = status == SATCHEL_OK;
    *out_overtaken = false;
    while (status == SATCHEL_OK && found && !*out_overtaken) {
        satchel_op later;
        status = satchel_db_step(statement, &found, work->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        status = satchel_op_decode(&change->service->schema, satchel_db_bytes(statement, 0),
                                   satchel_db_uint(statement, 1), change->arena, &later, work->error);
        bool plan = given->op.command == SATCHEL_COMMAND_CHANGE_PLAN && later.command == SATCHEL_COMMAND_CHANGE_PLAN;
        if (status == SATCHEL_OK && plan && later.set.count > 0 && had) {
            drop_overtaken(&later, &given->op);
            *out_overtaken = given->op.set.count == 0;
        } else {
            *out_overtaken = is_same_matter(&later, &given->op);
        }
    }
    satchel_db_end(statement);
    return status;
}

/* In the name of who gave it, then. */
static satchel_status decide_as(command_work *work, const waiting_command *given, satchel_op_decision *out) {
    satchel_change *change = work->change;
    const satchel_change before = *change;
    satchel_incarnation life;
    satchel_author author;
    satchel_person person;
    satchel_op op = given->op;
    satchel_status status = satchel_incarnation_by_number(change->db, given->writer.incarnation, &life, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_author_of_phone(change->db, &life, &author, work->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_person_load(change->service, change->db, &given->user, change->day, change->arena, &person,
                                     work->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_epoch_cap_op(change->db, change->counter, change->arena, &op, work->error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    change->author = &author;
    change->person = &person;
    change->scopes = NULL;
    change->trusted = true;
    change->fact_n = given->n;
    change->stamp_ms = given->stamp_ms;
    status = satchel_change_op(change, &op, out, work->error);
    change->author = before.author;
    change->person = before.person;
    change->scopes = before.scopes;
    change->trusted = before.trusted;
    change->fact_n = before.fact_n;
    change->stamp_ms = before.stamp_ms;
    change->sequence = before.sequence;
    return status;
}

/* Is this the unit's own, of which people are told if it has to wait? */
static bool is_own(const command_work *work, const waiting_command *given) {
    return given->writer.incarnation == work->change->author->incarnation && given->n == work->change->fact_n;
}

/* People are told once of one that cannot be carried out: with its own unit. */
static satchel_status tell(command_work *work, const waiting_command *given, const satchel_op_decision *decision) {
    const satchel_change *change = work->change;
    if (!is_own(work, given)) {
        return SATCHEL_OK;
    }
    const satchel_audit_entry entry = {.action = "returned command waits",
                                       .user = given->user,
                                       .device = change->author->device,
                                       .subject_entity = given->op.entity,
                                       .subject_row = given->op.row,
                                       .status = decision->status};
    return satchel_audit_add(change->db, change->counter, change->now_ms, &entry, work->error);
}

static satchel_status try_one(command_work *work, waiting_command *given) {
    satchel_op_decision decision = {.code = SATCHEL_RESULT_APPLIED};
    bool overtaken = false;
    satchel_status status = look_for_later(work, given, &overtaken);
    if (status == SATCHEL_OK && !overtaken) {
        status = decide_as(work, given, &decision);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (decision.code == SATCHEL_RESULT_APPLIED) {
        return mark_done(work, given, SATCHEL_RETURNED_CARRIED_OUT);
    }
    status = tell(work, given, &decision);
    /*
     * No unit that follows changes that, and what is tried for ever keeps others from their turn. But a customer that
     * was merged before may be taken back by a command that comes later.
     */
    bool is_over = decision.status == SATCHEL_OVERTAKEN && given->op.command != SATCHEL_COMMAND_MERGE;
    return status == SATCHEL_OK && is_over ? mark_done(work, given, SATCHEL_RETURNED_OVERTAKEN) : status;
}

/* Nothing can be done about a row that is not there: that is seen without deciding anything. */
static satchel_status is_worth_a_try(const command_work *work, const waiting_command *given, bool *out) {
    const satchel_entity *entity = satchel_schema_entity(&work->change->service->schema, given->op.entity);
    const satchel_value id = satchel_value_id(&given->op.row);
    int64_t count = 0;
    char sql[128];
    *out = is_own(work, given);
    if (*out || entity == NULL) {
        return SATCHEL_OK;
    }
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\" WHERE \"id\" = ?1", entity->name);
    satchel_status status = satchel_db_number_values(work->change->db, sql, &id, 1, 0, &count, work->error);
    *out = count > 0;
    return status;
}

static satchel_status look_at(command_work *work, waiting_command *given) {
    bool worth = false;
    satchel_status status = satchel_op_decode(&work->change->service->schema, given->bytes, given->writer.sequence,
                                              work->change->arena, &given->op, work->error);
    if (status == SATCHEL_OK) {
        status = is_worth_a_try(work, given, &worth);
    }
    if (status != SATCHEL_OK || !worth) {
        return status;
    }
    work->tried++;
    return try_one(work, given);
}

static bool is_before(const waiting_place *a, const waiting_place *b) {
    if (a->n != b->n) {
        return a->n < b->n;
    }
    return a->writer.sequence != b->writer.sequence ? a->writer.sequence < b->writer.sequence
                                                    : a->writer.incarnation < b->writer.incarnation;
}

/* From this place on, up to `until` (NULL: the end), as long as there are tries left. Gives where it stopped. */
static satchel_status walk(command_work *work, waiting_place *at, const waiting_place *until, bool *out_ended) {
    satchel_status status = SATCHEL_OK;
    *out_ended = false;
    while (status == SATCHEL_OK && !*out_ended && work->tried < SATCHEL_RETURNED_COMMANDS_MOST) {
        status = list_waiting(work, at);
        *out_ended = work->count < WINDOW;
        for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
            const waiting_place here = {work->waiting[i].n, work->waiting[i].writer};
            if (until != NULL && is_before(until, &here)) {
                *out_ended = true;
                break;
            }
            if (work->tried == SATCHEL_RETURNED_COMMANDS_MOST) {
                *out_ended = false;
                break;
            }
            status = look_at(work, &work->waiting[i]);
            *at = here;
        }
    }
    return status;
}

/* Where the tries of the unit before ended, if there were more commands than a unit may try. */
static satchel_status load_place(command_work *work, waiting_place *out) {
    satchel_bytes bytes = {NULL, 0};
    satchel_status status = satchel_meta_get(work->change->db, PLACE, work->change->arena, &bytes, work->error);
    *out = (waiting_place){.n = 0};
    if (status == SATCHEL_NOT_FOUND) {
        return SATCHEL_OK;
    }
    if (status == SATCHEL_OK && bytes.bytes == 24) {
        out->n = satchel_get_u64be(bytes.data);
        out->writer.sequence = satchel_get_u64be(bytes.data + 8);
        out->writer.incarnation = satchel_get_u64be(bytes.data + 16);
    }
    return status;
}

static satchel_status save_place(command_work *work, const waiting_place *place) {
    uint8_t bytes[24];
    satchel_put_u64be(bytes, place->n);
    satchel_put_u64be(bytes + 8, place->writer.sequence);
    satchel_put_u64be(bytes + 16, place->writer.incarnation);
    return satchel_meta_put(work->change->db, PLACE, satchel_bytes_of(bytes, sizeof bytes), work->error);
}

satchel_status satchel_returned_commands(satchel_change *change, satchel_error *error) {
    command_work work = {.change = change, .error = error};
    waiting_place began;
    bool ended = false;
    work.waiting = satchel_arena_take_array(change->arena, WINDOW, sizeof *work.waiting);
    if (work.waiting == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for commands that came back");
    }
    satchel_status status = load_place(&work, &began);
    waiting_place at = began;
    if (status == SATCHEL_OK) {
        status = walk(&work, &at, NULL, &ended);
    }
    if (status == SATCHEL_OK && ended && began.n > 0) {
        at = (waiting_place){.n = 0};
        status = walk(&work, &at, &began, &ended);
    }
    at = ended ? (waiting_place){.n = 0} : at;
    return status == SATCHEL_OK && (at.n != began.n || began.n > 0) ? save_place(&work, &at) : status;
}
