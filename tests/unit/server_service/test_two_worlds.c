/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two worlds that differ only in what four users do not see: what their phones are sent must not differ either.
 *
 * (1) The same commits with other hidden values: every answer is the same, byte for byte. (2) One world has more
 * commits, on hidden fields or rows: every answer is the same but for the opaque position (cursor, its mark, revisions,
 * and the receipts over them), and revisions of the two worlds stand in one order.
 *
 * Rules that read hidden fields on purpose are listed in core/doc/access.md; nothing here runs into them.
 */
#include "service/wire_scopes.h"
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCHED 4
#define CUSTOMERS 12
#define SEEDS 12
#define STEPS 60

typedef struct half {
    stage here;
    test_random random; /* the same draws in both worlds */
    satchel_id north, boss, li, zhao, users[WATCHED];
    phone phones[WATCHED];
    uint8_t shown[WATCHED][SATCHEL_CHECKPOINT_BLOCK_BYTES];
    satchel_id customers[CUSTOMERS]; /* even ones are Li's, odd ones Zhao's, whom none of the watched leads */
    satchel_id product, visit;
    const char *secret; /* what this world writes where nobody watched sees it */
} half;

static void set_text(satchel_record *record, uint32_t field, const char *text) {
    satchel_status status = satchel_record_set_text(record, field, satchel_text_of(text));
    REQUIRE_OK(status);
}

static void set_up(half *world, uint64_t seed, const char *secret) {
    static const uint32_t roles[WATCHED] = {SATCHEL_ROLE_MANAGER, SATCHEL_ROLE_REP, SATCHEL_ROLE_SERVICE,
                                            SATCHEL_ROLE_MARKETING};
    memset(world, 0, sizeof *world);
    stage_open(&world->here, NULL, seed);
    world->random = test_random_of(seed);
    world->secret = secret;
    world->north = stage_territory(&world->here, "North", NULL);
    for (int i = 0; i < WATCHED; i++) {
        char login[16];
        snprintf(login, sizeof login, "user%d", i);
        world->users[i] = stage_user(&world->here, login, roles[i], i == 1 ? &world->users[0] : NULL, NULL);
    }
    world->boss = world->users[0];
    world->li = world->users[1];
    world->zhao = stage_user(&world->here, "zhao", SATCHEL_ROLE_REP, NULL, NULL);
    for (int i = 0; i < CUSTOMERS; i++) {
        world->customers[i] = stage_customer(&world->here, "Shop", i % 2 == 0 ? &world->li : &world->zhao, NULL);
    }
    satchel_record product = stage_record(&world->here);
    set_text(&product, SATCHEL_PRODUCT_CODE, "T1");
    set_text(&product, SATCHEL_PRODUCT_NAME, "Tea");
    world->product = stage_create(&world->here, SATCHEL_ENTITY_PRODUCT, &product).id;
    for (int i = 0; i < WATCHED; i++) {
        phone_enrol(&world->phones[i], &world->here, &world->users[i]);
    }
}

static void tear_down(half *world) {
    for (int i = 0; i < WATCHED; i++) {
        phone_close(&world->phones[i]);
    }
    stage_close(&world->here);
}

/* --- what the watched see --- */

static const satchel_id *any_customer(half *world) {
    return &world->customers[test_random_below(&world->random, CUSTOMERS)];
}

static void add_contact(half *world) {
    satchel_record record = stage_record(&world->here);
    set_text(&record, SATCHEL_CONTACT_NAME, "Chen");
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CONTACT_CUSTOMER, any_customer(world)));
    stage_create(&world->here, SATCHEL_ENTITY_CONTACT, &record);
}

static void something_seen(half *world) {
    char text[24];
    snprintf(text, sizeof text, "v%u", (unsigned)test_random_below(&world->random, 100000));
    const satchel_id *customer = any_customer(world);
    uint64_t what = test_random_below(&world->random, 6);
    phone *mine = &world->phones[1];
    if (what == 0) {
        add_contact(world);
    } else if (what == 1 && mine->outbox_count < 8) {
        phone_edit_text(mine, SATCHEL_ENTITY_CUSTOMER, &world->customers[0], SATCHEL_CUSTOMER_CITY, text);
    } else if (what == 2) {
        stage_reassign(&world->here, &world->customers[CUSTOMERS - 2],
                       test_random_chance(&world->random, 50) ? &world->zhao : &world->li);
    } else if (what == 3) {
        int64_t today = stage_today(&world->here);
        stage_assign(&world->here, &world->li, &world->customers[1], today, today);
    } else {
        stage_edit_text(&world->here, SATCHEL_ENTITY_CUSTOMER, customer, SATCHEL_CUSTOMER_NOTE, text);
    }
}

/* --- what they do not see --- */

static void hide_in_customer(half *world, const satchel_id *customer, const char *text) {
    stage_edit_text(&world->here, SATCHEL_ENTITY_CUSTOMER, customer, SATCHEL_CUSTOMER_RISK_NOTE, text);
}

/* Two writers of one secret field: a conflict of the secret class. */
static void hide_conflict(half *world, const satchel_id *customer, const char *text) {
    satchel_record record = stage_record(&world->here);
    satchel_write_outcome outcome;
    set_text(&record, SATCHEL_CUSTOMER_RISK_NOTE, text);
    REQUIRE_OK(
        stage_try_edit(&world->here, &world->here.system, SATCHEL_ENTITY_CUSTOMER, customer, 1, &record, &outcome));
}

static void hide_row(half *world, const satchel_id *zhaos, const char *text) {
    satchel_record record = stage_record(&world->here);
    set_text(&record, SATCHEL_OPPORTUNITY_NAME, text);
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_OPPORTUNITY_CUSTOMER, zhaos));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_OPPORTUNITY_OWNER, &world->zhao));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_OPPORTUNITY_STAGE, 1));
    stage_create(&world->here, SATCHEL_ENTITY_OPPORTUNITY, &record);
}

static void hide_cost(half *world, int64_t cost) {
    satchel_record record = stage_record(&world->here);
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_PRODUCT_COST_MINOR, cost));
    stage_edit(&world->here, SATCHEL_ENTITY_PRODUCT, &world->product, &record);
}

/* `which` is drawn outside, so that both worlds do the same kind of thing to the same row. */
static void something_hidden(half *world, uint64_t which, uint64_t value) {
    char text[96];
    snprintf(text, sizeof text, "%s %llu", world->secret, (unsigned long long)value);
    switch (which % 4) {
    case 0: hide_in_customer(world, &world->customers[which / 4 % CUSTOMERS], text); break;
    case 1: hide_conflict(world, &world->customers[which / 4 % CUSTOMERS], text); break;
    case 2: hide_row(world, &world->customers[3 + 2 * (which / 4 % 3)], text); break;
    default: hide_cost(world, (int64_t)(value % 1000000007) + (int64_t)strlen(world->secret)); break;
    }
}

/* A commit that the other world does not have: it must not use up what the other draws ids from. */
static void something_more(half *world, uint64_t which, uint64_t value) {
    const satchel_random_seeded kept = world->here.seeded;
    something_hidden(world, which, value);
    world->here.seeded = kept;
}

/* --- what travels --- */

typedef struct traffic {
    satchel_buffer bytes; /* the answer without what is opaque */
    uint64_t revisions[1024];
    uint32_t count;
} traffic;

static void note_revision(traffic *out, uint64_t n) {
    REQUIRE(out->count < 1024);
    out->revisions[out->count++] = n;
}

static void cover(traffic *out, satchel_answer_frame *frame) {
    static const uint8_t nothing[SATCHEL_RECEIPT_BYTES] = {0};
    static const uint8_t blank[100] = {0};
    switch (frame->kind) {
    case SATCHEL_FRAME_HEAD: /* the company's audit chain moves with every commit: it is a position; when it comes not
                              */
        if (frame->as.head.checkpoint.bytes > 0) {
            frame->as.head.checkpoint = satchel_bytes_of(blank, 100);
        }
        if (frame->as.head.witnessed.bytes > 0) {
            frame->as.head.witnessed = satchel_bytes_of(blank, SATCHEL_CHECKPOINT_HASH_BYTES);
        }
        break;
    case SATCHEL_FRAME_RESULT:
        if (frame->as.result.receipt.bytes > 0) {
            frame->as.result.receipt = satchel_bytes_of(nothing, sizeof nothing);
        }
        break;
    case SATCHEL_FRAME_ROW:
        note_revision(out, frame->as.row.n);
        frame->as.row.n = 1;
        break;
    case SATCHEL_FRAME_END:
        frame->as.end.position_n = 1;
        memset(frame->as.end.continues, 1, sizeof frame->as.end.continues);
        if (frame->as.end.cursor.bytes > 0) {
            frame->as.end.cursor = satchel_bytes_of(nothing, 1);
        }
        if (frame->as.end.digest.bytes > 0) { /* over revisions */
            frame->as.end.digest = satchel_bytes_of(nothing, frame->as.end.digest.bytes);
        }
        break;
    default: break;
    }
}

static traffic uncover(satchel_bytes answer) {
    traffic out = {.count = 0};
    satchel_arena arena = {0};
    satchel_reader reader = satchel_reader_of(answer);
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    while (frame.kind != SATCHEL_FRAME_NONE) {
        REQUIRE_OK(satchel_answer_read(&reader, &arena, &frame, NULL));
        if (frame.kind != SATCHEL_FRAME_NONE) {
            cover(&out, &frame);
            REQUIRE_OK(satchel_answer_write(&frame, &out.bytes));
        }
    }
    satchel_arena_deinit(&arena);
    return out;
}

/* What is older in one world is older in the other. */
static bool same_order(const traffic *a, const traffic *b) {
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            bool before = a->revisions[k] < a->revisions[i];
            bool equal = a->revisions[k] == a->revisions[i];
            if (before != (b->revisions[k] < b->revisions[i]) || equal != (b->revisions[k] == b->revisions[i])) {
                return false;
            }
        }
    }
    return true;
}

static void exchange(half *world, uint64_t which, uint32_t page_bytes) {
    phone *mine = &world->phones[which];
    satchel_buffer_clear(&mine->wire);
    mine->page_bytes = page_bytes;
    if (mine->got_checkpoint_bytes > 0) { /* shown again, as a phone does */
        memcpy(world->shown[which], mine->got_checkpoint, mine->got_checkpoint_bytes);
        mine->says_witness = satchel_bytes_of(world->shown[which], mine->got_checkpoint_bytes);
    }
    REQUIRE_STATUS(phone_exchange(mine, PHONE_GOOD_LUCK), SATCHEL_OK);
}

/* One phone asks in both worlds. False: the answers differ in more than they may. */
static bool ask_both(half *a, half *b, uint64_t which, uint32_t page_bytes, bool exactly) {
    exchange(a, which, page_bytes);
    exchange(b, which, page_bytes);
    satchel_bytes left = satchel_buffer_view(&a->phones[which].wire);
    satchel_bytes right = satchel_buffer_view(&b->phones[which].wire);
    if (exactly) {
        return satchel_bytes_equal(left, right);
    }
    traffic first = uncover(left);
    traffic second = uncover(right);
    bool same = first.count == second.count &&
                satchel_bytes_equal(satchel_buffer_view(&first.bytes), satchel_buffer_view(&second.bytes)) &&
                same_order(&first, &second);
    satchel_buffer_deinit(&first.bytes);
    satchel_buffer_deinit(&second.bytes);
    return same;
}

static void pass(half *a, half *b, int64_t ms) {
    stage_pass(&a->here, ms);
    stage_pass(&b->here, ms);
}

/* Both worlds live on; `more`: the second has hidden commits that the first has not, else both have them. */
static void live_on(half *a, half *b, test_random *random, bool more) {
    uint64_t hidden = test_random_u64(random) >> 8;
    if (test_random_chance(random, 50)) {
        something_seen(a);
        something_seen(b);
    }
    if (!more) {
        something_hidden(a, hidden, hidden);
        something_hidden(b, hidden, hidden);
    } else if (test_random_chance(random, 60)) {
        something_more(b, hidden, hidden);
    }
    pass(a, b, test_random_between(random, 1000, 900000));
}

static void compare_worlds(uint64_t seed, bool more) {
    half *a = satchel_memory_take(sizeof *a);
    half *b = satchel_memory_take(sizeof *b);
    test_random random = test_random_of(seed);
    bool same = true;
    REQUIRE(a != NULL && b != NULL);
    set_up(a, seed, "pays late");
    set_up(b, seed, "pays on time, always did, and so did her mother");
    for (int i = 0; same && i < STEPS; i++) {
        live_on(a, b, &random, more);
        uint64_t which = test_random_below(&random, WATCHED);
        same = ask_both(a, b, which, (uint32_t)test_random_between(&random, 1, 8) * 512, !more);
        CHECK(same);
    }
    tear_down(a);
    tear_down(b);
    satchel_memory_give(a);
    satchel_memory_give(b);
}

static uint64_t seeds(void) {
    const char *given = getenv("SATCHEL_WORLDS");
    return given != NULL ? strtoull(given, NULL, 10) : SEEDS;
}

TEST(two_worlds, other_hidden_values_leave_every_byte_as_it_is) {
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        compare_worlds(seed, false);
    }
}

TEST(two_worlds, hidden_commits_move_nothing_but_the_opaque_position) {
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        compare_worlds(seed, true);
    }
}

/* Every customer gets a note of so many characters. */
static void something_changes(half *world, int length) {
    for (int i = 0; i < CUSTOMERS; i++) {
        char text[256];
        memset(text, 'a' + length % 26, sizeof text);
        text[length] = '\0';
        stage_edit_text(&world->here, SATCHEL_ENTITY_CUSTOMER, &world->customers[i], SATCHEL_CUSTOMER_NOTE, text);
    }
}

/* What is hidden stands behind everything that is seen: a page that is full there is the last one all the same. */
static void hide_behind(half *world, bool first) {
    satchel_id ids[4];
    char text[24];
    const satchel_random_seeded kept = world->here.seeded;
    const satchel_id *last = &world->customers[1];
    for (int i = 3; i < CUSTOMERS; i += 2) {
        last = satchel_id_compare(&world->customers[i], last) > 0 ? &world->customers[i] : last;
    }
    snprintf(text, sizeof text, "%lld", (long long)world->here.now_ms);
    if (first) {
        hide_row(world, last, "hidden");
    }
    REQUIRE(stage_list(&world->here, SATCHEL_ENTITY_OPPORTUNITY, ids, 4) == 1);
    stage_edit_text(&world->here, SATCHEL_ENTITY_OPPORTUNITY, &ids[0], SATCHEL_OPPORTUNITY_NAME, text);
    hide_in_customer(world, last, text);
    world->here.seeded = kept;
}

TEST(two_worlds, regress_hidden_rows_behind_a_full_page_are_no_more_to_come) {
    half *a = satchel_memory_take(sizeof *a);
    half *b = satchel_memory_take(sizeof *b);
    REQUIRE(a != NULL && b != NULL);
    set_up(a, 1, "");
    set_up(b, 1, "");
    for (int length = 1; length < 160; length++) {
        something_changes(a, length);
        something_changes(b, length);
        hide_behind(b, length == 1);
        pass(a, b, 1000);
        for (uint64_t which = 0; which < WATCHED; which++) {
            bool same = true;
            for (int page = 0; page < 40 && same && (page == 0 || a->phones[which].more); page++) {
                same = CHECK(ask_both(a, b, which, 1024, false));
            }
            REQUIRE(a->phones[which].more == b->phones[which].more);
        }
    }
    tear_down(a);
    tear_down(b);
    satchel_memory_give(a);
    satchel_memory_give(b);
}

TEST(two_worlds, names_of_scopes_are_the_same_whatever_happens_elsewhere) {
    const satchel_id user = {{1}};
    const satchel_id other = {{2}};
    uint32_t own = satchel_wire_scope(&user, SATCHEL_SCOPE_OWNER, &user, 0);
    CHECK_UINT(own, satchel_wire_scope(&user, SATCHEL_SCOPE_OWNER, &user, 0));
    CHECK(own != satchel_wire_scope(&user, SATCHEL_SCOPE_OWNER, &user, 1));
    CHECK(own != satchel_wire_scope(&other, SATCHEL_SCOPE_OWNER, &user, 0));
    CHECK(own != satchel_wire_scope(&user, SATCHEL_SCOPE_SHARED, &user, 0));
    const uint32_t some[] = {3, 5, 9};
    const uint32_t others[] = {4, 9};
    CHECK(satchel_wire_scopes_meet(some, 3, others, 2) && !satchel_wire_scopes_meet(some, 2, others, 2));
    CHECK(satchel_wire_set(some, 3) != satchel_wire_set(some, 2) && satchel_wire_set(some, 3) < 1u << 28);
}
