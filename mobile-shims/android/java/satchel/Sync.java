// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.io.IOException;
import java.net.SocketTimeoutException;

/** Drives enrolment and exchanges over a transport. Never on the user interface's thread. */
public final class Sync {
    /** Told before each step; {@link Step#progress} says how far it is. */
    public interface Watcher {
        void step(Step step);
    }

    private Sync() {
    }

    /** Enrols the phone with the manager's link. Calling again after a lost answer is safe. */
    public static void enroll(Device device, String link, String name, String platform, Transport transport) {
        try (Enrolment enrolment = device.enrolment(link, name, platform)) {
            try {
                enrolment.feed(transport.send(enrolment.request()));
            } catch (IOException unanswered) {
                throw failed(unanswered);
            }
        }
    }

    /**
     * One exchange to its end; gives its last step. Waits at most `waitMs` in all where the exchange wants to wait: a
     * job of the platform's scheduler gives 0 and comes back later. An interrupted thread ends it with CANCELLED.
     */
    public static Step run(Device device, Transport transport, long budgetMs, long waitMs, Watcher watcher) {
        try (Exchange exchange = device.exchange(budgetMs)) {
            SatchelException failure = null;
            long left = waitMs;
            for (Step step = exchange.next();; step = exchange.next()) {
                if (watcher != null) {
                    watcher.step(step);
                }
                switch (step.kind) {
                    case SEND:
                        SatchelException unanswered = send(exchange, step.request, transport);
                        failure = unanswered != null ? unanswered : failure;
                        break;
                    case WAIT:
                        failure = failure == null && step.status != Status.OK ? step.status.exception("") : failure;
                        left = pause(exchange, step, left);
                        break;
                    default:
                        return end(step, failure);
                }
            }
        }
    }

    private static Step end(Step step, SatchelException failure) {
        if (step.status == Status.OK) {
            return step;
        }
        if (failure != null && step.status == Status.CANCELLED && !Thread.currentThread().isInterrupted()) {
            throw failure;
        }
        throw step.status.exception("");
    }

    private static SatchelException send(Exchange exchange, Request request, Transport transport) {
        Transport.Answer answer;
        try {
            answer = transport.send(request);
        } catch (IOException unanswered) {
            exchange.fail();
            return failed(unanswered);
        }
        exchange.feed(answer);
        return null;
    }

    /** What is left to wait; where that does not do, the exchange is cancelled. */
    private static long pause(Exchange exchange, Step step, long left) {
        if (step.waitMs > left) {
            exchange.cancel();
            return 0;
        }
        try {
            Thread.sleep(step.waitMs);
        } catch (InterruptedException over) {
            Thread.currentThread().interrupt();
            exchange.cancel();
        }
        return left - step.waitMs;
    }

    private static SatchelException failed(IOException unanswered) {
        boolean late = unanswered instanceof SocketTimeoutException;
        SatchelException failure = (late ? Status.TIMED_OUT : Status.NETWORK_ERROR).exception("no answer came");
        failure.initCause(unanswered);
        return failure;
    }
}
