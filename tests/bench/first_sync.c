/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First sync of many customers over loopback: a real server (CivetWeb, SQLite on disk) in the parent process, a real
 * phone (sealed store on disk, libcurl) in a child, on the same cores.
 *
 * usage: bench_first_sync [--rows N] [--tiny]
 */
#include "base/ids.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "host/host.h"
#include "http/routes.h"
#include "satchel/model.h"
#include "service/admin.h"
#include "support/bench.h"
#include "support/temp.h"

#include <satchel/device.h>
#include <satchel/read.h>
#include <satchel/sync.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_ROWS 100000
#define TINY_ROWS 1500
#define THREADS 4

/* --- the phone's side, in a process of its own --- */

typedef struct answer_buffer {
    uint8_t *data;
    size_t bytes;
    size_t capacity;
} answer_buffer;

static size_t take_answer(char *data, size_t size, size_t count, void *context) {
    answer_buffer *answer = context;
    if (answer->bytes + size * count > answer->capacity) {
        answer->capacity = (answer->bytes + size * count) * 2;
        answer->data = realloc(answer->data, answer->capacity);
        bench_require(answer->data != NULL, "memory for an answer");
    }
    memcpy(answer->data + answer->bytes, data, size * count);
    answer->bytes += size * count;
    return size * count;
}

static uint32_t send_request(CURL *curl, const satchel_http_request *request, answer_buffer *answer) {
    struct curl_slist *headers = NULL;
    long status = 0;
    char line[1024];
    for (uint32_t i = 0; i < request->header_count; i++) {
        snprintf(line, sizeof line, "%s: %s", request->headers[i].name, request->headers[i].value);
        headers = curl_slist_append(headers, line);
    }
    answer->bytes = 0;
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    bench_require(curl_easy_perform(curl) == CURLE_OK, "the request arrives");
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    return (uint32_t)status;
}

static satchel_status give_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    (void)context;
    memset(out, 7, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

static satchel_device *make_phone(const char *folder, const char *link, CURL *curl, answer_buffer *answer) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    satchel_device *device = NULL;
    satchel_enrolment *enrolment = NULL;
    satchel_http_request request;
    config.folder = folder;
    config.keys.secret = give_secret;
    bench_require(satchel_device_create(&device, &config, NULL) == SATCHEL_OK, "the phone's store");
    bench_require(satchel_enrolment_open(&enrolment, device, satchel_text_of(link), satchel_text_of("bench"),
                                         satchel_text_of("bench"), NULL) == SATCHEL_OK,
                  "the link");
    bench_require(satchel_enrolment_request(enrolment, &request, NULL) == SATCHEL_OK, "the enrolment");
    uint32_t status = send_request(curl, &request, answer);
    bench_require(satchel_enrolment_feed(enrolment, status, (satchel_bytes){answer->data, answer->bytes}, NULL) ==
                      SATCHEL_OK,
                  "the server's answer to the enrolment");
    satchel_enrolment_close(enrolment);
    return device;
}

typedef struct sync_figures {
    int64_t first_page_ns;
    int64_t total_ns;
    uint64_t answer_bytes;
    uint64_t pages;
} sync_figures;

static sync_figures sync_all(satchel_device *device, CURL *curl, answer_buffer *answer) {
    sync_figures figures = {0, 0, 0, 0};
    satchel_exchange *exchange = NULL;
    satchel_step step;
    int64_t start = bench_now_ns();
    bench_require(satchel_exchange_open(&exchange, device, 0, NULL) == SATCHEL_OK, "an exchange");
    for (;;) {
        bench_require(satchel_exchange_next(exchange, &step, NULL) == SATCHEL_OK, "the next step");
        if (figures.pages == 1 && figures.first_page_ns == 0) {
            figures.first_page_ns = bench_now_ns() - start;
        }
        if (step.kind == SATCHEL_STEP_DONE) {
            break;
        }
        bench_require(step.kind == SATCHEL_STEP_SEND, "no waiting on loopback");
        int64_t sent = bench_now_ns();
        uint32_t status = send_request(curl, &step.request, answer);
        figures.pages++;
        figures.answer_bytes += answer->bytes;
        bench_require(satchel_exchange_feed(exchange, status, (satchel_bytes){answer->data, answer->bytes},
                                            (bench_now_ns() - sent) / 1000000, NULL) == SATCHEL_OK,
                      "the answer");
    }
    bench_require(step.status == SATCHEL_OK, "the exchange ends well");
    figures.total_ns = bench_now_ns() - start;
    satchel_exchange_close(exchange);
    return figures;
}

static uint64_t count_customers(satchel_device *device) {
    satchel_query *query = NULL;
    uint64_t count = 0;
    bench_require(satchel_query_open(&query, SATCHEL_ENTITY_CUSTOMER) == SATCHEL_OK, "a query");
    bench_require(satchel_count(device, query, &count, NULL) == SATCHEL_OK, "the count");
    satchel_query_close(query);
    return count;
}

static void run_phone(const char *folder, const char *link, uint64_t rows) {
    answer_buffer answer = {NULL, 0, 0};
    CURL *curl = curl_easy_init();
    satchel_device *device = make_phone(folder, link, curl, &answer);
    int64_t empty_bytes = bench_resident_bytes();
    int64_t cpu = bench_process_cpu_ns();
    sync_figures figures = sync_all(device, curl, &answer);
    cpu = bench_process_cpu_ns() - cpu;
    bench_require(count_customers(device) == rows, "every customer is on the phone");
    double seconds = (double)figures.total_ns / 1e9;
    satchel_store_stats stats;
    bench_require(satchel_device_get_stats(device, &stats, NULL) == SATCHEL_OK && stats.refused_opens == 0,
                  "no file in clear was wanted");
    bench_print("first_sync_rows", (double)rows, "rows");
    bench_print("first_sync_rows_per_second", (double)rows / seconds, "rows/s");
    bench_print("first_sync_first_page", (double)figures.first_page_ns / 1e6, "ms");
    bench_print("first_sync_wire_per_row", (double)figures.answer_bytes / (double)rows, "B");
    bench_print("first_sync_pages", (double)figures.pages, "pages");
    bench_print("first_sync_phone_cpu_per_row", (double)cpu / 1e3 / (double)rows, "us");
    bench_print("first_sync_phone_peak_above_empty", (double)(bench_peak_bytes() - empty_bytes) / 1048576.0, "MiB");
    bench_print("first_sync_store_per_row", (double)stats.file_bytes / (double)rows, "B");
    satchel_device_close(device);
    curl_easy_cleanup(curl);
    free(answer.data);
}

/* --- the server's side --- */

typedef struct founding {
    const satchel_service *service;
    int64_t rows;
    satchel_issued_code code;
} founding;

static satchel_status found(void *context, satchel_db *db, satchel_error *error) {
    founding *given = context;
    const satchel_actor system = satchel_actor_system();
    satchel_new_user user = {
        .login = satchel_text_of("rep"), .name = satchel_text_of("Rep"), .roles = UINT64_C(1) << SATCHEL_ROLE_REP};
    satchel_id id;
    satchel_status status = satchel_company_init(given->service, db, satchel_text_of("Bench"), error);
    if (status == SATCHEL_OK) {
        status = satchel_user_add(given->service, db, &system, &user, &id, error);
    }
    satchel_bulk *bulk = NULL;
    if (status == SATCHEL_OK) {
        status = satchel_bulk_open(&bulk, given->service, db, &system, error);
    }
    for (int64_t i = 0; status == SATCHEL_OK && i < given->rows; i++) {
        satchel_arena arena;
        satchel_record record;
        satchel_write_outcome outcome;
        satchel_id none = {{0}};
        char name[96];
        char street[96];
        satchel_arena_init(&arena);
        satchel_record_init(&record, &arena);
        snprintf(name, sizeof name, "上海华宁贸易有限公司 %lld Huaning Trading", (long long)i);
        snprintf(street, sizeof street, "人民路 %lld 号 %lld 室", (long long)(i % 977), (long long)(i % 31));
        status = satchel_record_set_text(&record, SATCHEL_CUSTOMER_NAME, satchel_text_of(name));
        status = status != SATCHEL_OK
                     ? status
                     : satchel_record_set_text(&record, SATCHEL_CUSTOMER_STREET, satchel_text_of(street));
        status = status != SATCHEL_OK
                     ? status
                     : satchel_record_set_text(&record, SATCHEL_CUSTOMER_CITY, satchel_text_of("上海"));
        status = status != SATCHEL_OK ? status : satchel_record_set_int(&record, SATCHEL_CUSTOMER_GRADE, 1 + i % 3);
        status = status != SATCHEL_OK ? status : satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &id);
        status = status != SATCHEL_OK
                     ? status
                     : satchel_bulk_put(bulk, SATCHEL_ENTITY_CUSTOMER, &none, &record, &outcome, error);
        satchel_arena_deinit(&arena);
    }
    if (status == SATCHEL_OK) {
        status = satchel_bulk_close(bulk, error);
    }
    return status == SATCHEL_OK ? satchel_code_issue(given->service, db, &system, &id, &given->code, error) : status;
}

static void write_link(const founding *given, uint16_t port, char *out, size_t bytes) {
    char server[64];
    satchel_buffer link;
    snprintf(server, sizeof server, "http://127.0.0.1:%u", (unsigned)port);
    satchel_enroll_link parts = {.server = satchel_text_of(server)};
    memcpy(parts.code, given->code.code, sizeof parts.code);
    memcpy(parts.server_key, given->code.server_key, sizeof parts.server_key);
    satchel_buffer_init(&link);
    bench_require(satchel_enroll_link_write(&parts, &link) == SATCHEL_OK && link.bytes < bytes, "the link");
    memcpy(out, link.data, link.bytes);
    out[link.bytes] = '\0';
    satchel_buffer_deinit(&link);
}

/* The phone is this program again, so that its memory is its own. */
static void start_phone(const char *program, const char *folder, const char *link, int64_t rows) {
    char count[32];
    snprintf(count, sizeof count, "%lld", (long long)rows);
    pid_t child = fork();
    bench_require(child >= 0, "a second process");
    if (child == 0) {
        execl(program, program, "--phone", folder, link, count, (char *)NULL);
        _exit(127);
    }
    int ended = 0;
    bench_require(waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == 0, "the phone");
}

static void run_server(const char *program, int64_t rows) {
    test_temp temp = test_temp_make();
    char data[TEST_PATH_BYTES];
    char phone[TEST_PATH_BYTES];
    char link[512];
    satchel_host *host = NULL;
    satchel_http_server *http = NULL;
    satchel_host_config config = {.folder = test_temp_path(&temp, "server", data), .create = true};
    satchel_error error = {SATCHEL_OK, 0, 0, {0}};
    bench_require(satchel_host_open(&host, &config, &error) == SATCHEL_OK, error.detail);
    founding given = {.service = satchel_host_service(host), .rows = rows};
    bench_require(satchel_host_write(host, found, &given, &error) == SATCHEL_OK, error.detail);
    satchel_routes_context routes = {.host = host, .turns = SATCHEL_TURNS_INIT};
    satchel_http_config listen = {"127.0.0.1:0", false, THREADS, 60000, satchel_routes(), &routes};
    bench_require(satchel_http_server_open(&http, &listen, &error) == SATCHEL_OK, error.detail);
    write_link(&given, satchel_http_server_port(http), link, sizeof link);
    int64_t cpu = bench_process_cpu_ns();
    start_phone(program, test_temp_path(&temp, "phone", phone), link, rows);
    cpu = bench_process_cpu_ns() - cpu;
    bench_print("first_sync_server_cpu_per_row", (double)cpu / 1e3 / (double)rows, "us");
    satchel_http_server_close(http, 1000);
    satchel_host_close(host);
    test_temp_remove(&temp);
}

int main(int argc, char **argv) {
    bench_require(satchel_crypto_init() == SATCHEL_OK, "libsodium");
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (argc == 5 && strcmp(argv[1], "--phone") == 0) {
        run_phone(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    } else {
        run_server(argv[0], bench_option(argc, argv, "--rows", bench_is_tiny(argc, argv) ? TINY_ROWS : DEFAULT_ROWS));
    }
    curl_global_cleanup();
    return 0;
}
