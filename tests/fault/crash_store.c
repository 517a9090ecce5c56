/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses of power in the life of a phone's store: a draft is committed wholly or not at all, a page comes with its
 * cursor, a decision with what it settles, and an upgrade goes on where it was. All of this is one comparison: the
 * tables hold what one of the two possible last commits left.
 */
#include "fault/support/crash.h"
#include "unit/store/next_model.h"

#include <stdio.h>
#include <string.h>

#define ROUNDS 1u /* of a story in a full run */
#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define CITY SATCHEL_CUSTOMER_CITY

/* --- the store over the vault that plays --- */

static satchel_status seal_op(void *context, satchel_bytes plain, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_seal(context, SATCHEL_VAULT_FOR_OPLOG, associated, plain, out);
}

static satchel_status open_op(void *context, satchel_bytes sealed, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_unseal(context, SATCHEL_VAULT_FOR_OPLOG, associated, sealed, out);
}

static void store_begin(crash_play *play, store_kit *kit) {
    const satchel_op_seal seal = {play->vault, seal_op, open_op};
    kit->database = satchel_vault_database(play->vault);
    REQUIRE_OK(satchel_store_open(&kit->store, kit->database, &seal, &kit->error));
    REQUIRE_OK(satchel_store_sync_state(kit->store, &kit->state, NULL));
}

static void store_end(store_kit *kit) {
    satchel_store_close(kit->store);
    kit->store = NULL;
}

static store_kit store_make(crash_play *play) {
    store_kit kit;
    memset(&kit, 0, sizeof kit);
    kit.now_ms = INT64_C(1700000000000);
    store_begin(play, &kit);
    return kit;
}

static void store_finish(store_kit *kit) {
    store_end(kit);
    satchel_arena_deinit(&kit->arena);
}

static void store_reopen(crash_play *play, store_kit *kit) {
    static const char *const lines[] = {"!reopen", NULL};
    store_end(kit);
    crash_script(play, lines);
    store_begin(play, kit);
}

/* What is left opens as a store, too, and says how things stand. */
static const char *look_at_store(const crash_play *play, satchel_vault *vault) {
    const satchel_op_seal seal = {vault, seal_op, open_op};
    satchel_store *store = NULL;
    satchel_device_info info = {.locked = false};
    (void)play;
    satchel_status status = satchel_store_open(&store, satchel_vault_database(vault), &seal, NULL);
    if (status == SATCHEL_OK) {
        status = satchel_store_count_info(store, &info, NULL);
    }
    satchel_store_close(store);
    return status == SATCHEL_OK ? NULL : "the store's own opening fails";
}

/* --- what pages bring --- */

static satchel_record customer_record(store_kit *kit, uint32_t number) {
    char text[64];
    (void)snprintf(text, sizeof text, "华宁 Market %u, a name of its own", (unsigned)number);
    satchel_record record = kit_record(kit, NAME, text);
    (void)snprintf(text, sizeof text, "City %u", (unsigned)number % 7);
    kit_put(&record, CITY, text);
    return record;
}

static void bring(store_kit *kit, uint64_t applied, uint32_t first, uint32_t count, uint32_t scope, bool more) {
    kit_page page = kit_page_begin(applied);
    kit_page_scope_set(&page, scope, scope * 10);
    for (uint32_t number = first; number < first + count; number++) {
        const satchel_record record = customer_record(kit, number);
        kit_page_row_in(kit, &page, CUSTOMER, kit_id(number), kit->state.position.n + 1, scope, &record);
    }
    REQUIRE_OK(kit_page_store(kit, &page, more));
}

/* --- stories --- */

static void tell_making(crash_play *play) {
    store_kit kit = store_make(play);
    REQUIRE_OK(satchel_store_put_value(kit.store, "user", satchel_bytes_of("0123456789abcdef", 16), NULL));
    store_finish(&kit);
}

static void making(void) {
    static const crash_story story = {
        .name = "making", .tell = tell_making, .begins_open = true, .look = look_at_store, .moments = 6, .second = 20};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_drafts(crash_play *play) {
    store_kit kit = store_make(play);
    for (uint32_t number = 1; number <= 6; number++) {
        const satchel_record record = customer_record(&kit, number);
        kit_create(&kit, CUSTOMER, kit_id(number), &record);
    }
    kit_edit_text(&kit, kit_id(1), CITY, "Ningbo");
    kit_add(&kit, kit_id(2), 40);
    store_reopen(play, &kit);
    kit_edit_text(&kit, kit_id(1), CITY, "Hangzhou");
    satchel_draft *draft;
    REQUIRE_OK(satchel_draft_open(&draft, kit.store));
    for (uint32_t number = 20; number < 28; number++) {
        const satchel_id id = kit_id(number);
        const satchel_record record = customer_record(&kit, number);
        REQUIRE_OK(satchel_draft_create(draft, CUSTOMER, &id, &record, &kit.error));
    }
    (void)kit_commit(&kit, draft);
    satchel_draft_close(draft);
    store_finish(&kit);
}

static void drafts(void) {
    static const crash_story story = {
        .name = "drafts", .tell = tell_drafts, .begins_open = true, .look = look_at_store, .moments = 6, .seeds = 5};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_pages(crash_play *play) {
    store_kit kit = store_make(play);
    bring(&kit, 0, 1, 12, 1, true);
    bring(&kit, 0, 13, 40, 1, false);
    kit_edit_text(&kit, kit_id(2), CITY, "Ningbo");
    kit_add(&kit, kit_id(3), 7);
    kit_page page = kit_page_begin(1);
    const satchel_op_result refused = {.index = 0, .code = SATCHEL_RESULT_REFUSED, .status = SATCHEL_FORBIDDEN};
    kit_page_op_result(&page, 1, 1, &refused, 1);
    REQUIRE_OK(kit_page_store_results(&kit, &page));
    bring(&kit, 2, 2, 4, 1, false);
    store_reopen(play, &kit);
    page = kit_page_begin(2);
    kit_page_result(&page, 2, 1, SATCHEL_RESULT_APPLIED);
    kit_page_removal(&page, CUSTOMER, kit_id(9));
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    store_finish(&kit);
}

static void pages(void) {
    static const crash_story story = {
        .name = "pages", .tell = tell_pages, .begins_open = true, .look = look_at_store, .moments = 6, .seeds = 5};
    crash_run_rounds(&story, ROUNDS);
}

/* A scope is lost: its rows are hidden at once and purged in small transactions, as the index is brought up. */
static void tell_purging(crash_play *play) {
    store_kit kit = store_make(play);
    bool left = true;
    bring(&kit, 0, 1, 30, 1, false);
    bring(&kit, 0, 100, 30, 2, false);
    REQUIRE(kit_find(&kit, "华宁") > 0);
    kit_page page = kit_page_begin(0);
    kit_page_scope_loss(&page, 20);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    for (int turn = 0; turn < 30 && left; turn++) {
        REQUIRE_OK(satchel_store_purge(kit.store, 9, &left, &kit.error));
    }
    CHECK(!left);
    REQUIRE(kit_find(&kit, "Market 7") > 0);
    store_finish(&kit);
}

static void purging(void) {
    static const crash_story story = {
        .name = "purging", .tell = tell_purging, .begins_open = true, .look = look_at_store, .moments = 6, .seeds = 5};
    crash_run_rounds(&story, ROUNDS);
}

static void tell_syncing(crash_play *play) {
    store_kit kit = store_make(play);
    for (uint32_t turn = 1; turn <= 6; turn++) {
        kit.state.request_number = turn;
        memset(kit.state.token_next, (int)turn, sizeof kit.state.token_next);
        REQUIRE_OK(satchel_store_save_sync_state(kit.store, &kit.state, &kit.error));
        kit_customer(&kit, kit_id(500 + turn), "made on the way");
        REQUIRE_OK(satchel_store_mark_sent(kit.store, turn, &kit.error));
        bring(&kit, turn, turn * 10, 5, 1, turn < 6);
        memcpy(kit.state.token_current, kit.state.token_next, sizeof kit.state.token_current);
    }
    store_finish(&kit);
}

static void syncing(void) {
    static const crash_story story = {
        .name = "syncing", .tell = tell_syncing, .begins_open = true, .look = look_at_store, .moments = 6, .seeds = 5};
    crash_run_rounds(&story, ROUNDS);
}

/* --- an upgrade to the next release, step by step --- */

static const char *look_at_upgrade(const crash_play *play, satchel_vault *vault) {
    const satchel_op_seal seal = {vault, seal_op, open_op};
    const satchel_store_release *release = play->own;
    satchel_store *store = NULL;
    bool left = true;
    if (release == NULL) {
        return look_at_store(play, vault);
    }
    satchel_status status = satchel_store_open_release(&store, satchel_vault_database(vault), &seal, release, NULL);
    for (int turn = 0; turn < 200 && left && status == SATCHEL_OK; turn++) {
        status = satchel_store_purge(store, 20, &left, NULL);
    }
    satchel_store_close(store);
    return status == SATCHEL_OK && !left ? NULL : "the upgrade does not go on";
}

static void tell_upgrading(crash_play *play) {
    store_kit kit = store_make(play);
    static next_model next; /* looked at until the play is over */
    static satchel_store_release release;
    const satchel_op_seal seal = {play->vault, seal_op, open_op};
    bool left = true;
    bring(&kit, 0, 1, 24, 1, false);
    kit_edit_text(&kit, kit_id(2), CITY, "Ningbo");
    store_end(&kit);
    release = next_release(&next);
    play->own = &release;
    REQUIRE_OK(satchel_store_open_release(&kit.store, kit.database, &seal, &release, &kit.error));
    for (int turn = 0; turn < 200 && left; turn++) {
        REQUIRE_OK(satchel_store_purge(kit.store, 5, &left, &kit.error));
    }
    CHECK(!left);
    kit_edit_text(&kit, kit_id(3), CITY, "Hangzhou");
    store_finish(&kit);
}

static void upgrading(void) {
    static const crash_story story = {.name = "upgrading",
                                      .tell = tell_upgrading,
                                      .begins_open = true,
                                      .look = look_at_upgrade,
                                      .moments = 6,
                                      .seeds = 5};
    crash_run_rounds(&story, ROUNDS);
}

const fault_case fault_cases[] = {
    {"making", making},   {"drafts", drafts},       {"pages", pages}, {"purging", purging},
    {"syncing", syncing}, {"upgrading", upgrading}, {NULL, NULL},
};
