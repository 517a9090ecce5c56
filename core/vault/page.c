/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing and opening pages. Page 1 is special: SQLite's magic text makes room for the file id, and eight constants
 * stay in clear, so that a file can be recognised without a key; both are associated data.
 */
#include "vault/page.h"

#include "base/bytes.h"

#include <string.h>

/* Offsets in SQLite's database header (sqlite.org/fileformat2.html, section 1.3). */
enum {
    HEADER_CONSTANTS = 16,
    HEADER_WRITE_VERSION = 18,
    HEADER_READ_VERSION = 19,
    HEADER_RESERVED = 20,
    HEADER_FRACTIONS = 21,
    HEADER_SCHEMA_FORMAT = 44,
    HEADER_LARGEST_ROOT = 52,
    HEADER_TEXT_ENCODING = 56,
    HEADER_INCREMENTAL_VACUUM = 64
};

static const char sqlite_magic[16] = "SQLite format 3";

void satchel_binding_write(satchel_sealed_role role, const satchel_id *store, uint64_t number,
                           uint8_t out[SATCHEL_BINDING_BYTES]) {
    satchel_put_u32be(out, SATCHEL_STORE_FORMAT);
    satchel_put_u32be(out + 4, (uint32_t)role);
    memcpy(out + 8, store->bytes, SATCHEL_ID_BYTES);
    satchel_put_u64be(out + 24, number);
}

size_t satchel_page_reserve_bytes(satchel_cipher cipher) {
    return SATCHEL_NONCE_BYTES + satchel_cipher_tag_bytes(cipher);
}

/* Page size 4096, version 1 (while the store is made) or 2 (WAL), reserved bytes, fractions 64, 32, 32. */
static bool constants_fit(satchel_cipher cipher, const uint8_t *header) {
    static const uint8_t fractions[3] = {64, 32, 32};
    return header[HEADER_CONSTANTS] == SATCHEL_PAGE_BYTES >> 8 && header[HEADER_CONSTANTS + 1] == 0 &&
           (header[HEADER_WRITE_VERSION] == 1 || header[HEADER_WRITE_VERSION] == 2) &&
           header[HEADER_READ_VERSION] == header[HEADER_WRITE_VERSION] &&
           header[HEADER_RESERVED] == satchel_page_reserve_bytes(cipher) &&
           memcmp(header + HEADER_FRACTIONS, fractions, sizeof fractions) == 0;
}

/* The binding, and for page 1 the clear bytes as they are on the disk. */
typedef struct page_binding {
    uint8_t bytes[SATCHEL_BINDING_BYTES + SATCHEL_PAGE_CLEAR_BYTES];
    size_t count;
    size_t clear; /* bytes of the page that are not sealed */
} page_binding;

static page_binding bind_page(const satchel_vault_keys *keys, uint64_t number, const uint8_t *on_disk) {
    page_binding binding;
    satchel_binding_write(SATCHEL_ROLE_DATABASE, &keys->store, number, binding.bytes);
    binding.count = SATCHEL_BINDING_BYTES;
    binding.clear = 0;
    if (number == 1) {
        memcpy(binding.bytes + SATCHEL_BINDING_BYTES, on_disk, SATCHEL_PAGE_CLEAR_BYTES);
        binding.count += SATCHEL_PAGE_CLEAR_BYTES;
        binding.clear = SATCHEL_PAGE_CLEAR_BYTES;
    }
    return binding;
}

satchel_status satchel_page_seal(satchel_vault_keys *keys, uint64_t number, const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                 const uint8_t *plain, uint8_t *out) {
    if (number == 1) {
        if (memcmp(plain, sqlite_magic, sizeof sqlite_magic) != 0 || !constants_fit(keys->cipher, plain)) {
            return SATCHEL_UNSUPPORTED_IO;
        }
        memcpy(out, keys->store.bytes, SATCHEL_ID_BYTES);
        memcpy(out + HEADER_CONSTANTS, plain + HEADER_CONSTANTS, SATCHEL_PAGE_CLEAR_BYTES - HEADER_CONSTANTS);
    }
    page_binding binding = bind_page(keys, number, out);
    uint8_t tag[SATCHEL_TAG_LONGEST_BYTES];
    size_t reserve = satchel_page_reserve_bytes(keys->cipher);
    uint8_t *tail = out + SATCHEL_PAGE_BYTES - reserve;
    satchel_status status =
        satchel_sealer_seal(&keys->page, nonce, satchel_bytes_of(binding.bytes, binding.count),
                            satchel_bytes_of(plain + binding.clear, SATCHEL_PAGE_BYTES - reserve - binding.clear),
                            reserve, out + binding.clear, tag);
    memcpy(tail, nonce, SATCHEL_NONCE_BYTES);
    memcpy(tail + SATCHEL_NONCE_BYTES, tag, reserve - SATCHEL_NONCE_BYTES);
    return status;
}

satchel_status satchel_page_unseal(satchel_vault_keys *keys, uint64_t number, const uint8_t *sealed, uint8_t *page) {
    if (number == 1) {
        if (memcmp(sealed, keys->store.bytes, SATCHEL_ID_BYTES) != 0) {
            return SATCHEL_FOREIGN_FILE;
        }
        if (!constants_fit(keys->cipher, sealed)) {
            return SATCHEL_DAMAGED;
        }
    }
    page_binding binding = bind_page(keys, number, sealed);
    size_t reserve = satchel_page_reserve_bytes(keys->cipher);
    const uint8_t *tail = sealed + SATCHEL_PAGE_BYTES - reserve;
    satchel_status status =
        satchel_sealer_unseal(&keys->page, tail, satchel_bytes_of(binding.bytes, binding.count),
                              satchel_bytes_of(sealed + binding.clear, SATCHEL_PAGE_BYTES - reserve - binding.clear),
                              reserve, tail + SATCHEL_NONCE_BYTES, page + binding.clear);
    memset(page + SATCHEL_PAGE_BYTES - reserve, 0, reserve);
    if (number == 1) {
        memcpy(page + HEADER_CONSTANTS, binding.bytes + SATCHEL_BINDING_BYTES + HEADER_CONSTANTS,
               SATCHEL_PAGE_CLEAR_BYTES - HEADER_CONSTANTS);
        memcpy(page, sqlite_magic, sizeof sqlite_magic);
    }
    return status;
}

void satchel_page_synthetic_header(satchel_cipher cipher, uint8_t out[SATCHEL_PAGE_HEADER_BYTES]) {
    memset(out, 0, SATCHEL_PAGE_HEADER_BYTES);
    memcpy(out, sqlite_magic, sizeof sqlite_magic);
    out[HEADER_CONSTANTS] = SATCHEL_PAGE_BYTES >> 8;
    out[HEADER_WRITE_VERSION] = 2;
    out[HEADER_READ_VERSION] = 2;
    out[HEADER_RESERVED] = (uint8_t)satchel_page_reserve_bytes(cipher);
    out[HEADER_FRACTIONS] = 64;
    out[HEADER_FRACTIONS + 1] = 32;
    out[HEADER_FRACTIONS + 2] = 32;
    satchel_put_u32be(out + HEADER_SCHEMA_FORMAT, 4);
    satchel_put_u32be(out + HEADER_LARGEST_ROOT, 1);
    satchel_put_u32be(out + HEADER_TEXT_ENCODING, 1);
    satchel_put_u32be(out + HEADER_INCREMENTAL_VACUUM, 1);
}
