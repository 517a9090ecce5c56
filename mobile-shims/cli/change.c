/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and changing rows of any entity from field=value arguments; field names and types come from the schema.
 */
#include "cli.h"

#include <satchel/model.h>
#include <satchel/write.h>

#include <stdio.h>
#include <string.h>

#define CLEARED_MOST 64

/* Splits "name=value" at its first sign of equality and looks the field up. */
static satchel_status read_assignment(cli_session *cli, uint32_t entity, const char *text, satchel_field_info *out,
                                      const char **out_value) {
    const char *equals = strchr(text, '=');
    const satchel_text name = {text, equals == NULL ? strlen(text) : (size_t)(equals - text)};
    if (equals == NULL) {
        return cli_usage(cli, "\"%.60s\" is not FIELD=VALUE", text);
    }
    if (satchel_fields_field_named(cli->fields, entity, name, out) != SATCHEL_OK) {
        return cli_fail(cli, SATCHEL_UNKNOWN_FIELD, "there is no field \"%.*s\"",
                        (int)(name.bytes > 60 ? 60 : name.bytes), text);
    }
    *out_value = equals + 1;
    return SATCHEL_OK;
}

/* A reference may be given as people name the row. */
static satchel_status set_reference(cli_session *cli, satchel_record_builder *builder, const satchel_field_info *field,
                                    const char *value) {
    satchel_id id;
    satchel_status status = cli_find(cli, field->ref, value, &id);
    return status == SATCHEL_OK ? satchel_record_builder_id(builder, field->number, &id) : status;
}

static satchel_status apply_set(cli_session *cli, satchel_record_builder *builder, uint32_t entity, char **set) {
    satchel_status status = SATCHEL_OK;
    for (; set != NULL && *set != NULL && status == SATCHEL_OK; set++) {
        satchel_field_info field;
        const char *value;
        status = read_assignment(cli, entity, *set, &field, &value);
        if (status != SATCHEL_OK) {
            break;
        }
        if (value[0] == 0) {
            status = cli_usage(cli, "an empty value for %s: use --clear", field.name);
        } else if (field.type == SATCHEL_FIELD_TYPE_ID && field.ref != 0) {
            status = set_reference(cli, builder, &field, value);
        } else {
            const satchel_text text = {value, strlen(value)};
            status = satchel_record_builder_parse(builder, field.number, text, &cli->error);
        }
    }
    return status;
}

/* --- elements of sets --- */

/* What the set holds now goes into the builder, once a field. */
static satchel_status copy_set(cli_session *cli, satchel_record_builder *builder, const satchel_record_reader *reader,
                               const satchel_field_info *field) {
    satchel_cell cell;
    satchel_status status = SATCHEL_OK;
    (void)cli;
    if (satchel_record_reader_get(reader, field->number, &cell) != SATCHEL_OK) {
        return SATCHEL_OK;
    }
    for (uint32_t i = 0; i < cell.element_count && status == SATCHEL_OK; i++) {
        satchel_bytes element;
        status = satchel_record_reader_element(reader, field->number, i, &element);
        if (status == SATCHEL_OK) {
            status = satchel_record_builder_add(builder, field->number, element);
        }
    }
    return status;
}

static satchel_status element_bytes(cli_session *cli, const satchel_field_info *field, const char *value,
                                    satchel_id *room, satchel_bytes *out) {
    *out = (satchel_bytes){(const uint8_t *)value, strlen(value)};
    if (field->element != SATCHEL_FIELD_TYPE_ID) {
        return SATCHEL_OK;
    }
    satchel_status status = cli_find(cli, field->ref, value, room);
    *out = (satchel_bytes){room->bytes, SATCHEL_ID_BYTES};
    return status;
}

typedef struct touched_sets {
    uint32_t fields[CLEARED_MOST];
    unsigned count;
} touched_sets;

static bool is_touched(const touched_sets *touched, uint32_t field) {
    for (unsigned i = 0; i < touched->count; i++) {
        if (touched->fields[i] == field) {
            return true;
        }
    }
    return false;
}

static satchel_status apply_elements(cli_session *cli, satchel_record_builder *builder,
                                     const satchel_record_reader *now, uint32_t entity, char **words, bool add,
                                     touched_sets *touched) {
    satchel_status status = SATCHEL_OK;
    for (; words != NULL && *words != NULL && status == SATCHEL_OK; words++) {
        satchel_field_info field;
        const char *value;
        satchel_id id;
        satchel_bytes element;
        status = read_assignment(cli, entity, *words, &field, &value);
        if (status == SATCHEL_OK && field.type != SATCHEL_FIELD_TYPE_SET) {
            status = cli_fail(cli, SATCHEL_WRONG_TYPE, "%s holds one value: use --set", field.name);
        }
        if (status == SATCHEL_OK) {
            status = element_bytes(cli, &field, value, &id, &element);
        }
        if (status == SATCHEL_OK && now != NULL && !is_touched(touched, field.number) &&
            touched->count < CLEARED_MOST) {
            touched->fields[touched->count++] = field.number;
            status = copy_set(cli, builder, now, &field);
        }
        if (status == SATCHEL_OK) {
            status = add ? satchel_record_builder_add(builder, field.number, element)
                         : satchel_record_builder_remove(builder, field.number, element);
        }
    }
    return status;
}

/* --- the two verbs --- */

static satchel_status end_write(cli_session *cli, satchel_write *write, const satchel_id *id, satchel_status status,
                                json_t **out) {
    satchel_receipt receipt = {0, 0};
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, &receipt, &cli->error);
    }
    if (status != SATCHEL_OK) {
        satchel_write_abandon(write);
        return status;
    }
    status = cli_give_id(cli, id, out);
    if (status == SATCHEL_OK && receipt.count > 0) {
        status = cli_put(cli, *out, "sequence", json_integer((json_int_t)receipt.first_sequence));
    }
    return status == SATCHEL_OK ? cli_put(cli, *out, "changes", json_integer(receipt.count)) : status;
}

satchel_status cli_create_row(cli_session *cli, uint32_t entity, const cli_changes *changes, uint32_t parent_field,
                              const satchel_id *parent, satchel_id *id, json_t **out) {
    satchel_record_builder *builder = NULL;
    satchel_write *write = NULL;
    satchel_bytes record;
    touched_sets touched = {.count = 0};
    satchel_status status = satchel_record_builder_open(&builder, cli->fields, entity);
    if (status == SATCHEL_OK && parent_field != 0) {
        status = satchel_record_builder_id(builder, parent_field, parent);
    }
    if (status == SATCHEL_OK) {
        status = apply_set(cli, builder, entity, changes->set);
    }
    if (status == SATCHEL_OK) {
        status = apply_elements(cli, builder, NULL, entity, changes->add, true, &touched);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_builder_encode(builder, &record);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, cli->device, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_create(write, entity, record, id, &cli->error);
        status = end_write(cli, write, id, status, out);
    }
    satchel_record_builder_close(builder);
    return status;
}

satchel_status cli_fields_given(cli_session *cli, uint32_t entity, char **set, satchel_record_builder **builder,
                                satchel_bytes *out) {
    *builder = NULL;
    satchel_status status = satchel_record_builder_open(builder, cli->fields, entity);
    if (status == SATCHEL_OK) {
        status = apply_set(cli, *builder, entity, set);
    }
    return status == SATCHEL_OK ? satchel_record_builder_encode(*builder, out) : status;
}

static satchel_status read_cleared(cli_session *cli, uint32_t entity, char **words, uint32_t out[CLEARED_MOST],
                                   uint32_t *out_count) {
    *out_count = 0;
    for (; words != NULL && *words != NULL; words++) {
        satchel_field_info field;
        const satchel_text name = {*words, strlen(*words)};
        if (satchel_fields_field_named(cli->fields, entity, name, &field) != SATCHEL_OK) {
            return cli_fail(cli, SATCHEL_UNKNOWN_FIELD, "there is no field \"%.60s\"", *words);
        }
        if (*out_count == CLEARED_MOST) {
            return cli_fail(cli, SATCHEL_LIMIT_EXCEEDED, "at most %d fields are cleared at once", CLEARED_MOST);
        }
        out[(*out_count)++] = field.number;
    }
    return SATCHEL_OK;
}

static satchel_status apply_increases(cli_session *cli, satchel_write *write, uint32_t entity, const satchel_id *id,
                                      char **words) {
    satchel_status status = SATCHEL_OK;
    for (; words != NULL && *words != NULL && status == SATCHEL_OK; words++) {
        satchel_field_info field;
        const char *value;
        int64_t delta;
        status = read_assignment(cli, entity, *words, &field, &value);
        if (status == SATCHEL_OK) {
            status = cli_read_decimal(cli, field.name, value, 0, &delta);
        }
        if (status == SATCHEL_OK) {
            status = satchel_write_add(write, entity, id, field.number, delta, &cli->error);
        }
    }
    return status;
}

/* The new values of the fields, from the row as it is. */
static satchel_status fill_edit(cli_session *cli, satchel_record_builder *builder, uint32_t entity,
                                const satchel_id *id, const cli_changes *changes, touched_sets *touched) {
    satchel_page *page = NULL;
    satchel_row_view row;
    satchel_record_reader *now = NULL;
    satchel_status status = satchel_row_open(&page, cli->device, entity, id, &cli->error);
    if (status == SATCHEL_OK) {
        status = satchel_page_row(page, 0, &row);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_reader_open(&now, cli->fields, entity, row.record, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = apply_set(cli, builder, entity, changes->set);
    }
    if (status == SATCHEL_OK) {
        status = apply_elements(cli, builder, now, entity, changes->add, true, touched);
    }
    if (status == SATCHEL_OK) {
        status = apply_elements(cli, builder, now, entity, changes->remove, false, touched);
    }
    satchel_record_reader_close(now);
    satchel_page_close(page);
    return status;
}

/* A set that lost its last element has no bytes in the record: it is cleared. */
static satchel_status clear_emptied(cli_session *cli, uint32_t entity, satchel_bytes record,
                                    const touched_sets *touched, uint32_t cleared[CLEARED_MOST],
                                    uint32_t *cleared_count) {
    satchel_record_reader *reader = NULL;
    satchel_status status = satchel_record_reader_open(&reader, cli->fields, entity, record, &cli->error);
    for (unsigned i = 0; i < touched->count && status == SATCHEL_OK; i++) {
        satchel_cell cell;
        bool empty = satchel_record_reader_get(reader, touched->fields[i], &cell) == SATCHEL_NOT_FOUND;
        if (empty && *cleared_count == CLEARED_MOST) {
            status = cli_fail(cli, SATCHEL_LIMIT_EXCEEDED, "at most %d fields are cleared at once", CLEARED_MOST);
        } else if (empty) {
            cleared[(*cleared_count)++] = touched->fields[i];
        }
    }
    satchel_record_reader_close(reader);
    return status;
}

static satchel_status write_edit(cli_session *cli, satchel_record_builder *builder, uint32_t entity,
                                 const satchel_id *id, const cli_changes *changes, const touched_sets *touched,
                                 json_t **out) {
    satchel_write *write = NULL;
    satchel_bytes record;
    uint32_t cleared[CLEARED_MOST];
    uint32_t cleared_count;
    satchel_status status = read_cleared(cli, entity, changes->clear, cleared, &cleared_count);
    if (status == SATCHEL_OK) {
        status = satchel_record_builder_encode(builder, &record);
    }
    if (status == SATCHEL_OK) {
        status = clear_emptied(cli, entity, record, touched, cleared, &cleared_count);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, cli->device, &cli->error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    if (record.bytes > 0 || cleared_count > 0) {
        status = satchel_write_edit(write, entity, id, record, cleared, cleared_count, &cli->error);
    }
    if (status == SATCHEL_OK) {
        status = apply_increases(cli, write, entity, id, changes->increase);
    }
    return end_write(cli, write, id, status, out);
}

satchel_status cli_edit_row(cli_session *cli, uint32_t entity, const satchel_id *id, const cli_changes *changes,
                            json_t **out) {
    satchel_record_builder *builder = NULL;
    touched_sets touched = {.count = 0};
    if (changes->set == NULL && changes->clear == NULL && changes->add == NULL && changes->remove == NULL &&
        changes->increase == NULL) {
        return cli_usage(cli, "nothing to change: use --set, --clear, --add, --remove or --increase");
    }
    satchel_status status = satchel_record_builder_open(&builder, cli->fields, entity);
    if (status == SATCHEL_OK) {
        status = fill_edit(cli, builder, entity, id, changes, &touched);
    }
    if (status == SATCHEL_OK) {
        status = write_edit(cli, builder, entity, id, changes, &touched, out);
    }
    satchel_record_builder_close(builder);
    return status;
}
