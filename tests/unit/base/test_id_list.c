/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of ids.
 */
#include "base/id_list.h"
#include "base/ids.h"
#include "support/test.h"

#define IDS 300u

TEST(id_lists, keep_what_is_added_in_its_order_and_sorted_once_each) {
    satchel_arena arena = {0};
    satchel_id_list list = {NULL, 0, 0};
    CHECK(!satchel_id_list_has(&list, &(satchel_id){{1}}));
    satchel_id_list_sort(&list);
    CHECK_UINT(list.count, 0);
    for (uint32_t i = 0; i < IDS; i++) {
        const satchel_id id = {{(uint8_t)(i * 7 % 100), 5}};
        REQUIRE(satchel_id_list_add(&list, &arena, &id) == SATCHEL_OK);
        CHECK(satchel_id_equal(&list.items[i], &id));
    }
    CHECK_UINT(list.count, IDS);
    satchel_id_list_sort(&list);
    REQUIRE(list.count == 100);
    for (uint32_t i = 0; i < 100; i++) {
        CHECK_UINT(list.items[i].bytes[0], i);
        CHECK(satchel_id_list_has(&list, &list.items[i]));
        CHECK(!satchel_id_list_has(&list, &(satchel_id){{(uint8_t)i, 6}}));
    }
    satchel_arena_deinit(&arena);
}
