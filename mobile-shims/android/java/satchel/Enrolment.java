// SPDX-License-Identifier: Apache-2.0
package satchel;

/** Enrolling a phone: send the request, feed its answer. {@link Sync#enroll} does both. */
public final class Enrolment extends Handle {
    Enrolment(Device device, long pointer) {
        super(device, false);
        adopt(pointer);
    }

    @Override
    void free(long pointer) {
        Native.enrolmentClose(pointer);
    }

    public Request request() {
        return call(Native::enrolmentRequest);
    }

    public void feed(Transport.Answer answer) {
        act(at -> Native.enrolmentFeed(at, answer.httpStatus, answer.body));
    }
}
