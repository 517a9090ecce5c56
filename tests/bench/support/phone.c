/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phone's half of the pull, and the way of its requests into the service and back.
 */
#include "phone.h"

#include "base/text.h"
#include "service/admin.h"
#include "service/exchange.h"
#include "wire/enroll.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS_MOST 4

static satchel_status give_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    (void)context;
    memset(out, 7, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

/* --- a request on the server --- */

typedef struct serving {
    bench_phone *phone;
    const satchel_service *service;
    const satchel_http_request *request;
    satchel_signed_headers headers;
    satchel_server_exchange *exchange;
    uint32_t http;
} serving;

static const char *header_of(const satchel_http_request *request, const char *name) {
    for (uint32_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0) {
            return request->headers[i].value;
        }
    }
    return "";
}

static satchel_status serve_read(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    return satchel_server_exchange_read(&work->exchange, work->service, db, "POST", "/v1/sync", &work->headers,
                                        work->request->body, error);
}

static satchel_status serve_apply(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    return satchel_server_exchange_apply(work->exchange, db, error);
}

static satchel_status serve_answer(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    return satchel_server_exchange_answer(work->exchange, db, &work->phone->answer, &work->http, error);
}

static satchel_status serve_enroll(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    satchel_buffer_clear(&work->phone->answer);
    return satchel_service_enroll(work->service, db, work->request->body, &work->phone->answer, &work->http, error);
}

static void must(satchel_status status, const satchel_error *error) {
    bench_require(status == SATCHEL_OK, error->detail[0] != '\0' ? error->detail : satchel_status_name(status));
}

static uint32_t serve(bench_phone *phone, const satchel_http_request *request) {
    satchel_host *host = phone->company->host;
    serving work = {.phone = phone, .service = satchel_host_service(host), .request = request};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    snprintf(work.headers.content_digest, sizeof work.headers.content_digest, "%s",
             header_of(request, "Content-Digest"));
    snprintf(work.headers.request_number, sizeof work.headers.request_number, "%s",
             header_of(request, "Satchel-Request"));
    snprintf(work.headers.signature_input, sizeof work.headers.signature_input, "%s",
             header_of(request, "Signature-Input"));
    snprintf(work.headers.signature, sizeof work.headers.signature, "%s", header_of(request, "Signature"));
    satchel_buffer_clear(&phone->answer);
    must(satchel_host_read(host, serve_read, &work, &error), &error);
    for (int round = 0; round < ROUNDS_MOST; round++) {
        if (satchel_server_exchange_needs_apply(work.exchange)) {
            must(satchel_host_write(host, serve_apply, &work, &error), &error);
        }
        must(satchel_host_read(host, serve_answer, &work, &error), &error);
        if (!satchel_server_exchange_needs_apply(work.exchange)) {
            break;
        }
    }
    satchel_server_exchange_close(work.exchange);
    return work.http;
}

/* --- enrolment --- */

typedef struct coding {
    const satchel_service *service;
    const satchel_id *user;
    satchel_issued_code code;
} coding;

static satchel_status issue(void *context, satchel_db *db, satchel_error *error) {
    coding *given = context;
    const satchel_actor system = satchel_actor_system();
    return satchel_code_issue(given->service, db, &system, given->user, &given->code, error);
}

void bench_phone_open(bench_phone *phone, bench_company *company, const char *folder, const satchel_id *user) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    coding given = {.service = satchel_host_service(company->host), .user = user};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_enroll_link parts = {.server = satchel_text_of("http://127.0.0.1:1")};
    satchel_enrolment *enrolment = NULL;
    satchel_http_request request;
    satchel_buffer link = {NULL, 0, 0};
    memset(phone, 0, sizeof *phone);
    phone->company = company;
    bench_company_write(company, issue, &given);
    memcpy(parts.code, given.code.code, sizeof parts.code);
    memcpy(parts.server_key, given.code.server_key, sizeof parts.server_key);
    must(satchel_enroll_link_write(&parts, &link), &error);
    config.folder = folder;
    config.keys.secret = give_secret;
    must(satchel_device_create(&phone->device, &config, &error), &error);
    must(satchel_enrolment_open(&enrolment, phone->device, satchel_text_from(satchel_buffer_view(&link)),
                                satchel_text_of("bench"), satchel_text_of("bench"), &error),
         &error);
    must(satchel_enrolment_request(enrolment, &request, &error), &error);
    serving work = {.phone = phone, .service = given.service, .request = &request};
    bench_company_write(company, serve_enroll, &work);
    must(satchel_enrolment_feed(enrolment, work.http, satchel_buffer_view(&phone->answer), &error), &error);
    satchel_enrolment_close(enrolment);
    satchel_buffer_deinit(&link);
}

void bench_phone_close(bench_phone *phone) {
    satchel_device_close(phone->device);
    satchel_buffer_deinit(&phone->answer);
}

/* --- the pull --- */

bench_sync bench_phone_sync(bench_phone *phone) {
    bench_sync out = {0, 0, 0, 0, 0, 0, 0};
    satchel_exchange *exchange = NULL;
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_step step;
    const int64_t start = bench_now_ns();
    const int64_t cpu = bench_thread_cpu_ns();
    int64_t answered = start;
    must(satchel_exchange_open(&exchange, phone->device, 0, &error), &error);
    for (;;) {
        must(satchel_exchange_next(exchange, &step, &error), &error);
        if (step.kind == SATCHEL_STEP_DONE) {
            break;
        }
        bench_require(step.kind == SATCHEL_STEP_SEND, "nothing to wait for");
        int64_t served = bench_thread_cpu_ns();
        uint32_t http = serve(phone, &step.request);
        out.server_cpu_ns += bench_thread_cpu_ns() - served;
        out.up += step.request.body.bytes;
        out.down += phone->answer.bytes;
        out.requests++;
        answered = bench_now_ns();
        must(satchel_exchange_feed(exchange, http, satchel_buffer_view(&phone->answer), 1, &error), &error);
    }
    bench_require(step.status == SATCHEL_OK, "the exchange ends well");
    satchel_exchange_close(exchange);
    out.stored_ns = bench_now_ns() - answered;
    out.total_ns = bench_now_ns() - start;
    out.phone_cpu_ns = bench_thread_cpu_ns() - cpu - out.server_cpu_ns;
    return out;
}
