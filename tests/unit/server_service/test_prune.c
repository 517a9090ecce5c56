/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that were deleted long ago go for good: which, with what, who hears of it, and that none comes back by its id.
 */
#include "support/random.h"
#include "support/server_service/stage.h"

#include "base/text.h"
#include "db/rows.h"
#include "service/prune.h"
#include "service/state.h"
#include "service/tombstone.h"

#define DAY INT64_C(86400000)

typedef struct shop {
    stage here;
    satchel_id boss, li, customer, product;
    phone first, second; /* both Li's */
} shop;

static void set_up(shop *day) {
    stage *here = &day->here;
    stage_open(here, NULL, 23);
    day->boss = stage_user(here, "boss", SATCHEL_ROLE_MANAGER, NULL, NULL);
    day->li = stage_user(here, "li", SATCHEL_ROLE_REP, &day->boss, NULL);
    day->customer = stage_customer(here, "Anna's Shop", &day->li, NULL);
    satchel_record product = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_CODE, satchel_text_of("T1")));
    REQUIRE_OK(satchel_record_set_text(&product, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
    day->product = stage_create(here, SATCHEL_ENTITY_PRODUCT, &product).id;
    phone_enrol(&day->first, here, &day->li);
    phone_enrol(&day->second, here, &day->li);
}

static void tear_down(shop *day) {
    CHECK_TEXT(day->first.complaint, "");
    CHECK_TEXT(day->second.complaint, "");
    phone_close(&day->first);
    phone_close(&day->second);
    stage_close(&day->here);
}

static void put_order(shop *day, satchel_op *op) {
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_CUSTOMER, &day->customer));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
}

static satchel_id new_order(shop *day) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    put_order(day, phone_create(&day->first, &unit, SATCHEL_ENTITY_ORDER, &id));
    phone_commit(&day->first, &unit);
    return id;
}

static satchel_id add_line(shop *day, const satchel_id *order) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&day->first, &unit, SATCHEL_ENTITY_ORDER_LINE, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_ORDER, order));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ORDER_LINE_PRODUCT, &day->product));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, 200));
    phone_commit(&day->first, &unit);
    return id;
}

static void delete_row(phone *mine, uint32_t entity, const satchel_id *id) {
    phone_unit unit = {.count = 0};
    phone_edit(mine, &unit, entity, id)->kind = SATCHEL_OP_DELETE;
    phone_commit(mine, &unit);
}

/* A case that names the order; made by the office. */
static satchel_id case_about(shop *day, const satchel_id *order) {
    satchel_record record = stage_record(&day->here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CASE_SUBJECT, satchel_text_of("Late")));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_CASE_STATUS, 1));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CASE_CUSTOMER, &day->customer));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CASE_ORDER, order));
    return stage_create(&day->here, SATCHEL_ENTITY_CASE, &record).id;
}

/* A later revision says that what was before it is as old as it is. */
static void pass_a_moment(shop *day) {
    day->here.now_ms += 1000;
    (void)stage_customer(&day->here, "Another", &day->li, NULL);
}

/* Days pass; both phones call, and say in the end how far they are. */
static void pass_days(shop *day, int days) {
    day->here.now_ms += days * DAY;
    pass_a_moment(day);
    for (int i = 0; i < 2; i++) {
        day->here.now_ms += SATCHEL_POINT_EVERY_MS;
        phone_sync(&day->first);
        phone_sync(&day->second);
    }
}

/* Steps until nothing is left; how many. */
static int tidy(stage *here) {
    bool left = true;
    int steps = 0;
    for (; left && steps < 100; steps++) {
        stage_begin(here);
        REQUIRE_OK(satchel_service_tidy(here->service, here->db, &left, NULL));
        stage_commit(here);
    }
    return steps;
}

static bool is_stored(stage *here, uint32_t entity, const satchel_id *id) {
    satchel_stored_row row;
    satchel_arena arena = {0};
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_stored_row_load(here->service->tables, here->db, entity, id, &arena, &row, NULL));
    satchel_db_rollback(here->db);
    bool exists = row.merged.exists;
    satchel_arena_deinit(&arena);
    return exists;
}

/* An order with a line that both phones hold, and that the first has deleted. */
static satchel_id deleted_order(shop *day) {
    satchel_id order = new_order(day);
    satchel_id line = add_line(day, &order);
    phone_sync(&day->first);
    phone_sync(&day->second);
    delete_row(&day->first, SATCHEL_ENTITY_ORDER_LINE, &line);
    delete_row(&day->first, SATCHEL_ENTITY_ORDER, &order);
    phone_sync(&day->first);
    phone_sync(&day->second);
    REQUIRE_INT(stage_number(&day->here, "SELECT count(*) FROM \"order_line\" WHERE \"deleted\" = 1"), 1);
    pass_a_moment(day);
    return order;
}

TEST(prune, an_order_deleted_long_ago_goes_with_its_lines_and_phones_hear_of_it) {
    shop day;
    set_up(&day);
    satchel_id order = deleted_order(&day);
    satchel_id kept = new_order(&day);
    satchel_id line = add_line(&day, &kept);
    pass_days(&day, SATCHEL_STORED_ANSWERS_DAYS + 1);
    phone late;
    phone_enrol(&late, &day.here, &day.li);
    phone_sync(&late);
    day.here.now_ms += SATCHEL_POINT_EVERY_MS;
    phone_sync(&late);
    uint32_t removals = day.second.removals;
    tidy(&day.here);
    CHECK(!is_stored(&day.here, SATCHEL_ENTITY_ORDER, &order));
    CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM \"order_line\""), 1);
    CHECK(is_stored(&day.here, SATCHEL_ENTITY_ORDER, &kept) && is_stored(&day.here, SATCHEL_ENTITY_ORDER_LINE, &line));
    CHECK_INT(stage_number(&day.here, "SELECT sum(members) FROM scope"),
              stage_number(&day.here, "SELECT count(*) FROM membership WHERE present = 1"));
    phone_sync(&day.first);
    phone_sync(&day.second);
    phone_sync(&late);
    CHECK(phone_find(&day.second, SATCHEL_ENTITY_ORDER, &order) == NULL && day.second.removals > removals);
    CHECK(phone_find(&day.second, SATCHEL_ENTITY_ORDER, &kept) != NULL);
    CHECK_TEXT(late.complaint, "");
    CHECK_INT(stage_number(&day.here, "SELECT value FROM metric WHERE name = 'rows_pruned'"), 1);
    phone_close(&late);
    tear_down(&day);
}

TEST(prune, what_is_younger_or_not_yet_heard_of_stays) {
    shop day;
    set_up(&day);
    satchel_id order = deleted_order(&day);
    pass_days(&day, SATCHEL_STORED_ANSWERS_DAYS - 2);
    tidy(&day.here);
    CHECK(is_stored(&day.here, SATCHEL_ENTITY_ORDER, &order));
    pass_days(&day, 2);
    stage_begin(&day.here);
    REQUIRE_OK(satchel_db_exec(day.here.db, "UPDATE device_point SET n = 1", NULL)); /* the cursors stand still */
    stage_commit(&day.here);
    tidy(&day.here);
    CHECK(is_stored(&day.here, SATCHEL_ENTITY_ORDER, &order));
    pass_days(&day, 1);
    tidy(&day.here);
    CHECK(!is_stored(&day.here, SATCHEL_ENTITY_ORDER, &order));
    tear_down(&day);
}

TEST(prune, what_a_row_names_stays_as_long_as_that_row) {
    shop day;
    set_up(&day);
    satchel_id order = new_order(&day);
    phone_sync(&day.first);
    satchel_id about = case_about(&day, &order);
    phone_sync(&day.first);
    delete_row(&day.first, SATCHEL_ENTITY_ORDER, &order);
    phone_sync(&day.first);
    pass_a_moment(&day);
    pass_days(&day, SATCHEL_STORED_ANSWERS_DAYS + 1);
    tidy(&day.here);
    CHECK(is_stored(&day.here, SATCHEL_ENTITY_ORDER, &order) && is_stored(&day.here, SATCHEL_ENTITY_CASE, &about));
    stage_begin(&day.here);
    REQUIRE_OK(satchel_db_exec(day.here.db, "UPDATE \"case\" SET \"order\" = NULL", NULL));
    stage_commit(&day.here);
    pass_days(&day, 1);
    tidy(&day.here);
    CHECK(!is_stored(&day.here, SATCHEL_ENTITY_ORDER, &order) && is_stored(&day.here, SATCHEL_ENTITY_CASE, &about));
    tear_down(&day);
}

TEST(prune, an_op_that_comes_later_is_refused_and_its_id_makes_no_row_again) {
    shop day;
    set_up(&day);
    bool gone = false;
    satchel_id order = deleted_order(&day);
    pass_days(&day, SATCHEL_STORED_ANSWERS_DAYS + 1);
    tidy(&day.here);
    phone_unit again = {.count = 0};
    satchel_id other;
    satchel_op *op = phone_create(&day.second, &again, SATCHEL_ENTITY_ORDER, &other);
    op->row = order;
    put_order(&day, op);
    phone_commit(&day.second, &again);
    phone_sync(&day.second);
    CHECK_STATUS(phone_last(&day.second).status, SATCHEL_NOT_FOUND);
    phone_edit_text(&day.first, SATCHEL_ENTITY_ORDER, &order, SATCHEL_ORDER_NOTE, "Late");
    phone_sync(&day.first);
    CHECK_INT(phone_last(&day.first).code, SATCHEL_RESULT_REFUSED);
    CHECK(!is_stored(&day.here, SATCHEL_ENTITY_ORDER, &order));
    REQUIRE_OK(satchel_db_begin(day.here.db, SATCHEL_DB_READ, NULL));
    CHECK_OK(satchel_prune_has_gone(day.here.db, SATCHEL_ENTITY_ORDER, &order, &gone, NULL));
    CHECK(gone);
    CHECK_OK(satchel_prune_has_gone(day.here.db, SATCHEL_ENTITY_ORDER, &other, &gone, NULL));
    CHECK(!gone);
    satchel_db_rollback(day.here.db);
    tear_down(&day);
}

static satchel_id new_task(shop *day) {
    satchel_record record = stage_record(&day->here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_TASK_TITLE, satchel_text_of("Call")));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_TASK_STATUS, 1));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_TASK_ASSIGNEE, &day->li));
    return stage_create(&day->here, SATCHEL_ENTITY_TASK, &record).id;
}

/* Steps of the walk alone, over all that is older than `below_n`. */
static int walk(stage *here, uint64_t below_n) {
    bool walked = true;
    int steps = -1;
    for (; walked && steps < 100; steps++) {
        stage_begin(here);
        REQUIRE_OK(satchel_prune_step(here->service, here->db, below_n, &walked, NULL));
        stage_commit(here);
    }
    return steps;
}

TEST(prune, a_step_looks_at_so_many_deleted_rows_and_no_more) {
    for (int more = 0; more < 2; more++) {
        shop day;
        set_up(&day);
        int steps = walk(&day.here, UINT64_MAX / 4); /* of a company without tasks */
        for (int i = 0; i < SATCHEL_PRUNE_LOOKED_MOST - 1 + more; i++) {
            (void)new_task(&day);
        }
        stage_begin(&day.here);
        REQUIRE_OK(satchel_db_exec(day.here.db, "UPDATE \"task\" SET \"deleted\" = 1", NULL));
        stage_commit(&day.here);
        CHECK_INT(walk(&day.here, UINT64_MAX / 4), 0); /* today's is done */
        day.here.now_ms += DAY;
        CHECK_INT(walk(&day.here, UINT64_MAX / 4), steps + more);
        CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM \"task\""), 0);
        tear_down(&day);
    }
}

TEST(prune, a_step_looks_at_so_many_rows_below_and_no_more) {
    for (int more = 0; more < 2; more++) {
        shop day;
        set_up(&day);
        int steps = walk(&day.here, UINT64_MAX / 4); /* of a company without orders */
        satchel_id first = new_order(&day);
        for (int i = 0; i < SATCHEL_PRUNE_BELOW_MOST - 1 + more; i++) {
            (void)add_line(&day, &first);
        }
        day.here.now_ms += DAY;
        (void)new_order(&day);
        phone_sync(&day.first);
        CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM \"order_line\""), SATCHEL_PRUNE_BELOW_MOST - 1 + more);
        stage_begin(&day.here);
        REQUIRE_OK(satchel_db_exec(day.here.db, "UPDATE \"order\" SET \"deleted\" = 1", NULL));
        REQUIRE_OK(satchel_db_exec(day.here.db, "UPDATE \"order_line\" SET \"deleted\" = 1", NULL));
        stage_commit(&day.here);
        CHECK_INT(walk(&day.here, UINT64_MAX / 4), steps + more);
        CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM \"order_line\""), 0);
        CHECK_INT(stage_number(&day.here, "SELECT count(*) FROM \"order\""), 0);
        tear_down(&day);
    }
}

TEST(prune, a_step_passes_over_so_many_rows_and_no_more) {
    shop day;
    set_up(&day);
    satchel_id last = {{0}};
    int before = walk(&day.here, UINT64_MAX / 4);
    for (int i = 0; i < SATCHEL_PRUNE_PASSED_MOST - 1; i++) {
        last = new_task(&day);
    }
    for (int more = 0; more < 2; more++) {
        day.here.now_ms += DAY;
        CHECK_INT(walk(&day.here, UINT64_MAX / 4), before + more);
        last = new_task(&day);
    }
    stage_begin(&day.here);
    REQUIRE_OK(SATCHEL_DB_RUN(day.here.db, NULL, "UPDATE \"task\" SET \"deleted\" = 1 WHERE \"id\" = ?1",
                              satchel_value_id(&last)));
    stage_commit(&day.here);
    day.here.now_ms += DAY;
    CHECK_INT(walk(&day.here, 0), 0); /* nothing is old enough: no walk begins */
    walk(&day.here, UINT64_MAX / 4);
    CHECK(!is_stored(&day.here, SATCHEL_ENTITY_TASK, &last));
    tear_down(&day);
}

/* Random orders: deleted, brought back, named by a case, in a random order of days. */
#define ORDERS 12

typedef struct random_order {
    satchel_id id;
    int64_t deleted_ms; /* 0: it is not */
    bool named;
    bool asked; /* it was brought back: a person may be asked about that */
} random_order;

/* One phone deletes it; the other, which does not know yet, may write into it, and so brings it back. */
static void random_move(shop *day, test_random *random, random_order *one) {
    bool first = test_random_below(random, 2) == 0;
    phone *mine = first ? &day->first : &day->second;
    phone *other = first ? &day->second : &day->first;
    if (one->deleted_ms != 0) {
        return;
    }
    delete_row(mine, SATCHEL_ENTITY_ORDER, &one->id);
    bool comes_back = test_random_below(random, 3) == 0;
    if (comes_back) {
        phone_edit_text(other, SATCHEL_ENTITY_ORDER, &one->id, SATCHEL_ORDER_NOTE, "Wait");
    }
    one->asked = one->asked || comes_back;
    one->deleted_ms = comes_back ? 0 : day->here.now_ms;
    phone_sync(mine);
    phone_sync(other);
}

static void check_orders(shop *day, const random_order *orders) {
    const int64_t due_ms = SATCHEL_STORED_ANSWERS_DAYS * DAY;
    for (int i = 0; i < ORDERS; i++) {
        bool stored = is_stored(&day->here, SATCHEL_ENTITY_ORDER, &orders[i].id);
        int64_t age_ms = orders[i].deleted_ms != 0 ? day->here.now_ms - orders[i].deleted_ms : 0;
        CHECK(stored || (age_ms >= due_ms && !orders[i].named));
        CHECK(!stored || orders[i].named || orders[i].asked || age_ms < due_ms + 2 * DAY);
        if (orders[i].deleted_ms == 0) {
            CHECK(phone_find(&day->first, SATCHEL_ENTITY_ORDER, &orders[i].id) != NULL);
            CHECK(phone_find(&day->second, SATCHEL_ENTITY_ORDER, &orders[i].id) != NULL);
        }
    }
}

TEST(prune, of_random_orders_those_go_that_are_old_and_needed_by_nobody) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        shop day;
        random_order orders[ORDERS];
        test_random random = test_random_of(seed);
        set_up(&day);
        for (int i = 0; i < ORDERS; i++) {
            orders[i] = (random_order){new_order(&day), 0, false, false};
        }
        phone_sync(&day.first);
        phone_sync(&day.second);
        for (int i = 0; i < ORDERS; i += 4) {
            (void)case_about(&day, &orders[i].id);
            orders[i].named = true;
        }
        for (int round = 0; round < 30; round++) {
            random_move(&day, &random, &orders[test_random_below(&random, ORDERS)]);
            pass_a_moment(&day);
            pass_days(&day, (int)test_random_below(&random, 120) + 1);
            tidy(&day.here);
            pass_days(&day, 1);
            check_orders(&day, orders);
        }
        CHECK(stage_number(&day.here, "SELECT count(*) FROM pruned_row") > 0);
        tear_down(&day);
    }
}
