// SPDX-License-Identifier: Apache-2.0
package satchel;

/** One HTTP request that the core wants sent. Made in C. */
public final class Request {
    public final String method;
    public final String url;
    /** Names and values in turn. */
    public final String[] headers;
    public final byte[] body;
    public final long timeoutMs;

    private Request(byte[] method, byte[] url, byte[][] headers, byte[] body, long timeoutMs) {
        this.method = Text.of(method);
        this.url = Text.of(url);
        this.headers = new String[headers.length];
        for (int i = 0; i < headers.length; i++) {
            this.headers[i] = Text.of(headers[i]);
        }
        this.body = body;
        this.timeoutMs = timeoutMs;
    }
}
