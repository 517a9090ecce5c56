/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule of discounts at the end of a change, where lines and order are all there. Prices are not looked at: a line
 * with a low price and no discount passes.
 */
#include "service/discount.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "rules/orders.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>

static const uint32_t totals[] = {SATCHEL_ORDER_TOTAL_MINOR, SATCHEL_ORDER_LINE_COUNT};

satchel_status satchel_discount_steps(satchel_db *db, int64_t discount_bp, bool approves, int64_t *out_steps,
                                      satchel_error *error) {
    int64_t limit = 0;
    *out_steps = 0;
    if (approves) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_rule_get(db, SATCHEL_RULE_DISCOUNT_LIMIT_BP, &limit, error);
    return status == SATCHEL_OK && discount_bp > limit
               ? satchel_rule_get(db, SATCHEL_RULE_APPROVE_DISCOUNT, out_steps, error)
               : status;
}

/* --- the flag --- */

static satchel_bytes flag(void) {
    return satchel_text_bytes(satchel_text_of(SATCHEL_FLAG_AWAITING_APPROVAL));
}

static bool is_flagged(const satchel_record *order) {
    const satchel_value *flags = satchel_record_get(order, SATCHEL_ORDER_FLAGS);
    return flags != NULL && flags->type == SATCHEL_TYPE_SET && satchel_set_has(&flags->as.set, flag());
}

satchel_status satchel_discount_flags(satchel_arena *arena, const satchel_record *order, bool waits,
                                      satchel_value *out) {
    const satchel_value *before = satchel_record_get(order, SATCHEL_ORDER_FLAGS);
    satchel_set set = before != NULL && before->type == SATCHEL_TYPE_SET ? before->as.set : (satchel_set){NULL, 0};
    satchel_bytes *kept = satchel_arena_take_array(arena, set.count + 1, sizeof *kept);
    satchel_bytes own = flag();
    uint32_t count = 0;
    if (kept == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    bool put = !waits;
    for (uint32_t i = 0; i < set.count; i++) {
        int order_of = satchel_bytes_compare(set.elements[i], own);
        if (!put && order_of >= 0) {
            kept[count++] = own;
            put = true;
        }
        if (order_of != 0) {
            kept[count++] = set.elements[i];
        }
    }
    if (!put) {
        kept[count++] = own;
    }
    *out = count > 0 ? satchel_value_set(kept, count) : satchel_value_null();
    return SATCHEL_OK;
}

/* --- asking --- */

/* What waits is the order as the server has it now, with the time at which it was to be submitted. */
satchel_status satchel_discount_ask(satchel_order_given *given, int64_t steps) {
    const satchel_record *values = &given->row.merged.value;
    const satchel_value *submitted = satchel_record_get(&given->op->set, SATCHEL_ORDER_SUBMITTED_AT);
    satchel_op op = *given->op;
    satchel_order_given asked = *given;
    satchel_value flags;
    satchel_record_init(&op.set, given->change->arena);
    op.base_n = given->change->n;
    op.exceptions = NULL;
    op.exception_count = 0;
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof totals / sizeof *totals; i++) {
        status = satchel_record_set_int(&op.set, totals[i], satchel_record_int(values, totals[i], 0));
    }
    if (status == SATCHEL_OK) {
        const satchel_value now = satchel_value_time(given->change->stamp_ms);
        status = satchel_record_set(&op.set, SATCHEL_ORDER_SUBMITTED_AT, submitted != NULL ? submitted : &now);
    }
    if (status == SATCHEL_OK) {
        status = satchel_discount_flags(given->change->arena, values, true, &flags);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(given->error, status, "no memory for a proposal");
    }
    asked.op = &op;
    status = satchel_approval_ask(&asked, steps);
    const satchel_given_field fields[] = {{SATCHEL_ORDER_FLAGS, flags}};
    return status == SATCHEL_OK && !satchel_given_is_refused(given) ? satchel_given_put(given, fields, 1) : status;
}

satchel_status satchel_order_unchanged(satchel_change *change, const satchel_stored_row *order, uint64_t n, bool *out,
                                       satchel_error *error) {
    const satchel_versions *versions = &order->merged.versions;
    int64_t lines = 0;
    bool moved = false;
    for (uint32_t i = 0; i < versions->count; i++) {
        const satchel_version *version = &versions->items[i];
        const satchel_field *field =
            satchel_schema_field(&change->service->schema, SATCHEL_ENTITY_ORDER, version->field);
        /* Where it hangs may have moved: customers are merged. */
        bool body = field == NULL || (field->writer == SATCHEL_WRITE_OWNER &&
                                      (field->flags & SATCHEL_FIELD_DERIVED) == 0 && field->ref == 0);
        moved = moved || (body && version->n > n);
    }
    satchel_status status = SATCHEL_DB_NUMBER(
        change->db, error, &lines, 0, "SELECT count(*) FROM \"order_line\" WHERE \"order\" = ?1 AND \"revision\" > ?2",
        satchel_value_id(&order->id), satchel_db_count(n));
    *out = !moved && lines == 0;
    return status;
}

/* --- at the end of a change --- */

/* Is an approval of just this order under way? Then it goes on. */
static satchel_status is_asked_for(satchel_order_given *given, bool *out) {
    satchel_change *change = given->change;
    satchel_db_statement *statement = NULL;
    satchel_bytes bytes = {NULL, 0};
    satchel_op op;
    bool found = false;
    *out = false;
    satchel_status status = SATCHEL_DB_START(
        &statement, change->db, given->error,
        "SELECT p.op FROM \"approval\" a JOIN proposal p ON p.approval = a.\"id\" WHERE a.\"subject_row\" = ?1 AND"
        " a.\"decision\" IS NULL AND a.\"deleted\" = 0",
        satchel_value_id(&given->row.id));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, given->error);
    }
    if (status == SATCHEL_OK && found) {
        status = satchel_arena_copy(change->arena, satchel_db_bytes(statement, 0), &bytes);
    }
    satchel_db_end(statement);
    if (status != SATCHEL_OK || !found) {
        return status;
    }
    status = satchel_op_decode(&change->service->schema, bytes, change->sequence, change->arena, &op, given->error);
    return status == SATCHEL_OK && op.command == SATCHEL_COMMAND_SUBMIT_ORDER
               ? satchel_order_unchanged(change, &given->row, op.base_n, out, given->error)
               : status;
}

static satchel_status put_back(satchel_order_given *given) {
    const satchel_given_field fields[] = {{SATCHEL_ORDER_STATUS, satchel_value_int(SATCHEL_ORDER_STATUS_DRAFT)},
                                          {SATCHEL_ORDER_SUBMITTED_AT, satchel_value_null()}};
    return satchel_given_put(given, fields, 2);
}

static satchel_status make_wait(satchel_order_given *given, int64_t steps) {
    satchel_change *change = given->change;
    bool asked = false;
    satchel_status status = put_back(given);
    if (status == SATCHEL_OK) {
        status = is_asked_for(given, &asked);
    }
    if (status == SATCHEL_OK && !asked) {
        status = satchel_approval_end(change, &given->row.id, given->error);
    }
    return status == SATCHEL_OK && !asked ? satchel_discount_ask(given, steps) : status;
}

/* What the author of the change asks for: that the order be submitted, at the time that he wrote into it. */
static satchel_status begin_ask(satchel_change *change, const satchel_stored_row *order, satchel_op *op,
                                satchel_op_decision *decision, satchel_order_given *out, satchel_error *error) {
    *decision = (satchel_op_decision){.code = SATCHEL_RESULT_APPLIED, .status = SATCHEL_OK};
    *out = (satchel_order_given){
        .change = change, .op = op, .decision = decision, .row = *order, .asker = change->author->user, .error = error};
    satchel_op_init(op, SATCHEL_OP_COMMAND, SATCHEL_ENTITY_ORDER, &order->id, change->arena);
    op->command = SATCHEL_COMMAND_SUBMIT_ORDER;
    op->sequence = change->sequence;
    const satchel_value at =
        satchel_value_time(satchel_record_int(&order->merged.value, SATCHEL_ORDER_SUBMITTED_AT, change->stamp_ms));
    satchel_status status = satchel_record_set(&op->set, SATCHEL_ORDER_SUBMITTED_AT, &at);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "no memory for a proposal");
    }
    status = satchel_standing_of(change->service, change->db, SATCHEL_ENTITY_ORDER, &order->id, &order->merged.value,
                                 change->arena, &out->standing, error);
    return status == SATCHEL_OK
               ? satchel_relations_of(change->db, &out->standing, change->person, change->day, &out->relations, error)
               : status;
}

satchel_status satchel_discount_decided(satchel_change *change, const satchel_id *order, satchel_error *error) {
    const uint32_t field = SATCHEL_ORDER_FLAGS;
    satchel_stored_row row;
    satchel_value flags;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_ORDER, order,
                                                    change->arena, &row, error);
    if (status != SATCHEL_OK || !row.merged.exists || !is_flagged(&row.merged.value)) {
        return status;
    }
    status = satchel_discount_flags(change->arena, &row.merged.value, false, &flags);
    if (status == SATCHEL_OK) {
        status = satchel_change_put(change, &row, field, &flags);
    }
    return status == SATCHEL_OK ? satchel_change_save(change, &row, &field, 1, error)
                                : satchel_fail(error, status, "no memory for flags");
}

satchel_status satchel_discount_at_end(satchel_change *change, satchel_touched_order *touched,
                                       satchel_stored_row *order, const satchel_record *lines, size_t line_count,
                                       satchel_error *error) {
    satchel_order_given given;
    satchel_op op;
    satchel_op_decision decision;
    int64_t steps = 0;
    satchel_status status = SATCHEL_OK;
    if (touched->submitted && !change->trusted) {
        status = begin_ask(change, order, &op, &decision, &given, error);
        if (status == SATCHEL_OK) {
            status = satchel_discount_steps(change->db, satchel_order_discount(&order->merged.value, lines, line_count),
                                            satchel_given_may(&given, SATCHEL_VERB_APPROVE), &steps, error);
        }
    }
    if (status == SATCHEL_OK && steps > 0 && !touched->approved) {
        touched->waits = true;
        return make_wait(&given, steps);
    }
    if (status == SATCHEL_OK && is_flagged(&order->merged.value) && !satchel_order_is_open(&order->merged.value)) {
        status = satchel_approval_end(change, &order->id, error);
        status = status == SATCHEL_OK ? satchel_discount_decided(change, &order->id, error) : status;
    }
    satchel_id customer = satchel_record_id(&order->merged.value, SATCHEL_ORDER_CUSTOMER);
    return status == SATCHEL_OK ? satchel_pool_follow(change, order, &customer, error) : status;
}

void satchel_discount_approved(satchel_change *change, const satchel_id *order) {
    for (uint32_t i = 0; i < change->order_count; i++) {
        change->orders[i].approved |= satchel_id_equal(&change->orders[i].id, order);
    }
}

bool satchel_discount_waits(const satchel_change *change, const satchel_op *op) {
    for (uint32_t i = 0; op->entity == SATCHEL_ENTITY_ORDER && i < change->order_count; i++) {
        if (change->orders[i].waits && satchel_id_equal(&change->orders[i].id, &op->row)) {
            return op->kind == SATCHEL_OP_COMMAND || satchel_op_touches(op, SATCHEL_ORDER_STATUS);
        }
    }
    return false;
}
