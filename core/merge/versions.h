/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server keeps of each field so that it can merge: revision, effective stamp, last writer.
 *
 * One entry a field; a group keeps one entry under its lowest field number; the row's deletion is kept under
 * SATCHEL_FIELD_DELETED. Further entries carry an element: of a SET the adds of each present element, of STRICT the
 * writes of each value, as far as no later op has seen them (nearly always one); of ONCE_THEN_ASK the first write. A
 * phone keeps none of this.
 */
#ifndef SATCHEL_MERGE_VERSIONS_H
#define SATCHEL_MERGE_VERSIONS_H

#include "schema/op.h"

/*
 * Who wrote: the incarnation as a small number that the server interned (0 = the server itself), and the op's sequence.
 */
typedef struct satchel_writer {
    uint64_t incarnation;
    uint64_t sequence;
} satchel_writer;

/* Incarnation of what too many lineages wrote concurrently to be told apart: an earlier op of none. Never interned. */
#define SATCHEL_WRITER_SEVERAL UINT64_MAX

/*
 * Sequence of what came into the row without its author's knowledge (by way of a customer that was merged into it): an
 * earlier op of none, and of equal stamps the first of its lineage. The most that a conflict's loser_sequence holds.
 */
#define SATCHEL_WRITER_ELSEWHERE ((uint64_t)INT64_MAX)

/* Unseen writes of one element that are told apart. */
#define SATCHEL_VERSIONS_BESIDE 16

/*
 * The earlier ops of a lineage: a writer belongs to it if some entry has its incarnation and a sequence ≥ its own. For
 * an op of incarnation i and sequence s it holds (i, s - 1) and, per ancestor, (ancestor, last sequence before the
 * fork).
 */
typedef struct satchel_ancestry {
    const satchel_writer *known;
    uint32_t count;
} satchel_ancestry;

typedef struct satchel_version {
    uint32_t field;
    satchel_bytes element; /* empty: the field or group itself */
    uint64_t n;            /* revision at which it was last written */
    int64_t stamp_ms;      /* effective stamp of that write */
    satchel_writer writer;
} satchel_version;

typedef struct satchel_versions {
    satchel_arena *arena;
    satchel_version *items; /* by (field, element, n) */
    uint32_t count;
    uint32_t capacity;
} satchel_versions;

void satchel_versions_init(satchel_versions *versions, satchel_arena *arena);

/* The oldest entry of the field and element; NULL if there is none. */
const satchel_version *satchel_versions_find(const satchel_versions *versions, uint32_t field, satchel_bytes element);

/* Replaces all entries of the field and element by this one; the element is copied. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_versions_put(satchel_versions *versions, const satchel_version *version);

/* Puts it beside the others of the field and element, in the place of one with the same n. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_versions_add(satchel_versions *versions, const satchel_version *version);

/* Drops all entries of the field and element. */
void satchel_versions_drop(satchel_versions *versions, uint32_t field, satchel_bytes element);

/* The field number under which the version of `field` is kept: the lowest of its group, or itself. */
uint32_t satchel_versions_key(const satchel_schema *schema, uint32_t entity, const satchel_field *field);

/* Do two fields merge as one: the same field, or members of one group whose policy takes a group as one value? */
bool satchel_versions_same_cell(const satchel_field *a, const satchel_field *b);

/* Highest n over all entries, over the fields of each sensitivity class; 0 if none. Unknown fields count as SECRET. */
uint64_t satchel_versions_newest(const satchel_versions *versions);
void satchel_versions_newest_each(const satchel_schema *schema, uint32_t entity, const satchel_versions *versions,
                                  uint64_t out[SATCHEL_SENSITIVITY_COUNT]);

/* Is it an earlier op of the same lineage? The server's own writes (incarnation 0) never are. */
bool satchel_ancestry_has(const satchel_ancestry *ancestry, const satchel_writer *writer);

/*
 * Compact bytes for a column, appended; drawn in core/doc/merge.md. Decoding replaces what `out` (initialised) held,
 * and checks order and limits; no bytes at all are no versions.
 * Errors: NO_MEMORY; decode: MALFORMED, NEWER_FORMAT.
 */
SATCHEL_MUST_USE satchel_status satchel_versions_encode(const satchel_versions *versions, satchel_buffer *out);
SATCHEL_MUST_USE satchel_status satchel_versions_decode(satchel_bytes bytes, satchel_versions *out);

#endif
