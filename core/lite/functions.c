/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL functions that compiled queries call (list in query/ddl.h). All are deterministic. A blob that is not what
 * it has to be gives NULL: a query must not fail for one row.
 */
#include "lite/functions.h"

#include "base/bytes.h"
#include "rules/places.h"
#include "wire/record_codec.h"

#include <string.h>

/* Tags of `repeated CustomValue custom = 900` and of CustomValue in model.proto. */
#define CUSTOM_TAG ((900u << 3) | 2u)
#define NUMBER_TAG ((1u << 3) | 0u)
#define BOOLEAN_TAG ((2u << 3) | 0u)
#define INTEGER_TAG ((3u << 3) | 0u)
#define REAL_TAG ((4u << 3) | 1u)
#define TEXT_TAG ((5u << 3) | 2u)
#define ID_TAG ((6u << 3) | 2u)
#define SET_TAG ((7u << 3) | 2u)
#define TIME_TAG ((8u << 3) | 0u)
#define BYTES_TAG ((9u << 3) | 2u)
#define ELEMENT_TAG ((1u << 3) | 2u)

typedef struct custom_content {
    uint64_t tag; /* 0: known to be empty */
    uint64_t varint;
    satchel_bytes bytes;
} custom_content;

static satchel_bytes argument_bytes(sqlite3_value *value) {
    const void *data = sqlite3_value_blob(value);
    return satchel_bytes_of(data, (size_t)sqlite3_value_bytes(value));
}

static bool read_content(satchel_reader *reader, custom_content *out, uint64_t *number) {
    while (satchel_reader_left(reader) > 0) {
        uint64_t tag = 0;
        uint64_t varint = 0;
        satchel_bytes bytes = {NULL, 0};
        satchel_status status = satchel_reader_varint(reader, &tag);
        if (status == SATCHEL_OK && (tag & 7) == 0) {
            status = satchel_reader_varint(reader, &varint);
        } else if (status == SATCHEL_OK && (tag & 7) == 1) {
            status = satchel_reader_take(reader, 8, &bytes);
        } else if (status == SATCHEL_OK && (tag & 7) == 2) {
            status = satchel_reader_varint(reader, &varint);
            status = status == SATCHEL_OK && varint <= satchel_reader_left(reader)
                         ? satchel_reader_take(reader, (size_t)varint, &bytes)
                         : SATCHEL_MALFORMED;
        } else {
            status = SATCHEL_MALFORMED;
        }
        if (status != SATCHEL_OK) {
            return false;
        }
        if (tag == NUMBER_TAG) {
            *number = varint;
        } else {
            *out = (custom_content){tag, varint, bytes};
        }
    }
    return true;
}

/* False if the value is absent or empty. */
static bool find_custom(sqlite3_value **arguments, custom_content *out) {
    satchel_reader reader = satchel_reader_of(argument_bytes(arguments[0]));
    uint64_t wanted = (uint64_t)sqlite3_value_int64(arguments[1]);
    while (satchel_reader_left(&reader) > 0) {
        uint64_t tag = 0;
        uint64_t bytes = 0;
        uint64_t number = 0;
        satchel_bytes message;
        if (satchel_reader_varint(&reader, &tag) != SATCHEL_OK || tag != CUSTOM_TAG ||
            satchel_reader_varint(&reader, &bytes) != SATCHEL_OK || bytes > satchel_reader_left(&reader) ||
            satchel_reader_take(&reader, (size_t)bytes, &message) != SATCHEL_OK) {
            return false;
        }
        satchel_reader inner = satchel_reader_of(message);
        *out = (custom_content){0, 0, {NULL, 0}};
        if (!read_content(&inner, out, &number)) {
            return false;
        }
        if (number == wanted) {
            return out->tag != 0;
        }
    }
    return false;
}

/* To SQLite a value without an address is NULL; an empty one is none. */
static const void *data_of(satchel_bytes bytes) {
    return bytes.data != NULL ? (const void *)bytes.data : "";
}

static void custom_int(sqlite3_context *context, int count, sqlite3_value **arguments) {
    custom_content content;
    (void)count;
    if (!find_custom(arguments, &content)) {
        return;
    }
    if (content.tag == BOOLEAN_TAG) {
        sqlite3_result_int64(context, content.varint != 0);
    } else if (content.tag == INTEGER_TAG || content.tag == TIME_TAG) {
        sqlite3_result_int64(context, satchel_unzigzag(content.varint));
    }
}

static void custom_real(sqlite3_context *context, int count, sqlite3_value **arguments) {
    custom_content content;
    (void)count;
    if (find_custom(arguments, &content) && content.tag == REAL_TAG) {
        uint64_t bits = 0;
        double real;
        for (int i = 7; i >= 0; i--) {
            bits = bits << 8 | content.bytes.data[i];
        }
        memcpy(&real, &bits, sizeof real);
        sqlite3_result_double(context, real);
    }
}

static void custom_text(sqlite3_context *context, int count, sqlite3_value **arguments) {
    custom_content content;
    (void)count;
    if (find_custom(arguments, &content) && content.tag == TEXT_TAG) {
        sqlite3_result_text64(context, (const char *)data_of(content.bytes), content.bytes.bytes, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    }
}

/* The elements of a CustomSet in the form of satchel_set_encode. */
static satchel_status rewrite_set(satchel_bytes message, satchel_buffer *out) {
    satchel_buffer elements = {NULL, 0, 0};
    satchel_reader reader = satchel_reader_of(message);
    satchel_status status = SATCHEL_OK;
    uint64_t count = 0;
    while (satchel_reader_left(&reader) > 0 && status == SATCHEL_OK) {
        uint64_t tag = 0;
        uint64_t bytes = 0;
        satchel_bytes element;
        if (satchel_reader_varint(&reader, &tag) != SATCHEL_OK || tag != ELEMENT_TAG ||
            satchel_reader_varint(&reader, &bytes) != SATCHEL_OK || bytes > satchel_reader_left(&reader) ||
            satchel_reader_take(&reader, (size_t)bytes, &element) != SATCHEL_OK) {
            status = SATCHEL_MALFORMED;
            break;
        }
        count++;
        status = satchel_buffer_append_varint(&elements, bytes);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&elements, element);
        }
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, count);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_buffer_view(&elements));
    }
    satchel_buffer_deinit(&elements);
    return status;
}

static void custom_blob(sqlite3_context *context, int count, sqlite3_value **arguments) {
    custom_content content;
    (void)count;
    if (!find_custom(arguments, &content)) {
        return;
    }
    if (content.tag == ID_TAG || content.tag == BYTES_TAG) {
        sqlite3_result_blob64(context, data_of(content.bytes), content.bytes.bytes, SQLITE_TRANSIENT);
    } else if (content.tag == SET_TAG) {
        satchel_buffer set = {NULL, 0, 0};
        satchel_status status = rewrite_set(content.bytes, &set);
        if (status == SATCHEL_OK) {
            sqlite3_result_blob64(context, set.data, set.bytes, SQLITE_TRANSIENT);
        } else if (status == SATCHEL_NO_MEMORY) {
            sqlite3_result_error_nomem(context);
        }
        satchel_buffer_deinit(&set);
    }
}

static void set_has(sqlite3_context *context, int count, sqlite3_value **arguments) {
    satchel_reader reader = satchel_reader_of(argument_bytes(arguments[0]));
    satchel_bytes wanted = argument_bytes(arguments[1]);
    uint64_t elements = 0;
    (void)count;
    if (sqlite3_value_type(arguments[0]) == SQLITE_NULL || satchel_reader_varint(&reader, &elements) != SATCHEL_OK) {
        return;
    }
    for (uint64_t i = 0; i < elements; i++) {
        uint64_t bytes = 0;
        satchel_bytes element;
        if (satchel_reader_varint(&reader, &bytes) != SATCHEL_OK || bytes > satchel_reader_left(&reader) ||
            satchel_reader_take(&reader, (size_t)bytes, &element) != SATCHEL_OK) {
            return;
        }
        if (satchel_bytes_equal(element, wanted)) {
            sqlite3_result_int(context, 1);
            return;
        }
    }
    sqlite3_result_int(context, 0);
}

static void distance_m(sqlite3_context *context, int count, sqlite3_value **arguments) {
    int64_t metres;
    for (int i = 0; i < count; i++) {
        if (sqlite3_value_type(arguments[i]) == SQLITE_NULL) {
            return;
        }
    }
    if (satchel_distance_m(sqlite3_value_int64(arguments[0]), sqlite3_value_int64(arguments[1]),
                           sqlite3_value_int64(arguments[2]), sqlite3_value_int64(arguments[3]),
                           &metres) == SATCHEL_OK) {
        sqlite3_result_int64(context, metres);
    }
}

int satchel_lite_functions_add(sqlite3 *connection) {
    const struct {
        const char *name;
        int arguments;
        void (*body)(sqlite3_context *context, int count, sqlite3_value **arguments);
    } functions[] = {
        {"satchel_set_has", 2, set_has},         {"satchel_custom_int", 2, custom_int},
        {"satchel_custom_real", 2, custom_real}, {"satchel_custom_text", 2, custom_text},
        {"satchel_custom_blob", 2, custom_blob}, {"satchel_distance_m", 4, distance_m},
    };
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < sizeof functions / sizeof functions[0]; i++) {
        code =
            sqlite3_create_function_v2(connection, functions[i].name, functions[i].arguments,
                                       SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, functions[i].body, NULL, NULL, NULL);
    }
    return code;
}
