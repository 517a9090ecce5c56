/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upgrades of a store, as core/doc/store.md tells them. Before use: formats, then tables and columns, each in a
 * transaction; what is already there is found out by looking, so nothing but the end is noted. In the background: what
 * ".migration" says, in slices.
 *
 *   user version   format | (model version - 1) << 8
 *   ".tables"      fingerprint of the tables and indexes that are there or on their way, 8 bytes big-endian
 *   ".migration"   [format 1][phase 1][step varint][position varint][row 16]; absent: nothing is left to do
 */
#include "store/migrate.h"

#include "lite/functions.h"
#include "store/commands.h"
#include "store/digest.h"
#include "store/page.h"
#include "store/tables.h"

#include <inttypes.h>

#define APPLICATION_ID "1396786243" /* "SATC" */
#define TABLES_NAME ".tables"
#define STATE_NAME ".migration"
#define STATE_FORMAT 1
#define MODEL_SHIFT 8
#define MODEL_VERSION_LAST (INT32_MAX >> MODEL_SHIFT)
#define CATCH_UP_ROWS 500
#define LIFT_BATCH 32
#define SCAN_ROWS_PER_LIFT 16 /* rows looked at that cost as much as one that is lifted */

static const char OWN_TABLES[] =
    "CREATE TABLE store_value (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE store_op (sequence INTEGER PRIMARY KEY, unit INTEGER NOT NULL, entity INTEGER NOT NULL,"
    " row BLOB NOT NULL, state INTEGER NOT NULL, previous INTEGER, body BLOB NOT NULL, head BLOB, receipt BLOB,"
    " result BLOB, undone INTEGER);"
    "CREATE INDEX store_op_troubled ON store_op (entity, row) WHERE state > 4;"
    "CREATE INDEX store_op_undone ON store_op (undone) WHERE undone IS NOT NULL;"
    "CREATE TABLE store_loss (number INTEGER PRIMARY KEY, entity INTEGER NOT NULL, row BLOB NOT NULL,"
    " sequence INTEGER NOT NULL, conflict BLOB NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX store_loss_by_row ON store_loss (entity, row);"
    "CREATE TABLE store_scope_set (local INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE, scopes BLOB NOT NULL);"
    "CREATE TABLE store_dead_set (local INTEGER PRIMARY KEY, entity INTEGER NOT NULL, position INTEGER NOT NULL);"
    "CREATE TABLE store_hidden (entity INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (entity, position))"
    " WITHOUT ROWID;"
    "CREATE TABLE store_orphan (entity INTEGER NOT NULL, row BLOB NOT NULL, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, PRIMARY KEY (entity, row)) WITHOUT ROWID;"
    "CREATE TABLE store_aside (entity INTEGER NOT NULL, row BLOB NOT NULL, n INTEGER NOT NULL,"
    " local INTEGER NOT NULL, status INTEGER NOT NULL, frame BLOB NOT NULL, PRIMARY KEY (entity, row)) WITHOUT ROWID;"
    "CREATE TABLE store_unindexed (target INTEGER PRIMARY KEY);"
    "CREATE VIRTUAL TABLE store_search USING fts5(words, content='', detail='none', columnsize=0, tokenize='ascii');";

static satchel_status make_own_tables(satchel_store *store, satchel_error *error) {
    return satchel_store_execute(store, OWN_TABLES, error);
}

static satchel_status make_format_2(satchel_store *store, satchel_error *error) {
    satchel_status status = satchel_digests_make(store, error);
    return status == SATCHEL_OK ? satchel_commands_make(store, error) : status;
}

static const satchel_format_step STEPS[] = {
    {make_own_tables, NULL}, /* 1 */
    {make_format_2, NULL},   /* 2 */
};

satchel_store_release satchel_store_release_current(void) {
    return (satchel_store_release){&satchel_generated_model, STEPS, sizeof STEPS / sizeof STEPS[0]};
}

/* --- what is noted --- */

static satchel_status encode_state(const satchel_migration *state, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_byte(out, STATE_FORMAT);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, (uint8_t)state->phase);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, state->format);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, (uint64_t)state->position);
    }
    return status == SATCHEL_OK ? satchel_buffer_append(out, satchel_id_view(&state->row)) : status;
}

static bool decode_state(satchel_bytes bytes, satchel_migration *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_bytes row;
    uint64_t numbers[2] = {0, 0};
    uint8_t format = 0;
    uint8_t phase = 0;
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != STATE_FORMAT ||
        satchel_reader_byte(&reader, &phase) != SATCHEL_OK || phase == SATCHEL_MIGRATION_NONE ||
        phase > SATCHEL_MIGRATION_ASIDE || satchel_reader_varint(&reader, &numbers[0]) != SATCHEL_OK ||
        numbers[0] > SATCHEL_FORMAT_STEPS_MAX || satchel_reader_varint(&reader, &numbers[1]) != SATCHEL_OK ||
        satchel_reader_take(&reader, SATCHEL_ID_BYTES, &row) != SATCHEL_OK || satchel_reader_left(&reader) > 0) {
        return false;
    }
    out->phase = (satchel_migration_phase)phase;
    out->format = (uint32_t)numbers[0];
    out->position = (int64_t)numbers[1];
    return satchel_id_from(row, &out->row) == SATCHEL_OK;
}

static satchel_status save_state(satchel_store *store, satchel_error *error) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_status status =
        store->migration.phase != SATCHEL_MIGRATION_NONE ? encode_state(&store->migration, &bytes) : SATCHEL_OK;
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, STATE_NAME, satchel_buffer_view(&bytes), error);
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status load_state(satchel_store *store, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes bytes = {NULL, 0};
    store->migration = (satchel_migration){.phase = SATCHEL_MIGRATION_NONE};
    satchel_status status = satchel_store_get_value(store, STATE_NAME, &arena, &bytes, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && !decode_state(bytes, &store->migration)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the note of an upgrade is damaged");
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_migrate_reload(satchel_store *store, satchel_error *error) {
    satchel_status status = load_state(store, error);
    return status == SATCHEL_OK ? satchel_search_reload(store, error) : status;
}

/* To be gone through again from `phase` on, unless what is noted begins before it. */
static void go_back_to(satchel_migration *state, satchel_migration_phase phase) {
    if (state->phase == SATCHEL_MIGRATION_NONE || state->phase >= phase) {
        *state = (satchel_migration){.phase = phase};
    }
}

static satchel_status write_version(satchel_store *store, int64_t format, int64_t model, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    satchel_status status =
        satchel_buffer_append_format(&sql, "PRAGMA user_version = %" PRId64, format | (model - 1) << MODEL_SHIFT);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_execute(store, (const char *)sql.data, error);
    }
    satchel_buffer_deinit(&sql);
    return status;
}

/* --- before use --- */

typedef struct store_version {
    int64_t format; /* 0: a new store */
    int64_t model;
} store_version;

static satchel_status read_version(satchel_store *store, store_version *out, satchel_error *error) {
    const satchel_store_release *release = store->release;
    int64_t number = 0;
    satchel_status status = satchel_store_number(store, "PRAGMA user_version", 0, &number, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    *out = (store_version){number & ((1 << MODEL_SHIFT) - 1), (number >> MODEL_SHIFT) + 1};
    if (number < 0 || (number != 0 && out->format == 0) || out->format > (int64_t)release->step_count ||
        out->model > (int64_t)release->model->version) {
        return satchel_fail(error, SATCHEL_NEWER_FORMAT,
                            "the store has format %" PRId64 " and model %" PRId64 ", this version knows %" PRIu32
                            " and %" PRIu32,
                            out->format, out->model, release->step_count, release->model->version);
    }
    return SATCHEL_OK;
}

static satchel_status tables_are_made(satchel_store *store, uint64_t wanted, bool *out, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes found = {NULL, 0};
    satchel_status status = satchel_store_get_value(store, TABLES_NAME, &arena, &found, error);
    *out = status == SATCHEL_OK && found.bytes == sizeof wanted && satchel_get_u64be(found.data) == wanted;
    satchel_arena_deinit(&arena);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        return SATCHEL_OK;
    }
    return status;
}

static satchel_status note_tables(satchel_store *store, uint64_t wanted, satchel_error *error) {
    uint8_t bytes[8];
    satchel_put_u64be(bytes, wanted);
    return satchel_store_write_value(store, TABLES_NAME, satchel_bytes_of(bytes, sizeof bytes), error);
}

static satchel_status bring_up_table(satchel_store *store, const satchel_table *table, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    bool own = !store->in_transaction;
    satchel_status status = satchel_table_missing(store, table, &sql, error);
    if (status == SATCHEL_OK && sql.bytes > 0) {
        status = own ? satchel_store_begin(store, error) : SATCHEL_OK;
        if (status == SATCHEL_OK) {
            status = satchel_store_execute(store, (const char *)sql.data, error);
            status = own ? satchel_store_end(store, status, error) : status;
        }
    }
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status bring_up_tables(satchel_store *store, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        status = bring_up_table(store, &store->tables[i], error);
    }
    return status;
}

/* All at once: a store that is not whole is none. */
static satchel_status make_store(satchel_store *store, uint64_t wanted, satchel_error *error) {
    const satchel_store_release *release = store->release;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < release->step_count && status == SATCHEL_OK; i++) {
        status = release->steps[i].at_open != NULL ? release->steps[i].at_open(store, error) : SATCHEL_OK;
    }
    if (status == SATCHEL_OK) {
        status = bring_up_tables(store, error);
    }
    if (status == SATCHEL_OK) {
        status = write_version(store, release->step_count, release->model->version, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_execute(store, "PRAGMA application_id = " APPLICATION_ID, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_search_note(store, error);
    }
    return status == SATCHEL_OK ? note_tables(store, wanted, error) : status;
}

/* The step, its number, and that its slices are to run, in one transaction. */
static satchel_status take_format_step(satchel_store *store, uint32_t format, int64_t model, satchel_error *error) {
    const satchel_format_step *step = &store->release->steps[format - 1];
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (step->at_open != NULL) {
        status = step->at_open(store, error);
    }
    if (status == SATCHEL_OK) {
        status = write_version(store, format, model, error);
    }
    if (status == SATCHEL_OK && store->migration.phase != SATCHEL_MIGRATION_FORMAT) {
        store->migration = (satchel_migration){.phase = SATCHEL_MIGRATION_FORMAT, .format = format};
        status = save_state(store, error);
    }
    return satchel_store_end(store, status, error);
}

/* Older versions must not write from here on: they would not fill what is about to be added. */
static satchel_status mark_model(satchel_store *store, satchel_error *error) {
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = write_version(store, store->release->step_count, store->release->model->version, error);
    if (status == SATCHEL_OK) {
        go_back_to(&store->migration, SATCHEL_MIGRATION_INDEXES);
        status = save_state(store, error);
    }
    return satchel_store_end(store, status, error);
}

static satchel_status end_tables(satchel_store *store, uint64_t wanted, satchel_error *error) {
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    go_back_to(&store->migration, SATCHEL_MIGRATION_INDEXES);
    status = save_state(store, error);
    if (status == SATCHEL_OK) {
        status = note_tables(store, wanted, error);
    }
    return satchel_store_end(store, status, error);
}

static satchel_status bring_up(satchel_store *store, const store_version *found, uint64_t wanted,
                               satchel_error *error) {
    const satchel_store_release *release = store->release;
    bool made = false;
    satchel_status status = load_state(store, error);
    for (uint32_t format = (uint32_t)found->format + 1; format <= release->step_count && status == SATCHEL_OK;
         format++) {
        status = take_format_step(store, format, found->model, error);
    }
    if (status == SATCHEL_OK && found->model != (int64_t)release->model->version) {
        status = mark_model(store, error);
    }
    if (status == SATCHEL_OK) {
        status = tables_are_made(store, wanted, &made, error);
    }
    if (status == SATCHEL_OK && !made) {
        status = bring_up_tables(store, error);
        if (status == SATCHEL_OK) {
            status = end_tables(store, wanted, error);
        }
    }
    return status;
}

satchel_status satchel_migrate_open(satchel_store *store, satchel_error *error) {
    store_version found;
    uint64_t wanted = 0;
    store->search_through = INT64_MAX;
    satchel_status status = satchel_tables_list(store);
    if (status == SATCHEL_OK) {
        status = satchel_tables_fingerprint(store, &wanted);
    }
    if (status == SATCHEL_OK) {
        status = read_version(store, &found, error);
    }
    if (status != SATCHEL_OK || found.format != 0) {
        return status == SATCHEL_OK ? bring_up(store, &found, wanted, error) : status;
    }
    status = satchel_store_begin(store, error);
    return status == SATCHEL_OK ? satchel_store_end(store, make_store(store, wanted, error), error) : status;
}

/* --- what else has to be gone through again --- */

satchel_status satchel_migrate_search(satchel_store *store, satchel_error *error) {
    bool fits = false;
    bool unknown = false;
    satchel_status status = satchel_search_fits(store, &fits, &unknown, error);
    if (status != SATCHEL_OK || fits) {
        return status;
    }
    status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    /* Stores of the first versions note nothing; unless they are older, their index is as it would be made now. */
    bool adopt = unknown && store->migration.phase == SATCHEL_MIGRATION_NONE;
    status = adopt ? satchel_search_note(store, error) : satchel_search_rebuild(store, error);
    return satchel_store_end(store, status, error);
}

satchel_status satchel_migrate_custom(satchel_store *store, satchel_error *error) {
    bool fits = false;
    bool unknown = false;
    satchel_status status = satchel_search_fits(store, &fits, &unknown, error);
    if (status == SATCHEL_OK && !fits) {
        status = satchel_search_rebuild(store, error);
    }
    if (status == SATCHEL_OK) {
        go_back_to(&store->migration, SATCHEL_MIGRATION_LIFT);
        status = save_state(store, error);
    }
    return status;
}

/* --- in the background --- */

bool satchel_migrate_is_due(const satchel_store *store) {
    return store->migration.phase != SATCHEL_MIGRATION_NONE || store->search_through != INT64_MAX;
}

static satchel_status slice_format(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_migration *state = &store->migration;
    bool done = true;
    satchel_status status = SATCHEL_OK;
    if (state->format > store->release->step_count) {
        *state = (satchel_migration){.phase = SATCHEL_MIGRATION_INDEXES};
        return SATCHEL_OK;
    }
    const satchel_format_step *step = &store->release->steps[state->format > 0 ? state->format - 1 : 0];
    if (step->slice != NULL) {
        status = step->slice(store, *budget_rows, &state->position, &done, error);
        *budget_rows = 0;
    }
    if (status == SATCHEL_OK && done) {
        state->format++;
        state->position = 0;
    }
    return status;
}

/*
 * One index. SQLite sorts its keys in memory; core/doc/store.md says how much that is at 100,000 rows. Until it is
 * there, the queries that it serves sort the rows of their page.
 */
static satchel_status slice_indexes(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < store->table_count && sql.bytes == 0 && status == SATCHEL_OK; i++) {
        status = satchel_index_missing(store, &store->tables[i], &sql, error);
    }
    if (status == SATCHEL_OK && sql.bytes > 0) {
        status = satchel_store_execute(store, (const char *)sql.data, error);
        *budget_rows = 0;
    } else if (status == SATCHEL_OK) {
        store->migration = (satchel_migration){.phase = SATCHEL_MIGRATION_LIFT};
    }
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_status lift_row(satchel_store *store, satchel_table *table, const satchel_id *id, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_stored_row row;
    satchel_status status = satchel_row_load(store, table, id, &arena, &row, error);
    if (status == SATCHEL_OK && row.found && row.lifted) {
        status = satchel_row_update(store, &row.visible, &row, &arena, error);
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* Rows with a tail among the next of a table. */
typedef struct lift_window {
    satchel_id ids[LIFT_BATCH];
    uint32_t count;
    uint32_t scanned;
    int64_t last;
    bool end;
} lift_window;

static satchel_status look_ahead(satchel_store *store, const satchel_table *table, int64_t after, lift_window *out,
                                 satchel_error *error) {
    satchel_buffer sql = {NULL, 0, 0};
    sqlite3_stmt *statement = NULL;
    *out = (lift_window){.last = after};
    satchel_status status = satchel_buffer_append_format(
        &sql, "SELECT rowid, \"id\", \"tail\" IS NOT NULL FROM \"%s\" WHERE rowid > ? ORDER BY rowid",
        table->entity->name);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, after);
    }
    while (status == SATCHEL_OK && out->count < LIFT_BATCH && out->scanned < LIFT_BATCH * SCAN_ROWS_PER_LIFT) {
        bool has_row = false;
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            out->end = true;
            break;
        }
        out->scanned++;
        out->last = sqlite3_column_int64(statement, 0);
        if (sqlite3_column_int64(statement, 2) != 0) {
            status = satchel_column_id(statement, 1, &out->ids[out->count++]);
        }
    }
    satchel_statement_end(statement);
    satchel_buffer_deinit(&sql);
    return status;
}

static satchel_table *table_behind(satchel_store *store, int64_t position) {
    for (uint32_t i = 0; i < store->table_count; i++) {
        if (position < satchel_search_target(&store->tables[i], INT64_MAX)) {
            return &store->tables[i];
        }
    }
    return NULL;
}

static satchel_status slice_lift(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_migration *state = &store->migration;
    satchel_table *table = table_behind(store, state->position);
    lift_window window;
    if (table == NULL) {
        *state = (satchel_migration){.phase = SATCHEL_MIGRATION_ASIDE};
        return SATCHEL_OK;
    }
    const int64_t first = satchel_search_target(table, 0);
    satchel_status status =
        look_ahead(store, table, state->position > first ? state->position - first : 0, &window, error);
    for (uint32_t i = 0; i < window.count && status == SATCHEL_OK; i++) {
        status = lift_row(store, table, &window.ids[i], error);
    }
    uint32_t cost = window.count + window.scanned / SCAN_ROWS_PER_LIFT;
    *budget_rows -= cost < *budget_rows ? cost : *budget_rows;
    state->position = satchel_search_target(table, window.end ? INT64_MAX : window.last);
    return status;
}

static satchel_status slice_aside(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_migration *state = &store->migration;
    uint32_t entity = (uint32_t)state->position;
    bool done = false;
    bool custom = false;
    satchel_status status = satchel_aside_retry(store, budget_rows, &entity, &state->row, &done, &custom, error);
    state->position = entity;
    if (status == SATCHEL_OK && done) {
        *state = (satchel_migration){.phase = SATCHEL_MIGRATION_NONE};
    }
    if (status == SATCHEL_OK && custom) {
        store->custom_read = true;
        status = satchel_store_load_custom(store, error);
        if (status == SATCHEL_OK) {
            status = satchel_migrate_custom(store, error);
        }
    }
    return status;
}

satchel_status satchel_migrate_slice(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    bool moved = false;
    while (store->migration.phase != SATCHEL_MIGRATION_NONE && *budget_rows > 0 && status == SATCHEL_OK) {
        moved = true;
        switch (store->migration.phase) {
        case SATCHEL_MIGRATION_FORMAT: status = slice_format(store, budget_rows, error); break;
        case SATCHEL_MIGRATION_INDEXES: status = slice_indexes(store, budget_rows, error); break;
        case SATCHEL_MIGRATION_LIFT: status = slice_lift(store, budget_rows, error); break;
        case SATCHEL_MIGRATION_ASIDE: status = slice_aside(store, budget_rows, error); break;
        case SATCHEL_MIGRATION_NONE: break;
        }
    }
    if (status == SATCHEL_OK && moved) {
        status = save_state(store, error);
    }
    if (status == SATCHEL_OK && store->migration.phase == SATCHEL_MIGRATION_NONE) {
        status = satchel_search_walk(store, budget_rows, error);
    }
    return status;
}

satchel_status satchel_migrate_end(satchel_store *store, satchel_status status, satchel_error *error) {
    status = satchel_store_end(store, status, error);
    if (status != SATCHEL_OK && store->custom_read && satchel_store_load_custom(store, NULL) != SATCHEL_OK) {
        store->mirrors_stale = true;
    }
    store->custom_read = false;
    return status;
}

satchel_status satchel_migrate_catch_up(satchel_store *store, bool searches, satchel_error *error) {
    uint32_t budget = CATCH_UP_ROWS;
    bool left;
    bool needed =
        satchel_store_is_lifting(store) || (searches && (store->has_unindexed || satchel_migrate_is_due(store)));
    if (!needed || store->in_transaction) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_migrate_slice(store, &budget, error);
    if (status == SATCHEL_OK && searches) {
        status = satchel_search_drain(store, budget, &left, error);
    }
    return satchel_migrate_end(store, status, error);
}

/* --- how far --- */

/* Rows of all tables, and those of them up to a target; by the highest rowid, which costs no scan. */
static satchel_status count_rows(satchel_store *store, int64_t through, uint64_t *out_all, uint64_t *out_done,
                                 satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    *out_all = 0;
    *out_done = 0;
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        const int64_t first = satchel_search_target(&store->tables[i], 0);
        satchel_buffer sql = {NULL, 0, 0};
        int64_t last = 0;
        status = satchel_buffer_append_format(&sql, "SELECT max(rowid) FROM \"%s\"", store->tables[i].entity->name);
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(&sql, 0);
        }
        if (status == SATCHEL_OK) {
            status = satchel_store_number(store, (const char *)sql.data, 0, &last, error);
        }
        *out_all += (uint64_t)last;
        *out_done += through > first ? (uint64_t)(through - first < last ? through - first : last) : 0;
        satchel_buffer_deinit(&sql);
    }
    return status;
}

satchel_status satchel_store_upgrade_progress(satchel_store *store, satchel_store_progress *out, satchel_error *error) {
    const satchel_migration *state = &store->migration;
    uint64_t all = 0;
    uint64_t lifted = 0;
    uint64_t indexed = 0;
    int64_t through = state->phase == SATCHEL_MIGRATION_LIFT ? state->position
                      : satchel_store_is_lifting(store)      ? 0
                                                             : INT64_MAX;
    *out = (satchel_store_progress){satchel_migrate_is_due(store), 1000};
    if (!out->running) {
        return SATCHEL_OK;
    }
    satchel_status status = count_rows(store, through, &all, &lifted, error);
    if (status == SATCHEL_OK) {
        status = count_rows(store, store->search_through, &all, &indexed, error);
    }
    out->permille = all > 0 ? (uint32_t)((lifted + indexed) * 999 / (2 * all)) : 0;
    return status;
}

/* --- opening --- */

static satchel_status check_release(const satchel_store_release *release, satchel_error *error) {
    if (release->model == NULL || release->model->version == 0 || release->model->version > MODEL_VERSION_LAST ||
        release->steps == NULL || release->step_count == 0 || release->step_count > SATCHEL_FORMAT_STEPS_MAX) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "no release of a store");
    }
    return SATCHEL_OK;
}

static satchel_status open_over(satchel_store *store, const satchel_store_release *release, satchel_error *error) {
    satchel_store_release *copy = satchel_arena_take(&store->arena, sizeof *copy);
    if (copy == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a store");
    }
    *copy = *release;
    store->release = copy;
    store->schema = (satchel_schema){release->model, NULL, 0};
    int code = satchel_lite_functions_add(store->database);
    satchel_status status = code == SQLITE_OK ? SATCHEL_OK : satchel_store_fail(store, code, error);
    if (status == SATCHEL_OK) {
        status = satchel_found_open(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_migrate_open(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_reload(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_load_custom(store, error);
    }
    return status == SATCHEL_OK ? satchel_migrate_search(store, error) : status;
}

satchel_status satchel_store_open_release(satchel_store **out, struct sqlite3 *database, const satchel_op_seal *seal,
                                          const satchel_store_release *release, satchel_error *error) {
    *out = NULL;
    satchel_status status = check_release(release, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_store *store = satchel_memory_take(sizeof *store);
    if (store == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for a store");
    }
    store->database = database;
    if (seal != NULL) {
        store->seal = *seal;
        store->has_seal = true;
    }
    status = open_over(store, release, error);
    if (status != SATCHEL_OK) {
        satchel_store_close(store);
        return status;
    }
    *out = store;
    return SATCHEL_OK;
}

satchel_status satchel_store_open(satchel_store **out, struct sqlite3 *database, const satchel_op_seal *seal,
                                  satchel_error *error) {
    const satchel_store_release release = satchel_store_release_current();
    return satchel_store_open_release(out, database, seal, &release, error);
}
