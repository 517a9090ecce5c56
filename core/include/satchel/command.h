/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: what a phone cannot do by itself and asks the server to do. The server decides when it arrives: the first
 * valid one wins, later ones are refused with the winner's name.
 *
 * A command is a unit of the op log: durable at once, sent like any other, never carried out twice. Until its result is
 * stored the row shows that something of it is under way (SATCHEL_ROW_PENDING); its values stay what they are. What a
 * refused one means stands in satchel_status_text and in satchel_commands_list.
 *
 * Common errors: UNAUTHENTICATED (not enrolled), NOT_FOUND (the row is not here), FORBIDDEN (no role of his could),
 * LOCKED, READ_ONLY_STORE, DISK_FULL, IO_ERROR, NO_MEMORY.
 */
#ifndef SATCHEL_COMMAND_H
#define SATCHEL_COMMAND_H

#include <satchel/device.h>
#include <satchel/write.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `receipt` may be NULL everywhere. */
SATCHEL_MUST_USE satchel_status satchel_customer_claim(satchel_device *device, const satchel_id *customer,
                                                       satchel_receipt *receipt, satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_customer_release(satchel_device *device, const satchel_id *customer,
                                                         satchel_receipt *receipt, satchel_error *error);
/* Errors: INVALID_ARGUMENT (`user` is none). */
SATCHEL_MUST_USE satchel_status satchel_customer_transfer(satchel_device *device, const satchel_id *customer,
                                                          const satchel_id *user, satchel_receipt *receipt,
                                                          satchel_error *error);
/* `gone` goes into `survivor`. Errors: INVALID_ARGUMENT (they are the same). */
SATCHEL_MUST_USE satchel_status satchel_customer_merge(satchel_device *device, const satchel_id *gone,
                                                       const satchel_id *survivor, satchel_receipt *receipt,
                                                       satchel_error *error);
SATCHEL_MUST_USE satchel_status satchel_customer_unmerge(satchel_device *device, const satchel_id *gone,
                                                         satchel_receipt *receipt, satchel_error *error);

/* `decision`: choice of approval.decision; `comment` may be empty. Errors: OUT_OF_RANGE (decision), TOO_LONG. */
SATCHEL_MUST_USE satchel_status satchel_approval_decide(satchel_device *device, const satchel_id *approval,
                                                        int64_t decision, satchel_text comment,
                                                        satchel_receipt *receipt, satchel_error *error);

/*
 * Asks the server to submit: the order stays a draft until the server says so, and its total is checked there.
 * satchel_order_submit submits at once. Errors: LATE_FOR_PARENT (no draft any more).
 */
SATCHEL_MUST_USE satchel_status satchel_order_request(satchel_device *device, const satchel_id *order,
                                                      satchel_receipt *receipt, satchel_error *error);

/*
 * `entity`: visit_plan, or plan_stop, whose row need not be here yet (a new stop) and goes if `record` is empty.
 * `record`: protobuf bytes with the fields to change. Errors: INVALID_ARGUMENT (another entity), and those of
 * validation.
 */
SATCHEL_MUST_USE satchel_status satchel_plan_change(satchel_device *device, uint32_t entity, const satchel_id *row,
                                                    satchel_bytes record, satchel_receipt *receipt,
                                                    satchel_error *error);

/*
 * Decides on a conflict: KEEP leaves the winner, RESTORE writes the loser again as an edit of the user's, EDIT writes
 * `record` (protobuf bytes of the subject's entity). Edit and decision are one unit.
 * Errors: INVALID_ARGUMENT (decision; EDIT without a record), ILLEGAL_STATE (decided before), NOT_FOUND (the conflict
 * or its row is not here), and those of satchel_write_edit.
 */
typedef enum satchel_resolution {
    SATCHEL_RESOLVE_KEEP = 1,
    SATCHEL_RESOLVE_RESTORE = 2,
    SATCHEL_RESOLVE_EDIT = 3
} satchel_resolution;
SATCHEL_MUST_USE satchel_status satchel_conflict_resolve(satchel_device *device, const satchel_id *conflict,
                                                         satchel_resolution resolution, satchel_bytes record,
                                                         satchel_receipt *receipt, satchel_error *error);

/* --- what became of them --- */

typedef enum satchel_command_state {
    SATCHEL_COMMAND_WAITING = 1,  /* not sent yet */
    SATCHEL_COMMAND_SENT = 2,     /* sent, no result stored yet */
    SATCHEL_COMMAND_ACCEPTED = 3, /* `status` OK: carried out; APPROVAL_PENDING: it waits for an approval */
    SATCHEL_COMMAND_REFUSED = 4,  /* `status` says why */
    SATCHEL_COMMAND_HELD = 5,
    SATCHEL_COMMAND_PARKED = 6
} satchel_command_state;

typedef struct satchel_command_info {
    uint64_t sequence;
    uint64_t unit; /* for satchel_reason_dismiss */
    satchel_command_kind kind;
    satchel_command_state state;
    uint32_t entity;
    satchel_id row;
    satchel_status status;
    satchel_text rule;     /* for administrators */
    satchel_id winner;     /* the user who came first; none: nobody, or not to be seen */
    int64_t winner_ms;     /* when he did, 0: not known */
    int64_t at_ms;         /* when it was given */
    satchel_bytes request; /* protobuf bytes: its fields */
} satchel_command_info;

typedef struct satchel_commands satchel_commands;
/* The newest `limit` (1 … SATCHEL_PAGE_ROWS_MOST) that are not dismissed. Errors: LOCKED, INVALID_ARGUMENT, IO_ERROR.
 */
SATCHEL_MUST_USE satchel_status satchel_commands_list(satchel_commands **out, satchel_device *device, uint32_t limit,
                                                      satchel_error *error);
void satchel_commands_close(satchel_commands *commands);
uint32_t satchel_commands_count(const satchel_commands *commands);
/* Errors: OUT_OF_RANGE. Texts and bytes are owned by `commands`. */
SATCHEL_MUST_USE satchel_status satchel_commands_at(const satchel_commands *commands, uint32_t index,
                                                    satchel_command_info *out);

#ifdef __cplusplus
}
#endif
#endif
