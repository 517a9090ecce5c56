/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants and the meter. The linker leads satchel_memory_* of all other files here (--wrap), so that what was taken
 * is known in bytes. The size of a block is what the allocator says: at least what was asked for.
 */
#include "fuzz/support/fuzz.h"

#include "base/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_BYTES_MOST 4096u

static atomic_size_t live;
static atomic_size_t peak;
static atomic_size_t live_before;
static atomic_size_t takes;
static size_t live_at_first;
static bool begun;
static satchel_bytes named;

void *__real_satchel_memory_take(size_t bytes);
void *__real_satchel_memory_resize(void *block, size_t bytes);
void __real_satchel_memory_give(void *block);
void *__wrap_satchel_memory_take(size_t bytes);
void *__wrap_satchel_memory_resize(void *block, size_t bytes);
void __wrap_satchel_memory_give(void *block);

static void came(void *block) {
    size_t now = atomic_fetch_add(&live, malloc_usable_size(block)) + malloc_usable_size(block);
    size_t most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
    atomic_fetch_add(&takes, 1);
}

void *__wrap_satchel_memory_take(size_t bytes) {
    void *block = __real_satchel_memory_take(bytes);
    came(block);
    return block;
}

void *__wrap_satchel_memory_resize(void *block, size_t bytes) {
    size_t before = malloc_usable_size(block);
    void *after = __real_satchel_memory_resize(block, bytes);
    if (after != NULL) {
        atomic_fetch_sub(&live, before);
        came(after);
    }
    return after;
}

void __wrap_satchel_memory_give(void *block) {
    atomic_fetch_sub(&live, malloc_usable_size(block));
    __real_satchel_memory_give(block);
}

void fuzz_name_input(satchel_bytes input) {
    named = input;
}

void fuzz_fail(const char *file, int line, const char *condition) {
    for (size_t i = 0; i < named.bytes && i < SHOWN_BYTES_MOST; i++) {
        fprintf(stderr, "%02x%s", named.data[i], i + 1 == named.bytes ? "\n" : "");
    }
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

static void check_meter(void) {
    size_t before = atomic_load(&takes);
    void *block = satchel_memory_take(1);
    FUZZ_HOLDS(block != NULL && atomic_load(&takes) == before + 1);
    satchel_memory_give(block);
}

void fuzz_begin(void) {
    if (!begun) {
        check_meter();
        live_at_first = atomic_load(&live);
        begun = true;
    }
    atomic_store(&live_before, atomic_load(&live));
    atomic_store(&peak, atomic_load(&live));
}

static void check_peak(size_t most_bytes) {
    size_t taken = atomic_load(&peak) - atomic_load(&live_before);
    if (taken > most_bytes) {
        fprintf(stderr, "%zu bytes of memory were taken at once, %zu are allowed\n", taken, most_bytes);
    }
    FUZZ_HOLDS(taken <= most_bytes);
}

void fuzz_end(size_t most_bytes) {
    check_peak(most_bytes);
    FUZZ_HOLDS(atomic_load(&live) == atomic_load(&live_before));
}

void fuzz_end_keeping(size_t most_bytes, size_t kept_bytes) {
    check_peak(most_bytes);
    FUZZ_HOLDS(atomic_load(&live) <= live_at_first + kept_bytes);
}

uint8_t fuzz_choice(satchel_reader *input, uint8_t count) {
    uint8_t byte = 0;
    unsigned choice = satchel_reader_byte(input, &byte) == SATCHEL_OK ? (unsigned)byte % count : 0;
    return (uint8_t)choice;
}

satchel_bytes fuzz_rest(const satchel_reader *input) {
    return satchel_bytes_of(input->data + input->at, satchel_reader_left(input));
}

void fuzz_fill(satchel_reader *input, uint8_t *out, size_t bytes) {
    size_t there = satchel_reader_left(input) < bytes ? satchel_reader_left(input) : bytes;
    satchel_bytes part = {NULL, 0};
    memset(out, 0, bytes);
    FUZZ_HOLDS(satchel_reader_take(input, there, &part) == SATCHEL_OK);
    if (there > 0) {
        memcpy(out, part.data, there);
    }
}

void fuzz_start_seed(satchel_buffer *seed, uint8_t choice) {
    satchel_buffer_clear(seed);
    fuzz_append(seed, satchel_bytes_of(&choice, 1));
}

void fuzz_append(satchel_buffer *out, satchel_bytes bytes) {
    FUZZ_HOLDS(satchel_buffer_append(out, bytes) == SATCHEL_OK);
}

void fuzz_append_text(satchel_buffer *out, const char *text) {
    fuzz_append(out, satchel_bytes_of(text, strlen(text)));
}

void fuzz_fixed_key(uint8_t *out, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(i * 7 + 1);
    }
}

/* What the tests' helpers tell: a broken harness. */
void test_report(const char *file, int line, const char *message) {
    fuzz_fail(file, line, message);
}

_Noreturn void test_end(void) {
    abort();
}
