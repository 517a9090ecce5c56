/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standing orders on the phone: which are taken, what they change, how a store ends by them, and what is told back.
 */
#include "unit/device/fixture.h"

#include "crypto/seal.h"
#include "device/device.h"
#include "device/ending.h"

#include <sqlite3.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool has_file(const phone *p, const char *name) {
    char path[TEST_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    return access(path, F_OK) == 0;
}

static void order(phone *p, uint64_t serial, satchel_order_command command) {
    p->server.orders.serial = serial;
    p->server.orders.command = command;
}

TEST(orders, a_policy_that_changes_later_reaches_the_phone) {
    phone p;
    uint8_t seed[32];
    phone_ready(&p, 801);
    CHECK(!phone_info(&p).escrowed);
    memset(seed, 9, sizeof seed);
    satchel_box_public(seed, p.server.orders.recovery_key);
    order(&p, 3, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK(phone_info(&p).escrowed);
    CHECK_UINT(phone_info(&p).orders_serial, 3);
    CHECK_UINT(p.server.heard, 0);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.heard, 3);
    memset(p.server.orders.recovery_key, 0, sizeof p.server.orders.recovery_key);
    order(&p, 4, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK(!phone_info(&p).escrowed);
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(phone_info(&p).orders_serial, 4);
    phone_deinit(&p);
}

TEST(orders, what_was_told_is_not_told_again) {
    phone p;
    phone_ready(&p, 802);
    order(&p, 7, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.heard, 7);
    p.server.heard = 99; /* nothing overwrites it unless the phone says it again */
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    phone_close(&p);
    phone_open(&p);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.heard, 99);
    phone_deinit(&p);
}

TEST(orders, old_foreign_and_unsigned_ones_are_passed_over) {
    phone p;
    phone_ready(&p, 803);
    order(&p, 5, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    order(&p, 4, SATCHEL_ORDER_WIPE);
    p.server.heard = 0;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    order(&p, 6, SATCHEL_ORDER_WIPE);
    p.server.spoil_orders = true;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    p.server.spoil_orders = false;
    p.server.orders.device = p.server.user;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(phone_info(&p).orders_serial, 5);
    phone_deinit(&p);
}

TEST(orders, a_wipe_destroys_the_keys_and_then_says_so) {
    phone p;
    phone_ready(&p, 804);
    phone_rename(&p, "Never sent");
    order(&p, 9, SATCHEL_ORDER_WIPE);
    p.server.revoked = true;
    CHECK_STATUS(phone_sync(&p), SATCHEL_WIPED);
    CHECK(!has_file(&p, "keys.a") && !has_file(&p, "keys.b") && !has_file(&p, "store.db"));
    CHECK_UINT(p.server.receipts, 1);
    CHECK(p.server.receipt.kind == SATCHEL_RECEIPT_WIPED && p.server.receipt.serial == 9);
    CHECK(p.server.receipt.counted && p.server.receipt.units_unsent == 1);
    CHECK(!has_file(&p, "notice") && !has_file(&p, "wiping"));
    phone_close(&p);
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_NOT_FOUND);
    phone_deinit(&p);
}

static int refuse_commit(void *context) {
    (void)context;
    return 1;
}

/* A request, and its answer while nothing can be written. The exchange goes on or is closed by the caller. */
static satchel_status hear_unwritten(phone *p, satchel_exchange **out) {
    satchel_step step;
    satchel_buffer body = {0};
    sqlite3 *database = satchel_vault_database(p->device->vault);
    REQUIRE_OK(satchel_exchange_open(out, p->device, 0, &p->error));
    REQUIRE_OK(satchel_exchange_next(*out, &step, &p->error));
    REQUIRE(step.kind == SATCHEL_STEP_SEND);
    uint32_t http_status = fake_server_answer(&p->server, &step.request, &body);
    sqlite3_commit_hook(database, refuse_commit, NULL);
    satchel_status status = satchel_exchange_feed(*out, http_status, satchel_buffer_view(&body), 20, &p->error);
    sqlite3_commit_hook(database, NULL, NULL);
    satchel_buffer_deinit(&body);
    return status;
}

TEST(orders, regress_what_could_not_be_stored_leaves_the_last_ones_in_force) {
    phone p;
    satchel_exchange *exchange = NULL;
    phone_ready(&p, 811);
    order(&p, 5, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    order(&p, 6, SATCHEL_ORDER_RETIRE);
    CHECK(hear_unwritten(&p, &exchange) != SATCHEL_OK);
    satchel_exchange_close(exchange);
    CHECK_UINT(phone_info(&p).orders_serial, 5);
    CHECK(!phone_info(&p).retiring);
    CHECK_STATUS(phone_sync(&p), SATCHEL_RETIRED);
    phone_deinit(&p);
}

TEST(orders, regress_a_wipe_is_heard_though_the_lease_cannot_be_written_down) {
    phone p;
    satchel_step step = {0};
    satchel_exchange *exchange = NULL;
    phone_ready(&p, 812);
    p.server.orders.lease_days = 5;
    order(&p, 2, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    order(&p, 3, SATCHEL_ORDER_WIPE);
    p.server.revoked = true;
    p.server.now_ms += INT64_C(2) * 86400000;
    CHECK_OK(hear_unwritten(&p, &exchange));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    CHECK(step.kind == SATCHEL_STEP_SEND && !has_file(&p, "keys.a"));
    satchel_exchange_close(exchange);
    phone_deinit(&p);
}

/* Whoever has the phone sets no PIN to be wiped; a company may ask for both. */
TEST(orders, a_phone_that_lacks_its_pin_hears_of_a_wipe_all_the_same) {
    phone p;
    phone_ready(&p, 810);
    p.server.orders.policy = SATCHEL_POLICY_PIN_REQUIRED;
    order(&p, 2, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    phone_rename(&p, "Sent");
    CHECK_STATUS(phone_sync(&p), SATCHEL_REQUIRED_BEFORE);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    order(&p, 3, SATCHEL_ORDER_WIPE);
    p.server.revoked = true;
    CHECK_STATUS(phone_sync(&p), SATCHEL_WIPED);
    phone_deinit(&p);
}

TEST(orders, a_notice_that_found_no_network_is_sent_later) {
    phone p;
    satchel_notice *notice;
    satchel_http_request request;
    satchel_buffer body = {0};
    satchel_bytes nothing = {NULL, 0};
    phone_ready(&p, 805);
    order(&p, 2, SATCHEL_ORDER_WIPE);
    p.server.revoked = true;
    CHECK(phone_sync_until(&p, 1)); /* the order came, and the process is gone */
    phone_close(&p);
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_WIPED);
    CHECK_UINT(p.server.receipts, 0);
    REQUIRE_OK(satchel_notice_open(&notice, p.folder, &p.error));
    satchel_notice_request(notice, &request);
    CHECK_STATUS(satchel_notice_feed(notice, 503, nothing, &p.error), SATCHEL_BUSY);
    uint32_t http = fake_server_answer(&p.server, &request, &body);
    CHECK_OK(satchel_notice_feed(notice, http, satchel_buffer_view(&body), &p.error));
    satchel_notice_close(notice);
    CHECK_UINT(p.server.receipts, 1);
    CHECK_STATUS(satchel_notice_open(&notice, p.folder, &p.error), SATCHEL_NOT_FOUND);
    satchel_buffer_deinit(&body);
    phone_deinit(&p);
}

TEST(orders, a_retirement_hands_everything_over_first) {
    phone p;
    phone_ready(&p, 806);
    phone_rename(&p, "Last words");
    order(&p, 3, SATCHEL_ORDER_RETIRE);
    uint32_t before = p.server.units_applied;
    CHECK_STATUS(phone_sync(&p), SATCHEL_RETIRED);
    CHECK_UINT(p.server.units_applied, before + 1);
    CHECK(!has_file(&p, "keys.a") && !has_file(&p, "store.db"));
    CHECK_UINT(p.server.receipts, 1);
    CHECK(p.server.receipt.kind == SATCHEL_RECEIPT_RETIRED && p.server.receipt.units_unsent == 0);
    phone_close(&p);
    phone_deinit(&p);
}

/* The process is gone between the order and the keys' end, or between that and the notice's name. */
TEST(orders, a_wipe_that_was_cut_off_is_finished_by_the_next_opening) {
    for (int cut = 0; cut < 2; cut++) {
        phone p;
        satchel_notice *notice;
        char path[TEST_PATH_BYTES + 32];
        phone_ready(&p, 807);
        satchel_orders wipe = {.device = p.server.device, .serial = 4, .command = SATCHEL_ORDER_WIPE};
        satchel_buffer value = {0};
        REQUIRE_OK(satchel_buffer_append(&value, satchel_bytes_of("\1\0", 2)));
        REQUIRE_OK(satchel_orders_sign(&wipe, p.server.secret, &value));
        REQUIRE_OK(satchel_store_put_value(p.device->store, "orders", satchel_buffer_view(&value), NULL));
        satchel_buffer_deinit(&value);
        phone_close(&p);
        snprintf(path, sizeof path, "%s/wiping", p.folder);
        FILE *begun = cut == 1 ? fopen(path, "wb") : NULL;
        if (begun != NULL) {
            fclose(begun);
        }
        CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_WIPED);
        CHECK(!has_file(&p, "keys.a") && !has_file(&p, "store.db") && has_file(&p, "notice"));
        CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_NOT_FOUND);
        CHECK_STATUS(satchel_notice_open(&notice, p.folder, NULL), cut == 0 ? SATCHEL_OK : SATCHEL_DAMAGED);
        satchel_notice_close(notice);
        phone_deinit(&p);
    }
}

TEST(orders, a_new_store_in_the_folder_does_not_inherit_the_wipe) {
    phone p;
    phone_ready(&p, 808);
    order(&p, 2, SATCHEL_ORDER_WIPE);
    p.server.revoked = true;
    CHECK(phone_sync_until(&p, 1));
    phone_close(&p);
    CHECK_STATUS(satchel_device_open(&p.device, &p.config, &p.error), SATCHEL_WIPED);
    phone_create(&p);
    phone_close(&p);
    phone_open(&p);
    CHECK(has_file(&p, "notice") && !has_file(&p, "wiping"));
    phone_deinit(&p);
}

TEST(orders, a_newer_app_that_is_wanted_stops_what_comes_down_only) {
    phone p;
    phone_ready(&p, 809);
    p.server.orders.minimum_app = 999000000;
    order(&p, 2, SATCHEL_ORDER_NONE);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK(phone_info(&p).app_too_old);
    phone_rename(&p, "Still sent");
    CHECK_STATUS(phone_sync(&p), SATCHEL_UPGRADE_REQUIRED);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    CHECK_UINT(satchel_app_number("1.2.3"), 1002003);
    CHECK_UINT(satchel_app_number("12.999.0-rc1"), 12999000);
    CHECK_UINT(satchel_app_number("1.1000"), 0);
    CHECK_UINT(satchel_app_number("x"), 0);
    phone_deinit(&p);
}

/* --- the audit --- */

static void checkpoint_at(phone *p, uint64_t position, uint8_t byte) {
    p->server.checkpoint = (satchel_checkpoint){.position = position, .at_ms = FAKE_START_MS};
    memset(p->server.checkpoint.hash, byte, sizeof p->server.checkpoint.hash);
}

TEST(orders, a_checkpoint_is_kept_and_shown_once) {
    phone p;
    phone_ready(&p, 811);
    checkpoint_at(&p, 10, 1);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(phone_info(&p).audit_position, 10);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK(p.server.shows == 1 && p.server.shown.position == 10);
    checkpoint_at(&p, 20, 2);
    p.server.witnessed = p.server.shown.hash;
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK(phone_info(&p).audit_position == 20 && phone_info(&p).audit_findings == 0);
    phone_deinit(&p);
}

TEST(orders, a_shorter_and_a_different_audit_are_found_and_the_evidence_is_shown) {
    for (uint32_t finding = SATCHEL_AUDIT_SHORTER; finding <= SATCHEL_AUDIT_DIFFERENT; finding++) {
        static const uint8_t other[SATCHEL_CHECKPOINT_HASH_BYTES] = {5};
        phone p;
        phone_ready(&p, 812);
        checkpoint_at(&p, 10, 1);
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        checkpoint_at(&p, finding == SATCHEL_AUDIT_SHORTER ? 9 : 11, 2);
        p.server.witnessed = finding == SATCHEL_AUDIT_DIFFERENT ? other : NULL;
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK_UINT(phone_info(&p).audit_findings, finding);
        CHECK_UINT(phone_info(&p).audit_position, 10);
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK(p.server.shows == 2 && p.server.shown.position == 10);
        p.server.witnessed = NULL;
        memset(&p.server.shown, 0, sizeof p.server.shown);
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK_UINT(phone_info(&p).audit_findings, finding);
        CHECK_UINT(phone_info(&p).audit_position, finding == SATCHEL_AUDIT_SHORTER ? 9 : 11);
        phone_deinit(&p);
    }
}

/* --- sentences --- */

static bool is_chinese(const char *text) {
    return ((unsigned char)text[0] & 0xf0) == 0xe0;
}

TEST(orders, every_status_and_every_reason_has_a_sentence_in_both_languages) {
#define SENTENCES(name, number, class_, en, zh)                                                                        \
    test_note("%s", #name);                                                                                            \
    CHECK(strlen(satchel_status_text(SATCHEL_##name, "en")) > 3 &&                                                     \
          strlen(satchel_status_text(SATCHEL_##name, "zh")) > 5);                                                      \
    CHECK(strcmp(satchel_status_text(SATCHEL_##name, "en"), satchel_status_text(SATCHEL_##name, "zh-CN")) != 0);
    SATCHEL_STATUS_TABLE(SENTENCES)
#undef SENTENCES
    for (int kind = SATCHEL_REASON_WAITING; kind <= SATCHEL_REASON_UNREAD; kind++) {
        test_note("kind %d", kind);
        CHECK(is_chinese(satchel_reason_text((satchel_reason_kind)kind, "zh")));
        CHECK(strlen(satchel_reason_text((satchel_reason_kind)kind, NULL)) > 10);
        CHECK(!is_chinese(satchel_reason_text((satchel_reason_kind)kind, "en")));
    }
}
