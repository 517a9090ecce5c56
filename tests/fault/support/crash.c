/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays stories, loses the power, and judges what is left.
 *
 * The losses happen inside the running vault's calls: the watch of its disk makes the disks that are left, and other
 * vaults open those while the first one waits. Commits are counted by SQLite's hook for the WAL, which comes after the
 * commit was synced; as it takes the place of the automatic checkpoint, it does that too.
 */
#include "fault/support/crash.h"

#include "support/test.h"

#include <inttypes.h>
#include <malloc.h>
#include <sqlite3.h>

#include <stdlib.h>
#include <string.h>

#define MOMENTS_NORMALLY 24u
#define SEEDS_NORMALLY 8u
#define SECOND_NORMALLY 40u
#define MOMENTS_OF_RECOVERY 6u
#define SEEDS_OF_RECOVERY 2u
#define MARKS_MOST 64u
#define CACHE_KIB 64u
#define CHECKPOINT_FRAMES 25u
#define FAR_MS (INT64_C(100) * 24 * 3600 * 1000) /* longer than any delay after wrong PINs */

/* What the losses of one play need. */
typedef struct crash_work {
    uint64_t version; /* of the moment before */
    uint64_t moment;
    uint64_t moments; /* in all, learnt by the first play */
    bool lying;
    uint64_t found;           /* wrong disks, where that is what is looked for */
    uint64_t taken;           /* moments at which power was lost */
    const test_disk *outside; /* recovery: the disk that lost its power first, and how */
    test_survival survival;
    uint64_t loss_seed;
} crash_work;

typedef struct crash_verdict {
    const char *wrong; /* NULL: nothing */
    fault_counter kind;
    satchel_error error;
    bool absent; /* there is no vault, and none was acknowledged */
    bool with_next;
    bool ended; /* it cannot be opened, and may be so */
    uint64_t digest;
} crash_verdict;

/* --- what a store holds --- */

static void mix(uint64_t *hash, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint64_t word = 0;
    for (; count > 0; count -= count < 8 ? count : 8, at += 8) {
        word = 0;
        memcpy(&word, at, count < 8 ? count : 8);
        *hash = (*hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        *hash ^= *hash >> 29;
    }
}

static void mix_number(uint64_t *hash, int64_t number) {
    mix(hash, &number, sizeof number);
}

static void mix_column(uint64_t *hash, sqlite3_stmt *statement, int column) {
    int type = sqlite3_column_type(statement, column);
    mix_number(hash, type);
    if (type == SQLITE_INTEGER) {
        mix_number(hash, sqlite3_column_int64(statement, column));
    } else if (type == SQLITE_FLOAT) {
        double real = sqlite3_column_double(statement, column);
        mix(hash, &real, sizeof real);
    } else if (type != SQLITE_NULL) {
        const void *bytes = sqlite3_column_blob(statement, column);
        int count = sqlite3_column_bytes(statement, column);
        mix_number(hash, count);
        mix(hash, bytes, (size_t)count);
    }
}

static bool mix_rows(sqlite3 *database, const char *sql, uint64_t *hash) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        mix_number(hash, code);
        for (int column = 0; code == SQLITE_ROW && column < sqlite3_column_count(statement); column++) {
            mix_column(hash, statement, column);
        }
    }
    (void)sqlite3_finalize(statement);
    return code == SQLITE_DONE;
}

bool crash_digest(sqlite3 *database, uint64_t *out) {
    static const char tables[] =
        "SELECT 'SELECT * FROM \"' || name || '\"' FROM sqlite_schema WHERE type = 'table' AND "
        "sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
    sqlite3_stmt *statement = NULL;
    *out = 1;
    bool good = mix_rows(database, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name", out) &&
                sqlite3_prepare_v2(database, tables, -1, &statement, NULL) == SQLITE_OK;
    int code = SQLITE_ROW;
    while (good && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        good = mix_rows(database, (const char *)sqlite3_column_text(statement, 0), out);
    }
    (void)sqlite3_finalize(statement);
    return good && code == SQLITE_DONE;
}

static void keep_state(crash_states *states, uint64_t digest) {
    if (states->count == states->room) {
        states->room = states->room * 2 + 16;
        states->digests = realloc(states->digests, states->room * sizeof *states->digests);
        REQUIRE(states->digests != NULL);
    }
    states->digests[states->count++] = digest;
}

/* The vault reached state `number` of the play; the second play must follow the first. */
static void reach_state(crash_play *play, size_t number) {
    uint64_t digest = 0;
    REQUIRE(crash_digest(satchel_vault_database(play->vault), &digest));
    if (play->recording && number == play->states.count) {
        keep_state(&play->states, digest);
    }
    REQUIRE(number < play->states.count);
    if (play->states.digests[number] != digest) {
        fault_wrong(FAULT_FAILURES, "%s: the second play left the first at commit %zu", play->story->name, number);
    }
    play->acked = number;
}

static int on_commit(void *context, sqlite3 *database, const char *name, int frames) {
    crash_play *play = context;
    reach_state(play, play->acked + 1);
    if (frames >= (int)play->config.checkpoint_frames) {
        (void)sqlite3_wal_checkpoint_v2(database, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    }
    return SQLITE_OK;
}

/* --- verbs of stories --- */

static satchel_status device_secret(void *context, uint8_t out[32]) {
    memset(out, context != NULL ? 10 : 9, 32);
    return SATCHEL_OK;
}

satchel_vault_keystore crash_keystore(bool second) {
    static char mark;
    return (satchel_vault_keystore){device_secret, second ? &mark : NULL};
}

/* For a vault beside the one that plays: it must not draw from the play's randomness. */
static satchel_vault_config config_on(const crash_play *play, test_disk *disk) {
    satchel_vault_config config = play->config;
    config.random = satchel_random_system();
    config.unlock.now.monotonic_ms += FAR_MS;
    config.parent = test_disk_vfs(disk);
    config.files = test_disk_files(disk);
    return config;
}

void crash_follow(crash_play *play) {
    (void)sqlite3_wal_hook(satchel_vault_database(play->vault), on_commit, play);
}

static void must(crash_play *play, satchel_status status, const satchel_error *error, const char *what) {
    if (status != SATCHEL_OK) {
        test_note("%s, seed %" PRIu64 ", %s: %s, %s", play->story->name, play->seed, what, satchel_status_name(status),
                  error->detail);
    }
    REQUIRE_OK(status);
}

void crash_create(crash_play *play) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    must(play, satchel_vault_create(&play->vault, &play->config, &error), &error, "create");
    play->made = true;
    crash_follow(play);
    reach_state(play, 0);
}

void crash_open(crash_play *play) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    must(play, satchel_vault_open(&play->vault, &play->config, &error), &error, "open");
    crash_follow(play);
}

void crash_close(crash_play *play) {
    if (play->vault != NULL) {
        fault_count(FAULT_REFUSED_OPENS, satchel_vault_stats_of(play->vault).refused_opens);
    }
    satchel_vault_close(play->vault);
    play->vault = NULL;
}

int crash_try_sql(crash_play *play, const char *sql) {
    return sqlite3_exec(satchel_vault_database(play->vault), sql, NULL, NULL, NULL);
}

void crash_sql(crash_play *play, const char *sql) {
    int code = crash_try_sql(play, sql);
    if (code != SQLITE_OK) {
        test_note("%s: %.120s: %s", play->story->name, sql, sqlite3_errmsg(satchel_vault_database(play->vault)));
    }
    REQUIRE_INT(code, SQLITE_OK);
}

void crash_change_key(crash_play *play, crash_change *change, const satchel_vault_unlock *next, bool alone) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    play->has_old = false;
    play->next = *next;
    play->next_alone = alone;
    play->has_next = true;
    must(play, change(play->vault, next, &error), &error, "change the way in");
    play->old = play->config.unlock;
    play->config.unlock = *next;
    play->has_next = false;
    play->has_old = alone;
    crash_follow(play);
}

static void run_verb(crash_play *play, const char *verb) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    if (strcmp(verb, "reopen") == 0) {
        crash_close(play);
        crash_open(play);
    } else if (strcmp(verb, "lock") == 0) {
        must(play, satchel_vault_lock(play->vault, &error), &error, verb);
        must(play, satchel_vault_unlock_again(play->vault, &play->config.unlock, &error), &error, "unlock");
        crash_follow(play);
    } else if (strcmp(verb, "suspend") == 0) {
        must(play, satchel_vault_suspend(play->vault, &error), &error, verb);
        must(play, satchel_vault_resume(play->vault, &error), &error, "resume");
        crash_follow(play);
    } else {
        REQUIRE_TEXT(verb, "checkpoint");
        must(play, satchel_vault_checkpoint(play->vault, &error), &error, verb);
    }
}

void crash_script(crash_play *play, const char *const *lines) {
    for (; *lines != NULL; lines++) {
        if ((*lines)[0] == '!') {
            run_verb(play, *lines + 1);
        } else {
            crash_sql(play, *lines);
        }
    }
}

/* --- judging what is left --- */

static bool is_sound(sqlite3 *database) {
    sqlite3_stmt *statement = NULL;
    bool sound = sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &statement, NULL) == SQLITE_OK &&
                 sqlite3_step(statement) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;
    (void)sqlite3_finalize(statement);
    return sound;
}

static const char later[] =
    "CREATE TABLE IF NOT EXISTS later(x); INSERT INTO later VALUES(zeroblob(9000)),(zeroblob(20)),(3)";

static bool state_fits(const crash_play *play, uint64_t digest) {
    const crash_states *states = &play->states;
    return digest == states->digests[play->acked] ||
           (play->acked + 1 < states->count && digest == states->digests[play->acked + 1]);
}

/* What is wrong with an open vault, and its state. */
static void judge_open(const crash_play *play, satchel_vault *vault, bool with_work, crash_verdict *out) {
    sqlite3 *database = satchel_vault_database(vault);
    out->kind = FAULT_SILENT;
    if (!crash_digest(database, &out->digest)) {
        out->kind = FAULT_UNOPENABLE;
        out->wrong = "some row cannot be read";
    } else if (!state_fits(play, out->digest)) {
        out->wrong = "the content is that of no commit which may be the last";
    } else if (!is_sound(database)) {
        out->wrong = "the store is not sound";
    } else if (play->story->look != NULL) {
        out->wrong = play->story->look(play, vault);
    }
    if (out->wrong == NULL && with_work) {
        bool works = sqlite3_exec(database, later, NULL, NULL, NULL) == SQLITE_OK &&
                     satchel_vault_checkpoint(vault, &out->error) == SATCHEL_OK;
        out->kind = FAULT_UNOPENABLE;
        out->wrong = works ? NULL : "the store takes no more work";
    }
}

static satchel_status open_left(const crash_play *play, test_disk *left, satchel_vault **out, crash_verdict *verdict) {
    satchel_vault_config config = config_on(play, left);
    satchel_status status = satchel_vault_open(out, &config, &verdict->error);
    if (status != SATCHEL_OK && status != SATCHEL_NOT_FOUND && play->has_next) {
        config.unlock = play->next;
        config.unlock.now.monotonic_ms += 2 * FAR_MS;
        verdict->with_next = true;
        status = satchel_vault_open(out, &config, &verdict->error);
    }
    return status;
}

static void close_left(satchel_vault *vault) {
    if (vault != NULL) {
        fault_count(FAULT_REFUSED_OPENS, satchel_vault_stats_of(vault).refused_opens);
    }
    satchel_vault_close(vault);
}

static bool opens_with(const crash_play *play, test_disk *left, const satchel_vault_unlock *unlock) {
    satchel_vault_config config = config_on(play, left);
    satchel_vault *vault = NULL;
    config.unlock = *unlock;
    config.unlock.now.monotonic_ms += 4 * FAR_MS;
    bool opened = satchel_vault_open(&vault, &config, NULL) == SATCHEL_OK;
    close_left(vault);
    return opened;
}

/* Ways in that must be closed. */
static void judge_ways(const crash_play *play, test_disk *left, crash_verdict *out) {
    const satchel_vault_unlock *other = out->with_next ? &play->config.unlock : &play->next;
    out->kind = FAULT_SILENT;
    if (play->has_old && opens_with(play, left, &play->old)) {
        out->wrong = "what was replaced still opens the store";
    } else if (play->has_next && play->next_alone && opens_with(play, left, other)) {
        out->wrong = "both ways in open the store";
    }
}

/* Nothing is there, or nothing that could be opened: what a creation that was cut off, or a destruction, may leave. */
static bool judge_end(const crash_play *play, test_disk *left, satchel_status status, crash_verdict *out) {
    if (status == SATCHEL_NOT_FOUND && !play->made) {
        satchel_vault_config config = config_on(play, left);
        satchel_vault *vault = NULL;
        out->absent = true;
        status = satchel_vault_create(&vault, &config, &out->error);
        out->wrong = status == SATCHEL_OK ? NULL : "the vault cannot be made again";
        close_left(vault);
        return true;
    }
    bool gone =
        status == SATCHEL_NOT_FOUND || status == SATCHEL_KEY_GONE || (!play->ended && status == SATCHEL_DAMAGED);
    if ((play->ending || play->ended) && gone) {
        satchel_vault_config config = config_on(play, left);
        satchel_vault *vault = NULL;
        out->ended = true;
        if (satchel_vault_erase(&config, &out->error) != SATCHEL_OK ||
            satchel_vault_open(&vault, &config, &out->error) != SATCHEL_NOT_FOUND) {
            out->wrong = "the destruction cannot be finished";
        }
        close_left(vault);
        return true;
    }
    if (play->ended) {
        out->kind = FAULT_SILENT;
        out->wrong = "what was destroyed can be opened, or fails in another way";
        return true;
    }
    return false;
}

static crash_verdict judge(const crash_play *play, test_disk *left, bool with_work) {
    crash_verdict verdict = {.kind = FAULT_UNOPENABLE};
    const satchel_vault_config config = config_on(play, left);
    satchel_vault *vault = NULL;
    if (play->story->inspect != NULL) {
        verdict.wrong = play->story->inspect(play, &config);
        if (verdict.wrong != NULL) {
            return verdict;
        }
    }
    satchel_status status = open_left(play, left, &vault, &verdict);
    if (judge_end(play, left, status, &verdict)) {
        close_left(vault);
        return verdict;
    }
    if (status != SATCHEL_OK) {
        verdict.wrong = "the store does not open";
        return verdict;
    }
    judge_open(play, vault, with_work, &verdict);
    close_left(vault);
    if (verdict.wrong == NULL) {
        judge_ways(play, left, &verdict);
    }
    return verdict;
}

/* --- losing power --- */

static void play_story(crash_play *play);

static const char *survival_name(test_survival survival) {
    static const char *const names[] = {"none", "all", "some", "torn"};
    return names[survival];
}

static void tell_recovery(crash_play *play) {
    if (play->made) {
        crash_open(play);
        reach_state(play, 0);
    } else {
        crash_create(play);
    }
    crash_sql(play, later);
    crash_sql(play, "UPDATE later SET x = zeroblob(30000) WHERE typeof(x) = 'integer'");
    run_verb(play, "checkpoint");
    crash_sql(play, "DELETE FROM later WHERE typeof(x) = 'blob'");
}

/* The recovery from a loss that was judged before is a story in which power is lost again. */
static void lose_power_again(const crash_play *outer, test_survival survival, uint64_t loss_seed,
                             const crash_verdict *verdict) {
    const crash_story story = {.name = outer->story->name,
                               .tell = tell_recovery,
                               .look = outer->story->look,
                               .cache_kib = outer->story->cache_kib};
    crash_work work = {.outside = outer->disk, .survival = survival, .loss_seed = loss_seed};
    crash_play play = *outer;
    play.story = &story;
    play.vault = NULL;
    play.depth = 1;
    play.made = !verdict->absent;
    play.config.unlock = verdict->with_next ? outer->next : outer->config.unlock;
    play.has_next = false;
    play.has_old = false;
    play.ending = false;
    play.states = (crash_states){NULL, 0, 0};
    if (play.made) {
        keep_state(&play.states, verdict->digest);
    }
    play.work = &work;
    play_story(&play);
    free(play.states.digests);
}

static void report(const crash_play *play, const crash_verdict *verdict, test_survival survival, uint64_t loss_seed) {
    if (play->work->lying) {
        play->work->found++;
        return;
    }
    fault_wrong(verdict->kind, "%s, round %" PRIu64 ", %s %" PRIu64 " of %" PRIu64 ", %s (%" PRIu64 "): %s: %s",
                play->story->name, play->seed, play->depth == 0 ? "moment" : "moment of recovery", play->work->moment,
                play->work->moments, survival_name(survival), loss_seed, verdict->wrong, verdict->error.detail);
}

/* One loss, unless this moment had an equal one. Gives whether it was judged. */
static bool lose_power_once(crash_play *play, test_survival survival, uint64_t loss_seed, uint64_t *marks,
                            size_t *mark_count, crash_verdict *out) {
    test_disk *left = test_disk_after_power_loss(play->disk, survival, loss_seed);
    uint64_t mark = test_disk_mark(left);
    bool known = false;
    for (size_t index = 0; index < *mark_count && !known; index++) {
        known = marks[index] == mark;
    }
    if (!known && *mark_count < MARKS_MOST) {
        marks[(*mark_count)++] = mark;
        *out = judge(play, left, !fault_full() || (loss_seed + *mark_count) % 4 == 0);
        fault_count(FAULT_CRASH_POINTS, 1);
        fault_count(FAULT_CRASHES_IN_RECOVERY, play->depth);
        if (out->wrong != NULL) {
            report(play, out, survival, loss_seed);
        }
        known = true;
    } else {
        known = false;
    }
    test_disk_free(left);
    return known;
}

static unsigned seeds_of(const crash_play *play, test_survival survival) {
    if (survival == TEST_SURVIVES_NONE || survival == TEST_SURVIVES_ALL || !fault_full()) {
        return 1;
    }
    if (play->depth > 0 || play->story->slow) {
        return SEEDS_OF_RECOVERY;
    }
    return play->story->seeds != 0 ? play->story->seeds : SEEDS_NORMALLY;
}

/*
 * Whether the recovery from a loss is looked at: one of so many, some dozens of a long story; in a run that is not full
 * those of one moment.
 */
static bool goes_deeper(const crash_play *play, uint64_t loss_seed) {
    uint64_t second = play->story->second != 0 ? play->story->second : SECOND_NORMALLY;
    if (play->depth > 0 || play->story->slow || play->work->lying) {
        return false;
    }
    second = second < play->work->moments / 2 ? play->work->moments / 2 : second;
    return fault_full() ? loss_seed % second == 0 : play->work->taken == 1 + play->seed % 7;
}

static void lose_power(crash_play *play) {
    crash_work *work = play->work;
    uint64_t marks[MARKS_MOST];
    size_t mark_count = 0;
    work->taken++;
    for (int kind = 0; kind < TEST_SURVIVAL_COUNT; kind++) {
        test_survival survival = (test_survival)kind;
        unsigned seeds = seeds_of(play, survival);
        for (unsigned number = 0; number < seeds; number++) {
            crash_verdict verdict;
            uint64_t loss_seed = (play->seed * 1000003 + work->moment) * 16 + number + (uint64_t)kind * 4;
            if (lose_power_once(play, survival, loss_seed, marks, &mark_count, &verdict) && verdict.wrong == NULL &&
                !verdict.ended && goes_deeper(play, loss_seed)) {
                lose_power_again(play, survival, loss_seed, &verdict);
            }
        }
    }
}

/* Comes before every operation of the disk. */
static void watch(void *context) {
    crash_play *play = context;
    crash_work *work = play->work;
    const uint64_t facts[] = {
        test_disk_changes(play->disk), play->acked, play->made, play->has_next, play->wrong_pins, play->has_old};
    uint64_t version = 1;
    mix(&version, facts, sizeof facts);
    if (version == work->version) {
        return;
    }
    work->version = version;
    work->moment++;
    unsigned sample = play->story->moments != 0 ? play->story->moments : MOMENTS_NORMALLY;
    sample = play->depth > 0 ? MOMENTS_OF_RECOVERY : sample;
    if (!play->recording && fault_takes(work->moment, work->moments, sample)) {
        lose_power(play);
    }
}

/* --- playing --- */

static test_disk *first_disk(const crash_work *work) {
    return work->outside != NULL ? test_disk_after_power_loss(work->outside, work->survival, work->loss_seed)
                                 : test_disk_make();
}

static void play_once(crash_play *play, bool recording) {
    const crash_story *story = play->story;
    crash_play begin = *play;
    play->recording = recording;
    play->random = (test_random){play->seed};
    play->disk = first_disk(play->work);
    play->config = config_on(play, play->disk);
    play->config.random = satchel_random_from_seed(&play->seeded, play->seed * 2 + play->depth);
    play->acked = 0;
    play->work->moment = 0;
    play->work->version = 0;
    if (story->begins_open) {
        crash_create(play);
    }
    if (play->work->lying) {
        test_disk_lie_about_syncs(play->disk);
    }
    test_disk_watch(play->disk, watch, play);
    story->tell(play);
    crash_close(play);
    watch(play);
    test_disk_watch(play->disk, NULL, NULL);
    test_disk_free(play->disk);
    crash_states states = play->states;
    *play = begin;
    play->states = states;
}

static void play_story(crash_play *play) {
    play_once(play, true);
    play->work->moments = play->work->moment;
    play_once(play, false);
}

static crash_play new_play(const crash_story *story, uint64_t seed, crash_work *work) {
    crash_play play = {.story = story, .seed = seed, .work = work};
    satchel_vault_config_init(&play.config);
    play.config.folder = "/vault";
    play.config.unlock.slot = SATCHEL_VAULT_SLOT_DEVICE;
    play.config.unlock.keystore = crash_keystore(false);
    play.config.unlock.now = (satchel_moment){.boot = 1, .monotonic_ms = FAR_MS};
    play.config.pin_passes = SATCHEL_VAULT_PASSES_FLOOR;
    play.config.pin_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    play.config.cache_kib = story->cache_kib != 0 ? story->cache_kib : CACHE_KIB;
    play.config.checkpoint_frames = story->checkpoint_frames != 0 ? story->checkpoint_frames : CHECKPOINT_FRAMES;
    return play;
}

/* Whole disks come and go a thousand times a second: their memory must not go back to the system each time. */
static void keep_memory(void) {
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 28);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 28);
#endif
}

void crash_run(const crash_story *story, uint64_t seed) {
    keep_memory();
    crash_work work = {.lying = false};
    crash_play play = new_play(story, seed, &work);
    play_story(&play);
    free(play.states.digests);
}

void crash_run_rounds(const crash_story *story, uint64_t rounds) {
    for (uint64_t round = 0; round < (fault_full() ? rounds : 1); round++) {
        crash_story varied = *story;
        varied.cache_kib = (story->cache_kib != 0 ? story->cache_kib : CACHE_KIB) + (uint32_t)round * 24;
        varied.checkpoint_frames =
            (story->checkpoint_frames != 0 ? story->checkpoint_frames : CHECKPOINT_FRAMES) + (uint32_t)round * 6;
        crash_run(&varied, fault_seed() * 1000 + round);
    }
}

void crash_run_lying(const crash_story *story, uint64_t seed) {
    crash_work work = {.lying = true};
    crash_play play = new_play(story, seed, &work);
    play_story(&play);
    free(play.states.digests);
    if (work.found == 0) {
        fault_wrong(FAULT_FAILURES, "%s: nobody noticed that syncs did nothing", story->name);
    }
}
