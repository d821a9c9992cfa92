import { expect } from "bun:test";
import { waitUntil } from "../../lib/wait_until.ts";
import type { CriCase } from "../conformance.ts";
import { SpdyClient } from "../spdy_client.ts";
import { refusal, withPod } from "../test_pod.ts";
import { WebSocketClient } from "../websocket_client.ts";

const PROTOCOL = "v4.channel.k8s.io";

/** Streams of exec, attach and port-forward, by both protocols. */
export const STREAM_CASES: CriCase[] = [
  {
    name: "stream: exec over SPDY, with input, streams and exit code",
    run: (target) =>
      withPod(target, async (pod) => {
        const containerId = await pod.start("exec sleep 1000");
        const cmd = ["sh", "-c", "cat; echo err >&2; exit 3"];
        const flags = { stdin: true, stdout: true, stderr: true };
        const { url } = await target.services.runtime.exec({ containerId, cmd, ...flags }, {});
        const client = await SpdyClient.open(url, [PROTOCOL]);
        const streams = await client.process(["error", "stdin", "stdout", "stderr"]);
        await streams["stdin"]!.write("through and back");
        await streams["stdin"]!.end();
        expect(await streams["stdout"]!.text()).toBe("through and back");
        expect(await streams["stderr"]!.text()).toBe("err\n");
        const status = JSON.parse(await streams["error"]!.text());
        expect(status).toMatchObject({ status: "Failure", reason: "NonZeroExitCode" });
        expect(status.details.causes).toEqual([{ reason: "ExitCode", message: "3" }]);
        client.close();
      }),
  },
  {
    name: "stream: a URL works once",
    run: (target) =>
      withPod(target, async (pod) => {
        const containerId = await pod.start("exec sleep 1000");
        const request = { containerId, cmd: ["echo", "once"], stdout: true };
        const { url } = await target.services.runtime.exec(request, {});
        const client = await SpdyClient.open(url, [PROTOCOL]);
        const streams = await client.process(["error", "stdout"]);
        expect(await streams["stdout"]!.text()).toBe("once\n");
        expect(JSON.parse(await streams["error"]!.text())).toMatchObject({ status: "Success" });
        client.close();
        await expect(SpdyClient.open(url, [PROTOCOL])).rejects.toThrow("404");
        const none = target.services.runtime.exec({ containerId, cmd: ["true"] }, {});
        expect((await refusal(none)).outer.code).toBe("invalid_argument");
      }),
  },
  {
    name: "stream: exec over a WebSocket, on a terminal that is resized",
    run: (target) =>
      withPod(target, async (pod) => {
        const containerId = await pod.start("exec sleep 1000");
        const resized = "until test \"$(stty size)\" = '33 99'; do sleep 0.05; done";
        const cmd = ["sh", "-c", `${resized}; stty size; read line; echo got $line`];
        const request = { containerId, cmd, tty: true, stdin: true, stdout: true };
        const { url } = await target.services.runtime.exec(request, {});
        const client = await WebSocketClient.open(url, PROTOCOL);
        client.send(4, JSON.stringify({ Width: 99, Height: 33 }));
        await waitUntil("it is resized", () => client.text(1).includes("33 99"));
        client.send(0, "it\n");
        await client.closed;
        expect(client.text(1)).toContain("got it");
        expect(JSON.parse(client.text(3))).toMatchObject({ status: "Success" });
      }),
  },
  {
    name: "stream: attach to a container's own process",
    run: (target) =>
      withPod(target, async (pod) => {
        const script = "while read line; do echo got $line; done";
        const containerId = await pod.start(script, { stdin: true, stdinOnce: true });
        const request = { containerId, stdin: true, stdout: true, stderr: true };
        const { url } = await target.services.runtime.attach(request, {});
        const client = await SpdyClient.open(url, [PROTOCOL]);
        const streams = await client.process(["error", "stdin", "stdout", "stderr"]);
        await streams["stdin"]!.write("this\n");
        await waitUntil("it answers", () => streams["stdout"]!.seen() === "got this\n");
        await streams["stdin"]!.end();
        expect((await pod.exited(containerId)).exitCode).toBe(0);
        client.close();
      }),
  },
  {
    name: "stream: ports of a pod over SPDY, and one that nobody serves",
    run: (target) =>
      withPod(target, async (pod) => {
        const serve = "echo forwarded > /tmp/x; exec httpd -f -p 127.0.0.1:8080 -h /tmp";
        const id = await pod.start(serve);
        await pod.exec(id, "until wget -q -O - http://127.0.0.1:8080/x; do sleep 0.05; done");
        const request = { podSandboxId: pod.id, port: [8080] };
        const { url } = await target.services.runtime.portForward(request, {});
        const client = await SpdyClient.open(url, ["portforward.k8s.io"]);
        const good = await client.port(8080, "0");
        await good.data.write("GET /x HTTP/1.0\r\n\r\n");
        expect(await good.data.text()).toEndWith("forwarded\n");
        const bad = await client.port(8081, "1");
        expect(await bad.error.text()).toContain("8081");
        client.close();
      }),
  },
];
