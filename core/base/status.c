/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, texts and classes of the status table, and filling of a satchel_error.
 */
#include <satchel/status.h>

#include "base/error.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *satchel_status_name(satchel_status status) {
    switch (status) {
#define STATUS_NAME(name, number, class_, en, zh)                                                                      \
    case SATCHEL_##name: return #name;
        SATCHEL_STATUS_TABLE(STATUS_NAME)
#undef STATUS_NAME
    default: return "UNKNOWN";
    }
}

const char *satchel_status_text(satchel_status status, const char *language) {
    int chinese = language != NULL && strncmp(language, "zh", 2) == 0;
    switch (status) {
#define STATUS_TEXT(name, number, class_, en, zh)                                                                      \
    case SATCHEL_##name: return chinese ? (zh) : (en);
        SATCHEL_STATUS_TABLE(STATUS_TEXT)
#undef STATUS_TEXT
    default: return chinese ? "未知状态" : "a status that this version does not know";
    }
}

satchel_status_class satchel_status_class_of(satchel_status status) {
    switch (status) {
#define STATUS_CLASS(name, number, class_, en, zh)                                                                     \
    case SATCHEL_##name: return SATCHEL_CLASS_##class_;
        SATCHEL_STATUS_TABLE(STATUS_CLASS)
#undef STATUS_CLASS
    default: return SATCHEL_CLASS_FATAL;
    }
}

/* Takes away the code point at the end of a text that was cut, if only a part of it is left. */
static void clip_last_character(char *text) {
    size_t bytes = strlen(text);
    size_t start = bytes;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start > 0 && !satchel_text_valid((satchel_text){text + start - 1, bytes - start + 1})) {
        text[start - 1] = '\0';
    }
}

static void fill(satchel_error *error, satchel_status status, uint32_t entity, uint32_t field, const char *format,
                 va_list arguments) {
    error->status = status;
    error->entity = entity;
    error->field = field;
    int length = vsnprintf(error->detail, sizeof error->detail, format, arguments);
    if (length < 0) {
        error->detail[0] = '\0';
    } else if ((size_t)length >= sizeof error->detail) {
        clip_last_character(error->detail);
    }
}

satchel_status satchel_fail(satchel_error *error, satchel_status status, const char *format, ...) {
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, status, 0, 0, format, arguments);
        va_end(arguments);
    }
    return status;
}

satchel_status satchel_fail_field(satchel_error *error, satchel_status status, uint32_t entity, uint32_t field,
                                  const char *format, ...) {
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, status, entity, field, format, arguments);
        va_end(arguments);
    }
    return status;
}

void satchel_error_clear(satchel_error *error) {
    if (error != NULL) {
        *error = (satchel_error){SATCHEL_OK, 0, 0, ""};
    }
}
