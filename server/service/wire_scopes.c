/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes instead of counters.
 */
#include "service/wire_scopes.h"

#include "base/ids.h"

#include <stdlib.h>
#include <string.h>

#define LABEL "satchel wire scope"
#define SET_MOST 0x0fffffffu /* four bytes as a varint */

static uint32_t first_word(satchel_hash *hash) {
    uint8_t bytes[SATCHEL_HASH_BYTES];
    satchel_hash_end(hash, bytes);
    return satchel_get_u32be(bytes);
}

uint32_t satchel_wire_scope(const satchel_id *user, uint8_t kind, const satchel_id *subject, uint8_t generation) {
    satchel_hash hash;
    const uint8_t numbers[] = {kind, generation};
    satchel_hash_begin(&hash);
    satchel_hash_add(&hash, satchel_bytes_of(LABEL, sizeof LABEL - 1));
    satchel_hash_add(&hash, satchel_id_view(user));
    satchel_hash_add(&hash, satchel_id_view(subject));
    satchel_hash_add(&hash, satchel_bytes_of(numbers, sizeof numbers));
    uint32_t name = first_word(&hash);
    return name != 0 ? name : 1;
}

static int compare_names(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

satchel_status satchel_wire_scopes(satchel_db *db, const satchel_id *user, const uint32_t *numbers, uint32_t count,
                                   uint8_t generation, uint32_t *out, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        satchel_id subject;
        uint8_t kind = 0;
        status = satchel_scope_get(db, numbers[i], &kind, &subject, error);
        out[i] = satchel_wire_scope(user, kind, &subject, generation);
    }
    if (count > 1) {
        qsort(out, count, sizeof *out, compare_names);
    }
    return status;
}

uint32_t satchel_wire_set(const uint32_t *scopes, uint32_t count) {
    satchel_hash hash;
    satchel_hash_begin(&hash);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        satchel_put_u32be(bytes, scopes[i]);
        satchel_hash_add(&hash, satchel_bytes_of(bytes, sizeof bytes));
    }
    uint32_t name = first_word(&hash) & SET_MOST;
    return name != 0 ? name : 1;
}

bool satchel_wire_scopes_meet(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count) {
    uint32_t i = 0;
    uint32_t k = 0;
    while (i < a_count && k < b_count) {
        if (a[i] == b[k]) {
            return true;
        }
        if (a[i] < b[k]) {
            i++;
        } else {
            k++;
        }
    }
    return false;
}
