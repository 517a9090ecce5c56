/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random but legal records, ops, units, requests and answers, and ways to spoil their bytes.
 */
#ifndef SATCHEL_TESTS_SUPPORT_WIRE_SAMPLES_H
#define SATCHEL_TESTS_SUPPORT_WIRE_SAMPLES_H

#include "support/random.h"
#include "wire/answer.h"
#include "wire/record_codec.h"
#include "wire/request.h"
#include "wire/unit_codec.h"

/* Custom fields of the customer in the sample schema: one of each type. */
#define SAMPLE_CUSTOM_BOOL 1000u
#define SAMPLE_CUSTOM_INT 1001u
#define SAMPLE_CUSTOM_REAL 1002u
#define SAMPLE_CUSTOM_TEXT 1003u
#define SAMPLE_CUSTOM_BYTES 1004u
#define SAMPLE_CUSTOM_ID 1005u
#define SAMPLE_CUSTOM_SET 1006u
#define SAMPLE_CUSTOM_TIME 1007u
#define SAMPLE_CUSTOM_IDS 1008u

/* The generated model with these custom fields; and without any. Ends the test if it cannot be made. */
satchel_schema sample_schema(void);
satchel_schema sample_plain_schema(void);

/* A record of about `percent` of the entity's fields, on `arena`; with a tail now and then. Never a NULL or empty set.
 */
satchel_record sample_record(test_random *random, const satchel_schema *schema, uint32_t entity, unsigned percent,
                             satchel_arena *arena);

/* An entity of the schema. */
uint32_t sample_entity(test_random *random, const satchel_schema *schema);

satchel_op sample_op(test_random *random, const satchel_schema *schema, satchel_arena *arena);
bool sample_ops_equal(const satchel_op *a, const satchel_op *b);

satchel_moment sample_moment(test_random *random);

/* A frame of that kind; what it points to lives in `arena`. */
satchel_answer_frame sample_frame(test_random *random, satchel_frame_kind kind, satchel_arena *arena);

/* A whole payload: head, then some frames of each kind in order. Ends the test on failure. */
void sample_answer(test_random *random, satchel_arena *arena, satchel_buffer *out);
void sample_request(test_random *random, const satchel_schema *schema, satchel_arena *arena, satchel_buffer *out);

/* Numbers small and large, so that varints of every length come up. */
uint64_t sample_number(test_random *random);

/* Changes, drops, doubles or inserts a few bytes. */
void sample_spoil(test_random *random, satchel_buffer *bytes);

#endif
