/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading rows for those who work on the server: one, or a page of a query.
 *
 * Access is injected once, as a condition over the memberships that cuts what is far from the user's; each row that
 * comes is then judged by itself and filtered, so the condition needs to be quick, not exact.
 *
 * Which rows come, in which order, and where a page ends tell of values too: a query names only fields that the actor
 * reads in every row that he may read, and a page begins and ends with rows that he reads.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/journal.h"
#include "service/rights.h"

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
    if (row->entity == SATCHEL_ENTITY_CONFLICT && !desk->person.system &&
        !satchel_conflict_is_seen(&desk->person, &row->merged.value, relations)) {
        return satchel_fail(desk->error, SATCHEL_OUT_OF_SCOPE, "no such row is within reach");
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

/* --- the fields that a query looks at --- */

/* Relations through which he may read rows of the entity: no row of most kinds is ever a row of the company's. */
static uint32_t reading_relations(const satchel_desk *desk, const satchel_entity *entity) {
    uint32_t reach = satchel_access_reach(desk->person.policy, &desk->person.access, entity->number, SATCHEL_VERB_READ);
    bool company = (entity->flags & SATCHEL_ENTITY_COMPANY) != 0 || entity->number == SATCHEL_ENTITY_CUSTOMER;
    return company ? reach : reach & ~(uint32_t)SATCHEL_RELATION_COMPANY;
}

/* At which he sees the class in each row that he reads (`*out_most`: in some row). */
static satchel_level level_everywhere(const satchel_desk *desk, const satchel_entity *entity, uint32_t sensitivity,
                                      satchel_level *out_most) {
    uint32_t relations = reading_relations(desk, entity);
    satchel_level least = relations != 0 ? SATCHEL_LEVEL_WRITE : SATCHEL_LEVEL_HIDDEN;
    for (uint32_t bit = 1; bit <= SATCHEL_RELATION_ANY; bit <<= 1) {
        if ((relations & bit) != 0) {
            satchel_level level = satchel_access_level(desk->person.policy, &desk->person.access, entity->number,
                                                       bit | SATCHEL_RELATION_ANY, (satchel_sensitivity)sensitivity);
            least = level < least ? level : least;
            *out_most = level > *out_most ? level : *out_most;
        }
    }
    return least;
}

/* Of a row as a whole, so of every class: when, by whom and how often it was changed. */
static bool tells_of_all_classes(uint32_t field) {
    return field == SATCHEL_FIELD_UPDATED_AT || field == SATCHEL_FIELD_UPDATED_BY || field == SATCHEL_FIELD_REVISION;
}

/*
 * A condition on a field tells its value, a search and an order tell of it: whoever does not read it in every row that
 * he may read could ask for what he is not shown. A field that he sees nowhere is answered like one that there is not.
 */
static satchel_status check_field(const satchel_desk *desk, const satchel_entity *entity, const satchel_field *field) {
    satchel_level most = SATCHEL_LEVEL_HIDDEN;
    satchel_level least = SATCHEL_LEVEL_WRITE;
    bool common = (field->flags & SATCHEL_FIELD_META) != 0;
    for (uint32_t class_ = 0; class_ < SATCHEL_SENSITIVITY_COUNT; class_++) {
        bool is_meant = common ? tells_of_all_classes(field->number) : class_ == field->sensitivity;
        satchel_level level = is_meant ? level_everywhere(desk, entity, class_, &most) : least;
        least = level < least ? level : least;
    }
    if (least >= SATCHEL_LEVEL_READ) {
        return SATCHEL_OK;
    }
    return most == SATCHEL_LEVEL_HIDDEN && !common
               ? satchel_fail_field(desk->error, SATCHEL_UNKNOWN_FIELD, entity->number, field->number,
                                    "the query names an unknown field")
               : satchel_fail_field(desk->error, SATCHEL_FORBIDDEN, entity->number, field->number,
                                    "the user does not read this field in every row that he may read");
}

static satchel_status check_fields(const satchel_desk *desk, const satchel_query *query) {
    const satchel_schema *schema = &desk->service->schema;
    const satchel_entity *entity = satchel_schema_entity(schema, satchel_query_entity(query));
    const satchel_field *field = NULL;
    satchel_status status = SATCHEL_OK;
    if (desk->person.system || entity == NULL) {
        return SATCHEL_OK;
    }
    for (uint32_t i = 0; status == SATCHEL_OK && (field = satchel_schema_field_at(schema, entity->number, i)) != NULL;
         i++) {
        if (satchel_query_reads(query, field->number)) {
            status = check_field(desk, entity, field);
        }
    }
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
    satchel_buffer place; /* behind the row that was looked at last, whether he sees it or not */
    uint32_t shown;
    bool more; /* behind those that were shown stands a row that he sees */
    satchel_error *error;
} list_work;

/* As the actor sees it; `*out_seen` false: he does not. */
static satchel_status see_row(list_work *work, const satchel_stored_row *row, satchel_record *out, uint64_t *out_n,
                              bool *out_seen) {
    satchel_error why = {SATCHEL_OK, 0, 0, ""};
    work->desk.error = &why;
    satchel_status status = view_row(&work->desk, row, out, out_n);
    work->desk.error = work->error;
    *out_seen = status == SATCHEL_OK;
    if (status == SATCHEL_OUT_OF_SCOPE || status == SATCHEL_FORBIDDEN) {
        return SATCHEL_OK;
    }
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(work->error, status, "%s", why.detail);
}

/* A query may be sorted by the common fields too. */
static satchel_status put_keyset(list_work *work, satchel_stored_row *row, satchel_buffer *out) {
    satchel_record *values = &row->merged.value;
    satchel_status status = satchel_record_set_time(values, SATCHEL_FIELD_CREATED_AT, row->created_at);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(values, SATCHEL_FIELD_UPDATED_AT, row->updated_at);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(values, SATCHEL_FIELD_REVISION, (int64_t)row->revision);
    }
    return status == SATCHEL_OK ? satchel_query_keyset(work->query, values, &row->id, out) : status;
}

/* A row that he does not see leaves no trace: neither as the end of a page nor as "there is more". */
static satchel_status take_row(list_work *work, satchel_stored_row *row, satchel_arena *arena) {
    satchel_record seen;
    uint64_t n = 0;
    bool is_seen = false;
    satchel_record_init(&seen, arena);
    satchel_status status = see_row(work, row, &seen, &n, &is_seen);
    if (status == SATCHEL_OK && is_seen && work->shown == work->limit) {
        work->more = true;
        return SATCHEL_OK;
    }
    if (status == SATCHEL_OK && is_seen) {
        work->shown++;
        status = work->visit(work->context, &row->id, &seen, n);
    }
    if (status == SATCHEL_OK && is_seen && work->shown == work->limit) {
        satchel_buffer_clear(work->next);
        status = put_keyset(work, row, work->next);
    }
    if (status == SATCHEL_OK) {
        satchel_buffer_clear(&work->place);
        status = put_keyset(work, row, &work->place);
    }
    return status;
}

/* `*out_rows`: that were looked at. */
static satchel_status walk(list_work *work, satchel_db_statement *statement, uint32_t *out_rows) {
    satchel_arena arena;
    satchel_arena_init(&arena);
    satchel_status status = SATCHEL_OK;
    bool found = true;
    while (status == SATCHEL_OK && !work->more) {
        satchel_stored_row row;
        status = satchel_db_step(statement, &found, work->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        satchel_arena_reset(&arena);
        work->desk.scratch = &arena;
        status =
            satchel_stored_row_read(work->desk.service->tables, statement, work->entity, &arena, &row, work->error);
        if (status == SATCHEL_OK) {
            status = take_row(work, &row, &arena);
        }
        *out_rows += 1;
    }
    work->desk.scratch = &work->desk.arena;
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status run_part(list_work *work, const satchel_table *table, const satchel_predicate *predicate,
                               satchel_bytes keyset, uint32_t *out_rows) {
    satchel_db_statement *statement = NULL;
    satchel_arena arena;
    satchel_sql sql = {.binding_count = 0};
    satchel_arena_init(&arena);
    satchel_buffer_init(&sql.text);
    satchel_status status = satchel_query_compile(work->query, &work->desk.service->schema,
                                                  satchel_db_dialect(work->desk.db), satchel_text_of(table->columns),
                                                  predicate, keyset, work->limit, &arena, &sql, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_db_start(&statement, work->desk.db, (const char *)sql.text.data, sql.bindings,
                                  sql.binding_count, work->error);
    }
    if (status == SATCHEL_OK) {
        status = walk(work, statement, out_rows);
    }
    satchel_db_end(statement);
    satchel_sql_deinit(&sql);
    satchel_arena_deinit(&arena);
    return status;
}

/* Rows that he does not see are few, so that one part is nearly always enough for a page. */
static satchel_status run_query(list_work *work, satchel_bytes keyset) {
    const satchel_table *table = satchel_db_tables_get(work->desk.service->tables, work->entity);
    satchel_predicate predicate;
    satchel_buffer text;
    satchel_value none;
    satchel_buffer_init(&text);
    satchel_buffer_init(&work->place);
    satchel_status status = table != NULL ? build_predicate(&work->desk, work->entity, &text, &none, &predicate)
                                          : satchel_fail(work->error, SATCHEL_UNKNOWN_ENTITY, "no such entity");
    bool ended = false;
    while (status == SATCHEL_OK && !work->more && !ended) {
        uint32_t rows = 0;
        status = run_part(work, table, predicate.text.bytes > 0 ? &predicate : NULL, keyset, &rows);
        ended = rows <= work->limit;
        keyset = satchel_buffer_view(&work->place);
    }
    if (!work->more) {
        satchel_buffer_clear(work->next);
    }
    satchel_buffer_deinit(&work->place);
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
    status = check_fields(&work.desk, query);
    if (status == SATCHEL_OK) {
        status = run_query(&work, keyset);
    }
    satchel_desk_leave(&work.desk);
    return status;
}
