import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';

/** Options of {@link request}. */
export interface RequestOptions {
  /** Hosts (with a port where it is not the usual one) that a redirect may lead to, besides the first. */
  hosts: readonly string[];
  headers: Readonly<Record<string, string>>;
  /** Silence after which the connection counts as broken, ms. */
  idle: number;
}

/** A fault that asking again would not mend. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

const maxRedirects = 5;

/**
 * The response to a GET, after redirects, which are followed only to hosts that are allowed and never from https to http.
 *
 * Node's own http client and not `fetch`: the bytes are wanted as they are sent, also where a server labels a `.gz` file as
 * an encoding.
 */
export async function request(url: string, options: RequestOptions): Promise<IncomingMessage> {
  const allowed = new Set([new URL(url).host, ...options.hosts]);
  let current = new URL(url);
  for (let redirects = 0; ; redirects++) {
    const response = await open(current, options);
    const { statusCode = 0, headers } = response;
    if (![301, 302, 303, 307, 308].includes(statusCode)) return response;
    response.destroy();
    if (headers.location === undefined)
      throw new RefusedError(`${current} redirects (${statusCode}) to nowhere`);
    if (redirects === maxRedirects)
      throw new RefusedError(`${url} redirects more than ${maxRedirects} times`);
    let next: URL;
    try {
      next = new URL(headers.location, current);
    } catch {
      throw new RefusedError(`${current} redirects to '${headers.location}', which is no address`);
    }
    if (!['http:', 'https:'].includes(next.protocol) || !allowed.has(next.host)) {
      throw new RefusedError(
        `${current} redirects to ${next.origin}, which is not among the hosts that this file may come from ` +
          `(${[...allowed].join(', ')}): refused. If the publisher has moved, fetch the file by hand and use --from`,
      );
    }
    if (current.protocol === 'https:' && next.protocol === 'http:') {
      throw new RefusedError(`${current} redirects to ${next}, from https to http: refused`);
    }
    current = next;
  }
}

function open(url: URL, { headers, idle }: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    const sent = get(url, { headers: { 'accept-encoding': 'identity', ...headers }, agent: false }, resolve);
    sent.setTimeout(idle, () => sent.destroy(new Error(`nothing came for ${idle / 1000} s`)));
    sent.on('error', reject);
  });
}
