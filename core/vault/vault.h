/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vault: a folder with one encrypted SQLite store and the key file that opens it.
 *
 * The vault gives out a configured `sqlite3 *` whose every page and every WAL frame is sealed on its way to the disk.
 * Formats: core/doc/page-format.md. What it protects from and what not: core/doc/threat-model.md.
 * A vault belongs to one thread at a time; it never reads a clock; randomness, files and the VFS below are inputs.
 *
 * Files in the folder: keys.a, keys.b (two generations of the key file), store.db, store.db-wal, store.lock,
 * store.reserve; at times also store.new, keys.new, keys.next, and those of salvage_vault.h. Nothing else is written.
 */
#ifndef SATCHEL_VAULT_VAULT_H
#define SATCHEL_VAULT_VAULT_H

#include "base/bytes.h"
#include "crypto/random.h"
#include "vault/files.h"

#include <satchel/status.h>
#include <satchel/types.h>

struct sqlite3;
struct sqlite3_vfs;

/* Argon2id: what a new PIN slot takes, and the bounds within which a stored value is believed. */
#define SATCHEL_VAULT_PASSES_DEFAULT 3
#define SATCHEL_VAULT_PASSES_FLOOR 2
#define SATCHEL_VAULT_PASSES_CEILING 16
#define SATCHEL_VAULT_MEMORY_KIB_DEFAULT 65536
#define SATCHEL_VAULT_MEMORY_KIB_FLOOR 19456
#define SATCHEL_VAULT_MEMORY_KIB_CEILING 262144
#define SATCHEL_VAULT_PIN_BYTES_MAX 256
/* Wrong PINs after which the slots `device` and `pin+device` are erased, unless the config says fewer. */
#define SATCHEL_VAULT_WRONG_PINS_MAX 10
#define SATCHEL_VAULT_CACHE_KIB_DEFAULT 8192
#define SATCHEL_VAULT_CHECKPOINT_FRAMES_DEFAULT 1000
#define SATCHEL_VAULT_CHECKPOINT_FRAMES_MAX 10000

typedef struct satchel_vault satchel_vault;

/* The ways to the data key. Numbers are stored. */
typedef enum satchel_vault_slot {
    SATCHEL_VAULT_SLOT_DEVICE = 1,     /* the keystore's secret alone */
    SATCHEL_VAULT_SLOT_PIN_DEVICE = 2, /* PIN and the keystore's secret; without a keystore the PIN alone */
    SATCHEL_VAULT_SLOT_ESCROW = 3 /* a box to the company's recovery key: for a phone whose PIN or keystore is gone */
} satchel_vault_slot;

/*
 * The system's keystore (Android Keystore, iOS Keychain). `secret` writes 32 bytes that stay the same for this store,
 * or gives KEY_UNAVAILABLE (phone locked, retry), KEY_GONE (deleted, or the phone was reset) or another failure.
 * `secret` NULL: there is no keystore.
 */
typedef struct satchel_vault_keystore {
    satchel_status (*secret)(void *context, uint8_t out[32]);
    void *context;
} satchel_vault_keystore;

/* What opens the store. */
typedef struct satchel_vault_unlock {
    satchel_vault_slot slot;
    satchel_text pin; /* read for SATCHEL_VAULT_SLOT_PIN_DEVICE */
    satchel_vault_keystore keystore;
    const uint8_t *recovery; /* read for SATCHEL_VAULT_SLOT_ESCROW: the 32 bytes of which the recovery key is made */
    satchel_moment now; /* boot and monotonic_ms measure the delay after wrong PINs; the wall clock is not trusted */
} satchel_vault_unlock;

typedef struct satchel_vault_config {
    uint32_t size;      /* sizeof(satchel_vault_config) */
    const char *folder; /* exists; nobody else writes there */
    satchel_vault_unlock unlock;
    satchel_random random;
    struct sqlite3_vfs *parent;       /* the VFS below, NULL: SQLite's default. Tests inject */
    const satchel_vault_files *files; /* key file, rename and locks, NULL: POSIX. Tests inject */
    uint32_t pin_passes;              /* for a new PIN slot; 0: default */
    uint32_t pin_memory_kib;          /* the same */
    uint32_t wrong_pins_max;          /* 0: default; at most SATCHEL_VAULT_WRONG_PINS_MAX */
    uint32_t cache_kib;               /* SQLite's page cache, 0: default */
    uint32_t checkpoint_frames;       /* WAL length that starts a checkpoint, 0: default */
    uint32_t cipher;              /* satchel_cipher of a new store, 0: XChaCha20-Poly1305; an old one keeps its own */
    const uint8_t *escrow_public; /* 32 bytes: a new store gets an escrow slot for this recovery key; NULL: none */
} satchel_vault_config;

/* Zeros, the size and the system's random source. */
void satchel_vault_config_init(satchel_vault_config *config);

/* How the end of the WAL looked when the store was opened. */
typedef enum satchel_vault_tail {
    SATCHEL_VAULT_TAIL_CLEAN = 0,
    /* The last frame is neither whole nor old: what a power cut leaves in mid-write, or damage to the last commit. */
    SATCHEL_VAULT_TAIL_UNFINISHED = 1,
    /* A frame is missing before a commit frame that is there: writes that a power cut reordered, or damage. */
    SATCHEL_VAULT_TAIL_BROKEN = 2
} satchel_vault_tail;

typedef struct satchel_vault_stats {
    uint64_t refused_opens; /* journal, temp and foreign files that SQLite asked for: must stay 0 */
    uint64_t pages_sealed;  /* database pages and WAL frames */
    uint64_t pages_opened;
    uint64_t bytes_written; /* to the disk, WAL included */
    uint64_t bytes_read;
    uint64_t writes; /* calls of the VFS below */
    uint64_t reads;
    uint64_t syncs;
    uint64_t healed_pages; /* empty pages of an interrupted checkpoint, sealed again at open */
    satchel_vault_tail tail;
    bool key_file_healed; /* one of keys.a, keys.b was damaged or behind and has been written again */
    uint32_t wrong_pins;  /* entered since the last right one */
    bool pin_alone;       /* there is a PIN slot without a keystore secret: whoever copies the files can guess it */
    bool escrow;          /* there is an escrow slot */
    uint32_t cipher;      /* satchel_cipher of this store */
    uint32_t old_message_keys; /* kept since changes of the data key, see satchel_vault_rekey */
} satchel_vault_stats;

/*
 * Makes a new vault in an empty folder (leftovers of a creation that was cut off are removed) and opens it. The slot of
 * `config->unlock` becomes the only one. A crash at any point leaves either no store or a whole one.
 * Errors: INVALID_ARGUMENT (config, PIN length, Argon2id outside its bounds, a slot that cannot be the first),
 * UNSUPPORTED (cipher), ALREADY_EXISTS, IN_USE, KEY_UNAVAILABLE, KEY_GONE, RANDOM_FAILED, IO_ERROR, DISK_FULL,
 * NO_MEMORY, UNSUPPORTED_SQLITE.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_create(satchel_vault **out, const satchel_vault_config *config,
                                                     satchel_error *error);

/*
 * Opens a vault: unlocks the key file, recovers the WAL, checks what can be checked cheaply. Finishes a change of the
 * data key that was cut off after its switch, removes the leftovers of one that was cut off before.
 * On a full disk the reserve (reserve.h) is given up to count the try of a PIN.
 * Errors: NOT_FOUND (no store), WRONG_PIN, PIN_DELAYED (see satchel_vault_pin_wait_ms), KEY_UNAVAILABLE (retry),
 * KEY_GONE (recover with the escrow slot), UNAUTHENTICATED (another recovery key), UNSUPPORTED (no slot of this kind,
 * but others; the store's cipher), NEWER_FORMAT, FOREIGN_FILE, DAMAGED, IN_USE, INVALID_ARGUMENT, RANDOM_FAILED,
 * IO_ERROR, DISK_FULL, NO_MEMORY, UNSUPPORTED_SQLITE, UNSUPPORTED_IO.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_open(satchel_vault **out, const satchel_vault_config *config,
                                                   satchel_error *error);

/*
 * Milliseconds until the next PIN is looked at; 0: now. Reads the key file only; needs no key. `now` as in unlock.
 * Errors: NOT_FOUND, DAMAGED, NEWER_FORMAT, IO_ERROR, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_pin_wait_ms(const satchel_vault_config *config, int64_t *out_wait_ms,
                                                          satchel_error *error);

/*
 * The connection, NULL while locked. Borrowed: it ends with lock or close. WAL in exclusive mode, synchronous FULL,
 * temp_store MEMORY, auto_vacuum INCREMENTAL; ATTACH, VACUUM and PRAGMAs that would undo any of this are denied.
 * No statement may stay open across lock, suspend or close.
 */
struct sqlite3 *satchel_vault_database(satchel_vault *vault);

/*
 * The status for a result code of SQLite on this connection; knows what the VFS saw, so damage, a full disk and a
 * failed random source are told apart. SQLITE_OK, ROW and DONE give OK.
 */
satchel_status satchel_vault_status(const satchel_vault *vault, int sqlite_code);
/* The same for who has the connection only; one of another VFS is judged by the code alone. */
satchel_status satchel_vault_status_of(struct sqlite3 *database, int sqlite_code);

/* Moves the WAL into the database, starts it anew. Errors: BUSY (a statement is open), IO_ERROR, DISK_FULL, DAMAGED. */
SATCHEL_MUST_USE satchel_status satchel_vault_checkpoint(satchel_vault *vault, satchel_error *error);

/*
 * Ends the connection and wipes every key from memory; the vault stays, answers LOCKED and can be unlocked again.
 * Errors: BUSY (a statement is open; nothing has changed).
 */
SATCHEL_MUST_USE satchel_status satchel_vault_lock(satchel_vault *vault, satchel_error *error);

/* Opens a locked vault again. Errors: as satchel_vault_open; MISUSE (not locked). */
SATCHEL_MUST_USE satchel_status satchel_vault_unlock_again(satchel_vault *vault, const satchel_vault_unlock *unlock,
                                                           satchel_error *error);

/*
 * Would `unlock` open this vault? Wrong PINs are counted as by an unlock; nothing else changes.
 * Errors: LOCKED, and those of satchel_vault_open that concern slots and PINs.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_check(satchel_vault *vault, const satchel_vault_unlock *unlock,
                                                    satchel_error *error);

/*
 * Before the platform freezes the process: checkpoints, ends the connection and gives up every file lock, but keeps the
 * keys. On failure the vault stays open. Errors: LOCKED, and those of satchel_vault_checkpoint.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_suspend(satchel_vault *vault, satchel_error *error);

/*
 * The reverse; the connection is a new one, and the key file is read again. Errors: LOCKED (also: another process has
 * changed the data key meanwhile; the keys are then gone), MISUSE (not suspended), IN_USE, as satchel_vault_open.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_resume(satchel_vault *vault, satchel_error *error);

/*
 * Ends the connection, wipes the keys, frees. NULL is fine. A statement that is still open is a caller's error: it
 * answers nothing any more, and its connection's memory is not given back.
 */
void satchel_vault_close(satchel_vault *vault);

satchel_vault_stats satchel_vault_stats_of(const satchel_vault *vault);

/* The random id of this store: in clear in the key file and in page 1, bound into every seal. */
satchel_id satchel_vault_id(const satchel_vault *vault);

bool satchel_vault_has_slot(const satchel_vault *vault, satchel_vault_slot slot);
/* What PIN slots made from now on cost (satchel_vault_calibrate). Errors: INVALID_ARGUMENT (outside its bounds). */
SATCHEL_MUST_USE satchel_status satchel_vault_set_pin_cost(satchel_vault *vault, uint32_t passes, uint32_t memory_kib,
                                                           satchel_error *error);

/*
 * Replaces every `device` and `pin+device` slot by one slot for `next`, both key files, the store untouched. The old
 * PIN opens nothing any more (a copy of the old key file that someone made would still open with the old PIN). After a
 * failure the old slots hold, and what had been written is taken back; if that fails as well, the detail says that the
 * old or the new ones will hold.
 * Errors: LOCKED, INVALID_ARGUMENT, KEY_UNAVAILABLE, KEY_GONE, RANDOM_FAILED, IO_ERROR, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_rewrap(satchel_vault *vault, const satchel_vault_unlock *next,
                                                     satchel_error *error);

/* Adds a slot beside those there (for background sync), or replaces the one of its kind. Errors: same. */
SATCHEL_MUST_USE satchel_status satchel_vault_slot_add(satchel_vault *vault, const satchel_vault_unlock *next,
                                                       satchel_error *error);

/*
 * Puts an escrow slot for the recovery key whose public half is given, in place of the one there is; NULL removes it.
 * The escrow slot outlives wrong PINs, satchel_vault_rewrap and satchel_vault_rekey.
 * Errors: LOCKED, INVALID_ARGUMENT (no public key), LIMIT_EXCEEDED, RANDOM_FAILED, IO_ERROR, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_escrow_put(satchel_vault *vault, const uint8_t *public_key,
                                                         satchel_error *error);

/*
 * A new data key and a new file id: every page is sealed again beside the old store, then the new one takes its name.
 * Slots are exactly `next` (1 to SATCHEL_VAULT_REKEY_SLOTS_MOST, of different kinds) and the escrow slot, if there was
 * one. A copy of the old key file opens nothing of the new store. Messages sealed before still open, new ones are
 * sealed under a new message key; the vault keeps SATCHEL_VAULT_OLD_MESSAGE_KEYS_MOST old ones
 * (satchel_vault_forget_messages). The connection is a new one, and satchel_vault_id another.
 * A kill at any moment leaves the old state or the new one. After a failure the vault goes on in the old state, or is
 * locked if even that fails or the disk does not tell which state will last: the next unlock, with the old or the new
 * way in, finds out.
 * Errors: LOCKED, INVALID_ARGUMENT, BUSY (a statement or transaction is open), LIMIT_EXCEEDED (old message keys),
 * KEY_UNAVAILABLE, KEY_GONE, DAMAGED (a page does not open), RANDOM_FAILED, IO_ERROR, DISK_FULL, NO_MEMORY.
 */
#define SATCHEL_VAULT_REKEY_SLOTS_MOST 2
#define SATCHEL_VAULT_OLD_MESSAGE_KEYS_MOST 4
SATCHEL_MUST_USE satchel_status satchel_vault_rekey(satchel_vault *vault, const satchel_vault_unlock *next,
                                                    size_t count, satchel_error *error);

/*
 * Forgets the old message keys. For a caller that has sealed anew, or dropped, every message made before the last
 * change of the data key. Errors: LOCKED, RANDOM_FAILED, IO_ERROR, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_forget_messages(satchel_vault *vault, satchel_error *error);

/*
 * Gives the pages that hold nothing back to the file system, some hundreds in each transaction; what a kill leaves is a
 * whole store that is partly compacted. Errors: LOCKED, BUSY (a statement or transaction is open), IO_ERROR, DISK_FULL,
 * DAMAGED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_compact(satchel_vault *vault, satchel_error *error);

/*
 * Destroys the vault of `config->folder`, without any key: the key files are overwritten and removed first and for
 * good, then the other files, those of repairs and quarantine with them. After a kill the store is whole or cannot be
 * opened any more, and the next call finishes. Nothing to destroy is fine. The empty store.lock stays, as another
 * process may be waiting at it. Errors: INVALID_ARGUMENT, IN_USE, IO_ERROR, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_erase(const satchel_vault_config *config, satchel_error *error);

/* A monotonic clock, to measure with. */
typedef struct satchel_vault_clock {
    int64_t (*now_ms)(void *context);
    void *context;
} satchel_vault_clock;

/*
 * Argon2id's cost that takes about `target_ms` on this machine, never below the floor or above the ceiling: memory up
 * to the default first, then passes, then more memory. Runs Argon2id two times. Errors: INVALID_ARGUMENT (no clock, no
 * target), NO_MEMORY (not even the floor fits).
 */
SATCHEL_MUST_USE satchel_status satchel_vault_calibrate(const satchel_vault_clock *clock, uint32_t target_ms,
                                                        uint32_t *out_passes, uint32_t *out_memory_kib);

/* What a sealed message outside the store is for; each has a subkey of its own. Numbers are stored. */
typedef enum satchel_vault_purpose {
    SATCHEL_VAULT_FOR_EXPORT = 4,
    SATCHEL_VAULT_FOR_BLOB = 5,
    SATCHEL_VAULT_FOR_AUDIT = 6,
    SATCHEL_VAULT_FOR_OPLOG = 7 /* each op of the op log carries its own seal, so that it can be salvaged alone */
} satchel_vault_purpose;

/*
 * Seals `plain` as `[nonce 24][sealed n][tag 16]` under the purpose's key, bound to `associated`; appended to `out`.
 * Errors: LOCKED, INVALID_ARGUMENT (purpose), RANDOM_FAILED, NO_MEMORY, LIMIT_EXCEEDED.
 */
SATCHEL_MUST_USE satchel_status satchel_vault_seal(satchel_vault *vault, satchel_vault_purpose purpose,
                                                   satchel_bytes associated, satchel_bytes plain, satchel_buffer *out);

/* Opens such a message, appending to `out`. Errors: LOCKED, INVALID_ARGUMENT, DAMAGED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_vault_unseal(const satchel_vault *vault, satchel_vault_purpose purpose,
                                                     satchel_bytes associated, satchel_bytes sealed,
                                                     satchel_buffer *out);

#endif
