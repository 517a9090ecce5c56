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
    public final long unitsUnsent;
    public final Progress progress;

    private Step(int kind, Request request, long waitMs, int status, boolean more, long unitsUnsent,
            Progress progress) {
        this.kind = StepKind.of(kind);
        this.request = request;
        this.waitMs = waitMs;
        this.status = Status.of(status);
        this.more = more;
        this.unitsUnsent = unitsUnsent;
        this.progress = progress;
    }
}
