/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enrolment link, "satchel:enroll?server=…&code=…&key=…". Parts may stand in any order; unknown ones are passed
 * over; each known one must be there once.
 */
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "wire/base64.h"
#include "wire/enroll.h"

#include <string.h>

#define PREFIX "satchel:enroll?"

static bool unreserved(uint8_t byte) { /* RFC 3986, section 2.3 */
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static satchel_status write_encoded(satchel_text text, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < text.bytes && status == SATCHEL_OK; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        status = unreserved(byte) ? satchel_buffer_append_byte(out, byte)
                                  : satchel_buffer_append_format(out, "%%%02X", byte);
    }
    return status;
}

static satchel_status write_part(const char *name, satchel_text value, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_format(out, "%s=", name);
    return status == SATCHEL_OK ? write_encoded(value, out) : status;
}

satchel_status satchel_enroll_link_write(const satchel_enroll_link *link, satchel_buffer *out) {
    char code[SATCHEL_CODE_TEXT_BYTES];
    char key[SATCHEL_BASE64_TEXT_BYTES(SATCHEL_PUBLIC_KEY_BYTES)];
    size_t start = out->bytes;
    satchel_code_write(link->code, code);
    satchel_base64_write(satchel_bytes_of(link->server_key, SATCHEL_PUBLIC_KEY_BYTES), true, key);
    satchel_status status = write_part(PREFIX "server", link->server, out);
    if (status == SATCHEL_OK) {
        status = write_part("&code", satchel_text_of(code), out);
    }
    if (status == SATCHEL_OK) {
        status = write_part("&key", satchel_text_of(key), out);
    }
    if (status == SATCHEL_OK && out->bytes - start > SATCHEL_LINK_BYTES_MOST) {
        status = SATCHEL_LIMIT_EXCEEDED;
    }
    if (status != SATCHEL_OK) {
        out->bytes = start;
    }
    return status;
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = digit >= 'A' && digit <= 'F' ? (char)(digit - 'A' + 'a') : digit;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static satchel_status decode(satchel_text text, satchel_arena *arena, satchel_text *out) {
    char *decoded = satchel_arena_take(arena, text.bytes + 1);
    size_t at = 0;
    if (decoded == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        char character = text.data[i];
        if (character == '%') {
            int high = i + 2 < text.bytes ? hex_value(text.data[i + 1]) : -1;
            int low = high >= 0 ? hex_value(text.data[i + 2]) : -1;
            if (low < 0) {
                return SATCHEL_MALFORMED;
            }
            character = (char)(high << 4 | low);
            i += 2;
        }
        decoded[at++] = character;
    }
    *out = (satchel_text){decoded, at};
    return satchel_text_valid(*out) ? SATCHEL_OK : SATCHEL_MALFORMED;
}

/* One `name=value` into the member that it names; `seen` has a bit for each. */
static satchel_status read_part(satchel_text part, satchel_arena *arena, satchel_enroll_link *out, unsigned *seen) {
    static const char *const names[] = {"server", "code", "key"};
    const char *equals = memchr(part.data, '=', part.bytes);
    if (equals == NULL) {
        return SATCHEL_MALFORMED;
    }
    satchel_text name = {part.data, (size_t)(equals - part.data)};
    satchel_text value = {equals + 1, part.bytes - name.bytes - 1};
    unsigned which = 0;
    while (which < 3 && !satchel_text_is(name, names[which])) {
        which++;
    }
    if (which == 3) {
        return SATCHEL_OK;
    }
    if ((*seen & 1u << which) != 0) {
        return SATCHEL_MALFORMED;
    }
    *seen |= 1u << which;
    satchel_status status = decode(value, arena, &value);
    if (status != SATCHEL_OK) {
        return status;
    }
    switch (which) {
    case 0: out->server = value; return value.bytes > 0 ? SATCHEL_OK : SATCHEL_MALFORMED;
    case 1: return satchel_code_read(value, out->code);
    default: return satchel_base64_read(value, true, out->server_key, SATCHEL_PUBLIC_KEY_BYTES);
    }
}

satchel_status satchel_enroll_link_read(satchel_text text, satchel_arena *arena, satchel_enroll_link *out,
                                        satchel_error *error) {
    size_t prefix = strlen(PREFIX);
    unsigned seen = 0;
    text = satchel_text_trim(text);
    memset(out, 0, sizeof *out);
    if (text.bytes > SATCHEL_LINK_BYTES_MOST || text.bytes < prefix || memcmp(text.data, PREFIX, prefix) != 0) {
        return satchel_fail(error, SATCHEL_MALFORMED, "link: does not begin with " PREFIX);
    }
    for (size_t at = prefix; at <= text.bytes;) {
        const char *end = at < text.bytes ? memchr(text.data + at, '&', text.bytes - at) : NULL;
        size_t length = end != NULL ? (size_t)(end - text.data) - at : text.bytes - at;
        satchel_status status = read_part((satchel_text){text.data + at, length}, arena, out, &seen);
        if (status != SATCHEL_OK) {
            return satchel_fail(error, status, "link: bad part at byte %zu", at);
        }
        at += length + 1;
    }
    return seen == 7 ? SATCHEL_OK : satchel_fail(error, SATCHEL_MALFORMED, "link: server, code or key is missing");
}
