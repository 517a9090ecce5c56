/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why things are as they are: conflicts with both values, refused, held and parked changes, and what waits.
 */
#ifndef SATCHEL_EXPLAIN_H
#define SATCHEL_EXPLAIN_H

#include <satchel/device.h>
#include <satchel/read.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum satchel_reason_kind {
    SATCHEL_REASON_WAITING = 1,  /* committed here, not sent yet */
    SATCHEL_REASON_SENT = 2,     /* sent, no decision stored yet */
    SATCHEL_REASON_CONFLICT = 3, /* a value lost, or a person has to decide */
    SATCHEL_REASON_REFUSED = 4,
    SATCHEL_REASON_HELD = 5,   /* waits for op `held_by` that was not accepted */
    SATCHEL_REASON_PARKED = 6, /* kept on the server for a supervisor; the row may be gone from here */
    SATCHEL_REASON_GONE = 7,   /* the row left this user's reach */
    SATCHEL_REASON_UNREAD = 8  /* this version cannot read what the server sent of the row */
} satchel_reason_kind;

/* What an own op does. */
typedef enum satchel_change_kind {
    SATCHEL_CHANGE_CREATE = 1,
    SATCHEL_CHANGE_EDIT = 2,
    SATCHEL_CHANGE_DELETE = 3,
    SATCHEL_CHANGE_UNDO = 4,
    SATCHEL_CHANGE_COMMAND = 5
} satchel_change_kind;

typedef struct satchel_reason {
    satchel_reason_kind kind;
    uint64_t sequence; /* op of this phone, 0 if none */
    uint64_t unit;     /* first sequence of its unit, names the group that is mended or dismissed as one */
    uint32_t entity;
    satchel_id row;
    uint32_t field;        /* conflict: the field or first field of the group; refused: the field, or 0 */
    satchel_status status; /* what explains it */
    satchel_text rule;     /* name of the rule, for administrators */
    int64_t at_ms;         /* when it was committed (own op) or decided */
    uint64_t held_by;
    bool open;            /* conflict: a person still has to decide */
    uint32_t policy;      /* conflict: satchel_policy number */
    satchel_id conflict;  /* conflict: id of its row */
    satchel_bytes mine;   /* protobuf bytes of the entity's message with the fields concerned: what this user wrote */
    satchel_bytes theirs; /* conflict: the value on the other side; `mine_stands` tells which one holds */
    bool mine_stands;
    satchel_id other_user;
    int64_t other_ms;
    satchel_change_kind change; /* own op: what it does, else 0 */
    satchel_bytes base;         /* conflict: what this user saw when he wrote, if that is known; empty: it is not */
    uint32_t unit_ops;          /* own op: how many its unit has, which are mended or dismissed as one */
    satchel_id keeper;          /* parked: who decides on it; none: an administrator, or somebody not to be named */
} satchel_reason;

/* A plain sentence for a user in `language` ("zh…": Chinese, else English); the status says more. Static. */
const char *satchel_reason_text(satchel_reason_kind kind, const char *language);

typedef struct satchel_reasons satchel_reasons;

/* Everything that concerns one row, newest first. Errors: LOCKED, IO_ERROR, DAMAGED, NO_MEMORY. */
SATCHEL_MUST_USE satchel_status satchel_why(satchel_reasons **out, satchel_device *device, uint32_t entity,
                                            const satchel_id *id, satchel_error *error);

/*
 * All reasons of a kind, newest first, at most `limit` (1 … SATCHEL_PAGE_ROWS_MOST).
 * Errors: as satchel_why, INVALID_ARGUMENT (kind or limit).
 */
SATCHEL_MUST_USE satchel_status satchel_reasons_list(satchel_reasons **out, satchel_device *device,
                                                     satchel_reason_kind kind, uint32_t limit, satchel_error *error);
void satchel_reasons_close(satchel_reasons *reasons);
uint32_t satchel_reasons_count(const satchel_reasons *reasons);
/* Errors: OUT_OF_RANGE. Texts and bytes are owned by `reasons`. */
SATCHEL_MUST_USE satchel_status satchel_reasons_at(const satchel_reasons *reasons, uint32_t index, satchel_reason *out);

/*
 * The user has seen a refused, held or parked unit and gives it up; it stays listed in the log.
 * Errors: NOT_FOUND, MISUSE (the server has not decided on it yet), LOCKED, IO_ERROR, DISK_FULL.
 */
SATCHEL_MUST_USE satchel_status satchel_reason_dismiss(satchel_device *device, uint64_t unit, satchel_error *error);

#ifdef __cplusplus
}
#endif
#endif
