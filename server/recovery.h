/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's recovery key is made where its owner sits: the secret goes into a file of his, the public half to the
 * server.
 */
#ifndef SATCHEL_SERVER_RECOVERY_H
#define SATCHEL_SERVER_RECOVERY_H

#include <satchel/status.h>

#define SATCHEL_RECOVERY_PUBLIC_TEXT_BYTES 48

/*
 * Draws an X25519 pair, writes the secret to a new file that its owner alone reads, as one line
 * "satchel-recovery-secret-1 <base64url>", and gives the public half as base64url.
 * Errors: ALREADY_EXISTS (the file), IO_ERROR, DISK_FULL, RANDOM_FAILED.
 */
SATCHEL_MUST_USE satchel_status satchel_recovery_make(const char *path,
                                                      char public_text[SATCHEL_RECOVERY_PUBLIC_TEXT_BYTES],
                                                      satchel_error *error);

#endif
