/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment against the scripted server.
 */
#include "unit/device/fixture.h"

#include "device/device.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Opens an enrolment with the server's link at `host`. */
static satchel_status open_at(phone *p, const char *host, satchel_enrolment **out) {
    satchel_buffer link = {0};
    fake_server_link(&p->server, host, &link);
    satchel_status status = satchel_enrolment_open(out, p->device, satchel_text_from(satchel_buffer_view(&link)),
                                                   satchel_text_of("phone"), satchel_text_of("test"), &p->error);
    satchel_buffer_deinit(&link);
    return status;
}

/* One request and its answer. */
static satchel_status redeem(phone *p, satchel_enrolment *enrolment) {
    satchel_http_request request;
    satchel_buffer body = {0};
    REQUIRE_OK(satchel_enrolment_request(enrolment, &request, &p->error));
    uint32_t http_status = fake_server_answer(&p->server, &request, &body);
    satchel_status status = satchel_enrolment_feed(enrolment, http_status, satchel_buffer_view(&body), &p->error);
    satchel_buffer_deinit(&body);
    return status;
}

TEST(enrolment, gives_the_device_an_identity_that_lasts) {
    phone p;
    phone_init(&p, 20);
    phone_create(&p);
    phone_enroll(&p);
    phone_close(&p);
    phone_open(&p);
    satchel_device_info info = phone_info(&p);
    CHECK(info.enrolled);
    CHECK_ID(&info.device, &p.server.device);
    CHECK_ID(&info.user, &p.server.user);
    CHECK_TEXT(info.login, "lin");
    CHECK_TEXT(info.company, "Huaning Trading");
    CHECK_TEXT(info.server, "http://localhost:8080");
    CHECK(!info.first_sync_done);
    phone_deinit(&p);
}

TEST(enrolment, repeated_after_a_kill_sends_the_same_request) {
    phone p;
    satchel_enrolment *enrolment;
    satchel_http_request request;
    satchel_buffer first = {0};
    phone_init(&p, 21);
    phone_create(&p);
    REQUIRE_OK(open_at(&p, "https://sales.example.com", &enrolment));
    REQUIRE_OK(satchel_enrolment_request(enrolment, &request, &p.error));
    CHECK_TEXT(request.url, "https://sales.example.com/v1/enroll");
    CHECK_TEXT(request.method, "POST");
    REQUIRE_OK(satchel_buffer_append(&first, request.body));
    satchel_enrolment_close(enrolment);
    phone_close(&p);
    phone_open(&p);
    REQUIRE_OK(open_at(&p, "https://sales.example.com", &enrolment));
    REQUIRE_OK(satchel_enrolment_request(enrolment, &request, &p.error));
    CHECK_BYTES(request.body, satchel_buffer_view(&first));
    CHECK_OK(redeem(&p, enrolment));
    satchel_enrolment_close(enrolment);
    satchel_buffer_deinit(&first);
    phone_deinit(&p);
}

TEST(enrolment, another_code_draws_another_key) {
    phone p;
    satchel_enrolment *enrolment;
    uint8_t first_key[SATCHEL_PUBLIC_KEY_BYTES];
    phone_init(&p, 22);
    phone_create(&p);
    p.server.refuse = SATCHEL_CODE_EXPIRED;
    REQUIRE_OK(open_at(&p, "http://localhost", &enrolment));
    CHECK_STATUS(redeem(&p, enrolment), SATCHEL_CODE_EXPIRED);
    satchel_enrolment_close(enrolment);
    memcpy(first_key, p.server.device_key, sizeof first_key);
    p.server.refuse = SATCHEL_OK;
    memset(p.server.code, 0x11, sizeof p.server.code);
    REQUIRE_OK(open_at(&p, "http://localhost", &enrolment));
    CHECK_OK(redeem(&p, enrolment));
    satchel_enrolment_close(enrolment);
    CHECK(memcmp(first_key, p.server.device_key, sizeof first_key) != 0);
    phone_deinit(&p);
}

TEST(enrolment, believes_only_the_server_of_the_link) {
    phone p;
    satchel_enrolment *enrolment;
    phone_init(&p, 23);
    phone_create(&p);
    REQUIRE_OK(open_at(&p, "http://localhost", &enrolment));
    p.server.spoil_mac = true;
    CHECK_STATUS(redeem(&p, enrolment), SATCHEL_UNAUTHENTICATED);
    CHECK(!phone_info(&p).enrolled);
    p.server.spoil_mac = false;
    CHECK_OK(redeem(&p, enrolment));
    CHECK_STATUS(redeem(&p, enrolment), SATCHEL_ALREADY_EXISTS);
    satchel_enrolment_close(enrolment);
    CHECK_STATUS(open_at(&p, "http://localhost", &enrolment), SATCHEL_ALREADY_EXISTS);
    phone_deinit(&p);
}

TEST(enrolment, an_answer_of_someone_else_is_told_by_its_http_status) {
    static const struct {
        uint32_t http_status;
        satchel_status status;
    } cases[] = {{200, SATCHEL_PROTOCOL_ERROR}, {403, SATCHEL_CODE_EXPIRED},     {404, SATCHEL_CODE_EXPIRED},
                 {410, SATCHEL_CODE_EXPIRED},   {426, SATCHEL_UPGRADE_REQUIRED}, {429, SATCHEL_BUSY},
                 {500, SATCHEL_SERVER_ERROR},   {502, SATCHEL_SERVER_ERROR},     {503, SATCHEL_BUSY}};
    phone p;
    satchel_enrolment *enrolment;
    phone_init(&p, 24);
    phone_create(&p);
    REQUIRE_OK(open_at(&p, "http://localhost", &enrolment));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        p.server.http_status = cases[i].http_status;
        test_note("HTTP %u", cases[i].http_status);
        CHECK_STATUS(redeem(&p, enrolment), cases[i].status);
    }
    satchel_enrolment_close(enrolment);
    phone_deinit(&p);
}

TEST(enrolment, takes_https_or_localhost_and_nothing_behind_the_host) {
    static const struct {
        const char *host;
        satchel_status status;
    } cases[] = {
        {"https://a.example", SATCHEL_OK},
        {"https://a.example/", SATCHEL_OK},
        {"https://10.0.0.7:8443", SATCHEL_OK},
        {"https://[2001:db8::1]:443", SATCHEL_OK},
        {"http://localhost:1", SATCHEL_OK},
        {"http://127.0.0.1:65535", SATCHEL_OK},
        {"http://[::1]:80", SATCHEL_OK},
        {"http://a.example", SATCHEL_INVALID_ARGUMENT},
        {"http://localhost.example", SATCHEL_INVALID_ARGUMENT},
        {"http://127.0.0.1.example:80", SATCHEL_INVALID_ARGUMENT},
        {"https://user@a.example", SATCHEL_MALFORMED},
        {"https://a.example/path", SATCHEL_MALFORMED},
        {"https://a.example?x", SATCHEL_MALFORMED},
        {"https://a.example:", SATCHEL_MALFORMED},
        {"https://a.example:123456", SATCHEL_MALFORMED},
        {"https://", SATCHEL_MALFORMED},
        {"ftp://a.example", SATCHEL_MALFORMED},
        {"http://localhost\r\nX: y", SATCHEL_MALFORMED},
    };
    phone p;
    phone_init(&p, 25);
    phone_create(&p);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_enrolment *enrolment;
        test_note("%s", cases[i].host);
        CHECK_STATUS(open_at(&p, cases[i].host, &enrolment), cases[i].status);
        satchel_enrolment_close(enrolment);
    }
    phone_deinit(&p);
}

TEST(enrolment, refuses_what_is_no_link) {
    static const char *const links[] = {"", "satchel:", "https://a.example", "satchel:enroll?code=1&key=2"};
    phone p;
    phone_init(&p, 26);
    phone_create(&p);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        satchel_enrolment *enrolment;
        test_note("link %zu", i);
        CHECK_STATUS(satchel_enrolment_open(&enrolment, p.device, satchel_text_of(links[i]), satchel_text_of("x"),
                                            satchel_text_of("y"), &p.error),
                     SATCHEL_MALFORMED);
        CHECK(enrolment == NULL);
    }
    phone_deinit(&p);
}

TEST(enrolment, sync_needs_it) {
    phone p;
    satchel_exchange *exchange;
    phone_init(&p, 27);
    phone_create(&p);
    CHECK_STATUS(satchel_exchange_open(&exchange, p.device, 0, &p.error), SATCHEL_UNAUTHENTICATED);
    CHECK(exchange == NULL);
    phone_deinit(&p);
}

TEST(enrolment, what_was_written_before_it_is_sent_after_it) {
    phone p;
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_bytes record;
    satchel_id id = {{0}};
    phone_init(&p, 28);
    phone_create(&p);
    REQUIRE_OK(satchel_fields_open(&fields, p.device, &p.error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_NAME, satchel_text_of("New shop")));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, record, &id, &p.error));
    REQUIRE_OK(satchel_commit(write, NULL, &p.error));
    CHECK_STATUS(satchel_task_add(p.device, satchel_text_of("x"), NULL, NULL, 0, NULL, &p.error),
                 SATCHEL_UNAUTHENTICATED);
    phone_enroll(&p);
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 1);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    phone_deinit(&p);
}

static int refuse_commit(void *context) {
    unsigned *left = context;
    return --*left == 0;
}

/* The process is gone before its n-th commit of the answer: as if it had never been, and another code works. */
TEST(enrolment, a_kill_at_each_commit_leaves_no_half_of_it) {
    unsigned commits = 0;
    for (unsigned stop = 1; commits == 0; stop++) {
        phone p;
        satchel_enrolment *enrolment;
        satchel_sync_state before;
        satchel_sync_state after;
        unsigned left = 0;
        phone_init(&p, 901);
        phone_create(&p);
        REQUIRE_OK(satchel_store_sync_state(p.device->store, &before, NULL));
        REQUIRE_OK(open_at(&p, "http://localhost:8080", &enrolment));
        left = stop;
        sqlite3_commit_hook(satchel_vault_database(p.device->vault), refuse_commit, &left);
        satchel_status status = redeem(&p, enrolment);
        sqlite3_commit_hook(satchel_vault_database(p.device->vault), NULL, NULL);
        REQUIRE_OK(satchel_store_sync_state(p.device->store, &after, NULL));
        bool renamed = !satchel_id_equal(&before.incarnation, &after.incarnation);
        CHECK(phone_info(&p).enrolled == renamed && renamed == (status == SATCHEL_OK));
        commits = status == SATCHEL_OK ? stop : 0;
        satchel_enrolment_close(enrolment);
        if (status != SATCHEL_OK) {
            p.server.code[0]++;
            phone_enroll(&p);
            CHECK(phone_info(&p).enrolled);
        }
        fake_server_stock(&p.server, "Huaning Market");
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        phone_deinit(&p);
    }
    CHECK_UINT(commits, 2); /* one, and the first that is beyond it */
}
