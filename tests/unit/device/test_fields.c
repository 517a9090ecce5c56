/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields and records for shells without generated classes.
 */
#include "unit/device/fixture.h"

#include "base/limits.h"

#include <string.h>

static satchel_fields *model_fields(void) {
    satchel_fields *fields;
    REQUIRE_OK(satchel_fields_open(&fields, NULL, NULL));
    return fields;
}

TEST(fields, entities_are_found_by_number_name_and_plural) {
    satchel_fields *fields = model_fields();
    satchel_entity_info by_number;
    satchel_entity_info info;
    REQUIRE_OK(satchel_fields_entity(fields, SATCHEL_ENTITY_ORDER_LINE, &by_number));
    CHECK_TEXT(by_number.name, "order_line");
    CHECK_UINT(by_number.root, SATCHEL_ENTITY_ORDER);
    CHECK_UINT(by_number.root_field, SATCHEL_ORDER_LINE_ORDER);
    REQUIRE_OK(satchel_fields_entity_named(fields, satchel_text_of("order_lines"), &info));
    CHECK_UINT(info.number, SATCHEL_ENTITY_ORDER_LINE);
    REQUIRE_OK(satchel_fields_entity_named(fields, satchel_text_of("activity"), &info));
    CHECK(info.fact);
    CHECK_STATUS(satchel_fields_entity_named(fields, satchel_text_of("nothing"), &info), SATCHEL_UNKNOWN_ENTITY);
    CHECK_STATUS(satchel_fields_entity(fields, 255, &info), SATCHEL_UNKNOWN_ENTITY);
    uint32_t count = satchel_fields_entity_count(fields);
    CHECK_OK(satchel_fields_entity_at(fields, count - 1, &info));
    CHECK_STATUS(satchel_fields_entity_at(fields, count, &info), SATCHEL_OUT_OF_RANGE);
    satchel_fields_close(fields);
}

TEST(fields, say_what_they_hold) {
    satchel_fields *fields = model_fields();
    satchel_field_info info;
    REQUIRE_OK(satchel_fields_field(fields, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TAGS, &info));
    CHECK_INT(info.type, SATCHEL_FIELD_TYPE_SET);
    CHECK_INT(info.element, SATCHEL_FIELD_TYPE_TEXT);
    REQUIRE_OK(satchel_fields_field_named(fields, SATCHEL_ENTITY_CUSTOMER, satchel_text_of("contract_until"), &info));
    CHECK(info.calendar_day);
    REQUIRE_OK(satchel_fields_field(fields, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_VISIT_EVERY_DAYS, &info));
    CHECK(!info.calendar_day);
    REQUIRE_OK(satchel_fields_field(fields, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_LOYALTY_POINTS, &info));
    CHECK(info.counter);
    REQUIRE_OK(satchel_fields_field(fields, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_OWNER, &info));
    CHECK(info.read_only);
    CHECK_UINT(info.ref, SATCHEL_ENTITY_USER);
    CHECK_STATUS(satchel_fields_field(fields, SATCHEL_ENTITY_CUSTOMER, 899, &info), SATCHEL_UNKNOWN_FIELD);
    CHECK_STATUS(satchel_fields_field(fields, 255, 1, &info), SATCHEL_UNKNOWN_ENTITY);
    CHECK_STATUS(satchel_fields_field_at(fields, SATCHEL_ENTITY_CUSTOMER, 100000, &info), SATCHEL_OUT_OF_RANGE);
    CHECK_OK(satchel_fields_field_at(fields, SATCHEL_ENTITY_CUSTOMER, 0, &info));
    CHECK_UINT(info.number, 1);
    satchel_fields_close(fields);
}

TEST(fields, choices_have_names_and_labels) {
    satchel_fields *fields = model_fields();
    satchel_choice_info choice;
    REQUIRE_OK(satchel_fields_choice(fields, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS,
                                     SATCHEL_VISIT_STATUS_IN_PROGRESS, &choice));
    CHECK_TEXT(choice.name, "in_progress");
    CHECK_TEXT(choice.label_zh, "进行中");
    REQUIRE_OK(satchel_fields_choice_at(fields, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS, 0, &choice));
    CHECK_INT(choice.value, SATCHEL_VISIT_STATUS_PLANNED);
    CHECK_STATUS(satchel_fields_choice_at(fields, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS, 4, &choice),
                 SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_fields_choice(fields, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_STATUS, 0, &choice),
                 SATCHEL_OUT_OF_RANGE);
    CHECK_STATUS(satchel_fields_choice(fields, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_CUSTOMER, 1, &choice),
                 SATCHEL_OUT_OF_RANGE);
    satchel_fields_close(fields);
}

TEST(record, what_is_built_is_read) {
    satchel_fields *fields = model_fields();
    satchel_record_builder *builder;
    satchel_record_reader *reader;
    satchel_bytes bytes;
    satchel_cell cell;
    const satchel_id id = {{7}};
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    CHECK_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_NAME, satchel_text_of("华宁")));
    CHECK_OK(satchel_record_builder_int(builder, SATCHEL_CUSTOMER_LAST_VISIT_AT, 1700000000000));
    CHECK_OK(satchel_record_builder_int(builder, SATCHEL_CUSTOMER_ARCHIVED, 1));
    CHECK_OK(satchel_record_builder_id(builder, SATCHEL_CUSTOMER_PARENT, &id));
    CHECK_OK(satchel_record_builder_add(builder, SATCHEL_CUSTOMER_TAGS, satchel_bytes_of("b", 1)));
    CHECK_OK(satchel_record_builder_add(builder, SATCHEL_CUSTOMER_TAGS, satchel_bytes_of("a", 1)));
    REQUIRE_OK(satchel_record_builder_encode(builder, &bytes));
    REQUIRE_OK(satchel_record_reader_open(&reader, fields, SATCHEL_ENTITY_CUSTOMER, bytes, NULL));
    CHECK_UINT(satchel_record_reader_count(reader), 5);
    REQUIRE_OK(satchel_record_reader_at(reader, 0, &cell));
    CHECK_TEXT(cell.text, "华宁");
    CHECK_STATUS(satchel_record_reader_at(reader, 5, &cell), SATCHEL_OUT_OF_RANGE);
    REQUIRE_OK(satchel_record_reader_get(reader, SATCHEL_CUSTOMER_PARENT, &cell));
    CHECK_ID(&cell.id, &id);
    REQUIRE_OK(satchel_record_reader_get(reader, SATCHEL_CUSTOMER_ARCHIVED, &cell));
    CHECK_INT(cell.type, SATCHEL_FIELD_TYPE_BOOL);
    REQUIRE_OK(satchel_record_reader_element(reader, SATCHEL_CUSTOMER_TAGS, 0, &bytes));
    CHECK_TEXT(satchel_text_from(bytes), "a");
    CHECK_STATUS(satchel_record_reader_get(reader, SATCHEL_CUSTOMER_CITY, &cell), SATCHEL_NOT_FOUND);
    satchel_record_reader_close(reader);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
}

TEST(record, a_builder_refuses_what_does_not_fit_its_field) {
    satchel_fields *fields = model_fields();
    satchel_record_builder *builder;
    const satchel_id id = {{7}};
    const satchel_bytes some = satchel_bytes_of("\xff\xfe", 2);
    CHECK_STATUS(satchel_record_builder_open(&builder, fields, 255), SATCHEL_UNKNOWN_ENTITY);
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    CHECK_STATUS(satchel_record_builder_int(builder, 899, 1), SATCHEL_UNKNOWN_FIELD);
    CHECK_STATUS(satchel_record_builder_int(builder, SATCHEL_CUSTOMER_NAME, 1), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_record_builder_real(builder, SATCHEL_CUSTOMER_NAME, 1), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_record_builder_id(builder, SATCHEL_CUSTOMER_NAME, &id), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_record_builder_bytes(builder, SATCHEL_CUSTOMER_NAME, some), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_NAME, satchel_text_from(some)),
                 SATCHEL_BAD_TEXT);
    CHECK_STATUS(satchel_record_builder_add(builder, SATCHEL_CUSTOMER_NAME, some), SATCHEL_WRONG_TYPE);
    CHECK_STATUS(satchel_record_builder_add(builder, SATCHEL_CUSTOMER_TAGS, some), SATCHEL_BAD_TEXT);
    CHECK_STATUS(satchel_record_builder_add(builder, SATCHEL_CUSTOMER_SHARED_WITH, some), SATCHEL_WRONG_TYPE);
    CHECK_OK(satchel_record_builder_remove(builder, SATCHEL_CUSTOMER_TAGS, satchel_bytes_of("never", 5)));
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
}

/* Parses a text into a field and gives it back in a form. */
static satchel_status round_trip(satchel_fields *fields, uint32_t entity, uint32_t field, const char *text,
                                 const char *language, const char *currency, char *out, size_t room) {
    satchel_record_builder *builder;
    satchel_record_reader *reader = NULL;
    satchel_bytes bytes;
    satchel_text shown = {NULL, 0};
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, entity));
    satchel_status status = satchel_record_builder_parse(builder, field, satchel_text_of(text), NULL);
    if (status == SATCHEL_OK) {
        REQUIRE_OK(satchel_record_builder_encode(builder, &bytes));
        REQUIRE_OK(satchel_record_reader_open(&reader, fields, entity, bytes, NULL));
        REQUIRE_OK(satchel_record_reader_text(reader, field, language, satchel_text_of(currency), &shown));
    }
    REQUIRE(shown.bytes < room);
    if (shown.bytes > 0) {
        memcpy(out, shown.data, shown.bytes);
    }
    out[shown.bytes] = 0;
    satchel_record_reader_close(reader);
    satchel_record_builder_close(builder);
    return status;
}

TEST(record, values_are_shown_as_people_read_them) {
    static const struct {
        uint32_t entity, field;
        const char *text, *language, *currency, *shown;
    } cases[] = {
        {SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, "1200050", "en", "CNY", "12000.50"},
        {SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, "1200050", "en", "JPY", "1200050"},
        {SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, "1200050", NULL, "CNY", "1200050"},
        {SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_GRADE, "a", "zh_CN.UTF-8", "", "A类"},
        {SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_GRADE, "a", NULL, "", "a"},
        {SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_CONTRACT_UNTIL, "2027-02-28", "en", "", "2027-02-28"},
        {SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TAGS, "vip;cold", "en", "", "cold, vip"},
        {SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_QUANTITY_E3, "2.5", "en", "", "2.5"},
        {SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_QUANTITY_E3, "12", "en", "", "12"},
        {SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_DISCOUNT_BP, "750", "en", "", "7.5"},
        {SATCHEL_ENTITY_ORDER_LINE, SATCHEL_ORDER_LINE_GIFT, "true", "zh", "", "是"},
        {SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT, "2026-11-21T16:30:00+08:00", "en", "", "2026-11-21T08:30:00.000Z"},
    };
    satchel_fields *fields = model_fields();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char shown[128];
        test_note("case %zu: %s", i, cases[i].text);
        CHECK_OK(round_trip(fields, cases[i].entity, cases[i].field, cases[i].text, cases[i].language,
                            cases[i].currency, shown, sizeof shown));
        CHECK_TEXT(shown, cases[i].shown);
    }
    satchel_fields_close(fields);
}

TEST(record, a_text_that_is_no_value_is_refused) {
    static const struct {
        uint32_t field;
        const char *text;
    } cases[] = {{SATCHEL_CUSTOMER_GRADE, "d"},
                 {SATCHEL_CUSTOMER_CREDIT_LIMIT_MINOR, "12.5"},
                 {SATCHEL_CUSTOMER_CONTRACT_UNTIL, "2027-02-30"},
                 {SATCHEL_CUSTOMER_PARENT, "0190"},
                 {SATCHEL_CUSTOMER_ARCHIVED, "perhaps"},
                 {899, "1"}};
    satchel_fields *fields = model_fields();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char shown[128];
        test_note("%s", cases[i].text);
        CHECK(round_trip(fields, SATCHEL_ENTITY_CUSTOMER, cases[i].field, cases[i].text, NULL, "", shown,
                         sizeof shown) != SATCHEL_OK);
    }
    satchel_fields_close(fields);
}

TEST(record, a_reader_refuses_bytes_that_are_no_record) {
    satchel_fields *fields = model_fields();
    satchel_record_reader *reader;
    const satchel_bytes rubbish = satchel_bytes_of("\x12\xff", 2);
    CHECK_STATUS(satchel_record_reader_open(&reader, fields, SATCHEL_ENTITY_CUSTOMER, rubbish, NULL),
                 SATCHEL_MALFORMED);
    CHECK(reader == NULL);
    CHECK_STATUS(satchel_record_reader_open(&reader, fields, 255, rubbish, NULL), SATCHEL_UNKNOWN_ENTITY);
    satchel_fields_close(fields);
}

/* The company defines a field; it is there for fields, builders, edits and queries after the next sync. */
TEST(fields, of_the_company_come_with_a_sync) {
    phone p;
    satchel_fields *fields;
    satchel_field_info info;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_bytes record;
    const satchel_id id = {{0x77}};
    phone_ready(&p, 100);
    satchel_record *field = fake_server_add(&p.server, SATCHEL_ENTITY_CUSTOM_FIELD, &id);
    REQUIRE_OK(satchel_record_set_int(field, SATCHEL_CUSTOM_FIELD_OF_ENTITY, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_set_int(field, SATCHEL_CUSTOM_FIELD_NUMBER, 1000));
    REQUIRE_OK(satchel_record_set_int(field, SATCHEL_CUSTOM_FIELD_TYPE, SATCHEL_CUSTOM_TYPE_INT));
    REQUIRE_OK(satchel_record_set_text(field, SATCHEL_CUSTOM_FIELD_NAME, satchel_text_of("shelf_metres")));
    REQUIRE_OK(satchel_record_set_text(field, SATCHEL_CUSTOM_FIELD_LABEL_EN, satchel_text_of("Shelf")));
    REQUIRE_OK(satchel_record_set_text(field, SATCHEL_CUSTOM_FIELD_LABEL_ZH, satchel_text_of("货架")));
    REQUIRE_OK(phone_sync(&p));
    REQUIRE_OK(satchel_fields_open(&fields, p.device, &p.error));
    REQUIRE_OK(satchel_fields_field_named(fields, SATCHEL_ENTITY_CUSTOMER, satchel_text_of("shelf_metres"), &info));
    CHECK(info.custom);
    CHECK_TEXT(info.label_zh, "货架");
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_builder_int(builder, info.number, 12));
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_write_begin(&write, p.device, &p.error));
    REQUIRE_OK(satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &fake_customer, record, NULL, 0, &p.error));
    REQUIRE_OK(satchel_commit(write, NULL, &p.error));
    CHECK_INT(phone_int(&p, SATCHEL_ENTITY_CUSTOMER, &fake_customer, 1000), 12);
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
    REQUIRE_OK(phone_sync(&p));
    phone_deinit(&p);
}
