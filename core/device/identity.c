/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The identity and a running enrolment as values of the sealed store.
 *
 *   identity:  [format 1 = 1][device 16][user 16][seed 32][server key 32][epoch varint]
 *              then server, login, company, each [length varint][UTF-8]
 *   enrolling: [format 1 = 1][code 10][server key 32][seed 32][incarnation 16][token 16]
 *
 * The seed is the Ed25519 seed of RFC 8032; the key pair follows from it.
 */
#include "device/identity.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "crypto/secret.h"

#include <string.h>

#define IDENTITY_NAME "identity"
#define ENROLLING_NAME "enrolling"
#define FORMAT 1

/* Both values hold a secret seed, so the buffers are wiped. */
static satchel_status append_text(satchel_buffer *out, const char *text) {
    satchel_status status = satchel_buffer_append_varint(out, strlen(text));
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(text, strlen(text)));
    }
    return status;
}

static satchel_status take_text(satchel_reader *reader, char *out, size_t room) {
    uint64_t bytes;
    satchel_bytes text;
    if (satchel_reader_varint(reader, &bytes) != SATCHEL_OK || bytes >= room ||
        satchel_reader_take(reader, (size_t)bytes, &text) != SATCHEL_OK) {
        return SATCHEL_DAMAGED;
    }
    memcpy(out, text.data, text.bytes);
    out[text.bytes] = 0;
    return SATCHEL_OK;
}

static bool take_exactly(satchel_reader *reader, void *out, size_t bytes) {
    satchel_bytes taken;
    if (satchel_reader_take(reader, bytes, &taken) != SATCHEL_OK) {
        return false;
    }
    memcpy(out, taken.data, bytes);
    return true;
}

static satchel_status take_format(satchel_reader *reader) {
    uint8_t format;
    if (satchel_reader_byte(reader, &format) != SATCHEL_OK) {
        return SATCHEL_DAMAGED;
    }
    return format == FORMAT ? SATCHEL_OK : SATCHEL_NEWER_FORMAT;
}

static satchel_status read_identity(satchel_identity *out, satchel_bytes value) {
    satchel_reader reader = satchel_reader_of(value);
    satchel_status status = take_format(&reader);
    if (status != SATCHEL_OK) {
        return status;
    }
    uint8_t seed[SATCHEL_KEY_BYTES];
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
    uint64_t epoch;
    if (!take_exactly(&reader, out->device.bytes, SATCHEL_ID_BYTES) ||
        !take_exactly(&reader, out->user.bytes, SATCHEL_ID_BYTES) || !take_exactly(&reader, seed, sizeof seed) ||
        !take_exactly(&reader, out->server_key, sizeof out->server_key) ||
        satchel_reader_varint(&reader, &epoch) != SATCHEL_OK || epoch > UINT32_MAX) {
        return SATCHEL_DAMAGED;
    }
    out->epoch = (uint32_t)epoch;
    satchel_sign_keys(seed, public_key, out->secret);
    satchel_secret_wipe(seed, sizeof seed);
    status = take_text(&reader, out->server, sizeof out->server);
    if (status == SATCHEL_OK) {
        status = take_text(&reader, out->login, sizeof out->login);
    }
    if (status == SATCHEL_OK) {
        status = take_text(&reader, out->company, sizeof out->company);
    }
    out->enrolled = status == SATCHEL_OK;
    return status;
}

satchel_status satchel_identity_load(satchel_identity *identity, satchel_store *store, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {0};
    satchel_identity_deinit(identity);
    satchel_status status = satchel_store_get_value(store, IDENTITY_NAME, &arena, &value, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
        goto done;
    }
    if (status != SATCHEL_OK) {
        goto done;
    }
    identity->secret = satchel_secret_take(SATCHEL_SIGN_SECRET_BYTES);
    if (identity->secret == NULL) {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the device's key");
        goto done;
    }
    status = read_identity(identity, value);
    satchel_secret_wipe((void *)(uintptr_t)value.data, value.bytes);
    if (status != SATCHEL_OK) {
        satchel_identity_deinit(identity);
        satchel_fail(error, status, "the identity of the device cannot be read");
    }
done:
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status write_identity(const satchel_identity *identity, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_byte(out, FORMAT);
    const satchel_bytes parts[] = {
        satchel_id_view(&identity->device),
        satchel_id_view(&identity->user),
        satchel_bytes_of(identity->secret, SATCHEL_KEY_BYTES), /* libsodium's secret key begins with the seed */
        satchel_bytes_of(identity->server_key, sizeof identity->server_key),
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append(out, parts[i]);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, identity->epoch);
    }
    const char *texts[] = {identity->server, identity->login, identity->company};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && status == SATCHEL_OK; i++) {
        status = append_text(out, texts[i]);
    }
    return status;
}

satchel_status satchel_identity_save(const satchel_identity *identity, satchel_store *store, satchel_error *error) {
    satchel_buffer value = {0};
    satchel_status status = write_identity(identity, &value);
    if (status == SATCHEL_OK) {
        status = satchel_store_put_value(store, IDENTITY_NAME, satchel_buffer_view(&value), error);
    } else {
        satchel_fail(error, status, "no memory for the identity");
    }
    satchel_buffer_wipe(&value);
    satchel_buffer_deinit(&value);
    return status;
}

void satchel_identity_deinit(satchel_identity *identity) {
    satchel_secret_give(identity->secret);
    memset(identity, 0, sizeof *identity);
}

satchel_status satchel_enrolling_load(satchel_enrolling *out, satchel_store *store, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes value = {0};
    satchel_status status = satchel_store_get_value(store, ENROLLING_NAME, &arena, &value, error);
    if (status == SATCHEL_OK) {
        satchel_reader reader = satchel_reader_of(value);
        status = take_format(&reader);
        if (status == SATCHEL_OK &&
            (!take_exactly(&reader, out->code, sizeof out->code) ||
             !take_exactly(&reader, out->server_key, sizeof out->server_key) ||
             !take_exactly(&reader, out->seed, sizeof out->seed) ||
             !take_exactly(&reader, out->incarnation.bytes, SATCHEL_ID_BYTES) ||
             !take_exactly(&reader, out->token, sizeof out->token) || satchel_reader_left(&reader) != 0)) {
            status = SATCHEL_DAMAGED;
        }
        if (status != SATCHEL_OK) {
            satchel_fail(error, status, "the enrolment under way cannot be read");
        }
        satchel_secret_wipe((void *)(uintptr_t)value.data, value.bytes);
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_enrolling_save(const satchel_enrolling *enrolling, satchel_store *store, satchel_error *error) {
    satchel_buffer value = {0};
    const satchel_bytes parts[] = {
        satchel_bytes_of(enrolling->code, sizeof enrolling->code),
        satchel_bytes_of(enrolling->server_key, sizeof enrolling->server_key),
        satchel_bytes_of(enrolling->seed, sizeof enrolling->seed),
        satchel_id_view(&enrolling->incarnation),
        satchel_bytes_of(enrolling->token, sizeof enrolling->token),
    };
    satchel_status status = satchel_buffer_append_byte(&value, FORMAT);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append(&value, parts[i]);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_put_value(store, ENROLLING_NAME, satchel_buffer_view(&value), error);
    } else {
        satchel_fail(error, status, "no memory for the enrolment");
    }
    satchel_buffer_wipe(&value);
    satchel_buffer_deinit(&value);
    return status;
}

satchel_status satchel_enrolling_forget(satchel_store *store, satchel_error *error) {
    return satchel_store_put_value(store, ENROLLING_NAME, (satchel_bytes){NULL, 0}, error);
}

/* Splits "https://host:port" after its scheme; gives false for any other scheme. */
static bool take_scheme(satchel_text *server, bool *out_clear) {
    static const char secure[] = "https://";
    static const char clear[] = "http://";
    const char *scheme = secure;
    if (server->bytes >= sizeof clear - 1 && memcmp(server->data, clear, sizeof clear - 1) == 0) {
        scheme = clear;
    } else if (server->bytes < sizeof secure - 1 || memcmp(server->data, secure, sizeof secure - 1) != 0) {
        return false;
    }
    *out_clear = scheme == clear;
    server->data += strlen(scheme);
    server->bytes -= strlen(scheme);
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Host names, IPv4 and bracketed IPv6 addresses have no other characters, so nothing can be smuggled behind a host. */
static bool is_host_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}

/* Cuts the port off; false if it is none. */
static bool split_port(satchel_text authority, satchel_text *out_host) {
    size_t at = authority.bytes;
    while (at > 0 && is_digit(authority.data[at - 1])) {
        at--;
    }
    *out_host = authority;
    bool has_port = at > 0 && authority.data[at - 1] == ':';
    if (!has_port) {
        return true;
    }
    size_t digits = authority.bytes - at;
    out_host->bytes = at - 1;
    return digits >= 1 && digits <= 5;
}

static bool host_is_valid(satchel_text host) {
    bool bracketed = host.bytes > 2 && host.data[0] == '[' && host.data[host.bytes - 1] == ']';
    size_t from = bracketed ? 1 : 0;
    size_t to = bracketed ? host.bytes - 1 : host.bytes;
    for (size_t i = from; i < to; i++) {
        bool hex_or_colon = host.data[i] == ':' || is_host_char(host.data[i]);
        if (bracketed ? !hex_or_colon : !is_host_char(host.data[i])) {
            return false;
        }
    }
    return to > from;
}

static bool host_is_local(satchel_text host) {
    return satchel_text_is(host, "localhost") || satchel_text_is(host, "127.0.0.1") || satchel_text_is(host, "[::1]");
}

satchel_status satchel_server_address(satchel_text server, char out[SATCHEL_IDENTITY_TEXT_BYTES],
                                      satchel_error *error) {
    satchel_text rest = server;
    satchel_text host;
    bool clear = false;
    if (server.bytes > 0 && server.data[server.bytes - 1] == '/') {
        server.bytes--;
    }
    rest = server;
    if (!take_scheme(&rest, &clear) || !split_port(rest, &host) || !host_is_valid(host)) {
        return satchel_fail(error, SATCHEL_MALFORMED, "the server's address is not https://host[:port]");
    }
    if (clear && !host_is_local(host)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "plain http is for localhost only");
    }
    if (server.bytes >= SATCHEL_IDENTITY_TEXT_BYTES) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "the server's address is longer than %d bytes",
                            SATCHEL_IDENTITY_TEXT_BYTES - 1);
    }
    memcpy(out, server.data, server.bytes);
    out[server.bytes] = 0;
    return SATCHEL_OK;
}
