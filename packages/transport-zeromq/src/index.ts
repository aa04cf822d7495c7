export { type ZeromqTransportOptions, zeromqTransport } from './transport.js';
export type {
  ZeromqEvent,
  ZeromqModule,
  ZeromqObserver,
  ZeromqPublisherOptions,
  ZeromqReadable,
  ZeromqSocket,
  ZeromqSocketOptions,
  ZeromqSubscriber,
  ZeromqWritable,
  ZeromqXPublisher,
} from './zeromq-api.js';
