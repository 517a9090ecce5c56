/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of digests: [0 of an answer, 1 of a request][ranges]. Ranges that are read are written again in one form; each
 * has exactly the places of its prefix.
 */
#include "fuzz/support/fuzz.h"

#include "wire/digest.h"

#include <string.h>

#define RANGES_MOST 64
#define MEMORY_BYTES 65536

static void try_range(const satchel_digest_range *range) {
    FUZZ_HOLDS(range->bits <= SATCHEL_RANGE_BITS_MOST && range->prefix >> range->bits == 0);
    uint64_t first = range->bits == 0 ? 0 : range->prefix << (64 - range->bits);
    uint64_t last = range->bits == 0 ? UINT64_MAX : first | (UINT64_MAX >> range->bits);
    FUZZ_HOLDS(satchel_digest_range_has(range, first) && satchel_digest_range_has(range, last));
    FUZZ_HOLDS(first == 0 || !satchel_digest_range_has(range, first - 1));
    FUZZ_HOLDS(last == UINT64_MAX || !satchel_digest_range_has(range, last + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    satchel_digest_range ranges[RANGES_MOST], again[RANGES_MOST];
    satchel_buffer once = {NULL, 0, 0};
    uint32_t count = 0, count_again = 0;
    fuzz_begin();
    bool with_sums = fuzz_choice(&input, 2) == 1;
    satchel_status status = satchel_digest_ranges_read(fuzz_rest(&input), with_sums, ranges, RANGES_MOST, &count);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED);
    FUZZ_HOLDS(count <= RANGES_MOST);
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        try_range(&ranges[i]);
        FUZZ_HOLDS(satchel_digest_range_write(&ranges[i], with_sums, &once) == SATCHEL_OK);
    }
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(once.bytes <= fuzz_rest(&input).bytes);
        FUZZ_HOLDS(satchel_digest_ranges_read(satchel_buffer_view(&once), with_sums, again, RANGES_MOST,
                                              &count_again) == SATCHEL_OK);
        FUZZ_HOLDS(count_again == count && memcmp(again, ranges, count * sizeof *again) == 0);
    }
    satchel_buffer_deinit(&once);
    fuzz_end(MEMORY_BYTES);
    return 0;
}

void fuzz_seeds(void) {
    test_random random = test_random_of(11);
    for (uint8_t choice = 0; choice < 2; choice++) {
        for (uint32_t count = 0; count <= RANGES_MOST; count += count < 4 ? 1 : 60) {
            satchel_buffer seed = {NULL, 0, 0};
            fuzz_start_seed(&seed, choice);
            for (uint32_t i = 0; i < count; i++) {
                uint8_t bits = (uint8_t)(i % (SATCHEL_RANGE_BITS_MOST + 1));
                const satchel_digest_range range = {.bits = bits,
                                                    .rows = i * 7,
                                                    .sum = test_random_u64(&random),
                                                    .prefix = bits == 0 ? 0 : test_random_u64(&random) >> (64 - bits)};
                FUZZ_HOLDS(satchel_digest_range_write(&range, choice == 1, &seed) == SATCHEL_OK);
            }
            fuzz_seed(satchel_buffer_view(&seed));
            satchel_buffer_deinit(&seed);
        }
    }
}
