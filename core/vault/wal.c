/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of the sealed WAL. Pure functions of bytes; wal_file.c reads and writes them.
 */
#include "vault/wal.h"

#include "base/bytes.h"

#include <assert.h>
#include <string.h>

#define PROLOGUE_PLAIN_BYTES (SATCHEL_WAL_HEADER_BYTES + 8u)

/* While a slot is open or being sealed, header and page lie side by side at its end. */
#define FRAME_IN_SLOT (SATCHEL_WAL_SLOT_BYTES - SATCHEL_WAL_FRAME_BYTES)

_Static_assert(SATCHEL_WAL_PROLOGUE_BYTES == PROLOGUE_PLAIN_BYTES + SATCHEL_SEAL_OVERHEAD_BYTES, "80 bytes");
_Static_assert(SATCHEL_WAL_SLOT_BYTES == 4160, "as drawn in page-format.md");

satchel_wal_place satchel_wal_place_of(uint64_t offset) {
    if (offset < SATCHEL_WAL_HEADER_BYTES) {
        return (satchel_wal_place){0, (uint32_t)offset};
    }
    uint64_t rest = offset - SATCHEL_WAL_HEADER_BYTES;
    return (satchel_wal_place){rest / SATCHEL_WAL_FRAME_BYTES + 1, (uint32_t)(rest % SATCHEL_WAL_FRAME_BYTES)};
}

uint64_t satchel_wal_slot_at(uint64_t frame) {
    assert(frame >= 1);
    return SATCHEL_WAL_PROLOGUE_BYTES + (frame - 1) * SATCHEL_WAL_SLOT_BYTES;
}

uint64_t satchel_wal_size_seen(uint64_t on_disk) {
    if (on_disk < SATCHEL_WAL_PROLOGUE_BYTES) {
        return 0;
    }
    uint64_t slots = (on_disk - SATCHEL_WAL_PROLOGUE_BYTES) / SATCHEL_WAL_SLOT_BYTES;
    return SATCHEL_WAL_HEADER_BYTES + slots * SATCHEL_WAL_FRAME_BYTES;
}

uint64_t satchel_wal_size_on_disk(uint64_t seen) {
    if (seen == 0) {
        return 0;
    }
    if (seen <= SATCHEL_WAL_HEADER_BYTES) {
        return SATCHEL_WAL_PROLOGUE_BYTES;
    }
    uint64_t rest = seen - SATCHEL_WAL_HEADER_BYTES;
    uint64_t slots = rest / SATCHEL_WAL_FRAME_BYTES + (rest % SATCHEL_WAL_FRAME_BYTES != 0 ? 1 : 0);
    return SATCHEL_WAL_PROLOGUE_BYTES + slots * SATCHEL_WAL_SLOT_BYTES;
}

satchel_status satchel_wal_prologue_seal(const satchel_vault_keys *keys, const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                         const uint8_t header[SATCHEL_WAL_HEADER_BYTES], uint64_t base_pages,
                                         uint8_t out[SATCHEL_WAL_PROLOGUE_BYTES]) {
    uint8_t binding[SATCHEL_BINDING_BYTES];
    uint8_t plain[PROLOGUE_PLAIN_BYTES];
    satchel_binding_write(SATCHEL_ROLE_WAL_HEADER, &keys->store, 0, binding);
    memcpy(plain, header, SATCHEL_WAL_HEADER_BYTES);
    satchel_put_u64be(plain + SATCHEL_WAL_HEADER_BYTES, base_pages);
    memcpy(out, nonce, SATCHEL_NONCE_BYTES);
    uint8_t *sealed = out + SATCHEL_NONCE_BYTES;
    return satchel_seal(SATCHEL_CIPHER_XCHACHA20_POLY1305, keys->sub[SATCHEL_SUBKEY_WAL], nonce,
                        satchel_bytes_of(binding, sizeof binding), satchel_bytes_of(plain, sizeof plain), sealed,
                        sealed + sizeof plain);
}

satchel_status satchel_wal_prologue_open(const satchel_vault_keys *keys,
                                         const uint8_t prologue[SATCHEL_WAL_PROLOGUE_BYTES],
                                         uint8_t out_header[SATCHEL_WAL_HEADER_BYTES], uint64_t *out_base_pages) {
    uint8_t binding[SATCHEL_BINDING_BYTES];
    uint8_t plain[PROLOGUE_PLAIN_BYTES];
    satchel_binding_write(SATCHEL_ROLE_WAL_HEADER, &keys->store, 0, binding);
    const uint8_t *sealed = prologue + SATCHEL_NONCE_BYTES;
    satchel_status status = satchel_unseal(SATCHEL_CIPHER_XCHACHA20_POLY1305, keys->sub[SATCHEL_SUBKEY_WAL], prologue,
                                           satchel_bytes_of(binding, sizeof binding),
                                           satchel_bytes_of(sealed, sizeof plain), sealed + sizeof plain, plain);
    memcpy(out_header, plain, SATCHEL_WAL_HEADER_BYTES);
    *out_base_pages = satchel_get_u64be(plain + SATCHEL_WAL_HEADER_BYTES);
    return status;
}

/* Bytes of the tag that find no room before the page. */
static size_t tag_behind(const satchel_vault_keys *keys) {
    return satchel_cipher_tag_bytes(keys->cipher) - SATCHEL_TAG_BYTES;
}

satchel_status satchel_wal_slot_seal(satchel_vault_keys *keys, uint64_t frame, const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                     const uint8_t *header, const uint8_t *page, uint8_t *slot) {
    static const uint8_t zeros[SATCHEL_TAG_LONGEST_BYTES - SATCHEL_TAG_BYTES];
    uint8_t binding[SATCHEL_BINDING_BYTES];
    uint8_t tag[SATCHEL_TAG_LONGEST_BYTES];
    uint8_t *plain = slot + FRAME_IN_SLOT;
    size_t behind = tag_behind(keys);
    if (memcmp(page + SATCHEL_PAGE_BYTES - behind, zeros, behind) != 0) {
        return SATCHEL_UNSUPPORTED_IO;
    }
    satchel_binding_write(SATCHEL_ROLE_WAL_FRAME, &keys->store, frame, binding);
    memcpy(plain, header, SATCHEL_WAL_FRAME_HEADER_BYTES);
    memcpy(plain + SATCHEL_WAL_FRAME_HEADER_BYTES, page, SATCHEL_PAGE_BYTES);
    satchel_status status =
        satchel_sealer_seal(&keys->wal, nonce, satchel_bytes_of(binding, sizeof binding),
                            satchel_bytes_of(plain, SATCHEL_WAL_FRAME_BYTES - behind), 0, plain, tag);
    memmove(slot + SATCHEL_NONCE_BYTES, plain, SATCHEL_WAL_FRAME_HEADER_BYTES);
    memcpy(slot, nonce, SATCHEL_NONCE_BYTES);
    memcpy(slot + SATCHEL_NONCE_BYTES + SATCHEL_WAL_FRAME_HEADER_BYTES, tag, SATCHEL_TAG_BYTES);
    memcpy(slot + SATCHEL_WAL_SLOT_BYTES - behind, tag + SATCHEL_TAG_BYTES, behind);
    return status;
}

satchel_status satchel_wal_slot_open(satchel_vault_keys *keys, uint64_t frame, uint8_t *slot, uint8_t **out_frame) {
    uint8_t binding[SATCHEL_BINDING_BYTES];
    uint8_t tag[SATCHEL_TAG_LONGEST_BYTES];
    uint8_t *sealed = slot + FRAME_IN_SLOT;
    size_t behind = tag_behind(keys);
    satchel_binding_write(SATCHEL_ROLE_WAL_FRAME, &keys->store, frame, binding);
    memcpy(tag, slot + SATCHEL_NONCE_BYTES + SATCHEL_WAL_FRAME_HEADER_BYTES, SATCHEL_TAG_BYTES);
    memcpy(tag + SATCHEL_TAG_BYTES, slot + SATCHEL_WAL_SLOT_BYTES - behind, behind);
    memmove(sealed, slot + SATCHEL_NONCE_BYTES, SATCHEL_WAL_FRAME_HEADER_BYTES);
    *out_frame = sealed;
    satchel_status status =
        satchel_sealer_unseal(&keys->wal, slot, satchel_bytes_of(binding, sizeof binding),
                              satchel_bytes_of(sealed, SATCHEL_WAL_FRAME_BYTES - behind), 0, tag, sealed);
    memset(slot + SATCHEL_WAL_SLOT_BYTES - behind, 0, behind);
    return status;
}

uint32_t satchel_wal_frame_commit(const uint8_t *frame) {
    return satchel_get_u32be(frame + SATCHEL_WAL_FRAME_COMMIT_AT);
}

typedef struct wal_sum {
    uint32_t first;
    uint32_t second;
} wal_sum;

static uint32_t word_at(const uint8_t *at, bool big_endian) {
    if (big_endian) {
        return satchel_get_u32be(at);
    }
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The checksum of sqlite.org/fileformat2.html, section 4.2, taken on over `bytes` (a multiple of 8) more bytes. */
static wal_sum sum_on(wal_sum sum, const uint8_t *data, size_t bytes, bool big_endian) {
    for (size_t at = 0; at < bytes; at += 8) {
        sum.first += word_at(data + at, big_endian) + sum.second;
        sum.second += word_at(data + at + 4, big_endian) + sum.first;
    }
    return sum;
}

void satchel_wal_chain_next(const uint8_t previous[8], const uint8_t *frame, bool big_endian, uint8_t out[8]) {
    wal_sum sum = {satchel_get_u32be(previous), satchel_get_u32be(previous + 4)};
    sum = sum_on(sum, frame, 8, big_endian);
    sum = sum_on(sum, frame + SATCHEL_WAL_FRAME_HEADER_BYTES, SATCHEL_PAGE_BYTES, big_endian);
    satchel_put_u32be(out, sum.first);
    satchel_put_u32be(out + 4, sum.second);
}

bool satchel_wal_chain_holds(const uint8_t previous[8], const uint8_t *frame, bool big_endian) {
    uint8_t sum[8];
    satchel_wal_chain_next(previous, frame, big_endian, sum);
    return memcmp(sum, frame + SATCHEL_WAL_FRAME_SUM_AT, sizeof sum) == 0;
}
