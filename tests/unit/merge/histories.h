/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories of one row and the laws that must hold over them, for any schema and entity.
 */
#ifndef SATCHEL_TESTS_MERGE_HISTORIES_H
#define SATCHEL_TESTS_MERGE_HISTORIES_H

#include "unit/merge/synthetic.h"

typedef struct history_options {
    random_options ops;
    unsigned prefix;      /* settled ops before the concurrent ones: 0 … so many */
    unsigned lineages;    /* concurrent lineages: 1 … so many, at most 4 */
    unsigned per_lineage; /* ops of each: 1 … so many, at most 6 */
} history_options;

void check_order_independence(const satchel_schema *schema, uint32_t entity, test_random *random,
                              const history_options *options, unsigned cases);
void check_nothing_disappears(const satchel_schema *schema, uint32_t entity, test_random *random,
                              const history_options *options, unsigned cases);
void check_no_self_conflict(const satchel_schema *schema, uint32_t entity, test_random *random,
                            const history_options *options, unsigned cases);
void check_idempotence(const satchel_schema *schema, uint32_t entity, test_random *random,
                       const history_options *options, unsigned cases);
void check_duplicates(const satchel_schema *schema, uint32_t entity, test_random *random,
                      const history_options *options, unsigned cases);
void check_rebase(const satchel_schema *schema, uint32_t entity, test_random *random, const history_options *options,
                  unsigned cases);
void check_equal_values(const satchel_schema *schema, uint32_t entity, test_random *random,
                        const history_options *options, unsigned cases);

#endif
