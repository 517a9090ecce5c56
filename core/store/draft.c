/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts: what will be one unit. Everything is checked when it is put in, so a commit fails only for the disk's
 * reasons. An op keeps the base that the user saw when it was put in; a page that is stored meanwhile changes what
 * the commit finds, not what was meant.
 */
#include "store/commands.h"
#include "store/draft_state.h"

#include "base/id_list.h"
#include "merge/merge.h"
#include "rules/orders.h"
#include "schema/validate.h"
#include "wire/record_codec.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>

#include <inttypes.h>

/* What a unit adds around its ops: its own fields, and tag and length of each op. */
#define UNIT_HEAD_BYTES 96u
#define OP_FRAME_BYTES 6u

satchel_status satchel_draft_open(satchel_draft **out, satchel_store *store) {
    *out = NULL;
    satchel_draft *draft = satchel_memory_take(sizeof *draft);
    if (draft == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    draft->store = store;
    draft->bytes = UNIT_HEAD_BYTES;
    *out = draft;
    return SATCHEL_OK;
}

static void empty_draft(satchel_draft *draft) {
    satchel_store *store = draft->store;
    satchel_arena_deinit(&draft->arena);
    memset(draft, 0, sizeof *draft);
    draft->store = store;
    draft->bytes = UNIT_HEAD_BYTES;
}

void satchel_draft_close(satchel_draft *draft) {
    if (draft != NULL) {
        satchel_arena_deinit(&draft->arena);
        satchel_memory_give(draft);
    }
}

/* --- rows of a draft --- */

static uint32_t place_hash(uint32_t entity, const satchel_id *id) {
    uint32_t hash = entity * 2654435761u;
    for (int i = 0; i < SATCHEL_ID_BYTES; i++) {
        hash = (hash ^ id->bytes[i]) * 16777619u;
    }
    return hash;
}

/* The place of the row in the hash table, or the free one where it belongs. */
static uint32_t *find_place(const satchel_draft *draft, uint32_t entity, const satchel_id *id) {
    uint32_t mask = draft->place_count - 1;
    uint32_t at = place_hash(entity, id) & mask;
    while (draft->places[at] != 0) {
        const satchel_stored_row *row = &draft->rows[draft->places[at] - 1].stored;
        if (row->table->entity->number == entity && satchel_id_equal(&row->id, id)) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &draft->places[at];
}

/* Room for one more row, in the table and in its hash table. */
static satchel_status make_row_room(satchel_draft *draft) {
    if (draft->row_count < draft->row_capacity) {
        return SATCHEL_OK;
    }
    uint32_t capacity = draft->row_capacity == 0 ? 4 : draft->row_capacity * 2;
    satchel_draft_row *rows = satchel_arena_take_array(&draft->arena, capacity, sizeof *rows);
    uint32_t *places = satchel_arena_take_array(&draft->arena, (size_t)capacity * 2, sizeof *places);
    if (rows == NULL || places == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (draft->row_count > 0) {
        memcpy(rows, draft->rows, draft->row_count * sizeof *rows);
    }
    draft->rows = rows;
    draft->row_capacity = capacity;
    draft->places = places;
    draft->place_count = capacity * 2;
    for (uint32_t i = 0; i < draft->row_count; i++) {
        *find_place(draft, rows[i].stored.table->entity->number, &rows[i].stored.id) = i + 1;
    }
    return SATCHEL_OK;
}

static satchel_status read_row(satchel_draft *draft, satchel_table *table, const satchel_id *id, satchel_draft_row *out,
                               satchel_error *error) {
    satchel_store *store = draft->store;
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_row_load(store, table, id, &draft->arena, &out->stored, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_stored_row *stored = &out->stored;
    out->visible = stored->visible;
    out->exists = stored->found && !satchel_row_is_hidden(store, stored->scope_set) &&
                  !satchel_record_is_deleted(&stored->visible);
    if (stored->overlay.kind == SATCHEL_OVERLAY_NONE) {
        out->base_n = satchel_record_base(&stored->visible);
    } else if (stored->overlay.kind == SATCHEL_OVERLAY_SERVER) {
        out->base_n = satchel_record_base(&stored->server);
    }
    return satchel_log_overlay(store, stored->overlay, 0, &draft->arena, &out->lying, &out->lying_count, error);
}

satchel_status satchel_draft_row_of(satchel_draft *draft, uint32_t entity, const satchel_id *id, uint32_t *out_index,
                                    satchel_error *error) {
    satchel_table *table;
    satchel_status status = satchel_table_need(draft->store, entity, &table, error);
    if (status == SATCHEL_OK) {
        status = make_row_room(draft);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    uint32_t *place = find_place(draft, entity, id);
    if (*place == 0) {
        if (draft->row_count == 0) {
            draft->generation = draft->store->generation;
        }
        status = read_row(draft, table, id, &draft->rows[draft->row_count], error);
        if (status != SATCHEL_OK) {
            return status;
        }
        *place = ++draft->row_count;
    }
    *out_index = *place - 1;
    return SATCHEL_OK;
}

static satchel_status need_row(satchel_draft *draft, uint32_t entity, const satchel_id *id, uint32_t *out_index,
                               satchel_error *error) {
    satchel_status status = satchel_draft_row_of(draft, entity, id, out_index, error);
    if (status == SATCHEL_OK && !draft->rows[*out_index].exists) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "there is no such row of entity %" PRIu32, entity);
    }
    return status;
}

/* --- putting an op in --- */

/*
 * The base at which a field became dirty; `otherwise` if it is not. An op that was not accepted has come off: the
 * user sees the server's value again, so what he changes now is made on that.
 */
static uint64_t frozen_base(const satchel_draft *draft, uint32_t row, uint32_t field, uint64_t otherwise) {
    const satchel_draft_row *touched = &draft->rows[row];
    bool server_has = touched->stored.overlay.kind == SATCHEL_OVERLAY_SERVER;
    for (uint32_t i = 0; i < touched->lying_count; i++) {
        if (satchel_op_shows(&touched->lying[i], server_has) && satchel_op_touches(&touched->lying[i].op, field)) {
            return satchel_op_base(&touched->lying[i].op, field);
        }
    }
    for (uint32_t at = touched->first_op; at != 0; at = draft->ops[at - 1].next) {
        if (satchel_op_touches(&draft->ops[at - 1].op, field)) {
            return satchel_op_base(&draft->ops[at - 1].op, field);
        }
    }
    return otherwise;
}

static satchel_status freeze_bases(satchel_draft *draft, uint32_t row, satchel_op *op) {
    satchel_base_exception *exceptions = NULL;
    const satchel_field *field;
    op->base_n = draft->rows[row].base_n;
    op->exceptions = NULL;
    op->exception_count = 0;
    if (draft->rows[row].lying_count == 0 && draft->rows[row].first_op == 0) {
        return SATCHEL_OK; /* nothing of the row is dirty */
    }
    for (uint32_t i = 0; (field = satchel_schema_field_at(&draft->store->schema, op->entity, i)) != NULL; i++) {
        /* A set shows the server's elements beside his own: what he takes out he has seen. */
        if (!satchel_op_touches(op, field->number) || field->policy == SATCHEL_POLICY_SET) {
            continue;
        }
        uint64_t base = frozen_base(draft, row, field->number, op->base_n);
        if (base == op->base_n) {
            continue;
        }
        if (exceptions == NULL) {
            exceptions = satchel_arena_take_array(&draft->arena, SATCHEL_LIMIT_BASE_EXCEPTIONS, sizeof *exceptions);
            if (exceptions == NULL) {
                return SATCHEL_NO_MEMORY;
            }
            op->exceptions = exceptions;
        }
        if (op->exception_count == SATCHEL_LIMIT_BASE_EXCEPTIONS) {
            return SATCHEL_LIMIT_EXCEEDED;
        }
        exceptions[op->exception_count++] = (satchel_base_exception){field->number, base};
    }
    return SATCHEL_OK;
}

static satchel_status check_op(satchel_draft *draft, const satchel_op *op, satchel_error *error) {
    satchel_status status = satchel_validate_op(&draft->store->schema, op, true, error);
    return status == SATCHEL_OK && op->kind != SATCHEL_OP_VOID ? satchel_store_check_access(draft->store, op, error)
                                                               : status;
}

static satchel_status encode_op(satchel_draft *draft, const satchel_op *op, const satchel_record *before,
                                satchel_draft_op *out) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status = satchel_op_encode(&draft->store->schema, op, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(&draft->arena, satchel_buffer_view(&bytes), &out->encoded);
    }
    satchel_buffer_clear(&bytes);
    if (status == SATCHEL_OK && before != NULL) {
        status = satchel_record_encode(&draft->store->schema, op->entity, before, &bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(&draft->arena, satchel_buffer_view(&bytes), &out->before);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status make_op_room(satchel_draft *draft, size_t bytes, satchel_error *error) {
    if (draft->op_count == SATCHEL_LIMIT_UNIT_OPS || bytes > SATCHEL_LIMIT_UNIT_BYTES - draft->bytes) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "more than one unit takes");
    }
    if (draft->op_count == draft->op_capacity) {
        uint32_t capacity = draft->op_capacity == 0 ? 4 : draft->op_capacity * 2;
        satchel_draft_op *ops = satchel_arena_take_array(&draft->arena, capacity, sizeof *ops);
        if (ops == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (draft->op_count > 0) {
            memcpy(ops, draft->ops, draft->op_count * sizeof *ops);
        }
        draft->ops = ops;
        draft->op_capacity = capacity;
    }
    return SATCHEL_OK;
}

/* The row with all ops of store and draft on it, the new one last. */
static satchel_status show_row(satchel_draft *draft, uint32_t row, const satchel_op *op, satchel_record *out,
                               bool *out_shown, satchel_error *error) {
    const satchel_draft_row *touched = &draft->rows[row];
    const satchel_record *below =
        touched->exists || satchel_record_is_deleted(&touched->visible) ? &touched->visible : NULL;
    satchel_record_init(out, &draft->arena);
    return satchel_overlay_show(draft->store, below, op, 1, out, out_shown, error);
}

/* Hangs the newest op on its row, or takes it off again. */
static void link_op(satchel_draft *draft, uint32_t row) {
    satchel_draft_row *touched = &draft->rows[row];
    if (touched->first_op == 0) {
        touched->first_op = draft->op_count;
    } else {
        draft->ops[touched->last_op - 1].next = draft->op_count;
    }
    touched->last_op = draft->op_count;
}

static void unlink_op(satchel_draft *draft) {
    satchel_draft_row *touched = &draft->rows[draft->ops[draft->op_count - 1].row];
    uint32_t before = 0;
    for (uint32_t at = touched->first_op; at != draft->op_count; at = draft->ops[at - 1].next) {
        before = at;
    }
    touched->last_op = before;
    if (before == 0) {
        touched->first_op = 0;
    } else {
        draft->ops[before - 1].next = 0;
    }
    draft->op_count--;
}

satchel_status satchel_draft_push(satchel_draft *draft, uint32_t row, satchel_op *op, const satchel_record *before,
                                  satchel_error *error) {
    satchel_draft_op entry = {.row = row};
    satchel_record visible;
    bool shown = false;
    op->schema = draft->store->schema.model->version;
    satchel_status status = freeze_bases(draft, row, op);
    if (status == SATCHEL_OK) {
        status = check_op(draft, op, error);
    }
    if (status == SATCHEL_OK) {
        status = encode_op(draft, op, before, &entry);
    }
    if (status == SATCHEL_OK) {
        status = make_op_room(draft, entry.encoded.bytes + OP_FRAME_BYTES, error);
    }
    if (status == SATCHEL_OK && op->kind != SATCHEL_OP_VOID) {
        status = show_row(draft, row, op, &visible, &shown, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    entry.op = *op;
    draft->ops[draft->op_count++] = entry;
    link_op(draft, row);
    draft->bytes += entry.encoded.bytes + OP_FRAME_BYTES;
    draft->rows[row].shown = shown; /* not by a VOID: what remains of the row is found out at commit */
    if (op->kind != SATCHEL_OP_VOID) {
        draft->rows[row].visible = visible;
        draft->rows[row].exists = shown && !satchel_record_is_deleted(&visible);
    }
    return SATCHEL_OK;
}

/* --- the verbs --- */

/* A child is taken only by a root that is here, and, in an order, while that is open. */
static satchel_status check_root(satchel_draft *draft, const satchel_entity *entity, const satchel_record *record,
                                 satchel_error *error) {
    uint32_t root;
    if (entity->root == 0) {
        return SATCHEL_OK;
    }
    const satchel_id id = satchel_record_id(record, entity->root_field);
    if (satchel_id_is_none(&id)) {
        return SATCHEL_OK; /* validation says what is missing */
    }
    satchel_status status = satchel_draft_row_of(draft, entity->root, &id, &root, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!draft->rows[root].exists) {
        return satchel_fail_field(error, SATCHEL_REFERENCE_MISSING, entity->number, entity->root_field,
                                  "the row that it belongs to is not here");
    }
    if (entity->root == SATCHEL_ENTITY_ORDER && !satchel_order_is_open(&draft->rows[root].visible)) {
        return satchel_fail_field(error, SATCHEL_LATE_FOR_PARENT, entity->number, entity->root_field,
                                  "the order is no longer open");
    }
    return SATCHEL_OK;
}

static satchel_status check_anchor(satchel_draft *draft, const satchel_entity *entity, const satchel_record *record,
                                   satchel_error *error) {
    uint32_t anchor;
    const satchel_id id = satchel_record_id(record, entity->anchor_field);
    const satchel_field *field = satchel_schema_field(&draft->store->schema, entity->number, entity->anchor_field);
    if (entity->anchor_field == 0 || satchel_id_is_none(&id) || field == NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_draft_row_of(draft, field->ref, &id, &anchor, error);
    if (status == SATCHEL_OK && !draft->rows[anchor].exists) {
        status = satchel_fail_field(error, SATCHEL_REFERENCE_MISSING, entity->number, entity->anchor_field,
                                    "the row that it names is not here");
    }
    return status;
}

/* What is given, without nulls, and the initial state of each required state field that is not. */
static satchel_status fill_create(const satchel_entity *entity, const satchel_record *record, satchel_op *op) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < record->count && status == SATCHEL_OK; i++) {
        const satchel_field_value *field = &record->fields[i];
        bool empty = field->value.type == SATCHEL_TYPE_NULL ||
                     (field->value.type == SATCHEL_TYPE_SET && field->value.as.set.count == 0);
        if (field->number != SATCHEL_FIELD_ID && !empty) {
            status = satchel_record_set(&op->set, field->number, &field->value);
        }
    }
    for (uint32_t i = 0; i < entity->field_count && status == SATCHEL_OK; i++) {
        const satchel_field *field = &entity->fields[i];
        if (field->policy == SATCHEL_POLICY_STATE && (field->flags & SATCHEL_FIELD_REQUIRED) != 0 &&
            field->choices != NULL && field->choices->initial != 0 &&
            satchel_record_get(&op->set, field->number) == NULL) {
            status = satchel_record_set_int(&op->set, field->number, field->choices->initial);
        }
    }
    if (status == SATCHEL_OK && record->tail.bytes > 0) {
        status = satchel_arena_copy(op->set.arena, record->tail, &op->set.tail);
    }
    return status;
}

satchel_status satchel_draft_create(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                    const satchel_record *record, satchel_error *error) {
    uint32_t row;
    satchel_op op;
    satchel_status status = satchel_draft_row_of(draft, entity, id, &row, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_draft_row *found = &draft->rows[row];
    const satchel_entity *known = found->stored.table->entity;
    if (found->stored.found || found->exists || satchel_record_is_deleted(&found->visible)) {
        return satchel_fail_field(error, SATCHEL_ALREADY_EXISTS, entity, 0, "the id is taken");
    }
    satchel_op_init(&op, SATCHEL_OP_CREATE, entity, id, &draft->arena);
    status = fill_create(known, record, &op);
    if (status == SATCHEL_OK) {
        status = check_root(draft, known, &op.set, error);
    }
    if (status == SATCHEL_OK) {
        status = check_anchor(draft, known, &op.set, error);
    }
    return status == SATCHEL_OK ? satchel_draft_push(draft, row, &op, NULL, error) : status;
}

satchel_status satchel_draft_edit(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                  const satchel_record *record, const uint32_t *cleared, uint32_t cleared_count,
                                  satchel_error *error) {
    uint32_t row;
    satchel_op op;
    satchel_record before;
    bool empty = false;
    satchel_status status = need_row(draft, entity, id, &row, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_op_init(&op, SATCHEL_OP_EDIT, entity, id, &draft->arena);
    satchel_record_init(&before, &draft->arena);
    status = satchel_edit_build(&draft->store->schema, &draft->rows[row].visible, record, cleared, cleared_count, &op,
                                &before, &empty, error);
    if (status != SATCHEL_OK || empty) {
        return status;
    }
    status = check_root(draft, draft->rows[row].stored.table->entity, &draft->rows[row].visible, error);
    return status == SATCHEL_OK ? satchel_draft_push(draft, row, &op, &before, error) : status;
}

satchel_status satchel_draft_add(satchel_draft *draft, uint32_t entity, const satchel_id *id, uint32_t field,
                                 int64_t delta, satchel_error *error) {
    uint32_t row;
    satchel_op op;
    satchel_status status = need_row(draft, entity, id, &row, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_field *counter = satchel_schema_field(&draft->store->schema, entity, field);
    if (counter == NULL || counter->policy != SATCHEL_POLICY_SUM) {
        return satchel_fail_field(error, counter == NULL ? SATCHEL_UNKNOWN_FIELD : SATCHEL_WRONG_TYPE, entity, field,
                                  "the field is no counter");
    }
    int64_t now = satchel_record_int(&draft->rows[row].visible, field, 0);
    if ((delta > 0 && now > INT64_MAX - delta) || (delta < 0 && now < INT64_MIN - delta)) {
        return satchel_fail_field(error, SATCHEL_OUT_OF_RANGE, entity, field, "the counter cannot move so far");
    }
    if (delta == 0) {
        return SATCHEL_OK;
    }
    satchel_op_init(&op, SATCHEL_OP_EDIT, entity, id, &draft->arena);
    status = satchel_record_set_int(&op.set, field, delta);
    return status == SATCHEL_OK ? satchel_draft_push(draft, row, &op, NULL, error) : status;
}

/* Ids of the rows that travel with a root, of one entity. */
typedef struct child_list {
    satchel_arena *arena;
    satchel_id_list ids;
} child_list;

static satchel_status note_child(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                                 uint64_t base_n) {
    child_list *list = context;
    (void)record;
    (void)flags;
    (void)base_n;
    return satchel_id_list_add(&list->ids, list->arena, id);
}

static satchel_status list_children(satchel_draft *draft, const satchel_entity *child, const satchel_id *root,
                                    child_list *out, satchel_error *error) {
    satchel_status status = satchel_store_referring(draft->store, child->number, child->root_field, root,
                                                    SATCHEL_LIMIT_UNIT_OPS + 1, note_child, out, error);
    for (uint32_t i = 0; i < draft->row_count && status == SATCHEL_OK; i++) {
        const satchel_draft_row *row = &draft->rows[i];
        satchel_id named = satchel_record_id(&row->visible, child->root_field);
        if (!row->stored.found && row->exists && row->stored.table->entity == child && satchel_id_equal(&named, root)) {
            status = note_child(out, &row->stored.id, NULL, 0, 0);
        }
    }
    return status;
}

static satchel_status push_delete(satchel_draft *draft, uint32_t entity, const satchel_id *id, satchel_error *error) {
    uint32_t row;
    satchel_op op;
    satchel_status status = satchel_draft_row_of(draft, entity, id, &row, error);
    if (status != SATCHEL_OK || !draft->rows[row].exists) {
        return status; /* the draft deleted it already */
    }
    satchel_op_init(&op, SATCHEL_OP_DELETE, entity, id, &draft->arena);
    return satchel_draft_push(draft, row, &op, NULL, error);
}

/* Children first, so that no moment shows a child without its root. Facts cannot be deleted here; they go with their
 * root. */
static satchel_status delete_children(satchel_draft *draft, uint32_t entity, const satchel_id *id,
                                      satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < draft->store->table_count && status == SATCHEL_OK; i++) {
        const satchel_entity *child = draft->store->tables[i].entity;
        child_list list = {.arena = &draft->arena};
        if (child->root != entity || (child->flags & (SATCHEL_ENTITY_FACT | SATCHEL_ENTITY_SERVER_MADE)) != 0) {
            continue;
        }
        status = list_children(draft, child, id, &list, error);
        for (uint32_t k = 0; k < list.ids.count && status == SATCHEL_OK; k++) {
            status = push_delete(draft, child->number, &list.ids.items[k], error);
        }
    }
    return status;
}

satchel_status satchel_draft_delete(satchel_draft *draft, uint32_t entity, const satchel_id *id, satchel_error *error) {
    uint32_t row;
    uint32_t op_count = draft->op_count;
    size_t bytes = draft->bytes;
    satchel_status status = need_row(draft, entity, id, &row, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_entity *known = draft->rows[row].stored.table->entity;
    if ((known->flags & SATCHEL_ENTITY_ARCHIVE) != 0) {
        return satchel_fail_field(error, SATCHEL_FORBIDDEN, entity, 0, "a %s is archived, not deleted", known->name);
    }
    status = check_root(draft, known, &draft->rows[row].visible, error);
    if (status == SATCHEL_OK) {
        status = delete_children(draft, entity, id, error);
    }
    if (status == SATCHEL_OK) {
        status = push_delete(draft, entity, id, error);
    }
    if (status != SATCHEL_OK) {
        /* What was put in of the group comes out again. */
        while (draft->op_count > op_count) {
            satchel_draft_row *undone = &draft->rows[draft->ops[draft->op_count - 1].row];
            satchel_record_remove(&undone->visible, SATCHEL_FIELD_DELETED);
            undone->exists = true;
            unlink_op(draft);
        }
        draft->bytes = bytes;
    }
    return status;
}

satchel_status satchel_draft_read(satchel_draft *draft, uint32_t entity, const satchel_id *id, satchel_arena *arena,
                                  satchel_record *out, satchel_error *error) {
    uint32_t row;
    satchel_record_init(out, arena);
    satchel_status status = need_row(draft, entity, id, &row, error);
    return status == SATCHEL_OK ? satchel_record_copy(&draft->rows[row].visible, out) : status;
}

/* --- commit --- */

/* A page was stored since the rows were read: what was meant stays, what it lies on is read again. */
static satchel_status read_again(satchel_draft *draft, satchel_error *error) {
    for (uint32_t i = 0; i < draft->row_count; i++) {
        satchel_stored_row *stored = &draft->rows[i].stored;
        satchel_status status =
            satchel_row_load(draft->store, stored->table, &stored->id, &draft->arena, stored, error);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

static satchel_status log_ops(satchel_draft *draft, const satchel_unit_head *head, satchel_error *error) {
    uint64_t first = draft->store->next_sequence;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < draft->row_count && status == SATCHEL_OK; i++) {
        satchel_draft_row *row = &draft->rows[i];
        row->last_sequence = row->stored.overlay.kind != SATCHEL_OVERLAY_NONE ? row->stored.overlay.last : 0;
        if (!row->stored.found) {
            status = satchel_orphan_last(draft->store, row->stored.table->entity->number, &row->stored.id,
                                         &row->last_sequence, error);
        }
    }
    for (uint32_t i = 0; i < draft->op_count && status == SATCHEL_OK; i++) {
        satchel_draft_op *logged = &draft->ops[i];
        uint64_t *last = &draft->rows[logged->row].last_sequence;
        logged->op.sequence = first + i;
        const satchel_op_entry entry = {logged->op.sequence, first,         logged->op.entity, logged->op.row, *last,
                                        logged->encoded,     logged->before};
        status = satchel_log_append(draft->store, &entry, i == 0 ? head : NULL, error);
        if (status == SATCHEL_OK && logged->op.kind == SATCHEL_OP_COMMAND) {
            status = satchel_command_note(draft->store, logged->op.sequence, logged->op.command, error);
        }
        *last = logged->op.sequence;
    }
    return status;
}

/* The draft's ops of one row in a row. */
static satchel_status ops_of_row(satchel_draft *draft, const satchel_draft_row *row, satchel_op **out,
                                 uint32_t *out_count) {
    uint32_t count = 0;
    for (uint32_t at = row->first_op; at != 0; at = draft->ops[at - 1].next) {
        count++;
    }
    satchel_op *ops = satchel_arena_take_array(&draft->arena, count, sizeof *ops);
    if (ops == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    *out_count = 0;
    for (uint32_t at = row->first_op; at != 0; at = draft->ops[at - 1].next) {
        ops[(*out_count)++] = draft->ops[at - 1].op;
    }
    *out = ops;
    return SATCHEL_OK;
}

/* More rows than a user makes by hand: their indexing may wait for the background. */
#define INDEX_AT_ONCE_OPS 32

static satchel_status write_rows(satchel_draft *draft, bool unchanged, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < draft->op_count && status == SATCHEL_OK; i++) {
        satchel_draft_row *row = &draft->rows[draft->ops[i].row];
        satchel_op *ops;
        uint32_t count;
        if (row->first_op != i + 1) {
            continue; /* written with an earlier op */
        }
        status = ops_of_row(draft, row, &ops, &count);
        if (status == SATCHEL_OK) {
            satchel_stored_row stored = row->stored;
            const satchel_rebase how = {.scope_set = stored.scope_set,
                                        .through = draft->store->reflected_through,
                                        .more = ops,
                                        .more_count = count,
                                        .visible = unchanged && row->shown && count == 1 ? &row->visible : NULL,
                                        .index_later = draft->op_count > INDEX_AT_ONCE_OPS};
            status = satchel_row_rebase(draft->store, &stored, &how, &draft->arena, error);
        }
    }
    return status;
}

static satchel_status mark_undone(satchel_draft *draft, satchel_error *error) {
    sqlite3_stmt *statement;
    if (draft->undoes == 0) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_statement_of(draft->store, "UPDATE store_op SET undone = ? WHERE sequence = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)draft->store->next_sequence);
        satchel_bind_int(statement, 2, (int64_t)draft->undoes);
        status = satchel_statement_run(draft->store, statement, error);
    }
    return status;
}

static satchel_status commit(satchel_draft *draft, const satchel_moment *moment, satchel_receipt *out,
                             satchel_error *error) {
    satchel_store *store = draft->store;
    const satchel_unit_head head = {draft->op_count, *moment, store->sync.position, store->sync.incarnation};
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_receipt receipt = {store->next_sequence, draft->op_count};
    bool unchanged = draft->generation == store->generation;
    status = unchanged ? SATCHEL_OK : read_again(draft, error);
    if (status == SATCHEL_OK) {
        status = log_ops(draft, &head, error);
    }
    if (status == SATCHEL_OK) {
        status = write_rows(draft, unchanged, error);
    }
    if (status == SATCHEL_OK) {
        status = mark_undone(draft, error);
    }
    status = satchel_store_end(store, status, error);
    if (status == SATCHEL_OK) {
        store->next_sequence += receipt.count;
        store->units_waiting++;
        *out = receipt;
        empty_draft(draft);
    }
    return status;
}

satchel_status satchel_draft_commit(satchel_draft *draft, const satchel_moment *moment, satchel_receipt *out,
                                    satchel_error *error) {
    const satchel_store_space *space = &draft->store->space;
    *out = (satchel_receipt){0, 0};
    if (draft->op_count == 0) {
        empty_draft(draft);
        return SATCHEL_OK;
    }
    satchel_status status = space->admit != NULL ? space->admit(space->context, error) : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = commit(draft, moment, out, error);
    }
    if (status == SATCHEL_DISK_FULL && space->relieve != NULL && space->relieve(space->context)) {
        satchel_error_clear(error);
        status = commit(draft, moment, out, error);
    }
    return status;
}

/* --- undo --- */

static satchel_status push_void(satchel_draft *draft, const satchel_logged_op *target, satchel_error *error) {
    uint32_t row;
    satchel_op op;
    satchel_status status = satchel_draft_row_of(draft, target->entity, &target->row, &row, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_op_init(&op, SATCHEL_OP_VOID, target->entity, &target->row, &draft->arena);
    op.target = target->sequence;
    return satchel_draft_push(draft, row, &op, NULL, error);
}

static satchel_status push_inverse(satchel_draft *draft, const satchel_logged_op *target, satchel_error *error) {
    uint32_t row;
    satchel_op op;
    satchel_record before;
    satchel_status status = need_row(draft, target->entity, &target->row, &row, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_op_init(&op, SATCHEL_OP_EDIT, target->entity, &target->row, &draft->arena);
    satchel_record_init(&before, &draft->arena);
    status = satchel_merge_invert(&draft->store->schema, &target->before, &target->op, &op);
    if (status == SATCHEL_OK && op.set.count == 0 && op.removed.count == 0 && op.cleared_count == 0) {
        status = satchel_fail(error, SATCHEL_IMMUTABLE, "nothing of the op can be taken back");
    }
    for (uint32_t i = 0; i < target->before.count && status == SATCHEL_OK; i++) {
        const satchel_value *now = satchel_record_get(&draft->rows[row].visible, target->before.fields[i].number);
        status = now != NULL ? satchel_record_set(&before, target->before.fields[i].number, now) : SATCHEL_OK;
    }
    op.sequence = 0;
    return status == SATCHEL_OK ? satchel_draft_push(draft, row, &op, &before, error) : status;
}

static satchel_status is_undone(satchel_store *store, uint64_t sequence, bool *out, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(
        store, "SELECT 1 FROM store_op WHERE sequence = ? AND undone IS NOT NULL", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, (int64_t)sequence);
        status = satchel_statement_step(store, statement, out, error);
        satchel_statement_end(statement);
    }
    return status;
}

satchel_status satchel_draft_invert(satchel_draft *draft, uint64_t sequence, satchel_error *error) {
    satchel_logged_op target;
    bool undone = false;
    satchel_status status = satchel_log_read(draft->store, sequence, &draft->arena, &target, error);
    if (status == SATCHEL_OK) {
        status = is_undone(draft->store, sequence, &undone, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (undone || target.state == SATCHEL_OP_DISMISSED || target.state > SATCHEL_OP_TROUBLED) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "the op has no effect that could be taken back");
    }
    const satchel_entity *entity = satchel_schema_entity(&draft->store->schema, target.entity);
    bool is_fact = entity != NULL && (entity->flags & (SATCHEL_ENTITY_FACT | SATCHEL_ENTITY_ARCHIVE)) != 0;
    if (target.op.kind == SATCHEL_OP_EDIT) {
        status = push_inverse(draft, &target, error);
    } else if (target.op.kind == SATCHEL_OP_CREATE && !is_fact) {
        status = satchel_draft_delete(draft, target.entity, &target.row, error);
    } else if (target.state == SATCHEL_OP_WAITING && target.op.kind != SATCHEL_OP_VOID &&
               target.op.kind != SATCHEL_OP_COMMAND) {
        status = push_void(draft, &target, error);
    } else {
        status = satchel_fail_field(error, SATCHEL_IMMUTABLE, target.entity, 0, "the server has it already");
    }
    if (status == SATCHEL_OK) {
        draft->undoes = sequence;
    }
    return status;
}
