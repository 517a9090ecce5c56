/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three companies to begin with, by their size, and roles one by one. What is written are rows and rules like any that
 * the company writes later: nothing remembers which preset it was.
 */
#include "service/policies.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "service/desk.h"
#include "service/orders.h"

#include <satchel/model.h>

#define ROLE(number) (1u << (number))
#define ALL_SHIPPED (ROLE(SATCHEL_ROLE_AUDITOR + 1) - 1)
#define RULES_MOST 5

/* Numbers by name; satchel_rule_of knows the names. What a preset does not say is as if it had never been set. */
typedef struct preset_rule {
    const char *name;
    int64_t value;
} preset_rule;

static const struct {
    const char *name;
    uint32_t roles;
    preset_rule rules[RULES_MOST];
} presets[] = {
    [SATCHEL_PRESET_SMALL] = {"small", ROLE(SATCHEL_ROLE_ADMINISTRATOR) | ROLE(SATCHEL_ROLE_REP), {{NULL, 0}}},
    [SATCHEL_PRESET_MEDIUM] = {"medium", ALL_SHIPPED, {{"approve.discount", 1}, {"discount.limit_bp", 2000}}},
    [SATCHEL_PRESET_LARGE] = {"large",
                              ALL_SHIPPED,
                              {{"approve.transfer", 1},
                               {"approve.plan", 2},
                               {"approve.discount", 2},
                               {"discount.limit_bp", 1000},
                               {"pool.claims_a_day", 10}}},
};

satchel_status satchel_preset_named(satchel_text name, satchel_preset *out) {
    for (int preset = SATCHEL_PRESET_SMALL; preset <= SATCHEL_PRESET_LARGE; preset++) {
        if (satchel_text_is(name, presets[preset].name)) {
            *out = (satchel_preset)preset;
            return SATCHEL_OK;
        }
    }
    return SATCHEL_NOT_FOUND;
}

/* --- rows --- */

static satchel_status find_role(satchel_desk *desk, uint32_t index, satchel_id *out) {
    satchel_db_statement *statement = NULL;
    bool found = false;
    *out = (satchel_id){{0}};
    satchel_status status =
        SATCHEL_DB_START(&statement, desk->db, desk->error,
                         "SELECT \"id\" FROM \"role\" WHERE \"role_index\" = ?1 AND \"deleted\" = 0 ORDER BY \"id\"",
                         satchel_db_count(index));
    if (status == SATCHEL_OK) {
        status = satchel_db_step(statement, &found, desk->error);
    }
    if (status == SATCHEL_OK && found) {
        *out = satchel_db_id(statement, 0);
    }
    satchel_db_end(statement);
    return status;
}

static satchel_status set_field(satchel_desk *desk, const satchel_id *id, uint32_t field, const satchel_value *value) {
    satchel_stored_row row;
    satchel_status status = satchel_stored_row_load(desk->service->tables, desk->db, SATCHEL_ENTITY_ROLE, id,
                                                    &desk->arena, &row, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_change_put(&desk->change, &row, field, value);
    }
    return status == SATCHEL_OK ? satchel_change_save(&desk->change, &row, &field, 1, desk->error) : status;
}

static satchel_status write_role(satchel_desk *desk, uint32_t index, satchel_text name, satchel_text rules) {
    satchel_id id;
    satchel_record record;
    const satchel_value text = satchel_value_text(rules);
    satchel_status status = find_role(desk, index, &id);
    if (status != SATCHEL_OK || !satchel_id_is_none(&id)) {
        return status == SATCHEL_OK ? set_field(desk, &id, SATCHEL_ROLE_RULES, &text) : status;
    }
    satchel_record_init(&record, &desk->arena);
    status = satchel_service_make_id(desk->service, &id, desk->error);
    if (status == SATCHEL_OK) {
        status = satchel_record_set_text(&record, SATCHEL_ROLE_NAME, name);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set_int(&record, SATCHEL_ROLE_ROLE_INDEX, index);
    }
    if (status == SATCHEL_OK) {
        status = satchel_record_set(&record, SATCHEL_ROLE_RULES, &text);
    }
    return status == SATCHEL_OK
               ? satchel_change_insert(&desk->change, SATCHEL_ENTITY_ROLE, &id, &record, NULL, desk->error)
               : status;
}

static satchel_status write_shipped(satchel_desk *desk, uint32_t index) {
    satchel_buffer text;
    satchel_bytes kept = {NULL, 0};
    satchel_buffer_init(&text);
    satchel_status status =
        satchel_access_rules_write(&desk->service->schema, satchel_access_shipped_policy(), (uint8_t)index, &text);
    if (status == SATCHEL_OK) {
        status = satchel_arena_copy(&desk->arena, satchel_buffer_view(&text), &kept);
    }
    satchel_buffer_deinit(&text);
    return status == SATCHEL_OK
               ? write_role(desk, index, satchel_text_of(satchel_role_name(index)), satchel_text_from(kept))
               : status;
}

/* --- presets --- */

/* Nobody may be left without the role that he has. */
static satchel_status drop_role(satchel_desk *desk, uint32_t index) {
    satchel_id id;
    const satchel_value yes = satchel_value_bool(true);
    satchel_db_statement *statement = NULL;
    bool found = true;
    satchel_status status = satchel_db_start(&statement, desk->db, "SELECT \"id\" FROM \"user\" WHERE \"deleted\" = 0",
                                             NULL, 0, desk->error);
    while (status == SATCHEL_OK && found) {
        satchel_person person;
        status = satchel_db_step(statement, &found, desk->error);
        if (status == SATCHEL_OK && found) {
            satchel_id user = satchel_db_id(statement, 0);
            status = satchel_person_load(desk->service, desk->db, &user, desk->change.day, &desk->arena, &person,
                                         desk->error);
        }
        if (status == SATCHEL_OK && found && (person.access.roles >> index & 1) != 0) {
            status = satchel_fail(desk->error, SATCHEL_UNSUPPORTED, "a user is %s, which the preset does not have",
                                  satchel_role_name(index));
        }
    }
    satchel_db_end(statement);
    if (status == SATCHEL_OK) {
        status = find_role(desk, index, &id);
    }
    return status == SATCHEL_OK && !satchel_id_is_none(&id) ? set_field(desk, &id, SATCHEL_FIELD_DELETED, &yes)
                                                            : status;
}

static satchel_status write_rules(satchel_desk *desk, const preset_rule *rules) {
    satchel_status status =
        satchel_db_exec(desk->db,
                        "DELETE FROM company_rule WHERE name LIKE 'approve.%' OR name IN ('discount.limit_bp',"
                        " 'pool.claims_a_day')",
                        desk->error);
    for (uint32_t i = 0; status == SATCHEL_OK && i < RULES_MOST && rules[i].name != NULL; i++) {
        status = SATCHEL_DB_RUN(desk->db, desk->error, "INSERT INTO company_rule (name, value) VALUES (?1, ?2)",
                                satchel_value_text(satchel_text_of(rules[i].name)), satchel_value_int(rules[i].value));
    }
    return status == SATCHEL_OK ? satchel_orders_renew(desk->db, desk->error) : status;
}

satchel_status satchel_preset_apply(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                    satchel_preset preset, satchel_error *error) {
    const satchel_id none = {{0}};
    satchel_desk desk;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, SATCHEL_ENTITY_ROLE, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_ROLE, SATCHEL_VERB_EDIT);
    for (uint32_t role = 0; status == SATCHEL_OK && role <= SATCHEL_ROLE_AUDITOR; role++) {
        status = (presets[preset].roles & ROLE(role)) != 0 ? write_shipped(&desk, role) : drop_role(&desk, role);
    }
    if (status == SATCHEL_OK) {
        status = write_rules(&desk, presets[preset].rules);
    }
    return satchel_desk_close(&desk, status, "preset", SATCHEL_ENTITY_ROLE, &none);
}

/* --- roles --- */

static satchel_status check_role(satchel_desk *desk, satchel_text name, satchel_text rules) {
    satchel_access_policy read;
    if (name.bytes == 0) {
        return satchel_fail_field(desk->error, SATCHEL_INVALID_ARGUMENT, SATCHEL_ENTITY_ROLE, SATCHEL_ROLE_NAME,
                                  "a role has a name");
    }
    if (name.bytes > SATCHEL_ROLE_NAME_BYTES) {
        return satchel_fail_field(desk->error, SATCHEL_TOO_LONG, SATCHEL_ENTITY_ROLE, SATCHEL_ROLE_NAME,
                                  "a role's name has at most %u bytes", (unsigned)SATCHEL_ROLE_NAME_BYTES);
    }
    return satchel_access_rules_read(&desk->service->schema, 0, rules, &desk->arena, &read, NULL, desk->error);
}

/* The role of this name, or a number for a new one. */
static satchel_status number_role(satchel_desk *desk, satchel_text name, uint32_t *out) {
    const satchel_policy_book *book = NULL;
    satchel_status status = satchel_policy_now(desk->service, desk->db, &book, desk->error);
    if (status != SATCHEL_OK || satchel_policy_role_named(book, name, out) == SATCHEL_OK) {
        return status;
    }
    *out = SATCHEL_ROLE_FIRST_OWN;
    while (*out < SATCHEL_ROLES_MOST && book->names[*out][0] != '\0') {
        (*out)++;
    }
    return *out < SATCHEL_ROLES_MOST
               ? SATCHEL_OK
               : satchel_fail(desk->error, SATCHEL_LIMIT_EXCEEDED, "there is no number for another role");
}

satchel_status satchel_role_put(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                satchel_text name, satchel_text rules, satchel_error *error) {
    const satchel_id none = {{0}};
    satchel_desk desk;
    uint32_t role = 0;
    int64_t rows = 0;
    satchel_status status = satchel_desk_open(&desk, service, db, actor, SATCHEL_ENTITY_ROLE, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_desk_require(&desk, SATCHEL_ENTITY_ROLE, SATCHEL_VERB_EDIT);
    if (status == SATCHEL_OK) {
        status = check_role(&desk, name, rules);
    }
    if (status == SATCHEL_OK) {
        status = satchel_db_number_values(db, "SELECT count(*) FROM \"role\" WHERE \"deleted\" = 0", NULL, 0, 0, &rows,
                                          error);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && rows == 0 && i <= SATCHEL_ROLE_AUDITOR; i++) {
        status = write_shipped(&desk, i);
    }
    if (status == SATCHEL_OK) {
        status = number_role(&desk, name, &role);
    }
    if (status == SATCHEL_OK) {
        status = write_role(&desk, role, name, rules);
    }
    return satchel_desk_close(&desk, status, "role", SATCHEL_ENTITY_ROLE, &none);
}
