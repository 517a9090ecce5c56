/* SPDX-License-Identifier: Apache-2.0 */
/* Hazards: lives. */
#include "sim/hazards/hazard.h"

const hazard_story hazard_stories_lives[] = {
    {NULL, NULL, NULL, false},
};
