/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Books of the policy, found by their mark. The list only grows, and what is in it never changes, so that readers need
 * no lock; a mark is random, so one that was rolled back never comes again.
 */
#include "service/policies.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/text.h"
#include "service/audit.h"
#include "service/state.h"

#include <satchel/model.h>
#include <stdatomic.h>
#include <string.h>

#define MARK "policy_mark"

struct satchel_policy_shelf {
    _Atomic(satchel_policy_book *) first;
};

/* --- books --- */

static void mark_roles(satchel_policy_book *book) {
    for (uint32_t role = 0; role < SATCHEL_ROLES_MOST; role++) {
        satchel_hash hash;
        uint8_t bytes[SATCHEL_HASH_BYTES];
        satchel_hash_begin(&hash);
        for (uint32_t i = 0; i < book->policy.rule_count; i++) {
            const satchel_access_rule *rule = &book->policy.rules[i];
            const uint8_t parts[] = {1, rule->entity, rule->relations, rule->verbs};
            if (rule->role == role) {
                satchel_hash_add(&hash, satchel_bytes_of(parts, sizeof parts));
            }
        }
        for (uint32_t i = 0; i < book->policy.class_rule_count; i++) {
            const satchel_class_rule *rule = &book->policy.class_rules[i];
            const uint8_t parts[] = {2, rule->entity, rule->relations, rule->sensitivity, rule->level};
            if (rule->role == role) {
                satchel_hash_add(&hash, satchel_bytes_of(parts, sizeof parts));
            }
        }
        satchel_hash_end(&hash, bytes);
        book->marks[role] = satchel_get_u64be(bytes);
    }
}

static void close_book(satchel_policy_book *book) {
    satchel_arena_deinit(&book->arena);
    satchel_memory_give(book);
}

static void shelve(const satchel_service *service, satchel_policy_book *book) {
    book->next = atomic_load(&service->policies->first);
    while (!atomic_compare_exchange_weak(&service->policies->first, &book->next, book)) {
    }
}

satchel_status satchel_policies_open(satchel_service *service, satchel_error *error) {
    satchel_policy_book *book = satchel_memory_take(sizeof *book);
    service->policies = satchel_memory_take(sizeof *service->policies);
    if (book == NULL || service->policies == NULL) {
        satchel_memory_give(book);
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the policy");
    }
    atomic_init(&service->policies->first, NULL);
    book->policy = *satchel_access_shipped_policy();
    for (uint32_t role = 0; role < SATCHEL_ROLE_FIRST_OWN; role++) {
        const char *name = satchel_role_name(role);
        if (name != NULL) {
            memcpy(book->names[role], name, strlen(name) + 1);
        }
    }
    mark_roles(book);
    shelve(service, book);
    return SATCHEL_OK;
}

void satchel_policies_close(satchel_service *service) {
    if (service->policies == NULL) {
        return;
    }
    satchel_policy_book *book = atomic_load(&service->policies->first);
    while (book != NULL) {
        satchel_policy_book *next = book->next;
        close_book(book);
        book = next;
    }
    satchel_memory_give(service->policies);
}

/* --- reading the rows --- */

static satchel_status join(satchel_policy_book *book, const satchel_access_policy *more) {
    uint32_t rules = book->policy.rule_count + more->rule_count;
    uint32_t class_rules = book->policy.class_rule_count + more->class_rule_count;
    satchel_access_rule *all = satchel_arena_take_array(&book->arena, rules, sizeof *all);
    satchel_class_rule *all_classes = satchel_arena_take_array(&book->arena, class_rules, sizeof *all_classes);
    if (all == NULL || all_classes == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rules; i++) {
        uint32_t before = book->policy.rule_count;
        all[i] = i < before ? book->policy.rules[i] : more->rules[i - before];
    }
    for (uint32_t i = 0; i < class_rules; i++) {
        uint32_t before = book->policy.class_rule_count;
        all_classes[i] = i < before ? book->policy.class_rules[i] : more->class_rules[i - before];
    }
    book->policy = (satchel_access_policy){all, rules, all_classes, class_rules};
    return SATCHEL_OK;
}

/* What makes no sense gives nothing, and is told: `line` 0: nothing of the row counts. */
static satchel_status note_trouble(satchel_policy_book *book, const satchel_id *row, satchel_text name, uint32_t line) {
    if (book->troubles == NULL) {
        book->troubles = satchel_arena_take_array(&book->arena, SATCHEL_ROLE_TROUBLES_MOST, sizeof *book->troubles);
    }
    if (book->troubles == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    if (book->trouble_count < SATCHEL_ROLE_TROUBLES_MOST) {
        satchel_role_trouble *trouble = &book->troubles[book->trouble_count];
        satchel_text clipped = satchel_text_clip(name, SATCHEL_ROLE_NAME_BYTES);
        *trouble = (satchel_role_trouble){.row = *row, .line = line};
        if (clipped.bytes > 0) {
            memcpy(trouble->name, clipped.data, clipped.bytes);
        }
    }
    book->trouble_count++;
    return SATCHEL_OK;
}

static satchel_status take_role(const satchel_service *service, satchel_policy_book *book,
                                satchel_db_statement *statement) {
    satchel_access_policy rules;
    uint32_t bad = 0;
    int64_t index = satchel_db_int(statement, 0);
    satchel_text name = satchel_text_from(satchel_db_bytes(statement, 1));
    satchel_text text = satchel_text_from(satchel_db_bytes(statement, 2));
    satchel_id row = satchel_db_id(statement, 3);
    if (index < 0 || index >= SATCHEL_ROLES_MOST || name.bytes == 0 || name.bytes > SATCHEL_ROLE_NAME_BYTES ||
        book->names[index][0] != '\0') {
        return note_trouble(book, &row, name, 0);
    }
    memcpy(book->names[index], name.data, name.bytes);
    satchel_status status =
        satchel_access_rules_read(&service->schema, (uint8_t)index, text, &book->arena, &rules, &bad, NULL);
    if (status == SATCHEL_LIMIT_EXCEEDED) {
        return note_trouble(book, &row, name, 0);
    }
    if (status == SATCHEL_OK && bad != 0) {
        status = note_trouble(book, &row, name, bad);
    }
    return status == SATCHEL_OK ? join(book, &rules) : status;
}

/* Of deleted roles too: taking one away is a change. */
static satchel_status read_moved(satchel_db *db, satchel_policy_book *book, satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    satchel_status status = satchel_db_start(&statement, db,
                                             "SELECT max(\"rev_open\"), max(\"rev_personal\"), max(\"rev_commercial\"),"
                                             " max(\"rev_secret\") FROM \"role\"",
                                             NULL, 0, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && found && i < SATCHEL_SENSITIVITY_COUNT; i++) {
        uint64_t n = satchel_db_uint(statement, i);
        book->moved_n = n > book->moved_n ? n : book->moved_n;
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status read_book(const satchel_service *service, satchel_db *db, satchel_policy_book *book,
                                satchel_error *error) {
    satchel_db_statement *statement = NULL;
    satchel_status status = satchel_db_start(&statement, db,
                                             "SELECT \"role_index\", \"name\", \"rules\", \"id\" FROM \"role\" WHERE"
                                             " \"deleted\" = 0 ORDER BY \"role_index\", \"id\"",
                                             NULL, 0, error);
    bool found = status == SATCHEL_OK;
    while (status == SATCHEL_OK && found) {
        status = satchel_db_step(statement, &found, error);
        if (status == SATCHEL_OK && found) {
            status = take_role(service, book, statement);
        }
    }
    satchel_db_end(statement);
    mark_roles(book);
    return status == SATCHEL_OK ? read_moved(db, book, error) : status;
}

static satchel_status present_mark(satchel_db *db, uint8_t out[SATCHEL_ID_BYTES], satchel_error *error) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    memset(out, 0, SATCHEL_ID_BYTES);
    satchel_status status =
        satchel_db_start(&statement, db, "SELECT value FROM meta WHERE name = '" MARK "'", NULL, 0, error);
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, error);
    }
    if (status == SATCHEL_OK && found && satchel_db_bytes(statement, 0).bytes == SATCHEL_ID_BYTES) {
        memcpy(out, satchel_db_bytes(statement, 0).data, SATCHEL_ID_BYTES);
    }
    satchel_db_end(statement);
    return status;
}

satchel_status satchel_policy_now(const satchel_service *service, satchel_db *db, const satchel_policy_book **out,
                                  satchel_error *error) {
    uint8_t mark[SATCHEL_ID_BYTES];
    satchel_status status = present_mark(db, mark, error);
    const satchel_policy_book *at = atomic_load(&service->policies->first);
    while (status == SATCHEL_OK && at != NULL && memcmp(at->mark, mark, sizeof mark) != 0) {
        at = at->next;
    }
    *out = at;
    if (status != SATCHEL_OK || at != NULL) {
        return status;
    }
    satchel_policy_book *book = satchel_memory_take(sizeof *book);
    if (book == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the policy");
    }
    memcpy(book->mark, mark, sizeof mark);
    status = read_book(service, db, book, error);
    if (status != SATCHEL_OK) {
        close_book(book);
        return status;
    }
    shelve(service, book);
    *out = book;
    return SATCHEL_OK;
}

satchel_status satchel_policy_audit_troubles(const satchel_service *service, satchel_db *db, satchel_error *error) {
    const satchel_policy_book *book = NULL;
    satchel_status status = satchel_policy_now(service, db, &book, error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < book->trouble_count && i < SATCHEL_ROLE_TROUBLES_MOST; i++) {
        const satchel_audit_entry entry = {.action = "role not understood",
                                           .subject_entity = SATCHEL_ENTITY_ROLE,
                                           .subject_row = book->troubles[i].row,
                                           .status = SATCHEL_MALFORMED};
        status = satchel_audit_note(service, db, &entry, error);
    }
    return status;
}

const satchel_policy_book *satchel_policy_shipped(const satchel_service *service) {
    const satchel_policy_book *at = atomic_load(&service->policies->first);
    while (at->next != NULL) {
        at = at->next; /* the first that was shelved */
    }
    return at;
}

/* --- names --- */

satchel_status satchel_policy_role_named(const satchel_policy_book *book, satchel_text name, uint32_t *out) {
    for (uint32_t role = 0; role < SATCHEL_ROLES_MOST; role++) {
        if (book->names[role][0] != '\0' && satchel_text_is(name, book->names[role])) {
            *out = role;
            return SATCHEL_OK;
        }
    }
    return SATCHEL_NOT_FOUND;
}

uint64_t satchel_policy_roles(const satchel_policy_book *book, const satchel_set *names) {
    uint64_t roles = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        uint32_t role = 0;
        if (satchel_policy_role_named(book, satchel_text_from(names->elements[i]), &role) == SATCHEL_OK) {
            roles |= UINT64_C(1) << role;
        }
    }
    return roles;
}

satchel_status satchel_policy_moved(const satchel_service *service, satchel_db *db, satchel_error *error) {
    satchel_id mark;
    satchel_status status = satchel_service_make_id(service, &mark, error);
    return status == SATCHEL_OK ? satchel_meta_put(db, MARK, satchel_id_view(&mark), error) : status;
}
