/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates on their way to one phone: a root and the rows that travel with it, filtered by what the user may see of
 * each, whole or only what changed, with the number of their scope set.
 */
#ifndef SATCHEL_SERVER_SERVICE_AGGREGATE_H
#define SATCHEL_SERVER_SERVICE_AGGREGATE_H

#include "service/members.h"
#include "service/standing.h"
#include "wire/answer.h"

/* A scope set that a page needs and that has no number yet. */
typedef struct satchel_wanted_set {
    uint32_t *numbers;
    uint32_t count;
    struct satchel_wanted_set *next;
} satchel_wanted_set;

typedef struct satchel_known_set {
    const uint32_t *numbers; /* of scopes, ascending */
    uint32_t count;
    uint32_t set; /* on the wire */
    struct satchel_known_set *next;
} satchel_known_set;

typedef struct satchel_sent_place {
    satchel_place place;
    bool removed;
    struct satchel_sent_place *next;
} satchel_sent_place;

#define SATCHEL_SENT_BUCKETS 1024
#define SATCHEL_KNOWN_WRITERS 64

/* What is gathered for one page. */
typedef struct satchel_gathering {
    const satchel_service *service;
    satchel_db *db;
    const satchel_person *person;
    const satchel_scope_list *scopes; /* the user's, now */
    uint8_t generation;
    satchel_arena *arena;    /* lives with the page */
    satchel_arena row_arena; /* reset for each aggregate */
    satchel_buffer sets;     /* frames, by kind */
    satchel_buffer rows;
    satchel_buffer removed[SATCHEL_TABLE_COUNT]; /* ids of removed roots, by entity */
    size_t removed_bytes;
    satchel_sent_place *sent[SATCHEL_SENT_BUCKETS];
    satchel_known_set *known_sets;
    satchel_wanted_set *wanted_sets;
    satchel_anchor anchor; /* the last one that was looked up; its set lives in anchor_arena */
    satchel_arena anchor_arena;
    struct {
        uint64_t incarnation;
        satchel_id user;
        bool filled;
    } writers[SATCHEL_KNOWN_WRITERS];
    uint32_t through_scope; /* the last scope that `shows` looked up, and the relations through it; 0: none */
    uint32_t through;
    bool lag_known; /* `lag` says whether memberships of any customer wait to follow its facts */
    bool lag;
    uint32_t row_count;
    uint32_t removal_count;
    satchel_error *error;
} satchel_gathering;

void satchel_gathering_init(satchel_gathering *gathering, satchel_arena *arena);
void satchel_gathering_deinit(satchel_gathering *gathering);

/* Bytes that the page has so far. */
size_t satchel_gathering_bytes(const satchel_gathering *gathering);

/* Do memberships of the aggregate's customer wait to follow its facts (realign.h)? */
SATCHEL_MUST_USE satchel_status satchel_gathering_lags(satchel_gathering *gathering, const satchel_place *place,
                                                       bool *out);

bool satchel_gathering_has_sent(const satchel_gathering *gathering, const satchel_place *place);

/*
 * Sends what the user sees of an aggregate: all of it, or what changed behind `since_n`. `members` are all its entries.
 * `*out_visible` false: he sees nothing of it, and nothing was sent. Marks the place as sent either way.
 */
SATCHEL_MUST_USE satchel_status satchel_gathering_send(satchel_gathering *gathering, const satchel_place *place,
                                                       const satchel_member_list *members, bool whole, uint64_t since_n,
                                                       bool *out_visible);

/*
 * Sends the removal of a root that left scopes of his, if it was shown to him and has not only moved among his own.
 * What hangs on a customer that goes in the same page goes with it without a word.
 */
SATCHEL_MUST_USE satchel_status satchel_gathering_remove(satchel_gathering *gathering, const satchel_place *place,
                                                         const satchel_member_list *members);

/* Does he see rows of the entity through the scope at all? Conflicts, which show themselves one by one, do not count.
 */
SATCHEL_MUST_USE satchel_status satchel_gathering_shows(satchel_gathering *gathering, uint32_t scope, uint32_t entity,
                                                        bool *out);

/* … and fields of a class, of such a row or one that travels with it? */
SATCHEL_MUST_USE satchel_status satchel_gathering_shows_class(satchel_gathering *gathering, uint32_t scope,
                                                              uint32_t entity, uint32_t sensitivity, bool *out);

/* The server's own number of a set of scopes, for cursors; 0 if it has none yet (it is then among the wanted). */
SATCHEL_MUST_USE satchel_status satchel_gathering_set(satchel_gathering *gathering, const uint32_t *numbers,
                                                      uint32_t count, uint32_t *out);

/* Appends sets, rows and removals as frames in this order; `lost` (scopes on the wire) comes between sets and rows. */
SATCHEL_MUST_USE satchel_status satchel_gathering_write(satchel_gathering *gathering, const uint32_t *lost,
                                                        uint32_t lost_count, satchel_buffer *payload);

#endif
