/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed pages: every bit counts, and a page opens only where it belongs.
 */
#include "base/bytes.h"
#include "crypto/secret.h"
#include "support/random.h"
#include "support/test.h"
#include "support/vault/ciphers.h"
#include "vault/page.h"

#include <string.h>

static const uint8_t nonce[SATCHEL_NONCE_BYTES] = {1, 2, 3};

static satchel_vault_keys *keys_of(satchel_cipher cipher, uint8_t byte) {
    satchel_vault_keys *keys = satchel_vault_keys_take();
    REQUIRE(keys != NULL);
    memset(keys->data, byte, sizeof keys->data);
    memset(keys->store.bytes, byte, sizeof keys->store.bytes);
    keys->cipher = cipher;
    satchel_vault_keys_derive(keys);
    return keys;
}

/* A page whose first 100 bytes are a header that the format allows. */
static void fill_page(satchel_cipher cipher, uint8_t page[SATCHEL_PAGE_BYTES], uint64_t seed) {
    test_random random = test_random_of(seed);
    test_random_bytes(&random, page, SATCHEL_PAGE_BYTES);
    satchel_page_synthetic_header(cipher, page);
}

TEST_CIPHERS(page, what_was_sealed_opens_and_the_input_is_untouched) {
    satchel_vault_keys *keys = keys_of(cipher, 1);
    uint8_t plain[SATCHEL_PAGE_BYTES], copy[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES];
    static const uint64_t numbers[] = {1, 2, 262145, UINT64_C(0xffffffff)};
    size_t reserve = satchel_page_reserve_bytes(cipher);
    CHECK_UINT(reserve, cipher == SATCHEL_CIPHER_AEGIS256 ? 56 : 40);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        fill_page(cipher, plain, i);
        memcpy(copy, plain, sizeof copy);
        REQUIRE_OK(satchel_page_seal(keys, numbers[i], nonce, plain, sealed));
        CHECK(memcmp(plain, copy, sizeof plain) == 0);
        REQUIRE_OK(satchel_page_unseal(keys, numbers[i], sealed, sealed));
        CHECK(memcmp(plain, sealed, SATCHEL_PAGE_BYTES - reserve) == 0);
        memset(copy, 0, reserve);
        CHECK(memcmp(sealed + SATCHEL_PAGE_BYTES - reserve, copy, reserve) == 0);
    }
    satchel_secret_give(keys);
}

TEST_CIPHERS(page, every_flipped_bit_of_pages_1_and_2_is_seen) {
    satchel_vault_keys *keys = keys_of(cipher, 1);
    uint8_t plain[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES], page[SATCHEL_PAGE_BYTES];
    fill_page(cipher, plain, 5);
    for (uint64_t number = 1; number <= 2; number++) {
        REQUIRE_OK(satchel_page_seal(keys, number, nonce, plain, sealed));
        for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
            memcpy(page, sealed, sizeof page);
            page[bit / 8] ^= (uint8_t)(1u << bit % 8);
            bool in_id = number == 1 && bit < 8 * SATCHEL_ID_BYTES;
            REQUIRE_STATUS(satchel_page_unseal(keys, number, page, page),
                           in_id ? SATCHEL_FOREIGN_FILE : SATCHEL_DAMAGED);
        }
    }
    satchel_secret_give(keys);
}

TEST_CIPHERS(page, a_clear_byte_that_the_format_allows_is_bound_too) {
    satchel_vault_keys *keys = keys_of(cipher, 1);
    uint8_t plain[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES];
    fill_page(cipher, plain, 5);
    REQUIRE_OK(satchel_page_seal(keys, 1, nonce, plain, sealed));
    sealed[18] = sealed[19] = 1; /* as while a store is made */
    CHECK_STATUS(satchel_page_unseal(keys, 1, sealed, sealed), SATCHEL_DAMAGED);
    satchel_secret_give(keys);
}

TEST_CIPHERS(page, opens_at_no_other_place_and_in_no_other_store) {
    satchel_vault_keys *keys = keys_of(cipher, 1), *other = keys_of(cipher, 2);
    uint8_t plain[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES], page[SATCHEL_PAGE_BYTES];
    fill_page(cipher, plain, 6);
    REQUIRE_OK(satchel_page_seal(keys, 7, nonce, plain, sealed));
    for (uint64_t number = 2; number < 300; number++) {
        memcpy(page, sealed, sizeof page);
        CHECK_STATUS(satchel_page_unseal(keys, number, page, page), number == 7 ? SATCHEL_OK : SATCHEL_DAMAGED);
    }
    memcpy(page, sealed, sizeof page);
    CHECK_STATUS(satchel_page_unseal(other, 7, page, page), SATCHEL_DAMAGED);
    memcpy(other->data, keys->data, sizeof other->data); /* the same keys, another file id */
    satchel_vault_keys_derive(other);
    memcpy(page, sealed, sizeof page);
    CHECK_STATUS(satchel_page_unseal(other, 7, page, page), SATCHEL_DAMAGED);
    satchel_secret_give(keys);
    satchel_secret_give(other);
}

TEST_CIPHERS(page, zeros_never_open) {
    satchel_vault_keys *keys = keys_of(cipher, 1);
    uint8_t page[SATCHEL_PAGE_BYTES] = {0};
    CHECK_STATUS(satchel_page_unseal(keys, 2, page, page), SATCHEL_DAMAGED);
    memset(page, 0, sizeof page);
    CHECK_STATUS(satchel_page_unseal(keys, 1, page, page), SATCHEL_FOREIGN_FILE);
    satchel_secret_give(keys);
}

TEST_CIPHERS(page, page_1_keeps_id_and_constants_in_clear_and_nothing_else) {
    satchel_vault_keys *keys = keys_of(cipher, 3);
    uint8_t reserve = cipher == SATCHEL_CIPHER_AEGIS256 ? 0x38 : 0x28;
    const uint8_t constants[] = {0x10, 0x00, 0x02, 0x02, reserve, 0x40, 0x20, 0x20};
    uint8_t plain[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES];
    fill_page(cipher, plain, 8);
    REQUIRE_OK(satchel_page_seal(keys, 1, nonce, plain, sealed));
    CHECK_BYTES(satchel_bytes_of(sealed, SATCHEL_ID_BYTES), satchel_bytes_of(keys->store.bytes, SATCHEL_ID_BYTES));
    CHECK_BYTES(satchel_bytes_of(sealed + 16, 8), satchel_bytes_of(constants, 8));
    for (size_t at = SATCHEL_PAGE_CLEAR_BYTES; at + 4 <= SATCHEL_PAGE_BYTES - reserve; at += 4) {
        CHECK(memcmp(sealed + at, plain + at, 4) != 0);
    }
    satchel_secret_give(keys);
}

TEST_CIPHERS(page, a_page_1_of_another_format_is_not_sealed) {
    satchel_vault_keys *keys = keys_of(cipher, 3);
    static const struct {
        size_t at;
        uint8_t value;
        satchel_status status;
    } cases[] = {
        {0, 'X', SATCHEL_UNSUPPORTED_IO}, {15, 1, SATCHEL_UNSUPPORTED_IO},  {16, 0x20, SATCHEL_UNSUPPORTED_IO},
        {18, 1, SATCHEL_UNSUPPORTED_IO},  {19, 3, SATCHEL_UNSUPPORTED_IO},  {20, 0, SATCHEL_UNSUPPORTED_IO},
        {20, 48, SATCHEL_UNSUPPORTED_IO}, {21, 63, SATCHEL_UNSUPPORTED_IO}, {23, 31, SATCHEL_UNSUPPORTED_IO},
        {24, 0xee, SATCHEL_OK},
    };
    uint8_t plain[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fill_page(cipher, plain, 9);
        plain[cases[i].at] = cases[i].value;
        CHECK_STATUS(satchel_page_seal(keys, 1, nonce, plain, sealed), cases[i].status);
        CHECK_OK(satchel_page_seal(keys, 2, nonce, plain, sealed)); /* any other page holds what it likes */
    }
    satchel_secret_give(keys);
}

TEST(page, the_binding_names_format_role_store_and_number) {
    satchel_id store;
    uint8_t got[SATCHEL_BINDING_BYTES];
    uint8_t expected[SATCHEL_BINDING_BYTES] = {0, 0, 0, 1, 0, 0, 0, 3};
    memset(store.bytes, 0xab, sizeof store.bytes);
    memset(expected + 8, 0xab, 16);
    expected[27] = 1;
    expected[31] = 2;
    satchel_binding_write(SATCHEL_ROLE_WAL_FRAME, &store, (UINT64_C(1) << 32) + 2, got);
    CHECK_BYTES(satchel_bytes_of(got, sizeof got), satchel_bytes_of(expected, sizeof expected));
}

TEST_CIPHERS(page, every_purpose_has_a_key_of_its_own) {
    satchel_vault_keys *keys = keys_of(cipher, 4);
    for (unsigned a = 1; a < SATCHEL_SUBKEY_COUNT; a++) {
        CHECK(memcmp(keys->sub[a], keys->data, SATCHEL_KEY_BYTES) != 0);
        for (unsigned b = 1; b < a; b++) {
            CHECK(memcmp(keys->sub[a], keys->sub[b], SATCHEL_KEY_BYTES) != 0);
        }
    }
    satchel_secret_give(keys);
}
