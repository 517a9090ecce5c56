/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyset of a page, which comes back through a shell: [choice of query][bytes behind the mark]. The harness puts
 * the format and the query's own mark before them, as whoever forges a keyset can. One that is read compiles into both
 * dialects; with choice 128 and more the bytes stand alone.
 */
#include "fuzz/support/fuzz.h"

#include "query/query_state.h"
#include "support/wire/samples.h"

#define CUSTOMER 1u
#define QUERIES 4u
#define FRONT_BYTES 9u
/* The query itself and two texts of SQL. */
#define KEYSET_MEMORY(bytes) ((bytes)*16 + 262144)

static satchel_query *query_of(const satchel_schema *schema, uint8_t choice) {
    satchel_query *query = NULL;
    FUZZ_HOLDS(satchel_query_open(&query, CUSTOMER) == SATCHEL_OK);
    uint32_t wanted = choice % QUERIES + 1, sorted = 0;
    for (uint32_t i = 0; sorted < wanted; i++) {
        const satchel_field *field = satchel_schema_field_at(schema, CUSTOMER, i * wanted);
        if (field == NULL) {
            break;
        }
        if (field->type != SATCHEL_TYPE_SET && field->number < SATCHEL_FIELD_CUSTOM_LIST) {
            sorted += satchel_query_sort(query, field->number, i % 2 == 0) == SATCHEL_OK ? 1 : 0;
        }
    }
    return query;
}

/* A keyset of the query behind an empty row: its front is format and mark. */
static void append_front(const satchel_query *query, satchel_buffer *out) {
    satchel_arena arena = {0};
    satchel_buffer whole = {NULL, 0, 0};
    satchel_record row;
    const satchel_id id = {{1}};
    satchel_record_init(&row, &arena);
    FUZZ_HOLDS(satchel_query_keyset(query, &row, &id, &whole) == SATCHEL_OK);
    fuzz_append(out, satchel_bytes_of(whole.data, FRONT_BYTES));
    satchel_buffer_deinit(&whole);
    satchel_arena_deinit(&arena);
}

static void compile(const satchel_query *query, const satchel_schema *schema, satchel_bytes keyset, bool whole,
                    satchel_dialect dialect) {
    satchel_arena arena = {0};
    satchel_sql sql;
    const satchel_text columns = {"id", 2};
    satchel_status status =
        satchel_query_compile(query, schema, dialect, columns, NULL, keyset, 10, &arena, &sql, NULL);
    FUZZ_HOLDS(whole ? status == SATCHEL_OK : status != SATCHEL_OK || keyset.bytes == 0);
    satchel_sql_deinit(&sql);
    satchel_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    satchel_schema schema = sample_schema();
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    satchel_buffer keyset = {NULL, 0, 0};
    satchel_arena arena = {0};
    satchel_keyset read;
    fuzz_begin();
    uint8_t choice = fuzz_choice(&input, UINT8_MAX);
    satchel_query *query = query_of(&schema, choice);
    if (choice < 128) {
        append_front(query, &keyset);
    }
    fuzz_append(&keyset, fuzz_rest(&input));
    satchel_status status = satchel_keyset_read(query, &schema, satchel_buffer_view(&keyset), &arena, &read, NULL);
    FUZZ_HOLDS(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
    compile(query, &schema, satchel_buffer_view(&keyset), status == SATCHEL_OK, SATCHEL_DIALECT_SQLITE);
    compile(query, &schema, satchel_buffer_view(&keyset), status == SATCHEL_OK, SATCHEL_DIALECT_POSTGRES);
    satchel_query_close(query);
    satchel_buffer_deinit(&keyset);
    satchel_arena_deinit(&arena);
    fuzz_end(KEYSET_MEMORY(bytes));
    return 0;
}

void fuzz_seeds(void) {
    satchel_schema schema = sample_schema();
    satchel_arena arena = {0};
    satchel_buffer keyset = {NULL, 0, 0}, seed = {NULL, 0, 0};
    test_random random = test_random_of(8);
    for (uint8_t choice = 0; choice < QUERIES; choice++) {
        satchel_query *query = query_of(&schema, choice);
        satchel_record row = sample_record(&random, &schema, CUSTOMER, 90, &arena);
        const satchel_id id = test_random_id(&random);
        satchel_buffer_clear(&keyset);
        FUZZ_HOLDS(satchel_query_keyset(query, &row, &id, &keyset) == SATCHEL_OK);
        fuzz_start_seed(&seed, choice);
        fuzz_append(&seed, satchel_bytes_of(keyset.data + FRONT_BYTES, keyset.bytes - FRONT_BYTES));
        fuzz_seed(satchel_buffer_view(&seed));
        fuzz_start_seed(&seed, (uint8_t)(128 + choice));
        fuzz_append(&seed, satchel_buffer_view(&keyset));
        fuzz_seed(satchel_buffer_view(&seed));
        satchel_query_close(query);
    }
    satchel_buffer_deinit(&keyset);
    satchel_buffer_deinit(&seed);
    satchel_arena_deinit(&arena);
}
