/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders and their lines.
 */
#include "cli.h"

#include <satchel/model.h>

#include <stdlib.h>
#include <string.h>

#define QUANTITY_SCALE 3

static satchel_text text_of(const char *text) {
    return (satchel_text){text, text == NULL ? 0 : strlen(text)};
}

/* --- new --- */

typedef struct new_words {
    char *currency, *visit, *external_id, *wanted;
} new_words;

static satchel_status make_order(cli_session *cli, const char *customer_name, const new_words *words, json_t **out) {
    const char *currency = words->currency != NULL ? words->currency : "CNY";
    satchel_id customer;
    satchel_id visit = {{0}};
    satchel_id id;
    satchel_status status = cli_read_id(cli, words->wanted, &id);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_CUSTOMER, customer_name, &customer);
    }
    if (status == SATCHEL_OK && words->visit != NULL) {
        status = cli_find(cli, SATCHEL_ENTITY_VISIT, words->visit, &visit);
    }
    if (status == SATCHEL_OK) {
        status = satchel_order_new(cli->device, &customer, &visit, text_of(currency), text_of(words->external_id), &id,
                                   &cli->error);
    }
    return status == SATCHEL_OK ? cli_give_id(cli, &id, out) : status;
}

static satchel_status order_new(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    new_words words = {NULL, NULL, NULL, NULL};
    struct poptOption options[] = {
        {"currency", 0, POPT_ARG_STRING, &words.currency, 0, NULL, NULL},
        {"visit", 0, POPT_ARG_STRING, &words.visit, 0, NULL, NULL},
        {"external-id", 0, POPT_ARG_STRING, &words.external_id, 0, NULL, NULL},
        {"id", 0, POPT_ARG_STRING, &words.wanted, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, 1);
    if (status == SATCHEL_OK) {
        status = make_order(cli, args.words[0], &words, out);
    }
    cli_args_close(&args);
    return status;
}

/* --- lines --- */

typedef struct line_words {
    char *quantity, *price, *discount, *wanted;
} line_words;

static satchel_status add_line(cli_session *cli, const cli_args *args, const line_words *words, json_t **out) {
    satchel_id order;
    satchel_id product;
    satchel_id id;
    int64_t quantity_e3 = 1000;
    int64_t price_minor = -1;
    int64_t discount_bp = 0;
    satchel_status status = cli_read_id(cli, words->wanted, &id);
    if (status == SATCHEL_OK && words->quantity != NULL) {
        status = cli_read_decimal(cli, "--quantity", words->quantity, QUANTITY_SCALE, &quantity_e3);
    }
    if (status == SATCHEL_OK && words->price != NULL) {
        status = cli_read_decimal(cli, "--price-minor", words->price, 0, &price_minor);
        if (status == SATCHEL_OK && price_minor < 0) {
            status = cli_usage(cli, "--price-minor is not negative");
        }
    }
    if (status == SATCHEL_OK && words->discount != NULL) {
        status = cli_read_decimal(cli, "--discount-bp", words->discount, 0, &discount_bp);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_ORDER, args->words[0], &order);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_PRODUCT, args->words[1], &product);
    }
    if (status == SATCHEL_OK) {
        status =
            satchel_order_add(cli->device, &order, &product, quantity_e3, price_minor, discount_bp, &id, &cli->error);
    }
    return status == SATCHEL_OK ? cli_give_id(cli, &id, out) : status;
}

static satchel_status order_add(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    line_words words = {NULL, NULL, NULL, NULL};
    struct poptOption options[] = {
        {"quantity", 0, POPT_ARG_STRING, &words.quantity, 0, NULL, NULL},
        {"price-minor", 0, POPT_ARG_STRING, &words.price, 0, NULL, NULL},
        {"discount-bp", 0, POPT_ARG_STRING, &words.discount, 0, NULL, NULL},
        {"id", 0, POPT_ARG_STRING, &words.wanted, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 2, 2);
    if (status == SATCHEL_OK) {
        status = add_line(cli, &args, &words, out);
    }
    cli_args_close(&args);
    return status;
}

typedef satchel_status row_verb(satchel_device *device, const satchel_id *row, satchel_error *error);

static satchel_status with_row(cli_session *cli, uint32_t entity, row_verb *verb, int argc, const char **argv,
                               json_t **out) {
    cli_args args;
    satchel_id id;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, entity, args.words[0], &id);
    }
    if (status == SATCHEL_OK) {
        status = verb(cli->device, &id, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status order_remove(cli_session *cli, int argc, const char **argv, json_t **out) {
    return with_row(cli, SATCHEL_ENTITY_ORDER_LINE, satchel_order_remove, argc, argv, out);
}

/* Tells whether it waits for an approval now, as far as the phone knows. */
static satchel_status order_submit(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_id id;
    bool waits = false;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_ORDER, args.words[0], &id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_order_waits(cli->device, &id, &waits, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_order_submit(cli->device, &id, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = cli_give_id(cli, &id, out);
    }
    if (status == SATCHEL_OK && json_object_set_new(*out, "awaits_approval", json_boolean(waits)) != 0) {
        status = SATCHEL_NO_MEMORY;
    }
    cli_args_close(&args);
    return status;
}

/* --- list, show --- */

static satchel_status order_list(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const char *const columns[] = {"id",     "customer",    "order_number", "ordered_at",
                                          "status", "total_minor", "currency",     "line_count"};
    return cli_list_of_customer(cli, SATCHEL_ENTITY_ORDER, SATCHEL_ORDER_CUSTOMER, columns,
                                sizeof columns / sizeof columns[0], argc, argv, out);
}

static satchel_status order_with_lines(cli_session *cli, const satchel_id *id, json_t **out) {
    static const char *const columns[] = {"id",          "position",   "product", "quantity_e3", "unit_price_minor",
                                          "discount_bp", "total_minor"};
    satchel_query *query = NULL;
    json_t *lines = NULL;
    satchel_status status = cli_show_row(cli, SATCHEL_ENTITY_ORDER, id, out);
    if (status == SATCHEL_OK) {
        status = satchel_query_open(&query, SATCHEL_ENTITY_ORDER_LINE);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_where_id(query, SATCHEL_ORDER_LINE_ORDER, SATCHEL_COMPARE_EQUAL, id);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_sort(query, SATCHEL_ORDER_LINE_POSITION, false);
    }
    if (status == SATCHEL_OK) {
        cli_columns(cli, SATCHEL_ENTITY_ORDER_LINE, columns, sizeof columns / sizeof columns[0]);
        status = cli_list(cli, query, SATCHEL_ENTITY_ORDER_LINE, 0, &lines);
    }
    if (status == SATCHEL_OK && json_object_update(*out, lines) != 0) {
        status = cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the lines");
    }
    json_decref(lines);
    satchel_query_close(query);
    return status;
}

static satchel_status order_show(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    satchel_id id;
    satchel_status status = cli_args_open(&args, cli, argc, argv, NULL, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, SATCHEL_ENTITY_ORDER, args.words[0], &id);
    }
    if (status == SATCHEL_OK) {
        status = order_with_lines(cli, &id, out);
    }
    cli_args_close(&args);
    return status;
}

satchel_status verb_order(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {{"list", order_list}, {"show", order_show},     {"new", order_new},
                                        {"add", order_add},   {"remove", order_remove}, {"submit", order_submit}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}
