/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results on the terminal: tables and lines for people, JSON for scripts, failures on stderr.
 *
 * Nothing that came from the store reaches the terminal as a control character, and columns are counted in cells, so
 * tables with Chinese text stay straight.
 */
#include "cli.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_BYTES 64
#define CELL_MOST 40 /* columns of one cell before it is cut */
#define ELLIPSIS "\xe2\x80\xa6"
#define REPLACEMENT "\xef\xbf\xbd"

/* --- width --- */

typedef struct code_range {
    uint32_t first, last;
} code_range;

/* Wide and full-width ranges of Unicode's EastAsianWidth, joined where what lies between is not in use. */
static const code_range wide[] = {
    {0x1100, 0x115f}, {0x231a, 0x231b}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},
    {0xa000, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},
    {0xff01, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x2fffd}, {0x30000, 0x3fffd},
};
static const code_range no_width[] = {{0x300, 0x36f},   {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
                                      {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};

static bool in_ranges(uint32_t code, const code_range *ranges, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* The code point at `*at`, and past it; bytes that are no UTF-8 count one by one. */
static uint32_t next_code(const char *text, size_t *at) {
    uint8_t first = (uint8_t)text[*at];
    unsigned more = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t code = more == 0 ? first : first & (0x3fu >> more);
    (*at)++;
    for (; more > 0 && ((uint8_t)text[*at] & 0xc0) == 0x80; more--) {
        code = code << 6 | ((uint8_t)text[*at] & 0x3fu);
        (*at)++;
    }
    return code;
}

static bool steers_terminal(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

static unsigned code_width(uint32_t code) {
    if (steers_terminal(code)) {
        return 1; /* its replacement */
    }
    if (in_ranges(code, no_width, sizeof no_width / sizeof no_width[0])) {
        return 0;
    }
    return in_ranges(code, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

unsigned cli_text_width(const char *text) {
    unsigned width = 0;
    for (size_t at = 0; text[at] != 0;) {
        width += code_width(next_code(text, &at));
    }
    return width;
}

/* Prints at most `room` columns and gives those printed. */
static unsigned print_cells(FILE *to, const char *text, unsigned room) {
    unsigned used = 0;
    for (size_t at = 0; text[at] != 0;) {
        size_t start = at;
        uint32_t code = next_code(text, &at);
        unsigned width = code_width(code);
        if (used + width > room) {
            break;
        }
        if (steers_terminal(code)) {
            fputs(REPLACEMENT, to);
        } else {
            fwrite(text + start, 1, at - start, to);
        }
        used += width;
    }
    return used;
}

void cli_print_text(FILE *to, const char *text) {
    (void)print_cells(to, text, UINT32_MAX);
}

/* --- values of JSON as text for people --- */

/* A line break within a value would tear a table apart. */
static char *flat_copy(const char *text, size_t bytes) {
    char *copy = malloc(bytes + 1);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < bytes; i++) {
        copy[i] = text[i] == '\n' || text[i] == '\t' || text[i] == 0 ? ' ' : text[i];
    }
    copy[bytes] = 0;
    return copy;
}

static char *array_text(const json_t *array);
static char *object_text(const json_t *object);

static char *value_text(const json_t *value) {
    char number[64];
    switch (json_typeof(value)) {
    case JSON_STRING: return flat_copy(json_string_value(value), json_string_length(value));
    case JSON_INTEGER: snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: snprintf(number, sizeof number, "%.15g", json_real_value(value)); break;
    case JSON_TRUE: snprintf(number, sizeof number, "yes"); break;
    case JSON_FALSE: snprintf(number, sizeof number, "no"); break;
    case JSON_ARRAY: return array_text(value);
    case JSON_NULL: number[0] = 0; break;
    case JSON_OBJECT: return object_text(value);
    }
    return flat_copy(number, strlen(number));
}

/* Takes `all` and `one` (NULL: memory is exhausted) and gives "all, one", or "one" at first. */
static char *joined_text(char *all, const char *key, char *one) {
    size_t room = (all == NULL ? 0 : strlen(all)) + strlen(key) + (one == NULL ? 0 : strlen(one)) + 4;
    char *joined = all == NULL || one == NULL ? NULL : malloc(room);
    if (joined != NULL) {
        snprintf(joined, room, "%s%s%s%s%s", all, all[0] == 0 ? "" : ", ", key, key[0] == 0 ? "" : "=", one);
    }
    free(all);
    free(one);
    return joined;
}

static char *array_text(const json_t *array) {
    char *all = flat_copy("", 0);
    for (size_t i = 0; i < json_array_size(array); i++) {
        all = joined_text(all, "", value_text(json_array_get(array, i)));
    }
    return all;
}

static char *object_text(const json_t *object) {
    char *all = flat_copy("", 0);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        all = joined_text(all, key, value_text(value));
    }
    return all;
}

/* --- tables --- */

static unsigned print_cell(const char *text, unsigned width, bool last) {
    unsigned whole = cli_text_width(text);
    unsigned used = print_cells(stdout, text, whole > width ? width - 1 : width);
    if (whole > width) {
        fputs(ELLIPSIS, stdout);
        used++;
    }
    for (; !last && used < width + 2; used++) {
        putchar(' ');
    }
    return used;
}

static unsigned column_width(const cli_column *column, const json_t *rows) {
    unsigned most = cli_text_width(column->title);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *value = json_object_get(json_array_get(rows, i), column->key);
        char *text = value == NULL ? NULL : value_text(value);
        unsigned width = text == NULL ? 0 : cli_text_width(text);
        most = width > most ? width : most;
        free(text);
    }
    return most > CELL_MOST ? CELL_MOST : most;
}

static void print_table(const cli_session *cli, const json_t *rows) {
    unsigned widths[CLI_COLUMNS];
    for (unsigned c = 0; c < cli->column_count; c++) {
        widths[c] = column_width(&cli->columns[c], rows);
    }
    for (unsigned c = 0; c < cli->column_count; c++) {
        (void)print_cell(cli->columns[c].title, widths[c], c + 1 == cli->column_count);
    }
    putchar('\n');
    for (size_t i = 0; i < json_array_size(rows); i++) {
        for (unsigned c = 0; c < cli->column_count; c++) {
            const json_t *value = json_object_get(json_array_get(rows, i), cli->columns[c].key);
            char *text = value == NULL ? NULL : value_text(value);
            (void)print_cell(text == NULL ? "" : text, widths[c], c + 1 == cli->column_count);
            free(text);
        }
        putchar('\n');
    }
}

/* What a line is called: the field's label where a row is shown. */
static const char *line_title(const cli_session *cli, const char *key) {
    satchel_field_info field;
    const satchel_text name = {key, strlen(key)};
    if (strcmp(key, "state") == 0) {
        return cli_chinese(cli) ? "状态" : "State";
    }
    if (cli->shown_entity == 0 || cli->fields == NULL ||
        satchel_fields_field_named(cli->fields, cli->shown_entity, name, &field) != SATCHEL_OK) {
        return key;
    }
    return cli_chinese(cli) ? field.label_zh : field.label_en;
}

static bool is_line(const char *key, const json_t *value) {
    bool of_table = strcmp(key, "more") == 0 || (strcmp(key, "rows") == 0 && json_is_array(value));
    return !of_table && !json_is_null(value);
}

/* Everything but the rows, as "title  value" lines. */
static void print_lines(const cli_session *cli, const json_t *object) {
    const char *key;
    json_t *value;
    unsigned most = 0;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        unsigned width = is_line(key, value) ? cli_text_width(line_title(cli, key)) : 0;
        most = width > most ? width : most;
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (!is_line(key, value)) {
            continue;
        }
        char *text = value_text(value);
        cli_print_text(stdout, line_title(cli, key));
        for (unsigned i = cli_text_width(line_title(cli, key)); i < most + 2; i++) {
            putchar(' ');
        }
        cli_print_text(stdout, text == NULL ? "" : text);
        putchar('\n');
        free(text);
    }
}

static void print_people(const cli_session *cli, const json_t *result) {
    const json_t *rows = json_object_get(result, "rows");
    print_lines(cli, result);
    if (!json_is_array(rows)) {
        return; /* none, or a number of rows */
    }
    if (json_array_size(rows) == 0) {
        puts(cli_chinese(cli) ? "\xe6\x97\xa0" : "none");
        return;
    }
    print_table(cli, rows);
    if (json_is_true(json_object_get(result, "more"))) {
        puts(cli_chinese(cli) ? ELLIPSIS " \xe8\xbf\x98\xe6\x9c\x89\xe6\x9b\xb4\xe5\xa4\x9a\xef\xbc\x9a--limit"
                              : ELLIPSIS " there are more: --limit");
    }
}

/* --- the end of a command --- */

int cli_exit_code(const cli_session *cli, satchel_status status) {
    if (status == SATCHEL_OK) {
        return cli->exit_failed ? CLI_EXIT_FAILED : CLI_EXIT_OK;
    }
    if (cli->usage_failed) {
        return CLI_EXIT_USAGE;
    }
    switch (status) {
    case SATCHEL_NETWORK_ERROR:
    case SATCHEL_TIMED_OUT:
    case SATCHEL_SERVER_ERROR:
    case SATCHEL_PROTOCOL_ERROR:
    case SATCHEL_BUSY:
    case SATCHEL_STALE_CURSOR:
    case SATCHEL_REPLAYED: return CLI_EXIT_NETWORK;
    case SATCHEL_PIN_DELAYED:
    case SATCHEL_KEY_UNAVAILABLE: return CLI_EXIT_ACCESS;
    default: break;
    }
    satchel_status_class class = satchel_status_class_of(status);
    return class == SATCHEL_CLASS_ACCESS || class == SATCHEL_CLASS_KEY ? CLI_EXIT_ACCESS : CLI_EXIT_FAILED;
}

static const char *class_name(satchel_status status) {
    static const char *const names[] = {"OK", "USER", "RETRY", "ACCESS", "KEY", "DAMAGE", "UPGRADE", "FATAL"};
    unsigned class = (unsigned)satchel_status_class_of(status);
    return class < sizeof names / sizeof names[0] ? names[class] : "FATAL";
}

static const char *failure_detail(const cli_session *cli, satchel_status status) {
    bool told = cli->error.status == status && cli->error.detail[0] != 0;
    return told ? cli->error.detail : "";
}

json_t *cli_failure_json(const cli_session *cli, satchel_status status) {
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:i}", "status", satchel_status_name(status), "class",
                               class_name(status), "message", satchel_status_text(status, cli_language(cli)), "detail",
                               failure_detail(cli, status), "exit", cli_exit_code(cli, status));
    if (object != NULL && cli->error.entity != 0 && cli->fields != NULL) {
        satchel_entity_info entity;
        satchel_field_info field;
        if (satchel_fields_entity(cli->fields, cli->error.entity, &entity) == SATCHEL_OK) {
            (void)json_object_set_new(object, "entity", json_string(entity.name));
        }
        if (satchel_fields_field(cli->fields, cli->error.entity, cli->error.field, &field) == SATCHEL_OK) {
            (void)json_object_set_new(object, "field", json_string(field.name));
        }
    }
    return object;
}

static void print_json(json_t *value) {
    char *text = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);
    puts(text == NULL ? "{}" : text);
    free(text);
}

int cli_finish(cli_session *cli, satchel_status status, json_t *result) {
    if (status != SATCHEL_OK) {
        const char *detail = failure_detail(cli, status);
        fprintf(stderr, "satchel: %s: %s", satchel_status_name(status), satchel_status_text(status, cli_language(cli)));
        if (detail[0] != 0) {
            fputs(" (", stderr);
            cli_print_text(stderr, detail);
            fputs(")", stderr);
        }
        fputs("\n", stderr);
        if (cli->json) {
            json_t *failure = cli_failure_json(cli, status);
            print_json(failure);
            json_decref(failure);
        }
    } else if (result != NULL && cli->json) {
        print_json(result);
    } else if (result != NULL) {
        print_people(cli, result);
    }
    json_decref(result);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "satchel: IO_ERROR: the output cannot be written\n");
        return status == SATCHEL_OK ? CLI_EXIT_FAILED : cli_exit_code(cli, status);
    }
    return cli_exit_code(cli, status);
}

/* --- small parts of results --- */

bool cli_chinese(const cli_session *cli) {
    return strncmp(cli_language(cli), "zh", 2) == 0;
}

const char *cli_language(const cli_session *cli) {
    static const char *const variables[] = {"SATCHEL_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};
    if (cli->language != NULL) {
        return cli->language;
    }
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != 0) {
            return value;
        }
    }
    return "en";
}

json_t *cli_time_json(const cli_session *cli, int64_t unix_ms) {
    char text[TIME_BYTES];
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    if (unix_ms == 0 || (cli->json ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)) == NULL) {
        return json_null();
    }
    strftime(text, sizeof text, cli->json ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M", &parts);
    return json_string(text);
}

json_t *cli_bool_json(const cli_session *cli, bool value) {
    if (cli->json) {
        return json_boolean(value);
    }
    return json_string(cli_chinese(cli) ? (value ? "是" : "否") : (value ? "yes" : "no"));
}

json_t *cli_id_json(const satchel_id *id) {
    char text[SATCHEL_ID_TEXT_BYTES];
    satchel_id_write(id, text);
    return json_string(text);
}

satchel_status cli_put(cli_session *cli, json_t *object, const char *key, json_t *value) {
    if (object == NULL || value == NULL || json_object_set_new(object, key, value) != 0) {
        return cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
    }
    return SATCHEL_OK;
}

satchel_status cli_give_id(cli_session *cli, const satchel_id *id, json_t **out) {
    *out = json_object();
    return cli_put(cli, *out, "id", cli_id_json(id));
}

satchel_status cli_rows_result(cli_session *cli, uint32_t count, cli_row_maker *make, void *context, json_t **out) {
    json_t *rows = json_array();
    *out = json_object();
    satchel_status status = cli_put(cli, *out, "rows", rows);
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        json_t *row = NULL;
        status = make(cli, context, i, &row);
        if (status == SATCHEL_OK && row != NULL && json_array_append(rows, row) != 0) {
            status = cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
        }
        json_decref(row);
    }
    return status;
}

void cli_column_add(cli_session *cli, const char *key, const char *en, const char *zh) {
    if (cli->column_count < CLI_COLUMNS) {
        cli_column *column = &cli->columns[cli->column_count++];
        column->key = key;
        snprintf(column->title, sizeof column->title, "%s", cli_chinese(cli) ? zh : en);
    }
}

void cli_columns(cli_session *cli, uint32_t entity, const char *const *names, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        satchel_field_info field;
        const satchel_text name = {names[i], strlen(names[i])};
        if (strcmp(names[i], "id") == 0) {
            cli_column_add(cli, "id", "Id", "编号");
        } else if (satchel_fields_field_named(cli->fields, entity, name, &field) == SATCHEL_OK) {
            cli_column_add(cli, field.name, field.label_en, field.label_zh);
        }
    }
}
