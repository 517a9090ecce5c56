/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model after today's.
 */
#include "next_model.h"

#include <string.h>

static satchel_field field_of(uint32_t number, const char *name, satchel_type type) {
    return (satchel_field){.number = number,
                           .name = name,
                           .label = {name, name},
                           .type = (uint8_t)type,
                           .encoding = type == SATCHEL_TYPE_TIME ? SATCHEL_ENCODING_ZIGZAG : SATCHEL_ENCODING_BYTES,
                           .max_bytes = type == SATCHEL_TYPE_TIME ? 0 : 200,
                           .min = INT64_MIN,
                           .max = INT64_MAX};
}

/* The fields of an entity with more of them, by number. */
static uint32_t add_fields(const satchel_entity *entity, satchel_field *to, const satchel_field *more, uint32_t count) {
    uint32_t at = 0;
    uint32_t next = 0;
    for (uint32_t i = 0; i < entity->field_count; i++) {
        while (next < count && more[next].number < entity->fields[i].number) {
            to[at++] = more[next++];
        }
        to[at++] = entity->fields[i];
    }
    return at;
}

static satchel_field *field_in(satchel_field *fields, uint32_t count, uint32_t number) {
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].number == number) {
            return &fields[i];
        }
    }
    REQUIRE(false);
    return NULL;
}

static void change_customer(next_model *next, satchel_entity *entity) {
    satchel_field more[] = {field_of(NEXT_HOURS, "late_hours", SATCHEL_TYPE_TEXT),
                            field_of(NEXT_SEEN, "last_seen", SATCHEL_TYPE_TIME),
                            field_of(NEXT_PARENT, "parent_row", SATCHEL_TYPE_ID)};
    more[0].search = SATCHEL_SEARCH_TEXT;
    more[2].ref = SATCHEL_ENTITY_CUSTOMER;
    entity->field_count = add_fields(entity, next->customer, more, 3);
    field_in(next->customer, entity->field_count, SATCHEL_CUSTOMER_INDUSTRY)->search = SATCHEL_SEARCH_TEXT;
    entity->fields = next->customer;
}

/* The title of a row, if it must be there, has an index. */
static void change_visit(next_model *next, satchel_entity *entity) {
    entity->field_count = add_fields(entity, next->visit, NULL, 0);
    field_in(next->visit, entity->field_count, SATCHEL_VISIT_PURPOSE)->flags |= SATCHEL_FIELD_REQUIRED;
    entity->title_field = SATCHEL_VISIT_PURPOSE;
    entity->fields = next->visit;
}

satchel_store_release next_release(next_model *next) {
    satchel_store_release release = satchel_store_release_current();
    const satchel_model *model = release.model;
    satchel_entity made = {0};
    uint32_t at = 0;
    for (uint32_t i = 0; i < model->entity_count; i++) {
        if (model->entities[i].number == SATCHEL_ENTITY_TEAM) {
            made = model->entities[i];
            made.number = NEXT_ENTITY;
            made.name = "detour";
            made.plural = "detours";
        }
    }
    for (uint32_t i = 0; i < model->entity_count; i++) {
        if (at == i && model->entities[i].number > NEXT_ENTITY) {
            next->entities[at++] = made;
        }
        satchel_entity *entity = &next->entities[at++];
        *entity = model->entities[i];
        if (entity->number == SATCHEL_ENTITY_CUSTOMER) {
            change_customer(next, entity);
        } else if (entity->number == SATCHEL_ENTITY_VISIT) {
            change_visit(next, entity);
        }
    }
    next->model = (satchel_model){model->version + 1, at, next->entities};
    release.model = &next->model;
    return release;
}

satchel_status kit_open_release(store_kit *kit, const satchel_store_release *release) {
    satchel_store_close(kit->store);
    kit->store = NULL;
    satchel_status status = satchel_store_open_release(&kit->store, kit->database, NULL, release, &kit->error);
    if (status == SATCHEL_OK) {
        REQUIRE_OK(satchel_store_sync_state(kit->store, &kit->state, NULL));
    }
    return status;
}

satchel_bytes next_tail(store_kit *kit, const char *hours, int64_t seen_ms) {
    satchel_buffer tail = {NULL, 0, 0};
    satchel_bytes copy;
    REQUIRE_OK(satchel_buffer_append_varint(&tail, NEXT_HOURS << 3 | 2));
    REQUIRE_OK(satchel_buffer_append_varint(&tail, strlen(hours)));
    REQUIRE_OK(satchel_buffer_append(&tail, satchel_bytes_of(hours, strlen(hours))));
    REQUIRE_OK(satchel_buffer_append_varint(&tail, NEXT_SEEN << 3));
    REQUIRE_OK(satchel_buffer_append_varint(&tail, satchel_zigzag(seen_ms)));
    REQUIRE_OK(satchel_arena_copy(&kit->arena, satchel_buffer_view(&tail), &copy));
    satchel_buffer_deinit(&tail);
    return copy;
}
