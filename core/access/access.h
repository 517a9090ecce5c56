/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access: who may do what to which row, and which classes of its fields he may see. Decided over a snapshot, without
 * callbacks; the server is the gate, the phone uses the same code to grey out what cannot be edited.
 */
#ifndef SATCHEL_ACCESS_ACCESS_H
#define SATCHEL_ACCESS_ACCESS_H

#include "schema/op.h"

/* Bits of a verb mask. */
typedef enum satchel_verb {
    SATCHEL_VERB_READ = 1,
    SATCHEL_VERB_CREATE = 2,
    SATCHEL_VERB_EDIT = 4,
    SATCHEL_VERB_DELETE = 8,
    SATCHEL_VERB_ASSIGN = 16,
    SATCHEL_VERB_EXPORT = 32,
    SATCHEL_VERB_APPROVE = 64
} satchel_verb;
#define SATCHEL_VERB_ALL 127u

/* Bits of a relation mask: how a user stands to a row. */
typedef enum satchel_relation {
    SATCHEL_RELATION_OWN = 1,        /* he owns the customer that it hangs on; what hangs on none: he owns it */
    SATCHEL_RELATION_ASSIGNED = 2,   /* a dated assignment covers it today */
    SATCHEL_RELATION_SHARED = 4,     /* it is shared with him */
    SATCHEL_RELATION_TEAM = 8,       /* who would own it so reports to him, directly or not, or is in a team of his */
    SATCHEL_RELATION_TERRITORY = 16, /* it lies in one of his territories or below */
    SATCHEL_RELATION_COMPANY = 32,   /* a row that everybody sees (product, price list, template) */
    SATCHEL_RELATION_ANY = 64        /* every row of the company */
} satchel_relation;

typedef enum satchel_level {
    SATCHEL_LEVEL_HIDDEN = 0,
    SATCHEL_LEVEL_MASKED = 1,
    SATCHEL_LEVEL_READ = 2,
    SATCHEL_LEVEL_WRITE = 3
} satchel_level;

/* "Users with `role` standing in one of `relations` to a row of `entity` (0 = any) may do `verbs`." */
typedef struct satchel_access_rule {
    uint8_t role; /* index of the role, < SATCHEL_LIMIT_ROLES */
    uint8_t entity;
    uint8_t relations;
    uint8_t verbs;
} satchel_access_rule;

/* "… see fields of `sensitivity` at `level`." The highest level of all rules that fit holds. */
typedef struct satchel_class_rule {
    uint8_t role;
    uint8_t entity;
    uint8_t relations;
    uint8_t sensitivity;
    uint8_t level;
} satchel_class_rule;

typedef struct satchel_access_policy {
    const satchel_access_rule *rules;
    uint32_t rule_count;
    const satchel_class_rule *class_rules;
    uint32_t class_rule_count;
} satchel_access_policy;

/* What is known of the user at the moment of the decision. Id lists are sorted by memcmp. */
typedef struct satchel_access_user {
    satchel_id id;
    uint64_t roles;                /* bit r set = has role r */
    const satchel_id *territories; /* own territories and everything below */
    uint32_t territory_count;
    const satchel_id *reports; /* users below him, directly or not */
    uint32_t report_count;
    bool active;
} satchel_access_user;

/* What is known of the row. For a child these are its root's or anchor customer's: children follow their customer. */
typedef struct satchel_access_row {
    uint32_t entity;
    satchel_id owner;        /* none if it has no owner */
    satchel_id anchor_owner; /* owner of the anchor customer, none if there is no anchor */
    bool anchored;           /* it hangs on a customer: its own owner stands nowhere by that */
    satchel_id creator;
    satchel_id territory; /* of the row or of its anchor customer */
    bool assigned;        /* to this user, today */
    bool shared;          /* with this user */
    bool company;
} satchel_access_row;

/* Shipped roles. The numbers are stored; companies may add roles from SATCHEL_ROLE_FIRST_OWN. */
typedef enum satchel_role {
    SATCHEL_ROLE_ADMINISTRATOR = 0,
    SATCHEL_ROLE_MANAGER = 1,
    SATCHEL_ROLE_REP = 2,
    SATCHEL_ROLE_SERVICE = 3,
    SATCHEL_ROLE_MARKETING = 4,
    SATCHEL_ROLE_AUDITOR = 5,
    SATCHEL_ROLE_FIRST_OWN = 16
} satchel_role;

/* The policy that ships. Static. */
const satchel_access_policy *satchel_access_shipped_policy(void);
/* "administrator", "manager", "rep", … ; NULL for a number that is not shipped. */
const char *satchel_role_name(uint32_t role);
/* Errors: NOT_FOUND. */
SATCHEL_MUST_USE satchel_status satchel_role_named(satchel_text name, uint32_t *out_role);

/* The relations in which the user stands to the row; 0 = none. An inactive user has none. */
uint32_t satchel_access_relations(const satchel_access_user *user, const satchel_access_row *row);

/*
 * The relations through which the user may do `verb` to rows of `entity`: what scopes and list predicates are cut by.
 */
uint32_t satchel_access_reach(const satchel_access_policy *policy, const satchel_access_user *user, uint32_t entity,
                              satchel_verb verb);

bool satchel_access_allows(const satchel_access_policy *policy, const satchel_access_user *user, uint32_t entity,
                           uint32_t relations, satchel_verb verb);

/*
 * May he read a row to which he stands so? Nobody reads what hangs on a customer (`anchored`) who does not read the
 * customer: it would hang in the air.
 */
bool satchel_access_reads(const satchel_access_policy *policy, const satchel_access_user *user, uint32_t entity,
                          uint32_t relations, bool anchored);

satchel_level satchel_access_level(const satchel_access_policy *policy, const satchel_access_user *user,
                                   uint32_t entity, uint32_t relations, satchel_sensitivity sensitivity);

/*
 * May the user apply the op, as it is, to the row? `row` describes the row before the op, or, for a CREATE, as it will
 * be. Checks the verb, the writer kind of each field (owner, creator, manager, server) and the level of each class
 * written.
 * Errors: OUT_OF_SCOPE (he cannot even read it: same answer as a row that does not exist), FORBIDDEN (verb or class),
 * READ_ONLY_FIELD (server field or masked class); error->field names the field, the detail the rule.
 */
SATCHEL_MUST_USE satchel_status satchel_access_check_op(const satchel_schema *schema,
                                                        const satchel_access_policy *policy,
                                                        const satchel_access_user *user, const satchel_access_row *row,
                                                        const satchel_op *op, satchel_error *error);

/*
 * Copies what the user may see of `record` into `out` (initialised on its own arena): hidden fields are left out,
 * masked ones are masked, the tail is dropped unless he reads SECRET. Errors: NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_access_filter(const satchel_schema *schema, const satchel_access_policy *policy,
                                                      const satchel_access_user *user, uint32_t entity,
                                                      uint32_t relations, const satchel_record *record,
                                                      satchel_record *out);

/* Bit c set = fields of class c reach the user in clear or masked. Identifies the view of an entity. */
uint32_t satchel_access_visible_classes(const satchel_access_policy *policy, const satchel_access_user *user,
                                        uint32_t entity, uint32_t relations);

/*
 * A value with its middle covered: "13812344729" → "138****4729", "anna@example.com" → "a***@example.com", other text
 * keeps its first code point, numbers become NULL. Errors: NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_access_mask(satchel_arena *arena, const satchel_field *field,
                                                    const satchel_value *value, satchel_value *out);

#endif
