/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the inbox: its files, and what the device keeps of it.
 *
 *   inbox.pub    [magic "SINB" 4][format 1 = 1][store's public key 32][first 16 bytes of BLAKE2b-256 of what is before]
 *   inbox/<id>   32 hex digits; a box (crypto/seal.h) to that key, bound to "satchel inbox item 1" and the id, of
 *                [format 1 = 1][kind bytes varint][kind][at ms zigzag][content]
 *   inbox-bad/   what could not be opened
 */
#ifndef SATCHEL_DEVICE_INBOX_H
#define SATCHEL_DEVICE_INBOX_H

#include <satchel/inbox.h>

#include "base/bytes.h"
#include "crypto/seal.h"

#define SATCHEL_INBOX_FOLDER "inbox"
#define SATCHEL_INBOX_BAD_FOLDER "inbox-bad"
#define SATCHEL_INBOX_KEY_FILE "inbox.pub"
#define SATCHEL_INBOX_NAME_BYTES 33 /* of an id as a file's name, with zero */
/* Longest file of an item: content, kind, and what stands around them. */
#define SATCHEL_INBOX_FILE_BYTES                                                                                       \
    (SATCHEL_INBOX_ITEM_BYTES_MOST + SATCHEL_INBOX_KIND_BYTES_MOST + 16 + SATCHEL_BOX_OVERHEAD_BYTES)

/* --- inbox_files.c: no device needed --- */

void satchel_inbox_name(const satchel_id *id, char out[SATCHEL_INBOX_NAME_BYTES]);
/* Bound into an item's box. */
#define SATCHEL_INBOX_BINDING_BYTES (20 + SATCHEL_ID_BYTES)
void satchel_inbox_binding(const satchel_id *id, uint8_t out[SATCHEL_INBOX_BINDING_BYTES]);

/* Opens a folder below `folder`, never through a link; makes it if asked. -1: errno says why. */
int satchel_inbox_folder(const char *folder, const char *name, bool make);

/* Reads a plain file of at most `most` bytes. Errors: NOT_FOUND, DAMAGED (no plain file, too long), IO_ERROR,
 * NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_inbox_read(int folder, const char *name, size_t most, satchel_buffer *out);

/* Whole under its name and durable, or not there. Errors: DISK_FULL, IO_ERROR, RANDOM_FAILED. */
SATCHEL_MUST_USE satchel_status satchel_inbox_write(int folder, const char *name, satchel_bytes bytes);

/* Replaces the key file if it does not hold this key. Errors: those of write. */
SATCHEL_MUST_USE satchel_status satchel_inbox_publish(const char *folder, const uint8_t public_key[SATCHEL_KEY_BYTES]);

/* Names of items that wait, in their order, at most `most`; `*out` is freed with satchel_memory_give. */
typedef struct satchel_inbox_names {
    char (*items)[SATCHEL_INBOX_NAME_BYTES];
    uint32_t count;
    uint32_t strange; /* entries that no putting process made */
} satchel_inbox_names;
SATCHEL_MUST_USE satchel_status satchel_inbox_scan(int folder, satchel_inbox_names *out);

/* Items that wait in the folder. Errors: IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_inbox_waiting(const char *folder, uint64_t *out);

/* Removes all files of the inbox. Errors: IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_inbox_erase(const char *folder, satchel_error *error);

/* --- inbox.c --- */

struct satchel_device;

/* What a box held; borrowed from `plain`. False: nothing that was put so. */
bool satchel_inbox_item_read(satchel_bytes plain, const satchel_id *id, satchel_inbox_item *out);

/* After the store was opened: makes the key at the first time, takes in what waits. Failures wait for the next time. */
void satchel_inbox_begin(struct satchel_device *device);

/*
 * After a repair: the salvage may have found items without the newest index, and items that are gone. What was not
 * acknowledged, as far as the index tells, is listed again; the rest goes. Errors: as satchel_inbox_kept.
 */
struct satchel_store_salvage;
SATCHEL_MUST_USE satchel_status satchel_inbox_mend(struct satchel_device *device,
                                                   const struct satchel_store_salvage *salvage, satchel_error *error);

/* Items in the open store that are not acknowledged. Errors: DAMAGED, NO_MEMORY, those of the store. */
SATCHEL_MUST_USE satchel_status satchel_inbox_kept(struct satchel_device *device, uint64_t *out, satchel_error *error);

#endif
