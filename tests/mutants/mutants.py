#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Planted bugs: each is put into a copy of the sources, and the test that is named beside it must fail.

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

# old must stand in the file exactly `times` times; all of them are replaced.
Mutant = collections.namedtuple("Mutant", "layer sentence path old new program tests times", defaults=(1,))

VAULT = "core/vault/"
STORE = "core/store/"

MUTANTS = [
    # ---- what a seal is bound to ----
    Mutant("seal", "the page number is left out of the associated data", VAULT + "page.c",
           "satchel_binding_write(SATCHEL_ROLE_DATABASE, &keys->store, number, binding.bytes);",
           "satchel_binding_write(SATCHEL_ROLE_DATABASE, &keys->store, 0, binding.bytes);",
           "plain_vault", ["strict/*"]),
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
           "satchel_status status = save_attempts(keyring, secret);\n", "satchel_status status = SATCHEL_OK;\n",
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
           "    status = store_frames(&work, payload);\n    if (status == SATCHEL_OK) {\n        status = finish",
           "    status = satchel_store_write_sync(store, state, error);\n"
           "    if (status == SATCHEL_OK) {\n        status = satchel_store_end(store, status, error);\n    }\n"
           "    if (status == SATCHEL_OK) {\n        status = satchel_store_begin(store, error);\n    }\n"
           "    if (status == SATCHEL_OK) {\n        status = store_frames(&work, payload);\n    }\n"
           "    if (status == SATCHEL_OK) {\n        status = finish",
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


def run_tests(mutants, seconds):
    """The tests of the mutants, one call a program: the first that fails, or None."""
    wanted = collections.defaultdict(set)
    for mutant in mutants:
        wanted[mutant.program].update(mutant.tests)
    for program, tests in sorted(wanted.items()):
        code, output = run([str(BUILD / "bin" / program), *sorted(tests)], seconds)
        if code != 0:
            return f"{program} ends with {code}:\n{output[-2000:]}"
    return None


def missing_tests(mutants):
    """Patterns that fit no test: the mutant would be taken for caught because nothing ran."""
    names = {program: run([str(BUILD / "bin" / program), "--list"])[1].split()
             for program in {mutant.program for mutant in mutants}}
    return [f"{mutant.program} has no test {pattern}" for mutant in mutants for pattern in mutant.tests
            if not fnmatch.filter(names[mutant.program], pattern)]


def judge(number, mutant):
    """None if the mutant is caught, else why not. The source is as it was afterwards."""
    path = SOURCE / mutant.path
    source = path.read_text(encoding="utf-8")
    if source.count(mutant.old) != mutant.times:
        return f"mutant {number} no longer fits: {mutant.path} has its text {source.count(mutant.old)} times"
    try:
        path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
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
