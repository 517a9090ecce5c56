/* SPDX-License-Identifier: Apache-2.0 */
/* Hazards: wire. */
#include "sim/hazards/hazard.h"

const hazard_story hazard_stories_wire[] = {
    {NULL, NULL, NULL, false},
};
