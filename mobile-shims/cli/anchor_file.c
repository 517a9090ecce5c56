/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anchor of a store beside the key file, "<key file>.anchor", as a phone's keystore holds it beside the secret:
 * written under another name, synced, renamed.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool name_anchor(const char *key_file, const char *end, char out[CLI_PATH_BYTES]) {
    int written = snprintf(out, CLI_PATH_BYTES, "%s.anchor%s", key_file, end);
    return written > 0 && written < CLI_PATH_BYTES;
}

satchel_status cli_anchor_read(const char *key_file, uint8_t out[SATCHEL_ANCHOR_BYTES], size_t *bytes) {
    char path[CLI_PATH_BYTES];
    *bytes = 0;
    if (!name_anchor(key_file, "", path)) {
        return SATCHEL_KEY_UNAVAILABLE;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return errno == ENOENT ? SATCHEL_NOT_FOUND : SATCHEL_KEY_UNAVAILABLE;
    }
    ssize_t got = read(file, out, SATCHEL_ANCHOR_BYTES);
    close(file);
    *bytes = got > 0 ? (size_t)got : 0;
    return got >= 0 ? SATCHEL_OK : SATCHEL_KEY_UNAVAILABLE;
}

satchel_status cli_anchor_write(const char *key_file, const uint8_t *anchor, size_t bytes) {
    char path[CLI_PATH_BYTES];
    char fresh[CLI_PATH_BYTES];
    if (!name_anchor(key_file, "", path) || !name_anchor(key_file, ".new", fresh)) {
        return SATCHEL_KEY_UNAVAILABLE;
    }
    int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return SATCHEL_KEY_UNAVAILABLE;
    }
    bool whole = write(file, anchor, bytes) == (ssize_t)bytes && fsync(file) == 0;
    whole = close(file) == 0 && whole;
    return whole && rename(fresh, path) == 0 ? SATCHEL_OK : SATCHEL_KEY_UNAVAILABLE;
}

/* The key file stays: it may serve other stores, and of this one nothing is left that it could open. */
satchel_status cli_anchor_forget(const char *key_file) {
    char path[CLI_PATH_BYTES];
    bool gone = name_anchor(key_file, "", path) && (unlink(path) == 0 || errno == ENOENT);
    return gone ? SATCHEL_OK : SATCHEL_IO_ERROR;
}
