// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.io.IOException;

/** Sends what the core wants sent. */
public interface Transport {
    /** An HTTP answer, of whatever status. */
    final class Answer {
        public final int httpStatus;
        public final byte[] body;
        /** From sending to the last byte. */
        public final long elapsedMs;

        public Answer(int httpStatus, byte[] body, long elapsedMs) {
            this.httpStatus = httpStatus;
            this.body = body;
            this.elapsedMs = elapsedMs;
        }
    }

    /** Follows no redirect. IOException: no answer came. */
    Answer send(Request request) throws IOException;
}
