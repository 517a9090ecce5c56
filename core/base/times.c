/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proleptic Gregorian calendar and RFC 3339. No leap seconds: a minute has 60, as in POSIX time.
 */
#include "base/times.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define YEAR_LAST 9999
#define DAYS_PER_ERA INT64_C(146097)  /* 400 years */
#define DAYS_TO_EPOCH INT64_C(719468) /* from 0000-03-01 to 1970-01-01 */
#define MS_PER_MINUTE INT64_C(60000)

static int64_t divide_down(int64_t value, int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

/* What divide_down leaves, never negative; day times length could overflow at the ends of the range. */
static int64_t remainder_up(int64_t value, int64_t by) {
    return value % by + (value % by < 0 ? by : 0);
}

int64_t satchel_days_from_civil(satchel_civil civil) {
    int64_t year = (int64_t)civil.year - (civil.month <= 2 ? 1 : 0); /* years begin in March, so the leap day is last */
    int64_t era = divide_down(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = civil.month + (civil.month > 2 ? -3 : 9);
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + civil.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

satchel_civil satchel_civil_from_days(int64_t days) {
    int64_t shifted = days + DAYS_TO_EPOCH;
    int64_t era = divide_down(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march + (month_from_march < 10 ? 3 : -9);
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    return (satchel_civil){(int32_t)year, (int32_t)month,
                           (int32_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1)};
}

int64_t satchel_day_of(int64_t unix_ms, int32_t zone_minutes) {
    int64_t day = divide_down(unix_ms, SATCHEL_MS_PER_DAY);
    int64_t ms_of_day = remainder_up(unix_ms, SATCHEL_MS_PER_DAY);
    return day + divide_down(ms_of_day + zone_minutes * MS_PER_MINUTE, SATCHEL_MS_PER_DAY);
}

/* "2026-11-21"; years before 0 and past 9999 as in ISO 8601's expanded form, so that any number can be shown. */
void satchel_day_write(int64_t days, char text[SATCHEL_TIME_TEXT_BYTES]) {
    const int64_t first = -INT64_C(1000000000); /* beyond: no calendar, only the number */
    if (days < first || days > -first) {
        snprintf(text, SATCHEL_TIME_TEXT_BYTES, "day %" PRId64, days);
        return;
    }
    satchel_civil civil = satchel_civil_from_days(days);
    const char *sign = civil.year < 0 ? "-" : civil.year > YEAR_LAST ? "+" : "";
    int32_t year = civil.year < 0 ? -civil.year : civil.year;
    snprintf(text, SATCHEL_TIME_TEXT_BYTES, "%s%04" PRId32 "-%02" PRId32 "-%02" PRId32, sign, year, civil.month,
             civil.day);
}

void satchel_time_write(int64_t unix_ms, char text[SATCHEL_TIME_TEXT_BYTES]) {
    int64_t day = divide_down(unix_ms, SATCHEL_MS_PER_DAY);
    int64_t ms = remainder_up(unix_ms, SATCHEL_MS_PER_DAY);
    satchel_civil civil = satchel_civil_from_days(day);
    if (civil.year < 0 || civil.year > YEAR_LAST) {
        snprintf(text, SATCHEL_TIME_TEXT_BYTES, "%" PRId64 " ms", unix_ms);
        return;
    }
    snprintf(text, SATCHEL_TIME_TEXT_BYTES, "%04" PRId32 "-%02" PRId32 "-%02" PRId32 "T%02d:%02d:%02d.%03dZ",
             civil.year, civil.month, civil.day, (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
             (int)(ms % 1000));
}

/* `count` digits at `*at` as a number; false if there are others or fewer. */
static bool read_digits(satchel_text text, size_t *at, unsigned count, int32_t *out) {
    int32_t value = 0;
    if (text.bytes - *at < count) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        char character = text.data[*at + i];
        if (character < '0' || character > '9') {
            return false;
        }
        value = value * 10 + (character - '0');
    }
    *at += count;
    *out = value;
    return true;
}

static bool read_mark(satchel_text text, size_t *at, const char *marks) {
    if (*at >= text.bytes || text.data[*at] == '\0' || strchr(marks, text.data[*at]) == NULL) {
        return false;
    }
    (*at)++;
    return true;
}

static int32_t days_of_month(int32_t year, int32_t month) {
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* "YYYY-MM-DD" at `*at`. */
static satchel_status read_date(satchel_text text, size_t *at, int64_t *out_days) {
    satchel_civil civil;
    if (!read_digits(text, at, 4, &civil.year) || !read_mark(text, at, "-") ||
        !read_digits(text, at, 2, &civil.month) || !read_mark(text, at, "-") || !read_digits(text, at, 2, &civil.day)) {
        return SATCHEL_MALFORMED;
    }
    if (civil.month < 1 || civil.month > 12 || civil.day < 1 || civil.day > days_of_month(civil.year, civil.month)) {
        return SATCHEL_OUT_OF_RANGE;
    }
    *out_days = satchel_days_from_civil(civil);
    return SATCHEL_OK;
}

/* ".5" is 500 ms; digits past the third are cut off. */
static bool read_fraction(satchel_text text, size_t *at, int32_t *out_ms) {
    int32_t scale = 100;
    int32_t digit;
    *out_ms = 0;
    if (!read_mark(text, at, ".")) {
        return true;
    }
    if (!read_digits(text, at, 1, &digit)) {
        return false;
    }
    do {
        *out_ms += digit * scale;
        scale /= 10;
    } while (read_digits(text, at, 1, &digit));
    return true;
}

/* "hh:mm:ss" and fraction. */
static satchel_status read_clock(satchel_text text, size_t *at, int64_t *out_ms) {
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t ms;
    if (!read_digits(text, at, 2, &hour) || !read_mark(text, at, ":") || !read_digits(text, at, 2, &minute) ||
        !read_mark(text, at, ":") || !read_digits(text, at, 2, &second) || !read_fraction(text, at, &ms)) {
        return SATCHEL_MALFORMED;
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return SATCHEL_OUT_OF_RANGE;
    }
    *out_ms = ((hour * INT64_C(60) + minute) * 60 + second) * 1000 + ms;
    return SATCHEL_OK;
}

/* "Z" or "±hh:mm". */
static satchel_status read_zone(satchel_text text, size_t *at, int64_t *out_ms) {
    int32_t hours;
    int32_t minutes;
    *out_ms = 0;
    if (read_mark(text, at, "Zz")) {
        return SATCHEL_OK;
    }
    bool is_west = *at < text.bytes && text.data[*at] == '-';
    if (!read_mark(text, at, "+-") || !read_digits(text, at, 2, &hours) || !read_mark(text, at, ":") ||
        !read_digits(text, at, 2, &minutes)) {
        return SATCHEL_MALFORMED;
    }
    if (hours > 23 || minutes > 59) {
        return SATCHEL_OUT_OF_RANGE;
    }
    *out_ms = (hours * INT64_C(60) + minutes) * MS_PER_MINUTE * (is_west ? -1 : 1);
    return SATCHEL_OK;
}

satchel_status satchel_time_read(satchel_text text, int64_t *out_unix_ms) {
    size_t at = 0;
    int64_t days = 0;
    int64_t ms = 0;
    int64_t zone_ms = 0;
    satchel_status status = read_date(text, &at, &days);
    if (status == SATCHEL_OK) {
        status = read_mark(text, &at, "Tt ") ? read_clock(text, &at, &ms) : SATCHEL_MALFORMED;
    }
    if (status == SATCHEL_OK) {
        status = read_zone(text, &at, &zone_ms);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (at != text.bytes) {
        return SATCHEL_MALFORMED;
    }
    *out_unix_ms = days * SATCHEL_MS_PER_DAY + ms - zone_ms;
    return SATCHEL_OK;
}

satchel_status satchel_day_read(satchel_text text, int64_t *out_days) {
    size_t at = 0;
    int64_t days;
    satchel_status status = read_date(text, &at, &days);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (at != text.bytes) {
        return SATCHEL_MALFORMED;
    }
    *out_days = days;
    return SATCHEL_OK;
}
