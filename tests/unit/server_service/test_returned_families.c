/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders and their lines that come back after a restore from different phones: an order that was deleted without a line
 * is there again with all that went with it, whoever comes first.
 */
#include "epoch_stage.h"

#include "base/memory.h"
#include "base/text.h"

#include <string.h>

typedef struct shop {
    stage here;
    tape backup;
    satchel_id customer, product, order, tea;
    keeper *first, *second; /* both Li's */
} shop;

static keeper *enrol(stage *here, const satchel_id *user) {
    keeper *mine = satchel_memory_take(sizeof *mine);
    REQUIRE(mine != NULL);
    phone_enrol(&mine->phone, here, user);
    keeper_sync(mine);
    return mine;
}

static satchel_id add_line(shop *at, keeper *mine, int64_t price) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&mine->phone, &unit, SATCHEL_ENTITY_ORDER_LINE, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, &at->order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, &at->product));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, price));
    phone_commit(&mine->phone, &unit);
    keeper_sync(mine);
    return id;
}

static void new_order(shop *at) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_create(&at->first->phone, &unit, SATCHEL_ENTITY_ORDER, &at->order);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, &at->customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
    phone_commit(&at->first->phone, &unit);
    keeper_sync(at->first);
    at->tea = add_line(at, at->first, 300);
}

static void open_shop(shop *at) {
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 37);
    satchel_id li = stage_user(&at->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    at->customer = stage_customer(&at->here, "Anna's Shop", &li, NULL);
    satchel_record product = stage_record(&at->here);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("T1")));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    at->product = stage_create(&at->here, SATCHEL_ENTITY_PRODUCT, &product).id;
    at->first = enrol(&at->here, &li);
    at->second = enrol(&at->here, &li);
    new_order(at);
    keeper_sync(at->second);
    tape_record(&at->here, &at->backup);
}

static void close_shop(shop *at) {
    keeper_close(at->first);
    keeper_close(at->second);
    satchel_memory_give(at->first);
    satchel_memory_give(at->second);
    tape_erase(&at->backup);
    stage_close(&at->here);
}

/* The line first, as phones do it, in one unit. */
static void delete_order(shop *at) {
    phone_unit unit = {.count = 0};
    phone_edit(&at->first->phone, &unit, SATCHEL_ENTITY_ORDER_LINE, &at->tea)->kind = SATCHEL_OP_DELETE;
    phone_edit(&at->first->phone, &unit, SATCHEL_ENTITY_ORDER, &at->order)->kind = SATCHEL_OP_DELETE;
    phone_commit(&at->first->phone, &unit);
    keeper_sync(at->first);
}

static void put_back(shop *at) {
    stage_pass(&at->here, 3600000);
    (void)tape_put_back(&at->here, &at->backup, true);
}

/* Both lines, on the server and on both phones, and one question to a person. */
static void check_whole(shop *at) {
    keeper *phones[] = {at->first, at->second, at->first};
    for (size_t i = 0; i < 3; i++) {
        keeper_sync(phones[i]);
    }
    satchel_record row = stage_read(&at->here, SATCHEL_ENTITY_ORDER, &at->order, NULL);
    CHECK(satchel_record_get(&row, SATCHEL_FIELD_DELETED) == NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_LINE_COUNT, 0), 2);
    CHECK_INT(satchel_record_int(&row, SATCHEL_ORDER_TOTAL_MINOR, 0), 350);
    CHECK_UINT(stage_counts(&at->here).conflicts, 1);
    for (size_t i = 0; i < 2; i++) {
        CHECK_UINT(phone_count(&phones[i]->phone, SATCHEL_ENTITY_ORDER), 1);
        CHECK_UINT(phone_count(&phones[i]->phone, SATCHEL_ENTITY_ORDER_LINE), 2);
    }
}

/* Seed 12 of the simulator: who deletes it after the restore cannot know of the line that has still to come back. */
TEST(returned_families, regress_a_line_comes_back_to_an_order_that_was_deleted_since) {
    shop at;
    open_shop(&at);
    add_line(&at, at.second, 50);
    put_back(&at);
    keeper_return(at.first);
    delete_order(&at);
    keeper_return(at.second);
    check_whole(&at);
    close_shop(&at);
}

/* The deletion lost then; it loses again, whoever comes back first, and people are asked once. */
TEST(returned_families, regress_a_deletion_that_lost_to_a_line_loses_again) {
    for (int first = 0; first < 2; first++) {
        shop at;
        open_shop(&at);
        add_line(&at, at.second, 50);
        delete_order(&at);
        CHECK_UINT(stage_counts(&at.here).conflicts, 1);
        put_back(&at);
        keeper_return(first == 0 ? at.first : at.second);
        keeper_return(first == 0 ? at.second : at.first);
        check_whole(&at);
        close_shop(&at);
    }
}

/* Nobody else wrote a line: the order is deleted again with its lines. */
TEST(returned_families, an_order_that_was_deleted_with_all_its_lines_stays_deleted) {
    shop at;
    open_shop(&at);
    delete_order(&at);
    put_back(&at);
    keeper_return(at.second);
    keeper_return(at.first);
    keeper_sync(at.second);
    CHECK_UINT(stage_counts(&at.here).conflicts, 0);
    CHECK_UINT(phone_count(&at.second->phone, SATCHEL_ENTITY_ORDER), 0);
    CHECK_UINT(phone_count(&at.second->phone, SATCHEL_ENTITY_ORDER_LINE), 0);
    close_shop(&at);
}
