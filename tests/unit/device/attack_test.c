/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shell may do at the wrong moment: locking while its HTTP is under way, answers that come too late.
 */
#include "unit/device/fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* The body is read by the shell's HTTP thread while another thread locks: it must still be there. */
TEST(device_attack, a_request_that_is_out_outlives_a_lock) {
    phone p;
    satchel_exchange *exchange;
    satchel_step step;
    uint64_t sum = 0;
    phone_ready(&p, 900);
    phone_rename(&p, "under way");
    REQUIRE_OK(satchel_exchange_open(&exchange, p.device, 0, &p.error));
    REQUIRE_OK(satchel_exchange_next(exchange, &step, &p.error));
    REQUIRE(step.kind == SATCHEL_STEP_SEND);
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    for (size_t i = 0; i < step.request.body.bytes; i++) {
        sum += step.request.body.data[i];
    }
    CHECK(sum > 0);
    CHECK_STATUS(satchel_exchange_feed(exchange, 200, step.request.body, 1, &p.error), SATCHEL_LOCKED);
    satchel_exchange_close(exchange);
    phone_deinit(&p);
}

/* --- one phone, three threads: one syncs, one locks, one writes --- */

#define ROUNDS 60

typedef struct crowd {
    phone p;
    atomic_uint commits;
    atomic_bool over;
    atomic_uint surprises;
} crowd;

static void note_status(crowd *c, satchel_status status) {
    bool usual =
        status == SATCHEL_OK || status == SATCHEL_LOCKED || status == SATCHEL_MISUSE || status == SATCHEL_CANCELLED;
    atomic_fetch_add(&c->surprises, usual ? 0 : 1);
}

static void one_exchange(crowd *c) {
    satchel_exchange *exchange;
    satchel_step step;
    satchel_buffer body = {0};
    satchel_status status = satchel_exchange_open(&exchange, c->p.device, 0, NULL);
    note_status(c, status);
    if (status != SATCHEL_OK) {
        return;
    }
    while ((status = satchel_exchange_next(exchange, &step, NULL)) == SATCHEL_OK && step.kind == SATCHEL_STEP_SEND) {
        uint32_t http = fake_server_answer(&c->p.server, &step.request, &body);
        status = satchel_exchange_feed(exchange, http, satchel_buffer_view(&body), 1, NULL);
        note_status(c, status);
        if (status != SATCHEL_OK) {
            break;
        }
    }
    note_status(c, status);
    satchel_buffer_deinit(&body);
    satchel_exchange_close(exchange);
}

static void *sync_often(void *context) {
    crowd *c = context;
    while (!atomic_load(&c->over)) {
        one_exchange(c);
    }
    return NULL;
}

static void *lock_often(void *context) {
    crowd *c = context;
    while (!atomic_load(&c->over)) {
        note_status(c, satchel_device_lock(c->p.device, NULL));
        note_status(c, satchel_device_unlock(c->p.device, NULL, NULL));
        sched_yield();
    }
    return NULL;
}

/* Edits the customer's short name; counts what was acknowledged. */
static void write_once(crowd *c, unsigned round) {
    uint8_t record[] = {SATCHEL_CUSTOMER_SHORT_NAME << 3 | 2, 3, (uint8_t)('a' + round % 26),
                        (uint8_t)('a' + round / 26), 'x'};
    satchel_write *write;
    satchel_status status = satchel_write_begin(&write, c->p.device, NULL);
    note_status(c, status);
    if (status != SATCHEL_OK) {
        sched_yield(); /* or all rounds pass while it is locked */
        return;
    }
    status = satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, satchel_bytes_of(record, sizeof record),
                                NULL, 0, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, NULL, NULL);
    }
    note_status(c, status);
    if (status == SATCHEL_OK) {
        atomic_fetch_add(&c->commits, 1);
    } else {
        satchel_write_abandon(write);
    }
}

/* Whatever the threads do to one another: each acknowledged edit reaches the server once. */
TEST(device_attack, locking_amid_sync_and_writes_loses_and_doubles_nothing) {
    crowd c = {.commits = 0};
    pthread_t syncs;
    pthread_t locks;
    phone_ready(&c.p, 901);
    uint32_t before = c.p.server.units_applied;
    REQUIRE(pthread_create(&syncs, NULL, sync_often, &c) == 0);
    REQUIRE(pthread_create(&locks, NULL, lock_often, &c) == 0);
    for (unsigned round = 0; atomic_load(&c.commits) < ROUNDS && round < 100 * ROUNDS; round++) {
        write_once(&c, round % 600);
    }
    atomic_store(&c.over, true);
    pthread_join(syncs, NULL);
    pthread_join(locks, NULL);
    REQUIRE_OK(satchel_device_unlock(c.p.device, NULL, &c.p.error));
    REQUIRE_OK(phone_sync(&c.p));
    CHECK_UINT(atomic_load(&c.surprises), 0);
    CHECK_UINT(phone_info(&c.p).units_unsent, 0);
    CHECK(atomic_load(&c.commits) > 0);
    CHECK_UINT(c.p.server.units_applied - before, atomic_load(&c.commits));
    phone_deinit(&c.p);
}
