/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all commands share: finding the subject, reading right, refusals with the name of who was first, dispatch.
 */
#include "service/command.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "schema/validate.h"
#include "service/returned.h"

#include <satchel/model.h>

/* --- refusals --- */

satchel_status satchel_given_refuse(satchel_order_given *given, satchel_status why, uint32_t field, const char *rule) {
    char *copy = satchel_arena_text(given->change->arena, satchel_text_of(rule));
    given->decision->code = SATCHEL_RESULT_REFUSED;
    given->decision->status = why;
    given->decision->field = field;
    given->decision->rule = copy;
    return copy != NULL ? SATCHEL_OK : satchel_fail(given->error, SATCHEL_NO_MEMORY, "no memory for a refusal");
}

satchel_status satchel_given_overtaken(satchel_order_given *given, uint32_t field, const satchel_id *winner,
                                       int64_t winner_ms, const char *rule) {
    satchel_status status = satchel_given_refuse(given, SATCHEL_OVERTAKEN, field, rule);
    satchel_result_loss *loss = satchel_arena_take(given->change->arena, sizeof *loss);
    if (status != SATCHEL_OK || loss == NULL) {
        return satchel_fail(given->error, SATCHEL_NO_MEMORY, "no memory for a refusal");
    }
    *loss = (satchel_result_loss){.field = field,
                                  .policy = SATCHEL_POLICY_SERVER,
                                  .kind = SATCHEL_LOSS_OF_OP,
                                  .status = SATCHEL_OVERTAKEN,
                                  .winner_user = *winner,
                                  .winner_ms = winner_ms};
    given->decision->losses = loss;
    given->decision->loss_count = 1;
    return SATCHEL_OK;
}

bool satchel_given_is_refused(const satchel_order_given *given) {
    return given->decision->code == SATCHEL_RESULT_REFUSED;
}

bool satchel_given_may(const satchel_order_given *given, satchel_verb verb) {
    const satchel_change *change = given->change;
    return change->trusted || satchel_access_allows(change->person->policy, &change->person->access, given->op->entity,
                                                    given->relations, verb);
}

bool satchel_given_is_fact(const satchel_order_given *given) {
    return given->change->fact_n != 0;
}

bool satchel_given_decides(const satchel_order_given *given, satchel_verb verb) {
    const satchel_change *change = given->change;
    return satchel_given_is_fact(given) ? satchel_access_allows(change->person->policy, &change->person->access,
                                                                given->op->entity, given->relations, verb)
                                        : satchel_given_may(given, verb);
}

/* --- writing --- */

satchel_status satchel_given_put(satchel_order_given *given, const satchel_given_field *fields, uint32_t count) {
    uint32_t *numbers = satchel_arena_take_array(given->change->arena, count, sizeof *numbers);
    satchel_status status = numbers != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    uint32_t changed = 0;
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        /* a deletion is the row's own, which is written anyway */
        if (fields[i].number != SATCHEL_FIELD_DELETED) {
            numbers[changed++] = fields[i].number;
        }
        status = satchel_change_put(given->change, &given->row, fields[i].number, &fields[i].value);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(given->error, status, "no memory for what a command writes");
    }
    return satchel_change_save(given->change, &given->row, numbers, changed, given->error);
}

satchel_status satchel_given_is_behind(satchel_order_given *given, uint32_t field, bool *out_behind,
                                       satchel_id *out_winner, int64_t *out_ms) {
    const satchel_bytes none = {NULL, 0};
    const satchel_version *version = satchel_versions_find(&given->row.merged.versions, field, none);
    const satchel_change *change = given->change;
    satchel_writer_identity writer = {.user = {{0}}};
    satchel_status status = SATCHEL_OK;
    uint64_t base = satchel_op_base(given->op, field);
    base = base < change->base_cap || given->approved ? base : change->base_cap;
    *out_behind = false;
    *out_ms = version != NULL ? version->stamp_ms : 0;
    *out_winner = writer.user;
    if (version == NULL || version->n <= base) {
        return SATCHEL_OK;
    }
    if (satchel_given_is_fact(given)) { /* what came back is older or is passed over by its old number */
        bool returned = false;
        status = satchel_returned_is(change->db, &version->writer, &returned, given->error);
        if (status != SATCHEL_OK || returned) {
            return status;
        }
    }
    bool own = version->writer.incarnation == change->author->incarnation;
    for (uint32_t i = 0; i < change->author->ancestor_count; i++) {
        own |= version->writer.incarnation == change->author->ancestors[i].incarnation &&
               version->writer.sequence <= change->author->ancestors[i].sequence;
    }
    if (own && change->author->incarnation != 0 && !given->approved) {
        return SATCHEL_OK;
    }
    status = satchel_writer_look_up(change->db, version->writer.incarnation, &writer, given->error);
    *out_winner = writer.user;
    *out_behind = true;
    return status;
}

/* --- the subject --- */

static satchel_status look_up(satchel_order_given *given) {
    satchel_change *change = given->change;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, given->op->entity,
                                                    &given->op->row, change->arena, &given->row, given->error);
    /* A stop that a proposal is to make stands where its plan stands. */
    const satchel_record *values = given->row.merged.exists ? &given->row.merged.value : &given->op->set;
    if (status == SATCHEL_OK) {
        status = satchel_standing_of(change->service, change->db, given->op->entity, &given->op->row, values,
                                     change->arena, &given->standing, given->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(change->db, &given->standing, change->person, change->day, &given->relations,
                                      given->error);
    }
    return status;
}

/* He saw it when he gave the command, and it went to someone else since: he is told who was first, and no more. */
static satchel_status answer_unseen(satchel_order_given *given) {
    const satchel_change *change = given->change;
    bool had = false;
    satchel_status status = SATCHEL_OK;
    if (change->by_phone && change->seen.epoch == change->counter->epoch && given->row.merged.exists) {
        status = satchel_members_left_since(change->db, &given->standing.place, &change->author->user, change->scopes,
                                            change->seen.n, change->arena, &had, given->error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!had) {
        return satchel_given_refuse(given, SATCHEL_OUT_OF_SCOPE, 0, "no such row is within reach");
    }
    uint32_t field = given->op->entity == SATCHEL_ENTITY_CUSTOMER ? SATCHEL_CUSTOMER_OWNER : 0;
    int64_t since = satchel_record_int(&given->row.merged.value, SATCHEL_CUSTOMER_POOL_SINCE, 0);
    return satchel_given_overtaken(given, field, &given->standing.owner, field != 0 ? since : 0,
                                   "it went to someone else before the command arrived");
}

static satchel_status check_reach(satchel_order_given *given) {
    bool makes = given->op->entity == SATCHEL_ENTITY_PLAN_STOP && given->standing.root_exists;
    bool there = (given->row.merged.exists && !given->row.merged.deleted) || makes;
    if (given->change->trusted) {
        return there ? SATCHEL_OK : satchel_given_refuse(given, SATCHEL_NOT_FOUND, 0, "there is no such row");
    }
    if (!there || !satchel_given_may(given, SATCHEL_VERB_READ)) {
        return answer_unseen(given);
    }
    return SATCHEL_OK;
}

static satchel_status check_form(satchel_order_given *given) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_status status = satchel_validate_op(&given->change->service->schema, given->op, true, &why);
    if (status == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    return satchel_status_refuses(status) ? satchel_given_refuse(given, status, why.field, why.detail)
                                          : satchel_fail(given->error, status, "%s", why.detail);
}

/* --- dispatch --- */

static const struct {
    uint32_t entity;
    satchel_status (*run)(satchel_order_given *given);
} commands[SATCHEL_COMMAND_LAST + 1] = {
    [SATCHEL_COMMAND_CLAIM] = {SATCHEL_ENTITY_CUSTOMER, satchel_command_claim},
    [SATCHEL_COMMAND_RELEASE] = {SATCHEL_ENTITY_CUSTOMER, satchel_command_release},
    [SATCHEL_COMMAND_TRANSFER] = {SATCHEL_ENTITY_CUSTOMER, satchel_command_transfer},
    [SATCHEL_COMMAND_MERGE] = {SATCHEL_ENTITY_CUSTOMER, satchel_command_merge},
    [SATCHEL_COMMAND_UNMERGE] = {SATCHEL_ENTITY_CUSTOMER, satchel_command_unmerge},
    [SATCHEL_COMMAND_DECIDE] = {SATCHEL_ENTITY_APPROVAL, satchel_command_approval},
    [SATCHEL_COMMAND_SUBMIT_ORDER] = {SATCHEL_ENTITY_ORDER, satchel_command_submit_order},
    [SATCHEL_COMMAND_CHANGE_PLAN] = {SATCHEL_ENTITY_VISIT_PLAN, satchel_command_change_plan},
    [SATCHEL_COMMAND_RESOLVE] = {SATCHEL_ENTITY_CONFLICT, satchel_command_resolve},
};

static bool is_known(const satchel_op *op) {
    if (op->command > SATCHEL_COMMAND_LAST || commands[op->command].run == NULL) {
        return false;
    }
    bool is_stop = op->command == SATCHEL_COMMAND_CHANGE_PLAN && op->entity == SATCHEL_ENTITY_PLAN_STOP;
    return is_stop || commands[op->command].entity == op->entity;
}

static satchel_status run(satchel_order_given *given) {
    satchel_status status = SATCHEL_OK;
    *given->decision = (satchel_op_decision){.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_OK};
    if (!is_known(given->op)) {
        return satchel_given_refuse(given, SATCHEL_UNSUPPORTED, 0, "the server does not know this command");
    }
    status = check_form(given);
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = look_up(given);
    }
    given->decision->place = given->standing.place;
    if (status == SATCHEL_OK && !satchel_given_is_refused(given) && !given->approved) {
        status = check_reach(given);
    }
    if (status == SATCHEL_OK && !satchel_given_is_refused(given)) {
        status = commands[given->op->command].run(given);
    }
    return status;
}

satchel_status satchel_command_decide(satchel_change *change, const satchel_op *op, satchel_op_decision *out,
                                      satchel_error *error) {
    satchel_order_given given = {
        .change = change, .op = op, .decision = out, .asker = change->author->user, .error = error};
    return run(&given);
}

satchel_status satchel_command_approved(satchel_change *change, const satchel_op *op, const satchel_id *asker,
                                        satchel_op_decision *out, satchel_error *error) {
    satchel_order_given given = {
        .change = change, .op = op, .decision = out, .approved = true, .asker = *asker, .error = error};
    return run(&given);
}
