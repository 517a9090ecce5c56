/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: walking queries, and rows and records as JSON in the form that the reader wants.
 */
#include "cli.h"

#include <satchel/model.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 500

cli_form cli_wanted_form(const cli_session *cli) {
    return cli->json ? CLI_FORM_SCRIPT : CLI_FORM_PEOPLE;
}

/* --- values --- */

static json_t *text_json(satchel_text text) {
    return json_stringn(text.data == NULL ? "" : text.data, text.bytes);
}

static json_t *form_json(cli_session *cli, satchel_record_reader *reader, uint32_t field, const char *language) {
    const satchel_text currency = {NULL, 0};
    satchel_text text;
    (void)cli;
    if (satchel_record_reader_text(reader, field, language, currency, &text) != SATCHEL_OK) {
        return NULL;
    }
    return text_json(text);
}

static json_t *set_json(cli_session *cli, const satchel_record_reader *reader, const satchel_field_info *field,
                        const satchel_cell *cell, cli_form form) {
    json_t *array = json_array();
    for (uint32_t i = 0; array != NULL && i < cell->element_count; i++) {
        satchel_bytes element;
        if (satchel_record_reader_element(reader, cell->field, i, &element) != SATCHEL_OK) {
            break;
        }
        json_t *value = NULL;
        if (field->element == SATCHEL_FIELD_TYPE_ID && element.bytes == SATCHEL_ID_BYTES) {
            satchel_id id;
            memcpy(id.bytes, element.data, SATCHEL_ID_BYTES);
            char title[CLI_TITLE_BYTES];
            if (form == CLI_FORM_PEOPLE && field->ref != 0) {
                cli_row_title(cli, field->ref, &id, title, sizeof title);
                value = json_string(title);
            } else {
                value = cli_id_json(&id);
            }
        } else {
            value = json_stringn((const char *)element.data, element.bytes);
        }
        if (value == NULL || json_array_append_new(array, value) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *id_json(cli_session *cli, const satchel_field_info *field, const satchel_id *id, cli_form form) {
    char title[CLI_TITLE_BYTES];
    if (form != CLI_FORM_PEOPLE || field->ref == 0) {
        return cli_id_json(id);
    }
    cli_row_title(cli, field->ref, id, title, sizeof title);
    return json_string(title);
}

/* Numbers and truth values stay what they are for scripts; choices, days and times are text unless raw. */
static json_t *cell_json(cli_session *cli, satchel_record_reader *reader, const satchel_field_info *field,
                         const satchel_cell *cell, cli_form form) {
    bool as_number = cell->type == SATCHEL_FIELD_TYPE_INT && field->choice_count == 0 && !field->calendar_day;
    switch (cell->type) {
    case SATCHEL_FIELD_TYPE_NULL: return json_null();
    case SATCHEL_FIELD_TYPE_SET: return set_json(cli, reader, field, cell, form);
    case SATCHEL_FIELD_TYPE_ID: return id_json(cli, field, &cell->id, form);
    case SATCHEL_FIELD_TYPE_TEXT: return text_json(cell->text);
    case SATCHEL_FIELD_TYPE_BYTES: return form_json(cli, reader, cell->field, NULL);
    case SATCHEL_FIELD_TYPE_BOOL:
        return form == CLI_FORM_PEOPLE ? form_json(cli, reader, cell->field, cli_language(cli))
                                       : json_boolean(cell->integer != 0);
    case SATCHEL_FIELD_TYPE_REAL:
        return form == CLI_FORM_PEOPLE ? form_json(cli, reader, cell->field, cli_language(cli)) : json_real(cell->real);
    case SATCHEL_FIELD_TYPE_INT:
    case SATCHEL_FIELD_TYPE_TIME: break;
    }
    if (form == CLI_FORM_PEOPLE) {
        return cell->type == SATCHEL_FIELD_TYPE_TIME ? cli_time_json(cli, cell->integer)
                                                     : form_json(cli, reader, cell->field, cli_language(cli));
    }
    return form == CLI_FORM_RAW || as_number ? json_integer((json_int_t)cell->integer)
                                             : form_json(cli, reader, cell->field, NULL);
}

/* --- records and rows --- */

static bool add_fields(cli_session *cli, uint32_t entity, satchel_record_reader *reader, cli_form form, json_t *out) {
    for (uint32_t i = 0; i < satchel_record_reader_count(reader); i++) {
        satchel_cell cell;
        satchel_field_info field;
        if (satchel_record_reader_at(reader, i, &cell) != SATCHEL_OK ||
            satchel_fields_field(cli->fields, entity, cell.field, &field) != SATCHEL_OK ||
            cell.field == 1 /* the id stands beside the record */) {
            continue;
        }
        json_t *value = cell_json(cli, reader, &field, &cell, form);
        if (value == NULL || json_object_set_new(out, field.name, value) != 0) {
            return false;
        }
    }
    return true;
}

json_t *cli_record_json(cli_session *cli, uint32_t entity, satchel_bytes record, cli_form form) {
    satchel_record_reader *reader = NULL;
    json_t *object = json_object();
    if (object != NULL && satchel_record_reader_open(&reader, cli->fields, entity, record, &cli->error) == SATCHEL_OK &&
        add_fields(cli, entity, reader, form, object)) {
        satchel_record_reader_close(reader);
        return object;
    }
    satchel_record_reader_close(reader);
    json_decref(object);
    return NULL;
}

static json_t *flags_json(const cli_session *cli, uint32_t flags, cli_form form) {
    static const struct {
        uint32_t bit;
        const char *name, *zh;
    } names[] = {
        {SATCHEL_ROW_PENDING, "pending", "待同步"},
        {SATCHEL_ROW_CONFLICT, "conflict", "冲突"},
        {SATCHEL_ROW_REFUSED, "refused", "被拒绝"},
        {SATCHEL_ROW_DELETED, "deleted", "已删除"},
    };
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < sizeof names / sizeof names[0]; i++) {
        bool chinese = form == CLI_FORM_PEOPLE && cli_chinese(cli);
        if ((flags & names[i].bit) != 0 &&
            json_array_append_new(array, json_string(chinese ? names[i].zh : names[i].name)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* What is known of a row beside its record. */
static json_t *head_json(const cli_session *cli, const satchel_row_view *row, cli_form form) {
    json_t *object = json_object();
    if (object == NULL || json_object_set_new(object, "id", cli_id_json(&row->id)) != 0 ||
        json_object_set_new(object, "base", json_integer((json_int_t)row->base_n)) != 0 ||
        json_object_set_new(object, "state", flags_json(cli, row->flags, form)) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* Takes both; the fields go beside the rest, or into a "record" of their own. */
static json_t *joined_row(json_t *head, json_t *fields, bool nested) {
    bool whole = head != NULL && fields != NULL &&
                 (nested ? json_object_set(head, "record", fields) : json_object_update(head, fields)) == 0;
    json_decref(fields);
    if (!whole) {
        json_decref(head);
        return NULL;
    }
    return head;
}

json_t *cli_row_json(cli_session *cli, uint32_t entity, const satchel_row_view *row, cli_form form, bool nested) {
    return joined_row(head_json(cli, row, form), cli_record_json(cli, entity, row->record, form), nested);
}

satchel_status cli_show_row(cli_session *cli, uint32_t entity, const satchel_id *id, json_t **out) {
    satchel_page *page = NULL;
    satchel_row_view row;
    satchel_status status = satchel_row_open(&page, cli->device, entity, id, &cli->error);
    if (status == SATCHEL_OK) {
        status = satchel_page_row(page, 0, &row);
    }
    if (status == SATCHEL_OK) {
        cli->shown_entity = entity;
        *out = cli_row_json(cli, entity, &row, cli_wanted_form(cli), cli->json != 0);
        status = *out != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "the row cannot be shown");
    }
    satchel_page_close(page);
    return status;
}

void cli_row_title(cli_session *cli, uint32_t entity, const satchel_id *id, char *out, size_t room) {
    satchel_page *page = NULL;
    satchel_row_view row;
    satchel_entity_info info;
    satchel_record_reader *reader = NULL;
    satchel_text title = {NULL, 0};
    const satchel_text currency = {NULL, 0};
    if (satchel_fields_entity(cli->fields, entity, &info) == SATCHEL_OK && info.title_field != 0 &&
        satchel_row_open(&page, cli->device, entity, id, NULL) == SATCHEL_OK &&
        satchel_page_row(page, 0, &row) == SATCHEL_OK &&
        satchel_record_reader_open(&reader, cli->fields, entity, row.record, NULL) == SATCHEL_OK) {
        (void)!satchel_record_reader_text(reader, info.title_field, cli_language(cli), currency, &title);
    }
    size_t bytes = title.bytes < room ? title.bytes : room - 1;
    while (bytes > 0 && bytes < title.bytes && ((uint8_t)title.data[bytes] & 0xc0) == 0x80) {
        bytes--; /* no part of a character */
    }
    if (bytes > 0) {
        snprintf(out, room, "%.*s", (int)bytes, title.data);
    } else {
        char text[SATCHEL_ID_TEXT_BYTES];
        satchel_id_write(id, text);
        snprintf(out, room, "%s", text);
    }
    satchel_record_reader_close(reader);
    satchel_page_close(page);
}

/* --- queries --- */

static satchel_status visit_page(const satchel_page *page, uint64_t *left, cli_row_visitor *visit, void *context) {
    for (uint32_t i = 0; i < satchel_page_count(page) && *left > 0; i++, (*left)--) {
        satchel_row_view row;
        satchel_status status = satchel_page_row(page, i, &row);
        if (status == SATCHEL_OK) {
            status = visit(context, &row);
        }
        if (status != SATCHEL_OK) {
            return status;
        }
    }
    return SATCHEL_OK;
}

satchel_status cli_walk(cli_session *cli, const satchel_query *query, uint64_t limit, bool *out_more,
                        cli_row_visitor *visit, void *context) {
    satchel_page *page = NULL;
    satchel_bytes after = {NULL, 0};
    satchel_status status = SATCHEL_OK;
    uint64_t left = limit == 0 ? UINT64_MAX : limit;
    *out_more = true;
    while (status == SATCHEL_OK && left > 0 && *out_more) {
        satchel_page *next = NULL;
        uint32_t wanted = left < PAGE_ROWS ? (uint32_t)left : PAGE_ROWS;
        status = satchel_page_open(&next, cli->device, query, after, wanted, &cli->error);
        satchel_page_close(page);
        page = next;
        if (status == SATCHEL_OK) {
            status = visit_page(page, &left, visit, context);
            after = satchel_page_next(page);
            *out_more = after.bytes > 0;
        }
    }
    satchel_page_close(page);
    return status;
}

typedef struct row_list {
    cli_session *cli;
    uint32_t entity;
    json_t *rows;
} row_list;

static satchel_status add_row(void *context, const satchel_row_view *row) {
    row_list *list = context;
    json_t *object = cli_row_json(list->cli, list->entity, row, cli_wanted_form(list->cli), false);
    if (object == NULL || json_array_append_new(list->rows, object) != 0) {
        return cli_fail(list->cli, SATCHEL_NO_MEMORY, "the rows cannot be shown");
    }
    return SATCHEL_OK;
}

satchel_status cli_list(cli_session *cli, const satchel_query *query, uint32_t entity, uint64_t limit, json_t **out) {
    row_list list = {cli, entity, json_array()};
    bool more = false;
    if (limit == 0 && !cli->json) {
        limit = 200; /* more than people read; scripts get all */
    }
    *out = json_object();
    satchel_status status = cli_put(cli, *out, "rows", list.rows);
    if (status == SATCHEL_OK) {
        status = cli_walk(cli, query, limit, &more, add_row, &list);
    }
    return status == SATCHEL_OK ? cli_put(cli, *out, "more", json_boolean(more)) : status;
}

satchel_status cli_list_of_customer(cli_session *cli, uint32_t entity, uint32_t customer_field,
                                    const char *const *columns, unsigned column_count, int argc, const char **argv,
                                    json_t **out) {
    cli_args args;
    satchel_query *query = NULL;
    satchel_id customer;
    char *name = NULL;
    int limit = 0;
    struct poptOption options[] = {
        {"customer", 0, POPT_ARG_STRING, &name, 0, NULL, NULL},
        {"limit", 0, POPT_ARG_INT, &limit, 0, NULL, NULL},
        POPT_TABLEEND,
    };
    satchel_status status = cli_args_open(&args, cli, argc, argv, options, 0, 0);
    if (status == SATCHEL_OK && limit < 0) {
        status = cli_usage(cli, "--limit is not negative");
    }
    if (status == SATCHEL_OK) {
        status = cli_open(cli, false);
    }
    if (status == SATCHEL_OK) {
        status = satchel_query_open(&query, entity);
    }
    if (status == SATCHEL_OK && name != NULL) {
        status = cli_find(cli, SATCHEL_ENTITY_CUSTOMER, name, &customer);
        if (status == SATCHEL_OK) {
            status = satchel_query_where_id(query, customer_field, SATCHEL_COMPARE_EQUAL, &customer);
        }
    }
    if (status == SATCHEL_OK) {
        cli_columns(cli, entity, columns, column_count);
        cli_column_add(cli, "state", "State", "状态");
        status = cli_list(cli, query, entity, (uint64_t)limit, out);
    }
    satchel_query_close(query);
    cli_args_close(&args);
    return status;
}

satchel_status cli_show_verb(cli_session *cli, uint32_t entity, int argc, const char **argv, json_t **out) {
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
        status = cli_show_row(cli, entity, &id, out);
    }
    cli_args_close(&args);
    return status;
}
