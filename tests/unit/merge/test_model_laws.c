/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same laws over the real model: entity after entity, with the fields and policies that the product has.
 */
#include "unit/merge/histories.h"

#define CASES 100000

static const satchel_schema real_schema = {.model = &satchel_generated_model};

typedef void (*law)(const satchel_schema *schema, uint32_t entity, test_random *random, const history_options *options,
                    unsigned cases);

/* Every entity but facts, which are never edited, in equal shares. */
static void check_entities(law check, uint64_t seed, const history_options *options) {
    test_random random = test_random_of(seed);
    unsigned count = 0;
    for (uint32_t i = 0; i < satchel_generated_model.entity_count; i++) {
        count += (satchel_generated_model.entities[i].flags & SATCHEL_ENTITY_FACT) == 0;
    }
    for (uint32_t i = 0; i < satchel_generated_model.entity_count; i++) {
        const satchel_entity *entity = &satchel_generated_model.entities[i];
        if ((entity->flags & SATCHEL_ENTITY_FACT) == 0) {
            test_note("seed %u, entity %s", (unsigned)seed, entity->name);
            check(&real_schema, entity->number, &random, options, CASES / count + 1);
        }
    }
}

/* Server-made entities have hardly a field that commutes, so the commuting law takes the customer, who has them all. */
TEST(merge_model_laws, the_order_of_arrival_does_not_matter_for_a_customer) {
    test_random random = test_random_of(501);
    history_options options = {.ops = {.cells = 6}, .prefix = 2, .lineages = 3, .per_lineage = 3};
    check_order_independence(&real_schema, 1, &random, &options, CASES);
}

TEST(merge_model_laws, every_value_wins_or_loses_or_is_replaced_by_its_own_lineage) {
    history_options options = {
        .ops = {.cells = 4, .states = true, .uncommuting = true}, .lineages = 3, .per_lineage = 2};
    test_random random = test_random_of(502);
    static const uint32_t entities[] = {1, 2, 4, 6, 7, 9, 10, 12};
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        check_nothing_disappears(&real_schema, entities[i], &random, &options, CASES / 8);
    }
}

TEST(merge_model_laws, rebase_shows_what_apply_gives) {
    history_options options = {.ops = {.cells = 4, .states = true, .uncommuting = true, .deletes = true},
                               .prefix = 2,
                               .lineages = 2,
                               .per_lineage = 3};
    check_entities(check_rebase, 503, &options);
}
