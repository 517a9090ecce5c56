/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sealed store from a description of its plain content: what is mutated lies behind the authentication. The key, the
 * file id and the cipher are fixed.
 *
 *   [flags][pages][frames]   flags: FUZZ_IMAGE_MEND, FUZZ_IMAGE_TEAR; at most FUZZ_IMAGE_PAGES_MOST, _FRAMES_MOST
 *   a page                   [front 2][back 2][front bytes][back bytes], the back at the end of what SQLite uses
 *   [WAL header 32][base pages 1]
 *   a frame                  [frame header 24][a page]
 *   [what is torn 8]         offsets and values of single bytes of the sealed files, with FUZZ_IMAGE_TEAR
 */
#ifndef SATCHEL_TESTS_FUZZ_SUPPORT_IMAGE_H
#define SATCHEL_TESTS_FUZZ_SUPPORT_IMAGE_H

#include "fuzz/support/fuzz.h"
#include "support/vault/disk.h"
#include "vault/wal.h"

#define FUZZ_IMAGE_MEND 1u /* salts and checksums of the frames are made to continue the header's */
#define FUZZ_IMAGE_TEAR 2u
#define FUZZ_IMAGE_PAGES_MOST 8u
#define FUZZ_IMAGE_FRAMES_MOST 8u
#define FUZZ_IMAGE_PATH "/store.db"
#define FUZZ_IMAGE_WAL_PATH "/store.db-wal"

/* One for the process. */
satchel_vault_keys *fuzz_image_keys(void);

/* Writes both files; without frames there is no WAL. */
void fuzz_image_make(test_disk *disk, satchel_reader *input);

/* The reverse of a whole store, as a description. */
void fuzz_image_describe(test_disk *disk, uint8_t flags, satchel_buffer *out);

/* A page alone. */
void fuzz_image_page(satchel_reader *input, uint8_t out[SATCHEL_PAGE_BYTES]);

#endif
