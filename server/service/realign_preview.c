/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a realignment would mean, by reading: for each user access is asked about the facts as they are and as they
 * would be. Customers with the same owner, territory and sharing are asked about once, unless a dated assignment names
 * one.
 */
#include "service/realign.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/desk.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <string.h>

#define SAMPLE_MOST 64    /* customers whose rows are weighed */
#define REMOVAL_BYTES 17  /* a customer that goes, whatever hangs on it */
#define SHARED_ALONE 4096 /* groups beyond are one a customer */

/* Customers that stand alike, before and after. */
typedef struct alike {
    satchel_standing before;
    satchel_standing after;
    uint64_t count;
    satchel_id first;
} alike;

typedef struct preview_work {
    satchel_desk desk;
    const satchel_realign_wish *wish;
    satchel_arena *arena;
    satchel_id_list customers;
    alike *groups;
    uint32_t group_count;
    uint32_t *group_of; /* by customer */
    uint64_t sample_bytes;
    uint32_t sample_count;
    satchel_realign_impact *out;
    satchel_error *error;
} preview_work;

/* --- groups --- */

static bool stands_alike(const satchel_anchor *a, const satchel_anchor *b) {
    return satchel_id_equal(&a->owner, &b->owner) && satchel_id_equal(&a->territory, &b->territory) &&
           a->pooled == b->pooled && a->shared_with.count == 0 && b->shared_with.count == 0;
}

static void stand(const preview_work *work, const satchel_anchor *anchor, alike *out) {
    out->before = (satchel_standing){.entity = SATCHEL_ENTITY_CUSTOMER, .owner = anchor->owner, .anchor = *anchor};
    out->before.company = anchor->pooled;
    out->after = out->before;
    if (work->wish->owner != NULL) {
        out->after.owner = out->after.anchor.owner = *work->wish->owner;
        out->after.company = out->after.anchor.pooled = anchor->pooled && satchel_id_is_none(work->wish->owner);
    }
    if (work->wish->territory != NULL) {
        out->after.anchor.territory = *work->wish->territory;
    }
}

static satchel_status group_customers(preview_work *work) {
    satchel_status status = SATCHEL_OK;
    work->groups = satchel_arena_take_array(work->arena, work->customers.count, sizeof *work->groups);
    work->group_of = satchel_arena_take_array(work->arena, work->customers.count, sizeof *work->group_of);
    if (work->groups == NULL || work->group_of == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a preview");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < work->customers.count; i++) {
        satchel_anchor anchor;
        uint32_t at = 0;
        status = satchel_anchor_load(work->desk.db, &work->customers.items[i], work->arena, &anchor, work->error);
        uint32_t most = work->group_count < SHARED_ALONE ? work->group_count : SHARED_ALONE;
        while (at < most && !stands_alike(&work->groups[at].before.anchor, &anchor)) {
            at++;
        }
        if (at == most) {
            at = work->group_count++;
            stand(work, &anchor, &work->groups[at]);
            work->groups[at].count = 0;
            work->groups[at].first = work->customers.items[i];
        }
        work->groups[at].count++;
        work->group_of[i] = at;
    }
    return status;
}

/* --- what hangs on them --- */

static satchel_status count_open(preview_work *work, const char *sql, int64_t first, int64_t second,
                                 const satchel_id *customer, uint64_t *count) {
    int64_t found = 0;
    satchel_status status = SATCHEL_DB_NUMBER(work->desk.db, work->error, &found, 0, sql, satchel_value_id(customer),
                                              satchel_value_int(first), satchel_value_int(second));
    *count += (uint64_t)found;
    return status;
}

static satchel_status weigh_rows(preview_work *work, uint32_t entity, const char *sql, const satchel_id *id) {
    satchel_db_statement *statement = NULL;
    satchel_arena arena;
    satchel_buffer bytes;
    satchel_arena_init(&arena);
    satchel_buffer_init(&bytes);
    satchel_status status = SATCHEL_DB_START(&statement, work->desk.db, work->error, sql, satchel_value_id(id));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        satchel_stored_row row;
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            status = satchel_stored_row_read(work->desk.service->tables, statement, entity, &arena, &row, work->error);
        }
        if (status == SATCHEL_OK && found) {
            status = satchel_record_encode(&work->desk.service->schema, entity, &row.merged.value, &bytes);
            work->sample_bytes += bytes.bytes + 2 * SATCHEL_ID_BYTES;
        }
        satchel_buffer_clear(&bytes);
        satchel_arena_reset(&arena);
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status weigh(preview_work *work, const satchel_place *place) {
    const satchel_model *model = work->desk.service->schema.model;
    uint32_t entity = satchel_place_entity(place);
    const satchel_table *table = satchel_db_tables_get(work->desk.service->tables, entity);
    satchel_status status = weigh_rows(work, entity, table->select_by_id, &place->root);
    for (uint32_t i = 0; status == SATCHEL_OK && i < model->entity_count; i++) {
        if (model->entities[i].root == entity) {
            table = satchel_db_tables_get(work->desk.service->tables, model->entities[i].number);
            status = weigh_rows(work, model->entities[i].number, table->select_by_root, &place->root);
        }
    }
    return status;
}

static satchel_status look_at(preview_work *work, const satchel_id *customer) {
    satchel_place_list places;
    bool sampled = work->sample_count < SAMPLE_MOST;
    satchel_status status = satchel_places_at(work->desk.db, customer, work->arena, &places, work->error);
    for (uint32_t i = 0; status == SATCHEL_OK && sampled && i < places.count; i++) {
        status = weigh(work, &places.items[i]);
    }
    work->sample_count += sampled ? 1 : 0;
    work->out->children += status == SATCHEL_OK && places.count > 0 ? places.count - 1 : 0;
    if (status == SATCHEL_OK) {
        status = count_open(work,
                            "SELECT count(*) FROM \"task\" WHERE \"customer\" = ?1 AND \"deleted\" = 0 AND \"status\""
                            " IN (?2, ?3)",
                            SATCHEL_TASK_STATUS_OPEN, SATCHEL_TASK_STATUS_OPEN, customer, &work->out->open_tasks);
    }
    if (status == SATCHEL_OK) {
        status = count_open(work,
                            "SELECT count(*) FROM \"visit\" WHERE \"customer\" = ?1 AND \"deleted\" = 0 AND \"status\""
                            " IN (?2, ?3)",
                            SATCHEL_VISIT_STATUS_PLANNED, SATCHEL_VISIT_STATUS_IN_PROGRESS, customer,
                            &work->out->open_visits);
    }
    return status;
}

/* --- users --- */

static bool reads(const satchel_person *person, const satchel_standing *standing, bool assigned) {
    const satchel_id none = {{0}};
    satchel_access_row row;
    satchel_standing_facts(standing, person, &none, &row);
    row.assigned = row.assigned || assigned;
    uint32_t relations = satchel_access_relations(&person->access, &row);
    return satchel_access_reads(person->policy, &person->access, SATCHEL_ENTITY_CUSTOMER, relations, false);
}

static satchel_status load_given(preview_work *work, const satchel_id *user, satchel_id_list *out) {
    satchel_db_statement *statement = NULL;
    satchel_status status = SATCHEL_DB_START(
        &statement, work->desk.db, work->error,
        "SELECT \"customer\" FROM \"assignment\" WHERE \"user\" = ?1 AND \"customer\" IS NOT NULL AND \"deleted\" = 0"
        " AND \"from_day\" <= ?2 AND (\"to_day\" IS NULL OR \"to_day\" >= ?2)",
        satchel_value_id(user), satchel_value_int(satchel_service_today(work->desk.service)));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(out, work->arena, &id);
        }
    }
    satchel_db_end(statement);
    satchel_id_list_sort(out);
    return status;
}

static void compare(const preview_work *work, const satchel_person *person, const satchel_id_list *given,
                    satchel_realign_user *out) {
    uint32_t steps = given->count > 0 ? work->customers.count : work->group_count;
    for (uint32_t i = 0; i < steps; i++) {
        const alike *group = &work->groups[given->count > 0 ? work->group_of[i] : i];
        uint64_t count = given->count > 0 ? 1 : group->count;
        bool assigned = given->count > 0 && satchel_id_list_has(given, &work->customers.items[i]);
        bool before = reads(person, &group->before, assigned);
        bool after = reads(person, &group->after, assigned);
        out->gains += after && !before ? count : 0;
        out->loses += before && !after ? count : 0;
    }
}

static satchel_status look_at_phones(preview_work *work, satchel_realign_user *user) {
    int64_t phones = 0;
    satchel_status status = SATCHEL_DB_NUMBER(work->desk.db, work->error, &phones, 0,
                                              "SELECT count(*) FROM device_state WHERE owner = ?1 AND revoked = 0",
                                              satchel_value_id(&user->user));
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_NUMBER(work->desk.db, work->error, &user->seen_ms, 0,
                                   "SELECT min(seen_ms) FROM device_state WHERE owner = ?1 AND revoked = 0",
                                   satchel_value_id(&user->user));
    }
    uint64_t each = work->sample_count > 0 ? work->sample_bytes / work->sample_count : 0;
    user->phones = (uint32_t)phones;
    user->answer_bytes = (uint64_t)phones * (user->loses * REMOVAL_BYTES + user->gains * each);
    return status;
}

static satchel_status list_users(preview_work *work, satchel_id_list *out) {
    satchel_db_statement *statement = NULL;
    satchel_status status =
        satchel_db_start(&statement, work->desk.db, "SELECT \"id\" FROM \"user\" WHERE \"deleted\" = 0 ORDER BY \"id\"",
                         NULL, 0, work->error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            satchel_id id = satchel_db_id(statement, 0);
            status = satchel_id_list_add(out, work->arena, &id);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status look_at_users(preview_work *work) {
    satchel_realign_impact *out = work->out;
    satchel_id_list users = {NULL, 0, 0};
    satchel_status status = list_users(work, &users);
    out->users = satchel_arena_take_array(work->arena, users.count, sizeof *out->users);
    if (out->users == NULL) {
        return satchel_fail(work->error, SATCHEL_NO_MEMORY, "no memory for a preview");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < users.count; i++) {
        satchel_person person;
        satchel_id_list given = {NULL, 0, 0};
        satchel_realign_user *user = &out->users[out->user_count];
        *user = (satchel_realign_user){.user = users.items[i]};
        status = satchel_person_load(work->desk.service, work->desk.db, &user->user,
                                     satchel_service_today(work->desk.service), work->arena, &person, work->error);
        if (status == SATCHEL_OK) {
            status = load_given(work, &user->user, &given);
        }
        if (status == SATCHEL_OK) {
            compare(work, &person, &given, user);
        }
        if (status == SATCHEL_OK && (user->gains > 0 || user->loses > 0)) {
            status = look_at_phones(work, user);
            out->answer_bytes += user->answer_bytes;
            out->user_count++;
        }
    }
    return status;
}

satchel_status satchel_realign_preview(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                       const satchel_realign_wish *wish, satchel_arena *arena,
                                       satchel_realign_impact *out, satchel_error *error) {
    preview_work work = {.wish = wish, .arena = arena, .out = out, .error = error};
    *out = (satchel_realign_impact){0};
    satchel_status status = satchel_desk_enter(&work.desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&work.desk, SATCHEL_ENTITY_CUSTOMER, SATCHEL_VERB_ASSIGN);
    if (status == SATCHEL_OK) {
        status = satchel_realign_select(db, wish, arena, &work.customers, error);
    }
    out->customers = work.customers.count;
    if (status == SATCHEL_OK) {
        status = group_customers(&work);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < work.customers.count; i++) {
        status = look_at(&work, &work.customers.items[i]);
    }
    if (status == SATCHEL_OK) {
        status = look_at_users(&work);
    }
    satchel_desk_leave(&work.desk);
    return status;
}
