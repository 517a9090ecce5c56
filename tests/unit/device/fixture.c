/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phone of the device's tests.
 */
#include "unit/device/fixture.h"

#include <stdio.h>
#include <string.h>

#define STEPS_MOST 1000

static satchel_status keystore_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    const phone *p = context;
    memset(out, p->keystore_byte, SATCHEL_KEYSTORE_SECRET_BYTES);
    return p->keystore_status;
}

static satchel_status anchor_read(void *context, uint8_t out[SATCHEL_ANCHOR_BYTES], size_t *bytes) {
    const phone *p = context;
    memcpy(out, p->anchor, p->anchor_bytes);
    *bytes = p->anchor_bytes;
    return p->anchor_status;
}

static satchel_status anchor_write(void *context, const uint8_t *anchor, size_t bytes) {
    phone *p = context;
    p->anchor_writes++;
    if (p->anchor_status == SATCHEL_OK) {
        REQUIRE(bytes <= sizeof p->anchor);
        memcpy(p->anchor, anchor, bytes);
        p->anchor_bytes = bytes;
    }
    return p->anchor_status;
}

static satchel_status forget(void *context) {
    phone *p = context;
    p->forgotten = true;
    p->anchor_bytes = 0;
    p->keystore_status = SATCHEL_KEY_GONE;
    return SATCHEL_OK;
}

void phone_anchor(phone *p) {
    p->config.keys.anchor_read = anchor_read;
    p->config.keys.anchor_write = anchor_write;
    p->config.keys.forget = forget;
}

static FILE *open_beside(const phone *p, const char *name, const char *mode) {
    char path[TEST_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    FILE *file = fopen(path, mode);
    REQUIRE(file != NULL);
    return file;
}

size_t phone_file_read(const phone *p, const char *name, void *out, size_t room) {
    FILE *file = open_beside(p, name, "rb");
    size_t count = fread(out, 1, room, file);
    fclose(file);
    return count;
}

void phone_file_write(const phone *p, const char *name, const void *bytes, size_t count) {
    FILE *file = open_beside(p, name, "wb");
    REQUIRE(fwrite(bytes, 1, count, file) == count);
    REQUIRE(fclose(file) == 0);
}

/* Files that a copy is made of; locks and temporary names are none. */
static const char *const store_files[] = {"keys.a", "keys.b", "store.db", "store.db-wal"};

static void copy_file(const char *from, const char *to) {
    uint8_t bytes[65536];
    size_t got;
    FILE *in = fopen(from, "rb");
    if (in == NULL) {
        (void)remove(to);
        return;
    }
    FILE *out = fopen(to, "wb");
    REQUIRE(out != NULL);
    while ((got = fread(bytes, 1, sizeof bytes, in)) > 0) {
        REQUIRE(fwrite(bytes, 1, got, out) == got);
    }
    fclose(in);
    REQUIRE(fclose(out) == 0);
}

static void copy_store(phone *p, const char *name, bool back) {
    for (size_t i = 0; i < sizeof store_files / sizeof *store_files; i++) {
        char inside[TEST_PATH_BYTES + 32];
        char aside[TEST_PATH_BYTES + 64];
        snprintf(inside, sizeof inside, "%s/%s", p->folder, store_files[i]);
        snprintf(aside, sizeof aside, "%s-%s-%s", p->folder, name, store_files[i]);
        copy_file(back ? aside : inside, back ? inside : aside);
    }
}

void phone_back_up(phone *p, const char *name) {
    copy_store(p, name, false);
}

void phone_put_back(phone *p, const char *name) {
    copy_store(p, name, true);
}

static void phone_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                      uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    const phone *p = context;
    *wall_ms = p->wall_ms;
    *monotonic_ms = p->monotonic_ms;
    memcpy(boot_tag, p->boot_tag, SATCHEL_BOOT_TAG_BYTES);
}

static satchel_status phone_random(void *context, uint8_t *out, size_t bytes) {
    phone *p = context;
    test_random_bytes(&p->random, out, bytes);
    return p->random_fails ? SATCHEL_RANDOM_FAILED : SATCHEL_OK;
}

void phone_init(phone *p, uint64_t seed) {
    memset(p, 0, sizeof *p);
    p->temp = test_temp_make();
    test_temp_path(&p->temp, "store", p->folder);
    p->keystore_byte = 0x5a;
    p->wall_ms = FAKE_START_MS;
    p->monotonic_ms = 1000;
    memset(p->boot_tag, 1, sizeof p->boot_tag);
    p->random = test_random_of(seed);
    p->config = (satchel_device_config)SATCHEL_DEVICE_CONFIG_INIT;
    p->config.folder = p->folder;
    p->config.keys = (satchel_key_provider){.context = p, .secret = keystore_secret};
    p->config.platform = (satchel_platform){p, phone_now, phone_random};
    p->config.argon2_memory_kib = 19456;
    p->config.argon2_passes = 2;
    fake_server_init(&p->server);
}

void phone_deinit(phone *p) {
    satchel_store_stats stats;
    if (p->device != NULL && satchel_device_get_stats(p->device, &stats, NULL) == SATCHEL_OK) {
        CHECK_UINT(stats.refused_opens, 0);
    }
    phone_close(p);
    fake_server_deinit(&p->server);
    test_temp_remove(&p->temp);
}

void phone_create(phone *p) {
    if (!CHECK_OK(satchel_device_create(&p->device, &p->config, &p->error))) {
        test_note("%s", p->error.detail);
        REQUIRE(false);
    }
}

void phone_open(phone *p) {
    if (!CHECK_OK(satchel_device_open(&p->device, &p->config, &p->error))) {
        test_note("%s", p->error.detail);
        REQUIRE(false);
    }
}

void phone_close(phone *p) {
    satchel_device_close(p->device);
    p->device = NULL;
}

void phone_enroll(phone *p) {
    satchel_buffer link = {0};
    satchel_buffer body = {0};
    satchel_enrolment *enrolment;
    satchel_http_request request;
    fake_server_link(&p->server, "http://localhost:8080", &link);
    const satchel_text name = satchel_text_of("test phone");
    REQUIRE_OK(satchel_enrolment_open(&enrolment, p->device, satchel_text_from(satchel_buffer_view(&link)), name,
                                      satchel_text_of("test"), &p->error));
    REQUIRE_OK(satchel_enrolment_request(enrolment, &request, &p->error));
    uint32_t http_status = fake_server_answer(&p->server, &request, &body);
    REQUIRE_OK(satchel_enrolment_feed(enrolment, http_status, satchel_buffer_view(&body), &p->error));
    satchel_enrolment_close(enrolment);
    satchel_buffer_deinit(&body);
    satchel_buffer_deinit(&link);
}

/* Sends, waits by moving the clock; `*left` steps are made at most. Gives true when the exchange is over. */
static bool run_steps(phone *p, satchel_exchange *exchange, unsigned left, satchel_step *out) {
    satchel_buffer body = {0};
    bool over = false;
    for (; left > 0 && !over; left--) {
        memset(out, 0, sizeof *out);
        satchel_status status = satchel_exchange_next(exchange, out, &p->error);
        if (status != SATCHEL_OK) {
            out->status = status;
            over = true;
        } else if (out->kind == SATCHEL_STEP_DONE) {
            over = true;
        } else if (out->kind == SATCHEL_STEP_WAIT) {
            p->monotonic_ms += out->wait_ms;
            p->wall_ms += out->wait_ms;
        } else {
            satchel_buffer_clear(&body);
            uint32_t http_status = fake_server_answer(&p->server, &out->request, &body);
            REQUIRE_OK(satchel_exchange_feed(exchange, http_status, satchel_buffer_view(&body), 20, &p->error));
            p->monotonic_ms += 20;
            p->wall_ms += 20;
        }
    }
    satchel_buffer_deinit(&body);
    return over;
}

satchel_status phone_sync(phone *p) {
    satchel_exchange *exchange;
    satchel_step step;
    satchel_status status = satchel_exchange_open(&exchange, p->device, 0, &p->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    REQUIRE(run_steps(p, exchange, STEPS_MOST, &step));
    satchel_exchange_close(exchange);
    return step.status;
}

bool phone_sync_until(phone *p, unsigned stop) {
    satchel_exchange *exchange;
    satchel_step step;
    REQUIRE_OK(satchel_exchange_open(&exchange, p->device, 0, &p->error));
    bool over = run_steps(p, exchange, stop, &step);
    satchel_exchange_close(exchange);
    return !over;
}

void phone_ready(phone *p, uint64_t seed) {
    phone_init(p, seed);
    phone_create(p);
    phone_enroll(p);
    fake_server_stock(&p->server, "Huaning Market");
    if (!CHECK_STATUS(phone_sync(p), SATCHEL_OK)) {
        test_note("%s", p->error.detail);
        REQUIRE(false);
    }
}

void phone_rename(phone *p, const char *short_name) {
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_bytes record;
    REQUIRE_OK(satchel_fields_open(&fields, p->device, &p->error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_SHORT_NAME, satchel_text_of(short_name)));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_write_begin(&write, p->device, &p->error));
    if (!CHECK_OK(satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, record, NULL, 0, &p->error))) {
        test_note("%s", p->error.detail);
        REQUIRE(false);
    }
    REQUIRE_OK(satchel_commit(write, NULL, &p->error));
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
}

/* Opens a row's record; the page must be closed after the reader. */
static satchel_record_reader *read_row(phone *p, satchel_fields *fields, uint32_t entity, const satchel_id *id) {
    satchel_page *page;
    satchel_row_view row;
    satchel_record_reader *reader = NULL;
    if (satchel_row_open(&page, p->device, entity, id, &p->error) != SATCHEL_OK) {
        return NULL;
    }
    REQUIRE_OK(satchel_page_row(page, 0, &row));
    REQUIRE_OK(satchel_record_reader_open(&reader, fields, entity, row.record, &p->error));
    satchel_page_close(page);
    return reader;
}

bool phone_text(phone *p, uint32_t entity, const satchel_id *id, uint32_t field, char *out, size_t room) {
    satchel_fields *fields;
    satchel_cell cell;
    bool found = false;
    REQUIRE_OK(satchel_fields_open(&fields, p->device, &p->error));
    satchel_record_reader *reader = read_row(p, fields, entity, id);
    if (reader != NULL && satchel_record_reader_get(reader, field, &cell) == SATCHEL_OK) {
        snprintf(out, room, "%.*s", (int)cell.text.bytes, cell.text.data);
        found = true;
    }
    satchel_record_reader_close(reader);
    satchel_fields_close(fields);
    return found;
}

int64_t phone_int(phone *p, uint32_t entity, const satchel_id *id, uint32_t field) {
    satchel_fields *fields;
    satchel_cell cell = {.integer = INT64_MIN};
    REQUIRE_OK(satchel_fields_open(&fields, p->device, &p->error));
    satchel_record_reader *reader = read_row(p, fields, entity, id);
    REQUIRE(reader != NULL);
    (void)!satchel_record_reader_get(reader, field, &cell);
    satchel_record_reader_close(reader);
    satchel_fields_close(fields);
    return cell.integer;
}

satchel_device_info phone_info(phone *p) {
    satchel_device_info info;
    REQUIRE_OK(satchel_device_get_info(p->device, &info, &p->error));
    return info;
}
