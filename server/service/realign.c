/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts at once, memberships in steps. The table realigned_customer holds who waits: step 1 for removals, 2 for
 * arrivals; 3 where no fact moved, but the rule by which memberships follow from facts did.
 */
#include "service/realign.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/desk.h"

#include <satchel/model.h>
#include <string.h>

#define STEP_REMOVE 1
#define STEP_ADD 2
#define STEP_REMAKE 3 /* put there by db/tables.c */

/* --- which customers --- */

static const char selected[] =
    "WITH RECURSIVE below(id) AS (SELECT \"id\" FROM \"territory\" WHERE \"id\" = ?2 UNION SELECT t.\"id\" FROM"
    " \"territory\" t JOIN below b ON t.\"parent\" = b.id) SELECT \"id\" FROM \"customer\" WHERE \"deleted\" = 0"
    " AND (?3 = 0 OR \"owner\" = ?1) AND (?4 = 0 OR \"territory\" IN (SELECT id FROM below)) ORDER BY \"id\"";

static satchel_status add_found(satchel_db *db, const satchel_realign_wish *wish, satchel_arena *arena,
                                satchel_id_list *out, satchel_error *error) {
    const satchel_id none = {{0}};
    satchel_db_statement *statement = NULL;
    satchel_id_list wanted = {(satchel_id *)(uintptr_t)wish->customers, wish->customer_count, 0};
    satchel_status status = SATCHEL_DB_START(
        &statement, db, error, selected, satchel_value_id(wish->of_owner != NULL ? wish->of_owner : &none),
        satchel_value_id(wish->of_territory != NULL ? wish->of_territory : &none),
        satchel_value_int(wish->of_owner != NULL), satchel_value_int(wish->of_territory != NULL));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        satchel_id id = status == SATCHEL_OK && found ? satchel_db_id(statement, 0) : none;
        bool meant = found && (wish->customers == NULL || satchel_id_list_has(&wanted, &id));
        if (status == SATCHEL_OK && meant) {
            status = satchel_id_list_add(out, arena, &id);
        }
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_realign_select(satchel_db *db, const satchel_realign_wish *wish, satchel_arena *arena,
                                      satchel_id_list *out, satchel_error *error) {
    satchel_realign_wish sorted = *wish;
    satchel_id_list given = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    *out = (satchel_id_list){NULL, 0, 0};
    if (wish->owner == NULL && wish->territory == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a realignment gives another owner or territory");
    }
    if (wish->of_owner == NULL && wish->of_territory == NULL && wish->customers == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a realignment says of which customers");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && wish->customers != NULL && i < wish->customer_count; i++) {
        status = satchel_id_list_add(&given, arena, &wish->customers[i]);
    }
    satchel_id_list_sort(&given);
    sorted.customers = wish->customers != NULL ? given.items : NULL;
    sorted.customer_count = given.count;
    bool nobody = wish->customers != NULL && given.count == 0;
    return status == SATCHEL_OK && !nobody ? add_found(db, &sorted, arena, out, error) : status;
}

/* --- the facts --- */

static satchel_status require_row(satchel_desk *desk, uint32_t entity, uint32_t field, const satchel_id *id) {
    satchel_stored_row row;
    if (id == NULL || satchel_id_is_none(id)) {
        return SATCHEL_OK;
    }
    satchel_status status =
        satchel_stored_row_load(desk->service->tables, desk->db, entity, id, &desk->arena, &row, desk->error);
    return status == SATCHEL_OK && (!row.merged.exists || row.merged.deleted)
               ? satchel_fail_field(desk->error, SATCHEL_REFERENCE_MISSING, SATCHEL_ENTITY_CUSTOMER, field,
                                    "it names a row that is not there")
               : status;
}

static satchel_status want(satchel_record *record, uint32_t field, const satchel_id *id) {
    const satchel_value null = satchel_value_null();
    if (id == NULL) {
        return SATCHEL_OK;
    }
    return satchel_id_is_none(id) ? satchel_record_set(record, field, &null) : satchel_record_set_id(record, field, id);
}

/* One customer, as an op of the actor's. `*moved` counts those that were not as wanted before. */
static satchel_status move_one(satchel_desk *desk, const satchel_id *customer, const satchel_realign_wish *wish,
                               uint64_t *moved) {
    satchel_op op;
    satchel_stored_row row;
    satchel_op_decision decision;
    satchel_record wanted;
    bool any = false;
    satchel_record_init(&wanted, desk->scratch);
    satchel_status status = satchel_stored_row_load(desk->service->tables, desk->db, SATCHEL_ENTITY_CUSTOMER, customer,
                                                    desk->scratch, &row, desk->error);
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, customer, desk->scratch);
    op.base_n = row.revision;
    if (status == SATCHEL_OK) {
        status = want(&wanted, SATCHEL_CUSTOMER_OWNER, wish->owner);
    }
    if (status == SATCHEL_OK) {
        status = want(&wanted, SATCHEL_CUSTOMER_TERRITORY, wish->territory);
    }
    if (status == SATCHEL_OK) {
        status = satchel_desk_difference(desk, &row, &wanted, NULL, 0, &op, &any);
    }
    *moved += any ? 1 : 0;
    return status == SATCHEL_OK && any ? satchel_desk_op(desk, &op, &decision) : status;
}

static satchel_status move_all(satchel_desk *desk, const satchel_realign_wish *wish, uint64_t *moved) {
    satchel_id_list customers;
    satchel_arena scratch;
    satchel_status status = satchel_realign_select(desk->db, wish, &desk->arena, &customers, desk->error);
    satchel_arena_init(&scratch);
    desk->change.arena = desk->scratch = &scratch;
    desk->change.defers = true;
    desk->change.trusted = true; /* who may assign everywhere may do so to anybody */
    for (uint32_t i = 0; status == SATCHEL_OK && i < customers.count; i++) {
        satchel_arena_reset(&scratch);
        status = move_one(desk, &customers.items[i], wish, moved);
    }
    desk->change.arena = desk->scratch = &desk->arena;
    satchel_arena_deinit(&scratch);
    return status;
}

satchel_status satchel_realign_begin(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_realign_wish *wish, uint64_t *out_moved, satchel_error *error) {
    const satchel_id none = {{0}};
    satchel_desk desk;
    *out_moved = 0;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, SATCHEL_ENTITY_CUSTOMER, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_CUSTOMER, SATCHEL_VERB_ASSIGN);
    if (status == SATCHEL_OK) {
        status = require_row(&desk, SATCHEL_ENTITY_USER, SATCHEL_CUSTOMER_OWNER, wish->owner);
    }
    if (status == SATCHEL_OK) {
        status = require_row(&desk, SATCHEL_ENTITY_TERRITORY, SATCHEL_CUSTOMER_TERRITORY, wish->territory);
    }
    if (status == SATCHEL_OK) {
        status = move_all(&desk, wish, out_moved);
    }
    return satchel_desk_close(&desk, status, "realign", SATCHEL_ENTITY_CUSTOMER, &none);
}

/* --- the steps --- */

satchel_status satchel_realign_defer(satchel_change *change, const satchel_id *customer, satchel_error *error) {
    return SATCHEL_DB_RUN(change->db, error,
                          "INSERT INTO realigned_customer (customer, step) VALUES (?1, ?2) ON CONFLICT (customer) DO"
                          " UPDATE SET step = excluded.step",
                          satchel_value_id(customer), satchel_value_int(STEP_REMOVE));
}

/* The step for which a customer waits, 0: for none. */
static satchel_status step_of(satchel_db *db, const satchel_id *customer, int64_t *out, satchel_error *error) {
    return SATCHEL_DB_NUMBER(db, error, out, 0, "SELECT step FROM realigned_customer WHERE customer = ?1",
                             satchel_value_id(customer));
}

satchel_status satchel_realign_waits(satchel_db *db, const satchel_id *customer, bool *out, satchel_error *error) {
    int64_t found = 0;
    satchel_status status =
        satchel_id_is_none(customer)
            ? satchel_db_number_values(db, "SELECT 1 FROM realigned_customer LIMIT 1", NULL, 0, 0, &found, error)
            : step_of(db, customer, &found, error);
    *out = found != 0;
    return status;
}

static satchel_status note_done(satchel_change *change, const satchel_id *customer, satchel_error *error) {
    return SATCHEL_DB_RUN(change->db, error, "DELETE FROM realigned_customer WHERE customer = ?1",
                          satchel_value_id(customer));
}

/* The scopes as the facts have them; who was passed over meanwhile gets everything. */
static satchel_status settle(satchel_change *change, const satchel_id *customer, satchel_error *error) {
    satchel_place_list places;
    satchel_status status = satchel_change_refresh(change, customer, error);
    if (status == SATCHEL_OK) {
        status = satchel_places_at(change->db, customer, change->arena, &places, error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < places.count; i++) {
        status = satchel_members_reenter(change->db, &places.items[i], change->n, &change->touched, error);
    }
    return status;
}

/* Does any customer wait? Changes of a batch ask once: none of them makes one wait. */
static satchel_status look_for_lag(satchel_change *change, satchel_error *error) {
    const satchel_id any = {{0}};
    satchel_change_batch *batch = change->batch;
    satchel_status status = SATCHEL_OK;
    if (!change->lag_known && batch != NULL && batch->lag_known) {
        change->lags = batch->lags;
    } else if (!change->lag_known) {
        status = satchel_realign_waits(change->db, &any, &change->lags, error);
    }
    change->lag_known = status == SATCHEL_OK;
    if (batch != NULL && status == SATCHEL_OK) {
        batch->lag_known = true;
        batch->lags = change->lags;
    }
    return status;
}

satchel_status satchel_realign_catch_up(satchel_change *change, const satchel_id *customer, satchel_error *error) {
    int64_t step = 0;
    if (satchel_id_is_none(customer)) {
        return SATCHEL_OK;
    }
    satchel_status status = look_for_lag(change, error);
    if (status == SATCHEL_OK && change->lags) {
        status = step_of(change->db, customer, &step, error);
    }
    if (status != SATCHEL_OK || step == 0) {
        return status;
    }
    status = note_done(change, customer, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    return step == STEP_REMAKE ? satchel_change_refresh(change, customer, error) : settle(change, customer, error);
}

satchel_status satchel_realign_left(satchel_db *db, satchel_realign_progress *out, satchel_error *error) {
    int64_t remove = 0;
    int64_t add = 0;
    satchel_status status = satchel_db_number_values(db, "SELECT count(*) FROM realigned_customer WHERE step = 1", NULL,
                                                     0, 0, &remove, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_number_values(db, "SELECT count(*) FROM realigned_customer WHERE step > 1", NULL, 0, 0,
                                          &add, error);
    }
    *out = (satchel_realign_progress){(uint64_t)remove, (uint64_t)add};
    return status;
}

static satchel_status next_waiting(satchel_desk *desk, int64_t step, uint32_t count, satchel_id_list *out) {
    satchel_db_statement *statement = NULL;
    satchel_status status =
        SATCHEL_DB_START(&statement, desk->db, desk->error,
                         "SELECT customer FROM realigned_customer WHERE step = ?1 ORDER BY customer LIMIT ?2",
                         satchel_value_int(step), satchel_db_count(count));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, desk->error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(out, &desk->arena, &id);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status step_one(satchel_desk *desk, const satchel_id *customer, int64_t step) {
    desk->change.withdraws = step == STEP_REMOVE;
    satchel_status status = step == STEP_ADD ? settle(&desk->change, customer, desk->error)
                                             : satchel_change_refresh(&desk->change, customer, desk->error);
    desk->change.withdraws = false;
    desk->change.moved = true;
    if (status != SATCHEL_OK) {
        return status;
    }
    return step == STEP_REMOVE
               ? SATCHEL_DB_RUN(desk->db, desk->error, "UPDATE realigned_customer SET step = 2 WHERE customer = ?1",
                                satchel_value_id(customer))
               : note_done(&desk->change, customer, desk->error);
}

/* All removals are done before the first arrival; who waits for nothing but the rule comes last. */
static satchel_status run_step(satchel_desk *desk, uint32_t count, bool removes) {
    satchel_id_list customers = {NULL, 0, 0};
    satchel_arena scratch;
    int64_t step = removes ? STEP_REMOVE : STEP_ADD;
    satchel_status status = next_waiting(desk, step, count, &customers);
    if (status == SATCHEL_OK && customers.count == 0) {
        step = STEP_REMAKE;
        status = next_waiting(desk, step, count, &customers);
    }
    satchel_arena_init(&scratch);
    desk->change.arena = desk->scratch = &scratch;
    for (uint32_t i = 0; status == SATCHEL_OK && i < customers.count; i++) {
        satchel_arena_reset(&scratch);
        status = step_one(desk, &customers.items[i], step);
    }
    desk->change.arena = desk->scratch = &desk->arena;
    satchel_arena_deinit(&scratch);
    return status;
}

satchel_status satchel_realign_step(const satchel_service *service, satchel_db *db, uint32_t customers,
                                    satchel_realign_progress *out, satchel_error *error) {
    const satchel_actor system = satchel_actor_system();
    const satchel_id none = {{0}};
    satchel_desk desk;
    if (customers == 0 || customers > SATCHEL_REALIGN_STEP_MOST) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a step takes 1 to %u customers",
                            (unsigned)SATCHEL_REALIGN_STEP_MOST);
    }
    satchel_status status = satchel_realign_left(db, out, error);
    if (status != SATCHEL_OK || (out->to_remove == 0 && out->to_add == 0)) {
        return status;
    }
    status = satchel_desk_open(&desk, service, db, &system, SATCHEL_ENTITY_CUSTOMER, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = run_step(&desk, customers, out->to_remove > 0);
    status = satchel_desk_close(&desk, status, "realign step", SATCHEL_ENTITY_CUSTOMER, &none);
    return status == SATCHEL_OK ? satchel_realign_left(db, out, error) : status;
}
