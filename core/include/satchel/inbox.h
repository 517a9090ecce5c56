/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox: how a second process (a share sheet, a widget) gives something to a store that it never opens.
 *
 * The putting process needs no key and no device: it seals the item to a public key that lies in the store's folder and
 * drops it beside it. The device takes items in when it is opened or unlocked, and keeps them in the sealed store until
 * the application has done its part with them. Nobody but the device can read an item once it is put; whoever can write
 * to the folder can put items of his own, or replace the public key and read what is put from then on.
 */
#ifndef SATCHEL_INBOX_H
#define SATCHEL_INBOX_H

#include <satchel/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_INBOX_ITEM_BYTES_MOST 61440 /* content of one item: text, or where a photo lies, not the photo */
#define SATCHEL_INBOX_ITEMS_MOST 256        /* that wait in the folder; as many again are kept in the store */
#define SATCHEL_INBOX_DONE_MOST 1024        /* acknowledged ids that are remembered */
#define SATCHEL_INBOX_KIND_BYTES_MOST 64

typedef struct satchel_inbox_item {
    satchel_id id;     /* chosen by the putting process: the same id again is the same item */
    satchel_text kind; /* what the application makes of it: "text", "url", "photo"…; UTF-8 */
    satchel_bytes content;
    int64_t at_ms; /* by the clock of the putting process */
} satchel_inbox_item;

/*
 * Puts an item, durable when it returns. No device needs to be open; any number of processes may put at once.
 * An id that waits already: OK, nothing changes.
 * Errors: NOT_FOUND (no store in the folder, or one that has no inbox yet), INVALID_ARGUMENT (no id), TOO_LONG (kind or
 * content), BAD_TEXT (kind), LIMIT_EXCEEDED (too many wait), DAMAGED (the public key), RANDOM_FAILED, IO_ERROR,
 * DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_inbox_put(const char *folder, const satchel_inbox_item *item,
                                                  satchel_error *error);

typedef struct satchel_inbox_taken {
    uint32_t items;     /* now in the store */
    uint32_t known;     /* were in the store before, or were acknowledged before: removed from the folder */
    uint32_t set_aside; /* could not be opened: moved to inbox-bad, SATCHEL_INBOX_ITEMS_MOST of them, then removed */
    bool more;          /* the store keeps as many as it may: acknowledge some, and take again */
} satchel_inbox_taken;

/*
 * Takes what waits into the store; done at open and unlock too, where a failure is not told. `out` may be NULL.
 * Errors: LOCKED, MISUSE (suspended), IO_ERROR, DISK_FULL, NO_MEMORY. What is wrong with an item is none.
 */
SATCHEL_MUST_USE satchel_status satchel_inbox_take(satchel_device *device, satchel_inbox_taken *out,
                                                   satchel_error *error);

typedef satchel_status (*satchel_inbox_visitor)(void *context, const satchel_inbox_item *item);

/*
 * The items in the store, oldest first. The item lives until the visitor returns; a status other than OK ends the walk
 * and is returned. The visitor must not call the device. Errors: LOCKED, MISUSE, IO_ERROR, DAMAGED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_inbox_list(satchel_device *device, satchel_inbox_visitor visit, void *context,
                                                   satchel_error *error);

/*
 * The application has done its part with the item (made a note of it, say): it is forgotten but for its id, which is
 * not taken again as long as it is among the last SATCHEL_INBOX_DONE_MOST. Acknowledged before: OK. Errors: NOT_FOUND,
 * LOCKED, MISUSE, IO_ERROR, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_inbox_acknowledge(satchel_device *device, const satchel_id *id,
                                                          satchel_error *error);

#ifdef __cplusplus
}
#endif
#endif
