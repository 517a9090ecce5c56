/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's channel: a unix socket in the data folder, open to the folder's owner only.
 *
 * One request and one answer a connection, each `[length 4, big-endian][bytes]`. What the bytes mean is the caller's.
 */
#ifndef SATCHEL_SERVER_ADMIN_CHANNEL_H
#define SATCHEL_SERVER_ADMIN_CHANNEL_H

#include "base/bytes.h"

#define SATCHEL_CHANNEL_NAME "admin.socket"
#define SATCHEL_CHANNEL_BYTES_MOST (64u * 1024u * 1024u)

typedef struct satchel_channel satchel_channel;

/* Appends the answer to a request. Called on the channel's own thread, one request at a time. */
typedef void (*satchel_channel_handler)(void *context, satchel_bytes request, satchel_buffer *answer);

/*
 * Listens in `folder`; a socket left by a server that was killed is replaced (the caller holds the folder's lock).
 * Errors: IO_ERROR, TOO_LONG (the path does not fit a socket address), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_channel_open(satchel_channel **out, const char *folder,
                                                     satchel_channel_handler handle, void *context,
                                                     satchel_error *error);

/*
 * Ends the request that runs, then the thread. A client that neither sends nor takes its answer is not waited for.
 * NULL is fine.
 */
void satchel_channel_close(satchel_channel *channel);

/* Asks the server that runs on `folder`. Errors: NOT_FOUND (none runs), IO_ERROR, TOO_LONG, LIMIT_EXCEEDED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_channel_ask(const char *folder, satchel_bytes request, satchel_buffer *answer,
                                                    satchel_error *error);

#endif
