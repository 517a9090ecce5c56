/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Satchel this is.
 */
#ifndef SATCHEL_VERSION_H
#define SATCHEL_VERSION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_VERSION_TEXT "0.1.0"

/* The version of the library that is linked, as "major.minor.patch". Static. */
const char *satchel_version(void);

/* The released schema version that the library knows. */
uint32_t satchel_schema_version(void);

#ifdef __cplusplus
}
#endif
#endif
