/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a store's key comes from: the platform's keystore, a PIN, or both; and what else the platform gives.
 */
#ifndef SATCHEL_KEYS_H
#define SATCHEL_KEYS_H

#include <satchel/status.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_KEYSTORE_SECRET_BYTES 32
#define SATCHEL_PIN_LEAST_BYTES 4
#define SATCHEL_PIN_MOST_BYTES 64
#define SATCHEL_BOOT_TAG_BYTES 16
/* Room for the anchor, the record by which a store that was put back is known. What is written is shorter. */
#define SATCHEL_ANCHOR_BYTES 64

/*
 * The platform's keystore. `secret` writes the 32 bytes that belong to this store, making them at the first call.
 * Called on the thread of the satchel call that needs it. Returns SATCHEL_OK, SATCHEL_KEY_UNAVAILABLE (phone locked:
 * retry) or SATCHEL_KEY_GONE (erased). A zeroed struct: there is no keystore; then a PIN is required and alone protects
 * the store. Six digits alone fall in a day to someone who has the files: use both where the platform has a keystore.
 */
typedef struct satchel_key_provider {
    void *context;
    satchel_status (*secret)(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]);
    /*
     * The anchor: a small record beside the secret, where a copy of the files does not reach. Both NULL: a store that
     * was put back is noticed by the server only. Called on the calling thread with the device held, like `secret`.
     * read: OK with `*bytes` 0, or NOT_FOUND or KEY_GONE if there is none; KEY_UNAVAILABLE: phone locked. write: once
     * at create, open, lock, suspend, close, before the first request of an exchange and at its end, and for work in
     * between at most every 10 s; its failure costs nothing but the next chance.
     */
    satchel_status (*anchor_read)(void *context, uint8_t out[SATCHEL_ANCHOR_BYTES], size_t *bytes);
    satchel_status (*anchor_write)(void *context, const uint8_t *anchor, size_t bytes);
    /* A wipe: secret and anchor are deleted; that there are none is OK. NULL: the shell does it. */
    satchel_status (*forget)(void *context);
} satchel_key_provider;

/*
 * Clock and randomness. A member that is NULL: the operating system's. Given by simulators and tests. `now` and
 * `random` are called while the device works, on the calling thread, and must not call into it.
 * now: wall_ms since 1970-01-01 UTC as the clock claims, monotonic_ms since the start of the phone (counting sleep),
 * boot_tag: differs after each start of the phone. random: SATCHEL_OK or SATCHEL_RANDOM_FAILED.
 */
typedef struct satchel_platform {
    void *context;
    void (*now)(void *context, int64_t *wall_ms, int64_t *monotonic_ms, uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]);
    satchel_status (*random)(void *context, uint8_t *out, size_t bytes);
} satchel_platform;

#ifdef __cplusplus
}
#endif
#endif
