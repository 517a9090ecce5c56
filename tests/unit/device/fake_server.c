/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that follows a script: enough of the protocol to tell a right phone from a wrong one.
 *
 * Its cursor is the number of rows given so far, as four bytes. Ops are applied by being counted.
 */
#include "unit/device/answers.h"
#include "unit/device/fixture.h"

#include "crypto/hash.h"
#include "wire/body.h"
#include "wire/signing.h"
#include "wire/unit_codec.h"

#include <stdio.h>
#include <string.h>

const satchel_id fake_customer = {{0x01, 0x90, 0xc0, 0x57, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1}};
const satchel_id fake_product = {{0x01, 0x90, 0x9a, 0x0d, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 2}};
static const satchel_id fake_device = {{0x01, 0x90, 0xde, 0x1c, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 3}};
static const satchel_id fake_user = {{0x01, 0x90, 0x05, 0xe4, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 4}};

#define CURSOR_BYTES 4

void fake_server_init(fake_server *server) {
    memset(server, 0, sizeof *server);
    uint8_t seed[SATCHEL_KEY_BYTES];
    memset(seed, 0x33, sizeof seed);
    satchel_sign_keys(seed, server->public_key, server->secret);
    memset(server->code, 0x77, sizeof server->code);
    server->device = fake_device;
    server->user = fake_user;
    server->now_ms = FAKE_START_MS + 5000;
}

void fake_server_deinit(fake_server *server) {
    satchel_arena_deinit(&server->arena);
}

satchel_record *fake_server_add(fake_server *server, uint32_t entity, const satchel_id *id) {
    REQUIRE(server->row_count < FAKE_ROWS_MOST);
    fake_row *row = &server->rows[server->row_count++];
    *row = (fake_row){.entity = entity, .id = *id};
    satchel_record_init(&row->record, &server->arena);
    return &row->record;
}

void fake_server_remove(fake_server *server, uint32_t entity, const satchel_id *id) {
    (void)fake_server_add(server, entity, id);
    server->rows[server->row_count - 1].removed = true;
}

void fake_server_stock(fake_server *server, const char *customer_name) {
    static const satchel_bytes roles[] = {{(const uint8_t *)"rep", 3}};
    satchel_record *customer = fake_server_add(server, SATCHEL_ENTITY_CUSTOMER, &fake_customer);
    REQUIRE_OK(satchel_record_set_text(customer, SATCHEL_CUSTOMER_NAME, satchel_text_of(customer_name)));
    REQUIRE_OK(satchel_record_set_id(customer, SATCHEL_CUSTOMER_OWNER, &fake_user));
    satchel_record *user = fake_server_add(server, SATCHEL_ENTITY_USER, &fake_user);
    const satchel_value role_set = satchel_value_set(roles, 1);
    REQUIRE_OK(satchel_record_set_text(user, SATCHEL_USER_LOGIN, satchel_text_of("lin")));
    REQUIRE_OK(satchel_record_set_text(user, SATCHEL_USER_NAME, satchel_text_of("Lin Wei")));
    REQUIRE_OK(satchel_record_set_bool(user, SATCHEL_USER_ACTIVE, true));
    REQUIRE_OK(satchel_record_set(user, SATCHEL_USER_ROLES, &role_set));
    satchel_record *product = fake_server_add(server, SATCHEL_ENTITY_PRODUCT, &fake_product);
    REQUIRE_OK(satchel_record_set_text(product, SATCHEL_PRODUCT_CODE, satchel_text_of("P-1")));
    REQUIRE_OK(satchel_record_set_text(product, SATCHEL_PRODUCT_NAME, satchel_text_of("Green tea")));
    REQUIRE_OK(satchel_record_set_text(product, SATCHEL_PRODUCT_CURRENCY, satchel_text_of("CNY")));
    REQUIRE_OK(satchel_record_set_int(product, SATCHEL_PRODUCT_PRICE_MINOR, 1250));
}

void fake_server_link(const fake_server *server, const char *host, satchel_buffer *out) {
    satchel_enroll_link link = {.server = satchel_text_of(host)};
    memcpy(link.code, server->code, sizeof link.code);
    memcpy(link.server_key, server->public_key, sizeof link.server_key);
    REQUIRE_OK(satchel_enroll_link_write(&link, out));
}

/* --- enrolment --- */

static void answer_enrolment(fake_server *server, satchel_bytes payload, satchel_buffer *out) {
    satchel_enroll_request request;
    uint8_t expected[SATCHEL_MAC_BYTES];
    REQUIRE_OK(satchel_enroll_request_read(payload, &request, NULL));
    satchel_enroll_request_mac(server->code, server->public_key, &request, expected);
    CHECK(memcmp(expected, request.mac, sizeof expected) == 0);
    server->enrolments++;
    memcpy(server->device_key, request.device_key, sizeof server->device_key);
    memcpy(server->token, request.token, sizeof server->token);
    satchel_enroll_answer answer = {
        .status = server->refuse,
        .device = server->device,
        .user = server->user,
        .company = satchel_text_of("Huaning Trading"),
        .login = satchel_text_of("lin"),
        .epoch = 1,
        .server_time_ms = server->now_ms,
    };
    answer.policy = server->policy;
    memcpy(answer.recovery_key, server->recovery_key, sizeof answer.recovery_key);
    memcpy(answer.server_key, server->public_key, sizeof answer.server_key);
    satchel_enroll_answer_mac(server->code, &request, &answer, answer.mac);
    answer.mac[0] = (uint8_t)(answer.mac[0] ^ (server->spoil_mac ? 1 : 0));
    REQUIRE_OK(satchel_enroll_answer_write(&answer, out));
}

/* --- exchange --- */

/* False: the request number was used before. */
static bool check_signature(fake_server *server, const satchel_http_request *request) {
    satchel_signed_headers headers;
    satchel_id device;
    uint64_t number;
    char *const values[] = {headers.content_digest, headers.request_number, headers.signature_input, headers.signature};
    static const char *const names[] = {"Content-Digest", "Satchel-Request", "Signature-Input", "Signature"};
    memset(&headers, 0, sizeof headers);
    for (uint32_t i = 0; i < request->header_count; i++) {
        for (size_t k = 0; k < 4; k++) {
            if (strcmp(request->headers[i].name, names[k]) == 0) {
                snprintf(values[k], SATCHEL_SIGNING_HEADER_BYTES, "%s", request->headers[i].value);
            }
        }
    }
    REQUIRE_OK(satchel_request_claim(&headers, &device, &number, NULL));
    REQUIRE_OK(satchel_request_verify("POST", "/v1/sync", request->body, &headers, server->device_key, NULL));
    CHECK_ID(&device, &server->device);
    bool fresh = number > server->request_number;
    CHECK(fresh || server->finds_copies);
    server->request_number = fresh ? number : server->request_number;
    return fresh;
}

/* Known units are known by their bytes, whatever life they come from. */
static bool is_new(fake_server *server, satchel_bytes unit) {
    uint8_t digest[SATCHEL_DIGEST_BYTES];
    satchel_unit_digest(unit, digest);
    uint64_t mark = satchel_get_u64be(digest);
    for (uint32_t i = 0; i < server->digest_count; i++) {
        if (server->digests[i] == mark) {
            return false;
        }
    }
    REQUIRE(server->digest_count < FAKE_UNITS_MOST);
    server->digests[server->digest_count++] = mark;
    return true;
}

static void answer_unit(fake_server *server, satchel_bytes bytes, satchel_buffer *out) {
    satchel_arena arena = {0};
    satchel_unit_ops unit;
    satchel_bytes *ops;
    static const satchel_op_result refused[] = {
        {.index = 0, .code = SATCHEL_RESULT_REFUSED, .status = SATCHEL_FORBIDDEN, .rule = {"test.rule", 9}}};
    REQUIRE_OK(satchel_unit_decode(bytes, &arena, &unit, &ops, NULL));
    uint64_t last = unit.first_sequence + unit.count - 1;
    if (unit.first_sequence > server->decided) {
        CHECK_UINT(unit.first_sequence, server->decided + 1);
        server->units_applied += is_new(server, bytes) ? 1 : 0;
        server->decided = last;
    }
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RESULT};
    frame.as.result = (satchel_unit_result){
        .first_sequence = unit.first_sequence,
        .count = unit.count,
        .code = SATCHEL_RESULT_APPLIED,
        .stamp_ms = server->now_ms,
        .ops = refused,
        .op_count = server->refuse_ops ? 1 : 0,
    };
    answer_frame(out, &frame);
    satchel_arena_deinit(&arena);
}

static uint32_t rows_of_cursor(satchel_bytes cursor) {
    REQUIRE(cursor.bytes == 0 || cursor.bytes == CURSOR_BYTES);
    return cursor.bytes == 0 ? 0 : satchel_get_u32be(cursor.data);
}

static void answer_page(fake_server *server, satchel_bytes cursor, satchel_buffer *out) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    uint32_t from = rows_of_cursor(cursor);
    uint32_t to = server->row_count;
    uint8_t next[CURSOR_BYTES];
    if (server->rows_a_page > 0 && to - from > server->rows_a_page) {
        to = from + server->rows_a_page;
    }
    answer_scopes(out);
    for (uint32_t i = from; i < to; i++) {
        if (!server->rows[i].removed) {
            answer_row(out, &schema, server->rows[i].entity, &server->rows[i].id, i + 1, &server->rows[i].record);
        }
    }
    for (uint32_t i = from; i < to; i++) {
        if (server->rows[i].removed) {
            answer_removal(out, server->rows[i].entity, &server->rows[i].id);
        }
    }
    satchel_put_u32be(next, to);
    answer_end(out, cursor, satchel_bytes_of(next, sizeof next), to, to < server->row_count);
}

/* --- orders and checkpoints --- */

static void hear(fake_server *server, const satchel_request_head *head) {
    server->heard = head->orders_serial > 0 ? head->orders_serial : server->heard;
    if (head->witness.bytes > 0) {
        server->shows++;
        REQUIRE_OK(satchel_checkpoint_read(head->witness, server->public_key, &server->shown, NULL));
    }
    if (head->receipt.bytes > 0) {
        server->receipts++;
        REQUIRE_OK(satchel_order_receipt_read(head->receipt, &server->receipt, NULL));
    }
}

/* Blocks live in `blocks` until the head is written. */
static void tell(fake_server *server, satchel_answer_head *head, satchel_buffer blocks[2]) {
    if (server->orders.serial > server->heard) {
        server->orders.device = satchel_id_is_none(&server->orders.device) ? server->device : server->orders.device;
        REQUIRE_OK(satchel_orders_sign(&server->orders, server->secret, &blocks[0]));
        blocks[0].data[0] = (uint8_t)(blocks[0].data[0] ^ (server->spoil_orders ? 1 : 0));
        head->orders = satchel_buffer_view(&blocks[0]);
    }
    if (server->checkpoint.position > 0 &&
        memcmp(server->checkpoint.hash, server->shown.hash, sizeof server->shown.hash) != 0) {
        REQUIRE_OK(satchel_checkpoint_sign(&server->checkpoint, server->secret, &blocks[1]));
        head->checkpoint = satchel_buffer_view(&blocks[1]);
        head->witnessed = satchel_bytes_of(server->witnessed, server->witnessed != NULL ? SATCHEL_HASH_BYTES : 0);
    }
}

static void answer_with_orders(fake_server *server, satchel_answer_head *head, satchel_buffer *out) {
    satchel_buffer blocks[2] = {{0}, {0}};
    tell(server, head, blocks);
    answer_head(out, head);
    satchel_buffer_deinit(&blocks[0]);
    satchel_buffer_deinit(&blocks[1]);
}

static void answer_sync(fake_server *server, satchel_bytes payload, satchel_buffer *out) {
    satchel_reader reader = satchel_reader_of(payload);
    satchel_request_head head;
    satchel_bytes unit;
    satchel_buffer results = {0};
    bool found = true;
    REQUIRE_OK(satchel_request_read_head(&reader, &head, NULL));
    hear(server, &head);
    if (server->revoked) {
        satchel_answer_head revoked = {.status = SATCHEL_REVOKED, .request_number = server->request_number};
        revoked.server_time_ms = server->now_ms;
        answer_with_orders(server, &revoked, out);
        return;
    }
    if (head.parents.bytes > 0 && !satchel_id_equal(&head.incarnation, &server->life)) {
        server->lives++;
        server->life = head.incarnation;
        server->decided = head.parent_sequence;
        memcpy(server->token, head.token_current, sizeof server->token);
    }
    bool known = memcmp(head.token_current, server->token, SATCHEL_TOKEN_BYTES) == 0;
    bool previous = memcmp(head.token_current, server->previous_token, SATCHEL_TOKEN_BYTES) == 0;
    if (server->finds_copies && !known && !previous) {
        const satchel_answer_head forked = {.status = SATCHEL_FORKED, .request_number = server->request_number};
        answer_head(out, &forked);
        return;
    }
    CHECK(known || memcmp(head.token_current, server->previous_token, SATCHEL_TOKEN_BYTES) == 0);
    for (;;) {
        REQUIRE_OK(satchel_request_next_unit(&reader, &unit, &found, NULL));
        if (!found) {
            break;
        }
        answer_unit(server, unit, &results);
    }
    /* A token that was current before comes with a request that is sent again: its answer moves the phone on. */
    bool moved =
        !known || results.bytes > 0 || (head.page_bytes > 0 && rows_of_cursor(head.cursor) < server->row_count);
    if (moved) {
        memcpy(server->previous_token, head.token_current, SATCHEL_TOKEN_BYTES);
        memcpy(server->token, head.token_next, SATCHEL_TOKEN_BYTES);
    }
    satchel_answer_head answer = {
        .status = SATCHEL_OK,
        .server_time_ms = server->now_ms,
        .epoch = 1,
        .token_moved = moved,
        .applied_through = server->decided,
        .request_number = server->request_number,
    };
    answer_with_orders(server, &answer, out);
    REQUIRE_OK(satchel_buffer_append(out, satchel_buffer_view(&results)));
    if (head.page_bytes > 0) {
        answer_page(server, head.cursor, out);
    }
    satchel_buffer_deinit(&results);
}

uint32_t fake_server_answer(fake_server *server, const satchel_http_request *request, satchel_buffer *body) {
    satchel_buffer payload = {0};
    satchel_buffer answer = {0};
    satchel_buffer_clear(body);
    if (server->http_status != 0) {
        return server->http_status;
    }
    REQUIRE_OK(satchel_body_unpack(request->body, &payload, NULL));
    if (strstr(request->url, "/v1/enroll") != NULL) {
        answer_enrolment(server, satchel_buffer_view(&payload), &answer);
    } else {
        CHECK_TEXT(request->url, "http://localhost:8080/v1/sync");
        if (check_signature(server, request)) {
            answer_sync(server, satchel_buffer_view(&payload), &answer);
        } else {
            answer_head(&answer, &(satchel_answer_head){.status = SATCHEL_REPLAYED});
        }
    }
    REQUIRE_OK(satchel_body_pack(satchel_buffer_view(&answer), body));
    satchel_buffer_deinit(&payload);
    satchel_buffer_deinit(&answer);
    return 200;
}
