/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the device's tests share: a phone with a clock and a keystore of its own, and a server that follows a script.
 */
#ifndef SATCHEL_TESTS_UNIT_DEVICE_FIXTURE_H
#define SATCHEL_TESTS_UNIT_DEVICE_FIXTURE_H

#include <satchel/device.h>
#include <satchel/explain.h>
#include <satchel/fields.h>
#include <satchel/observe.h>
#include <satchel/query.h>
#include <satchel/read.h>
#include <satchel/record.h>
#include <satchel/sales.h>
#include <satchel/sync.h>
#include <satchel/version.h>
#include <satchel/write.h>

#include <satchel/model.h>

#include "support/random.h"
#include "support/temp.h"
#include "support/test.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "base/text.h"
#include "schema/record.h"
#include "wire/orders.h"
#include "wire/request.h"

#define FAKE_ROWS_MOST 512
#define FAKE_UNITS_MOST 8192
#define FAKE_START_MS INT64_C(1700000000000)

/* --- the server --- */

typedef struct fake_row {
    uint32_t entity;
    satchel_id id;
    satchel_record record;
    bool removed;
} fake_row;

/* Decides every op at once, gives each row once, keeps the rules of tokens and request numbers. */
typedef struct fake_server {
    uint8_t public_key[SATCHEL_PUBLIC_KEY_BYTES];
    uint8_t code[SATCHEL_CODE_BYTES];
    satchel_id device, user;
    uint8_t device_key[SATCHEL_PUBLIC_KEY_BYTES];
    uint8_t token[SATCHEL_TOKEN_BYTES];
    uint8_t previous_token[SATCHEL_TOKEN_BYTES];
    uint64_t request_number;
    uint64_t decided;                  /* ops */
    uint32_t units_applied;            /* different ones */
    uint64_t digests[FAKE_UNITS_MOST]; /* their first bytes */
    uint32_t digest_count;
    satchel_id life; /* the last that was begun by a phone */
    uint32_t lives;
    bool finds_copies; /* a wrong token is answered with FORKED; else the test fails */
    uint32_t enrolments;
    int64_t now_ms;
    satchel_arena arena;
    fake_row rows[FAKE_ROWS_MOST];
    uint32_t row_count;
    uint32_t rows_a_page;  /* 0: all that is left */
    satchel_status refuse; /* enrolment: answer with this */
    bool spoil_mac;
    uint32_t policy; /* what the company asks of stores */
    uint8_t recovery_key[SATCHEL_PUBLIC_KEY_BYTES];
    bool refuse_ops;      /* each op of the next units is refused with FORBIDDEN */
    uint32_t http_status; /* not 0: answer with it and no body of ours */
    uint8_t secret[SATCHEL_SIGN_SECRET_BYTES];
    satchel_orders orders;         /* serial 0: none; sent until the phone says that it carried them out */
    bool spoil_orders;             /* their signature is not right */
    bool revoked;                  /* answer REVOKED, with the orders and nothing else */
    satchel_checkpoint checkpoint; /* position 0: none; sent until the phone shows it */
    const uint8_t *witnessed;      /* what the server says of the phone's own checkpoint; NULL: nothing */
    uint64_t heard;                /* the phone carried these orders out */
    satchel_checkpoint shown;      /* the last that the phone showed */
    uint32_t shows;
    satchel_order_receipt receipt;
    uint32_t receipts;
} fake_server;

void fake_server_init(fake_server *server);
void fake_server_deinit(fake_server *server);

/* The next page brings it. Gives the record, to be filled. */
satchel_record *fake_server_add(fake_server *server, uint32_t entity, const satchel_id *id);
/* The user's own row, a product and a customer named `name`. */
void fake_server_stock(fake_server *server, const char *customer_name);
void fake_server_remove(fake_server *server, uint32_t entity, const satchel_id *id);

/* The enrolment link; `host` such as "http://localhost:8080". */
void fake_server_link(const fake_server *server, const char *host, satchel_buffer *out);

/* Carries out a request as the server does and gives HTTP status and body. */
uint32_t fake_server_answer(fake_server *server, const satchel_http_request *request, satchel_buffer *body);

/* Ids of what fake_server_stock makes. */
extern const satchel_id fake_customer, fake_product;

/* --- the phone --- */

typedef struct phone {
    test_temp temp;
    char folder[TEST_PATH_BYTES];
    satchel_device_config config;
    satchel_status keystore_status;
    uint8_t keystore_byte;
    uint8_t anchor[SATCHEL_ANCHOR_BYTES]; /* the keystore's record; offered if `config.keys.anchor_read` is set */
    size_t anchor_bytes;
    uint32_t anchor_writes;
    satchel_status anchor_status;
    bool forgotten;
    int64_t wall_ms, monotonic_ms;
    uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES];
    test_random random;
    bool random_fails;
    satchel_device *device;
    satchel_error error;
    fake_server server;
} phone;

/* A folder, a keystore, a clock; no store yet. */
void phone_init(phone *p, uint64_t seed);
/* Closes, checks that no file was refused, removes the folder. */
void phone_deinit(phone *p);
void phone_create(phone *p);
void phone_open(phone *p);
void phone_close(phone *p);
/* The keystore holds an anchor too, from now on. */
void phone_anchor(phone *p);
/* Copies the store's folder to and from a place of its own. */
void phone_back_up(phone *p, const char *name);
void phone_put_back(phone *p, const char *name);
/* A file of the store's folder, which must be there; gives how many bytes were read, at most `room`. */
size_t phone_file_read(const phone *p, const char *name, void *out, size_t room);
void phone_file_write(const phone *p, const char *name, const void *bytes, size_t count);
/* Create, enrol, and one sync that brings the stock with customer "Huaning Market". */
void phone_ready(phone *p, uint64_t seed);

void phone_enroll(phone *p);
/* A whole exchange; gives how it ended. */
satchel_status phone_sync(phone *p);
/* The same, but stops before step number `stop` (from 0); false if the exchange was over before. */
bool phone_sync_until(phone *p, unsigned stop);

/* Edits one text field of the stock's customer in its own unit; ends the test on failure. */
void phone_rename(phone *p, const char *short_name);
/* A text field of a row, in `out`; false if the row or the field is not there. */
bool phone_text(phone *p, uint32_t entity, const satchel_id *id, uint32_t field, char *out, size_t room);
int64_t phone_int(phone *p, uint32_t entity, const satchel_id *id, uint32_t field);
satchel_device_info phone_info(phone *p);

#endif
