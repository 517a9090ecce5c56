/* SPDX-License-Identifier: Apache-2.0 */
/* Hazards: clocks. */
#include "sim/hazards/hazard.h"

const hazard_story hazard_stories_clocks[] = {
    {NULL, NULL, NULL, false},
};
