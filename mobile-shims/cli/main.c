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

#define GLOBAL_OPTIONS 6

const struct poptOption *cli_global_options(cli_session *cli) {
    /* popt wants addresses of variables in its table, so there is one table a process; there is one session as well. */
    static struct poptOption options[GLOBAL_OPTIONS];
    const struct poptOption table[GLOBAL_OPTIONS] = {
        {"store", 's', POPT_ARG_STRING, &cli->store, 0, "folder of the store", "DIR"},
        {"pin-file", 0, POPT_ARG_STRING, &cli->pin_file, 0, "file with the PIN", "FILE"},
        {"key-file", 0, POPT_ARG_STRING, &cli->key_file, 0, "keystore for scripts: a file of 32 bytes", "FILE"},
        {"language", 0, POPT_ARG_STRING, &cli->language, 0, "language of texts", "zh|en"},
        {"json", 0, POPT_ARG_NONE, &cli->json, 0, "machine-readable results", NULL},
        POPT_TABLEEND,
    };
    memcpy(options, table, sizeof options);
    return options;
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
    static struct poptOption none[] = {POPT_TABLEEND};
    static struct poptOption all[3];
    const struct poptOption table[3] = {
        {NULL, 0, POPT_ARG_INCLUDE_TABLE, options != NULL ? options : none, 0, NULL, NULL},
        {NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)(uintptr_t)cli_global_options(cli), 0, NULL, NULL},
        POPT_TABLEEND,
    };
    memset(args, 0, sizeof *args);
    memcpy(all, table, sizeof all);
    args->options = options;
    args->context = poptGetContext("satchel", argc, argv, all, 0);
    if (args->context == NULL) {
        return cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the arguments");
    }
    int code = poptGetNextOpt(args->context);
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
    static const struct poptOption version[] = {
        {"version", 'V', POPT_ARG_NONE, NULL, 'V', "print the version", NULL},
        {"help", 'h', POPT_ARG_NONE, NULL, 'h', "print the verbs", NULL},
        POPT_TABLEEND,
    };
    static struct poptOption all[3];
    const struct poptOption table[3] = {
        {NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)(uintptr_t)version, 0, NULL, NULL},
        {NULL, 0, POPT_ARG_INCLUDE_TABLE, (void *)(uintptr_t)cli_global_options(cli), 0, NULL, NULL},
        POPT_TABLEEND,
    };
    memcpy(all, table, sizeof all);
    poptContext context = poptGetContext("satchel", argc, argv, all, POPT_CONTEXT_POSIXMEHARDER);
    int code = poptGetNextOpt(context);
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
    setlocale(LC_CTYPE, "");
    int code = run_command_line(&session, argc, (const char **)(uintptr_t)argv);
    cli_close(&session);
    cli_http_close(session.http);
    free(session.store);
    free(session.pin_file);
    free(session.key_file);
    free(session.language);
    return code;
}
