/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging customers: what the files of it share, and what deciding on ops needs of it.
 */
#ifndef SATCHEL_SERVER_SERVICE_MERGE_CUSTOMERS_H
#define SATCHEL_SERVER_SERVICE_MERGE_CUSTOMERS_H

#include "service/command.h"

/* Most rows that one merge moves: it is one transaction. */
#define SATCHEL_MERGE_ROWS_MOST 10000

/* Longest chain of merges that is followed. */
#define SATCHEL_MERGE_CHAIN_MOST 64

typedef struct satchel_merging {
    satchel_order_given *given;
    satchel_id gone;
    satchel_id survivor;
    satchel_arena scratch; /* of the row at hand */
    uint32_t moved;
} satchel_merging;

/* Makes every row that names `from` in a field that refers to `entity` name `to`, noting each for an undo. */
SATCHEL_MUST_USE satchel_status satchel_merging_repoint(satchel_merging *work, uint32_t entity, const satchel_id *from,
                                                        const satchel_id *to);

/* Planned visits and stops of one plan that both customers have join. Before repointing. */
SATCHEL_MUST_USE satchel_status satchel_merging_join_plans(satchel_merging *work);

/* Puts the moved rows back. */
SATCHEL_MUST_USE satchel_status satchel_merging_put_back(satchel_merging *work);

/*
 * Gives the survivor what the other has: sets united, counters added, empty fields filled; what differs goes to the
 * journal. `gained` (initialised) gets what it gained, for an undo.
 */
SATCHEL_MUST_USE satchel_status satchel_merging_unite(satchel_merging *work, satchel_stored_row *survivor,
                                                      const satchel_stored_row *gone, satchel_record *gained);
/* Takes away what a merge gave, where it is still that. */
SATCHEL_MUST_USE satchel_status satchel_merging_divide(satchel_merging *work, satchel_stored_row *survivor,
                                                       const satchel_record *gained);

/*
 * An op that was made on a merged-away customer: values of its fields that differ from the survivor's leave the op and
 * come back as losses that a person decides on. `row`: the survivor.
 */
SATCHEL_MUST_USE satchel_status satchel_survivor_asks(satchel_change *change, satchel_op *op,
                                                      const satchel_stored_row *row, satchel_loss **out,
                                                      uint32_t *out_count);

/*
 * What such an op wrote came into the survivor without its author's knowledge: a later op of his on the survivor's own
 * row has not seen it, though it is of his lineage. So it stands there as SATCHEL_WRITER_ELSEWHERE.
 */
void satchel_survivor_marks(const satchel_change *change, const satchel_op *op, satchel_versions *versions);

/* Does the author reach the merged-away customer, or did he when he made the op? */
SATCHEL_MUST_USE satchel_status satchel_gone_is_his(satchel_change *change, const satchel_id *gone, bool *out,
                                                    satchel_error *error);

/* Keys by which duplicates are found: made anew from the row, or taken away. */
SATCHEL_MUST_USE satchel_status satchel_duplicate_keys(satchel_db *db, const satchel_stored_row *customer,
                                                       satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_duplicate_forget(satchel_db *db, const satchel_id *customer,
                                                         satchel_error *error);

#endif
