/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transcript of a story: sentences with the time of the day, values as people read them.
 */
#include "base/text.h"
#include "sim/hazards/hazard.h"

#include <inttypes.h>
#include <satchel/record.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define LINE_BYTES 1024

static void add_line(hazard *on, const char *head, const char *text) {
    if (satchel_buffer_append_format(&on->told, "%s%s\n", head, text) != SATCHEL_OK) {
        on->failures++;
    }
    if (on->prints) {
        printf("%s%s\n", head, text);
    }
}

/* "09:05  ", or with the day if it is not the first. */
static void write_time(const hazard *on, char out[32]) {
    int64_t day = on->here->now_ms / DAY_MS - INT64_C(1795305600000) / DAY_MS;
    int64_t minute = on->here->now_ms % DAY_MS / HAZARD_MINUTE_MS;
    if (day == 0) {
        (void)snprintf(out, 32, "%02d:%02d  ", (int)(minute / 60), (int)(minute % 60));
    } else {
        (void)snprintf(out, 32, "day %" PRId64 ", %02d:%02d  ", day + 1, (int)(minute / 60), (int)(minute % 60));
    }
}

void hazard_tell(hazard *on, const char *format, ...) {
    char line[LINE_BYTES];
    char head[32];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    write_time(on, head);
    add_line(on, head, line);
}

void hazard_expect(hazard *on, bool holds, const char *format, ...) {
    char line[LINE_BYTES];
    va_list arguments;
    if (holds) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    on->failures++;
    add_line(on, "  BUT  ", line);
}

void hazard_why(hazard *on, const char *words) {
    add_line(on, "  why  ", words);
}

void hazard_pass(hazard *on, int64_t minutes) {
    on->here->now_ms += minutes * HAZARD_MINUTE_MS;
}

const char *hazard_user_name(uint32_t phone) {
    static const char *const names[] = {"Anna", "Anna", "Boris", "Mona"};
    return phone < HAZARD_PEOPLE ? names[phone] : "the clone's holder";
}

const char *hazard_phone_name(const hazard *on, uint32_t phone) {
    static const char *const names[] = {"Anna's phone", "Anna's tablet", "Boris's phone", "Mona's phone"};
    (void)on;
    return phone < HAZARD_PEOPLE ? names[phone] : "Anna's clone";
}

/* --- values --- */

void hazard_field_label(uint32_t entity, uint32_t field, char out[HAZARD_TEXT_BYTES]) {
    satchel_fields *fields = NULL;
    satchel_field_info info;
    if (satchel_fields_open(&fields, NULL, NULL) == SATCHEL_OK &&
        satchel_fields_field(fields, entity, field, &info) == SATCHEL_OK) {
        (void)snprintf(out, HAZARD_TEXT_BYTES, "%s", info.label_en);
        out[0] = (char)(out[0] >= 'A' && out[0] <= 'Z' ? out[0] + 'a' - 'A' : out[0]);
    } else {
        (void)snprintf(out, HAZARD_TEXT_BYTES, "row as a whole");
    }
    satchel_fields_close(fields);
}

bool hazard_value_of(satchel_bytes record, uint32_t entity, uint32_t field, char out[HAZARD_TEXT_BYTES]) {
    satchel_fields *fields = NULL;
    satchel_record_reader *reader = NULL;
    satchel_text text;
    out[0] = '\0';
    bool found = satchel_fields_open(&fields, NULL, NULL) == SATCHEL_OK &&
                 satchel_record_reader_open(&reader, fields, entity, record, NULL) == SATCHEL_OK &&
                 satchel_record_reader_text(reader, field, NULL, satchel_text_of(""), &text) == SATCHEL_OK;
    if (found) {
        (void)snprintf(out, HAZARD_TEXT_BYTES, "%.*s", (int)text.bytes, text.data);
    }
    satchel_record_reader_close(reader);
    satchel_fields_close(fields);
    return found;
}

bool hazard_record_of(uint32_t entity, uint32_t field, const char *text, satchel_buffer *out) {
    satchel_fields *fields = NULL;
    satchel_record_builder *builder = NULL;
    satchel_bytes bytes = {NULL, 0};
    bool fine = satchel_fields_open(&fields, NULL, NULL) == SATCHEL_OK &&
                satchel_record_builder_open(&builder, fields, entity) == SATCHEL_OK &&
                satchel_record_builder_parse(builder, field, satchel_text_of(text), NULL) == SATCHEL_OK &&
                satchel_record_builder_encode(builder, &bytes) == SATCHEL_OK &&
                satchel_buffer_append(out, bytes) == SATCHEL_OK;
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    return fine;
}
