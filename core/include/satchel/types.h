/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain values that cross the border between Satchel and its shells.
 */
#ifndef SATCHEL_TYPES_H
#define SATCHEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SATCHEL_ID_BYTES 16

/* Text form of an id, "0190b4c8-....": 36 characters and a zero. */
#define SATCHEL_ID_TEXT_BYTES 37

/* Borrowed bytes. Whoever gave them owns them; they live as long as the giver says. data may be NULL if bytes is 0. */
typedef struct satchel_bytes {
    const uint8_t *data;
    size_t bytes;
} satchel_bytes;

/* Borrowed UTF-8 text with its length, not zero-terminated; checked where it enters. */
typedef struct satchel_text {
    const char *data;
    size_t bytes;
} satchel_text;

/* Identity of a row, device, store or scope: an UUID of version 7, or 16 bytes derived from a hash. All zero: none. */
typedef struct satchel_id {
    uint8_t bytes[SATCHEL_ID_BYTES];
} satchel_id;

/* A position in the server's history: `n` counts commits within `epoch`, one life of the server's database. */
typedef struct satchel_revision {
    uint32_t epoch;
    uint64_t n;
} satchel_revision;

/*
 * A moment as a phone knows it. No field is trusted alone.
 * boot: counts the phone's starts as far as the store saw them; monotonic_ms: since that start, never jumps;
 * wall_ms: what the phone's clock said, ms since 1970-01-01 UTC; offset_ms: server time minus wall_ms as last measured.
 */
typedef struct satchel_moment {
    uint32_t boot;
    int64_t monotonic_ms;
    int64_t wall_ms;
    int64_t offset_ms;
} satchel_moment;

/* What a phone may ask the server to do, see command.h. The numbers are sent and stored. */
typedef enum satchel_command_kind {
    SATCHEL_COMMAND_CLAIM = 1,        /* a customer of the public pool becomes the user's */
    SATCHEL_COMMAND_RELEASE = 2,      /* a customer goes back to the pool */
    SATCHEL_COMMAND_TRANSFER = 3,     /* a customer goes to another user: `owner` */
    SATCHEL_COMMAND_MERGE = 4,        /* two customers are one: the row goes, `merged_into` stays */
    SATCHEL_COMMAND_UNMERGE = 5,      /* they were not: the row comes back */
    SATCHEL_COMMAND_DECIDE = 6,       /* an approval: `decision`, `comment` */
    SATCHEL_COMMAND_SUBMIT_ORDER = 7, /* `total_minor` and `line_count` as the user saw them */
    SATCHEL_COMMAND_CHANGE_PLAN = 8,  /* a visit plan or a stop of it: the fields to change; a stop without any goes */
    SATCHEL_COMMAND_RESOLVE = 9       /* a conflict: `status` as the user decided */
} satchel_command_kind;
#define SATCHEL_COMMAND_LAST SATCHEL_COMMAND_RESOLVE

#ifdef __cplusplus
}
#endif
#endif
