/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the terminal shell share: the session, arguments, finding rows, and results.
 *
 * A verb gives its result as a JSON object; output.c prints it as a table for people or as it is. So what scripts get
 * and what people see cannot drift apart.
 */
#ifndef SATCHEL_CLI_CLI_H
#define SATCHEL_CLI_CLI_H

#include <satchel/device.h>
#include <satchel/fields.h>
#include <satchel/query.h>
#include <satchel/read.h>
#include <satchel/record.h>
#include <satchel/sales.h>
#include <satchel/types.h>

#include <jansson.h>
#include <popt.h>
#include <stdbool.h>

#define CLI_EXIT_OK 0
#define CLI_EXIT_FAILED 1
#define CLI_EXIT_USAGE 2
#define CLI_EXIT_ACCESS 3
#define CLI_EXIT_NETWORK 4

#define CLI_COLUMNS 12
#define CLI_TITLE_BYTES 96
#define CLI_PIN_BYTES 80
#define CLI_PATH_BYTES 4096

typedef struct cli_column {
    const char *key; /* of the row's object; static or owned by the fields */
    char title[CLI_TITLE_BYTES];
} cli_column;

typedef struct cli_session {
    /* global options, each a copy that popt made, or NULL */
    char *store;
    char *pin_file;
    char *key_file;
    char *language;
    int json;

    bool batch;        /* one process, many commands: results are collected */
    bool exit_failed;  /* the verb has a result and yet exits with 1 */
    bool usage_failed; /* the arguments were wrong, not what they asked for */
    satchel_device *device;
    satchel_fields *fields;
    struct cli_http *http;
    char folder[CLI_PATH_BYTES];
    satchel_error error;
    cli_column columns[CLI_COLUMNS]; /* of the table that the verb wants */
    unsigned column_count;
    uint32_t shown_entity; /* whose labels name the lines of the result, 0: none */
} cli_session;

/* --- arguments --- */

typedef struct cli_args {
    poptContext context;
    const struct poptOption *options; /* the verb's own; their strings are freed by cli_args_close */
    const char **words;               /* what is left, NULL-terminated */
    int count;
} cli_args;

/*
 * Reads a verb's arguments and the global options among them; argv[0] is the verb. least and most count the words that
 * are no options. Gives INVALID_ARGUMENT after telling why. cli_args_close is needed in any case.
 */
satchel_status cli_args_open(cli_args *args, cli_session *cli, int argc, const char **argv, struct poptOption *options,
                             int least, int most);
void cli_args_close(cli_args *args);

/* anchor_file.c: the anchor beside a key file. */
satchel_status cli_anchor_read(const char *key_file, uint8_t out[SATCHEL_ANCHOR_BYTES], size_t *bytes);
satchel_status cli_anchor_write(const char *key_file, const uint8_t *anchor, size_t bytes);
satchel_status cli_anchor_forget(const char *key_file);

/* A wrong command line: exit code 2. Returns INVALID_ARGUMENT. */
satchel_status cli_usage(cli_session *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A failure with a plain sentence of the shell's own. Returns `status`. */
satchel_status cli_fail(cli_session *cli, satchel_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

typedef satchel_status cli_verb(cli_session *cli, int argc, const char **argv, json_t **out);

typedef struct cli_subverb {
    const char *name;
    cli_verb *run;
} cli_subverb;

/* Runs the second word's function; usage failure if it is none of the `count`. */
satchel_status cli_dispatch(cli_session *cli, const cli_subverb *subverbs, unsigned count, int argc, const char **argv,
                            json_t **out);

/* Runs a whole command (argv[0] is the verb). */
satchel_status cli_run(cli_session *cli, int argc, const char **argv, json_t **out);

/* --- the store --- */

/* Opens the device and the fields if they are not open yet; with `create` the store is made if there is none. */
satchel_status cli_open(cli_session *cli, bool create);
void cli_close(cli_session *cli);
/* What waited for a quiet moment, for so long, if the store is open; what fails is tried again by the next command. */
void cli_idle(cli_session *cli, unsigned budget_ms);
bool cli_has_key_file(const cli_session *cli);

/*
 * Closes the device and does something with the store as a whole, with the same keys as cli_open; the PIN is asked for
 * where that does. cli_use_keys: without a PIN, and with a key file that is made if it is not there.
 */
typedef satchel_status cli_config_user(cli_session *cli, const satchel_device_config *config, void *context);
satchel_status cli_use_config(cli_session *cli, cli_config_user *run, void *context);
satchel_status cli_use_keys(cli_session *cli, cli_config_user *run, void *context);
/* Fields may have been defined by a sync. */
satchel_status cli_reload_fields(cli_session *cli);
/* Reads a PIN: from the file, else from the environment's `variable`, else from the terminal. */
satchel_status cli_read_pin(cli_session *cli, const char *file, const char *variable, const char *prompt,
                            char out[CLI_PIN_BYTES]);

/* --- rows --- */

/* A row by id, by number or name that fits exactly, by the begin or end of its id, or by words that fit one row alone.
 */
satchel_status cli_find(cli_session *cli, uint32_t entity, const char *text, satchel_id *out);
/* An id given with --id; NULL text: none. */
satchel_status cli_read_id(cli_session *cli, const char *text, satchel_id *out);
/* A decimal with up to `scale` digits after the point, as an integer of that scale. */
satchel_status cli_read_decimal(cli_session *cli, const char *name, const char *text, unsigned scale, int64_t *out);
/* A choice of a field by name, label or number. */
satchel_status cli_read_choice(cli_session *cli, uint32_t entity, const char *field, const char *text, int64_t *out);

typedef enum cli_form {
    CLI_FORM_PEOPLE, /* strings in the user's language */
    CLI_FORM_SCRIPT, /* numbers as numbers, choices by name, days and times as text */
    CLI_FORM_RAW     /* as stored: choices and times are numbers too */
} cli_form;
/* People or script, as the user wants. */
cli_form cli_wanted_form(const cli_session *cli);
/* The record's fields as an object; NULL if memory is exhausted or the record cannot be read. */
json_t *cli_record_json(cli_session *cli, uint32_t entity, satchel_bytes record, cli_form form);
/* The same with id, base and state (an array of pending, conflict, refused) beside the fields, or around a "record". */
json_t *cli_row_json(cli_session *cli, uint32_t entity, const satchel_row_view *row, cli_form form, bool nested);
/* One row as a result. */
satchel_status cli_show_row(cli_session *cli, uint32_t entity, const satchel_id *id, json_t **out);

typedef satchel_status cli_row_visitor(void *context, const satchel_row_view *row);
/* Walks all rows of a query, page by page, at most `limit` (0: all). */
satchel_status cli_walk(cli_session *cli, const satchel_query *query, uint64_t limit, bool *out_more,
                        cli_row_visitor *visit, void *context);
/* Rows of a query as a result {"rows": […], "more": …}. */
satchel_status cli_list(cli_session *cli, const satchel_query *query, uint32_t entity, uint64_t limit, json_t **out);
/* The verb `show ROW`. */
satchel_status cli_show_verb(cli_session *cli, uint32_t entity, int argc, const char **argv, json_t **out);
/* The verb `list [--customer NAME] [--limit N]` of rows that hang on a customer, with their state as last column. */
satchel_status cli_list_of_customer(cli_session *cli, uint32_t entity, uint32_t customer_field,
                                    const char *const *columns, unsigned column_count, int argc, const char **argv,
                                    json_t **out);
/* The name of a row to a reader, in the user's language; its id if it has none. */
void cli_row_title(cli_session *cli, uint32_t entity, const satchel_id *id, char *out, size_t room);

/* Columns of the table for people: field names of the entity, or "id". */
void cli_columns(cli_session *cli, uint32_t entity, const char *const *names, unsigned count);
/* A column that is no field. */
void cli_column_add(cli_session *cli, const char *key, const char *en, const char *zh);

/* --- changing rows --- */

typedef struct cli_changes {
    char **set;   /* "field=value", NULL-terminated; NULL if none */
    char **clear; /* "field" */
    char **add;   /* elements of sets */
    char **remove;
    char **increase; /* "counter=delta" */
} cli_changes;
/* Option entries for a verb's table. */
#define CLI_CHANGE_OPTIONS(changes)                                                                                    \
    {"set", 0, POPT_ARG_ARGV, &(changes).set, 0, NULL, NULL},                                                          \
        {"clear", 0, POPT_ARG_ARGV, &(changes).clear, 0, NULL, NULL},                                                  \
        {"add", 0, POPT_ARG_ARGV, &(changes).add, 0, NULL, NULL},                                                      \
        {"remove", 0, POPT_ARG_ARGV, &(changes).remove, 0, NULL, NULL}, {                                              \
        "increase", 0, POPT_ARG_ARGV, &(changes).increase, 0, NULL, NULL                                               \
    }
satchel_status cli_create_row(cli_session *cli, uint32_t entity, const cli_changes *changes, uint32_t parent_field,
                              const satchel_id *parent, satchel_id *id, json_t **out);
satchel_status cli_edit_row(cli_session *cli, uint32_t entity, const satchel_id *id, const cli_changes *changes,
                            json_t **out);

/* A record of what --set says; its bytes live as long as the builder, which the caller closes in any case. */
satchel_status cli_fields_given(cli_session *cli, uint32_t entity, char **set, satchel_record_builder **builder,
                                satchel_bytes *out);

/* --- results --- */

json_t *cli_id_json(const satchel_id *id);
/* A word for people, a truth value for scripts. */
json_t *cli_bool_json(const cli_session *cli, bool value);
/* A time for people in the zone of the machine, for scripts in UTC; 0: null. */
json_t *cli_time_json(const cli_session *cli, int64_t unix_ms);
/* {"id": …}, what a verb that makes a row gives. */
satchel_status cli_give_id(cli_session *cli, const satchel_id *id, json_t **out);
/* Takes `value` (NULL: memory is exhausted) into `object`. */
satchel_status cli_put(cli_session *cli, json_t *object, const char *key, json_t *value);
/* {"rows": […]} of what `make` gives for 0 … count - 1; where it gives NULL there is no row. */
typedef satchel_status cli_row_maker(cli_session *cli, void *context, uint32_t index, json_t **out);
satchel_status cli_rows_result(cli_session *cli, uint32_t count, cli_row_maker *make, void *context, json_t **out);
bool cli_chinese(const cli_session *cli);
const char *cli_language(const cli_session *cli);

/* Prints a result or a failure and gives the exit code. Takes `result`. */
int cli_finish(cli_session *cli, satchel_status status, json_t *result);
/* One line of JSON; in a batch too. */
int cli_exit_code(const cli_session *cli, satchel_status status);
json_t *cli_failure_json(const cli_session *cli, satchel_status status);
/* Text with everything that would steer a terminal replaced. */
void cli_print_text(FILE *to, const char *text);
/* Columns that the text takes on a terminal: Chinese characters take two. */
unsigned cli_text_width(const char *text);

/* --- HTTP --- */

typedef struct cli_http cli_http;
struct satchel_http_request;

typedef struct cli_answer {
    uint32_t http_status;
    char *body; /* freed by cli_answer_close */
    size_t bytes;
    int64_t elapsed_ms;
} cli_answer;

/* Sends over https, or over http to localhost; follows no redirect. NETWORK_ERROR or TIMED_OUT if no answer came. */
satchel_status cli_http_send(cli_session *cli, const struct satchel_http_request *request, cli_answer *out);
void cli_answer_close(cli_answer *answer);
void cli_http_close(cli_http *http);

/* --- the verbs --- */

/* verb_command.c: keep, restore or edit a conflict; argv[0] is which. */
satchel_status cli_resolve(cli_session *cli, int argc, const char **argv, json_t **out);

#include "verbs.h"
#define CLI_DECLARE(verb, function, arguments, en, zh)                                                                 \
    satchel_status function(cli_session *cli, int argc, const char **argv, json_t **out);
SATCHEL_VERBS(CLI_DECLARE)
#undef CLI_DECLARE

#endif
