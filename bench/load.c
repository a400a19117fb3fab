/* A small HTTP/1.1 load generator for one machine: one thread, epoll, keep-alive connections to 127.0.0.1.
 *
 *   load -p PORT -f REQUESTS [-c connections] [-d seconds] [-n requests] [-s status] [-o offset] [-v]
 *   load -p PORT -r WHOLE ...
 *
 * REQUESTS is a text file: header lines for every request, an empty line, then one "METHOD /path" a line.
 * WHOLE holds whole requests, each as its length in decimal digits, a line feed, and that many bytes; each is sent once.
 * Other requests are cycled through from `offset`, whichever connection is free taking the next one.
 * Bodies are dropped inside the kernel (recv with MSG_TRUNC), so that the receiver costs the server's cores little;
 * -v copies them out instead, as a real client would. Answers are checked against `status`.
 * The report is one line of JSON; the histogram holds [microseconds, count] pairs, a bucket being at most 1/32 wide.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_ROOM 16384
#define SCRATCH (1 << 20)
#define MAX_CONNECTIONS 256
#define MAX_SECONDS 60.0
#define MAX_REQUESTS 50000000LL
#define MAX_FAULTS 100
#define READS_PER_TURN 8
#define SUB_BITS 5
#define BUCKETS (40 << SUB_BITS)

struct request {
    char *bytes;
    size_t length;
    bool head_only;
};

struct connection {
    int fd;
    bool head_only, in_body, closing;
    size_t have;
    long long body_left;
    uint64_t began;
    char head[HEAD_ROOM + 1];
};

static struct {
    int port, connections, status, epoll;
    bool copy;
    double seconds;
    long long limit;
} options = {.connections = 1, .status = 200, .seconds = 1.0, .limit = MAX_REQUESTS};

static struct request *requests;
static size_t request_count, next_request;
static struct connection *connections;
static char scratch[SCRATCH];
static long long sent, completed, body_bytes, faults, reconnects;
static long long statuses[600], histogram[BUCKETS];

static void die(const char *message) {
    fprintf(stderr, "load: %s%s%s\n", message, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

static uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

static unsigned bucket_of(uint64_t value) {
    if (value < (1u << SUB_BITS)) return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - SUB_BITS;
    unsigned index = ((shift + 1) << SUB_BITS) + (unsigned)((value >> shift) & ((1u << SUB_BITS) - 1));
    return index < BUCKETS ? index : BUCKETS - 1;
}

static double middle_of(unsigned bucket) {
    unsigned shift = bucket >> SUB_BITS, part = bucket & ((1u << SUB_BITS) - 1);
    if (shift == 0) return part;
    double low = (double)(((uint64_t)(1u << SUB_BITS) + part) << (shift - 1));
    return low + (double)(1ull << (shift - 1)) / 2.0;
}

static void read_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    char *line = NULL, *headers = NULL;
    size_t room = 0, capacity = 0, headers_length = 0;
    FILE *gathered = open_memstream(&headers, &headers_length);
    ssize_t length;
    while ((length = getline(&line, &room, file)) > 0 && line[0] != '\n') {
        line[length - 1] = '\0';
        fprintf(gathered, "%s\r\n", line);
    }
    fclose(gathered);
    while ((length = getline(&line, &room, file)) > 0) {
        if (line[length - 1] == '\n') line[--length] = '\0';
        if (length == 0) continue;
        if (request_count == capacity) {
            capacity = capacity ? capacity * 2 : 1024;
            requests = realloc(requests, capacity * sizeof *requests);
            if (!requests) die("no memory");
        }
        struct request *made = &requests[request_count++];
        made->head_only = strncmp(line, "HEAD ", 5) == 0;
        int size = asprintf(&made->bytes, "%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n", line, options.port, headers);
        if (size < 0) die("no memory");
        made->length = (size_t)size;
    }
    free(line);
    free(headers);
    fclose(file);
    errno = 0;
    if (!request_count) die("no requests in the file");
}

/* Requests that were made, and signed, ahead of time. */
static void read_whole_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    size_t capacity = 0, length;
    while (fscanf(file, "%zu", &length) == 1 && fgetc(file) == '\n') {
        if (request_count == capacity) {
            capacity = capacity ? capacity * 2 : 1024;
            requests = realloc(requests, capacity * sizeof *requests);
            if (!requests) die("no memory");
        }
        struct request *made = &requests[request_count++];
        made->head_only = false;
        made->length = length;
        made->bytes = malloc(length);
        if (!made->bytes || fread(made->bytes, 1, length, file) != length) die("a request is cut off");
    }
    fclose(file);
    errno = 0;
    if (!request_count) die("no requests in the file");
    if (options.limit > (long long)request_count) options.limit = (long long)request_count;
}

static void open_connection(struct connection *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address)) die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(options.epoll, EPOLL_CTL_ADD, c->fd, &event)) die("epoll_ctl");
    c->have = 0;
    c->in_body = c->closing = false;
}

static void send_next(struct connection *c) {
    if (sent >= options.limit) return;
    struct request *request = &requests[next_request++ % request_count];
    sent++;
    c->head_only = request->head_only;
    c->have = 0;
    c->in_body = false;
    c->began = now_ns();
    ssize_t put = send(c->fd, request->bytes, request->length, MSG_NOSIGNAL);
    if (put != (ssize_t)request->length) {
        faults++;
        c->closing = true; /* the reader meets the end of the stream and opens another connection */
        shutdown(c->fd, SHUT_RDWR);
    }
}

static void start_again(struct connection *c) {
    close(c->fd);
    reconnects++;
    open_connection(c);
    send_next(c);
}

static void finish(struct connection *c) {
    uint64_t took = (now_ns() - c->began) / 1000;
    completed++;
    histogram[bucket_of(took)]++;
    if (c->closing) start_again(c);
    else send_next(c);
}

static const char *header(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':') return line + 3 + length;
    return NULL;
}

/* Reads the head once it is whole; false when the answer cannot be followed. */
static bool parse_head(struct connection *c) {
    c->head[c->have] = '\0';
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return c->have < HEAD_ROOM;
    size_t head_length = (size_t)(end - c->head) + 4;
    end[2] = '\0';
    int status = strncmp(c->head, "HTTP/1.", 7) == 0 && c->have > 12 ? atoi(c->head + 9) : 0;
    if (status < 100 || status > 599) return false;
    statuses[status]++;
    const char *length = header(c->head, "content-length"), *connection = header(c->head, "connection");
    if (connection && strcasestr(connection, "close") && strcasestr(connection, "close") < connection + 10) c->closing = true;
    bool bodiless = c->head_only || status == 204 || status == 304;
    if (!bodiless && !length) return false; /* chunked or until-close bodies are not expected here */
    c->body_left = bodiless ? 0 : atoll(length);
    long long early = (long long)(c->have - head_length);
    if (early > c->body_left) return false;
    c->body_left -= early;
    body_bytes += early;
    c->in_body = true;
    return true;
}

static void broken(struct connection *c) {
    faults++;
    start_again(c);
}

static void on_readable(struct connection *c) {
    for (int turn = 0; turn < READS_PER_TURN; turn++) {
        ssize_t got;
        if (!c->in_body) {
            got = recv(c->fd, c->head + c->have, HEAD_ROOM - c->have, MSG_DONTWAIT);
        } else {
            size_t wanted = c->body_left < SCRATCH ? (size_t)c->body_left : SCRATCH;
            got = recv(c->fd, scratch, wanted, MSG_DONTWAIT | (options.copy ? 0 : MSG_TRUNC));
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            broken(c);
            return;
        }
        if (c->in_body) {
            c->body_left -= got;
            body_bytes += got;
        } else {
            c->have += (size_t)got;
            if (!parse_head(c)) {
                broken(c);
                return;
            }
        }
        if (c->in_body && c->body_left == 0) {
            finish(c);
            return;
        }
    }
}

static void report(double elapsed) {
    long long unexpected = 0;
    printf("{\"seconds\": %.6f, \"requests\": %lld, \"bytes\": %lld, \"faults\": %lld, \"reconnects\": %lld, \"statuses\": {",
           elapsed, completed, body_bytes, faults, reconnects);
    const char *comma = "";
    for (int status = 0; status < 600; status++) {
        if (!statuses[status]) continue;
        if (status != options.status) unexpected += statuses[status];
        printf("%s\"%d\": %lld", comma, status, statuses[status]);
        comma = ", ";
    }
    printf("}, \"unexpected\": %lld, \"histogram\": [", unexpected);
    comma = "";
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        if (!histogram[bucket]) continue;
        printf("%s[%.1f, %lld]", comma, middle_of(bucket), histogram[bucket]);
        comma = ", ";
    }
    printf("]}\n");
}

static void read_options(int count, char **values) {
    const char *file = NULL;
    bool whole = false;
    for (int option; (option = getopt(count, values, "p:f:r:c:d:n:s:o:v")) != -1;) {
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'f': file = optarg; break;
        case 'r': file = optarg, whole = true; break;
        case 'c': options.connections = atoi(optarg); break;
        case 'd': options.seconds = atof(optarg); break;
        case 'n': options.limit = atoll(optarg); break;
        case 's': options.status = atoi(optarg); break;
        case 'o': next_request = (size_t)atoll(optarg); break;
        case 'v': options.copy = true; break;
        default: exit(2);
        }
    }
    if (!file || options.port < 1 || options.port > 65535) die("-p PORT and -f REQUESTS or -r WHOLE are needed");
    if (options.connections < 1 || options.connections > MAX_CONNECTIONS) die("1 to 256 connections");
    if (options.seconds <= 0 || options.seconds > MAX_SECONDS) die("at most 60 seconds");
    if (options.limit < 1 || options.limit > MAX_REQUESTS) die("at most 50,000,000 requests");
    if (whole) read_whole_requests(file);
    else read_requests(file);
}

int main(int count, char **values) {
    read_options(count, values);
    connections = calloc((size_t)options.connections, sizeof *connections);
    options.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || options.epoll < 0) die("epoll");
    for (int i = 0; i < options.connections; i++) open_connection(&connections[i]);

    struct epoll_event events[MAX_CONNECTIONS];
    uint64_t began = now_ns(), ends = began + (uint64_t)(options.seconds * 1e9), now = began;
    for (int i = 0; i < options.connections; i++) send_next(&connections[i]);
    while (now < ends && completed < options.limit && faults <= MAX_FAULTS) {
        int ready = epoll_wait(options.epoll, events, MAX_CONNECTIONS, 10);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int i = 0; i < ready; i++) on_readable(events[i].data.ptr);
        now = now_ns();
    }
    report((double)(now - began) / 1e9);
    return 0;
}
