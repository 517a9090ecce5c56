/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The support bundle as a file.
 */
#include "cli.h"

#include <satchel/bundle.h>

#include <stdio.h>
#include <string.h>

static satchel_status examine(cli_session *cli, const satchel_device_config *config, void *context) {
    return satchel_device_check(config, context, &cli->error);
}

typedef struct bundle_file {
    cli_session *cli;
    const char *path;
    size_t bytes;
} bundle_file;

static satchel_status write_file(void *context, satchel_text text) {
    bundle_file *to = context;
    FILE *file = fopen(to->path, "wxe");
    if (file == NULL) {
        return cli_fail(to->cli, SATCHEL_IO_ERROR, "the file cannot be made, or is there already");
    }
    bool whole = fwrite(text.data, 1, text.bytes, file) == text.bytes;
    whole = fclose(file) == 0 && whole;
    to->bytes = text.bytes;
    return whole ? SATCHEL_OK : cli_fail(to->cli, SATCHEL_IO_ERROR, "the file cannot be written");
}

satchel_status verb_bundle(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_device_health health;
    memset(&health, 0, sizeof health);
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    bundle_file to = {cli, status == SATCHEL_OK ? args.words[0] : NULL, 0};
    if (status == SATCHEL_OK) {
        status = cli_use_config(cli, examine, &health);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = satchel_bundle_write(cli->device, &health, write_file, &to, &cli->error);
    }
    if (status == SATCHEL_OK) {
        *out = json_pack("{s:s, s:I}", "file", to.path, "bytes", (json_int_t)to.bytes);
        status = *out != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
    }
    cli_args_close(&args);
    return status;
}
