/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What leaves the server: nothing of a hidden class, only the cover of a masked one.
 */
#include "access/access.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "support/random.h"

#include <satchel/model.h>

#include <stdio.h>
#include <string.h>

static const satchel_schema real_schema = {.model = &satchel_generated_model};

static const satchel_field phone_field = {.number = 2, .name = "phone", .type = SATCHEL_TYPE_TEXT, .pattern = "phone"};
static const satchel_field email_field = {.number = 3, .name = "email", .type = SATCHEL_TYPE_TEXT, .pattern = "email"};
static const satchel_field text_field = {.number = 4, .name = "text", .type = SATCHEL_TYPE_TEXT};
static const satchel_field set_field = {.number = 5,
                                        .name = "phones",
                                        .type = SATCHEL_TYPE_SET,
                                        .element = SATCHEL_TYPE_TEXT,
                                        .search = SATCHEL_SEARCH_PHONE};

TEST(access_filter, texts_keep_only_their_ends) {
    static const struct {
        const satchel_field *field;
        const char *clear;
        const char *masked;
    } cases[] = {
        {&phone_field, "13812344729", "138****4729"},
        {&phone_field, "+86 138 1234 4729", "+86****4729"},
        {&phone_field, "12345678", "123****5678"},
        {&phone_field, "1234567", "1***"},
        {&phone_field, "１３８１２３４４７２９", "１***"},
        {&phone_field, "", ""},
        {&email_field, "anna@example.com", "a***@example.com"},
        {&email_field, "a@example.com", "***@example.com"},
        {&email_field, "@example.com", "***@example.com"},
        {&email_field, "no address", "n***"},
        {&text_field, "王小明", "王***"},
        {&text_field, "王", "***"},
        {&text_field, "anna@example.com", "a***"},
        {&text_field, "", ""},
    };
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_value clear = satchel_value_text(test_text_of(cases[i].clear));
        satchel_value masked;
        REQUIRE_OK(satchel_access_mask(&arena, cases[i].field, &clear, &masked));
        CHECK_TEXT(satchel_text_from(masked.as.bytes), cases[i].masked);
    }
    satchel_arena_deinit(&arena);
}

TEST(access_filter, elements_are_masked_one_by_one) {
    const satchel_bytes elements[] = {satchel_text_bytes(test_text_of("13812344729")),
                                      satchel_text_bytes(test_text_of("13855554729")),
                                      satchel_text_bytes(test_text_of("95588"))};
    satchel_arena arena = {0};
    satchel_value clear = satchel_value_set(elements, 3);
    satchel_value masked;
    REQUIRE_OK(satchel_access_mask(&arena, &set_field, &clear, &masked));
    REQUIRE_UINT(masked.as.set.count, 2); /* two look the same now */
    CHECK_TEXT(satchel_text_from(masked.as.set.elements[0]), "138****4729");
    CHECK_TEXT(satchel_text_from(masked.as.set.elements[1]), "9***");
    satchel_arena_deinit(&arena);
}

TEST(access_filter, everything_but_text_is_masked_to_nothing) {
    satchel_id id = {{1}};
    const satchel_bytes one = satchel_id_view(&id);
    const satchel_value values[] = {satchel_value_null(),    satchel_value_bool(true),  satchel_value_int(5),
                                    satchel_value_real(0.5), satchel_value_bytes(one),  satchel_value_id(&id),
                                    satchel_value_time(9),   satchel_value_set(&one, 1)};
    satchel_arena arena = {0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        satchel_value masked;
        REQUIRE_OK(satchel_access_mask(&arena, &text_field, &values[i], &masked));
        CHECK_INT(masked.type, SATCHEL_TYPE_NULL);
    }
    satchel_arena_deinit(&arena);
}

static void fill_customer(satchel_record *record, satchel_arena *arena) {
    static const uint8_t tail[] = {0xC0, 0x25, 0x01};
    const satchel_bytes phone = satchel_text_bytes(test_text_of("13812344729"));
    satchel_value phones = satchel_value_set(&phone, 1);
    satchel_record_init(record, arena);
    REQUIRE_OK(satchel_record_set_text(record, SATCHEL_CUSTOMER_NAME, test_text_of("华宁")));
    REQUIRE_OK(satchel_record_set(record, SATCHEL_CUSTOMER_PHONES, &phones));
    REQUIRE_OK(satchel_record_set_int(record, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, 100));
    REQUIRE_OK(satchel_record_set_text(record, SATCHEL_CUSTOMER_RISK_NOTE, test_text_of("late")));
    REQUIRE_OK(satchel_record_set_int(record, SATCHEL_FIELD_REVISION, 7));
    REQUIRE_OK(satchel_record_set_int(record, 899, 7)); /* unknown */
    record->tail = (satchel_bytes){tail, sizeof tail};
}

/* Which of the six things in the record come through, as letters, the tail as t. */
static const char *shown(uint32_t role, uint32_t relations, char out[8]) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record seen;
    satchel_access_user user = {.id = {{1}}, .roles = UINT64_C(1) << role, .active = true};
    fill_customer(&record, &arena);
    satchel_record_init(&seen, &arena);
    REQUIRE_OK(satchel_access_filter(&real_schema, satchel_access_shipped_policy(), &user, SATCHEL_ENTITY_CUSTOMER,
                                     relations, &record, &seen));
    const satchel_value *phones = satchel_record_get(&seen, SATCHEL_CUSTOMER_PHONES);
    bool masked = phones != NULL && satchel_text_is(satchel_text_from(phones->as.set.elements[0]), "138****4729");
    (void)snprintf(out, 8, "%s%s%s%s%s%s%s", satchel_record_get(&seen, SATCHEL_CUSTOMER_NAME) ? "n" : "",
                   phones == NULL ? ""
                   : masked       ? "m"
                                  : "p",
                   satchel_record_get(&seen, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR) ? "c" : "",
                   satchel_record_get(&seen, SATCHEL_CUSTOMER_RISK_NOTE) ? "r" : "",
                   satchel_record_get(&seen, SATCHEL_FIELD_REVISION) ? "v" : "",
                   satchel_record_get(&seen, 899) ? "u" : "", seen.tail.bytes > 0 ? "t" : "");
    satchel_arena_deinit(&arena);
    return out;
}

TEST(access_filter, each_role_gets_its_classes) {
    static const struct {
        uint32_t role;
        uint32_t relations;
        const char *shown;
    } cases[] = {
        {SATCHEL_ROLE_ADMINISTRATOR, SATCHEL_RELATION_ANY, "npcrvut"},
        {SATCHEL_ROLE_AUDITOR, SATCHEL_RELATION_ANY, "npcrvut"},
        {SATCHEL_ROLE_MANAGER, SATCHEL_RELATION_TEAM, "npcv"},
        {SATCHEL_ROLE_MANAGER, SATCHEL_RELATION_ANY, ""},
        {SATCHEL_ROLE_REP, SATCHEL_RELATION_OWN, "npcv"},
        {SATCHEL_ROLE_REP, SATCHEL_RELATION_ANY, ""},
        {SATCHEL_ROLE_SERVICE, SATCHEL_RELATION_ANY, "npv"},
        {SATCHEL_ROLE_MARKETING, SATCHEL_RELATION_ANY, "nmv"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char letters[8];
        test_note("case %zu", i);
        CHECK_TEXT((const char *)shown(cases[i].role, cases[i].relations, letters), cases[i].shown);
    }
}

/* Two worlds: whatever the hidden and masked values are, what is seen is the same where they differ only there. */
static void fill_random(satchel_record *record, const satchel_entity *entity, test_random *random, test_random *secret,
                        uint32_t clear_classes) {
    for (uint32_t i = 0; i < entity->field_count; i++) {
        const satchel_field *field = &entity->fields[i];
        bool clear = (clear_classes >> field->sensitivity & 1) != 0 || field->number == SATCHEL_FIELD_ID;
        char text[24];
        (void)snprintf(text, sizeof text, "v%u", (unsigned)test_random_below(clear ? random : secret, 1000));
        if (test_random_chance(clear ? random : secret, 70)) {
            REQUIRE_OK(satchel_record_set_text(record, field->number, test_text_of(text)));
        }
    }
}

TEST(access_filter, hidden_values_leave_no_trace) {
    test_random random = test_random_of(801);
    for (unsigned i = 0; i < 3000; i++) {
        const satchel_entity *entity =
            &satchel_generated_model.entities[test_random_below(&random, satchel_generated_model.entity_count)];
        satchel_access_user user = {.id = {{1}}, .roles = UINT64_C(1) << test_random_below(&random, 6), .active = true};
        uint32_t relations = (uint32_t)test_random_below(&random, 128);
        const satchel_access_policy *policy = satchel_access_shipped_policy();
        uint32_t visible = satchel_access_visible_classes(policy, &user, entity->number, relations);
        satchel_arena arena = {0};
        satchel_record worlds[2];
        satchel_record seen[2];
        test_random same[2] = {{random.state}, {random.state}};
        for (int w = 0; w < 2; w++) {
            test_random secret = {test_random_u64(&random)};
            satchel_record_init(&worlds[w], &arena);
            satchel_record_init(&seen[w], &arena);
            fill_random(&worlds[w], entity, &same[w], &secret, visible);
            REQUIRE_OK(
                satchel_access_filter(&real_schema, policy, &user, entity->number, relations, &worlds[w], &seen[w]));
        }
        REQUIRE(satchel_record_equal(&seen[0], &seen[1]));
        satchel_arena_deinit(&arena);
    }
}

TEST(access_filter, running_out_of_memory_is_told) {
    satchel_arena from = {0};
    satchel_arena to = {0};
    satchel_record record;
    satchel_record seen;
    satchel_access_user user = {.id = {{1}}, .roles = UINT64_C(1) << SATCHEL_ROLE_MARKETING, .active = true};
    fill_customer(&record, &from);
    satchel_record_init(&seen, &to);
    satchel_memory_fail_at(1, 1);
    satchel_status status = satchel_access_filter(&real_schema, satchel_access_shipped_policy(), &user,
                                                  SATCHEL_ENTITY_CUSTOMER, SATCHEL_RELATION_ANY, &record, &seen);
    satchel_memory_fail_at(0, 0);
    CHECK_STATUS(status, SATCHEL_NO_MEMORY);
    satchel_arena_deinit(&to);
    satchel_arena_deinit(&from);
}
