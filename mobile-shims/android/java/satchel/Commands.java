// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.UUID;

/**
 * What a phone cannot do by itself and asks the server to do: durable at once, decided when it arrives, the first valid
 * one wins. What each throws stands at the C function of the same name.
 */
public final class Commands {
    private final Device device;

    Commands(Device device) {
        this.device = device;
    }

    /** A customer of the public pool becomes the user's. */
    public Receipt claim(UUID customer) {
        return device.call(at -> Native.customerClaim(at, most(customer), least(customer)));
    }

    public Receipt release(UUID customer) {
        return device.call(at -> Native.customerRelease(at, most(customer), least(customer)));
    }

    public Receipt transfer(UUID customer, UUID user) {
        return device.call(
                at -> Native.customerTransfer(at, most(customer), least(customer), most(user), least(user)));
    }

    /** `gone` goes into `survivor`. */
    public Receipt merge(UUID gone, UUID survivor) {
        return device.call(
                at -> Native.customerMerge(at, most(gone), least(gone), most(survivor), least(survivor)));
    }

    public Receipt unmerge(UUID gone) {
        return device.call(at -> Native.customerUnmerge(at, most(gone), least(gone)));
    }

    /** `decision`: a choice of approval.decision. */
    public Receipt decide(UUID approval, long decision, String comment) {
        byte[] bytes = Text.bytes(comment);
        return device.call(at -> Native.approvalDecide(at, most(approval), least(approval), decision, bytes));
    }

    /** Asks the server to submit an order, which stays a draft until then. */
    public Receipt requestOrder(UUID order) {
        return device.call(at -> Native.orderRequest(at, most(order), least(order)));
    }

    /** `entity`: visit_plan, or plan_stop, which need not be here yet and goes if `record` is empty. */
    public Receipt changePlan(int entity, UUID row, byte[] record) {
        return device.call(at -> Native.planChange(at, entity, most(row), least(row), record));
    }

    /** `record`: of EDIT, else null. */
    public Receipt resolve(UUID conflict, Resolution resolution, byte[] record) {
        return device.call(
                at -> Native.conflictResolve(at, most(conflict), least(conflict), resolution.number(), record));
    }

    /** The newest that are not dismissed. */
    public List<Command> list(int limit) {
        return Collections.unmodifiableList(Arrays.asList(device.call(at -> Native.commandsList(at, limit))));
    }

    private static long most(UUID id) {
        return id.getMostSignificantBits();
    }

    private static long least(UUID id) {
        return id.getLeastSignificantBits();
    }
}
