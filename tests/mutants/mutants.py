#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs: each is put into a copy of the sources, and the test that is named beside it must fail.

Tests of the simulator are named by their stories; "seeds A..B" are random runs, which its oracle judges.

A mutant is an edit of product code that must fit the present source exactly; one that no longer fits fails the ring, as
does one that does not compile, because then nothing was shown. Before any is planted, the same tests must pass.

    mutants.py [NUMBER…]     prints a line a mutant, "N passed, M failed", then {"mutants":N,"caught":M}

Works in build/mutants on what git tracks, with the contents of the working tree. Builds without sanitizers: a mutant is
to be caught by what a test checks, not by the way in which it crashes.
"""
import collections
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build/mutants"
SOURCE = WORK / "src"
BUILD = WORK / "build"
SECONDS = 120  # that a mutated test may take: one that hangs is caught

# old must stand in the file exactly `times` times; all of them are replaced. Lists: several edits of the file.
Mutant = collections.namedtuple("Mutant", "layer sentence path old new program tests times", defaults=(1,))

VAULT = "core/vault/"
STORE = "core/store/"
DEVICE = "core/device/"
MERGE = "core/merge/"
SYNC = "core/sync/"
ACCESS = "core/access/"
SERVICE = "server/service/"

MUTANTS = [
    # ---- what a seal is bound to ----
    Mutant("seal", "the page number is left out of the associated data", VAULT + "page.c",
           "satchel_binding_write(SATCHEL_ROLE_DATABASE, &keys->store, number, binding.bytes);",
           "satchel_binding_write(SATCHEL_ROLE_DATABASE, &keys->store, 0, binding.bytes);",
           "plain_vault", ["strict/*", "attack/no_pair*"]),
    Mutant("seal", "the frame number is left out of the associated data", VAULT + "wal.c",
           "satchel_binding_write(SATCHEL_ROLE_WAL_FRAME, &keys->store, frame, binding);",
           "satchel_binding_write(SATCHEL_ROLE_WAL_FRAME, &keys->store, 0, binding); (void)frame;",
           "plain_vault", ["strict/*"], 2),
    Mutant("seal", "the store's id is left out of the associated data", VAULT + "page.c",
           "memcpy(out + 8, store->bytes, SATCHEL_ID_BYTES);", "memset(out + 8, 0, SATCHEL_ID_BYTES); (void)store;",
           "plain_vault", ["page/*"]),
    Mutant("seal", "the role of a file is left out of the associated data", VAULT + "page.c",
           "satchel_put_u32be(out + 4, (uint32_t)role);", "satchel_put_u32be(out + 4, 0); (void)role;",
           "plain_vault", ["page/*"]),
    Mutant("seal", "a nonce is used again", VAULT + "vfs.c",
           "satchel_status status = satchel_nonces_next(&vfs->nonces, vfs->random, by_epoch, out);",
           "static satchel_nonces once; satchel_status status = satchel_nonces_next(&once, vfs->random, by_epoch, out);"
           " memset(out, 7, SATCHEL_NONCE_BYTES);",
           "plain_vault", ["canary/*"]),
    Mutant("seal", "what does not authenticate is read all the same", VAULT + "database_file.c",
           "return status == SATCHEL_OK ? SQLITE_OK : damaged(file, number);",
           "return status == SATCHEL_FOREIGN_FILE ? damaged(file, number) : SQLITE_OK;",
           "plain_vault", ["strict/*"]),
    Mutant("seal", "pages are sealed in SQLite's own buffer", VAULT + "database_file.c",
           "satchel_status status = satchel_page_seal(file->vfs->keys, number, nonce, plain, room);",
           "satchel_status status = satchel_page_seal(file->vfs->keys, number, nonce, plain, "
           "(uint8_t *)(uintptr_t)plain); memcpy(room, plain, SATCHEL_PAGE_BYTES);",
           "plain_vault", ["page/*", "vfs/*"]),

    # ---- the WAL and its recovery ----
    Mutant("recovery", "the generation of a frame is not compared", VAULT + "wal_tail.c",
           "return same ? SATCHEL_SLOT_CURRENT : SATCHEL_SLOT_STALE;",
           "return same ? SATCHEL_SLOT_CURRENT : SATCHEL_SLOT_CURRENT;",
           "plain_vault", ["strict/*"]),
    Mutant("recovery", "a WAL of which one part is damaged loses later commits in silence", VAULT + "wal_tail.c",
           "if (findings.continued) {", "if (false && findings.continued) {",
           "plain_vault", ["tail/*"]),
    Mutant("recovery", "a hole in the last transaction is not reported", VAULT + "wal_tail.c",
           "file->vfs->stats.tail = SATCHEL_VAULT_TAIL_BROKEN;", "file->vfs->stats.tail = SATCHEL_VAULT_TAIL_CLEAN;",
           "plain_vault", ["tail/*"]),
    Mutant("recovery", "gaps in the file are not filled with sealed pages", VAULT + "database_file.c",
           "while (code == SQLITE_OK && file->pages < pages) {",
           "for (; code == SQLITE_OK && file->pages < pages; file->pages++) {\n        continue;",
           "plain_vault", ["vfs/*"]),
    Mutant("recovery", "empty pages of a cut-off checkpoint are not sealed again", VAULT + "vfs.c",
           "satchel_database_file_heal(vfs->database, lower)", "((void)lower, SATCHEL_OK)",
           "plain_vault", ["recovery/*"]),
    Mutant("recovery", "a page 1 that does not open is invented", VAULT + "database_file.c",
           "    if (status == SATCHEL_FOREIGN_FILE) {\n        file->vfs->foreign = true;\n    }\n",
           "    if (status == SATCHEL_FOREIGN_FILE) {\n        file->vfs->foreign = true;\n    }\n"
           "    if (status == SATCHEL_DAMAGED && number == 1) {\n"
           "        memset(out, 0, SATCHEL_PAGE_BYTES);\n"
           "        satchel_page_synthetic_header(file->vfs->keys->cipher, out);\n"
           "        return SQLITE_OK;\n    }\n",
           "plain_vault", ["strict/*"]),

    # ---- what lasts ----
    Mutant("disk", "the error of a sync is ignored", VAULT + "vfs.c",
           "return noted(vfs, below->pMethods->xSync(below, flags));",
           "(void)below->pMethods->xSync(below, flags);\n    return SQLITE_OK;",
           "plain_vault", ["power/a_loss_after_a_failed_sync*"]),
    Mutant("disk", "the WAL is not synced", VAULT + "wal_file.c",
           "return code == SQLITE_OK ? satchel_vfs_sync(file->vfs, file->below, flags) : code;",
           "(void)flags;\n    return code;",
           "plain_vault", ["power/a_loss_at_any_operation*"]),
    Mutant("disk", "a checkpoint does not sync the database", VAULT + "database_file.c",
           "return code == SQLITE_OK ? satchel_vfs_sync(file->vfs, file->below, flags) : code;",
           "(void)flags;\n    return code;",
           "plain_vault", ["power/a_loss_at_any_operation*"]),
    Mutant("disk", "the folder is not synced behind a key file", VAULT + "keyring.c",
           "status = files->sync_folder(files->context, keyring->folder);", "status = SATCHEL_OK;",
           "plain_vault", ["power/a_loss_while_slots*", "creation/*"]),
    Mutant("disk", "the folder is not synced behind a new store's name", VAULT + "create.c",
           "status = vault->files->sync_folder(vault->files->context, vault->folder);", "status = SATCHEL_OK;",
           "plain_vault", ["creation/*"]),
    Mutant("disk", "writing goes on without randomness", VAULT + "vfs.c",
           "        vfs->poison = reason;", "        (void)reason;",
           "plain_vault", ["vfs/*"]),
    Mutant("disk", "a journal is opened on the disk", VAULT + "vfs.c",
           "    return refuse(vfs);\n", "    return vfs->below->xOpen(vfs->below, path, file, flags, out_flags);\n",
           "plain_vault", ["vfs/*"]),
    Mutant("disk", "temporary work goes to files", VAULT + "connection.c",
           "\"PRAGMA locking_mode=EXCLUSIVE\", \"PRAGMA temp_store=MEMORY\", \"PRAGMA mmap_size=0\",",
           "\"PRAGMA locking_mode=EXCLUSIVE\", \"PRAGMA temp_store=FILE\", \"PRAGMA mmap_size=0\",",
           "plain_vault", ["vault/*"]),

    # ---- keys ----
    Mutant("keys", "a PIN is looked at before the try is counted", VAULT + "keyring_unlock.c",
           "satchel_status status = save_attempts(keyring, secret);\n    return status",
           "satchel_status status = SATCHEL_OK;\n    return status",
           "plain_vault", ["pin/is_not_looked_at*", "pin/wrong_ones*"]),
    Mutant("keys", "the slots are not erased after too many wrong PINs", VAULT + "keyring_unlock.c",
           "            memset(&file->slots[index], 0, sizeof file->slots[index]);\n", "            continue;\n",
           "plain_vault", ["pin/too_many*"]),
    Mutant("keys", "nobody waits after wrong PINs", VAULT + "keyring_unlock.c",
           "if (wait_ms > 0) {", "if (wait_ms > INT64_MAX / 2) {",
           "plain_vault", ["pin/wrong_ones*"]),
    Mutant("keys", "a restart ends the delay after wrong PINs", VAULT + "attempts.c",
           "if (now->boot == attempts->boot && passed_ms",
           "if (now->boot != attempts->boot) {\n        return 0;\n    }\n    if (passed_ms",
           "plain_vault", ["attempts/*"]),
    Mutant("keys", "only one of the two key files is written", VAULT + "keyring.c",
           "if (status == SATCHEL_OK && both) {", "if (status == SATCHEL_OK && both && keyring->newest > 9) {",
           "plain_vault", ["escrow/outlives*", "pin/too_many*", "rekey/a_copy_of_the_old*", "pin/changing_it*"]),
    Mutant("keys", "the MAC over the key file is not checked", VAULT + "keyring_unlock.c",
           "if (!satchel_secret_equal(mac, keyring->file.mac, sizeof mac)) {", "if (mac[0] != mac[0]) {",
           "plain_vault", ["key_file_attack/*", "escrow/*"]),
    Mutant("keys", "the count of wrong PINs can be set back by anybody", VAULT + "keyring_unlock.c",
           "if (!satchel_secret_equal(mac, attempts->mac, sizeof mac)) {", "if (mac[0] != mac[0]) {",
           "plain_vault", ["key_file_attack/*"]),
    Mutant("keys", "the stack is not wiped", "core/crypto/secret.c",
           "    sodium_stackzero(DEEPEST_BYTES);\n", "    (void)DEEPEST_BYTES;\n",
           "plain_vault", ["wiped/*"]),
    Mutant("keys", "what was secret is not wiped", "core/crypto/secret.c",
           "    sodium_memzero(data, bytes);\n", "    (void)data;\n    (void)bytes;\n",
           "plain_vault", ["wiped/*"]),

    # ---- the phone's store ----
    Mutant("store", "the cursor is stored before its page", STORE + "page.c",
           "    status = store_frames(&work, payload, &done);\n    if (status == SATCHEL_OK) {\n        status = tidy",
           "    status = satchel_store_write_sync(store, state, error);\n"
           "    if (status == SATCHEL_OK) {\n        status = satchel_store_end(store, status, error);\n    }\n"
           "    if (status == SATCHEL_OK) {\n        status = satchel_store_begin(store, error);\n    }\n"
           "    if (status == SATCHEL_OK) {\n        status = store_frames(&work, payload, &done);\n    }\n"
           "    if (status == SATCHEL_OK) {\n        status = tidy",
           "plain_store", ["store_state/*"]),
    Mutant("store", "the purge is skipped", STORE + "purge.c",
           "if (status == SATCHEL_OK && row.found && satchel_row_is_hidden(store, row.scope_set)) {",
           "if (status == SATCHEL_OK && row.found && row.rowid < 0) {",
           "plain_store", ["scopes/*", "store_attack/*"]),
    Mutant("store", "the value that lost is dropped", STORE + "results.c",
           "        status = satchel_statement_run(store, statement, error);\n    }\n"
           "    satchel_buffer_deinit(&plain);\n    satchel_buffer_deinit(&body);\n",
           "        satchel_statement_end(statement);\n    }\n"
           "    satchel_buffer_deinit(&plain);\n    satchel_buffer_deinit(&body);\n",
           "plain_store", ["reasons/*"]),
    Mutant("store", "a refusal is taken for success", STORE + "results.c",
           "case SATCHEL_RESULT_REFUSED: return SATCHEL_OP_REFUSED;",
           "case SATCHEL_RESULT_REFUSED: return SATCHEL_OP_ACCEPTED;",
           "plain_store", ["store_fault/a_page_survives*"]),
    Mutant("store", "rows of a lost scope are shown", STORE + "rows.c",
           "    return dead || status != SATCHEL_OK;\n", "    return false;\n",
           "plain_store", ["scopes/*"]),
    Mutant("store", "an op that a page holds is laid on its row again", STORE + "overlay.c",
           "if (logged[i].sequence > through && satchel_op_shows(&logged[i], server_has)) {",
           "if (satchel_op_shows(&logged[i], server_has) && (through > 0 || through == 0)) {",
           "plain_store", ["overlay/*"]),
    Mutant("store", "an op's seal is not bound to its sequence", STORE + "log.c",
           "satchel_put_u64be(associated, sequence);", "satchel_put_u64be(associated, sequence > 0 ? 1 : 0);",
           "plain_store", ["log_seal/*"], 2),
    Mutant("store", "an op is used whose seal does not hold", STORE + "log.c",
           "    return store->seal.open(store->seal.context, sealed, satchel_bytes_of(associated, sizeof associated), "
           "out);\n",
           "    (void)store->seal.open(store->seal.context, sealed, satchel_bytes_of(associated, sizeof associated), "
           "out);\n    return SATCHEL_OK;\n",
           "plain_store", ["log_seal/*"]),
    Mutant("store", "a failed commit uses up sequences", STORE + "statements.c",
           "satchel_status reloaded = satchel_store_reload(store, NULL);", "satchel_status reloaded = SATCHEL_OK;",
           "plain_store", ["store_fault/*"]),

    # ---- upgrades ----
    Mutant("upgrade", "tables are noted as made before they are", STORE + "migrate.c",
           "        status = bring_up_tables(store, error);\n        if (status == SATCHEL_OK) {\n"
           "            status = end_tables(store, wanted, error);\n        }\n",
           "        status = end_tables(store, wanted, error);\n        if (status == SATCHEL_OK) {\n"
           "            status = bring_up_tables(store, error);\n        }\n",
           "plain_store", ["migration/an_upgrade_that_is_broken_off*", "migration/an_upgrade_survives*"]),
    Mutant("upgrade", "the position of a slice is not stored with its work", STORE + "migrate.c",
           "    if (status == SATCHEL_OK && moved) {\n",
           "    if (status == SATCHEL_OK && moved && store->migration.phase != SATCHEL_MIGRATION_FORMAT) {\n",
           "plain_store", ["migration/the_slices*"]),
    Mutant("upgrade", "a store of a newer model is opened", STORE + "migrate.c",
           "out->model > (int64_t)release->model->version", "out->model > INT64_MAX - 1",
           "plain_store", ["migration/a_store_of_a_newer*"]),
    Mutant("upgrade", "an older version may still write while a store is brought up", STORE + "migrate.c",
           "status = write_version(store, store->release->step_count, store->release->model->version, error);",
           "status = write_version(store, store->release->step_count, 1, error);",
           "plain_store", ["migration/a_store_of_a_newer*"]),
    Mutant("upgrade", "an update loses what still lies in the tail", STORE + "rows.c",
           "(row->lifted || !same_value(", "(!same_value(",
           "plain_store", ["migration/an_upgrade_that_is_killed*"]),
    Mutant("upgrade", "the index keeps what was searched before", STORE + "migrate.c",
           "bool adopt = unknown && store->migration.phase == SATCHEL_MIGRATION_NONE;", "bool adopt = true;",
           "plain_store", ["migration/an_upgrade_survives*"]),
    Mutant("upgrade", "rows ahead of the walk are indexed twice", STORE + "search.c",
           "return satchel_search_target(table, rowid) > store->search_through;",
           "return satchel_search_target(table, rowid) < 0 && store->search_through < 0;",
           "plain_store", ["migration/an_upgrade_that_is_killed*"]),
    # ---- ciphers ----
    Mutant("cipher", "AES-GCM has one key for all epochs", "core/crypto/sealer.c",
           "derive(sealer->key, gcm_context, satchel_bytes_of(epoch, SATCHEL_EPOCH_BYTES), key);",
           "derive(sealer->key, gcm_context, satchel_bytes_of(epoch, 0), key);",
           "plain_crypto", ["sealer/*"]),
    Mutant("cipher", "AES-GCM takes the epoch for its nonce", "core/crypto/sealer.c",
           "nonce + SATCHEL_EPOCH_BYTES, epoch_key(sealer, nonce)", "nonce, epoch_key(sealer, nonce)",
           "plain_crypto", ["sealer/*"], 2),
    Mutant("cipher", "the last byte of a tag is not compared", "core/crypto/seal_roomy.c",
           "if (crypto_verify_16(expected, tag) != 0) {",
           "if (sodium_memcmp(expected, tag, SATCHEL_TAG_BYTES - 1) != 0) {",
           "plain_crypto", ["sealer/*"]),
    Mutant("cipher", "within an epoch all nonces are alike", "core/crypto/random.c",
           "        memcpy(fresh, nonces->epoch, SATCHEL_EPOCH_BYTES);\n",
           "        memcpy(fresh, nonces->epoch, SATCHEL_EPOCH_BYTES);\n"
           "        memset(fresh + SATCHEL_EPOCH_BYTES, 0, SATCHEL_NONCE_BYTES - SATCHEL_EPOCH_BYTES);\n",
           "plain_crypto", ["random/*"]),
    Mutant("cipher", "an epoch never ends", "core/crypto/random.c",
           "        nonces->epoch_left--;\n", "        nonces->epoch_left = 1;\n",
           "plain_crypto", ["random/*"]),
    Mutant("cipher", "a batch of nonces is handed out twice", "core/crypto/random.c",
           "    nonces->left--;\n    memcpy(out,", "    nonces->left = nonces->left == 2 ? 1 : nonces->left - 1;\n"
           "    if (nonces->left == 1) {\n        nonces->left = SATCHEL_NONCE_BATCH - 1;\n    }\n    memcpy(out,",
           "plain_crypto", ["random/*"]),
    Mutant("cipher", "what page 1 shows in clear is not bound to its seal", VAULT + "page.c",
           "        binding.count += SATCHEL_PAGE_CLEAR_BYTES;\n", "",
           "plain_vault", ["page/*"]),
    Mutant("cipher", "pages are not sealed at all", VAULT + "page.c",
           ["    memcpy(tail, nonce, SATCHEL_NONCE_BYTES);\n",
            "    memset(page + SATCHEL_PAGE_BYTES - reserve, 0, reserve);\n"],
           ["    memmove(out + binding.clear, plain + binding.clear, SATCHEL_PAGE_BYTES - reserve - binding.clear);\n"
            "    memcpy(tail, nonce, SATCHEL_NONCE_BYTES);\n",
            "    status = SATCHEL_OK;\n"
            "    memmove(page + binding.clear, sealed + binding.clear, SATCHEL_PAGE_BYTES - reserve - binding.clear);\n"
            "    memset(page + SATCHEL_PAGE_BYTES - reserve, 0, reserve);\n"],
           "plain_vault", ["canary/no_file_of_an_open*"]),
    Mutant("cipher", "frames of the WAL are not sealed at all", VAULT + "wal.c",
           ["        satchel_sealer_seal(&keys->wal, nonce, satchel_bytes_of(binding, sizeof binding),\n"
            "                            satchel_bytes_of(plain, SATCHEL_WAL_FRAME_BYTES - behind), 0, plain, tag);\n",
            "        satchel_sealer_unseal(&keys->wal, slot, satchel_bytes_of(binding, sizeof binding),\n"
            "                              satchel_bytes_of(sealed, SATCHEL_WAL_FRAME_BYTES - behind), 0, tag, "
            "sealed);\n"],
           ["        SATCHEL_OK;\n    memset(tag, 0, sizeof tag);\n", "        SATCHEL_OK;\n"],
           "plain_vault", ["canary/no_file_of_an_open*"]),

    # ---- a new data key ----
    Mutant("rekey", "the new store has its name before the new key file is on the disk", VAULT + "rekey.c",
           "status = satchel_keyring_save_next(&next->keyring);", "status = SATCHEL_OK;",
           "plain_vault", ["rekey/a_loss_of_power_at_any*", "rekey/a_loss_of_power_leaves*"]),
    Mutant("rekey", "the new store is not synced before it has its name", VAULT + "store_file.c",
           "status = status_of(work->to.file->pMethods->xSync(work->to.file, SQLITE_SYNC_FULL));",
           "status = SATCHEL_OK;",
           "plain_vault", ["rekey/a_loss_of_power_at_any*"]),
    Mutant("rekey", "the file with the next keys stays", VAULT + "handle.c",
           "if (keyring->next_there && (!keyring->next_counts || !keyring->other_bad)) {",
           "if (keyring->next_there && keyring->newest > 9) {",
           "plain_vault", ["rekey/nothing_of_it_stays*"]),
    Mutant("rekey", "old message keys are never forgotten", VAULT + "vault.c",
           "satchel_message_keys_trim(kept);", "(void)kept;",
           "plain_vault", ["rekey/keeps_four*"]),
    Mutant("rekey", "new messages are sealed under the old key", VAULT + "rekey.c",
           "satchel_status status = satchel_message_keys_renew(next->message, random);",
           "satchel_status status = SATCHEL_OK;",
           "plain_vault", ["rekey/messages_sealed_before*"]),
    Mutant("rekey", "old message keys are forgotten before all ops are sealed anew", STORE + "reseal.c",
           "*position = (satchel_reseal_position){.table = position->table + 1};",
           "*position = (satchel_reseal_position){.table = TABLE_COUNT};",
           "plain_store", ["reseal/*"]),
    Mutant("rekey", "a slice of the new seals leaves out the op behind the last one", STORE + "reseal.c",
           "        position->key = work.key;\n", "        position->key = work.key + 1;\n",
           "plain_store", ["reseal/*"]),

    # ---- a full disk ----
    Mutant("space", "the reserve is never given back", DEVICE + "reserve.c",
           "satchel_status status = satchel_reserve_free(files_of(device), device->folder, &freed);",
           "satchel_status status = SATCHEL_OK;",
           "plain_device", ["space/*"]),
    Mutant("space", "new work is taken while there is no reserve", DEVICE + "reserve.c",
           "    return device->space.low ? satchel_fail(", "    return device->space.tried_ms < 0 ? satchel_fail(",
           "plain_device", ["space/*"]),
    Mutant("space", "the reserve is not made again", DEVICE + "reserve.c",
           "now_ms - device->space.tried_ms >= SATCHEL_RESERVE_STEP_MS", "device->space.tried_ms < 0",
           "plain_device", ["space/*"]),
    Mutant("space", "a full disk keeps a store shut that has a reserve", DEVICE + "device.c",
           "    satchel_status status = try_store(device, fresh, error);\n"
           "    if (status == SATCHEL_DISK_FULL && satchel_space_relieve(device)) {",
           "    satchel_status status = try_store(device, fresh, error);\n"
           "    if (status == SATCHEL_OK && fresh && !fresh) {",
           "plain_device", ["space/an_upgrade_on_a_full*"]),

    # ---- repair ----
    Mutant("repair", "an op whose seal does not hold is salvaged", STORE + "salvage.c",
           "    if (status == SATCHEL_DAMAGED) {\n        return SATCHEL_OK;\n    }\n",
           "    if (status == SATCHEL_DAMAGED) {\n        status = SATCHEL_OK;\n    }\n",
           "plain_device", ["repair_seal/*"]),
    Mutant("repair", "the damaged store is not put aside", VAULT + "salvage_vault.c",
           "status = put_aside(vault, STORE_NAME, number, false);", "status = SATCHEL_OK;",
           "plain_device", ["repair/walks_the_ops*", "repair/keeps_a_bounded*"]),
    Mutant("repair", "sequences that may have been used are given again", STORE + "salvage_restore.c",
           "if (status == SATCHEL_OK && tail > 0) {", "if (status == SATCHEL_OK && tail > SATCHEL_SALVAGE_TAIL_MOST) {",
           "plain_device", ["repair/*"]),
    Mutant("repair", "a gap between ops is closed by those behind it", STORE + "salvage_restore.c",
           "        status = fill_gap(work, sequence - 1);\n", "        work->expected = sequence;\n",
           "plain_device", ["repair/*"]),
    Mutant("repair", "sequences that only the server knows are given again", STORE + "salvage_restore.c",
           "if (status == SATCHEL_OK && store->next_sequence <= work->known) {",
           "if (status == SATCHEL_OK && store->next_sequence < 1) {",
           "plain_store", ["salvage/*"]),

    # ---- rollback anchor ----
    Mutant("anchor", "the count in the keystore is not compared", DEVICE + "anchor.c",
           "if (record->count <= count_of(device)) {", "if (record->count <= UINT64_MAX) {",
           "plain_device", ["anchor/a_copy_that_is_put_back*"]),
    Mutant("anchor", "the keystore is told before the commit", DEVICE + "anchor.c",
           "    uint64_t count = count_of(device);\n    memcpy(",
           "    uint64_t count = count_of(device) + 1;\n    memcpy(",
           "plain_device", ["anchor/*"]),
    Mutant("anchor", "a second copy of an older life is taken for the present one", DEVICE + "anchor.c",
           "device->anchor.base = anchored + 1 - satchel_store_moves(device->store);", "(void)anchored;",
           "plain_device", ["anchor/*"]),
    Mutant("anchor", "a store that was put back goes on under its old name", DEVICE + "anchor.c",
           "static satchel_status go_on_from_old(satchel_device *device, uint64_t anchored, satchel_error *error) {\n"
           "    satchel_status status = begin_life(device, error);",
           "static satchel_status go_on_from_old(satchel_device *device, uint64_t anchored, satchel_error *error) {\n"
           "    satchel_status status = SATCHEL_OK;",
           "plain_device", ["anchor/*"]),
    Mutant("anchor", "the company's lock on such stores is not looked at", DEVICE + "anchor.c",
           "if ((device->settings.policy & SATCHEL_POLICY_LOCK_ROLLED_BACK) != 0 &&",
           "if ((device->settings.policy & SATCHEL_POLICY_LOCK_ROLLED_BACK) == UINT32_MAX &&",
           "plain_device", ["anchor/the_company*"]),

    # ---- inbox ----
    Mutant("inbox", "an acknowledged id is not remembered", DEVICE + "inbox.c",
           "    index->done[index->done_count++] = *id;\n", "",
           "plain_device", ["inbox/*"]),
    Mutant("inbox", "an item's seal is not bound to its id", DEVICE + "inbox_files.c",
           "    memcpy(out + 20, id->bytes, SATCHEL_ID_BYTES);\n",
           "    memset(out + 20, id != NULL ? 0 : 1, SATCHEL_ID_BYTES);\n",
           "plain_device", ["inbox/*"]),
    Mutant("inbox", "an item is named before its content is stored", DEVICE + "inbox.c",
           "        satchel_store_put_value(work->device->store, name, satchel_buffer_view(&work->plain), error);\n"
           "    if (status == SATCHEL_OK) {\n        work->index->items[work->index->item_count++] = *id;\n"
           "        status = save_index(work->device, work->index, error);\n",
           "        SATCHEL_OK;\n"
           "    if (status == SATCHEL_OK) {\n        work->index->items[work->index->item_count++] = *id;\n"
           "        status = save_index(work->device, work->index, error);\n"
           "        status = status == SATCHEL_OK\n? satchel_store_put_value(work->device->store, name, "
           "satchel_buffer_view(&work->plain), error) : status;\n",
           "plain_device", ["inbox/*"]),

    # ---- compacting, and the end of a store ----
    Mutant("end", "the store is destroyed before its keys", VAULT + "erase.c",
           "    status = destroy_keys(vault, error);\n    if (status == SATCHEL_OK) {\n"
           "        status = remove_rest(vault, error);\n",
           "    status = remove_rest(vault, error);\n    if (status == SATCHEL_OK) {\n"
           "        status = destroy_keys(vault, error);\n",
           "plain_vault", ["erase/*"]),
    Mutant("end", "keys are removed, but not overwritten", VAULT + "erase.c",
           "path != NULL ? satchel_store_file_scrub(vault->below, path) : SATCHEL_NO_MEMORY;",
           "path != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;",
           "plain_vault", ["erase/overwrites*"]),
    Mutant("end", "a wipe leaves the anchor and secret of the keystore", DEVICE + "retire.c",
           "keys->forget != NULL ? keys->forget(keys->context) : SATCHEL_OK;", "SATCHEL_OK;",
           "plain_device", ["retire/*"]),
    Mutant("end", "free pages stay in the file", VAULT + "compact.c",
           "    while (status == SATCHEL_OK && left > 0 && left < before) {",
           "    while (status == SATCHEL_OK && left > 0 && left > before) {",
           "plain_vault", ["compact/shrinks*"]),

    # ---- upgrades, and work that nobody waits for ----
    Mutant("upgrade", "a format's step is not taken", STORE + "migrate.c",
           "    if (step->at_open != NULL) {\n        status = step->at_open(store, error);\n    }\n",
           "    if (step->at_open != NULL && format > 9) {\n        status = step->at_open(store, error);\n    }\n",
           "plain_store", ["migration/the_slices*"]),
    Mutant("upgrade", "rows that were set aside are not tried again", STORE + "migrate.c",
           "        *state = (satchel_migration){.phase = SATCHEL_MIGRATION_ASIDE};\n",
           "        *state = (satchel_migration){.phase = SATCHEL_MIGRATION_NONE};\n",
           "plain_store", ["migration/*", "store_attack/a_row_set_aside*"]),
    Mutant("upgrade", "indexes of the new model are not made", STORE + "migrate.c",
           "    if (status == SATCHEL_OK && sql.bytes > 0) {\n        status = satchel_store_execute(store, "
           "(const char *)sql.data, error);\n        *budget_rows = 0;\n    } else if (status == SATCHEL_OK) {\n",
           "    if (status == SATCHEL_OK) {\n",
           "plain_store", ["migration/an_upgrade_that_is_killed*"]),
    Mutant("upgrade", "values stay in the tails of their rows", STORE + "migrate.c",
           "    if (status == SATCHEL_OK && row.found && row.lifted) {\n",
           "    if (status == SATCHEL_OK && row.rowid < 0) {\n",
           "plain_store", ["migration/an_upgrade_that_is_killed*"]),
    Mutant("upgrade", "a phone that stays offline is told that nothing is left", DEVICE + "idle.c",
           "    *out_left = left;\n", "    *out_left = left && status != SATCHEL_OK;\n",
           "plain_device", ["idle/*"]),
    Mutant("upgrade", "background work does not end with its budget", DEVICE + "idle.c",
           "if (status != SATCHEL_OK || over) {", "if (status != SATCHEL_OK || (over && !left)) {",
           "plain_device", ["idle/*"]),

    # ---- merging ----
    Mutant("merge", "a value that loses against a later one is not listed", MERGE + "registers.c",
           "satchel_status status = satchel_merge_lose_current(job, cell);", "satchel_status status = SATCHEL_OK;",
           "plain_merge", ["merge_policies/later*", "merge_laws/every_value*"]),
    Mutant("merge", "whoever comes last wins", MERGE + "registers.c",
           "bool wins = !cell->concurrent || ranks_later(&own, &cell->version);", "bool wins = true;",
           "plain_merge", ["merge_policies/later*"]),
    Mutant("merge", "a lineage does not know its own ops", MERGE + "kernel.c",
           "return version->n <= base || satchel_ancestry_has(&job->context->ancestry, &version->writer);",
           "return version->n <= base || (job->op == NULL && version->n == 0);",
           "plain_merge", ["merge_laws/a_lineage*"]),
    Mutant("merge", "everything counts as seen", MERGE + "kernel.c",
           "return version->n <= base || satchel_ancestry_has(&job->context->ancestry, &version->writer);",
           "return version->n <= base || job->op != NULL;",
           "sim", ["lost_update", "lost_update_asks", "base_moved"]),
    Mutant("merge", "a base of an ended epoch counts although it was lost", MERGE + "kernel.c",
           "return base < job->context->base_cap ? base : job->context->base_cap;", "return base;",
           "plain_merge", ["merge_apply/bases_of*"]),
    Mutant("merge", "what is written on top of a value may be older than it", MERGE + "kernel.c",
           "if (cell->written && cell->version.stamp_ms > version.stamp_ms) {",
           "if (cell->written && cell->version.stamp_ms > version.stamp_ms && cell->key == 0) {",
           "plain_merge", ["merge_laws/the_order*"]),
    Mutant("merge", "a sum is set instead of added to", MERGE + "counters.c", "*out = a + b;", "*out = b;",
           "plain_merge", ["merge_policies/sums*"]),
    Mutant("merge", "a remove takes adds along that it never saw", MERGE + "sets.c",
           "satchel_merge_prune(job, cell, element) == 0", "(satchel_merge_prune(job, cell, element), true)",
           "plain_merge", ["merge_policies/an_unseen_add*"]),
    Mutant("merge", "a cancelled visit stays cancelled although it was made", MERGE + "states.c",
           "if (unknown_to_author && rank > 0) {", "if (unknown_to_author && rank > 1000) {",
           "sim", ["cancelled_and_completed"]),
    Mutant("merge", "an undone op goes on showing", MERGE + "rebase.c",
           "if (!silent && !is_voided(ops, op_count, op->sequence)) {", "if (!silent) {\n            (void)is_voided;",
           "plain_merge", ["merge_rebase/a_voided*"]),
    Mutant("merge", "a deletion takes edits along that it never saw", MERGE + "apply.c",
           "if (edit != NULL) {\n        satchel_version own",
           "if (edit != NULL && job->op == NULL) {\n        satchel_version own",
           "sim", ["delete_after_edit"]),
    Mutant("merge", "a row comes back and nobody is asked", MERGE + "apply.c",
           "status = ask_about_deletion(job, &own, deletion != NULL ? deletion : &unknown);",
           "(void)own;\n        (void)unknown;",
           "sim", ["edit_after_delete"]),
    Mutant("merge", "a first value is written over", MERGE + "registers.c",
           "if (!satchel_merge_empty(job, cell)) {", "if (!satchel_merge_empty(job, cell) && cell->key == 0) {",
           "plain_merge", ["merge_policies/once*"]),

    # ---- time ----
    Mutant("time", "a stamp may lie in the server's future", MERGE + "stamp.c",
           "return estimate_ms > now_ms ? now_ms : estimate_ms;", "return estimate_ms;",
           "plain_merge", ["merge_stamp/nothing_lies*"]),
    Mutant("time", "a stamp may lie before what its author had seen", MERGE + "stamp.c",
           "if (estimate_ms < context->seen_ms) {", "if (estimate_ms < INT64_MIN + 1) {",
           "plain_merge", ["merge_stamp/nothing_lies*"]),
    Mutant("time", "the calendar of a phone is believed", MERGE + "stamp.c",
           "if (moment->boot == context->phone_now.boot) {",
           "if (moment->boot == context->phone_now.boot && moment->boot == UINT32_MAX) {",
           "sim", ["ten_years", "other_centuries", "clock_jumps"]),

    # ---- the engine ----
    Mutant("sync", "a page is taken that continues another position", SYNC + "engine.c",
           "memcmp(mark, answer->end.continues, sizeof mark) == 0 &&", "mark[0] == mark[0] &&",
           "plain_sync", ["engine/a_page_that_continues*"]),
    Mutant("sync", "the position is stored before its page", DEVICE + "exchange_pages.c",
           "    bool left = false;\n    satchel_status stored = store_slice(",
           "    bool left = false;\n    (void)!satchel_store_save_sync_state(exchange->device->store,\n"
           "        satchel_sync_engine_state(exchange->engine), NULL);\n    satchel_status stored = store_slice(",
           "sim", ["disk_full", "kill_at_any_step"]),
    Mutant("sync", "a request is sent before its token is durable", SYNC + "engine.c",
           "    if (prepared) {\n        return send_request(engine, out);",
           "    if (prepared || event->unit_count < UINT32_MAX) {\n        return send_request(engine, out);",
           "plain_sync", ["engine/a_state_that_cannot*"]),
    Mutant("sync", "request numbers do not rise", SYNC + "engine.c",
           "    state->request_number++;\n", "    state->request_number |= 1;\n",
           "plain_sync", ["engine/a_lost_reply*"]),
    Mutant("sync", "a restored phone never passes the numbers that were used", SYNC + "engine.c",
           "engine->state.request_number += UINT64_C(1) << (4 * (engine->pace.failures + 1));",
           "engine->state.request_number += UINT64_C(1);",
           "plain_sync", ["engine/numbers_leap*"]),
    Mutant("sync", "two copies chase each other for ever", SYNC + "engine.c",
           "    if (engine->forked) {", "    if (engine->forked && engine->pull_off) {",
           "plain_sync", ["engine/two_forks*"]),
    Mutant("sync", "an unknown position is kept", SYNC + "engine.c",
           "        state->cursor_bytes = 0;\n", "        state->page_bytes += 0;\n",
           "plain_sync", ["engine/a_stale_cursor*"]),

    # ---- what a phone makes of an answer ----
    Mutant("results", "everything counts as settled", STORE + "results.c",
           "AND state = 0 ORDER BY sequence LIMIT 1", "AND state = 99 ORDER BY sequence LIMIT 1",
           "plain_store", ["store/*", "overlay/*"]),
    Mutant("results", "a result counts twice", STORE + "results.c",
           "if (op->state != SATCHEL_OP_WAITING) {", "if (op->state == SATCHEL_OP_DISMISSED) {",
           "plain_store", ["reasons/the_same_result*"]),
    Mutant("results", "a result takes its op off the row before a page holds it", STORE + "results.c",
           ["if (state > SATCHEL_OP_TROUBLED || op->sequence <= store->reflected_through) {",
            "status = satchel_overlay_refresh(store, op->entity, &op->row, store->reflected_through, error);"],
           ["if (state > SATCHEL_OP_TROUBLED || op->sequence <= UINT64_MAX) {",
            "status = satchel_overlay_refresh(store, op->entity, &op->row, op->sequence, error);"],
           "plain_store", ["overlay/results_without*"]),
    Mutant("results", "an op that a page holds is laid over it again", STORE + "overlay.c",
           "if (logged[i].sequence > through && satchel_op_shows(&logged[i], server_has)) {",
           "if ((logged[i].sequence > through || server_has) && satchel_op_shows(&logged[i], server_has)) {",
           "plain_store", ["overlay/a_lost_reply*"]),
    Mutant("results", "the last page does not take off what it reflects", STORE + "page.c",
           "end->more ? SATCHEL_OK : reflect(work, out_done);",
           "end->more || work->through < UINT64_MAX ? SATCHEL_OK : reflect(work, out_done);",
           "plain_store", ["overlay/an_edit_shows*"]),
    Mutant("results", "own work on a row that left is forgotten", STORE + "page_row.c",
           "status = satchel_orphan_take(work->store, frame->entity, &frame->row, &orphan, work->error);",
           "orphan.kind = SATCHEL_OVERLAY_NONE;",
           "plain_store", ["scopes/own_ops_lie*"]),
    Mutant("removal", "a lost scope is ignored", STORE + "page.c",
           "return satchel_scopes_lose(store, &frame->as.scope_set, work->outcome, work->error);",
           "return SATCHEL_OK;",
           "plain_store", ["scopes/a_lost_scope*"]),
    Mutant("removal", "a removed row goes on showing", STORE + "page_row.c",
           "status = satchel_rows_hide(work->store, table, ids, taken, work->outcome, work->error);",
           "status = SATCHEL_OK;",
           "plain_store", ["scopes/a_removal*"]),
    Mutant("removal", "what is hidden is never purged", STORE + "purge.c",
           "status = run_for(store, &sql, table->entity->number, rows, error);",
           "status = SATCHEL_OK;",
           "plain_store", ["scopes/*"]),

    # ---- access ----
    Mutant("access", "a hidden field is shown masked", ACCESS + "filter.c",
           "if (level == SATCHEL_LEVEL_HIDDEN || field == NULL) {", "if (field == NULL) {",
           "plain_access", ["access_filter/*"]),
    Mutant("access", "fields that this version does not know are for everybody", ACCESS + "filter.c",
           "levels[SATCHEL_SENSITIVITY_SECRET] >= SATCHEL_LEVEL_READ",
           "levels[SATCHEL_SENSITIVITY_SECRET] >= SATCHEL_LEVEL_HIDDEN",
           "plain_access", ["access_filter/*"]),
    Mutant("access", "a masked value can be written back", ACCESS + "check.c",
           "if (level == SATCHEL_LEVEL_WRITE) {", "if (level >= SATCHEL_LEVEL_MASKED) {",
           "plain_access", ["access_check_op/*"]),
    Mutant("access", "an inactive user goes on", ACCESS + "decide.c",
           "    if (!user->active) {\n        return 0;", "    if (user->roles == 0) {\n        return 0;",
           "plain_access", ["access_decide/an_inactive*"]),
    Mutant("access", "the first rule that fits holds, not the highest", ACCESS + "decide.c",
           "if (fits && rule->level > level) {", "if (fits && level == SATCHEL_LEVEL_HIDDEN) {",
           "plain_access", ["access_decide/*"]),
    Mutant("access", "an edit of a hidden field moves the row", SERVICE + "members.c",
           "status = (classes & 1u << SATCHEL_SENSITIVITY_OPEN) != 0", "status = classes != 0",
           "plain_server_service", ["two_worlds/hidden_commits*"]),
    Mutant("access", "a full page ends before what is hidden", SERVICE + "lanes.c",
           "*out = work->gathering.row_count > 0 || work->gathering.removal_count > 0;", "*out = true;",
           "plain_server_service", ["two_worlds/regress_hidden_rows*"]),
    Mutant("access", "an order with too much discount is submitted by an edit", SERVICE + "discount.c",
           "if (status == SATCHEL_OK && steps > 0 && !touched->approved) {",
           "if (status == SATCHEL_OK && steps > 5 && !touched->approved) {",
           "plain_server_service", ["discounts/*"]),
    Mutant("access", "anybody takes back what he once made", SERVICE + "take_back.c",
           "satchel_op_look_up, satchel_op_check_void, turn,", "satchel_op_look_up, turn,",
           "plain_server_service", ["take_back/who_lost*"]),
    Mutant("access", "taking back an edit takes the row", SERVICE + "take_back.c",
           "made = made && versions->items[i].writer.sequence >= work->op->target;",
           "made = made && work->op->target > 0;",
           "plain_server_service", ["take_back/an_edit*"]),
    Mutant("access", "one person approves all steps", SERVICE + "four_eyes.c",
           "*out = status == SATCHEL_OK && satchel_id_equal(&by, user);",
           "*out = satchel_id_equal(&by, user) && alone > 0;",
           "plain_server_service", ["approvals/nobody_approves_two*"]),
    Mutant("digest", "what is lost of memberships stays lost", SERVICE + "mend.c",
           "if (status != SATCHEL_OK || agrees(&members, scopes, count)) {",
           "if (status != SATCHEL_OK || agrees(&members, scopes, count) || count > 0) {",
           "plain_server_service", ["digest_pull/lost_memberships*"]),

    # ---- the server's decisions ----
    Mutant("server", "a loser is in no journal", SERVICE + "journal.c",
           "status = satchel_change_insert(change, SATCHEL_ENTITY_CONFLICT, id, &record, NULL, error);",
           "status = SATCHEL_OK;",
           "sim", ["lost_update"]),
    Mutant("server", "a stored result shows in clear what is masked by now", SERVICE + "results.c",
           ["satchel_status status = satchel_access_filter(", "entity, relations, side, &seen);"],
           ["satchel_status status = relations == 0 ? SATCHEL_OK : satchel_record_copy(side, &seen);\n    (void)(",
            "entity);"],
           "sim", ["masked_in_a_result"]),
    Mutant("server", "a refusal tells that the row exists", SERVICE + "change_access.c",
           "SATCHEL_OP_CREATE) {\n        return satchel_op_refuse(work, SATCHEL_OUT_OF_SCOPE,",
           "SATCHEL_OP_CREATE) {\n        return satchel_op_refuse(work, SATCHEL_NOT_FOUND,",
           "plain_server_service", ["decisions/absent_and_forbidden*"]),
    Mutant("server", "what was done is taken back by whoever lost it", SERVICE + "change_access.c",
           "if (status != SATCHEL_OK || ask_access(work, &row, &why) == SATCHEL_OK) {",
           "if (status != SATCHEL_OK || ask_access(work, &row, &why) != SATCHEL_INTERNAL) {",
           "plain_server_service", ["take_back/*"]),
    Mutant("server", "one person approves two steps", SERVICE + "four_eyes.c",
           "*out = status == SATCHEL_OK && satchel_id_equal(&by, user);", "(void)by;",
           "plain_server_service", ["approvals/*"]),
    Mutant("server", "a rule that makes no sense is written", SERVICE + "role_check.c",
           "bool bad = status == SATCHEL_MALFORMED || status == SATCHEL_LIMIT_EXCEEDED;",
           "bool bad = false; status = SATCHEL_OK;",
           "plain_server_service", ["policies/*"]),
    Mutant("pull", "today's route goes by id", SERVICE + "route.c",
           "return left->at_ms < right->at_ms ? -1 : 1;",
           "return satchel_id_compare(&left->customer, &right->customer);",
           "plain_server_service", ["route/*"]),
    Mutant("server", "rights are those of the time of writing", SERVICE + "change_access.c",
           "check_as_holder(work);\n    }\n    return satchel_op_park(work, SATCHEL_MOVED_AWAY, MOVED_AWAY);",
           "check_as_holder(work);\n    }\n    return SATCHEL_OK;",
           "sim", ["reassigned_offline", "revoked_mid_batch"]),
    Mutant("server", "a visit to a customer who went to somebody else is parked", SERVICE + "change_access.c",
           "    if (is_own_fact(work)) {", "    if (is_own_fact(work) && work->change->n == 0) {",
           "sim", ["reassigned_offline"]),
    Mutant("server", "a line does not move the total of its order", SERVICE + "change_op.c",
           "if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_ORDER_LINE) {",
           "if (status == SATCHEL_OK && work->op->entity == SATCHEL_ENTITY_ORDER_LINE && changed == NULL) {",
           "plain_server_service", ["decisions/an_order_is_summed*"]),
    Mutant("server", "a line slips into a submitted order", SERVICE + "change_access.c",
           "if (status == SATCHEL_OK && !open) {", "if (status == SATCHEL_OK && !open && root.bytes[0] == 0) {",
           "sim", ["late_line"]),
    Mutant("server", "an order goes and leaves lines behind that its deleter did not know", SERVICE + "family.c",
           "if (status != SATCHEL_OK || !search.found) {", "if (status != SATCHEL_OK || search.deleted_n == 0) {",
           "plain_server_service", ["family/*"]),
    Mutant("server", "an order comes back without its lines", SERVICE + "family.c",
           "return n != 0 ? return_all(change, op, n, error) : SATCHEL_OK;",
           "return n == 0 ? return_all(change, op, n, error) : SATCHEL_OK;",
           "plain_server_service", ["family/*"]),
    Mutant("server", "what hangs on a refused row is not held", SERVICE + "unit.c",
           "if (op->kind == SATCHEL_OP_CREATE) {\n            work->intake->has_unmade = true;",
           "if (op->kind == SATCHEL_OP_COMMAND) {\n            work->intake->has_unmade = true;",
           "sim", ["refused_create"]),
    Mutant("server", "one refused op does not hold up the rest of its unit", SERVICE + "unit.c",
           "        if (decision->code == SATCHEL_RESULT_REFUSED) {\n            return hold_others(work, i);",
           "        if (decision->code == SATCHEL_RESULT_REFUSED) {\n            continue;",
           "plain_server_service", ["decisions/a_unit_is_applied*"]),
    Mutant("server", "a parked edit is put before nobody", SERVICE + "unit.c",
           "        work->decisions[i].place = place;\n", "        (void)place;\n",
           "sim", ["reassigned_offline"]),
    Mutant("server", "a unit that was decided is decided again", SERVICE + "exchange_apply.c",
           "    while (status == SATCHEL_OK && i < exchange->unit_count && "
           "exchange->units[i].head.first_sequence < expected) {",
           "    while (status == SATCHEL_OK && i < exchange->unit_count && "
           "exchange->units[i].head.first_sequence < expected && expected == 0) {",
           "sim", ["counter_reply_lost", "reordered"]),
    Mutant("server", "another unit of the same number is taken for the one that is known", SERVICE + "exchange_apply.c",
           "(!found || memcmp(digest, exchange->units[i].digest, sizeof digest) != 0)", "!found",
           "sim", ["two_clones"]),
    Mutant("server", "a used request number is taken again", SERVICE + "exchange_store.c",
           "return exchange->request_number > state->request_number ? SATCHEL_OK",
           "return exchange->request_number + 64 > state->request_number ? SATCHEL_OK",
           "plain_server_service", ["sync/*", "identity/*", "attack/*"]),
    Mutant("server", "a revoked phone is served", SERVICE + "exchange_store.c",
           "    if (state->revoked) {", "    if (state->revoked && state->seen_ms == INT64_MIN) {",
           "sim", ["revoked"]),
    Mutant("server", "a parent's units are taken over from the direct parent only", SERVICE + "unit.c",
           '" AND i.number < ?2 AND r.first_sequence = ?3',
           '" AND i.number = (SELECT parent FROM incarnation WHERE number = ?2) AND r.first_sequence = ?3',
           "sim", ["restored_twice"]),

    # ---- what the simulator's oracle finds by chance ----
    Mutant("oracle", "a loser is in no journal", SERVICE + "journal.c",
           "status = satchel_change_insert(change, SATCHEL_ENTITY_CONFLICT, id, &record, NULL, error);",
           "status = SATCHEL_OK;",
           "sim", ["seeds 1..3"]),
    Mutant("oracle", "hidden fields go to everybody", ACCESS + "filter.c",
           "    if (level >= SATCHEL_LEVEL_READ) {", "    if (level >= SATCHEL_LEVEL_HIDDEN) {",
           "sim", ["seeds 1..6"]),
    Mutant("oracle", "a unit that was decided is decided again", SERVICE + "exchange_apply.c",
           "exchange->units[i].head.first_sequence < expected) {",
           "exchange->units[i].head.first_sequence < expected && expected == 0) {",
           "sim", ["seeds 1..3"]),
    Mutant("oracle", "an element that is added takes one away", MERGE + "sets.c",
           "status = satchel_set_union(arena, &kept, &added, &result);", "result = kept.count > 1 ? kept : added;",
           "sim", ["seeds 1..3"]),

    # ---- who is sent what ----
    Mutant("pull", "a row that comes back is not new", SERVICE + "members.c",
           "SET entered_n = excluded.entered_n, last_n = excluded.last_n, present = 1",
           "SET last_n = excluded.last_n, present = 1",
           "plain_server_service", ["pull/*", "mirror/*", "attack/*"]),
    Mutant("pull", "who loses a row is not told", SERVICE + "members.c",
           "SET last_n = ?5, present = 0 WHERE", "SET last_n = last_n + 0 * ?5, present = 0 WHERE",
           "sim", ["reassigned_offline"]),
    Mutant("pull", "a view that changed drops nothing", SERVICE + "pull.c",
           "bool renews = renew || cursor->view != work->person->view;", "bool renews = renew;",
           "sim", ["role_field"]),
    Mutant("pull", "a removal is sent of a row that stays", SERVICE + "aggregate.c",
           "return status == SATCHEL_OK && shown && !elsewhere ? note_removal(gathering, place) : status;",
           "return status == SATCHEL_OK && shown ? note_removal(gathering, place) : status;",
           "plain_server_service", ["pull/*", "mirror/*", "attack/*"]),
    Mutant("pull", "a value that was cleared stays on phones", SERVICE + "aggregate.c",
           "            cleared[(*cleared_count)++] = field->number;\n", "",
           "plain_server_service", ["pull/*", "mirror/*", "attack/*"]),

    # ---- servers that were put back ----
    Mutant("restore", "an old copy of the ledger lifts the fence", "server/host/host_ledger.c",
           "bool lags = marks->serial < known;", "bool lags = marks->serial < known && known == 0;",
           "plain_server_host", ["host_ledger/*"]),
    Mutant("restore", "a phone's later ledger is not looked at", SERVICE + "evidence.c",
           "*out_fenced = shown->ledger > most;", "*out_fenced = shown->ledger > most && most == 0 && false;",
           "plain_server_service", ["evidence/*"]),
    Mutant("restore", "numbers that were given out twice are not noticed", SERVICE + "evidence.c",
           "(ended ? facts.n >= begins_n", "(ended ? facts.n > begins_n",
           "plain_server_service", ["evidence/*"]),
    Mutant("restore", "entries of the ledger have no order", "server/host/ledger_file.c",
           "if (serial != 0 && serial <= file->serial) {", "if (serial != 0 && serial < file->serial) {",
           "plain_server_host", ["ledger_file/*"]),
    Mutant("restore", "what waited for an approval comes back approved", SERVICE + "command.c",
           "return satchel_given_is_fact(given) ? satchel_access_allows(",
           "return false ? satchel_access_allows(",
           "plain_server_service", ["returned/*"]),
    Mutant("restore", "the command that came back last stands", SERVICE + "returned_command.c",
           "            *out_overtaken = true;\n        }", "            *out_overtaken = false;\n        }",
           "plain_server_service", ["returned/*"]),
    Mutant("restore", "an approval of a lost stretch gets another name", SERVICE + "approvals.c",
           "change->fact_n != 0 ? change->fact_n : change->n", "change->n",
           "plain_server_service", ["returned/*"]),
    Mutant("restore", "a command whose row is not there is forgotten", SERVICE + "returned_command.c",
           "if (decision.code == SATCHEL_RESULT_APPLIED) {", "if (decision.code != 0) {",
           "plain_server_service", ["returned/*"]),
    Mutant("restore", "a life of the lost stretch is told how far another got", SERVICE + "exchange_store.c",
           "const satchel_incarnation nothing = {.number = known->number};",
           "const satchel_incarnation nothing = *known;",
           "plain_server_service", ["lost_lives/*"]),
    Mutant("restore", "a device of the lost stretch is not in the ledger", SERVICE + "enroll.c",
           "        status = note_in_ledger(work);",
           "        status = work->device.bytes[0] == 255 ? note_in_ledger(work) : status;",
           "plain_server_service", ["lost_lives/*"]),
    Mutant("restore", "a gap is believed of who was not told", SERVICE + "exchange_apply.c",
           "if (counter.epoch > 1 && knows) {", "if (counter.epoch > 1 && (knows || readable)) {",
           "plain_server_service", ["lost_lives/*"]),
    Mutant("erase", "a part that is confirmed ends the erasure", SERVICE + "erase_phones.c",
           "part->id = part->is_last ? part->erasure :",
           "part->id = part->is_last || part->count > 0 ? part->erasure :",
           "plain_server_service", ["erase/*"]),
    Mutant("erase", "a phone is given up before its lease is over", SERVICE + "erase_phones.c",
           "satchel_service_now_ms(service) - days * SATCHEL_LEASE_DAY_MS)",
           "satchel_service_now_ms(service) - (days - 1) * SATCHEL_LEASE_DAY_MS)",
           "plain_server_service", ["erase/*"]),
    Mutant("erase", "an answer tells of all erased rows", SERVICE + "erase_phones.c",
           "told + part.count > SATCHEL_ERASED_ROWS_OF_ANSWER", "part.count > SATCHEL_ERASED_ROWS_OF_ANSWER",
           "plain_server_service", ["erase/*"]),
    Mutant("prune", "a deleted row goes though others name it", SERVICE + "prune.c",
           "    *out = *out && !needed;\n", "", "plain_server_service", ["prune/*"]),
    Mutant("prune", "a deleted row goes before all phones know", SERVICE + "tombstone.c",
           "horizon.n < (uint64_t)old ? horizon.n : (uint64_t)old", "(uint64_t)old",
           "plain_server_service", ["prune/*"]),
    Mutant("prune", "an id that went makes a row again", SERVICE + "change_op.c",
           "work->row.merged.exists || work->op->kind != SATCHEL_OP_CREATE",
           "work->row.merged.exists || work->op->kind == SATCHEL_OP_CREATE", "plain_server_service", ["prune/*"]),
]

def run(words, seconds=1800, **options):
    """(exit code, output); code -1 after `seconds`."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              timeout=seconds, text=True, errors="replace", **options)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return -1, (late.stdout or b"").decode(errors="replace")


def copy_tree():
    """SOURCE becomes what git tracks; files that did not change keep their times, so that builds stay short."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    tracked = {name.decode() for name in names.split(b"\0") if name and (ROOT / name.decode()).is_file()}
    for name in tracked:
        content = (ROOT / name).read_bytes()
        target = SOURCE / name
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        target.chmod((ROOT / name).stat().st_mode)
    for path in SOURCE.rglob("*"):
        if path.is_file() and path.relative_to(SOURCE).as_posix() not in tracked:
            path.unlink()


def build(programs):
    return run(["cmake", "--build", str(BUILD), "-j", str(os.cpu_count() or 2), "--target", *sorted(programs)])


def configure():
    return run(["cmake", "-S", str(SOURCE), "-B", str(BUILD), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                "-DCMAKE_C_FLAGS_DEBUG=-O1"])


def calls(program, tests):
    """The words of each call of the program."""
    if program != "sim":
        return [tests]
    stories = [word for name in tests if not name.startswith("seeds ") for word in ("--hazard", name)]
    return ([stories] if stories else []) + [["--" + name.split()[0], name.split()[1], "--jobs", "1"]
                                             for name in tests if name.startswith("seeds ")]


def run_tests(mutants, seconds):
    """The tests of the mutants, one call a program: the first that fails, or None."""
    wanted = collections.defaultdict(set)
    for mutant in mutants:
        wanted[mutant.program].update(mutant.tests)
    for program, tests in sorted(wanted.items()):
        for words in calls(program, sorted(tests)):
            code, output = run([str(BUILD / "bin" / program), *words], seconds)
            if code != 0:
                return f"{program} ends with {code}:\n{output[-2000:]}"
    return None


def missing_tests(mutants):
    """Patterns that fit no test: the mutant would be taken for caught because nothing ran."""
    names = {program: run([str(BUILD / "bin" / program), "--list"])[1].split()
             for program in {mutant.program for mutant in mutants}}
    return [f"{mutant.program} has no test {pattern}" for mutant in mutants for pattern in mutant.tests
            if not pattern.startswith("seeds ") and not fnmatch.filter(names[mutant.program], pattern)]


def judge(number, mutant):
    """None if the mutant is caught, else why not. The source is as it was afterwards."""
    path = SOURCE / mutant.path
    source = changed = path.read_text(encoding="utf-8")
    several = isinstance(mutant.old, list)
    for old, new in zip(mutant.old, mutant.new) if several else [(mutant.old, mutant.new)]:
        if source.count(old) != mutant.times:
            return f"mutant {number} no longer fits: {mutant.path} has its text {source.count(old)} times"
        changed = changed.replace(old, new)
    try:
        path.write_text(changed, encoding="utf-8")
        code, output = build({mutant.program})
        if code != 0:
            return f"mutant {number} does not compile:\n{output[-3000:]}"
        return None if run_tests([mutant], SECONDS) else f"mutant {number} survives {' '.join(mutant.tests)}"
    finally:
        path.write_text(source, encoding="utf-8")


def end(total, caught):
    print(f"{caught} passed, {total - caught} failed")
    print(json.dumps({"mutants": total, "caught": caught}, separators=(",", ":")), flush=True)
    return 0 if caught == total and total > 0 else 1


def main(arguments):
    numbers = [int(word) for word in arguments] or list(range(1, len(MUTANTS) + 1))
    chosen = [(number, MUTANTS[number - 1]) for number in numbers if 0 < number <= len(MUTANTS)]
    if len(chosen) != len(numbers):
        print(f"mutants have the numbers 1 to {len(MUTANTS)}")
        return 2
    WORK.mkdir(parents=True, exist_ok=True)
    copy_tree()
    for step, log in (configure(), build({mutant.program for _, mutant in chosen})):
        if step != 0:
            print(f"the unmutated sources do not build:\n{log[-3000:]}")
            return end(len(chosen), 0)
    red = missing_tests([mutant for _, mutant in chosen]) or run_tests([mutant for _, mutant in chosen], 600)
    if red:
        print(f"without a mutant: {red}")
        return end(len(chosen), 0)
    caught = 0
    for number, mutant in chosen:
        start = time.monotonic()
        problem = judge(number, mutant)
        caught += 1 if problem is None else 0
        print(f"{'caught ' if problem is None else 'MISSED '} {number:3}  {mutant.layer:9}{mutant.sentence} "
              f"({time.monotonic() - start:.1f} s)", flush=True)
        if problem:
            print(f"    {problem}", flush=True)
    return end(len(chosen), caught)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
