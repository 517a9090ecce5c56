/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The op log's sealed bodies under the vault's newest message key, so that the old ones can be forgotten: a vault keeps
 * a few only, and each change of its data key adds one.
 */
#ifndef SATCHEL_STORE_RESEAL_H
#define SATCHEL_STORE_RESEAL_H

#include "vault/vault.h"

/* Bodies that one transaction of satchel_store_reseal seals anew. */
#define SATCHEL_RESEAL_STEP_ROWS 256

/* How far a pass has come; of use as long as the vault stays open. */
typedef struct satchel_reseal_position {
    uint32_t table;
    bool begun;
    int64_t key; /* of the last body that was sealed anew in the table */
} satchel_reseal_position;

/*
 * Seals every body anew and makes the vault forget its old message keys; nothing to do if it has none. No transaction
 * may be open. After a kill or a failure some bodies are under the new key and the vault still opens all of them.
 * Errors: LOCKED, DAMAGED (a body does not open: repair first), RANDOM_FAILED, IO_ERROR, DISK_FULL, NO_MEMORY, BUSY.
 */
SATCHEL_MUST_USE satchel_status satchel_store_reseal(satchel_vault *vault, satchel_error *error);

/*
 * The same in parts: one transaction of at most `budget_rows` bodies from `*position` on, zeros at first, which it
 * moves; the last part forgets the keys. After a failure the position is where it was. Errors: the same,
 * INVALID_ARGUMENT (no rows).
 */
SATCHEL_MUST_USE satchel_status satchel_store_reseal_slice(satchel_vault *vault, satchel_reseal_position *position,
                                                           uint32_t budget_rows, bool *out_left, satchel_error *error);

#endif
