/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sealed form of SQLite's write-ahead log: where things lie, and how a header and a frame are sealed.
 *
 * On the disk: a prologue of 80 bytes `[nonce 24][header 32 + base pages 8][tag 16]`, then slots of 4160 bytes
 * `[nonce 24][frame header 24][tag 16][page 4096]`; a slot's header and page are one sealed message. AEGIS-256 has a
 * tag of 32: its second half takes the place of the page's last 16 bytes, which lie in SQLite's reserved space and are
 * zeros. The prologue is sealed with XChaCha20-Poly1305 for every cipher. What SQLite sees: a header of 32 bytes, then
 * frames of 4120. Frames are numbered from 1.
 *
 * A slot's associated data binds format, role, store and frame number. Its generation (the two salts) is bound by the
 * sealed frame header, not by the associated data: so an old generation's slot opens and is known to be old, while one
 * that does not open at all is damage or a write that was cut off.
 */
#ifndef SATCHEL_VAULT_WAL_H
#define SATCHEL_VAULT_WAL_H

#include "vault/page.h"

#define SATCHEL_WAL_HEADER_BYTES 32u
#define SATCHEL_WAL_FRAME_HEADER_BYTES 24u
#define SATCHEL_WAL_FRAME_BYTES (SATCHEL_WAL_FRAME_HEADER_BYTES + SATCHEL_PAGE_BYTES)
#define SATCHEL_WAL_PROLOGUE_BYTES 80u
#define SATCHEL_WAL_SLOT_BYTES (SATCHEL_WAL_FRAME_BYTES + SATCHEL_SEAL_OVERHEAD_BYTES)
#define SATCHEL_WAL_SALT_BYTES 8u
/* Offsets in SQLite's WAL header and frame header. */
#define SATCHEL_WAL_HEADER_SALT_AT 16u
#define SATCHEL_WAL_HEADER_SUM_AT 24u
#define SATCHEL_WAL_FRAME_COMMIT_AT 4u
#define SATCHEL_WAL_FRAME_SALT_AT 8u
#define SATCHEL_WAL_FRAME_SUM_AT 16u

/* A place in SQLite's WAL. frame 0: the header. */
typedef struct satchel_wal_place {
    uint64_t frame;
    uint32_t within; /* bytes from the start of the header or frame */
} satchel_wal_place;

satchel_wal_place satchel_wal_place_of(uint64_t offset);
/* Where slot `frame` (≥ 1) starts on the disk. */
uint64_t satchel_wal_slot_at(uint64_t frame);
/* The size that SQLite sees for a size on the disk: whole slots only, 0 without a whole prologue. */
uint64_t satchel_wal_size_seen(uint64_t on_disk);
/* The size on the disk for a truncation to `seen` bytes: never cuts a frame of which SQLite keeps a part. */
uint64_t satchel_wal_size_on_disk(uint64_t seen);

SATCHEL_MUST_USE satchel_status satchel_wal_prologue_seal(const satchel_vault_keys *keys,
                                                          const uint8_t nonce[SATCHEL_NONCE_BYTES],
                                                          const uint8_t header[SATCHEL_WAL_HEADER_BYTES],
                                                          uint64_t base_pages, uint8_t out[SATCHEL_WAL_PROLOGUE_BYTES]);
/* Errors: DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_wal_prologue_open(const satchel_vault_keys *keys,
                                                          const uint8_t prologue[SATCHEL_WAL_PROLOGUE_BYTES],
                                                          uint8_t out_header[SATCHEL_WAL_HEADER_BYTES],
                                                          uint64_t *out_base_pages);

/*
 * Seals a frame into a slot; neither `header` nor `page` may lie in `slot`.
 * Errors: UNSUPPORTED_IO (AEGIS-256: a page whose last 16 bytes are not zeros), UNSUPPORTED, INTERNAL.
 */
SATCHEL_MUST_USE satchel_status satchel_wal_slot_seal(satchel_vault_keys *keys, uint64_t frame,
                                                      const uint8_t nonce[SATCHEL_NONCE_BYTES], const uint8_t *header,
                                                      const uint8_t *page, uint8_t *slot);

/* Opens a slot; gives the plain frame, SATCHEL_WAL_FRAME_BYTES that lie inside `slot`. Errors: DAMAGED, UNSUPPORTED. */
SATCHEL_MUST_USE satchel_status satchel_wal_slot_open(satchel_vault_keys *keys, uint64_t frame, uint8_t *slot,
                                                      uint8_t **out_frame);

/* Pages of the database after this frame's commit; 0: not a commit frame. */
uint32_t satchel_wal_frame_commit(const uint8_t *frame);

/* The checksum that `frame` must carry behind `previous`; arguments as below. */
void satchel_wal_chain_next(const uint8_t previous[8], const uint8_t *frame, bool big_endian, uint8_t out[8]);

/*
 * Whether `frame` follows `previous` in SQLite's chain of checksums. Both are plain; `previous` points at the 8 bytes
 * of checksum in the frame header (or WAL header) before it; `big_endian` is the lowest bit of the WAL header's magic.
 */
bool satchel_wal_chain_holds(const uint8_t previous[8], const uint8_t *frame, bool big_endian);

#endif
