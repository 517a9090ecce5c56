/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standing orders, retirement, wipe and the audit's witnesses, as the server sees them.
 */
#include "service/command_admin.h"
#include "service/orders.h"
#include "support/server_service/stage.h"

#include "base/text.h"

#include <string.h>

static satchel_id set_up(stage *here, phone *mine) {
    stage_open(here, NULL, 41);
    satchel_id user = stage_user(here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    satchel_id customer = stage_customer(here, "Anna's Shop", &user, NULL);
    phone_enrol(mine, here, &user);
    phone_sync(mine);
    return customer;
}

static void tear_down(stage *here, phone *mine) {
    phone_close(mine);
    stage_close(here);
}

static satchel_company company_of(stage *here) {
    satchel_company company;
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_company_get(here->service, here->db, &company, NULL));
    satchel_db_rollback(here->db);
    return company;
}

static satchel_orders orders_of(stage *here, const phone *mine) {
    satchel_orders orders;
    const satchel_company company = company_of(here);
    const satchel_bytes block = satchel_bytes_of(mine->got_orders, mine->got_orders_bytes);
    REQUIRE_OK(satchel_orders_read(block, company.public_key, &orders, NULL));
    return orders;
}

static void set_policy(stage *here, uint32_t flags, uint32_t lease_days) {
    satchel_company_policy policy;
    stage_begin(here);
    REQUIRE_OK(satchel_store_policy_get(here->db, &policy, NULL));
    policy.flags = flags;
    policy.lease_days = lease_days;
    REQUIRE_OK(satchel_store_policy_set(here->service, here->db, &policy, NULL));
    stage_commit(here);
}

typedef satchel_status (*device_act)(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_id *device, satchel_error *error);

static satchel_status order(stage *here, const phone *mine, device_act act) {
    stage_begin(here);
    satchel_status status = act(here->service, here->db, &here->system, &mine->device, NULL);
    stage_commit(here);
    return status;
}

TEST(server_orders, a_changed_policy_is_sent_until_the_phone_says_that_it_has_it) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    CHECK_UINT(mine.got_orders_bytes, 0);
    set_policy(&here, SATCHEL_POLICY_PIN_REQUIRED, 30);
    phone_sync(&mine);
    satchel_orders orders = orders_of(&here, &mine);
    CHECK(orders.policy == SATCHEL_POLICY_PIN_REQUIRED && orders.lease_days == 30);
    CHECK_ID(&orders.device, &mine.device);
    phone_sync(&mine);
    CHECK_UINT(orders_of(&here, &mine).serial, orders.serial);
    mine.says_serial = orders.serial;
    phone_sync(&mine);
    CHECK_UINT(mine.got_orders_bytes, 0);
    mine.says_serial = 0;
    phone_sync(&mine);
    CHECK_UINT(mine.got_orders_bytes, 0);
    set_policy(&here, 0, 30);
    phone_sync(&mine);
    CHECK(orders_of(&here, &mine).serial > orders.serial);
    tear_down(&here, &mine);
}

TEST(server_orders, phones_are_told_the_rules_of_discounts) {
    static const char *const names[] = {"discount.limit_bp", "approve.discount"};
    stage here;
    phone mine;
    set_up(&here, &mine);
    for (int64_t i = 0; i < 2; i++) {
        stage_begin(&here);
        REQUIRE_OK(satchel_rule_set(here.service, here.db, &here.system, satchel_text_of(names[i]), 2 + i, NULL));
        stage_commit(&here);
    }
    phone_sync(&mine);
    satchel_orders orders = orders_of(&here, &mine);
    CHECK(orders.discount_limit_bp == 2 && orders.discount_steps == 3);
    tear_down(&here, &mine);
}

TEST(server_orders, a_lease_has_a_most) {
    stage here;
    phone mine;
    satchel_company_policy policy = {.lease_days = SATCHEL_LEASE_DAYS_MOST};
    set_up(&here, &mine);
    stage_begin(&here);
    CHECK_OK(satchel_store_policy_set(here.service, here.db, &policy, NULL));
    policy.lease_days++;
    CHECK_STATUS(satchel_store_policy_set(here.service, here.db, &policy, NULL), SATCHEL_OUT_OF_RANGE);
    stage_commit(&here);
    tear_down(&here, &mine);
}

TEST(server_orders, an_empty_exchange_stays_small) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    stage_pass(&here, 60000);
    phone_sync(&mine);
    phone_sync(&mine);
    test_note("up %zu, down %zu", mine.sent_bytes, mine.got_bytes);
    CHECK(mine.got_orders_bytes == 0);
    CHECK(mine.got_bytes - mine.got_checkpoint_bytes <= 64);
    tear_down(&here, &mine);
}

TEST(server_orders, what_a_retiring_phone_sends_is_parked_and_its_receipt_ends_it) {
    stage here;
    phone mine;
    satchel_id customer = set_up(&here, &mine);
    satchel_buffer said = {0};
    CHECK_OK(order(&here, &mine, satchel_device_order_retirement));
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_check_in(&mine, &customer);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK(orders_of(&here, &mine).command == SATCHEL_ORDER_RETIRE);
    CHECK_UINT(stage_counts(&here).units_parked, 2);
    CHECK_INT(phone_last(&mine).status, SATCHEL_RETIRED);
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM \"parked_edit\" WHERE \"customer\" IS NOT NULL"), 2);
    satchel_order_receipt receipt = {.serial = orders_of(&here, &mine).serial, .kind = SATCHEL_RECEIPT_RETIRED};
    REQUIRE_OK(satchel_order_receipt_write(&receipt, &said));
    mine.says_receipt = satchel_buffer_view(&said);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_REVOKED);
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM \"audit_event\" WHERE \"action\" = 'device retired'"), 1);
    satchel_buffer_deinit(&said);
    tear_down(&here, &mine);
}

TEST(server_orders, a_wiped_phone_is_revoked_told_so_and_may_say_its_last_words) {
    stage here;
    phone mine;
    satchel_id customer = set_up(&here, &mine);
    satchel_buffer said = {0};
    CHECK_OK(order(&here, &mine, satchel_device_order_wipe));
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_REVOKED);
    CHECK(orders_of(&here, &mine).command == SATCHEL_ORDER_WIPE);
    CHECK_UINT(stage_counts(&here).units_applied + stage_counts(&here).units_parked, 0);
    satchel_order_receipt receipt = {.serial = orders_of(&here, &mine).serial, .kind = SATCHEL_RECEIPT_WIPED};
    REQUIRE_OK(satchel_order_receipt_write(&receipt, &said));
    mine.says_receipt = satchel_buffer_view(&said);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_REVOKED);
    CHECK_UINT(mine.got_orders_bytes, 0);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_REVOKED);
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM \"audit_event\" WHERE \"action\" = 'device wiped'"), 1);
    CHECK_STATUS(order(&here, &mine, satchel_device_order_retirement), SATCHEL_REVOKED);
    satchel_buffer_deinit(&said);
    tear_down(&here, &mine);
}

TEST(server_orders, a_plainly_revoked_phone_is_told_nothing) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    CHECK_OK(order(&here, &mine, satchel_device_revoke));
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_REVOKED);
    CHECK_UINT(mine.got_orders_bytes, 0);
    CHECK_UINT(mine.got_checkpoint_bytes, 0);
    tear_down(&here, &mine);
}

/* --- the audit's witnesses --- */

static satchel_checkpoint checkpoint_of(stage *here, const phone *mine) {
    satchel_checkpoint checkpoint;
    const satchel_company company = company_of(here);
    const satchel_bytes block = satchel_bytes_of(mine->got_checkpoint, mine->got_checkpoint_bytes);
    REQUIRE_OK(satchel_checkpoint_read(block, company.public_key, &checkpoint, NULL));
    return checkpoint;
}

static void show_it(phone *mine, uint8_t kept[SATCHEL_CHECKPOINT_BLOCK_BYTES]) {
    memcpy(kept, mine->got_checkpoint, mine->got_checkpoint_bytes);
    mine->says_witness = satchel_bytes_of(kept, mine->got_checkpoint_bytes);
}

TEST(server_orders, a_checkpoint_is_handed_out_once_and_the_next_after_an_hour) {
    stage here;
    phone mine;
    uint8_t kept[SATCHEL_CHECKPOINT_BLOCK_BYTES];
    satchel_id customer = set_up(&here, &mine);
    satchel_checkpoint first = checkpoint_of(&here, &mine);
    CHECK(first.position > 0);
    show_it(&mine, kept);
    phone_sync(&mine);
    mine.says_witness = (satchel_bytes){NULL, 0};
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&mine);
    CHECK_UINT(mine.got_checkpoint_bytes, 0);
    stage_pass(&here, 3599999 - here.now_ms % 3600000); /* the last moment of the hour */
    phone_sync(&mine);
    CHECK_UINT(mine.got_checkpoint_bytes, 0);
    stage_pass(&here, 1);
    phone_sync(&mine);
    CHECK(checkpoint_of(&here, &mine).position > first.position);
    CHECK_UINT(mine.got_witnessed_bytes, sizeof first.hash);
    CHECK(memcmp(mine.got_witnessed, first.hash, sizeof first.hash) == 0);
    tear_down(&here, &mine);
}

TEST(server_orders, a_checkpoint_comes_every_hour_though_nothing_was_entered) {
    stage here;
    phone mine;
    uint8_t kept[SATCHEL_CHECKPOINT_BLOCK_BYTES];
    set_up(&here, &mine);
    show_it(&mine, kept);
    phone_sync(&mine);
    mine.says_witness = (satchel_bytes){NULL, 0};
    phone_sync(&mine);
    CHECK_UINT(mine.got_checkpoint_bytes, 0);
    uint64_t entries = stage_counts(&here).audit_entries;
    stage_pass(&here, SATCHEL_CHECKPOINT_STEP_MS);
    phone_sync(&mine);
    CHECK_UINT(stage_counts(&here).audit_entries, entries);
    CHECK_UINT(checkpoint_of(&here, &mine).position, entries);
    tear_down(&here, &mine);
}

static satchel_audit_comparison compare(stage *here) {
    satchel_audit_comparison held;
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_audit_compare(here->db, &held, NULL));
    satchel_db_rollback(here->db);
    return held;
}

static void run_sql(stage *here, const char *sql) {
    stage_begin(here);
    REQUIRE_OK(satchel_db_exec(here->db, sql, NULL));
    stage_commit(here);
}

/* Whoever has the database can cut the chain and whatever the server keeps of it, but not what a phone holds. */
TEST(server_orders, a_cut_chain_is_told_by_the_phone_that_saw_more) {
    stage here;
    phone mine;
    uint8_t kept[SATCHEL_CHECKPOINT_BLOCK_BYTES];
    set_up(&here, &mine);
    uint64_t position = checkpoint_of(&here, &mine).position;
    show_it(&mine, kept);
    CHECK_UINT(compare(&here).contradicted, 0);
    run_sql(&here, "DELETE FROM audit_checkpoint; DELETE FROM \"audit_event\" WHERE \"position\" > 2;"
                   "UPDATE counter SET audit_position = 2, audit_hash = (SELECT \"hash\" FROM \"audit_event\" WHERE"
                   " \"position\" = 2); UPDATE order_book SET checkpoint_position = 0, checkpoint_ms = 0;");
    phone_sync(&mine);
    satchel_audit_comparison held = compare(&here);
    CHECK_UINT(held.contradicted, position);
    CHECK_ID(&held.device, &mine.device);
    CHECK_UINT(stage_counts(&here).audit_alarms, 1);
    CHECK_INT(stage_number(&here, "SELECT count(*) FROM \"audit_event\" WHERE \"action\" = 'audit contradicted'"), 1);
    phone_sync(&mine);
    CHECK_UINT(stage_counts(&here).audit_alarms, 1);
    tear_down(&here, &mine);
}

TEST(server_orders, a_witness_that_the_company_did_not_sign_proves_nothing) {
    stage here;
    phone mine;
    uint8_t kept[SATCHEL_CHECKPOINT_BLOCK_BYTES];
    set_up(&here, &mine);
    show_it(&mine, kept);
    kept[70] = (uint8_t)(kept[70] ^ 1);
    phone_sync(&mine);
    CHECK_UINT(stage_counts(&here).audit_alarms, 0);
    CHECK_UINT(compare(&here).witnesses, 0);
    tear_down(&here, &mine);
}

/* --- why --- */

typedef struct fates {
    uint32_t count[SATCHEL_FATE_UNMADE + 1];
    satchel_row_fate last[SATCHEL_FATE_UNMADE + 1];
} fates;

static satchel_status count_fate(void *context, const satchel_row_fate *fate) {
    fates *seen = context;
    seen->count[fate->kind]++;
    seen->last[fate->kind] = *fate;
    CHECK(satchel_fate_text(fate->kind, "zh")[0] != satchel_fate_text(fate->kind, "en")[0]);
    return SATCHEL_OK;
}

static fates why(stage *here, uint32_t entity, const satchel_id *row, const satchel_id *device) {
    fates seen;
    memset(&seen, 0, sizeof seen);
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_row_why(here->service, here->db, &here->system, entity, row, device, count_fate, &seen, NULL));
    satchel_db_rollback(here->db);
    return seen;
}

TEST(server_orders, why_tells_reach_and_what_is_parked_with_whom) {
    stage here;
    phone mine;
    satchel_id customer = set_up(&here, &mine);
    satchel_id boss = stage_user(&here, "zhao", SATCHEL_ROLE_MANAGER, NULL, NULL);
    satchel_id heir = stage_user(&here, "sun", SATCHEL_ROLE_REP, &boss, NULL);
    CHECK_UINT(why(&here, SATCHEL_ENTITY_CUSTOMER, &customer, &mine.device).count[SATCHEL_FATE_IN_REACH], 1);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    stage_reassign(&here, &customer, &heir);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    fates seen = why(&here, SATCHEL_ENTITY_CUSTOMER, &customer, &mine.device);
    CHECK(seen.count[SATCHEL_FATE_THERE] == 1 && seen.count[SATCHEL_FATE_OUT_OF_REACH] == 1);
    CHECK_INT(seen.last[SATCHEL_FATE_OUT_OF_REACH].status, SATCHEL_OUT_OF_SCOPE);
    CHECK_UINT(seen.count[SATCHEL_FATE_PARKED], 1);
    CHECK(seen.last[SATCHEL_FATE_PARKED].open && seen.last[SATCHEL_FATE_PARKED].status == SATCHEL_MOVED_AWAY);
    CHECK_ID(&seen.last[SATCHEL_FATE_PARKED].keeper, &boss);
    CHECK_ID(&seen.last[SATCHEL_FATE_PARKED].device, &mine.device);
    tear_down(&here, &mine);
}

TEST(server_orders, why_tells_a_refusal_with_its_rule_and_who_waits_for_it) {
    stage here;
    phone mine;
    set_up(&here, &mine);
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&mine, &unit, SATCHEL_ENTITY_PRODUCT, &id);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    phone_commit(&mine, &unit);
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_OK);
    fates seen = why(&here, SATCHEL_ENTITY_PRODUCT, &id, &mine.device);
    CHECK(seen.count[SATCHEL_FATE_ABSENT] == 1 && seen.count[SATCHEL_FATE_REFUSED] == 1);
    CHECK(seen.count[SATCHEL_FATE_UNMADE] == 1 && seen.last[SATCHEL_FATE_UNMADE].sequence == 1);
    CHECK(seen.last[SATCHEL_FATE_REFUSED].status != SATCHEL_OK);
    tear_down(&here, &mine);
}
