/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws of merging, over random histories of the synthetic schema. A history is a settled prefix, then ops of up to
 * four lineages that know parts of the prefix and nothing of each other; each lineage's own ops keep their order.
 */
#include "unit/merge/histories.h"

#define CASES 100000

TEST(merge_laws, the_order_of_arrival_does_not_matter) {
    test_random random = test_random_of(101);
    history_options options = {.ops = {.cells = 3}, .prefix = 2, .lineages = 3, .per_lineage = 3};
    check_order_independence(&synthetic_schema, THING, &random, &options, CASES);
}

TEST(merge_laws, every_value_wins_or_loses_or_is_replaced_by_its_own_lineage) {
    test_random random = test_random_of(102);
    history_options options = {
        .ops = {.cells = 3, .states = true, .uncommuting = true}, .lineages = 3, .per_lineage = 2};
    check_nothing_disappears(&synthetic_schema, THING, &random, &options, CASES);
}

TEST(merge_laws, a_lineage_never_conflicts_with_itself) {
    test_random random = test_random_of(103);
    history_options options = {.ops = {.cells = 4, .deletes = true}, .lineages = 1, .per_lineage = 5};
    check_no_self_conflict(&synthetic_schema, THING, &random, &options, CASES);
}

TEST(merge_laws, applying_again_changes_no_value) {
    test_random random = test_random_of(104);
    history_options options = {
        .ops = {.cells = 3, .states = true, .uncommuting = true}, .lineages = 3, .per_lineage = 2};
    check_idempotence(&synthetic_schema, THING, &random, &options, CASES);
}

TEST(merge_laws, overlapping_retries_stopped_by_their_op_id_change_nothing) {
    test_random random = test_random_of(105);
    history_options options = {.ops = {.cells = 3}, .prefix = 2, .lineages = 3, .per_lineage = 3};
    check_duplicates(&synthetic_schema, THING, &random, &options, CASES);
}

TEST(merge_laws, rebase_shows_what_apply_gives) {
    test_random random = test_random_of(106);
    history_options options = {.ops = {.cells = 3, .states = true, .uncommuting = true, .deletes = true},
                               .prefix = 3,
                               .lineages = 3,
                               .per_lineage = 3};
    check_rebase(&synthetic_schema, THING, &random, &options, CASES);
}

TEST(merge_laws, an_equal_value_is_never_a_conflict) {
    test_random random = test_random_of(107);
    history_options options = {
        .ops = {.cells = 3, .states = true, .uncommuting = true}, .lineages = 2, .per_lineage = 1};
    check_equal_values(&synthetic_schema, THING, &random, &options, CASES);
}
