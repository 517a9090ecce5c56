/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of a simulated company: the service over SQLite in memory, and a manager who changes things.
 */
#include "base/ids.h"
#include "base/text.h"
#include "service/exchange.h"
#include "sim/sim.h"
#include "wire/enroll.h"

#include <satchel/model.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS_MOST 8 /* of apply and answer */

static int64_t office_now(void *context) {
    const sim *here = context;
    return here->now_ms;
}

/* Its randomness goes on over restarts. */
static bool open_service(sim *here) {
    satchel_random_seeded kept = here->server_seeded;
    satchel_service_platform platform = {.context = here, .now_ms = office_now};
    platform.random = sim_random_of(&here->server_seeded, here->seed * 4 + 1);
    here->server_seeded.calls = kept.calls;
    return satchel_service_open(&here->service, &platform, here->db, NULL) == SATCHEL_OK;
}

satchel_status sim_office_write(sim *here, sim_office_work work, void *context) {
    satchel_status status = satchel_db_begin(here->db, SATCHEL_DB_WRITE, NULL);
    if (status == SATCHEL_OK) {
        status = work(here, context);
    }
    if (status == SATCHEL_OK) {
        return satchel_db_commit(here->db, NULL);
    }
    satchel_db_rollback(here->db);
    return status;
}

/* --- setting up --- */

static satchel_status add_user(sim *here, const char *login, uint32_t role, const satchel_id *manager,
                               const satchel_id *territory, satchel_id *out) {
    satchel_actor system = satchel_actor_system();
    satchel_new_user user = {.login = satchel_text_of(login), .name = satchel_text_of(login)};
    user.roles = UINT64_C(1) << role;
    user.manager = *manager;
    user.territory = *territory;
    return satchel_user_add(here->service, here->db, &system, &user, out, NULL);
}

static satchel_status add_people(sim *here, const satchel_id *territory) {
    static const satchel_id none;
    satchel_status status = add_user(here, "manager", SATCHEL_ROLE_MANAGER, &none, territory, &here->manager);
    for (uint32_t i = 0; i < here->people && status == SATCHEL_OK; i++) {
        char login[16];
        (void)snprintf(login, sizeof login, "rep%u", (unsigned)i);
        /* The last phone is the manager's; two phones may belong to one rep. */
        if (i + 1 == here->people) {
            here->phones[i].user = here->manager;
        } else if (i == 1 && here->people > 3) {
            here->phones[i].user = here->phones[0].user;
        } else {
            status = add_user(here, login, SATCHEL_ROLE_REP, &here->manager, &none, &here->phones[i].user);
        }
    }
    return status;
}

/* From here on the user of that phone may know what is written into a customer. */
static void learns(sim *here, uint32_t customer, uint32_t person) {
    here->knows[customer] |= UINT32_C(1) << person;
}

static satchel_status add_customers(sim *here, const satchel_id *territory) {
    static const satchel_id none;
    satchel_actor system = satchel_actor_system();
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < here->customer_count && status == SATCHEL_OK; i++) {
        satchel_arena arena = {0};
        satchel_record record;
        satchel_write_outcome outcome;
        char name[32];
        (void)snprintf(name, sizeof name, "customer %u", (unsigned)i);
        here->owners[i] = here->phones[i % (here->people - 1)].user;
        learns(here, i, i % (here->people - 1));
        satchel_record_init(&record, &arena);
        status = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name));
        if (status == SATCHEL_OK) {
            status = satchel_served_row_create(here->service, here->db, &system, SATCHEL_ENTITY_CUSTOMER, &none,
                                               &record, &outcome, NULL);
        }
        if (status == SATCHEL_OK) {
            here->customers[i] = outcome.id;
            status = satchel_customer_reassign(here->service, here->db, &system, &outcome.id, &here->owners[i],
                                               territory, NULL);
        }
        satchel_arena_deinit(&arena);
    }
    return status;
}

static satchel_status add_products(sim *here) {
    static const satchel_id none;
    satchel_actor system = satchel_actor_system();
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < SIM_PRODUCTS && status == SATCHEL_OK; i++) {
        satchel_arena arena = {0};
        satchel_record record;
        satchel_write_outcome outcome;
        char name[32];
        (void)snprintf(name, sizeof name, "product %u", (unsigned)i);
        satchel_record_init(&record, &arena);
        status = satchel_record_set_text(&record, SATCHEL_PRODUCT_CODE, satchel_text_of(name));
        if (status == SATCHEL_OK) {
            status = satchel_record_set_text(&record, SATCHEL_PRODUCT_NAME, satchel_text_of(name));
        }
        if (status == SATCHEL_OK) {
            status = satchel_served_row_create(here->service, here->db, &system, SATCHEL_ENTITY_PRODUCT, &none, &record,
                                               &outcome, NULL);
            here->products[i] = outcome.id;
        }
        satchel_arena_deinit(&arena);
    }
    return status;
}

static satchel_status found(sim *here, void *context) {
    static const satchel_id none;
    satchel_actor system = satchel_actor_system();
    satchel_id territory;
    (void)context;
    satchel_status status = satchel_company_init(here->service, here->db, satchel_text_of("Simulated company"), NULL);
    if (status == SATCHEL_OK) {
        status = satchel_territory_add(here->service, here->db, &system, satchel_text_of("Town"), &none,
                                       satchel_text_of(""), &territory, NULL);
    }
    if (status == SATCHEL_OK) {
        status = add_people(here, &territory);
    }
    if (status == SATCHEL_OK) {
        status = add_products(here);
    }
    return status == SATCHEL_OK ? add_customers(here, &territory) : status;
}

bool sim_office_start(sim *here) {
    return open_service(here);
}

void sim_office_stop(sim *here) {
    satchel_service_close(here->service);
    here->service = NULL;
}

bool sim_office_found(sim *here) {
    return open_service(here) && sim_office_write(here, found, NULL) == SATCHEL_OK;
}

bool sim_office_open(sim *here) {
    return satchel_db_open_sqlite(&here->db, ":memory:", SATCHEL_DB_WRITER, NULL) == SATCHEL_OK &&
           sim_office_found(here);
}

void sim_office_close(sim *here) {
    sim_office_stop(here);
    if (!here->db_stays) {
        satchel_db_close(here->db);
    }
    here->db = NULL;
}

void sim_office_restart(sim *here) {
    sim_office_stop(here);
    if (!open_service(here)) {
        sim_violation(here, "the server does not open again");
    }
    sim_count(here, SIM_SERVER_RESTARTS);
    sim_tell(here, "the server is killed and starts again");
}

/* --- phones that ask --- */

typedef struct issue_work {
    const satchel_id *user;
    satchel_issued_code code;
} issue_work;

static satchel_status issue(sim *here, void *context) {
    issue_work *work = context;
    satchel_actor system = satchel_actor_system();
    return satchel_code_issue(here->service, here->db, &system, work->user, &work->code, NULL);
}

bool sim_office_link(sim *here, const satchel_id *user, satchel_buffer *out) {
    issue_work work = {.user = user};
    satchel_enroll_link link = {.server = satchel_text_of("http://localhost:8080")};
    if (sim_office_write(here, issue, &work) != SATCHEL_OK) {
        return false;
    }
    memcpy(link.code, work.code.code, sizeof link.code);
    memcpy(link.server_key, work.code.server_key, sizeof link.server_key);
    return satchel_enroll_link_write(&link, out) == SATCHEL_OK;
}

typedef struct enrol_work {
    satchel_bytes body;
    satchel_buffer *out;
    uint32_t http_status;
} enrol_work;

static satchel_status enrol(sim *here, void *context) {
    enrol_work *work = context;
    return satchel_service_enroll(here->service, here->db, work->body, work->out, &work->http_status, NULL);
}

uint32_t sim_office_enroll(sim *here, satchel_bytes body, satchel_buffer *out) {
    enrol_work work = {.body = body, .out = out};
    return sim_office_write(here, enrol, &work) == SATCHEL_OK ? work.http_status : 500;
}

static satchel_status apply(sim *here, void *context) {
    return satchel_server_exchange_apply(context, here->db, NULL);
}

static satchel_status answer(sim *here, satchel_server_exchange *exchange, satchel_buffer *out,
                             uint32_t *out_http_status) {
    satchel_status status = SATCHEL_OK;
    for (int round = 0; round < ROUNDS_MOST && status == SATCHEL_OK; round++) {
        if (satchel_server_exchange_needs_apply(exchange)) {
            status = sim_office_write(here, apply, exchange);
        }
        if (status == SATCHEL_OK) {
            status = satchel_db_begin(here->db, SATCHEL_DB_READ, NULL);
        }
        if (status == SATCHEL_OK) {
            status = satchel_server_exchange_answer(exchange, here->db, out, out_http_status, NULL);
        }
        satchel_db_rollback(here->db);
        if (status == SATCHEL_OK && !satchel_server_exchange_needs_apply(exchange)) {
            return status;
        }
    }
    return status == SATCHEL_OK ? SATCHEL_BUSY : status;
}

uint32_t sim_office_serve(sim *here, const sim_mail *mail, satchel_buffer *out) {
    satchel_server_exchange *exchange = NULL;
    satchel_signed_headers headers;
    uint32_t http_status = 500;
    memset(&headers, 0, sizeof headers);
    (void)snprintf(headers.content_digest, sizeof headers.content_digest, "%s", mail->digest);
    (void)snprintf(headers.request_number, sizeof headers.request_number, "%s", mail->number);
    (void)snprintf(headers.signature_input, sizeof headers.signature_input, "%s", mail->input);
    (void)snprintf(headers.signature, sizeof headers.signature, "%s", mail->signature);
    satchel_buffer_clear(out);
    satchel_status status = satchel_db_begin(here->db, SATCHEL_DB_READ, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_server_exchange_read(&exchange, here->service, here->db, "POST", "/v1/sync", &headers,
                                              satchel_buffer_view(&mail->body), NULL);
    }
    satchel_db_rollback(here->db);
    if (status == SATCHEL_OK) {
        status = answer(here, exchange, out, &http_status);
    }
    if (status == SATCHEL_OK) {
        satchel_exchange_facts facts = satchel_server_exchange_facts(exchange);
        here->counters[SIM_REMOVED_ROWS] += facts.removals;
        here->counters[SIM_FORKS] += facts.status == SATCHEL_FORKED ? 1 : 0;
        sim_count(here, SIM_EXCHANGES);
    } else {
        satchel_buffer_clear(out);
        http_status = 500;
        sim_violation(here, "the server fails: %s", satchel_status_name(status));
    }
    satchel_server_exchange_close(exchange);
    return http_status;
}

/* --- the manager --- */

typedef struct act_work {
    const satchel_id *customer;
    const satchel_id *owner;
    uint32_t field;
    sim_edit *edit;
} act_work;

static satchel_status reassign(sim *here, void *context) {
    const act_work *work = context;
    satchel_actor system = satchel_actor_system();
    return satchel_customer_reassign(here->service, here->db, &system, work->customer, work->owner, NULL, NULL);
}

static satchel_status edit_it(sim *here, void *context) {
    const act_work *work = context;
    satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    uint64_t n = 0;
    satchel_record present;
    satchel_record record;
    satchel_write_outcome outcome;
    satchel_record_init(&present, &arena);
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_served_row_read(here->service, here->db, &system, SATCHEL_ENTITY_CUSTOMER,
                                                    work->customer, &present, &n, NULL);
    if (status == SATCHEL_OK) {
        work->edit->previous = sim_edit_of(here, satchel_record_text(&present, work->field));
        status = satchel_record_set_text(&record, work->field, satchel_text_of(work->edit->value));
    }
    if (status == SATCHEL_OK) {
        status = satchel_served_row_edit(here->service, here->db, &system, SATCHEL_ENTITY_CUSTOMER, work->customer, 0,
                                         &record, NULL, 0, &outcome, NULL);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status change_role(sim *here, void *context) {
    const satchel_id *user = context;
    satchel_actor system = satchel_actor_system();
    uint64_t roles = UINT64_C(1) << SATCHEL_ROLE_REP;
    if (test_random_chance(&here->random, 40)) {
        roles |= UINT64_C(1) << SATCHEL_ROLE_MARKETING;
        for (uint32_t i = 0; i < here->people; i++) {
            here->saw_all |= satchel_id_equal(&here->phones[i].user, user) ? UINT32_C(1) << i : 0;
        }
    }
    satchel_user_change change = {.roles = &roles};
    return satchel_user_change_to(here->service, here->db, &system, user, &change, NULL);
}

static void expect(sim *here, satchel_status status, const char *what) {
    if (status != SATCHEL_OK) {
        sim_violation(here, "the office cannot %s: %s", what, satchel_status_name(status));
    }
}

static void back_up(sim *here) {
    if (sim_may(here, SIM_TROUBLE_BACKUPS)) {
        expect(here, sim_backup_take(here), "back up its database");
        here->backup_edits = here->edit_count;
        sim_count(here, SIM_BACKUPS);
        sim_tell(here, "the server is backed up");
    }
}

/* Phones bring again what they were acknowledged; what the office wrote since the backup is gone. */
static void put_back(sim *here) {
    if (!sim_may(here, SIM_TROUBLE_BACKUPS)) {
        return;
    }
    if (!sim_backup_is_there()) {
        back_up(here);
        return;
    }
    sim_tell(here, "the server is put back to its backup");
    expect(here, sim_backup_put_back(here), "put its database back");
    for (uint32_t i = here->backup_edits; i < here->edit_count; i++) {
        here->edits[i].may_be_gone = here->edits[i].may_be_gone || here->edits[i].phone < 0;
    }
    sim_count(here, SIM_SERVERS_PUT_BACK);
}

void sim_office_act(sim *here) {
    uint32_t at = sim_survivor_of(here, (uint32_t)test_random_below(&here->random, here->customer_count));
    uint32_t to = (uint32_t)test_random_below(&here->random, here->people - 1);
    uint64_t what = test_random_below(&here->random, 100);
    if (sim_lacks(here, SIM_SERVER_RESTARTS) && test_random_chance(&here->random, 20)) {
        what = 99;
    }
    act_work work = {.customer = &here->customers[at], .field = sim_office_field_of_chance(here)};
    if (what < 35) {
        if (!sim_may(here, SIM_TROUBLE_REASSIGNMENTS)) {
            return;
        }
        work.owner = &here->phones[to].user;
        here->counters[SIM_RETURNS] +=
            (here->knows[at] >> to & 1) != 0 && !satchel_id_equal(&here->owners[at], work.owner) ? 1 : 0;
        here->owners[at] = *work.owner;
        learns(here, at, to);
        sim_tell(here, "the manager gives customer %u to the user of phone %u", (unsigned)at, (unsigned)to);
        expect(here, sim_office_write(here, reassign, &work), "reassign a customer");
        sim_count(here, SIM_REASSIGNMENTS);
    } else if (what < 80 && !sim_may(here, SIM_TROUBLE_OFFICE)) {
        return;
    } else if (what < 80) {
        work.edit = sim_edit_new(here, -1, SATCHEL_ENTITY_CUSTOMER, work.customer, work.field);
        if (work.edit != NULL) {
            here->counters[SIM_HIDDEN_EDITS] += sim_is_secret(work.edit) ? 1 : 0;
            sim_tell(here, "the manager writes %s into field %u of customer %u", work.edit->value, (unsigned)work.field,
                     (unsigned)at);
            expect(here, sim_office_write(here, edit_it, &work), "edit a customer");
        }
    } else if (what < 83) {
        if (sim_may(here, SIM_TROUBLE_TASKS)) {
            expect(here, sim_office_give_task(here, to), "give a task");
        }
    } else if (what < 92) {
        if (!sim_may(here, SIM_TROUBLE_ROLES)) {
            return;
        }
        sim_tell(here, "the roles of the user of phone %u change", (unsigned)to);
        expect(here, sim_office_write(here, change_role, &here->phones[to].user), "change roles");
        sim_count(here, SIM_ROLE_CHANGES);
    } else if (here->profile->put_back > 0 && what < 95) {
        back_up(here);
    } else if (here->profile->put_back > 0 && what < 98) {
        put_back(here);
    } else if (sim_may(here, SIM_TROUBLE_RESTARTS)) {
        sim_office_restart(here);
    }
}
