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
    /** Own values that lost and are too old to be kept here: the server has them. */
    public final long lossesOnServer;
    /** Epoch and revision up to which this phone knows the server. */
    public final long epoch;
    public final long position;
    /** Of upgradeTotal, while the store is brought up to this version; a total of 0: it is. */
    public final int upgradeDone;
    public final int upgradeTotal;
    /** Of the company's standing orders; 0: none came. */
    public final long ordersSerial;
    /** The phone wipes itself as soon as everything is handed over. */
    public final boolean retiring;
    public final boolean appTooOld;
    /** The phone locks if it does not sync for longer; 0: never. Left: below 0 it is locked. */
    public final int leaseDays;
    public final long leaseLeftMs;
    public final long auditPosition;
    /** Bits of {@link AuditFinding}: what the server's audit contradicts; 0: nothing. */
    public final int auditFindings;
    /** Times that rows were found to differ from the server's: should be 0. */
    public final long repairs;

    private Info(boolean locked, boolean enrolled, boolean firstSyncDone, UUID device, UUID user, byte[] login,
            byte[] company, byte[] server, long unitsUnsent, long opsRefused, long opsParked, long conflictsOpen,
            long rows, long lastSyncMs, int lastSyncStatus, int warnings, boolean escrowed, boolean diskLow,
            boolean pinRequired, long lossesOnServer, long epoch, long position, int upgradeDone, int upgradeTotal,
            long ordersSerial, boolean retiring, boolean appTooOld, int leaseDays, long leaseLeftMs,
            long auditPosition, int auditFindings, long repairs) {
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
        this.lossesOnServer = lossesOnServer;
        this.epoch = epoch;
        this.position = position;
        this.upgradeDone = upgradeDone;
        this.upgradeTotal = upgradeTotal;
        this.ordersSerial = ordersSerial;
        this.retiring = retiring;
        this.appTooOld = appTooOld;
        this.leaseDays = leaseDays;
        this.leaseLeftMs = leaseLeftMs;
        this.auditPosition = auditPosition;
        this.auditFindings = auditFindings;
        this.repairs = repairs;
    }

    public boolean has(Warning warning) {
        return (warnings & warning.number()) != 0;
    }

    public boolean found(AuditFinding finding) {
        return (auditFindings & finding.number()) != 0;
    }
}
