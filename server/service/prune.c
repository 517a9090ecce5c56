/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: entity by entity, in order of id. A row leaves its scopes before it goes, so digests, counts and phones
 * follow as with any other that leaves.
 */
#include "service/prune.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/change.h"
#include "service/realign.h"
#include "service/walk.h"

#include <satchel/model.h>

#define MARK "rows.prune"
/* The mark holds the day on which the walk began, and the entity at which it is. */
#define ENTITIES 4096

typedef struct pruning {
    satchel_change change;
    satchel_arena arena;
    uint64_t below_n;
    uint32_t gone;
    uint32_t below; /* rows below roots that were looked at */
    satchel_error *error;
} pruning;

/* --- which kinds of rows --- */

static bool a_set_names(const satchel_model *model, uint32_t entity) {
    for (uint32_t i = 0; i < model->entity_count; i++) {
        for (uint32_t f = 0; f < model->entities[i].field_count; f++) {
            const satchel_field *field = &model->entities[i].fields[f];
            if (field->ref == entity && field->type == SATCHEL_TYPE_SET) {
                return true;
            }
        }
    }
    return false;
}

/* Values of a company's own fields lie in one column, which has no index. */
static bool a_custom_field_names(const satchel_schema *schema, uint32_t entity) {
    for (uint32_t i = 0; i < schema->custom_count; i++) {
        if (schema->custom[i].field.ref == entity) {
            return true;
        }
    }
    return false;
}

/* The next kind behind `after` whose rows may go; 0: there is none. */
static uint32_t next_entity(const satchel_service *service, uint32_t after) {
    const uint32_t kept =
        SATCHEL_ENTITY_COMPANY | SATCHEL_ENTITY_SERVER_ONLY | SATCHEL_ENTITY_SERVER_MADE | SATCHEL_ENTITY_ARCHIVE;
    for (uint32_t number = after + 1; number < SATCHEL_TABLE_COUNT; number++) {
        const satchel_entity *entity = satchel_schema_entity(&service->schema, number);
        if (entity != NULL && entity->root == 0 && (entity->flags & kept) == 0 &&
            !a_set_names(service->schema.model, number) && !a_custom_field_names(&service->schema, number)) {
            return number;
        }
    }
    return 0;
}

/* --- may this one go? --- */

static satchel_status run(const pruning *work, const satchel_id *id, satchel_buffer *sql, bool *out) {
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_buffer_append_byte(sql, 0);
    status = status == SATCHEL_OK ? SATCHEL_DB_START(&statement, work->change.db, work->error, (const char *)sql->data,
                                                     satchel_value_id(id))
                                  : satchel_fail(work->error, status, "no memory for a query");
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, out, work->error);
    }
    satchel_db_end(statement);
    satchel_buffer_clear(sql);
    return status;
}

/* A row of another kind names it in a field of its own; rows below it do not count. Such fields have an index. */
static satchel_status is_named(const pruning *work, uint32_t entity, const satchel_id *id, satchel_buffer *sql,
                               bool *out) {
    const satchel_model *model = work->change.service->schema.model;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && !*out && i < model->entity_count; i++) {
        const satchel_entity *other = &model->entities[i];
        for (uint32_t f = 0; status == SATCHEL_OK && !*out && f < other->field_count; f++) {
            const satchel_field *field = &other->fields[f];
            if (field->ref != entity || (other->root == entity && field->number == other->root_field)) {
                continue;
            }
            status = satchel_buffer_append_format(sql, "SELECT 1 FROM \"%s\" WHERE \"%s\" = ?1 LIMIT 1", other->name,
                                                  field->name);
            status = status == SATCHEL_OK ? run(work, id, sql, out) : status;
        }
    }
    return status;
}

/* What hangs on any kind of row, and what waits for a person or for the order of a restored server's facts. */
static const char *const hang_on_it[] = {
    "SELECT 1 FROM \"attachment\" WHERE \"subject_row\" = ?1 LIMIT 1",
    "SELECT 1 FROM \"approval\" WHERE \"subject_row\" = ?1 LIMIT 1",
    "SELECT 1 FROM \"conflict\" WHERE \"subject_row\" = ?1 AND \"status\" = 1 LIMIT 1",
    "SELECT 1 FROM \"parked_edit\" WHERE \"subject_row\" = ?1 AND \"status\" = 1 LIMIT 1",
};

static satchel_status is_needed(const pruning *work, uint32_t entity, const satchel_id *id, bool *out) {
    satchel_db *db = work->change.db;
    satchel_buffer sql;
    int64_t found = 0;
    *out = false;
    satchel_buffer_init(&sql);
    satchel_status status = is_named(work, entity, id, &sql, out);
    satchel_buffer_deinit(&sql);
    for (size_t i = 0; status == SATCHEL_OK && !*out && i < sizeof hang_on_it / sizeof *hang_on_it; i++) {
        status = SATCHEL_DB_NUMBER(db, work->error, &found, 0, hang_on_it[i], satchel_value_id(id));
        *out = found != 0;
    }
    if (status == SATCHEL_OK && !*out) {
        status = SATCHEL_DB_NUMBER(db, work->error, &found, 0,
                                   "SELECT count(*) FROM (SELECT 1 FROM returned_op WHERE entity = ?1 AND row = ?2"
                                   " UNION ALL SELECT 1 FROM restored_row WHERE entity = ?1 AND row = ?2) AS waits",
                                   satchel_db_count(entity), satchel_value_id(id));
        *out = found != 0;
    }
    return status;
}

static bool is_old(const pruning *work, const satchel_stored_row *row) {
    return row->merged.exists && row->merged.deleted && row->revision <= work->below_n;
}

/* Are all rows of one kind below the root deleted, and long ago? */
static satchel_status children_are_old(pruning *work, uint32_t entity, const satchel_id *root, bool *out) {
    const satchel_tables *tables = work->change.service->tables;
    satchel_db_statement *statement = NULL;
    satchel_status status =
        SATCHEL_DB_START(&statement, work->change.db, work->error,
                         satchel_db_tables_get(tables, entity)->select_by_root, satchel_value_id(root));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && *out) {
        satchel_stored_row row;
        bool needed = false;
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            status = satchel_stored_row_read(tables, statement, entity, work->change.arena, &row, work->error);
        }
        if (status == SATCHEL_OK && found) {
            status = is_needed(work, entity, &row.id, &needed);
            *out = is_old(work, &row) && !needed;
            work->below++;
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status may_go(pruning *work, const satchel_stored_row *root, bool *out) {
    const satchel_model *model = work->change.service->schema.model;
    bool needed = false;
    *out = is_old(work, root);
    satchel_status status = *out ? is_needed(work, root->entity, &root->id, &needed) : SATCHEL_OK;
    *out = *out && !needed;
    for (uint32_t i = 0; status == SATCHEL_OK && *out && i < model->entity_count; i++) {
        if (model->entities[i].root == root->entity) {
            status = children_are_old(work, model->entities[i].number, &root->id, out);
        }
    }
    return status;
}

/* --- it goes --- */

static satchel_status delete_by(const pruning *work, const char *table, const char *column, const satchel_id *id) {
    satchel_buffer sql;
    bool row = false;
    satchel_buffer_init(&sql);
    satchel_status status = satchel_buffer_append_format(&sql, "DELETE FROM \"%s\" WHERE \"%s\" = ?1", table, column);
    status = status == SATCHEL_OK ? run(work, id, &sql, &row) : status;
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status delete_rows(const pruning *work, uint32_t entity, const satchel_id *id) {
    const satchel_schema *schema = &work->change.service->schema;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < schema->model->entity_count; i++) {
        const satchel_entity *child = &schema->model->entities[i];
        if (child->root == entity) {
            const satchel_field *by = satchel_schema_field(schema, child->number, child->root_field);
            status = delete_by(work, child->name, by->name, id);
        }
    }
    return status == SATCHEL_OK ? delete_by(work, satchel_schema_entity(schema, entity)->name, "id", id) : status;
}

static satchel_status drop(pruning *work, const satchel_stored_row *root) {
    satchel_change *change = &work->change;
    satchel_standing standing;
    bool waits = false;
    satchel_status status = satchel_standing_of(change->service, change->db, root->entity, &root->id,
                                                &root->merged.value, change->arena, &standing, work->error);
    if (status == SATCHEL_OK && !satchel_id_is_none(&standing.anchor.id)) {
        status = satchel_realign_waits(change->db, &standing.anchor.id, &waits, work->error);
    }
    if (status != SATCHEL_OK || waits) {
        return status;
    }
    status = satchel_members_set(change->db, &standing.place, NULL, 0, false, change->n, &change->touched, work->error);
    if (status == SATCHEL_OK) {
        status = delete_rows(work, root->entity, &root->id);
    }
    if (status == SATCHEL_OK) {
        status =
            SATCHEL_DB_RUN(change->db, work->error,
                           "INSERT INTO pruned_row (entity, row, n) VALUES (?1, ?2, ?3)"
                           " ON CONFLICT (entity, row) DO UPDATE SET n = excluded.n",
                           satchel_db_count(root->entity), satchel_value_id(&root->id), satchel_db_count(change->n));
    }
    change->moved = change->moved || status == SATCHEL_OK;
    work->gone += status == SATCHEL_OK ? 1 : 0;
    return status;
}

static satchel_status look_at(pruning *work, uint32_t entity, const satchel_id *id) {
    satchel_stored_row root;
    bool goes = false;
    satchel_status status = satchel_stored_row_load(work->change.service->tables, work->change.db, entity, id,
                                                    work->change.arena, &root, work->error);
    if (status == SATCHEL_OK) {
        status = may_go(work, &root, &goes);
    }
    return status == SATCHEL_OK && goes ? drop(work, &root) : status;
}

/* --- the walk --- */

/* The id that ends what a step passes over; none: the table ends before. */
static satchel_status end_of_stretch(const pruning *work, const char *table, const satchel_id *after, satchel_id *out) {
    satchel_db_statement *statement = NULL;
    satchel_buffer sql;
    bool found = false;
    satchel_buffer_init(&sql);
    *out = (satchel_id){{0}};
    satchel_status status =
        satchel_buffer_append_format(&sql, "SELECT \"id\" FROM %s WHERE \"id\" > ?1 ORDER BY \"id\" LIMIT 1 OFFSET %u",
                                     table, (unsigned)SATCHEL_PRUNE_PASSED_MOST - 1);
    status = status == SATCHEL_OK ? satchel_buffer_append_byte(&sql, 0) : status;
    status = status == SATCHEL_OK ? SATCHEL_DB_START(&statement, work->change.db, work->error, (const char *)sql.data,
                                                     satchel_value_id(after))
                                  : satchel_fail(work->error, status, "no memory for a query");
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, work->error);
    }
    *out = status == SATCHEL_OK && found ? satchel_db_id(statement, 0) : *out;
    satchel_db_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

/* Deleted rows of the stretch behind `after`, in order of id. */
static satchel_status find_deleted(const pruning *work, const char *table, const satchel_id *after, satchel_id *ids,
                                   uint32_t *out_count) {
    satchel_db_statement *statement = NULL;
    satchel_buffer sql;
    satchel_buffer_init(&sql);
    *out_count = 0;
    satchel_status status = satchel_buffer_append_format(
        &sql,
        "SELECT \"id\" FROM (SELECT \"id\", \"deleted\", \"revision\" FROM %s WHERE \"id\" > ?1 ORDER BY \"id\""
        " LIMIT %u) AS stretch WHERE \"deleted\" = 1 AND \"revision\" <= ?2 ORDER BY \"id\" LIMIT %u",
        table, (unsigned)SATCHEL_PRUNE_PASSED_MOST, (unsigned)SATCHEL_PRUNE_LOOKED_MOST);
    status = status == SATCHEL_OK ? satchel_buffer_append_byte(&sql, 0) : status;
    status = status == SATCHEL_OK ? SATCHEL_DB_START(&statement, work->change.db, work->error, (const char *)sql.data,
                                                     satchel_value_id(after), satchel_db_count(work->below_n))
                                  : satchel_fail(work->error, status, "no memory for a query");
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found && *out_count < SATCHEL_PRUNE_LOOKED_MOST) {
        status = satchel_db_step(statement, &found, work->error);
        if (status == SATCHEL_OK && found) {
            ids[(*out_count)++] = satchel_db_id(statement, 0);
        }
    }
    satchel_db_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status take_step(pruning *work, satchel_walk *walk) {
    const satchel_service *service = work->change.service;
    uint32_t entity = (uint32_t)(walk->at % ENTITIES);
    const satchel_table *table = satchel_db_tables_get(service->tables, entity);
    satchel_id ids[SATCHEL_PRUNE_LOOKED_MOST];
    satchel_id end = {{0}};
    uint32_t count = 0;
    uint32_t looked = 0;
    satchel_arena scratch;
    if (table == NULL) { /* of another model */
        walk->done = true;
        return SATCHEL_OK;
    }
    satchel_status status = end_of_stretch(work, table->name, &walk->after, &end);
    if (status == SATCHEL_OK) {
        status = find_deleted(work, table->name, &walk->after, ids, &count);
    }
    satchel_arena_init(&scratch);
    work->change.arena = &scratch;
    while (status == SATCHEL_OK && looked < count && work->below < SATCHEL_PRUNE_BELOW_MOST) {
        satchel_arena_reset(&scratch);
        status = look_at(work, entity, &ids[looked++]);
    }
    work->change.arena = &work->arena;
    satchel_arena_deinit(&scratch);
    walk->after = looked < count || count == SATCHEL_PRUNE_LOOKED_MOST ? ids[looked - 1] : end;
    if (satchel_id_is_none(&walk->after)) {
        entity = next_entity(service, entity);
        walk->at += (int64_t)entity - walk->at % ENTITIES;
        walk->done = entity == 0;
    }
    return status;
}

/* Today's walk begins where none is under way; one of another day goes on. */
static bool is_due(const satchel_service *service, satchel_walk *walk) {
    int64_t today = satchel_service_today(service);
    if (walk->done && walk->at / ENTITIES != today) {
        *walk = (satchel_walk){.at = today * ENTITIES + next_entity(service, 0)};
        walk->done = walk->at % ENTITIES == 0;
    }
    return !walk->done;
}

satchel_status satchel_prune_step(const satchel_service *service, satchel_db *db, uint64_t below_n, bool *out_walked,
                                  satchel_error *error) {
    const satchel_author author = {.incarnation = 0};
    const satchel_audit_entry entry = {.action = "deleted rows pruned"};
    pruning work = {.below_n = below_n, .error = error};
    satchel_counter counter;
    satchel_person system;
    satchel_walk walk;
    *out_walked = false;
    satchel_status status = below_n > 0 ? satchel_walk_load(db, MARK, &walk, error) : SATCHEL_OK;
    if (status != SATCHEL_OK || below_n == 0 || !is_due(service, &walk)) {
        return status;
    }
    *out_walked = true;
    status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_arena_init(&work.arena);
    satchel_person_system(service, &system);
    satchel_change_begin(&work.change, service, db, &work.arena, &counter, &system, &author);
    work.change.trusted = true;
    status = take_step(&work, &walk);
    if (status == SATCHEL_OK) {
        status = satchel_walk_save(db, MARK, &walk, error);
    }
    if (status == SATCHEL_OK && work.gone > 0) {
        status = satchel_metric_add(db, "rows_pruned", work.gone, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_change_finish(&work.change, work.gone > 0 ? &entry : NULL, error);
    }
    satchel_arena_deinit(&work.arena);
    return status;
}

satchel_status satchel_prune_has_gone(satchel_db *db, uint32_t entity, const satchel_id *row, bool *out,
                                      satchel_error *error) {
    int64_t found = 0;
    satchel_status status =
        SATCHEL_DB_NUMBER(db, error, &found, 0, "SELECT 1 FROM pruned_row WHERE entity = ?1 AND row = ?2",
                          satchel_db_count(entity), satchel_value_id(row));
    *out = found != 0;
    return status;
}
