import { away, driverError, hinted, isExplained, unfit } from '../support/driver-error.js';

/** Reply codes of AMQP that are told apart. */
const REFUSED = 403;
const MISSING = 404;
const LOCKED = 405;
const MISMATCH = 406;
const INVALID = 503;

const HUNG_UP = /Socket closed|ECONNRESET|ETIMEDOUT/;

const CHANNELS = 'No channels left to allocate';

/** The server said no to one channel or connection, as amqplib tells it. */
interface ReplyError extends Error {
  readonly code?: number | string;
}

const TLS = /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_|UNABLE_TO|SELF_SIGNED|EPROTO)|HOSTNAME/;

/** Why a connection could not be opened: away, or wrong in a way that waiting does not mend. */
export function connectError(address: string, error: ReplyError): Error {
  const { message, code = '' } = error;
  const wrong = (name: string, remedy: string, make: typeof driverError = driverError): Error =>
    make(`FUNQ_RABBITMQ_${name}`, `rabbitmq at ${address}: ${remedy}`, error);
  if (message.includes('ACCESS-REFUSED') || message.includes('ACCESS_REFUSED'))
    return wrong('LOGIN', 'the server refused user or password; correct them in `url`', unfit);
  if (message.includes('Expected ConnectionOpenOk'))
    return wrong(
      'VHOST',
      'the virtual host (the path of `url`) does not exist, or the user has no rights on it',
      unfit,
    );
  if (TLS.test(String(code)))
    return wrong(
      'TLS',
      `no TLS connection (${code}); use amqps: only for a TLS port, and give \`socket.ca\` if needed`,
    );
  if (message.includes('nvalid frame') || message.includes('Expected ConnectionStart'))
    return wrong(
      'PROTOCOL',
      'what answers there is no AMQP 0-9-1 server; is it the port of something else, or a TLS port?',
    );
  return away('rabbitmq', address, hinted(error, HUNG_UP, 'amqps: is for TLS, amqp: for none'));
}

/** Why the server ended a channel or refused a declaration that concerned `queue`. */
export function channelError(address: string, queue: string, error: ReplyError): Error {
  if (isExplained(error)) return error;
  const said = /"(.*)"/s.exec(error.message)?.[1] ?? error.message;
  const wrong = (name: string, text: string, make: typeof driverError = driverError): Error =>
    make(`FUNQ_RABBITMQ_${name}`, `queue ${queue} on rabbitmq at ${address}: ${text}`, error);
  if (said.includes('delivery acknowledgement') && said.includes('timed out'))
    return wrong(
      'CONSUMER_TIMEOUT',
      `a task ran longer than the server's consumer_timeout, so it is handed out again (${said}); raise consumer_timeout in rabbitmq.conf above the longest task, or give the task a shorter timeout`,
    );
  if (error.code === MISMATCH && /limit.* reached/.test(said))
    return wrong('LIMIT', `the server takes no more of them (${said}); raise its limit, or use fewer`);
  if (error.code === MISMATCH)
    return wrong(
      'MISMATCH',
      `it exists with other settings (${said}); set \`type\`, \`priorities\` and \`arguments\` to what it has, choose another \`prefix\`, or delete it while it is empty`,
      unfit,
    );
  if (error.code === LOCKED)
    return wrong(
      'LOCKED',
      `another connection keeps it for itself (${said}); choose another \`prefix\`, or declare it there without \`exclusive\``,
    );
  if (error.code === REFUSED)
    return wrong(
      'RIGHTS',
      `the user may not do this (${said}); give it configure, write and read rights, or set \`delays: false\``,
      unfit,
    );
  if (error.message === CHANNELS)
    return wrong(
      'CHANNELS',
      "the connection has no channel left, and each queue that is consumed takes one; raise the server's channel_max, or consume fewer queues in one broker",
    );
  if (error.code === MISSING) return wrong('MISSING', `what it needs does not exist (${said})`);
  return away('rabbitmq', address, error);
}

/** Whether the server said that something does not exist. */
export const isMissing = (error: unknown): boolean => (error as ReplyError).code === MISSING;

/** Whether the server will not do what it was told, however often: for want of rights, or of what that takes. */
export const isRefused = (error: unknown): boolean =>
  [REFUSED, MISMATCH, INVALID].some((code) => code === (error as ReplyError).code);
