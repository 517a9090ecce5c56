/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Examining and repairing a store that no device has open.
 *
 * The vault is unlocked without a connection; what its pages hold goes into a new store beside it, under the same keys,
 * so that the seal of each op stays as it is. Only when the new store is whole does it take the old one's place.
 */
#include <satchel/repair.h>

#include "device/device.h"

#include "device/inbox.h"

#include "base/error.h"
#include "base/memory.h"
#include "crypto/crypto.h"
#include "store/reseal.h"
#include "store/salvage.h"
#include "vault/salvage_vault.h"
#include "wire/record_codec.h"
#include "wire/unit_codec.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

static_assert(SATCHEL_REPAIR_QUARANTINE_MOST == SATCHEL_QUARANTINE_MOST, "the limit that shells see is the vault's");

/* An op's row takes more than this, so a leaf that is lost held fewer ops than fit. */
#define OPS_A_PAGE 40u
#define IDENTITY_NAME "identity"

/* A damaged store, unlocked and looked through. */
typedef struct damaged_store {
    satchel_device device; /* never opened: what the configuration says */
    satchel_vault_config config;
    satchel_vault *vault;
    satchel_salvage *pages;
    satchel_store_salvage *salvage;
} damaged_store;

static satchel_status seal_op(void *context, satchel_bytes plain, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_seal(context, SATCHEL_VAULT_FOR_OPLOG, associated, plain, out);
}

static satchel_status open_op(void *context, satchel_bytes sealed, satchel_bytes associated, satchel_buffer *out) {
    return satchel_vault_unseal(context, SATCHEL_VAULT_FOR_OPLOG, associated, sealed, out);
}

static void close_wreck(damaged_store *wreck) {
    satchel_store_salvage_close(wreck->salvage);
    satchel_salvage_close(wreck->pages);
    satchel_vault_close(wreck->vault);
    wreck->salvage = NULL;
    wreck->pages = NULL;
    wreck->vault = NULL;
}

static satchel_status check_config(const satchel_device_config *config, bool needs_key, satchel_error *error) {
    if (config == NULL || config->size != sizeof *config || config->folder == NULL || config->folder[0] == 0 ||
        (needs_key && config->pin == NULL && config->keys.secret == NULL)) {
        return satchel_fail(error, SATCHEL_INVALID_ARGUMENT, "the configuration is not complete");
    }
    return SATCHEL_OK;
}

/* `secret`: the way in is the escrow slot; NULL: that of `config`. */
static satchel_status configure(damaged_store *wreck, const satchel_device_config *config, const uint8_t *secret,
                                satchel_error *error) {
    memset(wreck, 0, sizeof *wreck);
    satchel_status status = check_config(config, secret == NULL, error);
    if (status == SATCHEL_OK) {
        status = satchel_crypto_init();
    }
    if (status == SATCHEL_OK) {
        wreck->device.config = *config;
        wreck->device.folder = (char *)(uintptr_t)config->folder; /* read only */
        satchel_device_vault_config(&wreck->device, config->pin, &wreck->config);
    }
    if (status == SATCHEL_OK && secret != NULL) {
        wreck->config.unlock.slot = SATCHEL_VAULT_SLOT_ESCROW;
        wreck->config.unlock.recovery = secret;
    }
    return status;
}

static satchel_status open_wreck(damaged_store *wreck, uint32_t number, satchel_error *error) {
    satchel_status status = satchel_vault_open_unread(&wreck->vault, &wreck->config, error);
    if (status == SATCHEL_OK) {
        status = satchel_vault_look(wreck->vault, number, &wreck->pages, error);
    }
    if (status == SATCHEL_OK) {
        const satchel_op_seal seal = {wreck->vault, seal_op, open_op};
        status = satchel_store_salvage_open(&wreck->salvage, wreck->pages, &seal, error);
    }
    if (status != SATCHEL_OK) {
        close_wreck(wreck);
    }
    return status;
}

/* --- examining --- */

static uint64_t count_lost(const satchel_store_salvage *salvage, satchel_repair_report *report) {
    uint64_t at = 0;
    uint64_t lost = 0;
    satchel_op_range range;
    while (satchel_store_salvage_gap(salvage, &at, &range.first, &range.last)) {
        lost += range.last - range.first + 1;
        if (report != NULL && report->lost_count < SATCHEL_REPAIR_RANGES_MOST) {
            report->lost[report->lost_count++] = range;
        }
    }
    return lost;
}

static void fill_health(const damaged_store *wreck, satchel_device_health *out) {
    const satchel_salvage_count *count = satchel_salvage_counts(wreck->pages);
    const uint64_t settled = satchel_store_salvage_settled(wreck->salvage);
    size_t ops = 0;
    const satchel_salvaged_op *op = satchel_store_salvage_ops(wreck->salvage, &ops);
    out->pages = count->pages;
    out->pages_bad = count->pages_bad;
    out->frames = count->frames;
    out->frames_bad = count->frames_bad;
    out->first_bad_page = count->pages_bad > 0 ? count->bad_page[0] : 0;
    out->first_bad_frame = count->frames_bad > 0 ? count->bad_frame[0] : 0;
    out->log_start_bad = count->prologue_bad;
    out->key_file_whole = satchel_vault_key_file_is_whole(wreck->vault);
    out->identity = satchel_store_salvage_value(wreck->salvage, IDENTITY_NAME) != NULL;
    out->sync_state = satchel_store_salvage_value(wreck->salvage, ".sync") != NULL;
    out->ops = ops;
    for (size_t i = 0; i < ops; i++) {
        out->ops_waiting += op[i].state == 0 && op[i].sequence > settled ? 1 : 0;
    }
    out->ops_lost = count_lost(wreck->salvage, NULL);
}

/* What SQLite finds wrong with tables and indexes whose pages are all authentic. */
static satchel_status check_tables(satchel_vault *vault, satchel_error *error) {
    sqlite3_stmt *statement = NULL;
    bool whole = false;
    int code = sqlite3_prepare_v2(satchel_vault_database(vault), "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        const char *word = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        whole = word != NULL && strcmp(word, "ok") == 0;
    }
    satchel_status status = satchel_vault_status(vault, code);
    (void)sqlite3_finalize(statement);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the tables cannot be checked");
    }
    return whole ? SATCHEL_OK : satchel_fail(error, SATCHEL_DAMAGED, "the tables do not fit together");
}

/* Opens as a device does, to see whether it would. */
static satchel_status try_to_open(const satchel_vault_config *config, satchel_error *error) {
    satchel_vault *vault = NULL;
    satchel_store *store = NULL;
    satchel_identity identity = {0};
    satchel_status status = satchel_vault_open(&vault, config, error);
    if (status == SATCHEL_OK) {
        status = check_tables(vault, error);
    }
    if (status == SATCHEL_OK) {
        const satchel_op_seal seal = {vault, seal_op, open_op};
        status = satchel_store_open(&store, satchel_vault_database(vault), &seal, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_identity_load(&identity, store, error);
    }
    satchel_identity_deinit(&identity);
    satchel_store_close(store);
    satchel_vault_close(vault);
    return status;
}

/* Is it the content of the store that is wrong? Everything else is an error of the call. */
static bool is_damage(satchel_status status) {
    return satchel_status_class_of(status) == SATCHEL_CLASS_DAMAGE || status == SATCHEL_DATABASE_ERROR ||
           status == SATCHEL_NOT_FOUND;
}

/* `*out_needless`: nothing is wrong, or only ops are missing that a repair before the next sync found lost. */
static satchel_status examine(damaged_store *wreck, satchel_device_health *out, bool *out_needless,
                              satchel_error *error) {
    *out_needless = false;
    memset(out, 0, sizeof *out);
    satchel_status status = open_wreck(wreck, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    fill_health(wreck, out);
    *out_needless = out->pages_bad == 0 && out->frames_bad == 0 &&
                    (out->ops_lost == 0 || satchel_store_salvage_value(wreck->salvage, ".restore") != NULL);
    status = satchel_vault_count_quarantine(wreck->vault, &out->quarantined);
    close_wreck(wreck);
    if (status != SATCHEL_OK) {
        return satchel_fail(error, status, "the quarantine cannot be looked at");
    }
    status = try_to_open(&wreck->config, error);
    if (status != SATCHEL_OK && !is_damage(status)) {
        return status;
    }
    out->status = status;
    *out_needless = *out_needless && status == SATCHEL_OK;
    out->healthy = *out_needless && out->ops_lost == 0;
    satchel_error_clear(error);
    return SATCHEL_OK;
}

satchel_status satchel_device_check(const satchel_device_config *config, satchel_device_health *out,
                                    satchel_error *error) {
    damaged_store wreck;
    satchel_error_clear(error);
    satchel_status status = configure(&wreck, config, NULL, error);
    bool needless;
    return status == SATCHEL_OK ? examine(&wreck, out, &needless, error) : status;
}

/* --- repairing --- */

static uint64_t tail_of(const damaged_store *wreck) {
    const satchel_salvage_count *count = satchel_salvage_counts(wreck->pages);
    uint64_t bad = count->pages_bad + count->frames_bad;
    return bad > SATCHEL_SALVAGE_TAIL_MOST / OPS_A_PAGE ? SATCHEL_SALVAGE_TAIL_MOST : bad * OPS_A_PAGE;
}

/* Work that stays in quarantine, with what an earlier repair left there: it keeps the store from being retired. */
static satchel_status note_aside(const damaged_store *wreck, satchel_store *store, uint64_t ops, satchel_error *error) {
    const satchel_salvaged_value *before = satchel_store_salvage_value(wreck->salvage, SATCHEL_ASIDE_NAME);
    satchel_reader reader = satchel_reader_of(before != NULL ? before->value : (satchel_bytes){NULL, 0});
    satchel_buffer value = {NULL, 0, 0};
    uint64_t more = 0;
    if (satchel_reader_varint(&reader, &more) == SATCHEL_OK) {
        ops += more;
    }
    satchel_status status = ops > 0 ? satchel_buffer_append_varint(&value, ops) : SATCHEL_OK;
    if (status == SATCHEL_OK && ops > 0) {
        status = satchel_store_put_value(store, SATCHEL_ASIDE_NAME, satchel_buffer_view(&value), error);
    }
    satchel_buffer_deinit(&value);
    return status;
}

/* The new store's content. Without identity and state of sync it stays empty: its ops would be another device's. */
static satchel_status fill_store(damaged_store *wreck, satchel_repair_report *out, satchel_error *error) {
    const satchel_op_seal seal = {wreck->vault, seal_op, open_op};
    satchel_store *store = NULL;
    satchel_restored restored;
    satchel_identity identity = {0};
    satchel_status status = satchel_store_open(&store, satchel_vault_database(wreck->vault), &seal, error);
    if (status == SATCHEL_OK && out->enrolment_needed) {
        status = note_aside(wreck, store, out->ops_waiting, error);
    }
    if (status == SATCHEL_OK && !out->enrolment_needed) {
        status = satchel_store_restore(store, wreck->salvage, tail_of(wreck), &restored, error);
        if (status == SATCHEL_OK) {
            out->rows_waiting = restored.rows;
            status = satchel_anchor_leap(store, error);
        }
        if (status == SATCHEL_OK) {
            wreck->device.store = store;
            status = satchel_inbox_mend(&wreck->device, wreck->salvage, error);
            wreck->device.store = NULL;
        }
        if (status == SATCHEL_OK) {
            status = satchel_enrolling_forget(store, error); /* an old page may have told of it */
        }
        if (status == SATCHEL_OK) {
            status = satchel_identity_load(&identity, store, error);
        }
    }
    satchel_identity_deinit(&identity);
    satchel_store_close(store);
    return status;
}

static void fill_report(const satchel_device_health *health, const damaged_store *wreck, satchel_repair_report *out) {
    out->enrolment_needed = !health->identity || !health->sync_state;
    out->ops_salvaged = health->ops;
    out->ops_waiting = health->ops_waiting;
    out->ops_lost = count_lost(wreck->salvage, out);
    out->pages_bad = health->pages_bad + health->frames_bad;
    out->tail_uncertain = out->pages_bad > 0;
}

satchel_status satchel_device_repair(const satchel_device_config *config, bool force, satchel_repair_report *out,
                                     satchel_error *error) {
    damaged_store wreck;
    satchel_device_health health = {0};
    memset(out, 0, sizeof *out);
    satchel_error_clear(error);
    satchel_status status = configure(&wreck, config, NULL, error);
    if (status == SATCHEL_OK && !force) {
        status = examine(&wreck, &health, &out->needless, error);
    }
    if (status != SATCHEL_OK || out->needless) {
        return status;
    }
    status = open_wreck(&wreck, 0, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    memset(&health, 0, sizeof health);
    fill_health(&wreck, &health);
    fill_report(&health, &wreck, out);
    status = satchel_vault_begin_repair(wreck.vault, error);
    if (status == SATCHEL_OK) {
        status = fill_store(&wreck, out, error);
    }
    if (status == SATCHEL_OK) {
        satchel_store_salvage_close(wreck.salvage);
        satchel_salvage_close(wreck.pages);
        wreck.salvage = NULL;
        wreck.pages = NULL;
        status = satchel_vault_end_repair(wreck.vault, &out->quarantine, error);
    }
    close_wreck(&wreck);
    return status;
}

/* --- ops for people --- */

static satchel_status encode_part(const satchel_record *record, uint32_t entity, satchel_buffer *out) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    satchel_buffer_clear(out);
    return satchel_record_encode(&schema, entity, record, out);
}

static satchel_status show_op(const damaged_store *wreck, const satchel_salvaged_op *op, satchel_arena *arena,
                              satchel_buffer parts[3], satchel_op_view *view) {
    const satchel_schema schema = {&satchel_generated_model, NULL, 0};
    uint8_t associated[8];
    satchel_op decoded;
    uint64_t bytes = 0;
    satchel_bytes body = {NULL, 0};
    satchel_put_u64be(associated, op->sequence);
    satchel_buffer_clear(&parts[0]);
    satchel_status status = open_op(wreck->vault, op->body, satchel_bytes_of(associated, sizeof associated), &parts[0]);
    satchel_reader reader = satchel_reader_of(satchel_buffer_view(&parts[0]));
    if (status == SATCHEL_OK && (satchel_reader_varint(&reader, &bytes) != SATCHEL_OK ||
                                 satchel_reader_take(&reader, (size_t)bytes, &body) != SATCHEL_OK)) {
        status = SATCHEL_DAMAGED;
    }
    if (status == SATCHEL_OK) {
        status = satchel_op_decode(&schema, body, op->sequence, arena, &decoded, NULL);
    }
    if (status == SATCHEL_OK) {
        status = encode_part(&decoded.set, op->entity, &parts[1]);
    }
    if (status == SATCHEL_OK) {
        status = encode_part(&decoded.removed, op->entity, &parts[2]);
    }
    view->readable = status == SATCHEL_OK;
    if (status == SATCHEL_OK) {
        view->kind = (uint32_t)decoded.kind;
        view->set = satchel_buffer_view(&parts[1]);
        view->removed = satchel_buffer_view(&parts[2]);
        view->cleared = decoded.cleared;
        view->cleared_count = decoded.cleared_count;
        view->target = decoded.target;
        view->command = decoded.command;
    }
    return status == SATCHEL_NO_MEMORY ? status : SATCHEL_OK;
}

static satchel_status walk_ops(const damaged_store *wreck, satchel_op_visitor visit, void *context) {
    satchel_arena arena = {0};
    satchel_buffer parts[3] = {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}};
    size_t count = 0;
    int64_t wall_ms = 0;
    const satchel_salvaged_op *ops = satchel_store_salvage_ops(wreck->salvage, &count);
    satchel_status status = SATCHEL_OK;
    for (size_t i = 0; i < count && status == SATCHEL_OK; i++) {
        const satchel_salvaged_op *op = &ops[i];
        satchel_moment moment;
        if (op->entity == 0) {
            continue; /* a mark of an earlier repair */
        }
        if (satchel_store_salvage_moment(op, &moment)) {
            wall_ms = moment.wall_ms;
        } else if (op->unit == op->sequence) {
            wall_ms = 0;
        }
        satchel_op_view view = {.sequence = op->sequence,
                                .unit = op->unit,
                                .entity = op->entity,
                                .row = op->row,
                                .state = op->state,
                                .wall_ms = wall_ms};
        satchel_arena_reset(&arena);
        status = show_op(wreck, op, &arena, parts, &view);
        if (status == SATCHEL_OK) {
            status = visit(context, &view);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        satchel_buffer_wipe(&parts[i]);
        satchel_buffer_deinit(&parts[i]);
    }
    satchel_arena_deinit(&arena);
    return status;
}

static satchel_status walk(const satchel_device_config *config, const uint8_t *secret, uint32_t number,
                           satchel_op_visitor visit, void *context, satchel_error *error) {
    damaged_store wreck;
    satchel_error_clear(error);
    satchel_status status = configure(&wreck, config, secret, error);
    if (status == SATCHEL_OK && number > SATCHEL_QUARANTINE_MOST) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "at most %u stores lie aside", SATCHEL_QUARANTINE_MOST);
    }
    if (status == SATCHEL_OK) {
        status = open_wreck(&wreck, number, error);
    }
    if (status == SATCHEL_OK) {
        status = walk_ops(&wreck, visit, context);
        close_wreck(&wreck);
    }
    return status;
}

satchel_status satchel_quarantine_walk(const satchel_device_config *config, uint32_t number, satchel_op_visitor visit,
                                       void *context, satchel_error *error) {
    return walk(config, NULL, number, visit, context, error);
}

satchel_status satchel_recovery_walk(const satchel_device_config *config, const uint8_t secret[SATCHEL_RECOVERY_BYTES],
                                     uint32_t number, satchel_op_visitor visit, void *context, satchel_error *error) {
    return walk(config, secret, number, visit, context, error);
}

/* --- keys --- */

typedef satchel_status vault_work(satchel_vault *vault, const satchel_vault_unlock *way, satchel_error *error);

/* Does one thing with the opened vault. `slots`: it makes slots, which cost what a new PIN does. */
static satchel_status with_vault(const satchel_device_config *config, const uint8_t *secret, vault_work *work,
                                 bool slots, satchel_error *error) {
    damaged_store place;
    satchel_vault *vault = NULL;
    satchel_error_clear(error);
    satchel_status status = check_config(config, true, error);
    if (status == SATCHEL_OK) {
        status = configure(&place, config, NULL, error);
    }
    if (status != SATCHEL_OK) {
        return status;
    }
    const satchel_vault_unlock way = place.config.unlock;
    if (secret != NULL) {
        place.config.unlock.slot = SATCHEL_VAULT_SLOT_ESCROW;
        place.config.unlock.recovery = secret;
    }
    if (slots && config->pin != NULL) {
        status = satchel_device_pin_cost(&place.device, &place.config.pin_passes, &place.config.pin_memory_kib, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_vault_open(&vault, &place.config, error);
    }
    if (status == SATCHEL_OK) {
        status = work(vault, &way, error);
    }
    satchel_vault_close(vault);
    return status;
}

/* Work that only lies in quarantine could not be read any more. */
static satchel_status refuse_aside(satchel_vault *vault, satchel_error *error) {
    const satchel_op_seal seal = {vault, seal_op, open_op};
    satchel_store *store = NULL;
    uint64_t aside = 0;
    satchel_status status = satchel_store_open(&store, satchel_vault_database(vault), &seal, error);
    if (status == SATCHEL_OK) {
        status = satchel_device_count_aside(store, vault, &aside, error);
    }
    satchel_store_close(store);
    return aside == 0 ? status
                      : satchel_fail(error, SATCHEL_REQUIRED_BEFORE,
                                     "%llu changes that were not sent lie in quarantine: export them, then remove it",
                                     (unsigned long long)aside);
}

/* The slots of the phone that the store has, each made anew: none is dropped unasked. */
static satchel_status find_slots(const satchel_vault *vault, const satchel_vault_unlock *way,
                                 satchel_vault_unlock out[SATCHEL_VAULT_REKEY_SLOTS_MOST], size_t *out_count,
                                 satchel_error *error) {
    bool by_pin = way->slot == SATCHEL_VAULT_SLOT_PIN_DEVICE;
    out[0] = *way;
    *out_count = 1;
    if (!satchel_vault_has_slot(vault, by_pin ? SATCHEL_VAULT_SLOT_DEVICE : SATCHEL_VAULT_SLOT_PIN_DEVICE)) {
        return SATCHEL_OK;
    }
    if (!by_pin || way->keystore.secret == NULL) {
        return satchel_fail(error, SATCHEL_REQUIRED_BEFORE, "the store opens %s as well: give it",
                            by_pin ? "by a keystore" : "by a PIN");
    }
    out[1] = (satchel_vault_unlock){.slot = SATCHEL_VAULT_SLOT_DEVICE, .keystore = way->keystore, .now = way->now};
    *out_count = 2;
    return SATCHEL_OK;
}

static satchel_status rekey(satchel_vault *vault, const satchel_vault_unlock *way, satchel_error *error) {
    satchel_vault_unlock slots[SATCHEL_VAULT_REKEY_SLOTS_MOST];
    size_t count = 0;
    satchel_status status = find_slots(vault, way, slots, &count, error);
    if (status == SATCHEL_OK) {
        status = refuse_aside(vault, error);
    }
    if (status == SATCHEL_OK) {
        status = satchel_store_reseal(vault, error); /* else the old keys of ops add up to their limit */
    }
    return status == SATCHEL_OK ? satchel_vault_rekey(vault, slots, count, error) : status;
}

static satchel_status compact(satchel_vault *vault, const satchel_vault_unlock *way, satchel_error *error) {
    (void)way;
    return satchel_vault_compact(vault, error);
}

satchel_status satchel_device_rekey(const satchel_device_config *config, satchel_error *error) {
    return with_vault(config, NULL, rekey, true, error);
}

satchel_status satchel_device_compact(const satchel_device_config *config, satchel_error *error) {
    return with_vault(config, NULL, compact, false, error);
}

satchel_status satchel_device_recover(const satchel_device_config *config, const uint8_t secret[SATCHEL_RECOVERY_BYTES],
                                      satchel_error *error) {
    return with_vault(config, secret, satchel_vault_rewrap, true, error);
}
