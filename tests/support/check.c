/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of test.h: compare, and on failure say where and what in one message. The same for both runners.
 */
#include "support/runner.h"
#include "support/test.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define NOTE_BYTES 256
#define MESSAGE_BYTES 2048
#define SHOWN_BYTES 96 /* of a text or of bytes, so that a message stays readable */

static _Thread_local char note[NOTE_BYTES];
static atomic_ulong checks;

unsigned long test_checks_made(void) {
    return atomic_load(&checks);
}

void test_checks_reset(void) {
    atomic_store(&checks, 0);
    note[0] = '\0';
}

bool test_passed(void) {
    atomic_fetch_add_explicit(&checks, 1, memory_order_relaxed);
    return true;
}

void test_note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
}

static bool fail(const test_place *place, const char *got, const char *expected) {
    char message[MESSAGE_BYTES];
    const char *open = note[0] != '\0' ? " [" : "";
    const char *close = note[0] != '\0' ? "]" : "";
    atomic_fetch_add_explicit(&checks, 1, memory_order_relaxed);
    if (place->expected_expression == NULL) {
        snprintf(message, sizeof message, "does not hold: %s%s%s%s", place->got_expression, open, note, close);
    } else {
        snprintf(message, sizeof message, "%s is %s, expected %s (%s)%s%s%s", place->got_expression, got, expected,
                 place->expected_expression, open, note, close);
    }
    test_report(place->file, place->line, message);
    return false;
}

bool test_check(bool holds, const test_place *place) {
    return holds ? test_passed() : fail(place, "false", "true");
}

bool test_check_int(int64_t got, int64_t expected, const test_place *place) {
    char left[32];
    char right[32];
    if (got == expected) {
        return test_passed();
    }
    snprintf(left, sizeof left, "%" PRId64, got);
    snprintf(right, sizeof right, "%" PRId64, expected);
    return fail(place, left, right);
}

bool test_check_uint(uint64_t got, uint64_t expected, const test_place *place) {
    char left[48];
    char right[48];
    if (got == expected) {
        return test_passed();
    }
    snprintf(left, sizeof left, "%" PRIu64 " (0x%" PRIx64 ")", got, got);
    snprintf(right, sizeof right, "%" PRIu64 " (0x%" PRIx64 ")", expected, expected);
    return fail(place, left, right);
}

bool test_check_real(double got, double expected, const test_place *place) {
    char left[48];
    char right[48];
    uint64_t got_bits; /* compared as bits: NaN equals itself and 0.0 is not -0.0 */
    uint64_t expected_bits;
    memcpy(&got_bits, &got, sizeof got_bits);
    memcpy(&expected_bits, &expected, sizeof expected_bits);
    if (got_bits == expected_bits) {
        return test_passed();
    }
    snprintf(left, sizeof left, "%.17g", got);
    snprintf(right, sizeof right, "%.17g", expected);
    return fail(place, left, right);
}

satchel_text test_text_of(const char *zero_terminated) {
    return (satchel_text){zero_terminated, zero_terminated != NULL ? strlen(zero_terminated) : 0};
}

satchel_text test_text_same(satchel_text text) {
    return text;
}

static void show_text(satchel_text text, char out[SHOWN_BYTES + 32]) {
    size_t shown = text.bytes < SHOWN_BYTES ? text.bytes : SHOWN_BYTES;
    if (text.data == NULL) {
        snprintf(out, SHOWN_BYTES + 32, "NULL");
        return;
    }
    snprintf(out, SHOWN_BYTES + 32, "\"%.*s\"%s (%zu bytes)", (int)shown, text.data, shown < text.bytes ? "…" : "",
             text.bytes);
}

bool test_check_text(satchel_text got, satchel_text expected, const test_place *place) {
    char left[SHOWN_BYTES + 32];
    char right[SHOWN_BYTES + 32];
    if (got.bytes == expected.bytes && (got.bytes == 0 || memcmp(got.data, expected.data, got.bytes) == 0)) {
        return test_passed();
    }
    show_text(got, left);
    show_text(expected, right);
    return fail(place, left, right);
}

static void show_bytes(satchel_bytes bytes, size_t from, char out[SHOWN_BYTES * 2 + 48]) {
    size_t length = 0;
    size_t shown = bytes.bytes - from < SHOWN_BYTES / 2 ? bytes.bytes - from : SHOWN_BYTES / 2;
    for (size_t i = 0; i < shown; i++) {
        length += (size_t)snprintf(out + length, 4, "%02x ", bytes.data[from + i]);
    }
    snprintf(out + length, SHOWN_BYTES * 2 + 48 - length, "(%zu bytes)", bytes.bytes);
}

bool test_check_bytes(satchel_bytes got, satchel_bytes expected, const test_place *place) {
    char left[SHOWN_BYTES * 2 + 48];
    char right[SHOWN_BYTES * 2 + 48];
    char both[SHOWN_BYTES * 2 + 160];
    size_t common = 0;
    while (common < got.bytes && common < expected.bytes && got.data[common] == expected.data[common]) {
        common++;
    }
    if (common == got.bytes && common == expected.bytes) {
        return test_passed();
    }
    size_t from = common & ~(size_t)15;
    show_bytes(got, from, left);
    show_bytes(expected, from, right);
    snprintf(both, sizeof both, "%s; they differ at byte %zu, shown from %zu", right, common, from);
    return fail(place, left, both);
}

bool test_check_id(const satchel_id *got, const satchel_id *expected, const test_place *place) {
    satchel_bytes left = {got->bytes, sizeof got->bytes};
    satchel_bytes right = {expected->bytes, sizeof expected->bytes};
    return test_check_bytes(left, right, place);
}

bool test_check_status(satchel_status got, satchel_status expected, const test_place *place) {
    if (got == expected) {
        return test_passed();
    }
    return fail(place, satchel_status_name(got), satchel_status_name(expected));
}
