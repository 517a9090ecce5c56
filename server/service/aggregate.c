/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One aggregate: may he read it, through which relations, which classes of which fields, since when.
 *
 * Everything that is sent of a row (its n, who changed it last) derives from the classes that the user sees, so an edit
 * of a hidden field leaves no trace.
 */
#include "service/aggregate.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/command.h"
#include "service/realign.h"
#include "service/rights.h"
#include "service/wire_scopes.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <string.h>

void satchel_gathering_init(satchel_gathering *gathering, satchel_arena *arena) {
    *gathering = (satchel_gathering){.arena = arena};
    satchel_arena_init(&gathering->row_arena);
    satchel_arena_init(&gathering->anchor_arena);
}

void satchel_gathering_deinit(satchel_gathering *gathering) {
    satchel_buffer_deinit(&gathering->sets);
    satchel_buffer_deinit(&gathering->rows);
    for (uint32_t i = 0; i < SATCHEL_TABLE_COUNT; i++) {
        satchel_buffer_deinit(&gathering->removed[i]);
    }
    satchel_arena_deinit(&gathering->row_arena);
    satchel_arena_deinit(&gathering->anchor_arena);
}

size_t satchel_gathering_bytes(const satchel_gathering *gathering) {
    return gathering->sets.bytes + gathering->rows.bytes + gathering->removed_bytes;
}

/* --- what was sent --- */

static uint32_t bucket_of(const satchel_place *place) {
    /* The last bytes of an id are random. */
    return (satchel_get_u32be(place->root.bytes + SATCHEL_ID_BYTES - 4) ^ place->rank) % SATCHEL_SENT_BUCKETS;
}

bool satchel_gathering_has_sent(const satchel_gathering *gathering, const satchel_place *place) {
    for (const satchel_sent_place *at = gathering->sent[bucket_of(place)]; at != NULL; at = at->next) {
        if (satchel_place_compare(&at->place, place) == 0) {
            return true;
        }
    }
    return false;
}

static satchel_status mark_sent(satchel_gathering *gathering, const satchel_place *place, bool removed) {
    satchel_sent_place *entry = satchel_arena_take(gathering->arena, sizeof *entry);
    if (entry == NULL) {
        return satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for a page");
    }
    uint32_t bucket = bucket_of(place);
    *entry = (satchel_sent_place){*place, removed, gathering->sent[bucket]};
    gathering->sent[bucket] = entry;
    return SATCHEL_OK;
}

/* --- scope sets --- */

static bool same_numbers(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count) {
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof *a) == 0);
}

static uint32_t *copy_numbers(satchel_arena *arena, const uint32_t *numbers, uint32_t count) {
    uint32_t *copy = satchel_arena_take_array(arena, count, sizeof *copy);
    if (copy != NULL && count > 0) {
        memcpy(copy, numbers, count * sizeof *copy);
    }
    return copy;
}

static satchel_status want_set(satchel_gathering *gathering, const uint32_t *numbers, uint32_t count) {
    for (const satchel_wanted_set *at = gathering->wanted_sets; at != NULL; at = at->next) {
        if (same_numbers(at->numbers, at->count, numbers, count)) {
            return SATCHEL_OK;
        }
    }
    satchel_wanted_set *wanted = satchel_arena_take(gathering->arena, sizeof *wanted);
    uint32_t *copy = copy_numbers(gathering->arena, numbers, count);
    if (wanted == NULL || copy == NULL) {
        return satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for a scope set");
    }
    *wanted = (satchel_wanted_set){copy, count, gathering->wanted_sets};
    gathering->wanted_sets = wanted;
    return SATCHEL_OK;
}

satchel_status satchel_gathering_set(satchel_gathering *gathering, const uint32_t *numbers, uint32_t count,
                                     uint32_t *out) {
    satchel_status status = satchel_scope_set_find(gathering->db, numbers, count, out, gathering->error);
    return status == SATCHEL_OK && *out == 0 ? want_set(gathering, numbers, count) : status;
}

/* Defines a set in the page where it is used. */
static satchel_status define_set(satchel_gathering *gathering, const satchel_known_set *known, const uint32_t *scopes) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_SCOPE_SET};
    frame.as.scope_set = (satchel_scope_set){known->set, scopes, known->count};
    satchel_status status = satchel_answer_write(&frame, &gathering->sets);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(gathering->error, status, "a scope set");
}

static bool is_taken(const satchel_gathering *gathering, uint32_t set) {
    for (const satchel_known_set *at = gathering->known_sets; at != NULL; at = at->next) {
        if (at->set == set) {
            return true;
        }
    }
    return false;
}

static satchel_status name_set(satchel_gathering *gathering, const uint32_t *numbers, uint32_t count, uint32_t *out) {
    satchel_known_set *known = satchel_arena_take(gathering->arena, sizeof *known);
    uint32_t *copy = copy_numbers(gathering->arena, numbers, count);
    uint32_t *scopes = satchel_arena_take_array(gathering->arena, count, sizeof *scopes);
    if (known == NULL || copy == NULL || scopes == NULL) {
        return satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for a scope set");
    }
    satchel_status status = satchel_wire_scopes(gathering->db, &gathering->person->access.id, numbers, count,
                                                gathering->generation, scopes, gathering->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    *out = satchel_wire_set(scopes, count);
    while (is_taken(gathering, *out)) {
        (*out)++;
    }
    *known = (satchel_known_set){copy, count, *out, gathering->known_sets};
    gathering->known_sets = known;
    return define_set(gathering, known, scopes);
}

static satchel_status set_of_row(satchel_gathering *gathering, const satchel_member_list *members, uint32_t *out) {
    uint32_t count = 0;
    uint32_t *numbers = satchel_arena_take_array(&gathering->row_arena, members->count, sizeof *numbers);
    if (numbers == NULL) {
        return satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for a scope set");
    }
    for (uint32_t i = 0; i < members->count; i++) {
        if (members->items[i].present && satchel_scope_list_has(gathering->scopes, members->items[i].scope)) {
            numbers[count++] = members->items[i].scope;
        }
    }
    for (const satchel_known_set *at = gathering->known_sets; at != NULL; at = at->next) {
        if (same_numbers(at->numbers, at->count, numbers, count)) {
            *out = at->set;
            return SATCHEL_OK;
        }
    }
    return name_set(gathering, numbers, count, out);
}

/* --- access --- */

static satchel_status look_up_anchor(satchel_gathering *gathering, const satchel_id *customer) {
    if (satchel_id_equal(&gathering->anchor.id, customer) && !satchel_id_is_none(customer)) {
        return SATCHEL_OK;
    }
    satchel_arena_reset(&gathering->anchor_arena);
    return satchel_anchor_load(gathering->db, customer, &gathering->anchor_arena, &gathering->anchor, gathering->error);
}

static satchel_id id_in(const satchel_record *record, uint32_t field) {
    return field != 0 ? satchel_record_id(record, field) : (satchel_id){{0}};
}

/* Does a dated assignment give him the aggregate? The memberships know. */
static bool is_assigned(const satchel_gathering *gathering, const satchel_member_list *members) {
    for (uint32_t i = 0; i < members->count; i++) {
        const satchel_member *member = &members->items[i];
        if (member->present && satchel_scope_list_kind(gathering->scopes, member->scope) == SATCHEL_SCOPE_ASSIGNED) {
            return true;
        }
    }
    return false;
}

satchel_status satchel_gathering_lags(satchel_gathering *gathering, const satchel_place *place, bool *out) {
    const satchel_id any = {{0}};
    satchel_status status = SATCHEL_OK;
    *out = false;
    if (!gathering->lag_known) {
        status = satchel_realign_waits(gathering->db, &any, &gathering->lag, gathering->error);
        gathering->lag_known = status == SATCHEL_OK;
    }
    return status == SATCHEL_OK && gathering->lag && !satchel_id_is_none(&place->anchor)
               ? satchel_realign_waits(gathering->db, &place->anchor, out, gathering->error)
               : status;
}

/*
 * While memberships wait to follow facts, only what both allow is shown: what came by the facts alone would not go when
 * the aggregate leaves the scopes that it came through.
 */
static satchel_status narrow_to_scopes(satchel_gathering *gathering, const satchel_place *place,
                                       const satchel_member_list *members, uint32_t *relations) {
    uint32_t through = 0;
    bool lags = false;
    satchel_status status = satchel_gathering_lags(gathering, place, &lags);
    for (uint32_t i = 0; status == SATCHEL_OK && lags && i < members->count; i++) {
        const satchel_member *member = &members->items[i];
        if (member->present && satchel_scope_list_has(gathering->scopes, member->scope)) {
            status =
                satchel_scope_relations_of(gathering->db, gathering->person, member->scope, &through, gathering->error);
        }
    }
    *relations &= lags ? through : UINT32_MAX;
    return status;
}

static satchel_status relations_to(satchel_gathering *gathering, const satchel_place *place,
                                   const satchel_stored_row *root, const satchel_member_list *members, uint32_t *out) {
    const satchel_entity *entity = satchel_schema_entity(&gathering->service->schema, root->entity);
    const satchel_person *person = gathering->person;
    const satchel_record *values = &root->merged.value;
    satchel_access_row row = {.entity = root->entity,
                              .owner = id_in(values, entity->owner_field),
                              .company = (entity->flags & SATCHEL_ENTITY_COMPANY) != 0};
    if (root->entity == SATCHEL_ENTITY_CUSTOMER && satchel_id_is_none(&row.owner) &&
        satchel_record_int(values, SATCHEL_CUSTOMER_POOL_STATE, 0) == SATCHEL_POOL_STATE_POOL) {
        /* A customer of the pool comes through the pool of its territory alone: that says what of it is shown. */
        satchel_id territory = satchel_record_id(values, SATCHEL_CUSTOMER_TERRITORY);
        const satchel_access_row pooled = {.entity = root->entity,
                                           .company = satchel_person_sees_pool(person, &territory)};
        *out = satchel_access_relations(&person->access, &pooled);
        return SATCHEL_OK;
    }
    if (root->entity == SATCHEL_ENTITY_CUSTOMER) {
        const satchel_value *shared = satchel_record_get(values, SATCHEL_CUSTOMER_SHARED_WITH);
        row.anchor_owner = row.owner;
        row.territory = satchel_record_id(values, SATCHEL_CUSTOMER_TERRITORY);
        row.shared = shared != NULL && satchel_set_has(&shared->as.set, satchel_id_view(&person->access.id));
    } else {
        satchel_status status = look_up_anchor(gathering, &place->anchor);
        if (status != SATCHEL_OK) {
            return status;
        }
        row.anchored = !satchel_id_is_none(&place->anchor);
        row.anchor_owner = gathering->anchor.owner;
        row.territory = gathering->anchor.territory;
        row.shared = satchel_set_has(&gathering->anchor.shared_with, satchel_id_view(&person->access.id));
    }
    row.assigned = is_assigned(gathering, members) || satchel_id_list_has(&person->covered, &row.territory) ||
                   satchel_id_list_has(&person->stands_in_for, row.anchored ? &row.anchor_owner : &row.owner);
    *out = satchel_access_relations(&person->access, &row);
    return narrow_to_scopes(gathering, place, members, out);
}

/* Of what stands at a place, or travels with what stands there. */
static bool may_read(const satchel_gathering *gathering, const satchel_place *place, uint32_t entity,
                     uint32_t relations) {
    bool anchored = place->rank != 0 && !satchel_id_is_none(&place->anchor);
    return satchel_access_reads(gathering->person->policy, &gathering->person->access, entity, relations, anchored);
}

static uint32_t classes_of(const satchel_gathering *gathering, uint32_t entity, uint32_t relations) {
    return satchel_access_visible_classes(gathering->person->policy, &gathering->person->access, entity, relations);
}

static bool may_see_conflict(const satchel_gathering *gathering, const satchel_record *conflict, uint32_t relations) {
    return satchel_conflict_is_seen(gathering->person, conflict, relations);
}

/* --- removals --- */

static satchel_status look_through(satchel_gathering *gathering, uint32_t scope) {
    if (gathering->through_scope == scope) {
        return SATCHEL_OK;
    }
    gathering->through = 0;
    gathering->through_scope = scope;
    return satchel_scope_relations_of(gathering->db, gathering->person, scope, &gathering->through, gathering->error);
}

satchel_status satchel_gathering_shows_class(satchel_gathering *gathering, uint32_t scope, uint32_t entity,
                                             uint32_t sensitivity, bool *out) {
    const satchel_model *model = gathering->service->schema.model;
    satchel_status status = look_through(gathering, scope);
    uint32_t classes = status == SATCHEL_OK ? classes_of(gathering, entity, gathering->through) : 0;
    for (uint32_t i = 0; i < model->entity_count; i++) {
        if (model->entities[i].root == entity) {
            classes |= classes_of(gathering, model->entities[i].number, gathering->through);
        }
    }
    *out = (classes >> sensitivity & 1) != 0;
    return status;
}

satchel_status satchel_gathering_shows(satchel_gathering *gathering, uint32_t scope, uint32_t entity, bool *out) {
    const satchel_entity *known = satchel_schema_entity(&gathering->service->schema, entity);
    satchel_status status = look_through(gathering, scope);
    *out = status == SATCHEL_OK && known != NULL && entity != SATCHEL_ENTITY_CONFLICT &&
           (known->flags & SATCHEL_ENTITY_SERVER_ONLY) == 0 &&
           satchel_access_allows(gathering->person->policy, &gathering->person->access, entity, gathering->through,
                                 SATCHEL_VERB_READ);
    return status;
}

/* Could he see it while it was in those of his scopes that it left? */
static satchel_status was_shown(satchel_gathering *gathering, const satchel_place *place,
                                const satchel_stored_row *root, const satchel_member_list *members, bool *out) {
    satchel_status status = SATCHEL_OK;
    uint32_t relations = 0;
    for (uint32_t i = 0; status == SATCHEL_OK && i < members->count; i++) {
        if (!members->items[i].present && satchel_scope_list_has(gathering->scopes, members->items[i].scope)) {
            status = satchel_scope_relations_of(gathering->db, gathering->person, members->items[i].scope, &relations,
                                                gathering->error);
        }
    }
    *out = may_read(gathering, place, root->entity, relations) &&
           (root->entity != SATCHEL_ENTITY_CONFLICT || may_see_conflict(gathering, &root->merged.value, relations));
    return status;
}

/* Does the row stand at another place now, where he sees it? Then it comes, or came, from there. */
static satchel_status stands_elsewhere(satchel_gathering *gathering, const satchel_place *place,
                                       const satchel_stored_row *root, bool *out) {
    satchel_standing standing;
    satchel_member_list members = {NULL, 0};
    uint32_t relations = 0;
    satchel_status status =
        satchel_standing_of(gathering->service, gathering->db, root->entity, &root->id, &root->merged.value,
                            &gathering->row_arena, &standing, gathering->error);
    *out = false;
    if (status == SATCHEL_OK && satchel_place_compare(place, &standing.place) != 0) {
        status = satchel_members_of(gathering->db, &standing.place, &gathering->row_arena, &members, gathering->error);
    }
    bool reaches = false;
    for (uint32_t i = 0; status == SATCHEL_OK && i < members.count; i++) {
        reaches |= members.items[i].present && satchel_scope_list_has(gathering->scopes, members.items[i].scope);
    }
    if (status == SATCHEL_OK && reaches) {
        status = relations_to(gathering, &standing.place, root, &members, &relations);
        *out = status == SATCHEL_OK && may_read(gathering, &standing.place, root->entity, relations);
    }
    return status;
}

/* A phone takes what hangs on a customer away with it. */
static bool goes_with_its_customer(const satchel_gathering *gathering, const satchel_place *place) {
    if (place->rank == 0 || satchel_id_is_none(&place->anchor)) {
        return false;
    }
    const satchel_place customer = satchel_place_of(SATCHEL_ENTITY_CUSTOMER, &place->anchor, &place->anchor);
    for (const satchel_sent_place *at = gathering->sent[bucket_of(&customer)]; at != NULL; at = at->next) {
        if (at->removed && satchel_place_compare(&at->place, &customer) == 0) {
            return true;
        }
    }
    return false;
}

static satchel_status note_removal(satchel_gathering *gathering, const satchel_place *place) {
    if (goes_with_its_customer(gathering, place)) {
        return mark_sent(gathering, place, true);
    }
    satchel_buffer *ids = &gathering->removed[satchel_place_entity(place)];
    satchel_status status = satchel_buffer_append(ids, satchel_id_view(&place->root));
    gathering->removed_bytes += SATCHEL_ID_BYTES;
    gathering->removal_count++;
    return status == SATCHEL_OK ? mark_sent(gathering, place, true) : status;
}

/* What was never shown leaves without a word. */
satchel_status satchel_gathering_remove(satchel_gathering *gathering, const satchel_place *place,
                                        const satchel_member_list *members) {
    uint32_t entity = satchel_place_entity(place);
    const satchel_entity *known = satchel_schema_entity(&gathering->service->schema, entity);
    satchel_stored_row root;
    bool shown = false;
    bool elsewhere = false;
    if (known == NULL || (known->flags & SATCHEL_ENTITY_SERVER_ONLY) != 0) {
        return SATCHEL_OK;
    }
    satchel_arena_reset(&gathering->row_arena);
    satchel_status status = satchel_stored_row_load(gathering->service->tables, gathering->db, entity, &place->root,
                                                    &gathering->row_arena, &root, gathering->error);
    if (status == SATCHEL_OK) {
        status = was_shown(gathering, place, &root, members, &shown);
    }
    if (status == SATCHEL_OK && shown && root.merged.exists) {
        status = stands_elsewhere(gathering, place, &root, &elsewhere);
    }
    return status == SATCHEL_OK && shown && !elsewhere ? note_removal(gathering, place) : status;
}

/* --- one row --- */

static satchel_status user_of_writer(satchel_gathering *gathering, uint64_t incarnation, satchel_id *out) {
    uint32_t slot = (uint32_t)(incarnation % SATCHEL_KNOWN_WRITERS);
    satchel_writer_identity identity;
    if (gathering->writers[slot].filled && gathering->writers[slot].incarnation == incarnation) {
        *out = gathering->writers[slot].user;
        return SATCHEL_OK;
    }
    satchel_status status = satchel_writer_look_up(gathering->db, incarnation, &identity, gathering->error);
    gathering->writers[slot].filled = status == SATCHEL_OK;
    gathering->writers[slot].incarnation = incarnation;
    gathering->writers[slot].user = identity.user;
    *out = identity.user;
    return status;
}

static satchel_status put_common(satchel_gathering *gathering, const satchel_stored_row *row,
                                 const satchel_row_stamp *stamp, bool whole, satchel_record *out) {
    satchel_id user = {{0}};
    satchel_status status = user_of_writer(gathering, stamp->updated_writer, &user);
    if (status == SATCHEL_OK && whole) {
        status = satchel_record_set_time(out, SATCHEL_FIELD_CREATED_AT, row->created_at);
    }
    if (status == SATCHEL_OK && whole && !satchel_id_is_none(&row->created_by)) {
        status = satchel_record_set_id(out, SATCHEL_FIELD_CREATED_BY, &row->created_by);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_time(out, SATCHEL_FIELD_UPDATED_AT, stamp->updated_at);
    }
    if (status == SATCHEL_OK && !satchel_id_is_none(&user)) {
        status = satchel_record_set_id(out, SATCHEL_FIELD_UPDATED_BY, &user);
    }
    return status;
}

static uint64_t newest_of_field(const satchel_stored_row *row, uint32_t key) {
    uint64_t newest = 0;
    for (uint32_t i = 0; i < row->merged.versions.count; i++) {
        const satchel_version *version = &row->merged.versions.items[i];
        newest = version->field == key && version->n > newest ? version->n : newest;
    }
    return newest;
}

/* Is nothing that he sees of the row older than `since_n`, or did it come back from deletion? Then he does not have it.
 */
static bool is_new_since(const satchel_gathering *gathering, const satchel_stored_row *row, uint32_t classes,
                         uint64_t since_n) {
    if (newest_of_field(row, SATCHEL_FIELD_DELETED) > since_n) {
        return true;
    }
    for (uint32_t i = 0; i < row->merged.versions.count; i++) {
        const satchel_version *version = &row->merged.versions.items[i];
        const satchel_field *field = satchel_schema_field(&gathering->service->schema, row->entity, version->field);
        bool seen = field != NULL && (classes & (1u << field->sensitivity)) != 0;
        if (seen && version->n <= since_n) {
            return false;
        }
    }
    return true;
}

/* Fields that changed behind `since_n`, as they are now: set, or cleared. */
static satchel_status put_changes(satchel_gathering *gathering, const satchel_stored_row *row, uint32_t classes,
                                  uint64_t since_n, satchel_record *out, uint32_t *cleared, uint32_t *cleared_count) {
    const satchel_schema *schema = &gathering->service->schema;
    const satchel_field *field = NULL;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && (field = satchel_schema_field_at(schema, row->entity, i)) != NULL;
         i++) {
        bool skipped = (field->flags & SATCHEL_FIELD_META) != 0 || (classes & (1u << field->sensitivity)) == 0 ||
                       newest_of_field(row, satchel_versions_key(schema, row->entity, field)) <= since_n;
        if (skipped) {
            continue;
        }
        const satchel_value *value = satchel_record_get(&row->merged.value, field->number);
        if (value != NULL) {
            status = satchel_record_set(out, field->number, value);
        } else {
            cleared[(*cleared_count)++] = field->number;
        }
    }
    return status;
}

/* A masked number is nothing: it is not written, so a phone is told to clear it. */
static void clear_masked(const satchel_record *record, uint32_t *cleared, uint32_t *cleared_count) {
    for (uint32_t i = 0; i < record->count; i++) {
        if (record->fields[i].value.type == SATCHEL_TYPE_NULL) {
            uint32_t at = (*cleared_count)++;
            while (at > 0 && cleared[at - 1] > record->fields[i].number) {
                cleared[at] = cleared[at - 1];
                at--;
            }
            cleared[at] = record->fields[i].number;
        }
    }
}

static satchel_status write_row(satchel_gathering *gathering, satchel_row_frame *row, const satchel_record *record) {
    satchel_buffer bytes;
    satchel_buffer_init(&bytes);
    satchel_status status = satchel_record_encode(&gathering->service->schema, row->entity, record, &bytes);
    if (status == SATCHEL_OK) {
        satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
        row->record = satchel_buffer_view(&bytes);
        frame.as.row = *row;
        status = satchel_answer_write(&frame, &gathering->rows);
    }
    satchel_buffer_deinit(&bytes);
    gathering->row_count++;
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(gathering->error, status, "a row cannot be written");
}

static satchel_status send_deleted(satchel_gathering *gathering, const satchel_stored_row *row, uint64_t n,
                                   uint32_t set) {
    satchel_record nothing;
    satchel_row_frame frame = {.entity = row->entity, .row = row->id, .n = n, .scope_set = set, .deleted = true};
    satchel_record_init(&nothing, &gathering->row_arena);
    return write_row(gathering, &frame, &nothing);
}

typedef struct sending {
    const satchel_place *place;
    const satchel_member_list *members;
    uint32_t relations;
    uint32_t set; /* 0: not named yet; that waits for a row that is sent */
    bool whole;
    bool snapshot; /* a phone that never had a row need not hear of its deletion */
    uint64_t since_n;
} sending;

static satchel_status send_row(satchel_gathering *gathering, const satchel_stored_row *row, sending *how) {
    uint32_t classes = classes_of(gathering, row->entity, how->relations);
    satchel_row_stamp stamp = satchel_stored_row_stamp(&gathering->service->schema, row, classes);
    bool hidden =
        row->entity == SATCHEL_ENTITY_CONFLICT && !may_see_conflict(gathering, &row->merged.value, how->relations);
    bool unchanged = !how->whole && stamp.n <= how->since_n;
    if (hidden || unchanged || stamp.n == 0 || !may_read(gathering, how->place, row->entity, how->relations)) {
        return SATCHEL_OK;
    }
    if (row->merged.deleted && how->snapshot) {
        return SATCHEL_OK;
    }
    satchel_status named = how->set == 0 ? set_of_row(gathering, how->members, &how->set) : SATCHEL_OK;
    if (named != SATCHEL_OK || row->merged.deleted) {
        return named == SATCHEL_OK ? send_deleted(gathering, row, stamp.n, how->set) : named;
    }
    satchel_record changed;
    satchel_record seen;
    uint32_t *cleared = satchel_arena_take_array(&gathering->row_arena, SATCHEL_TABLE_COUNT * 4, sizeof *cleared);
    uint32_t cleared_count = 0;
    satchel_record_init(&changed, &gathering->row_arena);
    satchel_record_init(&seen, &gathering->row_arena);
    if (cleared == NULL) {
        return satchel_fail(gathering->error, SATCHEL_NO_MEMORY, "no memory for a row");
    }
    bool whole = how->whole || is_new_since(gathering, row, classes, how->since_n);
    satchel_status status = SATCHEL_OK;
    if (!whole) {
        status = put_changes(gathering, row, classes, how->since_n, &changed, cleared, &cleared_count);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_access_filter(&gathering->service->schema, gathering->person->policy, &gathering->person->access,
                                  row->entity, how->relations, whole ? &row->merged.value : &changed, &seen);
    }
    if (status == SATCHEL_OK && !whole) {
        clear_masked(&seen, cleared, &cleared_count);
    }
    if (status == SATCHEL_OK) {
        status = put_common(gathering, row, &stamp, whole, &seen);
    }
    satchel_row_frame frame = {.entity = row->entity,
                               .row = row->id,
                               .n = stamp.n,
                               .scope_set = how->set,
                               .whole = whole,
                               .cleared = cleared,
                               .cleared_count = cleared_count};
    return status == SATCHEL_OK ? write_row(gathering, &frame, &seen)
                                : satchel_fail(gathering->error, status, "a row cannot be filtered");
}

/* --- the aggregate --- */

static satchel_status send_children(satchel_gathering *gathering, uint32_t entity, const satchel_id *root,
                                    sending *how) {
    const satchel_table *table = satchel_db_tables_get(gathering->service->tables, entity);
    satchel_db_statement *statement = NULL;
    satchel_status status =
        SATCHEL_DB_START(&statement, gathering->db, gathering->error, table->select_by_root, satchel_value_id(root));
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        satchel_stored_row row;
        status = satchel_db_step(statement, &found, gathering->error);
        if (status == SATCHEL_OK && found) {
            status = satchel_stored_row_read(gathering->service->tables, statement, entity, &gathering->row_arena, &row,
                                             gathering->error);
        }
        if (status == SATCHEL_OK && found) {
            status = send_row(gathering, &row, how);
        }
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status send_rows(satchel_gathering *gathering, const satchel_stored_row *root, sending *how) {
    const satchel_model *model = gathering->service->schema.model;
    satchel_status status = send_row(gathering, root, how);
    for (uint32_t i = 0; status == SATCHEL_OK && i < model->entity_count; i++) {
        const satchel_entity *entity = &model->entities[i];
        if (entity->root == root->entity && (entity->flags & SATCHEL_ENTITY_SERVER_ONLY) == 0) {
            status = send_children(gathering, entity->number, &root->id, how);
        }
    }
    return status;
}

satchel_status satchel_gathering_send(satchel_gathering *gathering, const satchel_place *place,
                                      const satchel_member_list *members, bool whole, uint64_t since_n,
                                      bool *out_visible) {
    uint32_t entity = satchel_place_entity(place);
    const satchel_entity *known = satchel_schema_entity(&gathering->service->schema, entity);
    satchel_stored_row root;
    sending how = {.place = place,
                   .members = members,
                   .whole = whole,
                   .since_n = since_n,
                   .snapshot = whole && since_n == UINT64_MAX};
    *out_visible = false;
    satchel_status status = mark_sent(gathering, place, false);
    if (status != SATCHEL_OK || known == NULL || (known->flags & SATCHEL_ENTITY_SERVER_ONLY) != 0) {
        return status;
    }
    satchel_arena_reset(&gathering->row_arena);
    status = satchel_stored_row_load(gathering->service->tables, gathering->db, entity, &place->root,
                                     &gathering->row_arena, &root, gathering->error);
    if (status != SATCHEL_OK || !root.merged.exists) {
        return status;
    }
    status = relations_to(gathering, place, &root, members, &how.relations);
    if (status != SATCHEL_OK || !may_read(gathering, place, entity, how.relations)) {
        return status;
    }
    *out_visible = entity != SATCHEL_ENTITY_CONFLICT || may_see_conflict(gathering, &root.merged.value, how.relations);
    if (!*out_visible || (how.snapshot && root.merged.deleted)) {
        return SATCHEL_OK;
    }
    return send_rows(gathering, &root, &how);
}

/* --- the page's frames --- */

static satchel_status write_removals(satchel_gathering *gathering, satchel_buffer *payload) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t entity = 0; status == SATCHEL_OK && entity < SATCHEL_TABLE_COUNT; entity++) {
        if (gathering->removed[entity].bytes > 0) {
            satchel_answer_frame frame = {.kind = SATCHEL_FRAME_REMOVAL};
            frame.as.removal = (satchel_removal_frame){entity, satchel_buffer_view(&gathering->removed[entity])};
            status = satchel_answer_write(&frame, payload);
        }
    }
    return status;
}

satchel_status satchel_gathering_write(satchel_gathering *gathering, const uint32_t *lost, uint32_t lost_count,
                                       satchel_buffer *payload) {
    satchel_status status = satchel_buffer_append(payload, satchel_buffer_view(&gathering->sets));
    if (status == SATCHEL_OK && lost_count > 0) {
        satchel_answer_frame frame = {.kind = SATCHEL_FRAME_SCOPE_LOSS};
        frame.as.scope_set = (satchel_scope_set){0, lost, lost_count};
        status = satchel_answer_write(&frame, payload);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(payload, satchel_buffer_view(&gathering->rows));
    }
    return status == SATCHEL_OK ? write_removals(gathering, payload) : status;
}
