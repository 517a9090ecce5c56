/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment and sync over libcurl, with a progress bar while a first sync runs on a terminal.
 */
#include "cli.h"

#include <satchel/sync.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define ENROL_TRIES 4
#define ENROL_PAUSE_MS 300
#define BAR_CELLS 30

static void pause_ms(int64_t milliseconds) {
    const struct timespec pause = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000L};
    nanosleep(&pause, NULL); /* a signal ends it early, which is what is wanted */
}

/* --- enroll --- */

/* Asks until an answer comes; the request is the same each time, so asking again is safe. */
static satchel_status redeem(cli_session *cli, satchel_enrolment *enrolment) {
    satchel_http_request request;
    cli_answer answer;
    satchel_status status = SATCHEL_NETWORK_ERROR;
    for (int i = 0; i < ENROL_TRIES; i++) {
        if (i > 0) {
            pause_ms(ENROL_PAUSE_MS * i);
        }
        status = satchel_enrolment_request(enrolment, &request, &cli->error);
        if (status == SATCHEL_OK) {
            status = cli_http_send(cli, &request, &answer);
        }
        if (status == SATCHEL_OK) {
            const satchel_bytes body = {(const uint8_t *)answer.body, answer.bytes};
            status = satchel_enrolment_feed(enrolment, answer.http_status, body, &cli->error);
            cli_answer_close(&answer);
        }
        if (status == SATCHEL_OK || satchel_status_class_of(status) != SATCHEL_CLASS_RETRY) {
            break;
        }
    }
    return status;
}

static satchel_status enrolled_result(cli_session *cli, json_t **out) {
    satchel_device_info info;
    satchel_status status = satchel_device_get_info(cli->device, &info, &cli->error);
    *out = json_object();
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "device", cli_id_json(&info.device));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "user", cli_id_json(&info.user));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "login", json_string(info.login));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "company", json_string(info.company));
    }
    return status == SATCHEL_OK ? cli_put(cli, *out, "server", json_string(info.server)) : status;
}

satchel_status verb_enroll(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    char *name = NULL;
    struct utsname host = {0};
    satchel_enrolment *enrolment = NULL;
    struct poptOption options[] = {{"name", 0, POPT_ARG_STRING, &name, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, true);
    }
    if (status == SATCHEL_OK) {
        (void)uname(&host);
        const char *called = name != NULL ? name : host.nodename;
        const satchel_text link = {args.words[0], strlen(args.words[0])};
        const satchel_text platform = {host.sysname, strlen(host.sysname)};
        status = satchel_enrolment_open(&enrolment, cli->device, link, (satchel_text){called, strlen(called)}, platform,
                                        &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = redeem(cli, enrolment);
    }
    if (status == SATCHEL_OK) {
        status = enrolled_result(cli, out);
    }
    satchel_enrolment_close(enrolment);
    cli_args_close(&args);
    return status;
}

/* --- sync --- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static void show_bar(uint64_t done, uint64_t total) {
    done = done > total ? total : done;
    unsigned full = total > 0 ? (unsigned)(done * BAR_CELLS / total) : 0;
    fputc('[', stderr);
    for (unsigned i = 0; i < BAR_CELLS; i++) {
        fputc(i < full ? '#' : ' ', stderr);
    }
    fprintf(stderr, "] %llu / %llu", (unsigned long long)done, (unsigned long long)total);
}

/* Where a snapshot runs its rows, where changes wait these; and bytes both ways. */
static void show_progress(const satchel_step *step, bool *shown) {
    const satchel_progress *progress = &step->progress;
    if ((progress->rows_total == 0 && progress->changes_total == 0) || isatty(STDERR_FILENO) == 0) {
        return;
    }
    fputc('\r', stderr);
    if (progress->rows_total > 0) {
        show_bar(progress->rows_done, progress->rows_total);
    } else {
        show_bar(progress->changes_done, progress->changes_total);
    }
    fprintf(stderr, "  %llu KiB up, %llu KiB down ", (unsigned long long)(progress->bytes_sent / 1024),
            (unsigned long long)(progress->bytes_received / 1024));
    *shown = true;
}

typedef struct sync_run {
    cli_session *cli;
    satchel_exchange *exchange;
    bool once;
    bool progress_shown;
    unsigned requests;
    satchel_status failure; /* why the network failed last */
    satchel_error failure_detail;
    satchel_step end;
} sync_run;

static satchel_status send_step(sync_run *run, const satchel_step *step) {
    cli_session *cli = run->cli;
    cli_answer answer;
    satchel_status sent = cli_http_send(cli, &step->request, &answer);
    run->requests++;
    if (sent != SATCHEL_OK) {
        run->failure = sent;
        run->failure_detail = cli->error;
        return satchel_exchange_fail(run->exchange, &cli->error);
    }
    const satchel_bytes body = {(const uint8_t *)answer.body, answer.bytes};
    satchel_status status =
        satchel_exchange_feed(run->exchange, answer.http_status, body, answer.elapsed_ms, &cli->error);
    cli_answer_close(&answer);
    return status;
}

static satchel_status wait_step(sync_run *run, const satchel_step *step) {
    run->failure = step->status != SATCHEL_OK ? step->status : run->failure;
    if (run->once) {
        satchel_exchange_cancel(run->exchange);
    } else {
        pause_ms(step->wait_ms);
    }
    return SATCHEL_OK;
}

static satchel_status drive(sync_run *run) {
    satchel_status status = SATCHEL_OK;
    while (status == SATCHEL_OK) {
        if (interrupted) {
            satchel_exchange_cancel(run->exchange);
        }
        satchel_step step;
        status = satchel_exchange_next(run->exchange, &step, &run->cli->error);
        if (status != SATCHEL_OK) {
            break;
        }
        show_progress(&step, &run->progress_shown);
        if (step.kind == SATCHEL_STEP_DONE) {
            run->end = step;
            break;
        }
        status = step.kind == SATCHEL_STEP_SEND ? send_step(run, &step) : wait_step(run, &step);
    }
    if (run->progress_shown) {
        fputs("\n", stderr);
    }
    return status;
}

/* A cancel of our own stands for the failure that led to it. */
static satchel_status outcome_of(sync_run *run) {
    satchel_status status = run->end.status;
    if (status == SATCHEL_CANCELLED && !interrupted && run->failure != SATCHEL_OK) {
        status = run->failure;
    }
    if (status != SATCHEL_OK && status == run->failure_detail.status) {
        run->cli->error = run->failure_detail;
    } else if (status != SATCHEL_OK && run->cli->error.status != status) {
        (void)cli_fail(run->cli, status, "%s", "");
    }
    return status;
}

static satchel_status sync_result(sync_run *run, json_t **out) {
    cli_session *cli = run->cli;
    const satchel_progress *progress = &run->end.progress;
    *out = json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "requests", (int)run->requests, "sent_bytes",
                     (json_int_t)progress->bytes_sent, "received_bytes", (json_int_t)progress->bytes_received,
                     "changes_done", (json_int_t)progress->changes_done, "changes_total",
                     (json_int_t)progress->changes_total, "rows_received", (json_int_t)progress->rows_received,
                     "rows_done", (json_int_t)progress->rows_done, "rows_total", (json_int_t)progress->rows_total,
                     "units_unsent", (json_int_t)run->end.units_unsent, "more", run->end.more ? 1 : 0);
    return *out != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
}

static satchel_status run_exchange(cli_session *cli, int64_t budget_ms, bool once, json_t **out) {
    sync_run run = {.cli = cli, .once = once};
    struct sigaction action = {.sa_handler = on_interrupt};
    struct sigaction before;
    satchel_status status = satchel_exchange_open(&run.exchange, cli->device, budget_ms, &cli->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    interrupted = 0;
    sigaction(SIGINT, &action, &before);
    status = drive(&run);
    sigaction(SIGINT, &before, NULL);
    satchel_exchange_close(run.exchange);
    if (status == SATCHEL_OK) {
        status = outcome_of(&run);
    }
    if (status == SATCHEL_WIPED || status == SATCHEL_RETIRED) {
        cli_close(cli);
    }
    if (status == SATCHEL_OK) {
        status = cli_reload_fields(cli);
    }
    return status == SATCHEL_OK ? sync_result(&run, out) : status;
}

/* The store is gone by order, and the server may not know yet. What the opening said stays the outcome. */
static void send_notice(cli_session *cli) {
    satchel_notice *notice = NULL;
    satchel_http_request request;
    cli_answer answer;
    const satchel_error why = cli->error;
    if (cli->folder[0] != 0 && satchel_notice_open(&notice, cli->folder, NULL) == SATCHEL_OK) {
        satchel_notice_request(notice, &request);
        if (cli_http_send(cli, &request, &answer) == SATCHEL_OK) {
            const satchel_bytes body = {(const uint8_t *)answer.body, answer.bytes};
            satchel_status taken = satchel_notice_feed(notice, answer.http_status, body, NULL);
            (void)taken; /* it stays, and is sent another time */
            cli_answer_close(&answer);
        }
    }
    satchel_notice_close(notice);
    cli->error = why;
}

satchel_status verb_sync(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    int budget_ms = 0;
    int once = 0;
    struct poptOption options[] = {
        {"budget-ms", 0, POPT_ARG_INT, &budget_ms, 0, NULL, NULL},
        {"once", 0, POPT_ARG_NONE, &once, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK && budget_ms < 0) {
        status = cli_usage(cli, "--budget-ms is not negative");
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = run_exchange(cli, budget_ms, once != 0, out);
    } else if (status == SATCHEL_NOT_FOUND || status == SATCHEL_WIPED) {
        send_notice(cli);
    }
    cli_args_close(&args);
    return status;
}

/* --- the end of a store --- */

/* The device is of no more use: what comes after in a batch opens anew. */
static satchel_status end_result(cli_session *cli, const satchel_wipe_receipt *receipt, satchel_status synced,
                                 json_t **out) {
    cli_close(cli);
    *out = json_pack("{s:b, s:b, s:I, s:I, s:I, s:I, s:b, s:s}", "wiped", receipt->wiped ? 1 : 0, "counted",
                     receipt->counted ? 1 : 0, "units_unsent", (json_int_t)receipt->units_unsent, "ops_troubled",
                     (json_int_t)receipt->ops_troubled, "inbox_items", (json_int_t)receipt->inbox_items, "ops_aside",
                     (json_int_t)receipt->ops_aside, "repaired", receipt->repaired ? 1 : 0, "sync",
                     satchel_status_name(synced));
    return *out != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
}

/* Whether the sync went well or not: what is unsent then stays sealed. */
satchel_status verb_signout(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_wipe_receipt receipt;
    json_t *ignored = NULL;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        satchel_status synced = run_exchange(cli, 0, true, &ignored);
        json_decref(ignored);
        status = satchel_device_sign_out(cli->device, &receipt, &cli->error);
        status = status == SATCHEL_OK ? end_result(cli, &receipt, synced, out) : status;
    }
    cli_args_close(&args);
    return status;
}

/* A store that does not open is wiped by its folder; nobody knows then what was in it. */
static satchel_status wipe_store(cli_session *cli, satchel_wipe_receipt *receipt) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    satchel_status status = cli_open(cli, false);
    if (status == SATCHEL_OK) {
        return satchel_device_wipe(cli->device, receipt, &cli->error);
    }
    if (status == SATCHEL_NOT_FOUND || status == SATCHEL_IN_USE || status == SATCHEL_INVALID_ARGUMENT) {
        return status;
    }
    config.folder = cli->folder;
    return satchel_store_wipe(&config, receipt, &cli->error);
}

satchel_status verb_wipe(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    int yes = 0;
    satchel_wipe_receipt receipt;
    struct poptOption options[] = {{"yes", 0, POPT_ARG_NONE, &yes, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK && yes == 0) {
        status = cli_usage(cli, "what is not synced would be lost for good: --yes says that you want it");
    }
    if (status == SATCHEL_OK) {
        status = wipe_store(cli, &receipt);
    }
    if (status == SATCHEL_OK) {
        status = end_result(cli, &receipt, SATCHEL_OK, out);
    }
    cli_args_close(&args);
    return status;
}
