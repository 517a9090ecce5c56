/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimal text of any length to a fixed-point integer, rounded half to even once, from the digits themselves.
 */
#include "rules/money.h"

typedef struct decimal_reader {
    satchel_text text;
    size_t at;
    bool negative;
    uint64_t magnitude; /* digits up to the scale */
    bool overflow;
    unsigned first_cut; /* first digit past the scale */
    bool more_cut;      /* a digit past that one is not zero */
} decimal_reader;

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void keep_digit(decimal_reader *reader, unsigned digit) {
    if (reader->magnitude > (UINT64_MAX - digit) / 10) {
        reader->overflow = true;
        return;
    }
    reader->magnitude = reader->magnitude * 10 + digit;
}

static size_t read_whole(decimal_reader *reader) {
    size_t count = 0;
    for (; reader->at < reader->text.bytes && is_digit(reader->text.data[reader->at]); reader->at++, count++) {
        keep_digit(reader, (unsigned)(reader->text.data[reader->at] - '0'));
    }
    return count;
}

static size_t read_fraction(decimal_reader *reader, unsigned scale) {
    size_t count = 0;
    for (; reader->at < reader->text.bytes && is_digit(reader->text.data[reader->at]); reader->at++, count++) {
        unsigned digit = (unsigned)(reader->text.data[reader->at] - '0');
        if (count < scale) {
            keep_digit(reader, digit);
        } else if (count == scale) {
            reader->first_cut = digit;
        } else {
            reader->more_cut = reader->more_cut || digit != 0;
        }
    }
    for (size_t i = count; i < scale; i++) {
        keep_digit(reader, 0);
    }
    return count;
}

static satchel_status finish(const decimal_reader *reader, int64_t *out) {
    bool half = reader->first_cut == 5 && !reader->more_cut;
    bool up = half ? (reader->magnitude & 1) != 0 : reader->first_cut >= 5;
    uint64_t limit = (uint64_t)INT64_MAX + (reader->negative ? 1 : 0);
    if (reader->overflow || reader->magnitude > limit || (up && reader->magnitude == limit)) {
        return SATCHEL_OUT_OF_RANGE;
    }
    uint64_t value = reader->magnitude + (up ? 1 : 0);
    *out = reader->negative ? (int64_t)(UINT64_C(0) - value) : (int64_t)value;
    return SATCHEL_OK;
}

satchel_status satchel_decimal_round(satchel_text text, unsigned scale, int64_t *out) {
    decimal_reader reader = {.text = text};
    if (text.bytes > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        reader.negative = text.data[0] == '-';
        reader.at = 1;
    }
    size_t digits = read_whole(&reader);
    bool point = reader.at < text.bytes && text.data[reader.at] == '.';
    if (point) {
        reader.at++;
    }
    size_t fraction = read_fraction(&reader, scale);
    if (reader.at != text.bytes || digits + fraction == 0 || (point && fraction == 0)) {
        return SATCHEL_MALFORMED;
    }
    return finish(&reader, out);
}
