/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two files of the PostgreSQL driver share. Not for other modules.
 */
#ifndef SATCHEL_SERVER_DB_POSTGRES_H
#define SATCHEL_SERVER_DB_POSTGRES_H

#include "db/driver.h"

#include <libpq-fe.h>

/* A connection. Prepared statements end with the session, so each remembers the session that it was prepared in. */
typedef struct satchel_postgres {
    PGconn *link;
    bool reads_only;
    bool ready;       /* the session has its settings */
    uint64_t session; /* counts connections made, from 1 */
    uint64_t names;   /* of prepared statements, given so far */
    uint64_t changes; /* rows that the last statement wrote */
} satchel_postgres;

/*
 * The status for a failed result; `result` NULL: the connection is gone. The detail holds the SQLSTATE and the names
 * of table and constraint, never PostgreSQL's message, which may quote values.
 */
satchel_status satchel_postgres_fail(const satchel_postgres *postgres, const PGresult *result, satchel_error *error);

/* The statement part of the driver. */
satchel_status satchel_postgres_prepare(satchel_db *db, const char *sql, void **out_native, satchel_error *error);
void satchel_postgres_finalize(void *native);
satchel_status satchel_postgres_bind(satchel_db *db, void *native, uint32_t index, const satchel_value *value,
                                     satchel_error *error);
satchel_status satchel_postgres_step(satchel_db *db, void *native, bool *out_row, satchel_error *error);
void satchel_postgres_reset(void *native);
bool satchel_postgres_is_null(void *native, uint32_t column);
int64_t satchel_postgres_get_int(void *native, uint32_t column);
double satchel_postgres_get_real(void *native, uint32_t column);
satchel_bytes satchel_postgres_get_bytes(void *native, uint32_t column);

/*
 * Makes the functions that compiled queries call (query/ddl.h) where they are absent; inside a write transaction.
 * Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_postgres_functions_add(satchel_db *db, satchel_error *error);

#endif
