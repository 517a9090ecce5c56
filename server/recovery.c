/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pair follows from a seed of 32 bytes, which is what the file holds (core/crypto/seal.h: satchel_box_public).
 */
#include "recovery.h"

#include "base/error.h"
#include "crypto/random.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "wire/base64.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 128

/* Whole and on the disk, or not there. */
static satchel_status write_file(const char *path, const char *line, satchel_error *error) {
    size_t bytes = strlen(line);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) {
        return satchel_fail(error, errno == EEXIST ? SATCHEL_ALREADY_EXISTS : SATCHEL_IO_ERROR,
                            "the file for the secret: %s", strerror(errno));
    }
    bool whole = write(file, line, bytes) == (ssize_t)bytes && fsync(file) == 0;
    int why = errno;
    whole = close(file) == 0 && whole;
    if (!whole) {
        (void)unlink(path);
        return satchel_fail(error, why == ENOSPC ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR,
                            "the file for the secret cannot be written: %s", strerror(why));
    }
    return SATCHEL_OK;
}

satchel_status satchel_recovery_make(const char *path, char public_text[SATCHEL_RECOVERY_PUBLIC_TEXT_BYTES],
                                     satchel_error *error) {
    uint8_t seed[SATCHEL_KEY_BYTES];
    uint8_t public_key[SATCHEL_BOX_PUBLIC_BYTES];
    char text[SATCHEL_BASE64_TEXT_BYTES(SATCHEL_KEY_BYTES)];
    char line[LINE_BYTES];
    satchel_status status = satchel_crypto_init();
    do { /* a text that begins like an option could not be given to a command */
        if (status == SATCHEL_OK) {
            status = satchel_random_fill(satchel_random_system(), seed, sizeof seed);
        }
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "the random source failed");
        }
        satchel_box_public(seed, public_key);
        satchel_base64_write(satchel_bytes_of(public_key, sizeof public_key), true, public_text);
    } while (public_text[0] == '-');
    satchel_base64_write(satchel_bytes_of(seed, sizeof seed), true, text);
    snprintf(line, sizeof line, "satchel-recovery-secret-1 %s\n", text);
    status = write_file(path, line, error);
    satchel_secret_wipe(seed, sizeof seed);
    satchel_secret_wipe(text, sizeof text);
    satchel_secret_wipe(line, sizeof line);
    return status;
}
