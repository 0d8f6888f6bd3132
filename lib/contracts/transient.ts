/**
 * Queues whose names begin with this belong to one process, which consumes them and needs them no longer than it lives: its
 * replies. Where queues are more than their messages, a broker removes such a one when it was unused for minutes, whoever
 * published to it last.
 */
export const TRANSIENT_PREFIX = 'funq.replies.';
