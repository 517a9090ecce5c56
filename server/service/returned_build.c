/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a row anew from what it was and the facts that came back, in their old order.
 */
#include "service/returned_work.h"

#include "base/error.h"
#include "base/ids.h"

#include <satchel/model.h>
#include <stdlib.h>

/* The server writes it by itself. That a row is deleted is somebody's doing, although no phone writes the field. */
static bool is_derived(const satchel_returned_work *work, uint32_t number) {
    if (number == SATCHEL_FIELD_DELETED) {
        return false;
    }
    const satchel_field *field = satchel_schema_field(&work->change->service->schema, work->entity->number, number);
    return field != NULL && ((field->flags & SATCHEL_FIELD_DERIVED) != 0 || field->writer == SATCHEL_WRITE_SERVER ||
                             field->policy == SATCHEL_POLICY_SERVER);
}

static bool came_back(const satchel_returned_work *work, const satchel_writer *writer) {
    for (uint32_t i = 0; i < work->count; i++) {
        const satchel_writer *known = &work->entries[i].writer;
        if (known->incarnation == writer->incarnation && known->sequence == writer->sequence) {
            return true;
        }
    }
    return false;
}

/* What follows from an op that came back bears its name. */
satchel_status satchel_returned_is(satchel_db *db, const satchel_writer *writer, bool *out, satchel_error *error) {
    int64_t count = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        db, error, &count, 0, "SELECT count(*) FROM returned_op WHERE incarnation = ?1 AND sequence = ?2",
        satchel_db_count(writer->incarnation), satchel_db_count(writer->sequence));
    *out = count > 0;
    return status;
}

satchel_status satchel_returned_is_written(satchel_returned_work *work, bool *out) {
    satchel_status status = satchel_db_number_values(work->change->db, "SELECT max(begins_n) FROM epoch", NULL, 0, 0,
                                                     &work->begins_n, work->error);
    *out = false;
    for (uint32_t i = 0; status == SATCHEL_OK && !*out && i < work->now.merged.versions.count; i++) {
        const satchel_version *version = &work->now.merged.versions.items[i];
        bool returned = true;
        if (version->n > (uint64_t)work->begins_n && !is_derived(work, version->field) &&
            !came_back(work, &version->writer)) {
            status = satchel_returned_is(work->change->db, &version->writer, &returned, work->error);
        }
        *out = !returned;
    }
    return status;
}

/* A VOID stands for what it was turned into: the return of a row that the same store deleted, or a deletion. */
static satchel_status turn_void(const satchel_returned_work *work, const satchel_returned_entry *entry,
                                satchel_op *op) {
    const satchel_version *deletion =
        satchel_versions_find(&work->built.versions, SATCHEL_FIELD_DELETED, (satchel_bytes){NULL, 0});
    op->base_n = entry->n;
    if (work->built.deleted && deletion != NULL && deletion->writer.sequence == op->target) {
        op->kind = SATCHEL_OP_EDIT;
        return satchel_record_set_bool(&op->set, SATCHEL_FIELD_DELETED, false);
    }
    op->kind = SATCHEL_OP_DELETE;
    return SATCHEL_OK;
}

/*
 * Lays one op onto the row as it was then. What merging will not have (the row is not there yet, or is deleted and what
 * brought it back is missing) is passed over, and marked for people to see.
 */
static satchel_status lay(satchel_returned_work *work, uint32_t index) {
    satchel_returned_entry *entry = &work->entries[index];
    satchel_incarnation life;
    satchel_author author;
    satchel_writer known[1 + sizeof author.ancestors / sizeof *author.ancestors];
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    uint32_t count = 0;
    satchel_status status =
        satchel_incarnation_by_number(work->change->db, entry->writer.incarnation, &life, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_author_of_phone(work->change->db, &life, &author, work->error);
    }
    if (status == SATCHEL_OK && entry->op.kind == SATCHEL_OP_VOID) {
        status = turn_void(work, entry, &entry->op);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    known[count++] = (satchel_writer){entry->writer.incarnation, entry->writer.sequence - 1};
    for (uint32_t i = 0; i < author.ancestor_count; i++) {
        known[count++] = author.ancestors[i];
    }
    const satchel_merge_context context = {.schema = &work->change->service->schema,
                                           .n = entry->n,
                                           .stamp_ms = entry->stamp_ms,
                                           .writer = entry->writer,
                                           .ancestry = {known, count},
                                           .base_cap = UINT64_MAX};
    satchel_merge_outcome_init(&work->outcomes[index], work->change->arena);
    status = satchel_merge_apply(&context, &work->built, &entry->op, &work->outcomes[index], &why);
    if (status == SATCHEL_NO_MEMORY) {
        return satchel_fail(work->error, status, "no memory for merging");
    }
    return satchel_returned_mark(work, entry, status == SATCHEL_OK ? SATCHEL_RETURNED_LAID : SATCHEL_RETURNED_NOT_LAID);
}

/* Revisions of the old numbering are not those that phones wait for: what is new here gets the change's. */
static satchel_status number_versions(satchel_returned_work *work) {
    satchel_versions numbered;
    satchel_versions_init(&numbered, work->change->arena);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->built.versions.count; i++) {
        satchel_version version = work->built.versions.items[i];
        if (came_back(work, &version.writer)) {
            version.n = work->change->n;
            for (uint32_t k = 0; k < work->now.merged.versions.count; k++) {
                const satchel_version *stored = &work->now.merged.versions.items[k];
                bool same = stored->field == version.field && satchel_bytes_equal(stored->element, version.element) &&
                            stored->writer.incarnation == version.writer.incarnation &&
                            stored->writer.sequence == version.writer.sequence;
                version.n = same ? stored->n : version.n;
            }
        }
        status = satchel_versions_add(&numbered, &version);
    }
    work->built.versions = numbered;
    return status;
}

/* What the server made of this row since the restore stays: totals, what follows from facts about other rows. */
static satchel_status keep_followed(satchel_returned_work *work) {
    satchel_status status = SATCHEL_OK;
    const satchel_versions *versions = &work->now.merged.versions;
    for (uint32_t i = 0; status == SATCHEL_OK && i < versions->count; i++) {
        const satchel_version *version = &versions->items[i];
        const satchel_value *value = satchel_record_get(&work->now.merged.value, version->field);
        bool laid = came_back(work, &version->writer) &&
                    satchel_versions_find(&work->built.versions, version->field, (satchel_bytes){NULL, 0}) != NULL;
        if (version->n <= (uint64_t)work->begins_n || laid || value == NULL || version->element.bytes > 0) {
            continue;
        }
        status = satchel_record_set(&work->built.value, version->field, value);
        if (status == SATCHEL_OK) {
            status = satchel_versions_put(&work->built.versions, version);
        }
    }
    return status;
}

static int compare_numbers(const void *a, const void *b) {
    const uint32_t *left = a;
    const uint32_t *right = b;
    return *left < *right ? -1 : *left > *right ? 1 : 0;
}

uint32_t satchel_returned_differing(const satchel_record *before, const satchel_record *after, uint32_t *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < after->count; i++) {
        const satchel_value *old = satchel_record_get(before, after->fields[i].number);
        if (old == NULL || !satchel_value_equal(old, &after->fields[i].value)) {
            out[count++] = after->fields[i].number;
        }
    }
    for (uint32_t i = 0; i < before->count; i++) {
        if (satchel_record_get(after, before->fields[i].number) == NULL) {
            out[count++] = before->fields[i].number;
        }
    }
    qsort(out, count, sizeof *out, compare_numbers);
    return count;
}

static satchel_status number_field(satchel_returned_work *work, uint32_t number) {
    const satchel_change *change = work->change;
    const satchel_schema *schema = &change->service->schema;
    const satchel_field *field = satchel_schema_field(schema, work->entity->number, number);
    uint32_t key = field != NULL ? satchel_versions_key(schema, work->entity->number, field) : number;
    const satchel_version *found = satchel_versions_find(&work->built.versions, key, (satchel_bytes){NULL, 0});
    satchel_version version = {
        .field = key, .stamp_ms = change->stamp_ms, .writer = {change->author->incarnation, change->sequence}};
    version = found != NULL ? *found : version;
    version.n = change->n;
    return satchel_versions_put(&work->built.versions, &version);
}

/*
 * A value moves although its last writer stays, if an op comes back below his: a sum, or a write that was taken back.
 * Phones that were here before wait for the revision of the value.
 */
static satchel_status number_moved(satchel_returned_work *work) {
    satchel_change *change = work->change;
    const satchel_record *before = &work->now.merged.value;
    size_t most = before->count + work->built.value.count;
    uint32_t *changed = satchel_arena_take_array(change->arena, most, sizeof *changed);
    if (changed == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a row");
    }
    uint32_t count = satchel_returned_differing(before, &work->built.value, changed);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = number_field(work, changed[i]);
    }
    return status;
}

/*
 * The row is there again, because what a deletion had lost to came behind it: phones that began anew in between do not
 * have it, and are told by the revision of its return, which later builds keep.
 */
static satchel_status number_return(satchel_returned_work *work) {
    const satchel_bytes whole = {NULL, 0};
    const satchel_version *had = satchel_versions_find(&work->now.merged.versions, SATCHEL_FIELD_DELETED, whole);
    const satchel_version *has = satchel_versions_find(&work->built.versions, SATCHEL_FIELD_DELETED, whole);
    if (!work->built.exists || work->built.deleted || had == NULL) {
        return SATCHEL_OK;
    }
    satchel_version version = has != NULL ? *has : *had;
    version.n = work->now.merged.deleted ? work->change->n : had->n;
    return has == NULL || version.n > has->n ? satchel_versions_put(&work->built.versions, &version) : SATCHEL_OK;
}

satchel_status satchel_returned_build(satchel_returned_work *work) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        status = lay(work, i);
    }
    if (status == SATCHEL_OK) {
        status = number_versions(work);
    }
    if (status == SATCHEL_OK) {
        status = keep_followed(work);
    }
    if (status == SATCHEL_OK) {
        status = number_return(work);
    }
    return status == SATCHEL_OK ? number_moved(work) : status;
}
