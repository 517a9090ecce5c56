/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a snapshot of the database as a stream, and what is remembered of backups.
 */
#include "service/backup.h"

#include "base/error.h"
#include "base/text.h"
#include "service/audit.h"

#include <stdio.h>
#include <string.h>

#define STREAM_FORMAT 1
#define BATCH_ROWS 2000
#define COLUMNS_MOST 320

enum { RECORD_HEADER = 1, RECORD_TABLE = 2, RECORD_ROW = 3, RECORD_END = 4 };
enum { VALUE_NULL = 0, VALUE_INT = 1, VALUE_REAL = 2, VALUE_TEXT = 3, VALUE_BYTES = 4 };

typedef struct dump_column {
    const char *name;
    uint8_t kind;
} dump_column;

typedef struct dump_work {
    satchel_db *db;
    satchel_arena arena;
    satchel_buffer piece;
    satchel_backup_sink sink;
    void *context;
    dump_column columns[COLUMNS_MOST];
    uint32_t column_count;
    uint64_t rows;
    satchel_error *error;
} dump_work;

static satchel_status put_text(satchel_buffer *out, const char *text) {
    satchel_status status = satchel_buffer_append_varint(out, strlen(text));
    return status == SATCHEL_OK ? satchel_buffer_append(out, satchel_bytes_of(text, strlen(text))) : status;
}

static satchel_status hand_over(dump_work *work, bool last) {
    if (!last && work->piece.bytes < SATCHEL_BACKUP_PIECE_BYTES) {
        return SATCHEL_OK;
    }
    satchel_status status = work->sink(work->context, satchel_buffer_view(&work->piece), last, work->error);
    satchel_buffer_clear(&work->piece);
    return status;
}

/* --- tables --- */

static const char *tables_sql(satchel_dialect dialect) {
    return dialect == SATCHEL_DIALECT_POSTGRES
               ? "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
               : "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
}

static const char *columns_sql(satchel_dialect dialect) {
    return dialect == SATCHEL_DIALECT_POSTGRES
               ? "SELECT column_name, data_type FROM information_schema.columns"
                 " WHERE table_schema = current_schema() AND table_name = ?1 ORDER BY ordinal_position"
               : "SELECT name, type FROM pragma_table_info(?1) ORDER BY cid";
}

static uint8_t kind_of(satchel_text type) {
    static const struct {
        const char *name;
        uint8_t kind;
    } kinds[] = {{"INTEGER", VALUE_INT}, {"BIGINT", VALUE_INT},
                 {"bigint", VALUE_INT},  {"integer", VALUE_INT},
                 {"REAL", VALUE_REAL},   {"TEXT", VALUE_TEXT},
                 {"text", VALUE_TEXT},   {"BLOB", VALUE_BYTES},
                 {"bytea", VALUE_BYTES}, {"double precision", VALUE_REAL}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (satchel_text_equal(type, satchel_text_of(kinds[i].name))) {
            return kinds[i].kind;
        }
    }
    return VALUE_NULL;
}

static const char *copy_text(dump_work *work, satchel_bytes bytes) {
    return satchel_arena_text(&work->arena, satchel_text_from(bytes));
}

/* Columns of a table with their kinds; the names live in the arena. */
static satchel_status load_columns(dump_work *work, const char *table) {
    satchel_db_statement *statement = NULL;
    work->column_count = 0;
    satchel_status status =
        SATCHEL_DB_START(&statement, work->db, work->error, columns_sql(satchel_db_dialect(work->db)),
                         satchel_value_text(satchel_text_of(table)));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        if (work->column_count == COLUMNS_MOST) {
            status = satchel_fail(work->error, SATCHEL_INTERNAL, "%s has too many columns", table);
            break;
        }
        dump_column *column = &work->columns[work->column_count++];
        *column = (dump_column){copy_text(work, satchel_db_bytes(statement, 0)),
                                kind_of(satchel_text_from(satchel_db_bytes(statement, 1)))};
        if (column->name == NULL || column->kind == VALUE_NULL) {
            status = satchel_fail(work->error, column->name == NULL ? SATCHEL_NO_MEMORY : SATCHEL_INTERNAL,
                                  "a column of %s cannot be read", table);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status put_table(dump_work *work, const char *table) {
    satchel_status status = satchel_buffer_append_byte(&work->piece, RECORD_TABLE);
    if (status == SATCHEL_OK) {
        status = put_text(&work->piece, table);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&work->piece, work->column_count);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->column_count; i++) {
        status = put_text(&work->piece, work->columns[i].name);
    }
    return status;
}

/* --- rows --- */

static satchel_status put_value(satchel_buffer *out, const satchel_db_statement *statement, uint32_t column,
                                uint8_t kind) {
    uint8_t real[8];
    double number = 0;
    uint64_t bits = 0;
    satchel_bytes bytes = {NULL, 0};
    if (satchel_db_is_null(statement, column)) {
        return satchel_buffer_append_byte(out, VALUE_NULL);
    }
    satchel_status status = satchel_buffer_append_byte(out, kind);
    if (status != SATCHEL_OK) {
        return status;
    }
    switch (kind) {
    case VALUE_INT: return satchel_buffer_append_varint(out, satchel_zigzag(satchel_db_int(statement, column)));
    case VALUE_REAL:
        number = satchel_db_real(statement, column);
        memcpy(&bits, &number, sizeof bits);
        satchel_put_u64be(real, bits);
        return satchel_buffer_append(out, satchel_bytes_of(real, sizeof real));
    default:
        bytes = satchel_db_bytes(statement, column);
        status = satchel_buffer_append_varint(out, bytes.bytes);
        return status == SATCHEL_OK ? satchel_buffer_append(out, bytes) : status;
    }
}

static satchel_status put_rows(dump_work *work, satchel_db_statement *statement, uint64_t *out_rows,
                               int64_t *out_last) {
    bool found = true;
    satchel_status status = SATCHEL_OK;
    *out_rows = 0;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        status = satchel_buffer_append_byte(&work->piece, RECORD_ROW);
        for (uint32_t i = 0; status == SATCHEL_OK && i < work->column_count; i++) {
            status = put_value(&work->piece, statement, i, work->columns[i].kind);
        }
        if (status == SATCHEL_OK) {
            *out_last = satchel_db_int(statement, 0);
            *out_rows += 1;
            work->rows++;
            status = hand_over(work, false);
        }
    }
    return status;
}

/* SELECT of a table's columns; entity tables go by rowid in batches, because PostgreSQL gives results whole. */
static satchel_status build_select(dump_work *work, const char *table, bool by_rowid, satchel_buffer *sql) {
    satchel_status status = satchel_buffer_append_format(sql, "SELECT ");
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->column_count; i++) {
        status = satchel_buffer_append_format(sql, "%s\"%s\"", i > 0 ? ", " : "", work->columns[i].name);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(sql, " FROM \"%s\"%s", table,
                                              by_rowid ? " WHERE rowid > ?1 ORDER BY rowid LIMIT ?2" : "");
    }
    return status == SATCHEL_OK ? satchel_buffer_append_byte(sql, 0) : status;
}

static satchel_status dump_rows(dump_work *work, const char *sql, bool by_rowid) {
    int64_t after = INT64_MIN;
    uint64_t count = BATCH_ROWS;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && count == BATCH_ROWS) {
        satchel_db_statement *statement = NULL;
        const satchel_value values[] = {satchel_value_int(after), satchel_value_int(BATCH_ROWS)};
        status = satchel_db_start(&statement, work->db, sql, values, by_rowid ? 2 : 0, work->error);
        if (status == SATCHEL_OK) {
            status = put_rows(work, statement, &count, &after);
        }
        satchel_db_end(statement);
        count = by_rowid ? count : 0;
    }
    return status;
}

static satchel_status dump_table(dump_work *work, const char *table) {
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    satchel_status status = load_columns(work, table);
    if (status == SATCHEL_OK) {
        status = put_table(work, table);
    }
    bool by_rowid = work->column_count > 0 && strcmp(work->columns[0].name, "rowid") == 0;
    if (status == SATCHEL_OK) {
        status = build_select(work, table, by_rowid, &sql);
    }
    if (status == SATCHEL_OK) {
        status = dump_rows(work, (const char *)sql.data, by_rowid);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status list_tables(dump_work *work, const char ***out, uint32_t *out_count) {
    satchel_db_statement *statement = NULL;
    uint32_t room = 1024;
    const char **names = satchel_arena_take_array(&work->arena, room, sizeof *names);
    *out = names;
    *out_count = 0;
    if (names == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    satchel_status status =
        satchel_db_start(&statement, work->db, tables_sql(satchel_db_dialect(work->db)), NULL, 0, work->error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && *out_count < room) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            names[*out_count] = copy_text(work, satchel_db_bytes(statement, 0));
            status = names[(*out_count)++] != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status put_header(dump_work *work, satchel_backup_facts *out) {
    satchel_counter counter;
    satchel_status status = satchel_counter_read(work->db, &counter, work->error);
    *out = (satchel_backup_facts){.tables_format = SATCHEL_TABLES_FORMAT,
                                  .epoch = counter.epoch,
                                  .n = counter.n,
                                  .audit_position = counter.audit_position};
    memcpy(out->audit_hash, counter.audit_hash, sizeof out->audit_hash);
    const uint64_t numbers[] = {STREAM_FORMAT, out->tables_format, out->epoch, out->n, out->audit_position};
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&work->piece, RECORD_HEADER);
    }
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof numbers / sizeof *numbers; i++) {
        status = satchel_buffer_append_varint(&work->piece, numbers[i]);
    }
    return status == SATCHEL_OK
               ? satchel_buffer_append(&work->piece, satchel_bytes_of(out->audit_hash, sizeof out->audit_hash))
               : status;
}

satchel_status satchel_backup_dump(const satchel_service *service, satchel_db *db, satchel_backup_sink sink,
                                   void *context, satchel_backup_facts *out, satchel_error *error) {
    satchel_arena arena;
    const char **tables = NULL;
    uint32_t count = 0;
    (void)service;
    satchel_arena_init(&arena);
    dump_work *work = satchel_arena_take(&arena, sizeof *work);
    if (work == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a backup");
    }
    *work = (dump_work){.db = db, .sink = sink, .context = context, .error = error};
    satchel_arena_init(&work->arena);
    satchel_buffer_init(&work->piece);
    satchel_status status = put_header(work, out);
    if (status == SATCHEL_OK) {
        status = list_tables(work, &tables, &count);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = dump_table(work, tables[i]);
    }
    out->rows = work->rows;
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&work->piece, RECORD_END);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(&work->piece, work->rows);
    }
    if (status == SATCHEL_OK) {
        status = hand_over(work, true);
    } else if (error != NULL && error->status == SATCHEL_OK) {
        status = satchel_fail(error, status, "no memory for a backup");
    }
    satchel_buffer_deinit(&work->piece);
    satchel_arena_deinit(&work->arena);
    satchel_arena_deinit(&arena);
    return status;
}

/* --- what is remembered --- */

satchel_status satchel_backup_note(const satchel_service *service, satchel_db *db, const satchel_backup_facts *facts,
                                   uint64_t bytes, const uint8_t digest[SATCHEL_HASH_BYTES], satchel_error *error) {
    const satchel_audit_entry entry = {.action = "backup", .commitment = satchel_bytes_of(digest, SATCHEL_HASH_BYTES)};
    satchel_status status = SATCHEL_DB_RUN(
        db, error,
        "INSERT INTO backup (number, epoch, n, at_ms, audit_position, audit_hash, bytes, digest)"
        " SELECT coalesce(max(number), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6, ?7 FROM backup",
        satchel_db_count(facts->epoch), satchel_db_count(facts->n), satchel_value_time(satchel_service_now_ms(service)),
        satchel_db_count(facts->audit_position), satchel_db_blob(facts->audit_hash, sizeof facts->audit_hash),
        satchel_db_count(bytes), satchel_db_blob(digest, SATCHEL_HASH_BYTES));
    return status == SATCHEL_OK ? satchel_audit_note(service, db, &entry, error) : status;
}

satchel_status satchel_backup_newest(satchel_db *db, satchel_backup_last *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_backup_last){.number = 0};
    satchel_status status = satchel_db_start(
        &statement, db, "SELECT number, epoch, n, at_ms FROM backup ORDER BY number DESC LIMIT 1", NULL, 0, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out = (satchel_backup_last){satchel_db_uint(statement, 0), (uint32_t)satchel_db_uint(statement, 1),
                                     satchel_db_uint(statement, 2), satchel_db_int(statement, 3)};
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_backup_note_loaded(satchel_db *db, const satchel_backup_facts *facts,
                                          const uint8_t digest[SATCHEL_HASH_BYTES], satchel_error *error) {
    return SATCHEL_DB_RUN(
        db, error,
        "INSERT INTO backup (number, epoch, n, at_ms, audit_position, audit_hash, bytes, digest)"
        " SELECT coalesce(max(number), 0) + 1, ?1, ?2, (SELECT coalesce(max(at_ms), 0) FROM revision_time"
        " WHERE n <= ?2), ?3, ?4, 0, ?5 FROM backup",
        satchel_db_count(facts->epoch), satchel_db_count(facts->n), satchel_db_count(facts->audit_position),
        satchel_db_blob(facts->audit_hash, sizeof facts->audit_hash), satchel_db_blob(digest, SATCHEL_HASH_BYTES));
}

satchel_status satchel_backup_verified(satchel_db *db, uint64_t *out, satchel_error *error) {
    satchel_backup_last last;
    satchel_status status = satchel_backup_newest(db, &last, error);
    *out = last.n;
    return status;
}
