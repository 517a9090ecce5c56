/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server and a phone of it for the error loops: the server's data folder with its lane and readers, its files under
 * the medium that fails; the phone a whole device. Trouble is on only while the server works.
 *
 * A scenario begins from copies of two folders and does one thing on the server. Then: the status is typed and fits;
 * OK is given only for what is durable; what failed has not happened, or has happened whole; done again, or sent again
 * by the phone, it happens once; nothing goes to quarantine; the audit chain holds; the server opens again.
 */
#ifndef SATCHEL_TESTS_FAULT_SUPPORT_COMPANY_H
#define SATCHEL_TESTS_FAULT_SUPPORT_COMPANY_H

#include "fault/support/fault.h"
#include "fault/support/trouble.h"
#include "host/host.h"
#include "service/admin.h"
#include "support/temp.h"

#include <satchel/sync.h>

#define COMPANY_NUMBERS 20u
#define COMPANY_GROUP 3u

typedef struct company {
    satchel_host *host;
    satchel_device *phone;
    satchel_device *newcomer; /* not enrolled yet */
    satchel_enrolment *enrolment;
    satchel_exchange *exchange;
    satchel_http_request request; /* the exchange's, or the enrolment's */
    bool has_request;
    satchel_buffer reply;
    uint32_t http_status;
    int64_t monotonic_ms;
    uint64_t randoms;
    bool group_ran;
    satchel_status group[COMPANY_GROUP]; /* what the jobs of a group were told */
    char server_folder[TEST_PATH_BYTES];
    char phone_folder[TEST_PATH_BYTES];
    char newcomer_folder[TEST_PATH_BYTES];
    satchel_error error;
} company;

typedef struct company_scenario {
    const char *name;
    bool killed;                             /* begins with the folder of a server that was killed */
    bool closed;                             /* begins without a running server */
    bool in_parts;                           /* a part of it may succeed; done again, it checks that part itself */
    satchel_status (*stand)(company *here);  /* before, without trouble; NULL: nothing */
    satchel_status (*act)(company *here);    /* the server works; once more after a failure */
    satchel_status (*finish)(company *here); /* afterwards, without trouble; NULL: nothing */
} company_scenario;

/* Ends with a NULL name. */
extern const company_scenario company_scenarios[];

typedef struct company_numbers {
    int64_t of[COMPANY_NUMBERS];
} company_numbers;

typedef struct company_truth {
    company_numbers before, after, final;
} company_truth;

bool company_begin(void);
void company_end(void);
/* `end` is called when the act is done. */
bool company_measure(const company_scenario *scenario, void (*begin)(void), void (*end)(void), company_truth *out);
void company_point(const company_scenario *scenario, const company_truth *truth, const fault_trouble *trouble);

/* --- for the scenes --- */

satchel_status company_open_server(company *here);
/* On the lane, wherever the trouble is counted. */
satchel_status company_write(company *here, satchel_lane_work work, void *context);
/* Carries out the pending request as the server's routes do; `reply` and `http_status` are what the phone will see. */
satchel_status company_serve(company *here);
/* The phone's next request; none when the exchange is over. */
satchel_status company_next_request(company *here);
satchel_status company_feed(company *here);
satchel_status company_enrol_begin(company *here, satchel_device *device);
/* What the company has before anything else: people, customers, an enrolled phone with edits that wait. */
satchel_status company_fill(company *here);
satchel_status company_make_device(company *here, const char *folder, satchel_device **out);

#endif
