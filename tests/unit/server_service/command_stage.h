/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A company with two reps and their boss, and phones that give commands.
 */
#ifndef SATCHEL_TESTS_COMMAND_STAGE_H
#define SATCHEL_TESTS_COMMAND_STAGE_H

#include "service/command_admin.h"
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/text.h"

#define DAY_MS INT64_C(86400000)

typedef struct command_day {
    stage here;
    satchel_id boss, li, wang;
    satchel_id customer; /* Li's */
    phone lis, wangs;
} command_day;

void command_day_open(command_day *day);
void command_day_close(command_day *day);

/* A unit with one command; `set` NULL: no arguments. */
void give(phone *mine, satchel_command_kind kind, uint32_t entity, const satchel_id *row, const satchel_record *set);
void give_customer(phone *mine, satchel_command_kind kind, const satchel_id *customer);
void give_id(phone *mine, satchel_command_kind kind, uint32_t entity, const satchel_id *row, uint32_t field,
             const satchel_id *id);

/* The same at the desk, committed; the status that it had. */
satchel_status desk_give(stage *here, const satchel_actor *actor, satchel_command_kind kind, uint32_t entity,
                         const satchel_id *row, const satchel_record *set, satchel_command_outcome *out);
void set_rule(stage *here, const char *name, int64_t value);

satchel_id pool_customer(command_day *day, const char *name);
satchel_id owner_of(stage *here, const satchel_id *customer);
int64_t number_of(stage *here, uint32_t entity, const satchel_id *row, uint32_t field);
bool is_owner(stage *here, const satchel_id *customer, const satchel_id *user);

/* The approval that waits, none if there is none. */
satchel_id approval_waiting(stage *here);
satchel_status approval_decide(stage *here, const satchel_id *user, const satchel_id *approval, int64_t decision);

/* A draft of Li's with a line of 20.00 and this discount; his phone has sent it. */
satchel_id order_of_li(command_day *day, int64_t discount_bp);

#endif
