/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox's files, into whose folder any process may write: [0][what a box held], [1][the file of the public key],
 * [2][a file among those that wait: its name 40, its content]. What is read is what was put; what is strange is counted
 * and left to who clears away.
 */
#include "fuzz/support/fuzz.h"

#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/inbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_BYTES(bytes) ((bytes)*4 + 2 * SATCHEL_INBOX_FILE_BYTES + 1048576)
#define NAME_BYTES 40

static const satchel_id fixed_id = {{1, 2, 3}};

static void try_item(satchel_bytes plain) {
    satchel_inbox_item item;
    if (satchel_inbox_item_read(plain, &fixed_id, &item)) {
        FUZZ_HOLDS(item.kind.bytes <= SATCHEL_INBOX_KIND_BYTES_MOST && satchel_text_valid(item.kind));
        FUZZ_HOLDS(item.content.bytes <= SATCHEL_INBOX_ITEM_BYTES_MOST);
        FUZZ_HOLDS(item.kind.bytes + item.content.bytes < plain.bytes);
        FUZZ_HOLDS(satchel_id_equal(&item.id, &fixed_id));
    }
}

/* A folder for one process, gone at its end. */
static const char *folder(void) {
    static char path[] = "/tmp/satchel-fuzz-inbox-XXXXXX";
    static bool made;
    if (!made) {
        FUZZ_HOLDS(mkdtemp(path) != NULL);
        made = true;
    }
    return path;
}

static void put_file(int at, const char *name, satchel_bytes content) {
    int file = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file >= 0) {
        ssize_t put = content.bytes > 0 ? write(file, content.data, content.bytes) : 0;
        FUZZ_HOLDS(put == (ssize_t)content.bytes);
        close(file);
    }
}

static void clear(void) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    FUZZ_HOLDS(satchel_inbox_erase(folder(), &error) == SATCHEL_OK);
}

static void try_key(satchel_bytes content) {
    int at = open(folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t waiting = 9;
    const satchel_inbox_item item = {
        .id = fixed_id, .kind = satchel_text_of("text"), .content = satchel_bytes_of("hello", 5), .at_ms = 5};
    FUZZ_HOLDS(at >= 0);
    put_file(at, SATCHEL_INBOX_KEY_FILE, content);
    satchel_status status = satchel_inbox_put(folder(), &item, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_DAMAGED || status == SATCHEL_NOT_FOUND);
    FUZZ_HOLDS(satchel_inbox_waiting(folder(), &waiting) == SATCHEL_OK);
    FUZZ_HOLDS(waiting == (status == SATCHEL_OK ? 1u : 0u));
    close(at);
    clear();
}

static void try_file(satchel_reader *input) {
    char name[NAME_BYTES + 1] = "";
    satchel_inbox_names names = {NULL, 0, 0};
    satchel_buffer content = {NULL, 0, 0};
    fuzz_fill(input, (uint8_t *)name, NAME_BYTES);
    int at = satchel_inbox_folder(folder(), SATCHEL_INBOX_FOLDER, true);
    FUZZ_HOLDS(at >= 0);
    bool usable = name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    if (usable) {
        put_file(at, name, fuzz_rest(input));
    }
    FUZZ_HOLDS(satchel_inbox_scan(at, &names) == SATCHEL_OK);
    FUZZ_HOLDS(names.count + names.strange <= 1);
    for (uint32_t i = 0; i < names.count; i++) {
        FUZZ_HOLDS(strcmp(names.items[i], name) == 0);
        satchel_status status = satchel_inbox_read(at, name, SATCHEL_INBOX_FILE_BYTES, &content);
        FUZZ_HOLDS(status == SATCHEL_OK && satchel_bytes_equal(satchel_buffer_view(&content), fuzz_rest(input)));
    }
    satchel_memory_give(names.items);
    satchel_buffer_deinit(&content);
    close(at);
    clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    fuzz_begin();
    switch (fuzz_choice(&input, 3)) {
    case 0: try_item(fuzz_rest(&input)); break;
    case 1: try_key(fuzz_rest(&input)); break;
    default: try_file(&input); break;
    }
    FUZZ_HOLDS(rmdir(folder()) == 0 && mkdir(folder(), 0700) == 0); /* nothing is left in it */
    fuzz_end(MEMORY_BYTES(bytes));
    return 0;
}

static void seed_of(uint8_t choice, satchel_bytes rest) {
    satchel_buffer seed = {NULL, 0, 0};
    fuzz_start_seed(&seed, choice);
    fuzz_append(&seed, rest);
    fuzz_seed(satchel_buffer_view(&seed));
    satchel_buffer_deinit(&seed);
}

void fuzz_seeds(void) {
    static const uint8_t item[] = {1, 4, 't', 'e', 'x', 't', 10, 'h', 'e', 'l', 'l', 'o'};
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_buffer content = {NULL, 0, 0};
    char name[NAME_BYTES + 1] = "";
    seed_of(0, satchel_bytes_of(item, sizeof item));
    fuzz_fixed_key(key, sizeof key);
    FUZZ_HOLDS(satchel_inbox_publish(folder(), key) == SATCHEL_OK);
    int at = open(folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_HOLDS(satchel_inbox_read(at, SATCHEL_INBOX_KEY_FILE, 4096, &content) == SATCHEL_OK);
    seed_of(1, satchel_buffer_view(&content));
    satchel_inbox_name(&fixed_id, name);
    satchel_buffer_clear(&content);
    fuzz_append(&content, satchel_bytes_of(name, NAME_BYTES));
    fuzz_append(&content, satchel_bytes_of(item, sizeof item));
    seed_of(2, satchel_buffer_view(&content));
    content.data[0] = 'x';
    seed_of(2, satchel_buffer_view(&content));
    satchel_buffer_deinit(&content);
    close(at);
    clear();
    (void)rmdir(folder());
}
