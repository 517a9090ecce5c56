/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a device: create, open, lock, suspend, close; and how things stand.
 *
 * The store exists exactly while the device is unlocked. Locking and closing take the drafts of open writes and the
 * running exchange with them: both are safe to lose at any moment, as nothing of them was acknowledged.
 */
#include "device/device.h"
#include "device/ending.h"
#include "device/inbox.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/seal.h"
#include "vault/salvage_vault.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_BYTES_MOST 4096

/* Times that work of many slices lets others run before it goes on all the same. */
#define GIVE_WAY_MOST 1000

satchel_status satchel_device_enter_slice(satchel_device *device, satchel_error *error) {
    atomic_fetch_add(&device->waiting, 1);
    pthread_mutex_lock(&device->mutex);
    atomic_fetch_sub(&device->waiting, 1);
    satchel_device_state state = device->state;
    if (state == SATCHEL_DEVICE_OPEN) {
        return SATCHEL_OK;
    }
    pthread_mutex_unlock(&device->mutex);
    if (state == SATCHEL_DEVICE_WIPED) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "the store was wiped");
    }
    return state == SATCHEL_DEVICE_LOCKED ? satchel_fail(error, SATCHEL_LOCKED, "the store is locked")
                                          : satchel_fail(error, SATCHEL_MISUSE, "the device is suspended");
}

satchel_status satchel_device_enter(satchel_device *device, satchel_error *error) {
    satchel_status status = satchel_device_enter_slice(device, error);
    if (status == SATCHEL_OK) {
        satchel_status settled = satchel_store_settle(device->store, NULL);
        (void)settled; /* what it undid is done again by the work that left it open, which then meets the fault */
    }
    return status;
}

static satchel_status check_lease(satchel_device *device, satchel_status entered, satchel_error *error) {
    if (entered != SATCHEL_OK) {
        return entered;
    }
    atomic_fetch_add(&device->calls, 1);
    satchel_status status = satchel_lease_check(device, error);
    if (status != SATCHEL_OK) {
        satchel_device_leave(device);
    }
    return status;
}

satchel_status satchel_device_enter_work(satchel_device *device, satchel_error *error) {
    return check_lease(device, satchel_device_enter(device, error), error);
}

satchel_status satchel_device_enter_look(satchel_device *device, satchel_error *error) {
    return check_lease(device, satchel_device_enter_slice(device, error), error);
}

void satchel_device_leave(satchel_device *device) {
    pthread_mutex_unlock(&device->mutex);
}

/* A mutex goes to who runs, not to who waits: without this, a call would wait for the last slice of all. */
void satchel_device_give_way(satchel_device *device) {
    for (int i = 0; i < GIVE_WAY_MOST && atomic_load(&device->waiting) > 0; i++) {
        sched_yield();
    }
}

/* --- the store over the vault --- */

static satchel_status seal_op(void *context, satchel_bytes plain, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_seal(context, SATCHEL_VAULT_FOR_OPLOG, associated, plain, out);
}

static satchel_status open_op(void *context, satchel_bytes sealed, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_unseal(context, SATCHEL_VAULT_FOR_OPLOG, associated, sealed, out);
}

void satchel_device_close_store(satchel_device *device, satchel_status why) {
    if (device->state == SATCHEL_DEVICE_OPEN) {
        satchel_status settled = satchel_store_settle(device->store, NULL);
        (void)settled; /* it is stored again */
        satchel_lease_keep(device);
        satchel_anchor_write(device);
    }
    satchel_device_cut_exchange(device, why);
    satchel_device_drop_writes(device);
    satchel_store_close(device->store);
    device->store = NULL;
    satchel_identity_deinit(&device->identity);
    device->offset_ms = 0;
}

/* What the open store says of itself, and what its anchor says of it. */
static satchel_status load_state(satchel_device *device, bool fresh, satchel_error *error) {
    satchel_status status = satchel_device_load_notes(device, error);
    if (status == SATCHEL_OK) {
        status = satchel_settings_load(&device->settings, device->store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_orders_load(device, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_load_warnings(device, error);
    }
    return status == SATCHEL_OK ? satchel_anchor_check(device, fresh, error) : status;
}

static satchel_status try_store(satchel_device *device, bool fresh, satchel_error *error) {
    const satchel_op_seal seal = {device->vault, seal_op, open_op};
    satchel_status status = satchel_store_open(&device->store, satchel_vault_database(device->vault), &seal, error);
    if (status == SATCHEL_OK) {
        status = satchel_device_count_boot(device, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_identity_load(&device->identity, device->store, error);
    }
    if (status == SATCHEL_OK) {
        status = load_state(device, fresh, error);
    }
    if (status == SATCHEL_OK) {
        device->state = SATCHEL_DEVICE_OPEN;
        satchel_idle_begin(device);
        satchel_inbox_begin(device);
        satchel_space_open(device);
    } else {
        satchel_device_close_store(device, SATCHEL_LOCKED);
    }
    return status;
}

/* The order came, and the process was killed before it was carried out. */
static satchel_status obey_wipe(satchel_device *device, satchel_error *error) {
    satchel_sync_state state;
    satchel_wipe_receipt receipt;
    satchel_status status = satchel_store_sync_state(device->store, &state, error);
    if (status == SATCHEL_OK) {
        status = satchel_ending_by_order(device, SATCHEL_RECEIPT_WIPED, &state, &receipt, error);
    }
    return status == SATCHEL_OK ? satchel_fail(error, SATCHEL_WIPED, "the company had the store wiped") : status;
}

/* An opening writes: an upgrade, a start of the phone. What a full disk has stopped goes on in the reserve's space. */
static satchel_status open_store(satchel_device *device, bool fresh, satchel_error *error) {
    satchel_status status = try_store(device, fresh, error);
    if (status == SATCHEL_DISK_FULL && satchel_space_relieve(device)) {
        satchel_error_clear(error);
        status = try_store(device, fresh, error);
    }
    return status == SATCHEL_OK && device->book.orders.command == SATCHEL_ORDER_WIPE ? obey_wipe(device, error)
                                                                                     : status;
}

/* --- create and open --- */

static satchel_vault_unlock unlock_with(const satchel_device *device, const char *pin) {
    satchel_vault_unlock unlock = {
        .slot = pin != NULL ? SATCHEL_VAULT_SLOT_PIN_DEVICE : SATCHEL_VAULT_SLOT_DEVICE,
        .pin = satchel_text_of(pin),
        .keystore = {device->config.keys.secret, device->config.keys.context},
        .now = satchel_device_vault_moment(device),
    };
    return unlock;
}

static satchel_status check_pin_form(const char *pin, satchel_error *error) {
    size_t bytes = pin == NULL ? 0 : strlen(pin);
    if (pin != NULL && (bytes < SATCHEL_PIN_LEAST_BYTES || bytes > SATCHEL_PIN_MOST_BYTES)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a PIN has %d to %d bytes", SATCHEL_PIN_LEAST_BYTES,
                            SATCHEL_PIN_MOST_BYTES);
    }
    return SATCHEL_OK;
}

static satchel_status check_config(const satchel_device_config *config, satchel_error *error) {
    if (config == NULL || config->size != sizeof *config || config->folder == NULL || config->folder[0] == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the configuration has no folder or another size");
    }
    if (config->pin == NULL && config->keys.secret == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "neither a keystore nor a PIN is given");
    }
    return check_pin_form(config->pin, error);
}

void satchel_device_vault_config(const satchel_device *device, const char *pin, satchel_vault_config *out) {
    satchel_vault_config_init(out);
    out->folder = device->folder;
    out->files = device->files;
    out->unlock = unlock_with(device, pin);
    if (device->config.platform.random != NULL) {
        out->random = (satchel_random){device->config.platform.random, device->config.platform.context};
    }
    out->pin_passes = device->config.argon2_passes;
    out->pin_memory_kib = device->config.argon2_memory_kib;
    out->cipher =
        (uint32_t)(device->config.cipher == SATCHEL_STORE_CIPHER_BEST ? satchel_cipher_best()
                                                                      : (satchel_cipher)device->config.cipher);
}

/* Adds the seconds to wait to the detail. */
static satchel_status explain_delay(const satchel_device *device, satchel_status status, satchel_error *error) {
    satchel_vault_config config;
    int64_t wait_ms = 0;
    if (status != SATCHEL_PIN_DELAYED) {
        return status;
    }
    satchel_device_vault_config(device, NULL, &config);
    if (satchel_vault_pin_wait_ms(&config, &wait_ms, NULL) != SATCHEL_OK) {
        return status;
    }
    return satchel_fail(error, status, "too many wrong PINs: wait %lld seconds", (long long)((wait_ms + 999) / 1000));
}

static satchel_status allocate(satchel_device **out, const satchel_device_config *config, satchel_error *error) {
    size_t folder_bytes = strlen(config->folder) + 1;
    satchel_device *device = satchel_memory_take(sizeof *device);
    char *folder = satchel_memory_take(folder_bytes);
    if (device == NULL || folder == NULL || pthread_mutex_init(&device->mutex, NULL) != 0) {
        goto failed;
    }
    if (satchel_observers_init(&device->observers) != SATCHEL_OK) {
        pthread_mutex_destroy(&device->mutex);
        goto failed;
    }
    memcpy(folder, config->folder, folder_bytes);
    device->folder = folder;
    device->config = *config;
    device->config.folder = folder;
    device->config.pin = NULL;
    device->state = SATCHEL_DEVICE_LOCKED;
    *out = device;
    return SATCHEL_OK;
failed:
    satchel_memory_give(folder);
    satchel_memory_give(device);
    return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a device");
}

static satchel_status make_folder(const char *folder, satchel_error *error) {
    if (mkdir(folder, 0700) == 0 || errno == EEXIST) {
        return SATCHEL_OK;
    }
    return satchel_fail(error, errno == ENOSPC ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR,
                        "the folder of the store cannot be made: %s", strerror(errno));
}

static bool has_file(const char *folder, const char *name) {
    char path[FOLDER_BYTES_MOST];
    int written = snprintf(path, sizeof path, "%s/%s", folder, name);
    return written > 0 && (size_t)written < sizeof path && access(path, F_OK) == 0;
}

/* A folder that holds no store of ours stays as it is: not even a lock is put there. */
static satchel_status find_store(const char *folder, satchel_error *error) {
    if (!has_file(folder, "store.db") && !has_file(folder, "repair.ready")) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no store in the folder");
    }
    if (!has_file(folder, "keys.a") && !has_file(folder, "keys.b")) {
        return satchel_fail(error, SATCHEL_KEY_GONE, "there is a store, but no key file");
    }
    return SATCHEL_OK;
}

satchel_status satchel_device_prepare(satchel_device **out, const satchel_device_config *config, satchel_error *error) {
    *out = NULL;
    satchel_error_clear(error);
    if (config == NULL || config->size != sizeof *config || config->folder == NULL || config->folder[0] == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the configuration has no folder or another size");
    }
    satchel_status status = satchel_crypto_init();
    return status == SATCHEL_OK ? allocate(out, config, error) : status;
}

typedef satchel_status vault_verb(satchel_vault **out, const satchel_vault_config *config, satchel_error *error);

static int64_t steady_ms(void *context) {
    int64_t wall_ms;
    int64_t monotonic_ms;
    satchel_device_clock(context, &wall_ms, &monotonic_ms, NULL);
    return monotonic_ms;
}

satchel_status satchel_device_pin_cost(const satchel_device *device, uint32_t *out_passes, uint32_t *out_memory_kib,
                                       satchel_error *error) {
    const satchel_device_config *config = &device->config;
    const satchel_vault_clock clock = {steady_ms, (void *)(uintptr_t)device}; /* read only */
    *out_passes = config->argon2_passes != 0 ? config->argon2_passes : SATCHEL_VAULT_PASSES_DEFAULT;
    *out_memory_kib = config->argon2_memory_kib != 0 ? config->argon2_memory_kib : SATCHEL_VAULT_MEMORY_KIB_DEFAULT;
    if (config->argon2_passes != 0 || config->argon2_memory_kib != 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_vault_calibrate(&clock, SATCHEL_PIN_TARGET_MS, out_passes, out_memory_kib);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the PIN's hardening cannot be measured");
}

/* The vault's own opening writes too: the log's file, the count of PINs. */
static satchel_status open_vault(satchel_device *device, const satchel_vault_config *config, vault_verb *verb,
                                 satchel_error *error) {
    satchel_status status = verb(&device->vault, config, error);
    if (status == SATCHEL_DISK_FULL && satchel_space_relieve(device)) {
        satchel_error_clear(error);
        status = verb(&device->vault, config, error);
    }
    return explain_delay(device, status, error);
}

static satchel_status begin(satchel_device **out, const satchel_device_config *config, vault_verb *verb, bool create,
                            satchel_error *error) {
    satchel_device *device = NULL;
    satchel_vault_config vault;
    *out = NULL;
    satchel_error_clear(error);
    satchel_status status = check_config(config, error);
    if (status == SATCHEL_OK) {
        status = satchel_crypto_init();
    }
    if (status == SATCHEL_OK && create) {
        status = make_folder(config->folder, error);
    }
    if (status == SATCHEL_OK) {
        status = allocate(&device, config, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_ending_resume(device, error);
        device->state = SATCHEL_DEVICE_LOCKED;
    }
    if (status == SATCHEL_WIPED && create) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    if (status == SATCHEL_OK && !create) {
        status = find_store(config->folder, error);
    }
    if (status != SATCHEL_OK) {
        goto done;
    }
    satchel_device_vault_config(device, config->pin, &vault);
    if (satchel_vault_repair_is_due(&vault)) {
        status = satchel_vault_finish_repair(&vault, error);
    }
    if (status == SATCHEL_OK) {
        status = create && config->pin != NULL
                     ? satchel_device_pin_cost(device, &vault.pin_passes, &vault.pin_memory_kib, error)
                     : SATCHEL_OK;
        if (status == SATCHEL_OK) {
            status = open_vault(device, &vault, verb, error);
        }
    }
    if (status == SATCHEL_OK) {
        status = open_store(device, create, error);
    }
    if (status == SATCHEL_OK) {
        device->has_pin = config->pin != NULL;
        *out = device;
        device = NULL;
    }
done:
    satchel_device_close(device);
    return status;
}

satchel_status satchel_device_create(satchel_device **out, const satchel_device_config *config, satchel_error *error) {
    return begin(out, config, satchel_vault_create, true, error);
}

satchel_status satchel_device_open(satchel_device **out, const satchel_device_config *config, satchel_error *error) {
    return begin(out, config, satchel_vault_open, false, error);
}

void satchel_device_close(satchel_device *device) {
    if (device == NULL) {
        return;
    }
    pthread_mutex_lock(&device->mutex);
    satchel_device_close_store(device, SATCHEL_LOCKED);
    satchel_vault_close(device->vault);
    pthread_mutex_unlock(&device->mutex);
    pthread_mutex_destroy(&device->mutex);
    satchel_observers_deinit(&device->observers);
    satchel_memory_give(device->folder);
    satchel_memory_give(device);
}

/* --- lock, suspend, PIN --- */

satchel_status satchel_device_lock(satchel_device *device, satchel_error *error) {
    satchel_status status = satchel_device_enter(device, error);
    if (status == SATCHEL_LOCKED) {
        satchel_error_clear(error);
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_device_close_store(device, SATCHEL_LOCKED);
    device->state = SATCHEL_DEVICE_LOCKED;
    status = satchel_vault_lock(device->vault, error);
    satchel_device_leave(device);
    return status;
}

satchel_status satchel_device_unlock(satchel_device *device, const char *pin, satchel_error *error) {
    satchel_status status = check_pin_form(pin, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    pthread_mutex_lock(&device->mutex);
    if (device->state == SATCHEL_DEVICE_SUSPENDED || device->state == SATCHEL_DEVICE_WIPED) {
        status = device->state == SATCHEL_DEVICE_WIPED ? satchel_fail(error, SATCHEL_NOT_FOUND, "the store was wiped")
                                                       : satchel_fail(error, SATCHEL_MISUSE, "the device is suspended");
        goto done;
    }
    const satchel_vault_unlock unlock = unlock_with(device, pin);
    if (device->state == SATCHEL_DEVICE_OPEN) {
        status = explain_delay(device, satchel_vault_check(device->vault, &unlock, error), error);
        goto done;
    }
    device->has_pin = pin != NULL;
    status = satchel_vault_unlock_again(device->vault, &unlock, error);
    if (status == SATCHEL_DISK_FULL && satchel_space_relieve(device)) {
        status = satchel_vault_unlock_again(device->vault, &unlock, error);
    }
    status = explain_delay(device, status, error);
    if (status != SATCHEL_OK) {
        goto done;
    }
    status = open_store(device, false, error);
    if (status != SATCHEL_OK && device->vault != NULL) {
        satchel_status locked = satchel_vault_lock(device->vault, NULL);
        (void)locked; /* why the store could not be opened matters more */
    }
done:
    pthread_mutex_unlock(&device->mutex);
    return status;
}

satchel_status satchel_device_suspend(satchel_device *device, satchel_error *error) {
    satchel_status status = satchel_device_enter(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_vault_checkpoint(device->vault, error);
    if (status != SATCHEL_OK) {
        goto done;
    }
    satchel_device_close_store(device, SATCHEL_CANCELLED);
    status = satchel_vault_suspend(device->vault, error);
    if (status == SATCHEL_OK || satchel_vault_database(device->vault) == NULL) {
        device->state = SATCHEL_DEVICE_SUSPENDED; /* its connection has ended either way */
    } else {
        satchel_status opened = open_store(device, false, error);
        device->state = opened == SATCHEL_OK ? SATCHEL_DEVICE_OPEN : SATCHEL_DEVICE_SUSPENDED;
    }
done:
    satchel_device_leave(device);
    return status;
}

satchel_status satchel_device_resume(satchel_device *device, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    pthread_mutex_lock(&device->mutex);
    if (device->state == SATCHEL_DEVICE_LOCKED) {
        status = satchel_fail(error, SATCHEL_LOCKED, "the store is locked");
    } else if (device->state == SATCHEL_DEVICE_WIPED) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "the store was wiped");
    } else if (device->state == SATCHEL_DEVICE_SUSPENDED) {
        if (satchel_vault_database(device->vault) == NULL) {
            status = satchel_vault_resume(device->vault, error);
            if (status == SATCHEL_DISK_FULL && satchel_space_relieve(device)) {
                status = satchel_vault_resume(device->vault, error);
            }
        }
        if (status == SATCHEL_LOCKED) {
            device->state = SATCHEL_DEVICE_LOCKED; /* the data key was changed meanwhile: unlock finds the new one */
        }
        if (status == SATCHEL_OK) {
            status = open_store(device, false, error);
        }
    }
    pthread_mutex_unlock(&device->mutex);
    return status;
}

static satchel_status set_pin_cost(satchel_device *device, satchel_error *error) {
    uint32_t passes;
    uint32_t memory_kib;
    satchel_status status = satchel_device_pin_cost(device, &passes, &memory_kib, error);
    return status == SATCHEL_OK ? satchel_vault_set_pin_cost(device->vault, passes, memory_kib, error) : status;
}

satchel_status satchel_device_change_pin(satchel_device *device, const char *old_pin, const char *new_pin,
                                         satchel_error *error) {
    satchel_status status = new_pin == NULL && device->config.keys.secret == NULL
                                ? satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "without a keystore a PIN is required")
                                : check_pin_form(new_pin, error);
    if (status == SATCHEL_OK) {
        status = check_pin_form(old_pin, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_enter(device, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_vault_unlock now = unlock_with(device, old_pin);
    if (new_pin == NULL && (device->settings.policy & SATCHEL_POLICY_PIN_REQUIRED) != 0) {
        status = satchel_fail(error, SATCHEL_FORBIDDEN, "the company requires a PIN");
    } else {
        status = explain_delay(device, satchel_vault_check(device->vault, &now, error), error);
    }
    if (status == SATCHEL_OK && new_pin != NULL) {
        status = set_pin_cost(device, error);
    }
    if (status == SATCHEL_OK) {
        const satchel_vault_unlock next = unlock_with(device, new_pin);
        status = satchel_vault_rewrap(device->vault, &next, error);
    }
    if (status == SATCHEL_OK) {
        device->has_pin = new_pin != NULL;
    }
    satchel_device_leave(device);
    return status;
}
