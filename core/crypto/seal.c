/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XChaCha20-Poly1305 with detached tags, sealed messages, and boxes to a public key.
 */
#include "crypto/seal.h"

#include "base/text.h"
#include "crypto/hash.h"

#include <sodium.h>
#include <string.h>

_Static_assert(SATCHEL_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce of XChaCha20");
_Static_assert(SATCHEL_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag of Poly1305");
_Static_assert(SATCHEL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key of XChaCha20");
_Static_assert(SATCHEL_BOX_PUBLIC_BYTES == crypto_scalarmult_BYTES, "point of X25519");

/* Bound into the key of every box, so that a box key serves no other purpose. */
static const char box_context[] = "satchel box 1";

satchel_status satchel_seal(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                            const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated, satchel_bytes plain,
                            uint8_t *sealed, uint8_t tag[SATCHEL_TAG_BYTES]) {
    if (cipher != SATCHEL_CIPHER_XCHACHA20_POLY1305) {
        return SATCHEL_UNSUPPORTED;
    }
    int result = crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
        sealed, tag, NULL, plain.data, plain.bytes, associated.data, associated.bytes, NULL, nonce, key);
    return result == 0 ? SATCHEL_OK : SATCHEL_INTERNAL;
}

satchel_status satchel_unseal(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                              const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated, satchel_bytes sealed,
                              const uint8_t tag[SATCHEL_TAG_BYTES], uint8_t *plain) {
    if (cipher != SATCHEL_CIPHER_XCHACHA20_POLY1305) {
        return SATCHEL_UNSUPPORTED;
    }
    int result = crypto_aead_xchacha20poly1305_ietf_decrypt_detached(plain, NULL, sealed.data, sealed.bytes, tag,
                                                                     associated.data, associated.bytes, nonce, key);
    if (result != 0) {
        sodium_memzero(plain, sealed.bytes);
        return SATCHEL_DAMAGED;
    }
    return SATCHEL_OK;
}

satchel_status satchel_seal_message(const uint8_t key[SATCHEL_KEY_BYTES], satchel_random random,
                                    satchel_bytes associated, satchel_bytes plain, satchel_buffer *out) {
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    if (plain.bytes > SIZE_MAX - SATCHEL_SEAL_OVERHEAD_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_buffer_reserve(out, plain.bytes + SATCHEL_SEAL_OVERHEAD_BYTES);
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(random, nonce, sizeof nonce);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    uint8_t *at = out->data + out->bytes;
    memcpy(at, nonce, sizeof nonce);
    status = satchel_seal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, nonce, associated, plain, at + sizeof nonce,
                          at + sizeof nonce + plain.bytes);
    if (status == SATCHEL_OK) {
        out->bytes += plain.bytes + SATCHEL_SEAL_OVERHEAD_BYTES;
    }
    return status;
}

satchel_status satchel_unseal_message(const uint8_t key[SATCHEL_KEY_BYTES], satchel_bytes associated,
                                      satchel_bytes message, satchel_buffer *out) {
    if (message.bytes < SATCHEL_SEAL_OVERHEAD_BYTES) {
        return SATCHEL_DAMAGED;
    }
    size_t bytes = message.bytes - SATCHEL_SEAL_OVERHEAD_BYTES;
    /* One byte more than needed, so that an empty message too has somewhere to go. */
    satchel_status status = satchel_buffer_reserve(out, bytes + 1);
    if (status != SATCHEL_OK) {
        return status;
    }
    const uint8_t *sealed = message.data + SATCHEL_NONCE_BYTES;
    status = satchel_unseal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, message.data, associated,
                            satchel_bytes_of(sealed, bytes), sealed + bytes, out->data + out->bytes);
    if (status == SATCHEL_OK) {
        out->bytes += bytes;
    }
    return status;
}

void satchel_box_public(const uint8_t seed[SATCHEL_KEY_BYTES], uint8_t out_public[SATCHEL_BOX_PUBLIC_BYTES]) {
    (void)crypto_scalarmult_base(out_public, seed); /* always 0 */
}

/* The one-time symmetric key of a box. Fails for points of small order, whose shared secret is zero. */
static bool box_key(const uint8_t secret[SATCHEL_KEY_BYTES], const uint8_t other[SATCHEL_BOX_PUBLIC_BYTES],
                    const uint8_t one_time[SATCHEL_BOX_PUBLIC_BYTES], const uint8_t owner[SATCHEL_BOX_PUBLIC_BYTES],
                    uint8_t out[SATCHEL_KEY_BYTES]) {
    uint8_t shared[crypto_scalarmult_BYTES];
    if (crypto_scalarmult(shared, secret, other) != 0) {
        return false;
    }
    satchel_hash hash;
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(shared, sizeof shared));
    satchel_hash_add_part(&hash, satchel_text_bytes(satchel_text_of(box_context)));
    satchel_hash_add_part(&hash, satchel_bytes_of(one_time, SATCHEL_BOX_PUBLIC_BYTES));
    satchel_hash_add_part(&hash, satchel_bytes_of(owner, SATCHEL_BOX_PUBLIC_BYTES));
    satchel_hash_end(&hash, out);
    sodium_memzero(shared, sizeof shared);
    return true;
}

satchel_status satchel_box_seal(const uint8_t public_key[SATCHEL_BOX_PUBLIC_BYTES], satchel_random random,
                                satchel_bytes associated, satchel_bytes plain, satchel_buffer *out) {
    static const uint8_t zero_nonce[SATCHEL_NONCE_BYTES];
    uint8_t seed[SATCHEL_KEY_BYTES] = {0};
    uint8_t one_time[SATCHEL_BOX_PUBLIC_BYTES];
    uint8_t key[SATCHEL_KEY_BYTES] = {0};
    if (plain.bytes > SIZE_MAX - SATCHEL_BOX_OVERHEAD_BYTES) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_buffer_reserve(out, plain.bytes + SATCHEL_BOX_OVERHEAD_BYTES);
    if (status != SATCHEL_OK) {
        goto done;
    }
    status = satchel_random_fill(random, seed, sizeof seed);
    if (status != SATCHEL_OK) {
        goto done;
    }
    satchel_box_public(seed, one_time);
    if (!box_key(seed, public_key, one_time, public_key, key)) {
        status = SATCHEL_INVALID_ARGUMENT;
        goto done;
    }
    uint8_t *at = out->data + out->bytes;
    memcpy(at, one_time, sizeof one_time);
    status = satchel_seal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, zero_nonce, associated, plain, at + sizeof one_time,
                          at + sizeof one_time + plain.bytes);
    if (status == SATCHEL_OK) {
        out->bytes += plain.bytes + SATCHEL_BOX_OVERHEAD_BYTES;
    }
done:
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(key, sizeof key);
    return status;
}

satchel_status satchel_box_open(const uint8_t seed[SATCHEL_KEY_BYTES], satchel_bytes associated, satchel_bytes box,
                                satchel_buffer *out) {
    static const uint8_t zero_nonce[SATCHEL_NONCE_BYTES];
    uint8_t owner[SATCHEL_BOX_PUBLIC_BYTES];
    uint8_t key[SATCHEL_KEY_BYTES] = {0};
    if (box.bytes < SATCHEL_BOX_OVERHEAD_BYTES) {
        return SATCHEL_DAMAGED;
    }
    size_t bytes = box.bytes - SATCHEL_BOX_OVERHEAD_BYTES;
    satchel_status status = satchel_buffer_reserve(out, bytes + 1);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_box_public(seed, owner);
    if (!box_key(seed, box.data, box.data, owner, key)) {
        return SATCHEL_DAMAGED;
    }
    const uint8_t *sealed = box.data + SATCHEL_BOX_PUBLIC_BYTES;
    status = satchel_unseal(SATCHEL_CIPHER_XCHACHA20_POLY1305, key, zero_nonce, associated,
                            satchel_bytes_of(sealed, bytes), sealed + bytes, out->data + out->bytes);
    if (status == SATCHEL_OK) {
        out->bytes += bytes;
    }
    sodium_memzero(key, sizeof key);
    return status;
}
