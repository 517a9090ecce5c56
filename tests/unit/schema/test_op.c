/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops: bases and their exceptions, what an op touches, deep copies.
 */
#include "base/memory.h"
#include "base/text.h"
#include "satchel/model.h"
#include "schema/op.h"
#include "support/test.h"

#include <string.h>

static const satchel_id row = {{1, 2, 3}};

TEST(op, begins_with_nothing_said) {
    satchel_arena arena = {0};
    satchel_op op;
    memset(&op, 0xFF, sizeof op);
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &row, &arena);
    CHECK_INT(op.kind, SATCHEL_OP_EDIT);
    CHECK_UINT(op.entity, SATCHEL_ENTITY_CUSTOMER);
    CHECK_ID(&op.row, &row);
    CHECK_UINT(op.sequence + op.base_n + op.exception_count + op.cleared_count + op.target + op.command, 0);
    CHECK_UINT(op.set.count + op.removed.count + op.from.count, 0);
    CHECK(op.set.arena == &arena && op.removed.arena == &arena && op.from.arena == &arena);
    satchel_arena_deinit(&arena);
}

TEST(op, the_base_holds_for_all_fields_but_the_exceptions) {
    const satchel_base_exception exceptions[] = {{3, 11}, {7, 0}};
    satchel_arena arena = {0};
    satchel_op op;
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &row, &arena);
    op.base_n = 40;
    op.exceptions = exceptions;
    op.exception_count = 2;
    CHECK_UINT(satchel_op_base(&op, 2), 40);
    CHECK_UINT(satchel_op_base(&op, 3), 11);
    CHECK_UINT(satchel_op_base(&op, 7), 0);
    CHECK_UINT(satchel_op_base(&op, 8), 40);
    satchel_arena_deinit(&arena);
}

TEST(op, touches_what_it_sets_removes_or_clears) {
    const uint32_t cleared[] = {5, 900000};
    satchel_arena arena = {0};
    satchel_op op;
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &row, &arena);
    REQUIRE_OK(satchel_record_set_int(&op.set, 2, 1));
    REQUIRE_OK(satchel_record_set_int(&op.removed, 3, 1));
    REQUIRE_OK(satchel_record_set_int(&op.from, 4, 1));
    op.cleared = cleared;
    op.cleared_count = 2;
    CHECK(satchel_op_touches(&op, 2) && !satchel_op_clears(&op, 2));
    CHECK(satchel_op_touches(&op, 3));
    CHECK(!satchel_op_touches(&op, 4)); /* only seen */
    CHECK(satchel_op_touches(&op, 5) && satchel_op_clears(&op, 5));
    CHECK(satchel_op_clears(&op, 900000));
    CHECK(!satchel_op_touches(&op, 6));
    satchel_arena_deinit(&arena);
}

/* An op that says something in every place. */
static satchel_op full_op(satchel_arena *arena) {
    static const satchel_base_exception exceptions[] = {{3, 11}};
    static const uint32_t cleared[] = {5};
    satchel_op op;
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &row, arena);
    REQUIRE_OK(satchel_record_set_text(&op.set, 2, satchel_text_of("new name")));
    REQUIRE_OK(satchel_record_set_int(&op.removed, 3, 3));
    REQUIRE_OK(satchel_record_set_int(&op.from, 4, 4));
    op.sequence = 12;
    op.exceptions = exceptions;
    op.exception_count = 1;
    op.cleared = cleared;
    op.cleared_count = 1;
    op.set.tail = satchel_bytes_of("\x98\x06\x01", 3);
    return op;
}

TEST(op, a_copy_stands_alone) {
    satchel_arena source = {0}, target = {0};
    satchel_op op = full_op(&source), copy;
    REQUIRE_OK(satchel_op_copy(&target, &op, &copy));
    CHECK(satchel_record_equal(&op.set, &copy.set));
    CHECK(copy.exceptions != op.exceptions && copy.cleared != op.cleared && copy.set.tail.data != op.set.tail.data);
    satchel_arena_deinit(&source);
    CHECK_TEXT(satchel_record_text(&copy.set, 2), "new name");
    CHECK_INT(satchel_record_int(&copy.removed, 3, 0), 3);
    CHECK_INT(satchel_record_int(&copy.from, 4, 0), 4);
    CHECK_UINT(satchel_op_base(&copy, 3), 11);
    CHECK(satchel_op_clears(&copy, 5));
    CHECK_UINT(copy.sequence, 12);
    CHECK_UINT(copy.set.tail.bytes, 3);
    satchel_arena_deinit(&target);
}

TEST(op, a_copy_without_memory_leaves_the_target) {
    satchel_arena source = {0}, target = {0};
    satchel_op op = full_op(&source), copy;
    memset(&copy, 0, sizeof copy);
    satchel_memory_fail_at(1, 1);
    CHECK_STATUS(satchel_op_copy(&target, &op, &copy), SATCHEL_NO_MEMORY);
    satchel_memory_fail_at(0, 0);
    CHECK_UINT(copy.sequence, 0);
    satchel_arena_deinit(&source);
    satchel_arena_deinit(&target);
}
