// Kong's side of go-pdk's ProtoBuf protocol (pb_rpc.lua) with C concurrent requests: frames of a little-endian length
// and a body. A whole event is a dialogue on one connection: HandleEvent; then per PDK call its name, its arguments,
// our answer; an empty name ends it, and the RpcReturn follows. Prints the same figures as ../driver.c.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

typedef struct { int fd, expects; int header; size_t len; uint64_t began; uint8_t buf[65536]; } Conn;
enum { NAME, ARGUMENTS, RETURN };
static uint32_t *lat; static size_t nlat, cap = 1 << 20;
static int measuring, stopping, instance; static int64_t sequence;

static uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000ull + t.tv_nsec; }
static int by_size(const void *a, const void *b) { uint32_t x = *(uint32_t *)a, y = *(uint32_t *)b; return x < y ? -1 : x > y; }
static uint8_t *varint(uint8_t *p, uint64_t v) { for (; v > 127; v >>= 7) *p++ = v | 128; *p++ = v; return p; }

static void send_frame(Conn *c, const uint8_t *body, uint32_t len) {
  uint8_t out[512]; memcpy(out, &len, 4); memcpy(out + 4, body, len);
  if (write(c->fd, out, len + 4) != len + 4) { perror("write"); exit(2); }
}
static void call(Conn *c, int field, const uint8_t *body, int len) {
  uint8_t out[256], *p = out; *p++ = 8; p = varint(p, ++sequence); p = varint(p, field << 3 | 2); p = varint(p, len);
  memcpy(p, body, len); send_frame(c, out, p + len - out);
}
static void start_event(Conn *c) {
  uint8_t body[64], *p = body; c->began = now_ns(); c->expects = NAME;
  if (instance) { *p++ = 8; p = varint(p, instance); }
  memcpy(p, "\x12\x06" "access", 8); call(c, 36, body, p + 8 - body);
}
// Handles one frame; 1 if the event is over.
static int on_frame(Conn *c, const uint8_t *body, uint32_t len) {
  static const uint8_t header[] = "\x0a\x13" "curl/8.5.0 (x86_64)";
  if (c->expects == RETURN) return 1;
  if (c->expects == NAME) {
    c->expects = len ? ARGUMENTS : RETURN;
    c->header = len == 23 && !memcmp(body, "kong.request.get_header", 23);
    return 0;
  }
  c->expects = NAME;
  send_frame(c, header, c->header ? 21 : 0);
  return 0;
}
static int connect_to(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX}; strncpy(a.sun_path, path, sizeof a.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (void *)&a, sizeof a)) { perror("connect"); exit(2); }
  return fd;
}
static void start_instance(Conn *c, const char *name) {
  uint8_t body[128], *p = body; int n = strlen(name); uint32_t len;
  *p++ = 0x0a; *p++ = n; memcpy(p, name, n); p += n; memcpy(p, "\x12\x02{}", 4); call(c, 33, body, p + 4 - body);
  if (read(c->fd, &len, 4) != 4 || recv(c->fd, c->buf, len, MSG_WAITALL) != len) exit(2);
  // RpcReturn: sequence, then field 33: name, instance_id (absent when 0).
  const uint8_t *q = c->buf + 1; while (*q++ & 128); q += 2; while (*q++ & 128);
  if (*q == 0x0a) q += 2 + q[1];
  if (*q == 0x10) { int shift = 0; do instance |= (*++q & 127) << shift, shift += 7; while (*q & 128); }
}
int main(int ac, char **av) {
  const char *path = "x.sock", *name = "peer"; int count = 1, o, left; double seconds = 3, warm = 0.5;
  while ((o = getopt(ac, av, "s:c:d:w:n:")) != -1) switch (o) {
    case 's': path = optarg; break; case 'c': count = atoi(optarg); break; case 'd': seconds = atof(optarg); break;
    case 'w': warm = atof(optarg); break; case 'n': name = optarg; break; default: return 1; }
  Conn *conns = calloc(count, sizeof *conns); lat = malloc(cap * 4); int ep = epoll_create1(0);
  for (int i = 0; i < count; i++) conns[i].fd = connect_to(path);
  start_instance(&conns[0], name);
  for (int i = 0; i < count; i++) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &conns[i]}; epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e);
    start_event(&conns[i]);
  }
  uint64_t from = now_ns() + warm * 1e9, until = from + seconds * 1e9, began = 0, ended = 0; left = count;
  while (left) {
    struct epoll_event ev[256]; int n = epoll_wait(ep, ev, 256, 5000); uint64_t t = now_ns();
    if (n <= 0) { fprintf(stderr, "the server is silent\n"); return 2; }
    if (!measuring && t >= from) { measuring = 1; began = t; }
    if (!stopping && t >= until) { stopping = 1; ended = t; }
    for (int i = 0; i < n; i++) {
      Conn *c = ev[i].data.ptr; ssize_t got = recv(c->fd, c->buf + c->len, sizeof c->buf - c->len, MSG_DONTWAIT);
      if (got <= 0) { if (got && errno == EAGAIN) continue; fprintf(stderr, "connection lost\n"); return 2; }
      c->len += got; size_t at = 0; uint32_t len;
      while (c->len - at >= 4 && (memcpy(&len, c->buf + at, 4), c->len - at >= 4 + len)) {
        int over = on_frame(c, c->buf + at + 4, len); at += 4 + len;
        if (!over) continue;
        if (measuring && !stopping) { if (nlat == cap) lat = realloc(lat, (cap *= 2) * 4); lat[nlat++] = now_ns() - c->began; }
        if (stopping) left--; else start_event(c);
      }
      memmove(c->buf, c->buf + at, c->len - at); c->len -= at;
    }
  }
  qsort(lat, nlat, 4, by_size);
  printf("{\"rps\":%.1f,\"p50\":%.1f,\"p99\":%.1f}\n", nlat / ((ended - began) / 1e9),
         nlat ? lat[nlat / 2] / 1e3 : 0, nlat ? lat[(size_t)(nlat * 0.99)] / 1e3 : 0);
  return 0;
}
