/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way from PIN and keystore to the data key, with the count of wrong PINs on it.
 */
#include "vault/keyring.h"

#include "base/error.h"
#include "crypto/secret.h"
#include "vault/attempts.h"
#include "vault/slot.h"

#include <inttypes.h>
#include <string.h>

static bool local_kind(uint32_t kind) {
    return kind == SATCHEL_VAULT_SLOT_DEVICE || kind == SATCHEL_VAULT_SLOT_PIN_DEVICE;
}

static satchel_status fetch_secret(const satchel_vault_keystore *keystore, uint8_t out[SATCHEL_KEY_BYTES],
                                   satchel_error *error) {
    if (keystore->secret == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "this slot needs a keystore");
    }
    satchel_status status = keystore->secret(keystore->context, out);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the keystore gave no secret");
}

/* Makes the attempts in memory last. `secret` NULL: the store has no keystore. */
static satchel_status save_attempts(satchel_keyring *keyring, const uint8_t *secret) {
    keyring->file.attempts.sequence++;
    satchel_key_attempts_mac(&keyring->file, secret, keyring->file.attempts.mac);
    return satchel_keyring_save(keyring, false);
}

/* The slots that a PIN thief could open go; escrow stays. Without the key the file's MAC cannot be renewed. */
static satchel_status erase_slots(satchel_keyring *keyring, const uint8_t *secret) {
    satchel_key_file *file = &keyring->file;
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        if (local_kind(file->slots[index].kind)) {
            memset(&file->slots[index], 0, sizeof file->slots[index]);
        }
    }
    memset(file->mac, 0, sizeof file->mac);
    file->generation++;
    file->attempts.sequence++;
    satchel_key_attempts_mac(file, secret, file->attempts.mac);
    return satchel_keyring_save(keyring, true);
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

static satchel_status unlock_pin(satchel_keyring *keyring, const satchel_key_slot *slot,
                                 const satchel_vault_unlock *unlock, const satchel_keyring_policy *policy,
                                 const uint8_t *secret, satchel_vault_keys *keys, satchel_error *error) {
    satchel_slot_input input = {SATCHEL_VAULT_SLOT_PIN_DEVICE, unlock->pin, secret};
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
        return satchel_fail(error, status, "the PIN could not be checked");
    }
    keyring->file.attempts.wrong = 0;
    status = save_attempts(keyring, secret);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the count of wrong PINs could not be reset");
}

static satchel_status missing_slot(satchel_keyring *keyring, satchel_error *error) {
    for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
        if (local_kind(keyring->file.slots[index].kind)) {
            return satchel_fail(error, SATCHEL_UNSUPPORTED, "the store has no slot of this kind");
        }
    }
    const char *detail = "the store has no slot that this phone could open";
    if (keyring->other_bad && satchel_keyring_save(keyring, true) == SATCHEL_OK) {
        detail = "too many wrong PINs: the erasure of the slots has been completed";
    }
    return satchel_fail(error, SATCHEL_KEY_GONE, "%s", detail);
}

/* The MAC shows whether someone exchanged or broke a slot that is not the one just opened. */
static satchel_status check_mac(const satchel_keyring *keyring, const satchel_vault_keys *keys, satchel_error *error) {
    uint8_t mac[SATCHEL_MAC_BYTES];
    satchel_key_file_mac(&keyring->file, keys->sub[SATCHEL_SUBKEY_KEY_FILE], mac);
    if (!satchel_secret_equal(mac, keyring->file.mac, sizeof mac)) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the key file was changed by someone without the key");
    }
    return SATCHEL_OK;
}

satchel_status satchel_keyring_unlock(satchel_keyring *keyring, const satchel_vault_unlock *unlock,
                                      const satchel_keyring_policy *policy, satchel_vault_keys *keys,
                                      satchel_error *error) {
    uint8_t secret[SATCHEL_KEY_BYTES] = {0};
    size_t index = satchel_key_file_find(&keyring->file, (uint32_t)unlock->slot);
    if (index == SATCHEL_KEY_FILE_SLOTS) {
        return missing_slot(keyring, error);
    }
    const satchel_key_slot *slot = &keyring->file.slots[index];
    bool bound = (slot->flags & SATCHEL_KEY_SLOT_KEYSTORE) != 0;
    satchel_status status = bound ? fetch_secret(&unlock->keystore, secret, error) : SATCHEL_OK;
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
    if (status == SATCHEL_OK) {
        keys->cipher = (satchel_cipher)keyring->file.cipher;
        keys->store = keyring->file.store;
        satchel_vault_keys_derive(keys);
        status = check_mac(keyring, keys, error);
    }
done:
    satchel_secret_wipe(secret, sizeof secret);
    return status;
}

static satchel_key_slot *place_for(satchel_key_file *file, satchel_vault_slot kind, bool alone) {
    if (alone) {
        for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
            if (local_kind(file->slots[index].kind)) {
                memset(&file->slots[index], 0, sizeof file->slots[index]);
            }
        }
    }
    size_t index = satchel_key_file_find(file, (uint32_t)kind);
    if (index == SATCHEL_KEY_FILE_SLOTS) {
        index = satchel_key_file_find(file, 0);
    }
    return index < SATCHEL_KEY_FILE_SLOTS ? &file->slots[index] : NULL;
}

static satchel_status check_next(const satchel_vault_unlock *next, satchel_error *error) {
    if (next->slot == SATCHEL_VAULT_SLOT_DEVICE) {
        return next->keystore.secret != NULL
                   ? SATCHEL_OK
                   : satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a device slot needs a keystore");
    }
    if (next->slot != SATCHEL_VAULT_SLOT_PIN_DEVICE) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "unknown kind of slot");
    }
    if (next->pin.bytes == 0 || next->pin.bytes > SATCHEL_VAULT_PIN_BYTES_MAX) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a PIN has 1 to %d bytes", SATCHEL_VAULT_PIN_BYTES_MAX);
    }
    return SATCHEL_OK;
}

/* The count of wrong PINs is bound to what the PIN slot is bound to, whichever slot was put last. */
static satchel_status bind_attempts(satchel_key_file *file, const uint8_t *secret, satchel_error *error) {
    size_t pin = satchel_key_file_find(file, SATCHEL_VAULT_SLOT_PIN_DEVICE);
    bool bound = pin < SATCHEL_KEY_FILE_SLOTS && (file->slots[pin].flags & SATCHEL_KEY_SLOT_KEYSTORE) != 0;
    if (bound && !satchel_slot_secret_fits(&file->slots[pin], secret)) {
        return satchel_fail(error, SATCHEL_KEY_GONE, "the PIN slot was made with another keystore");
    }
    file->attempts.sequence++;
    file->attempts.wrong = 0;
    satchel_key_attempts_mac(file, bound ? secret : NULL, file->attempts.mac);
    return SATCHEL_OK;
}

satchel_status satchel_keyring_put(satchel_keyring *keyring, const satchel_vault_unlock *next, bool alone,
                                   const satchel_keyring_policy *policy, const satchel_vault_keys *keys,
                                   satchel_error *error) {
    uint8_t secret[SATCHEL_KEY_BYTES] = {0};
    bool bound = next->keystore.secret != NULL;
    satchel_key_file file = keyring->file;
    satchel_status status = check_next(next, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = bound ? fetch_secret(&next->keystore, secret, error) : SATCHEL_OK;
    if (status != SATCHEL_OK) {
        goto done;
    }
    satchel_key_slot *place = place_for(&file, next->slot, alone);
    if (place == NULL) {
        status = satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "no free slot");
        goto done;
    }
    satchel_slot_input input = {next->slot, next->pin, bound ? secret : NULL};
    status = satchel_slot_wrap(&file, &input, policy->passes, policy->memory_kib, policy->random, keys->data, place);
    if (status != SATCHEL_OK) {
        (void)satchel_fail(error, status, "the slot could not be made");
        goto done;
    }
    file.generation++;
    satchel_key_file_mac(&file, keys->sub[SATCHEL_SUBKEY_KEY_FILE], file.mac);
    status = bind_attempts(&file, bound ? secret : NULL, error);
    if (status == SATCHEL_OK) {
        keyring->file = file;
    }
done:
    satchel_secret_wipe(secret, sizeof secret);
    return status;
}
