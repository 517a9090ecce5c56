/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting slots into the key file: PIN, device, escrow. In memory only; satchel_keyring_save makes it last.
 */
#include "vault/keyring.h"

#include "base/error.h"
#include "crypto/secret.h"
#include "vault/slot.h"

#include <string.h>

static satchel_key_slot *place_for(satchel_key_file *file, satchel_vault_slot kind, bool alone) {
    if (alone) {
        for (size_t index = 0; index < SATCHEL_KEY_FILE_SLOTS; index++) {
            if (satchel_slot_is_local(file->slots[index].kind)) {
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
static satchel_status bind_attempts(satchel_key_file *file, const uint8_t *secret, bool renewed, satchel_error *error) {
    size_t pin = satchel_key_file_find(file, SATCHEL_VAULT_SLOT_PIN_DEVICE);
    bool bound = pin < SATCHEL_KEY_FILE_SLOTS && (file->slots[pin].flags & SATCHEL_KEY_SLOT_KEYSTORE) != 0;
    if (bound && !satchel_slot_secret_fits(&file->slots[pin], secret)) {
        return satchel_fail(error, SATCHEL_KEY_GONE, "the PIN slot was made with another keystore");
    }
    file->attempts.sequence++;
    if (renewed || pin == SATCHEL_KEY_FILE_SLOTS) { /* only a right PIN, or another one, sets the count back */
        file->attempts.wrong = 0;
    }
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
    status = bound ? satchel_keyring_secret(&next->keystore, secret, error) : SATCHEL_OK;
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
    status = bind_attempts(&file, bound ? secret : NULL, next->slot == SATCHEL_VAULT_SLOT_PIN_DEVICE, error);
    if (status == SATCHEL_OK) {
        keyring->file = file;
    }
done:
    satchel_secret_wipe(secret, sizeof secret);
    return status;
}

satchel_status satchel_keyring_put_escrow(satchel_keyring *keyring, const uint8_t *recovery, satchel_random random,
                                          const satchel_vault_keys *keys, satchel_error *error) {
    satchel_key_file file = keyring->file;
    satchel_key_slot *place = place_for(&file, SATCHEL_VAULT_SLOT_ESCROW, false);
    if (place == NULL) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "no free slot");
    }
    if (recovery == NULL) {
        memset(place, 0, sizeof *place);
    } else {
        satchel_status status = satchel_slot_box(&file, recovery, random, keys->data, place);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "the recovery slot could not be made");
        }
    }
    file.generation++; /* alone: the attempts and their MAC, which needs the keystore, stay as they are */
    satchel_key_file_mac(&file, keys->sub[SATCHEL_SUBKEY_KEY_FILE], file.mac);
    keyring->file = file;
    return SATCHEL_OK;
}
