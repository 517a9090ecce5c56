/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user sees: the server's row with the phone's own ops on top, by the very code that the server will run.
 *
 * The news stand for the server's versions; what is not among them counts as known to the ops' author. Own writes get a
 * revision above all others and the phone's own writer, so that later own ops see them as theirs.
 */
#include "base/error.h"
#include "merge/kernel.h"

#include <string.h>

/* Stands in where the phone does not know the number that the server interned for it. */
#define NAMELESS_INCARNATION (SATCHEL_WRITER_SEVERAL - 1)

typedef struct rebase_work {
    satchel_arena arena;
    satchel_merge_context context;
    satchel_writer *known; /* the ancestry, with a last entry for the own ops before the current one */
    satchel_merge_row row;
} rebase_work;

static satchel_status prepare(rebase_work *work, const satchel_merge_context *context, const satchel_record *server,
                              const satchel_versions *news) {
    uint32_t known = context->ancestry.count;
    work->context = *context;
    work->context.n = UINT64_MAX;
    if (context->writer.incarnation == 0) {
        work->context.writer.incarnation = NAMELESS_INCARNATION;
    }
    work->known = satchel_arena_take_array(&work->arena, (size_t)known + 1, sizeof *work->known);
    if (work->known == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (known > 0) {
        memcpy(work->known, context->ancestry.known, known * sizeof *work->known);
    }
    work->context.ancestry = (satchel_ancestry){work->known, known + 1};
    satchel_merge_row_init(&work->row, &work->arena);
    satchel_status status = SATCHEL_OK;
    if (server != NULL) {
        const satchel_value *deleted = satchel_record_get(server, SATCHEL_FIELD_DELETED);
        work->row.exists = true;
        work->row.deleted = deleted != NULL && deleted->type == SATCHEL_TYPE_BOOL && deleted->as.boolean;
        status = satchel_record_copy(server, &work->row.value);
        satchel_record_remove(&work->row.value, SATCHEL_FIELD_DELETED);
    }
    for (uint32_t i = 0; news != NULL && i < news->count && status == SATCHEL_OK; i++) {
        status = satchel_versions_put(&work->row.versions, &news->items[i]);
    }
    return status;
}

static bool is_voided(const satchel_op *ops, uint32_t op_count, uint64_t sequence) {
    for (uint32_t i = 0; i < op_count; i++) {
        if (ops[i].kind == SATCHEL_OP_VOID && ops[i].target == sequence) {
            return true;
        }
    }
    return false;
}

static satchel_status replay(rebase_work *work, const satchel_op *op, int64_t stamp_ms) {
    satchel_merge_outcome outcome;
    satchel_merge_outcome_init(&outcome, &work->arena);
    work->context.stamp_ms = stamp_ms;
    work->context.writer.sequence = op->sequence;
    work->known[work->context.ancestry.count - 1] =
        (satchel_writer){work->context.writer.incarnation, op->sequence > 0 ? op->sequence - 1 : 0};
    satchel_status status = satchel_merge_apply(&work->context, &work->row, op, &outcome, NULL);
    /* What the server will refuse as a whole shows nothing; its result will say why. */
    return status == SATCHEL_NO_MEMORY ? status : SATCHEL_OK;
}

static satchel_status replay_all(rebase_work *work, const satchel_merge_context *context, const satchel_op *ops,
                                 uint32_t op_count) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; i < op_count && status == SATCHEL_OK; i++) {
        const satchel_op *op = &ops[i];
        bool silent = op->kind == SATCHEL_OP_VOID || op->kind == SATCHEL_OP_COMMAND;
        if (!silent && !is_voided(ops, op_count, op->sequence)) {
            status = replay(work, op, context->op_stamps_ms != NULL ? context->op_stamps_ms[i] : context->stamp_ms);
        }
    }
    return status;
}

satchel_status satchel_merge_rebase(const satchel_merge_context *context, const satchel_record *server,
                                    const satchel_versions *news, const satchel_op *ops, uint32_t op_count,
                                    satchel_record *out, bool *out_deleted, satchel_error *error) {
    if (server == NULL && (op_count == 0 || ops[0].kind != SATCHEL_OP_CREATE)) {
        return satchel_fail(error, SATCHEL_NOT_FOUND, "there is no row to show");
    }
    rebase_work work;
    satchel_arena_init(&work.arena);
    satchel_status status = prepare(&work, context, server, news);
    if (status == SATCHEL_OK) {
        status = replay_all(&work, context, ops, op_count);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_copy(&work.row.value, out);
    }
    if (status == SATCHEL_OK) {
        *out_deleted = work.row.deleted || !work.row.exists;
    } else {
        status = satchel_fail(error, status, "the row cannot be rebased");
    }
    satchel_arena_deinit(&work.arena);
    return status;
}
