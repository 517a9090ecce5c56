/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who speaks: codes, signatures, request numbers, tokens, retries and copies.
 */
#include "support/server_service/stage.h"

#include "base/text.h"
#include "wire/body.h"
#include "wire/enroll.h"

#include <string.h>

static void set_up(stage *here, phone *mine, satchel_id *customer) {
    stage_open(here, NULL, 2);
    satchel_id user = stage_user(here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    *customer = stage_customer(here, "Anna's Shop", &user, NULL);
    phone_enrol(mine, here, &user);
    phone_sync(mine);
}

static void tear_down(stage *here, phone *mine) {
    phone_close(mine);
    stage_close(here);
}

TEST(identity, a_reply_that_was_lost_is_given_again_and_the_effect_is_there_once) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&mine, &unit, SATCHEL_ENTITY_CUSTOMER, &customer);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_CUSTOMER_LOYALTY_POINTS, 7));
    phone_commit(&mine, &unit);
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    phone_sync(&mine);
    satchel_record row = stage_read(&here, SATCHEL_ENTITY_CUSTOMER, &customer, NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0), 7);
    CHECK_INT(phone_last(&mine).code, SATCHEL_RESULT_APPLIED);
    CHECK_UINT(stage_counts(&here).stored_answers, 2);
    CHECK_UINT(stage_counts(&here).units_applied, 1);
    tear_down(&here, &mine);
}

TEST(identity, new_units_ride_with_a_retry) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    CHECK_STATUS(phone_exchange(&mine, PHONE_LOSE_REPLY), SATCHEL_NETWORK_ERROR);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_INDUSTRY, "Food");
    phone_sync(&mine);
    CHECK_TEXT(phone_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY), "Ningbo");
    CHECK_TEXT(phone_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_INDUSTRY), "Food");
    CHECK_UINT(stage_counts(&here).units_applied, 2);
    tear_down(&here, &mine);
}

TEST(identity, a_request_number_that_was_used_is_turned_away) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&mine);
    uint64_t used = mine.request_number--;
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_REPLAYED);
    CHECK_UINT(mine.highest_number, used);
    tear_down(&here, &mine);
}

TEST(identity, a_copy_of_a_phone_is_told_what_the_server_knows_and_loses_nothing) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    phone copy = mine;
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&mine);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Wenzhou");
    phone_sync(&mine);
    uint64_t n = stage_counts(&here).n;
    memcpy(mine.token_current, copy.token_current, sizeof mine.token_current);
    memset(mine.token_next, 7, sizeof mine.token_next);
    mine.token_drawn = true;
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Shaoxing");
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_FORKED);
    CHECK_UINT(stage_counts(&here).n, n);
    CHECK_UINT(mine.outbox_count, 1);
    tear_down(&here, &mine);
}

TEST(identity, other_bytes_under_a_known_sequence_are_a_fork) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    phone_sync(&mine);
    mine.next_sequence--;
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Wenzhou");
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_FORKED);
    tear_down(&here, &mine);
}

TEST(identity, a_gap_in_the_sequence_breaks_the_protocol_and_nothing_is_applied) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    mine.next_sequence++;
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_PROTOCOL_ERROR);
    CHECK_UINT(stage_counts(&here).units_applied, 0);
    tear_down(&here, &mine);
}

TEST(identity, a_revoked_device_gets_nothing) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    stage_begin(&here);
    REQUIRE_OK(satchel_device_revoke(here.service, here.db, &here.system, &mine.device, NULL));
    stage_commit(&here);
    phone_edit_text(&mine, SATCHEL_ENTITY_CUSTOMER, &customer, SATCHEL_CUSTOMER_CITY, "Ningbo");
    CHECK_STATUS(phone_exchange(&mine, PHONE_GOOD_LUCK), SATCHEL_REVOKED);
    CHECK_UINT(stage_counts(&here).devices_revoked, 1);
    CHECK_UINT(stage_counts(&here).units_applied, 0);
    tear_down(&here, &mine);
}

/* --- requests that no phone of ours sent --- */

static uint32_t send_raw(stage *here, const satchel_signed_headers *headers, satchel_bytes body) {
    satchel_server_exchange *exchange = NULL;
    satchel_buffer reply = {0};
    uint32_t http = 0;
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(
        satchel_server_exchange_read(&exchange, here->service, here->db, "POST", "/v1/sync", headers, body, NULL));
    CHECK(!satchel_server_exchange_needs_apply(exchange));
    REQUIRE_OK(satchel_server_exchange_answer(exchange, here->db, &reply, &http, NULL));
    satchel_db_rollback(here->db);
    satchel_server_exchange_close(exchange);
    satchel_buffer_deinit(&reply);
    return http;
}

TEST(identity, what_is_not_signed_by_a_known_key_is_unauthenticated) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    satchel_signed_headers headers;
    satchel_bytes body = satchel_bytes_of("\1\0x", 3);
    memset(&headers, 0, sizeof headers);
    CHECK_UINT(send_raw(&here, &headers, body), 401);
    satchel_id stranger = {{9}};
    REQUIRE_OK(satchel_request_sign("POST", "/v1/sync", body, &stranger, 9, mine.secret_key, &headers));
    CHECK_UINT(send_raw(&here, &headers, body), 401);
    uint8_t other_key[64];
    uint8_t seed[32] = {1};
    uint8_t public_key[32];
    satchel_sign_keys(seed, public_key, other_key);
    REQUIRE_OK(satchel_request_sign("POST", "/v1/sync", body, &mine.device, 9, other_key, &headers));
    CHECK_UINT(send_raw(&here, &headers, body), 401);
    REQUIRE_OK(satchel_request_sign("POST", "/v1/sync", body, &mine.device, 9, mine.secret_key, &headers));
    CHECK_UINT(send_raw(&here, &headers, satchel_bytes_of("\1\0y", 3)), 401);
    CHECK_UINT(send_raw(&here, &headers, body), 200);
    tear_down(&here, &mine);
}

TEST(identity, signed_rubbish_is_answered_and_changes_nothing) {
    stage here;
    phone mine;
    satchel_id customer;
    set_up(&here, &mine, &customer);
    test_random random = test_random_of(11);
    uint64_t n = stage_counts(&here).n;
    for (uint64_t i = 0; i < 500; i++) {
        uint8_t bytes[64];
        satchel_signed_headers headers;
        size_t count = (size_t)test_random_below(&random, sizeof bytes);
        test_random_bytes(&random, bytes, sizeof bytes);
        bytes[0] = 1;
        bytes[1] = (uint8_t)(i & 1);
        satchel_bytes body = satchel_bytes_of(bytes, count);
        REQUIRE_OK(satchel_request_sign("POST", "/v1/sync", body, &mine.device, 1000 + i, mine.secret_key, &headers));
        CHECK_UINT(send_raw(&here, &headers, body), 200);
    }
    CHECK_UINT(stage_counts(&here).n, n);
    tear_down(&here, &mine);
}

/* --- enrolment --- */

typedef struct redeemer {
    stage *here;
    satchel_issued_code code;
    satchel_enroll_request request;
    satchel_enroll_answer answer;
    uint32_t http;
    bool proven; /* the server showed that it knows the code */
} redeemer;

static void prepare(redeemer *work, stage *here, const satchel_id *user, uint8_t mark) {
    memset(work, 0, sizeof *work);
    work->here = here;
    stage_begin(here);
    REQUIRE_OK(satchel_code_issue(here->service, here->db, &here->system, user, &work->code, NULL));
    stage_commit(here);
    work->request = (satchel_enroll_request){.device_name = satchel_text_of("phone"),
                                             .platform = satchel_text_of("test"),
                                             .protocol = SATCHEL_PROTOCOL_VERSION,
                                             .schema = 1};
    memset(work->request.device_key, mark, sizeof work->request.device_key);
    memset(work->request.incarnation.bytes, mark, SATCHEL_ID_BYTES);
    satchel_code_key(work->code.code, work->request.code_key);
}

static satchel_status redeem(redeemer *work) {
    satchel_buffer payload = {0};
    satchel_buffer body = {0};
    satchel_buffer reply = {0};
    satchel_enroll_request_mac(work->code.code, work->code.server_key, &work->request, work->request.mac);
    REQUIRE_OK(satchel_enroll_request_write(&work->request, &payload));
    REQUIRE_OK(satchel_body_pack(satchel_buffer_view(&payload), &body));
    stage_begin(work->here);
    REQUIRE_OK(satchel_service_enroll(work->here->service, work->here->db, satchel_buffer_view(&body), &reply,
                                      &work->http, NULL));
    stage_commit(work->here);
    satchel_buffer_clear(&payload);
    REQUIRE_OK(satchel_body_unpack(satchel_buffer_view(&reply), &payload, NULL));
    REQUIRE_OK(satchel_enroll_answer_read(satchel_buffer_view(&payload), &work->answer, NULL));
    uint8_t mac[SATCHEL_MAC_BYTES];
    satchel_enroll_answer_mac(work->code.code, &work->request, &work->answer, mac);
    work->proven = memcmp(mac, work->answer.mac, sizeof mac) == 0;
    satchel_buffer_deinit(&payload);
    satchel_buffer_deinit(&body);
    satchel_buffer_deinit(&reply);
    return work->answer.status;
}

TEST(enrolment, redeeming_twice_with_one_key_gives_one_device) {
    stage here;
    redeemer work;
    stage_open(&here, NULL, 3);
    satchel_id user = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    prepare(&work, &here, &user, 1);
    CHECK_STATUS(redeem(&work), SATCHEL_OK);
    satchel_id device = work.answer.device;
    CHECK_STATUS(redeem(&work), SATCHEL_OK);
    CHECK_ID(&work.answer.device, &device);
    CHECK_ID(&work.answer.user, &user);
    CHECK_UINT(stage_counts(&here).devices, 1);
    CHECK(work.proven);
    stage_close(&here);
}

TEST(enrolment, a_code_serves_one_key_and_fifteen_minutes) {
    stage here;
    redeemer work;
    stage_open(&here, NULL, 3);
    satchel_id user = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    prepare(&work, &here, &user, 1);
    CHECK_STATUS(redeem(&work), SATCHEL_OK);
    memset(work.request.device_key, 2, sizeof work.request.device_key);
    CHECK_STATUS(redeem(&work), SATCHEL_CODE_EXPIRED);
    prepare(&work, &here, &user, 3);
    stage_pass(&here, SATCHEL_CODE_LIFE_MS - 1);
    CHECK_STATUS(redeem(&work), SATCHEL_OK);
    prepare(&work, &here, &user, 4);
    stage_pass(&here, SATCHEL_CODE_LIFE_MS);
    CHECK_STATUS(redeem(&work), SATCHEL_CODE_EXPIRED);
    stage_close(&here);
}

TEST(enrolment, who_does_not_know_the_code_is_turned_away) {
    stage here;
    redeemer work;
    stage_open(&here, NULL, 3);
    satchel_id user = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    prepare(&work, &here, &user, 1);
    work.code.code[0] ^= 1;
    CHECK_STATUS(redeem(&work), SATCHEL_UNAUTHENTICATED);
    work.request.code_key[0] ^= 1;
    CHECK_STATUS(redeem(&work), SATCHEL_CODE_EXPIRED);
    work.request.protocol++;
    CHECK_STATUS(redeem(&work), SATCHEL_UPGRADE_REQUIRED);
    CHECK_UINT(stage_counts(&here).devices, 0);
    stage_close(&here);
}

TEST(enrolment, a_key_that_is_a_device_already_does_not_become_another) {
    stage here;
    redeemer work;
    stage_open(&here, NULL, 3);
    satchel_id user = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    prepare(&work, &here, &user, 1);
    CHECK_STATUS(redeem(&work), SATCHEL_OK);
    prepare(&work, &here, &user, 1);
    CHECK_STATUS(redeem(&work), SATCHEL_FORKED);
    stage_close(&here);
}
