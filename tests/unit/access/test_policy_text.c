/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules as text: the shipped policy there and back, and lines that are no rules.
 */
#include "access/policy_text.h"
#include "base/text.h"
#include "support/test.h"

#include <satchel/model.h>
#include <string.h>

static satchel_schema real_schema(void) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    return schema;
}

TEST(policy_text, the_shipped_rules_come_back_as_they_were) {
    const satchel_schema schema = real_schema();
    const satchel_access_policy *shipped = satchel_access_shipped_policy();
    satchel_arena arena = {0};
    uint32_t rules = 0;
    uint32_t class_rules = 0;
    for (uint8_t role = 0; role <= SATCHEL_ROLE_AUDITOR; role++) {
        satchel_buffer text = {0};
        satchel_buffer again = {0};
        satchel_access_policy read;
        REQUIRE_OK(satchel_access_rules_write(&schema, shipped, role, &text));
        REQUIRE_OK(satchel_access_rules_read(&schema, role, satchel_text_from(satchel_buffer_view(&text)), &arena,
                                             &read, NULL, NULL));
        REQUIRE_OK(satchel_access_rules_write(&schema, &read, role, &again));
        CHECK(satchel_bytes_equal(satchel_buffer_view(&text), satchel_buffer_view(&again)));
        rules += read.rule_count;
        class_rules += read.class_rule_count;
        satchel_buffer_deinit(&text);
        satchel_buffer_deinit(&again);
    }
    CHECK(rules == shipped->rule_count && class_rules == shipped->class_rule_count);
    satchel_arena_deinit(&arena);
}

TEST(policy_text, what_makes_no_sense_is_told_by_its_line_or_gives_nothing) {
    static const char *const lines[] = {
        "customer",           "customer read",           "customer fly own",       "shop read own",
        "customer read mine", "customer read own twice", "customer open=loud any", "customer secret any"};
    const satchel_schema schema = real_schema();
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        satchel_access_policy read;
        uint32_t bad = 0;
        satchel_text text = satchel_text_of(lines[i]);
        test_note("%s", lines[i]);
        CHECK_STATUS(satchel_access_rules_read(&schema, 16, text, &arena, &read, NULL, NULL), SATCHEL_MALFORMED);
        CHECK_OK(satchel_access_rules_read(&schema, 16, text, &arena, &read, &bad, NULL));
        CHECK(bad == 1 && read.rule_count == 0 && read.class_rule_count == 0);
    }
    satchel_arena_deinit(&arena);
}

TEST(policy_text, comments_and_empty_lines_say_nothing_and_lines_are_counted) {
    const satchel_schema schema = real_schema();
    satchel_arena arena = {0};
    satchel_access_policy read;
    char many[SATCHEL_ROLE_LINES_MOST + 1];
    memset(many, '\n', sizeof many);
    REQUIRE_OK(satchel_access_rules_read(&schema, 16, satchel_text_of("# a\n\n customer  read\town \n"), &arena, &read,
                                         NULL, NULL));
    REQUIRE_UINT(read.rule_count, 1);
    CHECK(read.rules[0].entity == SATCHEL_ENTITY_CUSTOMER && read.rules[0].verbs == SATCHEL_VERB_READ);
    CHECK_OK(satchel_access_rules_read(&schema, 16, (satchel_text){many, SATCHEL_ROLE_LINES_MOST - 1}, &arena, &read,
                                       NULL, NULL));
    CHECK_STATUS(satchel_access_rules_read(&schema, 16, (satchel_text){many, SATCHEL_ROLE_LINES_MOST}, &arena, &read,
                                           NULL, NULL),
                 SATCHEL_LIMIT_EXCEEDED);
    satchel_arena_deinit(&arena);
}
