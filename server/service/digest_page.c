/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests in a page: told in a last one, and the answer to a phone that asked about ranges. That anybody asks is
 * written down: it should never happen.
 */
#include "service/digest_page.h"

#include "base/error.h"
#include "service/audit.h"
#include "service/mend.h"

static satchel_status put_ranges(const satchel_digest_answer *answer, satchel_buffer *frames) {
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_RANGES};
    frame.as.ranges = (satchel_ranges_frame){.settled = satchel_buffer_view(&answer->settled),
                                             .split = satchel_buffer_view(&answer->split),
                                             .elements = satchel_buffer_view(&answer->elements)};
    bool nothing = answer->settled.bytes + answer->split.bytes == 0;
    return nothing ? SATCHEL_OK : satchel_answer_write(&frame, frames);
}

satchel_status satchel_digest_page_ask(satchel_gathering *gathering, const satchel_pull_question *question,
                                       uint32_t page_bytes, satchel_digest_page *out) {
    satchel_digest_answer answer;
    *out = (satchel_digest_page){.known = false};
    if (question == NULL || question->ranges.bytes == 0) {
        return SATCHEL_OK;
    }
    satchel_status status = satchel_digest_ask(gathering, question->ranges, page_bytes, &answer);
    if (status == SATCHEL_OK) {
        status = put_ranges(&answer, &out->frame);
    }
    out->whole = answer.whole;
    out->counted = answer.counted;
    satchel_digest_answer_deinit(&answer);
    if (status == SATCHEL_MALFORMED) { /* a phone that asks nonsense gets its page */
        satchel_error_clear(gathering->error);
        status = SATCHEL_OK;
    }
    return status;
}

satchel_status satchel_digest_page_tell(satchel_gathering *gathering, satchel_digest_page *page,
                                        bool *out_books_differ) {
    satchel_row_digest digest;
    satchel_status status = satchel_digest_of_user(gathering, &digest, &page->known);
    satchel_row_digest_write(&digest, page->digest);
    *out_books_differ =
        status == SATCHEL_OK && page->known && page->whole && !satchel_row_digest_equal(&digest, &page->counted);
    return status;
}

void satchel_digest_page_deinit(satchel_digest_page *page) {
    satchel_buffer_deinit(&page->frame);
}

satchel_status satchel_digest_note(const satchel_service *service, satchel_db *db, const satchel_id *user,
                                   const satchel_id *device, bool asks, bool books_differ, satchel_error *error) {
    const satchel_audit_entry repair = {.action = "phone repaired", .user = *user, .device = *device};
    const satchel_audit_entry books = {.action = "digests made anew", .user = *user, .device = *device};
    satchel_status status = SATCHEL_OK;
    if (asks) {
        status = satchel_metric_add(db, "digest_repairs", 1, error);
        if (status == SATCHEL_OK) {
            status = satchel_audit_note(service, db, &repair, error);
        }
    }
    if (status == SATCHEL_OK && books_differ) {
        status = satchel_metric_add(db, "digest_books", 1, error);
        if (status == SATCHEL_OK) {
            status = satchel_audit_note(service, db, &books, error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_digest_invalidate(db, error);
        }
        if (status == SATCHEL_OK) {
            status = satchel_mend_ask(db, error);
        }
    }
    return status;
}
