/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why things are as they are, as satchel.Reason.
 */
#include "callbacks.h"

#include <satchel/explain.h>

enum { ROW, CONFLICT, OTHER_USER, KEEPER, RULE, MINE, THEIRS, BASE, REFERENCES };

/* Ids may be null, the rest may not. */
static bool make_references(JNIEnv *env, const satchel_reason *reason, jobject made[REFERENCES]) {
    const satchel_id *const ids[] = {&reason->row, &reason->conflict, &reason->other_user, &reason->keeper};
    for (unsigned i = 0; i < RULE; i++) {
        made[i] = border_new_id(env, ids[i]);
        if ((*env)->ExceptionCheck(env)) {
            return false;
        }
    }
    made[RULE] = border_new_text(env, reason->rule);
    made[MINE] = made[RULE] != NULL ? border_new_bytes(env, reason->mine) : NULL;
    made[THEIRS] = made[MINE] != NULL ? border_new_bytes(env, reason->theirs) : NULL;
    made[BASE] = made[THEIRS] != NULL ? border_new_bytes(env, reason->base) : NULL;
    return made[BASE] != NULL;
}

static jobject new_reason(JNIEnv *env, const satchel_reason *reason) {
    jobject made[REFERENCES] = {NULL};
    jobject object = NULL;
    if (make_references(env, reason, made)) {
        object = (*env)->NewObject(
            env, border()->reason.of, border()->reason.init, (jint)reason->kind, (jlong)reason->sequence,
            (jlong)reason->unit, (jint)reason->entity, made[ROW], (jint)reason->field, (jint)reason->status, made[RULE],
            (jlong)reason->at_ms, (jlong)reason->held_by, (jboolean)reason->open, made[CONFLICT], made[MINE],
            made[THEIRS], (jboolean)reason->mine_stands, made[OTHER_USER], (jlong)reason->other_ms,
            (jint)reason->change, (jint)reason->unit_ops, made[KEEPER], made[BASE]);
    }
    border_drop(env, made, REFERENCES);
    return object;
}

/* Closes `reasons`. */
static jobjectArray new_reasons(JNIEnv *env, satchel_reasons *reasons) {
    uint32_t count = satchel_reasons_count(reasons);
    jobjectArray array = (*env)->NewObjectArray(env, (jsize)count, border()->reason.of, NULL);
    for (uint32_t i = 0; array != NULL && i < count; i++) {
        satchel_reason reason;
        bool got = border_ok(env, satchel_reasons_at(reasons, i, &reason), NULL);
        jobject made = got ? new_reason(env, &reason) : NULL;
        if (made != NULL) {
            (*env)->SetObjectArrayElement(env, array, (jsize)i, made);
            (*env)->DeleteLocalRef(env, made);
        }
        if ((*env)->ExceptionCheck(env)) {
            array = NULL;
        }
    }
    satchel_reasons_close(reasons);
    return array;
}

static jobjectArray why(JNIEnv *env, jclass type, jlong device, jint entity, jlong most, jlong least) {
    const android_device *held = border_handle(device);
    const satchel_id id = border_id(most, least);
    satchel_reasons *reasons = NULL;
    satchel_error error = {0};
    (void)type;
    satchel_status status = satchel_why(&reasons, held->device, (uint32_t)entity, &id, &error);
    return border_ok(env, status, &error) ? new_reasons(env, reasons) : NULL;
}

static jobjectArray reasons_list(JNIEnv *env, jclass type, jlong device, jint kind, jint limit) {
    const android_device *held = border_handle(device);
    satchel_reasons *reasons = NULL;
    satchel_error error = {0};
    (void)type;
    satchel_status status =
        satchel_reasons_list(&reasons, held->device, (satchel_reason_kind)kind, (uint32_t)limit, &error);
    return border_ok(env, status, &error) ? new_reasons(env, reasons) : NULL;
}

static void reason_dismiss(JNIEnv *env, jclass type, jlong device, jlong unit) {
    const android_device *held = border_handle(device);
    satchel_error error = {0};
    (void)type;
    (void)border_ok(env, satchel_reason_dismiss(held->device, (uint64_t)unit, &error), &error);
}

static const JNINativeMethod methods[] = {
    BORDER_METHOD("why", "(JIJJ)[Lsatchel/Reason;", why),
    BORDER_METHOD("reasonsList", "(JII)[Lsatchel/Reason;", reasons_list),
    BORDER_METHOD("reasonDismiss", "(JJ)V", reason_dismiss),
};

const border_table border_explain_table = BORDER_TABLE(methods);
