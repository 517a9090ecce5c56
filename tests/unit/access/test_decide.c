/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relations, reach, levels: by example, and against an oracle written from the header alone.
 */
#include "access/access.h"
#include "base/ids.h"
#include "base/limits.h"
#include "support/random.h"

#include <string.h>

static satchel_id id_of(uint8_t number) {
    satchel_id id = {{number}};
    return id;
}

TEST(access_decide, every_way_to_stand_to_a_row_is_seen) {
    const satchel_id reports[] = {{{20}}, {{21}}};
    const satchel_id territories[] = {{{40}}, {{41}}, {{42}}};
    const satchel_access_user user = {id_of(1), 0, territories, 3, reports, 2, true};
    const struct {
        satchel_access_row row;
        uint32_t relations;
    } cases[] = {
        {{.entity = 1}, 0},
        {{.entity = 1, .owner = id_of(1)}, SATCHEL_RELATION_OWN},
        {{.entity = 1, .anchor_owner = id_of(1), .anchored = true}, SATCHEL_RELATION_OWN},
        {{.entity = 1, .owner = id_of(1), .anchored = true}, 0},
        {{.entity = 1, .owner = id_of(1), .anchor_owner = id_of(22), .anchored = true}, 0},
        {{.entity = 1, .creator = id_of(1)}, 0},
        {{.entity = 1, .assigned = true}, SATCHEL_RELATION_ASSIGNED},
        {{.entity = 1, .shared = true}, SATCHEL_RELATION_SHARED},
        {{.entity = 1, .owner = id_of(21)}, SATCHEL_RELATION_TEAM},
        {{.entity = 1, .anchor_owner = id_of(20), .anchored = true}, SATCHEL_RELATION_TEAM},
        {{.entity = 1, .owner = id_of(20), .anchored = true}, 0},
        {{.entity = 1, .owner = id_of(22)}, 0},
        {{.entity = 1, .territory = id_of(42)}, SATCHEL_RELATION_TERRITORY},
        {{.entity = 1, .territory = id_of(43)}, 0},
        {{.entity = 1, .company = true}, SATCHEL_RELATION_COMPANY},
        {{.entity = 1, .owner = id_of(1), .territory = id_of(40), .shared = true},
         SATCHEL_RELATION_OWN | SATCHEL_RELATION_TERRITORY | SATCHEL_RELATION_SHARED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_UINT(satchel_access_relations(&user, &cases[i].row), cases[i].relations | SATCHEL_RELATION_ANY);
    }
}

TEST(access_decide, nobody_owns_a_row_without_an_owner) {
    const satchel_id none[] = {{{0}}};
    const satchel_access_user user = {id_of(0), 0, none, 1, none, 1, true};
    const satchel_access_row row = {.entity = 1};
    CHECK_UINT(satchel_access_relations(&user, &row), SATCHEL_RELATION_ANY);
}

TEST(access_decide, an_inactive_user_stands_nowhere_and_may_nothing) {
    const satchel_access_user user = {.id = id_of(1), .roles = UINT64_MAX, .active = false};
    const satchel_access_row row = {.entity = 1, .owner = id_of(1), .company = true};
    const satchel_access_policy *policy = satchel_access_shipped_policy();
    CHECK_UINT(satchel_access_relations(&user, &row), 0);
    CHECK_UINT(satchel_access_reach(policy, &user, 1, SATCHEL_VERB_READ), 0);
    CHECK(!satchel_access_allows(policy, &user, 1, 127, SATCHEL_VERB_READ));
    CHECK_UINT(satchel_access_visible_classes(policy, &user, 1, 127), 0);
}

TEST(access_decide, a_role_past_the_limit_is_nobodys) {
    const satchel_access_user user = {.id = id_of(1), .roles = UINT64_MAX, .active = true};
    for (uint8_t role = SATCHEL_LIMIT_ROLES - 1; role <= SATCHEL_LIMIT_ROLES; role++) {
        const satchel_access_rule rule = {role, 1, SATCHEL_RELATION_ANY, SATCHEL_VERB_READ};
        const satchel_access_policy policy = {&rule, 1, NULL, 0};
        CHECK(satchel_access_allows(&policy, &user, 1, SATCHEL_RELATION_ANY, SATCHEL_VERB_READ) ==
              (role < SATCHEL_LIMIT_ROLES));
    }
}

TEST(access_decide, the_highest_level_of_all_fitting_rules_holds) {
    static const satchel_class_rule class_rules[] = {
        {1, 5, SATCHEL_RELATION_OWN, 1, SATCHEL_LEVEL_MASKED},
        {1, 0, SATCHEL_RELATION_OWN, 1, SATCHEL_LEVEL_READ},
        {2, 5, SATCHEL_RELATION_OWN, 1, SATCHEL_LEVEL_WRITE},
        {1, 5, SATCHEL_RELATION_TEAM, 1, SATCHEL_LEVEL_WRITE},
        {63, 5, SATCHEL_RELATION_OWN, 3, SATCHEL_LEVEL_READ},
        {64, 5, SATCHEL_RELATION_OWN, 2, SATCHEL_LEVEL_READ},
        {1, 5, SATCHEL_RELATION_OWN, 0, 200},
    };
    const satchel_access_policy policy = {NULL, 0, class_rules, sizeof class_rules / sizeof class_rules[0]};
    const satchel_access_user user = {.id = id_of(1), .roles = UINT64_C(1) << 63 | 1u << 1 | 1u, .active = true};
    CHECK_INT(satchel_access_level(&policy, &user, 5, SATCHEL_RELATION_OWN, SATCHEL_SENSITIVITY_PERSONAL),
              SATCHEL_LEVEL_READ);
    CHECK_INT(satchel_access_level(&policy, &user, 6, SATCHEL_RELATION_OWN, SATCHEL_SENSITIVITY_PERSONAL),
              SATCHEL_LEVEL_READ);
    CHECK_INT(satchel_access_level(&policy, &user, 5, SATCHEL_RELATION_SHARED, SATCHEL_SENSITIVITY_PERSONAL),
              SATCHEL_LEVEL_HIDDEN);
    CHECK_INT(satchel_access_level(&policy, &user, 5, SATCHEL_RELATION_OWN, SATCHEL_SENSITIVITY_SECRET),
              SATCHEL_LEVEL_READ);
    CHECK_INT(satchel_access_level(&policy, &user, 5, SATCHEL_RELATION_OWN, SATCHEL_SENSITIVITY_COMMERCIAL),
              SATCHEL_LEVEL_HIDDEN);
    CHECK_INT(satchel_access_level(&policy, &user, 5, SATCHEL_RELATION_OWN, SATCHEL_SENSITIVITY_OPEN),
              SATCHEL_LEVEL_HIDDEN);
}

/* ---- the oracle: one (role, relation, entity, verb) cell at a time, by plain loops ---- */

#define RULES 12
#define ROLES 4
#define ENTITIES 4

typedef struct random_policy {
    satchel_access_rule rules[RULES];
    satchel_class_rule class_rules[RULES];
    satchel_access_policy policy;
} random_policy;

static void make_policy(random_policy *out, test_random *random) {
    static const uint8_t roles[ROLES] = {0, 1, 16, 63};
    for (int i = 0; i < RULES; i++) {
        out->rules[i] =
            (satchel_access_rule){roles[test_random_below(random, ROLES)], (uint8_t)test_random_below(random, ENTITIES),
                                  (uint8_t)(1u << test_random_below(random, 7) | 1u << test_random_below(random, 7)),
                                  (uint8_t)test_random_below(random, 128)};
        out->class_rules[i] =
            (satchel_class_rule){roles[test_random_below(random, ROLES)], (uint8_t)test_random_below(random, ENTITIES),
                                 (uint8_t)(1u << test_random_below(random, 7) | 1u << test_random_below(random, 7)),
                                 (uint8_t)test_random_below(random, 4), (uint8_t)test_random_below(random, 4)};
    }
    out->policy = (satchel_access_policy){out->rules, (uint32_t)test_random_below(random, RULES + 1), out->class_rules,
                                          (uint32_t)test_random_below(random, RULES + 1)};
}

static bool oracle_allows(const satchel_access_policy *policy, uint64_t roles, uint32_t entity, uint32_t relations,
                          uint32_t verb) {
    for (unsigned role = 0; role < 64; role++) {
        if (!(roles & UINT64_C(1) << role)) {
            continue;
        }
        for (unsigned relation = 1; relation < 128; relation *= 2) {
            for (uint32_t i = 0; (relations & relation) && i < policy->rule_count; i++) {
                const satchel_access_rule *rule = &policy->rules[i];
                if (rule->role == role && (!rule->entity || rule->entity == entity) && (rule->relations & relation) &&
                    (rule->verbs & verb)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static int oracle_level(const satchel_access_policy *policy, uint64_t roles, uint32_t entity, uint32_t relations,
                        int sensitivity) {
    for (int level = 3; level > 0; level--) {
        for (uint32_t i = 0; i < policy->class_rule_count; i++) {
            const satchel_class_rule *rule = &policy->class_rules[i];
            if (rule->level == level && rule->sensitivity == sensitivity && (roles >> rule->role & 1) &&
                (rule->entity == entity || rule->entity == 0) && (rule->relations & relations)) {
                return level;
            }
        }
    }
    return 0;
}

static uint64_t random_roles(test_random *random) {
    static const uint64_t roles[ROLES] = {1, 2, UINT64_C(1) << 16, UINT64_C(1) << 63};
    return roles[test_random_below(random, ROLES)] |
           (test_random_chance(random, 30) ? roles[test_random_below(random, ROLES)] : 0);
}

TEST(access_decide, random_policies_agree_with_the_oracle) {
    test_random random = test_random_of(601);
    random_policy p;
    unsigned long allowed = 0;
    for (unsigned i = 0; i < 1000000; i++) {
        if (i % 10 == 0) {
            make_policy(&p, &random);
        }
        satchel_access_user user = {.roles = random_roles(&random), .active = true};
        uint32_t entity = 1 + (uint32_t)test_random_below(&random, ENTITIES);
        uint32_t relations = (uint32_t)test_random_below(&random, 128);
        satchel_verb verb = (satchel_verb)(1u << test_random_below(&random, 7));
        int class_ = (int)test_random_below(&random, 4);
        bool allows = satchel_access_allows(&p.policy, &user, entity, relations, verb);
        int level = (int)satchel_access_level(&p.policy, &user, entity, relations, (satchel_sensitivity)class_);
        REQUIRE(allows == oracle_allows(&p.policy, user.roles, entity, relations, verb));
        REQUIRE(level == oracle_level(&p.policy, user.roles, entity, relations, class_));
        bool visible = (satchel_access_visible_classes(&p.policy, &user, entity, relations) >> class_ & 1) != 0;
        REQUIRE(visible == (level > 0));
        allowed += allows;
    }
    CHECK(allowed > 50000 && allowed < 950000);
}

TEST(access_decide, reach_is_what_allows_is_asked_about) {
    test_random random = test_random_of(602);
    random_policy p;
    for (unsigned i = 0; i < 100000; i++) {
        make_policy(&p, &random);
        satchel_access_user user = {.roles = random_roles(&random), .active = true};
        uint32_t entity = 1 + (uint32_t)test_random_below(&random, ENTITIES);
        satchel_verb verb = (satchel_verb)(1u << test_random_below(&random, 7));
        uint32_t reach = satchel_access_reach(&p.policy, &user, entity, verb);
        for (uint32_t relation = 1; relation < 128; relation *= 2) {
            REQUIRE(((reach & relation) != 0) == oracle_allows(&p.policy, user.roles, entity, relation, verb));
        }
    }
}

/* ---- relations against an oracle by linear search ---- */

static bool listed(const satchel_id *ids, uint32_t count, const satchel_id *id) {
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&ids[i], id, sizeof *id) == 0) {
            return true;
        }
    }
    return false;
}

static satchel_id small_id(test_random *random) {
    return id_of((uint8_t)test_random_below(random, 8)); /* 0 is none */
}

static uint32_t sorted_ids(test_random *random, satchel_id out[4]) {
    uint32_t count = 0;
    for (uint8_t number = 1; number < 8 && count < 4; number++) {
        if (test_random_chance(random, 30)) {
            out[count++] = id_of(number);
        }
    }
    return count;
}

static uint32_t oracle_relations(const satchel_access_user *user, const satchel_access_row *row) {
    const satchel_id none = id_of(0);
    satchel_id counts = row->anchored ? row->anchor_owner : row->owner;
    bool owned = memcmp(&counts, &none, sizeof none) != 0;
    bool placed = memcmp(&row->territory, &none, sizeof none) != 0;
    bool own = owned && memcmp(&counts, &user->id, sizeof none) == 0;
    bool team = owned && listed(user->reports, user->report_count, &counts);
    bool territory = placed && listed(user->territories, user->territory_count, &row->territory);
    return 64u + own * 1u + row->assigned * 2u + row->shared * 4u + team * 8u + territory * 16u + row->company * 32u;
}

TEST(access_decide, random_relations_agree_with_the_oracle) {
    test_random random = test_random_of(603);
    for (unsigned i = 0; i < 200000; i++) {
        satchel_id reports[4];
        satchel_id territories[4];
        satchel_access_user user = {
            .id = small_id(&random), .reports = reports, .territories = territories, .active = true};
        user.report_count = sorted_ids(&random, reports);
        user.territory_count = sorted_ids(&random, territories);
        satchel_access_row row = {.entity = 1,
                                  .owner = small_id(&random),
                                  .anchor_owner = small_id(&random),
                                  .anchored = test_random_chance(&random, 50),
                                  .creator = small_id(&random),
                                  .territory = small_id(&random),
                                  .assigned = test_random_chance(&random, 20),
                                  .shared = test_random_chance(&random, 20),
                                  .company = test_random_chance(&random, 20)};
        REQUIRE_UINT(satchel_access_relations(&user, &row), oracle_relations(&user, &row));
    }
}
