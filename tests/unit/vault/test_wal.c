/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed WAL's places, prologue, slots and chain of checksums.
 */
#include "base/bytes.h"
#include "crypto/secret.h"
#include "support/random.h"
#include "support/test.h"
#include "support/vault/ciphers.h"
#include "vault/wal.h"

#include <string.h>

static const uint8_t nonce[SATCHEL_NONCE_BYTES] = {9};

static satchel_vault_keys *keys_make(satchel_cipher cipher) {
    satchel_vault_keys *keys = satchel_vault_keys_take();
    REQUIRE(keys != NULL);
    memset(keys->data, 1, sizeof keys->data);
    keys->cipher = cipher;
    satchel_vault_keys_derive(keys);
    return keys;
}

TEST(wal, offsets_of_sqlite_become_frames) {
    static const struct {
        uint64_t offset;
        uint64_t frame;
        uint32_t within;
    } cases[] = {{0, 0, 0}, {24, 0, 24}, {31, 0, 31}, {32, 1, 0}, {56, 1, 24}, {4151, 1, 4119}, {4152, 2, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_wal_place place = satchel_wal_place_of(cases[i].offset);
        CHECK_UINT(place.frame, cases[i].frame);
        CHECK_UINT(place.within, cases[i].within);
    }
    CHECK_UINT(satchel_wal_slot_at(1), 80);
    CHECK_UINT(satchel_wal_slot_at(3), 80 + 2 * 4160);
}

TEST(wal, sizes_map_both_ways) {
    static const struct {
        uint64_t on_disk;
        uint64_t seen;
    } seen[] = {{0, 0}, {79, 0}, {80, 32}, {4239, 32}, {4240, 4152}, {4241, 4152}, {8400, 8272}};
    static const struct {
        uint64_t seen;
        uint64_t on_disk;
    } cut[] = {{0, 0}, {1, 80}, {32, 80}, {33, 4240}, {4152, 4240}, {4153, 8400}};
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++) {
        CHECK_UINT(satchel_wal_size_seen(seen[i].on_disk), seen[i].seen);
    }
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        CHECK_UINT(satchel_wal_size_on_disk(cut[i].seen), cut[i].on_disk);
    }
}

TEST_CIPHERS(wal, every_flipped_bit_of_the_prologue_is_seen) {
    satchel_vault_keys *keys = keys_make(cipher);
    uint8_t header[SATCHEL_WAL_HEADER_BYTES] = {0x37, 0x7f, 6, 0x82}, got[SATCHEL_WAL_HEADER_BYTES];
    uint8_t prologue[SATCHEL_WAL_PROLOGUE_BYTES];
    uint64_t pages = 0;
    REQUIRE_OK(satchel_wal_prologue_seal(keys, nonce, header, 12345, prologue));
    REQUIRE_OK(satchel_wal_prologue_open(keys, prologue, got, &pages));
    CHECK_UINT(pages, 12345);
    CHECK(memcmp(got, header, sizeof got) == 0);
    for (size_t bit = 0; bit < 8 * sizeof prologue; bit++) {
        prologue[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_STATUS(satchel_wal_prologue_open(keys, prologue, got, &pages), SATCHEL_DAMAGED);
        prologue[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    satchel_secret_give(keys);
}

typedef struct slot_fixture {
    uint8_t header[SATCHEL_WAL_FRAME_HEADER_BYTES];
    uint8_t page[SATCHEL_PAGE_BYTES];
    uint8_t slot[SATCHEL_WAL_SLOT_BYTES];
} slot_fixture;

static void slot_make(satchel_vault_keys *keys, slot_fixture *fixture, uint64_t frame) {
    test_random random = test_random_of(frame);
    test_random_bytes(&random, fixture->header, sizeof fixture->header);
    test_random_bytes(&random, fixture->page, sizeof fixture->page - 16); /* AEGIS-256 needs zeros at the end */
    memset(fixture->page + sizeof fixture->page - 16, 0, 16);
    REQUIRE_OK(satchel_wal_slot_seal(keys, frame, nonce, fixture->header, fixture->page, fixture->slot));
}

TEST_CIPHERS(wal, a_slot_opens_to_its_frame) {
    satchel_vault_keys *keys = keys_make(cipher);
    slot_fixture fixture;
    uint8_t *frame = NULL;
    slot_make(keys, &fixture, 77);
    for (size_t at = 0; at + 8 <= SATCHEL_PAGE_BYTES; at += 8) { /* no plain page lies in a sealed slot */
        CHECK(memcmp(fixture.slot + 64 + at, fixture.page + at, 8) != 0);
    }
    REQUIRE_OK(satchel_wal_slot_open(keys, 77, fixture.slot, &frame));
    CHECK(memcmp(frame, fixture.header, sizeof fixture.header) == 0);
    CHECK(memcmp(frame + SATCHEL_WAL_FRAME_HEADER_BYTES, fixture.page, sizeof fixture.page) == 0);
    CHECK_UINT(satchel_wal_frame_commit(frame), satchel_get_u32be(fixture.header + 4));
    satchel_secret_give(keys);
}

TEST_CIPHERS(wal, only_a_long_tag_needs_room_in_the_page) {
    satchel_vault_keys *keys = keys_make(cipher);
    slot_fixture fixture;
    uint8_t *frame = NULL;
    slot_make(keys, &fixture, 5);
    fixture.page[SATCHEL_PAGE_BYTES - 17] = 1; /* the last byte that every cipher takes */
    REQUIRE_OK(satchel_wal_slot_seal(keys, 5, nonce, fixture.header, fixture.page, fixture.slot));
    REQUIRE_OK(satchel_wal_slot_open(keys, 5, fixture.slot, &frame));
    CHECK(memcmp(frame + SATCHEL_WAL_FRAME_HEADER_BYTES, fixture.page, sizeof fixture.page) == 0);
    fixture.page[SATCHEL_PAGE_BYTES - 16] = 1;
    CHECK_STATUS(satchel_wal_slot_seal(keys, 5, nonce, fixture.header, fixture.page, fixture.slot),
                 cipher == SATCHEL_CIPHER_AEGIS256 ? SATCHEL_UNSUPPORTED_IO : SATCHEL_OK);
    satchel_secret_give(keys);
}

TEST_CIPHERS(wal, every_flipped_bit_of_a_slot_is_seen) {
    satchel_vault_keys *keys = keys_make(cipher);
    slot_fixture fixture;
    uint8_t copy[SATCHEL_WAL_SLOT_BYTES];
    uint8_t *frame = NULL;
    slot_make(keys, &fixture, 3);
    for (size_t bit = 0; bit < 8 * sizeof copy; bit++) {
        memcpy(copy, fixture.slot, sizeof copy);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        REQUIRE_STATUS(satchel_wal_slot_open(keys, 3, copy, &frame), SATCHEL_DAMAGED);
    }
    for (uint64_t number = 1; number < 200; number++) {
        memcpy(copy, fixture.slot, sizeof copy);
        CHECK_STATUS(satchel_wal_slot_open(keys, number, copy, &frame), number == 3 ? SATCHEL_OK : SATCHEL_DAMAGED);
    }
    satchel_secret_give(keys);
}

/* Two words are summed to (a + s1) and (b + s0): for zeros before, header words 1 and 2, page of zeros. */
TEST(wal, the_chain_is_sqlites_checksum) {
    uint8_t frame[SATCHEL_WAL_FRAME_BYTES] = {0}, before[8] = {0};
    uint32_t first = 1, second = 3; /* after the words 1 and 2: s0 = 1, s1 = 2 + 1 */
    frame[3] = 1;
    frame[7] = 2;
    for (size_t pair = 0; pair < SATCHEL_PAGE_BYTES / 8; pair++) {
        first += second;
        second += first;
    }
    satchel_put_u32be(frame + SATCHEL_WAL_FRAME_SUM_AT, first);
    satchel_put_u32be(frame + SATCHEL_WAL_FRAME_SUM_AT + 4, second);
    CHECK(satchel_wal_chain_holds(before, frame, true));
    CHECK(!satchel_wal_chain_holds(before, frame, false));
    before[7] = 1;
    CHECK(!satchel_wal_chain_holds(before, frame, true));
}
