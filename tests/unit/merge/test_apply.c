/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: creating, deleting, restoring, facts, bases, unknown fields, and the row that is whole after an error.
 */
#include "unit/merge/synthetic.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#include <string.h>

static void open_seen(world *w, uint32_t entity) {
    world_open(w, &synthetic_schema, entity);
    world_apply(w, 9, 1, 0, world_op(w, SATCHEL_OP_CREATE, 0));
}

TEST(merge_apply, a_create_makes_the_row_in_its_initial_states) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    world_apply(&w, 1, 1, 10, with_text(world_op(&w, SATCHEL_OP_CREATE, 0), T_LATER, "a"));
    CHECK(w.outcome.created && w.outcome.moved && w.row.exists && !w.row.deleted);
    CHECK_TEXT(world_show(&w, T_LATER), "a");
    CHECK_TEXT(world_show(&w, T_STATE), "1");
    CHECK_TEXT(world_show(&w, T_STAGE), "-");
    REQUIRE_UINT(w.outcome.changed_count, 2);
    CHECK_UINT(w.outcome.changed[0], T_LATER);
    CHECK_UINT(w.outcome.changed[1], T_STATE);
    world_close(&w);
}

TEST(merge_apply, a_create_may_give_a_later_state) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    world_apply(&w, 1, 1, 10, with_int(world_op(&w, SATCHEL_OP_CREATE, 0), T_STATE, IN_PROGRESS));
    CHECK_TEXT(world_show(&w, T_STATE), "2");
    CHECK_UINT(w.outcome.loss_count, 0);
    world_close(&w);
}

TEST(merge_apply, two_creates_of_one_row_merge) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    world_apply(&w, 1, 1, 10, with_text(with_text(world_op(&w, SATCHEL_OP_CREATE, 0), T_LATER, "a"), T_ASK, "same"));
    world_apply(&w, 2, 1, 11, with_text(with_text(world_op(&w, SATCHEL_OP_CREATE, 0), T_LATER, "b"), T_ASK, "same"));
    CHECK(!w.outcome.created);
    CHECK_TEXT(world_show(&w, T_LATER), "b");
    CHECK_UINT(w.outcome.loss_count, 1);
    world_close(&w);
}

TEST(merge_apply, what_is_not_there_cannot_be_edited_or_deleted) {
    world w;
    world_open(&w, &synthetic_schema, THING);
    CHECK_STATUS(world_try(&w, 1, 1, 10, with_text(world_op(&w, SATCHEL_OP_EDIT, 0), T_LATER, "a")), SATCHEL_NOT_FOUND);
    CHECK_STATUS(world_try(&w, 1, 1, 10, world_op(&w, SATCHEL_OP_DELETE, 0)), SATCHEL_NOT_FOUND);
    CHECK(!w.row.exists);
    world_close(&w);
}

TEST(merge_apply, other_kinds_entities_and_fields_are_refused) {
    world w;
    open_seen(&w, THING);
    satchel_op *op = world_op(&w, SATCHEL_OP_VOID, 0);
    CHECK_STATUS(world_try(&w, 1, 1, 10, op), SATCHEL_INVALID_ARGUMENT);
    op->kind = SATCHEL_OP_COMMAND;
    CHECK_STATUS(world_try(&w, 1, 1, 10, op), SATCHEL_INVALID_ARGUMENT);
    op->kind = SATCHEL_OP_EDIT;
    op->entity = 77;
    CHECK_STATUS(world_try(&w, 1, 1, 10, op), SATCHEL_UNKNOWN_ENTITY);
    op->entity = THING;
    CHECK_STATUS(world_try(&w, 1, 1, 10, with_int(op, 99, 1)), SATCHEL_UNKNOWN_FIELD);
    CHECK_UINT(w.error.field, 99);
    world_close(&w);
}

TEST(merge_apply, edits_of_different_fields_always_merge) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_ASK, "a"));
    world_apply(&w, 2, 1, 9, with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_LATER, "b"));
    CHECK_UINT(w.outcome.loss_count, 0);
    CHECK_TEXT(world_show(&w, T_ASK), "a");
    CHECK_TEXT(world_show(&w, T_LATER), "b");
    world_close(&w);
}

TEST(merge_apply, a_base_exception_holds_for_its_field_only) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, with_text(with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_ASK, "a"), T_PERSONAL, "p"));
    satchel_base_exception exception = {T_ASK, 1};
    satchel_op *op = with_text(with_text(world_op(&w, SATCHEL_OP_EDIT, 2), T_ASK, "b"), T_PERSONAL, "q");
    op->exceptions = &exception;
    op->exception_count = 1;
    world_apply(&w, 2, 1, 11, op);
    CHECK_UINT(w.outcome.loss_count, 1);
    CHECK_TEXT(world_loss(&w, 0), "ask OVERTAKEN 3 a/b");
    CHECK_TEXT(world_show(&w, T_PERSONAL), "q");
    world_close(&w);
}

TEST(merge_apply, an_exception_for_any_member_holds_for_its_group) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10,
                with_text(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_ASK_GROUP_A, 1), T_ASK_GROUP_B, "a"));
    satchel_base_exception exception = {T_ASK_GROUP_B, 1};
    satchel_op *op = with_text(with_int(world_op(&w, SATCHEL_OP_EDIT, 2), T_ASK_GROUP_A, 1), T_ASK_GROUP_B, "b");
    op->exceptions = &exception;
    op->exception_count = 1;
    world_apply(&w, 2, 1, 11, op);
    CHECK_UINT(w.outcome.loss_count, 1);
    CHECK_TEXT(world_show(&w, T_ASK_GROUP_B), "a");
    world_close(&w);
}

TEST(merge_apply, bases_of_an_ended_epoch_are_capped) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_ASK, "a"));
    w.base_cap = 1;
    world_apply(&w, 2, 1, 11, with_text(world_op(&w, SATCHEL_OP_EDIT, 500), T_ASK, "b"));
    CHECK_TEXT(world_loss(&w, 0), "ask OVERTAKEN 3 a/b");
    w.base_cap = 2;
    world_apply(&w, 2, 2, 11, with_text(world_op(&w, SATCHEL_OP_EDIT, 500), T_ASK, "b"));
    CHECK_TEXT(world_loss(&w, 0), "none");
    world_close(&w);
}

TEST(merge_apply, an_ancestor_incarnation_is_the_same_lineage) {
    satchel_writer known[] = {{5, 0}, {1, 7}};
    satchel_merge_context context = {.schema = &synthetic_schema,
                                     .n = 3,
                                     .stamp_ms = 1,
                                     .writer = {5, 1},
                                     .ancestry = {known, 2},
                                     .base_cap = UINT64_MAX};
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 7, 10, with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_ASK, "a"));
    satchel_op *op = with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_ASK, "b");
    satchel_merge_outcome_init(&w.outcome, &w.arena);
    REQUIRE_OK(satchel_merge_apply(&context, &w.row, op, &w.outcome, NULL));
    CHECK_TEXT(world_show(&w, T_ASK), "b");
    world_apply(&w, 1, 8, 10, with_text(world_op(&w, SATCHEL_OP_EDIT, 3), T_ASK, "after the fork"));
    satchel_merge_outcome_init(&w.outcome, &w.arena);
    REQUIRE_OK(satchel_merge_apply(&context, &w.row, op, &w.outcome, NULL));
    CHECK_UINT(w.outcome.loss_count, 1);
    world_close(&w);
}

/* ---- deleting ---- */

TEST(merge_apply, a_delete_of_what_was_seen_deletes) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, world_op(&w, SATCHEL_OP_DELETE, 1));
    CHECK(w.row.deleted && w.outcome.deleted && w.outcome.moved);
    CHECK_UINT(w.outcome.loss_count, 0);
    world_apply(&w, 2, 1, 10, world_op(&w, SATCHEL_OP_DELETE, 1));
    CHECK(w.row.deleted && !w.outcome.deleted && !w.outcome.moved);
    world_close(&w);
}

TEST(merge_apply, an_edit_that_the_deleter_did_not_see_stands) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_LATER, "a"));
    world_apply(&w, 2, 1, 11, world_op(&w, SATCHEL_OP_DELETE, 1));
    CHECK(!w.row.deleted && !w.outcome.deleted);
    CHECK_TEXT(world_loss(&w, 0), "ask OVERTAKEN 906 false/true");
    CHECK_UINT(loss_of(&w, 0)->winner_version.writer.incarnation, 1);
    CHECK_UINT(loss_of(&w, 0)->loser_version.writer.incarnation, 2);
    world_apply(&w, 1, 2, 12, world_op(&w, SATCHEL_OP_DELETE, 1));
    CHECK(w.row.deleted);
    world_close(&w);
}

TEST(merge_apply, what_the_server_fills_in_does_not_stop_a_delete) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 0, 0, 10, with_int(with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_SERVER, "s"), T_DERIVED, 4));
    world_apply(&w, 9, 2, 11, world_op(&w, SATCHEL_OP_DELETE, 0));
    CHECK(w.row.deleted);
    world_close(&w);
}

TEST(merge_apply, an_edit_that_did_not_see_the_delete_restores_the_row) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, world_op(&w, SATCHEL_OP_DELETE, 1));
    world_apply(&w, 2, 1, 9, with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_LATER, "a"));
    CHECK(!w.row.deleted && w.outcome.restored);
    CHECK_TEXT(world_loss(&w, 0), "ask OVERTAKEN 906 false/true");
    CHECK_UINT(loss_of(&w, 0)->loser_version.writer.incarnation, 1);
    CHECK_TEXT(world_show(&w, T_LATER), "a");
    world_close(&w);
}

TEST(merge_apply, an_edit_by_someone_who_saw_the_delete_is_refused) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, world_op(&w, SATCHEL_OP_DELETE, 1));
    satchel_op *late = with_text(world_op(&w, SATCHEL_OP_EDIT, 2), T_LATER, "a");
    CHECK_STATUS(world_try(&w, 2, 1, 11, late), SATCHEL_NOT_FOUND);
    satchel_op *own = with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_LATER, "a");
    CHECK_STATUS(world_try(&w, 1, 2, 11, own), SATCHEL_NOT_FOUND);
    CHECK(w.row.deleted);
    CHECK_TEXT(world_show(&w, T_LATER), "-");
    world_close(&w);
}

TEST(merge_apply, an_explicit_restore_brings_the_row_back_without_asking) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, world_op(&w, SATCHEL_OP_DELETE, 1));
    world_apply(&w, 0, 0, 11, with_bool(world_op(&w, SATCHEL_OP_EDIT, 2), SATCHEL_FIELD_DELETED, false));
    CHECK(!w.row.deleted && w.outcome.restored);
    CHECK_UINT(w.outcome.loss_count, 0);
    world_apply(&w, 2, 1, 12, world_op(&w, SATCHEL_OP_DELETE, 1));
    CHECK_TEXT(world_loss(&w, 0), "ask OVERTAKEN 906 false/true");
    world_close(&w);
}

/* ---- facts ---- */

TEST(merge_apply, a_fact_is_created_once_and_never_edited) {
    world w;
    world_open(&w, &synthetic_schema, FACT);
    world_apply(&w, 1, 1, 10, with_text(world_op(&w, SATCHEL_OP_CREATE, 0), F_TEXT, "a"));
    CHECK_STATUS(world_try(&w, 1, 2, 11, with_text(world_op(&w, SATCHEL_OP_EDIT, 2), F_TEXT, "b")), SATCHEL_IMMUTABLE);
    world_apply(&w, 2, 1, 12, with_int(with_text(world_op(&w, SATCHEL_OP_CREATE, 0), F_TEXT, "b"), F_INT, 5));
    CHECK_TEXT(world_show(&w, F_TEXT), "a");
    CHECK_TEXT(world_show(&w, F_INT), "-");
    CHECK_TEXT(world_loss(&w, 0), "op ALREADY_EXISTS 2 a/b");
    CHECK_TEXT(world_loss(&w, 1), "op ALREADY_EXISTS 3 -/5");
    world_apply(&w, 0, 0, 13, with_text(world_op(&w, SATCHEL_OP_EDIT, w.n), F_SERVER, "flag"));
    CHECK_TEXT(world_show(&w, F_SERVER), "flag");
    world_close(&w);
}

/* ---- unknown fields ---- */

static satchel_op *with_tail(satchel_op *op, const void *bytes, size_t count) {
    REQUIRE_OK(satchel_arena_copy(op->set.arena, satchel_bytes_of(bytes, count), &op->set.tail));
    return op;
}

TEST(merge_apply, unknown_fields_go_to_the_tail_and_a_later_scalar_replaces) {
    /* field 600 varint, field 601 text */
    static const uint8_t one[] = {0xC0, 0x25, 0x01, 0xCA, 0x25, 0x01, 'a'};
    static const uint8_t two[] = {0xC0, 0x25, 0x02, 0xCA, 0x25, 0x01, 'b'};
    static const uint8_t joined[] = {0xCA, 0x25, 0x01, 'a', 0xC0, 0x25, 0x02, 0xCA, 0x25, 0x01, 'b'};
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, with_tail(world_op(&w, SATCHEL_OP_EDIT, 1), one, sizeof one));
    CHECK_BYTES(w.row.value.tail, satchel_bytes_of(one, sizeof one));
    CHECK(w.outcome.moved);
    world_apply(&w, 1, 2, 11, with_tail(world_op(&w, SATCHEL_OP_EDIT, 1), two, sizeof two));
    CHECK_BYTES(w.row.value.tail, satchel_bytes_of(joined, sizeof joined));
    world_apply(&w, 1, 3, 12, with_tail(world_op(&w, SATCHEL_OP_EDIT, 1), two, sizeof two));
    CHECK_BYTES(w.row.value.tail, satchel_bytes_of(joined, sizeof joined));
    world_close(&w);
}

TEST(merge_apply, a_malformed_tail_is_refused_and_changes_nothing) {
    static const struct {
        uint8_t bytes[4];
        size_t count;
    } bad[] = {{{0xC0}, 1},       {{0xC0, 0x25}, 2},    {{0xCA, 0x25, 0x02, 'a'}, 4},
               {{0xC3, 0x25}, 2}, {{0xC1, 0x25, 1}, 3}, {{0xC5, 0x25, 1}, 3}};
    world w;
    open_seen(&w, THING);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        test_note("case %zu", i);
        satchel_op *op =
            with_tail(with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_LATER, "a"), bad[i].bytes, bad[i].count);
        CHECK_STATUS(world_try(&w, 1, 1, 10, op), SATCHEL_MALFORMED);
        CHECK_TEXT(world_show(&w, T_LATER), "-");
    }
    world_close(&w);
}

static satchel_op *with_long_tail(satchel_op *op, uint8_t number, size_t total) {
    uint8_t *bytes = satchel_arena_take(op->set.arena, total);
    REQUIRE(bytes != NULL);
    size_t payload = total - 6; /* tag 2, length 4 */
    bytes[0] = (uint8_t)(0x80 | (number << 3 | 2));
    bytes[1] = 0x25;
    for (int i = 0; i < 4; i++) {
        bytes[2 + i] = (uint8_t)((payload >> (7 * i) & 0x7f) | (i < 3 ? 0x80u : 0u));
    }
    op->set.tail = satchel_bytes_of(bytes, total);
    return op;
}

TEST(merge_apply, a_tail_has_a_limit) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 10, with_long_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 1, SATCHEL_LIMIT_TAIL_BYTES - 6));
    satchel_op *more = with_long_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 3, 7);
    CHECK_STATUS(world_try(&w, 1, 3, 10, more), SATCHEL_LIMIT_EXCEEDED);
    world_apply(&w, 1, 2, 10, with_long_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 2, 6));
    CHECK_UINT(w.row.value.tail.bytes, SATCHEL_LIMIT_TAIL_BYTES);
    satchel_op *longer = with_long_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 4, SATCHEL_LIMIT_TAIL_BYTES + 1);
    CHECK_STATUS(world_try(&w, 1, 3, 10, longer), SATCHEL_LIMIT_EXCEEDED);
    CHECK_UINT(w.row.value.tail.bytes, SATCHEL_LIMIT_TAIL_BYTES);
    world_close(&w);
}

/* Field 600 + `number`, with a text of so many bytes that begins with a number. */
static satchel_op *with_numbered_tail(satchel_op *op, uint8_t number, uint32_t index, size_t payload) {
    with_long_tail(op, number, payload + 6);
    uint8_t *text = (uint8_t *)(uintptr_t)op->set.tail.data + 6;
    memset(text, 'x', payload);
    satchel_put_u32be(text, index);
    return op;
}

TEST(merge_apply, a_newer_phone_may_edit_a_text_for_ever) {
    const size_t lengths[] = {4, 200, SATCHEL_LIMIT_SET_ELEMENT_BYTES, SATCHEL_LIMIT_SET_ELEMENT_BYTES + 1, 5000};
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        world w;
        open_seen(&w, THING);
        for (uint32_t i = 1; i <= 600; i++) {
            satchel_op *op = with_numbered_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 1, i, lengths[l]);
            satchel_bytes said = op->set.tail;
            world_apply(&w, 1, i, 10 + i, op);
            satchel_bytes tail = w.row.value.tail;
            REQUIRE(tail.bytes >= said.bytes && tail.bytes <= SATCHEL_LIMIT_TAIL_BYTES);
            CHECK_BYTES(satchel_bytes_of(tail.data + tail.bytes - said.bytes, said.bytes), said);
        }
        bool text = lengths[l] > SATCHEL_LIMIT_SET_ELEMENT_BYTES; /* no element is as long: one value */
        CHECK(!text || w.row.value.tail.bytes == lengths[l] + 6);
        world_close(&w);
    }
}

TEST(merge_apply, as_many_unknown_elements_as_a_set_has_stay) {
    world w;
    open_seen(&w, THING);
    for (uint32_t i = 1; i <= SATCHEL_LIMIT_SET_ELEMENTS; i++) {
        world_apply(&w, 1, i, 10 + i, with_numbered_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 1, i, 16));
    }
    CHECK_UINT(w.row.value.tail.bytes, SATCHEL_LIMIT_SET_ELEMENTS * 22);
    CHECK_UINT(satchel_get_u32be(w.row.value.tail.data + 6), 1);
    uint32_t past = SATCHEL_LIMIT_SET_ELEMENTS + 1;
    world_apply(&w, 1, past, 10 + past, with_numbered_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 1, past, 16));
    CHECK_UINT(w.row.value.tail.bytes, SATCHEL_LIMIT_SET_ELEMENTS * 22);
    CHECK_UINT(satchel_get_u32be(w.row.value.tail.data + 6), 2); /* the oldest went */
    world_close(&w);
}

TEST(merge_apply, a_full_tail_makes_room_in_its_longest_field_only) {
    world w;
    open_seen(&w, THING);
    world_apply(&w, 1, 1, 11, with_numbered_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 1, 1, 30));
    world_apply(&w, 1, 2, 12, with_numbered_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 1, 2, 30));
    for (uint32_t i = 3; i <= 400; i++) {
        world_apply(&w, 1, i, 10 + i, with_numbered_tail(world_op(&w, SATCHEL_OP_EDIT, 1), 2, i, 250));
    }
    CHECK_UINT(w.row.value.tail.bytes, 72 + (SATCHEL_LIMIT_TAIL_BYTES - 72) / 256 * 256);
    CHECK_UINT(satchel_get_u32be(w.row.value.tail.data + 6), 1);
    CHECK_UINT(satchel_get_u32be(w.row.value.tail.data + 42), 2);
    world_close(&w);
}

/* ---- errors ---- */

static satchel_op *big_op(world *w) {
    satchel_op *op = with_text(with_text(world_op(w, SATCHEL_OP_EDIT, 1), T_LATER, "second"), T_ASK, "second");
    op = with_int(with_int(op, T_STRICT, 1), T_STATE, COMPLETED);
    op = with_text(with_added(with_removed(op, T_IDS, "x"), T_SET, "c d"), T_CUSTOM_LATER, "c");
    static const uint8_t tail[] = {0xC0, 0x25, 0x01};
    return with_tail(op, tail, sizeof tail);
}

/* One apply of the big op to a row in an arena of its own, the `at`-th allocation and all later ones failing. */
static satchel_status apply_poor(const satchel_merge_row *before, const satchel_op *op, unsigned long at) {
    satchel_arena arenas[2] = {{0}, {0}};
    satchel_merge_row row;
    satchel_merge_outcome outcome;
    satchel_merge_row_init(&row, &arenas[0]);
    satchel_merge_outcome_init(&outcome, &arenas[1]);
    row.exists = true;
    REQUIRE_OK(satchel_record_copy(&before->value, &row.value));
    for (uint32_t i = 0; i < before->versions.count; i++) {
        REQUIRE_OK(satchel_versions_add(&row.versions, &before->versions.items[i]));
    }
    satchel_merge_context context = {
        .schema = &synthetic_schema, .n = 9, .stamp_ms = 20, .writer = {2, 1}, .base_cap = UINT64_MAX};
    satchel_memory_fail_at(at, 1);
    satchel_status status = satchel_merge_apply(&context, &row, op, &outcome, NULL);
    satchel_memory_fail_at(0, 0);
    if (status != SATCHEL_OK) {
        CHECK(satchel_record_equal(&row.value, &before->value));
        CHECK_UINT(row.versions.count, before->versions.count);
    }
    satchel_arena_deinit(&arenas[1]);
    satchel_arena_deinit(&arenas[0]);
    return status;
}

TEST(merge_apply, when_memory_runs_out_the_row_is_as_it_was) {
    world w;
    open_seen(&w, THING);
    satchel_op *first = with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_LATER, "first");
    world_apply(&w, 1, 1, 10, with_added(with_int(first, T_STRICT, 2), T_SET, "a b"));
    satchel_op *op = big_op(&w);
    unsigned long failed = 0;
    satchel_status status = apply_poor(&w.row, op, 1);
    while (status != SATCHEL_OK) {
        CHECK_STATUS(status, SATCHEL_NO_MEMORY);
        failed++;
        status = apply_poor(&w.row, op, failed + 1);
    }
    CHECK(failed >= 1);
    world_close(&w);
}
