/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loss of power and failing disks at every operation of a scenario: what was acknowledged is there, what was not is
 * there wholly or not at all, and the store always opens.
 *
 * SATCHEL_CRASHES sets how many points of each kind are tried, spread evenly; unset, a sample.
 */
#include "base/memory.h"
#include "base/text.h"
#include "support/random.h"
#include "support/test.h"
#include "support/vault/disk.h"
#include "vault/vault.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MOST 64
#define DIGEST_BYTES 64

static satchel_status secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 9, 32);
    return SATCHEL_OK;
}

static satchel_vault_config config_of(test_disk *disk) {
    satchel_vault_config config;
    satchel_vault_config_init(&config);
    config.folder = "/vault";
    config.parent = test_disk_vfs(disk);
    config.files = test_disk_files(disk);
    config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    config.unlock.keystore.secret = secret;
    config.cache_kib = 64; /* so that larger transactions spill */
    config.checkpoint_frames = 25;
    return config;
}

/* Steps that begin with '!' are not transactions and change no content. */
#define SERIES(count, text)                                                                                            \
    "INSERT INTO t(b) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<" #count                    \
    ") SELECT printf('%0*d " text "', i * 37 % 900 + 1, i) FROM c"
static const char *const script[] = {
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)",
    "INSERT INTO t(b) VALUES('one')",
    "INSERT INTO t(b) VALUES('two')",
    "CREATE INDEX tb ON t(b)",
    SERIES(60, "first"),
    "UPDATE t SET b = b || a WHERE a % 5 = 0",
    "!PRAGMA wal_checkpoint(TRUNCATE)",
    "INSERT INTO t(b) VALUES('three')",
    "DELETE FROM t WHERE a % 3 = 0",
    "!rollback",
    "!PRAGMA incremental_vacuum",
    SERIES(200, "second"),
    "INSERT INTO t(b) VALUES('four')",
    "!reopen",
    "UPDATE t SET b = 'x' || b WHERE a < 40",
    "!PRAGMA wal_checkpoint(FULL)",
    "DELETE FROM t WHERE a > 60",
    "!PRAGMA incremental_vacuum",
    "!PRAGMA wal_checkpoint(FULL)",
    "CREATE VIRTUAL TABLE f USING fts5(b); INSERT INTO f SELECT b FROM t",
    "INSERT INTO t(b) VALUES(hex(zeroblob(30000)))",
    "UPDATE t SET b = hex(zeroblob(9000)) WHERE a = 2",
};
#define STEPS (sizeof script / sizeof script[0])

typedef struct digest {
    char text[DIGEST_BYTES];
} digest;

/* What a clean run leaves after each transaction. */
typedef struct test_story {
    digest after[STEPS_MOST];
    int transactions;
    uint64_t operations;
    uint64_t syncs;
} test_story;

static int run(satchel_vault *vault, const char *sql) {
    return sqlite3_exec(satchel_vault_database(vault), sql, NULL, NULL, NULL);
}

static bool ask(satchel_vault *vault, const char *sql, digest *out) {
    sqlite3_stmt *statement = NULL;
    memset(out, 0, sizeof *out);
    bool found = sqlite3_prepare_v2(satchel_vault_database(vault), sql, -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW;
    const unsigned char *text = found ? sqlite3_column_text(statement, 0) : NULL;
    if (text != NULL) {
        strncpy(out->text, (const char *)text, sizeof out->text - 1);
    }
    (void)sqlite3_finalize(statement);
    return found;
}

/* Rows, ids, lengths and a weighted sum of the text. */
static digest digest_of(satchel_vault *vault) {
    digest made;
    (void)ask(vault,
              "SELECT printf('%d %d %d %d', count(*), sum(a), sum(length(b)), sum(a * unicode(substr(b, -2)))) FROM t",
              &made);
    return made;
}

/* The number of transactions that the store has seen; 0: not even its tables. */
static int transactions_in(satchel_vault *vault) {
    digest number;
    int64_t value = 0;
    if (!ask(vault, "SELECT n FROM meta", &number)) {
        return 0;
    }
    return satchel_text_to_int(satchel_text_of(number.text), &value) == SATCHEL_OK ? (int)value : -1;
}

/* ---- playing the script ---- */

typedef struct play_state {
    bool made;   /* the creation of the vault was acknowledged */
    int acked;   /* transactions acknowledged */
    bool failed; /* the script did not reach its end */
    satchel_vault *vault;
} play_state;

static bool transact(satchel_vault *vault, const char *sql, bool first) {
    static const char tables[] = "CREATE TABLE meta(n INTEGER); INSERT INTO meta VALUES(0)";
    bool done = run(vault, "BEGIN") == SQLITE_OK && (!first || run(vault, tables) == SQLITE_OK) &&
                run(vault, sql) == SQLITE_OK && run(vault, "UPDATE meta SET n = n + 1") == SQLITE_OK &&
                run(vault, "COMMIT") == SQLITE_OK;
    if (!done) {
        (void)run(vault, "ROLLBACK");
    }
    return done;
}

static bool reopen(play_state *progress, const satchel_vault_config *config) {
    satchel_vault_close(progress->vault);
    progress->vault = NULL;
    return satchel_vault_open(&progress->vault, config, NULL) == SATCHEL_OK;
}

/* A step that is no transaction. */
static bool perform(play_state *progress, const satchel_vault_config *config, const char *what) {
    if (strcmp(what, "reopen") == 0) {
        return reopen(progress, config);
    }
    if (strcmp(what, "rollback") == 0) {
        bool begun = run(progress->vault, "BEGIN; UPDATE t SET b = b || hex(zeroblob(700))") == SQLITE_OK;
        return run(progress->vault, "ROLLBACK") == SQLITE_OK && begun;
    }
    return run(progress->vault, what) == SQLITE_OK;
}

static bool play_step(play_state *progress, const satchel_vault_config *config, const char *step) {
    if (step[0] == '!') {
        return perform(progress, config, step + 1);
    }
    bool done = transact(progress->vault, step, progress->acked == 0);
    progress->acked += done ? 1 : 0;
    return done;
}

/*
 * Plays the script; a failed step is tried once more if `tenacious`. After the first step that succeeds at or behind
 * sync `last`, the play is over. The vault stays open.
 */
static play_state play_until(test_disk *disk, bool tenacious, uint64_t last, test_story *record) {
    satchel_vault_config config = config_of(disk);
    play_state progress = {0};
    satchel_status status = satchel_vault_create(&progress.vault, &config, NULL);
    if (status != SATCHEL_OK && tenacious) {
        status = satchel_vault_create(&progress.vault, &config, NULL);
        if (status == SATCHEL_ALREADY_EXISTS) { /* made, and then its opening failed */
            status = satchel_vault_open(&progress.vault, &config, NULL);
        }
    }
    progress.made = status == SATCHEL_OK;
    progress.failed = !progress.made;
    for (size_t step = 0; step < STEPS && !progress.failed && test_disk_syncs(disk) < last; step++) {
        bool done =
            play_step(&progress, &config, script[step]) || (tenacious && play_step(&progress, &config, script[step]));
        progress.failed = !done;
        if (record != NULL && done) {
            record->after[progress.acked] = digest_of(progress.vault);
        }
    }
    return progress;
}

static play_state play(test_disk *disk, bool tenacious, test_story *record) {
    return play_until(disk, tenacious, UINT64_MAX, record);
}

static test_story clean_story(void) {
    test_story story = {0};
    test_disk *disk = test_disk_make();
    play_state progress = play(disk, false, &story);
    REQUIRE(!progress.failed);
    CHECK_UINT(satchel_vault_stats_of(progress.vault).refused_opens, 0);
    satchel_vault_close(progress.vault);
    story.transactions = progress.acked;
    story.operations = test_disk_operations(disk);
    story.syncs = test_disk_syncs(disk);
    test_disk_free(disk);
    return story;
}

/* ---- judging what is left ---- */

static const char *judge_open(satchel_vault *vault, const test_story *story, int acked) {
    digest sound;
    int seen = transactions_in(vault);
    if (seen != acked && seen != acked + 1) {
        return "an acknowledged transaction is lost, or one appeared";
    }
    digest found = seen > 0 ? digest_of(vault) : story->after[0];
    if (seen > story->transactions || memcmp(&found, &story->after[seen], sizeof found) != 0) {
        return "the content is not that of a transaction's end";
    }
    if (!ask(vault, "SELECT group_concat(integrity_check) FROM pragma_integrity_check", &sound) ||
        strcmp(sound.text, "ok") != 0) {
        return "the store is not sound";
    }
    bool works =
        run(vault, "CREATE TABLE IF NOT EXISTS later(x); INSERT INTO later VALUES(zeroblob(20000))") == SQLITE_OK;
    if (!works || satchel_vault_checkpoint(vault, NULL) != SATCHEL_OK) {
        return "the store takes no more work";
    }
    return satchel_vault_stats_of(vault).refused_opens == 0 ? NULL : "an open was refused";
}

/* NULL, or what is wrong with the store on a disk that works. */
static const char *judge(test_disk *disk, const test_story *story, const play_state *progress) {
    satchel_vault_config config = config_of(disk);
    satchel_vault *vault = NULL;
    satchel_error error = {0};
    satchel_status status = satchel_vault_open(&vault, &config, &error);
    if (status == SATCHEL_NOT_FOUND && !progress->made) {
        status = satchel_vault_create(&vault, &config, &error);
        satchel_vault_close(vault);
        return status == SATCHEL_OK ? NULL : "it cannot be made again";
    }
    if (status != SATCHEL_OK) {
        test_note("%s: %s", satchel_status_name(status), error.detail);
        return "the store does not open";
    }
    const char *verdict = judge_open(vault, story, progress->acked);
    satchel_vault_close(vault);
    return verdict;
}

/* How far apart the points are that are tried. */
static uint64_t stride(uint64_t points, uint64_t sample) {
    const char *wanted = getenv("SATCHEL_CRASHES");
    uint64_t count = wanted != NULL ? strtoull(wanted, NULL, 10) : sample;
    return count == 0 || points / count == 0 ? 1 : points / count;
}

/* ---- tests ---- */

TEST(power, a_loss_at_any_operation_leaves_what_was_acknowledged) {
    test_story story = clean_story();
    for (uint64_t point = 1; point <= story.operations; point += stride(story.operations, 24)) {
        test_disk *disk = test_disk_make();
        test_disk_fail_at(disk, point, true, TEST_FAULT_ERROR);
        play_state progress = play(disk, false, NULL);
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++) {
            test_disk *left = test_disk_after_power_loss(disk, (test_survival)survival, point);
            test_note("operation %llu, survival %d", (unsigned long long)point, survival);
            const char *wrong = judge(left, &story, &progress);
            CHECK_TEXT(wrong != NULL ? wrong : "", "");
            test_disk_free(left);
        }
        satchel_vault_close(progress.vault);
        test_disk_free(disk);
    }
}

/* The power goes right after the step in which one sync failed: a sync that failed is no acknowledgement. */
TEST(power, a_loss_after_a_failed_sync_leaves_what_was_acknowledged) {
    test_story story = clean_story();
    for (uint64_t sync = 1; sync <= story.syncs; sync++) {
        test_disk *disk = test_disk_make();
        test_disk_fail_sync(disk, sync);
        play_state progress = play_until(disk, true, sync, NULL);
        test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_NONE, sync);
        test_note("sync %llu of %llu", (unsigned long long)sync, (unsigned long long)story.syncs);
        const char *wrong = judge(left, &story, &progress);
        CHECK_TEXT(wrong != NULL ? wrong : "", "");
        test_disk_free(left);
        satchel_vault_close(progress.vault);
        test_disk_free(disk);
    }
}

/* The power goes again while the store recovers from the first loss. */
static void lose_power_twice(const test_disk *first, const test_story *story, const play_state *progress,
                             uint64_t seed) {
    test_random random = {seed};
    test_survival survival = (test_survival)test_random_below(&random, TEST_SURVIVAL_COUNT);
    test_disk *second = test_disk_after_power_loss(first, survival, seed);
    test_disk_fail_at(second, 1 + test_random_below(&random, 60), true, TEST_FAULT_ERROR);
    satchel_vault_config config = config_of(second);
    satchel_vault *vault = NULL;
    satchel_status status = satchel_vault_open(&vault, &config, NULL);
    if (status == SATCHEL_OK) {
        (void)run(vault, "SELECT count(*) FROM t");
        (void)run(vault, "PRAGMA wal_checkpoint(FULL)");
    }
    survival = (test_survival)test_random_below(&random, TEST_SURVIVAL_COUNT);
    test_disk *third = test_disk_after_power_loss(second, survival, seed + 1);
    const char *wrong = judge(third, story, progress);
    CHECK_TEXT(wrong != NULL ? wrong : "", "");
    satchel_vault_close(vault);
    test_disk_free(second);
    test_disk_free(third);
}

TEST(power, a_second_loss_during_recovery_does_no_more_harm) {
    test_story story = clean_story();
    for (uint64_t point = 1; point <= story.operations; point += stride(story.operations, 14)) {
        test_disk *disk = test_disk_make();
        test_disk_fail_at(disk, point, true, TEST_FAULT_ERROR);
        play_state progress = play(disk, false, NULL);
        for (uint64_t again = 0; again < 3; again++) {
            test_note("operation %llu, again %llu", (unsigned long long)point, (unsigned long long)again);
            lose_power_twice(disk, &story, &progress, point * 10 + again);
        }
        satchel_vault_close(progress.vault);
        test_disk_free(disk);
    }
}

TEST(power, the_judge_sees_a_disk_that_lies_about_syncs) {
    test_story story = clean_story();
    test_disk *disk = test_disk_make();
    play_state progress = play(disk, false, NULL);
    satchel_vault_close(progress.vault);
    test_disk_free(disk);
    disk = test_disk_make();
    test_disk_lie_about_syncs(disk);
    progress = play(disk, false, NULL);
    test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_NONE, 1);
    CHECK(judge(left, &story, &progress) != NULL);
    satchel_vault_close(progress.vault);
    test_disk_free(left);
    test_disk_free(disk);
}

/*
 * SQLite 3.40 writes no checksums when a savepoint is undone whose frames had been spilled and written over: it means
 * to begin behind the frames that are left. What is committed then, and all behind it, was lost with the process.
 */
static void undo_after_spill(const char *more, int64_t rows) {
    test_disk *disk = test_disk_make();
    satchel_vault_config config = config_of(disk);
    satchel_vault *vault = NULL;
    digest found;
    char expected[DIGEST_BYTES];
    config.checkpoint_frames = 1000;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    REQUIRE_INT(run(vault, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT); CREATE INDEX tb ON t(b)"), SQLITE_OK);
    REQUIRE_INT(run(vault, "BEGIN; INSERT INTO t(b) VALUES('kept'); SAVEPOINT s; " SERIES(150, "lost")), SQLITE_OK);
    REQUIRE_INT(run(vault, "ROLLBACK TO s; RELEASE s"), SQLITE_OK);
    REQUIRE_INT(run(vault, more), SQLITE_OK);
    REQUIRE_INT(run(vault, "INSERT INTO t(b) VALUES('later')"), SQLITE_OK);
    test_disk *left = test_disk_after_power_loss(disk, TEST_SURVIVES_NONE, 1);
    satchel_vault_close(vault);
    config = config_of(left);
    REQUIRE_OK(satchel_vault_open(&vault, &config, NULL));
    (void)snprintf(expected, sizeof expected, "%d ok", (int)rows);
    CHECK(ask(vault, "SELECT count(*) || ' ' || (SELECT * FROM pragma_integrity_check) FROM t", &found));
    CHECK_TEXT(found.text, expected);
    satchel_vault_close(vault);
    test_disk_free(left);
    test_disk_free(disk);
}

TEST(power, regress_commits_outlive_a_savepoint_that_was_undone_after_a_spill) {
    undo_after_spill("COMMIT", 2);
    undo_after_spill(SERIES(20, "few") "; COMMIT", 22);
    undo_after_spill(SERIES(300, "many") "; COMMIT", 302);
    undo_after_spill(SERIES(300, "many") "; UPDATE t SET b = b || 'x'; COMMIT", 302);
    undo_after_spill("SAVEPOINT s; " SERIES(300, "many") "; ROLLBACK TO s; " SERIES(9, "few") "; COMMIT", 11);
}

/* The disk fails at one operation, once or from then on, and works again after the vault was closed. */
static void fail_and_judge(const test_story *story, uint64_t point, bool forever, test_fault fault) {
    test_disk *disk = test_disk_make();
    test_disk_fail_at(disk, point, forever, fault);
    play_state progress = play(disk, !forever, NULL);
    satchel_vault_close(progress.vault);
    test_disk_fail_at(disk, 0, false, TEST_FAULT_ERROR);
    test_note("operation %llu, forever %d, fault %d", (unsigned long long)point, forever, (int)fault);
    const char *wrong = judge(disk, story, &progress);
    CHECK_TEXT(wrong != NULL ? wrong : "", "");
    if (!forever) {
        CHECK(!progress.failed); /* one failure, one more try: the script reaches its end */
    }
    test_disk_free(disk);
}

TEST(power, a_disk_that_fails_once_or_for_good_loses_nothing) {
    test_story story = clean_story();
    for (uint64_t point = 1; point <= story.operations; point += stride(story.operations, 24)) {
        for (int kind = 0; kind < 2 * TEST_FAULT_COUNT; kind++) {
            fail_and_judge(&story, point, kind % 2 == 1, (test_fault)(kind / 2));
        }
    }
}

/* ---- changing slots ---- */

static satchel_status other_secret(void *context, uint8_t out[32]) {
    (void)context;
    memset(out, 10, 32);
    return SATCHEL_OK;
}

static satchel_status try_secret(test_disk *disk, satchel_status (*with)(void *, uint8_t *)) {
    satchel_vault_config config = config_of(disk);
    satchel_vault *vault = NULL;
    config.unlock.keystore.secret = with;
    satchel_status status = satchel_vault_open(&vault, &config, NULL);
    satchel_vault_close(vault);
    return status;
}

/* Changes the slot while everything fails from operation `point` of the change on; what that gave, and the disk. */
static test_disk *change_slot(uint64_t point, satchel_status *out_status, bool *out_reached) {
    test_disk *disk = test_disk_make();
    satchel_vault_config config = config_of(disk);
    satchel_vault *vault = NULL;
    REQUIRE_OK(satchel_vault_create(&vault, &config, NULL));
    satchel_vault_unlock next = config.unlock;
    next.keystore.secret = other_secret;
    uint64_t before = test_disk_operations(disk);
    test_disk_fail_at(disk, before + point, true, TEST_FAULT_ERROR);
    *out_status = satchel_vault_rewrap(vault, &next, NULL);
    *out_reached = test_disk_operations(disk) >= before + point;
    satchel_vault_close(vault);
    return disk;
}

TEST(power, a_loss_while_slots_change_leaves_the_old_or_the_new_one) {
    bool reached = true;
    for (uint64_t point = 1; reached; point++) {
        for (int survival = 0; survival < TEST_SURVIVAL_COUNT; survival++) {
            satchel_status changed = SATCHEL_OK;
            test_disk *disk = change_slot(point, &changed, &reached);
            test_disk *left = test_disk_after_power_loss(disk, (test_survival)survival, point);
            satchel_status with_new = try_secret(left, other_secret);
            satchel_status with_old = try_secret(left, secret);
            test_note("operation %llu, survival %d", (unsigned long long)point, survival);
            CHECK((with_new == SATCHEL_OK) != (with_old == SATCHEL_OK));
            CHECK(changed != SATCHEL_OK || with_new == SATCHEL_OK);
            test_disk_free(left);
            test_disk_free(disk);
        }
        REQUIRE(point < 40);
    }
}

/* The second copy of the key file may be missing after a success: it is written again at the next unlock. */
TEST(power, memory_that_runs_out_is_an_error_and_no_more) {
    bool reached = true;
    for (unsigned long number = 1; reached; number++) {
        test_disk *disk = test_disk_make();
        satchel_vault_config config = config_of(disk);
        satchel_vault *vault = NULL;
        satchel_memory_fail_at(number, 0);
        satchel_status status = satchel_vault_create(&vault, &config, NULL);
        reached = satchel_memory_count() >= number;
        satchel_memory_fail_at(0, 0);
        test_note("allocation %lu", number);
        CHECK(status == SATCHEL_OK || (reached && status == SATCHEL_NO_MEMORY));
        CHECK((vault != NULL) == (status == SATCHEL_OK));
        satchel_vault_close(vault);
        status = satchel_vault_create(&vault, &config, NULL);
        if (status == SATCHEL_ALREADY_EXISTS) {
            status = satchel_vault_open(&vault, &config, NULL);
        }
        CHECK_OK(status);
        satchel_vault_close(vault);
        test_disk_free(disk);
        REQUIRE(number < 200);
    }
}
