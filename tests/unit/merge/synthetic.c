/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The synthetic schema and the world of synthetic.h.
 */
#include "unit/merge/synthetic.h"

#include "base/bytes.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TO(state) (UINT64_C(1) << (state))

static const satchel_choice state_items[] = {
    {PLANNED, "planned", {"", ""}, TO(IN_PROGRESS) | TO(CANCELLED), 0, false, 0},
    {IN_PROGRESS, "in_progress", {"", ""}, TO(COMPLETED) | TO(CANCELLED), 0, false, 0},
    {COMPLETED, "completed", {"", ""}, 0, 2, false, T_EVIDENCE},
    {CANCELLED, "cancelled", {"", ""}, 0, 1, false, 0},
};
static const satchel_choices states = {"State", 4, state_items, PLANNED};

static const satchel_choice stage_items[] = {
    {STAGE_1, "one", {"", ""}, TO(STAGE_2) | TO(STAGE_3) | TO(WON) | TO(LOST), 0, false, 0},
    {STAGE_2, "two", {"", ""}, TO(STAGE_1) | TO(STAGE_3) | TO(WON) | TO(LOST), 0, false, 0},
    {STAGE_3, "three", {"", ""}, TO(STAGE_1) | TO(STAGE_2) | TO(WON) | TO(LOST), 0, false, 0},
    {WON, "won", {"", ""}, 0, 2, false, 0},
    {LOST, "lost", {"", ""}, 0, 1, false, 0},
};
static const satchel_choices stages = {"Stage", 5, stage_items, 0};

static const satchel_choice consent_items[] = {
    {1, "granted", {"", ""}, 0, 0, false, 0},
    {2, "service", {"", ""}, 0, 0, false, 0},
    {3, "refused", {"", ""}, 0, 0, false, 0},
    {4, "withdrawn", {"", ""}, 0, 0, false, 0},
};
static const satchel_choices consents = {"Consent", 4, consent_items, 0};

#define FIELD(number_, type_, policy_, group_, ...)                                                                    \
    {                                                                                                                  \
        .number = (number_), .name = #number_, .type = SATCHEL_TYPE_##type_, .policy = SATCHEL_POLICY_##policy_,       \
        .group = (group_), .max_bytes = 100, .min = INT64_MIN, .max = INT64_MAX, __VA_ARGS__                           \
    }

static const satchel_field thing_fields[] = {
    FIELD(T_LATER, TEXT, LATER, 0, .search = 0),
    FIELD(T_ASK, TEXT, ASK, 0, .search = 0),
    FIELD(T_STRICT, INT, STRICT, 0, .choices = &consents),
    FIELD(T_ONCE, TEXT, ONCE, 0, .search = 0),
    FIELD(T_SET, SET, SET, 0, .element = SATCHEL_TYPE_TEXT),
    FIELD(T_SUM, INT, SUM, 0, .search = 0),
    FIELD(T_MAX, INT, MAX, 0, .search = 0),
    FIELD(T_MIN, INT, MIN, 0, .search = 0),
    FIELD(T_STATE, INT, STATE, 0, .choices = &states),
    FIELD(T_SERVER, TEXT, SERVER, 0, .search = 0),
    FIELD(T_GROUP_A, INT, LATER, 1, .search = 0),
    FIELD(T_LATER_INT, INT, LATER, 0, .search = 0),
    FIELD(T_GROUP_B, INT, LATER, 1, .search = 0),
    FIELD(T_GROUP_C, TEXT, LATER, 1, .sensitivity = SATCHEL_SENSITIVITY_COMMERCIAL),
    FIELD(T_ONCE_GROUP_A, INT, ONCE, 2, .search = 0),
    FIELD(T_ONCE_GROUP_B, INT, ONCE, 2, .search = 0),
    FIELD(T_FIRST_A, INT, ONCE_THEN_ASK, 3, .search = 0),
    FIELD(T_FIRST_B, INT, ONCE_THEN_ASK, 3, .search = 0),
    FIELD(T_ASK_GROUP_A, INT, ASK, 4, .search = 0),
    FIELD(T_ASK_GROUP_B, TEXT, ASK, 4, .search = 0),
    FIELD(T_FLAG, BOOL, STRICT, 0, .search = 0),
    FIELD(T_IDS, SET, SET, 0, .element = SATCHEL_TYPE_ID),
    FIELD(T_DERIVED, INT, LATER, 0, .flags = SATCHEL_FIELD_DERIVED),
    FIELD(T_STAGE, INT, STATE, 0, .choices = &stages),
    FIELD(T_EVIDENCE, INT, ONCE, 0, .search = 0),
    FIELD(T_PERSONAL, TEXT, LATER, 0, .sensitivity = SATCHEL_SENSITIVITY_PERSONAL),
};

static const satchel_field fact_fields[] = {
    FIELD(F_TEXT, TEXT, ONCE, 0, .search = 0),
    FIELD(F_INT, INT, ONCE, 0, .search = 0),
    FIELD(F_SERVER, TEXT, SERVER, 0, .search = 0),
};

#define COUNT_OF(array) (uint32_t)(sizeof(array) / sizeof(array)[0])

static const satchel_entity entities[] = {
    {.number = THING, .name = "thing", .field_count = COUNT_OF(thing_fields), .fields = thing_fields},
    {.number = FACT,
     .name = "fact",
     .flags = SATCHEL_ENTITY_FACT,
     .field_count = COUNT_OF(fact_fields),
     .fields = fact_fields},
};
static const satchel_model model = {1, COUNT_OF(entities), entities};

static const satchel_custom_field customs[] = {
    {THING, FIELD(T_CUSTOM_LATER, TEXT, LATER, 0, .flags = SATCHEL_FIELD_CUSTOM)},
    {THING, FIELD(T_CUSTOM_SET, SET, SET, 0, .flags = SATCHEL_FIELD_CUSTOM, .element = SATCHEL_TYPE_TEXT)},
    {THING, FIELD(T_CUSTOM_ARCHIVED, TEXT, LATER, 0, .flags = SATCHEL_FIELD_CUSTOM | SATCHEL_FIELD_ARCHIVED)},
};
const satchel_schema synthetic_schema = {.model = &model, .custom = customs, .custom_count = COUNT_OF(customs)};

void world_open(world *w, const satchel_schema *schema, uint32_t entity) {
    *w = (world){.schema = schema, .entity = entity, .base_cap = UINT64_MAX};
    satchel_arena_init(&w->arena);
    satchel_merge_row_init(&w->row, &w->arena);
}

void world_close(world *w) {
    satchel_arena_deinit(&w->arena);
}

void world_reset(world *w) {
    satchel_arena_reset(&w->arena);
    satchel_merge_row_init(&w->row, &w->arena);
    w->n = 0;
}

satchel_op *world_op(world *w, satchel_op_kind kind, uint64_t base_n) {
    static const satchel_id row = {{7}};
    satchel_op *op = satchel_arena_take(&w->arena, sizeof *op);
    REQUIRE(op != NULL);
    satchel_op_init(op, kind, w->entity, &row, &w->arena);
    op->base_n = base_n;
    return op;
}

satchel_op *with_text(satchel_op *op, uint32_t field, const char *text) {
    REQUIRE_OK(satchel_record_set_text(&op->set, field, satchel_text_of(text)));
    return op;
}

satchel_op *with_int(satchel_op *op, uint32_t field, int64_t integer) {
    REQUIRE_OK(satchel_record_set_int(&op->set, field, integer));
    return op;
}

satchel_op *with_bool(satchel_op *op, uint32_t field, bool boolean) {
    REQUIRE_OK(satchel_record_set_bool(&op->set, field, boolean));
    return op;
}

satchel_op *with_clear(satchel_op *op, uint32_t field) {
    uint32_t *cleared = satchel_arena_take_array(op->set.arena, op->cleared_count + 1u, sizeof *cleared);
    REQUIRE(cleared != NULL);
    uint32_t at = 0;
    for (; at < op->cleared_count && op->cleared[at] < field; at++) {
        cleared[at] = op->cleared[at];
    }
    cleared[at] = field;
    for (; at < op->cleared_count; at++) {
        cleared[at + 1] = op->cleared[at];
    }
    op->cleared = cleared;
    op->cleared_count++;
    return op;
}

satchel_op *with_from(satchel_op *op, uint32_t field, int64_t state) {
    REQUIRE_OK(satchel_record_set_int(&op->from, field, state));
    return op;
}

static void put_elements(satchel_record *record, uint32_t field, const char *elements) {
    satchel_bytes parts[16];
    uint32_t count = 0;
    for (const char *at = elements; *at != '\0' && count < COUNT_OF(parts);) {
        size_t bytes = strcspn(at, " ");
        parts[count++] = satchel_bytes_of(at, bytes);
        at += bytes + (at[bytes] == ' ' ? 1 : 0);
    }
    satchel_set set;
    REQUIRE_OK(satchel_set_sort(record->arena, parts, count, &set));
    satchel_value value = satchel_value_set(set.elements, set.count);
    REQUIRE_OK(satchel_record_set(record, field, &value));
}

satchel_op *with_added(satchel_op *op, uint32_t field, const char *elements) {
    put_elements(&op->set, field, elements);
    return op;
}

satchel_op *with_removed(satchel_op *op, uint32_t field, const char *elements) {
    put_elements(&op->removed, field, elements);
    return op;
}

/* What the server's column does to the versions between two ops. */
static void pass_through_bytes(world *w) {
    satchel_buffer buffer;
    satchel_buffer_init(&buffer);
    REQUIRE_OK(satchel_versions_encode(&w->row.versions, &buffer));
    satchel_versions_init(&w->row.versions, &w->arena);
    REQUIRE_OK(satchel_versions_decode(satchel_buffer_view(&buffer), &w->row.versions));
    satchel_buffer_deinit(&buffer);
}

satchel_status world_try(world *w, uint64_t lineage, uint64_t sequence, int64_t stamp_ms, const satchel_op *op) {
    satchel_writer before = {lineage, sequence > 0 ? sequence - 1 : 0};
    satchel_merge_context context = {.schema = w->schema,
                                     .n = ++w->n,
                                     .stamp_ms = stamp_ms,
                                     .writer = {lineage, sequence},
                                     .ancestry = {&before, 1},
                                     .base_cap = w->base_cap};
    satchel_merge_outcome_init(&w->outcome, &w->arena);
    satchel_status status = satchel_merge_apply(&context, &w->row, op, &w->outcome, &w->error);
    if (w->n % 4 == 0) {
        pass_through_bytes(w);
    }
    return status;
}

void world_apply(world *w, uint64_t lineage, uint64_t sequence, int64_t stamp_ms, const satchel_op *op) {
    REQUIRE_OK(world_try(w, lineage, sequence, stamp_ms, op));
}

static char *printed(satchel_arena *arena, const satchel_buffer *buffer) {
    char *text = satchel_arena_text(arena, satchel_text_from(satchel_buffer_view(buffer)));
    REQUIRE(text != NULL);
    return text;
}

const char *show_value(satchel_arena *arena, const satchel_value *value) {
    satchel_buffer out;
    satchel_buffer_init(&out);
    satchel_status status = SATCHEL_OK;
    if (value == NULL || value->type == SATCHEL_TYPE_NULL) {
        status = satchel_buffer_append_format(&out, "-");
    } else if (value->type == SATCHEL_TYPE_BOOL) {
        status = satchel_buffer_append_format(&out, "%s", value->as.boolean ? "true" : "false");
    } else if (value->type == SATCHEL_TYPE_TEXT) {
        status = satchel_buffer_append(&out, value->as.bytes);
    } else if (value->type == SATCHEL_TYPE_SET) {
        status = satchel_buffer_append_byte(&out, '{');
        for (uint32_t i = 0; i < value->as.set.count && status == SATCHEL_OK; i++) {
            status = i > 0 ? satchel_buffer_append_byte(&out, ' ') : SATCHEL_OK;
            status = status == SATCHEL_OK ? satchel_buffer_append(&out, value->as.set.elements[i]) : status;
        }
        status = status == SATCHEL_OK ? satchel_buffer_append_byte(&out, '}') : status;
    } else {
        status = satchel_buffer_append_format(&out, "%lld", (long long)value->as.integer);
    }
    REQUIRE_OK(status);
    const char *text = printed(arena, &out);
    satchel_buffer_deinit(&out);
    return text;
}

const char *show_field(satchel_arena *arena, const satchel_record *record, uint32_t field) {
    return show_value(arena, satchel_record_get(record, field));
}

const char *world_show(world *w, uint32_t field) {
    return show_field(&w->arena, &w->row.value, field);
}

const char *world_loss(world *w, uint32_t index) {
    static const char *const kinds[] = {"?", "op", "current", "ask"};
    if (index >= w->outcome.loss_count) {
        return "none";
    }
    const satchel_loss *loss = &w->outcome.losses[index];
    satchel_buffer out;
    satchel_buffer_init(&out);
    REQUIRE_OK(satchel_buffer_append_format(
        &out, "%s %s %u %s/%s", kinds[loss->kind], satchel_status_name(loss->reason), (unsigned)loss->field,
        show_field(&w->arena, &loss->winner, loss->field), show_field(&w->arena, &loss->loser, loss->field)));
    const char *text = printed(&w->arena, &out);
    satchel_buffer_deinit(&out);
    return text;
}

const satchel_loss *loss_of(const world *w, uint32_t index) {
    REQUIRE(index < w->outcome.loss_count);
    return &w->outcome.losses[index];
}

/* ---- random ops ---- */

static bool is_wanted(const satchel_field *field, const random_options *options) {
    if ((field->flags & SATCHEL_FIELD_META) != 0 || field->number == SATCHEL_FIELD_ID) {
        return false;
    }
    bool unruly = (field->flags & (SATCHEL_FIELD_DERIVED | SATCHEL_FIELD_ARCHIVED)) != 0;
    switch (field->policy) {
    case SATCHEL_POLICY_STATE: return options->states;
    case SATCHEL_POLICY_ASK:
    case SATCHEL_POLICY_ONCE:
    case SATCHEL_POLICY_ONCE_THEN_ASK:
    case SATCHEL_POLICY_SERVER: return options->uncommuting;
    default: return options->uncommuting || !unruly;
    }
}

static void random_elements(satchel_record *record, test_random *random, const satchel_field *field) {
    static const char *const words[] = {"a", "b", "c", "d"};
    static const uint8_t ids[4][SATCHEL_ID_BYTES] = {{1}, {2}, {3}, {4}};
    satchel_bytes picked[4];
    uint32_t count = 0;
    for (uint32_t i = 0; i < 4; i++) {
        if (test_random_chance(random, 35)) {
            picked[count++] = field->element == SATCHEL_TYPE_ID ? satchel_bytes_of(ids[i], SATCHEL_ID_BYTES)
                                                                : satchel_bytes_of(words[i], 1);
        }
    }
    satchel_value value = satchel_value_set(picked, count);
    if (count > 0) {
        REQUIRE_OK(satchel_record_set(record, field->number, &value));
    }
}

static satchel_value random_scalar(test_random *random, const satchel_field *field) {
    static const char *const words[] = {"ant", "bee", "cat", "dog", "elk"};
    static const uint8_t ids[3][SATCHEL_ID_BYTES] = {{1}, {2}, {3}};
    int64_t small = test_random_between(random, -3, 3);
    if (field->choices != NULL) {
        const satchel_choices *choices = field->choices;
        return satchel_value_int(choices->items[test_random_below(random, choices->count)].value);
    }
    const uint8_t *picked = ids[test_random_below(random, 3)];
    satchel_id id;
    memcpy(id.bytes, picked, sizeof id.bytes);
    switch (field->type) {
    case SATCHEL_TYPE_BOOL: return satchel_value_bool(small > 0);
    case SATCHEL_TYPE_REAL: return satchel_value_real((double)small / 2);
    case SATCHEL_TYPE_TEXT:
        return satchel_value_text(satchel_text_of(words[test_random_below(random, COUNT_OF(words))]));
    case SATCHEL_TYPE_BYTES: return satchel_value_bytes(satchel_bytes_of(picked, SATCHEL_ID_BYTES));
    case SATCHEL_TYPE_ID: return satchel_value_id(&id);
    case SATCHEL_TYPE_TIME: return satchel_value_time(small);
    default: return satchel_value_int(small);
    }
}

static void random_field(satchel_op *op, test_random *random, const satchel_field *field) {
    bool combines = field->policy == SATCHEL_POLICY_SUM || field->policy == SATCHEL_POLICY_MAX ||
                    field->policy == SATCHEL_POLICY_MIN || field->policy == SATCHEL_POLICY_STATE;
    if (field->type == SATCHEL_TYPE_SET) {
        random_elements(&op->set, random, field);
        if (field->policy == SATCHEL_POLICY_SET && satchel_record_get(&op->set, field->number) == NULL) {
            random_elements(&op->removed, random, field);
        }
        return;
    }
    if (!combines && test_random_chance(random, 12)) {
        (void)with_clear(op, field->number);
        return;
    }
    satchel_value value = random_scalar(random, field);
    REQUIRE_OK(satchel_record_set(&op->set, field->number, &value));
}

/* A group is touched as a whole. */
static void random_cell(world *w, satchel_op *op, test_random *random, const satchel_field *field) {
    const satchel_field *other;
    for (uint32_t i = 0; (other = satchel_schema_field_at(w->schema, w->entity, i)) != NULL; i++) {
        if (satchel_versions_same_cell(field, other) && !satchel_op_touches(op, other->number)) {
            random_field(op, random, other);
        }
    }
}

satchel_op *random_op(world *w, test_random *random, uint64_t base_n, const random_options *options) {
    if (options->deletes && test_random_chance(random, 10)) {
        return world_op(w, SATCHEL_OP_DELETE, base_n);
    }
    satchel_op *op = world_op(w, SATCHEL_OP_EDIT, base_n);
    uint32_t count = 0;
    while (satchel_schema_field_at(w->schema, w->entity, count) != NULL) {
        count++;
    }
    uint64_t cells = 1 + test_random_below(random, options->cells);
    for (uint64_t i = 0; i < cells; i++) {
        uint32_t index = (uint32_t)test_random_below(random, count);
        const satchel_field *field = satchel_schema_field_at(w->schema, w->entity, index);
        if (is_wanted(field, options)) {
            random_cell(w, op, random, field);
        }
    }
    return op;
}
