/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of two customers that become one, and of edits that come for the one that went.
 */
#include "service/merge_customers.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>
#include <string.h>

#define NO_ELEMENT ((satchel_bytes){NULL, 0})

/* --- gaining --- */

typedef struct uniting {
    satchel_merging *work;
    satchel_stored_row *survivor;
    const satchel_stored_row *gone;
    satchel_record *gained;
    satchel_standing standing; /* of the survivor */
    uint32_t changed[SATCHEL_LIMIT_FIELDS_PER_RECORD];
    uint32_t changed_count;
} uniting;

static satchel_status gain(uniting *u, uint32_t number, const satchel_value *value, const satchel_value *gained) {
    satchel_status status = satchel_change_put(u->work->given->change, u->survivor, number, value);
    if (status == SATCHEL_OK) {
        status = satchel_record_set(u->gained, number, gained);
    }
    if (status == SATCHEL_OK && u->changed_count < SATCHEL_LIMIT_FIELDS_PER_RECORD) {
        u->changed[u->changed_count++] = number;
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(u->work->given->error, status, "a merged value");
}

/* Elements get versions of their own, so that a removal by someone who did not see them leaves them. */
static satchel_status gain_elements(uniting *u, const satchel_field *field, const satchel_value *now,
                                    const satchel_value *more) {
    static const satchel_set nothing = {NULL, 0};
    satchel_change *change = u->work->given->change;
    const satchel_set *had = now != NULL && now->type == SATCHEL_TYPE_SET ? &now->as.set : &nothing;
    satchel_value added = satchel_value_set(NULL, 0);
    satchel_value both = satchel_value_set(NULL, 0);
    satchel_status status = satchel_set_minus(change->arena, &more->as.set, had, &added.as.set);
    if (status != SATCHEL_OK || added.as.set.count == 0) {
        return status;
    }
    status = satchel_set_union(change->arena, had, &added.as.set, &both.as.set);
    if (status == SATCHEL_LIMIT_EXCEEDED) {
        return satchel_given_refuse(u->work->given, status, field->number, "both together have too many elements");
    }
    if (status == SATCHEL_OK) {
        status = gain(u, field->number, &both, &added);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < added.as.set.count; i++) {
        const satchel_version version = {.field = field->number,
                                         .element = added.as.set.elements[i],
                                         .n = change->n,
                                         .stamp_ms = change->stamp_ms,
                                         .writer = {change->author->incarnation, change->sequence}};
        status = satchel_versions_put(&u->survivor->merged.versions, &version);
    }
    return status;
}

static satchel_status gain_sum(uniting *u, const satchel_field *field, const satchel_value *now,
                               const satchel_value *more) {
    satchel_value sum = *more;
    if (now != NULL && __builtin_add_overflow(now->as.integer, more->as.integer, &sum.as.integer)) {
        return satchel_given_refuse(u->work->given, SATCHEL_OUT_OF_RANGE, field->number, "the counters do not add up");
    }
    return gain(u, field->number, &sum, more);
}

/* Has the record any member of the field's cell? */
static bool has_cell(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                     const satchel_field *field) {
    const satchel_entity *of = satchel_schema_entity(schema, entity);
    if (satchel_record_get(record, field->number) != NULL) {
        return true;
    }
    for (uint32_t i = 0; field->group != 0 && i < of->field_count; i++) {
        if (of->fields[i].group == field->group && satchel_record_get(record, of->fields[i].number) != NULL) {
            return true;
        }
    }
    return false;
}

static satchel_version version_of(const satchel_stored_row *row, uint32_t key) {
    const satchel_version *found = satchel_versions_find(&row->merged.versions, key, NO_ELEMENT);
    return found != NULL ? *found : (satchel_version){.field = key};
}

/* The value that goes is kept in the journal, closed: whoever merged has seen both. */
static satchel_status journal(uniting *u, const satchel_field *field, const satchel_value *now,
                              const satchel_value *lost) {
    satchel_change *change = u->work->given->change;
    uint32_t key = satchel_versions_key(&change->service->schema, SATCHEL_ENTITY_CUSTOMER, field);
    satchel_loss loss = {.field = field->number,
                         .policy = (satchel_policy)field->policy,
                         .kind = SATCHEL_LOSS_OF_OP,
                         .reason = SATCHEL_AMBIGUOUS,
                         .winner_version = version_of(u->survivor, key),
                         .loser_version = version_of(u->gone, key)};
    satchel_id id;
    satchel_record_init(&loss.winner, change->arena);
    satchel_record_init(&loss.loser, change->arena);
    const satchel_value none = satchel_value_null();
    satchel_status status = satchel_record_set(&loss.winner, field->number, now != NULL ? now : &none);
    if (status == SATCHEL_OK) {
        status = satchel_record_set(&loss.loser, field->number, lost);
    }
    return status == SATCHEL_OK
               ? satchel_journal_conflict(change, u->survivor, &u->standing, &loss, &id, u->work->given->error)
               : satchel_fail(u->work->given->error, status, "no memory for the journal");
}

static satchel_status unite_field(uniting *u, const satchel_field *field) {
    const satchel_value *now = satchel_record_get(&u->survivor->merged.value, field->number);
    const satchel_value *more = satchel_record_get(&u->gone->merged.value, field->number);
    const satchel_schema *schema = &u->work->given->change->service->schema;
    bool skipped = (field->flags & (SATCHEL_FIELD_META | SATCHEL_FIELD_ARCHIVED)) != 0 ||
                   field->policy == SATCHEL_POLICY_SERVER || field->writer == SATCHEL_WRITE_SERVER;
    if (skipped || more == NULL || more->type == SATCHEL_TYPE_NULL) {
        return SATCHEL_OK;
    }
    if (field->policy == SATCHEL_POLICY_SET) {
        return gain_elements(u, field, now, more);
    }
    if (field->policy == SATCHEL_POLICY_SUM) {
        return gain_sum(u, field, now, more);
    }
    if (now != NULL && satchel_value_equal(now, more)) {
        return SATCHEL_OK;
    }
    int order = now != NULL ? satchel_value_compare(more, now) : 0;
    bool wins = (field->policy == SATCHEL_POLICY_MIN && order < 0) ||
                ((field->policy == SATCHEL_POLICY_MAX || field->policy == SATCHEL_POLICY_STRICT) && order > 0);
    if (wins || (now == NULL && !has_cell(schema, SATCHEL_ENTITY_CUSTOMER, &u->survivor->merged.value, field))) {
        return gain(u, field->number, more, more);
    }
    bool settles_itself = field->policy == SATCHEL_POLICY_MAX || field->policy == SATCHEL_POLICY_MIN ||
                          field->policy == SATCHEL_POLICY_STRICT || field->policy == SATCHEL_POLICY_STATE;
    return settles_itself ? SATCHEL_OK : journal(u, field, now, more);
}

/* A group is filled whole: what of it the survivor lacks is looked at before any of it is filled. */
static satchel_status unite_groups_first(uniting *u, const satchel_record *before) {
    const satchel_schema *schema = &u->work->given->change->service->schema;
    const satchel_field *field = NULL;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0;
         status == SATCHEL_OK && (field = satchel_schema_field_at(schema, SATCHEL_ENTITY_CUSTOMER, i)) != NULL; i++) {
        const satchel_value *more = satchel_record_get(&u->gone->merged.value, field->number);
        if (field->group != 0 && more != NULL && !has_cell(schema, SATCHEL_ENTITY_CUSTOMER, before, field)) {
            status = gain(u, field->number, more, more);
        }
    }
    return status;
}

static int by_number(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static satchel_status save(satchel_merging *work, satchel_stored_row *row, uint32_t *changed, uint32_t count) {
    /* insertion keeps the numbers ascending: groups came first */
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = i; j > 0 && by_number(&changed[j - 1], &changed[j]) > 0; j--) {
            uint32_t swap = changed[j];
            changed[j] = changed[j - 1];
            changed[j - 1] = swap;
        }
    }
    return count > 0 ? satchel_change_save(work->given->change, row, changed, count, work->given->error) : SATCHEL_OK;
}

satchel_status satchel_merging_unite(satchel_merging *work, satchel_stored_row *survivor,
                                     const satchel_stored_row *gone, satchel_record *gained) {
    satchel_change *change = work->given->change;
    const satchel_schema *schema = &change->service->schema;
    uniting u = {.work = work, .survivor = survivor, .gone = gone, .gained = gained};
    const satchel_field *field = NULL;
    satchel_record before;
    satchel_record_init(&before, change->arena);
    satchel_status status = satchel_record_copy(&survivor->merged.value, &before);
    if (status == SATCHEL_OK) {
        status = satchel_standing_of(change->service, change->db, SATCHEL_ENTITY_CUSTOMER, &survivor->id, &before,
                                     change->arena, &u.standing, work->given->error);
    }
    if (status == SATCHEL_OK) {
        status = unite_groups_first(&u, &before);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && !satchel_given_is_refused(work->given) &&
                         (field = satchel_schema_field_at(schema, SATCHEL_ENTITY_CUSTOMER, i)) != NULL;
         i++) {
        status = unite_field(&u, field);
    }
    if (status != SATCHEL_OK || satchel_given_is_refused(work->given)) {
        return status;
    }
    return save(work, survivor, u.changed, u.changed_count);
}

/* --- losing it again --- */

static satchel_status value_without(satchel_merging *work, const satchel_field *field, const satchel_value *now,
                                    const satchel_value *gained, satchel_value *out, bool *out_differs) {
    *out = satchel_value_null();
    *out_differs = now != NULL && satchel_value_equal(now, gained);
    if (now != NULL && field->policy == SATCHEL_POLICY_SUM) {
        *out = *now;
        *out_differs = !__builtin_sub_overflow(now->as.integer, gained->as.integer, &out->as.integer);
    }
    if (now != NULL && field->policy == SATCHEL_POLICY_SET) {
        satchel_value left = satchel_value_set(NULL, 0);
        satchel_status status =
            satchel_set_minus(work->given->change->arena, &now->as.set, &gained->as.set, &left.as.set);
        *out = left.as.set.count > 0 ? left : satchel_value_null();
        *out_differs = left.as.set.count < now->as.set.count;
        return status;
    }
    return SATCHEL_OK;
}

satchel_status satchel_merging_divide(satchel_merging *work, satchel_stored_row *survivor,
                                      const satchel_record *gained) {
    satchel_change *change = work->given->change;
    uint32_t changed[SATCHEL_LIMIT_FIELDS_PER_RECORD];
    uint32_t count = 0;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < gained->count; i++) {
        uint32_t number = gained->fields[i].number;
        const satchel_value *had = &gained->fields[i].value;
        const satchel_field *field = satchel_schema_field(&change->service->schema, SATCHEL_ENTITY_CUSTOMER, number);
        satchel_value left;
        bool differs = false;
        if (field == NULL) {
            continue;
        }
        status = value_without(work, field, satchel_record_get(&survivor->merged.value, number), had, &left, &differs);
        if (status == SATCHEL_OK && differs && count < SATCHEL_LIMIT_FIELDS_PER_RECORD) {
            status = satchel_change_put(change, survivor, number, &left);
            changed[count++] = number;
        }
        for (uint32_t e = 0; had->type == SATCHEL_TYPE_SET && e < had->as.set.count; e++) {
            satchel_versions_drop(&survivor->merged.versions, number, had->as.set.elements[e]);
        }
    }
    return status == SATCHEL_OK ? save(work, survivor, changed, count)
                                : satchel_fail(work->given->error, status, "a merged value");
}

/* --- edits that come late --- */

/* Policies by which two values settle themselves, wherever they come from. */
static bool settles_itself(uint8_t policy) {
    switch (policy) {
    case SATCHEL_POLICY_SET:
    case SATCHEL_POLICY_SUM:
    case SATCHEL_POLICY_MAX:
    case SATCHEL_POLICY_MIN:
    case SATCHEL_POLICY_STRICT:
    case SATCHEL_POLICY_SERVER: return true;
    default: return false;
    }
}

typedef struct late_edit {
    satchel_change *change;
    satchel_op *op;
    const satchel_stored_row *row;
    satchel_loss *losses;
    uint32_t count;
    uint32_t *cleared; /* a copy that may be cut */
    uint32_t cleared_count;
} late_edit;

static bool clears(const late_edit *late, uint32_t number) {
    for (uint32_t i = 0; i < late->cleared_count; i++) {
        if (late->cleared[i] == number) {
            return true;
        }
    }
    return false;
}

static void leave(late_edit *late, uint32_t number) {
    uint32_t kept = 0;
    satchel_record_remove(&late->op->set, number);
    satchel_record_remove(&late->op->from, number);
    for (uint32_t i = 0; i < late->cleared_count; i++) {
        if (late->cleared[i] != number) {
            late->cleared[kept++] = late->cleared[i];
        }
    }
    late->cleared_count = kept;
}

static satchel_status put_side(satchel_record *side, uint32_t number, const satchel_value *value) {
    const satchel_value none = satchel_value_null();
    return satchel_record_set(side, number, value != NULL ? value : &none);
}

/* The cell's values on both sides, out of the op; `*out_differs`: is there anything to decide on? */
static satchel_status take_cell(late_edit *late, const satchel_field *cell, satchel_loss *loss, bool *out_differs) {
    const satchel_schema *schema = &late->change->service->schema;
    const satchel_field *field = NULL;
    bool stands = has_cell(schema, SATCHEL_ENTITY_CUSTOMER, &late->row->merged.value, cell);
    satchel_status status = SATCHEL_OK;
    *out_differs = false;
    for (uint32_t i = 0;
         status == SATCHEL_OK && (field = satchel_schema_field_at(schema, SATCHEL_ENTITY_CUSTOMER, i)) != NULL; i++) {
        const satchel_value *now = satchel_record_get(&late->row->merged.value, field->number);
        const satchel_value *wanted = satchel_record_get(&late->op->set, field->number);
        bool same_cell = field->number == cell->number || satchel_versions_same_cell(field, cell);
        if (!same_cell || (wanted == NULL && !clears(late, field->number))) {
            continue;
        }
        bool equal = wanted == NULL ? now == NULL : now != NULL && satchel_value_equal(now, wanted);
        *out_differs |= stands && !equal;
        status = put_side(&loss->winner, field->number, now);
        if (status == SATCHEL_OK) {
            status = put_side(&loss->loser, field->number, wanted);
        }
    }
    for (uint32_t i = 0; status == SATCHEL_OK && *out_differs && i < loss->loser.count; i++) {
        leave(late, loss->loser.fields[i].number);
    }
    return status;
}

static satchel_status ask_about(late_edit *late, const satchel_field *field) {
    const satchel_change *change = late->change;
    uint32_t key = satchel_versions_key(&change->service->schema, SATCHEL_ENTITY_CUSTOMER, field);
    bool differs = false;
    satchel_loss *loss = &late->losses[late->count];
    *loss = (satchel_loss){.field = key,
                           .policy = (satchel_policy)field->policy,
                           .kind = SATCHEL_LOSS_ASK,
                           .reason = SATCHEL_OVERTAKEN,
                           .winner_version = version_of(late->row, key),
                           .loser_version = {.field = key,
                                             .n = change->n,
                                             .stamp_ms = change->stamp_ms,
                                             .writer = {change->author->incarnation, change->sequence}}};
    satchel_record_init(&loss->winner, change->arena);
    satchel_record_init(&loss->loser, change->arena);
    satchel_status status = take_cell(late, field, loss, &differs);
    late->count += status == SATCHEL_OK && differs ? 1 : 0;
    return status;
}

satchel_status satchel_survivor_asks(satchel_change *change, satchel_op *op, const satchel_stored_row *row,
                                     satchel_loss **out, uint32_t *out_count) {
    const satchel_schema *schema = &change->service->schema;
    const satchel_field *field = NULL;
    uint32_t most = op->set.count + op->cleared_count;
    late_edit late = {.change = change, .op = op, .row = row, .cleared_count = op->cleared_count};
    late.losses = satchel_arena_take_array(change->arena, most + 1, sizeof *late.losses);
    late.cleared = satchel_arena_take_array(change->arena, most + 1, sizeof *late.cleared);
    if (late.losses == NULL || late.cleared == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (op->cleared_count > 0) {
        memcpy(late.cleared, op->cleared, op->cleared_count * sizeof *late.cleared);
    }
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0;
         status == SATCHEL_OK && (field = satchel_schema_field_at(schema, SATCHEL_ENTITY_CUSTOMER, i)) != NULL; i++) {
        bool touched = satchel_record_get(&op->set, field->number) != NULL || clears(&late, field->number);
        if (touched && !settles_itself(field->policy)) {
            status = ask_about(&late, field);
        }
    }
    op->cleared = late.cleared;
    op->cleared_count = late.cleared_count;
    /* What the other row's base meant says nothing here. */
    op->base_n = 0;
    op->exception_count = 0;
    *out = late.losses;
    *out_count = late.count;
    return status;
}

void satchel_survivor_marks(const satchel_change *change, const satchel_op *op, satchel_versions *versions) {
    const satchel_schema *schema = &change->service->schema;
    for (uint32_t i = 0; i < versions->count; i++) {
        satchel_version *version = &versions->items[i];
        const satchel_field *field = satchel_schema_field(schema, SATCHEL_ENTITY_CUSTOMER, version->field);
        bool written = version->writer.incarnation == change->author->incarnation &&
                       version->writer.sequence == op->sequence && version->element.bytes == 0;
        if (written && field != NULL && !settles_itself(field->policy)) {
            version->writer.sequence = SATCHEL_WRITER_ELSEWHERE;
        }
    }
}
