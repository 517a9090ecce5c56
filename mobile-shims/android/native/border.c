/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading the library, and what crosses the border between C and Java.
 *
 * The classes that are looked up when the library is loaded stand in one structure for the life of the library; no
 * other state is kept here.
 */
#include "border.h"

#include <stdlib.h>
#include <string.h>

static border_types types;

const border_types *border(void) {
    return &types;
}

/* --- loading --- */

static jclass find_class(JNIEnv *env, const char *name) {
    jclass found = (*env)->FindClass(env, name);
    if (found == NULL) {
        return NULL;
    }
    jclass kept = (*env)->NewGlobalRef(env, found);
    (*env)->DeleteLocalRef(env, found);
    return kept;
}

static bool find_made(JNIEnv *env, const char *name, const char *signature, border_made *out) {
    out->of = find_class(env, name);
    out->init = out->of != NULL ? (*env)->GetMethodID(env, out->of, "<init>", signature) : NULL;
    return out->init != NULL;
}

static bool find_called(JNIEnv *env, const char *name, const char *method, const char *signature, jmethodID *out) {
    jclass found = (*env)->FindClass(env, name);
    *out = found != NULL ? (*env)->GetMethodID(env, found, method, signature) : NULL;
    (*env)->DeleteLocalRef(env, found); /* loaded as long as satchel.Native is, which refers to it */
    return *out != NULL;
}

static bool find_types(JNIEnv *env) {
    bool found = true;
#define BORDER_FIND_MADE(member, name, signature) found = found && find_made(env, name, signature, &types.member);
    BORDER_MADE(BORDER_FIND_MADE)
#undef BORDER_FIND_MADE
#define BORDER_FIND_CALLED(member, name, method, signature)                                                            \
    found = found && find_called(env, name, method, signature, &types.member);
    BORDER_CALLED(BORDER_FIND_CALLED)
#undef BORDER_FIND_CALLED
    types.native = found ? find_class(env, "satchel/Native") : NULL;
    types.bytes = types.native != NULL ? find_class(env, "[B") : NULL;
    types.fail = types.bytes != NULL ? (*env)->GetStaticMethodID(env, types.native, "fail", "(III[B)V") : NULL;
    return types.fail != NULL;
}

static void drop_types(JNIEnv *env) {
#define BORDER_DROP_MADE(member, name, signature) (*env)->DeleteGlobalRef(env, types.member.of);
    BORDER_MADE(BORDER_DROP_MADE)
#undef BORDER_DROP_MADE
    (*env)->DeleteGlobalRef(env, types.native);
    (*env)->DeleteGlobalRef(env, types.bytes);
    memset(&types, 0, sizeof types);
}

static bool register_all(JNIEnv *env) {
    const border_table *const tables[] = {&border_device_table, &border_write_table, &border_query_table,
                                          &border_record_table, &border_sync_table,  &border_explain_table,
                                          &border_command_table};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if ((*env)->RegisterNatives(env, types.native, tables[i]->methods, tables[i]->count) != JNI_OK) {
            return false;
        }
    }
    return true;
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
    JNIEnv *env = NULL;
    (void)reserved;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) != JNI_OK) {
        return JNI_ERR;
    }
    types.vm = vm;
    return find_types(env) && register_all(env) ? JNI_VERSION_1_6 : JNI_ERR;
}

JNIEXPORT void JNICALL JNI_OnUnload(JavaVM *vm, void *reserved) {
    JNIEnv *env = NULL;
    (void)reserved;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_6) == JNI_OK) {
        drop_types(env);
    }
}

/* --- statuses --- */

bool border_ok(JNIEnv *env, satchel_status status, const satchel_error *error) {
    if (status == SATCHEL_OK) {
        return true;
    }
    const satchel_error none = {0};
    const satchel_error *told = error != NULL && error->status == status ? error : &none;
    jbyteArray detail = border_new_string(env, told->detail);
    if (detail != NULL) {
        (*env)->CallStaticVoidMethod(env, types.native, types.fail, (jint)status, (jint)told->entity, (jint)told->field,
                                     detail);
    }
    return false;
}

/* --- from Java --- */

bool border_take(JNIEnv *env, jbyteArray array, border_copy *out) {
    out->data = NULL;
    out->bytes = 0;
    if (array == NULL) {
        return true;
    }
    jsize length = (*env)->GetArrayLength(env, array);
    uint8_t *data = malloc((size_t)length + 1);
    if (data == NULL) {
        return border_ok(env, SATCHEL_NO_MEMORY, NULL);
    }
    (*env)->GetByteArrayRegion(env, array, 0, length, (jbyte *)data);
    data[length] = 0;
    out->data = data;
    out->bytes = (size_t)length;
    return true;
}

void border_give(border_copy *copy) {
    volatile uint8_t *data = copy->data;
    for (size_t i = 0; i < copy->bytes; i++) {
        data[i] = 0;
    }
    free(copy->data);
    copy->data = NULL;
    copy->bytes = 0;
}

satchel_bytes border_bytes(const border_copy *copy) {
    return (satchel_bytes){copy->data, copy->bytes};
}

satchel_text border_text(const border_copy *copy) {
    return (satchel_text){(const char *)copy->data, copy->bytes};
}

const char *border_string(const border_copy *copy) {
    return (const char *)copy->data;
}

static void put_half(uint8_t *out, uint64_t half) {
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(half >> (56 - 8 * i));
    }
}

static jlong get_half(const uint8_t *bytes) {
    uint64_t half = 0;
    for (unsigned i = 0; i < 8; i++) {
        half = half << 8 | bytes[i];
    }
    return (jlong)half;
}

satchel_id border_id(jlong most, jlong least) {
    satchel_id id;
    put_half(id.bytes, (uint64_t)most);
    put_half(id.bytes + 8, (uint64_t)least);
    return id;
}

jlong border_long(const void *handle) {
    return (jlong)(intptr_t)handle;
}

void *border_handle(jlong handle) {
    return (void *)(intptr_t)handle;
}

/* --- to Java --- */

jbyteArray border_new_bytes(JNIEnv *env, satchel_bytes bytes) {
    if (bytes.bytes > INT32_MAX) {
        (void)border_ok(env, SATCHEL_LIMIT_EXCEEDED, NULL);
        return NULL;
    }
    jbyteArray array = (*env)->NewByteArray(env, (jsize)bytes.bytes);
    if (array != NULL && bytes.bytes > 0) {
        (*env)->SetByteArrayRegion(env, array, 0, (jsize)bytes.bytes, (const jbyte *)bytes.data);
    }
    return array;
}

jbyteArray border_new_text(JNIEnv *env, satchel_text text) {
    return border_new_bytes(env, (satchel_bytes){(const uint8_t *)text.data, text.bytes});
}

jbyteArray border_new_string(JNIEnv *env, const char *text) {
    return border_new_text(env, (satchel_text){text, text != NULL ? strlen(text) : 0});
}

jobject border_new_id(JNIEnv *env, const satchel_id *id) {
    jlong most = get_half(id->bytes);
    jlong least = get_half(id->bytes + 8);
    return most == 0 && least == 0 ? NULL : (*env)->NewObject(env, types.uuid.of, types.uuid.init, most, least);
}

void border_drop(JNIEnv *env, const jobject *references, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        (*env)->DeleteLocalRef(env, references[i]);
    }
}
