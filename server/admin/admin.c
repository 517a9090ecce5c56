/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dispatch of administration commands, and their requests and answers as JSON.
 */
#include "admin/admin.h"

#include "admin/command.h"
#include "admin/table.h"
#include "base/error.h"
#include "base/text.h"
#include "verbs.h"

#include <stdio.h>
#include <string.h>

/* Arguments of one command line. */
#define ARGUMENTS_MOST 4096

typedef struct verb_entry {
    const char *name;
    satchel_verb_run run;
} verb_entry;

static const verb_entry *find_verb(const char *name) {
#define ENTRY(verb, function, arguments, text) {#verb, function},
    static const verb_entry verbs[] = {SATCHELD_ADMIN_VERBS(ENTRY)};
#undef ENTRY
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

bool satchel_admin_knows(const char *verb) {
    return find_verb(verb) != NULL;
}

satchel_status satchel_admin_help(satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_format(
        out, "usage: satcheld VERB … --data FOLDER [--json]   (or SATCHELD_DATA=FOLDER)\n\n");
#define LOCAL_LINE(verb, arguments, text)                                                                              \
    if (status == SATCHEL_OK) {                                                                                        \
        status = satchel_buffer_append_format(out, "  %s %s\n      %s\n", #verb, arguments, text);                     \
    }
#define ADMIN_LINE(verb, function, arguments, text) LOCAL_LINE(verb, arguments, text)
    SATCHELD_LOCAL_VERBS(LOCAL_LINE)
    SATCHELD_ADMIN_VERBS(ADMIN_LINE)
#undef ADMIN_LINE
#undef LOCAL_LINE
    return status;
}

/* --- carrying out --- */

/* The words of the request, and whether "--json" was among them. */
typedef struct parsed_line {
    const char **words;
    int count;
    bool json;
} parsed_line;

static satchel_status read_line(const json_t *words, satchel_arena *arena, parsed_line *out) {
    size_t count = json_array_size(words);
    out->words = satchel_arena_take_array(arena, count + 1, sizeof *out->words);
    out->count = 0;
    out->json = false;
    if (out->words == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (size_t i = 0; i < count && count <= ARGUMENTS_MOST; i++) {
        const char *word = json_string_value(json_array_get(words, i));
        if (word == NULL) {
            return SATCHEL_MALFORMED;
        }
        if (strcmp(word, "--json") == 0) {
            out->json = true;
        } else {
            out->words[out->count++] = word;
        }
    }
    return out->count > 0 ? SATCHEL_OK : SATCHEL_MALFORMED;
}

static satchel_status run_verb(satchel_host *host, const parsed_line *line, const json_t *input, satchel_arena *arena,
                               json_t *result, satchel_error *error) {
    const verb_entry *verb = find_verb(line->words[0]);
    if (verb == NULL) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "there is no verb %.40s: see satcheld help",
                            line->words[0]);
    }
    const satchel_service *service = satchel_host_service(host);
    satchel_command command = {host,
                               service,
                               satchel_service_schema(service),
                               arena,
                               line->words,
                               line->count,
                               {json_string_value(input), json_string_length(input)},
                               result};
    return verb->run(&command, error);
}

static int exit_code(satchel_status status) {
    if (status == SATCHEL_OK) {
        return SATCHEL_EXIT_OK;
    }
    return status == SATCHEL_INVALID_ARGUMENT ? SATCHEL_EXIT_USAGE : SATCHEL_EXIT_FAILED;
}

static satchel_status write_json(json_t *result, satchel_buffer *out) {
    char *text = json_dumps(result, JSON_COMPACT | JSON_PRESERVE_ORDER);
    satchel_status status = text != NULL ? satchel_buffer_append_format(out, "%s\n", text) : SATCHEL_NO_MEMORY;
    free(text);
    return status;
}

static satchel_status write_result(json_t *result, bool json, satchel_status status, const satchel_error *error,
                                   satchel_buffer *out) {
    if (!json) {
        return satchel_table_write(result, out);
    }
    if (status != SATCHEL_OK) {
        (void)json_object_set_new(result, "status", json_string(satchel_status_name(status)));
        (void)json_object_set_new(result, "message", json_string(error->detail));
    }
    return write_json(result, out);
}

static satchel_status write_answer(satchel_status status, const satchel_error *error, const satchel_buffer *printed,
                                   satchel_buffer *answer) {
    satchel_buffer complaint;
    satchel_buffer_init(&complaint);
    satchel_status written = SATCHEL_OK;
    if (status != SATCHEL_OK) {
        written =
            satchel_buffer_append_format(&complaint, "satcheld: %s: %s\n", satchel_status_name(status),
                                         error->detail[0] != '\0' ? error->detail : satchel_status_text(status, "en"));
    }
    json_t *object = written == SATCHEL_OK
                         ? json_pack("{s:i, s:s%, s:s%}", "exit", exit_code(status), "out",
                                     printed->bytes > 0 ? (const char *)printed->data : "", printed->bytes, "err",
                                     complaint.bytes > 0 ? (const char *)complaint.data : "", complaint.bytes)
                         : NULL;
    written = object != NULL ? write_json(object, answer) : SATCHEL_NO_MEMORY;
    json_decref(object);
    satchel_buffer_deinit(&complaint);
    return written;
}

void satchel_admin_handle(void *context, satchel_bytes request, satchel_buffer *answer) {
    satchel_arena arena;
    satchel_buffer printed;
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    parsed_line line = {NULL, 0, false};
    satchel_arena_init(&arena);
    satchel_buffer_init(&printed);
    json_t *object = json_loadb((const char *)request.data, request.bytes, 0, NULL);
    json_t *result = json_object();
    satchel_status status = object != NULL && result != NULL ? SATCHEL_OK : SATCHEL_MALFORMED;
    if (status == SATCHEL_OK) {
        status = read_line(json_object_get(object, "argv"), &arena, &line);
    }
    if (status == SATCHEL_OK) {
        status = run_verb(context, &line, json_object_get(object, "input"), &arena, result, &error);
    }
    if (result != NULL && write_result(result, line.json, status, &error, &printed) != SATCHEL_OK) {
        status = SATCHEL_NO_MEMORY;
    }
    if (write_answer(status, &error, &printed, answer) != SATCHEL_OK) {
        satchel_buffer_clear(answer); /* an empty answer tells the command that there was none */
    }
    json_decref(object);
    json_decref(result);
    satchel_buffer_deinit(&printed);
    satchel_arena_deinit(&arena);
}

/* --- the command's side --- */

satchel_status satchel_admin_request(int argc, const char *const *argv, satchel_text input, satchel_buffer *out,
                                     satchel_error *error) {
    json_t *words = json_array();
    for (int i = 0; words != NULL && i < argc; i++) {
        if (!satchel_text_valid(satchel_text_of(argv[i]))) {
            json_decref(words);
            return satchel_fail(error, SATCHEL_BAD_TEXT, "an argument is not valid UTF-8");
        }
        if (json_array_append_new(words, json_string(argv[i])) != 0) {
            json_decref(words);
            words = NULL;
        }
    }
    if (input.bytes > 0 && !satchel_text_valid(input)) {
        json_decref(words);
        return satchel_fail(error, SATCHEL_BAD_TEXT, "the file is neither UTF-8 nor GB18030");
    }
    json_t *object =
        words != NULL ? json_pack("{s:o, s:s%}", "argv", words, "input", input.bytes > 0 ? input.data : "", input.bytes)
                      : NULL;
    satchel_status status = object != NULL ? write_json(object, out) : SATCHEL_NO_MEMORY;
    json_decref(object);
    return status;
}

int satchel_admin_print(satchel_bytes answer) {
    json_t *object = json_loadb((const char *)answer.data, answer.bytes, 0, NULL);
    const char *out = json_string_value(json_object_get(object, "out"));
    const char *err = json_string_value(json_object_get(object, "err"));
    int code = SATCHEL_EXIT_FAILED;
    if (out == NULL || err == NULL) {
        fprintf(stderr, "satcheld: the server gave no answer\n");
    } else {
        bool printed = fputs(out, stdout) >= 0 && fflush(stdout) == 0;
        fputs(err, stderr);
        code = printed ? (int)json_integer_value(json_object_get(object, "exit")) : SATCHEL_EXIT_FAILED;
    }
    json_decref(object);
    return code;
}
