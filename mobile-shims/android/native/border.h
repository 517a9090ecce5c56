/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the JNI functions share: taking Java's arrays, giving Java's objects, and statuses as exceptions.
 *
 * Text crosses as UTF-8 in byte arrays, ids as two halves, objects by constructors that JNI_OnLoad looks up, so that a
 * Java class which does not fit is seen when the library is loaded. A function that has thrown returns at once.
 */
#ifndef SATCHEL_ANDROID_BORDER_H
#define SATCHEL_ANDROID_BORDER_H

#include <satchel/status.h>
#include <satchel/types.h>

#include <jni.h>
#include <stdbool.h>

#define BORDER_UUID "Ljava/util/UUID;"

/* X(member, class, signature of its constructor): what is made here */
#define BORDER_MADE(X)                                                                                                 \
    X(uuid, "java/util/UUID", "(JJ)V")                                                                                 \
    X(info, "satchel/Info", "(ZZZ" BORDER_UUID BORDER_UUID "[B[B[BJJJJJJIIZZZJJJIIJZZIJJIJ)V")                         \
    X(receipt, "satchel/Receipt", "(JI)V")                                                                             \
    X(row, "satchel/Row", "(" BORDER_UUID "[BIJ)V")                                                                    \
    X(page, "satchel/Page", "([Lsatchel/Row;[B)V")                                                                     \
    X(cell, "satchel/Cell", "(IIJD[B[B" BORDER_UUID "I)V")                                                             \
    X(reason, "satchel/Reason",                                                                                        \
      "(IJJI" BORDER_UUID "II[BJJZ" BORDER_UUID "[B[BZ" BORDER_UUID "JII" BORDER_UUID "[B)V")                          \
    X(request, "satchel/Request", "([B[B[[B[BJ)V")                                                                     \
    X(progress, "satchel/Progress", "(JJJJJJJ)V")                                                                      \
    X(step, "satchel/Step", "(ILsatchel/Request;JIZJLsatchel/Progress;)V")                                             \
    X(command, "satchel/Command", "(JJIII" BORDER_UUID "I[B" BORDER_UUID "JJ[B)V")

/* X(member, class, name, signature): what is called from here */
#define BORDER_CALLED(X)                                                                                               \
    X(secret, "satchel/Callbacks", "secret", "([B)I")                                                                  \
    X(read_anchor, "satchel/Callbacks", "readAnchor", "([B[I)I")                                                       \
    X(write_anchor, "satchel/Callbacks", "writeAnchor", "([B)I")                                                       \
    X(forget, "satchel/Callbacks", "forget", "()I")                                                                    \
    X(now, "satchel/Callbacks", "now", "([J[B)V")                                                                      \
    X(random, "satchel/Callbacks", "random", "([B)I")                                                                  \
    X(changed, "satchel/Observer", "changed", "(I)V")

typedef struct border_made {
    jclass of;
    jmethodID init;
} border_made;

/* Filled by JNI_OnLoad, then constant. */
typedef struct border_types {
    JavaVM *vm;
    jclass native;
    jmethodID fail;
    jclass bytes; /* byte[] */
#define BORDER_MADE_MEMBER(member, name, signature) border_made member;
    BORDER_MADE(BORDER_MADE_MEMBER)
#undef BORDER_MADE_MEMBER
#define BORDER_CALLED_MEMBER(member, name, method, signature) jmethodID member;
    BORDER_CALLED(BORDER_CALLED_MEMBER)
#undef BORDER_CALLED_MEMBER
} border_types;
const border_types *border(void);

/* --- statuses --- */

/* True if the status is OK; else an exception is pending, with what `error` (may be NULL) says of this status. */
bool border_ok(JNIEnv *env, satchel_status status, const satchel_error *error);

/* --- from Java --- */

/* A copy of a byte[] with a zero behind it; `data` NULL: the array was null. */
typedef struct border_copy {
    uint8_t *data;
    size_t bytes;
} border_copy;

/* False: an exception is pending, and there is nothing to give back. */
bool border_take(JNIEnv *env, jbyteArray array, border_copy *out);
/* Wipes and frees. */
void border_give(border_copy *copy);

satchel_bytes border_bytes(const border_copy *copy);
satchel_text border_text(const border_copy *copy);
const char *border_string(const border_copy *copy); /* NULL if the array was null */
satchel_id border_id(jlong most, jlong least);

/* A handle of the core is a long of Java. */
jlong border_long(const void *handle);
void *border_handle(jlong handle);

/* --- to Java; NULL with an exception pending if memory is exhausted --- */

jbyteArray border_new_bytes(JNIEnv *env, satchel_bytes bytes);
jbyteArray border_new_text(JNIEnv *env, satchel_text text);
jbyteArray border_new_string(JNIEnv *env, const char *text); /* NULL: an empty one */
/* All zero gives null, which is no failure. */
jobject border_new_id(JNIEnv *env, const satchel_id *id);
/* Deletes local references; nulls are fine. */
void border_drop(JNIEnv *env, const jobject *references, unsigned count);

/* --- the functions of satchel.Native, a table a file --- */

/* ISO C knows no way from a function to the pointer that JNI wants, but by way of an integer. */
#define BORDER_METHOD(name, signature, function)                                                                       \
    { name, signature, (void *)(uintptr_t)(function) }

typedef struct border_table {
    const JNINativeMethod *methods;
    jint count;
} border_table;
#define BORDER_TABLE(methods)                                                                                          \
    { (methods), (jint)(sizeof(methods) / sizeof(methods)[0]) }

extern const border_table border_device_table;
extern const border_table border_write_table;
extern const border_table border_query_table;
extern const border_table border_record_table;
extern const border_table border_sync_table;
extern const border_table border_explain_table;
extern const border_table border_command_table;

#endif
