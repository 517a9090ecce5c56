/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back: the inverse of an op, applied by the same lineage, gives the row as it was.
 */
#include "unit/merge/synthetic.h"

static satchel_op *inverse_of(world *w, const satchel_record *before, const satchel_op *op) {
    satchel_op *inverse = world_op(w, SATCHEL_OP_EDIT, 0);
    REQUIRE_OK(satchel_merge_invert(w->schema, before, op, inverse));
    return inverse;
}

TEST(merge_invert, an_edit_is_taken_back_field_by_field) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    satchel_op *create = with_added(with_text(world_op(&w, SATCHEL_OP_CREATE, 0), T_LATER, "old"), T_SET, "a b");
    create = with_added(create, T_CUSTOM_SET, "x y");
    world_apply(&w, 1, 1, 0, with_int(with_int(create, T_SUM, 3), T_STAGE, STAGE_1));
    satchel_record before = w.row.value;
    satchel_op *op = with_removed(with_added(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "b c"), T_SET, "a");
    op = with_int(with_int(with_text(with_clear(with_clear(op, T_LATER), T_CUSTOM_SET), T_ASK, "new"), T_SUM, 4),
                  T_STAGE, STAGE_2);
    world_apply(&w, 1, 2, 1, op);
    satchel_op *inverse = inverse_of(&w, &before, op);
    CHECK_INT(inverse->kind, SATCHEL_OP_EDIT);
    CHECK_TEXT(show_field(&w.arena, &inverse->removed, T_SET), "{c}");
    CHECK_TEXT(show_field(&w.arena, &inverse->set, T_SET), "{a}");
    CHECK_TEXT(show_field(&w.arena, &inverse->set, T_CUSTOM_SET), "{x y}");
    CHECK_TEXT(show_field(&w.arena, &inverse->set, T_SUM), "-4");
    CHECK_TEXT(show_field(&w.arena, &inverse->from, T_STAGE), "2");
    world_apply(&w, 1, 3, 2, inverse);
    CHECK(satchel_record_equal(&before, &w.row.value));
    world_close(&w);
}

TEST(merge_invert, a_create_becomes_a_delete_and_a_delete_a_restore) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    satchel_op *create = world_op(&w, SATCHEL_OP_CREATE, 0);
    world_apply(&w, 1, 1, 0, create);
    world_apply(&w, 1, 2, 0, inverse_of(&w, &w.row.value, create));
    CHECK(w.row.deleted);
    satchel_op *delete = world_op(&w, SATCHEL_OP_DELETE, 1);
    world_apply(&w, 1, 3, 0, inverse_of(&w, &w.row.value, delete));
    CHECK(!w.row.deleted && w.outcome.restored);
    world_close(&w);
}

TEST(merge_invert, what_stands_for_ever_is_left_out) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    world_apply(&w, 1, 1, 0, world_op(&w, SATCHEL_OP_CREATE, 0));
    satchel_op *op = with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_MAX, 4), T_MIN, 4);
    op = with_text(with_text(op, T_ONCE, "once"), T_SERVER, "server");
    satchel_op *inverse = inverse_of(&w, &w.row.value, op);
    CHECK_UINT(inverse->set.count + inverse->removed.count + inverse->cleared_count, 0);
    world_close(&w);
}

TEST(merge_invert, what_has_no_inverse_is_refused) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    satchel_op *out = world_op(&w, SATCHEL_OP_EDIT, 0);
    satchel_op *op = with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_SUM, INT64_MIN);
    CHECK_STATUS(satchel_merge_invert(&synthetic_schema, &w.row.value, op, out), SATCHEL_OUT_OF_RANGE);
    op->kind = SATCHEL_OP_VOID;
    CHECK_STATUS(satchel_merge_invert(&synthetic_schema, &w.row.value, op, out), SATCHEL_MISUSE);
    op->entity = 99;
    CHECK_STATUS(satchel_merge_invert(&synthetic_schema, &w.row.value, op, out), SATCHEL_UNKNOWN_ENTITY);
    world_close(&w);
}

TEST(merge_invert, any_edit_of_invertible_fields_is_taken_back) {
    test_random random = test_random_of(401);
    random_options options = {.cells = 4};
    world w;
    world_open(&w, &synthetic_schema, THING);
    for (unsigned i = 0; i < 100000; i++) {
        world_reset(&w);
        world_apply(&w, 1, 1, 0,
                    with_int(world_op(&w, SATCHEL_OP_CREATE, 0), T_SUM, 0)); /* no sum goes back to empty */
        world_apply(&w, 1, 2, 0, random_op(&w, &random, 1, &options));
        satchel_record before = w.row.value;
        satchel_op *op = random_op(&w, &random, 1, &options);
        satchel_record_remove(&op->set, T_MAX);
        satchel_record_remove(&op->set, T_MIN);
        world_apply(&w, 1, 3, 1, op);
        world_apply(&w, 1, 4, 2, inverse_of(&w, &before, op));
        REQUIRE(satchel_record_equal(&before, &w.row.value));
    }
    world_close(&w);
}
