/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed form of a database page: sealed bytes, then nonce and tag in SQLite's reserved space. The tag of AEGIS-256
 * is longer than the others', so its pages hold 16 bytes less.
 * Drawn byte by byte in core/doc/page-format.md. Knows no file and no SQLite call; page numbers start at 1.
 */
#ifndef SATCHEL_VAULT_PAGE_H
#define SATCHEL_VAULT_PAGE_H

#include "vault/keys.h"

#define SATCHEL_STORE_FORMAT 1 /* of pages, WAL slots and key file together */

#define SATCHEL_PAGE_BYTES 4096u
#define SATCHEL_PAGE_CLEAR_BYTES 24u   /* of page 1: file id and SQLite's constants */
#define SATCHEL_PAGE_HEADER_BYTES 100u /* SQLite's database header */

/* What SQLite leaves alone at the end of each page: 40 bytes, but 56 for AEGIS-256. */
size_t satchel_page_reserve_bytes(satchel_cipher cipher);

/* What a sealed piece is part of: first in its associated data. */
typedef enum satchel_sealed_role {
    SATCHEL_ROLE_DATABASE = 1,
    SATCHEL_ROLE_WAL_HEADER = 2,
    SATCHEL_ROLE_WAL_FRAME = 3
} satchel_sealed_role;

/* Associated data: format version 4, role 4, file id 16, number 8; all numbers big-endian. */
#define SATCHEL_BINDING_BYTES 32u
void satchel_binding_write(satchel_sealed_role role, const satchel_id *store, uint64_t number,
                           uint8_t out[SATCHEL_BINDING_BYTES]);

/*
 * Seals `plain` (4096 bytes, the reserved ones ignored) into `out`, which must not overlap it.
 * Errors: UNSUPPORTED_IO (page 1 does not begin as SQLite's header of this format), UNSUPPORTED, INTERNAL.
 */
SATCHEL_MUST_USE satchel_status satchel_page_seal(satchel_vault_keys *keys, uint64_t number,
                                                  const uint8_t nonce[SATCHEL_NONCE_BYTES], const uint8_t *plain,
                                                  uint8_t *out);

/*
 * Opens the page `sealed` into `page`, which may be the same place; the reserved bytes become zeros.
 * Errors: DAMAGED, FOREIGN_FILE (page 1 of another store), UNSUPPORTED.
 */
SATCHEL_MUST_USE satchel_status satchel_page_unseal(satchel_vault_keys *keys, uint64_t number, const uint8_t *sealed,
                                                    uint8_t *page);

/*
 * The header that SQLite sees when page 1 does not open. It reads the header before it recovers the WAL, which may hold
 * the good page 1; it takes from it only the page size, the reserved bytes and that the store is in WAL mode.
 */
void satchel_page_synthetic_header(satchel_cipher cipher, uint8_t out[SATCHEL_PAGE_HEADER_BYTES]);

#endif
