/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preparing libsodium. Idempotent and safe from any thread, as sodium_init is.
 */
#include "crypto/crypto.h"

#include <sodium.h>

satchel_status satchel_crypto_init(void) {
    return sodium_init() < 0 ? SATCHEL_INTERNAL : SATCHEL_OK;
}
