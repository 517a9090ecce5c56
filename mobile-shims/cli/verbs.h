/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every verb of satchel: name, function, what it takes, what it does. `help`, completion and dispatch use this table.
 *
 * Alternatives stand between " | "; one that begins with a plain word is a command of its own.
 */
#ifndef SATCHEL_CLI_VERBS_H
#define SATCHEL_CLI_VERBS_H

/* X(verb, function, arguments, English, Chinese) */
#define SATCHEL_VERBS(X)                                                                                               \
    X(enroll, verb_enroll, "LINK [--name NAME]", "make the store and enrol this device", "注册此设备")                 \
    X(sync, verb_sync, "[--budget-ms N] [--once]", "exchange changes with the server", "同步")                         \
    X(status, verb_status, "[--acknowledge]", "how things stand; take note of its warnings", "状态")                   \
    X(signout, verb_signout, "", "sync, then wipe the store, or seal it while anything is unsent", "退出登录")         \
    X(wipe, verb_wipe, "--yes", "destroy the store now, whatever is lost", "清除本机数据")                             \
    X(customer, verb_customer,                                                                                         \
      "list [WORDS…] [--limit N] | show CUSTOMER | add [--id ID] --set F=V… | "                                    \
      "edit CUSTOMER [--set F=V]… [--clear F]… [--add F=V]… [--remove F=V]… [--increase F=N]…",                        \
      "customers", "客户")                                                                                             \
    X(contact, verb_contact,                                                                                           \
      "list [WORDS…] [--customer CUSTOMER] [--limit N] | show CONTACT | add CUSTOMER [--id ID] --set F=V… | "      \
      "edit CONTACT [--set F=V]… [--clear F]… [--add F=V]… [--remove F=V]…",                                           \
      "contacts of customers", "联系人")                                                                               \
    X(visit, verb_visit,                                                                                               \
      "in CUSTOMER [--planned VISIT] [--id ID] [--latitude D --longitude D [--accuracy METRES] [--mock]] | "           \
      "out [VISIT] --outcome CHOICE [--summary TEXT] [--latitude D --longitude D] | "                                  \
      "list [--customer CUSTOMER] [--limit N] | show VISIT | plan CUSTOMER DAY [--id ID] | cancel VISIT REASON",       \
      "visits: check in, check out", "拜访：签到、签退")                                                               \
    X(task, verb_task,                                                                                                 \
      "list [--all] [--limit N] | show TASK | add TITLE [--customer C] [--assignee USER] [--due TIME] [--id ID] | "    \
      "done TASK | cancel TASK",                                                                                       \
      "tasks", "待办")                                                                                                 \
    X(order, verb_order,                                                                                               \
      "list [--customer CUSTOMER] [--limit N] | show ORDER | "                                                         \
      "new CUSTOMER [--currency CODE] [--visit VISIT] [--external-id X] [--id ID] | "                                  \
      "add ORDER PRODUCT [--quantity Q] [--price-minor N] [--discount-bp N] [--id ID] | "                              \
      "remove LINE | submit ORDER",                                                                                    \
      "orders and their lines", "订单")                                                                                \
    X(note, verb_note, "CUSTOMER TEXT [--kind CHOICE] [--subject TEXT] [--id ID]", "record a follow-up", "跟进记录")   \
    X(product, verb_product, "list [WORDS…] [--limit N] | show PRODUCT", "products", "产品")                           \
    X(row, verb_row,                                                                                                   \
      "show ENTITY ROW | add ENTITY [--id ID] --set F=V… [--add F=V]… | "                                          \
      "edit ENTITY ROW [--set F=V]… [--clear F]… [--add F=V]… [--remove F=V]… [--increase F=N]…",                      \
      "rows of any entity", "任意记录")                                                                                \
    X(find, verb_find, "WORDS… [--limit N]", "search everything that can be searched", "搜索")                         \
    X(conflicts, verb_conflicts,                                                                                       \
      "[--open] [--entity ENTITY] | keep CONFLICT | restore CONFLICT | edit CONFLICT --set F=V…",                      \
      "values that lost, and what a person has to decide", "冲突")                                                     \
    X(commands, verb_commands, "[--limit N]", "what the server was asked to do, and what became of it", "指令")        \
    X(claim, verb_claim, "CUSTOMER", "claim a customer from the public pool", "领取客户")                              \
    X(release, verb_release, "CUSTOMER", "give a customer back to the public pool", "放回公海")                        \
    X(transfer, verb_transfer, "CUSTOMER USER", "give a customer to someone else", "转移客户")                         \
    X(merge, verb_merge, "GONE SURVIVOR", "make two customers one", "合并客户")                                        \
    X(unmerge, verb_unmerge, "GONE", "take a merge apart again", "撤销合并")                                           \
    X(request, verb_request, "ORDER", "ask the server to submit an order", "申请提交订单")                             \
    X(plan, verb_plan, "change PLAN --set F=V… | stop STOP --set F=V… | drop STOP",                                    \
      "change a visit plan, or propose it", "拜访线路")                                                                \
    X(approval, verb_approval,                                                                                         \
      "list [--all] | approve APPROVAL [--comment TEXT] | reject APPROVAL [--comment TEXT] | withdraw APPROVAL",       \
      "approvals", "审批")                                                                                             \
    X(why, verb_why, "ENTITY ROW", "why a row is as it is", "原因")                                                    \
    X(reasons, verb_reasons, "[KIND]", "own changes that were not accepted (or of a kind), and who has them",          \
      "未被接受的更改")                                                                                                \
    X(dump, verb_dump, "[ENTITY…]", "every row as a line of JSON", "导出")                                             \
    X(undo, verb_undo, "SEQUENCE", "take a change back", "撤销")                                                       \
    X(dismiss, verb_dismiss, "UNIT", "give up a refused, held or parked change", "放弃被拒绝的更改")                   \
    X(pin, verb_pin, "[--new-pin-file FILE]", "change the PIN", "修改 PIN")                                            \
    X(store, verb_store,                                                                                               \
      "check | repair [--force] | rekey | compact | pin [--new-pin-file FILE] | stats | "                              \
      "export [--quarantine N] [--seal-to FILE --out FILE] | export --read FILE --key FILE | "                         \
      "recover --key FILE [--new-pin-file FILE] | recover --key FILE --export FILE",                                   \
      "the sealed store: examine, mend, keys, the log of changes", "加密存储")                                         \
    X(bundle, verb_bundle, "FILE", "how things stand, for support: no customer data, no key, no name", "支持信息包")   \
    X(batch, verb_batch, "", "read commands as JSON arrays, one a line", "批处理")                                     \
    X(help, verb_help, "[VERB]", "this table", "帮助")                                                                 \
    X(completion, verb_completion, "bash", "a completion script for the shell", "命令补全")

#endif
