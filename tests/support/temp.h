/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A temporary folder for one test, under TMPDIR or /tmp.
 */
#ifndef SATCHEL_TESTS_SUPPORT_TEMP_H
#define SATCHEL_TESTS_SUPPORT_TEMP_H

#define TEST_PATH_BYTES 512

typedef struct test_temp {
    char path[TEST_PATH_BYTES];
} test_temp;

/* Makes an empty folder of mode 0700; ends the test on failure. */
test_temp test_temp_make(void);

/* Removes the folder and all in it, links themselves rather than what they point to. */
void test_temp_remove(const test_temp *temp);

/* `folder/name` into `out`; ends the test if it does not fit. Returns `out`. */
const char *test_temp_path(const test_temp *temp, const char *name, char out[TEST_PATH_BYTES]);

#endif
