/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL functions that compiled queries call (list in query/ddl.h), for a connection of SQLite: the phone's store and
 * the server have the same ones. PostgreSQL's are in server/db/postgres_functions.c.
 */
#ifndef SATCHEL_LITE_FUNCTIONS_H
#define SATCHEL_LITE_FUNCTIONS_H

#include <sqlite3.h>

/* Gives the code of SQLite that failed, or SQLITE_OK. */
int satchel_lite_functions_add(sqlite3 *connection);

#endif
