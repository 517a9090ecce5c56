/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three ciphers behind one pair of verbs. AES-256-GCM is there only where libsodium reports hardware for it, AEGIS-256
 * only in builds against a libsodium that has it (SATCHEL_HAVE_AEGIS256, set by CMake).
 */
#include "crypto/sealer.h"

#include "base/text.h"
#include "crypto/hash.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(crypto_aead_aes256gcm_state) == SATCHEL_SEALER_STATE_BYTES, "state of AES-256-GCM");
_Static_assert(_Alignof(crypto_aead_aes256gcm_state) <= 16, "place of a state in a sealer");
_Static_assert(SATCHEL_KEY_BYTES == crypto_aead_aes256gcm_KEYBYTES, "key of AES-256");
_Static_assert(SATCHEL_TAG_BYTES == crypto_aead_aes256gcm_ABYTES, "tag of GCM");
_Static_assert(SATCHEL_NONCE_BYTES == SATCHEL_EPOCH_BYTES + crypto_aead_aes256gcm_NPUBBYTES, "epoch and nonce of GCM");
#ifdef SATCHEL_HAVE_AEGIS256
_Static_assert(SATCHEL_KEY_BYTES == crypto_aead_aegis256_KEYBYTES, "key of AEGIS-256");
_Static_assert(SATCHEL_TAG_LONGEST_BYTES == crypto_aead_aegis256_ABYTES, "tag of AEGIS-256");
_Static_assert(SATCHEL_NONCE_BYTES <= crypto_aead_aegis256_NPUBBYTES, "nonce of AEGIS-256");
#endif

static const char gcm_context[] = "satchel aes-256-gcm epoch 1";
static const char aegis_context[] = "satchel aegis-256 1";

bool satchel_cipher_known(uint32_t cipher) {
    return cipher == SATCHEL_CIPHER_XCHACHA20_POLY1305 || cipher == SATCHEL_CIPHER_AES256_GCM ||
           cipher == SATCHEL_CIPHER_AEGIS256;
}

bool satchel_cipher_available(satchel_cipher cipher) {
    switch (cipher) {
    case SATCHEL_CIPHER_XCHACHA20_POLY1305: return true;
    case SATCHEL_CIPHER_AES256_GCM: return crypto_aead_aes256gcm_is_available() == 1;
    case SATCHEL_CIPHER_AEGIS256:
#ifdef SATCHEL_HAVE_AEGIS256
        return true;
#else
        return false;
#endif
    }
    return false;
}

/* AEGIS without AES instructions is slow and not of constant time; what GCM needs is the same instructions. */
satchel_cipher satchel_cipher_best(void) {
    if (!satchel_cipher_available(SATCHEL_CIPHER_AES256_GCM)) {
        return SATCHEL_CIPHER_XCHACHA20_POLY1305;
    }
    return satchel_cipher_available(SATCHEL_CIPHER_AEGIS256) ? SATCHEL_CIPHER_AEGIS256 : SATCHEL_CIPHER_AES256_GCM;
}

size_t satchel_cipher_tag_bytes(satchel_cipher cipher) {
    return cipher == SATCHEL_CIPHER_AEGIS256 ? SATCHEL_TAG_LONGEST_BYTES : SATCHEL_TAG_BYTES;
}

static void derive(const uint8_t subkey[SATCHEL_KEY_BYTES], const char *context, satchel_bytes part,
                   uint8_t out[SATCHEL_KEY_BYTES]) {
    satchel_hash hash;
    satchel_hash_begin_keyed(&hash, satchel_bytes_of(subkey, SATCHEL_KEY_BYTES));
    satchel_hash_add_part(&hash, satchel_text_bytes(satchel_text_of(context)));
    satchel_hash_add_part(&hash, part);
    satchel_hash_end(&hash, out);
}

void satchel_sealer_init(satchel_sealer *sealer, satchel_cipher cipher, const uint8_t subkey[SATCHEL_KEY_BYTES]) {
    sodium_memzero(sealer, sizeof *sealer);
    sealer->cipher = cipher;
    if (cipher == SATCHEL_CIPHER_AEGIS256) {
        derive(subkey, aegis_context, (satchel_bytes){NULL, 0}, sealer->key);
    } else {
        memcpy(sealer->key, subkey, SATCHEL_KEY_BYTES);
    }
}

static size_t place_of(const satchel_sealer *sealer, const uint8_t *epoch, bool *out_found) {
    size_t oldest = 0;
    *out_found = true;
    if (sealer->used[sealer->last] != 0 && memcmp(sealer->epochs[sealer->last], epoch, SATCHEL_EPOCH_BYTES) == 0) {
        return sealer->last;
    }
    for (size_t at = 0; at < SATCHEL_SEALER_EPOCHS; at++) {
        if (sealer->used[at] != 0 && memcmp(sealer->epochs[at], epoch, SATCHEL_EPOCH_BYTES) == 0) {
            return at;
        }
        oldest = sealer->used[at] < sealer->used[oldest] ? at : oldest;
    }
    *out_found = false;
    return oldest;
}

/* The expanded key of an epoch. What was used longest ago makes room for a new one. */
static const crypto_aead_aes256gcm_state *epoch_key(satchel_sealer *sealer, const uint8_t *epoch) {
    bool found;
    size_t at = place_of(sealer, epoch, &found);
    crypto_aead_aes256gcm_state *state = (crypto_aead_aes256gcm_state *)(void *)sealer->expanded[at];
    if (!found) {
        uint8_t key[SATCHEL_KEY_BYTES];
        derive(sealer->key, gcm_context, satchel_bytes_of(epoch, SATCHEL_EPOCH_BYTES), key);
        (void)crypto_aead_aes256gcm_beforenm(state, key); /* always 0 */
        memcpy(sealer->epochs[at], epoch, SATCHEL_EPOCH_BYTES);
        sodium_memzero(key, sizeof key);
    }
    sealer->used[at] = ++sealer->uses;
    sealer->last = at;
    return state;
}

#ifdef SATCHEL_HAVE_AEGIS256
static void aegis_nonce(const uint8_t nonce[SATCHEL_NONCE_BYTES], uint8_t out[crypto_aead_aegis256_NPUBBYTES]) {
    memset(out, 0, crypto_aead_aegis256_NPUBBYTES);
    memcpy(out, nonce, SATCHEL_NONCE_BYTES);
}

static int aegis_seal(const uint8_t *key, const uint8_t *nonce, satchel_bytes associated, satchel_bytes plain,
                      uint8_t *sealed, uint8_t *tag) {
    uint8_t whole[crypto_aead_aegis256_NPUBBYTES];
    aegis_nonce(nonce, whole);
    return crypto_aead_aegis256_encrypt_detached(sealed, tag, NULL, plain.data, plain.bytes, associated.data,
                                                 associated.bytes, NULL, whole, key);
}

static int aegis_unseal(const uint8_t *key, const uint8_t *nonce, satchel_bytes associated, satchel_bytes sealed,
                        const uint8_t *tag, uint8_t *plain) {
    uint8_t whole[crypto_aead_aegis256_NPUBBYTES];
    aegis_nonce(nonce, whole);
    return crypto_aead_aegis256_decrypt_detached(plain, NULL, sealed.data, sealed.bytes, tag, associated.data,
                                                 associated.bytes, whole, key);
}
#endif

satchel_status satchel_sealer_seal(satchel_sealer *sealer, const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                   satchel_bytes associated, satchel_bytes plain, size_t room, uint8_t *sealed,
                                   uint8_t *tag) {
    if (sealer->cipher == SATCHEL_CIPHER_XCHACHA20_POLY1305) {
        return satchel_seal_roomy(sealer->cipher, sealer->key, nonce, associated, plain, room, sealed, tag);
    }
    if (!satchel_cipher_available(sealer->cipher)) {
        return SATCHEL_UNSUPPORTED;
    }
#ifdef SATCHEL_HAVE_AEGIS256
    if (sealer->cipher == SATCHEL_CIPHER_AEGIS256) {
        int result = aegis_seal(sealer->key, nonce, associated, plain, sealed, tag);
        return result == 0 ? SATCHEL_OK : SATCHEL_INTERNAL;
    }
#endif
    int result = crypto_aead_aes256gcm_encrypt_detached_afternm(sealed, tag, NULL, plain.data, plain.bytes,
                                                                associated.data, associated.bytes, NULL,
                                                                nonce + SATCHEL_EPOCH_BYTES, epoch_key(sealer, nonce));
    return result == 0 ? SATCHEL_OK : SATCHEL_INTERNAL;
}

satchel_status satchel_sealer_unseal(satchel_sealer *sealer, const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                     satchel_bytes associated, satchel_bytes sealed, size_t room, const uint8_t *tag,
                                     uint8_t *plain) {
    if (sealer->cipher == SATCHEL_CIPHER_XCHACHA20_POLY1305) {
        return satchel_unseal_roomy(sealer->cipher, sealer->key, nonce, associated, sealed, room, tag, plain);
    }
    if (!satchel_cipher_available(sealer->cipher)) {
        return SATCHEL_UNSUPPORTED;
    }
    int result;
#ifdef SATCHEL_HAVE_AEGIS256
    if (sealer->cipher == SATCHEL_CIPHER_AEGIS256) {
        result = aegis_unseal(sealer->key, nonce, associated, sealed, tag, plain);
    } else
#endif
    {
        result = crypto_aead_aes256gcm_decrypt_detached_afternm(plain, NULL, sealed.data, sealed.bytes, tag,
                                                                associated.data, associated.bytes,
                                                                nonce + SATCHEL_EPOCH_BYTES, epoch_key(sealer, nonce));
    }
    if (result != 0) {
        sodium_memzero(plain, sealed.bytes);
        return SATCHEL_DAMAGED;
    }
    return SATCHEL_OK;
}
