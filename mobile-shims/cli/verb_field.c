/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs of the field: visits, tasks, notes.
 */
#include "cli.h"

#include <satchel/model.h>

#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* --- shared --- */

/* Opens the store and names the row of the first word. */
static satchel_status open_row(cli_session *cli, const cli_args *args, uint32_t entity, satchel_id *out) {
    satchel_status status = cli_open(cli, false);
    return status == SATCHEL_OK ? cli_find(cli, entity, args->words[0], out) : status;
}

static satchel_text text_of(const char *text) {
    return (satchel_text){text, text == NULL ? 0 : strlen(text)};
}

/* Reads the text as the field would; its number goes to `*out`. */
static satchel_status read_as(cli_session *cli, uint32_t entity, uint32_t field, const char *text, int64_t *out) {
    satchel_record_builder *builder = NULL;
    satchel_record_reader *reader = NULL;
    satchel_bytes record;
    satchel_cell cell;
    satchel_status status = satchel_record_builder_open(&builder, cli->fields, entity);
    if (status == SATCHEL_OK) {
        status = satchel_record_builder_parse(builder, field, text_of(text), &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_builder_encode(builder, &record);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_reader_open(&reader, cli->fields, entity, record, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_reader_get(reader, field, &cell);
        *out = cell.integer;
    }
    satchel_record_reader_close(reader);
    satchel_record_builder_close(builder);
    return status;
}

/* A day "2026-11-21" as days since 1970-01-01. */
static satchel_status read_day(cli_session *cli, const char *text, int64_t *out) {
    bool dashed = strchr(text, '-') != NULL; /* the field would take a bare number of days, which people never mean */
    satchel_status status =
        dashed ? read_as(cli, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_NEXT_STEP_ON, text, out) : SATCHEL_MALFORMED;
    return status == SATCHEL_OK || status == SATCHEL_NO_MEMORY
               ? status
               : cli_usage(cli, "\"%.40s\" is no day such as 2026-11-21", text);
}

/* A time with its zone, or a day, which is its first moment in UTC, as ms since 1970. */
static satchel_status read_time(cli_session *cli, const char *text, int64_t *out) {
    int64_t day = 0;
    if (strchr(text, 'T') != NULL && read_as(cli, SATCHEL_ENTITY_TASK, SATCHEL_TASK_DUE_AT, text, out) == SATCHEL_OK) {
        return SATCHEL_OK;
    }
    if (read_day(cli, text, &day) != SATCHEL_OK) {
        return cli_usage(cli, "\"%.40s\" is neither 2026-11-21 nor 2026-11-21T08:30:00+08:00", text);
    }
    *out = day * DAY_MS;
    return SATCHEL_OK;
}

/* --- fixes --- */

typedef struct fix_words {
    char *latitude, *longitude, *accuracy;
    int mock;
} fix_words;

#define FIX_OPTIONS(words)                                                                                             \
    {"latitude", 0, POPT_ARG_STRING, &(words).latitude, 0, NULL, NULL},                                                \
        {"longitude", 0, POPT_ARG_STRING, &(words).longitude, 0, NULL, NULL},                                          \
        {"accuracy", 0, POPT_ARG_STRING, &(words).accuracy, 0, NULL, NULL}, {                                          \
        "mock", 0, POPT_ARG_NONE, &(words).mock, 0, NULL, NULL                                                         \
    }

static satchel_status read_fix(cli_session *cli, const fix_words *words, satchel_fix *out) {
    memset(out, 0, sizeof *out);
    if (words->latitude == NULL && words->longitude == NULL) {
        return SATCHEL_OK;
    }
    if (words->latitude == NULL || words->longitude == NULL) {
        return cli_usage(cli, "a position has --latitude and --longitude");
    }
    out->known = true;
    out->mocked = words->mock != 0;
    satchel_status status = cli_read_decimal(cli, "--latitude", words->latitude, 7, &out->latitude_e7);
    if (status == SATCHEL_OK) {
        status = cli_read_decimal(cli, "--longitude", words->longitude, 7, &out->longitude_e7);
    }
    if (status == SATCHEL_OK && words->accuracy != NULL) {
        status = cli_read_decimal(cli, "--accuracy", words->accuracy, 0, &out->accuracy_m);
    }
    return status;
}

/* --- visit --- */

static satchel_status visit_in(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    fix_words words = {NULL, NULL, NULL, 0};
    char *planned = NULL;
    char *wanted = NULL;
    satchel_fix fix;
    satchel_id customer;
    satchel_id visit = {{0}};
    satchel_id id;
    struct poptOption options[] = {
        FIX_OPTIONS(words),
        {"planned", 0, POPT_ARG_STRING, &planned, 0, NULL, NULL},
        {"id", 0, POPT_ARG_STRING, &wanted, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, 1);
    if (status == SATCHEL_OK) {
        status = read_fix(cli, &words, &fix);
    }
    if (status == SATCHEL_OK) {
        status = cli_read_id(cli, wanted, &id);
    }
    if (status == SATCHEL_OK) {
        status = open_row(cli, &args, SATCHEL_ENTITY_CUSTOMER, &customer);
    }
    if (status == SATCHEL_OK && planned != NULL) {
        status = cli_find(cli, SATCHEL_ENTITY_VISIT, planned, &visit);
    }
    if (status == SATCHEL_OK) {
        status = satchel_visit_check_in(cli->device, &customer, &visit, &fix, &id, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status note_first(void *context, const satchel_row_view *row) {
    *(satchel_id *)context = row->id;
    return SATCHEL_OK;
}

/* The visit that the user is in. */
static satchel_status open_visit(cli_session *cli, satchel_id *out) {
    satchel_query *query = NULL;
    satchel_device_info info;
    bool more;
    *out = (satchel_id){{0}};
    satchel_status status = satchel_device_get_info(cli->device, &info, &cli->error);
    if (status == SATCHEL_OK) {
        status = satchel_query_open(&query, SATCHEL_ENTITY_VISIT);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_where_id(query, SATCHEL_VISIT_OWNER, SATCHEL_COMPARE_EQUAL, &info.user);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_where_int(query, SATCHEL_VISIT_STATUS, SATCHEL_COMPARE_EQUAL,
                                         SATCHEL_VISIT_STATUS_IN_PROGRESS);
    }
    if (status == SATCHEL_OK) {
        status = cli_walk(cli, query, 1, &more, note_first, out);
    }
    satchel_query_close(query);
    static const satchel_id none = {{0}};
    if (status == SATCHEL_OK && memcmp(out, &none, sizeof none) == 0) {
        status = cli_fail(cli, SATCHEL_ILLEGAL_STATE, "no visit is open");
    }
    return status;
}

static satchel_status visit_out(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    fix_words words = {NULL, NULL, NULL, 0};
    char *outcome_word = NULL;
    char *summary = NULL;
    satchel_fix fix;
    satchel_id id;
    int64_t outcome = 0;
    struct poptOption options[] = {
        FIX_OPTIONS(words),
        {"outcome", 0, POPT_ARG_STRING, &outcome_word, 0, NULL, NULL},
        {"summary", 0, POPT_ARG_STRING, &summary, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 1);
    if (status == SATCHEL_OK) {
        status = read_fix(cli, &words, &fix);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status =
            cli_read_choice(cli, SATCHEL_ENTITY_VISIT, "outcome", outcome_word == NULL ? "" : outcome_word, &outcome);
    }
    if (status == SATCHEL_OK) {
        status = args.count > 0 ? cli_find(cli, SATCHEL_ENTITY_VISIT, args.words[0], &id) : open_visit(cli, &id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_visit_check_out(cli->device, &id, &fix, outcome, text_of(summary), &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status visit_list(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const char *const columns[] = {"id",          "customer",     "status", "planned_start",
                                          "check_in_at", "check_out_at", "outcome"};
    return cli_list_of_customer(cli, SATCHEL_ENTITY_VISIT, SATCHEL_VISIT_CUSTOMER, columns,
                                sizeof columns / sizeof columns[0], argc, argv, out);
}

static satchel_status visit_plan(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    char *wanted = NULL;
    satchel_id customer;
    satchel_id id;
    int64_t day = 0;
    struct poptOption options[] = {{"id", 0, POPT_ARG_STRING, &wanted, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 2, 2);
    if (status == SATCHEL_OK) {
        status = cli_read_id(cli, wanted, &id);
    }
    if (status == SATCHEL_OK) {
        status = open_row(cli, &args, SATCHEL_ENTITY_CUSTOMER, &customer);
    }
    if (status == SATCHEL_OK) {
        status = read_day(cli, args.words[1], &day);
    }
    if (status == SATCHEL_OK) {
        status = satchel_visit_plan(cli->device, &customer, day, &id, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status visit_cancel(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_id id;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 2, 2);
    if (status == SATCHEL_OK) {
        status = open_row(cli, &args, SATCHEL_ENTITY_VISIT, &id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_visit_cancel(cli->device, &id, text_of(args.words[1]), &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status visit_show(cli_session *cli, int argc, const char **argv, json_t **out) {
    return cli_show_verb(cli, SATCHEL_ENTITY_VISIT, argc, argv, out);
}

satchel_status verb_visit(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {{"in", visit_in},     {"out", visit_out},   {"list", visit_list},
                                        {"show", visit_show}, {"plan", visit_plan}, {"cancel", visit_cancel}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- task --- */

static satchel_status task_list(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const char *const columns[] = {"id", "title", "customer", "due_at", "priority", "status"};
    cli_args args;
    satchel_query *query = NULL;
    int all = 0;
    int limit = 0;
    struct poptOption options[] = {
        {"all", 0, POPT_ARG_NONE, &all, 0, NULL, NULL},
        {"limit", 0, POPT_ARG_INT, &limit, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK && limit < 0) {
        status = cli_usage(cli, "--limit is not negative");
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_open(&query, SATCHEL_ENTITY_TASK);
    }
    if (status == SATCHEL_OK && all == 0) {
        status =
            satchel_query_where_int(query, SATCHEL_TASK_STATUS, SATCHEL_COMPARE_LESS, SATCHEL_TASK_STATUS_COMPLETED);
    }
    if (status == SATCHEL_OK) {
        cli_columns(cli, SATCHEL_ENTITY_TASK, columns, sizeof columns / sizeof columns[0]);
        cli_column_add(cli, "state", "State", "状态");
        status = cli_list(cli, query, SATCHEL_ENTITY_TASK, (uint64_t)limit, out);
    }
    satchel_query_close(query);
    cli_args_close(&args);
    return status;
}

typedef struct task_words {
    char *customer, *assignee, *due, *wanted;
} task_words;

static satchel_status add_task(cli_session *cli, const cli_args *args, const task_words *words, json_t **out) {
    satchel_id customer = {{0}};
    satchel_id assignee = {{0}};
    satchel_id id;
    int64_t due_ms = 0;
    satchel_status status = cli_read_id(cli, words->wanted, &id);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK && words->customer != NULL) {
        status = cli_find(cli, SATCHEL_ENTITY_CUSTOMER, words->customer, &customer);
    }
    if (status == SATCHEL_OK && words->assignee != NULL) {
        status = cli_find(cli, SATCHEL_ENTITY_USER, words->assignee, &assignee);
    }
    if (status == SATCHEL_OK && words->due != NULL) {
        status = read_time(cli, words->due, &due_ms);
    }
    if (status == SATCHEL_OK) {
        status = satchel_task_add(cli->device, text_of(args->words[0]), &customer, &assignee, due_ms, &id, &cli->error);
    }
    return status == SATCHEL_OK ? cli_give_id(cli, &id, out) : status;
}

static satchel_status task_add(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    task_words words = {NULL, NULL, NULL, NULL};
    struct poptOption options[] = {
        {"customer", 0, POPT_ARG_STRING, &words.customer, 0, NULL, NULL},
        {"assignee", 0, POPT_ARG_STRING, &words.assignee, 0, NULL, NULL},
        {"due", 0, POPT_ARG_STRING, &words.due, 0, NULL, NULL},
        {"id", 0, POPT_ARG_STRING, &words.wanted, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, 1);
    if (status == SATCHEL_OK) {
        status = add_task(cli, &args, &words, out);
    }
    cli_args_close(&args);
    return status;
}

typedef satchel_status task_end(satchel_device *device, const satchel_id *task, satchel_error *error);

static satchel_status end_task(cli_session *cli, int argc, const char **argv, task_end *end, json_t **out) {
    cli_args args;
    satchel_id id;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK) {
        status = open_row(cli, &args, SATCHEL_ENTITY_TASK, &id);
    }
    if (status == SATCHEL_OK) {
        status = end(cli->device, &id, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status task_done(cli_session *cli, int argc, const char **argv, json_t **out) {
    return end_task(cli, argc, argv, satchel_task_finish, out);
}

static satchel_status task_cancel(cli_session *cli, int argc, const char **argv, json_t **out) {
    return end_task(cli, argc, argv, satchel_task_cancel, out);
}

static satchel_status task_show(cli_session *cli, int argc, const char **argv, json_t **out) {
    return cli_show_verb(cli, SATCHEL_ENTITY_TASK, argc, argv, out);
}

satchel_status verb_task(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {
        {"list", task_list}, {"show", task_show}, {"add", task_add}, {"done", task_done}, {"cancel", task_cancel}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- note --- */

satchel_status verb_note(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    char *kind_word = NULL;
    char *subject = NULL;
    char *wanted = NULL;
    satchel_id customer;
    satchel_id id;
    int64_t kind = SATCHEL_ACTIVITY_KIND_NOTE;
    struct poptOption options[] = {
        {"kind", 0, POPT_ARG_STRING, &kind_word, 0, NULL, NULL},
        {"subject", 0, POPT_ARG_STRING, &subject, 0, NULL, NULL},
        {"id", 0, POPT_ARG_STRING, &wanted, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 2, 2);
    if (status == SATCHEL_OK) {
        status = cli_read_id(cli, wanted, &id);
    }
    if (status == SATCHEL_OK) {
        status = open_row(cli, &args, SATCHEL_ENTITY_CUSTOMER, &customer);
    }
    if (status == SATCHEL_OK && kind_word != NULL) {
        status = cli_read_choice(cli, SATCHEL_ENTITY_ACTIVITY, "kind", kind_word, &kind);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_note_add(cli->device, &customer, kind, text_of(subject), text_of(args.words[1]), &id, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}
