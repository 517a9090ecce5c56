/* SPDX-License-Identifier: Apache-2.0 */
/* Hazards: field. */
#include "sim/hazards/hazard.h"

const hazard_story hazard_stories_field[] = {
    {NULL, NULL, NULL, false},
};
