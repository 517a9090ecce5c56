/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8: what is well-formed, walking, cutting, trimming.
 */
#include "base/text.h"
#include "support/random.h"
#include "support/test.h"

typedef struct utf8_case {
    const char *text;
    size_t bytes;
    bool valid;
} utf8_case;

#define VALID(text)                                                                                                    \
    { text, sizeof text - 1, true }
#define INVALID(text)                                                                                                  \
    { text, sizeof text - 1, false }

static const utf8_case utf8[] = {
    VALID(""),
    VALID("a"),
    VALID("\x7f"),
    VALID("\xc2\x80"),         /* U+0080 */
    VALID("\xdf\xbf"),         /* U+07FF */
    VALID("\xe0\xa0\x80"),     /* U+0800 */
    VALID("\xed\x9f\xbf"),     /* U+D7FF */
    VALID("\xee\x80\x80"),     /* U+E000 */
    VALID("\xef\xbf\xbf"),     /* U+FFFF, a noncharacter, yet well-formed */
    VALID("\xf0\x90\x80\x80"), /* U+10000 */
    VALID("\xf4\x8f\xbf\xbf"), /* U+10FFFF */
    VALID("客户 and 😀"),
    INVALID("\x00"),             /* U+0000 */
    INVALID("a\x00z"),           /* in the middle */
    INVALID("\x80"),             /* a continuation alone */
    INVALID("\xbf"),             /* another */
    INVALID("\xc0\x80"),         /* overlong U+0000 */
    INVALID("\xc1\xbf"),         /* overlong U+007F */
    INVALID("\xe0\x80\x80"),     /* overlong, three bytes */
    INVALID("\xe0\x9f\xbf"),     /* overlong U+07FF */
    INVALID("\xf0\x80\x80\x80"), /* overlong, four bytes */
    INVALID("\xf0\x8f\xbf\xbf"), /* overlong U+FFFF */
    INVALID("\xed\xa0\x80"),     /* U+D800, a surrogate */
    INVALID("\xed\xbf\xbf"),     /* U+DFFF */
    INVALID("\xf4\x90\x80\x80"), /* U+110000 */
    INVALID("\xf5\x80\x80\x80"), /* beyond */
    INVALID("\xf8\x88\x80\x80\x80"),
    INVALID("\xfe"),
    INVALID("\xff"),
    INVALID("\xc2"),         /* ends early */
    INVALID("\xe5\xae"),     /* ends early */
    INVALID("\xf0\x9f\x98"), /* ends early */
    INVALID("\xc2\x41"),     /* second byte is no continuation */
    INVALID("\xe5\xae\x41"),
    INVALID("\xf0\x9f\x98\x41"),
    INVALID("\xe5\xc2\x80"),
    INVALID("good\xc3"),
};

TEST(text, well_formed_utf8_is_told_from_the_rest) {
    for (size_t i = 0; i < sizeof utf8 / sizeof utf8[0]; i++) {
        test_note("row %zu", i);
        CHECK(satchel_text_valid((satchel_text){utf8[i].text, utf8[i].bytes}) == utf8[i].valid);
    }
}

TEST(text, every_scalar_value_is_written_and_read_back) {
    unsigned count = 0;
    for (uint32_t code_point = 1; code_point <= 0x110001; code_point++) {
        char form[4];
        size_t at = 0;
        satchel_text text = {form, satchel_text_put(code_point, form)};
        bool is_scalar = code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff);
        REQUIRE((text.bytes > 0) == is_scalar);
        if (is_scalar) {
            REQUIRE(satchel_text_valid(text));
            REQUIRE(satchel_text_next(text, &at) == code_point);
            REQUIRE(at == text.bytes);
            count++;
        }
    }
    CHECK_UINT(count, 0x10ffff - 2048);
}

TEST(text, no_two_byte_strings_of_random_bytes_fool_the_walk) {
    test_random random = test_random_of(41);
    unsigned valid = 0;
    for (int i = 0; i < 200000; i++) {
        char bytes[4];
        char again[4];
        test_random_bytes(&random, bytes, sizeof bytes);
        satchel_text text = {bytes, 1 + (size_t)test_random_below(&random, 4)};
        if (!satchel_text_valid(text)) {
            continue;
        }
        valid++;
        for (size_t at = 0, from = 0; at < text.bytes; from = at) {
            size_t written = satchel_text_put(satchel_text_next(text, &at), again);
            REQUIRE(satchel_text_equal((satchel_text){again, written}, (satchel_text){bytes + from, at - from}));
        }
    }
    CHECK(valid > 10000);
}

TEST(text, walking_ends_with_zero) {
    satchel_text text = satchel_text_of("a客😀");
    size_t at = 0;
    CHECK_UINT(satchel_text_next(text, &at), 'a');
    CHECK_UINT(satchel_text_next(text, &at), 0x5ba2);
    CHECK_UINT(satchel_text_next(text, &at), 0x1f600);
    CHECK_UINT(satchel_text_next(text, &at), 0);
    CHECK_UINT(at, 8);
    CHECK_UINT(satchel_text_count(text), 3);
    CHECK_UINT(satchel_text_count(satchel_text_of(NULL)), 0);
}

TEST(text, clipping_never_cuts_a_code_point) {
    static const struct {
        size_t bytes;
        const char *text;
    } cases[] = {{0, ""}, {1, "a"}, {2, "a"}, {3, "a"}, {4, "a客"}, {7, "a客"}, {8, "a客😀"}, {99, "a客😀"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_TEXT(satchel_text_clip(satchel_text_of("a客😀"), cases[i].bytes), cases[i].text);
    }
}

TEST(text, trimming_takes_ascii_and_ideographic_space) {
    static const struct {
        const char *text;
        const char *trimmed;
    } cases[] = {
        {"", ""},
        {" ", ""},
        {"\t\n\v\f\r a b \r\n", "a b"},
        {"\xe3\x80\x80 客 户\xe3\x80\x80\xe3\x80\x80", "客 户"},
        {"\xe3\x80\x80", ""},
        {"\xe3\x80\x81", "\xe3\x80\x81"}, /* U+3001 is no space */
        {"客\x80\x80", "客\x80\x80"},     /* not the end of U+3000 */
        {"\xc2\xa0x", "\xc2\xa0x"},       /* a no-break space stays */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("row %zu", i);
        CHECK_TEXT(satchel_text_trim(satchel_text_of(cases[i].text)), cases[i].trimmed);
    }
}

TEST(text, equality_is_of_bytes) {
    CHECK(satchel_text_is(satchel_text_of("客户"), "客户"));
    CHECK(!satchel_text_is(satchel_text_of("客户"), "客"));
    CHECK(!satchel_text_equal((satchel_text){"ab", 1}, (satchel_text){"ab", 2}));
    CHECK(satchel_text_equal((satchel_text){NULL, 0}, (satchel_text){"ab", 0}));
    CHECK(satchel_text_equal(satchel_text_from(satchel_text_bytes(satchel_text_of("x"))), satchel_text_of("x")));
}
