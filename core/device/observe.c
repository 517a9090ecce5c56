/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Observers: registered under a mutex of their own, called with nothing held.
 *
 * A call in progress is a link on the stack of the calling thread, so closing can wait for the calls of other threads
 * and tell its own thread's calls apart. An observer that is closed within its own call is freed when that call
 * returns.
 */
#include "device/device.h"

#include "base/memory.h"

#include <string.h>

/* One call in progress; lives on the stack of the thread that makes it. */
typedef struct running_call {
    pthread_t thread;
    struct running_call *next;
} running_call;

struct satchel_observer {
    satchel_device *device;
    uint32_t entity;
    satchel_changed changed;
    void *context;
    running_call *calls;
    bool closed;
    bool orphan; /* nobody waits for it: its last call removes it */
    struct satchel_observer *next;
};

satchel_status satchel_observers_init(satchel_observers *observers) {
    memset(observers, 0, sizeof *observers);
    if (pthread_mutex_init(&observers->mutex, NULL) != 0) {
        return SATCHEL_NO_MEMORY;
    }
    if (pthread_cond_init(&observers->quiet, NULL) != 0) {
        pthread_mutex_destroy(&observers->mutex);
        return SATCHEL_NO_MEMORY;
    }
    return SATCHEL_OK;
}

void satchel_observers_deinit(satchel_observers *observers) {
    pthread_cond_destroy(&observers->quiet);
    pthread_mutex_destroy(&observers->mutex);
}

satchel_status satchel_observer_open(satchel_observer **out, satchel_device *device, uint32_t entity,
                                     satchel_changed changed, void *context) {
    *out = NULL;
    satchel_schema schema = {&satchel_generated_model, NULL, 0};
    if (entity != 0 && satchel_schema_entity(&schema, entity) == NULL) {
        return SATCHEL_UNKNOWN_ENTITY;
    }
    satchel_observer *observer = satchel_memory_take(sizeof *observer);
    if (observer == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    observer->device = device;
    observer->entity = entity;
    observer->changed = changed;
    observer->context = context;
    pthread_mutex_lock(&device->observers.mutex);
    observer->next = device->observers.first;
    device->observers.first = observer;
    pthread_mutex_unlock(&device->observers.mutex);
    *out = observer;
    return SATCHEL_OK;
}

static bool called_elsewhere(const satchel_observer *observer, pthread_t self) {
    for (const running_call *call = observer->calls; call != NULL; call = call->next) {
        if (!pthread_equal(call->thread, self)) {
            return true;
        }
    }
    return false;
}

/* Takes it out of the list and frees it; nobody calls it any more. The mutex is held. */
static void remove_observer(satchel_observers *observers, satchel_observer *observer) {
    for (satchel_observer **link = &observers->first; *link != NULL; link = &(*link)->next) {
        if (*link == observer) {
            *link = observer->next;
            break;
        }
    }
    satchel_memory_give(observer);
}

void satchel_observer_close(satchel_observer *observer) {
    if (observer == NULL) {
        return;
    }
    satchel_observers *observers = &observer->device->observers;
    pthread_t self = pthread_self();
    pthread_mutex_lock(&observers->mutex);
    observer->closed = true;
    while (called_elsewhere(observer, self)) {
        pthread_cond_wait(&observers->quiet, &observers->mutex);
    }
    if (observer->calls == NULL) {
        remove_observer(observers, observer);
    } else {
        observer->orphan = true; /* closed within its own call, which removes it at its end */
    }
    pthread_mutex_unlock(&observers->mutex);
}

static void end_call(satchel_observer *observer, const running_call *call) {
    for (running_call **link = &observer->calls; *link != NULL; link = &(*link)->next) {
        if (*link == call) {
            *link = call->next;
            return;
        }
    }
}

/*
 * Calls one observer for each entity that concerns it, and gives the next one of the list. The mutex is held before and
 * after, not while the observer runs; one that is being called stays in the list, so its `next` can be followed.
 */
static satchel_observer *call_one(satchel_observers *observers, satchel_observer *observer,
                                  const satchel_changed_set *changed) {
    running_call call = {pthread_self(), observer->calls};
    observer->calls = &call; /* cppcheck-suppress autoVariables ; end_call takes it out again */
    for (uint32_t entity = 1; entity < SATCHEL_CHANGED_BYTES * 8 && !observer->closed; entity++) {
        bool wanted = observer->entity == 0 || observer->entity == entity;
        if (wanted && satchel_changed_has(changed, entity)) {
            pthread_mutex_unlock(&observers->mutex);
            observer->changed(observer->context, entity);
            pthread_mutex_lock(&observers->mutex);
        }
    }
    end_call(observer, &call);
    satchel_observer *next = observer->next;
    if (observer->orphan && observer->calls == NULL) {
        remove_observer(observers, observer);
    }
    pthread_cond_broadcast(&observers->quiet);
    return next;
}

void satchel_observers_tell(satchel_observers *observers, const satchel_changed_set *changed) {
    pthread_mutex_lock(&observers->mutex);
    for (satchel_observer *observer = observers->first; observer != NULL;) {
        observer = call_one(observers, observer, changed);
    }
    pthread_mutex_unlock(&observers->mutex);
}
