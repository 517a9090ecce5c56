/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's side of the stage.
 */
#include "support/server_service/stage.h"

#include "base/text.h"
#include "base/times.h"

#include <string.h>

static int64_t stage_now(void *context) {
    const stage *here = context;
    return here->now_ms;
}

static void stage_connect(stage *here) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    satchel_service_platform platform = {.context = here, .now_ms = stage_now};
    platform.random = here->random;
    REQUIRE_OK(satchel_db_open(&here->db, here->where, SATCHEL_DB_WRITER, &error));
    REQUIRE_OK(satchel_service_open(&here->service, &platform, here->db, &error));
}

void stage_open(stage *here, const char *path, uint64_t seed) {
    memset(here, 0, sizeof *here);
    here->now_ms = STAGE_START_MS;
    here->system = satchel_actor_system();
    satchel_arena_init(&here->arena);
    here->random = satchel_random_from_seed(&here->seeded, seed);
    REQUIRE_OK(satchel_crypto_init());
    test_database_make(path, here->where);
    stage_connect(here);
    stage_begin(here);
    REQUIRE_OK(satchel_company_init(here->service, here->db, satchel_text_of("华宁 Trading"), NULL));
    stage_commit(here);
}

void stage_close(stage *here) {
    satchel_service_close(here->service);
    satchel_db_close(here->db);
    satchel_arena_deinit(&here->arena);
}

void stage_reopen(stage *here) {
    satchel_service_close(here->service);
    satchel_db_close(here->db);
    stage_connect(here);
}

void stage_pass(stage *here, int64_t ms) {
    here->now_ms += ms;
}

int64_t stage_today(const stage *here) {
    return satchel_day_of(here->now_ms, 0);
}

void stage_begin(stage *here) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_WRITE, &error));
}

void stage_commit(stage *here) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    REQUIRE_OK(satchel_db_commit(here->db, &error));
}

static void stage_expect_ok(satchel_status status, const satchel_error *error) {
    if (status != SATCHEL_OK) {
        test_note("%s: %s (entity %u, field %u)", satchel_status_name(status), error->detail, (unsigned)error->entity,
                  (unsigned)error->field);
    }
    REQUIRE_OK(status);
}

satchel_record stage_record(stage *here) {
    satchel_record record;
    satchel_record_init(&record, &here->arena);
    return record;
}

satchel_id stage_user(stage *here, const char *login, uint32_t role, const satchel_id *manager,
                      const satchel_id *territory) {
    const satchel_id none = {{0}};
    satchel_id id;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    satchel_new_user user = {.login = satchel_text_of(login),
                             .name = satchel_text_of(login),
                             .roles = UINT64_C(1) << role,
                             .manager = manager != NULL ? *manager : none,
                             .territory = territory != NULL ? *territory : none};
    stage_begin(here);
    stage_expect_ok(satchel_user_add(here->service, here->db, &here->system, &user, &id, &error), &error);
    stage_commit(here);
    return id;
}

satchel_id stage_territory(stage *here, const char *name, const satchel_id *parent) {
    const satchel_id none = {{0}};
    satchel_id id;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    stage_expect_ok(satchel_territory_add(here->service, here->db, &here->system, satchel_text_of(name),
                                          parent != NULL ? parent : &none, satchel_text_of(""), &id, &error),
                    &error);
    stage_commit(here);
    return id;
}

satchel_write_outcome stage_create(stage *here, uint32_t entity, const satchel_record *record) {
    satchel_write_outcome outcome;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    stage_expect_ok(
        satchel_served_row_create(here->service, here->db, &here->system, entity, NULL, record, &outcome, &error),
        &error);
    stage_commit(here);
    return outcome;
}

satchel_id stage_customer(stage *here, const char *name, const satchel_id *owner, const satchel_id *territory) {
    satchel_record record = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    if (owner != NULL) {
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, owner));
    }
    if (territory != NULL) {
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_TERRITORY, territory));
    }
    return stage_create(here, SATCHEL_ENTITY_CUSTOMER, &record).id;
}

void stage_reassign(stage *here, const satchel_id *customer, const satchel_id *owner) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    stage_expect_ok(satchel_customer_reassign(here->service, here->db, &here->system, customer, owner, NULL, &error),
                    &error);
    stage_commit(here);
}

satchel_id stage_assign(stage *here, const satchel_id *user, const satchel_id *customer, int64_t first, int64_t last) {
    satchel_id id;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    satchel_new_assignment given = {.user = *user, .customer = *customer, .first_day = first, .last_day = last};
    stage_begin(here);
    stage_expect_ok(satchel_assignment_add(here->service, here->db, &here->system, &given, &id, &error), &error);
    stage_commit(here);
    return id;
}

satchel_status stage_try_edit(stage *here, const satchel_actor *actor, uint32_t entity, const satchel_id *id,
                              uint64_t base_n, const satchel_record *record, satchel_write_outcome *out) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    satchel_status status =
        satchel_served_row_edit(here->service, here->db, actor, entity, id, base_n, record, NULL, 0, out, &error);
    stage_commit(here);
    return status;
}

satchel_write_outcome stage_edit(stage *here, uint32_t entity, const satchel_id *id, const satchel_record *record) {
    satchel_write_outcome outcome;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_begin(here);
    stage_expect_ok(satchel_served_row_edit(here->service, here->db, &here->system, entity, id, 0, record, NULL, 0,
                                            &outcome, &error),
                    &error);
    stage_commit(here);
    return outcome;
}

satchel_write_outcome stage_edit_text(stage *here, uint32_t entity, const satchel_id *id, uint32_t field,
                                      const char *text) {
    satchel_record record = stage_record(here);
    REQUIRE_OK(satchel_record_set_text(&record, field, satchel_text_of(text)));
    return stage_edit(here, entity, id, &record);
}

satchel_record stage_read(stage *here, uint32_t entity, const satchel_id *id, uint64_t *out_n) {
    satchel_record record = stage_record(here);
    uint64_t n = 0;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_expect_ok(satchel_served_row_read(here->service, here->db, &here->system, entity, id, &record, &n, &error),
                    &error);
    if (out_n != NULL) {
        *out_n = n;
    }
    return record;
}

satchel_service_counts stage_counts(stage *here) {
    satchel_service_counts counts;
    REQUIRE_OK(satchel_service_count(here->service, here->db, &counts, NULL));
    return counts;
}

int64_t stage_number(stage *here, const char *sql) {
    int64_t number = 0;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    stage_expect_ok(satchel_db_number_values(here->db, sql, NULL, 0, -1, &number, &error), &error);
    return number;
}

typedef struct id_taker {
    satchel_id *ids;
    uint32_t count;
    uint32_t most;
} id_taker;

static satchel_status take_id(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    id_taker *taker = context;
    (void)record;
    (void)n;
    if (taker->count < taker->most) {
        taker->ids[taker->count++] = *id;
    }
    return SATCHEL_OK;
}

uint32_t stage_list(stage *here, uint32_t entity, satchel_id *ids, uint32_t most) {
    satchel_query *query = NULL;
    satchel_buffer next;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    id_taker taker = {ids, 0, most};
    satchel_buffer_init(&next);
    REQUIRE_OK(satchel_query_open(&query, entity));
    stage_expect_ok(satchel_rows_list(here->service, here->db, &here->system, query, (satchel_bytes){NULL, 0}, most,
                                      take_id, &taker, &next, &error),
                    &error);
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    return taker.count;
}
