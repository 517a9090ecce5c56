// SPDX-License-Identifier: Apache-2.0
package satchel;

/** An exchange with the server, step by step; no socket in it. {@link Sync#run} drives one. */
public final class Exchange extends Handle {
    Exchange(Device device, long pointer) {
        super(device, false);
        adopt(pointer);
    }

    @Override
    void free(long pointer) {
        Native.exchangeClose(pointer);
    }

    public Step next() {
        return call(Native::exchangeNext);
    }

    public void feed(Transport.Answer answer) {
        act(at -> Native.exchangeFeed(at, answer.httpStatus, answer.body, answer.elapsedMs));
    }

    /** The last SEND got no answer. */
    public void fail() {
        act(Native::exchangeFail);
    }

    /** From any thread: ends it before the next request, while it waits, and between two slices of a page. */
    public void cancel() {
        actAtOnce(Native::exchangeCancel);
    }
}
