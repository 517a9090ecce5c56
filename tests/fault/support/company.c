/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server and its phone, their folders, and the judge.
 */
#include "fault/support/company.h"

#include "base/text.h"
#include "crypto/crypto.h"
#include "db/db.h"
#include "fault/support/medium.h"
#include "fault/support/shortage.h"
#include "service/exchange.h"
#include "support/test.h"
#include "wire/enroll.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW_MS INT64_C(1795305600000)
#define ROUNDS_MOST 8
#define COPY_BYTES 65536

static struct {
    test_temp temp;
    char image[TEST_PATH_BYTES];  /* of a server that was closed */
    char killed[TEST_PATH_BYTES]; /* of one that was not */
    char phone[TEST_PATH_BYTES];
    uint64_t points;
} ground;

/* --- folders --- */

static bool copy_file(const char *from, const char *to) {
    char bytes[COPY_BYTES];
    bool fine = true;
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    while (in != NULL && out != NULL && fine) {
        size_t got = fread(bytes, 1, sizeof bytes, in);
        fine = fwrite(bytes, 1, got, out) == got;
        if (got < sizeof bytes) {
            break;
        }
    }
    fine = fine && in != NULL && out != NULL && fclose(out) == 0;
    return in != NULL && fclose(in) == 0 && fine;
}

/* As a kill of its process leaves it: without the index in shared memory. */
static bool copy_folder(const char *from, const char *to) {
    DIR *folder = opendir(from);
    bool fine = folder != NULL && mkdir(to, 0700) == 0;
    for (struct dirent *entry; fine && (entry = readdir(folder)) != NULL;) {
        char source[2 * TEST_PATH_BYTES];
        char target[2 * TEST_PATH_BYTES];
        size_t bytes = strlen(entry->d_name);
        bool skipped = entry->d_name[0] == '.' || (bytes > 4 && strcmp(entry->d_name + bytes - 4, "-shm") == 0);
        (void)snprintf(source, sizeof source, "%s/%s", from, entry->d_name);
        (void)snprintf(target, sizeof target, "%s/%s", to, entry->d_name);
        fine = skipped || copy_file(source, target);
    }
    return (folder == NULL || closedir(folder) == 0) && fine;
}

static void remove_folder(const char *path) {
    test_temp folder;
    memcpy(folder.path, path, sizeof folder.path);
    if (access(path, F_OK) == 0) {
        test_temp_remove(&folder);
    }
}

/* --- the phone --- */

static satchel_status keystore_secret(void *context, uint8_t out[SATCHEL_KEYSTORE_SECRET_BYTES]) {
    (void)context;
    memset(out, 0x5a, SATCHEL_KEYSTORE_SECRET_BYTES);
    return SATCHEL_OK;
}

static void phone_now(void *context, int64_t *wall_ms, int64_t *monotonic_ms,
                      uint8_t boot_tag[SATCHEL_BOOT_TAG_BYTES]) {
    const company *here = context;
    *wall_ms = NOW_MS + here->monotonic_ms;
    *monotonic_ms = here->monotonic_ms;
    memset(boot_tag, 1, SATCHEL_BOOT_TAG_BYTES);
}

static satchel_status phone_random(void *context, uint8_t *out, size_t bytes) {
    company *here = context;
    for (size_t i = 0; i < bytes; i++) {
        here->randoms = here->randoms * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        out[i] = (uint8_t)(here->randoms >> 33);
    }
    return SATCHEL_OK;
}

static satchel_device_config device_config(company *here, const char *folder) {
    satchel_device_config config = SATCHEL_DEVICE_CONFIG_INIT;
    config.folder = folder;
    config.keys = (satchel_key_provider){.context = here, .secret = keystore_secret};
    config.platform = (satchel_platform){here, phone_now, phone_random};
    return config;
}

satchel_status company_make_device(company *here, const char *folder, satchel_device **out) {
    satchel_device_config config = device_config(here, folder);
    return satchel_device_create(out, &config, &here->error);
}

satchel_status company_next_request(company *here) {
    satchel_step step = {.kind = SATCHEL_STEP_WAIT};
    satchel_status status = SATCHEL_OK;
    here->has_request = false;
    if (here->exchange == NULL) {
        status = satchel_exchange_open(&here->exchange, here->phone, 0, &here->error);
    }
    while (status == SATCHEL_OK && step.kind == SATCHEL_STEP_WAIT) {
        memset(&step, 0, sizeof step);
        status = satchel_exchange_next(here->exchange, &step, &here->error);
        here->monotonic_ms += step.kind == SATCHEL_STEP_WAIT ? step.wait_ms : 0;
    }
    if (status == SATCHEL_OK && step.kind == SATCHEL_STEP_SEND) {
        here->request = step.request;
        here->has_request = true;
        return SATCHEL_OK;
    }
    satchel_exchange_close(here->exchange);
    here->exchange = NULL;
    return status != SATCHEL_OK ? status : step.status;
}

satchel_status company_feed(company *here) {
    here->monotonic_ms += 20;
    satchel_bytes body = satchel_buffer_view(&here->reply);
    here->has_request = false;
    if (here->enrolment != NULL) {
        return satchel_enrolment_feed(here->enrolment, here->http_status, body, &here->error);
    }
    return satchel_exchange_feed(here->exchange, here->http_status, body, 20, &here->error);
}

/* --- the server --- */

satchel_status company_open_server(company *here) {
    const satchel_host_config config = {.folder = here->server_folder};
    return satchel_host_open(&here->host, &config, &here->error);
}

typedef struct lane_visit {
    satchel_lane_work work;
    void *context;
} lane_visit;

static satchel_status work_on_lane(void *context, satchel_db *db, satchel_error *error) {
    const lane_visit *visit = context;
    shortage_go_on();
    satchel_status status = visit->work(visit->context, db, error);
    shortage_pause();
    return status;
}

satchel_status company_write(company *here, satchel_lane_work work, void *context) {
    lane_visit visit = {work, context};
    shortage_pause();
    satchel_status status = satchel_host_write(here->host, work_on_lane, &visit, &here->error);
    shortage_go_on();
    return status;
}

typedef struct serving {
    company *here;
    satchel_signed_headers headers;
    satchel_server_exchange *exchange;
} serving;

static void take_headers(serving *work) {
    const satchel_http_request *request = &work->here->request;
    const struct {
        const char *name;
        char *out;
    } wanted[] = {{"Content-Digest", work->headers.content_digest},
                  {"Satchel-Request", work->headers.request_number},
                  {"Signature-Input", work->headers.signature_input},
                  {"Signature", work->headers.signature}};
    for (uint32_t i = 0; i < request->header_count; i++) {
        for (size_t w = 0; w < sizeof wanted / sizeof wanted[0]; w++) {
            if (strcmp(request->headers[i].name, wanted[w].name) == 0) {
                (void)snprintf(wanted[w].out, SATCHEL_SIGNING_HEADER_BYTES, "%s", request->headers[i].value);
            }
        }
    }
}

static satchel_status read_it(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    return satchel_server_exchange_read(&work->exchange, satchel_host_service(work->here->host), db, "POST", "/v1/sync",
                                        &work->headers, work->here->request.body, error);
}

static satchel_status apply_it(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    return satchel_server_exchange_apply(work->exchange, db, error);
}

static satchel_status answer_it(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    return satchel_server_exchange_answer(work->exchange, db, &work->here->reply, &work->here->http_status, error);
}

static satchel_status enrol_it(void *context, satchel_db *db, satchel_error *error) {
    serving *work = context;
    company *here = work->here;
    satchel_buffer_clear(&here->reply);
    return satchel_service_enroll(satchel_host_service(here->host), db, here->request.body, &here->reply,
                                  &here->http_status, error);
}

static satchel_status serve_exchange(serving *work) {
    company *here = work->here;
    satchel_status status = satchel_host_read(here->host, read_it, work, &here->error);
    for (int round = 0; status == SATCHEL_OK && round < ROUNDS_MOST; round++) {
        if (satchel_server_exchange_needs_apply(work->exchange)) {
            status = company_write(here, apply_it, work);
        }
        if (status == SATCHEL_OK) {
            status = satchel_host_read(here->host, answer_it, work, &here->error);
        }
        if (status == SATCHEL_OK && !satchel_server_exchange_needs_apply(work->exchange)) {
            return status;
        }
    }
    return status != SATCHEL_OK ? status : SATCHEL_BUSY;
}

satchel_status company_serve(company *here) {
    serving work = {.here = here};
    take_headers(&work);
    satchel_status status = here->enrolment != NULL ? company_write(here, enrol_it, &work) : serve_exchange(&work);
    satchel_server_exchange_close(work.exchange);
    if (status != SATCHEL_OK) {
        satchel_buffer_clear(&here->reply);
        here->http_status = status == SATCHEL_BUSY || status == SATCHEL_NO_MEMORY ? 503 : 500;
    }
    return status;
}

/* --- numbers --- */

static const char *const questions[] = {
    "SELECT count(*) FROM customer",
    "SELECT count(*) FROM visit",
    "SELECT count(*) FROM assignment",
    "SELECT count(*) FROM customer WHERE name = 'Office'",
    "SELECT count(*) FROM customer WHERE name = 'Phone'",
    "SELECT count(*) FROM customer WHERE city = 'Ningbo'",
    "SELECT count(*) FROM unit_result",
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

static satchel_status ask(void *context, satchel_db *db, satchel_error *error) {
    struct {
        company *here;
        company_numbers *out;
    } *question = context;
    satchel_service_counts counts = {0};
    satchel_status status = satchel_service_count(satchel_host_service(question->here->host), db, &counts, error);
    const uint64_t counted[] = {counts.users,        counts.devices,    counts.units_applied,     counts.units_refused,
                                counts.units_parked, counts.units_held, counts.units_quarantined, counts.conflicts,
                                counts.parked_open,  counts.memberships};
    size_t at = 0;
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        question->out->of[at++] = (int64_t)counted[i];
    }
    for (size_t i = 0; i < QUESTIONS && status == SATCHEL_OK; i++) {
        status = satchel_db_number_values(db, questions[i], NULL, 0, -1, &question->out->of[at++], error);
    }
    uint64_t bad = 0;
    uint64_t entries = 0;
    if (status == SATCHEL_OK) {
        status = satchel_audit_verify(db, &bad, &entries, error);
    }
    if (status == SATCHEL_OK && bad != 0) {
        fault_wrong(FAULT_SILENT, "the audit chain breaks at entry %llu", (unsigned long long)bad);
    }
    return status;
}

/* Of the server, and what the phone still waits for. */
static satchel_status count_all(company *here, company_numbers *out) {
    struct {
        company *here;
        company_numbers *out;
    } question = {here, out};
    memset(out, 0, sizeof *out);
    satchel_status status = here->host == NULL ? company_open_server(here) : SATCHEL_OK;
    return status == SATCHEL_OK ? satchel_host_read(here->host, ask, &question, &here->error) : status;
}

static satchel_status count_phone(company *here, company_numbers *out) {
    satchel_device_info info;
    satchel_status status = satchel_device_get_info(here->phone, &info, &here->error);
    if (status == SATCHEL_OK) {
        out->of[COMPANY_NUMBERS - 3] = (int64_t)info.units_unsent;
        out->of[COMPANY_NUMBERS - 2] = (int64_t)info.ops_refused;
        out->of[COMPANY_NUMBERS - 1] = (int64_t)info.rows;
    }
    return status;
}

static bool are_same(const company_numbers *a, const company_numbers *b) {
    return memcmp(a->of, b->of, sizeof a->of) == 0;
}

static const char *difference(const company_numbers *is, const company_numbers *expected) {
    static char text[96];
    for (unsigned i = 0; i < COMPANY_NUMBERS; i++) {
        if (is->of[i] != expected->of[i]) {
            (void)snprintf(text, sizeof text, "number %u is %lld, not %lld", i, (long long)is->of[i],
                           (long long)expected->of[i]);
            return text;
        }
    }
    return "no difference";
}

/* --- setting up --- */

static void stop_server(company *here) {
    satchel_host_close(here->host);
    here->host = NULL;
}

static void tear_down(company *here) {
    satchel_exchange_close(here->exchange);
    satchel_enrolment_close(here->enrolment);
    satchel_device_close(here->phone);
    satchel_device_close(here->newcomer);
    stop_server(here);
    satchel_buffer_deinit(&here->reply);
    remove_folder(here->server_folder);
    remove_folder(here->phone_folder);
    remove_folder(here->newcomer_folder);
}

static void set_names(company *here) {
    memset(here, 0, sizeof *here);
    here->randoms = ++ground.points;
    here->monotonic_ms = 1000;
    test_temp_path(&ground.temp, "server", here->server_folder);
    test_temp_path(&ground.temp, "phone", here->phone_folder);
    test_temp_path(&ground.temp, "newcomer", here->newcomer_folder);
}

static satchel_status set_up(company *here, const company_scenario *scenario) {
    set_names(here);
    if (!copy_folder(scenario->killed ? ground.killed : ground.image, here->server_folder) ||
        !copy_folder(ground.phone, here->phone_folder)) {
        return SATCHEL_IO_ERROR;
    }
    satchel_device_config config = device_config(here, here->phone_folder);
    satchel_status status = satchel_device_open(&here->phone, &config, &here->error);
    if (status == SATCHEL_OK && !scenario->closed) {
        status = company_open_server(here);
    }
    return status == SATCHEL_OK && scenario->stand != NULL ? scenario->stand(here) : status;
}

static satchel_status make_company(void *context, satchel_db *db, satchel_error *error) {
    const company *here = context;
    return satchel_company_init(satchel_host_service(here->host), db, satchel_text_of("Huaning"), error);
}

bool company_begin(void) {
    company here;
    ground.temp = test_temp_make();
    test_temp_path(&ground.temp, "image", ground.image);
    test_temp_path(&ground.temp, "killed", ground.killed);
    test_temp_path(&ground.temp, "held", ground.phone);
    medium_put_over(NULL, NULL);
    set_names(&here);
    const satchel_host_config config = {.folder = here.server_folder, .create = true};
    satchel_status status = satchel_crypto_init();
    if (status == SATCHEL_OK) {
        status = satchel_host_open(&here.host, &config, &here.error);
    }
    if (status == SATCHEL_OK) {
        status = company_write(&here, make_company, &here);
    }
    if (status == SATCHEL_OK) {
        status = company_fill(&here);
    }
    bool fine = status == SATCHEL_OK && copy_folder(here.server_folder, ground.killed);
    satchel_device_close(here.phone);
    here.phone = NULL;
    stop_server(&here);
    fine = fine && copy_folder(here.server_folder, ground.image) && copy_folder(here.phone_folder, ground.phone);
    if (!fine) {
        fault_wrong(FAULT_FAILURES, "no company: %s (%s)", satchel_status_name(status), here.error.detail);
    }
    tear_down(&here);
    return fine;
}

void company_end(void) {
    test_temp_remove(&ground.temp);
}

/* --- running and judging --- */

static satchel_status finish(company *here, const company_scenario *scenario) {
    satchel_status status = here->host == NULL ? company_open_server(here) : SATCHEL_OK;
    return status == SATCHEL_OK && scenario->finish != NULL ? scenario->finish(here) : status;
}

static satchel_status count_final(company *here, company_numbers *out) {
    satchel_status status = count_all(here, out);
    return status == SATCHEL_OK ? count_phone(here, out) : status;
}

bool company_measure(const company_scenario *scenario, void (*begin)(void), void (*end)(void), company_truth *out) {
    company here;
    satchel_status status = set_up(&here, scenario);
    if (status == SATCHEL_OK && !scenario->closed) {
        status = count_all(&here, &out->before);
    }
    if (status == SATCHEL_OK) {
        begin();
        status = scenario->act(&here);
        end();
    }
    if (status == SATCHEL_OK) {
        status = count_all(&here, &out->after);
    }
    if (scenario->closed) {
        out->before = out->after;
    }
    if (status == SATCHEL_OK) {
        status = finish(&here, scenario);
    }
    if (status == SATCHEL_OK) {
        status = count_final(&here, &out->final);
    }
    if (status != SATCHEL_OK) {
        fault_wrong(FAULT_FAILURES, "%s without trouble: %s (%s)", scenario->name, satchel_status_name(status),
                    here.error.detail);
    }
    tear_down(&here);
    return status == SATCHEL_OK;
}

typedef struct point {
    const company_scenario *scenario;
    const company_truth *truth;
    const fault_trouble *trouble;
    company here;
    satchel_status status;
    bool fine;
} point;

static void wrong(point *at, fault_counter counter, const char *what, satchel_status status) {
    at->fine = false;
    fault_wrong(counter, "%s, %s: %s: act %s, then %s (%s)", at->scenario->name, at->trouble->text, what,
                satchel_status_name(at->status), satchel_status_name(status), at->here.error.detail);
}

static void judge_act(point *at) {
    const company_truth *truth = at->truth;
    company_numbers now;
    if (at->status != SATCHEL_OK && !at->trouble->fits(at->status)) {
        wrong(at, FAULT_FAILURES, "a status that does not fit", at->status);
    }
    if (at->status == SATCHEL_OK && !at->scenario->closed && medium_wal_is_unsynced()) {
        wrong(at, FAULT_SILENT, "acknowledged before it was durable", at->status);
    }
    if (at->trouble->forever) {
        stop_server(&at->here);
    }
    at->trouble->disarm();
    satchel_status status = count_all(&at->here, &now);
    if (status != SATCHEL_OK) {
        wrong(at, at->here.host == NULL ? FAULT_UNOPENABLE : FAULT_FAILURES, "counting", status);
    } else if (at->status == SATCHEL_OK && !are_same(&now, &truth->after)) {
        wrong(at, FAULT_SILENT, difference(&now, &truth->after), status);
    } else if (!at->scenario->in_parts && !are_same(&now, &truth->before) && !are_same(&now, &truth->after)) {
        wrong(at, FAULT_SILENT, difference(&now, &truth->before), status);
    } else if (at->status != SATCHEL_OK && (at->scenario->in_parts || are_same(&now, &truth->before))) {
        status = at->scenario->closed ? SATCHEL_OK : at->scenario->act(&at->here);
        if (status != SATCHEL_OK) {
            wrong(at, FAULT_FAILURES, "the next try", status);
        }
    }
}

/* To the end, then the server once more from its folder, on every other point as a kill leaves it. */
static void judge_end(point *at) {
    company_numbers now;
    satchel_status status = finish(&at->here, at->scenario);
    if (status == SATCHEL_OK && ground.points % 2 == 0) {
        char copy[TEST_PATH_BYTES];
        test_temp_path(&ground.temp, "copy", copy);
        status = copy_folder(at->here.server_folder, copy) ? SATCHEL_OK : SATCHEL_INTERNAL;
        stop_server(&at->here);
        remove_folder(at->here.server_folder);
        memcpy(at->here.server_folder, copy, sizeof copy);
    } else {
        stop_server(&at->here);
    }
    if (status == SATCHEL_OK) {
        status = count_final(&at->here, &now);
    }
    if (status != SATCHEL_OK) {
        wrong(at, at->here.host == NULL ? FAULT_UNOPENABLE : FAULT_FAILURES, "the end", status);
    } else if (!are_same(&now, &at->truth->final)) {
        wrong(at, FAULT_SILENT, difference(&now, &at->truth->final), status);
    }
}

void company_point(const company_scenario *scenario, const company_truth *truth, const fault_trouble *trouble) {
    point at = {.scenario = scenario, .truth = truth, .trouble = trouble, .fine = true};
    at.status = set_up(&at.here, scenario);
    if (at.status != SATCHEL_OK) {
        wrong(&at, FAULT_FAILURES, "setting up", at.status);
    } else {
        trouble->arm(trouble->context);
        at.status = scenario->act(&at.here);
        bool struck = trouble->has_struck();
        judge_act(&at);
        if (at.fine) {
            judge_end(&at);
        }
        if (struck) {
            fault_count(trouble->counter, 1);
        }
    }
    tear_down(&at.here);
}
