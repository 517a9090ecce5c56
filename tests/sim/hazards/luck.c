/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of a story: each request is answered, lost, doubled or held up as the script says. What every answer
 * says is looked through for words that its reader must not be sent.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"
#include "wire/body.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ASKS_MOST 400
#define ROUNDS_MOST 12
#define ELAPSED_MS 200

void hazard_forbid(hazard *on, uint32_t phone, const char *words) {
    if (on->canary_count < HAZARD_CANARIES_MOST) {
        on->canaries[on->canary_count].phone = phone;
        on->canaries[on->canary_count++].words = words;
    } else {
        hazard_expect(on, false, "no more words can be forbidden.");
    }
}

static bool has_words(const satchel_buffer *in, const char *words) {
    size_t bytes = strlen(words);
    for (size_t at = 0; at + bytes <= in->bytes; at++) {
        if (memcmp(in->data + at, words, bytes) == 0) {
            return true;
        }
    }
    return false;
}

static void look_through(hazard *on, uint32_t phone, const satchel_buffer *answer) {
    satchel_buffer payload = {NULL, 0, 0};
    if (satchel_body_unpack(satchel_buffer_view(answer), &payload, NULL) == SATCHEL_OK) {
        for (uint32_t i = 0; i < on->canary_count; i++) {
            hazard_expect(on, on->canaries[i].phone != phone || !has_words(&payload, on->canaries[i].words),
                          "%s is sent \"%s\".", hazard_phone_name(on, phone), on->canaries[i].words);
        }
    }
    satchel_buffer_deinit(&payload);
}

/* The copy waits until hazard_arrives. */
static void keep_copy(hazard *on, uint32_t phone, const satchel_http_request *request) {
    for (uint32_t i = 0; i < SIM_MAIL_MOST; i++) {
        if (!on->here->mail[i].used) {
            sim_mail_take(&on->here->mail[i], &on->here->phones[phone], request);
            return;
        }
    }
    hazard_expect(on, false, "the network holds no more requests.");
}

void hazard_arrives(hazard *on) {
    satchel_buffer reply = {NULL, 0, 0};
    hazard_pass(on, 1);
    for (uint32_t i = 0; i < SIM_MAIL_MOST; i++) {
        if (on->here->mail[i].used) {
            on->here->mail[i].used = false;
            uint32_t http = sim_office_serve(on->here, &on->here->mail[i], &reply);
            hazard_tell(on, "The request of %s that was held up reaches the server; nobody waits for its answer.",
                        hazard_phone_name(on, on->here->mail[i].phone));
            hazard_expect(on, http == 200, "the server answers %u.", (unsigned)http);
            break;
        }
    }
    satchel_buffer_deinit(&reply);
}

static const char *luck_words(hazard_luck luck) {
    switch (luck) {
    case HAZARD_FINE: return "and is answered";
    case HAZARD_REQUEST_LOST: return "but the request is lost on its way";
    case HAZARD_ANSWER_LOST: return "the server decides, but its answer is lost";
    case HAZARD_ANSWER_CUT: return "the server decides, but its answer is cut in the middle";
    case HAZARD_TWICE: return "and the network delivers the request twice";
    case HAZARD_HELD_UP: return "but the request is held up somewhere";
    case HAZARD_COPIED: return "and is answered, while a copy of the request is held up somewhere";
    }
    return "";
}

/* Gives what the phone is told of its request. */
static satchel_status deliver(hazard *on, uint32_t phone, const satchel_http_request *request, hazard_luck luck) {
    sim_phone *asks = &on->here->phones[phone];
    satchel_buffer reply = {NULL, 0, 0};
    sim_mail mail;
    memset(&mail, 0, sizeof mail);
    sim_mail_take(&mail, asks, request);
    bool served = luck != HAZARD_REQUEST_LOST && luck != HAZARD_HELD_UP;
    if (luck == HAZARD_HELD_UP || luck == HAZARD_COPIED) {
        keep_copy(on, phone, request);
    }
    for (int times = luck == HAZARD_TWICE ? 2 : 1; served && times > 0; times--) {
        on->http_last = sim_office_serve(on->here, &mail, &reply);
        on->answers++;
        look_through(on, phone, &reply);
    }
    on->here->now_ms += ELAPSED_MS;
    if (served && on->meanwhile != NULL) {
        void (*meanwhile)(hazard *) = on->meanwhile;
        on->meanwhile = NULL;
        meanwhile(on);
    }
    if (luck == HAZARD_ANSWER_CUT) {
        reply.bytes /= 2;
    }
    satchel_status status =
        served && luck != HAZARD_ANSWER_LOST
            ? satchel_exchange_feed(asks->exchange, on->http_last, satchel_buffer_view(&reply), ELAPSED_MS, NULL)
            : satchel_exchange_fail(asks->exchange, NULL);
    satchel_buffer_deinit(&reply);
    satchel_buffer_deinit(&mail.body);
    return status;
}

/* One request; `*ended`: there was none left to make. */
static satchel_status ask(hazard *on, uint32_t phone, hazard_luck luck, bool *ended) {
    sim_phone *asks = &on->here->phones[phone];
    satchel_step step = {.kind = SATCHEL_STEP_WAIT};
    satchel_status status = SATCHEL_OK;
    *ended = false;
    if (asks->exchange == NULL) {
        status = satchel_exchange_open(&asks->exchange, asks->device, 0, NULL);
    }
    while (status == SATCHEL_OK && step.kind == SATCHEL_STEP_WAIT) {
        status = satchel_exchange_next(asks->exchange, &step, NULL);
        on->here->now_ms += status == SATCHEL_OK && step.kind == SATCHEL_STEP_WAIT ? step.wait_ms : 0;
    }
    if (status == SATCHEL_OK && step.kind == SATCHEL_STEP_SEND) {
        return deliver(on, phone, &step.request, luck);
    }
    *ended = true;
    sim_phone_end_exchange(asks);
    return status == SATCHEL_OK ? step.status : status;
}

bool hazard_ask(hazard *on, uint32_t phone, hazard_luck luck) {
    bool ended = false;
    hazard_pass(on, 1);
    satchel_status status = ask(on, phone, luck, &ended);
    if (ended) {
        hazard_tell(on, "%s has nothing more to ask; its sync ends: %s.", hazard_phone_name(on, phone),
                    satchel_status_text(status, "en"));
    } else {
        hazard_tell(on, "%s asks the server, %s.", hazard_phone_name(on, phone), luck_words(luck));
        hazard_expect(on, status == SATCHEL_OK, "the phone does not bear it: %s.", satchel_status_name(status));
    }
    return !ended;
}

satchel_status hazard_sync_silently(hazard *on, uint32_t phone) {
    satchel_status status = SATCHEL_OK;
    bool ended = false;
    for (uint32_t asks = 0; asks < ASKS_MOST && !ended && status == SATCHEL_OK; asks++) {
        status = ask(on, phone, HAZARD_FINE, &ended);
    }
    sim_phone_end_exchange(&on->here->phones[phone]);
    return ended ? status : SATCHEL_BUSY;
}

/* ", 3 more conflicts" */
static void add_change(char *line, size_t bytes, uint64_t before, uint64_t after, const char *more, const char *less) {
    size_t at = strlen(line);
    if (after > before) {
        (void)snprintf(line + at, bytes - at, "; %s %" PRIu64, more, after - before);
    } else if (after < before) {
        (void)snprintf(line + at, bytes - at, "; %s %" PRIu64, less, before - after);
    }
}

void hazard_sync(hazard *on, uint32_t phone) {
    char line[HAZARD_TEXT_BYTES];
    hazard_pass(on, 1);
    satchel_device_info before = hazard_info(on, phone);
    satchel_status status = hazard_sync_silently(on, phone);
    satchel_device_info after = hazard_info(on, phone);
    (void)snprintf(line, sizeof line, "%s syncs", hazard_phone_name(on, phone));
    if (status != SATCHEL_OK) {
        (void)snprintf(line, sizeof line, "%s syncs, and is told: %s", hazard_phone_name(on, phone),
                       satchel_status_text(status, "en"));
    }
    add_change(line, sizeof line, before.units_unsent, after.units_unsent, "units more unsent", "units decided");
    add_change(line, sizeof line, before.rows, after.rows, "rows come", "rows go");
    add_change(line, sizeof line, before.conflicts_open, after.conflicts_open, "conflicts to decide",
               "conflicts settled");
    add_change(line, sizeof line, before.ops_refused, after.ops_refused, "refused or held", "no longer refused");
    add_change(line, sizeof line, before.ops_parked, after.ops_parked, "parked", "no longer parked");
    hazard_tell(on, "%s.", line);
    hazard_expect(on, status == SATCHEL_OK || status == SATCHEL_REVOKED, "that is no way for a sync to end.");
}

void hazard_settle(hazard *on) {
    bool quiet = false;
    hazard_pass(on, 1);
    for (uint32_t round = 0; round < ROUNDS_MOST && !quiet; round++) {
        quiet = round > 0;
        for (uint32_t i = 0; i < on->here->phone_count; i++) {
            if (on->here->phones[i].device != NULL) {
                satchel_status status = hazard_sync_silently(on, i);
                quiet = hazard_info(on, i).units_unsent == 0 && status == SATCHEL_OK && quiet;
            }
        }
    }
    hazard_tell(on, "Everybody syncs until nobody has anything left to send.");
    hazard_expect(on, quiet, "that does not come to an end.");
}
