/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ciphers of pages: each opens what it sealed, sees every change, and renews what it must renew.
 */
#include "base/bytes.h"
#include "crypto/sealer.h"
#include "crypto/secret.h"
#include "support/random.h"
#include "support/test.h"

#include <string.h>

static const satchel_cipher ciphers[] = {SATCHEL_CIPHER_XCHACHA20_POLY1305, SATCHEL_CIPHER_AES256_GCM,
                                         SATCHEL_CIPHER_AEGIS256};
#define CIPHERS (sizeof ciphers / sizeof ciphers[0])

static satchel_sealer *sealer_of(satchel_cipher cipher, uint8_t byte) {
    uint8_t key[SATCHEL_KEY_BYTES];
    REQUIRE_OK(satchel_crypto_init());
    satchel_sealer *sealer = satchel_secret_take(sizeof *sealer);
    REQUIRE(sealer != NULL);
    memset(key, byte, sizeof key);
    satchel_sealer_init(sealer, cipher, key);
    return sealer;
}

TEST(sealer, the_best_cipher_is_available) {
    REQUIRE_OK(satchel_crypto_init());
    satchel_cipher best = satchel_cipher_best();
    CHECK(satchel_cipher_available(best));
    CHECK(satchel_cipher_available(SATCHEL_CIPHER_XCHACHA20_POLY1305));
    CHECK(!satchel_cipher_available((satchel_cipher)0));
    CHECK(!satchel_cipher_available((satchel_cipher)4));
    bool hardware = satchel_cipher_available(SATCHEL_CIPHER_AES256_GCM);
    CHECK(hardware == (best != SATCHEL_CIPHER_XCHACHA20_POLY1305));
    CHECK_UINT(satchel_cipher_tag_bytes(SATCHEL_CIPHER_AES256_GCM), 16);
    CHECK_UINT(satchel_cipher_tag_bytes(SATCHEL_CIPHER_AEGIS256), 32);
}

typedef struct sealed_text {
    uint8_t nonce[SATCHEL_NONCE_BYTES];
    uint8_t associated[32];
    uint8_t sealed[200];
    uint8_t tag[SATCHEL_TAG_LONGEST_BYTES];
} sealed_text;

static satchel_status open_text(satchel_sealer *sealer, const sealed_text *text, uint8_t out[200]) {
    return satchel_sealer_unseal(sealer, text->nonce, satchel_bytes_of(text->associated, sizeof text->associated),
                                 satchel_bytes_of(text->sealed, sizeof text->sealed), 0, text->tag, out);
}

static void seal_text(satchel_sealer *sealer, uint64_t seed, const uint8_t plain[200], sealed_text *out) {
    test_random random = test_random_of(seed);
    memset(out, 0, sizeof *out);
    test_random_bytes(&random, out->nonce, sizeof out->nonce);
    test_random_bytes(&random, out->associated, sizeof out->associated);
    REQUIRE_OK(satchel_sealer_seal(sealer, out->nonce, satchel_bytes_of(out->associated, sizeof out->associated),
                                   satchel_bytes_of(plain, 200), 0, out->sealed, out->tag));
}

TEST(sealer, every_bit_of_nonce_data_text_and_tag_counts) {
    uint8_t plain[200], opened[200];
    memset(plain, 'x', sizeof plain);
    for (size_t i = 0; i < CIPHERS; i++) {
        sealed_text text;
        satchel_sealer *sealer = sealer_of(ciphers[i], 7);
        size_t bytes = offsetof(sealed_text, tag) + satchel_cipher_tag_bytes(ciphers[i]);
        if (satchel_cipher_available(ciphers[i])) {
            seal_text(sealer, i, plain, &text);
            REQUIRE_OK(open_text(sealer, &text, opened));
            CHECK(memcmp(opened, plain, sizeof plain) == 0);
        }
        for (size_t bit = 0; satchel_cipher_available(ciphers[i]) && bit < 8 * bytes; bit++) {
            ((uint8_t *)&text)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            REQUIRE_STATUS(open_text(sealer, &text, opened), SATCHEL_DAMAGED);
            ((uint8_t *)&text)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        satchel_secret_give(sealer);
    }
}

TEST(sealer, a_cipher_that_is_not_there_is_refused) {
    sealed_text text = {0};
    uint8_t plain[200] = {0};
    for (size_t i = 0; i <= CIPHERS; i++) {
        satchel_cipher cipher = i < CIPHERS ? ciphers[i] : (satchel_cipher)9;
        satchel_sealer *sealer = sealer_of(cipher, 1);
        if (!satchel_cipher_available(cipher)) {
            CHECK_STATUS(open_text(sealer, &text, plain), SATCHEL_UNSUPPORTED);
            CHECK_STATUS(satchel_sealer_seal(sealer, text.nonce, satchel_bytes_of(plain, 1), satchel_bytes_of(plain, 1),
                                             0, text.sealed, text.tag),
                         SATCHEL_UNSUPPORTED);
        }
        satchel_secret_give(sealer);
    }
}

/* More epochs than a sealer keeps, met again and again in changing order: each text opens, and only under its own. */
TEST(sealer, texts_of_more_epochs_than_are_kept_open) {
    enum { TEXTS = 2 * SATCHEL_SEALER_EPOCHS + 1 };
    static sealed_text texts[TEXTS];
    uint8_t plain[200], opened[200];
    test_random random = test_random_of(11);
    satchel_sealer *sealer = sealer_of(SATCHEL_CIPHER_AES256_GCM, 3);
    bool there = satchel_cipher_available(SATCHEL_CIPHER_AES256_GCM);
    for (size_t i = 0; there && i < TEXTS; i++) {
        memset(plain, (int)i, sizeof plain);
        seal_text(sealer, i, plain, &texts[i]);
    }
    for (size_t round = 0; there && round < 2000; round++) {
        size_t i = (size_t)test_random_below(&random, round % 2 == 0 ? TEXTS : SATCHEL_SEALER_EPOCHS);
        REQUIRE_OK(open_text(sealer, &texts[i], opened));
        CHECK(opened[0] == i && opened[199] == i);
    }
    satchel_secret_give(sealer);
}

TEST(sealer, other_subkeys_and_other_ciphers_give_other_bytes) {
    uint8_t plain[200] = {0}, opened[200];
    sealed_text texts[2 * CIPHERS];
    for (size_t i = 0; i < 2 * CIPHERS; i++) {
        satchel_sealer *sealer = sealer_of(ciphers[i / 2], (uint8_t)(i % 2));
        bool there = satchel_cipher_available(ciphers[i / 2]);
        memset(&texts[i], (int)i, sizeof texts[i]);
        if (there) {
            seal_text(sealer, 1, plain, &texts[i]); /* the same nonce each time */
        }
        for (size_t other = 0; there && other < i; other++) {
            CHECK(memcmp(texts[other].sealed, texts[i].sealed, 32) != 0);
            CHECK_STATUS(open_text(sealer, &texts[other], opened), SATCHEL_DAMAGED);
        }
        satchel_secret_give(sealer);
    }
}

TEST(sealer, a_forgotten_key_leaves_nothing) {
    static const uint8_t zeros[sizeof(satchel_sealer)];
    static const uint8_t no_key[SATCHEL_KEY_BYTES];
    uint8_t plain[200] = {0};
    sealed_text text;
    satchel_sealer *sealer = sealer_of(SATCHEL_CIPHER_AES256_GCM, 3);
    if (satchel_cipher_available(SATCHEL_CIPHER_AES256_GCM)) {
        seal_text(sealer, 1, plain, &text);
        CHECK(memcmp(sealer->expanded, zeros, sizeof sealer->expanded) != 0);
    }
    satchel_sealer_init(sealer, (satchel_cipher)0, no_key);
    CHECK(memcmp(sealer, zeros, sizeof *sealer) == 0);
    satchel_secret_give(sealer);
}
