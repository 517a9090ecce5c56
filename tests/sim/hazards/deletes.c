/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of deleting: what others wrote meanwhile into the row, or into what hangs on it.
 */
#include "sim/hazards/hazard.h"

/* A task of Anna's at Lotus, which Mona sees as well. */
static hazard_row shared_task(hazard *on) {
    hazard_row task = hazard_create(on, ANNA, SATCHEL_ENTITY_TASK, "the task", &on->shops[LOTUS], SATCHEL_TASK_CUSTOMER,
                                    SATCHEL_TASK_TITLE, "Call Mr Li");
    hazard_settle(on);
    return task;
}

static void delete_after_edit(hazard *on) {
    hazard_row task = shared_task(on);
    hazard_edit(on, MONA, &task, SATCHEL_TASK_DETAIL, "Ask about the fridge");
    hazard_delete(on, ANNA, &task);
    hazard_sync(on, MONA);
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, &task, SATCHEL_TASK_DETAIL, "Ask about the fridge");
    hazard_shows(on, ANNA, &task, SATCHEL_TASK_DETAIL, "Ask about the fridge");
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 1);
    hazard_why(on, "Anna did not know of Mona's words when she deleted the task, so it stays and a person is asked.");
}

static void edit_after_delete(hazard *on) {
    hazard_row task = shared_task(on);
    hazard_edit(on, MONA, &task, SATCHEL_TASK_DETAIL, "Ask about the fridge");
    hazard_delete(on, ANNA, &task);
    hazard_sync(on, ANNA);
    hazard_server_shows(on, &task, SATCHEL_TASK_DETAIL, NULL);
    hazard_sync(on, MONA);
    hazard_settle(on);
    hazard_server_shows(on, &task, SATCHEL_TASK_DETAIL, "Ask about the fridge");
    hazard_shows(on, ANNA, &task, SATCHEL_TASK_TITLE, "Call Mr Li");
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 1, "conflicts");
    hazard_why(on, "The order of arrival does not matter: Mona's words bring the task back, with the title that it had,"
                   " and a person is asked.");
}

static void delete_against_child_edit(hazard *on) {
    hazard_row order = hazard_order(on, ANNA, "the order", &on->shops[LOTUS]);
    hazard_row line = hazard_line(on, ANNA, "a line of tea", &order, 3, 1250);
    hazard_settle(on);
    hazard_edit(on, TABLET, &line, SATCHEL_ORDER_LINE_NOTE, "Green, not black");
    hazard_delete(on, ANNA, &order);
    hazard_sync(on, TABLET);
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, &order, SATCHEL_ORDER_LINE_COUNT, "1");
    hazard_server_shows(on, &line, SATCHEL_ORDER_LINE_NOTE, "Green, not black");
    hazard_shows(on, ANNA, &line, SATCHEL_ORDER_LINE_NOTE, "Green, not black");
    hazard_why(on, "A line was changed that whoever deleted the order did not know of, so the deletion of order and"
                   " lines does not take effect, and a person is asked.");
}

static void delete_against_child_add(hazard *on) {
    hazard_row order = hazard_order(on, ANNA, "the order", &on->shops[LOTUS]);
    hazard_line(on, ANNA, "a line of tea", &order, 3, 1250);
    hazard_settle(on);
    hazard_row rice = hazard_line(on, TABLET, "a line of rice", &order, 1, 400);
    hazard_delete(on, ANNA, &order);
    hazard_sync(on, ANNA);
    hazard_sync(on, TABLET);
    hazard_settle(on);
    hazard_server_shows(on, &order, SATCHEL_ORDER_LINE_COUNT, NULL);
    hazard_lists(on, TABLET, SATCHEL_REASON_PARKED, 2);
    hazard_shows(on, TABLET, &rice, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, NULL);
    hazard_server_lists(on, SATCHEL_ENTITY_PARKED_EDIT, 2, "parked edits");
    hazard_why(on, "A line has no place without its order, but it was written in good faith: it waits, sealed, for the"
                   " supervisor.");
}

static void delete_after_child_add(hazard *on) {
    hazard_row order = hazard_order(on, ANNA, "the order", &on->shops[LOTUS]);
    hazard_row tea = hazard_line(on, ANNA, "a line of tea", &order, 3, 1250);
    hazard_settle(on);
    hazard_line(on, TABLET, "a line of rice", &order, 1, 400);
    hazard_delete(on, ANNA, &order);
    hazard_sync(on, TABLET);
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, &order, SATCHEL_ORDER_TOTAL_MINOR, "4150");
    hazard_server_shows(on, &tea, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, "1250");
    hazard_shows(on, ANNA, &order, SATCHEL_ORDER_LINE_COUNT, "2");
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 1, "conflicts");
    hazard_why(on, "The line that Anna did not know of holds the order; her deletion of it and of its other line loses"
                   " as a whole, and a person is asked.");
}

static void cascade_restored(hazard *on) {
    hazard_row order = hazard_order(on, ANNA, "the order", &on->shops[LOTUS]);
    hazard_row tea = hazard_line(on, ANNA, "a line of tea", &order, 3, 1250);
    hazard_row rice = hazard_line(on, ANNA, "a line of rice", &order, 1, 400);
    hazard_settle(on);
    hazard_edit(on, TABLET, &order, SATCHEL_ORDER_NOTE, "To the back door");
    hazard_delete(on, ANNA, &order);
    hazard_sync(on, ANNA);
    hazard_server_shows(on, &tea, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, NULL);
    hazard_sync(on, TABLET);
    hazard_settle(on);
    hazard_server_shows(on, &order, SATCHEL_ORDER_NOTE, "To the back door");
    hazard_server_shows(on, &tea, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, "1250");
    hazard_server_shows(on, &rice, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, "400");
    hazard_server_shows(on, &order, SATCHEL_ORDER_TOTAL_MINOR, "4150");
    hazard_why(on, "The order comes back with the lines that were deleted along with it, and its total is theirs.");
}

const hazard_story hazard_stories_deletes[] = {
    {"delete_after_edit", "Anna deletes a task into which Mona has written; Mona's words arrive first.",
     delete_after_edit, false},
    {"edit_after_delete", "Anna deletes a task into which Mona has written; the deletion arrives first.",
     edit_after_delete, false},
    {"delete_against_child_edit", "An order is deleted on one device while a line of it is changed on another.",
     delete_against_child_edit, true},
    {"delete_against_child_add", "An order is deleted on one device while a line is added to it on another.",
     delete_against_child_add, true},
    {"delete_after_child_add", "The same, and the line is the first to arrive.", delete_after_child_add, true},
    {"cascade_restored", "An order is deleted with its lines, and comes back.", cascade_restored, true},
    {NULL, NULL, NULL, false},
};
