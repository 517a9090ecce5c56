/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges of 10 changes against the real HTTP server over loopback, from many connections of a process of its own on
 * the same cores: each connection is a phone with customers of its own, signs its requests and waits for the answer.
 * First as fast as they can, then at half of that rate, evenly spread, for the times that a phone waits.
 *
 * usage: bench_exchanges [--connections N] [--seconds N] [--tiny], SATCHEL_BENCH_DATABASE=<address of PostgreSQL>
 */
#include "base/text.h"
#include "crypto/crypto.h"
#include "http/routes.h"
#include "support/company.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHANGES 10u
#define HEAD_BYTES 2048
#define SERVER_THREADS 16

typedef struct connection {
    bench_client client;
    bench_rows rows;
    int socket;
    uint16_t port;
    pthread_t thread;
    uint64_t round;
    int64_t begin_ns, end_ns;
    int64_t interval_ns; /* 0: as fast as it can */
    uint64_t exchanges;
    bench_samples times_us;
    uint8_t *answer;
    size_t answer_bytes;
} connection;

#define ANSWER_BYTES_MOST (4u << 20)

/* --- HTTP, as much as is needed --- */

static void dial(connection *c) {
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(c->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->socket = socket(AF_INET, SOCK_STREAM, 0);
    bench_require(c->socket >= 0 && connect(c->socket, (const struct sockaddr *)&to, sizeof to) == 0, "a connection");
    (void)setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void send_all(connection *c, const void *data, size_t bytes) {
    for (size_t at = 0; at < bytes;) {
        ssize_t sent = send(c->socket, (const uint8_t *)data + at, bytes - at, MSG_NOSIGNAL);
        bench_require(sent > 0, "the request arrives");
        at += (size_t)sent;
    }
}

/* Head and body of the answer; gives the body. */
static satchel_bytes receive(connection *c) {
    size_t head_bytes = 0;
    size_t wanted = SIZE_MAX;
    c->answer_bytes = 0;
    while (c->answer_bytes < wanted) {
        ssize_t got = recv(c->socket, c->answer + c->answer_bytes, ANSWER_BYTES_MOST - c->answer_bytes - 1, 0);
        bench_require(got > 0, "an answer");
        c->answer_bytes += (size_t)got;
        c->answer[c->answer_bytes] = 0;
        char *end = head_bytes == 0 ? strstr((char *)c->answer, "\r\n\r\n") : NULL;
        if (end != NULL) {
            head_bytes = (size_t)(end - (char *)c->answer) + 4;
            const char *length = strcasestr((char *)c->answer, "content-length:");
            bench_require(length != NULL && strncmp((char *)c->answer + 9, "200", 3) == 0, "status 200 and a length");
            wanted = head_bytes + strtoul(length + 15, NULL, 10);
        }
    }
    return satchel_bytes_of(c->answer + head_bytes, c->answer_bytes - head_bytes);
}

/* --- one exchange --- */

static void write_changes(connection *c) {
    c->round++;
    for (uint32_t i = 0; i < CHANGES; i++) {
        char text[32];
        const satchel_id *id = &c->rows.ids[(c->round * CHANGES + i) % c->rows.count];
        satchel_op op = bench_client_op(&c->client, SATCHEL_OP_EDIT, SATCHEL_ENTITY_CUSTOMER, id);
        op.base_n = c->client.position.n;
        snprintf(text, sizeof text, "%llu-%u", (unsigned long long)c->round, (unsigned)i);
        bench_require(satchel_record_set_text(&op.set, SATCHEL_CUSTOMER_DISTRICT, satchel_text_of(text)) == SATCHEL_OK,
                      "a value");
        bench_client_put(&c->client, &op);
    }
    bench_client_end_unit(&c->client);
    bench_client_write(&c->client);
}

static void exchange(connection *c) {
    char head[HEAD_BYTES];
    const satchel_signed_headers *h = &c->client.headers;
    write_changes(c);
    int64_t start = bench_now_ns();
    int bytes = snprintf(head, sizeof head,
                         "POST /v1/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/vnd.satchel.sync\r\n"
                         "Content-Digest: %s\r\nSatchel-Request: %s\r\nSignature-Input: %s\r\nSignature: %s\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         h->content_digest, h->request_number, h->signature_input, h->signature, c->client.body.bytes);
    bench_require(bytes > 0 && bytes < HEAD_BYTES, "headers");
    send_all(c, head, (size_t)bytes);
    send_all(c, c->client.body.data, c->client.body.bytes);
    satchel_bytes body = receive(c);
    if (c->times_us.count < BENCH_SAMPLES_MOST) {
        bench_samples_add(&c->times_us, (double)(bench_now_ns() - start) / 1e3);
    }
    bench_client_take(&c->client, body);
    bench_require(c->client.units_told == CHANGES, "all changes are applied");
    c->exchanges++;
}

static void *run_connection(void *context) {
    connection *c = context;
    int64_t next = c->begin_ns;
    while (bench_now_ns() < c->end_ns) {
        if (c->interval_ns > 0) {
            const struct timespec until = {next / 1000000000, next % 1000000000};
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
            next += c->interval_ns;
        }
        exchange(c);
    }
    return NULL;
}

/* --- the clients' process --- */

/* Exchanges a second. */
static double run_all(connection *all, uint32_t count, double seconds, double rate, bench_samples *times_us) {
    const int64_t begin = bench_now_ns();
    uint64_t exchanges = 0;
    for (uint32_t i = 0; i < count; i++) {
        all[i].interval_ns = rate > 0 ? (int64_t)((double)count / rate * 1e9) : 0;
        all[i].begin_ns = begin + all[i].interval_ns * i / count;
        all[i].end_ns = begin + (int64_t)(seconds * 1e9);
        all[i].exchanges = 0;
        all[i].times_us.count = 0;
        bench_require(pthread_create(&all[i].thread, NULL, run_connection, &all[i]) == 0, "a thread");
    }
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(all[i].thread, NULL);
        exchanges += all[i].exchanges;
        for (size_t k = 0; k < all[i].times_us.count && times_us->count < BENCH_SAMPLES_MOST; k++) {
            bench_samples_add(times_us, all[i].times_us.values[k]);
        }
    }
    return (double)exchanges / ((double)(bench_now_ns() - begin) / 1e9);
}

static void print_times(const char *name, bench_samples *times_us) {
    char line[96];
    snprintf(line, sizeof line, "%s_median", name);
    bench_print(line, bench_samples_quantile(times_us, 0.5) / 1e3, "ms");
    snprintf(line, sizeof line, "%s_p99", name);
    bench_print(line, bench_samples_quantile(times_us, 0.99) / 1e3, "ms");
    bench_samples_deinit(times_us);
}

static void run_clients(connection *all, uint32_t count, double seconds) {
    bench_samples full, half;
    bench_samples_init(&full);
    bench_samples_init(&half);
    for (uint32_t i = 0; i < count; i++) {
        all[i].answer = malloc(ANSWER_BYTES_MOST);
        bench_require(all[i].answer != NULL, "memory for answers");
        bench_samples_init(&all[i].times_us);
        dial(&all[i]);
    }
    (void)run_all(all, count, seconds / 4, 0, &full); /* warm */
    full.count = 0;
    double rate = run_all(all, count, seconds, 0, &full);
    double reached = run_all(all, count, seconds, rate / 2, &half);
    bench_print("exchanges_connections", count, "connections");
    bench_print("exchanges_changes", CHANGES, "changes");
    bench_print("exchanges_per_second", rate, "1/s");
    print_times("exchanges_full", &full);
    bench_print("exchanges_half_load", reached, "1/s");
    print_times("exchanges_half", &half);
    for (uint32_t i = 0; i < count; i++) {
        close(all[i].socket);
        free(all[i].answer);
        bench_samples_deinit(&all[i].times_us);
    }
}

int main(int argc, char **argv) {
    bool tiny = bench_is_tiny(argc, argv);
    uint32_t count = (uint32_t)bench_option(argc, argv, "--connections", tiny ? 2 : 16);
    double seconds = tiny ? 0.2 : (double)bench_option(argc, argv, "--seconds", 10);
    bench_company company;
    satchel_http_server *http = NULL;
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    bench_require(satchel_crypto_init() == SATCHEL_OK && count > 0, "libsodium, and connections");
    bench_company_open(&company, getenv("SATCHEL_BENCH_DATABASE"));
    connection *all = calloc(count, sizeof *all);
    bench_require(all != NULL, "memory for connections");
    satchel_routes_context routes = {.host = company.host, .turns = SATCHEL_TURNS_INIT};
    satchel_http_config listen = {"127.0.0.1:0",    false,  SERVER_THREADS > count ? SERVER_THREADS : count + 2, 60000,
                                  satchel_routes(), &routes};
    bench_require(satchel_http_server_open(&http, &listen, &error) == SATCHEL_OK, error.detail);
    for (uint32_t i = 0; i < count; i++) {
        char login[32];
        snprintf(login, sizeof login, "rep%u", (unsigned)i);
        const satchel_id user = bench_company_user(&company, login, SATCHEL_ROLE_REP, NULL);
        bench_company_customers(&company, &user, NULL, i * 1000, tiny ? 20 : 200, &all[i].rows);
        bench_client_enrol(&all[i].client, &company, &user);
        bench_client_pull(&all[i].client, NULL);
        all[i].port = satchel_http_server_port(http);
    }
    int64_t cpu = bench_process_cpu_ns();
    pid_t child = fork();
    bench_require(child >= 0, "a second process");
    if (child == 0) {
        run_clients(all, count, seconds);
        _exit(0);
    }
    int ended = 0;
    bench_require(waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "the clients");
    satchel_lane_stats lane = satchel_host_lane_stats(company.host);
    bench_print("exchanges_jobs_per_commit", (double)lane.jobs / (double)lane.commits, "jobs");
    bench_print("exchanges_server_cpu",
                (double)(bench_process_cpu_ns() - cpu) / 1e3 / (double)atomic_load(&routes.exchanges), "us/exchange");
    satchel_http_server_close(http, 1000);
    for (uint32_t i = 0; i < count; i++) {
        bench_client_close(&all[i].client);
        bench_rows_free(&all[i].rows);
    }
    free(all);
    bench_company_close(&company);
    return 0;
}
