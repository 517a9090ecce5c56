// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Rows of a query, copied: holds nothing of the store. Made in C. */
public final class Page {
    public final List<Row> rows;
    /** Where to go on; null: there is nothing more. */
    public final byte[] next;

    private Page(Row[] rows, byte[] next) {
        this.rows = Collections.unmodifiableList(Arrays.asList(rows));
        this.next = next.length == 0 ? null : next;
    }
}
