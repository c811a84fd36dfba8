//! What goes over the wire of a WebSocket when it is taken from its module.

use std::future::pending;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";
/// A frame of five bytes.
const HELLO: &[u8] = b"\x81\x05hello";

type Socket = Upgraded<TokioIo<DuplexStream>>;

/// A module's socket, its client, and what ends it.
struct Wire {
    socket: Arc<Socket>,
    client: DuplexStream,
    end: oneshot::Sender<()>,
    watch: JoinHandle<()>,
}

impl Wire {
    fn new(protocol: Protocol) -> Self {
        let (server, client) = duplex(1024);
        let socket = Upgraded::new(TokioIo::new(server), protocol);
        let (end, ended) = oneshot::channel();
        let watch = tokio::spawn(socket.clone().watch(async move {
            if ended.await.is_err() {
                pending::<()>().await;
            }
        }));
        Self { socket, client, end, watch }
    }

    async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| self.socket.poll_write(cx, &[IoSlice::new(bytes)])).await
    }

    async fn read(&self) -> io::Result<usize> {
        let mut bytes = [0; 64];
        poll_fn(|cx| {
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(self.socket.poll_read(cx, buffer.unfilled()))?;
            Poll::Ready(Ok(buffer.filled().len()))
        })
        .await
    }

    /// Ends it, waits until the module feels it, and returns all that the client gets.
    async fn ended(self) -> Vec<u8> {
        let Self { socket, mut client, end, watch } = self;
        end.send(()).unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        drop(client);
        watch.await.unwrap();
        drop(socket);
        received
    }
}

#[tokio::test]
async fn between_two_frames_the_client_is_told_at_once() {
    let wire = Wire::new(Protocol::WebSocket);
    wire.write(HEAD).await.unwrap();
    wire.write(HELLO).await.unwrap();
    assert_eq!(wire.ended().await, [HEAD, HELLO, &close_frame()].concat());
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_has_begun_is_ended_first() {
    let wire = Wire::new(Protocol::WebSocket);
    wire.write(HEAD).await.unwrap();
    wire.write(&HELLO[..4]).await.unwrap();
    let Wire { socket, client, end, watch } = wire;
    end.send(()).unwrap();
    while socket.state().use_ == Use::Open {
        tokio::task::yield_now().await;
    }
    // The rest of the frame goes through, and nothing behind it.
    let rest = [&HELLO[4..], HELLO].concat();
    let wire = Wire { socket, client, end: oneshot::channel().0, watch };
    assert_eq!(wire.write(&rest).await.unwrap(), HELLO.len() - 4);
    assert_eq!(wire.write(HELLO).await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    let Wire { socket, mut client, watch, .. } = wire;
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, [HEAD, HELLO, &close_frame()].concat());
    drop(client);
    watch.await.unwrap();
    assert!(socket.state().socket.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_never_ended_is_broken_off() {
    let wire = Wire::new(Protocol::WebSocket);
    wire.write(HEAD).await.unwrap();
    wire.write(&HELLO[..4]).await.unwrap();
    assert_eq!(wire.ended().await, [HEAD, &HELLO[..4]].concat(), "a frame within a frame would be read as its text");
}

#[tokio::test]
async fn a_module_that_has_closed_is_not_talked_over() {
    let wire = Wire::new(Protocol::WebSocket);
    wire.write(HEAD).await.unwrap();
    let goodbye = [0x88, 2, 0x03, 0xe8];
    wire.write(&goodbye).await.unwrap();
    assert_eq!(wire.ended().await, [HEAD, &goodbye].concat());
}

#[tokio::test]
async fn other_protocols_are_closed_without_a_word() {
    let wire = Wire::new(Protocol::Other);
    wire.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n\r\n").await.unwrap();
    wire.write(b"echo").await.unwrap();
    assert!(wire.ended().await.ends_with(b"\r\n\r\necho"));
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_or_writes_feels_that_it_is_over() {
    let wire = Wire::new(Protocol::WebSocket);
    wire.write(HEAD).await.unwrap();
    let socket = wire.socket.clone();
    let full = vec![0; 4096];
    let frame = [&[0x82, 126, 0x10, 0x00], &full[..]].concat();
    let Wire { socket: _, client, end, watch } = wire;
    let one =
        Wire { socket: socket.clone(), client: duplex(1).0, end: oneshot::channel().0, watch: tokio::spawn(async {}) };
    // Waits for the client, who sends nothing, and for room, since the client does not read.
    let reading = async { one.read().await };
    let writing = async {
        let mut rest = &frame[..];
        loop {
            match one.write(rest).await {
                Ok(written) => rest = &rest[written..],
                Err(error) => return error,
            }
        }
    };
    let ending = async {
        tokio::task::yield_now().await;
        end.send(()).unwrap();
    };
    let (read, written, ()) = tokio::join!(reading, writing, ending);
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    assert_eq!(written.kind(), ErrorKind::ConnectionAborted);
    drop(client);
    watch.await.unwrap();
}

#[tokio::test]
async fn what_a_module_lets_go_is_closed_at_once() {
    let Wire { socket, mut client, end, watch } = Wire::new(Protocol::WebSocket);
    socket.let_go(false);
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    watch.await.unwrap();
    drop(end);
}

#[tokio::test]
async fn what_a_module_lets_go_when_it_is_stopped_is_closed_in_order() {
    let wire = Wire::new(Protocol::WebSocket);
    wire.write(HEAD).await.unwrap();
    wire.socket.let_go(true);
    let Wire { mut client, watch, .. } = wire;
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, [HEAD, &close_frame()].concat());
    client.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    drop(client);
    watch.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_close_is_not_waited_for_for_ever() {
    let wire = Wire::new(Protocol::WebSocket);
    wire.write(HEAD).await.unwrap();
    let Wire { socket: _socket, client: _client, end, watch } = wire;
    end.send(()).unwrap();
    watch.await.unwrap();
}
