/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /v1/sync and POST /v1/enroll, as steps that HTTP (or a simulator) drives.
 *
 *   read (any thread, a reader)  ─►  apply (the writer, only if needed)  ─►  answer (any thread, a reader)
 *                                       ▲                                       │
 *                                       └──── as long as needs_apply is true ───┘
 *
 * Verifying, decompressing and decoding happen in `read`, deciding in `apply`, reading the page, encoding and
 * compressing in `answer`. The steps belong to one exchange and are called one after another, from whatever threads.
 */
#ifndef SATCHEL_SERVER_SERVICE_EXCHANGE_H
#define SATCHEL_SERVER_SERVICE_EXCHANGE_H

#include "service/service.h"
#include "wire/signing.h"

typedef struct satchel_server_exchange satchel_server_exchange;

/*
 * Takes a request in: `db` with a READ transaction open. `headers` and `body` must live until `read` returns.
 * Whatever is wrong with the request is no error here: the exchange then has an answer already (see needs_apply).
 * Errors: those of the database, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_server_exchange_read(satchel_server_exchange **out,
                                                             const satchel_service *service, satchel_db *db,
                                                             const char *method, const char *path,
                                                             const satchel_signed_headers *headers, satchel_bytes body,
                                                             satchel_error *error);

/*
 * Are there units to decide on, or is anything else to be made durable? To be asked after `read` and after each
 * `answer`: an answer may find that a scope set must first get a number; its body is then empty, and it is asked for
 * again.
 */
bool satchel_server_exchange_needs_apply(const satchel_server_exchange *exchange);

/*
 * Writes. May be called again from the start if the transaction was rolled back. Refusals are results, not errors.
 * Decides on units from the first new one, for no more ops than one unit may have; the answer tells how far it came.
 * Errors: those of the database, NO_MEMORY: nothing of the exchange may be kept then, the phone retries.
 */
SATCHEL_MUST_USE satchel_status satchel_server_exchange_apply(satchel_server_exchange *exchange, satchel_db *db,
                                                              satchel_error *error);

/*
 * After the commit: `db` with a READ transaction begun after it. Replaces the content of `out_body` (packed, ready to
 * send) and gives the HTTP status: 200 for every answer of the protocol, 400, 401, 403 where there is no one to
 * answer. Errors: those of the database, NO_MEMORY; the answer may be asked for again.
 */
SATCHEL_MUST_USE satchel_status satchel_server_exchange_answer(satchel_server_exchange *exchange, satchel_db *db,
                                                               satchel_buffer *out_body, uint32_t *out_http_status,
                                                               satchel_error *error);

/* What the exchange was; for logs. Ids and numbers only. */
typedef struct satchel_exchange_facts {
    satchel_status status; /* of the answer's head */
    satchel_id device;     /* none if unknown */
    uint32_t units;
    uint32_t stored_answers;
    uint32_t rows;
    uint32_t removals;
    bool more;
} satchel_exchange_facts;
satchel_exchange_facts satchel_server_exchange_facts(const satchel_server_exchange *exchange);

void satchel_server_exchange_close(satchel_server_exchange *exchange);

/*
 * Writes: the whole of POST /v1/enroll: a packed body in, a packed body and an HTTP status out. What is wrong with
 * the request is an answer (CODE_EXPIRED, UNAUTHENTICATED, UPGRADE_REQUIRED, PROTOCOL_ERROR), not an error. The same
 * public key with the same code gets the same device again, until the code expires.
 */
SATCHEL_MUST_USE satchel_status satchel_service_enroll(const satchel_service *service, satchel_db *db,
                                                       satchel_bytes body, satchel_buffer *out_body,
                                                       uint32_t *out_http_status, satchel_error *error);

#endif
