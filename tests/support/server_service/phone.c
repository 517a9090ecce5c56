/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone of the stage: signs and sends, keeps units until they are settled.
 */
#include "support/server_service/mirror.h"

#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "crypto/sign.h"
#include "wire/body.h"
#include "wire/enroll.h"

#include <string.h>

static void phone_random(phone *mine, void *out, size_t bytes) {
    REQUIRE_OK(satchel_random_fill(mine->here->random, out, bytes));
}

static satchel_id phone_make_id(phone *mine) {
    uint8_t random[SATCHEL_ID_RANDOM_BYTES];
    phone_random(mine, random, sizeof random);
    return satchel_id_make(mine->here->now_ms, random);
}

static satchel_moment phone_moment(const phone *mine) {
    return (satchel_moment){.boot = 1,
                            .monotonic_ms = mine->here->now_ms - STAGE_START_MS + 1000,
                            .wall_ms = mine->here->now_ms + mine->clock_offset_ms};
}

/* --- enrolment --- */

static void phone_redeem(phone *mine, const satchel_issued_code *code) {
    stage *here = mine->here;
    satchel_enroll_request request = {.incarnation = mine->incarnation,
                                      .device_name = satchel_text_of("test phone"),
                                      .platform = satchel_text_of("test"),
                                      .protocol = SATCHEL_PROTOCOL_VERSION,
                                      .schema = 1};
    satchel_enroll_answer answer;
    satchel_buffer payload = {0};
    satchel_buffer body = {0};
    satchel_buffer reply = {0};
    uint32_t http = 0;
    satchel_code_key(code->code, request.code_key);
    memcpy(request.device_key, mine->public_key, sizeof request.device_key);
    memcpy(request.token, mine->token_current, sizeof request.token);
    satchel_enroll_request_mac(code->code, code->server_key, &request, request.mac);
    REQUIRE_OK(satchel_enroll_request_write(&request, &payload));
    REQUIRE_OK(satchel_body_pack(satchel_buffer_view(&payload), &body));
    stage_begin(here);
    REQUIRE_OK(satchel_service_enroll(here->service, here->db, satchel_buffer_view(&body), &reply, &http, NULL));
    stage_commit(here);
    satchel_buffer_clear(&payload);
    REQUIRE_OK(satchel_body_unpack(satchel_buffer_view(&reply), &payload, NULL));
    REQUIRE_OK(satchel_enroll_answer_read(satchel_buffer_view(&payload), &answer, NULL));
    REQUIRE_STATUS(answer.status, SATCHEL_OK);
    mine->device = answer.device;
    mine->user = answer.user;
    satchel_buffer_deinit(&payload);
    satchel_buffer_deinit(&body);
    satchel_buffer_deinit(&reply);
}

void phone_enrol(phone *mine, stage *here, const satchel_id *user) {
    uint8_t seed[32];
    satchel_issued_code code;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    memset(mine, 0, sizeof *mine);
    mine->here = here;
    mine->next_sequence = 1;
    mine->page_bytes = 1 << 20;
    mine->schema = 1;
    satchel_arena_init(&mine->arena);
    phone_random(mine, seed, sizeof seed);
    satchel_sign_keys(seed, mine->public_key, mine->secret_key);
    phone_random(mine, mine->token_current, sizeof mine->token_current);
    mine->incarnation = phone_make_id(mine);
    stage_begin(here);
    REQUIRE_OK(satchel_code_issue(here->service, here->db, &here->system, user, &code, &error));
    stage_commit(here);
    phone_redeem(mine, &code);
}

void phone_close(phone *mine) {
    for (uint32_t i = 0; i < mine->outbox_count; i++) {
        satchel_buffer_deinit(&mine->outbox[i]);
    }
    satchel_memory_give(mine->outbox);
    satchel_memory_give(mine->outbox_first);
    satchel_memory_give(mine->outbox_ops);
    mirror_clear(mine);
    satchel_buffer_deinit(&mine->wire);
    satchel_arena_deinit(&mine->arena);
}

/* --- units --- */

static satchel_op *phone_add_op(phone *mine, phone_unit *unit, satchel_op_kind kind, uint32_t entity,
                                const satchel_id *id) {
    REQUIRE(unit->count < sizeof unit->ops / sizeof *unit->ops);
    satchel_op *op = &unit->ops[unit->count++];
    satchel_op_init(op, kind, entity, id, &mine->arena);
    return op;
}

satchel_op *phone_create(phone *mine, phone_unit *unit, uint32_t entity, satchel_id *out_id) {
    *out_id = phone_make_id(mine);
    return phone_add_op(mine, unit, SATCHEL_OP_CREATE, entity, out_id);
}

satchel_op *phone_edit(phone *mine, phone_unit *unit, uint32_t entity, const satchel_id *id) {
    satchel_op *op = phone_add_op(mine, unit, SATCHEL_OP_EDIT, entity, id);
    const mirror_row *row = phone_find(mine, entity, id);
    op->base_n = row != NULL ? row->n : 0;
    return op;
}

void phone_commit(phone *mine, phone_unit *unit) {
    satchel_buffer ops[32] = {{0}};
    satchel_bytes views[32];
    satchel_unit_ops head = {.first_sequence = mine->next_sequence,
                             .moment = phone_moment(mine),
                             .seen = mine->position,
                             .incarnation = mine->incarnation,
                             .count = unit->count};
    uint32_t at = mine->outbox_count++;
    mine->outbox = satchel_memory_resize(mine->outbox, mine->outbox_count * sizeof *mine->outbox);
    mine->outbox_first = satchel_memory_resize(mine->outbox_first, mine->outbox_count * sizeof *mine->outbox_first);
    mine->outbox_ops = satchel_memory_resize(mine->outbox_ops, mine->outbox_count * sizeof *mine->outbox_ops);
    REQUIRE(mine->outbox != NULL && mine->outbox_first != NULL && mine->outbox_ops != NULL);
    for (uint32_t i = 0; i < unit->count; i++) {
        REQUIRE_OK(satchel_op_encode(satchel_service_schema(mine->here->service), &unit->ops[i], &ops[i]));
        views[i] = satchel_buffer_view(&ops[i]);
    }
    mine->outbox[at] = (satchel_buffer){0};
    mine->outbox_first[at] = head.first_sequence;
    mine->outbox_ops[at] = unit->count;
    REQUIRE_OK(satchel_unit_encode(&head, views, unit->count, &mine->outbox[at]));
    for (uint32_t i = 0; i < unit->count; i++) {
        satchel_buffer_deinit(&ops[i]);
    }
    mine->next_sequence += unit->count;
    unit->count = 0;
}

void phone_edit_text(phone *mine, uint32_t entity, const satchel_id *id, uint32_t field, const char *text) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(mine, &unit, entity, id);
    REQUIRE_OK(satchel_record_set_text(&op->set, field, satchel_text_of(text)));
    phone_commit(mine, &unit);
}

satchel_id phone_add_customer(phone *mine, const char *name) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_CUSTOMER, &id);
    REQUIRE_OK(satchel_record_set_text(&op->set, SATCHEL_CUSTOMER_NAME, satchel_text_of(name)));
    phone_commit(mine, &unit);
    return id;
}

satchel_id phone_check_in(phone *mine, const satchel_id *customer) {
    phone_unit unit = {.count = 0};
    satchel_id id;
    satchel_op *op = phone_create(mine, &unit, SATCHEL_ENTITY_VISIT, &id);
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_VISIT_CUSTOMER, customer));
    REQUIRE_OK(satchel_record_set_id(&op->set, SATCHEL_VISIT_OWNER, &mine->user));
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_IN_PROGRESS));
    REQUIRE_OK(satchel_record_set_time(&op->set, SATCHEL_VISIT_CHECK_IN_AT, mine->here->now_ms));
    phone_commit(mine, &unit);
    return id;
}

/* --- exchanges --- */

/* Every op up to here has its decision. */
static uint64_t phone_settled(const phone *mine) {
    return (mine->outbox_count > 0 ? mine->outbox_first[0] : mine->next_sequence) - 1;
}

static void phone_write_request(phone *mine, satchel_buffer *body) {
    satchel_buffer payload = {0};
    satchel_request_head head = {.protocol = SATCHEL_PROTOCOL_VERSION,
                                 .schema = mine->schema,
                                 .incarnation = mine->incarnation,
                                 .now = phone_moment(mine),
                                 .cursor = satchel_bytes_of(mine->cursor, mine->cursor_bytes),
                                 .page_bytes = mine->page_bytes,
                                 .page_rows = mine->page_rows,
                                 .parents = satchel_bytes_of(mine->parents, mine->parent_count * SATCHEL_ID_BYTES),
                                 .parent_sequence = mine->parent_count > 0 ? phone_settled(mine) : 0,
                                 .witness = mine->says_witness,
                                 .receipt = mine->says_receipt,
                                 .orders_serial = mine->says_serial,
                                 .heard_epoch = mine->says_epoch};
    if (!mine->token_drawn) {
        phone_random(mine, mine->token_next, sizeof mine->token_next);
        mine->token_drawn = true;
    }
    memcpy(head.token_current, mine->token_current, sizeof head.token_current);
    memcpy(head.token_next, mine->token_next, sizeof head.token_next);
    REQUIRE_OK(satchel_request_write_head(&head, &payload));
    for (uint32_t i = 0; i < mine->outbox_count; i++) {
        REQUIRE_OK(satchel_request_write_unit(satchel_buffer_view(&mine->outbox[i]), &payload));
    }
    REQUIRE_OK(satchel_body_pack(satchel_buffer_view(&payload), body));
    satchel_buffer_deinit(&payload);
}

void phone_begin_life(phone *mine) {
    REQUIRE(mine->parent_count < SATCHEL_LIMIT_PARENTS);
    memmove(mine->parents + 1, mine->parents, mine->parent_count * sizeof *mine->parents);
    mine->parents[0] = mine->incarnation;
    mine->parent_count++;
    mine->incarnation = phone_make_id(mine);
    phone_random(mine, mine->token_current, sizeof mine->token_current);
    mine->token_drawn = false;
}

static void phone_apply(phone *mine, satchel_server_exchange *exchange) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    if (mine->apply != NULL) {
        mine->apply(mine, exchange);
        return;
    }
    stage_begin(mine->here);
    satchel_status status = satchel_server_exchange_apply(exchange, mine->here->db, &error);
    if (status != SATCHEL_OK) {
        test_note("%s", error.detail);
    }
    REQUIRE_OK(status);
    stage_commit(mine->here);
}

static void phone_answer(phone *mine, satchel_server_exchange *exchange, satchel_buffer *reply, uint32_t *http) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    REQUIRE_OK(satchel_db_begin(mine->here->db, SATCHEL_DB_READ, &error));
    if (mine->answer != NULL) {
        mine->answer(mine, exchange, reply, http);
    } else {
        satchel_status status = satchel_server_exchange_answer(exchange, mine->here->db, reply, http, &error);
        if (status != SATCHEL_OK) {
            test_note("%s", error.detail);
        }
        REQUIRE_OK(status);
    }
    satchel_db_rollback(mine->here->db);
}

static void phone_run(phone *mine, const satchel_signed_headers *headers, satchel_bytes body, satchel_buffer *reply,
                      uint32_t *http) {
    stage *here = mine->here;
    satchel_server_exchange *exchange = NULL;
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, &error));
    REQUIRE_OK(
        satchel_server_exchange_read(&exchange, here->service, here->db, "POST", "/v1/sync", headers, body, &error));
    satchel_db_rollback(here->db);
    int rounds = 0;
    do {
        if (satchel_server_exchange_needs_apply(exchange)) {
            phone_apply(mine, exchange);
        }
        phone_answer(mine, exchange, reply, http);
    } while (satchel_server_exchange_needs_apply(exchange) && rounds++ < 4);
    CHECK(!satchel_server_exchange_needs_apply(exchange));
    satchel_server_exchange_close(exchange);
}

satchel_status phone_exchange(phone *mine, phone_luck luck) {
    satchel_signed_headers headers;
    satchel_buffer body = {0};
    satchel_buffer reply = {0};
    satchel_buffer payload = {0};
    uint32_t http = 0;
    satchel_status head_status = SATCHEL_NETWORK_ERROR;
    phone_write_request(mine, &body);
    mine->request_number++;
    REQUIRE_OK(satchel_request_sign("POST", "/v1/sync", satchel_buffer_view(&body), &mine->device, mine->request_number,
                                    mine->secret_key, &headers));
    phone_run(mine, &headers, satchel_buffer_view(&body), &reply, &http);
    mine->sent_bytes = body.bytes;
    mine->got_bytes = reply.bytes;
    if (luck == PHONE_GOOD_LUCK) {
        REQUIRE_OK(satchel_body_unpack(satchel_buffer_view(&reply), &payload, NULL));
        head_status = mirror_take_answer(mine, satchel_buffer_view(&payload));
        mine->parent_count = head_status == SATCHEL_OK ? 0 : mine->parent_count;
    }
    satchel_buffer_deinit(&body);
    satchel_buffer_deinit(&reply);
    satchel_buffer_deinit(&payload);
    return head_status;
}

void phone_sync(phone *mine) {
    int rounds = 0;
    do {
        REQUIRE_STATUS(phone_exchange(mine, PHONE_GOOD_LUCK), SATCHEL_OK);
        REQUIRE(rounds++ < 100000);
    } while (mine->more || mine->outbox_count > 0);
    CHECK_TEXT(mine->complaint, "");
}
