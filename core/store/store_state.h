/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the store: what its files share. Table layout and the states of an op: core/doc/store.md.
 *
 * Conventions. A statement got from satchel_statement_of is idle again (satchel_statement_end) before the function
 * that got it returns. Whoever writes does so between satchel_store_begin and satchel_store_end. Values that live in
 * memory mirror the tables and are read anew after every transaction that failed.
 */
#ifndef SATCHEL_STORE_STORE_STATE_H
#define SATCHEL_STORE_STORE_STATE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/store.h"

#include <sqlite3.h>
#include <string.h>

#define SATCHEL_STORE_FORMAT 2 /* PRAGMA user_version */

/* One entity's table. Texts live in the store's arena, statements are prepared at first use. */
typedef struct satchel_table {
    const satchel_entity *entity;
    const char *columns; /* field columns, custom, tail: see satchel_ddl_columns */
    sqlite3_stmt *find;  /* by id */
    sqlite3_stmt *fetch; /* by rowid, only what is searched */
    sqlite3_stmt *insert;
    bool searchable;
} satchel_table;

#define SATCHEL_STATEMENT_SLOTS 128
typedef struct satchel_statement_slot {
    char *sql; /* owned */
    uint64_t hash;
    sqlite3_stmt *statement;
    uint64_t used; /* when, for eviction */
} satchel_statement_slot;

/* The states of a logged op. The numbers are stored. Those above SATCHEL_OP_TROUBLED are listed until dismissed. */
typedef enum satchel_op_state {
    SATCHEL_OP_WAITING = 0, /* no decision stored */
    SATCHEL_OP_ACCEPTED = 1,
    SATCHEL_OP_DISMISSED = 2,
    SATCHEL_OP_TROUBLED = 4, /* no state: the border */
    SATCHEL_OP_REFUSED = 5,
    SATCHEL_OP_HELD = 6,
    SATCHEL_OP_PARKED = 7
} satchel_op_state;

/* Below the first, above the last local number of a scope set. */
#define SATCHEL_SCOPE_SET_NONE 0    /* the company's rows; also: made here and not known to the server yet */
#define SATCHEL_SCOPE_SET_HIDDEN -1 /* left the user's reach row by row */

/* What is left of an upgrade. The numbers are stored; they are gone through in this order. */
typedef enum satchel_migration_phase {
    SATCHEL_MIGRATION_NONE = 0,
    SATCHEL_MIGRATION_FORMAT = 1,  /* slices of the formats from `format` on */
    SATCHEL_MIGRATION_INDEXES = 2, /* indexes that the model did not have, one a slice */
    SATCHEL_MIGRATION_LIFT = 3,    /* fields that were unknown move from the tails of rows to their columns */
    SATCHEL_MIGRATION_ASIDE = 4    /* rows that could not be read are tried again */
} satchel_migration_phase;

typedef struct satchel_migration {
    satchel_migration_phase phase;
    uint32_t format;  /* FORMAT: the step whose slices run */
    int64_t position; /* FORMAT: the step's own; LIFT: target of the last row; ASIDE: entity of the last row */
    satchel_id row;   /* ASIDE: the last row */
} satchel_migration;

struct satchel_store_release;

#define SATCHEL_PAGE_WHOLE UINT32_MAX /* a budget of rows that no page has: all in one transaction */

/* A page whose rest is still to be stored: paging.c. */
typedef struct satchel_paging {
    satchel_buffer payload; /* the answer from its first frame that was left on; read when it is needed */
    size_t offset;          /* of the next frame in it */
    size_t within;          /* rows of that frame that are done, of a removal */
    uint64_t through;       /* the page holds the own ops up to here */
    satchel_sync_state state;
} satchel_paging;

/* What the last search found that found many rows: found.c. */
typedef struct satchel_found {
    uint64_t *bits; /* by rowid; owned */
    size_t words;
    int64_t rows; /* that it tells of */
} satchel_found;

/* Slices that may share a transaction, and what is open of it now. */
typedef struct satchel_held {
    uint32_t most;    /* rows of one transaction; 0: each slice has its own */
    uint32_t rows;    /* that were done in the one that is open */
    bool open;        /* between two slices, when nothing else is under way */
    bool holds_pages; /* how far the page is stands in store->paging, not in the tables yet */
} satchel_held;

/* Going through the log for units that are no longer needed: log_prune.c. In memory alone. */
typedef struct satchel_log_pruning {
    bool walking;
    uint64_t after;      /* units up to here were looked at */
    uint64_t verified_n; /* as it was when the last walk began, */
    uint64_t settled;    /* … and this */
} satchel_log_pruning;

struct satchel_store {
    sqlite3 *database;
    satchel_op_seal seal;
    bool has_seal;
    satchel_store_space space; /* zeros: nobody watches */
    satchel_arena arena;       /* tables, texts */
    satchel_table *tables;     /* by entity, without those that never travel */
    uint32_t table_count;
    uint8_t table_of[256]; /* entity number → index + 1 */
    satchel_statement_slot slots[SATCHEL_STATEMENT_SLOTS];
    uint64_t clock;                              /* counts uses of statements */
    const struct satchel_store_release *release; /* in the arena */
    satchel_schema schema;
    satchel_arena schema_arena;
    uint64_t generation; /* counts transactions: what was read before another one is stale */
    bool in_transaction;
    uint8_t told_late[32]; /* entities of rows that were stored long after their page: satchel_store_take_changed */
    bool grouped;          /* … of satchel_store_together: begin and end of what it calls do nothing */
    satchel_found found;
    satchel_held held;  /* the transaction that slices of background work share: held.c */
    bool custom_read;   /* the custom fields were read anew in the running transaction */
    bool mirrors_stale; /* reading them anew failed: to be repeated before anything else */
    bool totals_stale;  /* FTS5 may hold wrong totals: to be forgotten before anything is written */

    /* mirrors of the tables */
    uint64_t next_sequence;
    uint64_t settled_through;
    uint64_t reflected_through;
    uint64_t sent_through;
    uint64_t again_through; /* ops behind settled_through and up to this one are shown to a restored server again */
    uint64_t verified_n;    /* up to this revision everything is in a backup of the server */
    uint64_t units_waiting;
    uint64_t troubled; /* ops in a state above SATCHEL_OP_TROUBLED */
    uint64_t open_conflicts;
    bool has_dead_sets;
    bool has_orphans;
    bool has_unindexed;
    bool has_aside;
    satchel_migration migration;
    int64_t search_through;   /* targets above it are not in the index yet; INT64_MAX: it is whole */
    int64_t rows;             /* visible rows of all entities, -1 = to be counted */
    uint32_t last_set_number; /* the scope set looked up last; 0 = none */
    int64_t last_set_local;
    satchel_sync_state sync;
    bool page_left;         /* a page is kept whose rest is to be stored */
    satchel_paging *paging; /* the same, once it was read; NULL: read it again */

    satchel_log_pruning prune;
    struct satchel_digests *digests; /* digest.c; NULL until the tables are there */

    /* the user's own rights, read when first needed */
    satchel_arena user_arena;
    satchel_access_user user;
    satchel_access_policy user_policy;
    bool user_certain; /* the policy says all that his roles allow */
    bool user_known;
    bool user_fresh;
};

/* Until the rows' tails were looked through, whoever reads a row looks at its tail too. */
static inline bool satchel_store_is_lifting(const satchel_store *store) {
    return store->migration.phase != SATCHEL_MIGRATION_NONE && store->migration.phase <= SATCHEL_MIGRATION_LIFT;
}

/* --- statements.c --- */

/* Status of an SQLite result code of this connection. */
satchel_status satchel_store_status(const satchel_store *store, int code);
satchel_status satchel_store_fail(const satchel_store *store, int code, satchel_error *error);
/*
 * A cached statement for the text, reset and without bindings. Errors: those of SQLite, INTERNAL (it is being
 * stepped).
 */
SATCHEL_MUST_USE satchel_status satchel_statement_of(satchel_store *store, const char *sql, sqlite3_stmt **out,
                                                     satchel_error *error);
/* Prepares into a slot of the caller's at first use; resets. */
SATCHEL_MUST_USE satchel_status satchel_statement_keep(satchel_store *store, sqlite3_stmt **slot, const char *sql,
                                                       satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_statement_step(satchel_store *store, sqlite3_stmt *statement, bool *out_row,
                                                       satchel_error *error);
/* Steps a statement that gives no rows to its end, and ends it. */
SATCHEL_MUST_USE satchel_status satchel_statement_run(satchel_store *store, sqlite3_stmt *statement,
                                                      satchel_error *error);
/* Reset, bindings dropped. NULL is fine. */
void satchel_statement_end(sqlite3_stmt *statement);
void satchel_statements_close(satchel_store *store);
/* Runs statements without parameters. */
SATCHEL_MUST_USE satchel_status satchel_store_execute(satchel_store *store, const char *sql, satchel_error *error);
/* The first column of the only row of a query, `otherwise` if there is no row. */
SATCHEL_MUST_USE satchel_status satchel_store_number(satchel_store *store, const char *sql, int64_t otherwise,
                                                     int64_t *out, satchel_error *error);

void satchel_bind_int(sqlite3_stmt *statement, int index, int64_t value);
void satchel_bind_bytes(sqlite3_stmt *statement, int index, satchel_bytes bytes); /* borrowed until it is ended */
void satchel_bind_id(sqlite3_stmt *statement, int index, const satchel_id *id);   /* borrowed */
/* Borrowed until the next step. Empty if the column is NULL. */
satchel_bytes satchel_column_bytes(sqlite3_stmt *statement, int column);
/* Errors: DAMAGED (not 16 bytes). */
SATCHEL_MUST_USE satchel_status satchel_column_id(sqlite3_stmt *statement, int column, satchel_id *out);

SATCHEL_MUST_USE satchel_status satchel_store_begin(satchel_store *store, satchel_error *error);
/*
 * Commits if `status` is OK, else rolls back; the mirrors are read anew after a rollback. Returns what holds in the
 * end.
 */
SATCHEL_MUST_USE satchel_status satchel_store_end(satchel_store *store, satchel_status status, satchel_error *error);

/* --- held.c --- */

/*
 * As begin and end, of a slice that may share its transaction with those that follow: it stays open behind a slice
 * that went well and is not the `last`, until it has as many rows as may be in one. Whatever else begins settles it.
 */
SATCHEL_MUST_USE satchel_status satchel_held_begin(satchel_store *store, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_held_end(satchel_store *store, satchel_status status, uint32_t rows, bool last,
                                                 satchel_error *error);
/* Has it as many rows as may be? The next hold is to be given to satchel_store_settle alone. */
bool satchel_held_is_full(const satchel_store *store);

/* --- tables.c --- */

/* NULL if the entity is unknown or never travels to a phone. */
satchel_table *satchel_table_of(satchel_store *store, uint32_t entity);
/* The same with an error. Errors: UNKNOWN_ENTITY. */
SATCHEL_MUST_USE satchel_status satchel_table_need(satchel_store *store, uint32_t entity, satchel_table **out,
                                                   satchel_error *error);

/* --- store.c --- */

SATCHEL_MUST_USE satchel_status satchel_store_reload(satchel_store *store, satchel_error *error);
/* Counts the open conflicts that are within reach. */
SATCHEL_MUST_USE satchel_status satchel_conflicts_count(satchel_store *store, satchel_error *error);
/* Values whose name begins with a dot are the store's own. */
SATCHEL_MUST_USE satchel_status satchel_store_write_value(satchel_store *store, const char *name, satchel_bytes value,
                                                          satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_store_write_sync(satchel_store *store, const satchel_sync_state *state,
                                                         satchel_error *error);
/* The form of ".sync". Decoding: false if it is damaged. */
SATCHEL_MUST_USE satchel_status satchel_sync_encode(const satchel_sync_state *state, satchel_buffer *out);
bool satchel_sync_decode(satchel_bytes bytes, satchel_sync_state *out);

/* --- paging.c --- */

SATCHEL_MUST_USE satchel_status satchel_paging_reload(satchel_store *store, satchel_error *error);
/* Keeps the rest of a page, in the running transaction; the bytes are copied. */
SATCHEL_MUST_USE satchel_status satchel_paging_keep(satchel_store *store, satchel_bytes rest, uint64_t through,
                                                    const satchel_sync_state *state, satchel_error *error);
/* Reads it into store->paging. Errors: MALFORMED. */
SATCHEL_MUST_USE satchel_status satchel_paging_need(satchel_store *store, satchel_error *error);
/* Writes how far it is, or that it is done. */
SATCHEL_MUST_USE satchel_status satchel_paging_move(satchel_store *store, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_paging_end(satchel_store *store, satchel_error *error);
void satchel_paging_close(satchel_store *store);

/* --- custom.c, user.c --- */

/* Reads the definitions of custom fields into the schema. */
SATCHEL_MUST_USE satchel_status satchel_store_load_custom(satchel_store *store, satchel_error *error);
/*
 * Could a role of the user let him do this to any row at all? OK while the user is not known. Errors: FORBIDDEN,
 * READ_ONLY_FIELD, and those of reading.
 */
SATCHEL_MUST_USE satchel_status satchel_store_check_access(satchel_store *store, const satchel_op *op,
                                                           satchel_error *error);

#endif
