/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standing orders: what the company wants of each phone, and how far each phone has heard of it.
 *
 * Orders have one number for the whole company, which grows with each change of the policy or of a device's command;
 * a phone's orders have the larger of the two that concern it. They are sent until the phone says that it carried them
 * out.
 */
#ifndef SATCHEL_SERVER_SERVICE_ORDERS_H
#define SATCHEL_SERVER_SERVICE_ORDERS_H

#include "service/state.h"
#include "wire/orders.h"

/* What one look at the books tells of a device and of the company. */
typedef struct satchel_order_state {
    uint64_t serial; /* of the device's present orders; 0: nothing was ever ordered */
    uint64_t heard;  /* the phone carried these out */
    satchel_order_command command;
    uint32_t lease_days;
    uint32_t minimum_app;
    satchel_receipt_kind receipt_kind; /* 0: none came */
    uint64_t checkpoint_position;      /* of the newest checkpoint; 0: none was made */
    int64_t checkpoint_ms;
    uint64_t audit_position;   /* of the chain */
    uint64_t witness_position; /* of the checkpoint that the phone showed last; 0: none */
    int64_t witness_ms;        /* when that was made */
    uint64_t bad_position;     /* of the first one that it showed and the chain does not hold; 0: none */
} satchel_order_state;

/* Nothing known of the device: zeros. */
SATCHEL_MUST_USE satchel_status satchel_order_state_load(satchel_db *db, const satchel_id *device,
                                                         satchel_order_state *out, satchel_error *error);

/* Writes: the next number, for a change of what all phones are told. */
SATCHEL_MUST_USE satchel_status satchel_orders_renew(satchel_db *db, satchel_error *error);
/* Writes: what is new for one device. */
SATCHEL_MUST_USE satchel_status satchel_orders_command(const satchel_service *service, satchel_db *db,
                                                       const satchel_id *device, satchel_order_command command,
                                                       satchel_error *error);

/* Appends the device's present orders, signed. */
SATCHEL_MUST_USE satchel_status satchel_orders_build(const satchel_service *service, satchel_db *db,
                                                     const satchel_id *device, const satchel_order_state *state,
                                                     satchel_buffer *out, satchel_error *error);

/* Write. The phone says that it carried the orders out; that it did so and ended; that it is an older copy of itself.
 */
SATCHEL_MUST_USE satchel_status satchel_orders_heard(const satchel_service *service, satchel_db *db,
                                                     const satchel_id *device, uint64_t serial, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_orders_receive(const satchel_service *service, satchel_db *db,
                                                       const satchel_id *device, satchel_bytes receipt,
                                                       satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_orders_forget(satchel_db *db, const satchel_id *device, satchel_error *error);

/* --- checkpoints of the audit --- */

/*
 * The chain's end is signed with the first exchange of each hour by the clock, whether it moved or not, and every phone
 * gets the same block: that one comes tells a phone nothing of what others do.
 */
#define SATCHEL_CHECKPOINT_STEP_MS INT64_C(3600000)

bool satchel_checkpoint_due(const satchel_service *service, const satchel_order_state *state);
/* Writes: signs the chain's present end, if it is due. */
SATCHEL_MUST_USE satchel_status satchel_checkpoint_make(const satchel_service *service, satchel_db *db,
                                                        satchel_error *error);
/* The newest block, and the chain's own hash where the phone's stands (zeros: it has no such entry). */
SATCHEL_MUST_USE satchel_status satchel_checkpoint_newest(satchel_db *db, satchel_arena *arena, satchel_bytes *out,
                                                          satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_audit_hash_at(satchel_db *db, uint64_t position,
                                                      uint8_t out[SATCHEL_HASH_BYTES], bool *out_found,
                                                      satchel_error *error);
/*
 * Writes: a phone shows what it was given. What the chain does not hold is an alarm: an audit entry, once a position.
 * A block that the company did not sign is passed over.
 */
SATCHEL_MUST_USE satchel_status satchel_witness_take(const satchel_service *service, satchel_db *db,
                                                     const satchel_id *device, satchel_bytes block,
                                                     satchel_error *error);

#endif
