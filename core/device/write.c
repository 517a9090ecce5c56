/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local transactions: a draft of the store behind a public handle.
 *
 * A device that is locked takes the drafts of its open writes away; what is left of such a write answers LOCKED.
 */
#include "device/device.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/memory.h"
#include "wire/record_codec.h"

#include <assert.h>

static_assert(SATCHEL_UNIT_OPS_MOST == SATCHEL_LIMIT_UNIT_OPS && SATCHEL_UNIT_BYTES_MOST == SATCHEL_LIMIT_UNIT_BYTES,
              "the limits that shells see are those that are checked");

struct satchel_write {
    satchel_device *device;
    satchel_draft *draft; /* NULL after the device was locked */
    satchel_changed_set changed;
    satchel_id last; /* the id that was given last; none: none yet */
    satchel_write *previous;
    satchel_write *next;
};

/* Nothing is written before the commit. */
static satchel_status enter_write(satchel_write *write, bool commits, satchel_error *error) {
    satchel_device *device = write->device;
    satchel_status status =
        commits ? satchel_device_enter_work(device, error) : satchel_device_enter_look(device, error);
    if (status == SATCHEL_OK && write->draft == NULL) {
        satchel_device_leave(device);
        status = satchel_fail(error, SATCHEL_LOCKED, "the store was locked since the write began");
    }
    return status;
}

satchel_status satchel_write_begin(satchel_write **out, satchel_device *device, satchel_error *error) {
    *out = NULL;
    satchel_status status = satchel_device_enter_look(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_write *write = satchel_memory_take(sizeof *write);
    if (write == NULL) {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a write");
        goto done;
    }
    status = satchel_draft_open(&write->draft, device->store);
    if (status != SATCHEL_OK) {
        satchel_memory_give(write);
        satchel_fail(error, status, "a write cannot begin");
        goto done;
    }
    write->device = device;
    write->next = device->writes;
    if (device->writes != NULL) {
        device->writes->previous = write;
    }
    device->writes = write;
    *out = write;
done:
    satchel_device_leave(device);
    return status;
}

/* The device's mutex is held. */
static void free_write(satchel_write *write) {
    if (write->previous != NULL) {
        write->previous->next = write->next;
    } else {
        write->device->writes = write->next;
    }
    if (write->next != NULL) {
        write->next->previous = write->previous;
    }
    satchel_draft_close(write->draft);
    satchel_memory_give(write);
}

void satchel_write_abandon(satchel_write *write) {
    if (write == NULL) {
        return;
    }
    satchel_device *device = write->device;
    pthread_mutex_lock(&device->mutex); /* also while locked or suspended */
    free_write(write);
    pthread_mutex_unlock(&device->mutex);
}

void satchel_device_drop_writes(satchel_device *device) {
    for (satchel_write *write = device->writes; write != NULL; write = write->next) {
        satchel_draft_close(write->draft);
        write->draft = NULL;
    }
}

/* Reads the shell's bytes. The row's id has its own parameter, so one inside the record is left out. */
static satchel_status read_record(satchel_device *device, uint32_t entity, satchel_bytes bytes, satchel_arena *arena,
                                  satchel_record *out, satchel_error *error) {
    satchel_record_init(out, arena);
    satchel_status status = satchel_record_decode(satchel_store_schema(device->store), entity, bytes, true, out, error);
    if (status == SATCHEL_OK) {
        satchel_record_remove(out, SATCHEL_FIELD_ID);
    }
    return status;
}

/* Rows of one write have ids one after another. */
static satchel_status give_id(satchel_write *write, satchel_id *out) {
    satchel_status status = SATCHEL_OK;
    if (satchel_id_is_none(&write->last)) {
        status = satchel_device_new_id(write->device, out);
    } else {
        *out = satchel_id_after(&write->last);
    }
    write->last = status == SATCHEL_OK ? *out : write->last;
    return status;
}

satchel_status satchel_write_create(satchel_write *write, uint32_t entity, satchel_bytes record, satchel_id *id,
                                    satchel_error *error) {
    satchel_arena arena = {0};
    satchel_record fields;
    satchel_id row = *id;
    satchel_status status = enter_write(write, false, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = read_record(write->device, entity, record, &arena, &fields, error);
    if (status == SATCHEL_OK && satchel_id_is_none(&row)) {
        status = give_id(write, &row);
    }
    if (status == SATCHEL_OK) {
        status = satchel_draft_create(write->draft, entity, &row, &fields, error);
    }
    if (status == SATCHEL_OK) {
        satchel_changed_add(&write->changed, entity);
        *id = row;
    }
    satchel_arena_deinit(&arena);
    satchel_device_leave(write->device);
    return status;
}

satchel_status satchel_write_edit(satchel_write *write, uint32_t entity, const satchel_id *id, satchel_bytes record,
                                  const uint32_t *cleared, uint32_t cleared_count, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_record fields;
    satchel_status status = enter_write(write, false, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = read_record(write->device, entity, record, &arena, &fields, error);
    if (status == SATCHEL_OK) {
        status = satchel_draft_edit(write->draft, entity, id, &fields, cleared, cleared_count, error);
    }
    if (status == SATCHEL_OK) {
        satchel_changed_add(&write->changed, entity);
    }
    satchel_arena_deinit(&arena);
    satchel_device_leave(write->device);
    return status;
}

satchel_status satchel_write_add(satchel_write *write, uint32_t entity, const satchel_id *id, uint32_t field,
                                 int64_t delta, satchel_error *error) {
    satchel_status status = enter_write(write, false, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_draft_add(write->draft, entity, id, field, delta, error);
    if (status == SATCHEL_OK) {
        satchel_changed_add(&write->changed, entity);
    }
    satchel_device_leave(write->device);
    return status;
}

/* A deletion takes the rows that travel with the row along. */
static void add_with_children(satchel_changed_set *changed, const satchel_schema *schema, uint32_t entity) {
    satchel_changed_add(changed, entity);
    for (uint32_t i = 0; i < schema->model->entity_count; i++) {
        if (schema->model->entities[i].root == entity) {
            satchel_changed_add(changed, schema->model->entities[i].number);
        }
    }
}

satchel_status satchel_write_delete(satchel_write *write, uint32_t entity, const satchel_id *id, satchel_error *error) {
    satchel_status status = enter_write(write, false, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_draft_delete(write->draft, entity, id, error);
    if (status == SATCHEL_OK) {
        add_with_children(&write->changed, satchel_store_schema(write->device->store), entity);
    }
    satchel_device_leave(write->device);
    return status;
}

satchel_status satchel_commit(satchel_write *write, satchel_receipt *receipt, satchel_error *error) {
    satchel_device *device = write->device;
    satchel_receipt done = {0, 0};
    satchel_status status = enter_write(write, true, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_moment moment = satchel_device_moment(device);
    const satchel_changed_set changed = write->changed;
    status = satchel_draft_commit(write->draft, &moment, &done, error);
    if (status == SATCHEL_OK) {
        free_write(write);
        satchel_anchor_note(device);
    }
    satchel_device_leave(device);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (receipt != NULL) {
        *receipt = done;
    }
    if (done.count > 0) {
        satchel_observers_tell(&device->observers, &changed);
    }
    return SATCHEL_OK;
}

satchel_status satchel_undo(satchel_device *device, uint64_t sequence, satchel_error *error) {
    satchel_draft *draft = NULL;
    satchel_receipt receipt = {0, 0};
    satchel_status status = satchel_device_enter_work(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_moment moment = satchel_device_moment(device);
    status = satchel_draft_open(&draft, device->store);
    if (status == SATCHEL_OK) {
        status = satchel_draft_invert(draft, sequence, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_draft_commit(draft, &moment, &receipt, error);
        satchel_anchor_note(device);
    }
    satchel_draft_close(draft);
    satchel_device_leave(device);
    if (status == SATCHEL_OK && receipt.count > 0) {
        /* Which entities an inverse touches only the store knows; a glance too many costs the observer little. */
        satchel_changed_set all;
        for (uint32_t i = 0; i < SATCHEL_CHANGED_BYTES; i++) {
            all.bits[i] = 0;
        }
        for (uint32_t i = 0; i < satchel_generated_model.entity_count; i++) {
            const satchel_entity *entity = &satchel_generated_model.entities[i];
            if ((entity->flags & (SATCHEL_ENTITY_SERVER_MADE | SATCHEL_ENTITY_SERVER_ONLY)) == 0) {
                satchel_changed_add(&all, entity->number);
            }
        }
        satchel_observers_tell(&device->observers, &all);
    }
    return status;
}
