/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change that a phone pushes: what it costs on the wire, the server, and its one writer. Durable, checked, audited;
 * the real service over a database on disk, without HTTP (`exchanges` has that).
 *
 * One field in each of N rows, as one unit, as units of 10 ops in exchanges of their own, and as a unit each; and an
 * exchange with nothing new. Times are CPU times of threads; the writer's has its commits in it.
 *
 * usage: bench_push [--rows N] [--runs N] [--ways BITS: 1 one unit, 2 tens, 4 units of one] [--tiny],
 * SATCHEL_BENCH_DATABASE=<address of PostgreSQL>
 */
#include "base/text.h"
#include "crypto/crypto.h"
#include "support/company.h"

#include <stdio.h>
#include <stdlib.h>

#define OPS_OF_A_SMALL_EXCHANGE 10u

typedef struct bench {
    bench_company company;
    bench_client client;
    bench_rows rows;
    uint32_t round;
    uint64_t applied; /* the checksum: what the server said it applied */
} bench;

/* What one way of pushing cost, a change. */
typedef struct figures {
    const char *name;
    bench_samples server_us;
    bench_samples writer_us;
    bench_samples up, down; /* bytes */
} figures;

static void edit_row(bench *b, uint32_t row, uint32_t field, uint64_t base_n) {
    char text[32];
    satchel_op op = bench_client_op(&b->client, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &b->rows.ids[row]);
    op.base_n = base_n;
    snprintf(text, sizeof text, "%u-%u", (unsigned)b->round, (unsigned)row);
    bench_require(satchel_record_set_text(&op.set, field, satchel_text_of(text)) == SATCHEL_OK, "a value");
    bench_client_put(&b->client, &op);
}

/* All rows once, in units of `unit` ops and exchanges of `exchange` ops. */
static void push(bench *b, uint32_t unit, uint32_t exchange, figures *out) {
    bench_cost cost = {0, 0, 0};
    int64_t writer_ns = 0;
    size_t up = 0;
    size_t down = 0;
    b->round++;
    for (uint32_t row = 0; row < b->rows.count; row++) {
        bool last = row + 1 == b->rows.count;
        edit_row(b, row, SATCHEL_CUSTOMER_DISTRICT, b->client.position.n);
        if ((row + 1) % unit == 0 || last) {
            bench_client_end_unit(&b->client);
        }
        if ((row + 1) % exchange == 0 || last) {
            int64_t process = bench_process_cpu_ns();
            int64_t mine = bench_thread_cpu_ns();
            down += bench_client_exchange(&b->client, &cost);
            writer_ns += (bench_process_cpu_ns() - process) - (bench_thread_cpu_ns() - mine);
            up += b->client.body.bytes;
            b->applied += b->client.units_told;
        }
    }
    double changes = (double)b->rows.count;
    bench_samples_add(&out->writer_us, (double)writer_ns / 1e3 / changes);
    bench_samples_add(&out->server_us, (double)(writer_ns + cost.read_ns + cost.answer_ns) / 1e3 / changes);
    bench_samples_add(&out->up, (double)up / changes);
    bench_samples_add(&out->down, (double)down / changes);
}

static void idle(bench *b, figures *out) {
    bench_cost cost = {0, 0, 0};
    size_t down = bench_client_exchange(&b->client, &cost);
    bench_samples_add(&out->writer_us, (double)cost.decide_ns / 1e3);
    bench_samples_add(&out->server_us, (double)(cost.read_ns + cost.answer_ns) / 1e3);
    bench_samples_add(&out->up, (double)b->client.body.bytes);
    bench_samples_add(&out->down, (double)down);
}

static void print_one(const char *way, const char *what, bench_samples *samples, const char *unit) {
    char name[96];
    snprintf(name, sizeof name, "push_%s_%s", way, what);
    bench_print_samples(name, samples, unit);
}

static void print_figures(figures *f) {
    if (f->up.count > 0) {
        print_one(f->name, "server_cpu", &f->server_us, "us");
        print_one(f->name, "writer_cpu", &f->writer_us, "us");
        print_one(f->name, "up", &f->up, "B");
        print_one(f->name, "down", &f->down, "B");
    }
    bench_samples_deinit(&f->server_us);
    bench_samples_deinit(&f->writer_us);
    bench_samples_deinit(&f->up);
    bench_samples_deinit(&f->down);
}

static figures begin(const char *name) {
    figures f = {.name = name};
    bench_samples_init(&f.server_us);
    bench_samples_init(&f.writer_us);
    bench_samples_init(&f.up);
    bench_samples_init(&f.down);
    return f;
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    uint32_t rows = (uint32_t)bench_option(argc, argv, "--rows", tiny ? 100 : 2000);
    int64_t runs = bench_option(argc, argv, "--runs", tiny ? 1 : 7);
    int64_t ways = bench_option(argc, argv, "--ways", 7);
    bench b = {.round = 0};
    bench_require(satchel_crypto_init() == SATCHEL_OK && rows > 0 && runs > 0, "libsodium, and sizes above 0");
    bench_company_open(&b.company, getenv("SATCHEL_BENCH_DATABASE"));
    const satchel_id user = bench_company_user(&b.company, "rep", SATCHEL_ROLE_REP, NULL);
    bench_company_customers(&b.company, &user, NULL, 0, rows, &b.rows);
    bench_client_enrol(&b.client, &b.company, &user);
    bench_client_pull(&b.client, NULL);
    figures whole = begin("one_unit");
    figures small = begin("tens");
    figures single = begin("units_of_one");
    figures notes = begin("notes"); /* the first one after pushes: a checkpoint of the audit rides along */
    figures empty = begin("empty");
    for (int64_t run = 0; run < runs; run++) {
        if ((ways & 1) != 0) {
            push(&b, rows, rows, &whole);
        }
        if ((ways & 2) != 0) {
            push(&b, OPS_OF_A_SMALL_EXCHANGE, OPS_OF_A_SMALL_EXCHANGE, &small);
        }
        if ((ways & 4) != 0) {
            push(&b, 1, rows, &single);
        }
        bench_client_pull(&b.client, NULL);
        idle(&b, &notes);
        idle(&b, &empty);
    }
    bench_print("push_rows", rows, "rows");
    bench_print("push_checksum", (double)b.applied, "changes");
    print_figures(&whole);
    print_figures(&small);
    print_figures(&single);
    print_figures(&notes);
    print_figures(&empty);
    bench_rows_free(&b.rows);
    bench_client_close(&b.client);
    bench_company_close(&b.company);
    return 0;
}
