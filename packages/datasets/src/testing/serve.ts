import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server on this machine for one test. */
export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** What was asked for, in order. */
  readonly requests: { url: string; range?: string; ifRange?: string }[];
}

/** Starts a server that answers as `answer` does. */
export async function serve(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<TestServer> {
  const requests: TestServer['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({
      url: request.url!,
      range: request.headers.range,
      ifRange: request.headers['if-range'] as string | undefined,
    });
    response.on('error', () => {});
    answer(request, response, requests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Sends `content`, or the asked part of it where the client's version of it is this one. */
export function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  content: Uint8Array,
  etag = '"one"',
): void {
  const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  if (start !== undefined && request.headers['if-range'] === etag) {
    const rest = content.subarray(Number(start));
    response.writeHead(206, {
      etag,
      'content-length': rest.length,
      'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
    });
    response.end(rest);
  } else {
    response.writeHead(200, { etag, 'content-length': content.length });
    response.end(content);
  }
}
