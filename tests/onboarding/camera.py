"""A camera as ONVIF has it: it answers WS-Discovery (the WSDiscovery package), and tells its profiles to whoever has its login.

Usage: camera.py ADDRESS HTTP_PORT RTSP_URL; prints "ready" once it listens. Its login is viewer / seven-doors.
"""

import base64
import hashlib
import http.server
import re
import sys
import threading

from wsdiscovery import QName, Scope
from wsdiscovery.publishing import ThreadedWSPublishing

ADDRESS, PORT, STREAM = sys.argv[1], int(sys.argv[2]), sys.argv[3]
USER, PASSWORD = "viewer", "seven-doors"
SERVICE = f"http://{ADDRESS}:{PORT}/onvif/device_service"

ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema"'
    ' xmlns:trt="http://www.onvif.org/ver10/media/wsdl"><s:Body>{}</s:Body></s:Envelope>'
)
PROFILE = (
    '<trt:Profiles token="{0}"><tt:Name>{0}</tt:Name><tt:VideoEncoderConfiguration><tt:Encoding>H264</tt:Encoding>'
    "<tt:Resolution><tt:Width>{1}</tt:Width><tt:Height>{2}</tt:Height></tt:Resolution>"
    "<tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit></tt:RateControl></tt:VideoEncoderConfiguration></trt:Profiles>"
)
# Its clock is a year behind: tokens in this machine's time would be stale.
CLOCK = (
    "<GetSystemDateAndTimeResponse><tt:UTCDateTime><tt:Time><tt:Hour>12</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second>"
    "</tt:Time><tt:Date><tt:Year>2025</tt:Year><tt:Month>1</tt:Month><tt:Day>2</tt:Day></tt:Date></tt:UTCDateTime>"
    "</GetSystemDateAndTimeResponse>"
)
FAULT = "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>NotAuthorized</s:Text></s:Reason></s:Fault>"


def may(request):
    """Whether a request carries a fresh digest of the password."""
    found = [re.search(rf"<{tag}[^>]*>([^<]*)</{tag}>", request) for tag in ("Username", "Nonce", "Created", "Password")]
    if not all(found):
        return False
    user, nonce, created, digest = (one.group(1) for one in found)
    wanted = hashlib.sha1(base64.b64decode(nonce) + created.encode() + PASSWORD.encode()).digest()
    return user == USER and created.startswith("2025-01-02T12:0") and base64.b64decode(digest) == wanted


def answer(request):
    if "GetSystemDateAndTime" in request:
        return 200, CLOCK
    if not may(request):
        return 400, FAULT
    if "GetCapabilities" in request:
        return 200, f"<GetCapabilitiesResponse><tt:Media><tt:XAddr>{SERVICE}</tt:XAddr></tt:Media></GetCapabilitiesResponse>"
    if "GetProfiles" in request:
        return 200, PROFILE.format("main", 640, 360) + PROFILE.format("sub", 320, 180)
    token = re.search(r"<ProfileToken>([^<]*)</ProfileToken>", request)
    return 200, f"<trt:Uri>{STREAM}?profile={token.group(1)}</trt:Uri>"


class Camera(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = self.rfile.read(int(self.headers["Content-Length"])).decode()
        status, body = answer(request)
        body = ENVELOPE.format(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer((ADDRESS, PORT), Camera)
threading.Thread(target=server.serve_forever, daemon=True).start()
publishing = ThreadedWSPublishing()
publishing.start()
publishing.publishService(
    types=[QName("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter")],
    scopes=[Scope("onvif://www.onvif.org/name/East%20gate"), Scope("onvif://www.onvif.org/hardware/Paper-1")],
    xAddrs=[SERVICE],
)
print("ready", flush=True)
threading.Event().wait()
