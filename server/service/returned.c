/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decided facts laid into their rows in their old order.
 *
 *   restored_row.before   [exists 1][deleted 1][record bytes varint][record][versions]
 */
#include "service/returned.h"

#include "base/error.h"
#include "base/ids.h"
#include "rules/orders.h"
#include "service/command.h"
#include "service/erase.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a row and its ops --- */

typedef struct returned_entry {
    uint64_t n;
    satchel_writer writer;
    satchel_id user;
    int64_t stamp_ms;
    satchel_op op;
} returned_entry;

typedef struct returned_work {
    satchel_change *change;
    const satchel_entity *entity;
    satchel_id row;
    satchel_stored_row now; /* as it is stored */
    satchel_merge_row built;
    returned_entry *entries;
    uint32_t count;
    int64_t begins_n;                /* where the present epoch begins */
    satchel_merge_outcome *outcomes; /* one an entry */
    satchel_error *error;
} returned_work;

static satchel_status encode_row(const returned_work *work, satchel_buffer *out) {
    const satchel_merge_row *row = &work->now.merged;
    satchel_buffer record;
    satchel_buffer_init(&record);
    satchel_status status =
        satchel_record_encode(&work->change->service->schema, work->entity->number, &row->value, &record);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, row->exists ? 1 : 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, row->deleted ? 1 : 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, record.bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_buffer_view(&record));
    }
    if (status == SATCHEL_OK) {
        status = satchel_versions_encode(&row->versions, out);
    }
    satchel_buffer_deinit(&record);
    return status;
}

static satchel_status decode_row(const returned_work *work, satchel_bytes bytes, satchel_merge_row *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_bytes record = {NULL, 0};
    satchel_bytes versions = {NULL, 0};
    uint64_t length = 0;
    uint8_t exists = 0;
    uint8_t deleted = 0;
    satchel_merge_row_init(out, work->change->arena);
    if (satchel_reader_byte(&reader, &exists) != SATCHEL_OK || satchel_reader_byte(&reader, &deleted) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &length) != SATCHEL_OK || length > satchel_reader_left(&reader) ||
        satchel_reader_take(&reader, (size_t)length, &record) != SATCHEL_OK ||
        satchel_reader_take(&reader, satchel_reader_left(&reader), &versions) != SATCHEL_OK) {
        return SATCHEL_DAMAGED;
    }
    out->exists = exists != 0;
    out->deleted = deleted != 0;
    satchel_status status = satchel_record_decode(&work->change->service->schema, work->entity->number, record, false,
                                                  &out->value, work->error);
    return status == SATCHEL_OK ? satchel_versions_decode(versions, &out->versions) : status;
}

/* Keeps the row as it is before the first fact comes, and takes it from there. */
static satchel_status take_before(returned_work *work) {
    satchel_db_statement *statement = NULL;
    satchel_buffer bytes;
    bool found = false;
    satchel_buffer_init(&bytes);
    satchel_status status = encode_row(work, &bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(work->change->db, work->error,
                                "INSERT INTO restored_row (entity, row, before) VALUES (?1, ?2, ?3)"
                                " ON CONFLICT (entity, row) DO NOTHING",
                                satchel_db_count(work->entity->number), satchel_value_id(&work->row),
                                satchel_value_bytes(satchel_buffer_view(&bytes)));
    }
    satchel_buffer_deinit(&bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, work->change->db, work->error,
                                  "SELECT before FROM restored_row WHERE entity = ?1 AND row = ?2",
                                  satchel_db_count(work->entity->number), satchel_value_id(&work->row));
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, work->error);
    }
    if (status == SATCHEL_OK) {
        status = decode_row(work, satchel_db_bytes(statement, 0), &work->built);
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status add_entry(const returned_work *work, const satchel_op *op, uint64_t old_n) {
    const satchel_change *change = work->change;
    satchel_buffer bytes;
    satchel_buffer_init(&bytes);
    satchel_status status = satchel_op_encode(&change->service->schema, op, &bytes);
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(
            change->db, work->error,
            "INSERT INTO returned_op (entity, row, n, sequence, incarnation, owner, stamp_ms, op, command)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (entity, row, n, sequence, incarnation)"
            " DO NOTHING",
            satchel_db_count(op->entity), satchel_value_id(&op->row), satchel_db_count(old_n),
            satchel_db_count(op->sequence), satchel_db_count(change->author->incarnation),
            satchel_value_id(&change->author->user), satchel_value_time(change->stamp_ms),
            satchel_value_bytes(satchel_buffer_view(&bytes)), satchel_value_int(op->kind == SATCHEL_OP_COMMAND));
    } else {
        status = satchel_fail(work->error, status, "an op that came back");
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status read_entry(returned_work *work, const satchel_db_statement *statement, returned_entry *out) {
    *out = (returned_entry){.n = satchel_db_uint(statement, 0),
                            .writer = {satchel_db_uint(statement, 2), satchel_db_uint(statement, 1)},
                            .user = satchel_db_id(statement, 3),
                            .stamp_ms = satchel_db_int(statement, 4)};
    return satchel_op_decode(&work->change->service->schema, satchel_db_bytes(statement, 5), out->writer.sequence,
                             work->change->arena, &out->op, work->error);
}

static satchel_status load_entries(returned_work *work) {
    satchel_change *change = work->change;
    satchel_db_statement *statement = NULL;
    int64_t count = 0;
    satchel_status status = SATCHEL_DB_NUMBER(change->db, work->error, &count, 0,
                                              "SELECT count(*) FROM returned_op WHERE entity = ?1 AND row = ?2"
                                              " AND command = 0",
                                              satchel_db_count(work->entity->number), satchel_value_id(&work->row));
    work->entries = satchel_arena_take_array(change->arena, (size_t)count, sizeof *work->entries);
    work->outcomes = satchel_arena_take_array(change->arena, (size_t)count, sizeof *work->outcomes);
    if (status == SATCHEL_OK && (work->entries == NULL || work->outcomes == NULL)) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for what came back");
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(&statement, change->db, work->error,
                                  "SELECT n, sequence, incarnation, owner, stamp_ms, op FROM returned_op"
                                  " WHERE entity = ?1 AND row = ?2 AND command = 0 ORDER BY n, sequence, incarnation",
                                  satchel_db_count(work->entity->number), satchel_value_id(&work->row));
    }
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && work->count < count) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            status = read_entry(work, statement, &work->entries[work->count]);
            work->count += status == SATCHEL_OK ? 1 : 0;
        }
    }
    satchel_db_end(statement);
    return status;
}

/* --- building --- */

static bool is_derived(const returned_work *work, uint32_t number) {
    const satchel_field *field = satchel_schema_field(&work->change->service->schema, work->entity->number, number);
    return field != NULL && ((field->flags & SATCHEL_FIELD_DERIVED) != 0 || field->writer == SATCHEL_WRITE_SERVER ||
                             field->policy == SATCHEL_POLICY_SERVER);
}

static bool came_back(const returned_work *work, const satchel_writer *writer) {
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

/* Did somebody write to the row since the restore? */
static satchel_status is_written(returned_work *work, bool *out) {
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
static satchel_status turn_void(const returned_work *work, const returned_entry *entry, satchel_op *op) {
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

/* Lays one op onto the row as it was then. What merging will not have (the row is not there yet) is passed over. */
static satchel_status lay(returned_work *work, uint32_t index) {
    returned_entry *entry = &work->entries[index];
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
    return status == SATCHEL_NO_MEMORY ? satchel_fail(work->error, status, "no memory for merging") : SATCHEL_OK;
}

/* Revisions of the old numbering are not those that phones wait for: what is new here gets the change's. */
static satchel_status number_versions(returned_work *work) {
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
static satchel_status keep_followed(returned_work *work) {
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

/* Fields whose value differs, ascending; `out` has room for those of both. */
static uint32_t differing(const satchel_record *before, const satchel_record *after, uint32_t *out) {
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

static satchel_status number_field(returned_work *work, uint32_t number) {
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
static satchel_status number_moved(returned_work *work) {
    satchel_change *change = work->change;
    const satchel_record *before = &work->now.merged.value;
    size_t most = before->count + work->built.value.count;
    uint32_t *changed = satchel_arena_take_array(change->arena, most, sizeof *changed);
    if (changed == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a row");
    }
    uint32_t count = differing(before, &work->built.value, changed);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = number_field(work, changed[i]);
    }
    return status;
}

static satchel_status build(returned_work *work) {
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
    return status == SATCHEL_OK ? number_moved(work) : status;
}

/* --- storing --- */

static bool same_versions(const satchel_versions *a, const satchel_versions *b) {
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++) {
        same = a->items[i].field == b->items[i].field && a->items[i].n == b->items[i].n &&
               a->items[i].stamp_ms == b->items[i].stamp_ms &&
               satchel_bytes_equal(a->items[i].element, b->items[i].element);
    }
    return same;
}

/* Who wrote last in the old order is whom the row names. */
static satchel_status save(returned_work *work) {
    satchel_change *change = work->change;
    satchel_stored_row row = work->now;
    const satchel_author *author = change->author;
    satchel_author last = *author;
    int64_t stamp_ms = change->stamp_ms;
    bool is_new = row.rowid == 0;
    size_t most = row.merged.value.count + work->built.value.count;
    uint32_t *changed = satchel_arena_take_array(change->arena, most, sizeof *changed);
    if (changed == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a row");
    }
    uint32_t count = differing(&row.merged.value, &work->built.value, changed);
    if (!work->built.exists || (!is_new && count == 0 && row.merged.deleted == work->built.deleted &&
                                same_versions(&row.merged.versions, &work->built.versions))) {
        return SATCHEL_OK;
    }
    row.merged = work->built;
    if (!is_new) {
        last.user = work->entries[work->count - 1].user;
        change->author = &last;
        change->stamp_ms = work->entries[work->count - 1].stamp_ms;
    }
    satchel_status status = satchel_change_save(change, &row, changed, count, work->error);
    change->author = author;
    change->stamp_ms = stamp_ms;
    work->now = row;
    if (status == SATCHEL_OK && is_new && work->entity->number == SATCHEL_ENTITY_CUSTOMER) {
        status = satchel_change_refresh(change, &work->row, work->error); /* what hangs on it may have come first */
    }
    return status;
}

/* Was this loss recorded when an earlier op of the row came back? */
static satchel_status is_recorded(returned_work *work, const satchel_loss *loss, bool *out) {
    int64_t count = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        work->change->db, work->error, &count, 0,
        "SELECT count(*) FROM \"conflict\" WHERE \"subject_row\" = ?1 AND \"subject_field\" = ?2"
        " AND \"loser_sequence\" = ?3 AND \"loser_at\" = ?4",
        satchel_value_id(&work->row), satchel_db_count(loss->field),
        satchel_db_count(loss->loser_version.writer.sequence), satchel_value_time(loss->loser_version.stamp_ms));
    *out = count > 0;
    return status;
}

static satchel_status record_losses(returned_work *work, const satchel_standing *standing) {
    satchel_change *change = work->change;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        for (uint32_t k = 0; status == SATCHEL_OK && k < work->outcomes[i].loss_count; k++) {
            const satchel_loss *loss = &work->outcomes[i].losses[k];
            satchel_id id;
            bool recorded = false;
            status = is_recorded(work, loss, &recorded);
            if (status == SATCHEL_OK && !recorded) {
                status = satchel_journal_conflict(change, &work->now, standing, loss, &id, work->error);
            }
        }
    }
    return status;
}

/* --- one op --- */

/* What the server filled in when the row was made. */
static satchel_status complete(satchel_change *change, const satchel_entity *entity, satchel_op *op) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < entity->field_count; i++) {
        if ((entity->fields[i].flags & SATCHEL_FIELD_DERIVED) != 0) {
            satchel_record_remove(&op->set, entity->fields[i].number);
        }
    }
    if (op->kind != SATCHEL_OP_CREATE) {
        return SATCHEL_OK;
    }
    uint32_t owner = entity->owner_field;
    if (owner != 0 && satchel_record_get(&op->set, owner) == NULL) {
        status = satchel_record_set_id(&op->set, owner, &change->author->user);
    }
    const satchel_id *home = &change->person->home_territory;
    if (status == SATCHEL_OK && op->entity == SATCHEL_ENTITY_CUSTOMER && !satchel_id_is_none(home) &&
        satchel_record_get(&op->set, SATCHEL_CUSTOMER_TERRITORY) == NULL) {
        status = satchel_record_set_id(&op->set, SATCHEL_CUSTOMER_TERRITORY, home);
    }
    return status;
}

/* The line's own total; the order's is summed up at the end. */
static satchel_status derive(returned_work *work) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    satchel_change *change = work->change;
    if (work->entity->number == SATCHEL_ENTITY_ORDER && work->built.exists) {
        return satchel_change_touch_order(change, &work->row, false, false);
    }
    if (work->entity->number != SATCHEL_ENTITY_ORDER_LINE || !work->built.exists) {
        return SATCHEL_OK;
    }
    satchel_id order = satchel_record_id(&work->built.value, SATCHEL_ORDER_LINE_ORDER);
    satchel_status status = satchel_change_touch_order(change, &order, false, false);
    if (status != SATCHEL_OK || satchel_order_line_derive(&work->built.value, &why) != SATCHEL_OK) {
        return status;
    }
    satchel_version version = {.field = SATCHEL_ORDER_LINE_TOTAL_MINOR,
                               .n = change->n,
                               .stamp_ms = change->stamp_ms,
                               .writer = {change->author->incarnation, change->sequence}};
    return satchel_versions_put(&work->built.versions, &version);
}

/* The row was written to since: the op is one more concurrent write, with its old stamp. */
static satchel_status merge_late(returned_work *work, satchel_op *op) {
    satchel_change *change = work->change;
    satchel_op_decision ignored;
    bool trusted = change->trusted;
    change->trusted = true;
    satchel_status status = satchel_epoch_cap_op(change->db, change->counter, change->arena, op, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_change_op(change, op, &ignored, work->error);
    }
    change->trusted = trusted;
    return status;
}

/* Rows of one entity that hang on the customer, and came before it. */
static satchel_status follow_earlier(returned_work *work, const satchel_entity *entity) {
    satchel_change *change = work->change;
    const satchel_field *field = satchel_schema_field(&change->service->schema, entity->number, entity->anchor_field);
    satchel_db_statement *statement = NULL;
    satchel_id_list ids = {NULL, 0, 0};
    char sql[192];
    (void)snprintf(sql, sizeof sql, "SELECT \"id\" FROM \"%s\" WHERE \"%s\" = ?1 ORDER BY rowid", entity->name,
                   field->name);
    satchel_status status = SATCHEL_DB_START(&statement, change->db, work->error, sql, satchel_value_id(&work->row));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(&ids, change->arena, &id);
        }
    }
    satchel_db_end(statement);
    for (uint32_t i = 0; status == SATCHEL_OK && i < ids.count; i++) {
        satchel_stored_row row;
        status = satchel_stored_row_load(change->service->tables, change->db, entity->number, &ids.items[i],
                                         change->arena, &row, work->error);
        if (status == SATCHEL_OK) {
            status = satchel_pool_follow(change, &row, &work->row, work->error);
        }
    }
    return status;
}

static satchel_status follow_customer(returned_work *work, const satchel_op *op, bool is_new) {
    const satchel_model *model = work->change->service->schema.model;
    satchel_status status = satchel_duplicate_note(work->change, &work->now, is_new, op, work->error);
    for (uint32_t i = 0; is_new && status == SATCHEL_OK && i < model->entity_count; i++) {
        if (model->entities[i].anchor_field != 0 && model->entities[i].number != SATCHEL_ENTITY_CUSTOMER) {
            status = follow_earlier(work, &model->entities[i]);
        }
    }
    return status;
}

/* What the row means beyond itself: losses for people, its customer's last visit, customers that are there twice. */
static satchel_status follow(returned_work *work, const satchel_op *op, bool is_new) {
    satchel_standing standing;
    satchel_change *change = work->change;
    satchel_status status = satchel_standing_of(change->service, change->db, work->entity->number, &work->row,
                                                &work->built.value, change->arena, &standing, work->error);
    if (status == SATCHEL_OK) {
        status = record_losses(work, &standing);
    }
    if (status == SATCHEL_OK && work->entity->number == SATCHEL_ENTITY_CUSTOMER) {
        return follow_customer(work, op, is_new);
    }
    return status == SATCHEL_OK ? satchel_pool_follow(change, &work->now, &standing.anchor.id, work->error) : status;
}

static satchel_status take_op(returned_work *work, satchel_op *op, uint64_t old_n) {
    bool written = false;
    satchel_change *change = work->change;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, op->entity, &op->row,
                                                    change->arena, &work->now, work->error);
    if (status == SATCHEL_OK) {
        status = take_before(work);
    }
    if (status == SATCHEL_OK) {
        status = load_entries(work);
    }
    if (status == SATCHEL_OK) {
        status = is_written(work, &written);
    }
    if (status != SATCHEL_OK || written) {
        return status == SATCHEL_OK ? merge_late(work, op) : status;
    }
    work->count = 0;
    status = add_entry(work, op, old_n);
    if (status == SATCHEL_OK) {
        status = load_entries(work);
    }
    if (status == SATCHEL_OK) {
        status = build(work);
    }
    if (status == SATCHEL_OK) {
        status = derive(work);
    }
    bool is_new = work->now.rowid == 0;
    if (status == SATCHEL_OK) {
        status = save(work);
    }
    return status == SATCHEL_OK && work->built.exists ? follow(work, op, is_new) : status;
}

satchel_status satchel_returned_op(satchel_change *change, satchel_op *op, uint64_t old_n, satchel_error *error) {
    returned_work work = {.change = change, .row = op->row, .error = error};
    bool erased = false;
    change->sequence = op->sequence;
    work.entity = satchel_schema_entity(&change->service->schema, op->entity);
    if (work.entity == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_erase_strip(change, op, &erased, error);
    if (status != SATCHEL_OK || erased) {
        return status;
    }
    if (op->kind == SATCHEL_OP_COMMAND) {
        return add_entry(&work, op, old_n); /* satchel_returned_commands carries it out */
    }
    status = complete(change, work.entity, op);
    return status == SATCHEL_OK ? take_op(&work, op, old_n) : status;
}
