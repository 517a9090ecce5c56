/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders and checkpoint as values of the store.
 *
 *   "orders"       [format 1 = 1][1: told][signed block]
 *   "checkpoint"   [format 1 = 1][1: shown][findings][signed block]
 */
#include "device/orders.h"

#include "device/device.h"

#include <satchel/version.h>

#include "base/error.h"
#include "base/ids.h"

#include <string.h>

#define ORDERS_NAME "orders"
#define CHECKPOINT_NAME "checkpoint"
#define FORMAT 1

/* --- values --- */

static satchel_status put_orders(satchel_device *device, satchel_error *error) {
    const satchel_order_book *book = &device->book;
    uint8_t value[2 + SATCHEL_ORDERS_BLOCK_BYTES] = {FORMAT, book->told ? 1 : 0};
    memcpy(value + 2, book->block, book->block_bytes);
    return satchel_store_put_value(device->store, ORDERS_NAME, satchel_bytes_of(value, 2 + book->block_bytes), error);
}

static satchel_status put_checkpoint(satchel_device *device, satchel_error *error) {
    const satchel_order_book *book = &device->book;
    uint8_t value[3 + SATCHEL_CHECKPOINT_BLOCK_BYTES] = {FORMAT, book->shown ? 1 : 0, book->findings};
    memcpy(value + 3, book->checkpoint_block, book->checkpoint_bytes);
    return satchel_store_put_value(device->store, CHECKPOINT_NAME, satchel_bytes_of(value, 3 + book->checkpoint_bytes),
                                   error);
}

/* Copies a value; `*out_bytes` 0: there is none. Errors: DAMAGED (longer than `room` or shorter than `least`). */
static satchel_status get_value(satchel_device *device, const char *name, size_t least, size_t room, uint8_t *out,
                                size_t *out_bytes, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {NULL, 0};
    *out_bytes = 0;
    satchel_status status = satchel_store_get_value(device->store, name, &arena, &value, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && (value.bytes < least || value.bytes > room || value.data[0] != FORMAT)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "what the company ordered cannot be read");
    } else if (status == SATCHEL_OK) {
        memcpy(out, value.data, value.bytes);
        *out_bytes = value.bytes;
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status load_orders(satchel_device *device, satchel_error *error) {
    satchel_order_book *book = &device->book;
    uint8_t value[2 + SATCHEL_ORDERS_BLOCK_BYTES];
    size_t bytes = 0;
    satchel_status status = get_value(device, ORDERS_NAME, 2, sizeof value, value, &bytes, error);
    if (status != SATCHEL_OK || bytes == 0) {
        return status;
    }
    book->told = value[1] == 1;
    book->block_bytes = (uint32_t)(bytes - 2);
    memcpy(book->block, value + 2, book->block_bytes);
    return satchel_orders_read(satchel_bytes_of(book->block, book->block_bytes), device->identity.server_key,
                               &book->orders, error);
}

static satchel_status load_checkpoint(satchel_device *device, satchel_error *error) {
    satchel_order_book *book = &device->book;
    uint8_t value[3 + SATCHEL_CHECKPOINT_BLOCK_BYTES];
    size_t bytes = 0;
    satchel_status status = get_value(device, CHECKPOINT_NAME, 3, sizeof value, value, &bytes, error);
    if (status != SATCHEL_OK || bytes == 0) {
        return status;
    }
    book->shown = value[1] == 1;
    book->findings = value[2];
    book->checkpoint_bytes = (uint32_t)(bytes - 3);
    memcpy(book->checkpoint_block, value + 3, book->checkpoint_bytes);
    return satchel_checkpoint_read(satchel_bytes_of(book->checkpoint_block, book->checkpoint_bytes),
                                   device->identity.server_key, &book->checkpoint, error);
}

/* --- carrying out --- */

/* Policy, recovery key and lease; a command is the exchange's business. Done before: nothing is written. */
static satchel_status carry_out(satchel_device *device, satchel_error *error) {
    const satchel_orders *orders = &device->book.orders;
    satchel_settings wanted = {.policy = orders->policy};
    memcpy(wanted.recovery_key, orders->recovery_key, sizeof wanted.recovery_key);
    satchel_status status = satchel_settings_apply(device, &wanted, error);
    status = status == SATCHEL_OK ? satchel_lease_change(device, orders->lease_days, error) : status;
    device->book.done = status == SATCHEL_OK;
    return status;
}

satchel_status satchel_orders_load(satchel_device *device, satchel_error *error) {
    memset(&device->book, 0, sizeof device->book);
    memset(&device->lease, 0, sizeof device->lease);
    if (!device->identity.enrolled) {
        return SATCHEL_OK;
    }
    satchel_status status = load_orders(device, error);
    if (status == SATCHEL_OK) {
        status = load_checkpoint(device, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_lease_load(device, device->book.orders.lease_days, error);
    }
    return status == SATCHEL_OK && device->book.orders.serial > 0 ? carry_out(device, error) : status;
}

bool satchel_orders_relieve(satchel_device *device) {
    return device->book.orders.command != SATCHEL_ORDER_NONE && satchel_space_relieve(device);
}

satchel_status satchel_orders_resume(satchel_device *device, satchel_error *error) {
    return device->book.orders.serial > 0 && !device->book.done ? carry_out(device, error) : SATCHEL_OK;
}

/* --- taking --- */

static satchel_status take_orders(satchel_device *device, satchel_bytes block, satchel_error *error) {
    satchel_order_book *book = &device->book;
    const satchel_order_book before = *book;
    satchel_orders orders;
    if (block.bytes == 0 || block.bytes > sizeof book->block ||
        satchel_orders_read(block, device->identity.server_key, &orders, NULL) != SATCHEL_OK ||
        !satchel_id_equal(&orders.device, &device->identity.device) || orders.serial <= book->orders.serial) {
        return SATCHEL_OK;
    }
    book->orders = orders;
    book->told = false;
    book->done = false;
    book->block_bytes = (uint32_t)block.bytes;
    memcpy(book->block, block.data, block.bytes);
    satchel_status status = put_orders(device, error);
    if (status == SATCHEL_DISK_FULL && satchel_orders_relieve(device)) {
        satchel_error_clear(error);
        status = put_orders(device, error);
    }
    /* Who is to be wiped needs no settings, and a full disk is no excuse. */
    if (orders.command == SATCHEL_ORDER_WIPE) {
        satchel_error_clear(error);
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK) {
        *book = before; /* not stored, so not taken */
        return status;
    }
    status = carry_out(device, error);
    if (status == SATCHEL_DISK_FULL && satchel_orders_relieve(device)) {
        satchel_error_clear(error);
        status = carry_out(device, error);
    }
    return status;
}

/* What the server's own word about the phone's checkpoint, and its newest one, say of each other. */
static uint8_t compare(const satchel_order_book *book, const satchel_answer_head *head,
                       const satchel_checkpoint *newest) {
    const satchel_checkpoint *held = &book->checkpoint;
    uint8_t findings = 0;
    if (held->position == 0) {
        return 0;
    }
    if (newest->position < held->position) {
        findings |= SATCHEL_AUDIT_SHORTER;
    }
    bool same = newest->position == held->position;
    if ((same && memcmp(newest->hash, held->hash, sizeof held->hash) != 0) ||
        (head->witnessed.bytes == sizeof held->hash &&
         memcmp(head->witnessed.data, held->hash, sizeof held->hash) != 0)) {
        findings |= SATCHEL_AUDIT_DIFFERENT;
    }
    return findings;
}

/* What contradicts stays as evidence until the server has seen it; then what there is now is kept. */
static satchel_status take_checkpoint(satchel_device *device, const satchel_answer_head *head, satchel_error *error) {
    satchel_order_book *book = &device->book;
    satchel_checkpoint newest;
    if (head->checkpoint.bytes == 0 || head->checkpoint.bytes > sizeof book->checkpoint_block ||
        satchel_checkpoint_read(head->checkpoint, device->identity.server_key, &newest, NULL) != SATCHEL_OK) {
        return SATCHEL_OK;
    }
    uint8_t findings = compare(book, head, &newest);
    bool fresh = (findings & ~book->findings) != 0;
    if (findings != 0 && (fresh || !book->shown)) {
        book->findings = (uint8_t)(book->findings | findings);
        book->shown = false;
        return put_checkpoint(device, error);
    }
    book->checkpoint = newest;
    book->shown = false;
    book->checkpoint_bytes = (uint32_t)head->checkpoint.bytes;
    memcpy(book->checkpoint_block, head->checkpoint.data, head->checkpoint.bytes);
    return put_checkpoint(device, error);
}

satchel_status satchel_orders_take(satchel_device *device, const satchel_answer_head *head, bool said,
                                   satchel_error *error) {
    satchel_order_book *book = &device->book;
    satchel_status status = SATCHEL_OK;
    if (said && book->orders.serial > 0 && book->done && !book->told) {
        book->told = true;
        status = put_orders(device, error);
    }
    if (status == SATCHEL_OK && said && book->checkpoint.position > 0 && !book->shown) {
        book->shown = true;
        status = put_checkpoint(device, error);
    }
    /* A server that was put back has to see how far the one before was: once for each that is met, and each fork. */
    bool other = head->epoch != 0 && book->checkpoint.epoch != 0 && head->epoch != book->checkpoint.epoch;
    if (book->checkpoint.position > 0 && ((other && book->shown_to != head->epoch) || head->status == SATCHEL_FORKED)) {
        book->shown_to = other ? head->epoch : book->shown_to;
        book->shown = false;
    }
    if (status == SATCHEL_OK) {
        status = take_orders(device, head->orders, error);
    }
    return status == SATCHEL_OK ? take_checkpoint(device, head, error) : status;
}

void satchel_orders_notes(const satchel_device *device, satchel_sync_notes *out) {
    const satchel_order_book *book = &device->book;
    memset(out, 0, sizeof *out);
    if (book->done && !book->told) {
        out->orders_serial = book->orders.serial;
    }
    if (!book->shown) {
        out->witness = satchel_bytes_of(book->checkpoint_block, book->checkpoint_bytes);
    }
    out->push_only = satchel_orders_want_newer(device) || satchel_orders_want_pin(device);
}

bool satchel_orders_want_pin(const satchel_device *device) {
    return (device->settings.policy & SATCHEL_POLICY_PIN_REQUIRED) != 0 && !device->has_pin;
}

void satchel_orders_tell(const satchel_device *device, satchel_device_info *out) {
    const satchel_order_book *book = &device->book;
    out->orders_serial = book->orders.serial;
    out->retiring = book->orders.command == SATCHEL_ORDER_RETIRE;
    out->app_too_old = satchel_orders_want_newer(device);
    out->lease_days = device->lease.days;
    out->lease_left_ms = device->lease.days > 0 ? satchel_lease_left_ms(device) : 0;
    out->audit_position = book->checkpoint.position;
    out->audit_findings = book->findings;
}

/* --- versions --- */

uint32_t satchel_app_number(const char *text) {
    uint32_t parts[3] = {0, 0, 0};
    size_t part = 0;
    if (*text < '0' || *text > '9') {
        return 0;
    }
    for (; *text != '\0' && part < 3; text++) {
        if (*text >= '0' && *text <= '9') {
            parts[part] = parts[part] * 10 + (uint32_t)(*text - '0');
        } else if (*text == '.') {
            part++;
        } else {
            break; /* "-rc1" and the like */
        }
        if (part < 3 && parts[part] > 999) {
            return 0;
        }
    }
    return parts[0] * 1000000 + parts[1] * 1000 + parts[2];
}

bool satchel_orders_want_newer(const satchel_device *device) {
    return satchel_app_number(satchel_version()) < device->book.orders.minimum_app;
}
