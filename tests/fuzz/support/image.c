/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptions to sealed files and back.
 */
#include "fuzz/support/image.h"

#include "base/memory.h"

#include <string.h>

#define USED_BYTES (SATCHEL_PAGE_BYTES - 40u)
#define TEARS 2u
#define LEAST_GAP 8u

satchel_vault_keys *fuzz_image_keys(void) {
    static satchel_vault_keys *keys;
    if (keys == NULL) {
        keys = satchel_vault_keys_take();
        FUZZ_HOLDS(keys != NULL);
        fuzz_fixed_key(keys->data, sizeof keys->data);
        fuzz_fixed_key(keys->store.bytes, sizeof keys->store.bytes);
        keys->cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305;
        satchel_vault_keys_derive(keys);
    }
    return keys;
}

static uint32_t take_u16(satchel_reader *input) {
    uint8_t bytes[2];
    fuzz_fill(input, bytes, sizeof bytes);
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static void append_u16(satchel_buffer *out, size_t number) {
    const uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    fuzz_append(out, satchel_bytes_of(bytes, sizeof bytes));
}

void fuzz_image_page(satchel_reader *input, uint8_t out[SATCHEL_PAGE_BYTES]) {
    size_t front = take_u16(input) % (USED_BYTES + 1);
    size_t back = take_u16(input) % (USED_BYTES + 1 - front);
    memset(out, 0, SATCHEL_PAGE_BYTES);
    fuzz_fill(input, out, front);
    fuzz_fill(input, out + USED_BYTES - back, back);
}

/* What lies before and behind the longest run of zeros. */
static void append_page(satchel_buffer *out, const uint8_t *page) {
    size_t best = 0, best_at = USED_BYTES, run = 0;
    for (size_t i = 0; i < USED_BYTES; i++) {
        run = page[i] == 0 ? run + 1 : 0;
        if (run > best) {
            best = run;
            best_at = i + 1 - run;
        }
    }
    best = best < LEAST_GAP ? 0 : best;
    best_at = best == 0 ? USED_BYTES : best_at;
    size_t back = USED_BYTES - best_at - best;
    append_u16(out, best_at);
    append_u16(out, back);
    fuzz_append(out, satchel_bytes_of(page, best_at));
    fuzz_append(out, satchel_bytes_of(page + USED_BYTES - back, back));
}

/* --- the files --- */

static void put_file(test_disk *disk, const char *path, satchel_bytes content) {
    const satchel_vault_files *files = test_disk_files(disk);
    FUZZ_HOLDS(files->write(files->context, path, content) == SATCHEL_OK);
}

static void get_file(test_disk *disk, const char *path, satchel_buffer *out) {
    const satchel_vault_files *files = test_disk_files(disk);
    satchel_status status = files->read(files->context, path, SIZE_MAX / 2, out);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_NOT_FOUND);
}

static void nonce_of(uint64_t number, uint8_t out[SATCHEL_NONCE_BYTES]) {
    memset(out, 0, SATCHEL_NONCE_BYTES);
    satchel_put_u64be(out, number + 1);
}

/* A page 1 that does not begin as SQLite's cannot be sealed: it stays zeros, which is damage. */
static void make_database(satchel_reader *input, uint32_t pages, satchel_buffer *out) {
    uint8_t page[SATCHEL_PAGE_BYTES], sealed[SATCHEL_PAGE_BYTES], nonce[SATCHEL_NONCE_BYTES];
    for (uint32_t number = 1; number <= pages; number++) {
        fuzz_image_page(input, page);
        nonce_of(number, nonce);
        if (satchel_page_seal(fuzz_image_keys(), number, nonce, page, sealed) != SATCHEL_OK) {
            memset(sealed, 0, sizeof sealed);
        }
        fuzz_append(out, satchel_bytes_of(sealed, sizeof sealed));
    }
}

static void make_wal(satchel_reader *input, uint32_t frames, bool mend, satchel_buffer *out) {
    uint8_t header[SATCHEL_WAL_HEADER_BYTES], base_pages = 0, chain[8];
    uint8_t prologue[SATCHEL_WAL_PROLOGUE_BYTES], nonce[SATCHEL_NONCE_BYTES];
    uint8_t frame[SATCHEL_WAL_FRAME_BYTES], slot[SATCHEL_WAL_SLOT_BYTES];
    fuzz_fill(input, header, sizeof header);
    fuzz_fill(input, &base_pages, 1);
    nonce_of(1000, nonce);
    FUZZ_HOLDS(satchel_wal_prologue_seal(fuzz_image_keys(), nonce, header, base_pages, prologue) == SATCHEL_OK);
    fuzz_append(out, satchel_bytes_of(prologue, sizeof prologue));
    memcpy(chain, header + SATCHEL_WAL_HEADER_SUM_AT, sizeof chain);
    for (uint32_t number = 1; number <= frames; number++) {
        fuzz_fill(input, frame, SATCHEL_WAL_FRAME_HEADER_BYTES);
        fuzz_image_page(input, frame + SATCHEL_WAL_FRAME_HEADER_BYTES);
        if (mend) {
            memcpy(frame + SATCHEL_WAL_FRAME_SALT_AT, header + SATCHEL_WAL_HEADER_SALT_AT, SATCHEL_WAL_SALT_BYTES);
            satchel_wal_chain_next(chain, frame, (header[3] & 1) != 0, frame + SATCHEL_WAL_FRAME_SUM_AT);
            memcpy(chain, frame + SATCHEL_WAL_FRAME_SUM_AT, sizeof chain);
        }
        nonce_of(1000 + number, nonce);
        FUZZ_HOLDS(satchel_wal_slot_seal(fuzz_image_keys(), number, nonce, frame,
                                         frame + SATCHEL_WAL_FRAME_HEADER_BYTES, slot) == SATCHEL_OK);
        fuzz_append(out, satchel_bytes_of(slot, sizeof slot));
    }
}

/* Single bytes of a sealed file get other values; or it is cut there. */
static void tear(satchel_reader *input, satchel_buffer *file) {
    for (unsigned i = 0; i < TEARS && file->bytes > 0; i++) {
        uint8_t what[4];
        fuzz_fill(input, what, sizeof what);
        size_t at = (satchel_get_u32be(what) >> 8) % file->bytes;
        if (what[3] == 0) {
            file->bytes = at;
        } else {
            file->data[at] ^= what[3];
        }
    }
}

void fuzz_image_make(test_disk *disk, satchel_reader *input) {
    satchel_buffer database = {NULL, 0, 0}, wal = {NULL, 0, 0};
    uint8_t flags = fuzz_choice(input, 4);
    uint32_t pages = fuzz_choice(input, FUZZ_IMAGE_PAGES_MOST + 1);
    uint32_t frames = fuzz_choice(input, FUZZ_IMAGE_FRAMES_MOST + 1);
    make_database(input, pages, &database);
    if (frames > 0) {
        make_wal(input, frames, (flags & FUZZ_IMAGE_MEND) != 0, &wal);
    }
    if ((flags & FUZZ_IMAGE_TEAR) != 0) {
        tear(input, &database);
        tear(input, &wal);
    }
    put_file(disk, FUZZ_IMAGE_PATH, satchel_buffer_view(&database));
    if (wal.bytes > 0) {
        put_file(disk, FUZZ_IMAGE_WAL_PATH, satchel_buffer_view(&wal));
    }
    satchel_buffer_deinit(&database);
    satchel_buffer_deinit(&wal);
}

static void describe_wal(satchel_buffer *wal, uint32_t frames, satchel_buffer *out) {
    uint8_t header[SATCHEL_WAL_HEADER_BYTES], base = 0;
    uint64_t base_pages = 0;
    FUZZ_HOLDS(satchel_wal_prologue_open(fuzz_image_keys(), wal->data, header, &base_pages) == SATCHEL_OK);
    base = (uint8_t)base_pages;
    fuzz_append(out, satchel_bytes_of(header, sizeof header));
    fuzz_append(out, satchel_bytes_of(&base, 1));
    for (uint32_t number = 1; number <= frames; number++) {
        uint8_t *frame = NULL, *slot = wal->data + satchel_wal_slot_at(number);
        FUZZ_HOLDS(satchel_wal_slot_open(fuzz_image_keys(), number, slot, &frame) == SATCHEL_OK);
        fuzz_append(out, satchel_bytes_of(frame, SATCHEL_WAL_FRAME_HEADER_BYTES));
        append_page(out, frame + SATCHEL_WAL_FRAME_HEADER_BYTES);
    }
}

void fuzz_image_describe(test_disk *disk, uint8_t flags, satchel_buffer *out) {
    satchel_buffer database = {NULL, 0, 0}, wal = {NULL, 0, 0};
    uint8_t page[SATCHEL_PAGE_BYTES];
    get_file(disk, FUZZ_IMAGE_PATH, &database);
    get_file(disk, FUZZ_IMAGE_WAL_PATH, &wal);
    size_t pages = database.bytes / SATCHEL_PAGE_BYTES;
    size_t frames = wal.bytes > 0 ? (wal.bytes - SATCHEL_WAL_PROLOGUE_BYTES) / SATCHEL_WAL_SLOT_BYTES : 0;
    FUZZ_HOLDS(pages <= FUZZ_IMAGE_PAGES_MOST && frames <= FUZZ_IMAGE_FRAMES_MOST);
    const uint8_t head[3] = {flags, (uint8_t)pages, (uint8_t)frames};
    satchel_buffer_clear(out);
    fuzz_append(out, satchel_bytes_of(head, sizeof head));
    for (size_t i = 0; i < pages; i++) {
        FUZZ_HOLDS(satchel_page_unseal(fuzz_image_keys(), i + 1, database.data + i * SATCHEL_PAGE_BYTES, page) ==
                   SATCHEL_OK);
        append_page(out, page);
    }
    if (frames > 0) {
        describe_wal(&wal, (uint32_t)frames, out);
    }
    satchel_buffer_deinit(&database);
    satchel_buffer_deinit(&wal);
}
