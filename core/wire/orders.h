/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the company signs for its phones, and what they say of it: standing orders, checkpoints of the audit, receipts.
 *
 *   block   [signature 64][message]      Ed25519 by the company's key over "satchel <what> 1" ‖ 0 ‖ message
 *
 * A block is read only together with the key that the phone got at its enrolment, so that nobody between server and
 * phone, and no other company's server, gives orders.
 */
#ifndef SATCHEL_WIRE_ORDERS_H
#define SATCHEL_WIRE_ORDERS_H

#include "base/bytes.h"
#include "crypto/sign.h"
#include "wire/enroll.h"

#define SATCHEL_LEASE_DAYS_MOST 3650
#define SATCHEL_ORDERS_BLOCK_BYTES 256
#define SATCHEL_CHECKPOINT_BLOCK_BYTES 160
#define SATCHEL_CHECKPOINT_HASH_BYTES 32
#define SATCHEL_ORDER_RECEIPT_BYTES 128

typedef enum satchel_order_command {
    SATCHEL_ORDER_NONE = 0,
    SATCHEL_ORDER_RETIRE = 1, /* hand everything over, then wipe */
    SATCHEL_ORDER_WIPE = 2    /* wipe now, whatever is lost */
} satchel_order_command;

typedef struct satchel_orders {
    satchel_id device;                              /* for this one alone */
    uint64_t serial;                                /* grows with every change; what is older is not taken */
    uint32_t policy;                                /* satchel_store_policy */
    uint8_t recovery_key[SATCHEL_PUBLIC_KEY_BYTES]; /* zeros: no escrow */
    uint32_t lease_days;                            /* 0: no lease */
    uint32_t minimum_app;                           /* major * 1,000,000 + minor * 1,000 + patch; 0: any */
    satchel_order_command command;
    int64_t issued_ms;
    uint32_t discount_limit_bp; /* an order with a larger discount waits for an approval, if there are steps */
    uint32_t discount_steps;    /* of that approval; 0: none is needed */
} satchel_orders;

/* Appends a block. Errors: NO_MEMORY, LIMIT_EXCEEDED (lease). */
SATCHEL_MUST_USE satchel_status satchel_orders_sign(const satchel_orders *orders,
                                                    const uint8_t secret[SATCHEL_SIGN_SECRET_BYTES],
                                                    satchel_buffer *out);
/* Errors: UNAUTHENTICATED (not signed by this key), MALFORMED, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_orders_read(satchel_bytes block,
                                                    const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES],
                                                    satchel_orders *out, satchel_error *error);

/* How far the audit was at a time, and what else a server that is put back must not be behind. */
typedef struct satchel_checkpoint {
    uint64_t position;
    int64_t at_ms;
    uint8_t hash[SATCHEL_CHECKPOINT_HASH_BYTES];
    uint64_t epoch;  /* 0: not told */
    uint64_t n;      /* the newest revision */
    uint64_t ledger; /* serial of the newest entry that a ledger held */
} satchel_checkpoint;

/* As for orders. */
SATCHEL_MUST_USE satchel_status satchel_checkpoint_sign(const satchel_checkpoint *checkpoint,
                                                        const uint8_t secret[SATCHEL_SIGN_SECRET_BYTES],
                                                        satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_checkpoint_read(satchel_bytes block,
                                                        const uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES],
                                                        satchel_checkpoint *out, satchel_error *error);

/* What a phone did of an order. It travels in a signed request and has no signature of its own. */
typedef enum satchel_receipt_kind { SATCHEL_RECEIPT_RETIRED = 1, SATCHEL_RECEIPT_WIPED = 2 } satchel_receipt_kind;

typedef struct satchel_order_receipt {
    uint64_t serial; /* of the orders */
    satchel_receipt_kind kind;
    int64_t at_ms;
    bool counted; /* the counts hold */
    uint64_t units_unsent;
    uint64_t ops_troubled;
    uint64_t inbox_items;
    uint64_t ops_aside;
} satchel_order_receipt;

/* Appends. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_order_receipt_write(const satchel_order_receipt *receipt, satchel_buffer *out);
/* Errors: MALFORMED, LIMIT_EXCEEDED. */
SATCHEL_MUST_USE satchel_status satchel_order_receipt_read(satchel_bytes bytes, satchel_order_receipt *out,
                                                           satchel_error *error);

#endif
