/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A phone's store against a model of it, over a small server that merges with the real merge module. Random edits
 * here and there, lost answers, results without pages, parts of rows, rows that leave and return, failed commits and
 * reopened files. After each step every row must show the server's value as last stored with the own ops not yet
 * reflected on top; in the end phone and server agree, each op has had its effect once, and none is forgotten.
 */
#include "kit.h"

#include "merge/merge.h"
#include "support/random.h"
#include "support/temp.h"
#include "wire/record_codec.h"
#include "wire/unit_codec.h"

#include <string.h>

#define CUSTOMER SATCHEL_ENTITY_CUSTOMER
#define CITY SATCHEL_CUSTOMER_CITY
#define POINTS SATCHEL_CUSTOMER_LOYALTY_POINTS

enum { ROWS = 6, OPS = 2000 };

/* An op as the model knows it. */
typedef struct model_op {
    satchel_op op;
    uint32_t row;
    satchel_result_code decided; /* by the server, 0 = not yet */
    satchel_result_code told;    /* stored on the phone */
    uint64_t undone;             /* by this op, 0 = not */
} model_op;

typedef struct model_row {
    /* the server */
    satchel_merge_row server;
    uint64_t n;
    bool in_reach;
    /* what the phone was given */
    bool phone_has;
    satchel_record given;
    uint64_t given_n;
    uint64_t through; /* own ops up to here are not on it any more */
    bool own;         /* made here, not given yet */
    bool gone;        /* made here, and not for us */
} model_row;

typedef struct model_world {
    store_kit kit;
    test_random random;
    test_temp temp;
    char path[TEST_PATH_BYTES];
    satchel_arena arena;
    model_row rows[ROWS];
    model_op ops[OPS + 1]; /* by sequence */
    uint64_t committed;
    uint64_t applied;
    uint64_t reflected;
    uint64_t server_n;
    uint64_t cursor; /* of the phone */
    int64_t clock;
    uint32_t events[8]; /* what happened how often: the test must not be empty */
} model_world;

enum {
    EVENT_LOST = 0,
    EVENT_REFUSED,
    EVENT_PARKED,
    EVENT_LEFT,
    EVENT_FAILED,
    EVENT_PART,
    EVENT_EXCEPTION,
    EVENT_UNDONE
};

/* Most changes meet on few rows. */
static uint32_t random_row(test_random *random) {
    return (uint32_t)test_random_below(random, test_random_chance(random, 60) ? 2 : ROWS);
}

static satchel_id id_of(uint32_t row) {
    return kit_id(row + 1);
}

static const satchel_schema *schema_of(const model_world *world) {
    return satchel_store_schema(world->kit.store);
}

/* --- random changes --- */

static satchel_record random_change(model_world *world, bool is_create) {
    static const char *const cities[] = {"Ningbo", "Hangzhou", "Shanghai", "Wuhan"};
    static const char *const tags[] = {"a", "a b", "b c", "c", "a c d", "d"};
    satchel_record record = kit_record(&world->kit, 0, NULL);
    if (is_create) {
        kit_put(&record, SATCHEL_CUSTOMER_NAME, "Someone");
    }
    if (test_random_chance(&world->random, 50)) {
        kit_put(&record, CITY, cities[test_random_below(&world->random, 4)]);
    }
    if (test_random_chance(&world->random, 30)) {
        kit_elements(&record, SATCHEL_CUSTOMER_TAGS, tags[test_random_below(&world->random, 6)]);
    }
    if (test_random_chance(&world->random, 30)) {
        int64_t at = test_random_between(&world->random, 1, 99);
        REQUIRE_OK(satchel_record_set_time(&record, SATCHEL_CUSTOMER_LAST_VISIT_AT, at));
    }
    if (test_random_chance(&world->random, 20)) {
        kit_set(&record, SATCHEL_CUSTOMER_LATITUDE_E7, test_random_between(&world->random, -900, 900));
    }
    if (test_random_chance(&world->random, 20)) {
        kit_set(&record, SATCHEL_CUSTOMER_CONSENT, test_random_between(&world->random, 1, 4));
    }
    return record;
}

/* --- what has to be shown --- */

/* Does the op lie on its row? The rule of the issue, in the model's words. */
static bool lies(const model_world *world, const model_row *row, uint64_t sequence) {
    const model_op *op = &world->ops[sequence];
    if (row->phone_has) {
        return sequence > row->through && (op->told == 0 || op->told <= SATCHEL_RESULT_MERGED);
    }
    if (op->told == SATCHEL_RESULT_HELD) {
        return true;
    }
    return op->told == 0 || op->told <= SATCHEL_RESULT_MERGED ||
           (op->told == SATCHEL_RESULT_REFUSED && op->op.kind == SATCHEL_OP_CREATE);
}

static uint32_t gather(const model_world *world, uint32_t index, satchel_op *out) {
    uint32_t count = 0;
    for (uint64_t s = 1; s <= world->committed; s++) {
        if (world->ops[s].row == index && lies(world, &world->rows[index], s)) {
            out[count++] = world->ops[s].op;
        }
    }
    return count;
}

/* False: nothing is to be shown. */
static bool expected(model_world *world, uint32_t index, satchel_record *out) {
    static satchel_op ops[OPS];
    const model_row *row = &world->rows[index];
    satchel_merge_context context = {.schema = schema_of(world), .base_cap = UINT64_MAX};
    bool deleted = false;
    satchel_record_init(out, &world->kit.arena);
    if (!row->phone_has && (!row->own || row->gone)) {
        return false;
    }
    uint32_t count = gather(world, index, ops);
    if (!row->phone_has && (count == 0 || ops[0].kind != SATCHEL_OP_CREATE)) {
        return false;
    }
    REQUIRE_OK(
        satchel_merge_rebase(&context, row->phone_has ? &row->given : NULL, NULL, ops, count, out, &deleted, NULL));
    CHECK(!deleted);
    return true;
}

static void check_rows(model_world *world) {
    for (uint32_t i = 0; i < ROWS; i++) {
        satchel_record want;
        satchel_record got;
        bool shown = expected(world, i, &want);
        REQUIRE_INT(kit_has(&world->kit, CUSTOMER, id_of(i)), shown);
        if (shown) {
            got = kit_read(&world->kit, CUSTOMER, id_of(i), NULL);
            REQUIRE(satchel_record_equal(&got, &want));
        }
    }
    satchel_arena_reset(&world->kit.arena);
}

/* --- the phone --- */

static uint64_t expected_base(const model_world *world, uint32_t index, uint32_t field) {
    const model_row *row = &world->rows[index];
    bool is_set = satchel_schema_field(schema_of(world), CUSTOMER, field)->policy == SATCHEL_POLICY_SET;
    for (uint64_t s = 1; s <= world->committed && !is_set; s++) {
        const model_op *op = &world->ops[s];
        if (op->row == index && lies(world, row, s) && satchel_op_touches(&op->op, field)) {
            return satchel_op_base(&op->op, field);
        }
    }
    return row->phone_has ? row->given_n : 0;
}

/* The op that was committed last, read back from the unit that will be sent; its bases must be the frozen ones, but of
 * sets. */
static void note_op(model_world *world, uint32_t index, uint64_t sequence) {
    satchel_unit_batch batch;
    satchel_unit_ops unit;
    satchel_bytes *bytes;
    model_op *op = &world->ops[sequence];
    REQUIRE_OK(satchel_store_load_units(world->kit.store, sequence - 1, 1, &world->kit.arena, &batch, NULL));
    REQUIRE_OK(satchel_unit_decode(batch.units[0], &world->kit.arena, &unit, &bytes, NULL));
    REQUIRE_UINT(unit.first_sequence, sequence);
    REQUIRE_OK(satchel_op_decode(schema_of(world), bytes[0], sequence, &world->arena, &op->op, NULL));
    op->row = index;
    op->decided = op->told = (satchel_result_code)0;
    REQUIRE_UINT(op->op.base_n, world->rows[index].phone_has ? world->rows[index].given_n : 0);
    for (uint32_t i = 0; i < op->op.set.count && op->op.kind == SATCHEL_OP_EDIT; i++) {
        uint32_t field = op->op.set.fields[i].number;
        REQUIRE_UINT(satchel_op_base(&op->op, field), expected_base(world, index, field));
    }
    world->events[EVENT_EXCEPTION] += op->op.exception_count > 0 ? 1 : 0;
    world->committed = sequence;
}

static int fail_commit(void *context) {
    (void)context;
    return 1;
}

/* Commits, at times with a database that fails at the last moment: then nothing may have happened. */
static uint64_t commit(model_world *world, satchel_draft *draft) {
    const satchel_moment moment = {1, world->clock, world->clock, 0};
    satchel_receipt receipt;
    if (test_random_chance(&world->random, 10)) {
        sqlite3_commit_hook(world->kit.database, fail_commit, NULL);
        satchel_status status = satchel_draft_commit(draft, &moment, &receipt, NULL);
        sqlite3_commit_hook(world->kit.database, NULL, NULL);
        REQUIRE(status != SATCHEL_OK || receipt.count == 0);
        world->events[EVENT_FAILED]++;
        check_rows(world);
    }
    REQUIRE_OK(satchel_draft_commit(draft, &moment, &receipt, NULL));
    satchel_draft_close(draft);
    REQUIRE(receipt.count <= 1);
    return receipt.count == 1 ? receipt.first_sequence : 0;
}

static void phone_changes(model_world *world) {
    uint32_t index = random_row(&world->random);
    const satchel_id id = id_of(index);
    satchel_draft *draft;
    bool create = !kit_has(&world->kit, CUSTOMER, id);
    bool counter = test_random_chance(&world->random, 35);
    satchel_record record = random_change(world, create);
    if (world->committed + 1 >= OPS || (create && (world->rows[index].own || world->rows[index].server.exists))) {
        return;
    }
    REQUIRE_OK(satchel_draft_open(&draft, world->kit.store));
    if (create) {
        REQUIRE_OK(satchel_draft_create(draft, CUSTOMER, &id, &record, &world->kit.error));
    } else if (counter) {
        REQUIRE_OK(satchel_draft_add(draft, CUSTOMER, &id, POINTS, test_random_between(&world->random, 1, 9), NULL));
    } else {
        REQUIRE_OK(satchel_draft_edit(draft, CUSTOMER, &id, &record, NULL, 0, &world->kit.error));
    }
    uint64_t sequence = commit(world, draft);
    if (sequence != 0) {
        REQUIRE_UINT(sequence, world->committed + 1);
        note_op(world, index, sequence);
        world->rows[index].own = world->rows[index].own || create;
    }
}

static void phone_undoes(model_world *world) {
    satchel_draft *draft;
    uint64_t sequence = world->committed > 0 ? 1 + test_random_below(&world->random, world->committed) : 0;
    if (sequence == 0 || world->ops[sequence].op.kind != SATCHEL_OP_EDIT || world->committed + 1 >= OPS) {
        return;
    }
    REQUIRE_OK(satchel_draft_open(&draft, world->kit.store));
    if (satchel_draft_invert(draft, sequence, NULL) != SATCHEL_OK) {
        satchel_draft_close(draft);
        return;
    }
    uint64_t before = world->ops[sequence].undone;
    REQUIRE(before == 0 ||
            world->ops[before].told > SATCHEL_RESULT_MERGED); /* an undo that was not accepted undid nothing */
    uint64_t undoing = commit(world, draft);
    REQUIRE(undoing != 0);
    world->ops[sequence].undone = undoing;
    note_op(world, world->ops[sequence].row, undoing);
    world->events[EVENT_UNDONE]++;
}

/* --- the server --- */

static void manager_changes(model_world *world) {
    model_row *row = &world->rows[random_row(&world->random)];
    const satchel_id id = id_of((uint32_t)(row - world->rows));
    satchel_merge_context context = {
        .schema = schema_of(world), .n = world->server_n + 1, .stamp_ms = world->clock, .base_cap = UINT64_MAX};
    satchel_merge_outcome outcome;
    satchel_op op;
    satchel_op_init(&op, row->server.exists ? SATCHEL_OP_EDIT : SATCHEL_OP_CREATE, CUSTOMER, &id, &world->arena);
    satchel_record change = random_change(world, !row->server.exists);
    if (!row->server.exists && row->own) {
        return; /* the phone made that id */
    }
    REQUIRE_OK(satchel_record_copy(&change, &op.set));
    op.base_n = row->n;
    satchel_merge_outcome_init(&outcome, &world->arena);
    REQUIRE_OK(satchel_merge_apply(&context, &row->server, &op, &outcome, NULL));
    row->n = ++world->server_n;
}

static void manager_moves(model_world *world) {
    model_row *row = &world->rows[test_random_below(&world->random, ROWS)];
    if (row->server.exists) {
        row->in_reach = !row->in_reach;
        row->n = ++world->server_n;
        world->events[EVENT_LEFT] += row->in_reach ? 0 : 1;
    }
}

static satchel_result_code decide(model_world *world, uint64_t sequence) {
    model_op *op = &world->ops[sequence];
    model_row *row = &world->rows[op->row];
    const satchel_writer known = {1, sequence - 1};
    satchel_merge_context context = {.schema = schema_of(world),
                                     .n = world->server_n + 1,
                                     .stamp_ms = world->clock - (int64_t)test_random_below(&world->random, 50),
                                     .writer = {1, sequence},
                                     .ancestry = {&known, 1},
                                     .base_cap = UINT64_MAX};
    satchel_merge_outcome outcome;
    if (op->op.kind != SATCHEL_OP_CREATE && !row->server.exists) {
        return SATCHEL_RESULT_HELD;
    }
    if (op->op.kind != SATCHEL_OP_CREATE && !row->in_reach) {
        world->events[EVENT_PARKED]++;
        return SATCHEL_RESULT_PARKED;
    }
    if (test_random_chance(&world->random, 10)) {
        world->events[EVENT_REFUSED]++;
        return SATCHEL_RESULT_REFUSED;
    }
    satchel_merge_outcome_init(&outcome, &world->arena);
    if (satchel_merge_apply(&context, &row->server, &op->op, &outcome, NULL) != SATCHEL_OK) {
        return SATCHEL_RESULT_REFUSED;
    }
    if (op->op.kind == SATCHEL_OP_CREATE) {
        row->in_reach = test_random_chance(&world->random, 80);
    }
    row->n = ++world->server_n;
    return outcome.loss_count > 0 ? SATCHEL_RESULT_MERGED : SATCHEL_RESULT_APPLIED;
}

/* Takes the units that the phone sends; ops that it knows are not applied again. */
static uint64_t server_takes(model_world *world, bool faults, uint64_t *first) {
    satchel_unit_batch batch = {NULL, 0, 0, false};
    uint32_t bytes = test_random_chance(&world->random, 30) ? 1 : 4000;
    satchel_sync_state state;
    REQUIRE_OK(satchel_store_sync_state(world->kit.store, &state, NULL));
    if (!faults || test_random_chance(&world->random, 50)) { /* else the upload was cut off, but not the download */
        REQUIRE_OK(satchel_store_load_units(world->kit.store, 0, bytes, &world->kit.arena, &batch, NULL));
    }
    *first = state.settled_through + 1;
    for (uint32_t i = 0; i < batch.count; i++) {
        uint64_t sequence = *first + i;
        if (sequence == world->applied + 1) {
            world->ops[sequence].decided = decide(world, sequence);
            world->applied = sequence;
        }
    }
    REQUIRE_OK(satchel_store_mark_sent(world->kit.store, batch.last_sequence, NULL));
    return batch.count;
}

/* --- a page --- */

static void put_result(kit_page *page, uint64_t sequence, satchel_result_code code) {
    const satchel_op_result result = {.index = 0, .code = code, .status = SATCHEL_FORBIDDEN};
    if (code <= SATCHEL_RESULT_MERGED) {
        kit_page_result(page, sequence, 1, code);
    } else {
        kit_page_op_result(page, sequence, 1, &result, 1);
    }
}

/* What changed between what the phone was given and now, as a part. */
static void put_part(model_world *world, kit_page *page, uint32_t index) {
    const model_row *row = &world->rows[index];
    satchel_record part = kit_record(&world->kit, 0, NULL);
    uint32_t cleared[SATCHEL_LIMIT_FIELDS_PER_RECORD];
    uint32_t cleared_count = 0;
    for (uint32_t i = 0; i < row->server.value.count; i++) {
        const satchel_field_value *now = &row->server.value.fields[i];
        const satchel_value *before = satchel_record_get(&row->given, now->number);
        if (before == NULL || !satchel_value_equal(before, &now->value)) {
            REQUIRE_OK(satchel_record_set(&part, now->number, &now->value));
        }
    }
    for (uint32_t i = 0; i < row->given.count; i++) {
        uint32_t number = row->given.fields[i].number;
        if (number != SATCHEL_FIELD_REVISION && satchel_record_get(&row->server.value, number) == NULL) {
            cleared[cleared_count++] = number;
        }
    }
    kit_page_part(&world->kit, page, CUSTOMER, id_of(index), row->n, &part, cleared, cleared_count);
    world->events[EVENT_PART]++;
}

/* The row of the next change behind the cursor; ROWS if there is none. */
static uint32_t next_change(const model_world *world, uint64_t cursor) {
    uint32_t next = ROWS;
    for (uint32_t i = 0; i < ROWS; i++) {
        const model_row *row = &world->rows[i];
        if (row->n > cursor && (next == ROWS || row->n < world->rows[next].n)) {
            next = i;
        }
    }
    return next;
}

/* Rows first, removals behind them, as an answer has to have them; gives the new cursor. */
static uint64_t put_rows(model_world *world, kit_page *page, bool touched[ROWS], bool *more) {
    uint32_t removed[ROWS];
    uint32_t removed_count = 0;
    uint64_t cursor = world->cursor;
    uint32_t most = 1 + (uint32_t)test_random_below(&world->random, ROWS);
    uint32_t index = next_change(world, cursor);
    for (uint32_t i = 0; i < most && index < ROWS; i++) {
        const model_row *row = &world->rows[index];
        touched[index] = true;
        if (!row->in_reach) {
            removed[removed_count++] = index;
        } else if (row->phone_has && test_random_chance(&world->random, 50)) {
            put_part(world, page, index);
        } else {
            kit_page_row(&world->kit, page, CUSTOMER, id_of(index), row->n, &row->server.value);
        }
        cursor = row->n;
        index = next_change(world, cursor);
    }
    for (uint32_t i = 0; i < removed_count; i++) {
        kit_page_removal(page, CUSTOMER, id_of(removed[i]));
    }
    *more = index < ROWS;
    return *more ? cursor : world->server_n;
}

static void note_given(model_world *world, model_row *row) {
    row->phone_has = row->in_reach;
    if (row->in_reach) {
        satchel_record_init(&row->given, &world->arena);
        REQUIRE_OK(satchel_record_copy(&row->server.value, &row->given));
        REQUIRE_OK(satchel_record_set_int(&row->given, SATCHEL_FIELD_REVISION, (int64_t)row->n));
        row->given_n = row->n;
    }
    row->through = world->applied > row->through ? world->applied : row->through;
}

/* The model's view of what a stored page does. */
static void note_page(model_world *world, const bool touched[ROWS], bool more) {
    for (uint32_t i = 0; i < ROWS; i++) {
        model_row *row = &world->rows[i];
        if (touched[i]) {
            bool had = row->phone_has || row->own;
            note_given(world, row);
            row->own = row->own && !row->in_reach ? row->own : false;
            row->gone = had && !row->in_reach;
        }
        if (!more && row->through < world->applied) {
            row->through = world->applied;
        }
    }
    world->reflected = more ? world->reflected : world->applied;
}

/* A row made here whose CREATE is decided, reflected, and which was not given: not for us. */
static void note_not_for_us(model_world *world) {
    for (uint64_t s = 1; s <= world->committed; s++) {
        const model_op *op = &world->ops[s];
        model_row *row = &world->rows[op->row];
        if (op->op.kind != SATCHEL_OP_CREATE || row->phone_has || !row->own) {
            continue;
        }
        bool passed = op->told != 0 && op->told <= SATCHEL_RESULT_MERGED && s <= world->reflected;
        row->gone = row->gone || passed || op->told == SATCHEL_RESULT_PARKED;
    }
}

static satchel_status store_page(model_world *world, kit_page *page, bool with_page, bool more) {
    satchel_buffer copy = {NULL, 0, 0};
    if (test_random_chance(&world->random, 10)) {
        kit_page second = {copy};
        REQUIRE_OK(satchel_buffer_append(&second.payload, satchel_buffer_view(&page->payload)));
        sqlite3_commit_hook(world->kit.database, fail_commit, NULL);
        satchel_status status =
            with_page ? kit_page_store(&world->kit, &second, more) : kit_page_store_results(&world->kit, &second);
        sqlite3_commit_hook(world->kit.database, NULL, NULL);
        REQUIRE(status != SATCHEL_OK);
        world->events[EVENT_FAILED]++;
        check_rows(world);
    }
    return with_page ? kit_page_store(&world->kit, page, more) : kit_page_store_results(&world->kit, page);
}

static void exchange(model_world *world, bool faults) {
    bool touched[ROWS] = {false};
    bool more = false;
    uint64_t first;
    uint64_t sent = server_takes(world, faults, &first);
    bool with_page = !faults || test_random_chance(&world->random, 80);
    kit_page page = kit_page_begin(world->applied);
    for (uint64_t s = first; s < first + sent; s++) {
        put_result(&page, s, world->ops[s].decided);
    }
    uint64_t cursor = with_page ? put_rows(world, &page, touched, &more) : world->cursor;
    if (faults && test_random_chance(&world->random, 30)) {
        satchel_buffer_deinit(&page.payload); /* the answer is lost */
        world->events[EVENT_LOST]++;
        return;
    }
    REQUIRE_OK(store_page(world, &page, with_page, more));
    for (uint64_t s = first; s < first + sent; s++) {
        world->ops[s].told = world->ops[s].decided;
    }
    world->cursor = cursor;
    if (with_page) {
        note_page(world, touched, more);
    }
    note_not_for_us(world);
}

/* --- the run --- */

static void step(model_world *world) {
    bool left;
    world->clock += 10;
    switch (test_random_below(&world->random, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: phone_changes(world); break;
    case 4: phone_undoes(world); break;
    case 5:
    case 6: manager_changes(world); break;
    case 7:
        if (test_random_chance(&world->random, 30)) {
            manager_moves(world);
        }
        break;
    case 8:
        satchel_store_close(world->kit.store);
        world->kit.store = NULL;
        REQUIRE_INT(sqlite3_close(world->kit.database), SQLITE_OK);
        REQUIRE_INT(sqlite3_open(world->path, &world->kit.database), SQLITE_OK);
        sqlite3_exec(world->kit.database, "PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        REQUIRE_OK(satchel_store_open(&world->kit.store, world->kit.database, NULL, NULL));
        break;
    case 9: REQUIRE_OK(satchel_store_purge(world->kit.store, 2, &left, NULL)); break;
    default: exchange(world, true); break;
    }
    check_rows(world);
}

static void check_end(model_world *world) {
    for (int i = 0; i < 4 * ROWS || world->applied < world->committed; i++) {
        exchange(world, false);
        check_rows(world);
    }
    kit_purge(&world->kit);
    for (uint32_t i = 0; i < ROWS; i++) {
        const model_row *row = &world->rows[i];
        if (row->server.exists && row->in_reach) {
            satchel_record got = kit_read(&world->kit, CUSTOMER, id_of(i), NULL);
            satchel_record_remove(&got, SATCHEL_FIELD_REVISION);
            CHECK(satchel_record_equal(&got, &row->server.value));
        }
    }
    uint32_t troubled = 0;
    for (uint64_t s = 1; s <= world->committed; s++) {
        REQUIRE(world->ops[s].told != 0);
        troubled += world->ops[s].told > SATCHEL_RESULT_MERGED ? 1 : 0;
    }
    satchel_device_info info;
    REQUIRE_OK(satchel_store_count_info(world->kit.store, &info, NULL));
    CHECK_UINT(info.units_unsent, 0);
    CHECK_UINT(info.ops_refused + info.ops_parked, troubled);
    satchel_unit_batch batch;
    REQUIRE_OK(satchel_store_load_units(world->kit.store, 0, 1, &world->kit.arena, &batch, NULL));
    CHECK_UINT(batch.count, 0);
}

static void run(uint64_t seed, uint32_t steps, uint32_t events[8]) {
    static model_world world;
    memset(&world, 0, sizeof world);
    world.random = test_random_of(seed);
    world.temp = test_temp_make();
    world.kit = kit_open(test_temp_path(&world.temp, "store.db", world.path));
    REQUIRE_INT(sqlite3_exec(world.kit.database, "PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL", NULL, NULL, NULL),
                SQLITE_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        satchel_merge_row_init(&world.rows[i].server, &world.arena);
        world.rows[i].in_reach = true;
    }
    for (uint32_t i = 0; i < steps; i++) {
        step(&world);
    }
    check_end(&world);
    for (int i = 0; i < 8; i++) {
        events[i] += world.events[i];
    }
    kit_close(&world.kit);
    satchel_arena_deinit(&world.arena);
    test_temp_remove(&world.temp);
}

TEST(store_model, what_is_shown_is_always_the_rebase_and_nothing_is_lost) {
    uint32_t events[8] = {0};
    for (uint64_t seed = 1; seed <= 12; seed++) {
        run(seed, 140, events);
    }
    for (int i = 0; i < 8; i++) {
        test_note("event %d happened %u times", i, events[i]);
        CHECK(events[i] > 10);
    }
}
