/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wrapping the data key into a slot, and unwrapping it.
 *
 *     device:      key = BLAKE2b keyed with the keystore's secret over (context, store, salt)
 *     pin+device:  key = BLAKE2b keyed with Argon2id(PIN, salt) over (context, store, keystore's secret or nothing)
 *     escrow:      a box to the company's recovery key (crypto/seal.h)
 */
#ifndef SATCHEL_VAULT_SLOT_H
#define SATCHEL_VAULT_SLOT_H

#include "vault/key_file.h"
#include "vault/vault.h"

/* What goes into a wrapping key: the PIN of a PIN slot, the keystore's secret or NULL. */
typedef struct satchel_slot_input {
    satchel_vault_slot kind;
    satchel_text pin;
    const uint8_t *secret;
} satchel_slot_input;

/*
 * Fills `slot` so that `input` opens it. `passes` and `memory_kib` serve a PIN slot.
 * Errors: RANDOM_FAILED, NO_MEMORY, INVALID_ARGUMENT, INTERNAL.
 */
SATCHEL_MUST_USE satchel_status satchel_slot_wrap(const satchel_key_file *file, const satchel_slot_input *input,
                                                  uint32_t passes, uint32_t memory_kib, satchel_random random,
                                                  const uint8_t data_key[SATCHEL_KEY_BYTES], satchel_key_slot *slot);

/* Whether it is a slot of this phone, which wrong PINs erase: device, or pin+device. */
bool satchel_slot_is_local(uint32_t kind);

/* Whether the keystore's secret is the one that the slot was made with. */
bool satchel_slot_secret_fits(const satchel_key_slot *slot, const uint8_t *secret);

/* Errors: WRONG_PIN (PIN slot), KEY_GONE (device slot: another secret), NO_MEMORY, INVALID_ARGUMENT. */
SATCHEL_MUST_USE satchel_status satchel_slot_unwrap(const satchel_key_file *file, const satchel_key_slot *slot,
                                                    const satchel_slot_input *input,
                                                    uint8_t out_data_key[SATCHEL_KEY_BYTES]);

/*
 * Fills `slot` with the data key in a box to the recovery key. Errors: RANDOM_FAILED, INVALID_ARGUMENT (no public key),
 * NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_slot_box(const satchel_key_file *file,
                                                 const uint8_t recovery[SATCHEL_BOX_PUBLIC_BYTES],
                                                 satchel_random random, const uint8_t data_key[SATCHEL_KEY_BYTES],
                                                 satchel_key_slot *slot);

/* Errors: UNAUTHENTICATED (the seed of another recovery key), DAMAGED (the right one, and the box fails), NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_slot_unbox(const satchel_key_file *file, const satchel_key_slot *slot,
                                                   const uint8_t seed[SATCHEL_KEY_BYTES],
                                                   uint8_t out_data_key[SATCHEL_KEY_BYTES]);

#endif
