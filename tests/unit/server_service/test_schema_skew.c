/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Phones of another version than the server: what a newer one says in fields that the server does not know is applied
 * and kept for the version that will know them. Until then nobody can tell who may see them, so nobody is shown them.
 */
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/text.h"

#include <string.h>

/* Field 600, which no release has: text "later". */
static const uint8_t LATER[] = {0xc2, 0x25, 5, 'l', 'a', 't', 'e', 'r'};
static const uint8_t SOONER[] = {0xc2, 0x25, 6, 's', 'o', 'o', 'n', 'e', 'r'};

typedef struct skewed {
    stage here;
    satchel_id user;
    satchel_id customer;
    phone newer;
    phone other;
} skewed;

static void set_up(skewed *all) {
    memset(all, 0, sizeof *all);
    stage_open(&all->here, NULL, 1);
    all->user = stage_user(&all->here, "li", SATCHEL_ROLE_REP, NULL, NULL);
    all->customer = stage_customer(&all->here, "Shop", &all->user, NULL);
    phone_enrol(&all->newer, &all->here, &all->user);
    phone_enrol(&all->other, &all->here, &all->user);
    phone_sync(&all->newer);
    phone_sync(&all->other);
}

static void tear_down(skewed *all) {
    phone_close(&all->newer);
    phone_close(&all->other);
    stage_close(&all->here);
}

static void say(skewed *all, const uint8_t *field, size_t bytes, const char *name) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&all->newer, &unit, SATCHEL_ENTITY_CUSTOMER, &all->customer);
    if (name != NULL) {
        REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    }
    op->set.tail = satchel_bytes_of(field, bytes);
    phone_commit(&all->newer, &unit);
    phone_sync(&all->newer);
}

static bool holds(satchel_bytes all, const uint8_t *part, size_t bytes) {
    for (size_t at = 0; at + bytes <= all.bytes; at++) {
        if (memcmp(all.data + at, part, bytes) == 0) {
            return true;
        }
    }
    return false;
}

TEST(schema_skew, a_field_that_the_server_does_not_know_is_kept_and_not_shown) {
    skewed all;
    set_up(&all);
    say(&all, LATER, sizeof LATER, "Renamed");
    CHECK_INT(phone_last(&all.newer).code, SATCHEL_RESULT_APPLIED);
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    CHECK_BYTES(row.tail, satchel_bytes_of(LATER, sizeof LATER));
    satchel_buffer_clear(&all.other.wire);
    phone_sync(&all.other);
    CHECK(!holds(satchel_buffer_view(&all.other.wire), LATER, sizeof LATER));
    CHECK_TEXT(phone_text(&all.other, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_NAME), "Renamed");
    tear_down(&all);
}

TEST(schema_skew, an_older_phone_edits_the_row_and_the_newer_ones_field_stays) {
    skewed all;
    set_up(&all);
    say(&all, LATER, sizeof LATER, NULL);
    phone_sync(&all.other);
    phone_edit_text(&all.other, SATCHEL_ENTITY_CUSTOMER, &all.customer, SATCHEL_CUSTOMER_CITY, "Basel");
    phone_sync(&all.other);
    satchel_record row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    CHECK_BYTES(row.tail, satchel_bytes_of(LATER, sizeof LATER));
    say(&all, SOONER, sizeof SOONER, NULL);
    row = stage_read(&all.here, SATCHEL_ENTITY_CUSTOMER, &all.customer, NULL);
    REQUIRE(row.tail.bytes >= sizeof SOONER);
    satchel_bytes last = {row.tail.data + row.tail.bytes - sizeof SOONER, sizeof SOONER};
    CHECK_BYTES(last, satchel_bytes_of(SOONER, sizeof SOONER)); /* the last one counts when it is read */
    tear_down(&all);
}
