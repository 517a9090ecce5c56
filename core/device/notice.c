/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notice of a wipe: a signed request, made while the key was there, sent when it is gone.
 *
 *   "wiping", "notice"   [format 1 = 1] and 6 times [length varint][bytes]:
 *                        url, Content-Digest, Satchel-Request, Signature-Input, Signature, body
 *
 * It holds no key and no customer data: the device's id, counts, one signature over one request.
 */
#include "device/device.h"
#include "device/ending.h"

#include <satchel/version.h>

#include "base/error.h"
#include "base/memory.h"
#include "wire/body.h"
#include "wire/signing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BEGUN_NAME "wiping"
#define NEW_NAME "wiping.new"
#define NOTICE_NAME "notice"
#define FORMAT 1
#define PARTS 6
#define NOTICE_BYTES_MOST 8192
#define PATH_BYTES 4096
#define SYNC_PATH "/v1/sync"
#define TIMEOUT_MS 60000

static const char *const header_names[] = {"Content-Digest", "Satchel-Request", "Signature-Input", "Signature"};

struct satchel_notice {
    char path[PATH_BYTES];
    char texts[PARTS - 1][2 * SATCHEL_SIGNING_HEADER_BYTES]; /* url and headers */
    satchel_buffer body;
};

static bool path_in(const char *folder, const char *name, char out[PATH_BYTES]) {
    int written = snprintf(out, PATH_BYTES, "%s/%s", folder, name);
    return written > 0 && written < PATH_BYTES;
}

static const satchel_vault_files *files_of(const satchel_device *device) {
    return device->files != NULL ? device->files : satchel_vault_files_posix();
}

/* --- making it --- */

static satchel_status put_part(satchel_buffer *out, satchel_bytes part) {
    satchel_status status = satchel_buffer_append_varint(out, part.bytes);
    return status == SATCHEL_OK ? satchel_buffer_append(out, part) : status;
}

static satchel_bytes text_part(const char *text) {
    return satchel_bytes_of(text, strlen(text));
}

static satchel_status make_body(const satchel_device *device, const satchel_sync_state *state,
                                const satchel_order_receipt *receipt, satchel_buffer *out) {
    satchel_buffer said = {0};
    satchel_buffer payload = {0};
    satchel_request_head head = {.protocol = SATCHEL_PROTOCOL_VERSION,
                                 .schema = satchel_schema_version(),
                                 .now = satchel_device_moment(device),
                                 .orders_serial = receipt->serial};
    head.now.offset_ms = 0;
    memcpy(head.token_current, state->token_current, sizeof head.token_current);
    memcpy(head.token_next, state->token_next, sizeof head.token_next);
    satchel_status status = satchel_order_receipt_write(receipt, &said);
    if (status == SATCHEL_OK) {
        head.receipt = satchel_buffer_view(&said);
        status = satchel_request_write_head(&head, &payload);
    }
    if (status == SATCHEL_OK) {
        status = satchel_body_pack(satchel_buffer_view(&payload), out);
    }
    satchel_buffer_deinit(&said);
    satchel_buffer_deinit(&payload);
    return status;
}

static satchel_status make_file(const satchel_device *device, const satchel_sync_state *state,
                                const satchel_order_receipt *receipt, satchel_buffer *out) {
    char url[SATCHEL_IDENTITY_TEXT_BYTES + sizeof SYNC_PATH];
    satchel_buffer body = {0};
    satchel_signed_headers headers;
    satchel_status status = make_body(device, state, receipt, &body);
    if (status == SATCHEL_OK) {
        status = satchel_request_sign("POST", SYNC_PATH, satchel_buffer_view(&body), &device->identity.device,
                                      state->request_number + 1, device->identity.secret, &headers);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, FORMAT);
    }
    snprintf(url, sizeof url, "%s" SYNC_PATH, device->identity.server);
    const satchel_bytes parts[PARTS] = {text_part(url),
                                        text_part(headers.content_digest),
                                        text_part(headers.request_number),
                                        text_part(headers.signature_input),
                                        text_part(headers.signature),
                                        satchel_buffer_view(&body)};
    for (size_t i = 0; status == SATCHEL_OK && i < PARTS; i++) {
        status = put_part(out, parts[i]);
    }
    satchel_buffer_deinit(&body);
    return status;
}

static satchel_status write_file(const satchel_device *device, satchel_bytes content) {
    const satchel_vault_files *files = files_of(device);
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    if (!path_in(device->folder, NEW_NAME, from) || !path_in(device->folder, BEGUN_NAME, to)) {
        return SATCHEL_IO_ERROR;
    }
    satchel_status status = files->write(files->context, from, content);
    if (status == SATCHEL_OK) {
        status = files->rename(files->context, from, to);
    }
    return status == SATCHEL_OK ? files->sync_folder(files->context, device->folder) : status;
}

static satchel_status make_notice(const satchel_device *device, satchel_receipt_kind kind,
                                  const satchel_sync_state *state, const satchel_wipe_receipt *counted,
                                  satchel_buffer *out) {
    const satchel_order_receipt receipt = {.serial = device->book.orders.serial,
                                           .kind = kind,
                                           .at_ms = counted->at_ms,
                                           .counted = counted->counted,
                                           .units_unsent = counted->units_unsent,
                                           .ops_troubled = counted->ops_troubled,
                                           .inbox_items = counted->inbox_items,
                                           .ops_aside = counted->ops_aside};
    return make_file(device, state, &receipt, out);
}

/* --- carrying it out --- */

/* Everything is gone: the notice may be sent. A failure leaves "wiping", which the next opening takes up. */
static satchel_status finish_ending(const satchel_device *device, satchel_error *error) {
    const satchel_vault_files *files = files_of(device);
    char from[PATH_BYTES];
    char to[PATH_BYTES];
    if (!path_in(device->folder, BEGUN_NAME, from) || !path_in(device->folder, NOTICE_NAME, to)) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "the path of the folder is too long");
    }
    satchel_status status = files->rename(files->context, from, to);
    if (status == SATCHEL_OK) {
        status = files->sync_folder(files->context, device->folder);
    }
    return status == SATCHEL_OK || status == SATCHEL_NOT_FOUND
               ? SATCHEL_OK
               : satchel_fail(error, status, "the notice of the wipe cannot be kept");
}

satchel_status satchel_ending_by_order(satchel_device *device, satchel_receipt_kind kind,
                                       const satchel_sync_state *state, satchel_wipe_receipt *out,
                                       satchel_error *error) {
    satchel_buffer file = {0};
    satchel_ending_count(device, out);
    satchel_status made = make_notice(device, kind, state, out, &file);
    satchel_status begun = made == SATCHEL_OK ? write_file(device, satchel_buffer_view(&file)) : made;
    if (begun == SATCHEL_DISK_FULL && satchel_orders_relieve(device)) {
        begun = write_file(device, satchel_buffer_view(&file));
    }
    satchel_status status = SATCHEL_OK;
    if (begun != SATCHEL_OK && kind == SATCHEL_RECEIPT_RETIRED) {
        status = satchel_fail(error, begun, "the notice of the wipe cannot be written");
        goto done;
    }
    status = satchel_ending_wipe(device, out, error);
    if (status == SATCHEL_OK && made == SATCHEL_OK && begun != SATCHEL_OK) {
        begun =
            write_file(device, satchel_buffer_view(&file)); /* there is space now; without it the server is not told */
    }
    status = status == SATCHEL_OK ? finish_ending(device, error) : status;
done:
    satchel_buffer_deinit(&file);
    return status;
}

satchel_status satchel_ending_resume(satchel_device *device, satchel_error *error) {
    char path[PATH_BYTES];
    satchel_wipe_receipt ignored;
    uint64_t bytes = 0;
    const satchel_vault_files *files = files_of(device);
    if (!path_in(device->folder, BEGUN_NAME, path) || files->size(files->context, path, &bytes) != SATCHEL_OK) {
        return SATCHEL_OK;
    }
    memset(&ignored, 0, sizeof ignored);
    satchel_status status = satchel_ending_wipe(device, &ignored, error);
    if (status == SATCHEL_OK) {
        status = finish_ending(device, error);
    }
    return status == SATCHEL_OK ? satchel_fail(error, SATCHEL_WIPED, "the company had the store wiped") : status;
}

/* --- sending it --- */

static satchel_status read_notice(satchel_notice *notice, satchel_bytes file) {
    satchel_reader reader = satchel_reader_of(file);
    uint8_t format = 0;
    satchel_status status = satchel_reader_byte(&reader, &format);
    for (size_t i = 0; status == SATCHEL_OK && i < PARTS; i++) {
        uint64_t bytes = 0;
        satchel_bytes part;
        bool is_text = i < PARTS - 1;
        status = satchel_reader_varint(&reader, &bytes);
        if (status == SATCHEL_OK && (bytes > NOTICE_BYTES_MOST || (is_text && bytes >= sizeof notice->texts[0]))) {
            return SATCHEL_DAMAGED;
        }
        if (status == SATCHEL_OK) {
            status = satchel_reader_take(&reader, (size_t)bytes, &part);
        }
        if (status == SATCHEL_OK && is_text) {
            memcpy(notice->texts[i], part.data, part.bytes);
        } else if (status == SATCHEL_OK) {
            status = satchel_buffer_append(&notice->body, part);
        }
    }
    return status == SATCHEL_OK && format == FORMAT ? SATCHEL_OK
           : status == SATCHEL_NO_MEMORY            ? status
                                                    : SATCHEL_DAMAGED;
}

satchel_status satchel_notice_open(satchel_notice **out, const char *folder, satchel_error *error) {
    const satchel_vault_files *files = satchel_vault_files_posix();
    satchel_buffer file = {0};
    *out = NULL;
    satchel_error_clear(error);
    satchel_notice *notice = satchel_memory_take(sizeof *notice);
    if (notice == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a notice");
    }
    satchel_status status = path_in(folder, NOTICE_NAME, notice->path) ? SATCHEL_OK : SATCHEL_INVALID_ARGUMENT;
    if (status == SATCHEL_OK) {
        status = files->read(files->context, notice->path, NOTICE_BYTES_MOST, &file);
    }
    if (status == SATCHEL_OK) {
        status = read_notice(notice, satchel_buffer_view(&file));
    }
    satchel_buffer_deinit(&file);
    if (status != SATCHEL_OK) {
        satchel_notice_close(notice);
        return satchel_fail(error, status, "no notice of a wipe lies in the folder");
    }
    *out = notice;
    return SATCHEL_OK;
}

void satchel_notice_request(satchel_notice *notice, satchel_http_request *out) {
    memset(out, 0, sizeof *out);
    out->method = "POST";
    out->url = notice->texts[0];
    out->headers[0] = (satchel_http_header){"Content-Type", SATCHEL_BODY_MEDIA_TYPE};
    for (uint32_t i = 0; i < 4; i++) {
        out->headers[1 + i] = (satchel_http_header){header_names[i], notice->texts[1 + i]};
    }
    out->header_count = 5;
    out->body = satchel_buffer_view(&notice->body);
    out->timeout_ms = TIMEOUT_MS;
}

/* Does the server know, or will it never? */
static bool is_settled(uint32_t http_status, satchel_bytes body) {
    satchel_buffer payload = {0};
    satchel_arena arena = {0};
    satchel_answer_survey answer;
    satchel_status status = satchel_body_unpack(body, &payload, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_answer_look(satchel_buffer_view(&payload), &arena, &answer, NULL);
    }
    bool settled = status == SATCHEL_OK ? satchel_status_class_of(answer.head.status) != SATCHEL_CLASS_RETRY ||
                                              answer.head.status == SATCHEL_REPLAYED
                                        : http_status == 401 || http_status == 410;
    satchel_buffer_deinit(&payload);
    satchel_arena_deinit(&arena);
    return settled;
}

satchel_status satchel_notice_feed(satchel_notice *notice, uint32_t http_status, satchel_bytes body,
                                   satchel_error *error) {
    const satchel_vault_files *files = satchel_vault_files_posix();
    satchel_error_clear(error);
    if (!is_settled(http_status, body)) {
        return satchel_fail(error, SATCHEL_BUSY, "the server has not taken the notice: send it again later");
    }
    satchel_status status = files->remove(files->context, notice->path);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the notice cannot be removed");
}

void satchel_notice_close(satchel_notice *notice) {
    if (notice != NULL) {
        satchel_buffer_deinit(&notice->body);
        satchel_memory_give(notice);
    }
}
