/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox: items of processes that have no key arrive once, and nothing that lies there holds them up.
 */
#include "unit/device/fixture.h"

#include "device/device.h"
#include "device/inbox.h"

#include <satchel/inbox.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct seen_items {
    uint32_t count;
    satchel_id last;
    char kind[SATCHEL_INBOX_KIND_BYTES_MOST + 1];
    char content[256];
    size_t bytes;
    int64_t at_ms;
} seen_items;

static satchel_status look(void *context, const satchel_inbox_item *item) {
    seen_items *seen = context;
    seen->count++;
    seen->last = item->id;
    snprintf(seen->kind, sizeof seen->kind, "%.*s", (int)item->kind.bytes, item->kind.data);
    seen->bytes = item->content.bytes;
    seen->at_ms = item->at_ms;
    if (item->content.bytes < sizeof seen->content) {
        memcpy(seen->content, item->content.data, item->content.bytes);
        seen->content[item->content.bytes] = 0;
    }
    return SATCHEL_OK;
}

static seen_items list(phone *p) {
    seen_items seen = {0};
    REQUIRE_OK(satchel_inbox_list(p->device, look, &seen, &p->error));
    return seen;
}

static satchel_id id_of(uint32_t number) {
    satchel_id id = {{1}};
    satchel_put_u32be(id.bytes + 12, number);
    return id;
}

static satchel_status put(phone *p, uint32_t number, const char *content) {
    const satchel_inbox_item item = {id_of(number), satchel_text_of("text"), satchel_bytes_of(content, strlen(content)),
                                     77};
    return satchel_inbox_put(p->folder, &item, &p->error);
}

static satchel_inbox_taken take(phone *p) {
    satchel_inbox_taken taken;
    REQUIRE_OK(satchel_inbox_take(p->device, &taken, &p->error));
    return taken;
}

static void path_of(const phone *p, const char *name, char out[TEST_PATH_BYTES + 64]) {
    snprintf(out, TEST_PATH_BYTES + 64, "%s/%s", p->folder, name);
}

static void set_up(phone *p, uint64_t seed) {
    phone_init(p, seed);
    phone_create(p);
}

TEST(inbox, an_item_put_while_the_store_is_shut_is_there_when_it_opens) {
    phone p;
    set_up(&p, 801);
    phone_close(&p);
    REQUIRE_OK(put(&p, 1, "买茶 buy tea"));
    phone_open(&p);
    seen_items seen = list(&p);
    CHECK_UINT(seen.count, 1);
    CHECK_TEXT(seen.kind, "text");
    CHECK_TEXT(seen.content, "买茶 buy tea");
    CHECK_INT(seen.at_ms, 77);
    uint64_t waiting = 9;
    CHECK_OK(satchel_inbox_waiting(p.folder, &waiting));
    CHECK_UINT(waiting, 0);
    phone_deinit(&p);
}

TEST(inbox, one_id_is_one_item_however_often_it_is_put) {
    phone p;
    set_up(&p, 802);
    REQUIRE_OK(put(&p, 1, "first"));
    REQUIRE_OK(put(&p, 1, "again"));
    CHECK_UINT(take(&p).items, 1);
    REQUIRE_OK(put(&p, 1, "after it was taken"));
    satchel_inbox_taken taken = take(&p);
    CHECK_UINT(taken.items, 0);
    CHECK_UINT(taken.known, 1);
    CHECK_TEXT(list(&p).content, "first");
    const satchel_id id = id_of(1);
    REQUIRE_OK(satchel_inbox_acknowledge(p.device, &id, &p.error));
    REQUIRE_OK(put(&p, 1, "after it was acknowledged"));
    CHECK_UINT(take(&p).known, 1);
    CHECK_UINT(list(&p).count, 0);
    CHECK_OK(satchel_inbox_acknowledge(p.device, &id, &p.error));
    const satchel_id other = id_of(2);
    CHECK_STATUS(satchel_inbox_acknowledge(p.device, &other, &p.error), SATCHEL_NOT_FOUND);
    phone_deinit(&p);
}

static bool holds(const char *bytes, size_t count, const char *text) {
    size_t wanted = strlen(text);
    for (size_t i = 0; i + wanted <= count; i++) {
        if (memcmp(bytes + i, text, wanted) == 0) {
            return true;
        }
    }
    return false;
}

TEST(inbox, what_is_put_is_not_legible_on_the_disk) {
    phone p;
    char bytes[4096];
    set_up(&p, 803);
    REQUIRE_OK(put(&p, 1, "KANARIENVOGEL"));
    size_t got = phone_file_read(&p, "inbox/01000000000000000000000000000001", bytes, sizeof bytes);
    CHECK(got > 13);
    CHECK(!holds(bytes, got, "KANARIENVOGEL"));
    CHECK(!holds(bytes, got, "text"));
    phone_deinit(&p);
}

TEST(inbox, items_have_their_limits) {
    static char content[SATCHEL_INBOX_ITEM_BYTES_MOST + 1];
    static char kind[SATCHEL_INBOX_KIND_BYTES_MOST + 1];
    phone p;
    set_up(&p, 804);
    memset(content, 'x', sizeof content);
    memset(kind, 'k', sizeof kind);
    satchel_inbox_item item = {id_of(1),
                               {kind, SATCHEL_INBOX_KIND_BYTES_MOST},
                               satchel_bytes_of(content, SATCHEL_INBOX_ITEM_BYTES_MOST),
                               INT64_MIN};
    CHECK_OK(satchel_inbox_put(p.folder, &item, &p.error));
    CHECK_UINT(take(&p).items, 1);
    CHECK_UINT(list(&p).bytes, SATCHEL_INBOX_ITEM_BYTES_MOST);
    item.content.bytes++;
    CHECK_STATUS(satchel_inbox_put(p.folder, &item, &p.error), SATCHEL_TOO_LONG);
    item.content.bytes = 0;
    item.kind.bytes++;
    CHECK_STATUS(satchel_inbox_put(p.folder, &item, &p.error), SATCHEL_TOO_LONG);
    item.kind = (satchel_text){"\xff", 1};
    CHECK_STATUS(satchel_inbox_put(p.folder, &item, &p.error), SATCHEL_BAD_TEXT);
    item = (satchel_inbox_item){.kind = satchel_text_of("x")};
    CHECK_STATUS(satchel_inbox_put(p.folder, &item, &p.error), SATCHEL_INVALID_ARGUMENT);
    phone_deinit(&p);
}

TEST(inbox, folder_and_store_hold_so_many_and_go_on_after_an_acknowledgement) {
    phone p;
    set_up(&p, 805);
    for (uint32_t i = 0; i < SATCHEL_INBOX_ITEMS_MOST; i++) {
        REQUIRE_OK(put(&p, i, "x"));
    }
    CHECK_STATUS(put(&p, SATCHEL_INBOX_ITEMS_MOST, "x"), SATCHEL_LIMIT_EXCEEDED);
    CHECK_UINT(take(&p).items, SATCHEL_INBOX_ITEMS_MOST);
    REQUIRE_OK(put(&p, SATCHEL_INBOX_ITEMS_MOST, "one more"));
    satchel_inbox_taken taken = take(&p);
    CHECK_UINT(taken.items, 0);
    CHECK(taken.more);
    const satchel_id first = id_of(0);
    REQUIRE_OK(satchel_inbox_acknowledge(p.device, &first, &p.error));
    CHECK_UINT(take(&p).items, 1);
    CHECK_TEXT(list(&p).content, "one more");
    phone_deinit(&p);
}

/* The oldest of the remembered ids is forgotten: that item would come again. */
TEST(inbox, so_many_acknowledged_ids_are_remembered) {
    phone p;
    set_up(&p, 806);
    for (uint32_t i = 0; i <= SATCHEL_INBOX_DONE_MOST; i++) {
        const satchel_id id = id_of(i);
        REQUIRE_OK(put(&p, i, "x"));
        REQUIRE(take(&p).items == 1);
        REQUIRE_OK(satchel_inbox_acknowledge(p.device, &id, &p.error));
    }
    REQUIRE_OK(put(&p, 1, "x"));
    CHECK_UINT(take(&p).known, 1);
    REQUIRE_OK(put(&p, 0, "x"));
    CHECK_UINT(take(&p).items, 1);
    phone_deinit(&p);
}

TEST(inbox, hostile_files_are_set_aside_and_hold_nothing_up) {
    phone p;
    char path[TEST_PATH_BYTES + 64];
    char target[TEST_PATH_BYTES + 64];
    struct stat found;
    static uint8_t large[SATCHEL_INBOX_FILE_BYTES + 1];
    set_up(&p, 807);
    REQUIRE_OK(put(&p, 5, "good"));
    phone_file_write(&p, "inbox/00000000000000000000000000000001", "short", 5);
    phone_file_write(&p, "inbox/00000000000000000000000000000002", large, sizeof large);
    phone_file_write(&p, "inbox/strange name", "x", 1);
    phone_file_write(&p, "outside", "secret", 6);
    path_of(&p, "inbox/00000000000000000000000000000003", path);
    path_of(&p, "outside", target);
    REQUIRE(symlink(target, path) == 0);
    path_of(&p, "inbox/00000000000000000000000000000004", path);
    REQUIRE(mkdir(path, 0700) == 0);
    path_of(&p, "inbox/00000000000000000000000000000006", path);
    REQUIRE(mkfifo(path, 0600) == 0);
    satchel_inbox_taken taken = take(&p);
    CHECK_UINT(taken.items, 1);
    CHECK_UINT(taken.set_aside, 6);
    CHECK_TEXT(list(&p).content, "good");
    CHECK_UINT(take(&p).set_aside, 0);
    CHECK(stat(target, &found) == 0 && found.st_size == 6);
    path_of(&p, "inbox-bad/00000000000000000000000000000001", path);
    CHECK(stat(path, &found) == 0);
    phone_deinit(&p);
}

TEST(inbox, every_flipped_bit_of_an_item_is_found) {
    phone p;
    uint8_t bytes[512];
    set_up(&p, 808);
    REQUIRE_OK(put(&p, 1, "x"));
    size_t count = phone_file_read(&p, "inbox/01000000000000000000000000000001", bytes, sizeof bytes);
    for (size_t bit = 0; bit < count * 8; bit++) {
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
        phone_file_write(&p, "inbox/01000000000000000000000000000001", bytes, count);
        test_note("bit %zu", bit);
        REQUIRE(take(&p).set_aside == 1);
        bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
    }
    phone_file_write(&p, "inbox/02000000000000000000000000000001", bytes, count); /* under another id */
    CHECK_UINT(take(&p).set_aside, 1);
    phone_file_write(&p, "inbox/01000000000000000000000000000001", bytes, count);
    CHECK_UINT(take(&p).items, 1);
    phone_deinit(&p);
}

TEST(inbox, a_key_that_was_replaced_is_put_right_and_reads_nothing_afterwards) {
    phone p;
    uint8_t mine[128];
    set_up(&p, 809);
    size_t count = phone_file_read(&p, SATCHEL_INBOX_KEY_FILE, mine, sizeof mine);
    mine[6] ^= 1;
    phone_file_write(&p, SATCHEL_INBOX_KEY_FILE, mine, count);
    CHECK_STATUS(put(&p, 1, "x"), SATCHEL_DAMAGED);
    CHECK_UINT(take(&p).items, 0);
    CHECK_OK(put(&p, 1, "x"));
    CHECK_UINT(take(&p).items, 1);
    phone_deinit(&p);
}

TEST(inbox, without_a_store_nothing_is_put) {
    phone p;
    phone_init(&p, 810);
    CHECK_STATUS(put(&p, 1, "x"), SATCHEL_NOT_FOUND);
    phone_create(&p);
    REQUIRE_OK(satchel_device_lock(p.device, &p.error));
    satchel_inbox_taken taken;
    const satchel_id id = id_of(1);
    CHECK_OK(put(&p, 1, "x"));
    CHECK_STATUS(satchel_inbox_take(p.device, &taken, &p.error), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_inbox_list(p.device, look, NULL, &p.error), SATCHEL_LOCKED);
    CHECK_STATUS(satchel_inbox_acknowledge(p.device, &id, &p.error), SATCHEL_LOCKED);
    REQUIRE_OK(satchel_device_unlock(p.device, NULL, &p.error));
    CHECK_UINT(list(&p).count, 1);
    phone_deinit(&p);
}

TEST(inbox, what_waits_keeps_a_store_from_being_retired) {
    phone p;
    satchel_wipe_receipt receipt;
    phone_ready(&p, 811);
    REQUIRE_OK(put(&p, 1, "x"));
    CHECK_STATUS(satchel_device_retire(p.device, &receipt, &p.error), SATCHEL_REQUIRED_BEFORE);
    CHECK_UINT(receipt.inbox_items, 1);
    CHECK_UINT(take(&p).items, 1);
    CHECK_STATUS(satchel_device_retire(p.device, &receipt, &p.error), SATCHEL_REQUIRED_BEFORE);
    CHECK_UINT(receipt.inbox_items, 1);
    const satchel_id id = id_of(1);
    REQUIRE_OK(satchel_inbox_acknowledge(p.device, &id, &p.error));
    CHECK_OK(satchel_device_retire(p.device, &receipt, &p.error));
    phone_deinit(&p);
}

/* What a kill between two steps leaves: the file of an item that is taken, a temporary name, content without a place.
 */
TEST(inbox, every_state_that_a_kill_leaves_is_gone_on_from) {
    phone p;
    uint8_t bytes[512];
    set_up(&p, 812);
    REQUIRE_OK(put(&p, 1, "x"));
    size_t count = phone_file_read(&p, "inbox/01000000000000000000000000000001", bytes, sizeof bytes);
    phone_file_write(&p, "inbox/tmp-0123456789abcdef", bytes, 3);
    CHECK_UINT(take(&p).items, 1);
    phone_file_write(&p, "inbox/01000000000000000000000000000001", bytes, count);
    satchel_inbox_taken taken = take(&p);
    CHECK_UINT(taken.known, 1);
    CHECK_UINT(taken.set_aside, 0);
    CHECK_UINT(list(&p).count, 1);
    phone_close(&p);
    phone_open(&p);
    CHECK_UINT(list(&p).count, 1);
    phone_deinit(&p);
}

/* The commit with this number fails, as on a disk that does. */
static int refuse_nth(void *context) {
    unsigned *left = context;
    *left -= *left > 0 ? 1 : 0;
    return *left == 0;
}

TEST(inbox, no_item_is_named_without_its_content) {
    phone p;
    set_up(&p, 813);
    REQUIRE_OK(put(&p, 1, "whole"));
    for (unsigned nth = 1; nth <= 3; nth++) {
        unsigned left = nth;
        satchel_inbox_taken taken;
        sqlite3 *database = satchel_vault_database(p.device->vault);
        sqlite3_commit_hook(database, refuse_nth, &left);
        satchel_status status = satchel_inbox_take(p.device, &taken, &p.error);
        sqlite3_commit_hook(database, NULL, NULL);
        test_note("commit %u", nth);
        CHECK(nth <= 2 ? status != SATCHEL_OK : status == SATCHEL_OK);
        seen_items seen = list(&p); /* ends the test if a content is missing */
        CHECK_UINT(seen.count, nth <= 2 ? 0 : 1);
    }
    CHECK_TEXT(list(&p).content, "whole");
    phone_deinit(&p);
}
