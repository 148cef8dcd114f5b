//! Counters of what the network carried: readable by the node and scraped with its other metrics.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::io::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};

/// What the network carried since the start. Cheap to clone; all clones read the same numbers.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    sent_bytes: Counter,
    received_bytes: Counter,
    published: Counter,
    unheard: Counter,
    gossiped: Counter,
    dropped: Counter,
    requests_sent: Counter,
    requests_received: Counter,
    requests_refused: Counter,
    connections_refused: Counter,
    bans: Counter,
}

impl Traffic {
    /// Counters that appear in the registry as `driftless_p2p_*`.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let traffic = Self::default();
        let room = registry.sub_registry_with_prefix("driftless_p2p");
        let sent = "Bytes sent: of TCP all, of QUIC those inside its streams";
        room.register_with_unit("sent", sent, Unit::Bytes, traffic.sent_bytes.clone());
        let received = "Bytes received: of TCP all, of QUIC those inside its streams";
        room.register_with_unit("received", received, Unit::Bytes, traffic.received_bytes.clone());
        for (name, help, counter) in [
            ("gossip_published", "Messages that this node sent first", &traffic.published),
            ("gossip_unheard", "Messages that no connected peer listened to", &traffic.unheard),
            ("gossip_received", "Messages heard for the first time", &traffic.gossiped),
            ("gossip_dropped", "Messages dropped because a queue was full or they were too large", &traffic.dropped),
            ("requests_sent", "Requests to peers", &traffic.requests_sent),
            ("requests_received", "Requests of peers", &traffic.requests_received),
            ("requests_refused", "Requests of peers refused because a queue was full", &traffic.requests_refused),
            (
                "connections_refused",
                "Connections refused: no member, too many, or no handshake",
                &traffic.connections_refused,
            ),
            ("bans", "Bans of peers and of addresses for what they sent", &traffic.bans),
        ] {
            room.register(name, help, counter.clone());
        }
        traffic
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $read:ident, $count:ident, $field:ident;)*) => {
        impl Traffic {
            $(
                $(#[$doc])*
                pub fn $read(&self) -> u64 {
                    self.$field.get()
                }

                pub(super) fn $count(&self) {
                    self.$field.inc();
                }
            )*

            /// Bytes sent: all that went into TCP sockets, and what went into QUIC streams (without QUIC's framing).
            pub fn sent_bytes(&self) -> u64 {
                self.sent_bytes.get()
            }

            /// Bytes received, counted like [`Traffic::sent_bytes`].
            pub fn received_bytes(&self) -> u64 {
                self.received_bytes.get()
            }
        }
    };
}

counters! {
    /// Gossip messages that this node sent first.
    published, count_published, published;
    /// Gossip messages of this node that no connected peer listened to.
    unheard, count_unheard, unheard;
    /// Gossip messages heard for the first time.
    gossiped, count_gossiped, gossiped;
    /// Gossip messages dropped, in or out, because a queue was full or they were too large.
    dropped, count_dropped, dropped;
    /// Requests sent to peers.
    requests_sent, count_request_sent, requests_sent;
    /// Requests received from peers.
    requests_received, count_request_received, requests_received;
    /// Requests of peers refused because a queue was full.
    requests_refused, count_request_refused, requests_refused;
    /// Connections refused: no member, over a limit, or no proper handshake.
    connections_refused, count_connection_refused, connections_refused;
    /// Bans of peers and of addresses for what they sent.
    bans, count_ban, bans;
}

/// A byte stream that counts what passes.
pub(super) struct Counted<S> {
    inner: S,
    traffic: Traffic,
}

impl<S> Counted<S> {
    pub(super) fn new(inner: S, traffic: Traffic) -> Self {
        Self { inner, traffic }
    }
}

fn tally(counter: &Counter, moved: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    if let Poll::Ready(Ok(bytes)) = &moved {
        counter.inc_by(*bytes as u64);
    }
    moved
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.inner).poll_read(cx, buf);
        tally(&self.traffic.received_bytes, moved)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.inner).poll_write(cx, buf);
        tally(&self.traffic.sent_bytes, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

impl<M> StreamMuxer for Counted<M>
where
    M: StreamMuxer + Unpin,
    M::Substream: Unpin,
{
    type Substream = Counted<M::Substream>;
    type Error = M::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, Self::Error>> {
        let traffic = self.traffic.clone();
        Pin::new(&mut self.inner).poll_inbound(cx).map_ok(|stream| Counted::new(stream, traffic))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, Self::Error>> {
        let traffic = self.traffic.clone();
        Pin::new(&mut self.inner).poll_outbound(cx).map_ok(|stream| Counted::new(stream, traffic))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::io::{AsyncReadExt, AsyncWriteExt, Cursor};

    use super::*;

    #[tokio::test]
    async fn what_passes_is_counted_and_unchanged() {
        let traffic = Traffic::default();
        let mut out = Counted::new(Cursor::new(Vec::new()), traffic.clone());
        out.write_all(b"hello").await.unwrap();
        out.flush().await.unwrap();
        assert_eq!(out.inner.get_ref(), b"hello");
        let mut text = String::new();
        Counted::new(Cursor::new(b"abc".to_vec()), traffic.clone()).read_to_string(&mut text).await.unwrap();
        assert_eq!((text.as_str(), traffic.sent_bytes(), traffic.received_bytes()), ("abc", 5, 3));
    }

    #[test]
    fn the_registry_shows_the_same_numbers() {
        let mut registry = Registry::default();
        let traffic = Traffic::register(&mut registry);
        traffic.count_dropped();
        traffic.sent_bytes.inc_by(7);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(text.contains("driftless_p2p_gossip_dropped_total 1"), "{text}");
        assert!(text.contains("driftless_p2p_sent_bytes_total 7"), "{text}");
    }
}
