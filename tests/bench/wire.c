/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wire sizes and the cost of coding: bodies as they travel, compressed or plain, without HTTP.
 *
 * Ids are UUIDs of version 7 whose times are spread over a year (old rows) or stand together (rows of one action), as
 * on a phone: rows of one unit have ids one after another, and so have products, which came with one import. Values are
 * drawn from lists of names and random digits, so that only what repeats in life repeats here.
 */
#include "support/bench.h"

#include "base/ids.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "wire/answer.h"
#include "wire/body.h"
#include "wire/record_codec.h"
#include "wire/request.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>
#include <stdio.h>
#include <string.h>

#define NOW_MS INT64_C(1770000000000)
#define YEAR_MS INT64_C(31536000000)

typedef struct scene {
    satchel_schema schema;
    satchel_arena arena;
    satchel_buffer payload;
    satchel_buffer body;
    satchel_buffer scratch;
    uint64_t random;
    uint64_t sequence;
    int64_t clock_ms;
} scene;

static void must(satchel_status status, const char *what) {
    bench_require(status == SATCHEL_OK, what);
}

static uint64_t draw(scene *s) { /* SplitMix64 */
    uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(scene *s, uint64_t limit) {
    return draw(s) % limit;
}

static satchel_id id_at(scene *s, int64_t unix_ms) {
    uint8_t random[16];
    uint64_t words[2] = {draw(s), draw(s)};
    memcpy(random, words, sizeof random);
    return satchel_id_make(unix_ms, random);
}

static satchel_id old_id(scene *s) {
    return id_at(s, NOW_MS - (int64_t)below(s, (uint64_t)YEAR_MS));
}

static void open_scene(scene *s) {
    memset(s, 0, sizeof *s);
    s->random = 20260101;
    s->sequence = 8000;
    s->clock_ms = 400000000;
    must(satchel_crypto_init(), "crypto");
    must(satchel_schema_init(&s->schema, &satchel_generated_model, NULL, 0, NULL), "schema");
}

static void close_scene(scene *s) {
    satchel_arena_deinit(&s->arena);
    satchel_buffer_deinit(&s->payload);
    satchel_buffer_deinit(&s->body);
    satchel_buffer_deinit(&s->scratch);
}

/* ---- requests ---- */

static void begin_request(scene *s, bool with_units) {
    satchel_request_head head = {.protocol = SATCHEL_PROTOCOL_VERSION, .schema = 1, .page_bytes = 65536};
    uint64_t tokens[2] = {draw(s), draw(s)};
    uint64_t cursor[2] = {draw(s), draw(s)};
    memcpy(head.token_current, &tokens[0], sizeof head.token_current);
    memcpy(head.token_next, &tokens[1], sizeof head.token_next);
    head.now = (satchel_moment){3, s->clock_ms, NOW_MS, 0};
    head.cursor = satchel_bytes_of(cursor, sizeof cursor);
    if (with_units) {
        head.incarnation = old_id(s);
        head.settled_through = s->sequence;
    }
    satchel_buffer_clear(&s->payload);
    must(satchel_request_write_head(&head, &s->payload), "head");
}

static satchel_bytes op_bytes(scene *s, const satchel_op *op) {
    satchel_bytes out;
    satchel_buffer_clear(&s->scratch);
    must(satchel_op_encode(&s->schema, op, &s->scratch), "op");
    must(satchel_arena_copy(&s->arena, satchel_buffer_view(&s->scratch), &out), "memory");
    return out;
}

static void add_unit(scene *s, const satchel_bytes *ops, uint32_t count) {
    s->clock_ms += 2000 + (int64_t)below(s, 60000);
    const satchel_unit_ops head = {.first_sequence = s->sequence + 1,
                                   .moment = {3, s->clock_ms, NOW_MS + s->clock_ms, 1234},
                                   .seen = {1, 1000000}};
    s->sequence += count;
    satchel_buffer_clear(&s->scratch);
    must(satchel_unit_encode(&head, ops, count, &s->scratch), "unit");
    must(satchel_request_write_unit(satchel_buffer_view(&s->scratch), &s->payload), "unit");
}

static size_t pack(scene *s) {
    must(satchel_body_pack(satchel_buffer_view(&s->payload), &s->body), "pack");
    return s->body.bytes;
}

/* ---- answers ---- */

static void put(scene *s, const satchel_answer_frame *frame) {
    must(satchel_answer_write(frame, &s->payload), "frame");
}

static void begin_answer(scene *s) {
    const satchel_answer_frame head = {.kind = SATCHEL_FRAME_HEAD,
                                       .as.head = {.server_time_ms = NOW_MS,
                                                   .epoch = 1,
                                                   .token_moved = true,
                                                   .applied_through = s->sequence,
                                                   .request_number = 40000}};
    satchel_buffer_clear(&s->payload);
    put(s, &head);
}

static void put_result(scene *s, uint64_t first, uint32_t count) {
    uint8_t receipt[SATCHEL_RECEIPT_BYTES] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2};
    const uint64_t parts[2] = {draw(s), draw(s)};
    memcpy(receipt + SATCHEL_RECEIPT_BYTES - sizeof parts, parts, sizeof parts);
    const satchel_answer_frame result = {.kind = SATCHEL_FRAME_RESULT,
                                         .as.result = {.first_sequence = first,
                                                       .count = count,
                                                       .code = SATCHEL_RESULT_APPLIED,
                                                       .stamp_ms = NOW_MS + (int64_t)below(s, 600000),
                                                       .receipt = satchel_bytes_of(receipt, sizeof receipt)}};
    put(s, &result);
}

static void put_end(scene *s) {
    uint64_t random[3] = {draw(s), draw(s), draw(s)};
    satchel_answer_frame end = {.kind = SATCHEL_FRAME_END, .as.end = {.position_n = 1000000}};
    memcpy(end.as.end.continues, random, sizeof end.as.end.continues);
    end.as.end.cursor = satchel_bytes_of(random + 1, 16);
    put(s, &end);
}

/* ---- scenes ---- */

static satchel_bytes one_field_changed(scene *s) {
    satchel_op op;
    satchel_id row = old_id(s);
    satchel_op_init(&op, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, &row, &s->arena);
    op.base_n = 1 + below(s, 1000000);
    must(satchel_record_set_int(&op.set, SATCHEL_CUSTOMER_GRADE, 1 + (int64_t)below(s, 3)), "set");
    return op_bytes(s, &op);
}

static void bench_changes(scene *s, uint32_t rows, bool one_unit) {
    satchel_bytes *ops = satchel_arena_take_array(&s->arena, rows, sizeof *ops);
    bench_require(ops != NULL, "memory");
    uint64_t first = s->sequence + 1;
    for (uint32_t i = 0; i < rows; i++) {
        ops[i] = one_field_changed(s);
    }
    begin_request(s, true);
    for (uint32_t i = 0; i < rows; i += one_unit ? rows : 1) {
        add_unit(s, ops + i, one_unit ? rows : 1);
    }
    size_t up = pack(s);
    begin_answer(s);
    for (uint32_t i = 0; i < rows; i += one_unit ? rows : 1) {
        put_result(s, first + i, one_unit ? rows : 1);
    }
    put_end(s);
    size_t down = pack(s);
    const char *name = one_unit ? "wire_change_in_one_unit" : "wire_change_a_unit_each";
    bench_print(name, (double)(up + down) / rows, "bytes/change");
    satchel_arena_reset(&s->arena);
}

static satchel_op make_op(scene *s, satchel_op_kind kind, uint32_t entity, const satchel_id *row) {
    satchel_op op;
    satchel_op_init(&op, kind, entity, row, &s->arena);
    op.base_n = kind == SATCHEL_OP_EDIT ? 1 + below(s, 1000000) : 0;
    return op;
}

static void set_int(satchel_record *record, uint32_t field, int64_t value) {
    must(satchel_record_set_int(record, field, value), "set");
}

static void check_in(scene *s, const satchel_id *visit, const satchel_id *customer) {
    satchel_op op = make_op(s, SATCHEL_OP_CREATE, SATCHEL_ENTITY_VISIT, visit);
    must(satchel_record_set_id(&op.set, SATCHEL_VISIT_CUSTOMER, customer), "set");
    set_int(&op.set, SATCHEL_VISIT_STATUS, 2);
    must(satchel_record_set_time(&op.set, SATCHEL_VISIT_CHECK_IN_AT, NOW_MS + s->clock_ms), "set");
    set_int(&op.set, SATCHEL_VISIT_CHECK_IN_LATITUDE_E7, 312345678);
    set_int(&op.set, SATCHEL_VISIT_CHECK_IN_LONGITUDE_E7, 1214567890);
    set_int(&op.set, SATCHEL_VISIT_CHECK_IN_ACCURACY_M, 12);
    set_int(&op.set, SATCHEL_VISIT_CHECK_IN_DISTANCE_M, 35);
    must(satchel_record_set_bool(&op.set, SATCHEL_VISIT_CHECK_IN_MOCK, false), "set");
    satchel_bytes bytes = op_bytes(s, &op);
    add_unit(s, &bytes, 1);
}

static void check_out(scene *s, const satchel_id *visit) {
    satchel_op op = make_op(s, SATCHEL_OP_EDIT, SATCHEL_ENTITY_VISIT, visit);
    op.base_n = 0;
    set_int(&op.from, SATCHEL_VISIT_STATUS, 2);
    set_int(&op.set, SATCHEL_VISIT_STATUS, 3);
    set_int(&op.set, SATCHEL_VISIT_OUTCOME, 1);
    must(satchel_record_set_time(&op.set, SATCHEL_VISIT_CHECK_OUT_AT, NOW_MS + s->clock_ms), "set");
    set_int(&op.set, SATCHEL_VISIT_CHECK_OUT_LATITUDE_E7, 312345699);
    set_int(&op.set, SATCHEL_VISIT_CHECK_OUT_LONGITUDE_E7, 1214567811);
    set_int(&op.set, SATCHEL_VISIT_CHECK_OUT_ACCURACY_M, 9);
    set_int(&op.set, SATCHEL_VISIT_CHECK_OUT_DISTANCE_M, 30);
    must(satchel_record_set_bool(&op.set, SATCHEL_VISIT_CHECK_OUT_MOCK, false), "set");
    satchel_bytes bytes = op_bytes(s, &op);
    add_unit(s, &bytes, 1);
}

#define LINES 8

#define CATALOGUE 500

static satchel_bytes order_line(scene *s, const satchel_id *order, satchel_id *last, satchel_id product,
                                int64_t position) {
    satchel_id row = satchel_id_after(last);
    *last = row;
    for (uint64_t i = below(s, CATALOGUE); i > 0; i--) {
        product = satchel_id_after(&product);
    }
    satchel_op op = make_op(s, SATCHEL_OP_CREATE, SATCHEL_ENTITY_ORDER_LINE, &row);
    must(satchel_record_set_id(&op.set, SATCHEL_ORDER_LINE_ORDER, order), "set");
    must(satchel_record_set_id(&op.set, SATCHEL_ORDER_LINE_PRODUCT, &product), "set");
    int64_t quantity = 1000 * (1 + (int64_t)below(s, 40));
    int64_t price = 100 + (int64_t)below(s, 20000);
    set_int(&op.set, SATCHEL_ORDER_LINE_QUANTITY_E3, quantity);
    set_int(&op.set, SATCHEL_ORDER_LINE_UNIT_PRICE_MINOR, price);
    set_int(&op.set, SATCHEL_ORDER_LINE_TOTAL_MINOR, quantity / 1000 * price);
    set_int(&op.set, SATCHEL_ORDER_LINE_POSITION, position);
    return op_bytes(s, &op);
}

static void take_order(scene *s, const satchel_id *visit, const satchel_id *customer) {
    satchel_bytes ops[1 + LINES];
    const satchel_id order = id_at(s, NOW_MS + s->clock_ms);
    const satchel_id first_product = old_id(s);
    satchel_id last = order;
    satchel_op op = make_op(s, SATCHEL_OP_CREATE, SATCHEL_ENTITY_ORDER, &order);
    must(satchel_record_set_id(&op.set, SATCHEL_ORDER_CUSTOMER, customer), "set");
    must(satchel_record_set_id(&op.set, SATCHEL_ORDER_VISIT, visit), "set");
    set_int(&op.set, SATCHEL_ORDER_STATUS, 2);
    must(satchel_record_set_time(&op.set, SATCHEL_ORDER_ORDERED_AT, NOW_MS + s->clock_ms), "set");
    must(satchel_record_set_text(&op.set, SATCHEL_ORDER_CURRENCY, satchel_text_of("CNY")), "set");
    set_int(&op.set, SATCHEL_ORDER_TOTAL_MINOR, 1234567);
    ops[0] = op_bytes(s, &op);
    for (int i = 0; i < LINES; i++) {
        ops[1 + i] = order_line(s, &order, &last, first_product, i + 1);
    }
    add_unit(s, ops, 1 + LINES);
}

static void edit_customer(scene *s, const satchel_id *customer, uint32_t field, const char *text) {
    satchel_op op = make_op(s, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, customer);
    must(satchel_record_set_text(&op.set, field, satchel_text_of(text)), "set");
    satchel_bytes bytes = op_bytes(s, &op);
    add_unit(s, &bytes, 1);
}

static void bench_visit(scene *s) {
    satchel_id customer = old_id(s);
    satchel_id visit = id_at(s, NOW_MS + s->clock_ms);
    uint64_t first = s->sequence + 1;
    begin_request(s, true);
    check_in(s, &visit, &customer);
    take_order(s, &visit, &customer);
    edit_customer(s, &customer, SATCHEL_CUSTOMER_SHORT_NAME, "华宁茶");
    edit_customer(s, &customer, SATCHEL_CUSTOMER_STREET, "中山北路 1200 号");
    edit_customer(s, &customer, SATCHEL_CUSTOMER_NOTE, "周二上午在店");
    check_out(s, &visit);
    bench_print("wire_visit_up_plain", (double)s->payload.bytes, "bytes");
    bench_print("wire_visit_up", (double)pack(s), "bytes");
    begin_answer(s);
    static const uint32_t counts[] = {1, 1 + LINES, 1, 1, 1, 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        put_result(s, first, counts[i]);
        first += counts[i];
    }
    put_end(s);
    bench_print("wire_visit_down", (double)pack(s), "bytes");
    satchel_arena_reset(&s->arena);
}

static void bench_empty(scene *s) {
    begin_request(s, false);
    bench_print("wire_empty_up", (double)pack(s), "bytes");
    begin_answer(s);
    put_end(s);
    bench_print("wire_empty_down", (double)pack(s), "bytes");
}

static void set_text(satchel_record *record, uint32_t field, const char *text) {
    must(satchel_record_set_text(record, field, satchel_text_of(text)), "set");
}

/* A customer as it is after some months of use. */
static void fill_customer(scene *s, satchel_record *record) {
    static const char *const cities[] = {"上海市", "杭州市", "苏州市", "南京市", "宁波市", "无锡市"};
    static const char *const roads[] = {"中山北路", "人民路", "解放路", "建设大道", "文化路", "长江路", "和平街"};
    static const char *const first[] = {"华", "永", "宏", "金", "新", "东", "美", "大", "福", "瑞"};
    static const char *const second[] = {"宁", "兴", "达", "盛", "丰", "源", "泰", "昌", "隆", "祥"};
    static const char *const kinds[] = {"茶行", "超市", "便利店", "酒楼", "商贸有限公司", "食品店"};
    char text[128];
    satchel_set phones;
    uint64_t a = below(s, 10);
    uint64_t b = below(s, 10);
    (void)snprintf(text, sizeof text, "%s%s%s%s", first[a], second[b], first[below(s, 10)], kinds[below(s, 6)]);
    set_text(record, SATCHEL_CUSTOMER_NAME, text);
    (void)snprintf(text, sizeof text, "%s%s", first[a], second[b]);
    set_text(record, SATCHEL_CUSTOMER_SHORT_NAME, text);
    set_int(record, SATCHEL_CUSTOMER_KIND, 1 + (int64_t)below(s, 4));
    set_int(record, SATCHEL_CUSTOMER_GRADE, 1 + (int64_t)below(s, 3));
    set_int(record, SATCHEL_CUSTOMER_LIFECYCLE, 1 + (int64_t)below(s, 4));
    (void)snprintf(text, sizeof text, "13%09llu", (unsigned long long)below(s, 1000000000));
    satchel_bytes phone = satchel_text_bytes(satchel_text_of(text));
    must(satchel_set_sort(&s->arena, &phone, 1, &phones), "set");
    satchel_value value = satchel_value_set(phones.elements, phones.count);
    must(satchel_record_set(record, SATCHEL_CUSTOMER_PHONES, &value), "set");
    set_text(record, SATCHEL_CUSTOMER_CITY, cities[below(s, 6)]);
    (void)snprintf(text, sizeof text, "%s%llu号", roads[below(s, 7)], (unsigned long long)below(s, 2000));
    set_text(record, SATCHEL_CUSTOMER_STREET, text);
    set_int(record, SATCHEL_CUSTOMER_LATITUDE_E7, 300000000 + (int64_t)below(s, 20000000));
    set_int(record, SATCHEL_CUSTOMER_LONGITUDE_E7, 1200000000 + (int64_t)below(s, 20000000));
    set_int(record, SATCHEL_CUSTOMER_POSITION_ACCURACY_M, 5 + (int64_t)below(s, 30));
    must(satchel_record_set_time(record, SATCHEL_CUSTOMER_LAST_VISIT_AT, NOW_MS - (int64_t)below(s, (uint64_t)YEAR_MS)),
         "set");
}

static void put_customer(scene *s, const satchel_id *owner, const satchel_id *territory, size_t *record_bytes) {
    satchel_record record;
    satchel_record_init(&record, &s->arena);
    fill_customer(s, &record);
    must(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, owner), "set");
    must(satchel_record_set_id(&record, SATCHEL_CUSTOMER_TERRITORY, territory), "set");
    satchel_buffer_clear(&s->scratch);
    must(satchel_record_encode(&s->schema, SATCHEL_ENTITY_CUSTOMER, &record, &s->scratch), "record");
    *record_bytes += s->scratch.bytes;
    const satchel_answer_frame row = {.kind = SATCHEL_FRAME_ROW,
                                      .as.row = {.entity = SATCHEL_ENTITY_CUSTOMER,
                                                 .row = old_id(s),
                                                 .n = 1 + below(s, 1000000),
                                                 .scope_set = 1 + (uint32_t)below(s, 3),
                                                 .whole = true,
                                                 .record = satchel_buffer_view(&s->scratch)}};
    put(s, &row);
    satchel_arena_reset(&s->arena);
}

/* Reads the page as a phone does and returns a checksum, so that nothing is optimised away. */
static uint64_t read_page(scene *s, satchel_buffer *plain) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    uint64_t sum = 0;
    must(satchel_body_unpack(satchel_buffer_view(&s->body), plain, NULL), "unpack");
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(plain));
    while (frame.kind != SATCHEL_FRAME_NONE) {
        must(satchel_answer_read(&reader, &s->arena, &frame, NULL), "frame");
        if (frame.kind == SATCHEL_FRAME_ROW) {
            satchel_record record;
            satchel_record_init(&record, &s->arena);
            must(satchel_record_decode(&s->schema, frame.as.row.entity, frame.as.row.record, true, &record, NULL),
                 "record");
            sum += record.count;
            satchel_arena_reset(&s->arena);
        }
    }
    return sum;
}

static void bench_snapshot(scene *s, uint32_t rows, int runs) {
    satchel_id owner = old_id(s);
    satchel_id territory = old_id(s);
    satchel_buffer plain = {NULL, 0, 0};
    bench_samples packing;
    bench_samples reading;
    size_t record_bytes = 0;
    uint64_t sum = 0;
    begin_answer(s);
    for (uint32_t i = 0; i < rows; i++) {
        put_customer(s, &owner, &territory, &record_bytes);
    }
    put_end(s);
    bench_samples_init(&packing);
    bench_samples_init(&reading);
    for (int run = 0; run < runs; run++) {
        int64_t start_ns = bench_now_ns();
        (void)pack(s);
        int64_t packed_ns = bench_now_ns();
        sum += read_page(s, &plain);
        bench_samples_add(&packing, (double)(packed_ns - start_ns) / rows);
        bench_samples_add(&reading, (double)(bench_now_ns() - packed_ns) / rows);
    }
    bench_print("wire_snapshot_record", (double)record_bytes / rows, "bytes/row");
    bench_print("wire_snapshot_plain", (double)s->payload.bytes / rows, "bytes/row");
    bench_print("wire_snapshot", (double)s->body.bytes / rows, "bytes/row");
    bench_print_samples("wire_snapshot_pack", &packing, "ns/row");
    bench_print_samples("wire_snapshot_unpack_and_read", &reading, "ns/row");
    bench_print("wire_snapshot_checksum", (double)(sum / (uint64_t)runs), "fields");
    bench_samples_deinit(&packing);
    bench_samples_deinit(&reading);
    satchel_buffer_deinit(&plain);
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    uint32_t rows = (uint32_t)bench_option(argc, argv, "--rows", tiny ? 100 : 2000);
    scene s;
    open_scene(&s);
    bench_require(rows > 0 && rows <= SATCHEL_LIMIT_UNIT_OPS, "--rows within the limit of a unit");
    bench_print("wire_rows", rows, "rows");
    bench_changes(&s, rows, true);
    bench_changes(&s, rows, false);
    bench_visit(&s);
    bench_empty(&s);
    bench_snapshot(&s, tiny ? 100 : 500, tiny ? 3 : 51);
    close_scene(&s);
    return 0;
}
