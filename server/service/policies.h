/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The company's policy: rows of entity `role`, each with its rules as text (access/policy_text.h). A company without
 * any has the policy that ships. Every change of a role gives the policy another mark, in meta, in the same
 * transaction; whoever decides looks at the mark, so a change takes effect at its commit, on every server of the
 * company.
 */
#ifndef SATCHEL_SERVER_SERVICE_POLICIES_H
#define SATCHEL_SERVER_SERVICE_POLICIES_H

#include "access/policy_text.h"
#include "service/admin.h"

#define SATCHEL_ROLES_MOST 64 /* SATCHEL_LIMIT_ROLES: bits of a user's roles */
#define SATCHEL_ROLE_NAME_BYTES 60

/* What of the rows of `role` gives nothing because it makes no sense. */
typedef struct satchel_role_trouble {
    satchel_id row;
    char name[SATCHEL_ROLE_NAME_BYTES + 1];
    uint32_t line; /* the first that is no rule; 0: the row as a whole */
} satchel_role_trouble;
#define SATCHEL_ROLE_TROUBLES_MOST 64 /* that are kept; more are counted */

/* A policy as it was read; never changes, lives as long as the service. */
typedef struct satchel_policy_book {
    uint8_t mark[SATCHEL_ID_BYTES]; /* zeros: the shipped one */
    satchel_access_policy policy;
    char names[SATCHEL_ROLES_MOST][SATCHEL_ROLE_NAME_BYTES + 1]; /* empty: there is no such role */
    uint64_t moved_n;                                            /* newest revision of a role; 0: shipped */
    uint64_t marks[SATCHEL_ROLES_MOST];                          /* hash of a role's rules: views are made of these */
    satchel_role_trouble *troubles;                              /* up to SATCHEL_ROLE_TROUBLES_MOST */
    uint32_t trouble_count;                                      /* all there are */
    satchel_arena arena;
    struct satchel_policy_book *next;
} satchel_policy_book;

/* The policy in force, as the transaction sees it. Errors: those of the database, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_policy_now(const satchel_service *service, satchel_db *db,
                                                   const satchel_policy_book **out, satchel_error *error);

/* The one that ships. */
const satchel_policy_book *satchel_policy_shipped(const satchel_service *service);

/* Writes: what the present policy has of troubles goes into the audit, an entry each. Once a day. */
SATCHEL_MUST_USE satchel_status satchel_policy_audit_troubles(const satchel_service *service, satchel_db *db,
                                                              satchel_error *error);

/* Numbers of roles from names; unknown ones give nothing. */
uint64_t satchel_policy_roles(const satchel_policy_book *book, const satchel_set *names);
/* Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_policy_role_named(const satchel_policy_book *book, satchel_text name,
                                                          uint32_t *out);

/* Opening and closing of the service. */
SATCHEL_MUST_USE satchel_status satchel_policies_open(satchel_service *service, satchel_error *error);
void satchel_policies_close(satchel_service *service);

/* Writes: a role was changed. Called by change.c. */
SATCHEL_MUST_USE satchel_status satchel_policy_moved(const satchel_service *service, satchel_db *db,
                                                     satchel_error *error);

/* --- presets and roles --- */

typedef enum satchel_preset {
    SATCHEL_PRESET_SMALL = 1,  /* below 50 people: two roles, no approvals */
    SATCHEL_PRESET_MEDIUM = 2, /* up to 500: six roles, large discounts are approved */
    SATCHEL_PRESET_LARGE = 3   /* above: transfers, plans and discounts are approved, in steps */
} satchel_preset;

/* Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_preset_named(satchel_text name, satchel_preset *out);

/*
 * Writes roles, their rules and the company's rules as the preset has them; roles of the company's own stay. Errors:
 * FORBIDDEN, UNSUPPORTED (a user has a role that the preset does not), and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_preset_apply(const satchel_service *service, satchel_db *db,
                                                     const satchel_actor *actor, satchel_preset preset,
                                                     satchel_error *error);

/*
 * Writes: a role with these rules; an existing one gets them instead of its own. Of a company that has the shipped
 * policy the shipped roles are written first. Errors: FORBIDDEN, MALFORMED (a rule), LIMIT_EXCEEDED (too many roles),
 * TOO_LONG, INVALID_ARGUMENT (no name).
 */
SATCHEL_MUST_USE satchel_status satchel_role_put(const satchel_service *service, satchel_db *db,
                                                 const satchel_actor *actor, satchel_text name, satchel_text rules,
                                                 satchel_error *error);

#endif
