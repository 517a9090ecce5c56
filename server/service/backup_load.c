/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a backup's stream: all of it is checked for form; rows go into the tables of the same names, which are
 * emptied first. Columns that this version has and the backup has not get their defaults.
 */
#include "service/backup.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define STREAM_FORMAT 1
#define COLUMNS_MOST 320
#define NAME_BYTES 64

enum { RECORD_HEADER = 1, RECORD_TABLE = 2, RECORD_ROW = 3, RECORD_END = 4 };
enum { VALUE_NULL = 0, VALUE_INT = 1, VALUE_REAL = 2, VALUE_TEXT = 3, VALUE_BYTES = 4 };

struct satchel_backup_loader {
    satchel_db *db; /* NULL: only checked */
    satchel_backup_facts facts;
    satchel_buffer insert;
    satchel_value *values; /* COLUMNS_MOST */
    uint32_t column_count;
    bool begun;
    bool ended;
};

satchel_status satchel_backup_load_open(satchel_backup_loader **out, satchel_db *db) {
    *out = NULL;
    satchel_backup_loader *loader = satchel_memory_take(sizeof *loader);
    if (loader == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    loader->db = db;
    satchel_buffer_init(&loader->insert);
    loader->values = satchel_memory_take(COLUMNS_MOST * sizeof *loader->values);
    if (loader->values == NULL) {
        satchel_memory_give(loader);
        return SATCHEL_NO_MEMORY;
    }
    *out = loader;
    return SATCHEL_OK;
}

void satchel_backup_load_close(satchel_backup_loader *loader) {
    if (loader != NULL) {
        satchel_buffer_deinit(&loader->insert);
        satchel_memory_give(loader->values);
        satchel_memory_give(loader);
    }
}

static satchel_status malformed(satchel_error *error) {
    return satchel_fail(error, SATCHEL_MALFORMED, "the backup does not hold what it should");
}

static satchel_status read_header(satchel_backup_loader *loader, satchel_reader *reader, satchel_error *error) {
    uint64_t numbers[5] = {0};
    satchel_bytes hash = {NULL, 0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (satchel_reader_varint(reader, &numbers[i]) != SATCHEL_OK) {
            return malformed(error);
        }
    }
    if (satchel_reader_take(reader, SATCHEL_HASH_BYTES, &hash) != SATCHEL_OK || numbers[2] > UINT32_MAX) {
        return malformed(error);
    }
    if (numbers[0] != STREAM_FORMAT || numbers[1] > SATCHEL_TABLES_FORMAT) {
        return satchel_fail(error, SATCHEL_NEWER_FORMAT, "the backup was made by a later version");
    }
    loader->facts = (satchel_backup_facts){.tables_format = (uint32_t)numbers[1],
                                           .epoch = (uint32_t)numbers[2],
                                           .n = numbers[3],
                                           .audit_position = numbers[4]};
    memcpy(loader->facts.audit_hash, hash.data, hash.bytes);
    loader->begun = true;
    return SATCHEL_OK;
}

/* A name of a table or column: what could end the quotes around it is none. */
static satchel_status read_name(satchel_reader *reader, char out[NAME_BYTES + 1], satchel_error *error) {
    uint64_t bytes = 0;
    satchel_bytes name = {NULL, 0};
    if (satchel_reader_varint(reader, &bytes) != SATCHEL_OK || bytes == 0 || bytes > NAME_BYTES ||
        satchel_reader_take(reader, (size_t)bytes, &name) != SATCHEL_OK) {
        return malformed(error);
    }
    for (size_t i = 0; i < name.bytes; i++) {
        bool word = (name.data[i] >= 'a' && name.data[i] <= 'z') || (name.data[i] >= '0' && name.data[i] <= '9') ||
                    name.data[i] == '_';
        if (!word) {
            return malformed(error);
        }
    }
    memcpy(out, name.data, name.bytes);
    out[name.bytes] = '\0';
    return SATCHEL_OK;
}

static satchel_status empty_table(satchel_backup_loader *loader, const char *name, satchel_error *error) {
    char sql[NAME_BYTES + 32];
    (void)snprintf(sql, sizeof sql, "DELETE FROM \"%s\"", name);
    return loader->db != NULL ? satchel_db_exec(loader->db, sql, error) : SATCHEL_OK;
}

static satchel_status read_table(satchel_backup_loader *loader, satchel_reader *reader, satchel_error *error) {
    char name[NAME_BYTES + 1];
    uint64_t count = 0;
    satchel_status status = read_name(reader, name, error);
    satchel_buffer_clear(&loader->insert);
    if (status == SATCHEL_OK) {
        status = empty_table(loader, name, error);
    }
    if (status == SATCHEL_OK &&
        (satchel_reader_varint(reader, &count) != SATCHEL_OK || count == 0 || count > COLUMNS_MOST)) {
        status = malformed(error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(&loader->insert, "INSERT INTO \"%s\" (", name);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = read_name(reader, name, error);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_format(&loader->insert, "%s\"%s\"", i > 0 ? ", " : "", name);
        }
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < count; i++) {
        status = satchel_buffer_append_format(&loader->insert, "%s?%u", i > 0 ? ", " : ") VALUES (", (unsigned)i + 1);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(&loader->insert, ")");
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&loader->insert, 0);
    }
    loader->column_count = (uint32_t)count;
    return status;
}

static satchel_status read_value(satchel_reader *reader, satchel_value *out) {
    uint8_t kind = 0;
    uint64_t number = 0;
    satchel_bytes bytes = {NULL, 0};
    satchel_status status = satchel_reader_byte(reader, &kind);
    if (status == SATCHEL_OK && (kind == VALUE_INT || kind == VALUE_TEXT || kind == VALUE_BYTES)) {
        status = satchel_reader_varint(reader, &number);
    }
    if (status == SATCHEL_OK && kind >= VALUE_REAL) {
        size_t length = kind == VALUE_REAL ? 8 : (size_t)number;
        status =
            length <= satchel_reader_left(reader) ? satchel_reader_take(reader, length, &bytes) : SATCHEL_MALFORMED;
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    double real = 0;
    uint64_t bits = kind == VALUE_REAL ? satchel_get_u64be(bytes.data) : 0;
    memcpy(&real, &bits, sizeof real);
    switch (kind) {
    case VALUE_NULL: *out = satchel_value_null(); return SATCHEL_OK;
    case VALUE_INT: *out = satchel_value_int(satchel_unzigzag(number)); return SATCHEL_OK;
    case VALUE_REAL: *out = satchel_value_real(real); return SATCHEL_OK;
    case VALUE_TEXT: *out = satchel_value_text(satchel_text_from(bytes)); return SATCHEL_OK;
    case VALUE_BYTES: *out = satchel_value_bytes(bytes); return SATCHEL_OK;
    default: return SATCHEL_MALFORMED;
    }
}

static satchel_status read_row(satchel_backup_loader *loader, satchel_reader *reader, satchel_error *error) {
    for (uint32_t i = 0; i < loader->column_count; i++) {
        if (read_value(reader, &loader->values[i]) != SATCHEL_OK) {
            return malformed(error);
        }
    }
    loader->facts.rows++;
    return loader->db != NULL ? satchel_db_run_values(loader->db, (const char *)loader->insert.data, loader->values,
                                                      loader->column_count, NULL, error)
                              : SATCHEL_OK;
}

static satchel_status read_end(satchel_backup_loader *loader, satchel_reader *reader, satchel_error *error) {
    uint64_t rows = 0;
    bool fits = satchel_reader_varint(reader, &rows) == SATCHEL_OK && rows == loader->facts.rows &&
                satchel_reader_left(reader) == 0;
    loader->ended = fits;
    return fits ? SATCHEL_OK : malformed(error);
}

satchel_status satchel_backup_load(satchel_backup_loader *loader, satchel_bytes piece, satchel_error *error) {
    satchel_reader reader = satchel_reader_of(piece);
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK && satchel_reader_left(&reader) > 0) {
        uint8_t record = 0;
        if (satchel_reader_byte(&reader, &record) != SATCHEL_OK) {
            return malformed(error);
        }
        if (loader->ended || loader->begun == (record == RECORD_HEADER)) {
            return malformed(error);
        }
        switch (record) {
        case RECORD_HEADER: status = read_header(loader, &reader, error); break;
        case RECORD_TABLE: status = read_table(loader, &reader, error); break;
        case RECORD_ROW: status = loader->column_count > 0 ? read_row(loader, &reader, error) : malformed(error); break;
        case RECORD_END: status = read_end(loader, &reader, error); break;
        default: status = malformed(error);
        }
    }
    return status;
}

/* PostgreSQL counts rowids by sequences of their own, which go on behind what was written. */
static satchel_status move_sequences(satchel_db *db, satchel_error *error) {
    if (satchel_db_dialect(db) != SATCHEL_DIALECT_POSTGRES) {
        return SATCHEL_OK;
    }
    return satchel_db_exec(
        db,
        "DO $$ DECLARE t text; BEGIN FOR t IN SELECT table_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND column_name = 'rowid' LOOP"
        " EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''rowid''), coalesce(max(rowid), 0) + 1, false)"
        " FROM %I', quote_ident(t), t); END LOOP; END $$",
        error);
}

satchel_status satchel_backup_load_end(satchel_backup_loader *loader, satchel_backup_facts *out, satchel_error *error) {
    uint8_t format[4];
    *out = loader->facts;
    if (!loader->ended) {
        return satchel_fail(error, SATCHEL_MALFORMED, "the backup ends too early");
    }
    if (loader->db == NULL) {
        return SATCHEL_OK;
    }
    satchel_put_u32be(format, SATCHEL_TABLES_FORMAT);
    satchel_status status = SATCHEL_DB_RUN(loader->db, error, "UPDATE meta SET value = ?1 WHERE name = 'format'",
                                           satchel_db_blob(format, sizeof format));
    return status == SATCHEL_OK ? move_sequences(loader->db, error) : status;
}
