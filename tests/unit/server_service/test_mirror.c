/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The property that matters most: whatever happens, in whatever order phones pull, each phone ends with exactly what
 * access says that its user may see, and nothing that he may not see is ever sent. Access is asked about the stored
 * facts here, the pages come from the memberships.
 */
#include "service/standing.h"
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/times.h"
#include "service/cursor.h"
#include "service/journal.h"
#include "service/state.h"
#include "service/wire_scopes.h"

#include <stdio.h>
#include <string.h>

#define PHONES 6
#define ROWS_MOST 512

typedef struct id_pool {
    satchel_id items[ROWS_MOST];
    uint32_t count;
} id_pool;

typedef struct world {
    stage here;
    test_random random;
    satchel_id territories[4];
    satchel_id users[PHONES];
    phone phones[PHONES];
    id_pool customers, contacts, visits, orders, lines, tasks, products;
} world;

static const satchel_id *pick(world *all, const id_pool *pool) {
    return pool->count > 0 ? &pool->items[test_random_below(&all->random, pool->count)] : NULL;
}

static void keep(id_pool *pool, const satchel_id *id) {
    if (pool->count < ROWS_MOST) {
        pool->items[pool->count++] = *id;
    }
}

static void keep_new(world *all, id_pool *pool, uint32_t entity, const satchel_record *record) {
    satchel_write_outcome made = stage_create(&all->here, entity, record);
    keep(pool, &made.id);
}

static const satchel_id *any_user(world *all) {
    return &all->users[test_random_below(&all->random, PHONES)];
}

static void set_up(world *all, uint64_t seed) {
    static const uint32_t roles[PHONES] = {SATCHEL_ROLE_MANAGER, SATCHEL_ROLE_REP,     SATCHEL_ROLE_REP,
                                           SATCHEL_ROLE_REP,     SATCHEL_ROLE_SERVICE, SATCHEL_ROLE_MARKETING};
    memset(all, 0, sizeof *all);
    all->random = test_random_of(seed);
    stage_open(&all->here, NULL, seed);
    for (int i = 0; i < 4; i++) {
        all->territories[i] = stage_territory(&all->here, "T", i > 0 ? &all->territories[(i - 1) / 2] : NULL);
    }
    for (int i = 0; i < PHONES; i++) {
        char login[16];
        snprintf(login, sizeof login, "user%d", i);
        all->users[i] =
            stage_user(&all->here, login, roles[i], i > 0 && i < 3 ? &all->users[0] : NULL, &all->territories[i % 4]);
        phone_enrol(&all->phones[i], &all->here, &all->users[i]);
    }
}

static void tear_down(world *all) {
    for (int i = 0; i < PHONES; i++) {
        phone_close(&all->phones[i]);
    }
    stage_close(&all->here);
}

/* --- what may happen --- */

static void set_id(satchel_record *record, uint32_t field, const satchel_id *id) {
    if (id != NULL) {
        REQUIRE_OK(satchel_record_set_id(record, field, id));
    }
}

static void make_customer(world *all) {
    satchel_record record = stage_record(&all->here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of("Shop")));
    if (test_random_chance(&all->random, 70)) {
        set_id(&record, SATCHEL_CUSTOMER_OWNER, any_user(all));
    }
    if (test_random_chance(&all->random, 50)) {
        set_id(&record, SATCHEL_CUSTOMER_TERRITORY, &all->territories[test_random_below(&all->random, 4)]);
    }
    satchel_write_outcome made = stage_create(&all->here, SATCHEL_ENTITY_CUSTOMER, &record);
    keep(&all->customers, &made.id);
}

static void make_at_customer(world *all) {
    const satchel_id *customer = pick(all, &all->customers);
    satchel_record record = stage_record(&all->here);
    if (customer == NULL) {
        return;
    }
    switch (test_random_below(&all->random, 4)) {
    case 0:
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CONTACT_NAME, satchel_text_of("Chen")));
        set_id(&record, SATCHEL_CONTACT_CUSTOMER, customer);
        keep_new(all, &all->contacts, SATCHEL_ENTITY_CONTACT, &record);
        break;
    case 1:
        set_id(&record, SATCHEL_VISIT_CUSTOMER, customer);
        set_id(&record, SATCHEL_VISIT_OWNER, any_user(all));
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_PLANNED));
        keep_new(all, &all->visits, SATCHEL_ENTITY_VISIT, &record);
        break;
    case 2:
        set_id(&record, SATCHEL_ORDER_CUSTOMER, customer);
        set_id(&record, SATCHEL_ORDER_OWNER, any_user(all));
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")));
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_ORDER_STATUS, SATCHEL_ORDER_STATUS_DRAFT));
        keep_new(all, &all->orders, SATCHEL_ENTITY_ORDER, &record);
        break;
    default:
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_TASK_TITLE, satchel_text_of("Call")));
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_TASK_STATUS, SATCHEL_TASK_STATUS_OPEN));
        set_id(&record, SATCHEL_TASK_CUSTOMER, test_random_chance(&all->random, 50) ? customer : NULL);
        set_id(&record, SATCHEL_TASK_ASSIGNEE, test_random_chance(&all->random, 80) ? any_user(all) : NULL);
        keep_new(all, &all->tasks, SATCHEL_ENTITY_TASK, &record);
        break;
    }
}

static void make_goods_or_line(world *all) {
    satchel_record record = stage_record(&all->here);
    const satchel_id *order = pick(all, &all->orders);
    const satchel_id *product = pick(all, &all->products);
    if (order == NULL || product == NULL) {
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_PRODUCT_CODE, satchel_text_of("P")));
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_PRODUCT_NAME, satchel_text_of("Tea")));
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_PRODUCT_COST_MINOR, 5));
        keep_new(all, &all->products, SATCHEL_ENTITY_PRODUCT, &record);
        return;
    }
    set_id(&record, SATCHEL_ORDER_LINE_ORDER, order);
    set_id(&record, SATCHEL_ORDER_LINE_PRODUCT, product);
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_ORDER_LINE_QUANTITY_E3, 1000));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR,
                                      test_random_between(&all->random, 1, 1000)));
    satchel_write_outcome made;
    stage_begin(&all->here);
    satchel_status status = satchel_served_row_create(all->here.service, all->here.db, &all->here.system,
                                                      SATCHEL_ENTITY_ORDER_LINE, NULL, &record, &made, NULL);
    stage_commit(&all->here);
    CHECK(status == SATCHEL_OK || status == SATCHEL_LATE_FOR_PARENT);
    if (status == SATCHEL_OK) {
        keep(&all->lines, &made.id);
    }
}

static void edit_something(world *all) {
    static const uint32_t texts[] = {SATCHEL_CUSTOMER_CITY, SATCHEL_CUSTOMER_NOTE, SATCHEL_CUSTOMER_RISK_NOTE,
                                     SATCHEL_CUSTOMER_INVOICE_TITLE, SATCHEL_CUSTOMER_TAX_NUMBER};
    char text[24];
    const satchel_id *customer = pick(all, &all->customers);
    const satchel_id *contact = pick(all, &all->contacts);
    snprintf(text, sizeof text, "v%u", (unsigned)test_random_below(&all->random, 1000));
    if (contact != NULL && test_random_chance(&all->random, 30)) {
        satchel_record record = stage_record(&all->here);
        satchel_write_outcome outcome;
        REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CONTACT_NOTE, satchel_text_of(text)));
        satchel_status status =
            stage_try_edit(&all->here, &all->here.system, SATCHEL_ENTITY_CONTACT, contact, 0, &record, &outcome);
        CHECK(status == SATCHEL_OK || status == SATCHEL_OUT_OF_SCOPE);
    } else if (customer != NULL) {
        stage_edit_text(&all->here, SATCHEL_ENTITY_CUSTOMER, customer, texts[test_random_below(&all->random, 5)], text);
    }
}

static void move_customer(world *all) {
    const satchel_id *customer = pick(all, &all->customers);
    const satchel_id none = {{0}};
    if (customer == NULL) {
        return;
    }
    const satchel_id *owner = test_random_chance(&all->random, 20) ? &none : any_user(all);
    const satchel_id *territory = &all->territories[test_random_below(&all->random, 4)];
    stage_begin(&all->here);
    REQUIRE_OK(satchel_customer_reassign(all->here.service, all->here.db, &all->here.system, customer,
                                         test_random_chance(&all->random, 60) ? owner : NULL,
                                         test_random_chance(&all->random, 40) ? territory : NULL, NULL));
    stage_commit(&all->here);
}

static void share_or_assign(world *all) {
    const satchel_id *customer = pick(all, &all->customers);
    if (customer == NULL) {
        return;
    }
    if (test_random_chance(&all->random, 50)) {
        int64_t first = stage_today(&all->here) + test_random_between(&all->random, -2, 2);
        stage_assign(&all->here, any_user(all), customer, first, first + test_random_between(&all->random, 0, 3));
        return;
    }
    satchel_record record = stage_record(&all->here);
    satchel_bytes element = satchel_id_view(any_user(all));
    satchel_value with = satchel_value_set(&element, (uint32_t)test_random_below(&all->random, 2));
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_SHARED_WITH, &with));
    stage_edit(&all->here, SATCHEL_ENTITY_CUSTOMER, customer, &record);
}

static void delete_something(world *all) {
    static const uint32_t entities[] = {SATCHEL_ENTITY_CONTACT, SATCHEL_ENTITY_TASK, SATCHEL_ENTITY_ORDER,
                                        SATCHEL_ENTITY_ORDER_LINE};
    const id_pool *pools[] = {&all->contacts, &all->tasks, &all->orders, &all->lines};
    uint64_t which = test_random_below(&all->random, 4);
    const satchel_id *id = pick(all, pools[which]);
    satchel_write_outcome outcome;
    if (id != NULL) {
        stage_begin(&all->here);
        satchel_status status = satchel_served_row_delete(all->here.service, all->here.db, &all->here.system,
                                                          entities[which], id, &outcome, NULL);
        CHECK(status == SATCHEL_OK || status == SATCHEL_OUT_OF_SCOPE);
        stage_commit(&all->here);
    }
}

static void move_people(world *all) {
    const satchel_id none = {{0}};
    static const uint32_t roles[] = {SATCHEL_ROLE_REP, SATCHEL_ROLE_MANAGER, SATCHEL_ROLE_SERVICE};
    uint64_t role = UINT64_C(1) << roles[test_random_below(&all->random, 3)];
    bool active = test_random_chance(&all->random, 85);
    satchel_user_change change = {.name = NULL};
    switch (test_random_below(&all->random, 4)) {
    case 0: change.manager = test_random_chance(&all->random, 50) ? &none : any_user(all); break;
    case 1: change.territory = &all->territories[test_random_below(&all->random, 4)]; break;
    case 2: change.roles = &role; break;
    default: change.active = &active; break;
    }
    stage_begin(&all->here);
    satchel_status status =
        satchel_user_change_to(all->here.service, all->here.db, &all->here.system, any_user(all), &change, NULL);
    CHECK(status == SATCHEL_OK || status == SATCHEL_INVALID_ARGUMENT);
    stage_commit(&all->here);
}

static void phone_writes(world *all) {
    phone *mine = &all->phones[test_random_below(&all->random, PHONES)];
    const satchel_id *customer = pick(all, &all->customers);
    if (customer == NULL || mine->outbox_count > 20) {
        return;
    }
    switch (test_random_below(&all->random, 3)) {
    case 0: phone_add_customer(mine, "From a phone"); break;
    case 1: phone_check_in(mine, customer); break;
    default: phone_edit_text(mine, SATCHEL_ENTITY_CUSTOMER, customer, SATCHEL_CUSTOMER_STREET, "1 Long Street"); break;
    }
}

/* --- what access says --- */

typedef struct judge {
    world *all;
    satchel_person person;
    satchel_scope_list scopes;
    satchel_arena arena;
} judge;

/* What the user may see of a row now; false: nothing. */
static bool may_see(judge *mind, const satchel_stored_row *row, satchel_record *out) {
    const satchel_service *service = mind->all->here.service;
    const satchel_entity *entity = satchel_schema_entity(&service->schema, row->entity);
    satchel_standing standing;
    uint32_t relations = 0;
    if (!row->merged.exists || row->merged.deleted || (entity->flags & SATCHEL_ENTITY_SERVER_ONLY) != 0) {
        return false;
    }
    REQUIRE_OK(satchel_standing_of(service, mind->all->here.db, row->entity, &row->id, &row->merged.value, &mind->arena,
                                   &standing, NULL));
    REQUIRE_OK(satchel_relations_of(mind->all->here.db, &standing, &mind->person, stage_today(&mind->all->here),
                                    &relations, NULL));
    if (!satchel_access_reads(mind->person.policy, &mind->person.access, row->entity, relations,
                              satchel_standing_is_anchored(&standing))) {
        return false;
    }
    if (row->entity == SATCHEL_ENTITY_CONFLICT) {
        uint32_t subject = (uint32_t)satchel_record_int(&row->merged.value, SATCHEL_CONFLICT_SUBJECT_ENTITY, 0);
        uint32_t classes =
            satchel_access_visible_classes(mind->person.policy, &mind->person.access, subject, relations) &
            satchel_access_visible_classes(mind->person.policy, &mind->person.access, row->entity, relations);
        if ((classes & (1u << satchel_conflict_class(&row->merged.value))) == 0) {
            return false;
        }
    }
    satchel_record_init(out, &mind->arena);
    REQUIRE_OK(satchel_access_filter(&service->schema, mind->person.policy, &mind->person.access, row->entity,
                                     relations, &row->merged.value, out));
    for (uint32_t i = out->count; i > 0; i--) {
        if (out->fields[i - 1].value.type == SATCHEL_TYPE_NULL) {
            satchel_record_remove(out, out->fields[i - 1].number);
        }
    }
    return true;
}

static judge judge_of(world *all, int which) {
    judge mind = {.all = all};
    REQUIRE_OK(satchel_person_load(all->here.service, all->here.db, &all->users[which], stage_today(&all->here),
                                   &mind.arena, &mind.person, NULL));
    REQUIRE_OK(satchel_scopes_of(all->here.db, &mind.person, &mind.arena, &mind.scopes, NULL));
    return mind;
}

/* Same fields, but for the id and the common ones. */
static bool same_values(const satchel_record *mirrored, const satchel_record *expected) {
    uint32_t counted = 0;
    for (uint32_t i = 0; i < mirrored->count; i++) {
        uint32_t number = mirrored->fields[i].number;
        if (number == SATCHEL_FIELD_ID || (number >= SATCHEL_FIELD_CREATED_AT && number <= SATCHEL_FIELD_REVISION)) {
            continue;
        }
        const satchel_value *value = satchel_record_get(expected, number);
        counted++;
        if (value == NULL || !satchel_value_equal(value, &mirrored->fields[i].value)) {
            return false;
        }
    }
    return counted == expected->count;
}

static void judge_fresh_rows(world *all, int which) {
    const phone *mine = &all->phones[which];
    judge mind = judge_of(all, which);
    for (uint32_t i = 0; i < mine->row_count; i++) {
        satchel_stored_row row;
        satchel_record expected;
        if (!mine->rows[i]->fresh) {
            continue;
        }
        REQUIRE_OK(satchel_stored_row_load(all->here.service->tables, all->here.db, mine->rows[i]->entity,
                                           &mine->rows[i]->id, &mind.arena, &row, NULL));
        bool allowed = may_see(&mind, &row, &expected);
        if (!CHECK(allowed && same_values(&mine->rows[i]->record, &expected))) {
            test_note("user %d got entity %u%s", which, (unsigned)row.entity, allowed ? " with other values" : "");
        }
    }
    satchel_arena_deinit(&mind.arena);
}

/* Is the row's set on the phone the scopes that it is in now, of those that the user has? */
static bool same_scopes(judge *mind, const phone *mine, const mirror_row *have, const satchel_stored_row *row) {
    stage *here = &mind->all->here;
    satchel_standing standing;
    satchel_member_list members;
    satchel_cursor cursor;
    uint32_t numbers[64];
    uint32_t names[64];
    uint32_t count = 0;
    const mirror_set *set = phone_set(mine, have->set);
    REQUIRE_OK(satchel_standing_of(here->service, here->db, row->entity, &row->id, &row->merged.value, &mind->arena,
                                   &standing, NULL));
    REQUIRE_OK(satchel_members_of(here->db, &standing.place, &mind->arena, &members, NULL));
    REQUIRE_OK(satchel_cursor_read(satchel_bytes_of(mine->cursor, mine->cursor_bytes), &cursor, NULL));
    for (uint32_t i = 0; i < members.count; i++) {
        if (members.items[i].present && satchel_scope_list_has(&mind->scopes, members.items[i].scope)) {
            REQUIRE(count < 64);
            numbers[count++] = members.items[i].scope;
        }
    }
    REQUIRE_OK(satchel_wire_scopes(here->db, &mine->user, numbers, count, cursor.generation, names, NULL));
    return set != NULL && set->count == count && memcmp(set->scopes, names, count * sizeof *names) == 0;
}

static void judge_all_rows_of(judge *mind, const phone *mine, uint32_t entity, uint32_t *expected_rows) {
    const satchel_tables *tables = mind->all->here.service->tables;
    const satchel_table *table = satchel_db_tables_get(tables, entity);
    satchel_db_statement *statement = NULL;
    char sql[4096];
    bool found = true;
    snprintf(sql, sizeof sql, "SELECT %s FROM %s", table->columns, table->name);
    REQUIRE_OK(satchel_db_start(&statement, mind->all->here.db, sql, NULL, 0, NULL));
    while (found) {
        satchel_stored_row row;
        satchel_record expected;
        REQUIRE_OK(satchel_db_step(statement, &found, NULL));
        if (found) {
            REQUIRE_OK(satchel_stored_row_read(tables, statement, entity, &mind->arena, &row, NULL));
        }
        if (found && may_see(mind, &row, &expected)) {
            const mirror_row *have = phone_find(mine, entity, &row.id);
            *expected_rows += 1;
            CHECK(have != NULL);
            CHECK(have == NULL || same_values(&have->record, &expected));
            CHECK(have == NULL || same_scopes(mind, mine, have, &row));
        }
    }
    satchel_db_end(statement);
}

static void judge_phone(world *all, int which) {
    const satchel_model *model = all->here.service->schema.model;
    judge mind = judge_of(all, which);
    uint32_t expected = 0;
    for (uint32_t i = 0; i < model->entity_count; i++) {
        judge_all_rows_of(&mind, &all->phones[which], model->entities[i].number, &expected);
    }
    CHECK_UINT(all->phones[which].row_count, expected);
    CHECK_TEXT(all->phones[which].complaint, "");
    satchel_arena_deinit(&mind.arena);
}

/* --- the story --- */

static void something_happens(world *all) {
    static void (*const events[])(world *) = {make_customer,   make_at_customer, make_at_customer, make_goods_or_line,
                                              edit_something,  edit_something,   edit_something,   move_customer,
                                              share_or_assign, delete_something, phone_writes,     phone_writes};
    if (test_random_chance(&all->random, 4)) {
        move_people(all);
    } else if (test_random_chance(&all->random, 4)) {
        stage_pass(&all->here, SATCHEL_MS_PER_DAY);
    } else {
        events[test_random_below(&all->random, sizeof events / sizeof *events)](all);
    }
    stage_pass(&all->here, 1000);
}

static void a_phone_pulls(world *all) {
    int which = (int)test_random_below(&all->random, PHONES);
    phone *mine = &all->phones[which];
    mine->page_bytes = (uint32_t)test_random_between(&all->random, 1, 6) * 1024;
    phone_luck luck = test_random_chance(&all->random, 15) ? PHONE_LOSE_REPLY : PHONE_GOOD_LUCK;
    satchel_status status = phone_exchange(mine, luck);
    CHECK(status == SATCHEL_OK || (luck == PHONE_LOSE_REPLY && status == SATCHEL_NETWORK_ERROR));
    if (luck == PHONE_GOOD_LUCK) {
        judge_fresh_rows(all, which);
    }
}

static void live_through(uint64_t seed, int steps) {
    world *all = satchel_memory_take(sizeof *all);
    REQUIRE(all != NULL);
    set_up(all, seed);
    for (int i = 0; i < steps; i++) {
        something_happens(all);
        if (test_random_chance(&all->random, 50)) {
            a_phone_pulls(all);
        }
    }
    for (int i = 0; i < PHONES; i++) {
        phone_sync(&all->phones[i]);
    }
    for (int i = 0; i < PHONES; i++) {
        phone_sync(&all->phones[i]);
        judge_phone(all, i);
    }
    tear_down(all);
    satchel_memory_give(all);
}

TEST(mirror, each_phone_ends_with_exactly_what_its_user_may_see) {
    for (uint64_t seed = 1; seed <= 6; seed++) {
        live_through(seed, 250);
    }
}
