/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame of a change, and rows that the server makes by itself.
 */
#include "service/change.h"

#include "base/error.h"
#include "base/ids.h"
#include "rules/orders.h"
#include "service/digest.h"
#include "service/discount.h"
#include "service/policies.h"
#include "service/realign.h"

#include <satchel/model.h>
#include <string.h>

void satchel_change_begin(satchel_change *change, const satchel_service *service, satchel_db *db, satchel_arena *arena,
                          satchel_counter *counter, const satchel_person *person, const satchel_author *author) {
    *change = (satchel_change){.service = service,
                               .db = db,
                               .arena = arena,
                               .counter = counter,
                               .person = person,
                               .author = author,
                               .now_ms = satchel_service_now_ms(service),
                               .day = satchel_service_today(service),
                               .n = counter->n + 1,
                               .base_cap = counter->n + 1,
                               .sequence = counter->n + 1};
    change->stamp_ms = change->now_ms;
    change->touched.arena = arena;
    change->touched.service = service;
}

bool satchel_entity_is_field_fact(const satchel_entity *entity) {
    switch (entity->number) {
    case SATCHEL_ENTITY_VISIT:
    case SATCHEL_ENTITY_ORDER:
    case SATCHEL_ENTITY_ORDER_LINE:
    case SATCHEL_ENTITY_ATTACHMENT: return true;
    default: return (entity->flags & SATCHEL_ENTITY_FACT) != 0;
    }
}

/* --- rows --- */

satchel_status satchel_change_put(satchel_change *change, satchel_stored_row *row, uint32_t number,
                                  const satchel_value *value) {
    const satchel_schema *schema = &change->service->schema;
    const satchel_field *field = satchel_schema_field(schema, row->entity, number);
    satchel_version version = {.field = field != NULL ? satchel_versions_key(schema, row->entity, field) : number,
                               .n = change->n,
                               .stamp_ms = change->stamp_ms,
                               .writer = {change->author->incarnation, change->sequence}};
    if (number == SATCHEL_FIELD_DELETED) {
        row->merged.deleted = value->type == SATCHEL_TYPE_BOOL && value->as.boolean;
    } else if (value->type == SATCHEL_TYPE_NULL) {
        satchel_record_remove(&row->merged.value, number);
    } else {
        satchel_status status = satchel_record_set(&row->merged.value, number, value);
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return satchel_versions_put(&row->merged.versions, &version);
}

/* Elements of sets have versions of their own, so that a later removal by someone who did not see them leaves them. */
static satchel_status put_elements(satchel_change *change, satchel_stored_row *row, uint32_t number,
                                   const satchel_value *value) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && value->type == SATCHEL_TYPE_SET && i < value->as.set.count; i++) {
        satchel_version version = {.field = number,
                                   .element = value->as.set.elements[i],
                                   .n = change->n,
                                   .stamp_ms = change->stamp_ms,
                                   .writer = {change->author->incarnation, change->sequence}};
        status = satchel_versions_put(&row->merged.versions, &version);
    }
    return status;
}

satchel_status satchel_change_insert(satchel_change *change, uint32_t entity, const satchel_id *id,
                                     const satchel_record *record, satchel_stored_row *out, satchel_error *error) {
    satchel_stored_row own;
    satchel_stored_row *row = out != NULL ? out : &own;
    satchel_stored_row_init(row, entity, id, change->arena);
    row->merged.exists = true;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < record->count; i++) {
        if (record->fields[i].value.type != SATCHEL_TYPE_NULL) {
            status = satchel_change_put(change, row, record->fields[i].number, &record->fields[i].value);
        }
        if (status == SATCHEL_OK) {
            status = put_elements(change, row, record->fields[i].number, &record->fields[i].value);
        }
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "a new row of entity %u cannot be built", (unsigned)entity);
    }
    return satchel_change_save(change, row, NULL, 0, error);
}

/* --- memberships --- */

/* Of these scopes those in which the aggregate is. */
static satchel_status keep_present(satchel_change *change, const satchel_place *place, uint32_t *scopes,
                                   uint32_t *count, satchel_error *error) {
    satchel_member_list members;
    uint32_t kept = 0;
    satchel_status status = satchel_members_of(change->db, place, change->arena, &members, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < *count; i++) {
        bool present = false;
        for (uint32_t m = 0; m < members.count; m++) {
            present = present || (members.items[m].present && members.items[m].scope == scopes[i]);
        }
        if (present) {
            scopes[kept++] = scopes[i];
        }
    }
    *count = kept;
    return status;
}

static satchel_status set_scopes(satchel_change *change, const satchel_standing *standing, bool changed,
                                 satchel_error *error) {
    uint32_t *scopes = NULL;
    uint32_t count = 0;
    satchel_status status =
        satchel_standing_scopes(change->db, standing, change->day, change->arena, &scopes, &count, error);
    if (status == SATCHEL_OK && change->withdraws) {
        status = keep_present(change, &standing->place, scopes, &count, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_members_set(change->db, &standing->place, scopes, count, changed, change->n, &change->touched,
                                     error);
    }
    return status;
}

/* Owner of a root row, for its scopes; its other facts come from the anchor, which is the same for all rows at it. */
static satchel_status owner_of(satchel_change *change, const satchel_place *place, satchel_id *out,
                               satchel_error *error) {
    const satchel_table *table = satchel_db_tables_get(change->service->tables, satchel_place_entity(place));
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_id){{0}};
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, error, table->select_facts, satchel_value_id(&place->root));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        *out = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_change_refresh(satchel_change *change, const satchel_id *customer, satchel_error *error) {
    satchel_place_list places;
    satchel_anchor anchor;
    satchel_status status = satchel_places_at(change->db, customer, change->arena, &places, error);
    if (status == SATCHEL_OK) {
        status = satchel_anchor_load(change->db, customer, change->arena, &anchor, error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < places.count; i++) {
        satchel_standing standing = {.entity = satchel_place_entity(&places.items[i]),
                                     .place = places.items[i],
                                     .anchor = anchor,
                                     .root_exists = true,
                                     .company = places.items[i].rank == 0 && anchor.pooled};
        status = owner_of(change, &places.items[i], &standing.owner, error);
        if (status == SATCHEL_OK) {
            status = set_scopes(change, &standing, false, error);
        }
    }
    return status;
}

static bool is_among(uint32_t number, const uint32_t *numbers, uint32_t count) {
    for (uint32_t i = 0; number != 0 && i < count; i++) {
        if (numbers[i] == number) {
            return true;
        }
    }
    return false;
}

/* An assignment changes the scopes of the customer that it names. */
static satchel_status follow_assignment(satchel_change *change, const satchel_stored_row *row, satchel_error *error) {
    satchel_id customer = satchel_record_id(&row->merged.value, SATCHEL_ASSIGNMENT_CUSTOMER);
    if (row->entity != SATCHEL_ENTITY_ASSIGNMENT || satchel_id_is_none(&customer)) {
        return SATCHEL_OK;
    }
    return satchel_change_refresh(change, &customer, error);
}

static bool moves_customer(const satchel_stored_row *row, const uint32_t *changed, uint32_t count) {
    return row->entity == SATCHEL_ENTITY_CUSTOMER &&
           (is_among(SATCHEL_CUSTOMER_OWNER, changed, count) || is_among(SATCHEL_CUSTOMER_TERRITORY, changed, count) ||
            is_among(SATCHEL_CUSTOMER_POOL_STATE, changed, count) ||
            is_among(SATCHEL_CUSTOMER_SHARED_WITH, changed, count));
}

/* Classes of the fields that changed, as bits; a row that is new or comes or goes is open. */
static uint32_t classes_of(const satchel_change *change, const satchel_stored_row *row, bool is_new,
                           const uint32_t *changed, uint32_t count) {
    uint32_t classes = is_new || count == 0 ? 1u << SATCHEL_SENSITIVITY_OPEN : 0;
    for (uint32_t i = 0; i < count; i++) {
        const satchel_field *field = satchel_schema_field(&change->service->schema, row->entity, changed[i]);
        bool meta = field == NULL || (field->flags & SATCHEL_FIELD_META) != 0;
        classes |= 1u << (meta ? (uint32_t)SATCHEL_SENSITIVITY_OPEN : field->sensitivity);
    }
    return classes;
}

static satchel_status leave_place(satchel_change *change, const satchel_place *place, satchel_error *error) {
    return satchel_members_set(change->db, place, NULL, 0, false, change->n, &change->touched, error);
}

/* `before`: where the row stood; NULL if it is new or did not move. */
static satchel_status move_members(satchel_change *change, const satchel_stored_row *row, bool is_new,
                                   const uint32_t *changed, uint32_t count, const satchel_place *before,
                                   satchel_error *error) {
    satchel_standing standing;
    const satchel_entity *entity = satchel_schema_entity(&change->service->schema, row->entity);
    satchel_status status = satchel_standing_of(change->service, change->db, row->entity, &row->id, &row->merged.value,
                                                change->arena, &standing, error);
    if (status != SATCHEL_OK || row->entity == SATCHEL_ENTITY_AUDIT_EVENT) {
        return status;
    }
    change->touched.saved.place = before != NULL ? *before : standing.place;
    bool defers = change->defers && !is_new && moves_customer(row, changed, count);
    if (defers) {
        status = satchel_realign_defer(change, &row->id, error);
        return status == SATCHEL_OK ? satchel_members_bump(change->db, &standing.place, 1u << SATCHEL_SENSITIVITY_OPEN,
                                                           change->n, &change->touched, error)
                                    : status;
    }
    status = satchel_realign_catch_up(change, &standing.anchor.id, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    bool facts_moved = is_new || is_among(entity->owner_field, changed, count) ||
                       is_among(entity->anchor_field, changed, count) || moves_customer(row, changed, count);
    if (entity->root != 0 || !facts_moved) {
        status = satchel_members_bump(change->db, &standing.place, classes_of(change, row, is_new, changed, count),
                                      change->n, &change->touched, error);
    } else {
        if (before != NULL && satchel_place_compare(before, &standing.place) != 0) {
            status = leave_place(change, before, error);
        }
        if (status == SATCHEL_OK) {
            status = set_scopes(change, &standing, true, error);
        }
    }
    if (status == SATCHEL_OK && !is_new && moves_customer(row, changed, count)) {
        status = satchel_change_refresh(change, &row->id, error);
    }
    return status == SATCHEL_OK ? follow_assignment(change, row, error) : status;
}

/* Where a stored row stands before its new values are written. */
static satchel_status place_before(satchel_change *change, const satchel_stored_row *row, satchel_place *out,
                                   satchel_error *error) {
    satchel_stored_row old;
    satchel_standing standing;
    satchel_status status =
        satchel_stored_row_load(change->service->tables, change->db, row->entity, &row->id, change->arena, &old, error);
    if (status == SATCHEL_OK) {
        status = satchel_standing_of(change->service, change->db, row->entity, &row->id, &old.merged.value,
                                     change->arena, &standing, error);
    }
    *out = standing.place;
    return status;
}

satchel_status satchel_change_save(satchel_change *change, satchel_stored_row *row, const uint32_t *changed,
                                   uint32_t changed_count, satchel_error *error) {
    const satchel_entity *entity = satchel_schema_entity(&change->service->schema, row->entity);
    satchel_place before;
    satchel_digest_before counted;
    bool is_new = row->rowid == 0;
    bool re_anchored = !is_new && is_among(entity->anchor_field, changed, changed_count);
    satchel_status status = re_anchored ? place_before(change, row, &before, error) : SATCHEL_OK;
    if (is_new) {
        row->created_at = change->stamp_ms;
        row->created_by = change->author->user;
        row->created_device = change->author->device;
    }
    row->updated_at = change->stamp_ms;
    row->updated_by = change->author->user;
    if (status == SATCHEL_OK) {
        status = satchel_digest_look(change->service, change->db, row, &counted, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_stored_row_save(change->service->tables, change->db, row, changed, changed_count, error);
    }
    if (status == SATCHEL_OK) {
        change->moved = true;
        if ((entity->flags & SATCHEL_ENTITY_SERVER_ONLY) == 0) {
            satchel_digest_saved(&change->touched, row, &counted);
        }
        status = move_members(change, row, is_new, changed, changed_count, re_anchored ? &before : NULL, error);
    }
    if (status == SATCHEL_OK && row->entity == SATCHEL_ENTITY_ROLE) {
        status = satchel_policy_moved(change->service, change->db, error);
    }
    return status;
}

/* --- orders --- */

satchel_status satchel_change_touch_order(satchel_change *change, const satchel_id *order, bool created,
                                          bool submitted) {
    for (uint32_t i = 0; i < change->order_count; i++) {
        if (satchel_id_equal(&change->orders[i].id, order)) {
            change->orders[i].created |= created;
            change->orders[i].submitted |= submitted;
            return SATCHEL_OK;
        }
    }
    if (change->order_count == change->order_capacity) {
        uint32_t capacity = change->order_capacity == 0 ? 4 : change->order_capacity * 2;
        satchel_touched_order *orders = satchel_arena_take_array(change->touched.arena, capacity, sizeof *orders);
        if (orders == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (change->order_count > 0) {
            memcpy(orders, change->orders, change->order_count * sizeof *orders);
        }
        change->orders = orders;
        change->order_capacity = capacity;
    }
    change->orders[change->order_count++] =
        (satchel_touched_order){.id = *order, .created = created, .submitted = submitted};
    return SATCHEL_OK;
}

/* The lines of an order that are not deleted, as the rules want them: records one after another. */
satchel_status satchel_change_order_lines(satchel_change *change, const satchel_id *order, satchel_record **out,
                                          size_t *count, satchel_error *error) {
    const satchel_table *table = satchel_db_tables_get(change->service->tables, SATCHEL_ENTITY_ORDER_LINE);
    satchel_db_statement *statement = NULL;
    size_t capacity = 0;
    *out = NULL;
    *count = 0;
    satchel_status status =
        SATCHEL_DB_START(&statement, change->db, error, table->select_by_root, satchel_value_id(order));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        satchel_stored_row row;
        status = satchel_db_step(statement, &found, error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        status = satchel_stored_row_read(change->service->tables, statement, SATCHEL_ENTITY_ORDER_LINE, change->arena,
                                         &row, error);
        if (status == SATCHEL_OK && *count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            satchel_record *more = satchel_arena_take_array(change->arena, capacity, sizeof *more);
            status = more != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
            if (more != NULL && *count > 0) {
                memcpy(more, *out, *count * sizeof *more);
            }
            *out = more;
        }
        if (status == SATCHEL_OK && !row.merged.deleted) {
            (*out)[(*count)++] = row.merged.value;
        }
    }
    satchel_db_end(statement);
    return status;
}

static const uint32_t derived_fields[] = {SATCHEL_ORDER_TOTAL_MINOR, SATCHEL_ORDER_LINE_COUNT};

static bool derived_differs(const satchel_record *before, const satchel_record *after) {
    for (size_t i = 0; i < sizeof derived_fields / sizeof *derived_fields; i++) {
        const satchel_value *old = satchel_record_get(before, derived_fields[i]);
        const satchel_value *new = satchel_record_get(after, derived_fields[i]);
        if ((old == NULL) != (new == NULL) || (old != NULL && !satchel_value_equal(old, new))) {
            return true;
        }
    }
    return false;
}

static satchel_status save_derived(satchel_change *change, satchel_stored_row *order, const satchel_record *after,
                                   satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof derived_fields / sizeof *derived_fields; i++) {
        const satchel_value *value = satchel_record_get(after, derived_fields[i]);
        const satchel_value none = satchel_value_null();
        status = satchel_change_put(change, order, derived_fields[i], value != NULL ? value : &none);
    }
    return status == SATCHEL_OK ? satchel_change_save(change, order, derived_fields, 2, error) : status;
}

static satchel_status derive_order(satchel_change *change, satchel_touched_order *touched, satchel_error *error) {
    satchel_stored_row order;
    satchel_record *lines = NULL;
    size_t count = 0;
    satchel_status status = satchel_stored_row_load(change->service->tables, change->db, SATCHEL_ENTITY_ORDER,
                                                    &touched->id, change->arena, &order, error);
    if (status != SATCHEL_OK || !order.merged.exists) {
        return status;
    }
    status = satchel_change_order_lines(change, &touched->id, &lines, &count, error);
    satchel_record after;
    satchel_record_init(&after, change->arena);
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(&order.merged.value, &after);
    }
    if (status == SATCHEL_OK) {
        status = satchel_order_derive(&after, lines, count, error);
    }
    if (status == SATCHEL_OK && touched->submitted) {
        status = satchel_order_check_submit(&after, count, error);
    }
    if (status == SATCHEL_OK && derived_differs(&order.merged.value, &after)) {
        status = save_derived(change, &order, &after, error);
    }
    return status == SATCHEL_OK ? satchel_discount_at_end(change, touched, &order, lines, count, error) : status;
}

/* --- the end --- */

/* Revisions of one moment share its row: the time of n is that of the newest row up to n. */
static satchel_status note_time(satchel_change *change, satchel_error *error) {
    satchel_change_batch *batch = change->batch;
    if (batch != NULL && batch->time_noted && batch->noted_ms == change->now_ms) {
        return SATCHEL_OK;
    }
    satchel_status status = SATCHEL_DB_RUN(change->db, error, "INSERT INTO revision_time (n, at_ms) VALUES (?1, ?2)",
                                           satchel_db_count(change->n), satchel_value_time(change->now_ms));
    return status;
}

static satchel_status move_counter(satchel_change *change, satchel_error *error) {
    if (!change->moved) {
        return SATCHEL_OK;
    }
    change->counter->n = change->n;
    return note_time(change, error);
}

static satchel_status move_heads(satchel_change *change, satchel_error *error) {
    if (change->batch == NULL) {
        return satchel_touched_flush(&change->touched, change->db, change->n, error);
    }
    satchel_status status = satchel_touched_merge(&change->batch->touched, &change->touched);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "no memory for scopes");
}

satchel_status satchel_change_finish(satchel_change *change, const satchel_audit_entry *audit, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < change->order_count; i++) {
        status = derive_order(change, &change->orders[i], error);
    }
    if (status == SATCHEL_OK) {
        status = move_counter(change, error);
    }
    if (status == SATCHEL_OK && audit != NULL) {
        status = satchel_audit_add(change->db, change->counter, change->now_ms, audit, error);
    }
    if (status == SATCHEL_OK) {
        status = move_heads(change, error);
    }
    return status == SATCHEL_OK && change->batch == NULL ? satchel_counter_write(change->db, change->counter, error)
                                                         : status;
}

satchel_status satchel_change_batch_end(satchel_change_batch *batch, satchel_db *db, const satchel_counter *counter,
                                        satchel_error *error) {
    satchel_status status = satchel_touched_flush(&batch->touched, db, counter->n, error);
    return status == SATCHEL_OK ? satchel_counter_write(db, counter, error) : status;
}
