/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of the rows that the store holds of the server's, by own scope set, and what follows from a difference.
 *
 *   store_digest (local → sum 16)
 *   ".digest"   [format 1][flags 1: counted, server's is known, differs][rounds varint][repairs varint]
 *               [counted, asked ms zigzag][server's 16]
 *
 * The sums live in memory and are written with the transaction that moved them. A count goes through the tables by
 * (table, rowid); rows at or before its place move its sums as well. It lives in memory alone: after a transaction that
 * failed, or a start, it begins again.
 */
#include "store/digest.h"

#include "store/digest_state.h"
#include "store/page.h"

#include "wire/record_codec.h"

#include <stdlib.h>

#define STATE_FORMAT 1
#define STATE_NAME ".digest"
#define FLAG_COUNTED 1u
#define FLAG_KNOWN 2u
#define FLAG_DIFFERS 4u
#define SCAN_ROWS_PER_ROW 8u /* rows of a count that cost as much as one of other work */

/* --- the state --- */

void satchel_digests_close(satchel_store *store) {
    if (store->digests != NULL) {
        satchel_memory_give(store->digests->sets);
        satchel_memory_give(store->digests);
        store->digests = NULL;
    }
}

static satchel_status encode_state(const satchel_digests *digests, satchel_buffer *out) {
    uint8_t server[SATCHEL_ROW_DIGEST_BYTES];
    unsigned flags = (digests->counted ? FLAG_COUNTED : 0) | (digests->known ? FLAG_KNOWN : 0) |
                     (digests->differs ? FLAG_DIFFERS : 0);
    const uint64_t numbers[] = {digests->rounds, digests->repairs, satchel_zigzag(digests->counted_ms),
                                satchel_zigzag(digests->asked_ms)};
    satchel_row_digest_write(&digests->server, server);
    satchel_status status = satchel_buffer_append_byte(out, STATE_FORMAT);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(out, (uint8_t)flags);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == SATCHEL_OK; i++) {
        status = satchel_buffer_append_varint(out, numbers[i]);
    }
    return status == SATCHEL_OK ? satchel_buffer_append(out, satchel_bytes_of(server, sizeof server)) : status;
}

satchel_status satchel_digests_make(satchel_store *store, satchel_error *error) {
    satchel_digests none = {.counted = true};
    satchel_buffer state = {NULL, 0, 0};
    int64_t tables = 0;
    satchel_status status =
        satchel_store_execute(store, "CREATE TABLE store_digest (local INTEGER PRIMARY KEY, sum BLOB NOT NULL)", error);
    if (status == SATCHEL_OK) {
        status = satchel_store_number(
            store, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'user'", 0, &tables, error);
    }
    if (status == SATCHEL_OK && tables == 0) { /* a new store: of no rows the sums are known */
        status = encode_state(&none, &state);
        if (status == SATCHEL_OK) {
            status = satchel_store_write_value(store, STATE_NAME, satchel_buffer_view(&state), error);
        }
    }
    satchel_buffer_deinit(&state);
    return status;
}

static bool decode_state(satchel_bytes bytes, satchel_digests *out) {
    satchel_reader reader = satchel_reader_of(bytes);
    satchel_bytes server;
    uint64_t numbers[4];
    uint8_t format = 0;
    uint8_t flags = 0;
    if (satchel_reader_byte(&reader, &format) != SATCHEL_OK || format != STATE_FORMAT ||
        satchel_reader_byte(&reader, &flags) != SATCHEL_OK) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        if (satchel_reader_varint(&reader, &numbers[i]) != SATCHEL_OK) {
            return false;
        }
    }
    if (satchel_reader_take(&reader, SATCHEL_ROW_DIGEST_BYTES, &server) != SATCHEL_OK ||
        satchel_row_digest_read(server, &out->server) != SATCHEL_OK) {
        return false;
    }
    out->counted = (flags & FLAG_COUNTED) != 0;
    out->known = (flags & FLAG_KNOWN) != 0;
    out->differs = (flags & FLAG_DIFFERS) != 0;
    out->rounds = numbers[0] < UINT32_MAX ? (uint32_t)numbers[0] : UINT32_MAX;
    out->repairs = numbers[1];
    out->counted_ms = satchel_unzigzag(numbers[2]);
    out->asked_ms = satchel_unzigzag(numbers[3]);
    return true;
}

static satchel_status load_state(satchel_store *store, satchel_digests *digests, satchel_error *error) {
    satchel_arena arena = {0};
    satchel_bytes bytes = {NULL, 0};
    satchel_status status = satchel_store_get_value(store, STATE_NAME, &arena, &bytes, error);
    if (status == SATCHEL_NOT_FOUND) { /* a store of the first format: its rows were never counted */
        satchel_error_clear(error);
        status = SATCHEL_OK;
    } else if (status == SATCHEL_OK && !decode_state(bytes, digests)) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the state of the digests is damaged");
    }
    satchel_arena_deinit(&arena);
    return status;
}

/* The sum of a set; a new one is 0. Errors: NO_MEMORY. */
static satchel_status sum_of(satchel_digests *digests, int64_t local, satchel_set_digest **out) {
    for (uint32_t i = 0; i < digests->count; i++) {
        uint32_t at = (digests->last + i) % digests->count;
        if (digests->sets[at].local == local) {
            digests->last = at;
            *out = &digests->sets[at];
            return SATCHEL_OK;
        }
    }
    if (digests->count == digests->capacity) {
        uint32_t capacity = digests->capacity == 0 ? 16 : digests->capacity * 2;
        satchel_set_digest *sets = satchel_memory_resize(digests->sets, (size_t)capacity * sizeof *sets);
        if (sets == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        digests->sets = sets;
        digests->capacity = capacity;
    }
    digests->last = digests->count++;
    digests->sets[digests->last] = (satchel_set_digest){.local = local};
    *out = &digests->sets[digests->last];
    return SATCHEL_OK;
}

static satchel_status load_sums(satchel_store *store, satchel_digests *digests, satchel_error *error) {
    sqlite3_stmt *statement;
    bool has_row = true;
    satchel_status status = satchel_statement_of(store, "SELECT local, sum FROM store_digest", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    while (status == SATCHEL_OK && has_row) {
        satchel_set_digest *set = NULL;
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status == SATCHEL_OK && has_row) {
            status = sum_of(digests, sqlite3_column_int64(statement, 0), &set);
        }
        if (status == SATCHEL_OK && has_row) {
            status = satchel_row_digest_read(satchel_column_bytes(statement, 1), &set->sum);
            status = status == SATCHEL_OK ? status : SATCHEL_DAMAGED;
        }
    }
    satchel_statement_end(statement);
    return status == SATCHEL_DAMAGED ? satchel_fail(error, status, "a digest is damaged") : status;
}

satchel_status satchel_digests_reload(satchel_store *store, satchel_error *error) {
    satchel_digests_close(store);
    store->digests = satchel_memory_take(sizeof *store->digests);
    if (store->digests == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for digests");
    }
    satchel_status status = load_state(store, store->digests, error);
    return status == SATCHEL_OK ? load_sums(store, store->digests, error) : status;
}

static satchel_status write_sum(satchel_store *store, const satchel_set_digest *set, satchel_error *error) {
    uint8_t sum[SATCHEL_ROW_DIGEST_BYTES];
    sqlite3_stmt *statement;
    satchel_row_digest_write(&set->sum, sum);
    satchel_status status = satchel_statement_of(
        store,
        "INSERT INTO store_digest (local, sum) VALUES (?, ?) ON CONFLICT (local) DO UPDATE SET sum = excluded.sum",
        &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, set->local);
        satchel_bind_bytes(statement, 2, satchel_bytes_of(sum, sizeof sum));
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

satchel_status satchel_digests_flush(satchel_store *store, satchel_error *error) {
    satchel_digests *digests = store->digests;
    satchel_buffer state = {NULL, 0, 0};
    satchel_status status = SATCHEL_OK;
    if (digests == NULL) {
        return SATCHEL_OK; /* the store is being made or brought up */
    }
    for (uint32_t i = 0; i < digests->count && digests->moved && status == SATCHEL_OK; i++) {
        if (digests->sets[i].moved) {
            status = write_sum(store, &digests->sets[i], error);
            digests->sets[i].moved = status != SATCHEL_OK;
        }
    }
    if (status == SATCHEL_OK && digests->changed) {
        status = encode_state(digests, &state);
        if (status == SATCHEL_OK) {
            status = satchel_store_write_value(store, STATE_NAME, satchel_buffer_view(&state), error);
        }
    }
    digests->moved = digests->moved && status != SATCHEL_OK;
    digests->changed = digests->changed && status != SATCHEL_OK;
    satchel_buffer_deinit(&state);
    return status;
}

/* --- elements --- */

/* What a row counts for. */
typedef struct element {
    bool counts;
    int64_t local;
    uint64_t n;
    uint32_t table; /* index */
    int64_t rowid;
} element;

static element element_of(satchel_store *store, const satchel_stored_row *row) {
    element out = {.counts = false};
    if (row == NULL || row->overlay.kind == SATCHEL_OVERLAY_OWN) {
        return out;
    }
    const satchel_record *server = row->overlay.kind == SATCHEL_OVERLAY_SERVER ? &row->server : &row->visible;
    out.n = satchel_record_base(server);
    out.local = row->scope_set;
    out.table = (uint32_t)(row->table - store->tables);
    out.rowid = row->rowid;
    out.counts = out.n != 0 && !satchel_record_is_deleted(server) && row->scope_set >= 0 &&
                 !satchel_row_is_hidden(store, row->scope_set);
    return out;
}

static bool is_counted_already(const satchel_digests *digests, const element *item) {
    return digests->counting &&
           (item->table < digests->table || (item->table == digests->table && item->rowid <= digests->rowid));
}

static satchel_status move_sum(satchel_store *store, const element *item, const satchel_row_digest *digest, bool comes,
                               satchel_error *error) {
    satchel_digests *digests = store->digests;
    satchel_set_digest *set = NULL;
    satchel_status status = sum_of(digests, item->local, &set);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "no memory for digests");
    }
    void (*move)(satchel_row_digest *, const satchel_row_digest *) =
        comes ? satchel_row_digest_add : satchel_row_digest_take;
    move(&set->sum, digest);
    if (is_counted_already(digests, item)) {
        move(&set->counted, digest);
    }
    set->moved = true;
    digests->moved = true;
    return SATCHEL_OK;
}

satchel_status satchel_digests_move(satchel_store *store, const satchel_stored_row *before,
                                    const satchel_stored_row *after, satchel_error *error) {
    const satchel_stored_row *row = before != NULL ? before : after;
    satchel_status status = SATCHEL_OK;
    if (store->digests == NULL) {
        return SATCHEL_OK;
    }
    const element old = element_of(store, before);
    const element new = element_of(store, after);
    if (old.counts == new.counts && (!old.counts || (old.n == new.n &&old.local == new.local))) {
        return SATCHEL_OK;
    }
    if (old.counts) {
        const satchel_row_digest digest = satchel_row_digest_of(row->table->entity->number, &row->id, old.n);
        status = move_sum(store, &old, &digest, false, error);
    }
    if (status == SATCHEL_OK && new.counts) {
        const satchel_row_digest digest = satchel_row_digest_of(row->table->entity->number, &row->id, new.n);
        status = move_sum(store, &new, &digest, true, error);
    }
    return status;
}

satchel_status satchel_digests_drop(satchel_store *store, int64_t local, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_digests *digests = store->digests;
    for (uint32_t i = 0; digests != NULL && i < digests->count; i++) {
        if (digests->sets[i].local == local) {
            digests->sets[i] = digests->sets[--digests->count];
            digests->last = 0;
            break;
        }
    }
    satchel_status status = satchel_statement_of(store, "DELETE FROM store_digest WHERE local = ?", &statement, error);
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, local);
        status = satchel_statement_run(store, statement, error);
    }
    return status;
}

/* --- rows by columns --- */

satchel_status satchel_digest_row_read(satchel_store *store, const satchel_table *table, sqlite3_stmt *statement,
                                       satchel_arena *arena, satchel_digest_row *out, satchel_error *error) {
    satchel_overlay overlay;
    satchel_bytes bytes;
    satchel_record server;
    *out = (satchel_digest_row){.table = table,
                                .rowid = sqlite3_column_int64(statement, 0),
                                .n = (uint64_t)sqlite3_column_int64(statement, 2),
                                .local = sqlite3_column_int64(statement, 4)};
    bool deleted = sqlite3_column_int64(statement, 3) != 0;
    satchel_status status = satchel_column_id(statement, 1, &out->id);
    out->root = out->id;
    if (status == SATCHEL_OK && sqlite3_column_bytes(statement, 6) == SATCHEL_ID_BYTES) {
        status = satchel_column_id(statement, 6, &out->root);
    }
    if (status == SATCHEL_OK) {
        status = satchel_overlay_read(satchel_column_bytes(statement, 5), &overlay, &bytes);
    }
    if (status == SATCHEL_OK && overlay.kind == SATCHEL_OVERLAY_SERVER) {
        satchel_arena_reset(arena);
        satchel_record_init(&server, arena);
        status = satchel_record_decode(&store->schema, table->entity->number, bytes, false, &server, error);
        out->n = satchel_record_base(&server);
        deleted = satchel_record_is_deleted(&server);
    }
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status == SATCHEL_NO_MEMORY ? status : SATCHEL_DAMAGED, "a row of %s is damaged",
                            table->entity->name);
    }
    out->counts = out->n != 0 && !deleted && overlay.kind != SATCHEL_OVERLAY_OWN && out->local >= 0 &&
                  !satchel_row_is_hidden(store, out->local);
    if (out->counts) {
        out->digest = satchel_row_digest_of(table->entity->number, &out->id, out->n);
    }
    return SATCHEL_OK;
}

satchel_status satchel_digest_columns(const satchel_store *store, const satchel_table *table, satchel_buffer *out) {
    const satchel_entity *entity = table->entity;
    const satchel_field *root = satchel_schema_field(&store->schema, entity->number, entity->root_field);
    return satchel_buffer_append_format(out,
                                        "SELECT rowid, \"id\", \"revision\", \"deleted\", scope_set, overlay, %s%s%s "
                                        "FROM \"%s\"",
                                        root != NULL ? "\"" : "", root != NULL ? root->name : "NULL",
                                        root != NULL ? "\"" : "", entity->name);
}

satchel_status satchel_digests_leave(satchel_store *store, const satchel_table *table, sqlite3_stmt *statement,
                                     bool *out_any, satchel_error *error) {
    satchel_arena arena = {0};
    bool has_row = true;
    satchel_status status = SATCHEL_OK;
    *out_any = false;
    while (status == SATCHEL_OK && has_row) {
        satchel_digest_row row = {.counts = false};
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status == SATCHEL_OK && has_row) {
            *out_any = true;
            satchel_arena_reset(&arena);
            status = satchel_digest_row_read(store, table, statement, &arena, &row, error);
        }
        if (status == SATCHEL_OK && row.counts) {
            const element item = {true, row.local, row.n, (uint32_t)(table - store->tables), row.rowid};
            status = move_sum(store, &item, &row.digest, false, error);
        }
    }
    satchel_statement_end(statement);
    satchel_arena_deinit(&arena);
    return status;
}

/* --- comparing --- */

/*
 * Rows that are set aside because this version does not know their entity are held all the same: an upgrade brings
 * them in. Other ones are missing, and come again whole.
 */
static satchel_status add_aside(satchel_store *store, satchel_row_digest *sum, satchel_error *error) {
    sqlite3_stmt *statement;
    satchel_arena arena = {0};
    bool has_row = true;
    if (!store->has_aside) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_statement_of(
        store, "SELECT entity, row, n, frame FROM store_aside WHERE status = ?", &statement, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_bind_int(statement, 1, SATCHEL_UNKNOWN_ENTITY);
    while (status == SATCHEL_OK && has_row) {
        satchel_id id = {{0}};
        bool deleted = false;
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        satchel_reader frames = satchel_reader_of(satchel_column_bytes(statement, 3));
        while (status == SATCHEL_OK && satchel_reader_left(&frames) > 0) {
            satchel_answer_frame frame;
            satchel_arena_reset(&arena);
            status = satchel_answer_read(&frames, &arena, &frame, error);
            deleted = status == SATCHEL_OK && frame.kind == SATCHEL_FRAME_ROW && frame.as.row.deleted;
        }
        if (status == SATCHEL_OK) {
            status = satchel_column_id(statement, 1, &id);
        }
        if (status == SATCHEL_OK && !deleted) {
            const satchel_row_digest digest = satchel_row_digest_of((uint32_t)sqlite3_column_int64(statement, 0), &id,
                                                                    (uint64_t)sqlite3_column_int64(statement, 2));
            satchel_row_digest_add(sum, &digest);
        }
    }
    satchel_statement_end(statement);
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status held(satchel_store *store, satchel_row_digest *out, satchel_error *error) {
    const satchel_digests *digests = store->digests;
    *out = (satchel_row_digest){{0, 0}};
    for (uint32_t i = 0; i < digests->count; i++) {
        satchel_row_digest_add(out, &digests->sets[i].sum);
    }
    return add_aside(store, out, error);
}

static satchel_status decide(satchel_store *store, satchel_error *error) {
    satchel_digests *digests = store->digests;
    satchel_row_digest sum;
    satchel_status status = held(store, &sum, error);
    bool differs = status == SATCHEL_OK && !satchel_row_digest_equal(&sum, &digests->server);
    if (!differs && digests->rounds > 0) {
        digests->repairs++;
        digests->rounds = 0;
    }
    if (differs && !digests->differs) {
        digests->recount = true; /* before anybody is asked: perhaps only the sums are wrong */
    }
    digests->split_count = differs ? digests->split_count : 0;
    digests->differs = differs;
    return status;
}

void satchel_digests_unknown(satchel_store *store) {
    if (store->digests != NULL && store->digests->known) {
        store->digests->known = false;
        store->digests->changed = true;
    }
}

satchel_status satchel_digests_compare(satchel_store *store, satchel_bytes digest, satchel_error *error) {
    satchel_digests *digests = store->digests;
    satchel_status status = satchel_row_digest_read(digest, &digests->server);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, SATCHEL_MALFORMED, "a digest of another length");
    }
    digests->known = true;
    digests->changed = true;
    if (!digests->counted) {
        digests->recount = true;
        return SATCHEL_OK;
    }
    return decide(store, error);
}

/* --- counting --- */

bool satchel_digests_count_is_due(const satchel_store *store) {
    const satchel_digests *digests = store->digests;
    if (digests == NULL) {
        return false;
    }
    bool old = store->sync.seen_ms - digests->counted_ms >= SATCHEL_DIGEST_COUNT_MS && digests->known;
    return digests->counting || digests->recount || old;
}

void satchel_store_count_digests(satchel_store *store) {
    store->digests->recount = true;
}

/* The next rows of the table that the count stands in. */
static satchel_status count_rows(satchel_store *store, uint32_t most, uint32_t *out_rows, satchel_error *error) {
    satchel_digests *digests = store->digests;
    const satchel_table *table = &store->tables[digests->table];
    satchel_buffer sql = {NULL, 0, 0};
    satchel_arena arena = {0};
    sqlite3_stmt *statement = NULL;
    bool has_row = true;
    *out_rows = 0;
    satchel_status status = satchel_digest_columns(store, table, &sql);
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_format(&sql, " WHERE rowid > ? ORDER BY rowid");
    }
    if (status == SATCHEL_OK) {
        status = satchel_buffer_append_byte(&sql, 0);
    }
    if (status == SATCHEL_OK) {
        status = satchel_statement_of(store, (const char *)sql.data, &statement, error);
    }
    if (status == SATCHEL_OK) {
        satchel_bind_int(statement, 1, digests->rowid);
    }
    while (status == SATCHEL_OK && *out_rows < most) {
        satchel_digest_row row = {.counts = false};
        satchel_set_digest *set = NULL;
        status = satchel_statement_step(store, statement, &has_row, error);
        if (status != SATCHEL_OK || !has_row) {
            break;
        }
        status = satchel_digest_row_read(store, table, statement, &arena, &row, error);
        if (status == SATCHEL_OK && row.counts) {
            status = sum_of(digests, row.local, &set);
        }
        if (status == SATCHEL_OK && row.counts) {
            satchel_row_digest_add(&set->counted, &row.digest);
        }
        digests->rowid = row.rowid;
        (*out_rows)++;
    }
    satchel_statement_end(statement);
    satchel_buffer_deinit(&sql);
    satchel_arena_deinit(&arena);
    return status;
}

static void begin_count(satchel_digests *digests) {
    for (uint32_t i = 0; i < digests->count; i++) {
        digests->sets[i].counted = (satchel_row_digest){{0, 0}};
    }
    digests->counting = true;
    digests->recount = false;
    digests->table = 0;
    digests->rowid = 0;
}

/* What was counted holds from now on. */
static satchel_status end_count(satchel_store *store, satchel_error *error) {
    satchel_digests *digests = store->digests;
    for (uint32_t i = 0; i < digests->count; i++) {
        satchel_set_digest *set = &digests->sets[i];
        if (!satchel_row_digest_equal(&set->sum, &set->counted)) {
            set->sum = set->counted;
            set->moved = true;
            digests->moved = true;
        }
    }
    digests->counting = false;
    digests->counted = true;
    digests->counted_ms = store->sync.seen_ms;
    digests->changed = true;
    satchel_status status = digests->known ? decide(store, error) : SATCHEL_OK;
    digests->recount = false;
    return status;
}

satchel_status satchel_digests_slice(satchel_store *store, uint32_t *budget_rows, satchel_error *error) {
    satchel_digests *digests = store->digests;
    satchel_status status = SATCHEL_OK;
    if (*budget_rows == 0 || !satchel_digests_count_is_due(store)) {
        return SATCHEL_OK;
    }
    if (!digests->counting || digests->recount) {
        begin_count(digests);
    }
    while (status == SATCHEL_OK && *budget_rows > 0 && digests->table < store->table_count) {
        uint32_t most = *budget_rows < UINT32_MAX / SCAN_ROWS_PER_ROW ? *budget_rows * SCAN_ROWS_PER_ROW : UINT32_MAX;
        uint32_t rows = 0;
        status = count_rows(store, most, &rows, error);
        *budget_rows -= rows / SCAN_ROWS_PER_ROW + (rows % SCAN_ROWS_PER_ROW != 0 ? 1 : 0);
        if (rows < most) {
            digests->table++;
            digests->rowid = 0;
        }
    }
    return status == SATCHEL_OK && digests->table == store->table_count ? end_count(store, error) : status;
}
