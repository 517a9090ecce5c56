/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped policy, whole: every role × entity × verb × relation and role × entity × class × relation, against
 * sentences that were written from core/doc/access.md and are read by a parser of their own.
 */
#include "access/access.h"
#include "base/text.h"
#include "support/test.h"

#include <string.h>

/* "role: what: entities: relations", words parted by spaces, * for all. What is not said is forbidden. */
static const char *const may[] = {
    "administrator: read create edit delete assign export approve: *: any",
    "manager: read create edit delete assign export approve: *: own assigned shared team territory",
    "manager: read: *: company",
    "rep: read: *: own assigned shared company",
    "rep: create: customer contact visit form_answer task opportunity stage_change: own assigned shared",
    "rep: create: order order_line activity case attachment: own assigned shared",
    "rep: edit: customer contact opportunity attachment: own assigned shared",
    "rep: edit: visit task order order_line: own assigned",
    "rep: edit: case: own",
    "rep: delete: contact task opportunity order order_line attachment: own",
    "service: read: *: own company",
    "service: read: customer contact order order_line case: any",
    "service: create edit: case: any",
    "service: create: activity task attachment: own",
    "service: edit: task attachment: own",
    "service: delete: task: own",
    "marketing: read: *: company",
    "marketing: read: customer contact: any",
    "marketing: read create edit delete export: campaign campaign_member: any",
    "auditor: read: *: any",
};

/* "role: level: entities: relations: classes"; the highest level said holds. */
static const char *const sees[] = {
    "administrator: write: *: any: open personal commercial secret",
    "manager: write: *: own assigned shared team territory: open personal commercial",
    "manager: read: *: company: open personal commercial",
    "rep: write: *: own assigned shared: open",
    "rep: write: *: own assigned: personal commercial",
    "rep: read: *: shared: personal commercial",
    "rep: read: *: company: open",
    "rep: read: product price: company: commercial",
    "service: write: *: own: open",
    "service: read: *: company: open",
    "service: read: customer contact order: any: open personal",
    "service: read: order_line: any: open",
    "service: write: case: any: open personal",
    "marketing: read: *: company: open",
    "marketing: read: customer contact: any: open",
    "marketing: masked: customer contact: any: personal",
    "marketing: write: campaign campaign_member: any: open",
    "marketing: write: campaign: any: commercial",
    "auditor: read: *: any: open personal commercial secret",
};

static const char *const roles[] = {"administrator", "manager", "rep", "service", "marketing", "auditor"};
static const char *const verbs[] = {"read", "create", "edit", "delete", "assign", "export", "approve"};
static const char *const relations[] = {"own", "assigned", "shared", "team", "territory", "company", "any"};
static const char *const classes[] = {"open", "personal", "commercial", "secret"};
static const char *const levels[] = {"hidden", "masked", "read", "write"};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Does the part-th list of the sentence hold the word? */
static bool lists(const char *sentence, int part, const char *word) {
    const char *at = sentence;
    for (int i = 0; i < part; i++) {
        at = strchr(at, ':') + 1;
    }
    const char *end = strchr(at, ':') != NULL ? strchr(at, ':') : at + strlen(at);
    while (at < end) {
        size_t bytes = strcspn(at, " :");
        bool all = bytes == 1 && *at == '*';
        if (all || (bytes == strlen(word) && strncmp(at, word, bytes) == 0)) {
            return true;
        }
        at += bytes + 1;
    }
    return false;
}

static bool is_said(const char *role, const char *verb, const char *entity, const char *relation) {
    for (size_t i = 0; i < COUNT_OF(may); i++) {
        if (lists(may[i], 0, role) && lists(may[i], 1, verb) && lists(may[i], 2, entity) &&
            lists(may[i], 3, relation)) {
            return true;
        }
    }
    return false;
}

static int level_said(const char *role, const char *entity, const char *relation, const char *class_) {
    for (int level = 3; level > 0; level--) {
        for (size_t i = 0; i < COUNT_OF(sees); i++) {
            if (lists(sees[i], 0, role) && lists(sees[i], 1, levels[level]) && lists(sees[i], 2, entity) &&
                lists(sees[i], 3, relation) && lists(sees[i], 4, class_)) {
                return level;
            }
        }
    }
    return 0;
}

static satchel_access_user user_with(size_t role) {
    return (satchel_access_user){.id = {{1}}, .roles = UINT64_C(1) << role, .active = true};
}

static void check_cell(size_t role, const satchel_entity *entity, size_t relation) {
    const satchel_access_policy *policy = satchel_access_shipped_policy();
    satchel_access_user user = user_with(role);
    test_note("%s, %s, %s", roles[role], entity->name, relations[relation]);
    for (size_t verb = 0; verb < COUNT_OF(verbs); verb++) {
        CHECK_INT(satchel_access_allows(policy, &user, entity->number, 1u << relation, (satchel_verb)(1u << verb)),
                  is_said(roles[role], verbs[verb], entity->name, relations[relation]));
    }
    for (size_t class_ = 0; class_ < COUNT_OF(classes); class_++) {
        CHECK_INT(satchel_access_level(policy, &user, entity->number, 1u << relation, (satchel_sensitivity)class_),
                  level_said(roles[role], entity->name, relations[relation], classes[class_]));
    }
}

TEST(access_policy, the_whole_matrix_is_what_the_document_says) {
    for (size_t role = 0; role < COUNT_OF(roles); role++) {
        for (uint32_t i = 0; i < satchel_generated_model.entity_count; i++) {
            for (size_t relation = 0; relation < COUNT_OF(relations); relation++) {
                check_cell(role, &satchel_generated_model.entities[i], relation);
            }
        }
    }
}

TEST(access_policy, every_sentence_names_entities_that_exist) {
    static const satchel_schema schema = {.model = &satchel_generated_model};
    static const char *const named[] = {
        "customer",   "contact",  "visit", "form_answer", "task",     "opportunity",     "stage_change", "order",
        "order_line", "activity", "case",  "attachment",  "campaign", "campaign_member", "product",      "price"};
    for (size_t i = 0; i < COUNT_OF(named); i++) {
        test_note("%s", named[i]);
        CHECK(satchel_schema_entity_named(&schema, test_text_of(named[i])) != NULL);
    }
}

TEST(access_policy, no_verb_but_read_comes_without_a_class_to_read) {
    const satchel_access_policy *policy = satchel_access_shipped_policy();
    for (size_t role = 0; role < COUNT_OF(roles); role++) {
        satchel_access_user user = user_with(role);
        for (uint32_t i = 0; i < satchel_generated_model.entity_count; i++) {
            for (uint32_t relation = 1; relation < 128; relation *= 2) {
                uint32_t entity = satchel_generated_model.entities[i].number;
                bool reads = satchel_access_allows(policy, &user, entity, relation, SATCHEL_VERB_READ);
                uint32_t seen = satchel_access_visible_classes(policy, &user, entity, relation);
                test_note("%s, %s, %u", roles[role], satchel_generated_model.entities[i].name, (unsigned)relation);
                CHECK(!reads || (seen & 1u) != 0);
            }
        }
    }
}

TEST(access_policy, roles_have_names_both_ways) {
    for (uint32_t role = 0; role < COUNT_OF(roles); role++) {
        uint32_t found = 99;
        CHECK_TEXT(satchel_role_name(role), roles[role]);
        CHECK_OK(satchel_role_named(test_text_of(roles[role]), &found));
        CHECK_UINT(found, role);
    }
    uint32_t untouched = 99;
    CHECK(satchel_role_name(6) == NULL);
    CHECK(satchel_role_name(SATCHEL_ROLE_FIRST_OWN) == NULL);
    CHECK_STATUS(satchel_role_named(test_text_of("boss"), &untouched), SATCHEL_NOT_FOUND);
    CHECK_STATUS(satchel_role_named(test_text_of(""), &untouched), SATCHEL_NOT_FOUND);
    CHECK_UINT(untouched, 99);
}
