/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of a sync answer: head, results, scope sets, rows, removals, page end; written and read frame by frame.
 */
#ifndef SATCHEL_WIRE_ANSWER_H
#define SATCHEL_WIRE_ANSWER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "wire/digest.h"

/* What the server decided of an op. The numbers are sent and stored. */
typedef enum satchel_result_code {
    SATCHEL_RESULT_APPLIED = 1,
    SATCHEL_RESULT_MERGED = 2, /* applied, but some fields lost: see losses */
    SATCHEL_RESULT_REFUSED = 3,
    SATCHEL_RESULT_PARKED = 4, /* kept on the server for the row's supervisor */
    SATCHEL_RESULT_HELD = 5    /* not applied because something that it depends on was not */
} satchel_result_code;

/* [epoch 4][n 8], big-endian, and 16 bytes of a keyed hash over them and what was decided. */
#define SATCHEL_RECEIPT_BYTES 28
#define SATCHEL_ANSWER_DIGEST_BYTES 32
#define SATCHEL_LIMIT_RULE_BYTES 256     /* name of a rule in a result */
#define SATCHEL_LIMIT_REMOVED_ROWS 65536 /* rows of one removal */
#define SATCHEL_CURSOR_MARK_BYTES 8

typedef struct satchel_answer_head {
    satchel_status status;
    int64_t server_time_ms;
    uint32_t epoch;
    bool token_moved;
    uint64_t applied_through;
    uint32_t minimum_schema;
    uint32_t backoff_ms;
    satchel_bytes fork_digest; /* empty or SATCHEL_ANSWER_DIGEST_BYTES */
    uint64_t request_number;   /* of the request that is answered; 0: not said */
    uint64_t verified_n;       /* everything up to this revision is in a backup that was read back; 0: there is none */
    uint64_t highest_number;   /* REPLAYED: the highest that the server has seen of this device; 0: not said */
    satchel_bytes orders;      /* signed standing orders, when the phone holds older ones (wire/orders.h) */
    satchel_bytes checkpoint;  /* signed checkpoint of the audit, when it moved */
    satchel_bytes witnessed;   /* the chain's own hash where the phone's checkpoint stands: empty or 32 bytes */
} satchel_answer_head;

typedef struct satchel_result_loss {
    uint32_t field;
    uint32_t policy; /* satchel_policy */
    uint32_t kind;   /* satchel_loss_kind */
    satchel_status status;
    satchel_id conflict;
    satchel_bytes winner; /* encoded records of the op's entity */
    satchel_bytes loser;
    satchel_id winner_user;
    int64_t winner_ms;
} satchel_result_loss;

typedef struct satchel_op_result {
    uint32_t index;
    satchel_result_code code;
    satchel_status status;
    uint32_t field;
    uint64_t held_by;
    satchel_text rule;
    const satchel_result_loss *losses;
    uint32_t loss_count;
} satchel_op_result;

typedef struct satchel_unit_result {
    uint64_t first_sequence;
    uint32_t count;
    satchel_result_code code; /* of ops that are not listed */
    int64_t stamp_ms;
    const satchel_op_result *ops; /* by index; only those that differ or explain */
    uint32_t op_count;
    satchel_bytes receipt; /* empty or SATCHEL_RECEIPT_BYTES */
    satchel_id keeper;     /* parked: who decides on it; none: an administrator, or nobody whom this user may know */
} satchel_unit_result;

typedef struct satchel_scope_set {
    uint32_t number;
    const uint32_t *scopes;
    uint32_t scope_count;
} satchel_scope_set;

typedef struct satchel_row_frame {
    uint32_t entity;
    satchel_id row;
    uint64_t n;
    uint32_t scope_set;
    bool whole;
    satchel_bytes record; /* encoded record of the entity */
    const uint32_t *cleared;
    uint32_t cleared_count;
    bool deleted;
} satchel_row_frame;

typedef struct satchel_removal_frame {
    uint32_t entity;
    satchel_bytes rows; /* SATCHEL_ID_BYTES each */
} satchel_removal_frame;

/* Everything that the phone holds of these rows goes, what waits to be sent included. */
typedef struct satchel_erased_frame {
    satchel_id erasure;
    uint32_t entity;
    satchel_bytes rows; /* SATCHEL_ID_BYTES each */
} satchel_erased_frame;

typedef struct satchel_page_end {
    uint8_t continues[SATCHEL_CURSOR_MARK_BYTES];
    satchel_bytes cursor; /* empty: as in the request */
    uint64_t position_n;
    bool more;
    uint64_t rows_done;
    uint64_t rows_total;
    satchel_bytes digest; /* empty or SATCHEL_ROW_DIGEST_BYTES: of all that the phone holds behind this page */
} satchel_page_end;

/* Ranges that the phone asked about, without sums (wire/digest.h); those that agree are not named. */
typedef struct satchel_ranges_frame {
    satchel_bytes settled; /* what this answer holds of them is all there is */
    satchel_bytes split;   /* to be asked about in finer ones */
    /* Rows of the settled ranges: the first lanes of their elements, 8 bytes each, big-endian, ascending. */
    satchel_bytes elements;
} satchel_ranges_frame;

typedef enum satchel_frame_kind {
    SATCHEL_FRAME_NONE = 0, /* the end of the payload */
    SATCHEL_FRAME_HEAD = 1,
    SATCHEL_FRAME_RESULT = 2,
    SATCHEL_FRAME_SCOPE_SET = 3,
    SATCHEL_FRAME_SCOPE_LOSS = 4, /* in `scope_set`, number 0 */
    SATCHEL_FRAME_ROW = 5,
    SATCHEL_FRAME_REMOVAL = 6,
    SATCHEL_FRAME_END = 7,
    SATCHEL_FRAME_RANGES = 8,
    SATCHEL_FRAME_ERASED = 9,
    SATCHEL_FRAME_MOST = SATCHEL_FRAME_ERASED
} satchel_frame_kind;

typedef struct satchel_answer_frame {
    satchel_frame_kind kind;
    union {
        satchel_answer_head head;
        satchel_unit_result result;
        satchel_scope_set scope_set;
        satchel_row_frame row;
        satchel_removal_frame removal;
        satchel_page_end end;
        satchel_erased_frame erased;
        satchel_ranges_frame ranges;
    } as;
} satchel_answer_frame;

/* Appends one frame. Errors: NO_MEMORY, LIMIT_EXCEEDED, INVALID_ARGUMENT (a member that its kind needs is missing). */
SATCHEL_MUST_USE satchel_status satchel_answer_write(const satchel_answer_frame *frame, satchel_buffer *payload);

/*
 * Reads the next frame; byte strings are borrowed from the payload, arrays live in `arena`. Unknown frames are skipped.
 * The order of frames is checked by satchel_answer_check, not here. Errors: MALFORMED, LIMIT_EXCEEDED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_answer_read(satchel_reader *payload, satchel_arena *arena,
                                                    satchel_answer_frame *out, satchel_error *error);

/* What a payload holds, without its rows. */
typedef struct satchel_answer_survey {
    satchel_answer_head head; /* borrowed from the payload */
    satchel_page_end end;
    bool has_end;
    uint32_t counts[SATCHEL_FRAME_MOST + 1]; /* frames by kind */
} satchel_answer_survey;

/* As satchel_answer_check, and counts the frames. */
SATCHEL_MUST_USE satchel_status satchel_answer_look(satchel_bytes payload, satchel_arena *arena,
                                                    satchel_answer_survey *out, satchel_error *error);

/*
 * Walks a whole payload once: every frame well-formed, the head first, kinds ascending, at most one end and it last
 * (ranges stand before it).
 * Gives head and end (`*out_has_end` false if none). Errors: MALFORMED, LIMIT_EXCEEDED, NO_MEMORY.
 */
SATCHEL_MUST_USE satchel_status satchel_answer_check(satchel_bytes payload, satchel_arena *arena,
                                                     satchel_answer_head *out_head, satchel_page_end *out_end,
                                                     bool *out_has_end, satchel_error *error);

/* The mark by which a page names the cursor that it continues: first 8 bytes of BLAKE2b-256. */
void satchel_cursor_mark(satchel_bytes cursor, uint8_t out[SATCHEL_CURSOR_MARK_BYTES]);

#endif
