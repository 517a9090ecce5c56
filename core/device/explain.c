/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reasons: copied out of the store into the handle's own arena.
 */
#include <satchel/explain.h>

#include "device/device.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

struct satchel_reasons {
    satchel_arena arena;
    satchel_reason *items;
    uint32_t count;
};

static satchel_status open_reasons(satchel_reasons **out, satchel_device *device, uint32_t entity, const satchel_id *id,
                                   satchel_reason_kind kind, uint32_t limit, satchel_error *error) {
    *out = NULL;
    satchel_status status = satchel_device_enter_look(device, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_reasons *reasons = satchel_memory_take(sizeof *reasons);
    if (reasons == NULL) {
        status = satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for reasons");
        goto done;
    }
    status = satchel_store_reasons(device->store, entity, id, kind, limit, &reasons->arena, &reasons->items,
                                   &reasons->count, error);
    if (status == SATCHEL_OK) {
        *out = reasons;
        reasons = NULL;
    }
done:
    satchel_device_leave(device);
    satchel_reasons_close(reasons);
    return status;
}

satchel_status satchel_why(satchel_reasons **out, satchel_device *device, uint32_t entity, const satchel_id *id,
                           satchel_error *error) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    *out = NULL;
    if (satchel_schema_entity(&schema, entity) == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %u", (unsigned)entity);
    }
    return open_reasons(out, device, entity, id, (satchel_reason_kind)0, SATCHEL_LIMIT_PAGE_ROWS, error);
}

satchel_status satchel_reasons_list(satchel_reasons **out, satchel_device *device, satchel_reason_kind kind,
                                    uint32_t limit, satchel_error *error) {
    static const satchel_id none = {{0}};
    *out = NULL;
    if (kind < SATCHEL_REASON_WAITING || kind > SATCHEL_REASON_UNREAD || limit == 0 ||
        limit > SATCHEL_LIMIT_PAGE_ROWS) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "an unknown kind, or not 1 to %d reasons",
                            SATCHEL_LIMIT_PAGE_ROWS);
    }
    return open_reasons(out, device, 0, &none, kind, limit, error);
}

void satchel_reasons_close(satchel_reasons *reasons) {
    if (reasons != NULL) {
        satchel_arena_deinit(&reasons->arena);
        satchel_memory_give(reasons);
    }
}

uint32_t satchel_reasons_count(const satchel_reasons *reasons) {
    return reasons->count;
}

satchel_status satchel_reasons_at(const satchel_reasons *reasons, uint32_t index, satchel_reason *out) {
    if (index >= reasons->count) {
        return SATCHEL_OUT_OF_RANGE;
    }
    *out = reasons->items[index];
    return SATCHEL_OK;
}

satchel_status satchel_reason_dismiss(satchel_device *device, uint64_t unit, satchel_error *error) {
    satchel_status status = satchel_device_enter_work(device, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_dismiss(device->store, unit, error);
        satchel_device_leave(device);
    }
    return status;
}

const char *satchel_reason_text(satchel_reason_kind kind, const char *language) {
    static const struct {
        const char *en, *zh;
    } texts[] = {
        {"why is not known", "原因未知"},
        [SATCHEL_REASON_WAITING] = {"saved on this phone, and sent with the next sync", "已保存在本机，下次同步时发送"},
        [SATCHEL_REASON_SENT] = {"sent, and the server has not answered yet", "已发送，服务器尚未答复"},
        [SATCHEL_REASON_CONFLICT] = {"somebody else changed the same field", "他人也修改了同一字段"},
        [SATCHEL_REASON_REFUSED] = {"the server did not accept the change", "服务器未接受此更改"},
        [SATCHEL_REASON_HELD] = {"it waits for an earlier change that was not accepted", "等待之前未被接受的更改"},
        [SATCHEL_REASON_PARKED] = {"a supervisor has it and will decide", "已交给主管，等待处理"},
        [SATCHEL_REASON_GONE] = {"the row is no longer yours to see; your change is still sent",
                                 "该记录已不在您的权限范围内，您的更改仍会发送"},
        [SATCHEL_REASON_UNREAD] = {"a newer app is needed to show this", "需要更新应用才能显示"},
    };
    size_t at = (size_t)kind < sizeof texts / sizeof *texts ? (size_t)kind : 0;
    bool chinese = language != NULL && language[0] == 'z' && language[1] == 'h';
    return chinese ? texts[at].zh : texts[at].en;
}
