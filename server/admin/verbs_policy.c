/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs for what the company asks of its phones' stores: recovery, policy.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/text.h"
#include "service/service.h"
#include "service/skew.h"
#include "wire/base64.h"
#include "wire/enroll.h"

#include <stdio.h>
#include <string.h>

#define APP_TEXT_BYTES 24
#define REACHES "all phones: at their enrolment or next sync"

typedef struct policy_change {
    bool sets_key;
    uint8_t key[SATCHEL_PUBLIC_KEY_BYTES];
    uint32_t on;         /* flags to set */
    uint32_t off;        /* flags to clear */
    int lease_days;      /* -1: as it is */
    int64_t minimum_app; /* -1: as it is */
    int minimum_schema;  /* 0: as it is */
    bool of_stores;      /* anything but the schema is to change */
} policy_change;

static satchel_status tell(satchel_command *command, satchel_db *db, const satchel_company_policy *policy,
                           satchel_error *error) {
    static const uint8_t none[SATCHEL_PUBLIC_KEY_BYTES] = {0};
    char text[SATCHEL_BASE64_TEXT_BYTES(SATCHEL_PUBLIC_KEY_BYTES)] = "";
    bool escrow = memcmp(policy->recovery_key, none, sizeof none) != 0;
    if (escrow) {
        satchel_base64_write(satchel_bytes_of(policy->recovery_key, sizeof policy->recovery_key), true, text);
    }
    bool locks = (policy->flags & SATCHEL_POLICY_LOCK_ROLLED_BACK) != 0;
    bool pin = (policy->flags & SATCHEL_POLICY_PIN_REQUIRED) != 0;
    char app[APP_TEXT_BYTES] = "any";
    uint32_t schema = 0;
    satchel_status status = satchel_minimum_schema_get(db, &schema, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (policy->minimum_app > 0) {
        snprintf(app, sizeof app, "%u.%u.%u", policy->minimum_app / 1000000, policy->minimum_app / 1000 % 1000,
                 policy->minimum_app % 1000);
    }
    json_t *result = command->result;
    bool whole = json_object_set_new(result, "recovery_key", escrow ? json_string(text) : json_null()) == 0 &&
                 json_object_set_new(result, "pin", json_string(pin ? "required" : "optional")) == 0 &&
                 json_object_set_new(result, "rolled_back", json_string(locks ? "lock" : "open")) == 0 &&
                 json_object_set_new(result, "lease_days", json_integer(policy->lease_days)) == 0 &&
                 json_object_set_new(result, "minimum_app", json_string(app)) == 0 &&
                 json_object_set_new(result, "minimum_schema", json_integer(schema)) == 0 &&
                 json_object_set_new(result, "reaches", json_string(REACHES)) == 0;
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status show(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    satchel_company_policy policy;
    (void)context;
    satchel_status status = satchel_store_policy_get(db, &policy, error);
    return status == SATCHEL_OK ? tell(command, db, &policy, error) : status;
}

static satchel_status change(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    const policy_change *wanted = context;
    satchel_company_policy policy;
    satchel_status status = satchel_store_policy_get(db, &policy, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (wanted->sets_key) {
        memcpy(policy.recovery_key, wanted->key, sizeof policy.recovery_key);
    }
    policy.flags = (policy.flags & ~wanted->off) | wanted->on;
    policy.lease_days = wanted->lease_days >= 0 ? (uint32_t)wanted->lease_days : policy.lease_days;
    policy.minimum_app = wanted->minimum_app >= 0 ? (uint32_t)wanted->minimum_app : policy.minimum_app;
    if (wanted->of_stores) {
        status = satchel_store_policy_set(command->service, db, &policy, error);
    }
    if (status == SATCHEL_OK && wanted->minimum_schema != 0) {
        status = satchel_minimum_schema_set(command->service, db, (uint32_t)wanted->minimum_schema, error);
    }
    return status == SATCHEL_OK ? tell(command, db, &policy, error) : status;
}

/* "new --secret-file F" is carried out where the command was given, and comes here as "set". */
satchel_status satchel_verb_recovery(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    policy_change wanted = {.sets_key = true, .of_stores = true, .lease_days = -1, .minimum_app = -1};
    satchel_status status = satchel_command_options(command, table, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (satchel_command_is(command, "show", 2)) {
        return satchel_command_read(command, show, NULL, error);
    }
    bool sets =
        satchel_command_is(command, "set", 3) &&
        satchel_base64_read(satchel_text_of(command->arguments[2]), true, wanted.key, sizeof wanted.key) == SATCHEL_OK;
    if (!sets && !satchel_command_is(command, "off", 2)) {
        return satchel_command_usage(command, error);
    }
    return satchel_command_write(command, change, &wanted, error);
}

/* False: the text is neither of the two words. */
static bool choose(const char *text, const char *on, const char *off, uint32_t flag, policy_change *wanted) {
    if (text == NULL) {
        return true;
    }
    bool is_on = strcmp(text, on) == 0;
    wanted->on |= is_on ? flag : 0;
    wanted->off |= flag;
    return is_on || strcmp(text, off) == 0;
}

/* "any", or three numbers below 1,000. */
static bool read_app(const char *text, policy_change *wanted) {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;
    char more = 0;
    if (text == NULL) {
        return true;
    }
    if (strcmp(text, "any") == 0) {
        wanted->minimum_app = 0;
        return true;
    }
    bool whole = sscanf(text, "%3u.%3u.%3u%c", &major, &minor, &patch, &more) == 3;
    wanted->minimum_app = (int64_t)major * 1000000 + (int64_t)minor * 1000 + patch;
    return whole;
}

satchel_status satchel_verb_policy(satchel_command *command, satchel_error *error) {
    char *pin = NULL;
    char *rolled_back = NULL;
    char *app = NULL;
    policy_change wanted = {.lease_days = -1, .minimum_app = -1};
    struct poptOption table[] = {{"pin", 0, POPT_ARG_STRING, &pin, 0, NULL, NULL},
                                 {"rolled-back", 0, POPT_ARG_STRING, &rolled_back, 0, NULL, NULL},
                                 {"lease-days", 0, POPT_ARG_INT, &wanted.lease_days, 0, NULL, NULL},
                                 {"minimum-app", 0, POPT_ARG_STRING, &app, 0, NULL, NULL},
                                 {"minimum-schema", 0, POPT_ARG_INT, &wanted.minimum_schema, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK &&
        (wanted.minimum_schema < 0 || command->argument_count != 1 || wanted.lease_days < -1 ||
         !read_app(app, &wanted) || !choose(pin, "required", "optional", SATCHEL_POLICY_PIN_REQUIRED, &wanted) ||
         !choose(rolled_back, "lock", "open", SATCHEL_POLICY_LOCK_ROLLED_BACK, &wanted))) {
        status = satchel_command_usage(command, error);
    }
    wanted.of_stores = pin != NULL || rolled_back != NULL || app != NULL || wanted.lease_days >= 0;
    bool changes = wanted.of_stores || wanted.minimum_schema != 0;
    free(pin);
    free(rolled_back);
    free(app);
    if (status != SATCHEL_OK) {
        return status;
    }
    return changes ? satchel_command_write(command, change, &wanted, error)
                   : satchel_command_read(command, show, NULL, error);
}
