/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b and SHA-256 behind caller-placed states. The libsodium calls used here cannot fail for the sizes that the
 * header allows; the asserts state that.
 */
#include "crypto/hash.h"

#include "base/bytes.h"
#include "crypto/mac.h"
#include "crypto/secret.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((satchel_hash *)0)->opaque), "room for BLAKE2b's state");
_Static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(((satchel_sha256 *)0)->opaque), "room for SHA-256's state");

static crypto_generichash_state *blake(satchel_hash *hash) {
    return (crypto_generichash_state *)(void *)hash->opaque;
}

static crypto_hash_sha256_state *sha(satchel_sha256 *hash) {
    return (crypto_hash_sha256_state *)(void *)hash->opaque;
}

static void must(int result) {
    assert(result == 0);
    (void)result;
}

void satchel_hash_begin(satchel_hash *hash) {
    must(crypto_generichash_init(blake(hash), NULL, 0, SATCHEL_HASH_BYTES));
}

void satchel_hash_begin_keyed(satchel_hash *hash, satchel_bytes key) {
    assert(key.bytes >= crypto_generichash_KEYBYTES_MIN && key.bytes <= crypto_generichash_KEYBYTES_MAX);
    must(crypto_generichash_init(blake(hash), key.data, key.bytes, SATCHEL_HASH_BYTES));
}

void satchel_hash_add(satchel_hash *hash, satchel_bytes data) {
    if (data.bytes > 0) {
        must(crypto_generichash_update(blake(hash), data.data, data.bytes));
    }
}

void satchel_hash_add_part(satchel_hash *hash, satchel_bytes data) {
    uint8_t length[8];
    satchel_put_u64be(length, data.bytes);
    satchel_hash_add(hash, satchel_bytes_of(length, sizeof length));
    satchel_hash_add(hash, data);
}

void satchel_hash_end(satchel_hash *hash, uint8_t out[SATCHEL_HASH_BYTES]) {
    must(crypto_generichash_final(blake(hash), out, SATCHEL_HASH_BYTES));
    sodium_memzero(hash, sizeof *hash);
}

void satchel_hash_of(satchel_bytes data, uint8_t out[SATCHEL_HASH_BYTES]) {
    satchel_hash hash;
    satchel_hash_begin(&hash);
    satchel_hash_add(&hash, data);
    satchel_hash_end(&hash, out);
}

void satchel_sha256_begin(satchel_sha256 *hash) {
    must(crypto_hash_sha256_init(sha(hash)));
}

void satchel_sha256_add(satchel_sha256 *hash, satchel_bytes data) {
    if (data.bytes > 0) {
        must(crypto_hash_sha256_update(sha(hash), data.data, data.bytes));
    }
}

void satchel_sha256_end(satchel_sha256 *hash, uint8_t out[SATCHEL_HASH_BYTES]) {
    must(crypto_hash_sha256_final(sha(hash), out));
    sodium_memzero(hash, sizeof *hash);
}

void satchel_sha256_of(satchel_bytes data, uint8_t out[SATCHEL_HASH_BYTES]) {
    satchel_sha256 hash;
    satchel_sha256_begin(&hash);
    satchel_sha256_add(&hash, data);
    satchel_sha256_end(&hash, out);
}

static void add_parts(satchel_hash *hash, const char *context, const satchel_bytes *parts, size_t count) {
    satchel_hash_add_part(hash, satchel_bytes_of(context, strlen(context)));
    for (size_t index = 0; index < count; index++) {
        satchel_hash_add_part(hash, parts[index]);
    }
}

satchel_id satchel_id_derive(const char *context, const satchel_bytes *parts, size_t count) {
    satchel_hash hash;
    uint8_t full[SATCHEL_HASH_BYTES];
    satchel_id id;
    satchel_hash_begin(&hash);
    add_parts(&hash, context, parts, count);
    satchel_hash_end(&hash, full);
    memcpy(id.bytes, full, sizeof id.bytes);
    return id;
}

satchel_status satchel_mac_make(satchel_bytes key, const char *context, const satchel_bytes *parts, size_t count,
                                uint8_t out[SATCHEL_MAC_BYTES]) {
    if (key.bytes < crypto_generichash_KEYBYTES_MIN || key.bytes > crypto_generichash_KEYBYTES_MAX) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    satchel_hash hash;
    satchel_hash_begin_keyed(&hash, key);
    add_parts(&hash, context, parts, count);
    satchel_hash_end(&hash, out);
    return SATCHEL_OK;
}

satchel_status satchel_mac_check(satchel_bytes key, const char *context, const satchel_bytes *parts, size_t count,
                                 const uint8_t mac[SATCHEL_MAC_BYTES]) {
    uint8_t expected[SATCHEL_MAC_BYTES];
    satchel_status status = satchel_mac_make(key, context, parts, count, expected);
    if (status == SATCHEL_OK && !satchel_secret_equal(expected, mac, sizeof expected)) {
        status = SATCHEL_UNAUTHENTICATED;
    }
    sodium_memzero(expected, sizeof expected);
    return status;
}
