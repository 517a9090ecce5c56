/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people type, as rows and numbers: an id or a part of it, a number of the company's own, a name, words.
 *
 * Ids of one morning begin alike, so the end of an id names a row as well as its begin does.
 */
#include "cli.h"

#include <satchel/model.h>

#include <stdio.h>
#include <string.h>

#define PART_LEAST 4 /* hexadecimal digits of a part of an id */
#define HEX_DIGITS (2 * SATCHEL_ID_BYTES)

typedef struct row_finder {
    cli_session *cli;
    uint32_t entity;
    const char *part; /* hexadecimal digits */
    size_t digits;
    satchel_id first;
    unsigned found; /* different rows */
} row_finder;

static satchel_status note_row(row_finder *finder, const satchel_id *id) {
    if (finder->found > 0 && memcmp(&finder->first, id, sizeof *id) == 0) {
        return SATCHEL_OK;
    }
    finder->first = *id;
    finder->found++;
    return SATCHEL_OK;
}

static satchel_status note_any(void *context, const satchel_row_view *row) {
    return note_row(context, &row->id);
}

static satchel_status note_part(void *context, const satchel_row_view *row) {
    row_finder *finder = context;
    char hex[HEX_DIGITS + 1];
    for (size_t i = 0; i < SATCHEL_ID_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", row->id.bytes[i]);
    }
    bool begins = memcmp(hex, finder->part, finder->digits) == 0;
    bool ends = memcmp(hex + HEX_DIGITS - finder->digits, finder->part, finder->digits) == 0;
    return begins || ends ? note_row(finder, &row->id) : SATCHEL_OK;
}

/* Rows whose field is exactly this text. */
static satchel_status find_exact(row_finder *finder, const char *field_name, satchel_text text) {
    satchel_query *query = NULL;
    satchel_field_info field;
    bool more;
    const satchel_text name = {field_name, strlen(field_name)};
    if (satchel_fields_field_named(finder->cli->fields, finder->entity, name, &field) != SATCHEL_OK ||
        field.type != SATCHEL_FIELD_TYPE_TEXT) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_query_open(&query, finder->entity);
    if (status == SATCHEL_OK) {
        status = satchel_query_where_text(query, field.number, SATCHEL_COMPARE_EQUAL, text);
    }
    if (status == SATCHEL_OK) {
        status = cli_walk(finder->cli, query, 2, &more, note_any, finder);
    }
    satchel_query_close(query);
    return status;
}

static satchel_status find_part(row_finder *finder, const char *text) {
    char digits[HEX_DIGITS + 1];
    satchel_query *query = NULL;
    bool more;
    size_t count = 0;
    for (; *text != 0; text++) {
        if (*text == '-') {
            continue;
        }
        if (strchr("0123456789abcdef", *text) == NULL || count == HEX_DIGITS) {
            return SATCHEL_OK;
        }
        digits[count++] = *text;
    }
    if (count < PART_LEAST) {
        return SATCHEL_OK;
    }
    finder->part = digits;
    finder->digits = count;
    satchel_status status = satchel_query_open(&query, finder->entity);
    if (status == SATCHEL_OK) {
        status = cli_walk(finder->cli, query, 0, &more, note_part, finder);
    }
    satchel_query_close(query);
    return status;
}

static satchel_status find_words(row_finder *finder, satchel_text text) {
    satchel_query *query = NULL;
    bool more;
    satchel_status status = satchel_query_open(&query, finder->entity);
    if (status == SATCHEL_OK) {
        status = satchel_query_search(query, text);
    }
    if (status == SATCHEL_OK) {
        status = cli_walk(finder->cli, query, 2, &more, note_any, finder);
    }
    satchel_query_close(query);
    return status == SATCHEL_UNSUPPORTED || status == SATCHEL_LIMIT_EXCEEDED ? SATCHEL_OK : status;
}

static satchel_status search_rows(row_finder *finder, const char *text) {
    static const char *const numbers[] = {"external_id", "code", "order_number", "login"};
    const satchel_text words = {text, strlen(text)};
    satchel_entity_info entity;
    satchel_field_info title;
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK && finder->found == 0; i++) {
        status = find_exact(finder, numbers[i], words);
    }
    if (status == SATCHEL_OK && finder->found == 0 &&
        satchel_fields_entity(finder->cli->fields, finder->entity, &entity) == SATCHEL_OK &&
        satchel_fields_field(finder->cli->fields, finder->entity, entity.title_field, &title) == SATCHEL_OK) {
        status = find_exact(finder, title.name, words);
    }
    if (status == SATCHEL_OK && finder->found == 0) {
        status = find_part(finder, text);
    }
    if (status == SATCHEL_OK && finder->found == 0) {
        status = find_words(finder, words);
    }
    return status;
}

satchel_status cli_find(cli_session *cli, uint32_t entity, const char *text, satchel_id *out) {
    row_finder finder = {.cli = cli, .entity = entity};
    const satchel_text whole = {text, strlen(text)};
    if (satchel_id_read(whole, out) == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    if (text[0] == 0) {
        return cli_usage(cli, "an empty text names no row");
    }
    satchel_status status = search_rows(&finder, text);
    satchel_entity_info info = {0};
    (void)!satchel_fields_entity(cli->fields, entity, &info);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (finder.found == 0) {
        return cli_fail(cli, SATCHEL_NOT_FOUND, "no %s fits", info.name);
    }
    if (finder.found > 1) {
        return cli_fail(cli, SATCHEL_AMBIGUOUS, "more than one %s fits: give its id", info.name);
    }
    *out = finder.first;
    return SATCHEL_OK;
}

satchel_status cli_read_id(cli_session *cli, const char *text, satchel_id *out) {
    *out = (satchel_id){{0}};
    if (text == NULL) {
        return SATCHEL_OK;
    }
    const satchel_text whole = {text, strlen(text)};
    return satchel_id_read(whole, out) == SATCHEL_OK ? SATCHEL_OK : cli_usage(cli, "--id takes a whole id");
}

satchel_status cli_read_decimal(cli_session *cli, const char *name, const char *text, unsigned scale, int64_t *out) {
    bool negative = *text == '-';
    const char *at = text + (*text == '-' || *text == '+' ? 1 : 0);
    int64_t value = 0;
    unsigned digits = 0;
    unsigned fraction = 0;
    bool point = false;
    for (; *at != 0; at++) {
        if (*at == '.' && !point && scale > 0) {
            point = true;
            continue;
        }
        bool is_digit = *at >= '0' && *at <= '9';
        if (!is_digit || (point && fraction == scale) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value)) {
            return cli_usage(cli, "%s takes a number with at most %u decimals", name, scale);
        }
        digits++;
        fraction += point ? 1 : 0;
    }
    for (; fraction < scale; fraction++) {
        if (__builtin_mul_overflow(value, 10, &value)) {
            return cli_usage(cli, "%s: the number is too large", name);
        }
    }
    *out = negative ? -value : value;
    return digits > 0 ? SATCHEL_OK : cli_usage(cli, "%s takes a number", name);
}

satchel_status cli_read_choice(cli_session *cli, uint32_t entity, const char *field, const char *text, int64_t *out) {
    const satchel_text name = {field, strlen(field)};
    satchel_field_info info;
    char known[160] = {0};
    satchel_status status = satchel_fields_field_named(cli->fields, entity, name, &info);
    for (uint32_t i = 0; status == SATCHEL_OK && i < info.choice_count; i++) {
        satchel_choice_info choice;
        char number[16];
        status = satchel_fields_choice_at(cli->fields, entity, info.number, i, &choice);
        snprintf(number, sizeof number, "%d", choice.value);
        if (strcmp(text, choice.name) == 0 || strcmp(text, choice.label_en) == 0 ||
            strcmp(text, choice.label_zh) == 0 || strcmp(text, number) == 0) {
            *out = choice.value;
            return SATCHEL_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i == 0 ? "" : ", ", choice.name);
    }
    return cli_usage(cli, "%s is one of: %s", field, known);
}
