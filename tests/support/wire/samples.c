/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random samples of everything that wire/ encodes. Values are legal for the codec, not for validation.
 */
#include "support/wire/samples.h"

#include "base/ids.h"
#include "base/text.h"
#include "wire/fields.h"
#include "wire/orders.h"

#include <string.h>

#define CUSTOM(number_, name_, type_, element_, encoding_)                                                             \
    {                                                                                                                  \
        1, {                                                                                                           \
            .number = number_, .name = name_, .label = {name_, name_}, .type = type_, .element = element_,             \
            .encoding = encoding_, .flags = SATCHEL_FIELD_CUSTOM, .max_bytes = 200, .min = INT64_MIN, .max = INT64_MAX \
        }                                                                                                              \
    }

static const satchel_custom_field custom_fields[] = {
    CUSTOM(SAMPLE_CUSTOM_BOOL, "c_bool", SATCHEL_TYPE_BOOL, 0, SATCHEL_ENCODING_VARINT),
    CUSTOM(SAMPLE_CUSTOM_INT, "c_int", SATCHEL_TYPE_INT, 0, SATCHEL_ENCODING_ZIGZAG),
    CUSTOM(SAMPLE_CUSTOM_REAL, "c_real", SATCHEL_TYPE_REAL, 0, SATCHEL_ENCODING_FIXED64),
    CUSTOM(SAMPLE_CUSTOM_TEXT, "c_text", SATCHEL_TYPE_TEXT, 0, SATCHEL_ENCODING_BYTES),
    CUSTOM(SAMPLE_CUSTOM_BYTES, "c_bytes", SATCHEL_TYPE_BYTES, 0, SATCHEL_ENCODING_BYTES),
    CUSTOM(SAMPLE_CUSTOM_ID, "c_id", SATCHEL_TYPE_ID, 0, SATCHEL_ENCODING_BYTES),
    CUSTOM(SAMPLE_CUSTOM_SET, "c_set", SATCHEL_TYPE_SET, SATCHEL_TYPE_TEXT, SATCHEL_ENCODING_BYTES),
    CUSTOM(SAMPLE_CUSTOM_TIME, "c_time", SATCHEL_TYPE_TIME, 0, SATCHEL_ENCODING_ZIGZAG),
    CUSTOM(SAMPLE_CUSTOM_IDS, "c_ids", SATCHEL_TYPE_SET, SATCHEL_TYPE_ID, SATCHEL_ENCODING_BYTES),
};

satchel_schema sample_schema(void) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, custom_fields,
                                   sizeof custom_fields / sizeof custom_fields[0], NULL));
    return schema;
}

satchel_schema sample_plain_schema(void) {
    satchel_schema schema;
    REQUIRE_OK(satchel_schema_init(&schema, &satchel_generated_model, NULL, 0, NULL));
    return schema;
}

uint64_t sample_number(test_random *random) {
    return test_random_u64(random) >> test_random_below(random, 64);
}

static satchel_bytes sample_bytes(test_random *random, size_t most, satchel_arena *arena) {
    size_t bytes = (size_t)test_random_below(random, most + 1);
    uint8_t *data = satchel_arena_take(arena, bytes);
    REQUIRE(data != NULL);
    test_random_bytes(random, data, bytes);
    return satchel_bytes_of(data, bytes);
}

static satchel_bytes sample_text(test_random *random, size_t most, satchel_arena *arena) {
    static const char *const pieces[] = {"a", "Tea ", "7", "\xc3\xa9", "\xe8\x8c\xb6", "\xf0\x9f\x8d\xb5", "-", "zz"};
    satchel_buffer text = {NULL, 0, 0};
    satchel_bytes out;
    size_t bytes = (size_t)test_random_below(random, most + 1);
    for (;;) {
        const char *piece = pieces[test_random_below(random, sizeof pieces / sizeof pieces[0])];
        if (text.bytes + strlen(piece) > bytes) {
            break;
        }
        REQUIRE_OK(satchel_buffer_append(&text, satchel_text_bytes(satchel_text_of(piece))));
    }
    REQUIRE_OK(satchel_arena_copy(arena, satchel_buffer_view(&text), &out));
    satchel_buffer_deinit(&text);
    return out;
}

static satchel_value sample_set(test_random *random, satchel_type element, satchel_arena *arena) {
    satchel_bytes elements[6];
    satchel_set set;
    uint32_t count = 1 + (uint32_t)test_random_below(random, 6);
    for (uint32_t i = 0; i < count; i++) {
        satchel_id id = test_random_id(random);
        if (element == SATCHEL_TYPE_ID) {
            REQUIRE_OK(satchel_arena_copy(arena, satchel_id_view(&id), &elements[i]));
        } else {
            elements[i] = sample_text(random, 20, arena);
        }
    }
    REQUIRE_OK(satchel_set_sort(arena, elements, count, &set));
    return satchel_value_set(set.elements, set.count);
}

static satchel_value sample_value(test_random *random, const satchel_field *field, satchel_arena *arena) {
    satchel_id id = test_random_id(random);
    switch (field->type) {
    case SATCHEL_TYPE_BOOL: return satchel_value_bool(test_random_chance(random, 50));
    case SATCHEL_TYPE_INT: return satchel_value_int((int64_t)sample_number(random));
    case SATCHEL_TYPE_TIME: return satchel_value_time((int64_t)sample_number(random));
    case SATCHEL_TYPE_REAL: return satchel_value_real((double)(int64_t)sample_number(random) / 7);
    case SATCHEL_TYPE_TEXT: return satchel_value_text(satchel_text_from(sample_text(random, 24, arena)));
    case SATCHEL_TYPE_BYTES: return satchel_value_bytes(sample_bytes(random, 24, arena));
    case SATCHEL_TYPE_ID: return satchel_value_id(&id);
    default: return sample_set(random, (satchel_type)field->element, arena);
    }
}

/* Fields that no version knows: number 30,000 and up, and a custom value far above the sample's. */
static void sample_tail(test_random *random, satchel_record *record) {
    satchel_buffer tail = {NULL, 0, 0};
    uint32_t number = 30000 + (uint32_t)test_random_below(random, 1000);
    REQUIRE_OK(satchel_wire_put_varint(&tail, number, sample_number(random)));
    if (test_random_chance(random, 50)) {
        size_t mark = 0;
        REQUIRE_OK(satchel_wire_begin(&tail, SATCHEL_FIELD_CUSTOM_LIST, &mark));
        REQUIRE_OK(satchel_wire_put_varint(&tail, 1, 60000));
        REQUIRE_OK(satchel_wire_put_varint(&tail, 3, sample_number(random)));
        REQUIRE_OK(satchel_wire_end(&tail, mark));
    }
    REQUIRE_OK(satchel_arena_copy(record->arena, satchel_buffer_view(&tail), &record->tail));
    satchel_buffer_deinit(&tail);
}

satchel_record sample_record(test_random *random, const satchel_schema *schema, uint32_t entity, unsigned percent,
                             satchel_arena *arena) {
    satchel_record record;
    satchel_record_init(&record, arena);
    for (uint32_t i = 0;; i++) {
        const satchel_field *field = satchel_schema_field_at(schema, entity, i);
        if (field == NULL) {
            break;
        }
        if (field->number != SATCHEL_FIELD_CUSTOM_LIST && test_random_chance(random, percent)) {
            satchel_value value = sample_value(random, field, arena);
            REQUIRE_OK(satchel_record_set(&record, field->number, &value));
        }
    }
    if (test_random_chance(random, 10)) {
        sample_tail(random, &record);
    }
    return record;
}

uint32_t sample_entity(test_random *random, const satchel_schema *schema) {
    return schema->model->entities[test_random_below(random, schema->model->entity_count)].number;
}

satchel_moment sample_moment(test_random *random) {
    return (satchel_moment){(uint32_t)sample_number(random), (int64_t)sample_number(random),
                            (int64_t)sample_number(random), (int64_t)sample_number(random)};
}

static const uint32_t *sample_ascending(test_random *random, uint32_t most, satchel_arena *arena, uint32_t *out_count) {
    uint32_t count = (uint32_t)test_random_below(random, most + 1);
    uint32_t *numbers = satchel_arena_take_array(arena, count, sizeof *numbers);
    uint32_t last = 0;
    REQUIRE(numbers != NULL);
    for (uint32_t i = 0; i < count; i++) {
        last += 1 + (uint32_t)test_random_below(random, 300);
        numbers[i] = last;
    }
    *out_count = count;
    return count == 0 ? NULL : numbers;
}

static void sample_exceptions(test_random *random, satchel_arena *arena, satchel_op *op) {
    const uint32_t *numbers = sample_ascending(random, 3, arena, &op->exception_count);
    satchel_base_exception *exceptions = satchel_arena_take_array(arena, op->exception_count, sizeof *exceptions);
    REQUIRE(exceptions != NULL);
    for (uint32_t i = 0; i < op->exception_count; i++) {
        exceptions[i] = (satchel_base_exception){numbers[i], sample_number(random)};
    }
    op->exceptions = exceptions;
}

satchel_op sample_op(test_random *random, const satchel_schema *schema, satchel_arena *arena) {
    satchel_op op;
    satchel_id row = test_random_id(random);
    satchel_op_kind kind = (satchel_op_kind)test_random_between(random, SATCHEL_OP_CREATE, SATCHEL_OP_COMMAND);
    satchel_op_init(&op, kind, sample_entity(random, schema), &row, arena);
    op.base_n = sample_number(random);
    op.sequence = 1 + sample_number(random) / 2;
    op.set = sample_record(random, schema, op.entity, 10, arena);
    if (test_random_chance(random, 30)) {
        sample_exceptions(random, arena, &op);
        op.removed = sample_record(random, schema, op.entity, 3, arena);
        op.from = sample_record(random, schema, op.entity, 3, arena);
        op.cleared = sample_ascending(random, 4, arena, &op.cleared_count);
    }
    op.target = kind == SATCHEL_OP_VOID ? 1 + sample_number(random) / 2 : 0;
    op.command = kind == SATCHEL_OP_COMMAND ? 1 + (uint32_t)test_random_below(random, 9) : 0;
    return op;
}

bool sample_ops_equal(const satchel_op *a, const satchel_op *b) {
    bool same = a->kind == b->kind && a->entity == b->entity && satchel_id_equal(&a->row, &b->row) &&
                a->sequence == b->sequence && a->base_n == b->base_n && a->target == b->target &&
                a->command == b->command && a->exception_count == b->exception_count &&
                a->cleared_count == b->cleared_count && satchel_record_equal(&a->set, &b->set) &&
                satchel_record_equal(&a->removed, &b->removed) && satchel_record_equal(&a->from, &b->from);
    for (uint32_t i = 0; same && i < a->exception_count; i++) {
        same = a->exceptions[i].field == b->exceptions[i].field && a->exceptions[i].base_n == b->exceptions[i].base_n;
    }
    for (uint32_t i = 0; same && i < a->cleared_count; i++) {
        same = a->cleared[i] == b->cleared[i];
    }
    return same;
}

static satchel_status sample_status(test_random *random) {
    return (satchel_status)test_random_below(random, 91);
}

static satchel_bytes sample_sized(test_random *random, size_t bytes, satchel_arena *arena) {
    uint8_t *data = satchel_arena_take(arena, bytes);
    REQUIRE(data != NULL);
    test_random_bytes(random, data, bytes);
    return test_random_chance(random, 50) ? satchel_bytes_of(data, bytes) : (satchel_bytes){NULL, 0};
}

static void sample_head(test_random *random, satchel_arena *arena, satchel_answer_head *out) {
    out->status = sample_status(random);
    out->server_time_ms = (int64_t)sample_number(random);
    out->epoch = (uint32_t)sample_number(random);
    out->token_moved = test_random_chance(random, 50);
    out->applied_through = sample_number(random);
    out->minimum_schema = (uint32_t)sample_number(random);
    out->backoff_ms = (uint32_t)sample_number(random);
    out->fork_digest = sample_sized(random, SATCHEL_ANSWER_DIGEST_BYTES, arena);
    out->request_number = sample_number(random);
    out->highest_number = sample_number(random);
    out->verified_n = sample_number(random);
    out->orders = sample_bytes(random, SATCHEL_ORDERS_BLOCK_BYTES, arena);
    out->checkpoint = sample_bytes(random, SATCHEL_CHECKPOINT_BLOCK_BYTES, arena);
    out->witnessed = sample_sized(random, SATCHEL_CHECKPOINT_HASH_BYTES, arena);
}

static void sample_losses(test_random *random, satchel_arena *arena, satchel_op_result *out) {
    out->loss_count = (uint32_t)test_random_below(random, 3);
    satchel_result_loss *losses = satchel_arena_take_array(arena, out->loss_count, sizeof *losses);
    REQUIRE(losses != NULL);
    for (uint32_t i = 0; i < out->loss_count; i++) {
        losses[i] = (satchel_result_loss){.field = (uint32_t)sample_number(random),
                                          .policy = (uint32_t)test_random_below(random, 11),
                                          .kind = (uint32_t)test_random_below(random, 4),
                                          .status = sample_status(random),
                                          .conflict = test_random_id(random),
                                          .winner = sample_bytes(random, 30, arena),
                                          .loser = sample_bytes(random, 30, arena),
                                          .winner_user = test_random_id(random),
                                          .winner_ms = (int64_t)sample_number(random)};
    }
    out->losses = losses;
}

static void sample_result(test_random *random, satchel_arena *arena, satchel_unit_result *out) {
    out->first_sequence = 1 + sample_number(random) / 2;
    out->count = 1 + (uint32_t)test_random_below(random, 9);
    out->code = (satchel_result_code)test_random_between(random, SATCHEL_RESULT_APPLIED, SATCHEL_RESULT_HELD);
    out->stamp_ms = (int64_t)sample_number(random);
    out->receipt = sample_sized(random, SATCHEL_RECEIPT_BYTES, arena);
    out->keeper = test_random_below(random, 2) == 0 ? test_random_id(random) : (satchel_id){{0}};
    out->op_count = (uint32_t)test_random_below(random, out->count < 4 ? out->count + 1 : 4);
    satchel_op_result *ops = satchel_arena_take_array(arena, out->op_count, sizeof *ops);
    REQUIRE(ops != NULL);
    for (uint32_t i = 0; i < out->op_count; i++) {
        ops[i].index = i;
        ops[i].code = (satchel_result_code)test_random_between(random, SATCHEL_RESULT_APPLIED, SATCHEL_RESULT_HELD);
        ops[i].status = sample_status(random);
        ops[i].field = (uint32_t)sample_number(random);
        ops[i].held_by = sample_number(random);
        ops[i].rule = satchel_text_from(sample_text(random, 20, arena));
        sample_losses(random, arena, &ops[i]);
    }
    out->ops = ops;
}

static void sample_row(test_random *random, satchel_arena *arena, satchel_row_frame *out) {
    out->entity = 1 + (uint32_t)test_random_below(random, 60);
    out->row = test_random_id(random);
    out->n = sample_number(random);
    out->scope_set = (uint32_t)sample_number(random);
    out->whole = test_random_chance(random, 50);
    out->record = sample_bytes(random, 60, arena);
    out->cleared = sample_ascending(random, 3, arena, &out->cleared_count);
    out->deleted = test_random_chance(random, 10);
}

static void sample_end(test_random *random, satchel_arena *arena, satchel_page_end *out) {
    test_random_bytes(random, out->continues, sizeof out->continues);
    out->cursor = sample_bytes(random, 40, arena);
    out->position_n = sample_number(random);
    out->more = test_random_chance(random, 50);
    out->rows_done = sample_number(random);
    out->rows_total = sample_number(random);
    out->digest = sample_sized(random, SATCHEL_ROW_DIGEST_BYTES, arena);
}

static void sample_ranges(test_random *random, satchel_arena *arena, satchel_ranges_frame *out) {
    do {
        out->settled = sample_bytes(random, 20, arena);
        out->split = sample_bytes(random, 20, arena);
        out->elements = sample_sized(random, 24, arena);
    } while (out->settled.bytes + out->split.bytes == 0);
}

satchel_answer_frame sample_frame(test_random *random, satchel_frame_kind kind, satchel_arena *arena) {
    satchel_answer_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.kind = kind;
    switch (kind) {
    case SATCHEL_FRAME_HEAD: sample_head(random, arena, &frame.as.head); break;
    case SATCHEL_FRAME_RESULT: sample_result(random, arena, &frame.as.result); break;
    case SATCHEL_FRAME_SCOPE_SET:
    case SATCHEL_FRAME_SCOPE_LOSS:
        frame.as.scope_set.number = kind == SATCHEL_FRAME_SCOPE_SET ? 1 + (uint32_t)sample_number(random) / 2 : 0;
        do {
            frame.as.scope_set.scopes = sample_ascending(random, 5, arena, &frame.as.scope_set.scope_count);
        } while (frame.as.scope_set.scope_count == 0);
        break;
    case SATCHEL_FRAME_ROW: sample_row(random, arena, &frame.as.row); break;
    case SATCHEL_FRAME_REMOVAL:
        frame.as.removal.entity = 1 + (uint32_t)test_random_below(random, 60);
        do {
            frame.as.removal.rows = sample_sized(random, SATCHEL_ID_BYTES * 3, arena);
        } while (frame.as.removal.rows.bytes == 0);
        break;
    case SATCHEL_FRAME_RANGES: sample_ranges(random, arena, &frame.as.ranges); break;
    case SATCHEL_FRAME_ERASED:
        frame.as.erased = (satchel_erased_frame){.entity = 1 + (uint32_t)test_random_below(random, 99)};
        test_random_bytes(random, frame.as.erased.erasure.bytes, SATCHEL_ID_BYTES);
        do {
            frame.as.erased.rows = sample_sized(random, SATCHEL_ID_BYTES, arena);
        } while (frame.as.erased.rows.bytes == 0);
        break;
    default: sample_end(random, arena, &frame.as.end); break;
    }
    return frame;
}

void sample_answer(test_random *random, satchel_arena *arena, satchel_buffer *out) {
    satchel_buffer_clear(out);
    const int order[] = {SATCHEL_FRAME_HEAD,       SATCHEL_FRAME_RESULT, SATCHEL_FRAME_SCOPE_SET,
                         SATCHEL_FRAME_SCOPE_LOSS, SATCHEL_FRAME_ROW,    SATCHEL_FRAME_REMOVAL,
                         SATCHEL_FRAME_RANGES,     SATCHEL_FRAME_ERASED, SATCHEL_FRAME_END};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        int kind = order[k];
        bool once = kind == SATCHEL_FRAME_HEAD || kind == SATCHEL_FRAME_RANGES || kind == SATCHEL_FRAME_END;
        uint64_t count = once ? 1 : test_random_below(random, 3);
        for (uint64_t i = 0; i < count; i++) {
            satchel_answer_frame frame = sample_frame(random, (satchel_frame_kind)kind, arena);
            REQUIRE_OK(satchel_answer_write(&frame, out));
        }
    }
}

static satchel_bytes sample_unit(test_random *random, const satchel_schema *schema, satchel_arena *arena) {
    satchel_bytes ops[4];
    satchel_bytes unit;
    satchel_buffer bytes = {NULL, 0, 0};
    uint32_t count = 1 + (uint32_t)test_random_below(random, 4);
    for (uint32_t i = 0; i < count; i++) {
        satchel_op op = sample_op(random, schema, arena);
        satchel_buffer_clear(&bytes);
        REQUIRE_OK(satchel_op_encode(schema, &op, &bytes));
        REQUIRE_OK(satchel_arena_copy(arena, satchel_buffer_view(&bytes), &ops[i]));
    }
    satchel_unit_ops head = {.first_sequence = 1 + sample_number(random) / 2,
                             .moment = sample_moment(random),
                             .seen = {(uint32_t)sample_number(random), sample_number(random)}};
    satchel_buffer_clear(&bytes);
    REQUIRE_OK(satchel_unit_encode(&head, ops, count, &bytes));
    REQUIRE_OK(satchel_arena_copy(arena, satchel_buffer_view(&bytes), &unit));
    satchel_buffer_deinit(&bytes);
    return unit;
}

void sample_request(test_random *random, const satchel_schema *schema, satchel_arena *arena, satchel_buffer *out) {
    satchel_request_head head = {.protocol = 1 + (uint32_t)test_random_below(random, 3),
                                 .schema = (uint32_t)sample_number(random),
                                 .incarnation = test_random_id(random),
                                 .now = sample_moment(random),
                                 .cursor = sample_bytes(random, 40, arena),
                                 .page_bytes = 1024 * (uint32_t)test_random_below(random, 1025),
                                 .settled_through = sample_number(random)};
    head.page_rows = head.page_bytes / 512; /* no draw of its own: what follows stays as it was */
    test_random_bytes(random, head.token_current, sizeof head.token_current);
    test_random_bytes(random, head.token_next, sizeof head.token_next);
    satchel_buffer_clear(out);
    REQUIRE_OK(satchel_request_write_head(&head, out));
    for (uint64_t i = test_random_below(random, 4); i > 0; i--) {
        REQUIRE_OK(satchel_request_write_unit(sample_unit(random, schema, arena), out));
    }
}

void sample_spoil(test_random *random, satchel_buffer *bytes) {
    for (uint64_t i = 1 + test_random_below(random, 3); i > 0 && bytes->bytes > 0; i--) {
        size_t at = (size_t)test_random_below(random, bytes->bytes);
        size_t tail = bytes->bytes - at;
        switch (test_random_below(random, 5)) {
        case 0: bytes->data[at] = (uint8_t)test_random_u64(random); break;
        case 1: bytes->data[at] ^= (uint8_t)(1u << test_random_below(random, 8)); break;
        case 2: bytes->bytes = at; break;
        case 3:
            memmove(bytes->data + at, bytes->data + at + 1, tail - 1);
            bytes->bytes--;
            break;
        default:
            REQUIRE_OK(satchel_buffer_reserve(bytes, 1));
            memmove(bytes->data + at + 1, bytes->data + at, tail);
            bytes->data[at] = test_random_chance(random, 50) ? 0xff : (uint8_t)test_random_u64(random);
            bytes->bytes++;
            break;
        }
    }
}
