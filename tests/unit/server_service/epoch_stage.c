/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of restored servers share.
 */
#include "epoch_stage.h"

#include "base/ids.h"
#include "base/memory.h"
#include "wire/record_codec.h"

#include <stdlib.h>
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

satchel_status keeper_exchange(keeper *mine, uint64_t *out_told) {
    satchel_answer_survey survey;
    satchel_arena arena = {0};
    keeper_note(mine);
    satchel_buffer_clear(&mine->phone.wire);
    satchel_status status = phone_exchange(&mine->phone, PHONE_GOOD_LUCK);
    REQUIRE_OK(satchel_answer_look(satchel_buffer_view(&mine->phone.wire), &arena, &survey, NULL));
    *out_told = survey.head.applied_through;
    satchel_arena_deinit(&arena);
    note_results(mine);
    return status;
}

keeper *keeper_copy(const keeper *mine) {
    keeper *copy = satchel_memory_take(sizeof *copy);
    const phone *from = &mine->phone;
    REQUIRE(copy != NULL);
    phone *to = &copy->phone;
    to->here = from->here;
    to->user = from->user;
    to->device = from->device;
    to->incarnation = from->incarnation;
    memcpy(to->public_key, from->public_key, sizeof to->public_key);
    memcpy(to->secret_key, from->secret_key, sizeof to->secret_key);
    memcpy(to->token_current, from->token_current, sizeof to->token_current);
    to->request_number = from->request_number + 100000;
    to->next_sequence = from->next_sequence;
    to->page_bytes = from->page_bytes;
    to->schema = from->schema;
    satchel_arena_init(&to->arena);
    for (uint32_t i = 0; i < mine->count; i++) {
        told_unit *unit = &copy->units[copy->count++];
        *unit = mine->units[i];
        unit->bytes = (satchel_buffer){NULL, 0, 0};
        REQUIRE_OK(satchel_buffer_append(&unit->bytes, satchel_buffer_view(&mine->units[i].bytes)));
        unit->shown.receipt = satchel_bytes_of(unit->receipt, mine->units[i].shown.receipt.bytes);
    }
    return copy;
}

/* --- what the company looks like: the values of all rows of the kinds that phones write --- */

void stretch_picture(stage *here, satchel_buffer *out) {
    static const uint32_t kinds[] = {SATCHEL_ENTITY_CUSTOMER, SATCHEL_ENTITY_VISIT, SATCHEL_ENTITY_CONTACT};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        satchel_id ids[128];
        uint32_t count = stage_list(here, kinds[k], ids, 128);
        qsort(ids, count, sizeof *ids, (int (*)(const void *, const void *))satchel_id_compare);
        for (uint32_t i = 0; i < count; i++) {
            satchel_record seen = stage_read(here, kinds[k], &ids[i], NULL);
            for (uint32_t meta = 901; meta <= 907; meta++) {
                satchel_record_remove(&seen, meta);
            }
            REQUIRE_OK(satchel_buffer_append(out, satchel_id_view(&ids[i])));
            REQUIRE_OK(satchel_record_encode(satchel_service_schema(here->service), kinds[k], &seen, out));
        }
    }
}

static const uint32_t written[] = {SATCHEL_CUSTOMER_NAME, SATCHEL_CUSTOMER_OPENING_HOURS, SATCHEL_CUSTOMER_NOTE};

void phone_add_points(phone *mine, const satchel_id *customer, int64_t points) {
    phone_unit unit = {.count = 0};
    satchel_op *op = phone_edit(mine, &unit, SATCHEL_ENTITY_CUSTOMER, customer);
    REQUIRE_OK(satchel_record_set_int(&op->set, SATCHEL_CUSTOMER_LOYALTY_POINTS, points));
    phone_commit(mine, &unit);
}

bool stretch_shows(stage *here, const keeper *mine, const satchel_id *customer) {
    satchel_record stands = stage_read(here, SATCHEL_ENTITY_CUSTOMER, customer, NULL);
    const mirror_row *shown = phone_find(&mine->phone, SATCHEL_ENTITY_CUSTOMER, customer);
    bool same = shown != NULL && satchel_record_int(&shown->record, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0) ==
                                     satchel_record_int(&stands, SATCHEL_CUSTOMER_LOYALTY_POINTS, 0);
    for (size_t i = 0; same && i < sizeof written / sizeof *written; i++) {
        satchel_text a = satchel_record_text(&shown->record, written[i]);
        satchel_text b = satchel_record_text(&stands, written[i]);
        same = satchel_bytes_equal(satchel_bytes_of(a.data, a.bytes), satchel_bytes_of(b.data, b.bytes));
    }
    return same;
}

/* One thing that a phone does; ids of customers are shared. */
static void do_something(keeper *mine, test_random *random, satchel_id *customers, uint32_t *count) {
    char text[16] = "text ......";
    for (size_t i = 5; i < 11; i++) {
        text[i] = (char)('a' + (char)test_random_below(random, 26));
    }
    uint64_t dice = test_random_below(random, 10);
    if (*count == 0 || (dice == 0 && *count < 12)) {
        customers[(*count)++] = phone_add_customer(&mine->phone, text);
        return;
    }
    const satchel_id *customer = &customers[test_random_below(random, *count)];
    if (phone_find(&mine->phone, SATCHEL_ENTITY_CUSTOMER, customer) == NULL) {
        return;
    }
    if (dice < 3) {
        (void)phone_check_in(&mine->phone, customer);
    } else if (dice < 5) {
        phone_add_points(&mine->phone, customer, 1 + (int64_t)test_random_below(random, 1000));
    } else {
        phone_edit_text(&mine->phone, SATCHEL_ENTITY_CUSTOMER, customer, written[test_random_below(random, 3)], text);
    }
}

void stretch_live(stage *here, keeper *phones, test_random *random, satchel_id *customers, uint32_t *count, int steps) {
    for (int i = 0; i < steps; i++) {
        keeper *mine = &phones[test_random_below(random, 3)];
        stage_pass(here, 1000 + (int64_t)test_random_below(random, 60000));
        do_something(mine, random, customers, count);
        if (test_random_chance(random, 50)) {
            keeper_sync(mine);
        }
    }
    for (int i = 0; i < 3; i++) {
        keeper_sync(&phones[i]);
    }
}
