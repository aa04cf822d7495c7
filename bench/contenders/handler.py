# A bare pyzmq loop: python3 handler.py SEND_SPEC RECV_SPEC
import sys
import time
import zmq

context = zmq.Context()
requests = context.socket(zmq.PULL)
replies = context.socket(zmq.PUB)
replies.connect(sys.argv[2])
requests.connect(sys.argv[1])
# A publisher cannot see its subscription: this control has to guess when it is there.
time.sleep(1)
print("ready", flush=True)
BODY = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
while True:
    server, number, path, _ = requests.recv().split(b" ", 3)
    # A notice must not be answered: each answer would bounce as another one.
    if path == b"@*":
        continue
    replies.send(b"%s %d:%s, %s" % (server, len(number), number, BODY))
