/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an answer: what the server says of itself and of the device.
 */
#include "service/exchange_state.h"

#include "base/ids.h"
#include "service/backup.h"

#include <string.h>

satchel_status satchel_exchange_write_head(satchel_answer_work *work, satchel_status head_status,
                                           satchel_buffer *payload) {
    const satchel_server_exchange *exchange = work->exchange;
    bool forked = head_status == SATCHEL_FORKED;
    bool told = forked || exchange->status == SATCHEL_STALE_CURSOR;
    satchel_answer_frame frame = {.kind = SATCHEL_FRAME_HEAD};
    frame.as.head = (satchel_answer_head){.status = head_status,
                                          .server_time_ms = satchel_service_now_ms(exchange->service),
                                          .epoch = work->counter.epoch,
                                          .token_moved = exchange->token_moved,
                                          .applied_through = told ? exchange->fork_through : work->applied_through,
                                          .minimum_schema = work->minimum_schema,
                                          .request_number = exchange->request_number};
    if (head_status == SATCHEL_REPLAYED) {
        frame.as.head.highest_number = exchange->highest_number;
    }
    if (forked) {
        frame.as.head.fork_digest = satchel_bytes_of(exchange->fork_digest, sizeof exchange->fork_digest);
    }
    satchel_status status = satchel_backup_verified(work->db, &frame.as.head.verified_n, work->error);
    if (status != SATCHEL_OK) {
        return status;
    }
    status = satchel_exchange_tell(exchange, work->db, head_status, &work->told, &frame.as.head, work->error);
    return status == SATCHEL_OK ? satchel_answer_write(&frame, payload) : status;
}
