/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded names, name keys without legal forms, likeness of keys, phone keys.
 * A key never becomes empty by dropping legal forms: "GmbH" alone is a name.
 */
#include "rules/names.h"

#include "rules/fold.h"

#include <stdlib.h>
#include <string.h>

static satchel_status put_code_point(satchel_buffer *out, uint32_t code_point) {
    char bytes[4];
    size_t count = satchel_text_put(code_point, bytes);
    return satchel_buffer_append(out, satchel_bytes_of(bytes, count));
}

/* Two words are parted by one space; `*gap` says that one is due before the next letter. */
static satchel_status put_folded(satchel_buffer *out, satchel_fold fold, bool *gap, bool *begun) {
    satchel_status status = SATCHEL_OK;
    if (fold.first == 0) {
        return SATCHEL_OK;
    }
    if (fold.first == ' ') {
        *gap = *begun;
        return SATCHEL_OK;
    }
    if (*gap) {
        status = satchel_buffer_append_byte(out, ' ');
    }
    *gap = false;
    *begun = true;
    if (status == SATCHEL_OK) {
        status = put_code_point(out, fold.first);
    }
    return status == SATCHEL_OK && fold.second != 0 ? put_code_point(out, fold.second) : status;
}

satchel_status satchel_name_fold(satchel_text name, satchel_buffer *out) {
    if (!satchel_text_valid(name)) {
        return SATCHEL_BAD_TEXT;
    }
    size_t start = out->bytes;
    size_t at = 0;
    bool gap = false;
    bool begun = false;
    satchel_status status = SATCHEL_OK;
    while (at < name.bytes && status == SATCHEL_OK) {
        status = put_folded(out, satchel_fold_code_point(satchel_text_next(name, &at)), &gap, &begun);
    }
    if (status != SATCHEL_OK) {
        out->bytes = start;
    }
    return status;
}

/* Legal forms as folded words without their spaces, at the end of a name: English, German, Spanish, French and others.
 */
static const char *const trailing_forms[] = {
    "ab",   "ag",          "aps",   "as",   "asa",          "bhd",   "bv",  "bvba",   "co",   "company", "coop",
    "corp", "corporation", "cv",    "doo",  "eg",           "eirl",  "ek",  "eu",     "eurl", "ev",      "gbr",
    "gie",  "gmbh",        "ggmbh", "inc",  "incorporated", "kft",   "kg",  "kgaa",   "kk",   "limited", "limitada",
    "llc",  "llp",         "lp",    "ltd",  "ltda",         "mbh",   "nv",  "ohg",    "ooo",  "oy",      "oyj",
    "plc",  "pte",         "pty",   "pvt",  "sa",           "sab",   "sac", "sadecv", "sapi", "sarl",    "sas",
    "sau",  "sasu",        "sc",    "sca",  "sci",          "scop",  "sdn", "se",     "sl",   "sll",     "slu",
    "snc",  "spa",         "spzoo", "sprl", "srl",          "srlcv", "sro", "ug",     "zrt",
};

/* At the beginning: usual in French and Dutch names. */
static const char *const leading_forms[] = {"sarl", "eurl", "sas", "sasu", "sci", "snc", "gie"};

/* Anywhere in a Chinese or Japanese name, longer ones first. */
static const char *const inner_forms[] = {
    "股份有限责任公司", "股份有限公司", "有限责任公司", "有限責任公司", "有限公司", "有限合伙",
    "普通合伙",         "个体工商户",   "株式会社",     "有限会社",     "合同会社",
};

/* At the end of such a name, if the character before does not make it a branch of its own (分公司). */
static const char *const end_forms[] = {"集团公司", "股份公司", "集团", "集團", "股份", "公司"};
static const char *const branch_heads[] = {"分", "子", "总", "總"};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
/* "s a r l": how many words may spell one legal form. */
#define FORM_WORDS 5

static bool is_form(const char *const *forms, size_t count, const char *word, size_t bytes) {
    for (size_t i = 0; i < count; i++) {
        if (strlen(forms[i]) == bytes && memcmp(forms[i], word, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* Drops the spaces of `text` into `out`, which has the room. */
static size_t without_spaces(const char *text, size_t bytes, char *out, size_t room) {
    size_t count = 0;
    for (size_t i = 0; i < bytes && count < room; i++) {
        if (text[i] != ' ') {
            out[count++] = text[i];
        }
    }
    return count;
}

static bool spells_form(const char *const *forms, size_t count, const char *text, size_t bytes) {
    char word[16];
    size_t word_bytes = without_spaces(text, bytes, word, sizeof word);
    return word_bytes < sizeof word && is_form(forms, count, word, word_bytes);
}

/* Bytes of `text` without one legal form at its end; all of them if there is none. */
static size_t cut_end(const char *text, size_t bytes) {
    size_t best = bytes;
    size_t words = 0;
    for (size_t at = bytes; at > 0 && words < FORM_WORDS; at--) {
        if (text[at - 1] != ' ') {
            continue;
        }
        words++;
        if (spells_form(trailing_forms, COUNT_OF(trailing_forms), text + at, bytes - at)) {
            best = at - 1;
        }
    }
    return best;
}

static size_t cut_start(const char *text, size_t bytes) {
    size_t best = 0;
    size_t words = 0;
    for (size_t at = 0; at < bytes && words < FORM_WORDS; at++) {
        if (text[at] != ' ') {
            continue;
        }
        words++;
        if (spells_form(leading_forms, COUNT_OF(leading_forms), text, at)) {
            best = at + 1;
        }
    }
    return best;
}

/* The folded name in place, without legal forms spelled in Latin letters and without spaces. */
static size_t drop_latin_forms(char *text, size_t bytes) {
    size_t end = bytes;
    for (size_t shorter = cut_end(text, end); shorter < end; shorter = cut_end(text, end)) {
        end = shorter;
    }
    size_t start = cut_start(text, end);
    return without_spaces(text + start, end - start, text, end - start);
}

/* Where `part` begins; `bytes` if nowhere. */
static size_t find(const char *text, size_t bytes, const char *part) {
    size_t part_bytes = strlen(part);
    for (size_t at = 0; at + part_bytes <= bytes; at++) {
        if (memcmp(text + at, part, part_bytes) == 0) {
            return at;
        }
    }
    return bytes;
}

static bool ends_with(const char *text, size_t bytes, const char *part) {
    size_t part_bytes = strlen(part);
    return bytes >= part_bytes && memcmp(text + bytes - part_bytes, part, part_bytes) == 0;
}

static size_t drop_inner_forms(char *text, size_t bytes) {
    for (size_t i = 0; i < COUNT_OF(inner_forms); i++) {
        size_t form_bytes = strlen(inner_forms[i]);
        size_t at = find(text, bytes, inner_forms[i]);
        while (at < bytes && form_bytes < bytes) {
            memmove(text + at, text + at + form_bytes, bytes - at - form_bytes);
            bytes -= form_bytes;
            at = find(text, bytes, inner_forms[i]);
        }
    }
    return bytes;
}

static size_t cut_end_form(const char *text, size_t bytes) {
    if (is_form(inner_forms, COUNT_OF(inner_forms), text, bytes) ||
        is_form(end_forms, COUNT_OF(end_forms), text, bytes)) {
        return bytes;
    }
    for (size_t i = 0; i < COUNT_OF(end_forms); i++) {
        size_t form_bytes = strlen(end_forms[i]);
        if (form_bytes >= bytes || !ends_with(text, bytes, end_forms[i])) {
            continue;
        }
        bool branch = false;
        for (size_t k = 0; k < COUNT_OF(branch_heads); k++) {
            branch = branch || ends_with(text, bytes - form_bytes, branch_heads[k]);
        }
        return branch ? bytes : bytes - form_bytes;
    }
    return bytes;
}

satchel_status satchel_name_key(satchel_text name, satchel_buffer *out) {
    size_t start = out->bytes;
    satchel_status status = satchel_name_fold(name, out);
    if (status != SATCHEL_OK || out->bytes == start) {
        return status;
    }
    char *text = (char *)out->data + start;
    size_t bytes = drop_latin_forms(text, out->bytes - start);
    bytes = drop_inner_forms(text, bytes);
    for (size_t shorter = cut_end_form(text, bytes); shorter < bytes; shorter = cut_end_form(text, bytes)) {
        bytes = shorter;
    }
    out->bytes = start + bytes;
    return SATCHEL_OK;
}

#define LIKENESS_POINTS 256

static int compare_bigrams(const void *a, const void *b) {
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* Sorted bigrams of the first code points. */
static size_t collect_bigrams(satchel_text key, uint64_t out[LIKENESS_POINTS]) {
    size_t at = 0;
    size_t count = 0;
    uint64_t before = at < key.bytes ? satchel_text_next(key, &at) : 0;
    for (size_t points = 1; at < key.bytes && points < LIKENESS_POINTS; points++) {
        uint64_t next = satchel_text_next(key, &at);
        out[count++] = before << 32 | next;
        before = next;
    }
    if (count > 1) {
        qsort(out, count, sizeof *out, compare_bigrams);
    }
    return count;
}

uint32_t satchel_name_likeness(satchel_text key_a, satchel_text key_b) {
    if (satchel_text_equal(key_a, key_b)) {
        return 1000;
    }
    uint64_t a[LIKENESS_POINTS];
    uint64_t b[LIKENESS_POINTS];
    size_t count_a = collect_bigrams(key_a, a);
    size_t count_b = collect_bigrams(key_b, b);
    size_t common = 0;
    for (size_t i = 0, k = 0; i < count_a && k < count_b;) {
        if (a[i] == b[k]) {
            common++;
            i++;
            k++;
        } else if (a[i] < b[k]) {
            i++;
        } else {
            k++;
        }
    }
    return count_a + count_b == 0 ? 0 : (uint32_t)(2000 * common / (count_a + count_b));
}

static satchel_status append_digits(satchel_text phone, satchel_buffer *out) {
    size_t at = 0;
    bool begun = false;
    satchel_status status = SATCHEL_OK;
    while (at < phone.bytes && status == SATCHEL_OK) {
        uint32_t point = satchel_text_next(phone, &at);
        point = point >= 0xFF01 && point <= 0xFF5E ? point - (0xFF01 - 0x21) : point;
        bool kept = (point >= '0' && point <= '9') || (point == '+' && !begun);
        if (kept) {
            status = satchel_buffer_append_byte(out, (uint8_t)point);
            begun = true;
        }
    }
    return status;
}

satchel_status satchel_phone_key(satchel_text phone, satchel_buffer *out) {
    if (!satchel_text_valid(phone)) {
        return SATCHEL_BAD_TEXT;
    }
    size_t start = out->bytes;
    satchel_status status = append_digits(phone, out);
    if (status != SATCHEL_OK) {
        out->bytes = start;
        return status;
    }
    size_t bytes = out->bytes - start;
    if (bytes > 4 && memcmp(out->data + start, "0086", 4) == 0) {
        uint8_t *digits = out->data + start;
        digits[0] = '+';
        memmove(digits + 1, digits + 2, bytes - 2);
        out->bytes--;
    }
    return SATCHEL_OK;
}
