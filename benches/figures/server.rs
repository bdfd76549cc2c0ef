//! A feed server that only copies: pages and their gzip are made before anything is timed.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::world::World;

/// Whole answers, head included, by feed and page.
struct Answers {
    feeds: [Vec<Vec<u8>>; 2],
}

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// How many requests for pages came so far.
pub(crate) fn requests() -> u64 {
    REQUESTS.load(Ordering::Relaxed)
}

/// Serves a world on loopback until the process ends; gives the origin, and the bytes of all pages as they are sent.
pub(crate) fn serve(world: &World, gzip: bool) -> (String, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let feeds = world.pages(&origin).map(|pages| pages.into_iter().map(|body| answer(body, gzip)).collect::<Vec<_>>());
    let bytes = feeds.iter().flatten().map(Vec::len).sum();
    let answers = Arc::new(Answers { feeds });
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || converse(stream, &answers));
        }
    });
    (origin, bytes)
}

fn answer(body: Vec<u8>, gzip: bool) -> Vec<u8> {
    let (body, encoding) = if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&body).expect("memory");
        (encoder.finish().expect("memory"), "Content-Encoding: gzip\r\n")
    } else {
        (body, "")
    };
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.openactive.rpde+json; version=1\r\n{encoding}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend(body);
    answer
}

fn converse(mut stream: TcpStream, answers: &Answers) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut request = String::new();
        if lines.read_line(&mut request).ok()? == 0 {
            return None;
        }
        let mut header = String::new();
        while lines.read_line(&mut header).ok()? > 2 {
            header.clear();
        }
        let path = request.split(' ').nth(1)?;
        let page = path.split_once("page=").map_or(0, |(_, number)| number.parse().unwrap_or(0));
        let feed = if path.starts_with("/session-series") {
            Some(0)
        } else {
            path.starts_with("/scheduled-sessions").then_some(1)
        };
        match feed.and_then(|feed| answers.feeds[feed].get(page)) {
            Some(answer) => {
                REQUESTS.fetch_add(1, Ordering::Relaxed);
                stream.write_all(answer).ok()?;
            }
            None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").ok()?,
        }
    }
}
