/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status table and the filling of errors.
 */
#include "base/error.h"
#include "base/text.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

typedef struct status_row {
    const char *name;
    int number;
    satchel_status_class class_of;
    const char *en;
    const char *zh;
} status_row;

static const status_row rows[] = {
#define STATUS_ROW(name, number, class_, en, zh) {#name, number, SATCHEL_CLASS_##class_, en, zh},
    SATCHEL_STATUS_TABLE(STATUS_ROW)
#undef STATUS_ROW
};
static const size_t row_count = sizeof rows / sizeof rows[0];

TEST(status, every_row_is_found_by_its_number) {
    for (size_t i = 0; i < row_count; i++) {
        satchel_status status = (satchel_status)rows[i].number;
        CHECK_TEXT(satchel_status_name(status), rows[i].name);
        CHECK_INT(satchel_status_class_of(status), rows[i].class_of);
        CHECK_TEXT(satchel_status_text(status, "en"), rows[i].en);
        CHECK_TEXT(satchel_status_text(status, "zh"), rows[i].zh);
    }
}

TEST(status, numbers_and_names_are_used_once) {
    for (size_t i = 0; i < row_count; i++) {
        for (size_t j = i + 1; j < row_count; j++) {
            CHECK(rows[i].number != rows[j].number);
            CHECK(strcmp(rows[i].name, rows[j].name) != 0);
        }
    }
}

TEST(status, texts_are_valid_and_not_empty) {
    for (size_t i = 0; i < row_count; i++) {
        test_note("%s", rows[i].name);
        CHECK(satchel_text_valid(satchel_text_of(rows[i].en)) && rows[i].en[0] != '\0');
        CHECK(satchel_text_valid(satchel_text_of(rows[i].zh)) && rows[i].zh[0] != '\0');
    }
}

/* Stored and sent: a change of these is a break of every store. */
TEST(status, numbers_stay) {
    CHECK_INT(SATCHEL_OK, 0);
    CHECK_INT(SATCHEL_OUT_OF_SCOPE, 18);
    CHECK_INT(SATCHEL_FORBIDDEN, 19);
    CHECK_INT(SATCHEL_HELD_BY_UNIT, 24);
    CHECK_INT(SATCHEL_MOVED_AWAY, 25);
    CHECK_INT(SATCHEL_NO_MEMORY, 40);
    CHECK_INT(SATCHEL_WRONG_PIN, 60);
    CHECK_INT(SATCHEL_NETWORK_ERROR, 80);
}

TEST(status, language_is_told_by_its_first_two_letters) {
    CHECK_TEXT(satchel_status_text(SATCHEL_OK, "zh-CN"), "完成");
    CHECK_TEXT(satchel_status_text(SATCHEL_OK, "zh_TW.UTF-8"), "完成");
    CHECK_TEXT(satchel_status_text(SATCHEL_OK, "fr"), "done");
    CHECK_TEXT(satchel_status_text(SATCHEL_OK, ""), "done");
    CHECK_TEXT(satchel_status_text(SATCHEL_OK, NULL), "done");
}

TEST(status, unknown_numbers_are_fatal_and_have_a_text) {
    satchel_status unknown = (satchel_status)999;
    CHECK_TEXT(satchel_status_name(unknown), "UNKNOWN");
    CHECK_INT(satchel_status_class_of(unknown), SATCHEL_CLASS_FATAL);
    CHECK(satchel_status_text(unknown, "en")[0] != '\0');
    CHECK(satchel_text_valid(satchel_text_of(satchel_status_text(unknown, "zh"))));
}

TEST(status, a_failure_fills_the_error_and_is_returned) {
    satchel_error error = {SATCHEL_OK, 9, 9, "old"};
    CHECK_STATUS(satchel_fail(&error, SATCHEL_MALFORMED, "at byte %d", 12), SATCHEL_MALFORMED);
    CHECK_STATUS(error.status, SATCHEL_MALFORMED);
    CHECK_UINT(error.entity, 0);
    CHECK_UINT(error.field, 0);
    CHECK_TEXT(error.detail, "at byte 12");
    CHECK_STATUS(satchel_fail_field(&error, SATCHEL_TOO_LONG, 3, 14, "%s", "x"), SATCHEL_TOO_LONG);
    CHECK_UINT(error.entity, 3);
    CHECK_UINT(error.field, 14);
    satchel_error_clear(&error);
    CHECK_STATUS(error.status, SATCHEL_OK);
    CHECK_TEXT(error.detail, "");
}

TEST(status, no_error_is_wanted_by_null) {
    CHECK_STATUS(satchel_fail(NULL, SATCHEL_BUSY, "x"), SATCHEL_BUSY);
    CHECK_STATUS(satchel_fail_field(NULL, SATCHEL_BUSY, 1, 2, "x"), SATCHEL_BUSY);
    satchel_error_clear(NULL);
}

TEST(status, a_long_detail_is_cut_at_the_limit_without_splitting_a_character) {
    satchel_error error;
    char text[SATCHEL_ERROR_DETAIL_BYTES + 8];
    memset(text, 'a', sizeof text);
    text[SATCHEL_ERROR_DETAIL_BYTES - 1] = '\0';
    (void)satchel_fail(&error, SATCHEL_INTERNAL, "%s", text);
    CHECK_UINT(strlen(error.detail), SATCHEL_ERROR_DETAIL_BYTES - 1);
    memcpy(text + SATCHEL_ERROR_DETAIL_BYTES - 3, "客", 4); /* the last of its three bytes finds no room */
    (void)satchel_fail(&error, SATCHEL_INTERNAL, "%s", text);
    CHECK_UINT(strlen(error.detail), SATCHEL_ERROR_DETAIL_BYTES - 3);
    CHECK(satchel_text_valid(satchel_text_of(error.detail)));
}
