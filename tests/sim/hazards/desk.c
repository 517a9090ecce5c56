/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The office of a story: what Mona does there, and what the server holds.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"
#include "store/store_state.h"
#include "wire/record_codec.h"

#include <inttypes.h>
#include <satchel/record.h>
#include <stdio.h>
#include <string.h>

satchel_status hazard_write_with(hazard *on, hazard_work work, void *context) {
    satchel_status status = satchel_db_begin(on->here->db, SATCHEL_DB_WRITE, NULL);
    if (status == SATCHEL_OK) {
        status = work(on, context);
    }
    if (status == SATCHEL_OK) {
        return satchel_db_commit(on->here->db, NULL);
    }
    satchel_db_rollback(on->here->db);
    return status;
}

/* The model; every phone of a story has the same. */
static const satchel_schema *schema_of(const hazard *on) {
    return satchel_store_schema(on->here->phones[MONA].device->store);
}

/* --- what Mona does --- */

typedef struct desk_work {
    const hazard_row *row;
    hazard_row *made;
    satchel_bytes record;
    const satchel_id *owner;
    uint64_t roles;
    bool system;
} desk_work;

static satchel_actor mona(const hazard *on) {
    return satchel_actor_user(&on->here->manager);
}

static satchel_status edit_row(hazard *on, void *context) {
    const desk_work *work = context;
    const satchel_actor actor = work->system ? satchel_actor_system() : mona(on);
    satchel_arena arena = {0};
    satchel_record record;
    satchel_write_outcome outcome;
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_decode(schema_of(on), work->row->entity, work->record, false, &record, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_served_row_edit(on->here->service, on->here->db, &actor, work->row->entity, &work->row->id, 0,
                                         &record, NULL, 0, &outcome, NULL);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static void edit_as(hazard *on, const hazard_row *row, uint32_t field, const char *text, bool system) {
    char label[HAZARD_TEXT_BYTES];
    satchel_buffer bytes = {NULL, 0, 0};
    hazard_pass(on, 1);
    hazard_field_label(row->entity, field, label);
    hazard_tell(on, "%s the %s of %s to \"%s\".", system ? "The administrator sets" : "At the office Mona sets", label,
                row->name, text);
    bool fine = hazard_record_of(row->entity, field, text, &bytes);
    desk_work work = {.row = row, .record = satchel_buffer_view(&bytes), .system = system};
    satchel_status status = fine ? hazard_write_with(on, edit_row, &work) : SATCHEL_MALFORMED;
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
    satchel_buffer_deinit(&bytes);
}

void hazard_office_edit(hazard *on, const hazard_row *row, uint32_t field, const char *text) {
    edit_as(on, row, field, text, false);
}

void hazard_admin_edit(hazard *on, const hazard_row *row, uint32_t field, const char *text) {
    edit_as(on, row, field, text, true);
}

typedef struct many_work {
    uint32_t entity, count, field, owner_field;
    const char *name;
    const satchel_id *owner;
} many_work;

static satchel_status put_one(hazard *on, satchel_bulk *bulk, const many_work *work, uint32_t number) {
    static const satchel_id none;
    satchel_arena arena = {0};
    satchel_record record;
    satchel_write_outcome outcome;
    char name[64];
    (void)on;
    (void)snprintf(name, sizeof name, "%s %u", work->name, (unsigned)number);
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, work->field, satchel_text_of(name));
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&record, work->owner_field, work->owner);
    }
    if (status == SATCHEL_OK) {
        status = satchel_bulk_put(bulk, work->entity, &none, &record, &outcome, NULL);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status put_many(hazard *on, void *context) {
    const many_work *work = context;
    const satchel_actor system = satchel_actor_system();
    satchel_bulk *bulk = NULL;
    satchel_status status = satchel_bulk_open(&bulk, on->here->service, on->here->db, &system, NULL);
    for (uint32_t i = 0; i < work->count && status == SATCHEL_OK; i++) {
        status = put_one(on, bulk, work, i + 1);
    }
    satchel_status closed = satchel_bulk_close(bulk, NULL);
    return status == SATCHEL_OK ? closed : status;
}

void hazard_office_many(hazard *on, uint32_t entity, uint32_t count, const char *name, uint32_t field,
                        uint32_t owner_field, uint32_t owner) {
    many_work work = {entity, count, field, owner_field, name, &on->here->phones[owner].user};
    hazard_pass(on, 1);
    hazard_tell(on, "At the office %u rows are brought in for %s, \"%s 1\" and so on.", (unsigned)count,
                hazard_user_name(owner), name);
    satchel_status status = hazard_write_with(on, put_many, &work);
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
}

static satchel_status delete_row(hazard *on, void *context) {
    const desk_work *work = context;
    const satchel_actor actor = mona(on);
    satchel_write_outcome outcome;
    return satchel_served_row_delete(on->here->service, on->here->db, &actor, work->row->entity, &work->row->id,
                                     &outcome, NULL);
}

void hazard_office_delete(hazard *on, const hazard_row *row) {
    desk_work work = {.row = row};
    hazard_pass(on, 1);
    hazard_tell(on, "At the office Mona deletes %s.", row->name);
    satchel_status status = hazard_write_with(on, delete_row, &work);
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
}

static satchel_status create_row(hazard *on, void *context) {
    const desk_work *work = context;
    static const satchel_id none;
    const satchel_actor actor = mona(on);
    satchel_arena arena = {0};
    satchel_record record;
    satchel_write_outcome outcome;
    satchel_record_init(&record, &arena);
    satchel_status status =
        satchel_record_decode(schema_of(on), work->made->entity, work->record, false, &record, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_served_row_create(on->here->service, on->here->db, &actor, work->made->entity, &none, &record,
                                           &outcome, NULL);
    }
    if (status == SATCHEL_OK) {
        work->made->id = outcome.id;
    }
    satchel_arena_deinit(&arena);
    return status;
}

hazard_row hazard_office_create(hazard *on, uint32_t entity, const char *name, const hazard_row *parent,
                                uint32_t parent_field, uint32_t field, const char *text) {
    hazard_row row = {.name = name, .entity = entity};
    satchel_buffer bytes = {NULL, 0, 0};
    bool fine = hazard_record_of(entity, field, text, &bytes);
    hazard_pass(on, 1);
    hazard_tell(on, "At the office Mona makes %s: \"%s\".", name, text);
    if (parent != NULL) {
        char id[SATCHEL_ID_TEXT_BYTES];
        satchel_id_write(&parent->id, id);
        fine = fine && hazard_record_of(entity, parent_field, id, &bytes);
    }
    desk_work work = {.made = &row, .record = satchel_buffer_view(&bytes)};
    satchel_status status = fine ? hazard_write_with(on, create_row, &work) : SATCHEL_MALFORMED;
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
    satchel_buffer_deinit(&bytes);
    return row;
}

static satchel_status give(hazard *on, void *context) {
    const desk_work *work = context;
    const satchel_actor actor = mona(on);
    return satchel_customer_reassign(on->here->service, on->here->db, &actor, &work->row->id, work->owner, NULL, NULL);
}

void hazard_office_gives(hazard *on, const hazard_row *shop, uint32_t to) {
    desk_work work = {.row = shop, .owner = &on->here->phones[to].user};
    hazard_pass(on, 1);
    hazard_tell(on, "At the office Mona gives %s to %s.", shop->name, hazard_user_name(to));
    satchel_status status = hazard_write_with(on, give, &work);
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
}

static satchel_status set_roles(hazard *on, void *context) {
    const desk_work *work = context;
    const satchel_actor system = satchel_actor_system();
    satchel_user_change change = {.roles = &work->roles};
    return satchel_user_change_to(on->here->service, on->here->db, &system, work->owner, &change, NULL);
}

void hazard_office_roles(hazard *on, uint32_t phone, uint64_t roles, const char *words) {
    desk_work work = {.owner = &on->here->phones[phone].user, .roles = roles};
    hazard_pass(on, 1);
    hazard_tell(on, "The administrator makes %s %s.", hazard_user_name(phone), words);
    satchel_status status = hazard_write_with(on, set_roles, &work);
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
}

typedef struct decision_work {
    satchel_id parked;
    satchel_decision decision;
} decision_work;

static satchel_status take_parked(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    decision_work *work = context;
    (void)record;
    (void)n;
    work->parked = *id;
    return SATCHEL_OK;
}

static satchel_status decide(hazard *on, void *context) {
    decision_work *work = context;
    const satchel_actor actor = mona(on);
    satchel_query *query = NULL;
    satchel_buffer next = {NULL, 0, 0};
    satchel_status status = satchel_query_open(&query, SATCHEL_ENTITY_PARKED_EDIT);
    if (status == SATCHEL_OK) {
        status = satchel_rows_list(on->here->service, on->here->db, &actor, query, (satchel_bytes){NULL, 0}, 1,
                                   take_parked, work, &next, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_parked_decide(on->here->service, on->here->db, &actor, &work->parked, work->decision, NULL);
    }
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    return status;
}

void hazard_office_decides(hazard *on, satchel_decision decision, const char *words) {
    decision_work work = {.decision = decision};
    hazard_pass(on, 1);
    hazard_tell(on, "At the office Mona finds the parked edit in her inbox and %s.", words);
    satchel_status status = hazard_write_with(on, decide, &work);
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
}

static satchel_status revoke(hazard *on, void *context) {
    const desk_work *work = context;
    const satchel_actor system = satchel_actor_system();
    return satchel_device_revoke(on->here->service, on->here->db, &system, work->owner, NULL);
}

void hazard_office_revokes(hazard *on, uint32_t phone) {
    satchel_device_info info = hazard_info(on, phone);
    desk_work work = {.owner = &info.device};
    hazard_pass(on, 1);
    hazard_tell(on, "The administrator revokes %s.", hazard_phone_name(on, phone));
    satchel_status status = hazard_write_with(on, revoke, &work);
    hazard_expect(on, status == SATCHEL_OK, "the server refuses: %s.", satchel_status_text(status, "en"));
}

/* --- what the server holds --- */

/* The row as the operator reads it; false: there is none, or it is deleted. */
static bool read_row(hazard *on, const hazard_row *row, uint32_t field, char out[HAZARD_TEXT_BYTES]) {
    const satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    satchel_record record;
    satchel_buffer bytes = {NULL, 0, 0};
    uint64_t n = 0;
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_db_begin(on->here->db, SATCHEL_DB_READ, NULL);
    if (status == SATCHEL_OK) {
        status =
            satchel_served_row_read(on->here->service, on->here->db, &system, row->entity, &row->id, &record, &n, NULL);
    }
    satchel_db_rollback(on->here->db);
    const satchel_value *deleted = satchel_record_get(&record, SATCHEL_FIELD_DELETED);
    bool there = status == SATCHEL_OK && !(deleted != NULL && deleted->as.boolean);
    out[0] = '\0';
    if (there && satchel_record_encode(schema_of(on), row->entity, &record, &bytes) == SATCHEL_OK) {
        (void)hazard_value_of(satchel_buffer_view(&bytes), row->entity, field, out);
    }
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
    return there;
}

void hazard_server_shows(hazard *on, const hazard_row *row, uint32_t field, const char *expected) {
    char label[HAZARD_TEXT_BYTES];
    char value[HAZARD_TEXT_BYTES];
    bool there = read_row(on, row, field, value);
    hazard_field_label(row->entity, field, label);
    if (there) {
        hazard_tell(on, "The server holds %s with the %s \"%s\".", row->name, label, value);
    } else {
        hazard_tell(on, "The server does not hold %s.", row->name);
    }
    hazard_expect(on, there == (expected != NULL) && (!there || strcmp(value, expected) == 0), "it was to be %s.",
                  expected != NULL ? expected : "gone");
}

int64_t hazard_server_number(hazard *on, const char *sql) {
    satchel_db_statement *statement = NULL;
    bool row = false;
    int64_t number = -1;
    satchel_status status = satchel_db_begin(on->here->db, SATCHEL_DB_READ, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_db_start(&statement, on->here->db, sql, NULL, 0, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &row, NULL);
    }
    if (status == SATCHEL_OK && row) {
        number = satchel_db_int(statement, 0);
    }
    satchel_db_end(statement);
    satchel_db_rollback(on->here->db);
    return number;
}

static satchel_status count_row(void *context, const satchel_id *id, const satchel_record *record, uint64_t n) {
    uint32_t *count = context;
    (void)id;
    (void)record;
    (void)n;
    (*count)++;
    return SATCHEL_OK;
}

void hazard_server_lists(hazard *on, uint32_t entity, uint32_t expected, const char *words) {
    const satchel_actor system = satchel_actor_system();
    satchel_query *query = NULL;
    satchel_buffer next = {NULL, 0, 0};
    uint32_t count = 0;
    satchel_status status = satchel_query_open(&query, entity);
    if (status == SATCHEL_OK) {
        status = satchel_db_begin(on->here->db, SATCHEL_DB_READ, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_rows_list(on->here->service, on->here->db, &system, query, (satchel_bytes){NULL, 0}, 200,
                                   count_row, &count, &next, NULL);
    }
    satchel_db_rollback(on->here->db);
    satchel_query_close(query);
    satchel_buffer_deinit(&next);
    hazard_tell(on, "The server lists %s: %u.", words, (unsigned)count);
    hazard_expect(on, status == SATCHEL_OK && count == expected, "it was to list %u.", (unsigned)expected);
}
