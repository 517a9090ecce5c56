/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests written once and run by two runners: Criterion (SATCHEL_TEST_CRITERION is defined; a process a test) or the
 * plain runner (one process: for ThreadSanitizer, LeakSanitizer and valgrind).
 *
 *     TEST(suite, behaviour_in_plain_words) { ... }
 *
 * CHECK… notes a failure and goes on; REQUIRE… ends the test. What was got comes first, what was expected second.
 * All may be called from any function; from a thread that is not the test's own, only CHECK….
 * A test that made no check at all fails.
 */
#ifndef SATCHEL_TESTS_SUPPORT_TEST_H
#define SATCHEL_TESTS_SUPPORT_TEST_H

#include <satchel/status.h>
#include <satchel/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef SATCHEL_TEST_CRITERION

#include <criterion/criterion.h>
/* When the test is over: it must have checked something, and freed all that it took. */
void test_finish(void);

#define TEST(suite, behaviour)                                                                                         \
    static void suite##_##behaviour##_body(void);                                                                      \
    Test(suite, behaviour) {                                                                                           \
        suite##_##behaviour##_body();                                                                                  \
        test_finish();                                                                                                 \
    }                                                                                                                  \
    static void suite##_##behaviour##_body(void)

#else

typedef struct test_case {
    const char *suite;
    const char *behaviour;
    void (*body)(void);
    struct test_case *next;
} test_case;

void test_register(test_case *entry);

#define TEST(suite_, behaviour_)                                                                                       \
    static void suite_##_##behaviour_##_body(void);                                                                    \
    __attribute__((constructor)) static void suite_##_##behaviour_##_register(void) {                                  \
        static test_case entry = {#suite_, #behaviour_, suite_##_##behaviour_##_body, NULL};                           \
        test_register(&entry);                                                                                         \
    }                                                                                                                  \
    static void suite_##_##behaviour_##_body(void)

#endif

/* Where a check stands. */
typedef struct test_place {
    const char *file;
    int line;
    const char *got_expression;
    const char *expected_expression;
} test_place;
#define TEST_PLACE(got, expected) (&(test_place){__FILE__, __LINE__, got, expected})

/* What failing checks print beside the place, until the next note or the end of the test: the case, the seed. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The runners' two verbs. */
void test_report(const char *file, int line, const char *message);
_Noreturn void test_end(void);

/* Counts a check. */
bool test_passed(void);

/* Each returns whether the check holds. */
bool test_check(bool holds, const test_place *place);
bool test_check_int(int64_t got, int64_t expected, const test_place *place);
bool test_check_uint(uint64_t got, uint64_t expected, const test_place *place);
bool test_check_real(double got, double expected, const test_place *place);
bool test_check_text(satchel_text got, satchel_text expected, const test_place *place);
bool test_check_bytes(satchel_bytes got, satchel_bytes expected, const test_place *place);
bool test_check_id(const satchel_id *got, const satchel_id *expected, const test_place *place);
bool test_check_status(satchel_status got, satchel_status expected, const test_place *place);

/* Texts are satchel_text or zero-terminated; NULL is told apart from the empty text only for the latter. */
satchel_text test_text_of(const char *zero_terminated);
satchel_text test_text_same(satchel_text text);
#define TEST_TEXT(text)                                                                                                \
    _Generic((text), satchel_text : test_text_same, char * : test_text_of, const char * : test_text_of)(text)

#define CHECK(condition) test_check(!!(condition), TEST_PLACE(#condition, NULL))
#define CHECK_INT(got, expected) test_check_int((int64_t)(got), (int64_t)(expected), TEST_PLACE(#got, #expected))
#define CHECK_UINT(got, expected) test_check_uint((uint64_t)(got), (uint64_t)(expected), TEST_PLACE(#got, #expected))
#define CHECK_REAL(got, expected) test_check_real((got), (expected), TEST_PLACE(#got, #expected)) /* exact */
#define CHECK_TEXT(got, expected) test_check_text(TEST_TEXT(got), TEST_TEXT(expected), TEST_PLACE(#got, #expected))
#define CHECK_BYTES(got, expected) test_check_bytes((got), (expected), TEST_PLACE(#got, #expected))
#define CHECK_ID(got, expected) test_check_id((got), (expected), TEST_PLACE(#got, #expected)) /* pointers */
#define CHECK_STATUS(got, expected) test_check_status((got), (expected), TEST_PLACE(#got, #expected))
#define CHECK_OK(got) test_check_status((got), SATCHEL_OK, TEST_PLACE(#got, "SATCHEL_OK"))

#define REQUIRE(condition)                                                                                             \
    ((condition) ? (void)test_passed() : (test_check(false, TEST_PLACE(#condition, NULL)), test_end()))
#define REQUIRE_INT(got, expected) (CHECK_INT(got, expected) ? (void)0 : test_end())
#define REQUIRE_UINT(got, expected) (CHECK_UINT(got, expected) ? (void)0 : test_end())
#define REQUIRE_TEXT(got, expected) (CHECK_TEXT(got, expected) ? (void)0 : test_end())
#define REQUIRE_STATUS(got, expected) (CHECK_STATUS(got, expected) ? (void)0 : test_end())
#define REQUIRE_OK(got) (CHECK_OK(got) ? (void)0 : test_end())

#endif
