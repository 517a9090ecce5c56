/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users of phones write, and the ledger of it.
 */
#include "base/text.h"
#include "sim/sim.h"
#include "store/store_state.h"
#include "store/tables.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <satchel/query.h>
#include <satchel/read.h>
#include <stdio.h>
#include <string.h>

#define TRIES_MOST 3 /* of the rows in a table some are hidden, and some refused and gone */
#define TAGS_MOST 6

#define SECRET_PERCENT 15

static const uint32_t fields[] = {SATCHEL_CUSTOMER_NAME,      SATCHEL_CUSTOMER_SHORT_NAME, SATCHEL_CUSTOMER_NOTE,
                                  SATCHEL_CUSTOMER_STREET,    SATCHEL_CUSTOMER_INDUSTRY,   SATCHEL_CUSTOMER_CITY,
                                  SATCHEL_CUSTOMER_TAX_NUMBER};

uint32_t sim_field_of_chance(sim *here) {
    return fields[test_random_below(&here->random, sizeof fields / sizeof *fields)];
}

uint32_t sim_office_field_of_chance(sim *here) {
    return test_random_chance(&here->random, SECRET_PERCENT) ? (uint32_t)SATCHEL_CUSTOMER_RISK_NOTE
                                                             : sim_field_of_chance(here);
}

bool sim_is_secret(const sim_edit *edit) {
    return edit->entity == SATCHEL_ENTITY_CUSTOMER && edit->field == SATCHEL_CUSTOMER_RISK_NOTE;
}

bool sim_is_commercial(const sim_edit *edit) {
    return edit->entity == SATCHEL_ENTITY_CUSTOMER && edit->field == SATCHEL_CUSTOMER_TAX_NUMBER;
}

/* What of a write into a shown row is a hazard: it follows the phone's own unsent one, or a base that moved below it.
 */
static void note_base(sim_phone *phone, const sim_choice *chosen, sim_edit *edit) {
    sim *here = phone->sim;
    edit->base_n = (uint64_t)satchel_record_int(&chosen->record, SATCHEL_FIELD_REVISION, 0);
    const sim_edit *before = edit->previous >= 0 ? &here->edits[edit->previous] : NULL;
    if (before != NULL && before->phone == edit->phone && phone->device->store->units_waiting > 0) {
        sim_count(here, SIM_OWN_FOLLOWED);
        here->counters[SIM_BASES_MOVED] += edit->base_n > before->base_n && before->base_n > 0 ? 1 : 0;
    }
}

int32_t sim_edit_of(const sim *here, satchel_text value) {
    for (uint32_t i = here->edit_count; i > 0; i--) {
        if (value.bytes > 0 && satchel_text_is(value, here->edits[i - 1].value)) {
            return (int32_t)i - 1;
        }
    }
    return -1;
}

sim_edit *sim_edit_new(sim *here, int32_t phone, uint32_t entity, const satchel_id *row, uint32_t field) {
    if (here->edit_count == SIM_EDITS_MOST) {
        return NULL;
    }
    sim_edit *edit = &here->edits[here->edit_count];
    memset(edit, 0, sizeof *edit);
    edit->phone = phone;
    edit->entity = entity;
    edit->row = *row;
    edit->field = field;
    edit->previous = -1;
    edit->previous_other = -1;
    (void)snprintf(edit->value, sizeof edit->value, "v%04u-%c", (unsigned)here->edit_count,
                   phone < 0 ? 'm' : (char)('0' + phone));
    here->edit_count++;
    sim_count(here, SIM_EDITS);
    return edit;
}

/* The id of a row of chance that lies in the table, seen or not. */
static bool draw_id(sim_phone *phone, uint32_t entity, satchel_id *out) {
    satchel_store *store = phone->device->store;
    const char *name = satchel_table_of(store, entity)->entity->name;
    sqlite3_stmt *statement = NULL;
    char sql[160];
    bool found = false;
    int64_t number = (int64_t)(test_random_u64(&phone->sim->random) >> 1);
    (void)snprintf(
        sql, sizeof sql,
        "SELECT \"id\" FROM \"%s\" ORDER BY \"id\" LIMIT 1 OFFSET ? %% max(1, (SELECT count(*) FROM \"%s\"))", name,
        name);
    if (satchel_statement_of(store, sql, &statement, NULL) == SATCHEL_OK) {
        satchel_bind_int(statement, 1, number);
        found = satchel_statement_step(store, statement, &found, NULL) == SATCHEL_OK && found &&
                satchel_column_id(statement, 0, out) == SATCHEL_OK;
        satchel_statement_end(statement);
    }
    return found;
}

bool sim_choose(sim_phone *phone, uint32_t entity, sim_choice *out) {
    satchel_page *page = NULL;
    satchel_row_view view;
    bool found = false;
    memset(out, 0, sizeof *out);
    satchel_record_init(&out->record, &out->arena);
    for (int tries = 0; tries < TRIES_MOST && !found && draw_id(phone, entity, &out->row); tries++) {
        found = satchel_row_open(&page, phone->device, entity, &out->row, NULL) == SATCHEL_OK &&
                satchel_page_row(page, 0, &view) == SATCHEL_OK &&
                satchel_record_decode(satchel_store_schema(phone->device->store), entity, view.record, false,
                                      &out->record, NULL) == SATCHEL_OK;
        satchel_page_close(page);
        page = NULL;
    }
    return found;
}

void sim_choice_deinit(sim_choice *choice) {
    satchel_arena_deinit(&choice->arena);
}

static void name_unit(sim_phone *phone, uint64_t first_sequence, sim_edit *edit) {
    satchel_arena arena = {0};
    satchel_unit_batch batch = {0};
    satchel_status status = satchel_store_load_units(phone->device->store, first_sequence - 1, 1, &arena, &batch, NULL);
    if (status == SATCHEL_OK && batch.count > 0) {
        satchel_unit_digest(batch.units[0], edit->unit);
    } else {
        sim_violation(phone->sim, "phone %u does not give the unit that it committed: %s", (unsigned)phone->index,
                      satchel_status_name(status));
    }
    satchel_arena_deinit(&arena);
}

void sim_edit_forget(sim *here) {
    here->edit_count--;
    here->counters[SIM_EDITS]--;
}

void sim_edit_end(sim_phone *phone, sim_edit *edit, satchel_status status, uint64_t first, const char *what) {
    sim *here = phone->sim;
    sim_tell(here, "phone %u %s: %s", (unsigned)phone->index, what, satchel_status_name(status));
    if (status == SATCHEL_OK) {
        uint64_t last = phone->device->store->next_sequence - 1;
        here->counters[SIM_OPS] += last + 1 - first;
        phone->committed = last;
        name_unit(phone, first, edit);
        return;
    }
    /* A user whose role takes the right away is told so at once; anything else is wrong. */
    if (status != SATCHEL_FORBIDDEN && status != SATCHEL_READ_ONLY_FIELD && !sim_phone_may_fail(phone, status)) {
        sim_violation(here, "phone %u: %s: %s", (unsigned)phone->index, what, satchel_status_name(status));
    }
    if (status == SATCHEL_IO_ERROR) {
        edit->unsure = true; /* a commit whose sync failed may be found again when the store is opened */
        sim_count(here, SIM_UNSURE);
        return;
    }
    sim_edit_forget(here);
}

void sim_phone_commit(sim_phone *phone, satchel_write *write, satchel_status status, sim_edit *edit, const char *what) {
    satchel_receipt receipt = {0, 0};
    uint64_t first = phone->device->store->next_sequence;
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, &receipt, NULL);
    }
    if (status != SATCHEL_OK) { /* a commit ends the write */
        satchel_write_abandon(write);
    }
    sim_edit_end(phone, edit, status, first, what);
}

typedef satchel_status (*writer)(sim_phone *phone, satchel_write *write, sim_choice *chosen, sim_edit *edit);

/* Writes into a row of chance; `write` fills the edit in. */
static void change_row(sim_phone *phone, uint32_t entity, uint32_t field, writer fill, const char *verb) {
    sim *here = phone->sim;
    sim_choice chosen;
    satchel_write *write = NULL;
    char what[96];
    sim_edit *edit = NULL;
    if (sim_choose(phone, entity, &chosen)) {
        edit = sim_edit_new(here, (int32_t)phone->index, entity, &chosen.row, field);
    }
    if (edit != NULL) {
        satchel_status status = satchel_write_begin(&write, phone->device, NULL);
        if (status == SATCHEL_OK) {
            status = fill(phone, write, &chosen, edit);
        }
        (void)snprintf(what, sizeof what, "%s %s (field %u)", verb, edit->value, (unsigned)edit->field);
        sim_phone_commit(phone, write, status, edit, what);
    }
    sim_choice_deinit(&chosen);
}

/* An empty set is written by clearing the field. */
static satchel_status write_record(sim_phone *phone, satchel_write *write, const sim_edit *edit,
                                   const satchel_record *record) {
    const satchel_value *value = satchel_record_get(record, edit->field);
    bool clears = value != NULL && value->type == SATCHEL_TYPE_SET && value->as.set.count == 0;
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status =
        satchel_record_encode(satchel_store_schema(phone->device->store), edit->entity, record, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_write_edit(write, edit->entity, &edit->row, satchel_buffer_view(&bytes), &edit->field,
                                    clears ? 1 : 0, NULL);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status fill_text(sim_phone *phone, satchel_write *write, sim_choice *chosen, sim_edit *edit) {
    satchel_record record;
    edit->previous = sim_edit_of(phone->sim, satchel_record_text(&chosen->record, edit->field));
    note_base(phone, chosen, edit);
    satchel_record_init(&record, &chosen->arena);
    satchel_status status = satchel_record_set_text(&record, edit->field, satchel_text_of(edit->value));
    return status == SATCHEL_OK ? write_record(phone, write, edit, &record) : status;
}

static satchel_status fill_points(sim_phone *phone, satchel_write *write, sim_choice *chosen, sim_edit *edit) {
    (void)chosen;
    edit->kind = SIM_SUM;
    edit->value[0] = '\0';
    edit->amount = 1 + (int64_t)test_random_below(&phone->sim->random, 1000);
    sim_tell(phone->sim, "phone %u wants to add %lld", (unsigned)phone->index, (long long)edit->amount);
    return satchel_write_add(write, edit->entity, &edit->row, edit->field, edit->amount, NULL);
}

/* One element more, or one of those that are shown less. */
static satchel_status fill_tags(sim_phone *phone, satchel_write *write, sim_choice *chosen, sim_edit *edit) {
    sim *here = phone->sim;
    const satchel_value *shown = satchel_record_get(&chosen->record, SATCHEL_CUSTOMER_TAGS);
    uint32_t count = shown != NULL && shown->type == SATCHEL_TYPE_SET ? shown->as.set.count : 0;
    bool less = count > 0 && test_random_chance(&here->random, count < TAGS_MOST ? 30 : 100);
    uint32_t out = (uint32_t)test_random_below(&here->random, count);
    satchel_bytes *elements = satchel_arena_take_array(&chosen->arena, count + 1, sizeof *elements);
    uint32_t kept = 0;
    satchel_record record;
    if (elements == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    edit->kind = less ? SIM_UNTAG : SIM_TAG;
    for (uint32_t i = 0; i < count; i++) {
        if (less && i == out) {
            edit->previous = sim_edit_of(here, satchel_text_from(shown->as.set.elements[i]));
            edit->value[0] = '\0';
        } else {
            elements[kept++] = shown->as.set.elements[i];
        }
    }
    if (!less) { /* values ascend, so the new one is the last */
        elements[kept++] = satchel_text_bytes(satchel_text_of(edit->value));
    }
    sim_count(here, less ? SIM_UNTAGS : SIM_TAGS);
    const satchel_value tags = satchel_value_set(elements, kept);
    satchel_record_init(&record, &chosen->arena);
    satchel_status status = satchel_record_set(&record, SATCHEL_CUSTOMER_TAGS, &tags);
    return status == SATCHEL_OK ? write_record(phone, write, edit, &record) : status;
}

static satchel_status fill_deletion(sim_phone *phone, satchel_write *write, sim_choice *chosen, sim_edit *edit) {
    edit->kind = SIM_DELETE;
    edit->value[0] = '\0';
    edit->previous = sim_edit_of(phone->sim, satchel_record_text(&chosen->record, SATCHEL_TASK_TITLE));
    edit->previous_other = sim_edit_of(phone->sim, satchel_record_text(&chosen->record, SATCHEL_TASK_DETAIL));
    sim_count(phone->sim, SIM_DELETIONS);
    if (satchel_record_get(&chosen->record, SATCHEL_FIELD_REVISION) == NULL) {
        sim_count(phone->sim, SIM_NEW_ROWS_DELETED); /* the server never heard of it */
    }
    return satchel_write_delete(write, edit->entity, &edit->row, NULL);
}

/* A new customer, or a task. */
static void create(sim_phone *phone, uint32_t entity) {
    static const satchel_id none;
    bool is_customer = entity == SATCHEL_ENTITY_CUSTOMER;
    uint32_t field = is_customer ? (uint32_t)SATCHEL_CUSTOMER_NAME : (uint32_t)SATCHEL_TASK_TITLE;
    satchel_write *write = NULL;
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_arena arena = {0};
    satchel_record record;
    char what[64];
    sim_edit *edit = sim_edit_new(phone->sim, (int32_t)phone->index, entity, &none, field);
    if (edit == NULL) {
        return;
    }
    (void)snprintf(what, sizeof what, "makes %s %s", is_customer ? "customer" : "task", edit->value);
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, field, satchel_text_of(edit->value));
    if (status == SATCHEL_OK) {
        status = satchel_record_encode(satchel_store_schema(phone->device->store), entity, &record, &bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, phone->device, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_create(write, entity, satchel_buffer_view(&bytes), &edit->row, NULL);
    }
    sim_phone_commit(phone, write, status, edit, what);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

static void edit_customer(sim_phone *phone) {
    sim *here = phone->sim;
    uint32_t at = here->edit_count;
    change_row(phone, SATCHEL_ENTITY_CUSTOMER, sim_field_of_chance(here), fill_text, "writes");
    if (here->edit_count > at && !here->edits[at].unsure) {
        sim_poison(here, &here->edits[at]);
    }
}

static void add_points(sim_phone *phone) {
    change_row(phone, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_LOYALTY_POINTS, fill_points, "adds points");
}

static void tag(sim_phone *phone) {
    change_row(phone, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TAGS, fill_tags, "tags");
}

static void new_customer(sim_phone *phone) {
    create(phone, SATCHEL_ENTITY_CUSTOMER);
}

static void work_on_tasks(sim_phone *phone) {
    uint64_t what = test_random_below(&phone->sim->random, 100);
    uint32_t field = what % 2 == 0 ? (uint32_t)SATCHEL_TASK_TITLE : (uint32_t)SATCHEL_TASK_DETAIL;
    if (what < 40) {
        create(phone, SATCHEL_ENTITY_TASK);
    } else if (what < 80) {
        change_row(phone, SATCHEL_ENTITY_TASK, field, fill_text, "writes into a task");
    } else {
        change_row(phone, SATCHEL_ENTITY_TASK, 0, fill_deletion, "deletes a task");
    }
}

void sim_phone_write(sim_phone *phone) {
    static const struct {
        uint32_t below; /* of a hundred */
        sim_trouble trouble;
        void (*write)(sim_phone *phone);
    } kinds[] = {{47, SIM_TROUBLE_PLAIN_EDITS, edit_customer},
                 {58, SIM_TROUBLE_POINTS, add_points},
                 {64, SIM_TROUBLE_NEW_ROWS, new_customer},
                 {77, SIM_TROUBLE_TASKS, work_on_tasks},
                 {83, SIM_TROUBLE_TAGS, tag},
                 {88, SIM_TROUBLE_VISITS, sim_phone_visit},
                 {89, SIM_TROUBLE_MERGING, sim_phone_merge},
                 {100, SIM_TROUBLE_ORDERS, sim_phone_sell}};
    uint64_t what = test_random_below(&phone->sim->random, 100);
    size_t at = 0;
    while (what >= kinds[at].below) {
        at++;
    }
    if (sim_may(phone->sim, kinds[at].trouble)) {
        kinds[at].write(phone);
    }
}
