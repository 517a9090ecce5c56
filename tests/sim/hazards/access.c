/* SPDX-License-Identifier: Apache-2.0 */
/* Hazards: access. */
#include "sim/hazards/hazard.h"

const hazard_story hazard_stories_access[] = {
    {NULL, NULL, NULL, false},
};
