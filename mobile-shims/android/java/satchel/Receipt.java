// SPDX-License-Identifier: Apache-2.0
package satchel;

/** Names what was committed; sequences are contiguous. Count 0: there was nothing to commit. Made in C. */
public final class Receipt {
    public final long firstSequence;
    public final int count;

    private Receipt(long firstSequence, int count) {
        this.firstSequence = firstSequence;
        this.count = count;
    }
}
