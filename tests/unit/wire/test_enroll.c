/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment: codes that people type, links that cameras read, messages and their proofs.
 */
#include "base/arena.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "support/random.h"
#include "wire/enroll.h"

#include <string.h>

TEST(enroll, any_code_comes_back_from_its_text) {
    test_random random = test_random_of(161);
    unsigned long same = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t code[SATCHEL_CODE_BYTES];
        uint8_t read[SATCHEL_CODE_BYTES];
        char text[SATCHEL_CODE_TEXT_BYTES];
        test_random_bytes(&random, code, sizeof code);
        satchel_code_write(code, text);
        REQUIRE(strlen(text) == SATCHEL_CODE_TEXT_BYTES - 1);
        REQUIRE_OK(satchel_code_read(satchel_text_of(text), read));
        same += memcmp(code, read, sizeof code) == 0;
    }
    CHECK_UINT(same, 20000);
}

TEST(enroll, a_code_is_read_as_people_write_it) {
    static const char *const ways[] = {"0123-4567-89AB-CDE1", "0123456789abcde1", "oi23-4567 89AB-cdel",
                                       "O123456789ABCDEI", " 0123-4567-89ab-cdeL "};
    static const char *const wrong[] = {"",
                                        "0123-4567-89AB-CDE",
                                        "0123-4567-89AB-CDE12",
                                        "U123-4567-89AB-CDEF",
                                        "0123_4567_89AB_CDEF",
                                        "0123-4567-89AB-CD\xc3\xa9"};
    uint8_t first[SATCHEL_CODE_BYTES];
    uint8_t read[SATCHEL_CODE_BYTES];
    REQUIRE_OK(satchel_code_read(satchel_text_of(ways[0]), first));
    for (size_t i = 1; i < sizeof ways / sizeof ways[0]; i++) {
        test_note("%s", ways[i]);
        CHECK_OK(satchel_code_read(satchel_text_of(ways[i]), read));
        CHECK(memcmp(first, read, sizeof read) == 0);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        test_note("%s", wrong[i]);
        CHECK_STATUS(satchel_code_read(satchel_text_of(wrong[i]), read), SATCHEL_MALFORMED);
    }
}

TEST(enroll, the_name_of_a_code_depends_on_every_bit) {
    uint8_t code[SATCHEL_CODE_BYTES] = {0};
    uint8_t name[SATCHEL_CODE_KEY_BYTES];
    uint8_t other[SATCHEL_CODE_KEY_BYTES];
    satchel_code_key(code, name);
    for (unsigned bit = 0; bit < 8 * SATCHEL_CODE_BYTES; bit++) {
        code[bit / 8] = (uint8_t)(1u << bit % 8);
        satchel_code_key(code, other);
        CHECK(memcmp(name, other, sizeof name) != 0);
        code[bit / 8] = 0;
    }
}

static satchel_enroll_request sample_request(void) {
    satchel_enroll_request request = {.incarnation = {{1, 2}}, .protocol = 1, .schema = 1};
    memset(request.code_key, 3, sizeof request.code_key);
    memset(request.device_key, 4, sizeof request.device_key);
    memset(request.mac, 5, sizeof request.mac);
    memset(request.token, 6, sizeof request.token);
    request.device_name = satchel_text_of("小王的手机");
    request.platform = satchel_text_of("android");
    return request;
}

static satchel_enroll_answer sample_answer(void) {
    satchel_enroll_answer answer = {.device = {{1}}, .user = {{2}}, .epoch = 3, .server_time_ms = 1770000000000};
    memset(answer.server_key, 4, sizeof answer.server_key);
    memset(answer.mac, 5, sizeof answer.mac);
    memset(answer.recovery_key, 8, sizeof answer.recovery_key);
    answer.policy = 5;
    answer.company = satchel_text_of("华宁茶业");
    answer.login = satchel_text_of("wang");
    return answer;
}

TEST(enroll, messages_come_back_from_their_bytes) {
    satchel_buffer bytes = {0};
    satchel_enroll_request request = sample_request();
    satchel_enroll_request asked;
    satchel_enroll_answer answer = sample_answer();
    satchel_enroll_answer said;
    REQUIRE_OK(satchel_enroll_request_write(&request, &bytes));
    REQUIRE_OK(satchel_enroll_request_read(satchel_buffer_view(&bytes), &asked, NULL));
    CHECK(memcmp(request.code_key, asked.code_key, sizeof asked.code_key) == 0);
    CHECK(memcmp(request.device_key, asked.device_key, sizeof asked.device_key) == 0);
    CHECK(memcmp(request.mac, asked.mac, sizeof asked.mac) == 0);
    CHECK(memcmp(request.token, asked.token, sizeof asked.token) == 0);
    CHECK_ID(&asked.incarnation, &request.incarnation);
    CHECK_TEXT(asked.device_name, request.device_name);
    CHECK_TEXT(asked.platform, "android");
    CHECK(asked.protocol == 1 && asked.schema == 1);
    satchel_buffer_clear(&bytes);
    REQUIRE_OK(satchel_enroll_answer_write(&answer, &bytes));
    REQUIRE_OK(satchel_enroll_answer_read(satchel_buffer_view(&bytes), &said, NULL));
    CHECK(said.status == SATCHEL_OK && said.epoch == 3 && said.server_time_ms == 1770000000000);
    CHECK(memcmp(answer.server_key, said.server_key, sizeof said.server_key) == 0);
    CHECK(memcmp(answer.mac, said.mac, sizeof said.mac) == 0);
    CHECK_ID(&said.device, &answer.device);
    CHECK_ID(&said.user, &answer.user);
    CHECK_TEXT(said.company, "华宁茶业");
    CHECK_TEXT(said.login, "wang");
    CHECK(memcmp(answer.recovery_key, said.recovery_key, sizeof said.recovery_key) == 0);
    CHECK_UINT(said.policy, 5);
    satchel_buffer_deinit(&bytes);
}

TEST(enroll, the_device_name_stops_at_its_limit) {
    char name[SATCHEL_DEVICE_NAME_BYTES + 1];
    satchel_buffer bytes = {0};
    satchel_enroll_request request = sample_request();
    memset(name, 'n', sizeof name);
    request.device_name = (satchel_text){name, SATCHEL_DEVICE_NAME_BYTES};
    CHECK_OK(satchel_enroll_request_write(&request, &bytes));
    CHECK_OK(satchel_enroll_request_read(satchel_buffer_view(&bytes), &request, NULL));
    request.device_name = (satchel_text){name, sizeof name};
    CHECK_STATUS(satchel_enroll_request_write(&request, &bytes), SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_deinit(&bytes);
}

TEST(enroll, a_message_cut_at_any_byte_does_no_harm) {
    satchel_buffer bytes = {0};
    satchel_enroll_request request = sample_request();
    satchel_enroll_request read;
    unsigned refused = 0;
    REQUIRE_OK(satchel_enroll_request_write(&request, &bytes));
    for (size_t cut = 0; cut < bytes.bytes; cut++) {
        satchel_status status = satchel_enroll_request_read(satchel_bytes_of(bytes.data, cut), &read, NULL);
        CHECK(status == SATCHEL_OK || status == SATCHEL_MALFORMED);
        refused += status != SATCHEL_OK;
    }
    CHECK(refused > bytes.bytes / 2); /* a cut between two members leaves a shorter message */
    satchel_buffer_deinit(&bytes);
}

TEST(enroll, the_requests_proof_covers_every_part) {
    uint8_t code[SATCHEL_CODE_BYTES] = {9};
    uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES] = {8};
    uint8_t macs[10][SATCHEL_MAC_BYTES];
    satchel_enroll_request request = sample_request();
    REQUIRE_OK(satchel_crypto_init());
    for (int i = 0; i < 10; i++) {
        uint8_t *const bits[] = {&code[9],
                                 &server_key[31],
                                 &request.code_key[0],
                                 &request.device_key[31],
                                 &request.incarnation.bytes[15],
                                 &request.token[7]};
        if (i < 6) {
            *bits[i] ^= 1;
        }
        request.device_name = satchel_text_of(i == 6 ? "other" : "name");
        request.platform = satchel_text_of(i == 7 ? "ios" : "android");
        request.protocol = i == 8 ? 2 : 1;
        satchel_enroll_request_mac(code, server_key, &request, macs[i]);
        if (i < 6) {
            *bits[i] ^= 1;
        }
    }
    for (int i = 0; i < 10; i++) { /* the last is the one that nothing was changed for */
        for (int k = 0; k < i; k++) {
            CHECK(memcmp(macs[i], macs[k], SATCHEL_MAC_BYTES) != 0);
        }
    }
}

TEST(enroll, the_answers_proof_covers_every_part) {
    uint8_t code[SATCHEL_CODE_BYTES] = {9};
    uint8_t macs[13][SATCHEL_MAC_BYTES];
    satchel_enroll_request request = sample_request();
    REQUIRE_OK(satchel_crypto_init());
    for (int i = 0; i < 13; i++) {
        satchel_enroll_answer answer = sample_answer();
        uint8_t *const bits[] = {&code[0],
                                 &request.mac[0],
                                 &request.device_key[0],
                                 &answer.device.bytes[0],
                                 &answer.user.bytes[0],
                                 &answer.server_key[0]};
        if (i < 6) {
            *bits[i] ^= 1;
        }
        answer.company = i == 6 ? satchel_text_of("x") : answer.company;
        answer.login = i == 7 ? satchel_text_of("x") : answer.login;
        answer.epoch += i == 8;
        answer.server_time_ms += i == 9;
        answer.policy += i == 10;
        answer.recovery_key[0] = i == 11 ? 9 : answer.recovery_key[0];
        satchel_enroll_answer_mac(code, &request, &answer, macs[i]);
        if (i < 3) {
            *bits[i] ^= 1;
        }
    }
    for (int i = 0; i < 13; i++) {
        for (int k = 0; k < i; k++) {
            CHECK(memcmp(macs[i], macs[k], SATCHEL_MAC_BYTES) != 0);
        }
    }
}

TEST(enroll, proofs_are_those_of_the_document) {
    uint8_t code[SATCHEL_CODE_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    uint8_t server_key[SATCHEL_PUBLIC_KEY_BYTES];
    uint8_t name[SATCHEL_CODE_KEY_BYTES];
    uint8_t mac[SATCHEL_MAC_BYTES];
    char hex[2 * SATCHEL_MAC_BYTES + 1];
    satchel_enroll_request request = sample_request();
    satchel_enroll_answer answer = sample_answer();
    REQUIRE_OK(satchel_crypto_init());
    memset(server_key, 7, sizeof server_key);
    /* Computed from core/doc/protocol.md by Python's hashlib. */
    satchel_code_key(code, name);
    satchel_hex_write(satchel_bytes_of(name, sizeof name), hex);
    CHECK_TEXT(hex, "e76e296d20ef736b01ee1ba3cd9ce9b9");
    satchel_enroll_request_mac(code, server_key, &request, mac);
    satchel_hex_write(satchel_bytes_of(mac, sizeof mac), hex);
    CHECK_TEXT(hex, "4293836e6c9b6f21cc731ed8037f8ef44ffa638cb153a89086588c6b4f821783");
    satchel_enroll_answer_mac(code, &request, &answer, mac);
    satchel_hex_write(satchel_bytes_of(mac, sizeof mac), hex);
    CHECK_TEXT(hex, "d5f3e10f2c2b7d7c0c1b7b441ac174abcc528e92d344b4f0f8f9a8c74db1dcdb");
}

static satchel_status read_link(const char *text, satchel_arena *arena, satchel_enroll_link *out) {
    return satchel_enroll_link_read(satchel_text_of(text), arena, out, NULL);
}

TEST(enroll, a_link_comes_back_from_its_text) {
    satchel_arena arena = {0};
    satchel_buffer text = {0};
    satchel_enroll_link link = {.server = satchel_text_of("https://satchel.example:8443/base?x=1&y=%20")};
    satchel_enroll_link read;
    for (size_t i = 0; i < sizeof link.server_key; i++) {
        link.server_key[i] = (uint8_t)(250 + i);
    }
    memset(link.code, 0xa5, sizeof link.code);
    REQUIRE_OK(satchel_enroll_link_write(&link, &text));
    REQUIRE_OK(satchel_buffer_append_byte(&text, '\n')); /* as a scanner may add */
    REQUIRE_OK(satchel_enroll_link_read(satchel_text_from(satchel_buffer_view(&text)), &arena, &read, NULL));
    CHECK_TEXT(read.server, link.server);
    CHECK(memcmp(read.code, link.code, sizeof link.code) == 0);
    CHECK(memcmp(read.server_key, link.server_key, sizeof link.server_key) == 0);
    satchel_buffer_deinit(&text);
    satchel_arena_deinit(&arena);
}

#define KEY_TEXT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

TEST(enroll, parts_of_a_link_stand_in_any_order) {
    satchel_arena arena = {0};
    satchel_enroll_link read;
    REQUIRE_OK(read_link("satchel:enroll?key=" KEY_TEXT "&v=2&code=0123456789ABCDE1&server=http%3a%2F%2flocalhost",
                         &arena, &read));
    CHECK_TEXT(read.server, "http://localhost");
    CHECK_UINT(read.server_key[31], 31);
    satchel_arena_deinit(&arena);
}

/* A link whose server's address has `bytes` characters that need no escape. */
static satchel_status long_link(size_t bytes, satchel_arena *arena, satchel_buffer *text) {
    char *server = satchel_arena_take(arena, bytes + 1);
    REQUIRE(server != NULL);
    memset(server, 'a', bytes);
    satchel_enroll_link link = {.server = {server, bytes}};
    satchel_buffer_clear(text);
    return satchel_enroll_link_write(&link, text);
}

TEST(enroll, regress_no_link_is_written_that_is_too_long_to_be_read) {
    satchel_arena arena = {0};
    satchel_buffer text = {0};
    satchel_enroll_link read;
    REQUIRE_OK(long_link(1, &arena, &text));
    size_t most = SATCHEL_LINK_BYTES_MOST - text.bytes + 1;
    REQUIRE_OK(long_link(most, &arena, &text));
    CHECK_UINT(text.bytes, SATCHEL_LINK_BYTES_MOST);
    CHECK_OK(satchel_enroll_link_read(satchel_text_from(satchel_buffer_view(&text)), &arena, &read, NULL));
    CHECK_STATUS(long_link(most + 1, &arena, &text), SATCHEL_LIMIT_EXCEEDED);
    CHECK_UINT(text.bytes, 0);
    satchel_buffer_deinit(&text);
    satchel_arena_deinit(&arena);
}

TEST(enroll, other_links_are_malformed) {
    static const char *const cases[] = {
        "",
        "satchel:enroll",
        "satchel:enroll?",
        "https://enroll?server=a&code=0123456789ABCDE1&key=" KEY_TEXT,
        "satchel:enroll?code=0123456789ABCDE1&key=" KEY_TEXT,
        "satchel:enroll?server=a&key=" KEY_TEXT,
        "satchel:enroll?server=a&code=0123456789ABCDE1",
        "satchel:enroll?server=&code=0123456789ABCDE1&key=" KEY_TEXT,
        "satchel:enroll?server=a&server=b&code=0123456789ABCDE1&key=" KEY_TEXT,
        "satchel:enroll?server=a&code=0123456789ABCDE1&key=" KEY_TEXT "A",
        "satchel:enroll?server=a&code=0123456789ABCDE1&key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
        "satchel:enroll?server=a&code=0123&key=" KEY_TEXT,
        "satchel:enroll?server=%4&code=0123456789ABCDE1&key=" KEY_TEXT,
        "satchel:enroll?server=%zz&code=0123456789ABCDE1&key=" KEY_TEXT,
        "satchel:enroll?server=%ff&code=0123456789ABCDE1&key=" KEY_TEXT,
        "satchel:enroll?server=a&&code=0123456789ABCDE1&key=" KEY_TEXT,
    };
    satchel_arena arena = {0};
    satchel_enroll_link read;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("%s", cases[i]);
        CHECK_STATUS(read_link(cases[i], &arena, &read), SATCHEL_MALFORMED);
    }
    satchel_arena_deinit(&arena);
}
