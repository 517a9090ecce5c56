/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CivetWeb behind a narrow door. CivetWeb gives one thread to one connection, so routes must be short; its mg_stop
 * drops answers in flight, so closing drains first. TLS is not spoken here: a proxy in front ends it.
 */
#include "http/http_server.h"

#include "base/error.h"
#include "base/memory.h"

#include <civetweb.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define PLAIN_TEXT "text/plain; charset=utf-8"
#define OPTION_TEXT_BYTES 192
#define HEAD_BYTES 512
#define READ_CHUNK_BYTES 65536
#define RETRY_AFTER_S "5"

struct satchel_http_server {
    struct mg_context *civetweb;
    const satchel_http_route *routes;
    void *context;
    uint16_t port;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    uint32_t in_flight;
    bool draining;
    bool library_ready;
};

static const char *reason_phrase(uint32_t status) {
    static const struct {
        uint32_t status;
        const char *phrase;
    } phrases[] = {{200, "OK"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {411, "Length Required"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {415, "Unsupported Media Type"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (phrases[i].status == status) {
            return phrases[i].phrase;
        }
    }
    return "Status";
}

/* Head and body leave in one write, so that a small answer is one packet. */
static void send_reply(struct mg_connection *connection, const satchel_http_reply *reply, bool keep_alive) {
    satchel_buffer out;
    satchel_buffer_init(&out);
    satchel_status status = satchel_buffer_append_format(
        &out,
        "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: %s\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s\r\n",
        (unsigned)reply->status, reason_phrase(reply->status), reply->media_type, reply->body.bytes,
        keep_alive ? "keep-alive" : "close", reply->status == 503 ? "Retry-After: " RETRY_AFTER_S "\r\n" : "");
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(&out, satchel_buffer_view(&reply->body));
    }
    if (status == SATCHEL_OK) {
        (void)mg_write(connection, out.data, out.bytes);
    }
    if (status != SATCHEL_OK || !keep_alive) {
        mg_disable_connection_keep_alive(connection);
    }
    satchel_buffer_deinit(&out);
}

/* A refusal before any route: the body was not read, so the connection ends. */
static void refuse(struct mg_connection *connection, uint32_t status, const char *text) {
    satchel_http_reply reply = {status, PLAIN_TEXT, {NULL, 0, 0}};
    if (satchel_buffer_append(&reply.body, satchel_bytes_of(text, strlen(text))) == SATCHEL_OK) {
        send_reply(connection, &reply, false);
    } else {
        mg_disable_connection_keep_alive(connection);
    }
    satchel_buffer_deinit(&reply.body);
}

static const char *single_header(const struct mg_request_info *request, const char *name, int *out_times) {
    const char *value = NULL;
    int times = 0;
    for (int i = 0; i < request->num_headers; i++) {
        if (strcasecmp(request->http_headers[i].name, name) == 0) {
            value = request->http_headers[i].value;
            times++;
        }
    }
    *out_times = times;
    return times == 1 ? value : NULL;
}

const char *satchel_http_header_of(const satchel_http_incoming *incoming, const char *name) {
    int times = 0;
    return single_header(mg_get_request_info(incoming->connection), name, &times);
}

/* Digits only, no sign, no white space, at most 18 of them. */
static bool read_length(const char *text, size_t *out) {
    size_t digits = strlen(text);
    if (digits == 0 || digits > 18) {
        return false;
    }
    size_t value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)text[i])) {
            return false;
        }
        value = value * 10 + (size_t)(text[i] - '0');
    }
    *out = value;
    return true;
}

/* The media type without its parameters. */
static bool media_type_is(const char *value, const char *wanted) {
    size_t length = strcspn(value, ";");
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t')) {
        length--;
    }
    return strlen(wanted) == length && strncasecmp(value, wanted, length) == 0;
}

typedef struct refusal {
    uint32_t status;
    const char *text;
} refusal;

static const refusal NO_REFUSAL = {0, NULL};

/* The checks that need no route. */
static refusal check_framing(const struct mg_request_info *request, size_t *out_length) {
    int times = 0;
    (void)single_header(request, "Transfer-Encoding", &times);
    if (times > 0) {
        return (refusal){400, "Transfer-Encoding is not accepted: send Content-Length.\n"};
    }
    const char *length = single_header(request, "Content-Length", &times);
    *out_length = 0;
    if (times > 1 || (times == 1 && !read_length(length, out_length))) {
        return (refusal){400, "Content-Length is not one number.\n"};
    }
    if (strlen(request->local_uri_raw) > SATCHEL_HTTP_PATH_BYTES_MOST) {
        return (refusal){414, "The path is too long.\n"};
    }
    return NO_REFUSAL;
}

static refusal find_route(const satchel_http_server *server, const struct mg_request_info *request,
                          const satchel_http_route **out) {
    bool path_known = false;
    *out = NULL;
    if (request->query_string != NULL && request->query_string[0] != '\0') {
        return (refusal){400, "No query is expected here.\n"};
    }
    for (const satchel_http_route *route = server->routes; route->path != NULL; route++) {
        if (strcmp(route->path, request->local_uri_raw) == 0) {
            path_known = true;
            if (strcmp(route->method, request->request_method) == 0) {
                *out = route;
                return NO_REFUSAL;
            }
        }
    }
    return path_known ? (refusal){405, "This method is not for this path.\n"}
                      : (refusal){404, "There is nothing here.\n"};
}

static refusal check_body(const satchel_http_route *route, const struct mg_request_info *request, size_t length) {
    int times = 0;
    if (route->media_type == NULL) {
        return length == 0 ? NO_REFUSAL : (refusal){400, "No body is expected here.\n"};
    }
    (void)single_header(request, "Content-Length", &times);
    if (times == 0) {
        return (refusal){411, "Content-Length is required.\n"};
    }
    if (length > route->body_bytes_most) {
        return (refusal){413, "The body is too large.\n"};
    }
    const char *type = single_header(request, "Content-Type", &times);
    if (type == NULL || !media_type_is(type, route->media_type)) {
        return (refusal){415, "The body has another type than this path takes.\n"};
    }
    return NO_REFUSAL;
}

/* False: the connection broke before the whole body came. Memory grows with what arrives, not with what was announced.
 */
static bool read_body(struct mg_connection *connection, size_t length, satchel_buffer *body) {
    while (body->bytes < length) {
        size_t want = length - body->bytes;
        if (want > READ_CHUNK_BYTES) {
            want = READ_CHUNK_BYTES;
        }
        if (satchel_buffer_reserve(body, want) != SATCHEL_OK) {
            return false;
        }
        int got = mg_read(connection, body->data + body->bytes, want);
        if (got <= 0) {
            return false;
        }
        body->bytes += (size_t)got;
    }
    return true;
}

static void run_route(const satchel_http_server *server, const satchel_http_route *route,
                      struct mg_connection *connection, size_t length) {
    const struct mg_request_info *request = mg_get_request_info(connection);
    satchel_buffer body;
    satchel_buffer_init(&body);
    if (read_body(connection, length, &body)) {
        satchel_http_incoming incoming = {request->request_method, request->local_uri_raw, satchel_buffer_view(&body),
                                          connection};
        satchel_http_reply reply = {500, PLAIN_TEXT, {NULL, 0, 0}};
        route->handle(server->context, &incoming, &reply);
        send_reply(connection, &reply, true);
        satchel_buffer_deinit(&reply.body);
    } else {
        mg_disable_connection_keep_alive(connection);
    }
    satchel_buffer_deinit(&body);
}

static bool enter(satchel_http_server *server) {
    pthread_mutex_lock(&server->mutex);
    bool allowed = !server->draining;
    if (allowed) {
        server->in_flight++;
    }
    pthread_mutex_unlock(&server->mutex);
    return allowed;
}

static void leave(satchel_http_server *server) {
    pthread_mutex_lock(&server->mutex);
    server->in_flight--;
    if (server->in_flight == 0) {
        pthread_cond_broadcast(&server->idle);
    }
    pthread_mutex_unlock(&server->mutex);
}

/* Takes every request, so that none reaches CivetWeb's own handlers. */
static int begin_request(struct mg_connection *connection) {
    const struct mg_request_info *request = mg_get_request_info(connection);
    satchel_http_server *server = request->user_data;
    if (!enter(server)) {
        refuse(connection, 503, "The server is stopping.\n");
        return 503;
    }
    size_t length = 0;
    const satchel_http_route *route = NULL;
    refusal refused = check_framing(request, &length);
    if (refused.status == 0) {
        refused = find_route(server, request, &route);
    }
    if (refused.status == 0) {
        refused = check_body(route, request, length);
    }
    if (refused.status != 0) {
        refuse(connection, refused.status, refused.text);
    } else {
        run_route(server, route, connection, length);
    }
    leave(server);
    return 200;
}

/* What CivetWeb itself refuses (a head that it cannot read) gets a plain answer without its page. */
static int http_error(struct mg_connection *connection, int status, const char *message) {
    (void)message;
    refuse(connection, status >= 400 && status < 600 ? (uint32_t)status : 400u, "The request cannot be read.\n");
    return 0;
}

static int quiet_log(const struct mg_connection *connection, const char *message) {
    (void)connection;
    (void)message;
    return 1;
}

static bool is_local(const char *listen) {
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0;
}

static satchel_status check_config(const satchel_http_config *config, satchel_error *error) {
    if (config->threads == 0 || config->threads > SATCHEL_HTTP_THREADS_MOST) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "threads must be 1 to %d", SATCHEL_HTTP_THREADS_MOST);
    }
    size_t length = strlen(config->listen);
    if (length == 0 || length >= OPTION_TEXT_BYTES || strspn(config->listen, "0123456789abcdefABCDEF.:[]") != length) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the address to listen on must be like 127.0.0.1:8080");
    }
    if (!config->behind_proxy && !is_local(config->listen)) {
        return satchel_fail(error, SATCHEL_FORBIDDEN,
                            "%s is not localhost: put a proxy that ends TLS in front and say --behind-proxy",
                            config->listen);
    }
    return SATCHEL_OK;
}

static satchel_status start(satchel_http_server *server, const satchel_http_config *config, satchel_error *error) {
    char threads[OPTION_TEXT_BYTES];
    char timeout[OPTION_TEXT_BYTES];
    snprintf(threads, sizeof threads, "%u", (unsigned)config->threads);
    snprintf(timeout, sizeof timeout, "%lld", (long long)config->request_timeout_ms);
    const char *options[] = {"listening_ports",
                             config->listen,
                             "num_threads",
                             threads,
                             "request_timeout_ms",
                             timeout,
                             "enable_keep_alive",
                             "yes",
                             "keep_alive_timeout_ms",
                             timeout,
                             "tcp_nodelay",
                             "1",
                             "decode_url",
                             "no",
                             "linger_timeout_ms",
                             "2000",
                             NULL};
    struct mg_callbacks callbacks;
    memset(&callbacks, 0, sizeof callbacks);
    callbacks.begin_request = begin_request;
    callbacks.http_error = http_error;
    callbacks.log_message = quiet_log;
    callbacks.log_access = quiet_log;
    server->civetweb = mg_start(&callbacks, server, options);
    if (server->civetweb == NULL) {
        return satchel_fail(error, SATCHEL_IN_USE, "cannot listen on %s: %s", config->listen,
                            errno != 0 ? strerror(errno) : "refused");
    }
    struct mg_server_port ports[4];
    int count = mg_get_server_ports(server->civetweb, 4, ports);
    if (count < 1) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED, "CivetWeb does not tell its port");
    }
    server->port = (uint16_t)ports[0].port;
    return SATCHEL_OK;
}

satchel_status satchel_http_server_open(satchel_http_server **out, const satchel_http_config *config,
                                        satchel_error *error) {
    *out = NULL;
    satchel_status status = check_config(config, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_http_server *server = satchel_memory_take(sizeof *server);
    if (server == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the HTTP server");
    }
    server->routes = config->routes;
    server->context = config->context;
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->idle, NULL);
    /* mg_init_library answers with what it made ready: less than what the build has means that it failed. */
    unsigned wanted = mg_check_feature(MG_FEATURES_FILES | MG_FEATURES_IPV6);
    server->library_ready = mg_init_library(wanted) == wanted;
    errno = 0;
    status = server->library_ready ? start(server, config, error)
                                   : satchel_fail(error, SATCHEL_UNSUPPORTED, "CivetWeb does not initialise");
    if (status != SATCHEL_OK) {
        satchel_http_server_close(server, 0);
        return status;
    }
    *out = server;
    return SATCHEL_OK;
}

uint16_t satchel_http_server_port(const satchel_http_server *server) {
    return server->port;
}

static void drain(satchel_http_server *server, int64_t drain_ms) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(drain_ms / 1000);
    until.tv_nsec += (long)(drain_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&server->mutex);
    server->draining = true;
    while (server->in_flight > 0 && pthread_cond_timedwait(&server->idle, &server->mutex, &until) == 0) {
    }
    pthread_mutex_unlock(&server->mutex);
}

void satchel_http_server_close(satchel_http_server *server, int64_t drain_ms) {
    if (server == NULL) {
        return;
    }
    if (server->civetweb != NULL) {
        drain(server, drain_ms);
        mg_stop(server->civetweb);
    }
    if (server->library_ready) {
        (void)mg_exit_library();
    }
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->mutex);
    satchel_memory_give(server);
}
