/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding ops and values among the rows of all pages.
 *
 * A row is known by its form and, if it is an op, by its seal. Of an op's columns only the body never changes; of the
 * others the furthest state is kept, as nothing ever goes back to waiting.
 */
#include "store/salvage.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "store/salvage_page.h"
#include "store/store_state.h"

#include <stdlib.h>

#define OP_COLUMNS_LEAST 11
#define VALUE_COLUMNS 2
#define NAME_BYTES_MOST 64
#define FIRST_ROOM 256u
#define SEQUENCE_BYTES 8

enum {
    COLUMN_SEQUENCE,
    COLUMN_UNIT,
    COLUMN_ENTITY,
    COLUMN_ROW,
    COLUMN_STATE,
    COLUMN_PREVIOUS,
    COLUMN_BODY,
    COLUMN_HEAD,
    COLUMN_RECEIPT,
    COLUMN_RESULT,
    COLUMN_UNDONE
};

struct satchel_store_salvage {
    satchel_salvage *pages;
    satchel_op_seal seal;
    bool has_seal;
    satchel_arena arena;
    satchel_salvaged_op *ops;
    size_t op_count;
    size_t op_room;
    uint32_t *places; /* hash table of index + 1 */
    size_t place_count;
    satchel_salvaged_value *values;
    size_t value_count;
    size_t value_room;
    satchel_buffer room;
    satchel_buffer opened;
};

/* --- the ops found --- */

static size_t place_of(const satchel_store_salvage *salvage, uint64_t sequence) {
    size_t at = (size_t)(sequence * UINT64_C(0x9e3779b97f4a7c15)) & (salvage->place_count - 1);
    while (salvage->places[at] != 0 && salvage->ops[salvage->places[at] - 1].sequence != sequence) {
        at = (at + 1) & (salvage->place_count - 1);
    }
    return at;
}

static satchel_status make_room(satchel_store_salvage *salvage) {
    if (salvage->op_count < salvage->op_room) {
        return SATCHEL_OK;
    }
    size_t room = salvage->op_room == 0 ? FIRST_ROOM : salvage->op_room * 2;
    satchel_salvaged_op *ops = room > UINT32_MAX / 2 ? NULL : satchel_memory_take(room * sizeof *ops);
    uint32_t *places = ops == NULL ? NULL : satchel_memory_take(room * 2 * sizeof *places);
    if (places == NULL) {
        satchel_memory_give(ops);
        return SATCHEL_NO_MEMORY;
    }
    if (salvage->op_count > 0) {
        memcpy(ops, salvage->ops, salvage->op_count * sizeof *ops);
    }
    satchel_memory_give(salvage->ops);
    satchel_memory_give(salvage->places);
    salvage->ops = ops;
    salvage->op_room = room;
    salvage->places = places;
    salvage->place_count = room * 2;
    for (size_t i = 0; i < salvage->op_count; i++) {
        salvage->places[place_of(salvage, ops[i].sequence)] = (uint32_t)(i + 1);
    }
    return SATCHEL_OK;
}

/* Nothing goes back to WAITING, and DISMISSED is the end of what was refused. */
static unsigned rank_of(uint32_t state) {
    switch (state) {
    case SATCHEL_OP_WAITING: return 0;
    case SATCHEL_OP_DISMISSED: return 2;
    default: return 1;
    }
}

static satchel_status replace_bytes(satchel_store_salvage *salvage, satchel_bytes news, satchel_bytes *kept) {
    if (news.bytes == 0 || satchel_bytes_equal(news, *kept)) {
        return SATCHEL_OK;
    }
    return satchel_arena_copy(&salvage->arena, news, kept);
}

/* Another state of an op that is known. */
static satchel_status join_op(satchel_store_salvage *salvage, satchel_salvaged_op *kept,
                              const satchel_salvaged_op *found) {
    if (rank_of(found->state) >= rank_of(kept->state)) {
        kept->state = found->state;
        kept->undone = found->undone;
    }
    satchel_status status = replace_bytes(salvage, found->head, &kept->head);
    if (status == SATCHEL_OK) {
        status = replace_bytes(salvage, found->receipt, &kept->receipt);
    }
    return status == SATCHEL_OK ? replace_bytes(salvage, found->result, &kept->result) : status;
}

static satchel_status add_op(satchel_store_salvage *salvage, const satchel_salvaged_op *found) {
    satchel_status status = make_room(salvage);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_salvaged_op *op = &salvage->ops[salvage->op_count];
    *op = *found;
    op->body = op->head = op->receipt = op->result = (satchel_bytes){NULL, 0};
    status = satchel_arena_copy(&salvage->arena, found->body, &op->body);
    if (status == SATCHEL_OK) {
        status = join_op(salvage, op, found);
    }
    if (status == SATCHEL_OK) {
        salvage->places[place_of(salvage, op->sequence)] = (uint32_t)++salvage->op_count;
    }
    return status;
}

/* --- rows that are ops --- */

static bool is_number(const satchel_salvage_column *column, int64_t most) {
    return column->type == SATCHEL_SALVAGE_INTEGER && column->integer >= 0 && column->integer <= most;
}

static bool is_blob(const satchel_salvage_column *column, bool may_be_null) {
    return column->type == SATCHEL_SALVAGE_BLOB || (may_be_null && column->type == SATCHEL_SALVAGE_NULL);
}

static bool read_op(const satchel_salvage_row *row, satchel_salvaged_op *out) {
    const satchel_salvage_column *columns = row->columns;
    if (!row->has_rowid || row->rowid <= 0 || row->column_count < OP_COLUMNS_LEAST ||
        columns[COLUMN_SEQUENCE].type != SATCHEL_SALVAGE_NULL || !is_number(&columns[COLUMN_UNIT], row->rowid) ||
        columns[COLUMN_UNIT].integer == 0 || !is_number(&columns[COLUMN_ENTITY], UINT32_MAX) ||
        !is_number(&columns[COLUMN_STATE], SATCHEL_OP_PARKED) || !is_blob(&columns[COLUMN_ROW], false) ||
        !is_blob(&columns[COLUMN_BODY], false) || !is_blob(&columns[COLUMN_HEAD], true) ||
        !is_blob(&columns[COLUMN_RECEIPT], true) || !is_blob(&columns[COLUMN_RESULT], true) ||
        satchel_id_from(columns[COLUMN_ROW].bytes, &out->row) != SATCHEL_OK) {
        return false;
    }
    out->sequence = (uint64_t)row->rowid;
    out->unit = (uint64_t)columns[COLUMN_UNIT].integer;
    out->entity = (uint32_t)columns[COLUMN_ENTITY].integer;
    out->state = (uint32_t)columns[COLUMN_STATE].integer;
    out->body = columns[COLUMN_BODY].bytes;
    out->head = columns[COLUMN_HEAD].bytes;
    out->receipt = columns[COLUMN_RECEIPT].bytes;
    out->result = columns[COLUMN_RESULT].bytes;
    out->undone = is_number(&columns[COLUMN_UNDONE], INT64_MAX) ? (uint64_t)columns[COLUMN_UNDONE].integer : 0;
    return true;
}

/* DAMAGED: it is no op of this store. */
static satchel_status check_seal(satchel_store_salvage *salvage, const satchel_salvaged_op *op) {
    uint8_t associated[SEQUENCE_BYTES];
    uint64_t bytes = 0;
    satchel_status status = SATCHEL_OK;
    satchel_buffer_clear(&salvage->opened);
    if (salvage->has_seal) {
        satchel_put_u64be(associated, op->sequence);
        status = salvage->seal.open(salvage->seal.context, op->body, satchel_bytes_of(associated, sizeof associated),
                                    &salvage->opened);
    } else {
        status = satchel_buffer_append(&salvage->opened, op->body);
    }
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&salvage->opened));
    bool whole = status == SATCHEL_OK && satchel_reader_varint(&reader, &bytes) == SATCHEL_OK &&
                 bytes <= satchel_reader_left(&reader);
    return status == SATCHEL_OK && !whole ? SATCHEL_DAMAGED : status;
}

static satchel_status take_op(satchel_store_salvage *salvage, const satchel_salvaged_op *found) {
    size_t at = salvage->place_count > 0 ? place_of(salvage, found->sequence) : 0;
    if (salvage->place_count > 0 && salvage->places[at] != 0) {
        satchel_salvaged_op *kept = &salvage->ops[salvage->places[at] - 1];
        if (satchel_bytes_equal(kept->body, found->body)) {
            return join_op(salvage, kept, found);
        }
    }
    satchel_status status = check_seal(salvage, found);
    if (status == SATCHEL_DAMAGED) {
        return SATCHEL_OK;
    }
    if (status == SATCHEL_OK && salvage->place_count > 0 && salvage->places[at] != 0) {
        /* Its commit failed, and the sequence was given again: the newer page has the op that counts. */
        satchel_salvaged_op *kept = &salvage->ops[salvage->places[at] - 1];
        *kept = *found;
        kept->head = kept->receipt = kept->result = (satchel_bytes){NULL, 0};
        status = satchel_arena_copy(&salvage->arena, found->body, &kept->body);
        return status == SATCHEL_OK ? join_op(salvage, kept, found) : status;
    }
    return status == SATCHEL_OK ? add_op(salvage, found) : status;
}

/* --- rows that are values --- */

static uint64_t number_in(const char *name, satchel_bytes value) {
    satchel_reader reader = satchel_reader_of(value);
    satchel_bytes skipped;
    uint64_t number = 0;
    bool sync = strcmp(name, ".sync") == 0;
    size_t skip = sync ? 1 + SATCHEL_ID_BYTES + 2 * SATCHEL_TOKEN_BYTES + 1 : 1;
    if ((sync || strcmp(name, ".log") == 0) && satchel_reader_take(&reader, skip, &skipped) == SATCHEL_OK &&
        satchel_reader_varint(&reader, &number) == SATCHEL_OK) {
        return number;
    }
    return 0;
}

static satchel_salvaged_value *find_value(satchel_store_salvage *salvage, satchel_text name) {
    for (size_t i = 0; i < salvage->value_count; i++) {
        if (satchel_text_is(name, salvage->values[i].name)) {
            return &salvage->values[i];
        }
    }
    return NULL;
}

static satchel_status add_value(satchel_store_salvage *salvage, satchel_text name, satchel_salvaged_value **out) {
    if (salvage->value_count == salvage->value_room) {
        size_t room = salvage->value_room == 0 ? 16 : salvage->value_room * 2;
        satchel_salvaged_value *values = satchel_arena_take_array(&salvage->arena, room, sizeof *values);
        if (values == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (salvage->value_count > 0) {
            memcpy(values, salvage->values, salvage->value_count * sizeof *values);
        }
        salvage->values = values;
        salvage->value_room = room;
    }
    const char *text = satchel_arena_text(&salvage->arena, name);
    if (text == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    *out = &salvage->values[salvage->value_count++];
    **out = (satchel_salvaged_value){text, {NULL, 0}, 0};
    return SATCHEL_OK;
}

/* The identity holds a secret seed. */
static void forget(satchel_bytes value) {
    if (value.bytes > 0) {
        satchel_secret_wipe((void *)(uintptr_t)value.data, value.bytes);
    }
}

static satchel_status take_value(satchel_store_salvage *salvage, const satchel_salvage_row *row) {
    const satchel_salvage_column *columns = row->columns;
    satchel_text name = satchel_text_from(columns[0].bytes);
    satchel_salvaged_value *kept = find_value(salvage, name);
    satchel_status status = kept == NULL ? add_value(salvage, name, &kept) : SATCHEL_OK;
    if (status != SATCHEL_OK) {
        return status;
    }
    /* Pages of the database come in the order of their numbers; what counts up tells which state is the newer one. */
    uint64_t number = number_in(kept->name, columns[1].bytes);
    if (number < kept->number) {
        return SATCHEL_OK;
    }
    kept->number = number;
    forget(kept->value);
    return satchel_arena_copy(&salvage->arena, columns[1].bytes, &kept->value);
}

static bool is_value(const satchel_salvage_row *row) {
    return !row->has_rowid && row->column_count == VALUE_COLUMNS && row->columns[0].type == SATCHEL_SALVAGE_TEXT &&
           row->columns[1].type == SATCHEL_SALVAGE_BLOB && row->columns[0].bytes.bytes > 0 &&
           row->columns[0].bytes.bytes <= NAME_BYTES_MOST;
}

/* --- the walk --- */

static satchel_status visit_row(void *context, const satchel_salvage_row *row) {
    satchel_store_salvage *salvage = context;
    satchel_salvaged_op op = {.sequence = 0};
    if (is_value(row)) {
        return take_value(salvage, row);
    }
    return read_op(row, &op) ? take_op(salvage, &op) : SATCHEL_OK;
}

static satchel_status visit_page(void *context, const satchel_salvage_page *page) {
    satchel_store_salvage *salvage = context;
    return satchel_salvage_rows(salvage->pages, page, &salvage->room, visit_row, salvage);
}

static int compare_ops(const void *a, const void *b) {
    const satchel_salvaged_op *left = a;
    const satchel_salvaged_op *right = b;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

satchel_status satchel_store_salvage_open(satchel_store_salvage **out, satchel_salvage *pages,
                                          const satchel_op_seal *seal, satchel_error *error) {
    *out = NULL;
    satchel_store_salvage *salvage = satchel_memory_take(sizeof *salvage);
    if (salvage == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a salvage");
    }
    salvage->pages = pages;
    salvage->has_seal = seal != NULL;
    if (seal != NULL) {
        salvage->seal = *seal;
    }
    satchel_status status = satchel_salvage_walk(pages, visit_page, salvage, error);
    salvage->pages = NULL;
    if (status != SATCHEL_OK) {
        satchel_store_salvage_close(salvage);
        return status;
    }
    if (salvage->op_count > 0) {
        qsort(salvage->ops, salvage->op_count, sizeof *salvage->ops, compare_ops);
    }
    *out = salvage;
    return SATCHEL_OK;
}

void satchel_store_salvage_close(satchel_store_salvage *salvage) {
    if (salvage == NULL) {
        return;
    }
    for (size_t i = 0; i < salvage->value_count; i++) {
        forget(salvage->values[i].value);
    }
    satchel_buffer_wipe(&salvage->room);
    satchel_buffer_wipe(&salvage->opened);
    satchel_buffer_deinit(&salvage->room);
    satchel_buffer_deinit(&salvage->opened);
    satchel_memory_give(salvage->ops);
    satchel_memory_give(salvage->places);
    satchel_arena_deinit(&salvage->arena);
    satchel_memory_give(salvage);
}

const satchel_salvaged_op *satchel_store_salvage_ops(const satchel_store_salvage *salvage, size_t *out_count) {
    *out_count = salvage->op_count;
    return salvage->ops;
}

const satchel_salvaged_value *satchel_store_salvage_value(const satchel_store_salvage *salvage, const char *name) {
    for (size_t i = 0; i < salvage->value_count; i++) {
        if (strcmp(salvage->values[i].name, name) == 0) {
            return &salvage->values[i];
        }
    }
    return NULL;
}

const satchel_salvaged_value *satchel_store_salvage_value_at(const satchel_store_salvage *salvage, size_t index) {
    return index < salvage->value_count ? &salvage->values[index] : NULL;
}

uint64_t satchel_store_salvage_settled(const satchel_store_salvage *salvage) {
    const satchel_salvaged_value *marks = satchel_store_salvage_value(salvage, ".log");
    return marks != NULL ? marks->number : 0;
}

static bool is_mark(const satchel_salvaged_op *op) {
    return op->entity == 0 && op->state == SATCHEL_OP_DISMISSED;
}

bool satchel_store_salvage_gap(const satchel_store_salvage *salvage, uint64_t *at, uint64_t *out_first,
                               uint64_t *out_last) {
    uint64_t settled = satchel_store_salvage_settled(salvage);
    uint64_t expected = (*at > settled ? *at : settled) + 1;
    for (size_t i = 0; i < salvage->op_count; i++) {
        uint64_t sequence = salvage->ops[i].sequence;
        if (sequence < expected) {
            continue;
        }
        if (is_mark(&salvage->ops[i])) {
            expected = sequence; /* what an earlier repair left free in front of it is not known to be lost */
        }
        if (sequence > expected) {
            *out_first = expected;
            *out_last = sequence - 1;
            *at = *out_last;
            return true;
        }
        expected++;
    }
    return false;
}
