"""A page of somebody else on this host, open in the operator's browser: what it can try and did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

BODY = b"<!doctype html><title>win a prize</title><p>Welcome!</p>"
PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)

ATTEMPTS = """(async (target) => {
  const got = {};
  const within = (promise) => Promise.race([
    promise, new Promise((done) => setTimeout(() => done("nothing"), 4000))]);
  const attempt = async (name, work) => {
    try { got[name] = String(await within(work())); } catch (error) { got[name] = "refused"; }
  };
  const form = { method: "POST", body: new URLSearchParams({ to: "bob", body: "forged" }) };
  const all = { credentials: "include" };
  await attempt("post", async () => (await fetch(target + "/op-send", { ...form, ...all })).status);
  await attempt("blind post", async () => {
    await fetch(target + "/op-send", { ...form, ...all, mode: "no-cors" });
    return "sent";
  });
  await attempt("kept alive post", async () => {
    await fetch(target + "/kill/bob", { method: "POST", ...all, mode: "no-cors", keepalive: true });
    return "sent";
  });
  await attempt("beacon", async () => {
    return navigator.sendBeacon(target + "/op-send", new URLSearchParams({ to: "bob", body: "x" }));
  });
  await attempt("json post", async () => (await fetch(target + "/op-send", { method: "POST", ...all,
    headers: { "Content-Type": "application/json" }, body: '{"to": "bob", "body": "x"}' })).status);
  await attempt("read", async () => (await fetch(target + "/api/state", all)).text());
  await attempt("events", () => new Promise((done) => {
    const source = new EventSource(target + "/dashboard/stream", { withCredentials: true });
    source.onopen = () => done("open");
    source.onerror = () => { source.close(); done("refused"); };
  }));
  await attempt("websocket", () => new Promise((done) => {
    const socket = new WebSocket(target.replace("http", "ws") + "/agent/bob/screen/ws");
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
  }));
  const load = (tag, attributes) => new Promise((done) => {
    const node = Object.assign(document.createElement(tag), attributes);
    node.onload = () => done("loaded");
    node.onerror = () => done("refused");
    document.body.append(node);
  });
  await attempt("script", () => load("script", { src: target + "/api/state" }));
  await attempt("own script", () => load("script", { src: target + "/static/shared/dom.js" }));
  await attempt("image", () => load("img", { src: target + "/static/shared/icon.svg" }));
  await attempt("frame", async () => {
    const frame = document.createElement("iframe");
    frame.src = target + "/";
    document.body.append(frame);
    await new Promise((done) => { frame.onload = done; });
    return frame.contentWindow.location.href;
  });
  await attempt("form in a frame", async () => {
    const frame = Object.assign(document.createElement("iframe"), { name: "hidden" });
    const form = Object.assign(document.createElement("form"), {
      method: "POST", action: target + "/op-send", target: "hidden",
      innerHTML: '<input name="to" value="bob"><input name="body" value="forged">' });
    document.body.append(frame, form);
    const done = new Promise((resolve) => { frame.onload = resolve; });
    form.submit();
    await done;
    return frame.contentWindow.location.href;
  });
  return got;
})"""
"""Called with the dashboard's address; what each attempt brought it, by name."""


@attrs.frozen
class HostilePage:
    """Where it is served."""

    port: int

    @property
    def same_site(self) -> str:
        """The address that a browser takes for the same site as the dashboard: cookies travel."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def cross_site(self) -> str:
        """The address of another site; every browser knows that this name is this host."""
        return f"http://evil.localhost:{self.port}/"


@asynccontextmanager
async def hostile_page() -> AsyncIterator[HostilePage]:
    """Serve the page, without any policy, for as long as the block lasts."""

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(65536)
            await stream.send_all(PAGE)

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, [listener])
        yield HostilePage(listener.socket.getsockname()[1])
        nursery.cancel_scope.cancel()
