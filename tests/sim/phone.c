/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated phone: a device on a disk that can lose power, a clock that is wrong, a network that does harm.
 *
 * The device asks for its file verbs and for SQLite's default VFS when it opens; both are those of the phone that is
 * being opened. It looks at its folder with its own eyes, so two empty files with the right names lie there.
 */
#include "base/text.h"
#include "sim/sim.h"
#include "store/store_state.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DISK_FAILS_IN_MOST 40
#define CLOCK_JUMP_MS_MOST (INT64_C(10) * 365 * 86400000)

/* Whose disk is opened now; the simulator is one thread. */
static const satchel_vault_files *files_now;

/* In place of the vault's own, which are the system's. */
const satchel_vault_files *satchel_vault_files_posix(void) {
    return files_now;
}

/* --- the platform --- */

static satchel_status keystore_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    const sim_phone *phone = context;
    memset(out, 0x40 + (int)phone->original, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

static satchel_status anchor_read(void *context, uint8_t out[SATCHEL_ANCHOR_BYTES], size_t *bytes) {
    const sim_phone *phone = context;
    memcpy(out, phone->anchor, sizeof phone->anchor);
    *bytes = phone->anchor_bytes;
    return SATCHEL_OK;
}

static satchel_status anchor_write(void *context, const uint8_t *anchor, size_t bytes) {
    sim_phone *phone = context;
    if (phone->off) {
        return SATCHEL_IO_ERROR;
    }
    memcpy(phone->anchor, anchor, bytes);
    phone->anchor_bytes = bytes;
    return SATCHEL_OK;
}

static void phone_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                      uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    const sim_phone *phone = context;
    *wall_ms = phone->sim->now_ms + phone->wall_offset_ms;
    *monotonic_ms = phone->sim->now_ms - phone->boot_ms;
    memset(boot_tag, 0, SATCHEL_BOOT_TAG_BYTES);
    boot_tag[0] = (uint8_t)phone->boots;
    boot_tag[1] = (uint8_t)(phone->boots >> 8);
    boot_tag[2] = 1;
}

static satchel_status phone_random(void *context, uint8_t *out, size_t bytes) {
    sim_phone *phone = context;
    satchel_random_seeded kept = phone->seeded;
    satchel_random random = sim_random_of(&phone->seeded, phone->sim->seed * 64 + phone->index + 2);
    phone->seeded.calls = kept.calls;
    return satchel_random_fill(random, out, bytes);
}

static satchel_device_config config_of(sim_phone *phone) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    config.folder = phone->temp.path;
    config.keys.context = phone;
    config.keys.secret = keystore_secret;
    config.keys.anchor_read = phone->has_anchor ? anchor_read : NULL;
    config.keys.anchor_write = phone->has_anchor ? anchor_write : NULL;
    config.platform = (satchel_platform){phone, phone_now, phone_random};
    return config;
}

/* Whatever opens files now opens them on this phone's disk. */
static void take_the_floor(sim_phone *phone) {
    files_now = test_disk_files(phone->disk);
    sqlite3_vfs_register(test_disk_vfs(phone->disk), 1);
}

static void leave_the_floor(sim_phone *phone) {
    sqlite3_vfs_unregister(test_disk_vfs(phone->disk));
}

static satchel_status open_device(sim_phone *phone, satchel_error *error) {
    satchel_device_config config = config_of(phone);
    take_the_floor(phone);
    satchel_status status = satchel_device_open(&phone->device, &config, error);
    leave_the_floor(phone);
    return status;
}

/* --- life --- */

static test_temp root; /* of the folders of this process; a phone of each run gets the one of its index */

static void remove_root(void) {
    test_temp_remove(&root);
}

/* The folder that a device wants to see, with two empty files in it. */
static bool take_folder(sim_phone *phone) {
    static const char *const names[] = {"store.db", "keys.a"};
    char number[16];
    if (root.path[0] == '\0') {
        root = test_temp_make();
        (void)atexit(remove_root);
    }
    (void)snprintf(number, sizeof number, "%u", (unsigned)phone->index);
    (void)test_temp_path(&root, number, phone->temp.path);
    bool fine = mkdir(phone->temp.path, 0700) == 0 || errno == EEXIST;
    for (size_t i = 0; i < sizeof names / sizeof *names && fine; i++) {
        char path[TEST_PATH_BYTES];
        FILE *file = fopen(test_temp_path(&phone->temp, names[i], path), "w");
        fine = file != NULL && fclose(file) == 0;
    }
    return fine;
}

static bool enrol(sim_phone *phone) {
    satchel_enrolment *enrolment = NULL;
    satchel_http_request request;
    satchel_buffer link = {NULL, 0, 0};
    satchel_buffer reply = {NULL, 0, 0};
    satchel_error error;
    char name[16];
    (void)snprintf(name, sizeof name, "phone %u", (unsigned)phone->index);
    bool fine = sim_office_link(phone->sim, &phone->user, &link) &&
                satchel_enrolment_open(&enrolment, phone->device, satchel_text_from(satchel_buffer_view(&link)),
                                       satchel_text_of(name), satchel_text_of("sim"), &error) == SATCHEL_OK &&
                satchel_enrolment_request(enrolment, &request, &error) == SATCHEL_OK;
    if (fine) {
        uint32_t http_status = sim_office_enroll(phone->sim, request.body, &reply);
        fine = satchel_enrolment_feed(enrolment, http_status, satchel_buffer_view(&reply), &error) == SATCHEL_OK;
    }
    satchel_enrolment_close(enrolment);
    satchel_buffer_deinit(&link);
    satchel_buffer_deinit(&reply);
    return fine;
}

bool sim_phone_make(sim *here, uint32_t index, const satchel_id *user) {
    sim_phone *phone = &here->phones[index];
    satchel_id whose = *user;
    memset(phone, 0, sizeof *phone);
    phone->sim = here;
    phone->index = index;
    phone->original = index;
    phone->has_anchor = index % 2 == 1;
    phone->user = whose;
    phone->boot_ms = here->now_ms - 1000;
    phone->disk = test_disk_make();
    if (!take_folder(phone)) {
        return false;
    }
    satchel_device_config config = config_of(phone);
    take_the_floor(phone);
    satchel_status status = satchel_device_create(&phone->device, &config, NULL);
    leave_the_floor(phone);
    return status == SATCHEL_OK && enrol(phone) && sim_phone_sync(phone);
}

bool sim_phone_start(sim_phone *phone) {
    return open_device(phone, NULL) == SATCHEL_OK;
}

void sim_phone_shut(sim_phone *phone) {
    sim_phone_end_exchange(phone);
    satchel_device_close(phone->device);
    phone->device = NULL;
}

void sim_phone_end_exchange(sim_phone *phone) {
    satchel_exchange_close(phone->exchange);
    phone->exchange = NULL;
}

/* Its process is gone: what the device does when it is closed comes to nothing. */
static void cut_power(sim_phone *phone) {
    phone->off = true;
    if (phone->disk != NULL) {
        test_disk_fail_at(phone->disk, 1, true, TEST_FAULT_ERROR);
    }
    sim_phone_shut(phone);
    phone->off = false;
}

void sim_phone_close(sim_phone *phone) {
    cut_power(phone);
    test_disk_free(phone->disk);
    test_disk_free(phone->copy);
    phone->disk = NULL;
    phone->copy = NULL;
}

/* The disk is exchanged below a phone that lost its power, and it is switched on again. */
static void start_from(sim_phone *phone, test_disk *disk, bool in_a_copy, const char *what) {
    sim *here = phone->sim;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    cut_power(phone);
    test_disk_free(phone->disk);
    phone->disk = disk;
    phone->ailing = false;
    phone->boots++;
    phone->boot_ms = here->now_ms - (int64_t)test_random_below(&here->random, 60000);
    satchel_status status = open_device(phone, &error);
    if (status != SATCHEL_OK) {
        sim_violation(here, "phone %u does not open after %s: %s (%s)", (unsigned)phone->index, what,
                      satchel_status_name(status), error.detail);
    }
    sim_phone_find_unsure(phone, in_a_copy);
}

void sim_phone_start_from(sim_phone *phone, test_disk *disk, const char *what) {
    start_from(phone, disk, false, what);
}

/* Whatever was committed is there after a crash, and the store is not taken for an older one. */
static void check_commits(sim_phone *phone) {
    if (phone->device == NULL) {
        return;
    }
    uint64_t last = phone->device->store->next_sequence - 1;
    if (last < phone->committed) {
        sim_violation(phone->sim, "phone %u lost commits: %llu of %llu are there", (unsigned)phone->index,
                      (unsigned long long)last, (unsigned long long)phone->committed);
    }
    if ((phone->device->warnings & SATCHEL_WARNING_ROLLED_BACK) != 0) {
        sim_violation(phone->sim, "phone %u takes itself for an older copy", (unsigned)phone->index);
    }
}

static void crash(sim_phone *phone) {
    sim *here = phone->sim;
    test_survival survival = (test_survival)test_random_below(&here->random, TEST_SURVIVAL_COUNT);
    uint64_t seed = test_random_u64(&here->random);
    if (!sim_may(here, SIM_TROUBLE_CRASHES)) {
        return;
    }
    sim_count(here, phone->exchange != NULL ? SIM_CRASHES_IN_SYNC : SIM_CRASHES);
    if (phone->exchange != NULL) {
        sim_count(here, SIM_CRASHES);
    }
    sim_tell(here, "phone %u loses its power%s", (unsigned)phone->index, phone->exchange != NULL ? " amid a sync" : "");
    sim_phone_start_from(phone, test_disk_after_power_loss(phone->disk, survival, seed), "a loss of power");
    check_commits(phone);
}

/* --- copies --- */

void sim_phone_copy(sim_phone *phone) {
    sim *here = phone->sim;
    test_disk_free(phone->copy);
    phone->copy = test_disk_after_power_loss(phone->disk, TEST_SURVIVES_ALL, 1);
    phone->copy_edits = here->edit_count;
    sim_tell(here, "somebody copies phone %u", (unsigned)phone->index);
}

/* The user sees that the store was put back, and goes on. */
static void note_warnings(sim_phone *phone) {
    if (phone->device == NULL) {
        return;
    }
    uint32_t warnings = phone->device->warnings;
    if ((warnings & SATCHEL_WARNING_ROLLED_BACK) != 0) {
        sim_count(phone->sim, SIM_ROLLED_BACK);
        sim_tell(phone->sim, "phone %u notices that it was put back", (unsigned)phone->index);
    }
    satchel_status status = satchel_device_acknowledge(phone->device, warnings, NULL);
    if (status != SATCHEL_OK) {
        sim_violation(phone->sim, "phone %u cannot put warnings away: %s", (unsigned)phone->index,
                      satchel_status_name(status));
    }
}

/* The copy stays: it may be put back more than once. */
void sim_phone_restore(sim_phone *phone) {
    sim *here = phone->sim;
    if (phone->copy == NULL || !sim_may(here, SIM_TROUBLE_RESTORES)) {
        return;
    }
    sim_count(here, SIM_RESTORES);
    sim_tell(here, "phone %u is restored from its copy", (unsigned)phone->index);
    for (uint32_t i = phone->copy_edits; i < here->edit_count; i++) {
        here->edits[i].may_be_gone = here->edits[i].may_be_gone || here->edits[i].phone == (int32_t)phone->index;
    }
    phone->committed = 0;
    start_from(phone, test_disk_after_power_loss(phone->copy, TEST_SURVIVES_ALL, 1), true, "a restore");
    note_warnings(phone);
}

/* From here on there are two of it, and both go on. */
void sim_phone_clone(sim_phone *phone) {
    sim *here = phone->sim;
    if (!here->profile->clones || here->phone_count == SIM_PHONES_MOST || !sim_may(here, SIM_TROUBLE_CLONES)) {
        return;
    }
    sim_phone *twin = &here->phones[here->phone_count];
    memset(twin, 0, sizeof *twin);
    twin->sim = here;
    twin->index = here->phone_count++;
    twin->original = phone->original;
    twin->user = phone->user;
    twin->temp = phone->temp;
    twin->wall_offset_ms = phone->wall_offset_ms;
    twin->boots = phone->boots;
    sim_count(here, SIM_CLONES);
    sim_tell(here, "phone %u is cloned: the clone is phone %u", (unsigned)phone->index, (unsigned)twin->index);
    start_from(twin, test_disk_after_power_loss(phone->disk, TEST_SURVIVES_ALL, 1), true, "a cloning");
    note_warnings(twin);
}

/* --- what happens to a phone --- */

static void jump_clock(sim_phone *phone) {
    sim *here = phone->sim;
    int64_t most = test_random_chance(&here->random, 30) ? CLOCK_JUMP_MS_MOST : 7200000;
    int64_t offset_ms = (int64_t)test_random_below(&here->random, (uint64_t)(2 * most)) - most;
    if (sim_may(here, SIM_TROUBLE_CLOCKS)) {
        phone->wall_offset_ms = offset_ms;
        sim_count(here, SIM_CLOCK_JUMPS);
        sim_tell(here, "the clock of phone %u is wrong by %lld s", (unsigned)phone->index,
                 (long long)(phone->wall_offset_ms / 1000));
    }
}

static void reboot(sim_phone *phone) {
    if (sim_may(phone->sim, SIM_TROUBLE_REBOOTS)) {
        sim_count(phone->sim, SIM_REBOOTS);
        sim_tell(phone->sim, "phone %u is switched off and on", (unsigned)phone->index);
        sim_phone_start_from(phone, test_disk_after_power_loss(phone->disk, TEST_SURVIVES_ALL, 1), "a restart");
        check_commits(phone);
    }
}

static void lock_and_unlock(sim_phone *phone) {
    sim *here = phone->sim;
    if (!sim_may(here, SIM_TROUBLE_LOCKS)) {
        return;
    }
    take_the_floor(phone);
    satchel_status status = satchel_device_lock(phone->device, NULL);
    for (int attempt = 0; status == SATCHEL_OK && attempt < 2; attempt++) {
        status = satchel_device_unlock(phone->device, NULL, NULL);
        if (status == SATCHEL_OK || !sim_phone_may_fail(phone, status)) {
            break;
        }
        status = SATCHEL_OK; /* once more */
    }
    leave_the_floor(phone);
    sim_count(here, SIM_LOCKS);
    sim_tell(here, "phone %u is locked and unlocked: %s", (unsigned)phone->index, satchel_status_name(status));
    if (status != SATCHEL_OK && !sim_phone_may_fail(phone, status)) {
        sim_violation(here, "phone %u does not unlock: %s", (unsigned)phone->index, satchel_status_name(status));
    }
    sim_phone_end_exchange(phone);
    sim_phone_find_unsure(phone, false);
}

/* One of its next operations fails, once: a broken block, or a moment without space. */
static void break_disk(sim_phone *phone) {
    sim *here = phone->sim;
    uint64_t in = 1 + test_random_below(&here->random, DISK_FAILS_IN_MOST);
    bool full = test_random_chance(&here->random, 50);
    full = full ? !sim_lacks(here, SIM_DISK_ERRORS) : sim_lacks(here, SIM_DISK_FULL);
    if (sim_may(here, SIM_TROUBLE_DISKS)) {
        test_disk_fail_at(phone->disk, test_disk_operations(phone->disk) + in, false,
                          full ? TEST_FAULT_FULL : TEST_FAULT_ERROR);
        phone->ailing = true;
        sim_count(here, full ? SIM_DISK_FULL : SIM_DISK_ERRORS);
        sim_tell(here, "the disk of phone %u %s soon", (unsigned)phone->index, full ? "is full" : "fails");
    }
}

/* Once it was full, new work waits until the phone has seen that there is space. */
bool sim_phone_may_fail(const sim_phone *phone, satchel_status status) {
    return phone->ailing &&
           (status == SATCHEL_IO_ERROR || status == SATCHEL_DISK_FULL || status == SATCHEL_READ_ONLY_STORE);
}

void sim_phone_end_troubles(sim_phone *phone) {
    test_disk_fail_at(phone->disk, 0, false, TEST_FAULT_ERROR);
}

/* Users do several things before they are connected again. */
static void work(sim_phone *phone) {
    for (uint64_t left = 1 + test_random_below(&phone->sim->random, phone->sim->profile->writes_most); left > 0;
         left--) {
        sim_phone_write(phone);
    }
}

static void step(sim_phone *phone) {
    satchel_status status;
    (void)sim_phone_step(phone, &status);
}

/* A copy must be there before it can be put back. */
static void restore(sim_phone *phone) {
    if (phone->copy == NULL && sim_lacks(phone->sim, SIM_RESTORES)) {
        sim_phone_copy(phone);
    } else {
        sim_phone_restore(phone);
    }
}

typedef struct act {
    uint32_t below; /* of a thousand */
    void (*play)(sim_phone *phone);
    sim_counter kind; /* SIM_COUNTER_COUNT: no fault */
} act;

/* One of the faults that have not happened, if there are any: the next after `at`. */
static size_t lacking_of(const sim *here, const act *acts, size_t count, size_t at) {
    for (size_t i = 1; i <= count; i++) {
        const act *other = &acts[(at + i) % count];
        if (other->kind != SIM_COUNTER_COUNT && sim_lacks(here, other->kind)) {
            return (at + i) % count;
        }
    }
    return at;
}

void sim_phone_act(sim_phone *phone) {
    static const act acts[] = {{330, work, SIM_COUNTER_COUNT},     {872, step, SIM_COUNTER_COUNT},
                               {907, crash, SIM_CRASHES},          {919, jump_clock, SIM_CLOCK_JUMPS},
                               {930, reboot, SIM_REBOOTS},         {940, lock_and_unlock, SIM_COUNTER_COUNT},
                               {965, break_disk, SIM_DISK_ERRORS}, {978, sim_phone_copy, SIM_COUNTER_COUNT},
                               {990, restore, SIM_RESTORES},       {1000, sim_phone_clone, SIM_CLONES}};
    uint64_t what = test_random_below(&phone->sim->random, 1000);
    size_t at = 0;
    if (phone->device == NULL) {
        return; /* it did not open: that is a violation already */
    }
    while (what >= acts[at].below) {
        at++;
    }
    bool is_trouble = acts[at].play != work && acts[at].play != step;
    if (is_trouble && test_random_chance(&phone->sim->random, 40)) {
        at = lacking_of(phone->sim, acts, sizeof acts / sizeof *acts, at);
    }
    acts[at].play(phone);
}
