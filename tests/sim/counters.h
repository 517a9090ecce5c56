/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run of the simulator counts, and what can be forbidden in it.
 */
#ifndef SATCHEL_TESTS_SIM_COUNTERS_H
#define SATCHEL_TESTS_SIM_COUNTERS_H

/* X(NAME, key): what a run counts. */
#define SIM_COUNTERS(X)                                                                                                \
    X(EDITS, edits)                                                                                                    \
    X(OPS, ops)                                                                                                        \
    X(EXCHANGES, exchanges)                                                                                            \
    X(REQUESTS_LOST, requests_lost)                                                                                    \
    X(REPLIES_LOST, replies_lost)                                                                                      \
    X(REPLIES_CUT, replies_cut)                                                                                        \
    X(PORTALS, portals)                                                                                                \
    X(REQUESTS_SPOILT, requests_spoilt)                                                                                \
    X(DUPLICATES, duplicates)                                                                                          \
    X(PARTITIONS, partitions)                                                                                          \
    X(LATE_REQUESTS, late_requests)                                                                                    \
    X(CRASHES, crashes)                                                                                                \
    X(CRASHES_IN_SYNC, crashes_in_sync)                                                                                \
    X(SERVER_RESTARTS, server_restarts)                                                                                \
    X(RESTORES, restores)                                                                                              \
    X(FORKS, forks)                                                                                                    \
    X(CLONES, clones)                                                                                                  \
    X(ROLLED_BACK, rolled_back)                                                                                        \
    X(DISK_ERRORS, disk_errors)                                                                                        \
    X(DISK_FULL, disk_full)                                                                                            \
    X(ANSWERS_READ, answers_read)                                                                                      \
    X(DELETIONS, deletions)                                                                                            \
    X(TAGS, tags)                                                                                                      \
    X(UNTAGS, untags)                                                                                                  \
    X(ORDER_LINES, order_lines)                                                                                        \
    X(SUBMITS, submits)                                                                                                \
    X(CLOCK_JUMPS, clock_jumps)                                                                                        \
    X(REBOOTS, reboots)                                                                                                \
    X(LOCKS, locks)                                                                                                    \
    X(REASSIGNMENTS, reassignments)                                                                                    \
    X(ROLE_CHANGES, role_changes)                                                                                      \
    X(CONFLICTS, conflicts)                                                                                            \
    X(PARKED, parked)                                                                                                  \
    X(REFUSED, refused)                                                                                                \
    X(LOST_WITH_A_LIFE, lost_with_a_life)                                                                              \
    X(REMOVED_ROWS, removed_rows)                                                                                      \
    X(LOST_UPDATES, lost_updates)                                                                                      \
    X(OWN_FOLLOWED, own_followed)                                                                                      \
    X(BASES_MOVED, bases_moved)                                                                                        \
    X(NEW_ROWS_DELETED, new_rows_deleted)                                                                              \
    X(DELETES_LOST, deletes_lost)                                                                                      \
    X(COUNTERS_SHARED, counters_shared)                                                                                \
    X(HIDDEN_EDITS, hidden_edits)                                                                                      \
    X(RETURNS, returns)                                                                                                \
    X(HELD, held)                                                                                                      \
    X(TOO_LATE, too_late)                                                                                              \
    X(UNSURE, unsure)                                                                                                  \
    X(FOUND_AGAIN, found_again)                                                                                        \
    X(BACKUPS, backups)                                                                                                \
    X(SERVERS_PUT_BACK, servers_put_back)                                                                              \
    X(RETURNED_WAITING, returned_waiting)                                                                              \
    X(VISITS_PLANNED, visits_planned)                                                                                  \
    X(PLANNED_TWICE, planned_twice)                                                                                    \
    X(VISITS_ENDED, visits_ended)                                                                                      \
    X(TASKS_GIVEN, tasks_given)                                                                                        \
    X(CASCADES, cascades)                                                                                              \
    X(CASCADES_LOST, cascades_lost)                                                                                    \
    X(MERGES, merges)                                                                                                  \
    X(POISONED, poisoned)                                                                                              \
    X(QUARANTINED, quarantined)                                                                                        \
    X(VIOLATIONS, violations)                                                                                          \
    X(STUCK, stuck)

/* X(NAME, key): what can be forbidden, to find what a failure needs. */
#define SIM_TROUBLES(X)                                                                                                \
    X(NETWORK, network)                                                                                                \
    X(CRASHES, crashes)                                                                                                \
    X(DISKS, disks)                                                                                                    \
    X(CLOCKS, clocks)                                                                                                  \
    X(REBOOTS, reboots)                                                                                                \
    X(LOCKS, locks)                                                                                                    \
    X(RESTORES, restores)                                                                                              \
    X(CLONES, clones)                                                                                                  \
    X(RESTARTS, restarts)                                                                                              \
    X(BACKUPS, backups)                                                                                                \
    X(REASSIGNMENTS, reassignments)                                                                                    \
    X(ROLES, roles)                                                                                                    \
    X(OFFICE, office)                                                                                                  \
    X(PLAIN_EDITS, edits)                                                                                              \
    X(POINTS, points)                                                                                                  \
    X(NEW_ROWS, new_rows)                                                                                              \
    X(TASKS, tasks)                                                                                                    \
    X(TAGS, tags)                                                                                                      \
    X(ORDERS, orders)                                                                                                  \
    X(MERGING, merging)                                                                                                \
    X(CASCADING, cascading)                                                                                            \
    X(VISITS, visits)                                                                                                  \
    X(POISON, poison)

typedef enum sim_trouble {
#define SIM_TROUBLE_ENUM(name, key) SIM_TROUBLE_##name,
    SIM_TROUBLES(SIM_TROUBLE_ENUM)
#undef SIM_TROUBLE_ENUM
        SIM_TROUBLE_COUNT
} sim_trouble;

extern const char *const sim_trouble_names[SIM_TROUBLE_COUNT];

typedef enum sim_counter {
#define SIM_ENUM(name, key) SIM_##name,
    SIM_COUNTERS(SIM_ENUM)
#undef SIM_ENUM
        SIM_COUNTER_COUNT
} sim_counter;

extern const char *const sim_counter_names[SIM_COUNTER_COUNT];

#endif
