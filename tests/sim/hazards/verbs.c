/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sales verbs of a story: visits and orders, each one unit of the phone.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"
#include "store/store_state.h"

#include <inttypes.h>
#include <satchel/sales.h>

static void ended(hazard *on, uint32_t phone, satchel_status status) {
    if (status == SATCHEL_OK) {
        on->here->phones[phone].committed = on->here->phones[phone].device->store->next_sequence - 1;
    }
    hazard_expect(on, status == SATCHEL_OK, "the phone refuses: %s.", satchel_status_text(status, "en"));
}

hazard_row hazard_order(hazard *on, uint32_t phone, const char *name, const hazard_row *shop) {
    hazard_row order = {.name = name, .entity = SATCHEL_ENTITY_ORDER};
    hazard_pass(on, 1);
    hazard_tell(on, "On %s %s is begun, at %s.", hazard_phone_name(on, phone), name, shop->name);
    ended(on, phone,
          satchel_order_new(on->here->phones[phone].device, &shop->id, NULL, satchel_text_of("CNY"),
                            satchel_text_of(""), &order.id, NULL));
    return order;
}

hazard_row hazard_line(hazard *on, uint32_t phone, const char *name, const hazard_row *order, int64_t quantity,
                       int64_t price_minor) {
    hazard_row line = {.name = name, .entity = SATCHEL_ENTITY_ORDER_LINE};
    hazard_pass(on, 1);
    hazard_tell(on, "On %s %s is added to %s: %" PRId64 " at %" PRId64 ".", hazard_phone_name(on, phone), name,
                order->name, quantity, price_minor);
    ended(on, phone,
          satchel_order_add(on->here->phones[phone].device, &order->id, &on->here->products[0], quantity * 1000,
                            price_minor, 0, &line.id, NULL));
    return line;
}

void hazard_submit(hazard *on, uint32_t phone, const hazard_row *order) {
    hazard_pass(on, 1);
    hazard_tell(on, "On %s %s is submitted.", hazard_phone_name(on, phone), order->name);
    ended(on, phone, satchel_order_submit(on->here->phones[phone].device, &order->id, NULL));
}

hazard_row hazard_visit_plan(hazard *on, uint32_t phone, const char *name, const hazard_row *shop, int64_t in_days) {
    hazard_row visit = {.name = name, .entity = SATCHEL_ENTITY_VISIT};
    hazard_pass(on, 1);
    hazard_tell(on, "On %s %s is planned at %s, %s.", hazard_phone_name(on, phone), name, shop->name,
                in_days == 0 ? "for today" : "for tomorrow");
    ended(on, phone,
          satchel_visit_plan(on->here->phones[phone].device, &shop->id, on->here->now_ms / 86400000 + in_days,
                             &visit.id, NULL));
    return visit;
}

hazard_row hazard_check_in(hazard *on, uint32_t phone, const char *name, const hazard_row *shop,
                           const hazard_row *planned) {
    hazard_row visit = {.name = name, .entity = SATCHEL_ENTITY_VISIT};
    const satchel_fix nowhere = {.known = false};
    hazard_pass(on, 1);
    hazard_tell(on, "%s checks in at %s.", hazard_user_name(phone), shop->name);
    ended(on, phone,
          satchel_visit_check_in(on->here->phones[phone].device, &shop->id, planned != NULL ? &planned->id : NULL,
                                 &nowhere, planned != NULL ? NULL : &visit.id, NULL));
    if (planned != NULL) {
        visit.id = planned->id;
    }
    return visit;
}

void hazard_check_out(hazard *on, uint32_t phone, const hazard_row *visit, const char *summary) {
    const satchel_fix nowhere = {.known = false};
    hazard_pass(on, 1);
    hazard_tell(on, "%s checks out of %s: \"%s\".", hazard_user_name(phone), visit->name, summary);
    ended(on, phone,
          satchel_visit_check_out(on->here->phones[phone].device, &visit->id, &nowhere, SATCHEL_VISIT_OUTCOME_ORDER,
                                  satchel_text_of(summary), NULL));
}

void hazard_visit_cancel(hazard *on, uint32_t phone, const hazard_row *visit, const char *reason) {
    hazard_pass(on, 1);
    hazard_tell(on, "On %s %s is cancelled: \"%s\".", hazard_phone_name(on, phone), visit->name, reason);
    ended(on, phone, satchel_visit_cancel(on->here->phones[phone].device, &visit->id, satchel_text_of(reason), NULL));
}
