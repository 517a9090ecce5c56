/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants and revocations against pushes and pulls, in random order: owners, territories, sharing, dated assignments,
 * stand-ins, managers, roles and realignments move while phones push, pull, are cut off and ask again.
 *
 * Who may see what is told by a model of its own, written from core/doc/access.md: it keeps the facts that the test
 * itself made and asks the server nothing. After every answer no value may be in it that the model forbids its user;
 * whenever a phone has caught up it holds exactly what the model says. SATCHEL_RACES is the number of histories.
 */
#include "service/realign.h"
#include "support/server_service/stage.h"

#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/times.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORIES 400
#define HISTORIES_PER_COMPANY 25
#define PEOPLE 5
#define SHOPS_MOST (4 * HISTORIES_PER_COMPANY)
#define SPANS_MOST 64
#define NOBODY (-1)

typedef struct shop {
    satchel_id id, visit;
    int owner, territory;
    uint32_t shared; /* bits of people */
    bool has_visit;
} shop;

/* `shop` NOBODY: stands in for `who`. */
typedef struct span {
    int user, shop, who;
    int64_t first, last;
} span;

typedef struct race {
    stage here;
    test_random random;
    satchel_id territories[3]; /* 1 and 2 lie in 0 */
    satchel_id people[PEOPLE];
    uint32_t roles[PEOPLE];
    int managers[PEOPLE], homes[PEOPLE];
    phone phones[PEOPLE];
    shop shops[SHOPS_MOST];
    int shop_count;
    span spans[SPANS_MOST];
    int span_count;
} race;

/* --- the model --- */

static bool reports_to(const race *all, int who, int boss) {
    int at = all->managers[who];
    for (int steps = 0; at != NOBODY && steps < PEOPLE; steps++) {
        if (at == boss) {
            return true;
        }
        at = all->managers[at];
    }
    return false;
}

static bool covers_today(const race *all, int who, int which) {
    int64_t today = stage_today(&all->here);
    for (int i = 0; i < all->span_count; i++) {
        const span *s = &all->spans[i];
        bool now = s->user == who && s->first <= today && today <= s->last;
        bool this_one =
            s->shop == which || (s->shop == NOBODY && s->who == all->shops[which].owner && s->who != NOBODY);
        if (now && this_one) {
            return true;
        }
    }
    return false;
}

/* Through a relation that reps have: own, assigned, shared. */
static bool holds(const race *all, int who, int which) {
    const shop *at = &all->shops[which];
    return at->owner == who || (at->shared >> who & 1) != 0 || covers_today(all, who, which);
}

static bool leads(const race *all, int who, int which) {
    const shop *at = &all->shops[which];
    bool within = at->territory != NOBODY && all->homes[who] != NOBODY &&
                  (at->territory == all->homes[who] || all->homes[who] == 0);
    return within || (at->owner != NOBODY && reports_to(all, at->owner, who));
}

static bool sees(const race *all, int who, int which) {
    switch (all->roles[who]) {
    case SATCHEL_ROLE_REP: return holds(all, who, which);
    case SATCHEL_ROLE_MANAGER: return holds(all, who, which) || leads(all, who, which);
    default: return true; /* service and marketing read every customer */
    }
}

static bool sees_visit(const race *all, int who, int which) {
    bool office = all->roles[who] == SATCHEL_ROLE_REP || all->roles[who] == SATCHEL_ROLE_MANAGER;
    return office ? sees(all, who, which) : all->roles[who] == SATCHEL_ROLE_SERVICE && all->shops[which].owner == who;
}

/* 0 open, 1 personal, 2 commercial, 3 secret; in clear. */
static bool sees_class(const race *all, int who, int which, int of) {
    static const uint32_t service = 3; /* open, personal */
    static const uint32_t marketing = 1;
    uint32_t role = all->roles[who];
    uint32_t classes = role == SATCHEL_ROLE_SERVICE ? service : role == SATCHEL_ROLE_MARKETING ? marketing : 7;
    return sees(all, who, which) && (classes >> of & 1) != 0;
}

/* --- the company --- */

static void set_up(race *all, uint64_t seed) {
    static const uint32_t roles[PEOPLE] = {SATCHEL_ROLE_MANAGER, SATCHEL_ROLE_REP, SATCHEL_ROLE_REP,
                                           SATCHEL_ROLE_SERVICE, SATCHEL_ROLE_MARKETING};
    memset(all, 0, sizeof *all);
    all->random = test_random_of(seed);
    stage_open(&all->here, NULL, seed);
    for (int i = 0; i < 3; i++) {
        all->territories[i] = stage_territory(&all->here, "T", i > 0 ? &all->territories[0] : NULL);
    }
    for (int i = 0; i < PEOPLE; i++) {
        char login[16];
        snprintf(login, sizeof login, "user%d", i);
        all->roles[i] = roles[i];
        all->managers[i] = i == 1 ? 0 : NOBODY;
        all->homes[i] = i == 0 ? 1 : NOBODY;
        all->people[i] = stage_user(&all->here, login, roles[i], i == 1 ? &all->people[0] : NULL,
                                    i == 0 ? &all->territories[1] : NULL);
        phone_enrol(&all->phones[i], &all->here, &all->people[i]);
    }
}

static void tear_down(race *all) {
    for (int i = 0; i < PEOPLE; i++) {
        phone_close(&all->phones[i]);
    }
    stage_close(&all->here);
}

static int draw(race *all, int below) {
    return (int)test_random_below(&all->random, (uint64_t)below);
}

/* What tells whose a value is and of which class; personal ones are phone numbers. */
static void name_canary(char out[24], int of, int which) {
    snprintf(out, 24, of == 1 ? "+9%c%07d" : "q%c%05d_", of == 1 ? '7' : "opcs"[of], which);
}

/* Such a value. */
static void put_canary(race *all, satchel_record *record, uint32_t field, int of, int which) {
    char text[40];
    char canary[24];
    name_canary(canary, of, which);
    snprintf(text, sizeof text, "%s%03d", canary, draw(all, 1000));
    if (field == SATCHEL_CUSTOMER_PHONES) {
        satchel_bytes element = satchel_bytes_of(text, strlen(text));
        satchel_value value = satchel_value_set(&element, 1);
        REQUIRE_OK(satchel_record_set(record, field, &value));
        return;
    }
    satchel_status status = satchel_record_set_text(record, field, satchel_text_of(text));
    REQUIRE_OK(status);
}

static const uint32_t canary_fields[] = {SATCHEL_CUSTOMER_NAME, SATCHEL_CUSTOMER_PHONES, SATCHEL_CUSTOMER_INVOICE_TITLE,
                                         SATCHEL_CUSTOMER_RISK_NOTE};

static void open_shop(race *all) {
    satchel_record record = stage_record(&all->here);
    shop *at = &all->shops[all->shop_count];
    *at = (shop){.owner = draw(all, PEOPLE + 1) - 1, .territory = draw(all, 4) - 1};
    for (int of = 0; of < 4; of++) {
        put_canary(all, &record, canary_fields[of], of, all->shop_count);
    }
    if (at->owner != NOBODY) {
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_OWNER, &all->people[at->owner]));
    }
    if (at->territory != NOBODY) {
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_CUSTOMER_TERRITORY, &all->territories[at->territory]));
    }
    at->id = stage_create(&all->here, SATCHEL_ENTITY_CUSTOMER, &record).id;
    all->shop_count++;
}

/* --- what may happen --- */

static void edit_shop(race *all, int which) {
    satchel_record record = stage_record(&all->here);
    int of = draw(all, 4);
    put_canary(all, &record, canary_fields[of], of, which);
    stage_edit(&all->here, SATCHEL_ENTITY_CUSTOMER, &all->shops[which].id, &record);
}

static void move_shop(race *all, int which) {
    const satchel_id none = {{0}};
    shop *at = &all->shops[which];
    at->owner = draw(all, PEOPLE + 1) - 1;
    stage_reassign(&all->here, &at->id, at->owner != NOBODY ? &all->people[at->owner] : &none);
}

static void share_shop(race *all, int which) {
    satchel_record record = stage_record(&all->here);
    int with = draw(all, PEOPLE);
    shop *at = &all->shops[which];
    satchel_bytes element = satchel_id_view(&all->people[with]);
    at->shared = at->shared == 0 ? 1u << with : 0;
    satchel_value value = satchel_value_set(&element, at->shared != 0 ? 1 : 0);
    REQUIRE_OK(satchel_record_set(&record, SATCHEL_CUSTOMER_SHARED_WITH, &value));
    stage_edit(&all->here, SATCHEL_ENTITY_CUSTOMER, &at->id, &record);
}

static void cover(race *all, int which) {
    int64_t first = stage_today(&all->here) + draw(all, 2);
    span s = {draw(all, PEOPLE), which, draw(all, PEOPLE), first, first + draw(all, 2)};
    if (all->span_count == SPANS_MOST) {
        return;
    }
    if (test_random_chance(&all->random, 60)) {
        stage_assign(&all->here, &all->people[s.user], &all->shops[which].id, s.first, s.last);
    } else {
        satchel_record record = stage_record(&all->here);
        s.shop = NOBODY;
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_ASSIGNMENT_USER, &all->people[s.user]));
        REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_ASSIGNMENT_STANDS_IN_FOR, &all->people[s.who]));
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_ASSIGNMENT_KIND, SATCHEL_ASSIGNMENT_KIND_STAND_IN));
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_ASSIGNMENT_FROM_DAY, s.first));
        REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_ASSIGNMENT_TO_DAY, s.last));
        stage_create(&all->here, SATCHEL_ENTITY_ASSIGNMENT, &record);
    }
    all->spans[all->span_count++] = s;
}

static void move_people(race *all) {
    const satchel_id none = {{0}};
    int who = 1 + draw(all, 2);
    satchel_user_change change = {.name = NULL};
    uint32_t role = test_random_chance(&all->random, 50) ? SATCHEL_ROLE_REP : SATCHEL_ROLE_MANAGER;
    uint64_t roles = UINT64_C(1) << role;
    bool of_role = test_random_chance(&all->random, 40);
    if (of_role) {
        all->roles[who] = role;
        change.roles = &roles;
    } else {
        all->managers[who] = all->managers[who] == NOBODY ? 0 : NOBODY;
        change.manager = all->managers[who] == 0 ? &all->people[0] : &none;
    }
    stage_begin(&all->here);
    REQUIRE_OK(
        satchel_user_change_to(all->here.service, all->here.db, &all->here.system, &all->people[who], &change, NULL));
    stage_commit(&all->here);
}

static void realign(race *all, int which) {
    int to = draw(all, PEOPLE);
    uint64_t moved = 0;
    const satchel_realign_wish wish = {
        .customers = &all->shops[which].id, .customer_count = 1, .owner = &all->people[to]};
    stage_begin(&all->here);
    REQUIRE_OK(satchel_realign_begin(all->here.service, all->here.db, &all->here.system, &wish, &moved, NULL));
    stage_commit(&all->here);
    all->shops[which].owner = to;
}

/* `*out_left`: memberships of some customer still wait. */
static bool step_on(race *all) {
    satchel_realign_progress left;
    stage_begin(&all->here);
    REQUIRE_OK(satchel_realign_step(all->here.service, all->here.db, 1, &left, NULL));
    stage_commit(&all->here);
    return left.to_remove > 0 || left.to_add > 0;
}

static void phone_writes(race *all, int which) {
    phone *mine = &all->phones[draw(all, 3)];
    if (mine->outbox_count > 4) {
        return;
    }
    phone_edit_text(mine, SATCHEL_ENTITY_CUSTOMER, &all->shops[which].id, SATCHEL_CUSTOMER_STREET, "Long Street");
}

static void visit_shop(race *all, int which) {
    satchel_record record = stage_record(&all->here);
    shop *at = &all->shops[which];
    if (at->has_visit) {
        return;
    }
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_VISIT_CUSTOMER, &at->id));
    REQUIRE_OK(satchel_record_set_id(&record, SATCHEL_VISIT_OWNER, &all->people[draw(all, PEOPLE)]));
    REQUIRE_OK(satchel_record_set_int(&record, SATCHEL_VISIT_STATUS, SATCHEL_VISIT_STATUS_PLANNED));
    at->visit = stage_create(&all->here, SATCHEL_ENTITY_VISIT, &record).id;
    at->has_visit = true;
}

static void something_happens(race *all) {
    int which = all->shop_count - 1 - draw(all, 4);
    switch (draw(all, 12)) {
    case 0:
    case 1: move_shop(all, which); break;
    case 2: share_shop(all, which); break;
    case 3: cover(all, which); break;
    case 4: move_people(all); break;
    case 5: realign(all, which); break;
    case 6: step_on(all); break;
    case 7: visit_shop(all, which); break;
    case 8: stage_pass(&all->here, SATCHEL_MS_PER_DAY / 2); break;
    case 9:
    case 10: phone_writes(all, which); break;
    default: edit_shop(all, which); break;
    }
    stage_pass(&all->here, 1000);
}

/* --- judging --- */

static void judge_bytes(race *all, int who) {
    const satchel_buffer *wire = &all->phones[who].wire;
    for (int which = 0; which < all->shop_count; which++) {
        for (int of = 0; of < 4; of++) {
            char canary[24];
            name_canary(canary, of, which);
            bool found = wire->bytes > 0 && memmem(wire->data, wire->bytes, canary, strlen(canary)) != NULL;
            if (found && !CHECK(sees_class(all, who, which, of))) {
                test_note("user %d was sent %s", who, canary);
            }
        }
    }
}

static void exchange(race *all, int who, phone_luck luck) {
    phone *mine = &all->phones[who];
    satchel_buffer_clear(&mine->wire);
    mine->page_bytes = (uint32_t)test_random_between(&all->random, 1, 6) * 256;
    satchel_status status = phone_exchange(mine, luck);
    CHECK(status == SATCHEL_OK || (luck == PHONE_LOSE_REPLY && status == SATCHEL_NETWORK_ERROR));
    judge_bytes(all, who);
}

static void catch_up(race *all, int who) {
    int rounds = 0;
    do {
        exchange(all, who, PHONE_GOOD_LUCK);
        REQUIRE(rounds++ < 1000);
    } while (all->phones[who].more || all->phones[who].outbox_count > 0);
    CHECK_TEXT(all->phones[who].complaint, "");
}

static void judge_rows(race *all, int who) {
    for (int which = 0; which < all->shop_count; which++) {
        const shop *at = &all->shops[which];
        bool has = phone_find(&all->phones[who], SATCHEL_ENTITY_CUSTOMER, &at->id) != NULL;
        bool has_visit = at->has_visit && phone_find(&all->phones[who], SATCHEL_ENTITY_VISIT, &at->visit) != NULL;
        if (!CHECK(has == sees(all, who, which))) {
            test_note("user %d %s shop %d", who, has ? "holds" : "lacks", which);
        }
        CHECK(!at->has_visit || has_visit == sees_visit(all, who, which));
    }
}

static void live_a_history(race *all) {
    for (int i = 0; i < 4; i++) {
        open_shop(all);
    }
    for (int i = 0; i < 12; i++) {
        something_happens(all);
        if (test_random_chance(&all->random, 40)) {
            exchange(all, draw(all, PEOPLE), test_random_chance(&all->random, 20) ? PHONE_LOSE_REPLY : PHONE_GOOD_LUCK);
        }
    }
    while (step_on(all)) {
    }
    int who = draw(all, PEOPLE);
    catch_up(all, who);
    judge_rows(all, who);
}

TEST(access_races, no_answer_holds_what_is_forbidden_and_phones_end_with_what_is_allowed) {
    const char *given = getenv("SATCHEL_RACES");
    uint64_t histories = given != NULL ? strtoull(given, NULL, 10) : HISTORIES;
    race *all = satchel_memory_take(sizeof *all);
    REQUIRE(all != NULL);
    const char *first = getenv("SATCHEL_RACES_FROM");
    uint64_t from = first != NULL ? strtoull(first, NULL, 10) : 1;
    for (uint64_t seed = from; (seed - from + 1) * HISTORIES_PER_COMPANY <= histories; seed++) {
        set_up(all, seed);
        for (int i = 0; i < HISTORIES_PER_COMPANY; i++) {
            live_a_history(all);
        }
        for (int who = 0; who < PEOPLE; who++) {
            catch_up(all, who);
            judge_rows(all, who);
        }
        tear_down(all);
    }
    satchel_memory_give(all);
}
