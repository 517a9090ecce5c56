// SPDX-License-Identifier: Apache-2.0
package satchel;

/** A refusal or a failure, of the subclass that says what a caller can do. Holds no customer data, key or PIN. */
public abstract class SatchelException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Status status;
    private final int number;
    private final int entity;
    private final int field;
    private final String detail;

    SatchelException(Status status, int number, int entity, int field, String detail) {
        super(detail.isEmpty() ? status.name() : status.name() + ": " + detail);
        this.status = status;
        this.number = number;
        this.entity = entity;
        this.field = field;
        this.detail = detail;
    }

    public Status status() {
        return status;
    }

    /** The number of the status, of use where {@link #status} is UNKNOWN. */
    public int number() {
        return number;
    }

    /** The entity that it concerns, 0 if none. */
    public int entity() {
        return entity;
    }

    /** The field that it concerns, 0 if none. */
    public int field() {
        return field;
    }

    /** English, for logs and developers; may be empty. */
    public String detail() {
        return detail;
    }
}
