/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that compiled queries call (list in query/ddl.h) in PostgreSQL's own language; SQLite's are
 * core/lite/functions.c, and both are held to the same answers. A value that is not what it has to be gives NULL: a
 * query must not fail for one row.
 *
 * satchel_varint reads one number at `at` (from 0) and moves it on; at = -1: there is none.
 * satchel_custom_find gives tag and content of a custom field as the blob has them (wire/record_codec.h).
 */
#include "db/postgres.h"

static const char varints[] =
    "CREATE FUNCTION satchel_varint(b BYTEA, INOUT at INTEGER, OUT v BIGINT) IMMUTABLE LANGUAGE plpgsql AS $$\n"
    "DECLARE shift INTEGER := 0; x INTEGER;\n"
    "BEGIN\n"
    "  v := 0;\n"
    "  LOOP\n"
    "    IF at < 0 OR at >= length(b) THEN at := -1; RETURN; END IF;\n"
    "    x := get_byte(b, at);\n"
    "    at := at + 1;\n"
    "    IF shift = 63 AND x > 1 THEN at := -1; RETURN; END IF;\n"
    "    v := v | ((x & 127)::BIGINT << shift);\n"
    "    IF x < 128 THEN RETURN; END IF;\n"
    "    shift := shift + 7;\n"
    "  END LOOP;\n"
    "END $$;\n"
    "CREATE FUNCTION satchel_varint_of(n BIGINT) RETURNS BYTEA IMMUTABLE LANGUAGE plpgsql AS $$\n"
    "DECLARE coded BYTEA := '';\n"
    "BEGIN\n"
    "  WHILE n > 127 LOOP\n"
    "    coded := coded || set_byte('\\x00', 0, (n & 127)::INTEGER | 128);\n"
    "    n := n >> 7;\n"
    "  END LOOP;\n"
    "  RETURN coded || set_byte('\\x00', 0, n::INTEGER);\n"
    "END $$;\n";

static const char sets[] =
    "CREATE FUNCTION satchel_set_has(s BYTEA, element BYTEA) RETURNS BOOLEAN IMMUTABLE STRICT LANGUAGE plpgsql AS $$\n"
    "DECLARE at INTEGER := 0; n BIGINT; size BIGINT;\n"
    "BEGIN\n"
    "  SELECT f.at, f.v INTO at, n FROM satchel_varint(s, 0) f;\n"
    "  IF at < 0 OR n < 0 THEN RETURN NULL; END IF;\n"
    "  WHILE n > 0 LOOP\n"
    "    SELECT f.at, f.v INTO at, size FROM satchel_varint(s, at) f;\n"
    "    IF at < 0 OR size < 0 OR size > length(s) - at THEN RETURN NULL; END IF;\n"
    "    IF substring(s FROM at + 1 FOR size::INTEGER) = element THEN RETURN true; END IF;\n"
    "    at := at + size::INTEGER;\n"
    "    n := n - 1;\n"
    "  END LOOP;\n"
    "  RETURN false;\n"
    "END $$;\n";

/* One value of a message: `kind` is its wire type. */
static const char messages[] =
    "CREATE FUNCTION satchel_wire_value(b BYTEA, kind INTEGER, INOUT at INTEGER, OUT v BIGINT, OUT content BYTEA)"
    " IMMUTABLE LANGUAGE plpgsql AS $$\n"
    "BEGIN\n"
    "  content := '';\n"
    "  v := 0;\n"
    "  IF kind = 0 OR kind = 2 THEN\n"
    "    SELECT f.at, f.v INTO at, v FROM satchel_varint(b, at) f;\n"
    "  ELSIF kind = 1 THEN\n"
    "    v := 8;\n"
    "  ELSE\n"
    "    at := -1;\n"
    "  END IF;\n"
    "  IF at < 0 OR kind = 0 THEN RETURN; END IF;\n"
    "  IF v < 0 OR v > length(b) - at THEN at := -1; RETURN; END IF;\n"
    "  content := substring(b FROM at + 1 FOR v::INTEGER);\n"
    "  at := at + v::INTEGER;\n"
    "END $$;\n"
    /* The last content counts, as everywhere in this format. */
    "CREATE FUNCTION satchel_custom_content(m BYTEA, OUT number BIGINT, OUT tag BIGINT, OUT v BIGINT,"
    " OUT content BYTEA) IMMUTABLE LANGUAGE plpgsql AS $$\n"
    "DECLARE at INTEGER := 0; t BIGINT; x BIGINT; c BYTEA;\n"
    "BEGIN\n"
    "  number := 0;\n"
    "  tag := 0;\n"
    "  WHILE at < length(m) LOOP\n"
    "    SELECT f.at, f.v INTO at, t FROM satchel_varint(m, at) f;\n"
    "    IF at >= 0 THEN\n"
    "      SELECT f.at, f.v, f.content INTO at, x, c FROM satchel_wire_value(m, (t & 7)::INTEGER, at) f;\n"
    "    END IF;\n"
    "    IF at < 0 THEN tag := NULL; RETURN; END IF;\n"
    "    IF t = 8 THEN\n"
    "      number := x;\n"
    "    ELSE\n"
    "      tag := t; v := x; content := c;\n"
    "    END IF;\n"
    "  END LOOP;\n"
    "END $$;\n"
    "CREATE FUNCTION satchel_custom_find(b BYTEA, wanted INTEGER, OUT tag BIGINT, OUT v BIGINT, OUT content BYTEA)"
    " IMMUTABLE LANGUAGE plpgsql AS $$\n"
    "DECLARE at INTEGER := 0; t BIGINT; size BIGINT; number BIGINT;\n"
    "BEGIN\n"
    "  WHILE at < length(b) LOOP\n"
    "    SELECT f.at, f.v INTO at, t FROM satchel_varint(b, at) f;\n"
    "    IF at < 0 OR t <> 7202 THEN EXIT; END IF;\n"
    "    SELECT f.at, f.v INTO at, size FROM satchel_varint(b, at) f;\n"
    "    IF at < 0 OR size < 0 OR size > length(b) - at THEN EXIT; END IF;\n"
    "    SELECT f.number, f.tag, f.v, f.content INTO number, tag, v, content\n"
    "      FROM satchel_custom_content(substring(b FROM at + 1 FOR size::INTEGER)) f;\n"
    "    IF tag IS NULL OR number = wanted THEN RETURN; END IF;\n"
    "    at := at + size::INTEGER;\n"
    "  END LOOP;\n"
    "  tag := NULL;\n"
    "END $$;\n";

/* Tags of CustomValue: 16 boolean, 24 integer, 33 real, 42 text, 50 id, 58 set, 64 time, 74 bytes. */
static const char customs[] =
    "CREATE FUNCTION satchel_custom_int(b BYTEA, number INTEGER) RETURNS BIGINT IMMUTABLE STRICT LANGUAGE sql AS $$\n"
    "  SELECT CASE WHEN tag = 16 THEN (v <> 0)::INTEGER::BIGINT\n"
    "    WHEN tag IN (24, 64) THEN ((v >> 1) & 9223372036854775807) # (-(v & 1)) END\n"
    "  FROM satchel_custom_find(b, number) $$;\n"
    /* Eight bytes, the lowest first: sign, exponent, fraction. */
    "CREATE FUNCTION satchel_real_of(c BYTEA) RETURNS DOUBLE PRECISION IMMUTABLE STRICT LANGUAGE plpgsql AS $$\n"
    "DECLARE bits BIGINT := 0; e INTEGER; f DOUBLE PRECISION; sign DOUBLE PRECISION;\n"
    "BEGIN\n"
    "  FOR i IN REVERSE 7..0 LOOP\n"
    "    bits := bits << 8 | get_byte(c, i);\n"
    "  END LOOP;\n"
    "  sign := CASE WHEN bits < 0 THEN -1 ELSE 1 END;\n"
    "  e := ((bits >> 52) & 2047)::INTEGER;\n"
    "  f := (bits & 4503599627370495)::DOUBLE PRECISION / 4503599627370496::DOUBLE PRECISION;\n"
    "  IF e = 2047 THEN RETURN NULL; END IF;\n"
    "  IF e = 0 THEN RETURN sign * (f * power(2::DOUBLE PRECISION, -1022)); END IF;\n"
    "  RETURN sign * ((1 + f) * power(2::DOUBLE PRECISION, e - 1023));\n"
    "END $$;\n"
    "CREATE FUNCTION satchel_custom_real(b BYTEA, number INTEGER) RETURNS DOUBLE PRECISION IMMUTABLE STRICT"
    " LANGUAGE sql AS $$\n"
    "  SELECT CASE WHEN tag = 33 THEN satchel_real_of(content) END FROM satchel_custom_find(b, number) $$;\n"
    /* Sorted and compared by its bytes, as columns are. */
    "CREATE DOMAIN satchel_plain_text AS TEXT COLLATE \"C\";\n"
    "CREATE FUNCTION satchel_custom_text(b BYTEA, number INTEGER) RETURNS satchel_plain_text IMMUTABLE STRICT"
    " LANGUAGE sql AS $$\n"
    "  SELECT CASE WHEN tag = 42 THEN convert_from(content, 'UTF8') END::satchel_plain_text\n"
    "  FROM satchel_custom_find(b, number) $$;\n";

/* A set as satchel_set_encode has it: the count first. */
static const char blobs[] =
    "CREATE FUNCTION satchel_custom_set(m BYTEA) RETURNS BYTEA IMMUTABLE STRICT LANGUAGE plpgsql AS $$\n"
    "DECLARE at INTEGER := 0; t BIGINT; x BIGINT; c BYTEA; n BIGINT := 0; elements BYTEA := '';\n"
    "BEGIN\n"
    "  WHILE at < length(m) LOOP\n"
    "    SELECT f.at, f.v INTO at, t FROM satchel_varint(m, at) f;\n"
    "    IF at < 0 OR t <> 10 THEN RETURN NULL; END IF;\n"
    "    SELECT f.at, f.v, f.content INTO at, x, c FROM satchel_wire_value(m, 2, at) f;\n"
    "    IF at < 0 THEN RETURN NULL; END IF;\n"
    "    n := n + 1;\n"
    "    elements := elements || satchel_varint_of(x) || c;\n"
    "  END LOOP;\n"
    "  RETURN satchel_varint_of(n) || elements;\n"
    "END $$;\n"
    "CREATE FUNCTION satchel_custom_blob(b BYTEA, number INTEGER) RETURNS BYTEA IMMUTABLE STRICT LANGUAGE sql AS $$\n"
    "  SELECT CASE WHEN tag IN (50, 74) THEN content WHEN tag = 58 THEN satchel_custom_set(content) END\n"
    "  FROM satchel_custom_find(b, number) $$;\n";

/* As satchel_distance_m of rules/places.h, in the same steps. */
static const char distances[] =
    "CREATE FUNCTION satchel_distance_m(la BIGINT, oa BIGINT, lb BIGINT, ob BIGINT) RETURNS BIGINT IMMUTABLE STRICT"
    " LANGUAGE plpgsql AS $$\n"
    "DECLARE unit DOUBLE PRECISION := pi() / 180; sa DOUBLE PRECISION; so DOUBLE PRECISION; h DOUBLE PRECISION;\n"
    "BEGIN\n"
    "  IF la NOT BETWEEN -900000000 AND 900000000 OR lb NOT BETWEEN -900000000 AND 900000000\n"
    "    OR oa NOT BETWEEN -1800000000 AND 1800000000 OR ob NOT BETWEEN -1800000000 AND 1800000000 THEN\n"
    "    RETURN NULL;\n"
    "  END IF;\n"
    "  sa := sin((lb - la)::DOUBLE PRECISION / 1e7::DOUBLE PRECISION * unit / 2);\n"
    "  so := sin((ob - oa)::DOUBLE PRECISION / 1e7::DOUBLE PRECISION * unit / 2);\n"
    "  h := sa * sa + cos(la::DOUBLE PRECISION / 1e7::DOUBLE PRECISION * unit)"
    " * cos(lb::DOUBLE PRECISION / 1e7::DOUBLE PRECISION * unit) * so * so;\n"
    "  RETURN floor(6371008.8::DOUBLE PRECISION * (2 * asin(sqrt(least(h, 1)))) + 0.5)::BIGINT;\n"
    "END $$;\n";

satchel_status satchel_postgres_functions_add(satchel_db *db, satchel_error *error) {
    static const char *const texts[] = {varints, sets, messages, customs, blobs, distances};
    int64_t there = 0;
    satchel_status status = satchel_db_number_values(db,
                                                     "SELECT count(*) FROM pg_proc WHERE proname = 'satchel_distance_m'"
                                                     " AND pronamespace = current_schema()::regnamespace",
                                                     NULL, 0, 0, &there, error);
    for (size_t i = 0; status == SATCHEL_OK && there == 0 && i < sizeof texts / sizeof *texts; i++) {
        status = satchel_db_exec(db, texts[i], error);
    }
    return status;
}
