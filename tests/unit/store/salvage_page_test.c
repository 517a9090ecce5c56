/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a page by themselves: a page that is authentic, but only looks like one of a b-tree.
 */
#include "store/salvage_page.h"

#include "crypto/crypto.h"
#include "crypto/secret.h"
#include "support/temp.h"
#include "support/test.h"
#include "vault/keys.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define CELL_AT 3000u
#define PAYLOAD_BYTES 100u

typedef struct page_fixture {
    test_temp temp;
    satchel_vault_keys *keys;
    satchel_salvage *pages;
    satchel_buffer room;
    uint8_t content[SATCHEL_SALVAGE_PAGE_BYTES];
} page_fixture;

static void fixture_make(page_fixture *fixture) {
    char path[TEST_PATH_BYTES];
    memset(fixture, 0, sizeof *fixture);
    REQUIRE_OK(satchel_crypto_init());
    fixture->temp = test_temp_make();
    fixture->keys = satchel_vault_keys_take();
    REQUIRE(fixture->keys != NULL);
    fixture->keys->cipher = SATCHEL_CIPHER_XCHACHA20_POLY1305;
    satchel_vault_keys_derive(fixture->keys);
    FILE *file = fopen(test_temp_path(&fixture->temp, "store.db", path), "wb");
    REQUIRE(file != NULL && fwrite(fixture->content, sizeof fixture->content, 1, file) == 1 && fclose(file) == 0);
    REQUIRE_OK(satchel_salvage_open(&fixture->pages, sqlite3_vfs_find(NULL), path, fixture->keys, NULL));
}

static void fixture_end(page_fixture *fixture) {
    satchel_salvage_close(fixture->pages);
    satchel_secret_give(fixture->keys);
    satchel_buffer_deinit(&fixture->room);
    test_temp_remove(&fixture->temp);
}

/* A row of one blob. */
static void put_cell(uint8_t *at) {
    static const uint8_t front[] = {PAYLOAD_BYTES, 1, 3, 0x81, 0x4e}; /* payload, rowid; header of 3, blob of 97 */
    memcpy(at, front, sizeof front);
}

static satchel_status count_row(void *context, const satchel_salvage_row *row) {
    CHECK_UINT(row->column_count, 1);
    ++*(uint32_t *)context;
    return SATCHEL_OK;
}

static uint32_t rows_of(page_fixture *fixture) {
    const satchel_salvage_page page = {.number = 3, .content = fixture->content};
    uint32_t rows = 0;
    CHECK_OK(satchel_salvage_rows(fixture->pages, &page, &fixture->room, count_row, &rows));
    return rows;
}

TEST(salvage_page, regress_cells_do_not_share_their_bytes) {
    page_fixture fixture;
    const uint32_t cells = 1000;
    fixture_make(&fixture);
    fixture.content[0] = 0x0d; /* a leaf of a table */
    satchel_put_u32be(fixture.content + 1, cells);
    put_cell(fixture.content + CELL_AT);
    for (uint32_t i = 0; i < cells; i++) {
        fixture.content[8 + 2 * i] = CELL_AT >> 8;
        fixture.content[9 + 2 * i] = (uint8_t)(CELL_AT & 0xff);
    }
    uint32_t rows = rows_of(&fixture);
    CHECK(rows >= 1 && rows <= SATCHEL_SALVAGE_PAGE_BYTES / PAYLOAD_BYTES);
    fixture_end(&fixture);
}

TEST(salvage_page, a_full_page_gives_all_its_rows) {
    page_fixture fixture;
    uint32_t cells = 0;
    fixture_make(&fixture);
    fixture.content[0] = 0x0d;
    size_t end = satchel_salvage_usable_bytes(fixture.pages);
    while (end >= 8 + 2 * (cells + 1) + PAYLOAD_BYTES + 2) {
        end -= PAYLOAD_BYTES + 2;
        put_cell(fixture.content + end);
        fixture.content[8 + 2 * cells] = (uint8_t)(end >> 8);
        fixture.content[9 + 2 * cells] = (uint8_t)end;
        cells++;
    }
    satchel_put_u32be(fixture.content + 1, cells);
    CHECK_UINT(rows_of(&fixture), cells);
    CHECK(cells > 30);
    fixture_end(&fixture);
}
