/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every verb of satcheld: name, where it runs, what it takes, what it does. `help` prints this table; a test calls
 * each.
 */
#ifndef SATCHEL_SERVER_VERBS_H
#define SATCHEL_SERVER_VERBS_H

/* X(verb, arguments, English) */
#define SATCHELD_LOCAL_VERBS(X)                                                                                        \
    X(init, "--company NAME [--preset small|medium|large] [--database postgres://…]",                                  \
      "make the company in an empty data folder")                                                                      \
    X(serve,                                                                                                           \
      "[--listen ADDRESS:PORT] [--database postgres://…] [--behind-proxy] [--threads N] [--zone-minutes N] "         \
      "[--ready-fd N] [--ledger FILE] [--backup-dir FOLDER --key KEYFILE [--backup-every 1d] "                         \
      "[--backup-keep 30] [--backup-second FOLDER]]",                                                                  \
      "serve phones over HTTP until SIGTERM")                                                                          \
    X(restore, "FILE --key KEYFILE [--ledger FILE] [--database postgres://…]",                                         \
      "a backup into an empty data folder: a new epoch; without the ledger phones wait for unfence")                   \
    X(help, "", "this table")

/* Carried out by the server that runs on the folder, or here if none does. X(verb, function, arguments, English) */
#define SATCHELD_ADMIN_VERBS(X)                                                                                        \
    X(user, satchel_verb_user,                                                                                         \
      "add LOGIN --name NAME --role ROLE [--manager LOGIN] [--territory T]… [--external-id X] | list",                 \
      "people and their roles")                                                                                        \
    X(territory, satchel_verb_territory, "add NAME [--parent T] [--external-id X] | list", "the tree of territories")  \
    X(assign, satchel_verb_assign,                                                                                     \
      "--customer C (--owner LOGIN | --territory T | --user LOGIN [--from DAY] [--to DAY])",                           \
      "who owns or covers a customer, from one day to another")                                                        \
    X(realign, satchel_verb_realign,                                                                                   \
      "(preview | start) [LIST.csv] [--of-owner LOGIN] [--of-territory T] [--owner LOGIN|none] [--territory T|none] "  \
      "| status | go-on",                                                                                              \
      "many customers to another owner or territory: what it would mean, and doing it")                                \
    X(enroll, satchel_verb_enroll, "LOGIN --server URL", "a one-time code for a phone of this user, as link and QR")   \
    X(role, satchel_verb_role, "list | show ROLE | rule ROLE [--add \"ENTITY VERBS RELATIONS\"]… [--remove RULE]…",    \
      "who may do what: roles and their rules; a new name is a new role")                                              \
    X(preset, satchel_verb_preset, "small | medium | large",                                                           \
      "roles and approvals for a company below 50 people, up to 500, above")                                           \
    X(recovery, satchel_verb_recovery, "new --secret-file FILE | set PUBLIC_KEY | show | off",                         \
      "the company's recovery key: phones keep an escrow slot from their next sync on")                                \
    X(policy, satchel_verb_policy,                                                                                     \
      "[--pin required|optional] [--rolled-back open|lock] [--lease-days N] [--minimum-app X.Y.Z|any] "                \
      "[--minimum-schema N]",                                                                                          \
      "what phones ask of their stores, from their next sync on")                                                      \
    X(device, satchel_verb_device, "list | retire NAME | wipe NAME | revoke NAME",                                     \
      "enrolled phones; retire: what is on one is parked, then it wipes itself; wipe: at once")                        \
    X(import, satchel_verb_import, "ENTITY FILE.csv [--dry-run]",                                                      \
      "rows from CSV (UTF-8 or GB18030), updated by external_id")                                                      \
    X(customer, satchel_verb_customer, "list | show C | add --set F=V… | edit C [--set F=V]… [--clear F]… [--base N]", \
      "customers")                                                                                                     \
    X(show, satchel_verb_show, "ENTITY [ROW]", "rows of any entity")                                                   \
    X(edit, satchel_verb_edit, "ENTITY ROW [--set F=V]… [--clear F]… [--base N]", "a row of any entity")               \
    X(conflicts, satchel_verb_conflicts,                                                                               \
      "[--all] [--entity E] [--customer C] | keep ID | restore ID | edit ID --set F=V… [--as LOGIN]",                  \
      "values that lost, beside those that won")                                                                       \
    X(parked, satchel_verb_parked, "[--all] | discard ID | restore ID [--as LOGIN]",                                   \
      "edits that came after their row had moved")                                                                     \
    X(returned, satchel_verb_returned, "[discard ENTITY ROW]",                                                         \
      "what phones brought back after a restore and found no place, and why it waits")                                 \
    X(pool, satchel_verb_pool, "show | set RULE=NUMBER… | claim C --as LOGIN | release C [--as LOGIN]",                \
      "the public pool, and the rules of the company")                                                                 \
    X(transfer, satchel_verb_transfer, "CUSTOMER LOGIN [--as LOGIN]", "give a customer to someone else")               \
    X(merge, satchel_verb_merge, "GONE SURVIVOR [--as LOGIN]", "make two customers one")                               \
    X(unmerge, satchel_verb_unmerge, "GONE [--as LOGIN]", "take a merge apart again")                                  \
    X(submit, satchel_verb_submit, "ORDER [--as LOGIN]", "submit an order")                                            \
    X(plan, satchel_verb_plan, "PLAN --set F=V… [--as LOGIN]", "change a visit plan")                                  \
    X(approval, satchel_verb_approval, "list | approve ID | reject ID | withdraw ID [--comment TEXT] [--as LOGIN]",    \
      "what waits for an approval")                                                                                    \
    X(duplicate, satchel_verb_duplicate, "[--name NAME] [--phone PHONE]… [--external-id X] [--as LOGIN]",              \
      "whether a customer exists already")                                                                             \
    X(status, satchel_verb_status, "", "what the server counts")                                                       \
    X(day, satchel_verb_day, "[YYYY-MM-DD | real]", "show or set the day of a rehearsal")                              \
    X(backup, satchel_verb_backup, "FILE|FOLDER --key KEYFILE | check FILE --key KEYFILE | new-key KEYFILE",           \
      "a sealed copy of everything, made while the server goes on, and read back")                                     \
    X(epoch, satchel_verb_epoch, "show | new", "after the database was restored by tools of its own: new")             \
    X(unfence, satchel_verb_unfence, "--accept-loss",                                                                  \
      "serve without the lost ledger: erasures and revocations since the backup are undone")                           \
    X(erase, satchel_verb_erase, "contact|customer|user X [--reason TEXT] | phones ERASURE",                           \
      "take a person's values out of everything, phones too")                                                          \
    X(personal, satchel_verb_personal, "contact|customer|user X", "everything that is held about a person")            \
    X(bundle, satchel_verb_bundle, "", "how things stand, for support: no customer data, no key, no name")             \
    X(why, satchel_verb_why, "ENTITY ID [--device ID]", "why a row is as it is, on the server and for one phone")      \
    X(audit, satchel_verb_audit, "verify", "check the chain of the audit, and what phones hold of it")

#endif
