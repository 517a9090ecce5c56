/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP door against clients that speak it well, badly, and with intent. Raw sockets, because a client library would
 * mend what is to be sent broken.
 */
#include "http/http_server.h"
#include "http/routes.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MOST 64
#define ANSWER_BYTES 4096

/* Gives the body back. */
static void echo(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    (void)context;
    reply->status = 200;
    if (satchel_buffer_append(&reply->body, incoming->body) != SATCHEL_OK) {
        reply->status = 500;
    }
}

static void hello(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    (void)context;
    const char *name = satchel_http_header_of(incoming, "X-Name");
    reply->status = 200;
    if (satchel_buffer_append_format(&reply->body, "hello %s", name != NULL ? name : "nobody") != SATCHEL_OK) {
        reply->status = 500;
    }
}

/* Two threads meet here, so that a test knows that a request is in flight. */
static pthread_barrier_t entered;
static pthread_barrier_t released;

static void slow(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    (void)incoming;
    (void)context;
    pthread_barrier_wait(&entered);
    pthread_barrier_wait(&released);
    reply->status = 200;
    if (satchel_buffer_append_format(&reply->body, "finished") != SATCHEL_OK) {
        reply->status = 500;
    }
}

static void fail(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    (void)context;
    reply->status = satchel_routes_failure(incoming->path[1] == 'f' ? SATCHEL_DISK_FULL : SATCHEL_DATABASE_ERROR);
}

static const satchel_http_route routes[] = {{"POST", "/echo", "application/test", BODY_MOST, echo},
                                            {"GET", "/hello", NULL, 0, hello},
                                            {"GET", "/full", NULL, 0, fail},
                                            {"GET", "/broken", NULL, 0, fail},
                                            {"GET", "/slow", NULL, 0, slow},
                                            {NULL, NULL, NULL, 0, NULL}};

static satchel_http_config config_of(const char *listen) {
    satchel_http_config config = {listen, false, 4, 2000, routes, NULL};
    return config;
}

static satchel_http_server *open_server(void) {
    satchel_http_server *server = NULL;
    satchel_http_config config = config_of("127.0.0.1:0");
    REQUIRE_OK(satchel_http_server_open(&server, &config, NULL));
    return server;
}

static int connect_to(const satchel_http_server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(satchel_http_server_port(server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {10, 0};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    REQUIRE(connect(client, (const struct sockaddr *)&address, sizeof address) == 0);
    return client;
}

/* Sends, tells that no more comes, reads to the end. */
static void exchange(const satchel_http_server *server, const char *request, size_t bytes, char answer[ANSWER_BYTES]) {
    int client = connect_to(server);
    size_t got = 0;
    ssize_t sent = send(client, request, bytes, MSG_NOSIGNAL);
    (void)sent; /* the server may refuse before it has read everything */
    shutdown(client, SHUT_WR);
    while (got < ANSWER_BYTES - 1) {
        ssize_t part = recv(client, answer + got, ANSWER_BYTES - 1 - got, 0);
        if (part <= 0) {
            break;
        }
        got += (size_t)part;
    }
    answer[got] = '\0';
    close(client);
}

static int status_of(const char *answer) {
    int status = 0;
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

#define HOST "Host: localhost\r\n"
#define TYPE "Content-Type: application/test\r\n"

TEST(http_server, answers_what_its_routes_answer) {
    satchel_http_server *server = open_server();
    char answer[ANSWER_BYTES];
    const char *request = "POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: 4\r\n\r\nabcd";
    exchange(server, request, strlen(request), answer);
    CHECK_INT(status_of(answer), 200);
    CHECK(strstr(answer, "\r\n\r\nabcd") != NULL);
    CHECK(strstr(answer, "Content-Length: 4\r\n") != NULL);
    request = "GET /hello HTTP/1.1\r\n" HOST "X-Name: 华宁\r\n\r\n";
    exchange(server, request, strlen(request), answer);
    CHECK(strstr(answer, "hello 华宁") != NULL);
    satchel_http_server_close(server, 1000);
}

/* So that a proxy in front knows it, too. */
TEST(http_server, a_fault_that_goes_away_says_when_to_come_back) {
    static const satchel_status passing[] = {SATCHEL_BUSY, SATCHEL_NO_MEMORY, SATCHEL_IO_ERROR, SATCHEL_DISK_FULL};
    satchel_http_server *server = open_server();
    char answer[ANSWER_BYTES];
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        test_note("%s", satchel_status_name(passing[i]));
        CHECK_UINT(satchel_routes_failure(passing[i]), 503);
    }
    const char *request = "GET /full HTTP/1.1\r\n" HOST "\r\n";
    exchange(server, request, strlen(request), answer);
    CHECK_INT(status_of(answer), 503);
    CHECK(strstr(answer, "\r\nRetry-After: ") != NULL);
    request = "GET /broken HTTP/1.1\r\n" HOST "\r\n";
    exchange(server, request, strlen(request), answer);
    CHECK_INT(status_of(answer), 500);
    CHECK(strstr(answer, "Retry-After") == NULL);
    satchel_http_server_close(server, 1000);
}

TEST(http_server, refuses_what_is_not_well_formed) {
    static const struct {
        const char *request;
        int status;
    } cases[] = {
        {"GET /nothing HTTP/1.1\r\n" HOST "\r\n", 404},
        {"GET /echo HTTP/1.1\r\n" HOST "\r\n", 405},
        {"DELETE /hello HTTP/1.1\r\n" HOST "\r\n", 405},
        {"GET /hello?x=1 HTTP/1.1\r\n" HOST "\r\n", 400},
        {"GET /../etc/passwd HTTP/1.1\r\n" HOST "\r\n", 404},
        {"GET /%2e%2e/hello HTTP/1.1\r\n" HOST "\r\n", 404},
        {"GET /hello HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 400},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "\r\n", 411},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\na", 415},
        {"POST /echo HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\na", 415},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: 65\r\n\r\n", 413},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: 99999999999999999999\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: -1\r\n\r\n", 411},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: +1\r\n\r\na", 400},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: 1x\r\n\r\na", 400},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\n" HOST TYPE "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na", 400},
    };
    satchel_http_server *server = open_server();
    char answer[ANSWER_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_note("case %zu", i);
        exchange(server, cases[i].request, strlen(cases[i].request), answer);
        CHECK_INT(status_of(answer), cases[i].status);
    }
    satchel_http_server_close(server, 1000);
}

TEST(http_server, takes_a_body_at_its_limit_and_not_one_byte_more) {
    satchel_http_server *server = open_server();
    char answer[ANSWER_BYTES];
    char request[512];
    for (int bytes = BODY_MOST; bytes <= BODY_MOST + 1; bytes++) {
        int length = snprintf(request, sizeof request,
                              "POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: %d\r\n\r\n%0*d", bytes, bytes, 7);
        exchange(server, request, (size_t)length, answer);
        CHECK_INT(status_of(answer), bytes == BODY_MOST ? 200 : 413);
    }
    satchel_http_server_close(server, 1000);
}

TEST(http_server, survives_garbage_and_broken_bodies) {
    static const char *const garbage[] = {"",
                                          "\r\n\r\n",
                                          "GET",
                                          "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                                          "GET / HTTP/9.9\r\n\r\n",
                                          "POST /echo HTTP/1.1\r\n" HOST TYPE "Content-Length: 40\r\n\r\nshort"};
    satchel_http_server *server = open_server();
    char answer[ANSWER_BYTES];
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        test_note("case %zu", i);
        exchange(server, garbage[i], strlen(garbage[i]), answer);
        CHECK(status_of(answer) != 200);
    }
    const char *request = "GET /hello HTTP/1.1\r\n" HOST "\r\n";
    exchange(server, request, strlen(request), answer);
    CHECK_INT(status_of(answer), 200);
    satchel_http_server_close(server, 1000);
}

TEST(http_server, a_doubled_header_counts_as_absent) {
    satchel_http_server *server = open_server();
    char answer[ANSWER_BYTES];
    const char *request = "GET /hello HTTP/1.1\r\n" HOST "X-Name: a\r\nX-Name: b\r\n\r\n";
    exchange(server, request, strlen(request), answer);
    CHECK(strstr(answer, "hello nobody") != NULL);
    satchel_http_server_close(server, 1000);
}

static void *ask_slowly(void *context) {
    char *answer = malloc(ANSWER_BYTES);
    const char *request = "GET /slow HTTP/1.1\r\n" HOST "\r\n";
    if (answer != NULL) {
        exchange(context, request, strlen(request), answer);
    }
    return answer;
}

static void *close_server(void *server) {
    satchel_http_server_close(server, 10000);
    return NULL;
}

TEST(http_server, closing_waits_for_the_answer_in_flight) {
    satchel_http_server *server = open_server();
    pthread_t asker;
    pthread_t closer;
    void *answer = NULL;
    pthread_barrier_init(&entered, NULL, 2);
    pthread_barrier_init(&released, NULL, 2);
    REQUIRE(pthread_create(&asker, NULL, ask_slowly, server) == 0);
    pthread_barrier_wait(&entered);
    REQUIRE(pthread_create(&closer, NULL, close_server, server) == 0);
    pthread_barrier_wait(&released);
    pthread_join(closer, NULL);
    pthread_join(asker, &answer);
    REQUIRE(answer != NULL);
    CHECK_INT(status_of(answer), 200);
    CHECK(strstr(answer, "finished") != NULL);
    free(answer);
}

TEST(http_server, listens_in_clear_beyond_localhost_only_behind_a_proxy) {
    static const struct {
        const char *listen;
        bool behind_proxy;
        satchel_status status;
    } cases[] = {{"0.0.0.0:0", false, SATCHEL_FORBIDDEN},
                 {"8080", false, SATCHEL_FORBIDDEN},
                 {"0.0.0.0:0", true, SATCHEL_OK},
                 {"", false, SATCHEL_INVALID_ARGUMENT},
                 {"127.0.0.1:0,0.0.0.0:0", false, SATCHEL_INVALID_ARGUMENT},
                 {"localhost; rm", false, SATCHEL_INVALID_ARGUMENT},
                 {"127.0.0.1:99999", false, SATCHEL_IN_USE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_http_server *server = NULL;
        satchel_http_config config = config_of(cases[i].listen);
        config.behind_proxy = cases[i].behind_proxy;
        test_note("case %zu", i);
        CHECK_STATUS(satchel_http_server_open(&server, &config, NULL), cases[i].status);
        satchel_http_server_close(server, 1000);
    }
}

TEST(http_server, thread_counts_at_their_limits) {
    static const struct {
        uint32_t threads;
        satchel_status status;
    } cases[] = {
        {0, SATCHEL_INVALID_ARGUMENT}, {1, SATCHEL_OK}, {SATCHEL_HTTP_THREADS_MOST + 1, SATCHEL_INVALID_ARGUMENT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        satchel_http_server *server = NULL;
        satchel_http_config config = config_of("127.0.0.1:0");
        config.threads = cases[i].threads;
        CHECK_STATUS(satchel_http_server_open(&server, &config, NULL), cases[i].status);
        satchel_http_server_close(server, 1000);
    }
}
