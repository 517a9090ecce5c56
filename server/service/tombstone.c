/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points of devices, the horizon, and what goes below it.
 */
#include "service/tombstone.h"

#include "base/error.h"
#include "base/ids.h"
#include "service/digest.h"
#include "service/erase.h"
#include "service/mend.h"
#include "service/prune.h"

/* --- points --- */

void satchel_point_of(satchel_bytes cursor, uint64_t *out_n, bool *out_found) {
    satchel_cursor read;
    *out_found = cursor.bytes > 0 && satchel_cursor_read(cursor, &read, NULL) == SATCHEL_OK;
    *out_n = *out_found ? read.full_n : 0;
}

satchel_status satchel_point_is_due(const satchel_service *service, satchel_db *db, const satchel_id *device,
                                    uint64_t n, bool *out, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = false;
    satchel_status status =
        SATCHEL_DB_START(&statement, db, error,
                         "SELECT coalesce(p.n, 0), coalesce(p.at_ms, d.enrolled_ms) FROM device_state d LEFT JOIN"
                         " device_point p ON p.device = d.device WHERE d.device = ?1",
                         satchel_value_id(device));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found) {
        int64_t since_ms = satchel_service_now_ms(service) - satchel_db_int(statement, 1);
        uint64_t known = satchel_db_uint(statement, 0);
        *out = known > n || (known != n && since_ms >= SATCHEL_POINT_EVERY_MS) || since_ms >= SATCHEL_LEASE_DAY_MS;
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_point_write(const satchel_service *service, satchel_db *db, const satchel_id *device, uint64_t n,
                                   satchel_error *error) {
    return SATCHEL_DB_RUN(db, error,
                          "INSERT INTO device_point (device, n, at_ms) VALUES (?1, ?2, ?3) ON CONFLICT (device) DO "
                          "UPDATE SET n = excluded.n, at_ms = excluded.at_ms",
                          satchel_value_id(device), satchel_db_count(n),
                          satchel_value_time(satchel_service_now_ms(service)));
}

/* --- the horizon --- */

static satchel_status pruned_through(satchel_db *db, uint64_t *out, satchel_error *error) {
    int64_t n = 0;
    satchel_status status = satchel_db_number_values(db, "SELECT pruned_n FROM horizon", NULL, 0, 0, &n, error);
    *out = (uint64_t)n;
    return status;
}

satchel_status satchel_horizon_has_passed(satchel_db *db, uint64_t n, bool *out, satchel_error *error) {
    uint64_t pruned = 0;
    satchel_status status = pruned_through(db, &pruned, error);
    *out = n < pruned;
    return status;
}

satchel_status satchel_lease_days(satchel_db *db, int64_t *out, satchel_error *error) {
    satchel_status status = satchel_db_number_values(db, "SELECT lease_days FROM order_book", NULL, 0, 0, out, error);
    *out = *out > 0 ? *out : SATCHEL_HORIZON_LEASE_DAYS;
    return status;
}

/*
 * A device whose point is not known yet holds everything: it is new, or synced before points were written. Retired and
 * wiped devices are revoked.
 */
satchel_status satchel_horizon_read(const satchel_service *service, satchel_db *db, satchel_horizon *out,
                                    satchel_error *error) {
    satchel_db_statement *statement = NULL;
    int64_t days = 0;
    int64_t newest = 0;
    bool found = false;
    *out = (satchel_horizon){.n = 0};
    satchel_status status = satchel_lease_days(db, &days, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_number_values(db, "SELECT n FROM counter", NULL, 0, 0, &newest, error);
    }
    if (status == SATCHEL_OK) {
        status = SATCHEL_DB_START(
            &statement, db, error,
            "SELECT coalesce(p.n, 0), d.device FROM device_state d LEFT JOIN device_point p ON p.device = d.device"
            " WHERE d.revoked = 0 AND (d.seen_ms > ?1 OR p.at_ms > ?1)"
            " ORDER BY 1, 2 LIMIT 1",
            satchel_value_time(satchel_service_now_ms(service) - days * SATCHEL_LEASE_DAY_MS));
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK) {
        out->n = found ? satchel_db_uint(statement, 0) : (uint64_t)newest;
        out->held_by = found ? satchel_db_id(statement, 1) : (satchel_id){{0}};
    }
    satchel_db_end(statement);
    return status == SATCHEL_OK ? pruned_through(db, &out->pruned, error) : status;
}

/* --- what goes --- */

/* Deletes of each kind take ?1 the horizon, ?2 the rows of a step, and ?3 the revision that is too old for answers. */
static const char *const prunings[] = {
    "DELETE FROM membership WHERE (anchor, rank, root, scope) IN (SELECT anchor, rank, root, scope FROM membership"
    " WHERE present = 0 AND last_n <= ?1 AND ?3 >= 0 LIMIT ?2)",
    "DELETE FROM scope_loss WHERE (owner, scope) IN (SELECT owner, scope FROM scope_loss WHERE lost_n <= ?1 AND"
    " ?3 >= 0 LIMIT ?2)",
    /* The newest of them says when everything up to the next one was made. */
    "DELETE FROM revision_time WHERE n IN (SELECT n FROM revision_time WHERE n < (SELECT coalesce(max(n), 0) FROM"
    " revision_time WHERE n <= ?1 AND n <= ?3) ORDER BY n LIMIT ?2)",
    "DELETE FROM unit_result WHERE (incarnation, first_sequence) IN (SELECT incarnation, first_sequence FROM"
    " unit_result WHERE n <= ?1 AND n <= ?3 AND n > 0 LIMIT ?2)",
};

/* The newest revision that is older than stored answers are kept. */
static satchel_status old_n(const satchel_service *service, satchel_db *db, int64_t *out, satchel_error *error) {
    int64_t before_ms = satchel_service_now_ms(service) - SATCHEL_STORED_ANSWERS_DAYS * SATCHEL_LEASE_DAY_MS;
    return SATCHEL_DB_NUMBER(db, error, out, 0, "SELECT coalesce(max(n), 0) FROM revision_time WHERE at_ms <= ?1",
                             satchel_value_time(before_ms));
}

static satchel_status note_pruned(satchel_db *db, uint64_t n, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "UPDATE horizon SET pruned_n = ?1 WHERE pruned_n < ?1", satchel_db_count(n));
}

static satchel_status prune(const satchel_service *service, satchel_db *db, bool *out_left, satchel_error *error) {
    satchel_horizon horizon;
    int64_t old = 0;
    uint64_t budget = SATCHEL_TIDY_ROWS;
    uint64_t gone = 0;
    satchel_status status = satchel_horizon_read(service, db, &horizon, error);
    if (status == SATCHEL_OK) {
        status = old_n(service, db, &old, error);
    }
    for (size_t i = 0; status == SATCHEL_OK && budget > 0 && i < sizeof prunings / sizeof *prunings; i++) {
        const satchel_value values[] = {satchel_db_count(horizon.n), satchel_db_count(budget), satchel_value_int(old)};
        uint64_t changes = 0;
        status = satchel_db_run_values(db, prunings[i], values, 3, &changes, error);
        /* Only what left or was lost is missed by a phone that comes with an older cursor. */
        gone += i < 2 ? changes : 0;
        budget -= changes < budget ? changes : budget;
    }
    *out_left = budget == 0;
    if (status == SATCHEL_OK && gone > 0) {
        status = note_pruned(db, horizon.n, error);
    }
    uint64_t below_n = horizon.n < (uint64_t)old ? horizon.n : (uint64_t)old;
    return status == SATCHEL_OK && !*out_left ? satchel_prune_step(service, db, below_n, out_left, error) : status;
}

satchel_status satchel_service_tidy(const satchel_service *service, satchel_db *db, bool *out_left,
                                    satchel_error *error) {
    bool made = false;
    *out_left = false;
    satchel_status status = satchel_mend_step(service, db, &made, error);
    if (status == SATCHEL_OK && !made) {
        status = satchel_digest_rebuild(service, db, &made, error);
    }
    if (status == SATCHEL_OK && !made) {
        status = satchel_erase_close(service, db, &made, error);
    }
    if (status == SATCHEL_OK && made) {
        *out_left = true;
        return SATCHEL_OK;
    }
    return status == SATCHEL_OK ? prune(service, db, out_left, error) : status;
}
