/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commits of which nobody could be told. A commit that ended in an error of the disk may be found again when the store
 * is opened, or not: the phone's own log says which. What is found counts from then on as if it had succeeded; what
 * never is found was not made, and the judge demands that it is nowhere.
 */
#include "base/ids.h"
#include "base/text.h"
#include "sim/sim.h"
#include "store/store_state.h"

#include <satchel/model.h>
#include <string.h>

#define UNITS_BYTES (1u << 20)

static bool holds_element(const satchel_record *record, uint32_t field, const char *element) {
    const satchel_value *value = satchel_record_get(record, field);
    for (uint32_t i = 0; value != NULL && value->type == SATCHEL_TYPE_SET && i < value->as.set.count; i++) {
        if (satchel_text_is(satchel_text_from(value->as.set.elements[i]), element)) {
            return true;
        }
    }
    return false;
}

static bool is_line(const sim_edit *edit, const satchel_op *op) {
    const satchel_id order = satchel_record_id(&op->set, SATCHEL_ORDER_LINE_ORDER);
    int64_t quantity = satchel_record_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 0) / 1000;
    return op->kind == SATCHEL_OP_CREATE && satchel_id_equal(&order, &edit->parent) &&
           quantity * satchel_record_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 0) == edit->amount;
}

/* Does this op do what the ledger says of the edit? */
static bool op_does(const sim *here, const sim_edit *edit, const satchel_op *op) {
    bool there = op->entity == edit->entity && satchel_id_equal(&op->row, &edit->row);
    switch (edit->kind) {
    case SIM_TEXT:
        return op->entity == edit->entity && satchel_text_is(satchel_record_text(&op->set, edit->field), edit->value);
    case SIM_TAG: return there && holds_element(&op->set, edit->field, edit->value);
    case SIM_UNTAG:
        return there && satchel_op_touches(op, edit->field) &&
               (edit->previous < 0 || holds_element(&op->removed, edit->field, here->edits[edit->previous].value));
    case SIM_SUM: return there && satchel_record_int(&op->set, edit->field, 0) == edit->amount;
    case SIM_DELETE: return there && op->kind == SATCHEL_OP_DELETE;
    case SIM_SUBMIT: return there && satchel_op_touches(op, SATCHEL_ORDER_STATUS);
    case SIM_MERGE: return there && op->kind == SATCHEL_OP_COMMAND;
    case SIM_STEP: return there && satchel_op_touches(op, SATCHEL_VISIT_STATUS);
    case SIM_LINE: return op->entity == edit->entity && is_line(edit, op);
    }
    return false;
}

static bool is_of_family(const sim *here, const sim_edit *edit, const sim_phone *phone) {
    return edit->phone >= 0 && here->phones[edit->phone].original == phone->original;
}

static bool is_named(const sim *here, const uint8_t digest[SATCHEL_DIGEST_BYTES]) {
    for (uint32_t i = 0; i < here->edit_count; i++) {
        if (!here->edits[i].unsure && memcmp(here->edits[i].unit, digest, SATCHEL_DIGEST_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* The edit that this unit carries: any of its ops may be the one that the ledger knows. */
static sim_edit *edit_of_unit(sim_phone *phone, satchel_bytes unit, satchel_arena *arena) {
    sim *here = phone->sim;
    const satchel_schema *schema = satchel_store_schema(phone->device->store);
    satchel_unit_ops head;
    satchel_bytes *ops = NULL;
    if (satchel_unit_decode(unit, arena, &head, &ops, NULL) != SATCHEL_OK) {
        return NULL;
    }
    for (uint32_t at = 0; at < head.count; at++) {
        satchel_op op;
        if (satchel_op_decode(schema, ops[at], head.first_sequence + at, arena, &op, NULL) != SATCHEL_OK) {
            return NULL;
        }
        for (uint32_t i = here->edit_count; i > 0; i--) {
            sim_edit *edit = &here->edits[i - 1];
            if (edit->unsure && is_of_family(here, edit, phone) && op_does(here, edit, &op)) {
                edit->row = op.row;
                return edit;
            }
        }
    }
    return NULL;
}

static void look_at_unit(sim_phone *phone, satchel_bytes sent, satchel_arena *arena, bool in_a_copy) {
    sim *here = phone->sim;
    uint8_t digest[SATCHEL_DIGEST_BYTES];
    satchel_bytes unit = sent; /* without the receipt that a restored server is shown with it */
    satchel_unit_return shown;
    satchel_status status = satchel_unit_split(sent, &unit, &shown, NULL);
    satchel_unit_digest(unit, digest);
    if (status == SATCHEL_OK && is_named(here, digest)) {
        return;
    }
    sim_edit *edit = edit_of_unit(phone, unit, arena);
    if (edit == NULL) {
        sim_violation(here, "phone %u holds a unit that nobody committed", (unsigned)phone->index);
        return;
    }
    memcpy(edit->unit, digest, sizeof edit->unit);
    edit->unsure = false;
    edit->may_be_gone = edit->may_be_gone || in_a_copy;
    sim_count(here, SIM_FOUND_AGAIN);
}

void sim_phone_find_unsure(sim_phone *phone, bool in_a_copy) {
    sim *here = phone->sim;
    bool any = false;
    for (uint32_t i = 0; i < here->edit_count; i++) {
        any = any || (here->edits[i].unsure && is_of_family(here, &here->edits[i], phone));
    }
    if (!any || phone->device == NULL) {
        return;
    }
    satchel_arena arena = {0};
    satchel_unit_batch batch = {0};
    if (satchel_store_load_units(phone->device->store, 0, UNITS_BYTES, &arena, &batch, NULL) != SATCHEL_OK) {
        sim_violation(here, "phone %u cannot read its log", (unsigned)phone->index);
    }
    for (uint32_t i = 0; i < batch.count; i++) {
        look_at_unit(phone, batch.units[i], &arena, in_a_copy);
    }
    satchel_arena_deinit(&arena);
}
