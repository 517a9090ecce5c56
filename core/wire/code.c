/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one-time enrolment code as text (Crockford's base 32: no I, L, O, U) and as the name under which the server
 * finds it.
 */
#include "crypto/hash.h"
#include "wire/enroll.h"

#include <string.h>

#define DIGITS 16u
#define GROUP 4u
#define DIGIT_BITS 5u

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void satchel_code_write(const uint8_t code[SATCHEL_CODE_BYTES], char text[SATCHEL_CODE_TEXT_BYTES]) {
    size_t at = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        size_t bit = i * DIGIT_BITS;
        unsigned pair = (unsigned)code[bit / 8] << 8;
        if (bit / 8 + 1 < SATCHEL_CODE_BYTES) {
            pair |= code[bit / 8 + 1];
        }
        if (i > 0 && i % GROUP == 0) {
            text[at++] = '-';
        }
        text[at++] = alphabet[(pair >> (11 - bit % 8)) & 31];
    }
    text[at] = '\0';
}

static int digit_value(char digit) {
    char upper = digit >= 'a' && digit <= 'z' ? (char)(digit - 'a' + 'A') : digit;
    switch (upper) {
    case 'O': upper = '0'; break;
    case 'I':
    case 'L': upper = '1'; break;
    default: break;
    }
    const char *found = upper == '\0' ? NULL : strchr(alphabet, upper);
    return found == NULL ? -1 : (int)(found - alphabet);
}

satchel_status satchel_code_read(satchel_text text, uint8_t out[SATCHEL_CODE_BYTES]) {
    uint32_t held = 0;
    unsigned held_bits = 0;
    size_t digits = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] == '-' || text.data[i] == ' ') {
            continue;
        }
        int value = digit_value(text.data[i]);
        if (value < 0 || digits == DIGITS) {
            return SATCHEL_MALFORMED;
        }
        digits++;
        held = (held << DIGIT_BITS | (uint32_t)value) & 0xffff;
        held_bits += DIGIT_BITS;
        if (held_bits >= 8) {
            held_bits -= 8;
            out[at++] = (uint8_t)(held >> held_bits);
        }
    }
    return digits == DIGITS ? SATCHEL_OK : SATCHEL_MALFORMED;
}

void satchel_code_key(const uint8_t code[SATCHEL_CODE_BYTES], uint8_t out[SATCHEL_CODE_KEY_BYTES]) {
    satchel_bytes part = satchel_bytes_of(code, SATCHEL_CODE_BYTES);
    satchel_id name = satchel_id_derive("satchel enrolment code name", &part, 1);
    _Static_assert(SATCHEL_CODE_KEY_BYTES == SATCHEL_ID_BYTES, "the name of a code is a derived id");
    memcpy(out, name.bytes, SATCHEL_CODE_KEY_BYTES);
}
