/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading a backup through the lane of a host that was opened for it alone.
 */
#include "restore.h"

#include "base/error.h"
#include "crypto/secret.h"
#include "service/epoch.h"

typedef struct restore_work {
    satchel_host *host;
    const char *path;
    const uint8_t *key;
    satchel_restored *out;
} restore_work;

static satchel_status refuse_company(const restore_work *work, satchel_db *db, satchel_error *error) {
    satchel_company company;
    satchel_error why = {SATCHEL_OK, 0, 0, {0}};
    satchel_status status = satchel_company_get(satchel_host_service(work->host), db, &company, &why);
    if (status == SATCHEL_NOT_FOUND) {
        return SATCHEL_OK;
    }
    return status == SATCHEL_OK
               ? satchel_fail(error, SATCHEL_ALREADY_EXISTS, "there is a company already: restore into an empty folder")
               : satchel_fail(error, status, "%s", why.detail);
}

static satchel_status load(void *context, satchel_db *db, satchel_error *error) {
    restore_work *work = context;
    satchel_company company;
    uint8_t digest[SATCHEL_HASH_BYTES];
    satchel_status status = refuse_company(work, db, error);
    if (status == SATCHEL_OK) {
        status = satchel_backup_read(work->path, work->key, db, &work->out->facts, digest, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_backup_note_loaded(db, &work->out->facts, digest, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_host_loaded(work->host, db, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_company_get(satchel_host_service(work->host), db, &company, error);
        work->out->epoch = company.epoch;
    }
    return status == SATCHEL_OK ? satchel_epoch_is_fenced(db, &work->out->fenced, error) : status;
}

satchel_status satchel_restore(const satchel_host_config *config, const char *path, const char *key_path,
                               satchel_restored *out, satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    satchel_host_config loading = *config;
    satchel_host *host = NULL;
    loading.create = true;
    loading.loading = true;
    satchel_status status = satchel_crypto_init();
    if (status == SATCHEL_OK) {
        status = satchel_backup_key_read(key_path, key, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_host_open(&host, &loading, error);
    }
    if (status == SATCHEL_OK) {
        restore_work work = {host, path, key, out};
        status = satchel_host_write(host, load, &work, error);
    }
    satchel_host_close(host);
    satchel_secret_wipe(key, sizeof key);
    return status;
}
