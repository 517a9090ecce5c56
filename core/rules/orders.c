/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Totals of orders and what an order must have before it is submitted. Who may submit is not decided here.
 */
#include "rules/orders.h"

#include "base/error.h"
#include "rules/money.h"

#include <satchel/model.h>

static bool is_given(const satchel_record *record, uint32_t field) {
    const satchel_value *value = satchel_record_get(record, field);
    return value != NULL && value->type != SATCHEL_TYPE_NULL;
}

static bool is_deleted(const satchel_record *record) {
    const satchel_value *value = satchel_record_get(record, SATCHEL_FIELD_DELETED);
    return value != NULL && value->type == SATCHEL_TYPE_BOOL && value->as.boolean;
}

static satchel_status total_of_line(const satchel_record *line, int64_t *out_minor, satchel_error *error) {
    static const uint32_t needed[] = {SATCHEL_ORDER_LINE_QUANTITY_E3, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!is_given(line, needed[i])) {
            return satchel_fail_field(error, SATCHEL_REQUIRED_MISSING, SATCHEL_ENTITY_ORDER_LINE, needed[i],
                                      "a line has no total without it");
        }
    }
    satchel_status status = satchel_line_total(satchel_record_int(line, SATCHEL_ORDER_LINE_QUANTITY_E3, 0),
                                               satchel_record_int(line, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 0),
                                               satchel_record_int(line, SATCHEL_ORDER_LINE_DISCOUNT_BP, 0), out_minor);
    if (status != SATCHEL_OK) {
        return satchel_fail_field(error, status, SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_TOTAL_MINOR,
                                  "the total of the line is outside its range");
    }
    return SATCHEL_OK;
}

satchel_status satchel_order_line_derive(satchel_record *line, satchel_error *error) {
    int64_t total_minor = 0;
    satchel_status status = total_of_line(line, &total_minor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    return satchel_record_set_int(line, SATCHEL_ORDER_LINE_TOTAL_MINOR, total_minor);
}

/* A line that lacks quantity or price still counts with the total that it carries, if any. */
static satchel_status count_line(const satchel_record *line, int64_t *out_minor, satchel_error *error) {
    satchel_status status = total_of_line(line, out_minor, error);
    if (status == SATCHEL_REQUIRED_MISSING) {
        *out_minor = satchel_record_int(line, SATCHEL_ORDER_LINE_TOTAL_MINOR, 0);
        return SATCHEL_OK;
    }
    return status;
}

satchel_status satchel_order_derive(satchel_record *order, const satchel_record *lines, size_t line_count,
                                    satchel_error *error) {
    int64_t *totals_minor = satchel_arena_take_array(order->arena, line_count, sizeof *totals_minor);
    if (totals_minor == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "memory is exhausted while adding up %zu lines", line_count);
    }
    size_t count = 0;
    for (size_t i = 0; i < line_count; i++) {
        if (is_deleted(&lines[i])) {
            continue;
        }
        satchel_status status = count_line(&lines[i], &totals_minor[count++], error);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    int64_t total_minor = 0;
    satchel_status status =
        satchel_order_total(totals_minor, count, satchel_record_int(order, SATCHEL_ORDER_DISCOUNT_BP, 0), &total_minor);
    if (status != SATCHEL_OK) {
        return satchel_fail_field(error, status, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_TOTAL_MINOR,
                                  "the total of the order is outside its range");
    }
    status = satchel_record_set_int(order, SATCHEL_ORDER_TOTAL_MINOR, total_minor);
    return status == SATCHEL_OK ? satchel_record_set_int(order, SATCHEL_ORDER_LINE_COUNT, (int64_t)count) : status;
}

int64_t satchel_order_discount(const satchel_record *order, const satchel_record *lines, size_t line_count) {
    int64_t largest = satchel_record_int(order, SATCHEL_ORDER_DISCOUNT_BP, 0);
    for (size_t i = 0; i < line_count; i++) {
        int64_t discount = is_deleted(&lines[i]) ? 0 : satchel_record_int(&lines[i], SATCHEL_ORDER_LINE_DISCOUNT_BP, 0);
        largest = discount > largest ? discount : largest;
    }
    return largest;
}

bool satchel_order_is_open(const satchel_record *order) {
    int64_t state = satchel_record_int(order, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT);
    return state == SATCHEL_ORDER_STATUS_DRAFT;
}

satchel_status satchel_order_check_submit(const satchel_record *order, size_t line_count, satchel_error *error) {
    if (!is_given(order, SATCHEL_ORDER_CUSTOMER)) {
        return satchel_fail_field(error, SATCHEL_REQUIRED_MISSING, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_CUSTOMER,
                                  "an order without a customer is not submitted");
    }
    if (!is_given(order, SATCHEL_ORDER_CURRENCY)) {
        return satchel_fail_field(error, SATCHEL_REQUIRED_MISSING, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_CURRENCY,
                                  "an order without a currency is not submitted");
    }
    if (line_count == 0) {
        return satchel_fail_field(error, SATCHEL_REQUIRED_MISSING, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_LINE_COUNT,
                                  "an order without a line is not submitted");
    }
    return SATCHEL_OK;
}
