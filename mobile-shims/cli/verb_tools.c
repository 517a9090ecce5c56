/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools: dump, PIN, batch, help, completion.
 *
 * A batch keeps the store open and answers each line of JSON with one line of JSON, flushed at once; ending the process
 * at any moment is legal, as what was answered is durable.
 */
#include "cli.h"

#include <satchel/model.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_LINE_MOST ((size_t)1 << 20)
#define BATCH_WORDS_MOST 512
#define BATCH_IDLE_MS 10 /* behind each answer: the next line waits no longer than that */

/* --- dump --- */

typedef struct dump_run {
    cli_session *cli;
    satchel_entity_info entity;
    json_t *rows; /* in a batch: everything; else NULL, and lines are printed */
} dump_run;

static satchel_status dump_row(void *context, const satchel_row_view *row) {
    dump_run *run = context;
    cli_session *cli = run->cli;
    json_t *object = cli_row_json(cli, run->entity.number, row, CLI_FORM_RAW, true);
    bool made = object != NULL && json_object_set_new(object, "entity", json_string(run->entity.name)) == 0 &&
                json_object_set(object, "flags", json_object_get(object, "state")) == 0 &&
                json_object_del(object, "state") == 0;
    satchel_status status = made ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for a row");
    if (made && run->rows != NULL) {
        status = json_array_append(run->rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    } else if (made && (json_dumpf(object, stdout, JSON_COMPACT) != 0 || putchar('\n') == EOF)) {
        status = cli_fail(cli, SATCHEL_IO_ERROR, "the output cannot be written");
    }
    json_decref(object);
    return status;
}

static satchel_status dump_entity(dump_run *run) {
    satchel_query *query = NULL;
    bool more;
    satchel_status status = satchel_query_open(&query, run->entity.number);
    if (status == SATCHEL_OK) {
        status = cli_walk(run->cli, query, 0, &more, dump_row, run);
    }
    satchel_query_close(query);
    return status;
}

static bool is_named(const cli_args *args, const satchel_entity_info *entity) {
    for (int i = 0; i < args->count; i++) {
        if (strcmp(args->words[i], entity->name) == 0 || strcmp(args->words[i], entity->plural) == 0) {
            return true;
        }
    }
    return args->count == 0;
}

static satchel_status check_names(cli_session *cli, const cli_args *args) {
    for (int i = 0; i < args->count; i++) {
        satchel_entity_info entity;
        const satchel_text name = {args->words[i], strlen(args->words[i])};
        if (satchel_fields_entity_named(cli->fields, name, &entity) != SATCHEL_OK) {
            return cli_fail(cli, SATCHEL_UNKNOWN_ENTITY, "there is no entity \"%.60s\"", args->words[i]);
        }
    }
    return SATCHEL_OK;
}

satchel_status verb_dump(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    dump_run run = {.cli = cli};
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, -1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = check_names(cli, &args);
    }
    if (status == SATCHEL_OK && cli->batch) {
        run.rows = json_array();
        *out = json_object();
        status = cli_put(cli, *out, "rows", run.rows);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < satchel_fields_entity_count(cli->fields); i++) {
        status = satchel_fields_entity_at(cli->fields, i, &run.entity);
        if (status == SATCHEL_OK && !run.entity.server_only && is_named(&args, &run.entity)) {
            status = dump_entity(&run);
        }
    }
    cli_args_close(&args);
    return status;
}

/* --- PIN --- */

static satchel_status change_pin(cli_session *cli, const char *new_pin_file) {
    char old_pin[CLI_PIN_BYTES] = {0};
    char new_pin[CLI_PIN_BYTES] = {0};
    char again[CLI_PIN_BYTES] = {0};
    bool had_pin = cli->pin_file != NULL || getenv("SATCHEL_PIN") != NULL ||
                   (cli->key_file == NULL && getenv("SATCHEL_KEY_FILE") == NULL);
    satchel_status status = SATCHEL_OK;
    if (had_pin) {
        status = cli_read_pin(cli, cli->pin_file, "SATCHEL_PIN", "PIN", old_pin);
    }
    if (status == SATCHEL_OK) {
        status = cli_read_pin(cli, new_pin_file, "SATCHEL_NEW_PIN", "new PIN", new_pin);
    }
    if (status == SATCHEL_OK) {
        status = cli_read_pin(cli, new_pin_file, "SATCHEL_NEW_PIN", "new PIN again", again);
    }
    if (status == SATCHEL_OK && strcmp(new_pin, again) != 0) {
        status = cli_usage(cli, "the new PIN was not typed twice alike");
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_change_pin(cli->device, had_pin ? old_pin : NULL, new_pin, &cli->error);
    }
    explicit_bzero(old_pin, sizeof old_pin);
    explicit_bzero(new_pin, sizeof new_pin);
    explicit_bzero(again, sizeof again);
    return status;
}

satchel_status verb_pin(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    char *file = NULL;
    struct poptOption options[] = {{"new-pin-file", 0, POPT_ARG_STRING, &file, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = change_pin(cli, file);
    }
    if (status == SATCHEL_OK) {
        *out = json_object();
        status = cli_put(cli, *out, "changed", json_true());
    }
    cli_args_close(&args);
    return status;
}

/* --- batch --- */

/* The words of one line. Gives false if it is no array of texts. */
static bool words_of(const json_t *line, const char *words[BATCH_WORDS_MOST + 1], int *out_count) {
    size_t count = json_array_size(line);
    if (!json_is_array(line) || count == 0 || count > BATCH_WORDS_MOST) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        words[i] = json_string_value(json_array_get(line, i));
        if (words[i] == NULL) {
            return false;
        }
    }
    words[count] = NULL;
    *out_count = (int)count;
    return true;
}

static satchel_status run_line(cli_session *cli, const char *text, json_t **out) {
    const char *words[BATCH_WORDS_MOST + 1];
    int count = 0;
    json_error_t reason;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &reason);
    memset(&cli->error, 0, sizeof cli->error);
    cli->usage_failed = false;
    satchel_status status;
    if (line == NULL) {
        status = cli_usage(cli, "the line is no JSON: %s", reason.text);
    } else if (!words_of(line, words, &count)) {
        status = cli_usage(cli, "a line is an array of at most %d texts", BATCH_WORDS_MOST);
    } else if (strcmp(words[0], "batch") == 0) {
        status = cli_usage(cli, "a batch holds no batch");
    } else {
        status = cli_run(cli, count, words, out);
        cli->json = 1; /* whatever the line's own options said */
    }
    json_decref(line);
    return status;
}

static satchel_status answer_line(cli_session *cli, satchel_status status, json_t *result) {
    json_t *answer = status == SATCHEL_OK ? json_pack("{s:s}", "status", "OK") : cli_failure_json(cli, status);
    if (answer != NULL && status == SATCHEL_OK && result != NULL) {
        (void)json_object_update_missing(answer, result);
    }
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    puts(text == NULL ? "{\"status\":\"NO_MEMORY\"}" : text);
    free(text);
    json_decref(answer);
    return fflush(stdout) == 0 ? SATCHEL_OK : cli_fail(cli, SATCHEL_IO_ERROR, "the answer cannot be written");
}

static satchel_status run_batch(cli_session *cli) {
    char *line = NULL;
    size_t room = 0;
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK) {
        ssize_t bytes = getline(&line, &room, stdin);
        if (bytes < 0) {
            break;
        }
        line[strcspn(line, "\r\n")] = 0;
        if (line[0] == 0) {
            continue;
        }
        json_t *result = NULL;
        satchel_status ran =
            (size_t)bytes > BATCH_LINE_MOST ? cli_usage(cli, "the line is too long") : run_line(cli, line, &result);
        status = answer_line(cli, ran, result);
        json_decref(result);
        cli_idle(cli, BATCH_IDLE_MS);
    }
    free(line);
    return status;
}

satchel_status verb_batch(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    (void)out;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, 0);
    if (status == SATCHEL_OK) {
        cli->batch = true;
        cli->json = 1;
        status = run_batch(cli);
    }
    cli_args_close(&args);
    return status;
}

/* --- help, completion --- */

typedef struct verb_text {
    const char *name, *arguments, *en, *zh;
} verb_text;

static const verb_text verbs[] = {
#define CLI_TEXT(verb, function, arguments, en, zh) {#verb, arguments, en, zh},
    SATCHEL_VERBS(CLI_TEXT)
#undef CLI_TEXT
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void print_verb(const cli_session *cli, const verb_text *verb) {
    const char *at = verb->arguments;
    printf("satchel %s", verb->name);
    /* each alternative on a line of its own */
    while (at != NULL) {
        const char *bar = strstr(at, " | ");
        int bytes = bar == NULL ? (int)strlen(at) : (int)(bar - at);
        printf("%s%.*s\n", bytes > 0 ? " " : "", bytes, at);
        at = bar == NULL ? NULL : bar + 3;
        if (at != NULL) {
            printf("satchel %s", verb->name);
        }
    }
    printf("    %s\n", cli_chinese(cli) ? verb->zh : verb->en);
}

static json_t *help_json(const char *only) {
    json_t *rows = json_array();
    for (size_t i = 0; i < VERB_COUNT && rows != NULL; i++) {
        if (only != NULL && strcmp(only, verbs[i].name) != 0) {
            continue;
        }
        json_t *verb =
            json_pack("{s:s, s:s, s:s}", "verb", verbs[i].name, "arguments", verbs[i].arguments, "text", verbs[i].en);
        if (verb == NULL || json_array_append_new(rows, verb) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

satchel_status verb_help(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    bool found = false;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, 1);
    if (status == SATCHEL_OK && cli->json) {
        *out = json_object();
        status = cli_put(cli, *out, "rows", help_json(args.count == 0 ? NULL : args.words[0]));
        found = json_array_size(json_object_get(*out, "rows")) > 0;
    }
    for (size_t i = 0; status == SATCHEL_OK && !cli->json && i < VERB_COUNT; i++) {
        if (args.count == 0 || strcmp(args.words[0], verbs[i].name) == 0) {
            print_verb(cli, &verbs[i]);
            found = true;
        }
    }
    if (status == SATCHEL_OK && !found) {
        status = cli_usage(cli, "there is no verb \"%.60s\"", args.words[0]);
    }
    if (status == SATCHEL_OK && !cli->json && args.count == 0) {
        puts("\n--store DIR (or SATCHEL_STORE)  --pin-file FILE (or SATCHEL_PIN)\n"
             "--key-file FILE (or SATCHEL_KEY_FILE)  --json  --language zh|en\n"
             "exit: 0 done, 1 refused or failed, 2 wrong command line, 3 access or keys, 4 no network");
    }
    cli_args_close(&args);
    return status;
}

/* The first word of each alternative that begins with a plain one. */
static void print_subverbs(const verb_text *verb) {
    bool first = true;
    for (const char *at = verb->arguments; at != NULL;) {
        size_t bytes = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
        if (bytes > 0 && at[0] != '-' && (at[bytes] == ' ' || at[bytes] == 0)) {
            printf("%s%.*s", first ? "" : " ", (int)bytes, at);
            first = false;
        }
        const char *bar = strstr(at, " | ");
        at = bar == NULL ? NULL : bar + 3;
    }
}

static void print_bash(void) {
    puts("_satchel() {\n    local word=\"${COMP_WORDS[COMP_CWORD]}\" verb=\"${COMP_WORDS[1]}\"\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W \"", stdout);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        printf("%s%s", i == 0 ? "" : " ", verbs[i].name);
    }
    puts("\" -- \"$word\"))\n        return\n    fi\n    case \"$verb\" in");
    for (size_t i = 0; i < VERB_COUNT; i++) {
        printf("    %s) COMPREPLY=($(compgen -W \"", verbs[i].name);
        print_subverbs(&verbs[i]);
        puts("\" -- \"$word\")) ;;");
    }
    puts("    esac\n}\ncomplete -F _satchel satchel");
}

satchel_status verb_completion(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    (void)out;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK && strcmp(args.words[0], "bash") != 0) {
        status = cli_usage(cli, "there is a completion for bash alone");
    }
    if (status == SATCHEL_OK && cli->batch) {
        status = cli_usage(cli, "a completion is text: not in a batch");
    }
    if (status == SATCHEL_OK) {
        print_bash();
    }
    cli_args_close(&args);
    return status;
}
