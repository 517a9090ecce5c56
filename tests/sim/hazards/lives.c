/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of copies: a phone that is put back, two that live on, one that was revoked.
 */
#include "sim/hazards/hazard.h"

#include <satchel/write.h>

static void restored_phone(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    sim_phone *anna = &on->here->phones[ANNA];
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1);
    hazard_tell(on, "Somebody copies Anna's phone, with this unsent.");
    sim_phone_copy(anna);
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 10);
    hazard_sync(on, ANNA);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Never sent");
    hazard_tell(on, "Anna's phone is put back from the copy.");
    sim_phone_restore(anna);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1");
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 100);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "111");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "111");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "");
    hazard_why(on, "The server knows 1 and 10 by their digests and does not add the 1 again; the 100, written by the"
                   " phone that was put back, counts under a new name. Only what nobody had sent before the phone was"
                   " put back is gone, as the phone tells its user.");
}

static void restored_twice(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    sim_phone *anna = &on->here->phones[ANNA];
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1);
    hazard_tell(on, "Somebody copies Anna's phone, with this unsent.");
    sim_phone_copy(anna);
    hazard_sync(on, ANNA);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_sync(on, ANNA);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_sync(on, ANNA);
    hazard_tell(on, "Anna's phone is put back from the copy.");
    sim_phone_restore(anna);
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_ask(on, ANNA, HAZARD_FINE);
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM incarnation WHERE parent > 0") == 1,
                  "the server was to know of a second life.");
    hazard_tell(on, "In its second life the phone has asked, but has heard of no decision; it is copied again.");
    sim_phone_copy(anna);
    hazard_sync(on, ANNA);
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 10);
    hazard_sync(on, ANNA);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_CITY, "Suzhou");
    hazard_sync(on, ANNA);
    hazard_tell(on, "Anna's phone is put back from the second copy.");
    sim_phone_restore(anna);
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 100);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "111");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "111");
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM incarnation WHERE parent > 0") == 2,
                  "the server was to know of a third life.");
    hazard_why(on, "The point was decided on in the first life; the third finds it through the second, however many"
                   " lives lie between.");
}

static void two_clones(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    const uint32_t clone = HAZARD_PEOPLE;
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1);
    hazard_tell(on, "Anna's phone is cloned, with this unsent, and both go on.");
    sim_phone_clone(&on->here->phones[ANNA]);
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 10);
    hazard_add(on, clone, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 100);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "The phone's note");
    hazard_edit(on, clone, lotus, SATCHEL_CUSTOMER_NOTE, "The clone's note");
    hazard_sync(on, ANNA);
    hazard_sync(on, clone);
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1000);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1111");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1111");
    hazard_shows(on, clone, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1111");
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "The clone's note");
    hazard_server_lists(on, SATCHEL_ENTITY_CONFLICT, 1, "conflicts");
    hazard_why(on, "What both share is decided on once; from the fork on each has a name of its own, so their notes"
                   " meet like those of two people, and nothing of either is lost.");
}

static void revoked(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    sim_phone *anna = &on->here->phones[ANNA];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "From a lost phone");
    hazard_office_revokes(on, ANNA);
    hazard_office_edit(on, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_forbid(on, ANNA, "Ningbo");
    hazard_sync(on, ANNA);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "");
    hazard_expect(on, hazard_info(on, ANNA).last_sync_status == SATCHEL_REVOKED, "the phone was to know it.");
    sim_phone_close(anna);
    anna->sim = NULL;
    hazard_settle(on);
    hazard_why(on, "A revoked phone is told so and gets nothing more; what it had not sent stays sealed on it.");
}

const hazard_story hazard_stories_lives[] = {
    {"restored_phone", "A phone is put back from a copy that somebody made of it.", restored_phone, false},
    {"restored_twice", "A phone is put back, and put back again from a copy of its second life.", restored_twice,
     false},
    {"two_clones", "A phone is cloned, and both copies go on.", two_clones, false},
    {"revoked", "A phone is revoked while it has work unsent.", revoked, false},
    {NULL, NULL, NULL, false},
};
