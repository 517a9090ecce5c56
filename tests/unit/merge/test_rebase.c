/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user sees by example; the law that it equals what the server will decide is in test_laws.c.
 */
#include "unit/merge/synthetic.h"

#include "base/memory.h"

typedef struct view {
    world w;
    satchel_record server;
    satchel_versions news;
    satchel_op ops[4];
    uint32_t op_count;
    satchel_record shown;
    bool deleted;
} view;

static void open_view(view *v) {
    *v = (view){.op_count = 0};
    world_open(&v->w, &synthetic_schema, THING);
    satchel_record_init(&v->server, &v->w.arena);
    satchel_versions_init(&v->news, &v->w.arena);
    satchel_record_init(&v->shown, &v->w.arena);
}

static void push(view *v, const satchel_op *op) {
    v->ops[v->op_count] = *op;
    v->ops[v->op_count].sequence = v->op_count + 1;
    v->op_count++;
}

static satchel_status rebase(view *v, bool with_server, bool with_news) {
    satchel_merge_context context = {.schema = &synthetic_schema, .stamp_ms = 100, .base_cap = UINT64_MAX};
    return satchel_merge_rebase(&context, with_server ? &v->server : NULL, with_news ? &v->news : NULL, v->ops,
                                v->op_count, &v->shown, &v->deleted, &v->w.error);
}

static const char *shown(view *v, uint32_t field) {
    return show_field(&v->w.arena, &v->shown, field);
}

TEST(merge_rebase, without_news_own_edits_stand) {
    view v;
    open_view(&v);
    REQUIRE_OK(satchel_record_set_text(&v.server, T_ASK, test_text_of("server")));
    REQUIRE_OK(satchel_record_set_int(&v.server, T_SUM, 10));
    push(&v, with_int(with_text(world_op(&v.w, SATCHEL_OP_EDIT, 1), T_ASK, "mine"), T_SUM, 5));
    push(&v, with_int(world_op(&v.w, SATCHEL_OP_EDIT, 1), T_SUM, -1));
    REQUIRE_OK(rebase(&v, true, false));
    CHECK_TEXT(shown(&v, T_ASK), "mine");
    CHECK_TEXT(shown(&v, T_SUM), "14");
    CHECK(!v.deleted);
    world_close(&v.w);
}

TEST(merge_rebase, news_show_what_the_server_will_decide) {
    view v;
    open_view(&v);
    satchel_version news = {.field = T_ASK, .n = 5, .stamp_ms = 1, .writer = {7, 1}};
    REQUIRE_OK(satchel_versions_put(&v.news, &news));
    news.field = T_LATER;
    REQUIRE_OK(satchel_versions_put(&v.news, &news));
    REQUIRE_OK(satchel_record_set_text(&v.server, T_ASK, test_text_of("server")));
    REQUIRE_OK(satchel_record_set_text(&v.server, T_LATER, test_text_of("server")));
    push(&v, with_text(with_text(world_op(&v.w, SATCHEL_OP_EDIT, 4), T_ASK, "mine"), T_LATER, "mine"));
    REQUIRE_OK(rebase(&v, true, true));
    CHECK_TEXT(shown(&v, T_ASK), "server");
    CHECK_TEXT(shown(&v, T_LATER), "mine");
    world_close(&v.w);
}

TEST(merge_rebase, a_row_of_ones_own_begins_with_its_create) {
    view v;
    open_view(&v);
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_CREATE, 0), T_ASK, "new"));
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_EDIT, 0), T_ASK, "newer"));
    REQUIRE_OK(rebase(&v, false, false));
    CHECK_TEXT(shown(&v, T_ASK), "newer");
    CHECK_TEXT(shown(&v, T_STATE), "1");
    push(&v, world_op(&v.w, SATCHEL_OP_DELETE, 0));
    REQUIRE_OK(rebase(&v, false, false));
    CHECK(v.deleted);
    world_close(&v.w);
}

TEST(merge_rebase, without_a_row_there_is_nothing_to_show) {
    view v;
    open_view(&v);
    CHECK_STATUS(rebase(&v, false, false), SATCHEL_NOT_FOUND);
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_EDIT, 0), T_ASK, "x"));
    CHECK_STATUS(rebase(&v, false, false), SATCHEL_NOT_FOUND);
    world_close(&v.w);
}

TEST(merge_rebase, a_voided_op_shows_nothing) {
    view v;
    open_view(&v);
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_CREATE, 0), T_LATER, "one"));
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_EDIT, 0), T_LATER, "two"));
    satchel_op *undo = world_op(&v.w, SATCHEL_OP_VOID, 0);
    undo->target = 2;
    push(&v, undo);
    REQUIRE_OK(rebase(&v, false, false));
    CHECK_TEXT(shown(&v, T_LATER), "one");
    v.ops[2].target = 1;
    REQUIRE_OK(rebase(&v, false, false));
    CHECK(v.deleted);
    world_close(&v.w);
}

TEST(merge_rebase, a_deleted_row_comes_back_by_an_own_edit_unless_it_was_known) {
    view v;
    open_view(&v);
    REQUIRE_OK(satchel_record_set_bool(&v.server, SATCHEL_FIELD_DELETED, true));
    REQUIRE_OK(rebase(&v, true, false));
    CHECK(v.deleted);
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_EDIT, 4), T_LATER, "mine"));
    REQUIRE_OK(rebase(&v, true, false));
    CHECK(!v.deleted);
    CHECK_TEXT(shown(&v, SATCHEL_FIELD_DELETED), "-");
    satchel_version news = {.field = SATCHEL_FIELD_DELETED, .n = 4};
    REQUIRE_OK(satchel_versions_put(&v.news, &news));
    REQUIRE_OK(rebase(&v, true, true));
    CHECK(v.deleted);
    world_close(&v.w);
}

TEST(merge_rebase, a_terminal_state_of_the_server_yields_only_to_a_higher_rank) {
    view v;
    open_view(&v);
    REQUIRE_OK(satchel_record_set_int(&v.server, T_STATE, CANCELLED));
    push(&v, with_from(with_int(world_op(&v.w, SATCHEL_OP_EDIT, 1), T_STATE, IN_PROGRESS), T_STATE, PLANNED));
    REQUIRE_OK(rebase(&v, true, false));
    CHECK_TEXT(shown(&v, T_STATE), "4");
    satchel_op *done =
        with_from(with_int(world_op(&v.w, SATCHEL_OP_EDIT, 1), T_STATE, COMPLETED), T_STATE, IN_PROGRESS);
    push(&v, with_int(done, T_EVIDENCE, 1));
    REQUIRE_OK(rebase(&v, true, false));
    CHECK_TEXT(shown(&v, T_STATE), "3");
    world_close(&v.w);
}

TEST(merge_rebase, commands_show_nothing_and_the_servers_tail_stays) {
    static const uint8_t tail[] = {0xC0, 0x25, 0x01};
    view v;
    open_view(&v);
    v.server.tail = (satchel_bytes){tail, sizeof tail};
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_COMMAND, 0), T_LATER, "argument"));
    REQUIRE_OK(rebase(&v, true, false));
    CHECK_TEXT(shown(&v, T_LATER), "-");
    CHECK_BYTES(v.shown.tail, v.server.tail);
    world_close(&v.w);
}

TEST(merge_rebase, each_op_has_its_own_stamp) {
    view v;
    open_view(&v);
    static const int64_t stamps_ms[] = {4, 6};
    satchel_version news = {.field = T_LATER, .n = 5, .stamp_ms = 5, .writer = {7, 1}};
    REQUIRE_OK(satchel_versions_put(&v.news, &news));
    REQUIRE_OK(satchel_record_set_text(&v.server, T_LATER, test_text_of("server")));
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_EDIT, 4), T_LATER, "early"));
    satchel_merge_context context = {.schema = &synthetic_schema, .base_cap = UINT64_MAX, .op_stamps_ms = stamps_ms};
    REQUIRE_OK(satchel_merge_rebase(&context, &v.server, &v.news, v.ops, 1, &v.shown, &v.deleted, NULL));
    CHECK_TEXT(shown(&v, T_LATER), "server");
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_EDIT, 4), T_LATER, "late"));
    REQUIRE_OK(satchel_merge_rebase(&context, &v.server, &v.news, v.ops, 2, &v.shown, &v.deleted, NULL));
    CHECK_TEXT(shown(&v, T_LATER), "late");
    world_close(&v.w);
}

TEST(merge_rebase, running_out_of_memory_is_told) {
    view v;
    open_view(&v);
    push(&v, with_text(world_op(&v.w, SATCHEL_OP_CREATE, 0), T_LATER, "one"));
    satchel_memory_fail_at(1, 1);
    satchel_status status = rebase(&v, false, false);
    satchel_memory_fail_at(0, 0);
    CHECK_STATUS(status, SATCHEL_NO_MEMORY);
    CHECK_OK(rebase(&v, false, false));
    world_close(&v.w);
}
