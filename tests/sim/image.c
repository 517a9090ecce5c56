/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company that a run begins with. It is founded once in a process, with phones that are enrolled and have synced;
 * each run gets a copy of their disks, and the server's database is put back. What a run does depends on its seed and
 * on the image alone, and the image on the profile alone: not on what was played before.
 *
 * On PostgreSQL every run founds its own company, in a schema of its own.
 */
#include "sim/image.h"

#include "sim/ram.h"
#include "support/database.h"

#include <string.h>

/* No seed of a run: seeds are below 2^32. */
#define IMAGE_SEED (UINT64_C(1) << 40)
#define START_MS INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

/* The simulator is one thread. */
static struct {
    const sim_profile *profile; /* NULL: none is made */
    sim world;
    sim_ram *ram;
} image;

static void begin(sim *here, const sim_profile *profile, uint64_t seed) {
    here->profile = profile;
    here->seed = seed;
    here->random = test_random_of(seed);
    here->now_ms = START_MS;
    here->phone_count = profile->phones;
    here->people = profile->phones;
    here->customer_count = profile->customers;
    here->trace = UINT64_C(0xcbf29ce484222325);
}

static bool make_phones(sim *here) {
    bool fine = true;
    for (uint32_t i = 0; i < here->phone_count && fine; i++) {
        fine = sim_phone_make(here, i, &here->phones[i].user);
    }
    return fine;
}

void sim_image_drop(void) {
    for (uint32_t i = 0; i < image.world.phone_count; i++) {
        sim_phone_close(&image.world.phones[i]);
    }
    if (image.ram != NULL) {
        sim_ram_close(image.ram, image.world.db);
    }
    memset(&image, 0, sizeof image);
}

static bool make_image(const sim_profile *profile) {
    sim *world = &image.world;
    sim_image_drop();
    begin(world, profile, IMAGE_SEED);
    world->hushed = true;
    image.ram = sim_ram_open(&world->db);
    if (image.ram == NULL || !sim_office_found(world) || !make_phones(world)) {
        return false;
    }
    for (uint32_t i = 0; i < world->phone_count; i++) {
        sim_phone_shut(&world->phones[i]);
    }
    sim_office_stop(world);
    sim_ram_keep(image.ram);
    image.profile = profile;
    return true;
}

static bool copy_phone(sim *here, uint32_t index) {
    const sim_phone *from = &image.world.phones[index];
    sim_phone *phone = &here->phones[index];
    *phone = *from;
    memset(&phone->seeded, 0, sizeof phone->seeded);
    phone->sim = here;
    phone->disk = test_disk_after_power_loss(from->disk, TEST_SURVIVES_ALL, 1);
    return sim_phone_start(phone);
}

static bool take_image(sim *here) {
    const sim *world = &image.world;
    if (image.profile != here->profile && !make_image(here->profile)) {
        return false;
    }
    sim_ram_put_back(image.ram);
    here->now_ms = world->now_ms;
    here->manager = world->manager;
    memcpy(here->customers, world->customers, sizeof here->customers);
    memcpy(here->owners, world->owners, sizeof here->owners);
    memcpy(here->products, world->products, sizeof here->products);
    memcpy(here->knows, world->knows, sizeof here->knows);
    here->db = world->db;
    here->db_stays = true;
    bool fine = sim_office_start(here);
    for (uint32_t i = 0; i < here->phone_count && fine; i++) {
        fine = copy_phone(here, i);
    }
    return fine;
}

static bool found_on_postgres(sim *here) {
    char where[TEST_DATABASE_WHERE_BYTES];
    test_database_make(NULL, where);
    return satchel_db_open(&here->db, where, SATCHEL_DB_WRITER, NULL) == SATCHEL_OK && sim_office_found(here) &&
           make_phones(here);
}

bool sim_open(sim *here, const sim_profile *profile, uint64_t seed) {
    begin(here, profile, seed);
    bool fine = here->on_postgres ? found_on_postgres(here) : take_image(here);
    memset(here->counters, 0, sizeof here->counters);
    return fine;
}

void sim_close(sim *here) {
    sim_backup_forget();
    sim_poison_end(here);
    for (uint32_t i = 0; i < here->phone_count; i++) {
        sim_phone_close(&here->phones[i]);
    }
    for (uint32_t i = 0; i < SIM_MAIL_MOST; i++) {
        satchel_buffer_deinit(&here->mail[i].body);
    }
    sim_office_close(here);
}
