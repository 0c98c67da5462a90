// The ceiling: an epoll loop in C that answers each request with a ready-made reply, without decoding it.
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char RET[] = "\xc0\x82\xa7" "EventId\xcf\0\1\2\3\4\5\6\7\xa4" "Data\xa3ret";
static const char STARTED[] = "\xc0\x81\xa2Id\x01";

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **arguments) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, arguments[count - 1], sizeof address.sun_path - 1);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 256)) return 1;
  watch(epoll, listener);
  for (;;) {
    struct epoll_event ready[256];
    int n = epoll_wait(epoll, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) {
        watch(epoll, accept4(listener, 0, 0, SOCK_NONBLOCK));
        continue;
      }
      uint8_t in[65536], out[64] = {0x94, 1};
      ssize_t got = recv(fd, in, sizeof in, 0);
      if (got <= 0) {
        close(fd);
        continue;
      }
      int msgid = in[2] < 128 ? 1 : in[2] == 0xcc ? 2 : in[2] == 0xcd ? 3 : 5;
      int starts = memmem(in, got, "StartInstance", 13) != 0;
      size_t length = starts ? sizeof STARTED - 1 : sizeof RET - 1;
      memcpy(out + 2, in + 2, msgid);
      memcpy(out + 2 + msgid, starts ? STARTED : RET, length);
      send(fd, out, 2 + msgid + length, 0);
    }
  }
}
