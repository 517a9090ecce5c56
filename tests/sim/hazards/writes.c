/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of writing: two people at one field, one person twice, bases that move, counters.
 */
#include "sim/hazards/hazard.h"

static void lost_update(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_edit(on, MONA, lotus, SATCHEL_CUSTOMER_NOTE, "Ask for Mr Li");
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_sync(on, MONA);
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "Ask for Mr Li");
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 1);
    hazard_lists(on, MONA, SATCHEL_REASON_CONFLICT, 1);
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 1, "conflicts");
    hazard_why(on, "Neither had seen the other's note, so the later one stands, and the earlier one is kept in the"
                   " journal of both; fields that only one of them wrote do not meet.");
}

static void lost_update_asks(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NAME, "Lotus Tea House");
    hazard_edit(on, MONA, lotus, SATCHEL_CUSTOMER_NAME, "Lotus & Sons");
    hazard_sync(on, ANNA);
    hazard_sync(on, MONA);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NAME, "Lotus Tea House");
    hazard_lists(on, MONA, SATCHEL_REASON_CONFLICT, 1);
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 1);
    hazard_why(on, "A name is too important to be replaced in silence: what stands first stays until a person decides"
                   " between the two.");
}

static void self_conflict(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NAME, "Lotus 2");
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NAME, "Lotus 3");
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NAME, "Lotus 4");
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NAME, "Lotus 4");
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 0);
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 0, "conflicts");
    hazard_why(on, "All three changes have one author, who knew the earlier ones: they follow one another although"
                   " none had seen an answer of the server.");
}

static void create_edit_delete(hazard *on) {
    hazard_row task = hazard_create(on, ANNA, SATCHEL_ENTITY_TASK, "the task", NULL, 0, SATCHEL_TASK_TITLE, "Call Li");
    hazard_edit(on, ANNA, &task, SATCHEL_TASK_TITLE, "Call Mr Li");
    hazard_delete(on, ANNA, &task);
    hazard_shows(on, ANNA, &task, SATCHEL_TASK_TITLE, NULL);
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_settle(on);
    hazard_server_shows(on, &task, SATCHEL_TASK_TITLE, NULL);
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 0);
    hazard_lists(on, ANNA, SATCHEL_REASON_REFUSED, 0);
    hazard_why(on, "The three units arrive in their order, and each finds what the one before has made.");
}

/* While the page with the office's note is under way, Anna writes. */
static void anna_writes(hazard *on) {
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Opens at ten");
}

static void base_moved(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_office_edit(on, lotus, SATCHEL_CUSTOMER_NOTE, "Closed on Mondays");
    on->meanwhile = anna_writes;
    hazard_ask(on, ANNA, HAZARD_FINE);
    sim_phone_end_exchange(&on->here->phones[ANNA]);
    hazard_tell(on, "The page has moved the base of the row below the change that Anna made meanwhile.");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at eleven");
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at eleven");
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 1, "conflicts");
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 1);
    hazard_why(on, "The field was dirty when the office's note came, so Anna's second change keeps the base of her"
                   " first one: the office's note lost and is listed, it is not written over in silence.");
}

static void counter_reply_lost(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 10);
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "10");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "10");
    hazard_add(on, MONA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 5);
    hazard_sync(on, MONA);
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "15");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "15");
    hazard_shows(on, MONA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "15");
    hazard_why(on, "The server knows the op by its number and adds it once; the phone takes its own ten off as soon as"
                   " a page says that they are in the server's sum.");
}

static void counter_storm(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    static const uint32_t phones[] = {ANNA, TABLET, MONA};
    static const hazard_luck lucks[] = {HAZARD_TWICE, HAZARD_ANSWER_LOST, HAZARD_COPIED, HAZARD_ANSWER_CUT};
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < 3; i++) {
            hazard_add(on, phones[i], lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1 + (int64_t)(round * 3 + i));
            hazard_ask(on, phones[i], lucks[(round + i) % 4]);
        }
    }
    for (uint32_t i = 0; i < 3; i++) {
        hazard_arrives(on);
    }
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "78");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "78");
    hazard_shows(on, TABLET, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "78");
    hazard_shows(on, MONA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "78");
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 0);
    hazard_why(on, "Twelve additions of 1 to 12 are 78, however often the network delivered them.");
}

const hazard_story hazard_stories_writes[] = {
    {"lost_update", "Anna and Mona write the same field of one shop while both are offline.", lost_update, false},
    {"lost_update_asks", "The field that both write is one of which a person must decide.", lost_update_asks, false},
    {"self_conflict", "Anna changes one field three times, and the answers are lost.", self_conflict, false},
    {"create_edit_delete", "A row is made, changed and deleted before the server hears of it.", create_edit_delete,
     false},
    {"base_moved", "The server's value moves while Anna's own is still unsent.", base_moved, false},
    {"counter_reply_lost", "Points are added, and the answer is lost.", counter_reply_lost, false},
    {"counter_storm", "Three devices add to one counter over a network that doubles, loses, cuts and delays.",
     counter_storm, true},
    {NULL, NULL, NULL, false},
};
