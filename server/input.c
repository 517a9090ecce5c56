/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spreadsheets in China still write GB18030; iconv of the system's C library reads it.
 */
#include "input.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_BYTES 65536
/* No character of GB18030 needs more than this times its bytes in UTF-8. */
#define UTF8_GROWTH 2

static satchel_status read_file(const char *path, satchel_buffer *out, satchel_error *error) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        return satchel_fail(error, errno == ENOENT ? SATCHEL_NOT_FOUND : SATCHEL_IO_ERROR, "the file: %s",
                            strerror(errno));
    }
    satchel_status status = SATCHEL_OK;
    size_t got = 1;
    while (status == SATCHEL_OK && got > 0) {
        status = out->bytes > SATCHEL_INPUT_BYTES_MOST
                     ? satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "the file is larger than %u bytes",
                                    SATCHEL_INPUT_BYTES_MOST)
                     : satchel_buffer_reserve(out, CHUNK_BYTES);
        if (status == SATCHEL_OK) {
            got = fread(out->data + out->bytes, 1, CHUNK_BYTES, file);
            out->bytes += got;
        }
    }
    if (status == SATCHEL_OK && ferror(file)) {
        status = satchel_fail(error, SATCHEL_IO_ERROR, "the file cannot be read: %s", strerror(errno));
    }
    if (file != stdin) {
        fclose(file);
    }
    return status;
}

static satchel_status from_gb18030(const satchel_buffer *from, satchel_buffer *out, satchel_error *error) {
    satchel_status status = satchel_buffer_reserve(out, from->bytes * UTF8_GROWTH);
    iconv_t converter = status == SATCHEL_OK ? iconv_open("UTF-8", "GB18030") : (iconv_t)-1;
    if (status == SATCHEL_OK && converter == (iconv_t)-1) {
        return satchel_fail(error, SATCHEL_BAD_TEXT, "the file is not UTF-8, and this system does not know GB18030");
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    char *in = (char *)from->data;
    size_t in_left = from->bytes;
    char *to = (char *)out->data;
    size_t to_left = from->bytes * UTF8_GROWTH;
    if (iconv(converter, &in, &in_left, &to, &to_left) == (size_t)-1) {
        status = satchel_fail(error, SATCHEL_BAD_TEXT, "the file is neither UTF-8 nor GB18030");
    } else {
        out->bytes += from->bytes * UTF8_GROWTH - to_left;
    }
    iconv_close(converter);
    return status;
}

satchel_status satchel_input_read(const char *path, satchel_buffer *out, satchel_error *error) {
    static const uint8_t mark[] = {0xEF, 0xBB, 0xBF};
    satchel_buffer raw;
    satchel_buffer_init(&raw);
    satchel_status status = read_file(path, &raw, error);
    if (status == SATCHEL_OK) {
        satchel_bytes content = satchel_buffer_view(&raw);
        if (content.bytes >= sizeof mark && memcmp(content.data, mark, sizeof mark) == 0) {
            content.data += sizeof mark;
            content.bytes -= sizeof mark;
        }
        status = satchel_text_valid(satchel_text_from(content)) ? satchel_buffer_append(out, content)
                                                                : from_gb18030(&raw, out, error);
    }
    satchel_buffer_deinit(&raw);
    return status;
}
