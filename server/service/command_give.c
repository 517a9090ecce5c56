/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands and rules from the desk.
 */
#include "service/command_admin.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/command.h"
#include "service/desk.h"
#include "service/orders.h"

#include <satchel/model.h>

/* The name of who was first goes to those who may read the users of the company. */
static bool sees_users(const satchel_desk *desk) {
    return desk->person.system || satchel_access_allows(desk->person.policy, &desk->person.access, SATCHEL_ENTITY_USER,
                                                        SATCHEL_RELATION_COMPANY, SATCHEL_VERB_READ);
}

static satchel_status carry_out(satchel_desk *desk, satchel_op *op, uint64_t base_n, satchel_command_outcome *out) {
    satchel_op_decision decision;
    satchel_stored_row row;
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, op->entity, &op->row, &desk->arena, &row, desk->error);
    op->base_n = base_n != 0 ? base_n : row.revision;
    op->sequence = desk->change.n;
    desk->change.sequence = op->sequence;
    if (status == SATCHEL_OK) {
        status = satchel_command_decide(&desk->change, op, &decision, desk->error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    out->status = decision.status;
    if (decision.loss_count > 0 && sees_users(desk)) {
        out->winner = decision.losses[0].winner_user;
        out->winner_ms = decision.losses[0].winner_ms;
    }
    return decision.code == SATCHEL_RESULT_REFUSED
               ? satchel_fail_field(desk->error, decision.status, op->entity, decision.field, "%s",
                                    decision.rule != NULL ? decision.rule : "")
               : SATCHEL_OK;
}

satchel_status satchel_command_give(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                    satchel_command_kind kind, uint32_t entity, const satchel_id *row,
                                    const satchel_record *set, uint64_t base_n, satchel_command_outcome *out,
                                    satchel_error *error) {
    static const char *const actions[SATCHEL_COMMAND_LAST + 1] = {
        "command", "claim",    "release", "transfer",    "merge",
        "unmerge", "approval", "submit",  "change plan", "conflict decided"};
    satchel_desk desk;
    satchel_op op;
    *out = (satchel_command_outcome){.status = SATCHEL_OK};
    satchel_status status = satchel_desk_open(&desk, service, db, actor, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_op_init(&op, SATCHEL_OP_COMMAND, entity, row, &desk.arena);
    op.command = kind;
    if (set != NULL) {
        status = satchel_record_copy(set, &op.set);
    }
    if (status == SATCHEL_OK) {
        status = carry_out(&desk, &op, base_n, out);
    }
    uint32_t known = (uint32_t)kind <= SATCHEL_COMMAND_LAST ? (uint32_t)kind : 0;
    return satchel_desk_close(&desk, status, actions[known], entity, row);
}

/* --- rules --- */

satchel_status satchel_rules_list(satchel_db *db, satchel_rule_visitor visit, void *context, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < SATCHEL_RULE_COUNT; i++) {
        const satchel_rule_info *info = satchel_rule_of(i);
        int64_t value = 0;
        status = satchel_rule_get(db, (satchel_rule)i, &value, error);
        if (status == SATCHEL_OK) {
            status = visit(context, info->name, value, info->least, info->most);
        }
    }
    return status;
}

static const satchel_rule_info *rule_named(satchel_text name) {
    for (uint32_t i = 0; i < SATCHEL_RULE_COUNT; i++) {
        if (satchel_text_equal(name, satchel_text_of(satchel_rule_of(i)->name))) {
            return satchel_rule_of(i);
        }
    }
    return NULL;
}

satchel_status satchel_rule_set(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                satchel_text name, int64_t value, satchel_error *error) {
    static const satchel_id none = {{0}};
    const satchel_rule_info *info = rule_named(name);
    satchel_desk desk;
    if (info == NULL) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no rule of that name");
    }
    if (value < info->least || value > info->most) {
        return satchel_fail(error, SATCHEL_OUT_OF_RANGE, "%s goes from %lld to %lld", info->name,
                            (long long)info->least, (long long)info->most);
    }
    satchel_status status = satchel_desk_open(&desk, service, db, actor, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_ROLE, SATCHEL_VERB_EDIT);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error,
                                "INSERT INTO company_rule (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE"
                                " SET value = excluded.value",
                                satchel_value_text(satchel_text_of(info->name)), satchel_value_int(value));
    }
    if (status == SATCHEL_OK) {
        status = satchel_orders_renew(db, error); /* phones are told the rules of discounts */
    }
    return satchel_desk_close(&desk, status, "rule set", 0, &none);
}
