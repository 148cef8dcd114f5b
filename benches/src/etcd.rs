//! A gRPC client for the two calls of etcd that are yardsticks here: a put, and a watch of one key. By hand over `h2`,
//! because the crates for it bring a code generator and its compiler along for a dozen bytes of protobuf.

use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use hyper::Request;
use hyper::body::Bytes;

/// One connection.
#[derive(Clone)]
pub struct Etcd {
    send: SendRequest<Bytes>,
    port: u16,
}

/// A length-delimited field of a protobuf message. Nothing here is longer than 16 KiB.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    if bytes.len() < 128 {
        out.push(bytes.len() as u8);
    } else {
        out.extend([(bytes.len() & 0x7f) as u8 | 0x80, (bytes.len() >> 7) as u8]);
    }
    out.extend_from_slice(bytes);
    out
}

fn frame(message: &[u8]) -> Bytes {
    let mut out = vec![0];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend_from_slice(message);
    out.into()
}

impl Etcd {
    /// Connects to a server on loopback.
    pub async fn connect(port: u16) -> Self {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self { send, port }
    }

    async fn open(&mut self, method: &str, message: &[u8], last: bool) -> (RecvStream, SendStream<Bytes>) {
        let request = Request::post(format!("http://127.0.0.1:{}/etcdserverpb.{method}", self.port))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(())
            .unwrap();
        let mut send = self.send.clone().ready().await.unwrap();
        let (response, mut stream) = send.send_request(request, false).unwrap();
        stream.send_data(frame(message), last).unwrap();
        (response.await.unwrap().into_body(), stream)
    }

    /// Puts a value; returns when the server acknowledged it.
    pub async fn put(&mut self, key: &[u8], value: &[u8]) {
        let message = [field(1, key), field(2, value)].concat();
        let (mut body, _) = self.open("KV/Put", &message, true).await;
        while let Some(chunk) = body.data().await {
            let length = chunk.unwrap().len();
            body.flow_control().release_capacity(length).unwrap();
        }
        let trailers = body.trailers().await.unwrap().unwrap();
        assert_eq!(trailers.get("grpc-status").unwrap(), "0");
    }

    /// Watches one key.
    pub async fn watch(&mut self, key: &[u8]) -> Watch {
        let (body, send) = self.open("Watch/Watch", &field(1, &field(1, key)), false).await;
        let mut watch = Watch { body, _send: send, read: Vec::new() };
        watch.next().await;
        watch
    }
}

/// A watch under way.
pub struct Watch {
    body: RecvStream,
    _send: SendStream<Bytes>,
    read: Vec<u8>,
}

impl Watch {
    /// Waits for the next message.
    pub async fn next(&mut self) {
        loop {
            if let Some((head, rest)) = self.read.split_first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if rest.len() >= length {
                    self.read.drain(..5 + length);
                    return;
                }
            }
            let chunk = self.body.data().await.unwrap().unwrap();
            self.body.flow_control().release_capacity(chunk.len()).unwrap();
            self.read.extend_from_slice(&chunk);
        }
    }
}
