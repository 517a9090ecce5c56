/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that were carried out in the lost stretch: after the restore they are what they were, whoever comes first.
 */
#include "command_stage.h"
#include "epoch_stage.h"

#include "base/memory.h"

#include <string.h>

typedef struct stretch {
    stage here;
    tape backup;
    satchel_id boss, li, wang;
    satchel_id customer; /* Li's */
    satchel_id pooled;   /* nobody's */
    keeper *lis, *wangs, *bosss;
} stretch;

static keeper *enrol(stretch *at, const satchel_id *user) {
    keeper *mine = satchel_memory_take(sizeof *mine);
    REQUIRE(mine != NULL);
    phone_enrol(&mine->phone, &at->here, user);
    keeper_sync(mine);
    return mine;
}

static void open_stretch(stretch *at) {
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 17);
    at->boss = stage_user(&at->here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    at->li = stage_user(&at->here, "li", SATCHEL_ROLE_REP, &at->boss, NULL);
    at->wang = stage_user(&at->here, "wang", SATCHEL_ROLE_REP, &at->boss, NULL);
    at->customer = stage_customer(&at->here, "Anna's Shop", &at->li, NULL);
    at->pooled = stage_customer(&at->here, "Pool Shop", NULL, NULL);
    REQUIRE_OK(desk_give(&at->here, &at->here.system, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER, &at->pooled,
                         NULL, NULL));
    at->lis = enrol(at, &at->li);
    at->wangs = enrol(at, &at->wang);
    at->bosss = enrol(at, &at->boss);
}

/* From here on it is lost. */
static void back_up(stretch *at) {
    tape_record(&at->here, &at->backup);
}

static void put_back(stretch *at) {
    stage_pass(&at->here, 3600000);
    (void)tape_put_back(&at->here, &at->backup, true);
}

static void close_stretch(stretch *at) {
    keeper *const all[] = {at->lis, at->wangs, at->bosss};
    for (size_t i = 0; i < 3; i++) {
        keeper_close(all[i]);
        satchel_memory_give(all[i]);
    }
    tape_erase(&at->backup);
    stage_close(&at->here);
}

static void command(keeper *mine, satchel_command_kind kind, uint32_t entity, const satchel_id *row,
                    const satchel_record *set) {
    stage_pass(mine->phone.here, 1000);
    give(&mine->phone, kind, entity, row, set);
    keeper_sync(mine);
    CHECK_INT(phone_last(&mine->phone).code, SATCHEL_RESULT_APPLIED);
}

static void command_id(keeper *mine, satchel_command_kind kind, const satchel_id *row, uint32_t field,
                       const satchel_id *id) {
    satchel_record set = stage_record(mine->phone.here);
    REQUIRE_OK(satchel_record_set_id(&set, field, id));
    command(mine, kind, SATCHEL_ENTITY_CUSTOMER, row, &set);
}

static int64_t waiting(stretch *at) {
    return stage_number(&at->here, "SELECT count(*) FROM returned_op WHERE command = 1");
}

/* --- who has a customer --- */

TEST(returned, a_claim_is_his_again_whatever_the_caps_say_now) {
    stretch at;
    open_stretch(&at);
    back_up(&at);
    command(at.lis, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
    put_back(&at);
    set_rule(&at.here, "pool.holdings", 1);
    CHECK(!is_owner(&at.here, &at.pooled, &at.li));
    keeper_return(at.lis);
    CHECK(is_owner(&at.here, &at.pooled, &at.li));
    CHECK_INT(waiting(&at), 0);
    close_stretch(&at);
}

TEST(returned, a_release_puts_it_into_the_pool_again) {
    stretch at;
    open_stretch(&at);
    back_up(&at);
    command(at.lis, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER, &at.customer, NULL);
    put_back(&at);
    keeper_return(at.lis);
    CHECK_INT(number_of(&at.here, SATCHEL_ENTITY_CUSTOMER, &at.customer, SATCHEL_CUSTOMER_POOL_STATE),
              SATCHEL_POOL_STATE_POOL);
    close_stretch(&at);
}

TEST(returned, a_transfer_is_done_again) {
    stretch at;
    open_stretch(&at);
    back_up(&at);
    command_id(at.bosss, SATCHEL_COMMAND_TRANSFER, &at.customer, SATCHEL_CUSTOMER_OWNER, &at.wang);
    put_back(&at);
    keeper_return(at.bosss);
    CHECK(is_owner(&at.here, &at.customer, &at.wang));
    close_stretch(&at);
}

/* Li claims, gives it back, Wang claims: whatever order the phones come in, it is Wang's. */
TEST(returned, the_last_command_of_the_old_order_stands) {
    for (int first = 0; first < 2; first++) {
        stretch at;
        open_stretch(&at);
        back_up(&at);
        command(at.lis, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
        command(at.lis, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
        command(at.wangs, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
        put_back(&at);
        keeper_return(first == 0 ? at.lis : at.wangs);
        keeper_return(first == 0 ? at.wangs : at.lis);
        CHECK(is_owner(&at.here, &at.pooled, &at.wang));
        CHECK_INT(waiting(&at), 0);
        close_stretch(&at);
    }
}

TEST(returned, who_got_it_since_the_restore_keeps_it_and_the_audit_tells) {
    stretch at;
    open_stretch(&at);
    back_up(&at);
    command(at.lis, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
    put_back(&at);
    keeper_return(at.wangs);
    command(at.wangs, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
    keeper_return(at.lis);
    CHECK(is_owner(&at.here, &at.pooled, &at.wang));
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM audit_event WHERE action = 'returned command waits'"), 1);
    CHECK_INT(waiting(&at), 0);
    close_stretch(&at);
}

TEST(returned, regress_commands_that_were_overtaken_keep_no_other_from_its_turn) {
    stretch at;
    open_stretch(&at);
    back_up(&at);
    command(at.lis, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
    put_back(&at);
    keeper_return(at.wangs);
    command(at.wangs, SATCHEL_COMMAND_CLAIM, SATCHEL_ENTITY_CUSTOMER, &at.pooled, NULL);
    keeper_return(at.lis);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM returned_op WHERE command = 3"), 1);
    keeper_return(at.bosss);
    CHECK(is_owner(&at.here, &at.pooled, &at.wang));
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM audit_event WHERE action = 'returned command waits'"), 1);
    close_stretch(&at);
}

/* The customer itself was made in the lost stretch, by a phone that comes later. */
TEST(returned, a_command_waits_for_the_row_that_it_is_about) {
    stretch at;
    open_stretch(&at);
    back_up(&at);
    satchel_id shop = phone_add_customer(&at.lis->phone, "New Shop");
    keeper_sync(at.lis);
    keeper_sync(at.bosss);
    command_id(at.bosss, SATCHEL_COMMAND_TRANSFER, &shop, SATCHEL_CUSTOMER_OWNER, &at.wang);
    put_back(&at);
    keeper_return(at.bosss);
    CHECK_INT(waiting(&at), 1);
    keeper_return(at.lis);
    CHECK(is_owner(&at.here, &shop, &at.wang));
    CHECK_INT(waiting(&at), 0);
    close_stretch(&at);
}

/* Many copies of a command that waits, older than all others. */
static void copy_waiting(stretch *at, const satchel_id *row, int64_t most) {
    stage_begin(&at->here);
    REQUIRE_OK(SATCHEL_DB_RUN(at->here.db, NULL,
                              "WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ?1)"
                              " INSERT INTO returned_op (entity, row, n, sequence, incarnation, owner, stamp_ms, op,"
                              " command) SELECT entity, row, 1, i, incarnation, owner, stamp_ms, op, 1 FROM k,"
                              " returned_op WHERE command = 1 AND row = ?2",
                              satchel_value_int(most), satchel_value_id(row)));
    stage_commit(&at->here);
}

/* Those at the customer of the office never can be: it was made in the lost stretch. */
TEST(returned, regress_commands_that_never_can_be_keep_no_other_from_its_turn) {
    stretch at;
    open_stretch(&at);
    back_up(&at);
    satchel_id gone = stage_customer(&at.here, "Gone Shop", &at.li, NULL);
    keeper_sync(at.bosss);
    command_id(at.bosss, SATCHEL_COMMAND_TRANSFER, &gone, SATCHEL_CUSTOMER_OWNER, &at.wang);
    satchel_id shop = phone_add_customer(&at.lis->phone, "New Shop");
    keeper_sync(at.lis);
    keeper_sync(at.wangs);
    keeper_sync(at.bosss);
    command_id(at.bosss, SATCHEL_COMMAND_TRANSFER, &shop, SATCHEL_CUSTOMER_OWNER, &at.wang);
    put_back(&at);
    keeper_return(at.bosss);
    REQUIRE_INT(waiting(&at), 2);
    copy_waiting(&at, &gone, SATCHEL_RETURNED_COMMANDS_MOST);
    keeper_return(at.lis);
    CHECK(is_owner(&at.here, &shop, &at.wang));
    close_stretch(&at);
}

/* --- merging --- */

TEST(returned, merging_and_taking_it_back_are_done_again) {
    for (int undone = 0; undone < 2; undone++) {
        stretch at;
        open_stretch(&at);
        satchel_id gone = stage_customer(&at.here, "Annas Shop", &at.li, NULL);
        keeper_sync(at.bosss);
        back_up(&at);
        command_id(at.bosss, SATCHEL_COMMAND_MERGE, &gone, SATCHEL_CUSTOMER_MERGED_INTO, &at.customer);
        if (undone != 0) {
            command(at.bosss, SATCHEL_COMMAND_UNMERGE, SATCHEL_ENTITY_CUSTOMER, &gone, NULL);
        }
        put_back(&at);
        keeper_return(at.bosss);
        satchel_record row = stage_read(&at.here, SATCHEL_ENTITY_CUSTOMER, &gone, NULL);
        satchel_id into = satchel_record_id(&row, SATCHEL_CUSTOMER_MERGED_INTO);
        CHECK(satchel_id_equal(&into, undone == 0 ? &at.customer : &(satchel_id){{0}}));
        CHECK_INT(waiting(&at), 0);
        close_stretch(&at);
    }
}

/* Who has a customer and what it is merged into are two things: the later command of one leaves the other alone. */
TEST(returned, regress_a_release_is_done_again_although_a_later_merge_came_first) {
    stretch at;
    open_stretch(&at);
    const satchel_id nobody = {{0}};
    satchel_id gone = stage_customer(&at.here, "Annas Shop", &at.li, NULL);
    satchel_id chief = stage_user(&at.here, "chief", SATCHEL_ROLE_ADMINISTRATOR, NULL, NULL);
    keeper *chiefs = enrol(&at, &chief);
    keeper_sync(at.lis);
    back_up(&at);
    command(at.lis, SATCHEL_COMMAND_RELEASE, SATCHEL_ENTITY_CUSTOMER, &gone, NULL);
    keeper_sync(chiefs);
    command_id(chiefs, SATCHEL_COMMAND_MERGE, &gone, SATCHEL_CUSTOMER_MERGED_INTO, &at.customer);
    command(chiefs, SATCHEL_COMMAND_UNMERGE, SATCHEL_ENTITY_CUSTOMER, &gone, NULL);
    CHECK(is_owner(&at.here, &gone, &nobody));
    put_back(&at);
    keeper_return(chiefs);
    keeper_return(at.lis);
    CHECK(is_owner(&at.here, &gone, &nobody));
    CHECK_INT(waiting(&at), 0);
    keeper_close(chiefs);
    satchel_memory_give(chiefs);
    close_stretch(&at);
}

/* --- approvals --- */

static void ask_for_transfer(stretch *at) {
    set_rule(&at->here, "approve.transfer", 1);
    back_up(at);
    command_id(at->lis, SATCHEL_COMMAND_TRANSFER, &at->customer, SATCHEL_CUSTOMER_OWNER, &at->wang);
    CHECK_STATUS(phone_last(&at->lis->phone).status, SATCHEL_APPROVAL_PENDING);
}

TEST(returned, regress_what_waited_for_an_approval_is_not_carried_out_without_one) {
    stretch at;
    open_stretch(&at);
    ask_for_transfer(&at);
    satchel_id asked = approval_waiting(&at.here);
    put_back(&at);
    keeper_return(at.lis);
    CHECK(is_owner(&at.here, &at.customer, &at.li));
    satchel_id again = approval_waiting(&at.here);
    CHECK_ID(&again, &asked);
    CHECK_OK(approval_decide(&at.here, &at.boss, &asked, SATCHEL_APPROVAL_DECISION_APPROVED));
    CHECK(is_owner(&at.here, &at.customer, &at.wang));
    close_stretch(&at);
}

TEST(returned, what_was_approved_then_is_done_whoever_comes_first) {
    for (int first = 0; first < 2; first++) {
        stretch at;
        open_stretch(&at);
        ask_for_transfer(&at);
        satchel_id asked = approval_waiting(&at.here);
        satchel_record set = stage_record(&at.here);
        REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_APPROVAL_DECISION, SATCHEL_APPROVAL_DECISION_APPROVED));
        keeper_sync(at.bosss);
        command(at.bosss, SATCHEL_COMMAND_DECIDE, SATCHEL_ENTITY_APPROVAL, &asked, &set);
        CHECK(is_owner(&at.here, &at.customer, &at.wang));
        put_back(&at);
        keeper_return(first == 0 ? at.lis : at.bosss);
        CHECK(is_owner(&at.here, &at.customer, &at.li));
        keeper_return(first == 0 ? at.bosss : at.lis);
        CHECK(is_owner(&at.here, &at.customer, &at.wang));
        CHECK_INT(waiting(&at), 0);
        close_stretch(&at);
    }
}

/* Since the restore the office gave the customer to somebody else, so the boss's approval comes too late. */
TEST(returned, regress_what_was_overtaken_is_not_said_to_be_approved) {
    stretch at;
    open_stretch(&at);
    ask_for_transfer(&at);
    satchel_id asked = approval_waiting(&at.here);
    satchel_record set = stage_record(&at.here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_APPROVAL_DECISION, SATCHEL_APPROVAL_DECISION_APPROVED));
    keeper_sync(at.bosss);
    command(at.bosss, SATCHEL_COMMAND_DECIDE, SATCHEL_ENTITY_APPROVAL, &asked, &set);
    put_back(&at);
    keeper_return(at.lis);
    stage_reassign(&at.here, &at.customer, &at.boss);
    keeper_return(at.bosss);
    CHECK(is_owner(&at.here, &at.customer, &at.boss));
    CHECK_INT(number_of(&at.here, SATCHEL_ENTITY_APPROVAL, &asked, SATCHEL_APPROVAL_DECISION), -1);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM audit_event WHERE action = 'returned command waits'"), 1);
    close_stretch(&at);
}

/* --- orders, plans, conflicts --- */

static satchel_id draft(stretch *at, int64_t discount_bp) {
    phone_unit unit = {.count = 0};
    satchel_id order;
    satchel_id line;
    satchel_record product = stage_record(&at->here);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("T1")));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    satchel_id tea = stage_create(&at->here, SATCHEL_ENTITY_PRODUCT, &product).id;
    satchel_op *op = phone_create(&at->lis->phone, &unit, SATCHEL_ENTITY_ORDER, &order);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, &at->customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
    op = phone_create(&at->lis->phone, &unit, SATCHEL_ENTITY_ORDER_LINE, &line);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, &order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, &tea));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 2000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_DISCOUNT_BP, discount_bp));
    phone_commit(&at->lis->phone, &unit);
    keeper_sync(at->lis);
    return order;
}

TEST(returned, an_order_is_submitted_again_unless_somebody_has_to_agree) {
    for (int dear = 0; dear < 2; dear++) {
        stretch at;
        open_stretch(&at);
        set_rule(&at.here, "approve.discount", 1);
        set_rule(&at.here, "discount.limit_bp", 1000);
        satchel_id order = draft(&at, dear == 0 ? 500 : 2000);
        back_up(&at);
        command(at.lis, SATCHEL_COMMAND_SUBMIT_ORDER, SATCHEL_ENTITY_ORDER, &order, NULL);
        satchel_id asked = approval_waiting(&at.here);
        put_back(&at);
        keeper_return(at.lis);
        CHECK_INT(number_of(&at.here, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_STATUS),
                  dear == 0 ? SATCHEL_ORDER_STATUS_SUBMITTED : SATCHEL_ORDER_STATUS_DRAFT);
        satchel_id again = approval_waiting(&at.here);
        CHECK_ID(&again, &asked);
        CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM approval"), dear);
        close_stretch(&at);
    }
}

static satchel_id plan_of_li(stretch *at) {
    satchel_record plan = stage_record(&at->here);
    REQUIRE_OK(satchel_record_set_text(&plan, SATCHEL_VISIT_PLAN_NAME, satchel_text_of("Mondays")));
    REQUIRE_OK(satchel_record_set_id(&plan, SATCHEL_VISIT_PLAN_OWNER, &at->li));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_RULE, SATCHEL_PLAN_RULE_EVERY_DAYS));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_EVERY_DAYS, 7));
    REQUIRE_OK(satchel_record_set_int(&plan, SATCHEL_VISIT_PLAN_VALID_FROM, 19000));
    return stage_create(&at->here, SATCHEL_ENTITY_VISIT_PLAN, &plan).id;
}

static void change_plan(keeper *mine, const satchel_id *plan, int64_t every, const char *name) {
    satchel_record set = stage_record(mine->phone.here);
    if (name != NULL) {
        REQUIRE_OK(satchel_record_set_text(&set, SATCHEL_VISIT_PLAN_NAME, satchel_text_of(name)));
    }
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_VISIT_PLAN_EVERY_DAYS, every));
    command(mine, SATCHEL_COMMAND_CHANGE_PLAN, SATCHEL_ENTITY_VISIT_PLAN, plan, &set);
}

/* Two phones of the manager change one plan; the newer comes back first. */
TEST(returned, a_plan_is_changed_again_field_by_field_in_the_old_order) {
    stretch at;
    open_stretch(&at);
    satchel_id plan = plan_of_li(&at);
    keeper *second = enrol(&at, &at.boss);
    keeper_sync(at.bosss);
    back_up(&at);
    change_plan(at.bosss, &plan, 14, "Every second Monday");
    keeper_sync(second);
    change_plan(second, &plan, 21, NULL);
    put_back(&at);
    keeper_return(second);
    keeper_return(at.bosss);
    satchel_record row = stage_read(&at.here, SATCHEL_ENTITY_VISIT_PLAN, &plan, NULL);
    CHECK_INT(satchel_record_int(&row, SATCHEL_VISIT_PLAN_EVERY_DAYS, 0), 21);
    CHECK_TEXT(satchel_record_text(&row, SATCHEL_VISIT_PLAN_NAME), "Every second Monday");
    CHECK_INT(waiting(&at), 0);
    keeper_close(second);
    satchel_memory_give(second);
    close_stretch(&at);
}

TEST(returned, a_rep_s_change_of_a_plan_waits_for_its_approval_again) {
    stretch at;
    open_stretch(&at);
    satchel_id plan = plan_of_li(&at);
    keeper_sync(at.lis);
    back_up(&at);
    change_plan(at.lis, &plan, 14, NULL);
    CHECK_STATUS(phone_last(&at.lis->phone).status, SATCHEL_APPROVAL_PENDING);
    put_back(&at);
    keeper_return(at.lis);
    CHECK_INT(number_of(&at.here, SATCHEL_ENTITY_VISIT_PLAN, &plan, SATCHEL_VISIT_PLAN_EVERY_DAYS), 7);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM approval"), 1);
    close_stretch(&at);
}

/* Both reps' phones write the name, which people have to be asked about; Li decides. */
TEST(returned, a_conflict_of_the_lost_stretch_is_decided_as_it_was) {
    stretch at;
    satchel_id ids[4];
    open_stretch(&at);
    keeper *second = enrol(&at, &at.li);
    back_up(&at);
    phone_edit_text(&second->phone, SATCHEL_ENTITY_CUSTOMER, &at.customer, SATCHEL_CUSTOMER_NAME, "Anna & Co");
    phone_edit_text(&at.lis->phone, SATCHEL_ENTITY_CUSTOMER, &at.customer, SATCHEL_CUSTOMER_NAME, "Anna Ltd");
    keeper_sync(second);
    keeper_sync(at.lis);
    REQUIRE(stage_list(&at.here, SATCHEL_ENTITY_CONFLICT, ids, 4) == 1);
    satchel_record set = stage_record(&at.here);
    REQUIRE_OK(satchel_record_set_int(&set, SATCHEL_CONFLICT_STATUS, SATCHEL_CONFLICT_STATUS_KEPT));
    command(at.lis, SATCHEL_COMMAND_RESOLVE, SATCHEL_ENTITY_CONFLICT, &ids[0], &set);
    put_back(&at);
    keeper_return(second);
    keeper_return(at.lis);
    CHECK_INT(number_of(&at.here, SATCHEL_ENTITY_CONFLICT, &ids[0], SATCHEL_CONFLICT_STATUS),
              SATCHEL_CONFLICT_STATUS_KEPT);
    CHECK_INT(waiting(&at), 0);
    keeper_close(second);
    satchel_memory_give(second);
    close_stretch(&at);
}
