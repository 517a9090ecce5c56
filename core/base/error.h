/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a caller-owned satchel_error.
 */
#ifndef SATCHEL_BASE_ERROR_H
#define SATCHEL_BASE_ERROR_H

#include <satchel/status.h>

/*
 * Fills `error` (may be NULL) and returns `status`, so that a failure reads `return satchel_fail(error, SATCHEL_…,
 * "…")`. The format must not print customer data, keys or PINs. Entity and field are set to 0.
 */
satchel_status satchel_fail(satchel_error *error, satchel_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, about a field of an entity. */
satchel_status satchel_fail_field(satchel_error *error, satchel_status status, uint32_t entity, uint32_t field,
                                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Resets to SATCHEL_OK with an empty detail. NULL is fine. */
void satchel_error_clear(satchel_error *error);

#endif
