/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's channel: requests and answers, limits, and clients that do not behave.
 */
#include "admin/channel.h"

#include "support/temp.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Answers with the request backwards. */
static void reverse(void *context, satchel_bytes request, satchel_buffer *answer) {
    (void)context;
    for (size_t i = request.bytes; i > 0; i--) {
        if (satchel_buffer_append_byte(answer, request.data[i - 1]) != SATCHEL_OK) {
            return;
        }
    }
}

static satchel_channel *open_channel(const test_temp *temp) {
    satchel_channel *channel = NULL;
    REQUIRE_OK(satchel_channel_open(&channel, temp->path, reverse, NULL, NULL));
    return channel;
}

TEST(channel, answers_a_request_of_any_size) {
    test_temp temp = test_temp_make();
    satchel_channel *channel = open_channel(&temp);
    static const size_t sizes[] = {0, 1, 4, 65535, 65536, 65537, 1000003};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        satchel_buffer request;
        satchel_buffer answer;
        satchel_buffer_init(&request);
        satchel_buffer_init(&answer);
        for (size_t at = 0; at < sizes[i]; at++) {
            REQUIRE_OK(satchel_buffer_append_byte(&request, (uint8_t)(at * 31)));
        }
        CHECK_OK(satchel_channel_ask(temp.path, satchel_buffer_view(&request), &answer, NULL));
        REQUIRE_UINT(answer.bytes, sizes[i]);
        for (size_t at = 0; at < sizes[i]; at += 997) {
            REQUIRE(answer.data[sizes[i] - 1 - at] == request.data[at]);
        }
        satchel_buffer_deinit(&request);
        satchel_buffer_deinit(&answer);
    }
    satchel_channel_close(channel);
    test_temp_remove(&temp);
}

TEST(channel, says_that_no_server_runs) {
    test_temp temp = test_temp_make();
    satchel_buffer answer;
    satchel_buffer_init(&answer);
    CHECK_STATUS(satchel_channel_ask(temp.path, satchel_bytes_of("x", 1), &answer, NULL), SATCHEL_NOT_FOUND);
    satchel_channel_close(open_channel(&temp));
    CHECK_STATUS(satchel_channel_ask(temp.path, satchel_bytes_of("x", 1), &answer, NULL), SATCHEL_NOT_FOUND);
    satchel_buffer_deinit(&answer);
    test_temp_remove(&temp);
}

TEST(channel, is_for_the_owner_of_the_folder_only) {
    test_temp temp = test_temp_make();
    satchel_channel *channel = open_channel(&temp);
    char path[TEST_PATH_BYTES];
    struct stat info;
    REQUIRE(stat(test_temp_path(&temp, SATCHEL_CHANNEL_NAME, path), &info) == 0);
    CHECK_UINT(info.st_mode & 0777, 0600);
    satchel_channel_close(channel);
    test_temp_remove(&temp);
}

TEST(channel, replaces_the_socket_of_a_server_that_was_killed) {
    test_temp temp = test_temp_make();
    char path[TEST_PATH_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s",
                   test_temp_path(&temp, SATCHEL_CHANNEL_NAME, path));
    int left_behind = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(bind(left_behind, (const struct sockaddr *)&address, sizeof address) == 0);
    close(left_behind);
    satchel_channel *channel = open_channel(&temp);
    satchel_buffer answer;
    satchel_buffer_init(&answer);
    CHECK_OK(satchel_channel_ask(temp.path, satchel_bytes_of("ab", 2), &answer, NULL));
    CHECK_BYTES(satchel_buffer_view(&answer), satchel_bytes_of("ba", 2));
    satchel_buffer_deinit(&answer);
    satchel_channel_close(channel);
    test_temp_remove(&temp);
}

static void send_raw(const test_temp *temp, const void *bytes, size_t count) {
    char path[TEST_PATH_BYTES];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.100s",
                   test_temp_path(temp, SATCHEL_CHANNEL_NAME, path));
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    REQUIRE(connect(client, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK_INT(send(client, bytes, count, MSG_NOSIGNAL), (ssize_t)count);
    close(client);
}

TEST(channel, a_client_that_breaks_off_or_lies_about_its_length_harms_nobody) {
    test_temp temp = test_temp_make();
    satchel_channel *channel = open_channel(&temp);
    send_raw(&temp, "\x00\x00", 2);
    send_raw(&temp, "\x00\x00\x00\x09shor", 8);
    send_raw(&temp, "\xff\xff\xff\xff", 4);
    satchel_buffer answer;
    satchel_buffer_init(&answer);
    CHECK_OK(satchel_channel_ask(temp.path, satchel_bytes_of("ok", 2), &answer, NULL));
    CHECK_BYTES(satchel_buffer_view(&answer), satchel_bytes_of("ko", 2));
    satchel_buffer_deinit(&answer);
    satchel_channel_close(channel);
    test_temp_remove(&temp);
}

TEST(channel, a_path_that_fits_no_socket_is_refused) {
    char folder[200];
    memset(folder, 'x', sizeof folder);
    folder[sizeof folder - 1] = '\0';
    satchel_channel *channel = NULL;
    satchel_buffer answer;
    satchel_buffer_init(&answer);
    CHECK_STATUS(satchel_channel_open(&channel, folder, reverse, NULL, NULL), SATCHEL_TOO_LONG);
    CHECK_STATUS(satchel_channel_ask(folder, satchel_bytes_of("x", 1), &answer, NULL), SATCHEL_TOO_LONG);
    satchel_buffer_deinit(&answer);
}

TEST(channel, a_request_past_the_limit_is_refused_before_it_is_sent) {
    test_temp temp = test_temp_make();
    satchel_channel *channel = open_channel(&temp);
    satchel_buffer answer;
    satchel_buffer_init(&answer);
    satchel_bytes huge = {(const uint8_t *)"", (size_t)SATCHEL_CHANNEL_BYTES_MOST + 1};
    CHECK_STATUS(satchel_channel_ask(temp.path, huge, &answer, NULL), SATCHEL_LIMIT_EXCEEDED);
    satchel_buffer_deinit(&answer);
    satchel_channel_close(channel);
    test_temp_remove(&temp);
}

/* More than the system keeps for a client that does not read. */
#define ANSWER_BYTES (16u * 1024u * 1024u)

static void answer_much(void *context, satchel_bytes request, satchel_buffer *answer) {
    (void)context;
    (void)request;
    CHECK_OK(satchel_buffer_reserve(answer, ANSWER_BYTES));
    memset(answer->data, 7, ANSWER_BYTES);
    answer->bytes = ANSWER_BYTES;
}

static int connect_to(const test_temp *temp) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    int length = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", temp->path, SATCHEL_CHANNEL_NAME);
    REQUIRE(length > 0 && (size_t)length < sizeof address.sun_path);
    REQUIRE(client >= 0 && connect(client, (const struct sockaddr *)&address, sizeof address) == 0);
    return client;
}

TEST(channel, regress_a_client_that_does_not_take_its_answer_does_not_keep_the_server_from_ending) {
    static const uint8_t request[] = {0, 0, 0, 1, 'x'};
    uint8_t first = 0;
    test_temp temp = test_temp_make();
    satchel_channel *channel = NULL;
    REQUIRE_OK(satchel_channel_open(&channel, temp.path, answer_much, NULL, NULL));
    int client = connect_to(&temp);
    REQUIRE(send(client, request, sizeof request, 0) == (ssize_t)sizeof request);
    REQUIRE(recv(client, &first, 1, 0) == 1); /* the answer has begun */
    satchel_channel_close(channel);
    close(client);
    test_temp_remove(&temp);
}

TEST(channel, a_client_that_says_nothing_does_not_keep_the_server_from_ending) {
    test_temp temp = test_temp_make();
    satchel_channel *channel = open_channel(&temp);
    int silent = connect_to(&temp);
    satchel_channel_close(channel);
    CHECK(close(silent) == 0);
    test_temp_remove(&temp);
}
