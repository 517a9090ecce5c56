/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering of writes. Only sealed bytes ever lie in a run.
 */
#include "vault/run.h"

#include "base/memory.h"

#include <assert.h>

satchel_status satchel_run_init(satchel_run *run, size_t unit_bytes, uint64_t origin) {
    *run = (satchel_run){satchel_memory_take(unit_bytes * SATCHEL_RUN_UNITS), unit_bytes, 0, 0, origin};
    return run->data != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

void satchel_run_deinit(satchel_run *run) {
    satchel_memory_give(run->data);
    run->data = NULL;
}

uint8_t *satchel_run_find(const satchel_run *run, uint64_t number) {
    if (run->count == 0 || number < run->first || number - run->first >= run->count) {
        return NULL;
    }
    return run->data + (number - run->first) * run->unit_bytes;
}

bool satchel_run_takes(const satchel_run *run, uint64_t number) {
    if (run->count == 0 || satchel_run_find(run, number) != NULL) {
        return true;
    }
    return run->count < SATCHEL_RUN_UNITS && number == run->first + run->count;
}

uint8_t *satchel_run_room(const satchel_run *run, uint64_t number) {
    assert(satchel_run_takes(run, number));
    uint8_t *waiting = satchel_run_find(run, number);
    return waiting != NULL ? waiting : run->data + run->count * run->unit_bytes;
}

void satchel_run_keep(satchel_run *run, uint64_t number) {
    if (satchel_run_find(run, number) != NULL) {
        return;
    }
    if (run->count == 0) {
        run->first = number;
    }
    run->count++;
}

int satchel_run_flush(satchel_run *run, satchel_vfs *vfs, sqlite3_file *below) {
    if (run->count == 0) {
        return SQLITE_OK;
    }
    size_t bytes = run->count * run->unit_bytes;
    run->count = 0;
    return satchel_vfs_write(vfs, below, run->data, bytes, run->origin + (run->first - 1) * run->unit_bytes);
}
