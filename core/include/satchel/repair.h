/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a store is damaged: what is left of it, a new store with the work that was not sent, and what is lost.
 *
 * DAMAGED from satchel_device_open is no end: satchel_device_repair reads every page that still opens, without the
 * tables' help, puts the damaged store aside and makes a new one under the same keys, PIN and identity. The next sync
 * brings the rows again and sends the work. No device may be open on the folder meanwhile.
 */
#ifndef SATCHEL_REPAIR_H
#define SATCHEL_REPAIR_H

#include <satchel/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Damaged stores that lie aside (quarantine-<n>.db in the folder) until the user removes them. */
#define SATCHEL_REPAIR_QUARANTINE_MOST 8
/* Ranges of lost ops that a report names; the count counts all. */
#define SATCHEL_REPAIR_RANGES_MOST 32

typedef struct satchel_op_range {
    uint64_t first;
    uint64_t last;
} satchel_op_range;

typedef struct satchel_device_health {
    bool healthy;          /* every page opens, the tables fit together, no op is missing */
    satchel_status status; /* what opening gives; OK only says that it opens */
    uint64_t pages;        /* of the database */
    uint64_t pages_bad;
    uint64_t frames; /* of the log of changes */
    uint64_t frames_bad;
    uint64_t first_bad_page;  /* 0: none */
    uint64_t first_bad_frame; /* 0: none */
    bool log_start_bad;       /* the log's own start does not open */
    bool key_file_whole;      /* both copies of the key file are good */
    bool identity;            /* who the device is was found */
    bool sync_state;          /* where sync stands was found */
    uint64_t ops;             /* that were found */
    uint64_t ops_waiting;     /* of these: not decided by the server */
    uint64_t ops_lost;        /* sequences that are missing */
    uint32_t quarantined;     /* stores that lie aside */
} satchel_device_health;

/*
 * Examines the store and changes nothing of what it holds: each seal, the tables, the op log. Takes as long as reading
 * all of it. Errors: those of satchel_device_open that concern keys and files; damage is no error but in the result.
 */
SATCHEL_MUST_USE satchel_status satchel_device_check(const satchel_device_config *config, satchel_device_health *out,
                                                     satchel_error *error);

typedef struct satchel_repair_report {
    bool needless; /* nothing was done: the store is healthy, or what it misses was found lost by a repair before */
    uint32_t quarantine;   /* the damaged store is quarantine-<n>.db now */
    bool enrolment_needed; /* identity or sync state are lost: the new store is empty, see satchel_quarantine_walk */
    uint64_t ops_salvaged; /* that are in the new store; with `enrolment_needed`: that are in quarantine */
    uint64_t ops_waiting;  /* of these: not decided by the server, sent by the next sync */
    uint64_t ops_lost;     /* sequences that are missing among them; the server may have them */
    bool tail_uncertain;   /* ops behind the last one found may be lost as well */
    uint64_t rows_waiting; /* rows that waiting ops lie on; all other rows come with the next sync */
    uint64_t pages_bad;    /* pages and frames that do not open */
    uint32_t lost_count;   /* of `lost` */
    satchel_op_range lost[SATCHEL_REPAIR_RANGES_MOST];
} satchel_repair_report;

/*
 * Repairs the store; `force`: also one that seems healthy. A kill at any moment leaves the damaged store or the new
 * one; what was begun is finished by the next repair or opening. Errors: as satchel_device_check; LIMIT_EXCEEDED (too
 * many stores lie aside), DISK_FULL.
 */
SATCHEL_MUST_USE satchel_status satchel_device_repair(const satchel_device_config *config, bool force,
                                                      satchel_repair_report *out, satchel_error *error);

/* An op of the log, as people may want to see it who must do without the store. All memory until the return. */
typedef struct satchel_op_view {
    uint64_t sequence;
    uint64_t unit;   /* sequence of the first op of its transaction */
    uint32_t entity; /* number */
    satchel_id row;
    uint32_t kind;           /* 1 create, 2 edit, 3 delete, 4 taken back, 5 command */
    uint32_t state;          /* 0 waiting, 1 accepted, 2 dismissed, 5 refused, 6 held, 7 parked */
    int64_t wall_ms;         /* what the phone's clock said; 0: not known */
    satchel_bytes set;       /* record: fields set, elements added, deltas */
    satchel_bytes removed;   /* record: elements removed from sets */
    const uint32_t *cleared; /* fields set to null */
    uint32_t cleared_count;
    uint64_t target;  /* kind 4: the op taken back */
    uint32_t command; /* kind 5 */
    bool readable;    /* false: a later version wrote it; only sequence, unit, entity, row and state are known */
} satchel_op_view;

/* A status other than OK ends the walk and is returned. */
typedef satchel_status (*satchel_op_visitor)(void *context, const satchel_op_view *op);

/*
 * Every op of a store, by sequence: `number` 0: of the store in the folder, damaged or not, else of the one that lies
 * aside under that number. Errors: as satchel_device_check; NOT_FOUND (nothing lies there).
 */
SATCHEL_MUST_USE satchel_status satchel_quarantine_walk(const satchel_device_config *config, uint32_t number,
                                                        satchel_op_visitor visit, void *context, satchel_error *error);

/*
 * A new data key: every page is sealed again, which takes as long as writing all of it. What lies aside cannot be read
 * any more, so work that a repair could only leave there is to be exported, and the quarantine removed, first.
 * The ways in stay: that of `config`, and the other one if there is one. Errors: as satchel_device_open, DISK_FULL,
 * REQUIRED_BEFORE (such work is there, or the store opens by a PIN or a keystore as well that `config` does not give;
 * nothing has changed).
 */
SATCHEL_MUST_USE satchel_status satchel_device_rekey(const satchel_device_config *config, satchel_error *error);

/* Gives the space of what was deleted back to the file system. Errors: as satchel_device_open. */
SATCHEL_MUST_USE satchel_status satchel_device_compact(const satchel_device_config *config, satchel_error *error);

#define SATCHEL_RECOVERY_BYTES 32

/*
 * For a phone whose PIN or keystore is gone: opens the store with the company's recovery secret and gives it the way in
 * that `config` names, in place of those there were.
 * Errors: as satchel_device_open; UNAUTHENTICATED (another company's secret), UNSUPPORTED (the store has no escrow
 * slot).
 */
SATCHEL_MUST_USE satchel_status satchel_device_recover(const satchel_device_config *config,
                                                       const uint8_t secret[SATCHEL_RECOVERY_BYTES],
                                                       satchel_error *error);

/* As satchel_quarantine_walk, with the recovery secret; of `config` no key is used. */
SATCHEL_MUST_USE satchel_status satchel_recovery_walk(const satchel_device_config *config,
                                                      const uint8_t secret[SATCHEL_RECOVERY_BYTES], uint32_t number,
                                                      satchel_op_visitor visit, void *context, satchel_error *error);

/*
 * What was taken out of a store, sealed for whoever holds the recovery secret of `public_key`, and opened again.
 * `taken` gets the result, which lives until it returns. Errors: INVALID_ARGUMENT (no public key), RANDOM_FAILED,
 * NO_MEMORY, LIMIT_EXCEEDED; DAMAGED (not sealed for this secret, or changed), FOREIGN_FILE (no export).
 */
typedef satchel_status (*satchel_export_taker)(void *context, satchel_bytes bytes);
SATCHEL_MUST_USE satchel_status satchel_export_seal(const uint8_t public_key[SATCHEL_RECOVERY_BYTES],
                                                    satchel_bytes plain, satchel_export_taker taken, void *context);
SATCHEL_MUST_USE satchel_status satchel_export_open(const uint8_t secret[SATCHEL_RECOVERY_BYTES], satchel_bytes sealed,
                                                    satchel_export_taker taken, void *context);
/* The public half of a secret. */
void satchel_recovery_public(const uint8_t secret[SATCHEL_RECOVERY_BYTES], uint8_t out[SATCHEL_RECOVERY_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
