/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where secrets live: memory that is locked against swapping, kept from core dumps, guarded at both ends and wiped.
 */
#ifndef SATCHEL_CRYPTO_SECRET_H
#define SATCHEL_CRYPTO_SECRET_H

#include "crypto/crypto.h"

/*
 * Zeroed locked memory, NULL if exhausted. Takes some pages each: put the secrets of one handle into one block.
 * If the system's limit of locked memory is reached, the block is still guarded and wiped, but may be swapped.
 */
SATCHEL_MUST_USE void *satchel_secret_take(size_t bytes);

/* Wipes and frees. NULL is fine. */
void satchel_secret_give(void *block);

/* Overwrites with zeros in a way that the compiler keeps. For secrets on the stack. */
void satchel_secret_wipe(void *data, size_t bytes);

/*
 * Overwrites what returned functions left on the stack below the caller, some tens of KiB: block ciphers and hashes
 * spill keys there, and no one else knows where.
 */
void satchel_secret_wipe_stack(void);

/* Compares without telling by its time where the first difference is. */
bool satchel_secret_equal(const void *a, const void *b, size_t bytes);

#endif
