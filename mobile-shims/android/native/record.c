/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satchel.Fields, satchel.RecordBuilder, satchel.RecordReader.
 */
#include "callbacks.h"

#include <satchel/record.h>

/* --- fields --- */

static jlong fields_open(JNIEnv *env, jclass type, jlong device) {
    const android_device *held = border_handle(device);
    satchel_fields *fields = NULL;
    satchel_error error = {0};
    (void)type;
    return border_ok(env, satchel_fields_open(&fields, held->device, &error), &error) ? border_long(fields) : 0;
}

static void fields_close(JNIEnv *env, jclass type, jlong fields) {
    (void)env;
    (void)type;
    satchel_fields_close(border_handle(fields));
}

static jint fields_entity_named(JNIEnv *env, jclass type, jlong fields, jbyteArray name) {
    border_copy copy;
    satchel_entity_info info;
    (void)type;
    if (!border_take(env, name, &copy)) {
        return 0;
    }
    satchel_status status = satchel_fields_entity_named(border_handle(fields), border_text(&copy), &info);
    border_give(&copy);
    return border_ok(env, status, NULL) ? (jint)info.number : 0;
}

static jint fields_field_named(JNIEnv *env, jclass type, jlong fields, jint entity, jbyteArray name) {
    border_copy copy;
    satchel_field_info info;
    (void)type;
    if (!border_take(env, name, &copy)) {
        return 0;
    }
    satchel_status status =
        satchel_fields_field_named(border_handle(fields), (uint32_t)entity, border_text(&copy), &info);
    border_give(&copy);
    return border_ok(env, status, NULL) ? (jint)info.number : 0;
}

/* --- builder --- */

static jlong builder_open(JNIEnv *env, jclass type, jlong fields, jint entity) {
    satchel_record_builder *builder = NULL;
    (void)type;
    satchel_status status = satchel_record_builder_open(&builder, border_handle(fields), (uint32_t)entity);
    return border_ok(env, status, NULL) ? border_long(builder) : 0;
}

static void builder_close(JNIEnv *env, jclass type, jlong builder) {
    (void)env;
    (void)type;
    satchel_record_builder_close(border_handle(builder));
}

static void builder_int(JNIEnv *env, jclass type, jlong builder, jint field, jlong value) {
    (void)type;
    (void)border_ok(env, satchel_record_builder_int(border_handle(builder), (uint32_t)field, value), NULL);
}

static void builder_real(JNIEnv *env, jclass type, jlong builder, jint field, jdouble value) {
    (void)type;
    (void)border_ok(env, satchel_record_builder_real(border_handle(builder), (uint32_t)field, value), NULL);
}

static void builder_text(JNIEnv *env, jclass type, jlong builder, jint field, jbyteArray value) {
    border_copy copy;
    (void)type;
    if (border_take(env, value, &copy)) {
        satchel_status status =
            satchel_record_builder_text(border_handle(builder), (uint32_t)field, border_text(&copy));
        border_give(&copy);
        (void)border_ok(env, status, NULL);
    }
}

typedef satchel_status builder_take(satchel_record_builder *builder, uint32_t field, satchel_bytes bytes);

static void take_into(JNIEnv *env, jlong builder, jint field, jbyteArray value, builder_take *take) {
    border_copy copy;
    if (border_take(env, value, &copy)) {
        satchel_status status = take(border_handle(builder), (uint32_t)field, border_bytes(&copy));
        border_give(&copy);
        (void)border_ok(env, status, NULL);
    }
}

static void builder_bytes(JNIEnv *env, jclass type, jlong builder, jint field, jbyteArray value) {
    (void)type;
    take_into(env, builder, field, value, satchel_record_builder_bytes);
}

static void builder_add(JNIEnv *env, jclass type, jlong builder, jint field, jbyteArray element) {
    (void)type;
    take_into(env, builder, field, element, satchel_record_builder_add);
}

static void builder_remove(JNIEnv *env, jclass type, jlong builder, jint field, jbyteArray element) {
    (void)type;
    take_into(env, builder, field, element, satchel_record_builder_remove);
}

static void builder_id(JNIEnv *env, jclass type, jlong builder, jint field, jlong most, jlong least) {
    const satchel_id id = border_id(most, least);
    (void)type;
    (void)border_ok(env, satchel_record_builder_id(border_handle(builder), (uint32_t)field, &id), NULL);
}

static void builder_parse(JNIEnv *env, jclass type, jlong builder, jint field, jbyteArray text) {
    border_copy copy;
    satchel_error error = {0};
    (void)type;
    if (border_take(env, text, &copy)) {
        satchel_status status =
            satchel_record_builder_parse(border_handle(builder), (uint32_t)field, border_text(&copy), &error);
        border_give(&copy);
        (void)border_ok(env, status, &error);
    }
}

static jbyteArray builder_encode(JNIEnv *env, jclass type, jlong builder) {
    satchel_bytes record;
    (void)type;
    satchel_status status = satchel_record_builder_encode(border_handle(builder), &record);
    return border_ok(env, status, NULL) ? border_new_bytes(env, record) : NULL;
}

/* --- reader --- */

static jlong reader_open(JNIEnv *env, jclass type, jlong fields, jint entity, jbyteArray record) {
    border_copy copy;
    satchel_record_reader *reader = NULL;
    satchel_error error = {0};
    (void)type;
    if (!border_take(env, record, &copy)) {
        return 0;
    }
    satchel_status status =
        satchel_record_reader_open(&reader, border_handle(fields), (uint32_t)entity, border_bytes(&copy), &error);
    border_give(&copy);
    return border_ok(env, status, &error) ? border_long(reader) : 0;
}

static void reader_close(JNIEnv *env, jclass type, jlong reader) {
    (void)env;
    (void)type;
    satchel_record_reader_close(border_handle(reader));
}

static jint reader_count(JNIEnv *env, jclass type, jlong reader) {
    (void)env;
    (void)type;
    return (jint)satchel_record_reader_count(border_handle(reader));
}

/* Members that do not go with the type are not to be read. */
static jobject new_cell(JNIEnv *env, const satchel_cell *cell) {
    const satchel_text no_text = {NULL, 0};
    const satchel_bytes no_bytes = {NULL, 0};
    bool whole = cell->type == SATCHEL_FIELD_TYPE_BOOL || cell->type == SATCHEL_FIELD_TYPE_INT ||
                 cell->type == SATCHEL_FIELD_TYPE_TIME;
    jobject id = cell->type == SATCHEL_FIELD_TYPE_ID ? border_new_id(env, &cell->id) : NULL;
    if ((*env)->ExceptionCheck(env)) {
        return NULL;
    }
    jbyteArray text = border_new_text(env, cell->type == SATCHEL_FIELD_TYPE_TEXT ? cell->text : no_text);
    jbyteArray bytes =
        text != NULL ? border_new_bytes(env, cell->type == SATCHEL_FIELD_TYPE_BYTES ? cell->bytes : no_bytes) : NULL;
    if (bytes == NULL) {
        return NULL;
    }
    return (*env)->NewObject(env, border()->cell.of, border()->cell.init, (jint)cell->field, (jint)cell->type,
                             whole ? (jlong)cell->integer : 0,
                             cell->type == SATCHEL_FIELD_TYPE_REAL ? (jdouble)cell->real : 0.0, text, bytes, id,
                             cell->type == SATCHEL_FIELD_TYPE_SET ? (jint)cell->element_count : 0);
}

static jobject reader_at(JNIEnv *env, jclass type, jlong reader, jint index) {
    satchel_cell cell;
    (void)type;
    satchel_status status = satchel_record_reader_at(border_handle(reader), (uint32_t)index, &cell);
    return border_ok(env, status, NULL) ? new_cell(env, &cell) : NULL;
}

/* No value is null, not a failure. */
static jobject reader_get(JNIEnv *env, jclass type, jlong reader, jint field) {
    satchel_cell cell;
    (void)type;
    satchel_status status = satchel_record_reader_get(border_handle(reader), (uint32_t)field, &cell);
    bool found = status != SATCHEL_NOT_FOUND && border_ok(env, status, NULL);
    return found ? new_cell(env, &cell) : NULL;
}

static jbyteArray reader_element(JNIEnv *env, jclass type, jlong reader, jint field, jint index) {
    satchel_bytes element;
    (void)type;
    satchel_status status =
        satchel_record_reader_element(border_handle(reader), (uint32_t)field, (uint32_t)index, &element);
    return border_ok(env, status, NULL) ? border_new_bytes(env, element) : NULL;
}

static jbyteArray reader_text(JNIEnv *env, jclass type, jlong reader, jint field, jbyteArray language,
                              jbyteArray currency) {
    border_copy language_copy;
    border_copy currency_copy = {0};
    satchel_text text = {NULL, 0};
    bool found = false;
    (void)type;
    if (!border_take(env, language, &language_copy)) {
        return NULL;
    }
    if (border_take(env, currency, &currency_copy)) {
        satchel_status status = satchel_record_reader_text(
            border_handle(reader), (uint32_t)field, border_string(&language_copy), border_text(&currency_copy), &text);
        found = status != SATCHEL_NOT_FOUND && border_ok(env, status, NULL);
    }
    border_give(&language_copy);
    border_give(&currency_copy);
    return found ? border_new_text(env, text) : NULL;
}

static const JNINativeMethod methods[] = {
    BORDER_METHOD("fieldsOpen", "(J)J", fields_open),
    BORDER_METHOD("fieldsClose", "(J)V", fields_close),
    BORDER_METHOD("fieldsEntityNamed", "(J[B)I", fields_entity_named),
    BORDER_METHOD("fieldsFieldNamed", "(JI[B)I", fields_field_named),
    BORDER_METHOD("builderOpen", "(JI)J", builder_open),
    BORDER_METHOD("builderClose", "(J)V", builder_close),
    BORDER_METHOD("builderInt", "(JIJ)V", builder_int),
    BORDER_METHOD("builderReal", "(JID)V", builder_real),
    BORDER_METHOD("builderText", "(JI[B)V", builder_text),
    BORDER_METHOD("builderBytes", "(JI[B)V", builder_bytes),
    BORDER_METHOD("builderId", "(JIJJ)V", builder_id),
    BORDER_METHOD("builderAdd", "(JI[B)V", builder_add),
    BORDER_METHOD("builderRemove", "(JI[B)V", builder_remove),
    BORDER_METHOD("builderParse", "(JI[B)V", builder_parse),
    BORDER_METHOD("builderEncode", "(J)[B", builder_encode),
    BORDER_METHOD("readerOpen", "(JI[B)J", reader_open),
    BORDER_METHOD("readerClose", "(J)V", reader_close),
    BORDER_METHOD("readerCount", "(J)I", reader_count),
    BORDER_METHOD("readerAt", "(JI)Lsatchel/Cell;", reader_at),
    BORDER_METHOD("readerGet", "(JI)Lsatchel/Cell;", reader_get),
    BORDER_METHOD("readerElement", "(JII)[B", reader_element),
    BORDER_METHOD("readerText", "(JI[B[B)[B", reader_text),
};

const border_table border_record_table = BORDER_TABLE(methods);
