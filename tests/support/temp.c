/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Temporary folders of tests.
 */
#include "support/temp.h"

#include "support/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

test_temp test_temp_make(void) {
    test_temp temp = {""};
    const char *root = getenv("TMPDIR");
    int length = snprintf(temp.path, sizeof temp.path, "%s/satchel-test-XXXXXX", root != NULL ? root : "/tmp");
    REQUIRE(length > 0 && (size_t)length < sizeof temp.path);
    REQUIRE(mkdtemp(temp.path) != NULL);
    return temp;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void test_temp_remove(const test_temp *temp) {
    if (temp->path[0] != '\0') {
        CHECK_INT(nftw(temp->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    }
}

const char *test_temp_path(const test_temp *temp, const char *name, char out[TEST_PATH_BYTES]) {
    int length = snprintf(out, TEST_PATH_BYTES, "%s/%s", temp->path, name);
    REQUIRE(length > 0 && (size_t)length < TEST_PATH_BYTES);
    return out;
}
