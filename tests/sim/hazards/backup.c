/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups of a story's server.
 */
#include "sim/hazards/hazard.h"

void hazard_backup_forget(void) {
    sim_backup_forget();
}

void hazard_office_backup(hazard *on) {
    hazard_pass(on, 1);
    satchel_status status = sim_backup_take(on->here);
    hazard_tell(on, "The server is backed up.");
    hazard_expect(on, status == SATCHEL_OK, "that fails: %s.", satchel_status_text(status, "en"));
}

void hazard_office_restore(hazard *on) {
    hazard_pass(on, 1);
    satchel_status status = sim_backup_put_back(on->here);
    hazard_tell(on, "The server is lost and put back to its backup; what is in its ledger is carried out again.");
    hazard_expect(on, status == SATCHEL_OK, "that fails: %s.", satchel_status_text(status, "en"));
}
