/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message authentication codes: keyed BLAKE2b-256 over a context and parts, each preceded by its length.
 */
#ifndef SATCHEL_CRYPTO_MAC_H
#define SATCHEL_CRYPTO_MAC_H

#include "crypto/crypto.h"

#define SATCHEL_MAC_BYTES 32

/* `key` has 16 … 64 bytes; a code of fewer is first hashed by the caller. Errors: INVALID_ARGUMENT (length of key). */
SATCHEL_MUST_USE satchel_status satchel_mac_make(satchel_bytes key, const char *context, const satchel_bytes *parts,
                                                 size_t count, uint8_t out[SATCHEL_MAC_BYTES]);

/* Compares in constant time. Errors: INVALID_ARGUMENT, UNAUTHENTICATED. */
SATCHEL_MUST_USE satchel_status satchel_mac_check(satchel_bytes key, const char *context, const satchel_bytes *parts,
                                                  size_t count, const uint8_t mac[SATCHEL_MAC_BYTES]);

#endif
