/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's file: append-only, sealed with a key that follows from the company's seed, so that it opens with any
 * backup of the company and with nothing else. It lies in the data folder, or better in a place that does not go with
 * it. Of several servers on one database each has its own; all hold the same entries in the same order, so the longest
 * says everything. One whose serials do not rise was put together by hand: DAMAGED.
 *
 *   "SATCHEL LEDGER 1\n" [company's public key 32]
 *   records   [bytes 4, big-endian][nonce 24, sealed, tag 16]   associated: the tag of the record before, and its place
 *
 * A record that was torn by a crash was never answered: it is cut off with what follows. Torn is one that ends behind
 * the file, or of which a sector was never written (all zeros: what is sealed is not). What is damaged otherwise makes
 * the ledger DAMAGED, never shorter; that a sector went back to zeros shows by the serials (service/epoch.h).
 */
#ifndef SATCHEL_SERVER_HOST_LEDGER_FILE_H
#define SATCHEL_SERVER_HOST_LEDGER_FILE_H

#include "crypto/random.h"
#include "crypto/sign.h"
#include "service/ledger.h"

#define SATCHEL_LEDGER_NAME "ledger" /* in the data folder */

typedef struct satchel_ledger_file satchel_ledger_file;

/*
 * Opens `path`; `create` makes it if it is absent. Every entry that it holds is given to `visit` first. Errors:
 * NOT_FOUND, FOREIGN_FILE (no ledger, or of another company), DAMAGED, IO_ERROR, DISK_FULL, NO_MEMORY, and what `visit`
 * returned.
 */
typedef satchel_status (*satchel_ledger_reader)(void *context, const satchel_ledger_entry *entry, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_ledger_file_open(satchel_ledger_file **out, const char *path, bool create,
                                                         const uint8_t key[SATCHEL_KEY_BYTES],
                                                         const uint8_t company[SATCHEL_SIGN_PUBLIC_BYTES],
                                                         satchel_ledger_reader visit, void *context,
                                                         satchel_error *error);
/* Appends an encoded entry; durable after sync. Errors: IO_ERROR, DISK_FULL, RANDOM_FAILED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_ledger_file_append(satchel_ledger_file *file, satchel_bytes entry,
                                                           satchel_error *error);
/* Serial of the newest entry that has one; 0: none has. */
uint64_t satchel_ledger_file_serial(const satchel_ledger_file *file);
SATCHEL_MUST_USE satchel_status satchel_ledger_file_sync(satchel_ledger_file *file, satchel_error *error);
void satchel_ledger_file_close(satchel_ledger_file *file);

#endif
