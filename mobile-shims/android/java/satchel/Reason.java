// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** Why something is as it is: a conflict with both values, a refused, held, parked or waiting change. Made in C. */
public final class Reason {
    public final ReasonKind kind;
    /** Op of this phone, 0: none. */
    public final long sequence;
    /** Names the group that is mended or dismissed as one. */
    public final long unit;
    public final int entity;
    public final UUID row;
    public final int field;
    public final Status status;
    public final String rule;
    public final long atMs;
    public final long heldBy;
    /** A person still has to decide. */
    public final boolean open;
    public final UUID conflict;
    /** Protobuf bytes with the fields concerned: what this user wrote, and what stands on the other side. */
    public final byte[] mine;
    public final byte[] theirs;
    public final boolean mineStands;
    public final UUID otherUser;
    public final long otherMs;
    /** Own op: what it does, else null. */
    public final ChangeKind change;
    /** Own op: how many its unit has. */
    public final int unitOps;
    /** PARKED: who decides on it; null: an administrator, or somebody not to be named. */
    public final UUID keeper;
    /** CONFLICT: what this user saw when he wrote; empty: not known. */
    public final byte[] base;

    private Reason(int kind, long sequence, long unit, int entity, UUID row, int field, int status, byte[] rule,
            long atMs, long heldBy, boolean open, UUID conflict, byte[] mine, byte[] theirs, boolean mineStands,
            UUID otherUser, long otherMs, int change, int unitOps, UUID keeper, byte[] base) {
        this.kind = ReasonKind.of(kind);
        this.sequence = sequence;
        this.unit = unit;
        this.entity = entity;
        this.row = row;
        this.field = field;
        this.status = Status.of(status);
        this.rule = Text.of(rule);
        this.atMs = atMs;
        this.heldBy = heldBy;
        this.open = open;
        this.conflict = conflict;
        this.mine = mine;
        this.theirs = theirs;
        this.mineStands = mineStands;
        this.otherUser = otherUser;
        this.otherMs = otherMs;
        this.change = change == 0 ? null : ChangeKind.of(change);
        this.unitOps = unitOps;
        this.keeper = keeper;
        this.base = base;
    }
}
