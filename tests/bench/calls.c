/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user waits for while the phone works in the background: a first sync of many customers in one thread, the loss
 * of them all and their purge, and meanwhile in another the calls of a user interface: a row, a page of a list, a
 * search, a change. Each call's time is wall time, from call to return, disk included.
 *
 * usage: bench_calls [--rows N] [--runs N] [--tiny]
 */
#include "base/text.h"
#include "crypto/crypto.h"
#include "support/phone.h"
#include "wire/record_codec.h"

#include <pthread.h>
#include <satchel/read.h>
#include <satchel/write.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define PAUSE_NS 2000000 /* between two calls of a busy thumb */

typedef struct user_interface {
    satchel_device *device;
    atomic_bool over;
    bench_samples times_us;
    double longest_us[4]; /* a kind */
    satchel_id note;      /* a customer of one's own that is edited */
    uint64_t found;
} user_interface;

static void list(user_interface *ui, const char *words) {
    satchel_query *query = NULL;
    satchel_page *page = NULL;
    bench_require(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER) == SATCHEL_OK, "a query");
    if (words != NULL) {
        bench_require(satchel_query_search(query, satchel_text_of(words)) == SATCHEL_OK, "words");
    }
    bench_require(satchel_page_open(&page, ui->device, query, (satchel_bytes){NULL, 0}, 20, NULL) == SATCHEL_OK,
                  "a list");
    ui->found += satchel_page_count(page);
    satchel_page_close(page);
    satchel_query_close(query);
}

static void read_row(user_interface *ui) {
    satchel_page *page = NULL;
    satchel_status status = satchel_row_open(&page, ui->device, SATCHEL_ENTITY_CUSTOMER, &ui->note, NULL);
    bench_require(status == SATCHEL_OK || status == SATCHEL_NOT_FOUND, "a row");
    satchel_page_close(page);
}

static void change(user_interface *ui, uint64_t number) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    satchel_arena arena = {0};
    satchel_record record;
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_write *write = NULL;
    char text[32];
    satchel_record_init(&record, &arena);
    snprintf(text, sizeof text, "Memo %llu", (unsigned long long)number);
    bool made = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(text)) == SATCHEL_OK &&
                satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, &bytes) == SATCHEL_OK &&
                satchel_write_begin(&write, ui->device, NULL) == SATCHEL_OK;
    bench_require(made, "a change");
    satchel_status status =
        number == 0
            ? satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, satchel_buffer_view(&bytes), &ui->note, NULL)
            : satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &ui->note, satchel_buffer_view(&bytes), NULL, 0, NULL);
    bench_require(status == SATCHEL_OK && satchel_commit(write, NULL, NULL) == SATCHEL_OK, "a commit");
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

static void *use(void *context) {
    user_interface *ui = context;
    const struct timespec pause = {0, PAUSE_NS};
    for (uint64_t i = 0; !atomic_load(&ui->over) && ui->times_us.count < BENCH_SAMPLES_MOST; i++) {
        int kind = (int)(i % 4);
        int64_t start = bench_now_ns();
        switch (kind) {
        case 0: change(ui, i / 4); break;
        case 1: read_row(ui); break;
        case 2: list(ui, NULL); break;
        default: list(ui, i % 8 == 3 ? "华宁" : "trading"); break;
        }
        double took_us = (double)(bench_now_ns() - start) / 1e3;
        bench_samples_add(&ui->times_us, took_us);
        ui->longest_us[kind] = took_us > ui->longest_us[kind] ? took_us : ui->longest_us[kind];
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void print_times(const char *during, user_interface *ui) {
    static const char *const kinds[] = {"change", "row", "list", "search"};
    const struct {
        const char *name;
        double fraction;
    } points[] = {{"median", 0.5}, {"p99", 0.99}, {"max", 1.0}};
    char name[96];
    snprintf(name, sizeof name, "calls_during_%s", during);
    bench_print(name, (double)ui->times_us.count, "calls");
    for (size_t i = 0; i < sizeof points / sizeof *points && ui->times_us.count > 0; i++) {
        snprintf(name, sizeof name, "calls_during_%s_%s", during, points[i].name);
        bench_print(name, bench_samples_quantile(&ui->times_us, points[i].fraction) / 1e3, "ms");
    }
    for (int kind = 0; kind < 4; kind++) {
        snprintf(name, sizeof name, "calls_during_%s_max_%s", during, kinds[kind]);
        bench_print(name, ui->longest_us[kind] / 1e3, "ms");
    }
}

/* One sync in this thread, calls in another. */
static bench_sync sync_in_use(bench_phone *phone, const char *during) {
    user_interface ui = {.device = phone->device};
    pthread_t thread;
    bench_samples_init(&ui.times_us);
    atomic_init(&ui.over, false);
    bench_require(pthread_create(&thread, NULL, use, &ui) == 0, "a second thread");
    bench_sync sync = bench_phone_sync(phone);
    atomic_store(&ui.over, true);
    pthread_join(thread, NULL);
    print_times(during, &ui);
    bench_samples_deinit(&ui.times_us);
    return sync;
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    uint32_t rows = (uint32_t)bench_option(argc, argv, "--rows", tiny ? 1500 : 100000);
    bench_company company;
    bench_phone phone;
    bench_rows customers;
    char folder[TEST_PATH_BYTES];
    bench_require(satchel_crypto_init() == SATCHEL_OK && rows > 0, "libsodium, and rows");
    bench_company_open(&company, NULL);
    const satchel_id east = bench_company_territory(&company, "East");
    const satchel_id west = bench_company_territory(&company, "West");
    const satchel_id user = bench_company_user(&company, "manager", SATCHEL_ROLE_MANAGER, &east);
    bench_company_customers(&company, NULL, &east, 0, rows, &customers);
    bench_phone_open(&phone, &company, test_temp_path(&company.temp, "phone", folder), &user);
    bench_print("calls_rows", rows, "rows");
    bench_sync sync = sync_in_use(&phone, "first_sync");
    bench_print("calls_first_sync", (double)sync.total_ns / 1e9, "s");
    bench_company_move(&company, &user, &west);
    sync = sync_in_use(&phone, "purge");
    bench_print("calls_purge", (double)sync.total_ns / 1e9, "s");
    bench_rows_free(&customers);
    bench_phone_close(&phone);
    bench_company_close(&company);
    return 0;
}
