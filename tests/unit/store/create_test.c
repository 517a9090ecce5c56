/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The short way for new rows: what a CREATE alone shows is what merging it would show, for random rows of every entity.
 */
#include "kit.h"

#include "merge/merge.h"
#include "store/rows.h"
#include "support/random.h"

/* A choice that validation lets pass: of a state, one that the initial state leads to. */
static int64_t random_choice(test_random *random, const satchel_field *field) {
    for (;;) {
        int64_t value = field->choices->items[test_random_below(random, field->choices->count)].value;
        if (field->policy != SATCHEL_POLICY_STATE ||
            satchel_choices_reach(field->choices, field->choices->initial, value)) {
            return value;
        }
    }
}

static satchel_value random_value(test_random *random, const satchel_field *field, satchel_arena *arena) {
    static const char *const texts[] = {"", "a", "Ningbo", "\xe5\x8d\x8e"};
    satchel_text text = satchel_text_of(texts[test_random_below(random, 4)]);
    satchel_bytes elements[3];
    satchel_set set;
    satchel_id id = test_random_id(random);
    switch ((satchel_type)field->type) {
    case SATCHEL_TYPE_BOOL: return satchel_value_bool(test_random_chance(random, 50));
    case SATCHEL_TYPE_INT:
        return satchel_value_int(field->choices != NULL ? random_choice(random, field)
                                                        : test_random_between(random, -6, 6));
    case SATCHEL_TYPE_TIME: return satchel_value_time(test_random_between(random, -5, 5));
    case SATCHEL_TYPE_REAL: return satchel_value_real((double)test_random_between(random, -3, 3) / 2);
    case SATCHEL_TYPE_TEXT: return satchel_value_text(text);
    case SATCHEL_TYPE_BYTES: return satchel_value_bytes(satchel_text_bytes(text));
    case SATCHEL_TYPE_ID: return satchel_value_id(&id);
    case SATCHEL_TYPE_SET:
        for (int i = 0; i < 3; i++) {
            elements[i] = satchel_text_bytes(satchel_text_of(texts[1 + test_random_below(random, 3)]));
        }
        REQUIRE_OK(satchel_set_sort(arena, elements, 3, &set));
        return satchel_value_set(set.elements, set.count);
    case SATCHEL_TYPE_NULL: break;
    }
    return satchel_value_null();
}

static void fill_create(test_random *random, const satchel_entity *entity, satchel_arena *arena, satchel_op *op) {
    const satchel_id id = test_random_id(random);
    satchel_op_init(op, SATCHEL_OP_CREATE, entity->number, &id, arena);
    op->sequence = 1;
    for (uint32_t i = 0; i < entity->field_count; i++) {
        const satchel_field *field = &entity->fields[i];
        bool odd = field->policy == SATCHEL_POLICY_SERVER || (field->flags & SATCHEL_FIELD_META) != 0;
        if (field->number != SATCHEL_FIELD_ID && test_random_chance(random, odd ? 1 : 30)) {
            satchel_value value = random_value(random, field, arena);
            REQUIRE_OK(satchel_record_set(&op->set, field->number, &value));
        }
    }
}

TEST(store_create, a_new_row_shows_what_merging_would_show) {
    enum { CASES = 30000 };
    store_kit kit = kit_open(NULL);
    test_random random = test_random_of(21);
    satchel_arena arena = {0};
    const satchel_model *model = &satchel_generated_model;
    for (uint32_t i = 0; i < CASES; i++) {
        satchel_merge_context context = {.schema = satchel_store_schema(kit.store), .base_cap = UINT64_MAX};
        satchel_op op;
        satchel_record merged;
        satchel_record shown;
        bool deleted = true;
        bool is_shown = false;
        satchel_arena_reset(&arena);
        satchel_record_init(&merged, &arena);
        satchel_record_init(&shown, &arena);
        fill_create(&random, &model->entities[test_random_below(&random, model->entity_count)], &arena, &op);
        REQUIRE_OK(satchel_merge_rebase(&context, NULL, NULL, &op, 1, &merged, &deleted, NULL));
        REQUIRE_OK(satchel_overlay_show(kit.store, NULL, &op, 1, &shown, &is_shown, NULL));
        REQUIRE(is_shown);
        if (!deleted) {
            test_note("case %u, entity %u", i, op.entity);
            REQUIRE(satchel_record_equal(&shown, &merged));
        }
    }
    satchel_arena_deinit(&arena);
    kit_close(&kit);
}
