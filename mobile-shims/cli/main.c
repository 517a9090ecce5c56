/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satchel: the terminal shell. Global options, dispatch by the table of verbs, exit code.
 *
 * Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 3 access or keys, 4 no network (nothing is lost).
 */
#include "cli.h"

#include <satchel/version.h>

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OPTIONS_MOST 24 /* of a verb and global ones, with the end of the table */
#define IDLE_MS 50      /* that a command goes on in the background of its answer */
#define FIRST_TEXT 1000 /* popt's value of the first option that takes a text */

/* A flat table for popt. A text option may be given twice, so its value is taken over here and the earlier one freed.
 */
typedef struct option_table {
    struct poptOption entries[OPTIONS_MOST];
    char **targets[OPTIONS_MOST]; /* of text options */
    unsigned count;
} option_table;

static void add_options(option_table *table, const struct poptOption *options) {
    const struct poptOption end = POPT_TABLEEND;
    for (; options != NULL && options->longName != NULL && table->count + 1 < OPTIONS_MOST; options++) {
        struct poptOption *entry = &table->entries[table->count];
        *entry = *options;
        if ((entry->argInfo & POPT_ARG_MASK) == POPT_ARG_STRING) {
            table->targets[table->count] = entry->arg;
            entry->arg = NULL;
            entry->val = FIRST_TEXT + (int)table->count;
        }
        table->count++;
    }
    table->entries[table->count] = end;
}

static void add_global_options(option_table *table, cli_session *cli) {
    const struct poptOption options[] = {
        {"store", 's', POPT_ARG_STRING, &cli->store, 0, NULL, NULL},
        {"pin-file", 0, POPT_ARG_STRING, &cli->pin_file, 0, NULL, NULL},
        {"key-file", 0, POPT_ARG_STRING, &cli->key_file, 0, NULL, NULL},
        {"language", 0, POPT_ARG_STRING, &cli->language, 0, NULL, NULL},
        {"json", 0, POPT_ARG_NONE, &cli->json, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    add_options(table, options);
}

/* Reads options until popt tells of one that is no text, of the end (-1), or of an error (below). */
static int next_option(poptContext context, option_table *table) {
    for (;;) {
        int code = poptGetNextOpt(context);
        if (code < FIRST_TEXT || code >= FIRST_TEXT + OPTIONS_MOST) {
            return code;
        }
        char **target = table->targets[code - FIRST_TEXT];
        free(*target);
        *target = poptGetOptArg(context);
    }
}

/* How many bytes the character at `text` takes, 0 if there is no valid one. */
static size_t character_bytes(const char *text) {
    size_t most = strnlen(text, 4);
    for (size_t bytes = 1; bytes <= most; bytes++) {
        json_t *character = json_stringn(text, bytes);
        if (character != NULL) {
            json_decref(character);
            return bytes;
        }
    }
    return 0;
}

/* A message quotes what was typed, cut at any byte; what is printed and sent as JSON is valid UTF-8. */
static void tell(cli_session *cli, satchel_status status, const char *format, va_list arguments) {
    char *detail = cli->error.detail;
    vsnprintf(detail, sizeof cli->error.detail, format, arguments);
    for (size_t at = 0; detail[at] != 0;) {
        size_t bytes = character_bytes(detail + at);
        if (bytes == 0) {
            detail[at] = '?';
        }
        at += bytes == 0 ? 1 : bytes;
    }
    cli->error.status = status;
}

satchel_status cli_usage(cli_session *cli, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tell(cli, SATCHEL_INVALID_ARGUMENT, format, arguments);
    va_end(arguments);
    cli->usage_failed = true;
    return SATCHEL_INVALID_ARGUMENT;
}

satchel_status cli_fail(cli_session *cli, satchel_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    tell(cli, status, format, arguments);
    va_end(arguments);
    return status;
}

/* --- arguments of a verb --- */

satchel_status cli_args_open(cli_args *args, cli_session *cli, int argc, const char **argv, struct poptOption *options,
                             int least, int most) {
    option_table table = {.count = 0};
    memset(args, 0, sizeof *args);
    args->options = options;
    add_options(&table, options);
    add_global_options(&table, cli);
    args->context = poptGetContext("satchel", argc, argv, table.entries, 0);
    if (args->context == NULL) {
        return cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the arguments");
    }
    int code = next_option(args->context, &table);
    if (code < -1) {
        return cli_usage(cli, "%s: %s", poptBadOption(args->context, 0), poptStrerror(code));
    }
    args->words = poptGetArgs(args->context);
    while (args->words != NULL && args->words[args->count] != NULL) {
        args->count++;
    }
    if (args->count < least) {
        return cli_usage(cli, "an argument is missing: see satchel help");
    }
    if (most >= 0 && args->count > most) {
        return cli_usage(cli, "there is an argument too many: see satchel help");
    }
    return SATCHEL_OK;
}

static void free_words(char **words) {
    for (char **word = words; word != NULL && *word != NULL; word++) {
        free(*word);
    }
    free(words);
}

void cli_args_close(cli_args *args) {
    const struct poptOption *option = args->options;
    for (; option != NULL && (option->longName != NULL || option->arg != NULL); option++) {
        if ((option->argInfo & POPT_ARG_MASK) == POPT_ARG_STRING) {
            free(*(char **)option->arg);
            *(char **)option->arg = NULL;
        } else if ((option->argInfo & POPT_ARG_MASK) == POPT_ARG_ARGV) {
            free_words(*(char ***)option->arg);
            *(char ***)option->arg = NULL;
        }
    }
    poptFreeContext(args->context);
    args->context = NULL;
}

/* --- dispatch --- */

satchel_status cli_dispatch(cli_session *cli, const cli_subverb *subverbs, unsigned count, int argc, const char **argv,
                            json_t **out) {
    const char *word = argc > 1 ? argv[1] : "";
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(subverbs[i].name, word) == 0) {
            return subverbs[i].run(cli, argc - 1, argv + 1, out);
        }
    }
    return word[0] == 0 ? cli_usage(cli, "%s wants a command: see satchel help %s", argv[0], argv[0])
                        : cli_usage(cli, "%s has no command \"%.60s\": see satchel help %s", argv[0], word, argv[0]);
}

satchel_status cli_run(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {
#define CLI_ENTRY(verb, function, arguments, en, zh) {#verb, function},
        SATCHEL_VERBS(CLI_ENTRY)
#undef CLI_ENTRY
    };
    memset(&cli->error, 0, sizeof cli->error);
    cli->usage_failed = false;
    cli->exit_failed = false;
    cli->column_count = 0;
    cli->shown_entity = 0;
    for (unsigned i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, argv[0]) == 0) {
            return verbs[i].run(cli, argc, argv, out);
        }
    }
    return cli_usage(cli, "there is no verb \"%.60s\": see satchel help", argv[0]);
}

/* Global options before the verb; gives the number of words that they take, -1 on failure. */
static int read_globals(cli_session *cli, int argc, const char **argv) {
    const struct poptOption own[] = {
        {"version", 'V', POPT_ARG_NONE, NULL, 'V', NULL, NULL},
        {"help", 'h', POPT_ARG_NONE, NULL, 'h', NULL, NULL},
        POPT_TABLEEND,
    };
    option_table table = {.count = 0};
    add_options(&table, own);
    add_global_options(&table, cli);
    poptContext context = poptGetContext("satchel", argc, argv, table.entries, POPT_CONTEXT_POSIXMEHARDER);
    int code = next_option(context, &table);
    int rest = 0;
    if (code == 'V' || code == 'h') {
        rest = -code;
    } else if (code < -1) {
        (void)cli_usage(cli, "%s: %s", poptBadOption(context, 0), poptStrerror(code));
        rest = -1;
    } else {
        const char **words = poptGetArgs(context);
        for (rest = 0; words != NULL && words[rest] != NULL; rest++) {
        }
        rest = argc - rest;
    }
    poptFreeContext(context);
    return rest;
}

static int run_command_line(cli_session *cli, int argc, const char **argv) {
    static const char *const help[] = {"help", NULL};
    json_t *result = NULL;
    int first = read_globals(cli, argc, argv);
    if (first == -'V') {
        printf("satchel %s\n", satchel_version());
        return CLI_EXIT_OK;
    }
    if (first == -1) {
        return cli_finish(cli, SATCHEL_INVALID_ARGUMENT, NULL);
    }
    if (first == -'h' || first >= argc) {
        satchel_status told = verb_help(cli, 1, (const char **)(uintptr_t)help, &result);
        int code = cli_finish(cli, told, result);
        return first == -'h' ? code : CLI_EXIT_USAGE;
    }
    satchel_status status = cli_run(cli, argc - first, argv + first, &result);
    return cli_finish(cli, status, result);
}

int main(int argc, char **argv) {
    cli_session session;
    memset(&session, 0, sizeof session);
    umask(077); /* what is made here is its owner's alone; SQLite would let others read */
    setlocale(LC_CTYPE, "");
    int code = run_command_line(&session, argc, (const char **)(uintptr_t)argv);
    (void)fflush(stdout);
    cli_idle(&session, IDLE_MS);
    cli_close(&session);
    cli_http_close(session.http);
    free(session.store);
    free(session.pin_file);
    free(session.key_file);
    free(session.language);
    return code;
}
