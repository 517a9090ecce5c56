/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answering half of an exchange: results, page, end; encoded and packed.
 */
#include "service/exchange_state.h"

#include "base/error.h"
#include "base/memory.h"
#include "service/erase.h"
#include "service/skew.h"
#include "wire/body.h"

#include <string.h>

static satchel_status write_results(const satchel_server_exchange *exchange, satchel_db *db,
                                    const satchel_person *person, uint64_t decided_through, satchel_arena *arena,
                                    satchel_buffer *payload, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0;
         status == SATCHEL_OK && i < exchange->unit_count && exchange->units[i].head.first_sequence <= decided_through;
         i++) {
        status = satchel_unit_reply(exchange->service, db, person, exchange->incarnation, &exchange->units[i], arena,
                                    payload, error);
    }
    return status;
}

static satchel_status write_end(const satchel_server_exchange *exchange, const satchel_pulled_page *page,
                                satchel_buffer *payload) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_END};
    frame.as.end = (satchel_page_end){.cursor = satchel_buffer_view(&page->cursor),
                                      .position_n = page->position_n,
                                      .more = page->more,
                                      .rows_done = page->rows_done,
                                      .rows_total = page->rows_total};
    if (page->has_digest) {
        frame.as.end.digest = satchel_bytes_of(page->digest, sizeof page->digest);
    }
    satchel_cursor_mark(exchange->head.cursor, frame.as.end.continues);
    return satchel_answer_write(&frame, payload);
}

/* Sets without a number: they are copied, since the page's arena goes, and the exchange asks to be applied once more.
 */
static satchel_status keep_wanted(satchel_server_exchange *exchange, const satchel_wanted_set *wanted) {
    for (; wanted != NULL; wanted = wanted->next) {
        satchel_wanted_set *copy = satchel_arena_take(&exchange->wanted_arena, sizeof *copy);
        uint32_t *numbers = satchel_arena_take_array(&exchange->wanted_arena, wanted->count, sizeof *numbers);
        if (copy == NULL || numbers == NULL) {
            return SATCHEL_NO_MEMORY;
        }
        if (wanted->count > 0) {
            memcpy(numbers, wanted->numbers, wanted->count * sizeof *numbers);
        }
        *copy = (satchel_wanted_set){numbers, wanted->count, exchange->wanted_sets};
        exchange->wanted_sets = copy;
    }
    return SATCHEL_OK;
}

static satchel_status read_page(satchel_answer_work *work) {
    satchel_server_exchange *exchange = work->exchange;
    satchel_incarnation incarnation;
    satchel_status status = satchel_incarnation_by_number(work->db, exchange->incarnation, &incarnation, work->error);
    work->applied_through = incarnation.applied_through;
    if (status == SATCHEL_OK) {
        status =
            satchel_person_load(exchange->service, work->db, &exchange->user, satchel_service_today(exchange->service),
                                &work->arena, &work->person, work->error);
    }
    work->too_old = satchel_schema_is_too_old(exchange->head.schema, work->minimum_schema);
    /* One that is retired gets no more rows. */
    work->has_page = exchange->head.page_bytes > 0 && !exchange->parks && !work->too_old;
    const satchel_pull_question question = {exchange->head.digest_wanted, exchange->head.digests,
                                            exchange->head.page_rows};
    if (status == SATCHEL_OK && work->has_page) {
        status = satchel_pull(exchange->service, work->db, &work->person, exchange->head.cursor,
                              exchange->head.page_bytes, &question, &work->arena, &work->page, work->error);
    }
    exchange->books_due = work->page.books_differ && !exchange->books_told;
    if (status == SATCHEL_OK && work->page.wanted_sets != NULL) {
        status = keep_wanted(exchange, work->page.wanted_sets);
    }
    return status;
}

static satchel_status build_payload(satchel_answer_work *work, satchel_buffer *payload) {
    satchel_server_exchange *exchange = work->exchange;
    satchel_status head_status = exchange->status != SATCHEL_OK ? exchange->status
                                 : work->too_old                ? SATCHEL_UPGRADE_REQUIRED
                                                                : work->page.status;
    satchel_status status = satchel_exchange_write_head(work, head_status, payload);
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status =
            write_results(exchange, work->db, &work->person, work->applied_through, &work->arena, payload, work->error);
    }
    if (status == SATCHEL_OK && work->has_page && head_status == SATCHEL_OK) {
        status = satchel_buffer_append(payload, satchel_buffer_view(&work->page.frames));
        if (status == SATCHEL_OK) {
            status = satchel_erase_frames(work->db, &exchange->device, &work->arena, payload, work->error);
        }
        if (status == SATCHEL_OK) {
            status = write_end(exchange, &work->page, payload);
        }
    }
    exchange->facts.status = head_status;
    exchange->facts.rows = work->page.rows;
    exchange->facts.removals = work->page.removals;
    exchange->facts.more = work->page.more;
    return status;
}

static satchel_status answer(satchel_answer_work *work, satchel_buffer *out_body) {
    satchel_server_exchange *exchange = work->exchange;
    satchel_buffer payload;
    satchel_buffer_init(&payload);
    satchel_status status = satchel_counter_read(work->db, &work->counter, work->error);
    if (status == SATCHEL_OK) {
        status = satchel_minimum_schema_get(work->db, &work->minimum_schema, work->error);
    }
    if (status == SATCHEL_OK && exchange->status == SATCHEL_OK) {
        status = read_page(work);
    }
    bool waits = exchange->wanted_sets != NULL;
    if (status == SATCHEL_OK && !waits) {
        status = build_payload(work, &payload);
    }
    if (status == SATCHEL_OK && !waits) {
        status = satchel_body_pack(satchel_buffer_view(&payload), out_body);
    }
    satchel_buffer_deinit(&payload);
    return status;
}

satchel_status satchel_server_exchange_answer(satchel_server_exchange *exchange, satchel_db *db,
                                              satchel_buffer *out_body, uint32_t *out_http_status,
                                              satchel_error *error) {
    satchel_answer_work *work = satchel_memory_take(sizeof *work);
    if (work == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for an answer");
    }
    work->exchange = exchange;
    work->db = db;
    work->error = error;
    satchel_arena_init(&work->arena);
    satchel_arena_init(&work->told);
    satchel_arena_reset(&exchange->wanted_arena);
    exchange->wanted_sets = NULL;
    exchange->day_due = false;
    exchange->notes_due = false;
    exchange->checkpoint_due = false;
    exchange->begins = false;
    exchange->repair_due = false;
    exchange->point_due = false;
    exchange->books_due = false;
    exchange->committed = exchange->applied;
    satchel_status status = answer(work, out_body);
    *out_http_status = exchange->http_status;
    satchel_pulled_page_deinit(&work->page);
    satchel_arena_deinit(&work->arena);
    satchel_arena_deinit(&work->told);
    satchel_memory_give(work);
    return status;
}
