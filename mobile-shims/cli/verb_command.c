/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs that ask the server: claim, release, transfer, merge, unmerge, approvals, orders, plans, decisions on
 * conflicts; and what became of them.
 */
#include "cli.h"

#include <satchel/command.h>
#include <satchel/model.h>

#include <string.h>

#define LIST_MOST 200

static satchel_status give_receipt(cli_session *cli, const satchel_receipt *receipt, json_t **out) {
    *out = json_object();
    satchel_status status = cli_put(cli, *out, "sequence", json_integer((json_int_t)receipt->first_sequence));
    return status == SATCHEL_OK
               ? cli_put(cli, *out, "state", json_string(!cli->json && cli_chinese(cli) ? "待发送" : "waiting"))
               : status;
}

/* --- customers --- */

typedef satchel_status one_customer(satchel_device *device, const satchel_id *customer, satchel_receipt *receipt,
                                    satchel_error *error);
typedef satchel_status two_rows(satchel_device *device, const satchel_id *customer, const satchel_id *other,
                                satchel_receipt *receipt, satchel_error *error);

static satchel_status with_customer(cli_session *cli, one_customer *command, int argc, const char **argv,
                                    json_t **out) {
    cli_args args;
    satchel_id customer;
    satchel_receipt receipt;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_CUSTOMER, args.words[0], &customer);
    }
    if (status == SATCHEL_OK) {
        status = command(cli->device, &customer, &receipt, &cli->error);
    }
    cli_args_close(&args);
    return status == SATCHEL_OK ? give_receipt(cli, &receipt, out) : status;
}

static satchel_status with_two(cli_session *cli, two_rows *command, uint32_t other_entity, int argc, const char **argv,
                               json_t **out) {
    cli_args args;
    satchel_id customer;
    satchel_id other;
    satchel_receipt receipt;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 2, 2);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_CUSTOMER, args.words[0], &customer);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, other_entity, args.words[1], &other);
    }
    if (status == SATCHEL_OK) {
        status = command(cli->device, &customer, &other, &receipt, &cli->error);
    }
    cli_args_close(&args);
    return status == SATCHEL_OK ? give_receipt(cli, &receipt, out) : status;
}

satchel_status verb_claim(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_customer(cli, satchel_customer_claim, argc, argv, out);
}

satchel_status verb_release(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_customer(cli, satchel_customer_release, argc, argv, out);
}

satchel_status verb_unmerge(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_customer(cli, satchel_customer_unmerge, argc, argv, out);
}

satchel_status verb_transfer(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_two(cli, satchel_customer_transfer, SATCHEL_ENTITY_USER, argc, argv, out);
}

satchel_status verb_merge(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_two(cli, satchel_customer_merge, SATCHEL_ENTITY_CUSTOMER, argc, argv, out);
}

/* --- orders and plans --- */

satchel_status verb_request(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_id order;
    satchel_receipt receipt;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_ORDER, args.words[0], &order);
    }
    if (status == SATCHEL_OK) {
        status = satchel_order_request(cli->device, &order, &receipt, &cli->error);
    }
    cli_args_close(&args);
    return status == SATCHEL_OK ? give_receipt(cli, &receipt, out) : status;
}

static satchel_status change_plan(cli_session *cli, uint32_t entity, bool drops, int argc, const char **argv,
                                  json_t **out) {
    cli_args args;
    satchel_id row;
    satchel_receipt receipt;
    char **set = NULL;
    satchel_record_builder *builder = NULL;
    satchel_bytes record = {NULL, 0};
    struct poptOption options[] = {{"set", 0, POPT_ARG_ARGV, &set, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, drops ? NULL : options, 1, 1);
    if (status == SATCHEL_OK && !drops && set == NULL) {
        status = cli_usage(cli, "nothing to change: use --set");
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    /* A stop that is to be made has no name yet. */
    if (status == SATCHEL_OK) {
        status = cli_read_id(cli, args.words[0], &row);
        if (status != SATCHEL_OK) {
            status = cli_find(cli, entity, args.words[0], &row);
        }
    }
    if (status == SATCHEL_OK && !drops) {
        status = cli_fields_given(cli, entity, set, &builder, &record);
    }
    if (status == SATCHEL_OK) {
        status = satchel_plan_change(cli->device, entity, &row, record, &receipt, &cli->error);
    }
    satchel_record_builder_close(builder);
    cli_args_close(&args);
    return status == SATCHEL_OK ? give_receipt(cli, &receipt, out) : status;
}

static satchel_status plan_change(cli_session *cli, int argc, const char **argv, json_t **out) {
    return change_plan(cli, SATCHEL_ENTITY_VISIT_PLAN, false, argc, argv, out);
}

static satchel_status plan_stop(cli_session *cli, int argc, const char **argv, json_t **out) {
    return change_plan(cli, SATCHEL_ENTITY_PLAN_STOP, false, argc, argv, out);
}

static satchel_status plan_drop(cli_session *cli, int argc, const char **argv, json_t **out) {
    return change_plan(cli, SATCHEL_ENTITY_PLAN_STOP, true, argc, argv, out);
}

satchel_status verb_plan(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {{"change", plan_change}, {"stop", plan_stop}, {"drop", plan_drop}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- approvals --- */

static satchel_status decide(cli_session *cli, int64_t decision, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_id approval;
    satchel_receipt receipt;
    char *comment = NULL;
    struct poptOption options[] = {{"comment", 0, POPT_ARG_STRING, &comment, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_APPROVAL, args.words[0], &approval);
    }
    if (status == SATCHEL_OK) {
        const satchel_text text = {comment, comment != NULL ? strlen(comment) : 0};
        status = satchel_approval_decide(cli->device, &approval, decision, text, &receipt, &cli->error);
    }
    cli_args_close(&args);
    return status == SATCHEL_OK ? give_receipt(cli, &receipt, out) : status;
}

static satchel_status approval_approve(cli_session *cli, int argc, const char **argv, json_t **out) {
    return decide(cli, SATCHEL_APPROVAL_DECISION_APPROVED, argc, argv, out);
}

static satchel_status approval_reject(cli_session *cli, int argc, const char **argv, json_t **out) {
    return decide(cli, SATCHEL_APPROVAL_DECISION_REFUSED, argc, argv, out);
}

static satchel_status approval_withdraw(cli_session *cli, int argc, const char **argv, json_t **out) {
    return decide(cli, SATCHEL_APPROVAL_DECISION_WITHDRAWN, argc, argv, out);
}

static satchel_status approval_list(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const char *const columns[] = {"id",           "subject_row", "customer", "step",
                                          "requested_by", "approver",    "decision"};
    cli_args args;
    int all = 0;
    satchel_query *query = NULL;
    struct poptOption options[] = {{"all", 0, POPT_ARG_NONE, &all, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_open(&query, SATCHEL_ENTITY_APPROVAL);
    }
    if (status == SATCHEL_OK && all == 0) {
        status = satchel_query_where_null(query, SATCHEL_APPROVAL_DECISION, true);
    }
    if (status == SATCHEL_OK) {
        cli_columns(cli, SATCHEL_ENTITY_APPROVAL, columns, sizeof columns / sizeof columns[0]);
        cli_column_add(cli, "state", "State", "状态");
        status = cli_list(cli, query, SATCHEL_ENTITY_APPROVAL, 0, out);
    }
    satchel_query_close(query);
    cli_args_close(&args);
    return status;
}

satchel_status verb_approval(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {{"list", approval_list},
                                        {"approve", approval_approve},
                                        {"reject", approval_reject},
                                        {"withdraw", approval_withdraw}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- conflicts --- */

/* Of which entity the row is that a conflict is about. */
static satchel_status read_subject(cli_session *cli, const satchel_id *conflict, uint32_t *out) {
    satchel_row_view row;
    satchel_page *page = NULL;
    satchel_record_reader *reader = NULL;
    satchel_cell cell = {.integer = 0};
    satchel_status status = satchel_row_open(&page, cli->device, SATCHEL_ENTITY_CONFLICT, conflict, &cli->error);
    if (status == SATCHEL_OK) {
        status = satchel_page_row(page, 0, &row);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_reader_open(&reader, cli->fields, SATCHEL_ENTITY_CONFLICT, row.record, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_reader_get(reader, SATCHEL_CONFLICT_SUBJECT_ENTITY, &cell);
    }
    *out = (uint32_t)cell.integer;
    satchel_record_reader_close(reader);
    satchel_page_close(page);
    return status;
}

static satchel_status resolve(cli_session *cli, satchel_resolution resolution, int argc, const char **argv,
                              json_t **out) {
    cli_args args;
    satchel_id conflict;
    satchel_receipt receipt;
    char **set = NULL;
    satchel_record_builder *builder = NULL;
    satchel_bytes record = {NULL, 0};
    struct poptOption options[] = {{"set", 0, POPT_ARG_ARGV, &set, 0, NULL, NULL}, POPT_TABLEEND};
    uint32_t entity = 0;
    bool edits = resolution == SATCHEL_RESOLVE_EDIT;
    satchel_status status = cli_args_open(&args, cli, argc, argv, edits ? options : NULL, 1, 1);
    if (status == SATCHEL_OK && edits && set == NULL) {
        status = cli_usage(cli, "edit to what? use --set");
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_read_id(cli, args.words[0], &conflict);
    }
    if (status == SATCHEL_OK && edits) {
        status = read_subject(cli, &conflict, &entity);
    }
    if (status == SATCHEL_OK && edits) {
        status = cli_fields_given(cli, entity, set, &builder, &record);
    }
    if (status == SATCHEL_OK) {
        status = satchel_conflict_resolve(cli->device, &conflict, resolution, record, &receipt, &cli->error);
    }
    satchel_record_builder_close(builder);
    cli_args_close(&args);
    return status == SATCHEL_OK ? give_receipt(cli, &receipt, out) : status;
}

static satchel_status conflict_keep(cli_session *cli, int argc, const char **argv, json_t **out) {
    return resolve(cli, SATCHEL_RESOLVE_KEEP, argc, argv, out);
}

static satchel_status conflict_restore(cli_session *cli, int argc, const char **argv, json_t **out) {
    return resolve(cli, SATCHEL_RESOLVE_RESTORE, argc, argv, out);
}

static satchel_status conflict_edit(cli_session *cli, int argc, const char **argv, json_t **out) {
    return resolve(cli, SATCHEL_RESOLVE_EDIT, argc, argv, out);
}

satchel_status cli_resolve(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {
        {"keep", conflict_keep}, {"restore", conflict_restore}, {"edit", conflict_edit}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- what became of them --- */

static const char *word_of(const cli_session *cli, const char *en, const char *zh) {
    return !cli->json && cli_chinese(cli) ? zh : en;
}

static const char *kind_word(const cli_session *cli, satchel_command_kind kind) {
    static const struct {
        const char *en, *zh;
    } words[] = {
        {"unknown", "未知"},         {"claim", "领取"},       {"release", "放回公海"}, {"transfer", "转移"},
        {"merge", "合并"},           {"unmerge", "撤销合并"}, {"decide", "审批"},      {"submit_order", "提交订单"},
        {"change_plan", "变更线路"}, {"resolve", "处理冲突"}};
    size_t at = (size_t)kind < sizeof words / sizeof words[0] ? (size_t)kind : 0;
    return word_of(cli, words[at].en, words[at].zh);
}

static const char *state_word(const cli_session *cli, satchel_command_state state) {
    static const struct {
        const char *en, *zh;
    } words[] = {{"unknown", "未知"},   {"waiting", "待发送"}, {"sent", "已发送"}, {"accepted", "已接受"},
                 {"refused", "被拒绝"}, {"held", "等待中"},    {"parked", "暂存"}};
    size_t at = (size_t)state < sizeof words / sizeof words[0] ? (size_t)state : 0;
    return word_of(cli, words[at].en, words[at].zh);
}

static satchel_status put_status(cli_session *cli, json_t *object, const satchel_command_info *command) {
    static const satchel_id nobody = {{0}};
    char name[CLI_TITLE_BYTES];
    satchel_status status = SATCHEL_OK;
    if (command->status != SATCHEL_OK) {
        status = cli_put(cli, object, "reason", json_string(satchel_status_name(command->status)));
        if (status == SATCHEL_OK) {
            status = cli_put(cli, object, "text", json_string(satchel_status_text(command->status, cli_language(cli))));
        }
    }
    if (status == SATCHEL_OK && command->rule.bytes > 0) {
        status = cli_put(cli, object, "rule", json_stringn(command->rule.data, command->rule.bytes));
    }
    if (status == SATCHEL_OK && memcmp(&command->winner, &nobody, sizeof nobody) != 0) {
        cli_row_title(cli, SATCHEL_ENTITY_USER, &command->winner, name, sizeof name);
        status = cli_put(cli, object, "winner", json_string(name));
        if (status == SATCHEL_OK) {
            status = cli_put(cli, object, "winner_at", cli_time_json(cli, command->winner_ms));
        }
    }
    return status;
}

static satchel_status command_json(cli_session *cli, const satchel_command_info *command, json_t **out) {
    char title[CLI_TITLE_BYTES] = {0};
    cli_row_title(cli, command->entity, &command->row, title, sizeof title);
    *out = json_pack("{s:s, s:s, s:o, s:s, s:I, s:I, s:o}", "command", kind_word(cli, command->kind), "state",
                     state_word(cli, command->state), "row", cli_id_json(&command->row), "title", title, "sequence",
                     (json_int_t)command->sequence, "unit", (json_int_t)command->unit, "at",
                     cli_time_json(cli, command->at_ms));
    satchel_status status = *out != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
    if (status == SATCHEL_OK && command->request.bytes > 0) {
        json_t *request = cli_record_json(cli, command->entity, command->request, cli_wanted_form(cli));
        status = cli_put(cli, *out, "request", request);
    }
    return status == SATCHEL_OK ? put_status(cli, *out, command) : status;
}

static satchel_status command_row(cli_session *cli, void *context, uint32_t index, json_t **out) {
    const satchel_commands *commands = context;
    satchel_command_info command;
    satchel_status status = satchel_commands_at(commands, index, &command);
    return status == SATCHEL_OK ? command_json(cli, &command, out) : status;
}

satchel_status verb_commands(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    int limit = LIST_MOST;
    satchel_commands *commands = NULL;
    struct poptOption options[] = {{"limit", 0, POPT_ARG_INT, &limit, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK && (limit < 1 || limit > LIST_MOST)) {
        status = cli_usage(cli, "--limit is 1 to %d", LIST_MOST);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = satchel_commands_list(&commands, cli->device, (uint32_t)limit, &cli->error);
    }
    if (status == SATCHEL_OK) {
        cli_column_add(cli, "at", "At", "时间");
        cli_column_add(cli, "command", "Command", "指令");
        cli_column_add(cli, "title", "Row", "对象");
        cli_column_add(cli, "state", "State", "状态");
        cli_column_add(cli, "text", "Why", "原因");
        cli_column_add(cli, "winner", "Who was first", "先处理者");
        status = cli_rows_result(cli, satchel_commands_count(commands), command_row, commands, out);
    }
    satchel_commands_close(commands);
    cli_args_close(&args);
    return status;
}
