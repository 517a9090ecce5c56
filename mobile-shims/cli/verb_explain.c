/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why things are as they are: conflicts, reasons, why, and what can be done about it: undo, dismiss.
 */
#include "cli.h"

#include <satchel/explain.h>
#include <satchel/model.h>
#include <satchel/write.h>

#include <stdlib.h>
#include <string.h>

#define REASONS_MOST 1000

/* --- reasons --- */

typedef struct number_name {
    const char *name, *zh;
} number_name;

static const number_name kind_names[] = {{"unknown", "未知"},  {"waiting", "待发送"}, {"sent", "已发送"},
                                         {"conflict", "冲突"}, {"refused", "被拒绝"}, {"held", "等待中"},
                                         {"parked", "暂存"},   {"gone", "已离开"},    {"unread", "无法读取"}};
#define KIND_COUNT (sizeof kind_names / sizeof kind_names[0])

static const number_name change_names[] = {{"unknown", "未知"}, {"create", "新建"}, {"edit", "修改"},
                                           {"delete", "删除"},  {"undo", "撤销"},   {"command", "指令"}};
#define CHANGE_COUNT (sizeof change_names / sizeof change_names[0])

static const char *name_in(const cli_session *cli, const number_name *names, size_t count, size_t number) {
    const number_name *name = &names[number < count ? number : 0];
    return !cli->json && cli_chinese(cli) ? name->zh : name->name;
}

static const char *policy_name(uint32_t policy) {
    static const char *const names[] = {"later", "ask", "strict", "once",   "set",          "sum",
                                        "max",   "min", "state",  "server", "once_then_ask"};
    return policy < sizeof names / sizeof names[0] ? names[policy] : "";
}

static satchel_status put_side(cli_session *cli, json_t *object, const char *key, uint32_t entity,
                               satchel_bytes record) {
    if (record.bytes == 0) {
        return SATCHEL_OK;
    }
    return cli_put(cli, object, key, cli_record_json(cli, entity, record, cli_wanted_form(cli)));
}

static bool is_nobody(const satchel_id *user) {
    static const satchel_id nobody = {{0}};
    return memcmp(user, &nobody, sizeof nobody) == 0;
}

/* Who wrote the other value; nobody: it was done on the server itself. */
static json_t *other_json(cli_session *cli, const satchel_id *user) {
    char name[CLI_TITLE_BYTES];
    if (is_nobody(user)) {
        return cli->json ? json_null() : json_string(cli_chinese(cli) ? "公司" : "the office");
    }
    cli_row_title(cli, SATCHEL_ENTITY_USER, user, name, sizeof name);
    return json_string(name);
}

static satchel_status put_conflict(cli_session *cli, json_t *object, const satchel_reason *reason) {
    satchel_status status = cli_put(cli, object, "policy", json_string(policy_name(reason->policy)));
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "open", cli_bool_json(cli, reason->open));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "mine_stands", cli_bool_json(cli, reason->mine_stands));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "conflict", cli_id_json(&reason->conflict));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "other", other_json(cli, &reason->other_user));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "other_at", cli_time_json(cli, reason->other_ms));
    }
    return status;
}

/* Of an own change: what it does, as one of how many, and who decides on it if it is parked and he was named. */
static satchel_status put_change(cli_session *cli, json_t *object, const satchel_reason *reason) {
    if (reason->change == 0) {
        return SATCHEL_OK;
    }
    const char *change = name_in(cli, change_names, CHANGE_COUNT, (size_t)reason->change);
    satchel_status status = cli_put(cli, object, "change", json_string(change));
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "of", json_integer((json_int_t)reason->unit_ops));
    }
    if (status == SATCHEL_OK && !is_nobody(&reason->keeper)) {
        status = cli_put(cli, object, "keeper", other_json(cli, &reason->keeper));
    }
    return status;
}

/* Who was first, where that was told. */
static satchel_status put_winner(cli_session *cli, json_t *object, const satchel_reason *reason) {
    return is_nobody(&reason->other_user) ? SATCHEL_OK
                                          : cli_put(cli, object, "other", other_json(cli, &reason->other_user));
}

static satchel_status put_field(cli_session *cli, json_t *object, const satchel_reason *reason) {
    satchel_field_info field;
    if (reason->field == 0 || satchel_fields_field(cli->fields, reason->entity, reason->field, &field) != SATCHEL_OK) {
        return SATCHEL_OK;
    }
    const char *label = cli_chinese(cli) ? field.label_zh : field.label_en;
    return cli_put(cli, object, "field", json_string(cli->json ? field.name : label));
}

/* Which status explains it is no news where nothing went wrong. */
static satchel_status put_status(cli_session *cli, json_t *object, const satchel_reason *reason) {
    if (reason->status == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    satchel_status status = cli_put(cli, object, "reason", json_string(satchel_status_name(reason->status)));
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "text", json_string(satchel_status_text(reason->status, cli_language(cli))));
    }
    if (status == SATCHEL_OK && reason->rule.bytes > 0) {
        status = cli_put(cli, object, "rule", json_stringn(reason->rule.data, reason->rule.bytes));
    }
    return status;
}

static satchel_status reason_json(cli_session *cli, const satchel_reason *reason, json_t **out) {
    satchel_entity_info entity = {0};
    char title[CLI_TITLE_BYTES] = {0};
    bool known = satchel_fields_entity(cli->fields, reason->entity, &entity) == SATCHEL_OK;
    cli_row_title(cli, reason->entity, &reason->row, title, sizeof title);
    *out = json_pack("{s:s, s:s, s:o, s:s, s:I, s:I, s:o}", "kind",
                     name_in(cli, kind_names, KIND_COUNT, (size_t)reason->kind), "entity", known ? entity.name : "",
                     "row", cli_id_json(&reason->row), "title", title, "sequence", (json_int_t)reason->sequence, "unit",
                     (json_int_t)reason->unit, "at", cli_time_json(cli, reason->at_ms));
    satchel_status status = *out == NULL ? cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result") : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = put_field(cli, *out, reason);
    }
    if (status == SATCHEL_OK) {
        status = put_status(cli, *out, reason);
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "says", json_string(satchel_reason_text(reason->kind, cli_language(cli))));
    }
    if (status == SATCHEL_OK) {
        status = put_change(cli, *out, reason);
    }
    if (status == SATCHEL_OK && reason->held_by != 0) {
        status = cli_put(cli, *out, "held_by", json_integer((json_int_t)reason->held_by));
    }
    if (status == SATCHEL_OK && reason->kind == SATCHEL_REASON_CONFLICT) {
        status = put_conflict(cli, *out, reason);
    } else if (status == SATCHEL_OK && reason->status == SATCHEL_OVERTAKEN) {
        status = put_winner(cli, *out, reason);
    }
    if (status == SATCHEL_OK) {
        status = put_side(cli, *out, "mine", reason->entity, reason->mine);
    }
    if (status == SATCHEL_OK) {
        status = put_side(cli, *out, "theirs", reason->entity, reason->theirs);
    }
    return status == SATCHEL_OK ? put_side(cli, *out, "base", reason->entity, reason->base) : status;
}

/* Which reasons are wanted. */
typedef struct reason_filter {
    bool open;       /* only what a person still has to decide */
    uint32_t entity; /* 0: of any */
} reason_filter;

static bool is_wanted(const reason_filter *filter, const satchel_reason *reason) {
    return (!filter->open || reason->open) && (filter->entity == 0 || filter->entity == reason->entity);
}

typedef struct reason_rows {
    const satchel_reasons *reasons;
    const reason_filter *filter;
} reason_rows;

static satchel_status reason_row(cli_session *cli, void *context, uint32_t index, json_t **out) {
    const reason_rows *rows = context;
    satchel_reason reason;
    satchel_status status = satchel_reasons_at(rows->reasons, index, &reason);
    return status == SATCHEL_OK && is_wanted(rows->filter, &reason) ? reason_json(cli, &reason, out) : status;
}

static satchel_status reasons_result(cli_session *cli, const satchel_reasons *reasons, const reason_filter *filter,
                                     json_t **out) {
    reason_rows rows = {reasons, filter};
    return cli_rows_result(cli, satchel_reasons_count(reasons), reason_row, &rows, out);
}

/* Own values that lost long ago are kept on the server alone. */
static satchel_status put_older(cli_session *cli, json_t *result) {
    satchel_device_info info;
    satchel_status status = satchel_device_get_info(cli->device, &info, &cli->error);
    return status == SATCHEL_OK && info.losses_on_server > 0
               ? cli_put(cli, result, "older_on_server", json_integer((json_int_t)info.losses_on_server))
               : status;
}

static satchel_status find_entity(cli_session *cli, const char *text, uint32_t *out) {
    const satchel_text name = {text, strlen(text)};
    satchel_entity_info entity;
    if (satchel_fields_entity_named(cli->fields, name, &entity) != SATCHEL_OK) {
        return cli_fail(cli, SATCHEL_UNKNOWN_ENTITY, "there is no entity \"%.60s\"", text);
    }
    *out = entity.number;
    return SATCHEL_OK;
}

satchel_status verb_conflicts(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_reasons *reasons = NULL;
    reason_filter filter = {false, 0};
    int open = 0;
    char *entity = NULL;
    struct poptOption options[] = {
        {"open", 0, POPT_ARG_NONE, &open, 0, NULL, NULL},
        {"entity", 0, POPT_ARG_STRING, &entity, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    if (argc > 1 && argv[1][0] != '-') {
        return cli_resolve(cli, argc, argv, out);
    }
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK && entity != NULL) {
        status = find_entity(cli, entity, &filter.entity);
    }
    filter.open = open != 0;
    if (status == SATCHEL_OK) {
        status = satchel_reasons_list(&reasons, cli->device, SATCHEL_REASON_CONFLICT, REASONS_MOST, &cli->error);
    }
    if (status == SATCHEL_OK) {
        cli_column_add(cli, "title", "Row", "对象");
        cli_column_add(cli, "field", "Field", "字段");
        cli_column_add(cli, "base", "Before", "原值");
        cli_column_add(cli, "mine", "Mine", "我的值");
        cli_column_add(cli, "theirs", "The other's", "对方的值");
        cli_column_add(cli, "mine_stands", "Mine stands", "我的生效");
        cli_column_add(cli, "other", "By", "对方");
        cli_column_add(cli, "open", "To decide", "待处理");
        status = reasons_result(cli, reasons, &filter, out);
    }
    if (status == SATCHEL_OK) {
        status = put_older(cli, *out);
    }
    satchel_reasons_close(reasons);
    cli_args_close(&args);
    return status;
}

static satchel_status find_subject(cli_session *cli, const cli_args *args, satchel_entity_info *entity,
                                   satchel_id *id) {
    const satchel_text name = {args->words[0], strlen(args->words[0])};
    if (satchel_fields_entity_named(cli->fields, name, entity) != SATCHEL_OK) {
        return cli_fail(cli, SATCHEL_UNKNOWN_ENTITY, "there is no entity \"%.60s\"", args->words[0]);
    }
    return cli_find(cli, entity->number, args->words[1], id);
}

satchel_status verb_why(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const reason_filter all = {false, 0};
    cli_args args;
    satchel_reasons *reasons = NULL;
    satchel_entity_info entity;
    satchel_id id;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 2, 2);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = find_subject(cli, &args, &entity, &id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_why(&reasons, cli->device, entity.number, &id, &cli->error);
    }
    if (status == SATCHEL_OK) {
        cli_column_add(cli, "at", "At", "时间");
        cli_column_add(cli, "kind", "State", "状态");
        cli_column_add(cli, "sequence", "Change", "序号");
        cli_column_add(cli, "unit", "Unit", "单元");
        cli_column_add(cli, "field", "Field", "字段");
        cli_column_add(cli, "text", "Why", "原因");
        cli_column_add(cli, "keeper", "Who has it", "处理人");
        cli_column_add(cli, "mine", "Mine", "我的值");
        cli_column_add(cli, "theirs", "The other's", "对方的值");
        status = reasons_result(cli, reasons, &all, out);
    }
    satchel_reasons_close(reasons);
    cli_args_close(&args);
    return status;
}

/* --- reasons: all of a kind, of rows that are gone too --- */

static satchel_status find_kind(cli_session *cli, const char *name, satchel_reason_kind *out) {
    for (size_t i = 1; i < KIND_COUNT; i++) {
        if (strcmp(kind_names[i].name, name) == 0) {
            *out = (satchel_reason_kind)i;
            return SATCHEL_OK;
        }
    }
    return cli_usage(cli, "there is no kind \"%.40s\"", name);
}

/* Appends the rows of one kind to those of the others. */
static satchel_status add_kind(cli_session *cli, satchel_reason_kind kind, json_t *result) {
    static const reason_filter all = {false, 0};
    satchel_reasons *reasons = NULL;
    json_t *found = NULL;
    satchel_status status = satchel_reasons_list(&reasons, cli->device, kind, REASONS_MOST, &cli->error);
    if (status == SATCHEL_OK) {
        status = reasons_result(cli, reasons, &all, &found);
    }
    if (status == SATCHEL_OK &&
        json_array_extend(json_object_get(result, "rows"), json_object_get(found, "rows")) != 0) {
        status = cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
    }
    json_decref(found);
    satchel_reasons_close(reasons);
    return status;
}

satchel_status verb_reasons(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_reason_kind kinds[] = {SATCHEL_REASON_REFUSED, SATCHEL_REASON_HELD, SATCHEL_REASON_PARKED};
    size_t count = sizeof kinds / sizeof kinds[0];
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, 1);
    if (status == SATCHEL_OK && args.count == 1) {
        count = 1;
        status = find_kind(cli, args.words[0], &kinds[0]);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        cli_column_add(cli, "at", "At", "时间");
        cli_column_add(cli, "kind", "State", "状态");
        cli_column_add(cli, "change", "Change", "更改");
        cli_column_add(cli, "title", "Row", "对象");
        cli_column_add(cli, "unit", "Unit", "单元");
        cli_column_add(cli, "of", "Changes in it", "更改数");
        cli_column_add(cli, "text", "Why", "原因");
        cli_column_add(cli, "keeper", "Who has it", "处理人");
        *out = json_pack("{s:[]}", "rows");
        status = *out != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
    }
    for (size_t i = 0; i < count && status == SATCHEL_OK; i++) {
        status = add_kind(cli, kinds[i], *out);
    }
    cli_args_close(&args);
    return status;
}

/* --- undo, dismiss --- */

typedef satchel_status number_verb(satchel_device *device, uint64_t number, satchel_error *error);

static satchel_status with_number(cli_session *cli, number_verb *verb, const char *what, int argc, const char **argv,
                                  json_t **out) {
    cli_args args;
    int64_t number = 0;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_read_decimal(cli, what, args.words[0], 0, &number);
    }
    if (status == SATCHEL_OK && number <= 0) {
        status = cli_usage(cli, "%s is above zero", what);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = verb(cli->device, (uint64_t)number, &cli->error);
    }
    if (status == SATCHEL_OK) {
        *out = json_object();
        status = cli_put(cli, *out, what, json_integer((json_int_t)number));
    }
    cli_args_close(&args);
    return status;
}

satchel_status verb_undo(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_number(cli, satchel_undo, "sequence", argc, argv, out);
}

satchel_status verb_dismiss(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_number(cli, satchel_reason_dismiss, "unit", argc, argv, out);
}
