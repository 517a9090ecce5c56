/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed blocks: what is signed comes back, whatever is changed does not.
 */
#include "base/ids.h"
#include "support/test.h"
#include "wire/answer.h"
#include "wire/orders.h"

#include <string.h>

typedef struct company_keys {
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
    uint8_t secret[SATCHEL_SIGN_SECRET_BYTES];
} company_keys;

static company_keys keys_of(uint8_t seed_byte) {
    uint8_t seed[SATCHEL_KEY_BYTES];
    company_keys keys;
    memset(seed, seed_byte, sizeof seed);
    satchel_sign_keys(seed, keys.public_key, keys.secret);
    return keys;
}

static satchel_orders some_orders(void) {
    satchel_orders orders = {.device = {{9, 8, 7}}, .serial = 41, .policy = 3, .lease_days = 30};
    memset(orders.recovery_key, 0x5a, sizeof orders.recovery_key);
    orders.minimum_app = 1002003;
    orders.command = SATCHEL_ORDER_WIPE;
    orders.issued_ms = INT64_C(1795305600000);
    orders.discount_limit_bp = 10000;
    orders.discount_steps = 5;
    return orders;
}

TEST(orders, a_signed_block_comes_back) {
    const company_keys keys = keys_of(1);
    const satchel_orders orders = some_orders();
    satchel_buffer block = {0};
    satchel_orders read;
    REQUIRE_OK(satchel_orders_sign(&orders, keys.secret, &block));
    REQUIRE_OK(satchel_orders_read(satchel_buffer_view(&block), keys.public_key, &read, NULL));
    CHECK(satchel_id_equal(&read.device, &orders.device) && read.serial == 41 && read.policy == 3);
    CHECK(read.lease_days == 30 && read.minimum_app == 1002003 && read.command == SATCHEL_ORDER_WIPE);
    CHECK(read.issued_ms == orders.issued_ms && memcmp(read.recovery_key, orders.recovery_key, 32) == 0);
    CHECK(read.discount_limit_bp == 10000 && read.discount_steps == 5);
    CHECK(block.bytes <= SATCHEL_ORDERS_BLOCK_BYTES);
    satchel_buffer_deinit(&block);
}

TEST(orders, no_changed_bit_and_no_other_key_is_taken) {
    const company_keys keys = keys_of(1);
    const company_keys others = keys_of(2);
    const satchel_orders orders = some_orders();
    satchel_buffer block = {0};
    satchel_orders read;
    REQUIRE_OK(satchel_orders_sign(&orders, keys.secret, &block));
    CHECK_STATUS(satchel_orders_read(satchel_buffer_view(&block), others.public_key, &read, NULL),
                 SATCHEL_UNAUTHENTICATED);
    for (size_t bit = 0; bit < block.bytes * 8; bit++) {
        block.data[bit / 8] = (uint8_t)(block.data[bit / 8] ^ (1u << (bit % 8)));
        REQUIRE(satchel_orders_read(satchel_buffer_view(&block), keys.public_key, &read, NULL) != SATCHEL_OK);
        block.data[bit / 8] = (uint8_t)(block.data[bit / 8] ^ (1u << (bit % 8)));
    }
    for (size_t bytes = 0; bytes < block.bytes; bytes++) {
        REQUIRE(satchel_orders_read(satchel_bytes_of(block.data, bytes), keys.public_key, &read, NULL) != SATCHEL_OK);
    }
    satchel_buffer_deinit(&block);
}

TEST(orders, a_checkpoint_is_no_order_and_an_order_no_checkpoint) {
    const company_keys keys = keys_of(3);
    const uint64_t most = UINT64_MAX; /* the longest */
    const satchel_checkpoint checkpoint = {77, 1000, {1, 2, 3}, most, most, most};
    satchel_buffer block = {0};
    satchel_checkpoint read;
    satchel_orders orders;
    REQUIRE_OK(satchel_checkpoint_sign(&checkpoint, keys.secret, &block));
    CHECK(block.bytes <= SATCHEL_CHECKPOINT_BLOCK_BYTES);
    REQUIRE_OK(satchel_checkpoint_read(satchel_buffer_view(&block), keys.public_key, &read, NULL));
    CHECK(read.position == 77 && read.at_ms == 1000 && memcmp(read.hash, checkpoint.hash, sizeof read.hash) == 0);
    CHECK(read.epoch == UINT64_MAX && read.n == UINT64_MAX && read.ledger == UINT64_MAX);
    CHECK_STATUS(satchel_orders_read(satchel_buffer_view(&block), keys.public_key, &orders, NULL),
                 SATCHEL_UNAUTHENTICATED);
    satchel_buffer_deinit(&block);
}

TEST(orders, a_lease_has_a_most) {
    const company_keys keys = keys_of(4);
    satchel_orders orders = some_orders();
    satchel_orders read;
    satchel_buffer block = {0};
    orders.lease_days = SATCHEL_LEASE_DAYS_MOST;
    REQUIRE_OK(satchel_orders_sign(&orders, keys.secret, &block));
    CHECK(block.bytes <= SATCHEL_ORDERS_BLOCK_BYTES);
    REQUIRE_OK(satchel_orders_read(satchel_buffer_view(&block), keys.public_key, &read, NULL));
    CHECK(read.lease_days == SATCHEL_LEASE_DAYS_MOST);
    orders.lease_days = SATCHEL_LEASE_DAYS_MOST + 1;
    CHECK_STATUS(satchel_orders_sign(&orders, keys.secret, &block), SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_deinit(&block);
}

TEST(orders, a_receipt_comes_back_and_needs_its_kind) {
    satchel_order_receipt receipt = {.serial = 5, .kind = SATCHEL_RECEIPT_WIPED, .at_ms = -3, .counted = true};
    satchel_order_receipt read;
    satchel_buffer bytes = {0};
    receipt.units_unsent = 4;
    receipt.inbox_items = 3;
    receipt.ops_aside = 2;
    receipt.ops_troubled = 1;
    REQUIRE_OK(satchel_order_receipt_write(&receipt, &bytes));
    CHECK(bytes.bytes <= SATCHEL_ORDER_RECEIPT_BYTES);
    REQUIRE_OK(satchel_order_receipt_read(satchel_buffer_view(&bytes), &read, NULL));
    CHECK(read.serial == 5 && read.kind == SATCHEL_RECEIPT_WIPED && read.at_ms == -3 && read.counted);
    CHECK(read.units_unsent == 4 && read.inbox_items == 3 && read.ops_aside == 2 && read.ops_troubled == 1);
    satchel_buffer_clear(&bytes);
    receipt.kind = (satchel_receipt_kind)0;
    REQUIRE_OK(satchel_order_receipt_write(&receipt, &bytes));
    CHECK_STATUS(satchel_order_receipt_read(satchel_buffer_view(&bytes), &read, NULL), SATCHEL_MALFORMED);
    satchel_buffer_deinit(&bytes);
}

TEST(orders, blocks_travel_in_the_heads) {
    uint8_t block[SATCHEL_ORDERS_BLOCK_BYTES + 1] = {3};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    satchel_answer_frame read;
    satchel_arena arena = {0};
    satchel_buffer payload = {0};
    frame.as.head.orders = satchel_bytes_of(block, SATCHEL_ORDERS_BLOCK_BYTES);
    frame.as.head.checkpoint = satchel_bytes_of(block, SATCHEL_CHECKPOINT_BLOCK_BYTES);
    frame.as.head.witnessed = satchel_bytes_of(block, SATCHEL_CHECKPOINT_HASH_BYTES);
    REQUIRE_OK(satchel_answer_write(&frame, &payload));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
    REQUIRE_OK(satchel_answer_read(&reader, &arena, &read, NULL));
    CHECK(satchel_bytes_equal(read.as.head.orders, frame.as.head.orders));
    CHECK(satchel_bytes_equal(read.as.head.checkpoint, frame.as.head.checkpoint));
    frame.as.head.orders.bytes++;
    CHECK_STATUS(satchel_answer_write(&frame, &payload), SATCHEL_LIMIT_EXCEEDED);
    frame.as.head.orders.bytes--;
    frame.as.head.checkpoint.bytes++;
    CHECK_STATUS(satchel_answer_write(&frame, &payload), SATCHEL_LIMIT_EXCEEDED);
    frame.as.head.checkpoint.bytes--;
    frame.as.head.witnessed.bytes--;
    CHECK_STATUS(satchel_answer_write(&frame, &payload), SATCHEL_INVALID_ARGUMENT);
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
}

TEST(orders, a_request_carries_witness_receipt_and_serial) {
    uint8_t bytes[SATCHEL_CHECKPOINT_BLOCK_BYTES + 1] = {4};
    satchel_request_head head = {.protocol = SATCHEL_PROTOCOL_VERSION, .schema = 1, .orders_serial = 300};
    satchel_request_head read;
    satchel_buffer payload = {0};
    head.witness = satchel_bytes_of(bytes, SATCHEL_CHECKPOINT_BLOCK_BYTES);
    head.receipt = satchel_bytes_of(bytes, SATCHEL_ORDER_RECEIPT_BYTES);
    REQUIRE_OK(satchel_request_write_head(&head, &payload));
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
    REQUIRE_OK(satchel_request_read_head(&reader, &read, NULL));
    CHECK(read.orders_serial == 300 && satchel_bytes_equal(read.witness, head.witness));
    CHECK(satchel_bytes_equal(read.receipt, head.receipt));
    head.receipt.bytes++;
    CHECK_STATUS(satchel_request_write_head(&head, &payload), SATCHEL_LIMIT_EXCEEDED);
    head.receipt.bytes--;
    head.witness.bytes++;
    CHECK_STATUS(satchel_request_write_head(&head, &payload), SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_deinit(&payload);
}
