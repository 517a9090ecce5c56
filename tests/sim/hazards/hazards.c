/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim --hazard NAME … | --hazards [--story] [--update] [--json]: plays some stories, or all of them, and compares what
 * was told with the transcripts that are kept beside the scripts. --update writes the transcripts, --list tells the
 * names.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS INT64_C(1795338000000) /* 2026-11-22T09:00:00Z */
#define TRANSCRIPT_BYTES_MOST 65536
#define SEED 7

static const hazard_story *const groups[] = {hazard_stories_writes, hazard_stories_deletes, hazard_stories_wire,
                                             hazard_stories_clocks, hazard_stories_lives,   hazard_stories_access,
                                             hazard_stories_pages,  hazard_stories_field,   hazard_stories_server};

#define NAMES_MOST 32

typedef struct options {
    const char *names[NAMES_MOST];
    uint32_t name_count; /* 0: all of them */
    bool asked;
    bool list;
    bool story;
    bool update;
    bool json;
} options;

/* --- a story --- */

static const char *const shop_names[HAZARD_SHOPS] = {"Lotus", "Tiger", "Bamboo"};

typedef struct naming {
    const satchel_id *shop;
    const char *name;
} naming;

static satchel_status name_shop(hazard *on, void *context) {
    const naming *work = context;
    const satchel_actor system = satchel_actor_system();
    satchel_arena arena = {0};
    satchel_record record;
    satchel_write_outcome outcome;
    satchel_record_init(&record, &arena);
    satchel_status status = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(work->name));
    if (status == SATCHEL_OK) {
        status = satchel_served_row_edit(on->here->service, on->here->db, &system, SATCHEL_ENTITY_CUSTOMER, work->shop,
                                         0, &record, NULL, 0, &outcome, NULL);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static bool open_all(hazard *on) {
    sim *here = on->here;
    bool fine = sim_office_open(here);
    for (uint32_t i = 0; i < HAZARD_SHOPS && fine; i++) {
        naming work = {&here->customers[i], shop_names[i]};
        on->shops[i] = (hazard_row){shop_names[i], SATCHEL_ENTITY_CUSTOMER, here->customers[i]};
        fine = hazard_write_with(on, name_shop, &work) == SATCHEL_OK;
    }
    for (uint32_t i = 0; i < here->phone_count && fine; i++) {
        fine = (i == TABLET && !on->story->tablet) || sim_phone_make(here, i, &here->phones[i].user);
    }
    return fine;
}

static void close_all(sim *here) {
    for (uint32_t i = 0; i < here->phone_count; i++) {
        if (here->phones[i].sim != NULL) {
            sim_phone_close(&here->phones[i]);
        }
    }
    for (uint32_t i = 0; i < SIM_MAIL_MOST; i++) {
        satchel_buffer_deinit(&here->mail[i].body);
    }
    sim_office_close(here);
    hazard_backup_forget();
}

/* A story passes if it found what it expected and the judge of the simulator finds nothing either. */
static void play(hazard *on, sim *here, const hazard_story *story, bool prints) {
    static const sim_profile profile = {.name = "story", .clones = true};
    memset(here, 0, sizeof *here);
    here->profile = &profile;
    here->seed = SEED;
    here->random = test_random_of(SEED);
    here->now_ms = START_MS;
    here->phone_count = here->people = HAZARD_PEOPLE;
    here->customer_count = HAZARD_SHOPS;
    here->calm = true;
    *on = (hazard){.story = story, .here = here, .prints = prints};
    if (!open_all(on)) {
        hazard_expect(on, false, "the company could not be set up.");
    } else {
        here->now_ms = START_MS;
        hazard_tell(on, "%s", story->title);
        story->play(on);
        sim_judge(here);
        hazard_expect(on, here->counters[SIM_VIOLATIONS] == 0, "the judge objects.");
        if (on->failures == 0) {
            hazard_tell(on, "Phones and server agree; nothing waits; the audit chain holds.");
        }
    }
    close_all(here);
}

/* --- transcripts --- */

static void path_of(const hazard_story *story, char out[512]) {
    (void)snprintf(out, 512, "%s/%s.txt", SATCHEL_HAZARDS, story->name);
}

static bool write_transcript(const hazard *on) {
    char path[512];
    path_of(on->story, path);
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return false;
    }
    bool fine = fwrite(on->told.data, 1, on->told.bytes, file) == on->told.bytes;
    return fclose(file) == 0 && fine;
}

/* Prints the first line that differs from what is kept. */
static bool compare_transcript(const hazard *on) {
    static char kept[TRANSCRIPT_BYTES_MOST];
    char path[512];
    path_of(on->story, path);
    FILE *file = fopen(path, "rb");
    size_t bytes = file != NULL ? fread(kept, 1, sizeof kept - 1, file) : 0;
    kept[bytes] = 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    const char *told = (const char *)on->told.data;
    if (file != NULL && bytes == on->told.bytes && memcmp(kept, told, bytes) == 0) {
        return true;
    }
    size_t line = 0;
    for (size_t at = 0; at < bytes && at < on->told.bytes && kept[at] == told[at]; at++) {
        line = kept[at] == '\n' ? at + 1 : line;
    }
    printf("%s: the story differs from its transcript\n  kept: %.*s\n  told: %.*s\n", on->story->name,
           (int)strcspn(kept + line, "\n"), kept + line, (int)strcspn(told + line, "\n"), told + line);
    return false;
}

static bool tell(sim *here, const hazard_story *story, const options *given) {
    hazard on;
    play(&on, here, story, given->story);
    bool fine = on.failures == 0 && satchel_buffer_append_byte(&on.told, 0) == SATCHEL_OK;
    if (on.failures > 0) {
        printf("%s: %" PRIu32 " expectations fail; ./run sim --hazard %s --story\n", story->name, on.failures,
               story->name);
    } else if (fine) {
        on.told.bytes--; /* the zero ends it for printing */
        fine = given->update ? write_transcript(&on) : compare_transcript(&on);
    }
    if (given->story) {
        printf("\n");
    }
    satchel_buffer_deinit(&on.told);
    return fine;
}

static bool read_options(int count, char **words, options *out) {
    bool fine = true;
    *out = (options){.name_count = 0};
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--hazards") == 0) {
            out->asked = true;
        } else if (strcmp(words[i], "--hazard") == 0 && i + 1 < count && out->name_count < NAMES_MOST) {
            out->asked = true;
            out->names[out->name_count++] = words[++i];
        } else if (strcmp(words[i], "--list") == 0) {
            out->asked = out->list = true;
        } else if (strcmp(words[i], "--story") == 0) {
            out->story = true;
        } else if (strcmp(words[i], "--update") == 0) {
            out->update = true;
        } else if (strcmp(words[i], "--json") == 0) {
            out->json = true;
        } else {
            fine = false;
        }
    }
    return fine;
}

static bool is_wanted(const options *given, const hazard_story *story) {
    bool wanted = given->name_count == 0;
    for (uint32_t i = 0; i < given->name_count && !wanted; i++) {
        wanted = strcmp(given->names[i], story->name) == 0;
    }
    return wanted;
}

int sim_hazards(int count, char **words) {
    static sim here;
    options given;
    uint32_t played = 0;
    uint32_t failed = 0;
    bool fine = read_options(count, words, &given);
    if (!given.asked) {
        return -1;
    }
    for (size_t g = 0; fine && g < sizeof groups / sizeof *groups; g++) {
        for (const hazard_story *story = groups[g]; story->name != NULL; story++) {
            if (given.list) {
                printf("%s\n", story->name);
            } else if (is_wanted(&given, story)) {
                played++;
                failed += tell(&here, story, &given) ? 0 : 1;
            }
        }
    }
    if (given.list) {
        return 0;
    }
    if (!fine || played == 0 || (given.name_count > 0 && played != given.name_count)) {
        fprintf(stderr, "usage: sim --hazards | --hazard NAME … [--story] [--update] [--json] | --list\n");
        return 2;
    }
    printf("%" PRIu32 " passed, %" PRIu32 " failed\n", played - failed, failed);
    if (given.json) {
        printf("{\"stories\":%" PRIu32 ",\"stories_failed\":%" PRIu32 "}\n", played, failed);
    }
    return failed == 0 ? 0 : 1;
}
