/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server does in the error loops.
 */
#include "base/ids.h"
#include "base/text.h"
#include "fault/support/company.h"
#include "schema/record.h"
#include "wire/enroll.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <satchel/write.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CUSTOMERS 6u
#define STEPS_MOST 100

static const satchel_schema schema = {&satchel_generated_model, NULL, 0};

static satchel_id id_of(uint32_t number) {
    satchel_id id = {{0x01, 0x90}};
    satchel_put_u32be(id.bytes + 12, number);
    return id;
}

/* --- the office: jobs of the lane --- */

typedef struct job {
    company *here;
    uint32_t number;
    const char *text;
} job;

static satchel_status add_user(void *context, satchel_db *db, satchel_error *error) {
    const job *mine = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_new_user user = {.login = satchel_text_of(mine->text),
                                   .name = satchel_text_of(mine->text),
                                   .roles = UINT64_C(1) << SATCHEL_ROLE_REP};
    satchel_id id;
    return satchel_user_add(satchel_host_service(mine->here->host), db, &system, &user, &id, error);
}

static satchel_status find_user(const job *mine, satchel_db *db, satchel_id *out, satchel_error *error) {
    return satchel_user_named(satchel_host_service(mine->here->host), db, satchel_text_of("li"), out, error);
}

static satchel_status add_customer(void *context, satchel_db *db, satchel_error *error) {
    const job *mine = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_id id = id_of(mine->number);
    satchel_id owner;
    satchel_arena arena = {0};
    satchel_record record;
    satchel_write_outcome outcome;
    satchel_record_init(&record, &arena);
    satchel_status status = find_user(mine, db, &owner, error);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(mine->text));
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &owner);
    }
    if (status == SATCHEL_OK) {
        status = satchel_served_row_create(satchel_host_service(mine->here->host), db, &system, SATCHEL_ENTITY_CUSTOMER,
                                           &id, &record, &outcome, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status edit_customer(void *context, satchel_db *db, satchel_error *error) {
    const job *mine = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_id id = id_of(mine->number);
    satchel_arena arena = {0};
    satchel_record record;
    satchel_write_outcome outcome;
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(mine->text));
    if (status == SATCHEL_OK) {
        status = satchel_served_row_edit(satchel_host_service(mine->here->host), db, &system, SATCHEL_ENTITY_CUSTOMER,
                                         &id, 0, &record, NULL, 0, &outcome, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status assign_customer(void *context, satchel_db *db, satchel_error *error) {
    const job *mine = context;
    const satchel_actor system = satchel_actor_system();
    satchel_new_assignment given = {.customer = id_of(mine->number), .first_day = 0, .last_day = SATCHEL_DAY_OPEN};
    satchel_id id;
    satchel_status status =
        satchel_user_named(satchel_host_service(mine->here->host), db, satchel_text_of("wu"), &given.user, error);
    return status == SATCHEL_OK
               ? satchel_assignment_add(satchel_host_service(mine->here->host), db, &system, &given, &id, error)
               : status;
}

static satchel_status office(company *here, satchel_lane_work work, uint32_t number, const char *text) {
    job mine = {here, number, text};
    return company_write(here, work, &mine);
}

static satchel_status admin_edit(company *here) {
    return office(here, edit_customer, 3, "Office");
}

static satchel_status admin_assign(company *here) {
    return office(here, assign_customer, 2, "");
}

static satchel_status admin_user(company *here) {
    return office(here, add_user, 0, "zhao");
}

/* --- enrolment --- */

typedef struct issuing {
    company *here;
    satchel_issued_code code;
} issuing;

static satchel_status issue(void *context, satchel_db *db, satchel_error *error) {
    issuing *mine = context;
    const satchel_service *service = satchel_host_service(mine->here->host);
    const satchel_actor system = satchel_actor_system();
    satchel_id user;
    satchel_status status = satchel_user_named(service, db, satchel_text_of("li"), &user, error);
    return status == SATCHEL_OK ? satchel_code_issue(service, db, &system, &user, &mine->code, error) : status;
}

satchel_status company_enrol_begin(company *here, satchel_device *device) {
    issuing issued = {.here = here};
    satchel_enroll_link link = {.server = satchel_text_of("http://localhost:8080")};
    satchel_buffer text = {NULL, 0, 0};
    satchel_status status = company_write(here, issue, &issued);
    memcpy(link.code, issued.code.code, sizeof link.code);
    memcpy(link.server_key, issued.code.server_key, sizeof link.server_key);
    if (status == SATCHEL_OK) {
        status = satchel_enroll_link_write(&link, &text);
    }
    if (status == SATCHEL_OK) {
        status = satchel_enrolment_open(&here->enrolment, device, satchel_text_from(satchel_buffer_view(&text)),
                                        satchel_text_of("phone"), satchel_text_of("test"), &here->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_enrolment_request(here->enrolment, &here->request, &here->error);
        here->has_request = status == SATCHEL_OK;
    }
    satchel_buffer_deinit(&text);
    return status;
}

static satchel_status stand_newcomer(company *here) {
    satchel_status status = company_make_device(here, here->newcomer_folder, &here->newcomer);
    return status == SATCHEL_OK ? company_enrol_begin(here, here->newcomer) : status;
}

/* The answer may have been lost, so it is asked for once more. */
static satchel_status finish_newcomer(company *here) {
    satchel_status status = here->enrolment != NULL ? company_serve(here) : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = company_feed(here);
    }
    satchel_enrolment_close(here->enrolment);
    here->enrolment = NULL;
    return status;
}

/* --- the phone --- */

static satchel_status encode(uint32_t entity, uint32_t field, const char *text, satchel_buffer *out) {
    satchel_arena arena = {0};
    satchel_record record;
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, field, satchel_text_of(text));
    if (status == SATCHEL_OK) {
        status = satchel_record_encode(&schema, entity, &record, out);
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* One change in a unit of its own: an edit of a customer, or a new one. */
static satchel_status write_unit(company *here, uint32_t number, bool create, uint32_t field, const char *text) {
    satchel_write *write = NULL;
    satchel_buffer record = {NULL, 0, 0};
    satchel_id id = id_of(number);
    satchel_status status = encode(SATCHEL_ENTITY_CUSTOMER, field, text, &record);
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, here->phone, &here->error);
    }
    if (status == SATCHEL_OK) {
        status = create ? satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, satchel_buffer_view(&record), &id,
                                               &here->error)
                        : satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &id, satchel_buffer_view(&record), NULL, 0,
                                             &here->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, NULL, &here->error);
    } else {
        satchel_write_abandon(write);
    }
    satchel_buffer_deinit(&record);
    return status;
}

/* A whole exchange, from wherever it stands. */
static satchel_status sync_all(company *here) {
    satchel_status status = SATCHEL_OK;
    for (int step = 0; status == SATCHEL_OK && step < STEPS_MOST; step++) {
        if (!here->has_request) {
            status = company_next_request(here);
        }
        if (status != SATCHEL_OK || !here->has_request) {
            return status;
        }
        satchel_status served = company_serve(here);
        status = served == SATCHEL_OK ? company_feed(here) : served;
    }
    return status == SATCHEL_OK ? SATCHEL_BUSY : status;
}

/* The edits that wait: a conflict with the office, a new customer, two more edits. */
static satchel_status write_units(company *here) {
    satchel_status status = write_unit(here, 1, false, SATCHEL_CUSTOMER_NAME, "Phone");
    if (status == SATCHEL_OK) {
        status = write_unit(here, 500, true, SATCHEL_CUSTOMER_NAME, "Met on the way");
    }
    if (status == SATCHEL_OK) {
        status = write_unit(here, 500, false, SATCHEL_CUSTOMER_CITY, "Ningbo");
    }
    return status == SATCHEL_OK ? write_unit(here, 2, false, SATCHEL_CUSTOMER_CITY, "Ningbo") : status;
}

satchel_status company_fill(company *here) {
    satchel_status status = office(here, add_user, 0, "li");
    if (status == SATCHEL_OK) {
        status = office(here, add_user, 0, "wu");
    }
    for (uint32_t i = 1; i <= CUSTOMERS && status == SATCHEL_OK; i++) {
        status = office(here, add_customer, i, "Shop");
    }
    if (status == SATCHEL_OK) {
        status = company_make_device(here, here->phone_folder, &here->phone);
    }
    if (status == SATCHEL_OK) {
        status = company_enrol_begin(here, here->phone);
    }
    if (status == SATCHEL_OK) {
        status = finish_newcomer(here);
    }
    if (status == SATCHEL_OK) {
        status = sync_all(here);
    }
    if (status == SATCHEL_OK) {
        status = office(here, edit_customer, 1, "Office");
    }
    return status == SATCHEL_OK ? write_units(here) : status;
}

/* The first request of an exchange lies ready. */
static satchel_status stand_exchange(company *here) {
    return company_next_request(here);
}

/* Until the server has taken the units and the phone has all of its answers. */
static satchel_status act_exchange(company *here) {
    return company_serve(here);
}

static satchel_status finish_exchange(company *here) {
    return sync_all(here);
}

/* All is sent; the office has moved rows, so pages wait. */
static satchel_status stand_pull(company *here) {
    satchel_status status = sync_all(here);
    for (uint32_t i = 3; i <= CUSTOMERS && status == SATCHEL_OK; i++) {
        status = office(here, edit_customer, i, "Moved");
    }
    return status == SATCHEL_OK ? company_next_request(here) : status;
}

/* --- the server itself --- */

static satchel_status act_open(company *here) {
    return here->host != NULL ? SATCHEL_OK : company_open_server(here);
}

static satchel_status act_close(company *here) {
    satchel_host_close(here->host);
    here->host = NULL;
    return SATCHEL_OK;
}

static satchel_status verify(void *context, satchel_db *db, satchel_error *error) {
    (void)context;
    uint64_t bad = 0;
    uint64_t entries = 0;
    satchel_status status = satchel_audit_verify(db, &bad, &entries, error);
    return status == SATCHEL_OK && bad != 0 ? SATCHEL_DAMAGED : status;
}

static satchel_status act_audit(company *here) {
    return satchel_host_read(here->host, verify, NULL, &here->error);
}

/* --- jobs of several callers at once --- */

typedef struct group_job {
    company *here;
    uint32_t index;
    satchel_status status;
} group_job;

static void *run_group_job(void *context) {
    group_job *mine = context;
    job adding = {mine->here, 700 + mine->index, "Grouped"};
    mine->status = satchel_host_write(mine->here->host, add_customer, &adding, NULL);
    return NULL;
}

/* A job that was told OK must have happened; each happens once. */
static satchel_status act_group(company *here) {
    group_job jobs[COMPANY_GROUP];
    pthread_t threads[COMPANY_GROUP];
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < COMPANY_GROUP; i++) {
        jobs[i] = (group_job){here, i, SATCHEL_INTERNAL};
        if (pthread_create(&threads[i], NULL, run_group_job, &jobs[i]) != 0) {
            abort();
        }
    }
    for (uint32_t i = 0; i < COMPANY_GROUP; i++) {
        (void)pthread_join(threads[i], NULL);
        bool was_there = jobs[i].status == SATCHEL_ALREADY_EXISTS;
        if (here->group_ran && here->group[i] == SATCHEL_OK && !was_there) {
            status = SATCHEL_DAMAGED; /* acknowledged before, and not there */
        } else if (status == SATCHEL_OK && !was_there) {
            status = jobs[i].status;
        }
        here->group[i] = was_there ? SATCHEL_OK : jobs[i].status;
    }
    here->group_ran = true;
    return status;
}

const company_scenario company_scenarios[] = {
    {"open", false, true, false, NULL, act_open, NULL},
    {"recover", true, true, false, NULL, act_open, NULL},
    {"exchange", false, false, false, stand_exchange, act_exchange, finish_exchange},
    {"pull", false, false, false, stand_pull, act_exchange, finish_exchange},
    {"enrol", false, false, false, stand_newcomer, company_serve, finish_newcomer},
    {"edit", false, false, false, NULL, admin_edit, finish_exchange},
    {"assign", false, false, false, NULL, admin_assign, NULL},
    {"user", false, false, false, NULL, admin_user, NULL},
    {"audit", false, false, false, NULL, act_audit, NULL},
    {"close", false, false, false, NULL, act_close, NULL},
    {"group", false, false, true, NULL, act_group, NULL},
    {NULL, false, false, false, NULL, NULL, NULL},
};
