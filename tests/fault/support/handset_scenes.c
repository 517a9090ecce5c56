/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a phone does in the error loops: one act a scene, so small that every call of it can fail in turn.
 */
#include "fault/support/handset_scenes.h"

#include "base/ids.h"
#include "base/text.h"
#include "schema/record.h"
#include "wire/answer.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <satchel/query.h>

#include <string.h>

#define CUSTOMERS 30u
#define OTHERS 10u
#define NEWS 8u
#define SCOPE_OWN 10u
#define SCOPE_LENT 20u
#define DRAFT_ROWS 5u
#define PURGE_ROWS 4u
#define QUERY_ROWS 7u

/* Encoded records and pages; made once. */
static struct {
    satchel_buffer edit, row, task;
    satchel_buffer fill, news, loss;
} changes;

static satchel_id id_of(uint32_t number) {
    satchel_id id = {{0x01, 0x90}};
    satchel_put_u32be(id.bytes + 12, number);
    return id;
}

/* --- encoding --- */

static const satchel_schema schema = {&satchel_generated_model, NULL, 0};

static satchel_status encode_text(uint32_t entity, uint32_t field, const char *text, satchel_buffer *out) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, field, satchel_text_of(text));
    if (status == SATCHEL_OK) {
        status = satchel_record_encode(&schema, entity, &record, out);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status begin_page(satchel_buffer *page) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    frame.as.head.server_time_ms = INT64_C(1700000000000);
    frame.as.head.epoch = 1;
    return satchel_answer_write(&frame, page);
}

static satchel_status add_set(satchel_buffer *page, satchel_frame_kind kind, uint32_t number, uint32_t scope) {
    satchel_answer_frame frame = {.kind = kind};
    frame.as.scope_set = (satchel_scope_set){number, &scope, 1};
    return satchel_answer_write(&frame, page);
}

static satchel_status add_rows(satchel_buffer *page, uint32_t first, uint32_t count, uint32_t set, uint64_t n,
                               const char *name) {
    satchel_status status = SATCHEL_OK;
    satchel_buffer record = {NULL, 0, 0};
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
        satchel_buffer_clear(&record);
        status = encode_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, name, &record);
        if (status == SATCHEL_OK) {
            frame.as.row = (satchel_row_frame){.entity = SATCHEL_ENTITY_CUSTOMER,
                                               .row = id_of(first + i),
                                               .n = n,
                                               .scope_set = set,
                                               .whole = true,
                                               .record = satchel_buffer_view(&record)};
            status = satchel_answer_write(&frame, page);
        }
    }
    satchel_buffer_deinit(&record);
    return status;
}

static satchel_status end_page(satchel_buffer *page, uint64_t n) {
    static const uint8_t cursor[] = {1, 2, 3, 4};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    frame.as.end.cursor = satchel_bytes_of(cursor, sizeof cursor);
    frame.as.end.position_n = n;
    return satchel_answer_write(&frame, page);
}

static satchel_status encode_pages(void) {
    satchel_status status = begin_page(&changes.fill);
    status = status == SATCHEL_OK ? add_set(&changes.fill, SATCHEL_FRAME_SCOPE_SET, 1, SCOPE_OWN) : status;
    status = status == SATCHEL_OK ? add_set(&changes.fill, SATCHEL_FRAME_SCOPE_SET, 2, SCOPE_LENT) : status;
    status = status == SATCHEL_OK ? add_rows(&changes.fill, 1, CUSTOMERS, 1, 5, "Huaning Market 华宁") : status;
    status = status == SATCHEL_OK ? add_rows(&changes.fill, 1001, OTHERS, 2, 5, "Lent to Huaning") : status;
    status = status == SATCHEL_OK ? end_page(&changes.fill, 1) : status;
    status = status == SATCHEL_OK ? begin_page(&changes.news) : status;
    status = status == SATCHEL_OK ? add_rows(&changes.news, CUSTOMERS - 2, NEWS, 1, 9, "New at Huaning") : status;
    status = status == SATCHEL_OK ? end_page(&changes.news, 2) : status;
    status = status == SATCHEL_OK ? begin_page(&changes.loss) : status;
    status = status == SATCHEL_OK ? add_set(&changes.loss, SATCHEL_FRAME_SCOPE_LOSS, 0, SCOPE_LENT) : status;
    return status == SATCHEL_OK ? end_page(&changes.loss, 2) : status;
}

bool handset_encode_changes(void) {
    return encode_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CITY, "Ningbo", &changes.edit) == SATCHEL_OK &&
           encode_text(SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME, "Met on the way", &changes.row) == SATCHEL_OK &&
           encode_text(SATCHEL_ENTITY_TASK, SATCHEL_TASK_TITLE, "Call back", &changes.task) == SATCHEL_OK &&
           encode_pages() == SATCHEL_OK;
}

void handset_forget_changes(void) {
    satchel_buffer_deinit(&changes.edit);
    satchel_buffer_deinit(&changes.row);
    satchel_buffer_deinit(&changes.task);
    satchel_buffer_deinit(&changes.fill);
    satchel_buffer_deinit(&changes.news);
    satchel_buffer_deinit(&changes.loss);
}

/* --- pages --- */

static satchel_status store_page(handset *phone, const satchel_buffer *page, uint64_t n) {
    satchel_sync_state state;
    satchel_store_outcome outcome;
    satchel_store *store = phone->device->store;
    satchel_status status = satchel_store_sync_state(store, &state, &phone->error);
    if (status == SATCHEL_OK) {
        state.position = (satchel_revision){1, n};
        status = satchel_store_page(store, satchel_buffer_view(page), &state, &outcome, &phone->error);
    }
    return status;
}

satchel_status handset_store_page(handset *phone) {
    return store_page(phone, &changes.news, 2);
}

satchel_status handset_lose_scope(handset *phone) {
    return store_page(phone, &changes.loss, 2);
}

static satchel_status purge(handset *phone) {
    bool left = true;
    satchel_status status = SATCHEL_OK;
    while (left && status == SATCHEL_OK) {
        phone->device->idle.rows = PURGE_ROWS;
        status = satchel_device_idle(phone->device, 0, &left, &phone->error);
    }
    return status;
}

/* --- writing --- */

static satchel_status edit_row(handset *phone, uint32_t number) {
    const satchel_id id = id_of(number);
    return satchel_write_edit(phone->write, SATCHEL_ENTITY_CUSTOMER, &id, satchel_buffer_view(&changes.edit), NULL, 0,
                              &phone->error);
}

static satchel_status create_row(handset *phone, uint32_t entity, uint32_t number, const satchel_buffer *record) {
    satchel_id id = id_of(number);
    return satchel_write_create(phone->write, entity, satchel_buffer_view(record), &id, &phone->error);
}

static satchel_status fill_one(handset *phone) {
    return edit_row(phone, 2);
}

static satchel_status fill_several(handset *phone) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < DRAFT_ROWS && status == SATCHEL_OK; i++) {
        status = create_row(phone, SATCHEL_ENTITY_CUSTOMER, 2000 + i, &changes.row);
    }
    if (status == SATCHEL_OK) {
        status = create_row(phone, SATCHEL_ENTITY_TASK, 3000, &changes.task);
    }
    if (status == SATCHEL_OK) {
        status = edit_row(phone, 3);
    }
    return status == SATCHEL_OK ? edit_row(phone, 2001) : status;
}

/* Commits; a write whose commit failed is committed again as it is. */
static satchel_status commit_with(handset *phone, satchel_status (*fill)(handset *phone)) {
    satchel_status status = SATCHEL_OK;
    if (phone->write != NULL && !phone->filled) {
        satchel_write_abandon(phone->write);
        phone->write = NULL;
    }
    if (phone->write == NULL) {
        status = satchel_write_begin(&phone->write, phone->device, &phone->error);
        if (status == SATCHEL_OK) {
            status = fill(phone);
        }
        phone->filled = status == SATCHEL_OK;
    }
    if (status == SATCHEL_OK) {
        status = satchel_commit(phone->write, NULL, &phone->error);
    }
    if (status == SATCHEL_OK) {
        phone->write = NULL;
        phone->filled = false;
    }
    return status;
}

static satchel_status commit_one(handset *phone) {
    return commit_with(phone, fill_one);
}

static satchel_status commit_several(handset *phone) {
    return commit_with(phone, fill_several);
}

static satchel_status fill_base(handset *phone) {
    return edit_row(phone, 1);
}

static satchel_status fill_base_again(handset *phone) {
    satchel_status status = create_row(phone, SATCHEL_ENTITY_CUSTOMER, 500, &changes.row);
    return status == SATCHEL_OK ? edit_row(phone, 1001) : status;
}

static satchel_status undo(handset *phone) {
    return satchel_undo(phone->device, 1, &phone->error);
}

satchel_status handset_fill(handset *phone) {
    satchel_status status = store_page(phone, &changes.fill, 1);
    if (status == SATCHEL_OK) {
        status = purge(phone);
    }
    if (status == SATCHEL_OK) {
        status = commit_with(phone, fill_base);
    }
    return status == SATCHEL_OK ? commit_with(phone, fill_base_again) : status;
}

/* --- reading --- */

static satchel_status search(handset *phone) {
    satchel_query *query = NULL;
    satchel_page *page = NULL;
    satchel_status status = satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER);
    if (status == SATCHEL_OK) {
        status = satchel_query_search(query, satchel_text_of(HANDSET_WORDS));
    }
    if (status == SATCHEL_OK) {
        status = satchel_page_open(&page, phone->device, query, (satchel_bytes){NULL, 0}, 100, &phone->error);
    }
    phone->answer = status == SATCHEL_OK ? handset_hash_page(1, page) : 0;
    satchel_page_close(page);
    satchel_query_close(query);
    return status;
}

/* By name, page after page. */
static satchel_status query_pages(handset *phone) {
    satchel_query *query = NULL;
    satchel_page *page = NULL;
    uint64_t hash = 1;
    satchel_status status = satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER);
    if (status == SATCHEL_OK) {
        status = satchel_query_sort(query, SATCHEL_CUSTOMER_NAME, false);
    }
    for (bool more = true; more && status == SATCHEL_OK;) {
        satchel_page *next = NULL;
        satchel_bytes after = page != NULL ? satchel_page_next(page) : (satchel_bytes){NULL, 0};
        status = satchel_page_open(&next, phone->device, query, after, QUERY_ROWS, &phone->error);
        if (status == SATCHEL_OK) {
            hash = handset_hash_page(hash, next);
            more = satchel_page_next(next).bytes > 0;
        }
        satchel_page_close(page);
        page = next;
    }
    phone->answer = status == SATCHEL_OK ? hash : 0;
    satchel_page_close(page);
    satchel_query_close(query);
    return status;
}

static satchel_status look_around(handset *phone) {
    satchel_device_info info;
    satchel_status status = satchel_device_get_info(phone->device, &info, &phone->error);
    phone->answer = status == SATCHEL_OK ? info.rows * 1000 + info.units_unsent : 0;
    return status;
}

/* --- the life of a device --- */

static satchel_status create(handset *phone) {
    phone->config.pin = NULL;
    satchel_status status = satchel_device_create(&phone->device, &phone->config, &phone->error);
    return status == SATCHEL_ALREADY_EXISTS ? handset_open(phone) : status;
}

static satchel_status lock(handset *phone) {
    return satchel_device_lock(phone->device, &phone->error);
}

static satchel_status unlock(handset *phone) {
    return satchel_device_unlock(phone->device, phone->pin, &phone->error);
}

static satchel_status suspend(handset *phone) {
    return phone->device->state == SATCHEL_DEVICE_SUSPENDED ? SATCHEL_OK
                                                            : satchel_device_suspend(phone->device, &phone->error);
}

static satchel_status resume(handset *phone) {
    return satchel_device_resume(phone->device, &phone->error);
}

static satchel_status checkpoint(handset *phone) {
    return satchel_vault_checkpoint(phone->device->vault, &phone->error);
}

static satchel_status change_pin(handset *phone) {
    if (phone->pin != NULL) {
        return SATCHEL_OK; /* found changed when opened again */
    }
    satchel_status status = satchel_device_change_pin(phone->device, NULL, HANDSET_PIN, &phone->error);
    phone->pin = status == SATCHEL_OK ? HANDSET_PIN : phone->pin;
    return status;
}

static satchel_status close_it(handset *phone) {
    satchel_device_close(phone->device);
    phone->device = NULL;
    return SATCHEL_OK;
}

/* Frames in the WAL, so that there is something to checkpoint. */
static satchel_status write_some(handset *phone) {
    return satchel_store_put_value(phone->device->store, "noted", satchel_bytes_of("1", 1), &phone->error);
}

/* --- the vault alone --- */

static satchel_vault_config vault_config(handset *phone) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = phone->config.folder;
    config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    config.unlock.keystore = (satchel_vault_keystore){phone->config.keys.secret, phone->config.keys.context};
    config.random = (satchel_random){phone->config.platform.random, phone->config.platform.context};
    return config;
}

static satchel_status rekey(handset *phone) {
    satchel_vault *vault = NULL;
    const satchel_vault_config config = vault_config(phone);
    satchel_status status = satchel_vault_open(&vault, &config, &phone->error);
    if (status == SATCHEL_OK) {
        status = satchel_vault_rekey(vault, &config.unlock, 1, &phone->error);
    }
    satchel_vault_close(vault);
    return status;
}

static satchel_status compact(handset *phone) {
    satchel_vault *vault = NULL;
    const satchel_vault_config config = vault_config(phone);
    satchel_status status = satchel_vault_open(&vault, &config, &phone->error);
    if (status == SATCHEL_OK) {
        status = satchel_vault_compact(vault, &phone->error);
    }
    satchel_vault_close(vault);
    return status;
}

/* And a new store in the same folder. */
static satchel_status erase(handset *phone) {
    const satchel_vault_config config = vault_config(phone);
    satchel_status status = satchel_vault_erase(&config, &phone->error);
    return status == SATCHEL_OK ? create(phone) : status;
}

const handset_scenario handset_scenarios[] = {
    {"create", HANDSET_EMPTY, true, true, NULL, create},
    {"open", HANDSET_READY, true, false, NULL, handset_open},
    {"recover", HANDSET_TORN, true, false, NULL, handset_open},
    {"unlock", HANDSET_READY, false, false, lock, unlock},
    {"pin", HANDSET_READY, false, false, NULL, change_pin},
    {"commit", HANDSET_READY, false, false, NULL, commit_one},
    {"draft", HANDSET_READY, false, false, NULL, commit_several},
    {"undo", HANDSET_READY, false, false, NULL, undo},
    {"page", HANDSET_READY, false, false, NULL, handset_store_page},
    {"loss", HANDSET_READY, false, false, NULL, handset_lose_scope},
    {"purge", HANDSET_PURGING, false, false, NULL, purge},
    {"search", HANDSET_FRESH, false, false, NULL, search},
    {"query", HANDSET_TORN, false, false, NULL, query_pages},
    {"info", HANDSET_READY, false, false, NULL, look_around},
    {"suspend", HANDSET_READY, false, false, write_some, suspend},
    {"resume", HANDSET_READY, false, false, suspend, resume},
    {"lock", HANDSET_READY, false, false, write_some, lock},
    {"checkpoint", HANDSET_READY, false, false, write_some, checkpoint},
    {"close", HANDSET_READY, false, false, write_some, close_it},
    {"rekey", HANDSET_READY, true, false, NULL, rekey},
    {"compact", HANDSET_READY, true, false, NULL, compact},
    {"erase", HANDSET_READY, true, true, NULL, erase},
    {NULL, HANDSET_EMPTY, false, false, NULL, NULL},
};
