/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: one request, proved by the code of the link; its answer makes the identity.
 *
 * Key pair, incarnation and first token are drawn once for a code and stored before the first request leaves. So a
 * request that is repeated after a lost answer or a kill is the same, and the server gives the same answer again.
 */
#include <satchel/sync.h>
#include <satchel/version.h>

#include "device/device.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "wire/body.h"
#include "wire/enroll.h"
#include "wire/request.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 30000
#define URL_BYTES (SATCHEL_IDENTITY_TEXT_BYTES + 32)
#define PLATFORM_BYTES 64

struct satchel_enrolment {
    satchel_device *device;
    satchel_enrolling drawn;
    char server[SATCHEL_IDENTITY_TEXT_BYTES];
    char url[URL_BYTES];
    char name[SATCHEL_DEVICE_NAME_BYTES + 1];
    char platform[PLATFORM_BYTES + 1];
    satchel_enroll_request request;
    satchel_buffer body;
};

static void copy_text(satchel_text text, char *out, size_t most_bytes) {
    const satchel_text clipped = satchel_text_clip(text, most_bytes);
    if (clipped.bytes > 0) {
        memcpy(out, clipped.data, clipped.bytes);
    }
    out[clipped.bytes] = 0;
}

/* What was drawn for this code before, or a new draw that is stored at once. The device is held. */
static satchel_status draw(satchel_enrolment *enrolment, const satchel_enroll_link *link, satchel_error *error) {
    satchel_device *device = enrolment->device;
    satchel_enrolling *drawn = &enrolment->drawn;
    satchel_status status = satchel_enrolling_load(drawn, device->store, error);
    if (status == SATCHEL_OK && memcmp(drawn->code, link->code, sizeof link->code) == 0 &&
        memcmp(drawn->server_key, link->server_key, sizeof link->server_key) == 0) {
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK && status != SATCHEL_NOT_FOUND) {
        return status;
    }
    satchel_error_clear(error);
    const satchel_random random = satchel_device_random(device);
    memcpy(drawn->code, link->code, sizeof link->code);
    memcpy(drawn->server_key, link->server_key, sizeof link->server_key);
    status = satchel_random_fill(random, drawn->seed, sizeof drawn->seed);
    if (status == SATCHEL_OK) {
        status = satchel_random_fill(random, drawn->token, sizeof drawn->token);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_new_id(device, &drawn->incarnation);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the random source failed");
    }
    return satchel_enrolling_save(drawn, device->store, error);
}

static satchel_status make_request(satchel_enrolment *enrolment, satchel_error *error) {
    satchel_enroll_request *request = &enrolment->request;
    satchel_buffer payload = {0};
    uint8_t secret[SATCHEL_SIGN_SECRET_BYTES];
    satchel_code_key(enrolment->drawn.code, request->code_key);
    satchel_sign_keys(enrolment->drawn.seed, request->device_key, secret);
    satchel_secret_wipe(secret, sizeof secret);
    request->incarnation = enrolment->drawn.incarnation;
    memcpy(request->token, enrolment->drawn.token, sizeof request->token);
    request->device_name = satchel_text_of(enrolment->name);
    request->platform = satchel_text_of(enrolment->platform);
    request->protocol = SATCHEL_PROTOCOL_VERSION;
    request->schema = satchel_schema_version();
    satchel_enroll_request_mac(enrolment->drawn.code, enrolment->drawn.server_key, request, request->mac);
    satchel_status status = satchel_enroll_request_write(request, &payload);
    if (status == SATCHEL_OK) {
        status = satchel_body_pack(satchel_buffer_view(&payload), &enrolment->body);
    }
    satchel_buffer_deinit(&payload);
    return status == SATCHEL_OK ? status : satchel_fail(error, status, "the request cannot be made");
}

satchel_status satchel_enrolment_open(satchel_enrolment **out, satchel_device *device, satchel_text link,
                                      satchel_text device_name, satchel_text platform, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_enroll_link read = {0};
    *out = NULL;
    satchel_status status = satchel_device_enter(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_enrolment *enrolment = satchel_memory_take(sizeof *enrolment);
    if (enrolment == NULL) {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for an enrolment");
        goto done;
    }
    enrolment->device = device;
    if (device->identity.enrolled) {
        status = satchel_fail(error, SATCHEL_ALREADY_EXISTS, "the device is enrolled already");
        goto done;
    }
    if (!satchel_text_valid(device_name) || !satchel_text_valid(platform)) {
        status = satchel_fail(error, SATCHEL_BAD_TEXT, "the name of the device is not valid UTF-8");
        goto done;
    }
    status = satchel_enroll_link_read(link, &arena, &read, error);
    if (status == SATCHEL_OK) {
        status = satchel_server_address(read.server, enrolment->server, error);
    }
    if (status == SATCHEL_OK) {
        status = draw(enrolment, &read, error);
    }
    if (status == SATCHEL_OK) {
        copy_text(device_name, enrolment->name, SATCHEL_DEVICE_NAME_BYTES);
        copy_text(platform, enrolment->platform, PLATFORM_BYTES);
        status = make_request(enrolment, error);
    }
    if (status == SATCHEL_OK) {
        *out = enrolment;
        enrolment = NULL;
    }
done:
    satchel_device_leave(device);
    satchel_secret_wipe(&read, sizeof read);
    satchel_arena_deinit(&arena);
    satchel_enrolment_close(enrolment);
    return status;
}

satchel_status satchel_enrolment_request(satchel_enrolment *enrolment, satchel_http_request *out,
                                         satchel_error *error) {
    (void)error;
    memset(out, 0, sizeof *out);
    snprintf(enrolment->url, sizeof enrolment->url, "%s/v1/enroll", enrolment->server);
    out->method = "POST";
    out->url = enrolment->url;
    out->headers[0] = (satchel_http_header){"Content-Type", SATCHEL_BODY_MEDIA_TYPE};
    out->header_count = 1;
    out->body = satchel_buffer_view(&enrolment->body);
    out->timeout_ms = TIMEOUT_MS;
    return SATCHEL_OK;
}

/* What an answer that is none says. */
static satchel_status status_of_http(uint32_t http_status) {
    switch (http_status) {
    case 401:
    case 403:
    case 404:
    case 410: return SATCHEL_CODE_EXPIRED;
    case 426: return SATCHEL_UPGRADE_REQUIRED;
    case 429:
    case 503: return SATCHEL_BUSY;
    default: return http_status >= 500 ? SATCHEL_SERVER_ERROR : SATCHEL_PROTOCOL_ERROR;
    }
}

/* Does the answer come from the server whose key is in the link, and from one that knows the code? */
static satchel_status check_answer(const satchel_enrolment *enrolment, const satchel_enroll_answer *answer,
                                   satchel_error *error) {
    uint8_t mac[SATCHEL_MAC_BYTES];
    satchel_enroll_answer_mac(enrolment->drawn.code, &enrolment->request, answer, mac);
    if (memcmp(answer->server_key, enrolment->drawn.server_key, SATCHEL_PUBLIC_KEY_BYTES) != 0 ||
        !satchel_secret_equal(mac, answer->mac, sizeof mac)) {
        return satchel_fail(error, SATCHEL_UNAUTHENTICATED, "the server is not the one of the link");
    }
    if (satchel_id_is_none(&answer->device) || satchel_id_is_none(&answer->user)) {
        return satchel_fail(error, SATCHEL_PROTOCOL_ERROR, "the answer names no device or no user");
    }
    return SATCHEL_OK;
}

static satchel_status fill_identity(const satchel_enrolment *enrolment, const satchel_enroll_answer *answer,
                                    satchel_identity *out) {
    uint8_t public_key[SATCHEL_SIGN_PUBLIC_BYTES];
    out->secret = satchel_secret_take(SATCHEL_SIGN_SECRET_BYTES);
    if (out->secret == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_sign_keys(enrolment->drawn.seed, public_key, out->secret);
    out->enrolled = true;
    out->device = answer->device;
    out->user = answer->user;
    out->epoch = answer->epoch;
    memcpy(out->server_key, answer->server_key, sizeof out->server_key);
    copy_text(satchel_text_of(enrolment->server), out->server, sizeof out->server - 1);
    copy_text(answer->login, out->login, sizeof out->login - 1);
    copy_text(answer->company, out->company, sizeof out->company - 1);
    return SATCHEL_OK;
}

/* What an answer makes of a device. */
typedef struct acceptance {
    satchel_device *device;
    satchel_settings settings;
    satchel_sync_state state;
    satchel_identity identity;
} acceptance;

static satchel_status fill_state(const satchel_enrolment *enrolment, const satchel_enroll_answer *answer,
                                 satchel_sync_state *state, satchel_error *error) {
    satchel_device *device = enrolment->device;
    const satchel_moment now = satchel_device_moment(device);
    satchel_status status = satchel_store_sync_state(device->store, state, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    state->incarnation = enrolment->drawn.incarnation;
    memcpy(state->token_current, enrolment->drawn.token, sizeof state->token_current);
    state->incarnation_new = false;
    state->token_next_sent = false;
    state->request_number = 0;
    state->cursor_bytes = 0;
    state->page_bytes = SATCHEL_SYNC_PAGE_FIRST_BYTES;
    state->position = (satchel_revision){answer->epoch, 0};
    state->seen_ms = answer->server_time_ms;
    if (__builtin_sub_overflow(answer->server_time_ms, now.wall_ms, &state->offset_ms)) {
        state->offset_ms = 0;
    }
    return SATCHEL_OK;
}

/* One transaction: a store has the name that the server knows together with the identity, or neither. */
static satchel_status keep(void *context, satchel_error *error) {
    const acceptance *accepted = context;
    satchel_store *store = accepted->device->store;
    satchel_status status = satchel_settings_save(&accepted->settings, store, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_save_sync_state(store, &accepted->state, error);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_store_put_value(store, SATCHEL_STORE_USER_NAME, satchel_id_view(&accepted->identity.user), error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_identity_save(&accepted->identity, store, error);
    }
    return status == SATCHEL_OK ? satchel_enrolling_forget(store, error) : status;
}

/*
 * First the escrow slot in the key file, which is harmless on its own, then all the rest at once: a kill in between
 * leaves a device that is not enrolled and repeats its request. The device is held.
 */
static satchel_status accept(satchel_enrolment *enrolment, const satchel_enroll_answer *answer, satchel_error *error) {
    satchel_device *device = enrolment->device;
    acceptance accepted = {.device = device, .settings = {.policy = answer->policy}};
    memcpy(accepted.settings.recovery_key, answer->recovery_key, sizeof accepted.settings.recovery_key);
    satchel_status status = fill_state(enrolment, answer, &accepted.state, error);
    if (status == SATCHEL_OK) {
        status = fill_identity(enrolment, answer, &accepted.identity);
    }
    if (status == SATCHEL_OK) {
        status = satchel_settings_open_escrow(device, &accepted.settings, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_together(device->store, keep, &accepted, error);
    }
    if (status == SATCHEL_OK) {
        satchel_identity_deinit(&device->identity);
        device->identity = accepted.identity;
        device->settings = accepted.settings;
        device->offset_ms = accepted.state.offset_ms;
        device->seen_ms = accepted.state.seen_ms;
        memset(&device->book, 0, sizeof device->book);
    } else {
        satchel_identity_deinit(&accepted.identity);
    }
    return status;
}

satchel_status satchel_enrolment_feed(satchel_enrolment *enrolment, uint32_t http_status, satchel_bytes body,
                                      satchel_error *error) {
    satchel_buffer payload = {0};
    satchel_enroll_answer answer = {0};
    satchel_status status = satchel_body_unpack(body, &payload, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_enroll_answer_read(satchel_buffer_view(&payload), &answer, NULL);
    }
    if (status != SATCHEL_OK) {
        status = status == SATCHEL_NO_MEMORY ? status : status_of_http(http_status);
        satchel_fail(error, status, "the answer with HTTP status %u is no answer to an enrolment", http_status);
        goto done;
    }
    if (answer.status != SATCHEL_OK) {
        status = satchel_fail(error, answer.status, "the server refuses: %s", satchel_status_name(answer.status));
        goto done;
    }
    status = check_answer(enrolment, &answer, error);
    if (status == SATCHEL_OK) {
        status = satchel_device_enter(enrolment->device, error);
    }
    if (status == SATCHEL_OK) {
        status = enrolment->device->identity.enrolled
                     ? satchel_fail(error, SATCHEL_ALREADY_EXISTS, "the device is enrolled already")
                     : accept(enrolment, &answer, error);
        satchel_device_leave(enrolment->device);
    }
done:
    satchel_buffer_deinit(&payload);
    return status;
}

void satchel_enrolment_close(satchel_enrolment *enrolment) {
    if (enrolment == NULL) {
        return;
    }
    satchel_secret_wipe(&enrolment->drawn, sizeof enrolment->drawn);
    satchel_buffer_deinit(&enrolment->body);
    satchel_memory_give(enrolment);
}
