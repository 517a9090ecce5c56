/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hazards of access that moves: rights taken in the middle of a batch, fields that come and go with a role, edits that
 * must leave no trace, a customer who changes hands while his rep is offline.
 */
#include "sim/hazards/hazard.h"

#define REP (UINT64_C(1) << SATCHEL_ROLE_REP)
#define MARKETING (UINT64_C(1) << SATCHEL_ROLE_MARKETING)
#define AUDITOR (UINT64_C(1) << SATCHEL_ROLE_AUDITOR)

static void revoked_mid_batch(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    const hazard_row *tiger = &on->shops[TIGER];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_edit(on, ANNA, tiger, SATCHEL_CUSTOMER_NOTE, "Opens at nine");
    hazard_ask(on, ANNA, HAZARD_HELD_UP);
    hazard_office_gives(on, lotus, BORIS);
    hazard_arrives(on);
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "");
    hazard_server_shows(on, tiger, SATCHEL_CUSTOMER_NOTE, "Opens at nine");
    hazard_sync(on, ANNA);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, NULL);
    hazard_lists(on, ANNA, SATCHEL_REASON_PARKED, 1);
    hazard_settle(on);
    hazard_server_lists(on, SATCHEL_ENTITY_PARKED_EDIT, 1, "parked edits");
    hazard_why(on, "Rights are those of the moment at which the server decides, for each unit by itself: what Anna may"
                   " no longer write waits for the supervisor, the rest of her batch goes on.");
}

static void role_field(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_PHONES, "13812345678");
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_TAX_NUMBER, "TAX-7711");
    hazard_settle(on);
    hazard_office_roles(on, ANNA, MARKETING, "a marketing person, and no rep any more");
    hazard_forbid(on, ANNA, "13899990000");
    hazard_forbid(on, ANNA, "TAX-9922");
    hazard_sync(on, ANNA);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_PHONES, "138****5678");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_TAX_NUMBER, "");
    hazard_shows(on, ANNA, &on->shops[BAMBOO], SATCHEL_CUSTOMER_NAME, "Bamboo");
    hazard_office_edit(on, lotus, SATCHEL_CUSTOMER_PHONES, "13899990000");
    hazard_office_edit(on, lotus, SATCHEL_CUSTOMER_TAX_NUMBER, "TAX-9922");
    hazard_sync(on, ANNA);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_PHONES, "138****0000");
    on->canary_count = 0;
    hazard_office_roles(on, ANNA, REP, "a rep again");
    hazard_sync(on, ANNA);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_PHONES, "13899990000");
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_TAX_NUMBER, "TAX-9922");
    hazard_shows(on, ANNA, &on->shops[BAMBOO], SATCHEL_CUSTOMER_NAME, NULL);
    hazard_settle(on);
    hazard_why(on, "The view goes with the role: what it loses is dropped from the phone, what is masked is masked"
                   " before it leaves the server, what it gains comes by itself.");
}

static void masked_not_written(hazard *on) {
    const hazard_row *bamboo = &on->shops[BAMBOO];
    hazard_edit(on, BORIS, bamboo, SATCHEL_CUSTOMER_PHONES, "13812345678");
    hazard_edit(on, BORIS, bamboo, SATCHEL_CUSTOMER_TAX_NUMBER, "TAX-7711");
    hazard_settle(on);
    hazard_office_roles(on, ANNA, REP | MARKETING, "a marketing person as well");
    hazard_forbid(on, ANNA, "13812345678");
    hazard_forbid(on, ANNA, "TAX-7711");
    hazard_sync(on, ANNA);
    hazard_shows(on, ANNA, bamboo, SATCHEL_CUSTOMER_PHONES, "138****5678");
    hazard_edit(on, ANNA, bamboo, SATCHEL_CUSTOMER_NOTE, "I was not asked");
    hazard_sync(on, ANNA);
    hazard_lists(on, ANNA, SATCHEL_REASON_REFUSED, 1);
    hazard_server_shows(on, bamboo, SATCHEL_CUSTOMER_NOTE, "");
    hazard_server_shows(on, bamboo, SATCHEL_CUSTOMER_PHONES, "13812345678");
    hazard_settle(on);
    hazard_why(on, "She reads the shop, so she is told that she may not write; nothing that is hidden or masked is in"
                   " the refusal.");
}

static void masked_in_a_result(hazard *on) {
    hazard_row li = hazard_create(on, ANNA, SATCHEL_ENTITY_CONTACT, "Mr Li", &on->shops[LOTUS],
                                  SATCHEL_CONTACT_CUSTOMER, SATCHEL_CONTACT_NAME, "Mr Li");
    hazard_settle(on);
    hazard_edit(on, ANNA, &li, SATCHEL_CONTACT_WECHAT, "li-as-anna-says");
    hazard_edit(on, MONA, &li, SATCHEL_CONTACT_WECHAT, "li-as-mona-says");
    hazard_sync(on, MONA);
    hazard_ask(on, ANNA, HAZARD_ANSWER_LOST);
    hazard_office_roles(on, ANNA, MARKETING, "a marketing person, and no rep any more");
    hazard_forbid(on, ANNA, "li-as-mona-says");
    hazard_sync(on, ANNA);
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 1);
    hazard_shows(on, ANNA, &li, SATCHEL_CONTACT_WECHAT, "l***");
    hazard_settle(on);
    hazard_why(on, "That Anna's value lost was decided while she could see the other one; when she is told of it she"
                   " no longer may. The stored answer holds no values: they are read, and masked, when it is given.");
}

static void hidden_edit(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_forbid(on, ANNA, "owes everybody");
    hazard_forbid(on, MONA, "owes everybody");
    hazard_settle(on);
    uint64_t before = hazard_info(on, ANNA).position.n;
    hazard_admin_edit(on, lotus, SATCHEL_CUSTOMER_RISK_NOTE, "owes everybody");
    hazard_sync(on, ANNA);
    hazard_sync(on, MONA);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_settle(on);
    hazard_lists(on, ANNA, SATCHEL_REASON_CONFLICT, 0);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_RISK_NOTE, "");
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_RISK_NOTE, "owes everybody");
    hazard_expect(on, hazard_info(on, ANNA).position.n > before, "Anna's own note was to move her on.");
    hazard_why(on, "Of a field that they may not see neither Anna nor Mona is told anything: no row travels for it, and"
                   " its writer is no rival of theirs.");
}

static void reassigned_offline(hazard *on) {
    const hazard_row *lotus = &on->shops[LOTUS];
    hazard_row visit = hazard_check_in(on, ANNA, "the visit", lotus, NULL);
    hazard_row order = hazard_order(on, ANNA, "the order", lotus);
    hazard_line(on, ANNA, "a line of tea", &order, 2, 100);
    hazard_edit(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, "Likes tea");
    hazard_check_out(on, ANNA, &visit, "Sold tea");
    hazard_office_gives(on, lotus, BORIS);
    hazard_sync(on, BORIS);
    hazard_sync(on, ANNA);
    hazard_shows(on, ANNA, lotus, SATCHEL_CUSTOMER_NOTE, NULL);
    hazard_lists(on, ANNA, SATCHEL_REASON_PARKED, 1);
    hazard_server_shows(on, &visit, SATCHEL_VISIT_SUMMARY, "Sold tea");
    hazard_server_shows(on, &order, SATCHEL_ORDER_TOTAL_MINOR, "200");
    hazard_server_shows(on, lotus, SATCHEL_CUSTOMER_NOTE, "");
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM parked_edit WHERE customer IS NOT NULL") == 1,
                  "the parked edit was to hang on its customer.");
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM conflict WHERE status = 1 AND kind = 2") == 1,
                  "Boris was to be asked about the note.");
    hazard_office_decides(on, SATCHEL_DECISION_RESTORE, "lets it in");
    hazard_settle(on);
    hazard_expect(on, hazard_server_number(on, "SELECT count(*) FROM conflict WHERE status = 1") == 0,
                  "with the edit its question was to end.");
    hazard_shows(on, BORIS, lotus, SATCHEL_CUSTOMER_NOTE, "Likes tea");
    hazard_shows(on, BORIS, &visit, SATCHEL_VISIT_SUMMARY, "Sold tea");
    hazard_why(on, "That Anna was there and sold tea is a fact, and it counts; what she wrote about a customer who was"
                   " no longer hers waits for the supervisor, and is offered to Boris.");
}

static void refused_create(hazard *on) {
    hazard_row crane =
        hazard_create(on, ANNA, SATCHEL_ENTITY_CUSTOMER, "Crane", NULL, 0, SATCHEL_CUSTOMER_NAME, "Crane");
    hazard_row visit = hazard_check_in(on, ANNA, "the visit", &crane, NULL);
    hazard_row order = hazard_order(on, ANNA, "the order", &crane);
    hazard_line(on, ANNA, "a line of tea", &order, 2, 100);
    hazard_submit(on, ANNA, &order);
    hazard_check_out(on, ANNA, &visit, "A good start");
    hazard_edit(on, ANNA, &on->shops[LOTUS], SATCHEL_CUSTOMER_NOTE, "Opens at ten");
    hazard_office_roles(on, ANNA, MARKETING, "a marketing person, who makes no customers");
    hazard_sync(on, ANNA);
    hazard_server_shows(on, &crane, SATCHEL_CUSTOMER_NAME, NULL);
    hazard_lists(on, ANNA, SATCHEL_REASON_REFUSED, 2);
    hazard_lists(on, ANNA, SATCHEL_REASON_HELD, 6);
    hazard_shows(on, ANNA, &crane, SATCHEL_CUSTOMER_NAME, "Crane");
    hazard_shows(on, ANNA, &order, SATCHEL_ORDER_TOTAL_MINOR, "200");
    hazard_settle(on);
    hazard_why(on, "The first of the day was refused, so the server holds what hangs on it and goes on with the rest;"
                   " on the phone the whole day stays visible and listed, until it is mended or given up.");
}

const hazard_story hazard_stories_access[] = {
    {"revoked_mid_batch", "A right is taken away while a batch is on its way.", revoked_mid_batch, false},
    {"role_field", "A role gains and loses fields.", role_field, false},
    {"masked_not_written", "Somebody who sees a masked field writes into the row.", masked_not_written, false},
    {"masked_in_a_result", "A conflict is decided, and its answer lost, before a role loses the field.",
     masked_in_a_result, false},
    {"hidden_edit", "A field is edited that nobody in the field may see.", hidden_edit, false},
    {"reassigned_offline", "A customer goes to somebody else while his rep is offline.", reassigned_offline, false},
    {"refused_create", "A new customer is refused, and a day's work hangs on it.", refused_create, false},
    {NULL, NULL, NULL, false},
};
