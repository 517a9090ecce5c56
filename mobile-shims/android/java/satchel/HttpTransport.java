// SPDX-License-Identifier: Apache-2.0
package satchel;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.Proxy;
import java.net.SocketTimeoutException;
import java.net.URL;

/** By HttpURLConnection: https, plain http to this machine only, no redirects, a bounded answer, no second sending. */
public final class HttpTransport implements Transport {
    private static final int ANSWER_MOST_BYTES = 8 << 20; // above what the core takes
    private static final int CONNECT_TIMEOUT_MS = 10000;
    private static final int CHUNK_BYTES = 16384;

    @Override
    public Answer send(Request request) throws IOException {
        long started = System.nanoTime();
        HttpURLConnection connection = open(new URL(request.url));
        try {
            prepare(connection, request);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(request.body);
            }
            int status = connection.getResponseCode();
            InputStream in = status >= 400 ? connection.getErrorStream() : connection.getInputStream();
            byte[] body = in == null ? new byte[0] : readAll(in, started, request.timeoutMs);
            return new Answer(status, body, elapsedMs(started));
        } catch (IOException failed) {
            connection.disconnect(); // a broken connection is not used again
            throw failed;
        }
    }

    private static HttpURLConnection open(URL url) throws IOException {
        boolean local = isLocal(url.getHost());
        if (!"https".equals(url.getProtocol()) && !(local && "http".equals(url.getProtocol()))) {
            throw new IOException("only https leaves the phone");
        }
        return (HttpURLConnection) (local ? url.openConnection(Proxy.NO_PROXY) : url.openConnection());
    }

    private static boolean isLocal(String host) {
        return "localhost".equals(host) || "127.0.0.1".equals(host) || "[::1]".equals(host);
    }

    private static void prepare(HttpURLConnection connection, Request request) throws IOException {
        int timeoutMs = (int) Math.min(Math.max(request.timeoutMs, 1), Integer.MAX_VALUE);
        connection.setRequestMethod(request.method);
        connection.setInstanceFollowRedirects(false);
        connection.setUseCaches(false);
        connection.setConnectTimeout(Math.min(timeoutMs, CONNECT_TIMEOUT_MS));
        connection.setReadTimeout(timeoutMs);
        connection.setDoOutput(true);
        connection.setFixedLengthStreamingMode(request.body.length); // else it may silently send a second time
        for (int i = 0; i + 1 < request.headers.length; i += 2) {
            connection.setRequestProperty(request.headers[i], request.headers[i + 1]);
        }
    }

    /** The connection's own timeout is for one read; this one is for all of them. */
    private static byte[] readAll(InputStream in, long started, long timeoutMs) throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        byte[] chunk = new byte[CHUNK_BYTES];
        try (InputStream stream = in) {
            for (int got = stream.read(chunk); got >= 0; got = stream.read(chunk)) {
                if (body.size() + got > ANSWER_MOST_BYTES) {
                    throw new IOException("the answer is too long");
                }
                if (elapsedMs(started) > timeoutMs) {
                    throw new SocketTimeoutException("the answer took too long");
                }
                body.write(chunk, 0, got);
            }
        }
        return body.toByteArray();
    }

    private static long elapsedMs(long startedNs) {
        return (System.nanoTime() - startedNs) / 1000000;
    }
}
