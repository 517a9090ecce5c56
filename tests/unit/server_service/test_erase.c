/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Erasing a person: which values go, what is remembered, and that nothing brings them back.
 */
#include "base/ids.h"
#include "base/text.h"
#include "rules/erase.h"
#include "service/command_admin.h"
#include "service/erase.h"
#include "service/personal.h"
#include "support/server_service/mirror.h"
#include "support/server_service/stage.h"

#include <string.h>

#define CANARY "canary-51c2"

typedef struct place {
    stage here;
    phone mine;
    satchel_id shop;
    satchel_id anna;
} place;

static satchel_id add_contact(phone *mine, const satchel_id *customer, const char *name, const char *note) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_CONTACT, &id);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NAME, satchel_text_of(name)));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_CONTACT_CUSTOMER, customer));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NOTE, satchel_text_of(note)));
    phone_commit(mine, &unit);
    return id;
}

static satchel_id add_activity(phone *mine, const satchel_id *customer, const satchel_id *contact, const char *body) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_ACTIVITY, &id);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ACTIVITY_KIND, 1));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ACTIVITY_CUSTOMER, customer));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ACTIVITY_CONTACT, contact));
    REQUIRE_OK(satchel_record_set_time(&op->set, SATCHEL_ACTIVITY_AT, mine->here->now_ms));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ACTIVITY_BODY, satchel_text_of(body)));
    phone_commit(mine, &unit);
    return id;
}

static void set_up(place *at) {
    memset(at, 0, sizeof *at);
    stage_open(&at->here, NULL, 11);
    satchel_id mei = stage_user(&at->here, "mei", SATCHEL_ROLE_REP, NULL, NULL);
    phone_enrol(&at->mine, &at->here, &mei);
    at->shop = phone_add_customer(&at->mine, "Baker");
    at->anna = add_contact(&at->mine, &at->shop, "Anna " CANARY, CANARY);
    phone_sync(&at->mine);
}

static void tear_down(place *at) {
    phone_close(&at->mine);
    stage_close(&at->here);
}

static satchel_status erase(place *at, uint32_t entity, const satchel_id *row) {
    satchel_id id;
    uint64_t rows = 0;
    stage_begin(&at->here);
    satchel_status status = satchel_person_erase(at->here.service, at->here.db, &at->here.system, entity, row,
                                                 satchel_text_of("asked"), &id, &rows, NULL);
    stage_commit(&at->here);
    return status;
}

/* Is the canary in any table? */
static bool is_anywhere(stage *here) {
    satchel_db_statement *statement = NULL;
    satchel_db_statement *rows = NULL;
    bool found = true;
    bool row = true;
    bool seen = false;
    const size_t bytes = strlen(CANARY);
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_db_start(&statement, here->db,
                                satchel_db_dialect(here->db) == SATCHEL_DIALECT_POSTGRES
                                    ? "SELECT 'SELECT * FROM \"' || table_name || '\"', count(*) FROM"
                                      " information_schema.columns WHERE table_schema = current_schema()"
                                      " GROUP BY table_name"
                                    : "SELECT 'SELECT * FROM \"' || s.name || '\"', (SELECT count(*) FROM"
                                      " pragma_table_info(s.name)) FROM sqlite_schema s WHERE s.type = 'table'",
                                NULL, 0, NULL));
    while (satchel_db_step(statement, &found, NULL) == SATCHEL_OK && found) {
        char sql[256];
        satchel_bytes text = satchel_db_bytes(statement, 0);
        uint32_t columns = (uint32_t)satchel_db_uint(statement, 1);
        REQUIRE(text.bytes < sizeof sql);
        memcpy(sql, text.data, text.bytes);
        sql[text.bytes] = '\0';
        REQUIRE_OK(satchel_db_start(&rows, here->db, sql, NULL, 0, NULL));
        row = true;
        while (satchel_db_step(rows, &row, NULL) == SATCHEL_OK && row) {
            for (uint32_t i = 0; i < columns; i++) {
                satchel_bytes held = satchel_db_bytes(rows, i);
                seen = seen || (held.bytes >= bytes && memmem(held.data, held.bytes, CANARY, bytes) != NULL);
            }
        }
        satchel_db_end(rows);
    }
    satchel_db_end(statement);
    satchel_db_rollback(here->db);
    return seen;
}

TEST(erase, values_of_a_contact_and_of_what_names_it_go) {
    place at;
    set_up(&at);
    satchel_id call = add_activity(&at.mine, &at.shop, &at.anna, "she said " CANARY);
    phone_sync(&at.mine);
    CHECK(is_anywhere(&at.here));
    CHECK_OK(erase(&at, SATCHEL_ENTITY_CONTACT, &at.anna));
    CHECK(!is_anywhere(&at.here));
    satchel_record anna = stage_read(&at.here, SATCHEL_ENTITY_CONTACT, &at.anna, NULL);
    CHECK_TEXT(satchel_text_from(satchel_record_get(&anna, SATCHEL_CONTACT_NAME)->as.bytes), SATCHEL_ERASED_TEXT);
    CHECK(satchel_record_get(&anna, SATCHEL_CONTACT_NOTE) == NULL);
    satchel_record shell = stage_read(&at.here, SATCHEL_ENTITY_ACTIVITY, &call, NULL);
    satchel_id named = satchel_record_id(&shell, SATCHEL_ACTIVITY_CONTACT);
    CHECK_ID(&named, &at.anna); /* that there was a call stays */
    phone_sync(&at.mine);
    CHECK_TEXT(phone_text(&at.mine, SATCHEL_ENTITY_CONTACT, &at.anna, SATCHEL_CONTACT_NAME), SATCHEL_ERASED_TEXT);
    tear_down(&at);
}

TEST(erase, what_comes_late_writes_no_such_value_again) {
    place at;
    set_up(&at);
    phone_edit_text(&at.mine, SATCHEL_ENTITY_CONTACT, &at.anna, SATCHEL_CONTACT_NOTE, CANARY);
    (void)add_activity(&at.mine, &at.shop, &at.anna, CANARY);
    CHECK_OK(erase(&at, SATCHEL_ENTITY_CONTACT, &at.anna));
    phone_sync(&at.mine);
    CHECK(!is_anywhere(&at.here));
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM activity"), 1);
    CHECK_INT(phone_last(&at.mine).code, SATCHEL_RESULT_APPLIED);
    tear_down(&at);
}

TEST(erase, values_that_lost_and_units_that_were_kept_go_too) {
    place at;
    phone other;
    set_up(&at);
    phone_enrol(&other, &at.here, &at.mine.user);
    phone_sync(&other);
    stage_pass(&at.here, 1000);
    phone_edit_text(&at.mine, SATCHEL_ENTITY_CONTACT, &at.anna, SATCHEL_CONTACT_NAME, "A " CANARY);
    phone_edit_text(&other, SATCHEL_ENTITY_CONTACT, &at.anna, SATCHEL_CONTACT_NAME, "B " CANARY);
    phone_sync(&at.mine);
    phone_sync(&other);
    CHECK(stage_number(&at.here, "SELECT count(*) FROM conflict") > 0);
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(&other, &unit, SATCHEL_ENTITY_CONTACT, &at.anna);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NOTE, satchel_text_of(CANARY)));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_CONTACT_CUSTOMER, &at.anna)); /* no such customer: refused */
    phone_commit(&other, &unit);
    phone_sync(&other);
    CHECK(stage_number(&at.here, "SELECT count(*) FROM kept_unit WHERE length(unit) > 0") > 0);
    CHECK_OK(erase(&at, SATCHEL_ENTITY_CUSTOMER, &at.shop));
    CHECK(!is_anywhere(&at.here));
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM kept_unit WHERE length(unit) > 0"), 0);
    phone_close(&other);
    tear_down(&at);
}

/* The customer with the canary everywhere is merged into one that gains it all; a transfer of that one waits. */
static satchel_id merge_canary(place *at) {
    satchel_command_outcome outcome;
    satchel_id other = stage_customer(&at->here, "Baker's", &at->mine.user, NULL);
    satchel_id wang = stage_user(&at->here, "wang", SATCHEL_ROLE_REP, NULL, NULL);
    const satchel_actor mei = satchel_actor_user(&at->mine.user);
    satchel_record set = stage_record(&at->here);
    phone_sync(&at->mine);
    phone_edit_text(&at->mine, SATCHEL_ENTITY_CUSTOMER, &at->shop, SATCHEL_CUSTOMER_NAME, CANARY);
    phone_edit_text(&at->mine, SATCHEL_ENTITY_CUSTOMER, &at->shop, SATCHEL_CUSTOMER_STREET, CANARY);
    phone_sync(&at->mine);
    stage_begin(&at->here);
    REQUIRE_OK(satchel_rule_set(at->here.service, at->here.db, &at->here.system, satchel_text_of("approve.transfer"), 1,
                                NULL));
    REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_CUSTOMER_MERGED_INTO, &other));
    REQUIRE_OK(satchel_command_give(at->here.service, at->here.db, &at->here.system, SATCHEL_COMMAND_MERGE,
                                    SATCHEL_ENTITY_CUSTOMER, &at->shop, &set, 0, &outcome, NULL));
    satchel_record_init(&set, set.arena);
    REQUIRE_OK(satchel_record_set_id(&set, SATCHEL_CUSTOMER_OWNER, &wang));
    REQUIRE_OK(satchel_record_set_text(&set, SATCHEL_CUSTOMER_NOTE, satchel_text_of(CANARY))); /* not asked for */
    REQUIRE_OK(satchel_command_give(at->here.service, at->here.db, &mei, SATCHEL_COMMAND_TRANSFER,
                                    SATCHEL_ENTITY_CUSTOMER, &other, &set, 0, &outcome, NULL));
    CHECK_STATUS(outcome.status, SATCHEL_APPROVAL_PENDING);
    stage_commit(&at->here);
    return other;
}

TEST(erase, regress_what_commands_kept_of_a_customer_goes_too) {
    for (int which = 0; which < 2; which++) { /* both rows are the same customer */
        place at;
        set_up(&at);
        satchel_id other = merge_canary(&at);
        CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM proposal"), 1);
        CHECK(is_anywhere(&at.here));
        CHECK_OK(erase(&at, SATCHEL_ENTITY_CUSTOMER, which == 0 ? &other : &at.shop));
        CHECK(!is_anywhere(&at.here));
        CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM customer_key"), 0);
        CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM customer_merge WHERE length(gained) > 0"), 0);
        CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM proposal"), 0);
        tear_down(&at);
    }
}

TEST(erase, phones_are_told_until_they_confirm) {
    place at;
    bool due = false;
    set_up(&at);
    CHECK_OK(erase(&at, SATCHEL_ENTITY_CONTACT, &at.anna));
    for (int i = 0; i < 2; i++) {
        satchel_answer_survey survey;
        satchel_arena arena = {0};
        satchel_buffer_clear(&at.mine.wire);
        CHECK_OK(phone_exchange(&at.mine, PHONE_GOOD_LUCK));
        REQUIRE_OK(satchel_answer_look(satchel_buffer_view(&at.mine.wire), &arena, &survey, NULL));
        CHECK_UINT(survey.counts[SATCHEL_FRAME_ERASED], 1);
        satchel_arena_deinit(&arena);
    }
    stage_begin(&at.here);
    REQUIRE_OK(satchel_erase_due(at.here.db, &at.mine.device, &due, NULL));
    CHECK(due);
    satchel_id erasure = {{0}};
    satchel_db_statement *statement = NULL;
    REQUIRE_OK(satchel_db_start(&statement, at.here.db, "SELECT erasure FROM erasure_due", NULL, 0, NULL));
    REQUIRE_OK(satchel_db_step(statement, &due, NULL));
    erasure = satchel_db_id(statement, 0);
    satchel_db_end(statement);
    REQUIRE_OK(satchel_erase_confirmed(at.here.service, at.here.db, &at.mine.device, satchel_id_view(&erasure), NULL));
    REQUIRE_OK(satchel_erase_confirmed(at.here.service, at.here.db, &at.mine.device, satchel_id_view(&erasure), NULL));
    REQUIRE_OK(satchel_erase_due(at.here.db, &at.mine.device, &due, NULL));
    CHECK(!due);
    stage_commit(&at.here);
    CHECK_INT(stage_number(&at.here, "SELECT receipts FROM erasure"), 1);
    CHECK_INT(stage_number(&at.here, "SELECT status FROM erasure"), SATCHEL_ERASURE_STATUS_DONE);
    tear_down(&at);
}

TEST(erase, the_ledger_carries_it_out_once) {
    place at;
    bool done = false;
    set_up(&at);
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_ERASED,
                                        .id = {{9}},
                                        .entity = SATCHEL_ENTITY_CONTACT,
                                        .row = at.anna,
                                        .at_ms = STAGE_START_MS};
    stage_begin(&at.here);
    REQUIRE_OK(satchel_erase_again(at.here.service, at.here.db, &entry, &done, NULL));
    CHECK(done);
    done = false;
    REQUIRE_OK(satchel_erase_again(at.here.service, at.here.db, &entry, &done, NULL));
    CHECK(!done);
    stage_commit(&at.here);
    CHECK(!is_anywhere(&at.here));
    tear_down(&at);
}

static satchel_status count_rows(void *context, const char *section, uint32_t entity, const satchel_id *id,
                                 const satchel_record *record) {
    uint32_t *counts = context;
    (void)entity;
    (void)id;
    (void)record;
    counts[strcmp(section, "rows") == 0 ? 0 : 1]++;
    return SATCHEL_OK;
}

TEST(erase, only_the_operator_erases_or_exports_and_only_persons) {
    place at;
    uint32_t counts[2] = {0, 0};
    satchel_id id;
    uint64_t rows = 0;
    set_up(&at);
    satchel_actor mei = satchel_actor_user(&at.mine.user);
    const satchel_id nobody = {{1}};
    CHECK_STATUS(erase(&at, SATCHEL_ENTITY_VISIT, &at.shop), SATCHEL_UNSUPPORTED);
    CHECK_STATUS(erase(&at, SATCHEL_ENTITY_CONTACT, &nobody), SATCHEL_NOT_FOUND);
    stage_begin(&at.here);
    CHECK_STATUS(satchel_person_erase(at.here.service, at.here.db, &mei, SATCHEL_ENTITY_CONTACT, &at.anna,
                                      satchel_text_of(""), &id, &rows, NULL),
                 SATCHEL_FORBIDDEN);
    CHECK_STATUS(satchel_personal_walk(at.here.service, at.here.db, &mei, SATCHEL_ENTITY_CONTACT, &at.anna, count_rows,
                                       counts, NULL),
                 SATCHEL_FORBIDDEN);
    CHECK_OK(satchel_personal_walk(at.here.service, at.here.db, &at.here.system, SATCHEL_ENTITY_CONTACT, &at.anna,
                                   count_rows, counts, NULL));
    CHECK(counts[0] == 1 && counts[1] >= 1);
    stage_commit(&at.here);
    tear_down(&at);
}

TEST(erase, a_text_up_to_the_limit_is_no_free_text) {
    satchel_field field = {.number = 5, .type = SATCHEL_TYPE_TEXT, .max_bytes = SATCHEL_ERASE_TEXT_MOST};
    CHECK(!satchel_erase_takes(SATCHEL_ENTITY_VISIT, &field));
    field.max_bytes = SATCHEL_ERASE_TEXT_MOST + 1;
    CHECK(satchel_erase_takes(SATCHEL_ENTITY_VISIT, &field));
    CHECK(satchel_erase_takes(SATCHEL_ENTITY_CONTACT, &field) && satchel_erase_is_person(SATCHEL_ENTITY_CONTACT));
    field.ref = SATCHEL_ENTITY_CUSTOMER;
    CHECK(!satchel_erase_takes(SATCHEL_ENTITY_CONTACT, &field));
}

static satchel_status count_kept(void *context, const char *section, uint32_t entity, const satchel_id *id,
                                 const satchel_record *record) {
    uint32_t *counts = context;
    (void)entity;
    (void)id;
    (void)record;
    counts[0] += strcmp(section, "rows") == 0 ? 1 : 0;
    counts[1] += strcmp(section, "kept") == 0 ? 1 : 0;
    return SATCHEL_OK;
}

/* How many kept ops are told of the customer. */
static uint32_t kept_ops_of(place *at, const satchel_id *customer) {
    uint32_t counts[2] = {0, 0};
    uint32_t rows = 0;
    satchel_arena arena = {0};
    satchel_person_row *list = NULL;
    stage_begin(&at->here);
    REQUIRE_OK(satchel_personal_walk(at->here.service, at->here.db, &at->here.system, SATCHEL_ENTITY_CUSTOMER, customer,
                                     count_kept, counts, NULL));
    REQUIRE_OK(satchel_person_rows(at->here.service, at->here.db, &arena, SATCHEL_ENTITY_CUSTOMER, customer, &list,
                                   &rows, NULL));
    CHECK_UINT(counts[0], rows);
    stage_commit(&at->here);
    satchel_arena_deinit(&arena);
    return counts[1];
}

/* A row that never came to be names the person: its refusal and the unit hold what it said. */
TEST(erase, regress_a_refused_row_that_names_the_person_goes_too) {
    place at;
    set_up(&at);
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&at.mine, &unit, SATCHEL_ENTITY_CONTACT, &id);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CONTACT_NAME, satchel_text_of(CANARY)));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_CONTACT_CUSTOMER, &at.shop));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_CONTACT_ROLE, 250)); /* no such role */
    phone_commit(&at.mine, &unit);
    phone_sync(&at.mine);
    CHECK_INT(phone_last(&at.mine).code, SATCHEL_RESULT_REFUSED);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM refusal WHERE op IS NOT NULL"), 1);
    CHECK_UINT(kept_ops_of(&at, &at.shop), 1);
    CHECK_OK(erase(&at, SATCHEL_ENTITY_CUSTOMER, &at.shop));
    CHECK(!is_anywhere(&at.here));
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM refusal"), 1); /* that there was one stays */
    tear_down(&at);
}

/* A photo of her that a phone took before it heard of the erasure. */
TEST(erase, regress_what_hangs_on_an_erased_contact_loses_its_words_too) {
    place at;
    set_up(&at);
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(&at.mine, &unit, SATCHEL_ENTITY_ATTACHMENT, &id);
    const uint8_t hash[32] = {1};
    satchel_value bytes = satchel_value_bytes(satchel_bytes_of(hash, sizeof hash));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ATTACHMENT_KIND, 1));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ATTACHMENT_CUSTOMER, &at.shop));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ATTACHMENT_SUBJECT_ENTITY, SATCHEL_ENTITY_CONTACT));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_ATTACHMENT_SUBJECT_ROW, &at.anna));
    REQUIRE_OK(satchel_record_set(&op->set, SATCHEL_ATTACHMENT_CONTENT_HASH, &bytes));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_ATTACHMENT_CONTENT_BYTES, 7));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ATTACHMENT_MIME, satchel_text_of("image/jpeg")));
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_ATTACHMENT_FILE_NAME, satchel_text_of(CANARY)));
    phone_commit(&at.mine, &unit);
    CHECK_OK(erase(&at, SATCHEL_ENTITY_CONTACT, &at.anna));
    phone_sync(&at.mine);
    CHECK_INT(phone_last(&at.mine).code, SATCHEL_RESULT_APPLIED);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM attachment"), 1);
    CHECK(!is_anywhere(&at.here));
    tear_down(&at);
}

/* --- phones: parts, and those that cannot confirm --- */

/* An erasure of so many rows, as if the customer had had them. */
static satchel_id erase_rows(place *at, uint32_t rows) {
    satchel_id erasure;
    CHECK_OK(erase(at, SATCHEL_ENTITY_CUSTOMER, &at->shop));
    stage_begin(&at->here);
    satchel_db_statement *statement = NULL;
    bool found = false;
    REQUIRE_OK(satchel_db_start(&statement, at->here.db, "SELECT erasure FROM erasure_due", NULL, 0, NULL));
    REQUIRE_OK(satchel_db_step(statement, &found, NULL));
    erasure = satchel_db_id(statement, 0);
    satchel_db_end(statement);
    REQUIRE_OK(satchel_db_exec(at->here.db, "DELETE FROM erased_row", NULL));
    for (uint32_t i = 0; i < rows; i++) {
        satchel_id id = {{0}};
        satchel_put_u32be(id.bytes, i + 1);
        REQUIRE_OK(
            SATCHEL_DB_RUN(at->here.db, NULL, "INSERT INTO erased_row (entity, row, erasure) VALUES (?1, ?2, ?3)",
                           satchel_db_count(i < rows / 2 ? 1 : 2), satchel_value_id(&id), satchel_value_id(&erasure)));
    }
    stage_commit(&at->here);
    return erasure;
}

/* What one answer tells: rows, and the names under which they are to be confirmed. */
static uint32_t told(place *at, satchel_id *out_name) {
    satchel_arena arena = {0};
    satchel_buffer frames = {NULL, 0, 0};
    satchel_answer_frame frame;
    uint32_t rows = 0;
    REQUIRE_OK(satchel_db_begin(at->here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_erase_frames(at->here.db, &at->mine.device, &arena, &frames, NULL));
    satchel_db_rollback(at->here.db);
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&frames));
    while (satchel_reader_left(&reader) > 0) {
        REQUIRE_OK(satchel_answer_read(&reader, &arena, &frame, NULL));
        *out_name = frame.as.erased.erasure;
        rows += (uint32_t)(frame.as.erased.rows.bytes / SATCHEL_ID_BYTES);
        CHECK(frame.as.erased.rows.bytes <= 512 * SATCHEL_ID_BYTES);
    }
    satchel_buffer_deinit(&frames);
    satchel_arena_deinit(&arena);
    return rows;
}

static void confirm(place *at, const satchel_id *name) {
    stage_begin(&at->here);
    REQUIRE_OK(satchel_erase_confirmed(at->here.service, at->here.db, &at->mine.device, satchel_id_view(name), NULL));
    stage_commit(&at->here);
}

static int64_t erasures_done(place *at) {
    return stage_number(&at->here, "SELECT count(*) FROM erasure WHERE status = 3 AND done_at IS NOT NULL");
}

TEST(erase, a_part_s_rows_are_told_at_once_and_one_more_in_the_next_exchange) {
    for (uint32_t more = 0; more < 2; more++) {
        place at;
        satchel_id name;
        satchel_id again;
        set_up(&at);
        satchel_id erasure = erase_rows(&at, SATCHEL_ERASED_PART_ROWS + more);
        CHECK_UINT(told(&at, &name), SATCHEL_ERASED_PART_ROWS);
        CHECK(satchel_id_equal(&name, &erasure) == (more == 0));
        confirm(&at, &name);
        CHECK_INT(erasures_done(&at), more == 0 ? 1 : 0);
        confirm(&at, &name); /* once more: it means nothing */
        CHECK_UINT(told(&at, &again), more);
        if (more == 1) {
            CHECK_ID(&again, &erasure);
            confirm(&at, &again);
        }
        CHECK_INT(erasures_done(&at), 1);
        CHECK_INT(stage_number(&at.here, "SELECT receipts FROM erasure"), 1);
        tear_down(&at);
    }
}

/* Two parts fit an answer, a third does not. */
TEST(erase, an_answer_tells_of_so_many_rows_and_no_more) {
    place at;
    satchel_id name;
    set_up(&at);
    (void)erase_rows(&at, SATCHEL_ERASED_PART_ROWS);
    stage_begin(&at.here);
    for (uint8_t copy = 1; copy < 3; copy++) {
        const satchel_id other = {{copy}};
        REQUIRE_OK(SATCHEL_DB_RUN(at.here.db, NULL,
                                  "INSERT INTO erased_row (entity, row, erasure) SELECT entity + 10 * ?1, row, ?2"
                                  " FROM erased_row WHERE entity < 10",
                                  satchel_db_count(copy), satchel_value_id(&other)));
        REQUIRE_OK(SATCHEL_DB_RUN(at.here.db, NULL, "INSERT INTO erasure_due (device, erasure) VALUES (?1, ?2)",
                                  satchel_value_id(&at.mine.device), satchel_value_id(&other)));
    }
    stage_commit(&at.here);
    CHECK_UINT(told(&at, &name), SATCHEL_ERASED_ROWS_OF_ANSWER);
    stage_begin(&at.here); /* the first has one row less: the third does not fit into what is left */
    REQUIRE_OK(satchel_db_exec(at.here.db,
                               "DELETE FROM erased_row WHERE entity = 11 AND row = (SELECT row FROM erased_row"
                               " WHERE entity = 11 ORDER BY row LIMIT 1)",
                               NULL));
    stage_commit(&at.here);
    CHECK_UINT(told(&at, &name), SATCHEL_ERASED_ROWS_OF_ANSWER - 1);
    tear_down(&at);
}

static bool close_silent(place *at) {
    bool left = false;
    stage_begin(&at->here);
    REQUIRE_OK(satchel_erase_close(at->here.service, at->here.db, &left, NULL));
    stage_commit(&at->here);
    CHECK(!left);
    return erasures_done(at) == 1;
}

static satchel_status only_reason(void *context, const satchel_id *device, satchel_status reason, int64_t at_ms) {
    satchel_status *out = context;
    (void)device;
    CHECK((at_ms != 0) == (reason != SATCHEL_OK));
    *out = reason;
    return SATCHEL_OK;
}

static satchel_status reason_of(place *at, const satchel_id *erasure) {
    satchel_status reason = SATCHEL_INTERNAL;
    REQUIRE_OK(satchel_db_begin(at->here.db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_erase_phones(at->here.db, erasure, only_reason, &reason, NULL));
    satchel_db_rollback(at->here.db);
    return reason;
}

#define LEASE_MS (INT64_C(400) * 86400000)

TEST(erase, a_phone_that_never_calls_is_not_waited_for_after_its_lease_and_is_told_if_it_does) {
    place at;
    satchel_id name;
    set_up(&at);
    phone_sync(&at.mine);
    satchel_id erasure = erase_rows(&at, 3);
    stage_pass(&at.here, LEASE_MS - 1);
    CHECK(!close_silent(&at));
    CHECK_STATUS(reason_of(&at, &erasure), SATCHEL_OK);
    stage_pass(&at.here, 1);
    CHECK(close_silent(&at));
    CHECK_STATUS(reason_of(&at, &erasure), SATCHEL_LEASE_OVER);
    CHECK_UINT(told(&at, &name), 3); /* it came after all */
    confirm(&at, &name);
    CHECK_INT(stage_number(&at.here, "SELECT receipts FROM erasure"), 1);
    CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM erasure_closed"), 0);
    tear_down(&at);
}

TEST(erase, a_revoked_phone_is_waited_for_until_its_lease_is_over_and_a_wiped_one_not_at_all) {
    for (int wiped = 0; wiped < 2; wiped++) {
        place at;
        satchel_id name;
        set_up(&at);
        satchel_id erasure = erase_rows(&at, 3);
        stage_begin(&at.here);
        REQUIRE_OK(satchel_device_revoke(at.here.service, at.here.db, &at.here.system, &at.mine.device, NULL));
        REQUIRE_OK(satchel_db_exec(at.here.db,
                                   wiped != 0 ? "INSERT INTO device_orders (device, serial, command, ordered_ms, heard,"
                                                " heard_ms, receipt_kind, receipt_ms, receipt) SELECT device, 1, 2, 1,"
                                                " 1, 1, 2, 1, '' FROM device_state WHERE TRUE ON CONFLICT (device) DO"
                                                " UPDATE SET receipt_kind = 2"
                                              : "UPDATE counter SET one = 1",
                                   NULL));
        stage_commit(&at.here);
        CHECK(close_silent(&at) == (wiped != 0));
        stage_pass(&at.here, LEASE_MS + 86400000);
        CHECK(close_silent(&at));
        CHECK_STATUS(reason_of(&at, &erasure), wiped != 0 ? SATCHEL_RETIRED : SATCHEL_REVOKED);
        CHECK_UINT(told(&at, &name), 0);
        CHECK_INT(stage_number(&at.here, "SELECT count(*) FROM audit_event WHERE action = 'erasure not confirmed'"), 1);
        tear_down(&at);
    }
}
