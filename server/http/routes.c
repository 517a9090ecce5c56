/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From HTTP to the service and back. Nothing is decided here.
 */
#include "http/routes.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "service/exchange.h"
#include "wire/body.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define JSON_TYPE "application/json"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define ENROLL_BODY_BYTES_MOST 4096
#define ANSWER_ROUNDS_MOST 8

uint32_t satchel_routes_failure(satchel_status status) {
    return satchel_status_class_of(status) == SATCHEL_CLASS_RETRY ? 503 : 500;
}

static void reply_text(satchel_http_reply *reply, uint32_t status, const char *text) {
    reply->status = status;
    satchel_buffer_clear(&reply->body);
    if (satchel_buffer_append(&reply->body, satchel_bytes_of(text, strlen(text))) != SATCHEL_OK) {
        reply->status = 503;
    }
}

/* Ids and numbers only: no log line holds customer data. */
static void log_failure(const char *what, satchel_status status, const satchel_error *error) {
    fprintf(stderr, "satcheld: %s failed: %s: %s\n", what, satchel_status_name(status), error->detail);
}

static void reply_failure(satchel_http_reply *reply, const char *what, satchel_status status,
                          const satchel_error *error) {
    log_failure(what, status, error);
    reply_text(reply, satchel_routes_failure(status),
               "The server could not do this now. Nothing is lost: try again.\n");
}

/* --- sync --- */

typedef struct sync_work {
    satchel_routes_context *routes;
    const satchel_http_incoming *incoming;
    satchel_signed_headers headers;
    satchel_server_exchange *exchange;
    satchel_http_reply *reply;
} sync_work;

static satchel_status sync_read(void *context, satchel_db *db, satchel_error *error) {
    sync_work *work = context;
    return satchel_server_exchange_read(&work->exchange, satchel_host_service(work->routes->host), db,
                                        work->incoming->method, work->incoming->path, &work->headers,
                                        work->incoming->body, error);
}

static satchel_status sync_apply(void *context, satchel_db *db, satchel_error *error) {
    sync_work *work = context;
    return satchel_server_exchange_apply(work->exchange, db, error);
}

static satchel_status sync_answer(void *context, satchel_db *db, satchel_error *error) {
    sync_work *work = context;
    return satchel_server_exchange_answer(work->exchange, db, &work->reply->body, &work->reply->status, error);
}

/* An answer may ask for one more thing to be made durable first, such as a scope set that has no number yet. */
static satchel_status apply_and_answer(sync_work *work, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (int round = 0; status == SATCHEL_OK && round < ANSWER_ROUNDS_MOST; round++) {
        if (satchel_server_exchange_needs_apply(work->exchange)) {
            status = satchel_host_write(work->routes->host, sync_apply, work, error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_host_read(work->routes->host, sync_answer, work, error);
        }
        if (status == SATCHEL_OK && !satchel_server_exchange_needs_apply(work->exchange)) {
            return SATCHEL_OK;
        }
    }
    return status != SATCHEL_OK ? status : satchel_fail(error, SATCHEL_BUSY, "the answer does not settle");
}

static void copy_header(const satchel_http_incoming *incoming, const char *name,
                        char out[SATCHEL_SIGNING_HEADER_BYTES]) {
    const char *value = satchel_http_header_of(incoming, name);
    size_t length = value != NULL ? strlen(value) : 0;
    if (length >= SATCHEL_SIGNING_HEADER_BYTES) {
        length = 0; /* longer than any valid one: as good as absent */
    }
    memcpy(out, value != NULL ? value : "", length);
    out[length] = '\0';
}

/* The device is known once the request was read; a request of nobody has no turn and needs none. */
static satchel_status in_turn(sync_work *work, satchel_error *error) {
    const satchel_exchange_facts facts = satchel_server_exchange_facts(work->exchange);
    int place = -1;
    if (!satchel_id_is_none(&facts.device) && !satchel_turns_take(&work->routes->turns, &facts.device, &place)) {
        atomic_fetch_add(&work->routes->turned_away, 1);
        return satchel_fail(error, SATCHEL_BUSY, "the device has an exchange under way");
    }
    satchel_status status = apply_and_answer(work, error);
    satchel_turns_give(&work->routes->turns, place);
    return status;
}

static void count_exchange(const sync_work *work) {
    satchel_exchange_facts facts = satchel_server_exchange_facts(work->exchange);
    atomic_fetch_add(&work->routes->exchanges, 1);
    atomic_fetch_add(&work->routes->pages, facts.rows > 0 || facts.removals > 0);
    atomic_fetch_add(&work->routes->rows_sent, facts.rows);
    atomic_fetch_add(&work->routes->removals_sent, facts.removals);
}

/* A new day begins, and a realignment goes on, while phones call; but not every call has to ask for it. */
#define KEEP_UP_EVERY_MS 100

static satchel_status keep_up(satchel_routes_context *routes, satchel_error *error) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    int64_t kept_ms = atomic_load(&routes->kept_up_ms);
    bool is_due = kept_ms == 0 || now_ms - kept_ms >= KEEP_UP_EVERY_MS;
    return is_due && atomic_compare_exchange_strong(&routes->kept_up_ms, &kept_ms, now_ms)
               ? satchel_host_day(routes->host, error)
               : SATCHEL_OK;
}

static void handle_sync(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    sync_work work = {context, incoming, {{0}, {0}, {0}, {0}}, NULL, reply};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    copy_header(incoming, "Content-Digest", work.headers.content_digest);
    copy_header(incoming, "Satchel-Request", work.headers.request_number);
    copy_header(incoming, "Signature-Input", work.headers.signature_input);
    copy_header(incoming, "Signature", work.headers.signature);
    reply->media_type = SATCHEL_BODY_MEDIA_TYPE;
    satchel_status status = keep_up(work.routes, &error);
    if (status == SATCHEL_OK) {
        status = satchel_host_read(work.routes->host, sync_read, &work, &error);
    }
    if (status == SATCHEL_OK) {
        status = in_turn(&work, &error);
    }
    if (status == SATCHEL_OK) {
        count_exchange(&work);
    } else {
        atomic_fetch_add(&work.routes->exchange_failures, 1);
        reply->media_type = "text/plain; charset=utf-8";
        reply_failure(reply, "sync", status, &error);
    }
    satchel_server_exchange_close(work.exchange);
}

/* --- enrolment --- */

typedef struct enroll_work {
    const satchel_service *service;
    satchel_bytes body;
    satchel_http_reply *reply;
} enroll_work;

static satchel_status enroll_apply(void *context, satchel_db *db, satchel_error *error) {
    enroll_work *work = context;
    satchel_buffer_clear(&work->reply->body);
    return satchel_service_enroll(work->service, db, work->body, &work->reply->body, &work->reply->status, error);
}

static void handle_enroll(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    satchel_routes_context *routes = context;
    enroll_work work = {satchel_host_service(routes->host), incoming->body, reply};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    reply->media_type = SATCHEL_BODY_MEDIA_TYPE;
    satchel_status status = satchel_host_write(routes->host, enroll_apply, &work, &error);
    if (status != SATCHEL_OK) {
        reply->media_type = "text/plain; charset=utf-8";
        reply_failure(reply, "enrolment", status, &error);
    }
}

/* --- health and metrics --- */

typedef struct count_work {
    const satchel_service *service;
    satchel_service_counts counts;
    satchel_company company;
} count_work;

static satchel_status count_all(void *context, satchel_db *db, satchel_error *error) {
    count_work *work = context;
    satchel_status status = satchel_company_get(work->service, db, &work->company, error);
    return status == SATCHEL_OK ? satchel_service_count(work->service, db, &work->counts, error) : status;
}

static void handle_health(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    (void)incoming;
    satchel_routes_context *routes = context;
    count_work work = {.service = satchel_host_service(routes->host)};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_status status = satchel_host_read(routes->host, count_all, &work, &error);
    json_t *answer =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:b}", "status", status == SATCHEL_OK ? "ok" : satchel_status_name(status),
                  "epoch", (json_int_t)work.counts.epoch, "revision", (json_int_t)work.counts.n, "backups",
                  (json_int_t)work.counts.backups, "backup_age_s", (json_int_t)work.counts.backup_age_s, "fenced",
                  work.counts.fenced != 0);
    char *text = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL;
    reply->media_type = JSON_TYPE;
    reply_text(reply, status == SATCHEL_OK && text != NULL ? 200 : 503, text != NULL ? text : "{}");
    free(text);
    json_decref(answer);
    if (status != SATCHEL_OK) {
        log_failure("health", status, &error);
    }
}

typedef struct metric {
    const char *name;
    const char *kind;
    const char *help;
    uint64_t value;
} metric;

static satchel_status write_metrics(const metric *metrics, size_t count, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_format(out, "# HELP satchel_%s %s\n# TYPE satchel_%s %s\nsatchel_%s %llu\n",
                                              metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].kind,
                                              metrics[i].name, (unsigned long long)metrics[i].value);
    }
    return status;
}

static satchel_status describe(satchel_routes_context *routes, const satchel_service_counts *counts,
                               satchel_buffer *out) {
    satchel_lane_stats lane = satchel_host_lane_stats(routes->host);
    const metric metrics[] = {
        {"users", "gauge", "Active users.", counts->users},
        {"devices", "gauge", "Enrolled devices.", counts->devices},
        {"revision", "gauge", "Newest revision of this epoch.", counts->n},
        {"units_applied_total", "counter", "Units applied.", counts->units_applied},
        {"units_refused_total", "counter", "Units refused.", counts->units_refused},
        {"units_parked_total", "counter", "Units parked.", counts->units_parked},
        {"units_held_total", "counter", "Units held by an earlier one.", counts->units_held},
        {"units_quarantined_total", "counter", "Units put aside after a failure.", counts->units_quarantined},
        {"stored_answers_total", "counter", "Stored answers given again.", counts->stored_answers},
        {"digest_repairs_total", "counter", "Requests of phones that held other rows than they should.",
         counts->digest_repairs},
        {"digest_books_total", "counter", "Times that digests had to be made anew.", counts->digest_books},
        {"conflicts_total", "counter", "Conflicts recorded.", counts->conflicts},
        {"conflicts_open", "gauge", "Conflicts that wait for a person.", counts->conflicts_open},
        {"parked_open", "gauge", "Parked edits that wait for a person.", counts->parked_open},
        {"role_troubles", "gauge", "Roles or rules that make no sense and give nothing.", counts->role_troubles},
        {"backups", "gauge", "Backups that were read back.", counts->backups},
        {"backup_age_seconds", "gauge", "How long ago the newest backup was read back; 0 if there is none.",
         counts->backup_age_s},
        {"fenced", "gauge", "Why phones are turned away: 0 not, 1 no ledger, 2 an old one, 3 a phone has seen more.",
         counts->fenced},
        {"exchanges_total", "counter", "Exchanges answered by this process.", atomic_load(&routes->exchanges)},
        {"exchanges_turned_away_total", "counter", "Exchanges beyond what one device may have at once.",
         atomic_load(&routes->turned_away)},
        {"exchange_failures_total", "counter", "Exchanges that failed in this process.",
         atomic_load(&routes->exchange_failures)},
        {"rows_sent_total", "counter", "Rows sent by this process.", atomic_load(&routes->rows_sent)},
        {"removals_sent_total", "counter", "Removals sent by this process.", atomic_load(&routes->removals_sent)},
        {"commits_total", "counter", "Durable commits of this process.", lane.commits},
        {"commit_jobs_total", "counter", "Jobs in these commits.", lane.jobs},
    };
    return write_metrics(metrics, sizeof metrics / sizeof metrics[0], out);
}

static void handle_metrics(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    (void)incoming;
    satchel_routes_context *routes = context;
    count_work work = {.service = satchel_host_service(routes->host)};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    reply->media_type = METRICS_TYPE;
    satchel_status status = satchel_host_read(routes->host, count_all, &work, &error);
    if (status == SATCHEL_OK) {
        status = describe(routes, &work.counts, &reply->body);
    }
    if (status == SATCHEL_OK) {
        reply->status = 200;
    } else {
        reply_failure(reply, "metrics", status, &error);
    }
}

const satchel_http_route *satchel_routes(void) {
    static const satchel_http_route routes[] = {
        {"POST", "/v1/sync", SATCHEL_BODY_MEDIA_TYPE, SATCHEL_LIMIT_BODY_BYTES, handle_sync},
        {"POST", "/v1/enroll", SATCHEL_BODY_MEDIA_TYPE, ENROLL_BODY_BYTES_MOST, handle_enroll},
        {"GET", "/healthz", NULL, 0, handle_health},
        {"GET", "/metrics", NULL, 0, handle_metrics},
        {NULL, NULL, NULL, 0, NULL},
    };
    return routes;
}
