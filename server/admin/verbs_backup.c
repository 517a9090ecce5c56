/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs about backups, epochs and the fence.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "host/backup_file.h"
#include "service/epoch.h"

#include <stdlib.h>
#include <string.h>

/* The server's folder is not the caller's: a path has to say all. */
static satchel_status check_path(const char *path, satchel_error *error) {
    return path[0] == '/' ? SATCHEL_OK
                          : satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a path has to begin with /: %.100s", path);
}

static satchel_status tell_backup(satchel_command *command, const satchel_backup_facts *facts, uint64_t bytes) {
    json_t *result = command->result;
    bool whole = json_object_set_new(result, "epoch", json_integer(facts->epoch)) == 0 &&
                 json_object_set_new(result, "revision", json_integer((json_int_t)facts->n)) == 0 &&
                 json_object_set_new(result, "rows", json_integer((json_int_t)facts->rows)) == 0 &&
                 json_object_set_new(result, "audit", json_integer((json_int_t)facts->audit_position)) == 0 &&
                 (bytes == 0 || json_object_set_new(result, "bytes", json_integer((json_int_t)bytes)) == 0);
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

typedef struct backup_request {
    const char *path;
    const char *key_path;
    bool checks;
} backup_request;

static satchel_status run_backup(satchel_command *command, const backup_request *given, satchel_error *error) {
    uint8_t key[SATCHEL_KEY_BYTES];
    uint8_t digest[SATCHEL_HASH_BYTES];
    satchel_backup_facts facts;
    uint64_t bytes = 0;
    satchel_status status = check_path(given->path, error);
    if (status == SATCHEL_OK) {
        status = check_path(given->key_path, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_backup_key_read(given->key_path, key, error);
    }
    if (status == SATCHEL_OK) {
        status = given->checks ? satchel_backup_read(given->path, key, NULL, &facts, digest, error)
                               : satchel_backup_make(command->host, given->path, key, &facts, &bytes, error);
    }
    satchel_secret_wipe(key, sizeof key);
    return status == SATCHEL_OK ? tell_backup(command, &facts, bytes) : status;
}

satchel_status satchel_verb_backup(satchel_command *command, satchel_error *error) {
    char *key = NULL;
    struct poptOption table[] = {{"key", 0, POPT_ARG_STRING, &key, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    bool makes_key = satchel_command_is(command, "new-key", 3) && key == NULL;
    bool checks = satchel_command_is(command, "check", 3) && key != NULL;
    bool makes = command->argument_count == 2 && key != NULL;
    if (status == SATCHEL_OK && makes_key) {
        status = check_path(command->arguments[2], error);
        status = status == SATCHEL_OK ? satchel_backup_key_make(command->arguments[2], error) : status;
    } else if (status == SATCHEL_OK && (checks || makes)) {
        const backup_request given = {command->arguments[checks ? 2 : 1], key, checks};
        status = run_backup(command, &given, error);
    } else if (status == SATCHEL_OK) {
        status = satchel_command_usage(command, error);
    }
    free(key);
    return status;
}

/* --- epochs --- */

static satchel_status show_epoch(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    (void)context;
    satchel_company company;
    satchel_fence fence = SATCHEL_FENCE_NONE;
    uint64_t verified = 0;
    satchel_status status = satchel_company_get(command->service, db, &company, error);
    if (status == SATCHEL_OK) {
        status = satchel_epoch_fence_of(db, &fence, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_backup_verified(db, &verified, error);
    }
    json_t *result = command->result;
    bool whole = status == SATCHEL_OK && json_object_set_new(result, "epoch", json_integer(company.epoch)) == 0 &&
                 json_object_set_new(result, "revision", json_integer((json_int_t)company.n)) == 0 &&
                 json_object_set_new(result, "verified", json_integer((json_int_t)verified)) == 0 &&
                 json_object_set_new(result, "fenced", json_boolean(fence != SATCHEL_FENCE_NONE)) == 0 &&
                 (fence == SATCHEL_FENCE_NONE ||
                  json_object_set_new(result, "fence", json_string(satchel_fence_text(fence))) == 0);
    return status == SATCHEL_OK && !whole ? SATCHEL_NO_MEMORY : status;
}

satchel_status satchel_verb_epoch(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    uint32_t epoch = 0;
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && satchel_command_is(command, "new", 2)) {
        status = satchel_host_new_epoch(command->host, &epoch, error);
    } else if (status == SATCHEL_OK && !satchel_command_is(command, "show", 2)) {
        return satchel_command_usage(command, error);
    }
    return status == SATCHEL_OK ? satchel_command_read(command, show_epoch, NULL, error) : status;
}

satchel_status satchel_verb_unfence(satchel_command *command, satchel_error *error) {
    int accepts = 0;
    struct poptOption table[] = {{"accept-loss", 0, POPT_ARG_NONE, &accepts, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK && (command->argument_count != 1 || accepts == 0)) {
        status = satchel_command_usage(command, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_host_unfence(command->host, error);
    }
    return status == SATCHEL_OK ? satchel_command_read(command, show_epoch, NULL, error) : status;
}
