/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers into the mirror.
 */
#include "support/server_service/mirror.h"

#include "base/ids.h"
#include "base/memory.h"
#include "wire/record_codec.h"

#include <stdio.h>
#include <string.h>

static void complain(phone *mine, const char *about, uint32_t entity) {
    if (mine->complaint[0] == '\0') {
        snprintf(mine->complaint, sizeof mine->complaint, "%s (entity %u)", about, (unsigned)entity);
    }
}

/* --- rows --- */

static mirror_row *find(const phone *mine, uint32_t entity, const satchel_id *id) {
    for (uint32_t i = 0; i < mine->row_count; i++) {
        if (mine->rows[i]->entity == entity && satchel_id_equal(&mine->rows[i]->id, id)) {
            return mine->rows[i];
        }
    }
    return NULL;
}

const mirror_row *phone_find(const phone *mine, uint32_t entity, const satchel_id *id) {
    return find(mine, entity, id);
}

static void drop_at(phone *mine, uint32_t index) {
    satchel_arena_deinit(&mine->rows[index]->arena);
    satchel_memory_give(mine->rows[index]);
    mine->rows[index] = mine->rows[--mine->row_count];
}

static void drop(phone *mine, const mirror_row *row) {
    for (uint32_t i = 0; i < mine->row_count; i++) {
        if (mine->rows[i] == row) {
            drop_at(mine, i);
            return;
        }
    }
}

void mirror_clear(phone *mine) {
    while (mine->row_count > 0) {
        drop_at(mine, mine->row_count - 1);
    }
    satchel_memory_give(mine->rows);
    for (uint32_t i = 0; i < mine->set_count; i++) {
        satchel_memory_give(mine->sets[i].scopes);
    }
    mine->rows = NULL;
    mine->set_count = 0;
}

static mirror_row *add(phone *mine, uint32_t entity, const satchel_id *id) {
    mirror_row *row = satchel_memory_take(sizeof *row);
    mirror_row **rows = satchel_memory_resize(mine->rows, (mine->row_count + 1) * sizeof *rows);
    REQUIRE(row != NULL && rows != NULL);
    row->entity = entity;
    row->id = *id;
    satchel_arena_init(&row->arena);
    satchel_record_init(&row->record, &row->arena);
    mine->rows = rows;
    mine->rows[mine->row_count++] = row;
    return row;
}

static void take_row(phone *mine, const satchel_row_frame *frame) {
    const satchel_schema *schema = satchel_service_schema(mine->here->service);
    mirror_row *row = find(mine, frame->entity, &frame->row);
    satchel_record news;
    satchel_record_init(&news, &mine->arena);
    REQUIRE_OK(satchel_record_decode(schema, frame->entity, frame->record, false, &news, NULL));
    if (frame->deleted) {
        if (row != NULL) {
            drop(mine, row);
        }
        return;
    }
    if (row == NULL && !frame->whole) {
        complain(mine, "a part of a row that the phone does not have", frame->entity);
        return;
    }
    if (row == NULL) {
        row = add(mine, frame->entity, &frame->row);
    }
    if (frame->whole) {
        satchel_record_init(&row->record, &row->arena);
    }
    for (uint32_t i = 0; i < news.count; i++) {
        REQUIRE_OK(satchel_record_set(&row->record, news.fields[i].number, &news.fields[i].value));
    }
    for (uint32_t i = 0; i < frame->cleared_count; i++) {
        satchel_record_remove(&row->record, frame->cleared[i]);
    }
    row->n = frame->n;
    row->set = frame->scope_set;
    row->fresh = true;
}

static void remove_root(phone *mine, uint32_t entity, const satchel_id *id);

/* What hangs on a customer goes with it. */
static void remove_anchored(phone *mine, const satchel_id *customer) {
    const satchel_schema *schema = satchel_service_schema(mine->here->service);
    for (uint32_t i = 0; i < mine->row_count; i++) {
        if (mine->rows[i]->entity == SATCHEL_ENTITY_CUSTOMER) {
            continue;
        }
        const satchel_entity *of = satchel_schema_entity(schema, mine->rows[i]->entity);
        satchel_id anchor = satchel_record_id(&mine->rows[i]->record, of->anchor_field);
        if (of->anchor_field != 0 && satchel_id_equal(&anchor, customer)) {
            const satchel_id gone = mine->rows[i]->id;
            remove_root(mine, of->number, &gone);
            i = UINT32_MAX; /* the rows behind moved up */
        }
    }
}

static void remove_root(phone *mine, uint32_t entity, const satchel_id *id) {
    const satchel_schema *schema = satchel_service_schema(mine->here->service);
    const mirror_row *row = find(mine, entity, id);
    mine->removals++;
    if (row != NULL) {
        drop(mine, row);
    }
    for (uint32_t i = mine->row_count; i > 0; i--) {
        if (mine->rows[i - 1]->entity == entity) {
            continue;
        }
        const satchel_entity *of = satchel_schema_entity(schema, mine->rows[i - 1]->entity);
        satchel_id root = satchel_record_id(&mine->rows[i - 1]->record, of->root_field);
        if (of->root == entity && satchel_id_equal(&root, id)) {
            drop_at(mine, i - 1);
        }
    }
    if (entity == SATCHEL_ENTITY_CUSTOMER) {
        remove_anchored(mine, id);
    }
}

static void take_removal(phone *mine, const satchel_removal_frame *frame) {
    for (size_t at = 0; at < frame->rows.bytes; at += SATCHEL_ID_BYTES) {
        satchel_id id;
        memcpy(id.bytes, frame->rows.data + at, SATCHEL_ID_BYTES);
        remove_root(mine, frame->entity, &id);
    }
}

/* --- scopes --- */

static mirror_set *find_set(phone *mine, uint32_t number) {
    for (uint32_t i = 0; i < mine->set_count; i++) {
        if (mine->sets[i].number == number) {
            return &mine->sets[i];
        }
    }
    return NULL;
}

const mirror_set *phone_set(const phone *mine, uint32_t number) {
    for (uint32_t i = 0; i < mine->set_count; i++) {
        if (mine->sets[i].number == number) {
            return &mine->sets[i];
        }
    }
    return NULL;
}

/* A number comes back with another meaning: rows of the old one keep it under a number of the phone's own. */
static void forget_number(phone *mine, mirror_set *set) {
    uint32_t own = UINT32_MAX - (uint32_t)(set - mine->sets);
    for (uint32_t i = 0; i < mine->row_count; i++) {
        if (mine->rows[i]->set == set->number) {
            mine->rows[i]->set = own;
        }
    }
    set->number = own;
}

static void define_set(phone *mine, const satchel_scope_set *frame) {
    mirror_set *set = find_set(mine, frame->number);
    bool same = set != NULL && set->count == frame->scope_count &&
                memcmp(set->scopes, frame->scopes, set->count * sizeof *set->scopes) == 0;
    if (same) {
        return;
    }
    if (set != NULL) {
        forget_number(mine, set);
    }
    REQUIRE(mine->set_count < sizeof mine->sets / sizeof *mine->sets);
    set = &mine->sets[mine->set_count++];
    *set = (mirror_set){frame->number, satchel_memory_take(frame->scope_count * sizeof *set->scopes + 1),
                        frame->scope_count};
    REQUIRE(set->scopes != NULL);
    memcpy(set->scopes, frame->scopes, frame->scope_count * sizeof *set->scopes);
}

static void lose_scopes(phone *mine, const satchel_scope_set *lost) {
    for (uint32_t s = 0; s < mine->set_count; s++) {
        mirror_set *set = &mine->sets[s];
        uint32_t kept = 0;
        bool touched = false;
        for (uint32_t i = 0; i < set->count; i++) {
            bool is_lost = false;
            for (uint32_t l = 0; l < lost->scope_count; l++) {
                is_lost = is_lost || lost->scopes[l] == set->scopes[i];
            }
            touched = touched || is_lost;
            if (!is_lost) {
                set->scopes[kept++] = set->scopes[i];
            }
        }
        set->count = kept;
        for (uint32_t i = mine->row_count; touched && kept == 0 && i > 0; i--) {
            if (mine->rows[i - 1]->set == set->number) {
                drop_at(mine, i - 1);
            }
        }
        /* Its number may come back with its first meaning. */
        if (touched && kept == 0) {
            set->number = 0;
        }
    }
}

/* --- results --- */

static void note_result(phone *mine, const satchel_unit_result *result, uint32_t index) {
    phone_result *out = &mine->results[mine->result_count % PHONE_RESULTS_MOST];
    *out = (phone_result){.sequence = result->first_sequence + index,
                          .code = result->code,
                          .stamp_ms = result->stamp_ms,
                          .keeper = result->keeper};
    for (uint32_t i = 0; i < result->op_count; i++) {
        const satchel_op_result *op = &result->ops[i];
        if (op->index == index) {
            out->code = op->code;
            out->status = op->status;
            out->field = op->field;
            out->held_by = op->held_by;
            out->loss_count = op->loss_count;
            if (op->loss_count > 0) {
                out->loss = op->losses[0];
                REQUIRE_OK(satchel_arena_copy(&mine->arena, op->losses[0].winner, &out->loss.winner));
                REQUIRE_OK(satchel_arena_copy(&mine->arena, op->losses[0].loser, &out->loss.loser));
            }
        }
    }
    mine->result_count++;
}

static void take_result(phone *mine, const satchel_unit_result *result) {
    for (uint32_t i = 0; i < mine->outbox_count; i++) {
        if (mine->outbox_first[i] == result->first_sequence) {
            for (uint32_t op = 0; op < result->count; op++) {
                note_result(mine, result, op);
            }
            CHECK_UINT(result->count, mine->outbox_ops[i]);
            satchel_buffer_deinit(&mine->outbox[i]);
            mine->outbox_count--;
            memmove(&mine->outbox[i], &mine->outbox[i + 1], (mine->outbox_count - i) * sizeof *mine->outbox);
            memmove(&mine->outbox_first[i], &mine->outbox_first[i + 1],
                    (mine->outbox_count - i) * sizeof *mine->outbox_first);
            memmove(&mine->outbox_ops[i], &mine->outbox_ops[i + 1],
                    (mine->outbox_count - i) * sizeof *mine->outbox_ops);
            return;
        }
    }
    complain(mine, "a result of nothing that was sent", 0);
}

phone_result phone_last(const phone *mine) {
    return mine->result_count > 0 ? mine->results[(mine->result_count - 1) % PHONE_RESULTS_MOST] : (phone_result){0};
}

phone_result phone_result_of(const phone *mine, uint64_t sequence) {
    for (uint32_t i = mine->result_count; i > 0; i--) {
        if (mine->results[(i - 1) % PHONE_RESULTS_MOST].sequence == sequence) {
            return mine->results[(i - 1) % PHONE_RESULTS_MOST];
        }
    }
    return (phone_result){0};
}

/* --- the answer --- */

/* Every digest that the server tells is the one of what the phone holds then. */
static void check_digest(phone *mine, satchel_bytes told) {
    satchel_row_digest sum = {{0, 0}};
    uint8_t mine_is[SATCHEL_ROW_DIGEST_BYTES];
    for (uint32_t i = 0; i < mine->row_count; i++) {
        const mirror_row *row = mine->rows[i];
        const satchel_row_digest element = satchel_row_digest_of(row->entity, &row->id, row->n);
        satchel_row_digest_add(&sum, &element);
    }
    satchel_row_digest_write(&sum, mine_is);
    mine->digests++;
    if (!satchel_bytes_equal(told, satchel_bytes_of(mine_is, sizeof mine_is))) {
        complain(mine, "a digest of other rows", 0);
    }
}

static void take_end(phone *mine, const satchel_page_end *end, uint32_t epoch) {
    uint8_t mark[SATCHEL_CURSOR_MARK_BYTES];
    satchel_cursor_mark(satchel_bytes_of(mine->cursor, mine->cursor_bytes), mark);
    CHECK(memcmp(mark, end->continues, sizeof mark) == 0);
    if (end->cursor.bytes > 0) {
        memcpy(mine->cursor, end->cursor.data, end->cursor.bytes);
        mine->cursor_bytes = end->cursor.bytes;
    } else if (end->more) {
        complain(mine, "more without a step", 0);
    }
    mine->position = (satchel_revision){epoch, end->position_n};
    mine->more = end->more;
    mine->rows_done = end->rows_done;
    mine->rows_total = end->rows_total;
    if (end->digest.bytes > 0) {
        check_digest(mine, end->digest);
    } else if (!end->more && end->cursor.bytes > 0 &&
               stage_number(mine->here, "SELECT (SELECT count(*) FROM realigned_customer) + (SELECT count(*) FROM"
                                        " digest_state WHERE valid = 0)") == 0) {
        complain(mine, "a last page without a digest", 0);
    }
}

/* Whatever travels with a root comes behind it. */
static void check_roots(phone *mine) {
    const satchel_schema *schema = satchel_service_schema(mine->here->service);
    for (uint32_t i = 0; i < mine->row_count; i++) {
        const satchel_entity *of = satchel_schema_entity(schema, mine->rows[i]->entity);
        satchel_id root = satchel_record_id(&mine->rows[i]->record, of->root_field);
        if (of->root != 0 && find(mine, of->root, &root) == NULL) {
            complain(mine, "a row whose root the phone lacks", of->number);
        }
    }
}

static void take_frame(phone *mine, const satchel_answer_frame *frame, uint32_t epoch) {
    switch (frame->kind) {
    case SATCHEL_FRAME_RESULT: take_result(mine, &frame->as.result); break;
    case SATCHEL_FRAME_SCOPE_SET: define_set(mine, &frame->as.scope_set); break;
    case SATCHEL_FRAME_SCOPE_LOSS: lose_scopes(mine, &frame->as.scope_set); break;
    case SATCHEL_FRAME_ROW:
        if (find_set(mine, frame->as.row.scope_set) == NULL) {
            complain(mine, "a row of a scope set that was never told", frame->as.row.entity);
        }
        take_row(mine, &frame->as.row);
        break;
    case SATCHEL_FRAME_REMOVAL: take_removal(mine, &frame->as.removal); break;
    case SATCHEL_FRAME_END: take_end(mine, &frame->as.end, epoch); break;
    default: break;
    }
}

static void take_block(satchel_bytes from, uint8_t *to, size_t *bytes) {
    *bytes = from.bytes;
    if (from.bytes > 0) {
        memcpy(to, from.data, from.bytes);
    }
}

static void take_blocks(phone *mine, const satchel_answer_head *head) {
    take_block(head->orders, mine->got_orders, &mine->got_orders_bytes);
    take_block(head->checkpoint, mine->got_checkpoint, &mine->got_checkpoint_bytes);
    take_block(head->witnessed, mine->got_witnessed, &mine->got_witnessed_bytes);
}

satchel_status mirror_take_answer(phone *mine, satchel_bytes payload) {
    satchel_reader reader = satchel_reader_of(payload);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    satchel_status head_status = SATCHEL_OK;
    uint32_t epoch = 0;
    bool first = true;
    for (uint32_t i = 0; i < mine->row_count; i++) {
        mine->rows[i]->fresh = false;
    }
    mine->more = false;
    REQUIRE_OK(satchel_buffer_append(&mine->wire, payload));
    while (frame.kind != SATCHEL_FRAME_NONE) {
        satchel_arena arena = {0};
        REQUIRE_OK(satchel_answer_read(&reader, &arena, &frame, NULL));
        if (first) {
            CHECK_INT(frame.kind, SATCHEL_FRAME_HEAD);
            head_status = frame.as.head.status;
            epoch = frame.as.head.epoch;
            mine->highest_number = frame.as.head.highest_number;
            mine->minimum_schema = frame.as.head.minimum_schema;
            take_blocks(mine, &frame.as.head);
            if (frame.as.head.token_moved) {
                memcpy(mine->token_current, mine->token_next, sizeof mine->token_current);
                mine->token_drawn = false;
            }
        } else {
            take_frame(mine, &frame, epoch);
        }
        first = false;
        satchel_arena_deinit(&arena);
    }
    check_roots(mine);
    return head_status;
}

satchel_text phone_text(const phone *mine, uint32_t entity, const satchel_id *id, uint32_t field) {
    const mirror_row *row = find(mine, entity, id);
    return row != NULL ? satchel_record_text(&row->record, field) : (satchel_text){NULL, 0};
}

uint32_t phone_count(const phone *mine, uint32_t entity) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < mine->row_count; i++) {
        count += mine->rows[i]->entity == entity ? 1 : 0;
    }
    return count;
}
