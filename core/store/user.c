/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user of this phone as the access module knows him, from the rows that are here: his roles, his territories with
 * what lies below them, the users that report to him; and the rules of his roles. Only what is certain is refused on
 * the phone: what no role of his could do to any row, however he stands to it. The server decides everything else.
 */
#include "store/rights.h"
#include "store/rows.h"

#include "access/policy_text.h"
#include "base/id_list.h"
#include "base/limits.h"
#include "base/text.h"

#include <satchel/model.h>

/* A list that is being made, in no order yet. */
typedef struct walk {
    satchel_arena *arena;
    satchel_id_list list;
} walk;

static bool walk_met(const walk *walked, const satchel_id *id) {
    for (uint32_t i = 0; i < walked->list.count; i++) {
        if (satchel_id_equal(&walked->list.items[i], id)) {
            return true;
        }
    }
    return false;
}

/* Adds the rows below one of the list, level by level: the list grows while it is walked. */
static satchel_status add_below(satchel_store *store, const char *sql, walk *walked, uint32_t from,
                                satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = from; i < walked->list.count && status == SATCHEL_OK; i++) {
        sqlite3_stmt *statement;
        const satchel_id above = walked->list.items[i];
        bool has_row = true;
        status = satchel_statement_of(store, sql, &statement, error);
        if (status != SATCHEL_OK) {
            return status;
        }
        satchel_bind_id(statement, 1, &above);
        while (status == SATCHEL_OK) {
            satchel_id id;
            status = satchel_statement_step(store, statement, &has_row, error);
            if (status != SATCHEL_OK || !has_row) {
                break;
            }
            status = satchel_column_id(statement, 0, &id);
            if (status == SATCHEL_OK && !walk_met(walked, &id)) {
                status = satchel_id_list_add(&walked->list, walked->arena, &id);
            }
        }
        satchel_statement_end(statement);
    }
    return status;
}

/* --- roles and their rules --- */

/* What the user's roles let him do, as far as it is known here. */
typedef struct role_reader {
    satchel_store *store;
    satchel_arena *arena;
    satchel_access_policy policy;
    uint64_t roles;
    bool certain; /* each role was found, and each of its rules understood */
    satchel_error *error;
} role_reader;

static satchel_status join(role_reader *reader, const satchel_access_policy *more) {
    satchel_access_policy *all = &reader->policy;
    uint32_t rules = all->rule_count + more->rule_count;
    uint32_t class_rules = all->class_rule_count + more->class_rule_count;
    satchel_access_rule *into = satchel_arena_take_array(reader->arena, rules, sizeof *into);
    satchel_class_rule *into_classes = satchel_arena_take_array(reader->arena, class_rules, sizeof *into_classes);
    if (into == NULL || into_classes == NULL) {
        return SATCHEL_NO_MEMORY;
    }
    for (uint32_t i = 0; i < rules; i++) {
        into[i] = i < all->rule_count ? all->rules[i] : more->rules[i - all->rule_count];
    }
    for (uint32_t i = 0; i < class_rules; i++) {
        into_classes[i] =
            i < all->class_rule_count ? all->class_rules[i] : more->class_rules[i - all->class_rule_count];
    }
    *all = (satchel_access_policy){into, rules, into_classes, class_rules};
    return SATCHEL_OK;
}

/* A line that this version does not understand may allow anything. */
static satchel_status take_rules(role_reader *reader, int64_t index, satchel_text text) {
    satchel_access_policy rules;
    uint32_t bad_line = 0;
    if (index < 0 || index >= SATCHEL_LIMIT_ROLES) {
        reader->certain = false;
        return SATCHEL_OK;
    }
    reader->roles |= UINT64_C(1) << index;
    satchel_status status =
        satchel_access_rules_read(&reader->store->schema, (uint8_t)index, text, reader->arena, &rules, &bad_line, NULL);
    reader->certain = reader->certain && status == SATCHEL_OK && bad_line == 0;
    if (status == SATCHEL_OK) {
        status = join(reader, &rules);
    }
    return status == SATCHEL_NO_MEMORY ? status : SATCHEL_OK;
}

/* A role whose row is not here (yet) may allow anything. */
static satchel_status take_role(role_reader *reader, satchel_text name) {
    sqlite3_stmt *statement;
    bool has_row = false;
    satchel_status status =
        satchel_statement_of(reader->store,
                             "SELECT \"role_index\", \"rules\" FROM \"role\" WHERE \"name\" = ? AND"
                             " coalesce(\"deleted\", 0) = 0 ORDER BY \"role_index\", \"id\" LIMIT 1",
                             &statement, reader->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    sqlite3_bind_text64(statement, 1, name.data, name.bytes, SQLITE_STATIC, SQLITE_UTF8);
    status = satchel_statement_step(reader->store, statement, &has_row, reader->error);
    reader->certain = reader->certain && has_row;
    if (status == SATCHEL_OK && has_row) {
        const char *text = (const char *)sqlite3_column_text(statement, 1);
        size_t bytes = (size_t)sqlite3_column_bytes(statement, 1);
        status = take_rules(reader, sqlite3_column_int64(statement, 0),
                            (satchel_text){text != NULL ? text : "", text != NULL ? bytes : 0});
    }
    satchel_statement_end(statement);
    return status;
}

/* Without any row of a role the company has the policy that ships, on the server as well. */
static satchel_status has_roles(satchel_store *store, bool *out, satchel_error *error) {
    sqlite3_stmt *statement;
    *out = false;
    satchel_status status = satchel_statement_of(
        store, "SELECT 1 FROM \"role\" WHERE coalesce(\"deleted\", 0) = 0 LIMIT 1", &statement, error);
    if (status == SATCHEL_OK) {
        status = satchel_statement_step(store, statement, out, error);
        satchel_statement_end(statement);
    }
    return status;
}

static satchel_status roles_of(role_reader *reader, const satchel_value *names) {
    bool has_rows = false;
    satchel_status status = has_roles(reader->store, &has_rows, reader->error);
    reader->certain = true;
    if (!has_rows) {
        reader->policy = *satchel_access_shipped_policy();
    }
    for (uint32_t i = 0; names != NULL && names->type == SATCHEL_TYPE_SET && i < names->as.set.count; i++) {
        satchel_text name = satchel_text_from(names->as.set.elements[i]);
        uint32_t shipped = 0;
        if (status == SATCHEL_OK && has_rows) {
            status = take_role(reader, name);
        } else if (status == SATCHEL_OK && satchel_role_named(name, &shipped) == SATCHEL_OK) {
            reader->roles |= UINT64_C(1) << shipped;
        } else {
            reader->certain = false;
        }
    }
    return status;
}

static satchel_status fill_territories(satchel_store *store, const satchel_record *user, walk *walked,
                                       satchel_error *error) {
    const satchel_value *own = satchel_record_get(user, SATCHEL_USER_TERRITORIES);
    satchel_status status = SATCHEL_OK;
    for (uint32_t i = 0; own != NULL && own->type == SATCHEL_TYPE_SET && i < own->as.set.count; i++) {
        satchel_id id;
        if (satchel_id_from(own->as.set.elements[i], &id) == SATCHEL_OK && status == SATCHEL_OK) {
            status = satchel_id_list_add(&walked->list, walked->arena, &id);
        }
    }
    if (status == SATCHEL_OK) {
        status = add_below(store, "SELECT \"id\" FROM \"territory\" WHERE \"parent\" = ?", walked, 0, error);
    }
    return status;
}

static satchel_status fill_reports(satchel_store *store, const satchel_id *user, walk *walked, satchel_error *error) {
    satchel_status status =
        satchel_id_list_add(&walked->list, walked->arena, user); /* the root of the walk; taken out again */
    if (status == SATCHEL_OK) {
        status = add_below(store, "SELECT \"id\" FROM \"user\" WHERE \"manager\" = ?", walked, 0, error);
    }
    if (status == SATCHEL_OK) {
        walked->list.items[0] = walked->list.items[walked->list.count - 1];
        walked->list.count--;
    }
    return status;
}

satchel_status satchel_store_user(satchel_store *store, satchel_arena *arena, satchel_access_user *out,
                                  satchel_access_policy *out_policy, bool *out_certain, satchel_error *error) {
    satchel_bytes value = {NULL, 0};
    satchel_record user;
    walk territories = {.arena = arena};
    walk reports = {.arena = arena};
    role_reader roles = {.store = store, .arena = arena, .error = error};
    uint32_t flags = 0;
    uint64_t base_n = 0;
    memset(out, 0, sizeof *out);
    satchel_status status = satchel_store_get_value(store, SATCHEL_STORE_USER_NAME, arena, &value, error);
    if (status == SATCHEL_OK && satchel_id_from(value, &out->id) != SATCHEL_OK) {
        status = satchel_fail(error, SATCHEL_DAMAGED, "the user's id is damaged");
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_read(store, SATCHEL_ENTITY_USER, &out->id, arena, &user, &flags, &base_n, error);
    }
    if (status == SATCHEL_OK) {
        status = fill_territories(store, &user, &territories, error);
    }
    if (status == SATCHEL_OK) {
        status = fill_reports(store, &out->id, &reports, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    satchel_id_list_sort(&territories.list);
    satchel_id_list_sort(&reports.list);
    out->territories = territories.list.items;
    out->territory_count = territories.list.count;
    out->reports = reports.list.items;
    out->report_count = reports.list.count;
    out->active = satchel_record_int(&user, SATCHEL_USER_ACTIVE, 1) != 0;
    status = roles_of(&roles, satchel_record_get(&user, SATCHEL_USER_ROLES));
    out->roles = roles.roles;
    *out_policy = roles.policy;
    *out_certain = roles.certain;
    return status;
}

/* A row to which the user stands in every relation in which he can stand to any. */
static satchel_access_row nearest_row(const satchel_access_user *user, uint32_t entity) {
    satchel_access_row row = {.entity = entity,
                              .owner = user->id,
                              .anchor_owner = user->id,
                              .creator = user->id,
                              .assigned = true,
                              .shared = true,
                              .company = true};
    if (user->territory_count > 0) {
        row.territory = user->territories[0];
    }
    return row;
}

/* What was read of the user, anew if his rows may have moved. */
static satchel_status look_at_user(satchel_store *store, satchel_error *error) {
    satchel_error ignored;
    if (!store->user_fresh) {
        satchel_arena_deinit(&store->user_arena);
        satchel_status status = satchel_store_user(store, &store->user_arena, &store->user, &store->user_policy,
                                                   &store->user_certain, &ignored);
        if (status != SATCHEL_OK && status != SATCHEL_NOT_FOUND) {
            return satchel_fail(error, status, "the user's rights cannot be read");
        }
        store->user_known = status == SATCHEL_OK;
        store->user_fresh = true;
    }
    return SATCHEL_OK;
}

static bool is_certain(const satchel_store *store) {
    return store->user_known && store->user.roles != 0 && store->user_certain;
}

satchel_status satchel_store_might(satchel_store *store, uint32_t entity, uint32_t verb, bool *out,
                                   satchel_error *error) {
    satchel_status status = look_at_user(store, error);
    *out = status == SATCHEL_OK && (!is_certain(store) || satchel_access_reach(&store->user_policy, &store->user,
                                                                               entity, (satchel_verb)verb) != 0);
    return status;
}

satchel_status satchel_store_check_access(satchel_store *store, const satchel_op *op, satchel_error *error) {
    satchel_status status = look_at_user(store, error);
    if (status != SATCHEL_OK || !is_certain(store)) {
        return status; /* left to the server */
    }
    satchel_access_user user = store->user;
    user.reports = &store->user.id; /* whom he leads by teams is not known here: perhaps anybody */
    user.report_count = 1;
    satchel_access_row row = nearest_row(&user, op->entity);
    status = satchel_access_check_op(&store->schema, &store->user_policy, &user, &row, op, error);
    return status == SATCHEL_OUT_OF_SCOPE
               ? satchel_fail_field(error, SATCHEL_FORBIDDEN, op->entity, 0, "no role of the user allows this")
               : status;
}
