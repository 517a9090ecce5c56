/* SPDX-License-Identifier: Apache-2.0 */
/*
 * satchel store: what concerns the sealed store as a whole: check, repair, keys, export, recovery, figures.
 *
 * All but `stats` and `pin` work on a store that no device has open, damaged or not; a batch closes its own first.
 */
#include "cli.h"

#include <satchel/repair.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_LINE_MOST 256
#define SECRET_PREFIX "satchel-recovery-secret-1 "
#define PUBLIC_PREFIX "satchel-recovery-public-1 "
#define KEY_CHARACTERS 43u /* base64url of 32 bytes without padding */
#define EXPORT_MOST_BYTES ((size_t)256 << 20)

/* --- recovery keys --- */

static int value_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* Exactly 43 characters, whose last carries no spare bits. */
static bool read_key(const char *text, uint8_t out[SATCHEL_RECOVERY_BYTES]) {
    uint32_t bits = 0;
    unsigned held = 0;
    size_t at = 0;
    for (size_t i = 0; i < KEY_CHARACTERS; i++) {
        int value = value_of(text[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[at++] = (uint8_t)(bits >> held);
            bits &= (1u << held) - 1;
        }
    }
    return bits == 0 && text[KEY_CHARACTERS] == 0;
}

/* One line `<prefix><base64url>`. */
static satchel_status read_key_file(cli_session *cli, const char *path, const char *prefix,
                                    uint8_t out[SATCHEL_RECOVERY_BYTES]) {
    char line[SECRET_LINE_MOST] = {0};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return cli_fail(cli, SATCHEL_IO_ERROR, "%s cannot be read: %s", path, strerror(errno));
    }
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    line[strcspn(line, "\r\n")] = 0;
    bool whole = got != NULL && strncmp(line, prefix, strlen(prefix)) == 0 && read_key(line + strlen(prefix), out);
    explicit_bzero(line, sizeof line);
    return whole ? SATCHEL_OK : cli_fail(cli, SATCHEL_MALFORMED, "%s holds no line \"%s…\"", path, prefix);
}

/* --- check --- */

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static satchel_status put_health(cli_session *cli, const satchel_device_health *health, json_t **out) {
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"pages", health->pages},
                   {"pages_bad", health->pages_bad},
                   {"first_bad_page", health->first_bad_page},
                   {"frames", health->frames},
                   {"frames_bad", health->frames_bad},
                   {"first_bad_frame", health->first_bad_frame},
                   {"ops", health->ops},
                   {"ops_waiting", health->ops_waiting},
                   {"ops_lost", health->ops_lost},
                   {"quarantined", health->quarantined}};
    *out = json_object();
    satchel_status status = cli_put(cli, *out, "healthy", cli_bool_json(cli, health->healthy));
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "opens", json_string(satchel_status_name(health->status)));
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = cli_put(cli, *out, numbers[i].name, number(numbers[i].value));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "key_file_whole", cli_bool_json(cli, health->key_file_whole));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "identity", cli_bool_json(cli, health->identity && health->sync_state));
    }
    return status;
}

static satchel_status check_store(cli_session *cli, const satchel_device_config *config, void *context) {
    return satchel_device_check(config, context, &cli->error);
}

static satchel_status store_check(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_device_health health;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_use_config(cli, check_store, &health);
    }
    if (status == SATCHEL_OK) {
        status = put_health(cli, &health, out);
    }
    if (status == SATCHEL_OK && !health.healthy) {
        cli->exit_failed = true;
    }
    cli_args_close(&args);
    return status;
}

/* --- repair --- */

typedef struct repair_call {
    bool force;
    satchel_repair_report report;
} repair_call;

static satchel_status repair_store(cli_session *cli, const satchel_device_config *config, void *context) {
    repair_call *call = context;
    return satchel_device_repair(config, call->force, &call->report, &cli->error);
}

static json_t *ranges_json(const satchel_repair_report *report) {
    json_t *array = json_array();
    for (uint32_t i = 0; array != NULL && i < report->lost_count; i++) {
        json_t *range = json_pack("[I,I]", (json_int_t)report->lost[i].first, (json_int_t)report->lost[i].last);
        if (range == NULL || json_array_append_new(array, range) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static satchel_status put_report(cli_session *cli, const satchel_repair_report *report, json_t **out) {
    *out = json_object();
    satchel_status status = cli_put(cli, *out, "repaired", cli_bool_json(cli, !report->needless));
    if (status != SATCHEL_OK || report->needless) {
        return status;
    }
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"quarantine", report->quarantine},     {"pages_bad", report->pages_bad},
                   {"ops_salvaged", report->ops_salvaged}, {"ops_waiting", report->ops_waiting},
                   {"ops_lost", report->ops_lost},         {"rows_waiting", report->rows_waiting}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = cli_put(cli, *out, numbers[i].name, number(numbers[i].value));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "lost", ranges_json(report));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "tail_uncertain", cli_bool_json(cli, report->tail_uncertain));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "enrolment_needed", cli_bool_json(cli, report->enrolment_needed));
    }
    return status;
}

static satchel_status store_repair(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    int force = 0;
    struct poptOption options[] = {{"force", 0, POPT_ARG_NONE, &force, 0, NULL, NULL}, POPT_TABLEEND};
    repair_call call = {.force = false};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    call.force = force != 0;
    if (status == SATCHEL_OK) {
        status = cli_use_config(cli, repair_store, &call);
    }
    if (status == SATCHEL_OK) {
        status = put_report(cli, &call.report, out);
    }
    cli_args_close(&args);
    return status;
}

/* --- rekey, compact --- */

static satchel_status rekey_store(cli_session *cli, const satchel_device_config *config, void *context) {
    (void)context;
    return satchel_device_rekey(config, &cli->error);
}

static satchel_status compact_store(cli_session *cli, const satchel_device_config *config, void *context) {
    (void)context;
    return satchel_device_compact(config, &cli->error);
}

static satchel_status simple_call(cli_session *cli, int argc, const char **argv, cli_config_user *run, const char *word,
                                  json_t **out) {
    cli_args args;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_use_config(cli, run, NULL);
    }
    if (status == SATCHEL_OK) {
        *out = json_object();
        status = cli_put(cli, *out, word, json_true());
    }
    cli_args_close(&args);
    return status;
}

static satchel_status store_rekey(cli_session *cli, int argc, const char **argv, json_t **out) {
    return simple_call(cli, argc, argv, rekey_store, "rekeyed", out);
}

static satchel_status store_compact(cli_session *cli, int argc, const char **argv, json_t **out) {
    return simple_call(cli, argc, argv, compact_store, "compacted", out);
}

/* --- stats --- */

static satchel_status store_stats(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_store_stats stats;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_get_stats(cli->device, &stats, &cli->error);
    }
    if (status == SATCHEL_OK) {
        *out = json_object();
        status = cli_put(cli, *out, "file_bytes", number(stats.file_bytes));
    }
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"log_bytes", stats.log_bytes},       {"pages_sealed", stats.pages_sealed},
                   {"pages_opened", stats.pages_opened}, {"refused_opens", stats.refused_opens},
                   {"cipher", (uint64_t)stats.cipher},   {"wrong_pins", stats.wrong_pins}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = cli_put(cli, *out, numbers[i].name, number(numbers[i].value));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, *out, "pin_alone", cli_bool_json(cli, stats.pin_alone));
    }
    cli_args_close(&args);
    return status;
}

/* --- export --- */

typedef struct export_run {
    cli_session *cli;
    uint32_t number;
    const uint8_t *secret; /* of the company, or NULL */
    FILE *to;
    json_t *rows; /* in a batch; else lines are written */
    uint64_t count;
} export_run;

static const char *name_of(uint32_t value, const char *const *names, size_t count) {
    return value < count && names[value] != NULL ? names[value] : "unknown";
}

static json_t *cleared_json(const satchel_op_view *op) {
    json_t *array = json_array();
    for (uint32_t i = 0; array != NULL && i < op->cleared_count; i++) {
        if (json_array_append_new(array, number(op->cleared[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *op_json(cli_session *cli, const satchel_op_view *op) {
    static const char *const kinds[] = {NULL, "create", "edit", "delete", "void", "command"};
    static const char *const states[] = {"waiting", "accepted", "dismissed", NULL, NULL, "refused", "held", "parked"};
    satchel_entity_info entity;
    char numbered[32];
    (void)snprintf(numbered, sizeof numbered, "%u", op->entity);
    bool known = satchel_fields_entity(cli->fields, op->entity, &entity) == SATCHEL_OK;
    json_t *object = json_pack("{s:I, s:I, s:s, s:o, s:s, s:s, s:I}", "sequence", (json_int_t)op->sequence, "unit",
                               (json_int_t)op->unit, "entity", known ? entity.name : numbered, "row",
                               cli_id_json(&op->row), "kind", name_of(op->kind, kinds, 6), "state",
                               name_of(op->state, states, 8), "wall_ms", (json_int_t)op->wall_ms);
    bool whole = object != NULL;
    if (whole && op->set.bytes > 0) {
        whole = json_object_set_new(object, "set", cli_record_json(cli, op->entity, op->set, CLI_FORM_RAW)) == 0;
    }
    if (whole && op->removed.bytes > 0) {
        whole =
            json_object_set_new(object, "removed", cli_record_json(cli, op->entity, op->removed, CLI_FORM_RAW)) == 0;
    }
    if (whole && op->cleared_count > 0) {
        whole = json_object_set_new(object, "cleared", cleared_json(op)) == 0;
    }
    if (whole && op->target != 0) {
        whole = json_object_set_new(object, "target", number(op->target)) == 0;
    }
    if (!whole) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static satchel_status export_op(void *context, const satchel_op_view *op) {
    export_run *run = context;
    json_t *object = op_json(run->cli, op);
    satchel_status status =
        object != NULL ? SATCHEL_OK : cli_fail(run->cli, SATCHEL_NO_MEMORY, "an op cannot be shown");
    if (status == SATCHEL_OK && run->rows != NULL) {
        status = json_array_append(run->rows, object) == 0 ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    } else if (status == SATCHEL_OK &&
               (json_dumpf(object, run->to, JSON_COMPACT) != 0 || fputc('\n', run->to) == EOF)) {
        status = cli_fail(run->cli, SATCHEL_IO_ERROR, "the output cannot be written");
    }
    run->count++;
    json_decref(object);
    return status;
}

static satchel_status walk_store(cli_session *cli, const satchel_device_config *config, void *context) {
    export_run *run = context;
    return satchel_quarantine_walk(config, run->number, export_op, run, &cli->error);
}

static satchel_status walk_recovered(cli_session *cli, const satchel_device_config *config, void *context) {
    export_run *run = context;
    return satchel_recovery_walk(config, run->secret, run->number, export_op, run, &cli->error);
}

/* The whole of a new file that its owner alone reads, or nothing of it. */
static satchel_status write_new_file(cli_session *cli, const char *path, satchel_bytes content) {
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return cli_fail(cli, errno == EEXIST ? SATCHEL_ALREADY_EXISTS : SATCHEL_IO_ERROR, "%s cannot be made: %s", path,
                        strerror(errno));
    }
    size_t at = 0;
    ssize_t put = 0;
    while (at < content.bytes && put >= 0) {
        put = write(file, content.data + at, content.bytes - at);
        at += put > 0 ? (size_t)put : 0;
    }
    bool written = put >= 0 && fsync(file) == 0;
    written = close(file) == 0 && written;
    if (!written) {
        int why = errno;
        (void)unlink(path);
        return cli_fail(cli, why == ENOSPC ? SATCHEL_DISK_FULL : SATCHEL_IO_ERROR, "%s cannot be written", path);
    }
    return SATCHEL_OK;
}

typedef struct sealed_file {
    cli_session *cli;
    const char *path;
} sealed_file;

static satchel_status take_sealed(void *context, satchel_bytes bytes) {
    const sealed_file *file = context;
    return write_new_file(file->cli, file->path, bytes);
}

static satchel_status take_plain(void *context, satchel_bytes bytes) {
    (void)context;
    return fwrite(bytes.data, 1, bytes.bytes, stdout) == bytes.bytes ? SATCHEL_OK : SATCHEL_IO_ERROR;
}

typedef struct export_options {
    char *number;
    char *sealed_to; /* file with the company's public recovery key */
    char *out;
    char *read; /* a sealed export */
    char *key;  /* file with the recovery secret */
} export_options;

static satchel_status read_number(cli_session *cli, const char *text, uint32_t *out) {
    *out = 0;
    if (text != NULL) {
        bool digit = text[0] >= '1' && text[0] < '1' + SATCHEL_REPAIR_QUARANTINE_MOST && text[1] == 0;
        if (!digit) {
            return cli_usage(cli, "--quarantine is a number from 1 to %d", SATCHEL_REPAIR_QUARANTINE_MOST);
        }
        *out = (uint32_t)(text[0] - '0');
    }
    return SATCHEL_OK;
}

/* The model's own fields name what is in a damaged store; the company's own stay numbers. */
static satchel_status need_fields(cli_session *cli) {
    satchel_fields *fields = NULL;
    satchel_status status = satchel_fields_open(&fields, NULL, &cli->error);
    if (status == SATCHEL_OK) {
        satchel_fields_close(cli->fields);
        cli->fields = fields;
        cli->column_count = 0;
    }
    return status;
}

/* Runs the walk into memory and seals the lines into a new file. */
static satchel_status export_sealed(export_run *run, cli_config_user *walk, const export_options *given) {
    cli_session *cli = run->cli;
    uint8_t public_key[SATCHEL_RECOVERY_BYTES];
    char *text = NULL;
    size_t bytes = 0;
    satchel_status status = read_key_file(cli, given->sealed_to, PUBLIC_PREFIX, public_key);
    if (status != SATCHEL_OK) {
        return status;
    }
    run->to = open_memstream(&text, &bytes);
    if (run->to == NULL) {
        return cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for an export");
    }
    status = cli_use_config(cli, walk, run);
    if (fclose(run->to) != 0 && status == SATCHEL_OK) {
        status = cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for an export");
    }
    if (status == SATCHEL_OK) {
        sealed_file file = {cli, given->out};
        status = satchel_export_seal(public_key, (satchel_bytes){(const uint8_t *)text, bytes}, take_sealed, &file);
    }
    if (text != NULL) {
        explicit_bzero(text, bytes);
    }
    free(text);
    return status;
}

static satchel_status export_ops(export_run *run, cli_config_user *walk, const export_options *given, json_t **out) {
    cli_session *cli = run->cli;
    satchel_status status = need_fields(cli);
    if (status == SATCHEL_OK && given->sealed_to != NULL) {
        status = export_sealed(run, walk, given);
        if (status == SATCHEL_OK) {
            *out = json_object();
            status = cli_put(cli, *out, "ops", number(run->count));
        }
        return status;
    }
    if (status == SATCHEL_OK && cli->batch) {
        run->rows = json_array();
        *out = json_object();
        status = cli_put(cli, *out, "rows", run->rows);
    }
    run->to = stdout;
    return status == SATCHEL_OK ? cli_use_config(cli, walk, run) : status;
}

static satchel_status read_sealed(cli_session *cli, const export_options *given) {
    uint8_t secret[SATCHEL_RECOVERY_BYTES] = {0};
    uint8_t *content = NULL;
    size_t bytes = 0;
    satchel_status status = read_key_file(cli, given->key, SECRET_PREFIX, secret);
    FILE *file = status == SATCHEL_OK ? fopen(given->read, "re") : NULL;
    if (status == SATCHEL_OK && file == NULL) {
        status = cli_fail(cli, SATCHEL_IO_ERROR, "%s cannot be read: %s", given->read, strerror(errno));
    }
    while (status == SATCHEL_OK && !feof(file) && !ferror(file) && bytes < EXPORT_MOST_BYTES) {
        uint8_t *larger = realloc(content, bytes + 65536);
        if (larger == NULL) {
            status = cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for an export");
            break;
        }
        content = larger;
        bytes += fread(content + bytes, 1, 65536, file);
    }
    if (status == SATCHEL_OK) {
        status = satchel_export_open(secret, (satchel_bytes){content, bytes}, take_plain, NULL);
        status = status == SATCHEL_OK ? status : cli_fail(cli, status, "the export does not open with this secret");
    }
    if (file != NULL) {
        fclose(file);
    }
    free(content);
    explicit_bzero(secret, sizeof secret);
    return status;
}

static satchel_status store_export(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    export_options given = {NULL, NULL, NULL, NULL, NULL};
    struct poptOption options[] = {{"quarantine", 0, POPT_ARG_STRING, &given.number, 0, NULL, NULL},
                                   {"seal-to", 0, POPT_ARG_STRING, &given.sealed_to, 0, NULL, NULL},
                                   {"out", 0, POPT_ARG_STRING, &given.out, 0, NULL, NULL},
                                   {"read", 0, POPT_ARG_STRING, &given.read, 0, NULL, NULL},
                                   {"key", 0, POPT_ARG_STRING, &given.key, 0, NULL, NULL},
                                   POPT_TABLEEND};
    export_run run = {.cli = cli};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK && (given.sealed_to == NULL) != (given.out == NULL)) {
        status = cli_usage(cli, "--seal-to and --out belong together");
    } else if (status == SATCHEL_OK && (given.read == NULL) != (given.key == NULL)) {
        status = cli_usage(cli, "--read and --key belong together");
    } else if (status == SATCHEL_OK && given.read != NULL && (cli->batch || given.sealed_to != NULL)) {
        status = cli_usage(cli, "--read prints an export and does nothing else");
    }
    if (status == SATCHEL_OK) {
        status = read_number(cli, given.number, &run.number);
    }
    if (status == SATCHEL_OK) {
        status = given.read != NULL ? read_sealed(cli, &given) : export_ops(&run, walk_store, &given, out);
    }
    cli_args_close(&args);
    return status;
}

/* --- recover --- */

typedef struct recover_call {
    const uint8_t *secret;
    const char *new_pin; /* NULL: none */
} recover_call;

static satchel_status recover_store(cli_session *cli, const satchel_device_config *config, void *context) {
    const recover_call *call = context;
    satchel_device_config next = *config;
    next.pin = call->new_pin;
    return satchel_device_recover(&next, call->secret, &cli->error);
}

static satchel_status recover_with_pin(cli_session *cli, const uint8_t *secret, const char *new_pin_file,
                                       json_t **out) {
    char pin[CLI_PIN_BYTES] = {0};
    recover_call call = {secret, NULL};
    satchel_status status = SATCHEL_OK;
    if (new_pin_file != NULL || getenv("SATCHEL_NEW_PIN") != NULL || !cli_has_key_file(cli)) {
        status = cli_read_pin(cli, new_pin_file, "SATCHEL_NEW_PIN", "new PIN", pin);
        call.new_pin = pin;
    }
    if (status == SATCHEL_OK) {
        status = cli_use_keys(cli, recover_store, &call);
    }
    if (status == SATCHEL_OK) {
        *out = json_object();
        status = cli_put(cli, *out, "recovered", json_true());
    }
    explicit_bzero(pin, sizeof pin);
    return status;
}

static satchel_status export_recovered(cli_session *cli, const uint8_t *secret, const char *out_file, json_t **out) {
    export_run run = {.cli = cli, .secret = secret};
    satchel_status status = need_fields(cli);
    if (status == SATCHEL_OK && strcmp(out_file, "-") == 0) {
        run.to = stdout;
        return cli_use_keys(cli, walk_recovered, &run);
    }
    int file = status == SATCHEL_OK ? open(out_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    run.to = file >= 0 ? fdopen(file, "w") : NULL;
    if (status == SATCHEL_OK && run.to == NULL) {
        return cli_fail(cli, errno == EEXIST ? SATCHEL_ALREADY_EXISTS : SATCHEL_IO_ERROR, "%s cannot be made: %s",
                        out_file, strerror(errno));
    }
    if (status == SATCHEL_OK) {
        status = cli_use_keys(cli, walk_recovered, &run);
        if (fclose(run.to) != 0 && status == SATCHEL_OK) {
            status = cli_fail(cli, SATCHEL_IO_ERROR, "%s cannot be written", out_file);
        }
        if (status != SATCHEL_OK) {
            (void)unlink(out_file);
        }
    }
    if (status == SATCHEL_OK) {
        *out = json_object();
        status = cli_put(cli, *out, "ops", number(run.count));
    }
    return status;
}

static satchel_status store_recover(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    char *key = NULL;
    char *new_pin_file = NULL;
    char *export_file = NULL;
    uint8_t secret[SATCHEL_RECOVERY_BYTES] = {0};
    struct poptOption options[] = {{"key", 0, POPT_ARG_STRING, &key, 0, NULL, NULL},
                                   {"new-pin-file", 0, POPT_ARG_STRING, &new_pin_file, 0, NULL, NULL},
                                   {"export", 0, POPT_ARG_STRING, &export_file, 0, NULL, NULL},
                                   POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK && key == NULL) {
        status = cli_usage(cli, "--key FILE names the company's recovery secret");
    }
    if (status == SATCHEL_OK) {
        status = read_key_file(cli, key, SECRET_PREFIX, secret);
    }
    if (status == SATCHEL_OK) {
        status = export_file != NULL ? export_recovered(cli, secret, export_file, out)
                                     : recover_with_pin(cli, secret, new_pin_file, out);
    }
    explicit_bzero(secret, sizeof secret);
    cli_args_close(&args);
    return status;
}

/* --- dispatch --- */

satchel_status verb_store(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb subverbs[] = {
        {"check", store_check},   {"repair", store_repair}, {"rekey", store_rekey},     {"compact", store_compact},
        {"export", store_export}, {"stats", store_stats},   {"recover", store_recover}, {"pin", verb_pin},
    };
    return cli_dispatch(cli, subverbs, sizeof subverbs / sizeof subverbs[0], argc, argv, out);
}
