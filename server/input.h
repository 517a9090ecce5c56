/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the file that a command takes, as UTF-8 whatever it was written in.
 */
#ifndef SATCHEL_SERVER_INPUT_H
#define SATCHEL_SERVER_INPUT_H

#include "base/bytes.h"

/* Largest file that a command takes. */
#define SATCHEL_INPUT_BYTES_MOST (32u * 1024u * 1024u)

/*
 * Appends the content of `path` ("-": standard input) as UTF-8 without a byte order mark; what is not UTF-8 is read as
 * GB18030. Errors: NOT_FOUND, IO_ERROR, LIMIT_EXCEEDED, BAD_TEXT (neither), NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_input_read(const char *path, satchel_buffer *out, satchel_error *error);

#endif
