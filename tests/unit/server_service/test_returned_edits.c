/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edits that came back after a restore to rows that did not: they wait, people are told, and nothing of them is lost.
 */
#include "command_stage.h"
#include "epoch_stage.h"

#include "base/memory.h"
#include "service/returned_list.h"

#include <string.h>

typedef struct orphan {
    stage here;
    tape backup;
    keeper *lis, *bosss;
    satchel_id shop; /* made by Li in the lost stretch, with a note of his boss */
} orphan;

static keeper *enrol(stage *here, const satchel_id *user) {
    keeper *mine = satchel_memory_take(sizeof *mine);
    REQUIRE(mine != NULL);
    phone_enrol(&mine->phone, here, user);
    keeper_sync(mine);
    return mine;
}

static void note(keeper *mine, const satchel_id *shop, const char *text) {
    stage_pass(mine->phone.here, 1000);
    phone_edit_text(&mine->phone, SATCHEL_ENTITY_CUSTOMER, shop, SATCHEL_CUSTOMER_NOTE, text);
    keeper_sync(mine);
    REQUIRE_INT(phone_last(&mine->phone).code, SATCHEL_RESULT_APPLIED);
}

static void open_orphan(orphan *at) {
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 23);
    satchel_id boss = stage_user(&at->here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    satchel_id li = stage_user(&at->here, "li", SATCHEL_ROLE_REP, &boss, NULL);
    at->lis = enrol(&at->here, &li);
    at->bosss = enrol(&at->here, &boss);
    tape_record(&at->here, &at->backup);
    at->shop = phone_add_customer(&at->lis->phone, "New Shop");
    keeper_sync(at->lis);
    keeper_sync(at->bosss);
    note(at->bosss, &at->shop, "closed on Mondays");
    stage_pass(&at->here, 3600000);
    (void)tape_put_back(&at->here, &at->backup, true);
    keeper_return(at->bosss);
}

static void close_orphan(orphan *at) {
    keeper_close(at->lis);
    keeper_close(at->bosss);
    satchel_memory_give(at->lis);
    satchel_memory_give(at->bosss);
    tape_erase(&at->backup);
    stage_close(&at->here);
}

/* What administrators are shown: how many, and the last of them. */
typedef struct listed {
    uint32_t count;
    satchel_op_kind kind;
    satchel_id row;
    satchel_id user;
    satchel_id device;
    bool row_is_there;
    char note[32];
} listed;

static satchel_status add_listed(void *context, const satchel_returned_waiting *waiting) {
    listed *out = context;
    satchel_text text = satchel_record_text(&waiting->op.set, SATCHEL_CUSTOMER_NOTE);
    out->count++;
    out->kind = waiting->op.kind;
    out->row = waiting->op.row;
    out->user = waiting->user;
    out->device = waiting->device;
    out->row_is_there = waiting->row_is_there;
    REQUIRE(text.bytes < sizeof out->note);
    memcpy(out->note, text.data, text.bytes);
    return SATCHEL_OK;
}

static listed list_all(orphan *at) {
    listed out = {.count = 0};
    uint64_t count = 0;
    REQUIRE_OK(satchel_db_begin(at->here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_returned_list(at->here.service, at->here.db, add_listed, &out, NULL));
    REQUIRE_OK(satchel_returned_count(at->here.db, &count, NULL));
    satchel_db_rollback(at->here.db);
    CHECK_UINT(count, out.count);
    return out;
}

static int64_t told(orphan *at) {
    return stage_number(&at->here, "SELECT count(*) FROM audit_event WHERE action = 'returned edit waits'");
}

TEST(returned_edits, regress_what_has_no_row_any_more_is_told_and_shown) {
    orphan at;
    open_orphan(&at);
    const listed waiting = list_all(&at);
    CHECK_UINT(waiting.count, 1);
    CHECK_INT(waiting.kind, SATCHEL_OP_EDIT);
    CHECK_ID(&waiting.row, &at.shop);
    CHECK_ID(&waiting.user, &at.bosss->phone.user);
    CHECK(!satchel_id_is_none(&waiting.device));
    CHECK(!waiting.row_is_there);
    CHECK_TEXT(satchel_text_of(waiting.note), "closed on Mondays");
    CHECK_INT(told(&at), 1);
    close_orphan(&at);
}

TEST(returned_edits, it_is_laid_when_its_row_comes_back) {
    orphan at;
    open_orphan(&at);
    keeper_return(at.lis);
    satchel_record shop = stage_read(&at.here, SATCHEL_ENTITY_CUSTOMER, &at.shop, NULL);
    CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_NOTE), "closed on Mondays");
    CHECK_UINT(list_all(&at).count, 0);
    CHECK_INT(told(&at), 1);
    close_orphan(&at);
}

/* The second backup was read back, so the boss's phone has forgotten what it holds. */
TEST(returned_edits, regress_what_waits_outlives_another_restore) {
    orphan at;
    tape second;
    open_orphan(&at);
    tape_record(&at.here, &second);
    stage_pass(&at.here, 3600000);
    (void)tape_put_back(&at.here, &second, true);
    CHECK_UINT(list_all(&at).count, 1);
    keeper_return(at.lis);
    satchel_record shop = stage_read(&at.here, SATCHEL_ENTITY_CUSTOMER, &at.shop, NULL);
    CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_NOTE), "closed on Mondays");
    CHECK_UINT(list_all(&at).count, 0);
    tape_erase(&second);
    close_orphan(&at);
}

TEST(returned_edits, whoever_has_seen_to_it_puts_it_away) {
    orphan at;
    satchel_id other = {{1}};
    open_orphan(&at);
    stage_begin(&at.here);
    CHECK_INT(satchel_returned_discard(at.here.service, at.here.db, SATCHEL_ENTITY_CUSTOMER, &other, NULL),
              SATCHEL_NOT_FOUND);
    REQUIRE_OK(satchel_returned_discard(at.here.service, at.here.db, SATCHEL_ENTITY_CUSTOMER, &at.shop, NULL));
    stage_commit(&at.here);
    CHECK_UINT(list_all(&at).count, 0);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM audit_event WHERE action = 'returned edits discarded'"), 1);
    close_orphan(&at);
}

/* --- what merged --- */

/* Back after a restore, when another has written to the shop since: one value loses, the points count. */
TEST(returned_edits, regress_what_merged_does_not_wait) {
    orphan at;
    memset(&at, 0, sizeof at);
    stage_open(&at.here, NULL, 23);
    satchel_id li = stage_user(&at.here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    at.shop = stage_customer(&at.here, "Shop", &li, NULL);
    stage_pass(&at.here, 60000);
    at.lis = enrol(&at.here, &li);
    at.bosss = enrol(&at.here, &li); /* a second phone of Li's */
    tape_record(&at.here, &at.backup);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&at.bosss->phone, &unit, SATCHEL_ENTITY_CUSTOMER, &at.shop);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NOTE, satchel_text_of("old")));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_CUSTOMER_LOYALTY_POINTS, 5));
    phone_commit(&at.bosss->phone, &unit);
    keeper_sync(at.bosss);
    stage_pass(&at.here, 3600000);
    (void)tape_put_back(&at.here, &at.backup, true);
    keeper_return(at.lis);
    note(at.lis, &at.shop, "new");
    keeper_return(at.bosss);
    satchel_record shop = stage_read(&at.here, SATCHEL_ENTITY_CUSTOMER, &at.shop, NULL);
    CHECK_INT(satchel_record_int(&shop, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0), 5);
    CHECK_UINT(stage_counts(&at.here).conflicts, 1);
    CHECK_UINT(list_all(&at).count, 0);
    CHECK_INT(told(&at), 0);
    close_orphan(&at);
}

/* --- what its maker could not see --- */

typedef struct blind {
    stage here;
    tape backup;
    satchel_id li, wang; /* Wang reads the open fields of everything */
    satchel_id shop;     /* Li's, until the office gives it to Wang */
    keeper *lis, *wangs;
} blind;

static void open_blind(blind *at) {
    const uint64_t roles = UINT64_C(1) << SATCHEL_ROLE_REP | UINT64_C(1) << SATCHEL_ROLE_MARKETING;
    const satchel_user_change change = {.roles = &roles};
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 29);
    at->li = stage_user(&at->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    at->wang = stage_user(&at->here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    stage_begin(&at->here);
    REQUIRE_OK(satchel_user_change_to(at->here.service, at->here.db, &at->here.system, &at->wang, &change, NULL));
    stage_commit(&at->here);
    at->shop = stage_customer(&at->here, "Shop", &at->li, NULL);
    stage_pass(&at->here, 60000);
    at->lis = enrol(&at->here, &at->li);
    at->wangs = enrol(&at->here, &at->wang);
    tape_record(&at->here, &at->backup);
}

static void write_number(keeper *mine, const satchel_id *shop, const char *text) {
    stage_pass(mine->phone.here, 60000);
    phone_edit_text(&mine->phone, SATCHEL_ENTITY_CUSTOMER, shop, SATCHEL_CUSTOMER_TAX_NUMBER, text);
    keeper_sync(mine);
}

static void close_blind(blind *at) {
    keeper_close(at->lis);
    keeper_close(at->wangs);
    satchel_memory_give(at->lis);
    satchel_memory_give(at->wangs);
    tape_erase(&at->backup);
    stage_close(&at->here);
}

/* Wang writes over Li's number, which he did not see. Whoever comes back first, Li's is a loser again. */
TEST(returned_edits, regress_a_value_that_was_hidden_then_is_a_loser_again) {
    for (int first = 0; first < 2; first++) {
        blind at;
        open_blind(&at);
        write_number(at.lis, &at.shop, "T-1");
        note(at.lis, &at.shop, "moves the revision that Wang is told");
        keeper_sync(at.wangs);
        stage_reassign(&at.here, &at.shop, &at.wang);
        write_number(at.wangs, &at.shop, "T-2");
        CHECK_UINT(stage_counts(&at.here).conflicts, 1);
        stage_pass(&at.here, 3600000);
        (void)tape_put_back(&at.here, &at.backup, true);
        keeper_return(first == 0 ? at.lis : at.wangs);
        keeper_return(first == 0 ? at.wangs : at.lis);
        satchel_record shop = stage_read(&at.here, SATCHEL_ENTITY_CUSTOMER, &at.shop, NULL);
        CHECK_TEXT(satchel_record_text(&shop, SATCHEL_CUSTOMER_TAX_NUMBER), "T-2");
        CHECK_UINT(stage_counts(&at.here).conflicts, 1);
        close_blind(&at);
    }
}

static satchel_id add_task(keeper *mine, const char *title) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&mine->phone, &unit, SATCHEL_ENTITY_TASK, &id);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_TASK_TITLE, satchel_text_of(title)));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN));
    phone_commit(&mine->phone, &unit);
    keeper_sync(mine);
    REQUIRE_INT(phone_last(&mine->phone).code, SATCHEL_RESULT_APPLIED);
    return id;
}

static void delete_task(keeper *mine, const satchel_id *task) {
    phone_unit unit = {.count = 0};
    phone_edit(&mine->phone, &unit, SATCHEL_ENTITY_TASK, task)->kind = SATCHEL_OP_DELETE;
    phone_commit(&mine->phone, &unit);
    keeper_sync(mine);
    REQUIRE_INT(phone_last(&mine->phone).code, SATCHEL_RESULT_APPLIED);
}

/* Somebody wrote to it whom the deleter did not hear: it stays. */
static void delete_unseen(keeper *mine, const satchel_id *task) {
    phone_unit unit = {.count = 0};
    phone_edit(&mine->phone, &unit, SATCHEL_ENTITY_TASK, task)->kind = SATCHEL_OP_DELETE;
    phone_commit(&mine->phone, &unit);
    keeper_sync(mine);
    REQUIRE_INT(phone_last(&mine->phone).code, SATCHEL_RESULT_MERGED);
}

/* One of two phones deletes a task after the restore; then the other's edit of the lost stretch comes back. */
TEST(returned_edits, regress_a_row_that_was_deleted_since_the_restore_was_written_to) {
    stage here;
    tape backup;
    stage_open(&here, NULL, 31);
    satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    keeper *phones[] = {enrol(&here, &li), enrol(&here, &li)};
    satchel_id task = add_task(phones[0], "call");
    keeper_sync(phones[1]);
    tape_record(&here, &backup);
    phone_edit_text(&phones[1]->phone, SATCHEL_ENTITY_TASK, &task, SATCHEL_TASK_TITLE, "call twice");
    keeper_sync(phones[1]);
    phone_edit_text(&phones[0]->phone, SATCHEL_ENTITY_TASK, &task, SATCHEL_TASK_DETAIL, "about tea");
    keeper_sync(phones[0]);
    stage_pass(&here, 3600000);
    (void)tape_put_back(&here, &backup, true);
    keeper_return(phones[0]);
    delete_task(phones[0], &task);
    keeper_return(phones[1]);
    satchel_record stands = stage_read(&here, SATCHEL_ENTITY_TASK, &task, NULL);
    CHECK_TEXT(satchel_record_text(&stands, SATCHEL_TASK_TITLE), "call twice");
    CHECK_UINT(stage_counts(&here).conflicts, 1); /* the deletion */
    for (size_t i = 0; i < 2; i++) {
        keeper_close(phones[i]);
        satchel_memory_give(phones[i]);
    }
    tape_erase(&backup);
    stage_close(&here);
}

/*
 * A deletion that had lost comes back before the edit that it lost to. Who begins anew in between is not told of the
 * task, and gets it whole when it is there again; also behind another edit that came back.
 */
TEST(returned_edits, regress_a_row_that_comes_back_from_deletion_is_sent_whole) {
    for (int edits = 1; edits < 3; edits++) {
        stage here;
        tape backup;
        stage_open(&here, NULL, 41);
        satchel_id li = stage_user(&here, "li", SATCHEL_ROLE_REP, NULL, NULL);
        keeper *phones[] = {enrol(&here, &li), enrol(&here, &li), enrol(&here, &li), enrol(&here, &li)};
        satchel_id task = add_task(phones[0], "call");
        for (size_t i = 1; i < 4; i++) {
            keeper_sync(phones[i]);
        }
        tape_record(&here, &backup);
        for (int i = 0; i < edits; i++) {
            phone_edit_text(&phones[i]->phone, SATCHEL_ENTITY_TASK, &task, SATCHEL_TASK_DETAIL, "about tea");
            keeper_sync(phones[i]);
        }
        delete_unseen(phones[2], &task);
        stage_pass(&here, 3600000);
        (void)tape_put_back(&here, &backup, true);
        keeper_return(phones[2]);
        keeper_return(phones[3]);
        CHECK_UINT(phone_count(&phones[3]->phone, SATCHEL_ENTITY_TASK), 0);
        for (int i = 0; i < edits; i++) {
            keeper_return(phones[i]);
        }
        keeper_sync(phones[3]);
        CHECK_UINT(phone_count(&phones[3]->phone, SATCHEL_ENTITY_TASK), 1);
        CHECK_UINT(stage_counts(&here).conflicts, 1);
        for (size_t i = 0; i < 4; i++) {
            keeper_close(phones[i]);
            satchel_memory_give(phones[i]);
        }
        tape_erase(&backup);
        stage_close(&here);
    }
}
