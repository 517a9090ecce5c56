/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the store share: a store over plain SQLite, pages made by hand, short ways to write and read.
 */
#ifndef SATCHEL_TESTS_STORE_KIT_H
#define SATCHEL_TESTS_STORE_KIT_H

#include "base/ids.h"
#include "base/text.h"
#include "store/store.h"
#include "support/test.h"

#include <satchel/model.h>

#include <sqlite3.h>

typedef struct store_kit {
    sqlite3 *database;
    satchel_store *store;
    satchel_sync_state state;
    satchel_store_outcome outcome;
    satchel_error error;
    satchel_arena arena;
    int64_t now_ms;
} store_kit;

/* In memory, or in a file. */
store_kit kit_open(const char *path);
/* Closes the store and the database; a file stays. */
void kit_close(store_kit *kit);
/* The store again over the same database, as after a restart. */
void kit_reopen(store_kit *kit);

satchel_id kit_id(uint32_t number);

/* --- writing --- */

/* A record with a text in one field, in the kit's arena. */
satchel_record kit_record(store_kit *kit, uint32_t field, const char *text);
void kit_set(satchel_record *record, uint32_t field, int64_t integer);
void kit_put(satchel_record *record, uint32_t field, const char *text);
void kit_refer(satchel_record *record, uint32_t field, satchel_id id);
/* A set of texts from one that is cut at spaces. */
void kit_elements(satchel_record *record, uint32_t field, const char *words);

/* One op in a unit of its own; returns its sequence. */
uint64_t kit_create(store_kit *kit, uint32_t entity, satchel_id id, const satchel_record *record);
uint64_t kit_edit(store_kit *kit, uint32_t entity, satchel_id id, const satchel_record *record);
uint64_t kit_edit_text(store_kit *kit, satchel_id customer, uint32_t field, const char *text);
uint64_t kit_add(store_kit *kit, satchel_id customer, int64_t points);
uint64_t kit_delete(store_kit *kit, uint32_t entity, satchel_id id);
satchel_receipt kit_commit(store_kit *kit, satchel_draft *draft);
uint64_t kit_customer(store_kit *kit, satchel_id id, const char *name);

/* --- reading --- */

/* The row; ends the test if it is not there. */
satchel_record kit_read(store_kit *kit, uint32_t entity, satchel_id id, uint32_t *flags);
bool kit_has(store_kit *kit, uint32_t entity, satchel_id id);
const char *kit_text(store_kit *kit, satchel_id customer, uint32_t field);
int64_t kit_int(store_kit *kit, satchel_id customer, uint32_t field);
uint32_t kit_flags(store_kit *kit, uint32_t entity, satchel_id id);
/* Reasons of a row of a kind, 0 = of any. */
uint32_t kit_why(store_kit *kit, uint32_t entity, satchel_id id, satchel_reason_kind kind, satchel_reason *first);
uint32_t kit_reasons(store_kit *kit, satchel_reason_kind kind);
/* Rows of customers that a search finds. */
uint32_t kit_find(store_kit *kit, const char *words);

/* --- pages --- */

typedef struct kit_page {
    satchel_buffer payload;
} kit_page;

/* Head with the ops that it holds. */
kit_page kit_page_begin(uint64_t applied_through);
void kit_page_result(kit_page *page, uint64_t first, uint32_t count, satchel_result_code code);
void kit_page_op_result(kit_page *page, uint64_t first, uint32_t count, const satchel_op_result *ops,
                        uint32_t op_count);
void kit_page_scope_set(kit_page *page, uint32_t number, uint32_t scope);
void kit_page_scope_loss(kit_page *page, uint32_t scope);
void kit_page_row(store_kit *kit, kit_page *page, uint32_t entity, satchel_id id, uint64_t n,
                  const satchel_record *record);
void kit_page_row_in(store_kit *kit, kit_page *page, uint32_t entity, satchel_id id, uint64_t n, uint32_t scope_set,
                     const satchel_record *record);
/* A part of a row: what changed. */
void kit_page_part(store_kit *kit, kit_page *page, uint32_t entity, satchel_id id, uint64_t n,
                   const satchel_record *record, const uint32_t *cleared, uint32_t cleared_count);
void kit_page_frame(kit_page *page, const satchel_answer_frame *frame);
void kit_page_removal(kit_page *page, uint32_t entity, satchel_id id);
/* Ends and stores it; frees the page. */
satchel_status kit_page_store(store_kit *kit, kit_page *page, bool more);
/* Results only, without a page end. */
satchel_status kit_page_store_results(store_kit *kit, kit_page *page);
void kit_purge(store_kit *kit);

#endif
