/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much Argon2id costs on this machine. Its time grows with passes times memory, so one measured run tells the rest;
 * of two the shorter counts, as the first one also pays for fetching the memory.
 */
#include "vault/vault.h"

#include "crypto/derive.h"

static const uint8_t salt[SATCHEL_SALT_BYTES] = {1};
static const char pin[] = "0000000000";

/* Milliseconds of a run, at least 1. */
static satchel_status measure(const satchel_vault_clock *clock, uint32_t passes, uint32_t memory_kib, int64_t *out_ms) {
    uint8_t key[SATCHEL_KEY_BYTES];
    int64_t before_ms = clock->now_ms(clock->context);
    satchel_status status = satchel_derive_from_pin((satchel_text){pin, sizeof pin - 1}, salt, passes, memory_kib, key);
    int64_t after_ms = clock->now_ms(clock->context);
    *out_ms = after_ms > before_ms ? after_ms - before_ms : 1;
    return status;
}

/* The shorter of two runs with the fewest passes; with half the memory as long as that does not fit. */
static satchel_status measure_best(const satchel_vault_clock *clock, uint32_t *memory_kib, int64_t *out_ms) {
    int64_t first_ms = 0, second_ms = 0;
    satchel_status status = measure(clock, SATCHEL_VAULT_PASSES_FLOOR, *memory_kib, &first_ms);
    while (status == SATCHEL_NO_MEMORY && *memory_kib > SATCHEL_VAULT_MEMORY_KIB_FLOOR) {
        *memory_kib =
            *memory_kib / 2 > SATCHEL_VAULT_MEMORY_KIB_FLOOR ? *memory_kib / 2 : SATCHEL_VAULT_MEMORY_KIB_FLOOR;
        status = measure(clock, SATCHEL_VAULT_PASSES_FLOOR, *memory_kib, &first_ms);
    }
    if (status == SATCHEL_OK) {
        status = measure(clock, SATCHEL_VAULT_PASSES_FLOOR, *memory_kib, &second_ms);
    }
    *out_ms = first_ms < second_ms ? first_ms : second_ms;
    return status;
}

static uint32_t within(uint64_t value, uint32_t floor, uint32_t ceiling) {
    return value < floor ? floor : value > ceiling ? ceiling : (uint32_t)value;
}

satchel_status satchel_vault_calibrate(const satchel_vault_clock *clock, uint32_t target_ms, uint32_t *out_passes,
                                       uint32_t *out_memory_kib) {
    uint32_t tried_kib = SATCHEL_VAULT_MEMORY_KIB_DEFAULT;
    int64_t run_ms = 0;
    *out_passes = SATCHEL_VAULT_PASSES_FLOOR;
    *out_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    if (clock == NULL || clock->now_ms == NULL || target_ms == 0) {
        return SATCHEL_INVALID_ARGUMENT;
    }
    if (satchel_crypto_init() != SATCHEL_OK) {
        return SATCHEL_INTERNAL;
    }
    satchel_status status = measure_best(clock, &tried_kib, &run_ms);
    if (status != SATCHEL_OK) {
        return status;
    }
    /* What fits into the target, in passes times KiB. */
    uint64_t work = (uint64_t)tried_kib * SATCHEL_VAULT_PASSES_FLOOR * target_ms / (uint64_t)run_ms;
    uint32_t memory_kib = within(work / SATCHEL_VAULT_PASSES_FLOOR, SATCHEL_VAULT_MEMORY_KIB_FLOOR, tried_kib);
    uint64_t passes = work / memory_kib;
    if (passes > SATCHEL_VAULT_PASSES_CEILING && tried_kib == SATCHEL_VAULT_MEMORY_KIB_DEFAULT) {
        memory_kib = within(work / SATCHEL_VAULT_PASSES_CEILING, memory_kib, SATCHEL_VAULT_MEMORY_KIB_CEILING);
    }
    *out_memory_kib = memory_kib;
    *out_passes = within(passes, SATCHEL_VAULT_PASSES_FLOOR, SATCHEL_VAULT_PASSES_CEILING);
    return SATCHEL_OK;
}
