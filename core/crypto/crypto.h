/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start of the crypto module and the sizes that all of it shares.
 *
 * Our own few verbs over libsodium; no other module includes sodium.h. Nothing here reads a file, a clock or a socket;
 * randomness is drawn only through a satchel_random that the caller passes (random.h).
 */
#ifndef SATCHEL_CRYPTO_CRYPTO_H
#define SATCHEL_CRYPTO_CRYPTO_H

#include <satchel/status.h>
#include <satchel/types.h>

#define SATCHEL_KEY_BYTES 32   /* every symmetric key, every seed of a key pair */
#define SATCHEL_NONCE_BYTES 24 /* XChaCha20: long enough to be drawn at random for ever */
#define SATCHEL_TAG_BYTES 16
#define SATCHEL_SEAL_OVERHEAD_BYTES (SATCHEL_NONCE_BYTES + SATCHEL_TAG_BYTES)

/*
 * Prepares libsodium. To be called before any other function of this module, by every owner of a handle that uses it;
 * any number of times, from any thread. Errors: INTERNAL (libsodium cannot be used on this machine).
 */
SATCHEL_MUST_USE satchel_status satchel_crypto_init(void);

#endif
