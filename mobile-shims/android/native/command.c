/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: what the server is asked to do, as satchel.Commands.
 */
#include "callbacks.h"

#include <satchel/command.h>

static satchel_device *core_of(jlong device) {
    const android_device *held = border_handle(device);
    return held->device;
}

static jobject new_receipt(JNIEnv *env, satchel_status status, const satchel_receipt *receipt,
                           const satchel_error *error) {
    if (!border_ok(env, status, error)) {
        return NULL;
    }
    return (*env)->NewObject(env, border()->receipt.of, border()->receipt.init, (jlong)receipt->first_sequence,
                             (jint)receipt->count);
}

/* --- about one row --- */

typedef satchel_status row_command(satchel_device *device, const satchel_id *row, satchel_receipt *receipt,
                                   satchel_error *error);

static jobject give(JNIEnv *env, row_command *command, jlong device, jlong most, jlong least) {
    const satchel_id row = border_id(most, least);
    satchel_receipt receipt;
    satchel_error error = {0};
    satchel_status status = command(core_of(device), &row, &receipt, &error);
    return new_receipt(env, status, &receipt, &error);
}

static jobject customer_claim(JNIEnv *env, jclass type, jlong device, jlong most, jlong least) {
    (void)type;
    return give(env, satchel_customer_claim, device, most, least);
}

static jobject customer_release(JNIEnv *env, jclass type, jlong device, jlong most, jlong least) {
    (void)type;
    return give(env, satchel_customer_release, device, most, least);
}

static jobject customer_unmerge(JNIEnv *env, jclass type, jlong device, jlong most, jlong least) {
    (void)type;
    return give(env, satchel_customer_unmerge, device, most, least);
}

static jobject order_request(JNIEnv *env, jclass type, jlong device, jlong most, jlong least) {
    (void)type;
    return give(env, satchel_order_request, device, most, least);
}

/* --- about a row and something else --- */

static jobject customer_transfer(JNIEnv *env, jclass type, jlong device, jlong most, jlong least, jlong user_most,
                                 jlong user_least) {
    const satchel_id customer = border_id(most, least);
    const satchel_id user = border_id(user_most, user_least);
    satchel_receipt receipt;
    satchel_error error = {0};
    (void)type;
    satchel_status status = satchel_customer_transfer(core_of(device), &customer, &user, &receipt, &error);
    return new_receipt(env, status, &receipt, &error);
}

static jobject customer_merge(JNIEnv *env, jclass type, jlong device, jlong most, jlong least, jlong survivor_most,
                              jlong survivor_least) {
    const satchel_id gone = border_id(most, least);
    const satchel_id survivor = border_id(survivor_most, survivor_least);
    satchel_receipt receipt;
    satchel_error error = {0};
    (void)type;
    satchel_status status = satchel_customer_merge(core_of(device), &gone, &survivor, &receipt, &error);
    return new_receipt(env, status, &receipt, &error);
}

static jobject approval_decide(JNIEnv *env, jclass type, jlong device, jlong most, jlong least, jlong decision,
                               jbyteArray comment) {
    const satchel_id approval = border_id(most, least);
    border_copy copy;
    satchel_receipt receipt;
    satchel_error error = {0};
    (void)type;
    if (!border_take(env, comment, &copy)) {
        return NULL;
    }
    satchel_status status =
        satchel_approval_decide(core_of(device), &approval, decision, border_text(&copy), &receipt, &error);
    border_give(&copy);
    return new_receipt(env, status, &receipt, &error);
}

static jobject plan_change(JNIEnv *env, jclass type, jlong device, jint entity, jlong most, jlong least,
                           jbyteArray record) {
    const satchel_id row = border_id(most, least);
    border_copy copy;
    satchel_receipt receipt;
    satchel_error error = {0};
    (void)type;
    if (!border_take(env, record, &copy)) {
        return NULL;
    }
    satchel_status status =
        satchel_plan_change(core_of(device), (uint32_t)entity, &row, border_bytes(&copy), &receipt, &error);
    border_give(&copy);
    return new_receipt(env, status, &receipt, &error);
}

static jobject conflict_resolve(JNIEnv *env, jclass type, jlong device, jlong most, jlong least, jint resolution,
                                jbyteArray record) {
    const satchel_id conflict = border_id(most, least);
    border_copy copy;
    satchel_receipt receipt;
    satchel_error error = {0};
    (void)type;
    if (!border_take(env, record, &copy)) {
        return NULL;
    }
    satchel_status status = satchel_conflict_resolve(core_of(device), &conflict, (satchel_resolution)resolution,
                                                     border_bytes(&copy), &receipt, &error);
    border_give(&copy);
    return new_receipt(env, status, &receipt, &error);
}

/* --- what became of them --- */

enum { ROW, WINNER, RULE, REQUEST, REFERENCES };

static jobject new_command(JNIEnv *env, const satchel_command_info *info) {
    jobject made[REFERENCES] = {NULL};
    jobject object = NULL;
    made[ROW] = border_new_id(env, &info->row);
    made[WINNER] = (*env)->ExceptionCheck(env) ? NULL : border_new_id(env, &info->winner);
    made[RULE] = (*env)->ExceptionCheck(env) ? NULL : border_new_text(env, info->rule);
    made[REQUEST] = made[RULE] != NULL ? border_new_bytes(env, info->request) : NULL;
    if (made[REQUEST] != NULL) {
        object = (*env)->NewObject(env, border()->command.of, border()->command.init, (jlong)info->sequence,
                                   (jlong)info->unit, (jint)info->kind, (jint)info->state, (jint)info->entity,
                                   made[ROW], (jint)info->status, made[RULE], made[WINNER], (jlong)info->winner_ms,
                                   (jlong)info->at_ms, made[REQUEST]);
    }
    border_drop(env, made, REFERENCES);
    return object;
}

static jobjectArray commands_list(JNIEnv *env, jclass type, jlong device, jint limit) {
    satchel_commands *commands = NULL;
    satchel_error error = {0};
    (void)type;
    if (!border_ok(env, satchel_commands_list(&commands, core_of(device), (uint32_t)limit, &error), &error)) {
        return NULL;
    }
    uint32_t count = satchel_commands_count(commands);
    jobjectArray array = (*env)->NewObjectArray(env, (jsize)count, border()->command.of, NULL);
    for (uint32_t i = 0; array != NULL && i < count; i++) {
        satchel_command_info info;
        bool got = border_ok(env, satchel_commands_at(commands, i, &info), NULL);
        jobject made = got ? new_command(env, &info) : NULL;
        if (made != NULL) {
            (*env)->SetObjectArrayElement(env, array, (jsize)i, made);
            (*env)->DeleteLocalRef(env, made);
        }
        if ((*env)->ExceptionCheck(env)) {
            array = NULL;
        }
    }
    satchel_commands_close(commands);
    return array;
}

#define RECEIPT "Lsatchel/Receipt;"

static const JNINativeMethod methods[] = {
    BORDER_METHOD("customerClaim", "(JJJ)" RECEIPT, customer_claim),
    BORDER_METHOD("customerRelease", "(JJJ)" RECEIPT, customer_release),
    BORDER_METHOD("customerUnmerge", "(JJJ)" RECEIPT, customer_unmerge),
    BORDER_METHOD("orderRequest", "(JJJ)" RECEIPT, order_request),
    BORDER_METHOD("customerTransfer", "(JJJJJ)" RECEIPT, customer_transfer),
    BORDER_METHOD("customerMerge", "(JJJJJ)" RECEIPT, customer_merge),
    BORDER_METHOD("approvalDecide", "(JJJJ[B)" RECEIPT, approval_decide),
    BORDER_METHOD("planChange", "(JIJJ[B)" RECEIPT, plan_change),
    BORDER_METHOD("conflictResolve", "(JJJI[B)" RECEIPT, conflict_resolve),
    BORDER_METHOD("commandsList", "(JI)[Lsatchel/Command;", commands_list),
};

const border_table border_command_table = BORDER_TABLE(methods);
