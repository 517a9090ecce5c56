/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders: a draft that takes lines, then a submitted body that stands.
 *
 * A line keeps a snapshot of price and discount; totals are derived by rules/orders.h, the same code that the server
 * checks them with, and written in the unit that changes a line.
 */
#include "sales/unit.h"

#include <satchel/model.h>

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "rules/orders.h"
#include "store/rights.h"

#include <string.h>

#define LINES_MOST 4096 /* the model's limit of line_count */

/* The lines of an order, collected for the derivation. */
typedef struct order_lines {
    satchel_arena *arena;
    satchel_record *items;
    uint32_t count;
    uint32_t capacity;
    int64_t last_position;
    satchel_id without; /* leave this line out; none: take all */
} order_lines;

static satchel_status collect_line(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                                   uint64_t base_n) {
    order_lines *lines = context;
    (void)base_n;
    if ((flags & SATCHEL_ROW_DELETED) != 0 || satchel_id_equal(id, &lines->without)) {
        return SATCHEL_OK;
    }
    if (lines->count == lines->capacity) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_record *copy = &lines->items[lines->count];
    satchel_record_init(copy, lines->arena);
    satchel_status status = satchel_record_copy(record, copy);
    int64_t position = satchel_record_int(copy, SATCHEL_ORDER_LINE_POSITION, 0);
    lines->last_position = position > lines->last_position ? position : lines->last_position;
    lines->count += status == SATCHEL_OK ? 1 : 0;
    return status;
}

/* Room for one more line than there may be is kept for the line that a verb adds. */
static satchel_status read_lines(sales_unit *unit, const satchel_id *order, const satchel_id *without,
                                 order_lines *out) {
    memset(out, 0, sizeof *out);
    out->arena = &unit->arena;
    out->capacity = LINES_MOST;
    out->items = satchel_arena_take_array(&unit->arena, LINES_MOST + 1, sizeof *out->items);
    if (without != NULL) {
        out->without = *without;
    }
    if (out->items == NULL) {
        return satchel_fail(unit->error, SATCHEL_NO_MEMORY, "no memory for the lines");
    }
    return satchel_store_referring(unit->sales->store, SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_ORDER, order,
                                   LINES_MOST, collect_line, out, unit->error);
}

/* Writes the order's derived figures for these lines into `fields`. */
static satchel_status derive(sales_unit *unit, const satchel_record *order, const order_lines *lines,
                             satchel_record *fields) {
    satchel_record derived;
    satchel_record_init(&derived, &unit->arena);
    satchel_status status = satchel_record_copy(order, &derived);
    if (status == SATCHEL_OK) {
        status = satchel_order_derive(&derived, lines->items, lines->count, unit->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(fields, SATCHEL_ORDER_TOTAL_MINOR,
                                        satchel_record_int(&derived, SATCHEL_ORDER_TOTAL_MINOR, 0));
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(fields, SATCHEL_ORDER_LINE_COUNT,
                                        satchel_record_int(&derived, SATCHEL_ORDER_LINE_COUNT, 0));
    }
    return status;
}

static satchel_status edit_order(sales_unit *unit, const satchel_id *order, const satchel_record *fields) {
    return satchel_draft_edit(unit->draft, SATCHEL_ENTITY_ORDER, order, fields, NULL, 0, unit->error);
}

static satchel_status read_draft_order(sales_unit *unit, const satchel_id *order, satchel_record *out) {
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_ORDER, order, out);
    if (status == SATCHEL_OK && !satchel_order_is_open(out)) {
        status = satchel_fail_field(unit->error, SATCHEL_LATE_FOR_PARENT, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_STATUS,
                                    "the order is no draft any more");
    }
    return status;
}

/* --- new --- */

static satchel_status fill_new(sales_unit *unit, const satchel_id *customer, const satchel_id *visit,
                               satchel_text currency, satchel_text external_id, satchel_id *order_id) {
    satchel_record read;
    satchel_record fields;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_CUSTOMER, customer, &read);
    if (status == SATCHEL_OK && satchel_sales_given(visit)) {
        status = satchel_sales_read(unit, SATCHEL_ENTITY_VISIT, visit, &read);
    }
    satchel_record_init(&fields, &unit->arena);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&fields, SATCHEL_ORDER_CUSTOMER, customer);
    }
    if (status == SATCHEL_OK && satchel_sales_given(visit)) {
        status = satchel_record_set_id(&fields, SATCHEL_ORDER_VISIT, visit);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&fields, SATCHEL_ORDER_OWNER, &unit->sales->user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_text(&fields, SATCHEL_ORDER_CURRENCY, currency);
    }
    if (status == SATCHEL_OK && external_id.bytes > 0) {
        status = satchel_record_set_text(&fields, SATCHEL_ORDER_EXTERNAL_ID, external_id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(&fields, SATCHEL_ORDER_ORDERED_AT, unit->sales->now_ms);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sales_new_id(unit, order_id);
    }
    return status == SATCHEL_OK
               ? satchel_draft_create(unit->draft, SATCHEL_ENTITY_ORDER, order_id, &fields, unit->error)
               : status;
}

satchel_status satchel_sales_order_new(const satchel_sales *sales, const satchel_id *customer, const satchel_id *visit,
                                       satchel_text currency, satchel_text external_id, satchel_id *order_id,
                                       satchel_error *error) {
    sales_unit unit;
    satchel_id id = satchel_sales_wanted(order_id);
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_new(&unit, customer, visit, currency, external_id, &id));
    }
    if (status == SATCHEL_OK && order_id != NULL) {
        *order_id = id;
    }
    return status;
}

/* --- add --- */

static satchel_status product_price(sales_unit *unit, const satchel_id *product, const satchel_record *order,
                                    int64_t *out_minor) {
    satchel_record read;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_PRODUCT, product, &read);
    if (status == SATCHEL_NOT_FOUND) {
        return satchel_fail_field(unit->error, SATCHEL_REFERENCE_MISSING, SATCHEL_ENTITY_ORDER_LINE,
                                  SATCHEL_ORDER_LINE_PRODUCT, "there is no such product");
    }
    if (status != SATCHEL_OK || *out_minor >= 0) {
        return status;
    }
    *out_minor = satchel_record_int(&read, SATCHEL_PRODUCT_PRICE_MINOR, -1);
    if (*out_minor < 0) {
        return satchel_fail_field(unit->error, SATCHEL_REQUIRED_MISSING, SATCHEL_ENTITY_ORDER_LINE,
                                  SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, "the product has no price: give one");
    }
    const satchel_text currency = satchel_record_text(&read, SATCHEL_PRODUCT_CURRENCY);
    if (currency.bytes > 0 && !satchel_text_equal(currency, satchel_record_text(order, SATCHEL_ORDER_CURRENCY))) {
        return satchel_fail_field(unit->error, SATCHEL_INVALID_ARGUMENT, SATCHEL_ENTITY_ORDER_LINE,
                                  SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR,
                                  "the product's price is in another currency than the order: give one");
    }
    return SATCHEL_OK;
}

static satchel_status check_line(const satchel_sales_line *line, satchel_error *error) {
    if (line->quantity_e3 <= 0) {
        return satchel_fail_field(error, SATCHEL_OUT_OF_RANGE, SATCHEL_ENTITY_ORDER_LINE,
                                  SATCHEL_ORDER_LINE_QUANTITY_E3, "a quantity is above zero");
    }
    if (line->discount_bp < 0 || line->discount_bp > 10000) {
        return satchel_fail_field(error, SATCHEL_OUT_OF_RANGE, SATCHEL_ENTITY_ORDER_LINE,
                                  SATCHEL_ORDER_LINE_DISCOUNT_BP, "a discount is 0 to 10000 basis points");
    }
    return SATCHEL_OK;
}

static satchel_status set_line(sales_unit *unit, const satchel_id *order, const satchel_sales_line *line,
                               int64_t price_minor, int64_t position, satchel_record *out) {
    satchel_record_init(out, &unit->arena);
    satchel_status status = satchel_record_set_id(out, SATCHEL_ORDER_LINE_ORDER, order);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(out, SATCHEL_ORDER_LINE_PRODUCT, &line->product);
    }
    const struct {
        uint32_t field;
        int64_t value;
    } numbers[] = {
        {SATCHEL_ORDER_LINE_QUANTITY_E3, line->quantity_e3},
        {SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, price_minor},
        {SATCHEL_ORDER_LINE_DISCOUNT_BP, line->discount_bp},
        {SATCHEL_ORDER_LINE_POSITION, position},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = satchel_record_set_int(out, numbers[i].field, numbers[i].value);
    }
    return status == SATCHEL_OK ? satchel_order_line_derive(out, unit->error) : status;
}

static satchel_status fill_add(sales_unit *unit, const satchel_id *order, const satchel_sales_line *line,
                               satchel_id *line_id) {
    satchel_record read;
    satchel_record fields;
    order_lines lines;
    int64_t price_minor = line->unit_price_minor;
    satchel_status status = check_line(line, unit->error);
    if (status == SATCHEL_OK) {
        status = read_draft_order(unit, order, &read);
    }
    if (status == SATCHEL_OK) {
        status = product_price(unit, &line->product, &read, &price_minor);
    }
    if (status == SATCHEL_OK) {
        status = read_lines(unit, order, NULL, &lines);
    }
    if (status == SATCHEL_OK && (lines.count >= LINES_MOST || lines.last_position >= LINES_MOST)) {
        status = satchel_fail_field(unit->error, SATCHEL_LIMIT_EXCEEDED, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_LINE_COUNT,
                                    "an order has %d lines at most", LINES_MOST);
    }
    if (status == SATCHEL_OK) {
        status = set_line(unit, order, line, price_minor, lines.last_position + 1, &lines.items[lines.count]);
    }
    if (status == SATCHEL_OK) {
        status = satchel_sales_new_id(unit, line_id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_draft_create(unit->draft, SATCHEL_ENTITY_ORDER_LINE, line_id, &lines.items[lines.count],
                                      unit->error);
    }
    satchel_record_init(&fields, &unit->arena);
    if (status == SATCHEL_OK) {
        lines.count++;
        status = derive(unit, &read, &lines, &fields);
    }
    return status == SATCHEL_OK ? edit_order(unit, order, &fields) : status;
}

satchel_status satchel_sales_order_add(const satchel_sales *sales, const satchel_id *order,
                                       const satchel_sales_line *line, satchel_id *line_id, satchel_error *error) {
    sales_unit unit;
    satchel_id id = satchel_sales_wanted(line_id);
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_add(&unit, order, line, &id));
    }
    if (status == SATCHEL_OK && line_id != NULL) {
        *line_id = id;
    }
    return status;
}

/* --- remove --- */

static satchel_status fill_remove(sales_unit *unit, const satchel_id *line) {
    satchel_record removed;
    satchel_record read;
    satchel_record fields;
    order_lines lines;
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_ORDER_LINE, line, &removed);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_id order = satchel_record_id(&removed, SATCHEL_ORDER_LINE_ORDER);
    status = read_draft_order(unit, &order, &read);
    if (status == SATCHEL_OK) {
        status = read_lines(unit, &order, line, &lines);
    }
    if (status == SATCHEL_OK) {
        status = satchel_draft_delete(unit->draft, SATCHEL_ENTITY_ORDER_LINE, line, unit->error);
    }
    satchel_record_init(&fields, &unit->arena);
    if (status == SATCHEL_OK) {
        status = derive(unit, &read, &lines, &fields);
    }
    return status == SATCHEL_OK ? edit_order(unit, &order, &fields) : status;
}

satchel_status satchel_sales_order_remove(const satchel_sales *sales, const satchel_id *line, satchel_error *error) {
    sales_unit unit;
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_remove(&unit, line));
    }
    return status;
}

/* --- submit --- */

/* Somebody has to approve its discount, and no role of his could. What the phone is not sure of the server decides. */
static satchel_status needs_approval(sales_unit *unit, const satchel_record *order, const order_lines *lines,
                                     bool *out) {
    const satchel_sales *sales = unit->sales;
    bool approves = false;
    *out = false;
    if (sales->discount_steps == 0 ||
        satchel_order_discount(order, lines->items, lines->count) <= sales->discount_limit_bp) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_store_might(sales->store, SATCHEL_ENTITY_ORDER, SATCHEL_VERB_APPROVE, &approves, unit->error);
    *out = status == SATCHEL_OK && !approves;
    return status;
}

static satchel_status look_at_order(sales_unit *unit, const satchel_id *order, satchel_record *out,
                                    order_lines *lines) {
    satchel_status status = satchel_sales_read(unit, SATCHEL_ENTITY_ORDER, order, out);
    if (status == SATCHEL_OK && !satchel_order_is_open(out)) {
        status = satchel_fail_field(unit->error, SATCHEL_ILLEGAL_STATE, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_STATUS,
                                    "the order is no draft any more");
    }
    if (status == SATCHEL_OK) {
        status = read_lines(unit, order, NULL, lines);
    }
    return status == SATCHEL_OK ? satchel_order_check_submit(out, lines->count, unit->error) : status;
}

static satchel_status fill_submit(sales_unit *unit, const satchel_id *order) {
    satchel_record read;
    satchel_record fields;
    order_lines lines;
    bool waits = false;
    satchel_status status = look_at_order(unit, order, &read, &lines);
    if (status == SATCHEL_OK) {
        status = needs_approval(unit, &read, &lines, &waits);
    }
    satchel_record_init(&fields, &unit->arena);
    if (status == SATCHEL_OK) {
        status = derive(unit, &read, &lines, &fields);
    }
    if (status == SATCHEL_OK && waits) {
        return satchel_draft_command(unit->draft, SATCHEL_ENTITY_ORDER, order, SATCHEL_COMMAND_SUBMIT_ORDER, &fields,
                                     unit->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&fields, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_SUBMITTED);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(&fields, SATCHEL_ORDER_SUBMITTED_AT, unit->sales->now_ms);
    }
    return status == SATCHEL_OK ? edit_order(unit, order, &fields) : status;
}

satchel_status satchel_sales_order_submit(const satchel_sales *sales, const satchel_id *order, satchel_error *error) {
    sales_unit unit;
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status == SATCHEL_OK) {
        status = satchel_sales_unit_end(&unit, fill_submit(&unit, order));
    }
    return status;
}

satchel_status satchel_sales_order_waits(const satchel_sales *sales, const satchel_id *order, bool *out,
                                         satchel_error *error) {
    sales_unit unit;
    satchel_record read;
    order_lines lines;
    *out = false;
    satchel_status status = satchel_sales_unit_open(&unit, sales, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = look_at_order(&unit, order, &read, &lines);
    if (status == SATCHEL_OK) {
        status = needs_approval(&unit, &read, &lines, out);
    }
    return satchel_sales_unit_end(&unit, status); /* an empty draft commits nothing */
}
