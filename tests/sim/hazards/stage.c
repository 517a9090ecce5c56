/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do with their phones in a story, and what they see there.
 */
#include "sim/hazards/hazard.h"

#include "base/text.h"
#include "store/store_state.h"

#include <inttypes.h>
#include <satchel/query.h>
#include <satchel/read.h>
#include <satchel/record.h>
#include <satchel/write.h>
#include <stdio.h>
#include <string.h>

static satchel_device *device_of(const hazard *on, uint32_t phone) {
    return on->here->phones[phone].device;
}

/* Commits `write`, or gives it up. */
static satchel_status end_write(hazard *on, uint32_t phone, satchel_write *write, satchel_status status) {
    if (status == SATCHEL_OK) {
        status = satchel_commit(write, NULL, NULL);
    }
    if (status != SATCHEL_OK) {
        satchel_write_abandon(write);
    } else {
        on->here->phones[phone].committed = device_of(on, phone)->store->next_sequence - 1;
    }
    return status;
}

static satchel_status edit(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *text) {
    satchel_buffer record = {NULL, 0, 0};
    satchel_write *write = NULL;
    satchel_status status = hazard_record_of(row->entity, field, text, &record) ? SATCHEL_OK : SATCHEL_MALFORMED;
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, device_of(on, phone), NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_edit(write, row->entity, &row->id, satchel_buffer_view(&record), &field,
                                    text[0] == '\0' ? 1 : 0, NULL);
    }
    satchel_buffer_deinit(&record);
    return end_write(on, phone, write, status);
}

static void tell_edit(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *text) {
    char label[HAZARD_TEXT_BYTES];
    hazard_pass(on, 1);
    hazard_field_label(row->entity, field, label);
    hazard_tell(on, "On %s the %s of %s is set to \"%s\".", hazard_phone_name(on, phone), label, row->name, text);
}

void hazard_edit(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *text) {
    tell_edit(on, phone, row, field, text);
    satchel_status status = edit(on, phone, row, field, text);
    hazard_expect(on, status == SATCHEL_OK, "the phone refuses: %s.", satchel_status_text(status, "en"));
}

void hazard_edit_refused(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *text,
                         satchel_status expected) {
    tell_edit(on, phone, row, field, text);
    satchel_status status = edit(on, phone, row, field, text);
    hazard_tell(on, "The phone refuses at once: %s.", satchel_status_text(status, "en"));
    hazard_expect(on, status == expected, "it was to say: %s.", satchel_status_text(expected, "en"));
}

void hazard_add(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, int64_t delta) {
    char label[HAZARD_TEXT_BYTES];
    satchel_write *write = NULL;
    hazard_pass(on, 1);
    hazard_field_label(row->entity, field, label);
    hazard_tell(on, "On %s %" PRId64 " is added to the %s of %s.", hazard_phone_name(on, phone), delta, label,
                row->name);
    satchel_status status = satchel_write_begin(&write, device_of(on, phone), NULL);
    if (status == SATCHEL_OK) {
        status = satchel_write_add(write, row->entity, &row->id, field, delta, NULL);
    }
    status = end_write(on, phone, write, status);
    hazard_expect(on, status == SATCHEL_OK, "the phone refuses: %s.", satchel_status_text(status, "en"));
}

void hazard_delete(hazard *on, uint32_t phone, const hazard_row *row) {
    satchel_write *write = NULL;
    hazard_pass(on, 1);
    hazard_tell(on, "On %s %s is deleted.", hazard_phone_name(on, phone), row->name);
    satchel_status status = satchel_write_begin(&write, device_of(on, phone), NULL);
    if (status == SATCHEL_OK) {
        status = satchel_write_delete(write, row->entity, &row->id, NULL);
    }
    status = end_write(on, phone, write, status);
    hazard_expect(on, status == SATCHEL_OK, "the phone refuses: %s.", satchel_status_text(status, "en"));
}

hazard_row hazard_create(hazard *on, uint32_t phone, uint32_t entity, const char *name, const hazard_row *parent,
                         uint32_t parent_field, uint32_t field, const char *text) {
    hazard_row row = {.name = name, .entity = entity};
    satchel_buffer record = {NULL, 0, 0};
    satchel_write *write = NULL;
    satchel_status status = hazard_record_of(entity, field, text, &record) ? SATCHEL_OK : SATCHEL_MALFORMED;
    hazard_pass(on, 1);
    if (parent != NULL) {
        hazard_tell(on, "On %s %s is made, at %s: \"%s\".", hazard_phone_name(on, phone), name, parent->name, text);
        char id[SATCHEL_ID_TEXT_BYTES];
        satchel_id_write(&parent->id, id);
        status = hazard_record_of(entity, parent_field, id, &record) ? status : SATCHEL_MALFORMED;
    } else {
        hazard_tell(on, "On %s %s is made: \"%s\".", hazard_phone_name(on, phone), name, text);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_begin(&write, device_of(on, phone), NULL);
    }
    if (status == SATCHEL_OK) {
        status = satchel_write_create(write, entity, satchel_buffer_view(&record), &row.id, NULL);
    }
    status = end_write(on, phone, write, status);
    satchel_buffer_deinit(&record);
    hazard_expect(on, status == SATCHEL_OK, "the phone refuses: %s.", satchel_status_text(status, "en"));
    return row;
}

/* --- what is seen --- */

void hazard_shows(hazard *on, uint32_t phone, const hazard_row *row, uint32_t field, const char *expected) {
    char label[HAZARD_TEXT_BYTES];
    char value[HAZARD_TEXT_BYTES] = "";
    satchel_page *page = NULL;
    satchel_row_view view;
    bool there = satchel_row_open(&page, device_of(on, phone), row->entity, &row->id, NULL) == SATCHEL_OK &&
                 satchel_page_row(page, 0, &view) == SATCHEL_OK;
    if (there) {
        hazard_field_label(row->entity, field, label);
        (void)hazard_value_of(view.record, row->entity, field, value);
        hazard_tell(on, "%s shows %s with the %s \"%s\".", hazard_phone_name(on, phone), row->name, label, value);
    } else {
        hazard_tell(on, "%s does not show %s.", hazard_phone_name(on, phone), row->name);
    }
    satchel_page_close(page);
    hazard_expect(on, there == (expected != NULL) && (!there || strcmp(value, expected) == 0), "it was to be %s.",
                  expected != NULL ? expected : "gone");
}

static const char *kind_words(satchel_reason_kind kind) {
    switch (kind) {
    case SATCHEL_REASON_WAITING: return "waiting";
    case SATCHEL_REASON_SENT: return "sent without a decision";
    case SATCHEL_REASON_CONFLICT: return "conflict";
    case SATCHEL_REASON_REFUSED: return "refused";
    case SATCHEL_REASON_HELD: return "held";
    case SATCHEL_REASON_PARKED: return "parked";
    case SATCHEL_REASON_GONE: return "gone";
    case SATCHEL_REASON_UNREAD: return "unread";
    }
    return "";
}

static void tell_reason(hazard *on, const satchel_reason *reason) {
    char label[HAZARD_TEXT_BYTES];
    char mine[HAZARD_TEXT_BYTES];
    char theirs[HAZARD_TEXT_BYTES];
    hazard_field_label(reason->entity, reason->field, label);
    bool has_mine = hazard_value_of(reason->mine, reason->entity, reason->field, mine);
    bool has_theirs = hazard_value_of(reason->theirs, reason->entity, reason->field, theirs);
    const char *why = reason->status == SATCHEL_OK ? "" : satchel_status_text(reason->status, "en");
    if (has_mine && has_theirs) {
        hazard_tell(on, "  – %s: mine \"%s\", theirs \"%s\"; %s stands%s%s", label, mine, theirs,
                    reason->mine_stands ? "mine" : "theirs", why[0] != '\0' ? "; " : "", why);
    } else if (has_mine) {
        hazard_tell(on, "  – %s: mine \"%s\"; %s", label, mine, why);
    } else {
        hazard_tell(on, "  – %s", why[0] != '\0' ? why : label);
    }
}

void hazard_lists(hazard *on, uint32_t phone, satchel_reason_kind kind, uint32_t expected) {
    satchel_reasons *reasons = NULL;
    uint32_t count = 0;
    satchel_status status = satchel_reasons_list(&reasons, device_of(on, phone), kind, 100, NULL);
    if (status == SATCHEL_OK) {
        count = satchel_reasons_count(reasons);
    }
    hazard_tell(on, "%s lists as %s: %u%s", hazard_phone_name(on, phone), kind_words(kind), (unsigned)count,
                count > 0 ? ":" : ".");
    for (uint32_t i = 0; i < count; i++) {
        satchel_reason reason;
        if (satchel_reasons_at(reasons, i, &reason) == SATCHEL_OK) {
            tell_reason(on, &reason);
        }
    }
    satchel_reasons_close(reasons);
    hazard_expect(on, status == SATCHEL_OK && count == expected, "it was to list %u.", (unsigned)expected);
}

void hazard_holds(hazard *on, uint32_t phone, uint32_t entity, uint32_t expected) {
    satchel_fields *fields = NULL;
    satchel_entity_info info;
    satchel_query *query = NULL;
    uint64_t count = 0;
    bool fine = satchel_fields_open(&fields, NULL, NULL) == SATCHEL_OK &&
                satchel_fields_entity(fields, entity, &info) == SATCHEL_OK &&
                satchel_query_open(&query, entity) == SATCHEL_OK &&
                satchel_count(device_of(on, phone), query, &count, NULL) == SATCHEL_OK;
    hazard_tell(on, "%s holds %s: %" PRIu64 ".", hazard_phone_name(on, phone), fine ? info.plural : "?", count);
    hazard_expect(on, fine && count == expected, "it was to hold %u.", (unsigned)expected);
    satchel_query_close(query);
    satchel_fields_close(fields);
}

satchel_device_info hazard_info(hazard *on, uint32_t phone) {
    satchel_device_info info;
    memset(&info, 0, sizeof info);
    satchel_status status = satchel_device_get_info(device_of(on, phone), &info, NULL);
    hazard_expect(on, status == SATCHEL_OK, "%s does not tell its state: %s.", hazard_phone_name(on, phone),
                  satchel_status_name(status));
    return info;
}

/* --- what happens to a phone --- */

void hazard_clock(hazard *on, uint32_t phone, int64_t wrong_by_ms, const char *words) {
    hazard_pass(on, 1);
    on->here->phones[phone].wall_offset_ms = wrong_by_ms;
    hazard_tell(on, "The clock of %s is %s.", hazard_phone_name(on, phone), words);
}

void hazard_crash(hazard *on, uint32_t phone, test_survival survival) {
    sim_phone *struck = &on->here->phones[phone];
    hazard_pass(on, 1);
    hazard_tell(on, "%s loses its power%s, and is switched on again.", hazard_phone_name(on, phone),
                struck->exchange != NULL ? " amid its sync" : "");
    sim_phone_start_from(struck, test_disk_after_power_loss(struck->disk, survival, 1), "a loss of power");
    hazard_expect(on, struck->device != NULL, "it does not open again.");
}
