/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment and sync without sockets: the shell asks what to send, sends it with its platform's HTTP, and feeds the
 * answer.
 */
#ifndef SATCHEL_SYNC_H
#define SATCHEL_SYNC_H

#include <satchel/device.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_HTTP_HEADERS_MOST 8

typedef struct satchel_http_header {
    const char *name;
    const char *value;
} satchel_http_header;

/* One HTTP request. Strings and body are owned by the handle that gave it, until its next call. */
typedef struct satchel_http_request {
    const char *method;
    const char *url; /* absolute */
    satchel_http_header headers[SATCHEL_HTTP_HEADERS_MOST];
    uint32_t header_count;
    satchel_bytes body;
    int64_t timeout_ms;
} satchel_http_request;

/* --- enrolment --- */

typedef struct satchel_enrolment satchel_enrolment;

/*
 * Begins with the link that the manager gave ("satchel:enroll?…"). Redeeming again after a lost answer is safe.
 * Errors: MALFORMED (link), ALREADY_EXISTS (enrolled already), INVALID_ARGUMENT (plain http to another host than
 * localhost).
 */
SATCHEL_MUST_USE satchel_status satchel_enrolment_open(satchel_enrolment **out, satchel_device *device,
                                                       satchel_text link, satchel_text device_name,
                                                       satchel_text platform, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_enrolment_request(satchel_enrolment *enrolment, satchel_http_request *out,
                                                          satchel_error *error);
/*
 * Takes the answer and, if the server proved that it knows the code, stores the identity.
 * Errors: CODE_EXPIRED, UNAUTHENTICATED (the server is not the one of the link), PROTOCOL_ERROR, UPGRADE_REQUIRED,
 * SERVER_ERROR, DISK_FULL, IO_ERROR.
 */
SATCHEL_MUST_USE satchel_status satchel_enrolment_feed(satchel_enrolment *enrolment, uint32_t http_status,
                                                       satchel_bytes body, satchel_error *error);
void satchel_enrolment_close(satchel_enrolment *enrolment);

/* --- exchange --- */

typedef struct satchel_exchange satchel_exchange;

typedef enum satchel_step_kind {
    SATCHEL_STEP_SEND = 1, /* send `request`, then feed or fail */
    SATCHEL_STEP_WAIT = 2, /* call next again after `wait_ms`, or sooner when the network is known to be back */
    SATCHEL_STEP_DONE = 3  /* over; `status` tells how */
} satchel_step_kind;

/* How far an exchange is. Bytes are of bodies, compressed as they travel. */
typedef struct satchel_progress {
    uint64_t rows_done;      /* down, of a snapshot (a first sync, or a scope that was gained): what is here of it */
    uint64_t rows_total;     /* … of about so many, as the server estimates; 0: no snapshot runs */
    uint64_t rows_received;  /* rows that came or left in this exchange */
    uint64_t bytes_received; /* in this exchange */
    uint64_t changes_done;   /* up: own changes that were decided in this exchange */
    uint64_t changes_total;  /* … of all that waited, those that were made meanwhile among them */
    uint64_t bytes_sent;     /* in this exchange, what was sent again counted again */
} satchel_progress;

typedef struct satchel_step {
    satchel_step_kind kind;
    satchel_http_request request;
    int64_t wait_ms;
    satchel_status status; /* DONE: OK, or why it ended; WAIT: why it waits */
    bool more;             /* DONE: the budget ended it, more is ready */
    uint64_t units_unsent;
    satchel_progress progress;
} satchel_step;

/*
 * Begins an exchange; one at a time a device. budget_ms: end after about this time even if more is ready, 0 = no
 * limit; a page that was stored in part is gone on with by the next exchange, or by satchel_device_idle. It may end
 * with WIPED or RETIRED: the company ordered it, the store is gone, the handle of the device is of no more use; with
 * REQUIRED_BEFORE if the company requires a PIN and there is none (changes were sent, no row came), or if the phone is
 * to be retired and something on it is not handed over yet. Errors: MISUSE (one runs already), UNAUTHENTICATED (not
 * enrolled), LOCKED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_exchange_open(satchel_exchange **out, satchel_device *device, int64_t budget_ms,
                                                      satchel_error *error);

/* What to do next. Errors: those of the store (DISK_FULL, IO_ERROR, LOCKED, DAMAGED); the exchange is then over. */
SATCHEL_MUST_USE satchel_status satchel_exchange_next(satchel_exchange *exchange, satchel_step *out,
                                                      satchel_error *error);

/* The answer to the last SEND; elapsed_ms from sending to the last byte. Errors: MISUSE and as next. */
SATCHEL_MUST_USE satchel_status satchel_exchange_feed(satchel_exchange *exchange, uint32_t http_status,
                                                      satchel_bytes body, int64_t elapsed_ms, satchel_error *error);

/* The last SEND got no answer. Errors: MISUSE. */
SATCHEL_MUST_USE satchel_status satchel_exchange_fail(satchel_exchange *exchange, satchel_error *error);

/*
 * From any thread: ends it at once while it waits or before the next request, and between two slices of a page that is
 * being stored; it then says DONE with CANCELLED. What had ended already says how it ended.
 */
void satchel_exchange_cancel(satchel_exchange *exchange);

/*
 * From any thread: how far the running exchange of the device is, for a screen of its own; all zero if none runs.
 * Errors: LOCKED, MISUSE (suspended), NOT_FOUND (wiped).
 */
SATCHEL_MUST_USE satchel_status satchel_sync_progress(satchel_device *device, satchel_progress *out,
                                                      satchel_error *error);

void satchel_exchange_close(satchel_exchange *exchange);

/* --- the notice of a wipe --- */

/*
 * A store that the company had wiped, or that handed itself over, tells the server so with the exchange that brought
 * the order; without a network then the notice stays in the folder, after the store is gone. For a shell that finds no
 * store, or WIPED when it opens one: send what is there, and feed the answer.
 */
typedef struct satchel_notice satchel_notice;

/* Errors: NOT_FOUND (none waits), DAMAGED, IO_ERROR, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_notice_open(satchel_notice **out, const char *folder, satchel_error *error);
void satchel_notice_request(satchel_notice *notice, satchel_http_request *out);
/* OK: the server has it, and the notice is removed. Errors: BUSY (send it again later), IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_notice_feed(satchel_notice *notice, uint32_t http_status, satchel_bytes body,
                                                    satchel_error *error);
void satchel_notice_close(satchel_notice *notice);

#ifdef __cplusplus
}
#endif
#endif
