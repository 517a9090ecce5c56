/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How things stand: what the device's info and its store's figures say, for people and for scripts.
 */
#include "cli.h"

#define HOUR_MS INT64_C(3600000)

static satchel_status status_result(cli_session *cli, const satchel_device_info *info, const satchel_store_stats *stats,
                                    json_t **out) {
    bool first = info->first_sync_done;
    *out = json_pack("{s:b, s:s, s:s, s:s, s:o, s:o, s:b, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                     "enrolled", info->enrolled ? 1 : 0, "company", info->company, "login", info->login, "server",
                     info->server, "device", cli_id_json(&info->device), "user", cli_id_json(&info->user),
                     "first_sync_done", first ? 1 : 0, "last_sync_status", satchel_status_name(info->last_sync_status),
                     "last_sync", cli_time_json(cli, info->last_sync_ms), "rows", (json_int_t)info->rows,
                     "units_unsent", (json_int_t)info->units_unsent, "conflicts_open", (json_int_t)info->conflicts_open,
                     "ops_refused", (json_int_t)info->ops_refused, "ops_parked", (json_int_t)info->ops_parked, "epoch",
                     (json_int_t)info->position.epoch, "position", (json_int_t)info->position.n, "store_bytes",
                     (json_int_t)(stats->file_bytes + stats->log_bytes), "refused_opens",
                     (json_int_t)stats->refused_opens);
    return *out != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the result");
}

static json_t *warnings_json(uint32_t warnings) {
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{SATCHEL_WARNING_ROLLED_BACK, "rolled_back"},
                 {SATCHEL_WARNING_FORKED, "forked"},
                 {SATCHEL_WARNING_ANCHOR_LOST, "anchor_lost"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((warnings & names[i].bit) != 0) {
            json_array_append_new(list, json_string(names[i].name));
        }
    }
    return list;
}

static satchel_status put_safety(cli_session *cli, const satchel_device_info *info, json_t *object) {
    satchel_status status = cli_put(cli, object, "warnings", warnings_json(info->warnings));
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "escrowed", cli_bool_json(cli, info->escrowed));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "pin_required", cli_bool_json(cli, info->pin_required));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "repairs", json_integer((json_int_t)info->repairs));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "upgrade_done", json_integer((json_int_t)info->upgrade_done));
    }
    return status == SATCHEL_OK ? cli_put(cli, object, "upgrade_total", json_integer((json_int_t)info->upgrade_total))
                                : status;
}

/* What the company ordered, and what the server's audit is to this phone. */
static satchel_status put_orders(cli_session *cli, const satchel_device_info *info, json_t *object) {
    const char *finding = info->audit_findings == 0                             ? "none"
                          : (info->audit_findings & SATCHEL_AUDIT_SHORTER) != 0 ? "shorter"
                                                                                : "different";
    satchel_status status = cli_put(cli, object, "orders", json_integer((json_int_t)info->orders_serial));
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "retiring", cli_bool_json(cli, info->retiring));
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "app_too_old", cli_bool_json(cli, info->app_too_old));
    }
    if (status == SATCHEL_OK) {
        status =
            cli_put(cli, object, "lease_left_hours",
                    info->lease_days > 0 ? json_integer((json_int_t)(info->lease_left_ms / HOUR_MS)) : json_null());
    }
    if (status == SATCHEL_OK) {
        status = cli_put(cli, object, "audit_position", json_integer((json_int_t)info->audit_position));
    }
    return status == SATCHEL_OK ? cli_put(cli, object, "audit_finding", json_string(finding)) : status;
}

satchel_status verb_status(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_device_info info;
    satchel_store_stats stats;
    int acknowledge = 0;
    struct poptOption options[] = {{"acknowledge", 0, POPT_ARG_NONE, &acknowledge, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK && acknowledge != 0) {
        status = satchel_device_acknowledge(cli->device, UINT32_MAX, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_get_info(cli->device, &info, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_device_get_stats(cli->device, &stats, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = status_result(cli, &info, &stats, out);
    }
    if (status == SATCHEL_OK) {
        status = put_safety(cli, &info, *out);
    }
    if (status == SATCHEL_OK) {
        status = put_orders(cli, &info, *out);
    }
    cli_args_close(&args);
    return status;
}
