/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of a process that plays one run after the other in one thread.
 */
#ifndef SATCHEL_TESTS_SIM_MEMORY_H
#define SATCHEL_TESTS_SIM_MEMORY_H

/* Before SQLite is used for the first time. With a sanitizer SQLite keeps the system's allocator, which it watches. */
void sim_memory_set_up(void);

#endif
