//! A tiny HTTP server for tests: one answer, given again and again.

use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A server on a free port that ends with this value.
pub(crate) struct Page {
    port: u16,
    requests: Mutex<UnboundedReceiver<String>>,
    serving: JoinHandle<()>,
}

impl Page {
    /// Answers every request with that status and body.
    pub(crate) async fn serving(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer: Arc<str> = format!(
            "HTTP/1.1 {status} Said\r\nlocation: /elsewhere\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .into();
        let (heard, requests) = unbounded_channel();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever hangs up early is not waited for.
                let _ = answer_one(stream, answer.clone(), heard.clone()).await;
            }
        });
        Self { port, requests: Mutex::new(requests), serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The next request that was made, with its headers.
    pub(crate) async fn request(&self) -> String {
        self.requests.lock().await.recv().await.unwrap()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer_one(mut stream: TcpStream, answer: Arc<str>, heard: UnboundedSender<String>) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !is_whole(&request) {
        match stream.read(&mut chunk).await? {
            0 => return Ok(()),
            read => request.extend_from_slice(&chunk[..read]),
        }
    }
    let _ = heard.send(String::from_utf8_lossy(&request).into_owned());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Whether the headers are there, and the body that they announce.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    body.len() >= length.unwrap_or(0)
}
