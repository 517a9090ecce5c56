/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hands failing checks to Criterion, which brings its own main and runs each test in a process of its own.
 */
#include "support/test.h"

void test_report(const char *file, int line, const char *message) {
    cr_expect(0, "%s:%d: %s", file, line, message);
}

_Noreturn void test_end(void) {
    criterion_abort_test();
}
