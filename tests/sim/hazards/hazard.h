/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hazards of sync as stories: a small company with three people, whose phones, server and network are those of the
 * simulator, but where a script says what happens.
 *
 * Each verb below does one thing and adds one sentence to the transcript. What is found to be otherwise than the script
 * expects adds a sentence that begins with "BUT" and fails the story. No sentence holds an id or a number of bytes, so
 * a transcript stays the same as long as the behaviour does; it is kept beside the scripts and compared.
 */
#ifndef SATCHEL_TESTS_SIM_HAZARDS_HAZARD_H
#define SATCHEL_TESTS_SIM_HAZARDS_HAZARD_H

#include "sim/sim.h"

#include <satchel/explain.h>
#include <satchel/model.h>

/* Phones by number. Anna and Boris are reps, Mona leads them. The tablet is Anna's second device. */
enum { ANNA, TABLET, BORIS, MONA, HAZARD_PEOPLE };

/* Shops that are there when a story begins. */
enum { LOTUS, TIGER, BAMBOO, HAZARD_SHOPS }; /* Anna's, Anna's, Boris's */

#define HAZARD_CANARIES_MOST 4
#define HAZARD_TEXT_BYTES 512
#define HAZARD_MINUTE_MS 60000

typedef struct hazard_row {
    const char *name;
    uint32_t entity;
    satchel_id id;
} hazard_row;

typedef struct hazard hazard;

typedef struct hazard_story {
    const char *name;
    const char *title;
    void (*play)(hazard *on);
    bool tablet; /* Anna has it */
} hazard_story;

/* A group of stories, each file has one; ends with a story without a name. */
extern const hazard_story hazard_stories_writes[], hazard_stories_deletes[], hazard_stories_wire[],
    hazard_stories_clocks[], hazard_stories_lives[], hazard_stories_access[], hazard_stories_pages[],
    hazard_stories_field[], hazard_stories_server[];

struct hazard {
    const hazard_story *story;
    sim *here;
    bool prints;
    satchel_buffer told;
    uint32_t failures;
    hazard_row shops[HAZARD_SHOPS];
    struct {
        uint32_t phone;
        const char *words;
    } canaries[HAZARD_CANARIES_MOST]; /* what a phone must never be sent */
    uint32_t canary_count;
    void (*meanwhile)(hazard *on); /* happens once, between the next answer of the server and its arrival */
    uint32_t answers;              /* that phones got, over the whole story */
    uint32_t http_last;            /* status of the last one */
};

/* --- teller.c --- */
void hazard_tell(hazard *on, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "BUT …" unless `holds`. */
void hazard_expect(hazard *on, bool holds, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Why it ends so. */
void hazard_why(hazard *on, const char *words);
/* "Anna's phone". */
const char *hazard_phone_name(const hazard *on, uint32_t phone);
const char *hazard_user_name(uint32_t phone);
/* "note", from the model. */
void hazard_field_label(uint32_t entity, uint32_t field, char out[HAZARD_TEXT_BYTES]);
/* A field of an encoded record as text; false: it has no value. */
bool hazard_value_of(satchel_bytes record, uint32_t entity, uint32_t field, char out[HAZARD_TEXT_BYTES]);
/* A record of one field, from its text form. */
bool hazard_record_of(uint32_t entity, uint32_t field, const char *text, satchel_buffer *out);
void hazard_pass(hazard *on, int64_t minutes);

/* --- stage.c: what people do with their phones --- */
void hazard_edit(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *text);
/* The phone itself refuses it, with this status. */
void hazard_edit_refused(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *text,
                         satchel_status expected);
void hazard_add(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, int64_t delta);
void hazard_delete(hazard *on, uint32_t phone, const hazard_row *row);
/* A new row that hangs on `parent` by `parent_field` (NULL: on nothing), with one text. */
hazard_row hazard_create(hazard *on, uint32_t phone, uint32_t entity, const char *name, const hazard_row *parent,
                         uint32_t parent_field, uint32_t field, const char *text);
/* A value that is shown; NULL: the row is not there. */
void hazard_shows(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *expected);
/* As many reasons of this kind are listed, and they are told. */
void hazard_lists(hazard *on, uint32_t phone, satchel_reason_kind kind, uint32_t expected);
/* As many rows of an entity are there. */
void hazard_holds(hazard *on, uint32_t phone, uint32_t entity, uint32_t expected);
satchel_device_info hazard_info(hazard *on, uint32_t phone);
void hazard_clock(hazard *on, uint32_t phone, int64_t wrong_by_ms, const char *words);
/* Power is lost, and comes back. */
void hazard_crash(hazard *on, uint32_t phone, test_survival survival);

/* --- verbs.c: the verbs of sales --- */
hazard_row hazard_order(hazard *on, uint32_t phone, const char *name, const hazard_row *shop);
hazard_row hazard_line(hazard *on, uint32_t phone, const char *name, const hazard_row *order, int64_t quantity,
                       int64_t price_minor);
void hazard_submit(hazard *on, uint32_t phone, const hazard_row *order);
hazard_row hazard_visit_plan(hazard *on, uint32_t phone, const char *name, const hazard_row *shop, int64_t in_days);
/* `planned` NULL: a visit of its own. */
hazard_row hazard_check_in(hazard *on, uint32_t phone, const char *name, const hazard_row *shop,
                           const hazard_row *planned);
void hazard_check_out(hazard *on, uint32_t phone, const hazard_row *visit, const char *summary);
void hazard_visit_cancel(hazard *on, uint32_t phone, const hazard_row *visit, const char *reason);

/* --- luck.c: what the network does --- */
typedef enum hazard_luck {
    HAZARD_FINE,
    HAZARD_REQUEST_LOST,
    HAZARD_ANSWER_LOST,
    HAZARD_ANSWER_CUT,
    HAZARD_TWICE,   /* the network sends the request twice */
    HAZARD_HELD_UP, /* the request stays somewhere; hazard_arrives lets it go on */
    HAZARD_COPIED   /* it arrives, and a copy of it stays somewhere */
} hazard_luck;

/* One request and what becomes of it. false: the sync had nothing left to ask, and has ended. */
bool hazard_ask(hazard *on, uint32_t phone, hazard_luck luck);
/* The sync goes on to its end without trouble, or is begun and carried through. */
void hazard_sync(hazard *on, uint32_t phone);
satchel_status hazard_sync_silently(hazard *on, uint32_t phone);
/* The oldest request that was held up reaches the server. */
void hazard_arrives(hazard *on);
/* From here on this phone must not be sent these words. */
void hazard_forbid(hazard *on, uint32_t phone, const char *words);
/* Everybody syncs until nobody has anything left. */
void hazard_settle(hazard *on);

/* --- desk.c: what happens at the office --- */
void hazard_office_edit(hazard *on, const hazard_row *row, uint32_t field, const char *text);
/* By the administrator, whom nothing is hidden from. */
void hazard_admin_edit(hazard *on, const hazard_row *row, uint32_t field, const char *text);
/* So many rows as one revision, named "<name> <number>", of `owner`. */
void hazard_office_many(hazard *on, uint32_t entity, uint32_t count, const char *name, uint32_t field,
                        uint32_t owner_field, uint32_t owner);
void hazard_office_delete(hazard *on, const hazard_row *row);
hazard_row hazard_office_create(hazard *on, uint32_t entity, const char *name, const hazard_row *parent,
                                uint32_t parent_field, uint32_t field, const char *text);
void hazard_office_gives(hazard *on, const hazard_row *shop, uint32_t to);
void hazard_office_roles(hazard *on, uint32_t phone, uint64_t roles, const char *words);
/* The one parked edit is let in, or not. */
void hazard_office_decides(hazard *on, satchel_decision decision, const char *words);
void hazard_office_revokes(hazard *on, uint32_t phone);
/* As the operator sees it; NULL: there is no such row, or it is deleted. */
void hazard_server_shows(hazard *on, const hazard_row *row, uint32_t field, const char *expected);
/* As many open conflicts, parked edits, units of any kept sort. */
void hazard_server_lists(hazard *on, uint32_t entity, uint32_t expected, const char *words);
int64_t hazard_server_number(hazard *on, const char *sql);
/* Work in a transaction that is committed if it succeeds. */
typedef satchel_status (*hazard_work)(hazard *on, void *context);
satchel_status hazard_write_with(hazard *on, hazard_work work, void *context);

/* --- backup.c --- */
void hazard_office_backup(hazard *on);
void hazard_office_restore(hazard *on);
/* At the end of a story. */
void hazard_backup_forget(void);

/* --- hazards.c --- */
/* Plays what `words` ask for; -1: they ask for no hazard. */
int sim_hazards(int count, char **words);

#endif
