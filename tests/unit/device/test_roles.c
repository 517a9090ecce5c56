/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the phone refuses at once: by the rules of the company's roles, as far as they are here and understood.
 */
#include "unit/device/fixture.h"

#include "device/device.h"
#include "store/digest_state.h"
#include "store/store_state.h"

/* The next sync brings the role with these rules. */
static void send_role(phone *p, const char *name, int64_t index, const char *rules) {
    const satchel_id id = {{0x52, (uint8_t)index}};
    satchel_record *role = fake_server_add(&p->server, SATCHEL_ENTITY_ROLE, &id);
    REQUIRE_OK(satchel_record_set_text(role, SATCHEL_ROLE_NAME, satchel_text_of(name)));
    REQUIRE_OK(satchel_record_set_int(role, SATCHEL_ROLE_ROLE_INDEX, index));
    REQUIRE_OK(satchel_record_set_text(role, SATCHEL_ROLE_RULES, satchel_text_of(rules)));
    CHECK_STATUS(phone_sync(p), SATCHEL_OK);
}

/* The status of an edit of the stock's customer, which is not committed. */
static satchel_status try_edit(phone *p, uint32_t field) {
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_bytes record;
    REQUIRE_OK(satchel_fields_open(&fields, p->device, &p->error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_builder_text(builder, field, satchel_text_of("x")));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_write_begin(&write, p->device, &p->error));
    satchel_status status =
        satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, record, NULL, 0, &p->error);
    satchel_write_abandon(write);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    return status;
}

TEST(roles, a_phone_refuses_what_no_rule_of_the_company_allows) {
    phone p;
    phone_ready(&p, 61);
    CHECK_OK(try_edit(&p, SATCHEL_CUSTOMER_SHORT_NAME)); /* no rows of roles: the policy that ships */
    send_role(&p, "driver", 17, "customer edit any\n* open=write any\n");
    CHECK_OK(try_edit(&p, SATCHEL_CUSTOMER_SHORT_NAME)); /* his own role is not here yet */
    const struct {
        const char *rules;
        satchel_status open, commercial;
    } given[] = {
        {"* read any\n* open=read any\n", SATCHEL_FORBIDDEN, SATCHEL_FORBIDDEN},
        {"* read any\ncustomer edit team\n* open=write team\n", SATCHEL_OK, SATCHEL_FORBIDDEN},
        {"* read,edit own\n* open=write own\n* commercial=masked own\n", SATCHEL_OK, SATCHEL_READ_ONLY_FIELD},
        {"* read any\ncustomer mend any\n", SATCHEL_OK, SATCHEL_OK}, /* a newer server's verb */
        {"", SATCHEL_FORBIDDEN, SATCHEL_FORBIDDEN},
    };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        send_role(&p, "rep", SATCHEL_ROLE_REP, given[i].rules);
        CHECK_STATUS(try_edit(&p, SATCHEL_CUSTOMER_SHORT_NAME), given[i].open);
        CHECK_STATUS(try_edit(&p, SATCHEL_CUSTOMER_TAX_NUMBER), given[i].commercial);
    }
    phone_deinit(&p);
}

TEST(info, it_tells_how_often_the_store_was_made_whole) {
    phone p;
    phone_ready(&p, 62);
    CHECK_UINT(phone_info(&p).repairs, 0);
    p.device->store->digests->repairs = 3;
    CHECK_UINT(phone_info(&p).repairs, 3);
    phone_deinit(&p);
}
