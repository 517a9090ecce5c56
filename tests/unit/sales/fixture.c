/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shop of the sales tests: its rows come in a page, as on a phone.
 */
#include "unit/sales/fixture.h"

#include "unit/device/answers.h"
#include "wire/unit_codec.h"

#include <sqlite3.h>
#include <string.h>

const satchel_id shop_rep = {{1, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}};
const satchel_id shop_customer = {{1, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 2}};
const satchel_id shop_tea = {{1, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 3}};
const satchel_id shop_yen = {{1, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 4}};

static void put_rep(shop *s, satchel_buffer *page) {
    static const satchel_bytes roles[] = {{(const uint8_t *)"rep", 3}};
    const satchel_value role_set = satchel_value_set(roles, 1);
    satchel_record record;
    satchel_record_init(&record, &s->arena);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_USER_LOGIN, satchel_text_of("lin")));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_USER_NAME, satchel_text_of("Lin Wei")));
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_USER_ROLES, &role_set));
    REQUIRE_OK(satchel_record_set_bool(&record, SATCHEL_USER_ACTIVE, true));
    answer_row(page, satchel_store_schema(s->store), SATCHEL_ENTITY_USER, &shop_rep, 1, &record);
}

static void put_customer(shop *s, satchel_buffer *page) {
    satchel_record record;
    satchel_record_init(&record, &s->arena);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Huaning Market")));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &shop_rep));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_LATITUDE_E7, 312304000));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CUSTOMER_LONGITUDE_E7, 1214737000));
    answer_row(page, satchel_store_schema(s->store), SATCHEL_ENTITY_CUSTOMER, &shop_customer, 2, &record);
}

static void put_product(shop *s, satchel_buffer *page, const satchel_id *id, const char *currency,
                        int64_t price_minor) {
    satchel_record record;
    satchel_record_init(&record, &s->arena);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_PRODUCT_CODE, satchel_text_of(currency)));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_PRODUCT_CURRENCY, satchel_text_of(currency)));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_PRODUCT_PRICE_MINOR, price_minor));
    answer_row(page, satchel_store_schema(s->store), SATCHEL_ENTITY_PRODUCT, id, 3, &record);
}

static void store_stock(shop *s) {
    satchel_buffer page = {0};
    satchel_sync_state state;
    satchel_store_outcome outcome;
    const satchel_answer_head head = {.status = SATCHEL_OK, .server_time_ms = SHOP_NOW_MS, .epoch = 1};
    const uint8_t cursor[] = {1};
    REQUIRE_OK(satchel_store_sync_state(s->store, &state, &s->error));
    answer_head(&page, &head);
    answer_scopes(&page);
    put_customer(s, &page);
    put_rep(s, &page);
    put_product(s, &page, &shop_tea, "CNY", 1250);
    put_product(s, &page, &shop_yen, "JPY", 300);
    answer_end(&page, (satchel_bytes){NULL, 0}, satchel_bytes_of(cursor, sizeof cursor), 3, false);
    state.cursor[0] = cursor[0];
    state.cursor_bytes = sizeof cursor;
    state.position = (satchel_revision){1, 3};
    if (!CHECK_OK(satchel_store_page(s->store, satchel_buffer_view(&page), &state, &outcome, &s->error))) {
        test_note("%s", s->error.detail);
        REQUIRE(false);
    }
    REQUIRE_UINT(outcome.rows_stored, 4);
    satchel_buffer_deinit(&page);
}

void shop_open(shop *s, uint64_t seed) {
    memset(s, 0, sizeof *s);
    test_note("seed %llu", (unsigned long long)seed);
    REQUIRE(sqlite3_open(":memory:", &s->database) == SQLITE_OK);
    REQUIRE_OK(satchel_store_open(&s->store, s->database, NULL, &s->error));
    REQUIRE_OK(satchel_store_put_value(s->store, SATCHEL_STORE_USER_NAME, satchel_id_view(&shop_rep), &s->error));
    s->sales = (satchel_sales){
        .store = s->store,
        .moment = {1, 5000, SHOP_NOW_MS, 0},
        .now_ms = SHOP_NOW_MS,
        .user = shop_rep,
        .random = satchel_random_from_seed(&s->random, seed),
    };
    store_stock(s);
}

void shop_close(shop *s) {
    satchel_store_close(s->store);
    sqlite3_close(s->database);
    satchel_arena_deinit(&s->arena);
}

satchel_record shop_read(shop *s, uint32_t entity, const satchel_id *id) {
    satchel_record record;
    uint32_t flags;
    uint64_t base_n;
    if (!CHECK_OK(satchel_store_read(s->store, entity, id, &s->arena, &record, &flags, &base_n, &s->error))) {
        test_note("%s", s->error.detail);
        REQUIRE(false);
    }
    return record;
}

int64_t shop_int(shop *s, uint32_t entity, const satchel_id *id, uint32_t field) {
    satchel_record record = shop_read(s, entity, id);
    const satchel_value *value = satchel_record_get(&record, field);
    if (value != NULL && value->type == SATCHEL_TYPE_BOOL) {
        return value->as.boolean ? 1 : 0;
    }
    return value == NULL || value->type == SATCHEL_TYPE_NULL ? INT64_MIN : value->as.integer;
}

static satchel_unit_batch all_units(shop *s) {
    satchel_unit_batch batch = {0};
    REQUIRE_OK(satchel_store_load_units(s->store, 0, 1u << 20, &s->arena, &batch, &s->error));
    return batch;
}

uint32_t shop_units(shop *s) {
    return all_units(s).count;
}

static satchel_unit_ops last_unit(shop *s, satchel_bytes **out_ops) {
    satchel_unit_batch batch = all_units(s);
    satchel_unit_ops unit = {0};
    REQUIRE(batch.count > 0);
    REQUIRE_OK(satchel_unit_decode(batch.units[batch.count - 1], &s->arena, &unit, out_ops, &s->error));
    return unit;
}

uint32_t shop_last_ops(shop *s) {
    satchel_bytes *ops;
    return last_unit(s, &ops).count;
}

bool shop_last_touches(shop *s, uint32_t entity) {
    satchel_bytes *ops;
    satchel_unit_ops unit = last_unit(s, &ops);
    for (uint32_t i = 0; i < unit.count; i++) {
        satchel_op op;
        REQUIRE_OK(satchel_op_decode(satchel_store_schema(s->store), ops[i], unit.first_sequence + i, &s->arena, &op,
                                     &s->error));
        if (op.entity == entity) {
            return true;
        }
    }
    return false;
}
