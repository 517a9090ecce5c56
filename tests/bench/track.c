/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted and tracked, through the public API, against plain SQLite that does the bare work: the same customers in
 * the same table with the same indexes, the same PRAGMAs, cache and size of transactions, one statement a row.
 *
 * Ours also encodes and seals an op a row, keeps the server's value, checks the change against the schema, merges it,
 * and feeds the search index. Updates are of rows that came from the server, as most are, and of a field that is not
 * searched; `…_searched` changes one that is. Sides alternate; a ratio is the median over neighbouring runs.
 *
 * usage: bench_track [--rows N] [--updates N] [--runs N] [--tiny]
 */
#include "base/text.h"
#include "device/device.h"
#include "query/ddl.h"
#include "support/bench.h"
#include "support/temp.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <satchel/read.h>
#include <satchel/write.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define UNIT_ROWS 1000
#define PAGE_ROWS 2000
#define CACHE_KIB 8192
#define CHECKPOINT_FRAMES 1000

enum { INSERT, UPDATE, UPDATE_SEARCHED, MEASURES };
static const char *const names[MEASURES] = {"bulk_insert", "one_row_update", "one_row_update_searched"};

typedef struct track_sizes {
    int64_t rows;
    int64_t updates;
    int64_t runs;
} track_sizes;

typedef struct track_result {
    double microseconds[MEASURES]; /* a row */
    int64_t bytes;                 /* of the clean rows' file */
} track_result;

static const satchel_schema schema = {&satchel_generated_model, NULL, 0};

/* --- rows of about 250 bytes --- */

static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static satchel_id id_of(uint64_t number) {
    satchel_id id = {{0x01, 0x90, 0xb4}};
    satchel_put_u64be(id.bytes + 8, number);
    return id;
}

static void put_text(satchel_record *record, uint32_t field, const char *text) {
    bench_require(satchel_record_set_text(record, field, satchel_text_of(text)) == SATCHEL_OK, "a text");
}

static void fill_customer(uint64_t number, satchel_record *record) {
    static const char *const cities[] = {"Ningbo", "Hangzhou", "Shanghai", "Wuhan", "Suzhou"};
    char text[96];
    uint64_t noise = mix(number + 1);
    snprintf(text, sizeof text, "Customer %08llx Trading Co", (unsigned long long)(noise >> 32));
    put_text(record, SATCHEL_CUSTOMER_NAME, text);
    put_text(record, SATCHEL_CUSTOMER_CITY, cities[noise % 5]);
    put_text(record, SATCHEL_CUSTOMER_COUNTRY, "China");
    put_text(record, SATCHEL_CUSTOMER_DISTRICT, "Yinzhou");
    snprintf(text, sizeof text, "%u Zhongshan East Road, building %u", (unsigned)(noise % 999), (unsigned)(noise % 77));
    put_text(record, SATCHEL_CUSTOMER_STREET, text);
    snprintf(text, sizeof text, "%06u", (unsigned)(noise % 999999));
    put_text(record, SATCHEL_CUSTOMER_POSTAL_CODE, text);
    put_text(record, SATCHEL_CUSTOMER_INDUSTRY, "retail, food and beverages");
    put_text(record, SATCHEL_CUSTOMER_OPENING_HOURS, "Monday to Saturday 09:00 to 18:30, closed on holidays");
    bench_require(
        satchel_record_set_int(record, SATCHEL_CUSTOMER_KIND, 1 + (int64_t)(noise % 5)) == SATCHEL_OK &&
            satchel_record_set_int(record, SATCHEL_CUSTOMER_GRADE, 1 + (int64_t)(noise % 3)) == SATCHEL_OK &&
            satchel_record_set_int(record, SATCHEL_CUSTOMER_LATITUDE_E7, (int64_t)(noise % 900000000)) == SATCHEL_OK &&
            satchel_record_set_int(record, SATCHEL_CUSTOMER_LONGITUDE_E7, (int64_t)(noise % 1700000000)) == SATCHEL_OK,
        "numbers");
}

/* --- plain SQLite --- */

static void must(sqlite3 *database, const char *sql) {
    bench_require(sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
}

static sqlite3 *open_plain(const char *path) {
    sqlite3 *database = NULL;
    char pragma[160];
    satchel_buffer ddl = {NULL, 0, 0};
    bench_require(sqlite3_open(path, &database) == SQLITE_OK, "a plain store");
    must(database, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL;"
                   "PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    snprintf(pragma, sizeof pragma, "PRAGMA cache_size=-%d; PRAGMA wal_autocheckpoint=%d", CACHE_KIB,
             CHECKPOINT_FRAMES);
    must(database, pragma);
    bench_require(
        satchel_ddl_table(&schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_DIALECT_SQLITE, satchel_text_of(""), &ddl) ==
                SATCHEL_OK &&
            satchel_ddl_indexes(&schema, SATCHEL_ENTITY_CUSTOMER, SATCHEL_DIALECT_SQLITE, &ddl) == SATCHEL_OK &&
            satchel_buffer_append_byte(&ddl, 0) == SATCHEL_OK,
        "the table");
    must(database, (const char *)ddl.data);
    satchel_buffer_deinit(&ddl);
    return database;
}

static void bind_plain(sqlite3_stmt *statement, const satchel_record *record) {
    for (uint32_t i = 0; i < record->count; i++) {
        const satchel_value *value = &record->fields[i].value;
        int index = (int)i + 2;
        if (value->type == SATCHEL_TYPE_TEXT) {
            sqlite3_bind_text(statement, index, (const char *)value->as.bytes.data, (int)value->as.bytes.bytes,
                              SQLITE_STATIC);
        } else {
            sqlite3_bind_int64(statement, index, value->as.integer);
        }
    }
}

static sqlite3_stmt *prepare_plain(sqlite3 *database, const char *sql) {
    sqlite3_stmt *statement = NULL;
    bench_require(sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK, sql);
    return statement;
}

static void step_plain(sqlite3_stmt *statement) {
    bench_require(sqlite3_step(statement) == SQLITE_DONE && sqlite3_reset(statement) == SQLITE_OK, "a plain change");
}

static void insert_plain(sqlite3 *database, int64_t rows, bool with_base) {
    satchel_arena arena = {0};
    sqlite3_stmt *insert = prepare_plain(
        database, "INSERT INTO customer (id, name, kind, industry, grade, latitude_e7, longitude_e7, country, city, "
                  "district, street, postal_code, opening_hours, revision) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    for (int64_t row = 0; row < rows; row++) {
        const satchel_id id = id_of((uint64_t)row);
        satchel_record record;
        satchel_arena_reset(&arena);
        satchel_record_init(&record, &arena);
        fill_customer((uint64_t)row, &record);
        if (row % UNIT_ROWS == 0) {
            must(database, "BEGIN IMMEDIATE");
        }
        sqlite3_bind_blob(insert, 1, id.bytes, SATCHEL_ID_BYTES, SQLITE_STATIC);
        bind_plain(insert, &record);
        sqlite3_bind_int64(insert, 14, row + 1);
        if (!with_base) {
            sqlite3_bind_null(insert, 14);
        }
        step_plain(insert);
        if (row % UNIT_ROWS == UNIT_ROWS - 1 || row == rows - 1) {
            must(database, "COMMIT");
        }
    }
    sqlite3_finalize(insert);
    satchel_arena_deinit(&arena);
}

static void update_plain(sqlite3 *database, const track_sizes *sizes, const char *sql) {
    sqlite3_stmt *update = prepare_plain(database, sql);
    for (int64_t i = 0; i < sizes->updates; i++) {
        char text[32];
        const satchel_id id = id_of(mix((uint64_t)i) % (uint64_t)sizes->rows);
        snprintf(text, sizeof text, "Place %lld", (long long)i);
        sqlite3_bind_text(update, 1, text, -1, SQLITE_STATIC);
        sqlite3_bind_blob(update, 2, id.bytes, SATCHEL_ID_BYTES, SQLITE_STATIC);
        step_plain(update);
    }
    sqlite3_finalize(update);
}

/* --- measuring --- */

static double microseconds_since(int64_t start_ns, int64_t count) {
    return (double)(bench_now_ns() - start_ns) / 1000 / (double)count;
}

static int64_t file_bytes(const char *path) {
    uint64_t bytes = 0;
    const satchel_vault_files *files = satchel_vault_files_posix();
    bench_require(files->size(files->context, path, &bytes) == SATCHEL_OK, "the size of a file");
    return (int64_t)bytes;
}

static track_result run_plain(const track_sizes *sizes) {
    track_result out = {{0}, 0};
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    sqlite3 *database = open_plain(test_temp_path(&temp, "insert.db", path));
    int64_t start = bench_now_ns();
    insert_plain(database, sizes->rows, false);
    out.microseconds[INSERT] = microseconds_since(start, sizes->rows);
    bench_require(sqlite3_close(database) == SQLITE_OK, "a clean close");
    database = open_plain(test_temp_path(&temp, "update.db", path));
    insert_plain(database, sizes->rows, true);
    must(database, "PRAGMA wal_checkpoint(TRUNCATE)");
    out.bytes = file_bytes(path);
    start = bench_now_ns();
    update_plain(database, sizes, "UPDATE customer SET district = ? WHERE id = ?");
    out.microseconds[UPDATE] = microseconds_since(start, sizes->updates);
    start = bench_now_ns();
    update_plain(database, sizes, "UPDATE customer SET city = ? WHERE id = ?");
    out.microseconds[UPDATE_SEARCHED] = microseconds_since(start, sizes->updates);
    bench_require(sqlite3_close(database) == SQLITE_OK, "a clean close");
    test_temp_remove(&temp);
    return out;
}

static satchel_status bench_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    (void)context;
    memset(out, 7, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

static satchel_device *make_phone(const char *folder) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    satchel_device *device = NULL;
    satchel_error error = {0};
    config.folder = folder;
    config.keys.secret = bench_secret;
    bench_require(satchel_device_create(&device, &config, &error) == SATCHEL_OK, error.detail);
    return device;
}

static satchel_write *begin_write(satchel_device *device) {
    satchel_write *write = NULL;
    bench_require(satchel_write_begin(&write, device, NULL) == SATCHEL_OK, "a write");
    return write;
}

static void commit(satchel_write *write) {
    satchel_error error = {0};
    bench_require(satchel_commit(write, NULL, &error) == SATCHEL_OK, error.detail);
}

/* Records are given as bytes, as a shell does. */
static void encode_customer(uint64_t number, satchel_arena *arena, satchel_buffer *out) {
    satchel_record record;
    satchel_arena_reset(arena);
    satchel_record_init(&record, arena);
    fill_customer(number, &record);
    satchel_buffer_clear(out);
    bench_require(satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, out) == SATCHEL_OK, "a record");
}

static void insert_ours(satchel_device *device, int64_t rows) {
    satchel_arena arena = {0};
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_write *write = NULL;
    for (int64_t row = 0; row < rows; row++) {
        satchel_id id = id_of((uint64_t)row);
        satchel_error error = {0};
        if (row % UNIT_ROWS == 0) {
            write = begin_write(device);
        }
        encode_customer((uint64_t)row, &arena, &bytes);
        bench_require(satchel_write_create(write, SATCHEL_ENTITY_CUSTOMER, satchel_buffer_view(&bytes), &id, &error) ==
                          SATCHEL_OK,
                      error.detail);
        if (row % UNIT_ROWS == UNIT_ROWS - 1 || row == rows - 1) {
            commit(write);
        }
    }
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

static void update_ours(satchel_device *device, const track_sizes *sizes, uint32_t field) {
    satchel_arena arena = {0};
    satchel_buffer bytes = {NULL, 0, 0};
    for (int64_t i = 0; i < sizes->updates; i++) {
        const satchel_id id = id_of(mix((uint64_t)i) % (uint64_t)sizes->rows);
        satchel_record record;
        satchel_error error = {0};
        char text[32];
        satchel_arena_reset(&arena);
        satchel_record_init(&record, &arena);
        snprintf(text, sizeof text, "Place %lld", (long long)i);
        put_text(&record, field, text);
        satchel_buffer_clear(&bytes);
        bench_require(satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, &record, &bytes) == SATCHEL_OK, "bytes");
        satchel_write *write = begin_write(device);
        bench_require(satchel_write_edit(write, SATCHEL_ENTITY_CUSTOMER, &id, satchel_buffer_view(&bytes), NULL, 0,
                                         &error) == SATCHEL_OK,
                      error.detail);
        commit(write);
    }
    satchel_buffer_deinit(&bytes);
    satchel_arena_deinit(&arena);
}

static void write_frame(const satchel_answer_frame *frame, satchel_buffer *page) {
    bench_require(satchel_answer_write(frame, page) == SATCHEL_OK, "a frame");
}

/* Rows as the server sends them. Gives the time of storing alone, in ns. */
static int64_t give_page(satchel_store *store, int64_t first, int64_t count) {
    satchel_arena arena = {0};
    satchel_buffer bytes = {NULL, 0, 0};
    satchel_buffer page = {NULL, 0, 0};
    satchel_sync_state state;
    satchel_store_outcome outcome;
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    bench_require(satchel_store_sync_state(store, &state, NULL) == SATCHEL_OK, "the state of sync");
    write_frame(&frame, &page);
    for (int64_t row = first; row < first + count; row++) {
        encode_customer((uint64_t)row, &arena, &bytes);
        frame = (satchel_answer_frame){.kind = SATCHEL_FRAME_ROW};
        frame.as.row = (satchel_row_frame){.entity = SATCHEL_ENTITY_CUSTOMER,
                                           .row = id_of((uint64_t)row),
                                           .n = (uint64_t)row + 1,
                                           .whole = true,
                                           .record = satchel_buffer_view(&bytes)};
        write_frame(&frame, &page);
    }
    frame = (satchel_answer_frame){.kind = SATCHEL_FRAME_END};
    write_frame(&frame, &page);
    int64_t start = bench_now_ns();
    bench_require(satchel_store_page(store, satchel_buffer_view(&page), &state, &outcome, NULL) == SATCHEL_OK &&
                      outcome.rows_stored == (uint32_t)count,
                  "a page is stored");
    int64_t spent = bench_now_ns() - start;
    satchel_buffer_deinit(&bytes);
    satchel_buffer_deinit(&page);
    satchel_arena_deinit(&arena);
    return spent;
}

/* Stored rows, and their index: microseconds a row each. */
static void give_rows(satchel_device *device, const track_sizes *sizes, double *stored_us, double *indexed_us) {
    bool left = true;
    int64_t spent = 0;
    for (int64_t row = 0; row < sizes->rows; row += PAGE_ROWS) {
        spent += give_page(device->store, row, sizes->rows - row < PAGE_ROWS ? sizes->rows - row : PAGE_ROWS);
    }
    *stored_us = (double)spent / 1000 / (double)sizes->rows;
    int64_t start = bench_now_ns();
    while (left) {
        bench_require(satchel_store_purge(device->store, 200, &left, NULL) == SATCHEL_OK, "background work");
    }
    *indexed_us = microseconds_since(start, sizes->rows);
}

static track_result run_ours(const track_sizes *sizes, double *stored_us, double *indexed_us) {
    track_result out = {{0}, 0};
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    satchel_device *device = make_phone(test_temp_path(&temp, "insert", path));
    int64_t start = bench_now_ns();
    insert_ours(device, sizes->rows);
    out.microseconds[INSERT] = microseconds_since(start, sizes->rows);
    satchel_device_close(device);
    device = make_phone(test_temp_path(&temp, "update", path));
    give_rows(device, sizes, stored_us, indexed_us);
    bench_require(satchel_vault_checkpoint(device->vault, NULL) == SATCHEL_OK, "a checkpoint");
    out.bytes = file_bytes(test_temp_path(&temp, "update/store.db", path));
    start = bench_now_ns();
    update_ours(device, sizes, SATCHEL_CUSTOMER_DISTRICT);
    out.microseconds[UPDATE] = microseconds_since(start, sizes->updates);
    start = bench_now_ns();
    update_ours(device, sizes, SATCHEL_CUSTOMER_CITY);
    out.microseconds[UPDATE_SEARCHED] = microseconds_since(start, sizes->updates);
    satchel_device_info info;
    bench_require(satchel_device_get_info(device, &info, NULL) == SATCHEL_OK &&
                      info.units_unsent == (uint64_t)(2 * sizes->updates) && info.rows == (uint64_t)sizes->rows,
                  "every change is in the log");
    satchel_device_close(device);
    test_temp_remove(&temp);
    return out;
}

typedef struct measured {
    bench_samples plain[MEASURES];
    bench_samples ours[MEASURES];
    bench_samples ratio[MEASURES];
    bench_samples stored;
    bench_samples indexed;
    int64_t bytes[2];
} measured;

static void run_pair(const track_sizes *sizes, int64_t run, measured *all) {
    track_result side[2];
    double stored = 0;
    double indexed = 0;
    for (int turn = 0; turn < 2; turn++) {
        bool ours = (turn + run) % 2 == 1;
        side[ours ? 1 : 0] = ours ? run_ours(sizes, &stored, &indexed) : run_plain(sizes);
    }
    for (int measure = 0; measure < MEASURES; measure++) {
        bench_samples_add(&all->plain[measure], side[0].microseconds[measure]);
        bench_samples_add(&all->ours[measure], side[1].microseconds[measure]);
        bench_samples_add(&all->ratio[measure], side[0].microseconds[measure] / side[1].microseconds[measure]);
    }
    bench_samples_add(&all->stored, stored);
    bench_samples_add(&all->indexed, indexed);
    all->bytes[0] = side[0].bytes;
    all->bytes[1] = side[1].bytes;
}

static void print_all(measured *all, const track_sizes *sizes) {
    char name[96];
    for (int measure = 0; measure < MEASURES; measure++) {
        snprintf(name, sizeof name, "track_%s_plain", names[measure]);
        bench_print_samples(name, &all->plain[measure], "us/row");
        snprintf(name, sizeof name, "track_%s_ours", names[measure]);
        bench_print_samples(name, &all->ours[measure], "us/row");
        snprintf(name, sizeof name, "track_%s_ratio", names[measure]);
        bench_print(name, bench_samples_quantile(&all->ratio[measure], 0.5), "ours/plain");
    }
    bench_print_samples("track_page_stored", &all->stored, "us/row");
    bench_print_samples("track_page_indexed", &all->indexed, "us/row");
    bench_print("track_bytes_plain", (double)all->bytes[0] / (double)sizes->rows, "B/row");
    bench_print("track_bytes_ours", (double)all->bytes[1] / (double)sizes->rows, "B/row");
    bench_print("track_bytes_ratio", (double)all->bytes[1] / (double)all->bytes[0], "ours/plain");
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    const track_sizes sizes = {bench_option(argc, argv, "--rows", tiny ? 1500 : 20000),
                               bench_option(argc, argv, "--updates", tiny ? 50 : 2000),
                               bench_option(argc, argv, "--runs", tiny ? 1 : 5)};
    static measured all;
    bench_require(sizes.rows > 0 && sizes.updates > 0 && sizes.runs > 0, "sizes above 0");
    for (int measure = 0; measure < MEASURES; measure++) {
        bench_samples_init(&all.plain[measure]);
        bench_samples_init(&all.ours[measure]);
        bench_samples_init(&all.ratio[measure]);
    }
    bench_samples_init(&all.stored);
    bench_samples_init(&all.indexed);
    for (int64_t run = 0; run < sizes.runs; run++) {
        run_pair(&sizes, run, &all);
    }
    bench_print("track_rows", (double)sizes.rows, "rows");
    bench_print("track_updates", (double)sizes.updates, "transactions");
    print_all(&all, &sizes);
    for (int measure = 0; measure < MEASURES; measure++) {
        bench_samples_deinit(&all.plain[measure]);
        bench_samples_deinit(&all.ours[measure]);
        bench_samples_deinit(&all.ratio[measure]);
    }
    bench_samples_deinit(&all.stored);
    bench_samples_deinit(&all.indexed);
    return 0;
}
