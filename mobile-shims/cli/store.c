/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the sealed store: folder, PIN, key file.
 *
 * The key file stands in for a phone's keystore where scripts run: 32 random bytes, readable by their owner alone, made
 * when a store is made. A PIN is asked for on the terminal, never taken from the command line, where others can read
 * it.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* --- key file --- */

typedef struct key_file {
    const char *path;
    bool may_make;
} key_file;

/* Its name must last too: a store without its key file is lost. */
static bool sync_folder_of(const char *path) {
    char folder[CLI_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t bytes = slash == NULL ? 0 : (size_t)(slash - path);
    int written = slash == NULL ? snprintf(folder, sizeof folder, ".")
                                : snprintf(folder, sizeof folder, "%.*s", bytes == 0 ? 1 : (int)bytes, path);
    if (written <= 0 || (size_t)written >= sizeof folder) {
        return false;
    }
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    bool synced = fsync(file) == 0;
    close(file);
    return synced;
}

static satchel_status make_key_file(const char *path, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    if (getrandom(out, SATCHEL_KEYSTORE_SECRET_BYTES, 0) != SATCHEL_KEYSTORE_SECRET_BYTES) {
        return SATCHEL_RANDOM_FAILED;
    }
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return SATCHEL_KEY_UNAVAILABLE;
    }
    bool written = write(file, out, SATCHEL_KEYSTORE_SECRET_BYTES) == SATCHEL_KEYSTORE_SECRET_BYTES && fsync(file) == 0;
    written = close(file) == 0 && written;
    written = written && sync_folder_of(path);
    if (!written) {
        unlink(path);
    }
    return written ? SATCHEL_OK : SATCHEL_KEY_UNAVAILABLE;
}

static satchel_status key_file_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    const key_file *key = context;
    uint8_t read_bytes[SATCHEL_KEYSTORE_SECRET_BYTES + 1];
    int file = open(key->path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        if (errno != ENOENT) {
            return SATCHEL_KEY_UNAVAILABLE;
        }
        return key->may_make ? make_key_file(key->path, out) : SATCHEL_KEY_GONE;
    }
    ssize_t got = read(file, read_bytes, sizeof read_bytes);
    close(file);
    if (got != SATCHEL_KEYSTORE_SECRET_BYTES) {
        return SATCHEL_KEY_GONE; /* another file was put in its place */
    }
    memcpy(out, read_bytes, SATCHEL_KEYSTORE_SECRET_BYTES);
    explicit_bzero(read_bytes, sizeof read_bytes);
    return SATCHEL_OK;
}

static satchel_status anchor_read(void *context, uint8_t out[SATCHEL_ANCHOR_BYTES], size_t *bytes) {
    const key_file *key = context;
    return cli_anchor_read(key->path, out, bytes);
}

static satchel_status anchor_write(void *context, const uint8_t *anchor, size_t bytes) {
    const key_file *key = context;
    return cli_anchor_write(key->path, anchor, bytes);
}

static satchel_status forget(void *context) {
    const key_file *key = context;
    return cli_anchor_forget(key->path);
}

/* --- PIN --- */

static void cut_line_end(char *text) {
    text[strcspn(text, "\r\n")] = 0;
}

static satchel_status read_pin_file(cli_session *cli, const char *path, char out[CLI_PIN_BYTES]) {
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return cli_fail(cli, SATCHEL_KEY_UNAVAILABLE, "the PIN file cannot be read: %s", strerror(errno));
    }
    char *got = fgets(out, CLI_PIN_BYTES, file);
    fclose(file);
    if (got == NULL) {
        return cli_fail(cli, SATCHEL_KEY_UNAVAILABLE, "the PIN file is empty");
    }
    cut_line_end(out);
    return SATCHEL_OK;
}

static satchel_status ask_pin(cli_session *cli, const char *prompt, char out[CLI_PIN_BYTES]) {
    struct termios before;
    FILE *terminal = fopen("/dev/tty", "r+e");
    if (cli->batch || terminal == NULL || tcgetattr(fileno(terminal), &before) != 0) {
        if (terminal != NULL) {
            fclose(terminal);
        }
        return cli_fail(cli, SATCHEL_KEY_UNAVAILABLE, "no PIN: use --pin-file, SATCHEL_PIN, --key-file, or a terminal");
    }
    struct termios quiet = before;
    quiet.c_lflag &= (tcflag_t)~ECHO;
    /* Silent before the prompt shows: what is typed at once is neither shown nor thrown away. */
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &quiet);
    fprintf(terminal, "%s: ", prompt);
    fflush(terminal);
    char *got = fgets(out, CLI_PIN_BYTES, terminal);
    (void)tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    fputs("\n", terminal);
    fclose(terminal);
    if (got == NULL) {
        return cli_fail(cli, SATCHEL_CANCELLED, "no PIN was given");
    }
    cut_line_end(out);
    return SATCHEL_OK;
}

satchel_status cli_read_pin(cli_session *cli, const char *file, const char *variable, const char *prompt,
                            char out[CLI_PIN_BYTES]) {
    const char *given = getenv(variable);
    if (file != NULL) {
        return read_pin_file(cli, file, out);
    }
    if (given != NULL) {
        if (strlen(given) >= CLI_PIN_BYTES) {
            return cli_fail(cli, SATCHEL_INVALID_ARGUMENT, "the PIN in %s is too long", variable);
        }
        snprintf(out, CLI_PIN_BYTES, "%s", given);
        return SATCHEL_OK;
    }
    return ask_pin(cli, prompt, out);
}

/* --- folder --- */

static satchel_status choose_folder(cli_session *cli) {
    const char *folder = cli->store != NULL ? cli->store : getenv("SATCHEL_STORE");
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    int written;
    if (folder != NULL && folder[0] != 0) {
        written = snprintf(cli->folder, sizeof cli->folder, "%s", folder);
    } else if (data != NULL && data[0] == '/') {
        written = snprintf(cli->folder, sizeof cli->folder, "%s/satchel", data);
    } else if (home != NULL && home[0] == '/') {
        written = snprintf(cli->folder, sizeof cli->folder, "%s/.local/share/satchel", home);
    } else {
        return cli_usage(cli, "where is the store? use --store or SATCHEL_STORE");
    }
    if (written < 0 || (size_t)written >= sizeof cli->folder) {
        return cli_usage(cli, "the path of the store is too long");
    }
    return SATCHEL_OK;
}

/* The folders above the store's own, which the core makes itself. */
static void make_parents(const char *folder) {
    char path[CLI_PATH_BYTES];
    snprintf(path, sizeof path, "%s", folder);
    for (char *at = path + 1; *at != 0; at++) {
        if (*at == '/') {
            *at = 0;
            (void)mkdir(path, 0700); /* if it cannot be made, making the store says so */
            *at = '/';
        }
    }
}

/* --- open --- */

/* Asked whenever a device needs the keystore, as long as it is open. */
static key_file the_key;

static const char *key_file_path(const cli_session *cli) {
    const char *path = cli->key_file != NULL ? cli->key_file : getenv("SATCHEL_KEY_FILE");
    return path != NULL && path[0] != 0 ? path : NULL;
}

bool cli_has_key_file(const cli_session *cli) {
    return key_file_path(cli) != NULL;
}

static void put_keys(cli_session *cli, satchel_device_config *config) {
    const char *path = key_file_path(cli);
    config->folder = cli->folder;
    if (path != NULL) {
        the_key = (key_file){path, false};
        config->keys = (satchel_key_provider){&the_key, key_file_secret, anchor_read, anchor_write, forget};
    }
}

/* The key file alone may not do: the store may have been made with a PIN beside it. */
static satchel_status use_config(cli_session *cli, cli_config_user *run, void *context) {
    char pin[CLI_PIN_BYTES] = {0};
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    put_keys(cli, &config);
    bool wants_pin = !cli_has_key_file(cli) || cli->pin_file != NULL || getenv("SATCHEL_PIN") != NULL;
    satchel_status status = SATCHEL_UNSUPPORTED;
    if (!wants_pin) {
        status = run(cli, &config, context);
    }
    if (wants_pin || (status == SATCHEL_UNSUPPORTED && !cli->batch)) {
        status = cli_read_pin(cli, cli->pin_file, "SATCHEL_PIN", "PIN", pin);
        config.pin = pin;
        if (status == SATCHEL_OK) {
            status = run(cli, &config, context);
        }
    }
    explicit_bzero(pin, sizeof pin);
    return status;
}

/* What is wrong with the store, and the way out. */
static satchel_status explain_damage(cli_session *cli, satchel_status status) {
    char what[sizeof cli->error.detail];
    if (satchel_status_class_of(status) != SATCHEL_CLASS_DAMAGE || status == SATCHEL_ROLLED_BACK) {
        return status;
    }
    snprintf(what, sizeof what, "%s", cli->error.detail);
    return cli_fail(cli, status, "%.150s: satchel store repair saves what was not sent", what);
}

static satchel_status open_device(cli_session *cli, const satchel_device_config *config, void *context) {
    const bool *create = context;
    satchel_status status = satchel_device_open(&cli->device, config, &cli->error);
    if (status == SATCHEL_NOT_FOUND && *create) {
        make_parents(cli->folder);
        the_key.may_make = true;
        status = satchel_device_create(&cli->device, config, &cli->error);
        the_key.may_make = false;
    } else if (status == SATCHEL_NOT_FOUND) {
        status = cli_fail(cli, status, "there is no store in this folder: satchel enroll LINK makes one");
    }
    return explain_damage(cli, status);
}

satchel_status cli_use_config(cli_session *cli, cli_config_user *run, void *context) {
    satchel_device_close(cli->device);
    cli->device = NULL;
    satchel_status status = choose_folder(cli);
    return status == SATCHEL_OK ? use_config(cli, run, context) : status;
}

satchel_status cli_use_keys(cli_session *cli, cli_config_user *run, void *context) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    satchel_device_close(cli->device);
    cli->device = NULL;
    satchel_status status = choose_folder(cli);
    if (status != SATCHEL_OK) {
        return status;
    }
    put_keys(cli, &config);
    the_key.may_make = true; /* the old keystore may be gone */
    status = run(cli, &config, context);
    the_key.may_make = false;
    return status;
}

satchel_status cli_open(cli_session *cli, bool create) {
    if (cli->device != NULL) {
        return SATCHEL_OK;
    }
    satchel_status status = choose_folder(cli);
    if (status == SATCHEL_OK) {
        status = use_config(cli, open_device, &create);
    }
    if (status == SATCHEL_OK) {
        status = cli_reload_fields(cli);
    }
    return status;
}

satchel_status cli_reload_fields(cli_session *cli) {
    satchel_fields *fields = NULL;
    satchel_status status = satchel_fields_open(&fields, cli->device, &cli->error);
    if (status == SATCHEL_OK) {
        satchel_fields_close(cli->fields);
        cli->fields = fields;
        cli->column_count = 0; /* their titles may have gone */
    }
    return status;
}

void cli_idle(cli_session *cli, unsigned budget_ms) {
    bool left = false;
    if (cli->device != NULL) {
        satchel_status status = satchel_device_idle(cli->device, budget_ms, &left, NULL);
        (void)status; /* the command itself is done, and nothing of this was promised */
    }
}

void cli_close(cli_session *cli) {
    satchel_fields_close(cli->fields);
    satchel_device_close(cli->device);
    cli->fields = NULL;
    cli->device = NULL;
}
