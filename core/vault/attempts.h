/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The growing delay after wrong PINs.
 */
#ifndef SATCHEL_VAULT_ATTEMPTS_H
#define SATCHEL_VAULT_ATTEMPTS_H

#include "vault/key_file.h"

/* Milliseconds that the phone must have been running since the last wrong PIN, after `wrong` of them in a row. */
int64_t satchel_attempts_delay_ms(uint32_t wrong);

/* What is left of it at `now`. A restart or a monotonic clock that went back starts the delay anew at the restart. */
int64_t satchel_attempts_wait_ms(const satchel_key_attempts *attempts, const satchel_moment *now);

#endif
