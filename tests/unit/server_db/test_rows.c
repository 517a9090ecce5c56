/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of entities in their tables: every type, versions, revisions per class, partial saves.
 */
#include "db/rows.h"

#include "base/text.h"
#include "support/database.h"
#include "support/random.h"
#include "support/test.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <string.h>

typedef struct place {
    satchel_schema schema;
    satchel_tables *tables;
    satchel_db *db;
    satchel_arena arena;
} place;

static void set_up(place *here) {
    memset(here, 0, sizeof *here);
    REQUIRE_OK(satchel_schema_init(&here->schema, &satchel_generated_model, NULL, 0, NULL));
    char where[TEST_DATABASE_WHERE_BYTES];
    test_database_make(NULL, where);
    REQUIRE_OK(satchel_db_open(&here->db, where, SATCHEL_DB_WRITER, NULL));
    REQUIRE_OK(satchel_db_tables_open(&here->tables, &here->schema, satchel_db_dialect(here->db)));
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_tables_create(here->tables, here->db, NULL));
    REQUIRE_OK(satchel_db_commit(here->db, NULL));
}

static void tear_down(place *here) {
    satchel_db_close(here->db);
    satchel_db_tables_close(here->tables);
    satchel_arena_deinit(&here->arena);
}

/* Some value that fits the field's column. */
static satchel_value some_value(place *here, test_random *random, const satchel_field *field) {
    switch ((satchel_type)field->type) {
    case SATCHEL_TYPE_BOOL: return satchel_value_bool(test_random_chance(random, 50));
    case SATCHEL_TYPE_INT: return satchel_value_int((int64_t)test_random_u64(random));
    case SATCHEL_TYPE_TIME: return satchel_value_time((int64_t)test_random_below(random, 1 << 30));
    case SATCHEL_TYPE_REAL: return satchel_value_real((double)test_random_below(random, 1000) / 7);
    case SATCHEL_TYPE_ID: {
        satchel_id id = test_random_id(random);
        return satchel_value_id(&id);
    }
    case SATCHEL_TYPE_SET: {
        satchel_bytes *elements = satchel_arena_take_array(&here->arena, 2, sizeof *elements);
        REQUIRE(elements != NULL);
        elements[0] = satchel_bytes_of("element a", 9);
        elements[1] = satchel_bytes_of("element b", 9);
        return satchel_value_set(elements, 2);
    }
    default: {
        satchel_value value = satchel_value_bytes(satchel_bytes_of("text 华宁", 11));
        value.type = (satchel_type)field->type;
        return value;
    }
    }
}

static void put(place *here, satchel_stored_row *row, const satchel_field *field, const satchel_value *value,
                uint64_t n) {
    satchel_version version = {.field = satchel_versions_key(&here->schema, row->entity, field), .n = n, .stamp_ms = 5};
    REQUIRE_OK(satchel_record_set(&row->merged.value, field->number, value));
    REQUIRE_OK(satchel_versions_put(&row->merged.versions, &version));
}

static void fill(place *here, test_random *random, satchel_stored_row *row, const satchel_entity *entity) {
    for (uint32_t i = 0; i < entity->field_count; i++) {
        const satchel_field *field = &entity->fields[i];
        if ((field->flags & SATCHEL_FIELD_META) == 0 && test_random_chance(random, 70)) {
            satchel_value value = some_value(here, random, field);
            put(here, row, field, &value, 1 + test_random_below(random, 9));
        }
    }
    row->created_by = test_random_id(random);
    row->created_at = 77;
    row->updated_at = 78;
}

TEST(rows, every_entity_comes_back_as_it_was_stored) {
    place here;
    set_up(&here);
    test_random random = test_random_of(1);
    for (uint32_t i = 0; i < satchel_generated_model.entity_count * 10; i++) {
        const satchel_entity *entity = &satchel_generated_model.entities[i % satchel_generated_model.entity_count];
        satchel_stored_row row;
        satchel_stored_row back;
        satchel_id id = test_random_id(&random);
        satchel_stored_row_init(&row, entity->number, &id, &here.arena);
        row.merged.exists = true;
        fill(&here, &random, &row, entity);
        REQUIRE_OK(satchel_stored_row_save(here.tables, here.db, &row, NULL, 0, NULL));
        REQUIRE_OK(satchel_stored_row_load(here.tables, here.db, entity->number, &id, &here.arena, &back, NULL));
        CHECK(back.merged.exists && back.rowid == row.rowid);
        CHECK(satchel_record_equal(&row.merged.value, &back.merged.value));
        CHECK_UINT(back.merged.versions.count, row.merged.versions.count);
        CHECK(memcmp(back.revisions, row.revisions, sizeof row.revisions) == 0);
        CHECK_UINT(back.revision, satchel_versions_newest(&row.merged.versions));
        CHECK_ID(&back.created_by, &row.created_by);
        CHECK_INT(back.created_at, 77);
    }
    tear_down(&here);
}

TEST(rows, a_save_of_some_fields_leaves_the_others) {
    place here;
    set_up(&here);
    satchel_stored_row row;
    satchel_stored_row back;
    satchel_id id = {{1}};
    const satchel_field *name = satchel_schema_field(&here.schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME);
    const satchel_field *risk = satchel_schema_field(&here.schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_RISK_NOTE);
    satchel_value first = satchel_value_text(satchel_text_of("first"));
    satchel_value second = satchel_value_text(satchel_text_of("second"));
    satchel_stored_row_init(&row, SATCHEL_ENTITY_CUSTOMER, &id, &here.arena);
    row.merged.exists = true;
    put(&here, &row, name, &first, 3);
    put(&here, &row, risk, &first, 3);
    REQUIRE_OK(satchel_stored_row_save(here.tables, here.db, &row, NULL, 0, NULL));
    put(&here, &row, risk, &second, 8);
    put(&here, &row, name, &second, 8);
    const uint32_t changed = SATCHEL_CUSTOMER_RISK_NOTE;
    REQUIRE_OK(satchel_stored_row_save(here.tables, here.db, &row, &changed, 1, NULL));
    REQUIRE_OK(satchel_stored_row_load(here.tables, here.db, SATCHEL_ENTITY_CUSTOMER, &id, &here.arena, &back, NULL));
    CHECK_TEXT(satchel_record_text(&back.merged.value, SATCHEL_CUSTOMER_NAME), "first");
    CHECK_TEXT(satchel_record_text(&back.merged.value, SATCHEL_CUSTOMER_RISK_NOTE), "second");
    CHECK_UINT(back.revision, 8);
    tear_down(&here);
}

TEST(rows, the_stamp_shows_only_the_classes_that_are_seen) {
    place here;
    set_up(&here);
    satchel_stored_row row;
    satchel_id id = {{1}};
    satchel_value text = satchel_value_text(satchel_text_of("x"));
    satchel_stored_row_init(&row, SATCHEL_ENTITY_CUSTOMER, &id, &here.arena);
    row.merged.exists = true;
    put(&here, &row, satchel_schema_field(&here.schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_NAME), &text, 3);
    put(&here, &row, satchel_schema_field(&here.schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_TAX_NUMBER), &text,
        5);
    put(&here, &row, satchel_schema_field(&here.schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_CUSTOMER_RISK_NOTE), &text, 9);
    REQUIRE_OK(satchel_stored_row_save(here.tables, here.db, &row, NULL, 0, NULL));
    CHECK_UINT(satchel_stored_row_stamp(&here.schema, &row, 1u << SATCHEL_SENSITIVITY_OPEN).n, 3);
    CHECK_UINT(satchel_stored_row_stamp(&here.schema, &row, 7u).n, 5);
    CHECK_UINT(satchel_stored_row_stamp(&here.schema, &row, 15u).n, 9);
    CHECK_UINT(satchel_stored_row_stamp(&here.schema, &row, 0).n, 0);
    tear_down(&here);
}

TEST(rows, an_absent_row_and_an_unknown_entity_are_told_apart) {
    place here;
    set_up(&here);
    satchel_stored_row row;
    satchel_id id = {{1}};
    CHECK_OK(satchel_stored_row_load(here.tables, here.db, SATCHEL_ENTITY_ORDER, &id, &here.arena, &row, NULL));
    CHECK(!row.merged.exists);
    CHECK_STATUS(satchel_stored_row_load(here.tables, here.db, 255, &id, &here.arena, &row, NULL),
                 SATCHEL_UNKNOWN_ENTITY);
    CHECK(satchel_db_tables_get(here.tables, 255) == NULL);
    tear_down(&here);
}

TEST(rows, tables_are_made_once_and_those_of_a_later_format_are_left_alone) {
    place here;
    set_up(&here);
    REQUIRE_OK(satchel_db_begin(here.db, SATCHEL_DB_WRITE, NULL));
    CHECK_OK(satchel_db_tables_create(here.tables, here.db, NULL));
    REQUIRE_OK(SATCHEL_DB_RUN(here.db, NULL, "UPDATE meta SET value = ?1 WHERE name = 'format'",
                              satchel_db_blob("\0\0\0\x04", 4)));
    CHECK_INT(SATCHEL_TABLES_FORMAT, 3);
    CHECK_STATUS(satchel_db_tables_create(here.tables, here.db, NULL), SATCHEL_NEWER_FORMAT);
    REQUIRE_OK(satchel_db_exec(here.db, "DELETE FROM meta", NULL));
    CHECK_STATUS(satchel_db_tables_create(here.tables, here.db, NULL), SATCHEL_DAMAGED);
    satchel_db_rollback(here.db);
    tear_down(&here);
}
