/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 by the table of well-formed byte sequences (Unicode Standard, table 3-7), and decimal numbers as text.
 */
#include "base/text.h"

#define SCALE_MOST 9u

/* Bytes of the sequence at `at`, 0 if it is not well-formed. */
static size_t sequence_bytes(const uint8_t *at, size_t left) {
    uint8_t first = at[0];
    uint8_t low = 0x80; /* bounds of the second byte */
    uint8_t high = 0xbf;
    size_t bytes;
    if (first < 0x80) {
        return first != 0 ? 1 : 0;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        bytes = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        bytes = 3;
        low = first == 0xe0 ? 0xa0 : 0x80;
        high = first == 0xed ? 0x9f : 0xbf;
    } else if (first >= 0xf0 && first <= 0xf4) {
        bytes = 4;
        low = first == 0xf0 ? 0x90 : 0x80;
        high = first == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (left < bytes || at[1] < low || at[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return bytes;
}

bool satchel_text_valid(satchel_text text) {
    const uint8_t *data = (const uint8_t *)text.data;
    size_t at = 0;
    while (at < text.bytes) {
        size_t bytes = sequence_bytes(data + at, text.bytes - at);
        if (bytes == 0) {
            return false;
        }
        at += bytes;
    }
    return true;
}

bool satchel_text_equal(satchel_text a, satchel_text b) {
    return a.bytes == b.bytes && (a.bytes == 0 || memcmp(a.data, b.data, a.bytes) == 0);
}

bool satchel_text_is(satchel_text text, const char *zero_terminated) {
    return satchel_text_equal(text, satchel_text_of(zero_terminated));
}

static bool is_continuation(char character) {
    return ((uint8_t)character & 0xc0) == 0x80;
}

size_t satchel_text_count(satchel_text text) {
    size_t count = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        count += is_continuation(text.data[i]) ? 0 : 1;
    }
    return count;
}

uint32_t satchel_text_next(satchel_text text, size_t *at) {
    if (*at >= text.bytes) {
        return 0;
    }
    uint8_t first = (uint8_t)text.data[*at];
    unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t code_point = more == 0 ? first : first & (0x3fu >> more);
    (*at)++;
    for (; more > 0 && *at < text.bytes; more--) {
        code_point = code_point << 6 | ((uint8_t)text.data[*at] & 0x3f);
        (*at)++;
    }
    return code_point;
}

size_t satchel_text_put(uint32_t code_point, char out[4]) {
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
        return 0;
    }
    size_t bytes = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    out[0] = (char)((0xf0u << (4 - bytes) & 0xff) | code_point);
    return bytes;
}

satchel_text satchel_text_clip(satchel_text text, size_t bytes) {
    if (text.bytes <= bytes) {
        return text;
    }
    while (bytes > 0 && is_continuation(text.data[bytes])) {
        bytes--;
    }
    return (satchel_text){text.data, bytes};
}

static bool is_space(char character) {
    return character == ' ' || (character >= '\t' && character <= '\r');
}

/* Bytes of white space that `text` begins or ends with: an ASCII one, or U+3000 (E3 80 80). */
static size_t space_at_begin(satchel_text text) {
    if (text.bytes >= 1 && is_space(text.data[0])) {
        return 1;
    }
    return text.bytes >= 3 && memcmp(text.data, "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

static size_t space_at_end(satchel_text text) {
    if (text.bytes >= 1 && is_space(text.data[text.bytes - 1])) {
        return 1;
    }
    return text.bytes >= 3 && memcmp(text.data + text.bytes - 3, "\xe3\x80\x80", 3) == 0 ? 3 : 0;
}

satchel_text satchel_text_trim(satchel_text text) {
    size_t bytes;
    while ((bytes = space_at_begin(text)) > 0) {
        text.data += bytes;
        text.bytes -= bytes;
    }
    while ((bytes = space_at_end(text)) > 0) {
        text.bytes -= bytes;
    }
    return text;
}

/* A decimal number being read: digits are gathered below zero, where there is one value more than above. */
typedef struct decimal {
    int64_t below_zero;
    bool overflow;
} decimal;

static void decimal_push(decimal *number, char digit) {
    int64_t value = digit - '0';
    if (number->below_zero < (INT64_MIN + value) / 10) {
        number->overflow = true;
        return;
    }
    number->below_zero = number->below_zero * 10 - value;
}

static bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

/* Reads digits from `at`, returns how many there were. */
static size_t decimal_digits(decimal *number, satchel_text text, size_t at) {
    size_t count = 0;
    while (at + count < text.bytes && is_digit(text.data[at + count])) {
        decimal_push(number, text.data[at + count]);
        count++;
    }
    return count;
}

/* The digits behind the point, exactly `scale` of them; what is past the scale must be zeros. */
static satchel_status decimal_fraction(decimal *number, satchel_text text, size_t at, unsigned scale) {
    unsigned digits = 0;
    if (at < text.bytes) {
        if (scale == 0 || text.data[at] != '.' || at + 1 == text.bytes) {
            return SATCHEL_MALFORMED;
        }
        for (at++; at < text.bytes; at++) {
            if (!is_digit(text.data[at])) {
                return SATCHEL_MALFORMED;
            }
            if (digits == scale) {
                if (text.data[at] != '0') {
                    return SATCHEL_MALFORMED;
                }
                continue;
            }
            decimal_push(number, text.data[at]);
            digits++;
        }
    }
    for (; digits < scale; digits++) {
        decimal_push(number, '0');
    }
    return SATCHEL_OK;
}

satchel_status satchel_text_to_fixed(satchel_text text, unsigned scale, int64_t *out) {
    decimal number = {0, false};
    if (scale > SCALE_MOST) {
        return SATCHEL_OUT_OF_RANGE;
    }
    size_t at = text.bytes > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    bool negative = at == 1 && text.data[0] == '-';
    size_t digits = decimal_digits(&number, text, at);
    if (digits == 0) {
        return SATCHEL_MALFORMED;
    }
    satchel_status status = decimal_fraction(&number, text, at + digits, scale);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (number.overflow || (!negative && number.below_zero == INT64_MIN)) {
        return SATCHEL_OUT_OF_RANGE;
    }
    *out = negative ? number.below_zero : -number.below_zero;
    return SATCHEL_OK;
}

satchel_status satchel_text_to_int(satchel_text text, int64_t *out) {
    return satchel_text_to_fixed(text, 0, out);
}

void satchel_text_from_fixed(int64_t value, unsigned scale, char out[SATCHEL_FIXED_TEXT_BYTES]) {
    char reversed[SATCHEL_FIXED_TEXT_BYTES];
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    unsigned digits = scale < SCALE_MOST ? scale : SCALE_MOST;
    size_t count = 0;
    for (unsigned i = 0; i <= digits || size > 0; i++) {
        if (i == digits && digits > 0) {
            reversed[count++] = '.';
        }
        reversed[count++] = (char)('0' + size % 10);
        size /= 10;
    }
    if (value < 0) {
        reversed[count++] = '-';
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = reversed[count - 1 - i];
    }
    out[count] = '\0';
}
