/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administration: a command line in, text and an exit code out. Runs in the server that has the data folder, or in the
 * command's own process if none runs; the commands are the same.
 *
 * On the channel a request is JSON {"argv": ["user", "list"], "input": "…"} and an answer {"exit": 0, "out": "…",
 * "err": "…"}.
 */
#ifndef SATCHEL_SERVER_ADMIN_ADMIN_H
#define SATCHEL_SERVER_ADMIN_ADMIN_H

#include "host/host.h"

#define SATCHEL_EXIT_OK 0
#define SATCHEL_EXIT_FAILED 1
#define SATCHEL_EXIT_USAGE 2

/* Handles a request of the channel (satchel_channel_handler); `context` is the satchel_host. */
void satchel_admin_handle(void *context, satchel_bytes request, satchel_buffer *answer);

/*
 * Builds a request from a command line and the text of its input file (may be empty).
 * Errors: NO_MEMORY, BAD_TEXT (an argument is not UTF-8).
 */
SATCHEL_MUST_USE satchel_status satchel_admin_request(int argc, const char *const *argv, satchel_text input,
                                                      satchel_buffer *out, satchel_error *error);

/* Prints an answer to standard output and error, and gives its exit code; SATCHEL_EXIT_FAILED if it cannot be read. */
int satchel_admin_print(satchel_bytes answer);

/* The table of verbs as text. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_admin_help(satchel_buffer *out);

/* Is it a verb that satchel_admin_handle knows? */
bool satchel_admin_knows(const char *verb);

#endif
