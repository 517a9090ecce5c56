/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each policy by example: op A (lineage 1) is applied, then op B (lineage 2, or 1 where B is A's own later op).
 */
#include "unit/merge/synthetic.h"

#include "base/limits.h"

#include <stdio.h>

/* A new row that everybody has seen: revision 1. */
static void open_seen(world *w) {
    world_open(w, &synthetic_schema, THING);
    world_apply(w, 9, 1, 0, world_op(w, SATCHEL_OP_CREATE, 0));
}

typedef struct text_case {
    uint32_t field;
    const char *first;  /* by lineage 1 at stamp 10; NULL clears */
    uint64_t base;      /* of the second: 1 = concurrent, 2 = it saw the first */
    uint64_t lineage;   /* of the second */
    int64_t stamp_ms;   /* of the second */
    const char *second; /* NULL clears */
    const char *shown;
    const char *loss;
} text_case;

static satchel_op *text_op(world *w, uint64_t base, uint32_t field, const char *text) {
    satchel_op *op = world_op(w, SATCHEL_OP_EDIT, base);
    return text != NULL ? with_text(op, field, text) : with_clear(op, field);
}

static void check_texts(const text_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        world w;
        test_note("case %zu", i);
        open_seen(&w);
        world_apply(&w, 1, 1, 10, text_op(&w, 1, cases[i].field, cases[i].first));
        world_apply(&w, cases[i].lineage, 2, cases[i].stamp_ms,
                    text_op(&w, cases[i].base, cases[i].field, cases[i].second));
        CHECK_TEXT(world_show(&w, cases[i].field), cases[i].shown);
        CHECK_TEXT(world_loss(&w, 0), cases[i].loss);
        CHECK(w.outcome.loss_count <= 1);
        world_close(&w);
    }
}

TEST(merge_policies, later_lets_the_later_of_concurrent_writes_win) {
    static const text_case cases[] = {
        {T_LATER, "a", 1, 2, 11, "b", "b", "current OVERTAKEN 2 b/a"},
        {T_LATER, "a", 1, 2, 9, "b", "a", "op OVERTAKEN 2 a/b"},
        {T_LATER, "a", 1, 2, 10, "b", "b", "current OVERTAKEN 2 b/a"}, /* tie: the larger incarnation */
        {T_LATER, "a", 2, 2, 9, "b", "b", "none"},                     /* it saw the first */
        {T_LATER, "a", 1, 1, 9, "b", "b", "none"},                     /* its own later op */
        {T_LATER, "a", 1, 2, 9, "a", "a", "none"},
        {T_LATER, NULL, 1, 2, 11, "b", "b", "current OVERTAKEN 2 b/-"},
        {T_LATER, "a", 1, 2, 11, NULL, "-", "current OVERTAKEN 2 -/a"},
        {T_CUSTOM_LATER, "a", 1, 2, 9, "b", "a", "op OVERTAKEN 1000 a/b"},
    };
    check_texts(cases, sizeof cases / sizeof cases[0]);
}

TEST(merge_policies, ask_lets_the_servers_value_stand) {
    static const text_case cases[] = {
        {T_ASK, "a", 1, 2, 99, "b", "a", "ask OVERTAKEN 3 a/b"},
        {T_ASK, "a", 1, 2, 1, "b", "a", "ask OVERTAKEN 3 a/b"},
        {T_ASK, "a", 1, 2, 99, NULL, "a", "ask OVERTAKEN 3 a/-"},
        {T_ASK, "a", 2, 2, 99, "b", "b", "none"},
        {T_ASK, "a", 1, 1, 99, "b", "b", "none"},
        {T_ASK, "a", 1, 2, 99, "a", "a", "none"},
    };
    check_texts(cases, sizeof cases / sizeof cases[0]);
}

TEST(merge_policies, once_keeps_the_first_value_for_ever) {
    static const text_case cases[] = {
        {T_ONCE, "a", 1, 2, 1, "b", "a", "op ALREADY_EXISTS 5 a/b"},
        {T_ONCE, "a", 2, 2, 99, "b", "a", "op ALREADY_EXISTS 5 a/b"},
        {T_ONCE, "a", 1, 1, 99, "b", "a", "op ALREADY_EXISTS 5 a/b"},
        {T_ONCE, "a", 2, 2, 99, NULL, "a", "op ALREADY_EXISTS 5 a/-"},
        {T_ONCE, "a", 1, 2, 99, "a", "a", "none"},
        {T_ONCE, NULL, 1, 2, 1, "b", "b", "none"},
    };
    check_texts(cases, sizeof cases / sizeof cases[0]);
}

TEST(merge_policies, server_fields_take_what_comes_and_archived_ones_nothing) {
    static const text_case cases[] = {
        {T_SERVER, "a", 1, 0, 1, "b", "b", "none"},
        {T_SERVER, "a", 1, 0, 1, "a", "a", "none"},
        {T_CUSTOM_ARCHIVED, NULL, 1, 2, 1, "b", "-", "op READ_ONLY_FIELD 1002 -/b"},
    };
    check_texts(cases, sizeof cases / sizeof cases[0]);
}

typedef struct strict_case {
    int first;
    int second; /* 0 clears */
    uint64_t lineage;
    uint64_t base;
    const char *shown;
    const char *loss;
} strict_case;

TEST(merge_policies, strict_lets_the_more_restrictive_of_concurrent_writes_win) {
    static const strict_case cases[] = {
        {1, 3, 2, 1, "3", "current OVERTAKEN 4 3/1"},
        {3, 1, 2, 1, "3", "op OVERTAKEN 4 3/1"},
        {3, 1, 2, 2, "1", "none"},
        {3, 1, 1, 1, "1", "none"},
        {2, 2, 2, 1, "2", "none"},
        {2, 0, 2, 1, "2", "op OVERTAKEN 4 2/-"},
        {0, 1, 2, 1, "1", "current OVERTAKEN 4 1/-"},
        {3, 0, 2, 2, "-", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        world w;
        test_note("case %zu", i);
        open_seen(&w);
        satchel_op *first = world_op(&w, SATCHEL_OP_EDIT, 1);
        satchel_op *second = world_op(&w, SATCHEL_OP_EDIT, cases[i].base);
        world_apply(&w, 1, 1, 50,
                    cases[i].first ? with_int(first, T_STRICT, cases[i].first) : with_clear(first, T_STRICT));
        world_apply(&w, cases[i].lineage, 2, 60,
                    cases[i].second ? with_int(second, T_STRICT, cases[i].second) : with_clear(second, T_STRICT));
        CHECK_TEXT(world_show(&w, T_STRICT), cases[i].shown);
        CHECK_TEXT(world_loss(&w, 0), cases[i].loss);
        world_close(&w);
    }
}

TEST(merge_policies, strict_does_not_forget_a_refusal_that_its_own_writer_never_took_back) {
    world w;
    open_seen(&w);
    world_apply(&w, 2, 1, 10, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_STRICT, 2));
    world_apply(&w, 1, 1, 11, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_STRICT, 3));
    CHECK_TEXT(world_loss(&w, 0), "current OVERTAKEN 4 3/2");
    world_apply(&w, 1, 2, 12, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_STRICT, 1));
    CHECK_TEXT(world_show(&w, T_STRICT), "2");
    CHECK_TEXT(world_loss(&w, 0), "op OVERTAKEN 4 2/1");
    CHECK_UINT(loss_of(&w, 0)->winner_version.writer.incarnation, 2);
    world_apply(&w, 3, 1, 13, with_int(world_op(&w, SATCHEL_OP_EDIT, w.n), T_STRICT, 1));
    CHECK_TEXT(world_show(&w, T_STRICT), "1");
    CHECK_TEXT(world_loss(&w, 0), "none");
    world_close(&w);
}

TEST(merge_policies, a_group_is_one_value) {
    world w;
    open_seen(&w);
    satchel_op *a =
        with_text(with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_GROUP_A, 1), T_GROUP_B, 2), T_GROUP_C, "x");
    satchel_op *b =
        with_clear(with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_GROUP_A, 1), T_GROUP_B, 5), T_GROUP_C);
    world_apply(&w, 1, 1, 10, a);
    world_apply(&w, 2, 1, 11, b);
    CHECK_TEXT(world_show(&w, T_GROUP_A), "1");
    CHECK_TEXT(world_show(&w, T_GROUP_B), "5");
    CHECK_TEXT(world_show(&w, T_GROUP_C), "-");
    REQUIRE_UINT(w.outcome.loss_count, 1);
    CHECK_UINT(loss_of(&w, 0)->field, T_GROUP_A);
    CHECK_UINT(loss_of(&w, 0)->loser.count, 3);
    CHECK_UINT(loss_of(&w, 0)->winner.count, 3);
    CHECK_TEXT(show_field(&w.arena, &loss_of(&w, 0)->loser, T_GROUP_C), "x");
    REQUIRE_UINT(w.outcome.changed_count, 2);
    CHECK_UINT(w.outcome.changed[0], T_GROUP_B);
    CHECK_UINT(w.outcome.changed[1], T_GROUP_C);
    world_close(&w);
}

TEST(merge_policies, members_of_a_group_that_an_op_leaves_out_become_empty) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_text(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_GROUP_B, 2), T_GROUP_C, "x"));
    world_apply(&w, 1, 2, 11, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_GROUP_B, 3));
    CHECK_TEXT(world_show(&w, T_GROUP_B), "3");
    CHECK_TEXT(world_show(&w, T_GROUP_C), "-");
    world_close(&w);
}

TEST(merge_policies, of_two_first_values_the_first_stands_and_nobody_is_asked) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_FIRST_A, 1), T_FIRST_B, 1));
    world_apply(&w, 2, 1, 11, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_FIRST_A, 2), T_FIRST_B, 2));
    CHECK_TEXT(world_show(&w, T_FIRST_A), "1");
    CHECK_TEXT(world_loss(&w, 0), "op ALREADY_EXISTS 18 1/2");
    world_close(&w);
}

TEST(merge_policies, after_the_first_value_a_person_is_asked) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_FIRST_A, 1), T_FIRST_B, 1));
    world_apply(&w, 2, 1, 11, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, w.n), T_FIRST_A, 2), T_FIRST_B, 2));
    CHECK_TEXT(world_loss(&w, 0), "none");
    world_apply(&w, 3, 1, 12, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 2), T_FIRST_A, 3), T_FIRST_B, 3));
    CHECK_TEXT(world_show(&w, T_FIRST_A), "2");
    CHECK_TEXT(world_loss(&w, 0), "ask OVERTAKEN 18 2/3");
    world_close(&w);
}

TEST(merge_policies, sums_add_up_whatever_was_seen) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_SUM, 5));
    world_apply(&w, 2, 1, 11, with_int(world_op(&w, SATCHEL_OP_EDIT, 0), T_SUM, -7));
    CHECK_TEXT(world_show(&w, T_SUM), "-2");
    CHECK_TEXT(world_loss(&w, 0), "none");
    world_apply(&w, 2, 2, 11, with_clear(world_op(&w, SATCHEL_OP_EDIT, 0), T_SUM));
    CHECK_TEXT(world_loss(&w, 0), "op UNSUPPORTED 7 -2/-");
    world_close(&w);
}

TEST(merge_policies, a_delta_that_does_not_fit_is_listed_and_not_added) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_SUM, INT64_MAX));
    world_apply(&w, 2, 1, 11, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_SUM, 1));
    CHECK_TEXT(world_loss(&w, 0), "op OUT_OF_RANGE 7 9223372036854775807/1");
    world_apply(&w, 2, 2, 11, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_SUM, INT64_MIN));
    CHECK_TEXT(world_show(&w, T_SUM), "-1");
    CHECK_TEXT(world_loss(&w, 0), "none");
    world_apply(&w, 2, 3, 11, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_SUM, INT64_MIN));
    CHECK_TEXT(world_loss(&w, 0), "op OUT_OF_RANGE 7 -1/-9223372036854775808");
    CHECK_TEXT(world_show(&w, T_SUM), "-1");
    world_close(&w);
}

TEST(merge_policies, an_add_again_takes_the_place_of_those_that_it_knew) {
    world w;
    open_seen(&w);
    uint32_t before = w.row.versions.count;
    for (uint64_t sequence = 1; sequence <= 5; sequence++) {
        world_apply(&w, 1, sequence, 10, with_added(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "a"));
    }
    world_apply(&w, 2, 1, 10, with_added(world_op(&w, SATCHEL_OP_EDIT, w.n), T_SET, "a"));
    CHECK_UINT(w.row.versions.count, before + 2); /* the field and its element */
    world_close(&w);
}

TEST(merge_policies, extremes_keep_the_extreme) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_MAX, 5), T_MIN, 5));
    world_apply(&w, 2, 1, 99, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_MAX, 4), T_MIN, 6));
    CHECK_TEXT(world_show(&w, T_MAX), "5");
    CHECK_TEXT(world_show(&w, T_MIN), "5");
    CHECK(!w.outcome.moved);
    world_apply(&w, 1, 2, 0, with_int(with_int(world_op(&w, SATCHEL_OP_EDIT, w.n), T_MAX, 6), T_MIN, 4));
    CHECK_TEXT(world_show(&w, T_MAX), "6");
    CHECK_TEXT(world_show(&w, T_MIN), "4");
    world_apply(&w, 1, 3, 0, with_clear(world_op(&w, SATCHEL_OP_EDIT, w.n), T_MAX));
    CHECK_TEXT(world_loss(&w, 0), "op UNSUPPORTED 8 6/-");
    world_close(&w);
}

TEST(merge_policies, an_unseen_add_survives_a_remove) {
    world w;
    open_seen(&w);
    world_apply(&w, 9, 2, 0, with_added(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "a b"));
    world_apply(&w, 1, 1, 10, with_added(world_op(&w, SATCHEL_OP_EDIT, 2), T_SET, "a"));
    world_apply(&w, 2, 1, 11, with_removed(world_op(&w, SATCHEL_OP_EDIT, 2), T_SET, "a b"));
    CHECK_TEXT(world_show(&w, T_SET), "{a}");
    world_apply(&w, 2, 2, 12, with_removed(world_op(&w, SATCHEL_OP_EDIT, w.n), T_SET, "a"));
    CHECK_TEXT(world_show(&w, T_SET), "-");
    world_close(&w);
}

TEST(merge_policies, a_lineage_takes_back_its_own_add_and_not_anothers) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_added(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "a b"));
    world_apply(&w, 2, 1, 11, with_added(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "b"));
    world_apply(&w, 1, 2, 12, with_removed(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "a b"));
    CHECK_TEXT(world_show(&w, T_SET), "{b}");
    world_apply(&w, 2, 2, 13, with_clear(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET));
    CHECK_TEXT(world_show(&w, T_SET), "-");
    world_close(&w);
}

/* "e000 e001 …", 16 at a time. */
static void add_many(world *w, uint32_t first, uint32_t count) {
    for (uint32_t done = 0; done < count;) {
        char text[128];
        size_t at = 0;
        for (uint32_t i = 0; i < 16 && done < count; i++, done++) {
            at += (size_t)snprintf(text + at, sizeof text - at, "%se%03u", i > 0 ? " " : "", (unsigned)(first + done));
        }
        world_apply(w, 1, 1, 10, with_added(world_op(w, SATCHEL_OP_EDIT, w->n), T_SET, text));
    }
}

TEST(merge_policies, a_set_is_full_at_its_limit_and_lists_what_found_no_room) {
    world w;
    open_seen(&w);
    add_many(&w, 0, SATCHEL_LIMIT_SET_ELEMENTS);
    CHECK_UINT(w.outcome.loss_count, 0);
    CHECK_UINT(satchel_record_get(&w.row.value, T_SET)->as.set.count, SATCHEL_LIMIT_SET_ELEMENTS);
    satchel_op *op = with_added(with_removed(world_op(&w, SATCHEL_OP_EDIT, w.n), T_SET, "e000"), T_SET, "x y e001");
    world_apply(&w, 1, 2, 11, op);
    REQUIRE_UINT(w.outcome.loss_count, 1);
    CHECK_INT(loss_of(&w, 0)->reason, SATCHEL_LIMIT_EXCEEDED);
    CHECK_TEXT(show_field(&w.arena, &loss_of(&w, 0)->loser, T_SET), "{x y}");
    CHECK_UINT(satchel_record_get(&w.row.value, T_SET)->as.set.count, SATCHEL_LIMIT_SET_ELEMENTS - 1);
    world_close(&w);
}

TEST(merge_policies, more_unseen_adds_than_are_told_apart_belong_to_nobody) {
    world w;
    open_seen(&w);
    for (uint64_t lineage = 1; lineage <= SATCHEL_VERSIONS_BESIDE; lineage++) {
        world_apply(&w, lineage, 1, 10, with_added(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "a"));
    }
    uint32_t at_limit = w.row.versions.count;
    world_apply(&w, 99, 1, 10, with_added(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "a"));
    CHECK_UINT(at_limit - w.row.versions.count, SATCHEL_VERSIONS_BESIDE - 1);
    world_apply(&w, 99, 2, 10, with_removed(world_op(&w, SATCHEL_OP_EDIT, 1), T_SET, "a"));
    CHECK_TEXT(world_show(&w, T_SET), "{a}");
    world_apply(&w, 1, 2, 10, with_removed(world_op(&w, SATCHEL_OP_EDIT, w.n), T_SET, "a"));
    CHECK_TEXT(world_show(&w, T_SET), "-");
    world_close(&w);
}

typedef struct state_case {
    uint32_t field;
    int current;
    bool seen; /* the current state, by the op */
    int from;
    int to;
    bool evidence;
    const char *shown;
    const char *loss;
} state_case;

static const state_case state_cases[] = {
    {T_STATE, PLANNED, true, PLANNED, IN_PROGRESS, false, "2", "none"},
    {T_STATE, PLANNED, true, PLANNED, COMPLETED, false, "3", "none"}, /* a path of two steps */
    {T_STATE, IN_PROGRESS, true, IN_PROGRESS, PLANNED, false, "2", "op ILLEGAL_STATE 10 2/1"},
    {T_STATE, IN_PROGRESS, false, PLANNED, CANCELLED, false, "4", "current OVERTAKEN 10 4/2"},
    {T_STATE, CANCELLED, false, PLANNED, IN_PROGRESS, false, "4", "op OVERTAKEN 10 4/2"},
    {T_STATE, CANCELLED, false, IN_PROGRESS, COMPLETED, true, "3", "current OVERTAKEN 10 3/4"},
    {T_STATE, CANCELLED, false, IN_PROGRESS, COMPLETED, false, "4", "op OVERTAKEN 10 4/3"}, /* no check-in */
    {T_STATE, COMPLETED, false, PLANNED, CANCELLED, true, "3", "op OVERTAKEN 10 3/4"},
    {T_STATE, CANCELLED, true, CANCELLED, COMPLETED, true, "4", "op ILLEGAL_STATE 10 4/3"},
    {T_STATE, CANCELLED, false, PLANNED, CANCELLED, false, "4", "none"},
    {T_STAGE, STAGE_2, false, STAGE_1, STAGE_3, false, "3", "current OVERTAKEN 25 3/2"},
    {T_STAGE, STAGE_2, false, STAGE_1, WON, false, "4", "current OVERTAKEN 25 4/2"},
    {T_STAGE, LOST, false, STAGE_1, WON, false, "4", "current OVERTAKEN 25 4/5"},
    {T_STAGE, WON, false, STAGE_1, LOST, false, "4", "op OVERTAKEN 25 4/5"},
    {T_STAGE, WON, false, STAGE_1, STAGE_3, false, "4", "op OVERTAKEN 25 4/3"},
};

TEST(merge_policies, states_follow_paths_and_terminal_ranks) {
    for (size_t i = 0; i < sizeof state_cases / sizeof state_cases[0]; i++) {
        const state_case *c = &state_cases[i];
        world w;
        test_note("case %zu", i);
        open_seen(&w);
        world_apply(&w, 1, 1, 10, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), c->field, c->current));
        satchel_op *op =
            with_from(with_int(world_op(&w, SATCHEL_OP_EDIT, c->seen ? w.n : 1), c->field, c->to), c->field, c->from);
        if (c->evidence) {
            (void)with_int(op, T_EVIDENCE, 1);
        }
        world_apply(&w, 2, 1, 11, op);
        CHECK_TEXT(world_show(&w, c->field), c->shown);
        CHECK_TEXT(world_loss(&w, 0), c->loss);
        world_close(&w);
    }
}

TEST(merge_policies, a_state_lost_does_not_hold_up_the_rest_of_the_op) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_int(world_op(&w, SATCHEL_OP_EDIT, 1), T_STATE, CANCELLED));
    satchel_op *op = with_int(with_text(world_op(&w, SATCHEL_OP_EDIT, 1), T_LATER, "noted"), T_STATE, IN_PROGRESS);
    world_apply(&w, 2, 1, 11, op);
    CHECK_TEXT(world_show(&w, T_STATE), "4");
    CHECK_TEXT(world_show(&w, T_LATER), "noted");
    CHECK_TEXT(world_loss(&w, 0), "op OVERTAKEN 10 4/2");
    world_close(&w);
}

TEST(merge_policies, a_state_is_never_cleared) {
    world w;
    open_seen(&w);
    world_apply(&w, 1, 1, 10, with_clear(world_op(&w, SATCHEL_OP_EDIT, w.n), T_STATE));
    CHECK_TEXT(world_loss(&w, 0), "op ILLEGAL_STATE 10 1/-");
    world_close(&w);
}
