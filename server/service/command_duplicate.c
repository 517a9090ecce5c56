/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Duplicates across scopes. Each customer has keys: of its name (rules/names.h), its phone numbers, its external
 * number. A new one that shares a key with another gets a flag and nothing else: whose the other is, and what it is
 * called, stays where it is.
 *
 * So that nobody learns by trying who is known to others, a user gets so many answers a day; behind that his customers
 * are flagged as not looked at, found or not.
 */
#include "service/merge_customers.h"

#include "base/error.h"
#include "base/ids.h"
#include "base/text.h"
#include "rules/names.h"
#include "service/command_admin.h"
#include "service/desk.h"

#include <satchel/model.h>

typedef enum key_kind { KEY_NAME = 1, KEY_PHONE = 2, KEY_EXTERNAL = 3 } key_kind;

#define KEYS_MOST 64
#define KEY_BYTES_MOST 255 /* longer ones are compared by their beginning */
#define FLAG "duplicate"
#define FLAG_ELSEWHERE "duplicate_elsewhere"
#define FLAG_UNCHECKED "duplicate_unchecked"

typedef struct key_list {
    struct {
        key_kind kind;
        satchel_buffer bytes;
    } items[KEYS_MOST];
    uint32_t count;
} key_list;

static satchel_status add_key(key_list *list, key_kind kind, satchel_text text) {
    if (list->count == KEYS_MOST || text.bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_buffer *bytes = &list->items[list->count].bytes;
    satchel_buffer_init(bytes);
    list->items[list->count++].kind = kind;
    satchel_status status = kind == KEY_NAME    ? satchel_name_key(text, bytes)
                            : kind == KEY_PHONE ? satchel_phone_key(text, bytes)
                                                : satchel_buffer_append(bytes, satchel_text_bytes(text));
    bytes->bytes = bytes->bytes < KEY_BYTES_MOST ? bytes->bytes : KEY_BYTES_MOST;
    return status;
}

static satchel_status collect(const satchel_record *customer, key_list *list) {
    const satchel_value *phones = satchel_record_get(customer, SATCHEL_CUSTOMER_PHONES);
    satchel_status status = add_key(list, KEY_NAME, satchel_record_text(customer, SATCHEL_CUSTOMER_NAME));
    if (status == SATCHEL_OK) {
        status = add_key(list, KEY_EXTERNAL, satchel_record_text(customer, SATCHEL_CUSTOMER_EXTERNAL_ID));
    }
    for (uint32_t i = 0;
         status == SATCHEL_OK && phones != NULL && phones->type == SATCHEL_TYPE_SET && i < phones->as.set.count; i++) {
        satchel_bytes element = phones->as.set.elements[i];
        status = add_key(list, KEY_PHONE, (satchel_text){(const char *)element.data, element.bytes});
    }
    return status;
}

static void drop_keys(key_list *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        satchel_buffer_deinit(&list->items[i].bytes);
    }
}

satchel_status satchel_duplicate_forget(satchel_db *db, const satchel_id *customer, satchel_error *error) {
    return SATCHEL_DB_RUN(db, error, "DELETE FROM customer_key WHERE customer = ?1", satchel_value_id(customer));
}

satchel_status satchel_duplicate_keys(satchel_db *db, const satchel_stored_row *customer, satchel_error *error) {
    key_list keys = {.count = 0};
    satchel_status status = satchel_duplicate_forget(db, &customer->id, error);
    if (status == SATCHEL_OK) {
        status = collect(&customer->merged.value, &keys);
    }
    for (uint32_t i = 0; status == SATCHEL_OK && i < keys.count; i++) {
        if (keys.items[i].bytes.bytes > 0) {
            status = SATCHEL_DB_RUN(db, error,
                                    "INSERT INTO customer_key (kind, content, customer) VALUES (?1, ?2, ?3)"
                                    " ON CONFLICT (kind, content, customer) DO NOTHING",
                                    satchel_value_int(keys.items[i].kind),
                                    satchel_value_bytes(satchel_buffer_view(&keys.items[i].bytes)),
                                    satchel_value_id(&customer->id));
        }
    }
    drop_keys(&keys);
    return status == SATCHEL_OK ? SATCHEL_OK : satchel_fail(error, status, "the keys of a customer");
}

/* A customer that shares a key. */
typedef struct key_owner {
    satchel_id customer;
    key_kind kind; /* of the key */
} key_owner;

/* Customers but `self` that share a key; what is found may be there twice. */
static satchel_status find(satchel_db *db, const key_list *keys, const satchel_id *self, key_owner *found,
                           uint32_t most, uint32_t *out_count, satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    *out_count = 0;
    for (uint32_t i = 0; status == SATCHEL_OK && i < keys->count && *out_count < most; i++) {
        satchel_db_statement *statement = NULL;
        bool row = keys->items[i].bytes.bytes > 0;
        if (!row) {
            continue;
        }
        status = SATCHEL_DB_START(
            &statement, db, error,
            "SELECT customer FROM customer_key WHERE kind = ?1 AND content = ?2 AND customer <> ?3 LIMIT 8",
            satchel_value_int(keys->items[i].kind), satchel_value_bytes(satchel_buffer_view(&keys->items[i].bytes)),
            satchel_value_id(self));
        while (status == SATCHEL_OK && row && *out_count < most) {
            status = satchel_db_step(statement, &row, error);
            if (status == SATCHEL_OK && row) {
                found[(*out_count)++] = (key_owner){satchel_db_id(statement, 0), keys->items[i].kind};
            }
        }
        satchel_db_end(statement);
    }
    return status;
}

/* Does he read, in clear, what the key is made of? */
static bool reads_key(const satchel_service *service, const satchel_person *person, uint32_t relations, key_kind kind) {
    uint32_t number = kind == KEY_NAME    ? SATCHEL_CUSTOMER_NAME
                      : kind == KEY_PHONE ? SATCHEL_CUSTOMER_PHONES
                                          : SATCHEL_CUSTOMER_EXTERNAL_ID;
    const satchel_field *field = satchel_schema_field(&service->schema, SATCHEL_ENTITY_CUSTOMER, number);
    return satchel_access_level(person->policy, &person->access, SATCHEL_ENTITY_CUSTOMER, relations,
                                (satchel_sensitivity)field->sensitivity) >= SATCHEL_LEVEL_READ;
}

/* Does the person see that it is one of them? Of one whose key he does not read he must not learn whose key it is. */
static satchel_status sees_one(const satchel_service *service, satchel_db *db, const satchel_person *person,
                               const key_owner *found, uint32_t count, satchel_arena *arena, bool *out,
                               satchel_error *error) {
    satchel_status status = SATCHEL_OK;
    *out = person->system && count > 0;
    for (uint32_t i = 0; status == SATCHEL_OK && !*out && i < count; i++) {
        satchel_standing standing = {.entity = SATCHEL_ENTITY_CUSTOMER};
        uint32_t relations = 0;
        status = satchel_anchor_load(db, &found[i].customer, arena, &standing.anchor, error);
        standing.owner = standing.anchor.owner;
        standing.company = standing.anchor.pooled;
        if (status == SATCHEL_OK) {
            status = satchel_relations_of(db, &standing, person, satchel_service_today(service), &relations, error);
        }
        *out = satchel_access_allows(person->policy, &person->access, SATCHEL_ENTITY_CUSTOMER, relations,
                                     SATCHEL_VERB_READ) &&
               reads_key(service, person, relations, found[i].kind);
    }
    return status;
}

#define FOUND_MOST 32

/* One of the day's answers, or NULL if there is nothing to say. Asking costs one whether something is found or not. */
static satchel_status answer(const satchel_service *service, satchel_db *db, const satchel_person *person,
                             const key_list *keys, const satchel_id *self, satchel_arena *arena, const char **out,
                             satchel_error *error) {
    key_owner found[FOUND_MOST];
    uint32_t count = 0;
    int64_t most = 0;
    int64_t asked = 0;
    bool sees = false;
    int64_t today = satchel_service_today(service);
    *out = NULL;
    satchel_status status = satchel_rule_get(db, SATCHEL_RULE_DUPLICATE_ANSWERS, &most, error);
    if (status == SATCHEL_OK && most > 0 && !person->system) {
        status = satchel_daily_get(db, SATCHEL_DAILY_DUPLICATES, &person->access.id, today, &asked, error);
    }
    if (status != SATCHEL_OK || most == 0) {
        return status;
    }
    if (asked >= most) {
        *out = FLAG_UNCHECKED;
        return SATCHEL_OK;
    }
    if (!person->system) {
        status = satchel_daily_add(db, SATCHEL_DAILY_DUPLICATES, &person->access.id, today, error);
    }
    if (status == SATCHEL_OK) {
        status = find(db, keys, self, found, FOUND_MOST, &count, error);
    }
    if (status == SATCHEL_OK && count > 0) {
        status = sees_one(service, db, person, found, count, arena, &sees, error);
        *out = sees ? FLAG : FLAG_ELSEWHERE;
    }
    return status;
}

static satchel_status put_flag(satchel_change *change, satchel_stored_row *row, const char *flag,
                               satchel_error *error) {
    const uint32_t field = SATCHEL_CUSTOMER_FLAGS;
    satchel_bytes element = satchel_text_bytes(satchel_text_of(flag));
    const satchel_value flags = satchel_value_set(&element, 1);
    satchel_status status = satchel_change_put(change, row, field, &flags);
    return status == SATCHEL_OK ? satchel_change_save(change, row, &field, 1, error) : status;
}

satchel_status satchel_duplicate_note(satchel_change *change, satchel_stored_row *row, bool created,
                                      const satchel_op *op, satchel_error *error) {
    key_list keys = {.count = 0};
    const char *flag = NULL;
    bool touches = satchel_op_touches(op, SATCHEL_CUSTOMER_NAME) || satchel_op_touches(op, SATCHEL_CUSTOMER_PHONES) ||
                   satchel_op_touches(op, SATCHEL_CUSTOMER_EXTERNAL_ID);
    if (!created && !touches) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_duplicate_keys(change->db, row, error);
    if (status == SATCHEL_OK && created && !change->trusted) {
        status = collect(&row->merged.value, &keys);
        if (status == SATCHEL_OK) {
            status = answer(change->service, change->db, change->person, &keys, &row->id, change->arena, &flag, error);
        }
        drop_keys(&keys);
    }
    return status == SATCHEL_OK && flag != NULL ? put_flag(change, row, flag, error) : status;
}

/* --- asking --- */

satchel_status satchel_duplicate_ask(const satchel_service *service, satchel_db *db, const satchel_actor *actor,
                                     const satchel_record *customer, satchel_duplicate *out, satchel_error *error) {
    static const satchel_id nobody = {{0}};
    satchel_desk desk;
    key_list keys = {.count = 0};
    const char *flag = NULL;
    *out = SATCHEL_DUPLICATE_NONE;
    satchel_status status = satchel_desk_enter(&desk, service, db, actor, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (!desk.person.system && satchel_access_reach(desk.person.policy, &desk.person.access, SATCHEL_ENTITY_CUSTOMER,
                                                    SATCHEL_VERB_CREATE) == 0) {
        status = satchel_fail(error, SATCHEL_FORBIDDEN, "only who may add customers may ask");
    }
    if (status == SATCHEL_OK) {
        status = collect(customer, &keys);
    }
    if (status == SATCHEL_OK) {
        status = answer(service, db, &desk.person, &keys, &nobody, &desk.arena, &flag, error);
    }
    if (status == SATCHEL_OK && flag != NULL) {
        satchel_text said = satchel_text_of(flag);
        *out = satchel_text_equal(said, satchel_text_of(FLAG))             ? SATCHEL_DUPLICATE_SEEN
               : satchel_text_equal(said, satchel_text_of(FLAG_ELSEWHERE)) ? SATCHEL_DUPLICATE_ELSEWHERE
                                                                           : SATCHEL_DUPLICATE_UNCHECKED;
    }
    drop_keys(&keys);
    satchel_desk_leave(&desk);
    return status;
}
