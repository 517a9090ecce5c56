/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of the PostgreSQL driver: ?n becomes $n, values travel in binary form both ways.
 *
 * A statement is prepared at its first step, with the types of the values bound then; a NULL has none and takes the
 * type that its place asks for. When a later value has a type where the prepared statement had none or another, the
 * statement is prepared once more with what is known by now. Types: INT, TIME, BOOL int8; REAL float8; TEXT text;
 * ID, BYTES bytea. A result is fetched whole, so a text whose rows are many asks for them in batches (LIMIT).
 */
#include "db/postgres.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Object ids of PostgreSQL's own types (its pg_type.dat); they never change. */
#define OID_NONE 0
#define OID_BOOL 16
#define OID_BYTEA 17
#define OID_NAME 19
#define OID_INT8 20
#define OID_INT2 21
#define OID_INT4 23
#define OID_TEXT 25
#define OID_FLOAT4 700
#define OID_FLOAT8 701
#define OID_VARCHAR 1043
#define OID_NUMERIC 1700

#define BINARY 1
#define NUMBER_BYTES 8
#define NAME_BYTES 32
/* Digits of a decimal parameter number, and the number itself: PostgreSQL takes no more. */
#define PARAMETERS_MOST 65535u
/* A numeric in binary form: four 16-bit numbers (digits, weight, sign, scale), then digits in base 10,000. */
#define NUMERIC_HEAD_BYTES 8
#define NUMERIC_BASE 10000
#define NUMERIC_WHOLE_DIGITS 4 /* up to 10^16, beyond any count here */

typedef struct statement {
    satchel_postgres *postgres;
    char *sql;
    char name[NAME_BYTES];
    uint64_t session; /* in which `name` is prepared; 0: in none */
    uint32_t count;   /* of parameters */
    Oid *prepared;    /* types that `name` was prepared with */
    Oid *types;       /* of the values bound now */
    const char **values;
    int *lengths;
    int *formats;
    uint8_t (*numbers)[NUMBER_BYTES];
    satchel_id *ids;
    PGresult *result;
    int row; /* the present one; -1 before the first */
} statement;

/* --- text --- */

/*
 * Copies `sql` with ?n turned into $n, quoted parts left alone. `out` has room for all of it. Gives the highest n, or
 * PARAMETERS_MOST + 1 if a number is too high.
 */
static uint32_t translate(const char *sql, char *out) {
    uint32_t highest = 0;
    char quote = '\0';
    for (const char *at = sql; *at != '\0'; at++) {
        char letter = *at;
        if (quote != '\0') {
            quote = letter == quote ? '\0' : quote;
        } else if (letter == '\'' || letter == '"') {
            quote = letter;
        } else if (letter == '?' || letter == '$') {
            unsigned long number = strtoul(at + 1, NULL, 10);
            letter = '$';
            highest = number > PARAMETERS_MOST ? PARAMETERS_MOST + 1 : highest;
            highest = number > highest ? (uint32_t)number : highest;
        }
        *out++ = letter;
    }
    *out = '\0';
    return highest;
}

static bool take_parameters(statement *made, uint32_t count) {
    size_t places = count > 0 ? count : 1;
    made->count = count;
    made->prepared = satchel_memory_take(places * sizeof *made->prepared);
    made->types = satchel_memory_take(places * sizeof *made->types);
    made->values = satchel_memory_take(places * sizeof *made->values);
    made->lengths = satchel_memory_take(places * sizeof *made->lengths);
    made->formats = satchel_memory_take(places * sizeof *made->formats);
    made->numbers = satchel_memory_take(places * sizeof *made->numbers);
    made->ids = satchel_memory_take(places * sizeof *made->ids);
    return made->prepared != NULL && made->types != NULL && made->values != NULL && made->lengths != NULL &&
           made->formats != NULL && made->numbers != NULL && made->ids != NULL;
}

static void give(statement *old) {
    satchel_memory_give(old->sql);
    satchel_memory_give(old->prepared);
    satchel_memory_give(old->types);
    satchel_memory_give(old->values);
    satchel_memory_give(old->lengths);
    satchel_memory_give(old->formats);
    satchel_memory_give(old->numbers);
    satchel_memory_give(old->ids);
    satchel_memory_give(old);
}

satchel_status satchel_postgres_prepare(satchel_db *db, const char *sql, void **out_native, satchel_error *error) {
    statement *made = satchel_memory_take(sizeof *made);
    *out_native = NULL;
    if (made == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a statement");
    }
    made->postgres = db->native;
    made->row = -1;
    made->sql = satchel_memory_take(strlen(sql) + 1);
    uint32_t count = made->sql != NULL ? translate(sql, made->sql) : 0;
    if (count > PARAMETERS_MOST) {
        give(made);
        return satchel_fail(error, SATCHEL_DATABASE_ERROR, "a statement of more than %u parameters", PARAMETERS_MOST);
    }
    if (made->sql == NULL || !take_parameters(made, count)) {
        give(made);
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a statement");
    }
    *out_native = made;
    return SATCHEL_OK;
}

/* Forgets what the session keeps under the statement's name; a failure leaves it there until the session ends. */
static void unprepare(statement *old) {
    char sql[NAME_BYTES + 16];
    if (old->session == old->postgres->session && PQtransactionStatus(old->postgres->link) != PQTRANS_INERROR) {
        (void)snprintf(sql, sizeof sql, "DEALLOCATE %s", old->name);
        PQclear(PQexec(old->postgres->link, sql));
    }
    old->session = 0;
}

void satchel_postgres_finalize(void *native) {
    statement *old = native;
    PQclear(old->result);
    unprepare(old);
    give(old);
}

/* --- values in --- */

static void bind_number(statement *into, uint32_t at, uint64_t bits, Oid type) {
    satchel_put_u64be(into->numbers[at], bits);
    into->values[at] = (const char *)into->numbers[at];
    into->lengths[at] = NUMBER_BYTES;
    into->types[at] = type;
}

static void bind_data(statement *into, uint32_t at, satchel_bytes data, Oid type) {
    into->values[at] = data.data != NULL ? (const char *)data.data : "";
    into->lengths[at] = (int)data.bytes;
    into->types[at] = type;
}

satchel_status satchel_postgres_bind(satchel_db *db, void *native, uint32_t index, const satchel_value *value,
                                     satchel_error *error) {
    statement *into = native;
    uint32_t at = index - 1;
    uint64_t bits = 0;
    (void)db;
    if (index == 0 || index > into->count) {
        return satchel_fail(error, SATCHEL_DATABASE_ERROR, "the statement has no parameter %" PRIu32, index);
    }
    into->formats[at] = BINARY;
    switch (value->type) {
    case SATCHEL_TYPE_NULL:
        into->values[at] = NULL;
        into->types[at] = OID_NONE;
        return SATCHEL_OK;
    case SATCHEL_TYPE_BOOL: bind_number(into, at, value->as.boolean ? 1 : 0, OID_INT8); return SATCHEL_OK;
    case SATCHEL_TYPE_INT:
    case SATCHEL_TYPE_TIME: bind_number(into, at, (uint64_t)value->as.integer, OID_INT8); return SATCHEL_OK;
    case SATCHEL_TYPE_REAL:
        memcpy(&bits, &value->as.real, sizeof bits);
        bind_number(into, at, bits, OID_FLOAT8);
        return SATCHEL_OK;
    case SATCHEL_TYPE_ID:
        into->ids[at] = value->as.id;
        bind_data(into, at, satchel_bytes_of(into->ids[at].bytes, SATCHEL_ID_BYTES), OID_BYTEA);
        return SATCHEL_OK;
    case SATCHEL_TYPE_TEXT:
    case SATCHEL_TYPE_BYTES: break;
    case SATCHEL_TYPE_SET: return satchel_fail(error, SATCHEL_WRONG_TYPE, "a set is bound in its encoded form");
    }
    if (value->as.bytes.bytes > INT_MAX) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "a value of more than 2 GiB");
    }
    bind_data(into, at, value->as.bytes, value->type == SATCHEL_TYPE_TEXT ? OID_TEXT : OID_BYTEA);
    return SATCHEL_OK;
}

/* --- running --- */

/* Whether the prepared statement takes the values that are bound; else the types that it should be prepared with. */
static bool fits(statement *some) {
    bool all = true;
    for (uint32_t i = 0; i < some->count; i++) {
        if (some->types[i] != OID_NONE && some->types[i] != some->prepared[i]) {
            some->prepared[i] = some->types[i];
            all = false;
        }
    }
    return all;
}

static satchel_status prepare_now(statement *some, satchel_error *error) {
    satchel_postgres *postgres = some->postgres;
    unprepare(some);
    (void)snprintf(some->name, sizeof some->name, "s%" PRIu64, ++postgres->names);
    PGresult *result = PQprepare(postgres->link, some->name, some->sql, (int)some->count, some->prepared);
    satchel_status status = SATCHEL_OK;
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        some->session = postgres->session;
    } else {
        status = satchel_postgres_fail(postgres, result, error);
    }
    PQclear(result);
    return status;
}

static satchel_status run(statement *some, satchel_error *error) {
    satchel_postgres *postgres = some->postgres;
    if (!fits(some) || some->session != postgres->session) {
        satchel_status status = prepare_now(some, error);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    some->result = PQexecPrepared(postgres->link, some->name, (int)some->count, some->values, some->lengths,
                                  some->formats, BINARY);
    ExecStatusType outcome = PQresultStatus(some->result);
    if (outcome != PGRES_TUPLES_OK && outcome != PGRES_COMMAND_OK) {
        satchel_status status = satchel_postgres_fail(postgres, some->result, error);
        PQclear(some->result);
        some->result = NULL;
        return status;
    }
    postgres->changes = strtoull(PQcmdTuples(some->result), NULL, 10);
    return SATCHEL_OK;
}

satchel_status satchel_postgres_step(satchel_db *db, void *native, bool *out_row, satchel_error *error) {
    statement *some = native;
    (void)db;
    *out_row = false;
    if (some->result == NULL) {
        satchel_status status = run(some, error);
        if (status != SATCHEL_OK) {
            return status;
        }
        some->row = -1;
    }
    *out_row = ++some->row < PQntuples(some->result);
    return SATCHEL_OK;
}

void satchel_postgres_reset(void *native) {
    statement *some = native;
    PQclear(some->result);
    some->result = NULL;
    some->row = -1;
    for (uint32_t i = 0; i < some->count; i++) {
        some->values[i] = NULL;
        some->types[i] = OID_NONE;
    }
}

/* --- values out --- */

/* The bytes of a column of the present row; NULL data if there is none or it is NULL. */
static satchel_bytes raw(const statement *some, uint32_t column, Oid *out_type) {
    int at = (int)column;
    *out_type = OID_NONE;
    if (some->result == NULL || some->row < 0 || some->row >= PQntuples(some->result) ||
        at >= PQnfields(some->result) || PQgetisnull(some->result, some->row, at)) {
        return (satchel_bytes){NULL, 0};
    }
    *out_type = PQftype(some->result, at);
    return (satchel_bytes){(const uint8_t *)PQgetvalue(some->result, some->row, at),
                           (size_t)PQgetlength(some->result, some->row, at)};
}

static uint16_t u16_at(satchel_bytes bytes, size_t at) {
    return (uint16_t)(bytes.data[at] << 8 | bytes.data[at + 1]);
}

/* The whole part of a numeric: what sum() over int8 gives. 0 if it is not one, or too large. */
static int64_t numeric_whole(satchel_bytes bytes) {
    if (bytes.bytes < NUMERIC_HEAD_BYTES) {
        return 0;
    }
    size_t digits = u16_at(bytes, 0);
    int weight = (int16_t)u16_at(bytes, 2);
    uint16_t sign = u16_at(bytes, 4);
    int64_t value = 0;
    if (weight < 0 || weight >= NUMERIC_WHOLE_DIGITS || bytes.bytes < NUMERIC_HEAD_BYTES + 2 * digits) {
        return 0;
    }
    for (size_t i = 0; i <= (size_t)weight; i++) {
        value = value * NUMERIC_BASE + (i < digits ? u16_at(bytes, NUMERIC_HEAD_BYTES + 2 * i) : 0);
    }
    return sign == 0 ? value : -value;
}

bool satchel_postgres_is_null(void *native, uint32_t column) {
    Oid type;
    return raw(native, column, &type).data == NULL;
}

int64_t satchel_postgres_get_int(void *native, uint32_t column) {
    Oid type;
    satchel_bytes bytes = raw(native, column, &type);
    switch (type) {
    case OID_INT8: return (int64_t)satchel_get_u64be(bytes.data);
    case OID_INT4: return (int32_t)satchel_get_u32be(bytes.data);
    case OID_INT2: return (int16_t)u16_at(bytes, 0);
    case OID_BOOL: return bytes.data[0] != 0;
    case OID_NUMERIC: return numeric_whole(bytes);
    default: return 0;
    }
}

double satchel_postgres_get_real(void *native, uint32_t column) {
    Oid type;
    satchel_bytes bytes = raw(native, column, &type);
    if (type == OID_FLOAT8) {
        uint64_t bits = satchel_get_u64be(bytes.data);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (type == OID_FLOAT4) {
        uint32_t bits = satchel_get_u32be(bytes.data);
        float value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    return (double)satchel_postgres_get_int(native, column);
}

satchel_bytes satchel_postgres_get_bytes(void *native, uint32_t column) {
    Oid type;
    satchel_bytes bytes = raw(native, column, &type);
    bool readable = type == OID_BYTEA || type == OID_TEXT || type == OID_VARCHAR || type == OID_NAME;
    return readable ? bytes : (satchel_bytes){NULL, 0};
}
