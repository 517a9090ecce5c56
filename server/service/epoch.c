/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beginning an epoch, the fence, and numbers of lost stretches.
 */
#include "service/epoch.h"

#include "base/error.h"
#include "service/audit.h"

/* The request that comes next tells which token holds: after a restore the server knows an older one at best. */
static satchel_status forget_tokens(satchel_db *db, satchel_error *error) {
    static const uint8_t none[8] = {0};
    return SATCHEL_DB_RUN(db, error, "UPDATE device_state SET token_current = ?1, token_previous = ?1",
                          satchel_db_blob(none, sizeof none));
}

/*
 * What came back in an epoch that ended lies in its rows, with whatever was written to them since. What still waits for
 * something stays: phones may have forgotten it, because a backup that was read back has it.
 */
static satchel_status forget_rows_before(satchel_db *db, satchel_error *error) {
    satchel_status status = satchel_db_exec(db, "DELETE FROM restored_row", error);
    return status == SATCHEL_OK ? satchel_db_exec(db, "DELETE FROM returned_op WHERE command NOT IN (1, 4)", error)
                                : status;
}

/* `serial`: how far the ledger goes with which it begins; what phones show of the epochs before is held against it. */
static satchel_status write_epoch(satchel_db *db, uint32_t number, uint64_t restored_n, uint64_t begins_n,
                                  int64_t at_ms, uint64_t serial, satchel_error *error) {
    satchel_status status = SATCHEL_DB_RUN(
        db, error, "INSERT INTO epoch (number, restored_n, begins_n, at_ms, ledger_serial) VALUES (?1, ?2, ?3, ?4, ?5)",
        satchel_db_count(number), satchel_db_count(restored_n), satchel_db_count(begins_n), satchel_value_time(at_ms),
        satchel_db_count(serial));
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_RUN(db, error, "INSERT INTO revision_time (n, at_ms) VALUES (?1, ?2)",
                                satchel_db_count(begins_n), satchel_value_time(at_ms));
    }
    const satchel_ledger_entry entry = {.kind = SATCHEL_LEDGER_EPOCH, .epoch = number};
    return status == SATCHEL_OK ? satchel_ledger_put(db, &entry, error) : status;
}

/* A backup may be restored again and again: each time the numbers begin elsewhere. */
static uint64_t first_unheard(uint64_t given, uint32_t epoch) {
    uint64_t own = (uint64_t)epoch * SATCHEL_EPOCH_GAP;
    return given + SATCHEL_EPOCH_GAP > own ? given + SATCHEL_EPOCH_GAP : own;
}

satchel_status satchel_epoch_begin(const satchel_service *service, satchel_db *db, const satchel_ledger_marks *marks,
                                   uint32_t *out_epoch, satchel_error *error) {
    satchel_counter counter;
    int64_t now_ms = satchel_service_now_ms(service);
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    uint64_t restored_n = counter.n;
    uint64_t given = counter.reserved_n > counter.n ? counter.reserved_n : counter.n;
    uint32_t last = counter.epoch;
    if (marks != NULL) {
        given = marks->n > given ? marks->n : given;
        last = marks->epoch > last ? marks->epoch : last;
    } else {
        uint32_t minutes = (uint32_t)(now_ms / 60000);
        last = minutes > last ? minutes : last;
        given = first_unheard(given, last + 1);
    }
    counter.epoch = last + 1;
    counter.n = given + 1;
    counter.fenced = counter.fenced == SATCHEL_FENCE_NONE && marks == NULL ? SATCHEL_FENCE_MISSING : counter.fenced;
    status =
        write_epoch(db, counter.epoch, restored_n, counter.n, now_ms, marks != NULL ? marks->serial : INT64_MAX, error);
    if (status == SATCHEL_OK) {
        status = forget_tokens(db, error);
    }
    if (status == SATCHEL_OK) {
        status = forget_rows_before(db, error);
    }
    const satchel_audit_entry entry = {.action = "restored"};
    if (status == SATCHEL_OK) {
        status = satchel_audit_add(db, &counter, now_ms, &entry, error);
    }
    *out_epoch = counter.epoch;
    return status == SATCHEL_OK ? satchel_counter_write(db, &counter, error) : status;
}

satchel_status satchel_epoch_cap(satchel_db *db, const satchel_counter *counter, uint64_t n, uint64_t *out,
                                 satchel_error *error) {
    int64_t capped = 0;
    *out = n;
    if (counter->epoch <= 1 || n > INT64_MAX) {
        return SATCHEL_OK;
    }
    satchel_status status = SATCHEL_DB_NUMBER(
        db, error, &capped, (int64_t)n, "SELECT min(restored_n) FROM epoch WHERE restored_n < ?1 AND begins_n >= ?1",
        satchel_db_count(n));
    *out = (uint64_t)capped;
    return status;
}

satchel_status satchel_epoch_cap_of(satchel_db *db, const satchel_counter *counter, uint32_t epoch, uint64_t n,
                                    uint64_t *out, satchel_error *error) {
    int64_t restored = 0;
    satchel_status status = satchel_epoch_cap(db, counter, n, out, error);
    if (status != SATCHEL_OK || epoch == 0 || epoch >= counter->epoch) {
        return status;
    }
    status = SATCHEL_DB_NUMBER(db, error, &restored, INT64_MAX, "SELECT min(restored_n) FROM epoch WHERE number > ?1",
                               satchel_db_count(epoch));
    *out = (uint64_t)restored < *out ? (uint64_t)restored : *out;
    return status;
}

satchel_status satchel_epoch_cap_op(satchel_db *db, const satchel_counter *counter, satchel_arena *arena,
                                    satchel_op *op, satchel_error *error) {
    satchel_status status = satchel_epoch_cap(db, counter, op->base_n, &op->base_n, error);
    if (status != SATCHEL_OK || op->exception_count == 0 || counter->epoch <= 1) {
        return status;
    }
    satchel_base_exception *copy = satchel_arena_take_array(arena, op->exception_count, sizeof *copy);
    if (copy == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for bases");
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < op->exception_count; i++) {
        copy[i] = op->exceptions[i];
        status = satchel_epoch_cap(db, counter, copy[i].base_n, &copy[i].base_n, error);
    }
    op->exceptions = copy;
    return status;
}

/* --- the fence --- */

satchel_status satchel_epoch_fence_of(satchel_db *db, satchel_fence *out, satchel_error *error) {
    satchel_counter counter;
    satchel_status status = satchel_counter_read(db, &counter, error);
    *out = status == SATCHEL_OK ? counter.fenced : SATCHEL_FENCE_NONE;
    return status;
}

satchel_status satchel_epoch_is_fenced(satchel_db *db, bool *out, satchel_error *error) {
    satchel_fence fence = SATCHEL_FENCE_NONE;
    satchel_status status = satchel_epoch_fence_of(db, &fence, error);
    *out = fence != SATCHEL_FENCE_NONE;
    return status;
}

const char *satchel_fence_text(satchel_fence fence) {
    switch (fence) {
    case SATCHEL_FENCE_NONE: break;
    case SATCHEL_FENCE_MISSING:
        return "the ledger is missing: start with it (--ledger FILE), or accept its loss (unfence --accept-loss)";
    case SATCHEL_FENCE_STALE:
        return "the ledger is an old copy: what was revoked and erased since is not in it; start with the newest"
               " (--ledger FILE), or accept the loss (unfence --accept-loss)";
    case SATCHEL_FENCE_BEHIND:
        return "a phone has seen a later state of this company: ledger or database are an old copy; start with the"
               " newest ledger (--ledger FILE), restore the newest backup, or accept the loss (unfence --accept-loss)";
    }
    return "";
}

satchel_status satchel_epoch_fence(const satchel_service *service, satchel_db *db, satchel_fence fence,
                                   satchel_error *error) {
    satchel_counter counter;
    satchel_status status = satchel_counter_read(db, &counter, error);
    if (status != SATCHEL_OK || counter.fenced == fence) {
        return status;
    }
    const satchel_audit_entry entry = {.action = fence != SATCHEL_FENCE_NONE ? "fenced" : "unfenced"};
    counter.fenced = fence;
    status = satchel_audit_add(db, &counter, satchel_service_now_ms(service), &entry, error);
    return status == SATCHEL_OK ? satchel_counter_write(db, &counter, error) : status;
}

satchel_status satchel_epoch_catch_up(satchel_db *db, uint64_t serial, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "UPDATE epoch SET ledger_serial = ?1 WHERE ledger_serial < ?1",
                          satchel_db_count(serial));
}

satchel_status satchel_epoch_accept_loss(const satchel_service *service, satchel_db *db, uint32_t *out_epoch,
                                         satchel_error *error) {
    satchel_counter counter;
    satchel_status status = satchel_counter_read(db, &counter, error);
    *out_epoch = counter.epoch;
    if (status == SATCHEL_OK && counter.fenced == SATCHEL_FENCE_BEHIND) {
        status = satchel_epoch_begin(service, db, NULL, out_epoch, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_exec(db, "UPDATE epoch SET ledger_serial = 9223372036854775807", error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_exec(db, "UPDATE counter SET ledger_known = 0", error);
    }
    return status == SATCHEL_OK ? satchel_epoch_fence(service, db, SATCHEL_FENCE_NONE, error) : status;
}
