/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as people see them: straight columns, and nothing that steers a terminal.
 */
#include "admin/table.h"

#include "support/test.h"

#include <string.h>

static void write_table(const char *result, satchel_buffer *out) {
    json_t *json = json_loads(result, 0, NULL);
    REQUIRE(json != NULL);
    satchel_buffer_init(out);
    REQUIRE_OK(satchel_table_write(json, out));
    REQUIRE_OK(satchel_buffer_append_byte(out, 0));
    json_decref(json);
}

TEST(table, columns_are_straight_with_wide_and_combined_characters) {
    satchel_buffer out;
    write_table("{\"rows\": [{\"name\": \"华宁\", \"city\": \"x\"}, {\"name\": \"e\\u0301\", \"city\": \"y\"}]}", &out);
    CHECK_TEXT((const char *)out.data, "name  city  \n华宁  x     \ne\u0301     y     \n2 rows\n");
    satchel_buffer_deinit(&out);
}

TEST(table, text_that_steers_a_terminal_is_replaced) {
    static const char *const steering[] = {"\\u001b[2J", "\\u0007", "\\u009b2J", "\\u202e", "\\u2066", "\\u007f"};
    for (size_t i = 0; i < sizeof steering / sizeof steering[0]; i++) {
        char result[128];
        satchel_buffer out;
        snprintf(result, sizeof result, "{\"rows\": [{\"name\": \"a%sb\"}], \"note\": \"c%sd\"}", steering[i],
                 steering[i]);
        write_table(result, &out);
        test_note("%s", steering[i]);
        CHECK(strpbrk((const char *)out.data, "\x1b\x07\x7f") == NULL);
        CHECK(strstr((const char *)out.data, "\u202e") == NULL && strstr((const char *)out.data, "\u2066") == NULL);
        CHECK(strstr((const char *)out.data, "\xc2\x9b") == NULL);
        CHECK(strstr((const char *)out.data, "a\ufffd") != NULL && strstr((const char *)out.data, "c\ufffd") != NULL);
        satchel_buffer_deinit(&out);
    }
}

TEST(table, a_long_cell_is_cut_at_a_character) {
    char result[512] = "{\"rows\": [{\"name\": \"";
    satchel_buffer out;
    for (int i = 0; i < 30; i++) {
        strncat(result, "长", sizeof result - strlen(result) - 1);
    }
    strncat(result, "\"}]}", sizeof result - strlen(result) - 1);
    write_table(result, &out);
    const char *line = strchr((const char *)out.data, '\n') + 1;
    CHECK_INT(strcspn(line, " \n"), 20 * 3); /* forty columns */
    satchel_buffer_deinit(&out);
}

TEST(table, lines_of_a_value_stay_lines) {
    satchel_buffer out;
    write_table("{\"qr\": \"██\\n██\", \"link\": \"satchel:enroll?x\"}", &out);
    CHECK_TEXT((const char *)out.data, "██\n██\nlink               satchel:enroll?x\n");
    satchel_buffer_deinit(&out);
}
