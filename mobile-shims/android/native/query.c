/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satchel.Query and what a device answers to one: pages, a row, a count. Rows are copied into Java at once.
 */
#include "callbacks.h"

#include <satchel/query.h>
#include <satchel/read.h>

/* --- conditions --- */

static jlong query_open(JNIEnv *env, jclass type, jint entity) {
    satchel_query *query = NULL;
    (void)type;
    return border_ok(env, satchel_query_open(&query, (uint32_t)entity), NULL) ? border_long(query) : 0;
}

static void query_close(JNIEnv *env, jclass type, jlong query) {
    (void)env;
    (void)type;
    satchel_query_close(border_handle(query));
}

static void query_where_int(JNIEnv *env, jclass type, jlong query, jint field, jint compare, jlong value) {
    (void)type;
    (void)border_ok(
        env, satchel_query_where_int(border_handle(query), (uint32_t)field, (satchel_compare)compare, value), NULL);
}

static void query_where_text(JNIEnv *env, jclass type, jlong query, jint field, jint compare, jbyteArray value) {
    border_copy copy;
    (void)type;
    if (border_take(env, value, &copy)) {
        satchel_status status = satchel_query_where_text(border_handle(query), (uint32_t)field,
                                                         (satchel_compare)compare, border_text(&copy));
        border_give(&copy);
        (void)border_ok(env, status, NULL);
    }
}

static void query_where_id(JNIEnv *env, jclass type, jlong query, jint field, jint compare, jlong most, jlong least) {
    const satchel_id id = border_id(most, least);
    (void)type;
    (void)border_ok(env, satchel_query_where_id(border_handle(query), (uint32_t)field, (satchel_compare)compare, &id),
                    NULL);
}

static void query_where_null(JNIEnv *env, jclass type, jlong query, jint field, jboolean is_null) {
    (void)type;
    (void)border_ok(env, satchel_query_where_null(border_handle(query), (uint32_t)field, is_null), NULL);
}

static void query_search(JNIEnv *env, jclass type, jlong query, jbyteArray words) {
    border_copy copy;
    (void)type;
    if (border_take(env, words, &copy)) {
        satchel_status status = satchel_query_search(border_handle(query), border_text(&copy));
        border_give(&copy);
        (void)border_ok(env, status, NULL);
    }
}

static void query_near(JNIEnv *env, jclass type, jlong query, jlong latitude_e7, jlong longitude_e7, jlong metres) {
    (void)type;
    (void)border_ok(env, satchel_query_near(border_handle(query), latitude_e7, longitude_e7, metres), NULL);
}

static void query_sort(JNIEnv *env, jclass type, jlong query, jint field, jboolean descending) {
    (void)type;
    (void)border_ok(env, satchel_query_sort(border_handle(query), (uint32_t)field, descending), NULL);
}

static void query_include_deleted(JNIEnv *env, jclass type, jlong query) {
    (void)env;
    (void)type;
    satchel_query_include_deleted(border_handle(query));
}

/* --- rows --- */

static jobject new_row(JNIEnv *env, const satchel_row_view *row) {
    jobject id = border_new_id(env, &row->id);
    jobject made = NULL;
    jbyteArray record = id != NULL ? border_new_bytes(env, row->record) : NULL;
    if (record != NULL) {
        made = (*env)->NewObject(env, border()->row.of, border()->row.init, id, record, (jint)row->flags,
                                 (jlong)row->base_n);
    }
    border_drop(env, (const jobject[]){id, record}, 2);
    return made;
}

static jobject row_at(JNIEnv *env, const satchel_page *page, uint32_t index) {
    satchel_row_view row;
    return border_ok(env, satchel_page_row(page, index, &row), NULL) ? new_row(env, &row) : NULL;
}

static jobject new_page(JNIEnv *env, const satchel_page *page) {
    uint32_t count = satchel_page_count(page);
    jobjectArray rows = (*env)->NewObjectArray(env, (jsize)count, border()->row.of, NULL);
    for (uint32_t i = 0; rows != NULL && i < count; i++) {
        jobject row = row_at(env, page, i);
        if (row == NULL) {
            return NULL;
        }
        (*env)->SetObjectArrayElement(env, rows, (jsize)i, row);
        (*env)->DeleteLocalRef(env, row);
        if ((*env)->ExceptionCheck(env)) {
            return NULL;
        }
    }
    jbyteArray next = rows != NULL ? border_new_bytes(env, satchel_page_next(page)) : NULL;
    return next != NULL ? (*env)->NewObject(env, border()->page.of, border()->page.init, rows, next) : NULL;
}

static jobject page(JNIEnv *env, jclass type, jlong device, jlong query, jbyteArray after, jint limit) {
    const android_device *held = border_handle(device);
    border_copy copy;
    satchel_page *opened = NULL;
    satchel_error error = {0};
    (void)type;
    if (!border_take(env, after, &copy)) {
        return NULL;
    }
    satchel_status status =
        satchel_page_open(&opened, held->device, border_handle(query), border_bytes(&copy), (uint32_t)limit, &error);
    border_give(&copy);
    if (!border_ok(env, status, &error)) {
        return NULL;
    }
    jobject made = new_page(env, opened);
    satchel_page_close(opened);
    return made;
}

static jobject row(JNIEnv *env, jclass type, jlong device, jint entity, jlong most, jlong least) {
    const android_device *held = border_handle(device);
    const satchel_id id = border_id(most, least);
    satchel_page *opened = NULL;
    satchel_error error = {0};
    (void)type;
    if (!border_ok(env, satchel_row_open(&opened, held->device, (uint32_t)entity, &id, &error), &error)) {
        return NULL;
    }
    jobject made = row_at(env, opened, 0);
    satchel_page_close(opened);
    return made;
}

static jlong count_rows(JNIEnv *env, jclass type, jlong device, jlong query) {
    const android_device *held = border_handle(device);
    uint64_t count = 0;
    satchel_error error = {0};
    (void)type;
    (void)border_ok(env, satchel_count(held->device, border_handle(query), &count, &error), &error);
    return (jlong)count;
}

static const JNINativeMethod methods[] = {
    BORDER_METHOD("queryOpen", "(I)J", query_open),
    BORDER_METHOD("queryClose", "(J)V", query_close),
    BORDER_METHOD("queryWhereInt", "(JIIJ)V", query_where_int),
    BORDER_METHOD("queryWhereText", "(JII[B)V", query_where_text),
    BORDER_METHOD("queryWhereId", "(JIIJJ)V", query_where_id),
    BORDER_METHOD("queryWhereNull", "(JIZ)V", query_where_null),
    BORDER_METHOD("querySearch", "(J[B)V", query_search),
    BORDER_METHOD("queryNear", "(JJJJ)V", query_near),
    BORDER_METHOD("querySort", "(JIZ)V", query_sort),
    BORDER_METHOD("queryIncludeDeleted", "(J)V", query_include_deleted),
    BORDER_METHOD("page", "(JJ[BI)Lsatchel/Page;", page),
    BORDER_METHOD("row", "(JIJJ)Lsatchel/Row;", row),
    BORDER_METHOD("count", "(JJ)J", count_rows),
};

const border_table border_query_table = BORDER_TABLE(methods);
