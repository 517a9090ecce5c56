/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories and the laws. Each law counts what it compared, so that it cannot pass by comparing nothing.
 */
#include "unit/merge/histories.h"

#include <string.h>

#define LINEAGES 4
#define PER_LINEAGE 6
#define STEPS (LINEAGES * PER_LINEAGE)
#define PREFIX_LINEAGE 9

typedef struct step {
    uint64_t lineage; /* 1 … */
    uint64_t sequence;
    int64_t stamp_ms;
    const satchel_op *op;
} step;

typedef struct history {
    unsigned lineage_count;
    unsigned counts[LINEAGES];
    step steps[LINEAGES][PER_LINEAGE];
    uint64_t base_n; /* of the lineage that is being made */
} history;

static void create_row(world *w) {
    world_apply(w, PREFIX_LINEAGE, 1, 0, world_op(w, SATCHEL_OP_CREATE, 0));
}

/* Ops that everybody may or may not know of, each made with knowledge of all before; stamp = revision. */
static void make_prefix(world *w, test_random *random, const history_options *options) {
    uint64_t count = options->prefix == 0 ? 0 : test_random_below(random, options->prefix + 1);
    for (uint64_t i = 0; i < count; i++) {
        const satchel_op *op = random_op(w, random, w->n, &options->ops);
        /* An EDIT of a row that it knows to be deleted is refused: so be it. */
        (void)world_try(w, PREFIX_LINEAGE, 2 + i, (int64_t)w->n + 1, op);
    }
}

/* Stamps of a lineage may go back: a phone's clock did. All are after what the op was made on: the server sees to it.
 */
static void make_lineage(world *w, test_random *random, const history_options *options, history *h, unsigned index) {
    uint64_t base_n = 1 + test_random_below(random, w->n);
    h->counts[index] = 1 + (unsigned)test_random_below(random, options->per_lineage);
    for (unsigned i = 0; i < h->counts[index]; i++) {
        step *s = &h->steps[index][i];
        s->lineage = index + 1;
        s->sequence = i + 1;
        s->stamp_ms = test_random_between(random, (int64_t)base_n + 1, (int64_t)base_n + 9);
        satchel_op *op = random_op(w, random, base_n, &options->ops);
        op->sequence = s->sequence;
        s->op = op;
    }
}

static void make_history(world *w, test_random *random, const history_options *options, history *h) {
    create_row(w);
    make_prefix(w, random, options);
    h->lineage_count = 1 + (unsigned)test_random_below(random, options->lineages);
    for (unsigned i = 0; i < h->lineage_count; i++) {
        make_lineage(w, random, options, h, i);
    }
}

/* A random interleaving of the lineages. */
static unsigned shuffle(const history *h, test_random *random, step out[STEPS]) {
    unsigned next[LINEAGES] = {0};
    unsigned total = 0;
    unsigned count = 0;
    for (unsigned i = 0; i < h->lineage_count; i++) {
        total += h->counts[i];
    }
    while (count < total) {
        unsigned lineage = (unsigned)test_random_below(random, h->lineage_count);
        if (next[lineage] < h->counts[lineage]) {
            out[count++] = h->steps[lineage][next[lineage]++];
        }
    }
    return count;
}

static void play(world *w, const step *steps, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        (void)world_try(w, steps[i].lineage, steps[i].sequence, steps[i].stamp_ms, steps[i].op);
    }
}

static void note_rows(world *w, const satchel_record *one, const satchel_record *other, unsigned case_number) {
    for (uint32_t i = 0; i < one->count; i++) {
        uint32_t field = one->fields[i].number;
        if (!satchel_value_equal(&one->fields[i].value, satchel_record_get(other, field)
                                                            ? satchel_record_get(other, field)
                                                            : &(satchel_value){SATCHEL_TYPE_NULL, {false}})) {
            test_note("case %u, field %u: %s or %s", case_number, (unsigned)field, show_field(&w->arena, one, field),
                      show_field(&w->arena, other, field));
        }
    }
}

static void require_equal(world *w, const satchel_record *one, const satchel_record *other, unsigned case_number) {
    bool equal = satchel_record_equal(one, other);
    if (!equal) {
        note_rows(w, one, other, case_number);
        note_rows(w, other, one, case_number);
    }
    REQUIRE(equal);
}

void check_order_independence(const satchel_schema *schema, uint32_t entity, test_random *random,
                              const history_options *options, unsigned cases) {
    world w;
    unsigned long compared = 0;
    world_open(&w, schema, entity);
    for (unsigned i = 0; i < cases; i++) {
        history h;
        step steps[STEPS];
        world_reset(&w);
        make_history(&w, random, options, &h);
        satchel_merge_row start = w.row;
        uint64_t start_n = w.n;
        play(&w, steps, shuffle(&h, random, steps));
        satchel_record first = w.row.value;
        w.row = start;
        w.n = start_n;
        play(&w, steps, shuffle(&h, random, steps));
        require_equal(&w, &first, &w.row.value, i);
        compared += first.count;
    }
    CHECK(compared > cases);
    world_close(&w);
}

/* ---- nothing disappears ---- */

typedef struct loss_book {
    satchel_merge_outcome *outcomes[STEPS];
    unsigned count;
} loss_book;

static bool same_in(const satchel_record *record, const satchel_op *op, const satchel_field *field) {
    static const satchel_value null = {SATCHEL_TYPE_NULL, {false}};
    const satchel_value *held = satchel_record_get(record, field->number);
    const satchel_value *given = satchel_record_get(&op->set, field->number);
    return satchel_value_equal(held != NULL ? held : &null, given != NULL ? given : &null);
}

/* Is what the op says of the cell that `key` names in the record? */
static bool cell_in(const world *w, const satchel_record *record, const satchel_op *op, const satchel_field *key) {
    const satchel_field *field;
    for (uint32_t i = 0; (field = satchel_schema_field_at(w->schema, w->entity, i)) != NULL; i++) {
        if (satchel_versions_same_cell(key, field) && !same_in(record, op, field)) {
            return false;
        }
    }
    return true;
}

static bool is_listed(const world *w, const loss_book *book, const step *s, const satchel_field *field) {
    uint32_t key = satchel_versions_key(w->schema, w->entity, field);
    for (unsigned i = 0; i < book->count; i++) {
        for (uint32_t k = 0; k < book->outcomes[i]->loss_count; k++) {
            const satchel_loss *loss = &book->outcomes[i]->losses[k];
            if (loss->field == key && cell_in(w, &loss->loser, s->op, field)) {
                return true;
            }
        }
    }
    return false;
}

static bool keeps_one_value(const satchel_field *field) {
    switch (field->policy) {
    case SATCHEL_POLICY_SET:
    case SATCHEL_POLICY_SUM:
    case SATCHEL_POLICY_MAX:
    case SATCHEL_POLICY_MIN:
    case SATCHEL_POLICY_SERVER: return false;
    default: return (field->flags & SATCHEL_FIELD_DERIVED) == 0;
    }
}

static bool replaced_by_own(const history *h, const step *s, const satchel_field *field) {
    for (unsigned i = (unsigned)s->sequence; i < h->counts[s->lineage - 1]; i++) {
        if (satchel_op_touches(h->steps[s->lineage - 1][i].op, field->number)) {
            return true;
        }
    }
    return false;
}

static bool says_the_same(const world *w, const satchel_op *a, const satchel_op *b, const satchel_field *field) {
    return satchel_op_touches(b, field->number) && cell_in(w, &b->set, a, field);
}

/* An equal value joined the one that stood, and shares its fate: its writer may go on from it. */
static bool joined_another(const world *w, const history *h, const satchel_record *start, const step *s,
                           const satchel_field *field) {
    for (unsigned i = 0; i < h->lineage_count; i++) {
        for (unsigned k = 0; k < h->counts[i]; k++) {
            const step *other = &h->steps[i][k];
            if (other != s && says_the_same(w, s->op, other->op, field) && replaced_by_own(h, other, field)) {
                return true;
            }
        }
    }
    return cell_in(w, start, s->op, field);
}

static unsigned long check_step(const world *w, const history *h, const loss_book *book, const satchel_record *start,
                                const step *s, unsigned number) {
    unsigned long checked = 0;
    const satchel_field *field;
    for (uint32_t i = 0; (field = satchel_schema_field_at(w->schema, w->entity, i)) != NULL; i++) {
        if (!keeps_one_value(field) || !satchel_op_touches(s->op, field->number) || replaced_by_own(h, s, field)) {
            continue;
        }
        checked++;
        bool found = cell_in(w, &w->row.value, s->op, field) || is_listed(w, book, s, field) ||
                     joined_another(w, h, start, s, field);
        if (!found) {
            test_note("case %u, field %u of op %u of lineage %u", number, (unsigned)field->number,
                      (unsigned)s->sequence, (unsigned)s->lineage);
        }
        REQUIRE(found);
    }
    return checked;
}

void check_nothing_disappears(const satchel_schema *schema, uint32_t entity, test_random *random,
                              const history_options *options, unsigned cases) {
    world w;
    unsigned long checked = 0;
    world_open(&w, schema, entity);
    for (unsigned i = 0; i < cases; i++) {
        history h;
        step steps[STEPS];
        loss_book book = {.count = 0};
        world_reset(&w);
        make_history(&w, random, options, &h);
        satchel_record start = w.row.value;
        unsigned count = shuffle(&h, random, steps);
        for (unsigned k = 0; k < count; k++) {
            play(&w, &steps[k], 1);
            satchel_merge_outcome *kept = satchel_arena_take(&w.arena, sizeof *kept);
            REQUIRE(kept != NULL);
            *kept = w.outcome;
            book.outcomes[book.count++] = kept;
        }
        for (unsigned k = 0; k < count; k++) {
            checked += check_step(&w, &h, &book, &start, &steps[k], i);
        }
    }
    CHECK(checked > cases);
    world_close(&w);
}

void check_no_self_conflict(const satchel_schema *schema, uint32_t entity, test_random *random,
                            const history_options *options, unsigned cases) {
    world w;
    unsigned long ops = 0;
    world_open(&w, schema, entity);
    for (unsigned i = 0; i < cases; i++) {
        history h;
        world_reset(&w);
        make_lineage(&w, random, options, &h, 0);
        world_apply(&w, 1, 0, 0, world_op(&w, SATCHEL_OP_CREATE, 0));
        for (unsigned k = 0; k < h.counts[0]; k++) {
            satchel_op *op = random_op(&w, random, test_random_below(random, 2), &options->ops);
            satchel_status status = world_try(&w, 1, k + 1, h.steps[0][k].stamp_ms, op);
            CHECK(status == SATCHEL_OK || (status == SATCHEL_NOT_FOUND && w.row.deleted));
            REQUIRE_INT(status == SATCHEL_OK ? w.outcome.loss_count : 0, 0);
            ops++;
        }
    }
    CHECK(ops >= cases);
    world_close(&w);
}

static bool is_sum(const world *w, uint32_t number) {
    const satchel_field *field = satchel_schema_field(w->schema, w->entity, number);
    return field != NULL && field->policy == SATCHEL_POLICY_SUM;
}

void check_idempotence(const satchel_schema *schema, uint32_t entity, test_random *random,
                       const history_options *options, unsigned cases) {
    world w;
    unsigned long repeated = 0;
    world_open(&w, schema, entity);
    for (unsigned i = 0; i < cases; i++) {
        history h;
        step steps[STEPS];
        world_reset(&w);
        make_history(&w, random, options, &h);
        unsigned count = shuffle(&h, random, steps);
        for (unsigned k = 0; k < count; k++) {
            play(&w, &steps[k], 1);
            play(&w, &steps[k], 1);
            for (uint32_t c = 0; c < w.outcome.changed_count; c++) {
                test_note("case %u, field %u", i, (unsigned)w.outcome.changed[c]);
                REQUIRE(is_sum(&w, w.outcome.changed[c]));
            }
            repeated++;
        }
    }
    CHECK(repeated >= cases);
    world_close(&w);
}

/*
 * Lost replies: a lineage sends a window of its ops that overlaps what it sent before. The server's guard is the
 * highest sequence that it applied of the lineage.
 */
static void play_windows(world *w, const history *h, test_random *random) {
    uint64_t through[LINEAGES] = {0};
    unsigned left = h->lineage_count;
    while (left > 0) {
        unsigned lineage = (unsigned)test_random_below(random, h->lineage_count);
        unsigned count = h->counts[lineage];
        unsigned from = (unsigned)test_random_below(random, through[lineage] + 1);
        unsigned to = from + (unsigned)test_random_below(random, count - from + 1);
        bool was_done = through[lineage] == count;
        for (unsigned i = from; i < to; i++) {
            const step *s = &h->steps[lineage][i];
            if (s->sequence == through[lineage] + 1) {
                play(w, s, 1);
                through[lineage] = s->sequence;
            }
        }
        left -= !was_done && through[lineage] == count ? 1u : 0u;
    }
}

void check_duplicates(const satchel_schema *schema, uint32_t entity, test_random *random,
                      const history_options *options, unsigned cases) {
    world w;
    unsigned long compared = 0;
    world_open(&w, schema, entity);
    for (unsigned i = 0; i < cases; i++) {
        history h;
        step steps[STEPS];
        world_reset(&w);
        make_history(&w, random, options, &h);
        satchel_merge_row start = w.row;
        uint64_t start_n = w.n;
        play(&w, steps, shuffle(&h, random, steps));
        satchel_record once = w.row.value;
        w.row = start;
        w.n = start_n;
        play_windows(&w, &h, random);
        require_equal(&w, &once, &w.row.value, i);
        compared += once.count;
    }
    CHECK(compared > cases);
    world_close(&w);
}

/* ---- rebase ---- */

static void rebase(world *w, const history *h, unsigned lineage, satchel_record *out, bool *out_deleted) {
    satchel_op ops[PER_LINEAGE];
    int64_t stamps_ms[PER_LINEAGE];
    for (unsigned i = 0; i < h->counts[lineage]; i++) {
        ops[i] = *h->steps[lineage][i].op;
        stamps_ms[i] = h->steps[lineage][i].stamp_ms;
    }
    satchel_record server;
    satchel_record_init(&server, &w->arena);
    REQUIRE_OK(satchel_record_copy(&w->row.value, &server));
    if (w->row.deleted) {
        REQUIRE_OK(satchel_record_set_bool(&server, SATCHEL_FIELD_DELETED, true));
    }
    satchel_merge_context context = {
        .schema = w->schema, .writer = {lineage + 1, 0}, .base_cap = UINT64_MAX, .op_stamps_ms = stamps_ms};
    satchel_record_init(out, &w->arena);
    REQUIRE_OK(satchel_merge_rebase(&context, &server, &w->row.versions, ops, h->counts[lineage], out, out_deleted,
                                    &w->error));
}

void check_rebase(const satchel_schema *schema, uint32_t entity, test_random *random, const history_options *options,
                  unsigned cases) {
    world w;
    unsigned long compared = 0;
    world_open(&w, schema, entity);
    for (unsigned i = 0; i < cases; i++) {
        history h;
        step steps[STEPS];
        satchel_record shown;
        bool shown_deleted = false;
        world_reset(&w);
        make_history(&w, random, options, &h);
        unsigned own = h.lineage_count - 1;
        h.lineage_count--;
        if (h.lineage_count > 0) {
            play(&w, steps, shuffle(&h, random, steps));
        }
        rebase(&w, &h, own, &shown, &shown_deleted);
        play(&w, h.steps[own], h.counts[own]);
        require_equal(&w, &shown, &w.row.value, i);
        REQUIRE_INT(shown_deleted, w.row.deleted);
        compared += shown.count;
    }
    CHECK(compared > cases);
    world_close(&w);
}

void check_equal_values(const satchel_schema *schema, uint32_t entity, test_random *random,
                        const history_options *options, unsigned cases) {
    world w;
    unsigned long repeated = 0;
    world_open(&w, schema, entity);
    for (unsigned i = 0; i < cases; i++) {
        history h;
        world_reset(&w);
        make_history(&w, random, options, &h);
        play(&w, h.steps[0], h.counts[0]);
        if (w.outcome.loss_count > 0) {
            continue; /* its own state was illegal */
        }
        step other = h.steps[0][h.counts[0] - 1];
        other.lineage = LINEAGES;
        other.stamp_ms = test_random_between(random, -5, 15);
        play(&w, &other, 1);
        REQUIRE_INT(w.outcome.loss_count, 0);
        repeated++;
    }
    CHECK(repeated > cases / 2);
    world_close(&w);
}
