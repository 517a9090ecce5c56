/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An export that only the holder of the recovery secret opens: "satchel-export-1" and a line feed, then a box to the
 * public key (crypto/seal.h) with these 17 bytes as associated data.
 */
#include <satchel/repair.h>

#include "base/bytes.h"
#include "crypto/seal.h"

#include <assert.h>
#include <string.h>

static const char front[] = "satchel-export-1\n";
#define FRONT_BYTES (sizeof front - 1)

static_assert(SATCHEL_RECOVERY_BYTES == SATCHEL_BOX_PUBLIC_BYTES && SATCHEL_RECOVERY_BYTES == SATCHEL_KEY_BYTES,
              "a recovery key is the key of a box");

satchel_status satchel_export_seal(const uint8_t public_key[SATCHEL_RECOVERY_BYTES], satchel_bytes plain,
                                   satchel_export_taker taken, void *context) {
    satchel_buffer out = {NULL, 0, 0};
    satchel_status status = satchel_crypto_init();
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&out, satchel_bytes_of(front, FRONT_BYTES));
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_box_seal(public_key, satchel_random_system(), satchel_bytes_of(front, FRONT_BYTES), plain, &out);
    }
    if (status == SATCHEL_OK) {
        status = taken(context, satchel_buffer_view(&out));
    }
    satchel_buffer_deinit(&out);
    return status;
}

satchel_status satchel_export_open(const uint8_t secret[SATCHEL_RECOVERY_BYTES], satchel_bytes sealed,
                                   satchel_export_taker taken, void *context) {
    satchel_buffer out = {NULL, 0, 0};
    if (sealed.bytes < FRONT_BYTES || memcmp(sealed.data, front, FRONT_BYTES) != 0) {
        return SATCHEL_FOREIGN_FILE;
    }
    satchel_status status = satchel_crypto_init();
    if (status == SATCHEL_OK) {
        status = satchel_box_open(secret, satchel_bytes_of(front, FRONT_BYTES),
                                  satchel_bytes_of(sealed.data + FRONT_BYTES, sealed.bytes - FRONT_BYTES), &out);
    }
    if (status == SATCHEL_OK) {
        status = taken(context, satchel_buffer_view(&out));
    }
    satchel_buffer_wipe(&out);
    satchel_buffer_deinit(&out);
    return status;
}

void satchel_recovery_public(const uint8_t secret[SATCHEL_RECOVERY_BYTES], uint8_t out[SATCHEL_RECOVERY_BYTES]) {
    satchel_box_public(secret, out);
}
