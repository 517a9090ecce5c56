/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a row stands in the company: its place, who owns it and its customer, in which territory that lies. From these
 * facts follow both access (decided now, from facts alone) and scopes (kept in the memberships).
 */
#ifndef SATCHEL_SERVER_SERVICE_STANDING_H
#define SATCHEL_SERVER_SERVICE_STANDING_H

#include "service/members.h"

/* What is known of the customer that a row is anchored at. */
typedef struct satchel_anchor {
    satchel_id id; /* none: there is no anchor */
    bool exists;
    bool deleted;
    bool pooled; /* in the public pool: the customer itself, not what hangs on it, is a row of the company's */
    satchel_id owner;
    satchel_id territory;
    satchel_set shared_with; /* ids of users */
} satchel_anchor;

typedef struct satchel_standing {
    uint32_t entity;
    satchel_place place;   /* of its root */
    satchel_id owner;      /* of the root, none if it has none */
    satchel_anchor anchor; /* of the root; the customer itself for a customer */
    bool root_exists;      /* for a child: its root is there (deleted or not) */
    bool company;
} satchel_standing;

/*
 * Of a row of `entity` that has, or will have, these values: `record` gives owner, anchor and root fields. For a
 * customer the anchor's facts are those of `record`. Everything lives in `arena`. Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_standing_of(const satchel_service *service, satchel_db *db, uint32_t entity,
                                                    const satchel_id *id, const satchel_record *record,
                                                    satchel_arena *arena, satchel_standing *out, satchel_error *error);

/* Does it hang on a customer, and is none itself? */
bool satchel_standing_is_anchored(const satchel_standing *standing);

/* Who owns the row as far as access goes: its customer's owner; of what hangs on none its own. None: nobody. */
const satchel_id *satchel_standing_owner(const satchel_standing *standing);

/*
 * Had the user, at revision n, the row or the customer that it hangs on, and lost it since? Whoever had the customer
 * had what hangs on it; what he has made there since he lost it was never in a scope of his.
 */
SATCHEL_MUST_USE satchel_status satchel_standing_had(satchel_db *db, const satchel_standing *standing,
                                                     const satchel_id *user, const satchel_scope_list *scopes,
                                                     uint64_t n, satchel_arena *arena, bool *out, satchel_error *error);

/* Facts of a customer by id. */
SATCHEL_MUST_USE satchel_status satchel_anchor_load(satchel_db *db, const satchel_id *customer, satchel_arena *arena,
                                                    satchel_anchor *out, satchel_error *error);

/* Does a dated assignment give the customer to the user on that day? */
SATCHEL_MUST_USE satchel_status satchel_is_assigned(satchel_db *db, const satchel_id *user, const satchel_id *customer,
                                                    int64_t day, bool *out, satchel_error *error);

/* The same facts as access wants them, without dated assignments of the customer: nothing is read. `creator` may be
 * none. */
void satchel_standing_facts(const satchel_standing *standing, const satchel_person *person, const satchel_id *creator,
                            satchel_access_row *out);

/* … and with them. */
SATCHEL_MUST_USE satchel_status satchel_standing_for(satchel_db *db, const satchel_standing *standing,
                                                     const satchel_person *person, const satchel_id *creator,
                                                     int64_t day, satchel_access_row *out, satchel_error *error);

/* Relations of a person to a row that stands so; all for the operator. */
SATCHEL_MUST_USE satchel_status satchel_relations_of(satchel_db *db, const satchel_standing *standing,
                                                     const satchel_person *person, int64_t day, uint32_t *out,
                                                     satchel_error *error);

/* The scopes that follow from the facts on that day; makes scopes that are absent (writes). */
SATCHEL_MUST_USE satchel_status satchel_standing_scopes(satchel_db *db, const satchel_standing *standing, int64_t day,
                                                        satchel_arena *arena, uint32_t **out, uint32_t *out_count,
                                                        satchel_error *error);

#endif
