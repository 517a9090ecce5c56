/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satchel.Device: opening, locking, how things stand, observers.
 */
#include "callbacks.h"

#include <satchel/observe.h>
#include <satchel/version.h>

#include <stdlib.h>

static satchel_device *core_of(jlong device) {
    const android_device *held = border_handle(device);
    return held->device;
}

static jbyteArray version(JNIEnv *env, jclass type) {
    (void)type;
    return border_new_string(env, satchel_version());
}

/* --- opening and closing --- */

static void free_device(JNIEnv *env, android_device *device) {
    satchel_device_close(device->device); /* may still write the anchor */
    (*env)->DeleteGlobalRef(env, device->callbacks);
    free(device);
}

static jlong device_open(JNIEnv *env, jclass type, jboolean create, jbyteArray folder, jbyteArray pin,
                         jobject callbacks, jboolean keys, jboolean anchored, jboolean platform, jint memory_kib,
                         jint passes, jint cipher, jboolean accept_rolled_back) {
    border_copy folder_copy = {0};
    border_copy pin_copy = {0};
    satchel_error error = {0};
    (void)type;
    android_device *device = calloc(1, sizeof *device);
    if (device == NULL) {
        return border_ok(env, SATCHEL_NO_MEMORY, NULL);
    }
    device->callbacks = (*env)->NewGlobalRef(env, callbacks);
    if (device->callbacks == NULL || !border_take(env, folder, &folder_copy) || !border_take(env, pin, &pin_copy)) {
        goto failed;
    }
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    config.folder = border_string(&folder_copy);
    config.pin = border_string(&pin_copy);
    config.argon2_memory_kib = (uint32_t)memory_kib;
    config.argon2_passes = (uint32_t)passes;
    config.cipher = (satchel_store_cipher)cipher;
    config.accept_rolled_back = accept_rolled_back;
    if (keys) {
        config.keys = callbacks_keys(device, anchored);
    }
    if (platform) {
        config.platform = callbacks_platform(device);
    }
    satchel_status status = create ? satchel_device_create(&device->device, &config, &error)
                                   : satchel_device_open(&device->device, &config, &error);
    if (!border_ok(env, status, &error)) {
        goto failed;
    }
    border_give(&folder_copy);
    border_give(&pin_copy);
    return border_long(device);

failed:
    border_give(&folder_copy);
    border_give(&pin_copy);
    free_device(env, device);
    return 0;
}

static void device_close(JNIEnv *env, jclass type, jlong device) {
    (void)type;
    free_device(env, border_handle(device));
}

/* --- locking --- */

typedef satchel_status device_act(satchel_device *device, satchel_error *error);

static void act(JNIEnv *env, jlong device, device_act *run) {
    satchel_error error = {0};
    (void)border_ok(env, run(core_of(device), &error), &error);
}

static void device_lock(JNIEnv *env, jclass type, jlong device) {
    (void)type;
    act(env, device, satchel_device_lock);
}

static void device_suspend(JNIEnv *env, jclass type, jlong device) {
    (void)type;
    act(env, device, satchel_device_suspend);
}

static void device_resume(JNIEnv *env, jclass type, jlong device) {
    (void)type;
    act(env, device, satchel_device_resume);
}

static void device_unlock(JNIEnv *env, jclass type, jlong device, jbyteArray pin) {
    border_copy copy;
    satchel_error error = {0};
    (void)type;
    if (border_take(env, pin, &copy)) {
        satchel_status status = satchel_device_unlock(core_of(device), border_string(&copy), &error);
        border_give(&copy);
        (void)border_ok(env, status, &error);
    }
}

static void device_change_pin(JNIEnv *env, jclass type, jlong device, jbyteArray old_pin, jbyteArray new_pin) {
    border_copy old_copy;
    border_copy new_copy = {0};
    satchel_error error = {0};
    (void)type;
    if (!border_take(env, old_pin, &old_copy)) {
        return;
    }
    if (border_take(env, new_pin, &new_copy)) {
        satchel_status status =
            satchel_device_change_pin(core_of(device), border_string(&old_copy), border_string(&new_copy), &error);
        (void)border_ok(env, status, &error);
    }
    border_give(&old_copy);
    border_give(&new_copy);
}

/* --- how things stand --- */

static jobject device_info(JNIEnv *env, jclass type, jlong device) {
    satchel_device_info info;
    satchel_error error = {0};
    (void)type;
    if (!border_ok(env, satchel_device_get_info(core_of(device), &info, &error), &error)) {
        return NULL;
    }
    jobject id = border_new_id(env, &info.device);
    jobject user = (*env)->ExceptionCheck(env) ? NULL : border_new_id(env, &info.user);
    jbyteArray login = (*env)->ExceptionCheck(env) ? NULL : border_new_string(env, info.login);
    jbyteArray company = login != NULL ? border_new_string(env, info.company) : NULL;
    jbyteArray server = company != NULL ? border_new_string(env, info.server) : NULL;
    if (server == NULL) {
        return NULL;
    }
    return (*env)->NewObject(
        env, border()->info.of, border()->info.init, (jboolean)info.locked, (jboolean)info.enrolled,
        (jboolean)info.first_sync_done, id, user, login, company, server, (jlong)info.units_unsent,
        (jlong)info.ops_refused, (jlong)info.ops_parked, (jlong)info.conflicts_open, (jlong)info.rows,
        (jlong)info.last_sync_ms, (jint)info.last_sync_status, (jint)info.warnings, (jboolean)info.escrowed,
        (jboolean)info.disk_low, (jboolean)info.pin_required, (jlong)info.losses_on_server, (jlong)info.position.epoch,
        (jlong)info.position.n, (jint)info.upgrade_done, (jint)info.upgrade_total, (jlong)info.orders_serial,
        (jboolean)info.retiring, (jboolean)info.app_too_old, (jint)info.lease_days, (jlong)info.lease_left_ms,
        (jlong)info.audit_position, (jint)info.audit_findings, (jlong)info.repairs);
}

static void device_acknowledge(JNIEnv *env, jclass type, jlong device, jint warnings) {
    satchel_error error = {0};
    (void)type;
    (void)border_ok(env, satchel_device_acknowledge(core_of(device), (uint32_t)warnings, &error), &error);
}

/* --- observers --- */

typedef struct android_observer {
    satchel_observer *observer;
    jobject listener; /* global reference to a satchel.Observer */
} android_observer;

/* After the call of Java `context` may be freed: the listener may have closed its observer. */
static void changed(void *context, uint32_t entity) {
    const android_observer *observer = context;
    JNIEnv *env = callbacks_environment();
    if (env == NULL) {
        return; /* no call of Java's made this change */
    }
    (*env)->CallVoidMethod(env, observer->listener, border()->changed, (jint)entity);
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionDescribe(env); /* the thread's own handler threw: nobody else is there to tell */
        (*env)->ExceptionClear(env);
    }
}

static jlong observer_open(JNIEnv *env, jclass type, jlong device, jint entity, jobject listener) {
    satchel_status status = SATCHEL_NO_MEMORY;
    (void)type;
    android_observer *observer = calloc(1, sizeof *observer);
    if (observer != NULL) {
        observer->listener = (*env)->NewGlobalRef(env, listener);
    }
    if (observer != NULL && observer->listener != NULL) {
        status = satchel_observer_open(&observer->observer, core_of(device), (uint32_t)entity, changed, observer);
    }
    if (status != SATCHEL_OK) {
        if (observer != NULL) {
            (*env)->DeleteGlobalRef(env, observer->listener);
        }
        free(observer);
        return border_ok(env, status, NULL);
    }
    return border_long(observer);
}

static void observer_close(JNIEnv *env, jclass type, jlong handle) {
    android_observer *observer = border_handle(handle);
    (void)type;
    satchel_observer_close(observer->observer);
    (*env)->DeleteGlobalRef(env, observer->listener);
    free(observer);
}

static const JNINativeMethod methods[] = {
    BORDER_METHOD("version", "()[B", version),
    BORDER_METHOD("deviceOpen", "(Z[B[BLsatchel/Callbacks;ZZZIIIZ)J", device_open),
    BORDER_METHOD("deviceClose", "(J)V", device_close),
    BORDER_METHOD("deviceLock", "(J)V", device_lock),
    BORDER_METHOD("deviceUnlock", "(J[B)V", device_unlock),
    BORDER_METHOD("deviceChangePin", "(J[B[B)V", device_change_pin),
    BORDER_METHOD("deviceSuspend", "(J)V", device_suspend),
    BORDER_METHOD("deviceResume", "(J)V", device_resume),
    BORDER_METHOD("deviceInfo", "(J)Lsatchel/Info;", device_info),
    BORDER_METHOD("deviceAcknowledge", "(JI)V", device_acknowledge),
    BORDER_METHOD("observerOpen", "(JILsatchel/Observer;)J", observer_open),
    BORDER_METHOD("observerClose", "(J)V", observer_close),
};

const border_table border_device_table = BORDER_TABLE(methods);
