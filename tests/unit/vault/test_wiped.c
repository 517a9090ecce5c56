/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is left of keys in the memory of the process once a vault is locked, closed, re-keyed, or was never opened:
 * nothing. Every mapping that can be read and written is searched for the bytes of every key.
 *
 * The needles come from a child process, masked, so that the search itself never holds one. Not with a sanitizer: its
 * shadow is terabytes, and its quarantine keeps what was freed. Pages in SQLite's cache are rows, not keys.
 */
#include "fixture.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if defined(__linux__) && !defined(SANITIZED)

#include "crypto/derive.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "vault/keyring.h"
#include "vault/message_keys.h"
#include "vault/page.h"
#include "vault/slot.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MASK 0xa5u
#define NEEDLE_BYTES 16u /* so much of a key is found, at either end of it */
#define NEEDLES_MOST 128
#define PIN_TEXT "8402957316048275"
#define NEXT_PIN_TEXT "5160392847201936"

typedef struct needle {
    char name[24];
    uint8_t masked[NEEDLE_BYTES];
} needle;

typedef struct needle_set {
    needle item[NEEDLES_MOST];
    size_t count;
} needle_set;

/* ---- in the child ---- */

static void add(needle_set *set, const char *name, const void *bytes, size_t count) {
    for (size_t at = 0; at + NEEDLE_BYTES <= count; at += NEEDLE_BYTES) {
        needle *made = &set->item[set->count++];
        (void)snprintf(made->name, sizeof made->name, "%s+%zu", name, at);
        for (size_t index = 0; index < NEEDLE_BYTES; index++) {
            made->masked[index] = ((const uint8_t *)bytes)[at + index] ^ MASK;
        }
    }
}

/* The keystore's secret follows from its byte in a way that leaves no run of equal bytes. */
static satchel_status spread_secret(void *context, uint8_t out[32]) {
    const fake_keystore *keystore = context;
    for (unsigned index = 0; index < 32; index++) {
        out[index] = (uint8_t)(keystore->byte * 31u + index * index * 7u + index * 13u + 5u);
    }
    return keystore->status;
}

static void add_keys(needle_set *set, const satchel_vault_keys *keys, const satchel_message_keys *message) {
    static const char *const names[] = {"", "page", "wal", "key file", "4", "5", "6", "7", "messages"};
    add(set, "data", keys->data, SATCHEL_KEY_BYTES);
    for (size_t number = 1; number < SATCHEL_SUBKEY_COUNT; number++) {
        add(set, names[number], keys->sub[number], SATCHEL_KEY_BYTES);
    }
    for (uint32_t index = 0; index < message->count; index++) {
        add(set, "message", message->key[index], SATCHEL_KEY_BYTES);
        for (size_t purpose = 0; purpose < SATCHEL_MESSAGE_PURPOSES; purpose++) {
            add(set, "purpose", message->sub[index][purpose], SATCHEL_KEY_BYTES);
        }
    }
}

/* AES-256-GCM expands a key for each epoch of nonces: here that of page 2. */
static void add_expanded(needle_set *set, const vault_fixture *fixture, satchel_vault_keys *keys) {
    satchel_buffer store = file_bytes(fixture, "store.db");
    uint8_t page[SATCHEL_PAGE_BYTES];
    REQUIRE(store.bytes >= 2 * SATCHEL_PAGE_BYTES);
    REQUIRE_OK(satchel_page_unseal(keys, 2, store.data + SATCHEL_PAGE_BYTES, page));
    add(set, "expanded", keys->page.expanded[keys->page.last], 64);
    satchel_buffer_deinit(&store);
}

/* Whatever opening this vault brings into memory. */
static void collect(needle_set *set, const vault_fixture *fixture) {
    satchel_keyring keyring;
    uint8_t secret[32], stretched[32];
    satchel_vault_keys *keys = satchel_vault_keys_take();
    satchel_message_keys *message = satchel_secret_take(sizeof *message);
    const satchel_vault_unlock *unlock = &fixture->config.unlock;
    satchel_keyring_policy policy = {.wrong_pins_max = 10, .random = fixture->config.random};
    REQUIRE_OK(satchel_keyring_load(&keyring, satchel_vault_files_posix(), fixture->temp.path, NULL));
    REQUIRE_OK(satchel_keyring_unlock(&keyring, unlock, &policy, keys, NULL));
    REQUIRE_OK(satchel_message_keys_read(&keyring.file, keys, message));
    add_keys(set, keys, message);
    if (keys->cipher == SATCHEL_CIPHER_AES256_GCM) {
        add_expanded(set, fixture, keys);
    }
    (void)spread_secret(unlock->keystore.context, secret);
    add(set, "keystore", secret, sizeof secret);
    if (unlock->slot == SATCHEL_VAULT_SLOT_PIN_DEVICE) {
        size_t index = satchel_key_file_find(&keyring.file, SATCHEL_VAULT_SLOT_PIN_DEVICE);
        const satchel_key_slot *slot = &keyring.file.slots[index];
        add(set, "PIN", unlock->pin.data, unlock->pin.bytes);
        REQUIRE_OK(satchel_derive_from_pin(unlock->pin, slot->salt, slot->passes, slot->memory_kib, stretched));
        add(set, "Argon2id", stretched, sizeof stretched);
    }
}

/* Runs `collect` in a child, and takes over its masked needles. */
static void learn(needle_set *set, const vault_fixture *fixture) {
    int ends[2];
    needle_set more = {0};
    REQUIRE_INT(pipe(ends), 0);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        collect(&more, fixture);
        _exit(write(ends[1], &more, sizeof more) == (ssize_t)sizeof more ? 0 : 1);
    }
    (void)close(ends[1]);
    size_t got = 0;
    for (ssize_t part = 1; part > 0 && got<sizeof more; got += part> 0 ? (size_t)part : 0) {
        part = read(ends[0], (uint8_t *)&more + got, sizeof more - got);
    }
    (void)close(ends[0]);
    REQUIRE(waitpid(child, NULL, 0) == child && got == sizeof more);
    REQUIRE(more.count > 0 && set->count + more.count <= NEEDLES_MOST);
    memcpy(&set->item[set->count], more.item, more.count * sizeof more.item[0]);
    set->count += more.count;
}

/* ---- the search ---- */

static bool matches(const uint8_t *at, const needle *wanted) {
    size_t index = 0;
    while (index < NEEDLE_BYTES && (at[index] ^ MASK) == wanted->masked[index]) {
        index++;
    }
    return index == NEEDLE_BYTES;
}

static const needle *find_in(const uint8_t *from, const uint8_t *to, const needle_set *set) {
    bool first[256] = {false};
    for (size_t index = 0; index < set->count; index++) {
        first[set->item[index].masked[0] ^ MASK] = true;
    }
    for (const uint8_t *at = from; to - at >= (ptrdiff_t)NEEDLE_BYTES; at++) {
        for (size_t index = 0; first[*at] && index < set->count; index++) {
            if (matches(at, &set->item[index])) {
                return &set->item[index];
            }
        }
    }
    return NULL;
}

/* Where a key was found, NULL: nowhere. `where` gets the line of the mapping. */
static const needle *find_anywhere(const needle_set *set, char *where, int where_bytes) {
    const needle *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "r");
    REQUIRE(maps != NULL);
    while (found == NULL && fgets(where, where_bytes, maps) != NULL) {
        unsigned long from = 0, to = 0;
        char mode[8] = "";
        if (sscanf(where, "%lx-%lx %4s", &from, &to, mode) == 3 && mode[0] == 'r' && mode[1] == 'w') {
            found = find_in((const uint8_t *)from, (const uint8_t *)to, set);
        }
    }
    (void)fclose(maps);
    return found;
}

static void expect_nothing(const needle_set *set, const char *when) {
    char where[512];
    const needle *found = find_anywhere(set, where, sizeof where);
    if (found != NULL) {
        test_note("%s: %s in %s", when, found->name, where);
    }
    CHECK(found == NULL);
}

/* ---- tests ---- */

static void make(vault_fixture *fixture, bool with_pin, uint32_t cipher) {
    fixture_init(fixture);
    fixture->config.unlock.keystore.secret = spread_secret;
    fixture->config.cipher = cipher;
    if (with_pin) {
        fixture_use_pin(fixture, PIN_TEXT);
    }
    fixture_create(fixture);
    fill_rows(fixture->vault, 20);
    fixture_close(fixture);
}

/* While a vault is open its keys are in memory: the search finds them. */
TEST(wiped, the_search_finds_the_keys_of_an_open_vault) {
    vault_fixture fixture;
    needle_set set = {0};
    char where[512];
    make(&fixture, true, 0);
    learn(&set, &fixture);
    fixture_open(&fixture);
    CHECK(find_anywhere(&set, where, sizeof where) != NULL);
    fixture_deinit(&fixture);
}

TEST(wiped, no_key_is_left_after_lock_and_close) {
    static const uint32_t ciphers[] = {SATCHEL_CIPHER_XCHACHA20_POLY1305, SATCHEL_CIPHER_AES256_GCM,
                                       SATCHEL_CIPHER_AEGIS256};
    for (size_t index = 0; index < 2 * sizeof ciphers / sizeof ciphers[0]; index++) {
        uint32_t cipher = ciphers[index / 2];
        if (satchel_cipher_available((satchel_cipher)cipher)) {
            vault_fixture fixture;
            needle_set set = {0};
            make(&fixture, index % 2 == 0, cipher);
            learn(&set, &fixture);
            expect_nothing(&set, "closed after creation");
            fixture_open(&fixture);
            fill_rows(fixture.vault, 40);
            REQUIRE_OK(satchel_vault_checkpoint(fixture.vault, NULL));
            REQUIRE_OK(satchel_vault_lock(fixture.vault, NULL));
            expect_nothing(&set, "locked");
            REQUIRE_OK(satchel_vault_unlock_again(fixture.vault, &fixture.config.unlock, NULL));
            CHECK_OK(satchel_vault_check(fixture.vault, &fixture.config.unlock, NULL));
            fixture_close(&fixture);
            expect_nothing(&set, "closed");
            fixture_deinit(&fixture);
        }
    }
}

TEST(wiped, no_key_is_left_after_an_unlock_that_failed) {
    vault_fixture fixture;
    needle_set set = {0};
    make(&fixture, true, 0);
    learn(&set, &fixture);
    fixture_use_pin(&fixture, NEXT_PIN_TEXT);
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_WRONG_PIN);
    expect_nothing(&set, "a wrong PIN");
    fixture_use_pin(&fixture, PIN_TEXT);
    satchel_buffer store = file_bytes(&fixture, "store.db");
    file_remove(&fixture, "store.db");
    CHECK_STATUS(fixture_try_open(&fixture), SATCHEL_NOT_FOUND);
    memset(store.data, 0, 4096);
    file_write(&fixture, "store.db", satchel_buffer_view(&store));
    CHECK(fixture_try_open(&fixture) != SATCHEL_OK); /* after the key was derived */
    expect_nothing(&set, "a damaged store");
    satchel_buffer_deinit(&store);
    fixture_deinit(&fixture);
}

TEST(wiped, neither_the_old_nor_the_new_keys_are_left_after_a_change) {
    vault_fixture fixture;
    needle_set set = {0};
    uint8_t public_key[32];
    static const uint8_t seed[32] = {1, 2, 3};
    make(&fixture, true, 0);
    learn(&set, &fixture);
    fixture_open(&fixture);
    satchel_box_public(seed, public_key);
    REQUIRE_OK(satchel_vault_escrow_put(fixture.vault, public_key, NULL));
    satchel_vault_unlock next = fixture.config.unlock;
    next.pin = satchel_text_of(NEXT_PIN_TEXT);
    REQUIRE_OK(satchel_vault_rekey(fixture.vault, &next, 1, NULL));
    fill_rows(fixture.vault, 5);
    fixture_close(&fixture);
    expect_nothing(&set, "the old keys");
    needle_set new_set = {0};
    fixture.config.unlock = next;
    learn(&new_set, &fixture);
    expect_nothing(&new_set, "the new keys");
    fixture.config.unlock = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_ESCROW, .recovery = seed};
    fixture_open(&fixture);
    fixture_close(&fixture);
    expect_nothing(&new_set, "after a recovery");
    fixture_deinit(&fixture);
}

/* The box's content passes through the heap. */
TEST(wiped, an_opened_box_leaves_no_copy) {
    static const uint8_t seed[32] = {1, 2, 3};
    uint8_t public_key[32], key[SATCHEL_KEY_BYTES];
    satchel_key_file file = {0};
    satchel_key_slot slot;
    needle_set set = {.count = 2};
    for (size_t index = 0; index < sizeof key; index++) {
        key[index] = (uint8_t)(index * index * 11 + 77);
        set.item[index / NEEDLE_BYTES].masked[index % NEEDLE_BYTES] = (uint8_t)(key[index] ^ MASK);
    }
    REQUIRE_OK(satchel_crypto_init());
    satchel_box_public(seed, public_key);
    REQUIRE_OK(satchel_slot_box(&file, public_key, satchel_random_system(), key, &slot));
    satchel_secret_wipe(key, sizeof key);
    REQUIRE_OK(satchel_slot_unbox(&file, &slot, seed, key));
    satchel_secret_wipe(key, sizeof key);
    satchel_secret_wipe_stack();
    expect_nothing(&set, "an opened box");
}

#endif
