/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs on rows of customers, contacts and products: list, show, add, edit; and searching everything.
 */
#include "cli.h"

#include <satchel/model.h>

#include <stdlib.h>
#include <string.h>

#define WORDS_BYTES 512
#define LIMIT_MOST 1000000

/* The words of a command line as one text. */
static satchel_status join_words(cli_session *cli, const cli_args *args, char out[WORDS_BYTES]) {
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < args->count; i++) {
        int written = snprintf(out + used, WORDS_BYTES - used, "%s%s", i == 0 ? "" : " ", args->words[i]);
        if (written < 0 || (size_t)written >= WORDS_BYTES - used) {
            return cli_fail(cli, SATCHEL_TOO_LONG, "the words are longer than %d bytes", WORDS_BYTES - 1);
        }
        used += (size_t)written;
    }
    return SATCHEL_OK;
}

static satchel_status check_limit(cli_session *cli, int limit) {
    return limit < 0 || limit > LIMIT_MOST ? cli_usage(cli, "--limit is 0 to %d", LIMIT_MOST) : SATCHEL_OK;
}

typedef struct list_shape {
    uint32_t entity;
    uint32_t parent_field; /* of --customer, 0: no such option */
    uint32_t sort_field;
    bool descending;
    const char *columns[8];
    unsigned column_count;
} list_shape;

static satchel_status list_rows(cli_session *cli, const list_shape *shape, const char *words, const char *customer,
                                int limit, json_t **out) {
    satchel_query *query = NULL;
    satchel_id parent;
    const satchel_text text = {words, strlen(words)};
    satchel_status status = satchel_query_open(&query, shape->entity);
    if (status == SATCHEL_OK && text.bytes > 0) {
        status = satchel_query_search(query, text);
    }
    if (status == SATCHEL_OK && customer != NULL) {
        status = cli_find(cli, SATCHEL_ENTITY_CUSTOMER, customer, &parent);
        if (status == SATCHEL_OK) {
            status = satchel_query_where_id(query, shape->parent_field, SATCHEL_COMPARE_EQUAL, &parent);
        }
    }
    /* One that was merged into another is shown by `show` only. */
    if (status == SATCHEL_OK && shape->entity == SATCHEL_ENTITY_CUSTOMER) {
        status = satchel_query_where_null(query, SATCHEL_CUSTOMER_MERGED_INTO, true);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_sort(query, shape->sort_field, shape->descending);
    }
    cli_columns(cli, shape->entity, shape->columns, shape->column_count);
    cli_column_add(cli, "state", "State", "状态");
    if (status == SATCHEL_OK) {
        status = cli_list(cli, query, shape->entity, (uint64_t)limit, out);
    }
    satchel_query_close(query);
    return status;
}

static satchel_status list_verb(cli_session *cli, const list_shape *shape, int argc, const char **argv, json_t **out) {
    cli_args args;
    char words[WORDS_BYTES];
    char *customer = NULL;
    int limit = 0;
    struct poptOption options[] = {
        {"limit", 0, POPT_ARG_INT, &limit, 0, NULL, NULL},
        {"customer", 0, POPT_ARG_STRING, &customer, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    if (shape->parent_field == 0) {
        options[1] = options[2];
    }
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, -1);
    if (status == SATCHEL_OK) {
        status = check_limit(cli, limit);
    }
    if (status == SATCHEL_OK) {
        status = join_words(cli, &args, words);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = list_rows(cli, shape, words, customer, limit, out);
    }
    cli_args_close(&args);
    return status;
}

static satchel_status edit_verb(cli_session *cli, uint32_t entity, int argc, const char **argv, json_t **out) {
    cli_args args;
    cli_changes changes = {NULL, NULL, NULL, NULL, NULL};
    satchel_id id;
    struct poptOption options[] = {CLI_CHANGE_OPTIONS(changes), POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, 1);
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = cli_find(cli, entity, args.words[0], &id);
    }
    if (status == SATCHEL_OK) {
        status = cli_edit_row(cli, entity, &id, &changes, out);
    }
    cli_args_close(&args);
    return status;
}

/* A new row; with `parent_field` the first word names the customer. */
static satchel_status add_verb(cli_session *cli, uint32_t entity, uint32_t parent_field, int argc, const char **argv,
                               json_t **out) {
    cli_args args;
    cli_changes changes = {NULL, NULL, NULL, NULL, NULL};
    char *wanted = NULL;
    satchel_id id;
    satchel_id parent = {{0}};
    int words = parent_field == 0 ? 0 : 1;
    struct poptOption options[] = {
        {"id", 0, POPT_ARG_STRING, &wanted, 0, NULL, NULL},
        {"set", 0, POPT_ARG_ARGV, &changes.set, 0, NULL, NULL},
        {"add", 0, POPT_ARG_ARGV, &changes.add, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, words, words);
    if (status == SATCHEL_OK) {
        status = cli_read_id(cli, wanted, &id);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK && parent_field != 0) {
        status = cli_find(cli, SATCHEL_ENTITY_CUSTOMER, args.words[0], &parent);
    }
    if (status == SATCHEL_OK) {
        status = cli_create_row(cli, entity, &changes, parent_field, &parent, &id, out);
    }
    cli_args_close(&args);
    return status;
}

/* --- customer --- */

static const list_shape customers = {
    .entity = SATCHEL_ENTITY_CUSTOMER,
    .sort_field = SATCHEL_CUSTOMER_NAME,
    .columns = {"id", "name", "grade", "lifecycle", "city", "phones"},
    .column_count = 6,
};

static satchel_status customer_list(cli_session *cli, int argc, const char **argv, json_t **out) {
    return list_verb(cli, &customers, argc, argv, out);
}

static satchel_status customer_show(cli_session *cli, int argc, const char **argv, json_t **out) {
    return cli_show_verb(cli, SATCHEL_ENTITY_CUSTOMER, argc, argv, out);
}

static satchel_status customer_add(cli_session *cli, int argc, const char **argv, json_t **out) {
    return add_verb(cli, SATCHEL_ENTITY_CUSTOMER, 0, argc, argv, out);
}

static satchel_status customer_edit(cli_session *cli, int argc, const char **argv, json_t **out) {
    return edit_verb(cli, SATCHEL_ENTITY_CUSTOMER, argc, argv, out);
}

satchel_status verb_customer(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {
        {"list", customer_list}, {"show", customer_show}, {"add", customer_add}, {"edit", customer_edit}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- contact --- */

static const list_shape contacts = {
    .entity = SATCHEL_ENTITY_CONTACT,
    .parent_field = SATCHEL_CONTACT_CUSTOMER,
    .sort_field = SATCHEL_CONTACT_NAME,
    .columns = {"id", "name", "customer", "title", "phones"},
    .column_count = 5,
};

static satchel_status contact_list(cli_session *cli, int argc, const char **argv, json_t **out) {
    return list_verb(cli, &contacts, argc, argv, out);
}

static satchel_status contact_show(cli_session *cli, int argc, const char **argv, json_t **out) {
    return cli_show_verb(cli, SATCHEL_ENTITY_CONTACT, argc, argv, out);
}

static satchel_status contact_add(cli_session *cli, int argc, const char **argv, json_t **out) {
    return add_verb(cli, SATCHEL_ENTITY_CONTACT, SATCHEL_CONTACT_CUSTOMER, argc, argv, out);
}

static satchel_status contact_edit(cli_session *cli, int argc, const char **argv, json_t **out) {
    return edit_verb(cli, SATCHEL_ENTITY_CONTACT, argc, argv, out);
}

satchel_status verb_contact(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {
        {"list", contact_list}, {"show", contact_show}, {"add", contact_add}, {"edit", contact_edit}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- product --- */

static const list_shape products = {
    .entity = SATCHEL_ENTITY_PRODUCT,
    .sort_field = SATCHEL_PRODUCT_NAME,
    .columns = {"id", "code", "name", "sales_unit", "price_minor", "currency"},
    .column_count = 6,
};

static satchel_status product_list(cli_session *cli, int argc, const char **argv, json_t **out) {
    return list_verb(cli, &products, argc, argv, out);
}

static satchel_status product_show(cli_session *cli, int argc, const char **argv, json_t **out) {
    return cli_show_verb(cli, SATCHEL_ENTITY_PRODUCT, argc, argv, out);
}

satchel_status verb_product(cli_session *cli, int argc, const char **argv, json_t **out) {
    static const cli_subverb verbs[] = {{"list", product_list}, {"show", product_show}};
    return cli_dispatch(cli, verbs, sizeof verbs / sizeof verbs[0], argc, argv, out);
}

/* --- find --- */

typedef struct hit_list {
    cli_session *cli;
    satchel_entity_info entity;
    json_t *rows;
} hit_list;

static satchel_status add_hit(void *context, const satchel_row_view *row) {
    hit_list *hits = context;
    char title[CLI_TITLE_BYTES];
    cli_row_title(hits->cli, hits->entity.number, &row->id, title, sizeof title);
    const char *kind =
        !hits->cli->json ? (cli_chinese(hits->cli) ? hits->entity.label_zh : hits->entity.label_en) : hits->entity.name;
    json_t *object = json_pack("{s:o, s:s, s:s}", "id", cli_id_json(&row->id), "entity", kind, "title", title);
    if (object == NULL || json_array_append_new(hits->rows, object) != 0) {
        return cli_fail(hits->cli, SATCHEL_NO_MEMORY, "no memory for the result");
    }
    return SATCHEL_OK;
}

static satchel_status search_entity(hit_list *hits, satchel_text words, uint64_t limit, bool *out_more) {
    satchel_query *query = NULL;
    bool more = false;
    satchel_status status = satchel_query_open(&query, hits->entity.number);
    if (status == SATCHEL_OK) {
        status = satchel_query_search(query, words);
    }
    if (status == SATCHEL_OK) {
        status = cli_walk(hits->cli, query, limit, &more, add_hit, hits);
    }
    satchel_query_close(query);
    *out_more = *out_more || more;
    return status == SATCHEL_UNSUPPORTED ? SATCHEL_OK : status;
}

static satchel_status search_all(cli_session *cli, const char *words, int limit, json_t **out) {
    hit_list hits = {.cli = cli, .rows = json_array()};
    const satchel_text text = {words, strlen(words)};
    bool more = false;
    *out = json_object();
    satchel_status status = cli_put(cli, *out, "rows", hits.rows);
    for (uint32_t i = 0; i < satchel_fields_entity_count(cli->fields) && status == SATCHEL_OK; i++) {
        status = satchel_fields_entity_at(cli->fields, i, &hits.entity);
        if (status == SATCHEL_OK && !hits.entity.server_only) {
            status = search_entity(&hits, text, limit == 0 ? 50 : (uint64_t)limit, &more);
        }
    }
    return status == SATCHEL_OK ? cli_put(cli, *out, "more", json_boolean(more)) : status;
}

satchel_status verb_find(cli_session *cli, int argc, const char **argv, json_t **out) {
    cli_args args;
    char words[WORDS_BYTES];
    int limit = 0;
    struct poptOption options[] = {{"limit", 0, POPT_ARG_INT, &limit, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 1, -1);
    if (status == SATCHEL_OK) {
        status = check_limit(cli, limit);
    }
    if (status == SATCHEL_OK) {
        status = join_words(cli, &args, words);
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        cli_column_add(cli, "id", "Id", "编号");
        cli_column_add(cli, "entity", "Kind", "类型");
        cli_column_add(cli, "title", "Name", "名称");
        status = search_all(cli, words, limit, out);
    }
    cli_args_close(&args);
    return status;
}
