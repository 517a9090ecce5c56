/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing the desk, and turning "this is how it should be" into an op that says only what differs.
 */
#include "service/desk.h"

#include "base/error.h"
#include "base/ids.h"

#include <string.h>

satchel_status satchel_desk_enter(satchel_desk *desk, const satchel_service *service, satchel_db *db,
                                  const satchel_actor *actor, satchel_error *error) {
    memset(desk, 0, sizeof *desk);
    desk->service = service;
    desk->db = db;
    desk->error = error;
    satchel_arena_init(&desk->arena);
    desk->scratch = &desk->arena;
    satchel_status status = satchel_counter_read(db, &desk->counter, error);
    if (status == SATCHEL_OK && actor->system) {
        satchel_person_system(service, &desk->person);
    } else if (status == SATCHEL_OK) {
        status = satchel_person_load(service, db, &actor->user, satchel_service_today(service), &desk->arena,
                                     &desk->person, error);
    }
    if (status != SATCHEL_OK) {
        satchel_desk_leave(desk);
    }
    return status;
}

void satchel_desk_leave(satchel_desk *desk) {
    satchel_arena_deinit(&desk->arena);
}

static satchel_status begin(satchel_desk *desk, const satchel_actor *actor, uint32_t entity) {
    satchel_status status = satchel_author_on_server(desk->service, desk->db, &actor->user, &desk->author, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_db_savepoint(desk->db, desk->error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    desk->moves_people = satchel_entity_moves_people(entity);
    if (desk->moves_people) {
        status = satchel_people_moves_begin(&desk->moves, desk->service, desk->db, satchel_service_today(desk->service),
                                            &desk->arena, desk->error);
    }
    if (status != SATCHEL_OK) {
        satchel_db_back(desk->db);
        return status;
    }
    satchel_change_begin(&desk->change, desk->service, desk->db, &desk->arena, &desk->counter, &desk->person,
                         &desk->author);
    desk->change.trusted = actor->system;
    return SATCHEL_OK;
}

satchel_status satchel_desk_open(satchel_desk *desk, const satchel_service *service, satchel_db *db,
                                 const satchel_actor *actor, uint32_t entity, satchel_error *error) {
    satchel_status status = satchel_desk_enter(desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = begin(desk, actor, entity);
    if (status != SATCHEL_OK) {
        satchel_desk_leave(desk);
    }
    return status;
}

satchel_status satchel_desk_close(satchel_desk *desk, satchel_status status, const char *action, uint32_t entity,
                                  const satchel_id *row) {
    const satchel_audit_entry entry = {
        .action = action, .user = desk->author.user, .subject_entity = entity, .subject_row = *row};
    if (status == SATCHEL_OK && desk->moves_people) {
        status = satchel_people_moves_end(&desk->moves, desk->change.day, desk->change.n, desk->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_change_finish(&desk->change, &entry, desk->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_release(desk->db, desk->error);
    } else {
        satchel_db_back(desk->db);
    }
    satchel_desk_leave(desk);
    return status;
}

satchel_status satchel_desk_op(satchel_desk *desk, satchel_op *op, satchel_op_decision *out) {
    op->sequence = desk->change.n;
    satchel_status status = satchel_change_op(&desk->change, op, out, desk->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (out->code == SATCHEL_RESULT_REFUSED || out->code == SATCHEL_RESULT_PARKED) {
        return satchel_fail_field(desk->error, out->status, op->entity, out->field, "%s",
                                  out->rule != NULL ? out->rule : "");
    }
    status = satchel_change_check_references(&desk->change, op, desk->error);
    return status == SATCHEL_OK ? satchel_change_check_weight(&desk->change, op, desk->error) : status;
}

satchel_status satchel_desk_require(const satchel_desk *desk, uint32_t entity, satchel_verb verb) {
    uint32_t reach = satchel_access_reach(desk->person.policy, &desk->person.access, entity, verb);
    if (desk->person.system || (reach & SATCHEL_RELATION_ANY) != 0) {
        return SATCHEL_OK;
    }
    return satchel_fail(desk->error, SATCHEL_FORBIDDEN, "no rule lets the user do this");
}

satchel_status satchel_desk_require_row(satchel_desk *desk, const satchel_stored_row *row, satchel_verb verb,
                                        uint32_t *out_relations) {
    satchel_standing standing;
    uint32_t relations = 0;
    const satchel_access_policy *policy = desk->person.policy;
    satchel_status status = satchel_standing_of(desk->service, desk->db, row->entity, &row->id, &row->merged.value,
                                                desk->scratch, &standing, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(desk->db, &standing, &desk->person, satchel_service_today(desk->service),
                                      &relations, desk->error);
    }
    if (out_relations != NULL) {
        *out_relations = relations;
    }
    if (status != SATCHEL_OK || desk->person.system) {
        return status;
    }
    if (!row->merged.exists || !satchel_access_reads(policy, &desk->person.access, row->entity, relations,
                                                     satchel_standing_is_anchored(&standing))) {
        return satchel_fail(desk->error, SATCHEL_OUT_OF_SCOPE, "no such row is within reach");
    }
    if (!satchel_access_allows(policy, &desk->person.access, row->entity, relations, verb)) {
        return satchel_fail(desk->error, SATCHEL_FORBIDDEN, "no rule lets the user do this to the row");
    }
    return SATCHEL_OK;
}

/* --- differences --- */

typedef struct difference {
    satchel_desk *desk;
    const satchel_stored_row *row;
    const satchel_record *wanted;
    const uint32_t *cleared;
    uint32_t cleared_count;
    satchel_op *op;
    uint32_t *op_cleared;
    uint32_t op_cleared_count;
} difference;

static bool is_to_clear(const difference *work, uint32_t number) {
    for (uint32_t i = 0; i < work->cleared_count; i++) {
        if (work->cleared[i] == number) {
            return true;
        }
    }
    const satchel_value *value = satchel_record_get(work->wanted, number);
    return value != NULL && value->type == SATCHEL_TYPE_NULL;
}

static bool field_differs(const difference *work, const satchel_field *field) {
    const satchel_value *now = satchel_record_get(&work->row->merged.value, field->number);
    const satchel_value *wanted = satchel_record_get(work->wanted, field->number);
    bool empties = wanted != NULL && wanted->type == SATCHEL_TYPE_SET && wanted->as.set.count == 0;
    if (empties || is_to_clear(work, field->number)) {
        return now != NULL;
    }
    return wanted != NULL && (now == NULL || !satchel_value_equal(now, wanted));
}

/* A group is written whole: does any member of the field's group differ? */
static bool cell_differs(const difference *work, const satchel_field *field) {
    const satchel_entity *entity = satchel_schema_entity(&work->desk->service->schema, work->row->entity);
    if (field_differs(work, field)) {
        return true;
    }
    for (uint32_t i = 0; field->group != 0 && i < entity->field_count; i++) {
        const satchel_field *other = &entity->fields[i];
        if (other->group == field->group && field_differs(work, other)) {
            return true;
        }
    }
    return false;
}

static satchel_status set_difference(difference *work, const satchel_field *field, const satchel_value *wanted) {
    static const satchel_set nothing = {NULL, 0};
    const satchel_value *now = satchel_record_get(&work->row->merged.value, field->number);
    const satchel_set *before = now != NULL && now->type == SATCHEL_TYPE_SET ? &now->as.set : &nothing;
    const satchel_set *after = wanted != NULL && wanted->type == SATCHEL_TYPE_SET ? &wanted->as.set : &nothing;
    satchel_value added = satchel_value_set(NULL, 0);
    satchel_value removed = satchel_value_set(NULL, 0);
    satchel_status status = satchel_set_minus(work->desk->scratch, after, before, &added.as.set);
    if (status == SATCHEL_OK) {
        status = satchel_set_minus(work->desk->scratch, before, after, &removed.as.set);
    }
    if (status == SATCHEL_OK && added.as.set.count > 0) {
        status = satchel_record_set(&work->op->set, field->number, &added);
    }
    if (status == SATCHEL_OK && removed.as.set.count > 0) {
        status = satchel_record_set(&work->op->removed, field->number, &removed);
    }
    return status;
}

static satchel_status set_value(difference *work, const satchel_field *field, const satchel_value *value) {
    const satchel_value *now = satchel_record_get(&work->row->merged.value, field->number);
    satchel_status status = SATCHEL_OK;
    if (field->policy == SATCHEL_POLICY_SUM && now != NULL && now->type == SATCHEL_TYPE_INT &&
        value->type == SATCHEL_TYPE_INT) {
        int64_t delta = 0;
        if (__builtin_sub_overflow(value->as.integer, now->as.integer, &delta)) {
            return satchel_fail(work->desk->error, SATCHEL_OUT_OF_RANGE, "the counter cannot jump that far");
        }
        return satchel_record_set_int(&work->op->set, field->number, delta);
    }
    if (field->policy == SATCHEL_POLICY_STATE && now != NULL) {
        status = satchel_record_set(&work->op->from, field->number, now);
    }
    return status == SATCHEL_OK ? satchel_record_set(&work->op->set, field->number, value) : status;
}

static satchel_status add_cell(difference *work, const satchel_field *field) {
    const satchel_value *now = satchel_record_get(&work->row->merged.value, field->number);
    const satchel_value *wanted = satchel_record_get(work->wanted, field->number);
    bool clear = is_to_clear(work, field->number);
    if (field->policy == SATCHEL_POLICY_SET) {
        return set_difference(work, field, clear ? NULL : wanted);
    }
    const satchel_value *value = clear ? NULL : wanted != NULL ? wanted : now;
    if (value != NULL && value->type == SATCHEL_TYPE_SET && value->as.set.count == 0) {
        value = NULL;
    }
    if (value != NULL) {
        return set_value(work, field, value);
    }
    work->op_cleared[work->op_cleared_count++] = field->number;
    return SATCHEL_OK;
}

satchel_status satchel_desk_difference(satchel_desk *desk, const satchel_stored_row *row, const satchel_record *wanted,
                                       const uint32_t *cleared, uint32_t cleared_count, satchel_op *op, bool *out_any) {
    difference work = {desk, row, wanted, cleared, cleared_count, op, NULL, 0};
    const satchel_schema *schema = &desk->service->schema;
    const satchel_field *field = NULL;
    uint32_t most = 0;
    satchel_status status = SATCHEL_OK;
    while (satchel_schema_field_at(schema, row->entity, most) != NULL) {
        most++;
    }
    work.op_cleared = satchel_arena_take_array(desk->scratch, most, sizeof *work.op_cleared);
    if (work.op_cleared == NULL) {
        return satchel_fail(desk->error, SATCHEL_NO_MEMORY, "no memory for an edit");
    }
    for (uint32_t i = 0; i < wanted->count; i++) {
        if (satchel_schema_field(schema, row->entity, wanted->fields[i].number) == NULL) {
            return satchel_fail_field(desk->error, SATCHEL_UNKNOWN_FIELD, row->entity, wanted->fields[i].number,
                                      "there is no such field");
        }
    }
    for (uint32_t i = 0; status == SATCHEL_OK && (field = satchel_schema_field_at(schema, row->entity, i)) != NULL;
         i++) {
        bool common = (field->flags & SATCHEL_FIELD_META) != 0;
        if (!common && cell_differs(&work, field)) {
            status = add_cell(&work, field);
        }
    }
    op->cleared = work.op_cleared;
    op->cleared_count = work.op_cleared_count;
    *out_any = op->set.count > 0 || op->removed.count > 0 || op->cleared_count > 0;
    return status;
}
