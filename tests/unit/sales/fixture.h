/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sales verbs' tests share: a store in memory with a rep, a customer and two products from the server.
 */
#ifndef SATCHEL_TESTS_UNIT_SALES_FIXTURE_H
#define SATCHEL_TESTS_UNIT_SALES_FIXTURE_H

#include "sales/sales.h"
#include "support/random.h"
#include "support/test.h"

#include "base/ids.h"
#include "base/text.h"

#include <satchel/model.h>

#define SHOP_NOW_MS INT64_C(1700000000000)

typedef struct shop {
    struct sqlite3 *database;
    satchel_store *store;
    satchel_sales sales;
    satchel_random_seeded random;
    satchel_error error;
    satchel_arena arena;
} shop;

extern const satchel_id shop_rep, shop_customer, shop_tea, shop_yen;

/* The customer lies at 31.2304 N, 121.4737 E; shop_tea costs 12.50 CNY, shop_yen 300 JPY. */
void shop_open(shop *s, uint64_t seed);
void shop_close(shop *s);

/* A row as the user sees it, in the shop's arena; ends the test if it is not there. */
satchel_record shop_read(shop *s, uint32_t entity, const satchel_id *id);
int64_t shop_int(shop *s, uint32_t entity, const satchel_id *id, uint32_t field);
/* Units in the op log, and the ops of the newest one. */
uint32_t shop_units(shop *s);
uint32_t shop_last_ops(shop *s);
/* Does the newest unit touch a row of this entity? */
bool shop_last_touches(shop *s, uint32_t entity);

#endif
