/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request, and its body, as CivetWeb hands them over: the harness stands in for CivetWeb, so that what is
 * ours is run without a socket. The input is a request as it is sent. One answer leaves for each whole request; a route
 * sees only what it asked for; whatever is refused ends the connection.
 */
#include "fuzz/support/fuzz.h"

#include "http/http_server.h"
#include "wire/signing.h"

#include <civetweb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_MOST 512
#define TYPE "application/test"
#define HEAD_MEMORY(bytes) ((bytes)*8 + 262144) /* the body is read in pieces of 64 KiB */

struct mg_connection {
    struct mg_request_info info;
    satchel_reader body;
    int writes;
    bool routed;
    bool ended;
};

static struct mg_callbacks callbacks;
static void *server_of_callbacks;

/* --- CivetWeb's part --- */

unsigned mg_init_library(unsigned features) {
    return features;
}
unsigned mg_exit_library(void) {
    return 1;
}
unsigned mg_check_feature(unsigned feature) {
    return feature;
}
struct mg_context *mg_start(const struct mg_callbacks *given, void *user_data, const char **options) {
    static char context;
    (void)options;
    callbacks = *given;
    server_of_callbacks = user_data;
    return (struct mg_context *)(void *)&context;
}
void mg_stop(struct mg_context *context) {
    (void)context;
}
int mg_get_server_ports(const struct mg_context *context, int size, struct mg_server_port *ports) {
    (void)context;
    memset(ports, 0, (size_t)size * sizeof *ports);
    ports[0].port = 80;
    return 1;
}
const struct mg_request_info *mg_get_request_info(const struct mg_connection *connection) {
    return &connection->info;
}
void mg_disable_connection_keep_alive(struct mg_connection *connection) {
    connection->ended = true;
}
int mg_read(struct mg_connection *connection, void *buffer, size_t bytes) {
    size_t left = satchel_reader_left(&connection->body);
    size_t part = left < bytes ? left : bytes;
    memcpy(buffer, connection->body.data + connection->body.at, part);
    connection->body.at += part;
    return (int)part;
}
int mg_write(struct mg_connection *connection, const void *data, size_t bytes) {
    unsigned status = 0;
    FUZZ_HOLDS(bytes > 12 && sscanf(data, "HTTP/1.1 %3u ", &status) == 1);
    FUZZ_HOLDS(connection->routed ? status == 200 : status >= 400);
    connection->writes++;
    return (int)bytes;
}

/* --- the route --- */

static void route(void *context, const satchel_http_incoming *incoming, satchel_http_reply *reply) {
    const struct mg_request_info *info = &incoming->connection->info;
    satchel_signed_headers headers;
    satchel_id device;
    uint64_t number = 0;
    int lengths = 0;
    (void)context;
    memset(&headers, 0, sizeof headers);
    for (int i = 0; i < info->num_headers; i++) {
        FUZZ_HOLDS(strcasecmp(info->http_headers[i].name, "Transfer-Encoding") != 0);
        if (strcasecmp(info->http_headers[i].name, "Content-Length") == 0) {
            FUZZ_HOLDS(strtoull(info->http_headers[i].value, NULL, 10) == incoming->body.bytes);
            lengths++;
        }
    }
    FUZZ_HOLDS(lengths == 1 || (lengths == 0 && strcmp(incoming->path, "/get") == 0));
    FUZZ_HOLDS(strcmp(incoming->method, strcmp(incoming->path, "/get") == 0 ? "GET" : "POST") == 0);
    FUZZ_HOLDS(incoming->body.bytes <= BODY_MOST && (info->query_string == NULL || info->query_string[0] == 0));
    const char *type = satchel_http_header_of(incoming, "content-type");
    FUZZ_HOLDS(strcmp(incoming->path, "/get") == 0 || strncasecmp(type, TYPE, strlen(TYPE)) == 0);
    const char *input = satchel_http_header_of(incoming, "Signature-Input");
    snprintf(headers.signature_input, sizeof headers.signature_input, "%s", input != NULL ? input : "");
    FUZZ_HOLDS(satchel_request_claim(&headers, &device, &number, NULL) == SATCHEL_UNAUTHENTICATED);
    incoming->connection->routed = true;
    reply->status = 200;
}

static const satchel_http_route routes[] = {
    {"POST", "/post", TYPE, BODY_MOST, route}, {"GET", "/get", NULL, 0, route}, {NULL, NULL, NULL, 0, NULL}};

/* --- the head, as CivetWeb takes it apart --- */

/* Cuts `*text` at the first of `ends` and gives what was before it; at the end of the text all of it. */
static char *cut(char **text, const char *ends) {
    char *start = *text;
    size_t length = strcspn(start, ends);
    *text = start + length + (start[length] != '\0');
    start[length] = '\0';
    return start;
}

/* Lines end with LF, a CR before it goes; the head ends with an empty line. */
static void read_head(char *text, struct mg_connection *out) {
    char *line = cut(&text, "\n");
    out->info.request_method = cut(&line, " ");
    char *target = cut(&line, " ");
    out->info.local_uri_raw = cut(&target, "?");
    out->info.query_string = target;
    out->info.user_data = server_of_callbacks;
    while (*text != '\0' && out->info.num_headers < MG_MAX_HEADERS) {
        line = cut(&text, "\n");
        size_t length = strcspn(line, "\r");
        line[length] = '\0';
        if (length == 0) {
            break;
        }
        struct mg_header *header = &out->info.http_headers[out->info.num_headers++];
        header->name = cut(&line, ":");
        line += strspn(line, " \t");
        header->value = line;
    }
    out->body = satchel_reader_of(satchel_bytes_of(text, strlen(text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    const satchel_http_config config = {"127.0.0.1:80", false, 1, 1000, routes, NULL};
    satchel_http_server *server = NULL;
    struct mg_connection connection;
    char *text = calloc(1, bytes + 1);
    FUZZ_HOLDS(text != NULL);
    memcpy(text, data, bytes);
    memset(&connection, 0, sizeof connection);
    fuzz_begin();
    FUZZ_HOLDS(satchel_http_server_open(&server, &config, NULL) == SATCHEL_OK);
    read_head(text, &connection);
    FUZZ_HOLDS(callbacks.begin_request(&connection) == 200);
    FUZZ_HOLDS(connection.writes <= 1 && (connection.writes == 1 || connection.ended));
    FUZZ_HOLDS(connection.routed ? connection.writes == 1 : connection.ended);
    satchel_http_server_close(server, 0);
    fuzz_end(HEAD_MEMORY(bytes));
    free(text);
    return 0;
}

void fuzz_seeds(void) {
    static const char *const heads[] = {
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Type: " TYPE "; charset=x\r\nContent-Length: 5\r\n\r\nhello",
        "POST /post HTTP/1.1\r\nContent-Type: " TYPE "\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST /post HTTP/1.1\r\nContent-Type: " TYPE "\r\nContent-Length: 513\r\n\r\nhello",
        "POST /post HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
        "POST /post HTTP/1.1\r\nContent-Type: " TYPE "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /post?a=b HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello",
        "GET /get HTTP/1.1\r\nSignature-Input: satchel=(\"@method\");keyid=\"x\"\r\n\r\n",
        "PUT /get HTTP/1.1\r\n\r\n",
        "POST /post HTTP/1.1\r\nContent-Type: " TYPE "\r\nContent-Length: 999999999999999999\r\n\r\n",
        "GET /nothing/../get HTTP/1.1\nContent-Length: 0\n\n",
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        fuzz_seed(satchel_bytes_of(heads[i], strlen(heads[i])));
    }
}
