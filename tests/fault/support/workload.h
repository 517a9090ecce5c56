/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of SQL statements, the same for the same seed. It keeps track of transactions and savepoints only as far as
 * it needs to make statements that mostly succeed; some are meant to fail. Nothing depends on time or chance in SQLite.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_WORKLOAD_H
#define SATCHEL_TESTS_FAULT_SUPPORT_WORKLOAD_H

#include "support/random.h"

#define WORKLOAD_SQL_BYTES 1024

typedef struct workload_source {
    test_random random;
    unsigned made;  /* statements of the schema that come first */
    unsigned depth; /* open savepoints */
    bool open;      /* in a transaction */
    unsigned names; /* tables and indexes made so far */
} workload_source;

void workload_begin(workload_source *source, uint64_t seed);
void workload_next(workload_source *source, char sql[WORKLOAD_SQL_BYTES]);
/* No transaction is open any more, whatever was meant. */
void workload_settle(workload_source *source);

#endif
