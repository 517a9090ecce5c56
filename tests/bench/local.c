/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone that holds very many rows: one change that comes from the server is stored, a search finds what it should.
 * Through the store of a device on disk, sealed, durable. Wall time, which has the disk's in it; the thread's CPU time
 * too. One store is built, once: it is searched on the way, when it has --search-rows, and changed when it is full.
 *
 * usage: bench_local [--rows N] [--search-rows N] [--changes N] [--searches N] [--tiny]
 */
#include "base/ids.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "device/device.h"
#include "support/bench.h"
#include "support/temp.h"
#include "wire/record_codec.h"

#include <satchel/model.h>
#include <satchel/read.h>
#include <stdio.h>
#include <string.h>

#define PAGE_ROWS 4000u

typedef struct shop {
    satchel_device *device;
    satchel_arena arena;
    satchel_buffer record;
    satchel_buffer page;
    uint64_t n;
} shop;

static const satchel_schema schema = {&satchel_generated_model, NULL, 0};

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

static satchel_status give_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    (void)context;
    memset(out, 7, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

/* Names of which each syllable, character and word comes again and again, as in life. */
static void fill(satchel_record *record, uint64_t number) {
    static const char *const places[] = {"上海", "宁波", "杭州", "苏州", "南京",
                                         "无锡", "温州", "武汉", "北京", "成都"};
    static const char *const names[] = {"华宁", "永兴", "宏达", "金盛", "新丰", "东源", "美泰", "大昌", "福隆", "瑞祥"};
    static const char *const kinds[] = {"贸易有限公司", "超市", "便利店", "酒楼", "食品店", "茶行", "百货", "药房"};
    static const char *const words[] = {"Huaning", "Eastern", "Harbour", "Müller", "Golden", "Summit", "Garden"};
    static const char *const ends[] = {"Trading", "Foods", "Stores", "Supply", "Markets"};
    uint64_t draw = mix(number);
    char name[128];
    char phone[24];
    snprintf(name, sizeof name, "%s%s%s %s %s %llu", places[draw % 10], names[draw / 10 % 10], kinds[draw / 100 % 8],
             words[draw / 800 % 7], ends[draw / 5600 % 5], (unsigned long long)number);
    snprintf(phone, sizeof phone, "+86138%08llu", (unsigned long long)(draw % 100000000));
    satchel_set phones;
    const satchel_bytes element = satchel_text_bytes(satchel_text_of(phone));
    bool put = satchel_set_sort(record->arena, &element, 1, &phones) == SATCHEL_OK;
    const satchel_value value = satchel_value_set(phones.elements, phones.count);
    put = put && satchel_record_set_text(record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)) == SATCHEL_OK &&
          satchel_record_set_text(record, SATCHEL_CUSTOMER_CITY, satchel_text_of(places[draw % 10])) == SATCHEL_OK &&
          satchel_record_set_int(record, SATCHEL_CUSTOMER_GRADE, 1 + (int64_t)(draw % 3)) == SATCHEL_OK &&
          satchel_record_set(record, SATCHEL_CUSTOMER_PHONES, &value) == SATCHEL_OK;
    bench_require(put, "memory for a record");
}

static void put_frame(shop *s, const satchel_answer_frame *frame) {
    bench_require(satchel_answer_write(frame, &s->page) == SATCHEL_OK, "a frame");
}

static void put_row(shop *s, uint64_t number, bool whole, const satchel_record *record) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_ROW};
    satchel_buffer_clear(&s->record);
    bench_require(satchel_record_encode(&schema, SATCHEL_ENTITY_CUSTOMER, record, &s->record) == SATCHEL_OK, "a row");
    frame.as.row = (satchel_row_frame){.entity = SATCHEL_ENTITY_CUSTOMER,
                                       .row = id_of(number),
                                       .n = ++s->n,
                                       .whole = whole,
                                       .record = satchel_buffer_view(&s->record)};
    put_frame(s, &frame);
}

static void begin_page(shop *s) {
    const satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    satchel_buffer_clear(&s->page);
    put_frame(s, &frame);
}

/* Gives the time of storing, in ns, by the wall and, if wanted, of the thread. */
static int64_t store_page(shop *s, int64_t *out_cpu_ns) {
    const satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    satchel_sync_state state;
    satchel_store_outcome outcome;
    put_frame(s, &frame);
    bench_require(satchel_store_sync_state(s->device->store, &state, NULL) == SATCHEL_OK, "the state of sync");
    state.position.n = s->n;
    int64_t start = bench_now_ns();
    int64_t cpu = bench_thread_cpu_ns();
    bench_require(satchel_store_page(s->device->store, satchel_buffer_view(&s->page), &state, &outcome, NULL) ==
                      SATCHEL_OK,
                  "a page is stored");
    if (out_cpu_ns != NULL) {
        *out_cpu_ns = bench_thread_cpu_ns() - cpu;
    }
    return bench_now_ns() - start;
}

/* Rows from `first` on; the search index is made behind them, in transactions as long as a page. */
static void fill_shop(shop *s, uint64_t first, uint64_t rows) {
    bool left = true;
    for (uint64_t row = first; row < rows; row += PAGE_ROWS) {
        begin_page(s);
        for (uint64_t i = row; i < rows && i < row + PAGE_ROWS; i++) {
            satchel_record record;
            satchel_arena_reset(&s->arena);
            satchel_record_init(&record, &s->arena);
            fill(&record, i);
            put_row(s, i, true, &record);
        }
        (void)store_page(s, NULL);
    }
    while (left) {
        bench_require(satchel_store_purge(s->device->store, PAGE_ROWS, &left, NULL) == SATCHEL_OK, "the index");
    }
}

static void change_rows(shop *s, uint64_t rows, int64_t changes, uint32_t field, bench_samples *out,
                        bench_samples *out_cpu) {
    for (int64_t i = 0; i < changes; i++) {
        satchel_record record;
        char text[32];
        satchel_arena_reset(&s->arena);
        satchel_record_init(&record, &s->arena);
        snprintf(text, sizeof text, "Place %lld", (long long)i);
        bench_require(satchel_record_set_text(&record, field, satchel_text_of(text)) == SATCHEL_OK, "memory");
        begin_page(s);
        put_row(s, mix((uint64_t)i + 1) % rows, false, &record);
        int64_t cpu_ns = 0;
        bench_samples_add(out, (double)store_page(s, &cpu_ns) / 1e3);
        bench_samples_add(out_cpu, (double)cpu_ns / 1e3);
    }
}

static uint64_t search(shop *s, const char *words, bench_samples *out, bench_samples *out_cpu) {
    satchel_query *query = NULL;
    satchel_page *page = NULL;
    int64_t start = bench_now_ns();
    int64_t cpu = bench_thread_cpu_ns();
    bench_require(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER) == SATCHEL_OK &&
                      satchel_query_search(query, satchel_text_of(words)) == SATCHEL_OK &&
                      satchel_page_open(&page, s->device, query, (satchel_bytes){NULL, 0}, 20, NULL) == SATCHEL_OK,
                  "a search");
    bench_samples_add(out, (double)(bench_now_ns() - start) / 1e3);
    bench_samples_add(out_cpu, (double)(bench_thread_cpu_ns() - cpu) / 1e3);
    uint64_t found = satchel_page_count(page);
    satchel_page_close(page);
    satchel_query_close(query);
    return found;
}

static uint64_t search_all(shop *s, int64_t searches, uint64_t rows, bench_samples *chinese, bench_samples *english,
                           bench_samples *cpu) {
    static const char *const zh[] = {"华宁", "宁波永兴", "酒楼", "上海 福隆", "茶", "东源便利"};
    static const char *const en[] = {"muller", "golden tr", "har", "eastern foods", "summit", "huan"};
    uint64_t found = 0;
    for (int64_t i = 0; i < searches; i++) {
        char number[32];
        snprintf(number, sizeof number, "%llu", (unsigned long long)(mix((uint64_t)i) % rows));
        found += search(s, zh[i % 6], chinese, cpu);
        found += search(s, i % 7 == 6 ? number : en[i % 6], english, cpu);
    }
    return found;
}

static void print_points(const char *name, bench_samples *samples) {
    char line[96];
    bench_print_samples(name, samples, "us");
    snprintf(line, sizeof line, "%s_p99", name);
    bench_print(line, bench_samples_quantile(samples, 0.99), "us");
    bench_samples_deinit(samples);
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    const uint64_t rows = (uint64_t)bench_option(argc, argv, "--rows", tiny ? 1500 : 1000000);
    uint64_t searched_rows = (uint64_t)bench_option(argc, argv, "--search-rows", tiny ? 1000 : 100000);
    const int64_t changes = bench_option(argc, argv, "--changes", tiny ? 50 : 2000);
    const int64_t searches = bench_option(argc, argv, "--searches", tiny ? 50 : 2000);
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    test_temp temp = test_temp_make();
    char folder[TEST_PATH_BYTES];
    bench_samples plain, plain_cpu, searched, searched_cpu, chinese, english, search_cpu;
    shop s = {NULL, {0}, {NULL, 0, 0}, {NULL, 0, 0}, 0};
    bench_require(satchel_crypto_init() == SATCHEL_OK && rows > 0, "libsodium, and rows");
    config.folder = test_temp_path(&temp, "phone", folder);
    config.keys.secret = give_secret;
    bench_require(satchel_device_create(&s.device, &config, NULL) == SATCHEL_OK, "a phone");
    bench_samples_init(&plain);
    bench_samples_init(&searched);
    bench_samples_init(&plain_cpu);
    bench_samples_init(&searched_cpu);
    bench_samples_init(&chinese);
    bench_samples_init(&english);
    bench_samples_init(&search_cpu);
    searched_rows = searched_rows < rows ? searched_rows : rows;
    fill_shop(&s, 0, searched_rows);
    uint64_t found = search_all(&s, searches, searched_rows, &chinese, &english, &search_cpu);
    fill_shop(&s, searched_rows, rows);
    change_rows(&s, rows, changes, SATCHEL_CUSTOMER_DISTRICT, &plain, &plain_cpu);
    change_rows(&s, rows, changes, SATCHEL_CUSTOMER_CITY, &searched, &searched_cpu);
    bench_print("local_rows", (double)rows, "rows");
    bench_print("local_search_rows", (double)searched_rows, "rows");
    bench_print("local_checksum", (double)found, "rows found");
    print_points("local_search_chinese", &chinese);
    print_points("local_search_english", &english);
    print_points("local_search_cpu", &search_cpu);
    print_points("local_change", &plain);
    print_points("local_change_cpu", &plain_cpu);
    print_points("local_change_searched", &searched);
    print_points("local_change_searched_cpu", &searched_cpu);
    satchel_device_close(s.device);
    satchel_buffer_deinit(&s.record);
    satchel_buffer_deinit(&s.page);
    satchel_arena_deinit(&s.arena);
    test_temp_remove(&temp);
    return 0;
}
