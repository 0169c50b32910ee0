//! Servers that follow a script, on loopback: they say a line, read a line, and go away when told.

use std::{
    future::Future,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A running script; ends when dropped.
pub(crate) struct Script {
    pub(crate) port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// One connection.
pub(crate) struct Peer {
    stream: BufReader<TcpStream>,
    lines: Arc<Mutex<Vec<String>>>,
    /// Which one, from 1.
    pub(crate) number: u32,
}

impl Script {
    /// Runs `serve` for each connection; a connection ends when it returns.
    pub(crate) async fn start<F, S>(serve: S) -> Self
    where
        S: Fn(Peer) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = lines.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for number in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(Peer {
                    stream: BufReader::new(stream),
                    lines: seen.clone(),
                    number,
                }));
            }
        });
        Self { port, lines, task }
    }

    /// What clients said, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn server(&self) -> mail::Server {
        mail::Server { host: "127.0.0.1".to_owned(), port: self.port, security: mail::Security::Plain }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// Says something, with its line end.
    pub(crate) async fn say(&mut self, text: &str) {
        self.raw(format!("{text}\r\n").as_bytes()).await;
    }

    /// Says something as it is. A client that is gone does not matter.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        if self.stream.get_mut().write_all(bytes).await.is_err() {
            eprintln!("the client is gone");
        }
    }

    /// The next line; `None` when the client is gone.
    pub(crate) async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await {
            Ok(0) | Err(_) => None,
            Ok(_) => {
                let line = line.trim_end().to_owned();
                self.lines.lock().unwrap().push(line.clone());
                Some(line)
            }
        }
    }

    /// Reads for ever and answers nothing.
    pub(crate) async fn silence(&mut self) {
        while self.line().await.is_some() {}
    }
}
