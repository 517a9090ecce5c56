/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A company in memory with a clock and randomness of its own, and phones that speak the protocol in-process: they sign,
 * send, keep what they are sent in a mirror, and complain about pages that no phone could store.
 */
#ifndef SATCHEL_TESTS_SUPPORT_SERVER_SERVICE_STAGE_H
#define SATCHEL_TESTS_SUPPORT_SERVER_SERVICE_STAGE_H

#include "service/admin.h"
#include "service/exchange.h"
#include "support/database.h"
#include "support/random.h"
#include "support/temp.h"
#include "support/test.h"
#include "wire/answer.h"
#include "wire/orders.h"
#include "wire/request.h"
#include "wire/unit_codec.h"

#include <satchel/model.h>

#define STAGE_START_MS INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */

typedef struct stage {
    char where[TEST_DATABASE_WHERE_BYTES];
    satchel_db *db;
    satchel_service *service;
    int64_t now_ms;
    satchel_random_seeded seeded;
    satchel_random random;
    satchel_arena arena;
    satchel_actor system;
} stage;

/* Makes a company in memory (`path` NULL) or opens one in a file. Ends the test on failure. */
void stage_open(stage *here, const char *path, uint64_t seed);
void stage_close(stage *here);
/* Closes and opens again what lies in a file. */
void stage_reopen(stage *here);
void stage_pass(stage *here, int64_t ms);
int64_t stage_today(const stage *here);

/* All begin and commit a transaction of their own and end the test on failure. */
void stage_begin(stage *here);
void stage_commit(stage *here);
satchel_id stage_user(stage *here, const char *login, uint32_t role, const satchel_id *manager,
                      const satchel_id *territory);
satchel_id stage_territory(stage *here, const char *name, const satchel_id *parent);
satchel_id stage_customer(stage *here, const char *name, const satchel_id *owner, const satchel_id *territory);
void stage_reassign(stage *here, const satchel_id *customer, const satchel_id *owner);
satchel_id stage_assign(stage *here, const satchel_id *user, const satchel_id *customer, int64_t first, int64_t last);
satchel_write_outcome stage_create(stage *here, uint32_t entity, const satchel_record *record);
satchel_write_outcome stage_edit(stage *here, uint32_t entity, const satchel_id *id, const satchel_record *record);
satchel_write_outcome stage_edit_text(stage *here, uint32_t entity, const satchel_id *id, uint32_t field,
                                      const char *text);
satchel_status stage_try_edit(stage *here, const satchel_actor *actor, uint32_t entity, const satchel_id *id,
                              uint64_t base_n, const satchel_record *record, satchel_write_outcome *out);
/* The row as the operator sees it, in the stage's arena. `*out_n` may be NULL. */
satchel_record stage_read(stage *here, uint32_t entity, const satchel_id *id, uint64_t *out_n);
satchel_service_counts stage_counts(stage *here);
int64_t stage_number(stage *here, const char *sql);
/* Rows of an entity as the operator lists them: the first `most` ids. */
uint32_t stage_list(stage *here, uint32_t entity, satchel_id *ids, uint32_t most);
/* A record on the stage's arena. */
satchel_record stage_record(stage *here);

/* --- phones --- */

#define PHONE_RESULTS_MOST 512
#define PHONE_LOSSES_MOST 64

typedef struct mirror_row {
    uint32_t entity;
    satchel_id id;
    uint64_t n;
    uint32_t set;
    bool fresh; /* it came with the last answer */
    satchel_record record;
    satchel_arena arena;
} mirror_row;

typedef struct mirror_set {
    uint32_t number;
    uint32_t *scopes;
    uint32_t count;
} mirror_set;

typedef struct phone_result {
    uint64_t sequence; /* of the op */
    satchel_result_code code;
    satchel_status status;
    uint32_t field;
    uint64_t held_by;
    uint32_t loss_count;
    satchel_result_loss loss; /* the first one; bytes in the phone's arena */
    int64_t stamp_ms;
    satchel_id keeper;
} phone_result;

typedef struct phone {
    stage *here;
    satchel_id user;
    satchel_id device;
    satchel_id incarnation;
    uint8_t public_key[32];
    uint8_t secret_key[64];
    uint8_t token_current[SATCHEL_TOKEN_BYTES];
    uint8_t token_next[SATCHEL_TOKEN_BYTES];
    bool token_drawn;
    satchel_id parents[SATCHEL_LIMIT_PARENTS]; /* a new life that the server was not told of, newest first */
    uint32_t parent_count;
    uint64_t request_number;
    uint64_t highest_number; /* of the last answer */
    uint8_t cursor[SATCHEL_LIMIT_CURSOR_BYTES];
    size_t cursor_bytes;
    satchel_revision position;
    int64_t clock_offset_ms; /* what its clock is wrong by */
    uint64_t next_sequence;
    satchel_buffer *outbox; /* units not settled, in order */
    uint64_t *outbox_first;
    uint32_t *outbox_ops;
    uint32_t outbox_count;
    mirror_row **rows;
    uint32_t row_count;
    mirror_set sets[256];
    uint32_t set_count;
    phone_result results[PHONE_RESULTS_MOST];
    uint32_t result_count;
    uint32_t page_bytes;
    uint32_t page_rows;                       /* 0: as many as fit */
    uint32_t schema;                          /* that it says it knows */
    uint32_t minimum_schema;                  /* of the last answer */
    uint32_t removals;                        /* ids removed in all */
    satchel_bytes says_witness, says_receipt; /* what the next requests hold beside units */
    uint64_t says_serial;
    uint32_t says_epoch;                            /* that it heard of, see satchel_request_head */
    uint8_t got_orders[SATCHEL_ORDERS_BLOCK_BYTES]; /* of the last answer */
    size_t got_orders_bytes;
    uint8_t got_checkpoint[SATCHEL_CHECKPOINT_BLOCK_BYTES];
    size_t got_checkpoint_bytes;
    uint8_t got_witnessed[SATCHEL_CHECKPOINT_HASH_BYTES];
    size_t got_witnessed_bytes;
    size_t sent_bytes, got_bytes; /* bodies of the last exchange */
    uint64_t rows_done, rows_total;
    bool more;
    /* If set: called instead of one apply and commit, with a READ or no transaction open; leaves everything committed.
     */
    void (*apply)(struct phone *mine, satchel_server_exchange *exchange);
    /* The same for the answer; a READ transaction is open. */
    void (*answer)(struct phone *mine, satchel_server_exchange *exchange, satchel_buffer *body, uint32_t *http);
    uint32_t digests;    /* that were told, and compared */
    char complaint[256]; /* empty: every page made sense */
    satchel_arena arena;
    satchel_buffer wire; /* all answers that it got, unpacked, one after another */
} phone;

/* How the network treats a request. */
typedef enum phone_luck {
    PHONE_GOOD_LUCK,
    PHONE_LOSE_REPLY /* the server decides and commits, the phone hears nothing */
} phone_luck;

void phone_enrol(phone *mine, stage *here, const satchel_id *user);
void phone_close(phone *mine);

/* A unit in the making: ops in the phone's arena. */
typedef struct phone_unit {
    satchel_op ops[32];
    uint32_t count;
} phone_unit;
satchel_op *phone_create(phone *mine, phone_unit *unit, uint32_t entity, satchel_id *out_id);
/* The base is that of the mirror. */
satchel_op *phone_edit(phone *mine, phone_unit *unit, uint32_t entity, const satchel_id *id);
void phone_commit(phone *mine, phone_unit *unit);
/* The usual things in units of their own. */
void phone_edit_text(phone *mine, uint32_t entity, const satchel_id *id, uint32_t field, const char *text);
satchel_id phone_add_customer(phone *mine, const char *name);
satchel_id phone_check_in(phone *mine, const satchel_id *customer);

/* The store goes on under a new name, as a copy that was put back does. */
void phone_begin_life(phone *mine);

/* One exchange with the whole outbox; the status of the answer's head. */
satchel_status phone_exchange(phone *mine, phone_luck luck);
/* Exchanges until nothing more comes and the outbox is empty; ends the test if that takes more than `most`. */
void phone_sync(phone *mine);

const mirror_row *phone_find(const phone *mine, uint32_t entity, const satchel_id *id);
/* The text of a field in the mirror, empty if the row is not there. */
satchel_text phone_text(const phone *mine, uint32_t entity, const satchel_id *id, uint32_t field);
/* NULL: the phone was never told of it, or lost it. */
const mirror_set *phone_set(const phone *mine, uint32_t number);
/* The last op's result; code 0 if there is none. */
phone_result phone_last(const phone *mine);
phone_result phone_result_of(const phone *mine, uint64_t sequence);
uint32_t phone_count(const phone *mine, uint32_t entity);

#endif
