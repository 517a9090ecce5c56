/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Membership: which aggregate is in which scope since when. One entry per (aggregate root, scope): state, not history.
 *
 * An aggregate has a place: the customer that it is anchored at (none if it has none), a rank (0 for the customer
 * itself, else the entity of the root, so that a customer sorts before what hangs on it), and the root's id.
 */
#ifndef SATCHEL_SERVER_SERVICE_MEMBERS_H
#define SATCHEL_SERVER_SERVICE_MEMBERS_H

#include "service/scopes.h"

typedef struct satchel_place {
    satchel_id anchor;
    uint32_t rank;
    satchel_id root;
} satchel_place;

satchel_place satchel_place_of(uint32_t root_entity, const satchel_id *root, const satchel_id *anchor);
uint32_t satchel_place_entity(const satchel_place *place);
int satchel_place_compare(const satchel_place *a, const satchel_place *b);

typedef struct satchel_member {
    uint32_t scope;
    uint64_t entered_n;
    uint64_t last_n; /* newest change of the aggregate; if not present, when it left */
    bool present;
} satchel_member;

typedef struct satchel_member_list {
    satchel_member *items; /* by scope */
    uint32_t count;
} satchel_member_list;

SATCHEL_MUST_USE satchel_status satchel_members_of(satchel_db *db, const satchel_place *place, satchel_arena *arena,
                                                   satchel_member_list *out, satchel_error *error);

#define SATCHEL_DIGEST_BUCKETS 16

/* A row that was saved and is still to count in the digest of its aggregate's group: digest.h. */
typedef struct satchel_digest_saved_row {
    bool pending;
    bool old_counts;
    bool new_counts;
    uint32_t entity;
    uint32_t old_kind;
    uint32_t new_kind;
    satchel_id row;
    satchel_place place; /* of its aggregate, before a move */
    uint64_t old_revisions[SATCHEL_SENSITIVITY_COUNT];
    uint64_t new_revisions[SATCHEL_SENSITIVITY_COUNT];
} satchel_digest_saved_row;

/*
 * Scopes that a change has touched: each gets its head revision once, at the end of the change; and what it moved in
 * digests. Without `service`, digests are made anew after an aggregate moved.
 */
typedef struct satchel_touched {
    satchel_arena *arena;
    const satchel_service *service;
    satchel_digest_saved_row saved;
    struct satchel_digest_delta *deltas[SATCHEL_DIGEST_BUCKETS];
    bool has_deltas;
    struct satchel_digest_group *groups; /* that were looked up … */
    uint32_t group_count;
    struct satchel_touched *looked_up_in; /* … unless they are kept there, for changes that follow; may be NULL */
    uint32_t *scopes;
    int64_t *members; /* entries that came (+) or went (-) */
    uint32_t count;
    uint32_t capacity;
} satchel_touched;

/* Adds what `from` has touched to `into`. Errors: NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_touched_merge(satchel_touched *into, const satchel_touched *from);
SATCHEL_MUST_USE satchel_status satchel_touched_flush(satchel_touched *touched, satchel_db *db, uint64_t n,
                                                      satchel_error *error);

/*
 * All write. Fields of these classes (bits) of the aggregate changed at n. Its entries say so if an open one was among
 * them; else entries of their own beside them, which are read only by those who see the class: what is hidden must not
 * even change the order in which rows come.
 */
SATCHEL_MUST_USE satchel_status satchel_members_bump(satchel_db *db, const satchel_place *place, uint32_t classes,
                                                     uint64_t n, satchel_touched *touched, satchel_error *error);

/*
 * Makes `scopes` (any order, doubles allowed) the aggregate's scopes: enters those that are new at n, leaves the
 * others, and bumps what stays if `changed`.
 */
SATCHEL_MUST_USE satchel_status satchel_members_set(satchel_db *db, const satchel_place *place, const uint32_t *scopes,
                                                    uint32_t count, bool changed, uint64_t n, satchel_touched *touched,
                                                    satchel_error *error);

/*
 * Writes: what is there counts as having come at n, so that phones get it whole: between a customer's facts and its
 * memberships some may have passed it over.
 */
SATCHEL_MUST_USE satchel_status satchel_members_reenter(satchel_db *db, const satchel_place *place, uint64_t n,
                                                        satchel_touched *touched, satchel_error *error);

/* The places anchored at a customer, the customer's own first. */
typedef struct satchel_place_list {
    satchel_place *items;
    uint32_t count;
} satchel_place_list;
SATCHEL_MUST_USE satchel_status satchel_places_at(satchel_db *db, const satchel_id *anchor, satchel_arena *arena,
                                                  satchel_place_list *out, satchel_error *error);

/* Was the aggregate in one of the user's scopes at revision n, and left it since? `lost`: scopes that the user lost
 * after n. */
SATCHEL_MUST_USE satchel_status satchel_members_left_since(satchel_db *db, const satchel_place *place,
                                                           const satchel_id *user, const satchel_scope_list *scopes,
                                                           uint64_t n, satchel_arena *arena, bool *out,
                                                           satchel_error *error);

#endif
