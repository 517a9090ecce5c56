/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device of Java: the core's, and the Java object that it calls back.
 */
#ifndef SATCHEL_ANDROID_CALLBACKS_H
#define SATCHEL_ANDROID_CALLBACKS_H

#include "border.h"

#include <satchel/device.h>

typedef struct android_device {
    satchel_device *device;
    jobject callbacks; /* global reference; NULL: nothing is called back */
} android_device;

/* The members that a config gets whose context is `device`; only those that Java has. */
satchel_key_provider callbacks_keys(android_device *device, bool anchored);
satchel_platform callbacks_platform(android_device *device);

/* The environment of this thread; NULL if it is none of Java's. */
JNIEnv *callbacks_environment(void);

#endif
