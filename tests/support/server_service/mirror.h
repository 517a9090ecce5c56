/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a phone of the stage holds: rows, scope sets, results. It takes answers as a real store would, and complains
 * about what no store could make sense of.
 */
#ifndef SATCHEL_TESTS_SUPPORT_SERVER_SERVICE_MIRROR_H
#define SATCHEL_TESTS_SUPPORT_SERVER_SERVICE_MIRROR_H

#include "support/server_service/stage.h"

/* Takes an unpacked answer in; the status of its head. */
satchel_status mirror_take_answer(phone *mine, satchel_bytes payload);
void mirror_clear(phone *mine);

#endif
