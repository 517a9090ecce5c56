/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of a server that is put back to a backup, with phones ahead of it.
 */
#include "sim/hazards/erase.h"
#include "sim/hazards/hazard.h"

#include <satchel/command.h>

static void server_restored(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1);
    hazard_sync(on, ANNA);
    hazard_office_backup(on);
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 10);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_sync(on, ANNA);
    hazard_add(on, MONA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 100);
    hazard_sync(on, MONA);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "111");
    hazard_office_restore(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1");
    hazard_add(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, 1000);
    hazard_sync(on, ANNA);
    hazard_settle(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1111");
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1111");
    hazard_shows(on, MONA, lotus, SATCHEL_CUSTOMER_LOYALTY_POINTS, "1111");
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 0);
    hazard_why(on, "Phones keep what was accepted until a backup holds it, and show it to the restored server with its"
                   " receipt: it counts again, once, as it was decided then.");
}

static void revoked_not_resurrected(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    sim_phone *anna = &on->here->phones[ANNA];
    hazard_office_backup(on);
    hazard_office_revokes(on, ANNA);
    hazard_office_restore(on);
    hazard_office_edit(on, lotus, SATCHEL_CUSTOMER_CITY, "Ningbo");
    hazard_forbid(on, ANNA, "Ningbo");
    hazard_sync(on, ANNA);
    hazard_expect(on, hazard_info(on, ANNA).last_sync_status == SATCHEL_REVOKED, "the phone was to be revoked.");
    sim_phone_close(anna);
    anna->sim = NULL;
    hazard_settle(on);
    hazard_why(on, "The backup is from before the revocation, but the ledger is not part of it.");
}

static satchel_status erase(hazard *on, void *context) {
    const hazard_row *row = context;
    return hazard_erase(on->here->service, on->here->db, row->entity, &row->id);
}

static void erased_not_resurrected(hazard *on) {
    hazard_row li = hazard_create(on, ANNA, SATCHEL_ENTITY_CONTACT, "the contact", &on->shops[LOTUS],
                                  SATCHEL_CONTACT_CUSTOMER, SATCHEL_CONTACT_NAME, "Mr Li");
    hazard_edit(on, ANNA, &li, SATCHEL_CONTACT_WECHAT, "li-of-lotus");
    hazard_settle(on);
    hazard_office_backup(on);
    hazard_edit(on, MONA, &li, SATCHEL_CONTACT_NOTE, "Mr Li collects stamps");
    hazard_pass(on, 1);
    hazard_tell(on, "The contact asks to be erased, and is.");
    satchel_status status = hazard_write_with(on, erase, &li);
    hazard_expect(on, status == SATCHEL_OK, "that fails: %s.", satchel_status_text(status, "en"));
    hazard_server_shows(on, &li, SATCHEL_CONTACT_WECHAT, "");
    hazard_office_restore(on);
    hazard_server_shows(on, &li, SATCHEL_CONTACT_WECHAT, "");
    hazard_forbid(on, BORIS, "li-of-lotus");
    hazard_sync(on, ANNA);
    hazard_sync(on, MONA);
    hazard_settle(on);
    hazard_server_shows(on, &li, SATCHEL_CONTACT_WECHAT, "");
    hazard_server_shows(on, &li, SATCHEL_CONTACT_NOTE, "");
    hazard_shows(on, ANNA, &li, SATCHEL_CONTACT_WECHAT, "");
    hazard_shows(on, MONA, &li, SATCHEL_CONTACT_NOTE, "");
    hazard_why(on, "The erasure is in the ledger: it is carried out on the old backup again, and what phones still send"
                   " of the person is taken out before it is kept.");
}

static void shops_merged(hazard *on) {
    hazard_row annas =
        hazard_create(on, ANNA, SATCHEL_ENTITY_CUSTOMER, "Anna's Dragon", NULL, 0, SATCHEL_CUSTOMER_NAME, "Dragon");
    hazard_row boriss =
        hazard_create(on, BORIS, SATCHEL_ENTITY_CUSTOMER, "Boris's Dragon", NULL, 0, SATCHEL_CUSTOMER_NAME, "Dragon");
    hazard_settle(on);
    hazard_edit(on, BORIS, &boriss, SATCHEL_CUSTOMER_STREET, "Long Street 1");
    hazard_row visit = hazard_check_in(on, BORIS, "the visit", &boriss, NULL);
    hazard_check_out(on, BORIS, &visit, "Wants tea");
    hazard_pass(on, 1);
    hazard_tell(on, "On Mona's phone Boris's Dragon is merged into Anna's.");
    satchel_status status = satchel_customer_merge(on->here->phones[MONA].device, &boriss.id, &annas.id, NULL, NULL);
    hazard_expect(on, status == SATCHEL_OK, "the phone refuses: %s.", satchel_status_text(status, "en"));
    hazard_sync(on, MONA);
    hazard_sync(on, BORIS);
    hazard_settle(on);
    hazard_shows(on, MONA, &annas, SATCHEL_CUSTOMER_NAME, "Dragon");
    hazard_server_shows(on, &visit, SATCHEL_VISIT_SUMMARY, "Wants tea");
    hazard_shows(on, ANNA, &visit, SATCHEL_VISIT_SUMMARY, "Wants tea");
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM customer WHERE merged_into IS NOT NULL") == 1,
                  "one shop was to be merged into another.");
    hazard_why(on, "What Boris had under way for the shop that is gone arrives after the merge, and finds its way to"
                   " the one that stands for it: his visit is a fact there.");
}

const hazard_story hazard_stories_server[] = {
    {"server_restored", "The server is put back to a backup, and phones are ahead of it.", server_restored, false},
    {"revoked_not_resurrected", "A phone is revoked, then the server is put back to before that.",
     revoked_not_resurrected, false},
    {"erased_not_resurrected", "A person is erased, then the server is put back to before that.",
     erased_not_resurrected, false},
    {"shops_merged", "Two reps make one shop; the shops are merged while one of them has work under way.", shops_merged,
     false},
    {NULL, NULL, NULL, false},
};
