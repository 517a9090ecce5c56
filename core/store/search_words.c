/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of the search: what a text is cut into, and what is looked for. Alphabetic words are folded and found by
 * their beginning; Chinese, Japanese and Korean text is cut into single characters and overlapping pairs, so that a
 * word of two characters is found (a longer one wherever all its pairs occur); telephone numbers are found by their
 * beginning and by their end. Knows no index.
 */
#include "store/rows.h"

#include "base/text.h"
#include "rules/names.h"

/* Before the reversed digits of a telephone number: no word of any language. */
#define REVERSED_MARK "zqz"
#define DIGITS_LEAST 3
/* China's: its numbers are written with and without. */
#define HOME_PREFIX "86"
#define MOBILE_DIGITS 11u

bool satchel_field_is_searched(const satchel_field *field) {
    bool is_text =
        field->type == SATCHEL_TYPE_TEXT || (field->type == SATCHEL_TYPE_SET && field->element == SATCHEL_TYPE_TEXT);
    return is_text && field->search != SATCHEL_SEARCH_NONE && (field->flags & SATCHEL_FIELD_ARCHIVED) == 0;
}

/* --- tokens --- */

/* Scripts without spaces between words: Han, kana, hangul. */
static bool is_unspaced(uint32_t c) {
    return (c >= 0x2E80 && c <= 0x2FDF) || (c >= 0x3005 && c <= 0x3007) || (c >= 0x3040 && c <= 0x30FF) ||
           (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7AF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

/* What FTS5's ascii tokenizer keeps in a token. */
static bool is_word(uint32_t c) {
    return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

typedef enum run_kind { RUN_NONE = 0, RUN_WORD = 1, RUN_UNSPACED = 2 } run_kind;

static run_kind kind_of(uint32_t c) {
    if (!is_word(c)) {
        return RUN_NONE;
    }
    return is_unspaced(c) ? RUN_UNSPACED : RUN_WORD;
}

/* The next run of one kind in a valid text. */
static run_kind next_run(satchel_text text, size_t *at, satchel_text *out) {
    run_kind kind = RUN_NONE;
    size_t begin = *at;
    while (*at < text.bytes) {
        size_t before = *at;
        run_kind next = kind_of(satchel_text_next(text, at));
        if (kind == RUN_NONE) {
            begin = before;
            kind = next;
        } else if (next != kind) {
            *at = before;
            break;
        }
    }
    *out = (satchel_text){text.data + begin, *at - begin};
    return kind;
}

static satchel_status put_token(satchel_buffer *out, const char *data, size_t bytes) {
    satchel_status status = out->bytes > 0 ? satchel_buffer_append_byte(out, ' ') : SATCHEL_OK;
    return status == SATCHEL_OK ? satchel_buffer_append(out, satchel_bytes_of(data, bytes)) : status;
}

/* Each character, and each pair of neighbours. */
static satchel_status put_unspaced(satchel_buffer *out, satchel_text run) {
    satchel_status status = SATCHEL_OK;
    size_t previous = 0;
    for (size_t at = 0; at < run.bytes && status == SATCHEL_OK;) {
        size_t begin = at;
        satchel_text_next(run, &at);
        status = put_token(out, run.data + begin, at - begin);
        if (status == SATCHEL_OK && begin > 0) {
            status = put_token(out, run.data + previous, at - previous);
        }
        previous = begin;
    }
    return status;
}

static satchel_status put_text(satchel_buffer *out, satchel_text text) {
    satchel_buffer folded = {NULL, 0, 0};
    satchel_text run;
    run_kind kind;
    size_t at = 0;
    satchel_status status = satchel_name_fold(text, &folded);
    satchel_text whole = satchel_text_from(satchel_buffer_view(&folded));
    while (status == SATCHEL_OK && (kind = next_run(whole, &at, &run)) != RUN_NONE) {
        status = kind == RUN_WORD ? put_token(out, run.data, run.bytes) : put_unspaced(out, run);
    }
    satchel_buffer_deinit(&folded);
    return status;
}

/* The mark and the digits from last to first. */
static satchel_status put_reversed(satchel_buffer *out, satchel_text digits) {
    satchel_status status = put_token(out, REVERSED_MARK, sizeof REVERSED_MARK - 1);
    for (size_t i = digits.bytes; i > 0 && status == SATCHEL_OK; i--) {
        status = satchel_buffer_append_byte(out, (uint8_t)digits.data[i - 1]);
    }
    return status;
}

static satchel_status put_phone(satchel_buffer *out, satchel_text phone) {
    satchel_buffer key = {NULL, 0, 0};
    satchel_status status = satchel_phone_key(phone, &key);
    const satchel_text whole = satchel_text_from(satchel_buffer_view(&key));
    satchel_text digits = whole;
    if (digits.bytes > 0 && digits.data[0] == '+') {
        digits = (satchel_text){digits.data + 1, digits.bytes - 1};
    }
    if (status == SATCHEL_OK && digits.bytes > 0) {
        status = put_token(out, digits.data, digits.bytes);
    }
    if (status == SATCHEL_OK && digits.bytes > 2 && memcmp(digits.data, HOME_PREFIX, 2) == 0 &&
        digits.data != whole.data) {
        status = put_token(out, digits.data + 2, digits.bytes - 2); /* as it is dialled at home */
    }
    if (status == SATCHEL_OK && digits.bytes > 0) {
        status = put_reversed(out, digits);
    }
    satchel_buffer_deinit(&key);
    return status;
}

static satchel_status put_value(satchel_buffer *out, const satchel_field *field, satchel_text text) {
    return field->search == SATCHEL_SEARCH_PHONE ? put_phone(out, text) : put_text(out, text);
}

satchel_status satchel_search_tokens(const satchel_schema *schema, const satchel_table *table,
                                     const satchel_record *record, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < record->count && status == SATCHEL_OK; i++) {
        const satchel_field *field = satchel_schema_field(schema, table->entity->number, record->fields[i].number);
        const satchel_value *value = &record->fields[i].value;
        if (field == NULL || !satchel_field_is_searched(field)) {
            continue;
        }
        if (value->type == SATCHEL_TYPE_TEXT) {
            status = put_value(out, field, satchel_text_from(value->as.bytes));
        }
        for (uint32_t k = 0; value->type == SATCHEL_TYPE_SET && k < value->as.set.count && status == SATCHEL_OK; k++) {
            status = put_value(out, field, satchel_text_from(value->as.set.elements[k]));
        }
    }
    return status;
}

/* --- words of a search --- */

static satchel_status put_phrase(satchel_buffer *out, const char *data, size_t bytes, bool prefix) {
    satchel_status status = satchel_buffer_append_byte(out, '"');
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(data, bytes));
    }
    return status == SATCHEL_OK ? satchel_buffer_append_format(out, prefix ? "\"*" : "\"") : status;
}

static bool is_digits(satchel_text run) {
    for (size_t i = 0; i < run.bytes; i++) {
        if (run.data[i] < '0' || run.data[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Digits by the beginning or by the end of a number. */
static satchel_status match_digits(satchel_buffer *out, satchel_text digits) {
    satchel_buffer reversed = {NULL, 0, 0};
    satchel_status status = put_reversed(&reversed, digits);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, '(');
    }
    if (status == SATCHEL_OK) {
        status = put_phrase(out, digits.data, digits.bytes, true);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(out, " OR ");
    }
    if (status == SATCHEL_OK) {
        status = put_phrase(out, (const char *)reversed.data, reversed.bytes, true);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, ')');
    }
    satchel_buffer_deinit(&reversed);
    return status;
}

/* A word by its beginning; digits also by the end of a telephone number. */
static satchel_status match_word(satchel_buffer *out, satchel_text run) {
    return is_digits(run) && run.bytes >= DIGITS_LEAST ? match_digits(out, run)
                                                       : put_phrase(out, run.data, run.bytes, true);
}

/* A number written in parts: the parts joined, without the country's prefix too, or each of them by itself. */
static satchel_status match_number(satchel_buffer *out, satchel_text joined, const satchel_buffer *parts) {
    satchel_text bare = joined;
    if (bare.bytes >= 2 && memcmp(bare.data, "00", 2) == 0) {
        bare = (satchel_text){bare.data + 2, bare.bytes - 2};
    }
    if (bare.bytes >= MOBILE_DIGITS + 2 && memcmp(bare.data, HOME_PREFIX, 2) == 0) {
        bare = (satchel_text){bare.data + 2, bare.bytes - 2};
    }
    satchel_status status = satchel_buffer_append_byte(out, '(');
    if (status == SATCHEL_OK) {
        status = match_digits(out, joined);
    }
    if (status == SATCHEL_OK && bare.bytes != joined.bytes) {
        status = satchel_buffer_append_format(out, " OR ");
        if (status == SATCHEL_OK) {
            status = match_digits(out, bare);
        }
    }
    if (status == SATCHEL_OK && parts->bytes > 0) {
        status = satchel_buffer_append_format(out, " OR (");
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(out, satchel_buffer_view(parts));
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(out, ')');
        }
    }
    return status == SATCHEL_OK ? satchel_buffer_append_byte(out, ')') : status;
}

/* The words from the first digits on to the last that stand beside one another; `*at` goes behind them. */
static satchel_status match_number_words(satchel_buffer *out, satchel_text whole, satchel_text first, size_t *at) {
    satchel_buffer joined = {NULL, 0, 0};
    satchel_buffer parts = {NULL, 0, 0};
    satchel_text run = first;
    uint32_t count = 0;
    satchel_status status = SATCHEL_OK;
    for (;;) {
        size_t next = *at;
        if (count > 0) {
            status = satchel_buffer_append_format(&parts, " AND ");
        }
        if (status == SATCHEL_OK) {
            status = match_word(&parts, run);
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&joined, satchel_text_bytes(run));
        }
        count++;
        if (status != SATCHEL_OK || next_run(whole, &next, &run) != RUN_WORD || !is_digits(run)) {
            break;
        }
        *at = next;
    }
    if (count == 1) {
        satchel_buffer_clear(&parts); /* it is the number */
    }
    satchel_text number = satchel_text_from(satchel_buffer_view(&joined));
    if (status == SATCHEL_OK) {
        status = number.bytes >= DIGITS_LEAST ? match_number(out, number, &parts) : match_word(out, number);
    }
    satchel_buffer_deinit(&joined);
    satchel_buffer_deinit(&parts);
    return status;
}

/* One character itself, else all pairs. */
static satchel_status match_unspaced(satchel_buffer *out, satchel_text run) {
    size_t at = 0;
    size_t previous = 0;
    satchel_text_next(run, &at);
    if (at == run.bytes) {
        return put_phrase(out, run.data, run.bytes, false);
    }
    satchel_status status = SATCHEL_OK;
    for (bool first = true; at < run.bytes && status == SATCHEL_OK; first = false) {
        size_t begin = at;
        satchel_text_next(run, &at);
        status = first ? SATCHEL_OK : satchel_buffer_append_format(out, " AND ");
        if (status == SATCHEL_OK) {
            status = put_phrase(out, run.data + previous, at - previous, false);
        }
        previous = begin;
    }
    return status;
}

satchel_status satchel_search_match(satchel_text words, satchel_arena *arena, satchel_text *out, bool *out_none) {
    satchel_buffer folded = {NULL, 0, 0};
    satchel_buffer match = {NULL, 0, 0};
    satchel_bytes copy = {NULL, 0};
    satchel_text run;
    run_kind kind;
    size_t at = 0;
    satchel_status status = satchel_name_fold(words, &folded);
    satchel_text whole = satchel_text_from(satchel_buffer_view(&folded));
    while (status == SATCHEL_OK && (kind = next_run(whole, &at, &run)) != RUN_NONE) {
        status = match.bytes > 0 ? satchel_buffer_append_format(&match, " AND ") : SATCHEL_OK;
        if (status == SATCHEL_OK && kind == RUN_WORD && is_digits(run)) {
            status = match_number_words(&match, whole, run, &at);
        } else if (status == SATCHEL_OK) {
            status = kind == RUN_WORD ? match_word(&match, run) : match_unspaced(&match, run);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(arena, satchel_buffer_view(&match), &copy);
    }
    *out = satchel_text_from(copy);
    *out_none = match.bytes == 0;
    satchel_buffer_deinit(&folded);
    satchel_buffer_deinit(&match);
    return status;
}
