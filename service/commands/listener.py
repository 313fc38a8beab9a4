"""`adquem listen`: a receiver on this machine that prints each webhook it gets, and whether its signature
holds. It keeps nothing, and knows nothing of this installation."""

import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from service.channels.webhook.checking import Checker

Say = Callable[[str], None]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_EMPTY = [(b"content-length", b"0")]


def listen(port: int, secret: str | None, status: int, say: Say) -> None:
    """Until it is interrupted. Raises ValueError for a secret that could sign nothing."""
    checker = Checker(secret) if secret is not None else None

    async def take(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): it.decode("latin-1") for name, it in scope["headers"]}
        body = await _body(receive)
        await send({"type": "http.response.start", "status": status, "headers": _EMPTY})
        await send({"type": "http.response.body"})
        tried = headers.get("x-delivery-attempt", "-")
        say(ascii(f"{scope['path']}  {headers.get('webhook-id', '-')}  attempt {tried}")[1:-1])
        say(f"signature: {_verdict(checker, headers, body)}")
        say(f"{_readable(body)}\n")

    config = uvicorn.Config(take, lifespan="off", ws="none", log_config=None)
    with socket.create_server(("127.0.0.1", port)) as door:
        say(f"Listening at http://127.0.0.1:{door.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[door])


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return body


def _verdict(checker: Checker | None, headers: dict[str, str], body: bytes) -> str:
    if checker is None:
        return "not checked (give --secret)"
    fault = checker.fault(headers, body)
    return f"DOES NOT HOLD ({fault})" if fault else "holds"


def _readable(body: bytes) -> str:
    """In ASCII: nothing that comes turns a terminal around."""
    try:
        return json.dumps(json.loads(body), indent=2)
    except ValueError:
        return ascii(body.decode("utf-8", "replace"))
