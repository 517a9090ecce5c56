/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses of power while the company ends a store: an exchange brings an order, settles what waits, stores a page in
 * slices, and the store wipes itself or hands itself over. From any operation on the disk does nothing any more, then
 * the power is lost. What is left is opened: it is the whole store, and the next exchange ends it; or it is gone, and
 * its notice reaches the server. A store that is to be retired never goes with a change that the server does not have.
 */
#include "fault/support/fault.h"
#include "fault/support/medium.h"
#include "support/vault/disk.h"
#include "unit/device/fixture.h"

#include "crypto/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWS 300u
#define STEPS_MOST 60
#define MOMENTS 60 /* of a run that is not full */

/* The device takes its file verbs from here. Weak: the real ones stand in the same library. */
__attribute__((weak)) const satchel_vault_files *satchel_vault_files_posix(void) {
    return medium_files();
}

static struct {
    test_temp temp;
    char folder[TEST_PATH_BYTES];
    test_disk *image; /* enrolled, synced, one change waits; closed */
    fake_server server;
    uint64_t randoms; /* no two devices draw the same nonces */
    satchel_device_config config;
} ground;

/* --- the platform --- */

static satchel_status keystore_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    (void)context;
    memset(out, 0x5a, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

static void phone_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                      uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    (void)context;
    *wall_ms = FAKE_START_MS;
    *monotonic_ms = 1000;
    memset(boot_tag, 1, SATCHEL_BOOT_TAG_BYTES);
}

static satchel_status phone_random(void *context, uint8_t *out, size_t bytes) {
    (void)context;
    for (size_t i = 0; i < bytes; i++) {
        ground.randoms = ground.randoms * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)(ground.randoms >> 33);
    }
    return SATCHEL_OK;
}

static void stand_on(test_disk *disk) {
    medium_put_over(disk != NULL ? test_disk_vfs(disk) : NULL, disk != NULL ? test_disk_files(disk) : NULL);
}

/* --- exchanges --- */

/* How an exchange ended, or failed. */
static satchel_status run_exchange(satchel_device *device, fake_server *server) {
    satchel_exchange *exchange = NULL;
    satchel_buffer body = {0};
    satchel_step step = {.status = SATCHEL_OK};
    satchel_status status = satchel_exchange_open(&exchange, device, 0, NULL);
    for (int i = 0; status == SATCHEL_OK && i < STEPS_MOST; i++) {
        status = satchel_exchange_next(exchange, &step, NULL);
        if (status != SATCHEL_OK || step.kind != SATCHEL_STEP_SEND) {
            break;
        }
        satchel_buffer_clear(&body);
        uint32_t http_status = fake_server_answer(server, &step.request, &body);
        status = satchel_exchange_feed(exchange, http_status, satchel_buffer_view(&body), 20, NULL);
    }
    satchel_exchange_close(exchange);
    satchel_buffer_deinit(&body);
    return status == SATCHEL_OK ? step.status : status;
}

static void change(satchel_device *device) {
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_bytes record;
    REQUIRE_OK(satchel_fields_open(&fields, device, NULL));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_SHORT_NAME, satchel_text_of("waits")));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_write_begin(&write, device, NULL));
    REQUIRE_OK(satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, record, NULL, 0, NULL));
    REQUIRE_OK(satchel_commit(write, NULL, NULL));
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
}

static void enroll(satchel_device *device, fake_server *server) {
    satchel_buffer link = {0};
    satchel_buffer body = {0};
    satchel_enrolment *enrolment;
    satchel_http_request request;
    fake_server_link(server, "http://localhost:8080", &link);
    REQUIRE_OK(satchel_enrolment_open(&enrolment, device, satchel_text_from(satchel_buffer_view(&link)),
                                      satchel_text_of("phone"), satchel_text_of("test"), NULL));
    REQUIRE_OK(satchel_enrolment_request(enrolment, &request, NULL));
    uint32_t http_status = fake_server_answer(server, &request, &body);
    REQUIRE_OK(satchel_enrolment_feed(enrolment, http_status, satchel_buffer_view(&body), NULL));
    satchel_enrolment_close(enrolment);
    satchel_buffer_deinit(&body);
    satchel_buffer_deinit(&link);
}

/* The device looks with its own eyes whether a folder holds a store; these names are all that it sees there. */
static void put_names(void) {
    static const char *const names[] = {"store.db", "keys.a"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[TEST_PATH_BYTES];
        FILE *file = fopen(test_temp_path(&ground.temp, names[i], path), "w");
        REQUIRE(file != NULL && fclose(file) == 0);
    }
}

/* A page that takes several slices. */
static void add_news(fake_server *server) {
    for (uint32_t i = 0; i < NEWS; i++) {
        satchel_id id = fake_customer;
        char name[32];
        id.bytes[14] = (uint8_t)(1 + i / 200);
        id.bytes[15] = (uint8_t)(1 + i % 200);
        (void)snprintf(name, sizeof name, "Shop %u", (unsigned)i);
        satchel_record *record = fake_server_add(server, SATCHEL_ENTITY_CUSTOMER, &id);
        REQUIRE_OK(satchel_record_set_text(record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    }
}

static void begin(void) {
    satchel_device *device = NULL;
    memset(&ground, 0, sizeof ground);
    REQUIRE_OK(satchel_crypto_init());
    ground.temp = test_temp_make();
    (void)snprintf(ground.folder, sizeof ground.folder, "%s", ground.temp.path);
    fake_server_init(&ground.server);
    ground.config = (satchel_device_config)SATCHEL_DEVICE_CONFIG_INIT;
    ground.config.folder = ground.folder;
    ground.config.keys = (satchel_key_provider){.secret = keystore_secret};
    ground.config.platform = (satchel_platform){NULL, phone_now, phone_random};
    ground.config.argon2_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    ground.config.argon2_passes = SATCHEL_VAULT_PASSES_FLOOR;
    put_names();
    ground.image = test_disk_make();
    stand_on(ground.image);
    REQUIRE_OK(satchel_device_create(&device, &ground.config, NULL));
    enroll(device, &ground.server);
    fake_server_stock(&ground.server, "Huaning Market");
    REQUIRE_OK(run_exchange(device, &ground.server));
    add_news(&ground.server);
    change(device);
    satchel_device_close(device);
    stand_on(NULL);
}

static void end(void) {
    test_disk_free(ground.image);
    fake_server_deinit(&ground.server);
    test_temp_remove(&ground.temp);
}

/* --- one loss of power --- */

typedef struct ending {
    satchel_order_command command;
    satchel_status ends_with;
} ending;

/* A server as it was in the beginning, which now orders the end. Its rows are shared and not written. */
static fake_server server_of(const ending *what) {
    fake_server server = ground.server;
    server.orders.serial = 9;
    server.orders.command = what->command;
    server.revoked = what->command == SATCHEL_ORDER_WIPE;
    return server;
}

/* Opens the store and syncs once, on a disk that does nothing any more from an operation on. */
static satchel_status play(const ending *what, test_disk *disk, fake_server *server) {
    satchel_device *device = NULL;
    *server = server_of(what);
    stand_on(disk);
    satchel_status status = satchel_device_open(&device, &ground.config, NULL);
    if (status == SATCHEL_OK) {
        status = run_exchange(device, server);
    }
    satchel_device_close(device);
    stand_on(NULL);
    return status;
}

static bool send_notice(fake_server *server) {
    satchel_notice *notice = NULL;
    satchel_http_request request;
    satchel_buffer body = {0};
    if (satchel_notice_open(&notice, ground.folder, NULL) != SATCHEL_OK) {
        return false;
    }
    satchel_notice_request(notice, &request);
    uint32_t http_status = fake_server_answer(server, &request, &body);
    satchel_status taken = satchel_notice_feed(notice, http_status, satchel_buffer_view(&body), NULL);
    satchel_notice_close(notice);
    satchel_buffer_deinit(&body);
    return taken == SATCHEL_OK;
}

/* What is wrong with what a loss of power left, or NULL. The disk is stood on. */
static const char *judge(const ending *what, fake_server *server, fault_counter *out_counter) {
    satchel_device *device = NULL;
    satchel_status status = satchel_device_open(&device, &ground.config, NULL);
    *out_counter = FAULT_FAILURES;
    if (status == SATCHEL_OK) {
        satchel_device_info info;
        bool told = satchel_device_get_info(device, &info, NULL) == SATCHEL_OK;
        bool whole = told && (info.units_unsent == 1 || server->units_applied == 1) && info.rows >= 3;
        status = run_exchange(device, server);
        satchel_device_close(device);
        *out_counter = whole ? FAULT_FAILURES : FAULT_SILENT;
        if (!whole) {
            return "the store that is left lacks something";
        }
        if (status != what->ends_with) {
            return "the next exchange does not end the store";
        }
    } else if (status != SATCHEL_WIPED && status != SATCHEL_NOT_FOUND) {
        *out_counter = FAULT_UNOPENABLE;
        return "it is neither there nor gone";
    }
    if (what->command == SATCHEL_ORDER_RETIRE && server->units_applied != 1) {
        *out_counter = FAULT_SILENT;
        return "it is gone with a change that the server does not have";
    }
    if (server->receipts == 0 && !send_notice(server)) {
        return "nothing tells the server that it is gone";
    }
    return satchel_device_open(&device, &ground.config, NULL) == SATCHEL_NOT_FOUND ? NULL : "it came back";
}

static void lose_power(const ending *what, uint64_t moment, test_survival survival) {
    fake_server server;
    fault_counter counter;
    test_disk *disk = test_disk_after_power_loss(ground.image, TEST_SURVIVES_ALL, 1);
    test_disk_fail_at(disk, moment, true, TEST_FAULT_ERROR);
    satchel_status ignored = play(what, disk, &server);
    (void)ignored; /* the process is gone with the power */
    test_disk *left = test_disk_after_power_loss(disk, survival, fault_seed() + moment);
    test_disk_free(disk);
    stand_on(left);
    const char *wrong = judge(what, &server, &counter);
    stand_on(NULL);
    test_disk_free(left);
    fault_count(FAULT_CRASH_POINTS, 1);
    if (wrong != NULL) {
        fault_wrong(counter, "order %d, operation %llu, survival %d: %s", (int)what->command,
                    (unsigned long long)moment, (int)survival, wrong);
    }
}

static void run(const ending *what) {
    fake_server server;
    begin();
    test_disk *disk = test_disk_after_power_loss(ground.image, TEST_SURVIVES_ALL, 1);
    satchel_status status = play(what, disk, &server);
    uint64_t total = test_disk_operations(disk) + 1;
    test_disk_free(disk);
    if (status != what->ends_with || server.receipts != 1) {
        fault_wrong(FAULT_FAILURES, "without trouble the store does not end: %s, %u receipts",
                    satchel_status_name(status), (unsigned)server.receipts);
        total = 0;
    }
    for (uint64_t moment = 1; moment <= total; moment++) {
        for (int survival = 0; fault_takes(moment, total, MOMENTS) && survival < TEST_SURVIVAL_COUNT; survival++) {
            lose_power(what, moment, (test_survival)survival);
        }
    }
    end();
}

static void run_wipe(void) {
    static const ending wipe = {SATCHEL_ORDER_WIPE, SATCHEL_WIPED};
    run(&wipe);
}

static void run_retire(void) {
    static const ending retire = {SATCHEL_ORDER_RETIRE, SATCHEL_RETIRED};
    run(&retire);
}

const fault_case fault_cases[] = {{"wipe", run_wipe}, {"retire", run_retire}, {NULL, NULL}};
