/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XChaCha20-Poly1305 put together from libsodium's ChaCha20 and Poly1305, as draft-irtf-cfrg-xchacha-03, section 2.3,
 * and RFC 8439, section 2.8, write it. Same bytes as satchel_seal; a test compares them.
 *
 * The reason is speed: libsodium's own call runs exactly over the message, and the last incomplete 512 bytes of a page
 * cost a sixth of the whole. Here the stream runs on into room that the caller has behind the message.
 */
#include "crypto/seal.h"

#include <sodium.h>
#include <string.h>

/* A ChaCha20 block; the first one of a message keys Poly1305. */
#define BLOCK_BYTES 64
#define POLY_BLOCK_BYTES 16

typedef struct chacha_stream {
    uint8_t key[crypto_stream_chacha20_ietf_KEYBYTES];
    uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES];
} chacha_stream;

/* The first 16 bytes of the nonce give a subkey by HChaCha20, the last 8 stand behind four zeros. */
static void stream_begin(chacha_stream *stream, const uint8_t key[SATCHEL_KEY_BYTES],
                         const uint8_t nonce[SATCHEL_NONCE_BYTES]) {
    (void)crypto_core_hchacha20(stream->key, nonce, key, NULL); /* always 0 */
    memset(stream->nonce, 0, 4);
    memcpy(stream->nonce + 4, nonce + crypto_core_hchacha20_INPUTBYTES, 8);
}

static void put_u64le(uint8_t out[8], uint64_t value) {
    for (unsigned at = 0; at < 8; at++) {
        out[at] = (uint8_t)(value >> 8 * at);
    }
}

static void add_padded(crypto_onetimeauth_state *state, satchel_bytes data) {
    static const uint8_t zeros[POLY_BLOCK_BYTES];
    (void)crypto_onetimeauth_update(state, data.data, data.bytes);
    (void)crypto_onetimeauth_update(state, zeros,
                                    (POLY_BLOCK_BYTES - data.bytes % POLY_BLOCK_BYTES) % POLY_BLOCK_BYTES);
}

static void make_tag(const chacha_stream *stream, satchel_bytes associated, satchel_bytes sealed,
                     uint8_t tag[SATCHEL_TAG_BYTES]) {
    uint8_t block[BLOCK_BYTES];
    uint8_t lengths[POLY_BLOCK_BYTES];
    crypto_onetimeauth_state state;
    (void)crypto_stream_chacha20_ietf(block, sizeof block, stream->nonce, stream->key);
    (void)crypto_onetimeauth_init(&state, block);
    add_padded(&state, associated);
    add_padded(&state, sealed);
    put_u64le(lengths, associated.bytes);
    put_u64le(lengths + 8, sealed.bytes);
    (void)crypto_onetimeauth_update(&state, lengths, sizeof lengths);
    (void)crypto_onetimeauth_final(&state, tag);
    sodium_memzero(block, sizeof block);
}

satchel_status satchel_seal_roomy(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                                  const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated,
                                  satchel_bytes plain, size_t room, uint8_t *sealed, uint8_t tag[SATCHEL_TAG_BYTES]) {
    chacha_stream stream;
    if (cipher != SATCHEL_CIPHER_XCHACHA20_POLY1305) {
        return SATCHEL_UNSUPPORTED;
    }
    stream_begin(&stream, key, nonce);
    int result =
        crypto_stream_chacha20_ietf_xor_ic(sealed, plain.data, plain.bytes + room, stream.nonce, 1, stream.key);
    make_tag(&stream, associated, (satchel_bytes){sealed, plain.bytes}, tag);
    sodium_memzero(&stream, sizeof stream);
    return result == 0 ? SATCHEL_OK : SATCHEL_INTERNAL;
}

satchel_status satchel_unseal_roomy(satchel_cipher cipher, const uint8_t key[SATCHEL_KEY_BYTES],
                                    const uint8_t nonce[SATCHEL_NONCE_BYTES], satchel_bytes associated,
                                    satchel_bytes sealed, size_t room, const uint8_t tag[SATCHEL_TAG_BYTES],
                                    uint8_t *plain) {
    chacha_stream stream;
    uint8_t expected[SATCHEL_TAG_BYTES];
    if (cipher != SATCHEL_CIPHER_XCHACHA20_POLY1305) {
        return SATCHEL_UNSUPPORTED;
    }
    stream_begin(&stream, key, nonce);
    make_tag(&stream, associated, sealed, expected);
    satchel_status status = SATCHEL_DAMAGED;
    if (crypto_verify_16(expected, tag) != 0) {
        sodium_memzero(plain, sealed.bytes);
    } else if (crypto_stream_chacha20_ietf_xor_ic(plain, sealed.data, sealed.bytes + room, stream.nonce, 1,
                                                  stream.key) == 0) {
        status = SATCHEL_OK;
    }
    sodium_memzero(&stream, sizeof stream);
    return status;
}
