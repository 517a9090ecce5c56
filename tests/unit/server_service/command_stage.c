/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of commands share.
 */
#include "command_stage.h"

#include <string.h>

void command_day_open(command_day *day) {
    memset(day, 0, sizeof *day);
    stage *here = &day->here;
    stage_open(here, NULL, 11);
    day->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    day->li = stage_user(here, "li", SATCHEL_ROLE_REP, &day->boss, NULL);
    day->wang = stage_user(here, "wang", SATCHEL_ROLE_REP, &day->boss, NULL);
    day->customer = stage_customer(here, "Anna's Shop", &day->li, NULL);
    phone_enrol(&day->lis, here, &day->li);
    phone_enrol(&day->wangs, here, &day->wang);
    phone_sync(&day->lis);
    phone_sync(&day->wangs);
}

void command_day_close(command_day *day) {
    phone_close(&day->lis);
    phone_close(&day->wangs);
    stage_close(&day->here);
}

void give(phone *mine, satchel_command_kind kind, uint32_t entity, const satchel_id *row, const satchel_record *set) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(mine, &unit, entity, row);
    op->kind = SATCHEL_OP_COMMAND;
    op->command = kind;
    if (set != NULL) {
        REQUIRE_OK(satchel_record_copy(set, &op->set));
    }
    phone_commit(mine, &unit);
}

void give_customer(phone *mine, satchel_command_kind kind, const satchel_id *customer) {
    give(mine, kind, SATCHEL_ENTITY_CUSTOMER, customer, NULL);
}

void give_id(phone *mine, satchel_command_kind kind, uint32_t entity, const satchel_id *row, uint32_t field,
             const satchel_id *id) {
    satchel_record set = stage_record(mine->here);
    REQUIRE_OK(satchel_record_set_id(&set, field, id));
    give(mine, kind, entity, row, &set);
}

satchel_status desk_give(stage *here, const satchel_actor *actor, satchel_command_kind kind, uint32_t entity,
                         const satchel_id *row, const satchel_record *set, satchel_command_outcome *out) {
    satchel_command_outcome own;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    satchel_status status = satchel_command_give(here->service, here->db, actor, kind, entity, row, set, 0,
                                                 out != NULL ? out : &own, &error);
    stage_commit(here);
    return status;
}

void set_rule(stage *here, const char *name, int64_t value) {
    stage_begin(here);
    REQUIRE_OK(satchel_rule_set(here->service, here->db, &here->system, satchel_text_of(name), value, NULL));
    stage_commit(here);
}

satchel_id pool_customer(command_day *day, const char *name) {
    stage *here = &day->here;
    satchel_id id = stage_customer(here, name, NULL, NULL);
    REQUIRE_OK(desk_give(here, &here->system, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER, &id, NULL, NULL));
    return id;
}

satchel_id owner_of(stage *here, const satchel_id *customer) {
    satchel_record row = stage_read(here, SATCHEL_ENTITY_CUSTOMER, customer, NULL);
    return satchel_record_id(&row, SATCHEL_CUSTOMER_OWNER);
}

bool is_owner(stage *here, const satchel_id *customer, const satchel_id *user) {
    satchel_id owner = owner_of(here, customer);
    return satchel_id_equal(&owner, user);
}

int64_t number_of(stage *here, uint32_t entity, const satchel_id *row, uint32_t field) {
    satchel_record record = stage_read(here, entity, row, NULL);
    return satchel_record_int(&record, field, -1);
}

/* The approval that waits, none if there is none. */
satchel_id approval_waiting(stage *here) {
    satchel_id ids[8];
    satchel_id found = {{0}};
    uint32_t count = stage_list(here, SATCHEL_ENTITY_APPROVAL, ids, 8);
    for (uint32_t i = 0; i < count; i++) {
        satchel_record row = stage_read(here, SATCHEL_ENTITY_APPROVAL, &ids[i], NULL);
        found = satchel_record_get(&row, SATCHEL_APPROVAL_DECISION) == NULL ? ids[i] : found;
    }
    return found;
}

satchel_status approval_decide(stage *here, const satchel_id *user, const satchel_id *approval, int64_t decision) {
    satchel_actor actor = satchel_actor_user(user);
    satchel_record set = stage_record(here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_APPROVAL_DECISION, decision));
    return desk_give(here, &actor, SATCHEL_COMMAND_DECIDE, SATCHEL_ENTITY_APPROVAL, approval, &set, NULL);
}

satchel_id order_of_li(command_day *day, int64_t discount_bp) {
    phone_unit unit = {.count = 0};
    satchel_id order;
    satchel_id line;
    satchel_record product = stage_record(&day->here);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("T1")));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    satchel_id tea = stage_create(&day->here, SATCHEL_ENTITY_PRODUCT, &product).id;
    satchel_op *op = phone_create(&day->lis, &unit, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, &day->customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
    op = phone_create(&day->lis, &unit, SATCHEL_ENTITY_ORDER_LINE, &line);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, &order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, &tea));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 2000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_DISCOUNT_BP, discount_bp));
    phone_commit(&day->lis, &unit);
    phone_sync(&day->lis);
    return order;
}
