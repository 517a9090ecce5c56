/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way from PIN and keystore to the data key, with the count of wrong PINs on it.
 */
#include "vault/keyring.h"

#include "base/bytes.h"
#include "base/error.h"
#include "crypto/secret.h"
#include "vault/attempts.h"
#include "vault/reserve.h"
#include "vault/slot.h"

#include <inttypes.h>
#include <string.h>

#define RECOVERY_SHOWN_BYTES 4

satchel_status satchel_keyring_secret(const satchel_vault_keystore *keystore, uint8_t out[SATCHEL_KEY_BYTES],
                                      satchel_error *error) {
    if (keystore->secret == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "this slot needs a keystore");
    }
    satchel_status status = keystore->secret(keystore->context, out);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the keystore gave no secret");
}

/* On a full disk the reserve is given up: nobody may be kept out for want of a kilobyte. */
static satchel_status save_somehow(satchel_keyring *keyring, bool both) {
    bool freed = false;
    satchel_status status = satchel_keyring_save(keyring, both);
    if (status == SATCHEL_DISK_FULL && satchel_reserve_free(keyring->files, keyring->folder, &freed) == SATCHEL_OK &&
        freed) {
        status = satchel_keyring_save(keyring, both);
    }
    return status;
}

/* Makes the attempts in memory last. `secret` NULL: the store has no keystore. */
static satchel_status save_attempts(satchel_keyring *keyring, const uint8_t *secret) {
    keyring->file.attempts.sequence++;
    satchel_key_attempts_mac(&keyring->file, secret, keyring->file.attempts.mac);
    return save_somehow(keyring, false);
}

/* The slots that a PIN thief could open go; escrow stays. Without the key the file's MAC cannot be renewed. */
static satchel_status erase_slots(satchel_keyring *keyring, const uint8_t *secret) {
    satchel_key_file *file = &keyring->file;
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        if (satchel_slot_is_local(file->slots[index].kind)) {
            memset(&file->slots[index], 0, sizeof file->slots[index]);
        }
    }
    memset(file->mac, 0, sizeof file->mac);
    file->generation++;
    file->attempts.sequence++;
    satchel_key_attempts_mac(file, secret, file->attempts.mac);
    return save_somehow(keyring, true);
}

static satchel_status erase_and_report(satchel_keyring *keyring, const uint8_t *secret, satchel_error *error) {
    satchel_status status = erase_slots(keyring, secret);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the slots could not be erased");
    }
    return satchel_fail(error, SATCHEL_KEY_GONE, "too many wrong PINs: the slots have been erased");
}

/* What must hold before a PIN is looked at. */
static satchel_status admit_attempt(satchel_keyring *keyring, const satchel_vault_unlock *unlock,
                                    const satchel_keyring_policy *policy, const uint8_t *secret, satchel_error *error) {
    satchel_key_attempts *attempts = &keyring->file.attempts;
    uint8_t mac[SATCHEL_MAC_BYTES];
    satchel_key_attempts_mac(&keyring->file, secret, mac);
    if (!satchel_secret_equal(mac, attempts->mac, sizeof mac)) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the count of wrong PINs was changed");
    }
    if (attempts->wrong >= policy->wrong_pins_max) {
        return erase_and_report(keyring, secret, error);
    }
    int64_t wait_ms = satchel_attempts_wait_ms(attempts, &unlock->now);
    if (wait_ms > 0) {
        return satchel_fail(error, SATCHEL_PIN_DELAYED, "%" PRId64 " ms to wait", wait_ms);
    }
    attempts->wrong++;
    attempts->boot = unlock->now.boot;
    attempts->monotonic_ms = unlock->now.monotonic_ms > 0 ? unlock->now.monotonic_ms : 0;
    satchel_status status = save_attempts(keyring, secret);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the attempt could not be counted");
}

/* Argon2id found no memory: nobody learnt anything of the PIN, and a phone short of it must not erase its slots. */
static void take_back_attempt(satchel_keyring *keyring, const satchel_key_attempts *before, const uint8_t *secret) {
    satchel_key_attempts *attempts = &keyring->file.attempts;
    attempts->wrong = before->wrong;
    attempts->boot = before->boot;
    attempts->monotonic_ms = before->monotonic_ms;
    satchel_status status = save_attempts(keyring, secret);
    (void)status; /* else the try stays counted */
}

static satchel_status unlock_pin(satchel_keyring *keyring, const satchel_key_slot *slot,
                                 const satchel_vault_unlock *unlock, const satchel_keyring_policy *policy,
                                 const uint8_t *secret, satchel_vault_keys *keys, satchel_error *error) {
    satchel_slot_input input = {SATCHEL_VAULT_SLOT_PIN_DEVICE, unlock->pin, secret};
    const satchel_key_attempts before = keyring->file.attempts;
    satchel_status status = admit_attempt(keyring, unlock, policy, secret, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_slot_unwrap(&keyring->file, slot, &input, keys->data);
    if (status == SATCHEL_WRONG_PIN) {
        if (keyring->file.attempts.wrong >= policy->wrong_pins_max) {
            return erase_and_report(keyring, secret, error);
        }
        return satchel_fail(error, status, "%u of %u wrong PINs", keyring->file.attempts.wrong, policy->wrong_pins_max);
    }
    if (status != SATCHEL_OK) {
        take_back_attempt(keyring, &before, secret);
        return satchel_fail(error, status, "the PIN could not be checked");
    }
    keyring->file.attempts.wrong = 0;
    keyring->reset_owed = save_attempts(keyring, secret) != SATCHEL_OK; /* no reason to keep the owner out */
    return SATCHEL_OK;
}

void satchel_keyring_pay_reset(satchel_keyring *keyring) {
    if (keyring->reset_owed) {
        keyring->reset_owed = satchel_keyring_save(keyring, false) != SATCHEL_OK;
    }
}

static satchel_status missing_slot(satchel_keyring *keyring, uint32_t wanted, satchel_error *error) {
    if (!satchel_slot_is_local(wanted)) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED, "the store has no slot for a recovery key");
    }
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        if (satchel_slot_is_local(keyring->file.slots[index].kind)) {
            return satchel_fail(error, SATCHEL_UNSUPPORTED, "the store has no slot of this kind");
        }
    }
    const char *detail = "the store has no slot that this phone could open: recover with the company's key";
    if (keyring->other_bad && satchel_keyring_save(keyring, true) == SATCHEL_OK) {
        detail = "too many wrong PINs: the erasure of the slots has been completed";
    }
    return satchel_fail(error, SATCHEL_KEY_GONE, "%s", detail);
}

/* After an erasure the MAC is zeros and only the escrow slot is left, whose box says enough about itself. */
static bool was_erased(const satchel_key_file *file) {
    static const uint8_t none[SATCHEL_MAC_BYTES];
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        if (satchel_slot_is_local(file->slots[index].kind)) {
            return false;
        }
    }
    return memcmp(file->mac, none, sizeof none) == 0;
}

/* The MAC shows whether someone exchanged or broke a slot that is not the one just opened. */
satchel_status satchel_keyring_check_mac(const satchel_keyring *keyring, const satchel_vault_keys *keys,
                                         satchel_error *error) {
    uint8_t mac[SATCHEL_MAC_BYTES];
    if (was_erased(&keyring->file)) {
        return SATCHEL_OK;
    }
    satchel_key_file_mac(&keyring->file, keys->sub[SATCHEL_SUBKEY_KEY_FILE], mac);
    if (!satchel_secret_equal(mac, keyring->file.mac, sizeof mac)) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the key file was changed by someone without the key");
    }
    return SATCHEL_OK;
}

/* By PIN or keystore. */
static satchel_status unlock_local(satchel_keyring *keyring, const satchel_key_slot *slot,
                                   const satchel_vault_unlock *unlock, const satchel_keyring_policy *policy,
                                   satchel_vault_keys *keys, satchel_error *error) {
    uint8_t secret[SATCHEL_KEY_BYTES] = {0};
    bool bound = (slot->flags & SATCHEL_KEY_SLOT_KEYSTORE) != 0;
    satchel_status status = bound ? satchel_keyring_secret(&unlock->keystore, secret, error) : SATCHEL_OK;
    if (status != SATCHEL_OK) {
        goto done;
    }
    if (!satchel_slot_secret_fits(slot, bound ? secret : NULL)) {
        status = satchel_fail(error, SATCHEL_KEY_GONE, "the keystore holds another secret");
        goto done;
    }
    if (slot->kind == SATCHEL_VAULT_SLOT_PIN_DEVICE) {
        status = unlock_pin(keyring, slot, unlock, policy, bound ? secret : NULL, keys, error);
    } else {
        satchel_slot_input input = {SATCHEL_VAULT_SLOT_DEVICE, {NULL, 0}, secret};
        status = satchel_slot_unwrap(&keyring->file, slot, &input, keys->data);
        if (status != SATCHEL_OK) {
            (void)satchel_fail(error, status, "the device slot does not open");
        }
    }
done:
    satchel_secret_wipe(secret, sizeof secret);
    return status;
}

/* By the company's recovery key: nothing is counted, as nobody guesses 32 random bytes. */
static satchel_status unlock_escrow(const satchel_keyring *keyring, const satchel_key_slot *slot,
                                    const satchel_vault_unlock *unlock, satchel_vault_keys *keys,
                                    satchel_error *error) {
    if (unlock->recovery == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "no recovery key is given");
    }
    satchel_status status = satchel_slot_unbox(&keyring->file, slot, unlock->recovery, keys->data);
    if (status == SATCHEL_UNAUTHENTICATED) {
        char wanted[2 * RECOVERY_SHOWN_BYTES + 1];
        satchel_hex_write(satchel_bytes_of(slot->recovery, RECOVERY_SHOWN_BYTES), wanted);
        return satchel_fail(error, status, "another recovery key: the store wants the one of public key %s…", wanted);
    }
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the recovery slot does not open");
}

satchel_status satchel_keyring_unlock(satchel_keyring *keyring, const satchel_vault_unlock *unlock,
                                      const satchel_keyring_policy *policy, satchel_vault_keys *keys,
                                      satchel_error *error) {
    size_t index =
        unlock->slot != 0 ? satchel_key_file_find(&keyring->file, (uint32_t)unlock->slot) : SATCHEL_KEY_FILE_SLOTS;
    if (index == SATCHEL_KEY_FILE_SLOTS) {
        return missing_slot(keyring, (uint32_t)unlock->slot, error);
    }
    const satchel_key_slot *slot = &keyring->file.slots[index];
    satchel_status status = slot->kind == SATCHEL_VAULT_SLOT_ESCROW
                                ? unlock_escrow(keyring, slot, unlock, keys, error)
                                : unlock_local(keyring, slot, unlock, policy, keys, error);
    if (status == SATCHEL_OK) {
        keys->cipher = (satchel_cipher)keyring->file.cipher;
        keys->store = keyring->file.store;
        satchel_vault_keys_derive(keys);
        status = satchel_keyring_check_mac(keyring, keys, error);
    }
    return status;
}
