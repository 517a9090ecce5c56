/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of the wire and of the phone that may die at any moment: answers lost, doubled, late, pages half stored,
 * disks full, and units that no server can swallow.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"
#include "store/store_state.h"

#include <satchel/write.h>
#include <stdio.h>

#define KILLS 40
#define SHOPS 2500

static void reply_lost(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_ask(on, ANNA, HAZARD_REQUEST_LOST);
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_ask(on, ANNA, HAZARD_ANSWER_CUT);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM unit_result") == 1, "there was to be one result.");
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 0);
    hazard_why(on, "The unit has a number; asked again, the server gives the stored result and does not apply it"
                   " again.");
}

static void duplicated(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 10);
    hazard_ask(on, ANNA, HAZARD_TWICE);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "10");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "10");
    hazard_why(on, "The second copy has a request number that was used; it changes nothing, whatever it is answered.");
}

static void overlapping(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 10);
    hazard_ask(on, ANNA, HAZARD_HELD_UP);
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 5);
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_arrives(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "15");
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "15");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "15");
    hazard_why(on, "Two requests carried the same unit at the same time; it was decided on once.");
}

static void reordered(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_ask(on, ANNA, HAZARD_HELD_UP);
    sim_phone_end_exchange(&on->here->phones[ANNA]);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at eleven");
    hazard_sync(on, ANNA);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at eleven");
    hazard_arrives(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at eleven");
    hazard_settle(on);
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 0);
    hazard_why(on, "The older request comes last and brings nothing new: its unit is known, its page goes nowhere.");
}

/* --- a phone that dies --- */

static void anna_dies(hazard *on) {
    hazard_crash(on, ANNA, TEST_SURVIVES_NONE);
}

static void crash_page_cursor(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_office_edit(on, lotus, SATCHEL_CUSTOMER_NOTE, "Closed on Mondays");
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    anna_dies(on);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "");
    hazard_sync(on, ANNA);
    anna_dies(on);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Closed on Mondays");
    hazard_settle(on);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_why(on, "A page and the position behind it are one local transaction: the phone has both or neither, and"
                   " asks again from where it is.");
}

/* One point is added and synced, and the disk dies for good at the step-th operation from now. */
static bool die_at(hazard *on, uint64_t step) {
    sim_phone *anna = &on->here->phones[ANNA];
    const hazard_row *lotus = &on->shops[LOTUS];
    satchel_write *write = NULL;
    satchel_status status = satchel_write_begin(&write, anna->device, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_write_add(write, lotus->entity, &lotus->id, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1, NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, NULL, NULL);
    }
    if (status != SATCHEL_OK) {
        satchel_write_abandon(write);
        return false;
    }
    test_disk_fail_at(anna->disk, test_disk_operations(anna->disk) + step, true, TEST_FAULT_ERROR);
    (void)hazard_sync_silently(on, ANNA);
    sim_phone_start_from(
        anna, test_disk_after_power_loss(anna->disk, (test_survival)(step % TEST_SURVIVAL_COUNT), step), "a kill");
    return anna->device != NULL;
}

static void kill_at_any_step(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    uint32_t lived = 0;
    hazard_tell(on, "Anna adds a point and syncs, forty times; the phone dies at the first, the second, … the fortieth"
                    " operation of its disk, and what was not synced to it survives wholly, partly or not at all.");
    for (uint64_t step = 1; step <= KILLS; step++) {
        lived += die_at(on, step) ? 1 : 0;
    }
    hazard_tell(on, "After each death it is switched on again: %u times.", (unsigned)lived);
    hazard_expect(on, lived == KILLS, "it was to be %d times.", KILLS);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "40");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "40");
    hazard_why(on, "Every point was committed before the phone died, so it is there; and none is there twice.");
}

static void disk_full(hazard *on) {
    sim_phone *anna = &on->here->phones[ANNA];
    uint32_t full = 0;
    hazard_office_many(on, SATCHEL_ENTITY_CUSTOMER, 300, "Shop", SATCHEL_CUSTOMER_NAME, SATCHEL_CUSTOMER_OWNER, ANNA);
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    for (uint64_t in = 6; in <= 30; in += 8) {
        test_disk_fail_at(anna->disk, test_disk_operations(anna->disk) + in, true, TEST_FAULT_FULL);
        full += hazard_sync_silently(on, ANNA) == SATCHEL_DISK_FULL ? 1 : 0;
        test_disk_fail_at(anna->disk, 0, false, TEST_FAULT_FULL);
    }
    hazard_tell(on, "Anna's phone syncs, and its disk is full before the page is stored; there is room and there is"
                    " none again: four times.");
    hazard_expect(on, full > 0, "no sync was to end with a full disk.");
    hazard_settle(on);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_CUSTOMER, 302);
    hazard_server_shows(on, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_why(on, "A page that does not fit is not stored at all; it comes again from the old position.");
}

/* --- loads --- */

static void whale(hazard *on) {
    const hazard_row *bamboo = &on->shops[BAMBOO];
    hazard_office_many(on, SATCHEL_ENTITY_CUSTOMER, SHOPS, "Shop", SATCHEL_CUSTOMER_NAME, SATCHEL_CUSTOMER_OWNER, ANNA);
    hazard_edit(on, BORIS, bamboo, SATCHEL_CUSTOMER_NOTE, "Wants a poster");
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_tell(on, "Anna's phone has the first of many pages.");
    uint32_t before = on->answers;
    hazard_sync(on, BORIS);
    hazard_tell(on, "That took Boris %u request.", (unsigned)(on->answers - before));
    hazard_expect(on, on->answers - before == 1, "it was to be one.");
    hazard_expect(on, hazard_info(on, ANNA).rows < SHOPS, "Anna was still to wait for rows.");
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_CUSTOMER, SHOPS + 2);
    hazard_server_shows(on, bamboo, SATCHEL_CUSTOMER_NOTE, "Wants a poster");
    hazard_why(on, "An answer has a bounded number of bytes, so a phone with much to fetch asks often, and others come"
                   " in between.");
}

static satchel_status spoil_row(hazard *on, void *context) {
    const hazard_row *row = context;
    return SATCHEL_DB_RUN(on->here->db, NULL,
                          "UPDATE customer SET versions = CAST(x'ffffffff' || versions AS BLOB) WHERE id = ?1",
                          satchel_value_id(&row->id));
}

/* The counter of units put aside counts for ever; here it starts anew, as nothing else of a story may be put aside. */
static satchel_status mend_row(hazard *on, void *context) {
    const hazard_row *row = context;
    satchel_status status = SATCHEL_DB_RUN(
        on->here->db, NULL, "UPDATE customer SET versions = substr(CAST(versions AS BLOB), 5) WHERE id = ?1",
        satchel_value_id(&row->id));
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(on->here->db, NULL, "DELETE FROM kept_unit WHERE code <> ?1", satchel_value_int(0));
    }
    return status == SATCHEL_OK ? SATCHEL_DB_RUN(on->here->db, NULL, "UPDATE metric SET value = 0 WHERE name = ?1",
                                                 satchel_value_text(satchel_text_of("units_quarantined")))
                                : status;
}

static void poison(hazard *on) {
    hazard_row *lotus = &on->shops[LOTUS];
    const hazard_row *tiger = &on->shops[TIGER];
    satchel_service_counts counts = {0};
    hazard_tell(on, "Something on the server spoils the row of Lotus: whoever writes into it makes it fail.");
    hazard_expect(on, hazard_write_with(on, spoil_row, lotus) == SATCHEL_OK, "the row cannot be spoilt.");
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_edit(on, ANNA, tiger, SATCHEL_CUSTOMER_CITY, "Suzhou");
    hazard_sync(on, ANNA);
    hazard_server_shows(on, tiger, SATCHEL_CUSTOMER_CITY, "Suzhou");
    hazard_lists(on, ANNA, SATCHEL_REASON_HELD, 1);
    hazard_expect(on,
                  satchel_db_begin(on->here->db, SATCHEL_DB_READ, NULL) == SATCHEL_OK &&
                      satchel_service_count(on->here->service, on->here->db, &counts, NULL) == SATCHEL_OK,
                  "the server does not count.");
    satchel_db_rollback(on->here->db);
    hazard_tell(on, "The server keeps for its operator, whole: %u unit.", (unsigned)counts.units_quarantined);
    hazard_expect(on, counts.units_quarantined == 1, "it was to keep one.");
    hazard_tell(on, "The operator mends the row and clears what was kept.");
    hazard_expect(on, hazard_write_with(on, mend_row, lotus) == SATCHEL_OK, "that fails.");
    hazard_settle(on);
    hazard_why(on, "A unit that fails twice for no reason of its own is put aside with its bytes, and those behind it"
                   " go on.");
}

static void oversize(hazard *on) {
    static char text[7001];
    satchel_write *write = NULL;
    satchel_buffer record = {NULL, 0, 0};
    satchel_status status = satchel_write_begin(&write, on->here->phones[ANNA].device, NULL);
    uint32_t taken = 0;
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        text[i] = (char)('a' + i % 23);
    }
    bool made = hazard_record_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_TITLE, "Long", &record) &&
                hazard_record_of(SATCHEL_ENTITY_TASK, SATCHEL_TASK_DETAIL, text, &record);
    while (made && status == SATCHEL_OK) {
        satchel_id id = {{0}};
        status = satchel_write_create(write, SATCHEL_ENTITY_TASK, satchel_buffer_view(&record), &id, NULL);
        taken += status == SATCHEL_OK ? 1 : 0;
    }
    satchel_buffer_deinit(&record);
    hazard_tell(on, "Anna fills one unit with ever more long tasks, until her phone says: %s.",
                satchel_status_text(status, "en"));
    hazard_expect(on, status == SATCHEL_LIMIT_EXCEEDED && taken > 100, "the limit was to be met.");
    hazard_expect(on, satchel_commit(write, NULL, NULL) == SATCHEL_OK, "what fits was to be committed.");
    on->here->phones[ANNA].committed = on->here->phones[ANNA].device->store->next_sequence - 1;
    hazard_settle(on);
    hazard_holds(on, MONA, SATCHEL_ENTITY_TASK, taken);
    hazard_holds(on, ANNA, SATCHEL_ENTITY_TASK, taken);
    hazard_why(on, "A unit is bounded when it is made, so no unit exists that a request could not carry.");
}

const hazard_story hazard_stories_wire[] = {
    {"reply_lost", "A request is lost, an answer is lost, another is cut.", reply_lost, false},
    {"duplicated", "The network delivers one request twice.", duplicated, false},
    {"overlapping", "A request that was thought lost arrives after the one that repeats it.", overlapping, false},
    {"reordered", "A request of an earlier sync arrives after a later sync.", reordered, false},
    {"crash_page_cursor", "The phone dies before and after a page is stored.", crash_page_cursor, false},
    {"kill_at_any_step", "The phone dies at any step of writing and syncing.", kill_at_any_step, false},
    {"disk_full", "The disk is full in the middle of a page.", disk_full, false},
    {"whale", "One phone has much to fetch while another has little.", whale, false},
    {"poison", "One unit makes the server fail.", poison, false},
    {"oversize", "A unit grows past its limit.", oversize, false},
    {NULL, NULL, NULL, false},
};
