/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching: Chinese words of one, two and more characters, folded words by their beginning, telephone numbers from
 * both ends; and an index that follows every change, at once or through its queue.
 */
#include "kit.h"

#include "store/rows.h"
#include "support/random.h"

#include <stdio.h>
#include <string.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define NAME SATCHEL_CUSTOMER_NAME
#define CITY SATCHEL_CUSTOMER_CITY

#define HUANING "\xe5\x8d\x8e\xe5\xae\x81" /* 华宁 */
#define FOODS "\xe9\xa3\x9f\xe5\x93\x81"   /* 食品 */
#define HUA "\xe5\x8d\x8e"                 /* 华 */
#define NINGHUA "\xe5\xae\x81\xe5\x8d\x8e" /* 宁华 */

static store_kit with_names(void) {
    static const char *const names[] = {HUANING FOODS, "M\xc3\xbcller Drogerie", "Blue Shop 24", HUA "X"};
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    for (uint32_t i = 0; i < 4; i++) {
        satchel_record record = kit_record(&kit, NAME, names[i]);
        if (i == 0) {
            kit_elements(&record, SATCHEL_CUSTOMER_PHONES, "13812344729 +86-574-8765432");
            kit_elements(&record, SATCHEL_CUSTOMER_EMAILS, "anna@example.com");
        }
        kit_page_row(&kit, &page, CUSTOMER, kit_id(i + 1), 1, &record);
    }
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    return kit;
}

TEST(search, words_are_found_as_people_expect) {
    static const struct {
        const char *words;
        uint32_t found;
    } cases[] = {
        {HUANING, 1},
        {HUA, 2},
        {HUANING FOODS, 1},
        {FOODS, 1},
        {NINGHUA, 0},
        {HUANING " " FOODS, 1},
        {"muller", 1},
        {"M\xc3\x9cLLER", 1},
        {"mul", 1},
        {"uller", 0},
        {"drog mul", 1},
        {"drog blue", 0},
        {"blue", 1},
        {"24", 1},
        {"\xef\xbc\xa2lue", 1}, /* a full-width B */
        {"4729", 1},
        {"13812", 1},
        {"138 4729", 1},
        {"5432", 1},
        {"2344", 0},
        {"anna", 1},
        {"example.com", 1},
        {"!!!", 0},
        {"\"", 0},
        {"blue OR muller", 0},
        {"NEAR(", 0},
    };
    store_kit kit = with_names();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("words %s", cases[i].words);
        CHECK_UINT(kit_find(&kit, cases[i].words), cases[i].found);
    }
    kit_close(&kit);
}

TEST(search, local_changes_are_found_at_once) {
    store_kit kit = with_names();
    kit_edit_text(&kit, kit_id(3), NAME, "Red Shop");
    CHECK_UINT(kit_find(&kit, "blue"), 0);
    CHECK_UINT(kit_find(&kit, "red"), 1);
    kit_customer(&kit, kit_id(9), "Green House");
    CHECK_UINT(kit_find(&kit, "green"), 1);
    kit_close(&kit);
}

TEST(search, what_pages_bring_waits_in_a_queue_that_survives) {
    store_kit kit = with_names();
    kit_reopen(&kit);
    bool left = true;
    REQUIRE_OK(satchel_store_purge(kit.store, 2, &left, NULL));
    CHECK(left);
    kit_purge(&kit);
    CHECK_UINT(kit_find(&kit, "blue"), 1);
    satchel_record record = kit_record(&kit, NAME, "Yellow Shop");
    kit_page page = kit_page_begin(0);
    kit_page_row(&kit, &page, CUSTOMER, kit_id(3), 2, &record);
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    CHECK_UINT(kit_find(&kit, "yellow"), 1);
    CHECK_UINT(kit_find(&kit, "blue"), 0);
    kit_close(&kit);
}

/* The names of eight customers, as the test knows them; empty: the row is gone. */
static char known[8][16];

static uint32_t known_with(const char *word) {
    uint32_t count = 0;
    for (int i = 0; i < 8; i++) {
        count += known[i][0] != '\0' && strstr(known[i], word) != NULL ? 1 : 0;
    }
    return count;
}

static void change_one(store_kit *kit, test_random *random, uint64_t n) {
    static const char *const words[] = {"alpha", "beta", "gamma", "delta"};
    uint32_t row = (uint32_t)test_random_below(random, 8);
    const char *first = words[test_random_below(random, 4)];
    const char *second = words[test_random_below(random, 4)];
    char name[16];
    snprintf(name, sizeof name, "%s %s", first, second);
    satchel_record record = kit_record(kit, NAME, name);
    kit_page page = kit_page_begin(0);
    if (known[row][0] == '\0' || test_random_chance(random, 60)) {
        kit_page_row(kit, &page, CUSTOMER, kit_id(row), n, &record);
        snprintf(known[row], sizeof known[row], "%s", name);
    } else {
        kit_page_removal(&page, CUSTOMER, kit_id(row));
        known[row][0] = '\0';
    }
    REQUIRE_OK(kit_page_store(kit, &page, false));
    if (known[row][0] != '\0' && test_random_chance(random, 30)) {
        kit_edit_text(kit, kit_id(row), CITY, "x"); /* now an overlay lies on it */
    }
}

TEST(search, the_index_agrees_with_the_rows_whatever_happens) {
    static const char *const words[] = {"alpha", "beta", "gamma", "delta"};
    store_kit kit = kit_open(NULL);
    test_random random = test_random_of(12);
    memset(known, 0, sizeof known);
    for (uint64_t n = 1; n <= 400; n++) {
        bool left;
        change_one(&kit, &random, n);
        if (test_random_chance(&random, 30)) {
            REQUIRE_OK(satchel_store_purge(kit.store, 3, &left, NULL));
        }
        for (int i = 0; i < 4; i++) {
            REQUIRE_UINT(kit_find(&kit, words[i]), known_with(words[i]));
        }
        satchel_arena_reset(&kit.arena);
    }
    kit_close(&kit);
}

/* --- searches that find much --- */

#define MANY 2100u

static store_kit with_many(void) {
    store_kit kit = kit_open(NULL);
    kit_page page = kit_page_begin(0);
    for (uint32_t i = 0; i < MANY; i++) {
        char name[48];
        snprintf(name, sizeof name, "every%s%s", i % 2 == 0 ? " half" : "", i % 100 == 0 ? " rare" : "");
        satchel_record record = kit_record(&kit, NAME, name);
        /* The order of ids is not that in which rows came. */
        kit_page_row(&kit, &page, CUSTOMER, kit_id((i * 37) % MANY + 1), 1, &record);
    }
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    bool left = true;
    while (left) {
        REQUIRE_OK(satchel_store_purge(kit.store, 1000, &left, NULL));
    }
    page = kit_page_begin(0);
    kit_page_removal(&page, CUSTOMER, kit_id(1)); /* of row 0, which all words find; the index still holds it */
    REQUIRE_OK(kit_page_store(&kit, &page, false));
    return kit;
}

typedef struct found_rows {
    uint32_t count;
    satchel_id last;
    bool in_order;
} found_rows;

static satchel_status see(void *context, const satchel_id *id, const satchel_record *record, uint32_t flags,
                          uint64_t base_n) {
    found_rows *found = context;
    (void)record;
    (void)flags;
    (void)base_n;
    found->in_order = found->in_order && (found->count == 0 || satchel_id_compare(&found->last, id) < 0);
    found->last = *id;
    found->count++;
    return SATCHEL_OK;
}

static found_rows page_through(store_kit *kit, const char *words, uint32_t limit) {
    found_rows found = {.in_order = true};
    satchel_buffer at = {NULL, 0, 0}, next = {NULL, 0, 0};
    satchel_query *query;
    REQUIRE_OK(satchel_query_open(&query, CUSTOMER));
    REQUIRE_OK(satchel_query_search(query, satchel_text_of(words)));
    do {
        uint32_t before = found.count;
        satchel_buffer_clear(&next);
        REQUIRE_OK(satchel_store_query(kit->store, query, satchel_buffer_view(&at), limit, see, &found, &next, NULL));
        CHECK(found.count - before == limit || next.bytes == 0);
        satchel_buffer_clear(&at);
        REQUIRE_OK(satchel_buffer_append(&at, satchel_buffer_view(&next)));
    } while (next.bytes > 0);
    satchel_query_close(query);
    satchel_buffer_deinit(&at);
    satchel_buffer_deinit(&next);
    return found;
}

TEST(search, pages_of_few_and_of_many_found_rows_are_the_same_list) {
    static const struct {
        const char *words;
        uint32_t found;
        bool many;
    } cases[] = {{"every", MANY - 1, true},
                 {"half", MANY / 2 - 1, true},
                 {"rare", MANY / 100 - 1, false},
                 {"ev ha", MANY / 2 - 1, true},
                 {"none", 0, false}};
    store_kit kit = with_many();
    satchel_table *table = satchel_table_of(kit.store, CUSTOMER);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        satchel_text match;
        bool none = false, many = false;
        REQUIRE_OK(satchel_search_match(satchel_text_of(cases[i].words), &kit.arena, &match, &none));
        REQUIRE_OK(satchel_found_look(kit.store, table, match, 20, &many, NULL));
        CHECK(many == cases[i].many);
        const found_rows found = page_through(&kit, cases[i].words, 20);
        CHECK_UINT(found.count, cases[i].found);
        CHECK(found.in_order);
        CHECK_UINT(kit_find(&kit, cases[i].words), cases[i].found);
    }
    kit_close(&kit);
}
