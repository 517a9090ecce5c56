/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands through the façade: what a phone gives, what it shows while it waits, and what it tells when it was refused.
 */
#include "unit/device/fixture.h"

#include <satchel/command.h>

#include <string.h>

static satchel_id add_row(phone *p, uint32_t entity, uint8_t number, uint32_t field, int64_t value) {
    satchel_id id = {{number}};
    satchel_record *record = fake_server_add(&p->server, entity, &id);
    REQUIRE_OK(satchel_record_set_int(record, field, value));
    return id;
}

/* The newest command. */
static satchel_command_info newest(phone *p, uint32_t count) {
    satchel_commands *commands = NULL;
    satchel_command_info info;
    memset(&info, 0, sizeof info);
    REQUIRE_OK(satchel_commands_list(&commands, p->device, 100, &p->error));
    REQUIRE_UINT(satchel_commands_count(commands), count);
    CHECK_STATUS(satchel_commands_at(commands, count, &info), SATCHEL_OUT_OF_RANGE);
    REQUIRE_OK(satchel_commands_at(commands, 0, &info));
    info.rule = satchel_text_of("");
    info.request = (satchel_bytes){NULL, 0};
    satchel_commands_close(commands);
    return info;
}

TEST(command, each_about_a_customer_is_one_unit_that_waits_and_is_sent) {
    phone p;
    satchel_receipt receipt;
    satchel_id other = {{77}};
    phone_ready(&p, 90);
    REQUIRE_OK(satchel_customer_claim(p.device, &fake_customer, &receipt, &p.error));
    CHECK_UINT(receipt.count, 1);
    CHECK_INT(newest(&p, 1).kind, SATCHEL_COMMAND_CLAIM);
    CHECK_INT(newest(&p, 1).state, SATCHEL_COMMAND_WAITING);
    REQUIRE_OK(satchel_customer_release(p.device, &fake_customer, NULL, &p.error));
    REQUIRE_OK(satchel_customer_transfer(p.device, &fake_customer, &other, NULL, &p.error));
    REQUIRE_OK(satchel_customer_merge(p.device, &fake_customer, &other, NULL, &p.error));
    REQUIRE_OK(satchel_customer_unmerge(p.device, &fake_customer, NULL, &p.error));
    CHECK_INT(newest(&p, 5).kind, SATCHEL_COMMAND_UNMERGE);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 5);
    CHECK_INT(newest(&p, 5).state, SATCHEL_COMMAND_ACCEPTED);
    phone_deinit(&p);
}

TEST(command, what_makes_no_sense_is_refused_at_once) {
    phone p;
    satchel_id none = {{0}};
    satchel_id unknown = {{99}};
    const satchel_bytes nothing = {NULL, 0};
    phone_ready(&p, 91);
    CHECK_STATUS(satchel_customer_transfer(p.device, &fake_customer, &none, NULL, NULL), SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_customer_merge(p.device, &fake_customer, &fake_customer, NULL, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_customer_claim(p.device, &unknown, NULL, NULL), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_approval_decide(p.device, &unknown, 4, satchel_text_of(""), NULL, NULL), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_order_request(p.device, &unknown, NULL, NULL), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_plan_change(p.device, SATCHEL_ENTITY_TASK, &unknown, nothing, NULL, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_conflict_resolve(p.device, &unknown, SATCHEL_RESOLVE_EDIT, nothing, NULL, NULL),
                 SATCHEL_INVALID_ARGUMENT);
    CHECK_STATUS(satchel_conflict_resolve(p.device, &unknown, SATCHEL_RESOLVE_KEEP, nothing, NULL, NULL),
                 SATCHEL_NOT_FOUND);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    phone_deinit(&p);
}

TEST(command, a_refused_one_is_told_with_a_sentence_and_dismissed) {
    phone p;
    satchel_receipt receipt;
    phone_ready(&p, 92);
    REQUIRE_OK(satchel_customer_claim(p.device, &fake_customer, &receipt, &p.error));
    p.server.refuse_ops = true;
    REQUIRE_OK(phone_sync(&p));
    satchel_command_info info = newest(&p, 1);
    CHECK_INT(info.state, SATCHEL_COMMAND_REFUSED);
    CHECK_STATUS(info.status, SATCHEL_FORBIDDEN);
    CHECK(strcmp(satchel_status_text(info.status, "zh"), satchel_status_text(info.status, "en")) != 0);
    REQUIRE_OK(satchel_reason_dismiss(p.device, info.unit, &p.error));
    satchel_commands *commands = NULL;
    REQUIRE_OK(satchel_commands_list(&commands, p.device, 100, &p.error));
    CHECK_UINT(satchel_commands_count(commands), 0);
    satchel_commands_close(commands);
    phone_deinit(&p);
}

TEST(command, an_order_is_asked_for_with_what_the_user_saw) {
    phone p;
    satchel_id order = {{0}};
    phone_ready(&p, 93);
    REQUIRE_OK(satchel_order_new(p.device, &fake_customer, NULL, satchel_text_of("CNY"), satchel_text_of(""), &order,
                                 &p.error));
    REQUIRE_OK(satchel_order_add(p.device, &order, &fake_product, 2000, 100, 0, NULL, &p.error));
    REQUIRE_OK(satchel_order_request(p.device, &order, NULL, &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS), SATCHEL_ORDER_STATUS_DRAFT);
    CHECK_INT(newest(&p, 1).kind, SATCHEL_COMMAND_SUBMIT_ORDER);
    REQUIRE_OK(satchel_order_submit(p.device, &order, &p.error));
    CHECK_STATUS(satchel_order_request(p.device, &order, NULL, NULL), SATCHEL_LATE_FOR_PARENT);
    phone_deinit(&p);
}

TEST(command, approvals_and_plans_are_commanded_too) {
    phone p;
    satchel_record_builder *builder = NULL;
    satchel_fields *fields = NULL;
    satchel_bytes record;
    phone_ready(&p, 94);
    satchel_id approval = add_row(&p, SATCHEL_ENTITY_APPROVAL, 50, SATCHEL_APPROVAL_STEP, 1);
    satchel_id plan = add_row(&p, SATCHEL_ENTITY_VISIT_PLAN, 51, SATCHEL_VISIT_PLAN_EVERY_DAYS, 7);
    REQUIRE_OK(phone_sync(&p));
    REQUIRE_OK(satchel_approval_decide(p.device, &approval, SATCHEL_APPROVAL_DECISION_APPROVED, satchel_text_of("yes"),
                                       NULL, &p.error));
    REQUIRE_OK(satchel_fields_open(&fields, p.device, &p.error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_VISIT_PLAN));
    REQUIRE_OK(satchel_record_builder_int(builder, SATCHEL_VISIT_PLAN_EVERY_DAYS, 14));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_plan_change(p.device, SATCHEL_ENTITY_VISIT_PLAN, &plan, record, NULL, &p.error));
    CHECK_INT(newest(&p, 2).kind, SATCHEL_COMMAND_CHANGE_PLAN);
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_VISIT_PLAN, &plan, SATCHEL_VISIT_PLAN_EVERY_DAYS), 7);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    phone_deinit(&p);
}

/* A conflict about the short name of the stock's customer: "Theirs" stands, "Mine" lost. */
static satchel_id add_conflict(phone *p) {
    satchel_id id = {{60}};
    const uint8_t values[] = {0x0a, 8, 0x1a, 6, 'T', 'h', 'e', 'i', 'r', 's', 0x12, 6, 0x1a, 4, 'M', 'i', 'n', 'e'};
    satchel_record *record = fake_server_add(&p->server, SATCHEL_ENTITY_CONFLICT, &id);
    satchel_value blob = satchel_value_bytes(satchel_bytes_of(values, sizeof values));
    REQUIRE_OK(satchel_record_set_int(record, SATCHEL_CONFLICT_SUBJECT_ENTITY, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_set_id(record, SATCHEL_CONFLICT_SUBJECT_ROW, &fake_customer));
    REQUIRE_OK(satchel_record_set_int(record, SATCHEL_CONFLICT_SUBJECT_FIELD, SATCHEL_CUSTOMER_SHORT_NAME));
    REQUIRE_OK(satchel_record_set_int(record, SATCHEL_CONFLICT_STATUS, SATCHEL_CONFLICT_STATUS_OPEN));
    REQUIRE_OK(satchel_record_set(record, SATCHEL_CONFLICT_VALUES_OPEN, &blob));
    REQUIRE_OK(phone_sync(p));
    return id;
}

TEST(command, a_conflict_is_restored_by_an_edit_and_its_decision_in_one_unit) {
    phone p;
    char text[32];
    satchel_receipt receipt;
    const satchel_bytes nothing = {NULL, 0};
    phone_ready(&p, 95);
    satchel_id conflict = add_conflict(&p);
    REQUIRE_OK(satchel_conflict_resolve(p.device, &conflict, SATCHEL_RESOLVE_RESTORE, nothing, &receipt, &p.error));
    CHECK_UINT(receipt.count, 2);
    REQUIRE(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_SHORT_NAME, text, sizeof text));
    CHECK_TEXT(satchel_text_of(text), "Mine");
    REQUIRE_OK(satchel_conflict_resolve(p.device, &conflict, SATCHEL_RESOLVE_KEEP, nothing, &receipt, &p.error));
    CHECK_UINT(receipt.count, 1);
    const uint8_t other[] = {0x1a, 5, 'O', 't', 'h', 'e', 'r'};
    REQUIRE_OK(satchel_conflict_resolve(p.device, &conflict, SATCHEL_RESOLVE_EDIT,
                                        satchel_bytes_of(other, sizeof other), &receipt, &p.error));
    CHECK_UINT(receipt.count, 2);
    REQUIRE(phone_text(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, SATCHEL_CUSTOMER_SHORT_NAME, text, sizeof text));
    CHECK_TEXT(satchel_text_of(text), "Other");
    phone_deinit(&p);
}
