/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A realignment of many customers from one rep to another: what the preview takes, how long the writer is held by the
 * facts and by each step of the memberships (so how long anybody else waits), and what the phones of both are sent.
 *
 * usage: bench_realign [--rows N] [--step N] [--runs N] [--tiny]
 */
#include "service/realign.h"
#include "crypto/crypto.h"
#include "support/phone.h"

#include <satchel/read.h>
#include <stdio.h>

typedef struct figures {
    bench_samples preview_ms, facts_ms, step_ms, steps_cpu_us;
    bench_samples lost_bytes, lost_ms, lost_cpu_us, gained_bytes, gained_ms, gained_cpu_us;
} figures;

typedef struct moving {
    const satchel_service *service;
    satchel_realign_wish wish;
    uint32_t step;
    uint64_t moved;
    satchel_realign_progress left;
    int64_t took_ns; /* of the writer, without its commit */
    int64_t cpu_ns;
} moving;

static satchel_status preview(void *context, satchel_db *db, satchel_error *error) {
    moving *work = context;
    const satchel_actor system = satchel_actor_system();
    satchel_arena arena;
    satchel_realign_impact impact;
    satchel_arena_init(&arena);
    satchel_status status = satchel_realign_preview(work->service, db, &system, &work->wish, &arena, &impact, error);
    work->moved = status == SATCHEL_OK ? impact.customers : 0;
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status change_facts(void *context, satchel_db *db, satchel_error *error) {
    moving *work = context;
    const satchel_actor system = satchel_actor_system();
    const int64_t start = bench_now_ns();
    satchel_status status = satchel_realign_begin(work->service, db, &system, &work->wish, &work->moved, error);
    work->took_ns = bench_now_ns() - start;
    return status;
}

static satchel_status take_step(void *context, satchel_db *db, satchel_error *error) {
    moving *work = context;
    const int64_t start = bench_now_ns();
    const int64_t cpu = bench_thread_cpu_ns();
    satchel_status status = satchel_realign_step(work->service, db, work->step, &work->left, error);
    work->took_ns = bench_now_ns() - start;
    work->cpu_ns += bench_thread_cpu_ns() - cpu;
    return status;
}

static uint64_t count_customers(bench_phone *phone) {
    satchel_query *query = NULL;
    uint64_t count = 0;
    bench_require(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER) == SATCHEL_OK &&
                      satchel_count(phone->device, query, &count, NULL) == SATCHEL_OK,
                  "a count");
    satchel_query_close(query);
    return count;
}

static void move_all(bench_company *company, moving *work, uint32_t rows, figures *out) {
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    int64_t start = bench_now_ns();
    bench_require(satchel_host_read(company->host, preview, work, &error) == SATCHEL_OK && work->moved == rows,
                  "a preview of all");
    bench_samples_add(&out->preview_ms, (double)(bench_now_ns() - start) / 1e6);
    bench_company_write(company, change_facts, work);
    bench_require(work->moved == rows, "all have moved");
    bench_samples_add(&out->facts_ms, (double)work->took_ns / 1e6);
    do {
        bench_company_write(company, take_step, work);
        bench_samples_add(&out->step_ms, (double)work->took_ns / 1e6);
    } while (work->left.to_remove > 0 || work->left.to_add > 0);
    bench_samples_add(&out->steps_cpu_us, (double)work->cpu_ns / 1e3 / rows);
}

static void realign(uint32_t rows, uint32_t step, figures *out) {
    bench_company company;
    bench_phone loses, gains;
    bench_rows customers;
    char folder[TEST_PATH_BYTES];
    bench_company_open(&company, NULL);
    const satchel_id first = bench_company_user(&company, "first", SATCHEL_ROLE_REP, NULL);
    const satchel_id second = bench_company_user(&company, "second", SATCHEL_ROLE_REP, NULL);
    bench_company_customers(&company, &first, NULL, 0, rows, &customers);
    bench_phone_open(&loses, &company, test_temp_path(&company.temp, "loses", folder), &first);
    bench_phone_open(&gains, &company, test_temp_path(&company.temp, "gains", folder), &second);
    (void)bench_phone_sync(&loses);
    (void)bench_phone_sync(&gains);
    bench_require(count_customers(&loses) == rows, "all customers are there");
    moving work = {
        .service = satchel_host_service(company.host), .wish = {.of_owner = &first, .owner = &second}, .step = step};
    move_all(&company, &work, rows, out);
    bench_sync lost = bench_phone_sync(&loses);
    bench_sync gained = bench_phone_sync(&gains);
    bench_require(count_customers(&loses) == 0 && count_customers(&gains) == rows, "all customers went over");
    bench_samples_add(&out->lost_bytes, (double)(lost.up + lost.down) / rows);
    bench_samples_add(&out->lost_ms, (double)lost.total_ns / 1e6);
    bench_samples_add(&out->lost_cpu_us, (double)lost.phone_cpu_ns / 1e3 / rows);
    bench_samples_add(&out->gained_bytes, (double)(gained.up + gained.down) / rows);
    bench_samples_add(&out->gained_ms, (double)gained.total_ns / 1e6);
    bench_samples_add(&out->gained_cpu_us, (double)gained.phone_cpu_ns / 1e3 / rows);
    bench_rows_free(&customers);
    bench_phone_close(&loses);
    bench_phone_close(&gains);
    bench_company_close(&company);
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    uint32_t rows = (uint32_t)bench_option(argc, argv, "--rows", tiny ? 300 : 10000);
    uint32_t step = (uint32_t)bench_option(argc, argv, "--step", 500);
    int64_t runs = bench_option(argc, argv, "--runs", tiny ? 1 : 5);
    figures f;
    const struct {
        const char *name;
        bench_samples *samples;
        const char *unit;
    } all[] = {{"realign_preview", &f.preview_ms, "ms"},
               {"realign_writer_facts", &f.facts_ms, "ms"},
               {"realign_writer_step", &f.step_ms, "ms"},
               {"realign_steps_cpu", &f.steps_cpu_us, "us/row"},
               {"realign_lost_wire", &f.lost_bytes, "B/row"},
               {"realign_lost_until_purged", &f.lost_ms, "ms"},
               {"realign_lost_phone_cpu", &f.lost_cpu_us, "us/row"},
               {"realign_gained_wire", &f.gained_bytes, "B/row"},
               {"realign_gained_until_stored", &f.gained_ms, "ms"},
               {"realign_gained_phone_cpu", &f.gained_cpu_us, "us/row"}};
    bench_require(satchel_crypto_init() == SATCHEL_OK && rows > 0 && runs > 0 && step > 0,
                  "libsodium, and sizes above 0");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench_samples_init(all[i].samples);
    }
    for (int64_t run = 0; run < runs; run++) {
        realign(rows, step, &f);
    }
    bench_print("realign_rows", rows, "rows");
    bench_print("realign_step", step, "rows");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        bench_print_samples(all[i].name, all[i].samples, all[i].unit);
        bench_samples_deinit(all[i].samples);
    }
    return 0;
}
