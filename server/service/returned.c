/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decided fact that came back: into its row, and what follows from that.
 */
#include "service/returned_work.h"

#include "base/error.h"
#include "base/ids.h"
#include "rules/orders.h"
#include "service/audit.h"
#include "service/command.h"
#include "service/erase.h"

#include <satchel/model.h>
#include <stdio.h>

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
static satchel_status save(satchel_returned_work *work) {
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
    uint32_t count = satchel_returned_differing(&row.merged.value, &work->built.value, changed);
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

satchel_status satchel_returned_is_recorded(satchel_db *db, const satchel_id *row, const satchel_loss *loss, bool *out,
                                            satchel_error *error) {
    int64_t count = 0;
    satchel_status status = SATCHEL_DB_NUMBER(
        db, error, &count, 0,
        "SELECT count(*) FROM \"conflict\" WHERE \"subject_row\" = ?1 AND \"subject_field\" = ?2"
        " AND \"loser_sequence\" = ?3 AND \"loser_at\" = ?4",
        satchel_value_id(row), satchel_db_count(loss->field), satchel_db_count(loss->loser_version.writer.sequence),
        satchel_value_time(loss->loser_version.stamp_ms));
    *out = count > 0;
    return status;
}

static satchel_status record_losses(satchel_returned_work *work, const satchel_standing *standing) {
    satchel_change *change = work->change;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->count; i++) {
        for (uint32_t k = 0; status == SATCHEL_OK && k < work->outcomes[i].loss_count; k++) {
            const satchel_loss *loss = &work->outcomes[i].losses[k];
            satchel_id id;
            bool recorded = false;
            status = satchel_returned_is_recorded(change->db, &work->row, loss, &recorded, work->error);
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
static satchel_status derive(satchel_returned_work *work) {
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

/* People are told that it waits; `satcheld returned` shows what it says. */
static satchel_status tell_waits(const satchel_returned_work *work, const satchel_op *op, satchel_status why) {
    const satchel_change *change = work->change;
    const satchel_audit_entry entry = {.action = "returned edit waits",
                                       .user = change->author->user,
                                       .device = change->author->device,
                                       .subject_entity = op->entity,
                                       .subject_row = op->row,
                                       .status = why};
    return satchel_audit_add(change->db, change->counter, change->now_ms, &entry, work->error);
}

/* The row was written to since: the op is one more concurrent write, with its old stamp. */
static satchel_status merge_late(satchel_returned_work *work, satchel_op *op, uint64_t old_n) {
    satchel_change *change = work->change;
    satchel_op_decision decision = {.code = SATCHEL_RESULT_APPLIED};
    bool trusted = change->trusted;
    change->trusted = true;
    satchel_status status = satchel_epoch_cap_op(change->db, change->counter, change->arena, op, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_change_op(change, op, &decision, work->error);
    }
    change->trusted = trusted;
    bool taken = decision.code == SATCHEL_RESULT_APPLIED || decision.code == SATCHEL_RESULT_MERGED;
    if (status != SATCHEL_OK || taken) {
        return status;
    }
    status = satchel_returned_add(work, op, old_n, SATCHEL_RETURNED_NOT_LAID);
    return status == SATCHEL_OK ? tell_waits(work, op, decision.status) : status;
}

/* Was it laid into its row? */
static satchel_status look_whether_laid(const satchel_returned_work *work, const satchel_op *op) {
    for (uint32_t i = 0; i < work->count; i++) {
        const satchel_returned_entry *entry = &work->entries[i];
        if (entry->state == SATCHEL_RETURNED_NOT_LAID && entry->writer.sequence == op->sequence &&
            entry->writer.incarnation == work->change->author->incarnation) {
            return tell_waits(work, op, SATCHEL_NOT_FOUND);
        }
    }
    return SATCHEL_OK;
}

/* Rows of one entity that hang on the customer, and came before it. */
static satchel_status follow_earlier(satchel_returned_work *work, const satchel_entity *entity) {
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

static satchel_status follow_customer(satchel_returned_work *work, const satchel_op *op, bool is_new) {
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
static satchel_status follow(satchel_returned_work *work, const satchel_op *op, bool is_new) {
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

static satchel_status take_op(satchel_returned_work *work, satchel_op *op, uint64_t old_n) {
    bool written = false;
    satchel_change *change = work->change;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, op->entity, &op->row,
                                                    change->arena, &work->now, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_returned_narrow(work, op);
    }
    if (status == SATCHEL_OK) {
        status = satchel_returned_take_before(work);
    }
    if (status == SATCHEL_OK) {
        status = satchel_returned_load(work);
    }
    if (status == SATCHEL_OK) {
        status = satchel_returned_is_written(work, &written);
    }
    if (status != SATCHEL_OK || written) {
        return status == SATCHEL_OK ? merge_late(work, op, old_n) : status;
    }
    work->count = 0;
    status = satchel_returned_add(work, op, old_n, SATCHEL_RETURNED_LAID);
    if (status == SATCHEL_OK) {
        status = satchel_returned_load(work);
    }
    if (status == SATCHEL_OK) {
        status = satchel_returned_build(work);
    }
    if (status == SATCHEL_OK) {
        status = look_whether_laid(work, op);
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
    satchel_returned_work work = {.change = change, .row = op->row, .error = error};
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
        return satchel_returned_add(&work, op, old_n,
                                    SATCHEL_RETURNED_WAITS); /* satchel_returned_commands carries it out */
    }
    status = complete(change, work.entity, op);
    return status == SATCHEL_OK ? take_op(&work, op, old_n) : status;
}
