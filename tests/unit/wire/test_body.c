/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: packed smaller where that is possible, unpacked within limits only.
 */
#include "base/limits.h"
#include "base/memory.h"
#include "support/random.h"
#include "wire/body.h"

#include <string.h>
#include <zstd.h>

static satchel_status pack_and_unpack(satchel_bytes payload, size_t *out_bytes, uint8_t *out_compression) {
    satchel_buffer body = {0};
    satchel_buffer back = {0};
    satchel_status status = satchel_body_pack(payload, &body);
    if (status == SATCHEL_OK) {
        *out_bytes = body.bytes;
        *out_compression = body.data[1];
        status = satchel_body_unpack(satchel_buffer_view(&body), &back, NULL);
        CHECK(status == SATCHEL_OK && satchel_bytes_equal(satchel_buffer_view(&back), payload));
    }
    satchel_buffer_deinit(&back);
    satchel_buffer_deinit(&body);
    return status;
}

TEST(body, payloads_of_any_kind_and_size_come_back) {
    test_random random = test_random_of(151);
    uint8_t data[3000];
    for (int i = 0; i < 3000; i++) {
        size_t bytes = (size_t)test_random_below(&random, sizeof data);
        size_t packed = 0;
        uint8_t compression = 0;
        uint64_t variety = 1 + test_random_below(&random, 255);
        for (size_t at = 0; at < bytes; at++) {
            data[at] = (uint8_t)test_random_below(&random, variety);
        }
        REQUIRE_OK(pack_and_unpack(satchel_bytes_of(data, bytes), &packed, &compression));
        REQUIRE(packed <= bytes + 2);
    }
}

TEST(body, only_what_gets_smaller_is_compressed) {
    uint8_t same[1000];
    uint8_t noise[1000];
    size_t bytes = 0;
    uint8_t compression = 0;
    test_random random = test_random_of(152);
    memset(same, 'a', sizeof same);
    test_random_bytes(&random, noise, sizeof noise);
    REQUIRE_OK(pack_and_unpack(satchel_bytes_of(same, sizeof same), &bytes, &compression));
    CHECK_UINT(compression, SATCHEL_BODY_ZSTD);
    CHECK(bytes < 40);
    REQUIRE_OK(pack_and_unpack(satchel_bytes_of(noise, sizeof noise), &bytes, &compression));
    CHECK_UINT(compression, SATCHEL_BODY_PLAIN);
    CHECK_UINT(bytes, sizeof noise + 2);
    REQUIRE_OK(pack_and_unpack(satchel_bytes_of(same, 40), &bytes, &compression));
    CHECK_UINT(compression, SATCHEL_BODY_PLAIN);
    REQUIRE_OK(pack_and_unpack((satchel_bytes){NULL, 0}, &bytes, &compression));
    CHECK_UINT(bytes, 2);
}

/* A body of one zstd frame, whatever its ratio. */
static void zstd_body(satchel_bytes payload, satchel_buffer *out) {
    satchel_buffer_clear(out);
    REQUIRE_OK(satchel_buffer_append(out, satchel_bytes_of("\x01\x01", 2)));
    REQUIRE_OK(satchel_buffer_reserve(out, ZSTD_compressBound(payload.bytes)));
    size_t bytes = ZSTD_compress(out->data + 2, out->capacity - 2, payload.data, payload.bytes, 3);
    REQUIRE(!ZSTD_isError(bytes));
    out->bytes = bytes + 2;
}

static satchel_status unpack_zeros(size_t bytes) {
    satchel_buffer body = {0};
    satchel_buffer back = {0};
    uint8_t *zeros = satchel_memory_take(bytes);
    REQUIRE(zeros != NULL);
    zstd_body(satchel_bytes_of(zeros, bytes), &body);
    satchel_status status = satchel_body_unpack(satchel_buffer_view(&body), &back, NULL);
    CHECK(status != SATCHEL_OK || back.bytes == bytes);
    CHECK(status == SATCHEL_OK || back.capacity == 0); /* nothing was taken for it */
    satchel_memory_give(zeros);
    satchel_buffer_deinit(&back);
    satchel_buffer_deinit(&body);
    return status;
}

TEST(body, any_ratio_is_allowed_below_its_limit_only) {
    CHECK_OK(unpack_zeros(SATCHEL_LIMIT_RATIO_FREE_BYTES));
    CHECK_STATUS(unpack_zeros(SATCHEL_LIMIT_RATIO_FREE_BYTES + 1), SATCHEL_LIMIT_EXCEEDED);
    CHECK_STATUS(unpack_zeros(SATCHEL_LIMIT_PLAIN_BYTES + 1), SATCHEL_LIMIT_EXCEEDED);
}

/* Noise and then zeros compress to about the noise: the length of the zeros moves the ratio across its limit. */
TEST(body, a_ratio_is_allowed_up_to_its_limit) {
    static uint8_t plain[2 * SATCHEL_LIMIT_RATIO_FREE_BYTES];
    test_random random = test_random_of(171);
    satchel_buffer body = {0};
    satchel_buffer back = {0};
    size_t seen[2] = {0, 0};
    for (size_t at = 0; at < 1200; at++) {
        plain[at] = (uint8_t)test_random_u64(&random);
    }
    for (size_t bytes = SATCHEL_LIMIT_RATIO_FREE_BYTES + 1; bytes < sizeof plain; bytes += 61) {
        zstd_body(satchel_bytes_of(plain, bytes), &body);
        bool allowed = bytes < (body.bytes - 2 + 1) * SATCHEL_LIMIT_COMPRESSION_RATIO;
        seen[allowed]++;
        CHECK_STATUS(satchel_body_unpack(satchel_buffer_view(&body), &back, NULL),
                     allowed ? SATCHEL_OK : SATCHEL_LIMIT_EXCEEDED);
    }
    CHECK(seen[0] > 0 && seen[1] > 0);
    satchel_buffer_deinit(&back);
    satchel_buffer_deinit(&body);
}

TEST(body, what_would_exceed_the_ratio_is_sent_plain) {
    static uint8_t zeros[SATCHEL_LIMIT_RATIO_FREE_BYTES + 1];
    size_t bytes = 0;
    uint8_t compression = 9;
    REQUIRE_OK(pack_and_unpack(satchel_bytes_of(zeros, sizeof zeros), &bytes, &compression));
    CHECK_UINT(compression, SATCHEL_BODY_PLAIN);
}

TEST(body, a_large_payload_travels_up_to_its_limits) {
    test_random random = test_random_of(153);
    size_t most = SATCHEL_LIMIT_BODY_BYTES - 2;
    size_t bytes = 0;
    uint8_t compression = 0;
    uint8_t *noise = satchel_memory_take(SATCHEL_LIMIT_PLAIN_BYTES + 1);
    REQUIRE(noise != NULL);
    for (size_t at = 0; at <= most; at += 8) {
        uint64_t word = test_random_u64(&random);
        memcpy(noise + at, &word, sizeof word);
    }
    CHECK_OK(pack_and_unpack(satchel_bytes_of(noise, most), &bytes, &compression));
    CHECK_STATUS(pack_and_unpack(satchel_bytes_of(noise, most + 1), &bytes, &compression), SATCHEL_LIMIT_EXCEEDED);
    for (size_t at = most; at <= SATCHEL_LIMIT_PLAIN_BYTES; at++) {
        noise[at] = noise[at % 1024]; /* the rest compresses, so that 16 MiB fit a body */
    }
    memset(noise, 7, most / 2);
    CHECK_OK(pack_and_unpack(satchel_bytes_of(noise, SATCHEL_LIMIT_PLAIN_BYTES), &bytes, &compression));
    CHECK_STATUS(pack_and_unpack(satchel_bytes_of(noise, SATCHEL_LIMIT_PLAIN_BYTES + 1), &bytes, &compression),
                 SATCHEL_LIMIT_EXCEEDED);
    satchel_memory_give(noise);
}

TEST(body, other_heads_are_refused) {
    static const struct {
        const char *bytes;
        size_t count;
        satchel_status status;
    } cases[] = {
        {"", 0, SATCHEL_MALFORMED},
        {"\x01", 1, SATCHEL_MALFORMED},
        {"\x02\x00", 2, SATCHEL_NEWER_FORMAT},
        {"\x00\x00", 2, SATCHEL_NEWER_FORMAT},
        {"\x01\x02", 2, SATCHEL_NEWER_FORMAT},
        {"\x01\x01", 2, SATCHEL_MALFORMED},
        {"\x01\x01zstd", 6, SATCHEL_MALFORMED},
        {"<html>", 6, SATCHEL_NEWER_FORMAT},
    };
    satchel_buffer back = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        CHECK_STATUS(satchel_body_unpack(satchel_bytes_of(cases[i].bytes, cases[i].count), &back, NULL),
                     cases[i].status);
    }
    satchel_buffer_deinit(&back);
}

TEST(body, a_body_past_its_limit_is_not_looked_at) {
    satchel_buffer back = {0};
    uint8_t *data = satchel_memory_take(SATCHEL_LIMIT_BODY_BYTES + 1);
    REQUIRE(data != NULL);
    data[0] = SATCHEL_BODY_FORMAT;
    CHECK_OK(satchel_body_unpack(satchel_bytes_of(data, SATCHEL_LIMIT_BODY_BYTES), &back, NULL));
    CHECK_STATUS(satchel_body_unpack(satchel_bytes_of(data, SATCHEL_LIMIT_BODY_BYTES + 1), &back, NULL),
                 SATCHEL_LIMIT_EXCEEDED);
    satchel_memory_give(data);
    satchel_buffer_deinit(&back);
}

TEST(body, a_second_frame_or_garbage_behind_the_first_is_malformed) {
    uint8_t text[500];
    satchel_buffer body = {0};
    satchel_buffer back = {0};
    memset(text, 'x', sizeof text);
    zstd_body(satchel_bytes_of(text, sizeof text), &body);
    size_t one = body.bytes;
    REQUIRE_OK(satchel_buffer_append(&body, satchel_bytes_of(body.data + 2, one - 2)));
    CHECK_STATUS(satchel_body_unpack(satchel_buffer_view(&body), &back, NULL), SATCHEL_MALFORMED);
    body.bytes = one;
    REQUIRE_OK(satchel_buffer_append_byte(&body, 0));
    CHECK_STATUS(satchel_body_unpack(satchel_buffer_view(&body), &back, NULL), SATCHEL_MALFORMED);
    for (size_t cut = 2; cut < one; cut++) {
        CHECK_STATUS(satchel_body_unpack(satchel_bytes_of(body.data, cut), &back, NULL), SATCHEL_MALFORMED);
    }
    satchel_buffer_deinit(&back);
    satchel_buffer_deinit(&body);
}
