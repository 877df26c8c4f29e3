"""Requests to a small application: over a real HTTP server, and over ASGI."""

import asyncio
import http.client
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import shift_path_info
from wsgiref.validate import validator

from segrules_sequences.web import Asgi, Wsgi


def over_wsgi(site):
    """Requests to a real server, with the application mounted two levels down."""
    application = validator(Wsgi(site))

    def mounted(environ, start_response):
        shift_path_info(environ), shift_path_info(environ)
        return application(environ, start_response)

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_):
            pass

    server = make_server("127.0.0.1", 0, mounted, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def request(method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content.decode()

    request.port = server.server_port

    def close():
        server.shutdown()
        server.server_close()

    return request, close


def over_asgi(site):
    application = Asgi(site)

    def request(method, path, body=None, headers=()):
        sent = []
        parts = [(body or b"")[:10], (body or b"")[10:]]
        messages = [{"type": "http.request", "body": part, "more_body": place == 0} for place, part in enumerate(parts)]

        async def receive():
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        given = [(name.lower().encode(), value.encode()) for name, value in dict(headers).items()]
        scope = {"type": "http", "method": method, "path": path, "root_path": "/shop/u", "client": ("127.0.0.1", 9),
                 "headers": given}  # fmt: skip
        asyncio.run(application(scope, receive, send))
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], found, b"".join(each.get("body", b"") for each in sent[1:]).decode()

    return request, lambda: None
