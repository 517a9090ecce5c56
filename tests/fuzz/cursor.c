/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor as a phone gives it back. It is ours or STALE_CURSOR, takes no memory, and one that is read is written again
 * in one form within the limit of a cursor, which reads back as the same.
 */
#include "fuzz/support/fuzz.h"

#include "base/limits.h"
#include "service/cursor.h"

#include <string.h>

#define CURSOR_MEMORY 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_buffer once = {NULL, 0, 0}, twice = {NULL, 0, 0};
    satchel_cursor cursor, again;
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    fuzz_begin();
    satchel_status status = satchel_cursor_read(satchel_bytes_of(data, bytes), &cursor, &error);
    FUZZ_HOLDS(status == SATCHEL_OK || (status == SATCHEL_STALE_CURSOR && error.status == status));
    if (status == SATCHEL_OK) {
        FUZZ_HOLDS(cursor.snapshot_count <= SATCHEL_CURSOR_SNAPSHOTS_MOST);
        FUZZ_HOLDS(cursor.route_count <= SATCHEL_CURSOR_ROUTE_MOST && cursor.route_at <= cursor.route_count);
        FUZZ_HOLDS(satchel_cursor_write(&cursor, &once) == SATCHEL_OK);
        FUZZ_HOLDS(once.bytes <= bytes && once.bytes <= SATCHEL_LIMIT_CURSOR_BYTES);
        FUZZ_HOLDS(satchel_cursor_read(satchel_buffer_view(&once), &again, NULL) == SATCHEL_OK);
        FUZZ_HOLDS(again.epoch == cursor.epoch && again.view == cursor.view && again.full_n == cursor.full_n);
        FUZZ_HOLDS(satchel_cursor_write(&again, &twice) == SATCHEL_OK);
        FUZZ_HOLDS(satchel_bytes_equal(satchel_buffer_view(&once), satchel_buffer_view(&twice)));
    }
    satchel_buffer_deinit(&once);
    satchel_buffer_deinit(&twice);
    fuzz_end(CURSOR_MEMORY);
    return 0;
}

void fuzz_seeds(void) {
    test_random random = test_random_of(7);
    satchel_buffer seed = {NULL, 0, 0};
    for (uint32_t count = 0; count <= SATCHEL_CURSOR_SNAPSHOTS_MOST; count++) {
        satchel_cursor cursor = {.epoch = 1 + count,
                                 .view = test_random_u64(&random),
                                 .generation = (uint8_t)count,
                                 .set = count * 3,
                                 .full_n = test_random_u64(&random) >> 20,
                                 .cut = count % 2 == 1,
                                 .cut_n = 77,
                                 .snapshot_count = count};
        cursor.cut_at = (satchel_place){test_random_id(&random), 2, test_random_id(&random)};
        for (uint32_t i = 0; i < count; i++) {
            cursor.snapshots[i] = (satchel_cursor_snapshot){.set = i + 1, .start_n = 1000, .done = 5, .total = 9};
            cursor.snapshots[i].begun = i % 2 == 0;
            cursor.snapshots[i].at = cursor.cut_at;
        }
        cursor.route_count = count % 3 == 1 ? count * 8 : 0;
        cursor.route_at = cursor.route_count / 2;
        for (uint32_t i = 0; i < cursor.route_count; i++) {
            cursor.route[i] = test_random_id(&random);
        }
        satchel_buffer_clear(&seed);
        FUZZ_HOLDS(satchel_cursor_write(&cursor, &seed) == SATCHEL_OK);
        fuzz_seed(satchel_buffer_view(&seed));
    }
    satchel_buffer_deinit(&seed);
}
