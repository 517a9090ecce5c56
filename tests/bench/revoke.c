/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access that ends: a manager loses the territory of all his customers, which is one short message, and a realignment
 * gives a rep's customers to another one by one. Bytes of bodies, the time until nothing can be read any more, and
 * until nothing is left on the phone's disk.
 *
 * usage: bench_revoke [--rows N] [--runs N] [--tiny]
 */
#include "crypto/crypto.h"
#include "support/phone.h"

#include <satchel/read.h>
#include <stdio.h>

typedef struct figures {
    bench_samples up, down, hidden_ms, purged_ms;
    bench_samples row_bytes, row_ms;
} figures;

static uint64_t count_customers(bench_phone *phone) {
    satchel_query *query = NULL;
    uint64_t count = 0;
    bench_require(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER) == SATCHEL_OK &&
                      satchel_count(phone->device, query, &count, NULL) == SATCHEL_OK,
                  "a count");
    satchel_query_close(query);
    return count;
}

static void lose_scope(uint32_t rows, figures *out) {
    bench_company company;
    bench_phone phone;
    bench_rows customers;
    char folder[TEST_PATH_BYTES];
    bench_company_open(&company, NULL);
    const satchel_id east = bench_company_territory(&company, "East");
    const satchel_id west = bench_company_territory(&company, "West");
    const satchel_id user = bench_company_user(&company, "manager", SATCHEL_ROLE_MANAGER, &east);
    bench_company_customers(&company, NULL, &east, 0, rows, &customers);
    bench_phone_open(&phone, &company, test_temp_path(&company.temp, "phone", folder), &user);
    (void)bench_phone_sync(&phone);
    bench_require(count_customers(&phone) == rows, "all customers are there");
    bench_company_move(&company, &user, &west);
    bench_sync sync = bench_phone_sync(&phone);
    bench_require(count_customers(&phone) == 0, "no customer is there");
    bench_samples_add(&out->up, (double)sync.up);
    bench_samples_add(&out->down, (double)sync.down);
    bench_samples_add(&out->hidden_ms, (double)(sync.total_ns - sync.stored_ns) / 1e6);
    bench_samples_add(&out->purged_ms, (double)sync.stored_ns / 1e6);
    bench_rows_free(&customers);
    bench_phone_close(&phone);
    bench_company_close(&company);
}

static void realign(uint32_t rows, figures *out) {
    bench_company company;
    bench_phone phone;
    bench_rows customers;
    char folder[TEST_PATH_BYTES];
    bench_company_open(&company, NULL);
    const satchel_id first = bench_company_user(&company, "first", SATCHEL_ROLE_REP, NULL);
    const satchel_id second = bench_company_user(&company, "second", SATCHEL_ROLE_REP, NULL);
    bench_company_customers(&company, &first, NULL, 0, rows, &customers);
    bench_phone_open(&phone, &company, test_temp_path(&company.temp, "phone", folder), &first);
    (void)bench_phone_sync(&phone);
    bench_company_give(&company, &customers, 0, rows, &second);
    bench_sync sync = bench_phone_sync(&phone);
    bench_require(count_customers(&phone) == 0, "no customer is there");
    bench_samples_add(&out->row_bytes, (double)(sync.up + sync.down) / rows);
    bench_samples_add(&out->row_ms, (double)sync.total_ns / 1e6);
    bench_rows_free(&customers);
    bench_phone_close(&phone);
    bench_company_close(&company);
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    uint32_t rows = (uint32_t)bench_option(argc, argv, "--rows", tiny ? 500 : 10000);
    int64_t runs = bench_option(argc, argv, "--runs", tiny ? 1 : 5);
    figures f;
    bench_samples *const all[] = {&f.up, &f.down, &f.hidden_ms, &f.purged_ms, &f.row_bytes, &f.row_ms};
    static const char *const names[] = {"revoke_scope_up",    "revoke_scope_down", "revoke_scope_until_asked",
                                        "revoke_scope_purge", "revoke_rows_wire",  "revoke_rows_until_purged"};
    static const char *const units[] = {"B", "B", "ms", "ms", "B/row", "ms"};
    bench_require(satchel_crypto_init() == SATCHEL_OK && rows > 0 && runs > 0, "libsodium, and sizes above 0");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench_samples_init(all[i]);
    }
    for (int64_t run = 0; run < runs; run++) {
        lose_scope(rows, &f);
        realign(rows, &f);
    }
    bench_print("revoke_rows", rows, "rows");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench_print_samples(names[i], all[i], units[i]);
        bench_samples_deinit(all[i]);
    }
    return 0;
}
