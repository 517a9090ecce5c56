/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import: rows of one entity from CSV, all as one revision. A bad line is reported and leaves the others as they are;
 * with
 * --dry-run everything is checked and nothing is kept. Columns are named as the fields; a reference may be an id, an
 * external id, a login or a name; elements of a set are separated by ';'.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/text.h"

#include <csv.h>
#include <string.h>

/* Columns of one file. */
#define COLUMNS_MOST 256
/* Bad lines that are told one by one; the rest are counted. */
#define TOLD_MOST 1000

typedef struct import_run {
    satchel_command *command;
    const satchel_entity *entity;
    satchel_db *db;
    satchel_bulk *bulk;
    const satchel_field *columns[COLUMNS_MOST]; /* NULL: the id column */
    uint32_t column_count;
    bool head_done;
    char *cells[COLUMNS_MOST];
    uint32_t cell_count;
    bool too_many_cells;
    uint64_t line;        /* of the file, the heading is 1 */
    uint64_t inner_lines; /* line ends inside the row's quoted cells */
    uint64_t created, updated, unchanged, failed;
    json_t *problems;
    satchel_status status; /* what ends the import as a whole */
    satchel_error error;
    satchel_arena *arena; /* the command's; kept while a row's own arena stands in */
} import_run;

static void stop(import_run *run, satchel_status status) {
    if (run->status == SATCHEL_OK) {
        run->status = status;
    }
}

/* libcsv gives a cell; an empty file of cells is an empty line, which it skips itself. */
static void on_cell(void *data, size_t bytes, void *context) {
    import_run *run = context;
    if (run->status != SATCHEL_OK) {
        return;
    }
    if (run->cell_count == COLUMNS_MOST) {
        run->too_many_cells = true;
        return;
    }
    char *copy = satchel_arena_text(run->arena, (satchel_text){data, bytes});
    if (copy == NULL) {
        stop(run, SATCHEL_NO_MEMORY);
        return;
    }
    run->cells[run->cell_count++] = copy;
    for (const char *at = copy; (at = strchr(at, '\n')) != NULL; at++) {
        run->inner_lines++;
    }
}

static void read_head(import_run *run) {
    for (uint32_t i = 0; i < run->cell_count; i++) {
        const char *name = run->cells[i];
        bool is_id = strcmp(name, "id") == 0;
        run->columns[i] =
            is_id ? NULL : satchel_schema_field_named(run->command->schema, run->entity->number, satchel_text_of(name));
        if (!is_id && run->columns[i] == NULL) {
            stop(run, satchel_fail(&run->error, SATCHEL_UNKNOWN_FIELD, "line 1: %s has no field %.60s",
                                   run->entity->name, name));
        }
        for (uint32_t earlier = 0; earlier < i; earlier++) {
            if (strcmp(run->cells[earlier], name) == 0) {
                stop(run, satchel_fail(&run->error, SATCHEL_MALFORMED, "line 1: column %.60s comes twice", name));
            }
        }
    }
    run->column_count = run->cell_count;
    run->head_done = true;
}

static void tell_problem(import_run *run, satchel_status status, const satchel_error *error) {
    run->failed++;
    if (json_array_size(run->problems) >= TOLD_MOST) {
        return;
    }
    const satchel_field *field =
        error->field != 0 ? satchel_schema_field(run->command->schema, run->entity->number, error->field) : NULL;
    json_t *problem = json_pack("{s:I, s:s, s:s?, s:s}", "line", (json_int_t)run->line, "status",
                                satchel_status_name(status), "field", field != NULL ? field->name : NULL, "reason",
                                error->detail[0] != '\0' ? error->detail : satchel_status_text(status, "en"));
    if (problem == NULL || json_array_append_new(run->problems, problem) != 0) {
        stop(run, SATCHEL_NO_MEMORY);
    }
}

static satchel_status read_row(import_run *run, satchel_id *id, satchel_record *record, satchel_error *error) {
    if (run->too_many_cells || run->cell_count != run->column_count) {
        return satchel_fail(error, SATCHEL_MALFORMED, "%s%u values where the heading has %u",
                            run->too_many_cells ? "more than " : "", (unsigned)run->cell_count,
                            (unsigned)run->column_count);
    }
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; status == SATCHEL_OK && i < run->cell_count; i++) {
        const char *cell = run->cells[i];
        if (run->columns[i] == NULL) {
            status = satchel_command_find(run->command, run->db, run->entity->number, cell, id, error);
        } else if (cell[0] != '\0') {
            satchel_value value;
            status = satchel_command_value(run->command, run->db, run->entity, run->columns[i], cell, &value, error);
            if (status == SATCHEL_OK) {
                status = satchel_record_set(record, run->columns[i]->number, &value);
            } else if (error->field == 0) {
                error->field = run->columns[i]->number;
            }
        }
    }
    return status;
}

/* A failure of the row itself, not of the machine: the import goes on without it. */
static bool is_row_failure(satchel_status status) {
    satchel_status_class class = satchel_status_class_of(status);
    return class == SATCHEL_CLASS_USER || class == SATCHEL_CLASS_ACCESS;
}

static void put_row(import_run *run) {
    satchel_arena arena;
    satchel_arena_init(&arena);
    run->command->arena = &arena;
    satchel_record record;
    satchel_id id = {{0}};
    satchel_write_outcome outcome = {{{0}}, 0, false, false, 0};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    satchel_record_init(&record, &arena);
    satchel_status status = read_row(run, &id, &record, &error);
    if (status == SATCHEL_OK) {
        status = satchel_bulk_put(run->bulk, run->entity->number, &id, &record, &outcome, &error);
    }
    if (status == SATCHEL_OK) {
        run->created += outcome.created;
        run->updated += !outcome.created && outcome.changed;
        run->unchanged += !outcome.created && !outcome.changed;
    } else if (is_row_failure(status)) {
        tell_problem(run, status, &error);
    } else {
        run->error = error;
        stop(run, status);
    }
    run->command->arena = run->arena;
    satchel_arena_deinit(&arena);
}

/* Comes for each CR and each LF outside quotes, so that CR LF gives a row and then an empty one. */
static void on_row(int terminator, void *context) {
    import_run *run = context;
    bool empty = run->cell_count == 0 && !run->too_many_cells;
    if (run->status == SATCHEL_OK && !empty && !run->head_done) {
        read_head(run);
    } else if (run->status == SATCHEL_OK && !empty) {
        put_row(run);
    }
    run->cell_count = 0;
    run->too_many_cells = false;
    run->line += run->inner_lines + (terminator == '\n');
    run->inner_lines = 0;
}

static satchel_status parse(import_run *run, satchel_text input) {
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0) {
        return SATCHEL_NO_MEMORY;
    }
    bool parsed = csv_parse(&parser, input.data, input.bytes, on_cell, on_row, run) == input.bytes &&
                  csv_fini(&parser, on_cell, on_row, run) == 0;
    if (!parsed && run->status == SATCHEL_OK) {
        run->status =
            csv_error(&parser) == CSV_ENOMEM
                ? SATCHEL_NO_MEMORY
                : satchel_fail(&run->error, SATCHEL_MALFORMED, "line %llu: not CSV", (unsigned long long)run->line);
    }
    csv_free(&parser);
    return run->status;
}

static satchel_status tell(import_run *run) {
    json_t *result = run->command->result;
    bool whole = json_object_set_new(result, "created", json_integer((json_int_t)run->created)) == 0 &&
                 json_object_set_new(result, "updated", json_integer((json_int_t)run->updated)) == 0 &&
                 json_object_set_new(result, "unchanged", json_integer((json_int_t)run->unchanged)) == 0 &&
                 json_object_set_new(result, "failed", json_integer((json_int_t)run->failed)) == 0 &&
                 json_object_set(result, "problems", run->problems) == 0;
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

typedef struct import_options {
    const satchel_entity *entity;
    int dry_run;
    uint64_t failed;
    bool kept_nothing;
} import_options;

static satchel_status import_rows(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    import_options *options = context;
    const satchel_actor system = satchel_actor_system();
    import_run run = {.command = command, .entity = options->entity, .db = db, .arena = command->arena, .line = 1};
    run.problems = json_array();
    satchel_status status = run.problems != NULL ? SATCHEL_OK : SATCHEL_NO_MEMORY;
    if (status == SATCHEL_OK) {
        status = satchel_bulk_open(&run.bulk, command->service, db, &system, error);
    }
    if (status == SATCHEL_OK) {
        status = parse(&run, command->input);
        satchel_status closed = satchel_bulk_close(run.bulk, error);
        if (status != SATCHEL_OK && error != NULL) {
            *error = run.error;
        } else if (status == SATCHEL_OK) {
            status = closed;
        }
    }
    if (status == SATCHEL_OK) {
        options->failed = run.failed;
        status = tell(&run);
    }
    json_decref(run.problems);
    if (status == SATCHEL_OK && options->dry_run) {
        options->kept_nothing = true;
        return SATCHEL_CANCELLED; /* undoes what was written */
    }
    return status;
}

satchel_status satchel_verb_import(satchel_command *command, satchel_error *error) {
    import_options options = {NULL, 0, 0, false};
    struct poptOption table[] = {{"dry-run", 0, POPT_ARG_NONE, &options.dry_run, 0, NULL, NULL}, POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (command->argument_count != 3) {
        return satchel_command_usage(command, error);
    }
    options.entity = satchel_schema_entity_named(command->schema, satchel_text_of(command->arguments[1]));
    if (options.entity == NULL) {
        return satchel_fail(error, SATCHEL_UNKNOWN_ENTITY, "there is no entity %.60s", command->arguments[1]);
    }
    if (command->input.bytes == 0) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the file is empty");
    }
    status = satchel_command_write(command, import_rows, &options, error);
    if (status == SATCHEL_CANCELLED && options.kept_nothing) {
        status = SATCHEL_OK;
    }
    if (status == SATCHEL_OK && options.failed > 0) {
        return satchel_fail(error, SATCHEL_MALFORMED, "%llu lines were not usable; the others were %s",
                            (unsigned long long)options.failed, options.dry_run ? "checked" : "imported");
    }
    return status;
}
