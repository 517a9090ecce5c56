/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two copies of the key file, keys.a and keys.b, and the way through them to the data key.
 *
 * Every writing goes to keys.new, is synced, and replaces the older copy by rename. So one whole copy is always there.
 * A change of the data key leaves its key file as keys.next before the re-sealed store takes its name: the copies that
 * name the store's id are those that count, wherever a kill fell.
 */
#ifndef SATCHEL_VAULT_KEYRING_H
#define SATCHEL_VAULT_KEYRING_H

#include "vault/key_file.h"
#include "vault/keys.h"
#include "vault/vault.h"

typedef struct satchel_keyring {
    const satchel_vault_files *files;
    const char *folder; /* borrowed */
    satchel_key_file file;
    unsigned newest;  /* 0: keys.a, 1: keys.b, 2: keys.next */
    bool other_bad;   /* the other copy is absent, damaged, another store's or of an older generation */
    bool next_there;  /* keys.next exists: to be removed … */
    bool next_counts; /* … once its content is in both copies, as it belongs to the store that there is */
    bool reset_owed;  /* a right PIN was given, but the count's fall to 0 could not be written */
} satchel_keyring;

/* Names in the folder. */
#define SATCHEL_KEYRING_NEXT "keys.next"

/* `folder/name`, NULL if memory is exhausted; freed with satchel_memory_give. */
SATCHEL_MUST_USE char *satchel_keyring_path(const char *folder, const char *name);

/*
 * Reads the copies and takes the newest of those that belong to `store`. If none does, or `store` is NULL (its page 1
 * cannot be read): the newer of keys.a and keys.b, which must then belong together.
 * Errors: NOT_FOUND (neither is there), DAMAGED, FOREIGN_FILE, NEWER_FORMAT, IO_ERROR, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_keyring_load(satchel_keyring *keyring, const satchel_vault_files *files,
                                                     const char *folder, const satchel_id *store);

/*
 * Writes `file` over the older copy, or over both; OK means that one whole copy has it, `other_bad` whether the second
 * failed. The caller has counted `sequence` up. Errors: IO_ERROR, DISK_FULL, NO_MEMORY; the older copy may be either.
 */
SATCHEL_MUST_USE satchel_status satchel_keyring_save(satchel_keyring *keyring, bool both);

/*
 * After a satchel_keyring_save that failed: `before`, in memory and on the disk. OK: that is what any opening will
 * find. Errors: IO_ERROR, DISK_FULL, NO_MEMORY; an opening may find either.
 */
SATCHEL_MUST_USE satchel_status satchel_keyring_take_back(satchel_keyring *keyring, const satchel_keyring *before);

/* Writes `file` as keys.next, synced with its name. Errors: IO_ERROR, DISK_FULL, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_keyring_save_next(const satchel_keyring *keyring);

/* Removes a keys.next that is in both copies, or belongs to no store. Errors: IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_keyring_drop_next(satchel_keyring *keyring);

/* The 32 bytes of the keystore, of which there must be one. Errors: INVALID_ARGUMENT, and what the keystore gives. */
SATCHEL_MUST_USE satchel_status satchel_keyring_secret(const satchel_vault_keystore *keystore,
                                                       uint8_t out[SATCHEL_KEY_BYTES], satchel_error *error);

/* What an unlock may cost and do. */
typedef struct satchel_keyring_policy {
    uint32_t passes;
    uint32_t memory_kib;
    uint32_t wrong_pins_max;
    satchel_random random;
} satchel_keyring_policy;

/*
 * From `unlock` to the data key in `keys`. The count of wrong PINs is on the disk before a PIN is looked at.
 * Errors: WRONG_PIN, PIN_DELAYED, KEY_UNAVAILABLE, KEY_GONE, UNAUTHENTICATED (another recovery key), UNSUPPORTED (no
 * such slot, but others), DAMAGED,
 * INVALID_ARGUMENT, IO_ERROR, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_keyring_unlock(satchel_keyring *keyring, const satchel_vault_unlock *unlock,
                                                       const satchel_keyring_policy *policy, satchel_vault_keys *keys,
                                                       satchel_error *error);

/* The MAC shows whether somebody without the key changed the file. Errors: DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_keyring_check_mac(const satchel_keyring *keyring,
                                                          const satchel_vault_keys *keys, satchel_error *error);

/* Writes a count of 0 that is owed. A failure leaves it owed. */
void satchel_keyring_pay_reset(satchel_keyring *keyring);

/*
 * Puts the escrow slot for `recovery` (NULL: removes it) into the file in memory, as satchel_keyring_put does.
 * Errors: INVALID_ARGUMENT (no public key), LIMIT_EXCEEDED, RANDOM_FAILED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_keyring_put_escrow(satchel_keyring *keyring, const uint8_t *recovery,
                                                           satchel_random random, const satchel_vault_keys *keys,
                                                           satchel_error *error);

/*
 * Puts a slot for `next` into the file in memory (in place of one of its kind; `alone`: of every device and PIN slot)
 * and renews generation and MAC; satchel_keyring_save makes it last.
 * Errors: INVALID_ARGUMENT, LIMIT_EXCEEDED (no free slot), KEY_UNAVAILABLE, KEY_GONE, RANDOM_FAILED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_keyring_put(satchel_keyring *keyring, const satchel_vault_unlock *next,
                                                    bool alone, const satchel_keyring_policy *policy,
                                                    const satchel_vault_keys *keys, satchel_error *error);

#endif
