/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satchel.Write: the changes of one unit.
 */
#include "callbacks.h"

#include <satchel/write.h>

#include <stdlib.h>

static jlong write_begin(JNIEnv *env, jclass type, jlong device) {
    const android_device *held = border_handle(device);
    satchel_write *write = NULL;
    satchel_error error = {0};
    (void)type;
    return border_ok(env, satchel_write_begin(&write, held->device, &error), &error) ? border_long(write) : 0;
}

static void write_abandon(JNIEnv *env, jclass type, jlong write) {
    (void)env;
    (void)type;
    satchel_write_abandon(border_handle(write));
}

static jobject write_create(JNIEnv *env, jclass type, jlong write, jint entity, jbyteArray record, jlong most,
                            jlong least) {
    border_copy copy;
    satchel_error error = {0};
    satchel_id id = border_id(most, least);
    (void)type;
    if (!border_take(env, record, &copy)) {
        return NULL;
    }
    satchel_status status =
        satchel_write_create(border_handle(write), (uint32_t)entity, border_bytes(&copy), &id, &error);
    border_give(&copy);
    return border_ok(env, status, &error) ? border_new_id(env, &id) : NULL;
}

/* An int of Java is an uint32_t here; a null array is an empty one. */
static bool take_numbers(JNIEnv *env, jintArray array, uint32_t **out, uint32_t *count) {
    jsize length = array != NULL ? (*env)->GetArrayLength(env, array) : 0;
    *out = NULL;
    *count = (uint32_t)length;
    if (length == 0) {
        return true;
    }
    *out = calloc((size_t)length, sizeof **out);
    if (*out == NULL) {
        return border_ok(env, SATCHEL_NO_MEMORY, NULL);
    }
    (*env)->GetIntArrayRegion(env, array, 0, length, (jint *)*out);
    return true;
}

static void write_edit(JNIEnv *env, jclass type, jlong write, jint entity, jlong most, jlong least, jbyteArray record,
                       jintArray cleared) {
    border_copy copy;
    uint32_t *numbers = NULL;
    uint32_t count = 0;
    satchel_error error = {0};
    const satchel_id id = border_id(most, least);
    (void)type;
    if (!border_take(env, record, &copy)) {
        return;
    }
    if (take_numbers(env, cleared, &numbers, &count)) {
        satchel_status status = satchel_write_edit(border_handle(write), (uint32_t)entity, &id, border_bytes(&copy),
                                                   numbers, count, &error);
        (void)border_ok(env, status, &error);
    }
    border_give(&copy);
    free(numbers);
}

static void write_add(JNIEnv *env, jclass type, jlong write, jint entity, jlong most, jlong least, jint field,
                      jlong delta) {
    satchel_error error = {0};
    const satchel_id id = border_id(most, least);
    (void)type;
    satchel_status status =
        satchel_write_add(border_handle(write), (uint32_t)entity, &id, (uint32_t)field, delta, &error);
    (void)border_ok(env, status, &error);
}

static void write_delete(JNIEnv *env, jclass type, jlong write, jint entity, jlong most, jlong least) {
    satchel_error error = {0};
    const satchel_id id = border_id(most, least);
    (void)type;
    (void)border_ok(env, satchel_write_delete(border_handle(write), (uint32_t)entity, &id, &error), &error);
}

static jobject write_commit(JNIEnv *env, jclass type, jlong write) {
    satchel_receipt receipt;
    satchel_error error = {0};
    (void)type;
    if (!border_ok(env, satchel_commit(border_handle(write), &receipt, &error), &error)) {
        return NULL;
    }
    return (*env)->NewObject(env, border()->receipt.of, border()->receipt.init, (jlong)receipt.first_sequence,
                             (jint)receipt.count);
}

static void undo(JNIEnv *env, jclass type, jlong device, jlong sequence) {
    const android_device *held = border_handle(device);
    satchel_error error = {0};
    (void)type;
    (void)border_ok(env, satchel_undo(held->device, (uint64_t)sequence, &error), &error);
}

static const JNINativeMethod methods[] = {
    BORDER_METHOD("writeBegin", "(J)J", write_begin),
    BORDER_METHOD("writeAbandon", "(J)V", write_abandon),
    BORDER_METHOD("writeCreate", "(JI[BJJ)" BORDER_UUID, write_create),
    BORDER_METHOD("writeEdit", "(JIJJ[B[I)V", write_edit),
    BORDER_METHOD("writeAdd", "(JIJJIJ)V", write_add),
    BORDER_METHOD("writeDelete", "(JIJJ)V", write_delete),
    BORDER_METHOD("writeCommit", "(J)Lsatchel/Receipt;", write_commit),
    BORDER_METHOD("undo", "(JJ)V", undo),
};

const border_table border_write_table = BORDER_TABLE(methods);
