/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A company on disk with the real service and database, and clients that speak the protocol without a store: they keep
 * keys, tokens and cursor, and forget the rows. What a call costs the server is told apart by thread: reading,
 * deciding (the writer), answering.
 */
#ifndef SATCHEL_TESTS_BENCH_SUPPORT_COMPANY_H
#define SATCHEL_TESTS_BENCH_SUPPORT_COMPANY_H

#include "bench.h"
#include "host/host.h"
#include "support/temp.h"
#include "wire/answer.h"
#include "wire/orders.h"
#include "wire/request.h"
#include "wire/signing.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>

typedef struct bench_company {
    test_temp temp;
    satchel_host *host;
} bench_company;

/* `database`: an address of PostgreSQL; NULL: a file of SQLite. All here end the program on failure. */
void bench_company_open(bench_company *company, const char *database);
void bench_company_close(bench_company *company);
void bench_company_write(bench_company *company, satchel_lane_work work, void *context);

/* `territory`, `owner`: NULL, none. */
satchel_id bench_company_territory(bench_company *company, const char *name);
satchel_id bench_company_user(bench_company *company, const char *login, uint32_t role, const satchel_id *territory);
void bench_company_move(bench_company *company, const satchel_id *user, const satchel_id *territory);
/* Customers of the user or territory, numbered from `first`; ids and revisions if wanted. */
typedef struct bench_rows {
    satchel_id *ids;
    uint64_t *revisions;
    uint32_t count;
} bench_rows;
void bench_company_customers(bench_company *company, const satchel_id *owner, const satchel_id *territory,
                             uint32_t first, uint32_t count, bench_rows *out);
/* The customers from index `from` up to `to` get another owner. */
void bench_company_give(bench_company *company, const bench_rows *rows, uint32_t from, uint32_t to,
                        const satchel_id *owner);
void bench_rows_free(bench_rows *rows);

/* CPU time of what was called so far, in ns. */
typedef struct bench_cost {
    int64_t read_ns;
    int64_t decide_ns; /* on the writer's thread, without its commits */
    int64_t answer_ns;
} bench_cost;

typedef struct bench_client {
    bench_company *company;
    satchel_id device;
    satchel_id incarnation;
    uint8_t secret_key[64];
    uint8_t company_key[32]; /* what it signs with */
    uint8_t token_current[SATCHEL_TOKEN_BYTES];
    uint8_t token_next[SATCHEL_TOKEN_BYTES];
    uint64_t request_number;
    uint64_t next_sequence;
    uint32_t page_bytes; /* 0: results only */
    uint8_t cursor[SATCHEL_LIMIT_CURSOR_BYTES];
    size_t cursor_bytes;
    satchel_revision position;
    uint8_t witness[SATCHEL_CHECKPOINT_BLOCK_BYTES]; /* the checkpoint that the last answer brought */
    size_t witness_bytes;
    uint64_t orders_serial; /* of the standing orders … */
    bool orders_new;        /* … that the last answer brought */
    uint64_t random;
    satchel_arena arena;
    satchel_buffer units; /* the units of the coming request, each with its length before it */
    satchel_buffer ops;   /* the same of the ops of the unit in the making */
    uint32_t op_count;
    satchel_buffer body; /* of the last request, signed by headers */
    satchel_signed_headers headers;
    /* of the last answer */
    uint64_t units_told; /* ops that were applied */
    uint64_t rows;
    uint64_t removed; /* rows in removals, and 1 for each lost scope */
    bool more;
} bench_client;

void bench_client_enrol(bench_client *client, bench_company *company, const satchel_id *user);
void bench_client_close(bench_client *client);
satchel_op bench_client_op(bench_client *client, satchel_op_kind kind, uint32_t entity, const satchel_id *id);
void bench_client_put(bench_client *client, const satchel_op *op);
void bench_client_end_unit(bench_client *client);
/* The request with all units since the last one, in body and headers. */
void bench_client_write(bench_client *client);
/* The answer to it. */
void bench_client_take(bench_client *client, satchel_bytes body);
/* Both, straight through the service. Gives the bytes of the answer. */
size_t bench_client_exchange(bench_client *client, bench_cost *cost);
/* Exchanges until nothing more comes. Gives the rows. */
uint64_t bench_client_pull(bench_client *client, bench_cost *cost);

#endif
