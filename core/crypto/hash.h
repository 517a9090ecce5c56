/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes: BLAKE2b with 32 bytes of output (RFC 7693) for everything of ours, SHA-256 where a standard asks for it.
 */
#ifndef SATCHEL_CRYPTO_HASH_H
#define SATCHEL_CRYPTO_HASH_H

#include "crypto/crypto.h"

#define SATCHEL_HASH_BYTES 32

/* BLAKE2b-256 of `data`. */
void satchel_hash_of(satchel_bytes data, uint8_t out[SATCHEL_HASH_BYTES]);

/* A hash that grows piece by piece. Placed by the caller; begin, add any number of times, end. */
typedef struct satchel_hash {
    _Alignas(64) uint8_t opaque[384];
} satchel_hash;

void satchel_hash_begin(satchel_hash *hash);
/* With a key of 16 … 64 bytes (an own invariant): a MAC over what is added. */
void satchel_hash_begin_keyed(satchel_hash *hash, satchel_bytes key);
void satchel_hash_add(satchel_hash *hash, satchel_bytes data);
/* Adds the length of `data` as 8 bytes, big-endian, then `data`: parts of different cut never give one hash. */
void satchel_hash_add_part(satchel_hash *hash, satchel_bytes data);
/* Gives the hash and wipes the state. */
void satchel_hash_end(satchel_hash *hash, uint8_t out[SATCHEL_HASH_BYTES]);

/* SHA-256 (FIPS 180-4), for Content-Digest (RFC 9530) and the like. */
void satchel_sha256_of(satchel_bytes data, uint8_t out[SATCHEL_HASH_BYTES]);

typedef struct satchel_sha256 {
    _Alignas(8) uint8_t opaque[128];
} satchel_sha256;

void satchel_sha256_begin(satchel_sha256 *hash);
void satchel_sha256_add(satchel_sha256 *hash, satchel_bytes data);
void satchel_sha256_end(satchel_sha256 *hash, uint8_t out[SATCHEL_HASH_BYTES]);

/*
 * An id that follows from its parts alone: the first 16 bytes of BLAKE2b-256 over `context` and each part, every one
 * preceded by its length as 8 bytes, big-endian. Two generators of one planned visit make one row by it.
 */
satchel_id satchel_id_derive(const char *context, const satchel_bytes *parts, size_t count);

#endif
