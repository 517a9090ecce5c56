/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the checks and the runners.
 */
#ifndef SATCHEL_TESTS_SUPPORT_RUNNER_H
#define SATCHEL_TESTS_SUPPORT_RUNNER_H

/* Checks made by all threads since the last reset, which also drops the note. */
unsigned long test_checks_made(void);
void test_checks_reset(void);

#endif
