/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real phone of the company: the device with its sealed store on disk. Its requests go straight to the service; what
 * both sides spend is told apart by the thread's CPU time.
 */
#ifndef SATCHEL_TESTS_BENCH_SUPPORT_PHONE_H
#define SATCHEL_TESTS_BENCH_SUPPORT_PHONE_H

#include "company.h"

#include <satchel/device.h>
#include <satchel/sync.h>

typedef struct bench_phone {
    bench_company *company;
    satchel_device *device;
    satchel_buffer answer;
} bench_phone;

/* What one sync took. */
typedef struct bench_sync {
    size_t up, down; /* bytes of bodies */
    uint32_t requests;
    int64_t total_ns;
    int64_t server_cpu_ns; /* without the writer's thread */
    int64_t phone_cpu_ns;
    int64_t stored_ns; /* from the last answer to the end of its storing and of what follows it */
} bench_sync;

/* All here end the program on failure. */
void bench_phone_open(bench_phone *phone, bench_company *company, const char *folder, const satchel_id *user);
void bench_phone_close(bench_phone *phone);
bench_sync bench_phone_sync(bench_phone *phone);

#endif
