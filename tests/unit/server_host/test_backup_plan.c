/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups by a plan: when they are due, where they lie, which stay. Time is told, nobody waits.
 */
#include "base/text.h"
#include "host/backup_plan.h"
#include "support/server_service/stage.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct place {
    test_temp temp;
    char first[TEST_PATH_BYTES], second[TEST_PATH_BYTES], key[TEST_PATH_BYTES];
    satchel_host *host;
    satchel_backup_plan plan;
} place;

static void set_up(place *at) {
    char path[TEST_PATH_BYTES];
    stage here;
    memset(at, 0, sizeof *at);
    at->temp = test_temp_make();
    const satchel_host_config config = {.folder = at->temp.path, .create = true};
    REQUIRE_OK(satchel_host_open(&at->host, &config, NULL));
    satchel_host_close(at->host);
    stage_open(&here, test_temp_path(&at->temp, "satchel.db", path), 5);
    stage_close(&here);
    REQUIRE_OK(satchel_host_open(&at->host, &config, NULL));
    REQUIRE(mkdir(test_temp_path(&at->temp, "first", at->first), 0700) == 0);
    REQUIRE(mkdir(test_temp_path(&at->temp, "second", at->second), 0700) == 0);
    REQUIRE_OK(satchel_backup_key_make(test_temp_path(&at->temp, "key", at->key), NULL));
    at->plan = (satchel_backup_plan){
        .folder = at->first, .second = at->second, .key_path = at->key, .every_ms = 3600000, .keep = 2};
}

static void tear_down(place *at) {
    satchel_host_close(at->host);
    test_temp_remove(&at->temp);
}

typedef struct new_place {
    const satchel_service *service;
    const char *name;
} new_place;

static satchel_status add_place(void *context, satchel_db *db, satchel_error *error) {
    const new_place *work = context;
    const satchel_actor system = satchel_actor_system();
    const satchel_id none = {{0}};
    satchel_id id;
    return satchel_territory_add(work->service, db, &system, satchel_text_of(work->name), &none, satchel_text_of(""),
                                 &id, error);
}

/* Something moves, so that the next backup is another. */
static void change(place *at, const char *name) {
    new_place work = {satchel_host_service(at->host), name};
    REQUIRE_OK(satchel_host_write(at->host, add_place, &work, NULL));
}

static uint32_t files(const char *folder) {
    uint32_t count = 0;
    DIR *open = opendir(folder);
    REQUIRE(open != NULL);
    for (const struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(open);
    return count;
}

static bool step(place *at, int64_t now_ms) {
    bool made = false;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    satchel_status status = satchel_backup_plan_step(at->host, &at->plan, now_ms, &made, &error);
    if (status != SATCHEL_OK) {
        test_note("%s", error.detail);
    }
    REQUIRE_OK(status);
    return made;
}

static satchel_status read_last(void *context, satchel_db *db, satchel_error *error) {
    return satchel_backup_newest(db, context, error);
}

static satchel_backup_last last_of(place *at) {
    satchel_backup_last last;
    REQUIRE_OK(satchel_host_read(at->host, read_last, &last, NULL));
    return last;
}

static int64_t now_of(const place *at) {
    return satchel_service_now_ms(satchel_host_service(at->host));
}

TEST(backup_plan, one_is_made_at_once_and_the_next_when_the_newest_is_so_old) {
    place at;
    set_up(&at);
    CHECK(step(&at, now_of(&at)));
    int64_t made_ms = last_of(&at).at_ms;
    change(&at, "North");
    CHECK(!step(&at, made_ms + at.plan.every_ms - 1));
    CHECK_UINT(files(at.first), 1);
    CHECK(step(&at, made_ms + at.plan.every_ms));
    CHECK_UINT(files(at.first), 2);
    CHECK_UINT(last_of(&at).number, 2);
    CHECK(step(&at, made_ms - 1)); /* a clock that was turned back is no reason to wait for it */
    tear_down(&at);
}

TEST(backup_plan, the_newest_lie_in_both_places_and_older_ones_go) {
    static const char *const names[] = {"North", "South", "East", "West"};
    place at;
    char foreign[TEST_PATH_BYTES];
    set_up(&at);
    (void)snprintf(foreign, sizeof foreign, "%.200s/satchel-1-007.backup", at.first);
    FILE *file = fopen(foreign, "wb");
    REQUIRE(file != NULL && fputs("mine", file) != EOF && fclose(file) == 0);
    for (int i = 0; i < 4; i++) {
        change(&at, names[i]);
        CHECK(step(&at, last_of(&at).at_ms + at.plan.every_ms));
        CHECK_UINT(files(at.first), (uint32_t)(i == 0 ? 1 : 2) + 1);
        CHECK_UINT(files(at.second), (uint32_t)(i == 0 ? 1 : 2));
    }
    CHECK(access(foreign, F_OK) == 0); /* no name that we give */
    tear_down(&at);
}

/* The second place was full, or away, when the backup was made. */
TEST(backup_plan, a_copy_that_failed_is_made_later_though_no_backup_is_due) {
    place at;
    bool made = false;
    set_up(&at);
    REQUIRE(rmdir(at.second) == 0);
    CHECK_STATUS(satchel_backup_plan_step(at.host, &at.plan, now_of(&at), &made, NULL), SATCHEL_IO_ERROR);
    CHECK(!made && last_of(&at).number == 1); /* the first place has it */
    REQUIRE(mkdir(at.second, 0700) == 0);
    int64_t failed_ms = at.plan.next_ms - SATCHEL_BACKUP_RETRY_MS;
    CHECK(!step(&at, failed_ms + SATCHEL_BACKUP_RETRY_MS - 1));
    CHECK_UINT(files(at.second), 0);
    CHECK(!step(&at, failed_ms + SATCHEL_BACKUP_RETRY_MS));
    CHECK_UINT(files(at.second), 1);
    CHECK_UINT(last_of(&at).number, 1);
    tear_down(&at);
}

TEST(backup_plan, without_a_change_the_newest_is_read_once_more) {
    place at;
    set_up(&at);
    CHECK(step(&at, now_of(&at)));
    CHECK(step(&at, now_of(&at) + at.plan.every_ms));
    CHECK_UINT(files(at.first), 1);
    CHECK_UINT(last_of(&at).number, 2);
    tear_down(&at);
}

TEST(backup_plan, a_plan_that_makes_no_sense_is_refused) {
    place at;
    set_up(&at);
    const satchel_backup_plan good = at.plan;
    CHECK_OK(satchel_backup_plan_check(&good, NULL));
    at.plan.keep = SATCHEL_BACKUP_KEEP_MOST;
    CHECK_OK(satchel_backup_plan_check(&at.plan, NULL));
    at.plan.keep++;
    CHECK_STATUS(satchel_backup_plan_check(&at.plan, NULL), SATCHEL_OUT_OF_RANGE);
    at.plan.keep = 0;
    CHECK_STATUS(satchel_backup_plan_check(&at.plan, NULL), SATCHEL_OUT_OF_RANGE);
    at.plan = good;
    at.plan.second = at.plan.folder;
    CHECK_STATUS(satchel_backup_plan_check(&at.plan, NULL), SATCHEL_INVALID_ARGUMENT);
    at.plan = good;
    at.plan.folder = at.key;
    CHECK_STATUS(satchel_backup_plan_check(&at.plan, NULL), SATCHEL_INVALID_ARGUMENT);
    at.plan = good;
    at.plan.key_path = NULL;
    CHECK_STATUS(satchel_backup_plan_check(&at.plan, NULL), SATCHEL_INVALID_ARGUMENT);
    tear_down(&at);
}

TEST(backup_plan, a_time_is_a_number_and_a_unit) {
    static const struct {
        const char *text;
        satchel_status status;
        int64_t ms;
    } times[] = {{"90s", SATCHEL_OK, 90000},           {"15m", SATCHEL_OK, 900000},
                 {"6h", SATCHEL_OK, 21600000},         {"366d", SATCHEL_OK, SATCHEL_BACKUP_EVERY_MOST_MS},
                 {"367d", SATCHEL_OUT_OF_RANGE, 0},    {"0s", SATCHEL_INVALID_ARGUMENT, 0},
                 {"", SATCHEL_INVALID_ARGUMENT, 0},    {"h", SATCHEL_INVALID_ARGUMENT, 0},
                 {"5", SATCHEL_INVALID_ARGUMENT, 0},   {"5hh", SATCHEL_INVALID_ARGUMENT, 0},
                 {"-5h", SATCHEL_INVALID_ARGUMENT, 0}, {"9999999999s", SATCHEL_INVALID_ARGUMENT, 0}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ms = 0;
        CHECK_STATUS(satchel_duration_read(times[i].text, &ms, NULL), times[i].status);
        CHECK(times[i].status != SATCHEL_OK || ms == times[i].ms);
    }
}
