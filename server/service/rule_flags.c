/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mark of a row that an old app wrote and that a newer rule would refuse. An old app must never be stuck, so its op
 * is applied; the mark stays until the server is told otherwise.
 */
#include "service/rule_flags.h"

#include "base/error.h"
#include "base/text.h"
#include "service/audit.h"

static satchel_status put_flag(satchel_change *change, satchel_stored_row *row, uint32_t field, satchel_error *error) {
    const satchel_value *before = satchel_record_get(&row->merged.value, field);
    satchel_bytes element = satchel_text_bytes(satchel_text_of(SATCHEL_FLAG_NEWER_RULE));
    satchel_value flags = satchel_value_set(&element, 1);
    if (before != NULL && before->type == SATCHEL_TYPE_SET) {
        satchel_set all = {NULL, 0};
        if (satchel_set_has(&before->as.set, element)) {
            return SATCHEL_OK;
        }
        satchel_status joined = satchel_set_union(change->arena, &before->as.set, &flags.as.set, &all);
        if (joined != SATCHEL_OK) {
            return satchel_fail(error, joined, "no memory for flags");
        }
        flags = satchel_value_set(all.elements, all.count);
    }
    satchel_status status = satchel_change_put(change, row, field, &flags);
    return status == SATCHEL_OK ? satchel_change_save(change, row, &field, 1, error) : status;
}

satchel_status satchel_rule_flag(satchel_change *change, uint32_t entity, satchel_stored_row *row,
                                 satchel_error *error) {
    const satchel_field *flags = satchel_schema_field_named(&change->service->schema, entity, satchel_text_of("flags"));
    const satchel_audit_entry entry = {.action = "newer rule broken", .subject_entity = entity, .subject_row = row->id};
    if (flags != NULL && flags->type == SATCHEL_TYPE_SET && flags->policy == SATCHEL_POLICY_SERVER) {
        return put_flag(change, row, flags->number, error);
    }
    return satchel_audit_add(change->db, change->counter, satchel_service_now_ms(change->service), &entry, error);
}
