/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding, name keys, likeness, phone keys.
 */
#include "base/memory.h"
#include "rules/names.h"
#include "support/random.h"

#include <string.h>

typedef satchel_status (*text_rule)(satchel_text text, satchel_buffer *out);

typedef struct text_pair {
    const char *from;
    const char *to;
} text_pair;

static void check_pairs(text_rule rule, const text_pair *pairs, size_t count) {
    satchel_buffer out;
    satchel_buffer_init(&out);
    for (size_t i = 0; i < count; i++) {
        satchel_buffer_clear(&out);
        test_note("\"%s\"", pairs[i].from);
        CHECK_OK(rule(test_text_of(pairs[i].from), &out));
        CHECK_TEXT(satchel_text_from(satchel_buffer_view(&out)), pairs[i].to);
    }
    satchel_buffer_deinit(&out);
}
#define CHECK_PAIRS(rule, pairs) check_pairs(rule, pairs, sizeof(pairs) / sizeof(pairs)[0])

TEST(rules_names, folding_drops_case_marks_and_punctuation) {
    static const text_pair pairs[] = {
        {"", ""},
        {"  A  B  ", "a b"},
        {"Müller & Söhne", "muller sohne"},
        {"Straße", "strasse"},
        {"ŒUVRE æther Øre Łódź Þór Ðe đồng", "oeuvre aether ore lodz thor de dong"},
        {"Nguyễn Thị Phượng", "nguyen thi phuong"},
        {"Nguye\xCC\x82\xCC\x83n", "nguyen"}, /* decomposed */
        {"Ｆｕｌｌ　Ｗｉｄｔｈ（１２３）", "full width 123"},
        {"O'Neil—Smith/Co.", "o neil smith co"},
        {"华宁（上海）贸易·有限公司", "华宁 上海 贸易 有限公司"},
        {"「丸の内」・カフェ", "丸の内 カフェ"},
        {"佐々木〇", "佐々木〇"},
        {"Ελλάδα ΑΣ", "ελλαδα ασ"},
        {"ООО Ромашка Ёлка", "ооо ромашка ёлка"},
        {"Ł\xE2\x80\x8B"
         "odz\xEF\xBB\xBF",
         "lodz"}, /* zero width space, BOM */
        {"Ŀŀ ŉ ĳ ǅ ẞ ẚ", "ll n ij dz ss a"},
        {"...", ""},
        {"ʼn😀", "ʼn😀"},
    };
    CHECK_PAIRS(satchel_name_fold, pairs);
}

TEST(rules_names, keys_have_no_legal_form) {
    static const text_pair pairs[] = {
        {"Acme Ltd.", "acme"},
        {"Acme Limited", "acme"},
        {"Acme Co., Ltd.", "acme"},
        {"ACME, Inc.", "acme"},
        {"Müller GmbH & Co. KG", "muller"},
        {"Müller G.m.b.H.", "muller"},
        {"Comércio S.A.", "comercio"},
        {"Comércio, S. de R.L.", "comerciosderl"},
        {"Dupont S.A.R.L.", "dupont"},
        {"SARL Dupont", "dupont"},
        {"Grupo Norte S.A. de C.V.", "gruponorte"},
        {"北京华宁贸易有限公司", "北京华宁贸易"},
        {"北京华宁贸易股份有限公司", "北京华宁贸易"},
        {"华宁有限责任公司", "华宁"},
        {"华宁集团", "华宁"},
        {"华宁控股集团有限公司", "华宁控股"},
        {"华宁（上海）有限公司", "华宁上海"},
        {"华宁上海分公司", "华宁上海分公司"},
        {"华宁有限公司上海分公司", "华宁上海分公司"},
        {"株式会社ヤマダ", "ヤマダ"},
        {"华宁投资中心（有限合伙）", "华宁投资中心"},
        {"Huaning Trading Co., Ltd. 华宁贸易有限公司", "huaningtradingcoltd华宁贸易"},
        {"GmbH", "gmbh"},
        {"Co Ltd", "co"},
        {"有限公司", "有限公司"},
        {"集团公司", "集团公司"},
        {"", ""},
        {"Northwind", "northwind"},
        {"Alfreds Futterkiste", "alfredsfutterkiste"},
        {"B's Beverages", "bsbeverages"},
    };
    CHECK_PAIRS(satchel_name_key, pairs);
}

TEST(rules_names, phones_keep_their_digits_and_one_spelling_of_china) {
    static const text_pair pairs[] = {
        {"138-1234-4729", "13812344729"},
        {"+86 138 1234 4729", "+8613812344729"},
        {"0086 13812344729", "+8613812344729"},
        {"＋８６　１３８", "+86138"},
        {"(+44) 20 7946-0000", "+442079460000"},
        {"020+1", "0201"},
        {"0086", "0086"},
        {"00861", "+861"},
        {"", ""},
        {"none", ""},
    };
    CHECK_PAIRS(satchel_phone_key, pairs);
}

TEST(rules_names, results_are_appended_and_bad_text_is_refused) {
    static const text_rule rules[] = {satchel_name_fold, satchel_name_key, satchel_phone_key};
    satchel_buffer out;
    satchel_buffer_init(&out);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        satchel_buffer_clear(&out);
        REQUIRE_OK(satchel_buffer_append_byte(&out, '>'));
        CHECK_OK(rules[i](test_text_of("42 "), &out));
        CHECK_TEXT(satchel_text_from(satchel_buffer_view(&out)), ">42");
        CHECK_STATUS(rules[i](test_text_of("4\xC3"), &out), SATCHEL_BAD_TEXT);
        CHECK_TEXT(satchel_text_from(satchel_buffer_view(&out)), ">42");
    }
    satchel_buffer_deinit(&out);
}

TEST(rules_names, running_out_of_memory_leaves_the_buffer_as_it_was) {
    static const text_rule rules[] = {satchel_name_fold, satchel_name_key, satchel_phone_key};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        satchel_buffer out;
        satchel_buffer_init(&out);
        satchel_memory_fail_at(1, 1);
        satchel_status status = rules[i](test_text_of("1"), &out);
        satchel_memory_fail_at(0, 0);
        CHECK_STATUS(status, SATCHEL_NO_MEMORY);
        CHECK_UINT(out.bytes, 0);
        satchel_buffer_deinit(&out);
    }
}

/* Any valid text: code points from the blocks that the tables know, and from all of Unicode. */
static size_t random_text(test_random *random, char *out, size_t points) {
    static const uint32_t blocks[][2] = {{0x20, 0x7E},     {0xA0, 0x24F},    {0x1E00, 0x1EFF},
                                         {0x370, 0x45F},   {0x2000, 0x206F}, {0x3000, 0x30FF},
                                         {0x4E00, 0x4E20}, {0xFE00, 0xFFEE}, {1, 0x10FFFF}};
    size_t bytes = 0;
    for (size_t i = 0; i < points; i++) {
        const uint32_t *block = blocks[test_random_below(random, sizeof blocks / sizeof blocks[0])];
        bytes += satchel_text_put((uint32_t)test_random_between(random, block[0], block[1]), out + bytes);
    }
    return bytes;
}

TEST(rules_names, folding_a_folded_name_changes_nothing) {
    test_random random = test_random_of(911);
    satchel_buffer once;
    satchel_buffer twice;
    satchel_buffer_init(&once);
    satchel_buffer_init(&twice);
    for (unsigned i = 0; i < 100000; i++) {
        char text[64];
        size_t bytes = random_text(&random, text, (size_t)test_random_below(&random, 12));
        satchel_buffer_clear(&once);
        satchel_buffer_clear(&twice);
        REQUIRE_OK(satchel_name_fold((satchel_text){text, bytes}, &once));
        REQUIRE_OK(satchel_name_fold(satchel_text_from(satchel_buffer_view(&once)), &twice));
        REQUIRE(satchel_bytes_equal(satchel_buffer_view(&once), satchel_buffer_view(&twice)));
        REQUIRE(satchel_text_valid(satchel_text_from(satchel_buffer_view(&once))));
    }
    satchel_buffer_deinit(&twice);
    satchel_buffer_deinit(&once);
}

TEST(rules_names, a_name_that_folds_to_something_has_a_key) {
    test_random random = test_random_of(912);
    satchel_buffer fold;
    satchel_buffer key;
    satchel_buffer_init(&fold);
    satchel_buffer_init(&key);
    static const char *const parts[] = {"co ", "ltd ", "有限公司", "集团", "分",   "公司",
                                        "a",   " ",    "gmbh",     "股份", "sarl "};
    for (unsigned i = 0; i < 100000; i++) {
        char text[128] = "";
        for (uint64_t k = test_random_below(&random, 6); k > 0; k--) {
            strncat(text, parts[test_random_below(&random, sizeof parts / sizeof parts[0])], 20);
        }
        satchel_buffer_clear(&fold);
        satchel_buffer_clear(&key);
        REQUIRE_OK(satchel_name_fold(test_text_of(text), &fold));
        REQUIRE_OK(satchel_name_key(test_text_of(text), &key));
        REQUIRE((fold.bytes == 0) == (key.bytes == 0));
        REQUIRE(satchel_text_valid(satchel_text_from(satchel_buffer_view(&key))));
    }
    satchel_buffer_deinit(&key);
    satchel_buffer_deinit(&fold);
}

TEST(rules_names, likeness_counts_common_bigrams) {
    static const struct {
        const char *a;
        const char *b;
        uint32_t likeness;
    } cases[] = {
        {"", "", 1000},      {"a", "a", 1000},        {"a", "b", 0},       {"a", "", 0},
        {"ab", "ab", 1000},  {"night", "nacht", 250}, {"abab", "ab", 500}, {"华宁贸易", "华宁商贸", 333},
        {"abcd", "wxyz", 0}, {"aaaa", "aa", 500},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_UINT(satchel_name_likeness(test_text_of(cases[i].a), test_text_of(cases[i].b)), cases[i].likeness);
        CHECK_UINT(satchel_name_likeness(test_text_of(cases[i].b), test_text_of(cases[i].a)), cases[i].likeness);
    }
}

TEST(rules_names, likeness_looks_at_the_first_256_code_points) {
    char a[600];
    char b[600];
    memset(a, 'x', sizeof a);
    memset(b, 'x', sizeof b);
    b[256] = 'y';
    CHECK_UINT(satchel_name_likeness((satchel_text){a, 256}, (satchel_text){b, 300}), 1000);
    b[255] = 'y';
    CHECK(satchel_name_likeness((satchel_text){a, 256}, (satchel_text){b, 256}) < 1000);
}

/* The definition by crossing out. */
static uint32_t slow_likeness(const char *a, const char *b) {
    bool used[16] = {false};
    size_t count_a = strlen(a);
    size_t count_b = strlen(b);
    unsigned common = 0;
    for (size_t i = 0; i + 1 < count_a; i++) {
        for (size_t k = 0; k + 1 < count_b; k++) {
            if (!used[k] && a[i] == b[k] && a[i + 1] == b[k + 1]) {
                used[k] = true;
                common++;
                break;
            }
        }
    }
    size_t total = (count_a ? count_a - 1 : 0) + (count_b ? count_b - 1 : 0);
    return strcmp(a, b) == 0 ? 1000 : total == 0 ? 0 : (uint32_t)(2000 * common / total);
}

TEST(rules_names, likeness_agrees_with_its_definition) {
    test_random random = test_random_of(913);
    for (unsigned i = 0; i < 100000; i++) {
        char texts[2][16] = {"", ""};
        for (int t = 0; t < 2; t++) {
            for (uint64_t k = test_random_below(&random, 12); k > 0; k--) {
                texts[t][k - 1] = (char)('a' + test_random_below(&random, 3));
            }
        }
        REQUIRE_UINT(satchel_name_likeness(test_text_of(texts[0]), test_text_of(texts[1])),
                     slow_likeness(texts[0], texts[1]));
    }
}
