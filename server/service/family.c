/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root and the rows that travel with it are deleted together and come back together. Whoever deletes a root deletes
 * what he sees below it first, in the same change, so what is left below it afterwards is what he did not know of.
 * Facts do not count: they are never deleted on a phone and go with their root.
 */
#include "service/family.h"

#include "base/error.h"

static bool is_below(const satchel_schema *schema, uint32_t index, uint32_t root, bool with_facts) {
    const satchel_entity *entity = &schema->model->entities[index];
    return entity->root == root && (with_facts || (entity->flags & SATCHEL_ENTITY_FACT) == 0);
}

uint64_t satchel_family_deleted_n(const satchel_stored_row *row) {
    const satchel_version *deletion =
        satchel_versions_find(&row->merged.versions, SATCHEL_FIELD_DELETED, (satchel_bytes){NULL, 0});
    return row->merged.deleted && deletion != NULL ? deletion->n : 0;
}

/* What is looked for below a root: its newest live row, or those that one change deleted. */
typedef struct family_search {
    uint64_t deleted_n; /* 0: a live one */
    bool found;
    satchel_version newest;
    satchel_id_list deleted;
} family_search;

static const satchel_version *newest_version(const satchel_versions *versions) {
    const satchel_version *newest = NULL;
    for (uint32_t i = 0; i < versions->count; i++) {
        if (newest == NULL || versions->items[i].n > newest->n) {
            newest = &versions->items[i];
        }
    }
    return newest;
}

static satchel_status look_at(satchel_change *change, family_search *search, const satchel_stored_row *row) {
    if (search->deleted_n != 0) {
        return satchel_family_deleted_n(row) == search->deleted_n
                   ? satchel_id_list_add(&search->deleted, change->arena, &row->id)
                   : SATCHEL_OK;
    }
    const satchel_version *newest = newest_version(&row->merged.versions);
    if (!row->merged.deleted && newest != NULL && (!search->found || newest->n > search->newest.n)) {
        search->found = true;
        search->newest = *newest;
    }
    return SATCHEL_OK;
}

static satchel_status search_below(satchel_change *change, uint32_t entity, const satchel_id *root,
                                   family_search *search, satchel_error *error) {
    const satchel_tables *tables = change->service->tables;
    satchel_db_statement *statement = NULL;
    satchel_arena arena;
    satchel_arena_init(&arena);
    satchel_status status = SATCHEL_DB_START(
        &statement, change->db, error, satchel_db_tables_get(tables, entity)->select_by_root, satchel_value_id(root));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        satchel_stored_row row;
        satchel_arena_reset(&arena);
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            status = satchel_stored_row_read(tables, statement, entity, &arena, &row, error);
        }
        if (status == SATCHEL_OK && found) {
            status = look_at(change, search, &row);
        }
    }
    satchel_db_end(statement);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status bring_back(satchel_change *change, const satchel_op *cause, uint32_t entity, const satchel_id *id,
                                 satchel_error *error) {
    satchel_op op;
    satchel_op_init(&op, SATCHEL_OP_EDIT, entity, id, change->arena);
    op.sequence = cause->sequence;
    op.base_n = change->n;
    satchel_status status = satchel_record_set_bool(&op.set, SATCHEL_FIELD_DELETED, false);
    return status == SATCHEL_OK ? satchel_family_bring_back(change, &op, error) : status;
}

static satchel_status return_all(satchel_change *change, const satchel_op *cause, uint64_t n, satchel_error *error) {
    const satchel_model *model = change->service->schema.model;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < model->entity_count && status == SATCHEL_OK; i++) {
        family_search search = {.deleted_n = n};
        if (!is_below(&change->service->schema, i, cause->entity, true)) {
            continue;
        }
        status = search_below(change, model->entities[i].number, &cause->row, &search, error);
        for (size_t k = 0; k < search.deleted.count && status == SATCHEL_OK; k++) {
            status = bring_back(change, cause, model->entities[i].number, &search.deleted.items[k], error);
        }
    }
    return status;
}

satchel_status satchel_family_returns(satchel_change *change, const satchel_op *op, uint64_t n, satchel_error *error) {
    return n != 0 ? return_all(change, op, n, error) : SATCHEL_OK;
}

/* As the merge does it where a deletion meets an edit of the row itself. */
static satchel_status ask(const satchel_change *change, const satchel_op *op, const satchel_version *edit,
                          satchel_merge_outcome *outcome) {
    satchel_loss *loss = satchel_arena_take_array(change->arena, 1, sizeof *loss);
    if (loss == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    *loss = (satchel_loss){.field = SATCHEL_FIELD_DELETED,
                           .policy = SATCHEL_POLICY_ASK,
                           .kind = SATCHEL_LOSS_ASK,
                           .reason = SATCHEL_OVERTAKEN,
                           .winner_version = *edit};
    loss->winner_version.element = (satchel_bytes){NULL, 0};
    loss->loser_version = (satchel_version){.field = SATCHEL_FIELD_DELETED,
                                            .n = change->n,
                                            .writer = {change->author->incarnation, op->sequence},
                                            .stamp_ms = change->stamp_ms};
    satchel_record_init(&loss->winner, change->arena);
    satchel_record_init(&loss->loser, change->arena);
    satchel_merge_outcome_init(outcome, change->arena);
    outcome->losses = loss;
    outcome->loss_count = outcome->loss_capacity = 1;
    satchel_status status = satchel_record_set_bool(&loss->winner, SATCHEL_FIELD_DELETED, false);
    return status == SATCHEL_OK ? satchel_record_set_bool(&loss->loser, SATCHEL_FIELD_DELETED, true) : status;
}

/* The newest row below the root that lives and is no fact. */
static satchel_status search_live(satchel_change *change, uint32_t entity, const satchel_id *root,
                                  family_search *search, satchel_error *error) {
    const satchel_model *model = change->service->schema.model;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < model->entity_count && status == SATCHEL_OK; i++) {
        if (is_below(&change->service->schema, i, entity, false)) {
            status = search_below(change, model->entities[i].number, root, search, error);
        }
    }
    return status;
}

satchel_status satchel_family_stays(satchel_change *change, const satchel_op *op, const satchel_stored_row *row,
                                    satchel_merge_outcome *outcome, bool *out, satchel_error *error) {
    family_search search = {.deleted_n = 0};
    *out = false;
    if (op->kind != SATCHEL_OP_DELETE || !row->merged.exists || row->merged.deleted) {
        return SATCHEL_OK;
    }
    satchel_status status = search_live(change, op->entity, &op->row, &search, error);
    if (status != SATCHEL_OK || !search.found) {
        return status;
    }
    *out = true;
    status = ask(change, op, &search.newest, outcome);
    return status == SATCHEL_OK ? return_all(change, op, change->n, error) : status;
}

satchel_status satchel_family_mend(satchel_change *change, const satchel_op *op, const satchel_stored_row *root,
                                   satchel_loss *out_loss, bool *out, satchel_error *error) {
    const satchel_op cause = {.entity = root->entity, .row = root->id, .sequence = op->sequence};
    const satchel_version *deletion =
        satchel_versions_find(&root->merged.versions, SATCHEL_FIELD_DELETED, (satchel_bytes){NULL, 0});
    uint64_t deleted_n = satchel_family_deleted_n(root);
    satchel_merge_outcome outcome;
    family_search search = {.deleted_n = 0};
    *out = false;
    satchel_status status = deleted_n != 0 ? search_live(change, root->entity, &root->id, &search, error) : SATCHEL_OK;
    if (status != SATCHEL_OK || !search.found) {
        return status;
    }
    status = ask(change, op, &search.newest, &outcome);
    if (status == SATCHEL_OK) {
        *out = true;
        *out_loss = outcome.losses[0];
        out_loss->loser_version = *deletion;
        status = bring_back(change, &cause, root->entity, &root->id, error);
    }
    return status == SATCHEL_OK ? return_all(change, &cause, deleted_n, error) : status;
}
