/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satchel.Enrolment and satchel.Exchange: requests are copied into Java, which sends them and feeds the answers.
 */
#include "callbacks.h"

#include <satchel/sync.h>

static jobjectArray new_headers(JNIEnv *env, const satchel_http_request *request) {
    jobjectArray headers = (*env)->NewObjectArray(env, (jsize)request->header_count * 2, border()->bytes, NULL);
    for (uint32_t i = 0; headers != NULL && i < request->header_count * 2; i++) {
        const satchel_http_header *header = &request->headers[i / 2];
        jbyteArray text = border_new_string(env, i % 2 == 0 ? header->name : header->value);
        if (text == NULL) {
            return NULL;
        }
        (*env)->SetObjectArrayElement(env, headers, (jsize)i, text);
        (*env)->DeleteLocalRef(env, text);
        if ((*env)->ExceptionCheck(env)) {
            return NULL;
        }
    }
    return headers;
}

static jobject new_request(JNIEnv *env, const satchel_http_request *request) {
    jbyteArray method = border_new_string(env, request->method);
    jbyteArray url = method != NULL ? border_new_string(env, request->url) : NULL;
    jobjectArray headers = url != NULL ? new_headers(env, request) : NULL;
    jbyteArray body = headers != NULL ? border_new_bytes(env, request->body) : NULL;
    if (body == NULL) {
        return NULL;
    }
    return (*env)->NewObject(env, border()->request.of, border()->request.init, method, url, headers, body,
                             (jlong)request->timeout_ms);
}

/* --- enrolment --- */

static jlong enrolment_open(JNIEnv *env, jclass type, jlong device, jbyteArray link, jbyteArray name,
                            jbyteArray platform) {
    const android_device *held = border_handle(device);
    border_copy link_copy = {0};
    border_copy name_copy = {0};
    border_copy platform_copy = {0};
    satchel_enrolment *enrolment = NULL;
    satchel_error error = {0};
    (void)type;
    if (border_take(env, link, &link_copy) && border_take(env, name, &name_copy) &&
        border_take(env, platform, &platform_copy)) {
        satchel_status status = satchel_enrolment_open(&enrolment, held->device, border_text(&link_copy),
                                                       border_text(&name_copy), border_text(&platform_copy), &error);
        (void)border_ok(env, status, &error);
    }
    border_give(&link_copy);
    border_give(&name_copy);
    border_give(&platform_copy);
    return border_long(enrolment);
}

static jobject enrolment_request(JNIEnv *env, jclass type, jlong enrolment) {
    satchel_http_request request;
    satchel_error error = {0};
    (void)type;
    satchel_status status = satchel_enrolment_request(border_handle(enrolment), &request, &error);
    return border_ok(env, status, &error) ? new_request(env, &request) : NULL;
}

static void enrolment_feed(JNIEnv *env, jclass type, jlong enrolment, jint http_status, jbyteArray body) {
    border_copy copy;
    satchel_error error = {0};
    (void)type;
    if (border_take(env, body, &copy)) {
        satchel_status status =
            satchel_enrolment_feed(border_handle(enrolment), (uint32_t)http_status, border_bytes(&copy), &error);
        border_give(&copy);
        (void)border_ok(env, status, &error);
    }
}

static void enrolment_close(JNIEnv *env, jclass type, jlong enrolment) {
    (void)env;
    (void)type;
    satchel_enrolment_close(border_handle(enrolment));
}

/* --- exchange --- */

static jlong exchange_open(JNIEnv *env, jclass type, jlong device, jlong budget_ms) {
    const android_device *held = border_handle(device);
    satchel_exchange *exchange = NULL;
    satchel_error error = {0};
    (void)type;
    satchel_status status = satchel_exchange_open(&exchange, held->device, budget_ms, &error);
    return border_ok(env, status, &error) ? border_long(exchange) : 0;
}

static jobject new_progress(JNIEnv *env, const satchel_progress *progress) {
    return (*env)->NewObject(env, border()->progress.of, border()->progress.init, (jlong)progress->rows_done,
                             (jlong)progress->rows_total, (jlong)progress->rows_received,
                             (jlong)progress->bytes_received, (jlong)progress->changes_done,
                             (jlong)progress->changes_total, (jlong)progress->bytes_sent);
}

static jobject exchange_next(JNIEnv *env, jclass type, jlong exchange) {
    satchel_step step;
    satchel_error error = {0};
    (void)type;
    if (!border_ok(env, satchel_exchange_next(border_handle(exchange), &step, &error), &error)) {
        return NULL;
    }
    jobject request = step.kind == SATCHEL_STEP_SEND ? new_request(env, &step.request) : NULL;
    jobject progress = (*env)->ExceptionCheck(env) ? NULL : new_progress(env, &step.progress);
    if (progress == NULL) {
        return NULL;
    }
    jint status = step.kind == SATCHEL_STEP_SEND ? (jint)SATCHEL_OK : (jint)step.status;
    return (*env)->NewObject(env, border()->step.of, border()->step.init, (jint)step.kind, request, (jlong)step.wait_ms,
                             status, (jboolean)step.more, (jlong)step.units_unsent, progress);
}

static jobject sync_progress(JNIEnv *env, jclass type, jlong device) {
    const android_device *held = border_handle(device);
    satchel_progress progress;
    satchel_error error = {0};
    (void)type;
    return border_ok(env, satchel_sync_progress(held->device, &progress, &error), &error) ? new_progress(env, &progress)
                                                                                          : NULL;
}

static void exchange_feed(JNIEnv *env, jclass type, jlong exchange, jint http_status, jbyteArray body,
                          jlong elapsed_ms) {
    border_copy copy;
    satchel_error error = {0};
    (void)type;
    if (border_take(env, body, &copy)) {
        satchel_status status = satchel_exchange_feed(border_handle(exchange), (uint32_t)http_status,
                                                      border_bytes(&copy), elapsed_ms, &error);
        border_give(&copy);
        (void)border_ok(env, status, &error);
    }
}

static void exchange_fail(JNIEnv *env, jclass type, jlong exchange) {
    satchel_error error = {0};
    (void)type;
    (void)border_ok(env, satchel_exchange_fail(border_handle(exchange), &error), &error);
}

static void exchange_cancel(JNIEnv *env, jclass type, jlong exchange) {
    (void)env;
    (void)type;
    satchel_exchange_cancel(border_handle(exchange));
}

static void exchange_close(JNIEnv *env, jclass type, jlong exchange) {
    (void)env;
    (void)type;
    satchel_exchange_close(border_handle(exchange));
}

static const JNINativeMethod methods[] = {
    BORDER_METHOD("syncProgress", "(J)Lsatchel/Progress;", sync_progress),
    BORDER_METHOD("enrolmentOpen", "(J[B[B[B)J", enrolment_open),
    BORDER_METHOD("enrolmentRequest", "(J)Lsatchel/Request;", enrolment_request),
    BORDER_METHOD("enrolmentFeed", "(JI[B)V", enrolment_feed),
    BORDER_METHOD("enrolmentClose", "(J)V", enrolment_close),
    BORDER_METHOD("exchangeOpen", "(JJ)J", exchange_open),
    BORDER_METHOD("exchangeNext", "(J)Lsatchel/Step;", exchange_next),
    BORDER_METHOD("exchangeFeed", "(JI[BJ)V", exchange_feed),
    BORDER_METHOD("exchangeFail", "(J)V", exchange_fail),
    BORDER_METHOD("exchangeCancel", "(J)V", exchange_cancel),
    BORDER_METHOD("exchangeClose", "(J)V", exchange_close),
};

const border_table border_sync_table = BORDER_TABLE(methods);
