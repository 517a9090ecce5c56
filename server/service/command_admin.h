/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands and rules for those who act on the server: the same decisions as for phones, and the same refusals.
 */
#ifndef SATCHEL_SERVER_SERVICE_COMMAND_ADMIN_H
#define SATCHEL_SERVER_SERVICE_COMMAND_ADMIN_H

#include "service/admin.h"

/* What became of a command. */
typedef struct satchel_command_outcome {
    satchel_status status; /* OK, or APPROVAL_PENDING: it waits for an approval */
    satchel_id winner;     /* on OVERTAKEN: who was first, if the actor may see him */
    int64_t winner_ms;
} satchel_command_outcome;

/*
 * Writes: gives a command as `actor`. `set`: its arguments as fields of the subject's entity; NULL: none. `base_n` 0:
 * the present revision. Errors: the refusals of the command (`out` then holds the winner), and those of the database.
 */
SATCHEL_MUST_USE satchel_status satchel_command_give(const satchel_service *service, satchel_db *db,
                                                     const satchel_actor *actor, satchel_command_kind kind,
                                                     uint32_t entity, const satchel_id *row, const satchel_record *set,
                                                     uint64_t base_n, satchel_command_outcome *out,
                                                     satchel_error *error);

/* Called for each rule of the company: its value, and what it may be. */
typedef satchel_status (*satchel_rule_visitor)(void *context, const char *name, int64_t value, int64_t least,
                                               int64_t most);
SATCHEL_MUST_USE satchel_status satchel_rules_list(satchel_db *db, satchel_rule_visitor visit, void *context,
                                                   satchel_error *error);
/* Writes. Errors: FORBIDDEN (an administrator's), NOT_FOUND (no such rule), OUT_OF_RANGE. */
SATCHEL_MUST_USE satchel_status satchel_rule_set(const satchel_service *service, satchel_db *db,
                                                 const satchel_actor *actor, satchel_text name, int64_t value,
                                                 satchel_error *error);

typedef enum satchel_duplicate {
    SATCHEL_DUPLICATE_NONE = 0,
    SATCHEL_DUPLICATE_SEEN = 1,      /* one of those that the actor sees */
    SATCHEL_DUPLICATE_ELSEWHERE = 2, /* it exists, with someone else: no more is said */
    SATCHEL_DUPLICATE_UNCHECKED = 3  /* today's answers are used up */
} satchel_duplicate;
/*
 * Writes (it counts): does a customer with this name, one of these phones, or this external number exist? Errors:
 * FORBIDDEN (he may not add customers).
 */
SATCHEL_MUST_USE satchel_status satchel_duplicate_ask(const satchel_service *service, satchel_db *db,
                                                      const satchel_actor *actor, const satchel_record *customer,
                                                      satchel_duplicate *out, satchel_error *error);

/*
 * Writes: decides on a conflict with a value of the actor's own. `record`: fields of the subject's entity; `cleared`:
 * fields to empty. Errors: as satchel_conflict_decide, INVALID_ARGUMENT (nothing is said).
 */
SATCHEL_MUST_USE satchel_status satchel_conflict_edit(const satchel_service *service, satchel_db *db,
                                                      const satchel_actor *actor, const satchel_id *conflict,
                                                      const satchel_record *record, const uint32_t *cleared,
                                                      uint32_t cleared_count, satchel_error *error);

#endif
