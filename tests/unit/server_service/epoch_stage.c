/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of restored servers share.
 */
#include "epoch_stage.h"

#include "base/ids.h"
#include "base/memory.h"

#include <string.h>

/* --- a backup in memory --- */

static satchel_status to_tape(void *context, satchel_bytes piece, bool last, satchel_error *error) {
    tape *on = context;
    (void)last;
    (void)error;
    REQUIRE(on->count < 64);
    return satchel_buffer_append(&on->pieces[on->count++], piece);
}

void tape_record(stage *here, tape *out) {
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    memset(out, 0, sizeof *out);
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(satchel_backup_dump(here->service, here->db, to_tape, out, &out->facts, &error));
    satchel_db_rollback(here->db);
}

void tape_erase(tape *on) {
    for (uint32_t i = 0; i < on->count; i++) {
        satchel_buffer_deinit(&on->pieces[i]);
    }
}

/* Puts the database back; the marks are what a ledger would say. Returns the new epoch. */
uint32_t tape_put_back(stage *here, const tape *from, bool has_ledger) {
    satchel_backup_loader *loader = NULL;
    satchel_backup_facts facts;
    satchel_ledger_marks marks = {(uint32_t)stage_number(here, "SELECT epoch FROM counter"),
                                  (uint64_t)stage_number(here, "SELECT reserved_n FROM counter"),
                                  (uint64_t)stage_number(here, "SELECT max(serial) FROM ledger_outbox")};
    satchel_error error = {SATCHEL_OK, 0, 0, ""};
    uint32_t epoch = 0;
    stage_begin(here);
    REQUIRE_OK(satchel_backup_load_open(&loader, here->db));
    for (uint32_t i = 0; i < from->count; i++) {
        satchel_status status = satchel_backup_load(loader, satchel_buffer_view(&from->pieces[i]), &error);
        if (status != SATCHEL_OK) {
            test_note("%s", error.detail);
        }
        REQUIRE_OK(status);
    }
    REQUIRE_OK(satchel_backup_load_end(loader, &facts, &error));
    satchel_backup_load_close(loader);
    CHECK_UINT(facts.rows, from->facts.rows);
    REQUIRE_OK(satchel_epoch_begin(here->service, here->db, has_ledger ? &marks : NULL, &epoch, &error));
    stage_commit(here);
    return epoch;
}

/* --- phones that keep what they were told --- */

void keeper_note(keeper *mine) {
    for (uint32_t i = 0; i < mine->phone.outbox_count; i++) {
        bool known = mine->count > 0 && mine->phone.outbox_first[i] <= mine->units[mine->count - 1].first;
        if (known) {
            continue;
        }
        REQUIRE(mine->count < KEEPER_UNITS_MOST);
        told_unit *unit = &mine->units[mine->count++];
        memset(unit, 0, sizeof *unit);
        unit->first = mine->phone.outbox_first[i];
        unit->ops = mine->phone.outbox_ops[i];
        REQUIRE_OK(satchel_buffer_append(&unit->bytes, satchel_buffer_view(&mine->phone.outbox[i])));
    }
}

static void note_results(keeper *mine) {
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&mine->phone.wire));
    satchel_arena arena = {0};
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    while (frame.kind != SATCHEL_FRAME_NONE) {
        REQUIRE_OK(satchel_answer_read(&reader, &arena, &frame, NULL));
        for (uint32_t i = 0; frame.kind == SATCHEL_FRAME_RESULT && i < mine->count; i++) {
            const satchel_unit_result *result = &frame.as.result;
            if (mine->units[i].first == result->first_sequence && result->receipt.bytes == SATCHEL_RECEIPT_BYTES) {
                memcpy(mine->units[i].receipt, result->receipt.data, SATCHEL_RECEIPT_BYTES);
                mine->units[i].shown = (satchel_unit_return){
                    satchel_bytes_of(mine->units[i].receipt, SATCHEL_RECEIPT_BYTES), result->stamp_ms, result->code};
            }
        }
    }
    satchel_arena_deinit(&arena);
    satchel_buffer_clear(&mine->phone.wire);
}

void keeper_sync(keeper *mine) {
    keeper_note(mine);
    phone_sync(&mine->phone);
    note_results(mine);
}

/* As a store does that hears of a new epoch: everything behind what the server has goes out again, with receipts. */
void keeper_show_again(keeper *mine, uint64_t after) {
    phone *of = &mine->phone;
    keeper_note(mine);
    for (uint32_t i = 0; i < of->outbox_count; i++) {
        satchel_buffer_deinit(&of->outbox[i]);
    }
    of->outbox_count = 0;
    of->outbox = satchel_memory_resize(of->outbox, KEEPER_UNITS_MOST * sizeof *of->outbox);
    of->outbox_first = satchel_memory_resize(of->outbox_first, KEEPER_UNITS_MOST * sizeof *of->outbox_first);
    of->outbox_ops = satchel_memory_resize(of->outbox_ops, KEEPER_UNITS_MOST * sizeof *of->outbox_ops);
    for (uint32_t i = 0; i < mine->count; i++) {
        told_unit *unit = &mine->units[i];
        if (unit->first <= after) {
            continue;
        }
        uint32_t at = of->outbox_count++;
        memset(&of->outbox[at], 0, sizeof of->outbox[at]);
        of->outbox_first[at] = unit->first;
        of->outbox_ops[at] = unit->ops;
        REQUIRE_OK(satchel_buffer_append(&of->outbox[at], satchel_buffer_view(&unit->bytes)));
        if (unit->shown.receipt.bytes > 0) {
            REQUIRE_OK(satchel_unit_write_return(&unit->shown, &of->outbox[at]));
        }
    }
    mirror_clear(of);
    of->set_count = 0;
    of->cursor_bytes = 0;
}

uint64_t keeper_applied(stage *here, const keeper *mine) {
    int64_t applied = 0;
    REQUIRE_OK(satchel_db_begin(here->db, SATCHEL_DB_READ, NULL));
    REQUIRE_OK(SATCHEL_DB_NUMBER(here->db, NULL, &applied, 0, "SELECT applied_through FROM incarnation WHERE id = ?1",
                                 satchel_value_id(&mine->phone.incarnation)));
    satchel_db_rollback(here->db);
    return (uint64_t)applied;
}

void keeper_close(keeper *mine) {
    for (uint32_t i = 0; i < mine->count; i++) {
        satchel_buffer_deinit(&mine->units[i].bytes);
    }
    phone_close(&mine->phone);
}

void keeper_return(keeper *mine) {
    keeper_show_again(mine, keeper_applied(mine->phone.here, mine));
    keeper_sync(mine);
}
