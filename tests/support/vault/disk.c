/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk in memory. A file is a node; names point to nodes, once as the process sees it and once as it is durable.
 * A content is made of blocks that contents share until one of them writes: a copy of a disk costs little.
 */
#include "disk.h"

#include "support/random.h"
#include "support/test.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MOST 32
#define NAME_BYTES 256
#define SECTOR_BYTES 512u
#define CACHE_PAGE_BYTES 4096u
#define BLOCK_BYTES 4096u
#define LOCKS_MOST 8

/* A write or, if `data` is NULL, a truncation to `offset` bytes. */
typedef struct disk_change {
    struct disk_change *next;
    uint64_t offset;
    uint64_t bytes;
    uint8_t *data;
} disk_change;

typedef struct disk_block {
    uint32_t users;
    uint8_t data[BLOCK_BYTES];
} disk_block;

/* Behind its end a content holds nothing but zeros; a block that is NULL is zeros. */
typedef struct disk_content {
    disk_block **blocks;
    uint64_t room; /* in blocks; those from the end on are NULL */
    uint64_t bytes;
} disk_content;

typedef struct disk_node {
    struct disk_node *next;
    disk_content now;
    disk_content durable;
    disk_change *first;
    disk_change *last;
} disk_node;

typedef struct disk_name {
    char text[NAME_BYTES];
    disk_node *now;
    disk_node *durable;
} disk_name;

struct test_disk {
    sqlite3_vfs vfs;
    satchel_vault_files files;
    disk_node *nodes;
    disk_name names[NAMES_MOST];
    size_t name_count;
    char locks[LOCKS_MOST][NAME_BYTES];
    uint64_t operations;
    uint64_t fails_at;
    bool fails_forever;
    test_fault fault;
    bool lies;
    uint64_t syncs;
    uint64_t sync_fails_at;
    const disk_node *bad_node; /* its byte `bad_at` cannot be read */
    uint64_t bad_at;
    uint64_t changes;
    uint64_t mark;
    void (*watch)(void *context);
    void *watch_context;
};

typedef struct disk_file {
    sqlite3_file base;
    test_disk *disk;
    disk_node *node;
    bool names_itself; /* its sync makes its name durable */
} disk_file;

/* ---- contents ---- */

static void release(disk_block **block) {
    if (*block != NULL && --(*block)->users == 0) {
        free(*block);
    }
    *block = NULL;
}

static void share(disk_block **to, disk_block *block) {
    if (*to != block) {
        release(to);
        *to = block;
        if (block != NULL) {
            block->users++;
        }
    }
}

/* A block that nobody else sees. Its bytes are those of the one that was there unless all will be written. */
static uint8_t *own(disk_block **block, bool all) {
    disk_block *old = *block;
    if (old != NULL && old->users == 1) {
        return old->data;
    }
    disk_block *made = malloc(sizeof *made);
    REQUIRE(made != NULL);
    made->users = 1;
    if (old == NULL && !all) {
        memset(made->data, 0, sizeof made->data);
    } else if (!all) {
        memcpy(made->data, old->data, sizeof made->data);
    }
    release(block);
    *block = made;
    return made->data;
}

static uint64_t blocks_of(uint64_t bytes) {
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
}

static void make_room(disk_content *content, uint64_t blocks) {
    if (blocks > content->room) {
        uint64_t room = blocks + blocks / 2 + 8;
        content->blocks = realloc(content->blocks, room * sizeof *content->blocks);
        REQUIRE(content->blocks != NULL);
        memset(content->blocks + content->room, 0, (room - content->room) * sizeof *content->blocks);
        content->room = room;
    }
}

static void set_size(disk_content *content, uint64_t bytes) {
    uint64_t within = bytes % BLOCK_BYTES;
    make_room(content, blocks_of(bytes));
    for (uint64_t at = blocks_of(bytes); at < blocks_of(content->bytes); at++) {
        release(&content->blocks[at]);
    }
    if (bytes < content->bytes && within > 0) {
        memset(own(&content->blocks[bytes / BLOCK_BYTES], false) + within, 0, BLOCK_BYTES - within);
    }
    content->bytes = bytes;
}

static void put(disk_content *content, uint64_t offset, const uint8_t *data, uint64_t bytes) {
    if (offset + bytes > content->bytes) {
        set_size(content, offset + bytes);
    }
    while (bytes > 0) {
        uint64_t within = offset % BLOCK_BYTES;
        uint64_t part = bytes < BLOCK_BYTES - within ? bytes : BLOCK_BYTES - within;
        memcpy(own(&content->blocks[offset / BLOCK_BYTES], part == BLOCK_BYTES) + within, data, part);
        offset += part;
        data += part;
        bytes -= part;
    }
}

/* `bytes` of what is there; it must be. */
static void get(const disk_content *content, uint64_t offset, uint8_t *out, uint64_t bytes) {
    while (bytes > 0) {
        const disk_block *block = content->blocks[offset / BLOCK_BYTES];
        uint64_t within = offset % BLOCK_BYTES;
        uint64_t part = bytes < BLOCK_BYTES - within ? bytes : BLOCK_BYTES - within;
        if (block != NULL) {
            memcpy(out, block->data + within, part);
        } else {
            memset(out, 0, part);
        }
        offset += part;
        out += part;
        bytes -= part;
    }
}

static void share_range(disk_content *to, const disk_content *from, uint64_t first, uint64_t end) {
    for (uint64_t at = first; at < end; at++) {
        share(&to->blocks[at], at < from->room ? from->blocks[at] : NULL);
    }
}

static void copy_content(disk_content *to, const disk_content *from) {
    set_size(to, from->bytes);
    share_range(to, from, 0, blocks_of(from->bytes));
}

static void drop_content(disk_content *content) {
    set_size(content, 0);
    free(content->blocks);
}

/* What writes and truncations make of a content. */
static void apply(disk_content *content, const disk_change *change) {
    if (change->data == NULL) {
        set_size(content, change->offset);
    } else {
        put(content, change->offset, change->data, change->bytes);
    }
}

static void note_change(disk_node *node, uint64_t offset, const uint8_t *data, uint64_t bytes) {
    disk_change *made = calloc(1, sizeof *made);
    REQUIRE(made != NULL);
    made->offset = offset;
    made->bytes = bytes;
    if (data != NULL) {
        made->data = malloc(bytes + 1);
        REQUIRE(made->data != NULL);
        memcpy(made->data, data, bytes);
    }
    if (node->last != NULL) {
        node->last->next = made;
    } else {
        node->first = made;
    }
    node->last = made;
}

static void forget_changes(disk_node *node) {
    while (node->first != NULL) {
        disk_change *next = node->first->next;
        free(node->first->data);
        free(node->first);
        node->first = next;
    }
    node->last = NULL;
}

static void write_node(test_disk *disk, disk_node *node, uint64_t offset, const uint8_t *data, uint64_t bytes) {
    disk->changes++;
    put(&node->now, offset, data, bytes);
    note_change(node, offset, data, bytes);
}

static void truncate_node(test_disk *disk, disk_node *node, uint64_t bytes) {
    disk->changes++;
    set_size(&node->now, bytes);
    note_change(node, bytes, NULL, 0);
}

/* All changes together make of what is durable what is there now. */
static void sync_node(test_disk *disk, disk_node *node) {
    if (disk->lies) {
        return;
    }
    disk->changes++;
    set_size(&node->durable, node->now.bytes);
    for (const disk_change *change = node->first; change != NULL; change = change->next) {
        uint64_t end = change->data != NULL ? blocks_of(change->offset + change->bytes) : blocks_of(node->now.bytes);
        uint64_t last = blocks_of(node->now.bytes);
        share_range(&node->durable, &node->now, change->offset / BLOCK_BYTES, end < last ? end : last);
    }
    forget_changes(node);
}

/* ---- names ---- */

static disk_node *new_node(test_disk *disk) {
    disk_node *made = calloc(1, sizeof *made);
    REQUIRE(made != NULL);
    made->next = disk->nodes;
    disk->nodes = made;
    return made;
}

static disk_name *find_name(test_disk *disk, const char *text, bool make) {
    for (size_t index = 0; index < disk->name_count; index++) {
        if (strcmp(disk->names[index].text, text) == 0) {
            return &disk->names[index];
        }
    }
    if (!make) {
        return NULL;
    }
    REQUIRE(disk->name_count < NAMES_MOST && strlen(text) < NAME_BYTES);
    disk_name *made = &disk->names[disk->name_count++];
    memcpy(made->text, text, strlen(text) + 1);
    return made;
}

static disk_node *node_of(test_disk *disk, const char *text) {
    disk_name *found = find_name(disk, text, false);
    return found != NULL ? found->now : NULL;
}

static void sync_names(test_disk *disk) {
    disk->changes++;
    for (size_t index = 0; index < disk->name_count && !disk->lies; index++) {
        disk->names[index].durable = disk->names[index].now;
    }
}

/* Whether the operation that begins now fails. */
static bool fails(test_disk *disk) {
    if (disk->watch != NULL) {
        disk->watch(disk->watch_context);
    }
    disk->operations++;
    if (disk->fails_at == 0) {
        return false;
    }
    return disk->fails_forever ? disk->operations >= disk->fails_at : disk->operations == disk->fails_at;
}

static bool sync_fails(test_disk *disk) {
    disk->syncs++;
    return disk->syncs == disk->sync_fails_at;
}

/* ---- the VFS ---- */

static disk_file *file_of(sqlite3_file *base) {
    return (disk_file *)(void *)base;
}

static int disk_close(sqlite3_file *base) {
    (void)base;
    return SQLITE_OK;
}

static int disk_read(sqlite3_file *base, void *out, int amount, sqlite3_int64 offset) {
    disk_file *file = file_of(base);
    const disk_content *now = &file->node->now;
    if (fails(file->disk)) {
        return SQLITE_IOERR_READ;
    }
    uint64_t at = (uint64_t)offset, wanted = (uint64_t)amount;
    if (file->node == file->disk->bad_node && at <= file->disk->bad_at && file->disk->bad_at < at + wanted) {
        return SQLITE_IOERR_READ;
    }
    uint64_t there = at >= now->bytes ? 0 : now->bytes - at;
    uint64_t got = there < wanted ? there : wanted;
    if (got < wanted) {
        memset((uint8_t *)out + got, 0, wanted - got);
    }
    if (got > 0) {
        get(now, at, out, got);
    }
    return got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

/* A full disk takes a write as far as whole pages of the system's cache go; within one, a write is done or not. */
static uint64_t part_of(uint64_t offset, uint64_t bytes) {
    uint64_t end = (offset + bytes / 2) / CACHE_PAGE_BYTES * CACHE_PAGE_BYTES;
    return end > offset ? end - offset : 0;
}

static int disk_write(sqlite3_file *base, const void *data, int amount, sqlite3_int64 offset) {
    disk_file *file = file_of(base);
    bool failing = fails(file->disk);
    if (failing && file->disk->fault == TEST_FAULT_ERROR) {
        return SQLITE_IOERR_WRITE;
    }
    uint64_t bytes = (uint64_t)amount;
    write_node(file->disk, file->node, (uint64_t)offset, data, failing ? part_of((uint64_t)offset, bytes) : bytes);
    return failing ? SQLITE_FULL : SQLITE_OK;
}

static int disk_truncate(sqlite3_file *base, sqlite3_int64 size) {
    disk_file *file = file_of(base);
    if (fails(file->disk)) {
        return SQLITE_IOERR_TRUNCATE;
    }
    truncate_node(file->disk, file->node, (uint64_t)size);
    return SQLITE_OK;
}

static int disk_sync(sqlite3_file *base, int flags) {
    disk_file *file = file_of(base);
    (void)flags;
    if (fails(file->disk) || sync_fails(file->disk)) {
        return SQLITE_IOERR_FSYNC;
    }
    sync_node(file->disk, file->node);
    for (size_t index = 0; file->names_itself && !file->disk->lies && index < file->disk->name_count; index++) {
        if (file->disk->names[index].now == file->node) {
            file->disk->names[index].durable = file->node;
        }
    }
    return SQLITE_OK;
}

static int disk_size(sqlite3_file *base, sqlite3_int64 *out) {
    disk_file *file = file_of(base);
    *out = (sqlite3_int64)file->node->now.bytes;
    return fails(file->disk) ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int disk_lock(sqlite3_file *base, int level) {
    (void)base;
    (void)level;
    return SQLITE_OK;
}

static int disk_check_reserved(sqlite3_file *base, int *out) {
    (void)base;
    *out = 0;
    return SQLITE_OK;
}

static int disk_control(sqlite3_file *base, int op, void *argument) {
    (void)base;
    (void)op;
    (void)argument;
    return SQLITE_NOTFOUND;
}

static int disk_sector(sqlite3_file *base) {
    (void)base;
    return (int)SECTOR_BYTES;
}

static int disk_characteristics(sqlite3_file *base) {
    (void)base;
    return 0;
}

static const sqlite3_io_methods disk_methods = {
    .iVersion = 1,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
    .xLock = disk_lock,
    .xUnlock = disk_lock,
    .xCheckReservedLock = disk_check_reserved,
    .xFileControl = disk_control,
    .xSectorSize = disk_sector,
    .xDeviceCharacteristics = disk_characteristics,
};

static int disk_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out_flags) {
    test_disk *disk = vfs->pAppData;
    disk_file *file = file_of(base);
    memset(file, 0, sizeof *file);
    if (fails(disk)) {
        return SQLITE_CANTOPEN;
    }
    file->node = node_of(disk, path);
    if (file->node == NULL && (flags & SQLITE_OPEN_CREATE) == 0) {
        return SQLITE_CANTOPEN;
    }
    if (file->node == NULL) {
        file->node = new_node(disk);
        disk->changes++;
        find_name(disk, path, true)->now = file->node;
    }
    file->disk = disk;
    file->names_itself = (flags & SQLITE_OPEN_WAL) != 0;
    file->base.pMethods = &disk_methods;
    if (out_flags != NULL) {
        *out_flags = flags;
    }
    return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    test_disk *disk = vfs->pAppData;
    disk_name *found = find_name(disk, path, false);
    if (fails(disk)) {
        return SQLITE_IOERR_DELETE;
    }
    if (found == NULL || found->now == NULL) {
        return SQLITE_IOERR_DELETE_NOENT;
    }
    found->now = NULL;
    disk->changes++;
    if (sync_folder) {
        sync_names(disk);
    }
    return SQLITE_OK;
}

static int disk_access(sqlite3_vfs *vfs, const char *path, int flags, int *out) {
    test_disk *disk = vfs->pAppData;
    const disk_node *found = node_of(disk, path);
    (void)flags;
    *out = found != NULL && found->now.bytes > 0; /* as the unix VFS, which takes an empty WAL for none */
    return fails(disk) ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int disk_full_path(sqlite3_vfs *vfs, const char *path, int bytes, char *out) {
    (void)vfs;
    REQUIRE((int)strlen(path) < bytes);
    memcpy(out, path, strlen(path) + 1);
    return SQLITE_OK;
}

static int disk_randomness(sqlite3_vfs *vfs, int bytes, char *out) {
    (void)vfs;
    memset(out, 5, (size_t)bytes);
    return bytes;
}

static int disk_sleep(sqlite3_vfs *vfs, int microseconds) {
    (void)vfs;
    return microseconds;
}

static int disk_time(sqlite3_vfs *vfs, double *out) {
    (void)vfs;
    *out = 2461000.5;
    return SQLITE_OK;
}

/* ---- the file verbs ---- */

static satchel_status verb_failure(const test_disk *disk) {
    return disk->fault == TEST_FAULT_FULL ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR;
}

static satchel_status verb_read(void *context, const char *path, size_t limit_bytes, satchel_buffer *out) {
    test_disk *disk = context;
    const disk_node *found = node_of(disk, path);
    if (fails(disk)) {
        return SATCHEL_IO_ERROR;
    }
    if (found == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    if (found->now.bytes > limit_bytes) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    satchel_status status = satchel_buffer_reserve(out, found->now.bytes);
    if (status == SATCHEL_OK) {
        get(&found->now, 0, out->data + out->bytes, found->now.bytes);
        out->bytes += found->now.bytes;
    }
    return status;
}

static satchel_status verb_write(void *context, const char *path, satchel_bytes bytes) {
    test_disk *disk = context;
    bool failing = fails(disk);
    if (failing && disk->fault == TEST_FAULT_ERROR) {
        return SATCHEL_IO_ERROR;
    }
    disk_name *found = find_name(disk, path, true);
    if (found->now == NULL) {
        found->now = new_node(disk);
    }
    truncate_node(disk, found->now, 0);
    write_node(disk, found->now, 0, bytes.data, failing ? part_of(0, bytes.bytes) : bytes.bytes);
    if (failing || fails(disk) || sync_fails(disk)) {
        return verb_failure(disk);
    }
    sync_node(disk, found->now);
    return SATCHEL_OK;
}

static satchel_status verb_sync(void *context, const char *path) {
    test_disk *disk = context;
    disk_node *found = node_of(disk, path);
    if (fails(disk) || sync_fails(disk)) {
        return verb_failure(disk);
    }
    if (found == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    sync_node(disk, found);
    return SATCHEL_OK;
}

static satchel_status verb_rename(void *context, const char *from, const char *to) {
    test_disk *disk = context;
    disk_name *old = find_name(disk, from, false);
    if (fails(disk)) {
        return verb_failure(disk);
    }
    if (old == NULL || old->now == NULL) {
        return SATCHEL_NOT_FOUND;
    }
    disk_node *moved = old->now;
    old->now = NULL;
    disk->changes++;
    find_name(disk, to, true)->now = moved;
    return SATCHEL_OK;
}

static satchel_status verb_remove(void *context, const char *path) {
    test_disk *disk = context;
    disk_name *found = find_name(disk, path, false);
    if (fails(disk)) {
        return verb_failure(disk);
    }
    if (found != NULL && found->now != NULL) {
        found->now = NULL;
        disk->changes++;
    }
    return SATCHEL_OK;
}

static satchel_status verb_sync_folder(void *context, const char *folder) {
    test_disk *disk = context;
    (void)folder;
    if (fails(disk)) {
        return verb_failure(disk);
    }
    sync_names(disk);
    return SATCHEL_OK;
}

static satchel_status verb_size(void *context, const char *path, uint64_t *out_bytes) {
    test_disk *disk = context;
    const disk_node *found = node_of(disk, path);
    *out_bytes = found != NULL ? found->now.bytes : 0;
    if (fails(disk)) {
        return SATCHEL_IO_ERROR;
    }
    return found != NULL ? SATCHEL_OK : SATCHEL_NOT_FOUND;
}

static satchel_status verb_lock(void *context, const char *path, intptr_t *out_lock) {
    test_disk *disk = context;
    intptr_t free_lock = -1;
    if (fails(disk)) {
        return SATCHEL_IO_ERROR;
    }
    for (intptr_t lock = 0; lock < LOCKS_MOST; lock++) {
        if (strcmp(disk->locks[lock], path) == 0) {
            return SATCHEL_IN_USE;
        }
        if (disk->locks[lock][0] == '\0') {
            free_lock = lock;
        }
    }
    REQUIRE(free_lock >= 0 && strlen(path) < NAME_BYTES);
    memcpy(disk->locks[free_lock], path, strlen(path) + 1);
    *out_lock = free_lock;
    return SATCHEL_OK;
}

static void verb_unlock(void *context, intptr_t lock) {
    test_disk *disk = context;
    disk->locks[lock][0] = '\0';
}

/* ---- making, failing, losing power ---- */

test_disk *test_disk_make(void) {
    test_disk *disk = calloc(1, sizeof *disk);
    REQUIRE(disk != NULL);
    disk->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(disk_file),
        .mxPathname = NAME_BYTES - 1,
        .zName = "test-disk",
        .pAppData = disk,
        .xOpen = disk_open,
        .xDelete = disk_delete,
        .xAccess = disk_access,
        .xFullPathname = disk_full_path,
        .xRandomness = disk_randomness,
        .xSleep = disk_sleep,
        .xCurrentTime = disk_time,
    };
    disk->files = (satchel_vault_files){
        .context = disk,
        .read = verb_read,
        .write = verb_write,
        .sync = verb_sync,
        .rename = verb_rename,
        .remove = verb_remove,
        .sync_folder = verb_sync_folder,
        .size = verb_size,
        .lock = verb_lock,
        .unlock = verb_unlock,
    };
    return disk;
}

void test_disk_free(test_disk *disk) {
    if (disk == NULL) {
        return;
    }
    while (disk->nodes != NULL) {
        disk_node *next = disk->nodes->next;
        forget_changes(disk->nodes);
        drop_content(&disk->nodes->now);
        drop_content(&disk->nodes->durable);
        free(disk->nodes);
        disk->nodes = next;
    }
    free(disk);
}

sqlite3_vfs *test_disk_vfs(test_disk *disk) {
    return &disk->vfs;
}

const satchel_vault_files *test_disk_files(test_disk *disk) {
    return &disk->files;
}

uint64_t test_disk_operations(const test_disk *disk) {
    return disk->operations;
}

void test_disk_watch(test_disk *disk, void (*watch)(void *context), void *context) {
    disk->watch = watch;
    disk->watch_context = context;
}

uint64_t test_disk_changes(const test_disk *disk) {
    return disk->changes;
}

void test_disk_fail_at(test_disk *disk, uint64_t number, bool forever, test_fault fault) {
    disk->fails_at = number;
    disk->fails_forever = forever;
    disk->fault = fault;
}

uint64_t test_disk_syncs(const test_disk *disk) {
    return disk->syncs;
}

void test_disk_spoil(test_disk *disk, const char *path, uint64_t at) {
    disk->bad_node = node_of(disk, path);
    disk->bad_at = at;
    REQUIRE(disk->bad_node != NULL);
}

void test_disk_fail_sync(test_disk *disk, uint64_t number) {
    disk->sync_fails_at = number;
}

void test_disk_lie_about_syncs(test_disk *disk) {
    disk->lies = true;
}

/* What was made of a change that was not synced: all of it, or some of its sectors. */
typedef struct survivor {
    test_disk *to;
    disk_content *content;
    test_random *random;
    uint64_t file;
    uint64_t change;
} survivor;

static void mark_part(test_disk *disk, uint64_t file, uint64_t change, uint64_t part) {
    test_random mixer = {disk->mark ^ (file << 56) ^ (change << 28) ^ part};
    disk->mark = test_random_u64(&mixer);
}

static void survive_sectors(survivor *one, const disk_change *change, bool torn) {
    uint64_t end_of_all = change->offset + change->bytes;
    for (uint64_t at = change->offset; at < end_of_all;) {
        uint64_t end = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        end = end > end_of_all ? end_of_all : end;
        if (!torn || test_random_chance(one->random, 50)) {
            put(one->content, at, change->data + (at - change->offset), end - at);
            mark_part(one->to, one->file, one->change, at / SECTOR_BYTES);
        }
        at = end;
    }
}

static void survive_change(survivor *one, const disk_change *change, test_survival survival) {
    bool torn = survival == TEST_SURVIVES_TORN && change->data != NULL;
    if (survival == TEST_SURVIVES_NONE) {
        return;
    }
    if (!torn && survival != TEST_SURVIVES_ALL && !test_random_chance(one->random, 50)) {
        return;
    }
    if (change->data != NULL) {
        survive_sectors(one, change, torn);
    } else {
        apply(one->content, change);
        mark_part(one->to, one->file, one->change, 1);
    }
}

static disk_node *survive_node(test_disk *to, const disk_node *from, uint64_t file, test_survival survival,
                               test_random *random) {
    disk_node *made = new_node(to);
    survivor one = {to, &made->now, random, file, 0};
    copy_content(&made->now, &from->durable);
    for (const disk_change *change = from->first; change != NULL; change = change->next) {
        one.change++;
        survive_change(&one, change, survival);
    }
    copy_content(&made->durable, &made->now);
    return made;
}

test_disk *test_disk_after_power_loss(const test_disk *disk, test_survival survival, uint64_t seed) {
    test_disk *made = test_disk_make();
    test_random random = {seed * 4 + (uint64_t)survival};
    for (size_t index = 0; index < disk->name_count; index++) {
        const disk_name *from = &disk->names[index];
        bool newer =
            survival == TEST_SURVIVES_ALL || (survival != TEST_SURVIVES_NONE && test_random_chance(&random, 50));
        const disk_node *kept = newer ? from->now : from->durable;
        if (newer && from->now != from->durable) {
            mark_part(made, index, 0, 2);
        }
        if (kept != NULL) {
            disk_name *to = find_name(made, from->text, true);
            to->now = survive_node(made, kept, index, survival, &random);
            to->durable = to->now;
        }
    }
    return made;
}

uint64_t test_disk_mark(const test_disk *disk) {
    return disk->mark;
}
