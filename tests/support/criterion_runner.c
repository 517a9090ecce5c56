/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands failing checks to Criterion, which brings its own main and runs each test in a process of its own. That process
 * ends without the leak check that LeakSanitizer makes at exit, so each test makes one when it is over.
 */
#include "support/runner.h"
#include "support/test.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>

/* Criterion takes no notice of what is found at exit. */
const char *__asan_default_options(void) {
    return "leak_check_at_exit=0";
}

static bool leaks(void) {
    return __lsan_do_recoverable_leak_check() != 0;
}
#else
static bool leaks(void) {
    return false;
}
#endif

static bool failed; /* a test that ended early has not freed what it held */

void test_report(const char *file, int line, const char *message) {
    failed = true;
    cr_expect(0, "%s:%d: %s", file, line, message);
}

_Noreturn void test_end(void) {
    criterion_abort_test();
}

void test_finish(void) {
    cr_expect(test_checks_made() > 0, "the test made no check, so it cannot fail");
    cr_expect(failed || !leaks(), "memory that was never freed, see above");
}
