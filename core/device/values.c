/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people read them: labels for choices, decimals for fixed-point integers, dates for days, money in the
 * digits of its currency. What machines and command lines read and write is schema/text_form.h.
 */
#include "device/catalogue.h"

#include "base/ids.h"
#include "base/text.h"
#include "base/times.h"
#include "rules/money.h"

#include <string.h>

/* --- scale --- */

/* Digits after the point that people write for this unit; 0: a whole number. */
static unsigned scale_of(const satchel_field *field, unsigned currency_digits) {
    switch ((satchel_unit)field->unit) {
    case SATCHEL_UNIT_MONEY: return currency_digits;
    case SATCHEL_UNIT_DEGREES_E7: return 7;
    case SATCHEL_UNIT_QUANTITY_E3: return 3;
    case SATCHEL_UNIT_BASIS_POINTS: return 2;
    default: return 0;
    }
}

unsigned satchel_record_digits(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                               satchel_text otherwise) {
    const satchel_field *field = satchel_schema_field_named(schema, entity, satchel_text_of("currency"));
    satchel_text currency = otherwise;
    if (field != NULL && satchel_record_text(record, field->number).bytes > 0) {
        currency = satchel_record_text(record, field->number);
    }
    return satchel_currency_digits(currency);
}

/* --- write --- */

static satchel_status append_text(satchel_buffer *out, const char *text) {
    return satchel_buffer_append(out, satchel_bytes_of(text, strlen(text)));
}

/* Zeros at the end of a fraction are left out, but for money, where they are expected. */
static satchel_status write_fixed(const satchel_field *field, int64_t value, unsigned digits, satchel_buffer *out) {
    char text[SATCHEL_FIXED_TEXT_BYTES];
    unsigned scale = scale_of(field, digits);
    satchel_text_from_fixed(value, scale, text);
    size_t bytes = strlen(text);
    if (scale > 0 && field->unit != SATCHEL_UNIT_MONEY) {
        while (text[bytes - 1] == '0') {
            bytes--;
        }
        bytes -= text[bytes - 1] == '.' ? 1 : 0;
    }
    return satchel_buffer_append(out, satchel_bytes_of(text, bytes));
}

static satchel_status write_int(const satchel_field *field, int64_t value, unsigned digits, bool chinese,
                                satchel_buffer *out) {
    char text[SATCHEL_TIME_TEXT_BYTES];
    const satchel_choice *choice = field->choices == NULL ? NULL : satchel_field_choice(field, value);
    if (choice != NULL) {
        return append_text(out, chinese ? choice->label.zh : choice->label.en);
    }
    if (satchel_field_is_day(field)) {
        satchel_day_write(value, text);
        return append_text(out, text);
    }
    return write_fixed(field, value, digits, out);
}

static satchel_status write_id(const satchel_id *id, satchel_buffer *out) {
    char text[SATCHEL_ID_TEXT_BYTES];
    satchel_id_write(id, text);
    return append_text(out, text);
}

static satchel_status write_time(int64_t unix_ms, satchel_buffer *out) {
    char text[SATCHEL_TIME_TEXT_BYTES];
    satchel_time_write(unix_ms, text);
    return append_text(out, text);
}

static satchel_status write_hex(satchel_bytes bytes, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < bytes.bytes && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_format(out, "%02x", bytes.data[i]);
    }
    return status;
}

static satchel_status write_set(const satchel_field *field, const satchel_set *set, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < set->count && status == SATCHEL_OK; i++) {
        satchel_id id;
        status = i > 0 ? append_text(out, ", ") : SATCHEL_OK;
        if (status != SATCHEL_OK) {
            break;
        }
        bool is_id = field->element == SATCHEL_TYPE_ID && satchel_id_from(set->elements[i], &id) == SATCHEL_OK;
        status = is_id ? write_id(&id, out) : satchel_buffer_append(out, set->elements[i]);
    }
    return status;
}

satchel_status satchel_field_show(const satchel_field *field, const satchel_value *value, unsigned digits, bool chinese,
                                  satchel_buffer *out) {
    switch (value->type) {
    case SATCHEL_TYPE_NULL: return SATCHEL_OK;
    case SATCHEL_TYPE_BOOL:
        return append_text(out,
                           chinese ? (value->as.boolean ? "\u662f" : "\u5426") : (value->as.boolean ? "yes" : "no"));
    case SATCHEL_TYPE_INT: return write_int(field, value->as.integer, digits, chinese, out);
    case SATCHEL_TYPE_TIME: return write_time(value->as.integer, out);
    case SATCHEL_TYPE_REAL: return satchel_buffer_append_format(out, "%.17g", value->as.real);
    case SATCHEL_TYPE_TEXT: return satchel_buffer_append(out, value->as.bytes);
    case SATCHEL_TYPE_BYTES: return write_hex(value->as.bytes, out);
    case SATCHEL_TYPE_ID: return write_id(&value->as.id, out);
    case SATCHEL_TYPE_SET: return write_set(field, &value->as.set, out);
    }
    return SATCHEL_WRONG_TYPE;
}
