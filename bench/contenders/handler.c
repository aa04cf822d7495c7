/* The control: the least that a handler can do, on libzmq. handler SEND_SPEC RECV_SPEC */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

static const char body[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  void *context = zmq_ctx_new();
  void *requests = zmq_socket(context, ZMQ_PULL);
  void *replies = zmq_socket(context, ZMQ_XPUB);
  char subscription[256];
  if (zmq_connect(replies, argv[2]) != 0) return 1;
  /* The first frame of an XPUB is Mongrel2's subscription. */
  if (zmq_recv(replies, subscription, sizeof subscription, 0) < 1) return 1;
  if (zmq_connect(requests, argv[1]) != 0) return 1;
  puts("ready");
  fflush(stdout);
  for (;;) {
    zmq_msg_t message;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, requests, 0) < 0) return 1;
    const char *text = zmq_msg_data(&message);
    const char *end = text + zmq_msg_size(&message);
    const char *id = memchr(text, ' ', end - text);
    const char *path = id == NULL ? NULL : memchr(id + 1, ' ', end - id - 1);
    /* A notice (path @*) must not be answered: each answer would bounce as another one. */
    if (path != NULL && end - path > 2 && path[1] != '@') {
      char reply[512];
      int digits = (int)(path - id - 1);
      int size = snprintf(reply, sizeof reply, "%.*s %d:%.*s, %s", (int)(id - text), text, digits, digits, id + 1, body);
      zmq_send(replies, reply, size, 0);
    }
    zmq_msg_close(&message);
  }
}
