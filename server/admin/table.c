/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table from an array of JSON objects: columns in the order in which they first occur. Nothing that came from a row
 * reaches the terminal as a control character.
 */
#include "admin/table.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define CELL_COLUMNS_MOST 40

#define REPLACEMENT "\xEF\xBF\xBD"

/* Control characters, and those that turn the direction of text. */
static bool steers_terminal(uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* Columns of a terminal; East Asian wide and full-width ranges of Unicode's EastAsianWidth.txt, the common blocks. */
static size_t character_width(uint32_t c) {
    bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
                (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1F64F) || (c >= 0x20000 && c <= 0x3FFFD);
    bool combined = (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0x20D0 && c <= 0x20FF) ||
                    (c >= 0xFE00 && c <= 0xFE0F);
    return combined ? 0 : wide ? 2 : 1;
}

static size_t width_of(const char *text) {
    satchel_text walked = satchel_text_of(text);
    size_t width = 0;
    for (size_t at = 0; at < walked.bytes;) {
        width += character_width(satchel_text_next(walked, &at));
    }
    return width;
}

/* Appends at most `most` columns, ends of lines as they are; gives those appended. */
static satchel_status append_shown(satchel_buffer *out, const char *text, size_t most, size_t *out_columns) {
    satchel_text walked = satchel_text_of(text);
    satchel_status status = SATCHEL_OK;
    *out_columns = 0;
    for (size_t at = 0; status == SATCHEL_OK && at < walked.bytes;) {
        size_t begin = at;
        uint32_t c = satchel_text_next(walked, &at);
        size_t width = character_width(c);
        if (*out_columns + width > most) {
            break;
        }
        *out_columns += width;
        status = steers_terminal(c) && c != '\n'
                     ? satchel_buffer_append(out, satchel_bytes_of(REPLACEMENT, sizeof REPLACEMENT - 1))
                     : satchel_buffer_append(out, satchel_bytes_of(text + begin, at - begin));
    }
    return status;
}

/* A new text; NULL if memory is exhausted. */
static char *cell_text(json_t *value) {
    if (value == NULL || json_is_null(value)) {
        return strdup("");
    }
    if (json_is_string(value)) {
        return strdup(json_string_value(value));
    }
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

static satchel_status append_cell(satchel_buffer *out, json_t *value, size_t width) {
    char *text = cell_text(value);
    if (text == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '\n' || *c == '\t' ? ' ' : *c;
    }
    size_t columns = 0;
    satchel_status status = append_shown(out, text, CELL_COLUMNS_MOST, &columns);
    for (; status == SATCHEL_OK && columns < width + 2; columns++) {
        status = satchel_buffer_append_byte(out, ' ');
    }
    free(text);
    return status;
}

/* {"name": width}: every column that is not empty everywhere. NULL if memory is exhausted. */
static json_t *measure(json_t *rows) {
    json_t *widths = json_object();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
        const char *name;
        json_t *value;
        json_object_foreach(row, name, value) {
            char *text = cell_text(value);
            size_t width = text != NULL ? width_of(text) : 0;
            width = width > CELL_COLUMNS_MOST ? CELL_COLUMNS_MOST : width;
            size_t before = (size_t)json_integer_value(json_object_get(widths, name));
            size_t least = width_of(name) > before ? width_of(name) : before;
            if (width > 0 &&
                json_object_set_new(widths, name, json_integer((json_int_t)(width > least ? width : least))) != 0) {
                free(text);
                json_decref(widths);
                return NULL;
            }
            free(text);
        }
    }
    return widths;
}

static satchel_status write_rows(json_t *rows, satchel_buffer *out) {
    json_t *widths = measure(rows);
    satchel_status status = widths != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    const char *name;
    json_t *width;
    json_object_foreach(widths, name, width) {
        json_t *title = json_string(name);
        if (status == SATCHEL_OK) {
            status = append_cell(out, title, (size_t)json_integer_value(width));
        }
        json_decref(title);
    }
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) {
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(out, '\n');
        }
        json_object_foreach(widths, name, width) {
            if (status == SATCHEL_OK) {
                status = append_cell(out, json_object_get(row, name), (size_t)json_integer_value(width));
            }
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(out, "\n%zu rows\n", json_array_size(rows));
    }
    json_decref(widths);
    return status;
}

static satchel_status write_value(const char *name, json_t *value, satchel_buffer *out) {
    char *text = cell_text(value);
    if (text == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    size_t columns;
    satchel_status status = SATCHEL_OK;
    if (strchr(text, '\n') == NULL) {
        status = satchel_buffer_append_format(out, "%-18s ", name);
    }
    if (status == SATCHEL_OK) {
        status = append_shown(out, text, SIZE_MAX, &columns);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, '\n');
    }
    free(text);
    return status;
}

satchel_status satchel_table_write(json_t *result, satchel_buffer *out) {
    satchel_status status = SATCHEL_OK;
    const char *name;
    json_t *value;
    json_object_foreach(result, name, value) {
        if (status != SATCHEL_OK) {
            break;
        }
        bool table = json_is_array(value) && (json_array_size(value) == 0 || json_is_object(json_array_get(value, 0)));
        status = table ? write_rows(value, out) : write_value(name, value, out);
    }
    return status;
}
