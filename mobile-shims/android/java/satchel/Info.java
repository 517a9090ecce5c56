// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** How things stand; what a status line shows. Times in ms since 1970-01-01 UTC, 0: never. Made in C. */
public final class Info {
    public final boolean locked;
    public final boolean enrolled;
    public final boolean firstSyncDone;
    public final UUID device;
    public final UUID user;
    public final String login;
    public final String company;
    public final String server;
    public final long unitsUnsent;
    public final long opsRefused;
    public final long opsParked;
    public final long conflictsOpen;
    public final long rows;
    public final long lastSyncMs;
    public final Status lastSyncStatus;
    /** Bits of {@link Warning}. */
    public final int warnings;
    public final boolean escrowed;
    public final boolean diskLow;
    public final boolean pinRequired;

    private Info(boolean locked, boolean enrolled, boolean firstSyncDone, UUID device, UUID user, byte[] login,
            byte[] company, byte[] server, long unitsUnsent, long opsRefused, long opsParked, long conflictsOpen,
            long rows, long lastSyncMs, int lastSyncStatus, int warnings, boolean escrowed, boolean diskLow,
            boolean pinRequired) {
        this.locked = locked;
        this.enrolled = enrolled;
        this.firstSyncDone = firstSyncDone;
        this.device = device;
        this.user = user;
        this.login = Text.of(login);
        this.company = Text.of(company);
        this.server = Text.of(server);
        this.unitsUnsent = unitsUnsent;
        this.opsRefused = opsRefused;
        this.opsParked = opsParked;
        this.conflictsOpen = conflictsOpen;
        this.rows = rows;
        this.lastSyncMs = lastSyncMs;
        this.lastSyncStatus = Status.of(lastSyncStatus);
        this.warnings = warnings;
        this.escrowed = escrowed;
        this.diskLow = diskLow;
        this.pinRequired = pinRequired;
    }

    public boolean has(Warning warning) {
        return (warnings & warning.number()) != 0;
    }
}
