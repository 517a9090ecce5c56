/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file: 1024 bytes that hold the wrapped data key in up to four slots, and the count of wrong PINs.
 * Drawn byte by byte in core/doc/page-format.md. Pure: bytes in, bytes out.
 */
#ifndef SATCHEL_VAULT_KEY_FILE_H
#define SATCHEL_VAULT_KEY_FILE_H

#include "crypto/crypto.h"
#include "crypto/derive.h"
#include "crypto/hash.h"
#include "crypto/mac.h"
#include "crypto/seal.h"

#define SATCHEL_KEY_FILE_BYTES 1024u
#define SATCHEL_KEY_FILE_SLOTS 4u
#define SATCHEL_KEY_SLOT_BYTES 160u
#define SATCHEL_KEY_SLOT_CHECK_BYTES 16u
/* First bytes of the file and of a slot that are associated data of the wrapped key. */
#define SATCHEL_KEY_FILE_BOUND_BYTES 32u
#define SATCHEL_KEY_SLOT_BOUND_BYTES 48u
/* The message keys, sealed: nonce, keys, tag. */
#define SATCHEL_MESSAGE_KEYS_MOST 5u
#define SATCHEL_KEY_FILE_MESSAGE_BYTES 200u
#define SATCHEL_KEY_BOX_BYTES (SATCHEL_BOX_OVERHEAD_BYTES + SATCHEL_KEY_BYTES)

/* Flags of a slot. */
#define SATCHEL_KEY_SLOT_KEYSTORE 1u /* the keystore's secret is part of the wrapping key */

/* A slot as stored. Of a kind that this version does not know, only `kind` and `raw` are of use. */
typedef struct satchel_key_slot {
    uint32_t kind; /* satchel_vault_slot; 0: free */
    uint32_t passes;
    uint32_t memory_kib;
    uint32_t flags;
    uint8_t salt[SATCHEL_SALT_BYTES];
    uint8_t check[SATCHEL_KEY_SLOT_CHECK_BYTES]; /* tells another keystore secret from a wrong PIN */
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    uint8_t wrapped[SATCHEL_KEY_BYTES];
    uint8_t tag[SATCHEL_TAG_BYTES];
    uint8_t recovery[SATCHEL_BOX_PUBLIC_BYTES]; /* of an escrow slot: the company's public key … */
    uint8_t box[SATCHEL_KEY_BOX_BYTES];         /* … and the data key in a box to it */
    uint8_t raw[SATCHEL_KEY_SLOT_BYTES];        /* as read: kept for unknown kinds */
} satchel_key_slot;

/* Wrong PINs since the last right one. Known before any key is. */
typedef struct satchel_key_attempts {
    uint64_t sequence; /* counts the writings of attempts */
    uint32_t wrong;
    uint32_t boot; /* moment of the last one */
    int64_t monotonic_ms;
    uint8_t mac[SATCHEL_MAC_BYTES]; /* under the keystore's secret, if there is one */
} satchel_key_attempts;

typedef struct satchel_key_file {
    uint32_t cipher;
    satchel_id store;
    uint64_t generation; /* counts changes of slots */
    satchel_key_slot slots[SATCHEL_KEY_FILE_SLOTS];
    uint8_t mac[SATCHEL_MAC_BYTES]; /* over all before it, under the key-file subkey; zeros after an erasure */
    satchel_key_attempts attempts;
    uint8_t message[SATCHEL_KEY_FILE_MESSAGE_BYTES]; /* message_keys.h; zeros: none */
} satchel_key_file;

void satchel_key_file_write(const satchel_key_file *file, uint8_t out[SATCHEL_KEY_FILE_BYTES]);

/*
 * Errors: DAMAGED (length, checksum, a value outside its bounds), FOREIGN_FILE (whole, but not a key file),
 * NEWER_FORMAT (version or cipher that this version does not know).
 */
SATCHEL_MUST_USE satchel_status satchel_key_file_read(satchel_bytes bytes, satchel_key_file *out);

/* Whether `a` was written after `b`: by generation, then by sequence. */
bool satchel_key_file_newer(const satchel_key_file *a, const satchel_key_file *b);

bool satchel_key_file_has_message_keys(const satchel_key_file *file);

/* Bytes 0 … 31: version, cipher, file id. */
void satchel_key_file_front(const satchel_key_file *file, uint8_t out[SATCHEL_KEY_FILE_BOUND_BYTES]);

/* What is bound into a slot's wrapped key: bytes 0 … 31 of the file and 0 … 47 of the slot. */
void satchel_key_file_binding(const satchel_key_file *file, const satchel_key_slot *slot,
                              uint8_t out[SATCHEL_KEY_FILE_BOUND_BYTES + SATCHEL_KEY_SLOT_BOUND_BYTES]);

/* The MAC over header, slots and message keys. */
void satchel_key_file_mac(const satchel_key_file *file, const uint8_t key[SATCHEL_KEY_BYTES],
                          uint8_t out[SATCHEL_MAC_BYTES]);

/* The MAC over the attempts; `secret` NULL: no keystore, a checksum only. */
void satchel_key_attempts_mac(const satchel_key_file *file, const uint8_t *secret, uint8_t out[SATCHEL_MAC_BYTES]);

/* Index of the first slot of this kind, SATCHEL_KEY_FILE_SLOTS if there is none. Kind 0 finds a free one. */
size_t satchel_key_file_find(const satchel_key_file *file, uint32_t kind);

#endif
