/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the vault's tests share: a vault in a temporary folder, a keystore that can misbehave, files as bytes, SQL.
 */
#ifndef SATCHEL_TESTS_UNIT_VAULT_FIXTURE_H
#define SATCHEL_TESTS_UNIT_VAULT_FIXTURE_H

#include "base/bytes.h"
#include "base/text.h"
#include "support/temp.h"
#include "support/test.h"
#include "vault/vault.h"

#include <sqlite3.h>

/* Answers with `status`, and with 32 times `byte` if that is OK. */
typedef struct fake_keystore {
    satchel_status status;
    uint8_t byte;
} fake_keystore;

typedef struct vault_fixture {
    test_temp temp;
    fake_keystore keystore;
    satchel_vault_config config; /* device slot, Argon2id at its floor */
    satchel_vault *vault;
    satchel_error error;
} vault_fixture;

/* A folder and a config; no vault yet. */
void fixture_init(vault_fixture *fixture);
/* Closes the vault, checks that no open was refused, removes the folder. */
void fixture_deinit(vault_fixture *fixture);

/* Both end the test unless they succeed. */
void fixture_create(vault_fixture *fixture);
void fixture_open(vault_fixture *fixture);
void fixture_close(vault_fixture *fixture);
/* What opening gives; the vault is closed again. */
satchel_status fixture_try_open(vault_fixture *fixture);
void fixture_use_pin(vault_fixture *fixture, const char *pin);

satchel_vault_keystore fixture_keystore(fake_keystore *keystore);

/* Runs SQL that must succeed; gives a code of SQLite; the first column of the first row as a number, -1 if none. */
void must_run(satchel_vault *vault, const char *sql);
int run_sql(satchel_vault *vault, const char *sql);
int64_t number_of(satchel_vault *vault, const char *sql);

/* The folder's files: whole contents; a change of bytes; a copy of the folder as a kill at this moment would leave it.
 */
satchel_buffer file_bytes(const vault_fixture *fixture, const char *name);
void file_write(const vault_fixture *fixture, const char *name, satchel_bytes content);
unsigned file_mode(const vault_fixture *fixture, const char *name); /* the permissions */
bool file_exists(const vault_fixture *fixture, const char *name);
void file_remove(const vault_fixture *fixture, const char *name);
/* `to` gets its own folder with the files of `from`, and from's keystore; nothing is opened. */
void fixture_copy(vault_fixture *to, const vault_fixture *from);

/* A table `t` of `rows` rows with text that is found by the canary scan, in transactions of one row each. */
void fill_rows(satchel_vault *vault, int rows);
#define CANARY "Canary-Wang-Xiaoming"

#endif
