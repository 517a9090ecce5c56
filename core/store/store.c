/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small named values, the mirrors of the tables, closing, and what must survive a kill between two steps of a sync.
 *
 *   ".sync"   [format 1][incarnation 16][token 16][next token 16][next was sent 1][request number varint]
 *             [cursor bytes varint][cursor][epoch varint][n varint][seen, offset ms zigzag][settled varint]
 *             [page bytes varint]; of a life that the server was not told of also [parents 1][parent 16]…
 */
#include "store/commands.h"
#include "store/digest.h"
#include "store/epoch.h"
#include "store/log_prune.h"
#include "store/migrate.h"
#include "store/page.h"

#include "base/text.h"

#include <satchel/model.h>

#define SYNC_FORMAT 1
#define SYNC_NAME ".sync"
#define VALUE_BYTES_MOST 65536u

/* --- values --- */

satchel_status satchel_store_get_value(satchel_store *store, const char *name, satchel_arena *arena, satchel_bytes *out,
                                       satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = false;
    *out = (satchel_bytes){NULL, 0};
    satchel_status status =
        satchel_statement_of(store, "SELECT value FROM store_value WHERE name = ?", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    status = satchel_statement_step(store, statement, &has_row, error);
    if (status == SATCHEL_OK) {
        status = has_row ? satchel_arena_copy(arena, satchel_column_bytes(statement, 0), out)
                         : satchel_fail(error, SATCHEL_NOT_FOUND, "no value of that name");
    }
    satchel_statement_end(statement);
    return status;
}

satchel_status satchel_store_write_value(satchel_store *store, const char *name, satchel_bytes value,
                                         satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_status status = satchel_statement_of(
        store,
        value.data == NULL ? "DELETE FROM store_value WHERE name = ?"
                           : "INSERT INTO store_value (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
                             "SET value = excluded.value",
        &statement, error);
    if (status == SATCHEL_OK) {
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
        if (value.data != NULL) {
            satchel_bind_bytes(statement, 2, value);
        }
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

satchel_status satchel_store_put_value(satchel_store *store, const char *name, satchel_bytes value,
                                       satchel_error *error) {
    if (name[0] == '\0' || name[0] == '.') {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the name is empty or one of the store's own");
    }
    if (value.bytes > VALUE_BYTES_MOST) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "a value of more than %u bytes", VALUE_BYTES_MOST);
    }
    satchel_status status = satchel_store_begin(store, error);
    if (status == SATCHEL_OK) {
        status = satchel_store_end(store, satchel_store_write_value(store, name, value, error), error);
    }
    store->user_fresh = false;
    return status;
}

/* --- the state of sync --- */

satchel_status satchel_sync_encode(const satchel_sync_state *state, satchel_buffer *out) {
    satchel_status status = satchel_buffer_append_byte(out, SYNC_FORMAT);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_id_view(&state->incarnation));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(state->token_current, SATCHEL_TOKEN_BYTES));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(state->token_next, SATCHEL_TOKEN_BYTES));
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, state->token_next_sent ? 1 : 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, state->request_number);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_varint(out, state->cursor_bytes);
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append(out, satchel_bytes_of(state->cursor, state->cursor_bytes));
    }
    const uint64_t numbers[] = {state->position.epoch,          state->position.n,
                                satchel_zigzag(state->seen_ms), satchel_zigzag(state->offset_ms),
                                state->settled_through,         state->page_bytes};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, numbers[i]);
    }
    if (status == SATCHEL_OK && state->incarnation_new) {
        status = satchel_buffer_append_byte(out, (uint8_t)state->parent_count);
    }
    for (uint32_t i = 0; i < state->parent_count && status == SATCHEL_OK && state->incarnation_new; i++) {
        status = satchel_buffer_append(out, satchel_id_view(&state->parents[i]));
    }
    return status;
}

static bool read_fixed(satchel_reader *reader, void *out, size_t bytes) {
    satchel_bytes taken;
    if (satchel_reader_take(reader, bytes, &taken) != SATCHEL_OK) {
        return false;
    }
    if (bytes > 0) {
        memcpy(out, taken.data, bytes);
    }
    return true;
}

/* The end, which only a new life has. */
static bool read_parents(satchel_reader *reader, satchel_sync_state *out) {
    uint8_t count = 0;
    if (satchel_reader_left(reader) == 0) {
        return true;
    }
    if (satchel_reader_byte(reader, &count) != SATCHEL_OK || count > SATCHEL_LIMIT_PARENTS) {
        return false;
    }
    out->incarnation_new = true;
    out->parent_count = count;
    return read_fixed(reader, out->parents, count * sizeof *out->parents) && satchel_reader_left(reader) == 0;
}

bool satchel_sync_decode(satchel_bytes bytes, satchel_sync_state *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    uint64_t cursor_bytes = 0;
    uint64_t numbers[6] = {0};
    uint8_t format = 0;
    uint8_t sent = 0;
    memset(out, 0, sizeof *out);
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != SYNC_FORMAT ||
        !read_fixed(&reader, out->incarnation.bytes, SATCHEL_ID_BYTES) ||
        !read_fixed(&reader, out->token_current, SATCHEL_TOKEN_BYTES) ||
        !read_fixed(&reader, out->token_next, SATCHEL_TOKEN_BYTES) ||
        satchel_reader_byte(&reader, &sent) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &out->request_number) != SATCHEL_OK ||
        satchel_reader_varint(&reader, &cursor_bytes) != SATCHEL_OK || cursor_bytes > SATCHEL_LIMIT_CURSOR_BYTES ||
        !read_fixed(&reader, out->cursor, (size_t)cursor_bytes)) {
        return false;
    }
    for (size_t i = 0; i < 6; i++) {
        if (satchel_reader_varint(&reader, &numbers[i]) != SATCHEL_OK) {
            return false;
        }
    }
    out->token_next_sent = sent != 0;
    out->cursor_bytes = (uint32_t)cursor_bytes;
    out->position = (satchel_revision){(uint32_t)numbers[0], numbers[1]};
    out->seen_ms = satchel_unzigzag(numbers[2]);
    out->offset_ms = satchel_unzigzag(numbers[3]);
    out->settled_through = numbers[4];
    out->page_bytes = (uint32_t)numbers[5];
    return read_parents(&reader, out);
}

satchel_status satchel_store_write_sync(satchel_store *store, const satchel_sync_state *state, satchel_error *error) {
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_sync_state copy = *state;
    if (state->cursor_bytes > SATCHEL_LIMIT_CURSOR_BYTES) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "the cursor is too long");
    }
    copy.settled_through = store->settled_through; /* the log knows */
    satchel_status status = satchel_sync_encode(&copy, &bytes);
    if (status == SATCHEL_OK) {
        status = satchel_store_write_value(store, SYNC_NAME, satchel_buffer_view(&bytes), error);
    }
    if (status == SATCHEL_OK) {
        store->sync = copy; /* read again if the transaction fails */
    }
    satchel_buffer_deinit(&bytes);
    return status;
}

static satchel_status load_sync(satchel_store *store, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes bytes = {NULL, 0};
    memset(&store->sync, 0, sizeof store->sync);
    satchel_status status = satchel_store_get_value(store, SYNC_NAME, &arena, &bytes, error);
    if (status == SATCHEL_NOT_FOUND) {
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && !satchel_sync_decode(bytes, &store->sync)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the state of sync is damaged");
    }
    satchel_arena_deinit(&arena);
    return status;
}

satchel_status satchel_store_sync_state(satchel_store *store, satchel_sync_state *out, satchel_error *error) {
    (void)error;
    *out = store->sync;
    out->settled_through = store->settled_through;
    return SATCHEL_OK;
}

uint64_t satchel_store_moves(const satchel_store *store) {
    return store->next_sequence - 1 + store->sync.request_number;
}

satchel_status satchel_store_save_sync_state(satchel_store *store, const satchel_sync_state *state,
                                             satchel_error *error) {
    satchel_status status = satchel_store_begin(store, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (state->incarnation_new) {
        satchel_again_begin(store, state->settled_through); /* a restored server did not know the store's name */
    }
    status = satchel_store_write_sync(store, state, error);
    if (status == SATCHEL_OK) {
        status = satchel_log_save_marks(store, error);
    }
    return satchel_store_end(store, status, error);
}

/* --- mirrors --- */

satchel_status satchel_conflicts_count(satchel_store *store, satchel_error *error) {
    int64_t open = 0;
    satchel_status status = satchel_store_number(
        store,
        store->has_dead_sets
            ? "SELECT count(*) FROM \"conflict\" WHERE \"status\" = 1 AND coalesce(\"deleted\", 0) = 0 AND (scope_set "
              "IS NULL OR scope_set NOT IN (SELECT local FROM store_dead_set))"
            : "SELECT count(*) FROM \"conflict\" WHERE \"status\" = 1 AND coalesce(\"deleted\", 0) = 0",
        0, &open, error);
    store->open_conflicts = (uint64_t)open;
    return status;
}

satchel_status satchel_store_reload(satchel_store *store, satchel_error *error) {
    int64_t unindexed = 0;
    int64_t aside = 0;
    store->rows = -1;
    satchel_status status = load_sync(store, error);
    if (status == SATCHEL_OK) {
        status = satchel_log_reload(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_migrate_reload(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_scopes_reload(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_paging_reload(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_digests_reload(store, error);
    }
    satchel_log_prune_reset(store);
    if (status == SATCHEL_OK) {
        status = satchel_conflicts_count(store, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, "SELECT 1 FROM store_unindexed LIMIT 1", 0, &unindexed, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_number(store, "SELECT 1 FROM store_aside LIMIT 1", 0, &aside, error);
    }
    store->has_unindexed = unindexed != 0;
    store->has_aside = aside != 0;
    store->mirrors_stale = status != SATCHEL_OK;
    return status;
}

void satchel_store_close(satchel_store *store) {
    if (store == NULL) {
        return;
    }
    satchel_statements_close(store);
    satchel_found_close(store);
    satchel_paging_close(store);
    satchel_digests_close(store);
    satchel_arena_deinit(&store->arena);
    satchel_arena_deinit(&store->schema_arena);
    satchel_arena_deinit(&store->user_arena);
    satchel_memory_give(store);
}

void satchel_store_watch_space(satchel_store *store, const satchel_store_space *space) {
    store->space = *space;
}

const satchel_schema *satchel_store_schema(const satchel_store *store) {
    return &store->schema;
}

/* --- counts --- */

static satchel_status count_rows(satchel_store *store, satchel_error *error) {
    int64_t rows = 0;
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < store->table_count && status == SATCHEL_OK; i++) {
        satchel_buffer sql = {NULL, 0, 0};
        int64_t some = 0;
        status = satchel_buffer_append_format(&sql, "SELECT count(*) FROM \"%s\"", store->tables[i].entity->name);
        if (status == SATCHEL_OK && store->has_dead_sets) {
            status = satchel_buffer_append_format(
                &sql, " WHERE scope_set IS NULL OR scope_set NOT IN (SELECT local FROM store_dead_set)");
        }
        if (status == SATCHEL_OK) {
            status = satchel_buffer_append_byte(&sql, 0);
        }
        if (status == SATCHEL_OK) {
            status = satchel_store_number(store, (const char *)sql.data, 0, &some, error);
        }
        rows += some;
        satchel_buffer_deinit(&sql);
    }
    store->rows = status == SATCHEL_OK ? rows : -1;
    return status;
}

satchel_status satchel_store_count_unsent(satchel_store *store, uint64_t *out, satchel_error *error) {
    satchel_status status = store->mirrors_stale ? satchel_store_reload(store, error) : SATCHEL_OK;
    *out = store->units_waiting;
    return status;
}

satchel_status satchel_store_count_info(satchel_store *store, satchel_device_info *out, satchel_error *error) {
    int64_t parked = 0;
    satchel_status status = SATCHEL_OK;
    if (store->mirrors_stale) {
        status = satchel_store_reload(store, error);
    }
    if (status == SATCHEL_OK && store->rows < 0) {
        status = count_rows(store, error);
    }
    if (status == SATCHEL_OK && store->troubled > 0) {
        status = satchel_store_number(store, "SELECT count(*) FROM store_op WHERE state > 4 AND state = 7", 0, &parked,
                                      error);
    }
    if (status == SATCHEL_OK) {
        out->units_unsent = store->units_waiting;
        out->ops_refused = store->troubled - (uint64_t)parked;
        out->ops_parked = (uint64_t)parked;
        out->conflicts_open = store->open_conflicts;
        status = satchel_losses_gone(store, &out->losses_on_server, error);
    }
    if (status == SATCHEL_OK) {
        out->rows = (uint64_t)store->rows;
    }
    return status;
}
