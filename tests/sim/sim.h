/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator: one company, its server and its phones in one process, driven by one seed.
 *
 * The server is the real service over SQLite in memory; a phone is a real device whose files lie on a disk in memory
 * that can lose power. Clock, randomness, network and the order of events come from the seed. While it runs, all that
 * users do is written into a ledger; when all troubles have ended and everybody has synced, the ledger is held against
 * what is on the server and on the phones.
 */
#ifndef SATCHEL_TESTS_SIM_SIM_H
#define SATCHEL_TESTS_SIM_SIM_H

#include "db/db.h"
#include "device/device.h"
#include "service/admin.h"
#include "sim/counters.h"
#include "support/random.h"
#include "support/temp.h"
#include "support/vault/disk.h"
#include "wire/signing.h"
#include "wire/unit_codec.h"

#include <satchel/sync.h>

#define SIM_PHONES_MOST 12 /* clones included */
#define SIM_CUSTOMERS_MOST 64
#define SIM_PRODUCTS 4
#define SIM_EDITS_MOST 2048
#define SIM_MAIL_MOST 16
#define SIM_VALUE_BYTES 24

/* What pins a profile, so that speed is not bought with emptiness. */
typedef struct sim_profile {
    const char *name;
    uint32_t phones;
    uint32_t customers;
    uint32_t edits;       /* at least so many edits of users */
    uint32_t exchanges;   /* at least so many that reached the server */
    uint32_t faults;      /* at least so many, */
    uint32_t fault_kinds; /* of so many kinds; more than there are: all */
    uint32_t permissions; /* at least so many reassignments or changes of roles */
    uint32_t put_back;    /* at least so many times the server is put back to a backup; 0: never */
    bool restores;        /* at least one phone is restored from a copy or cloned */
    bool clones;
    uint32_t writes_most; /* of a user between two other things */
    uint32_t steps_most;
} sim_profile;

const sim_profile *sim_profile_named(const char *name);

typedef enum sim_kind {
    SIM_TEXT,   /* a text into a field */
    SIM_SUM,    /* `amount` to a counter */
    SIM_TAG,    /* an element into a set */
    SIM_UNTAG,  /* the element of `previous` out of it */
    SIM_DELETE, /* the row, with the texts `previous` and `previous_other` */
    SIM_LINE,   /* a line of an order, worth `amount` */
    SIM_SUBMIT, /* the order `row` */
    SIM_MERGE,  /* the customer `row` into `parent` */
    SIM_STEP    /* of the visit `row`: planned, begun */
} sim_kind;

/* Something that a user did, one unit. Values are unique over a run, so a value tells who wrote it. */
typedef struct sim_edit {
    sim_kind kind;
    int32_t phone; /* -1: the office */
    uint32_t entity;
    satchel_id row;
    satchel_id parent; /* of a line its order, of an order or a visit its customer, else none */
    uint32_t field;
    char value[SIM_VALUE_BYTES]; /* empty if none was written */
    int64_t amount;
    uint64_t base_n;  /* revision that the writer saw of the server's row, 0: none */
    int32_t previous; /* the edit whose value the writer saw there, -1: none of the ledger's */
    int32_t previous_other;
    uint8_t unit[SATCHEL_DIGEST_BYTES]; /* digest of the unit that carries it: how the server names what it decided */
    uint32_t deleters;                  /* of a line: bits of phones that deleted its order, and showed it then */
    uint32_t readers;                   /* bits of people whom the office let read it */
    bool poison;                        /* the server cannot store it, and keeps it for its operator */
    bool unsure;      /* the commit failed, and was not found when the store was opened: its unit is not known */
    bool may_be_gone; /* the phone was restored to a copy from before it: it may never have been sent */
} sim_edit;

typedef struct sim_mail {
    bool used;
    uint32_t phone;
    uint32_t due_step;
    satchel_buffer body;
    char digest[SATCHEL_SIGNING_HEADER_BYTES];
    char number[SATCHEL_SIGNING_HEADER_BYTES];
    char input[SATCHEL_SIGNING_HEADER_BYTES];
    char signature[SATCHEL_SIGNING_HEADER_BYTES];
} sim_mail;

typedef struct sim_phone {
    struct sim *sim;
    uint32_t index;
    uint32_t original; /* the phone that it is a clone of, or itself */
    satchel_id user;
    test_temp temp;
    test_disk *disk;
    bool ailing;         /* an operation of its disk is going to fail, or has */
    bool off;            /* it has lost its power, and what still runs of it is without effect */
    test_disk *copy;     /* a copy that someone made, NULL: none */
    uint32_t copy_edits; /* edits of the ledger when it was made */
    satchel_device *device;
    satchel_exchange *exchange;
    satchel_random_seeded seeded;
    int64_t wall_offset_ms; /* what its clock is wrong by */
    int64_t boot_ms;        /* when it was started, by the world's clock */
    uint32_t boots;
    bool has_anchor; /* its keystore keeps one */
    uint8_t anchor[SATCHEL_ANCHOR_BYTES];
    size_t anchor_bytes;
    uint32_t cut_until_step; /* no network before */
    uint64_t committed;      /* last sequence of a commit that was acknowledged, in this life */
} sim_phone;

typedef struct sim {
    const sim_profile *profile;
    uint64_t seed;
    test_random random;
    bool tells; /* prints a story */
    bool calm;  /* no troubles any more */
    bool hushed;
    uint32_t steps;   /* exactly so many; 0: until the profile has enough */
    uint32_t without; /* bits of sim_trouble that must not happen */
    int64_t now_ms;
    uint32_t step;
    bool on_postgres;
    satchel_db *db;
    bool db_stays; /* it is the image's */
    satchel_service *service;
    satchel_random_seeded server_seeded;
    satchel_id manager;
    satchel_id customers[SIM_CUSTOMERS_MOST];
    uint32_t customer_count;
    satchel_id owners[SIM_CUSTOMERS_MOST];
    uint32_t merged_into[SIM_CUSTOMERS_MOST]; /* the customer that it was perhaps merged into, + 1; 0: none */
    satchel_id products[SIM_PRODUCTS];
    sim_phone phones[SIM_PHONES_MOST];
    uint32_t phone_count;
    uint32_t people;  /* phones that are no clones: theirs come first, the last of them is the manager's */
    uint32_t saw_all; /* bits of people who once could read every customer */
    uint32_t knows[SIM_CUSTOMERS_MOST]; /* bits of people who once could read this one */
    sim_edit edits[SIM_EDITS_MOST];
    uint32_t edit_count;
    uint32_t backup_edits; /* edits of the ledger when the server's backup was made */
    sim_mail mail[SIM_MAIL_MOST];
    uint64_t counters[SIM_COUNTER_COUNT];
    uint64_t trace; /* a hash of all that happened */
} sim;

/* --- run.c --- */
void sim_count(sim *here, sim_counter counter);
/* A line of the story; it goes into the trace as well. No ids and no bytes that come from chance of the process. */
void sim_tell(sim *here, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_violation(sim *here, const char *format, ...) __attribute__((format(printf, 2, 3)));
satchel_random sim_random_of(satchel_random_seeded *seeded, uint64_t seed);

/* Has this kind of fault not happened yet, while the profile wants more kinds than there were? What is rare would
 * otherwise be waited for with edits that nobody asked for. */
bool sim_lacks(const sim *here, sim_counter kind);

/* May this happen? The draws of chance stay the same if not. */
bool sim_may(const sim *here, sim_trouble trouble);

/* --- office.c: the server --- */
bool sim_office_open(sim *here);
void sim_office_close(sim *here);
/* The parts of opening: the service over the company that is in the database; a new company. */
bool sim_office_start(sim *here);
void sim_office_stop(sim *here);
bool sim_office_found(sim *here);
/* Runs `work` in a transaction that is committed if it succeeds. */
typedef satchel_status (*sim_office_work)(sim *here, void *context);
satchel_status sim_office_write(sim *here, sim_office_work work, void *context);
/* The service is made anew over the same database. */
void sim_office_restart(sim *here);
/* Something that a manager does: an edit, a reassignment, a change of a role. */
void sim_office_act(sim *here);
/* POST of a phone: gives the reply in `out` and the HTTP status. */
uint32_t sim_office_serve(sim *here, const sim_mail *mail, satchel_buffer *out);
/* A phone of `user` gets its link. */
bool sim_office_link(sim *here, const satchel_id *user, satchel_buffer *out);
uint32_t sim_office_enroll(sim *here, satchel_bytes body, satchel_buffer *out);

/* --- backup.c: the server's; one, the newest --- */
satchel_status sim_backup_take(sim *here);
bool sim_backup_is_there(void);
void sim_backup_forget(void);
/* The database of the backup, with the ledger of the one that is given up; the server starts anew. */
satchel_status sim_backup_put_back(sim *here);

/* --- phone.c --- */
bool sim_phone_make(sim *here, uint32_t index, const satchel_id *user);
/* A phone whose disk is there is switched on; it is put away, and its disk stays. */
bool sim_phone_start(sim_phone *phone);
void sim_phone_shut(sim_phone *phone);
void sim_phone_close(sim_phone *phone);
/* One thing that the user of the phone, its system or its network does. */
void sim_phone_act(sim_phone *phone);
void sim_phone_end_exchange(sim_phone *phone);
/* Is this what a failing disk makes of a call? */
bool sim_phone_may_fail(const sim_phone *phone, satchel_status status);
/* Its disk fails no more. */
void sim_phone_end_troubles(sim_phone *phone);
/* It lost its power (or was put away) and is switched on with this disk, which it takes over. */
void sim_phone_start_from(sim_phone *phone, test_disk *disk, const char *what);
/* Somebody copies its store; puts the copy back; goes on with both. */
void sim_phone_copy(sim_phone *phone);
void sim_phone_restore(sim_phone *phone);
void sim_phone_clone(sim_phone *phone);

/* --- network.c --- */
/* One step of the running exchange, which is begun if there is none. Gives whether it has ended. */
bool sim_phone_step(sim_phone *phone, satchel_status *out);
/* One round of a sync without trouble; false: it could not be ended. */
bool sim_phone_sync(sim_phone *phone);
/* The request as the network has it. */
void sim_mail_take(sim_mail *mail, const sim_phone *phone, const satchel_http_request *request);
/* Whoever owned the customer, or wrote into it, could read what is there. */
bool sim_is_known_to(const sim *here, const sim_phone *reader, const sim_edit *edit);
/* A value, "v0123-4", begins here: the number of its edit; -1: none does. */
int32_t sim_value_at(const uint8_t *at, size_t bytes);
/* Looks through an answer for what its reader may not know. */
void sim_answer_read(sim_phone *reader, const satchel_buffer *answer);
/* Mail that was held up reaches the server. */
void sim_mail_deliver_due(sim *here);

/* --- edits.c: what users write --- */
void sim_phone_write(sim_phone *phone);
/* The newest edit with this value, -1: none. */
int32_t sim_edit_of(const sim *here, satchel_text value);
/* A new edit, its value drawn; NULL: the ledger is full. */
sim_edit *sim_edit_new(sim *here, int32_t phone, uint32_t entity, const satchel_id *row, uint32_t field);
/* The ledger keeps the edit if the phone committed it as the unit from `first` on; otherwise it was not made. */
void sim_edit_end(sim_phone *phone, sim_edit *edit, satchel_status status, uint64_t first, const char *what);

/* A row of chance that a phone shows. The arena goes with sim_choice_deinit. */
typedef struct sim_choice {
    satchel_id row;
    satchel_arena arena;
    satchel_record record;
} sim_choice;

bool sim_choose(sim_phone *phone, uint32_t entity, sim_choice *out);
bool sim_shows(sim_phone *phone, uint32_t entity, const satchel_id *row);
void sim_choice_deinit(sim_choice *choice);

/* Commits what is in `write` as this edit; its status is what became of it until then. */
void sim_phone_commit(sim_phone *phone, satchel_write *write, satchel_status status, sim_edit *edit, const char *what);
/* It was not made after all: it is the newest. */
void sim_edit_forget(sim *here);

/* --- unsure.c: commits that ended in an error of the disk --- */
/* After the store was opened: which of them are there after all? `in_a_copy`: the next power cut may end this life. */
void sim_phone_find_unsure(sim_phone *phone, bool in_a_copy);

/* --- sales.c: orders of the sales verbs --- */
void sim_phone_sell(sim_phone *phone);

/* --- merges.c --- */
void sim_phone_merge(sim_phone *phone);
/* The customer that perhaps stands for this one now, in the end; itself. */
uint32_t sim_survivor_of(const sim *here, uint32_t customer);
/* Is it the same row, or may the one have been merged into the other, over others too? */
bool sim_may_stand_for(const sim *here, const satchel_id *survivor, const satchel_id *gone);

/* The customer that stands for this one on the server; a row that was never asked to go: itself. In a transaction. */
satchel_id sim_survivor_on_server(sim *here, const satchel_id *row);

/* --- visits.c --- */
void sim_phone_visit(sim_phone *phone);

/* --- desk.c --- */
satchel_status sim_office_give_task(sim *here, uint32_t person);
/* Perhaps the server fails wherever this edit is stored; until the end of the run. */
void sim_poison(sim *here, sim_edit *edit);
void sim_poison_end(sim *here);

uint32_t sim_field_of_chance(sim *here);
/* Also one that no user of a phone may read. */
uint32_t sim_office_field_of_chance(sim *here);
/* Fields that no user of a phone reads, and that only those read who hold the customer. */
bool sim_is_secret(const sim_edit *edit);
bool sim_is_commercial(const sim_edit *edit);

/* --- ledger.c --- */
/* Holds the ledger against the server and what is listed in `phones` and there; in a reading transaction. */
void sim_judge_ledger(sim *here);

/* --- canary.c --- */
/* Looks through the store of a phone for what its user may not know. */
void sim_judge_store(sim_phone *phone);

/* --- judge.c --- */
void sim_judge(sim *here);

#endif
