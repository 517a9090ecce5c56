/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device: one user's sealed store on one phone, and everything that can be done with it.
 *
 * Threads: any thread may call any function; calls on one device are carried out one after another, and none holds the
 * store for longer than its own work. No callback is made while the store is held. Handles obtained from a device
 * (writes, pages, exchanges) belong to one thread at a time and must be closed before the device.
 */
#ifndef SATCHEL_DEVICE_H
#define SATCHEL_DEVICE_H

#include <satchel/keys.h>
#include <satchel/status.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct satchel_device satchel_device;

/* How a new store is sealed; an old one keeps its own. Numbers are stored. */
typedef enum satchel_store_cipher {
    SATCHEL_STORE_CIPHER_BEST = 0, /* the fastest that this phone has hardware for */
    SATCHEL_STORE_CIPHER_XCHACHA20_POLY1305 = 1,
    SATCHEL_STORE_CIPHER_AES256_GCM = 2,
    SATCHEL_STORE_CIPHER_AEGIS256 = 3
} satchel_store_cipher;

/* What looking at a PIN should take on this phone. */
#define SATCHEL_PIN_TARGET_MS 400

typedef struct satchel_device_config {
    uint32_t size;      /* sizeof(satchel_device_config) */
    const char *folder; /* holds key file and store; one folder per (server, user); created if absent */
    satchel_key_provider keys;
    const char *pin; /* zero-terminated UTF-8, NULL: the keystore alone */
    satchel_platform platform;
    uint32_t
        argon2_memory_kib;  /* PIN hardening at creation, least 19456; with passes 0 too: measured on this phone, so */
    uint32_t argon2_passes; /* that a PIN takes about SATCHEL_PIN_TARGET_MS; least 2. One alone 0: 65536, 3 */
    satchel_store_cipher cipher; /* create */
    bool
        accept_rolled_back; /* open although the company locks stores that were put back: an administrator's decision */
} satchel_device_config;

#define SATCHEL_DEVICE_CONFIG_INIT                                                                                     \
    {                                                                                                                  \
        sizeof(satchel_device_config), NULL, {NULL, NULL, NULL, NULL, NULL}, NULL, {NULL, NULL, NULL}, 0, 0,           \
            SATCHEL_STORE_CIPHER_BEST, false                                                                           \
    }

/*
 * Makes a new sealed store in an empty or absent folder and opens it. It is not enrolled yet (sync.h).
 * Errors: ALREADY_EXISTS (there is a store), INVALID_ARGUMENT (neither keystore nor PIN, PIN too short or long),
 * KEY_UNAVAILABLE, KEY_GONE, IO_ERROR, DISK_FULL, RANDOM_FAILED, UNSUPPORTED_SQLITE, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_device_create(satchel_device **out, const satchel_device_config *config,
                                                      satchel_error *error);

/*
 * Opens an existing store. Errors: NOT_FOUND (no store), UNSUPPORTED (the store wants a PIN and none is given, or the
 * other way round), WRONG_PIN, PIN_DELAYED (the detail gives the seconds),
 * KEY_UNAVAILABLE, KEY_GONE, IN_USE, DAMAGED, FOREIGN_FILE, NEWER_FORMAT, ROLLED_BACK (the company locks stores that
 * were put back; else such a store opens with a warning and goes on under a new name), IO_ERROR, DISK_FULL,
 * UNSUPPORTED_SQLITE, NO_MEMORY, WIPED (the company ordered it: nothing is left but a notice, see sync.h).
 */
SATCHEL_MUST_USE satchel_status satchel_device_open(satchel_device **out, const satchel_device_config *config,
                                                    satchel_error *error);

/*
 * Closes and frees. Nothing that was committed is lost. NULL is fine. Open handles of the device must be closed first.
 */
void satchel_device_close(satchel_device *device);

/*
 * Wipes the key from memory; every other call but unlock, get_info and close then returns LOCKED. A running exchange
 * ends, open writes are emptied; both were not acknowledged. Locked already: OK. Errors: MISUSE (suspended), IO_ERROR.
 */
SATCHEL_MUST_USE satchel_status satchel_device_lock(satchel_device *device, satchel_error *error);

/* Errors: as satchel_device_open, MISUSE (suspended). Already unlocked: OK if the PIN fits. */
SATCHEL_MUST_USE satchel_status satchel_device_unlock(satchel_device *device, const char *pin, satchel_error *error);

/*
 * Before the platform freezes the process: a running exchange is cut short (it ends with CANCELLED), open writes are
 * emptied, the log is checkpointed, file locks are released. The key stays in memory, so resume asks for nothing. Until
 * then every other call but close returns MISUSE. Errors: LOCKED, IO_ERROR (state is kept, call again), DISK_FULL;
 * resume: LOCKED (also if another process changed the data key meanwhile), IN_USE (another process opened the store
 * meanwhile), IO_ERROR, DAMAGED.
 */
SATCHEL_MUST_USE satchel_status satchel_device_suspend(satchel_device *device, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_device_resume(satchel_device *device, satchel_error *error);

/*
 * Rewraps the key under a new PIN; the store itself is not rewritten. NULL stands for no PIN, which needs a keystore.
 * A wrong old PIN counts like one at opening. After an error the old PIN holds; what had been written is taken back. If
 * the disk refuses even that, the detail says that the old or the new one will hold: then try the new one first, as a
 * wrong try counts. Errors: WRONG_PIN, PIN_DELAYED, KEY_UNAVAILABLE, KEY_GONE,
 * INVALID_ARGUMENT (new PIN), UNSUPPORTED (old PIN: the store has none), FORBIDDEN (no PIN, but the company requires
 * one), LOCKED, IO_ERROR, DISK_FULL.
 */
SATCHEL_MUST_USE satchel_status satchel_device_change_pin(satchel_device *device, const char *old_pin,
                                                          const char *new_pin, satchel_error *error);

/* What a user must be told until he has acknowledged it; bits. */
typedef enum satchel_device_warning {
    SATCHEL_WARNING_ROLLED_BACK = 1, /* the store was put back to an earlier state; what was done since is the server's
                                        word, and what had not been sent is lost */
    SATCHEL_WARNING_FORKED = 2,      /* the server knows another copy of this store, or a later state of it */
    SATCHEL_WARNING_ANCHOR_LOST = 4  /* the keystore no longer knows how far this store was: it was reset */
} satchel_device_warning;

/* What the server's audit is to this phone, as far as it witnessed it; bits. It is for people to look into. */
typedef enum satchel_audit_finding {
    SATCHEL_AUDIT_SHORTER = 1,  /* the server handed out an end before one that this phone holds */
    SATCHEL_AUDIT_DIFFERENT = 2 /* the server's entry differs from what it signed for this phone */
} satchel_audit_finding;

/* How things stand; what a status line shows. Times in ms since 1970-01-01 UTC, 0 = never. Locked: the rest is zero. */
typedef struct satchel_device_info {
    bool locked;
    bool enrolled;
    bool first_sync_done;
    satchel_id device;
    satchel_id user;
    char login[128];
    char company[128];
    char server[256];
    uint64_t units_unsent; /* committed, no decision of the server stored yet */
    uint64_t ops_refused;  /* refused or held, and neither mended nor dismissed */
    uint64_t ops_parked;
    uint64_t conflicts_open;
    uint64_t losses_on_server; /* own values that lost and are too old to be kept here: the server has them */
    uint64_t rows;             /* rows of all entities */
    int64_t last_sync_ms;      /* server time of the last completed exchange */
    satchel_revision position;
    satchel_status last_sync_status;
    uint32_t warnings;     /* satchel_device_warning */
    bool escrowed;         /* an administrator with the company's recovery key can open a copy of the store */
    bool disk_low;         /* the disk is full: nothing new can be stored until there is space (READ_ONLY_STORE) */
    uint32_t upgrade_done; /* of upgrade_total, while the store is being brought up to this version in the background */
    uint32_t upgrade_total;  /* 0: it is up to date; see satchel_device_idle */
    bool pin_required;       /* the company requires a PIN and there is none: until it is set nothing is synced */
    uint64_t orders_serial;  /* of the company's standing orders for this phone; 0: none came */
    bool retiring;           /* it is to be retired: it wipes itself as soon as everything is handed over */
    bool app_too_old;        /* the company wants a newer app: changes are sent, none are brought */
    uint32_t lease_days;     /* the phone locks if it does not sync for longer; 0: never */
    int64_t lease_left_ms;   /* until then; below 0: it is locked, a sync unlocks it */
    uint64_t audit_position; /* of the newest checkpoint of the server's audit that this phone holds */
    uint32_t audit_findings; /* satchel_audit_finding: what the server's audit contradicts; 0: nothing */
    uint64_t repairs;        /* times that rows were found to differ from the server's and came anew: should be 0 */
} satchel_device_info;
SATCHEL_MUST_USE satchel_status satchel_device_get_info(satchel_device *device, satchel_device_info *out,
                                                        satchel_error *error);

/*
 * Carries out what waits for a quiet moment: removes rows that left, indexes new ones for the search, brings a store of
 * an earlier version up, seals logged changes under a new key. For shells to call when nobody does anything, and after
 * opening or unlocking; an exchange does the most of it by itself, but a phone that stays offline has none. Takes about
 * `budget_ms`, and at least one slice; the device is free between slices, each of which holds it for at most about
 * 10 ms, but for 1 in 100 and for a new index of an upgrade. `*out_left`: there is more to do. Without work it costs
 * nothing. What fails is whole and can be tried again. Errors: LOCKED, MISUSE (suspended), NOT_FOUND (wiped), IO_ERROR,
 * DISK_FULL, DAMAGED, RANDOM_FAILED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_device_idle(satchel_device *device, uint32_t budget_ms, bool *out_left,
                                                    satchel_error *error);

/* The user has seen these warnings. Errors: LOCKED, IO_ERROR, DISK_FULL. */
SATCHEL_MUST_USE satchel_status satchel_device_acknowledge(satchel_device *device, uint32_t warnings,
                                                           satchel_error *error);

/*
 * What a wipe destroyed, or would. `counted` false: the store was locked or did not open, so nobody knows what was in
 * it. A receipt is for the user and, where one is there, for the server.
 */
typedef struct satchel_wipe_receipt {
    bool wiped;            /* the keys are destroyed: nothing of the store can be read any more */
    bool counted;          /* the counts hold */
    uint64_t units_unsent; /* committed, and the server decided nothing of them that is stored here */
    uint64_t ops_troubled; /* refused, held or parked, and neither mended nor dismissed */
    uint64_t inbox_items;  /* put by other processes and not acknowledged; counted on a locked store too */
    uint64_t ops_aside;    /* that lie in quarantine, not sent, since a repair lost whose they are (satchel/repair.h) */
    bool repaired;         /* and not synced since: the server may miss more than `units_unsent` */
    satchel_id device;
    satchel_id user;
    int64_t at_ms; /* by the phone's clock */
} satchel_wipe_receipt;

/*
 * Wipes now, whatever is lost: destroys the keys, then the files, then secret and anchor of the keystore. From any
 * state; the handle then answers NOT_FOUND and is to be closed. A running exchange ends, open writes are emptied. Cut
 * off before the keys are gone everything is there, after that nothing can be read, and the next call finishes. The
 * empty lock file and folder stay. Errors: IN_USE (another process; suspended), IO_ERROR, DISK_FULL, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_device_wipe(satchel_device *device, satchel_wipe_receipt *out,
                                                    satchel_error *error);

/* The same for a store that is not open and perhaps cannot be opened any more. It is not counted. Errors: the same,
 * INVALID_ARGUMENT (config). */
SATCHEL_MUST_USE satchel_status satchel_store_wipe(const satchel_device_config *config, satchel_wipe_receipt *out,
                                                   satchel_error *error);

/*
 * Wipes a store that has nothing of its own left: everything committed was decided by the server and is stored so, the
 * inbox is empty, no quarantine holds work that no store took over, and a repaired store has synced. Sync first.
 * Errors: REQUIRED_BEFORE (the receipt counts what is left; nothing has changed), LOCKED, MISUSE (suspended), and those
 * of satchel_device_wipe.
 */
SATCHEL_MUST_USE satchel_status satchel_device_retire(satchel_device *device, satchel_wipe_receipt *out,
                                                      satchel_error *error);

/*
 * Signs the user out: retires a store that has nothing left, else locks it and keeps it sealed until he comes back; the
 * receipt tells which. Sync first, as far as there is a network. Errors: MISUSE (suspended), and those of
 * satchel_device_lock and satchel_device_wipe.
 */
SATCHEL_MUST_USE satchel_status satchel_device_sign_out(satchel_device *device, satchel_wipe_receipt *out,
                                                        satchel_error *error);

/* What the vault counts; for tests and support. */
typedef struct satchel_store_stats {
    uint64_t refused_opens; /* files that SQLite wanted in clear: always 0 */
    uint64_t file_bytes;
    uint64_t log_bytes;
    uint64_t pages_sealed;
    uint64_t pages_opened;
    satchel_store_cipher cipher;
    uint32_t wrong_pins;    /* entered since the last right one */
    uint32_t tail;          /* how the log ended at the last opening: 0 clean, 1 unfinished, 2 broken; 1 and 2 are
                               what a power cut leaves (nothing that was acknowledged is lost), or damage */
    bool key_file_healed;   /* one of its two copies was damaged and is whole again */
    bool pin_alone;         /* no keystore: whoever copies the files can guess the PIN */
    bool anchored;          /* the keystore knows how far the store is */
    uint64_t anchor_writes; /* of the keystore, since the device was opened */
} satchel_store_stats;
SATCHEL_MUST_USE satchel_status satchel_device_get_stats(satchel_device *device, satchel_store_stats *out,
                                                         satchel_error *error);

#ifdef __cplusplus
}
#endif
#endif
