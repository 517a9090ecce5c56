/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of one model under a program of the next: tables of new entities, columns of new fields, and no way back.
 */
#include "db/model.h"
#include "support/database.h"
#include "support/test.h"

#include "base/text.h"

#include <satchel/model.h>
#include <string.h>

#define NEW_FIELD 160
#define NEW_ENTITY 29

/* Today's model, its customers with one field more, and an entity more. */
typedef struct next_model {
    satchel_model model;
    satchel_entity entities[64];
    satchel_field customer[160];
    satchel_schema schema;
} next_model;

/* The entity with a field more, in its place by number. */
static void lengthen(next_model *out, satchel_entity *entity) {
    uint32_t at = 0;
    while (entity->fields[at].number < NEW_FIELD) {
        at++;
    }
    memcpy(out->customer, entity->fields, at * sizeof *out->customer);
    out->customer[at] = entity->fields[at - 1];
    out->customer[at].number = NEW_FIELD;
    out->customer[at].name = "delivery_window";
    memcpy(out->customer + at + 1, entity->fields + at, (entity->field_count - at) * sizeof *out->customer);
    entity->fields = out->customer;
    entity->field_count++;
}

static void make_next(next_model *out) {
    const satchel_model *now = &satchel_generated_model;
    uint32_t count = 0;
    memset(out, 0, sizeof *out);
    REQUIRE(now->entity_count < 63);
    for (uint32_t i = 0; i < now->entity_count; i++) {
        bool stands_behind = now->entities[i].number > NEW_ENTITY;
        if (stands_behind && out->entities[count - 1].number < NEW_ENTITY) {
            out->entities[count] = out->entities[1]; /* as contacts are, under a name of its own */
            out->entities[count].number = NEW_ENTITY;
            out->entities[count++].name = "agreement";
        }
        out->entities[count++] = now->entities[i];
    }
    lengthen(out, &out->entities[0]);
    out->model = *now;
    out->model.version++;
    out->model.entities = out->entities;
    out->model.entity_count = count;
    out->schema = (satchel_schema){&out->model, NULL, 0};
}

/* Opens the database's tables as a program of the schema does. */
static satchel_status open_as(satchel_db *db, const satchel_schema *schema) {
    satchel_tables *tables;
    REQUIRE_OK(satchel_db_tables_open(&tables, schema, satchel_db_dialect(db)));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    satchel_status status = satchel_db_tables_create(tables, db, NULL);
    if (status == SATCHEL_OK) {
        REQUIRE_OK(satchel_db_commit(db, NULL));
    } else {
        satchel_db_rollback(db);
    }
    satchel_db_tables_close(tables);
    return status;
}

static bool lift_due(satchel_db *db) {
    bool due = false;
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_db_lift_is_due(db, &due, NULL));
    satchel_db_rollback(db);
    return due;
}

static void execute(satchel_db *db, const char *sql) {
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    REQUIRE_OK(satchel_db_exec(db, sql, NULL));
    REQUIRE_OK(satchel_db_commit(db, NULL));
}

static satchel_db *open_empty(void) {
    char where[TEST_DATABASE_WHERE_BYTES];
    satchel_db *db = NULL;
    test_database_make(NULL, where);
    REQUIRE_OK(satchel_db_open(&db, where, SATCHEL_DB_WRITER, NULL));
    return db;
}

TEST(model, a_database_gets_the_tables_and_columns_of_the_next_model) {
    static next_model next;
    satchel_schema now;
    make_next(&next);
    REQUIRE_OK(satchel_schema_init(&now, &satchel_generated_model, NULL, 0, NULL));
    satchel_db *db = open_empty();
    REQUIRE_OK(open_as(db, &now));
    CHECK(!lift_due(db));
    REQUIRE_OK(open_as(db, &next.schema));
    CHECK(lift_due(db));
    execute(db, "INSERT INTO \"customer\" (\"id\", \"delivery_window\", \"versions\") VALUES ('a', 'noon', NULL)");
    execute(db, "INSERT INTO \"agreement\" (\"id\", \"name\", \"rev_open\") VALUES ('b', 'frame', 1)");
    REQUIRE_OK(open_as(db, &next.schema)); /* once more changes nothing */
    CHECK(lift_due(db));
    REQUIRE_OK(satchel_db_begin(db, SATCHEL_DB_WRITE, NULL));
    CHECK_OK(satchel_db_lift_done(db, NULL));
    REQUIRE_OK(satchel_db_commit(db, NULL));
    CHECK(!lift_due(db));
    satchel_db_close(db);
}

TEST(model, a_database_of_before_the_version_was_written_down_is_of_the_first) {
    static next_model next;
    make_next(&next);
    satchel_schema now = {&satchel_generated_model, NULL, 0};
    satchel_db *db = open_empty();
    REQUIRE_OK(open_as(db, &now));
    execute(db, "DELETE FROM meta WHERE name = 'model'");
    REQUIRE_OK(open_as(db, &now));
    CHECK(!lift_due(db));
    REQUIRE_OK(open_as(db, &next.schema));
    CHECK(lift_due(db));
    satchel_db_close(db);
}

TEST(model, an_older_program_leaves_it_alone) {
    static next_model next;
    make_next(&next);
    satchel_schema now = {&satchel_generated_model, NULL, 0};
    satchel_db *db = open_empty();
    REQUIRE_OK(open_as(db, &next.schema));
    CHECK(!lift_due(db)); /* made anew: nothing lies in a tail */
    CHECK_STATUS(open_as(db, &now), SATCHEL_NEWER_FORMAT);
    execute(db, "UPDATE meta SET value = '' WHERE name = 'model'");
    CHECK_STATUS(open_as(db, &now), SATCHEL_DAMAGED);
    satchel_db_close(db);
}
