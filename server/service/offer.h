/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a parked edit would change is offered to whoever has the row now: an open ASK conflict per field or group, whose
 * loser is what was parked. It travels and is decided on like any other conflict. The ids of conflict and parked edit
 * follow from each other, so neither row names the other.
 */
#ifndef SATCHEL_SERVER_SERVICE_OFFER_H
#define SATCHEL_SERVER_SERVICE_OFFER_H

#include "service/journal.h"

/*
 * Offers the op that was parked as `parked` to the owner of its row: each field that it would change now and that he
 * may read and write. Not offered: deletions and creations, elements taken out of a set, what stands at another place
 * than `place`, and what has no owner or the op's own author as owner; these are for the supervisor alone.
 * `stamp_ms`: when it was made.
 */
SATCHEL_MUST_USE satchel_status satchel_offer_parked(satchel_change *change, const satchel_op *op,
                                                     const satchel_id *parked, const satchel_place *place,
                                                     int64_t stamp_ms, satchel_error *error);

/*
 * A person decided on `conflict`, which is saved: was it the last field of a parked edit that anybody had to decide on,
 * then the edit is decided on too. Of other conflicts nothing follows.
 */
SATCHEL_MUST_USE satchel_status satchel_offer_decided(satchel_change *change, const satchel_stored_row *conflict,
                                                      satchel_error *error);

/* Takes out of a parked edit's op what was decided on field by field. `*out_any`: something is left of it. */
SATCHEL_MUST_USE satchel_status satchel_offer_strip(satchel_change *change, const satchel_id *parked, satchel_op *op,
                                                    bool *out_any, satchel_error *error);

/* Ends the open offers of a parked edit's op, which was decided on as a whole, as `conflict_status`. */
SATCHEL_MUST_USE satchel_status satchel_offer_close(satchel_change *change, const satchel_id *parked,
                                                    const satchel_op *op, int64_t conflict_status,
                                                    satchel_error *error);

#endif
