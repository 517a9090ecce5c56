/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unix stream socket served by one thread: administration is rare, and one request after another keeps it simple.
 */
#include "admin/channel.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A client that stops sending, or taking its answer, is dropped after this; after the other once the channel ends. */
#define IDLE_TIMEOUT_MS 10000
#define ENDING_TIMEOUT_MS 250
#define NO_TIMEOUT (-1)
#define LENGTH_BYTES 4
#define READ_CHUNK_BYTES 65536

struct satchel_channel {
    struct sockaddr_un address;
    int listener;
    int stop_pipe[2];
    pthread_t thread;
    bool thread_runs;
    satchel_channel_handler handle;
    void *context;
};

static satchel_status make_address(const char *folder, struct sockaddr_un *out, satchel_error *error) {
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    int written = snprintf(out->sun_path, sizeof out->sun_path, "%s/%s", folder, SATCHEL_CHANNEL_NAME);
    if (written < 0 || (size_t)written >= sizeof out->sun_path) {
        return satchel_fail(error, SATCHEL_TOO_LONG, "the path of the data folder is too long for a socket");
    }
    return SATCHEL_OK;
}

/* The other side of a connection: how long it may do nothing, and what tells that the channel ends (-1: nothing). */
typedef struct channel_peer {
    int socket_fd;
    int timeout_ms;
    int stop_fd;
} channel_peer;

/* Whether the peer is ready within its time. */
static bool wait_for(const channel_peer *peer, short event) {
    struct pollfd waits[2] = {{peer->socket_fd, event, 0}, {peer->stop_fd, POLLIN, 0}};
    int ready;
    do {
        ready = poll(waits, 2, peer->timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (ready > 0 && waits[0].revents == 0) {
        do {
            ready = poll(waits, 1, ENDING_TIMEOUT_MS);
        } while (ready < 0 && errno == EINTR);
    }
    return ready > 0;
}

static bool send_all(const channel_peer *peer, const uint8_t *data, size_t bytes) {
    while (bytes > 0) {
        if (!wait_for(peer, POLLOUT)) {
            return false;
        }
        ssize_t sent = send(peer->socket_fd, data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        data += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

static bool receive_all(const channel_peer *peer, uint8_t *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t got = wait_for(peer, POLLIN) ? recv(peer->socket_fd, data, bytes, 0) : -1;
        if (got <= 0) {
            return false;
        }
        data += got;
        bytes -= (size_t)got;
    }
    return true;
}

static bool send_message(const channel_peer *peer, satchel_bytes message) {
    uint8_t length[LENGTH_BYTES];
    satchel_put_u32be(length, (uint32_t)message.bytes);
    return send_all(peer, length, sizeof length) && send_all(peer, message.data, message.bytes);
}

/* Memory grows with what arrives, not with what was announced. */
static satchel_status receive_message(const channel_peer *peer, satchel_buffer *out) {
    uint8_t length[LENGTH_BYTES];
    if (!receive_all(peer, length, sizeof length)) {
        return SATCHEL_IO_ERROR;
    }
    size_t left = satchel_get_u32be(length);
    if (left > SATCHEL_CHANNEL_BYTES_MOST) {
        return SATCHEL_LIMIT_EXCEEDED;
    }
    while (left > 0) {
        size_t chunk = left < READ_CHUNK_BYTES ? left : READ_CHUNK_BYTES;
        satchel_status status = satchel_buffer_reserve(out, chunk);
        if (status != SATCHEL_OK) {
            return status;
        }
        if (!receive_all(peer, out->data + out->bytes, chunk)) {
            return SATCHEL_IO_ERROR;
        }
        out->bytes += chunk;
        left -= chunk;
    }
    return SATCHEL_OK;
}

static void serve_one(satchel_channel *channel, int client) {
    satchel_buffer request;
    satchel_buffer answer;
    const channel_peer peer = {client, IDLE_TIMEOUT_MS, channel->stop_pipe[0]};
    satchel_buffer_init(&request);
    satchel_buffer_init(&answer);
    if (receive_message(&peer, &request) == SATCHEL_OK) {
        channel->handle(channel->context, satchel_buffer_view(&request), &answer);
        (void)send_message(&peer, satchel_buffer_view(&answer));
    }
    satchel_buffer_deinit(&answer);
    satchel_buffer_deinit(&request);
}

static void *serve(void *argument) {
    satchel_channel *channel = argument;
    for (;;) {
        struct pollfd waits[2] = {{channel->listener, POLLIN, 0}, {channel->stop_pipe[0], POLLIN, 0}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR) {
            return NULL;
        }
        if (waits[1].revents != 0) {
            return NULL;
        }
        if ((waits[0].revents & POLLIN) != 0) {
            int client = accept(channel->listener, NULL, NULL);
            if (client >= 0) {
                serve_one(channel, client);
                close(client);
            }
        }
    }
}

static satchel_status start(satchel_channel *channel, satchel_error *error) {
    channel->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (channel->listener < 0) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "socket: %s", strerror(errno));
    }
    (void)unlink(channel->address.sun_path);
    mode_t mask = umask(0177);
    int bound = bind(channel->listener, (const struct sockaddr *)&channel->address, sizeof channel->address);
    int bind_errno = errno;
    (void)umask(mask);
    if (bound != 0 || listen(channel->listener, 16) != 0) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "cannot listen on the administration socket: %s",
                            strerror(bound != 0 ? bind_errno : errno));
    }
    if (pipe(channel->stop_pipe) != 0) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "pipe: %s", strerror(errno));
    }
    channel->thread_runs = pthread_create(&channel->thread, NULL, serve, channel) == 0;
    return channel->thread_runs ? SATCHEL_OK : satchel_fail(error, SATCHEL_NO_MEMORY, "no thread for administration");
}

satchel_status satchel_channel_open(satchel_channel **out, const char *folder, satchel_channel_handler handle,
                                    void *context, satchel_error *error) {
    *out = NULL;
    satchel_channel *channel = satchel_memory_take(sizeof *channel);
    if (channel == NULL) {
        return satchel_fail(error, SATCHEL_NO_MEMORY, "no memory for the administration channel");
    }
    channel->listener = -1;
    channel->stop_pipe[0] = channel->stop_pipe[1] = -1;
    channel->handle = handle;
    channel->context = context;
    satchel_status status = make_address(folder, &channel->address, error);
    if (status == SATCHEL_OK) {
        status = start(channel, error);
    }
    if (status != SATCHEL_OK) {
        satchel_channel_close(channel);
        return status;
    }
    *out = channel;
    return SATCHEL_OK;
}

void satchel_channel_close(satchel_channel *channel) {
    if (channel == NULL) {
        return;
    }
    if (channel->thread_runs) {
        ssize_t written;
        do {
            written = write(channel->stop_pipe[1], "", 1);
        } while (written < 0 && errno == EINTR);
        pthread_join(channel->thread, NULL);
    }
    for (int i = 0; i < 2; i++) {
        if (channel->stop_pipe[i] >= 0) {
            close(channel->stop_pipe[i]);
        }
    }
    if (channel->listener >= 0) {
        close(channel->listener);
        (void)unlink(channel->address.sun_path);
    }
    satchel_memory_give(channel);
}

satchel_status satchel_channel_ask(const char *folder, satchel_bytes request, satchel_buffer *answer,
                                   satchel_error *error) {
    struct sockaddr_un address;
    satchel_status status = make_address(folder, &address, error);
    if (status != SATCHEL_OK) {
        return status;
    }
    if (request.bytes > SATCHEL_CHANNEL_BYTES_MOST) {
        return satchel_fail(error, SATCHEL_LIMIT_EXCEEDED, "the request is larger than %u bytes",
                            SATCHEL_CHANNEL_BYTES_MOST);
    }
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0) {
        return satchel_fail(error, SATCHEL_IO_ERROR, "socket: %s", strerror(errno));
    }
    /* The server takes one request after another, and an answer may take as long as an import takes. */
    const channel_peer peer = {client, NO_TIMEOUT, -1};
    if (connect(client, (const struct sockaddr *)&address, sizeof address) != 0) {
        status = satchel_fail(error, SATCHEL_NOT_FOUND, "no server runs on this data folder");
    } else if (!send_message(&peer, request)) {
        status = satchel_fail(error, SATCHEL_IO_ERROR, "the server does not take the request");
    } else {
        status = receive_message(&peer, answer);
        if (status != SATCHEL_OK) {
            status = satchel_fail(error, status, "the server ended before it answered");
        }
    }
    close(client);
    return status;
}
