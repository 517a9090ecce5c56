/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CSV file that an administrator imports: [choice of entity][text], through the whole verb with --dry-run, in a
 * company of the harness's own. The answer is whole, counts no more rows than there are lines, and nothing was written.
 */
#include "fuzz/support/fuzz.h"

#include "admin/admin.h"
#include "base/text.h"
#include "support/temp.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cells are copied once, a row's values twice; the database's statements stay. */
#define CSV_MEMORY(bytes) ((bytes)*512 + 4194304)
#define KEPT_MEMORY 4194304

static const char *const entities[] = {"customer", "contact", "product", "task"};
#define ENTITY_COUNT (sizeof entities / sizeof entities[0])

static satchel_host *host;
static test_temp folder;

static satchel_status make_company(void *context, satchel_db *db, satchel_error *error) {
    return satchel_company_init(context, db, satchel_text_of("Tea"), error);
}

static void end(void) {
    satchel_host_close(host);
    test_temp_remove(&folder);
}

static void begin(void) {
    char path[TEST_PATH_BYTES];
    folder = test_temp_make();
    const satchel_host_config config = {.folder = test_temp_path(&folder, "data", path), .create = true};
    FUZZ_HOLDS(satchel_host_open(&host, &config, NULL) == SATCHEL_OK);
    satchel_service *service = (satchel_service *)(uintptr_t)satchel_host_service(host);
    FUZZ_HOLDS(satchel_host_write(host, make_company, service, NULL) == SATCHEL_OK);
    FUZZ_HOLDS(atexit(end) == 0);
}

static json_t *ask(int argc, const char *const *argv, satchel_text input) {
    satchel_buffer request = {NULL, 0, 0}, answer = {NULL, 0, 0};
    FUZZ_HOLDS(satchel_admin_request(argc, argv, input, &request, NULL) == SATCHEL_OK);
    satchel_admin_handle(host, satchel_buffer_view(&request), &answer);
    json_t *out = json_loadb((const char *)answer.data, answer.bytes, 0, NULL);
    FUZZ_HOLDS(out != NULL && json_is_integer(json_object_get(out, "exit")));
    satchel_buffer_deinit(&request);
    satchel_buffer_deinit(&answer);
    return out;
}

static int64_t revision(void) {
    const char *const argv[] = {"status", "--json"};
    json_t *answer = ask(2, argv, (satchel_text){"", 0});
    json_t *status = json_loads(json_string_value(json_object_get(answer, "out")), 0, NULL);
    FUZZ_HOLDS(status != NULL && json_is_integer(json_object_get(status, "revision")));
    int64_t n = json_integer_value(json_object_get(status, "revision"));
    json_decref(status);
    json_decref(answer);
    return n;
}

/* What was told of the rows; nothing if the file was refused as a whole. */
static void judge(const json_t *answer, satchel_text input) {
    json_int_t lines = 1, rows = 0;
    json_t *told = json_loads(json_string_value(json_object_get(answer, "out")), 0, NULL);
    static const char *const counts[] = {"created", "updated", "unchanged", "failed"};
    for (size_t i = 0; i < input.bytes; i++) {
        lines += input.data[i] == '\n' || input.data[i] == '\r';
    }
    for (size_t i = 0; told != NULL && i < 4; i++) {
        json_int_t count = json_integer_value(json_object_get(told, counts[i]));
        FUZZ_HOLDS(count >= 0);
        rows += count;
    }
    FUZZ_HOLDS(rows < lines || rows == 0);
    FUZZ_HOLDS(told != NULL || json_integer_value(json_object_get(answer, "exit")) != SATCHEL_EXIT_OK);
    json_decref(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    static int64_t n;
    satchel_reader input = satchel_reader_of(satchel_bytes_of(data, bytes));
    const char *const argv[] = {"import", entities[fuzz_choice(&input, ENTITY_COUNT)], "-", "--dry-run", "--json"};
    satchel_text text = satchel_text_from(fuzz_rest(&input));
    if (!satchel_text_valid(text)) {
        return 0; /* what reads the file makes it valid or refuses it */
    }
    if (host == NULL) {
        begin();
        n = revision();
    }
    fuzz_begin();
    json_t *answer = ask(5, argv, text);
    judge(answer, text);
    json_decref(answer);
    FUZZ_HOLDS(revision() == n);
    fuzz_end_keeping(CSV_MEMORY(bytes), KEPT_MEMORY);
    return 0;
}

void fuzz_seeds(void) {
    static const struct {
        uint8_t entity;
        const char *text;
    } files[] = {
        {0, "name,city\r\nTea House,Shanghai\r\n\"Wang \"\"Best\"\" Tea\",\"a,\nb\"\r\n"},
        {0, "external_id,name,tags,credit_limit_minor\nC1,\xe8\x8c\xb6,a;b,100\nC1,\xe8\x8c\xb6 2,c,-5\n"},
        {0, "name,name\nx,y\n"},
        {0, "name,nothing\nx,y\n"},
        {0, "name\n\n\nx,y\n\"unfinished"},
        {1, "customer,name,main,birthday\nNobody,Li,true,1999-02-28\n"},
        {2, "name,price_minor\nTea,100\nTea,x\n"},
        {3, "title,due_at\nCall,2026-11-22T08:00:00Z\nCall,1\n"},
    };
    satchel_buffer seed = {NULL, 0, 0};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        fuzz_start_seed(&seed, files[i].entity);
        fuzz_append_text(&seed, files[i].text);
        fuzz_seed(satchel_buffer_view(&seed));
    }
    satchel_buffer_deinit(&seed);
}
