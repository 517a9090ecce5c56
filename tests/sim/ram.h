/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's database of a simulated company in memory, which can be put back to what it was.
 */
#ifndef SATCHEL_TESTS_SIM_RAM_H
#define SATCHEL_TESTS_SIM_RAM_H

#include "db/db.h"

typedef struct sim_ram sim_ram;

/* An empty database; NULL: SQLite does not open it. */
sim_ram *sim_ram_open(satchel_db **out);
void sim_ram_close(sim_ram *ram, satchel_db *db);

/* Once, outside of a transaction: what is there now is what sim_ram_put_back brings again. */
void sim_ram_keep(sim_ram *ram);

/* Outside of a transaction. The connection stays, with its statements. */
void sim_ram_put_back(sim_ram *ram);

#endif
