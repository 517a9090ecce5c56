/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oldest schema that gets pages: one value among those of the company, absent as long as nobody asked for more than
 * the first release. It is no standing order: a phone learns it from the answer that has no page for it.
 */
#include "service/skew.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/audit.h"
#include "service/state.h"

#define MINIMUM "minimum_schema"
#define FIRST 1u

satchel_status satchel_minimum_schema_get(satchel_db *db, uint32_t *out, satchel_error *error) {
    satchel_arena arena;
    satchel_bytes found = {NULL, 0};
    satchel_arena_init(&arena);
    *out = FIRST;
    satchel_status status = satchel_meta_get(db, MINIMUM, &arena, &found, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && found.bytes != 4) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the company's value " MINIMUM);
    } else if (status == SATCHEL_OK) {
        *out = satchel_get_u32be(found.data);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_minimum_schema_set(const satchel_service *service, satchel_db *db, uint32_t version,
                                          satchel_error *error) {
    const satchel_audit_entry entry = {.action = "minimum schema"};
    uint8_t bytes[4];
    if (version < FIRST || version > service->schema.model->version) {
        return satchel_fail(error, SATCHEL_OUT_OF_RANGE, "this server knows the schemas 1 to %u",
                            service->schema.model->version);
    }
    satchel_put_u32be(bytes, version);
    satchel_status status = satchel_meta_put(db, MINIMUM, satchel_bytes_of(bytes, sizeof bytes), error);
    return status == SATCHEL_OK ? satchel_audit_note(service, db, &entry, error) : status;
}

bool satchel_schema_is_too_old(uint32_t said, uint32_t minimum) {
    return (said == 0 ? FIRST : said) < minimum;
}
