/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of satchel_fields: a schema of its own, copied, so that nothing of the device is borrowed.
 */
#ifndef SATCHEL_DEVICE_CATALOGUE_H
#define SATCHEL_DEVICE_CATALOGUE_H

#include <satchel/fields.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "schema/record.h"
#include "schema/schema.h"

struct satchel_fields {
    satchel_arena arena;
    satchel_schema schema;
};

/* Does the unit DAYS of this field mean a date, and not a number of days? Dates may lie before 1970, so they are
 * signed. */
bool satchel_field_is_day(const satchel_field *field);

/*
 * Appends the value as people read it, see satchel_record_reader_text. `digits`: of the currency.
 * Errors: NO_MEMORY, WRONG_TYPE.
 */
SATCHEL_MUST_USE satchel_status satchel_field_show(const satchel_field *field, const satchel_value *value,
                                                   unsigned digits, bool chinese, satchel_buffer *out);

/* Digits of the record's own `currency` field, else those of `otherwise`. */
unsigned satchel_record_digits(const satchel_schema *schema, uint32_t entity, const satchel_record *record,
                               satchel_text otherwise);

#endif
