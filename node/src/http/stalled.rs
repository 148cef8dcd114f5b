//! A stream that gives up on a reader who takes nothing: a client that stops reading must not hold memory for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Bytes up to which the parts of a write are put together: the system takes one piece sooner than several, by more than it
/// costs to copy as much as an event of a watch or the answer to a read has.
const TOGETHER: usize = 1024;

/// The parts in one piece, if there is room for them.
fn gather<'a>(parts: &[io::IoSlice<'_>], room: &'a mut [u8; TOGETHER]) -> Option<&'a [u8]> {
    let mut end = 0;
    for part in parts {
        room.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    room.get(..end)
}

/// Wraps a stream; a write that makes no progress for `limit` fails.
pub struct Stalled<S> {
    stream: S,
    limit: Duration,
    alarm: Pin<Box<Sleep>>,
    waiting: bool,
}

impl<S> Stalled<S> {
    /// Watches over a stream.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, alarm: Box::pin(tokio::time::sleep(limit)), waiting: false }
    }

    /// Passes on the result of a write, or an error when too long nothing went.
    fn judge<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.waiting = false;
            return result;
        }
        if !self.waiting {
            self.waiting = true;
            self.alarm.as_mut().reset(Instant::now() + self.limit);
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no bytes")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalled<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalled<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut room = [0; TOGETHER];
        let result = match gather(bufs, &mut room) {
            Some(whole) => Pin::new(&mut self.stream).poll_write(cx, whole),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, bufs),
        };
        self.judge(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn parts_are_put_together_as_far_as_there_is_room() {
        let mut room = [0; TOGETHER];
        let parts = [&b"1a1\r\n"[..], b"event", b"", b"\r\n"].map(io::IoSlice::new);
        assert_eq!(gather(&parts, &mut room), Some(&b"1a1\r\nevent\r\n"[..]));
        assert_eq!(gather(&[], &mut room), Some(&b""[..]));
        let (most, one) = ([7; TOGETHER], [8; 1]);
        assert_eq!(gather(&[io::IoSlice::new(&most)], &mut room), Some(&[7; TOGETHER][..]));
        assert_eq!(gather(&[io::IoSlice::new(&one), io::IoSlice::new(&most)], &mut room), None);
    }

    #[tokio::test]
    async fn parts_arrive_whole_and_in_order_whatever_their_sizes() {
        let (mut ours, mut theirs) = tokio::io::duplex(300);
        let sizes = [3usize, 0, 700, 1, 2_000, 40, 1_023, 1, 1];
        let sent: Vec<Vec<u8>> = sizes.iter().zip(1u8..).map(|(size, fill)| vec![fill; *size]).collect();
        let whole = sent.concat();
        let reader = tokio::spawn(async move {
            let mut taken = Vec::new();
            theirs.read_to_end(&mut taken).await.map(|_| taken)
        });
        let mut ours = Stalled::new(&mut ours, Duration::from_secs(9));
        let mut at = 0;
        while at < whole.len() {
            let mut skip = at;
            let mut parts = Vec::new();
            for part in &sent {
                let over = skip.min(part.len());
                parts.push(io::IoSlice::new(&part[over..]));
                skip -= over;
            }
            at += std::future::poll_fn(|cx| Pin::new(&mut ours).poll_write_vectored(cx, &parts)).await.unwrap();
        }
        ours.shutdown().await.unwrap();
        assert_eq!(reader.await.unwrap().unwrap(), whole);
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let limit = Duration::from_millis(200);
        let (ours, _theirs) = tokio::io::duplex(16);
        let error = Stalled::new(ours, limit).write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (ours, mut theirs) = tokio::io::duplex(16);
        let reader = tokio::spawn(async move {
            let mut taken = Vec::new();
            theirs.read_to_end(&mut taken).await.map(|_| taken.len())
        });
        let mut ours = Stalled::new(ours, limit);
        ours.write_all(&[0; 4096]).await.unwrap();
        drop(ours);
        assert_eq!(reader.await.unwrap().unwrap(), 4096);
    }
}
