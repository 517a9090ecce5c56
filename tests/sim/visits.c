/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visits: planned (on any phone that shows the customer, under the id of the customer's plan for that day, so that two
 * phones make one visit), begun, ended with a summary, called off. What is done in the field is a fact: its summary
 * stands whatever became of customer, plan and roles meanwhile.
 */
#include "base/text.h"
#include "sim/sim.h"
#include "store/store_state.h"

#include <satchel/model.h>
#include <satchel/sales.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000
#define DAYS_AHEAD 2
#define CALLED_OFF_PERCENT 25

static const satchel_fix nowhere = {.known = false};

/*
 * The phone said that it cannot be now: another visit is open, or this one was begun, is over or is there already; or
 * it shows the visit's customer no more: the user may not see it any more, and the plan was not accepted, or the server
 * was put back.
 */
static bool is_not_now(sim_phone *phone, const sim_edit *edit, satchel_status status) {
    return (status == SATCHEL_NOT_FOUND && !sim_shows(phone, SATCHEL_ENTITY_CUSTOMER, &edit->parent)) ||
           status == SATCHEL_REQUIRED_BEFORE || status == SATCHEL_ILLEGAL_STATE || status == SATCHEL_ALREADY_EXISTS;
}

static void end_step(sim_phone *phone, sim_edit *edit, satchel_status status, uint64_t first, const char *verb) {
    char what[64];
    (void)snprintf(what, sizeof what, "%s %s", verb, edit->value);
    if (is_not_now(phone, edit, status)) {
        sim_tell(phone->sim, "phone %u %s: not now", (unsigned)phone->index, what);
        sim_edit_forget(phone->sim);
        return;
    }
    sim_edit_end(phone, edit, status, first, what);
}

/* The visit to this customer on this day has one id, whoever plans it. */
static satchel_id id_of_plan(const satchel_id *customer, int64_t day) {
    satchel_id id = *customer;
    id.bytes[0] ^= 0x5a;
    id.bytes[SATCHEL_ID_BYTES - 1] ^= (uint8_t)day;
    return id;
}

static bool is_planned_by_another(const sim *here, const sim_edit *edit) {
    for (uint32_t i = 0; i + 1 < here->edit_count; i++) {
        if (here->edits[i].phone != edit->phone && satchel_id_equal(&here->edits[i].row, &edit->row)) {
            return true;
        }
    }
    return false;
}

static void plan(sim_phone *phone) {
    sim *here = phone->sim;
    static const satchel_id none;
    int64_t day = here->now_ms / DAY_MS + (int64_t)test_random_below(&here->random, DAYS_AHEAD);
    sim_choice customer;
    sim_edit *edit = NULL;
    if (sim_choose(phone, SATCHEL_ENTITY_CUSTOMER, &customer)) {
        edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_VISIT, &none, 0);
    }
    if (edit != NULL) {
        edit->kind = SIM_STEP;
        edit->value[0] = '\0';
        edit->row = id_of_plan(&customer.row, day);
        edit->parent = customer.row;
        uint64_t first = phone->device->store->next_sequence;
        satchel_status status = satchel_visit_plan(phone->device, &customer.row, day, &edit->row, NULL);
        if (status == SATCHEL_OK) {
            sim_count(here, SIM_VISITS_PLANNED);
            here->counters[SIM_PLANNED_TWICE] += is_planned_by_another(here, edit) ? 1 : 0;
        }
        end_step(phone, edit, status, first, "plans a visit");
    }
    sim_choice_deinit(&customer);
}

/* Begins the planned visit, or calls it off. */
static satchel_status begin(sim_phone *phone, sim_choice *visit, sim_edit *edit, const char **verb) {
    if (test_random_chance(&phone->sim->random, CALLED_OFF_PERCENT)) {
        *verb = "calls a visit off:";
        edit->field = SATCHEL_VISIT_CANCEL_NOTE;
        return satchel_visit_cancel(phone->device, &visit->row, satchel_text_of(edit->value), NULL);
    }
    *verb = "begins a visit";
    edit->kind = SIM_STEP;
    edit->value[0] = '\0';
    return satchel_visit_check_in(phone->device, &edit->parent, &visit->row, &nowhere, NULL, NULL);
}

static void go_on(sim_phone *phone, sim_choice *visit, int64_t state) {
    sim *here = phone->sim;
    const char *verb = "ends a visit:";
    sim_edit *edit =
        sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_VISIT, &visit->row, SATCHEL_VISIT_SUMMARY);
    if (edit == NULL) {
        return;
    }
    satchel_status status = SATCHEL_OK;
    uint64_t first = phone->device->store->next_sequence;
    edit->parent = satchel_record_id(&visit->record, SATCHEL_VISIT_CUSTOMER);
    if (state == SATCHEL_VISIT_STATUS_PLANNED) {
        status = begin(phone, visit, edit, &verb);
    } else {
        status = satchel_visit_check_out(phone->device, &visit->row, &nowhere, SATCHEL_VISIT_OUTCOME_ORDER,
                                         satchel_text_of(edit->value), NULL);
        here->counters[SIM_VISITS_ENDED] += status == SATCHEL_OK ? 1 : 0;
    }
    end_step(phone, edit, status, first, verb);
}

void sim_phone_visit(sim_phone *phone) {
    sim_choice visit;
    bool found = sim_choose(phone, SATCHEL_ENTITY_VISIT, &visit);
    int64_t state = found ? satchel_record_int(&visit.record, SATCHEL_VISIT_STATUS, 0) : 0;
    if (state == SATCHEL_VISIT_STATUS_PLANNED || state == SATCHEL_VISIT_STATUS_IN_PROGRESS) {
        go_on(phone, &visit, state);
    } else {
        plan(phone);
    }
    sim_choice_deinit(&visit);
}
