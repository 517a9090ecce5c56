/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What users of phones write, and the ledger of it.
 */
#include "base/text.h"
#include "sim/sim.h"
#include "store/store.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <satchel/query.h>
#include <satchel/read.h>
#include <stdio.h>
#include <string.h>

#define ROWS_MOST 200

static const uint32_t fields[] = {SATCHEL_CUSTOMER_NAME,   SATCHEL_CUSTOMER_SHORT_NAME, SATCHEL_CUSTOMER_NOTE,
                                  SATCHEL_CUSTOMER_STREET, SATCHEL_CUSTOMER_INDUSTRY,   SATCHEL_CUSTOMER_CITY};

uint32_t sim_field_of_chance(sim *here) {
    return fields[test_random_below(&here->random, sizeof fields / sizeof *fields)];
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
    (void)snprintf(edit->value, sizeof edit->value, "v%04u-%c", (unsigned)here->edit_count,
                   phone < 0 ? 'm' : (char)('0' + phone));
    here->edit_count++;
    sim_count(here, SIM_EDITS);
    return edit;
}

/* A row of chance that the phone shows: its id and its text in `field`. false: it shows none. */
typedef struct choice {
    satchel_id row;
    satchel_arena arena;
    satchel_record record;
} choice;

static bool choose_row(sim_phone *phone, uint32_t entity, choice *out) {
    sim *here = phone->sim;
    satchel_query *query = NULL;
    satchel_page *page = NULL;
    satchel_row_view view;
    bool found = false;
    satchel_record_init(&out->record, &out->arena);
    if (satchel_query_open(&query, entity) == SATCHEL_OK &&
        satchel_page_open(&page, phone->device, query, (satchel_bytes){NULL, 0}, ROWS_MOST, NULL) == SATCHEL_OK &&
        satchel_page_count(page) > 0) {
        uint32_t at = (uint32_t)test_random_below(&here->random, satchel_page_count(page));
        found = satchel_page_row(page, at, &view) == SATCHEL_OK &&
                satchel_record_decode(satchel_store_schema(phone->device->store), entity, view.record, false,
                                      &out->record, NULL) == SATCHEL_OK;
        out->row = view.id;
    }
    satchel_page_close(page);
    satchel_query_close(query);
    return found;
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

/* Commits what is in `write`; the edit of the ledger counts only then. */
static void commit(sim_phone *phone, satchel_write *write, satchel_status status, sim_edit *edit, const char *what) {
    sim *here = phone->sim;
    satchel_receipt receipt = {0, 0};
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, &receipt, NULL);
    }
    if (status != SATCHEL_OK) { /* a commit ends the write */
        satchel_write_abandon(write);
    }
    sim_tell(here, "phone %u %s: %s", (unsigned)phone->index, what, satchel_status_name(status));
    if (status == SATCHEL_OK) {
        here->counters[SIM_OPS] += receipt.count;
        phone->committed = receipt.first_sequence + receipt.count - 1;
        name_unit(phone, receipt.first_sequence, edit);
        return;
    }
    /* A user whose role takes the right away is told so at once; anything else is wrong. */
    if (status != SATCHEL_FORBIDDEN && status != SATCHEL_READ_ONLY_FIELD && !sim_phone_may_fail(phone, status)) {
        sim_violation(here, "phone %u: %s: %s", (unsigned)phone->index, what, satchel_status_name(status));
    }
    here->edit_count--;
    here->counters[SIM_EDITS]--;
}

static satchel_status encode_text(sim_phone *phone, uint32_t entity, uint32_t field, const char *text,
                                  satchel_buffer *out) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, field, satchel_text_of(text));
    if (status == SATCHEL_OK) {
        status = satchel_record_encode(satchel_store_schema(phone->device->store), entity, &record, out);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static void edit_customer(sim_phone *phone) {
    sim *here = phone->sim;
    uint32_t field = sim_field_of_chance(here);
    choice chosen = {.arena = {0}};
    satchel_write *write = NULL;
    satchel_buffer record = {NULL, 0, 0};
    char what[64];
    if (choose_row(phone, SATCHEL_ENTITY_CUSTOMER, &chosen)) {
        int32_t previous = sim_edit_of(here, satchel_record_text(&chosen.record, field));
        sim_edit *edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_CUSTOMER, &chosen.row, field);
        if (edit != NULL) {
            edit->previous = previous;
            (void)snprintf(what, sizeof what, "writes %s into field %u", edit->value, (unsigned)field);
            satchel_status status = encode_text(phone, SATCHEL_ENTITY_CUSTOMER, field, edit->value, &record);
            if (status == SATCHEL_OK) {
                status = satchel_write_begin(&write, phone->device, NULL);
            }
            if (status == SATCHEL_OK) {
                status = satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &chosen.row, satchel_buffer_view(&record),
                                            NULL, 0, NULL);
            }
            commit(phone, write, status, edit, what);
        }
    }
    satchel_buffer_deinit(&record);
    satchel_arena_deinit(&chosen.arena);
}

static void add_points(sim_phone *phone) {
    sim *here = phone->sim;
    choice chosen = {.arena = {0}};
    satchel_write *write = NULL;
    if (choose_row(phone, SATCHEL_ENTITY_CUSTOMER, &chosen)) {
        sim_edit *edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_CUSTOMER, &chosen.row,
                                      SATCHEL_CUSTOMER_LOYALTY_POINTS);
        if (edit != NULL) {
            edit->value[0] = '\0';
            edit->delta = 1 + (int64_t)test_random_below(&here->random, 1000);
            satchel_status status = satchel_write_begin(&write, phone->device, NULL);
            if (status == SATCHEL_OK) {
                status = satchel_write_add(write, SATCHEL_ENTITY_CUSTOMER, &chosen.row, SATCHEL_CUSTOMER_LOYALTY_POINTS,
                                           edit->delta, NULL);
            }
            commit(phone, write, status, edit, "adds points");
        }
    }
    satchel_arena_deinit(&chosen.arena);
}

/* A new customer, or a task at one. */
static void create(sim_phone *phone, uint32_t entity) {
    sim *here = phone->sim;
    satchel_write *write = NULL;
    satchel_buffer record = {NULL, 0, 0};
    satchel_id row = {{0}};
    char what[64];
    uint32_t field = entity == SATCHEL_ENTITY_CUSTOMER ? (uint32_t)SATCHEL_CUSTOMER_NAME : (uint32_t)SATCHEL_TASK_TITLE;
    sim_edit *edit = sim_edit_new(here, (int32_t)phone->index, entity, &row, field);
    if (edit == NULL) {
        return;
    }
    (void)snprintf(what, sizeof what, "makes %s %s", entity == SATCHEL_ENTITY_CUSTOMER ? "customer" : "task",
                   edit->value);
    satchel_status status = encode_text(phone, entity, field, edit->value, &record);
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, phone->device, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_create(write, entity, satchel_buffer_view(&record), &edit->row, NULL);
    }
    commit(phone, write, status, edit, what);
    satchel_buffer_deinit(&record);
}

void sim_phone_write(sim_phone *phone) {
    uint64_t what = test_random_below(&phone->sim->random, 100);
    if (what < 70) {
        edit_customer(phone);
    } else if (what < 85) {
        add_points(phone);
    } else if (what < 92) {
        create(phone, SATCHEL_ENTITY_CUSTOMER);
    } else {
        create(phone, SATCHEL_ENTITY_TASK);
    }
}
