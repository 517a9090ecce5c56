/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DDL of the entity tables from the schema table, for both databases. Table "customer" of entity customer and so on;
 * one column a field named as the field, in order of field number; the caller appends its own bookkeeping columns.
 *
 * BOOL, INT, TIME → INTEGER/BIGINT; REAL → REAL/DOUBLE PRECISION; TEXT → TEXT; BYTES, ID, SET → BLOB/BYTEA (a set as
 * the blob of satchel_set_encode, NULL if empty); custom values together in column `custom`, unknown fields in
 * `tail`.
 */
#ifndef SATCHEL_QUERY_DDL_H
#define SATCHEL_QUERY_DDL_H

#include "query/query.h"

/*
 * Compiled queries use functions that each database side must have, deterministic, NULL for a NULL first argument:
 *   satchel_set_has(set, element)          1 or 0 (PostgreSQL: boolean): has the set of satchel_set_encode the element?
 *   satchel_custom_int(custom, number)     value of a custom field out of the blob of satchel_custom_encode, NULL if
 *   satchel_custom_real, _text, _blob      absent: BOOL, INT, TIME; REAL; TEXT; BYTES, ID, and SET as its blob
 *   satchel_distance_m(lat, lon, lat, lon) whole metres as satchel_distance_m of rules/places.h, from 1e-7 degrees
 */

/*
 * Appends CREATE TABLE with `rowid INTEGER PRIMARY KEY, id … UNIQUE`, the fields, custom, tail and `extra_columns`
 * (", base INTEGER …").
 */
SATCHEL_MUST_USE satchel_status satchel_ddl_table(const satchel_schema *schema, uint32_t entity,
                                                  satchel_dialect dialect, satchel_text extra_columns,
                                                  satchel_buffer *out);

/* Appends ALTER TABLE … ADD COLUMN for a field that the table lacks. */
SATCHEL_MUST_USE satchel_status satchel_ddl_add_column(const satchel_entity *entity, const satchel_field *field,
                                                       satchel_dialect dialect, satchel_buffer *out);

/* Appends CREATE INDEX for references, anchors and sort columns that screens use. */
SATCHEL_MUST_USE satchel_status satchel_ddl_indexes(const satchel_schema *schema, uint32_t entity,
                                                    satchel_dialect dialect, satchel_buffer *out);

/*
 * Appends the field columns, comma-separated, in table order ("name, short_name, …, custom, tail"), each prefixed by
 * `prefix`.
 */
SATCHEL_MUST_USE satchel_status satchel_ddl_columns(const satchel_schema *schema, uint32_t entity, satchel_text prefix,
                                                    satchel_buffer *out);

#endif
