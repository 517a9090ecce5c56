/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network between phones and the server, and a sync over it. Requests and answers are lost, cut, doubled, spoilt,
 * held up, or answered by somebody else. What an answer says is looked through for what its reader may not know.
 */
#include "base/ids.h"
#include "base/text.h"
#include "sim/sim.h"
#include "store/store_state.h"
#include "wire/body.h"

#include <satchel/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_STEPS_MOST 400
#define ELAPSED_MS_MOST 30000
#define CUT_STEPS_MOST 120

static void take_header(sim_mail *mail, const satchel_http_header *header) {
    const struct {
        const char *name;
        char *out;
        size_t bytes;
    } wanted[] = {{"Content-Digest", mail->digest, sizeof mail->digest},
                  {"Satchel-Request", mail->number, sizeof mail->number},
                  {"Signature-Input", mail->input, sizeof mail->input},
                  {"Signature", mail->signature, sizeof mail->signature}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        if (strcmp(header->name, wanted[i].name) == 0) {
            (void)snprintf(wanted[i].out, wanted[i].bytes, "%s", header->value);
        }
    }
}

void sim_mail_take(sim_mail *mail, const sim_phone *phone, const satchel_http_request *request) {
    mail->used = true;
    mail->phone = phone->index;
    satchel_buffer_clear(&mail->body);
    if (satchel_buffer_append(&mail->body, request->body) != SATCHEL_OK) {
        mail->used = false;
    }
    for (uint32_t i = 0; i < request->header_count; i++) {
        take_header(mail, &request->headers[i]);
    }
}

void sim_mail_deliver_due(sim *here) {
    satchel_buffer reply = {NULL, 0, 0};
    for (uint32_t i = 0; i < SIM_MAIL_MOST; i++) {
        if (here->mail[i].used && here->mail[i].due_step <= here->step) {
            here->mail[i].used = false;
            sim_tell(here, "a request of phone %u arrives late", (unsigned)here->mail[i].phone);
            (void)sim_office_serve(here, &here->mail[i], &reply);
        }
    }
    satchel_buffer_deinit(&reply);
}

/* A copy of the request stays in the network for a while. */
static void hold_up(sim_phone *phone, const satchel_http_request *request) {
    sim *here = phone->sim;
    for (uint32_t i = 0; i < SIM_MAIL_MOST; i++) {
        if (!here->mail[i].used) {
            sim_mail_take(&here->mail[i], phone, request);
            here->mail[i].due_step = here->step + 1 + (uint32_t)test_random_below(&here->random, 60);
            sim_count(here, SIM_LATE_REQUESTS);
            sim_tell(here, "a request of phone %u is held up", (unsigned)phone->index);
            return;
        }
    }
}

static void spoil(sim *here, satchel_buffer *bytes) {
    if (bytes->bytes > 0) {
        bytes->data[test_random_below(&here->random, bytes->bytes)] ^=
            (uint8_t)(1u << test_random_below(&here->random, 8));
    }
}

/* --- what an answer tells --- */

static bool is_person(const sim *here, int32_t phone, const satchel_id *user) {
    return phone >= 0 && satchel_id_equal(&here->phones[phone].user, user);
}

static bool is_among(const sim *here, uint32_t people, const satchel_id *user) {
    bool among = false;
    for (uint32_t i = 0; !among && i < here->people; i++) {
        among = (people >> i & 1) != 0 && is_person(here, (int32_t)i, user);
    }
    return among;
}

static bool is_at(const sim_edit *edit, const satchel_id *customer) {
    return satchel_id_equal(&edit->row, customer) || satchel_id_equal(&edit->parent, customer);
}

/* What was merged into another customer is shown to whoever sees that one. */
static uint32_t known_over_merges(const sim *here, uint32_t customer) {
    uint32_t known = here->knows[customer];
    while (here->merged_into[customer] != 0) {
        customer = here->merged_into[customer] - 1;
        known |= here->knows[customer];
    }
    return known;
}

/* Whoever owned the customer, or wrote into it, could read what is there. */
bool sim_is_known_to(const sim *here, const sim_phone *reader, const sim_edit *edit) {
    if (sim_is_secret(edit)) {
        return false;
    }
    uint32_t known = sim_is_commercial(edit) ? 0 : here->saw_all;
    bool may = satchel_id_equal(&reader->user, &here->manager);
    for (uint32_t i = 0; !may && i < here->customer_count; i++) {
        known |= is_at(edit, &here->customers[i]) ? known_over_merges(here, i) : 0;
    }
    may = may || is_among(here, known, &reader->user);
    for (uint32_t i = 0; !may && i < here->edit_count; i++) {
        may = is_at(edit, &here->edits[i].row) && (is_person(here, here->edits[i].phone, &reader->user) ||
                                                   is_among(here, here->edits[i].readers, &reader->user));
    }
    return may;
}

/* A value, "v0123-4", begins here: the number of its edit; -1: none does. */
int32_t sim_value_at(const uint8_t *at, size_t bytes) {
    int32_t number = 0;
    if (bytes < 7 || at[0] != 'v' || at[5] != '-') {
        return -1;
    }
    for (int i = 1; i < 5; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return -1;
        }
        number = number * 10 + (at[i] - '0');
    }
    return number;
}

/* Nothing of a customer that this user never could read is in what he is sent. */
void sim_answer_read(sim_phone *reader, const satchel_buffer *answer) {
    sim *here = reader->sim;
    satchel_buffer payload = {NULL, 0, 0};
    if (satchel_body_unpack(satchel_buffer_view(answer), &payload, NULL) == SATCHEL_OK) {
        sim_count(here, SIM_ANSWERS_READ);
        for (size_t i = 0; i < payload.bytes; i++) {
            int32_t number = sim_value_at(payload.data + i, payload.bytes - i);
            if (number >= 0 && (uint32_t)number < here->edit_count &&
                !sim_is_known_to(here, reader, &here->edits[number])) {
                sim_violation(here, "phone %u is told %s, which its user never could read", (unsigned)reader->index,
                              here->edits[number].value);
            }
        }
    }
    satchel_buffer_deinit(&payload);
}

/* --- harm --- */

typedef enum harm {
    HARM_NONE,
    HARM_REQUEST_LOST,
    HARM_REPLY_LOST,
    HARM_REPLY_CUT,
    HARM_PORTAL,
    HARM_REQUEST_SPOILT,
    HARM_DUPLICATE,
    HARM_LATE,
    HARM_PARTITION,
    HARM_COUNT
} harm;

/* What has not happened yet comes first. */
static harm harm_of_chance(sim *here) {
    static const sim_counter counters[HARM_COUNT] = {[HARM_REQUEST_LOST] = SIM_REQUESTS_LOST,
                                                     [HARM_REPLY_LOST] = SIM_REPLIES_LOST,
                                                     [HARM_REPLY_CUT] = SIM_REPLIES_CUT,
                                                     [HARM_PORTAL] = SIM_PORTALS,
                                                     [HARM_REQUEST_SPOILT] = SIM_REQUESTS_SPOILT,
                                                     [HARM_DUPLICATE] = SIM_DUPLICATES,
                                                     [HARM_LATE] = SIM_LATE_REQUESTS,
                                                     [HARM_PARTITION] = SIM_PARTITIONS};
    if (here->calm || test_random_chance(&here->random, 60)) {
        return HARM_NONE;
    }
    uint64_t drawn = test_random_below(&here->random, HARM_COUNT - 1);
    bool lacking = test_random_chance(&here->random, 50);
    for (uint32_t i = 1; lacking && i < HARM_COUNT; i++) {
        drawn = sim_lacks(here, counters[i]) ? i - 1 : drawn;
    }
    return sim_may(here, SIM_TROUBLE_NETWORK) ? (harm)(1 + drawn) : HARM_NONE;
}

static const char portal[] = "<!DOCTYPE html><html><body>Welcome! Please accept our terms.</body></html>";

/* What the phone gets to see of the reply. false: nothing. */
static bool carry(sim_phone *phone, sim_mail *mail, harm what, satchel_buffer *reply, uint32_t *http_status) {
    sim *here = phone->sim;
    switch (what) {
    case HARM_REQUEST_SPOILT:
        sim_count(here, SIM_REQUESTS_SPOILT);
        spoil(here, &mail->body);
        break;
    case HARM_DUPLICATE:
        sim_count(here, SIM_DUPLICATES);
        (void)sim_office_serve(here, mail, reply);
        break;
    default: break;
    }
    *http_status = sim_office_serve(here, mail, reply);
    sim_answer_read(phone, reply);
    switch (what) {
    case HARM_REPLY_LOST: sim_count(here, SIM_REPLIES_LOST); return false;
    case HARM_REPLY_CUT:
        sim_count(here, SIM_REPLIES_CUT);
        reply->bytes = (size_t)test_random_below(&here->random, reply->bytes + 1);
        break;
    case HARM_PORTAL:
        /* The network of a hotel answers in the server's place. Flipped bits are the business of TLS. */
        sim_count(here, SIM_PORTALS);
        satchel_buffer_clear(reply);
        if (satchel_buffer_append(reply, satchel_text_bytes(satchel_text_of(portal))) != SATCHEL_OK) {
            return false;
        }
        break;
    default: break;
    }
    return true;
}

static satchel_status send_and_feed(sim_phone *phone, const satchel_http_request *request) {
    sim *here = phone->sim;
    satchel_buffer reply = {NULL, 0, 0};
    sim_mail mail;
    uint32_t http_status = 0;
    harm what = harm_of_chance(here);
    memset(&mail, 0, sizeof mail);
    sim_mail_take(&mail, phone, request);
    bool arrived = false;
    if (!here->calm && here->step < phone->cut_until_step) {
        what = HARM_PARTITION; /* still */
    } else if (what == HARM_PARTITION) {
        sim_count(here, SIM_PARTITIONS);
        phone->cut_until_step = here->step + 1 + (uint32_t)test_random_below(&here->random, CUT_STEPS_MOST);
    } else if (what == HARM_REQUEST_LOST) {
        sim_count(here, SIM_REQUESTS_LOST);
    } else if (what == HARM_LATE) {
        hold_up(phone, request);
    } else {
        arrived = carry(phone, &mail, what, &reply, &http_status);
    }
    /* How long it takes sets how large the next page may be. */
    int64_t elapsed_ms =
        5 + (int64_t)test_random_below(&here->random, test_random_chance(&here->random, 50) ? 100 : ELAPSED_MS_MOST);
    here->now_ms += elapsed_ms;
    sim_tell(here, "phone %u asks: harm %d, answer %u of %zu bytes", (unsigned)phone->index, (int)what,
             arrived ? (unsigned)http_status : 0, arrived ? reply.bytes : 0);
    satchel_status status =
        arrived ? satchel_exchange_feed(phone->exchange, http_status, satchel_buffer_view(&reply), elapsed_ms, NULL)
                : satchel_exchange_fail(phone->exchange, NULL);
    satchel_buffer_deinit(&reply);
    satchel_buffer_deinit(&mail.body);
    return status;
}

/* --- sync --- */

/* Two live copies take turns: one may be told twice in an exchange that the other was the last. So may one be whose
 * server is put back in mid-exchange, to before the life that the exchange began with. */
static bool may_fork_twice(const sim_phone *phone) {
    const sim *here = phone->sim;
    uint32_t copies = 0;
    for (uint32_t i = 0; i < here->phone_count; i++) {
        copies += here->phones[i].original == phone->original ? 1 : 0;
    }
    return copies > 1 || here->counters[SIM_SERVERS_PUT_BACK] > 0;
}

/* One step of the running exchange, which is begun if there is none. Gives whether it has ended. */
bool sim_phone_step(sim_phone *phone, satchel_status *out) {
    satchel_step step;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    memset(&step, 0, sizeof step);
    *out = SATCHEL_OK;
    if (phone->exchange == NULL) {
        *out = satchel_exchange_open(&phone->exchange, phone->device, 0, &error);
    }
    if (*out == SATCHEL_OK) {
        *out = satchel_exchange_next(phone->exchange, &step, &error);
    }
    if (*out == SATCHEL_OK && step.kind == SATCHEL_STEP_SEND) {
        *out = send_and_feed(phone, &step.request);
        return false;
    }
    if (*out == SATCHEL_OK && step.kind == SATCHEL_STEP_WAIT) {
        phone->sim->now_ms += phone->sim->calm ? step.wait_ms : 0;
        if (phone->sim->calm) {
            return false;
        }
        *out = step.status;
    } else if (*out == SATCHEL_OK) {
        *out = step.status;
    }
    if (*out != SATCHEL_OK && satchel_status_class_of(*out) == SATCHEL_CLASS_DAMAGE &&
        !sim_phone_may_fail(phone, *out) && !(*out == SATCHEL_FORKED && may_fork_twice(phone))) {
        sim_violation(phone->sim, "phone %u cannot sync: %s", (unsigned)phone->index, satchel_status_name(*out));
    }
    sim_tell(phone->sim, "phone %u ends its sync: %s", (unsigned)phone->index, satchel_status_name(*out));
    sim_phone_end_exchange(phone);
    return true;
}

bool sim_phone_sync(sim_phone *phone) {
    satchel_status status = SATCHEL_OK;
    bool calm = phone->sim->calm;
    phone->sim->calm = true;
    bool ended = false;
    for (uint32_t steps = 0; steps < SYNC_STEPS_MOST && !ended; steps++) {
        ended = sim_phone_step(phone, &status);
    }
    phone->sim->calm = calm;
    sim_phone_end_exchange(phone);
    return ended && status == SATCHEL_OK && phone->device->store->units_waiting == 0;
}
