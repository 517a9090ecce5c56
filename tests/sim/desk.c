/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What else happens at the server: a manager gives tasks to his people, and what somebody wrote is poison to it: the
 * database itself fails as often as that is to be stored, for no reason that the unit could know of.
 */
#include "base/text.h"
#include "sim/sim.h"

#include <satchel/model.h>
#include <stdio.h>

#define POISON_PERCENT 2

/* --- tasks --- */

typedef struct task_work {
    const satchel_id *assignee;
    sim_edit *edit;
} task_work;

static satchel_status make_task(sim *here, void *context) {
    static const satchel_id none;
    const task_work *work = context;
    satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    satchel_record record;
    satchel_write_outcome outcome;
    const satchel_value assignee = satchel_value_id(work->assignee);
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, SATCHEL_TASK_TITLE, satchel_text_of(work->edit->value));
    if (status == SATCHEL_OK) {
        status = satchel_record_set(&record, SATCHEL_TASK_ASSIGNEE, &assignee);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN);
    }
    if (status == SATCHEL_OK) {
        status = satchel_served_row_create(here->service, here->db, &system, SATCHEL_ENTITY_TASK, &none, &record,
                                           &outcome, NULL);
    }
    if (status == SATCHEL_OK) {
        work->edit->row = outcome.id;
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status sim_office_give_task(sim *here, uint32_t person) {
    static const satchel_id none;
    sim_edit *edit = sim_edit_new(here, -1, SATCHEL_ENTITY_TASK, &none, SATCHEL_TASK_TITLE);
    if (edit == NULL) {
        return SATCHEL_OK;
    }
    task_work work = {.assignee = &here->phones[person].user, .edit = edit};
    edit->readers = UINT32_C(1) << person;
    sim_count(here, SIM_TASKS_GIVEN);
    sim_tell(here, "the manager gives the user of phone %u the task %s", (unsigned)person, edit->value);
    satchel_status status = sim_office_write(here, make_task, &work);
    if (status != SATCHEL_OK) {
        sim_edit_forget(here);
    }
    return status;
}

/* --- poison --- */

/* A trigger of this connection alone: neither a backup nor another server has it. */
void sim_poison(sim *here, sim_edit *edit) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    const satchel_field *field = satchel_schema_field(&schema, edit->entity, edit->field);
    char sql[256];
    bool drawn = test_random_chance(&here->random, POISON_PERCENT);
    if (!drawn || here->on_postgres || here->profile->put_back > 0 || !sim_may(here, SIM_TROUBLE_POISON)) {
        return;
    }
    (void)snprintf(sql, sizeof sql,
                   "CREATE TEMP TRIGGER poison_%u BEFORE UPDATE ON main.customer WHEN NEW.\"%s\" = '%s'"
                   " BEGIN SELECT RAISE(ABORT, 'poison'); END",
                   (unsigned)(edit - here->edits), field->name, edit->value);
    edit->poison = satchel_db_exec(here->db, sql, NULL) == SATCHEL_OK;
    if (edit->poison) {
        sim_count(here, SIM_POISONED);
        sim_tell(here, "%s is poison to the server", edit->value);
    } else {
        sim_violation(here, "the server cannot be poisoned");
    }
}

void sim_poison_end(sim *here) {
    char sql[64];
    for (uint32_t i = 0; i < here->edit_count; i++) {
        if (here->edits[i].poison) {
            (void)snprintf(sql, sizeof sql, "DROP TRIGGER temp.poison_%u", (unsigned)i);
            if (satchel_db_exec(here->db, sql, NULL) != SATCHEL_OK) {
                sim_violation(here, "poison stays in the server");
            }
        }
    }
}
