// SPDX-License-Identifier: Apache-2.0
package satchel;

/** What an exchange wants next. Made in C. */
public final class Step {
    public final StepKind kind;
    /** SEND; else null. */
    public final Request request;
    public final long waitMs;
    /** DONE: OK, or why it ended; WAIT: why it waits. */
    public final Status status;
    /** DONE: the budget ended it, more is ready. */
    public final boolean more;
    public final long rowsDone;
    public final long rowsTotal;
    public final long unitsUnsent;

    private Step(int kind, Request request, long waitMs, int status, boolean more, long rowsDone, long rowsTotal,
            long unitsUnsent) {
        this.kind = StepKind.of(kind);
        this.request = request;
        this.waitMs = waitMs;
        this.status = Status.of(status);
        this.more = more;
        this.rowsDone = rowsDone;
        this.rowsTotal = rowsTotal;
        this.unitsUnsent = unitsUnsent;
    }
}
