/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed blocks and receipts, by the tables of message.h. The signature stands before the message, so that what is
 * signed is the rest of the block.
 */
#include "wire/orders.h"

#include "base/error.h"
#include "base/ids.h"
#include "wire/message.h"

#include <string.h>

#define ORDERS_CONTEXT "satchel standing orders 1"
#define CHECKPOINT_CONTEXT "satchel audit checkpoint 1"

static const satchel_wire_member orders_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_orders, device, 1, SATCHEL_WIRE_FIXED, SATCHEL_ID_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_orders, serial, 2, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_orders, policy, 3, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_orders, recovery_key, 4, SATCHEL_WIRE_FIXED, SATCHEL_PUBLIC_KEY_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_orders, lease_days, 5, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_orders, minimum_app, 6, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_orders, command, 7, SATCHEL_WIRE_ENUM, SATCHEL_ORDER_WIPE),
    SATCHEL_WIRE_MEMBER(satchel_orders, issued_ms, 8, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_MEMBER(satchel_orders, discount_limit_bp, 9, SATCHEL_WIRE_U32, 0),
    SATCHEL_WIRE_MEMBER(satchel_orders, discount_steps, 10, SATCHEL_WIRE_U32, 0),
};
static const satchel_wire_message orders_message = SATCHEL_WIRE_TABLE("StandingOrders", satchel_orders, orders_members);

static const satchel_wire_member checkpoint_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_checkpoint, position, 1, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_checkpoint, at_ms, 2, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_MEMBER(satchel_checkpoint, hash, 3, SATCHEL_WIRE_FIXED, SATCHEL_CHECKPOINT_HASH_BYTES),
    SATCHEL_WIRE_MEMBER(satchel_checkpoint, epoch, 4, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_checkpoint, n, 5, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_checkpoint, ledger, 6, SATCHEL_WIRE_U64, 0),
};
static const satchel_wire_message checkpoint_message =
    SATCHEL_WIRE_TABLE("Checkpoint", satchel_checkpoint, checkpoint_members);

static const satchel_wire_member receipt_members[] = {
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, serial, 1, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, kind, 2, SATCHEL_WIRE_ENUM, SATCHEL_RECEIPT_WIPED),
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, at_ms, 3, SATCHEL_WIRE_I64, 0),
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, counted, 4, SATCHEL_WIRE_BOOL, 0),
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, units_unsent, 5, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, ops_troubled, 6, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, inbox_items, 7, SATCHEL_WIRE_U64, 0),
    SATCHEL_WIRE_MEMBER(satchel_order_receipt, ops_aside, 8, SATCHEL_WIRE_U64, 0),
};
static const satchel_wire_message receipt_message =
    SATCHEL_WIRE_TABLE("OrderReceipt", satchel_order_receipt, receipt_members);

/* --- blocks --- */

/* What the signature stands over. */
static satchel_status put_signed_text(const char *context, satchel_bytes message, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append(out, satchel_bytes_of(context, strlen(context) + 1));
    return status == SATCHEL_OK ? satchel_buffer_append(out, message) : status;
}

static satchel_status sign_block(const satchel_wire_message *message, const void *from, const char *context,
                                 const uint8_t *secret, satchel_buffer *out) {
    uint8_t signature[SATCHEL_SIGNATURE_BYTES];
    satchel_buffer plain = {0};
    satchel_buffer text = {0};
    size_t start = out->bytes;
    satchel_status status = satchel_wire_write(message, from, &plain);
    if (status == SATCHEL_OK) {
        status = put_signed_text(context, satchel_buffer_view(&plain), &text);
    }
    if (status == SATCHEL_OK) {
        satchel_sign_make(secret, satchel_buffer_view(&text), signature);
        status = satchel_buffer_append(out, satchel_bytes_of(signature, sizeof signature));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_buffer_view(&plain));
    }
    satchel_buffer_deinit(&plain);
    satchel_buffer_deinit(&text);
    return satchel_wire_cut(out, start, status);
}

static satchel_status read_block(const satchel_wire_message *message, satchel_bytes block, const char *context,
                                 const uint8_t *public_key, void *out, satchel_error *error) {
    satchel_buffer text = {0};
    if (block.bytes < SATCHEL_SIGNATURE_BYTES) {
        return satchel_fail(error, SATCHEL_MALFORMED, "%s: no signed block", message->name);
    }
    satchel_bytes plain = satchel_bytes_of(block.data + SATCHEL_SIGNATURE_BYTES, block.bytes - SATCHEL_SIGNATURE_BYTES);
    satchel_status status = put_signed_text(context, plain, &text);
    if (status == SATCHEL_OK) {
        status = satchel_sign_check(public_key, satchel_buffer_view(&text), block.data);
    }
    satchel_buffer_deinit(&text);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "%s: not signed by the company", message->name);
    }
    return satchel_wire_read(message, plain, NULL, out, error);
}

satchel_status satchel_orders_sign(const satchel_orders *orders, const uint8_t secret[SATCHEL_SIGN_SECRET_BYTES],
                                   satchel_buffer *out) {
    if (orders->lease_days > SATCHEL_LEASE_DAYS_MOST) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    return sign_block(&orders_message, orders, ORDERS_CONTEXT, secret, out);
}

satchel_status satchel_orders_read(satchel_bytes block, const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES],
                                   satchel_orders *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    satchel_status status = read_block(&orders_message, block, ORDERS_CONTEXT, public_key, out, error);
    if (status == SATCHEL_OK && out->lease_days > SATCHEL_LEASE_DAYS_MOST) {
        status = satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "StandingOrders: a lease of %u days", out->lease_days);
    }
    return status;
}

satchel_status satchel_checkpoint_sign(const satchel_checkpoint *checkpoint,
                                       const uint8_t secret[SATCHEL_SIGN_SECRET_BYTES], satchel_buffer *out) {
    return sign_block(&checkpoint_message, checkpoint, CHECKPOINT_CONTEXT, secret, out);
}

satchel_status satchel_checkpoint_read(satchel_bytes block, const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES],
                                       satchel_checkpoint *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    return read_block(&checkpoint_message, block, CHECKPOINT_CONTEXT, public_key, out, error);
}

/* --- receipts --- */

satchel_status satchel_order_receipt_write(const satchel_order_receipt *receipt, satchel_buffer *out) {
    size_t start = out->bytes;
    return satchel_wire_cut(out, start, satchel_wire_write(&receipt_message, receipt, out));
}

satchel_status satchel_order_receipt_read(satchel_bytes bytes, satchel_order_receipt *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_wire_read(&receipt_message, bytes, NULL, out, error);
    if (status == SATCHEL_OK && out->kind == 0) {
        status = satchel_fail(error, SATCHEL_MALFORMED, "OrderReceipt: of no kind");
    }
    return status;
}
