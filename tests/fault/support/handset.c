/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phone, its images, and the judge.
 */
#include "fault/support/handset.h"

#include "base/ids.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "fault/support/handset_scenes.h"
#include "fault/support/medium.h"
#include "support/test.h"

#include <satchel/model.h>
#include <satchel/query.h>
#include <satchel/read.h>

#include <stdio.h>
#include <string.h>

#define NOW_MS INT64_C(1700000000000)
#define DIGEST_ROWS_MOST 500

static struct {
    test_temp temp;
    char folder[TEST_PATH_BYTES];
    test_disk *images[HANDSET_IMAGE_COUNT];
    uint64_t points; /* devices set up: no two draw the same nonces */
    uint64_t judged;
} ground;

/* --- the platform --- */

static satchel_status keystore_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    (void)context;
    memset(out, 0x5a, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

static void phone_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                      uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    (void)context;
    *wall_ms = NOW_MS;
    *monotonic_ms = 1000;
    memset(boot_tag, 1, SATCHEL_BOOT_TAG_BYTES);
}

/* Nonces must differ, so it never begins anew; what the digests see does not depend on it. */
static satchel_status phone_random(void *context, uint8_t *out, size_t bytes) {
    handset *phone = context;
    for (size_t i = 0; i < bytes; i++) {
        phone->randoms = phone->randoms * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)(phone->randoms >> 33);
    }
    return SATCHEL_OK;
}

static void set_up(handset *phone, test_disk *disk) {
    memset(phone, 0, sizeof *phone);
    phone->disk = disk;
    phone->randoms = ++ground.points;
    phone->config = (satchel_device_config)SATCHEL_DEVICE_CONFIG_INIT;
    phone->config.folder = ground.folder;
    phone->config.keys = (satchel_key_provider){.context = phone, .secret = keystore_secret};
    phone->config.platform = (satchel_platform){phone, phone_now, phone_random};
    phone->config.argon2_memory_kib = SATCHEL_VAULT_MEMORY_KIB_FLOOR;
    phone->config.argon2_passes = SATCHEL_VAULT_PASSES_FLOOR;
    medium_put_over(test_disk_vfs(disk), test_disk_files(disk));
}

/* A copy of a disk as it is now. */
static test_disk *copy_of(const test_disk *disk) {
    return test_disk_after_power_loss(disk, TEST_SURVIVES_ALL, 1);
}

static void close_device(handset *phone) {
    satchel_write_abandon(phone->write);
    phone->write = NULL;
    phone->filled = false;
    satchel_device_close(phone->device);
    phone->device = NULL;
}

static void tear_down(handset *phone) {
    close_device(phone);
    medium_put_over(NULL, NULL);
    test_disk_free(phone->disk);
}

satchel_status handset_open(handset *phone) {
    phone->config.pin = phone->pin;
    satchel_status status = satchel_device_open(&phone->device, &phone->config, &phone->error);
    if (status == SATCHEL_UNSUPPORTED) { /* the other state of a PIN change that failed */
        const char *other = phone->pin == NULL ? HANDSET_PIN : NULL;
        phone->config.pin = other;
        status = satchel_device_open(&phone->device, &phone->config, &phone->error);
        phone->pin = status == SATCHEL_OK ? other : phone->pin;
    }
    return status;
}

/* Whatever state the handle is in: open and unlocked afterwards. */
static satchel_status make_ready(handset *phone) {
    if (phone->device == NULL) {
        return handset_open(phone);
    }
    if (phone->device->state == SATCHEL_DEVICE_SUSPENDED) {
        return satchel_device_resume(phone->device, &phone->error);
    }
    if (phone->device->state == SATCHEL_DEVICE_LOCKED) {
        return satchel_device_unlock(phone->device, phone->pin, &phone->error);
    }
    return SATCHEL_OK;
}

/* --- what is to be seen --- */

uint64_t handset_hash(uint64_t hash, const void *data, size_t bytes) {
    const uint8_t *from = data;
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ from[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

uint64_t handset_hash_page(uint64_t hash, const satchel_page *page) {
    for (uint32_t i = 0; i < satchel_page_count(page); i++) {
        satchel_row_view row;
        if (satchel_page_row(page, i, &row) == SATCHEL_OK) {
            hash = handset_hash(hash, row.id.bytes, SATCHEL_ID_BYTES);
            hash = handset_hash(hash, row.record.data, row.record.bytes);
            hash = handset_hash(hash, &row.flags, sizeof row.flags);
            hash = handset_hash(hash, &row.base_n, sizeof row.base_n);
        }
    }
    return hash;
}

static satchel_status hash_entity(handset *phone, uint32_t entity, const char *words, uint64_t *hash) {
    satchel_query *query = NULL;
    satchel_page *page = NULL;
    satchel_status status = satchel_query_open(&query, entity);
    if (status == SATCHEL_OK && words != NULL) {
        status = satchel_query_search(query, satchel_text_of(words));
    } else if (status == SATCHEL_OK) {
        satchel_query_include_deleted(query);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_page_open(&page, phone->device, query, (satchel_bytes){NULL, 0}, DIGEST_ROWS_MOST, &phone->error);
    }
    if (status == SATCHEL_OK) {
        *hash = handset_hash_page(*hash, page);
    }
    satchel_page_close(page);
    satchel_query_close(query);
    return status;
}

static satchel_status hash_units(handset *phone, uint64_t *hash) {
    satchel_arena arena = {0};
    satchel_unit_batch batch = {0};
    satchel_status status = satchel_store_load_units(phone->device->store, 0, 1u << 20, &arena, &batch, &phone->error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < batch.count; i++) {
        *hash = handset_hash(*hash, batch.units[i].data, batch.units[i].bytes);
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* A hash of all that a user and the next sync can see; `thorough` searches, too, which indexes what waits for it. */
static satchel_status digest_of(handset *phone, bool thorough, uint64_t *out) {
    satchel_device_info info;
    satchel_sync_state sync;
    *out = UINT64_C(0xcbf29ce484222325);
    satchel_status status = make_ready(phone);
    if (status == SATCHEL_OK) {
        status = hash_entity(phone, SATCHEL_ENTITY_CUSTOMER, NULL, out);
    }
    if (status == SATCHEL_OK) {
        status = hash_entity(phone, SATCHEL_ENTITY_TASK, NULL, out);
    }
    if (status == SATCHEL_OK) {
        status = hash_units(phone, out);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_get_info(phone->device, &info, &phone->error);
    }
    if (status == SATCHEL_OK) {
        const uint64_t numbers[] = {info.units_unsent, info.ops_refused, info.ops_parked, info.conflicts_open};
        *out = handset_hash(*out, numbers, sizeof numbers);
        status = satchel_store_sync_state(phone->device->store, &sync, &phone->error);
    }
    if (status == SATCHEL_OK) {
        *out = handset_hash(*out, &sync.position.n, sizeof sync.position.n);
        *out = handset_hash(*out, &sync.settled_through, sizeof sync.settled_through);
    }
    if (status == SATCHEL_OK && thorough) {
        status = hash_entity(phone, SATCHEL_ENTITY_CUSTOMER, HANDSET_WORDS, out);
    }
    return status;
}

/* --- images --- */

static bool succeed(satchel_status status, const handset *phone, const char *what) {
    if (status != SATCHEL_OK) {
        fault_wrong(FAULT_FAILURES, "%s without trouble: %s (%s)", what, satchel_status_name(status),
                    phone->error.detail);
    }
    return status == SATCHEL_OK;
}

static bool make_image(handset_image image, satchel_status (*fill)(handset *phone)) {
    handset phone;
    set_up(&phone, test_disk_make());
    bool fine = succeed(satchel_device_create(&phone.device, &phone.config, &phone.error), &phone, "create") &&
                succeed(handset_fill(&phone), &phone, "fill") &&
                (fill == NULL || succeed(fill(&phone), &phone, "fill more"));
    if (image == HANDSET_TORN) {
        ground.images[image] = test_disk_after_power_loss(phone.disk, TEST_SURVIVES_NONE, 1);
    }
    close_device(&phone);
    if (image != HANDSET_TORN) {
        ground.images[image] = copy_of(phone.disk);
    }
    tear_down(&phone);
    return fine;
}

/* The device looks with its own eyes whether a folder holds a store; these names are all that it sees there. */
static bool put_names(void) {
    static const char *const names[] = {"store.db", "keys.a"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[TEST_PATH_BYTES];
        FILE *file = fopen(test_temp_path(&ground.temp, names[i], path), "w");
        if (file == NULL || fclose(file) != 0) {
            return false;
        }
    }
    return true;
}

bool handset_begin(void) {
    ground.temp = test_temp_make();
    memcpy(ground.folder, ground.temp.path, sizeof ground.folder);
    ground.images[HANDSET_EMPTY] = test_disk_make();
    return satchel_crypto_init() == SATCHEL_OK && put_names() && handset_encode_changes() &&
           make_image(HANDSET_READY, NULL) && make_image(HANDSET_TORN, NULL) &&
           make_image(HANDSET_FRESH, handset_store_page) && make_image(HANDSET_PURGING, handset_lose_scope);
}

void handset_end(void) {
    for (size_t i = 0; i < HANDSET_IMAGE_COUNT; i++) {
        test_disk_free(ground.images[i]);
        ground.images[i] = NULL;
    }
    handset_forget_changes();
    test_temp_remove(&ground.temp);
}

/* --- running --- */

static satchel_status take_stand(handset *phone, const handset_scenario *scenario) {
    satchel_status status = SATCHEL_OK;
    if (!scenario->closed) {
        status = make_ready(phone);
    } else if (phone->device != NULL) {
        close_device(phone);
    }
    return status == SATCHEL_OK && scenario->stand != NULL ? scenario->stand(phone) : status;
}

bool handset_measure(const handset_scenario *scenario, void (*begin)(void), void (*end)(void), handset_truth *out) {
    handset phone;
    memset(out, 0, sizeof *out);
    set_up(&phone, copy_of(ground.images[scenario->image]));
    bool fine = scenario->image == HANDSET_EMPTY || succeed(digest_of(&phone, false, &out->before), &phone, "digest");
    tear_down(&phone);
    set_up(&phone, copy_of(ground.images[scenario->image]));
    fine = fine && succeed(take_stand(&phone, scenario), &phone, "stand");
    if (fine) {
        if (begin != NULL) {
            begin();
        }
        satchel_status status = scenario->act(&phone);
        if (end != NULL) {
            end();
        }
        fine = succeed(status, &phone, scenario->name);
        out->answer = phone.answer;
    }
    fine = fine && succeed(digest_of(&phone, false, &out->after), &phone, "digest") &&
           succeed(digest_of(&phone, true, &out->thorough), &phone, "digest");
    tear_down(&phone);
    return fine;
}

typedef struct point {
    const handset_scenario *scenario;
    const handset_truth *truth;
    const fault_trouble *trouble;
    handset phone;
    satchel_status status; /* of the act under trouble */
    bool fine;
} point;

static void wrong(point *at, fault_counter counter, const char *what, satchel_status status) {
    at->fine = false;
    fault_wrong(counter, "%s, %s: %s: act %s, then %s (%s)", at->scenario->name, at->trouble->text, what,
                satchel_status_name(at->status), satchel_status_name(status), at->phone.error.detail);
}

/* What is there now must be one of two things. */
static void expect_digest(point *at, uint64_t one, uint64_t other, fault_counter counter, const char *what) {
    uint64_t digest = 0;
    if (!at->fine) {
        return;
    }
    satchel_status status = digest_of(&at->phone, false, &digest);
    if (status != SATCHEL_OK) {
        bool opened = at->phone.device != NULL && at->phone.device->state == SATCHEL_DEVICE_OPEN;
        wrong(at, opened ? FAULT_FAILURES : FAULT_UNOPENABLE, what, status);
    } else if (digest != one && digest != other) {
        wrong(at, counter, what, status);
    }
}

/* While the trouble may still last, for the handle must be closed under it, too. */
static void judge_status(point *at) {
    if (at->status == SATCHEL_OK) {
        if (at->phone.answer != at->truth->answer) {
            wrong(at, FAULT_SILENT, "a wrong answer", at->status);
        }
    } else if (!at->trouble->fits(at->status)) {
        wrong(at, FAULT_FAILURES, "a status that does not fit", at->status);
    }
}

static void judge_at_once(point *at) {
    const handset_truth *truth = at->truth;
    if (at->trouble->forever) {
        close_device(&at->phone);
    }
    at->trouble->disarm();
    bool gone = at->phone.device == NULL;
    if (at->scenario->store_may_be_gone && at->status != SATCHEL_OK) {
        return; /* the next try tells */
    }
    if (at->status == SATCHEL_OK) {
        expect_digest(at, truth->after, truth->after, FAULT_SILENT, "acknowledged, but not there");
    } else if (gone) { /* a commit whose sync failed may be found again by recovery, but whole */
        expect_digest(at, truth->before, truth->after, FAULT_SILENT, "half done after opening again");
    } else {
        expect_digest(at, truth->before, truth->before, FAULT_SILENT, "failed, but not as before");
    }
}

/* A failed change that recovery has found whole: doing it again would be another change. */
static bool has_happened(point *at) {
    uint64_t digest = 0;
    return at->truth->before != at->truth->after && !at->scenario->store_may_be_gone &&
           digest_of(&at->phone, false, &digest) == SATCHEL_OK && digest == at->truth->after;
}

/* Once more, without trouble: it ends where it would have ended. */
static void judge_again(point *at) {
    if (!at->fine) {
        return;
    }
    if (at->status != SATCHEL_OK && !has_happened(at)) {
        satchel_status status = take_stand(&at->phone, at->scenario);
        if (status == SATCHEL_OK) {
            status = at->scenario->act(&at->phone);
        }
        if (status != SATCHEL_OK) {
            wrong(at, FAULT_FAILURES, "the next try", status);
        }
    }
    expect_digest(at, at->truth->after, at->truth->after, FAULT_SILENT, "after the next try");
}

/* What is acknowledged by now outlives a loss of power (every other point), or closing. */
static void judge_reopened(point *at) {
    uint64_t digest = 0;
    if (!at->fine) {
        return;
    }
    if (++ground.judged % 2 == 0) {
        test_disk *left = test_disk_after_power_loss(at->phone.disk, TEST_SURVIVES_NONE, ground.points);
        const char *pin = at->phone.pin;
        tear_down(&at->phone);
        set_up(&at->phone, left);
        at->phone.pin = pin;
    } else {
        close_device(&at->phone);
    }
    satchel_status status = digest_of(&at->phone, true, &digest);
    if (status != SATCHEL_OK) {
        wrong(at, FAULT_UNOPENABLE, "opening again", status);
    } else if (digest != at->truth->thorough) {
        wrong(at, FAULT_SILENT, "after opening again", status);
    } else if (at->phone.device->state == SATCHEL_DEVICE_OPEN) {
        satchel_store_stats stats;
        status = satchel_device_get_stats(at->phone.device, &stats, &at->phone.error);
        if (status == SATCHEL_OK && stats.refused_opens > 0) {
            fault_count(FAULT_REFUSED_OPENS, stats.refused_opens);
        }
    }
}

void handset_point(const handset_scenario *scenario, const handset_truth *truth, const fault_trouble *trouble) {
    point at = {.scenario = scenario, .truth = truth, .trouble = trouble, .fine = true};
    set_up(&at.phone, copy_of(ground.images[scenario->image]));
    at.status = take_stand(&at.phone, scenario);
    if (at.status == SATCHEL_OK) {
        trouble->arm(trouble->context);
        at.status = scenario->act(&at.phone);
        bool struck = trouble->has_struck();
        judge_status(&at);
        judge_at_once(&at);
        judge_again(&at);
        judge_reopened(&at);
        if (struck) {
            fault_count(trouble->counter, 1);
        }
    } else {
        wrong(&at, FAULT_FAILURES, "stand", at.status);
    }
    tear_down(&at.phone);
}
