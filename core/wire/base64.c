/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base 64 both ways. Only the canonical form is read: padding where it belongs and spare bits zero, so that one value
 * has one text.
 */
#include "wire/base64.h"

#include <string.h>

static const char header_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Characters without padding. */
static size_t digit_count(size_t bytes) {
    return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : bytes % 3 + 1);
}

void satchel_base64_write(satchel_bytes bytes, bool for_url, char *text) {
    const char *alphabet = for_url ? url_alphabet : header_alphabet;
    size_t digits = digit_count(bytes.bytes);
    size_t at = 0;
    for (size_t i = 0; i < digits; i++) {
        size_t bit = i * 6;
        unsigned pair = (unsigned)bytes.data[bit / 8] << 8;
        if (bit / 8 + 1 < bytes.bytes) {
            pair |= bytes.data[bit / 8 + 1];
        }
        text[at++] = alphabet[(pair >> (10 - bit % 8)) & 63];
    }
    while (!for_url && at % 4 != 0) {
        text[at++] = '=';
    }
    text[at] = '\0';
}

static int digit_value(char digit, bool for_url) {
    const char *alphabet = for_url ? url_alphabet : header_alphabet;
    const char *found = digit == '\0' ? NULL : strchr(alphabet, digit);
    return found == NULL ? -1 : (int)(found - alphabet);
}

satchel_status satchel_base64_read(satchel_text text, bool for_url, uint8_t *out, size_t bytes) {
    size_t digits = digit_count(bytes);
    size_t length = for_url ? digits : (bytes + 2) / 3 * 4;
    uint32_t held = 0;
    unsigned held_bits = 0;
    size_t at = 0;
    if (text.bytes != length) {
        return SATCHEL_MALFORMED;
    }
    for (size_t i = 0; i < digits; i++) {
        int value = digit_value(text.data[i], for_url);
        if (value < 0) {
            return SATCHEL_MALFORMED;
        }
        held = (held << 6 | (uint32_t)value) & 0xfff;
        held_bits += 6;
        if (held_bits >= 8) {
            held_bits -= 8;
            out[at++] = (uint8_t)(held >> held_bits);
        }
    }
    for (size_t i = digits; i < length; i++) {
        if (text.data[i] != '=') {
            return SATCHEL_MALFORMED;
        }
    }
    return (held & ((1u << held_bits) - 1)) == 0 ? SATCHEL_OK : SATCHEL_MALFORMED;
}
