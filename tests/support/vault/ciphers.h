/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that hold for every cipher which this machine and this build have.
 */
#ifndef SATCHEL_TESTS_SUPPORT_VAULT_CIPHERS_H
#define SATCHEL_TESTS_SUPPORT_VAULT_CIPHERS_H

#include "crypto/sealer.h"
#include "support/test.h"

#define TEST_CIPHER_LAST SATCHEL_CIPHER_AEGIS256

/* TEST_CIPHERS(suite, name) { … } is a TEST whose body runs once for each cipher, named `cipher`. */
#define TEST_CIPHERS(suite, name)                                                                                      \
    static void suite##_##name##_with(satchel_cipher cipher);                                                          \
    TEST(suite, name) {                                                                                                \
        REQUIRE_OK(satchel_crypto_init());                                                                             \
        for (unsigned number = 1; number <= TEST_CIPHER_LAST; number++) {                                              \
            if (satchel_cipher_available((satchel_cipher)number)) {                                                    \
                test_note("cipher %u", number);                                                                        \
                suite##_##name##_with((satchel_cipher)number);                                                         \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void suite##_##name##_with(satchel_cipher cipher)

#endif
