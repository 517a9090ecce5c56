/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sealed page: [0 raw][sealed bytes]: nothing opens that the key did not seal, and what is given then is zeros.
 * [1][page number 8][a page of support/image.h]: what is sealed opens as the same page, under its own number only, and
 * not after any one of its bytes was changed.
 */
#include "fuzz/support/image.h"

#include <string.h>

static void nonce_of(uint64_t number, uint8_t out[SATCHEL_NONCE_BYTES]) {
    memset(out, 0x55, SATCHEL_NONCE_BYTES);
    satchel_put_u64be(out, number);
}

static void try_raw(satchel_reader *input) {
    uint8_t sealed[SATCHEL_PAGE_BYTES], page[SATCHEL_PAGE_BYTES];
    static const uint8_t zeros[SATCHEL_PAGE_BYTES];
    uint64_t number = 1 + fuzz_choice(input, 3);
    fuzz_fill(input, sealed, sizeof sealed);
    memset(page, 1, sizeof page);
    satchel_status status = satchel_page_unseal(fuzz_image_keys(), number, sealed, page);
    FUZZ_HOLDS(status == SATCHEL_DAMAGED || (status == SATCHEL_FOREIGN_FILE && number == 1));
    FUZZ_HOLDS(status != SATCHEL_DAMAGED || memcmp(page + SATCHEL_PAGE_CLEAR_BYTES, zeros, 1000) == 0 || page[30] == 1);
}

static void try_sealed(satchel_reader *input) {
    uint8_t page[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES], opened[SATCHEL_PAGE_BYTES];
    uint8_t nonce[SATCHEL_NONCE_BYTES], front[12];
    fuzz_fill(input, front, sizeof front);
    uint64_t number = satchel_get_u64be(front);
    uint32_t spoilt = satchel_get_u32be(front + 8);
    number += number == 0;
    nonce_of(number, nonce);
    fuzz_image_page(input, page);
    satchel_status status = satchel_page_seal(fuzz_image_keys(), number, nonce, page, sealed);
    FUZZ_HOLDS(status == SATCHEL_OK || (status == SATCHEL_UNSUPPORTED_IO && number == 1));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_page_unseal(fuzz_image_keys(), number, sealed, opened) == SATCHEL_OK);
        FUZZ_HOLDS(memcmp(opened, page, sizeof page) == 0);
        FUZZ_HOLDS(satchel_page_unseal(fuzz_image_keys(), number == 2 ? 3 : 2, sealed, opened) == SATCHEL_DAMAGED);
        sealed[spoilt % sizeof sealed] ^= (uint8_t)(spoilt >> 24 | 1);
        FUZZ_HOLDS(satchel_page_unseal(fuzz_image_keys(), number, sealed, opened) != SATCHEL_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    (void)fuzz_image_keys();
    fuzz_begin();
    if (fuzz_choice(&input, 2) == 0) {
        try_raw(&input);
    } else {
        try_sealed(&input);
    }
    fuzz_end(0);
    return 0;
}

void fuzz_seeds(void) {
    static const uint8_t header[] = "SQLite format 3\0\x10\x00\x02\x02\x28\x40\x20\x20";
    satchel_buffer seed = {NULL, 0, 0};
    for (uint8_t number = 0; number < 3; number++) {
        const uint8_t front[] = {0, 0, 0, 0, 0, 0, 0, number, 0, 0, 7, 200, 0, 24, 0, 3};
        fuzz_start_seed(&seed, 1);
        fuzz_append(&seed, satchel_bytes_of(front, sizeof front));
        fuzz_append(&seed, satchel_bytes_of(header, 24));
        fuzz_append_text(&seed, "end");
        fuzz_seed(satchel_buffer_view(&seed));
        fuzz_start_seed(&seed, 0);
        fuzz_append(&seed, satchel_bytes_of(&number, 1));
        fuzz_append(&seed, satchel_bytes_of(fuzz_image_keys()->store.bytes, SATCHEL_ID_BYTES));
        fuzz_append(&seed, satchel_bytes_of(header + 16, 8));
        fuzz_seed(satchel_buffer_view(&seed));
    }
    satchel_buffer_deinit(&seed);
}
