/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders that users of phones take with the sales verbs: each verb is one unit. What an order is worth is known from
 * the ledger alone.
 */
#include "base/text.h"
#include "sim/sim.h"
#include "store/store_state.h"

#include <satchel/model.h>
#include <satchel/read.h>
#include <satchel/sales.h>
#include <satchel/write.h>
#include <stdio.h>
#include <string.h>

#define QUANTITY_MOST 20

static void new_order(sim_phone *phone) {
    sim *here = phone->sim;
    static const satchel_id none;
    sim_choice customer;
    char what[64];
    sim_edit *edit = NULL;
    if (sim_choose(phone, SATCHEL_ENTITY_CUSTOMER, &customer)) {
        edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_ORDER, &none, SATCHEL_ORDER_EXTERNAL_ID);
    }
    if (edit != NULL) {
        edit->parent = customer.row;
        uint64_t first = phone->device->store->next_sequence;
        satchel_status status = satchel_order_new(phone->device, &customer.row, NULL, satchel_text_of("CNY"),
                                                  satchel_text_of(edit->value), &edit->row, NULL);
        (void)snprintf(what, sizeof what, "begins order %s", edit->value);
        sim_edit_end(phone, edit, status, first, what);
    }
    sim_choice_deinit(&customer);
}

/* A draft of this phone's list; false: it shows none. */
static bool choose_draft(sim_phone *phone, sim_choice *out) {
    return sim_choose(phone, SATCHEL_ENTITY_ORDER, out) &&
           satchel_record_int(&out->record, SATCHEL_ORDER_STATUS, 0) == SATCHEL_ORDER_STATUS_DRAFT;
}

static void add_line(sim_phone *phone) {
    sim *here = phone->sim;
    sim_choice order;
    sim_edit *edit = NULL;
    static const satchel_id none;
    const satchel_id *product = &here->products[test_random_below(&here->random, SIM_PRODUCTS)];
    int64_t quantity = 1 + (int64_t)test_random_below(&here->random, QUANTITY_MOST);
    int64_t price = (int64_t)test_random_below(&here->random, 10000);
    if (choose_draft(phone, &order)) {
        edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_ORDER_LINE, &none, 0);
    }
    if (edit != NULL) {
        edit->kind = SIM_LINE;
        edit->value[0] = '\0';
        edit->parent = order.row;
        edit->amount = quantity * price;
        uint64_t first = phone->device->store->next_sequence;
        satchel_status status =
            satchel_order_add(phone->device, &order.row, product, quantity * 1000, price, 0, &edit->row, NULL);
        if (status == SATCHEL_OK) {
            sim_count(here, SIM_ORDER_LINES);
        }
        sim_edit_end(phone, edit, status, first, "adds a line to an order");
    }
    sim_choice_deinit(&order);
}

static void submit(sim_phone *phone) {
    sim *here = phone->sim;
    sim_choice order;
    sim_edit *edit = NULL;
    if (choose_draft(phone, &order) && satchel_record_int(&order.record, SATCHEL_ORDER_LINE_COUNT, 0) > 0) {
        edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_ORDER, &order.row, SATCHEL_ORDER_STATUS);
    }
    if (edit != NULL) {
        edit->kind = SIM_SUBMIT;
        edit->value[0] = '\0';
        uint64_t first = phone->device->store->next_sequence;
        satchel_status status = satchel_order_submit(phone->device, &order.row, NULL);
        if (status == SATCHEL_OK) {
            sim_count(here, SIM_SUBMITS);
        }
        sim_edit_end(phone, edit, status, first, "submits an order");
    }
    sim_choice_deinit(&order);
}

/* A disk that fails does so once: what cannot be read is read again. */
bool sim_shows(sim_phone *phone, uint32_t entity, const satchel_id *row) {
    satchel_status status = SATCHEL_IO_ERROR;
    bool shown = false;
    for (int tries = 0; tries < 2 && status != SATCHEL_OK && status != SATCHEL_NOT_FOUND; tries++) {
        satchel_page *page = NULL;
        status = satchel_row_open(&page, phone->device, entity, row, NULL);
        shown = status == SATCHEL_OK && satchel_page_count(page) > 0;
        satchel_page_close(page);
    }
    return shown;
}

/* The lines that go with the order are those that its deleter knew. */
static void note_lines(sim_phone *phone, const satchel_id *order) {
    sim *here = phone->sim;
    bool any = false;
    for (uint32_t i = 0; i < here->edit_count; i++) {
        sim_edit *line = &here->edits[i];
        if (line->kind == SIM_LINE && satchel_id_equal(&line->parent, order) &&
            sim_shows(phone, SATCHEL_ENTITY_ORDER_LINE, &line->row)) {
            line->deleters |= UINT32_C(1) << phone->index;
            any = true;
        }
    }
    here->counters[SIM_CASCADES] += any ? 1 : 0;
}

static void delete_order(sim_phone *phone) {
    sim *here = phone->sim;
    sim_choice order;
    sim_edit *edit = NULL;
    satchel_write *write = NULL;
    if (choose_draft(phone, &order) && sim_may(here, SIM_TROUBLE_CASCADING)) {
        edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_ORDER, &order.row, 0);
    }
    if (edit != NULL) {
        edit->kind = SIM_DELETE;
        edit->value[0] = '\0';
        edit->previous = sim_edit_of(here, satchel_record_text(&order.record, SATCHEL_ORDER_EXTERNAL_ID));
        note_lines(phone, &order.row);
        satchel_status status = satchel_write_begin(&write, phone->device, NULL);
        if (status == SATCHEL_OK) {
            status = satchel_write_delete(write, SATCHEL_ENTITY_ORDER, &order.row, NULL);
        }
        sim_phone_commit(phone, write, status, edit, "deletes an order with its lines");
    }
    sim_choice_deinit(&order);
}

void sim_phone_sell(sim_phone *phone) {
    uint64_t what = test_random_below(&phone->sim->random, 100);
    if (what < 40) {
        new_order(phone);
    } else if (what < 81) {
        add_line(phone);
    } else if (what < 88) {
        delete_order(phone);
    } else {
        submit(phone);
    }
}
