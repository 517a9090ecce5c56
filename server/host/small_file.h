/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of text that the data folder remembers: the rehearsal's clock, the address of the database; and what keeps a
 * file's name.
 */
#ifndef SATCHEL_SERVER_HOST_SMALL_FILE_H
#define SATCHEL_SERVER_HOST_SMALL_FILE_H

#include <satchel/status.h>
#include <satchel/types.h>

#define SATCHEL_SMALL_FILE_BYTES 1024 /* the longest line with its end */

/* The line of `<folder>/<name>` without blanks at its ends. Errors: NOT_FOUND, TOO_LONG, IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_small_file_read(const char *folder, const char *name,
                                                        char out[SATCHEL_SMALL_FILE_BYTES], satchel_error *error);

/* Replaces it at once, readable by its owner only; `line` NULL removes it. Errors: TOO_LONG, IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_small_file_store(const char *folder, const char *name, const char *line,
                                                         satchel_error *error);

/* Makes the name of a file durable: syncs the folder that it lies in. Errors: IO_ERROR. */
SATCHEL_MUST_USE satchel_status satchel_file_name_sync(const char *path, satchel_error *error);

#endif
