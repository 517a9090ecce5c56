/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The support bundle: what it says, and that nothing of the store is in it.
 */
#include <satchel/bundle.h>

#include "unit/device/fixture.h"

#include "device/device.h"

#include <stdio.h>
#include <string.h>

static satchel_status keep(void *context, satchel_text text) {
    satchel_buffer *out = context;
    satchel_status status = satchel_buffer_append(out, satchel_text_bytes(text));
    return status == SATCHEL_OK ? satchel_buffer_append_byte(out, 0) : status;
}

static const char *bundle_of(phone *p, const satchel_device_health *health, satchel_buffer *out) {
    satchel_buffer_clear(out);
    REQUIRE_OK(satchel_bundle_write(p->device, health, keep, out, &p->error));
    return (const char *)out->data;
}

TEST(bundle, tells_how_things_stand) {
    phone p;
    satchel_buffer out = {0};
    satchel_device_health health;
    phone_ready(&p, 831);
    phone_rename(&p, "Quiet change");
    phone_close(&p);
    REQUIRE_OK(satchel_device_check(&p.config, &health, &p.error));
    phone_open(&p);
    const char *text = bundle_of(&p, &health, &out);
    CHECK(strstr(text, "satchel.bundle 1\n") == text);
    CHECK(strstr(text, "\nunits.unsent 1\n") != NULL);
    CHECK(strstr(text, "\ncheck healthy\n") != NULL);
    CHECK(strstr(text, "\nsync.status OK\n") != NULL);
    CHECK(strstr(text, "\nop 1 unit 1 customer state 0 OK held-by 0\n") != NULL);
    CHECK(strstr(bundle_of(&p, NULL, &out), "\ncheck not-made\n") != NULL);
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    CHECK_STATUS(satchel_bundle_write(p.device, NULL, keep, &out, &p.error), SATCHEL_LOCKED);
    satchel_buffer_deinit(&out);
    phone_deinit(&p);
}

typedef struct canary {
    const char *bundle;
    uint32_t texts;
    uint32_t found;
} canary;

static void look_for(canary *bird, satchel_bytes value) {
    char text[128];
    if (value.bytes < 4 || value.bytes >= sizeof text) {
        return;
    }
    memcpy(text, value.data, value.bytes);
    text[value.bytes] = 0;
    bird->texts++;
    if (strstr(bird->bundle, text) != NULL) {
        test_note("found: %s", text);
        bird->found++;
    }
}

static satchel_status look_at_row(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                                  uint64_t base_n) {
    canary *bird = context;
    char text[SATCHEL_ID_TEXT_BYTES];
    (void)flags;
    (void)base_n;
    satchel_id_write(id, text);
    look_for(bird, satchel_bytes_of(text, strlen(text)));
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->fields[i].value.type == SATCHEL_TYPE_TEXT) {
            look_for(bird, record->fields[i].value.as.bytes);
        }
    }
    return SATCHEL_OK;
}

/* Every text and id of every row, names, addresses, and what a refused change held. */
TEST(bundle, holds_no_text_of_the_store) {
    phone p;
    satchel_buffer out = {0};
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    phone_ready(&p, 832);
    p.server.refuse_ops = true;
    phone_rename(&p, "Secret wish");
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    phone_rename(&p, "Unsent wish");
    canary bird = {bundle_of(&p, NULL, &out), 0, 0};
    for (uint32_t i = 0; i < schema.model->entity_count; i++) {
        satchel_query *query = NULL;
        satchel_buffer next = {0};
        REQUIRE_OK(satchel_query_open(&query, schema.model->entities[i].number));
        satchel_status status = satchel_store_query(p.device->store, query, (satchel_bytes){NULL, 0}, 1000, look_at_row,
                                                    &bird, &next, &p.error);
        CHECK(status == SATCHEL_OK || status == SATCHEL_UNKNOWN_ENTITY); /* some are the server's alone */
        satchel_buffer_deinit(&next);
        satchel_query_close(query);
    }
    static const char *const names[] = {"Secret wish", "test.rule", "Huaning Trading", "localhost", "test phone"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        look_for(&bird, satchel_bytes_of(names[i], strlen(names[i])));
    }
    CHECK(bird.texts > 10);
    CHECK_UINT(bird.found, 0);
    CHECK(strstr(bird.bundle, "FORBIDDEN") != NULL);
    satchel_buffer_deinit(&out);
    phone_deinit(&p);
}

static satchel_status count(void *context, satchel_text text) {
    uint32_t *lines = context;
    for (size_t i = 0; i + 3 < text.bytes; i++) {
        *lines += memcmp(text.data + i, "\nop ", 4) == 0 ? 1 : 0;
    }
    return SATCHEL_OK;
}

TEST(bundle, lists_the_newest_changes_and_not_one_more) {
    phone p;
    uint32_t lines = 0;
    phone_ready(&p, 833);
    for (uint32_t i = 0; i < SATCHEL_BUNDLE_OPS_MOST; i++) {
        char name[24];
        snprintf(name, sizeof name, "Name %u", (unsigned)i);
        phone_rename(&p, name);
    }
    REQUIRE_OK(satchel_bundle_write(p.device, NULL, count, &lines, &p.error));
    CHECK_UINT(lines, SATCHEL_BUNDLE_OPS_MOST);
    phone_rename(&p, "One more");
    lines = 0;
    REQUIRE_OK(satchel_bundle_write(p.device, NULL, count, &lines, &p.error));
    CHECK_UINT(lines, SATCHEL_BUNDLE_OPS_MOST);
    phone_deinit(&p);
}
