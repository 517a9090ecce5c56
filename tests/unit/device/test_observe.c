/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observers and threads.
 */
#include "unit/device/fixture.h"

#include <pthread.h>
#include <string.h>

typedef struct watch {
    phone *p;
    satchel_observer *observer;
    unsigned calls;
    uint32_t last_entity;
    bool close_within;
    uint64_t unsent_seen;
} watch;

static void on_change(void *context, uint32_t entity) {
    watch *w = context;
    w->calls++;
    w->last_entity = entity;
    w->unsent_seen = phone_info(w->p).units_unsent; /* the store is free */
    if (w->close_within) {
        satchel_observer_close(w->observer);
    }
}

TEST(observe, a_commit_and_a_sync_tell_the_entities_that_changed) {
    phone p;
    watch customers = {.p = &p};
    watch visits = {.p = &p};
    phone_ready(&p, 80);
    REQUIRE_OK(satchel_observer_open(&customers.observer, p.device, SATCHEL_ENTITY_CUSTOMER, on_change, &customers));
    REQUIRE_OK(satchel_observer_open(&visits.observer, p.device, SATCHEL_ENTITY_VISIT, on_change, &visits));
    phone_rename(&p, "HN");
    CHECK_UINT(customers.calls, 1);
    CHECK_UINT(customers.unsent_seen, 1);
    CHECK_UINT(customers.last_entity, SATCHEL_ENTITY_CUSTOMER);
    CHECK_UINT(visits.calls, 0);
    fake_server_stock(&p.server, "Huaning Market 2");
    REQUIRE_OK(phone_sync(&p));
    CHECK(customers.calls >= 2);
    CHECK_UINT(visits.calls, 0);
    satchel_observer_close(customers.observer);
    satchel_observer_close(visits.observer);
    unsigned before = customers.calls;
    phone_rename(&p, "HN 2");
    CHECK_UINT(customers.calls, before);
    phone_deinit(&p);
}

TEST(observe, one_for_all_entities_is_told_of_each) {
    phone p;
    watch all = {.p = &p};
    satchel_id order = {{0}};
    satchel_id line = {{0}};
    phone_ready(&p, 81);
    REQUIRE_OK(satchel_observer_open(&all.observer, p.device, 0, on_change, &all));
    REQUIRE_OK(satchel_order_new(p.device, &fake_customer, NULL, satchel_text_of("CNY"), satchel_text_of(""), &order,
                                 &p.error));
    CHECK_UINT(all.calls, 1);
    REQUIRE_OK(satchel_order_add(p.device, &order, &fake_product, 1000, -1, 0, &line, &p.error));
    CHECK_UINT(all.calls, 3); /* the order and its line */
    satchel_observer_close(all.observer);
    phone_deinit(&p);
}

TEST(observe, may_be_closed_within_its_own_call) {
    phone p;
    watch w = {.p = &p, .close_within = true};
    phone_ready(&p, 82);
    REQUIRE_OK(satchel_observer_open(&w.observer, p.device, 0, on_change, &w));
    phone_rename(&p, "one");
    phone_rename(&p, "two");
    CHECK_UINT(w.calls, 1);
    phone_deinit(&p);
}

TEST(observe, entities_must_be_known) {
    phone p;
    satchel_observer *observer;
    phone_ready(&p, 83);
    CHECK_STATUS(satchel_observer_open(&observer, p.device, 250, on_change, &p), SATCHEL_UNKNOWN_ENTITY);
    CHECK(observer == NULL);
    satchel_observer_close(NULL);
    phone_deinit(&p);
}

/* --- closing waits for a call that another thread is in --- */

typedef struct gate {
    phone *p;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool entered, may_leave, left, closing;
    satchel_observer *observer;
} gate;

static void wait_in_call(void *context, uint32_t entity) {
    gate *g = context;
    (void)entity;
    pthread_mutex_lock(&g->mutex);
    g->entered = true;
    pthread_cond_broadcast(&g->changed);
    while (!g->may_leave) {
        pthread_cond_wait(&g->changed, &g->mutex);
    }
    g->left = true;
    pthread_mutex_unlock(&g->mutex);
}

static void *rename_in_thread(void *context) {
    gate *g = context;
    phone_rename(g->p, "from a thread");
    return NULL;
}

static void *let_go(void *context) {
    gate *g = context;
    pthread_mutex_lock(&g->mutex);
    while (!g->closing) {
        pthread_cond_wait(&g->changed, &g->mutex);
    }
    g->may_leave = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
    return NULL;
}

TEST(observe, closing_waits_for_a_call_of_another_thread) {
    phone p;
    gate g = {.p = &p};
    pthread_t writer;
    pthread_t opener;
    phone_ready(&p, 84);
    pthread_mutex_init(&g.mutex, NULL);
    pthread_cond_init(&g.changed, NULL);
    REQUIRE_OK(satchel_observer_open(&g.observer, p.device, SATCHEL_ENTITY_CUSTOMER, wait_in_call, &g));
    REQUIRE(pthread_create(&writer, NULL, rename_in_thread, &g) == 0);
    REQUIRE(pthread_create(&opener, NULL, let_go, &g) == 0);
    pthread_mutex_lock(&g.mutex);
    while (!g.entered) {
        pthread_cond_wait(&g.changed, &g.mutex);
    }
    g.closing = true;
    pthread_cond_broadcast(&g.changed);
    pthread_mutex_unlock(&g.mutex);
    satchel_observer_close(g.observer);
    CHECK(g.left);
    pthread_join(writer, NULL);
    pthread_join(opener, NULL);
    pthread_cond_destroy(&g.changed);
    pthread_mutex_destroy(&g.mutex);
    phone_deinit(&p);
}

/* --- two threads on one device --- */

#define THREAD_EDITS 40

typedef struct thread_work {
    phone *p;
    unsigned failures;
} thread_work;

static void *add_tasks(void *context) {
    thread_work *work = context;
    for (unsigned i = 0; i < THREAD_EDITS; i++) {
        satchel_id id = {{0}};
        satchel_error error;
        if (satchel_task_add(work->p->device, satchel_text_of("call back"), &fake_customer, NULL, 0, &id, &error) !=
            SATCHEL_OK) {
            work->failures++;
        }
    }
    return NULL;
}

TEST(observe, two_threads_write_while_a_third_reads) {
    phone p;
    pthread_t writers[2];
    thread_work work[2] = {{.p = &p}, {.p = &p}};
    satchel_query *query;
    uint64_t count = 0;
    phone_ready(&p, 85);
    REQUIRE_OK(satchel_query_open(&query, SATCHEL_ENTITY_TASK));
    for (int i = 0; i < 2; i++) {
        REQUIRE(pthread_create(&writers[i], NULL, add_tasks, &work[i]) == 0);
    }
    for (uint64_t last = 0; last < 2 * THREAD_EDITS && CHECK_OK(satchel_count(p.device, query, &count, &p.error));
         last = count) {
        CHECK(count >= last);
        if (work[0].failures + work[1].failures > 0) {
            break;
        }
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(writers[i], NULL);
        CHECK_UINT(work[i].failures, 0);
    }
    REQUIRE_OK(phone_sync(&p));
    CHECK_UINT(p.server.units_applied, 2 * THREAD_EDITS);
    satchel_query_close(query);
    phone_deinit(&p);
}
