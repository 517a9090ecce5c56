/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server answers over HTTP: POST /v1/sync, POST /v1/enroll, GET /healthz, GET /metrics.
 */
#ifndef SATCHEL_SERVER_HTTP_ROUTES_H
#define SATCHEL_SERVER_HTTP_ROUTES_H

#include "host/host.h"
#include "http/http_server.h"
#include "http/turns.h"

#include <stdatomic.h>

/* What routes share; the context of satchel_http_config. Counters are of this process since it started. */
typedef struct satchel_routes_context {
    satchel_host *host;
    _Atomic uint64_t exchanges;
    _Atomic uint64_t exchange_failures; /* answered with 5xx */
    _Atomic uint64_t pages;
    _Atomic uint64_t rows_sent;
    _Atomic uint64_t removals_sent;
    _Atomic uint64_t turned_away; /* a device had as many exchanges as it may */
    _Atomic int64_t kept_up_ms;   /* when it was last asked whether a day or a realignment is due; monotonic */
    satchel_turns turns;          /* begins as SATCHEL_TURNS_INIT */
} satchel_routes_context;

/*
 * The HTTP status of a failure of the server itself: 503 for what goes away (busy, a full disk, a disk that does not
 * answer), else 500. The phone keeps everything and tries again either way.
 */
uint32_t satchel_routes_failure(satchel_status status);

/* Ends with a NULL path. Static. */
const satchel_http_route *satchel_routes(void);

#endif
