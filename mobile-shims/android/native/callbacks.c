/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys, clock and randomness from Java.
 *
 * The core calls these on the thread of the call that needs them, which came from Java. Exceptions of the providers are
 * caught by satchel.Callbacks; what is still pending here (memory, the stack) is cleared and becomes the status that
 * stands for a keystore or a random source that fails. Secrets are wiped from Java's arrays after use.
 */
#include "callbacks.h"

#include <string.h>

JNIEnv *callbacks_environment(void) {
    JNIEnv *env = NULL;
    JavaVM *vm = border()->vm;
    return (*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) == JNI_OK ? env : NULL;
}

/* What a call of Java gave, or `otherwise` if it threw. */
static satchel_status outcome(JNIEnv *env, jint given, satchel_status otherwise) {
    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionClear(env);
        return otherwise;
    }
    return (satchel_status)given;
}

static void wipe_array(JNIEnv *env, jbyteArray array, jsize bytes) {
    static const jbyte zeros[SATCHEL_ANCHOR_BYTES];
    _Static_assert(SATCHEL_KEYSTORE_SECRET_BYTES <= SATCHEL_ANCHOR_BYTES, "the zeros suffice");
    (*env)->SetByteArrayRegion(env, array, 0, bytes, zeros);
}

static satchel_status secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    const android_device *device = context;
    JNIEnv *env = callbacks_environment();
    jbyteArray array = env != NULL ? (*env)->NewByteArray(env, SATCHEL_KEYSTORE_SECRET_BYTES) : NULL;
    if (array == NULL) {
        return env != NULL ? outcome(env, 0, SATCHEL_KEY_UNAVAILABLE) : SATCHEL_KEY_UNAVAILABLE;
    }
    jint given = (*env)->CallIntMethod(env, device->callbacks, border()->secret, array);
    satchel_status status = outcome(env, given, SATCHEL_KEY_UNAVAILABLE);
    if (status == SATCHEL_OK) {
        (*env)->GetByteArrayRegion(env, array, 0, SATCHEL_KEYSTORE_SECRET_BYTES, (jbyte *)out);
    }
    wipe_array(env, array, SATCHEL_KEYSTORE_SECRET_BYTES);
    (*env)->DeleteLocalRef(env, array);
    return status;
}

static satchel_status anchor_read(void *context, uint8_t out[SATCHEL_ANCHOR_BYTES], size_t *bytes) {
    const android_device *device = context;
    JNIEnv *env = callbacks_environment();
    *bytes = 0;
    if (env == NULL) {
        return SATCHEL_KEY_UNAVAILABLE;
    }
    jbyteArray array = (*env)->NewByteArray(env, SATCHEL_ANCHOR_BYTES);
    jintArray length = array != NULL ? (*env)->NewIntArray(env, 1) : NULL;
    satchel_status status = SATCHEL_KEY_UNAVAILABLE;
    if (length == NULL) {
        (*env)->ExceptionClear(env);
        goto done;
    }
    jint given = (*env)->CallIntMethod(env, device->callbacks, border()->read_anchor, array, length);
    status = outcome(env, given, SATCHEL_KEY_UNAVAILABLE);
    if (status == SATCHEL_OK) {
        jint got = 0;
        (*env)->GetIntArrayRegion(env, length, 0, 1, &got);
        (*env)->GetByteArrayRegion(env, array, 0, got, (jbyte *)out);
        *bytes = (size_t)got;
    }

done:
    (*env)->DeleteLocalRef(env, array);
    (*env)->DeleteLocalRef(env, length);
    return status;
}

static satchel_status anchor_write(void *context, const uint8_t *anchor, size_t bytes) {
    const android_device *device = context;
    JNIEnv *env = callbacks_environment();
    if (env == NULL) {
        return SATCHEL_KEY_UNAVAILABLE;
    }
    jbyteArray array = (*env)->NewByteArray(env, (jsize)bytes);
    if (array == NULL) {
        return outcome(env, 0, SATCHEL_KEY_UNAVAILABLE);
    }
    (*env)->SetByteArrayRegion(env, array, 0, (jsize)bytes, (const jbyte *)anchor);
    jint given = (*env)->CallIntMethod(env, device->callbacks, border()->write_anchor, array);
    (*env)->DeleteLocalRef(env, array);
    return outcome(env, given, SATCHEL_KEY_UNAVAILABLE);
}

static satchel_status forget(void *context) {
    const android_device *device = context;
    JNIEnv *env = callbacks_environment();
    if (env == NULL) {
        return SATCHEL_KEY_UNAVAILABLE;
    }
    jint given = (*env)->CallIntMethod(env, device->callbacks, border()->forget);
    return outcome(env, given, SATCHEL_KEY_UNAVAILABLE);
}

satchel_key_provider callbacks_keys(android_device *device, bool anchored) {
    return (satchel_key_provider){device, secret, anchored ? anchor_read : NULL, anchored ? anchor_write : NULL,
                                  forget};
}

/* The clock has no way to fail: without Java it shows nothing. */
static void now(void *context, int64_t *wall_ms, int64_t *monotonic_ms, uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    const android_device *device = context;
    JNIEnv *env = callbacks_environment();
    jlong times[2] = {0, 0};
    *wall_ms = 0;
    *monotonic_ms = 0;
    memset(boot_tag, 0, SATCHEL_BOOT_TAG_BYTES);
    if (env == NULL) {
        return;
    }
    jlongArray both = (*env)->NewLongArray(env, 2);
    jbyteArray tag = both != NULL ? (*env)->NewByteArray(env, SATCHEL_BOOT_TAG_BYTES) : NULL;
    if (tag != NULL) {
        (*env)->CallVoidMethod(env, device->callbacks, border()->now, both, tag);
    }
    if (outcome(env, 0, SATCHEL_INTERNAL) == SATCHEL_OK) {
        (*env)->GetLongArrayRegion(env, both, 0, 2, times);
        (*env)->GetByteArrayRegion(env, tag, 0, SATCHEL_BOOT_TAG_BYTES, (jbyte *)boot_tag);
        *wall_ms = times[0];
        *monotonic_ms = times[1];
    }
    (*env)->DeleteLocalRef(env, both);
    (*env)->DeleteLocalRef(env, tag);
}

static satchel_status draw(void *context, uint8_t *out, size_t bytes) {
    const android_device *device = context;
    JNIEnv *env = callbacks_environment();
    if (env == NULL || bytes > INT32_MAX) {
        return SATCHEL_RANDOM_FAILED;
    }
    jbyteArray array = (*env)->NewByteArray(env, (jsize)bytes);
    if (array == NULL) {
        return outcome(env, 0, SATCHEL_RANDOM_FAILED);
    }
    jint given = (*env)->CallIntMethod(env, device->callbacks, border()->random, array);
    satchel_status status = outcome(env, given, SATCHEL_RANDOM_FAILED);
    if (status == SATCHEL_OK) {
        (*env)->GetByteArrayRegion(env, array, 0, (jsize)bytes, (jbyte *)out);
    }
    (*env)->DeleteLocalRef(env, array);
    return status;
}

satchel_platform callbacks_platform(android_device *device) {
    return (satchel_platform){device, now, draw};
}
