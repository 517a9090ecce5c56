/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a device: what the façade's files share.
 *
 * One mutex a device makes calls follow one another. A thread that owns the store would cost each call two changes of
 * thread (10 to 20 µs, more than a local read); a mutex that nobody else wants costs 20 ns. The mutex is never held
 * while foreign code runs: observers are called, and the shell does its HTTP, with it released.
 */
#ifndef SATCHEL_DEVICE_DEVICE_H
#define SATCHEL_DEVICE_DEVICE_H

#include <satchel/device.h>
#include <satchel/write.h>

#include "crypto/random.h"
#include "crypto/sign.h"
#include "device/anchor.h"
#include "device/identity.h"
#include "device/idle.h"
#include "device/lease.h"
#include "device/observers.h"
#include "device/orders.h"
#include "device/reserve.h"
#include "device/settings.h"
#include "sales/sales.h"
#include "store/store.h"
#include "vault/vault.h"

#include <pthread.h>
#include <stdatomic.h>

/* Value of the store: ops in quarantine that no store took over (varint). */
#define SATCHEL_ASIDE_NAME "aside"

typedef enum satchel_device_state {
    SATCHEL_DEVICE_OPEN = 0,
    SATCHEL_DEVICE_LOCKED = 1,    /* no key in memory, no store */
    SATCHEL_DEVICE_SUSPENDED = 2, /* the store rests until resume */
    SATCHEL_DEVICE_WIPED = 3      /* there is no store any more, and no vault */
} satchel_device_state;

struct satchel_device {
    pthread_mutex_t mutex;
    atomic_uint waiting; /* calls that want the mutex */
    atomic_uint calls;   /* calls of a user interface so far */
    satchel_device_state state;
    char *folder;
    satchel_device_config config; /* folder and pin are not used after open */
    satchel_vault *vault;
    satchel_store *store; /* NULL while locked */
    satchel_identity identity;
    uint32_t boot;     /* counts the starts of the phone that this store saw */
    int64_t offset_ms; /* server time minus wall clock */
    int64_t seen_ms;   /* server time of the last answer, stored or not */
    satchel_status last_sync_status;
    bool first_sync_done;
    uint32_t warnings;
    satchel_anchor anchor;
    satchel_settings settings;
    satchel_order_book book;
    satchel_lease lease;
    satchel_space space;
    satchel_idle idle;
    const satchel_vault_files *files;  /* of vault and reserve; NULL: POSIX. Tests inject */
    bool has_pin;                      /* as far as this process opened or set it; of use while open */
    satchel_write *writes;             /* open ones, so that lock can take their drafts away */
    struct satchel_exchange *exchange; /* the running one */
    satchel_observers observers;
};

/*
 * Takes the mutex, and settles what slices left open (satchel_store_share). Errors: LOCKED, MISUSE (suspended),
 * NOT_FOUND (wiped); the mutex is then not held.
 */
SATCHEL_MUST_USE satchel_status satchel_device_enter(satchel_device *device, satchel_error *error);
/* The same for the next of those slices: it is left open. */
SATCHEL_MUST_USE satchel_status satchel_device_enter_slice(satchel_device *device, satchel_error *error);
void satchel_device_leave(satchel_device *device);
/* The same for what shows or changes the user's rows. Also LEASE_OVER; the mutex is then not held. */
SATCHEL_MUST_USE satchel_status satchel_device_enter_work(satchel_device *device, satchel_error *error);
/*
 * The same for what only looks: slices stay open, so it waits for no disk. What it sees of them a kill may take back;
 * it comes again.
 */
SATCHEL_MUST_USE satchel_status satchel_device_enter_look(satchel_device *device, satchel_error *error);
/* Between two slices of long work, with the device left: calls that wait get their turn first. */
void satchel_device_give_way(satchel_device *device);

/* Ends what hangs on the store, names the last commit in the anchor, closes it. `why`: how a running exchange ends. */
void satchel_device_close_store(satchel_device *device, satchel_status why);
/* A locked handle without a vault, to wipe what cannot be opened. Errors: INVALID_ARGUMENT, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_device_prepare(satchel_device **out, const satchel_device_config *config,
                                                       satchel_error *error);
/* What a new PIN may cost on this phone, unless the shell said what. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_device_pin_cost(const satchel_device *device, uint32_t *out_passes,
                                                        uint32_t *out_memory_kib, satchel_error *error);
void satchel_device_vault_config(const satchel_device *device, const char *pin, satchel_vault_config *out);

/* --- platform.c --- */

satchel_random satchel_device_random(satchel_device *device);

/* What the platform's clock says now; `boot_tag` may be NULL. */
void satchel_device_clock(const satchel_device *device, int64_t *wall_ms, int64_t *monotonic_ms,
                          uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]);
satchel_moment satchel_device_moment(const satchel_device *device);

/* The moment that the vault measures delays by: its boot is a hash of the tag, as the store is not open yet. */
satchel_moment satchel_device_vault_moment(const satchel_device *device);

/* Best estimate of the true time: wall clock and last measured offset, within the range of ids and times. */
int64_t satchel_device_now_ms(const satchel_device *device);

/* A new id. Errors: RANDOM_FAILED. */
SATCHEL_MUST_USE satchel_status satchel_device_new_id(satchel_device *device, satchel_id *out);

/* Counts a start of the phone if its tag is not the one of the last opening. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_device_count_boot(satchel_device *device, satchel_error *error);

/* --- write.c, exchange.c: handles that lose their store when the device is locked or suspended --- */

void satchel_device_drop_writes(satchel_device *device);
void satchel_device_cut_exchange(satchel_device *device, satchel_status status);

/* --- notes of the device in the store --- */

/* Remembers how an exchange ended; writes only what changed. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_device_note_sync(satchel_device *device, satchel_status status, bool complete,
                                                         satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_device_load_notes(satchel_device *device, satchel_error *error);

/* Ops in quarantine that no store took over and that the user has not removed. Errors: those of the store. */
SATCHEL_MUST_USE satchel_status satchel_device_count_aside(satchel_store *store, const satchel_vault *vault,
                                                           uint64_t *out, satchel_error *error);

#endif
