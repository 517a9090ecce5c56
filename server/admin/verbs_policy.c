/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verbs for what the company asks of its phones' stores: recovery, policy.
 */
#include "admin/command.h"

#include "base/error.h"
#include "base/text.h"
#include "service/service.h"
#include "wire/base64.h"
#include "wire/enroll.h"

#include <string.h>

/* A phone is told at its enrolment only, under the proof of its code. */
#define REACHES "phones enrolled from now on; others keep what they were told when they were enrolled"

typedef struct policy_change {
    bool sets_key;
    uint8_t key[SATCHEL_PUBLIC_KEY_BYTES];
    uint32_t on;  /* flags to set */
    uint32_t off; /* flags to clear */
} policy_change;

static satchel_status tell(satchel_command *command, const satchel_company_policy *policy) {
    static const uint8_t none[SATCHEL_PUBLIC_KEY_BYTES] = {0};
    char text[SATCHEL_BASE64_TEXT_BYTES(SATCHEL_PUBLIC_KEY_BYTES)] = "";
    bool escrow = memcmp(policy->recovery_key, none, sizeof none) != 0;
    if (escrow) {
        satchel_base64_write(satchel_bytes_of(policy->recovery_key, sizeof policy->recovery_key), true, text);
    }
    bool locks = (policy->flags & SATCHEL_POLICY_LOCK_ROLLED_BACK) != 0;
    bool pin = (policy->flags & SATCHEL_POLICY_PIN_REQUIRED) != 0;
    json_t *result = command->result;
    bool whole = json_object_set_new(result, "recovery_key", escrow ? json_string(text) : json_null()) == 0 &&
                 json_object_set_new(result, "pin", json_string(pin ? "required" : "optional")) == 0 &&
                 json_object_set_new(result, "rolled_back", json_string(locks ? "lock" : "open")) == 0 &&
                 json_object_set_new(result, "reaches", json_string(REACHES)) == 0;
    return whole ? SATCHEL_OK : SATCHEL_NO_MEMORY;
}

static satchel_status show(satchel_command *command, void *context, satchel_db *db, satchel_error *error) {
    satchel_company_policy policy;
    (void)context;
    satchel_status status = satchel_store_policy_get(db, &policy, error);
    return status == SATCHEL_OK ? tell(command, &policy) : status;
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
    status = satchel_store_policy_set(command->service, db, &policy, error);
    return status == SATCHEL_OK ? tell(command, &policy) : status;
}

/* "new --secret-file F" is carried out where the command was given, and comes here as "set". */
satchel_status satchel_verb_recovery(satchel_command *command, satchel_error *error) {
    struct poptOption table[] = {POPT_TABLEEND};
    policy_change wanted = {.sets_key = true};
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

satchel_status satchel_verb_policy(satchel_command *command, satchel_error *error) {
    char *pin = NULL;
    char *rolled_back = NULL;
    policy_change wanted = {.sets_key = false};
    struct poptOption table[] = {{"pin", 0, POPT_ARG_STRING, &pin, 0, NULL, NULL},
                                 {"rolled-back", 0, POPT_ARG_STRING, &rolled_back, 0, NULL, NULL},
                                 POPT_TABLEEND};
    satchel_status status = satchel_command_options(command, table, error);
    if (status == SATCHEL_OK &&
        (command->argument_count != 1 || !choose(pin, "required", "optional", SATCHEL_POLICY_PIN_REQUIRED, &wanted) ||
         !choose(rolled_back, "lock", "open", SATCHEL_POLICY_LOCK_ROLLED_BACK, &wanted))) {
        status = satchel_command_usage(command, error);
    }
    bool changes = pin != NULL || rolled_back != NULL;
    free(pin);
    free(rolled_back);
    if (status != SATCHEL_OK) {
        return status;
    }
    return changes ? satchel_command_write(command, change, &wanted, error)
                   : satchel_command_read(command, show, NULL, error);
}
