/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satcheld: init and serve run here; every other verb is sent to the server that has the data folder, or carried out
 * here under the folder's lock if none runs.
 */
#include "admin/admin.h"
#include "admin/channel.h"
#include "base/error.h"
#include "base/text.h"
#include "host/backup_plan.h"
#include "http/routes.h"
#include "input.h"
#include "recovery.h"
#include "restore.h"
#include "service/epoch.h"
#include "service/policies.h"

#include <errno.h>
#include <poll.h>
#include <popt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_LISTEN "127.0.0.1:8080"
#define DEFAULT_THREADS 64
#define DEFAULT_EVERY "1d"
#define DEFAULT_KEEP 30
#define REQUEST_TIMEOUT_MS 30000
#define DRAIN_MS 20000
#define UPKEEP_EVERY_MS 30000
#define ZONE_MINUTES_MOST 1080

typedef struct options {
    char *data;
    char *company;
    char *preset;
    char *listen;
    char *database;
    int behind_proxy;
    int threads;
    char *ledger;
    char *key;
    const char *backup; /* restore: the file */
    char *backup_folder;
    char *backup_second;
    char *backup_every;
    int backup_keep;
    int zone_minutes;
    int ready_fd;
} options;

static int complain(satchel_status status, const satchel_error *error) {
    fprintf(stderr, "satcheld: %s: %s\n", satchel_status_name(status),
            error->detail[0] != '\0' ? error->detail : satchel_status_text(status, "en"));
    return status == SATCHEL_INVALID_ARGUMENT ? SATCHEL_EXIT_USAGE : SATCHEL_EXIT_FAILED;
}

static int usage(const char *problem) {
    fprintf(stderr, "satcheld: %s; see satcheld help\n", problem);
    return SATCHEL_EXIT_USAGE;
}

/* --- init --- */

typedef struct init_work {
    const satchel_service *service;
    satchel_text name;
    const char *preset; /* NULL: the shipped policy */
} init_work;

static satchel_status make_company(void *context, satchel_db *db, satchel_error *error) {
    const init_work *work = context;
    const satchel_actor system = satchel_actor_system();
    satchel_preset preset = SATCHEL_PRESET_SMALL;
    if (work->preset != NULL && satchel_preset_named(satchel_text_of(work->preset), &preset) != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "a preset is small, medium or large");
    }
    satchel_status status = satchel_company_init(work->service, db, work->name, error);
    return status == SATCHEL_OK && work->preset != NULL
               ? satchel_preset_apply(work->service, db, &system, preset, error)
               : status;
}

static int run_init(const options *given) {
    satchel_host_config config = {.folder = given->data,
                                  .create = true,
                                  .zone_minutes = given->zone_minutes,
                                  .database = given->database,
                                  .ledger = given->ledger};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_host *host = NULL;
    if (given->company == NULL) {
        return usage("init needs --company NAME");
    }
    satchel_status status = satchel_host_open(&host, &config, &error);
    if (status == SATCHEL_OK) {
        init_work work = {satchel_host_service(host), satchel_text_of(given->company), given->preset};
        status = satchel_host_write(host, make_company, &work, &error);
    }
    satchel_host_close(host);
    if (status != SATCHEL_OK) {
        return complain(status, &error);
    }
    printf("{\"company\": \"made\"}\n");
    return SATCHEL_EXIT_OK;
}

/* --- restore --- */

static int run_restore(const options *given) {
    const satchel_host_config config = {.folder = given->data,
                                        .zone_minutes = given->zone_minutes,
                                        .database = given->database,
                                        .ledger = given->ledger};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_restored restored;
    if (given->backup == NULL || given->key == NULL) {
        return usage("restore needs FILE --key KEYFILE");
    }
    memset(&restored, 0, sizeof restored);
    satchel_status status = satchel_restore(&config, given->backup, given->key, &restored, &error);
    if (status != SATCHEL_OK) {
        return complain(status, &error);
    }
    printf("{\"restored\": %llu, \"epoch\": %u, \"fenced\": %s}\n", (unsigned long long)restored.facts.n,
           (unsigned)restored.epoch, restored.fenced ? "true" : "false");
    return SATCHEL_EXIT_OK;
}

/* --- serve --- */

static satchel_status company_is_there(void *context, satchel_db *db, satchel_error *error) {
    satchel_company company;
    return satchel_company_get(context, db, &company, error);
}

static satchel_status fence_of(void *context, satchel_db *db, satchel_error *error) {
    return satchel_epoch_fence_of(db, context, error);
}

/* Why no phone is let in, if so; the server goes on for its operator. */
static void tell_fence(satchel_host *host) {
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_fence fence = SATCHEL_FENCE_NONE;
    if (satchel_host_read(host, fence_of, &fence, &error) == SATCHEL_OK && fence != SATCHEL_FENCE_NONE) {
        fprintf(stderr, "satcheld: phones are turned away: %s\n", satchel_fence_text(fence));
    }
}

/* Blocks the signals before any thread starts, so that they arrive at this descriptor only. */
static int catch_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static void tell_ready(int descriptor, uint16_t port) {
    char line[64];
    int length = snprintf(line, sizeof line, "listening on port %u\n", (unsigned)port);
    if (descriptor >= 0 && write(descriptor, line, (size_t)length) != length) {
        fprintf(stderr, "satcheld: nobody waits at --ready-fd\n");
    }
}

static void back_up(satchel_host *host, satchel_backup_plan *plan) {
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    bool made = false;
    satchel_status status =
        satchel_backup_plan_step(host, plan, satchel_service_now_ms(satchel_host_service(host)), &made, &error);
    if (status != SATCHEL_OK) {
        fprintf(stderr, "satcheld: the backup: %s: %s\n", satchel_status_name(status), error.detail);
    }
}

/* The plan's folder NULL: none was asked for. */
static satchel_status plan_backups(const options *given, satchel_backup_plan *out, satchel_error *error) {
    *out = (satchel_backup_plan){.folder = given->backup_folder,
                                 .second = given->backup_second,
                                 .key_path = given->key,
                                 .keep = given->backup_keep > 0 ? (uint32_t)given->backup_keep : 0};
    bool asked = given->backup_second != NULL || given->backup_every != NULL || given->backup_keep != DEFAULT_KEEP;
    if (given->backup_folder == NULL) {
        return asked ? satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "backups need --backup-dir FOLDER") : SATCHEL_OK;
    }
    satchel_status status =
        satchel_duration_read(given->backup_every != NULL ? given->backup_every : DEFAULT_EVERY, &out->every_ms, error);
    return status == SATCHEL_OK ? satchel_backup_plan_check(out, error) : status;
}

/* Until a signal comes: dated assignments begin and end even if no phone asks. */
static void wait_for_end(satchel_host *host, satchel_backup_plan *plan, int signals) {
    int64_t every_ms = plan->folder != NULL && plan->every_ms < UPKEEP_EVERY_MS ? plan->every_ms : UPKEEP_EVERY_MS;
    for (;;) {
        struct pollfd wait = {signals, POLLIN, 0};
        if (plan->folder != NULL) {
            back_up(host, plan);
        }
        int ready = poll(&wait, 1, (int)every_ms);
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return;
        }
        satchel_error error = {SATCHEL_OK, 0, 0, {0}};
        satchel_status status = satchel_host_day(host, &error);
        if (status != SATCHEL_OK) {
            fprintf(stderr, "satcheld: the day's memberships: %s: %s\n", satchel_status_name(status), error.detail);
        }
        status = satchel_host_tidy(host, &error);
        if (status != SATCHEL_OK) {
            fprintf(stderr, "satcheld: tidying: %s: %s\n", satchel_status_name(status), error.detail);
        }
    }
}

static satchel_status serve(const options *given, satchel_host *host, satchel_backup_plan *plan, int signals,
                            satchel_error *error) {
    satchel_channel *channel = NULL;
    satchel_http_server *http = NULL;
    satchel_routes_context routes = {.host = host, .turns = SATCHEL_TURNS_INIT};
    satchel_http_config config = {given->listen != NULL ? given->listen : DEFAULT_LISTEN,
                                  given->behind_proxy != 0,
                                  (uint32_t)given->threads,
                                  REQUEST_TIMEOUT_MS,
                                  satchel_routes(),
                                  &routes};
    satchel_status status =
        signals >= 0 ? satchel_host_read(host, company_is_there, (void *)(uintptr_t)satchel_host_service(host), error)
                     : satchel_fail(error, SATCHEL_IO_ERROR, "signalfd: %s", strerror(errno));
    if (status == SATCHEL_OK) {
        status = satchel_channel_open(&channel, given->data, satchel_admin_handle, host, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_http_server_open(&http, &config, error);
    }
    if (status == SATCHEL_OK) {
        if (satchel_host_clock_offset_ms(host) != 0) {
            fprintf(stderr, "satcheld: the clock is a rehearsal's: see satcheld day\n");
        }
        tell_fence(host);
        fprintf(stderr, "satcheld: listening on %s\n", config.listen);
        tell_ready(given->ready_fd, satchel_http_server_port(http));
        wait_for_end(host, plan, signals);
    }
    satchel_http_server_close(http, DRAIN_MS);
    satchel_channel_close(channel);
    return status;
}

static int run_serve(const options *given) {
    /* With an address the folder is but a place for lock and channel, so that it may be new. */
    satchel_host_config config = {.folder = given->data,
                                  .create = given->database != NULL,
                                  .zone_minutes = given->zone_minutes,
                                  .database = given->database,
                                  .ledger = given->ledger};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_host *host = NULL;
    if (given->threads < 1 || given->threads > SATCHEL_HTTP_THREADS_MOST) {
        return usage("--threads is out of range");
    }
    int signals = catch_signals(); /* before the first thread starts */
    satchel_backup_plan plan;
    satchel_status status = plan_backups(given, &plan, &error);
    if (status == SATCHEL_OK) {
        status = satchel_host_open(&host, &config, &error);
    }
    if (status == SATCHEL_OK) {
        status = serve(given, host, &plan, signals, &error);
    }
    satchel_host_close(host);
    if (signals >= 0) {
        close(signals);
    }
    return status == SATCHEL_OK ? SATCHEL_EXIT_OK : complain(status, &error);
}

/* --- administration --- */

/* With no server on the folder the command is carried out here, under the folder's lock. */
static satchel_status ask(const options *given, satchel_bytes request, satchel_buffer *answer, satchel_error *error) {
    satchel_status status = satchel_channel_ask(given->data, request, answer, error);
    if (status != SATCHEL_NOT_FOUND) {
        return status;
    }
    satchel_host_config config = {.folder = given->data, .zone_minutes = given->zone_minutes};
    satchel_host *host = NULL;
    status = satchel_host_open(&host, &config, error);
    if (status == SATCHEL_OK) {
        satchel_admin_handle(host, request, answer);
    }
    satchel_host_close(host);
    return status;
}

static int run_admin(const options *given, int argc, const char **argv) {
    satchel_buffer input;
    satchel_buffer request;
    satchel_buffer answer;
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_buffer_init(&input);
    satchel_buffer_init(&request);
    satchel_buffer_init(&answer);
    satchel_status status = SATCHEL_OK;
    bool takes_file = strcmp(argv[0], "import") == 0 || strcmp(argv[0], "realign") == 0;
    if (takes_file && argc >= 3 && argv[2][0] != '-') {
        status = satchel_input_read(argv[2], &input, &error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_admin_request(argc, argv, satchel_text_from(satchel_buffer_view(&input)), &request, &error);
    }
    if (status == SATCHEL_OK) {
        status = ask(given, satchel_buffer_view(&request), &answer, &error);
    }
    int code = status == SATCHEL_OK ? satchel_admin_print(satchel_buffer_view(&answer)) : complain(status, &error);
    satchel_buffer_deinit(&answer);
    satchel_buffer_deinit(&request);
    satchel_buffer_deinit(&input);
    return code;
}

static int print_help(void) {
    satchel_buffer text;
    satchel_buffer_init(&text);
    if (satchel_admin_help(&text) == SATCHEL_OK) {
        (void)fwrite(text.data, 1, text.bytes, stdout);
    }
    satchel_buffer_deinit(&text);
    return SATCHEL_EXIT_OK;
}

/* Of the options behind "recovery new": the file for the secret; NULL if they are others. `*out_json`: --json is one.
 */
static const char *secret_file_of(int argc, const char **argv, bool *out_json) {
    const char *file = NULL;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--secret-file") == 0 && i + 1 < argc && file == NULL) {
            file = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0) {
            *out_json = true;
        } else {
            return NULL;
        }
    }
    return file;
}

/* Makes the pair here, and tells the server the public half alone. */
static int run_recovery_new(const options *given, int argc, const char **argv) {
    char public_text[SATCHEL_RECOVERY_PUBLIC_TEXT_BYTES];
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    bool json = false;
    const char *file = secret_file_of(argc, argv, &json);
    const char *words[] = {argv[0], "set", public_text, "--json"};
    if (file == NULL) {
        return usage("recovery new needs --secret-file FILE");
    }
    satchel_status status = satchel_recovery_make(file, public_text, &error);
    if (status != SATCHEL_OK) {
        return complain(status, &error);
    }
    int code = run_admin(given, json ? 4 : 3, words);
    if (code != SATCHEL_EXIT_OK) {
        fprintf(stderr, "satcheld: %s holds a secret that may not be in use; see satcheld recovery show\n", file);
    }
    return code;
}

/* Takes "--data FOLDER" out of the arguments wherever it stands; the rest keeps its order. */
static const char *take_data(int *argc, const char **argv) {
    const char *data = getenv("SATCHELD_DATA");
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], "--data") == 0 && i + 1 < *argc) {
            data = argv[++i];
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return data;
}

/* Options of init and serve. False: they are not usable, which was said. */
static bool read_options(int argc, const char **argv, options *out) {
    int json = 0;
    struct poptOption table[] = {{"company", 0, POPT_ARG_STRING, &out->company, 0, NULL, NULL},
                                 {"preset", 0, POPT_ARG_STRING, &out->preset, 0, NULL, NULL},
                                 {"database", 0, POPT_ARG_STRING, &out->database, 0, NULL, NULL},
                                 {"listen", 0, POPT_ARG_STRING, &out->listen, 0, NULL, NULL},
                                 {"behind-proxy", 0, POPT_ARG_NONE, &out->behind_proxy, 0, NULL, NULL},
                                 {"threads", 0, POPT_ARG_INT, &out->threads, 0, NULL, NULL},
                                 {"zone-minutes", 0, POPT_ARG_INT, &out->zone_minutes, 0, NULL, NULL},
                                 {"ready-fd", 0, POPT_ARG_INT, &out->ready_fd, 0, NULL, NULL},
                                 {"ledger", 0, POPT_ARG_STRING, &out->ledger, 0, NULL, NULL},
                                 {"key", 0, POPT_ARG_STRING, &out->key, 0, NULL, NULL},
                                 {"backup-dir", 0, POPT_ARG_STRING, &out->backup_folder, 0, NULL, NULL},
                                 {"backup-second", 0, POPT_ARG_STRING, &out->backup_second, 0, NULL, NULL},
                                 {"backup-every", 0, POPT_ARG_STRING, &out->backup_every, 0, NULL, NULL},
                                 {"backup-keep", 0, POPT_ARG_INT, &out->backup_keep, 0, NULL, NULL},
                                 {"json", 0, POPT_ARG_NONE, &json, 0, NULL, NULL},
                                 POPT_TABLEEND};
    poptContext context = poptGetContext(NULL, argc, argv, table, 0);
    int code = context != NULL ? poptGetNextOpt(context) : POPT_ERROR_MALLOC;
    bool usable = code == -1 && poptPeekArg(context) == NULL && abs(out->zone_minutes) <= ZONE_MINUTES_MOST;
    if (!usable) {
        (void)usage(code < -1 ? poptStrerror(code) : "an argument is not expected");
    }
    if (context != NULL) {
        poptFreeContext(context);
    }
    return usable;
}

static int run_local(const char *data, int argc, const char **argv) {
    options given = {.threads = DEFAULT_THREADS, .ready_fd = -1, .backup_keep = DEFAULT_KEEP};
    int code = SATCHEL_EXIT_USAGE;
    const char *database = getenv("SATCHELD_DATABASE"); /* an address may hold a password, which ps would show */
    given.data = strdup(data);
    given.database = database != NULL && database[0] != '\0' ? strdup(database) : NULL;
    bool restores = strcmp(argv[0], "restore") == 0;
    if (restores && argc > 1 && argv[1][0] != '-') {
        given.backup = argv[1];
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    if (given.data != NULL && read_options(argc, argv, &given)) {
        code = restores ? run_restore(&given) : strcmp(argv[0], "init") == 0 ? run_init(&given) : run_serve(&given);
    }
    free(given.data);
    free(given.company);
    free(given.preset);
    free(given.listen);
    free(given.ledger);
    free(given.key);
    free(given.backup_folder);
    free(given.backup_second);
    free(given.backup_every);
    free(given.database);
    return code;
}

int main(int argc, const char **argv) {
    umask(077); /* what is made here is its owner's alone; SQLite would let others read */
    satchel_db_process_begin();
    int count = argc - 1;
    const char **words = argv + 1;
    const char *data = take_data(&count, words);
    if (count == 0 || strcmp(words[0], "help") == 0 || strcmp(words[0], "--help") == 0) {
        print_help();
        return count == 0 ? SATCHEL_EXIT_USAGE : SATCHEL_EXIT_OK;
    }
    bool local = strcmp(words[0], "init") == 0 || strcmp(words[0], "serve") == 0 || strcmp(words[0], "restore") == 0;
    if (!local && !satchel_admin_knows(words[0])) {
        return usage("there is no such verb");
    }
    if (data == NULL || data[0] == '\0') {
        return usage("--data FOLDER (or SATCHELD_DATA) names the data folder");
    }
    if (local) {
        return run_local(data, count, words);
    }
    options given = {.data = (char *)(uintptr_t)data};
    if (strcmp(words[0], "recovery") == 0 && count >= 2 && strcmp(words[1], "new") == 0) {
        return run_recovery_new(&given, count, words);
    }
    return run_admin(&given, count, words);
}
