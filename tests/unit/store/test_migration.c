/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upgrades: a store of today's model is brought up to the next one, ended at every step, and must then be what a store
 * is that never knew another model. Ops leave as they were written.
 */
#include "next_model.h"

#include "support/temp.h"
#include "wire/record_codec.h"
#include "wire/unit_codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define VISIT SATCHEL_ENTITY_VISIT
#define SLICE_ROWS 500

/* --- the same story in two stores --- */

/* Customers with values of fields that today's model does not know, each third without; visits; a row of the entity. */
static satchel_buffer page_of_next(store_kit *kit, uint32_t first, uint32_t customers) {
    kit_page page = kit_page_begin(0);
    satchel_answer_frame end = {.kind = SATCHEL_FRAME_END};
    for (uint32_t i = first; i < first + customers; i++) {
        char text[48];
        satchel_arena_reset(&kit->arena);
        snprintf(text, sizeof text, "Shop %" PRIu32, i);
        satchel_record record = kit_record(kit, SATCHEL_CUSTOMER_NAME, text);
        kit_put(&record, SATCHEL_CUSTOMER_INDUSTRY, i % 2 == 0 ? "bakery" : "florist");
        snprintf(text, sizeof text, "till %" PRIu32, i % 24);
        if (i % 3 != 0) {
            record.tail = next_tail(kit, text, (int64_t)i);
        }
        kit_page_row(kit, &page, CUSTOMER, kit_id(i), i, &record);
        if (i % 20 == 0) {
            satchel_record visit = kit_record(kit, SATCHEL_VISIT_PURPOSE, text);
            kit_refer(&visit, SATCHEL_VISIT_CUSTOMER, kit_id(i));
            kit_page_row(kit, &page, VISIT, kit_id(1000000 + i), i, &visit);
        }
    }
    const satchel_row_frame made = {.entity = NEXT_ENTITY,
                                    .row = kit_id(2000000 + first),
                                    .n = 7,
                                    .whole = true,
                                    .record = satchel_bytes_of("\x12\x04"
                                                               "East",
                                                               6)};
    kit_page_frame(&page, &(satchel_answer_frame){.kind = SATCHEL_FRAME_ROW, .as.row = made});
    end.as.end.cursor = satchel_bytes_of("c", 1);
    end.as.end.position_n = 1;
    kit_page_frame(&page, &end);
    return page.payload;
}

static void store_in(store_kit *kit, const satchel_buffer *payload) {
    REQUIRE_OK(satchel_store_page(kit->store, satchel_buffer_view(payload), &kit->state, &kit->outcome, &kit->error));
}

/* Unsent ops of every kind, and a unit of two. */
static void write_ops(store_kit *kit) {
    const uint32_t cleared[] = {SATCHEL_CUSTOMER_INDUSTRY};
    const satchel_id known = kit_id(2);
    const satchel_id made = kit_id(3000001);
    satchel_draft *draft;
    satchel_record customer = kit_record(kit, SATCHEL_CUSTOMER_NAME, "Made here");
    satchel_record edit = kit_record(kit, SATCHEL_CUSTOMER_NOTE, "back door");
    REQUIRE_OK(satchel_draft_open(&draft, kit->store));
    REQUIRE_OK(satchel_draft_create(draft, CUSTOMER, &made, &customer, &kit->error));
    REQUIRE_OK(satchel_draft_edit(draft, CUSTOMER, &known, &edit, cleared, 1, &kit->error));
    kit_commit(kit, draft);
    satchel_draft_close(draft);
    kit_add(kit, kit_id(4), 5);
    kit_edit_text(kit, kit_id(5), SATCHEL_CUSTOMER_CITY, "Lund");
    kit_delete(kit, VISIT, kit_id(1000020));
}

/* Today's store and one that was made by the next release, both with the same pages and ops. */
typedef struct two_stores {
    next_model next;
    satchel_store_release release;
    store_kit old;
    store_kit made;
} two_stores;

static two_stores *two_stores_make(uint32_t customers) {
    two_stores *it = calloc(1, sizeof *it);
    REQUIRE(it != NULL);
    it->release = next_release(&it->next);
    it->old = kit_open(NULL);
    it->made.now_ms = it->old.now_ms;
    REQUIRE_INT(sqlite3_open(":memory:", &it->made.database), SQLITE_OK);
    REQUIRE_OK(kit_open_release(&it->made, &it->release));
    for (uint32_t first = 1; first <= customers; first += 5000) {
        satchel_buffer payload = page_of_next(&it->old, first, customers < 5000 ? customers : 5000);
        store_in(&it->old, &payload);
        store_in(&it->made, &payload);
        satchel_buffer_deinit(&payload);
    }
    write_ops(&it->old);
    write_ops(&it->made);
    kit_purge(&it->old);
    return it;
}

static void two_stores_free(two_stores *it) {
    kit_close(&it->old);
    kit_close(&it->made);
    free(it);
}

/* --- comparing --- */

/* All ops without the release that made them; those of the first unit name `made_by`, whatever app holds them now. */
static satchel_buffer units_of(store_kit *kit, uint32_t made_by) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    satchel_unit_batch batch;
    satchel_arena arena = {0};
    satchel_buffer all = {NULL, 0, 0};
    REQUIRE_OK(satchel_store_load_units(kit->store, 0, 1 << 24, &arena, &batch, &kit->error));
    for (uint32_t i = 0; i < batch.count; i++) {
        satchel_unit_ops unit;
        satchel_bytes *ops = NULL;
        REQUIRE_OK(satchel_unit_decode(batch.units[i], &arena, &unit, &ops, NULL));
        for (uint32_t at = 0; at < unit.count; at++) {
            satchel_op op;
            REQUIRE_OK(satchel_op_decode(&schema, ops[at], unit.first_sequence + at, &arena, &op, NULL));
            CHECK(i > 0 || op.schema == made_by); /* later units may be of the newer app */
            op.schema = 1;
            REQUIRE_OK(satchel_op_encode(&schema, &op, &all));
        }
    }
    CHECK(batch.count >= 4);
    satchel_arena_deinit(&arena);
    return all;
}

typedef struct row_sum {
    store_kit *kit;
    uint32_t entity;
    satchel_buffer bytes;
    uint32_t rows;
} row_sum;

static satchel_status add_row(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                              uint64_t base_n) {
    row_sum *sum = context;
    sum->rows++;
    REQUIRE_OK(satchel_buffer_append(&sum->bytes, satchel_id_view(id)));
    REQUIRE_OK(satchel_buffer_append_varint(&sum->bytes, flags));
    REQUIRE_OK(satchel_buffer_append_varint(&sum->bytes, base_n));
    return satchel_record_encode(satchel_store_schema(sum->kit->store), sum->entity, record, &sum->bytes);
}

/* Every row of an entity, encoded one behind the other. */
static row_sum rows_of(store_kit *kit, uint32_t entity) {
    row_sum sum = {kit, entity, {NULL, 0, 0}, 0};
    satchel_query *query;
    satchel_buffer keyset = {NULL, 0, 0};
    satchel_buffer next = {NULL, 0, 0};
    REQUIRE_OK(satchel_query_open(&query, entity));
    do {
        satchel_buffer_clear(&next);
        REQUIRE_OK(satchel_store_query(kit->store, query, satchel_buffer_view(&keyset), 200, add_row, &sum, &next,
                                       &kit->error));
        satchel_buffer_clear(&keyset);
        REQUIRE_OK(satchel_buffer_append(&keyset, satchel_buffer_view(&next)));
    } while (next.bytes > 0);
    satchel_query_close(query);
    satchel_buffer_deinit(&keyset);
    satchel_buffer_deinit(&next);
    return sum;
}

static void compare_rows(store_kit *left, store_kit *right) {
    const uint32_t entities[] = {CUSTOMER, VISIT};
    const satchel_id made = kit_id(2000001); /* queries know today's entities only */
    satchel_record records[2] = {kit_read(left, NEXT_ENTITY, made, NULL), kit_read(right, NEXT_ENTITY, made, NULL)};
    CHECK_TEXT(satchel_record_text(&records[0], 2), "East");
    CHECK_TEXT(satchel_record_text(&records[1], 2), "East");
    for (int i = 0; i < 2; i++) {
        row_sum a = rows_of(left, entities[i]);
        row_sum b = rows_of(right, entities[i]);
        CHECK(a.rows > 0);
        CHECK_UINT(a.rows, b.rows);
        CHECK_BYTES(satchel_buffer_view(&a.bytes), satchel_buffer_view(&b.bytes));
        satchel_buffer_deinit(&a.bytes);
        satchel_buffer_deinit(&b.bytes);
    }
}

static int64_t number_in(store_kit *kit, const char *sql) {
    sqlite3_stmt *statement = NULL;
    REQUIRE_INT(sqlite3_prepare_v2(kit->database, sql, -1, &statement, NULL), SQLITE_OK);
    REQUIRE_INT(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* The upgraded store is the store that was made so: rows, columns rather than tails, search, indexes, units. */
static void compare(two_stores *it) {
    static const char *const words[] = {"bakery", "till", "shop", "made", "lund", "door"};
    satchel_buffer a = units_of(&it->old, SATCHEL_MODEL_VERSION);
    satchel_buffer b = units_of(&it->made, SATCHEL_MODEL_VERSION + 1);
    kit_purge(&it->made);
    compare_rows(&it->old, &it->made);
    CHECK_BYTES(satchel_buffer_view(&a), satchel_buffer_view(&b));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        test_note("%s", words[i]);
        CHECK_UINT(kit_find(&it->old, words[i]), kit_find(&it->made, words[i]));
    }
    CHECK(kit_find(&it->old, "till") > 0);
    CHECK_INT(number_in(&it->old, "SELECT count(*) FROM customer WHERE tail IS NOT NULL"), 0);
    CHECK_INT(number_in(&it->old, "SELECT count(*) FROM store_aside"), 0);
    CHECK_INT(number_in(&it->old, "SELECT count(*) FROM sqlite_master WHERE name IN ('customer_by_parent_row', "
                                  "'visit_by_purpose', 'detour')"),
              3);
    CHECK_INT(number_in(&it->old, "PRAGMA user_version"), number_in(&it->made, "PRAGMA user_version"));
    CHECK_INT(number_in(&it->old, "SELECT count(*) FROM store_value WHERE name = '.migration'"), 0);
    satchel_buffer_deinit(&a);
    satchel_buffer_deinit(&b);
}

/* --- kills --- */

/* Refuses each commit once, then lets it through. */
static int refuse_once(void *context) {
    unsigned *commits = context;
    return (*commits)++ % 2 == 0;
}

/* The store again, as after a kill, until it opens. */
static void open_at_last(two_stores *it, unsigned *failed) {
    satchel_status status = SATCHEL_DATABASE_ERROR;
    for (int i = 0; status != SATCHEL_OK && i < 1000; i++) {
        status = kit_open_release(&it->old, &it->release);
        *failed += status != SATCHEL_OK ? 1 : 0;
    }
    REQUIRE_OK(status);
}

/* What the user does meanwhile, in both stores; the row may lie behind or ahead of what has been gone through. */
static void use_meanwhile(two_stores *it, uint32_t turn, uint32_t customers, sqlite3 *refusing, unsigned *commits) {
    const satchel_id id = kit_id(1 + turn * 137 % customers);
    sqlite3_commit_hook(refusing, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        store_kit *kit = i == 0 ? &it->old : &it->made;
        satchel_record record = kit_record(kit, NEXT_HOURS, turn % 3 == 0 ? "never" : "always");
        kit_put(&record, SATCHEL_CUSTOMER_INDUSTRY, "ironmonger");
        if (turn % 4 == 0) {
            satchel_record_remove(&record, NEXT_HOURS);
        }
        kit_edit(kit, CUSTOMER, id, &record);
        satchel_arena_reset(&kit->arena);
    }
    sqlite3_commit_hook(refusing, refuse_once, commits);
}

TEST(migration, an_upgrade_that_is_killed_at_every_step_ends_as_a_new_store) {
    const uint32_t customers = 20000;
    two_stores *it = two_stores_make(customers);
    unsigned commits = 0;
    unsigned failed = 0;
    bool left = true;
    sqlite3_commit_hook(it->old.database, refuse_once, &commits);
    open_at_last(it, &failed);
    CHECK(failed >= 4); /* user version, two tables, what is left to do */
    for (uint32_t turn = 0; left && turn < 1000; turn++) {
        satchel_status status = satchel_store_purge(it->old.store, SLICE_ROWS, &left, &it->old.error);
        if (status != SATCHEL_OK) {
            left = true;
            failed++;
            open_at_last(it, &failed);
            use_meanwhile(it, turn, customers, it->old.database, &commits);
        }
    }
    CHECK(!left);
    CHECK(failed > 60);
    sqlite3_commit_hook(it->old.database, NULL, NULL);
    compare(it);
    two_stores_free(it);
}

static int interrupt(void *context) {
    int *left = context;
    return --*left < 0;
}

TEST(migration, an_upgrade_that_is_broken_off_anywhere_goes_on_from_there) {
    two_stores *it = two_stores_make(40);
    bool left = true;
    int failed = 0;
    for (int steps = 1; left && steps < 10000000; steps += 1 + steps / 25) {
        int budget = steps;
        sqlite3_progress_handler(it->old.database, 1, interrupt, &budget);
        satchel_status status = kit_open_release(&it->old, &it->release);
        if (status == SATCHEL_OK) {
            status = satchel_store_purge(it->old.store, 5, &left, &it->old.error);
        }
        sqlite3_progress_handler(it->old.database, 0, NULL, NULL);
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_CANCELLED);
        left = left || status != SATCHEL_OK;
        failed += status != SATCHEL_OK ? 1 : 0;
    }
    CHECK(failed > 10);
    REQUIRE_OK(kit_open_release(&it->old, &it->release));
    kit_purge(&it->old);
    compare(it);
    two_stores_free(it);
}

TEST(migration, an_upgrade_survives_the_failure_of_any_allocation) {
    two_stores *it = two_stores_make(40);
    satchel_status status = SATCHEL_NO_MEMORY;
    bool left = true;
    unsigned long at = 0;
    unsigned failed = 0;
    while ((status != SATCHEL_OK || left) && at < 100000) {
        at += at < 60 ? 1 : 17;
        satchel_memory_fail_at(at, 0);
        status = kit_open_release(&it->old, &it->release);
        if (status == SATCHEL_OK) {
            status = satchel_store_purge(it->old.store, 7, &left, &it->old.error);
        }
        satchel_memory_fail_at(0, 0);
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_NO_MEMORY);
        failed += status != SATCHEL_OK ? 1 : 0;
    }
    CHECK(failed > 50);
    REQUIRE_OK(kit_open_release(&it->old, &it->release));
    kit_purge(&it->old);
    compare(it);
    two_stores_free(it);
}

static void limit_pages(store_kit *kit, int64_t more) {
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld", (long long)(number_in(kit, "PRAGMA page_count") + more));
    REQUIRE_INT(sqlite3_exec(kit->database, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* From the first page that is missing on, page by page, until there is room enough. */
TEST(migration, a_full_disk_stops_an_upgrade_and_loses_nothing) {
    two_stores *it = two_stores_make(1000);
    satchel_buffer before = units_of(&it->old, SATCHEL_MODEL_VERSION);
    bool left = true;
    unsigned opens_failed = 0;
    unsigned slices_failed = 0;
    REQUIRE_INT(sqlite3_exec(it->old.database, "VACUUM", NULL, NULL, NULL), SQLITE_OK); /* no room but the file's end */
    for (int64_t more = 0; left && more < 4000; more += 1 + more / 4) {
        limit_pages(&it->old, more);
        satchel_status status = kit_open_release(&it->old, &it->release);
        opens_failed += status != SATCHEL_OK ? 1 : 0;
        while (status == SATCHEL_OK && left) {
            status = satchel_store_purge(it->old.store, 200, &left, &it->old.error);
            slices_failed += status != SATCHEL_OK ? 1 : 0;
        }
        REQUIRE(status == SATCHEL_OK || status == SATCHEL_DISK_FULL);
        left = left || status != SATCHEL_OK;
        if (it->old.store != NULL) {
            satchel_buffer units = units_of(&it->old, SATCHEL_MODEL_VERSION);
            REQUIRE(satchel_bytes_equal(satchel_buffer_view(&units), satchel_buffer_view(&before)));
            satchel_buffer_deinit(&units);
        }
    }
    CHECK(opens_failed > 0);
    CHECK(slices_failed > 0);
    compare(it);
    satchel_buffer_deinit(&before);
    two_stores_free(it);
}

/* --- who is kept out --- */

typedef struct on_disk {
    test_temp temp;
    char path[TEST_PATH_BYTES];
    store_kit kit;
} on_disk;

static void on_disk_open(on_disk *it) {
    it->temp = test_temp_make();
    it->kit = kit_open(test_temp_path(&it->temp, "store", it->path));
}

static void on_disk_close(on_disk *it) {
    kit_close(&it->kit);
    test_temp_remove(&it->temp);
}

static uint64_t sum_of(const char *path) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    FILE *file = fopen(path, "rb");
    REQUIRE(file != NULL);
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        hash = (hash ^ (uint64_t)c) * UINT64_C(0x100000001b3);
    }
    fclose(file);
    return hash;
}

TEST(migration, a_store_of_a_newer_model_or_format_is_refused_and_not_written) {
    static next_model next;
    on_disk it;
    on_disk_open(&it);
    satchel_store_release later = next_release(&next);
    const satchel_store_release today = satchel_store_release_current();
    kit_customer(&it.kit, kit_id(1), "Huaning");
    for (int i = 0; i < 2; i++) {
        if (i == 0) {
            REQUIRE_OK(kit_open_release(&it.kit, &later)); /* its background has not begun */
        } else {
            REQUIRE_INT(sqlite3_exec(it.kit.database, "PRAGMA user_version = 255", NULL, NULL, NULL), SQLITE_OK);
        }
        int changes = sqlite3_total_changes(it.kit.database);
        uint64_t before = sum_of(it.path);
        CHECK_STATUS(kit_open_release(&it.kit, &today), SATCHEL_NEWER_FORMAT);
        CHECK(it.kit.store == NULL);
        CHECK_INT(sqlite3_total_changes(it.kit.database), changes);
        CHECK_UINT(sum_of(it.path), before);
    }
    on_disk_close(&it);
}

TEST(migration, a_release_that_makes_no_sense_is_refused) {
    const satchel_store_release today = satchel_store_release_current();
    const satchel_format_step steps[SATCHEL_FORMAT_STEPS_MAX + 1] = {today.steps[0], today.steps[1]};
    const satchel_model nothing = {0, 0, NULL};
    const satchel_store_release good = {satchel_store_release_current().model, steps, SATCHEL_FORMAT_STEPS_MAX};
    satchel_store_release bad[] = {good, good, good, good};
    store_kit kit = kit_open(NULL);
    kit_close(&kit);
    REQUIRE_INT(sqlite3_open(":memory:", &kit.database), SQLITE_OK);
    bad[0].model = &nothing;
    bad[1].steps = NULL;
    bad[2].step_count = 0;
    bad[3].step_count = SATCHEL_FORMAT_STEPS_MAX + 1;
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(kit_open_release(&kit, &bad[i]), SATCHEL_INVALID_ARGUMENT);
    }
    CHECK_INT(number_in(&kit, "SELECT count(*) FROM sqlite_master"), 0);
    CHECK_OK(kit_open_release(&kit, &good));
    CHECK_INT(number_in(&kit, "PRAGMA user_version"), SATCHEL_FORMAT_STEPS_MAX);
    kit_close(&kit);
}

/* --- steps of a format --- */

static satchel_status make_visited(satchel_store *store, satchel_error *error) {
    return satchel_store_execute(store, "CREATE TABLE store_visited (sequence INTEGER)", error);
}

/* Visits each op of the log, and would visit it twice if its position were not stored with its work. */
static satchel_status visit_ops(satchel_store *store, uint32_t budget_rows, int64_t *position, bool *out_done,
                                satchel_error *error) {
    char sql[160];
    int64_t last = 0;
    snprintf(sql, sizeof sql,
             "INSERT INTO store_visited SELECT sequence FROM store_op WHERE sequence > %lld ORDER BY sequence LIMIT "
             "%" PRIu32,
             (long long)*position, budget_rows);
    satchel_status status = satchel_store_execute(store, sql, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, "SELECT max(sequence) FROM store_visited", 0, &last, error);
    }
    *position = last;
    *out_done = last + 1 == (int64_t)store->next_sequence;
    return status;
}

TEST(migration, the_slices_of_a_format_go_on_where_they_were_ended) {
    const satchel_store_release today = satchel_store_release_current();
    const satchel_format_step steps[] = {today.steps[0], today.steps[1], {make_visited, visit_ops}, {NULL, NULL}};
    const satchel_store_release later = {today.model, steps, 4};
    store_kit kit = kit_open(NULL);
    unsigned commits = 0;
    unsigned failed = 0;
    bool left = true;
    for (uint32_t i = 1; i <= 50; i++) {
        kit_customer(&kit, kit_id(i), "x");
    }
    sqlite3_commit_hook(kit.database, refuse_once, &commits);
    for (int i = 0; left && i < 200; i++) {
        satchel_status status =
            kit.store != NULL ? satchel_store_purge(kit.store, 7, &left, &kit.error) : kit_open_release(&kit, &later);
        if (status != SATCHEL_OK || i == 0) {
            failed++;
            left = true;
            satchel_store_close(kit.store);
            kit.store = NULL;
        }
    }
    sqlite3_commit_hook(kit.database, NULL, NULL);
    CHECK(failed > 9);
    CHECK_INT(number_in(&kit, "PRAGMA user_version"), 4);
    CHECK_INT(number_in(&kit, "SELECT count(*) FROM store_visited"), 50);
    CHECK_INT(number_in(&kit, "SELECT count(DISTINCT sequence) FROM store_visited"), 50);
    kit_close(&kit);
}

/* --- what the user notices --- */

TEST(migration, progress_moves_on_and_what_is_read_is_whole_meanwhile) {
    two_stores *it = two_stores_make(3000);
    satchel_store_progress progress = {true, 0};
    uint32_t last = 0;
    bool left = true;
    REQUIRE_OK(satchel_store_upgrade_progress(it->old.store, &progress, NULL));
    CHECK(!progress.running);
    CHECK_UINT(progress.permille, 1000);
    REQUIRE_OK(kit_open_release(&it->old, &it->release));
    for (int i = 0; left && i < 1000; i++) {
        REQUIRE_OK(satchel_store_upgrade_progress(it->old.store, &progress, NULL));
        CHECK(progress.running);
        CHECK(progress.permille >= last && progress.permille < 1000);
        last = progress.permille;
        CHECK_TEXT(kit_text(&it->old, kit_id(2999), NEXT_HOURS), "till 23");
        CHECK_INT(kit_int(&it->old, kit_id(2999), NEXT_SEEN), 2999);
        REQUIRE_OK(satchel_store_purge(it->old.store, 100, &left, &it->old.error));
    }
    CHECK(last > 500);
    REQUIRE_OK(satchel_store_upgrade_progress(it->old.store, &progress, NULL));
    CHECK(!progress.running);
    compare(it);
    two_stores_free(it);
}

/* An index is made in one step: SQLite sorts its keys in memory. */
TEST(migration, no_slice_takes_much_memory) {
    two_stores *it = two_stores_make(5000);
    bool left = true;
    int64_t most = 0;
    REQUIRE_OK(kit_open_release(&it->old, &it->release));
    while (left) {
        int64_t before = sqlite3_memory_used();
        sqlite3_memory_highwater(1);
        REQUIRE_OK(satchel_store_purge(it->old.store, SLICE_ROWS, &left, &it->old.error));
        most = sqlite3_memory_highwater(0) - before > most ? sqlite3_memory_highwater(0) - before : most;
    }
    CHECK(most > 0);
    CHECK(most < INT64_C(8) << 20); /* the database itself is in memory and grows within this */
    two_stores_free(it);
}
