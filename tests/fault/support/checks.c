/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a check of support/test.h does in a program of the fault ring: a failed one is counted; where a test would end,
 * the program ends, as what was being proved cannot be reached any more.
 */
#include "fault/support/fault.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

void test_report(const char *file, int line, const char *message) {
    fault_wrong(FAULT_FAILURES, "%s:%d: %s", file, line, message);
}

_Noreturn void test_end(void) {
    printf("the program cannot go on\n");
    exit(1);
}
