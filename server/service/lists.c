/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading rows for those who work on the server: one, or a page of a query.
 *
 * Access is injected once, as a condition over the memberships that cuts what is far from the user's; each row that
 * comes is then judged by itself and filtered, so the condition needs to be quick, not exact.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/journal.h"

#include <satchel/model.h>
#include <string.h>

/* --- one row as the actor sees it --- */

static satchel_status put_common(satchel_desk *desk, const satchel_stored_row *row, const satchel_row_stamp *stamp,
                                 satchel_record *out) {
    satchel_writer_identity writer;
    satchel_status status = satchel_writer_look_up(desk->db, stamp->updated_writer, &writer, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(out, SATCHEL_FIELD_CREATED_AT, row->created_at);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&row->created_by)) {
        status = satchel_record_set_id(out, SATCHEL_FIELD_CREATED_BY, &row->created_by);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&row->created_device)) {
        status = satchel_record_set_id(out, SATCHEL_FIELD_CREATED_DEVICE, &row->created_device);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(out, SATCHEL_FIELD_UPDATED_AT, stamp->updated_at);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&writer.user)) {
        status = satchel_record_set_id(out, SATCHEL_FIELD_UPDATED_BY, &writer.user);
    }
    if (status == SATCHEL_OK && row->merged.deleted) {
        status = satchel_record_set_bool(out, SATCHEL_FIELD_DELETED, true);
    }
    return status == SATCHEL_OK ? satchel_record_set_int(out, SATCHEL_FIELD_REVISION, (int64_t)stamp->n) : status;
}

/* OUT_OF_SCOPE if he may not read it. */
static satchel_status view_row(satchel_desk *desk, const satchel_stored_row *row, satchel_record *out,
                               uint64_t *out_n) {
    uint32_t relations = 0;
    const satchel_access_policy *policy = desk->person.policy;
    satchel_status status = satchel_desk_require_row(desk, row, SATCHEL_VERB_READ, &relations);
    if (status != SATCHEL_OK) {
        return status;
    }
    uint32_t classes = satchel_access_visible_classes(policy, &desk->person.access, row->entity, relations);
    satchel_row_stamp stamp = satchel_stored_row_stamp(&desk->service->schema, row, classes);
    status = satchel_access_filter(&desk->service->schema, policy, &desk->person.access, row->entity, relations,
                                   &row->merged.value, out);
    *out_n = stamp.n;
    return status == SATCHEL_OK ? put_common(desk, row, &stamp, out)
                                : satchel_fail(desk->error, status, "a row cannot be filtered");
}

satchel_status satchel_served_row_read(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                       uint32_t entity, const satchel_id *id, satchel_record *out, uint64_t *out_n,
                                       satchel_error *error) {
    satchel_desk desk;
    satchel_stored_row row;
    *out_n = 0;
    satchel_status status = satchel_desk_enter(&desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_stored_row_load(service->tables, db, entity, id, &desk.arena, &row, error);
    if (status == SATCHEL_OK && !row.merged.exists) {
        status = satchel_fail(error, SATCHEL_OUT_OF_SCOPE, "no such row is within reach");
    }
    if (status == SATCHEL_OK) {
        status = view_row(&desk, &row, out, out_n);
    }
    satchel_desk_leave(&desk);
    return status;
}

/* --- the condition --- */

static satchel_status put_root_condition(const satchel_desk *desk, const satchel_entity *entity, satchel_buffer *text) {
    const satchel_field *anchor =
        entity->anchor_field != 0 ? satchel_schema_field(&desk->service->schema, entity->number, entity->anchor_field)
                                  : NULL;
    if (entity->number == SATCHEL_ENTITY_CUSTOMER) {
        return satchel_buffer_append_format(text, "m.anchor = \"customer\".\"id\" AND m.rank = 0 AND m.root = "
                                                  "\"customer\".\"id\"");
    }
    if (anchor == NULL) {
        return satchel_buffer_append_format(text, "m.anchor = ? AND m.rank = %u AND m.root = \"%s\".\"id\"",
                                            (unsigned)entity->number, entity->name);
    }
    return satchel_buffer_append_format(
        text, "m.anchor = coalesce(\"%s\".\"%s\", ?) AND m.rank = %u AND m.root = \"%s\".\"id\"", entity->name,
        anchor->name, (unsigned)entity->number, entity->name);
}

/* `EXISTS (…)` over the memberships of the row, or of the row that it travels with. */
static satchel_status put_condition(const satchel_desk *desk, const satchel_entity *entity, satchel_buffer *text) {
    const satchel_entity *root = entity->root != 0 ? satchel_schema_entity(&desk->service->schema, entity->root) : NULL;
    satchel_status status = satchel_buffer_append_format(text, "EXISTS (SELECT 1 FROM membership m");
    if (status == SATCHEL_OK && root != NULL) {
        const satchel_field *by = satchel_schema_field(&desk->service->schema, entity->number, entity->root_field);
        status = satchel_buffer_append_format(text, " JOIN \"%s\" ON \"%s\".\"id\" = \"%s\".\"%s\"", root->name,
                                              root->name, entity->name, by->name);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(text, " WHERE ");
    }
    if (status == SATCHEL_OK) {
        status = put_root_condition(desk, root != NULL ? root : entity, text);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(text, " AND (m.anchor IN (SELECT customer FROM realigned_customer) OR"
                                                    " m.present = 1 AND m.scope IN (0");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < desk->scopes.count; i++) {
        status = satchel_buffer_append_format(text, ", %u", (unsigned)desk->scopes.numbers[i]);
    }
    return status == SATCHEL_OK ? satchel_buffer_append_format(text, ")))") : status;
}

/* `*out` has an empty text for those who read every row of the entity. */
static satchel_status build_predicate(satchel_desk *desk, uint32_t number, satchel_buffer *text, satchel_value *none,
                                      satchel_predicate *out) {
    const satchel_entity *entity = satchel_schema_entity(&desk->service->schema, number);
    const satchel_id no_anchor = {{0}};
    uint32_t reach = satchel_access_reach(desk->person.policy, &desk->person.access, number, SATCHEL_VERB_READ);
    *out = (satchel_predicate){{NULL, 0}, NULL, 0};
    *none = satchel_value_id(&no_anchor);
    if (desk->person.system || (reach & SATCHEL_RELATION_ANY) != 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_scopes_of(desk->db, &desk->person, &desk->arena, &desk->scopes, desk->error);
    if (status == SATCHEL_OK) {
        status = put_condition(desk, entity, text);
    }
    out->text = (satchel_text){(const char *)text->data, text->bytes};
    out->bindings = none;
    out->binding_count = text->bytes > 0 && memchr(text->data, '?', text->bytes) != NULL ? 1 : 0;
    return status;
}

/* --- pages --- */

typedef struct list_work {
    satchel_desk desk;
    const satchel_query *query;
    uint32_t entity;
    uint32_t limit;
    satchel_served_row_visitor visit;
    void *context;
    satchel_buffer *next;
    satchel_error *error;
} list_work;

/* Gives one row to the visitor, if the actor may read it. */
static satchel_status show_row(list_work *work, const satchel_stored_row *row, satchel_arena *arena) {
    satchel_record seen;
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    uint64_t n = 0;
    satchel_record_init(&seen, arena);
    work->desk.error = &why;
    satchel_status status = view_row(&work->desk, row, &seen, &n);
    work->desk.error = work->error;
    if (status == SATCHEL_OUT_OF_SCOPE || status == SATCHEL_FORBIDDEN) {
        return SATCHEL_OK;
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(work->error, status, "%s", why.detail);
    }
    return work->visit(work->context, &row->id, &seen, n);
}

/* A query may be sorted by the common fields too. */
static satchel_status put_keyset(list_work *work, satchel_stored_row *row) {
    satchel_record *values = &row->merged.value;
    satchel_status status = satchel_record_set_time(values, SATCHEL_FIELD_CREATED_AT, row->created_at);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(values, SATCHEL_FIELD_UPDATED_AT, row->updated_at);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(values, SATCHEL_FIELD_REVISION, (int64_t)row->revision);
    }
    return status == SATCHEL_OK ? satchel_query_keyset(work->query, values, &row->id, work->next) : status;
}

static satchel_status walk(list_work *work, satchel_db_statement *statement) {
    satchel_arena arena;
    satchel_arena_init(&arena);
    satchel_status status = SATCHEL_OK;
    bool found = true;
    for (uint32_t shown = 0; status == SATCHEL_OK && found; shown++) {
        satchel_stored_row row;
        status = satchel_db_step(statement, &found, work->error);
        if (status != SATCHEL_OK || !found || shown == work->limit) {
            break;
        }
        satchel_arena_reset(&arena);
        work->desk.scratch = &arena;
        status =
            satchel_stored_row_read(work->desk.service->tables, statement, work->entity, &arena, &row, work->error);
        if (status == SATCHEL_OK) {
            status = show_row(work, &row, &arena);
        }
        if (status == SATCHEL_OK && shown + 1 == work->limit) {
            status = put_keyset(work, &row);
        }
    }
    work->desk.scratch = &work->desk.arena;
    /* The row behind the last one tells whether there is more. */
    if (status == SATCHEL_OK && !found) {
        satchel_buffer_clear(work->next);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status run_query(list_work *work, satchel_bytes keyset) {
    const satchel_table *table = satchel_db_tables_get(work->desk.service->tables, work->entity);
    satchel_db_statement *statement = NULL;
    satchel_predicate predicate;
    satchel_buffer text;
    satchel_value none;
    satchel_sql sql = {.binding_count = 0};
    satchel_buffer_init(&text);
    satchel_buffer_init(&sql.text);
    satchel_status status = table != NULL ? build_predicate(&work->desk, work->entity, &text, &none, &predicate)
                                          : satchel_fail(work->error, SATCHEL_UNKNOWN_ENTITY, "no such entity");
    if (status == SATCHEL_OK) {
        status = satchel_query_compile(work->query, &work->desk.service->schema, satchel_db_dialect(work->desk.db),
                                       satchel_text_of(table->columns), predicate.text.bytes > 0 ? &predicate : NULL,
                                       keyset, work->limit, &work->desk.arena, &sql, work->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_start(&statement, work->desk.db, (const char *)sql.text.data, sql.bindings,
                                  sql.binding_count, work->error);
    }
    if (status == SATCHEL_OK) {
        status = walk(work, statement);
    }
    satchel_db_end(statement);
    satchel_sql_deinit(&sql);
    satchel_buffer_deinit(&text);
    return status;
}

satchel_status satchel_rows_list(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                 const satchel_query *query, satchel_bytes keyset, uint32_t limit,
                                 satchel_served_row_visitor visit, void *context, satchel_buffer *out_next,
                                 satchel_error *error) {
    list_work work = {.query = query,
                      .entity = satchel_query_entity(query),
                      .limit = limit,
                      .visit = visit,
                      .context = context,
                      .next = out_next,
                      .error = error};
    satchel_buffer_clear(out_next);
    if (limit == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a page has at least one row");
    }
    if (satchel_query_has_search(query)) {
        return satchel_fail(error, SATCHEL_UNSUPPORTED, "the server has no search index yet");
    }
    satchel_status status = satchel_desk_enter(&work.desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = run_query(&work, keyset);
    satchel_desk_leave(&work.desk);
    return status;
}
