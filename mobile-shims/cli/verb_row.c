/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of any entity that this version knows, the company's later ones among them: show, add, edit.
 */
#include "cli.h"

#include <string.h>

static satchel_status find_entity(cli_session *cli, const char *name, uint32_t *out) {
    satchel_entity_info entity;
    if (satchel_fields_entity_named(cli->fields, (satchel_text){name, strlen(name)}, &entity) != SATCHEL_OK) {
        return cli_fail(cli, SATCHEL_UNKNOWN_ENTITY, "there is no entity \"%.60s\"", name);
    }
    *out = entity.number;
    return SATCHEL_OK;
}

static satchel_status row_show(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_id id;
    uint32_t entity = 0;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 2, 2);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = find_entity(cli, args.words[0], &entity);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, entity, args.words[1], &id);
    }
    if (status == SATCHEL_OK) {
        status = cli_show_row(cli, entity, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status row_add(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    cli_changes changes = {NULL, NULL, NULL, NULL, NULL};
    char *wanted = NULL;
    satchel_id id;
    uint32_t entity = 0;
    struct poptOption options[] = {
        {"id", 0, POPT_ARG_STRING, &wanted, 0, NULL, NULL},
        {"set", 0, POPT_ARG_ARGV, &changes.set, 0, NULL, NULL},
        {"add", 0, POPT_ARG_ARGV, &changes.add, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_read_id(cli, wanted, &id);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = find_entity(cli, args.words[0], &entity);
    }
    if (status == SATCHEL_OK) {
        status = cli_create_row(cli, entity, &changes, 0, NULL, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status row_edit(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    cli_changes changes = {NULL, NULL, NULL, NULL, NULL};
    satchel_id id;
    uint32_t entity = 0;
    struct poptOption options[] = {CLI_CHANGE_OPTIONS(changes), POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 2, 2);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = find_entity(cli, args.words[0], &entity);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, entity, args.words[1], &id);
    }
    if (status == SATCHEL_OK) {
        status = cli_edit_row(cli, entity, &id, &changes, out);
    }
    cli_args_close(&args);
    return status;
}

satchel_status verb_row(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {{"show", row_show}, {"add", row_add}, {"edit", row_edit}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}
