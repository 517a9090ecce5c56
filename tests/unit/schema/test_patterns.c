/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checked patterns, by tables of what passes and what does not.
 */
#include "base/text.h"
#include "schema/patterns.h"
#include "support/random.h"
#include "support/test.h"

#include <string.h>

static void expect(const char *pattern, const char *const *texts, bool expected) {
    for (; *texts != NULL; texts++) {
        test_note("%s: \"%s\"", pattern, *texts);
        CHECK(satchel_pattern_matches(pattern, satchel_text_of(*texts)) == expected);
    }
}

TEST(patterns, phones_are_as_people_write_them) {
    static const char *const good[] = {
        "110",          "13812344729",          "+86 138 1234 4729",    "(5) 555-3745",
        "030-0074321",  "(171) 555-2222",       "0241/039123",          "010-6512.3456x12345678",
        "400-810-8888", "+1234567890123456789", "12345678901234567890", NULL};
    static const char *const bad[] = {"",     "12",      "138a",          "1+38",    "++86138", "123456789012345678901",
                                      "138x", "138x1x2", "138x123456789", "电话138", "138\n",   "x123",
                                      NULL};
    expect("phone", good, true);
    expect("phone", bad, false);
}

TEST(patterns, email_addresses_have_a_local_part_and_a_domain) {
    static const char *const good[] = {
        "anna@example.com", "a.b+c@sub.example.co", "o'neil@example.com", "销售@例子.公司", "x@1-2.cn", NULL};
    static const char *const bad[] = {
        "",          "anna",        "@example.com", "anna@",      "anna@localhost", "a@b..com",  ".a@b.com",
        "a.@b.com",  "a..b@b.com",  "a b@b.com",    "a@-b.com",   "a@b-.com",       "a@b.com.",  "a@b@c.com",
        "a@b_c.com", "\"a\"@b.com", "a,b@c.com",    "a<b>@c.com", "a\x7f@b.com",    "a\t@b.com", "a@.com",
        "a@b.c om",  NULL};
    expect("email", good, true);
    expect("email", bad, false);
}

/* "aaa…@bbb….bbb….com" with a local part and a label of the given lengths. */
static satchel_text long_email(char *room, size_t local, size_t label) {
    memset(room, 'a', local);
    room[local] = '@';
    memset(room + local + 1, 'b', label);
    memcpy(room + local + 1 + label, ".com", 4);
    return (satchel_text){room, local + 1 + label + 4};
}

TEST(patterns, parts_of_an_email_address_have_limits) {
    char room[400];
    CHECK(satchel_pattern_matches("email", long_email(room, 64, 63)));
    CHECK(!satchel_pattern_matches("email", long_email(room, 65, 63)));
    CHECK(!satchel_pattern_matches("email", long_email(room, 64, 64)));
    memset(room, 'b', sizeof room);
    memcpy(room, "a@", 2);
    for (size_t at = 60; at < 260; at += 60) {
        room[at] = '.';
    }
    CHECK(satchel_pattern_matches("email", (satchel_text){room, 254}));
    CHECK(!satchel_pattern_matches("email", (satchel_text){room, 255}));
}

TEST(patterns, currencies_are_three_capital_letters) {
    static const char *const good[] = {"CNY", "USD", "AAA", "ZZZ", NULL};
    static const char *const bad[] = {"", "CN", "CNYY", "cny", "CN1", "C Y", "人", "@@@", "[[[", NULL};
    expect("currency", good, true);
    expect("currency", bad, false);
}

TEST(patterns, urls_have_a_scheme_and_a_host) {
    static const char *const good[] = {"http://a", "https://example.com/x?y=1#z", "https://例子.公司/路", NULL};
    static const char *const bad[] = {
        "",          "http://",    "https://",         "https:///x",   "http://?a",
        "http://#a", "http://:80", "ftp://a",          "example.com",  "javascript:alert(1)",
        "HTTP://a",  "http://a b", "http://a\r\nX: y", "http://a\x7f", NULL};
    expect("url", good, true);
    expect("url", bad, false);
}

TEST(patterns, only_the_four_are_known) {
    CHECK(satchel_pattern_known("phone") && satchel_pattern_known("email"));
    CHECK(satchel_pattern_known("currency") && satchel_pattern_known("url"));
    CHECK(!satchel_pattern_known("") && !satchel_pattern_known("Phone"));
    CHECK(!satchel_pattern_matches("postal", satchel_text_of("123")));
}

/* Texts are not zero-terminated: the sanitizer finds a look past the end. */
TEST(patterns, never_look_past_the_end) {
    static const char *const names[] = {"phone", "email", "currency", "url"};
    static const char alphabet[] = "+1a@.-x/:ht ps\xE5";
    test_random random = test_random_of(17);
    uint64_t matched = 0;
    for (int i = 0; i < 100000; i++) {
        char exact[12];
        size_t bytes = (size_t)test_random_below(&random, sizeof exact + 1);
        char *text = exact + sizeof exact - bytes;
        for (size_t at = 0; at < bytes; at++) {
            text[at] = alphabet[test_random_below(&random, sizeof alphabet - 1)];
        }
        matched += satchel_pattern_matches(names[i % 4], (satchel_text){text, bytes});
    }
    CHECK(matched > 0);
}
