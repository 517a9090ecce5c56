/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of the inbox: the key pair, taking in, listing, acknowledging.
 *
 * One value is the truth about which items are here and which were here: it changes in one transaction, the item's
 * content is stored before it is named there, and its file is removed after. So each item is taken once, whatever is
 * cut off where.
 *
 *   "inbox.seed"   [seed of the X25519 pair 32]
 *   "inbox"        [format 1 = 1][items varint][id 16]…[acknowledged varint][id 16]…, each oldest first
 *   "inbox.<id>"   the item as it was sealed (inbox.h), 32 hex digits
 */
#include "device/inbox.h"

#include "device/device.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "store/salvage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEED_NAME "inbox.seed"
#define INDEX_NAME "inbox"
#define ITEM_NAME_BYTES (sizeof "inbox." + SATCHEL_INBOX_NAME_BYTES)
#define FORMAT 1

typedef struct inbox_index {
    satchel_id items[SATCHEL_INBOX_ITEMS_MOST];
    uint32_t item_count;
    satchel_id done[SATCHEL_INBOX_DONE_MOST];
    uint32_t done_count;
} inbox_index;

/* --- the index --- */

static bool read_ids(satchel_reader *reader, satchel_id *out, uint32_t most, uint32_t *out_count) {
    uint64_t count = 0;
    if (satchel_reader_varint(reader, &count) != SATCHEL_OK || count > most) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        satchel_bytes id;
        if (satchel_reader_take(reader, SATCHEL_ID_BYTES, &id) != SATCHEL_OK ||
            satchel_id_from(id, &out[i]) != SATCHEL_OK) {
            return false;
        }
    }
    *out_count = (uint32_t)count;
    return true;
}

/* `*out` is freed with satchel_memory_give. */
static satchel_status load_index(satchel_device *device, inbox_index **out, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {0};
    inbox_index *index = satchel_memory_take(sizeof *index);
    *out = index;
    if (index == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the inbox");
    }
    satchel_status status = satchel_store_get_value(device->store, INDEX_NAME, &arena, &value, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(value);
        uint8_t format = 0;
        bool whole = satchel_reader_byte(&reader, &format) == SATCHEL_OK && format == FORMAT &&
                     read_ids(&reader, index->items, SATCHEL_INBOX_ITEMS_MOST, &index->item_count) &&
                     read_ids(&reader, index->done, SATCHEL_INBOX_DONE_MOST, &index->done_count);
        status = whole ? SATCHEL_OK : satchel_fail(error, SATCHEL_DAMAGED, "the inbox cannot be read");
    }
    satchel_arena_deinit(&arena);
    if (status != SATCHEL_OK) {
        satchel_memory_give(index);
        *out = NULL;
    }
    return status;
}

static satchel_status append_ids(const satchel_id *ids, uint32_t count, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_varint(out, count);
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append(out, satchel_id_view(&ids[i]));
    }
    return status;
}

static satchel_status save_index(satchel_device *device, const inbox_index *index, satchel_error *error) {
    satchel_buffer value = {0};
    satchel_status status = satchel_buffer_append_byte(&value, FORMAT);
    if (status == SATCHEL_OK) {
        status = append_ids(index->items, index->item_count, &value);
    }
    if (status == SATCHEL_OK) {
        status = append_ids(index->done, index->done_count, &value);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_put_value(device->store, INDEX_NAME, satchel_buffer_view(&value), error);
    }
    satchel_buffer_deinit(&value);
    return status;
}

/* `count` if it is not there. */
static uint32_t place_of(const satchel_id *ids, uint32_t count, const satchel_id *id) {
    uint32_t i = 0;
    while (i < count && !satchel_id_equal(&ids[i], id)) {
        i++;
    }
    return i;
}

static void name_value(const satchel_id *id, char out[ITEM_NAME_BYTES]) {
    char name[SATCHEL_INBOX_NAME_BYTES];
    satchel_inbox_name(id, name);
    snprintf(out, ITEM_NAME_BYTES, "inbox.%s", name);
}

static satchel_status remove_content(satchel_device *device, const satchel_id *id, satchel_error *error) {
    char name[ITEM_NAME_BYTES];
    name_value(id, name);
    return satchel_store_put_value(device->store, name, (satchel_bytes){NULL, 0}, error);
}

/* --- the key --- */

/* The seed, drawn at the first time. It lives in `arena`, to be wiped by the caller. */
static satchel_status load_seed(satchel_device *device, satchel_arena *arena, satchel_bytes *out,
                                satchel_error *error) {
    uint8_t seed[SATCHEL_KEY_BYTES];
    satchel_status status = satchel_store_get_value(device->store, SEED_NAME, arena, out, error);
    if (status == SATCHEL_OK && out->bytes != SATCHEL_KEY_BYTES) {
        return satchel_fail(error, SATCHEL_DAMAGED, "the inbox's key cannot be read");
    }
    if (status != SATCHEL_NOT_FOUND) {
        return status;
    }
    satchel_error_clear(error);
    status = satchel_random_fill(satchel_device_random(device), seed, sizeof seed);
    if (status == SATCHEL_OK) {
        status = satchel_store_put_value(device->store, SEED_NAME, satchel_bytes_of(seed, sizeof seed), error);
    } else {
        satchel_fail(error, status, "the random source failed");
    }
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(arena, satchel_bytes_of(seed, sizeof seed), out);
    }
    satchel_secret_wipe(seed, sizeof seed);
    return status;
}

/* --- taking in --- */

typedef struct taking {
    satchel_device *device;
    int folder;
    satchel_bytes seed;
    inbox_index *index;
    satchel_buffer box;
    satchel_buffer plain;
    satchel_inbox_taken told;
} taking;

/* The parts of an item; borrowed from `plain`. */
bool satchel_inbox_item_read(satchel_bytes plain, const satchel_id *id, satchel_inbox_item *out) {
    satchel_reader reader = satchel_reader_of(plain);
    uint8_t format = 0;
    uint64_t kind_bytes = 0;
    uint64_t at = 0;
    satchel_bytes kind;
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != FORMAT ||
        satchel_reader_varint(&reader, &kind_bytes) != SATCHEL_OK || kind_bytes > SATCHEL_INBOX_KIND_BYTES_MOST ||
        satchel_reader_take(&reader, (size_t)kind_bytes, &kind) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &at) != SATCHEL_OK ||
        satchel_reader_left(&reader) > SATCHEL_INBOX_ITEM_BYTES_MOST ||
        satchel_reader_take(&reader, satchel_reader_left(&reader), &out->content) != SATCHEL_OK) {
        return false;
    }
    out->id = *id;
    out->kind = satchel_text_from(kind);
    out->at_ms = satchel_unzigzag(at);
    return satchel_text_valid(out->kind);
}

/* What could not be opened is kept for support, as far as there is room, and holds nothing up. */
static void set_aside(taking *work, const char *name) {
    int bad = satchel_inbox_folder(work->device->folder, SATCHEL_INBOX_BAD_FOLDER, true);
    satchel_inbox_names there = {0};
    bool room = bad >= 0 && satchel_inbox_scan(bad, &there) == SATCHEL_OK && there.count < SATCHEL_INBOX_ITEMS_MOST;
    if (!room || renameat(work->folder, name, bad, name) != 0) {
        (void)unlinkat(work->folder, name, 0);
    }
    if (bad >= 0) {
        close(bad);
    }
    satchel_memory_give(there.items);
    work->told.set_aside++;
}

/* Content, then index. */
static satchel_status keep(taking *work, const satchel_id *id, satchel_error *error) {
    char name[ITEM_NAME_BYTES];
    name_value(id, name);
    satchel_status status =
        satchel_store_put_value(work->device->store, name, satchel_buffer_view(&work->plain), error);
    if (status == SATCHEL_OK) {
        work->index->items[work->index->item_count++] = *id;
        status = save_index(work->device, work->index, error);
        work->index->item_count -= status == SATCHEL_OK ? 0 : 1;
    }
    if (status == SATCHEL_OK) {
        work->told.items++;
        (void)unlinkat(work->folder, name + strlen("inbox."), 0); /* else it is known the next time */
    }
    return status;
}

static satchel_status take_one(taking *work, const char *name, satchel_error *error) {
    uint8_t binding[SATCHEL_INBOX_BINDING_BYTES];
    satchel_inbox_item item;
    satchel_id id;
    const inbox_index *index = work->index;
    if (satchel_hex_read((satchel_text){name, strlen(name)}, id.bytes, sizeof id.bytes) != SATCHEL_OK) {
        return SATCHEL_OK;
    }
    if (place_of(index->items, index->item_count, &id) < index->item_count ||
        place_of(index->done, index->done_count, &id) < index->done_count) {
        (void)unlinkat(work->folder, name, 0);
        work->told.known++;
        return SATCHEL_OK;
    }
    if (index->item_count == SATCHEL_INBOX_ITEMS_MOST) {
        work->told.more = true;
        return SATCHEL_OK;
    }
    satchel_status status = satchel_inbox_read(work->folder, name, SATCHEL_INBOX_FILE_BYTES, &work->box);
    satchel_buffer_clear(&work->plain);
    satchel_inbox_binding(&id, binding);
    if (status == SATCHEL_OK) {
        status = satchel_box_open(work->seed.data, satchel_bytes_of(binding, sizeof binding),
                                  satchel_buffer_view(&work->box), &work->plain);
    }
    if (status == SATCHEL_NO_MEMORY || status == SATCHEL_IO_ERROR) {
        return satchel_fail(error, status, "an item of the inbox cannot be read");
    }
    if (status == SATCHEL_NOT_FOUND) {
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK || !satchel_inbox_item_read(satchel_buffer_view(&work->plain), &id, &item)) {
        set_aside(work, name);
        return SATCHEL_OK;
    }
    return keep(work, &id, error);
}

/* An acknowledgement that was cut off before its content went: only the last one can be. */
static satchel_status finish_acknowledgement(taking *work, satchel_error *error) {
    const inbox_index *index = work->index;
    char name[ITEM_NAME_BYTES];
    satchel_arena arena = {0};
    satchel_bytes content;
    if (index->done_count == 0) {
        return SATCHEL_OK;
    }
    name_value(&index->done[index->done_count - 1], name);
    satchel_status status = satchel_store_get_value(work->device->store, name, &arena, &content, error);
    if (status == SATCHEL_OK) {
        status = remove_content(work->device, &index->done[index->done_count - 1], error);
    } else if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status take_all(taking *work, satchel_error *error) {
    satchel_inbox_names names = {0};
    satchel_status status = satchel_inbox_scan(work->folder, &names);
    if (status != SATCHEL_OK) {
        satchel_memory_give(names.items);
        return satchel_fail(error, status, "the inbox cannot be listed");
    }
    work->told.set_aside += names.strange;
    for (uint32_t i = 0; i < names.count && status == SATCHEL_OK; i++) {
        status = take_one(work, names.items[i], error);
    }
    satchel_memory_give(names.items);
    return status;
}

/* The device is held and open. */
static satchel_status take(satchel_device *device, satchel_inbox_taken *out, satchel_error *error) {
    satchel_arena arena = {0};
    taking work = {.device = device, .folder = -1};
    uint8_t public_key[SATCHEL_BOX_PUBLIC_BYTES];
    satchel_status status = load_seed(device, &arena, &work.seed, error);
    if (status == SATCHEL_OK) {
        satchel_box_public(work.seed.data, public_key);
        status = satchel_inbox_publish(device->folder, public_key);
        status = status == SATCHEL_OK ? status : satchel_fail(error, status, "the inbox's key cannot be written");
    }
    if (status == SATCHEL_OK) {
        status = load_index(device, &work.index, error);
    }
    if (status == SATCHEL_OK) {
        status = finish_acknowledgement(&work, error);
    }
    if (status == SATCHEL_OK) {
        work.folder = satchel_inbox_folder(device->folder, SATCHEL_INBOX_FOLDER, false);
        if (work.folder >= 0) {
            status = take_all(&work, error);
            close(work.folder);
        }
    }
    if (work.seed.data != NULL) {
        satchel_secret_wipe((void *)(uintptr_t)work.seed.data, work.seed.bytes);
    }
    satchel_memory_give(work.index);
    satchel_buffer_wipe(&work.plain);
    satchel_buffer_deinit(&work.plain);
    satchel_buffer_deinit(&work.box);
    satchel_arena_deinit(&arena);
    if (out != NULL) {
        *out = work.told;
    }
    return status;
}

void satchel_inbox_begin(satchel_device *device) {
    satchel_status status = take(device, NULL, NULL);
    (void)status; /* whoever asks for the inbox is told then */
}

satchel_status satchel_inbox_take(satchel_device *device, satchel_inbox_taken *out, satchel_error *error) {
    satchel_status status = satchel_device_enter(device, error);
    if (status == SATCHEL_OK) {
        status = take(device, out, error);
        satchel_device_leave(device);
    }
    return status;
}

/* --- after a repair --- */

static satchel_status mend_item(satchel_device *device, inbox_index *index, const char *name, bool *changed,
                                satchel_error *error) {
    satchel_id id;
    const size_t prefix = strlen("inbox.");
    bool is_item =
        strncmp(name, "inbox.", prefix) == 0 && strlen(name) == prefix + SATCHEL_INBOX_NAME_BYTES - 1 &&
        satchel_hex_read((satchel_text){name + prefix, strlen(name) - prefix}, id.bytes, sizeof id.bytes) == SATCHEL_OK;
    if (!is_item || place_of(index->items, index->item_count, &id) < index->item_count) {
        return SATCHEL_OK;
    }
    if (place_of(index->done, index->done_count, &id) < index->done_count ||
        index->item_count == SATCHEL_INBOX_ITEMS_MOST) {
        return remove_content(device, &id, error);
    }
    index->items[index->item_count++] = id;
    *changed = true;
    return SATCHEL_OK;
}

satchel_status satchel_inbox_mend(satchel_device *device, const satchel_store_salvage *salvage, satchel_error *error) {
    inbox_index *index = NULL;
    const satchel_salvaged_value *value;
    bool changed = false;
    satchel_status status = load_index(device, &index, error);
    for (size_t i = 0; status == SATCHEL_OK && (value = satchel_store_salvage_value_at(salvage, i)) != NULL; i++) {
        status = mend_item(device, index, value->name, &changed, error);
    }
    if (status == SATCHEL_OK && changed) {
        status = save_index(device, index, error);
    }
    satchel_memory_give(index);
    return status;
}

/* --- what is here --- */

satchel_status satchel_inbox_kept(satchel_device *device, uint64_t *out, satchel_error *error) {
    inbox_index *index = NULL;
    satchel_status status = load_index(device, &index, error);
    *out = status == SATCHEL_OK ? index->item_count : 0;
    satchel_memory_give(index);
    return status;
}

static satchel_status visit_item(satchel_device *device, const satchel_id *id, satchel_inbox_visitor visit,
                                 void *context, satchel_error *error) {
    char name[ITEM_NAME_BYTES];
    satchel_arena arena = {0};
    satchel_bytes plain;
    satchel_inbox_item item;
    name_value(id, name);
    satchel_status status = satchel_store_get_value(device->store, name, &arena, &plain, error);
    if (status == SATCHEL_OK) {
        status = satchel_inbox_item_read(plain, id, &item)
                     ? visit(context, &item)
                     : satchel_fail(error, SATCHEL_DAMAGED, "an item cannot be read");
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_inbox_list(satchel_device *device, satchel_inbox_visitor visit, void *context,
                                  satchel_error *error) {
    inbox_index *index = NULL;
    satchel_status status = satchel_device_enter(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = load_index(device, &index, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < index->item_count; i++) {
        status = visit_item(device, &index->items[i], visit, context, error);
    }
    satchel_memory_give(index);
    satchel_device_leave(device);
    return status;
}

/* Out of the items, behind the ids that are remembered; the oldest of those goes if there is no room. */
static satchel_status move_to_done(inbox_index *index, const satchel_id *id, satchel_error *error) {
    uint32_t at = place_of(index->items, index->item_count, id);
    if (at == index->item_count) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such item in the inbox");
    }
    index->item_count--;
    memmove(index->items + at, index->items + at + 1, (index->item_count - at) * sizeof *index->items);
    if (index->done_count == SATCHEL_INBOX_DONE_MOST) {
        index->done_count--;
        memmove(index->done, index->done + 1, index->done_count * sizeof *index->done);
    }
    index->done[index->done_count++] = *id;
    return SATCHEL_OK;
}

satchel_status satchel_inbox_acknowledge(satchel_device *device, const satchel_id *id, satchel_error *error) {
    inbox_index *index = NULL;
    satchel_status status = satchel_device_enter(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = load_index(device, &index, error);
    bool done = status == SATCHEL_OK && place_of(index->done, index->done_count, id) < index->done_count;
    if (status == SATCHEL_OK && !done) {
        status = move_to_done(index, id, error);
        if (status == SATCHEL_OK) {
            status = save_index(device, index, error);
        }
        if (status == SATCHEL_OK) {
            status = remove_content(device, id, error);
        }
    }
    satchel_memory_give(index);
    satchel_device_leave(device);
    return status;
}
