/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a row is as it is, seen from the server: what was refused, parked, contested or never made of it, and whether a
 * phone's user may see it at all. For administrators: it names rules, and people by their ids; it gives no value.
 */
#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/keeper.h"

#include <satchel/model.h>
#include <string.h>

typedef struct why_work {
    satchel_desk *desk;
    const satchel_id *row;
    uint32_t entity;
    satchel_fate_visitor visit;
    void *context;
    satchel_id keeper; /* who decides on what is parked of this row */
} why_work;

/* Columns of each query: user, device, sequence, status, rule, at, open. */
static satchel_status tell_rows(const why_work *work, satchel_fate_kind kind, const char *sql) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    satchel_status status = SATCHEL_DB_START(&statement, work->desk->db, work->desk->error, sql,
                                             satchel_value_id(work->row), satchel_value_int(work->entity));
    found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, work->desk->error);
        if (status != SATCHEL_OK || !found) {
            break;
        }
        const satchel_row_fate fate = {.kind = kind,
                                       .user = satchel_db_id(statement, 0),
                                       .device = satchel_db_id(statement, 1),
                                       .sequence = satchel_db_uint(statement, 2),
                                       .status = (satchel_status)satchel_db_int(statement, 3),
                                       .rule = satchel_text_from(satchel_db_bytes(statement, 4)),
                                       .at_ms = satchel_db_int(statement, 5),
                                       .open = satchel_db_int(statement, 6) != 0,
                                       .keeper = kind == SATCHEL_FATE_PARKED ? work->keeper : (satchel_id){{0}}};
        status = work->visit(work->context, &fate);
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status tell_history(const why_work *work) {
    static const struct {
        satchel_fate_kind kind;
        const char *sql;
    } books[] = {
        {SATCHEL_FATE_REFUSED,
         "SELECT \"user\", \"device\", \"sequence\", \"status\", \"rule\", \"at\", 0 FROM \"refusal\""
         " WHERE \"subject_row\" = ?1 AND \"subject_entity\" = ?2 ORDER BY \"at\""},
        {SATCHEL_FATE_PARKED, "SELECT \"user\", \"device\", \"sequence\", \"reason\", NULL, \"at\","
                              " CASE WHEN \"status\" = 1 THEN 1 ELSE 0 END FROM \"parked_edit\""
                              " WHERE \"subject_row\" = ?1 AND \"subject_entity\" = ?2 ORDER BY \"at\""},
        {SATCHEL_FATE_CONFLICT,
         "SELECT \"loser_user\", \"loser_device\", NULLIF(\"loser_sequence\", 9223372036854775807), \"reason\", NULL,"
         " \"loser_at\", CASE WHEN \"status\" = 1 THEN 1 ELSE 0 END FROM \"conflict\""
         " WHERE \"subject_row\" = ?1 AND \"subject_entity\" = ?2 ORDER BY \"loser_at\""},
        {SATCHEL_FATE_UNMADE, "SELECT NULL, device, sequence, 24, NULL, 0, 1 FROM unmade_row WHERE row = ?1"
                              " AND ?2 > 0 ORDER BY device"},
    };
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; status == SATCHEL_OK && i < sizeof books / sizeof *books; i++) {
        status = tell_rows(work, books[i].kind, books[i].sql);
    }
    return status;
}

/* May the device's user see the row, as the facts are now? */
static satchel_status tell_reach(const why_work *work, const satchel_standing *standing, const satchel_id *device) {
    satchel_desk *desk = work->desk;
    satchel_device_state state;
    satchel_person person;
    uint32_t relations = 0;
    int64_t today = satchel_service_today(desk->service);
    satchel_status status = satchel_device_state_load(desk->db, device, &state, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_person_load(desk->service, desk->db, &state.user, today, &desk->arena, &person, desk->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_relations_of(desk->db, standing, &person, today, &relations, desk->error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    bool reads = satchel_access_allows(person.policy, &person.access, work->entity, relations, SATCHEL_VERB_READ);
    const satchel_row_fate fate = {.kind = reads ? SATCHEL_FATE_IN_REACH : SATCHEL_FATE_OUT_OF_REACH,
                                   .status = state.revoked ? SATCHEL_REVOKED
                                             : reads       ? SATCHEL_OK
                                                           : SATCHEL_OUT_OF_SCOPE,
                                   .rule = satchel_text_of(relations == 0 ? "no relation to the row"
                                                           : reads        ? "his roles read it by this relation"
                                                                          : "no role of his reads it by this relation"),
                                   .user = state.user,
                                   .device = *device,
                                   .at_ms = state.seen_ms};
    return work->visit(work->context, &fate);
}

static satchel_status tell_all(why_work *work, const satchel_id *device) {
    satchel_desk *desk = work->desk;
    satchel_stored_row row;
    satchel_standing standing;
    satchel_status status = satchel_stored_row_load(desk->service->tables, desk->db, work->entity, work->row,
                                                    &desk->arena, &row, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_standing_of(desk->service, desk->db, work->entity, work->row, &row.merged.value, &desk->arena,
                                     &standing, desk->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_keeper_of(desk->db, &standing, &work->keeper, desk->error);
    }
    if (status == SATCHEL_OK) {
        const satchel_row_fate fate = {.kind = !row.merged.exists   ? SATCHEL_FATE_ABSENT
                                               : row.merged.deleted ? SATCHEL_FATE_DELETED
                                                                    : SATCHEL_FATE_THERE,
                                       .user = *satchel_standing_owner(&standing)};
        status = work->visit(work->context, &fate);
    }
    if (status == SATCHEL_OK && row.merged.exists && !satchel_id_is_none(device)) {
        status = tell_reach(work, &standing, device);
    }
    return status == SATCHEL_OK ? tell_history(work) : status;
}

satchel_status satchel_row_why(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                               uint32_t entity, const satchel_id *id, const satchel_id *device,
                               satchel_fate_visitor visit, void *context, satchel_error *error) {
    satchel_desk desk;
    why_work work = {.desk = &desk, .row = id, .entity = entity, .visit = visit, .context = context};
    satchel_status status = satchel_desk_enter(&desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_REFUSAL, SATCHEL_VERB_READ);
    if (status == SATCHEL_OK) {
        status = tell_all(&work, device);
    }
    satchel_desk_leave(&desk);
    return status;
}

const char *satchel_fate_text(satchel_fate_kind kind, const char *language) {
    static const struct {
        const char *en, *zh;
    } texts[] = {
        [SATCHEL_FATE_THERE] = {"the row is there", "该记录存在"},
        [SATCHEL_FATE_DELETED] = {"the row was deleted", "该记录已被删除"},
        [SATCHEL_FATE_ABSENT] = {"the server has no such row", "服务器上没有该记录"},
        [SATCHEL_FATE_IN_REACH] = {"the phone's user may see it: it comes with a sync",
                                   "该手机用户可以查看，同步后即可看到"},
        [SATCHEL_FATE_OUT_OF_REACH] = {"the phone's user may not see it", "该手机用户无权查看"},
        [SATCHEL_FATE_REFUSED] = {"a change was refused", "一项更改被拒绝"},
        [SATCHEL_FATE_PARKED] = {"a change is kept for a supervisor", "一项更改已交给主管处理"},
        [SATCHEL_FATE_CONFLICT] = {"two values met, and one lost", "两个值发生冲突，其中一个未保留"},
        [SATCHEL_FATE_UNMADE] = {"a phone made it, but that was not accepted: what depends on it waits",
                                 "手机上的新建未被接受，依赖它的更改在等待"},
    };
    size_t at = (size_t)kind < sizeof texts / sizeof *texts ? (size_t)kind : SATCHEL_FATE_THERE;
    bool chinese = language != NULL && language[0] == 'z' && language[1] == 'h';
    return chinese ? texts[at].zh : texts[at].en;
}
