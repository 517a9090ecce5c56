/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the company signs and what phones say of it: [0 standing orders, 1 a checkpoint][message], signed by the harness
 * so that the parser behind the signature is reached, [2][a block as it comes], [3][a receipt], [4][an entry of the
 * ledger]. What is read is written again in one form, which reads back as the same.
 */
#include "fuzz/support/fuzz.h"

#include "crypto/sign.h"
#include "service/ledger.h"
#include "wire/orders.h"

#include <string.h>

#define MEMORY_BYTES 8192
/* What stands before the message under the signature, see wire/orders.h. */
static const char orders_text[] = "satchel standing orders 1";
static const char checkpoint_text[] = "satchel audit checkpoint 1";

typedef struct key_pair {
    uint8_t secret[SATCHEL_SIGN_SECRET_BYTES];
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
} key_pair;

static key_pair fixed_pair(void) {
    key_pair pair;
    uint8_t seed[32];
    fuzz_fixed_key(seed, sizeof seed);
    satchel_sign_keys(seed, pair.public_key, pair.secret);
    return pair;
}

static bool is_refusal(satchel_status status) {
    return status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED || status == SATCHEL_UNAUTHENTICATED;
}

static void sign(const key_pair *pair, const char *text, size_t text_bytes, satchel_bytes message,
                 satchel_buffer *out) {
    satchel_buffer under = {NULL, 0, 0};
    uint8_t signature[SATCHEL_SIGNATURE_BYTES];
    fuzz_append(&under, satchel_bytes_of(text, text_bytes));
    fuzz_append(&under, message);
    satchel_sign_make(pair->secret, satchel_buffer_view(&under), signature);
    fuzz_append(out, satchel_bytes_of(signature, sizeof signature));
    fuzz_append(out, message);
    satchel_buffer_deinit(&under);
}

static void try_orders(const key_pair *pair, satchel_bytes block) {
    satchel_orders orders, again;
    satchel_buffer once = {NULL, 0, 0};
    satchel_status status = satchel_orders_read(block, pair->public_key, &orders, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || is_refusal(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(orders.lease_days <= SATCHEL_LEASE_DAYS_MOST && orders.command <= SATCHEL_ORDER_WIPE);
        FUZZ_HOLDS(satchel_orders_sign(&orders, pair->secret, &once) == SATCHEL_OK);
        FUZZ_HOLDS(once.bytes <= SATCHEL_ORDERS_BLOCK_BYTES);
        FUZZ_HOLDS(satchel_orders_read(satchel_buffer_view(&once), pair->public_key, &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(again.serial == orders.serial && again.command == orders.command &&
                   again.issued_ms == orders.issued_ms && again.policy == orders.policy);
        once.data[SATCHEL_SIGNATURE_BYTES / 2] ^= 1;
        FUZZ_HOLDS(satchel_orders_read(satchel_buffer_view(&once), pair->public_key, &again, NULL) ==
                   SATCHEL_UNAUTHENTICATED);
    }
    satchel_buffer_deinit(&once);
}

static void try_checkpoint(const key_pair *pair, satchel_bytes block) {
    satchel_checkpoint checkpoint, again;
    satchel_buffer once = {NULL, 0, 0};
    satchel_status status = satchel_checkpoint_read(block, pair->public_key, &checkpoint, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || is_refusal(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_checkpoint_sign(&checkpoint, pair->secret, &once) == SATCHEL_OK);
        FUZZ_HOLDS(once.bytes <= SATCHEL_CHECKPOINT_BLOCK_BYTES);
        FUZZ_HOLDS(satchel_checkpoint_read(satchel_buffer_view(&once), pair->public_key, &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(again.position == checkpoint.position && again.at_ms == checkpoint.at_ms &&
                   memcmp(again.hash, checkpoint.hash, sizeof again.hash) == 0);
    }
    satchel_buffer_deinit(&once);
}

static void try_receipt(satchel_bytes bytes) {
    satchel_order_receipt receipt, again;
    satchel_buffer once = {NULL, 0, 0};
    satchel_status status = satchel_order_receipt_read(bytes, &receipt, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || is_refusal(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_order_receipt_write(&receipt, &once) == SATCHEL_OK);
        FUZZ_HOLDS(once.bytes <= SATCHEL_ORDER_RECEIPT_BYTES);
        FUZZ_HOLDS(satchel_order_receipt_read(satchel_buffer_view(&once), &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(again.serial == receipt.serial && again.kind == receipt.kind &&
                   again.units_unsent == receipt.units_unsent && again.counted == receipt.counted);
    }
    satchel_buffer_deinit(&once);
}

static void try_entry(satchel_bytes bytes) {
    satchel_ledger_entry entry, again;
    satchel_buffer once = {NULL, 0, 0};
    satchel_status status = satchel_ledger_decode(bytes, &entry);
    FUZZ_HOLDS(status == SATCHEL_OK || is_refusal(status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(satchel_ledger_encode(&entry, &once) == SATCHEL_OK);
        FUZZ_HOLDS(once.bytes <= SATCHEL_LEDGER_ENTRY_MOST);
        FUZZ_HOLDS(satchel_ledger_decode(satchel_buffer_view(&once), &again) == SATCHEL_OK);
        FUZZ_HOLDS(again.kind == entry.kind && again.epoch == entry.epoch && again.n == entry.n &&
                   again.entity == entry.entity && again.at_ms == entry.at_ms);
    }
    satchel_buffer_deinit(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    satchel_buffer block = {NULL, 0, 0};
    const key_pair pair = fixed_pair();
    fuzz_begin();
    switch (fuzz_choice(&input, 5)) {
    case 0:
        sign(&pair, orders_text, sizeof orders_text, fuzz_rest(&input), &block);
        try_orders(&pair, satchel_buffer_view(&block));
        break;
    case 1:
        sign(&pair, checkpoint_text, sizeof checkpoint_text, fuzz_rest(&input), &block);
        try_checkpoint(&pair, satchel_buffer_view(&block));
        break;
    case 2:
        try_orders(&pair, fuzz_rest(&input));
        try_checkpoint(&pair, fuzz_rest(&input));
        break;
    case 3: try_receipt(fuzz_rest(&input)); break;
    default: try_entry(fuzz_rest(&input)); break;
    }
    satchel_buffer_deinit(&block);
    fuzz_end(MEMORY_BYTES + 8 * bytes);
    return 0;
}

static void seed_of(uint8_t choice, satchel_bytes content) {
    satchel_buffer seed = {NULL, 0, 0};
    fuzz_start_seed(&seed, choice);
    fuzz_append(&seed, content);
    fuzz_seed(satchel_buffer_view(&seed));
    satchel_buffer_deinit(&seed);
}

static void seed_blocks(const key_pair *pair) {
    satchel_orders orders = {
        .device = {{1, 2}}, .serial = 7, .policy = 3, .lease_days = 30, .issued_ms = 1700000000000};
    satchel_checkpoint checkpoint = {.position = 12345, .at_ms = 1700000000001};
    for (int command = SATCHEL_ORDER_NONE; command <= SATCHEL_ORDER_WIPE; command++) {
        satchel_buffer block = {NULL, 0, 0};
        orders.command = (satchel_order_command)command;
        fuzz_fixed_key(orders.recovery_key, sizeof orders.recovery_key);
        FUZZ_HOLDS(satchel_orders_sign(&orders, pair->secret, &block) == SATCHEL_OK);
        seed_of(0, satchel_bytes_of(block.data + SATCHEL_SIGNATURE_BYTES, block.bytes - SATCHEL_SIGNATURE_BYTES));
        seed_of(2, satchel_buffer_view(&block));
        satchel_buffer_deinit(&block);
    }
    satchel_buffer block = {NULL, 0, 0};
    fuzz_fixed_key(checkpoint.hash, sizeof checkpoint.hash);
    FUZZ_HOLDS(satchel_checkpoint_sign(&checkpoint, pair->secret, &block) == SATCHEL_OK);
    seed_of(1, satchel_bytes_of(block.data + SATCHEL_SIGNATURE_BYTES, block.bytes - SATCHEL_SIGNATURE_BYTES));
    seed_of(2, satchel_buffer_view(&block));
    satchel_buffer_deinit(&block);
}

void fuzz_seeds(void) {
    const key_pair pair = fixed_pair();
    seed_blocks(&pair);
    for (int kind = SATCHEL_RECEIPT_RETIRED; kind <= SATCHEL_RECEIPT_WIPED; kind++) {
        const satchel_order_receipt receipt = {.serial = 9,
                                               .kind = (satchel_receipt_kind)kind,
                                               .at_ms = -5,
                                               .counted = kind == SATCHEL_RECEIPT_WIPED,
                                               .units_unsent = 300};
        satchel_buffer plain = {NULL, 0, 0};
        FUZZ_HOLDS(satchel_order_receipt_write(&receipt, &plain) == SATCHEL_OK);
        seed_of(3, satchel_buffer_view(&plain));
        satchel_buffer_deinit(&plain);
    }
    for (int kind = SATCHEL_LEDGER_NUMBERS; kind <= SATCHEL_LEDGER_ENROLLED; kind++) {
        if (kind == SATCHEL_LEDGER_NUMBERED) {
            continue; /* is what stands around another */
        }
        const satchel_ledger_entry entry = {.kind = (satchel_ledger_kind)kind,
                                            .serial = kind % 2 == 0 ? 300 : 0,
                                            .epoch = 2,
                                            .n = 4096,
                                            .id = {{3}},
                                            .entity = 4,
                                            .row = {{5}},
                                            .at_ms = 1700000000000};
        satchel_buffer plain = {NULL, 0, 0};
        FUZZ_HOLDS(satchel_ledger_encode(&entry, &plain) == SATCHEL_OK);
        seed_of(4, satchel_buffer_view(&plain));
        satchel_buffer_deinit(&plain);
    }
}
