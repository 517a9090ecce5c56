/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP by libcurl: https with the system's certificates, plain http to localhost only, no redirects, a bounded answer.
 */
#include "cli.h"

#include <satchel/sync.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MOST_BYTES ((size_t)8 << 20) /* above what the core takes */
#define CONNECT_TIMEOUT_MS 10000L
#define HEADER_BYTES 512

struct cli_http {
    CURL *curl; /* kept, so that its connection is used again */
};

static size_t take_body(char *data, size_t size, size_t count, void *context) {
    cli_answer *answer = context;
    size_t bytes = size * count;
    if (bytes > ANSWER_MOST_BYTES - answer->bytes) {
        return 0;
    }
    char *grown = realloc(answer->body, answer->bytes + bytes + 1);
    if (grown == NULL) {
        return 0;
    }
    memcpy(grown + answer->bytes, data, bytes);
    answer->body = grown;
    answer->bytes += bytes;
    return bytes;
}

static bool is_local(const char *url) {
    static const char *const local[] = {"http://localhost", "http://127.0.0.1", "http://[::1]"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        size_t bytes = strlen(local[i]);
        if (strncmp(url, local[i], bytes) == 0 && (url[bytes] == ':' || url[bytes] == '/')) {
            return true;
        }
    }
    return false;
}

static struct curl_slist *header_list(const satchel_http_request *request) {
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no pause before the body */
    for (uint32_t i = 0; list != NULL && i < request->header_count; i++) {
        char line[HEADER_BYTES];
        snprintf(line, sizeof line, "%s: %s", request->headers[i].name, request->headers[i].value);
        struct curl_slist *longer = curl_slist_append(list, line);
        if (longer == NULL) {
            curl_slist_free_all(list);
        }
        list = longer;
    }
    return list;
}

static void prepare(CURL *curl, const satchel_http_request *request, struct curl_slist *headers, cli_answer *answer) {
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.bytes);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data == NULL ? "" : (const char *)request->body.data);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    if (is_local(request->url)) {
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    } else {
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    }
}

static int64_t steady_ms(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static satchel_status open_http(cli_session *cli) {
    if (cli->http != NULL) {
        return SATCHEL_OK;
    }
    cli->http = calloc(1, sizeof *cli->http);
    if (cli->http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return cli_fail(cli, SATCHEL_NO_MEMORY, "libcurl cannot be used");
    }
    cli->http->curl = curl_easy_init();
    return cli->http->curl != NULL ? SATCHEL_OK : cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for libcurl");
}

satchel_status cli_http_send(cli_session *cli, const satchel_http_request *request, cli_answer *out) {
    memset(out, 0, sizeof *out);
    satchel_status status = open_http(cli);
    if (status != SATCHEL_OK) {
        return status;
    }
    CURL *curl = cli->http->curl;
    struct curl_slist *headers = header_list(request);
    if (headers == NULL) {
        return cli_fail(cli, SATCHEL_NO_MEMORY, "no memory for the request");
    }
    curl_easy_reset(curl);
    prepare(curl, request, headers, out);
    int64_t started_ms = steady_ms();
    CURLcode code = curl_easy_perform(curl);
    out->elapsed_ms = steady_ms() - started_ms;
    curl_slist_free_all(headers);
    if (code != CURLE_OK) {
        cli_answer_close(out);
        bool late = code == CURLE_OPERATION_TIMEDOUT;
        return cli_fail(cli, late ? SATCHEL_TIMED_OUT : SATCHEL_NETWORK_ERROR, "%s", curl_easy_strerror(code));
    }
    long http_status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    out->http_status = (uint32_t)http_status;
    return SATCHEL_OK;
}

void cli_answer_close(cli_answer *answer) {
    free(answer->body);
    answer->body = NULL;
    answer->bytes = 0;
}

void cli_http_close(cli_http *http) {
    if (http != NULL) {
        curl_easy_cleanup(http->curl);
        free(http);
        curl_global_cleanup();
    }
}
