/* SPDX-License-Identifier: Apache-2.0 */
/* Hazards: pages. */
#include "sim/hazards/hazard.h"

const hazard_story hazard_stories_pages[] = {
    {NULL, NULL, NULL, false},
};
