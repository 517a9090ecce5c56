/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What phones show of a later state than the server's: that an old copy of the ledger, or of everything, was put back
 * unseen. The company itself signed it, so no phone can make it up.
 */
#ifndef SATCHEL_SERVER_SERVICE_EVIDENCE_H
#define SATCHEL_SERVER_SERVICE_EVIDENCE_H

#include "service/epoch.h"
#include "service/unit.h"
#include "wire/orders.h"

/*
 * Writes: fences the server if the checkpoint, which is the company's, says more of the ledger or of the numbers than
 * there can have been: of the present epoch more than there is, of one that ended more than the ledger held with which
 * it was ended, or an epoch that never was. `*out_fenced`: it does.
 */
SATCHEL_MUST_USE satchel_status satchel_evidence_of_checkpoint(const satchel_service *service, satchel_db *db,
                                                               const satchel_checkpoint *shown, bool *out_fenced,
                                                               satchel_error *error);

/* The same if one of the units bears a receipt with such a number. Reads and checks receipts of `device` alone. */
SATCHEL_MUST_USE satchel_status satchel_evidence_of_units(const satchel_service *service, satchel_db *db,
                                                          const satchel_id *device, const satchel_arrived_unit *units,
                                                          uint32_t unit_count, bool *out_fenced, satchel_error *error);

/* Both, of a request: a witness that the company did not sign says nothing. */
SATCHEL_MUST_USE satchel_status satchel_evidence_look(const satchel_service *service, satchel_db *db,
                                                      const satchel_id *device, satchel_bytes witness,
                                                      const satchel_arrived_unit *units, uint32_t unit_count,
                                                      bool *out_fenced, satchel_error *error);

#endif
