/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone with work that was not sent, whose store is destroyed page by page; and what comes of it.
 */
#include <satchel/inbox.h>
#include <satchel/repair.h>

#include "device/device.h"
#include "fixture.h"
#include "store/store_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define SLOT_BYTES 4160
#define PROLOGUE_BYTES 80
#define EDITS 20
#define LONG_NOTES 8
#define LONG_NOTE_BYTES 4000

/* --- files --- */

typedef struct file_copy {
    uint8_t *data;
    size_t bytes;
    bool there;
} file_copy;

static void path_of(const phone *p, const char *name, char *out) {
    (void)snprintf(out, 700, "%s/%s", p->folder, name);
}

static file_copy read_file(const phone *p, const char *name) {
    char path[700];
    file_copy copy = {NULL, 0, false};
    path_of(p, name, path);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return copy;
    }
    REQUIRE(fseek(file, 0, SEEK_END) == 0);
    copy.bytes = (size_t)ftell(file);
    rewind(file);
    copy.data = malloc(copy.bytes + 1);
    REQUIRE(copy.data != NULL && fread(copy.data, 1, copy.bytes, file) == copy.bytes);
    copy.there = true;
    fclose(file);
    return copy;
}

static void write_file(const phone *p, const char *name, file_copy *copy) {
    char path[700];
    path_of(p, name, path);
    if (!copy->there) {
        (void)unlink(path);
        return;
    }
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL && fwrite(copy->data, 1, copy->bytes, file) == copy->bytes && fclose(file) == 0);
    free(copy->data);
}

static bool file_exists(const phone *p, const char *name) {
    char path[700];
    path_of(p, name, path);
    return access(path, F_OK) == 0;
}

static uint64_t file_units(const phone *p, const char *name, size_t before, size_t unit) {
    file_copy copy = read_file(p, name);
    uint64_t units = copy.bytes > before ? (copy.bytes - before) / unit : 0;
    free(copy.data);
    return units;
}

static uint64_t pages_of(const phone *p) {
    return file_units(p, "store.db", 0, PAGE_BYTES);
}

static uint64_t slots_of(const phone *p) {
    return file_units(p, "store.db-wal", PROLOGUE_BYTES, SLOT_BYTES);
}

static void spoil_at(const phone *p, const char *name, uint64_t offset) {
    char path[700];
    path_of(p, name, path);
    FILE *file = fopen(path, "r+b");
    REQUIRE(file != NULL && fseek(file, (long)offset, SEEK_SET) == 0);
    int byte = fgetc(file);
    REQUIRE(byte != EOF && fseek(file, (long)offset, SEEK_SET) == 0);
    REQUIRE(fputc(byte ^ 0x20, file) != EOF && fclose(file) == 0);
}

static void spoil_page(const phone *p, uint64_t page) {
    spoil_at(p, "store.db", (page - 1) * PAGE_BYTES + 700);
}

static void spoil_slot(const phone *p, uint64_t slot) {
    spoil_at(p, "store.db-wal", PROLOGUE_BYTES + (slot - 1) * SLOT_BYTES + 700);
}

/* The device is gone, its files are as a kill leaves them. */
static void kill_phone(phone *p) {
    file_copy database = read_file(p, "store.db");
    file_copy wal = read_file(p, "store.db-wal");
    phone_close(p);
    write_file(p, "store.db", &database);
    write_file(p, "store.db-wal", &wal);
}

/* --- a phone with work --- */

static void work(phone *p, unsigned edits) {
    for (unsigned i = 0; i < edits; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "Edit %u", i);
        phone_rename(p, name);
    }
}

static void phone_with_work(phone *p, uint64_t seed) {
    phone_ready(p, seed);
    work(p, EDITS);
}

static satchel_repair_report repair(phone *p) {
    satchel_repair_report report;
    REQUIRE_OK(satchel_device_repair(&p->config, false, &report, &p->error));
    return report;
}

static satchel_device_health health_of(phone *p) {
    satchel_device_health health;
    REQUIRE_OK(satchel_device_check(&p->config, &health, &p->error));
    return health;
}

/* After a repair: opens, syncs, and every op that was found is on the server, each once. */
static void check_outcome(phone *p, const satchel_repair_report *report, uint32_t applied_before) {
    phone_open(p);
    satchel_device_info info = phone_info(p);
    CHECK_INT(info.enrolled, !report->enrolment_needed);
    if (!report->enrolment_needed) {
        CHECK_STATUS(phone_sync(p), SATCHEL_OK);
        CHECK_UINT(phone_info(p).units_unsent, 0);
        CHECK_UINT(p->server.units_applied - applied_before, report->ops_waiting + report->ops_lost);
    }
    phone_close(p);
    satchel_device_health health = health_of(p);
    CHECK(health.healthy);
    CHECK_UINT(health.quarantined, 1);
}

static void create_customer(phone *p, const char *name, const char *note) {
    satchel_fields *fields;
    satchel_record_builder *builder;
    satchel_write *write;
    satchel_bytes record;
    satchel_id id = {{0}};
    REQUIRE_OK(satchel_fields_open(&fields, p->device, &p->error));
    REQUIRE_OK(satchel_record_builder_open(&builder, fields, SATCHEL_ENTITY_CUSTOMER));
    REQUIRE_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    if (note != NULL) {
        REQUIRE_OK(satchel_record_builder_text(builder, SATCHEL_CUSTOMER_NOTE, satchel_text_of(note)));
    }
    REQUIRE_OK(satchel_record_builder_encode(builder, &record));
    REQUIRE_OK(satchel_write_begin(&write, p->device, &p->error));
    REQUIRE_OK(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, record, &id, &p->error));
    REQUIRE_OK(satchel_commit(write, NULL, &p->error));
    satchel_record_builder_close(builder);
    satchel_fields_close(fields);
}

static void new_customer(phone *p, const char *name) {
    create_customer(p, name, NULL);
}

static satchel_status count_op(void *context, const satchel_op_view *op) {
    uint32_t *count = context;
    CHECK(op->readable && op->kind == 2 && op->set.bytes > 0 && op->wall_ms > 0);
    ++*count;
    return SATCHEL_OK;
}

static satchel_status count_any(void *context, const satchel_op_view *op) {
    uint32_t *count = context;
    CHECK(op->sequence > 0);
    ++*count;
    return SATCHEL_OK;
}

/* --- tests --- */

TEST(repair, finds_nothing_to_do_on_a_healthy_store) {
    phone p;
    phone_with_work(&p, 1);
    phone_close(&p);
    satchel_device_health health = health_of(&p);
    CHECK(health.healthy && health.identity && health.sync_state && health.key_file_whole);
    CHECK_STATUS(health.status, SATCHEL_OK);
    CHECK_UINT(health.ops_waiting, EDITS);
    CHECK_UINT(health.ops_lost, 0);
    CHECK_UINT(health.pages, pages_of(&p));
    satchel_repair_report report = repair(&p);
    CHECK(report.needless);
    CHECK(!file_exists(&p, "quarantine-1.db"));
    phone_deinit(&p);
}

/* The phone with one page destroyed, from the beginning to the end. False: it does not have so many pages. */
static bool lose_page(uint64_t page, uint64_t seed) {
    phone p;
    phone_with_work(&p, seed);
    phone_close(&p);
    test_note("page %llu, seed %llu", (unsigned long long)page, (unsigned long long)seed);
    bool there = page <= pages_of(&p);
    if (there) {
        spoil_page(&p, page);
        satchel_device_health health = health_of(&p);
        CHECK(!health.healthy && health.pages_bad == 1 && health.first_bad_page == page);
        satchel_repair_report report = repair(&p);
        CHECK(!report.needless && report.quarantine == 1 && report.tail_uncertain);
        check_outcome(&p, &report, 0);
        CHECK(file_exists(&p, "quarantine-1.db"));
    }
    phone_deinit(&p);
    return there;
}

/* SATCHEL_REPAIRS=all tries every page, which takes minutes. */
TEST(repair, of_any_one_page_sends_every_op_that_was_found) {
    const char *wanted = getenv("SATCHEL_REPAIRS");
    uint64_t step = wanted != NULL && strcmp(wanted, "all") == 0 ? 1 : 23;
    unsigned tried = 0;
    for (uint64_t page = 1; lose_page(page, page); page += step) {
        tried++;
    }
    CHECK(tried > 3);
}

/* Killed with its work in the log of changes, of which some frames are destroyed. */
TEST(repair, of_lost_frames_sends_every_op_that_was_found) {
    for (uint64_t seed = 1; seed <= 4; seed++) {
        phone p;
        phone_with_work(&p, seed);
        test_note("seed %llu", (unsigned long long)seed);
        test_random random = test_random_of(seed);
        kill_phone(&p);
        uint64_t slots = slots_of(&p);
        REQUIRE(slots > 20);
        for (unsigned i = 0; i < 3; i++) {
            spoil_slot(&p, 1 + test_random_below(&random, slots - 10));
        }
        satchel_repair_report report = repair(&p);
        CHECK(!report.needless && report.pages_bad > 0);
        CHECK_UINT(report.ops_waiting + report.ops_lost, EDITS);
        check_outcome(&p, &report, 0);
        phone_deinit(&p);
    }
}

/* A tenth of all pages, the schema's and the roots' among them. */
TEST(repair, of_many_pages_sends_every_op_that_was_found) {
    for (uint64_t seed = 1; seed <= 4; seed++) {
        phone p;
        phone_with_work(&p, seed);
        test_note("seed %llu", (unsigned long long)seed);
        test_random random = test_random_of(seed);
        phone_close(&p);
        uint64_t pages = pages_of(&p);
        spoil_page(&p, 1);
        for (uint64_t i = 0; i < pages / 10; i++) {
            spoil_page(&p, 3 + test_random_below(&random, pages - 3));
        }
        satchel_repair_report report = repair(&p);
        check_outcome(&p, &report, 0);
        phone_deinit(&p);
    }
}

/* What is done between the repair and the first sync, without a network, comes behind what may have been lost. */
TEST(repair, work_before_the_next_sync_is_sent_too) {
    phone p;
    phone_with_work(&p, 31);
    phone_close(&p);
    spoil_page(&p, 1);
    satchel_repair_report report = repair(&p);
    CHECK_UINT(report.ops_waiting, EDITS);
    phone_open(&p);
    uint32_t applied = p.server.units_applied;
    new_customer(&p, "Made before the sync");
    CHECK_UINT(phone_info(&p).units_unsent, EDITS + 1);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(phone_info(&p).units_unsent, 0);
    /* between the last op found and the new one, what may have been lost travels as one empty unit */
    CHECK_UINT(p.server.units_applied - applied, EDITS + 2);
    phone_deinit(&p);
}

TEST(repair, walks_the_ops_of_a_store_that_lies_aside) {
    phone p;
    phone_with_work(&p, 41);
    phone_close(&p);
    spoil_page(&p, 1);
    satchel_repair_report report = repair(&p);
    uint32_t seen[2] = {0, 0};
    REQUIRE_OK(satchel_quarantine_walk(&p.config, 0, count_op, &seen[0], &p.error));
    REQUIRE_OK(satchel_quarantine_walk(&p.config, report.quarantine, count_op, &seen[1], &p.error));
    CHECK_UINT(seen[0], EDITS);
    CHECK_UINT(seen[1], EDITS);
    CHECK_STATUS(satchel_quarantine_walk(&p.config, 2, count_op, &seen[1], &p.error), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_quarantine_walk(&p.config, SATCHEL_REPAIR_QUARANTINE_MOST + 1, count_op, &seen[1], &p.error),
                 SATCHEL_NOT_FOUND);
    phone_deinit(&p);
}

/* At the limit a repair is refused and the store stays as it is; one store less, and it goes on. */
TEST(repair, keeps_a_bounded_number_of_damaged_stores) {
    phone p;
    satchel_repair_report report;
    char path[700];
    phone_with_work(&p, 51);
    phone_close(&p);
    for (uint32_t i = 1; i <= SATCHEL_REPAIR_QUARANTINE_MOST; i++) {
        REQUIRE_OK(satchel_device_repair(&p.config, true, &report, &p.error));
        CHECK_UINT(report.quarantine, i);
        CHECK_UINT(report.ops_waiting, EDITS);
    }
    CHECK_STATUS(satchel_device_repair(&p.config, true, &report, &p.error), SATCHEL_LIMIT_EXCEEDED);
    path_of(&p, "quarantine-3.db", path);
    REQUIRE(unlink(path) == 0);
    REQUIRE_OK(satchel_device_repair(&p.config, true, &report, &p.error));
    CHECK_UINT(report.quarantine, 3);
    phone_open(&p);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, EDITS);
    phone_deinit(&p);
}

/* A kill between any two renames: the next opening finishes. */
TEST(repair, is_finished_by_the_next_opening) {
    static const char *const moved[] = {NULL, "store.db", "store.db-wal"};
    for (int step = 0; step < 3; step++) {
        phone p;
        phone_with_work(&p, 61);
        phone_close(&p);
        file_copy old = read_file(&p, "store.db");
        satchel_repair_report report;
        REQUIRE_OK(satchel_device_repair(&p.config, true, &report, &p.error));
        file_copy fresh = read_file(&p, "store.db");
        file_copy ready = {(uint8_t *)strdup("2"), 1, true};
        write_file(&p, "repair.db", &fresh);
        write_file(&p, "repair.ready", &ready);
        write_file(&p, step == 0 ? "store.db" : "quarantine-2.db", &old);
        if (moved[step] != NULL) {
            file_copy none = {NULL, 0, false};
            write_file(&p, "store.db", &none);
        }
        test_note("step %d", step);
        phone_open(&p);
        CHECK(!file_exists(&p, "repair.db") && !file_exists(&p, "repair.ready"));
        CHECK(file_exists(&p, "quarantine-2.db"));
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK_UINT(p.server.units_applied, EDITS);
        phone_deinit(&p);
    }
}

TEST(repair, asks_for_keys_like_an_opening) {
    phone p;
    satchel_repair_report report;
    satchel_device_health health;
    phone_with_work(&p, 71);
    phone_close(&p);
    p.keystore_status = SATCHEL_KEY_UNAVAILABLE;
    CHECK_STATUS(satchel_device_repair(&p.config, true, &report, &p.error), SATCHEL_KEY_UNAVAILABLE);
    CHECK_STATUS(satchel_device_check(&p.config, &health, &p.error), SATCHEL_KEY_UNAVAILABLE);
    p.keystore_status = SATCHEL_OK;
    CHECK_STATUS(satchel_device_repair(NULL, true, &report, &p.error), SATCHEL_INVALID_ARGUMENT);
    phone_open(&p);
    CHECK_STATUS(satchel_device_repair(&p.config, true, &report, &p.error), SATCHEL_IN_USE);
    phone_deinit(&p);
}

/* --- keys and exports --- */

TEST(repair, a_new_data_key_and_compaction_keep_the_work) {
    phone p;
    phone_with_work(&p, 81);
    phone_close(&p);
    REQUIRE_OK(satchel_device_rekey(&p.config, &p.error));
    REQUIRE_OK(satchel_device_compact(&p.config, &p.error));
    satchel_device_health health = health_of(&p);
    CHECK(health.healthy);
    CHECK_UINT(health.ops_waiting, EDITS);
    spoil_page(&p, 1);
    satchel_repair_report report = repair(&p);
    CHECK_UINT(report.ops_waiting, EDITS);
    check_outcome(&p, &report, 0);
    phone_deinit(&p);
}

TEST(repair, the_recovery_secret_opens_where_the_keystore_is_gone) {
    phone p;
    uint8_t secret[SATCHEL_RECOVERY_BYTES] = {1, 2, 3};
    uint8_t other[SATCHEL_RECOVERY_BYTES] = {9};
    uint32_t seen = 0;
    phone_init(&p, 82);
    satchel_recovery_public(secret, p.server.recovery_key);
    phone_create(&p);
    phone_enroll(&p);
    new_customer(&p, "Before the loss");
    phone_close(&p);
    p.keystore_byte = 99;
    satchel_device *device = NULL;
    CHECK_STATUS(satchel_device_open(&device, &p.config, &p.error), SATCHEL_KEY_GONE);
    CHECK_STATUS(satchel_recovery_walk(&p.config, other, 0, count_any, &seen, &p.error), SATCHEL_UNAUTHENTICATED);
    CHECK_OK(satchel_recovery_walk(&p.config, secret, 0, count_any, &seen, &p.error));
    CHECK_UINT(seen, 1);
    CHECK_STATUS(satchel_device_recover(&p.config, other, &p.error), SATCHEL_UNAUTHENTICATED);
    CHECK_OK(satchel_device_recover(&p.config, secret, &p.error));
    phone_open(&p);
    CHECK_UINT(phone_info(&p).units_unsent, 1);
    phone_deinit(&p);
}

static satchel_status keep(void *context, satchel_bytes bytes) {
    satchel_buffer *kept = context;
    return satchel_buffer_append(kept, bytes);
}

TEST(repair, an_export_opens_for_its_secret_alone) {
    const uint8_t secret[SATCHEL_RECOVERY_BYTES] = {5, 1};
    const uint8_t other[SATCHEL_RECOVERY_BYTES] = {6, 2}; /* the lowest bits of a secret do not count */
    const satchel_bytes plain = satchel_bytes_of("customer Huaning", 16);
    uint8_t public_key[SATCHEL_RECOVERY_BYTES];
    const uint8_t none[SATCHEL_RECOVERY_BYTES] = {0};
    satchel_buffer sealed = {0};
    satchel_buffer opened = {0};
    satchel_recovery_public(secret, public_key);
    REQUIRE_OK(satchel_export_seal(public_key, plain, keep, &sealed));
    REQUIRE_OK(satchel_export_open(secret, satchel_buffer_view(&sealed), keep, &opened));
    CHECK_BYTES(satchel_buffer_view(&opened), plain);
    CHECK_STATUS(satchel_export_open(other, satchel_buffer_view(&sealed), keep, &opened), SATCHEL_DAMAGED);
    CHECK_STATUS(satchel_export_open(secret, plain, keep, &opened), SATCHEL_FOREIGN_FILE);
    sealed.data[sealed.bytes - 1] ^= 1;
    CHECK_STATUS(satchel_export_open(secret, satchel_buffer_view(&sealed), keep, &opened), SATCHEL_DAMAGED);
    CHECK_STATUS(satchel_export_seal(none, plain, keep, &sealed), SATCHEL_INVALID_ARGUMENT);
    satchel_buffer_deinit(&sealed);
    satchel_buffer_deinit(&opened);
}

/* The server applied everything and its answer was lost; then one op is lost as well. Nothing is done twice. */
TEST(repair, what_the_server_decided_is_not_sent_as_something_new) {
    for (unsigned stop = 2; stop <= 3; stop++) {
        phone p;
        phone_with_work(&p, 83);
        test_note("stop %u", stop);
        (void)phone_sync_until(&p, stop);
        kill_phone(&p);
        uint32_t applied = p.server.units_applied;
        uint64_t slots = slots_of(&p);
        REQUIRE(slots > 4);
        spoil_slot(&p, slots / 2);
        satchel_repair_report report = repair(&p);
        phone_open(&p);
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK_UINT(phone_info(&p).units_unsent, 0);
        if (applied == EDITS) {
            CHECK_UINT(p.server.units_applied, applied);
        }
        CHECK(p.server.units_applied <= EDITS + 1);
        CHECK(!report.needless);
        phone_deinit(&p);
    }
}

static int64_t ask(phone *p, const char *sql) {
    int64_t out = 0;
    REQUIRE_OK(satchel_store_number(p->device->store, sql, 0, &out, &p->error));
    return out;
}

/* What the server decided on and this store did not hear is asked again, and no copy of the store was at work. */
TEST(repair, regress_refusals_that_were_not_heard_are_heard_behind_a_lost_op) {
    phone p;
    phone_with_work(&p, 94);
    p.server.refuse_ops = true;
    for (unsigned stop = 1; p.server.units_applied < EDITS; stop++) {
        REQUIRE(phone_sync_until(&p, stop));
    }
    CHECK_INT(ask(&p, "SELECT count(*) FROM store_op WHERE state = 5"), 0);
    CHECK_INT(ask(&p, "DELETE FROM store_op WHERE sequence = 10 RETURNING sequence"), 10);
    phone_close(&p);
    REQUIRE_OK(satchel_device_compact(&p.config, &p.error));
    spoil_page(&p, 1);
    satchel_repair_report report = repair(&p);
    CHECK_UINT(report.ops_lost, 1);
    phone_open(&p);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    CHECK_UINT(p.server.units_applied, EDITS);
    CHECK_UINT(p.server.lives, 0);
    CHECK_INT(ask(&p, "SELECT count(*) FROM store_op WHERE state = 5"), EDITS - 1);
    phone_deinit(&p);
}

/* Marks of an earlier repair are no ops: a store that was repaired twice before it synced still numbers like its
 * server. */
TEST(repair, regress_two_repairs_before_a_sync_leave_no_marks_between_ops) {
    for (unsigned between = 0; between < 2; between++) {
        phone p;
        phone_with_work(&p, 91);
        phone_close(&p);
        test_note("units between the repairs: %u", between);
        for (unsigned times = 0; times < 2; times++) {
            spoil_page(&p, 1);
            satchel_repair_report report = repair(&p);
            CHECK(report.tail_uncertain);
            CHECK_UINT(report.ops_lost, 0);
            CHECK_UINT(report.ops_waiting, EDITS + times * between);
            CHECK(health_of(&p).healthy);
            phone_open(&p);
            if (times == 0 && between > 0) {
                new_customer(&p, "Between two repairs");
            }
            phone_close(&p);
        }
        phone_open(&p);
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        new_customer(&p, "After the sync");
        CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
        CHECK_UINT(phone_info(&p).units_unsent, 0);
        phone_deinit(&p);
    }
}

/* The longest note that a customer may have, less `less`: the op needs overflow pages, or just not. */
static void long_customer(phone *p, unsigned less) {
    char note[LONG_NOTE_BYTES + 1];
    memset(note, 'n', sizeof note);
    note[LONG_NOTE_BYTES - less] = 0;
    create_customer(p, "Long Notes", note);
}

static void phone_with_long_work(phone *p, uint64_t seed) {
    phone_ready(p, seed);
    for (unsigned i = 1; i <= LONG_NOTES; i++) {
        long_customer(p, i * 25 - 25);
    }
    phone_close(p);
}

/* Their rows lie in part on overflow pages. */
TEST(repair, finds_ops_that_are_longer_than_a_page) {
    phone p;
    phone_with_long_work(&p, 93);
    spoil_page(&p, 1);
    satchel_repair_report report = repair(&p);
    CHECK_UINT(report.ops_waiting, LONG_NOTES);
    check_outcome(&p, &report, 0);
    phone_deinit(&p);
}

/* One op is lost with a page of its chain. Repairing again before the next sync gains nothing, and is not done. */
TEST(repair, regress_ops_that_a_repair_found_lost_make_no_second_repair) {
    unsigned lost = 0;
    for (uint64_t step = 0; step < 10; step++) {
        phone p;
        phone_with_long_work(&p, 94);
        spoil_page(&p, pages_of(&p) - 2 * step);
        satchel_repair_report report = repair(&p);
        test_note("step %llu: %llu ops lost", (unsigned long long)step, (unsigned long long)report.ops_lost);
        lost += report.ops_lost > 0 ? 1 : 0;
        CHECK_INT(health_of(&p).healthy, report.ops_lost == 0);
        satchel_repair_report again = repair(&p);
        CHECK(again.needless);
        CHECK(!file_exists(&p, "quarantine-2.db"));
        check_outcome(&p, &report, 0);
        phone_deinit(&p);
    }
    CHECK(lost > 0);
}

/* Its log may begin with half a unit, which no count of units shows. */
TEST(repair, regress_signing_out_between_a_repair_and_its_sync_destroys_nothing) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 95);
    phone_close(&p);
    spoil_page(&p, 1);
    (void)repair(&p);
    phone_open(&p);
    CHECK_STATUS(satchel_device_retire(p.device, &receipt, &p.error), SATCHEL_REQUIRED_BEFORE);
    CHECK(receipt.counted && receipt.repaired && receipt.units_unsent == 0);
    CHECK_STATUS(phone_sync(&p), SATCHEL_OK);
    REQUIRE_OK(satchel_device_sign_out(p.device, &receipt, &p.error));
    CHECK(receipt.wiped && !receipt.repaired);
    phone_deinit(&p);
}

/* Destroys the first page without which nobody knows whose store it is. */
static void lose_identity(phone *p) {
    uint64_t page = 1;
    spoil_page(p, page);
    while (health_of(p).identity) {
        spoil_page(p, page); /* as it was */
        spoil_page(p, ++page);
    }
}

TEST(repair, regress_signing_out_keeps_work_that_lies_in_quarantine) {
    phone p;
    char path[700];
    satchel_wipe_receipt receipt;
    phone_with_work(&p, 96);
    phone_close(&p);
    lose_identity(&p);
    satchel_repair_report report = repair(&p);
    CHECK(report.enrolment_needed && report.ops_waiting == EDITS);
    phone_open(&p);
    CHECK_STATUS(satchel_device_retire(p.device, &receipt, &p.error), SATCHEL_REQUIRED_BEFORE);
    CHECK(receipt.counted && receipt.ops_aside == EDITS);
    REQUIRE_OK(satchel_device_sign_out(p.device, &receipt, &p.error));
    CHECK(!receipt.wiped && file_exists(&p, "quarantine-1.db"));
    phone_close(&p);
    CHECK_STATUS(satchel_device_rekey(&p.config, &p.error), SATCHEL_REQUIRED_BEFORE);
    path_of(&p, "quarantine-1.db", path);
    REQUIRE(unlink(path) == 0);
    CHECK_OK(satchel_device_rekey(&p.config, &p.error));
    phone_open(&p);
    REQUIRE_OK(satchel_device_sign_out(p.device, &receipt, &p.error));
    CHECK(receipt.wiped);
    phone_deinit(&p);
}

static satchel_status count_item(void *context, const satchel_inbox_item *item) {
    unsigned *count = context;
    CHECK(item->content.bytes > 0);
    ++*count;
    return SATCHEL_OK;
}

static unsigned items_of(phone *p) {
    unsigned count = 0;
    REQUIRE_OK(satchel_inbox_list(p->device, count_item, &count, &p->error));
    return count;
}

static satchel_inbox_item item_of(uint8_t number) {
    satchel_inbox_item item = {.content = satchel_bytes_of("milk", 4)};
    item.id.bytes[0] = number;
    return item;
}

/* Frames tell of items that were acknowledged, and of items whose index may be lost: what is gone stays gone. */
TEST(repair, regress_the_inbox_is_as_it_was) {
    phone p;
    satchel_inbox_taken taken;
    phone_ready(&p, 97);
    for (uint8_t number = 1; number <= 3; number++) {
        const satchel_inbox_item item = item_of(number);
        REQUIRE_OK(satchel_inbox_put(p.folder, &item, &p.error));
    }
    REQUIRE_OK(satchel_inbox_take(p.device, &taken, &p.error));
    for (uint8_t number = 1; number <= 2; number++) {
        const satchel_inbox_item done = item_of(number);
        REQUIRE_OK(satchel_inbox_acknowledge(p.device, &done.id, &p.error));
    }
    for (unsigned lost = 0; lost < 2; lost++) {
        if (lost > 0) {
            const satchel_bytes older = satchel_bytes_of("\x01\0\0", 3); /* an index without items */
            REQUIRE_OK(satchel_store_put_value(p.device->store, "inbox", older, &p.error));
        }
        kill_phone(&p);
        satchel_repair_report report;
        REQUIRE_OK(satchel_device_repair(&p.config, true, &report, &p.error));
        phone_open(&p);
        test_note("repair %u", lost);
        CHECK_UINT(items_of(&p), 1);
        satchel_arena arena = {0};
        satchel_bytes value;
        CHECK_STATUS(
            satchel_store_get_value(p.device->store, "inbox.01000000000000000000000000000000", &arena, &value, NULL),
            SATCHEL_NOT_FOUND);
        CHECK_STATUS(satchel_store_get_value(p.device->store, "enrolling", &arena, &value, NULL), SATCHEL_NOT_FOUND);
        satchel_arena_deinit(&arena);
    }
    phone_deinit(&p);
}
