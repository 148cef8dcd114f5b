//! The request protocol: one request and one answer a stream, as plain bytes that end where the stream ends.

use std::io;
use std::time::Duration;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response::{Behaviour, Codec, Config, ProtocolSupport};

use super::MAX_REQUEST_BYTES;
use super::room::{Message, Reading, SMALL_BYTES};

/// Streams of one connection, both directions together. Each may hold a message of the greatest size.
const STREAMS: usize = 32;
/// Bytes set aside before a message has shown that it is large.
const FIRST_BYTES: usize = 4 * 1024;

/// Requests and answers as this mesh runs them.
pub(super) type Sync = Behaviour<BytesCodec>;

/// Builds it.
pub(super) fn behaviour(protocol: StreamProtocol, timeout: Duration) -> Sync {
    let config = Config::default().with_request_timeout(timeout).with_max_concurrent_streams(STREAMS);
    Behaviour::with_codec(BytesCodec(Reading::new()), [(protocol, ProtocolSupport::Full)], config)
}

/// Bytes as they are, up to a bound, and large ones as far as there is room.
#[derive(Debug, Clone)]
pub(super) struct BytesCodec(Reading);

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T, reading: &Reading) -> io::Result<Message> {
    let mut bytes = Vec::with_capacity(FIRST_BYTES);
    // One byte more than allowed shows that there was more.
    (&mut *io).take(one_more(SMALL_BYTES)).read_to_end(&mut bytes).await?;
    if bytes.len() <= SMALL_BYTES {
        return Ok(bytes.into());
    }
    let room = reading.room().await.ok_or(io::ErrorKind::Interrupted)?;
    io.take(one_more(MAX_REQUEST_BYTES - bytes.len())).read_to_end(&mut bytes).await?;
    if bytes.len() > MAX_REQUEST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "message too large"));
    }
    Ok(Message { bytes, room: Some(room) })
}

fn one_more(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(1)
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() > MAX_REQUEST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "message too large"));
    }
    io.write_all(bytes).await?;
    // The end of the stream is the end of the message.
    io.close().await
}

impl Codec for BytesCodec {
    type Protocol = StreamProtocol;
    type Request = Message;
    type Response = Message;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Message>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, &self.0).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Message>
    where
        T: AsyncRead + Unpin + Send,
    {
        // An answer has at least one byte: a stream that ends at once was refused, not answered.
        let message = read(io, &self.0).await?;
        if message.bytes.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(message) }
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, message: Message) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &message.bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, message: Message) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &message.bytes).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::io::Cursor;

    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_up_to_the_bound() {
        let reading = Reading::new().clone();
        for len in [0, 1, FIRST_BYTES, SMALL_BYTES, SMALL_BYTES + 1, MAX_REQUEST_BYTES] {
            let sent = vec![7; len];
            let mut pipe = Cursor::new(Vec::new());
            write(&mut pipe, &sent).await.unwrap();
            pipe.set_position(0);
            let read = read(&mut pipe, &reading).await.unwrap();
            assert_eq!((read.bytes == sent, read.room.is_some()), (true, len > SMALL_BYTES), "{len}");
        }
    }

    #[tokio::test]
    async fn one_byte_too_many_is_refused_on_both_sides() {
        let much = vec![0; MAX_REQUEST_BYTES + 1];
        let mut pipe = Cursor::new(Vec::new());
        assert_eq!(write(&mut pipe, &much).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(pipe.get_ref().is_empty(), "nothing was sent");
        let reading = Reading::new().clone();
        assert_eq!(read(&mut Cursor::new(much), &reading).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn an_empty_answer_is_no_answer() {
        let protocol = StreamProtocol::new("/x");
        let answer = BytesCodec(Reading::new().clone()).read_response(&protocol, &mut Cursor::new(Vec::new())).await;
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
