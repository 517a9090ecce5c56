/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the company asks of a phone's store, as the enrolment or the newest orders told it: kept in the store, obeyed
 * here.
 */
#ifndef SATCHEL_DEVICE_SETTINGS_H
#define SATCHEL_DEVICE_SETTINGS_H

#include "store/store.h"
#include "wire/enroll.h"

typedef struct satchel_settings {
    uint32_t policy;                                /* satchel_store_policy; unknown bits are kept and do nothing */
    uint8_t recovery_key[SATCHEL_PUBLIC_KEY_BYTES]; /* zeros: no escrow */
} satchel_settings;

/* Nothing stored: zeros. Errors: DAMAGED, and those of the store. */
SATCHEL_MUST_USE satchel_status satchel_settings_load(satchel_settings *out, satchel_store *store,
                                                      satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_settings_save(const satchel_settings *settings, satchel_store *store,
                                                      satchel_error *error);
/*
 * Obeys: the recovery key gets a slot of the key file, or the slot that there was goes, and then the settings are kept,
 * so that a kill in between leaves them to be applied again. What is so already costs nothing. Errors: those of the
 * store and the vault.
 */
struct satchel_device;
SATCHEL_MUST_USE satchel_status satchel_settings_apply(struct satchel_device *device, const satchel_settings *settings,
                                                       satchel_error *error);
/* The first half of it: the slot alone. */
SATCHEL_MUST_USE satchel_status satchel_settings_open_escrow(struct satchel_device *device,
                                                             const satchel_settings *settings, satchel_error *error);
bool satchel_settings_escrow(const satchel_settings *settings);

#endif
