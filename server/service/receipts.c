/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts: what the company gave a device about a unit that it decided, and what one that is shown again means.
 */
#include "service/returned.h"

#include "base/ids.h"

#include <string.h>

static void add_u64(satchel_hash *hash, uint64_t number) {
    uint8_t bytes[8];
    satchel_put_u64be(bytes, number);
    satchel_hash_add(hash, satchel_bytes_of(bytes, sizeof bytes));
}

void satchel_receipt_make(const uint8_t key[SATCHEL_KEY_BYTES], const satchel_receipt_facts *facts,
                          uint8_t out[SATCHEL_RECEIPT_BYTES], uint8_t out_commitment[SATCHEL_HASH_BYTES]) {
    satchel_hash hash;
    satchel_result_code code = facts->code == SATCHEL_RESULT_REFUSED ? SATCHEL_RESULT_HELD : facts->code;
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(key, SATCHEL_KEY_BYTES));
    satchel_hash_add(&hash, satchel_id_view(&facts->device));
    satchel_hash_add(&hash, satchel_bytes_of(facts->digest, sizeof facts->digest));
    add_u64(&hash, (uint64_t)facts->stamp_ms);
    add_u64(&hash, (uint64_t)code);
    add_u64(&hash, facts->epoch);
    add_u64(&hash, facts->n);
    satchel_hash_end(&hash, out_commitment);
    satchel_put_u32be(out, facts->epoch);
    satchel_put_u64be(out + 4, facts->n);
    memcpy(out + 12, out_commitment, SATCHEL_RECEIPT_BYTES - 12);
}

/* In constant time: a receipt is not to be guessed byte by byte. */
static bool same_receipt(const uint8_t *a, const uint8_t *b) {
    uint8_t differs = 0;
    for (size_t i = 0; i < SATCHEL_RECEIPT_BYTES; i++) {
        differs = (uint8_t)(differs | (a[i] ^ b[i]));
    }
    return differs == 0;
}

bool satchel_receipt_check(const uint8_t key[SATCHEL_KEY_BYTES], const satchel_id *device,
                           const uint8_t digest[SATCHEL_DIGEST_BYTES], const satchel_unit_return *shown,
                           satchel_receipt_facts *out) {
    uint8_t receipt[SATCHEL_RECEIPT_BYTES];
    uint8_t commitment[SATCHEL_HASH_BYTES];
    *out = (satchel_receipt_facts){
        .device = *device, .stamp_ms = shown->stamp_ms, .code = (satchel_result_code)shown->code};
    if (shown->receipt.bytes != SATCHEL_RECEIPT_BYTES || shown->code == 0 || shown->code > SATCHEL_RESULT_HELD) {
        return false;
    }
    memcpy(out->digest, digest, sizeof out->digest);
    out->epoch = satchel_get_u32be(shown->receipt.data);
    out->n = satchel_get_u64be(shown->receipt.data + 4);
    satchel_receipt_make(key, out, receipt, commitment);
    return same_receipt(receipt, shown->receipt.data);
}

satchel_status satchel_return_look(satchel_db *db, const satchel_counter *counter, const uint8_t key[SATCHEL_KEY_BYTES],
                                   const satchel_author *author, const satchel_arrived_unit *unit,
                                   satchel_return_kind *out_kind, satchel_receipt_facts *out, satchel_error *error) {
    const satchel_incarnation life = {.number = author->incarnation, .device = author->device};
    int64_t pruned = 0;
    uint64_t capped = 0;
    uint64_t holder = 0;
    *out_kind = SATCHEL_RETURN_NONE;
    if (!satchel_receipt_check(key, &author->device, unit->digest, &unit->shown, out) || out->epoch >= counter->epoch) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_epoch_cap_of(db, counter, out->epoch, out->n, &capped, error);
    if (status == SATCHEL_OK) {
        status = satchel_unit_decided_in(db, &life, unit, &holder, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_number_values(db, "SELECT pruned_n FROM horizon", NULL, 0, 0, &pruned, error);
    }
    /* A number that was given out twice tells nothing: the result does, unless it is so old that it was thrown away. */
    bool kept = holder != 0 || (capped == out->n && out->n <= (uint64_t)pruned);
    *out_kind = kept ? SATCHEL_RETURN_KEPT : SATCHEL_RETURN_LOST;
    return status;
}
