/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of what phones should hold (wire/digest.h), kept while changes are made, so that a page tells its phone's
 * digest without looking at rows.
 */
#ifndef SATCHEL_SERVER_SERVICE_DIGEST_H
#define SATCHEL_SERVER_SERVICE_DIGEST_H

#include "service/aggregate.h"

/*
 * Rows are summed in groups: all rows of a kind in aggregates that are in exactly the same scopes. To one user all
 * rows of a group stand in the same relations, so he sees the same classes of all of them, and the row's n in his view
 * is the newest of those classes' revisions. Each group has a sum for each of the 15 sets of classes; a user's digest
 * is the sum, over the groups that meet his scopes, of the one for what he sees there.
 *
 *   digest (grp, kind → sums)   grp: number of the scope set; sums: 15 × 16 bytes, for classes 1 … 15
 *   digest_scope (scope, grp)   where groups are found
 *   digest_state                valid 0: they are to be made anew before any is told
 *
 * kind: entity | subject entity << 8 | class << 16 | anchored << 24; subject and class only of a conflict, which shows
 * itself by its subject's class; anchored: it hangs on a customer.
 */
#define SATCHEL_DIGEST_SUMS 15

/* What a row counted for before it is saved. */
typedef struct satchel_digest_before {
    bool counts;
    uint32_t kind;
    uint64_t revisions[SATCHEL_SENSITIVITY_COUNT];
} satchel_digest_before;

/* `row` has its new values, but its revisions are still those that are stored. Errors: those of the database. */
SATCHEL_MUST_USE satchel_status satchel_digest_look(const satchel_service *service, satchel_db *db,
                                                    const satchel_stored_row *row, satchel_digest_before *out,
                                                    satchel_error *error);

/* The row was saved; it counts in the group that its aggregate is in, until a move takes all of it to another. */
void satchel_digest_saved(satchel_touched *touched, const satchel_stored_row *row, const satchel_digest_before *before);

/* The aggregate is in the scopes of `members`: what was saved last counts there. Called by members.c before a move. */
SATCHEL_MUST_USE satchel_status satchel_digest_settle(satchel_touched *touched, satchel_db *db,
                                                      const satchel_place *place, const satchel_member_list *members,
                                                      satchel_error *error);

/* The aggregate was in the scopes of `before` (present ones), and is in `scopes` (any order, doubles allowed). */
SATCHEL_MUST_USE satchel_status satchel_digest_moved(satchel_touched *touched, satchel_db *db,
                                                     const satchel_place *place, const satchel_member_list *before,
                                                     const uint32_t *scopes, uint32_t count, satchel_error *error);

SATCHEL_MUST_USE satchel_status satchel_digest_merge(satchel_touched *into, const satchel_touched *from);
/* Writes what the change moved. */
SATCHEL_MUST_USE satchel_status satchel_digest_flush(satchel_touched *touched, satchel_db *db, satchel_error *error);

/* Writes: makes all of them anew from rows and memberships, if they are not valid. `*out_done`: they were not. */
SATCHEL_MUST_USE satchel_status satchel_digest_rebuild(const satchel_service *service, satchel_db *db, bool *out_done,
                                                       satchel_error *error);
/* Writes: they will be. */
SATCHEL_MUST_USE satchel_status satchel_digest_invalidate(satchel_db *db, satchel_error *error);

/*
 * What a phone of this user should hold now. `*out_known` false: nobody knows, as the books are to be made anew first,
 * or memberships have still to follow customers that moved. Errors: those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_digest_of_user(satchel_gathering *gathering, satchel_row_digest *out,
                                                       bool *out_known);

/*
 * Answers a phone's ranges: whole aggregates of those that differ, as far as the page takes them, and the frame of
 * ranges (empty: none differs). Errors: MALFORMED (ranges), those of the database.
 */
typedef struct satchel_digest_answer {
    satchel_buffer settled;
    satchel_buffer split;
    satchel_buffer elements;
    uint32_t aggregates;
    bool whole;                 /* all ranges together are everything */
    satchel_row_digest counted; /* of the ranges, from the rows */
} satchel_digest_answer;
SATCHEL_MUST_USE satchel_status satchel_digest_ask(satchel_gathering *gathering, satchel_bytes ranges,
                                                   uint32_t page_bytes, satchel_digest_answer *out);
void satchel_digest_answer_deinit(satchel_digest_answer *answer);

/* --- inside --- */

/* A row as digests count it. */
typedef struct satchel_digest_stored {
    satchel_id row;
    uint32_t kind;
    uint64_t revisions[SATCHEL_SENSITIVITY_COUNT];
    bool deleted;
} satchel_digest_stored;
typedef satchel_status (*satchel_digest_visitor)(void *context, const satchel_digest_stored *row);
/* The rows of an aggregate that are not deleted. */
SATCHEL_MUST_USE satchel_status satchel_digest_each(const satchel_service *service, satchel_db *db,
                                                    const satchel_place *place, satchel_digest_visitor visit,
                                                    void *context, satchel_error *error);

/* What is known of a scope. */
typedef struct satchel_scope_facts {
    uint32_t number;
    uint8_t kind;
    satchel_id subject;
} satchel_scope_facts;
/* The relations in which the person stands to rows of aggregates that are in exactly these scopes. */
uint32_t satchel_digest_relations(const satchel_person *person, const satchel_scope_facts *scopes, uint32_t count);
uint32_t satchel_digest_entity(uint32_t kind);
/* Does it hang on a customer? Such rows are a kind of their own. */
bool satchel_digest_is_anchored(const satchel_place *place);

#endif
