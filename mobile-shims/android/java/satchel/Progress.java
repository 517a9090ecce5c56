// SPDX-License-Identifier: Apache-2.0
package satchel;

/** How far an exchange is; bytes are of bodies as they travel. Made in C. */
public final class Progress {
    /** Down, of a snapshot: what is here of it, of about so many; a total of 0: none runs. */
    public final long rowsDone;
    public final long rowsTotal;
    /** Rows that came or left in this exchange. */
    public final long rowsReceived;
    public final long bytesReceived;
    /** Up: own changes that were decided in this exchange, of all that waited. */
    public final long changesDone;
    public final long changesTotal;
    public final long bytesSent;

    private Progress(long rowsDone, long rowsTotal, long rowsReceived, long bytesReceived, long changesDone,
            long changesTotal, long bytesSent) {
        this.rowsDone = rowsDone;
        this.rowsTotal = rowsTotal;
        this.rowsReceived = rowsReceived;
        this.bytesReceived = bytesReceived;
        this.changesDone = changesDone;
        this.changesTotal = changesTotal;
        this.bytesSent = bytesSent;
    }
}
