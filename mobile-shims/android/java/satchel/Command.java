// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.UUID;

/** What the server was asked to do, and what became of it. Made in C. */
public final class Command {
    public final long sequence;
    /** Names it for {@link Device#dismiss}. */
    public final long unit;
    public final CommandKind kind;
    public final CommandState state;
    public final int entity;
    public final UUID row;
    public final Status status;
    /** For administrators. */
    public final String rule;
    /** The user who came first; null: nobody, or not to be seen. */
    public final UUID winner;
    public final long winnerMs;
    public final long atMs;
    /** Protobuf bytes: its fields. */
    public final byte[] request;

    private Command(long sequence, long unit, int kind, int state, int entity, UUID row, int status, byte[] rule,
            UUID winner, long winnerMs, long atMs, byte[] request) {
        this.sequence = sequence;
        this.unit = unit;
        this.kind = CommandKind.of(kind);
        this.state = CommandState.of(state);
        this.entity = entity;
        this.row = row;
        this.status = Status.of(status);
        this.rule = Text.of(rule);
        this.winner = winner;
        this.winnerMs = winnerMs;
        this.atMs = atMs;
        this.request = request;
    }
}
