/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body: format, compression, payload. What a body claims never makes us take more than its own size allows, and what
 * was unpacked can be packed and unpacked again.
 */
#include "fuzz/support/fuzz.h"

#include "base/limits.h"
#include "support/wire/samples.h"
#include "wire/body.h"

#include <string.h>

/* What may come out of a body of that size. */
static size_t plain_most(size_t bytes) {
    size_t by_ratio = bytes * SATCHEL_LIMIT_COMPRESSION_RATIO;
    size_t most = by_ratio > SATCHEL_LIMIT_RATIO_FREE_BYTES ? by_ratio : SATCHEL_LIMIT_RATIO_FREE_BYTES;
    return most < SATCHEL_LIMIT_PLAIN_BYTES ? most : SATCHEL_LIMIT_PLAIN_BYTES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_buffer plain = {NULL, 0, 0}, packed = {NULL, 0, 0}, again = {NULL, 0, 0};
    fuzz_begin();
    satchel_status status = satchel_body_unpack(satchel_bytes_of(data, bytes), &plain, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_NEWER_FORMAT ||
               status == SATCHEL_LIMIT_EXCEEDED);
    FUZZ_HOLDS(plain.bytes <= plain_most(bytes));
    FUZZ_HOLDS(status == SATCHEL_OK || plain.bytes == 0);
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_body_pack(satchel_buffer_view(&plain), &packed) == SATCHEL_OK);
        FUZZ_HOLDS(packed.bytes <= plain.bytes + 2);
        FUZZ_HOLDS(satchel_body_unpack(satchel_buffer_view(&packed), &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_bytes_equal(satchel_buffer_view(&plain), satchel_buffer_view(&again)));
    }
    satchel_buffer_deinit(&plain);
    satchel_buffer_deinit(&packed);
    satchel_buffer_deinit(&again);
    fuzz_end(8 * plain_most(bytes));
    return 0;
}

static void pack_seed(satchel_bytes payload, satchel_buffer *seed) {
    FUZZ_HOLDS(satchel_body_pack(payload, seed) == SATCHEL_OK);
    fuzz_seed(satchel_buffer_view(seed));
}

/* A zstd frame that claims 4 GiB, 16 MiB and 1, 64 KiB and 1: magic, descriptor (content size of 4 or 8 bytes), window.
 */
static void claim_seed(uint64_t claimed, satchel_buffer *seed) {
    uint8_t frame[] = {SATCHEL_BODY_FORMAT,
                       SATCHEL_BODY_ZSTD,
                       0x28,
                       0xb5,
                       0x2f,
                       0xfd,
                       0xe0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       /* a last block of one byte, repeated */ 0x03,
                       0x00,
                       0x20,
                       0x41};
    for (size_t i = 0; i < 8; i++) {
        frame[7 + i] = (uint8_t)(claimed >> 8 * i);
    }
    satchel_buffer_clear(seed);
    fuzz_append(seed, satchel_bytes_of(frame, sizeof frame));
    fuzz_seed(satchel_buffer_view(seed));
}

void fuzz_seeds(void) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer payload = {NULL, 0, 0}, seed = {NULL, 0, 0};
    test_random random = test_random_of(6);
    static const uint8_t zeros[70000];
    for (int i = 0; i < 4; i++) {
        sample_request(&random, &schema, &arena, &payload);
        pack_seed(satchel_buffer_view(&payload), &seed);
    }
    pack_seed(satchel_bytes_of("short", 5), &seed);
    pack_seed(satchel_bytes_of(zeros, 2000), &seed);
    pack_seed(satchel_bytes_of(zeros, SATCHEL_LIMIT_RATIO_FREE_BYTES), &seed);
    claim_seed(UINT64_C(1) << 32, &seed);
    claim_seed(SATCHEL_LIMIT_PLAIN_BYTES + 1, &seed);
    claim_seed(SATCHEL_LIMIT_RATIO_FREE_BYTES + 1, &seed);
    claim_seed(UINT64_C(0x40000), &seed);
    claim_seed(UINT64_MAX, &seed);
    satchel_buffer_deinit(&payload);
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
