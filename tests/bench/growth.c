/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one pushed change costs the server as the company grows: with more and more scopes (territories) among the same
 * customers, and with more and more customers. The rep who pushes has the same number of customers everywhere, spread
 * evenly among all, in the same number of territories (a change costs more if no other of its exchange is in its
 * scope: --spread); his changes are units of one in one exchange. Steps of one kind are built first and then measured
 * in turn, so that a noisy machine is noisy for all of them. Times are CPU times; the writer's has its commits in it.
 *
 * usage: bench_growth [--rows N] [--scopes N] [--mine N] [--spread N] [--runs N] [--tiny]
 */
#include "base/text.h"
#include "crypto/crypto.h"
#include "service/admin.h"
#include "support/company.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define STEPS_MOST 8
/* Each row has a savepoint in the savepoint of its transaction, and giving it up costs SQLite a walk through all pages
 * that the outer one keeps: with 2,000 rows nearly all of the time went there. */
#define ROWS_A_TRANSACTION 250u
#define FEWEST_SCOPES 10u
#define FEWEST_ROWS 10000u

/* One company of a size. */
typedef struct step {
    uint32_t rows, scopes, mine, spread;
    bench_company company;
    bench_client client;
    satchel_id user, others;
    satchel_id *territories;
    satchel_id *edited;
    uint32_t round;
    bench_samples writer_us, server_us;
} step;

/* --- building --- */

typedef struct building {
    const satchel_service *service;
    step *at;
    uint32_t from, to;
    uint32_t edited; /* of the rep's customers so far */
} building;

static satchel_status add_territories(void *context, satchel_db *db, satchel_error *error) {
    building *work = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_id none = {{0}};
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = work->from; status == SATCHEL_OK && i < work->to; i++) {
        char name[24];
        snprintf(name, sizeof name, "T%u", (unsigned)i);
        status = satchel_territory_add(work->service, db, &system, satchel_text_of(name), &none, satchel_text_of(""),
                                       &work->at->territories[i], error);
    }
    return status;
}

static satchel_status put_customer(building *work, satchel_bulk *bulk, uint32_t i, satchel_error *error) {
    step *at = work->at;
    satchel_arena arena;
    satchel_record record;
    satchel_write_outcome outcome;
    char name[64];
    const satchel_id none = {{0}};
    const bool his = i % (at->rows / at->mine) == 0 && work->edited < at->mine;
    const satchel_id *where = &at->territories[his ? work->edited % at->spread : i % at->scopes];
    satchel_arena_init(&arena);
    satchel_record_init(&record, &arena);
    snprintf(name, sizeof name, "华宁贸易 %u Huaning Trading", (unsigned)i);
    bool put = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)) == SATCHEL_OK &&
               satchel_record_set_text(&record, SATCHEL_CUSTOMER_CITY, satchel_text_of("上海")) == SATCHEL_OK &&
               satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, his ? &at->user : &at->others) == SATCHEL_OK &&
               satchel_record_set_id(&record, SATCHEL_CUSTOMER_TERRITORY, where) == SATCHEL_OK;
    bench_require(put, "memory for a record");
    satchel_status status = satchel_bulk_put(bulk, SATCHEL_ENTITY_CUSTOMER, &none, &record, &outcome, error);
    if (status == SATCHEL_OK && his) {
        at->edited[work->edited++] = outcome.id;
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status add_customers(void *context, satchel_db *db, satchel_error *error) {
    building *work = context;
    const satchel_actor system = satchel_actor_system();
    satchel_bulk *bulk = NULL;
    satchel_status status = satchel_bulk_open(&bulk, work->service, db, &system, error);
    for (uint32_t i = work->from; status == SATCHEL_OK && i < work->to; i++) {
        status = put_customer(work, bulk, i, error);
    }
    satchel_status closed = satchel_bulk_close(bulk, error);
    return status == SATCHEL_OK ? closed : status;
}

static void in_parts(building *work, uint32_t count, satchel_lane_work part) {
    for (work->from = 0; work->from < count; work->from = work->to) {
        work->to = count - work->from > ROWS_A_TRANSACTION ? work->from + ROWS_A_TRANSACTION : count;
        bench_company_write(&work->at->company, part, work);
    }
}

static void build(step *at, const step *size) {
    *at = *size;
    at->spread = at->spread < at->scopes ? at->spread : at->scopes;
    at->territories = calloc(at->scopes, sizeof *at->territories);
    at->edited = calloc(at->mine, sizeof *at->edited);
    bench_require(at->territories != NULL && at->edited != NULL, "memory for ids");
    bench_company_open(&at->company, NULL);
    at->user = bench_company_user(&at->company, "rep", SATCHEL_ROLE_REP, NULL);
    at->others = bench_company_user(&at->company, "others", SATCHEL_ROLE_REP, NULL);
    building work = {.service = satchel_host_service(at->company.host), .at = at};
    in_parts(&work, at->scopes, add_territories);
    in_parts(&work, at->rows, add_customers);
    bench_require(work.edited == at->mine, "customers of the rep");
    bench_client_enrol(&at->client, &at->company, &at->user);
    bench_client_pull(&at->client, NULL);
    bench_samples_init(&at->writer_us);
    bench_samples_init(&at->server_us);
}

static void tear_down(step *at) {
    bench_samples_deinit(&at->writer_us);
    bench_samples_deinit(&at->server_us);
    bench_client_close(&at->client);
    bench_company_close(&at->company);
    free(at->territories);
    free(at->edited);
}

/* --- measuring --- */

/* `counts`: the first round of all warms caches. */
static void push(step *at, bool counts) {
    bench_cost cost = {0, 0, 0};
    at->round++;
    for (uint32_t i = 0; i < at->mine; i++) {
        char text[32];
        satchel_op op = bench_client_op(&at->client, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &at->edited[i]);
        op.base_n = at->client.position.n;
        snprintf(text, sizeof text, "%u-%u", (unsigned)at->round, (unsigned)i);
        bench_require(satchel_record_set_text(&op.set, SATCHEL_CUSTOMER_DISTRICT, satchel_text_of(text)) == SATCHEL_OK,
                      "a value");
        bench_client_put(&at->client, &op);
        bench_client_end_unit(&at->client);
    }
    int64_t process = bench_process_cpu_ns();
    int64_t thread = bench_thread_cpu_ns();
    bench_client_exchange(&at->client, &cost);
    double writer_ns = (double)((bench_process_cpu_ns() - process) - (bench_thread_cpu_ns() - thread));
    bench_require(at->client.units_told == at->mine, "all changes are applied");
    if (counts) {
        bench_samples_add(&at->writer_us, writer_ns / 1e3 / at->mine);
        bench_samples_add(&at->server_us, (writer_ns + (double)(cost.read_ns + cost.answer_ns)) / 1e3 / at->mine);
    }
    bench_client_pull(&at->client, NULL);
}

static void measure(const char *what, step *steps, uint32_t count, uint32_t (*size)(const step *at), int64_t runs) {
    char name[96];
    for (int64_t run = -1; run < runs; run++) {
        for (uint32_t i = 0; i < count; i++) {
            push(&steps[i], run >= 0);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "growth_%s_%u_writer_cpu", what, (unsigned)size(&steps[i]));
        bench_print_samples(name, &steps[i].writer_us, "us");
        snprintf(name, sizeof name, "growth_%s_%u_server_cpu", what, (unsigned)size(&steps[i]));
        bench_print_samples(name, &steps[i].server_us, "us");
    }
    double first = bench_samples_quantile(&steps[0].server_us, 0.5);
    double last = bench_samples_quantile(&steps[count - 1].server_us, 0.5);
    snprintf(name, sizeof name, "growth_%s_last_to_first", what);
    bench_print(name, last / first, "ratio");
    double decades = log10((double)size(&steps[count - 1]) / (double)size(&steps[0]));
    snprintf(name, sizeof name, "growth_%s_a_decade", what);
    bench_print(name, decades > 0 ? (last - first) / decades : 0, "us");
}

static uint32_t scopes_of(const step *at) {
    return at->scopes;
}
static uint32_t rows_of(const step *at) {
    return at->rows;
}

/* Steps of a hundred times from the fewest scopes, all with as many customers as there are most scopes. */
static void with_more_scopes(uint32_t most, step size, int64_t runs, step *steps) {
    uint32_t count = 0;
    size.rows = most > size.mine ? most : size.mine;
    for (uint32_t scopes = FEWEST_SCOPES; count < STEPS_MOST && scopes <= most; scopes *= 100) {
        size.scopes = scopes;
        build(&steps[count++], &size);
    }
    if (count > 0) {
        bench_print("growth_scopes_rows", size.rows, "rows");
        measure("scopes", steps, count, scopes_of, runs);
    }
    for (uint32_t i = 0; i < count; i++) {
        tear_down(&steps[i]);
    }
}

static void with_more_rows(uint32_t most, uint32_t fewest, step size, int64_t runs, step *steps) {
    uint32_t count = 0;
    for (uint64_t rows = fewest; count < STEPS_MOST && rows <= most; rows *= 10) {
        size.rows = (uint32_t)rows;
        size.scopes = FEWEST_SCOPES;
        build(&steps[count++], &size);
    }
    if (count > 0) {
        measure("rows", steps, count, rows_of, runs);
    }
    for (uint32_t i = 0; i < count; i++) {
        tear_down(&steps[i]);
    }
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    uint32_t rows = (uint32_t)bench_option(argc, argv, "--rows", tiny ? 1000 : 1000000);
    uint32_t scopes = (uint32_t)bench_option(argc, argv, "--scopes", tiny ? 1000 : 100000);
    const step size = {.mine = (uint32_t)bench_option(argc, argv, "--mine", tiny ? 50 : 1000),
                       .spread = (uint32_t)bench_option(argc, argv, "--spread", FEWEST_SCOPES)};
    int64_t runs = bench_option(argc, argv, "--runs", tiny ? 1 : 7);
    step *steps = calloc(STEPS_MOST, sizeof *steps);
    bench_require(satchel_crypto_init() == SATCHEL_OK && steps != NULL && size.mine > 0 && size.spread > 0 && runs > 0,
                  "libsodium, memory, and sizes above 0");
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* it runs for minutes: what is known is shown */
    bench_print("growth_changes", size.mine, "changes");
    with_more_scopes(scopes, size, runs, steps);
    with_more_rows(rows, tiny ? 100 : FEWEST_ROWS, size, runs, steps);
    free(steps);
    return 0;
}
