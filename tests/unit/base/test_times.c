/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calendar and RFC 3339.
 */
#include "base/text.h"
#include "base/times.h"
#include "support/test.h"

/* Another way to the same calendar: counted day by day. */
static bool is_leap(int32_t year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static satchel_civil next_day(satchel_civil civil) {
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int32_t last = civil.month == 2 && is_leap(civil.year) ? 29 : days[civil.month - 1];
    if (civil.day < last) {
        return (satchel_civil){civil.year, civil.month, civil.day + 1};
    }
    return civil.month < 12 ? (satchel_civil){civil.year, civil.month + 1, 1} : (satchel_civil){civil.year + 1, 1, 1};
}

TEST(times, every_day_of_four_centuries_and_more_agrees_with_counting) {
    satchel_civil civil = {1599, 12, 31};
    int64_t first = satchel_days_from_civil(civil);
    CHECK_INT(first, -135141);
    for (int64_t days = first; civil.year <= 2401; days++) {
        REQUIRE_INT(satchel_days_from_civil(civil), days);
        satchel_civil back = satchel_civil_from_days(days);
        REQUIRE(back.year == civil.year && back.month == civil.month && back.day == civil.day);
        civil = next_day(civil);
    }
}

TEST(times, known_days) {
    static const struct {
        satchel_civil civil;
        int64_t days;
    } cases[] = {
        {{1970, 1, 1}, 0},     {{1969, 12, 31}, -1},      {{2000, 2, 29}, 11016},
        {{2000, 3, 1}, 11017}, {{2038, 1, 19}, 24855},    {{1900, 3, 1}, -25508},
        {{0, 3, 1}, -719468},  {{9999, 12, 31}, 2932896}, {{-9999, 1, 1}, -4371587},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_civil back = satchel_civil_from_days(cases[i].days);
        test_note("row %zu", i);
        CHECK_INT(satchel_days_from_civil(cases[i].civil), cases[i].days);
        CHECK_INT(back.year, cases[i].civil.year);
        CHECK_INT(back.month, cases[i].civil.month);
        CHECK_INT(back.day, cases[i].civil.day);
    }
}

TEST(times, the_day_depends_on_the_zone_and_rounds_toward_the_past) {
    CHECK_INT(satchel_day_of(0, 0), 0);
    CHECK_INT(satchel_day_of(-1, 0), -1);
    CHECK_INT(satchel_day_of(SATCHEL_MS_PER_DAY - 1, 0), 0);
    CHECK_INT(satchel_day_of(SATCHEL_MS_PER_DAY, 0), 1);
    CHECK_INT(satchel_day_of(16 * 3600 * SATCHEL_MS_PER_SECOND - 1, 480), 0); /* 23:59:59.999 in Shanghai */
    CHECK_INT(satchel_day_of(16 * 3600 * SATCHEL_MS_PER_SECOND, 480), 1);
    CHECK_INT(satchel_day_of(0, -1), -1);
    CHECK_INT(satchel_day_of(INT64_MAX, 480), INT64_MAX / SATCHEL_MS_PER_DAY);
    CHECK_INT(satchel_day_of(INT64_MIN, -480), INT64_MIN / SATCHEL_MS_PER_DAY - 1);
}

typedef struct time_case {
    const char *text;
    satchel_status status;
    int64_t unix_ms;
} time_case;

static const time_case times[] = {
    {"1970-01-01T00:00:00Z", SATCHEL_OK, 0},
    {"1970-01-01t00:00:00z", SATCHEL_OK, 0},
    {"1970-01-01 00:00:00Z", SATCHEL_OK, 0},
    {"1969-12-31T23:59:59.999Z", SATCHEL_OK, -1},
    {"2026-11-21T08:05:09.123Z", SATCHEL_OK, INT64_C(1795248309123)},
    {"2026-11-21T16:05:09.123+08:00", SATCHEL_OK, INT64_C(1795248309123)},
    {"2026-11-21T00:35:09.123-07:30", SATCHEL_OK, INT64_C(1795248309123)},
    {"2026-11-21T08:05:09.1Z", SATCHEL_OK, INT64_C(1795248309100)},
    {"2026-11-21T08:05:09.12Z", SATCHEL_OK, INT64_C(1795248309120)},
    {"2026-11-21T08:05:09.1239999999Z", SATCHEL_OK, INT64_C(1795248309123)},
    {"2024-02-29T00:00:00Z", SATCHEL_OK, INT64_C(1709164800000)},
    {"9999-12-31T23:59:59.999Z", SATCHEL_OK, INT64_C(253402300799999)},
    {"0000-01-01T00:00:00Z", SATCHEL_OK, INT64_C(-62167219200000)},
    {"2023-02-29T00:00:00Z", SATCHEL_OUT_OF_RANGE, 0},
    {"1900-02-29T00:00:00Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-00-21T08:05:09Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-13-21T08:05:09Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-00T08:05:09Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-31T08:05:09Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-21T24:00:00Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-21T08:60:00Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-21T08:05:60Z", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-21T08:05:09+24:00", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-21T08:05:09+00:60", SATCHEL_OUT_OF_RANGE, 0},
    {"2026-11-21T08:05:09", SATCHEL_MALFORMED, 0}, /* no zone */
    {"2026-11-21T08:05:09.Z", SATCHEL_MALFORMED, 0},
    {"2026-11-21T08:05Z", SATCHEL_MALFORMED, 0},
    {"2026-11-21X08:05:09Z", SATCHEL_MALFORMED, 0},
    {"2026-11-21", SATCHEL_MALFORMED, 0},
    {"2026-1-21T08:05:09Z", SATCHEL_MALFORMED, 0},
    {"2026/11/21T08:05:09Z", SATCHEL_MALFORMED, 0},
    {"2026-11-21T08:05:09Zx", SATCHEL_MALFORMED, 0},
    {"2026-11-21T08:05:09+0800", SATCHEL_MALFORMED, 0},
    {"2026-11-21T08:05:09+08", SATCHEL_MALFORMED, 0},
    {" 2026-11-21T08:05:09Z", SATCHEL_MALFORMED, 0},
    {"+2026-11-21T08:05:09Z", SATCHEL_MALFORMED, 0},
    {"", SATCHEL_MALFORMED, 0},
};

TEST(times, texts_of_times_are_read_or_refused) {
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        int64_t unix_ms = 0;
        test_note("\"%s\"", times[i].text);
        CHECK_STATUS(satchel_time_read(satchel_text_of(times[i].text), &unix_ms), times[i].status);
        CHECK_INT(unix_ms, times[i].unix_ms);
    }
}

TEST(times, a_zero_byte_is_no_mark) {
    int64_t out = 3;
    CHECK_STATUS(satchel_time_read((satchel_text){"1970-01-01\00000:00:00Z", 20}, &out), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_day_read((satchel_text){"1970\00001-01", 10}, &out), SATCHEL_MALFORMED);
    CHECK_INT(out, 3);
}

TEST(times, texts_cut_at_any_byte_are_refused) {
    const char *whole = "2026-11-21T16:05:09.123+08:00";
    int64_t out;
    for (size_t bytes = 0; bytes < 29; bytes++) {
        test_note("%zu bytes", bytes);
        CHECK_STATUS(satchel_time_read((satchel_text){whole, bytes}, &out), SATCHEL_MALFORMED);
    }
    CHECK_OK(satchel_time_read((satchel_text){whole, 29}, &out));
}

TEST(times, days_are_read_or_refused) {
    int64_t days = 9;
    CHECK_OK(satchel_day_read(satchel_text_of("2000-02-29"), &days));
    CHECK_INT(days, 11016);
    CHECK_STATUS(satchel_day_read(satchel_text_of("2001-02-29"), &days), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_day_read(satchel_text_of("2000-04-31"), &days), SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_day_read(satchel_text_of("2000-02-29 "), &days), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_day_read(satchel_text_of("20000229"), &days), SATCHEL_MALFORMED);
    CHECK_STATUS(satchel_day_read(satchel_text_of(""), &days), SATCHEL_MALFORMED);
    CHECK_INT(days, 11016);
}

TEST(times, moments_are_written_in_utc_with_ms) {
    static const time_case cases[] = {
        {"1970-01-01T00:00:00.000Z", SATCHEL_OK, 0},
        {"1969-12-31T23:59:59.999Z", SATCHEL_OK, -1},
        {"2026-11-21T08:05:09.123Z", SATCHEL_OK, INT64_C(1795248309123)},
        {"9999-12-31T23:59:59.999Z", SATCHEL_OK, INT64_C(253402300799999)},
        {"0000-01-01T00:00:00.000Z", SATCHEL_OK, INT64_C(-62167219200000)},
        {"253402300800000 ms", SATCHEL_OK, INT64_C(253402300800000)},
        {"-62167219200001 ms", SATCHEL_OK, INT64_C(-62167219200001)},
        {"9223372036854775807 ms", SATCHEL_OK, INT64_MAX},
        {"-9223372036854775808 ms", SATCHEL_OK, INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[SATCHEL_TIME_TEXT_BYTES];
        satchel_time_write(cases[i].unix_ms, text);
        CHECK_TEXT(text, cases[i].text);
    }
}

TEST(times, days_are_written_with_four_digits_of_year) {
    static const struct {
        int64_t days;
        const char *text;
    } cases[] = {
        {0, "1970-01-01"},
        {-1, "1969-12-31"},
        {-719528, "0000-01-01"},
        {-719529, "-0001-12-31"},
        {2932896, "9999-12-31"},
        {2932897, "+10000-01-01"},
        {INT64_MAX, "day 9223372036854775807"},
        {INT64_MIN, "day -9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[SATCHEL_TIME_TEXT_BYTES];
        satchel_day_write(cases[i].days, text);
        CHECK_TEXT(text, cases[i].text);
    }
}
