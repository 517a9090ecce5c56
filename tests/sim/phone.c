/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated phone: a device on a disk that can lose power, a clock that is wrong, a network that does harm.
 *
 * The device asks for its file verbs and for SQLite's default VFS when it opens; both are those of the phone that is
 * being opened. It looks at its folder with its own eyes, so two empty files with the right names lie there.
 */
#include "base/text.h"
#include "sim/sim.h"
#include "store/store_state.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define SYNC_STEPS_MOST 400
#define CLOCK_JUMP_MS_MOST (INT64_C(10) * 365 * 86400000)

/* Whose disk is opened now; the simulator is one thread. */
static const satchel_vault_files *files_now;

/* In place of the vault's own, which are the system's. */
const satchel_vault_files *satchel_vault_files_posix(void) {
    return files_now;
}

/* --- the platform --- */

static satchel_status keystore_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    const sim_phone *phone = context;
    memset(out, 0x40 + (int)phone->index, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

static void phone_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                      uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    const sim_phone *phone = context;
    *wall_ms = phone->sim->now_ms + phone->wall_offset_ms;
    *monotonic_ms = phone->sim->now_ms - phone->boot_ms;
    memset(boot_tag, 0, SATCHEL_BOOT_TAG_BYTES);
    boot_tag[0] = (uint8_t)phone->boots;
    boot_tag[1] = (uint8_t)(phone->boots >> 8);
    boot_tag[2] = 1;
}

static satchel_status phone_random(void *context, uint8_t *out, size_t bytes) {
    sim_phone *phone = context;
    satchel_random_seeded kept = phone->seeded;
    satchel_random random = sim_random_of(&phone->seeded, phone->sim->seed * 64 + phone->index + 2);
    phone->seeded.calls = kept.calls;
    return satchel_random_fill(random, out, bytes);
}

static satchel_device_config config_of(sim_phone *phone) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    config.folder = phone->temp.path;
    config.keys.context = phone;
    config.keys.secret = keystore_secret;
    config.platform = (satchel_platform){phone, phone_now, phone_random};
    return config;
}

/* Whatever opens files now opens them on this phone's disk. */
static void take_the_floor(sim_phone *phone) {
    files_now = test_disk_files(phone->disk);
    sqlite3_vfs_register(test_disk_vfs(phone->disk), 1);
}

static void leave_the_floor(sim_phone *phone) {
    sqlite3_vfs_unregister(test_disk_vfs(phone->disk));
}

static satchel_status open_device(sim_phone *phone, satchel_error *error) {
    satchel_device_config config = config_of(phone);
    take_the_floor(phone);
    satchel_status status = satchel_device_open(&phone->device, &config, error);
    leave_the_floor(phone);
    return status;
}

/* --- life --- */

static bool put_names(const sim_phone *phone) {
    static const char *const names[] = {"store.db", "keys.a"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[TEST_PATH_BYTES];
        FILE *file = fopen(test_temp_path(&phone->temp, names[i], path), "w");
        if (file == NULL || fclose(file) != 0) {
            return false;
        }
    }
    return true;
}

static bool enrol(sim_phone *phone) {
    satchel_enrolment *enrolment = NULL;
    satchel_http_request request;
    satchel_buffer link = {NULL, 0, 0};
    satchel_buffer reply = {NULL, 0, 0};
    satchel_error error;
    char name[16];
    (void)snprintf(name, sizeof name, "phone %u", (unsigned)phone->index);
    bool fine = sim_office_link(phone->sim, &phone->user, &link) &&
                satchel_enrolment_open(&enrolment, phone->device, satchel_text_from(satchel_buffer_view(&link)),
                                       satchel_text_of(name), satchel_text_of("sim"), &error) == SATCHEL_OK &&
                satchel_enrolment_request(enrolment, &request, &error) == SATCHEL_OK;
    if (fine) {
        uint32_t http_status = sim_office_enroll(phone->sim, request.body, &reply);
        fine = satchel_enrolment_feed(enrolment, http_status, satchel_buffer_view(&reply), &error) == SATCHEL_OK;
    }
    satchel_enrolment_close(enrolment);
    satchel_buffer_deinit(&link);
    satchel_buffer_deinit(&reply);
    return fine;
}

bool sim_phone_make(sim *here, uint32_t index, const satchel_id *user) {
    sim_phone *phone = &here->phones[index];
    satchel_id whose = *user;
    memset(phone, 0, sizeof *phone);
    phone->sim = here;
    phone->index = index;
    phone->user = whose;
    phone->boot_ms = here->now_ms - 1000;
    phone->temp = test_temp_make();
    phone->disk = test_disk_make();
    satchel_device_config config = config_of(phone);
    take_the_floor(phone);
    satchel_status status = satchel_device_create(&phone->device, &config, NULL);
    leave_the_floor(phone);
    return status == SATCHEL_OK && put_names(phone) && enrol(phone) && sim_phone_sync(phone);
}

static void end_exchange(sim_phone *phone) {
    satchel_exchange_close(phone->exchange);
    phone->exchange = NULL;
}

void sim_phone_close(sim_phone *phone) {
    end_exchange(phone);
    satchel_device_close(phone->device);
    phone->device = NULL;
    test_disk_free(phone->disk);
    test_disk_free(phone->copy);
    phone->disk = NULL;
    phone->copy = NULL;
    if (phone->sim != NULL) {
        test_temp_remove(&phone->temp);
    }
}

/* The disk is exchanged below a phone that lost its power, and it is switched on again. */
static void start_from(sim_phone *phone, test_disk *disk, const char *what) {
    sim *here = phone->sim;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    end_exchange(phone);
    satchel_device_close(phone->device);
    phone->device = NULL;
    test_disk_free(phone->disk);
    phone->disk = disk;
    phone->boots++;
    phone->boot_ms = here->now_ms - (int64_t)test_random_below(&here->random, 60000);
    satchel_status status = open_device(phone, &error);
    if (status != SATCHEL_OK) {
        sim_violation(here, "phone %u does not open after %s: %s (%s)", (unsigned)phone->index, what,
                      satchel_status_name(status), error.detail);
    }
}

/* Whatever was committed is there after a crash. */
static void check_commits(sim_phone *phone) {
    if (phone->device == NULL || phone->committed == 0) {
        return;
    }
    uint64_t last = phone->device->store->next_sequence - 1;
    if (last < phone->committed) {
        sim_violation(phone->sim, "phone %u lost commits: %llu of %llu are there", (unsigned)phone->index,
                      (unsigned long long)last, (unsigned long long)phone->committed);
    }
}

static void crash(sim_phone *phone) {
    sim *here = phone->sim;
    test_survival survival = (test_survival)test_random_below(&here->random, TEST_SURVIVAL_COUNT);
    uint64_t seed = test_random_u64(&here->random);
    sim_count(here, phone->exchange != NULL ? SIM_CRASHES_IN_SYNC : SIM_CRASHES);
    if (phone->exchange != NULL) {
        sim_count(here, SIM_CRASHES);
    }
    sim_tell(here, "phone %u loses its power%s", (unsigned)phone->index, phone->exchange != NULL ? " amid a sync" : "");
    start_from(phone, test_disk_after_power_loss(phone->disk, survival, seed), "a loss of power");
    check_commits(phone);
}

static void make_copy(sim_phone *phone) {
    sim *here = phone->sim;
    test_disk_free(phone->copy);
    phone->copy = test_disk_after_power_loss(phone->disk, TEST_SURVIVES_ALL, 1);
    phone->copy_edits = here->edit_count;
    sim_tell(here, "somebody copies phone %u", (unsigned)phone->index);
}

void sim_phone_restore(sim_phone *phone) {
    sim *here = phone->sim;
    test_disk *disk = test_disk_after_power_loss(phone->copy, TEST_SURVIVES_ALL, 1);
    sim_count(here, SIM_RESTORES);
    sim_tell(here, "phone %u is restored from its copy", (unsigned)phone->index);
    for (uint32_t i = phone->copy_edits; i < here->edit_count; i++) {
        here->edits[i].may_be_gone = here->edits[i].may_be_gone || here->edits[i].phone == (int32_t)phone->index;
    }
    phone->committed = 0;
    start_from(phone, disk, "a restore");
}

/* --- the network --- */

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

static void take_mail(sim_mail *mail, const sim_phone *phone, const satchel_http_request *request) {
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
            take_mail(&here->mail[i], phone, request);
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

typedef enum harm {
    HARM_NONE,
    HARM_REQUEST_LOST,
    HARM_REPLY_LOST,
    HARM_REPLY_CUT,
    HARM_PORTAL,
    HARM_REQUEST_SPOILT,
    HARM_DUPLICATE,
    HARM_LATE,
    HARM_COUNT
} harm;

static harm harm_of_chance(sim *here) {
    return here->calm || test_random_chance(&here->random, 60)
               ? HARM_NONE
               : (harm)(1 + test_random_below(&here->random, HARM_COUNT - 1));
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
    take_mail(&mail, phone, request);
    bool arrived = false;
    if (what == HARM_REQUEST_LOST) {
        sim_count(here, SIM_REQUESTS_LOST);
    } else if (what == HARM_LATE) {
        hold_up(phone, request);
    } else {
        arrived = carry(phone, &mail, what, &reply, &http_status);
    }
    here->now_ms += 20;
    sim_tell(here, "phone %u asks: harm %d, answer %u of %zu bytes", (unsigned)phone->index, (int)what,
             arrived ? (unsigned)http_status : 0, arrived ? reply.bytes : 0);
    satchel_status status =
        arrived ? satchel_exchange_feed(phone->exchange, http_status, satchel_buffer_view(&reply), 20, NULL)
                : satchel_exchange_fail(phone->exchange, NULL);
    satchel_buffer_deinit(&reply);
    satchel_buffer_deinit(&mail.body);
    return status;
}

/* --- sync --- */

/* One step of the running exchange, which is begun if there is none. Gives whether it has ended. */
static bool exchange_step(sim_phone *phone, satchel_status *out) {
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
    sim_tell(phone->sim, "phone %u ends its sync: %s", (unsigned)phone->index, satchel_status_name(*out));
    end_exchange(phone);
    return true;
}

bool sim_phone_sync(sim_phone *phone) {
    satchel_status status = SATCHEL_OK;
    satchel_device_info info;
    bool calm = phone->sim->calm;
    phone->sim->calm = true;
    bool ended = false;
    for (uint32_t steps = 0; steps < SYNC_STEPS_MOST && !ended; steps++) {
        ended = exchange_step(phone, &status);
    }
    phone->sim->calm = calm;
    end_exchange(phone);
    if (!ended || status != SATCHEL_OK || satchel_device_get_info(phone->device, &info, NULL) != SATCHEL_OK) {
        return false;
    }
    return info.units_unsent == 0;
}

/* --- what happens to a phone --- */

static void jump_clock(sim_phone *phone) {
    sim *here = phone->sim;
    int64_t most = test_random_chance(&here->random, 30) ? CLOCK_JUMP_MS_MOST : 7200000;
    phone->wall_offset_ms = (int64_t)test_random_below(&here->random, (uint64_t)(2 * most)) - most;
    sim_count(here, SIM_CLOCK_JUMPS);
    sim_tell(here, "the clock of phone %u is wrong by %lld s", (unsigned)phone->index,
             (long long)(phone->wall_offset_ms / 1000));
}

static void reboot(sim_phone *phone) {
    sim_count(phone->sim, SIM_REBOOTS);
    sim_tell(phone->sim, "phone %u is switched off and on", (unsigned)phone->index);
    start_from(phone, test_disk_after_power_loss(phone->disk, TEST_SURVIVES_ALL, 1), "a restart");
    check_commits(phone);
}

static void lock_and_unlock(sim_phone *phone) {
    sim *here = phone->sim;
    take_the_floor(phone);
    satchel_status status = satchel_device_lock(phone->device, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_device_unlock(phone->device, NULL, NULL);
    }
    leave_the_floor(phone);
    sim_count(here, SIM_LOCKS);
    sim_tell(here, "phone %u is locked and unlocked: %s", (unsigned)phone->index, satchel_status_name(status));
    if (status != SATCHEL_OK) {
        sim_violation(here, "phone %u does not unlock: %s", (unsigned)phone->index, satchel_status_name(status));
    }
    end_exchange(phone);
}

void sim_phone_act(sim_phone *phone) {
    sim *here = phone->sim;
    uint64_t what = test_random_below(&here->random, 1000);
    satchel_status status;
    if (phone->device == NULL) {
        return; /* it did not open: that is a violation already */
    }
    if (what < 400) {
        sim_phone_write(phone);
    } else if (what < 900) {
        (void)exchange_step(phone, &status);
    } else if (what < 930) {
        crash(phone);
    } else if (what < 945) {
        jump_clock(phone);
    } else if (what < 955) {
        reboot(phone);
    } else if (what < 970) {
        lock_and_unlock(phone);
    } else if (what < 985) {
        make_copy(phone);
    } else if (phone->copy != NULL) {
        sim_phone_restore(phone);
    }
}
