/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customers of the image that are merged into each other. Whoever asks for it is answered by the server later, so what
 * the simulation knows beforehand is what may have happened: the one that goes points at the one that stands for it.
 */
#include "base/ids.h"
#include "sim/sim.h"
#include "store/store_state.h"

#include <satchel/command.h>
#include <satchel/model.h>
#include <satchel/read.h>

static int32_t index_of(const sim *here, const satchel_id *customer) {
    for (uint32_t i = 0; i < here->customer_count; i++) {
        if (satchel_id_equal(&here->customers[i], customer)) {
            return (int32_t)i;
        }
    }
    return -1;
}

uint32_t sim_survivor_of(const sim *here, uint32_t customer) {
    while (here->merged_into[customer] != 0) { /* none points at one that pointed at it: see sim_phone_merge */
        customer = here->merged_into[customer] - 1;
    }
    return customer;
}

bool sim_may_stand_for(const sim *here, const satchel_id *survivor, const satchel_id *gone) {
    int32_t at = index_of(here, gone);
    bool found = satchel_id_equal(survivor, gone);
    while (!found && at >= 0 && here->merged_into[at] != 0) {
        at = (int32_t)here->merged_into[at] - 1;
        found = satchel_id_equal(survivor, &here->customers[at]);
    }
    return found;
}

/* What the row names as the one that it was merged into; none: it was not. */
static satchel_id read_merged_into(sim *here, const satchel_id *customer) {
    satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    satchel_record record;
    satchel_id into = {{0}};
    uint64_t n = 0;
    satchel_record_init(&record, &arena);
    if (satchel_served_row_read(here->service, here->db, &system, SATCHEL_ENTITY_CUSTOMER, customer, &record, &n,
                                NULL) == SATCHEL_OK) {
        into = satchel_record_id(&record, SATCHEL_CUSTOMER_MERGED_INTO);
    }
    satchel_arena_deinit(&arena);
    return into;
}

satchel_id sim_survivor_on_server(sim *here, const satchel_id *row) {
    satchel_id at = *row;
    int32_t index = index_of(here, row);
    while (index >= 0 && here->merged_into[index] != 0) {
        const satchel_id into = read_merged_into(here, &at);
        if (satchel_id_is_none(&into)) {
            break;
        }
        at = into;
        index = index_of(here, &at);
    }
    return at;
}

static bool is_shown(sim_phone *phone, const satchel_id *customer) {
    satchel_page *page = NULL;
    bool shown = satchel_row_open(&page, phone->device, SATCHEL_ENTITY_CUSTOMER, customer, NULL) == SATCHEL_OK &&
                 satchel_page_count(page) > 0;
    satchel_page_close(page);
    return shown;
}

void sim_phone_merge(sim_phone *phone) {
    sim *here = phone->sim;
    uint32_t gone = (uint32_t)test_random_below(&here->random, here->customer_count);
    uint32_t into = sim_survivor_of(here, (uint32_t)test_random_below(&here->random, here->customer_count));
    if (here->merged_into[gone] != 0 || gone == into || here->profile->put_back > 0 ||
        !is_shown(phone, &here->customers[gone]) || !is_shown(phone, &here->customers[into])) {
        return;
    }
    sim_edit *edit = sim_edit_new(here, (int32_t)phone->index, SATCHEL_ENTITY_CUSTOMER, &here->customers[gone], 0);
    if (edit == NULL) {
        return;
    }
    edit->kind = SIM_MERGE;
    edit->value[0] = '\0';
    edit->parent = here->customers[into];
    uint64_t first = phone->device->store->next_sequence;
    sim_tell(here, "phone %u asks to merge customer %u into %u", (unsigned)phone->index, (unsigned)gone,
             (unsigned)into);
    satchel_status status =
        satchel_customer_merge(phone->device, &here->customers[gone], &here->customers[into], NULL, NULL);
    if (status == SATCHEL_OK || status == SATCHEL_IO_ERROR) {
        here->merged_into[gone] = into + 1;
    }
    sim_edit_end(phone, edit, status, first, "merges customers");
}
