/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same laws over the real model: entity after entity, with the fields and policies that the product has.
 */
#include "unit/merge/histories.h"

#include <satchel/model.h>

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

/* The manager cancels, the rep, offline, goes there all the same. */
static void cancel_and_complete(world *w, bool checks_in) {
    world_apply(w, 1, 1, 0,
                with_int(world_op(w, SATCHEL_OP_CREATE, 0), SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_PLANNED));
    world_apply(w, 2, 1, 5,
                with_int(world_op(w, SATCHEL_OP_EDIT, 1), SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_CANCELLED));
    satchel_op *begin =
        with_int(world_op(w, SATCHEL_OP_EDIT, 1), SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_IN_PROGRESS);
    if (checks_in) {
        REQUIRE_OK(satchel_record_set_time(&begin->set, SATCHEL_VISIT_CHECK_IN_AT, 1000));
    }
    world_apply(w, 1, 2, 3, begin);
    world_apply(w, 1, 3, 4,
                with_int(world_op(w, SATCHEL_OP_EDIT, 1), SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_COMPLETED));
}

TEST(merge_model, a_visit_completed_with_a_check_in_stands_over_a_cancelled_one) {
    world w;
    world_open(&w, &real_schema, SATCHEL_ENTITY_VISIT);
    cancel_and_complete(&w, true);
    CHECK_INT(satchel_record_int(&w.row.value, SATCHEL_VISIT_STATUS, 0), SATCHEL_VISIT_STATUS_COMPLETED);
    CHECK_INT(satchel_record_get(&w.row.value, SATCHEL_VISIT_CHECK_IN_AT)->as.integer, 1000);
    CHECK_INT(loss_of(&w, 0)->kind, SATCHEL_LOSS_OF_CURRENT);
    world_close(&w);
}

TEST(merge_model, a_visit_completed_without_a_check_in_stays_cancelled) {
    world w;
    world_open(&w, &real_schema, SATCHEL_ENTITY_VISIT);
    cancel_and_complete(&w, false);
    CHECK_INT(satchel_record_int(&w.row.value, SATCHEL_VISIT_STATUS, 0), SATCHEL_VISIT_STATUS_CANCELLED);
    CHECK_INT(loss_of(&w, 0)->kind, SATCHEL_LOSS_OF_OP);
    world_close(&w);
}

TEST(merge_model, the_example_of_the_document_ends_as_it_says) {
    world w;
    world_open(&w, &real_schema, SATCHEL_ENTITY_CUSTOMER);
    satchel_op *create = with_text(world_op(&w, SATCHEL_OP_CREATE, 0), SATCHEL_CUSTOMER_NAME, "Huaning");
    w.n = 39;
    world_apply(&w, 9, 1, 0, with_added(create, SATCHEL_CUSTOMER_TAGS, "vip"));
    satchel_op *a = with_text(world_op(&w, SATCHEL_OP_EDIT, 40), SATCHEL_CUSTOMER_NAME, "Huaning Ltd");
    world_apply(&w, 1, 1, 1000, with_removed(a, SATCHEL_CUSTOMER_TAGS, "vip"));
    CHECK_TEXT(world_show(&w, SATCHEL_CUSTOMER_TAGS), "-");
    satchel_op *b = with_text(world_op(&w, SATCHEL_OP_EDIT, 40), SATCHEL_CUSTOMER_NAME, "Hua Ning");
    world_apply(&w, 2, 1, 900, with_added(with_text(b, SATCHEL_CUSTOMER_NOTE, "call"), SATCHEL_CUSTOMER_TAGS, "vip"));
    CHECK_TEXT(world_loss(&w, 0), "ask OVERTAKEN 2 Huaning Ltd/Hua Ning");
    world_apply(&w, 3, 1, 800, with_text(world_op(&w, SATCHEL_OP_EDIT, 40), SATCHEL_CUSTOMER_NOTE, "closed"));
    CHECK_TEXT(world_loss(&w, 0), "op OVERTAKEN 45 call/closed");
    CHECK_TEXT(world_show(&w, SATCHEL_CUSTOMER_NAME), "Huaning Ltd");
    CHECK_TEXT(world_show(&w, SATCHEL_CUSTOMER_TAGS), "{vip}");
    world_close(&w);
}
