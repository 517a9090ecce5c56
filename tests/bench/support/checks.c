/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the helpers of tests/support do when a check fails, where no runner is there: a bench ends.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

void test_report(const char *file, int line, const char *message) {
    fprintf(stderr, "bench: %s:%d: %s\n", file, line, message);
    exit(1);
}

_Noreturn void test_end(void) {
    exit(1);
}
