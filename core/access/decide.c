/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four questions: how does the user stand to the row, how far does a verb reach, is it allowed, at which level does
 * he see a class. Everything else of this module is asked in these words.
 */
#include "access/access.h"

#include "base/ids.h"
#include "base/limits.h"

#include <satchel/model.h>
#include <stdlib.h>

static int compare_ids(const void *a, const void *b) {
    return satchel_id_compare(a, b);
}

static bool holds_id(const satchel_id *ids, uint32_t count, const satchel_id *id) {
    return count > 0 && !satchel_id_is_none(id) && bsearch(id, ids, count, sizeof *ids, compare_ids) != NULL;
}

static bool is_user(const satchel_access_user *user, const satchel_id *id) {
    return !satchel_id_is_none(id) && satchel_id_equal(&user->id, id);
}

uint32_t satchel_access_relations(const satchel_access_user *user, const satchel_access_row *row) {
    if (!user->active) {
        return 0;
    }
    uint32_t relations = SATCHEL_RELATION_ANY;
    const satchel_id *owner = row->anchored ? &row->anchor_owner : &row->owner;
    if (is_user(user, owner)) {
        relations |= SATCHEL_RELATION_OWN;
    }
    if (row->assigned) {
        relations |= SATCHEL_RELATION_ASSIGNED;
    }
    if (row->shared) {
        relations |= SATCHEL_RELATION_SHARED;
    }
    if (holds_id(user->reports, user->report_count, owner)) {
        relations |= SATCHEL_RELATION_TEAM;
    }
    if (holds_id(user->territories, user->territory_count, &row->territory)) {
        relations |= SATCHEL_RELATION_TERRITORY;
    }
    if (row->company) {
        relations |= SATCHEL_RELATION_COMPANY;
    }
    return relations;
}

static bool has_role(const satchel_access_user *user, uint8_t role) {
    return role < SATCHEL_LIMIT_ROLES && (user->roles >> role & 1) != 0;
}

static bool names_entity(uint8_t rule_entity, uint32_t entity) {
    return rule_entity == 0 || rule_entity == entity;
}

uint32_t satchel_access_reach(const satchel_access_policy *policy, const satchel_access_user *user, uint32_t entity,
                              satchel_verb verb) {
    uint32_t relations = 0;
    for (uint32_t i = 0; user->active && i < policy->rule_count; i++) {
        const satchel_access_rule *rule = &policy->rules[i];
        if (has_role(user, rule->role) && names_entity(rule->entity, entity) && (rule->verbs & (uint32_t)verb) != 0) {
            relations |= rule->relations;
        }
    }
    return relations;
}

bool satchel_access_allows(const satchel_access_policy *policy, const satchel_access_user *user, uint32_t entity,
                           uint32_t relations, satchel_verb verb) {
    return (satchel_access_reach(policy, user, entity, verb) & relations) != 0;
}

bool satchel_access_reads(const satchel_access_policy *policy, const satchel_access_user *user, uint32_t entity,
                          uint32_t relations, bool anchored) {
    return satchel_access_allows(policy, user, entity, relations, SATCHEL_VERB_READ) &&
           (!anchored || satchel_access_allows(policy, user, SATCHEL_ENTITY_CUSTOMER, relations, SATCHEL_VERB_READ));
}

satchel_level satchel_access_level(const satchel_access_policy *policy, const satchel_access_user *user,
                                   uint32_t entity, uint32_t relations, satchel_sensitivity sensitivity) {
    uint8_t level = SATCHEL_LEVEL_HIDDEN;
    for (uint32_t i = 0; user->active && i < policy->class_rule_count; i++) {
        const satchel_class_rule *rule = &policy->class_rules[i];
        bool fits = has_role(user, rule->role) && names_entity(rule->entity, entity) &&
                    (rule->relations & relations) != 0 && rule->sensitivity == (uint8_t)sensitivity;
        if (fits && rule->level > level) {
            level = rule->level;
        }
    }
    return level > SATCHEL_LEVEL_WRITE ? SATCHEL_LEVEL_HIDDEN : (satchel_level)level;
}

uint32_t satchel_access_visible_classes(const satchel_access_policy *policy, const satchel_access_user *user,
                                        uint32_t entity, uint32_t relations) {
    uint32_t classes = 0;
    for (uint32_t class_ = 0; class_ < SATCHEL_SENSITIVITY_COUNT; class_++) {
        satchel_level level = satchel_access_level(policy, user, entity, relations, (satchel_sensitivity)class_);
        if (level >= SATCHEL_LEVEL_MASKED) {
            classes |= 1u << class_;
        }
    }
    return classes;
}
