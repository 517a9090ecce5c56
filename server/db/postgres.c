/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PostgreSQL driver: connections and transactions. Version 12 or later.
 *
 * All writers of a company take one advisory lock at the begin of a transaction and hold it until its commit is visible
 * (PostgreSQL gives locks back after that), so revisions become visible in the order of their numbers, whichever of the
 * servers gave them. A reader's transaction is one REPEATABLE READ snapshot. Timeouts keep a dead or stuck server from
 * holding the lock; a session that was lost is made anew at the next begin.
 */
#include "db/postgres.h"

#include "base/error.h"
#include "base/memory.h"

#include <string.h>

#define LAST_VERSION_TOO_OLD 119999
/* The advisory lock of whoever writes in this database: "satchel1" as a big-endian number. */
#define LOCK_WRITERS "SELECT pg_advisory_xact_lock(8314054357404707889)"

/* --- failures --- */

typedef struct state_status {
    const char *state; /* beginning of a SQLSTATE; the first that fits counts */
    satchel_status status;
} state_status;

static const state_status states[] = {
    {"23505", SATCHEL_ALREADY_EXISTS}, {"25006", SATCHEL_MISUSE},   {"53100", SATCHEL_DISK_FULL},
    {"53200", SATCHEL_NO_MEMORY},      {"53", SATCHEL_BUSY},        {"40", SATCHEL_BUSY},
    {"55P03", SATCHEL_BUSY},           {"57014", SATCHEL_BUSY},     {"25P03", SATCHEL_BUSY},
    {"57P", SATCHEL_IO_ERROR},         {"58", SATCHEL_IO_ERROR},    {"08", SATCHEL_IO_ERROR},
    {"XX001", SATCHEL_DAMAGED},        {"XX002", SATCHEL_DAMAGED},  {"54", SATCHEL_LIMIT_EXCEEDED},
    {"22021", SATCHEL_BAD_TEXT},       {"22P05", SATCHEL_BAD_TEXT}, {"28", SATCHEL_UNAUTHENTICATED},
    {"3D000", SATCHEL_NOT_FOUND},
};

static satchel_status status_of_state(const char *state) {
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0) {
            return states[i].status;
        }
    }
    return SATCHEL_DATABASE_ERROR;
}

static const char *field_of(const PGresult *result, int field) {
    const char *text = PQresultErrorField(result, field);
    return text != NULL ? text : "";
}

satchel_status satchel_postgres_fail(const satchel_postgres *postgres, const PGresult *result, satchel_error *error) {
    const char *state = field_of(result, PG_DIAG_SQLSTATE);
    if (state[0] == '\0') {
        return PQstatus(postgres->link) == CONNECTION_OK
                   ? satchel_fail(error, SATCHEL_NO_MEMORY, "PostgreSQL's answer could not be kept")
                   : satchel_fail(error, SATCHEL_IO_ERROR, "the connection to PostgreSQL is lost");
    }
    return satchel_fail(error, status_of_state(state), "PostgreSQL %s %s %s", state,
                        field_of(result, PG_DIAG_TABLE_NAME), field_of(result, PG_DIAG_CONSTRAINT_NAME));
}

/* --- sessions --- */

/* A commit is on the disk when it is acknowledged; nobody waits for ever. */
static const char session_settings[] =
    "SET synchronous_commit = on; SET standard_conforming_strings = on; SET client_min_messages = warning;"
    " SET lock_timeout = '20s'; SET statement_timeout = '60s'; SET idle_in_transaction_session_timeout = '60s'";
static const char reader_settings[] = "SET default_transaction_read_only = on";

static satchel_status run_text(satchel_postgres *postgres, const char *sql, satchel_error *error) {
    PGresult *result = PQexec(postgres->link, sql);
    ExecStatusType outcome = PQresultStatus(result);
    satchel_status status = SATCHEL_OK;
    if (outcome != PGRES_COMMAND_OK && outcome != PGRES_TUPLES_OK) {
        status = satchel_postgres_fail(postgres, result, error);
    } else if (strcmp(sql, "COMMIT") == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        /* A transaction in which a statement failed answers a commit with a rollback. */
        status = satchel_fail(error, SATCHEL_DATABASE_ERROR, "the transaction had failed and was rolled back");
    }
    PQclear(result);
    return status;
}

/* PostgreSQL's notices go nowhere: they may quote values. */
static void drop_notice(void *context, const PGresult *result) {
    (void)context;
    (void)result;
}

static satchel_status begin_session(satchel_postgres *postgres, satchel_error *error) {
    if (PQstatus(postgres->link) != CONNECTION_OK) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "PostgreSQL cannot be reached or refuses this user");
    }
    if (PQserverVersion(postgres->link) <= LAST_VERSION_TOO_OLD) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED, "PostgreSQL %d is older than 12",
                            PQserverVersion(postgres->link));
    }
    (void)PQsetNoticeReceiver(postgres->link, drop_notice, NULL);
    postgres->session++;
    satchel_status status = run_text(postgres, session_settings, error);
    if (status == SATCHEL_OK && postgres->reads_only) {
        status = run_text(postgres, reader_settings, error);
    }
    postgres->ready = status == SATCHEL_OK;
    return status;
}

/* --- the driver --- */

static bool postgres_in_transaction(const satchel_db *db) {
    const satchel_postgres *postgres = db->native;
    PGTransactionStatusType state = PQtransactionStatus(postgres->link);
    return state == PQTRANS_INTRANS || state == PQTRANS_INERROR || state == PQTRANS_ACTIVE;
}

/* Before a transaction: a session that was lost, or that did not take its settings, is made anew. */
static satchel_status postgres_wake(satchel_db *db, satchel_error *error) {
    satchel_postgres *postgres = db->native;
    if (postgres->ready && PQstatus(postgres->link) == CONNECTION_OK) {
        return SATCHEL_OK;
    }
    postgres->ready = false;
    PQreset(postgres->link);
    return begin_session(postgres, error);
}

static satchel_status postgres_exec(satchel_db *db, const char *sql, satchel_error *error) {
    return run_text(db->native, sql, error);
}

static uint64_t postgres_changes(satchel_db *db) {
    const satchel_postgres *postgres = db->native;
    return postgres->changes;
}

/* PostgreSQL checkpoints by itself. */
static satchel_status postgres_checkpoint(satchel_db *db, satchel_error *error) {
    (void)db;
    (void)error;
    return SATCHEL_OK;
}

static void postgres_close(satchel_db *db) {
    satchel_postgres *postgres = db->native;
    PQfinish(postgres->link);
    satchel_memory_give(postgres);
}

static const satchel_db_driver postgres_driver = {
    .dialect = SATCHEL_DIALECT_POSTGRES,
    .begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    .begin_write = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; " LOCK_WRITERS,
    .wake = postgres_wake,
    .close = postgres_close,
    .exec = postgres_exec,
    .prepare = satchel_postgres_prepare,
    .finalize = satchel_postgres_finalize,
    .bind = satchel_postgres_bind,
    .step = satchel_postgres_step,
    .reset = satchel_postgres_reset,
    .changes = postgres_changes,
    .in_transaction = postgres_in_transaction,
    .checkpoint = postgres_checkpoint,
    .is_null = satchel_postgres_is_null,
    .get_int = satchel_postgres_get_int,
    .get_real = satchel_postgres_get_real,
    .get_bytes = satchel_postgres_get_bytes,
};

bool satchel_db_is_postgres(const char *address) {
    return strncmp(address, "postgres://", 11) == 0 || strncmp(address, "postgresql://", 13) == 0;
}

/* What the address does not say: texts are UTF-8, and a peer that vanished is noticed. */
static PGconn *connect_to(const char *address) {
    static const char *const names[] = {"dbname",          "client_encoding",  "fallback_application_name",
                                        "connect_timeout", "tcp_user_timeout", NULL};
    const char *const values[] = {address, "UTF8", "satcheld", "10", "30000", NULL};
    return PQconnectdbParams(names, values, 1);
}

satchel_status satchel_db_open_postgres(satchel_db **out, const char *address, satchel_db_role role,
                                        satchel_error *error) {
    *out = NULL;
    if (!satchel_db_is_postgres(address)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the address does not begin with postgres://");
    }
    satchel_postgres *postgres = satchel_memory_take(sizeof *postgres);
    if (postgres == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a connection");
    }
    postgres->reads_only = role == SATCHEL_DB_READER;
    postgres->link = connect_to(address);
    satchel_status status = begin_session(postgres, error);
    if (status == SATCHEL_OK) {
        *out = satchel_db_new(&postgres_driver, postgres, role);
        if (*out == NULL) {
            status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a connection");
        }
    }
    if (status != SATCHEL_OK) {
        PQfinish(postgres->link);
        satchel_memory_give(postgres);
    }
    return status;
}

satchel_status satchel_db_open(satchel_db **out, const char *where, satchel_db_role role, satchel_error *error) {
    return satchel_db_is_postgres(where) ? satchel_db_open_postgres(out, where, role, error)
                                         : satchel_db_open_sqlite(out, where, role, error);
}
