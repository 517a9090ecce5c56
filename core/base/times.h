/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time values: ms since 1970-01-01 UTC in an int64, days since that day in an int64. No clock is read here.
 * Civil calendar: Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
 */
#ifndef SATCHEL_BASE_TIMES_H
#define SATCHEL_BASE_TIMES_H

#include <satchel/status.h>
#include <satchel/types.h>

#define SATCHEL_MS_PER_SECOND INT64_C(1000)
#define SATCHEL_MS_PER_DAY INT64_C(86400000)

typedef struct satchel_civil {
    int32_t year;  /* -9999 … 9999 */
    int32_t month; /* 1 … 12 */
    int32_t day;   /* 1 … 31 */
} satchel_civil;

int64_t satchel_days_from_civil(satchel_civil civil);
satchel_civil satchel_civil_from_days(int64_t days);

/* Day of a moment in a zone `zone_minutes` east of UTC; rounds toward the past. */
int64_t satchel_day_of(int64_t unix_ms, int32_t zone_minutes);

/* "2026-11-21T08:05:09.123Z" and "2026-11-21", zero-terminated. */
#define SATCHEL_TIME_TEXT_BYTES 32
void satchel_time_write(int64_t unix_ms, char text[SATCHEL_TIME_TEXT_BYTES]);
void satchel_day_write(int64_t days, char text[SATCHEL_TIME_TEXT_BYTES]);

/* RFC 3339, zone required, fraction to ms. Errors: MALFORMED, OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_time_read(satchel_text text, int64_t *out_unix_ms);
/* "YYYY-MM-DD", a day that exists. Errors: MALFORMED, OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_day_read(satchel_text text, int64_t *out_days);

#endif
