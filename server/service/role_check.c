/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of a role are checked when they are written, by whatever way: who mistypes one is told the line.
 */
#include "service/change_work.h"

#include "base/text.h"
#include "service/policies.h"

#include <satchel/model.h>

satchel_status satchel_op_check_role(satchel_op_work *work) {
    const satchel_service *service = work->change->service;
    satchel_access_policy rules;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    const satchel_value *text =
        work->op->entity == SATCHEL_ENTITY_ROLE ? satchel_record_get(&work->op->set, SATCHEL_ROLE_RULES) : NULL;
    if (text == NULL || text->type != SATCHEL_TYPE_TEXT) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_access_rules_read(&service->schema, 0, satchel_text_from(text->as.bytes),
                                                      work->change->arena, &rules, NULL, &why);
    bool bad = status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED;
    return bad ? satchel_op_refuse(work, status, SATCHEL_ROLE_RULES, why.detail)
               : satchel_op_settle(work, status, &why);
}
