/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes: what sync is cut by. A scope is a small number that stands for (kind, subject); it never changes its meaning
 * and never leaves the server (service/wire_scopes.h says what phones are told).
 */
#ifndef SATCHEL_SERVER_SERVICE_SCOPES_H
#define SATCHEL_SERVER_SERVICE_SCOPES_H

#include "service/people.h"

typedef enum satchel_scope_kind {
    SATCHEL_SCOPE_COMPANY = 1,   /* subject none */
    SATCHEL_SCOPE_OWNER = 2,     /* rows whose customer a user owns; of those that hang on none, which he owns */
    SATCHEL_SCOPE_ASSIGNED = 3,  /* of customers that a dated assignment gives a user today */
    SATCHEL_SCOPE_SHARED = 4,    /* of customers that are shared with a user */
    SATCHEL_SCOPE_TERRITORY = 5, /* of customers in a territory */
    SATCHEL_SCOPE_UNOWNED = 6,   /* rows that nobody owns in this sense; subject none */
    SATCHEL_SCOPE_POOL = 7       /* customers of the public pool of a territory; subject none: of no territory */
} satchel_scope_kind;

/* Numbers ascending, distinct. */
typedef struct satchel_scope_list {
    uint32_t *numbers;
    uint8_t *kinds; /* satchel_scope_kind, beside the numbers; NULL in lists that were read from a set */
    uint32_t count;
} satchel_scope_list;

bool satchel_scope_list_has(const satchel_scope_list *list, uint32_t number);
/* Its kind; 0: it is not in the list, or the list has no kinds. */
uint8_t satchel_scope_list_kind(const satchel_scope_list *list, uint32_t number);

/* 0 if there is no such scope yet. */
SATCHEL_MUST_USE satchel_status satchel_scope_find(satchel_db *db, satchel_scope_kind kind, const satchel_id *subject,
                                                   uint32_t *out, satchel_error *error);
/* Writes: makes it if it is absent. */
SATCHEL_MUST_USE satchel_status satchel_scope_take(satchel_db *db, satchel_scope_kind kind, const satchel_id *subject,
                                                   uint32_t *out, satchel_error *error);

/* Kind and subject of a scope; kind 0 if there is none. */
SATCHEL_MUST_USE satchel_status satchel_scope_get(satchel_db *db, uint32_t scope, uint8_t *out_kind,
                                                  satchel_id *out_subject, satchel_error *error);

/* The scopes of a person now. Errors: LIMIT_EXCEEDED (SATCHEL_LIMIT_SCOPES), those of the database. */
SATCHEL_MUST_USE satchel_status satchel_scopes_of(satchel_db *db, const satchel_person *person, satchel_arena *arena,
                                                  satchel_scope_list *out, satchel_error *error);

/* Relations in which somebody stands through a scope of this kind. */
uint32_t satchel_scope_relations(uint8_t kind);

/* Adds the relations in which this person stands to rows through the scope, as far as the scope tells. */
SATCHEL_MUST_USE satchel_status satchel_scope_relations_of(satchel_db *db, const satchel_person *person, uint32_t scope,
                                                           uint32_t *relations, satchel_error *error);

/*
 * Sets: a list that was given a number of its own for ever. `find` gives 0 if the list has none yet; `intern` writes.
 * `get` errors: NOT_FOUND.
 */
SATCHEL_MUST_USE satchel_status satchel_scope_set_find(satchel_db *db, const uint32_t *numbers, uint32_t count,
                                                       uint32_t *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_scope_set_intern(satchel_db *db, const uint32_t *numbers, uint32_t count,
                                                         uint32_t *out, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_scope_set_get(satchel_db *db, uint32_t set, satchel_arena *arena,
                                                      satchel_scope_list *out, satchel_error *error);

#endif
