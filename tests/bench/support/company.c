/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company and its clients. Randomness is seeded: two runs send the same bytes.
 */
#include "company.h"

#include "base/ids.h"
#include "base/text.h"
#include "crypto/sign.h"
#include "service/admin.h"
#include "service/exchange.h"
#include "wire/body.h"
#include "wire/enroll.h"
#include "wire/orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUSTOMERS_A_TRANSACTION 10000u
#define ROUNDS_MOST 4

static void must(satchel_status status, const satchel_error *error, const char *what) {
    if (status != SATCHEL_OK) {
        fprintf(stderr, "%s: %s %s\n", what, satchel_status_name(status), error != NULL ? error->detail : "");
    }
    bench_require(status == SATCHEL_OK, what);
}

static satchel_status found(void *context, satchel_db *db, satchel_error *error) {
    bench_company *company = context;
    return satchel_company_init(satchel_host_service(company->host), db, satchel_text_of("Bench"), error);
}

void bench_company_open(bench_company *company, const char *database) {
    char path[TEST_PATH_BYTES];
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_db_process_begin(); /* as satcheld does */
    company->temp = test_temp_make();
    const satchel_host_config config = {
        .folder = test_temp_path(&company->temp, "server", path), .create = true, .database = database};
    must(satchel_host_open(&company->host, &config, &error), &error, "the company's folder");
    bench_company_write(company, found, company);
}

void bench_company_close(bench_company *company) {
    satchel_host_close(company->host);
    test_temp_remove(&company->temp);
}

void bench_company_write(bench_company *company, satchel_lane_work work, void *context) {
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    must(satchel_host_write(company->host, work, context, &error), &error, "a write of the office");
}

/* --- people and customers --- */

typedef struct hiring {
    const satchel_service *service;
    const char *name;
    uint32_t role;
    satchel_id territory;
    satchel_id id;
} hiring;

static satchel_status hire(void *context, satchel_db *db, satchel_error *error) {
    hiring *given = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_new_user user = {.login = satchel_text_of(given->name),
                                   .name = satchel_text_of(given->name),
                                   .roles = UINT64_C(1) << given->role,
                                   .territory = given->territory};
    return satchel_user_add(given->service, db, &system, &user, &given->id, error);
}

static satchel_status settle(void *context, satchel_db *db, satchel_error *error) {
    hiring *given = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_id none = {{0}};
    return satchel_territory_add(given->service, db, &system, satchel_text_of(given->name), &none, satchel_text_of(""),
                                 &given->id, error);
}

static satchel_status send_elsewhere(void *context, satchel_db *db, satchel_error *error) {
    hiring *given = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_user_change change = {.territory = &given->territory};
    return satchel_user_change_to(given->service, db, &system, &given->id, &change, error);
}

satchel_id bench_company_territory(bench_company *company, const char *name) {
    hiring given = {.service = satchel_host_service(company->host), .name = name};
    bench_company_write(company, settle, &given);
    return given.id;
}

satchel_id bench_company_user(bench_company *company, const char *login, uint32_t role, const satchel_id *territory) {
    hiring given = {.service = satchel_host_service(company->host), .name = login, .role = role};
    given.territory = territory != NULL ? *territory : given.territory;
    bench_company_write(company, hire, &given);
    return given.id;
}

void bench_company_move(bench_company *company, const satchel_id *user, const satchel_id *territory) {
    hiring given = {.service = satchel_host_service(company->host), .id = *user, .territory = *territory};
    bench_company_write(company, send_elsewhere, &given);
}

typedef struct filling {
    const satchel_service *service;
    const satchel_id *owner;
    const satchel_id *territory;
    uint32_t first;
    uint32_t from, to; /* indexes into rows */
    const bench_rows *rows;
} filling;

static void fill_customer(satchel_record *record, const filling *given, uint32_t number) {
    char name[96];
    char street[96];
    snprintf(name, sizeof name, "上海华宁贸易有限公司 %u Huaning Trading", (unsigned)number);
    snprintf(street, sizeof street, "人民路 %u 号 %u 室", (unsigned)(number % 977), (unsigned)(number % 31));
    bool put = satchel_record_set_text(record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)) == SATCHEL_OK &&
               satchel_record_set_text(record, SATCHEL_CUSTOMER_STREET, satchel_text_of(street)) == SATCHEL_OK &&
               satchel_record_set_text(record, SATCHEL_CUSTOMER_CITY, satchel_text_of("上海")) == SATCHEL_OK &&
               satchel_record_set_int(record, SATCHEL_CUSTOMER_GRADE, 1 + number % 3) == SATCHEL_OK;
    if (given->owner != NULL) {
        put = put && satchel_record_set_id(record, SATCHEL_CUSTOMER_OWNER, given->owner) == SATCHEL_OK;
    }
    if (given->territory != NULL) {
        put = put && satchel_record_set_id(record, SATCHEL_CUSTOMER_TERRITORY, given->territory) == SATCHEL_OK;
    }
    bench_require(put, "memory for a record");
}

static satchel_status fill(void *context, satchel_db *db, satchel_error *error) {
    filling *given = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_id none = {{0}};
    satchel_bulk *bulk = NULL;
    satchel_status status = satchel_bulk_open(&bulk, given->service, db, &system, error);
    for (uint32_t i = given->from; status == SATCHEL_OK && i < given->to; i++) {
        satchel_arena arena;
        satchel_record record;
        satchel_write_outcome outcome;
        satchel_arena_init(&arena);
        satchel_record_init(&record, &arena);
        fill_customer(&record, given, given->first + i);
        status = satchel_bulk_put(bulk, SATCHEL_ENTITY_CUSTOMER, &none, &record, &outcome, error);
        given->rows->ids[i] = outcome.id;
        given->rows->revisions[i] = outcome.n;
        satchel_arena_deinit(&arena);
    }
    satchel_status closed = satchel_bulk_close(bulk, error);
    return status == SATCHEL_OK ? closed : status;
}

void bench_company_customers(bench_company *company, const satchel_id *owner, const satchel_id *territory,
                             uint32_t first, uint32_t count, bench_rows *out) {
    *out = (bench_rows){calloc(count + 1u, sizeof *out->ids), calloc(count + 1u, sizeof *out->revisions), count};
    bench_require(out->ids != NULL && out->revisions != NULL, "memory for ids");
    for (uint32_t at = 0; at < count; at += CUSTOMERS_A_TRANSACTION) {
        uint32_t to = count - at > CUSTOMERS_A_TRANSACTION ? at + CUSTOMERS_A_TRANSACTION : count;
        filling given = {satchel_host_service(company->host), owner, territory, first, at, to, out};
        bench_company_write(company, fill, &given);
    }
}

static satchel_status give(void *context, satchel_db *db, satchel_error *error) {
    filling *given = context;
    const satchel_actor system = satchel_actor_system();
    satchel_bulk *bulk = NULL;
    satchel_status status = satchel_bulk_open(&bulk, given->service, db, &system, error);
    for (uint32_t i = given->from; status == SATCHEL_OK && i < given->to; i++) {
        satchel_arena arena;
        satchel_record record;
        satchel_write_outcome outcome;
        satchel_arena_init(&arena);
        satchel_record_init(&record, &arena);
        bench_require(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, given->owner) == SATCHEL_OK, "memory");
        status = satchel_bulk_put(bulk, SATCHEL_ENTITY_CUSTOMER, &given->rows->ids[i], &record, &outcome, error);
        satchel_arena_deinit(&arena);
    }
    satchel_status closed = satchel_bulk_close(bulk, error);
    return status == SATCHEL_OK ? closed : status;
}

void bench_company_give(bench_company *company, const bench_rows *rows, uint32_t from, uint32_t to,
                        const satchel_id *owner) {
    filling given = {satchel_host_service(company->host), owner, NULL, 0, from, to, rows};
    bench_company_write(company, give, &given);
}

void bench_rows_free(bench_rows *rows) {
    free(rows->ids);
    free(rows->revisions);
    *rows = (bench_rows){NULL, NULL, 0};
}

/* --- clients: enrolment --- */

static uint64_t draw(bench_client *client) { /* SplitMix64 */
    uint64_t z = (client->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void draw_bytes(bench_client *client, uint8_t *out, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)draw(client);
    }
}

typedef struct enrolling {
    bench_client *client;
    const satchel_id *user;
    const uint8_t *public_key;
} enrolling;

static satchel_status redeem(enrolling *given, const satchel_service *service, satchel_db *db,
                             const satchel_issued_code *code, satchel_error *error) {
    bench_client *client = given->client;
    satchel_enroll_request request = {.incarnation = client->incarnation,
                                      .device_name = satchel_text_of("bench"),
                                      .platform = satchel_text_of("bench"),
                                      .protocol = SATCHEL_PROTOCOL_VERSION,
                                      .schema = 1};
    satchel_enroll_answer answer;
    satchel_buffer payload = {NULL, 0, 0};
    satchel_buffer body = {NULL, 0, 0};
    satchel_buffer reply = {NULL, 0, 0};
    uint32_t http = 0;
    satchel_code_key(code->code, request.code_key);
    memcpy(request.device_key, given->public_key, sizeof request.device_key);
    memcpy(request.token, client->token_current, sizeof request.token);
    satchel_enroll_request_mac(code->code, code->server_key, &request, request.mac);
    must(satchel_enroll_request_write(&request, &payload), NULL, "an enrolment");
    must(satchel_body_pack(satchel_buffer_view(&payload), &body), NULL, "an enrolment");
    satchel_status status = satchel_service_enroll(service, db, satchel_buffer_view(&body), &reply, &http, error);
    if (status == SATCHEL_OK) {
        must(satchel_body_unpack(satchel_buffer_view(&reply), &payload, NULL), NULL, "its answer");
        must(satchel_enroll_answer_read(satchel_buffer_view(&payload), &answer, NULL), NULL, "its answer");
        client->device = answer.device;
        memcpy(client->company_key, code->server_key, sizeof client->company_key);
        status = answer.status;
    }
    satchel_buffer_deinit(&payload);
    satchel_buffer_deinit(&body);
    satchel_buffer_deinit(&reply);
    return status;
}

static satchel_status enrol(void *context, satchel_db *db, satchel_error *error) {
    enrolling *given = context;
    const satchel_service *service = satchel_host_service(given->client->company->host);
    const satchel_actor system = satchel_actor_system();
    satchel_issued_code code;
    satchel_status status = satchel_code_issue(service, db, &system, given->user, &code, error);
    return status == SATCHEL_OK ? redeem(given, service, db, &code, error) : status;
}

void bench_client_enrol(bench_client *client, bench_company *company, const satchel_id *user) {
    uint8_t seed[32];
    uint8_t public_key[32];
    memset(client, 0, sizeof *client);
    client->company = company;
    client->next_sequence = 1;
    client->page_bytes = 1u << 20;
    memcpy(&client->random, user->bytes + 8, sizeof client->random);
    draw_bytes(client, seed, sizeof seed);
    satchel_sign_keys(seed, public_key, client->secret_key);
    draw_bytes(client, client->token_current, sizeof client->token_current);
    draw_bytes(client, client->incarnation.bytes, sizeof client->incarnation.bytes);
    enrolling given = {client, user, public_key};
    bench_company_write(company, enrol, &given);
}

void bench_client_close(bench_client *client) {
    satchel_buffer_deinit(&client->units);
    satchel_buffer_deinit(&client->ops);
    satchel_buffer_deinit(&client->body);
    satchel_arena_deinit(&client->arena);
}

/* --- clients: units --- */

static satchel_moment moment_now(void) {
    int64_t now_ms = bench_now_ns() / 1000000;
    return (satchel_moment){.boot = 1, .monotonic_ms = now_ms, .wall_ms = INT64_C(1795305600000) + now_ms};
}

satchel_op bench_client_op(bench_client *client, satchel_op_kind kind, uint32_t entity, const satchel_id *id) {
    satchel_op op;
    satchel_op_init(&op, kind, entity, id, &client->arena);
    return op;
}

static void put_sized(satchel_buffer *out, satchel_bytes bytes) {
    uint8_t size[8];
    satchel_put_u64be(size, bytes.bytes);
    must(satchel_buffer_append(out, satchel_bytes_of(size, sizeof size)), NULL, "memory");
    must(satchel_buffer_append(out, bytes), NULL, "memory");
}

static bool next_sized(const satchel_buffer *from, size_t *at, satchel_bytes *out) {
    if (*at >= from->bytes) {
        return false;
    }
    *out = satchel_bytes_of(from->data + *at + 8, (size_t)satchel_get_u64be(from->data + *at));
    *at += 8 + out->bytes;
    return true;
}

void bench_client_put(bench_client *client, const satchel_op *op) {
    satchel_buffer bytes = {NULL, 0, 0};
    const satchel_schema *schema = satchel_service_schema(satchel_host_service(client->company->host));
    must(satchel_op_encode(schema, op, &bytes), NULL, "an op");
    put_sized(&client->ops, satchel_buffer_view(&bytes));
    satchel_buffer_deinit(&bytes);
    client->op_count++;
}

void bench_client_end_unit(bench_client *client) {
    const satchel_unit_ops head = {.first_sequence = client->next_sequence,
                                   .moment = moment_now(),
                                   .seen = client->position,
                                   .incarnation = client->incarnation,
                                   .count = client->op_count};
    satchel_bytes *views = calloc(client->op_count, sizeof *views);
    satchel_buffer unit = {NULL, 0, 0};
    size_t at = 0;
    bench_require(views != NULL, "memory for a unit");
    for (uint32_t i = 0; i < client->op_count; i++) {
        bench_require(next_sized(&client->ops, &at, &views[i]), "an op");
    }
    must(satchel_unit_encode(&head, views, client->op_count, &unit), NULL, "a unit");
    put_sized(&client->units, satchel_buffer_view(&unit));
    client->next_sequence += client->op_count;
    client->op_count = 0;
    satchel_buffer_clear(&client->ops);
    satchel_arena_reset(&client->arena);
    satchel_buffer_deinit(&unit);
    free(views);
}

/* --- clients: exchanges --- */

void bench_client_write(bench_client *client) {
    satchel_request_head head = {.protocol = SATCHEL_PROTOCOL_VERSION,
                                 .schema = 1,
                                 .now = moment_now(),
                                 .cursor = satchel_bytes_of(client->cursor, client->cursor_bytes),
                                 .witness = satchel_bytes_of(client->witness, client->witness_bytes),
                                 .orders_serial = client->orders_new ? client->orders_serial : 0,
                                 .page_bytes = client->page_bytes};
    satchel_buffer payload = {NULL, 0, 0};
    satchel_bytes unit;
    size_t at = 0;
    if (client->units.bytes > 0) { /* a request without units speaks for the device */
        head.incarnation = client->incarnation;
    }
    draw_bytes(client, client->token_next, sizeof client->token_next);
    memcpy(head.token_current, client->token_current, sizeof head.token_current);
    memcpy(head.token_next, client->token_next, sizeof head.token_next);
    must(satchel_request_write_head(&head, &payload), NULL, "a request");
    while (next_sized(&client->units, &at, &unit)) {
        must(satchel_request_write_unit(unit, &payload), NULL, "a request");
    }
    must(satchel_body_pack(satchel_buffer_view(&payload), &client->body), NULL, "a request");
    must(satchel_request_sign("POST", "/v1/sync", satchel_buffer_view(&client->body), &client->device,
                              ++client->request_number, client->secret_key, &client->headers),
         NULL, "a signature");
    satchel_buffer_clear(&client->units);
    satchel_buffer_deinit(&payload);
}

static void take_end(bench_client *client, const satchel_page_end *end, uint32_t epoch) {
    if (end->cursor.bytes > 0) {
        memcpy(client->cursor, end->cursor.data, end->cursor.bytes);
        client->cursor_bytes = end->cursor.bytes;
    }
    client->position = (satchel_revision){epoch, end->position_n};
    client->more = end->more;
}

/* Told once that they are carried out, or were seen, the server does not send them again. */
static void take_notes(bench_client *client, satchel_bytes block, satchel_bytes checkpoint) {
    satchel_orders orders;
    client->witness_bytes = checkpoint.bytes;
    if (checkpoint.bytes > 0) {
        memcpy(client->witness, checkpoint.data, checkpoint.bytes);
    }
    client->orders_new = block.bytes > 0;
    if (client->orders_new) {
        must(satchel_orders_read(block, client->company_key, &orders, NULL), NULL, "orders");
        client->orders_serial = orders.serial;
    }
}

static void take_frame(bench_client *client, const satchel_answer_frame *frame, uint32_t *epoch) {
    switch (frame->kind) {
    case SATCHEL_FRAME_HEAD:
        bench_require(frame->as.head.status == SATCHEL_OK, "the server takes the request");
        *epoch = frame->as.head.epoch;
        if (frame->as.head.token_moved) {
            memcpy(client->token_current, client->token_next, sizeof client->token_current);
        }
        take_notes(client, frame->as.head.orders, frame->as.head.checkpoint);
        break;
    case SATCHEL_FRAME_RESULT:
        bench_require(frame->as.result.code == SATCHEL_RESULT_APPLIED, "what is sent is applied");
        client->units_told += frame->as.result.count;
        break;
    case SATCHEL_FRAME_ROW: client->rows++; break;
    case SATCHEL_FRAME_REMOVAL: client->removed += frame->as.removal.rows.bytes / SATCHEL_ID_BYTES; break;
    case SATCHEL_FRAME_SCOPE_LOSS: client->removed++; break;
    case SATCHEL_FRAME_END: take_end(client, &frame->as.end, *epoch); break;
    default: break;
    }
}

void bench_client_take(bench_client *client, satchel_bytes body) {
    satchel_buffer payload = {NULL, 0, 0};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    uint32_t epoch = 0;
    must(satchel_body_unpack(body, &payload, NULL), NULL, "an answer");
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&payload));
    client->units_told = client->rows = client->removed = 0;
    client->more = false;
    while (frame.kind != SATCHEL_FRAME_NONE) {
        must(satchel_answer_read(&reader, &client->arena, &frame, NULL), NULL, "a frame");
        take_frame(client, &frame, &epoch);
    }
    satchel_arena_reset(&client->arena);
    satchel_buffer_deinit(&payload);
}

/* --- straight through the service --- */

typedef struct running {
    bench_client *client;
    const satchel_service *service;
    satchel_server_exchange *exchange;
    satchel_buffer reply;
    bench_cost *cost;
} running;

static satchel_status run_read(void *context, satchel_db *db, satchel_error *error) {
    running *work = context;
    bench_client *client = work->client;
    int64_t start = bench_thread_cpu_ns();
    satchel_status status = satchel_server_exchange_read(&work->exchange, work->service, db, "POST", "/v1/sync",
                                                         &client->headers, satchel_buffer_view(&client->body), error);
    work->cost->read_ns += bench_thread_cpu_ns() - start;
    return status;
}

static satchel_status run_apply(void *context, satchel_db *db, satchel_error *error) {
    running *work = context;
    int64_t start = bench_thread_cpu_ns();
    satchel_status status = satchel_server_exchange_apply(work->exchange, db, error);
    work->cost->decide_ns += bench_thread_cpu_ns() - start;
    return status;
}

static satchel_status run_answer(void *context, satchel_db *db, satchel_error *error) {
    running *work = context;
    uint32_t http = 0;
    int64_t start = bench_thread_cpu_ns();
    satchel_status status = satchel_server_exchange_answer(work->exchange, db, &work->reply, &http, error);
    work->cost->answer_ns += bench_thread_cpu_ns() - start;
    return status;
}

size_t bench_client_exchange(bench_client *client, bench_cost *cost) {
    bench_cost ignored = {0, 0, 0};
    satchel_host *host = client->company->host;
    running work = {client, satchel_host_service(host), NULL, {NULL, 0, 0}, cost != NULL ? cost : &ignored};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    bench_client_write(client);
    must(satchel_host_read(host, run_read, &work, &error), &error, "a request is read");
    for (int round = 0; round < ROUNDS_MOST; round++) {
        if (satchel_server_exchange_needs_apply(work.exchange)) {
            must(satchel_host_write(host, run_apply, &work, &error), &error, "units are decided");
        }
        must(satchel_host_read(host, run_answer, &work, &error), &error, "an answer");
        if (!satchel_server_exchange_needs_apply(work.exchange)) {
            break;
        }
    }
    size_t bytes = work.reply.bytes;
    bench_client_take(client, satchel_buffer_view(&work.reply));
    satchel_buffer_deinit(&work.reply);
    satchel_server_exchange_close(work.exchange);
    return bytes;
}

uint64_t bench_client_pull(bench_client *client, bench_cost *cost) {
    uint64_t rows = 0;
    do {
        bench_client_exchange(client, cost);
        rows += client->rows;
    } while (client->more);
    return rows;
}
