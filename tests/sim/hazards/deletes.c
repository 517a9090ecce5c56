/* SPDX-License-Identifier: Apache-2.0 */
/* Hazards: deletes. */
#include "sim/hazards/hazard.h"

const hazard_story hazard_stories_deletes[] = {
    {NULL, NULL, NULL, false},
};
