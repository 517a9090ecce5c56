/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only place that knows CivetWeb: listens, checks requests before anything else sees them, hands them to a route,
 * and stops without losing an answer in flight.
 *
 * There is no document root and nothing of CivetWeb's own file, form, CGI or upload code is ever reached. A request
 * without a route, with another method, a body larger than its route takes, Transfer-Encoding, or a Content-Length that
 * is doubled or not a number is answered here.
 */
#ifndef SATCHEL_SERVER_HTTP_HTTP_SERVER_H
#define SATCHEL_SERVER_HTTP_HTTP_SERVER_H

#include "base/bytes.h"

struct mg_connection;

/* A request as a route sees it. Everything is borrowed until the route returns. */
typedef struct satchel_http_incoming {
    const char *method;
    const char *path;
    satchel_bytes body;
    struct mg_connection *connection; /* for satchel_http_header_of */
} satchel_http_incoming;

/* What a route answers. `body` is freed by the server after sending. */
typedef struct satchel_http_reply {
    uint32_t status;
    const char *media_type; /* static */
    satchel_buffer body;
} satchel_http_reply;

typedef void (*satchel_http_handler)(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply);

typedef struct satchel_http_route {
    const char *method;
    const char *path;
    const char *media_type; /* that the request's body must have, NULL: no body is taken */
    size_t body_bytes_most;
    satchel_http_handler handle;
} satchel_http_route;

typedef struct satchel_http_config {
    const char *listen; /* "127.0.0.1:8080", "8080", "[::1]:8080" */
    bool behind_proxy;  /* a proxy ends TLS in front: listening beyond localhost is allowed */
    uint32_t threads;   /* connections served at once, 1 … SATCHEL_HTTP_THREADS_MOST */
    int64_t request_timeout_ms;
    const satchel_http_route *routes; /* borrowed, ends with a NULL path */
    void *context;                    /* for every route */
} satchel_http_config;

#define SATCHEL_HTTP_THREADS_MOST 1024
#define SATCHEL_HTTP_PATH_BYTES_MOST 1024

typedef struct satchel_http_server satchel_http_server;

/*
 * Listens. Errors: INVALID_ARGUMENT (address, thread count), FORBIDDEN (beyond localhost without behind_proxy), IN_USE
 * (the port cannot be bound), UNSUPPORTED (CivetWeb does not start), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_http_server_open(satchel_http_server **out, const satchel_http_config *config,
                                                         satchel_error *error);

/* The port that is listened on. */
uint16_t satchel_http_server_port(const satchel_http_server *server);

/* Refuses new requests with 503, waits for those in flight at most `drain_ms`, then stops. NULL is fine. */
void satchel_http_server_close(satchel_http_server *server, int64_t drain_ms);

/* A header's value, NULL if absent. A header that comes twice counts as absent. */
const char *satchel_http_header_of(const satchel_http_incoming *incoming, const char *name);

#endif
