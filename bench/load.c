/* Load for durable_send.py: N connections to a unix socket, each with one request in flight.
 *
 * load SOCKET CONNECTIONS SECONDS KIND PREAMBLE REQUEST
 *
 * KIND says where a reply ends and what a good one looks like: `line` (hive), `resp` (Redis) or
 * `pg` (PostgreSQL). PREAMBLE and REQUEST are files with the bytes to send; the preamble may be
 * empty. Prints: replies, seconds, and the 50th and 99th percentile of the reply time in us. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 65536, SAMPLES = 8000000 };

struct client {
    int file;
    size_t filled;
    double asked;
    char buffer[BUFFER];
};

static char kind;
static char *preamble, *request;
static size_t preamble_size, request_size;

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static char *slurp(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(BUFFER);
    if (!file) fail(path);
    *size = fread(bytes, 1, BUFFER, file);
    fclose(file);
    return bytes;
}

/* Bytes of the first whole reply, 0 when it is not all there yet; ends the program on an error. */
static size_t reply_size(struct client *c) {
    char *b = c->buffer;
    size_t at = 0;
    if (!c->filled) return 0;
    if (kind == 'l' || kind == 'r') {
        char *end = memchr(b, '\n', c->filled);
        if (!end) return 0;
        if (kind == 'l') {
            if (c->filled < 12 || memcmp(b, "{\"kind\":\"ok\"", 12)) {
                fprintf(stderr, "load: bad reply: %.*s\n", (int)c->filled, b);
                exit(1);
            }
            return end - b + 1;
        }
        if (*b != '$') {
            fprintf(stderr, "load: bad reply: %.*s\n", (int)c->filled, b);
            exit(1);
        }
        at = (end - b + 1) + atoi(b + 1) + 2;
        return at <= c->filled ? at : 0;
    }
    while (c->filled >= at + 5) {
        unsigned char *n = (unsigned char *)b + at + 1;
        size_t size = 1 + ((size_t)n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3]);
        if (c->filled < at + size) return 0;
        if (b[at] == 'E') {
            fprintf(stderr, "load: bad reply: %.*s\n", (int)(size - 5), b + at + 5);
            exit(1);
        }
        if (b[at] == 'Z') return at + size;
        at += size;
    }
    return 0;
}

static void put(struct client *c, const char *bytes, size_t size) {
    if (send(c->file, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) fail("send");
}

/* Read once; return the size of a whole reply, which is then taken out of the buffer. */
static size_t take(struct client *c) {
    ssize_t got = recv(c->file, c->buffer + c->filled, BUFFER - c->filled, 0);
    if (got <= 0) fail("recv");
    c->filled += got;
    size_t size = reply_size(c);
    if (size) {
        c->filled -= size;
        memmove(c->buffer, c->buffer + size, c->filled);
    }
    return size;
}

static void dial(struct client *c, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    c->file = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(c->file, (void *)&address, sizeof address)) fail(path);
    if (kind != 'p') return;
    /* The first message is the start-up packet, the rest prepares; each ends with ready. */
    unsigned char *n = (unsigned char *)preamble;
    size_t first = (size_t)n[0] << 24 | n[1] << 16 | n[2] << 8 | n[3];
    put(c, preamble, first);
    while (!take(c)) {}
    put(c, preamble + first, preamble_size - first);
    while (!take(c)) {}
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    int count = atoi(argv[2]);
    double seconds = atof(argv[3]);
    kind = argv[4][0];
    preamble = slurp(argv[5], &preamble_size);
    request = slurp(argv[6], &request_size);
    struct client *clients = calloc(count, sizeof *clients);
    float *times = malloc(sizeof *times * SAMPLES);
    int poll = epoll_create1(0);
    long done = 0;
    for (int i = 0; i < count; i++) {
        dial(&clients[i], argv[1]);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].file, &event);
    }
    double start = now(), end = start + seconds, warm = start + seconds / 5, first = 0, last = 0;
    for (int i = 0; i < count; i++) {
        clients[i].asked = now();
        put(&clients[i], request, request_size);
    }
    while ((last = now()) < end || (!done && last < end + 10)) {
        struct epoll_event events[128];
        int ready = epoll_wait(poll, events, 128, 100);
        for (int i = 0; i < ready; i++) {
            struct client *c = events[i].data.ptr;
            if (!take(c)) continue;
            double at = now();
            if (at >= warm && done < SAMPLES) {
                if (!first) first = at;
                times[done++] = (at - c->asked) * 1e6;
            }
            c->asked = at;
            put(c, request, request_size);
        }
    }
    if (!done) fail("no reply");
    qsort(times, done, sizeof *times, by_size);
    printf("%ld %.6f %.1f %.1f\n", done, last - first, times[done / 2], times[done * 99 / 100]);
    return 0;
}
